/* SPDX-License-Identifier: Apache-2.0
 * tw_while_loop: TensorFlow's nodes, in its order and with its names. The condition and the body
 * are built once; a variable keeps its dtype, and its shape as far as its invariant says. */
#include <string.h>

#include "base/alloc.h"
#include "base/status.h"
#include "graph/control_flow.h"
#include "graph/operand.h"
#include "graph/scope.h"
#include "thalweg/control_flow.h"

/* `seen` holds first what the condition reads and then what the body reads. */
typedef struct building {
    struct tw_while_loop_args args;
    tw_composite_scope scope;
    tw_graph *graph;
    tw_where where;
    tw_region *region;
    tw_tensor *seen, *next; /* by variable: what the functions see, what the body gives */
    size_t count;
} building;

/* Builders called by the body leave their error in the scope's context; the loop then builds
 * nothing more. */
static bool failed(const building *b)
{
    return b->scope.ctx.status != NULL;
}

/* All Enters first and then all Merges, as TensorFlow numbers its nodes. */
static tw_status *enter_vars(building *b)
{
    const tw_shape *invariants = b->args.shape_invariants;
    for (size_t i = 0; i < b->count; i++) {
        tw_tensor var = b->args.vars.items[i];
        if (!var.op || var.index < 0)
            return tw_value_error("loop variable %zu is no valid tensor", i);
        if (var.op->graph != b->graph)
            return tw_value_error("loop variable %zu, '%s', belongs to another graph", i,
                                  var.op->spec.name);
        TW_TRY(tw_loop_enter(b->region, var, invariants ? &invariants[i] : NULL, NULL, b->where));
    }
    for (size_t i = 0; i < b->count; i++) {
        TW_TRY(tw_loop_merge(b->region, i, NULL, b->where));
        b->seen[i] = (tw_tensor){b->region->vars.items[i].merge, 0};
    }
    return TW_OK;
}

/* The condition reads the Merges, so it runs once more than the body does. */
static tw_status *build_condition(building *b)
{
    b->scope.ctx.where.file = NULL;
    tw_tensor go_on = b->args.cond(b->seen, b->count, b->args.user);
    b->scope.ctx.where = b->where;
    if (failed(b))
        return TW_OK;
    if (!go_on.op || go_on.index < 0)
        return tw_value_error("the condition of the loop gives no valid tensor");
    if (go_on.op->graph != b->graph)
        return tw_value_error("the condition of the loop, '%s', belongs to another graph",
                              go_on.op->spec.name);
    return tw_loop_condition(b->region, go_on, "LoopCond", b->where);
}

/* A reference passes through a RefIdentity, or the body could not assign to what it was given. */
static tw_status *add_identity(building *b, tw_tensor input, tw_operation **out)
{
    bool ref = tw_dtype_is_ref(tw_tensor_dtype(input));
    return tw_node_add(b->graph, ref ? "RefIdentity" : "Identity", "Identity",
                       (tw_tensors){&input, 1}, NULL, 0, b->where, out);
}

/* The body sees Identities of the Switches and not the Switches themselves, as their first is
 * the pivot that sources inside wait for. */
static tw_status *build_body(building *b)
{
    for (size_t i = 0; i < b->count; i++)
        TW_TRY(tw_loop_switch(b->region, i, NULL, b->where));
    for (size_t i = 0; i < b->count; i++) {
        tw_operation *op;
        TW_TRY(add_identity(b, tw_loop_inside(b->region, i), &op));
        b->seen[i] = (tw_tensor){op, 0};
    }
    b->region->pivot_body = b->seen[0];
    b->scope.ctx.where.file = NULL;
    b->args.body(b->seen, b->next, b->count, b->args.user);
    b->scope.ctx.where = b->where;
    return TW_OK;
}

/* Everything that `from` may be, `to` may be too. */
static bool is_less_or_equal(tw_shape from, tw_shape to)
{
    if (!to.dims)
        return true;
    if (!from.dims || from.rank != to.rank)
        return false;
    for (size_t d = 0; d < to.rank; d++) {
        if (to.dims[d] >= 0 && to.dims[d] != from.dims[d])
            return false;
    }
    return true;
}

/* A variable must come back with the dtype and within the shape that it went in with, for the
 * graph's static shapes to stay true. */
static tw_status *check_next(const building *b, size_t i)
{
    tw_operation *merge = b->region->vars.items[i].merge;
    tw_tensor var = {merge, 0}, next = b->next[i];
    if (!next.op || next.index < 0)
        return tw_value_error("the body of the loop gives no value for variable %zu, '%s'", i,
                              tw_tensor_name(b->args.vars.items[i]).s);
    if (next.op->graph != b->graph)
        return tw_value_error("the next value of variable %zu, '%s', belongs to another graph", i,
                              next.op->spec.name);
    tw_dtype before = tw_dtype_base(tw_tensor_dtype(var));
    tw_dtype after = tw_dtype_base(tw_tensor_dtype(next));
    if (before != after)
        return tw_type_error("The loop variable '%s' enters the loop with dtype %s, but has dtype "
                             "%s after one iteration",
                             tw_tensor_name(b->args.vars.items[i]).s, tw_dtype_name(before),
                             tw_dtype_name(after));
    if (!is_less_or_equal(tw_tensor_shape(next), tw_tensor_shape(var)))
        return tw_value_error("The shape for %s is not an invariant for the loop. It enters the "
                              "loop with shape %s, but has shape %s after one iteration. Provide "
                              "shape invariants using either the `shape_invariants` argument of "
                              "tf.while_loop or set_shape() on the loop variables.",
                              tw_tensor_name(var).s, tw_shape_text(tw_tensor_shape(var)).s,
                              tw_shape_text(tw_tensor_shape(next)).s);
    return TW_OK;
}

/* All values are checked before the first back edge is made. */
static tw_status *close_loop(building *b)
{
    for (size_t i = 0; i < b->count; i++)
        TW_TRY(check_next(b, i));
    for (size_t i = 0; i < b->count; i++)
        TW_TRY(tw_loop_next(b->region, i, b->next[i], NULL, b->where));
    for (size_t i = 0; i < b->count; i++)
        TW_TRY(tw_loop_exit(b->region, i, NULL, b->where));
    return TW_OK;
}

/* All Enters come before all Merges, then the condition, then the body: node names depend on
 * this order. */
static tw_status *build(building *b)
{
    if (!b->args.cond || !b->args.body)
        return tw_value_error("tw_while_loop needs the functions cond and body");
    if (!b->count || !b->args.vars.items)
        return tw_value_error("No loop variables provided");
    if (!b->args.out && b->count > 1)
        return tw_value_error("tw_while_loop with %zu variables needs a place for their last "
                              "values, .out",
                              b->count);
    if (b->args.parallel_iterations < 1)
        return tw_type_error("parallel_iterations must be a positive integer.");
    TW_TRY(tw_loop_open(b->graph, "while_context", b->args.parallel_iterations, &b->region));
    b->region->back_prop = b->args.back_prop;
    int depth = tw_scope_push_region(b->region);
    if (depth < 0)
        return tw_no_memory();
    tw_status *status = enter_vars(b);
    if (!status)
        status = build_condition(b);
    if (!status && !failed(b))
        status = build_body(b);
    if (!status && !failed(b))
        status = close_loop(b);
    tw_scope_pop_to(depth);
    return status;
}

/* One element more than needed, so that a loop without variables gets to its own error instead
 * of an empty allocation. */
static tw_status *allocate_and_build(building *b)
{
    b->seen = tw_alloc_zero(b->count + 1, sizeof *b->seen);
    b->next = tw_alloc_zero(b->count + 1, sizeof *b->next);
    return b->seen && b->next ? build(b) : tw_no_memory();
}

/* Members that an older caller's struct lacks keep their defaults: ten parallel iterations, with
 * gradients. */
tw_tensor tw_while_loop_(const struct tw_while_loop_args *args)
{
    building b = {.args = {.parallel_iterations = 10, .back_prop = true}};
    memcpy(&b.args, args, args->size < sizeof b.args ? args->size : sizeof b.args);
    b.count = b.args.vars.count;
    tw_operand first = {.kind = TW_OPERAND_NONE};
    if (b.count && b.args.vars.items)
        first = tw_of_tensor(b.args.vars.items[0]);
    tw_composite_enter(&b.scope, b.args.where, &first, b.args.name, "while");
    b.graph = tw_default_graph();
    b.where = b.scope.ctx.where;
    tw_status *status = failed(&b) ? TW_OK : allocate_and_build(&b);
    bool bad = status || failed(&b);
    tw_build_report(b.graph, tw_status_with_where(status, b.where));
    tw_tensor result = {bad ? NULL : b.region->vars.items[0].exit, 0};
    for (size_t i = 0; b.args.out && i < b.count; i++)
        b.args.out[i] = (tw_tensor){bad ? NULL : b.region->vars.items[i].exit, 0};
    tw_composite_leave(&b.scope);
    tw_free(b.seen);
    tw_free(b.next);
    return result;
}
