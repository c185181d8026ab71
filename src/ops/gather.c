/* SPDX-License-Identifier: Apache-2.0
 * Gather and GatherV2: slices of an array, picked by index along one dimension. */
#include <string.h>

#include "ops/arrays.h"

/* ---- shapes ---- */

/* params[:axis] + indices[batch_dims:] + params[axis + 1:] */
static void infer_at(tw_infer *in, tw_shape params, size_t axis, size_t batch_dims)
{
    tw_shape indices = tw_infer_input(in, 1);
    tw_shape head = tw_infer_slice(in, params, 0, axis);
    head = tw_infer_concat(in, head, tw_infer_slice(in, indices, batch_dims, SIZE_MAX));
    tw_infer_output(in, 0,
                    tw_infer_concat(in, head, tw_infer_slice(in, params, axis + 1, SIZE_MAX)));
}

/* A scalar has no rows to pick; indices may have any rank, which takes the place of dimension 0. */
static void infer_v1(tw_infer *in)
{
    tw_shape params = tw_infer_input(in, 0);
    if (params.dims && params.rank == 0)
        tw_infer_fail(in, "params must be at least 1 dimensional");
    infer_at(in, params, 0, 0);
}

/* batch_dims of GatherV2 in 0 .. indices' rank, no greater than axis; false: refused, or not known
 * yet. */
static bool infer_batch(tw_infer *in, tw_shape params, size_t axis, size_t *out)
{
    tw_shape indices = tw_infer_input(in, 1);
    int64_t dims = tw_infer_int(in, "batch_dims");
    *out = 0;
    if (!indices.dims)
        return dims == 0;
    int64_t rank = (int64_t)indices.rank;
    if (dims < -rank || dims > rank) {
        tw_infer_fail(
            in, "Expected batch_dims in the range [%" PRId64 ", %" PRId64 "], but got %" PRId64,
            -rank, rank, dims);
        return false;
    }
    *out = (size_t)(dims < 0 ? dims + rank : dims);
    if (*out > axis)
        tw_infer_fail(in, "batch_dims (%zu) must be less than or equal to axis (%zu)", *out, axis);
    for (size_t i = 0; i < *out && !tw_infer_failed(in); i++)
        if (!tw_dims_agree(params.dims[i], indices.dims[i]))
            tw_infer_fail(in,
                          "params.shape[%zu]: %" PRId64 " should be equal to indices.shape[%zu]: "
                          "%" PRId64,
                          i, params.dims[i], i, indices.dims[i]);
    return !tw_infer_failed(in);
}

/* With an axis that is not known only the rank can be told, and only without batch dimensions. */
static void infer_v2(tw_infer *in)
{
    tw_shape params = tw_infer_input(in, 0), indices = tw_infer_input(in, 1);
    int64_t axis;
    size_t batch_dims;
    tw_infer_scalar(in, 2);
    if (params.dims && params.rank == 0)
        tw_infer_fail(in, "params must be at least 1 dimensional");
    if (!params.dims || tw_infer_failed(in))
        return;
    if (tw_infer_int_value(in, 2, &axis)) {
        axis = tw_infer_axis(in, axis, params.rank);
        if (infer_batch(in, params, (size_t)axis, &batch_dims))
            infer_at(in, params, (size_t)axis, batch_dims);
    } else if (indices.dims && tw_infer_int(in, "batch_dims") == 0) {
        tw_infer_output(in, 0, tw_infer_unknown(in, indices.rank + params.rank - 1));
    }
}

/* ---- derivatives ---- */

/* Along the first dimension: rows of params with gradients of their own. Both are reshaped even
 * where that changes nothing, as TensorFlow's names say. */
static tw_grad slices_of(tw_gradient *g)
{
    tw_tensor params = g->inputs[0], indices = g->inputs[1], dy = tw_gradient_dy(g, 0);
    tw_tensor shape = tw_cast(tw_shape(params, .out_type = TW_INT64), TW_INT32);
    tw_grad grad = {.kind = TW_GRAD_SLICES, .dense_shape = shape};
    tw_shape named = tw_tensor_shape(indices), rows = tw_tensor_shape(dy);
    if (tw_shape_fully_known(named) && tw_shape_fully_known(rows) && rows.rank >= named.rank) {
        int64_t flat[TW_MAX_RANK + 1] = {tw_shape_elements(named)};
        size_t tail = rows.rank - named.rank;
        memcpy(flat + 1, rows.dims + named.rank, tail * sizeof *flat);
        grad.values = tw_reshape(dy, ((tw_ints){flat, 1 + tail}));
        grad.indices = tw_reshape(indices, ((tw_ints){flat, 1}));
        return grad;
    }
    tw_tensor size = tw_expand_dims(tw_size(indices), 0);
    tw_tensor tail = tw_strided_slice(shape, TW_INTS(1), TW_INTS(0), TW_INTS(1), .end_mask = 1);
    grad.values = tw_reshape(dy, tw_concat(TW_LIST(size, tail), 0));
    grad.indices = tw_reshape(indices, size);
    return grad;
}

/* Slices instead of a dense array: rows that were not picked cost nothing, which is what makes
 * embeddings trainable. */
static tw_status *gradient_v1(tw_gradient *g)
{
    g->dx[0] = slices_of(g);
    return TW_OK;
}

/* What the parts of params' and indices' shapes multiply to: params as (batch, outer, dim, inner),
 * indices as (batch, count), dy as (batch, outer, count, inner). Each is a vector of one entry. */
typedef struct view {
    tw_tensor batch, outer, dim, inner, count;
} view;

/* The product of `count` dims from `from` on; -1 takes all that follow. An empty product is 1. */
static tw_tensor span(tw_tensor shape, tw_operand from, tw_tensor count)
{
    tw_tensor part = tw_slice(shape, tw_reshape(from, TW_INTS(1)), tw_reshape(count, TW_INTS(1)));
    return tw_reshape(tw_prod(part, 0), TW_INTS(1));
}

/* Sizes as vectors of one element, made of tensors, since params and indices may be of unknown
 * shape while building. */
static view make_view(tw_tensor params, tw_tensor indices, tw_tensor axis, int64_t batch_dims)
{
    tw_tensor shape = tw_shape(params), index_shape = tw_shape(indices);
    tw_tensor none = tw_operand_tensor(tw_of_int64(batch_dims), TW_INT32, NULL);
    tw_tensor all = tw_operand_tensor(tw_of_int(-1), TW_INT32, NULL);
    view v;
    v.batch = span(shape, tw_of_int(0), none);
    v.outer = span(shape, tw_of_tensor(none), tw_sub(axis, none));
    v.dim = tw_slice(shape, tw_reshape(axis, TW_INTS(1)), TW_INTS(1));
    v.inner = span(shape, tw_of_tensor(tw_add(axis, 1)), all);
    v.count = span(index_shape, tw_of_tensor(none), all);
    return v;
}

/* Indices into the rows of all batches laid one after the other. */
static tw_tensor flat_indices(tw_tensor indices, const view *v, int64_t batch_dims)
{
    tw_tensor flat = tw_reshape(indices, TW_INTS(-1));
    if (batch_dims == 0)
        return flat;
    tw_tensor scalar = tw_reshape(v->batch, TW_INTS()), dim = tw_reshape(v->dim, TW_INTS());
    tw_tensor starts = tw_mul(tw_range(0, scalar, 1), dim);
    tw_tensor rows = tw_reshape(indices, tw_concat(TW_LIST(v->batch, v->count), 0));
    if (tw_gradient_index_dtype(indices) == TW_INT64)
        starts = tw_cast(starts, TW_INT64);
    return tw_reshape(tw_add(rows, tw_expand_dims(starts, 1)), TW_INTS(-1));
}

/* Gradients of equal indices add up: dy with the indexed dimension in front is a segment sum. */
static tw_tensor summed(tw_gradient *g, tw_tensor axis, int64_t batch_dims)
{
    tw_tensor params = g->inputs[0], indices = g->inputs[1];
    view v = make_view(params, indices, axis, batch_dims);
    tw_tensor dy = tw_reshape(tw_gradient_dy(g, 0),
                              tw_concat(TW_LIST(v.batch, v.outer, v.count, v.inner), 0));
    tw_tensor rows = tw_concat(TW_LIST(tw_mul(v.batch, v.count), v.outer, v.inner), 0);
    dy = tw_reshape(tw_transpose(dy, TW_INTS(0, 2, 1, 3)), rows);
    tw_tensor segments = tw_reshape(tw_mul(v.batch, v.dim), TW_INTS());
    tw_tensor sum = tw_unsorted_segment_sum(dy, flat_indices(indices, &v, batch_dims), segments);
    sum = tw_reshape(sum, tw_concat(TW_LIST(v.batch, v.dim, v.outer, v.inner), 0));
    return tw_reshape(tw_transpose(sum, TW_INTS(0, 2, 1, 3)), tw_shape(params));
}

/* Along axis 0 the derivative is slices as for Gather; otherwise sums along the axis are needed,
 * with shapes that are found in the run. */
static tw_status *gradient_v2(tw_gradient *g)
{
    tw_array *value = tw_tensor_constant_value(g->inputs[2]);
    int64_t batch_dims = tw_gradient_int(g, "batch_dims");
    bool first = value && tw_index_at(value, 0) == 0 && batch_dims == 0;
    bool negative = !value || tw_index_at(value, 0) < 0;
    tw_array_unref(value);
    if (first) {
        g->dx[0] = slices_of(g);
        return TW_OK;
    }
    tw_shape indices = tw_tensor_shape(g->inputs[1]);
    if (batch_dims < 0 && !indices.dims)
        return tw_gradient_fail(g,
                                "the rank of indices must be known where batch_dims is negative");
    batch_dims += batch_dims < 0 ? (int64_t)indices.rank : 0;
    tw_tensor axis = g->inputs[2];
    if (tw_gradient_index_dtype(axis) == TW_INT64)
        axis = tw_cast(axis, TW_INT32);
    if (negative)
        axis = tw_floor_mod(axis, tw_rank(g->inputs[0]));
    g->dx[0] = tw_grad_of(summed(g, axis, batch_dims));
    return TW_OK;
}

/* ---- numbers ---- */

/* Each batch is a gather of its own. An empty result asks no index to be right, since there is
 * nothing to read. */
static tw_status *gather(tw_compute *c, size_t axis, size_t batch_dims)
{
    const tw_array *params = tw_input(c, 0), *indices = tw_input(c, 1);
    const tw_array *y = tw_output(c, 0);
    size_t batches = tw_span(params->dims, 0, batch_dims);
    size_t outer = tw_span(params->dims, batch_dims, axis);
    size_t limit = (size_t)params->dims[axis];
    size_t inner = tw_span(params->dims, axis + 1, params->rank);
    size_t count = tw_span(indices->dims, batch_dims, indices->rank);
    tw_par par = tw_compute_par(c);
    for (size_t b = 0; b < batches && y->count > 0; b++) {
        const char *from = tw_element_at(params, b * outer * limit * inner);
        char *to = tw_element_to(y, b * outer * count * inner);
        TW_TRY(tw_gather_rows(params->dtype, outer, limit, inner, from, indices->dtype,
                              tw_element_at(indices, b * count), count, to, &par));
    }
    return TW_OK;
}

/* Gather is GatherV2 along dimension 0, without batch dimensions. */
static tw_status *compute_v1(tw_compute *c)
{
    return gather(c, 0, 0);
}

/* A negative batch_dims counts from the end of indices, as in TensorFlow; the shape rule has
 * refused what is out of range. */
static tw_status *compute_v2(tw_compute *c)
{
    int64_t batch_dims = tw_compute_int(c, "batch_dims");
    size_t axis;
    TW_TRY(tw_compute_axis(c, 2, tw_input(c, 0)->rank, &axis));
    batch_dims += batch_dims < 0 ? (int64_t)tw_input(c, 1)->rank : 0;
    return gather(c, axis, (size_t)batch_dims);
}

const tw_op_definition tw_op_Gather = {
    .signature = "params: Tparams, indices: Tindices -> output: Tparams; "
                 "validate_indices: bool = true; Tparams: type; Tindices: {int32, int64}",
    .doc = "Slices of `params` along its first dimension: output[i, ...] = params[indices[i], "
           "...]. An index outside is an error.",
    .examples = {"gather([10, 20, 30], [2, 0, 2]) -> [30, 10, 30]",
                 "gather([[1, 2], [3, 4]], [1]) -> [[3, 4]]"},
    .infer = infer_v1,
    .gradient = gradient_v1,
    .compute = compute_v1,
};

const tw_op_definition tw_op_GatherV2 = {
    .signature = "params: Tparams, indices: Tindices, axis: Taxis -> output: Tparams; "
                 "batch_dims: int = 0; Tparams: type; Tindices: {int32, int64}; "
                 "Taxis: {int32, int64}",
    .doc = "Slices of `params` along the dimension `axis`, picked by `indices`. The first "
           "`batch_dims` dimensions are shared by params and indices: each has its own.",
    .builder = "gather_v2",
    .since = "GatherV2: 1.4; batch_dims: 1.14",
    .examples = {"gather_v2([[1, 2, 3], [4, 5, 6]], [2, 0], 1) -> [[3, 1], [6, 4]]",
                 "gather_v2([[1, 2], [3, 4]], [[1], [0]], 1, batch_dims=1) -> [[2], [3]]"},
    .shape_inputs = 1 << 2,
    .infer = infer_v2,
    .gradient = gradient_v2,
    .compute = compute_v2,
};
