/* SPDX-License-Identifier: Apache-2.0
 * NoOp: nothing but a place for control dependencies to meet. */
#include "op/define.h"

/* Being run is the whole effect: control edges have done their work by then. */
static tw_status *compute(tw_compute *c)
{
    (void)c;
    return TW_OK;
}

const tw_op_definition tw_op_NoOp = {
    .signature = "->",
    .doc = "Does nothing; control dependencies meet in it.",
    .gradient = tw_not_differentiable,
    .compute = compute,
};
