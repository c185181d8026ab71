/* SPDX-License-Identifier: Apache-2.0
 * The gradient of a while loop is a while loop that counts back. Its variables are the derivatives
 * for the loop's variables, and sums of those for what is the same in every iteration; its body is
 * the derivative of the loop's body, in which a tensor of the loop is a LoopValue of the iteration
 * that is counted. */
#include <string.h>

#include "autodiff/gradients.h"
#include "autodiff/loop_terms.h"
#include "base/status.h"
#include "graph/control_flow.h"
#include "graph/operand.h"
#include "graph/scope.h"
#include "thalweg/ops.h"

/* One Enter of the loop. */
typedef struct source {
    tw_operation *enter;
    tw_operation *merge; /* of a variable; NULL: the same in every iteration */
    tw_tensor outside;
    size_t var;  /* of a variable: in the loop's region */
    bool active; /* it depends on an x */
    bool needed; /* a y depends on it */
    size_t back; /* of an included one: the variable of the gradient loop */
} source;

typedef struct looping {
    tw_path_node *node;
    const tw_grad *dy;
    tw_grad *dx;
    bool colocate;
    tw_region *forward, *back;
    tw_graph *graph;
    tw_where where;
    tw_arena arena;
    source *sources;
    size_t count;
    uint8_t *depends; /* [target][source]: of the next value of each variable, then of each term */
    bool *special;    /* by target: on a LoopValue that a derivative is wanted for */
    const tw_loop_term **terms;
    size_t term_count, targets;
    tw_tensor *ys, *xs, *grad_ys; /* of the body */
    size_t y_count, x_count;
} looping;

/* ---- what depends on what ---- */

/* What depends on no x has no derivative, and what no y depends on needs none. */
static bool is_included(const source *s)
{
    return s->active && s->needed;
}

/* Handles carry their derivatives through what is read by them. */
static bool has_sum(tw_dtype dtype)
{
    dtype = tw_dtype_base(dtype);
    return tw_dtype_is_trainable(dtype) && dtype != TW_RESOURCE && dtype != TW_VARIANT;
}

/* A loop reads the outside through its Enters and through nothing else. */
static tw_status *find_sources(looping *l)
{
    l->count = l->node->enter_count;
    l->sources = tw_arena_array(&l->arena, l->count + 1, sizeof *l->sources);
    if (!l->sources)
        return tw_no_memory();
    for (size_t i = 0; i < l->count; i++) {
        source *s = &l->sources[i];
        const tw_path_edge *edge = &l->node->inputs[i];
        s->enter = l->node->enters[i];
        s->outside = edge->tensor;
        s->active = edge->from->between && edge->output < edge->from->output_count &&
                    has_sum(s->enter->outputs[0].dtype);
        for (size_t k = 0; k < l->forward->vars.count; k++) {
            if (l->forward->vars.items[k].enter != s->enter)
                continue;
            s->merge = l->forward->vars.items[k].merge;
            s->var = k;
        }
    }
    return TW_OK;
}

/* Also what stands in a branch or loop inside of it. */
static bool holds(const tw_region *loop, const tw_operation *op)
{
    const tw_region *region = op->region;
    while (region && region != loop)
        region = region->outer;
    return region != NULL;
}

typedef struct walker {
    bool *seen; /* by operation id */
    tw_operation **stack;
    size_t depth, limit; /* limit: operations there were when the walk began */
} walker;

/* The way back ends where the iteration begins. */
static void step_to(const looping *l, walker *w, tw_tensor tensor, size_t target)
{
    tw_operation *op = tensor.op;
    if (op->id >= w->limit || !tw_dtype_is_trainable(op->outputs[tensor.index].dtype) ||
        w->seen[op->id] || !holds(l->forward, op))
        return;
    w->seen[op->id] = true;
    for (size_t i = 0; i < l->count; i++) {
        if (l->sources[i].enter == op || l->sources[i].merge == op) {
            l->depends[target * l->count + i] = 1;
            return;
        }
    }
    if (op->forward.op && tw_loop_terms_wanted(op))
        l->special[target] = true;
    w->stack[w->depth++] = op;
}

/* Back through the body from a tensor, to what the iteration begins with. */
static void walk(const looping *l, walker *w, tw_tensor from, size_t target)
{
    memset(w->seen, 0, w->limit * sizeof *w->seen);
    step_to(l, w, from, target);
    while (w->depth) {
        const tw_operation *op = w->stack[--w->depth];
        for (uint32_t i = 0; i < op->input_count; i++)
            step_to(l, w, op->inputs[i], target);
    }
}

/* What the back edge brings; the derivative of an iteration begins there. */
static tw_tensor next_value(const looping *l, size_t var)
{
    const tw_operation *next = l->forward->vars.items[var].next;
    return next ? tw_operation_input(next, 0) : (tw_tensor){NULL, 0};
}

/* Derivatives that LoopValues sent back, of this loop and of those inside. */
static tw_status *find_terms(looping *l)
{
    size_t count = 0;
    for (const tw_loop_term *t = tw_loop_terms_first(); t; t = t->next)
        count += tw_loop_term_is_of(t, l->forward, true);
    l->terms = tw_arena_array(&l->arena, count + 1, sizeof *l->terms);
    if (!l->terms)
        return tw_no_memory();
    for (const tw_loop_term *t = tw_loop_terms_first(); t; t = t->next) {
        if (tw_loop_term_is_of(t, l->forward, true))
            l->terms[l->term_count++] = t;
    }
    return TW_OK;
}

/* For all targets once: the questions that follow are asked many times. */
static tw_status *find_dependencies(looping *l)
{
    size_t operations = tw_graph_operation_count(l->graph), vars = l->forward->vars.count;
    walker w = {tw_arena_array(&l->arena, operations + 1, sizeof(bool)),
                tw_arena_array(&l->arena, operations + 1, sizeof(tw_operation *)), 0, operations};
    l->targets = vars + l->term_count;
    l->depends = tw_arena_array(&l->arena, l->targets + 1, l->count + 1);
    l->special = tw_arena_array(&l->arena, l->targets + 1, sizeof *l->special);
    if (!w.seen || !w.stack || !l->depends || !l->special)
        return tw_no_memory();
    tw_graph_lock(l->graph);
    for (size_t i = 0; i < vars; i++) {
        const tw_operation *next = l->forward->vars.items[i].next;
        if (next)
            walk(l, &w, next->inputs[0], i);
    }
    for (size_t i = 0; i < l->term_count; i++)
        walk(l, &w, l->terms[i]->forward, vars + i);
    tw_graph_unlock(l->graph);
    return TW_OK;
}

/* A LoopValue that somebody wants the derivative of counts as an x. */
static bool target_is_active(const looping *l, size_t target)
{
    bool active = l->special[target];
    for (size_t s = 0; s < l->count && !active; s++)
        active = l->depends[target * l->count + s] && l->sources[s].active;
    return active;
}

/* The dy of an output is that of its Exit. */
static bool exit_has_gradient(const looping *l, const tw_operation *exit)
{
    for (size_t i = 0; i < l->node->output_count; i++) {
        if (l->node->outputs[i].op == exit)
            return l->dy[i].kind != TW_GRAD_NONE;
    }
    return false;
}

/* Variables depend on each other from iteration to iteration, so until nothing changes. */
static void find_included(looping *l)
{
    bool changed = true;
    for (size_t i = 0; i < l->count; i++) {
        source *s = &l->sources[i];
        if (s->merge)
            s->needed = exit_has_gradient(l, l->forward->vars.items[s->var].exit);
        for (size_t t = l->forward->vars.count; t < l->targets; t++)
            s->needed = s->needed || l->depends[t * l->count + i];
    }
    while (changed) {
        changed = false;
        for (size_t i = 0; i < l->count; i++) {
            source *s = &l->sources[i];
            if (!s->merge || !has_sum(s->enter->outputs[0].dtype))
                continue;
            if (!s->active && target_is_active(l, s->var))
                s->active = changed = true;
            for (size_t k = 0; k < l->count && s->needed; k++) {
                if (l->depends[s->var * l->count + k] && !l->sources[k].needed)
                    l->sources[k].needed = changed = true;
            }
        }
    }
}

/* A loop between ys and xs may still pass nothing on. */
static bool anything_to_do(const looping *l)
{
    bool some = false;
    for (size_t i = 0; i < l->count; i++)
        some = some || is_included(&l->sources[i]);
    for (size_t t = l->forward->vars.count; t < l->targets; t++)
        some = some || l->special[t];
    return some;
}

/* ---- counting ---- */

/* A builder has failed and told the build context, whose error goes before this one. */
static tw_status *not_built(void)
{
    return tw_status_new(TW_INTERNAL, "an operation of a loop's gradient could not be built");
}

/* Counters are int32, as in TensorFlow. */
static tw_status *constant(const looping *l, int value, const char *name, tw_tensor *out)
{
    tw_operand operand = tw_of_int(value);
    return tw_operand_add(l->graph, NULL, &operand, TW_INT32, name, l->where, out);
}

/* Of an imported loop only what somebody read is there; here the last values are wanted too. */
static tw_status *complete_vars(looping *l)
{
    for (size_t i = 0; i < l->forward->vars.count; i++) {
        if (l->forward->vars.items[i].exit)
            continue;
        int depth = tw_region_step_into(l->forward);
        if (depth < 0)
            return tw_no_memory();
        tw_status *status = TW_OK;
        if (!l->forward->vars.items[i].switch_)
            status = tw_loop_switch(l->forward, i, NULL, l->where);
        if (!status)
            status = tw_loop_exit(l->forward, i, NULL, l->where);
        tw_scope_pop_to(depth);
        TW_TRY(status);
    }
    return TW_OK;
}

/* The same nodes as TensorFlow makes for its f_count. */
static tw_status *count_in_body(looping *l, size_t var)
{
    tw_tensor one;
    tw_operation *sum;
    TW_TRY(tw_loop_merge(l->forward, var, NULL, l->where));
    TW_TRY(tw_loop_switch(l->forward, var, NULL, l->where));
    tw_tensor count = tw_loop_inside(l->forward, var);
    TW_TRY(constant(l, 1, "Add/y", &one));
    TW_TRY(tw_node_add(l->graph, "Add", NULL, TW_LIST(count, one), NULL, 0, l->where, &sum));
    TW_TRY(tw_loop_next(l->forward, var, (tw_tensor){sum, 0}, NULL, l->where));
    return tw_loop_exit(l->forward, var, "f_count", l->where);
}

/* How many iterations the loop makes, seen from around it: a variable more, once. */
static tw_status *count_iterations(looping *l)
{
    tw_tensor zero;
    size_t var = l->forward->vars.count;
    if (l->forward->trips.op)
        return TW_OK;
    int depth = (int)tw_thread_here()->scopes.count;
    tw_status *status = tw_scope_push_control((tw_tensors){NULL, 0});
    if (!status && l->forward->outer && tw_scope_push_region(l->forward->outer) < 0)
        status = tw_no_memory();
    if (!status)
        status = constant(l, 0, "f_count", &zero);
    if (!status && tw_scope_push_region(l->forward) < 0)
        status = tw_no_memory();
    if (!status)
        status = tw_loop_enter(l->forward, zero, NULL, "f_count", l->where);
    if (!status)
        status = count_in_body(l, var);
    tw_scope_pop_to(depth);
    if (!status)
        l->forward->trips = (tw_tensor){l->forward->vars.items[var].exit, 0};
    return status;
}

/* ---- the gradient loop ---- */

/* The derivative for a variable's last value, or zeros; sums begin as zeros. */
static tw_status *first_value(const looping *l, const source *s, tw_tensor *out)
{
    *out = (tw_tensor){NULL, 0};
    tw_operation *exit = s->merge ? l->forward->vars.items[s->var].exit : NULL;
    for (size_t i = 0; exit && i < l->node->output_count; i++) {
        if (l->node->outputs[i].op == exit && l->dy[i].kind != TW_GRAD_NONE) {
            *out = tw_grad_tensor(l->dy[i]);
            return out->op ? TW_OK : not_built();
        }
    }
    tw_tensor like = exit ? (tw_tensor){exit, 0} : s->outside;
    *out = tw_zeros_like(like);
    return out->op ? TW_OK : not_built();
}

/* The counter is variable 0; the others follow in the order of the sources. */
static tw_status *enter_all(looping *l, tw_tensor *firsts)
{
    TW_TRY(tw_loop_enter(l->back, l->forward->trips, NULL, "b_count", l->where));
    l->back->trips = tw_operation_input(l->back->vars.items[0].enter, 0); /* as seen from around */
    for (size_t i = 0; i < l->count; i++) {
        source *s = &l->sources[i];
        if (!is_included(s))
            continue;
        tw_shape shape = s->merge ? tw_tensor_shape((tw_tensor){s->merge, 0}) : TW_UNKNOWN_SHAPE;
        s->back = l->back->vars.count;
        TW_TRY(tw_loop_enter(l->back, firsts[i], s->merge ? &shape : NULL,
                             s->merge ? "b_exit" : "b_acc", l->where));
    }
    for (size_t v = 0; v < l->back->vars.count; v++)
        TW_TRY(tw_loop_merge(l->back, v, NULL, l->where));
    return TW_OK;
}

/* While the count is at least one; the iteration that is differentiated is the count less one. */
static tw_status *count_back(looping *l, tw_tensor one)
{
    tw_operation *op;
    tw_tensor inside;
    tw_tensor count = {l->back->vars.items[0].merge, 0};
    TW_TRY(tw_region_capture(l->back, one, &inside));
    TW_TRY(tw_node_add(l->graph, "GreaterEqual", NULL, TW_LIST(count, inside), NULL, 0, l->where,
                       &op));
    TW_TRY(tw_loop_condition(l->back, (tw_tensor){op, 0}, "b_count", l->where));
    for (size_t v = 0; v < l->back->vars.count; v++)
        TW_TRY(tw_loop_switch(l->back, v, NULL, l->where));
    TW_TRY(tw_node_add(l->graph, "Sub", NULL, TW_LIST(tw_loop_inside(l->back, 0), inside), NULL, 0,
                       l->where, &op));
    l->back->counter = l->back->pivot_body = (tw_tensor){op, 0};
    return TW_OK;
}

/* What is differentiated is the body: from the next values back to this iteration's. */
static tw_status *list_ends(looping *l)
{
    size_t most = l->count + l->term_count + 1;
    l->ys = tw_arena_array(&l->arena, most, sizeof *l->ys);
    l->grad_ys = tw_arena_array(&l->arena, most, sizeof *l->grad_ys);
    l->xs = tw_arena_array(&l->arena, most, sizeof *l->xs);
    if (!l->ys || !l->grad_ys || !l->xs)
        return tw_no_memory();
    for (size_t i = 0; i < l->count; i++) {
        const source *s = &l->sources[i];
        if (!is_included(s))
            continue;
        l->xs[l->x_count++] = (tw_tensor){s->merge ? s->merge : s->enter, 0};
        if (!s->merge)
            continue;
        l->ys[l->y_count] = next_value(l, s->var);
        l->grad_ys[l->y_count++] = tw_loop_inside(l->back, s->back);
    }
    for (size_t i = 0; i < l->term_count; i++) {
        if (!tw_loop_term_is_of(l->terms[i], l->forward, false))
            continue; /* of an inner loop, which takes it up */
        l->ys[l->y_count] = l->terms[i]->forward;
        TW_TRY(tw_loop_value(l->back, l->terms[i]->grad, &l->grad_ys[l->y_count++]));
    }
    return TW_OK;
}

/* What a variable of the gradient loop is in the next iteration, which is the one before. */
static tw_status *go_on(looping *l, const source *s, tw_grad grad)
{
    tw_tensor now = tw_loop_inside(l->back, s->back), next = now, like = {s->merge, 0};
    if (grad.kind != TW_GRAD_NONE)
        next = tw_grad_tensor(grad);
    else if (s->merge)
        next = tw_zeros_like(like);
    if (!s->merge && grad.kind != TW_GRAD_NONE && next.op)
        next = tw_add(now, next);
    if (!next.op)
        return not_built();
    return tw_loop_next(l->back, s->back, next, NULL, l->where);
}

/* The call goes the way of every tw_gradients, in the region of the gradient loop. */
static tw_status *differentiate_body(looping *l)
{
    tw_grads grads;
    struct tw_gradients_args args = {.size = sizeof args,
                                     .where = l->where,
                                     .ys = {l->ys, l->y_count},
                                     .xs = {l->xs, l->x_count},
                                     .grad_ys = {l->grad_ys, l->y_count},
                                     .name = "body",
                                     .colocate = l->colocate};
    TW_TRY(tw_gradients_add(&args, &grads));
    size_t x = 0;
    for (size_t i = 0; i < l->count; i++) {
        if (is_included(&l->sources[i]))
            TW_TRY(go_on(l, &l->sources[i], grads.grads[x++]));
    }
    TW_TRY(tw_loop_next(l->back, 0, l->back->counter, NULL, l->where));
    for (size_t v = 0; v < l->back->vars.count; v++)
        TW_TRY(tw_loop_exit(l->back, v, NULL, l->where));
    return TW_OK;
}

/* Variables, then the condition, then the body, as every loop is built. */
static tw_status *build_inside(looping *l, tw_tensor *firsts, tw_tensor one)
{
    TW_TRY(enter_all(l, firsts));
    TW_TRY(count_back(l, one));
    TW_TRY(list_ends(l));
    return differentiate_body(l);
}

/* What the caller gets for a source is the last value of its variable. */
static tw_status *build(looping *l)
{
    tw_tensor *firsts = tw_arena_array(&l->arena, l->count + 1, sizeof *firsts), one;
    if (!firsts)
        return tw_no_memory();
    TW_TRY(complete_vars(l));
    TW_TRY(count_iterations(l));
    for (size_t i = 0; i < l->count; i++) {
        if (is_included(&l->sources[i]))
            TW_TRY(first_value(l, &l->sources[i], &firsts[i]));
    }
    TW_TRY(constant(l, 1, "b_count", &one));
    TW_TRY(tw_loop_open(l->graph, "while_context", l->forward->parallel_iterations, &l->back));
    l->back->forward = l->forward;
    l->back->back_prop = l->forward->back_prop;
    int depth = tw_scope_push_region(l->back);
    if (depth < 0)
        return tw_no_memory();
    tw_status *status = build_inside(l, firsts, one);
    tw_scope_pop_to(depth);
    for (size_t i = 0; i < l->count && !status; i++) {
        const source *s = &l->sources[i];
        if (is_included(s))
            l->dx[i] = tw_grad_of((tw_tensor){l->back->vars.items[s->back].exit, 0});
    }
    return status;
}

/* A loop that somebody is still building has no derivative yet. */
static tw_status *check_forward(const looping *l)
{
    for (size_t i = 0; i < l->forward->vars.count; i++) {
        const tw_loop_var *var = &l->forward->vars.items[i];
        if (!var->merge || !var->next)
            return tw_value_error("the while loop '%s' is not complete: it cannot be "
                                  "differentiated",
                                  l->forward->name);
    }
    if (!l->forward->cond)
        return tw_value_error("the while loop '%s' has no condition", l->forward->name);
    return TW_OK;
}

/* The node of the path has an input for each Enter, then one for each loop that LoopValues
 * inside read. */
tw_status *tw_gradients_loop(tw_path_node *node, const tw_grad *dy, tw_grad *dx, bool colocate)
{
    looping l = {.node = node,
                 .dy = dy,
                 .dx = dx,
                 .colocate = colocate,
                 .forward = node->loop,
                 .graph = node->loop->graph};
    if (!node->loop->back_prop) /* no derivative was wanted: nothing flows back */
        return TW_OK;
    l.where = tw_current_where(node->outputs[0].op->spec.where);
    tw_status *status = check_forward(&l);
    for (size_t i = node->enter_count; i < node->input_count && !status; i++) {
        if (node->inputs[i].from->between)
            status = tw_loop_terms_want(node->inputs[i].from->loop);
    }
    if (!status)
        status = find_sources(&l);
    if (!status)
        status = find_terms(&l);
    if (!status)
        status = find_dependencies(&l);
    if (!status) {
        find_included(&l);
        status = anything_to_do(&l) ? build(&l) : TW_OK;
    }
    tw_arena_clear(&l.arena);
    return status;
}
