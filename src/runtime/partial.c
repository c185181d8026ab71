/* SPDX-License-Identifier: Apache-2.0
 * A run in parts. Each part is a run of its own over the operations that have not run yet: values
 * of earlier parts are fed to it, operations that ran earlier count as done, and what later parts
 * will need of this one is fetched besides. */
#include <string.h>

#include "base/pool.h"
#include "base/status.h"
#include "base/vec.h"
#include "runtime/run.h"

/* A number that is there: fed, or computed by an earlier part. */
typedef struct known {
    tw_tensor tensor;
    tw_array *array;
} known;

typedef TW_VEC(tw_tensor) tensor_list;

struct tw_partial {
    tw_session *session; /* a reference */
    tensor_list fetches, targets, feeds;
    bool *fed, *fetched; /* by index of these lists */
    size_t operations;   /* of the graph when it was made: nothing newer can matter */
    bool *needed, *done; /* by operation id */
    TW_VEC(known) values;
    bool over; /* a part failed */
};

/* One part, on its way. */
typedef struct part {
    tw_partial *partial;
    const struct tw_partial_args *args;
    bool *now;            /* by operation id: runs in this part */
    tw_operation **stack; /* each operation once */
    size_t depth;
    tensor_list fetch, target, feed;
    TW_VEC(tw_array *) arrays; /* of feed; borrowed */
} part;

/* ---- making one ---- */

/* Its place in a list, or the list's length. Lists of a partial run are written by hand and
 * short, so that a search beats an index. */
static size_t find(const tensor_list *list, tw_tensor tensor)
{
    size_t i = 0;
    while (i < list->count && !tw_same(list->items[i], tensor))
        i++;
    return i;
}

/* The first mistake names the tensor; what was added before it goes with the handle. */
static tw_status *add_all(tw_partial *p, tensor_list *list, tw_tensors tensors, int32_t least)
{
    for (size_t i = 0; i < tensors.count; i++) {
        tw_tensor t = tensors.items[i];
        if (!t.op || t.op->graph != p->session->graph)
            return tw_value_error("tensor %zu of the parts is not of the session's graph", i);
        if (t.index < least || t.index >= (int32_t)t.op->output_count)
            return tw_value_error("the operation '%s' has no output %d", t.op->spec.name, t.index);
        if (!tw_vec_push(list, t))
            return tw_no_memory();
    }
    return TW_OK;
}

/* Each operation goes onto the stack once, so that it needs no more room than the graph has
 * operations. */
static void push(tw_operation **stack, size_t *depth, bool *seen, tw_operation *op)
{
    if (!seen[op->id]) {
        seen[op->id] = true;
        stack[(*depth)++] = op;
    }
}

/* All that any part can run: back from everything that will be asked for to what will be fed. */
static tw_status *find_needed(tw_partial *p, tw_operation **stack)
{
    size_t depth = 0;
    const tensor_list *lists[2] = {&p->fetches, &p->targets};
    for (int k = 0; k < 2; k++) {
        for (size_t i = 0; i < lists[k]->count; i++)
            if (find(&p->feeds, lists[k]->items[i]) == p->feeds.count)
                push(stack, &depth, p->needed, lists[k]->items[i].op);
    }
    while (depth) {
        tw_operation *op = stack[--depth];
        for (uint32_t i = 0; i < op->input_count; i++) {
            if (find(&p->feeds, op->inputs[i]) == p->feeds.count)
                push(stack, &depth, p->needed, op->inputs[i].op);
        }
        for (uint32_t i = 0; i < op->control_count; i++)
            push(stack, &depth, p->needed, op->controls[i]);
    }
    return TW_OK;
}

/* Whatever was made is freed with the handle, also where this fails in the middle. The graph is
 * read under its lock: other threads may be adding to it. */
static tw_status *set_up(tw_partial *p, tw_tensors fetch, tw_tensors target, tw_tensors feed)
{
    TW_TRY(add_all(p, &p->fetches, fetch, -1));
    TW_TRY(add_all(p, &p->targets, target, -1));
    TW_TRY(add_all(p, &p->feeds, feed, 0));
    if (!fetch.count && !target.count)
        return tw_value_error("specify at least one target to fetch or execute");
    p->fed = tw_alloc_zero(feed.count + 1, sizeof *p->fed);
    p->fetched = tw_alloc_zero(fetch.count + 1, sizeof *p->fetched);
    tw_graph_lock(p->session->graph);
    p->operations = p->session->graph->operations.count;
    p->needed = tw_alloc_zero(p->operations + 1, sizeof *p->needed);
    p->done = tw_alloc_zero(p->operations + 1, sizeof *p->done);
    tw_operation **stack = tw_alloc_array(p->operations + 1, sizeof *stack);
    tw_status *status = p->fed && p->fetched && p->needed && p->done && stack
                            ? find_needed(p, stack)
                            : tw_no_memory();
    tw_graph_unlock(p->session->graph);
    tw_free(stack);
    return status;
}

/* The session's inside lives as long as the handle, even if the session is freed in between. */
tw_status *tw_partial_new(tw_session *session, tw_tensors fetch, tw_tensors target, tw_tensors feed,
                          tw_partial **out)
{
    if (!session || !out)
        return tw_value_error("a run in parts needs a session and a place to be put");
    const tw_signature signature = {.fetches = fetch, .targets = target, .feeds = feed};
    TW_TRY(tw_signature_check(&signature));
    tw_partial *partial = TW_NEW(tw_partial);
    if (!partial)
        return tw_no_memory();
    partial->session = tw_session_ref(session);
    tw_status *status = set_up(partial, fetch, target, feed);
    if (status) {
        tw_partial_free(partial);
        return status;
    }
    *out = partial;
    return TW_OK;
}

/* Also of one that was only half made. */
void tw_partial_free(tw_partial *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->values.count; i++)
        tw_array_unref(p->values.items[i].array);
    tw_vec_clear(&p->values);
    tw_vec_clear(&p->fetches);
    tw_vec_clear(&p->targets);
    tw_vec_clear(&p->feeds);
    tw_free(p->fed);
    tw_free(p->fetched);
    tw_free(p->needed);
    tw_free(p->done);
    tw_session_unref(p->session);
    tw_free(p);
}

/* ---- what a part is given ---- */

/* NULL: neither fed nor computed so far. */
static tw_array *value_of(const tw_partial *p, tw_tensor tensor)
{
    for (size_t i = 0; i < p->values.count; i++) {
        if (tw_same(p->values.items[i].tensor, tensor))
            return p->values.items[i].array;
    }
    return NULL;
}

/* A copy: the caller has the array back after this part. */
static tw_status *keep_value(tw_partial *p, tw_tensor tensor, const tw_array *array)
{
    known value = {tensor, tw_array_copy(array)};
    if (value.array && tw_vec_push(&p->values, value))
        return TW_OK;
    tw_array_unref(value.array);
    return tw_no_memory();
}

/* Everything about a feed is checked before it is kept: a value that was refused was not fed. */
static tw_status *take_feeds(tw_partial *p, tw_feeds feeds)
{
    for (size_t i = 0; i < feeds.count; i++) {
        size_t at = find(&p->feeds, feeds.items[i].tensor);
        if (at == p->feeds.count)
            return tw_value_error("the feed %s was not named when the parts were set up",
                                  tw_tensor_name(feeds.items[i].tensor).s);
        if (p->fed[at])
            return tw_value_error("the tensor %s has been fed before",
                                  tw_tensor_name(p->feeds.items[at]).s);
        TW_TRY(tw_run_check_feed(p->feeds.items[at], feeds.items[i].array, false));
        TW_TRY(keep_value(p, p->feeds.items[at], feeds.items[i].array));
        p->fed[at] = true;
    }
    return TW_OK;
}

/* Marked at once, since a part that fails ends the whole run anyway. */
static tw_status *check_fetches(tw_partial *p, tw_tensors fetch, tw_tensors target)
{
    for (size_t i = 0; i < fetch.count; i++) {
        size_t at = find(&p->fetches, fetch.items[i]);
        if (at == p->fetches.count)
            return tw_value_error("the fetch %s was not named when the parts were set up",
                                  tw_tensor_name(fetch.items[i]).s);
        if (p->fetched[at])
            return tw_value_error("the tensor %s has been fetched before",
                                  tw_tensor_name(fetch.items[i]).s);
        p->fetched[at] = true;
    }
    for (size_t i = 0; i < target.count; i++) {
        if (find(&p->targets, target.items[i]) == p->targets.count)
            return tw_value_error("the target %s was not named when the parts were set up",
                                  tw_tensor_name(target.items[i]).s);
    }
    return TW_OK;
}

/* ---- what a part runs ---- */

/* A variable's own operation gives no number that could be fed: it is there in every part. */
static bool is_source_of_reference(tw_tensor t)
{
    return t.op->input_count == 0 && tw_dtype_is_ref(t.op->outputs[t.index].dtype);
}

/* What is known is read, what has run is over; a missing feed is the caller's mistake, and says
 * which. */
static tw_status *reach(part *r, tw_tensor t)
{
    tw_partial *p = r->partial;
    if (t.index >= 0 && value_of(p, t))
        return TW_OK;
    if (t.index >= 0 && find(&p->feeds, t) < p->feeds.count)
        return tw_value_error("%s has not been fed yet, and what is asked for needs it",
                              tw_tensor_name(t).s);
    if (t.index >= 0 || !p->done[t.op->id])
        push(r->stack, &r->depth, r->now, t.op);
    return TW_OK;
}

/* As the plan walks back from its fetches, but no further than to what earlier parts left. */
static tw_status *find_operations(part *r)
{
    for (size_t i = 0; i < r->args->fetch.count; i++)
        TW_TRY(reach(r, r->args->fetch.items[i]));
    for (size_t i = 0; i < r->args->target.count; i++)
        TW_TRY(reach(r, (tw_tensor){r->args->target.items[i].op, -1}));
    while (r->depth) {
        tw_operation *op = r->stack[--r->depth];
        for (uint32_t i = 0; i < op->input_count; i++)
            TW_TRY(reach(r, op->inputs[i]));
        for (uint32_t i = 0; i < op->control_count; i++)
            TW_TRY(reach(r, (tw_tensor){op->controls[i], -1}));
    }
    return TW_OK;
}

/* A tensor that two later operations read is computed once. */
static tw_status *add_once(tensor_list *list, tw_tensor tensor)
{
    if (find(list, tensor) < list->count || tw_vec_push(list, tensor))
        return TW_OK;
    return tw_no_memory();
}

/* What this part computes and a later one reads. */
static tw_status *add_kept(part *r, tw_tensor t)
{
    if (t.index < 0 || !r->now[t.op->id] || value_of(r->partial, t) || is_source_of_reference(t))
        return TW_OK;
    return add_once(&r->fetch, t);
}

/* Only what this part reads: feeding more would make plans differ without need. */
static tw_status *add_feed(part *r, tw_tensor t)
{
    tw_array *array = value_of(r->partial, t);
    if (!array || find(&r->feed, t) < r->feed.count)
        return TW_OK;
    return tw_vec_push(&r->feed, t) && tw_vec_push(&r->arrays, array) ? TW_OK : tw_no_memory();
}

/* Fetches that are asked for come first; those that are known already are not run. */
static tw_status *find_signature(part *r)
{
    tw_partial *p = r->partial;
    tw_graph *graph = p->session->graph;
    for (size_t i = 0; i < r->args->fetch.count; i++) {
        tw_tensor t = r->args->fetch.items[i];
        if (t.index < 0 ? !p->done[t.op->id] : !value_of(p, t))
            TW_TRY(add_once(t.index < 0 ? &r->target : &r->fetch, t));
    }
    for (size_t i = 0; i < r->args->target.count; i++) {
        if (!p->done[r->args->target.items[i].op->id])
            TW_TRY(add_once(&r->target, (tw_tensor){r->args->target.items[i].op, -1}));
    }
    for (size_t i = 0; i < p->fetches.count; i++) {
        if (!p->fetched[i])
            TW_TRY(add_kept(r, p->fetches.items[i]));
    }
    for (size_t id = 0; id < p->operations; id++) {
        const tw_operation *op = graph->operations.items[id];
        bool later = p->needed[id] && !p->done[id] && !r->now[id];
        for (uint32_t i = 0; (later || r->now[id]) && i < op->input_count; i++)
            TW_TRY(later ? add_kept(r, op->inputs[i]) : add_feed(r, op->inputs[i]));
    }
    return TW_OK;
}

/* ---- running it ---- */

/* Everything that was computed for later is kept; what was asked for is given. */
static tw_status *take_results(part *r, tw_array **results)
{
    tw_partial *p = r->partial;
    for (size_t i = 0; i < r->fetch.count; i++)
        TW_TRY(keep_value(p, r->fetch.items[i], results[i]));
    for (size_t id = 0; id < p->operations; id++)
        p->done[id] = p->done[id] || r->now[id];
    return TW_OK;
}

/* Copies, because the caller may write to what it gets while later parts still read the value. */
static tw_status *give_results(part *r)
{
    tw_tensors fetch = r->args->fetch;
    for (size_t i = 0; i < fetch.count && r->args->out; i++) {
        tw_array *value = fetch.items[i].index < 0 ? NULL : value_of(r->partial, fetch.items[i]);
        r->args->out[i] = value ? tw_array_copy(value) : NULL;
        if (!value || r->args->out[i])
            continue;
        while (i-- > 0) {
            tw_array_unref(r->args->out[i]);
            r->args->out[i] = NULL;
        }
        return tw_no_memory();
    }
    return TW_OK;
}

/* The plan is used once, so that the session's cache need not know it; nor could it, for which
 * operations are done is no part of its key. */
static tw_status *run_signature(part *r, tw_array **results)
{
    tw_partial *p = r->partial;
    tw_signature signature = {.fetches = {r->fetch.items, r->fetch.count},
                              .targets = {r->target.items, r->target.count},
                              .feeds = {r->feed.items, r->feed.count},
                              .done = p->done,
                              .done_count = p->operations};
    struct tw_call_options options = {0};
    const struct tw_call_options *given = r->args->options;
    if (given)
        memcpy(&options, given, given->size < sizeof options ? given->size : sizeof options);
    tw_run run = {.session = p->session,
                  .threads = p->session->threads > 0 ? p->session->threads : tw_pool_threads(),
                  .options = &options,
                  .cancel = options.cancel,
                  .trace = options.trace};
    if (options.timeout_ms > 0)
        run.deadline = tw_os_now() + options.timeout_ms * 1000000;
    tw_run_takes_long(&run);
    tw_skeleton *skeleton;
    TW_TRY(tw_skeleton_new(p->session, &signature, &skeleton));
    tw_status *status = tw_run_skeleton(&run, skeleton, r->arrays.items, results);
    tw_skeleton_unref(skeleton);
    return status;
}

/* Nothing is run where everything that is asked for is known already. */
static tw_status *run_part(part *r)
{
    tw_partial *p = r->partial;
    if (p->over)
        return tw_status_new(TW_FAILED_PRECONDITION, "an earlier part of this run has failed");
    TW_TRY(check_fetches(p, r->args->fetch, r->args->target));
    TW_TRY(take_feeds(p, r->args->feed));
    r->now = tw_alloc_zero(p->operations + 1, sizeof *r->now);
    r->stack = tw_alloc_array(p->operations + 1, sizeof *r->stack);
    if (!r->now || !r->stack)
        return tw_no_memory();
    tw_graph_lock(p->session->graph);
    tw_status *status = find_operations(r);
    if (!status)
        status = find_signature(r);
    tw_graph_unlock(p->session->graph);
    if (status || !(r->fetch.count + r->target.count))
        return status ? status : give_results(r);
    tw_array **results = tw_alloc_zero(r->fetch.count + 1, sizeof *results);
    status = results ? run_signature(r, results) : tw_no_memory();
    if (!status)
        status = take_results(r, results);
    for (size_t i = 0; results && i < r->fetch.count; i++)
        tw_array_unref(results[i]);
    tw_free(results);
    return status ? status : give_results(r);
}

/* The session counts it as one run, so that a close waits for it. */
tw_status *tw_partial_run_(const struct tw_partial_args *args)
{
    if (!args || !args->partial)
        return tw_value_error("a part needs the run that it is a part of");
    tw_partial *p = args->partial;
    TW_TRY(tw_run_begin(p->session));
    part r = {.partial = p, .args = args};
    tw_status *status = run_part(&r);
    p->over = p->over || status;
    tw_run_end(p->session);
    tw_free(r.now);
    tw_free(r.stack);
    tw_vec_clear(&r.fetch);
    tw_vec_clear(&r.target);
    tw_vec_clear(&r.feed);
    tw_vec_clear(&r.arrays);
    return status;
}
