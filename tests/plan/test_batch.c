/* SPDX-License-Identifier: Apache-2.0
 * Sums of products over time become one product (src/plan/batch.c), derivatives of slices are added
 * in place (slices.c), and a descent rides in its product (simplify.c): the steps that are left,
 * the numbers against those of single steps, and what must stay as it is. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/near.h"
#include "support/session.h"
#include "thalweg/thalweg.h"

enum { TIMES = 6, BATCH = 5, IN = 7, OUT = 9 };

static tw_array *numbers(tw_shape shape, int seed)
{
    tw_array *array = tw_array_new(TW_FLOAT32, shape);
    for (size_t i = 0; i < tw_array_count(array); i++)
        ((float *)tw_array_data(array))[i] = (float)((i * 37 + (size_t)seed * 11) % 23) / 16 - 0.7f;
    return array;
}

/* How often a kind of step stands in the plan, whatever is transposed, or summed up by it. */
static int steps_of(const char *kind, tw_tensors fetch, tw_tensors feed)
{
    char *text = NULL, word[64];
    int count = 0;
    strcat(strcpy(word, "  "), kind);
    TW_CHECK(tw_explain(session, fetch, TW_LIST(), feed, &text));
    for (const char *at = text; (at = strstr(at, word)) != NULL; at++) {
        const char *end = at + strlen(word);
        if (!isdigit((unsigned char)at[-1])) /* a name */
            continue;
        if (*end == '(') {
            end = strchr(end, ')') + 1;
            end += strncmp(end, "+AddN", 5) ? 0 : 5;
        }
        count += *end == ' ';
    }
    tw_free(text);
    return count;
}

static void assert_close(const tw_array *got, const tw_array *want, double by)
{
    assert_int_equal(tw_array_count(got), tw_array_count(want));
    for (size_t i = 0; i < tw_array_count(want); i++)
        assert_near(tw_array_get(got, i), tw_array_get(want, i), by);
}

static void a_sum_of_products_is_one_product(void **state)
{
    (void)state;
    tw_tensor a = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(TIMES, BATCH, IN));
    tw_tensor b = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(TIMES, BATCH, OUT));
    tw_tensors as = tw_unpack(a, .num = TIMES), bs = tw_unpack(b, .num = TIMES);
    tw_tensor products[TIMES + 1];
    for (int t = 0; t < TIMES; t++)
        products[t] = tw_matmul(as.items[t], bs.items[t], .transpose_a = true);
    tw_tensor sum = tw_add_n(((tw_tensors){products, TIMES}));
    products[TIMES] = sum;
    tw_tensors single = {products, TIMES + 1}; /* those that are fetched are computed each */
    assert_int_equal(steps_of("MatMul", TW_LIST(sum), TW_LIST(a, b)), 1);
    assert_int_equal(steps_of("AddN", TW_LIST(sum), TW_LIST(a, b)), 0);
    assert_int_equal(steps_of("MatMul", single, TW_LIST(a, b)), TIMES);
    tw_array *x = numbers(TW_SHAPE(TIMES, BATCH, IN), 1);
    tw_array *y = numbers(TW_SHAPE(TIMES, BATCH, OUT), 2), *one = NULL, *out[TIMES + 1] = {NULL};
    TW_CHECK(tw_run(session, TW_FETCH(sum), .feed = TW_FEED({a, x}, {b, y}), .out = &one));
    TW_CHECK(tw_run(session, single, .feed = TW_FEED({a, x}, {b, y}), .out = out));
    assert_close(one, out[TIMES], 1e-5);
    for (int t = 0; t <= TIMES; t++)
        tw_array_unref(out[t]);
    tw_array_unref(x);
    tw_array_unref(y);
    tw_array_unref(one);
}

/* h = tanh([x_t, h] W), unrolled; the gradient of W, with the product of each step fetched or not.
 * The batch is not known while planning. */
static void the_gradient_of_a_recurrent_net_is_one_product(void **state)
{
    (void)state;
    tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(TIMES, -1, IN));
    tw_tensor h = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(-1, OUT)), start = h;
    tw_array *first = numbers(TW_SHAPE(IN + OUT, OUT), 3);
    tw_tensor w = tw_variable(tw_constant(first));
    tw_tensors xs = tw_unpack(x, .num = TIMES);
    for (int t = 0; t < TIMES; t++)
        h = tw_tanh(tw_matmul(tw_concat(TW_LIST(xs.items[t], h), 1), w));
    tw_tensor loss = tw_reduce_sum(tw_square(h));
    tw_tensor gradient = tw_grad_tensor(tw_gradients(TW_LIST(loss), TW_LIST(w)).grads[0]);
    tw_tensor products[TIMES + 1] = {gradient};
    assert_null(tw_graph_status(tw_default_graph()));
    assert_int_equal(tw_operation_input_count(gradient.op), TIMES);
    for (size_t t = 0; t < TIMES; t++)
        products[t + 1] = tw_operation_input(gradient.op, t);
    tw_tensors single = {products, TIMES + 1};
    /* forward, what goes back to the step before, and one for the weights or one for each step */
    assert_int_equal(steps_of("MatMul", TW_LIST(gradient), TW_LIST(x, start)), 2 * TIMES);
    assert_int_equal(steps_of("MatMul", single, TW_LIST(x, start)), 3 * TIMES - 1);
    TW_CHECK(tw_run(session, TW_FETCH(tw_global_variables_initializer())));
    tw_array *in = numbers(TW_SHAPE(TIMES, BATCH, IN), 4), *out[TIMES + 1] = {NULL}, *one = NULL;
    tw_array *state_in = numbers(TW_SHAPE(BATCH, OUT), 5);
    TW_CHECK(tw_run(session, TW_FETCH(gradient), .feed = TW_FEED({x, in}, {start, state_in}),
                    .out = &one));
    TW_CHECK(tw_run(session, single, .feed = TW_FEED({x, in}, {start, state_in}), .out = out));
    assert_close(one, out[0], 1e-5);
    for (int t = 0; t <= TIMES; t++)
        tw_array_unref(out[t]);
    tw_array_unref(in);
    tw_array_unref(state_in);
    tw_array_unref(one);
    tw_array_unref(first);
}

static void reads_of_variables_stay_where_they_are(void **state)
{
    (void)state;
    tw_tensor v = tw_variable(tw_ones(TW_SHAPE(BATCH, IN))), products[3];
    tw_tensor b = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(3, BATCH, OUT));
    tw_tensors bs = tw_unpack(b, .num = 3);
    for (int t = 0; t < 3; t++)
        products[t] = tw_matmul(v, bs.items[t], .transpose_a = true);
    tw_tensor sum = tw_add_n(((tw_tensors){products, 3}));
    assert_int_equal(steps_of("MatMul", TW_LIST(sum), TW_LIST(b)), 3);
}

/* The same step twice from the same start: with the gradient fetched it is computed by itself. */
static void a_descent_by_a_product_writes_no_gradient(void **state)
{
    (void)state;
    tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(BATCH, IN));
    tw_array *in = numbers(TW_SHAPE(BATCH, IN), 1), *first = numbers(TW_SHAPE(IN, OUT), 2);
    tw_array *left[2] = {NULL, NULL}, *gradient = NULL;
    tw_tensor w = tw_variable(tw_constant(first));
    tw_tensor loss = tw_reduce_sum(tw_square(tw_matmul(x, w)));
    tw_tensor grad = tw_grad_tensor(tw_gradients(TW_LIST(loss), TW_LIST(w)).grads[0]);
    tw_tensor step = tw_apply_gradient_descent(w, 0.125, grad);
    assert_int_equal(steps_of("MatMul(A^T B)+ApplyGradientDescent", TW_LIST(step), TW_LIST(x)), 1);
    assert_int_equal(steps_of("MatMul", TW_LIST(step), TW_LIST(x)), 1);
    assert_int_equal(
        steps_of("MatMul(A^T B)+ApplyGradientDescent", TW_LIST(step, grad), TW_LIST(x)), 0);
    for (int i = 0; i < 2; i++) {
        tw_array *out[2] = {NULL, NULL};
        TW_CHECK(tw_run(session, TW_FETCH(tw_global_variables_initializer())));
        if (i)
            TW_CHECK(tw_run(session, TW_FETCH(step, grad), .feed = TW_FEED({x, in}), .out = out));
        else
            TW_CHECK(tw_run(session, TW_FETCH(step), .feed = TW_FEED({x, in})));
        TW_CHECK(tw_session_get(session, w, &left[i]));
        gradient = out[1];
        tw_array_unref(out[0]);
    }
    for (size_t k = 0; k < tw_array_count(first); k++) {
        double want = tw_array_get(first, k) - 0.125 * tw_array_get(gradient, k);
        assert_near(tw_array_get(left[0], k), want, 1e-6);
    }
    assert_close(left[0], left[1], 1e-6);
    tw_array_unref(gradient);
    tw_array_unref(left[0]);
    tw_array_unref(left[1]);
    tw_array_unref(in);
    tw_array_unref(first);
}

/* What the product reads must not be what it writes. */
static void a_descent_by_a_product_of_the_variable_itself_is_not_one_step(void **state)
{
    (void)state;
    tw_tensor w = tw_variable(tw_constant(2.0, .shape = TW_SHAPE(3, 3)));
    tw_tensor step = tw_apply_gradient_descent(w, 0.5, tw_matmul(w, w));
    tw_array *left = NULL;
    assert_int_equal(steps_of("MatMul(A^T B)+ApplyGradientDescent", TW_LIST(step), TW_LIST()), 0);
    TW_CHECK(tw_run(session, TW_FETCH(tw_global_variables_initializer())));
    TW_CHECK(tw_run(session, TW_FETCH(step)));
    TW_CHECK(tw_session_get(session, w, &left));
    for (size_t k = 0; k < 9; k++)
        assert_near(tw_array_get(left, k), 2 - 0.5 * 12, 0);
    tw_array_unref(left);
}

/* Slices that overlap, with steps and without, and as an option the whole as well. */
static void slices_are_added_to_the_first(void **state)
{
    (void)state;
    static const char *const slices[] = {":, 2", "1:4", "::-1, ::3", "0, 1:, 2:4"};
    enum { COUNT = sizeof slices / sizeof *slices };
    tw_array *in = numbers(TW_SHAPE(TIMES, BATCH, IN), 1);
    for (int whole = 0; whole < 2; whole++) {
        tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(TIMES, BATCH, IN)),
                  ys[COUNT + 1];
        for (int i = 0; i < COUNT; i++)
            ys[i] = tw_reduce_sum(tw_square(tw_getitem(x, slices[i])));
        ys[COUNT] = tw_reduce_sum(tw_square(x));
        tw_tensors sums = {ys, COUNT + (size_t)whole};
        tw_tensor gradient = tw_grad_tensor(tw_gradients(sums, TW_LIST(x)).grads[0]);
        tw_tensor all[COUNT + 2] = {gradient};
        for (size_t i = 0; i < sums.count; i++)
            all[i + 1] = tw_operation_input(gradient.op, i);
        tw_tensors single = {all, 1 + sums.count};
        assert_int_equal(steps_of("StridedSliceGrad+AddN", TW_LIST(gradient), TW_LIST(x)),
                         COUNT - 1);
        assert_int_equal(steps_of("AddN", TW_LIST(gradient), TW_LIST(x)), whole);
        assert_int_equal(steps_of("StridedSliceGrad+AddN", single, TW_LIST(x)), 0);
        tw_array *one = NULL, *out[COUNT + 2] = {NULL};
        TW_CHECK(tw_run(session, TW_FETCH(gradient), .feed = TW_FEED({x, in}), .out = &one));
        TW_CHECK(tw_run(session, single, .feed = TW_FEED({x, in}), .out = out));
        assert_close(one, out[0], 1e-6);
        tw_array_unref(one);
        for (size_t i = 0; i <= sums.count; i++)
            tw_array_unref(out[i]);
    }
    tw_array_unref(in);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_sum_of_products_is_one_product),
        TEST(the_gradient_of_a_recurrent_net_is_one_product),
        TEST(reads_of_variables_stay_where_they_are),
        TEST(a_descent_by_a_product_writes_no_gradient),
        TEST(slices_are_added_to_the_first),
        TEST(a_descent_by_a_product_of_the_variable_itself_is_not_one_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
