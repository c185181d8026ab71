/* SPDX-License-Identifier: Apache-2.0
 * Between the messages of a GraphDef and what a graph holds: arrays, attributes, operations. */
#ifndef TW_GRAPH_GRAPH_DEF_H
#define TW_GRAPH_GRAPH_DEF_H

#include "graph/graph.h"
#include "wire/message.h"

/* A file may say "2^40 zeros" in a few bytes: so much may come out of one import that does not
 * stand in the file itself. */
#define TW_IMPORT_BUDGET (INT64_C(1) << 30)

/* tensor_proto.c. *out is a new reference; NULL for what an array cannot hold (handles). `budget`
 * is what may still be expanded. */
tw_status *tw_tensor_from_proto(const tw_message *proto, int64_t *budget, tw_array **out);
/* The array's memory is borrowed until the message is written. */
bool tw_tensor_to_proto(const tw_array *array, tw_message *proto);
/* Dims in the arena. */
tw_status *tw_shape_from_proto(const tw_message *proto, tw_arena *arena, tw_shape *out);
bool tw_shape_to_proto(tw_shape shape, tw_message *proto);

/* attr_value.c. Memory in the arena; arrays are referenced and must be released by tw_attr_release,
 * also after an error. The name is not set. */
tw_status *tw_attr_from_value(const tw_message *value, tw_arena *arena, int64_t *budget,
                              tw_attr *out);
bool tw_attr_to_value(const tw_attr *attr, tw_message *value);

/* What the import of one GraphDef works on. */
typedef struct tw_import_input {
    size_t node;
    int32_t index;
} tw_import_input;

/* One node on its way in. The operation is NULL until the nodes before it in the order stand. */
typedef struct tw_import_node {
    const tw_message *def;
    const char *type;
    char *name;              /* with the prefix */
    tw_import_input *inputs; /* data inputs, then control inputs */
    size_t input_count, control_count;
    int32_t used_outputs; /* one more than the greatest index that is read */
    int state;            /* of the walk in import_order.c */
    tw_operation *op;
} tw_import_node;

/* One import as a whole. The graph gets `kept` only when every node could be made; otherwise
 * nothing of it remains. */
typedef struct tw_importer {
    tw_graph *graph;
    const char *prefix; /* "a/", or "" */
    tw_message *def;
    tw_arena scratch; /* the messages and what the import needs while it goes on */
    tw_arena kept;    /* the operations' */
    tw_import_node *nodes;
    size_t count;
    tw_map by_name; /* the file's names -> tw_import_node * */
    size_t *order;  /* each after its inputs, but for back edges */
    int64_t budget;
    size_t memory_limit; /* of `kept` */
    const void *rest;    /* the GraphDef without its nodes */
    size_t rest_size;
} tw_importer;

/* import_order.c: names, inputs, and an order in which the nodes can be made. */
tw_status *tw_import_read(tw_importer *importer);
tw_status *tw_import_sort(tw_importer *importer);
/* NextIteration into Merge: the one edge that may lead back. */
bool tw_import_is_back_edge(const tw_import_node *from, const tw_import_node *to);
/* An error about a node of the file. */
tw_status *tw_import_fail(const tw_import_node *node, const char *format, ...)
    TW_PRINTF(2, 3) TW_COLD;

/* import_node.c: makes the operation of one node, whose inputs were made but for back edges. */
tw_status *tw_import_make(tw_importer *importer, tw_import_node *node);

#endif
