/* SPDX-License-Identifier: Apache-2.0
 * SparseReorder: rows of indices in ascending order; SparseReshape: indices into another shape.
 *
 * Neither looks at values as numbers: texts are moved like everything else. */
#include "ops/sparse.h"

/* Nothing is added and nothing left out. */
static void infer_reorder(tw_infer *in)
{
    tw_sparse_sizes s = tw_infer_sparse(in, 0);
    tw_infer_output(in, 0, TW_SHAPE(s.count, s.rank));
    tw_infer_output(in, 1, TW_SHAPE(s.count));
}

/* An order and room to merge it. */
static size_t workspace_reorder(const tw_compute *c)
{
    size_t bytes;
    return tw_size_mul((size_t)c->inputs[0]->dims[0], 2 * sizeof(size_t), &bytes) ? bytes
                                                                                  : SIZE_MAX;
}

/* Sorting is stable: places that come twice keep their order. */
static tw_status *compute_reorder(tw_compute *c)
{
    const tw_array *indices = tw_input(c, 0), *values = tw_input(c, 1);
    size_t count = (size_t)indices->dims[0], rank = (size_t)indices->dims[1];
    size_t *order = tw_compute_workspace(c);
    TW_TRY(tw_sparse_check(c, indices, tw_input_data(c, 2), false));
    tw_sort_rows(indices->data, count, rank, order);
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < rank; k++)
            ((int64_t *)tw_output_data(c, 0))[i * rank + k] = tw_index_at(indices,
                                                                          order[i] * rank + k);
        TW_TRY(tw_elements_copy(values->dtype, tw_element_to(tw_output(c, 1), i),
                                tw_element_at(values, order[i]), 1));
    }
    return TW_OK;
}

/* Where each value went says where its derivative comes from. */
static tw_status *gradient_reorder(tw_gradient *g)
{
    tw_tensor count = tw_cast(tw_size(g->inputs[1]), TW_INT32);
    tw_tensor order =
        tw_sparse_reorder(g->inputs[0], tw_range(0, count, 1), g->inputs[2]).output_values;
    g->dx[1] = tw_grad_of(tw_gather(tw_gradient_dy(g, 1), tw_invert_permutation(order)));
    return TW_OK;
}

const tw_op_definition tw_op_SparseReorder = {
    .signature = "input_indices: int64, input_values: T, input_shape: int64 -> "
                 "output_indices: int64, output_values: T; T: type",
    .doc = "A sparse tensor with its rows of indices in ascending order, row-major.",
    .examples = {"sparse_reorder([[1, 1], [0, 2]], [3., 2.], [2, 3]) -> [[0, 2], [1, 1]], "
                 "[2., 3.]"},
    .infer = infer_reorder,
    .gradient = gradient_reorder,
    .compute = compute_reorder,
    .workspace = workspace_reorder,
};

/* ---- SparseReshape ---- */

/* The new rank is the length of the new sizes; how many rows there are stays. */
static void infer_reshape(tw_infer *in)
{
    tw_shape rows = tw_infer_matrix(in, 0);
    int64_t from = tw_infer_dim(tw_infer_vector(in, 1), 0);
    int64_t to = tw_infer_dim(tw_infer_vector(in, 2), 0);
    if (!tw_dims_agree(tw_infer_dim(rows, 1), from))
        tw_infer_fail(in, "Input shape has %" PRId64 " dims, indices have %" PRId64, from,
                      tw_infer_dim(rows, 1));
    tw_infer_output(in, 0, TW_SHAPE(tw_infer_dim(rows, 0), to));
    tw_infer_output(in, 1, TW_SHAPE(to));
}

/* The new sizes, one of which may follow from the others. */
static tw_status *resolve(const tw_compute *c, int64_t *sizes)
{
    const tw_array *wanted = tw_input(c, 2);
    int64_t volume, product = 1;
    size_t unknown = SIZE_MAX;
    if (!tw_sparse_volume(tw_input(c, 1), &volume))
        return tw_compute_fail(c, "the input shape is negative or too large");
    for (size_t i = 0; i < wanted->count; i++) {
        sizes[i] = tw_index_at(wanted, i);
        if (sizes[i] == -1 && unknown != SIZE_MAX)
            return tw_compute_fail(c, "only one output dimension may be -1, not both %zu and %zu",
                                   unknown, i);
        if (sizes[i] == -1)
            unknown = i;
        else if (sizes[i] < 0 || !tw_int64_mul(product, sizes[i], &product))
            return tw_compute_fail(c, "size %zu must be non-negative, not %" PRId64, i, sizes[i]);
    }
    if (unknown != SIZE_MAX) {
        if (product < 1 || volume % product)
            return tw_compute_fail(c,
                                   "reshape cannot infer the missing input size for %" PRId64
                                   " elements in parts of %" PRId64,
                                   volume, product);
        sizes[unknown] = volume / product;
        product = volume;
    }
    if (product != volume)
        return tw_compute_fail(c,
                               "Input to reshape is a tensor with %" PRId64 " dense values, but "
                               "the requested shape has %" PRId64,
                               volume, product);
    return TW_OK;
}

/* The volume fits 64 bits, which was checked, so no place inside of it overflows. */
static tw_status *compute_reshape(tw_compute *c)
{
    const tw_array *indices = tw_input(c, 0), *old = tw_input(c, 1);
    int64_t *rows = tw_output_data(c, 0), *sizes = tw_output_data(c, 1);
    size_t count = (size_t)indices->dims[0], from = old->count, to = tw_input(c, 2)->count;
    TW_TRY(resolve(c, sizes));
    TW_TRY(tw_sparse_check(c, indices, old->data, false));
    for (size_t i = 0; i < count; i++) {
        int64_t at = 0;
        for (size_t k = 0; k < from; k++)
            at = at * tw_index_at(old, k) + tw_index_at(indices, i * from + k);
        for (size_t k = to; k-- > 0; at /= sizes[k])
            rows[i * to + k] = at % sizes[k];
    }
    return TW_OK;
}

const tw_op_definition tw_op_SparseReshape = {
    .signature = "input_indices: int64, input_shape: int64, new_shape: int64 -> "
                 "output_indices: int64, output_shape: int64",
    .doc = "The indices of the same elements in another shape, row-major; a size of -1 follows "
           "from the others.",
    .since = "SparseReshape: 0.10",
    .examples = {"sparse_reshape([[0, 2], [1, 1]], [2, 3], [3, -1]) -> [[1, 0], [2, 0]], [3, 2]"},
    .infer = infer_reshape,
    .gradient = tw_not_differentiable,
    .compute = compute_reshape,
};
