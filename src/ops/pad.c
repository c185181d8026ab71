/* SPDX-License-Identifier: Apache-2.0
 * Pad and PadV2: an array with a border of one value. */
#include "ops/paddings.h"

/* PadV2 has a third input, the value, which must be a scalar; the sizes are the same for both. */
static void infer(tw_infer *in)
{
    if (tw_infer_input_count(in) > 2)
        tw_infer_scalar(in, 2);
    tw_infer_paddings(in, 1);
}

/* dx = the middle of dy. */
static tw_status *gradient(tw_gradient *g)
{
    tw_tensor x = g->inputs[0], paddings = g->inputs[1];
    tw_tensor column = tw_stack(
        TW_LIST(tw_rank(x), tw_operand_tensor(tw_of_int(1), TW_INT32, NULL)));
    tw_tensor before = tw_slice(paddings, TW_INTS(0, 0), column);
    g->dx[0] = tw_grad_of(tw_slice(tw_gradient_dy(g, 0), tw_reshape(before, TW_INTS(-1)),
                                   tw_gradient_shape_like(x, paddings)));
    return TW_OK;
}

/* Paddings are values of the run; they are read and checked again there, also where the rule has
 * known them. */
static tw_status *pad(tw_compute *c, const void *value)
{
    const tw_array *x = tw_input(c, 0);
    int64_t before[TW_MAX_RANK], after[TW_MAX_RANK];
    TW_TRY(tw_read_paddings(c, 1, before, after));
    tw_par par = tw_compute_par(c);
    return (tw_pad)(x->dtype, tw_shape_of(x), before, after, value, x->data, tw_output_data(c, 0),
                    &par);
}

/* No value means zero of the dtype, or the empty string. */
static tw_status *compute(tw_compute *c)
{
    return pad(c, NULL);
}

/* The value is a scalar of the array's dtype. */
static tw_status *compute_v2(tw_compute *c)
{
    return pad(c, tw_input_data(c, 2));
}

const tw_op_definition tw_op_Pad = {
    .signature = "input: T, paddings: Tpaddings -> output: T; T: type; "
                 "Tpaddings: {int32, int64} = int32",
    .doc = "The array with zeros around it: paddings[i, 0] before and paddings[i, 1] after what it "
           "has in dimension i.",
    .since = "int64 paddings: 0.12",
    .examples = {"pad([[1, 2]], [[1, 0], [0, 2]]) -> [[0, 0, 0, 0], [1, 2, 0, 0]]"},
    .shape_inputs = 1 << 1,
    .infer = infer,
    .gradient = gradient,
    .compute = compute,
};

const tw_op_definition tw_op_PadV2 = {
    .signature = "input: T, paddings: Tpaddings, constant_values: T -> output: T; T: type; "
                 "Tpaddings: {int32, int64} = int32",
    .doc = "The array with `constant_values` around it: paddings[i, 0] before and paddings[i, 1] "
           "after what it has in dimension i.",
    .builder = "pad_v2",
    .since = "PadV2: 1.4",
    .examples = {"pad_v2([1, 2], [[1, 2]], 9) -> [9, 1, 2, 9, 9]"},
    .shape_inputs = 1 << 1,
    .infer = infer,
    .gradient = gradient,
    .compute = compute_v2,
};
