/* SPDX-License-Identifier: Apache-2.0
 * Prune: the operations that fetches and targets need become nodes, in the order in which they were
 * added to the graph; the way back stops at what is fed. */
#include <string.h>

#include "base/status.h"
#include "plan/plan.h"
#include "tensor/array.h"

/* Tables by operation id, for the time of the pass. */
typedef struct tw_pruner {
    tw_plan *plan;
    tw_graph *graph;
    bool *reached;     /* by operation id */
    uint32_t *node_of; /* by operation id */
    tw_operation **stack;
    size_t depth;
    size_t nodes, values; /* that what was reached will have */
    tw_int_map fed;       /* operation id << 8 | output -> value */
} tw_pruner;

/* Output -1, the operation itself, has a key of its own. */
static uint64_t tensor_key(tw_tensor tensor)
{
    return (uint64_t)tensor.op->id << 16 | (uint16_t)(tensor.index + 1);
}

/* Each operation is pushed once, so the stack needs no more room than the graph has operations. */
static void reach(tw_pruner *p, tw_operation *op)
{
    if (p->reached[op->id])
        return;
    p->reached[op->id] = true;
    p->stack[p->depth++] = op;
}

/* A fed placeholder counts as done: who only waits for it waits for nothing. */
static bool is_fed_source(tw_pruner *p, const tw_operation *op)
{
    uint64_t value;
    return op->output_count == 1 && op->input_count == 0 &&
           tw_int_map_get(&p->fed, tensor_key((tw_tensor){(tw_operation *)op, 0}), &value);
}

/* Of a run in parts. */
static bool is_done(const tw_signature *signature, const tw_operation *op)
{
    return op->id < signature->done_count && signature->done[op->id];
}

/* The way back stops at a fed tensor: what would have computed it does not run. */
static void reach_tensor(tw_pruner *p, tw_tensor tensor)
{
    uint64_t value;
    if (tensor.index >= 0 && tw_int_map_get(&p->fed, tensor_key(tensor), &value))
        return;
    if (!is_fed_source(p, tensor.op))
        reach(p, tensor.op);
}

/* An invalid tensor stands for an error while building, which is what the user wants to read. */
static tw_status *check_tensor(tw_pruner *p, tw_tensor tensor, const char *what)
{
    if (!tensor.op) {
        const tw_status *first = tw_graph_status(p->graph);
        if (first)
            return tw_status_copy(first);
        return tw_value_error("the %s is an invalid tensor: it was never built", what);
    }
    if (tensor.op->graph != p->graph)
        return tw_status_with_where(
            tw_value_error("the %s %s belongs to another graph than the session's", what,
                           tw_tensor_name(tensor).s),
            tensor.op->spec.where);
    if (tensor.index < -1 || tensor.index >= (int32_t)tensor.op->output_count)
        return tw_value_error("the %s %s: the operation has %u outputs", what,
                              tw_tensor_name(tensor).s, tensor.op->output_count);
    return TW_OK;
}

/* One FEED node for each fed tensor, before all others. */
static tw_status *add_feeds(tw_pruner *p, tw_tensors feeds)
{
    tw_plan *plan = p->plan;
    plan->feed_count = feeds.count;
    plan->feeds = tw_arena_array(&plan->arena, feeds.count + 1, sizeof *plan->feeds);
    plan->feed_tensors = tw_arena_copy(&plan->arena, feeds.items,
                                       feeds.count * sizeof *feeds.items);
    if (!plan->feeds || (feeds.count && !plan->feed_tensors))
        return tw_no_memory();
    for (size_t i = 0; i < feeds.count; i++) {
        tw_tensor tensor = feeds.items[i];
        uint64_t twice;
        TW_TRY(check_tensor(p, tensor, "fed tensor"));
        if (tensor.index < 0)
            return tw_value_error("the operation '%s' cannot be fed: it has no outputs",
                                  tensor.op->spec.name);
        if (tw_int_map_get(&p->fed, tensor_key(tensor), &twice))
            return tw_value_error("the tensor %s is fed twice", tw_tensor_name(tensor).s);
        uint32_t node;
        TW_TRY(tw_plan_add_node(plan, TW_NODE_FEED, tensor.op, &node));
        TW_TRY(tw_plan_add_outputs(plan, node, 1));
        uint32_t value = plan->nodes.items[node].first_value;
        plan->values.items[value].dtype = tw_dtype_base(tensor.op->outputs[tensor.index].dtype);
        plan->values.items[value].shape = tensor.op->outputs[tensor.index].shape;
        plan->feeds[i] = value;
        if (!tw_int_map_set(&p->fed, tensor_key(tensor), value))
            return tw_no_memory();
    }
    return TW_OK;
}

/* Data and controls alike; the order of the visit does not matter, nodes are made in the order
 * of adding afterwards. */
static tw_status *walk_back(tw_pruner *p, const tw_signature *signature)
{
    for (size_t i = 0; i < signature->fetches.count; i++) {
        TW_TRY(check_tensor(p, signature->fetches.items[i], "fetched tensor"));
        reach_tensor(p, signature->fetches.items[i]);
    }
    for (size_t i = 0; i < signature->targets.count; i++) {
        TW_TRY(check_tensor(p, signature->targets.items[i], "target"));
        reach_tensor(p, signature->targets.items[i]);
    }
    while (p->depth) {
        tw_operation *op = p->stack[--p->depth];
        p->nodes++;
        p->values += op->output_count;
        for (uint32_t i = 0; i < op->input_count; i++)
            reach_tensor(p, op->inputs[i]);
        if (op->forward.op)
            reach_tensor(p, op->forward);
        for (uint32_t i = 0; i < op->control_count; i++) {
            if (!is_fed_source(p, op->controls[i]) && !is_done(signature, op->controls[i]))
                reach(p, op->controls[i]);
        }
    }
    return TW_OK;
}

/* Lists have as many inputs as their attribute says; everything else has one. */
static size_t arg_count(const tw_spec *spec, const tw_op_arg *arg)
{
    if (!arg->number_attr && !arg->type_list_attr)
        return 1;
    const tw_attr *attr = tw_spec_attr(spec,
                                       arg->number_attr ? arg->number_attr : arg->type_list_attr);
    if (!attr)
        return 0;
    return arg->number_attr ? (size_t)attr->value.i : attr->count;
}

/* The old handles (queues, stacks ...) are references in name only: what is read is a string. */
static bool is_handle(const tw_operation *op)
{
    return op->spec.op && op->spec.op->output_count == 1 && op->spec.op->outputs[0].is_ref &&
           !op->spec.op->outputs[0].type_attr;
}

/* Does the reference lead to a variable, through whatever passes references on? */
static bool means_variable(tw_tensor tensor)
{
    static const char *const passing[] = {"RefEnter", "RefExit",          "RefSwitch",
                                          "RefMerge", "RefNextIteration", "RefIdentity"};
    bool passes = true;
    for (int steps = 0; passes && steps < 4096; steps++) { /* a ring of them is refused later */
        passes = false;
        for (size_t i = 0; i < sizeof passing / sizeof *passing; i++)
            passes = passes ||
                     (tw_name_is(tensor.op->spec.type, passing[i]) && tensor.op->input_count);
        if (passes)
            tensor = tensor.op->inputs[0]; /* of a loop's Merge the one that does not lead back */
    }
    return tw_dtype_is_ref(tensor.op->outputs[tensor.index].dtype) && !is_handle(tensor.op);
}

/* From the signature, since a plain input may read a reference as well. */
static void mark_refs(tw_plan_node *node)
{
    uint32_t at = 0;
    bool any = false;
    for (size_t i = 0; i < node->spec.op->input_count; i++)
        any = any || node->spec.op->inputs[i].is_ref;
    if (!any)
        return;
    for (size_t i = 0; i < node->spec.op->input_count; i++) {
        size_t n = arg_count(&node->spec, &node->spec.op->inputs[i]);
        for (size_t j = 0; j < n; j++, at++) {
            if (node->spec.op->inputs[i].is_ref && node->spec.op->inputs[i].type_attr && at < 32)
                node->ref_inputs |= 1u << at;
        }
    }
}

/* A type that the registry does not know is refused only here, where it would have to run. */
static tw_status *add_operation(tw_pruner *p, const tw_operation *op)
{
    if (!op->spec.op) {
        tw_status *status = tw_status_new(
            TW_NOT_FOUND, "no operation of this type is registered: it can be kept in a "
                          "graph, not run");
        status = tw_status_with_operation(status, op->spec.type, op->spec.name);
        return tw_status_with_where(status, op->spec.where);
    }
    uint32_t node;
    TW_TRY(tw_plan_add_node(p->plan, TW_NODE_OP, op, &node));
    TW_TRY(tw_plan_add_outputs(p->plan, node, op->output_count));
    p->node_of[op->id] = node;
    for (uint32_t i = 0; i < op->output_count; i++) {
        tw_plan_value *value = &p->plan->values.items[p->plan->nodes.items[node].first_value + i];
        value->dtype = tw_dtype_base(op->outputs[i].dtype);
        value->is_ref = tw_dtype_is_ref(op->outputs[i].dtype) &&
                        means_variable((tw_tensor){(tw_operation *)op, (int32_t)i});
    }
    p->plan->nodes.items[node].is_variable = op->input_count == 0 && op->output_count == 1 &&
                                             tw_dtype_is_ref(op->outputs[0].dtype) &&
                                             !is_handle(op);
    return TW_OK;
}

/* A fed tensor is the feed's value wherever it is read. */
static tw_status *value_of(tw_pruner *p, tw_tensor tensor, uint32_t *out)
{
    uint64_t value;
    if (tw_int_map_get(&p->fed, tensor_key(tensor), &value)) {
        *out = (uint32_t)value;
        return TW_OK;
    }
    *out = p->plan->nodes.items[p->node_of[tensor.op->id]].first_value + (uint32_t)tensor.index;
    return TW_OK;
}

/* Second walk: inputs may name operations that were added later, where a loop was built by hand. */
static tw_status *link_operation(tw_pruner *p, const tw_operation *op)
{
    tw_plan *plan = p->plan;
    uint32_t index = p->node_of[op->id];
    uint32_t inputs = op->input_count + (op->forward.op ? 1 : 0);
    tw_plan_node *node = &plan->nodes.items[index];
    _Static_assert(sizeof *node->inputs == sizeof *node->input_dtypes, "one array for both");
    node->inputs = tw_arena_array(&plan->arena, inputs + 1, 2 * sizeof *node->inputs);
    if (!node->inputs)
        return tw_no_memory();
    node->input_dtypes = (tw_dtype *)(node->inputs + inputs + 1);
    node->input_count = op->input_count;
    for (uint32_t i = 0; i < op->input_count; i++) {
        TW_TRY(value_of(p, op->inputs[i], &node->inputs[i]));
        node->input_dtypes[i] = plan->values.items[node->inputs[i]].dtype;
    }
    mark_refs(node);
    /* What is not fed is its default, of whatever shape that turns out to be. */
    if (tw_node_is_type(node, "PlaceholderWithDefault"))
        TW_TRY(tw_plan_retype(plan, node, "Identity", "dtype"));
    for (uint32_t i = 0; node->ref_inputs && i < op->input_count && i < 32; i++) {
        bool handle = tw_dtype_is_ref(op->inputs[i].op->outputs[op->inputs[i].index].dtype) &&
                      !means_variable(op->inputs[i]);
        if (handle)
            node->ref_inputs &= ~(1u << i);
        if (node->ref_inputs >> i & 1 && !plan->values.items[node->inputs[i]].is_ref) {
            tw_status *status = tw_value_error(
                "input %u must be a variable, but what is fed for it is a value", i);
            return tw_status_with_where(
                tw_status_with_operation(status, op->spec.type, op->spec.name), op->spec.where);
        }
    }
    for (uint32_t i = 0; i < op->control_count; i++) {
        if (p->reached[op->controls[i]->id])
            TW_TRY(tw_plan_add_control(plan, index, p->node_of[op->controls[i]->id]));
    }
    return TW_OK;
}

/* An Assign that takes any shape makes the declared one no promise, whether this plan runs it or
 * not. */
static void find_loose_variables(tw_pruner *p)
{
    const tw_op *assign = tw_op_find("Assign");
    for (size_t i = 0; assign && i < p->graph->operations.count; i++) {
        const tw_operation *op = p->graph->operations.items[i];
        if (op->spec.op != assign || !op->input_count || !op->inputs[0].op ||
            !p->reached[op->inputs[0].op->id])
            continue;
        const tw_attr *validate = tw_spec_attr(&op->spec, "validate_shape");
        if (validate && validate->kind == TW_ATTR_BOOL && !validate->value.b)
            p->plan->nodes.items[p->node_of[op->inputs[0].op->id]].loose_shape = true;
    }
}

/* A fetched operation without a value is a target that has a place among the results. */
static tw_status *add_fetches(tw_pruner *p, const tw_signature *signature)
{
    tw_plan *plan = p->plan;
    plan->fetch_count = signature->fetches.count;
    plan->fetches = tw_arena_array(&plan->arena, plan->fetch_count + 1, sizeof *plan->fetches);
    if (!plan->fetches)
        return tw_no_memory();
    for (size_t i = 0; i < signature->fetches.count + signature->targets.count; i++) {
        bool fetch = i < signature->fetches.count;
        tw_tensor tensor = fetch ? signature->fetches.items[i]
                                 : signature->targets.items[i - signature->fetches.count];
        if (fetch) {
            plan->fetches[i] = (tw_plan_fetch){TW_NO_INDEX, tensor};
            if (tensor.index >= 0)
                TW_TRY(value_of(p, tensor, &plan->fetches[i].value));
        }
        if ((!fetch || tensor.index < 0) && p->reached[tensor.op->id])
            plan->nodes.items[p->node_of[tensor.op->id]].target = true;
    }
    return TW_OK;
}

/* For what was reached, and for the constants that will be folded of it. */
static tw_status *make_room(tw_pruner *p)
{
    size_t nodes = p->plan->nodes.count + p->nodes, values = p->plan->values.count + p->values;
    bool good = tw_vec_reserve(&p->plan->nodes, nodes + nodes / 8) &&
                tw_vec_reserve(&p->plan->values, values + nodes / 8);
    return good ? TW_OK : tw_no_memory();
}

/* The graph's lock is held: nothing that is read here can move. */
static tw_status *prune_locked(tw_pruner *p, const tw_signature *signature)
{
    size_t count = p->graph->operations.count;
    p->reached = tw_alloc_zero(count + 1, sizeof *p->reached);
    p->node_of = tw_alloc_array(count + 1, sizeof *p->node_of);
    p->stack = tw_alloc_array(count + 1, sizeof *p->stack);
    if (!p->reached || !p->node_of || !p->stack)
        return tw_no_memory();
    TW_TRY(add_feeds(p, signature->feeds));
    TW_TRY(walk_back(p, signature));
    TW_TRY(make_room(p));
    for (size_t i = 0; i < count; i++) {
        if (p->reached[i])
            TW_TRY(add_operation(p, p->graph->operations.items[i]));
    }
    for (size_t i = 0; i < count; i++) {
        if (p->reached[i])
            TW_TRY(link_operation(p, p->graph->operations.items[i]));
    }
    find_loose_variables(p);
    return add_fetches(p, signature);
}

/* Everything that the plan needs of the graph is copied or known never to move, so that building
 * may go on afterwards. */
tw_status *tw_plan_prune(tw_plan *plan, const tw_signature *signature)
{
    tw_pruner p = {.plan = plan, .graph = plan->graph};
    tw_graph_lock(p.graph);
    tw_status *status = prune_locked(&p, signature);
    tw_graph_unlock(p.graph);
    tw_free(p.reached);
    tw_free(p.node_of);
    tw_free(p.stack);
    tw_int_map_clear(&p.fed);
    if (!status) /* else there may be no fetches */
        tw_plan_count_uses(plan);
    return status;
}
