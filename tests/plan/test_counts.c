/* SPDX-License-Identifier: Apache-2.0
 * What the planner is for, in numbers: steps, shared memory, updates, variants. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <thalweg/thalweg.h>

#include "support/near.h"

static tw_session *session;

static int setup(void **state)
{
    (void)state;
    tw_reset_default_graph();
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

static tw_plan_counts counts_of(tw_tensors fetch, tw_tensors target, tw_tensors feed)
{
    tw_plan_counts counts = {0};
    TW_CHECK(tw_session_plan_counts(session, fetch, target, feed, &counts));
    return counts;
}

static tw_array *filled(tw_shape shape, double value)
{
    tw_array *array = tw_array_new(TW_FLOAT32, shape);
    tw_array_set(array, value);
    return array;
}

static void a_chain_of_elementwise_operations_is_one_step(void **state)
{
    (void)state;
    tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(-1));
    tw_tensor y = tw_add(tw_mul(tw_tanh(tw_add(tw_mul(x, 2.0), 0.5)), 3.0), -1.0);
    tw_array *in = filled(TW_SHAPE(1000), 0.25), *out = NULL;
    TW_CHECK(tw_run(session, TW_FETCH(y), .feed = TW_FEED({x, in}), .out = &out));
    assert_int_equal(counts_of(TW_FETCH(y), TW_LIST(), TW_LIST(x)).steps, 1);
    assert_near(tw_array_get(out, 999), 3 * 0.76159415595576 - 1, 1e-6);
    tw_array_unref(in);
    tw_array_unref(out);
}

static void bias_and_relu_ride_in_the_product(void **state)
{
    (void)state;
    tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(-1, 8));
    tw_tensor w = tw_variable(tw_ones(TW_SHAPE(8, 4))), b = tw_variable(tw_ones(TW_SHAPE(4)));
    tw_tensor y = tw_relu(tw_add(tw_matmul(x, w), b));
    TW_CHECK(tw_run(session, TW_FETCH(tw_global_variables_initializer())));
    tw_array *in = filled(TW_SHAPE(3, 8), 0.5), *out = NULL;
    TW_CHECK(tw_run(session, TW_FETCH(y), .feed = TW_FEED({x, in}), .out = &out));
    assert_int_equal(counts_of(TW_FETCH(y), TW_LIST(), TW_LIST(x)).steps, 1);
    assert_near(tw_array_item(out), 5, 0);
    tw_array_unref(in);
    tw_array_unref(out);
}

static void a_thousand_tanh_use_one_buffer(void **state)
{
    (void)state;
    tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(10, 10)), y = x;
    for (int i = 0; i < 1000; i++)
        y = tw_tanh(y);
    tw_plan_counts counts = counts_of(TW_FETCH(y), TW_LIST(), TW_LIST(x));
    assert_true(counts.arena_bytes - counts.workspace_bytes <= 448);
}

static void common_subexpressions_and_dead_code_vanish(void **state)
{
    (void)state;
    tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(2, 2));
    tw_tensor a = tw_matmul(x, x), b = tw_matmul(x, x);
    tw_matmul(a, a);
    tw_plan_counts counts = counts_of(TW_FETCH(a, b), TW_LIST(), TW_LIST(x));
    assert_int_equal(counts.steps, 1);
    assert_int_equal(counts.shared, 1);
}

static void constants_are_folded(void **state)
{
    (void)state;
    tw_tensor y = tw_mul(tw_constant(3.0), 2.0);
    tw_array *out = NULL;
    TW_CHECK(tw_run(session, TW_FETCH(y), .out = &out));
    assert_int_equal(counts_of(TW_FETCH(y), TW_LIST(), TW_LIST()).steps, 0);
    assert_near(tw_array_item(out), 6, 0);
    tw_array_unref(out);
}

typedef struct mlp {
    tw_tensor x, labels, loss, train;
} mlp;

static tw_tensor dense(tw_tensor x, int64_t n, int64_t m, const char *name)
{
    tw_tensor y = {NULL, 0};
    TW_VARIABLE_SCOPE(name) {
        tw_tensor w = tw_get_variable("w", TW_SHAPE(n, m)), b = tw_get_variable("b", TW_SHAPE(m));
        y = tw_add(tw_matmul(x, w), b);
    }
    return y;
}

static mlp make_mlp(void)
{
    mlp m = {.x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(-1, 20)),
             .labels = tw_placeholder(TW_INT32, .shape = TW_SHAPE(-1))};
    tw_tensor logits = dense(tw_relu(dense(m.x, 20, 16, "one")), 16, 5, "two");
    m.loss = tw_reduce_mean(
        tw_sparse_softmax_cross_entropy_with_logits(.labels = m.labels, .logits = logits));
    m.train = tw_minimize(tw_adam(.learning_rate = 0.01), m.loss);
    TW_CHECK(tw_run(session, TW_FETCH(tw_global_variables_initializer())));
    return m;
}

static void a_training_step_updates_each_parameter_once(void **state)
{
    (void)state;
    mlp m = make_mlp();
    tw_array *x = filled(TW_SHAPE(6, 20), 0.5), *labels = tw_array_new(TW_INT32, TW_SHAPE(6));
    TW_CHECK(tw_run(session, TW_FETCH(m.loss), .target = TW_FETCH(m.train),
                    .feed = TW_FEED({m.x, x}, {m.labels, labels})));
    tw_plan_counts counts = counts_of(TW_FETCH(m.loss), TW_FETCH(m.train), TW_LIST(m.x, m.labels));
    assert_int_equal(counts.update_steps, 4 + 2); /* four parameters, and Adam's two powers */
    assert_true((double)counts.arena_bytes <= 1.1 * (double)counts.live_bytes);
    tw_array_unref(x);
    tw_array_unref(labels);
}

static void a_second_batch_size_makes_a_variant_and_no_new_skeleton(void **state)
{
    (void)state;
    mlp m = make_mlp();
    tw_session_counts before = tw_session_get_counts(session);
    for (int64_t batch = 3; batch < 6; batch++) {
        tw_array *x = filled(TW_SHAPE(batch, 20), 0.5),
                 *labels = tw_array_new(TW_INT32, TW_SHAPE(batch));
        TW_CHECK(tw_run(session, TW_FETCH(m.loss), .target = TW_FETCH(m.train),
                        .feed = TW_FEED({m.x, x}, {m.labels, labels})));
        tw_array_unref(x);
        tw_array_unref(labels);
    }
    tw_session_counts after = tw_session_get_counts(session);
    assert_int_equal(after.skeletons - before.skeletons, 1);
    assert_int_equal(after.variants - before.variants, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_chain_of_elementwise_operations_is_one_step, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(bias_and_relu_ride_in_the_product, setup, teardown),
        cmocka_unit_test_setup_teardown(a_thousand_tanh_use_one_buffer, setup, teardown),
        cmocka_unit_test_setup_teardown(common_subexpressions_and_dead_code_vanish, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(constants_are_folded, setup, teardown),
        cmocka_unit_test_setup_teardown(a_training_step_updates_each_parameter_once, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_second_batch_size_makes_a_variant_and_no_new_skeleton,
                                        setup, teardown),
    };
    return cmocka_run_group_tests_name("plan: counts", tests, NULL, NULL);
}
