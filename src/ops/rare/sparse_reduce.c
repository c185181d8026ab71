/* SPDX-License-Identifier: Apache-2.0
 * Reductions of sparse tensors: SparseReduceSum and SparseReduceMax into dense or sparse ones,
 * SparseSoftmax over the last dimension, and SparseFillEmptyRows.
 *
 * A dense result has the sizes that remain, which is known while building if the sizes and the
 * axes are; so its memory is planned like that of any other op. */
#include <math.h>
#include <string.h>

#include "ops/arrays.h"
#include "ops/combine.h"
#include "ops/sparse.h"

/* ---- SparseReduceSum, SparseReduceMax ---- */

/* Which of the dimensions go; false: an axis is out of range. */
static bool marks(const tw_array *axes, size_t rank, bool *gone)
{
    memset(gone, 0, TW_MAX_RANK * sizeof *gone);
    for (size_t i = 0; i < axes->count; i++) {
        int64_t axis = tw_index_at(axes, i), limit = (int64_t)rank;
        if (axis < -limit || axis >= limit)
            return false;
        gone[axis < 0 ? axis + limit : axis] = true;
    }
    return true;
}

/* Without axes all dimensions go. */
static void infer_reduce(tw_infer *in)
{
    tw_infer_sparse(in, 0);
    tw_shape sizes = tw_infer_size_value(in, 2);
    const tw_array *axes = tw_infer_value(in, 3);
    bool keep = tw_infer_bool(in, "keep_dims"), gone[TW_MAX_RANK];
    tw_shape axes_shape = tw_infer_input(in, 3);
    if (axes_shape.dims && axes_shape.rank > 1)
        tw_infer_fail(in, "reduction_axes must be a scalar or a vector");
    if (!sizes.dims || !axes || sizes.rank > TW_MAX_RANK || tw_infer_failed(in))
        return;
    if (!marks(axes, sizes.rank, gone)) {
        tw_infer_fail(in, "Invalid reduction dimension for a tensor of %zu dimensions", sizes.rank);
        return;
    }
    for (size_t k = 0; axes->count == 0 && k < sizes.rank; k++)
        gone[k] = true;
    int64_t *dims = tw_infer_dims(in, sizes.rank);
    size_t rank = 0;
    for (size_t k = 0; k < sizes.rank; k++) {
        if (!gone[k] || keep)
            dims[rank++] = gone[k] ? 1 : sizes.dims[k];
    }
    tw_infer_output(in, 0, (tw_shape){dims, rank});
}

/* The element of the output that row i belongs to. */
static size_t target(const tw_array *indices, const tw_array *sizes, const bool *gone, size_t i)
{
    size_t at = 0, rank = sizes->count;
    for (size_t k = 0; k < rank; k++) {
        if (!gone[k])
            at = at * (size_t)tw_index_at(sizes, k) + (size_t)tw_index_at(indices, i * rank + k);
    }
    return at;
}

/* A first pass sets one value of each group, so that the greatest of negative ones is not 0. */
static tw_status *reduce(tw_compute *c, tw_combination how)
{
    const tw_array *indices = tw_input(c, 0), *values = tw_input(c, 1), *sizes = tw_input(c, 2);
    const tw_array *axes = tw_input(c, 3);
    tw_array *y = tw_output(c, 0);
    tw_combine loop = tw_combine_loop(how, y->dtype);
    bool gone[TW_MAX_RANK];
    TW_TRY(tw_sparse_check(c, indices, sizes->data, false));
    tw_zero_array(y);
    if (!marks(axes, sizes->count, gone))
        return tw_compute_fail(c, "Invalid reduction dimension");
    for (size_t k = 0; axes->count == 0 && k < sizes->count; k++)
        gone[k] = true;
    /* A sum starts from the zeros. */
    for (size_t i = 0; how != TW_COMBINE_ADD && i < values->count; i++)
        TW_TRY(tw_elements_copy(y->dtype, tw_element_to(y, target(indices, sizes, gone, i)),
                                tw_element_at(values, i), 1));
    for (size_t i = 0; i < values->count; i++)
        loop(1, tw_element_to(y, target(indices, sizes, gone, i)), tw_element_at(values, i), 1);
    return TW_OK;
}

/* Values are added in the order in which they come, which is the same for any number of
 * threads. */
static tw_status *compute_sum(tw_compute *c)
{
    return reduce(c, TW_COMBINE_ADD);
}
/* NaN is handled as the elementwise maximum does. */
static tw_status *compute_max(tw_compute *c)
{
    return reduce(c, TW_COMBINE_MAX);
}

/* Every value gets what its sum gets: dy of full rank, broadcast to the places of the values. */
static tw_status *gradient_sum(tw_gradient *g)
{
    tw_tensor kept = tw_sparse_reduce_sum(g->inputs[0], tw_zeros_like(g->inputs[1]), g->inputs[2],
                                          g->inputs[3], .keep_dims = true);
    tw_tensor dy = tw_reshape(tw_gradient_dy(g, 0), tw_shape(kept));
    g->dx[1] = tw_grad_of(
        tw_sparse_dense_cwise_add(g->inputs[0], tw_zeros_like(g->inputs[1]), g->inputs[2], dy));
    return TW_OK;
}

/* Sums of what can be added; the maximum's signature has no other dtypes than the loops. */
static const tw_kernel sum_kernel = {.dtypes = TW_COMBINED_TYPES, .compute = compute_sum};
static const tw_kernel max_kernel = {.compute = compute_max};

/* The signature that both reductions share up to the list of dtypes. */
#define REDUCE                                                                             \
    "input_indices: int64, input_values: T, input_shape: int64, reduction_axes: int32 -> " \
    "output: T; keep_dims: bool = false; T: "

const tw_op_definition tw_op_SparseReduceSum = {
    .signature = REDUCE "numbertype",
    .doc = "The sums of a sparse tensor's values over `reduction_axes` (all of them if there are "
           "none), as a dense tensor.",
    .since = "SparseReduceSum: 0.9",
    .examples = {"sparse_reduce_sum([[0, 0], [0, 2], [1, 1]], [1., 2., 3.], [2, 3], [1]) -> "
                 "[3., 3.]"},
    .shape_inputs = 1 << 2 | 1 << 3,
    .infer = infer_reduce,
    .gradient = gradient_sum,
    .kernels = &sum_kernel,
    .kernel_count = 1,
};

const tw_op_definition tw_op_SparseReduceMax = {
    .signature = REDUCE "{float, double, int32, uint8, int16, int8, int64, bfloat16, uint16, half, "
                        "uint32, uint64}",
    .doc = "The greatest of a sparse tensor's values over `reduction_axes` (all of them if there "
           "are none), as a dense tensor with 0 where there are no values.",
    .since = "SparseReduceMax: 1.2",
    .examples = {"sparse_reduce_max([[0, 0], [0, 2], [1, 1]], [1., 2., -3.], [3, 3], [1]) -> "
                 "[2., -3., 0.]"},
    .shape_inputs = 1 << 2 | 1 << 3,
    .infer = infer_reduce,
    .gradient = tw_gradient_undefined,
    .kernels = &max_kernel,
    .kernel_count = 1,
};

/* ---- SparseReduceSumSparse, SparseReduceMaxSparse ---- */

/* How many groups there are only the indices tell; their rank is known where the axes are. No axes
 * are none here, as in TensorFlow. */
static void infer_sparse_result(tw_infer *in)
{
    int64_t rank = -1;
    tw_shape axes_shape = tw_infer_input(in, 3), sizes = tw_infer_size_value(in, 2);
    const tw_array *axes = tw_infer_value(in, 3);
    bool gone[TW_MAX_RANK];
    tw_infer_sparse(in, 0);
    if (axes_shape.dims && axes_shape.rank > 1)
        tw_infer_fail(in, "reduction_axes must be a scalar or a vector");
    if (sizes.dims && axes && sizes.rank <= TW_MAX_RANK && marks(axes, sizes.rank, gone)) {
        rank = 0;
        for (size_t k = 0; k < sizes.rank; k++)
            rank += tw_infer_bool(in, "keep_dims") || !gone[k];
    }
    tw_infer_output(in, 0, TW_SHAPE(-1, rank));
    tw_infer_output(in, 1, TW_SHAPE(-1));
    tw_infer_output(in, 2, TW_SHAPE(rank));
}

/* Values by the rows of the dimensions that stay: one after the other in the order of the rows. */
static size_t find_groups(const int64_t *rows, size_t count, size_t rank, const size_t *order,
                          size_t *firsts)
{
    size_t groups = 0;
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || tw_compare_rows(rows + order[i - 1] * rank, rows + order[i] * rank, rank))
            firsts[groups++] = i;
    }
    firsts[groups] = count;
    return groups;
}

/* rows (count, kept) are the indices that stay, `where` the dimension of each. */
static tw_status *give_groups(tw_compute *c, tw_combine loop, const int64_t *rows, size_t kept,
                              const size_t *where, const size_t *order, const size_t *firsts,
                              size_t groups)
{
    const tw_array *values = tw_input(c, 1), *sizes = tw_input(c, 2);
    bool keep = tw_compute_bool(c, "keep_dims");
    size_t rank = keep ? sizes->count : kept;
    tw_array *indices, *out, *shape;
    TW_TRY(tw_compute_allocate(c, 0, TW_SHAPE((int64_t)groups, (int64_t)rank), &indices));
    TW_TRY(tw_compute_allocate(c, 1, TW_SHAPE((int64_t)groups), &out));
    TW_TRY(tw_compute_allocate(c, 2, TW_SHAPE((int64_t)rank), &shape));
    tw_zero_array(indices);
    for (size_t k = 0; k < rank; k++) /* one that is gone and kept has size 1 */
        ((int64_t *)shape->data)[k] = 1;
    for (size_t k = 0; k < kept; k++)
        ((int64_t *)shape->data)[keep ? where[k] : k] = tw_index_at(sizes, where[k]);
    for (size_t g = 0; g < groups; g++) {
        const int64_t *row = rows + order[firsts[g]] * kept;
        for (size_t k = 0; k < kept; k++)
            ((int64_t *)indices->data)[g * rank + (keep ? where[k] : k)] = row[k];
        TW_TRY(tw_elements_copy(out->dtype, tw_element_to(out, g),
                                tw_element_at(values, order[firsts[g]]), 1));
        for (size_t i = firsts[g] + 1; i < firsts[g + 1]; i++)
            loop(1, tw_element_to(out, g), tw_element_at(values, order[i]), 1);
    }
    return TW_OK;
}

static tw_status *reduce_sparse(tw_compute *c, tw_combination how)
{
    const tw_array *indices = tw_input(c, 0), *values = tw_input(c, 1), *sizes = tw_input(c, 2);
    const tw_array *axes = tw_input(c, 3);
    size_t n = values->count, rank = sizes->count, kept = 0, where[TW_MAX_RANK], groups;
    bool gone[TW_MAX_RANK];
    TW_TRY(tw_sparse_check(c, indices, sizes->data, false));
    if (rank > TW_MAX_RANK || !marks(axes, rank, gone))
        return tw_compute_fail(c, "Invalid reduction dimension");
    for (size_t k = 0; k < rank; k++) {
        if (!gone[k])
            where[kept++] = k;
    }
    /* Rows, their order with room for sorting, and where groups begin. */
    int64_t *rows = tw_alloc_array((n + 1) * (kept + 1), sizeof *rows);
    size_t *order = tw_alloc_array(3 * n + 2, sizeof *order);
    tw_status *status = rows && order ? TW_OK : tw_no_memory();
    for (size_t i = 0; i < n * kept && !status; i++)
        rows[i] = tw_index_at(indices, i / kept * rank + where[i % kept]);
    if (!status) {
        tw_sort_rows(rows, n, kept, order);
        groups = find_groups(rows, n, kept, order, order + 2 * n);
        status = give_groups(c, tw_combine_loop(how, values->dtype), rows, kept, where, order,
                             order + 2 * n, groups);
    }
    tw_free(rows);
    tw_free(order);
    return status;
}

static tw_status *compute_sum_sparse(tw_compute *c)
{
    return reduce_sparse(c, TW_COMBINE_ADD);
}
static tw_status *compute_max_sparse(tw_compute *c)
{
    return reduce_sparse(c, TW_COMBINE_MAX);
}

static const tw_kernel sum_sparse_kernel = {.dtypes = TW_COMBINED_TYPES,
                                            .compute = compute_sum_sparse};
static const tw_kernel max_sparse_kernel = {.compute = compute_max_sparse};

#define REDUCE_SPARSE                                                                      \
    "input_indices: int64, input_values: T, input_shape: int64, reduction_axes: int32 -> " \
    "output_indices: int64, output_values: T, output_shape: int64; keep_dims: bool = false; T: "

const tw_op_definition tw_op_SparseReduceSumSparse = {
    .signature = REDUCE_SPARSE "numbertype",
    .doc = "SparseReduceSum with a sparse result: only sums of values that are there. "
           "Without axes nothing is reduced.",
    .since = "SparseReduceSumSparse: 0.11",
    .examples = {"sparse_reduce_sum_sparse([[0, 0], [0, 2], [1, 1]], [1., 2., 3.], [2, 3], [1]) "
                 "-> [[0], [1]], [3., 3.], [2]"},
    .shape_inputs = 1 << 2 | 1 << 3,
    .infer = infer_sparse_result,
    .gradient = tw_gradient_undefined,
    .kernels = &sum_sparse_kernel,
    .kernel_count = 1,
};

const tw_op_definition tw_op_SparseReduceMaxSparse = {
    .signature = REDUCE_SPARSE "{float, double, int32, uint8, int16, int8, int64, bfloat16, "
                               "uint16, half, uint32, uint64}",
    .doc = "SparseReduceMax with a sparse result: only the greatest of values that are there.",
    .since = "SparseReduceMaxSparse: 1.2",
    .examples = {"sparse_reduce_max_sparse([[0, 0], [0, 2], [1, 1]], [1., 2., -3.], [3, 3], [1]) "
                 "-> [[0], [1]], [2., -3.], [3]"},
    .shape_inputs = 1 << 2 | 1 << 3,
    .infer = infer_sparse_result,
    .gradient = tw_gradient_undefined,
    .kernels = &max_sparse_kernel,
    .kernel_count = 1,
};

/* ---- SparseSoftmax ---- */

/* TensorFlow takes no vectors here, though a row alone would make sense. */
static void infer_softmax(tw_infer *in)
{
    tw_sparse_sizes s = tw_infer_sparse(in, 0);
    if (s.rank >= 0 && s.rank < 2)
        tw_infer_fail(in, "Input should have rank >= 2 but got %" PRId64, s.rank);
    tw_infer_output(in, 0, TW_SHAPE(s.count));
}

/* Values [from, to) are of one row. */
static void softmax(const tw_array *x, size_t from, size_t to, tw_array *y)
{
    double most = -INFINITY, sum = 0;
    for (size_t i = from; i < to; i++)
        most = fmax(most, tw_element_get(x->dtype, tw_element_at(x, i)));
    for (size_t i = from; i < to; i++)
        sum += exp(tw_element_get(x->dtype, tw_element_at(x, i)) - most);
    for (size_t i = from; i < to; i++)
        tw_element_set(y->dtype, tw_element_to(y, i),
                       exp(tw_element_get(x->dtype, tw_element_at(x, i)) - most) / sum);
}

/* Rows ascend, which is checked, so those of one row stand together and need no grouping. */
static tw_status *compute_softmax(tw_compute *c)
{
    const tw_array *indices = tw_input(c, 0), *x = tw_input(c, 1);
    const int64_t *rows = indices->data;
    size_t rank = (size_t)indices->dims[1];
    TW_TRY(tw_sparse_check(c, indices, tw_input_data(c, 2), true));
    for (size_t from = 0, to; from < x->count; from = to) {
        for (to = from + 1;
             to < x->count && !tw_compare_rows(rows + from * rank, rows + to * rank, rank - 1);)
            to++;
        softmax(x, from, to, tw_output(c, 0));
    }
    return TW_OK;
}

/* y (dy - sum of y dy over the row) */
static tw_status *gradient_softmax(tw_gradient *g)
{
    tw_tensor y = g->outputs[0], dy = tw_gradient_dy(g, 0), indices = g->inputs[0];
    tw_tensor sums = tw_sparse_reduce_sum(indices, tw_mul(y, dy), g->inputs[2], TW_INTS(-1),
                                          .keep_dims = true);
    tw_tensor rest = tw_sparse_dense_cwise_add(indices, dy, g->inputs[2], tw_neg(sums));
    g->dx[1] = tw_grad_of(tw_mul(y, rest));
    return TW_OK;
}

const tw_op_definition tw_op_SparseSoftmax = {
    .signature =
        "sp_indices: int64, sp_values: T, sp_shape: int64 -> output: T; T: {float, double}",
    .doc = "Softmax over the values of each row of a sparse tensor, whose last dimension it is; "
           "what is not there has no part in it.",
    .since = "SparseSoftmax: 0.9",
    .examples =
        {"sparse_softmax([[0, 0], [0, 2], [1, 1]], [1., 1., 3.], [2, 3]) -> [0.5, 0.5, 1.]"},
    .infer = infer_softmax,
    .gradient = gradient_softmax,
    .compute = compute_softmax,
};

/* ---- SparseFillEmptyRows ---- */

/* The number of rows is a value, and so are the flags' sizes; the rest follows from the
 * indices. */
static void infer_fill(tw_infer *in)
{
    tw_sparse_sizes s = tw_infer_sparse(in, 0);
    tw_shape sizes = tw_infer_shape_value(in, 2);
    tw_infer_scalar(in, 3);
    if (s.rank == 0)
        tw_infer_fail(in, "Dense shape cannot be empty");
    tw_infer_output(in, 0, TW_SHAPE(-1, s.rank));
    tw_infer_output(in, 1, TW_SHAPE(-1));
    tw_infer_output(in, 2, TW_SHAPE(sizes.dims && sizes.rank ? sizes.dims[0] : -1));
    tw_infer_output(in, 3, TW_SHAPE(s.count));
}

/* next[row] becomes where the row's values begin, empty rows holding one. */
static size_t find_starts(const tw_array *indices, bool *empty, size_t rows, int64_t *next)
{
    size_t rank = (size_t)indices->dims[1], total = 0;
    memset(next, 0, rows * sizeof *next);
    for (size_t i = 0; i < (size_t)indices->dims[0]; i++)
        next[tw_index_at(indices, i * rank)]++;
    for (size_t row = 0; row < rows; row++) {
        size_t count = (size_t)next[row];
        empty[row] = count == 0;
        next[row] = (int64_t)total;
        total += count ? count : 1;
    }
    return total;
}

/* Positions are handed out row by row, so that values keep the order in which they came within
 * their row even if the rows themselves were not in order. */
static tw_status *place(tw_compute *c, int64_t *next, size_t total)
{
    const tw_array *indices = tw_input(c, 0), *values = tw_input(c, 1);
    const bool *empty = tw_output_data(c, 2);
    size_t rank = (size_t)indices->dims[1], rows = (size_t)tw_output(c, 2)->dims[0];
    tw_array *to, *out;
    TW_TRY(tw_compute_allocate(c, 0, TW_SHAPE((int64_t)total, (int64_t)rank), &to));
    TW_TRY(tw_compute_allocate(c, 1, TW_SHAPE((int64_t)total), &out));
    for (size_t row = 0; row < rows; row++) {
        if (!empty[row])
            continue;
        for (size_t k = 0; k < rank; k++)
            ((int64_t *)to->data)[(size_t)next[row] * rank + k] = k ? 0 : (int64_t)row;
        TW_TRY(tw_elements_copy(out->dtype, tw_element_to(out, (size_t)next[row]),
                                tw_input_data(c, 3), 1));
    }
    for (size_t i = 0; i < values->count; i++) {
        int64_t at = next[tw_index_at(indices, i * rank)]++;
        for (size_t k = 0; k < rank; k++)
            ((int64_t *)to->data)[(size_t)at * rank + k] = tw_index_at(indices, i * rank + k);
        TW_TRY(tw_elements_copy(out->dtype, tw_element_to(out, (size_t)at),
                                tw_element_at(values, i), 1));
        ((int64_t *)tw_output_data(c, 3))[i] = at;
    }
    return TW_OK;
}

/* The number of rows is the flags' size, which was allocated by then, so it is no hostile one;
 * the scratch memory for it is checked all the same. */
static tw_status *compute_fill(tw_compute *c)
{
    tw_array *flags = tw_output(c, 2);
    size_t rows = flags->count;
    TW_TRY(tw_sparse_check(c, tw_input(c, 0), tw_input_data(c, 2), false));
    int64_t *next = tw_alloc_array(rows, sizeof *next);
    if (!next)
        return tw_no_memory();
    size_t total = find_starts(tw_input(c, 0), flags->data, rows, next);
    tw_status *status = place(c, next, total);
    tw_free(next);
    return status;
}

/* Values went where the map says; all the rest is the default's. */
static tw_status *gradient_fill(tw_gradient *g)
{
    tw_tensor dy = tw_gradient_dy(g, 1), values = tw_gather(dy, g->outputs[3]);
    g->dx[1] = tw_grad_of(values);
    g->dx[3] = tw_grad_of(tw_sub(tw_sum(dy, 0), tw_sum(values, 0)));
    return TW_OK;
}

const tw_op_definition tw_op_SparseFillEmptyRows = {
    .signature = "indices: int64, values: T, dense_shape: int64, default_value: T -> "
                 "output_indices: int64, output_values: T, empty_row_indicator: bool, "
                 "reverse_index_map: int64; T: type",
    .doc = "A sparse tensor with `default_value` at the beginning of each row that has no value; "
           "which rows those were, and where each value went.",
    .since = "SparseFillEmptyRows: 1.3",
    .examples = {"sparse_fill_empty_rows([[0, 1], [2, 0]], [1., 2.], [3, 2], 9.) -> "
                 "[[0, 1], [1, 0], [2, 0]], [1., 9., 2.], [False, True, False], [0, 2]"},
    .shape_inputs = 1 << 2,
    .infer = infer_fill,
    .gradient = gradient_fill,
    .compute = compute_fill,
};
