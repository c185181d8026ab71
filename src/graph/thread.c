/* SPDX-License-Identifier: Apache-2.0
 * What a thread has open, and its default graph. It goes with the thread; the main thread's stays
 * until the process ends or tw_reset_default_graph is called. */
#include "base/alloc.h"
#include "base/status.h"
#include "graph/scope.h"

static _Thread_local tw_thread_state state;

/* The record itself needs no memory: a thread that builds nothing has nothing. */
tw_thread_state *tw_thread_here(void)
{
    return &state;
}

/* A layer above keeps the default session; it cannot be called from here by name. */
void tw_on_reset(void (*fn)(void))
{
    state.on_reset = fn;
}

/* The session goes first, as it holds the graph. Also what runs when the thread ends. */
void tw_reset_default_graph(void)
{
    if (state.on_reset)
        state.on_reset();
    state.on_reset = NULL;
    tw_scope_pop_to(0);
    tw_graph_unref(state.graph);
    state.graph = NULL;
}

/* Made when first asked for, and given back when the thread ends. */
tw_graph *tw_default_graph(void)
{
    for (size_t i = state.scopes.count; i-- > 0;) {
        if (state.scopes.items[i]->kinds & TW_SCOPE_GRAPH)
            return state.scopes.items[i]->graph;
    }
    if (!state.graph) {
        state.graph = tw_graph_new();
        if (state.graph && !state.cleans_up)
            state.cleans_up = tw_os_on_thread_exit(tw_reset_default_graph);
    }
    return state.graph;
}

/* A gradient's operations are made where the forward ones were, a composite's where it was
 * called. */
tw_where tw_current_where(tw_where given)
{
    if (state.context && state.context->where.file)
        return state.context->where;
    return given;
}
