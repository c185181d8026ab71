/* SPDX-License-Identifier: Apache-2.0
 * Lists of tensors and gradients that composites give back: they live with their graph. */
#include "base/status.h"
#include "graph/graph.h"
#include "thalweg/gradients.h"
#include "thalweg/operand.h"

/* Zeroed, which is what an invalid tensor and a gradient of no kind are. */
static void *new_list(tw_graph *graph, size_t count, size_t size)
{
    void *items = NULL;
    graph = graph ? graph : tw_default_graph();
    if (graph) {
        tw_graph_lock(graph);
        items = tw_arena_array(&graph->arena, count, size);
        tw_graph_unlock(graph);
    }
    if (!items)
        tw_build_fail(tw_no_memory());
    return items;
}

/* From the graph's arena, so that callers never free a list; a failure is put where builders put
 * theirs. */
tw_tensor *tw_build_tensors(tw_graph *graph, size_t count)
{
    return new_list(graph, count, sizeof(tw_tensor));
}

tw_grad *tw_build_grads(tw_graph *graph, size_t count)
{
    return new_list(graph, count, sizeof(tw_grad));
}
