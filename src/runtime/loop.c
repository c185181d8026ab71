/* SPDX-License-Identifier: Apache-2.0
 * Running a loop: first values in, then condition, body, keep, move on, until the condition fails,
 * then last values out. Variables of planned sizes live in the body's arena, and are moved there or
 * change places with what they become; others pass on their storage. A loop whose step waits is
 * left where it is, and goes on there. */
#include "runtime/loop.h"

#include <string.h>

#include "base/status.h"

/* With their storage, so that no element is copied. */
static void swap_slots(tw_array *a, tw_array *b)
{
    tw_array other = *a;
    *a = *b;
    *b = other;
}

/* What adds up several iterations at once has none yet. */
static void empty_batches(const tw_frame *body)
{
    const tw_variant *v = body->variant;
    for (size_t s = 0; v->batches && s < v->steps.count; s++) {
        if (v->steps.items[s].batching)
            memset(body->contexts[s].workspace, 0, TW_BATCH_HEAD);
    }
}

/* First values are copied: the body writes over its variables, while what is outside may be
 * read again. */
static tw_status *begin(tw_frame *frame, uint32_t s, tw_frame *body)
{
    const tw_step *step = &frame->variant->steps.items[s];
    const tw_plan *plan = body->variant->plan;
    for (uint32_t i = 0; i < plan->feed_count; i++) {
        const tw_array *first = &frame->slots[step->inputs[i]];
        tw_array *slot = &body->slots[plan->feeds[i]];
        if (i >= plan->loop->carried)
            tw_frame_feed(body, i, first);
        else if (!tw_loop_in_arena(body, plan->feeds[i]))
            TW_TRY(tw_slot_share(slot, first, (tw_shape){first->dims, first->rank}));
        else if (first->count)
            memcpy(slot->data, first->data, body->variant->values[plan->feeds[i]].bytes);
    }
    tw_loop_store_pack(body);
    empty_batches(body);
    return tw_loop_store_start(body);
}

/* ---- one iteration ---- */

/* Steps up to `last`; with waiting ones among them one by one, so that it can go on later. */
static tw_status *run_to(tw_frame *body, uint32_t last)
{
    tw_loop_store *store = body->loop;
    if (!body->variant->plan->has_waits) {
        TW_TRY(tw_frame_run_range(body, store->at, last));
        store->at = last;
    }
    for (; store->at < last; store->at++)
        TW_TRY(tw_frame_run_range(body, store->at, store->at + 1));
    return TW_OK;
}

/* A condition that is dead or no scalar is the graph's mistake, not a reason to stop quietly. */
static tw_status *test(tw_frame *body, bool *go_on)
{
    const tw_plan_fetch *cond = &body->variant->plan->fetches[0];
    const tw_array *value;
    tw_array *held;
    if (body->dead[cond->value])
        return tw_value_error("the condition of the loop '%s' is dead",
                              body->variant->plan->loop->name);
    TW_TRY(tw_loop_view(body, cond->value, &value, &held));
    bool scalar = value->count == 1 && value->rank == 0;
    *go_on = scalar && *(const bool *)value->data;
    tw_status *status = TW_OK;
    if (!scalar)
        status = tw_value_error("the condition of the loop '%s' must be a scalar, but has shape %s",
                                body->variant->plan->loop->name,
                                tw_shape_text(tw_array_shape(value)).s);
    tw_array_unref(held);
    return status;
}

/* In the order that the plan worked out, so that nothing is lost on the way. */
static tw_status *move_planned(tw_frame *body)
{
    const tw_variant *v = body->variant;
    for (size_t i = 0; i < v->moves.count; i++) {
        const tw_move *move = &v->moves.items[i];
        const tw_array *from;
        tw_array *held = NULL;
        if (move->swapped && !body->refs[v->values[move->from].root]) {
            tw_loop_swap(body, move);
            continue;
        }
        const void *data = tw_loop_move_end(body, TW_NO_INDEX);
        if (move->from != TW_NO_INDEX) {
            TW_TRY(tw_loop_view(body, move->from, &from, &held));
            data = from->data;
        }
        memcpy(tw_loop_move_end(body, move->to), data, move->bytes);
        tw_array_unref(held);
    }
    return TW_OK;
}

/* A next value's storage can be taken if no other variable takes it too. */
static bool is_taken_once(const tw_plan *plan, uint32_t var)
{
    uint32_t value = plan->fetches[var + 1].value;
    for (uint32_t i = 0; i < plan->loop->carried; i++) {
        if (plan->feeds[i] == value || (i != var && plan->fetches[i + 1].value == value))
            return false;
    }
    return true;
}

/* Only such memory can be handed over instead of copied. */
static bool has_own_storage(const tw_frame *body, uint32_t value)
{
    return body->variant->values[value].place == TW_PLACE_HEAP;
}

/* Next values are set aside first, as one variable may become what another one was. */
static tw_status *move_others(tw_frame *body)
{
    const tw_plan *plan = body->variant->plan;
    tw_loop_store *store = body->loop;
    for (int phase = 0; phase < 2; phase++) {
        for (uint32_t i = 0; i < plan->loop->carried; i++) {
            uint32_t next = plan->fetches[i + 1].value, var = plan->feeds[i];
            const tw_array *from;
            tw_array *held;
            if (tw_loop_in_arena(body, var) || next == var)
                continue;
            bool take = is_taken_once(plan, i) && has_own_storage(body, next);
            if (phase == 1) {
                swap_slots(&body->slots[var], take ? &body->slots[next] : &store->aside[i]);
                continue;
            }
            if (take)
                continue;
            TW_TRY(tw_loop_view(body, next, &from, &held));
            store->aside[i].dtype = from->dtype;
            tw_status *status = tw_slot_share(&store->aside[i], from,
                                              (tw_shape){from->dims, from->rank});
            tw_array_unref(held);
            TW_TRY(status);
        }
    }
    return TW_OK;
}

/* A variable must have a value in every iteration: after a Switch only a Merge gives it one. */
static tw_status *check_alive(const tw_frame *body)
{
    const tw_plan *plan = body->variant->plan;
    for (size_t i = 1; plan->has_guards && i < plan->fetch_count; i++) {
        if (body->dead[plan->fetches[i].value])
            return tw_value_error("a variable of the loop '%s' ('%s') is dead after an iteration",
                                  plan->loop->name, plan->fetches[i].tensor.op->spec.name);
    }
    return TW_OK;
}

/* A step that waits leaves everything as it is: the iteration goes on at `at` when it is asked
 * again. */
static tw_status *iterate(tw_frame *body, bool *go_on)
{
    tw_loop_store *store = body->loop;
    const tw_variant *v = body->variant;
    if (!store->at)
        TW_TRY(tw_run_check(body->run));
    if (!store->tested) {
        TW_TRY(run_to(body, v->test_steps));
        TW_TRY(test(body, go_on));
        if (!*go_on)
            return TW_OK;
        store->tested = true;
    }
    TW_TRY(run_to(body, (uint32_t)v->steps.count));
    TW_TRY(check_alive(body));
    if (v->plan->loop->levels)
        TW_TRY(tw_loop_store_keep(body));
    TW_TRY(move_planned(body));
    TW_TRY(move_others(body));
    store->iteration++;
    store->at = 0;
    store->tested = false;
    *go_on = true;
    return TW_OK;
}

/* ---- the end ---- */

/* The iterations since the last full batch. */
static tw_status *finish_batches(tw_frame *body)
{
    const tw_variant *v = body->variant;
    for (uint32_t s = 0; v->batches && s < v->steps.count; s++) {
        if (!v->steps.items[s].batching)
            continue;
        body->contexts[s].threads = body->run->threads;
        tw_status *status = v->steps.items[s].batching->finish(&body->contexts[s]);
        if (status)
            return tw_frame_explain(body, s, status);
    }
    return TW_OK;
}

/* After the last iteration the variables hold what the Exits give. */
static tw_status *give_exits(tw_frame *frame, uint32_t s, tw_frame *body)
{
    const tw_step *step = &frame->variant->steps.items[s];
    const tw_plan_loop *loop = body->variant->plan->loop;
    for (uint32_t k = 0; k < step->output_count; k++) {
        uint32_t var = loop->exits[k];
        if (var == TW_NO_INDEX || loop->vars[var].is_ref)
            continue;
        const tw_array *last = &body->slots[loop->vars[var].inside];
        tw_array *out = &frame->slots[step->outputs[k]];
        if (frame->variant->values[step->outputs[k]].place == TW_PLACE_HEAP)
            TW_TRY(tw_slot_share(out, last, (tw_shape){last->dims, last->rank}));
        else if (last->count)
            memcpy(out->data, last->data, tw_array_bytes(last));
    }
    return TW_OK;
}

/* Variables with storage of their own do not keep it from run to run, unless it is plain memory. */
static void drop_variables(tw_frame *body)
{
    const tw_plan *plan = body->variant->plan;
    const tw_loop_store *store = body->loop;
    for (uint32_t i = 0; i < plan->loop->carried; i++) {
        if (tw_loop_in_arena(body, plan->feeds[i]))
            continue;
        tw_array *const slots[] = {&body->slots[plan->feeds[i]], &store->aside[i]};
        for (size_t k = 0; k < 2; k++) {
            tw_storage *storage = slots[k]->storage;
            if (!storage || (tw_dtype_is_plain(storage->dtype) && tw_storage_unique(storage)))
                continue;
            tw_storage_unref(storage);
            slots[k]->storage = NULL;
            slots[k]->data = NULL;
        }
    }
    tw_frame_drop_heap(body);
}

/* Called again after a wait; `active` says that the loop has begun. */
tw_status *tw_frame_loop(tw_frame *frame, uint32_t s)
{
    tw_frame *body = frame->bodies[s];
    tw_loop_store *store;
    TW_TRY(tw_loop_store_of(body, &store));
    body->run = frame->run;
    tw_status *status = TW_OK;
    if (!store->active)
        status = begin(frame, s, body);
    store->active = true;
    if (!status && !store->at && !store->tested && tw_loop_is_straight(body))
        status = tw_loop_iterate(body);
    else
        for (bool go_on = true; !status && go_on;)
            status = iterate(body, &go_on);
    if (tw_status_is_wait(status))
        return status;
    if (!status)
        status = finish_batches(body);
    if (!status)
        status = give_exits(frame, s, body);
    store->active = false;
    drop_variables(body);
    return status;
}
