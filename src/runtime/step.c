/* SPDX-License-Identifier: Apache-2.0
 * Steps that are more than a kernel over planned memory: guarded by a condition, reading or writing
 * variables, with sizes known only now. Each is the same few acts in one order: dead? - hold
 * variables - size - compute - let go. */
#include <string.h>

#include "base/status.h"
#include "runtime/run.h"

/* ---- dead values ---- */

/* Edges that only order accesses do not count: their source may be dead without harm. */
static bool is_dead(const tw_frame *frame, const tw_step *step)
{
    const tw_plan_node *node = &frame->variant->plan->nodes.items[step->node];
    for (uint32_t i = 0; i < step->input_count; i++) {
        if (frame->dead[step->inputs[i]])
            return true;
    }
    for (uint32_t k = 0; k < node->real_controls; k++) {
        if (frame->dead_nodes[node->controls[k]])
            return true;
    }
    return false;
}

/* Written in every run, so nothing needs to be reset between runs. A fused step stores values of
 * several of its nodes. */
static void mark(tw_frame *frame, const tw_step *step, bool dead)
{
    const tw_plan_node *node = &frame->variant->plan->nodes.items[step->node];
    frame->dead_nodes[step->node] = dead;
    for (uint32_t k = 0; k < node->output_count; k++)
        frame->dead[node->first_value + k] = dead;
    for (uint32_t k = 0; step->group && k < step->group->count; k++)
        frame->dead_nodes[step->group->nodes[k]] = dead;
    for (uint32_t k = 0; k < step->output_count; k++)
        frame->dead[step->outputs[k]] = dead;
}

/* ---- sizes known only now ---- */

/* With what the inputs hold at this moment; an empty variable shows its declared shape. */
static tw_status *infer_now(tw_frame *frame, const tw_step *step, tw_compute *c, tw_arena *scratch,
                            tw_shape *outputs)
{
    size_t n = c->input_count;
    tw_shape *shapes = tw_arena_array(scratch, n + 1, sizeof *shapes);
    const tw_array **values = tw_arena_array(scratch, n + 1, sizeof *values);
    if (!shapes || !values)
        return tw_no_memory();
    const tw_plan_node *node = &frame->variant->plan->nodes.items[step->node];
    for (size_t i = 0; i < n; i++) {
        bool ref = i < 32 && node->ref_inputs >> i & 1;
        bool empty = ref && !frame->refs[step->inputs[i]]->value;
        shapes[i] = empty ? frame->variant->values[step->inputs[i]].shape
                          : (tw_shape){c->inputs[i]->dims, c->inputs[i]->rank};
        values[i] = ref ? NULL : c->inputs[i];
    }
    if (tw_plan_shape_is_foreign(node))
        return TW_OK;
    return tw_node_infer(node, shapes, values, scratch, outputs);
}

/* State and workspace of a dynamic step: one block that grows. */
static tw_status *dynamic_memory(tw_frame *frame, uint32_t s, size_t bytes, void **out)
{
    if (frame->dynamic_bytes[s] < bytes) {
        tw_free_aligned(frame->dynamic_state[s]);
        frame->dynamic_state[s] = tw_alloc_aligned(bytes);
        frame->dynamic_bytes[s] = frame->dynamic_state[s] ? bytes : 0;
        if (!frame->dynamic_state[s])
            return tw_no_memory();
    }
    *out = frame->dynamic_state[s];
    return TW_OK;
}

/* What a planned step gets once, a dynamic one gets each time. */
static tw_status *prepare_now(tw_frame *frame, uint32_t s, tw_compute *c)
{
    const tw_kernel *kernel = frame->variant->steps.items[s].kernel;
    if (!kernel || (!kernel->state_size && !kernel->prepare && !kernel->workspace))
        return TW_OK;
    size_t state_bytes = (kernel->state_size + 63) / 64 * 64;
    void *memory = NULL;
    if (state_bytes) {
        TW_TRY(dynamic_memory(frame, s, state_bytes, &memory));
        memset(memory, 0, state_bytes);
    }
    c->state = memory;
    if (kernel->prepare)
        TW_TRY(kernel->prepare(c, c->state));
    size_t workspace = kernel->workspace ? kernel->workspace(c) : 0;
    if (!workspace)
        return TW_OK;
    /* the state moves with the block: prepared again */
    if (frame->dynamic_bytes[s] < state_bytes + workspace) {
        TW_TRY(dynamic_memory(frame, s, state_bytes + workspace, &memory));
        c->state = state_bytes ? memory : NULL;
        if (state_bytes)
            memset(memory, 0, state_bytes);
        if (kernel->prepare)
            TW_TRY(kernel->prepare(c, c->state));
    }
    c->workspace = (char *)frame->dynamic_state[s] + state_bytes;
    return TW_OK;
}

/* An output that the rule cannot size is made by the kernel itself. */
static tw_status *size_outputs(tw_frame *frame, uint32_t s, tw_compute *c)
{
    const tw_step *step = &frame->variant->steps.items[s];
    tw_arena scratch = {0};
    tw_shape *outputs = tw_arena_array(&scratch, (size_t)c->output_count + 1, sizeof *outputs);
    tw_status *status = outputs ? infer_now(frame, step, c, &scratch, outputs) : tw_no_memory();
    for (uint32_t k = 0; k < c->output_count && !status; k++) {
        bool own = frame->variant->values[step->outputs[k]].place == TW_PLACE_HEAP;
        if (own && tw_shape_fully_known(outputs[k]) && outputs[k].dims &&
            !(step->flags & TW_STEP_ALIAS))
            status = tw_slot_allocate(c->outputs[k], outputs[k]);
        else if (own && step->flags & TW_STEP_ALIAS && k == 0)
            status = tw_slot_share(c->outputs[0], c->inputs[0], outputs[0]);
    }
    tw_arena_clear(&scratch);
    return status ? status : prepare_now(frame, s, c);
}

/* Planned sizes, but storage of its own (strings, handles). */
static tw_status *allocate_heap(tw_frame *frame, const tw_step *step, tw_compute *c)
{
    for (uint32_t k = 0; k < c->output_count; k++) {
        const tw_sized *sized = &frame->variant->values[step->outputs[k]];
        if (sized->place != TW_PLACE_HEAP)
            continue;
        if (step->flags & TW_STEP_ALIAS && k == 0)
            TW_TRY(tw_slot_share(c->outputs[0], c->inputs[0], sized->shape));
        else
            TW_TRY(tw_slot_allocate(c->outputs[k], sized->shape));
    }
    return TW_OK;
}

/* ---- Switch and Merge ---- */

static tw_status *run_switch(tw_frame *frame, const tw_step *step, tw_compute *c)
{
    const tw_plan_node *node = &frame->variant->plan->nodes.items[step->node];
    const tw_array *pred = c->inputs[1];
    if (pred->rank != 0)
        return tw_value_error("The second input must be a scalar, but it has shape %s",
                              tw_shape_text((tw_shape){pred->dims, pred->rank}).s);
    uint32_t taken = *(const bool *)pred->data ? 1 : 0;
    frame->dead[node->first_value + 1 - taken] = true;
    frame->dead[node->first_value + taken] = false;
    uint32_t value = node->first_value + taken;
    if (frame->variant->plan->values.items[value].is_ref) {
        frame->refs[value] = frame->refs[step->inputs[0]];
        return TW_OK;
    }
    tw_shape shape = {c->inputs[0]->dims, c->inputs[0]->rank};
    if (frame->variant->values[value].place == TW_PLACE_HEAP)
        return tw_slot_share(c->outputs[taken], c->inputs[0], shape);
    if (c->outputs[taken]->data != c->inputs[0]->data && c->inputs[0]->count)
        return tw_elements_copy(c->inputs[0]->dtype, c->outputs[taken]->data, c->inputs[0]->data,
                                c->inputs[0]->count);
    return TW_OK;
}

/* Of several inputs that are alive the first counts. */
static tw_status *run_merge(tw_frame *frame, const tw_step *step, tw_compute *c)
{
    uint32_t alive = 0;
    while (alive < step->input_count && frame->dead[step->inputs[alive]])
        alive++;
    mark(frame, step, alive == step->input_count);
    if (alive == step->input_count)
        return TW_OK;
    if (frame->refs[frame->variant->values[step->inputs[alive]].root] &&
        !frame->variant->plan->values.items[step->outputs[0]].is_ref)
        TW_TRY(tw_frame_hold(frame, step->inputs[alive]));
    const tw_array *from = c->inputs[alive];
    if (c->output_count > 1) {
        if (frame->variant->values[step->outputs[1]].place == TW_PLACE_HEAP)
            TW_TRY(tw_slot_allocate(c->outputs[1], TW_SHAPE()));
        *(int32_t *)c->outputs[1]->data = (int32_t)alive;
    }
    if (frame->variant->plan->values.items[step->outputs[0]].is_ref) {
        frame->refs[step->outputs[0]] = frame->refs[step->inputs[alive]];
        return TW_OK;
    }
    if (frame->variant->values[step->outputs[0]].place == TW_PLACE_HEAP)
        return tw_slot_share(c->outputs[0], from, (tw_shape){from->dims, from->rank});
    return from->count ? tw_elements_copy(from->dtype, c->outputs[0]->data, from->data, from->count)
                       : TW_OK;
}

static tw_status *run_select(tw_frame *frame, const tw_step *step, const tw_compute *c)
{
    int32_t index = *(const int32_t *)c->inputs[0]->data;
    if (index < 0 || (uint32_t)index >= step->input_count - 1)
        return tw_value_error("Index must be in the range [0, %u) but got %d",
                              step->input_count - 1, index);
    frame->refs[step->outputs[0]] = frame->refs[step->inputs[1 + index]];
    return TW_OK;
}

/* ---- the step ---- */

/* Variables are held or locked by now. */
tw_status *tw_frame_compute(tw_frame *frame, uint32_t s, tw_compute *c)
{
    const tw_step *step = &frame->variant->steps.items[s];
    if (step->flags & TW_STEP_LOOP)
        return tw_frame_loop(frame, s);
    if (step->flags & TW_STEP_VALUE)
        return tw_frame_loop_value(frame, s);
    if (step->flags & TW_STEP_SWITCH)
        return run_switch(frame, step, c);
    if (step->flags & TW_STEP_SELECT)
        return run_select(frame, step, c);
    if (!step->compute)
        return TW_OK;
    if (step->flags & TW_STEP_DYNAMIC)
        TW_TRY(size_outputs(frame, s, c));
    else if (step->flags & TW_STEP_HEAP)
        TW_TRY(allocate_heap(frame, step, c));
    if (step->flags & TW_STEP_ALIAS)
        return TW_OK;
    if (!(step->flags & TW_STEP_FOREIGN))
        return step->compute(c);
    tw_os_float_restore(frame->run->float_mode);
    tw_status *status = step->compute(c);
    (void)tw_os_float_enter();
    return status;
}

/* Merge comes first: unlike every other step it runs although inputs are dead. */
tw_status *tw_frame_step(tw_frame *frame, uint32_t s)
{
    const tw_step *step = &frame->variant->steps.items[s];
    tw_compute *c = &frame->contexts[s];
    if (step->flags & TW_STEP_MERGE) {
        tw_status *status = run_merge(frame, step, c);
        tw_frame_let_go(frame);
        return status;
    }
    if (step->flags & TW_STEP_GUARDED) {
        bool dead = is_dead(frame, step);
        mark(frame, step, dead);
        if (dead)
            return TW_OK;
    }
    return step->flags & (TW_STEP_READS | TW_STEP_WRITES | TW_STEP_INTO)
               ? tw_frame_with_variables(frame, s, c)
               : tw_frame_compute(frame, s, c);
}
