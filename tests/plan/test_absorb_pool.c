/* SPDX-License-Identifier: Apache-2.0
 * A pooling that takes the convolution before it along (src/plan/absorb_pool.c, ops/conv2d_pool.c):
 * the numbers of both one after the other, whatever the sizes, and what must stay two steps. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/pool.h"
#include "support/near.h"
#include "support/session.h"
#include "thalweg/thalweg.h"

static tw_array *numbers(tw_dtype dtype, tw_shape shape, int seed)
{
    tw_array *array = tw_array_new(dtype, shape);
    uint32_t state = (uint32_t)seed * 2654435761u + 1;
    for (size_t i = 0; i < tw_array_count(array); i++) {
        state = state * 1664525u + 1013904223u;
        double x = (double)(state >> 8) / (1 << 24) * 2 - 1;
        if (dtype == TW_FLOAT32)
            ((float *)tw_array_data(array))[i] = (float)x;
        else
            ((double *)tw_array_data(array))[i] = x;
    }
    return array;
}

static bool explains(tw_tensors fetch, tw_tensors feed, const char *what)
{
    char *text = NULL;
    TW_CHECK(tw_explain(session, fetch, TW_LIST(), feed, &text));
    bool found = strstr(text, what) != NULL;
    tw_free(text);
    return found;
}

/* Images of `size` x `size` + 1 pixels. */
typedef struct net {
    tw_dtype dtype;
    int64_t batch, size, in, out, window, stride, pool, pool_stride;
    const char *padding, *pool_padding;
    bool relu, variable; /* the filter is one, which keeps a packed copy */
} net;

typedef struct made {
    tw_tensor x, convolved, pooled;
    tw_array *images;
} made;

static made make(const net *n)
{
    tw_array *filter = numbers(n->dtype, TW_SHAPE(n->window, n->window, n->in, n->out), 1);
    tw_array *bias = numbers(n->dtype, TW_SHAPE(n->out), 2);
    made m = {.x = tw_placeholder(n->dtype, .shape = TW_SHAPE(-1, n->size, n->size + 1, n->in))};
    tw_tensor f = n->variable ? tw_variable(tw_constant(filter)) : tw_constant(filter);
    tw_tensor sum = tw_bias_add(
        tw_conv2d(m.x, f, .strides = TW_INTS(1, n->stride, n->stride, 1), .padding = n->padding),
        tw_constant(bias));
    m.convolved = n->relu ? tw_relu(sum) : sum;
    m.pooled = tw_max_pool(m.convolved, .ksize = TW_INTS(1, n->pool, n->pool, 1),
                           .strides = TW_INTS(1, n->pool_stride, n->pool_stride, 1),
                           .padding = n->pool_padding);
    assert_null(tw_graph_status(tw_default_graph()));
    m.images = numbers(n->dtype, TW_SHAPE(n->batch, n->size, n->size + 1, n->in), 3);
    tw_array_unref(filter);
    tw_array_unref(bias);
    TW_CHECK(tw_run(session, TW_FETCH(tw_global_variables_initializer())));
    return m;
}

/* With the convolution fetched too, which then is a step of its own, and without. */
static void check(const net *n)
{
    made m = make(n);
    assert_true(explains(TW_LIST(m.pooled), TW_LIST(m.x), "+MaxPool"));
    assert_false(explains(TW_LIST(m.pooled, m.convolved), TW_LIST(m.x), "+MaxPool"));
    tw_array *both[2] = {NULL, NULL}, *one = NULL;
    TW_CHECK(tw_run(session, TW_FETCH(m.pooled, m.convolved), .feed = TW_FEED({m.x, m.images}),
                    .out = both));
    for (int threads = 1; threads <= 3; threads++) {
        tw_array *again = NULL;
        tw_pool_set_threads(threads);
        TW_CHECK(
            tw_run(session, TW_FETCH(m.pooled), .feed = TW_FEED({m.x, m.images}), .out = &again));
        size_t bytes = tw_array_count(again) * tw_dtype_size(n->dtype);
        if (one)
            assert_memory_equal(tw_array_data(one), tw_array_data(again), bytes);
        tw_array_unref(one);
        one = again;
    }
    tw_pool_set_threads(0);
    assert_true(tw_shape_equal(tw_array_shape(one), tw_array_shape(both[0])));
    for (size_t i = 0; i < tw_array_count(one); i++)
        assert_near(tw_array_get(one, i), tw_array_get(both[0], i), 2e-5);
    tw_array_unref(one);
    tw_array_unref(both[0]);
    tw_array_unref(both[1]);
    tw_array_unref(m.images);
}

static void any_sizes_give_what_both_steps_give(void **state)
{
    (void)state;
    const net nets[] = {
        {TW_FLOAT32, 1, 28, 1, 32, 5, 1, 2, 2, "SAME", "SAME", true, false},
        {TW_FLOAT32, 19, 28, 1, 32, 5, 1, 2, 2, "SAME", "SAME", true, true},
        {TW_FLOAT32, 37, 14, 32, 64, 5, 1, 2, 2, "SAME", "VALID", true, true}, /* Winograd's */
        {TW_FLOAT32, 65, 28, 32, 32, 3, 1, 3, 2, "SAME", "SAME", false, false},
        {TW_FLOAT32, 1, 200, 3, 17, 3, 1, 3, 3, "VALID", "VALID", true, true}, /* a large image */
        {TW_FLOAT32, 3, 200, 3, 17, 3, 2, 2, 1, "VALID", "SAME", true, false},
        {TW_FLOAT32, 2, 9, 5, 3, 1, 1, 2, 2, "VALID", "SAME", false, true}, /* a plain product */
        {TW_FLOAT64, 23, 31, 3, 20, 3, 1, 2, 2, "SAME", "SAME", true, true},
        {TW_FLOAT32, 0, 8, 3, 4, 3, 1, 2, 2, "SAME", "SAME", true, false},
    };
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++)
        check(&nets[i]);
}

/* A write between two runs makes the kept copy anew. */
static void a_filter_that_changes_is_packed_again(void **state)
{
    (void)state;
    tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(-1, 28, 28, 1));
    tw_array *ones = tw_array_new(TW_FLOAT32, TW_SHAPE(5, 5, 1, 32));
    for (size_t i = 0; i < tw_array_count(ones); i++)
        ((float *)tw_array_data(ones))[i] = 1;
    tw_tensor filter = tw_variable(tw_constant(ones)), bias = tw_zeros(TW_SHAPE(32));
    tw_tensor pooled = tw_max_pool(
        tw_relu(tw_bias_add(tw_conv2d(x, filter, .strides = TW_INTS(1, 1, 1, 1), .padding = "SAME"),
                            bias)),
        .ksize = TW_INTS(1, 2, 2, 1), .strides = TW_INTS(1, 2, 2, 1), .padding = "SAME");
    tw_tensor doubled = tw_assign(filter, tw_mul(filter, 2.0));
    tw_array *in = numbers(TW_FLOAT32, TW_SHAPE(20, 28, 28, 1), 5), *first = NULL, *second = NULL;
    TW_CHECK(tw_run(session, TW_FETCH(tw_global_variables_initializer())));
    TW_CHECK(tw_run(session, TW_FETCH(pooled), .feed = TW_FEED({x, in}), .out = &first));
    TW_CHECK(tw_run(session, TW_FETCH(doubled)));
    TW_CHECK(tw_run(session, TW_FETCH(pooled), .feed = TW_FEED({x, in}), .out = &second));
    for (size_t i = 0; i < tw_array_count(first); i++)
        assert_near(tw_array_get(second, i), 2 * tw_array_get(first, i), 1e-5);
    tw_array_unref(first);
    tw_array_unref(second);
    tw_array_unref(in);
    tw_array_unref(ones);
}

/* Where the convolution pools too, what is not finite is computed image by image. */
static void what_is_not_finite_is_what_both_steps_give(void **state)
{
    (void)state;
    const float strange[] = {INFINITY, -INFINITY, NAN};
    const net n = {TW_FLOAT32, 7, 14, 32, 64, 5, 1, 2, 2, "SAME", "VALID", false, true};
    made m = make(&n);
    for (size_t s = 0; s < sizeof strange / sizeof *strange; s++) {
        tw_array *both[2] = {NULL, NULL}, *one = NULL;
        ((float *)tw_array_data(m.images))[tw_array_count(m.images) / 2] = strange[s];
        TW_CHECK(tw_run(session, TW_FETCH(m.pooled, m.convolved), .feed = TW_FEED({m.x, m.images}),
                        .out = both));
        TW_CHECK(
            tw_run(session, TW_FETCH(m.pooled), .feed = TW_FEED({m.x, m.images}), .out = &one));
        size_t seen = 0;
        for (size_t i = 0; i < tw_array_count(one); i++) {
            double got = tw_array_get(one, i), want = tw_array_get(both[0], i);
            bool finite = fabs(want) < 1e30; /* the lowest number stands for NaN */
            seen += !finite;
            assert_true(finite ? fabs(got - want) < 2e-4 : got == want);
        }
        assert_true(seen > 0 || strange[s] < INFINITY);
        tw_array_unref(one);
        tw_array_unref(both[0]);
        tw_array_unref(both[1]);
    }
    tw_array_unref(m.images);
}

static void what_others_read_or_what_pools_channels_stays_two_steps(void **state)
{
    (void)state;
    const net n = {TW_FLOAT32, 2, 8, 3, 4, 3, 1, 2, 2, "SAME", "SAME", true, false};
    made m = make(&n);
    tw_tensor besides = tw_add(tw_reduce_sum(m.pooled), tw_reduce_sum(m.convolved));
    assert_false(explains(TW_LIST(besides), TW_LIST(m.x), "+MaxPool"));
    tw_tensor channels = tw_max_pool(tw_relu(tw_identity(m.convolved)),
                                     .ksize = TW_INTS(1, 1, 1, 2), .strides = TW_INTS(1, 1, 1, 2),
                                     .padding = "VALID");
    assert_false(explains(TW_LIST(channels), TW_LIST(m.x), "+MaxPool"));
    tw_tensor gradient = tw_grad_tensor(
        tw_gradients(TW_LIST(tw_reduce_sum(m.pooled)), TW_LIST(m.x)).grads[0]);
    assert_false(explains(TW_LIST(gradient), TW_LIST(m.x), "+MaxPool"));
    tw_array_unref(m.images);
}

/* Sizes that are known only when it runs are refused as by the two operations. */
static void what_does_not_fit_is_refused_in_the_same_words(void **state)
{
    (void)state;
    tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(-1, -1, -1, 2));
    tw_array *filter = numbers(TW_FLOAT32, TW_SHAPE(2, 2, 2, 3), 1);
    tw_tensor pooled = tw_max_pool(
        tw_bias_add(
            tw_conv2d(x, tw_constant(filter), .strides = TW_INTS(1, 1, 1, 1), .padding = "VALID"),
            tw_zeros(TW_SHAPE(3))),
        .ksize = TW_INTS(1, 4, 4, 1), .strides = TW_INTS(1, 1, 1, 1), .padding = "VALID");
    assert_true(explains(TW_LIST(pooled), TW_LIST(x), "+MaxPool"));
    for (int64_t size = 1; size <= 5; size++) {
        tw_array *in = numbers(TW_FLOAT32, TW_SHAPE(1, size, size, 2), 2), *out = NULL;
        tw_status *status = tw_run(session, TW_FETCH(pooled), .feed = TW_FEED({x, in}),
                                   .out = &out);
        if (size == 5) {
            assert_null(status);
            assert_int_equal(tw_array_count(out), 3);
        } else {
            assert_non_null(status);
            assert_int_equal(tw_status_code(status), TW_INVALID_ARGUMENT);
            assert_non_null(strstr(tw_status_message(status), "egative"));
        }
        tw_status_free(status);
        tw_array_unref(out);
        tw_array_unref(in);
    }
    tw_array_unref(filter);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(any_sizes_give_what_both_steps_give),
        TEST(a_filter_that_changes_is_packed_again),
        TEST(what_is_not_finite_is_what_both_steps_give),
        TEST(what_others_read_or_what_pools_channels_stays_two_steps),
        TEST(what_does_not_fit_is_refused_in_the_same_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
