/* SPDX-License-Identifier: Apache-2.0
 * tw_cond: both branches are built, each in its region; a Switch of the predicate gives the pivots
 * that sources in them wait for, and a Merge each result. Nodes, names and their order are
 * TensorFlow's. */
#include <string.h>

#include "base/alloc.h"
#include "base/status.h"
#include "graph/control_flow.h"
#include "graph/operand.h"
#include "graph/scope.h"
#include "thalweg/control_flow.h"

/* Arrays by side are indexed by the predicate's value: [0] the false branch, [1] the true one,
 * as a Switch numbers its outputs. */
typedef struct building {
    struct tw_cond_args args;
    tw_composite_scope scope;
    tw_graph *graph;
    tw_where where;
    tw_operation *pivots[2];
    tw_region *regions[2]; /* false, true */
    tw_tensor *results[2];
    size_t count;
} building;

/* Every node of a cond has the place of the call, so that errors name the caller's line and not
 * one of this file. */
static tw_status *add(building *b, const char *type, const char *name, tw_tensors inputs,
                      tw_operation **out)
{
    return tw_node_add(b->graph, type, name, inputs, NULL, 0, b->where, out);
}

/* Each region knows the other, and both the predicate, so that gradients can build the branch
 * that was not taken as well. */
static tw_status *open_branches(building *b)
{
    tw_tensor pred = tw_operand_tensor(b->args.pred, TW_BOOL, "pred");
    if (!pred.op)
        return TW_OK; /* reported */
    tw_operation *op;
    TW_TRY(add(b, "Switch", NULL, TW_LIST(pred, pred), &op));
    TW_TRY(add(b, "Identity", "switch_t", TW_LIST({op, 1}), &b->pivots[1]));
    TW_TRY(add(b, "Identity", "switch_f", TW_LIST({op, 0}), &b->pivots[0]));
    TW_TRY(add(b, "Identity", "pred_id", TW_LIST(pred), &op));
    for (int side = 0; side < 2; side++) {
        TW_TRY(tw_region_new(b->graph, TW_REGION_BRANCH, tw_scope_region(b->graph), b->scope.name,
                             &b->regions[side]));
        b->regions[side]->pred = (tw_tensor){op, 0};
        b->regions[side]->pivot = (tw_tensor){b->pivots[side], 0};
        b->regions[side]->branch = side == 1;
    }
    b->regions[0]->other = b->regions[1];
    b->regions[1]->other = b->regions[0];
    return TW_OK;
}

/* A result that is an operation: the pivot, once it has run. */
static tw_status *after_operation(building *b, tw_region *region, tw_tensor *result)
{
    tw_operation *op = NULL;
    TW_TRY(tw_scope_push_control((tw_tensors){result, 1}));
    tw_status *status = add(b, "Identity", "control_dependency", (tw_tensors){&region->pivot, 1},
                            &op);
    tw_scope_pop();
    *result = (tw_tensor){op, 0};
    return status;
}

/* A result that was made outside of the branch is captured, for a Merge must see exactly one of
 * its inputs alive. */
static tw_status *take_results(building *b, int side)
{
    tw_tensor *results = b->results[side];
    for (size_t i = 0; i < b->count; i++) {
        if (b->scope.ctx.status)
            return TW_OK; /* the branch has failed and said so */
        if (!results[i].op)
            return tw_value_error("the %s branch gives no result %zu", side ? "true" : "false", i);
        if (results[i].op->graph != b->graph)
            return tw_value_error("result %zu of the %s branch, '%s', belongs to another graph", i,
                                  side ? "true" : "false", results[i].op->spec.name);
        if (results[i].index < 0)
            TW_TRY(after_operation(b, b->regions[side], &results[i]));
        else
            TW_TRY(tw_region_capture(b->regions[side], results[i], &results[i]));
    }
    return TW_OK;
}

/* Whatever scopes the branch leaves open are popped with its region, so that the other branch
 * starts as this one did. */
static tw_status *build_branch(building *b, int side)
{
    tw_branch_fn fn = side ? b->args.on_true : b->args.on_false;
    int depth = tw_scope_push_region(b->regions[side]);
    if (depth < 0)
        return tw_no_memory();
    b->scope.ctx.where.file = NULL; /* what the branch makes has lines of its own */
    fn(b->results[side], b->count, b->args.user);
    b->scope.ctx.where = b->where;
    tw_status *status = take_results(b, side);
    tw_scope_pop_to(depth);
    return status;
}

/* A reference that only one side gives is read. */
static tw_status *add_merge(building *b, size_t i, tw_tensor *out)
{
    tw_tensor sides[] = {b->results[0][i], b->results[1][i]};
    tw_dtype dtypes[] = {tw_tensor_dtype(sides[0]), tw_tensor_dtype(sides[1])};
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

/* The true branch is built first, as in TensorFlow, since the order of building decides names
 * and op seeds. */
static tw_status *build(building *b)
{
    if (!b->args.on_true || !b->args.on_false)
        return tw_value_error("tw_cond needs the functions on_true and on_false");
    if (!b->args.out && b->count > 1)
        return tw_value_error("tw_cond with %zu results needs a place for them, .out", b->count);
    for (int side = 0; side < 2; side++) {
        b->results[side] = tw_alloc_zero(b->count, sizeof(tw_tensor));
        if (!b->results[side])
            return tw_no_memory();
    }
    TW_TRY(open_branches(b));
    if (!b->regions[1])
        return TW_OK;
    TW_TRY(build_branch(b, 1));
    if (!b->scope.ctx.status)
        TW_TRY(build_branch(b, 0));
    for (size_t i = 0; i < b->count && !b->scope.ctx.status; i++)
        TW_TRY(add_merge(b, i, &b->results[1][i]));
    return TW_OK;
}

/* The args struct may be an older, shorter one: what it lacks keeps the value 0. After a failure
 * every result is invalid. */
tw_tensor tw_cond_(const struct tw_cond_args *args)
{
    building b = {.count = 1};
    memcpy(&b.args, args, args->size < sizeof b.args ? args->size : sizeof b.args);
    b.count = b.args.count ? b.args.count : 1;
    tw_composite_enter(&b.scope, b.args.where, &b.args.pred, b.args.name, "cond");
    b.graph = tw_default_graph();
    b.where = b.scope.ctx.where;
    tw_status *status = b.scope.ctx.status ? TW_OK : build(&b);
    bool failed = status || b.scope.ctx.status;
    tw_build_report(b.graph, tw_status_with_where(status, b.where));
    tw_tensor first = failed ? (tw_tensor){NULL, 0} : b.results[1][0];
    for (size_t i = 0; b.args.out && i < b.count; i++)
        b.args.out[i] = failed ? (tw_tensor){NULL, 0} : b.results[1][i];
    tw_composite_leave(&b.scope);
    tw_free(b.results[0]);
    tw_free(b.results[1]);
    return first;
}
