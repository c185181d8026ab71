/* SPDX-License-Identifier: Apache-2.0
 * Placeholder, PlaceholderV2, PlaceholderWithDefault: values from outside, fed to a run. A fed
 * placeholder is never computed: the kernel runs only where the feed is missing. */
#include "op/define.h"

/* The declared shape is all that is known: a run may feed any array that agrees with it. */
static void infer(tw_infer *in)
{
    tw_infer_output(in, 0, tw_infer_attr(in, "shape")->value.shape);
}

/* Only reached where the feed is missing. The words are what users know from TensorFlow, with
 * the shape only if one was declared. */
static tw_status *refuse(tw_compute *c)
{
    tw_shape shape = tw_compute_attr(c, "shape")->value.shape;
    const char *dtype = tw_dtype_tf_name(tw_compute_type(c, "dtype"));
    if (!shape.dims)
        return tw_compute_fail(c, "You must feed a value for placeholder tensor '%s' with dtype %s",
                               tw_compute_name(c), dtype);
    return tw_compute_fail(
        c, "You must feed a value for placeholder tensor '%s' with dtype %s and shape %s",
        tw_compute_name(c), dtype, tw_shape_tf_text(shape).s);
}

const tw_op_definition tw_op_Placeholder = {
    .signature = "-> output: dtype; dtype: type; shape: shape = ?",
    .doc = "A tensor whose value every run is fed; its shape must suit `shape`.",
    .infer = infer,
    .gradient = tw_not_differentiable,
    .compute = refuse,
    .flags = TW_OP_STATEFUL,
};

const tw_op_definition tw_op_PlaceholderV2 = {
    .signature = "-> output: dtype; dtype: type; shape: shape",
    .doc = "As Placeholder; a shape of no dimensions means a scalar.",
    .builder = "",
    .since = "0.12",
    .infer = infer,
    .gradient = tw_not_differentiable,
    .compute = refuse,
    .flags = TW_OP_STATEFUL,
};

/* What may be fed counts, not what the default happens to be. */
static void infer_default(tw_infer *in)
{
    tw_shape shape = tw_infer_attr(in, "shape")->value.shape;
    tw_infer_merge(in, tw_infer_input(in, 0), shape);
    tw_infer_output(in, 0, shape);
}

/* A default is an ordinary value: derivatives go through, to what it is computed from. */
static tw_status *default_gradient(tw_gradient *g)
{
    g->dx[0] = g->dy[0];
    return TW_OK;
}

const tw_op_definition tw_op_PlaceholderWithDefault = {
    .signature = "input: dtype -> output: dtype; dtype: type; shape: shape",
    .doc = "What is fed, of a shape that suits `shape`, or else `input`.",
    .since = "0.9",
    .examples = {"placeholder_with_default([1., 2.], [2]) -> [1., 2.]"},
    .infer = infer_default,
    .gradient = default_gradient,
    .compute = tw_compute_alias,
};
