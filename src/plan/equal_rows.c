/* SPDX-License-Identifier: Apache-2.0
 * Sparse updates by gradients whose rows may have equal indices. Optimizers sum such rows first:
 * Unique of the indices, UnsortedSegmentSum of the rows. Instead the update itself is told to sum
 * them (ops/update.c): rows that stand alone, which mostly is all of them, are read where they are,
 * and neither the sums nor the distinct indices are written to memory. */
#include <string.h>

#include "base/status.h"
#include "ops/update.h"
#include "plan/plan.h"

/* Output `output` of a node of this type. */
static const tw_plan_node *made_by(const tw_plan *plan, uint32_t value, const char *type,
                                   uint32_t output)
{
    const tw_plan_node *node = tw_plan_producer(plan, value);
    bool fits = tw_node_is_type(node, type) && !node->gone && !node->control_count &&
                plan->values.items[value].output == output;
    return fits ? node : NULL;
}

static bool is_vector_of_indices(const tw_plan *plan, uint32_t value)
{
    const tw_plan_value *v = &plan->values.items[value];
    return v->shape.dims && v->shape.rank == 1 && (v->dtype == TW_INT32 || v->dtype == TW_INT64);
}

/* Input `gradient` of an update is a sum of rows by what the next input names: where both come
 * from. */
static bool find_sum(const tw_plan *plan, const tw_plan_node *node, uint32_t gradient,
                     uint32_t *rows, uint32_t *indices)
{
    uint32_t summed = node->inputs[gradient], distinct = node->inputs[gradient + 1];
    const tw_plan_node *sum = made_by(plan, summed, "UnsortedSegmentSum", 0);
    const tw_plan_node *unique = made_by(plan, distinct, "Unique", 0);
    tw_dtype dtype = plan->values.items[summed].dtype;
    if (!sum || !unique || (dtype != TW_FLOAT32 && dtype != TW_FLOAT64) ||
        !tw_value_is_private(plan, summed) || sum->guarded != node->guarded ||
        unique->guarded != node->guarded || !is_vector_of_indices(plan, unique->inputs[0]) ||
        made_by(plan, sum->inputs[1], "Unique", 1) != unique)
        return false;
    const tw_plan_node *size = made_by(plan, sum->inputs[2], "Size", 0);
    if (!size || made_by(plan, size->inputs[0], "Unique", 0) != unique)
        return false;
    *rows = sum->inputs[0];
    *indices = unique->inputs[0];
    return true;
}

/* A rule of simplify's. In the signatures of these ops the indices follow the gradient. */
tw_status *tw_plan_sum_equal_rows(tw_plan *plan, uint32_t index)
{
    tw_plan_node *node = &plan->nodes.items[index];
    uint32_t at = 0, rows = 0, indices = 0;
    if (node->kind != TW_NODE_OP || strncmp(node->spec.type, "SparseApply", 11) != 0)
        return TW_OK;
    while (at + 1 < node->input_count && !find_sum(plan, node, at, &rows, &indices))
        at++;
    if (at + 1 >= node->input_count)
        return TW_OK;
    uint32_t *inputs = tw_arena_copy(&plan->arena, node->inputs,
                                     node->input_count * sizeof *inputs);
    tw_attr *attrs = tw_arena_array(&plan->arena, node->spec.attr_count + 1, sizeof *attrs);
    if (!inputs || !attrs)
        return tw_no_memory();
    inputs[at] = rows;
    inputs[at + 1] = indices;
    memcpy(attrs, node->spec.attrs, node->spec.attr_count * sizeof *attrs);
    attrs[node->spec.attr_count++] = (tw_attr){
        .name = TW_UPDATE_SUMS, .kind = TW_ATTR_BOOL, .value.b = true};
    node->inputs = inputs;
    node->spec.attrs = attrs;
    plan->counts.simplified++;
    return TW_OK;
}
