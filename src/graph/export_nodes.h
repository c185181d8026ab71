/* SPDX-License-Identifier: Apache-2.0
 * Nodes that stand only in a file: what writes LoopValues as stacks adds them to the GraphDef. */
#ifndef TW_GRAPH_EXPORT_NODES_H
#define TW_GRAPH_EXPORT_NODES_H

#include "graph/export_stacks.h"

enum { TW_EXPORT_INPUTS = 3 }; /* of such a node, at most */

/* Names that begin with one base, each once in the graph and in the file. */
typedef struct tw_export_nodes {
    const tw_graph *graph;
    tw_arena *arena;
    tw_message *def;
    tw_added_control **added; /* by operation id */
    tw_map names;             /* that were given here */
} tw_export_nodes;

/* NULL: no memory. */
const char *tw_export_name(tw_export_nodes *e, const char *base, const char *what);
/* As an input: what has run before. NULL where there is no memory, here or before. */
const char *tw_export_control(tw_export_nodes *e, const char *node);
/* Inputs end at the first NULL. */
tw_status *tw_export_node(tw_export_nodes *e, const char *type, const char *name,
                          const char *const inputs[TW_EXPORT_INPUTS], const tw_attr *attrs,
                          size_t attr_count);
/* A control input more of an operation of the graph. */
tw_status *tw_export_add_control(tw_export_nodes *e, const tw_operation *op, const char *from);

#endif
