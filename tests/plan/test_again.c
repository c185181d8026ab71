/* SPDX-License-Identifier: Apache-2.0
 * Values that are made again (src/plan/again.c): the memory that this saves, and that numbers are
 * what they were. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/near.h"
#include "support/session.h"
#include "thalweg/thalweg.h"

/* A state has 64 KB; what is made of the last one has 2 MB. */
enum { ROWS = 64, UNITS = 256, STEPS = 8, MANY = 2048, STATE = ROWS * UNITS * 4 };

typedef struct net {
    tw_tensor states[STEPS], bent[STEPS], end;
} net;

static tw_tensor filled(int64_t rows, int64_t cols, double value)
{
    return tw_variable(tw_fill(TW_SHAPE(rows, cols), tw_constant(value)));
}

/* Recurrent as an LSTM is; after something large, as in its gradient, all states and what they were
 * bent to are read. All numbers of a matrix are equal. */
static net make_net(void)
{
    net n;
    tw_tensor forget = filled(ROWS, UNITS, 0.5), mean = filled(UNITS, UNITS, 1.0 / UNITS);
    tw_tensor state = tw_matmul(filled(ROWS, 8, 0.125), filled(8, UNITS, 1)), in = state, h = state;
    for (int t = 0; t < STEPS; t++) {
        n.states[t] = state = tw_add(tw_mul(state, forget), in);
        n.bent[t] = tw_tanh(state);
        h = tw_mul(n.bent[t], forget);
        in = tw_matmul(h, mean);
    }
    tw_tensor large = tw_matmul(filled(MANY, ROWS, 1.0 / ROWS), h);
    tw_tensor few = tw_matmul(large, filled(UNITS, 1, 1.0 / UNITS));
    tw_tensor after = tw_reduce_mean(tw_matmul(few, few, .transpose_a = true));
    n.end = tw_constant(0.0);
    for (int t = STEPS - 1; t >= 0; t--) {
        tw_tensor both = tw_add(tw_mul(n.bent[t], after), n.states[t]);
        n.end = tw_add(n.end, tw_reduce_mean(tw_matmul(both, mean)));
    }
    assert_null(tw_graph_status(tw_default_graph()));
    TW_CHECK(tw_run(session, TW_FETCH(tw_global_variables_initializer())));
    return n;
}

/* The same of single numbers. */
static double expected(double bent[STEPS])
{
    double state = 1, in = 1, h = 0, states = 0, sum = 0;
    for (int t = 0; t < STEPS; t++) {
        state = 0.5 * state + in;
        bent[t] = tanh(state);
        in = h = 0.5 * bent[t];
        states += state;
        sum += bent[t];
    }
    return states + sum * MANY * h * h;
}

static tw_plan_counts counts_of(tw_tensors fetch)
{
    tw_plan_counts counts;
    TW_CHECK(tw_session_plan_counts(session, fetch, TW_LIST(), TW_LIST(), &counts));
    return counts;
}

static void what_a_pass_need_not_store_is_made_when_it_is_read(void **state)
{
    (void)state;
    net n = make_net();
    double bent[STEPS], want = expected(bent);
    tw_array *out = NULL;
    TW_CHECK(tw_run(session, TW_FETCH(n.end), .out = &out));
    assert_near(tw_array_item(out) / want, 1, 1e-5);
    tw_array_unref(out);
    tw_plan_counts counts = counts_of(TW_FETCH(n.end));
    size_t large = (size_t)MANY * UNITS * 4;
    assert_true(counts.live_bytes >= large + (STEPS - 1) * (size_t)STATE);
    assert_true(counts.live_bytes < large + (STEPS + 4) * (size_t)STATE);
}

/* It is there until the end, for whoever asked. */
static void what_is_fetched_is_stored(void **state)
{
    (void)state;
    net n = make_net();
    double bent[STEPS], want = expected(bent);
    tw_array *out[2] = {NULL, NULL};
    TW_CHECK(tw_run(session, TW_FETCH(n.end, n.bent[2]), .out = out));
    assert_near(tw_array_item(out[0]) / want, 1, 1e-5);
    assert_near(tw_array_get(out[1], ROWS * UNITS - 1), bent[2], 1e-6);
    size_t one = counts_of(TW_FETCH(n.end)).steps;
    assert_int_equal(counts_of(TW_FETCH(n.end, n.bent[2])).steps, one - 1);
    tw_array_unref(out[0]);
    tw_array_unref(out[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_a_pass_need_not_store_is_made_when_it_is_read, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_is_fetched_is_stored, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
