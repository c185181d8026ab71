/* SPDX-License-Identifier: Apache-2.0
 * Steps that wait: parked, woken, timed out, cancelled, closed; and they hold up nobody else. The
 * op that waits comes from outside, through <thalweg/op.h>. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <thalweg/thalweg.h>

#include "support/near.h"

/* A gate of the session: TestPass waits until TestOpen was run once for it. */
typedef struct gate {
    pthread_mutex_t lock;
    bool open;
    tw_waker *waiting[8];
    int count;
} gate;

static tw_status *make_gate(tw_compute *c, void **out)
{
    static gate gates[64];
    static int made;
    (void)c;
    gate *g = &gates[made++ % 64];
    *g = (gate){.open = false};
    pthread_mutex_init(&g->lock, NULL);
    *out = g;
    return TW_OK;
}

static void free_gate(void *object)
{
    gate *g = object;
    for (int i = 0; i < g->count; i++)
        tw_waker_free(g->waiting[i]);
}

static const tw_state_class gate_class = {
    .size = sizeof(tw_state_class), .name = "gate", .make = make_gate, .free = free_gate};

static tw_status *pass(tw_compute *c)
{
    gate *g;
    TW_TRY(tw_compute_resource(c, &gate_class, "the gate", (void **)&g));
    pthread_mutex_lock(&g->lock);
    bool open = g->open;
    tw_status *status = TW_OK;
    if (!open && g->count < 8)
        status = tw_compute_waker(c, &g->waiting[g->count++]);
    pthread_mutex_unlock(&g->lock);
    if (status || !open)
        return status ? status : tw_compute_wait(c);
    *(float *)tw_array_data(tw_compute_output(c, 0)) = 1;
    return TW_OK;
}

static tw_status *open_gate(tw_compute *c)
{
    gate *g;
    TW_TRY(tw_compute_resource(c, &gate_class, "the gate", (void **)&g));
    pthread_mutex_lock(&g->lock);
    g->open = true;
    for (int i = 0; i < g->count; i++)
        tw_waker_wake(g->waiting[i]);
    g->count = 0;
    pthread_mutex_unlock(&g->lock);
    return TW_OK;
}

static void scalar(tw_infer *in)
{
    tw_infer_output(in, 0, TW_SHAPE());
}

static void register_ops(void)
{
    const tw_op_definition passing = {.size = sizeof passing,
                                      .name = "TestPass",
                                      .signature = "-> out: float",
                                      .infer = scalar,
                                      .doc = "Waits for TestOpen.",
                                      .flags = TW_OP_STATEFUL | TW_OP_WAITS,
                                      .compute = pass,
                                      .gradient = tw_not_differentiable};
    const tw_op_definition opening = {.size = sizeof opening,
                                      .name = "TestOpen",
                                      .signature = "->",
                                      .flags = TW_OP_STATEFUL,
                                      .doc = "Lets TestPass go on.",
                                      .compute = open_gate,
                                      .gradient = tw_not_differentiable};
    TW_CHECK(tw_register_op(&passing));
    TW_CHECK(tw_register_op(&opening));
}

static tw_session *session;
static tw_tensor passed, opened, other;

static tw_operation *add(const char *type)
{
    tw_operation *op = NULL;
    TW_CHECK(tw_graph_add(tw_default_graph(),
                          &(tw_graph_add_args){.size = sizeof(tw_graph_add_args), .type = type},
                          &op));
    return op;
}

static int setup(void **state)
{
    (void)state;
    tw_reset_default_graph();
    passed = tw_operation_output(add("TestPass"), 0);
    opened = (tw_tensor){add("TestOpen"), -1};
    other = tw_add(tw_placeholder_with_default(20.0, .shape = TW_SHAPE()), 1.0);
    session = tw_session_new(NULL);
    return session ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    tw_session_free(session);
    tw_reset_default_graph();
    return 0;
}

static void nap(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
}

typedef struct waiting_run {
    pthread_t thread;
    tw_cancel *cancel;
    tw_status *status;
    double value;
} waiting_run;

static void *run_waiting(void *arg)
{
    waiting_run *w = arg;
    tw_array *out[2] = {NULL};
    w->status = tw_run(session, TW_FETCH(passed, other), .out = out, .cancel = w->cancel);
    w->value = tw_array_item(out[0]) + tw_array_item(out[1]);
    tw_array_unref(out[0]);
    tw_array_unref(out[1]);
    return NULL;
}

static void another_run_wakes_it_and_runs_of_others_are_not_delayed(void **state)
{
    (void)state;
    waiting_run w = {0};
    pthread_create(&w.thread, NULL, run_waiting, &w);
    nap();
    tw_array *out = NULL;
    TW_CHECK(tw_run(session, TW_FETCH(other), .out = &out));
    assert_near(tw_array_item(out), 21, 0);
    tw_array_unref(out);
    TW_CHECK(tw_run(session, TW_FETCH(opened)));
    pthread_join(w.thread, NULL);
    TW_CHECK(w.status);
    assert_near(w.value, 22, 0);
}

static void a_timeout_ends_the_wait(void **state)
{
    (void)state;
    tw_status *status = tw_run(session, TW_FETCH(passed), .timeout_ms = 10);
    assert_int_equal(tw_status_code(status), TW_DEADLINE_EXCEEDED);
    tw_status_free(status);
}

static void cancelling_ends_the_wait(void **state)
{
    (void)state;
    waiting_run w = {.cancel = tw_cancel_new()};
    pthread_create(&w.thread, NULL, run_waiting, &w);
    nap();
    tw_cancel_now(w.cancel);
    pthread_join(w.thread, NULL);
    assert_int_equal(tw_status_code(w.status), TW_CANCELLED);
    tw_status_free(w.status);
    tw_cancel_free(w.cancel);
}

static void closing_the_session_ends_the_wait(void **state)
{
    (void)state;
    waiting_run w = {0};
    pthread_create(&w.thread, NULL, run_waiting, &w);
    nap();
    TW_CHECK(tw_session_close(session));
    pthread_join(w.thread, NULL);
    assert_int_equal(tw_status_code(w.status), TW_CANCELLED);
    tw_status_free(w.status);
}

static void one_run_may_wait_for_its_own_other_steps(void **state)
{
    (void)state;
    tw_array *out = NULL;
    TW_CHECK(tw_run(session, TW_FETCH(passed), .target = TW_FETCH(opened), .out = &out,
                    .timeout_ms = 5000));
    assert_near(tw_array_item(out), 1, 0);
    tw_array_unref(out);
}

static void *open_later(void *arg)
{
    (void)arg;
    nap();
    TW_CHECK(tw_run(session, .target = TW_FETCH(opened)));
    return NULL;
}

/* The draw waits; what is reversed, as large as the draw's workspace, is there long before. */
static void what_waited_works_over_nothing_that_was_made_meanwhile(void **state)
{
    enum { CLASSES = 4096, COUNT = 2 * CLASSES };
    (void)state;
    tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(1, CLASSES)),
              z = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(COUNT));
    tw_tensor draw = tw_multinomial(tw_add(x, passed), 1), turned = tw_reverse(z, TW_INTS(0));
    tw_array *even = tw_array_new(TW_FLOAT32, TW_SHAPE(1, CLASSES)),
             *in = tw_array_new(TW_FLOAT32, TW_SHAPE(COUNT)), *out[2] = {NULL};
    tw_array_set(even, 0);
    for (int i = 0; i < COUNT; i++)
        ((float *)tw_array_data(in))[i] = (float)i;
    pthread_t opener;
    pthread_create(&opener, NULL, open_later, NULL);
    TW_CHECK(tw_run(session, TW_FETCH(draw, turned), .feed = TW_FEED({x, even}, {z, in}),
                    .out = out, .timeout_ms = 5000));
    pthread_join(opener, NULL);
    for (size_t i = 0; i < COUNT; i++)
        assert_near(tw_array_get(out[1], i), (double)(COUNT - 1 - i), 0);
    tw_array_unref(out[0]);
    tw_array_unref(out[1]);
    tw_array_unref(in);
    tw_array_unref(even);
}

int main(void)
{
    register_ops();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(another_run_wakes_it_and_runs_of_others_are_not_delayed,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_timeout_ends_the_wait, setup, teardown),
        cmocka_unit_test_setup_teardown(cancelling_ends_the_wait, setup, teardown),
        cmocka_unit_test_setup_teardown(closing_the_session_ends_the_wait, setup, teardown),
        cmocka_unit_test_setup_teardown(one_run_may_wait_for_its_own_other_steps, setup, teardown),
        cmocka_unit_test_setup_teardown(what_waited_works_over_nothing_that_was_made_meanwhile,
                                        setup, teardown),
    };
    return cmocka_run_group_tests_name("runtime: steps that wait", tests, NULL, NULL);
}
