/* SPDX-License-Identifier: Apache-2.0
 * Conditions: both branches are built, each in its region; a Switch of the predicate gives the
 * pivots that sources in them wait for, and a Merge each result. Nodes, names and their order are
 * TensorFlow's. The steps are for front ends; tw_cond goes through them with C functions. */
#include <string.h>

#include "base/alloc.h"
#include "base/status.h"
#include "graph/control_flow.h"
#include "graph/operand.h"
#include "graph/scope.h"
#include "thalweg/control_flow.h"

/* Arrays by side are indexed by the predicate's value: [0] the false branch, [1] the true one,
 * as a Switch numbers its outputs. */
struct tw_cond_builder {
    tw_graph *graph;
    tw_where where;
    int depth;       /* of the scopes around the condition */
    int around;      /* and around the branch that is open; < 0: none is */
    tw_region *open; /* that branch */
    tw_operation *pivots[2];
    tw_region *regions[2];
};

/* Every node of a cond has the place of the call, so that errors name the caller's line and not
 * one of this file. */
static tw_status *add(const tw_cond_builder *b, const char *type, const char *name,
                      tw_tensors inputs, tw_operation **out)
{
    return tw_node_add(b->graph, type, name, inputs, NULL, 0, b->where, out);
}

/* Each region knows the other, and both the predicate, so that gradients can build the branch
 * that was not taken as well. */
static tw_status *make_branches(tw_cond_builder *b, tw_tensor pred)
{
    tw_operation *op;
    TW_TRY(add(b, "Switch", NULL, TW_LIST(pred, pred), &op));
    TW_TRY(add(b, "Identity", "switch_t", TW_LIST({op, 1}), &b->pivots[1]));
    TW_TRY(add(b, "Identity", "switch_f", TW_LIST({op, 0}), &b->pivots[0]));
    TW_TRY(add(b, "Identity", "pred_id", TW_LIST(pred), &op));
    for (int side = 0; side < 2; side++) {
        TW_TRY(tw_region_new(b->graph, TW_REGION_BRANCH, tw_scope_region(b->graph), tw_scope_name(),
                             &b->regions[side]));
        b->regions[side]->pred = (tw_tensor){op, 0};
        b->regions[side]->pivot = (tw_tensor){b->pivots[side], 0};
        b->regions[side]->branch = side == 1;
        tw_region_sees(b->regions[side], b->regions[side]->pred);
        tw_region_sees(b->regions[side], b->regions[side]->pivot);
    }
    b->regions[0]->other = b->regions[1];
    b->regions[1]->other = b->regions[0];
    return TW_OK;
}

/* A predicate that is a number becomes a constant in the scope that is opened here. */
static tw_status *begin(tw_cond_builder *b, const struct tw_cond_begin_args *args)
{
    const char *name = args->name && *args->name ? args->name : "cond";
    TW_TRY(tw_scope_push_graph(b->graph));
    TW_TRY(tw_scope_push_name(name));
    tw_tensor pred = tw_operand_tensor(args->pred, TW_BOOL, "pred");
    return pred.op ? make_branches(b, pred) : TW_OK; /* what went wrong was reported */
}

/* A predicate's graph is the condition's, whatever graph is the default one. */
static tw_graph *graph_of(const tw_operand *operand)
{
    bool tensor = operand->kind == TW_OPERAND_TENSOR && operand->tensor.op;
    return tensor ? operand->tensor.op->graph : tw_default_graph();
}

/* What was opened before a failure is closed by the end, which frees the builder too: there is
 * nothing left for the caller to do. */
tw_status *tw_cond_begin(const struct tw_cond_begin_args *args, tw_cond_builder **out)
{
    struct tw_cond_begin_args given = {0};
    if (!args || !out)
        return tw_value_error("a condition needs its arguments and a place for the builder");
    memcpy(&given, args, args->size < sizeof given ? args->size : sizeof given);
    *out = NULL;
    tw_cond_builder *b = TW_NEW(tw_cond_builder);
    if (!b)
        return tw_no_memory();
    b->graph = graph_of(&given.pred);
    b->where = tw_current_where(given.where);
    b->depth = (int)tw_thread_here()->scopes.count;
    b->around = -1;
    tw_build_context ctx;
    tw_build_enter(&ctx, NULL, b->where);
    tw_status *status = tw_build_end(&ctx, begin(b, &given));
    if (status)
        tw_cond_end(b);
    else
        *out = b;
    return status;
}

/* What a step was called without. */
static tw_status *no_builder(void)
{
    return tw_value_error("a step of a condition needs the builder and places for its results");
}

/* Both branches begin at the same depth of scopes. */
tw_status *tw_cond_enter(tw_cond_builder *b, bool side)
{
    if (!b)
        return no_builder();
    if (b->open)
        return tw_value_error("a branch of this condition is open already");
    int depth = tw_scope_push_region(b->regions[side]);
    if (depth < 0)
        return tw_no_memory();
    b->around = depth;
    b->open = b->regions[side];
    return TW_OK;
}

/* A result that is an operation: the pivot, once it has run, and placed with the pivot. */
static tw_status *after_operation(tw_cond_builder *b, tw_tensor result, tw_tensor *out)
{
    tw_operation *op = NULL;
    int depth = (int)tw_thread_here()->scopes.count;
    tw_status *status = tw_scope_push_control((tw_tensors){&result, 1});
    if (!status)
        status = tw_scope_push_colocate(b->open->pivot);
    if (!status)
        status = add(b, "Identity", "control_dependency", (tw_tensors){&b->open->pivot, 1}, &op);
    tw_scope_pop_to(depth);
    *out = (tw_tensor){op, 0};
    return status;
}

/* A result that was made outside of the branch is captured, for a Merge must see exactly one of
 * its inputs alive. */
static tw_status *take_results(tw_cond_builder *b, tw_tensors results, tw_tensor *seen)
{
    const char *side = b->open->branch ? "true" : "false";
    for (size_t i = 0; i < results.count; i++) {
        tw_tensor result = results.items[i];
        if (!result.op)
            return tw_value_error("the %s branch gives no result %zu", side, i);
        if (result.op->graph != b->graph)
            return tw_value_error("result %zu of the %s branch, '%s', belongs to another graph", i,
                                  side, result.op->spec.name);
        TW_TRY(result.index < 0 ? after_operation(b, result, &seen[i])
                                : tw_region_capture(b->open, result, &seen[i]));
    }
    return TW_OK;
}

/* Whatever scopes the branch left open are popped before its region, so that the other branch
 * starts as this one did. */
tw_status *tw_cond_leave(tw_cond_builder *b, tw_tensors results, tw_tensor *seen)
{
    if (!b || (results.count && (!results.items || !seen)))
        return no_builder();
    if (!b->open)
        return tw_value_error("no branch of this condition is open");
    tw_build_context ctx;
    tw_build_enter(&ctx, NULL, b->where);
    tw_scope_pop_to(b->around + 1);
    tw_status *status = tw_build_end(&ctx, take_results(b, results, seen));
    tw_scope_pop_to(b->around);
    b->open = NULL;
    return status;
}

/* A reference that only one side gives is read. */
tw_status *tw_cond_merge(tw_cond_builder *b, tw_tensor on_true, tw_tensor on_false, tw_tensor *out)
{
    if (!b || !out)
        return no_builder();
    if (!tw_tensor_valid(on_true) || !tw_tensor_valid(on_false))
        return tw_value_error("a side of the condition gives no valid tensor");
    tw_tensor sides[] = {on_false, on_true};
    tw_dtype dtypes[] = {tw_tensor_dtype(on_false), tw_tensor_dtype(on_true)};
    *out = (tw_tensor){NULL, 0};
    if (tw_dtype_base(dtypes[0]) != tw_dtype_base(dtypes[1]))
        return tw_value_error("Outputs of true_fn and false_fn must have the same type: %s, %s",
                              tw_dtype_name(tw_dtype_base(dtypes[1])),
                              tw_dtype_name(tw_dtype_base(dtypes[0])));
    bool ref = tw_dtype_is_ref(dtypes[0]) && tw_dtype_is_ref(dtypes[1]);
    tw_operation *op;
    TW_TRY(add(b, ref ? "RefMerge" : "Merge", "Merge", (tw_tensors){sides, 2}, &op));
    *out = (tw_tensor){op, 0};
    return TW_OK;
}

/* The nodes made so far stay in the graph; without Merges nothing outside depends on them. */
void tw_cond_end(tw_cond_builder *b)
{
    if (!b)
        return;
    tw_scope_pop_to(b->depth);
    tw_free(b);
}

/* ---- with C functions for branches ---- */

typedef struct building {
    struct tw_cond_args args;
    tw_build_context ctx; /* where the branches report */
    tw_cond_builder *builder;
    tw_tensor *results[2];
    size_t count;
} building;

/* What the branch makes has lines of its own; what is made of its results has the call's. */
static tw_status *build_branch(building *b, int side)
{
    tw_where where = b->ctx.where;
    TW_TRY(tw_cond_enter(b->builder, side == 1));
    b->ctx.where.file = NULL;
    (side ? b->args.on_true : b->args.on_false)(b->results[side], b->count, b->args.user);
    b->ctx.where = where;
    if (b->ctx.status)
        return TW_OK; /* the branch has failed and said so */
    return tw_cond_leave(b->builder, (tw_tensors){b->results[side], b->count}, b->results[side]);
}

/* The true branch is built first, as in TensorFlow, since the order of building decides names
 * and op seeds. */
static tw_status *build(building *b)
{
    struct tw_cond_begin_args args = {
        .size = sizeof args, .where = b->args.where, .pred = b->args.pred, .name = b->args.name};
    if (!b->args.on_true || !b->args.on_false)
        return tw_value_error("tw_cond needs the functions on_true and on_false");
    if (!b->args.out && b->count > 1)
        return tw_value_error("tw_cond with %zu results needs a place for them, .out", b->count);
    for (int side = 0; side < 2; side++) {
        b->results[side] = tw_alloc_zero(b->count, sizeof(tw_tensor));
        if (!b->results[side])
            return tw_no_memory();
    }
    TW_TRY(tw_cond_begin(&args, &b->builder));
    TW_TRY(build_branch(b, 1));
    if (!b->ctx.status)
        TW_TRY(build_branch(b, 0));
    for (size_t i = 0; i < b->count && !b->ctx.status; i++)
        TW_TRY(tw_cond_merge(b->builder, b->results[1][i], b->results[0][i], &b->results[1][i]));
    return TW_OK;
}

/* The args struct may be an older, shorter one: what it lacks keeps the value 0. After a failure
 * every result is invalid. */
tw_tensor tw_cond_(const struct tw_cond_args *args)
{
    building b = {.count = 1};
    if (args)
        memcpy(&b.args, args, args->size < sizeof b.args ? args->size : sizeof b.args);
    b.count = b.args.count ? b.args.count : 1;
    tw_graph *graph = graph_of(&b.args.pred);
    tw_build_enter(&b.ctx, NULL, tw_current_where(b.args.where));
    tw_status *status = tw_build_end(&b.ctx, build(&b));
    tw_tensor first = status ? (tw_tensor){NULL, 0} : b.results[1][0];
    for (size_t i = 0; b.args.out && i < b.count; i++)
        b.args.out[i] = status ? (tw_tensor){NULL, 0} : b.results[1][i];
    tw_cond_end(b.builder);
    tw_build_report(graph, status);
    tw_free(b.results[0]);
    tw_free(b.results[1]);
    return first;
}
