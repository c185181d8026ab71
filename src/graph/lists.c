/* SPDX-License-Identifier: Apache-2.0
 * Lists of tensors that composites give back: they live with their graph. */
#include "base/status.h"
#include "graph/graph.h"
#include "thalweg/operand.h"

tw_tensor *tw_build_tensors(tw_graph *graph, size_t count)
{
    tw_tensor *items = NULL;
    graph = graph ? graph : tw_default_graph();
    if (graph) {
        tw_graph_lock(graph);
        items = tw_arena_array(&graph->arena, count, sizeof *items);
        tw_graph_unlock(graph);
    }
    if (!items)
        tw_build_fail(tw_no_memory());
    return items;
}
