/* SPDX-License-Identifier: Apache-2.0
 * While loops: TensorFlow's nodes, in its order and with its names. The condition and the body are
 * built once; a variable keeps its dtype, and its shape as far as its invariant says. The steps are
 * for front ends; tw_while_loop goes through them with C functions. */
#include <string.h>

#include "base/alloc.h"
#include "base/status.h"
#include "graph/control_flow.h"
#include "graph/operand.h"
#include "graph/scope.h"
#include "thalweg/control_flow.h"

/* `seen` holds first what the condition reads and then what the body reads. */
struct tw_while_builder {
    tw_graph *graph;
    tw_where where;
    int depth, inside; /* of the scopes around the loop, and of those inside before the caller's */
    tw_region *region;
    tw_tensor *first, *seen; /* by variable */
    size_t count;
    bool any_shape;
};

/* ---- begin ---- */

/* All Enters first and then all Merges, as TensorFlow numbers its nodes. */
static tw_status *enter_vars(tw_while_builder *b, const tw_shape *invariants)
{
    for (size_t i = 0; i < b->count; i++) {
        tw_tensor var = b->first[i];
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

/* What is needed of the arguments is copied: they are the caller's only during the call. */
static tw_status *begin(tw_while_builder *b, const struct tw_while_begin_args *args)
{
    if (!args->vars.count || !args->vars.items)
        return tw_value_error("No loop variables provided");
    if (args->parallel_iterations < 1)
        return tw_type_error("parallel_iterations must be a positive integer.");
    b->count = args->vars.count;
    b->first = tw_alloc_zero(b->count, sizeof *b->first);
    b->seen = tw_alloc_zero(b->count, sizeof *b->seen);
    if (!b->first || !b->seen)
        return tw_no_memory();
    memcpy(b->first, args->vars.items, b->count * sizeof *b->first);
    TW_TRY(tw_scope_push_graph(b->graph));
    TW_TRY(tw_scope_push_name(args->name && *args->name ? args->name : "while"));
    TW_TRY(tw_loop_open(b->graph, "while_context", args->parallel_iterations, &b->region));
    b->region->back_prop = args->back_prop;
    if (tw_scope_push_region(b->region) < 0)
        return tw_no_memory();
    b->inside = (int)tw_thread_here()->scopes.count;
    return enter_vars(b, args->shape_invariants);
}

/* The first variable's graph is the loop's, whatever graph is the default one. */
static tw_graph *graph_of(tw_tensors vars)
{
    bool given = vars.count && vars.items && vars.items[0].op;
    return given ? vars.items[0].op->graph : tw_default_graph();
}

/* As tw_cond_begin: a failure leaves nothing open. */
tw_status *tw_while_begin(const struct tw_while_begin_args *args, tw_while_builder **out)
{
    struct tw_while_begin_args given = {.parallel_iterations = 10, .back_prop = true};
    if (!args || !out)
        return tw_value_error("a loop needs its arguments and a place for the builder");
    memcpy(&given, args, args->size < sizeof given ? args->size : sizeof given);
    *out = NULL;
    tw_while_builder *b = TW_NEW(tw_while_builder);
    if (!b)
        return tw_no_memory();
    b->graph = graph_of(given.vars);
    b->where = tw_current_where(given.where);
    b->depth = (int)tw_thread_here()->scopes.count;
    b->any_shape = given.any_shape;
    tw_build_context ctx;
    tw_build_enter(&ctx, NULL, b->where);
    tw_status *status = tw_build_end(&ctx, begin(b, &given));
    if (status)
        tw_while_end(b);
    else
        *out = b;
    return status;
}

/* The list is the builder's own: its tensors change when the body begins. */
tw_tensors tw_while_vars(const tw_while_builder *b)
{
    return b ? (tw_tensors){b->seen, b->count} : (tw_tensors){NULL, 0};
}

/* ---- the condition ends, the body begins ---- */

/* A reference passes through a RefIdentity, or the body could not assign to what it was given. */
static tw_status *add_identity(tw_while_builder *b, tw_tensor input, tw_tensor *out)
{
    bool ref = tw_dtype_is_ref(tw_tensor_dtype(input));
    tw_operation *op;
    TW_TRY(tw_node_add(b->graph, ref ? "RefIdentity" : "Identity", "Identity",
                       (tw_tensors){&input, 1}, NULL, 0, b->where, &op));
    *out = (tw_tensor){op, 0};
    return TW_OK;
}

/* The condition has read the Merges, so it runs once more than the body does. The body sees
 * Identities of the Switches and not the Switches themselves, as their first is the pivot that
 * sources inside wait for. */
static tw_status *begin_body(tw_while_builder *b, tw_tensor go_on)
{
    if (!go_on.op || go_on.index < 0)
        return tw_value_error("the condition of the loop gives no valid tensor");
    if (go_on.op->graph != b->graph)
        return tw_value_error("the condition of the loop, '%s', belongs to another graph",
                              go_on.op->spec.name);
    TW_TRY(tw_loop_condition(b->region, go_on, "LoopCond", b->where));
    for (size_t i = 0; i < b->count; i++)
        TW_TRY(tw_loop_switch(b->region, i, NULL, b->where));
    for (size_t i = 0; i < b->count; i++)
        TW_TRY(add_identity(b, tw_loop_inside(b->region, i), &b->seen[i]));
    b->region->pivot_body = b->seen[0];
    return TW_OK;
}

/* What a step was called without. */
static tw_status *no_builder(void)
{
    return tw_value_error("a step of a loop needs the builder and places for its results");
}

/* Scopes that the condition left open would otherwise reach into the body. */
tw_status *tw_while_condition(tw_while_builder *b, tw_tensor go_on)
{
    if (!b)
        return no_builder();
    if (b->region->cond)
        return tw_value_error("this loop has its condition already");
    tw_build_context ctx;
    tw_build_enter(&ctx, NULL, b->where);
    tw_scope_pop_to(b->inside);
    return tw_build_end(&ctx, begin_body(b, go_on));
}

/* ---- the body ends ---- */

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
static tw_status *check_next(const tw_while_builder *b, size_t i, tw_tensor next)
{
    tw_tensor var = {b->region->vars.items[i].merge, 0};
    if (!next.op || next.index < 0)
        return tw_value_error("the body of the loop gives no value for variable %zu, '%s'", i,
                              tw_tensor_name(b->first[i]).s);
    if (next.op->graph != b->graph)
        return tw_value_error("the next value of variable %zu, '%s', belongs to another graph", i,
                              next.op->spec.name);
    tw_dtype before = tw_dtype_base(tw_tensor_dtype(var));
    tw_dtype after = tw_dtype_base(tw_tensor_dtype(next));
    if (before != after)
        return tw_type_error("The loop variable '%s' enters the loop with dtype %s, but has dtype "
                             "%s after one iteration",
                             tw_tensor_name(b->first[i]).s, tw_dtype_name(before),
                             tw_dtype_name(after));
    if (!b->any_shape && !is_less_or_equal(tw_tensor_shape(next), tw_tensor_shape(var)))
        return tw_value_error("The shape for %s is not an invariant for the loop. It enters the "
                              "loop with shape %s, but has shape %s after one iteration. Provide "
                              "shape invariants using either the `shape_invariants` argument of "
                              "tf.while_loop or set_shape() on the loop variables.",
                              tw_tensor_name(var).s, tw_shape_text(tw_tensor_shape(var)).s,
                              tw_shape_text(tw_tensor_shape(next)).s);
    return TW_OK;
}

/* What was known of the variable and does not hold for `next` is forgotten, by all that hands the
 * variable on; without memory for it, so is the rank. */
static void forget_shape(tw_while_builder *b, size_t i, tw_shape next)
{
    const tw_loop_var *var = &b->region->vars.items[i];
    tw_output_info *const outputs[] = {&var->merge->outputs[0], &var->switch_->outputs[0],
                                       &var->switch_->outputs[1], &b->seen[i].op->outputs[0]};
    tw_shape before = tw_tensor_shape((tw_tensor){var->merge, 0}), common = TW_UNKNOWN_SHAPE;
    if (is_less_or_equal(next, before))
        return;
    tw_graph_lock(b->graph);
    if (next.dims && next.rank == before.rank) {
        int64_t *dims = tw_arena_array(&b->graph->arena, next.rank, sizeof *dims);
        for (size_t d = 0; dims && d < next.rank; d++)
            dims[d] = before.dims[d] == next.dims[d] ? next.dims[d] : -1;
        common = (tw_shape){dims, dims ? next.rank : 0};
    }
    for (size_t k = 0; k < sizeof outputs / sizeof *outputs; k++)
        outputs[k]->shape = common;
    tw_graph_changed_locked(b->graph);
    tw_graph_unlock(b->graph);
}

/* All values are checked before the first back edge is made. */
static tw_status *close_loop(tw_while_builder *b, tw_tensors next, tw_tensor *out)
{
    if (next.count != b->count)
        return tw_value_error("the body of the loop gives %zu values for %zu variables", next.count,
                              b->count);
    for (size_t i = 0; i < b->count; i++)
        TW_TRY(check_next(b, i, next.items[i]));
    for (size_t i = 0; i < b->count; i++) {
        forget_shape(b, i, tw_tensor_shape(next.items[i]));
        TW_TRY(tw_loop_next(b->region, i, next.items[i], NULL, b->where));
    }
    for (size_t i = 0; i < b->count; i++) {
        TW_TRY(tw_loop_exit(b->region, i, NULL, b->where));
        out[i] = (tw_tensor){b->region->vars.items[i].exit, 0};
    }
    return TW_OK;
}

/* A second call would add second back edges, so the first variable's says whether it was made. */
tw_status *tw_while_body(tw_while_builder *b, tw_tensors next, tw_tensor *out)
{
    if (!b || !next.items || !out)
        return no_builder();
    if (!b->region->pivot_body.op || b->region->vars.items[0].next)
        return tw_value_error("the body of this loop is not open");
    tw_build_context ctx;
    tw_build_enter(&ctx, NULL, b->where);
    tw_scope_pop_to(b->inside);
    return tw_build_end(&ctx, close_loop(b, next, out));
}

/* A loop that was given up has Merges without back edge: harmless, as nothing outside reads
 * them. */
void tw_while_end(tw_while_builder *b)
{
    if (!b)
        return;
    tw_scope_pop_to(b->depth);
    tw_free(b->first);
    tw_free(b->seen);
    tw_free(b);
}

/* ---- with C functions for condition and body ---- */

typedef struct building {
    struct tw_while_loop_args args;
    tw_build_context ctx; /* where the functions report */
    tw_while_builder *builder;
    tw_tensor *next;
} building;

/* Builders called by the functions leave their error in the context; the loop then builds nothing
 * more. */
static tw_status *build_condition(building *b)
{
    tw_where where = b->ctx.where;
    tw_tensors vars = tw_while_vars(b->builder);
    b->ctx.where.file = NULL; /* what the functions make has lines of its own */
    tw_tensor go_on = b->args.cond(vars.items, vars.count, b->args.user);
    b->ctx.where = where;
    return b->ctx.status ? TW_OK : tw_while_condition(b->builder, go_on);
}

/* The same with the body, whose next values close the loop. */
static tw_status *build_body(building *b)
{
    tw_where where = b->ctx.where;
    tw_tensors vars = tw_while_vars(b->builder);
    b->ctx.where.file = NULL;
    b->args.body(vars.items, b->next, vars.count, b->args.user);
    b->ctx.where = where;
    if (b->ctx.status)
        return TW_OK;
    return tw_while_body(b->builder, (tw_tensors){b->next, vars.count}, b->next);
}

/* The steps in their order; what the functions report ends the way early. */
static tw_status *build(building *b)
{
    struct tw_while_begin_args args = {.parallel_iterations = b->args.parallel_iterations,
                                       .back_prop = b->args.back_prop,
                                       .size = sizeof args,
                                       .where = b->args.where,
                                       .vars = b->args.vars,
                                       .shape_invariants = b->args.shape_invariants,
                                       .name = b->args.name};
    if (!b->args.cond || !b->args.body)
        return tw_value_error("tw_while_loop needs the functions cond and body");
    if (!b->args.out && b->args.vars.count > 1)
        return tw_value_error("tw_while_loop with %zu variables needs a place for their last "
                              "values, .out",
                              b->args.vars.count);
    b->next = tw_alloc_zero(b->args.vars.count + 1, sizeof *b->next);
    if (!b->next)
        return tw_no_memory();
    TW_TRY(tw_while_begin(&args, &b->builder));
    TW_TRY(build_condition(b));
    return b->ctx.status ? TW_OK : build_body(b);
}

/* Members that an older caller's struct lacks keep their defaults: ten parallel iterations, with
 * gradients. */
tw_tensor tw_while_loop_(const struct tw_while_loop_args *args)
{
    building b = {.args = {.parallel_iterations = 10, .back_prop = true}};
    if (args)
        memcpy(&b.args, args, args->size < sizeof b.args ? args->size : sizeof b.args);
    tw_graph *graph = graph_of(b.args.vars);
    tw_build_enter(&b.ctx, NULL, tw_current_where(b.args.where));
    tw_status *status = tw_build_end(&b.ctx, build(&b));
    tw_tensor result = status ? (tw_tensor){NULL, 0} : b.next[0];
    for (size_t i = 0; b.args.out && i < b.args.vars.count; i++)
        b.args.out[i] = status ? (tw_tensor){NULL, 0} : b.next[i];
    tw_while_end(b.builder);
    tw_build_report(graph, status);
    tw_free(b.next);
    return result;
}
