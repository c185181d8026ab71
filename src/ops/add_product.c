/* SPDX-License-Identifier: Apache-2.0
 * _AddMatMul: what the planner makes of a sum that goes from iteration to iteration of a loop and a
 * product that is added to it, as gradients of weights are. The product is added while its tiles
 * are in registers, over the sum: neither is written elsewhere. Where the sum is large beside the
 * rows that one iteration adds, the factors of some iterations are put together first, and the sum
 * is read and written once for all of them. */
#include <string.h>

#include "ops/brackets.h"
#include "ops/combine.h"
#include "ops/product.h"

/* The planner knows that the sum keeps its shape. */
static void infer(tw_infer *in)
{
    int64_t dims[2];
    tw_infer_product(in, 1, 2, dims);
    tw_infer_output(in, 0, tw_infer_matrix(in, 0));
}

/* A product of fewer rows or columns, of which the same are added to all. */
static tw_status *add_broadcast(tw_compute *c, const tw_gemm_shape *shape, tw_array *out)
{
    size_t size = tw_dtype_size(out->dtype), row = (size_t)out->dims[1];
    bool same_row = shape->m == 1, same_column = shape->n == 1;
    tw_combine add = tw_combine_loop(TW_COMBINE_ADD, out->dtype);
    char *product = tw_alloc(shape->m * shape->n * size + 1);
    if (!product)
        return tw_no_memory();
    tw_par par = tw_compute_par(c);
    tw_status *status = tw_gemm(out->dtype, shape, tw_input(c, 1)->data, tw_input(c, 2)->data,
                                product, NULL, &par);
    for (size_t i = 0; !status && i < (size_t)out->dims[0]; i++)
        add(row, (char *)out->data + i * row * size, product + (same_row ? 0 : i) * shape->n * size,
            !same_column);
    tw_free(product);
    return status;
}

/* out = 1 sum + op(a) op(b) */
static tw_status *compute(tw_compute *c)
{
    const tw_array *sum = tw_input(c, 0), *a = tw_input(c, 1), *b = tw_input(c, 2);
    tw_array *out = tw_output(c, 0);
    tw_gemm_shape shape = tw_product_shape(a, b, tw_compute_bool(c, "transpose_a"),
                                           tw_compute_bool(c, "transpose_b"));
    size_t m = (size_t)sum->dims[0], n = (size_t)sum->dims[1];
    if (out->count && out->data != sum->data)
        memcpy(out->data, sum->data, out->count * tw_dtype_size(out->dtype));
    if ((shape.m == 1 && m != 1) || (shape.n == 1 && n != 1))
        return add_broadcast(c, &shape, out);
    if (shape.m != m || shape.n != n)
        return tw_compute_fail(c, "Incompatible shapes: %s vs. [%zu,%zu]", tw_brackets(sum).s,
                               shape.m, shape.n);
    shape.beta = 1;
    tw_par par = tw_compute_par(c);
    return tw_gemm(out->dtype, &shape, a->data, b->data, out->data, NULL, &par);
}

/* ---- several iterations at once ---- */

/* What a batch is good for: sums over as many terms gain nothing from more of them, as what a tile
 * reads of both factors then fills the first cache. Fewer than some iterations do not repay the
 * copies of their factors. */
enum { ENOUGH_TERMS = 128, LEAST_ROUNDS = 4 };

static tw_gemm_shape shape_of(const tw_compute *c)
{
    return tw_product_shape(tw_input(c, 1), tw_input(c, 2), tw_compute_bool(c, "transpose_a"),
                            tw_compute_bool(c, "transpose_b"));
}

/* So many iterations that both factors together take no more memory than the sum, which bounds what
 * a loop of any length needs: at most twice of what it had. */
static size_t rounds_of(const tw_gemm_shape *s)
{
    size_t room, enough = s->k ? (ENOUGH_TERMS + s->k - 1) / s->k : 0;
    if (!enough || !tw_size_mul(s->m, s->n, &room) || !room)
        return 0;
    room /= (s->m + s->n) * s->k;
    return room < enough ? room : enough;
}

static size_t batch_bytes(const tw_compute *c, size_t *rounds)
{
    const tw_array *sum = tw_input(c, 0);
    tw_gemm_shape s = shape_of(c);
    if (sum->rank != 2 || (size_t)sum->dims[0] != s.m || (size_t)sum->dims[1] != s.n)
        return 0;
    *rounds = rounds_of(&s);
    if (*rounds < LEAST_ROUNDS)
        return 0;
    return TW_BATCH_HEAD + *rounds * s.k * (s.m + s.n) * tw_dtype_size(sum->dtype);
}

/* What the workspace holds: op(a) and op(b) of the iterations so far, side by side along k, each as
 * it comes: by rows where k is the rows, else with rows of `most`. */
typedef struct batch {
    tw_gemm_shape shape; /* of one iteration */
    size_t size, most;   /* bytes of an element; k of a full batch */
    size_t *terms;       /* k so far */
    char *a, *b;
} batch;

static batch batch_of(const tw_compute *c)
{
    batch b = {.shape = shape_of(c), .size = tw_dtype_size(tw_input(c, 0)->dtype)};
    b.most = rounds_of(&b.shape) * b.shape.k;
    b.terms = tw_compute_workspace(c);
    b.a = (char *)b.terms + TW_BATCH_HEAD;
    b.b = b.a + b.most * b.shape.m * b.size;
    return b;
}

/* One factor behind those that are there, of n rows or columns beside k. */
static void put(const batch *b, char *to, const tw_array *from, size_t n, bool by_rows)
{
    size_t lines = by_rows ? 1 : n, line = from->count / lines * b->size;
    to += *b->terms * (by_rows ? n : 1) * b->size;
    for (size_t i = 0; i < lines; i++)
        memcpy(to + i * b->most * b->size, (const char *)from->data + i * line, line);
}

/* to += the batch, which is empty then. */
static tw_status *add_batch(const tw_compute *c, const batch *b, void *to)
{
    tw_gemm_shape s = b->shape;
    s.lda = s.transpose_a ? 0 : b->most;
    s.ldb = s.transpose_b ? b->most : 0;
    s.k = *b->terms;
    s.beta = 1;
    *b->terms = 0;
    tw_par par = tw_compute_par(c);
    return tw_gemm(tw_input(c, 0)->dtype, &s, b->a, b->b, to, NULL, &par);
}

/* A full batch is added; else the output is the sum as it was. */
static tw_status *compute_batch(tw_compute *c)
{
    const tw_array *sum = tw_input(c, 0);
    tw_array *out = tw_output(c, 0);
    batch b = batch_of(c);
    if (out->data != sum->data)
        memcpy(out->data, sum->data, out->count * b.size);
    put(&b, b.a, tw_input(c, 1), b.shape.m, b.shape.transpose_a);
    put(&b, b.b, tw_input(c, 2), b.shape.n, !b.shape.transpose_b);
    *b.terms += b.shape.k;
    return *b.terms == b.most ? add_batch(c, &b, out->data) : TW_OK;
}

/* The variable itself: it has gone on since the step ran. */
static tw_status *finish_batch(tw_compute *c)
{
    batch b = batch_of(c);
    return *b.terms ? add_batch(c, &b, tw_input(c, 0)->data) : TW_OK;
}

static const struct tw_batching batching = {batch_bytes, compute_batch, finish_batch};

const tw_op_definition tw_op__AddMatMul = {
    .signature = "sum: T, a: T, b: T -> output: T; transpose_a: bool = false; "
                 "transpose_b: bool = false; T: {float, double}",
    .doc = "sum + MatMul(a, b), of the shape of sum. The planner makes it.",
    .builder = "",
    .infer = infer,
    .gradient = tw_not_differentiable,
    .in_place = 1,
    .compute = compute,
    .batching = &batching,
};
