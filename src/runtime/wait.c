/* SPDX-License-Identifier: Apache-2.0
 * Plans that hold steps which may answer "not yet". Such a step is parked with a waker; all others
 * whose needs are met go on; when nothing can go on the run sleeps until a waker, a cancel, a close
 * or the deadline wakes it. Steps are picked by their place in the plan, so that nothing but
 * waiting changes the order. */
#include <string.h>

#include "base/status.h"
#include "runtime/run.h"

/* Shared by a run and the wakers that it gave out: lives until the last of them is gone. */
struct tw_wait_state {
    atomic_int refs;
    tw_mutex lock;
    tw_cond cond;
    uint8_t *woken; /* by step */
    bool stirred;   /* something to look at: a waker, a cancel, a close */
    tw_wait_state *next_of_session, *next_of_cancel;
};

/* Woken or freed exactly once. */
struct tw_waker {
    tw_wait_state *state;
    uint32_t step;
};

/* One run's counts: which steps are done, which wait for what. */
typedef struct tw_waiting_run {
    tw_frame *frame;
    uint32_t count;           /* steps */
    uint32_t *needs;          /* by step: predecessors not done */
    uint32_t *starts, *edges; /* successors */
    uint8_t *parked, *done;
    uint32_t left;
} tw_waiting_run;

/* ---- wakers ---- */

/* A waker may outlive its run: somebody else holds it. */
static void state_unref(tw_wait_state *state)
{
    if (atomic_fetch_sub_explicit(&state->refs, 1, memory_order_acq_rel) != 1)
        return;
    tw_mutex_free(&state->lock);
    tw_cond_free(&state->cond);
    tw_free(state->woken);
    tw_free(state);
}

/* The step's number goes into it: waking means that this step may be asked again. */
tw_status *tw_frame_waker(tw_compute *c, tw_waker **out)
{
    tw_frame *frame = c->frame;
    if (!frame->run->wait)
        return tw_status_new(TW_INTERNAL, "only operations that say TW_OP_WAITS may wait");
    tw_waker *waker = TW_NEW(tw_waker);
    if (!waker)
        return tw_no_memory();
    waker->state = frame->run->wait;
    waker->step = c->step;
    for (; frame->outer; frame = frame->outer) /* in a loop: the outermost loop's step waits */
        waker->step = frame->outer_step;
    atomic_fetch_add(&waker->state->refs, 1);
    *out = waker;
    return TW_OK;
}

/* For an object that goes away with somebody still waiting for it. */
void tw_waker_free(tw_waker *waker)
{
    if (!waker)
        return;
    state_unref(waker->state);
    tw_free(waker);
}

/* The flag stays set if the step was not parked yet: no wake-up is lost. */
void tw_waker_wake(tw_waker *waker)
{
    if (!waker)
        return;
    tw_mutex_lock(&waker->state->lock);
    waker->state->woken[waker->step] = true;
    waker->state->stirred = true;
    tw_cond_broadcast(&waker->state->cond);
    tw_mutex_unlock(&waker->state->lock);
    tw_waker_free(waker);
}

/* Whoever sleeps looks around again. */
static void stir(tw_wait_state *state)
{
    tw_mutex_lock(&state->lock);
    state->stirred = true;
    tw_cond_broadcast(&state->cond);
    tw_mutex_unlock(&state->lock);
}

/* Each decides for itself whether it goes on. */
void tw_runs_wake(tw_session *session)
{
    for (tw_wait_state *s = session->waiting; s; s = s->next_of_session)
        stir(s);
}

/* ---- cancelling ---- */

/* NULL: no memory. */
tw_cancel *tw_cancel_new(void)
{
    tw_cancel *cancel = TW_NEW(tw_cancel);
    if (!cancel)
        return NULL;
    atomic_init(&cancel->refs, 1);
    tw_mutex_init(&cancel->lock);
    return cancel;
}

/* Runs that use it must be over. */
void tw_cancel_free(tw_cancel *cancel)
{
    if (!cancel || atomic_fetch_sub_explicit(&cancel->refs, 1, memory_order_acq_rel) != 1)
        return;
    tw_mutex_free(&cancel->lock);
    tw_free(cancel);
}

/* From any thread, any number of times. */
void tw_cancel_now(tw_cancel *cancel)
{
    if (!cancel)
        return;
    tw_mutex_lock(&cancel->lock);
    atomic_store(&cancel->cancelled, true);
    for (tw_wait_state *s = cancel->waiting; s; s = s->next_of_cancel)
        stir(s);
    tw_mutex_unlock(&cancel->lock);
}

/* Puts the state into the lists through which close and cancel find it, or takes it out. */
static void enlist(tw_run *run, tw_wait_state *state, bool in)
{
    tw_mutex_lock(&run->session->lock);
    tw_wait_state **at = &run->session->waiting;
    while (!in && *at != state)
        at = &(*at)->next_of_session;
    if (in)
        state->next_of_session = *at;
    *at = in ? state : state->next_of_session;
    tw_mutex_unlock(&run->session->lock);
    if (!run->cancel)
        return;
    tw_mutex_lock(&run->cancel->lock);
    at = &run->cancel->waiting;
    while (!in && *at != state)
        at = &(*at)->next_of_cancel;
    if (in)
        state->next_of_cancel = *at;
    *at = in ? state : state->next_of_cancel;
    tw_mutex_unlock(&run->cancel->lock);
}

/* ---- who needs whom ---- */

/* For each node: does a step that may wait come before it? */
static void mark_after_wait(const tw_plan *plan, uint8_t *after)
{
    for (uint32_t i = 0; i < plan->order_count; i++) {
        const tw_plan_node *node = &plan->nodes.items[plan->order[i]];
        bool waits = node->kind == TW_NODE_LOOP ? node->loop->body->has_waits
                                                : node->kind == TW_NODE_OP &&
                                                      node->spec.op->definition.flags & TW_OP_WAITS;
        for (uint32_t k = 0; k < node->input_count; k++)
            waits = waits || after[plan->values.items[node->inputs[k]].node];
        for (uint32_t k = 0; k < node->real_controls; k++)
            waits = waits || after[node->controls[k]];
        after[plan->order[i]] = waits;
    }
}

/* Tables while the steps' needs are worked out. */
typedef struct tw_linker {
    const tw_variant *v;
    uint32_t *step_of; /* by node, or TW_NO_INDEX */
    uint8_t *after;
    uint32_t *seen, mark; /* by node */
    uint32_t *stack, depth;
} tw_linker;

/* Each node once for each step, by a mark that grows instead of being cleared. */
static void visit(tw_linker *l, uint32_t node)
{
    if (l->seen[node] == l->mark)
        return;
    l->seen[node] = l->mark;
    l->stack[l->depth++] = node;
}

/* An order edge through a step that waits would make a reader wait that does not depend on it. */
static void visit_needs(tw_linker *l, const tw_plan_node *node)
{
    const tw_plan *plan = l->v->plan;
    for (uint32_t k = 0; k < node->input_count; k++)
        visit(l, plan->values.items[node->inputs[k]].node);
    for (uint32_t k = 0; k < node->control_count; k++) {
        /* no access waits for a waiting step */
        if (k < node->real_controls || !l->after[node->controls[k]])
            visit(l, node->controls[k]);
    }
}

/* Calls edge(from, to) for every step that step `to` needs directly; nodes without steps are looked
 * through. */
static void each_need(tw_linker *l, uint32_t to,
                      void (*edge)(tw_waiting_run *w, uint32_t from, uint32_t to),
                      tw_waiting_run *w)
{
    const tw_plan *plan = l->v->plan;
    const tw_step *step = &l->v->steps.items[to];
    l->mark++;
    l->depth = 0;
    l->seen[step->node] = l->mark;
    visit_needs(l, &plan->nodes.items[step->node]);
    for (uint32_t m = 0; step->group && m < step->group->count; m++)
        visit_needs(l, &plan->nodes.items[step->group->nodes[m]]);
    while (l->depth) {
        uint32_t node = l->stack[--l->depth];
        if (l->step_of[node] != TW_NO_INDEX && l->step_of[node] != to)
            edge(w, l->step_of[node], to);
        else
            visit_needs(l, &plan->nodes.items[node]);
    }
}

/* First pass: how many successors each step has. */
static void count_edge(tw_waiting_run *w, uint32_t from, uint32_t to)
{
    w->starts[from + 1]++;
    w->needs[to]++;
}

/* Second pass: each start moves to the end of its list and is moved back afterwards. */
static void put_edge(tw_waiting_run *w, uint32_t from, uint32_t to)
{
    w->edges[w->starts[from]++] = to;
}

/* Made for each such run: plans that wait are few, and their waiting costs more than this. */
static tw_status *link_steps(tw_waiting_run *w, tw_linker *l)
{
    w->starts = tw_alloc_zero((size_t)w->count + 2, sizeof *w->starts);
    w->needs = tw_alloc_zero((size_t)w->count + 1, sizeof *w->needs);
    if (!w->starts || !w->needs)
        return tw_no_memory();
    for (uint32_t s = 0; s < w->count; s++)
        each_need(l, s, count_edge, w);
    for (uint32_t s = 0; s < w->count; s++)
        w->starts[s + 1] += w->starts[s];
    w->edges = tw_alloc_array((size_t)w->starts[w->count] + 1, sizeof *w->edges);
    if (!w->edges)
        return tw_no_memory();
    for (uint32_t s = 0; s < w->count; s++)
        each_need(l, s, put_edge, w);
    /* each start had moved to its end */
    memmove(w->starts + 1, w->starts, w->count * sizeof *w->starts);
    w->starts[0] = 0;
    return TW_OK;
}

/* Of a fused step every member: what it stores on the way is read by others. */
static void note_members(tw_linker *l, uint32_t s)
{
    const tw_step *step = &l->v->steps.items[s];
    for (uint32_t m = 0; step->group && m < step->group->count; m++)
        l->step_of[step->group->nodes[m]] = s;
}

/* Nodes without steps are looked through, so that steps know only steps. */
static tw_status *make_run(tw_waiting_run *w)
{
    const tw_variant *v = w->frame->variant;
    size_t nodes = v->plan->nodes.count + 1;
    tw_linker l = {.v = v,
                   .step_of = tw_alloc_array(nodes, sizeof(uint32_t)),
                   .after = tw_alloc_zero(nodes, 1),
                   .seen = tw_alloc_zero(nodes, sizeof(uint32_t)),
                   .stack = tw_alloc_array(nodes, sizeof(uint32_t))};
    w->parked = tw_alloc_zero((size_t)w->count + 1, 1);
    w->done = tw_alloc_zero((size_t)w->count + 1, 1);
    tw_status *status = l.step_of && l.after && l.seen && l.stack && w->parked && w->done
                            ? TW_OK
                            : tw_no_memory();
    if (!status) {
        for (size_t i = 0; i < nodes; i++)
            l.step_of[i] = TW_NO_INDEX;
        for (uint32_t s = 0; s < w->count; s++)
            note_members(&l, s);
        for (uint32_t s = 0; s < w->count; s++)
            l.step_of[v->steps.items[s].node] = s;
        mark_after_wait(v->plan, l.after);
        status = link_steps(w, &l);
    }
    tw_free(l.step_of);
    tw_free(l.after);
    tw_free(l.seen);
    tw_free(l.stack);
    return status;
}

/* ---- running ---- */

/* A parked step counts as not done and will be asked again. */
static tw_status *run_one(tw_waiting_run *w, uint32_t s)
{
    tw_frame *frame = w->frame;
    tw_status *status = tw_frame_run_range(frame, s, s + 1);
    if (tw_status_is_wait(status)) {
        w->parked[s] = true;
        return TW_OK;
    }
    if (status)
        return status;
    w->parked[s] = false;
    w->done[s] = true;
    w->left--;
    for (uint32_t e = w->starts[s]; e < w->starts[s + 1]; e++)
        w->needs[w->edges[e]]--;
    return TW_OK;
}

/* When a sleeper has to look around by itself; 0: never. */
static int64_t wake_time(const tw_run *run)
{
    int64_t poll = run->polls ? run->next_poll : 0;
    if (!run->deadline || !poll)
        return run->deadline ? run->deadline + 1 : poll;
    return run->deadline < poll ? run->deadline + 1 : poll;
}

/* Sleeps until something stirs; parked steps that were woken may go again. */
static tw_status *sleep_until_stirred(tw_waiting_run *w, tw_wait_state *state)
{
    tw_run *run = w->frame->run;
    tw_status *status = TW_OK;
    tw_mutex_lock(&state->lock);
    while (!state->stirred && !status) {
        int64_t until = wake_time(run);
        if (!until) {
            tw_cond_wait(&state->cond, &state->lock);
        } else if (!tw_cond_wait_until(&state->cond, &state->lock, until)) {
            tw_mutex_unlock(&state->lock);
            status = tw_run_look(run);
            tw_mutex_lock(&state->lock);
        }
    }
    state->stirred = false;
    for (uint32_t s = 0; s < w->count; s++) {
        if (state->woken[s])
            w->parked[s] = state->woken[s] = false;
    }
    tw_mutex_unlock(&state->lock);
    return status ? status : tw_run_check(run);
}

/* Steps are picked by their place in the plan; the square of their number is nothing beside a
 * wait. */
static tw_status *run_all(tw_waiting_run *w, tw_wait_state *state)
{
    while (w->left) {
        bool went = false;
        for (uint32_t s = 0; s < w->count; s++) {
            if (w->done[s] || w->parked[s] || w->needs[s])
                continue;
            TW_TRY(run_one(w, s));
            went = true;
        }
        if (!went || (w->left && w->frame->run->deadline && tw_os_now() > w->frame->run->deadline))
            TW_TRY(sleep_until_stirred(w, state));
    }
    return TW_OK;
}

/* Refs count the run itself and every waker. */
static tw_wait_state *state_new(uint32_t steps)
{
    tw_wait_state *state = TW_NEW(tw_wait_state);
    if (!state)
        return NULL;
    atomic_init(&state->refs, 1);
    tw_mutex_init(&state->lock);
    tw_cond_init(&state->cond);
    state->woken = tw_alloc_zero((size_t)steps + 1, 1);
    if (state->woken)
        return state;
    state_unref(state);
    return NULL;
}

/* The state is listed before the first step, so that a close or cancel cannot slip through. */
tw_status *tw_frame_run_waiting(tw_frame *frame)
{
    tw_waiting_run w = {.frame = frame, .count = (uint32_t)frame->variant->steps.count};
    tw_wait_state *state = state_new(w.count);
    if (!state)
        return tw_no_memory();
    w.left = w.count;
    tw_status *status = make_run(&w);
    if (!status) {
        frame->run->wait = state;
        enlist(frame->run, state, true);
        status = tw_run_check(frame->run);
        if (!status)
            status = run_all(&w, state);
        enlist(frame->run, state, false);
        frame->run->wait = NULL;
    }
    tw_free(w.needs);
    tw_free(w.starts);
    tw_free(w.edges);
    tw_free(w.parked);
    tw_free(w.done);
    state_unref(state);
    return status;
}
