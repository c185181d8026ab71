/* SPDX-License-Identifier: Apache-2.0
 * Orders: of nodes (for passes), and of what runs (units: single nodes or fused groups). Both are
 * Kahn's algorithm with a heap, so that the result is the same every time: among what is ready the
 * smallest key goes first. */
#include <string.h>

#include "base/status.h"
#include "plan/plan.h"

/* One sort; the plan is not changed by it. */
typedef struct tw_sorter {
    const tw_plan *plan;
    const uint32_t *unit_of; /* by node; NULL: each node is its own unit */
    const uint64_t *keys;    /* by unit; NULL: its number */
    uint32_t units;
    uint32_t *waiting; /* by unit: predecessors not done, each edge counted */
    /* successors of unit u: edges[starts[u]] .. edges[starts[u + 1] - 1] */
    uint32_t *starts, *cursor;
    uint32_t *edges;
    uint32_t *heap;
    uint32_t heap_count;
} tw_sorter;

/* Passes sort single nodes; the schedule sorts groups as one. */
static uint32_t unit(const tw_sorter *s, uint32_t node)
{
    return s->unit_of ? s->unit_of[node] : node;
}

/* Equal keys cannot occur between different units, so the order has no accident in it. */
static uint64_t key(const tw_sorter *s, uint32_t u)
{
    return s->keys ? s->keys[u] : u;
}

/* The new leaf rises until its parent is smaller. */
static void push(tw_sorter *s, uint32_t u)
{
    uint32_t at = s->heap_count++;
    while (at && key(s, s->heap[(at - 1) / 2]) > key(s, u)) {
        s->heap[at] = s->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    s->heap[at] = u;
}

/* The last leaf sinks from the root to its place; the heap stays a heap. */
static uint32_t pop(tw_sorter *s)
{
    uint32_t first = s->heap[0], last = s->heap[--s->heap_count], at = 0;
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= s->heap_count)
            break;
        if (child + 1 < s->heap_count && key(s, s->heap[child + 1]) < key(s, s->heap[child]))
            child++;
        if (key(s, s->heap[child]) >= key(s, last))
            break;
        s->heap[at] = s->heap[child];
        at = child;
    }
    s->heap[at] = last;
    return first;
}

/* The k-th node that `node` needs, data first. */
static uint32_t needed(const tw_plan *plan, const tw_plan_node *node, uint32_t k)
{
    return k < node->input_count ? plan->values.items[node->inputs[k]].node
                                 : node->controls[k - node->input_count];
}

/* Counts (fill false) or writes (true) the edges between units. */
static void edges(tw_sorter *s, bool fill)
{
    const tw_plan *plan = s->plan;
    for (uint32_t i = 0; i < plan->nodes.count; i++) {
        const tw_plan_node *node = &plan->nodes.items[i];
        if (node->gone)
            continue;
        for (uint32_t k = 0; k < node->input_count + node->control_count; k++) {
            uint32_t from = needed(plan, node, k);
            if (plan->nodes.items[from].gone || unit(s, from) == unit(s, i))
                continue;
            if (fill)
                s->edges[s->cursor[unit(s, from)]++] = unit(s, i);
            else
                s->starts[unit(s, from) + 1]++, s->waiting[unit(s, i)]++;
        }
    }
}

/* Safe after a failed sorter_init: what was not made is NULL. */
static void sorter_clear(tw_sorter *s)
{
    tw_free(s->waiting);
    tw_free(s->starts);
    tw_free(s->cursor);
    tw_free(s->edges);
    tw_free(s->heap);
}

/* Edges are counted first and then written, so that each unit's successors stand together
 * without a list for each. */
static tw_status *sorter_init(tw_sorter *s, const bool *present)
{
    s->waiting = tw_alloc_zero((size_t)s->units + 1, sizeof *s->waiting);
    s->starts = tw_alloc_zero((size_t)s->units + 1, sizeof *s->starts);
    s->cursor = tw_alloc_zero((size_t)s->units + 1, sizeof *s->cursor);
    s->heap = tw_alloc_array((size_t)s->units + 1, sizeof *s->heap);
    if (!s->waiting || !s->starts || !s->cursor || !s->heap)
        return tw_no_memory();
    edges(s, false);
    for (uint32_t u = 0; u < s->units; u++) {
        s->starts[u + 1] += s->starts[u];
        s->cursor[u] = s->starts[u];
    }
    s->edges = tw_alloc_array((size_t)s->starts[s->units] + 1, sizeof *s->edges);
    if (!s->edges)
        return tw_no_memory();
    edges(s, true);
    for (uint32_t u = 0; u < s->units; u++) {
        if (present[u] && !s->waiting[u])
            push(s, u);
    }
    return TW_OK;
}

/* Whatever still waits lies on the cycle or behind it; the first such node is named, with the
 * user's line. */
static tw_status *cycle_error(const tw_plan *plan, const tw_sorter *s)
{
    for (uint32_t i = 0; i < plan->nodes.count; i++) {
        const tw_plan_node *node = &plan->nodes.items[i];
        if (node->gone || !s->waiting[unit(s, i)])
            continue;
        tw_status *status = tw_value_error(
            "the graph has a cycle that does not go through a loop's NextIteration: this "
            "operation needs its own result");
        status = tw_status_with_operation(status, node->origin->spec.type, node->origin->spec.name);
        return tw_status_with_where(status, node->origin->spec.where);
    }
    return TW_OK;
}

/* The units that are present, in order, into `out`. */
static tw_status *sort_units(tw_sorter *s, const bool *present, uint32_t *out, uint32_t *count)
{
    tw_status *status = sorter_init(s, present);
    uint32_t total = 0;
    *count = 0;
    for (uint32_t u = 0; u < s->units; u++)
        total += present[u];
    while (!status && s->heap_count) {
        uint32_t u = pop(s);
        out[(*count)++] = u;
        for (uint32_t e = s->starts[u]; e < s->starts[u + 1]; e++) {
            if (!--s->waiting[s->edges[e]])
                push(s, s->edges[e]);
        }
    }
    if (!status && *count < total)
        status = cycle_error(s->plan, s);
    sorter_clear(s);
    return status;
}

/* The order of adding wherever edges allow it: passes then see operands before their readers. */
tw_status *tw_plan_topological(const tw_plan *plan, uint32_t **order, uint32_t *count)
{
    uint32_t n = (uint32_t)plan->nodes.count;
    bool *present = tw_alloc_zero((size_t)n + 1, sizeof *present);
    *order = tw_alloc_array((size_t)n + 1, sizeof **order);
    uint64_t *keys = tw_alloc_array((size_t)n + 1, sizeof *keys);
    tw_status *status = present && *order && keys ? TW_OK : tw_no_memory();
    for (uint32_t i = 0; !status && i < n; i++) {
        present[i] = !plan->nodes.items[i].gone;
        keys[i] = (uint64_t)plan->nodes.items[i].added << 32 | i;
    }
    tw_sorter sorter = {.plan = plan, .keys = keys, .units = n};
    if (!status)
        status = sort_units(&sorter, present, *order, count);
    tw_free(present);
    tw_free(keys);
    if (status) {
        tw_free(*order);
        *order = NULL;
    }
    return status;
}

/* ---- the schedule ---- */

/* What frees memory or holds none (updates of variables, targets without outputs) goes as soon as
 * it can; all else in the order of adding. */
static uint64_t run_key(const tw_plan *plan, const bool *test, uint32_t node)
{
    const tw_plan_node *n = &plan->nodes.items[node];
    bool sink = n->ref_inputs || (n->output_count == 0 && n->kind == TW_NODE_OP);
    return (uint64_t)!test[node] << 33 | (uint64_t)!sink << 32 | node;
}

/* Units beyond the nodes are groups, and beyond these groups of rows. */
static uint32_t unit_of_node(const tw_plan *plan, uint32_t index)
{
    const tw_plan_node *node = &plan->nodes.items[index];
    uint32_t nodes = (uint32_t)plan->nodes.count, groups = (uint32_t)plan->groups.count;
    if (node->row_group != TW_NO_INDEX)
        return nodes + groups + node->row_group;
    return node->group == TW_NO_INDEX ? index : nodes + node->group;
}

/* NULL: the unit is a single node. */
static const tw_plan_group *group_of_unit(const tw_plan *plan, uint32_t u)
{
    size_t nodes = plan->nodes.count, groups = plan->groups.count;
    return u < nodes            ? NULL
           : u < nodes + groups ? &plan->groups.items[u - nodes]
                                : &plan->row_groups.items[u - nodes - groups];
}

/* Of a loop's body: what the condition needs, and what runs whether it holds or not. The nodes of a
 * group go together. */
static tw_status *find_test_part(const tw_plan *plan, bool *test)
{
    uint32_t n = (uint32_t)plan->nodes.count, depth = 0;
    uint32_t *stack = tw_alloc_array((size_t)n + 1, sizeof *stack);
    if (!stack)
        return tw_no_memory();
    for (uint32_t i = 0; i < n; i++) {
        const tw_plan_node *node = &plan->nodes.items[i];
        test[i] = !node->gone &&
                  (node->before_test || plan->values.items[plan->fetches[0].value].node == i);
        if (test[i])
            stack[depth++] = i;
    }
    while (depth) {
        uint32_t at = stack[--depth];
        const tw_plan_node *node = &plan->nodes.items[at];
        const tw_plan_group *group = group_of_unit(plan, unit_of_node(plan, at));
        for (uint32_t k = 0;
             k < node->input_count + node->control_count + (group ? group->count : 0); k++) {
            uint32_t up = k < node->input_count + node->control_count
                              ? needed(plan, node, k)
                              : group->nodes[k - node->input_count - node->control_count];
            if (!test[up] && !plan->nodes.items[up].gone)
                test[up] = true, stack[depth++] = up;
        }
    }
    tw_free(stack);
    return TW_OK;
}

/* A group is written member by member. */
static void write_unit(tw_plan *plan, uint32_t u)
{
    const tw_plan_group *group = group_of_unit(plan, u);
    if (!group)
        plan->order[plan->order_count++] = u;
    for (uint32_t i = 0; group && i < group->count; i++)
        plan->order[plan->order_count++] = group->nodes[i];
}

/* Units are sorted instead of nodes, so that a group's members run together at the place of the
 * whole. */
tw_status *tw_plan_schedule(tw_plan *plan)
{
    uint32_t nodes = (uint32_t)plan->nodes.count, count;
    uint32_t units = nodes + (uint32_t)(plan->groups.count + plan->row_groups.count);
    uint32_t *unit_of = tw_alloc_array((size_t)nodes + 1, sizeof *unit_of);
    uint32_t *order = tw_alloc_array((size_t)units + 1, sizeof *order);
    uint64_t *keys = tw_alloc_array((size_t)units + 1, sizeof *keys);
    bool *present = tw_alloc_zero((size_t)units + 1, sizeof *present);
    bool *test = tw_alloc_zero((size_t)nodes + 1, sizeof *test);
    plan->order = tw_arena_array(&plan->arena, (size_t)nodes + 1, sizeof *plan->order);
    tw_status *status = unit_of && order && keys && present && test && plan->order ? TW_OK
                                                                                   : tw_no_memory();
    if (!status && plan->loop)
        status = find_test_part(plan, test);
    for (uint32_t i = 0; !status && i < nodes; i++) {
        const tw_plan_node *node = &plan->nodes.items[i];
        unit_of[i] = unit_of_node(plan, i);
        keys[i] = run_key(plan, test, i);
        present[unit_of[i]] = !node->gone;
    }
    for (uint32_t u = nodes; !status && u < units; u++) {
        const tw_plan_group *group = group_of_unit(plan, u);
        keys[u] = run_key(plan, test, group->nodes[group->count - 1]);
    }
    tw_sorter sorter = {.plan = plan, .unit_of = unit_of, .keys = keys, .units = units};
    if (!status)
        status = sort_units(&sorter, present, order, &count);
    plan->order_count = 0;
    for (uint32_t i = 0; !status && i < count; i++)
        write_unit(plan, order[i]);
    plan->test_count = 0;
    for (uint32_t i = 0; !status && i < plan->order_count; i++) {
        plan->nodes.items[plan->order[i]].position = i;
        plan->test_count += test[plan->order[i]];
    }
    tw_free(test);
    tw_free(unit_of);
    tw_free(order);
    tw_free(keys);
    tw_free(present);
    return status;
}

/* ---- small helps for passes ---- */

/* Built once for a pass that asks often; walking all controls for each question would be
 * quadratic. */
tw_status *tw_plan_control_dependents(const tw_plan *plan, tw_plan_dependents *out)
{
    size_t n = plan->nodes.count, total = 0;
    out->offsets = tw_alloc_zero(n + 2, sizeof *out->offsets);
    out->nodes = NULL;
    if (!out->offsets)
        return tw_no_memory();
    for (size_t i = 0; i < n; i++) {
        const tw_plan_node *node = &plan->nodes.items[i];
        for (uint32_t k = 0; !node->gone && k < node->control_count; k++)
            out->offsets[node->controls[k] + 2]++, total++;
    }
    out->nodes = tw_alloc_array(total + 1, sizeof *out->nodes);
    if (!out->nodes) {
        tw_plan_dependents_clear(out);
        return tw_no_memory();
    }
    for (size_t i = 1; i <= n; i++)
        out->offsets[i + 1] += out->offsets[i];
    /* offsets[c + 1] moves from the start of c's list to its end */
    for (size_t i = 0; i < n; i++) {
        const tw_plan_node *node = &plan->nodes.items[i];
        for (uint32_t k = 0; !node->gone && k < node->control_count; k++)
            out->nodes[out->offsets[node->controls[k] + 1]++] = (uint32_t)i;
    }
    return TW_OK;
}

/* Leaves it empty, so that a caller may clear again what a failure cleared. */
void tw_plan_dependents_clear(tw_plan_dependents *d)
{
    tw_free(d->offsets);
    tw_free(d->nodes);
    *d = (tw_plan_dependents){NULL, NULL};
}

/* The only two operations after which a value may be dead; all else only passes it on. */
static bool makes_dead(const tw_plan_node *node)
{
    const char *type = node->spec.op ? node->spec.op->name : "";
    return !strcmp(type, "Switch") || !strcmp(type, "RefSwitch");
}

/* In one walk: a node after a Switch is guarded, and so is all that depends on it by data or
 * control, Merge included. */
tw_status *tw_plan_guard(tw_plan *plan)
{
    uint32_t *order, count;
    TW_TRY(tw_plan_topological(plan, &order, &count));
    for (uint32_t i = 0; i < count; i++) {
        tw_plan_node *node = &plan->nodes.items[order[i]];
        node->guarded = node->guarded || (node->kind == TW_NODE_OP && makes_dead(node));
        for (uint32_t k = 0; !node->guarded && k < node->input_count + node->control_count; k++)
            node->guarded = plan->nodes.items[needed(plan, node, k)].guarded;
        plan->has_guards = plan->has_guards || node->guarded;
        if (node->kind == TW_NODE_OP && node->spec.op->definition.flags & TW_OP_WAITS)
            plan->has_waits = true;
        plan->has_loops = plan->has_loops || node->kind == TW_NODE_LOOP;
        plan->has_waits = plan->has_waits ||
                          (node->kind == TW_NODE_LOOP && node->loop->body->has_waits);
    }
    tw_free(order);
    return TW_OK;
}
