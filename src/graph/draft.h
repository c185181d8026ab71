/* SPDX-License-Identifier: Apache-2.0
 * An operation to be: completed by its signature and shape rule before the graph is touched. Adding
 * one and importing many both go through it. */
#ifndef TW_GRAPH_DRAFT_H
#define TW_GRAPH_DRAFT_H

#include "graph/graph.h"

/* Until it is complete nothing of the graph has changed, so that a refused operation leaves no
 * trace but its arena. */
typedef struct tw_draft {
    tw_graph *graph;
    tw_arena arena; /* of everything below; tw_draft_clear */
    const char *type, *name;
    const tw_op *op; /* NULL: not registered */
    tw_where where;
    tw_tensor *inputs; /* op NULL: comes later (a back edge), its dtype is known */
    tw_dtype *dtypes;  /* of the inputs */
    size_t input_count;
    const size_t *input_counts; /* NULL: from attributes */
    const tw_attr *attrs;       /* as given */
    size_t attr_count;
    const tw_dtype *output_dtypes; /* of an unregistered type */
    size_t output_count;
    tw_resolved resolved; /* by tw_draft_complete */
    tw_shape *shapes;     /* of the outputs */
} tw_draft;

/* Reads the inputs' dtypes and completes attributes, outputs and shapes. Calls the caller's shape
 * rules: no lock may be held. */
tw_status *tw_draft_complete(tw_draft *draft);
/* The operation in lasting memory, not yet in the graph; `arena` is the graph's (locked) or of an
 * import. The name is copied. */
tw_status *tw_draft_make(const tw_draft *draft, tw_arena *arena, tw_operation **out);
/* The arrays that a made operation holds, if it does not come into the graph. */
void tw_draft_unmake(tw_operation *op);
void tw_draft_clear(tw_draft *draft);
/* With the operation's name, inputs and place. */
tw_status *tw_draft_explain(const tw_draft *draft, tw_status *status);

#endif
