/* SPDX-License-Identifier: Apache-2.0
 * What is only assigned is made where the variable is (src/plan/into.c): the memory that this
 * saves, and every case in which it must not be done. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/session.h"
#include "thalweg/thalweg.h"

enum { N = 5000 };

static tw_tensor filled(double value)
{
    return tw_variable(tw_fill(TW_SHAPE(N), tw_constant(value)));
}

static void initialize(void)
{
    assert_null(tw_graph_status(tw_default_graph()));
    TW_CHECK(tw_run(session, TW_FETCH(tw_global_variables_initializer())));
}

/* The first and the last element of a variable. */
static void assert_holds(tw_tensor variable, double value)
{
    tw_array *got = NULL;
    TW_CHECK(tw_session_get(session, variable, &got));
    assert_float_equal(tw_array_get(got, 0), value, 1e-5);
    assert_float_equal(tw_array_get(got, N - 1), value, 1e-5);
    tw_array_unref(got);
}

static size_t arena_of(tw_tensor fetch)
{
    tw_plan_counts counts;
    TW_CHECK(tw_session_plan_counts(session, TW_FETCH(fetch), TW_LIST(), TW_LIST(), &counts));
    return counts.arena_bytes;
}

static tw_tensor twice_and_one(tw_tensor x)
{
    return tw_add(tw_mul(x, 2.0), 1.0);
}

static void a_fused_chain_needs_no_memory_of_its_own(void **state)
{
    (void)state;
    tw_tensor x = filled(3), to = filled(0), set = tw_assign(to, twice_and_one(x));
    initialize();
    TW_CHECK(tw_run(session, TW_FETCH(set)));
    TW_CHECK(tw_run(session, TW_FETCH(set)));
    assert_holds(to, 7);
    assert_holds(x, 3);
    assert_int_equal(arena_of(set), 0);
}

static void a_softmax_too(void **state)
{
    (void)state;
    tw_tensor x = tw_variable(tw_zeros(TW_SHAPE(N, 4))), to = tw_variable(tw_zeros(TW_SHAPE(N, 4)));
    tw_tensor set = tw_assign(to, tw_softmax(x));
    initialize();
    TW_CHECK(tw_run(session, TW_FETCH(set)));
    assert_holds(to, 0.25);
    assert_int_equal(arena_of(set), 0);
}

/* What initializers do: nothing of a model's size is needed beside its variables. */
static void first_values_too(void **state)
{
    (void)state;
    tw_tensor zeros = filled(0.5), uniform = tw_variable(tw_raw_random_uniform(
                                       tw_constant(TW_INTS(N)), .dtype = TW_FLOAT32));
    initialize();
    assert_holds(zeros, 0.5);
    assert_int_equal(arena_of(tw_variable_initializer(zeros)), 0);
    assert_int_equal(arena_of(tw_variable_initializer(uniform)), 0);
    tw_array *got = NULL;
    TW_CHECK(tw_session_get(session, uniform, &got));
    assert_true(tw_array_get(got, 0) != tw_array_get(got, N - 1));
    tw_array_unref(got);
}

static void a_variable_without_a_value_gets_one(void **state)
{
    (void)state;
    tw_tensor x = filled(1), to = filled(0), set = tw_assign(to, twice_and_one(x));
    TW_CHECK(tw_run(session, TW_FETCH(tw_variables_initializer(TW_LIST(x), NULL))));
    TW_CHECK(tw_run(session, TW_FETCH(set)));
    assert_holds(to, 3);
}

static void a_chain_of_the_variable_itself_is_copied(void **state)
{
    (void)state;
    tw_tensor v = filled(1), set = tw_assign(v, twice_and_one(v));
    initialize();
    for (int i = 0; i < 3; i++)
        TW_CHECK(tw_run(session, TW_FETCH(set)));
    assert_holds(v, 15);
    assert_true(arena_of(set) > 0);
}

/* The chain has to wait for whoever reads the old value. */
static void a_reader_of_the_old_value_sees_it(void **state)
{
    (void)state;
    tw_tensor x = filled(1), to = filled(5), before = tw_reduce_sum(tw_square(to));
    tw_tensor set = tw_assign(to, twice_and_one(x));
    initialize();
    tw_array *out[2] = {NULL, NULL};
    TW_CHECK(tw_run(session, TW_FETCH(before, set), .out = out));
    assert_float_equal(tw_array_item(out[0]), 25.0 * N, 1);
    assert_float_equal(tw_array_item(out[1]), 3, 0);
    tw_array_unref(out[0]);
    tw_array_unref(out[1]);
}

static void what_others_read_as_well_stays_theirs(void **state)
{
    (void)state;
    tw_tensor x = filled(1), to = filled(0), y = twice_and_one(x), set = tw_assign(to, y);
    tw_tensor again = tw_assign_add(set, y), sum = tw_reduce_sum(tw_mul(y, 1.0));
    initialize();
    tw_array *out[3] = {NULL, NULL, NULL};
    TW_CHECK(tw_run(session, TW_FETCH(y, sum, again), .out = out));
    assert_float_equal(tw_array_item(out[0]), 3, 0);
    assert_float_equal(tw_array_item(out[1]), 3.0 * N, 0.1);
    assert_holds(to, 6);
    for (int i = 0; i < 3; i++)
        tw_array_unref(out[i]);
}

/* An array that somebody took out of the session is not written to. */
static void what_was_taken_out_before_stays(void **state)
{
    (void)state;
    tw_tensor x = filled(1), to = filled(5), set = tw_assign(to, twice_and_one(x));
    tw_array *taken = NULL;
    initialize();
    TW_CHECK(tw_run(session, TW_FETCH(to), .out = &taken));
    TW_CHECK(tw_run(session, TW_FETCH(set)));
    assert_float_equal(tw_array_item(taken), 5, 0);
    assert_holds(to, 3);
    tw_array_unref(taken);
}

/* An integer division fails while it runs: the variable keeps its value. */
static void what_may_fail_is_copied(void **state)
{
    (void)state;
    tw_tensor x = tw_placeholder(TW_INT32, .shape = TW_SHAPE(N));
    tw_tensor to = tw_variable(tw_fill(TW_SHAPE(N), tw_constant(5)));
    tw_tensor set = tw_assign(to, tw_floor_div(tw_add(x, 1), x));
    initialize();
    tw_array *zeros = tw_array_new(TW_INT32, TW_SHAPE(N));
    tw_status *status = tw_run(session, TW_FETCH(set), .feed = TW_FEED({x, zeros}));
    assert_non_null(status);
    tw_status_free(status);
    assert_holds(to, 5);
    tw_array_unref(zeros);
}

/* Large enough to be stored past the caches, with a short block at the end, on two threads. */
static void a_large_result_is_what_each_element_says(void **state)
{
    (void)state;
    enum { LARGE = (4 << 20) + 37 };
    tw_array *in = tw_array_new(TW_FLOAT32, TW_SHAPE(LARGE)), *out = NULL;
    float *numbers = tw_array_data(in);
    for (int64_t i = 0; i < LARGE; i++)
        numbers[i] = (float)(i % 1001);
    tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(LARGE)), y = twice_and_one(x);
    TW_CHECK(tw_run(session, TW_FETCH(y), .feed = TW_FEED({x, in}), .out = &out, .threads = 2));
    const float *got = tw_array_const_data(out);
    for (int64_t i = 0; i < LARGE; i++) {
        if (got[i] != 2 * numbers[i] + 1)
            fail_msg("element %d is %g", (int)i, (double)got[i]);
    }
    tw_array_unref(in);
    tw_array_unref(out);
}

/* Rows in any order, some of them twice: the update of each in turn, at any number of threads. */
static void a_sparse_update_is_one_of_each_row(void **state)
{
    (void)state;
    enum { ROWS = 50, WIDTH = 100, TAKEN = 3000 };
    tw_array *ids = tw_array_new(TW_INT32, TW_SHAPE(TAKEN)), *left[2] = {NULL, NULL};
    tw_array *grad = tw_array_new(TW_FLOAT32, TW_SHAPE(TAKEN, WIDTH));
    static double want[ROWS], accum[ROWS];
    for (int i = 0; i < ROWS; i++)
        want[i] = 0, accum[i] = 1;
    for (int i = 0; i < TAKEN; i++) {
        int row = (i * 37) % ROWS;
        float g = (float)(i % 7) / 8;
        ((int32_t *)tw_array_data(ids))[i] = row;
        for (int j = 0; j < WIDTH; j++)
            ((float *)tw_array_data(grad))[i * WIDTH + j] = g;
        accum[row] += (double)g * (double)g;
        want[row] -= 0.5 * (double)g / sqrt(accum[row]);
    }
    tw_tensor i = tw_placeholder(TW_INT32, .shape = TW_SHAPE(TAKEN)),
              g = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(TAKEN, WIDTH));
    tw_tensor var = tw_variable(tw_zeros(TW_SHAPE(ROWS, WIDTH))),
              acc = tw_variable(tw_ones(TW_SHAPE(ROWS, WIDTH)));
    tw_tensor step = tw_sparse_apply_adagrad(var, acc, 0.5, g, i);
    for (int t = 0; t < 2; t++) {
        initialize();
        TW_CHECK(tw_run(session, TW_FETCH(step), .feed = TW_FEED({i, ids}, {g, grad}),
                        .threads = 1 + 2 * t));
        TW_CHECK(tw_session_get(session, var, &left[t]));
    }
    assert_memory_equal(tw_array_data(left[0]), tw_array_data(left[1]), tw_array_bytes(left[0]));
    for (size_t r = 0; r < ROWS; r++)
        assert_float_equal(tw_array_get(left[0], r * WIDTH + 3), want[r], 1e-3);
    tw_array_unref(ids);
    tw_array_unref(grad);
    tw_array_unref(left[0]);
    tw_array_unref(left[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_fused_chain_needs_no_memory_of_its_own, setup, teardown),
        cmocka_unit_test_setup_teardown(a_softmax_too, setup, teardown),
        cmocka_unit_test_setup_teardown(first_values_too, setup, teardown),
        cmocka_unit_test_setup_teardown(a_variable_without_a_value_gets_one, setup, teardown),
        cmocka_unit_test_setup_teardown(a_chain_of_the_variable_itself_is_copied, setup, teardown),
        cmocka_unit_test_setup_teardown(a_reader_of_the_old_value_sees_it, setup, teardown),
        cmocka_unit_test_setup_teardown(what_others_read_as_well_stays_theirs, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_taken_out_before_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(what_may_fail_is_copied, setup, teardown),
        cmocka_unit_test_setup_teardown(a_large_result_is_what_each_element_says, setup, teardown),
        cmocka_unit_test_setup_teardown(a_sparse_update_is_one_of_each_row, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
