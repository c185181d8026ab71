/* SPDX-License-Identifier: Apache-2.0
 * Shape rules and kernels that many ops share. */
#ifndef TW_OP_SHAPES_H
#define TW_OP_SHAPES_H

#include "thalweg/op.h"

void tw_infer_same(tw_infer *in);          /* every output has the shape of input 0 */
void tw_infer_scalar_output(tw_infer *in); /* every output is a scalar */
void tw_infer_broadcast_all(tw_infer *in); /* output 0: the inputs broadcast */
/* A kernel that copies input 0 into output 0, unless they share memory. */
tw_status *tw_compute_alias(tw_compute *c);

/* "[2,3]", "<unknown>": a shape as TensorFlow's errors of kernels write it. */
tw_text tw_shape_tf_text(tw_shape shape);

#endif
