/* SPDX-License-Identifier: Apache-2.0
 * Callables: a signature looked up once. A call finds the variant that fits (the last one mostly)
 * and runs it; nothing is allocated once it is warm and all outputs are given. */
#include <string.h>

#include "base/pool.h"
#include "base/status.h"
#include "runtime/run.h"

/* What was looked up once; all but `last` never changes. */
struct tw_callable {
    tw_session *session; /* a reference */
    tw_skeleton *skeleton;
    tw_tensor *feeds;
    size_t feed_count;
    int threads;
    tw_light_lock lock;
    tw_variant *last; /* a reference; under the lock */
};

/* Placeholders are not required: any tensor may be fed. */
static tw_status *check_feeds(const struct tw_callable_args *args)
{
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
    tw_signature signature = {args->fetch, args->target, args->feed};
    callable->feeds = tw_alloc_array(args->feed.count + 1, sizeof *callable->feeds);
    if (!callable->feeds)
        return tw_no_memory();
    if (args->feed.count)
        memcpy(callable->feeds, args->feed.items, args->feed.count * sizeof *callable->feeds);
    callable->feed_count = args->feed.count;
    callable->threads = args->threads ? args->threads : args->session->threads;
    callable->session = tw_session_ref(args->session);
    return tw_session_skeleton(args->session, &signature, &callable->skeleton);
}

/* A half made callable is freed by the same function as a whole one. */
tw_status *tw_make_callable_(const struct tw_callable_args *args)
{
    if (!args || !args->session || !args->callable)
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
        const tw_array *array = feeds[i];
        if (plan->values.items[plan->feeds[i]].wanted || sized->shape.rank != array->rank ||
            memcmp(sized->shape.dims, array->dims, array->rank * sizeof *array->dims))
            return false;
    }
    return true;
}

/* A reference is taken under the lock, since another thread may replace it at any moment. */
static tw_variant *last_variant(tw_callable *callable)
{
    tw_light_acquire(&callable->lock);
    tw_variant *variant = callable->last ? tw_variant_ref(callable->last) : NULL;
    tw_light_release(&callable->lock);
    return variant;
}

/* The old variant is let go outside of the lock: freeing it may take long. */
static void keep_last(tw_callable *callable, tw_variant *variant)
{
    tw_light_acquire(&callable->lock);
    tw_variant *old = callable->last;
    callable->last = tw_variant_ref(variant);
    tw_light_release(&callable->lock);
    if (old)
        tw_variant_unref(old);
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
            return tw_run_check_feed(callable->feeds[i], feeds ? feeds[i] : NULL);
    }
    *same = last && fits(last, feeds);
    for (size_t i = 0; !*same && i < callable->feed_count; i++)
        TW_TRY(tw_run_check_feed(callable->feeds[i], feeds[i]));
    return TW_OK;
}

/* The variant of the last call fits nearly always; looking for another one is the rare way. */
static tw_status *call(tw_callable *callable, tw_array *const *feeds, tw_array **outputs)
{
    bool same;
    tw_variant *variant = last_variant(callable);
    tw_status *status = check_call(callable, feeds, variant, &same);
    if (!status && !same) {
        if (variant)
            tw_variant_unref(variant);
        variant = NULL;
        status = tw_skeleton_variant(callable->session, callable->skeleton, feeds, &variant);
        if (!status)
            keep_last(callable, variant);
    }
    if (!status) {
        tw_run run = {.session = callable->session, .threads = callable->threads};
        if (run.threads <= 0)
            run.threads = tw_pool_threads();
        status = tw_run_variant(&run, variant, feeds, outputs);
    }
    if (variant)
        tw_variant_unref(variant);
    return status;
}

/* Safe from several threads: each call takes a frame of its own. */
tw_status *tw_call(tw_callable *callable, tw_array *const *feeds, tw_array **outputs)
{
    if (!callable)
        return tw_value_error("the callable is NULL");
    TW_TRY(tw_run_begin(callable->session));
    tw_status *status = call(callable, feeds, outputs);
    tw_run_end(callable->session);
    return status;
}

/* The session's inside may go with it, if this was the last that held it. */
void tw_callable_free(tw_callable *callable)
{
    if (!callable)
        return;
    if (callable->last)
        tw_variant_unref(callable->last);
    tw_skeleton_unref(callable->skeleton);
    tw_session_unref(callable->session);
    tw_free(callable->feeds);
    tw_free(callable);
}
