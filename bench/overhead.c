/* SPDX-License-Identifier: Apache-2.0
 * What the engine itself costs, on one thread: calls of tiny steps, building, planning; and two
 * threads on one session. Each line: what, measured, the goal, and whether it is met. */
#include <math.h>
#include <pthread.h>
#include <string.h>
#include <thalweg/thalweg.h>

#include "bench.h"

typedef struct call {
    tw_callable *callable;
    tw_array *feeds[2], *outputs[1];
} call;

static void run_call(void *arg)
{
    call *c = arg;
    TW_CHECK(tw_call(c->callable, c->feeds, c->outputs));
}

static void report(const char *what, double seconds, double goal)
{
    printf("%-58s %10.3f us   goal %8.3f us   %s\n", what, seconds * 1e6, goal * 1e6,
           seconds <= goal ? "met" : "NOT MET");
}

static void constant_times_two(void)
{
    tw_reset_default_graph();
    tw_session *session = tw_session_new(
        &(struct tw_session_options){.size = sizeof(struct tw_session_options), .threads = 1});
    call c = {.outputs = {tw_array_scalar(TW_FLOAT32, 0)}};
    tw_tensor y = tw_mul(tw_constant(21.0), 2.0);
    TW_CHECK(tw_make_callable(session, TW_FETCH(y), .callable = &c.callable));
    report("tw_call of constant * 2 (folded)", bench_time(run_call, &c), 0.3e-6);
    tw_callable_free(c.callable);
    tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE());
    c.feeds[0] = tw_array_scalar(TW_FLOAT32, 3);
    TW_CHECK(tw_make_callable(session, TW_FETCH(tw_mul(x, 2.0)), .feed = TW_FETCH(x),
                              .callable = &c.callable));
    report("tw_call of placeholder * 2", bench_time(run_call, &c), 0.4e-6);
    tw_callable_free(c.callable);
    tw_array_unref(c.feeds[0]);
    tw_array_unref(c.outputs[0]);
    tw_session_free(session);
}

static void linear_regression(void)
{
    enum { BATCH = 100 };
    tw_reset_default_graph();
    tw_tensor X = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(BATCH, 1)),
              y = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(BATCH, 1));
    tw_tensor W = tw_variable(tw_zeros(TW_SHAPE(1, 1))), b = tw_variable(tw_zeros(TW_SHAPE(1)));
    tw_tensor loss = tw_reduce_sum(
        tw_div(tw_square(tw_sub(y, tw_add(tw_matmul(X, W), b))), 1000.0));
    tw_tensor train = tw_minimize(tw_adam(.learning_rate = 0.001), loss);
    tw_session *session = tw_session_new(
        &(struct tw_session_options){.size = sizeof(struct tw_session_options), .threads = 1});
    TW_CHECK(tw_run(session, TW_FETCH(tw_global_variables_initializer())));
    call c = {.outputs = {tw_array_scalar(TW_FLOAT32, 0)}};
    for (int i = 0; i < 2; i++) {
        c.feeds[i] = tw_array_new(TW_FLOAT32, TW_SHAPE(BATCH, 1));
        tw_array_set(c.feeds[i], 0.5);
    }
    TW_CHECK(tw_make_callable(session, TW_FETCH(loss), .target = TW_FETCH(train),
                              .feed = TW_FETCH(X, y), .callable = &c.callable));
    report("the tutorial's training step (Adam, batch 100)", bench_time(run_call, &c), 1e-6);
    char *plan = NULL;
    TW_CHECK(tw_explain(session, TW_FETCH(loss), TW_FETCH(train), TW_FETCH(X, y), &plan));
    if (getenv("BENCH_EXPLAIN"))
        puts(plan);
    tw_free(plan);
    tw_callable_free(c.callable);
    tw_array_unref(c.feeds[0]);
    tw_array_unref(c.feeds[1]);
    tw_array_unref(c.outputs[0]);
    tw_session_free(session);
}

/* x, then a thousand tanh after it; seconds that an operation took to build. */
static double build_tanh(tw_tensor *x, tw_tensor *y)
{
    tw_reset_default_graph();
    *y = *x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(10, 10));
    double start = bench_now();
    for (int i = 0; i < 1000; i++)
        *y = tw_tanh(*y);
    return (bench_now() - start) / 1000;
}

static void thousand_tanh(void)
{
    enum { GRAPHS = 9 };
    tw_session *session = tw_session_new(
        &(struct tw_session_options){.size = sizeof(struct tw_session_options), .threads = 1});
    call c = {.feeds = {tw_array_new(TW_FLOAT32, TW_SHAPE(10, 10))},
              .outputs = {tw_array_new(TW_FLOAT32, TW_SHAPE(10, 10))}};
    tw_array_set(c.feeds[0], 0.5);
    double built[GRAPHS], planned[GRAPHS];
    for (int i = 0; i < GRAPHS; i++) {
        tw_callable_free(c.callable);
        tw_tensor x, y;
        built[i] = build_tanh(&x, &y);
        tw_session_free(session);
        session = tw_session_new(
            &(struct tw_session_options){.size = sizeof(struct tw_session_options), .threads = 1});
        double start = bench_now();
        TW_CHECK(
            tw_make_callable(session, TW_FETCH(y), .feed = TW_FETCH(x), .callable = &c.callable));
        run_call(&c);
        planned[i] = (bench_now() - start) / 1000;
    }
    report("1000 tanh on 10x10 in a row", bench_time(run_call, &c), 60e-6);
    report("building, an operation (1000 tanh)", bench_median(built, GRAPHS), 1.5e-6);
    report("planning and the first run, an operation", bench_median(planned, GRAPHS), 5e-6);
    tw_callable_free(c.callable);
    tw_array_unref(c.feeds[0]);
    tw_array_unref(c.outputs[0]);
    tw_session_free(session);
}

static void adam_million(void)
{
    enum { N = 1000000 };
    tw_reset_default_graph();
    tw_tensor w = tw_variable(tw_zeros(TW_SHAPE(N))),
              x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(N));
    tw_grad grad = tw_grad_of(x);
    tw_tensor train = tw_apply_gradients(tw_adam(.learning_rate = 0.001), ((tw_grads){&grad, 1}),
                                         TW_LIST(w));
    tw_session *session = tw_session_new(
        &(struct tw_session_options){.size = sizeof(struct tw_session_options), .threads = 1});
    TW_CHECK(tw_run(session, TW_FETCH(tw_global_variables_initializer())));
    call c = {.feeds = {tw_array_new(TW_FLOAT32, TW_SHAPE(N))}, .outputs = {NULL}};
    tw_array_set(c.feeds[0], 0.01);
    TW_CHECK(
        tw_make_callable(session, TW_FETCH(train), .feed = TW_FETCH(x), .callable = &c.callable));
    double seconds = bench_time(run_call, &c);
    static float from[7 * N / 2], to[7 * N / 2];
    double start = bench_now();
    for (int i = 0; i < 20; i++) {
        from[i] = (float)i;
        memcpy(to, from, sizeof to);
        __asm__ volatile("" : : "r"(to) : "memory"); /* somebody might read it */
    }
    double copy = (bench_now() - start) / 20;
    printf("%-58s %10.3f us   %.2f times as fast as a copy of as many bytes (%.3f us)\n",
           "Adam on 1e6 parameters", seconds * 1e6, copy / seconds, copy * 1e6);
    tw_callable_free(c.callable);
    tw_array_unref(c.feeds[0]);
    tw_session_free(session);
}

/* A net of two layers in a session, ready to be called. */
static call small_net(tw_session *session)
{
    tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(64, 64));
    tw_tensor w = tw_variable(tw_ones(TW_SHAPE(64, 64))),
              y = tw_tanh(tw_matmul(tw_tanh(tw_matmul(x, w)), w));
    TW_CHECK(tw_run(session, TW_FETCH(tw_global_variables_initializer())));
    call c = {.feeds = {tw_array_new(TW_FLOAT32, TW_SHAPE(64, 64))}};
    TW_CHECK(tw_make_callable(session, TW_FETCH(y), .feed = TW_FETCH(x), .callable = &c.callable));
    return c;
}

static void *many_calls(void *arg)
{
    call c = *(call *)arg;
    c.outputs[0] = tw_array_new(TW_FLOAT32, TW_SHAPE(64, 64));
    for (int i = 0; i < 1000; i++)
        run_call(&c);
    tw_array_unref(c.outputs[0]);
    return NULL;
}

/* How many times as many calls a second two threads make as one, each calling its own of
 * `calls`. */
static double two_against_one(call *calls[2])
{
    double start = bench_now();
    many_calls(calls[0]);
    double one = bench_now() - start;
    pthread_t threads[2];
    start = bench_now();
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, many_calls, calls[i]);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    return 2 * one / (bench_now() - start);
}

/* Two threads that call one callable, against one; and what the machine's two processors give where
 * nothing is shared: each thread has a session of its own. */
static void two_threads(void)
{
    enum { ROUNDS = 21 };
    tw_reset_default_graph();
    tw_session *sessions[2];
    call calls[2];
    for (int i = 0; i < 2; i++) {
        sessions[i] = tw_session_new(
            &(struct tw_session_options){.size = sizeof(struct tw_session_options), .threads = 1});
        calls[i] = small_net(sessions[i]);
        many_calls(&calls[i]);
    }
    double shared[ROUNDS], apart[ROUNDS];
    for (int r = 0; r < ROUNDS; r++) {
        shared[r] = two_against_one((call *[2]){&calls[0], &calls[0]});
        apart[r] = two_against_one((call *[2]){&calls[0], &calls[1]});
    }
    double times = bench_median(shared, ROUNDS);
    printf("%-58s %10.2f times   goal %8.2f times   %s (a session each: %.2f)\n",
           "throughput of two threads on one session", times, 1.6, times >= 1.6 ? "met" : "NOT MET",
           bench_median(apart, ROUNDS));
    for (int i = 0; i < 2; i++) {
        tw_callable_free(calls[i].callable);
        tw_array_unref(calls[i].feeds[0]);
        tw_session_free(sessions[i]);
    }
}

int main(void)
{
    constant_times_two();
    linear_regression();
    thousand_tanh();
    adam_million();
    two_threads();
    return 0;
}
