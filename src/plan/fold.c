/* SPDX-License-Identifier: Apache-2.0
 * Fold: pure nodes whose inputs are all constants are computed now. Results that are much larger
 * than their inputs are left to the run, and what may be dead stays (a constant is never dead). */
#include <string.h>

#include "base/status.h"
#include "op/compute.h"
#include "plan/plan.h"
#include "tensor/array.h"

enum { FOLD_BYTES = 64 * 1024, FOLD_INPUTS = 32, FOLD_OUTPUTS = 16 };

/* A guarded constant stays an operation: it is dead when its branch is not taken, which a bare
 * value cannot say. */
static bool is_const_op(const tw_plan_node *node)
{
    return node->kind == TW_NODE_OP && node->input_count == 0 && node->output_count == 1 &&
           !node->guarded && tw_spec_attr(&node->spec, "value") && tw_node_is_pure(node);
}

/* Inputs with controls are left: folding would lose the order that the controls ask for. */
static bool can_fold(const tw_plan *plan, const tw_plan_node *node)
{
    if (!tw_node_is_pure(node) || node->guarded || node->control_count || node->input_count == 0 ||
        node->input_count > FOLD_INPUTS || node->output_count == 0 ||
        node->output_count > FOLD_OUTPUTS)
        return false;
    for (uint32_t i = 0; i < node->input_count; i++) {
        const tw_plan_node *from = tw_plan_producer(plan, node->inputs[i]);
        if (from->kind != TW_NODE_CONSTANT || from->control_count)
            return false;
    }
    return true;
}

/* A constant in the name of node `index`, and in its turn: what reads it comes no later for it. */
static tw_status *add_constant(tw_plan *plan, uint32_t index, tw_array *array, uint32_t *value)
{
    uint32_t node;
    TW_TRY(tw_plan_add_node(plan, TW_NODE_CONSTANT, plan->nodes.items[index].origin, &node));
    TW_TRY(tw_plan_add_outputs(plan, node, 1));
    *value = plan->nodes.items[node].first_value;
    plan->values.items[*value].dtype = array->dtype;
    plan->values.items[*value].shape = tw_array_shape(array);
    plan->nodes.items[node].constant = tw_array_ref(array);
    plan->nodes.items[node].added = plan->nodes.items[index].added;
    return TW_OK;
}

/* Output k of a node becomes a constant node of its own. */
static tw_status *put_constant(tw_plan *plan, uint32_t index, uint32_t k, tw_array *array)
{
    uint32_t value;
    TW_TRY(add_constant(plan, index, array, &value));
    tw_plan_replace_value(plan, plan->nodes.items[index].first_value + k, value);
    return TW_OK;
}

/* A result may be as large as what it is made of, or small: a plan should not carry megabytes
 * that one Fill makes in a moment. */
static size_t output_limit(const tw_plan *plan, const tw_plan_node *node)
{
    size_t bytes = FOLD_BYTES;
    for (uint32_t i = 0; i < node->input_count; i++)
        bytes += tw_array_bytes(tw_plan_producer(plan, node->inputs[i])->constant);
    return bytes;
}

/* The bytes that the node's outputs would take; SIZE_MAX where the rule cannot tell. */
static size_t output_bytes(const tw_plan *plan, const tw_plan_node *node, tw_arena *arena)
{
    tw_shape shapes[FOLD_INPUTS], outputs[FOLD_OUTPUTS] = {{0}};
    const tw_array *values[FOLD_INPUTS];
    for (uint32_t i = 0; i < node->input_count; i++) {
        values[i] = tw_plan_producer(plan, node->inputs[i])->constant;
        shapes[i] = tw_array_shape(values[i]);
    }
    tw_status *status = tw_node_infer(node, shapes, values, arena, outputs);
    size_t bytes = status ? SIZE_MAX : 0;
    tw_status_free(status);
    for (uint32_t i = 0; i < node->output_count && bytes != SIZE_MAX; i++) {
        int64_t n = tw_shape_elements(outputs[i]);
        tw_dtype dtype = plan->values.items[node->first_value + i].dtype;
        if (n < 0 || !tw_size_mul((size_t)n, tw_dtype_size(dtype), &bytes))
            bytes = SIZE_MAX;
    }
    return bytes;
}

/* A node that fails when it is computed stays: it fails where it is run, if ever. */
static tw_status *fold_node(tw_plan *plan, uint32_t index, tw_arena *arena)
{
    tw_plan_node *node = &plan->nodes.items[index];
    tw_array *inputs[FOLD_INPUTS], *outputs[FOLD_OUTPUTS] = {NULL};
    size_t bytes = output_bytes(plan, node, arena);
    if (bytes != SIZE_MAX && bytes > output_limit(plan, node))
        return TW_OK;
    for (uint32_t i = 0; i < node->input_count; i++)
        inputs[i] = tw_plan_producer(plan, node->inputs[i])->constant;
    uint32_t count = node->output_count;
    tw_status *status = tw_evaluate(&node->spec, inputs, node->input_count, 0, 1, outputs, count);
    if (status) {
        tw_status_free(status);
        return TW_OK;
    }
    for (uint32_t k = 0; k < count; k++) {
        if (!status)
            status = put_constant(plan, index, k, outputs[k]);
        tw_array_unref(outputs[k]);
    }
    plan->counts.folded++;
    return status;
}

/* The node keeps its place and its controls; only the kernel goes. */
static void fold_const(tw_plan_node *node)
{
    const tw_attr *value = tw_spec_attr(&node->spec, "value");
    if (value->kind != TW_ATTR_TENSOR || !value->value.tensor)
        return;
    node->kind = TW_NODE_CONSTANT;
    node->constant = tw_array_ref(value->value.tensor);
}

/* Each node is settled when its turn comes, so that what was folded before it is seen as
 * constant in the same walk. */
tw_status *tw_plan_fold(tw_plan *plan)
{
    const uint32_t *order;
    uint32_t count;
    tw_arena scratch = {0};
    TW_TRY(tw_plan_topological(plan, &order, &count));
    tw_status *status = TW_OK;
    for (uint32_t i = 0; i < count && !status; i++) {
        tw_plan_node *node = &plan->nodes.items[order[i]];
        tw_plan_settle(plan, node);
        if (is_const_op(node))
            fold_const(node);
        else if (can_fold(plan, node))
            status = fold_node(plan, order[i], &scratch);
        tw_arena_rewind(&scratch);
    }
    tw_arena_clear(&scratch);
    return status ? status : tw_plan_sweep(plan);
}

/* ---- numbers that are the same everywhere ---- */

/* The number that fills all of a value: a constant scalar, or one that was broadcast, which
 * `spread` tells. */
static tw_array *number_in(const tw_plan *plan, uint32_t value, const tw_plan_node **spread)
{
    const tw_plan_node *node = tw_plan_producer(plan, value);
    if (tw_node_is_type(node, "BroadcastTo") && tw_node_is_pure(node) && !node->control_count &&
        !node->guarded) {
        *spread = node;
        node = tw_plan_producer(plan, node->inputs[0]);
    }
    bool scalar = node->kind == TW_NODE_CONSTANT && !node->control_count && !node->constant->rank;
    return scalar ? node->constant : NULL;
}

/* The node becomes a broadcast like `spread`, which may have moved. */
static tw_status *spread_instead(tw_plan *plan, uint32_t index, uint32_t spread, tw_array *number)
{
    uint32_t value;
    TW_TRY(add_constant(plan, index, number, &value));
    tw_plan_node *node = &plan->nodes.items[index];
    const tw_plan_node *like = &plan->nodes.items[spread];
    const char *name = node->spec.name;
    uint32_t *inputs = tw_arena_copy(&plan->arena, like->inputs, 2 * sizeof *inputs);
    if (!inputs)
        return tw_no_memory();
    inputs[0] = value;
    node->spec = like->spec;
    node->spec.name = name;
    node->inputs = inputs;
    node->input_dtypes = like->input_dtypes;
    node->input_count = 2;
    plan->counts.folded++;
    return TW_OK;
}

/* What is computed of one number that was broadcast, and of scalars, is one number that is
 * broadcast. */
tw_status *tw_plan_fold_number(tw_plan *plan, uint32_t index)
{
    tw_plan_node *node = &plan->nodes.items[index];
    const tw_plan_node *spread = NULL, *last = NULL;
    tw_array *numbers[FOLD_INPUTS], *result = NULL;
    if (!tw_node_is_pure(node) || !node->spec.op->definition.elementwise || node->guarded ||
        node->control_count || node->output_count != 1 || node->input_count > 3)
        return TW_OK;
    for (uint32_t i = 0; i < node->input_count; i++) {
        numbers[i] = number_in(plan, node->inputs[i], &spread);
        if (!numbers[i] || (last && last != spread))
            return TW_OK;
        last = spread;
    }
    if (!spread || plan->values.items[node->first_value].dtype != spread->input_dtypes[0])
        return TW_OK;
    uint32_t at = (uint32_t)(spread - plan->nodes.items);
    tw_status *status = tw_evaluate(&node->spec, numbers, node->input_count, 0, 1, &result, 1);
    if (status) { /* it fails where it is run, if ever */
        tw_status_free(status);
        return TW_OK;
    }
    status = spread_instead(plan, index, at, result);
    tw_array_unref(result);
    return status;
}
