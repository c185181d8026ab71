/* SPDX-License-Identifier: Apache-2.0
 * What explain.c says of a step, found by explain_why.c. All texts are literals. */
#ifndef TW_RUNTIME_EXPLAIN_H
#define TW_RUNTIME_EXPLAIN_H

#include "plan/variant.h"

/* "MatMul+bias" of "_FusedMatMul"; NULL: none of the planner's own operations. */
const char *tw_explain_made_of(const char *name) TW_COLD;
/* By value: a node that reads it and might have been one step with what makes it, + 1; 0: none. */
void tw_explain_readers(const tw_plan *plan, uint32_t *readers) TW_COLD;
/* Why the step is not one with a neighbour; NULL: it has none. */
const char *tw_explain_alone(const tw_variant *v, const tw_step *step,
                             const uint32_t *readers) TW_COLD;
/* Why the step reads no packed copy; NULL: its kind never does. */
const char *tw_explain_unpacked(const tw_variant *v, const tw_step *step) TW_COLD;

#endif
