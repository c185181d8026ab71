/* SPDX-License-Identifier: Apache-2.0
 * SparseConcat, SparseSplit, SparseSlice: sparse tensors joined along a dimension and taken
 * apart.
 *
 * Parts that are cut out keep the order of their rows. How many rows each has is counted before
 * its outputs are made, so that each is made once in its size. */
#include "ops/sparse.h"

/* ---- SparseConcat: n indices, n values, n shapes ---- */

/* All counts add up, and all ranks are one; what one input knows of the rank holds for all. */
static void infer_concat(tw_infer *in)
{
    size_t n = tw_infer_input_count(in) / 3;
    int64_t count = 0, rank = -1;
    for (size_t i = 0; i < n; i++) {
        tw_sparse_sizes s = tw_infer_sparse_at(in, i, n + i, 2 * n + i);
        if (!tw_dims_agree(rank, s.rank))
            tw_infer_fail(in,
                          "Ranks of all inputs must match: expected %" PRId64 " but got %" PRId64
                          " at position %zu",
                          rank, s.rank, i);
        rank = rank < 0 ? s.rank : rank;
        count = count < 0 || s.count < 0 ? -1 : count + s.count;
    }
    tw_infer_output(in, 0, TW_SHAPE(count, rank));
    tw_infer_output(in, 1, TW_SHAPE(count));
    tw_infer_output(in, 2, TW_SHAPE(rank));
}

/* The shifted rows, their order twice, and the shift of each input. */
static size_t workspace_concat(const tw_compute *c)
{
    size_t n = c->input_count / 3u, count = 0, numbers = 0, bytes;
    for (size_t i = 0; i < n; i++) {
        if (!tw_size_add(count, (size_t)c->inputs[i]->dims[0], &count) ||
            !tw_size_add(numbers, c->inputs[i]->count, &numbers))
            return SIZE_MAX;
    }
    bool good = tw_size_add(numbers, count, &numbers) && tw_size_add(numbers, count, &numbers) &&
                tw_size_mul(numbers, 8, &bytes);
    return good ? bytes : SIZE_MAX;
}

/* Sizes agree but for the dimension along which they add up. */
static tw_status *join_shapes(tw_compute *c, size_t n, size_t axis)
{
    int64_t *sizes = tw_output_data(c, 2);
    for (size_t i = 0; i < n; i++) {
        const tw_array *one = tw_input(c, 2 * n + i);
        for (size_t k = 0; k < one->count; k++) {
            int64_t size = tw_index_at(one, k);
            if (i == 0)
                sizes[k] = size;
            else if (k != axis && size != sizes[k])
                return tw_compute_fail(c,
                                       "Input shapes must match: expected %" PRId64
                                       " for dimension %zu but got %" PRId64 " at position %zu",
                                       sizes[k], k, size, i);
            else if (k == axis && (size < 0 || !tw_dim_add(sizes[k], size, &sizes[k])))
                return tw_compute_fail(c, "the joined dimension is too large");
        }
    }
    return TW_OK;
}

/* Element `row` of all inputs' values one behind the other. */
static const char *value_at(const tw_compute *c, size_t n, size_t row)
{
    size_t i = 0;
    for (; row >= tw_input(c, n + i)->count; i++)
        row -= tw_input(c, n + i)->count;
    return tw_element_at(tw_input(c, n + i), row);
}

/* Rows are shifted first and sorted then. Inputs that ascend stay in order when joined along
 * the first dimension, but not along others. */
static tw_status *compute_concat(tw_compute *c)
{
    size_t n = c->input_count / 3u, rank = tw_input(c, 2 * n)->count, count = 0;
    int64_t axis = tw_compute_int(c, "concat_dim"), shift = 0, *rows = tw_compute_workspace(c);
    int64_t signed_rank = (int64_t)rank;
    if (axis < -signed_rank || axis >= signed_rank)
        return tw_compute_fail(
            c, "Concat dimension must be in range [%" PRId64 ", %" PRId64 "), got %" PRId64,
            -signed_rank, signed_rank, axis);
    axis = axis < 0 ? axis + signed_rank : axis;
    TW_TRY(join_shapes(c, n, (size_t)axis));
    for (size_t i = 0; i < n; i++) {
        const tw_array *one = tw_input(c, i), *sizes = tw_input(c, 2 * n + i);
        TW_TRY(tw_sparse_check(c, one, sizes->data, false));
        for (size_t k = 0; k < one->count; k++)
            rows[count * rank + k] = tw_index_at(one, k) + (k % rank == (size_t)axis ? shift : 0);
        count += (size_t)one->dims[0];
        shift += tw_index_at(sizes, (size_t)axis);
    }
    size_t *order = (size_t *)(rows + count * rank);
    tw_sort_rows(rows, count, rank, order);
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < rank; k++)
            ((int64_t *)tw_output_data(c, 0))[i * rank + k] = rows[order[i] * rank + k];
        TW_TRY(tw_elements_copy(tw_output(c, 1)->dtype, tw_element_to(tw_output(c, 1), i),
                                value_at(c, n, order[i]), 1));
    }
    return TW_OK;
}

const tw_op_definition tw_op_SparseConcat = {
    .signature = "indices: N * int64, values: N * T, shapes: N * int64 -> output_indices: int64, "
                 "output_values: T, output_shape: int64; concat_dim: int; N: int >= 2; T: type",
    .doc = "Sparse tensors one behind the other along a dimension, their rows in order.",
    .since = "negative concat_dim: 0.12",
    .examples = {"sparse_concat([[[0, 2], [1, 0]], [[1, 1]]], [[1., 2.], [3.]], [[2, 3], [2, 3]], "
                 "concat_dim=1) -> [[0, 2], [1, 0], [1, 4]], [1., 2., 3.], [2, 6]"},
    .infer = infer_concat,
    .gradient = tw_not_differentiable,
    .compute = compute_concat,
    .workspace = workspace_concat,
};

/* ---- parts ---- */

/* Rows inside of start .. start + size, shifted to 0, into outputs; the sizes too. */
static tw_status *cut(tw_compute *c, size_t first, const int64_t *start, const int64_t *size,
                      const size_t outputs[3])
{
    const tw_array *indices = tw_input(c, first), *values = tw_input(c, first + 1);
    size_t count = (size_t)indices->dims[0], rank = (size_t)indices->dims[1], kept = 0, to = 0;
    const int64_t *rows = indices->data;
    tw_array *out[3];
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < count; i++) {
            bool inside = true;
            for (size_t k = 0; k < rank; k++)
                inside &= rows[i * rank + k] >= start[k] && rows[i * rank + k] - start[k] < size[k];
            if (!inside)
                continue;
            if (pass == 0) {
                kept++;
                continue;
            }
            for (size_t k = 0; k < rank; k++)
                ((int64_t *)out[0]->data)[to * rank + k] = rows[i * rank + k] - start[k];
            TW_TRY(tw_elements_copy(values->dtype, tw_element_to(out[1], to),
                                    tw_element_at(values, i), 1));
            to++;
        }
        if (pass == 1)
            break;
        TW_TRY(tw_compute_allocate(c, outputs[0], TW_SHAPE((int64_t)kept, (int64_t)rank), &out[0]));
        TW_TRY(tw_compute_allocate(c, outputs[1], TW_SHAPE((int64_t)kept), &out[1]));
        TW_TRY(tw_compute_allocate(c, outputs[2], TW_SHAPE((int64_t)rank), &out[2]));
    }
    for (size_t k = 0; k < rank; k++)
        ((int64_t *)out[2]->data)[k] = size[k];
    return TW_OK;
}

/* How many rows fall into a part is known from the numbers alone. */
static void infer_parts(tw_infer *in, size_t n, int64_t rank)
{
    for (size_t i = 0; i < n; i++) {
        tw_infer_output(in, i, TW_SHAPE(-1, rank));
        tw_infer_output(in, n + i, TW_SHAPE(-1));
        tw_infer_output(in, 2 * n + i, TW_SHAPE(rank));
    }
}

/* The attribute says how many parts there are, so the outputs are three lists of that length. */
static void infer_split(tw_infer *in)
{
    tw_infer_scalar(in, 0);
    infer_parts(in, tw_infer_output_count(in) / 3, tw_infer_sparse(in, 1).rank);
}

/* The first parts are one longer where the size does not divide. */
static tw_status *compute_split(tw_compute *c)
{
    const tw_array *sizes = tw_input(c, 3);
    size_t axis, n = c->output_count / 3u, rank = sizes->count;
    int64_t start[TW_MAX_RANK] = {0}, size[TW_MAX_RANK];
    if (rank > TW_MAX_RANK)
        return tw_compute_fail(c, "rank %zu is too high", rank);
    TW_TRY(tw_compute_axis(c, 0, rank, &axis));
    for (size_t k = 0; k < rank; k++)
        size[k] = tw_index_at(sizes, k);
    int64_t whole = size[axis];
    if (whole < (int64_t)n)
        return tw_compute_fail(c,
                               "Input num_split should be between 1 and the splitting dimension "
                               "size (%" PRId64 "), got %zu",
                               whole, n);
    for (size_t i = 0; i < n; i++) {
        size[axis] = whole / (int64_t)n + ((int64_t)i < whole % (int64_t)n);
        TW_TRY(cut(c, 1, start, size, (const size_t[]){i, n + i, 2 * n + i}));
        start[axis] += size[axis];
    }
    return TW_OK;
}

const tw_op_definition tw_op_SparseSplit = {
    .signature = "split_dim: int64, indices: int64, values: T, shape: int64 -> "
                 "output_indices: num_split * int64, output_values: num_split * T, "
                 "output_shape: num_split * int64; num_split: int >= 1; T: type",
    .doc = "The parts of a sparse tensor along a dimension, equal but for the first ones, which "
           "are one longer if the size does not divide.",
    .examples = {"sparse_split(1, [[0, 2], [1, 0]], [1., 2.], [2, 3], num_split=2) -> [[1, 0]], "
                 "[[0, 0]], [2.], [1.], [2, 2], [2, 1]"},
    .infer = infer_split,
    .gradient = tw_gradient_undefined,
    .compute = compute_split,
};

/* Start and size have an entry for each dimension. */
static void infer_slice(tw_infer *in)
{
    int64_t rank = tw_infer_sparse(in, 0).rank;
    for (size_t i = 3; i < 5; i++) {
        if (!tw_dims_agree(rank, tw_infer_dim(tw_infer_vector(in, i), 0)))
            tw_infer_fail(in, "start and size need one entry for each of %" PRId64 " dimensions",
                          rank);
    }
    infer_parts(in, 1, rank);
}

/* A start behind the end gives an empty part, not an error; a size that goes too far is cut. */
static tw_status *compute_slice(tw_compute *c)
{
    const int64_t *shape = tw_input_data(c, 2), *start = tw_input_data(c, 3);
    const int64_t *wanted = tw_input_data(c, 4);
    size_t rank = tw_input(c, 2)->count;
    int64_t size[TW_MAX_RANK];
    if (rank > TW_MAX_RANK)
        return tw_compute_fail(c, "rank %zu is too high", rank);
    for (size_t k = 0; k < rank; k++) {
        if (start[k] < 0 || wanted[k] < 0 || shape[k] < 0)
            return tw_compute_fail(c, "start, size and shape may not be negative");
        int64_t left = shape[k] > start[k] ? shape[k] - start[k] : 0;
        size[k] = wanted[k] < left ? wanted[k] : left;
    }
    return cut(c, 0, start, size, (const size_t[]){0, 1, 2});
}

/* The slice's own rows say which values it took. */
static tw_status *gradient_slice(tw_gradient *g)
{
    g->dx[1] = tw_grad_of(
        tw_sparse_slice_grad(tw_gradient_dy(g, 1), g->inputs[0], g->inputs[3], g->outputs[0]));
    return TW_OK;
}

const tw_op_definition tw_op_SparseSlice = {
    .signature = "indices: int64, values: T, shape: int64, start: int64, size: int64 -> "
                 "output_indices: int64, output_values: T, output_shape: int64; T: type",
    .doc = "The part of a sparse tensor that begins at `start` and has the sizes `size`, or what "
           "there is of it.",
    .since = "SparseSlice: 1.3",
    .examples = {"sparse_slice([[0, 2], [1, 0]], [1., 2.], [2, 3], [0, 1], [2, 2]) -> [[0, 1]], "
                 "[1.], [2, 2]"},
    .infer = infer_slice,
    .gradient = gradient_slice,
    .compute = compute_slice,
};

/* ---- what of a slice's gradient belongs to which value ---- */

/* One number for each value of the tensor that was cut. */
static void infer_slice_grad(tw_infer *in)
{
    tw_shape rows = tw_infer_matrix(in, 1);
    tw_infer_vector(in, 0);
    tw_infer_vector(in, 2);
    tw_infer_matrix(in, 3);
    tw_infer_output(in, 0, TW_SHAPE(tw_infer_dim(rows, 0)));
}

/* The slice's rows are in the order of the input's, so one pass over both finds them. */
static tw_status *compute_slice_grad(tw_compute *c)
{
    const tw_array *grad = tw_input(c, 0), *all = tw_input(c, 1), *part = tw_input(c, 3);
    const int64_t *rows = all->data, *start = tw_input_data(c, 2), *cut_rows = part->data;
    size_t rank = (size_t)all->dims[1], at = 0;
    if (grad->count != (size_t)part->dims[0] || (size_t)part->dims[1] != rank ||
        tw_input(c, 2)->count != rank)
        return tw_compute_fail(c, "the sizes of the slice, its gradient and its start differ");
    tw_zero_array(tw_output(c, 0));
    for (size_t i = 0; i < (size_t)all->dims[0] && at < grad->count; i++) {
        bool same = true;
        for (size_t k = 0; k < rank; k++)
            same &= rows[i * rank + k] - start[k] == cut_rows[at * rank + k];
        if (same)
            TW_TRY(tw_elements_copy(grad->dtype, tw_element_to(tw_output(c, 0), i),
                                    tw_element_at(grad, at++), 1));
    }
    return TW_OK;
}

const tw_op_definition tw_op_SparseSliceGrad = {
    .signature = "backprop_val_grad: T, input_indices: int64, input_start: int64, "
                 "output_indices: int64 -> val_grad: T; T: numbertype",
    .doc = "The gradient of SparseSlice's values: that of the slice where it has a value, else 0.",
    .since = "SparseSliceGrad: 1.11",
    .examples = {"sparse_slice_grad([5.], [[0, 2], [1, 0]], [0, 1], [[0, 1]]) -> [5., 0.]"},
    .infer = infer_slice_grad,
    .gradient = tw_not_differentiable,
    .compute = compute_slice_grad,
};
