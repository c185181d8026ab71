/* SPDX-License-Identifier: Apache-2.0
 * Callables: a signature looked up once. A call runs in the frame that the last one left, or finds
 * the variant that fits and a frame of it; nothing is allocated once it is warm and all outputs are
 * given, or results go to a function. */
#include "thalweg/callable.h"

#include <string.h>

#include "base/pool.h"
#include "base/status.h"
#include "runtime/run.h"

enum { SMALL_CALL = 8 };
static const double LONG_NS = 20000;

/* What was looked up once; all but what the lock guards never changes. */
struct tw_callable {
    tw_session *session; /* a reference */
    tw_tensor *feeds;
    size_t feed_count;
    int threads;
    bool any_shapes;
    /* The frame of the last call, with a reference to its variant: whoever takes it out has both to
     * himself, without a lock. NULL while it is out. */
    _Atomic(tw_frame *) ready;
    tw_light_lock lock;
    tw_skeleton *skeleton; /* a reference; another one once the graph's operations were changed */
    tw_variant *last;      /* a reference, or NULL */
};

/* Placeholders are not required: any tensor may be fed. */
static tw_status *check_feeds(const struct tw_callable_args *args)
{
    TW_TRY(tw_signature_check(&(const tw_signature){.feeds = args->feed}));
    for (size_t i = 0; i < args->feed.count; i++) {
        tw_tensor tensor = args->feed.items[i];
        if (!tensor.op || tensor.index < 0 || tensor.index >= (int32_t)tensor.op->output_count)
            return tw_value_error("the tensor of feed %zu is invalid", i);
    }
    return TW_OK;
}

/* Plans at once, so that a mistake shows where the callable is made. */
static tw_status *make(const struct tw_callable_args *args, tw_callable *callable)
{
    tw_signature signature = {.fetches = args->fetch, .targets = args->target, .feeds = args->feed};
    callable->feeds = tw_alloc_array(args->feed.count + 1, sizeof *callable->feeds);
    if (!callable->feeds)
        return tw_no_memory();
    if (args->feed.count)
        memcpy(callable->feeds, args->feed.items, args->feed.count * sizeof *callable->feeds);
    callable->feed_count = args->feed.count;
    callable->threads = args->threads ? args->threads : args->session->threads;
    callable->any_shapes = args->any_shapes;
    callable->session = tw_session_ref(args->session);
    return tw_session_skeleton(args->session, &signature, &callable->skeleton);
}

/* A half made callable is freed by the same function as a whole one. */
tw_status *tw_make_callable_(const struct tw_callable_args *given)
{
    struct tw_callable_args all = {0}, *args = &all;
    if (given)
        memcpy(&all, given, given->size < sizeof all ? given->size : sizeof all);
    if (!args->session || !args->callable)
        return tw_value_error("a callable needs a session and a place to be put");
    TW_TRY(check_feeds(args));
    TW_TRY(tw_run_begin(args->session));
    tw_callable *callable = TW_NEW(tw_callable);
    tw_status *status = callable ? make(args, callable) : tw_no_memory();
    tw_run_end(args->session);
    if (status) {
        tw_callable_free(callable);
        return status;
    }
    *args->callable = callable;
    return TW_OK;
}

/* Every feed has the size that the variant was made for, and no shape rule looks at its numbers. */
static bool fits(const tw_variant *variant, tw_array *const *feeds)
{
    const tw_plan *plan = variant->plan;
    for (size_t i = 0; i < plan->feed_count; i++) {
        const tw_sized *sized = &variant->values[plan->feeds[i]];
        if (plan->values.items[plan->feeds[i]].wanted || !tw_has_shape(feeds[i], sized->shape))
            return false;
    }
    return true;
}

/* References are taken under the lock, since another thread may replace both at any moment. No
 * variant of a plan that is stale. */
static tw_variant *last_variant(tw_callable *callable)
{
    uint64_t version = tw_graph_changes(callable->session->graph);
    tw_light_acquire(&callable->lock);
    bool good = callable->last && callable->skeleton->graph_version == version;
    tw_variant *variant = good ? tw_variant_ref(callable->last) : NULL;
    tw_light_release(&callable->lock);
    return variant;
}

/* The old ones are let go outside of the lock: freeing them may take long. */
static void keep(tw_callable *callable, tw_skeleton *skeleton, tw_variant *variant)
{
    tw_light_acquire(&callable->lock);
    tw_variant *old = callable->last;
    tw_skeleton *stale = callable->skeleton;
    callable->last = variant ? tw_variant_ref(variant) : NULL;
    if (stale != skeleton) {
        atomic_fetch_add_explicit(&skeleton->refs, 1, memory_order_relaxed);
        callable->skeleton = skeleton;
    } else {
        stale = NULL;
    }
    tw_light_release(&callable->lock);
    if (old)
        tw_variant_unref(old);
    tw_skeleton_unref(stale);
}

/* Planned anew where an operation of the graph has been changed. */
static tw_status *current_skeleton(tw_callable *callable, tw_skeleton **out)
{
    tw_light_acquire(&callable->lock);
    tw_skeleton *s = callable->skeleton;
    atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    tw_light_release(&callable->lock);
    *out = s;
    if (s->graph_version == tw_graph_changes(callable->session->graph))
        return TW_OK;
    const tw_tensor *t = s->tensors;
    tw_signature signature = {.fetches = {t, s->fetch_count},
                              .targets = {t + s->fetch_count, s->target_count},
                              .feeds = {t + s->fetch_count + s->target_count, s->feed_count}};
    tw_status *status = tw_session_skeleton(callable->session, &signature, out);
    tw_skeleton_unref(s);
    return status;
}

/* dtypes always; shapes where the sizes are not those of the last call. */
static tw_status *check_call(const tw_callable *callable, tw_array *const *feeds,
                             const tw_variant *last, bool *same)
{
    *same = false;
    for (size_t i = 0; i < callable->feed_count; i++) {
        if (!feeds || !feeds[i] ||
            feeds[i]->dtype !=
                tw_dtype_base(callable->feeds[i].op->outputs[callable->feeds[i].index].dtype))
            return tw_run_check_feed(callable->feeds[i], feeds ? feeds[i] : NULL, false);
    }
    *same = last && fits(last, feeds);
    for (size_t i = 0; !*same && i < callable->feed_count; i++)
        TW_TRY(tw_run_check_feed(callable->feeds[i], feeds[i], callable->any_shapes));
    return TW_OK;
}

/* Planning may take long, whatever comes of it. */
static tw_status *find_variant(tw_callable *callable, tw_run *run, tw_array *const *feeds,
                               tw_variant **out)
{
    tw_skeleton *skeleton;
    tw_run_takes_long(run);
    TW_TRY(current_skeleton(callable, &skeleton));
    tw_status *status = tw_skeleton_variant(callable->session, skeleton, feeds, out);
    if (!status)
        keep(callable, skeleton, *out);
    tw_skeleton_unref(skeleton);
    return status;
}

/* Back to its variant, which may end with it. */
static void drop(tw_frame *frame)
{
    tw_variant *variant = frame->variant;
    tw_frame_push(frame);
    tw_variant_unref(variant);
}

/* The frame that is ready, unless its plan is stale. */
static tw_frame *take_ready(tw_callable *callable)
{
    tw_frame *frame = atomic_exchange_explicit(&callable->ready, NULL, memory_order_acquire);
    if (!frame || frame->graph_version == tw_graph_changes(callable->session->graph))
        return frame;
    drop(frame);
    return NULL;
}

/* For the next call; a second one, where several went on at once, goes back. */
static void make_ready(tw_callable *callable, tw_frame *frame)
{
    tw_frame *none = NULL;
    if (!atomic_compare_exchange_strong_explicit(&callable->ready, &none, frame,
                                                 memory_order_release, memory_order_relaxed))
        drop(frame);
}

/* A frame, with a reference to its variant, for feeds that the ready one does not fit, or where
 * that is out. */
static tw_status *find_frame(tw_callable *callable, tw_run *run, tw_array *const *feeds,
                             tw_frame **out)
{
    bool same;
    uint64_t version = tw_graph_changes(callable->session->graph);
    tw_variant *variant = last_variant(callable);
    tw_status *status = check_call(callable, feeds, variant, &same);
    if (!status && !same) {
        if (variant)
            tw_variant_unref(variant);
        variant = NULL;
        status = find_variant(callable, run, feeds, &variant);
    }
    if (!status)
        status = tw_frame_take(callable->session, variant, run, out);
    if (status && variant)
        tw_variant_unref(variant);
    if (!status)
        (*out)->graph_version = version;
    return status;
}

/* The frame of the last call fits nearly always; looking for another one is the rare way. */
static tw_status *frame_for(tw_callable *callable, tw_run *run, tw_array *const *feeds,
                            tw_frame **out)
{
    bool same = false;
    tw_frame *frame = take_ready(callable);
    if (!frame)
        return find_frame(callable, run, feeds, out);
    tw_status *status = check_call(callable, feeds, frame->variant, &same);
    if (!status && same) {
        status = tw_frame_begin(frame, run);
        *out = frame;
        if (!status)
            return TW_OK;
        tw_frame_end(frame);
    }
    drop(frame);
    return status ? status : find_frame(callable, run, feeds, out);
}

static tw_status *call(tw_callable *callable, tw_run *run, tw_array *const *feeds,
                       tw_array **outputs)
{
    tw_frame *frame;
    TW_TRY(frame_for(callable, run, feeds, &frame));
    run->threads = callable->threads > 0 ? callable->threads : tw_pool_threads();
    if (frame->variant->cost > LONG_NS)
        tw_run_takes_long(run);
    tw_status *status = tw_run_in_frame(run, frame, feeds, outputs);
    tw_frame_end(frame);
    make_ready(callable, frame);
    tw_run_trim(run);
    return status;
}

/* Safe from several threads: each call takes a frame of its own. */
tw_status *tw_call(tw_callable *callable, tw_array *const *feeds, tw_array **outputs)
{
    if (!callable)
        return tw_value_error("the callable is NULL");
    TW_TRY(tw_run_begin(callable->session));
    tw_run run;
    tw_run_init(&run, callable->session);
    tw_status *status = call(callable, &run, feeds, outputs);
    tw_run_end(callable->session);
    return status;
}

/* ---- by views ---- */

/* Arrays without storage: what outlives the run is copied. */
static tw_status *arrays_over(const tw_callable *callable, const tw_view *views, tw_array *arrays,
                              tw_array **pointers)
{
    for (size_t i = 0; i < callable->feed_count; i++) {
        size_t count;
        tw_array *array = &arrays[i];
        if (!views)
            return tw_value_error("the call needs %zu feeds, none are given", callable->feed_count);
        TW_TRY(tw_shape_check(views[i].dtype, views[i].shape, &count));
        if (!views[i].data && count)
            return tw_value_error("the memory of feed %zu is NULL", i);
        atomic_init(&array->refs, 1);
        array->dtype = views[i].dtype;
        array->rank = views[i].shape.rank;
        array->count = count;
        array->data = (void *)(uintptr_t)views[i].data;
        array->storage = NULL;
        for (size_t k = 0; k < array->rank; k++)
            array->dims[k] = views[i].shape.dims[k];
        pointers[i] = array;
    }
    return TW_OK;
}

/* Options of an older caller lack members, which are zero then. */
static tw_status *call_arrays(tw_callable *callable, tw_array *const *feeds,
                              const struct tw_call_options *given)
{
    struct tw_call_options options = {0};
    if (given)
        memcpy(&options, given, given->size < sizeof options ? given->size : sizeof options);
    tw_run run = {.session = callable->session,
                  .options = &options,
                  .cancel = options.cancel,
                  .trace = options.trace};
    if (options.timeout_ms > 0)
        run.deadline = tw_os_now() + options.timeout_ms * 1000000;
    return call(callable, &run, feeds, NULL);
}

/* A handful of feeds needs no allocation. */
static tw_status *call_views(tw_callable *callable, const tw_view *feeds,
                             const struct tw_call_options *options)
{
    tw_array small[SMALL_CALL], *arrays = small, *small_pointers[SMALL_CALL];
    tw_array **pointers = small_pointers;
    if (callable->feed_count > SMALL_CALL) {
        arrays = tw_alloc_array(callable->feed_count, sizeof *arrays);
        pointers = tw_alloc_array(callable->feed_count, sizeof *pointers);
    }
    tw_status *status = arrays && pointers ? arrays_over(callable, feeds, arrays, pointers)
                                           : tw_no_memory();
    if (!status)
        status = call_arrays(callable, pointers, options);
    if (arrays != small) {
        tw_free(arrays);
        tw_free(pointers);
    }
    return status;
}

/* The same as a call with arrays in everything that can go wrong. */
tw_status *tw_call_views(tw_callable *callable, const tw_view *feeds,
                         const struct tw_call_options *options)
{
    if (!callable)
        return tw_value_error("the callable is NULL");
    TW_TRY(tw_run_begin(callable->session));
    tw_status *status = call_views(callable, feeds, options);
    tw_run_end(callable->session);
    return status;
}

/* Of the variant that was used last: the sizes of the next call are not known yet. */
double tw_callable_estimate(tw_callable *callable)
{
    tw_variant *variant = callable ? last_variant(callable) : NULL;
    if (!variant)
        return -1;
    double cost = variant->cost / 1000;
    tw_variant_unref(variant);
    return cost;
}

/* The session's inside may go with it, if this was the last that held it. */
void tw_callable_free(tw_callable *callable)
{
    if (!callable)
        return;
    tw_frame *frame = atomic_load_explicit(&callable->ready, memory_order_acquire);
    if (frame)
        drop(frame);
    if (callable->last)
        tw_variant_unref(callable->last);
    tw_skeleton_unref(callable->skeleton);
    tw_session_unref(callable->session);
    tw_free(callable->feeds);
    tw_free(callable);
}
