/* SPDX-License-Identifier: Apache-2.0
 * Building a plan: the passes one after the other, and what they share. */
#include "plan/plan.h"

#include <string.h>

#include "base/status.h"
#include "tensor/array.h"

/* The order matters: folding makes constants that sharing compares, shapes tell simplify which
 * bias fits, and variables must be ordered before anything moves in time. */
static tw_status *run_passes(tw_plan *plan)
{
    TW_TRY(tw_plan_fold(plan));
    TW_TRY(tw_plan_share(plan));
    TW_TRY(tw_plan_compact(plan));
    TW_TRY(tw_plan_shapes(plan));
    TW_TRY(tw_plan_simplify(plan));
    TW_TRY(tw_plan_variables(plan));
    TW_TRY(tw_plan_fuse(plan));
    TW_TRY(tw_plan_schedule(plan));
    TW_TRY(tw_plan_temporaries(plan));
    tw_plan_forget_order(plan);
    tw_vec_fit(&plan->nodes);
    tw_vec_fit(&plan->values);
    for (size_t i = 0; i < plan->nodes.count; i++) {
        const tw_plan_node *node = &plan->nodes.items[i];
        if (!node->gone && node->kind == TW_NODE_LOOP)
            TW_TRY(run_passes(node->loop->body));
    }
    return TW_OK;
}

/* On an error nothing is left of the plan; the graph is only read. */
tw_status *tw_plan_begin(tw_graph *graph, const tw_signature *signature, tw_plan **out)
{
    tw_plan *plan = TW_NEW(tw_plan);
    if (!plan)
        return tw_no_memory();
    atomic_init(&plan->refs, 1);
    plan->graph = tw_graph_ref(graph);
    tw_status *status = tw_plan_prune(plan, signature);
    if (!status)
        status = tw_plan_loops(plan);
    *out = status ? NULL : plan;
    if (status)
        tw_plan_unref(plan);
    return status;
}

/* The same, then all passes. */
tw_status *tw_plan_build(tw_graph *graph, const tw_signature *signature, tw_plan **out)
{
    tw_plan *plan;
    TW_TRY(tw_plan_begin(graph, signature, &plan));
    tw_status *status = run_passes(plan);
    if (status)
        tw_plan_unref(plan);
    else
        *out = plan;
    return status;
}

/* Variants, skeletons and runs each hold one. */
tw_plan *tw_plan_ref(tw_plan *plan)
{
    atomic_fetch_add_explicit(&plan->refs, 1, memory_order_relaxed);
    return plan;
}

/* The body plans of loops go with the plan around them. */
void tw_plan_unref(tw_plan *plan)
{
    if (!plan || atomic_fetch_sub_explicit(&plan->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < plan->nodes.count; i++) {
        tw_array_unref(plan->nodes.items[i].constant);
        if (plan->nodes.items[i].loop)
            tw_plan_unref(plan->nodes.items[i].loop->body);
    }
    tw_vec_clear(&plan->nodes);
    tw_vec_clear(&plan->values);
    tw_vec_clear(&plan->groups);
    tw_vec_clear(&plan->row_groups);
    tw_plan_forget_order(plan);
    tw_arena_clear(&plan->arena);
    if (!plan->outer)
        tw_graph_unref(plan->graph);
    tw_free(plan);
}

/* Pointers into the list of nodes are stale after it: the list may have moved. */
tw_status *tw_plan_add_node(tw_plan *plan, tw_node_kind kind, const tw_operation *origin,
                            uint32_t *out)
{
    if (plan->turns >= TW_NO_INDEX || !tw_vec_reserve(&plan->nodes, plan->nodes.count + 1))
        return tw_no_memory();
    plan->sorted.good = false;
    *out = (uint32_t)plan->nodes.count++;
    plan->nodes.items[*out] = (tw_plan_node){.kind = kind,
                                             .origin = origin,
                                             .spec = origin->spec,
                                             .group = TW_NO_INDEX,
                                             .row_group = TW_NO_INDEX,
                                             .added = plan->turns++,
                                             .position = TW_NO_INDEX};
    return TW_OK;
}

/* The attribute is copied before it is renamed: it is the graph's. */
tw_status *tw_plan_retype(tw_plan *plan, tw_plan_node *node, const char *type, const char *attr)
{
    const tw_op *op = tw_op_find(type);
    const tw_attr *old = tw_spec_attr(&node->spec, attr);
    tw_attr *only = old ? tw_arena_copy(&plan->arena, old, sizeof *only) : NULL;
    if (!op || !only)
        return tw_no_memory();
    only->name = "T";
    node->spec.op = op;
    node->spec.type = op->name;
    node->spec.attrs = only;
    node->spec.attr_count = 1;
    return TW_OK;
}

/* Outputs of one node have neighbouring numbers, so that a node needs to know only the first. */
tw_status *tw_plan_add_outputs(tw_plan *plan, uint32_t node, uint32_t count)
{
    if (plan->values.count + count >= TW_NO_INDEX ||
        !tw_vec_reserve(&plan->values, plan->values.count + count))
        return tw_no_memory();
    plan->nodes.items[node].first_value = (uint32_t)plan->values.count;
    plan->nodes.items[node].output_count = count;
    for (uint32_t i = 0; i < count; i++) {
        plan->values.items[plan->values.count++] = (tw_plan_value){.node = node,
                                                                   .output = i,
                                                                   .variable = TW_NO_INDEX,
                                                                   .saved = TW_NO_INDEX,
                                                                   .moved = TW_NO_INDEX};
    }
    return TW_OK;
}

/* Linear in the node's controls, which are few; duplicates would make edges count double. */
tw_status *tw_plan_add_control(tw_plan *plan, uint32_t node, uint32_t before)
{
    tw_plan_node *n = &plan->nodes.items[node];
    for (uint32_t i = 0; i < n->control_count; i++) {
        if (n->controls[i] == before)
            return TW_OK;
    }
    if (n->control_count == n->control_capacity) {
        uint32_t capacity = n->control_capacity ? 2 * n->control_capacity : 4;
        uint32_t *controls = tw_arena_array(&plan->arena, capacity, sizeof *controls);
        if (!controls)
            return tw_no_memory();
        if (n->control_count)
            memcpy(controls, n->controls, n->control_count * sizeof *controls);
        n->controls = controls;
        n->control_capacity = capacity;
    }
    n->controls[n->control_count++] = before;
    plan->sorted.good = false;
    return TW_OK;
}

/* Constant time, however many readers there are. */
void tw_plan_replace_value(tw_plan *plan, uint32_t from, uint32_t to)
{
    plan->values.items[from].moved = to;
    plan->moved = true;
    plan->sorted.good = false;
}

/* Replacements may be chained: a folded node's twin was shared before. */
static uint32_t settled(const tw_plan *plan, uint32_t value)
{
    while (plan->values.items[value].moved != TW_NO_INDEX)
        value = plan->values.items[value].moved;
    return value;
}

/* Nothing to do when nothing moved. */
void tw_plan_settle(tw_plan *plan, tw_plan_node *node)
{
    for (uint32_t i = 0; plan->moved && i < node->input_count; i++)
        node->inputs[i] = settled(plan, node->inputs[i]);
}

/* After it no input names a value that was replaced. */
static void settle_all(tw_plan *plan)
{
    if (!plan->moved)
        return;
    for (size_t i = 0; i < plan->nodes.count; i++)
        tw_plan_settle(plan, &plan->nodes.items[i]);
    for (size_t i = 0; i < plan->fetch_count; i++) {
        if (plan->fetches[i].value != TW_NO_INDEX)
            plan->fetches[i].value = settled(plan, plan->fetches[i].value);
    }
    plan->moved = false;
}

static void clear_uses(tw_plan *plan)
{
    for (size_t i = 0; i < plan->values.count; i++) {
        plan->values.items[i].uses = 0;
        plan->values.items[i].fetched = false;
    }
}

/* Of what the node reads. */
static void count_inputs(tw_plan *plan, const tw_plan_node *node)
{
    if (node->gone || tw_node_reads_sizes_only(node))
        return;
    for (uint32_t j = 0; j < node->input_count; j++)
        plan->values.items[node->inputs[j]].uses++;
}

/* By what is no node: fetches, and the store of a loop. */
static void count_ends(tw_plan *plan)
{
    for (size_t i = 0; i < plan->fetch_count; i++) {
        if (plan->fetches[i].value != TW_NO_INDEX) {
            plan->values.items[plan->fetches[i].value].uses++;
            plan->values.items[plan->fetches[i].value].fetched = true;
        }
    }
    for (size_t i = 0; plan->loop && i < plan->values.count; i++) {
        if (plan->values.items[i].saved != TW_NO_INDEX)
            plan->values.items[i].uses++;
    }
}

/* Counted anew rather than kept up to date: passes rewrite freely and ask afterwards. */
void tw_plan_count_uses(tw_plan *plan)
{
    clear_uses(plan);
    for (size_t i = 0; i < plan->nodes.count; i++)
        count_inputs(plan, &plan->nodes.items[i]);
    count_ends(plan);
}

/* Nothing here may need a loop of whose iterations a loop further out reads values. */
static bool is_read_from_afar(const tw_plan_node *node)
{
    return node->kind == TW_NODE_LOOP && node->loop->levels > 1;
}

static bool is_kept(const tw_plan *plan, const tw_plan_node *node)
{
    bool kept = false;
    for (uint32_t j = 0; plan->loop && j < node->output_count; j++)
        kept = kept || plan->values.items[node->first_value + j].saved != TW_NO_INDEX;
    return kept;
}

/* A sweep goes over the nodes from the last to the first, mostly readers before what they read. */
typedef struct tw_sweeper {
    tw_plan *plan;
    bool *needed;     /* by node */
    uint32_t at;      /* the node that it has come to */
    uint32_t *behind; /* nodes that it has passed, but which are needed */
    size_t count;
} tw_sweeper;

static inline void need(tw_sweeper *s, uint32_t node)
{
    if (s->needed[node])
        return;
    s->needed[node] = true;
    if (node >= s->at)
        s->behind[s->count++] = node;
}

/* Uses are counted on the way. */
static void visit(tw_sweeper *s, uint32_t index)
{
    const tw_plan_node *node = &s->plan->nodes.items[index];
    tw_plan_value *values = s->plan->values.items;
    uint32_t one = !node->gone && !tw_node_reads_sizes_only(node);
    for (uint32_t j = 0; j < node->input_count; j++) {
        tw_plan_value *value = &values[node->inputs[j]];
        value->uses += one;
        need(s, value->node);
    }
    for (uint32_t j = 0; j < node->control_count; j++)
        need(s, node->controls[j]);
}

/* Whether it runs though no node needs it. */
static bool is_wanted(const tw_plan *plan, const tw_plan_node *node)
{
    return !node->gone && (node->target || node->kind == TW_NODE_FEED || is_read_from_afar(node) ||
                           is_kept(plan, node));
}

static void find_needed(tw_sweeper *s)
{
    const tw_plan *plan = s->plan;
    s->at = (uint32_t)plan->nodes.count;
    for (size_t i = 0; i < plan->fetch_count; i++) {
        if (plan->fetches[i].value != TW_NO_INDEX)
            need(s, plan->values.items[plan->fetches[i].value].node);
    }
    while (s->at) {
        uint32_t index = --s->at;
        if (!s->needed[index] && is_wanted(plan, &plan->nodes.items[index]))
            s->needed[index] = true;
        if (s->needed[index])
            visit(s, index);
        while (s->count)
            visit(s, s->behind[--s->count]);
    }
}

/* Marks what fetches, targets and kept values need; the rest goes. */
tw_status *tw_plan_sweep(tw_plan *plan)
{
    size_t count = plan->nodes.count;
    settle_all(plan);
    tw_sweeper s = {.plan = plan,
                    .needed = tw_alloc_zero(count + 1, sizeof *s.needed),
                    .behind = tw_alloc_array(count + 1, sizeof *s.behind)};
    tw_status *status = s.needed && s.behind ? TW_OK : tw_no_memory();
    if (!status) {
        clear_uses(plan);
        find_needed(&s);
        count_ends(plan);
    }
    for (uint32_t i = 0; !status && i < count; i++) {
        if (s.needed[i] || plan->nodes.items[i].gone)
            continue;
        plan->nodes.items[i].gone = true;
        plan->sorted.good = false;
    }
    tw_free(s.needed);
    tw_free(s.behind);
    return status;
}

/* Not the flags alone: a reference input makes any operation an access to a variable, whose time
 * matters. */
bool tw_node_is_pure(const tw_plan_node *node)
{
    const tw_op *op = node->spec.op;
    uint32_t impure = TW_OP_STATEFUL | TW_OP_WAITS | TW_OP_SIDE_EFFECT | TW_OP_READS_UNINITIALIZED;
    return node->kind == TW_NODE_OP && op && !(op->definition.flags & impure) &&
           !node->ref_inputs &&
           /* a caller's kernel runs only in a run */
           !atomic_load_explicit(&op->foreign, memory_order_relaxed);
}

/* Asked for every node that is sized; the answer may change between two runs, when a caller
 * overrides a rule. Kernels that are ours rely on ours, whatever another says of the graph. */
bool tw_plan_shape_is_foreign(const tw_plan_node *node)
{
    void *user;
    const tw_op *op = node->spec.op;
    bool ours = op && op->definition.infer &&
                !atomic_load_explicit(&op->foreign, memory_order_relaxed);
    return !ours && tw_global_shape(node->spec.type, &user) != NULL;
}
