/* SPDX-License-Identifier: Apache-2.0
 * Shape, ShapeN, Size, Rank: what is known of an array without a look at its elements. */
#include "op/define.h"

/* Writes element `index` of an int32 or int64 output. */
static tw_status *put(const tw_compute *c, tw_array *out, size_t index, int64_t value)
{
    if (out->dtype == TW_INT64) {
        ((int64_t *)out->data)[index] = value;
        return TW_OK;
    }
    if (value > INT32_MAX)
        return tw_compute_fail(c, "output type is 32-bit but %" PRId64 " does not fit", value);
    ((int32_t *)out->data)[index] = (int32_t)value;
    return TW_OK;
}

/* A shape of known rank is a vector of known length. */
static void infer_shape(tw_infer *in)
{
    for (size_t i = 0; i < tw_infer_input_count(in); i++) {
        tw_shape shape = tw_infer_input(in, i);
        tw_infer_output(in, i, TW_SHAPE(shape.dims ? (int64_t)shape.rank : -1));
    }
}

/* ShapeN is Shape for each input; a dim that does not fit an int32 output is an error and not
 * cut. */
static tw_status *compute_shape(tw_compute *c)
{
    for (size_t i = 0; i < c->input_count; i++)
        for (size_t d = 0; d < tw_input(c, i)->rank; d++)
            TW_TRY(put(c, tw_output(c, i), d, tw_input(c, i)->dims[d]));
    return TW_OK;
}

const tw_op_definition tw_op_Shape = {
    .signature = "input: T -> output: out_type; T: type; out_type: {int32, int64} = int32",
    .doc = "The shape of a tensor, a vector of integers.",
    .since = "out_type: 0.10",
    .examples = {"shape([[1., 2., 3.], [4., 5., 6.]]) -> [2, 3]"},
    .flags = TW_OP_SHAPE_ONLY,
    .infer = infer_shape,
    .gradient = tw_not_differentiable,
    .compute = compute_shape,
};

const tw_op_definition tw_op_ShapeN = {
    .signature = "input: N * T -> output: N * out_type; N: int >= 1; T: type; "
                 "out_type: {int32, int64} = int32",
    .doc = "The shapes of several tensors, each a vector of integers.",
    .builder = "shape_n",
    .examples = {"shape_n([[1., 2.], [3.]]) -> [2], [1]"},
    .since = "out_type: 0.10",
    .flags = TW_OP_SHAPE_ONLY,
    .infer = infer_shape,
    .gradient = tw_not_differentiable,
    .compute = compute_shape,
};

/* Counted when the array was made: nothing is multiplied here. */
static tw_status *compute_size(tw_compute *c)
{
    return put(c, tw_output(c, 0), 0, (int64_t)tw_input(c, 0)->count);
}

const tw_op_definition tw_op_Size = {
    .signature = "input: T -> output: out_type; T: type; out_type: {int32, int64} = int32",
    .doc = "The number of elements of a tensor.",
    .since = "out_type: 0.10",
    .examples = {"size([[1., 2., 3.], [4., 5., 6.]]) -> 6"},
    .flags = TW_OP_SHAPE_ONLY,
    .infer = tw_infer_scalar_output,
    .gradient = tw_not_differentiable,
    .compute = compute_size,
};

/* The rank needs no check: it is at most TW_MAX_RANK and fits every output dtype. */
static tw_status *compute_rank(tw_compute *c)
{
    return put(c, tw_output(c, 0), 0, (int64_t)tw_input(c, 0)->rank);
}

const tw_op_definition tw_op_Rank = {
    .signature = "input: T -> output: int32; T: type",
    .doc = "The number of dimensions of a tensor.",
    .examples = {"rank([[1., 2., 3.], [4., 5., 6.]]) -> 2", "rank(7) -> 0"},
    .flags = TW_OP_SHAPE_ONLY,
    .infer = tw_infer_scalar_output,
    .gradient = tw_not_differentiable,
    .compute = compute_rank,
};
