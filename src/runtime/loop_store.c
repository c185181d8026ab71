/* SPDX-License-Identifier: Apache-2.0
 * The store of values that a loop keeps of every iteration, and the step that reads one. It grows
 * by doubling and stays with the frame: later runs find its memory. */
#include "runtime/loop.h"

#include <string.h>

#include "base/status.h"

/* Planned values are kept side by side in one block, others as arrays. */
static bool is_planned(const tw_variant *v, uint32_t value)
{
    return !v->values[value].dynamic && tw_dtype_is_plain(v->plan->values.items[value].dtype);
}

/* Made by the first run of a frame and kept with it. */
tw_status *tw_loop_store_of(tw_frame *body, tw_loop_store **out)
{
    const tw_plan_loop *loop = body->variant->plan->loop;
    tw_loop_store *store = *out = body->loop;
    if (store)
        return TW_OK;
    body->loop = store = *out = TW_NEW(tw_loop_store);
    if (!store)
        return tw_no_memory();
    store->slots = tw_alloc_zero(loop->saved_count + 1u, sizeof *store->slots);
    store->aside = tw_alloc_zero(loop->carried + 1u, sizeof *store->aside);
    if (store->slots && store->aside)
        return TW_OK;
    tw_free(store->slots);
    tw_free(store->aside);
    tw_free(store);
    body->loop = NULL;
    return tw_no_memory();
}

/* The places stay for the next run. */
static void drop_arrays(tw_array *arrays, size_t count)
{
    for (size_t i = 0; arrays && i < count; i++) {
        tw_storage_unref(arrays[i].storage);
        arrays[i].storage = NULL;
    }
}

/* Also after a creation that failed in the middle. */
void tw_loop_store_free(tw_frame *body)
{
    tw_loop_store *store = body->loop;
    const tw_plan_loop *loop = body->variant->plan->loop;
    for (uint32_t i = 0; store && i < loop->saved_count; i++) {
        drop_arrays(store->slots[i].arrays, store->capacity);
        tw_free(store->slots[i].arrays);
        tw_free_aligned(store->slots[i].data);
        tw_free(store->slots[i].dead);
    }
    if (!store)
        return;
    drop_arrays(store->aside, loop->carried);
    tw_free_aligned(store->packed);
    tw_free(store->aside);
    tw_free(store->slots);
    tw_free(store->bases);
    tw_free(store);
}

/* After a run: what is not plain memory goes. */
void tw_loop_store_rest(tw_frame *frame)
{
    for (size_t s = 0; s < frame->variant->steps.count; s++) {
        tw_frame *body = frame->bodies[s];
        tw_loop_store *store = body ? body->loop : NULL;
        if (!store)
            continue;
        store->active = false;
        for (uint32_t i = 0; i < body->variant->plan->loop->saved_count; i++)
            drop_arrays(store->slots[i].arrays, store->count);
        tw_loop_store_rest(body);
    }
}

/* Equal ones, which follow a first one, have its place. */
void tw_loop_store_pack(tw_frame *body)
{
    const tw_variant *v = body->variant;
    tw_loop_store *store = body->loop;
    size_t made = 0;
    if (!store->packed && v->pack_total)
        store->packed = tw_alloc_aligned(v->pack_total);
    for (size_t s = 0; s < v->steps.count && store->packed; s++) {
        const tw_step *step = &v->steps.items[s];
        tw_compute *c = &body->contexts[s];
        if (!step->packs_feed)
            continue;
        char *to = store->packed + step->pack_offset;
        c->threads = body->run->threads;
        c->packed = NULL;
        if (step->pack_offset >= made) {
            step->packing->pack(c, to);
            made = step->pack_offset + 1;
        }
        c->packed = to;
    }
}

/* ---- growing ---- */

/* What is there moves along; the rest is written before it is read. */
static bool grow_bytes(char **data, size_t old, size_t bytes)
{
    char *grown = tw_alloc_aligned(bytes);
    if (!grown)
        return false;
    if (old)
        memcpy(grown, *data, old);
    tw_free_aligned(*data);
    *data = grown;
    return true;
}

/* New places are zero, which means empty. */
static bool grow_array(void **items, size_t old, size_t count, size_t size)
{
    char *grown = tw_realloc_array(*items, count, size);
    if (!grown)
        return false;
    memset(grown + old * size, 0, (count - old) * size);
    *items = grown;
    return true;
}

/* Only what somebody reads is kept, and so only that grows. */
static bool grow_slot(const tw_frame *body, tw_kept *slot, uint32_t value, size_t old, size_t count)
{
    const tw_variant *v = body->variant;
    size_t bytes = v->values[value].bytes, total;
    if (!grow_array((void **)&slot->dead, old, count, 1))
        return false;
    if (!is_planned(v, value))
        return grow_array((void **)&slot->arrays, old, count, sizeof(tw_array));
    return tw_size_mul(bytes, count, &total) && grow_bytes(&slot->data, bytes * old, total + 1);
}

/* Doubling, so that a loop of any length allocates a few times once and then never. */
static tw_status *reserve(tw_frame *body)
{
    tw_loop_store *store = body->loop;
    const tw_plan_loop *loop = body->variant->plan->loop;
    size_t count = store->capacity ? 2 * store->capacity : 8;
    if (store->count < store->capacity)
        return TW_OK;
    for (uint32_t i = 0; i < loop->saved_count; i++) {
        if (body->variant->wanted[i] &&
            !grow_slot(body, &store->slots[i], loop->saved[i], store->capacity, count))
            return tw_no_memory();
    }
    store->capacity = count;
    body->run->grew = true;
    return TW_OK;
}

/* ---- where entries begin ---- */

/* Of the loop around, whose iteration an inner loop belongs to. */
static tw_loop_store *store_around(const tw_frame *body)
{
    return body->outer->loop;
}

/* Where the entries of an inner loop begin that ran in entry `entry` of the loop around. */
static tw_status *note_base(tw_loop_store *store, size_t entry)
{
    if (entry >= store->base_capacity) {
        size_t capacity = 2 * entry + 8;
        if (!grow_array((void **)&store->bases, store->base_capacity, capacity,
                        sizeof *store->bases))
            return tw_no_memory();
        store->base_capacity = capacity;
    }
    store->bases[entry] = store->base;
    return TW_OK;
}

/* A loop that is kept for loops around goes on behind what it kept before, until the outermost
 * of them begins anew. */
tw_status *tw_loop_store_start(tw_frame *body)
{
    tw_loop_store *store = body->loop;
    uint32_t levels = body->variant->plan->loop->levels;
    const tw_frame *kept_for = body;
    store->epoch++;
    store->iteration = 0;
    store->at = 0;
    store->tested = false;
    for (uint32_t i = 1; i < levels; i++)
        kept_for = kept_for->outer;
    uint64_t epoch = ((const tw_loop_store *)kept_for->loop)->epoch;
    if (store->kept_epoch != epoch || levels < 2)
        store->count = 0;
    store->kept_epoch = epoch;
    store->base = store->count;
    if (levels < 2)
        return TW_OK;
    const tw_loop_store *around = store_around(body);
    return note_base(store, around->base + around->iteration);
}

/* ---- keeping ---- */

/* A value may be a variable of the session, which is held while it is looked at. */
tw_status *tw_loop_view(tw_frame *body, uint32_t value, const tw_array **out, tw_array **held)
{
    tw_variable *variable = body->refs[body->variant->values[value].root];
    *held = NULL;
    *out = &body->slots[value];
    if (!variable)
        return TW_OK;
    *out = *held = tw_variable_hold(variable);
    if (*held)
        return TW_OK;
    tw_status *status = tw_status_new(TW_FAILED_PRECONDITION,
                                      "Attempting to use uninitialized value %s", variable->key);
    return tw_status_with_kind(status, TW_KIND_STATE);
}

/* Dead values are marked instead of kept. */
static tw_status *keep_value(tw_frame *body, tw_kept *slot, uint32_t value, size_t entry)
{
    const tw_variant *v = body->variant;
    const tw_array *from;
    tw_array *held;
    slot->dead[entry] = body->dead[value];
    if (slot->dead[entry])
        return TW_OK;
    TW_TRY(tw_loop_view(body, value, &from, &held));
    tw_status *status = TW_OK;
    if (is_planned(v, value)) {
        size_t bytes = v->values[value].bytes;
        if (bytes)
            memcpy(slot->data + entry * bytes, from->data, bytes);
    } else {
        slot->arrays[entry].dtype = from->dtype;
        status = tw_slot_share(&slot->arrays[entry], from, (tw_shape){from->dims, from->rank});
    }
    tw_array_unref(held);
    return status;
}

/* All values of one iteration at its end, when none of them can change any more. */
tw_status *tw_loop_store_keep(tw_frame *body)
{
    tw_loop_store *store = body->loop;
    const tw_plan_loop *loop = body->variant->plan->loop;
    TW_TRY(reserve(body));
    for (uint32_t i = 0; i < loop->saved_count; i++) {
        if (body->variant->wanted[i])
            TW_TRY(keep_value(body, &store->slots[i], loop->saved[i], store->count));
    }
    store->count++;
    return TW_OK;
}

/* ---- reading ---- */

/* Asked once for each reader; it remembers. */
static tw_frame *body_of_node(const tw_frame *frame, uint32_t node)
{
    for (size_t s = 0; s < frame->variant->steps.count; s++) {
        if (frame->variant->steps.items[s].node == node)
            return frame->bodies[s];
    }
    return NULL;
}

/* The frame of a loop's body that is around `frame` or beside it. */
static tw_frame *body_of_loop(tw_frame *frame, const tw_plan_loop *loop)
{
    tw_frame *around = frame;
    while (around && around->variant->plan != loop->owner)
        around = around->outer;
    if (!around)
        around = body_of_loop(frame, loop->owner->loop);
    return around ? body_of_node(around, loop->node) : NULL;
}

/* The entry that the indices mean, of the loops around `body` and itself, the outermost first. */
static tw_status *find_entry(const tw_frame *body, tw_array **indices, uint32_t count, size_t *out)
{
    const tw_loop_store *store = body->loop;
    int64_t index = *(const int32_t *)indices[count - 1]->data;
    size_t begin = store ? store->base : 0;
    if (store && count > 1) {
        TW_TRY(find_entry(body->outer, indices, count - 1, out));
        begin = *out < store->base_capacity ? store->bases[*out] : store->count;
    }
    if (!store || index < 0 || (uint64_t)index >= store->count - begin)
        return tw_status_new(TW_INTERNAL, "the loop '%s' has no iteration %lld",
                             body->variant->plan->loop->name, (long long)index);
    *out = begin + (size_t)index;
    return TW_OK;
}

tw_status *tw_frame_loop_value(tw_frame *frame, uint32_t s)
{
    const tw_step *step = &frame->variant->steps.items[s];
    const tw_plan_node *node = &frame->variant->plan->nodes.items[step->node];
    tw_compute *c = &frame->contexts[s];
    size_t entry;
    if (c->state == step->state) /* the first time: where the loop is */
        c->state = body_of_loop(frame, node->forward);
    tw_frame *body = c->state;
    if (!body)
        return tw_status_new(TW_INTERNAL, "the loop '%s' is not in the plan", node->forward->name);
    TW_TRY(find_entry(body, c->inputs, c->input_count, &entry));
    const tw_kept *slot = &((const tw_loop_store *)body->loop)->slots[node->slot];
    uint32_t value = node->forward->saved[node->slot];
    if (slot->dead[entry]) {
        frame->dead[step->outputs[0]] = frame->dead_nodes[step->node] = true;
        return TW_OK;
    }
    const tw_array *kept = is_planned(body->variant, value) ? NULL : &slot->arrays[entry];
    if (kept)
        return tw_slot_share(c->outputs[0], kept, (tw_shape){kept->dims, kept->rank});
    void *data = slot->data + entry * body->variant->values[value].bytes;
    for (const uint32_t *view = step->state; *view != TW_NO_INDEX; view++)
        frame->slots[*view].data = data;
    return TW_OK;
}
