/* SPDX-License-Identifier: Apache-2.0
 * OneHot: an axis of `depth` elements, one of which is on. */
#include "ops/arrays.h"

/* The new axis may stand behind all others (-1 or the rank). An unknown depth leaves the rank
 * known. */
static void infer(tw_infer *in)
{
    tw_shape indices = tw_infer_input(in, 0);
    int64_t axis = tw_infer_int(in, "axis"), rank = (int64_t)indices.rank, depth = -1;
    bool known = tw_infer_int_value(in, 1, &depth);
    for (size_t i = 1; i < 4; i++)
        tw_infer_scalar(in, i);
    if (axis < -1)
        tw_infer_fail(in, "axis must be >= -1");
    if (known && depth < 0)
        tw_infer_fail(in, "depth must be non-negative, got: %" PRId64, depth);
    if (indices.dims && axis > rank)
        tw_infer_fail(in,
                      "Expected axis to be -1 or between [0, %" PRId64 ").  But received: %" PRId64,
                      rank + 1, axis);
    if (!indices.dims || tw_infer_failed(in))
        return;
    size_t at = (size_t)(axis < 0 ? rank : axis);
    tw_shape head = tw_infer_concat(in, tw_infer_slice(in, indices, 0, at),
                                    TW_SHAPE(known ? depth : -1));
    tw_infer_output(in, 0, tw_infer_concat(in, head, tw_infer_slice(in, indices, at, SIZE_MAX)));
}

/* Indices may be uint8 as well as int32 and int64, which tw_index_at does not read. */
static int64_t index_of(const tw_array *indices, size_t i)
{
    return tw_element_get_int(indices->dtype, tw_element_at(indices, i));
}

/* All is filled with off_value first. An index out of range turns nothing on, which is
 * TensorFlow's rule and no error. */
static tw_status *compute(tw_compute *c)
{
    const tw_array *indices = tw_input(c, 0);
    tw_array *y = tw_output(c, 0);
    int64_t axis = tw_compute_int(c, "axis");
    size_t at = axis < 0 ? indices->rank : (size_t)axis, depth = (size_t)y->dims[at];
    size_t inner = tw_span(indices->dims, at, indices->rank);
    tw_par par = tw_compute_par(c);
    if (y->count == 0)
        return TW_OK;
    TW_TRY((tw_fill)(y->dtype, tw_input_data(c, 3), y->count, y->data, &par));
    for (size_t i = 0; i < indices->count; i++) {
        int64_t on = index_of(indices, i);
        if (on < 0 || on >= (int64_t)depth)
            continue;
        size_t to = (i / inner * depth + (size_t)on) * inner + i % inner;
        TW_TRY(tw_elements_copy(y->dtype, tw_element_to(y, to), tw_input_data(c, 2), 1));
    }
    return TW_OK;
}

const tw_op_definition tw_op_OneHot = {
    .signature = "indices: TI, depth: int32, on_value: T, off_value: T -> output: T; "
                 "axis: int = -1; T: type; TI: {uint8, int32, int64} = int64",
    .builder = "raw_one_hot",
    .doc =
        "For each index a row of `depth` elements along a new dimension `axis` (-1: the last), "
        "all `off_value` but the one that the index names, which is `on_value`. An index outside "
        "gives a row that is all off.",
    .since = "OneHot: 0.8; uint8: 0.11",
    .examples = {"raw_one_hot([0, 2, -1], 3, 1., 0.) -> [[1., 0., 0.], [0., 0., 1.], [0., 0., 0.]]",
                 "raw_one_hot([0, 1], 2, 5, 0, axis=0) -> [[5, 0], [0, 5]]"},
    .shape_inputs = 1 << 1,
    .infer = infer,
    .gradient = tw_not_differentiable,
    .compute = compute,
};
