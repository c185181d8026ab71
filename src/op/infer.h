/* SPDX-License-Identifier: Apache-2.0
 * Running a shape rule. The caller fills the inputs; the rule fills the outputs; all memory is the
 * arena's. */
#ifndef TW_OP_INFER_H
#define TW_OP_INFER_H

#include "op/op.h"

struct tw_infer {
    const tw_spec *spec;
    tw_arena *arena;
    size_t input_count, output_count;
    const tw_dtype *dtypes;        /* of the inputs, without references */
    const tw_shape *shapes;        /* of the inputs */
    const tw_array *const *values; /* of the inputs, NULL where not known; may itself be NULL */
    /* what is known of integer vectors, where `values` has nothing; may be NULL */
    const tw_shape *value_shapes;
    /* bit i: the rule asked for the value of input i (31: or a later one) */
    uint32_t read;
    tw_shape *outputs; /* filled; unknown at first; dims are the arena's */
    tw_status *status; /* the first failure of the rule, undecorated */
};

/* Runs `fn` (NULL: the definition's rule). in->outputs must have room for output_count. Returns the
 * rule's failure (in->status is NULL then); all outputs are of unknown shape after one. */
tw_status *tw_infer_run(tw_infer *in, tw_infer_fn fn, void *user);

#endif
