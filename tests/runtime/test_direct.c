/* SPDX-License-Identifier: Apache-2.0
 * Fetched values that are made where the caller wants them (src/runtime/direct.c): in given arrays,
 * in new ones, and every case in which they must be copied instead. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/near.h"
#include "support/session.h"
#include "tensor/array.h"
#include "thalweg/thalweg.h"

enum { SIDE = 65, N = SIDE * SIDE };

/* i % 7 - 3 and so on. */
static tw_array *some(int step)
{
    tw_array *array = tw_array_new(TW_FLOAT32, TW_SHAPE(SIDE, SIDE));
    for (int i = 0; i < N; i++)
        ((float *)tw_array_data(array))[i] = (float)(i * step % 7 - 3);
    return array;
}

static tw_tensor fed(void)
{
    return tw_placeholder(TW_FLOAT32, TW_SHAPE(SIDE, SIDE));
}

static tw_tensor twice_and_one(tw_tensor x)
{
    return tw_add(tw_mul(x, 2.0), 1.0);
}

static tw_callable *callable_of(tw_tensors fetch, tw_tensors feed)
{
    tw_callable *callable;
    assert_null(tw_graph_status(tw_default_graph()));
    TW_CHECK(
        tw_make_callable(.session = session, .fetch = fetch, .feed = feed, .callable = &callable));
    return callable;
}

/* Calls it and looks at factor x + added. */
static void assert_gives(tw_callable *callable, tw_array *x, tw_array **out, double factor,
                         double added)
{
    tw_array *before = tw_array_copy(x);
    TW_CHECK(tw_call(callable, &x, out));
    for (size_t i = 0; i < N; i++)
        assert_near(tw_array_get(*out, i), factor * tw_array_get(before, i) + added, 0);
    tw_array_unref(before);
}

static void a_given_array_and_a_new_one(void **state)
{
    (void)state;
    tw_tensor x = fed();
    tw_callable *callable = callable_of(TW_LIST(twice_and_one(x)), TW_LIST(x));
    tw_array *feed[2] = {some(1), some(3)}, *given = some(5), *made[2] = {NULL, NULL};
    void *memory = tw_array_data(given);
    for (int i = 0; i < 2; i++) {
        assert_gives(callable, feed[i], &given, 2, 1);
        assert_gives(callable, feed[i], &made[i], 2, 1);
    }
    assert_ptr_equal(tw_array_data(given), memory);
    assert_gives(callable, feed[0], &made[1], 2, 1);
    assert_near(tw_array_get(made[0], 3), 2 * tw_array_get(feed[0], 3) + 1, 0);
    for (int i = 0; i < 2; i++) {
        tw_array_unref(feed[i]);
        tw_array_unref(made[i]);
    }
    tw_array_unref(given);
    tw_callable_free(callable);
}

static void the_plan_says_so(void **state)
{
    (void)state;
    char *large = NULL, *small = NULL;
    tw_tensor y = twice_and_one(fed());
    tw_tensor z = twice_and_one(tw_placeholder(TW_FLOAT32, TW_SHAPE(10, 10)));
    TW_CHECK(tw_explain(session, TW_LIST(y), TW_LIST(), TW_LIST(), &large));
    TW_CHECK(tw_explain(session, TW_LIST(z), TW_LIST(), TW_LIST(), &small));
    assert_non_null(strstr(large, "or output"));
    assert_null(strstr(small, "or output"));
    tw_free(large);
    tw_free(small);
}

/* A product that wrote over its factor would read what it wrote. */
static void an_array_that_is_fed_as_well(void **state)
{
    (void)state;
    tw_tensor x = fed();
    tw_callable *square = callable_of(TW_LIST(tw_matmul(x, x)), TW_LIST(x));
    tw_callable *chain = callable_of(TW_LIST(twice_and_one(x)), TW_LIST(x));
    tw_array *a = some(1), *flat = tw_array_reshape(a, TW_SHAPE(N)), *want = NULL;
    tw_array *same = tw_array_reshape(flat, TW_SHAPE(SIDE, SIDE));
    TW_CHECK(tw_call(square, &a, &want));
    TW_CHECK(tw_call(square, &a, &same)); /* the same memory under another handle */
    assert_memory_equal(tw_array_data(same), tw_array_data(want), N * sizeof(float));
    tw_array_unref(flat);
    tw_array_unref(same);
    tw_array_unref(a);
    a = some(1);
    TW_CHECK(tw_call(square, &a, &a));
    assert_memory_equal(tw_array_data(a), tw_array_data(want), N * sizeof(float));
    assert_gives(chain, a, &a, 2, 1);
    tw_array_unref(a);
    tw_array_unref(want);
    tw_callable_free(square);
    tw_callable_free(chain);
}

/* The feed is what lies from the result's second row on, under a handle of its own. */
static void a_feed_that_is_borrowed_from_the_result(void **state)
{
    (void)state;
    tw_tensor x = tw_placeholder(TW_FLOAT32, TW_SHAPE(SIDE - 1, SIDE));
    tw_callable *square = callable_of(TW_LIST(tw_matmul(x, x, .transpose_a = true)), TW_LIST(x));
    tw_array *out = some(1), *copy, *want = NULL, *outs[1] = {out};
    tw_array *feed = tw_array_borrow(TW_FLOAT32, TW_SHAPE(SIDE - 1, SIDE),
                                     (float *)tw_array_data(out) + SIDE);
    copy = tw_array_copy(feed);
    TW_CHECK(tw_call(square, &copy, &want));
    TW_CHECK(tw_call(square, &feed, outs));
    assert_memory_equal(tw_array_data(out), tw_array_data(want), N * sizeof(float));
    tw_array *const all[] = {feed, copy, want, out};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        tw_array_unref(all[i]);
    tw_callable_free(square);
}

static void one_array_for_two_values(void **state)
{
    (void)state;
    tw_tensor x = fed(), y = twice_and_one(x);
    tw_callable *callable = callable_of(TW_LIST(y, tw_matmul(y, y)), TW_LIST(x));
    tw_array *feed = some(1), *made[2] = {NULL, NULL}, *one = some(1), *both[2] = {one, one};
    TW_CHECK(tw_call(callable, &feed, made));
    TW_CHECK(tw_call(callable, &feed, both));
    assert_memory_equal(tw_array_data(one), tw_array_data(made[1]), N * sizeof(float));
    assert_near(tw_array_get(made[0], 1), 2 * tw_array_get(feed, 1) + 1, 0);
    tw_array_unref(made[0]);
    tw_array_unref(made[1]);
    tw_array_unref(one);
    tw_array_unref(feed);
    tw_callable_free(callable);
}

/* Memory of others, at any address, and memory of ours that does not begin where vectors do. */
static void memory_of_others(void **state)
{
    (void)state;
    static float memory[N + 1];
    tw_tensor x = fed();
    tw_callable *callable = callable_of(TW_LIST(twice_and_one(x)), TW_LIST(x));
    tw_array *feed = some(1),
             *borrowed = tw_array_borrow(TW_FLOAT32, TW_SHAPE(SIDE, SIDE), memory + 1);
    tw_storage *storage = tw_storage_new(TW_FLOAT32, N + 1);
    tw_array *inside = tw_array_view(storage, TW_FLOAT32, TW_SHAPE(SIDE, SIDE),
                                     (float *)storage->data + 1);
    tw_storage_unref(storage);
    assert_gives(callable, feed, &borrowed, 2, 1);
    assert_gives(callable, feed, &inside, 2, 1);
    assert_near(memory[N], 2 * tw_array_get(feed, N - 1) + 1, 0);
    tw_array_unref(borrowed);
    tw_array_unref(inside);
    tw_array_unref(feed);
    tw_callable_free(callable);
}

static void values_that_others_read_or_see(void **state)
{
    (void)state;
    tw_tensor x = fed(), y = twice_and_one(x), z = tw_matmul(y, y);
    tw_tensor flat = tw_reshape(y, tw_constant(TW_INTS(N)));
    tw_callable *callable = callable_of(TW_LIST(y, z, flat, y, tw_reduce_sum(z)), TW_LIST(x));
    tw_array *feed = some(1), *out[5] = {NULL};
    for (int i = 0; i < 2; i++) /* into new arrays, then over them */
        TW_CHECK(tw_call(callable, &feed, out));
    double sum = 0;
    for (size_t i = 0; i < N; i++) {
        double want = 2 * tw_array_get(feed, i) + 1;
        assert_near(tw_array_get(out[0], i), want, 0);
        assert_near(tw_array_get(out[2], i), want, 0);
        assert_near(tw_array_get(out[3], i), want, 0);
        sum += tw_array_get(out[1], i);
    }
    assert_near(tw_array_get(out[4], 0), sum, 0);
    for (int i = 0; i < 5; i++)
        tw_array_unref(out[i]);
    tw_array_unref(feed);
    tw_callable_free(callable);
}

static void refused(tw_status *status)
{
    assert_non_null(status);
    tw_status_free(status);
}

/* Either all results are given or none, and what was given is as it was. */
static void a_failure_leaves_everything_as_it_was(void **state)
{
    (void)state;
    tw_tensor x = fed(), by = tw_placeholder(TW_INT32, TW_SHAPE()), y = twice_and_one(x);
    tw_tensor quotient = tw_cast(tw_floor_div(tw_constant(7), by), TW_FLOAT32);
    tw_callable *before = callable_of(TW_LIST(tw_mul(y, quotient)), TW_LIST(x, by));
    tw_callable *both = callable_of(TW_LIST(y, quotient), TW_LIST(x, by));
    tw_array *zero = tw_array_scalar(TW_INT32, 0), *two = tw_array_scalar(TW_INT32, 2);
    tw_array *feed[2] = {some(1), zero}, *given = some(5), *kept = some(5), *none = NULL;
    tw_array *wrong = some(1), *out[2] = {NULL, NULL};
    refused(tw_call(before, feed, &given));
    refused(tw_call(before, feed, &none));
    refused(tw_call(both, feed, out));
    assert_null(none);
    assert_null(out[0]);
    feed[1] = two;
    out[1] = wrong;
    refused(tw_call(both, feed, out));
    assert_null(out[0]);
    out[0] = given, out[1] = NULL;
    feed[1] = zero;
    refused(tw_call(both, feed, out));
    assert_memory_equal(tw_array_data(given), tw_array_data(kept), N * sizeof(float));
    feed[1] = two;
    TW_CHECK(tw_call(both, feed, out));
    assert_near(tw_array_get(given, 1), 2 * tw_array_get(feed[0], 1) + 1, 0);
    assert_near(tw_array_get(out[1], 0), 3, 0);
    tw_array *const all[] = {feed[0], zero, two, given, kept, wrong, out[1]};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        tw_array_unref(all[i]);
    tw_callable_free(before);
    tw_callable_free(both);
}

/* The value of a variable in the caller's array is not the variable. */
/* However many there are: the last array is of another shape, which is found after all others. */
static void a_failure_after_many_gives_none_of_them(void **state)
{
    (void)state;
    enum { MANY = 70 };
    tw_tensor x = fed(), y[MANY];
    tw_array *out[MANY] = {NULL}, *feed = some(1), *wrong = tw_array_new(TW_FLOAT32, TW_SHAPE(3));
    for (size_t i = 0; i < MANY; i++)
        y[i] = i % 2 ? tw_mul(x, (double)i) : tw_reduce_sum(tw_mul(x, (double)i));
    tw_callable *callable = callable_of((tw_tensors){y, MANY}, TW_LIST(x));
    out[MANY - 1] = wrong;
    tw_status *status = tw_call(callable, &feed, out);
    assert_non_null(status);
    tw_status_free(status);
    for (size_t i = 0; i + 1 < MANY; i++)
        assert_null(out[i]);
    assert_ptr_equal(out[MANY - 1], wrong);
    tw_array_unref(wrong);
    tw_array_unref(feed);
    tw_callable_free(callable);
}

static void a_variable_is_not_its_copy(void **state)
{
    (void)state;
    tw_tensor v = tw_variable(tw_ones(TW_SHAPE(SIDE, SIDE)));
    TW_CHECK(tw_run(session, TW_FETCH(tw_global_variables_initializer())));
    tw_callable *callable = callable_of(TW_LIST(twice_and_one(v)), TW_LIST());
    tw_array *out = NULL, *after = NULL;
    for (int i = 0; i < 3; i++) {
        TW_CHECK(tw_call(callable, NULL, &out));
        assert_near(tw_array_get(out, N - 1), 3, 0);
    }
    TW_CHECK(tw_session_get(session, v, &after));
    assert_near(tw_array_get(after, N - 1), 1, 0);
    tw_array_unref(out);
    tw_array_unref(after);
    tw_callable_free(callable);
}

/* What the hooks of a call by views were given. */
typedef struct seen {
    int fetched, taken;
    bool fails;
    double last;
    tw_array *array;
} seen;

static tw_status *fetch(size_t index, const tw_view *value, void *user)
{
    (void)index, (void)value;
    ((seen *)user)->fetched++;
    return TW_OK;
}

static tw_status *take(size_t index, tw_array *array, void *user)
{
    seen *s = user;
    assert_int_equal(index, 0);
    s->taken++;
    s->last = tw_array_get(array, tw_array_count(array) - 1);
    if (!s->fails)
        s->array = array;
    else
        tw_array_unref(array);
    return s->fails ? tw_status_new(TW_UNKNOWN, "not wanted") : TW_OK;
}

/* A front end gets an array of its own where it asks for that; what is small is copied. */
static void large_values_may_be_taken(void **state)
{
    (void)state;
    tw_tensor x = tw_placeholder(TW_FLOAT32, TW_SHAPE(-1)), y = twice_and_one(x);
    tw_callable *callable = callable_of(TW_LIST(y, tw_reduce_sum(y)), TW_LIST(x));
    static float numbers[40000];
    numbers[39999] = 3;
    for (int round = 0; round < 3; round++) {
        size_t n = round == 1 ? 2000 : 40000;
        tw_view view = {TW_FLOAT32, TW_SHAPE((int64_t)n), numbers};
        seen s = {.fails = round == 2};
        struct tw_call_options options = {
            .size = sizeof options, .fetch = fetch, .take = take, .user = &s};
        tw_status *status = tw_call_views(callable, &view, &options);
        assert_true(!status == !s.fails);
        tw_status_free(status);
        assert_int_equal(s.taken, round != 1);
        assert_int_equal(s.fetched, round == 1 ? 2 : round == 2 ? 0 : 1);
        if (round != 1)
            assert_near(s.last, 7, 0);
        if (round == 0) {
            options.take = NULL;
            TW_CHECK(tw_call_views(callable, &view, &options));
            assert_int_equal(s.fetched, 3);
            assert_near(tw_array_get(s.array, 39999), 7, 0);
        }
        tw_array_unref(s.array);
    }
    tw_callable_free(callable);
}

static void *call_often(void *callable)
{
    tw_array *feed = some(3), *given = NULL;
    for (int i = 0; i < 200; i++) {
        tw_array *made = NULL;
        assert_gives(callable, feed, &given, 2, 1);
        assert_gives(callable, feed, &made, 2, 1);
        tw_array_unref(made);
    }
    tw_array_unref(feed);
    tw_array_unref(given);
    return NULL;
}

static void threads_have_arrays_of_their_own(void **state)
{
    (void)state;
    tw_tensor x = fed();
    tw_callable *callable = callable_of(TW_LIST(twice_and_one(x)), TW_LIST(x));
    pthread_t threads[3];
    for (int t = 0; t < 3; t++)
        assert_int_equal(pthread_create(&threads[t], NULL, call_often, callable), 0);
    for (int t = 0; t < 3; t++)
        pthread_join(threads[t], NULL);
    tw_callable_free(callable);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_given_array_and_a_new_one, setup, teardown),
        cmocka_unit_test_setup_teardown(the_plan_says_so, setup, teardown),
        cmocka_unit_test_setup_teardown(an_array_that_is_fed_as_well, setup, teardown),
        cmocka_unit_test_setup_teardown(a_feed_that_is_borrowed_from_the_result, setup, teardown),
        cmocka_unit_test_setup_teardown(one_array_for_two_values, setup, teardown),
        cmocka_unit_test_setup_teardown(memory_of_others, setup, teardown),
        cmocka_unit_test_setup_teardown(values_that_others_read_or_see, setup, teardown),
        cmocka_unit_test_setup_teardown(a_failure_leaves_everything_as_it_was, setup, teardown),
        cmocka_unit_test_setup_teardown(a_failure_after_many_gives_none_of_them, setup, teardown),
        cmocka_unit_test_setup_teardown(a_variable_is_not_its_copy, setup, teardown),
        cmocka_unit_test_setup_teardown(large_values_may_be_taken, setup, teardown),
        cmocka_unit_test_setup_teardown(threads_have_arrays_of_their_own, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
