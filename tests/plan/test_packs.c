/* SPDX-License-Identifier: Apache-2.0
 * Packed copies of variables (src/plan/packs.c): who reads one, and that none is older than the
 * variable. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/near.h"
#include "support/session.h"
#include "thalweg/thalweg.h"

enum { M = 5, K = 64, N = 96 };

/* (K, N) of `value` everywhere. */
static tw_tensor weights(double value)
{
    return tw_variable(tw_fill(TW_SHAPE(K, N), tw_constant(value)));
}

static tw_tensor ones(void)
{
    return tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(M, K));
}

/* Runs with ones for x and gives the first element, after having seen that all are the same. */
static double first_of(tw_tensor fetch, tw_tensor target, tw_tensor x)
{
    tw_array *in = tw_array_new(TW_FLOAT32, TW_SHAPE(M, K)), *out = NULL;
    tw_array_set(in, 1);
    tw_tensors targets = {&target, target.op ? 1 : 0};
    TW_CHECK(
        tw_run(session, TW_FETCH(fetch), .target = targets, .feed = TW_FEED({x, in}), .out = &out));
    double first = tw_array_get(out, 0);
    for (size_t i = 0; i < tw_array_count(out); i++)
        assert_near(tw_array_get(out, i), first, 0);
    tw_array_unref(in);
    tw_array_unref(out);
    return first;
}

static int copies_of(tw_tensor fetch, tw_tensor target, tw_tensors feed)
{
    char *text = NULL;
    int count = 0;
    tw_tensors targets = {&target, target.op ? 1 : 0};
    TW_CHECK(tw_explain(session, TW_FETCH(fetch), targets, feed, &text));
    for (const char *at = text; (at = strstr(at, "(packed copy)")); at++)
        count++;
    tw_free(text);
    return count;
}

static void initialize(void)
{
    assert_null(tw_graph_status(tw_default_graph()));
    TW_CHECK(tw_run(session, TW_FETCH(tw_global_variables_initializer())));
}

static const tw_tensor none;

static void a_product_with_a_variable_that_stays_reads_a_copy(void **state)
{
    (void)state;
    tw_tensor x = ones(), y = tw_matmul(x, weights(2));
    initialize();
    assert_int_equal(copies_of(y, none, TW_LIST(x)), 1);
    for (int i = 0; i < 3; i++)
        assert_near(first_of(y, none, x), 2 * K, 0);
}

static void no_copy_is_older_than_the_variable(void **state)
{
    (void)state;
    tw_tensor x = ones(), w = weights(2), y = tw_matmul(x, w);
    tw_tensor add = tw_assign_add(w, tw_ones(TW_SHAPE(K, N)));
    tw_array *value = tw_array_new(TW_FLOAT32, TW_SHAPE(K, N));
    initialize();
    for (int i = 0; i < 3; i++) {
        assert_near(first_of(y, none, x), (2 + i) * K, 0);
        TW_CHECK(tw_run(session, TW_FETCH(add)));
    }
    tw_array_set(value, 7);
    TW_CHECK(tw_session_set(session, w, value));
    assert_near(first_of(y, none, x), 7 * K, 0);
    tw_array_unref(value);
}

/* One that is written in each run is packed for nothing, but where several steps read it between
 * two writes. */
static void a_variable_that_is_trained_is_packed_for_three_readers(void **state)
{
    (void)state;
    tw_tensor x = ones(), w = weights(1), sum = tw_matmul(x, w);
    tw_tensor add = tw_assign_add(w, tw_ones(TW_SHAPE(K, N)));
    initialize();
    assert_int_equal(copies_of(sum, add, TW_LIST(x)), 0);
    for (int i = 2; i < 4; i++)
        sum = tw_add(sum, tw_matmul(tw_mul(x, (double)i), w));
    tw_tensor more;
    TW_CONTROL_DEPENDENCIES(sum) {
        more = tw_assign_add(w, tw_ones(TW_SHAPE(K, N)));
    }
    assert_int_equal(copies_of(sum, more, TW_LIST(x)), 3);
    for (int i = 0; i < 3; i++)
        assert_near(first_of(sum, more, x), 6 * (1 + i) * K, 0);
}

/* Readers before and after a write in one run. */
static void a_write_in_the_run_is_seen_by_those_after_it(void **state)
{
    (void)state;
    tw_tensor x = ones(), w = weights(1), before = tw_matmul(x, w), after = before;
    for (int i = 2; i < 5; i++)
        before = tw_add(before, tw_matmul(tw_mul(x, (double)i), w));
    tw_tensor add;
    TW_CONTROL_DEPENDENCIES(before) {
        add = tw_assign_add(w, tw_ones(TW_SHAPE(K, N)));
    }
    tw_tensor now;
    TW_CONTROL_DEPENDENCIES(add) {
        now = tw_identity(w);
    }
    after = tw_matmul(x, now);
    for (int i = 2; i < 5; i++)
        after = tw_add(after, tw_matmul(tw_mul(x, (double)i), now));
    tw_tensor both = tw_add(before, tw_mul(after, 1000.0));
    initialize();
    assert_near(first_of(both, none, x), 10.0 * K + 1000 * 20.0 * K, 0);
    assert_near(first_of(both, none, x), 20.0 * K + 1000 * 30.0 * K, 0);
}

static void a_copy_gives_the_bits_of_the_product_itself(void **state)
{
    (void)state;
    tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(-1, K));
    tw_tensor w = tw_variable(tw_random_normal(TW_SHAPE(K, N)));
    tw_tensor fed = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(K, N));
    tw_tensor y = tw_matmul(x, w), z = tw_matmul(x, fed);
    initialize();
    tw_array *in = tw_array_new(TW_FLOAT32, TW_SHAPE(20, K)), *value = NULL, *a = NULL, *b = NULL;
    for (size_t i = 0; i < tw_array_count(in); i++)
        ((float *)tw_array_data(in))[i] = (float)(i % 11) / 7;
    TW_CHECK(tw_session_get(session, w, &value));
    TW_CHECK(tw_run(session, TW_FETCH(y), .feed = TW_FEED({x, in}), .out = &a));
    TW_CHECK(tw_run(session, TW_FETCH(z), .feed = TW_FEED({x, in}, {fed, value}), .out = &b));
    assert_memory_equal(tw_array_data(a), tw_array_data(b), tw_array_bytes(a));
    tw_array_unref(in);
    tw_array_unref(value);
    tw_array_unref(a);
    tw_array_unref(b);
}

/* 5 x 5 goes by Winograd's algorithm, 4 x 4 the direct way; each packs in its own form. */
static void filters_are_kept_too(void **state)
{
    (void)state;
    for (int64_t window = 4; window < 6; window++) {
        tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(1, 12, 12, 32));
        tw_tensor w = tw_variable(tw_fill(TW_SHAPE(window, window, 32, 32), tw_constant(0.25)));
        tw_tensor y = tw_conv2d(x, w, .strides = TW_INTS(1, 1, 1, 1), .padding = "VALID");
        tw_tensor twice = tw_assign_add(w, w);
        initialize();
        assert_int_equal(copies_of(y, none, TW_LIST(x)), 1);
        tw_array *in = tw_array_new(TW_FLOAT32, TW_SHAPE(1, 12, 12, 32));
        tw_array_set(in, 1);
        for (int i = 0; i < 3; i++) {
            tw_array *out = NULL;
            double want = (double)(window * window) * 32 * 0.25 * (1 << i);
            TW_CHECK(tw_run(session, TW_FETCH(y), .feed = TW_FEED({x, in}), .out = &out));
            for (size_t k = 0; k < tw_array_count(out); k++)
                assert_near(tw_array_get(out, k), want, want * 1e-5);
            tw_array_unref(out);
            TW_CHECK(tw_run(session, TW_FETCH(twice)));
        }
        tw_array_unref(in);
    }
}

/* ---- threads ---- */

typedef struct shared {
    tw_tensor x, y, add;
    atomic_int wrong;
} shared;

/* All weights are the same whole number, whichever write a run sees. */
static void *read_often(void *arg)
{
    shared *s = arg;
    tw_array *in = tw_array_new(TW_FLOAT32, TW_SHAPE(M, K));
    tw_array_set(in, 1);
    for (int i = 0; i < 200; i++) {
        tw_array *out = NULL;
        tw_status *status = tw_run(session, TW_FETCH(s->y), .feed = TW_FEED({s->x, in}),
                                   .out = &out);
        double first = status ? -1 : tw_array_get(out, 0);
        bool good = !status && first / K == (double)(int)(first / K);
        for (size_t k = 0; good && k < tw_array_count(out); k++)
            good = tw_array_get(out, k) == first;
        if (!good)
            atomic_fetch_add(&s->wrong, 1);
        tw_status_free(status);
        tw_array_unref(out);
    }
    tw_array_unref(in);
    return NULL;
}

static void *write_often(void *arg)
{
    shared *s = arg;
    for (int i = 0; i < 200; i++) {
        tw_status *status = tw_run(session, TW_FETCH(s->add));
        if (status)
            atomic_fetch_add(&s->wrong, 1);
        tw_status_free(status);
    }
    return NULL;
}

static void readers_and_writers_never_see_half_of_a_value(void **state)
{
    (void)state;
    shared s = {.x = ones()};
    tw_tensor w = weights(1);
    s.y = tw_matmul(s.x, w);
    s.add = tw_assign_add(w, tw_ones(TW_SHAPE(K, N)));
    initialize();
    pthread_t threads[3];
    for (int t = 0; t < 3; t++)
        assert_int_equal(pthread_create(&threads[t], NULL, t ? read_often : write_often, &s), 0);
    for (int t = 0; t < 3; t++)
        pthread_join(threads[t], NULL);
    assert_int_equal(atomic_load(&s.wrong), 0);
    assert_near(first_of(s.y, none, s.x), 201.0 * K, 0);
}

/* Each run makes copies of its own, in its arena, of whatever the variable is then. */
static void runs_that_train_at_once_read_whole_copies(void **state)
{
    (void)state;
    shared s = {.x = ones()};
    tw_tensor w = weights(1), sum = tw_matmul(s.x, w), more;
    for (int i = 2; i < 4; i++)
        sum = tw_add(sum, tw_matmul(tw_mul(s.x, (double)i), w));
    TW_CONTROL_DEPENDENCIES(sum) {
        more = tw_assign_add(w, tw_ones(TW_SHAPE(K, N)));
    }
    TW_CONTROL_DEPENDENCIES(more) {
        s.y = tw_identity(sum);
    }
    s.add = tw_assign_add(w, tw_ones(TW_SHAPE(K, N)));
    initialize();
    assert_int_equal(copies_of(s.y, none, TW_LIST(s.x)), 3);
    pthread_t threads[3];
    for (int t = 0; t < 3; t++)
        assert_int_equal(pthread_create(&threads[t], NULL, t ? read_often : write_often, &s), 0);
    for (int t = 0; t < 3; t++)
        pthread_join(threads[t], NULL);
    assert_int_equal(atomic_load(&s.wrong), 0);
    assert_near(first_of(s.y, none, s.x), 6 * 601.0 * K, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_product_with_a_variable_that_stays_reads_a_copy),
        TEST(no_copy_is_older_than_the_variable),
        TEST(a_variable_that_is_trained_is_packed_for_three_readers),
        TEST(a_write_in_the_run_is_seen_by_those_after_it),
        TEST(a_copy_gives_the_bits_of_the_product_itself),
        TEST(filters_are_kept_too),
        TEST(readers_and_writers_never_see_half_of_a_value),
        TEST(runs_that_train_at_once_read_whole_copies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
