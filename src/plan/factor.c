/* SPDX-License-Identifier: Apache-2.0
 * Cross entropies whose derivative is multiplied by one number, as that of their mean is: the
 * kernel, which divides each row by its sum, takes the number along, and the derivative is not gone
 * through again. */
#include "base/status.h"
#include "plan/plan.h"
#include "tensor/array.h"

/* Cross entropies that have a form with a factor. */
static const char *const forms[][2] = {
    {"SoftmaxCrossEntropyWithLogits", "_ScaledSoftmaxCrossEntropy"},
    {"SparseSoftmaxCrossEntropyWithLogits", "_ScaledSparseSoftmaxCrossEntropy"}};

/* Which of them it is; NULL: none. */
static const char *scaled_form(const tw_plan_node *node)
{
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if (tw_node_is_type(node, forms[i][0]))
            return forms[i][1];
    }
    return NULL;
}

/* Shape of the loss. */
static bool is_shape_of(const tw_plan *plan, uint32_t value, uint32_t loss)
{
    const tw_plan_node *node = tw_plan_producer(plan, value);
    return tw_node_is_type(node, "Shape") && node->inputs[0] == loss;
}

/* A column with the same constant for each of the losses: that constant's value. Nothing else is
 * sure to be known before the losses are. */
static uint32_t factor_in(const tw_plan *plan, uint32_t column, uint32_t loss)
{
    const tw_plan_node *node = tw_plan_producer(plan, column);
    tw_shape c = plan->values.items[column].shape, l = plan->values.items[loss].shape;
    if (!tw_node_is_type(node, "ExpandDims") || !c.dims || c.rank != 2 || c.dims[1] != 1)
        return TW_NO_INDEX;
    const tw_plan_node *spread = tw_plan_producer(plan, node->inputs[0]);
    bool known = l.dims && l.rank == 1 && l.dims[0] >= 0 && l.dims[0] == c.dims[0];
    if (!tw_node_is_type(spread, "BroadcastTo") || spread->control_count || spread->guarded ||
        (!known && !is_shape_of(plan, spread->inputs[1], loss)))
        return TW_NO_INDEX;
    const tw_plan_node *number = tw_plan_producer(plan, spread->inputs[0]);
    bool scalar = number->kind == TW_NODE_CONSTANT && !number->control_count &&
                  !number->constant->rank;
    return scalar ? spread->inputs[0] : TW_NO_INDEX;
}

/* The node gets the factor as its last input. */
static tw_status *take(tw_plan *plan, tw_plan_node *node, uint32_t factor, const tw_op *op)
{
    uint32_t *inputs = tw_arena_array(&plan->arena, 3, sizeof *inputs);
    tw_dtype *dtypes = tw_arena_array(&plan->arena, 3, sizeof *dtypes);
    if (!inputs || !dtypes)
        return tw_no_memory();
    for (uint32_t i = 0; i < 3; i++) {
        inputs[i] = i < 2 ? node->inputs[i] : factor;
        dtypes[i] = plan->values.items[inputs[i]].dtype;
    }
    node->inputs = inputs;
    node->input_dtypes = dtypes;
    node->input_count = 3;
    node->spec.op = op;
    node->spec.type = op->name;
    return TW_OK;
}

/* A rule of simplify's: Mul of such a derivative, which nobody else reads, and a column. */
tw_status *tw_plan_take_factor(tw_plan *plan, uint32_t index)
{
    const tw_plan_node *node = &plan->nodes.items[index];
    if (!tw_node_is_type(node, "Mul") || node->control_count ||
        plan->values.items[node->first_value].saved != TW_NO_INDEX)
        return TW_OK;
    for (uint32_t side = 0; side < 2; side++) {
        uint32_t value = node->inputs[side];
        const tw_plan_value *v = &plan->values.items[value];
        tw_plan_node *entropy = tw_plan_producer(plan, value);
        const char *form = scaled_form(entropy);
        uint32_t factor = TW_NO_INDEX;
        if (form && value == entropy->first_value + 1)
            factor = factor_in(plan, node->inputs[1 - side], entropy->first_value);
        const tw_op *op = form ? tw_op_find(form) : NULL;
        if (!op || factor == TW_NO_INDEX || !tw_value_is_private(plan, value) ||
            entropy->guarded != node->guarded || (v->dtype != TW_FLOAT32 && v->dtype != TW_FLOAT64))
            continue;
        TW_TRY(take(plan, entropy, factor, op));
        tw_plan_replace_value(plan, node->first_value, value);
        plan->counts.simplified++;
        return TW_OK;
    }
    return TW_OK;
}
