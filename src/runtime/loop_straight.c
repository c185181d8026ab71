/* SPDX-License-Identifier: Apache-2.0
 * Iterations with nothing to decide: every step runs in every iteration, all that goes from one to
 * the next lies in the arena, nothing is kept or waited for, and nobody looks at single steps. What
 * such an iteration costs is what its kernels take and a few nanoseconds for each of them. */
#include <string.h>

#include "base/status.h"
#include "runtime/loop.h"

bool tw_loop_is_straight(const tw_frame *body)
{
    const tw_plan *plan = body->variant->plan;
    uint32_t cond = plan->fetches[0].value;
    const tw_sized *sized = &body->variant->values[cond];
    if (plan->has_guards || plan->has_waits || plan->loop->levels || body->run->trace ||
        sized->dynamic || sized->shape.rank != 0 || body->refs[sized->root])
        return false;
    for (uint32_t i = 0; i < plan->loop->carried; i++) {
        uint32_t next = plan->fetches[i + 1].value;
        if (next != plan->feeds[i] && !tw_loop_in_arena(body, plan->feeds[i]))
            return false;
        if (body->refs[body->variant->values[next].root])
            return false;
    }
    return true;
}

/* Steps first .. last - 1. */
static inline tw_status *run_steps(tw_frame *body, uint32_t first, uint32_t last)
{
    const tw_step *steps = body->variant->steps.items;
    for (uint32_t s = first; s < last; s++) {
        tw_compute *c = &body->contexts[s];
        tw_status *status = steps[s].flags ? tw_frame_step(body, s) : steps[s].compute(c);
        if (status)
            return tw_frame_explain(body, s, status);
    }
    return TW_OK;
}

/* As in other loops, but that no variable of the session can be among the values. */
static inline void move_on(const tw_frame *body)
{
    const tw_variant *v = body->variant;
    for (size_t i = 0; i < v->moves.count; i++) {
        const tw_move *move = &v->moves.items[i];
        if (move->swapped) {
            tw_loop_swap(body, move);
            continue;
        }
        char *to = tw_loop_move_end(body, move->to);
        const char *from = tw_loop_move_end(body, move->from);
        if (move->bytes == 4) /* counters; a call would cost more than the rest */
            memcpy(to, from, 4);
        else if (move->bytes == 16)
            memcpy(to, from, 16);
        else
            memcpy(to, from, move->bytes);
    }
}

/* What the steps of an iteration do, in the operations that the clock is asked by. */
static uint64_t prepare_steps(tw_frame *body)
{
    const tw_variant *v = body->variant;
    double flops = 0;
    for (size_t s = 0; s < v->steps.count; s++) {
        body->contexts[s].threads = body->run->threads;
        flops += v->steps.items[s].flops;
    }
    return (uint64_t)flops;
}

/* Who may end the run is asked once an iteration, the clock and the caller after as much work as
 * between other steps. */
static inline tw_status *may_go_on(const tw_frame *body, bool watched, uint64_t flops)
{
    if (!watched && !atomic_load_explicit(&body->session->closed, memory_order_relaxed))
        return TW_OK;
    TW_TRY(tw_run_check(body->run));
    return tw_run_worked(body->run, (uint32_t)body->variant->steps.count, flops);
}

/* Until the condition fails. */
static tw_status *iterate_while(tw_frame *body)
{
    const tw_variant *v = body->variant;
    const bool *go_on = body->slots[v->plan->fetches[0].value].data;
    bool watched = tw_run_is_watched(body->run);
    uint64_t flops = prepare_steps(body);
    for (;;) {
        TW_TRY(may_go_on(body, watched, flops));
        TW_TRY(run_steps(body, 0, v->test_steps));
        if (!*go_on)
            return TW_OK;
        TW_TRY(run_steps(body, v->test_steps, (uint32_t)v->steps.count));
        move_on(body);
    }
}

/* ---- loops that count ---- */

static int64_t get(const tw_array *number)
{
    return number->dtype == TW_INT32 ? *(const int32_t *)number->data
                                     : *(const int64_t *)number->data;
}

static void put(const tw_array *number, int64_t value)
{
    if (number->dtype == TW_INT32)
        *(int32_t *)number->data = (int32_t)value;
    else
        *(int64_t *)number->data = value;
}

/* So far from the ends of 64 bits that nothing below overflows. */
static bool is_moderate(int64_t x)
{
    return x > -INT64_MAX / 4 && x < INT64_MAX / 4;
}

/* How often the loop goes round. False: it would never end, or only since integers wrap, which is
 * for the condition to find out. */
static bool count_rounds(const tw_frame *body, int64_t *rounds)
{
    const tw_counter *counter = &body->variant->counter;
    const tw_array *var = &body->slots[counter->var];
    int64_t at = get(var), limit = get(&body->slots[counter->limit]);
    int64_t by = get(&body->slots[counter->by]);
    if (!is_moderate(at) || !is_moderate(limit) || !is_moderate(by))
        return false;
    at *= counter->sign, limit *= counter->sign, by *= counter->sign;
    int64_t way = limit - at + counter->equal;
    if (by <= 0 && way > 0)
        return false;
    *rounds = way > 0 ? (way - 1) / by + 1 : 0;
    int64_t last = (at + *rounds * by) * counter->sign;
    return var->dtype == TW_INT64 || (last >= INT32_MIN && last <= INT32_MAX);
}

/* Does an iteration do nothing but run kernels one after the other? */
static bool is_plain(const tw_frame *body, const tw_counter *counter)
{
    const tw_variant *v = body->variant;
    bool plain = counter->alone && !v->moves.count;
    for (uint32_t s = v->test_steps; s < v->steps.count && plain; s++)
        plain = s == counter->next_step || !v->steps.items[s].flags;
    return plain;
}

/* Such iterations, in the order of the steps. The counter's own is left out. */
static tw_status *iterate_plain(tw_frame *body, int64_t rounds, bool watched, uint64_t flops)
{
    const tw_variant *v = body->variant;
    uint32_t all = (uint32_t)v->steps.count, skipped = v->counter.next_step;
    for (int64_t i = 0; i < rounds; i++) {
        TW_TRY(may_go_on(body, watched, flops));
        const tw_step *step = &v->steps.items[v->test_steps];
        tw_compute *c = &body->contexts[v->test_steps];
        for (uint32_t s = v->test_steps; s < all; s++, step++, c++) {
            tw_status *status = s == skipped ? TW_OK : step->compute(c);
            if (status)
                return tw_frame_explain(body, s, status);
        }
    }
    return TW_OK;
}

/* The condition is not asked, and the counter is set once at the end where nothing else reads
 * it. */
static tw_status *iterate_counted(tw_frame *body, int64_t rounds)
{
    const tw_variant *v = body->variant;
    const tw_counter *counter = &v->counter;
    const tw_array *var = &body->slots[counter->var], *next = &body->slots[counter->next];
    int64_t by = get(&body->slots[counter->by]), last = get(var) + rounds * by;
    uint32_t at = counter->next_step, all = (uint32_t)v->steps.count;
    bool watched = tw_run_is_watched(body->run), plain = is_plain(body, counter);
    uint64_t flops = prepare_steps(body);
    if (plain)
        TW_TRY(iterate_plain(body, rounds, watched, flops));
    for (int64_t i = 0; i < rounds && !plain; i++) {
        TW_TRY(may_go_on(body, watched, flops));
        TW_TRY(run_steps(body, v->test_steps, at));
        if (!counter->alone)
            put(next, get(var) + by);
        TW_TRY(run_steps(body, at + 1, all));
        move_on(body);
    }
    put(var, last);
    return TW_OK;
}

tw_status *tw_loop_iterate(tw_frame *body)
{
    int64_t rounds;
    if (body->variant->counter.known && count_rounds(body, &rounds))
        return iterate_counted(body, rounds);
    return iterate_while(body);
}
