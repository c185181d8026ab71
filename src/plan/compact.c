/* SPDX-License-Identifier: Apache-2.0
 * Compact: folding and sharing leave many nodes that are gone, which every later pass and every
 * variant would walk over, and whose values would have room in every frame. Those that are left
 * move together. They keep their order and their turns, so nothing else can tell. */
#include "base/status.h"
#include "plan/plan.h"
#include "tensor/array.h"

/* By the old number: the new one. */
typedef struct tw_mover {
    uint32_t *nodes, *values;
    uint32_t node_count, value_count;
} tw_mover;

/* Fewer are not worth it. */
static bool is_worth_it(const tw_plan *plan)
{
    size_t gone = 0;
    for (size_t i = 0; i < plan->nodes.count; i++)
        gone += plan->nodes.items[i].gone;
    return gone * 8 > plan->nodes.count;
}

static void number_nodes(tw_mover *m, const tw_plan *plan)
{
    for (uint32_t i = 0; i < plan->nodes.count; i++) {
        if (!plan->nodes.items[i].gone)
            m->nodes[i] = m->node_count++;
    }
}

/* As long as nodes still say where theirs are. Those of one node stay neighbours. */
static void move_values(tw_mover *m, tw_plan *plan)
{
    for (uint32_t i = 0; i < plan->values.count; i++) {
        tw_plan_value value = plan->values.items[i];
        const tw_plan_node *node = &plan->nodes.items[value.node];
        if (node->gone || i - node->first_value >= node->output_count)
            continue;
        value.node = m->nodes[value.node];
        value.moved = TW_NO_INDEX; /* nobody is left who reads it */
        m->values[i] = m->value_count;
        plan->values.items[m->value_count++] = value;
    }
    plan->values.count = m->value_count;
}

static void move_nodes(const tw_mover *m, tw_plan *plan)
{
    for (uint32_t i = 0; i < plan->nodes.count; i++) {
        tw_plan_node *node = &plan->nodes.items[i];
        if (node->gone) {
            tw_array_unref(node->constant);
            continue;
        }
        node->first_value = node->output_count ? m->values[node->first_value] : 0;
        for (uint32_t k = 0; k < node->input_count; k++)
            node->inputs[k] = m->values[node->inputs[k]];
        for (uint32_t k = 0; k < node->control_count; k++)
            node->controls[k] = m->nodes[node->controls[k]];
        plan->nodes.items[m->nodes[i]] = *node;
    }
    plan->nodes.count = m->node_count;
}

/* Right after a sweep, when what is left reads only what is left, and before a rule lets two nodes
 * share a list of inputs. Loops stay as they are: their plans name each other's values. */
tw_status *tw_plan_compact(tw_plan *plan)
{
    if (plan->loop || plan->has_loops || !is_worth_it(plan))
        return TW_OK;
    tw_mover m = {.nodes = tw_alloc_array(plan->nodes.count + 1, sizeof *m.nodes),
                  .values = tw_alloc_array(plan->values.count + 1, sizeof *m.values)};
    tw_status *status = m.nodes && m.values ? TW_OK : tw_no_memory();
    if (!status) {
        number_nodes(&m, plan);
        move_values(&m, plan);
        move_nodes(&m, plan);
        for (size_t i = 0; i < plan->feed_count; i++)
            plan->feeds[i] = m.values[plan->feeds[i]];
        for (size_t i = 0; i < plan->fetch_count; i++) {
            if (plan->fetches[i].value != TW_NO_INDEX)
                plan->fetches[i].value = m.values[plan->fetches[i].value];
        }
        plan->sorted.good = false;
    }
    tw_free(m.nodes);
    tw_free(m.values);
    return status;
}
