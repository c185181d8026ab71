/* SPDX-License-Identifier: Apache-2.0
 * Sizes for one set of feed sizes: the ops' own shape rules from the feeds on, in order. Small
 * integers that follow from sizes alone (Shape, and what is computed from it) are computed here, so
 * that rules which read values can go on. */
#include <string.h>

#include "base/status.h"
#include "plan/variant.h"

enum { KNOWN_ELEMENTS = 256 };

/* Into the variant's arena: scratch memory is used again for the next node. */
static bool copy_dims(tw_variant *v, tw_shape from, tw_shape *to)
{
    *to = TW_UNKNOWN_SHAPE;
    if (!from.dims)
        return true;
    int64_t *dims = tw_arena_array(&v->arena, from.rank + 1, sizeof *dims);
    if (!dims)
        return false;
    if (from.rank)
        memcpy(dims, from.dims, from.rank * sizeof *dims);
    *to = (tw_shape){dims, from.rank};
    return true;
}

/* Anything short of a fully known shape is left to the run. */
tw_status *tw_variant_set_shape(tw_variant *v, uint32_t value, tw_shape shape)
{
    tw_sized *sized = &v->values[value];
    if (!copy_dims(v, shape, &sized->shape))
        return tw_no_memory();
    sized->dynamic = !tw_shape_fully_known(shape);
    return TW_OK;
}

/* A failure of a rule or kernel about a node, for the user. */
tw_status *tw_variant_explain(const tw_variant *v, const tw_plan_node *node, tw_status *status)
{
    const tw_operation *op = node->origin;
    status = tw_status_with_phase(status, TW_PHASE_RUN);
    status = tw_status_with_operation(status, op->spec.type, op->spec.name);
    for (uint32_t i = 0; i < node->input_count; i++) {
        const char *name = node->spec.op && i < node->spec.op->input_count
                               ? node->spec.op->inputs[i].name
                               : "input";
        status = tw_status_with_note(status, "%s: %s %s", name,
                                     tw_dtype_name(node->input_dtypes[i]),
                                     tw_shape_text(v->values[node->inputs[i]].shape).s);
    }
    return tw_status_with_where(status, op->spec.where);
}

/* Numbers that are known here: a reference is taken. */
static tw_status *set_constant(tw_variant *v, uint32_t value, tw_array *array)
{
    TW_TRY(tw_variant_set_shape(v, value, tw_array_shape(array)));
    v->values[value].constant = tw_array_ref(array);
    v->values[value].place = TW_PLACE_CONSTANT;
    return TW_OK;
}

/* Few enough to compute now; a size that only the kernel knows comes from inputs that are few. */
static bool small_integers(const tw_variant *v, uint32_t value)
{
    tw_dtype dtype = v->plan->values.items[value].dtype;
    bool integers = dtype == TW_INT32 || dtype == TW_INT64 || dtype == TW_BOOL;
    return integers && (v->values[value].dynamic ||
                        tw_shape_elements(v->values[value].shape) <= KNOWN_ELEMENTS);
}

/* May the node's result be computed now, from sizes and known numbers? */
static bool is_known(const tw_variant *v, const tw_plan_node *node)
{
    if (!tw_node_is_pure(node) || node->guarded || node->control_count || !node->output_count ||
        !node->input_count)
        return false;
    bool shape_only = tw_node_reads_sizes_only(node);
    for (uint32_t k = 0; k < node->output_count; k++) {
        if (!small_integers(v, node->first_value + k))
            return false;
    }
    for (uint32_t i = 0; i < node->input_count; i++) {
        const tw_sized *input = &v->values[node->inputs[i]];
        if (shape_only ? input->dynamic
                       : !input->constant || input->constant->count > KNOWN_ELEMENTS)
            return false;
    }
    return true;
}

/* Inputs of which only the size matters have no memory here; the operation has promised not to
 * look. */
static tw_status *evaluate(tw_variant *v, const tw_plan_node *node, tw_arena *scratch)
{
    tw_array **inputs = tw_arena_array(scratch, (size_t)node->input_count + node->output_count + 1,
                                       sizeof *inputs);
    tw_array *views = tw_arena_array(scratch, (size_t)node->input_count + 1, sizeof *views);
    if (!inputs || !views)
        return tw_no_memory();
    tw_array **outputs = inputs + node->input_count;
    for (uint32_t i = 0; i < node->input_count; i++) {
        const tw_sized *sized = &v->values[node->inputs[i]];
        inputs[i] = sized->constant;
        if (sized->constant)
            continue;
        views[i].dtype = node->input_dtypes[i];
        views[i].rank = sized->shape.rank;
        views[i].count = (size_t)tw_shape_elements(sized->shape);
        if (sized->shape.rank)
            memcpy(views[i].dims, sized->shape.dims, sized->shape.rank * sizeof *views[i].dims);
        inputs[i] = &views[i];
    }
    tw_status *status = tw_evaluate(&node->spec, inputs, node->input_count, 0, 1, outputs,
                                    node->output_count);
    if (status) { /* it fails where it is run */
        tw_status_free(status);
        return TW_OK;
    }
    for (uint32_t k = 0; k < node->output_count; k++) {
        if (!status)
            status = set_constant(v, node->first_value + k, outputs[k]);
        tw_array_unref(outputs[k]);
    }
    return status;
}

/* ---- what the plan knows ---- */

/* Is the value's shape just what the plan found, whatever is fed? Then it is the plan's own list of
 * dims. */
static bool is_planned(const tw_variant *v, uint32_t value)
{
    const int64_t *dims = v->plan->values.items[value].shape.dims;
    return dims && v->values[value].shape.dims == dims;
}

/* Takes the plan's list where it says the same. */
static void compare_planned(tw_variant *v, uint32_t value)
{
    tw_shape planned = v->plan->values.items[value].shape;
    tw_sized *sized = &v->values[value];
    if (!v->plan->loop && !sized->dynamic && tw_shape_fully_known(planned) &&
        tw_shape_equal(planned, sized->shape))
        sized->shape = planned;
}

/* A rule that was given whole shapes and found whole shapes would find the same again: the numbers
 * that it reads are constants of the plan. */
static bool is_settled(const tw_variant *v, const tw_plan_node *node)
{
    bool settled = !v->plan->loop && node->output_count && node->input_count <= 32;
    for (uint32_t k = 0; settled && k < node->output_count; k++)
        settled = tw_shape_fully_known(v->plan->values.items[node->first_value + k].shape);
    for (uint32_t i = 0; settled && i < node->input_count; i++)
        settled = is_planned(v, node->inputs[i]) &&
                  (!(node->spec.op->definition.shape_inputs >> i & 1) ||
                   tw_plan_producer(v->plan, node->inputs[i])->constant);
    return settled && !tw_plan_shape_is_foreign(node);
}

static void take_planned(tw_variant *v, const tw_plan_node *node)
{
    for (uint32_t k = 0; k < node->output_count; k++) {
        tw_sized *sized = &v->values[node->first_value + k];
        sized->shape = v->plan->values.items[node->first_value + k].shape;
        sized->dynamic = false;
    }
}

tw_status *tw_variant_infer(const tw_variant *v, const tw_plan_node *node, tw_arena *scratch,
                            tw_shape *outputs)
{
    size_t n = node->input_count;
    tw_shape *shapes = tw_arena_array(scratch, n + 1, sizeof *shapes);
    const tw_array **values = tw_arena_array(scratch, n + 1, sizeof *values);
    if (!shapes || !values)
        return tw_no_memory();
    for (size_t i = 0; i < n; i++) {
        shapes[i] = v->values[node->inputs[i]].shape;
        values[i] = v->values[node->inputs[i]].constant;
    }
    return tw_node_infer(node, shapes, values, scratch, outputs);
}

/* The caller of a foreign rule is not asked at this point: its answer may serve messages, never
 * memory. */
static tw_status *size_operation(tw_variant *v, const tw_plan_node *node, tw_arena *scratch)
{
    size_t m = node->output_count;
    if (is_settled(v, node)) {
        take_planned(v, node);
        return is_known(v, node) ? evaluate(v, node, scratch) : TW_OK;
    }
    tw_shape *outputs = tw_arena_array(scratch, m + 1, sizeof *outputs);
    if (!outputs)
        return tw_no_memory();
    if (!tw_plan_shape_is_foreign(node)) {
        tw_status *status = tw_variant_infer(v, node, scratch, outputs);
        if (status && node->guarded) { /* perhaps it is never run with these sizes */
            tw_status_free(status);
            memset(outputs, 0, m * sizeof *outputs);
        } else if (status) {
            return tw_variant_explain(v, node, status);
        }
    }
    if (m && !outputs[0].dims)
        outputs[0] = tw_variant_element_shape(v, node);
    for (size_t k = 0; k < m; k++) {
        TW_TRY(tw_variant_set_shape(v, node->first_value + (uint32_t)k, outputs[k]));
        compare_planned(v, node->first_value + (uint32_t)k);
    }
    return is_known(v, node) ? evaluate(v, node, scratch) : TW_OK;
}

/* It lives as long as the plan, and so do its dims. */
static tw_status *size_constant(tw_variant *v, const tw_plan_node *node)
{
    TW_TRY(set_constant(v, node->first_value, node->constant));
    compare_planned(v, node->first_value);
    return TW_OK;
}

/* Declared and checked at each assignment, or known only when it is read. */
static tw_status *size_variable(tw_variant *v, const tw_plan_node *node)
{
    const tw_attr *shape = tw_spec_attr(&node->spec, "shape");
    tw_shape declared = shape && shape->kind == TW_ATTR_SHAPE ? shape->value.shape
                                                              : TW_UNKNOWN_SHAPE;
    TW_TRY(tw_variant_set_shape(v, node->first_value,
                                node->loose_shape ? TW_UNKNOWN_SHAPE : declared));
    compare_planned(v, node->first_value);
    return TW_OK;
}

/* In the order of the schedule, so that operands have their sizes before their readers. */
tw_status *tw_variant_size(tw_variant *v, const tw_feed_size *feeds)
{
    const tw_plan *plan = v->plan;
    tw_arena scratch = {0};
    tw_status *status = TW_OK;
    for (size_t i = 0; i < plan->feed_count && !status; i++) {
        status = tw_variant_set_shape(v, plan->feeds[i], feeds[i].shape);
        v->values[plan->feeds[i]].place = tw_variant_feed_place(v, i);
        compare_planned(v, plan->feeds[i]);
        if (!status && feeds[i].value)
            v->values[plan->feeds[i]].constant = tw_array_copy(feeds[i].value);
    }
    for (uint32_t i = 0; i < plan->order_count && !status; i++) {
        const tw_plan_node *node = &plan->nodes.items[plan->order[i]];
        if (node->kind == TW_NODE_CONSTANT)
            status = size_constant(v, node);
        else if (node->kind == TW_NODE_LOOP)
            status = tw_variant_size_loop(v, plan->order[i]);
        else if (node->kind == TW_NODE_OP && node->is_variable)
            status = size_variable(v, node);
        else if (node->forward)
            status = tw_variant_size_value(v, plan->order[i]);
        else if (node->kind == TW_NODE_OP)
            status = size_operation(v, node, &scratch);
        tw_arena_rewind(&scratch);
    }
    tw_arena_clear(&scratch);
    return status;
}
