/* SPDX-License-Identifier: Apache-2.0
 * What plans and idle frames of a session hold, in bytes, and how it is kept within the session's
 * bound: plans that the graph has left behind go first, then those unused for longest, then the
 * sizes of the last plan that were used least recently. Large arenas are the session's and go from
 * plan to plan: a frame that is idle has none. What is in use is never taken away; whoever uses it
 * gives it back later, and then it counts. */
#include <string.h>

#include "base/status.h"
#include "runtime/loop.h"

/* ---- arenas ---- */

/* The smallest that is large enough; else a new one, for which the largest idle one goes, since it
 * would have been too small for this plan for ever. */
tw_status *tw_arena_take(tw_session *session, size_t bytes, tw_lent_arena *out)
{
    tw_lent_arena small = {NULL, 0};
    size_t best = TW_IDLE_ARENAS, largest = TW_IDLE_ARENAS;
    tw_mutex_lock(&session->arena_lock);
    for (size_t i = 0; i < session->arena_count; i++) {
        size_t size = session->arenas[i].bytes;
        if (size >= bytes && (best == TW_IDLE_ARENAS || size < session->arenas[best].bytes))
            best = i;
        if (largest == TW_IDLE_ARENAS || size > session->arenas[largest].bytes)
            largest = i;
    }
    size_t taken = best < TW_IDLE_ARENAS ? best : largest;
    if (taken < TW_IDLE_ARENAS) {
        small = session->arenas[taken];
        session->arenas[taken] = session->arenas[--session->arena_count];
    }
    tw_mutex_unlock(&session->arena_lock);
    *out = small;
    if (best < TW_IDLE_ARENAS)
        return TW_OK;
    tw_free_aligned(small.memory);
    *out = (tw_lent_arena){tw_alloc_aligned(bytes), bytes};
    return out->memory ? TW_OK : tw_no_memory();
}

/* Beyond a few the smallest goes. */
void tw_arena_give_back(tw_session *session, tw_lent_arena arena)
{
    tw_mutex_lock(&session->arena_lock);
    for (size_t i = 0; session->arena_count == TW_IDLE_ARENAS && i < TW_IDLE_ARENAS; i++) {
        if (session->arenas[i].bytes >= arena.bytes)
            continue;
        tw_lent_arena other = session->arenas[i];
        session->arenas[i] = arena;
        arena = other;
    }
    if (session->arena_count < TW_IDLE_ARENAS) {
        session->arenas[session->arena_count++] = arena;
        arena.memory = NULL;
    }
    tw_mutex_unlock(&session->arena_lock);
    tw_free_aligned(arena.memory);
}

static size_t idle_arenas(tw_session *session)
{
    size_t bytes = 0;
    tw_mutex_lock(&session->arena_lock);
    for (size_t i = 0; i < session->arena_count; i++)
        bytes += session->arenas[i].bytes;
    tw_mutex_unlock(&session->arena_lock);
    return bytes;
}

/* Also at the session's end. */
void tw_arenas_free(tw_session *session)
{
    tw_mutex_lock(&session->arena_lock);
    while (session->arena_count)
        tw_free_aligned(session->arenas[--session->arena_count].memory);
    tw_mutex_unlock(&session->arena_lock);
}

/* ---- what there is ---- */

static size_t storage_bytes(const tw_storage *storage)
{
    return storage ? storage->count * tw_dtype_size(storage->dtype) : 0;
}

/* Constants that the graph holds too are not the plan's. */
static size_t plan_bytes(const tw_plan *plan)
{
    size_t bytes = sizeof *plan + plan->arena.bytes + plan->nodes.capacity * sizeof(tw_plan_node) +
                   plan->values.capacity * sizeof(tw_plan_value) +
                   (plan->groups.capacity + plan->row_groups.capacity) * sizeof(tw_plan_group);
    for (size_t i = 0; i < plan->nodes.count; i++) {
        const tw_plan_node *node = &plan->nodes.items[i];
        const tw_array *constant = node->constant;
        if (constant && atomic_load_explicit(&constant->refs, memory_order_relaxed) == 1)
            bytes += sizeof *constant + storage_bytes(constant->storage);
        if (node->loop && node->kind == TW_NODE_LOOP)
            bytes += plan_bytes(node->loop->body);
    }
    return bytes;
}

size_t tw_variant_bytes(const tw_variant *v)
{
    size_t bytes = sizeof *v + v->arena.bytes + v->steps.capacity * sizeof(tw_step) +
                   v->moves.capacity * sizeof(tw_move);
    for (size_t i = 0; i < v->plan->nodes.count; i++)
        bytes += v->bodies[i] ? tw_variant_bytes(v->bodies[i]) : 0;
    return bytes;
}

static size_t store_bytes(const tw_frame *body)
{
    const tw_loop_store *store = body->loop;
    const tw_variant *v = body->variant;
    if (!store)
        return 0;
    size_t bytes = store->packed ? v->pack_total : 0;
    for (uint32_t i = 0; i < v->plan->loop->saved_count; i++) {
        const tw_kept *kept = &store->slots[i];
        if (kept->data)
            bytes += store->capacity * v->values[v->plan->loop->saved[i]].bytes;
        for (size_t k = 0; kept->arrays && k < store->capacity; k++)
            bytes += sizeof *kept->arrays + storage_bytes(kept->arrays[k].storage);
    }
    return bytes;
}

/* Worked out when a run was the first in it or made it larger. */
size_t tw_frame_bytes(const tw_frame *frame)
{
    const tw_variant *v = frame->variant;
    size_t bytes = sizeof *frame + frame->parts.bytes +
                   v->plan->values.count * (sizeof(tw_array) + sizeof(tw_variable *) + 1) +
                   v->steps.count * (sizeof(tw_compute) + 4 * sizeof(void *)) +
                   v->input_total * sizeof(tw_array *);
    if (!frame->lends)
        bytes += v->arena_bytes;
    for (size_t i = 0; i < v->plan->values.count; i++)
        bytes += v->values[i].place == TW_PLACE_HEAP ? storage_bytes(frame->slots[i].storage) : 0;
    for (size_t s = 0; s < v->steps.count; s++) {
        bytes += frame->dynamic_bytes[s];
        if (frame->bodies[s])
            bytes += tw_frame_bytes(frame->bodies[s]) + store_bytes(frame->bodies[s]);
    }
    return bytes;
}

/* Frames that runs use are not among them. The one outside of the list is taken for the look, lest
 * a run changes it meanwhile. */
static size_t idle_frames(tw_variant *v)
{
    size_t bytes = 0;
    tw_mutex_lock(&v->lock);
    for (const tw_frame *frame = v->frames; frame; frame = frame->next)
        bytes += frame->bytes;
    tw_mutex_unlock(&v->lock);
    tw_frame *last = atomic_exchange_explicit(&v->idle, NULL, memory_order_acquire);
    if (last) {
        bytes += last->bytes;
        tw_frame_push(last);
    }
    return bytes;
}

size_t tw_skeleton_bytes(const tw_skeleton *s)
{
    return sizeof *s + plan_bytes(s->plan) +
           (s->fetch_count + s->target_count + s->feed_count) * sizeof(tw_tensor);
}

/* A sum of numbers that were worked out before: this is asked for every plan. */
static void add_skeleton(tw_skeleton *s, tw_memory *memory)
{
    memory->plans += s->bytes;
    tw_mutex_lock(&s->lock);
    for (const tw_sizes *sizes = s->sizes; sizes; sizes = sizes->next) {
        memory->plans += sizeof *sizes + sizes->bytes + sizes->variant_bytes;
        memory->frames += idle_frames(sizes->variant);
    }
    tw_mutex_unlock(&s->lock);
}

static tw_memory measure_locked(tw_session *session)
{
    tw_memory memory = {0, idle_arenas(session)};
    for (size_t i = 0; i < session->all_skeletons.count; i++)
        add_skeleton(session->all_skeletons.items[i], &memory);
    return memory;
}

tw_memory tw_session_memory(tw_session *session)
{
    tw_mutex_lock(&session->lock);
    tw_memory memory = measure_locked(session);
    tw_mutex_unlock(&session->lock);
    return memory;
}

/* ---- keeping it within bounds ---- */

/* Those that the graph has left behind are as if they were never used. */
static uint64_t age_of(const tw_skeleton *s, uint64_t version)
{
    return s->graph_version == version ? atomic_load(&s->last_used) : 0;
}

/* Takes out the plan unused for longest; NULL: there is only one. */
static tw_skeleton *take_oldest(tw_session *session, uint64_t version)
{
    size_t oldest = 0, count = session->all_skeletons.count;
    tw_skeleton **items = session->all_skeletons.items;
    if (count < 2)
        return NULL;
    for (size_t i = 1; i < count; i++) {
        if (age_of(items[i], version) < age_of(items[oldest], version))
            oldest = i;
    }
    tw_skeleton *s = items[oldest];
    memmove(items + oldest, items + oldest + 1, (count - oldest - 1) * sizeof *items);
    session->all_skeletons.count--;
    tw_session_index_skeletons(session);
    return s;
}

/* Of the one plan that is left: its sizes are listed by use, the last ones go. */
static tw_sizes *take_last_sizes(tw_session *session)
{
    tw_skeleton *s = session->all_skeletons.count ? session->all_skeletons.items[0] : NULL;
    tw_sizes *taken = NULL;
    if (!s)
        return NULL;
    tw_mutex_lock(&s->lock);
    tw_sizes **at = &s->sizes;
    while (*at && (*at)->next)
        at = &(*at)->next;
    if (*at && at != &s->sizes) {
        taken = *at;
        *at = NULL;
    }
    tw_mutex_unlock(&s->lock);
    return taken;
}

/* What goes is freed without the lock: it may be much. */
static bool let_one_go(tw_session *session)
{
    uint64_t version = tw_graph_changes(session->graph);
    tw_skeleton *skeleton = NULL;
    tw_sizes *sizes = NULL;
    tw_mutex_lock(&session->lock);
    tw_memory memory = measure_locked(session);
    if (memory.plans + memory.frames > session->cache_limit) {
        skeleton = take_oldest(session, version);
        sizes = skeleton ? NULL : take_last_sizes(session);
    }
    tw_mutex_unlock(&session->lock);
    if (skeleton)
        tw_skeleton_unref(skeleton);
    if (sizes)
        tw_sizes_free(sizes);
    if (skeleton || sizes)
        atomic_fetch_add(&session->evicted, 1);
    return skeleton || sizes;
}

/* After runs that made or grew something. The plan and sizes used last stay whatever they hold. */
void tw_session_trim(tw_session *session)
{
    while (let_one_go(session))
        continue;
    tw_memory memory = tw_session_memory(session);
    if (memory.plans + memory.frames > session->cache_limit)
        tw_arenas_free(session);
}
