/* SPDX-License-Identifier: Apache-2.0
 * tw_run: look the plan up, the variant for the sizes, a frame, walk the steps, give the
 * results. */
#include "runtime/run.h"

#include <string.h>

#include "base/pool.h"
#include "base/status.h"

/* Between two looks at the clock, in operations and a price for each step; and between two
 * polls. */
enum { WORK_UNITS = 1 << 20, STEP_UNITS = 512, POLL_NS = 20000000 };

/* The innermost run of this thread. */
static _Thread_local tw_run *running;

/* A kernel or hook of a caller's may run, or close, the session that it is called from. */
int tw_run_depth(const tw_session *session)
{
    int depth = 0;
    for (const tw_run *run = running; run; run = run->outer)
        depth += run->session == session;
    return depth;
}

void tw_run_takes_long(tw_run *run)
{
    if (!run->options || run->is_long)
        return;
    run->is_long = true;
    if (run->options->long_run)
        run->options->long_run(run->options->user);
    run->polls = run->options->poll != NULL;
    run->next_poll = tw_os_now() + POLL_NS;
}

/* The caller's function runs in the caller's floating-point mode. */
static tw_status *poll_caller(tw_run *run, int64_t now)
{
    run->next_poll = now + POLL_NS;
    uint64_t mode = tw_os_float_enter();
    tw_os_float_restore(run->float_mode);
    tw_status *status = run->options->poll(run->options->user);
    tw_os_float_restore(mode);
    return status;
}

tw_status *tw_run_look(tw_run *run)
{
    int64_t now = tw_os_now();
    run->work = 0;
    TW_TRY(tw_run_check(run));
    return run->polls && now >= run->next_poll ? poll_caller(run, now) : TW_OK;
}

tw_status *tw_run_worked(tw_run *run, uint32_t steps, uint64_t flops)
{
    run->work += (uint64_t)steps * STEP_UNITS + flops;
    return run->work > WORK_UNITS ? tw_run_look(run) : TW_OK;
}

/* Closing a session ends its runs at the next step, and so does the time that a run was given. */
tw_status *tw_run_check(const tw_run *run)
{
    if (run->deadline && tw_os_now() > run->deadline)
        return tw_status_new(TW_DEADLINE_EXCEEDED, "Timed out: the run took longer than it may");
    if (run->cancel && atomic_load_explicit(&run->cancel->cancelled, memory_order_relaxed))
        return tw_status_new(TW_CANCELLED, "the run was cancelled");
    if (atomic_load_explicit(&run->session->closed, memory_order_relaxed))
        return tw_status_new(TW_CANCELLED, "the session was closed during the run");
    return TW_OK;
}

/* ---- steps ---- */

/* Most runs are not, and skip all questions between steps. */
bool tw_run_is_watched(const tw_run *run)
{
    return run->cancel || run->trace || run->polls || run->deadline;
}

/* Asks before each step whether to go on, and times it where a trace wants that. */
static tw_status *run_watched(tw_frame *frame, uint32_t first, uint32_t last)
{
    tw_run *run = frame->run;
    for (uint32_t s = first; s < last; s++) {
        const tw_step *step = &frame->variant->steps.items[s];
        TW_TRY(tw_run_check(run));
        TW_TRY(tw_run_worked(run, 1, (uint64_t)step->flops));
        int64_t start = run->trace ? tw_os_now() : 0;
        frame->contexts[s].threads = run->threads;
        tw_status *status = step->flags ? tw_frame_step(frame, s)
                                        : step->compute(&frame->contexts[s]);
        if (run->trace)
            tw_trace_step(run->trace, frame, s, start, tw_os_now());
        if (status)
            return tw_frame_explain(frame, s, status);
    }
    return TW_OK;
}

/* The inner loop of the engine: a load, a test and an indirect call for each step. */
tw_status *tw_frame_run_range(tw_frame *frame, uint32_t first, uint32_t last)
{
    if (tw_run_is_watched(frame->run))
        return run_watched(frame, first, last);
    int threads = frame->run->threads;
    const _Atomic bool *closed = &frame->session->closed;
    const tw_step *steps = frame->variant->steps.items;
    for (uint32_t s = first; s < last; s++) {
        tw_compute *c = &frame->contexts[s];
        c->threads = threads;
        tw_status *status = steps[s].flags ? tw_frame_step(frame, s) : steps[s].compute(c);
        if (status)
            return tw_frame_explain(frame, s, status);
        if (atomic_load_explicit(closed, memory_order_relaxed))
            return tw_run_check(frame->run);
    }
    return TW_OK;
}

/* Plans with steps that may wait need counts of dependencies; all others walk a list. */
tw_status *tw_frame_run(tw_frame *frame)
{
    if (frame->variant->plan->has_waits)
        return tw_frame_run_waiting(frame);
    return tw_frame_run_range(frame, 0, (uint32_t)frame->variant->steps.count);
}

/* Of a fused step the operation is its last one. */
tw_status *tw_frame_explain(tw_frame *frame, uint32_t s, tw_status *status)
{
    if (tw_status_is_wait(status)) /* a mark, not a status: it has no members */
        return status;
    tw_code code = tw_status_code(status);
    if (tw_status_operation(status) || code == TW_CANCELLED || code == TW_DEADLINE_EXCEEDED)
        return status;
    const tw_step *step = &frame->variant->steps.items[s];
    const tw_plan_node *node = &frame->variant->plan->nodes.items[step->node];
    tw_spec spec = node->spec;
    spec.name = node->origin->spec.name;
    spec.type = node->origin->spec.type;
    spec.where = node->origin->spec.where;
    tw_compute c = frame->contexts[s];
    c.spec = &spec;
    return tw_compute_explain(&c, tw_status_with_phase(status, TW_PHASE_RUN));
}

/* ---- a run ---- */

/* The count goes up before the look at `closed`, so that a close never misses a run. */
tw_status *tw_run_begin(tw_session *session)
{
    atomic_fetch_add(&session->running, 1);
    if (!atomic_load(&session->closed))
        return TW_OK;
    tw_run_end(session);
    return tw_status_with_kind(
        tw_status_new(TW_FAILED_PRECONDITION, "Attempted to use a closed Session."), TW_KIND_STATE);
}

/* Wakes a close that waits for the last run. */
void tw_run_end(tw_session *session)
{
    if (atomic_fetch_sub(&session->running, 1) != 1 || !atomic_load(&session->closed))
        return;
    tw_mutex_lock(&session->lock);
    tw_cond_broadcast(&session->idle);
    tw_mutex_unlock(&session->lock);
}

/* The text names the placeholder's own line: that is where the shape was promised. */
tw_status *tw_run_check_feed(tw_tensor tensor, const tw_array *array, bool any_shape)
{
    if (!array)
        return tw_value_error("the array fed for %s is NULL", tw_tensor_name(tensor).s);
    tw_shape declared = tw_tensor_shape(tensor), fed = {array->dims, array->rank};
    tw_dtype dtype = tw_dtype_base(tw_tensor_dtype(tensor));
    tw_status *status = TW_OK;
    if (array->dtype != dtype)
        status = tw_type_error("fed %s where the tensor '%s' is %s", tw_dtype_name(array->dtype),
                               tw_tensor_name(tensor).s, tw_dtype_name(dtype));
    else if (!any_shape && !tw_shape_compatible(declared, fed))
        status = tw_value_error(
            "Cannot feed value of shape %s for Tensor '%s', which has shape '%s'",
            tw_shape_text(fed).s, tw_tensor_name(tensor).s, tw_shape_text(declared).s);
    if (!status)
        return TW_OK;
    status = tw_status_with_operation(tw_status_with_phase(status, TW_PHASE_RUN),
                                      tensor.op->spec.type, tensor.op->spec.name);
    return tw_status_with_where(status, tensor.op->spec.where);
}

/* To the caller's function, in order. */
static tw_status *show_all(tw_frame *frame)
{
    for (size_t i = 0; i < frame->variant->plan->fetch_count; i++)
        TW_TRY(tw_frame_show(frame, i));
    return TW_OK;
}

/* Either all results are given or none: where one fails, what was made before it goes, and outputs
 * are as they were. */
static tw_status *fetch_all(tw_frame *frame, tw_array **outputs)
{
    enum { FEW = 64 };
    size_t count = frame->variant->plan->fetch_count, i;
    bool small[FEW], *given = count > FEW ? tw_alloc_array(count, sizeof *given) : small;
    tw_status *status = given ? TW_OK : tw_no_memory();
    for (i = 0; !status && i < count; i++) {
        given[i] = outputs && outputs[i];
        status = tw_frame_fetch(frame, i, outputs ? &outputs[i] : NULL);
    }
    while (status && outputs && i-- > 0) {
        if (!given[i]) {
            tw_array_unref(outputs[i]);
            outputs[i] = NULL;
        }
    }
    if (given != small)
        tw_free(given);
    return status;
}

/* The caller's floating-point mode is restored however the run ends. */
static tw_status *run_frame(tw_frame *frame, tw_array *const *feeds, tw_array **outputs)
{
    const tw_plan *plan = frame->variant->plan;
    bool takes = !outputs && frame->run->options && frame->run->options->take;
    bool direct = frame->variant->direct_count && (outputs || takes);
    tw_status *status = direct ? tw_frame_aim(frame, feeds, outputs) : TW_OK;
    for (size_t i = 0; i < plan->feed_count; i++)
        tw_frame_feed(frame, i, feeds[i]);
    if (frame->variant->steps.count && !status) { /* else all was folded */
        frame->run->float_mode = tw_os_float_enter();
        status = tw_frame_run(frame);
        tw_os_float_restore(frame->run->float_mode);
    }
    if (direct && outputs && !status)
        tw_frame_hand(frame, outputs);
    if (!status)
        status = !outputs && frame->run->options ? show_all(frame) : fetch_all(frame, outputs);
    if (direct)
        tw_frame_aim_back(frame, outputs, status != TW_OK);
    tw_frame_drop_heap(frame);
    return status;
}

/* What lives for one run goes before the frame is used by another. */
tw_status *tw_run_in_frame(tw_run *run, tw_frame *frame, tw_array *const *feeds, tw_array **outputs)
{
    run->outer = running;
    running = run;
    tw_status *status = run_frame(frame, feeds, outputs);
    running = run->outer;
    if (run->resources.entries) /* also after a failed first addition */
        tw_resources_clear(&run->resources);
    tw_frame_count(frame, frame->variant->steps.count);
    if (run->grew)
        frame->bytes = tw_frame_bytes(frame);
    return status;
}

/* Rare: where nothing was made nothing can be too much. */
void tw_run_trim(const tw_run *run)
{
    if (run->grew || (atomic_load_explicit(&run->session->grown, memory_order_relaxed) &&
                      atomic_exchange(&run->session->grown, false)))
        tw_session_trim(run->session);
}

static tw_status *run_variant(tw_run *run, tw_variant *variant, tw_array *const *feeds,
                              tw_array **outputs)
{
    tw_frame *frame;
    TW_TRY(tw_frame_take(run->session, variant, run, &frame));
    tw_status *status = tw_run_in_frame(run, frame, feeds, outputs);
    tw_frame_put(frame);
    tw_run_trim(run);
    return status;
}

/* The variant is held for the time of the run: the cache may drop it meanwhile. */
tw_status *tw_run_skeleton(tw_run *run, tw_skeleton *skeleton, tw_array *const *feeds,
                           tw_array **outputs)
{
    tw_variant *variant;
    TW_TRY(tw_skeleton_variant(run->session, skeleton, feeds, &variant));
    tw_status *status = run_variant(run, variant, feeds, outputs);
    tw_variant_unref(variant);
    return status;
}

/* ---- tw_run ---- */

enum { SMALL_FEEDS = 16 };

/* Before anything is planned: a wrong feed should not cost a plan. */
static tw_status *check_args(const struct tw_run_args *args)
{
    if (!args->session)
        return tw_value_error("the session is NULL");
    if (args->feed.count && !args->feed.items)
        return tw_value_error("the list of %zu feeds is NULL", args->feed.count);
    for (size_t i = 0; i < args->feed.count; i++) {
        tw_tensor tensor = args->feed.items[i].tensor;
        if (!tensor.op)
            return tw_value_error("the tensor of feed %zu is invalid", i);
        if (tensor.op->graph != args->session->graph)
            return tw_value_error("the fed tensor %s belongs to another graph than the session's",
                                  tw_tensor_name(tensor).s);
        if (tensor.index < 0 || tensor.index >= (int32_t)tensor.op->output_count)
            return tw_value_error("the operation '%s' has no output %d to feed",
                                  tensor.op->spec.name, tensor.index);
        TW_TRY(tw_run_check_feed(tensor, args->feed.items[i].array, false));
    }
    return TW_OK;
}

/* Results are gathered apart and handed over at the end, so that a failed run leaves the
 * caller's places untouched. */
static tw_status *run_checked(const struct tw_run_args *args, tw_tensor *tensors, tw_array **arrays)
{
    for (size_t i = 0; i < args->feed.count; i++) {
        tensors[i] = args->feed.items[i].tensor;
        arrays[i] = args->feed.items[i].array;
    }
    tw_run run = {.session = args->session,
                  .threads = args->threads ? args->threads : args->session->threads,
                  .cancel = args->cancel,
                  .trace = args->trace};
    if (run.threads <= 0)
        run.threads = tw_pool_threads();
    if (args->timeout_ms > 0)
        run.deadline = tw_os_now() + args->timeout_ms * 1000000;
    tw_signature signature = {
        .fetches = args->fetch, .targets = args->target, .feeds = {tensors, args->feed.count}};
    tw_skeleton *skeleton;
    TW_TRY(tw_session_skeleton(args->session, &signature, &skeleton));
    size_t fetches = args->out ? args->fetch.count : 0;
    tw_array *small[SMALL_FEEDS] = {NULL}, **out = small;
    if (fetches > SMALL_FEEDS)
        out = tw_alloc_zero(fetches, sizeof *out);
    tw_status *status = out ? tw_run_skeleton(&run, skeleton, arrays, args->out ? out : NULL)
                            : tw_no_memory();
    for (size_t i = 0; out && i < fetches; i++) {
        if (status)
            tw_array_unref(out[i]);
        else
            args->out[i] = out[i];
    }
    if (out != small)
        tw_free(out);
    tw_skeleton_unref(skeleton);
    return status;
}

/* Unknown members of a newer caller's struct are ignored, missing ones of an older one are zero. */
tw_status *tw_run_(const struct tw_run_args *args)
{
    tw_tensor small_tensors[SMALL_FEEDS], *tensors = small_tensors;
    tw_array *small_arrays[SMALL_FEEDS], **arrays = small_arrays;
    struct tw_run_args full = {0};
    if (!args)
        return tw_value_error("the arguments of the run are NULL");
    memcpy(&full, args, args->size < sizeof full ? args->size : sizeof full);
    TW_TRY(check_args(&full));
    tw_session *session = tw_session_ref(full.session);
    tw_status *status = tw_run_begin(session);
    if (!status && full.feed.count > SMALL_FEEDS) {
        tensors = tw_alloc_array(full.feed.count, sizeof *tensors);
        arrays = tw_alloc_array(full.feed.count, sizeof *arrays);
        status = tensors && arrays ? TW_OK : tw_no_memory();
        if (status)
            tw_run_end(session);
    }
    if (!status) {
        status = run_checked(&full, tensors, arrays);
        tw_run_end(session);
    }
    if (tensors != small_tensors)
        tw_free(tensors);
    if (arrays != small_arrays)
        tw_free(arrays);
    tw_session_unref(session);
    return status;
}
