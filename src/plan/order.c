/* SPDX-License-Identifier: Apache-2.0
 * Orders: of nodes (for passes), and of what runs (units: single nodes or fused groups). Both are
 * Kahn's algorithm, so that the result is the same every time: among what is ready the smallest key
 * goes first. Keys are only ever compared, so units are known by their rank among the keys; and
 * where the keys' own order fits all edges, as in most plans, it is the result. */
#include <string.h>

#include "base/status.h"
#include "plan/plan.h"

/* ---- what is ready ---- */

/* Ranks, a bit each; above 64 of them a bit that says whether any is set, and so on to one word, so
 * that the smallest is found in as many steps as there are levels. */
enum { READY_LEVELS = 6 };
typedef struct tw_ready {
    uint64_t *words[READY_LEVELS];
    uint32_t levels;
} tw_ready;

/* Words of all levels for `count` ranks; words that are NULL are only counted. */
static size_t ready_init(tw_ready *ready, uint32_t count, uint64_t *words)
{
    size_t total = 0;
    ready->levels = 0;
    do {
        count = count / 64 + 1;
        ready->words[ready->levels++] = words ? words + total : NULL;
        total += count;
    } while (count > 1);
    return total;
}

static bool ready_is_empty(const tw_ready *ready)
{
    return !ready->words[ready->levels - 1][0];
}

static void ready_put(tw_ready *ready, uint32_t rank)
{
    for (uint32_t k = 0; k < ready->levels; k++, rank >>= 6) {
        uint64_t *word = &ready->words[k][rank >> 6], before = *word;
        *word |= UINT64_C(1) << (rank & 63);
        if (before)
            return;
    }
}

/* The smallest. */
static uint32_t ready_take(tw_ready *ready)
{
    uint32_t rank = 0;
    for (uint32_t k = ready->levels; k-- > 0;)
        rank = rank << 6 | (uint32_t)__builtin_ctzll(ready->words[k][rank]);
    uint32_t at = rank;
    for (uint32_t k = 0; k < ready->levels; k++, at >>= 6) {
        uint64_t *word = &ready->words[k][at >> 6];
        *word &= ~(UINT64_C(1) << (at & 63));
        if (*word)
            break;
    }
    return rank;
}

/* ---- sorting ---- */

/* One sort; the plan is not changed by it. */
typedef struct tw_sorter {
    const tw_plan *plan;
    const uint32_t *unit_of; /* by node; NULL: each node is its own unit */
    uint32_t units;
    const uint32_t *listed; /* the units that are there, by key: rank r is listed[r] */
    uint32_t count;
    uint32_t *rank;    /* by unit; TW_NO_INDEX: it is not there */
    uint32_t *waiting; /* by rank: predecessors not done, each edge counted */
    uint32_t *pairs;   /* edges as they were met: from, to */
    size_t pair_count;
    /* successors of rank r: edges[starts[r]] .. edges[starts[r + 1] - 1] */
    uint32_t *starts;
    uint32_t *edges;
    tw_ready ready;
    uint64_t *words; /* of `ready` */
    bool sorted;     /* every edge goes from a smaller to a larger rank */
} tw_sorter;

/* Passes sort single nodes; the schedule sorts groups as one. */
static uint32_t rank_of(const tw_sorter *s, uint32_t node)
{
    return s->rank[s->unit_of ? s->unit_of[node] : node];
}

/* The k-th node that `node` needs, data first. */
static uint32_t needed(const tw_plan *plan, const tw_plan_node *node, uint32_t k)
{
    return k < node->input_count ? plan->values.items[node->inputs[k]].node
                                 : node->controls[k - node->input_count];
}

/* How many edges there are at most. */
static size_t count_edges(const tw_plan *plan)
{
    size_t count = 0;
    for (size_t i = 0; i < plan->nodes.count; i++) {
        const tw_plan_node *node = &plan->nodes.items[i];
        count += node->gone ? 0 : node->input_count + node->control_count;
    }
    return count;
}

/* An edge from `from` to `to`, by rank, if the first is there; returns where the next one goes.
 * Members of a group may need each other, but no node itself. */
static inline uint32_t *add_edge(uint32_t *pair, uint32_t from, uint32_t to, bool grouped,
                                 bool *sorted)
{
    if (from == TW_NO_INDEX || (from == to && grouped))
        return pair;
    *sorted = *sorted && from < to;
    pair[0] = from;
    pair[1] = to;
    return pair + 2;
}

/* Lists the edges between units, and finds out whether the list of units is sorted by them. */
static void list_edges(tw_sorter *s)
{
    const tw_plan_node *nodes = s->plan->nodes.items;
    const tw_plan_value *values = s->plan->values.items;
    const uint32_t *rank = s->rank, *unit_of = s->unit_of;
    uint32_t *pair = s->pairs;
    bool sorted = true;
    for (size_t i = 0; i < s->plan->nodes.count; i++) {
        const tw_plan_node *node = &nodes[i];
        if (node->gone)
            continue;
        uint32_t to = rank[unit_of ? unit_of[i] : i];
        for (uint32_t k = 0; k < node->input_count; k++) {
            uint32_t from = values[node->inputs[k]].node;
            pair = add_edge(pair, rank[unit_of ? unit_of[from] : from], to, unit_of, &sorted);
        }
        for (uint32_t k = 0; k < node->control_count; k++) {
            uint32_t from = node->controls[k];
            pair = add_edge(pair, rank[unit_of ? unit_of[from] : from], to, unit_of, &sorted);
        }
    }
    s->pair_count = (size_t)(pair - s->pairs) / 2;
    s->sorted = sorted;
}

/* So that each unit's successors stand together without a list for each. Counts stand two places
 * behind their rank: when they are summed up each list's beginning is one place behind, and is
 * moved to its end as the list is written. */
static tw_status *sorter_fill(tw_sorter *s)
{
    s->edges = tw_alloc_array(s->pair_count + 1, sizeof *s->edges);
    s->words = tw_alloc_zero(ready_init(&s->ready, s->count, NULL), sizeof *s->words);
    if (!s->edges || !s->words)
        return tw_no_memory();
    ready_init(&s->ready, s->count, s->words);
    const uint32_t *pairs = s->pairs, *end = pairs + 2 * s->pair_count;
    uint32_t *starts = s->starts, *waiting = s->waiting, *edges = s->edges;
    for (const uint32_t *pair = pairs; pair < end; pair += 2)
        starts[pair[0] + 2]++, waiting[pair[1]]++;
    for (uint32_t r = 0; r < s->count; r++)
        starts[r + 2] += starts[r + 1];
    for (const uint32_t *pair = pairs; pair < end; pair += 2)
        edges[starts[pair[0] + 1]++] = pair[1];
    for (uint32_t r = 0; r < s->count; r++) {
        if (!s->waiting[r])
            ready_put(&s->ready, r);
    }
    return TW_OK;
}

/* Whatever still waits lies on the cycle or behind it; the first such node is named, with the
 * user's line. */
static tw_status *cycle_error(const tw_plan *plan, const tw_sorter *s)
{
    for (uint32_t i = 0; i < plan->nodes.count; i++) {
        const tw_plan_node *node = &plan->nodes.items[i];
        if (node->gone || !s->waiting[rank_of(s, i)])
            continue;
        tw_status *status = tw_value_error(
            "the graph has a cycle that does not go through a loop's NextIteration: this "
            "operation needs its own result");
        status = tw_status_with_operation(status, node->origin->spec.type, node->origin->spec.name);
        return tw_status_with_where(status, node->origin->spec.where);
    }
    return TW_OK;
}

/* Takes what is ready until nothing is. */
static tw_status *walk(tw_sorter *s, uint32_t *out)
{
    uint32_t count = 0;
    TW_TRY(sorter_fill(s));
    while (!ready_is_empty(&s->ready)) {
        uint32_t r = ready_take(&s->ready);
        out[count++] = s->listed[r];
        for (uint32_t e = s->starts[r]; e < s->starts[r + 1]; e++) {
            if (!--s->waiting[s->edges[e]])
                ready_put(&s->ready, s->edges[e]);
        }
    }
    return count < s->count ? cycle_error(s->plan, s) : TW_OK;
}

/* The units that are listed, in order, into `out`. If no edge leads back in the list, then each
 * unit is ready when all before it are done, and smaller than all behind it. */
static tw_status *sort_units(tw_sorter *s, uint32_t *out)
{
    size_t count = s->count;
    uint32_t *tables = tw_alloc_zero(s->units + 2 * count + 4, sizeof *tables);
    s->pairs = tw_alloc_array(count_edges(s->plan) + 1, 2 * sizeof *s->pairs);
    if (!tables || !s->pairs) {
        tw_free(tables);
        tw_free(s->pairs);
        return tw_no_memory();
    }
    s->rank = tables;
    s->waiting = s->rank + s->units + 1;
    s->starts = s->waiting + count + 1;
    memset(s->rank, 0xff, s->units * sizeof *s->rank);
    for (uint32_t r = 0; r < s->count; r++)
        s->rank[s->listed[r]] = r;
    list_edges(s);
    tw_status *status = TW_OK;
    if (s->sorted)
        memcpy(out, s->listed, count * sizeof *out);
    else
        status = walk(s, out);
    tw_free(tables);
    tw_free(s->pairs);
    tw_free(s->edges);
    tw_free(s->words);
    return status;
}

/* Live nodes by their turn in the order of adding, then by number, into `listed`; those that are
 * there already are in the order of their numbers. */
static tw_status *sort_turns(const tw_plan *plan, uint32_t *listed)
{
    uint32_t *starts = tw_alloc_zero((size_t)plan->turns + 2, sizeof *starts);
    if (!starts)
        return tw_no_memory();
    for (size_t i = 0; i < plan->nodes.count; i++)
        starts[plan->nodes.items[i].added + 1] += !plan->nodes.items[i].gone;
    for (uint32_t i = 0; i < plan->turns; i++)
        starts[i + 1] += starts[i];
    for (uint32_t i = 0; i < plan->nodes.count; i++) {
        if (!plan->nodes.items[i].gone)
            listed[starts[plan->nodes.items[i].added]++] = i;
    }
    tw_free(starts);
    return TW_OK;
}

/* Mostly turns are in the order of the numbers. Returns how many nodes there are in *count. */
static tw_status *list_nodes(const tw_plan *plan, uint32_t *listed, uint32_t *count)
{
    uint32_t turn = 0, n = 0;
    bool in_turn = true;
    for (uint32_t i = 0; i < plan->nodes.count; i++) {
        const tw_plan_node *node = &plan->nodes.items[i];
        if (node->gone)
            continue;
        listed[n++] = i;
        in_turn = in_turn && node->added >= turn;
        turn = node->added;
    }
    *count = n;
    return in_turn ? TW_OK : sort_turns(plan, listed);
}

void tw_plan_forget_order(tw_plan *plan)
{
    tw_free(plan->sorted.nodes);
    plan->sorted.nodes = NULL;
    plan->sorted.good = false;
}

/* The order of adding wherever edges allow it: passes then see operands before their readers. */
tw_status *tw_plan_topological(tw_plan *plan, const uint32_t **order, uint32_t *count)
{
    tw_status *status = TW_OK;
    *order = NULL;
    if (!plan->sorted.good) {
        size_t n = plan->nodes.count;
        uint32_t *listed = tw_alloc_array(n + 1, sizeof *listed);
        tw_plan_forget_order(plan);
        plan->sorted.nodes = tw_alloc_array(n + 1, sizeof *plan->sorted.nodes);
        tw_sorter sorter = {.plan = plan, .listed = listed, .units = (uint32_t)n};
        status = listed && plan->sorted.nodes ? list_nodes(plan, listed, &sorter.count)
                                              : tw_no_memory();
        if (!status)
            status = sort_units(&sorter, plan->sorted.nodes);
        tw_free(listed);
        plan->sorted.count = sorter.count;
        plan->sorted.good = !status;
    }
    *order = plan->sorted.nodes;
    *count = plan->sorted.count;
    return status;
}

/* ---- the schedule ---- */

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

/* What frees memory or holds none (updates of variables, targets without outputs) goes as soon as
 * it can; all else in the order of adding. A loop's test goes before the rest. */
static uint8_t class_of(const tw_plan_node *node, bool test)
{
    bool sink = node->ref_inputs || (node->output_count == 0 && node->kind == TW_NODE_OP);
    return (uint8_t)(!test << 1 | !sink);
}

/* Units by class, then by number; a group has those of its last node. `classes`: room for one a
 * node. Returns how many there are. */
static uint32_t list_units(const tw_plan *plan, const bool *test, const uint32_t *unit_of,
                           uint8_t *classes, uint32_t *listed)
{
    enum { CLASSES = 4, NONE = CLASSES };
    uint32_t nodes = (uint32_t)plan->nodes.count, count = 0;
    for (uint32_t i = 0; i < nodes; i++) {
        const tw_plan_node *node = &plan->nodes.items[i];
        const tw_plan_group *group = group_of_unit(plan, unit_of[i]);
        bool ends = !node->gone && (!group || group->nodes[group->count - 1] == i);
        classes[i] = ends ? class_of(node, test[i]) : NONE;
    }
    for (uint8_t class = 0; class < CLASSES; class ++) {
        for (uint32_t i = 0; i < nodes; i++) {
            if (classes[i] == class)
                listed[count++] = unit_of[i];
        }
    }
    return count;
}

/* Units are sorted instead of nodes, so that a group's members run together at the place of the
 * whole. */
tw_status *tw_plan_schedule(tw_plan *plan)
{
    uint32_t nodes = (uint32_t)plan->nodes.count;
    uint32_t units = nodes + (uint32_t)(plan->groups.count + plan->row_groups.count);
    uint32_t *unit_of = tw_alloc_array((size_t)nodes + 1, sizeof *unit_of);
    uint32_t *listed = tw_alloc_array((size_t)units + 1, sizeof *listed);
    uint32_t *order = tw_alloc_array((size_t)units + 1, sizeof *order);
    uint8_t *classes = tw_alloc_array((size_t)nodes + 1, sizeof *classes);
    bool *test = tw_alloc_zero((size_t)nodes + 1, sizeof *test);
    plan->order = tw_arena_array(&plan->arena, (size_t)nodes + 1, sizeof *plan->order);
    tw_status *status = unit_of && listed && order && classes && test && plan->order
                            ? TW_OK
                            : tw_no_memory();
    if (!status && plan->loop)
        status = find_test_part(plan, test);
    tw_sorter sorter = {.plan = plan, .unit_of = unit_of, .listed = listed, .units = units};
    if (!status) {
        for (uint32_t i = 0; i < nodes; i++)
            unit_of[i] = unit_of_node(plan, i);
        sorter.count = list_units(plan, test, unit_of, classes, listed);
        status = sort_units(&sorter, order);
    }
    plan->order_count = 0;
    for (uint32_t i = 0; !status && i < sorter.count; i++)
        write_unit(plan, order[i]);
    plan->test_count = 0;
    for (uint32_t i = 0; !status && i < plan->order_count; i++) {
        plan->nodes.items[plan->order[i]].position = i;
        plan->test_count += test[plan->order[i]];
    }
    tw_free(test);
    tw_free(unit_of);
    tw_free(listed);
    tw_free(order);
    tw_free(classes);
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
    return tw_node_is_type(node, "Switch") || tw_node_is_type(node, "RefSwitch");
}

/* In one walk: a node after a Switch is guarded, and so is all that depends on it by data or
 * control, Merge included. */
tw_status *tw_plan_guard(tw_plan *plan)
{
    const uint32_t *order;
    uint32_t count;
    TW_TRY(tw_plan_topological(plan, &order, &count));
    for (uint32_t i = 0; i < count; i++) {
        tw_plan_node *node = &plan->nodes.items[order[i]];
        node->guarded = node->guarded || makes_dead(node);
        for (uint32_t k = 0; !node->guarded && k < node->input_count + node->control_count; k++)
            node->guarded = plan->nodes.items[needed(plan, node, k)].guarded;
        plan->has_guards = plan->has_guards || node->guarded;
        if (node->kind == TW_NODE_OP && node->spec.op->definition.flags & TW_OP_WAITS)
            plan->has_waits = true;
        plan->has_loops = plan->has_loops || node->kind == TW_NODE_LOOP;
        plan->has_waits = plan->has_waits ||
                          (node->kind == TW_NODE_LOOP && node->loop->body->has_waits);
    }
    return TW_OK;
}
