/* SPDX-License-Identifier: Apache-2.0
 * _AddMatMul: what the planner makes of a sum that goes from iteration to iteration of a loop and a
 * product that is added to it, as gradients of weights are. The product is added while its tiles
 * are in registers, over the sum: neither is written elsewhere. */
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

const tw_op_definition tw_op__AddMatMul = {
    .signature = "sum: T, a: T, b: T -> output: T; transpose_a: bool = false; "
                 "transpose_b: bool = false; T: {float, double}",
    .doc = "sum + MatMul(a, b), of the shape of sum. The planner makes it.",
    .builder = "",
    .infer = infer,
    .gradient = tw_not_differentiable,
    .in_place = 1,
    .compute = compute,
};
