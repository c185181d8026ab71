/* SPDX-License-Identifier: Apache-2.0
 * Operations made inside a branch or a loop: their inputs are what the region sees of outer
 * tensors, and what nothing inside drives waits for the region's pivot. The rules are those of
 * TensorFlow's CondContext and WhileContext. */
#include <string.h>

#include "base/alloc.h"
#include "base/status.h"
#include "base/text.h"
#include "graph/scope.h"

/* The list in the graph is only for its release: regions point at each other. */
tw_status *tw_region_new_locked(tw_graph *graph, tw_region_kind kind, tw_region *outer,
                                const char *name, tw_region **out)
{
    tw_region *region = TW_ARENA_NEW(&graph->arena, tw_region);
    const char *copy = tw_arena_strdup(&graph->arena, name ? name : "");
    *out = NULL;
    if (!region || !copy || !tw_vec_push(&graph->regions, region))
        return tw_no_memory();
    region->kind = kind;
    region->outer = outer;
    region->name = copy;
    region->graph = graph;
    *out = region;
    return TW_OK;
}

/* For callers who do not hold the lock. */
tw_status *tw_region_new(tw_graph *graph, tw_region_kind kind, tw_region *outer, const char *name,
                         tw_region **out)
{
    tw_graph_lock(graph);
    tw_status *status = tw_region_new_locked(graph, kind, outer, name, out);
    tw_graph_unlock(graph);
    return status;
}

/* A branch inside a loop belongs to its iterations; this finds the loop, or NULL outside of all. */
tw_region *tw_region_loop(tw_region *region)
{
    while (region && region->kind != TW_REGION_LOOP)
        region = region->outer;
    return region;
}

/* References have control flow operations of their own, with the same meaning. */
bool tw_type_is(const char *type, const char *plain)
{
    return tw_text_equal(type, plain) ||
           (*type == 'R' && strncmp(type, "Ref", 3) == 0 && tw_text_equal(type + 3, plain));
}

/* Where an operation's outputs can be used: those of an Exit outside of its loop. */
static tw_region *output_region(const tw_operation *op)
{
    bool leaves = op->region && tw_type_is(op->spec.type, "Exit");
    return leaves ? op->region->outer : op->region;
}

/* Every region is inside NULL, the graph itself. */
static bool is_inside(const tw_region *region, const tw_region *outer)
{
    while (region && region != outer)
        region = region->outer;
    return region == outer;
}

/* A loop's tensors are seen in the loop and in what it holds; those of a branch everywhere (they
 * are dead where it was not taken). A gradient loop reads the loop that it differentiates. */
static bool is_visible(tw_region *region, const tw_operation *op)
{
    tw_region *from = tw_region_loop(output_region(op)), *loop = tw_region_loop(region);
    if (!from)
        return true;
    for (; loop; loop = tw_region_loop(loop->outer)) {
        if (loop == from || (loop->forward && is_inside(loop->forward, from)))
            return true;
    }
    return false;
}

/* What comes in for an operation is named under it: "mul/Enter". The scope that says so is open
 * until it is popped to *depth. */
static tw_status *open_names(tw_region *region, const char *name, bool exact, int *depth)
{
    tw_name_text text;
    tw_name_claim claim;
    *depth = (int)tw_thread_here()->scopes.count;
    if (!tw_name_begin(&text, "", name, strlen(name)))
        return tw_no_memory();
    claim.length = text.length;
    tw_graph_lock(region->graph);
    bool good = exact || tw_name_choose_locked(region->graph, &text, &claim);
    tw_graph_unlock(region->graph);
    memcpy(text.text + claim.length, "/", 2);
    tw_status *status = good ? tw_scope_push_graph(region->graph) : tw_no_memory();
    if (!status)
        status = tw_scope_push_name(text.text);
    tw_name_end(&text);
    return status;
}

/* An Enter reads what is outside by its nature; all other operations see outer tensors as the
 * region's own Switch or Enter gives them, made when first needed. */
tw_status *tw_region_enter(tw_region *region, const char *type, const char *name, bool exact,
                           tw_tensor *inputs, size_t input_count)
{
    int depth = -1;
    tw_status *status = TW_OK;
    for (size_t i = 0; i < input_count && !status; i++) {
        const tw_operation *op = inputs[i].op;
        tw_region *from = output_region(op);
        if (from == region || tw_type_is(type, "Enter"))
            continue;
        if (!is_visible(region, op))
            status = tw_value_error(tw_region_loop(region)
                                        ? "input %zu, '%s', is in another while loop"
                                        : "input %zu, '%s', is in a while loop: use what the loop "
                                          "returns",
                                    i, op->spec.name);
        if (status || !region || is_inside(from, region))
            continue;
        if (depth < 0)
            status = open_names(region, name, exact, &depth);
        if (!status)
            status = tw_region_capture(region, inputs[i], &inputs[i]);
    }
    if (depth >= 0)
        tw_scope_pop_to(depth);
    return status;
}

/* In a loop's condition there is no body yet: what stands there waits for the condition's own
 * pivot. NULL while the loop's first operations are made. */
static tw_operation *pivot_of(const tw_region *region)
{
    if (region->kind == TW_REGION_BRANCH)
        return region->pivot.op;
    return region->pivot_body.op ? region->pivot_body.op : region->pivot_cond;
}

/* A control input from outside of the loop as one from inside: an Identity of its first output. */
static tw_status *pull_inside(tw_region *region, tw_operation *outer, tw_operation **out)
{
    *out = NULL;
    if (!outer->output_count)
        return TW_OK;
    tw_tensor input = {outer, 0};
    tw_graph_add_args args = {.size = sizeof args,
                              .where = outer->spec.where,
                              .type = "Identity",
                              .inputs = &input,
                              .input_count = 1};
    int depth = (int)tw_thread_here()->scopes.count;
    TW_TRY(tw_scope_push_graph(region->graph));
    tw_status *status = tw_scope_push_control((tw_tensors){NULL, 0});
    if (!status && tw_scope_push_region(region) < 0)
        status = tw_no_memory();
    if (!status)
        status = tw_graph_add(region->graph, &args, out);
    tw_scope_pop_to(depth);
    return status;
}

/* Splits the control inputs: those of the same loop stay, the others move behind them. */
static size_t split_controls(tw_region *region, tw_scope_effect *effect)
{
    const tw_region *loop = tw_region_loop(region);
    size_t kept = 0;
    for (size_t i = 0; loop && i < effect->control_count; i++) {
        tw_operation *op = effect->controls[i];
        if (tw_region_loop(output_region(op)) != loop)
            continue;
        memmove(effect->controls + kept + 1, effect->controls + kept, (i - kept) * sizeof op);
        effect->controls[kept++] = op;
    }
    return loop ? kept : effect->control_count;
}

/* Whether nothing inside says when the operation may run. */
static bool is_free(const tw_region *region, const tw_tensor *inputs, size_t input_count,
                    const tw_scope_effect *effect)
{
    bool loop = region->kind == TW_REGION_LOOP;
    for (size_t i = 0; i < effect->control_count; i++) {
        if (loop || is_inside(effect->controls[i]->region, region))
            return false;
    }
    for (size_t i = 0; i < input_count; i++) {
        const tw_operation *op = inputs[i].op;
        const tw_attr *constant = tw_operation_attr(op, "is_constant");
        bool held = tw_type_is(op->spec.type, "Enter") && constant && constant->value.b;
        if (!loop || !held)
            return false;
    }
    return true;
}

/* Enter and Merge make up the loop itself and wait for nothing. Every other operation must be
 * driven by something of this iteration or branch, or it would run once for all of them. */
tw_status *tw_region_controls(tw_region *region, const char *type, const tw_tensor *inputs,
                              size_t input_count, tw_scope_effect *effect, tw_arena *arena)
{
    size_t all = effect->control_count;
    tw_operation **controls = tw_arena_array(arena, all + 1, sizeof *controls);
    if (!controls)
        return tw_no_memory();
    if (all)
        memcpy(controls, effect->controls, all * sizeof *controls);
    effect->controls = controls;
    effect->control_count = split_controls(region, effect);
    tw_operation *pivot = pivot_of(region);
    bool machinery = tw_type_is(type, "Enter") || tw_type_is(type, "Merge") || !pivot;
    size_t first_outer = effect->control_count;
    tw_operation **outer = tw_arena_copy(arena, controls + first_outer,
                                         (all - first_outer) * sizeof *outer);
    if (!outer)
        return tw_no_memory();
    if (!machinery && is_free(region, inputs, input_count, effect))
        effect->controls[effect->control_count++] = pivot;
    for (size_t i = 0; !machinery && region->kind == TW_REGION_LOOP && i < all - first_outer; i++) {
        tw_operation *inner;
        TW_TRY(pull_inside(region, outer[i], &inner));
        if (inner)
            effect->controls[effect->control_count++] = inner;
    }
    return TW_OK;
}

/* ---- for front ends ---- */

/* Under the lock: a Switch is put into its branch after it was made. */
tw_region *tw_operation_region(const tw_operation *op)
{
    if (!op)
        return NULL;
    tw_graph_lock(op->graph);
    tw_region *region = op->region;
    tw_graph_unlock(op->graph);
    return region;
}

/* Cut to what the caller's struct has room for: an older one is shorter. */
void tw_region_get_info(const tw_region *region, tw_region_info *info)
{
    if (!region || !info)
        return;
    size_t size = info->size < sizeof *info ? info->size : sizeof *info;
    tw_graph_lock(region->graph);
    tw_region_info all = {
        .size = size,
        .kind = region->kind,
        .graph = region->graph,
        .outer = region->outer,
        .name = region->name,
        .pivot = region->pivot_body.op ? region->pivot_body : (tw_tensor){pivot_of(region), 0},
        .pred = region->pred,
        .branch = region->branch,
        .other = region->other,
        .cond = region->cond,
        .parallel_iterations = region->parallel_iterations,
        .back_prop = region->back_prop,
        .var_count = region->vars.count,
        .forward = region->forward,
    };
    tw_graph_unlock(region->graph);
    memcpy(info, &all, size);
}

/* A copy, since the list moves while the loop is being built. */
tw_loop_var tw_region_var(const tw_region *region, size_t index)
{
    tw_loop_var var = {NULL, NULL, NULL, NULL, NULL};
    if (!region)
        return var;
    tw_graph_lock(region->graph);
    if (index < region->vars.count)
        var = region->vars.items[index];
    tw_graph_unlock(region->graph);
    return var;
}

/* NULL is a scope of its own, which hides the region around. */
tw_status *tw_graph_push_region(tw_graph *graph, tw_region *region)
{
    if (region && region->graph != graph)
        return tw_value_error("the region '%s' is of another graph", region->name);
    tw_scope *scope = tw_scope_new(TW_SCOPE_REGION, graph);
    if (!scope)
        return tw_no_memory();
    scope->region = region;
    return tw_scope_push(scope);
}
