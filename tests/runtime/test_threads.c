/* SPDX-License-Identifier: Apache-2.0
 * Many threads on one session and one graph: runs agree, building goes on meanwhile, and a child of
 * fork starts afresh. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <thalweg/thalweg.h>
#if !defined(_WIN32)
#include <sys/wait.h>
#include <unistd.h>
#endif

#include "support/near.h"
#include "support/skip.h"

enum { ROUNDS = 60 };

typedef struct shared {
    tw_session *session;
    tw_graph *graph;
    tw_tensor x, y, counter, add;
    atomic_int wrong, done;
} shared;

/* Feeds of changing sizes, so that variants are made and shared by several threads. */
static void *run_often(void *arg)
{
    shared *s = arg;
    for (int i = 0; i < ROUNDS; i++) {
        int64_t n = 1 + i % 5;
        tw_array *in = tw_array_new(TW_FLOAT32, TW_SHAPE(n, 8)), *out = NULL;
        tw_array_set(in, 0.5);
        tw_status *status = tw_run(s->session, TW_FETCH(s->y), .target = TW_FETCH(s->add),
                                   .feed = TW_FEED({s->x, in}), .out = &out);
        if (status || tw_array_get(out, 0) != 4 || tw_array_count(out) != (size_t)n * 8)
            atomic_fetch_add(&s->wrong, 1);
        tw_status_free(status);
        tw_array_unref(in);
        tw_array_unref(out);
    }
    atomic_fetch_add(&s->done, 1);
    return NULL;
}

/* Builds on the same graph and runs what it built. */
static void *build_often(void *arg)
{
    shared *s = arg;
    TW_GRAPH(s->graph) {
        for (int i = 0; i < ROUNDS; i++) {
            tw_tensor z = tw_add(tw_mul(s->x, (double)i), 1.0);
            tw_array *in = tw_array_new(TW_FLOAT32, TW_SHAPE(1, 8)), *out = NULL;
            tw_array_set(in, 1);
            tw_status *status = tw_run(s->session, TW_FETCH(z), .feed = TW_FEED({s->x, in}),
                                       .out = &out);
            if (status || tw_array_get(out, 7) != i + 1)
                atomic_fetch_add(&s->wrong, 1);
            tw_status_free(status);
            tw_array_unref(in);
            tw_array_unref(out);
        }
    }
    return NULL;
}

static void make_shared(shared *s)
{
    *s = (shared){.graph = tw_graph_new()};
    TW_GRAPH(s->graph) {
        s->x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(-1, 8));
        tw_tensor w = tw_variable(tw_ones(TW_SHAPE(8, 8)), .name = "w");
        s->y = tw_matmul(s->x, w);
        s->counter = tw_variable(0, .name = "counter");
        s->add = tw_assign_add(s->counter, 1);
        s->session = tw_session_new(NULL);
        TW_CHECK(tw_run(s->session, TW_FETCH(tw_global_variables_initializer())));
    }
}

static void three_threads_run_while_one_builds(void **state)
{
    (void)state;
    shared s;
    pthread_t threads[4];
    make_shared(&s);
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, i < 3 ? run_often : build_often, &s);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(s.wrong, 0);
    tw_array *count = NULL;
    TW_CHECK(tw_session_get(s.session, s.counter, &count));
    assert_near(tw_array_item(count), 3 * ROUNDS, 0); /* no update was lost */
    tw_array_unref(count);
    tw_session_free(s.session);
    tw_graph_unref(s.graph);
}

typedef struct halves {
    tw_session *session;
    tw_tensor change, twice;
    atomic_int wrong;
} halves;

static void *change_often(void *arg)
{
    halves *h = arg;
    tw_callable *call;
    TW_CHECK(tw_make_callable(h->session, TW_FETCH(h->change), .callable = &call));
    for (int i = 0; i < 20 * ROUNDS; i++)
        TW_CHECK(tw_call(call, NULL, NULL));
    tw_callable_free(call);
    return NULL;
}

static void *read_often(void *arg)
{
    halves *h = arg;
    tw_callable *call;
    tw_array *out = NULL;
    TW_CHECK(tw_make_callable(h->session, TW_FETCH(h->twice), .callable = &call));
    for (int i = 0; i < 20 * ROUNDS; i++) {
        TW_CHECK(tw_call(call, NULL, &out));
        for (size_t k = 1; k < tw_array_count(out); k++)
            if (tw_array_get(out, k) != tw_array_get(out, 0))
                atomic_fetch_add(&h->wrong, 1);
    }
    tw_array_unref(out);
    tw_callable_free(call);
    return NULL;
}

/* Of sizes that a step copies, reads under the lock and holds: all elements are of one update. */
static void what_is_read_is_the_value_of_one_moment(void **state)
{
    (void)state;
    const int64_t sizes[] = {7, 100, 5000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        halves h = {0};
        pthread_t threads[4];
        tw_graph *graph = tw_graph_new();
        TW_GRAPH(graph) {
            tw_tensor v = tw_variable(tw_ones(TW_SHAPE(sizes[i])), .name = "v");
            h.change = tw_assign_add(v, tw_ones(TW_SHAPE(sizes[i])));
            h.twice = tw_mul(v, 2.0);
            h.session = tw_session_new(NULL);
            TW_CHECK(tw_run(h.session, TW_FETCH(tw_global_variables_initializer())));
        }
        for (int k = 0; k < 4; k++)
            pthread_create(&threads[k], NULL, k % 2 ? read_often : change_often, &h);
        for (int k = 0; k < 4; k++)
            pthread_join(threads[k], NULL);
        assert_int_equal(h.wrong, 0);
        tw_session_free(h.session);
        tw_graph_unref(graph);
    }
}

/* The run that is going on ends well or with CANCELLED, those after it are refused; nothing crashes
 * or hangs. */
static void closing_a_session_waits_for_its_runs(void **state)
{
    (void)state;
    shared s;
    pthread_t thread;
    make_shared(&s);
    pthread_create(&thread, NULL, run_often, &s);
    TW_CHECK(tw_session_close(s.session));
    tw_session_counts counts = tw_session_get_counts(s.session);
    pthread_join(thread, NULL);
    /* none was let in after the close */
    assert_int_equal(tw_session_get_counts(s.session).runs, counts.runs);
    tw_session_free(s.session);
    tw_graph_unref(s.graph);
}

static void what_is_held_can_be_asked_while_threads_run(void **state)
{
    (void)state;
    shared s;
    pthread_t threads[2];
    make_shared(&s);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, run_often, &s);
    for (int i = 0; i < 500; i++)
        assert_true(tw_session_get_counts(s.session).arena_bytes < 1 << 20);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(s.wrong, 0);
    assert_true(tw_session_get_counts(s.session).arena_bytes > 0);
    tw_session_free(s.session);
    tw_graph_unref(s.graph);
}

static void a_graph_made_in_one_thread_runs_in_another(void **state)
{
    (void)state;
    shared s;
    pthread_t thread;
    make_shared(&s);
    pthread_create(&thread, NULL, run_often, &s);
    pthread_join(thread, NULL);
    assert_int_equal(s.wrong, 0);
    tw_session_free(s.session);
    tw_graph_unref(s.graph);
}

#if !defined(_WIN32)
static void a_forked_child_runs_new_sessions(void **state)
{
    (void)state;
    if (getenv("THALWEG_SANITIZED"))
        skip_because("the sanitizers' own threads do not survive a fork");
    if (getenv("THALWEG_EMULATED") && !forked_children_start_threads())
        skip_because("the emulator's forked children cannot start threads");
    tw_reset_default_graph();
    tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(400, 400)),
              y = tw_reduce_sum(tw_matmul(x, x));
    tw_array *in = tw_array_new(TW_FLOAT32, TW_SHAPE(400, 400));
    tw_array_set(in, 0.125);
    tw_session *session = tw_session_new(NULL);
    TW_CHECK(tw_run(session, TW_FETCH(y), .feed = TW_FEED({x, in}))); /* the pool runs */
    pid_t child = fork();
    if (!child) {
        tw_array *out = NULL;
        tw_session *own = tw_session_new(NULL);
        tw_status *status = tw_run(own, TW_FETCH(y), .feed = TW_FEED({x, in}), .out = &out);
        _exit(status || tw_array_item(out) != 400.0 * 400 * 400 / 64);
    }
    int result = -1;
    waitpid(child, &result, 0);
    assert_int_equal(result, 0);
    tw_session_free(session);
    tw_array_unref(in);
    tw_reset_default_graph();
}

static atomic_bool enough;

/* A small graph and its gradient: all that building looks up. */
static double built_and_run(void)
{
    tw_array *out = NULL;
    tw_graph *graph = tw_graph_new();
    TW_CHECK(tw_scope_push_graph(graph));
    tw_tensor x = tw_constant(1.0), y = x;
    for (int i = 0; i < 8; i++)
        y = tw_add(y, x);
    tw_tensor dy = tw_grad_tensor(tw_gradients(TW_LIST(y), TW_LIST(x)).grads[0]);
    tw_scope_pop();
    struct tw_session_options options = {.size = sizeof options, .graph = graph};
    tw_session *session = tw_session_new(&options);
    TW_CHECK(tw_run(session, TW_FETCH(dy), .out = &out));
    double value = tw_array_item(out);
    tw_array_unref(out);
    tw_session_free(session);
    tw_graph_unref(graph);
    return value;
}

static void *build_and_run_often(void *arg)
{
    (void)arg;
    while (!atomic_load(&enough))
        built_and_run();
    return NULL;
}

/* No lock of the process may stay with a thread that the child has not. */
static void children_that_are_forked_while_others_build_do_not_hang(void **state)
{
    (void)state;
    if (getenv("THALWEG_SANITIZED"))
        skip_because("the sanitizers' own threads do not survive a fork");
    pthread_t threads[2];
    int result = 0;
    atomic_store(&enough, false);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, build_and_run_often, NULL);
    for (int i = 0; i < 300 && !result; i++) {
        pid_t child = fork();
        if (!child) {
            alarm(5);
            _exit(built_and_run() != 9);
        }
        waitpid(child, &result, 0);
    }
    atomic_store(&enough, true);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(result, 0);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_threads_run_while_one_builds),
        cmocka_unit_test(what_is_read_is_the_value_of_one_moment),
        cmocka_unit_test(closing_a_session_waits_for_its_runs),
        cmocka_unit_test(what_is_held_can_be_asked_while_threads_run),
        cmocka_unit_test(a_graph_made_in_one_thread_runs_in_another),
#if !defined(_WIN32)
        cmocka_unit_test(a_forked_child_runs_new_sessions),
        cmocka_unit_test(children_that_are_forked_while_others_build_do_not_hang),
#endif
    };
    return cmocka_run_group_tests_name("runtime: threads", tests, NULL, NULL);
}
