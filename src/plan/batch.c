/* SPDX-License-Identifier: Apache-2.0
 * Products over time. What an unrolled recurrent net adds up for the gradient of its weights,
 * a_1^T b_1 + a_2^T b_2 + ..., is one product of all rows of a with all rows of b: no part of the
 * size of the weights is written and read again, and the sums are long enough to be worth it. */
#include "base/status.h"
#include "plan/plan.h"
#include "tensor/array.h"

enum {
    LEAST_PRODUCTS = 3,
    MOST_ROWS = 256 /* longer sums gain less than putting them together costs */
};

/* Reads of variables stay where they are: a write may come in between. */
static bool is_plain(const tw_plan *plan, uint32_t value)
{
    const tw_plan_node *node = tw_plan_producer(plan, value);
    bool reads = node->kind == TW_NODE_OP && node->input_count &&
                 plan->values.items[node->inputs[0]].is_ref;
    return !plan->values.items[value].is_ref && !node->is_variable && !reads;
}

/* a^T b, which only the sum reads. */
static bool is_part(const tw_plan *plan, uint32_t value, const tw_plan_node *sum)
{
    const tw_plan_value *v = &plan->values.items[value];
    const tw_plan_node *node = tw_plan_producer(plan, value);
    if (!tw_value_is_private(plan, value) || v->dtype != TW_FLOAT32 ||
        !tw_node_is_type(node, "MatMul") || node->control_count || node->target ||
        node->guarded != sum->guarded || !tw_spec_attr(&node->spec, "transpose_a")->value.b ||
        tw_spec_attr(&node->spec, "transpose_b")->value.b)
        return false;
    tw_shape rows = plan->values.items[node->inputs[0]].shape;
    return is_plain(plan, node->inputs[0]) && is_plain(plan, node->inputs[1]) &&
           (!rows.dims || rows.dims[0] <= MOST_ROWS);
}

/* The scalar 0 of int32: the axis of rows. */
static tw_status *add_axis(tw_plan *plan, uint32_t index, uint32_t *value)
{
    uint32_t node;
    tw_array *zero;
    TW_TRY(tw_array_create(TW_INT32, TW_SHAPE(), &zero));
    *(int32_t *)zero->data = 0;
    tw_status *status = tw_plan_add_node(plan, TW_NODE_CONSTANT, plan->nodes.items[index].origin,
                                         &node);
    if (!status)
        status = tw_plan_add_outputs(plan, node, 1);
    if (status) {
        tw_array_unref(zero);
        return status;
    }
    *value = plan->nodes.items[node].first_value;
    plan->values.items[*value].dtype = TW_INT32;
    plan->values.items[*value].shape = tw_array_shape(zero);
    plan->nodes.items[node].constant = zero;
    return TW_OK;
}

/* All rows of `parts` values of float32, whose list has room for one more: *value. */
static tw_status *add_concat(tw_plan *plan, uint32_t index, uint32_t *parts, uint32_t count,
                             uint32_t *value)
{
    const tw_op *op = tw_op_find("ConcatV2");
    tw_dtype *dtypes = tw_arena_array(&plan->arena, (size_t)count + 1, sizeof *dtypes);
    tw_resolved resolved;
    size_t counts[2] = {count, 1};
    uint32_t node;
    if (!dtypes)
        return tw_no_memory();
    for (uint32_t i = 0; i < count; i++)
        dtypes[i] = TW_FLOAT32;
    dtypes[count] = TW_INT32;
    TW_TRY(add_axis(plan, index, &parts[count]));
    TW_TRY(tw_op_resolve(op, dtypes, (size_t)count + 1, counts, NULL, 0, &plan->arena, &resolved));
    TW_TRY(tw_plan_add_node(plan, TW_NODE_OP, plan->nodes.items[index].origin, &node));
    TW_TRY(tw_plan_add_outputs(plan, node, 1));
    tw_plan_node *made = &plan->nodes.items[node];
    made->spec = (tw_spec){.op = op,
                           .type = op->name,
                           .name = plan->nodes.items[index].spec.name,
                           .attrs = resolved.attrs,
                           .attr_count = resolved.attr_count,
                           .where = plan->nodes.items[index].spec.where};
    made->guarded = plan->nodes.items[index].guarded;
    made->inputs = parts;
    made->input_dtypes = dtypes;
    made->input_count = count + 1;
    *value = made->first_value;
    plan->values.items[*value].dtype = TW_FLOAT32;
    return TW_OK;
}

/* A rule of simplify's: AddN of such products. */
tw_status *tw_plan_batch_products(tw_plan *plan, uint32_t index)
{
    const tw_plan_node *sum = &plan->nodes.items[index];
    uint32_t count = sum->input_count, values[2];
    if (!tw_node_is_type(sum, "AddN") || count < LEAST_PRODUCTS)
        return TW_OK;
    for (uint32_t i = 0; i < count; i++) {
        if (!is_part(plan, sum->inputs[i], sum))
            return TW_OK;
    }
    tw_spec spec = tw_plan_producer(plan, sum->inputs[0])->spec;
    uint32_t *inputs = tw_arena_array(&plan->arena, 2, sizeof *inputs);
    tw_dtype *dtypes = tw_arena_array(&plan->arena, 2, sizeof *dtypes);
    if (!inputs || !dtypes)
        return tw_no_memory();
    for (uint32_t side = 0; side < 2; side++) {
        uint32_t *parts = tw_arena_array(&plan->arena, (size_t)count + 1, sizeof *parts);
        if (!parts)
            return tw_no_memory();
        for (uint32_t i = 0; i < count; i++) {
            uint32_t part = plan->nodes.items[index].inputs[i];
            parts[i] = tw_plan_producer(plan, part)->inputs[side];
        }
        TW_TRY(add_concat(plan, index, parts, count, &values[side]));
        inputs[side] = values[side];
        dtypes[side] = TW_FLOAT32;
    }
    tw_plan_node *node = &plan->nodes.items[index];
    spec.name = node->spec.name;
    spec.where = node->spec.where;
    node->spec = spec;
    node->inputs = inputs;
    node->input_dtypes = dtypes;
    node->input_count = 2;
    plan->counts.simplified += count;
    return TW_OK;
}
