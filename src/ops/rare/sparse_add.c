/* SPDX-License-Identifier: Apache-2.0
 * Sparse tensors with sparse ones: SparseAdd and its gradient, SparseSparseMaximum, -Minimum. Both
 * sides' rows ascend, so one pass over both meets what belongs together.
 *
 * What is in neither has no place in the result; what is in both counts once. The values of the
 * result may be zero, as sums that cancel are. */
#include <math.h>

#include "ops/arrays.h"
#include "ops/combine.h"
#include "ops/sparse.h"

/* The union of the rows of two arrays; a side that has no such row is at NOWHERE. */
#define NOWHERE SIZE_MAX
typedef struct walk {
    const int64_t *a, *b;
    size_t a_count, b_count, rank, a_next, b_next;
} walk;

/* Both have rows of the same length, which the callers have checked. */
static walk begin(const tw_array *a, const tw_array *b)
{
    return (walk){a->data, b->data, (size_t)a->dims[0], (size_t)b->dims[0], (size_t)a->dims[1],
                  0,       0};
}

/* The lower row first; equal rows are given together, once. */
static bool next(walk *w, size_t *a, size_t *b)
{
    bool in_a = w->a_next < w->a_count, in_b = w->b_next < w->b_count;
    if (!in_a && !in_b)
        return false;
    int order = !in_a   ? 1
                : !in_b ? -1
                        : tw_compare_rows(w->a + w->a_next * w->rank, w->b + w->b_next * w->rank,
                                          w->rank);
    *a = order <= 0 ? w->a_next++ : NOWHERE;
    *b = order >= 0 ? w->b_next++ : NOWHERE;
    return true;
}

/* Integers of 64 bits lose their last digits here, which matters only beside a threshold of the
 * same size. */
static double magnitude(tw_dtype dtype, const void *at)
{
    if (dtype == TW_COMPLEX64)
        return hypot((double)((const float *)at)[0], (double)((const float *)at)[1]);
    if (dtype == TW_COMPLEX128)
        return hypot(((const double *)at)[0], ((const double *)at)[1]);
    return fabs(tw_element_get(dtype, at));
}

/* One value of the result from both sides', where what is not there counts as zero. */
static void join(tw_dtype dtype, tw_combine loop, const char *a, const char *b, void *out)
{
    static const char zero[16] = {0};
    size_t size = tw_dtype_size(dtype);
    for (size_t i = 0; i < size; i++)
        ((char *)out)[i] = a ? a[i] : 0;
    loop(1, out, b ? b : zero, 1);
}

/* NULL stands for the zero of a side that has nothing there. */
static const char *element(const tw_array *values, size_t at)
{
    return at == NOWHERE ? NULL : tw_element_at(values, at);
}

/* Inputs a: 0 .. 2, b: 3 .. 5, which both ascend and are of one shape. */
static tw_status *check(tw_compute *c)
{
    const tw_array *a = tw_input(c, 2), *b = tw_input(c, 5);
    bool same = a->count == b->count;
    for (size_t k = 0; same && k < a->count; k++)
        same = tw_index_at(a, k) == tw_index_at(b, k);
    if (!same)
        return tw_compute_fail(c, "Operands' shapes do not match");
    TW_TRY(tw_sparse_check(c, tw_input(c, 0), a->data, true));
    return tw_sparse_check(c, tw_input(c, 3), b->data, true);
}

/* A sum of two values goes where it is smaller than `least`; what only one side has stays. */
static bool is_dropped(tw_dtype dtype, const char *value, size_t a, size_t b, double least)
{
    return a != NOWHERE && b != NOWHERE && magnitude(dtype, value) < least;
}

/* Twice: to count what stays, and to write it. */
static tw_status *unite(tw_compute *c, tw_combination how, double least)
{
    const tw_array *x = tw_input(c, 1), *y = tw_input(c, 4);
    tw_combine loop = tw_combine_loop(how, x->dtype);
    size_t rank = (size_t)tw_input(c, 0)->dims[1], count = 0, a, b, at = 0;
    _Alignas(16) char value[16];
    tw_array *rows, *values;
    TW_TRY(check(c));
    for (walk w = begin(tw_input(c, 0), tw_input(c, 3)); next(&w, &a, &b);) {
        join(x->dtype, loop, element(x, a), element(y, b), value);
        count += !is_dropped(x->dtype, value, a, b, least);
    }
    TW_TRY(tw_compute_allocate(c, 0, TW_SHAPE((int64_t)count, (int64_t)rank), &rows));
    TW_TRY(tw_compute_allocate(c, 1, TW_SHAPE((int64_t)count), &values));
    for (walk w = begin(tw_input(c, 0), tw_input(c, 3)); next(&w, &a, &b);) {
        join(x->dtype, loop, element(x, a), element(y, b), value);
        if (is_dropped(x->dtype, value, a, b, least))
            continue;
        const int64_t *row = a == NOWHERE ? w.b + b * rank : w.a + a * rank;
        TW_TRY(tw_elements_copy(TW_INT64, (int64_t *)rows->data + at * rank, row, rank));
        TW_TRY(tw_elements_copy(x->dtype, tw_element_to(values, at++), value, 1));
    }
    return TW_OK;
}

static int64_t infer_both(tw_infer *in)
{
    tw_sparse_sizes a = tw_infer_sparse(in, 0), b = tw_infer_sparse(in, 3);
    if (!tw_dims_agree(a.rank, b.rank))
        tw_infer_fail(in, "Ranks differ, %" PRId64 " and %" PRId64, a.rank, b.rank);
    return a.rank < 0 ? b.rank : a.rank;
}

/* ---- SparseAdd ---- */

/* How many values remain depends on the threshold, and so on the numbers. */
static void infer_add(tw_infer *in)
{
    int64_t rank = infer_both(in);
    tw_infer_scalar(in, 6);
    tw_infer_output(in, 0, TW_SHAPE(-1, rank));
    tw_infer_output(in, 1, TW_SHAPE(-1));
    tw_infer_output(in, 2, TW_SHAPE(rank));
}

/* A threshold of 0 keeps everything, zeros too. */
static tw_status *compute_add(tw_compute *c)
{
    const tw_array *least = tw_input(c, 6), *sizes = tw_input(c, 2);
    TW_TRY(unite(c, TW_COMBINE_ADD, tw_element_get(least->dtype, least->data)));
    return tw_elements_copy(TW_INT64, tw_output_data(c, 2), sizes->data, sizes->count);
}

/* The rows of the sum are an output, so that no threshold needs to be looked at again. */
static tw_status *gradient_add(tw_gradient *g)
{
    struct tw_sparse_add_grad_result d = tw_sparse_add_grad(tw_gradient_dy(g, 1), g->inputs[0],
                                                            g->inputs[3], g->outputs[0]);
    g->dx[1] = tw_grad_of(d.a_val_grad);
    g->dx[4] = tw_grad_of(d.b_val_grad);
    return TW_OK;
}

/* The threshold may be of another dtype than the values, so it is read as a double. */
static const tw_kernel add_kernel = {.dtypes = TW_COMBINED_TYPES, .compute = compute_add};

const tw_op_definition tw_op_SparseAdd = {
    .signature = "a_indices: int64, a_values: T, a_shape: int64, b_indices: int64, b_values: T, "
                 "b_shape: int64, thresh: Treal -> sum_indices: int64, sum_values: T, "
                 "sum_shape: int64; T: numbertype; Treal: realnumbertype",
    .doc =
        "The sum of two sparse tensors. Where both have a value, their sum goes if its magnitude "
        "is below `thresh`. The rows of indices must ascend.",
    .since = "SparseAdd: 0.8",
    .examples = {"sparse_add([[0], [2]], [1., 2.], [3], [[2]], [3.], [3], 0.) -> [[0], [2]], "
                 "[1., 5.], [3]",
                 "sparse_add([[0], [2]], [0.25, 2.], [3], [[2]], [-2.5], [3], 1.) -> [[0]], "
                 "[0.25], [3]"},
    .infer = infer_add,
    .gradient = gradient_add,
    .kernels = &add_kernel,
    .kernel_count = 1,
};

/* ---- SparseAddGrad ---- */

/* Each side gets as many gradients as it has rows. */
static void infer_grad(tw_infer *in)
{
    tw_infer_vector(in, 0);
    tw_infer_matrix(in, 3);
    for (size_t i = 0; i < 2; i++)
        tw_infer_output(in, i, TW_SHAPE(tw_infer_dim(tw_infer_matrix(in, 1 + i), 0)));
}

/* Rows of the sum are found among those of one side; what is below the threshold has none. */
static tw_status *pick(tw_compute *c, size_t side)
{
    const tw_array *dy = tw_input(c, 0), *rows = tw_input(c, 1 + side), *sum = tw_input(c, 3);
    tw_array *out = tw_output(c, side);
    size_t a, b;
    if (rows->dims[1] != sum->dims[1] || (size_t)sum->dims[0] != dy->count)
        return tw_compute_fail(c, "sizes differ: %s, %s and %zu gradients", tw_brackets(rows).s,
                               tw_brackets(sum).s, dy->count);
    tw_zero_array(out);
    for (walk w = begin(rows, sum); next(&w, &a, &b);) {
        if (a != NOWHERE && b != NOWHERE)
            TW_TRY(tw_elements_copy(dy->dtype, tw_element_to(out, a), tw_element_at(dy, b), 1));
    }
    return TW_OK;
}

/* The sides do not know of each other: a row that both have gets the gradient twice, once in
 * each. */
static tw_status *compute_grad(tw_compute *c)
{
    TW_TRY(pick(c, 0));
    return pick(c, 1);
}

const tw_op_definition tw_op_SparseAddGrad = {
    .signature = "backprop_val_grad: T, a_indices: int64, b_indices: int64, sum_indices: int64 -> "
                 "a_val_grad: T, b_val_grad: T; T: numbertype",
    .doc = "The gradients of SparseAdd's values, from that of the sum's.",
    .since = "SparseAddGrad: 0.8",
    .examples = {"sparse_add_grad([5., 6.], [[0], [2]], [[2]], [[0], [2]]) -> [5., 6.], [6.]"},
    .infer = infer_grad,
    .gradient = tw_gradient_undefined,
    .compute = compute_grad,
};

/* ---- SparseSparseMaximum, SparseSparseMinimum ---- */

/* The union of the rows has a size that only the rows tell. */
static void infer_extreme(tw_infer *in)
{
    int64_t rank = infer_both(in);
    tw_infer_output(in, 0, TW_SHAPE(-1, rank));
    tw_infer_output(in, 1, TW_SHAPE(-1));
}

/* All values remain, also those that became 0. */
static tw_status *compute_maximum(tw_compute *c)
{
    return unite(c, TW_COMBINE_MAX, 0);
}
/* As for the maximum. */
static tw_status *compute_minimum(tw_compute *c)
{
    return unite(c, TW_COMBINE_MIN, 0);
}

/* The signature that both share up to the list of dtypes, which TensorFlow gives them
 * differently. */
#define EXTREME                                                                               \
    "a_indices: int64, a_values: T, a_shape: int64, b_indices: int64, b_values: T, b_shape: " \
    "int64 -> output_indices: int64, output_values: T; T: "

/* Complex numbers have no order. */
static const tw_kernel maximum_kernel = {
    .dtypes = "T: {half, bfloat16, float, double, int8, int16, int32, int64, uint8, uint16, "
              "uint32, uint64}",
    .compute = compute_maximum,
};
/* The signature lets complex numbers in; there is no kernel for them, nor has TensorFlow one. */
static const tw_kernel minimum_kernel = {
    .dtypes = "T: {half, bfloat16, float, double, int8, int16, int32, int64, uint8, uint16, "
              "uint32, uint64}",
    .compute = compute_minimum,
};

const tw_op_definition tw_op_SparseSparseMaximum = {
    .signature = EXTREME "realnumbertype",
    .doc = "The greater of two sparse tensors' values, where one has any; what is not there is 0.",
    .since = "SparseSparseMaximum: 0.10",
    .examples = {"sparse_sparse_maximum([[0], [2]], [-1., 2.], [3], [[2]], [3.], [3]) -> "
                 "[[0], [2]], [0., 3.]"},
    .infer = infer_extreme,
    .gradient = tw_gradient_undefined,
    .kernels = &maximum_kernel,
    .kernel_count = 1,
};

const tw_op_definition tw_op_SparseSparseMinimum = {
    .signature = EXTREME "numbertype",
    .doc = "The lesser of two sparse tensors' values, where one has any; what is not there is 0.",
    .since = "SparseSparseMinimum: 0.10",
    .examples = {"sparse_sparse_minimum([[0], [2]], [-1., 2.], [3], [[2]], [3.], [3]) -> "
                 "[[0], [2]], [-1., 2.]"},
    .infer = infer_extreme,
    .gradient = tw_gradient_undefined,
    .kernels = &minimum_kernel,
    .kernel_count = 1,
};
