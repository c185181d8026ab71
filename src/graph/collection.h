/* SPDX-License-Identifier: Apache-2.0
 * Collections: lists of tensors by name, in the order in which they were added. */
#ifndef TW_GRAPH_COLLECTION_H
#define TW_GRAPH_COLLECTION_H

#include "graph/graph.h"

typedef TW_VEC(tw_tensor) tw_collection;

void tw_collections_clear(tw_graph *graph);

#endif
