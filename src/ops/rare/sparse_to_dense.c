/* SPDX-License-Identifier: Apache-2.0
 * SparseToDense: values put into an array that is filled with a default.
 *
 * The inverse of picking the values out by GatherNd, which is what its derivative does. */
#include "ops/sparse.h"

/* Indices may be a scalar (one value), a vector (of a vector) or rows. */
static void infer(tw_infer *in)
{
    tw_shape indices = tw_infer_input(in, 0), values = tw_infer_input(in, 2);
    tw_shape shape = tw_infer_size_value(in, 1);
    tw_infer_vector(in, 1);
    tw_infer_scalar(in, 3);
    if (indices.dims && indices.rank > 2)
        tw_infer_fail(in, "sparse_indices should be a scalar, vector, or matrix, got shape %s",
                      tw_shape_tf_text(indices).s);
    if (values.dims && values.rank > 1)
        tw_infer_fail(in, "sparse_values should be a scalar or vector, got shape %s",
                      tw_shape_tf_text(values).s);
    int64_t depth = !indices.dims ? -1 : indices.rank == 2 ? indices.dims[1] : 1;
    if (shape.dims && !tw_dims_agree(depth, (int64_t)shape.rank))
        tw_infer_fail(in, "output_shape has incorrect number of elements: %zu should be: %" PRId64,
                      shape.rank, depth);
    int64_t rows = !indices.dims ? -1 : indices.rank ? indices.dims[0] : 1;
    if (values.dims && values.rank == 1 && !tw_dims_agree(rows, values.dims[0]))
        tw_infer_fail(
            in, "sparse_values has incorrect shape [%" PRId64 "], should be [] or [%" PRId64 "]",
            values.dims[0], rows);
    tw_infer_output(in, 0, shape);
}

/* All indices are checked before the first is used. Without validation of the order a place may
 * come twice, and the last one stays. */
static tw_status *compute(tw_compute *c)
{
    const tw_array *indices = tw_input(c, 0), *values = tw_input(c, 2);
    tw_array *out = tw_output(c, 0);
    size_t rows = indices->rank ? (size_t)indices->dims[0] : 1, rank = out->rank;
    TW_TRY(tw_sparse_check(c, indices, out->dims, tw_compute_bool(c, "validate_indices")));
    for (size_t i = 0; i < out->count; i++)
        TW_TRY(tw_elements_copy(out->dtype, tw_element_to(out, i), tw_input_data(c, 3), 1));
    for (size_t i = 0; i < rows; i++) {
        size_t at = 0;
        for (size_t k = 0; k < rank; k++)
            at = at * (size_t)out->dims[k] + (size_t)tw_index_at(indices, i * rank + k);
        TW_TRY(tw_elements_copy(out->dtype, tw_element_to(out, at),
                                tw_element_at(values, values->rank ? i : 0), 1));
    }
    return TW_OK;
}

/* What stands where a value went is that one's, the rest the default's. */
static tw_status *gradient(tw_gradient *g)
{
    tw_tensor dy = tw_gradient_dy(g, 0), indices = g->inputs[0];
    tw_tensor depth = tw_size(g->inputs[1]), all = tw_neg(tw_ones_like(depth));
    tw_tensor rows = tw_reshape(indices, tw_pack(TW_LIST(all, depth)));
    tw_tensor dvalues = tw_gather_nd(dy, rows);
    g->dx[3] = tw_grad_of(tw_sub(tw_sum(tw_reshape(dy, TW_INTS(-1)), 0), tw_sum(dvalues, 0)));
    tw_shape values = tw_tensor_shape(g->inputs[2]);
    bool one = values.dims && values.rank == 0;
    g->dx[2] = tw_grad_of(one ? tw_sum(dvalues, 0) : dvalues);
    return TW_OK;
}

const tw_op_definition tw_op_SparseToDense = {
    .signature = "sparse_indices: Tindices, output_shape: Tindices, sparse_values: T, "
                 "default_value: T -> dense: T; validate_indices: bool = true; T: type; "
                 "Tindices: {int32, int64}",
    .doc = "An array of shape `output_shape` with `sparse_values` at the places that the rows of "
           "`sparse_indices` name and `default_value` elsewhere. Unless `validate_indices` is "
           "false the rows must ascend and none may come twice.",
    .examples = {"sparse_to_dense([[0, 1], [1, 0]], [2, 3], [5, 6], 0) -> [[0, 5, 0], [6, 0, 0]]",
                 "sparse_to_dense([1, 3], [5], 7, -1) -> [-1, 7, -1, 7, -1]"},
    .shape_inputs = 1 << 1,
    .infer = infer,
    .gradient = gradient,
    .compute = compute,
};
