/* SPDX-License-Identifier: Apache-2.0
 * Where builders report: the innermost build context of the thread, or else the graph. A composite
 * is such a context with a name scope. */
#include "base/alloc.h"
#include "base/status.h"
#include "graph/scope.h"

/* The first error stays, here and in the graph: what follows is mostly its consequence. */
void tw_build_report(tw_graph *graph, tw_status *status)
{
    tw_build_context *ctx = tw_thread_here()->context;
    if (!status)
        return;
    if (!ctx)
        tw_graph_fail(graph, status);
    else if (!ctx->status)
        ctx->status = status;
    else
        tw_status_free(status);
}

/* The graph is the current one, since an error has no operands to say another. */
tw_tensor tw_build_fail(tw_status *status)
{
    status = tw_status_with_where(status, tw_current_where((tw_where){NULL, 0}));
    tw_build_report(tw_default_graph(), status);
    return (tw_tensor){NULL, 0};
}

/* Contexts nest as C calls do, so the record lives on the caller's stack. */
void tw_build_enter(tw_build_context *ctx, tw_graph *graph, tw_where where)
{
    tw_thread_state *thread = tw_thread_here();
    *ctx = (tw_build_context){.outer = thread->context, .graph = graph, .where = where};
    if (graph) {
        ctx->status = tw_scope_push_graph(graph);
        ctx->pushed_graph = !ctx->status;
    }
    thread->context = ctx;
}

/* The caller decides what becomes of the error; nothing is reported here. */
tw_status *tw_build_leave(tw_build_context *ctx)
{
    tw_thread_here()->context = ctx->outer;
    if (ctx->pushed_graph)
        tw_scope_pop();
    tw_status *status = ctx->status;
    ctx->status = NULL;
    return status;
}

/* What a builder said came first and says more than what follows from it. */
tw_status *tw_build_end(tw_build_context *ctx, tw_status *status)
{
    tw_where where = ctx->where;
    tw_status *first = tw_build_leave(ctx);
    if (!first)
        return tw_status_with_where(status, where);
    tw_status_free(status);
    return first;
}

/* The scope is entered even if its name cannot be had: the error waits in its context. */
void tw_composite_enter(tw_composite_scope *scope, tw_where where, const tw_operand *graph_of,
                        const char *name, const char *default_name)
{
    bool tensor = graph_of && graph_of->kind == TW_OPERAND_TENSOR && graph_of->tensor.op;
    tw_graph *graph = tensor ? graph_of->tensor.op->graph : tw_default_graph();
    tw_build_enter(&scope->ctx, graph, tw_current_where(where));
    scope->depth = (int)tw_thread_here()->scopes.count;
    tw_status *status = tw_scope_push_name(name && *name ? name : default_name);
    tw_build_report(graph, tw_status_with_where(status, scope->ctx.where));
    scope->name = status ? "" : tw_scope_name();
}

/* Scopes that the composite left open, by an early return of what it called, go too. */
void tw_composite_leave(tw_composite_scope *scope)
{
    tw_graph *graph = scope->ctx.graph;
    tw_scope_pop_to(scope->depth);
    tw_build_report(graph, tw_build_leave(&scope->ctx));
}
