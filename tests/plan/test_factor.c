/* SPDX-License-Identifier: Apache-2.0
 * Cross entropies that take the factor of their derivative along (src/plan/factor.c): for a mean
 * and a sum, whose batch is known or not; and what must stay as it is. And those that sum its rows,
 * for a bias. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/near.h"
#include "support/session.h"
#include "thalweg/thalweg.h"

enum { BATCH = 5, CLASSES = 7 };

static tw_array *numbers(tw_shape shape, int seed)
{
    tw_array *array = tw_array_new(TW_FLOAT32, shape);
    for (size_t i = 0; i < tw_array_count(array); i++)
        ((float *)tw_array_data(array))[i] = (float)((i * 37 + (size_t)seed * 11) % 23) / 8 - 1.2f;
    return array;
}

/* Does the plan hold a cross entropy that takes one? */
static bool takes_factor(tw_tensors fetch, tw_tensors feed)
{
    char *text = NULL;
    TW_CHECK(tw_explain(session, fetch, TW_LIST(), feed, &text));
    bool found = strstr(text, "WithLogits+Mul") != NULL;
    tw_free(text);
    return found;
}

/* How a batch of losses becomes one number. */
typedef tw_tensor (*ending)(tw_tensor losses);

static tw_tensor mean(tw_tensor losses)
{
    return tw_reduce_mean(losses);
}

static tw_tensor half_sum(tw_tensor losses)
{
    return tw_div(tw_reduce_sum(losses), 2);
}

static tw_tensor weighted(tw_tensor losses)
{
    tw_array *weights = numbers(TW_SHAPE(BATCH), 9);
    tw_tensor all = tw_reduce_sum(tw_mul(losses, tw_constant(weights)));
    tw_array_unref(weights);
    return all;
}

/* What flows back is only known when the losses are. */
static tw_tensor squared(tw_tensor losses)
{
    return tw_reduce_sum(tw_square(losses));
}

/* The gradient with the unscaled derivative fetched, which nothing may be taken along from then, is
 * what the gradient alone is. */
static void check(ending end, bool sparse, int64_t batch, bool takes)
{
    tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(batch, CLASSES));
    tw_tensor labels = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(batch, CLASSES));
    tw_tensor classes = tw_arg_max(labels, 1);
    tw_tensor losses = sparse ? tw_sparse_softmax_cross_entropy_with_logits(.labels = classes,
                                                                            .logits = x)
                              : tw_softmax_cross_entropy_with_logits(.labels = labels, .logits = x);
    tw_tensor loss = end(losses);
    tw_tensor gradient = tw_grad_tensor(tw_gradients(TW_LIST(loss), TW_LIST(x)).grads[0]);
    assert_null(tw_graph_status(tw_default_graph()));
    assert_int_equal(takes_factor(TW_LIST(loss, gradient), TW_LIST(x, labels)), takes);
    tw_tensor derivative = {losses.op, 1};
    assert_false(takes_factor(TW_LIST(loss, gradient, derivative), TW_LIST(x, labels)));
    tw_array *in = numbers(TW_SHAPE(BATCH, CLASSES), 1),
             *want = numbers(TW_SHAPE(BATCH, CLASSES), 2);
    tw_array *some[2] = {NULL, NULL}, *all[3] = {NULL, NULL, NULL};
    TW_CHECK(tw_run(session, TW_FETCH(loss, gradient), .feed = TW_FEED({x, in}, {labels, want}),
                    .out = some));
    TW_CHECK(tw_run(session, TW_FETCH(loss, gradient, derivative),
                    .feed = TW_FEED({x, in}, {labels, want}), .out = all));
    assert_near(tw_array_get(some[0], 0), tw_array_get(all[0], 0), 1e-6);
    for (size_t i = 0; i < tw_array_count(some[1]); i++)
        assert_near(tw_array_get(some[1], i), tw_array_get(all[1], i), 1e-6);
    for (int i = 0; i < 3; i++) {
        tw_array_unref(all[i]);
        if (i < 2)
            tw_array_unref(some[i]);
    }
    tw_array_unref(in);
    tw_array_unref(want);
}

static void a_number_for_all_is_taken_along(void **state)
{
    (void)state;
    for (int sparse = 0; sparse < 2; sparse++) {
        check(mean, sparse, BATCH, true);
        check(half_sum, sparse, BATCH, true);
        check(half_sum, sparse, -1, true);
    }
}

static void other_factors_are_multiplied_by_themselves(void **state)
{
    (void)state;
    for (int sparse = 0; sparse < 2; sparse++) {
        check(squared, sparse, BATCH, false);
        check(weighted, sparse, BATCH, false);
    }
}

/* The gradients by logits and by what is added to them; once more with the derivative fetched as it
 * is before it is multiplied, where nothing may be taken along. */
static void check_bias(bool add, tw_shape added, int64_t classes, bool sums)
{
    tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(BATCH, classes));
    tw_tensor bias = tw_placeholder(TW_FLOAT32, .shape = added);
    tw_array *which = tw_array_new(TW_INT64, TW_SHAPE(BATCH));
    for (int64_t i = 0; i < BATCH; i++)
        ((int64_t *)tw_array_data(which))[i] = i * 50 % classes;
    tw_tensor losses =
        tw_sparse_softmax_cross_entropy_with_logits(.labels = tw_constant(which),
                                                    .logits = add ? tw_add(x, bias)
                                                                  : tw_bias_add(x, bias));
    const tw_grad *grads = tw_gradients(TW_LIST(mean(losses)), TW_LIST(x, bias)).grads;
    tw_tensor by_x = tw_grad_tensor(grads[0]), by_bias = tw_grad_tensor(grads[1]);
    tw_tensor derivative = {losses.op, 1};
    char *text = NULL;
    TW_CHECK(tw_explain(session, TW_LIST(by_x, by_bias), TW_LIST(), TW_LIST(x, bias), &text));
    assert_int_equal(strstr(text, "WithLogits+Mul+Sum") != NULL, sums);
    tw_free(text);
    tw_array *in = numbers(TW_SHAPE(BATCH, classes), 1), *row = numbers(added, 2);
    tw_array *some[2] = {NULL, NULL}, *all[3] = {NULL, NULL, NULL};
    TW_CHECK(tw_run(session, TW_FETCH(by_x, by_bias), .feed = TW_FEED({x, in}, {bias, row}),
                    .out = some));
    TW_CHECK(tw_run(session, TW_FETCH(by_x, by_bias, derivative),
                    .feed = TW_FEED({x, in}, {bias, row}), .out = all));
    for (int k = 0; k < 2; k++) {
        assert_int_equal(tw_array_count(some[k]), tw_array_count(all[k]));
        for (size_t i = 0; i < tw_array_count(some[k]); i++)
            assert_near(tw_array_get(some[k], i), tw_array_get(all[k], i), 1e-6);
        tw_array_unref(some[k]);
    }
    for (int k = 0; k < 3; k++)
        tw_array_unref(all[k]);
    tw_array_unref(in);
    tw_array_unref(row);
    tw_array_unref(which);
}

/* However it is added; but only where rows, and no columns, are what is summed, and where that is
 * worth it. */
static void rows_are_summed_for_a_bias(void **state)
{
    (void)state;
    check_bias(true, TW_SHAPE(300), 300, true);
    check_bias(false, TW_SHAPE(300), 300, true);
    check_bias(true, TW_SHAPE(CLASSES), CLASSES, false); /* too few to gain anything */
    check_bias(true, TW_SHAPE(BATCH, 1), 300, false);    /* columns are summed */
    check_bias(true, TW_SHAPE(BATCH, 300), 300, false);  /* nothing is */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_number_for_all_is_taken_along),
        TEST(other_factors_are_multiplied_by_themselves),
        TEST(rows_are_summed_for_a_bias),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
