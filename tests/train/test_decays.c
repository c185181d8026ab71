/* SPDX-License-Identifier: Apache-2.0
 * Learning-rate decays and moving averages against TensorFlow's numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/golden_records.h"
#include "thalweg/thalweg.h"

/* ---- decays ---- */

typedef tw_tensor (*decay_fn)(tw_tensor step);

static tw_tensor exponential(tw_tensor s)
{
    return tw_exponential_decay(0.1, s, 10, .decay_rate = 0.5);
}
static tw_tensor exponential_stairs(tw_tensor s)
{
    return tw_exponential_decay(0.1, s, 10, .decay_rate = 0.5, .staircase = true);
}
static tw_tensor polynomial(tw_tensor s)
{
    return tw_polynomial_decay(0.1, s, 40);
}
static tw_tensor polynomial_square(tw_tensor s)
{
    return tw_polynomial_decay(0.1, s, 40, .end_learning_rate = 0.01, .power = 2);
}
static tw_tensor polynomial_cycle(tw_tensor s)
{
    return tw_polynomial_decay(0.1, s, 40, .end_learning_rate = 0.01, .power = 0.5, .cycle = true);
}
static tw_tensor piecewise(tw_tensor s)
{
    return tw_piecewise_constant(s, TW_DOUBLES(10, 20, 40), TW_DOUBLES(1, 0.5, 0.25, 0.125));
}
static tw_tensor natural(tw_tensor s)
{
    return tw_natural_exp_decay(0.1, s, 10, .decay_rate = 0.5);
}
static tw_tensor natural_stairs(tw_tensor s)
{
    return tw_natural_exp_decay(0.1, s, 10, .decay_rate = 0.5, .staircase = true);
}
static tw_tensor inverse_time(tw_tensor s)
{
    return tw_inverse_time_decay(0.1, s, 10, .decay_rate = 0.5);
}
static tw_tensor inverse_time_stairs(tw_tensor s)
{
    return tw_inverse_time_decay(0.1, s, 10, .decay_rate = 0.5, .staircase = true);
}
static tw_tensor cosine(tw_tensor s)
{
    return tw_cosine_decay(0.1, s, 40, .alpha = 0.1);
}

static const struct {
    const char *name;
    decay_fn make;
} decays[] = {
    {"exponential_decay_0_1_s_10_0_5", exponential},
    {"exponential_decay_0_1_s_10_0_5_staircase_True", exponential_stairs},
    {"polynomial_decay_0_1_s_40", polynomial},
    {"polynomial_decay_0_1_s_40_end_learning_rate_0_01_power_2_0", polynomial_square},
    {"polynomial_decay_0_1_s_40_0_01_power_0_5_cycle_True", polynomial_cycle},
    {"piecewise_constant_s_10_20_40_1_0_0_5_0_25_0_125", piecewise},
    {"natural_exp_decay_0_1_s_10_0_5", natural},
    {"natural_exp_decay_0_1_s_10_0_5_staircase_True", natural_stairs},
    {"inverse_time_decay_0_1_s_10_0_5", inverse_time},
    {"inverse_time_decay_0_1_s_10_0_5_staircase_True", inverse_time_stairs},
    {"cosine_decay_0_1_s_40_alpha_0_1", cosine},
};

static decay_fn find_decay(const char *name)
{
    for (size_t i = 0; i < sizeof decays / sizeof *decays; i++) {
        if (strcmp(decays[i].name, name) == 0)
            return decays[i].make;
    }
    fail_msg("no decay '%s' is known here", name);
    return NULL;
}

static void check_decay(const golden_record *record, void *user)
{
    (void)user;
    tw_reset_default_graph();
    tw_tensor s = tw_placeholder(TW_INT32, .shape = TW_SHAPE());
    tw_tensor rate = find_decay(golden_find(record, "decay"))(s);
    assert_null(tw_graph_status(tw_default_graph()));
    tw_session *session = tw_session_new(NULL);
    for (size_t i = 0; i < record->count; i++) {
        const char *rest = golden_after(record, i, "at");
        if (!rest)
            continue;
        tw_array *at = tw_array_scalar(TW_INT32, strtod(rest, (char **)&rest)), *got = NULL;
        tw_array *want = golden_array(rest + 1);
        TW_CHECK(tw_run(session, TW_FETCH(rate), .feed = TW_FEED({s, at}), .out = &got));
        golden_check(record->lines[0], got, want, 2e-6);
        tw_array_unref(at);
        tw_array_unref(got);
        tw_array_unref(want);
    }
    tw_session_free(session);
}

static void decays_are_tensorflows(void **state)
{
    (void)state;
    assert_int_equal(golden_records_each("train/decays.txt", check_decay, NULL),
                     sizeof decays / sizeof *decays);
}

static void pieces_need_one_value_more_than_boundaries(void **state)
{
    (void)state;
    tw_reset_default_graph();
    tw_tensor s = tw_placeholder(TW_INT32, .shape = TW_SHAPE());
    tw_piecewise_constant(s, TW_DOUBLES(10), TW_DOUBLES(1));
    const char *message = tw_status_message(tw_graph_status(tw_default_graph()));
    assert_non_null(strstr(message, "1 less than the length of values"));
    tw_reset_default_graph();
    s = tw_placeholder(TW_INT32, .shape = TW_SHAPE());
    tw_piecewise_constant(s, TW_DOUBLES(1.5), TW_DOUBLES(1, 2));
    message = tw_status_message(tw_graph_status(tw_default_graph()));
    assert_non_null(strstr(message, "Boundaries (1.5) must have dtype int32"));
    tw_reset_default_graph(); /* a whole number, but none that an integer holds */
    s = tw_placeholder(TW_INT64, .shape = TW_SHAPE());
    tw_piecewise_constant(s, TW_DOUBLES(1e300), TW_DOUBLES(1, 2));
    message = tw_status_message(tw_graph_status(tw_default_graph()));
    assert_non_null(strstr(message, "Boundaries (1e+300) must have dtype int64"));
}

/* ---- averages ---- */

typedef struct averaging {
    tw_tensor v, n, update, shadow;
    tw_session *session;
} averaging;

static void set(const averaging *a, const char *text)
{
    tw_array *value = golden_array(text + 2);
    TW_CHECK(tw_session_set(a->session, text[0] == 'v' ? a->v : a->n, value));
    tw_array_unref(value);
}

static void check_shadow(const averaging *a, const golden_record *record, const char *text)
{
    tw_array *got = NULL, *want = golden_array(text);
    TW_CHECK(tw_session_get(a->session, a->shadow, &got));
    golden_check(record->lines[0], got, want, 1e-6);
    tw_array_unref(got);
    tw_array_unref(want);
}

static void check_average(const golden_record *record, void *user)
{
    averaging a;
    tw_reset_default_graph();
    const char *python = golden_find(record, "python"), *rest;
    tw_array *start = golden_array(golden_find(record, "var v"));
    a.v = tw_variable(start, .name = "v");
    a.n = tw_variable(0, .name = "n", .trainable = false);
    tw_exponential_moving_average average = {.decay = strstr(python, "0.99") ? 0.99 : 0.9};
    average.zero_debias = strstr(python, "zero_debias") != NULL;
    if (strstr(python, "num_updates"))
        average.num_updates = a.n;
    a.update = tw_average_apply(average, TW_LIST(a.v));
    a.shadow = tw_average_of(average, a.v);
    assert_null(tw_graph_status(tw_default_graph()));
    assert_string_equal(tw_tensor_name(a.shadow).s, "v/ExponentialMovingAverage:0");
    a.session = tw_session_new(NULL);
    TW_CHECK(tw_run(a.session, TW_FETCH(tw_global_variables_initializer())));
    check_shadow(&a, record, golden_find(record, "start"));
    for (size_t i = 0; i < record->count; i++) {
        if ((rest = golden_after(record, i, "assign"))) {
            set(&a, rest);
        } else if ((rest = golden_after(record, i, "value"))) {
            TW_CHECK(tw_run(a.session, TW_FETCH(a.update)));
            check_shadow(&a, record, strchr(rest, ' ') + 1);
            ++*(int *)user;
        }
    }
    tw_array_unref(start);
    tw_session_free(a.session);
}

static void averages_are_tensorflows(void **state)
{
    (void)state;
    int compared = 0;
    assert_int_equal(golden_records_each("train/averages.txt", check_average, &compared), 3);
    assert_int_equal(compared, 30);
}

/* With decay d the unbiased average of a constant c is c from the first update on. */
static void a_tensors_average_without_bias_is_right_at_once(void **state)
{
    (void)state;
    tw_reset_default_graph();
    tw_tensor x = tw_constant(3.0, .name = "x");
    tw_exponential_moving_average average = {.decay = 0.9, .zero_debias = true};
    tw_tensor update = tw_average_apply(average, TW_LIST(x));
    tw_tensor shadow = tw_average_of(average, x);
    assert_null(tw_graph_status(tw_default_graph()));
    tw_session *session = tw_session_new(NULL);
    TW_CHECK(tw_run(session, TW_FETCH(tw_global_variables_initializer())));
    for (int i = 0; i < 3; i++) {
        tw_array *value = NULL;
        TW_CHECK(tw_run(session, TW_FETCH(update)));
        TW_CHECK(tw_session_get(session, shadow, &value));
        assert_true(tw_array_item(value) > 2.9999 && tw_array_item(value) < 3.0001);
        tw_array_unref(value);
    }
    tw_session_free(session);
}

static double shadow_value(tw_session *session, tw_tensor shadow)
{
    tw_array *value = NULL;
    TW_CHECK(tw_session_get(session, shadow, &value));
    double item = tw_array_item(value);
    tw_array_unref(value);
    return item;
}

/* After a restore the variable is not what its initializer would give. */
static void a_shadow_starts_with_the_value_that_its_variable_has(void **state)
{
    (void)state;
    tw_reset_default_graph();
    tw_tensor v = tw_variable(1.0, .name = "v");
    tw_exponential_moving_average average = {.decay = 0.9};
    tw_average_apply(average, TW_LIST(v));
    tw_tensor shadow = tw_average_of(average, v);
    tw_session *session = tw_session_new(NULL);
    tw_array *five = tw_array_scalar(TW_FLOAT32, 5);
    TW_CHECK(tw_run(session, TW_FETCH(tw_variable_initializer(shadow))));
    assert_true(shadow_value(session, shadow) == 1);
    TW_CHECK(tw_session_set(session, v, five));
    TW_CHECK(tw_run(session, TW_FETCH(tw_variable_initializer(shadow))));
    assert_true(shadow_value(session, shadow) == 5);
    tw_array_unref(five);
    tw_session_free(session);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decays_are_tensorflows),
        cmocka_unit_test(pieces_need_one_value_more_than_boundaries),
        cmocka_unit_test(averages_are_tensorflows),
        cmocka_unit_test(a_shadow_starts_with_the_value_that_its_variable_has),
        cmocka_unit_test(a_tensors_average_without_bias_is_right_at_once),
    };
    int failed = cmocka_run_group_tests_name("decays", tests, NULL, NULL);
    tw_reset_default_graph();
    return failed;
}
