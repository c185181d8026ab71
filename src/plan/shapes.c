/* SPDX-License-Identifier: Apache-2.0
 * What is known of every shape whatever is fed: from constants, declared variables and declared
 * placeholders (feeds are checked against these). It guides rewriting; memory never relies on
 * it. */
#include <string.h>

#include "base/status.h"
#include "op/infer.h"
#include "plan/plan.h"
#include "tensor/array.h"

enum { SHAPE_INPUTS = 64 };

/* The scratch arena of a rule goes away; what was found stays with the plan. */
static bool copy_shape(tw_arena *arena, tw_shape from, tw_shape *to)
{
    *to = TW_UNKNOWN_SHAPE;
    if (!from.dims)
        return true;
    int64_t *dims = tw_arena_array(arena, from.rank + 1, sizeof *dims);
    if (!dims)
        return false;
    if (from.rank)
        memcpy(dims, from.dims, from.rank * sizeof *dims);
    *to = (tw_shape){dims, from.rank};
    return true;
}

tw_status *tw_node_infer(const tw_plan_node *node, const tw_shape *shapes, const tw_array **values,
                         tw_arena *scratch, tw_shape *outputs)
{
    tw_infer in = {.spec = &node->spec,
                   .arena = scratch,
                   .input_count = node->input_count,
                   .dtypes = node->input_dtypes,
                   .shapes = shapes,
                   .values = values,
                   .output_count = node->output_count,
                   .outputs = outputs};
    return tw_infer_run(&in, NULL, NULL);
}

/* More inputs than the table holds: then nothing is known, which is always true. */
static tw_status *infer_node(tw_plan *plan, tw_plan_node *node, tw_arena *scratch)
{
    tw_shape shapes[SHAPE_INPUTS];
    const tw_array *values[SHAPE_INPUTS];
    if (node->input_count > SHAPE_INPUTS)
        return TW_OK;
    for (uint32_t i = 0; i < node->input_count; i++) {
        shapes[i] = plan->values.items[node->inputs[i]].shape;
        values[i] = tw_plan_producer(plan, node->inputs[i])->constant;
    }
    tw_shape *outputs = tw_arena_array(scratch, node->output_count + 1, sizeof *outputs);
    if (!outputs)
        return tw_no_memory();
    tw_status *status = tw_node_infer(node, shapes, values, scratch, outputs);
    if (status) { /* it is refused where it runs, with the sizes that came */
        tw_status_free(status);
        for (uint32_t k = 0; k < node->output_count; k++)
            plan->values.items[node->first_value + k].shape = TW_UNKNOWN_SHAPE;
        return TW_OK;
    }
    for (uint32_t k = 0; k < node->output_count; k++) {
        if (!copy_shape(&plan->arena, outputs[k], &plan->values.items[node->first_value + k].shape))
            return tw_no_memory();
    }
    return TW_OK;
}

/* Back from a value that a shape rule reads, through what computes small integers, to the feeds
 * that it comes from. */
static void want(tw_plan *plan, uint32_t value, bool *seen)
{
    if (seen[value])
        return;
    seen[value] = true;
    tw_dtype dtype = plan->values.items[value].dtype;
    const tw_plan_node *node = tw_plan_producer(plan, value);
    if (dtype != TW_INT32 && dtype != TW_INT64 && dtype != TW_BOOL)
        return;
    if (node->kind == TW_NODE_FEED)
        plan->values.items[value].wanted = true;
    if (node->kind != TW_NODE_OP || !tw_node_is_pure(node) ||
        node->spec.op->definition.flags & TW_OP_SHAPE_ONLY)
        return;
    for (uint32_t i = 0; i < node->input_count; i++)
        want(plan, node->inputs[i], seen);
}

/* Asked once for each plan: a variant is made for the numbers of few feeds only. */
static tw_status *find_wanted(tw_plan *plan)
{
    bool *seen = tw_alloc_zero(plan->values.count + 1, sizeof *seen);
    if (!seen)
        return tw_no_memory();
    for (size_t i = 0; i < plan->nodes.count; i++) {
        const tw_plan_node *node = &plan->nodes.items[i];
        if (node->gone || node->kind != TW_NODE_OP)
            continue;
        for (uint32_t k = 0; k < node->input_count && k < 32; k++) {
            if (node->spec.op->definition.shape_inputs >> k & 1)
                want(plan, node->inputs[k], seen);
        }
    }
    tw_free(seen);
    return TW_OK;
}

static tw_status *infer_all(tw_plan *plan, const uint32_t *order, uint32_t count)
{
    tw_arena scratch = {0};
    tw_status *status = TW_OK;
    for (uint32_t i = 0; i < count && !status; i++) {
        tw_plan_node *node = &plan->nodes.items[order[i]];
        if (node->kind == TW_NODE_CONSTANT)
            plan->values.items[node->first_value].shape = tw_array_shape(node->constant);
        else if (node->kind == TW_NODE_OP && !tw_plan_shape_is_foreign(node))
            status = infer_node(plan, node, &scratch);
        tw_arena_rewind(&scratch);
    }
    tw_arena_clear(&scratch);
    return status;
}

/* What comes into a loop's body has the shape that it has outside. */
static tw_status *enter_body(tw_plan *plan)
{
    const tw_plan *owner = plan->loop->owner;
    const tw_plan_node *node = &owner->nodes.items[plan->loop->node];
    for (uint32_t i = 0; i < plan->feed_count; i++) {
        tw_shape outside = owner->values.items[node->inputs[i]].shape;
        if (!copy_shape(&plan->arena, outside, &plan->values.items[plan->feeds[i]].shape))
            return tw_no_memory();
    }
    return TW_OK;
}

/* A variable of which the next value may have another shape has no known one; says whether that
 * was news. */
static bool forget_changing(tw_plan *plan)
{
    bool news = false;
    for (uint32_t i = 0; i < plan->loop->carried; i++) {
        tw_shape *var = &plan->values.items[plan->feeds[i]].shape;
        tw_shape next = plan->values.items[plan->fetches[i + 1].value].shape;
        if (!var->dims || (tw_shape_fully_known(*var) && tw_shape_equal(*var, next)))
            continue;
        *var = TW_UNKNOWN_SHAPE;
        news = true;
    }
    return news;
}

/* A hint for rewriting, no more: declared shapes of placeholders are trusted because feeds are
 * checked against them. Of a loop's body until no variable is found to change. */
tw_status *tw_plan_shapes(tw_plan *plan)
{
    const uint32_t *order;
    uint32_t count;
    TW_TRY(tw_plan_topological(plan, &order, &count));
    tw_status *status = plan->loop ? enter_body(plan) : TW_OK;
    for (bool again = true; again && !status;) {
        status = infer_all(plan, order, count);
        again = !status && plan->loop && forget_changing(plan);
    }
    return status ? status : find_wanted(plan);
}
