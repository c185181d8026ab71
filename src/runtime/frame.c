/* SPDX-License-Identifier: Apache-2.0
 * Frames: made from a variant's prototypes, filled with pointers once, kept while the variant
 * lives. */
#include "runtime/frame.h"

#include <string.h>

#include "base/status.h"
#include "runtime/run.h"

/* ---- making one ---- */

/* NULL where the memory is known only during a run. */
static void *memory_of(const tw_frame *frame, uint32_t value)
{
    const tw_sized *root = &frame->variant->values[frame->variant->values[value].root];
    switch (root->place) {
    case TW_PLACE_ARENA: return frame->arena ? (char *)frame->arena + root->offset : NULL;
    case TW_PLACE_CONSTANT: return root->constant->data;
    default: return NULL;
    }
}

/* Constants that own memory by element are held, so that they may be shared onwards. */
static void set_slots(tw_frame *frame)
{
    const tw_variant *v = frame->variant;
    for (uint32_t i = 0; i < v->plan->values.count; i++) {
        tw_array *slot = &frame->slots[i];
        slot->data = memory_of(frame, i);
        if (v->values[i].place == TW_PLACE_CONSTANT && v->values[i].root == i &&
            v->values[i].constant && !tw_dtype_is_plain(slot->dtype) &&
            v->values[i].constant->storage)
            slot->storage = tw_storage_ref(v->values[i].constant->storage);
    }
}

/* Every pointer that a kernel reads is set here, once for all runs of this frame. */
static tw_status *set_contexts(tw_frame *frame)
{
    const tw_variant *v = frame->variant;
    tw_array **pointers = frame->pointers;
    for (size_t s = 0; s < v->steps.count; s++) {
        const tw_step *step = &v->steps.items[s];
        tw_compute *c = &frame->contexts[s];
        *c = (tw_compute){.spec = &v->plan->nodes.items[step->node].spec,
                          .engine = &tw_frame_engine,
                          .threads = 1};
        c->inputs = pointers;
        c->input_count = (uint16_t)step->input_count;
        for (uint32_t i = 0; i < step->input_count; i++)
            *pointers++ = &frame->slots[step->inputs[i]];
        c->outputs = pointers;
        c->output_count = (uint16_t)step->output_count;
        for (uint32_t k = 0; k < step->output_count; k++)
            *pointers++ = &frame->slots[step->outputs[k]];
        bool room = step->workspace_bytes && frame->arena;
        c->workspace = room ? (char *)frame->arena + step->workspace : NULL;
        c->state = step->state;
        c->frame = frame;
        c->step = (uint32_t)s;
        if (step->body)
            TW_TRY(tw_frame_new(frame->session, step->body, &frame->bodies[s]));
        if (step->body) {
            frame->bodies[s]->outer = frame;
            frame->bodies[s]->outer_step = (uint32_t)s;
        }
    }
    return TW_OK;
}

/* A temporary variable has a value from the beginning: memory, whatever is in it; zeros here. */
static tw_status *give_value(tw_variable *variable, tw_shape shape)
{
    tw_light_acquire(&variable->lock);
    tw_status *status = variable->value ? TW_OK
                                        : tw_array_create(variable->dtype, shape, &variable->value);
    tw_light_release(&variable->lock);
    return status;
}

/* The variables that references and plain reads mean, as far as that is fixed. */
static tw_status *set_refs(tw_frame *frame)
{
    const tw_plan *plan = frame->variant->plan;
    tw_arena arena = {0};
    tw_status *status = TW_OK;
    for (size_t n = 0; n < plan->nodes.count && !status; n++) {
        const tw_plan_node *node = &plan->nodes.items[n];
        if (node->gone || !node->is_variable)
            continue;
        const char *key = tw_variable_key(&node->origin->spec, &arena);
        tw_dtype dtype = plan->values.items[node->first_value].dtype;
        status = key ? tw_session_variable(frame->session, key, dtype,
                                           &frame->refs[node->first_value])
                     : tw_no_memory();
        if (!status && strcmp(node->spec.type, "TemporaryVariable") == 0)
            status = give_value(frame->refs[node->first_value],
                                tw_spec_attr(&node->spec, "shape")->value.shape);
    }
    for (size_t i = 0; i < plan->values.count && !status; i++) {
        const tw_plan_value *value = &plan->values.items[i];
        if (value->variable != TW_NO_INDEX && (value->is_ref || value->reads) && !frame->refs[i])
            frame->refs[i] = frame->refs[plan->nodes.items[value->variable].first_value];
    }
    tw_arena_clear(&arena);
    return status;
}

/* All at once and zeroed where a failure would otherwise free what was never set. */
static tw_status *allocate_parts(tw_frame *frame)
{
    const tw_variant *v = frame->variant;
    size_t values = v->plan->values.count, steps = v->steps.count, most = 1;
    for (size_t s = 0; s < steps; s++)
        most = v->steps.items[s].input_count > most ? v->steps.items[s].input_count : most;
    frame->lends = !v->plan->loop && v->arena_bytes >= TW_LENT_BYTES;
    if (!frame->lends)
        frame->arena = tw_alloc_aligned(v->arena_bytes + 64);
    frame->slots = atomic_exchange(&frame->variant->slots, NULL);
    if (!frame->slots)
        frame->slots = tw_variant_new_slots(v);
    frame->contexts = tw_alloc_array(steps + 1, sizeof *frame->contexts);
    frame->pointers = tw_alloc_array((size_t)v->input_total + 1, sizeof *frame->pointers);
    frame->refs = tw_alloc_zero(values + 1, sizeof *frame->refs);
    frame->held = tw_alloc_array(2 * most, sizeof *frame->held);
    frame->accesses = tw_alloc_zero(steps + 1, sizeof *frame->accesses);
    frame->bodies = tw_alloc_zero(steps + 1, sizeof *frame->bodies);
    frame->made = tw_alloc_zero((size_t)v->direct_count + 1, sizeof(tw_array *));
    frame->dynamic_state = tw_alloc_zero(steps + 1, sizeof *frame->dynamic_state);
    frame->dynamic_bytes = tw_alloc_zero(steps + 1, sizeof *frame->dynamic_bytes);
    frame->dead = tw_alloc_zero(values + 1, 1);
    frame->dead_nodes = tw_alloc_zero(v->plan->nodes.count + 1, 1);
    if ((!frame->arena && !frame->lends) || !frame->slots || !frame->contexts || !frame->pointers ||
        !frame->refs || !frame->held || !frame->accesses || !frame->bodies || !frame->made ||
        !frame->dynamic_state || !frame->dynamic_bytes || !frame->dead || !frame->dead_nodes)
        return tw_no_memory();
    return TW_OK;
}

/* Expensive beside a run, which is why frames are kept. */
tw_status *tw_frame_new(tw_session *session, tw_variant *variant, tw_frame **out)
{
    tw_frame *frame = TW_NEW(tw_frame);
    if (!frame)
        return tw_no_memory();
    frame->session = session;
    frame->variant = variant;
    tw_status *status = allocate_parts(frame);
    if (!status) {
        set_slots(frame);
        status = set_refs(frame);
    }
    if (!status)
        status = set_contexts(frame);
    if (!status)
        status = tw_frame_fix_variables(frame);
    if (status) {
        tw_frame_free(frame);
        return status;
    }
    *out = frame;
    return TW_OK;
}

/* ---- what was run ---- */

static void enlist(tw_frame *frame)
{
    tw_session *session = frame->session;
    tw_mutex_lock(&session->arena_lock);
    frame->older = session->frames;
    if (frame->older)
        frame->older->newer = frame;
    session->frames = frame;
    tw_mutex_unlock(&session->arena_lock);
}

/* Its runs stay counted. Not of a body, which was never in the list. */
static void delist(tw_frame *frame)
{
    tw_session *session = frame->session;
    tw_mutex_lock(&session->arena_lock);
    if (frame->newer)
        frame->newer->older = frame->older;
    else if (session->frames == frame)
        session->frames = frame->older;
    if (frame->older)
        frame->older->newer = frame->newer;
    session->runs_gone += atomic_load_explicit(&frame->runs, memory_order_relaxed);
    session->steps_gone += atomic_load_explicit(&frame->steps, memory_order_relaxed);
    tw_mutex_unlock(&session->arena_lock);
}

/* Of a number that this thread alone changes. */
static void raise_by(_Atomic uint64_t *number, uint64_t n)
{
    uint64_t before = atomic_load_explicit(number, memory_order_relaxed);
    atomic_store_explicit(number, before + n, memory_order_relaxed);
}

void tw_frame_count(tw_frame *frame, size_t steps)
{
    raise_by(&frame->runs, 1);
    raise_by(&frame->steps, steps);
}

void tw_frame_counts(tw_session *session, uint64_t *runs, uint64_t *steps)
{
    tw_mutex_lock(&session->arena_lock);
    *runs = session->runs_gone;
    *steps = session->steps_gone;
    for (tw_frame *frame = session->frames; frame; frame = frame->older) {
        *runs += atomic_load_explicit(&frame->runs, memory_order_relaxed);
        *steps += atomic_load_explicit(&frame->steps, memory_order_relaxed);
    }
    tw_mutex_unlock(&session->arena_lock);
}

/* Also of a frame that was only half made. */
void tw_frame_free(tw_frame *frame)
{
    if (!frame)
        return;
    delist(frame);
    const tw_variant *v = frame->variant;
    for (size_t i = 0; frame->slots && i < v->plan->values.count; i++)
        tw_storage_unref(frame->slots[i].storage);
    for (size_t s = 0; s < v->steps.count; s++) {
        if (frame->dynamic_state)
            tw_free_aligned(frame->dynamic_state[s]);
        if (frame->bodies)
            tw_frame_free(frame->bodies[s]);
    }
    tw_loop_store_free(frame);
    if (!frame->lends)
        tw_free_aligned(frame->arena);
    tw_free(frame->slots);
    tw_free(frame->contexts);
    tw_free(frame->pointers);
    tw_free(frame->refs);
    tw_free(frame->held);
    tw_free(frame->accesses);
    tw_arena_clear(&frame->parts);
    tw_free(frame->bodies);
    tw_free(frame->made);
    tw_free(frame->dynamic_state);
    tw_free(frame->dynamic_bytes);
    tw_free(frame->dead);
    tw_free(frame->dead_nodes);
    tw_free(frame);
}

/* ---- idle ones ---- */

/* Another arena than last time: all that points into it follows. */
static void point_into(tw_frame *frame, void *arena)
{
    const tw_variant *v = frame->variant;
    frame->arena = arena;
    for (uint32_t i = 0; i < v->plan->values.count; i++) {
        if (v->values[v->values[i].root].place == TW_PLACE_ARENA)
            frame->slots[i].data = memory_of(frame, i);
    }
    for (size_t s = 0; s < v->steps.count; s++) {
        if (v->steps.items[s].workspace_bytes)
            frame->contexts[s].workspace = (char *)arena + v->steps.items[s].workspace;
    }
}

/* A large arena is there only while the frame is used. */
static tw_status *borrow_arena(tw_frame *frame)
{
    if (!frame->lends)
        return TW_OK;
    TW_TRY(tw_arena_take(frame->session, frame->variant->arena_bytes + 64, &frame->lent));
    if (frame->lent.memory != frame->arena)
        point_into(frame, frame->lent.memory);
    return TW_OK;
}

static void return_arena(tw_frame *frame)
{
    if (frame->lent.memory)
        tw_arena_give_back(frame->session, frame->lent);
    frame->lent = (tw_lent_arena){NULL, 0};
}

/* An idle frame, or NULL. */
tw_frame *tw_frame_pop(tw_variant *variant)
{
    tw_frame *frame = atomic_exchange_explicit(&variant->idle, NULL, memory_order_acquire);
    if (frame)
        return frame;
    tw_mutex_lock(&variant->lock);
    frame = variant->frames;
    if (frame)
        variant->frames = frame->next;
    tw_mutex_unlock(&variant->lock);
    return frame;
}

/* The newest is used first next time: its memory is still in the cache. */
void tw_frame_push(tw_frame *frame)
{
    tw_variant *variant = frame->variant;
    void *none = NULL;
    if (atomic_compare_exchange_strong_explicit(&variant->idle, &none, frame, memory_order_release,
                                                memory_order_relaxed))
        return;
    tw_mutex_lock(&variant->lock);
    frame->next = variant->frames;
    variant->frames = frame;
    tw_mutex_unlock(&variant->lock);
}

tw_status *tw_frame_begin(tw_frame *frame, tw_run *run)
{
    frame->next = NULL;
    frame->run = run;
    return borrow_arena(frame);
}

void tw_frame_end(tw_frame *frame)
{
    frame->run = NULL;
    if (frame->variant->plan->has_loops)
        tw_loop_store_rest(frame);
    return_arena(frame);
}

/* As many frames exist as runs of this variant ever went on at once. */
tw_status *tw_frame_take(tw_session *session, tw_variant *variant, tw_run *run, tw_frame **out)
{
    tw_frame *frame = tw_frame_pop(variant);
    if (!frame) {
        TW_TRY(tw_frame_new(session, variant, &frame));
        enlist(frame);
        run->grew = true;
    }
    tw_status *status = tw_frame_begin(frame, run);
    if (status) {
        tw_frame_put(frame);
        return status;
    }
    *out = frame;
    return TW_OK;
}

void tw_frame_put(tw_frame *frame)
{
    tw_frame_end(frame);
    tw_frame_push(frame);
}

/* Whoever runs a frame holds the variant, so that all frames are idle when it goes. */
void tw_variant_free_frames(tw_variant *variant)
{
    for (tw_frame *frame; (frame = tw_frame_pop(variant)) != NULL;)
        tw_frame_free(frame);
}

/* ---- feeds and fetches ---- */

/* No copy: the run reads the caller's memory in place. */
void tw_frame_feed(tw_frame *frame, size_t index, const tw_array *array)
{
    const tw_variant *v = frame->variant;
    uint32_t value = v->plan->feeds[index];
    tw_array *slot = &frame->slots[value];
    slot->data = array->data;
    if (!tw_same_shape(slot, array)) { /* of what has no planned size */
        slot->rank = array->rank;
        slot->count = array->count;
        memcpy(slot->dims, array->dims, array->rank * sizeof *array->dims);
    }
    if (!v->feed_views)
        return;
    for (const uint32_t *view = v->feed_views[index]; *view != TW_NO_INDEX; view++)
        frame->slots[*view].data = array->data;
}

enum { FEW_BYTES = 4096 };

/* Bytes to move where `bytes` are meant. Whole vectors of what a kernel has just stored are read
 * back at once, others only when those have left the processor's queue, so that a few are moved
 * with what fills up the last one; behind the arena there is always one. */
static size_t whole_vectors(size_t bytes, const tw_sized *sized, const tw_array *to)
{
    const tw_storage *storage = to->storage;
    bool alone = storage && !storage->release && storage->data == to->data &&
                 storage->count == to->count;
    return alone && sized->place == TW_PLACE_ARENA && bytes < FEW_BYTES ? (bytes + 63) & ~(size_t)63
                                                                        : bytes;
}

/* Of one dtype and shape. Most are a few floats, not worth a call; some stand there already. */
static tw_status *copy_values(const tw_array *from, const tw_sized *sized, tw_array *to)
{
    if (to->data == from->data)
        return TW_OK;
    if (from->dtype != TW_FLOAT32)
        return from->count ? tw_elements_copy(from->dtype, to->data, from->data, from->count)
                           : TW_OK;
    if (from->count == 1)
        memcpy(to->data, from->data, sizeof(float));
    else if (from->count)
        memmove(to->data, from->data, whole_vectors(from->count * sizeof(float), sized, to));
    return TW_OK;
}

/* Into the caller's array, or a new one. */
static tw_status *give(const tw_array *from, const tw_sized *sized, tw_array **out,
                       tw_tensor tensor)
{
    tw_shape shape = {from->dims, from->rank};
    if (!*out) {
        tw_array *made;
        TW_TRY(tw_array_create_for(from->dtype, shape, &made));
        tw_status *status = from->count
                                ? tw_elements_copy(from->dtype, made->data, from->data, from->count)
                                : TW_OK;
        if (status) {
            tw_array_unref(made);
            return status;
        }
        *out = made;
        return TW_OK;
    }
    tw_array *to = *out;
    if (to->dtype != from->dtype || !tw_same_shape(to, from))
        return tw_value_error("the array given for %s is %s %s, the value is %s %s",
                              tw_tensor_name(tensor).s, tw_dtype_name(to->dtype),
                              tw_shape_text(tw_array_shape(to)).s, tw_dtype_name(from->dtype),
                              tw_shape_text(shape).s);
    return copy_values(from, sized, to);
}

/* With the place where the variable was made, which is where an initializer is missing. */
static tw_status *uninitialized(const tw_variable *variable, tw_tensor tensor)
{
    tw_status *status = tw_status_new(TW_FAILED_PRECONDITION,
                                      "Attempting to use uninitialized value %s",
                                      variable ? variable->key : tensor.op->spec.name);
    status = tw_status_with_phase(tw_status_with_kind(status, TW_KIND_STATE), TW_PHASE_RUN);
    status = tw_status_with_operation(status, tensor.op->spec.type, tensor.op->spec.name);
    return tw_status_with_where(status, tensor.op->spec.where);
}

/* The variable's array, to be given back, and a view of it under the value's shape. Others count
 * references to the array meanwhile, so that it is not copied as a whole. */
static tw_status *hold_fetched(tw_frame *frame, uint32_t value, tw_tensor tensor, tw_array *view,
                               tw_array **held)
{
    tw_variable *variable = frame->refs[frame->variant->values[value].root];
    *held = variable ? tw_variable_hold(variable) : NULL;
    if (!*held)
        return uninitialized(variable, tensor);
    const tw_array *array = *held;
    const tw_sized *sized = &frame->variant->values[value];
    bool other = sized->root != value && !sized->dynamic; /* another shape over it */
    tw_shape shape = other ? sized->shape : tw_array_shape(array);
    view->dtype = array->dtype;
    view->count = array->count;
    view->data = array->data;
    view->storage = array->storage;
    view->rank = shape.rank;
    memcpy(view->dims, shape.dims, shape.rank * sizeof *shape.dims);
    return TW_OK;
}

/* Where a fetched value is; *held, where it is not NULL, is to be given back afterwards. `view` is
 * room for a value that needs it. */
static tw_status *find_fetched(tw_frame *frame, const tw_plan_fetch *f, tw_array *view,
                               const tw_array **out, tw_array **held)
{
    *held = NULL;
    if (frame->dead[f->value])
        return tw_status_with_phase(tw_status_new(TW_INVALID_ARGUMENT,
                                                  "The tensor returned for %s was not valid.",
                                                  tw_tensor_name(f->tensor).s),
                                    TW_PHASE_RUN);
    *out = &frame->slots[f->value];
    if (frame->variant->values[f->value].place != TW_PLACE_VARIABLE)
        return TW_OK;
    *out = view;
    return hold_fetched(frame, f->value, f->tensor, view, held);
}

/* After all steps, so that variables show their value after the run. out NULL: only whether it has
 * a value. */
tw_status *tw_frame_fetch(tw_frame *frame, size_t fetch, tw_array **out)
{
    const tw_plan_fetch *f = &frame->variant->plan->fetches[fetch];
    tw_array view, *held;
    const tw_array *value;
    if (f->value == TW_NO_INDEX)
        return TW_OK;
    TW_TRY(find_fetched(frame, f, &view, &value, &held));
    tw_status *status = out ? give(value, &frame->variant->values[f->value], out, f->tensor)
                            : TW_OK;
    tw_array_unref(held);
    return status;
}

/* Held for the time of the call: another run may write to a variable meanwhile. */
tw_status *tw_frame_show(tw_frame *frame, size_t fetch)
{
    const struct tw_call_options *options = frame->run->options;
    const tw_plan_fetch *f = &frame->variant->plan->fetches[fetch];
    tw_array array, *held;
    const tw_array *value;
    if (f->value == TW_NO_INDEX)
        return TW_OK;
    TW_TRY(find_fetched(frame, f, &array, &value, &held));
    tw_array *made = tw_frame_take_made(frame, fetch);
    tw_view view = {value->dtype, {value->dims, value->rank}, value->data};
    tw_status *status = made             ? options->take(fetch, made, options->user)
                        : options->fetch ? options->fetch(fetch, &view, options->user)
                                         : TW_OK;
    tw_array_unref(held);
    return status;
}

/* Plain memory that nobody shares stays for the next run; strings and handles go, since they may
 * be large or hold others. */
void tw_frame_drop_heap(tw_frame *frame)
{
    const tw_variant *v = frame->variant;
    size_t bytes = 0;
    for (size_t s = 0; v->has_heap && s < v->steps.count; s++) {
        const tw_step *step = &v->steps.items[s];
        bytes += frame->dynamic_bytes[s];
        for (uint32_t k = 0;
             step->flags & (TW_STEP_HEAP | TW_STEP_DYNAMIC) && k < step->output_count; k++) {
            tw_array *slot = &frame->slots[step->outputs[k]];
            if (slot->storage &&
                !(tw_dtype_is_plain(slot->dtype) && tw_storage_unique(slot->storage))) {
                tw_storage_unref(slot->storage);
                slot->storage = NULL;
                slot->data = NULL;
            }
            bytes += slot->storage ? slot->storage->count * tw_dtype_size(slot->dtype) : 0;
        }
    }
    if (bytes <= frame->heap_bytes)
        return;
    frame->heap_bytes = bytes;
    frame->run->grew = true;
}
