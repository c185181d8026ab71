/* SPDX-License-Identifier: Apache-2.0
 * Const: a value that is part of the graph. tw_constant is the way to make one. */
#include "op/define.h"

/* The attributes could contradict each other in a graph from outside. The value gives the whole
 * shape, and rules of later nodes may read its elements. */
static void infer(tw_infer *in)
{
    const tw_array *value = tw_infer_attr(in, "value")->value.tensor;
    tw_dtype dtype = tw_infer_type(in, "dtype");
    if (value->dtype != dtype)
        tw_infer_fail(in, "Type mismatch between value (%s) and dtype (%s)",
                      tw_dtype_tf_name(value->dtype), tw_dtype_tf_name(dtype));
    tw_infer_output(in, 0, tw_shape_of(value));
}

/* The array belongs to the graph and is passed on by reference: a constant costs no memory in a
 * run. */
static tw_status *compute(tw_compute *c)
{
    return tw_compute_forward(c, 0, tw_compute_attr(c, "value")->value.tensor);
}

const tw_op_definition tw_op_Const = {
    .signature = "-> output: dtype; value: tensor; dtype: type",
    .doc = "The array `value`.",
    .builder = "",
    .infer = infer,
    .gradient = tw_not_differentiable,
    .compute = compute,
};
