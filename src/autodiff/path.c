/* SPDX-License-Identifier: Apache-2.0
 * Which operations lie between xs and ys. Everything that ys depend on is collected backwards, a
 * while loop as one node; what of it depends on xs is marked forwards, through outputs that have
 * derivatives; and once more backwards, through what was marked. Only uses between the two are
 * waited for. Where a loop is differentiated as a whole, the way back through its body ends at what
 * comes into it; a caller inside of a body asks for what is around it too. */
#include <string.h>

#include "autodiff/gradients.h"
#include "autodiff/loop_terms.h"
#include "base/status.h"

/* A loop is differentiated by calls of tw_gradients for its body, which want what the outermost
 * call does. */
static _Thread_local bool integers_wanted;

bool tw_path_want_integers(bool want)
{
    bool before = integers_wanted;
    integers_wanted = want;
    return before;
}

/* Derivatives flow through these only. Handles count, as what is read through them may be a
 * number. */
bool tw_dtype_is_trainable(tw_dtype dtype)
{
    dtype = tw_dtype_base(dtype);
    return tw_dtype_is_floating(dtype) || tw_dtype_is_complex(dtype) || dtype == TW_RESOURCE ||
           dtype == TW_VARIANT || (integers_wanted && tw_dtype_is_integer(dtype));
}

/* A region is inside of itself. */
static bool is_inside(const tw_region *region, const tw_region *outer)
{
    while (region && region != outer)
        region = region->outer;
    return region == outer;
}

/* The outermost loop around an operation that is not around what is differentiated; NULL: none. */
static tw_region *loop_around(const tw_path *path, const tw_operation *op)
{
    tw_region *loop = tw_region_loop(op->region), *found = NULL;
    for (; loop && !is_inside(path->base, loop); loop = tw_region_loop(loop->outer))
        found = loop;
    return found;
}

/* Enter and RefEnter are one to us. */
static bool is_type(const tw_operation *op, const char *type)
{
    const char *own = op->spec.type;
    return strcmp(own, type) == 0 || (strncmp(own, "Ref", 3) == 0 && strcmp(own + 3, type) == 0);
}

/* Its memory lives as long as the path; an output starts with nothing arrived. */
static tw_path_node *new_node(tw_path *path, size_t output_count)
{
    tw_path_node *node = TW_ARENA_NEW(&path->arena, tw_path_node);
    if (!node)
        return NULL;
    node->output_count = output_count;
    node->outputs = tw_arena_array(&path->arena, output_count, sizeof *node->outputs);
    node->sums = tw_arena_array(&path->arena, output_count, sizeof *node->sums);
    bool good = node->outputs && node->sums && tw_vec_push(&path->nodes, node);
    return good ? node : NULL;
}

/* An operation by itself: its outputs are its own. */
static tw_path_node *add_operation(tw_path *path, tw_operation *op)
{
    tw_path_node *node = new_node(path, op->output_count);
    if (!node)
        return NULL;
    node->op = op;
    for (uint32_t i = 0; i < op->output_count; i++)
        node->outputs[i] = (tw_tensor){op, (int32_t)i};
    path->by_operation[op->id] = node;
    return node;
}

/* The Exits of a loop whose values are used outside of it. */
static tw_path_node *add_loop(tw_path *path, tw_region *loop)
{
    TW_VEC(tw_operation *) exits = {0};
    bool good = true;
    for (size_t i = 0; i < loop->vars.count && good; i++) {
        if (loop->vars.items[i].exit)
            good = tw_vec_push(&exits, loop->vars.items[i].exit);
    }
    tw_path_node *node = good ? new_node(path, exits.count) : NULL;
    if (node)
        node->loop = loop;
    for (size_t i = 0; node && i < exits.count; i++) {
        node->outputs[i] = (tw_tensor){exits.items[i], 0};
        path->by_operation[exits.items[i]->id] = node;
    }
    tw_vec_clear(&exits);
    return node;
}

/* The node that stands for an operation, made when it is first met. */
static tw_path_node *visit(tw_path *path, tw_operation *op)
{
    tw_path_node *node = path->by_operation[op->id];
    if (node)
        return node;
    tw_region *loop = loop_around(path, op);
    if (!loop)
        return add_operation(path, op);
    for (size_t i = 0; i < loop->vars.count && !node; i++) { /* it may be known by its Exits */
        if (loop->vars.items[i].exit)
            node = path->by_operation[loop->vars.items[i].exit->id];
    }
    if (!node)
        node = add_loop(path, loop);
    path->by_operation[op->id] = node;
    return node;
}

/* Which of a node's outputs a tensor is; output_count: none, as for an Exit of no loop variable. */
static size_t output_of(const tw_path_node *node, tw_tensor tensor)
{
    for (size_t i = 0; node->loop && i < node->output_count; i++) {
        if (node->outputs[i].op == tensor.op)
            return i;
    }
    return node->loop ? node->output_count : (size_t)tensor.index;
}

/* Room for the edge was made by the caller; it is chained to the other uses of its producer. */
static tw_status *add_edge(tw_path *path, tw_path_node *user, tw_tensor tensor)
{
    tw_path_node *from = visit(path, tensor.op);
    if (!from)
        return tw_no_memory();
    tw_path_edge *edge = &user->inputs[user->input_count++];
    *edge = (tw_path_edge){tensor, from, user, output_of(from, tensor), from->uses};
    from->uses = edge;
    return TW_OK;
}

/* What a variable of a loop around is when an iteration begins. */
static bool is_loop_merge(const tw_path *path, const tw_operation *op)
{
    const tw_region *loop = op->region;
    if (!loop || loop->kind != TW_REGION_LOOP || !is_inside(path->base, loop))
        return false;
    for (size_t i = 0; i < loop->vars.count; i++) {
        if (loop->vars.items[i].merge == op)
            return true;
    }
    return false;
}

/* How many inputs the way back goes on through. Where the whole loop is differentiated nothing is
 * before its body. Where a caller inside of the body asks, it goes out through an Enter; of a
 * variable only the first value is there, which is looked at for the error. */
static uint32_t inputs_before(const tw_path *path, const tw_operation *op)
{
    bool merges = is_loop_merge(path, op);
    if (path->body_only)
        return merges || (op->region == path->base && is_type(op, "Enter")) ? 0 : op->input_count;
    return merges ? 1 : op->input_count;
}

/* Inputs are copied: the operation may be changed by others once the lock is released. */
static tw_status *add_edges(tw_path *path, tw_path_node *node)
{
    const tw_operation *op = node->op;
    uint32_t count = inputs_before(path, op);
    node->inputs = tw_arena_array(&path->arena, count, sizeof *node->inputs);
    if (!node->inputs)
        return tw_no_memory();
    for (uint32_t i = 0; i < count; i++)
        TW_TRY(add_edge(path, node, op->inputs[i]));
    return TW_OK;
}

/* ---- what goes into a loop ---- */

typedef TW_VEC(tw_operation *) operations;

/* What comes in from around: through its Enters, and through LoopValues of loops beside it. */
static bool find_loop_inputs(const tw_path *path, tw_path_node *node, operations *enters,
                             operations *values)
{
    for (size_t i = 0; i < path->operation_count; i++) {
        tw_operation *op = path->graph->operations.items[i];
        if (!op->region || !is_inside(op->region, node->loop))
            continue;
        if (op->region == node->loop && is_type(op, "Enter") && !tw_vec_push(enters, op))
            return false;
        if (!op->forward.op)
            continue;
        node->wanted = node->wanted || tw_loop_terms_wanted(op);
        tw_region *loop = loop_around(path, op->forward.op);
        bool beside = loop && loop != node->loop;
        if (path->body_only)
            beside = beside && tw_region_loop(loop->outer) == path->base;
        if (beside && !tw_vec_push(values, op))
            return false;
    }
    return true;
}

/* Enters first, which is how the gradient of a loop tells the two kinds apart. */
static tw_status *add_loop_edges(tw_path *path, tw_path_node *node)
{
    operations enters = {0}, values = {0};
    tw_status *status = TW_OK;
    if (!find_loop_inputs(path, node, &enters, &values))
        status = tw_no_memory();
    node->inputs = tw_arena_array(&path->arena, enters.count + values.count, sizeof *node->inputs);
    node->enters = tw_arena_array(&path->arena, enters.count, sizeof *node->enters);
    if (!node->inputs || !node->enters)
        status = tw_no_memory();
    node->enter_count = status ? 0 : enters.count;
    for (size_t i = 0; i < enters.count && !status; i++) {
        node->enters[i] = enters.items[i];
        status = add_edge(path, node, enters.items[i]->inputs[0]);
    }
    for (size_t i = 0; i < values.count && !status; i++)
        status = add_edge(path, node, values.items[i]->forward);
    tw_vec_clear(&enters);
    tw_vec_clear(&values);
    return status;
}

/* ---- the whole ---- */

/* Breadth first, so that deep graphs need no stack. Ids are no order here: a Merge's back edge
 * and changed inputs lead to later operations. */
static tw_status *collect_locked(tw_path *path, tw_tensors ys)
{
    path->operation_count = path->graph->operations.count;
    path->by_operation = tw_arena_array(&path->arena, path->operation_count,
                                        sizeof(tw_path_node *));
    if (!path->by_operation)
        return tw_no_memory();
    for (size_t i = 0; i < ys.count; i++) {
        if (!visit(path, ys.items[i].op))
            return tw_no_memory();
    }
    for (const tw_loop_term *term = tw_loop_terms_first(); term; term = term->next) {
        bool inner = path->base && tw_loop_term_is_of(term, path->base, true) &&
                     !tw_loop_term_is_of(term, path->base, false);
        if (inner && !visit(path, term->forward.op))
            return tw_no_memory();
    }
    for (size_t i = 0; i < path->nodes.count; i++) {
        tw_path_node *node = path->nodes.items[i];
        TW_TRY(node->loop ? add_loop_edges(path, node) : add_edges(path, node));
    }
    return TW_OK;
}

/* Forwards from the xs. An x is reached whatever its dtype, as in TensorFlow; what follows from
 * it only through outputs that have derivatives. */
static tw_status *mark_reached(tw_path *path, tw_tensors xs)
{
    TW_VEC(tw_path_node *) queue = {0};
    size_t output;
    bool good = true;
    for (size_t i = 0; i < xs.count && good; i++) {
        tw_path_node *node = tw_path_node_of(path, xs.items[i], &output);
        if (!node || node->reached)
            continue;
        node->reached = true;
        good = tw_vec_push(&queue, node);
    }
    for (size_t i = 0; i < path->nodes.count && good; i++) {
        tw_path_node *node = path->nodes.items[i];
        if (node->reached || !(node->loop ? node->wanted : tw_loop_terms_wanted(node->op)))
            continue;
        node->reached = true;
        good = tw_vec_push(&queue, node);
    }
    for (size_t i = 0; i < queue.count && good; i++) {
        for (tw_path_edge *use = queue.items[i]->uses; use && good; use = use->sibling) {
            tw_dtype dtype = use->tensor.op->outputs[use->tensor.index].dtype;
            if (use->user->reached || !tw_dtype_is_trainable(dtype))
                continue;
            use->user->reached = true;
            good = tw_vec_push(&queue, use->user);
        }
    }
    tw_vec_clear(&queue);
    return good ? TW_OK : tw_no_memory();
}

/* Backwards from the ys through what is reached: a Shape of an x is reached, yet nothing that has a
 * derivative uses it. Counts the uses that will send something back. */
static tw_status *mark_between(tw_path *path, tw_tensors ys)
{
    TW_VEC(tw_path_node *) queue = {0};
    size_t output;
    bool good = true;
    for (size_t i = 0; i < ys.count && good; i++) {
        tw_path_node *node = tw_path_node_of(path, ys.items[i], &output);
        if (!node || !node->reached || node->between)
            continue;
        node->between = true;
        good = tw_vec_push(&queue, node);
    }
    for (size_t i = 0; i < path->nodes.count && good; i++) {
        tw_path_node *node = path->nodes.items[i];
        if (!node->loop || !node->reached || node->between || !tw_loop_terms_has(node->loop))
            continue;
        node->between = true;
        good = tw_vec_push(&queue, node);
    }
    for (size_t i = 0; i < queue.count && good; i++) {
        tw_path_node *node = queue.items[i];
        for (size_t k = 0; k < node->input_count && good; k++) {
            tw_path_node *from = node->inputs[k].from;
            from->pending += from->reached;
            if (!from->reached || from->between)
                continue;
            from->between = true;
            good = tw_vec_push(&queue, from);
        }
    }
    tw_vec_clear(&queue);
    return good ? TW_OK : tw_no_memory();
}

/* An x none of whose inputs depends on another x, and what the caller wants to stop at. */
static void mark_stops(const tw_path *path, tw_tensors xs, tw_tensors stop)
{
    size_t output;
    for (size_t i = 0; i < xs.count; i++) {
        tw_path_node *node = tw_path_node_of(path, xs.items[i], &output);
        if (!node)
            continue;
        node->stops = true;
        for (size_t k = 0; k < node->input_count; k++) {
            if (node->inputs[k].from->pending > 0)
                node->stops = false;
        }
    }
    for (size_t i = 0; i < stop.count; i++) {
        tw_path_node *node = tw_path_node_of(path, stop.items[i], &output);
        if (node)
            node->stops = true;
    }
}

/* What lies in a loop has no one value outside of it. */
static tw_status *check_places(const tw_path *path, tw_tensors ys)
{
    for (size_t i = 0; i < ys.count; i++) {
        const tw_operation *op = ys.items[i].op;
        const tw_path_node *node = path->by_operation[op->id];
        if (node->loop && !is_type(op, "Exit"))
            return tw_value_error("Cannot use '%s' as input to the gradients because '%s' is in a "
                                  "while loop: use what the loop returns",
                                  op->spec.name, op->spec.name);
    }
    return TW_OK;
}

/* Inside of a body nobody can say how a variable came from its first value: that depends on how
 * many iterations there were. */
static tw_status *check_variables(const tw_path *path, tw_tensors xs)
{
    size_t output;
    const tw_path_node *node = NULL;
    for (size_t i = 0; i < path->nodes.count && !node; i++) {
        const tw_path_node *n = path->nodes.items[i];
        if (n->between && n->op && n->input_count && n->inputs[0].from->between &&
            is_loop_merge(path, n->op))
            node = n;
    }
    /* back to an x: what is reached has an input that is, or is one */
    for (size_t steps = path->nodes.count; node && steps; steps--) {
        for (size_t i = 0; i < xs.count; i++) {
            if (tw_path_node_of(path, xs.items[i], &output) == node)
                return tw_value_error("Cannot compute gradient inside while loop with respect to "
                                      "op '%s': it is, or goes into, the first value of a loop "
                                      "variable; ask for what is the same in every iteration, or "
                                      "for the variable as the body gets it",
                                      xs.items[i].op->spec.name);
        }
        const tw_path_node *before = NULL;
        for (size_t k = 0; k < node->input_count && !before; k++)
            before = node->inputs[k].from->reached ? node->inputs[k].from : NULL;
        node = before;
    }
    return TW_OK;
}

/* Only the first step reads the graph; the others work on what it copied. */
tw_status *tw_path_find(tw_path *path, tw_tensors ys, tw_tensors xs, tw_tensors stop)
{
    tw_graph_lock(path->graph);
    tw_status *status = collect_locked(path, ys);
    tw_graph_unlock(path->graph);
    TW_TRY(status);
    TW_TRY(check_places(path, ys));
    TW_TRY(mark_reached(path, xs));
    TW_TRY(mark_between(path, ys));
    TW_TRY(check_variables(path, xs));
    mark_stops(path, xs, stop);
    return TW_OK;
}

/* All nodes, edges and sums lie in the arena and go at once; tensors that were built stay in the
 * graph. */
void tw_path_clear(tw_path *path)
{
    tw_vec_clear(&path->nodes);
    tw_arena_clear(&path->arena);
}

/* Operations that were added since have no node: they cannot lie on the path. */
tw_path_node *tw_path_node_of(const tw_path *path, tw_tensor tensor, size_t *output)
{
    size_t id = tensor.op->id;
    tw_path_node *node = id < path->operation_count ? path->by_operation[id] : NULL;
    *output = node ? output_of(node, tensor) : 0;
    return node && *output < node->output_count ? node : NULL;
}

/* Kept in the order of arrival, which is that of AddN's inputs. */
tw_status *tw_path_add(tw_path *path, tw_path_node *node, size_t output, tw_grad grad)
{
    tw_path_term *term = TW_ARENA_NEW(&path->arena, tw_path_term);
    tw_path_sum *sum = &node->sums[output];
    if (!term)
        return tw_no_memory();
    term->grad = grad;
    if (sum->last)
        sum->last->next = term;
    else
        sum->first = term;
    sum->last = term;
    sum->count++;
    return TW_OK;
}
