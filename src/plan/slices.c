/* SPDX-License-Identifier: Apache-2.0
 * Derivatives of slices. Where several slices of one tensor were read, as an unrolled net reads its
 * input, the gradient adds up as many tensors of its size, each zero but for one slice. Instead the
 * first one is made, and each of the others adds its slice to it in place. */
#include "base/status.h"
#include "plan/plan.h"

/* A derivative of a slice that only the sum reads. */
static bool is_part(const tw_plan *plan, uint32_t value, const tw_plan_node *sum)
{
    const tw_plan_value *v = &plan->values.items[value];
    const tw_plan_node *node = tw_plan_producer(plan, value);
    return tw_value_is_private(plan, value) && (v->dtype == TW_FLOAT32 || v->dtype == TW_FLOAT64) &&
           tw_node_is_type(node, "StridedSliceGrad") && !node->gone && !node->control_count &&
           !node->target && node->guarded == sum->guarded;
}

static bool has_part(const tw_plan *plan, const tw_plan_node *sum)
{
    bool has = false;
    for (uint32_t i = 0; !has && i < sum->input_count; i++)
        has = is_part(plan, sum->inputs[i], sum);
    return has;
}

/* `value`'s slice is added to `sum`, which the same node gave as a whole before. */
static tw_status *add_to(tw_plan *plan, uint32_t value, uint32_t sum, const tw_op *op)
{
    tw_plan_node *node = tw_plan_producer(plan, value);
    uint32_t *inputs = tw_arena_copy(&plan->arena, node->inputs, 5 * sizeof *inputs);
    tw_dtype *dtypes = tw_arena_copy(&plan->arena, node->input_dtypes, 5 * sizeof *dtypes);
    if (!inputs || !dtypes)
        return tw_no_memory();
    inputs[0] = sum;
    dtypes[0] = plan->values.items[sum].dtype;
    node->inputs = inputs;
    node->input_dtypes = dtypes;
    node->spec.op = op;
    node->spec.type = op->name;
    plan->counts.simplified++;
    return TW_OK;
}

/* A rule of simplify's: AddN of them, which keeps the last sum in place of the first of them. That
 * all have one shape is known: they were given the same one. */
tw_status *tw_plan_chain_slices(tw_plan *plan, uint32_t index)
{
    tw_plan_node *node = &plan->nodes.items[index];
    const tw_op *op = tw_node_is_type(node, "AddN") && has_part(plan, node)
                          ? tw_op_find("_StridedSliceAdd")
                          : NULL;
    if (!op)
        return TW_OK;
    uint32_t *left = tw_arena_array(&plan->arena, node->input_count, sizeof *left);
    uint32_t count = 0, at = TW_NO_INDEX, shape = TW_NO_INDEX;
    if (!left)
        return tw_no_memory();
    for (uint32_t i = 0; i < node->input_count; i++) {
        uint32_t value = node->inputs[i];
        bool chained = is_part(plan, value, node);
        uint32_t given = chained ? tw_plan_producer(plan, value)->inputs[0] : TW_NO_INDEX;
        if (chained && at == TW_NO_INDEX) {
            at = count;
            shape = given;
        } else if (chained && given == shape) {
            TW_TRY(add_to(plan, value, left[at], op));
            left[at] = value;
            continue;
        }
        left[count++] = value;
    }
    if (count == node->input_count)
        return TW_OK;
    node->inputs = left;
    node->input_count = count;
    if (count == 1 && !node->control_count &&
        plan->values.items[node->first_value].saved == TW_NO_INDEX)
        tw_plan_replace_value(plan, node->first_value, left[0]);
    return TW_OK;
}
