/* SPDX-License-Identifier: Apache-2.0
 * Updates that wait (src/plan/delay.c): the memory that this saves, and what they must not wait
 * for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/near.h"
#include "support/session.h"
#include "thalweg/thalweg.h"

/* `large` is 1.6 MB and read at the end; the gradient has 2.4 MB. */
enum { ROWS = 2000, COLS = 200, WIDE = 3000, FEW = 10 };

/* A step of training: something large, a gradient of `w` and its update, and what is read of the
 * large one after that. */
typedef struct model {
    tw_tensor large, w, gradient, update;
} model;

static tw_tensor filled(int64_t rows, int64_t cols, double value)
{
    return tw_variable(tw_fill(TW_SHAPE(rows, cols), tw_constant(value)));
}

static model make_model(void)
{
    model m;
    m.large = tw_matmul(filled(ROWS, FEW, 0.5), filled(FEW, COLS, 0.25));
    tw_tensor few = tw_matmul(filled(ROWS, FEW, 0.001), m.large, .transpose_a = true);
    m.gradient = tw_matmul(few, filled(FEW, WIDE, 2), .transpose_a = true);
    m.w = filled(COLS, WIDE, 3);
    m.update = tw_apply_momentum(m.w, filled(COLS, WIDE, 0), 0.5, m.gradient, 0.9);
    return m;
}

/* The last reader of what is large. */
static tw_tensor end_of(tw_tensor large)
{
    return tw_reduce_sum(tw_matmul(large, filled(COLS, FEW, 1)));
}

static void initialize(void)
{
    assert_null(tw_graph_status(tw_default_graph()));
    TW_CHECK(tw_run(session, TW_FETCH(tw_global_variables_initializer())));
}

/* What a run of both needs beside variables. */
static size_t arena_of(tw_tensor fetch, tw_tensor target)
{
    tw_plan_counts counts;
    TW_CHECK(tw_session_plan_counts(session, TW_FETCH(fetch), TW_LIST(target), TW_LIST(), &counts));
    return counts.arena_bytes;
}

/* All numbers are the same, since all inputs are. */
static void assert_all(const tw_array *got, double value)
{
    for (size_t i = 0; i < tw_array_count(got); i++)
        assert_near(tw_array_get(got, i), value, 1e-3);
}

static void assert_holds(tw_tensor variable, double value)
{
    tw_array *got = NULL;
    TW_CHECK(tw_session_get(session, variable, &got));
    assert_all(got, value);
    tw_array_unref(got);
}

/* Of 0.5 x 0.25 over 10 terms, then 0.001 over 2000, then 2 over 10. */
static const double large = 1.25, gradient = 50;

static void a_large_gradient_is_made_when_the_rest_is_gone(void **state)
{
    (void)state;
    model m = make_model();
    tw_tensor end = end_of(m.large);
    tw_array *out = NULL;
    initialize();
    assert_true(arena_of(end, m.update) < 3000000);
    TW_CHECK(tw_run(session, TW_FETCH(end), .target = TW_LIST(m.update), .out = &out));
    assert_near(tw_array_get(out, 0) / (large * ROWS * COLS * FEW), 1, 1e-4);
    assert_holds(m.w, 3 - 0.5 * gradient);
    tw_array_unref(out);
}

/* The gradient then has to be made while the large one is there. */
static void what_reads_the_update_sees_it(void **state)
{
    (void)state;
    model m = make_model();
    tw_tensor end = tw_mul(end_of(tw_add(m.large, tw_reduce_sum(m.update))), 1.0);
    tw_array *out = NULL;
    initialize();
    assert_true(arena_of(end, m.update) > 4000000);
    TW_CHECK(tw_run(session, TW_FETCH(end), .target = TW_LIST(m.update), .out = &out));
    double sum = (3 - 0.5 * gradient) * COLS * WIDE;
    assert_near(tw_array_get(out, 0) / ((large + sum) * ROWS * COLS * FEW), 1, 1e-4);
    tw_array_unref(out);
}

/* It is no longer the update's alone. */
static void a_gradient_that_is_fetched_stays(void **state)
{
    (void)state;
    model m = make_model();
    tw_tensor end = end_of(m.large);
    tw_array *out[2] = {NULL, NULL};
    initialize();
    TW_CHECK(tw_run(session, TW_FETCH(m.gradient, end), .target = TW_LIST(m.update), .out = out));
    assert_all(out[0], gradient);
    assert_holds(m.w, 3 - 0.5 * gradient);
    tw_array_unref(out[0]);
    tw_array_unref(out[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_large_gradient_is_made_when_the_rest_is_gone, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_reads_the_update_sees_it, setup, teardown),
        cmocka_unit_test_setup_teardown(a_gradient_that_is_fetched_stays, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
