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

static uint64_t mixed(uint64_t h, uint64_t word)
{
    h = (h ^ word) * UINT64_C(0xd6e8feb86659fd93);
    return h ^ h >> 29;
}

/* Of one op the names are the same. */
static uint64_t hash_attr(const tw_attr *attr, uint64_t h)
{
    if (attr->list)
        return tw_attr_hash(attr, h);
    switch (attr->kind) {
    case TW_ATTR_BOOL: return mixed(h, attr->value.b);
    case TW_ATTR_INT: return mixed(h, (uint64_t)attr->value.i);
    case TW_ATTR_TYPE: return mixed(h, (uint64_t)attr->value.type);
    default: return tw_attr_hash(attr, h);
    }
}

/* Values are settled before, so that twins of twins hash alike. */
static uint64_t hash_node(const tw_plan_node *node)
{
    if (node->kind == TW_NODE_CONSTANT) {
        uint64_t h = tw_hash_bytes(node->constant->data, tw_array_bytes(node->constant),
                                   node->constant->dtype);
        return tw_hash_bytes(node->constant->dims, node->constant->rank * sizeof(int64_t), h);
    }
    uint64_t h = (uintptr_t)node->spec.op;
    for (uint32_t i = 0; i < node->input_count; i++)
        h = mixed(h, node->inputs[i]);
    for (uint32_t i = 0; i < node->control_count; i++)
        h = mixed(h, ~(uint64_t)node->controls[i]);
    for (size_t i = 0; i < node->spec.attr_count; i++)
        h = hash_attr(&node->spec.attrs[i], h);
    return h ^ h >> 32;
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
static void merge(tw_plan *plan, const tw_plan_node *twin, const tw_plan_node *first)
{
    for (uint32_t k = 0; k < twin->output_count; k++)
        tw_plan_replace_value(plan, twin->first_value + k, first->first_value + k);
    plan->counts.shared++;
}

/* Reads of a variable, whose value may change between two of them, are never the same expression;
 * values that a loop keeps have a place of their own. */
static bool is_particular(const tw_plan *plan, const tw_plan_node *node)
{
    for (uint32_t k = 0; plan->loop && k < node->output_count; k++) {
        if (plan->values.items[node->first_value + k].saved != TW_NO_INDEX)
            return true;
    }
    for (uint32_t i = 0; i < node->input_count; i++) {
        if (plan->values.items[node->inputs[i]].is_ref)
            return true;
    }
    return false;
}

/* Nodes that were seen by what their hashes are, in a table of which at most half is used. */
typedef struct tw_seen {
    uint64_t *hashes;
    uint32_t *nodes; /* + 1; 0: nothing */
    size_t mask;
} tw_seen;

static tw_status *seen_init(tw_seen *seen, uint32_t count)
{
    size_t size = 16;
    while (size < 2 * (size_t)count)
        size *= 2;
    seen->mask = size - 1;
    seen->hashes = tw_alloc_array(size, sizeof *seen->hashes);
    seen->nodes = tw_alloc_zero(size, sizeof *seen->nodes);
    return seen->hashes && seen->nodes ? TW_OK : tw_no_memory();
}

/* The node that was seen with this hash before, or NULL: then it is this one from now on. */
static const tw_plan_node *first_seen(tw_seen *seen, const tw_plan *plan, uint64_t hash,
                                      uint32_t node)
{
    size_t at = (size_t)hash & seen->mask;
    while (seen->nodes[at] && seen->hashes[at] != hash)
        at = (at + 1) & seen->mask;
    if (seen->nodes[at])
        return &plan->nodes.items[seen->nodes[at] - 1];
    seen->hashes[at] = hash;
    seen->nodes[at] = node + 1;
    return NULL;
}

/* The first of two twins stays: it stands earlier in the order, so nothing has to move. */
tw_status *tw_plan_share(tw_plan *plan)
{
    const uint32_t *order;
    uint32_t count;
    tw_seen seen = {0};
    TW_TRY(tw_plan_topological(plan, &order, &count));
    tw_status *status = seen_init(&seen, count);
    for (uint32_t i = 0; i < count && !status; i++) {
        tw_plan_node *node = &plan->nodes.items[order[i]];
        tw_plan_settle(plan, node);
        if (!can_share(node) || is_particular(plan, node))
            continue;
        const tw_plan_node *first = first_seen(&seen, plan, hash_node(node), order[i]);
        if (first && same_node(first, node))
            merge(plan, node, first);
    }
    tw_free(seen.hashes);
    tw_free(seen.nodes);
    return status ? status : tw_plan_sweep(plan);
}
