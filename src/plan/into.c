/* SPDX-License-Identifier: Apache-2.0
 * A step whose result is only assigned to a variable writes it where the variable is, so that the
 * Assign has nothing left to copy. It holds the variable's lock meanwhile; so nobody between it and
 * the Assign may touch the variable, and it must not fail once it has begun. Likewise a step whose
 * result is fetched writes it where the caller wants it. */
#include <string.h>

#include "base/status.h"
#include "plan/variant.h"

/* Copying less costs no more than a lock, or than asking where to. */
enum { LEAST_BYTES = 4096 };

/* Kernels that fail, if at all, before they write. Fused steps say it themselves. */
static const char *const sure_types[] = {
    "Softmax", "LogSoftmax", "MatMul", "_FusedMatMul",         "Conv2D",        "BiasAdd",
    "Relu",    "Tanh",       "Fill",   "RandomStandardNormal", "RandomUniform", "TruncatedNormal"};

/* A fused step that holds a check, such as integer division's, may stop half way. */
static bool is_sure(const tw_variant *v, const tw_step *step)
{
    const tw_op *op = v->plan->nodes.items[step->node].spec.op;
    if (!step->kernel)
        return step->cannot_fail;
    for (size_t i = 0; i < sizeof sure_types / sizeof *sure_types; i++) {
        if (tw_name_is(op->name, sure_types[i]))
            return true;
    }
    return false;
}

/* The Assign's Variable, if the value has its size for certain; or TW_NO_INDEX. */
static uint32_t variable_of(const tw_variant *v, const tw_step *assign)
{
    const tw_plan_node *node = &v->plan->nodes.items[assign->node];
    if (!assign->kernel || !node->spec.op || !tw_name_is(node->spec.op->name, "Assign") ||
        assign->flags != TW_STEP_WRITES)
        return TW_NO_INDEX;
    uint32_t ref = node->inputs[0], value = node->inputs[1];
    const tw_plan_node *variable = tw_plan_producer(v->plan, ref);
    const tw_sized *sized = &v->values[value];
    if (!variable->is_variable || variable->loose_shape || v->values[ref].dynamic ||
        sized->place != TW_PLACE_ARENA || sized->root != value || sized->bytes < LEAST_BYTES ||
        !tw_shape_equal(v->values[ref].shape, sized->shape))
        return TW_NO_INDEX;
    return v->plan->values.items[ref].variable;
}

/* Does the step read or write the variable, through whatever view? */
static bool touches(const tw_variant *v, const tw_step *step, uint32_t variable)
{
    for (uint32_t i = 0; i < step->input_count; i++) {
        uint32_t value = step->inputs[i], root = v->values[value].root;
        if (v->plan->values.items[value].variable == variable ||
            v->plan->values.items[root].variable == variable)
            return true;
    }
    return false;
}

/* Nobody but the Assign reads the value, under any name. */
static bool is_private(const tw_variant *v, uint32_t value, uint32_t assign)
{
    if (tw_value_is_viewed(v, value))
        return false;
    for (uint32_t s = 0; s < v->steps.count; s++) {
        const tw_step *step = &v->steps.items[s];
        for (uint32_t i = 0; s != assign && i < step->input_count; i++) {
            if (step->inputs[i] == value)
                return false;
        }
    }
    return !v->plan->values.items[value].fetched;
}

/* The step that makes the value, or TW_NO_INDEX if it cannot write into the variable. */
static uint32_t maker_of(const tw_variant *v, uint32_t assign, uint32_t value, uint32_t variable)
{
    for (uint32_t s = assign; s-- > 0;) {
        const tw_step *step = &v->steps.items[s];
        if (touches(v, step, variable))
            return TW_NO_INDEX;
        if (step->output_count != 1 || step->outputs[0] != value)
            continue;
        bool plain = !(step->flags & ~(uint32_t)TW_STEP_READS);
        return plain && is_sure(v, step) ? s : TW_NO_INDEX;
    }
    return TW_NO_INDEX;
}

/* The value is where the variable is. */
static tw_status *assigned(tw_compute *c)
{
    (void)c;
    return TW_OK;
}

/* Steps do not go out of order, repeat, or choose among references. */
static bool is_ordered(const tw_variant *v)
{
    bool ordered = !v->plan->loop && !v->plan->has_waits && !v->plan->has_guards;
    for (uint32_t s = 0; ordered && s < v->steps.count; s++)
        ordered = !(v->steps.items[s].flags & TW_STEP_SELECT);
    return ordered;
}

/* Where they do, an Assign copies. */
void tw_variant_into(tw_variant *v)
{
    bool ordered = is_ordered(v);
    for (uint32_t s = 0; ordered && s < v->steps.count; s++) {
        tw_step *step = &v->steps.items[s];
        uint32_t variable = variable_of(v, step);
        if (variable == TW_NO_INDEX || !is_private(v, step->inputs[1], s))
            continue;
        uint32_t maker = maker_of(v, s, step->inputs[1], variable);
        if (maker == TW_NO_INDEX)
            continue;
        v->values[step->inputs[1]].place = TW_PLACE_TARGET;
        v->steps.items[maker].flags |= TW_STEP_INTO;
        v->steps.items[maker].into = step->inputs[0];
        step->compute = assigned;
    }
}

/* ---- fetches ---- */

/* What a plain step makes; a value that others are views of, or that a second fetch wants too, is
 * copied. */
static bool is_direct(const tw_variant *v, uint32_t fetch)
{
    const tw_plan *plan = v->plan;
    uint32_t value = plan->fetches[fetch].value;
    if (value == TW_NO_INDEX)
        return false;
    const tw_sized *sized = &v->values[value];
    for (size_t i = 0; i < plan->fetch_count; i++) {
        if (i != fetch && plan->fetches[i].value == value)
            return false;
    }
    return sized->place == TW_PLACE_ARENA && sized->root == value && !sized->dynamic &&
           sized->bytes >= LEAST_BYTES && tw_dtype_is_plain(plan->values.items[value].dtype) &&
           !tw_value_is_viewed(v, value) &&
           !(v->steps.items[sized->born].flags & ~(uint32_t)TW_STEP_READS);
}

/* Over the caller's array only the last step may write: after any other the run may yet be
 * cancelled. */
tw_status *tw_variant_direct(tw_variant *v)
{
    const tw_plan *plan = v->plan;
    if (!is_ordered(v) || plan->outer)
        return TW_OK;
    v->directs = tw_arena_array(&v->arena, plan->fetch_count + 1, sizeof *v->directs);
    if (!v->directs)
        return tw_no_memory();
    for (uint32_t i = 0; i < plan->fetch_count; i++) {
        if (!is_direct(v, i))
            continue;
        uint32_t value = plan->fetches[i].value, maker = v->values[value].born;
        const tw_step *step = &v->steps.items[maker];
        bool over = maker + 1 == v->steps.count && step->output_count == 1 && is_sure(v, step);
        v->directs[v->direct_count++] = (tw_direct){.fetch = i, .value = value, .over = over};
    }
    return TW_OK;
}
