/* SPDX-License-Identifier: Apache-2.0
 * Share: of pure nodes with the same op, attributes, inputs and controls only the first is kept
 * (common subexpressions), and constants with the same bytes are one. */
#include <string.h>

#include "base/status.h"
#include "plan/plan.h"
#include "tensor/array.h"

enum { SHARED_CONSTANT_BYTES = 4096 };

/* Large constants are compared by nobody: reading them costs more than a second copy of a rare
 * twin. */
static bool can_share(const tw_plan_node *node)
{
    if (node->kind == TW_NODE_CONSTANT)
        return !node->control_count && tw_dtype_is_plain(node->constant->dtype) &&
               tw_array_bytes(node->constant) <= SHARED_CONSTANT_BYTES;
    return tw_node_is_pure(node) && node->output_count > 0 && node->input_count > 0;
}

/* Values are settled before, so that twins of twins hash alike. */
static uint64_t hash_node(const tw_plan_node *node)
{
    if (node->kind == TW_NODE_CONSTANT) {
        uint64_t h = tw_hash_bytes(node->constant->data, tw_array_bytes(node->constant),
                                   node->constant->dtype);
        return tw_hash_bytes(node->constant->dims, node->constant->rank * sizeof(int64_t), h);
    }
    uint64_t h = tw_hash_bytes(node->inputs, node->input_count * sizeof *node->inputs,
                               (uintptr_t)node->spec.op);
    h = tw_hash_bytes(node->controls, node->control_count * sizeof *node->controls, h);
    for (size_t i = 0; i < node->spec.attr_count; i++)
        h = tw_attr_hash(&node->spec.attrs[i], h);
    return h;
}

/* Bytes, not numbers: -0 and 0, or two NaNs, are different constants. */
static bool same_constant(const tw_array *a, const tw_array *b)
{
    return a->dtype == b->dtype && tw_shape_equal(tw_array_shape(a), tw_array_shape(b)) &&
           !memcmp(a->data, b->data, tw_array_bytes(a));
}

/* Attributes in the order of the signature, so they need not be searched. */
static bool same_node(const tw_plan_node *a, const tw_plan_node *b)
{
    if (a->kind != b->kind)
        return false;
    if (a->kind == TW_NODE_CONSTANT)
        return same_constant(a->constant, b->constant);
    if (a->spec.op != b->spec.op || a->input_count != b->input_count ||
        a->control_count != b->control_count || a->spec.attr_count != b->spec.attr_count ||
        a->output_count != b->output_count ||
        memcmp(a->inputs, b->inputs, a->input_count * sizeof *a->inputs) ||
        (a->control_count &&
         memcmp(a->controls, b->controls, a->control_count * sizeof *a->controls)))
        return false;
    for (size_t i = 0; i < a->spec.attr_count; i++) {
        if (!tw_attr_equal(&a->spec.attrs[i], &b->spec.attrs[i]))
            return false;
    }
    return true;
}

/* A later twin: its consumers read the first one's values. */
static void merge(tw_plan *plan, uint32_t twin, uint32_t first)
{
    for (uint32_t k = 0; k < plan->nodes.items[twin].output_count; k++)
        tw_plan_replace_value(plan, plan->nodes.items[twin].first_value + k,
                              plan->nodes.items[first].first_value + k);
    plan->counts.shared++;
}

/* Reads of a variable, whose value may change between two of them, are never the same expression;
 * values that a loop keeps have a place of their own. */
static bool is_particular(const tw_plan *plan, const tw_plan_node *node)
{
    for (uint32_t k = 0; k < node->output_count; k++) {
        if (plan->values.items[node->first_value + k].saved != TW_NO_INDEX)
            return true;
    }
    for (uint32_t i = 0; i < node->input_count; i++) {
        if (plan->values.items[node->inputs[i]].is_ref)
            return true;
    }
    return false;
}

/* The first of two twins stays: it stands earlier in the order, so nothing has to move. */
tw_status *tw_plan_share(tw_plan *plan)
{
    const uint32_t *order;
    uint32_t count;
    tw_int_map seen = {0};
    TW_TRY(tw_plan_topological(plan, &order, &count));
    tw_status *status = TW_OK;
    for (uint32_t i = 0; i < count && !status; i++) {
        tw_plan_node *node = &plan->nodes.items[order[i]];
        tw_plan_settle(plan, node);
        if (!can_share(node) || is_particular(plan, node))
            continue;
        uint64_t hash = hash_node(node), first;
        if (!tw_int_map_get(&seen, hash, &first))
            status = tw_int_map_set(&seen, hash, order[i]) ? TW_OK : tw_no_memory();
        else if (same_node(&plan->nodes.items[first], node))
            merge(plan, order[i], (uint32_t)first);
    }
    tw_int_map_clear(&seen);
    return status ? status : tw_plan_sweep(plan);
}
