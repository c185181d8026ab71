/* SPDX-License-Identifier: Apache-2.0
 * Sparse updates that sum the rows of equal indices themselves (src/plan/equal_rows.c): the same
 * bits as with the sum as a step of its own, which it stays where somebody else reads it. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/session.h"
#include "thalweg/thalweg.h"

enum { ROWS = 50, RULES = 6, STEPS = 3 };

typedef struct sums {
    tw_tensor indices, rows;
} sums;

/* What optimizers put before an update. */
static sums sum_rows(tw_tensor indices, tw_tensor rows)
{
    struct tw_unique_result distinct = tw_unique(indices);
    return (sums){distinct.y, tw_unsorted_segment_sum(rows, distinct.idx, tw_size(distinct.y))};
}

static tw_tensor slot(const tw_shape shape, tw_dtype dtype, double value)
{
    return tw_variable(tw_cast(tw_fill(shape, tw_constant(value)), dtype));
}

/* One of the rules on new variables; *var is the first. */
static tw_tensor update(int rule, tw_shape shape, sums s, tw_tensor *var)
{
    tw_dtype dtype = tw_tensor_dtype(s.rows);
    tw_tensor v = *var = slot(shape, dtype, 0.5), a = slot(shape, dtype, 0.25),
              b = slot(shape, dtype, 0.125);
    switch (rule) {
    case 0: return tw_sparse_apply_adagrad(v, a, 0.1, s.rows, s.indices);
    case 1: return tw_sparse_apply_momentum(v, a, 0.1, s.rows, s.indices, 0.9);
    case 2: return tw_sparse_apply_rms_prop(v, a, b, 0.1, 0.9, 0.5, 1e-3, s.rows, s.indices);
    case 3: return tw_sparse_apply_ftrl(v, a, b, s.rows, s.indices, 0.1, 0.01, 0.01, -0.5);
    case 4: return tw_sparse_apply_adadelta(v, a, b, 0.1, 0.9, 1e-3, s.rows, s.indices);
    default: return tw_sparse_apply_proximal_adagrad(v, a, 0.1, 0.01, 0.01, s.rows, s.indices);
    }
}

static bool is_taken_in(tw_tensor fetch, tw_tensor other)
{
    char *text = NULL;
    TW_CHECK(tw_explain(session, TW_FETCH(fetch, other), TW_LIST(), TW_LIST(), &text));
    bool taken = strstr(text, "(sums equal rows)") != NULL;
    assert_int_equal(taken, strstr(text, "UnsortedSegmentSum") == NULL);
    tw_free(text);
    return taken;
}

static void assert_same(tw_tensor x, tw_tensor y)
{
    tw_array *a = NULL, *b = NULL;
    TW_CHECK(tw_session_get(session, x, &a));
    TW_CHECK(tw_session_get(session, y, &b));
    assert_int_equal(tw_array_bytes(a), tw_array_bytes(b));
    assert_memory_equal(tw_array_data(a), tw_array_data(b), tw_array_bytes(a));
    tw_array_unref(a);
    tw_array_unref(b);
}

/* Indices i * by modulo `of`, so that of > count has none twice and of = 1 all the same. */
static void check(int rule, tw_dtype dtype, tw_dtype index_dtype, int32_t count, int32_t of,
                  int32_t width)
{
    void *none = NULL;
    teardown(&none);
    setup(&none);
    tw_tensor each = tw_range(0, count, 1);
    tw_tensor indices = tw_variable(tw_cast(tw_floor_mod(tw_mul(each, 7), of), index_dtype));
    tw_tensor numbers = tw_cos(tw_cast(tw_range(0, count * width, 1), dtype));
    tw_tensor rows = tw_variable(tw_reshape(numbers, TW_INTS(count, width)));
    sums one = sum_rows(indices, rows), other = sum_rows(indices, rows);
    tw_tensor x, y, zero = tw_constant(0);
    tw_tensor taken = update(rule, TW_SHAPE(ROWS, width), one, &x);
    tw_tensor apart = update(rule, TW_SHAPE(ROWS, width), other, &y);
    assert_null(tw_graph_status(tw_default_graph()));
    assert_true(is_taken_in(taken, zero));
    assert_false(is_taken_in(apart, other.rows));
    TW_CHECK(tw_run(session, TW_FETCH(tw_global_variables_initializer())));
    for (int i = 0; i < STEPS; i++) {
        TW_CHECK(tw_run(session, TW_FETCH(taken)));
        TW_CHECK(tw_run(session, TW_FETCH(apart, other.rows)));
        assert_same(x, y);
    }
}

static void every_rule_computes_the_same(void **state)
{
    (void)state;
    for (int rule = 0; rule < RULES; rule++) {
        check(rule, TW_FLOAT32, TW_INT64, 40, 47, 5); /* none twice */
        check(rule, TW_FLOAT32, TW_INT32, 40, 13, 5);
        check(rule, TW_FLOAT64, TW_INT64, 40, 1, 3); /* all the same */
        check(rule, TW_FLOAT32, TW_INT32, 0, 13, 5);
    }
    check(0, TW_FLOAT32, TW_INT32, 1000, 37, 300); /* rows of two parts, several threads */
    check(2, TW_FLOAT64, TW_INT64, 1000, 50, 257);
}

/* 16-bit sums are rounded after each addition, which the update does not do. */
static void other_dtypes_are_summed_by_a_step(void **state)
{
    (void)state;
    sums s = sum_rows(tw_variable(tw_zeros(TW_SHAPE(3), .dtype = TW_INT32)),
                      tw_cast(tw_ones(TW_SHAPE(3, 2)), TW_FLOAT16));
    tw_tensor var, taken = update(0, TW_SHAPE(ROWS, 2), s, &var);
    assert_null(tw_graph_status(tw_default_graph()));
    assert_false(is_taken_in(taken, tw_constant(0)));
}

static void assert_fails(tw_tensor fetch, tw_tensor feed, tw_array *value, const char *part)
{
    tw_status *status = tw_run(session, TW_FETCH(fetch), .feed = TW_FEED({feed, value}));
    assert_non_null(status);
    if (!strstr(tw_status_message(status), part))
        fail_msg("'%s' is not in '%s'", part, tw_status_message(status));
    tw_status_free(status);
}

/* Nothing is written then. */
static void an_index_must_be_a_row(void **state)
{
    (void)state;
    tw_tensor indices = tw_placeholder(TW_INT32, .shape = TW_SHAPE(3)), x;
    sums s = sum_rows(indices, tw_ones(TW_SHAPE(3, 2)));
    tw_tensor taken = update(0, TW_SHAPE(ROWS, 2), s, &x);
    tw_tensor y = slot(TW_SHAPE(ROWS, 2), TW_FLOAT32, 0.5);
    assert_null(tw_graph_status(tw_default_graph()));
    TW_CHECK(tw_run(session, TW_FETCH(tw_global_variables_initializer())));
    tw_array *values = tw_array_copy_of(TW_INT32, TW_SHAPE(3), (const int32_t[]){4, 4, ROWS});
    assert_fails(taken, indices, values, "Index 50 at offset");
    assert_same(x, y);
    tw_array_unref(values);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_rule_computes_the_same),
        TEST(other_dtypes_are_summed_by_a_step),
        TEST(an_index_must_be_a_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
