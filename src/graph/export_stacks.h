/* SPDX-License-Identifier: Apache-2.0
 * What a written graph has in place of LoopValues. */
#ifndef TW_GRAPH_EXPORT_STACKS_H
#define TW_GRAPH_EXPORT_STACKS_H

#include "graph/graph_def.h"

/* A control input that an operation has only in the file. */
typedef struct tw_added_control {
    const char *name; /* "^name" */
    struct tw_added_control *next;
} tw_added_control;

/* Adds to `def` the nodes that stand for the graph's LoopValues, and gives the control inputs that
 * other operations get for it, by id; NULL: there is no LoopValue. Needs the graph's lock. */
tw_status *tw_export_stacks(const tw_graph *graph, tw_arena *arena, tw_message *def,
                            tw_added_control ***added);

#endif
