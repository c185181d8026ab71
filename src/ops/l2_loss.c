/* SPDX-License-Identifier: Apache-2.0
 * L2Loss: half the sum of squares. */
#include "kernels/reduce.h"

#include "op/define.h"

/* d(sum(t^2) / 2) = t, which dy, a scalar, multiplies by broadcasting. */
static tw_status *gradient(tw_gradient *g)
{
    g->dx[0] = tw_grad_of(tw_mul(g->inputs[0], tw_gradient_dy(g, 0)));
    return TW_OK;
}

/* Seen as a vector: the rank has no influence, and one reduction with double or pairwise sums
 * serves all shapes. */
static tw_status *compute(tw_compute *c)
{
    const tw_array *t = tw_input(c, 0);
    int64_t count = (int64_t)t->count;
    tw_par par = tw_compute_par(c);
    return tw_reduce(TW_REDUCE_L2_LOSS, t->dtype, (tw_shape){&count, 1}, &(bool){true}, t->data,
                     tw_output_data(c, 0), &par);
}

const tw_op_definition tw_op_L2Loss = {
    .signature = "t: T -> output: T; T: {half, bfloat16, float, double}",
    .doc = "Half the sum of the squares of all elements: sum(t^2) / 2, a scalar.",
    .builder = "l2_loss",
    .since = "half: 0.9; bfloat16: 1.6",
    .examples = {"l2_loss([3., 4.]) -> 12.5"},
    .infer = tw_infer_scalar_output,
    .gradient = gradient,
    .compute = compute,
};
