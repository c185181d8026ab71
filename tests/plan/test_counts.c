/* SPDX-License-Identifier: Apache-2.0
 * What the planner is for, in numbers: steps, shared memory, updates, variants. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <thalweg/thalweg.h>

#include "support/near.h"
#include "support/session.h"

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

/* Which rows there are is known only at run time, and so are the product's sizes. */
static void sizes_of_a_fused_product_do_not_need_it(void **state)
{
    (void)state;
    tw_tensor keep = tw_placeholder(TW_INT32, .shape = TW_SHAPE(-1));
    tw_tensor w = tw_variable(tw_ones(TW_SHAPE(8, 4))), b = tw_variable(tw_ones(TW_SHAPE(4)));
    tw_tensor x = tw_gather(tw_ones(TW_SHAPE(5, 8)), tw_reshape(tw_where(keep), TW_INTS(-1)));
    tw_tensor product = tw_matmul(x, w), sum = tw_add(product, b), y = tw_relu(sum);
    tw_tensor sizes = tw_shape(product), size = tw_size(sum);
    TW_CHECK(tw_run(session, TW_FETCH(tw_global_variables_initializer())));
    tw_array *in = tw_array_new(TW_INT32, TW_SHAPE(5)), *alone = NULL, *out[3] = {NULL};
    ((int32_t *)tw_array_data(in))[1] = ((int32_t *)tw_array_data(in))[4] = 1;
    TW_CHECK(tw_run(session, TW_FETCH(y), .feed = TW_FEED({keep, in}), .out = &alone));
    TW_CHECK(tw_run(session, TW_FETCH(y, sizes, size), .feed = TW_FEED({keep, in}), .out = out));
    size_t steps = counts_of(TW_FETCH(y), TW_LIST(), TW_LIST(keep)).steps;
    assert_int_equal(counts_of(TW_FETCH(y, sizes, size), TW_LIST(), TW_LIST(keep)).steps,
                     steps + 2);
    assert_true(tw_array_get(out[0], 7) == 9 && tw_array_get(alone, 7) == 9);
    assert_true(tw_array_get(out[1], 0) == 2 && tw_array_get(out[1], 1) == 4);
    assert_true(tw_array_item(out[2]) == 8);
    for (size_t i = 0; i < 3; i++)
        tw_array_unref(out[i]);
    tw_array_unref(alone);
    tw_array_unref(in);
}

/* What reads the product's sizes comes before the bias, and so before the fused product. */
static void a_bias_may_wait_for_the_sizes_of_the_product(void **state)
{
    (void)state;
    tw_tensor keep = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(-1)), b = {NULL, 0};
    tw_tensor x = tw_gather(tw_ones(TW_SHAPE(5, 8)), tw_reshape(tw_where(keep), TW_INTS(-1)));
    tw_tensor product = tw_matmul(x, tw_ones(TW_SHAPE(8, 4))), sizes = tw_shape(product);
    TW_CONTROL_DEPENDENCIES(sizes)
        b = tw_ones(TW_SHAPE(4));
    tw_tensor y = tw_relu(tw_add(product, b));
    tw_array *in = filled(TW_SHAPE(5), 1), *out[2] = {NULL};
    TW_CHECK(tw_run(session, TW_FETCH(y, sizes), .feed = TW_FEED({keep, in}), .out = out));
    assert_true(tw_array_get(out[0], 19) == 9);
    assert_true(tw_array_get(out[1], 0) == 5 && tw_array_get(out[1], 1) == 4);
    tw_array_unref(out[0]);
    tw_array_unref(out[1]);
    tw_array_unref(in);
}

/* A write that was added before the sum is seen by it, one that was added after the product is not
 * seen by that. */
static void a_product_is_not_fused_past_a_write(void **state)
{
    (void)state;
    tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(-1, 3)), ones = tw_ones(TW_SHAPE(4));
    tw_tensor w = tw_variable(tw_ones(TW_SHAPE(3, 4))), b = tw_variable(ones), out[3];
    tw_tensor product = tw_matmul(x, w), rows = tw_cast(tw_shape(product), TW_FLOAT32);
    tw_tensor of_size = tw_assign(b, tw_mul(ones, tw_prod(rows, TW_INTS(0))));
    tw_tensor sum = tw_add(product, b), other = tw_matmul(x, w);
    tw_tensor turned = tw_transpose(w, TW_INTS(1, 0));
    tw_tensor more = tw_assign_add(w, tw_ones(TW_SHAPE(3, 4)));
    out[0] = tw_relu(sum), out[1] = tw_add(other, ones);
    out[2] = tw_matmul(x, turned, .transpose_b = true);
    tw_array *in = filled(TW_SHAPE(2, 3), 1), *got[3] = {NULL};
    TW_CHECK(tw_run(session, TW_FETCH(tw_global_variables_initializer())));
    TW_CHECK(tw_run(session, TW_FETCH(out[0], out[1], out[2]), .target = TW_LIST(of_size, more),
                    .feed = TW_FEED({x, in}), .out = got));
    for (size_t i = 0; i < 3; i++) {
        assert_near(tw_array_get(got[i], 7), i == 0 ? 11 : i == 1 ? 4 : 3, 0);
        tw_array_unref(got[i]);
    }
    tw_array_unref(in);
}

/* What the sizes of a product lead to does not come later where the product is fused. */
static void a_write_by_the_sizes_of_a_product_stays_where_it_was(void **state)
{
    (void)state;
    tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(-1, 3)), v = tw_variable(1.0);
    tw_tensor product = tw_matmul(x, tw_ones(TW_SHAPE(3, 4)));
    tw_tensor write = tw_assign(v, tw_cast(tw_size(product), TW_FLOAT32)), z = tw_neg(v);
    tw_tensor sum = tw_add(product, tw_ones(TW_SHAPE(4)));
    tw_array *in = filled(TW_SHAPE(2, 3), 1), *out[2] = {NULL};
    TW_CHECK(tw_run(session, TW_FETCH(tw_global_variables_initializer())));
    TW_CHECK(tw_run(session, TW_FETCH(z, sum), .target = TW_LIST(write), .feed = TW_FEED({x, in}),
                    .out = out));
    assert_near(tw_array_item(out[0]), -8, 0);
    tw_array_unref(out[0]);
    tw_array_unref(out[1]);
    tw_array_unref(in);
}

/* Numbers that only a pass knows are not missed by who asks for their size. */
static void a_late_size_needs_no_numbers(void **state)
{
    (void)state;
    tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(-1, 4)), y, size;
    tw_tensor inside = tw_relu(x), end = tw_relu(inside);
    TW_CONTROL_DEPENDENCIES(end)
        y = tw_neg(x);
    TW_CONTROL_DEPENDENCIES(y)
        size = tw_size(inside);
    tw_array *in = filled(TW_SHAPE(5, 4), 1), *out[2] = {NULL};
    TW_CHECK(tw_run(session, TW_FETCH(y, size), .feed = TW_FEED({x, in}), .out = out));
    assert_near(tw_array_item(out[1]), 20, 0);
    tw_array_unref(out[0]);
    tw_array_unref(out[1]);
    tw_array_unref(in);
}

/* Nor is a convolution. */
static void a_convolution_is_not_pooled_past_a_write(void **state)
{
    (void)state;
    tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(1, 4, 4, 1));
    tw_tensor w = tw_variable(tw_ones(TW_SHAPE(1, 1, 1, 2)));
    tw_tensor conv = tw_relu(
        tw_add(tw_conv2d(x, w, TW_INTS(1, 1, 1, 1), .padding = "VALID"), tw_ones(TW_SHAPE(2))));
    tw_tensor more = tw_assign_add(w, tw_ones(TW_SHAPE(1, 1, 1, 2)));
    tw_tensor y = tw_max_pool(conv, TW_INTS(1, 2, 2, 1), TW_INTS(1, 2, 2, 1), .padding = "VALID");
    tw_array *in = filled(TW_SHAPE(1, 4, 4, 1), 1), *out = NULL;
    TW_CHECK(tw_run(session, TW_FETCH(tw_global_variables_initializer())));
    TW_CHECK(tw_run(session, TW_FETCH(y), .target = TW_LIST(more), .feed = TW_FEED({x, in}),
                    .out = &out));
    assert_near(tw_array_get(out, 7), 2, 0);
    tw_array_unref(out);
    tw_array_unref(in);
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

/* Half of the memory of a language model's loss. */
static void the_derivative_of_a_cross_entropy_is_where_the_logits_were(void **state)
{
    (void)state;
    enum { ROWS = 32, WORDS = 1000 };
    tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(ROWS, WORDS));
    tw_tensor labels = tw_placeholder(TW_INT32, .shape = TW_SHAPE(ROWS)), logits = tw_mul(x, 2.0);
    tw_tensor loss = tw_reduce_sum(
        tw_sparse_softmax_cross_entropy_with_logits(.labels = labels, .logits = logits));
    tw_tensor dx = tw_grad_tensor(tw_gradients(TW_LIST(loss), TW_LIST(x)).grads[0]);
    tw_plan_counts counts = counts_of(TW_FETCH(dx), TW_LIST(), TW_LIST(x, labels));
    assert_true(counts.arena_bytes < 5 * ROWS * WORDS); /* one array of floats, and a little */
    tw_array *in = filled(TW_SHAPE(ROWS, WORDS), 0.5), *out = NULL;
    tw_array *classes = tw_array_new(TW_INT32, TW_SHAPE(ROWS));
    tw_array_set(classes, 3);
    TW_CHECK(
        tw_run(session, TW_FETCH(dx), .feed = TW_FEED({x, in}, {labels, classes}), .out = &out));
    assert_near(tw_array_get(out, (ROWS - 1) * WORDS + 3), 2.0 / WORDS - 2, 1e-6);
    assert_near(tw_array_get(out, (ROWS - 1) * WORDS + 4), 2.0 / WORDS, 1e-6);
    tw_array_unref(in);
    tw_array_unref(classes);
    tw_array_unref(out);
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

/* ---- what is fused, stored, left out ---- */

static void a_value_that_is_read_later_too_is_stored_on_the_way(void **state)
{
    (void)state;
    tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(7, 7));
    tw_tensor d = tw_sub(x, 2.0), loss = tw_reduce_sum(tw_square(d)), m = tw_matmul(d, d);
    tw_array *in = filled(TW_SHAPE(7, 7), 5), *out[3] = {NULL};
    TW_CHECK(tw_run(session, TW_FETCH(loss, m, d), .feed = TW_FEED({x, in}), .out = out));
    assert_int_equal(counts_of(TW_FETCH(loss, m, d), TW_LIST(), TW_LIST(x)).steps, 2);
    assert_near(tw_array_item(out[0]), 9 * 49, 0);
    assert_near(tw_array_get(out[1], 48), 9 * 7, 0);
    assert_near(tw_array_get(out[2], 48), 3, 0);
    for (size_t i = 0; i < 3; i++)
        tw_array_unref(out[i]);
    tw_array_unref(in);
}

/* The stored ones are more than a pass stores, and one of them is read before the end. */
static void of_many_values_that_are_read_later_some_are_steps(void **state)
{
    (void)state;
    tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(33)), y[8], last = x;
    for (int i = 0; i < 8; i++)
        last = y[i] = tw_add(last, i + 1.0);
    tw_tensor sum = tw_reduce_sum(y[2]), all = tw_mul(last, sum);
    tw_array *in = filled(TW_SHAPE(33), 1), *out[10] = {NULL};
    TW_CHECK(tw_run(session, TW_FETCH(y[0], y[1], y[2], y[3], y[4], y[5], y[6], y[7], all, sum),
                    .feed = TW_FEED({x, in}), .out = out));
    double want = 1;
    for (int i = 0; i < 8; i++) {
        want += i + 1;
        assert_near(tw_array_get(out[i], 32), want, 0);
    }
    assert_near(tw_array_get(out[8], 0), 37 * 33 * 7, 0);
    assert_near(tw_array_item(out[9]), 33 * 7, 0);
    for (size_t i = 0; i < 10; i++)
        tw_array_unref(out[i]);
    tw_array_unref(in);
}

/* The axes are known with the sizes only: bias and x have the same number of rows here. */
static void a_reduction_over_no_axes_is_no_step(void **state)
{
    (void)state;
    tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(-1, 4)),
              y = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(-1, 4));
    tw_array *ones = filled(TW_SHAPE(4, 4), 1);
    tw_tensor product = tw_matmul(tw_add(x, y), tw_constant(ones));
    tw_array_unref(ones);
    tw_tensor dx = tw_grad_tensor(tw_gradients(TW_LIST(product), TW_LIST(x)).grads[0]);
    for (int64_t rows = 1; rows < 4; rows += 2) { /* one row is broadcast to three */
        tw_array *a = filled(TW_SHAPE(rows, 4), 1), *b = filled(TW_SHAPE(3, 4), 1), *out = NULL;
        TW_CHECK(tw_run(session, TW_FETCH(dx), .feed = TW_FEED({x, a}, {y, b}), .out = &out));
        assert_int_equal(tw_array_count(out), 4 * rows);
        assert_near(tw_array_get(out, 3), rows == 1 ? 12 : 4, 0);
        size_t steps = counts_of(TW_FETCH(dx), TW_LIST(), TW_LIST(x, y)).steps;
        assert_int_equal(steps, rows == 1 ? 3 : 2); /* ones, their product, the sum */
        tw_array_unref(a);
        tw_array_unref(b);
        tw_array_unref(out);
    }
}

/* Sums of columns need a place for each cell; one column is a row. */
static void a_column_is_summed_as_a_row(void **state)
{
    (void)state;
    tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(100, 1));
    tw_tensor y = tw_sum(tw_mul(x, x), TW_INTS(0));
    tw_plan_counts counts = counts_of(TW_FETCH(y), TW_LIST(), TW_LIST(x));
    assert_int_equal(counts.steps, 1);
    assert_int_equal(counts.workspace_bytes, 0);
    tw_array *in = filled(TW_SHAPE(100, 1), 0.5), *out = NULL;
    TW_CHECK(tw_run(session, TW_FETCH(y), .feed = TW_FEED({x, in}), .out = &out));
    assert_true(tw_array_item(out) == 25);
    tw_array_unref(in);
    tw_array_unref(out);
}

static void a_scalar_is_multiplied_in_place(void **state)
{
    (void)state;
    tw_tensor v = tw_variable(8.0), product = tw_mul(v, 0.5), half = tw_assign(v, product);
    TW_CHECK(tw_run(session, TW_FETCH(tw_global_variables_initializer())));
    for (int i = 0; i < 3; i++)
        TW_CHECK(tw_run(session, TW_FETCH(half)));
    assert_int_equal(counts_of(TW_FETCH(half), TW_LIST(), TW_LIST()).steps, 1);
    tw_array *out[2] = {NULL};
    TW_CHECK(tw_session_get(session, v, &out[0]));
    assert_near(tw_array_item(out[0]), 1, 0);
    tw_array_unref(out[0]);
    out[0] = NULL;
    TW_CHECK(tw_run(session, TW_FETCH(half, product), .out = out)); /* somebody looks at it */
    assert_near(tw_array_item(out[1]), 0.5, 0);
    tw_array_unref(out[0]);
    tw_array_unref(out[1]);
}

/* What is read before another write and assigned after it is not that write's value. */
static void a_product_is_not_taken_past_another_write(void **state)
{
    (void)state;
    tw_tensor v = tw_variable(8.0), product = tw_mul(v, 0.5), other = tw_assign_add(v, 100.0);
    tw_tensor half = tw_assign(v, product);
    TW_CHECK(tw_run(session, TW_FETCH(tw_global_variables_initializer())));
    TW_CHECK(tw_run(session, TW_FETCH(half, other)));
    tw_array *out = NULL;
    TW_CHECK(tw_session_get(session, v, &out));
    assert_near(tw_array_item(out), 4, 0);
    tw_array_unref(out);
}

/* One number everywhere stays one, whatever is computed of it; what else is there is broadcast to
 * it. */
static void what_is_computed_of_a_broadcast_number_is_one_number(void **state)
{
    (void)state;
    tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(2, 3));
    tw_tensor ones = tw_broadcast_to(1.0, tw_shape(x));
    tw_tensor y = tw_div(tw_neg(tw_add(ones, ones)), 4.0), z = tw_mul(y, x);
    tw_array *in = filled(TW_SHAPE(2, 3), 3), *out[2] = {NULL};
    TW_CHECK(tw_run(session, TW_FETCH(y, z), .feed = TW_FEED({x, in}), .out = out));
    assert_int_equal(tw_array_count(out[0]), 6);
    assert_near(tw_array_get(out[0], 5), -0.5, 0);
    assert_near(tw_array_get(out[1], 5), -1.5, 0);
    tw_plan_counts counts = counts_of(TW_FETCH(z), TW_LIST(), TW_LIST(x));
    assert_int_equal(counts.steps, 1);
    assert_int_equal(counts.folded, 3);
    for (size_t i = 0; i < 2; i++)
        tw_array_unref(out[i]);
    tw_array_unref(in);
}

/* A pass looks through a broadcast; a smaller operation, which has a step before the pass, cannot.
 * The same where the pass goes over rows that are reduced first. */
static void what_a_step_before_a_pass_reads_is_made(void **state)
{
    (void)state;
    tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(-1, -1)),
              row = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(-1, -1)),
              number = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE());
    tw_tensor one = tw_broadcast_to(number, TW_INTS(1, 1)), factors = tw_mul(row, one);
    tw_tensor chain = tw_mul(tw_add(x, 1.0), factors);
    tw_tensor mean = tw_reduce_mean(x, .axis = TW_INTS(1), .keep_dims = true);
    tw_tensor rows = tw_mul(tw_sub(x, mean), factors);
    tw_array *in[3] = {filled(TW_SHAPE(5, 3), 2), filled(TW_SHAPE(1, 3), 7),
                       filled(TW_SHAPE(), 0.5)};
    ((float *)tw_array_data(in[0]))[1] = 5;
    const tw_tensor results[] = {chain, rows};
    const double wanted[][2] = {{10.5, 21}, {-3.5, 7}};
    for (size_t i = 0; i < 2; i++) {
        tw_array *out = NULL;
        TW_CHECK(tw_run(session, TW_FETCH(results[i]),
                        .feed = TW_FEED({x, in[0]}, {row, in[1]}, {number, in[2]}), .out = &out));
        assert_near(tw_array_get(out, 0), wanted[i][0], 0);
        assert_near(tw_array_get(out, 1), wanted[i][1], 0);
        tw_array_unref(out);
    }
    for (size_t i = 0; i < 3; i++)
        tw_array_unref(in[i]);
}

/* A column times a row sums up nothing, so that it needs no step of its own before a bias. */
static void an_outer_product_joins_the_chain_that_reads_it(void **state)
{
    (void)state;
    tw_tensor a = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(-1, 1));
    tw_tensor row = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(1, 3)),
              bias = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(3));
    tw_tensor y = tw_square(tw_add(tw_matmul(a, row), bias));
    float columns[4] = {1, 2, 3, 4}, rows[3] = {1, -2, 3};
    tw_array *in[3] = {tw_array_borrow(TW_FLOAT32, TW_SHAPE(4, 1), columns),
                       tw_array_borrow(TW_FLOAT32, TW_SHAPE(1, 3), rows),
                       tw_array_borrow(TW_FLOAT32, TW_SHAPE(3), rows)},
             *out = NULL;
    TW_CHECK(tw_run(session, TW_FETCH(y), .feed = TW_FEED({a, in[0]}, {row, in[1]}, {bias, in[2]}),
                    .out = &out));
    assert_int_equal(counts_of(TW_FETCH(y), TW_LIST(), TW_LIST(a, row, bias)).steps, 1);
    for (size_t i = 0; i < 12; i++)
        assert_near(tw_array_get(out, i),
                    (columns[i / 3] + 1) * (columns[i / 3] + 1) * rows[i % 3] * rows[i % 3], 0);
    for (size_t i = 0; i < 3; i++)
        tw_array_unref(in[i]);
    tw_array_unref(out);
}

/* Each time why the step is neither part of a pass nor reads a packed copy. */
static void a_plan_says_why_a_step_is_alone(void **state)
{
    (void)state;
    tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(20, 64));
    tw_tensor w = tw_variable(tw_zeros(TW_SHAPE(64, 64)), .name = "w");
    tw_tensor whole = tw_tanh(x), both = tw_add(tw_cumsum(whole, 0), tw_exp(whole));
    tw_tensor some = tw_tanh(tw_mul(tw_gather_nd(x, tw_where(tw_greater(x, 0.0))), 2.0));
    tw_tensor product = tw_matmul(x, w);
    tw_tensor add = tw_assign_add(w, tw_matmul(x, product, .transpose_a = true));
    static const char *const reasons[] = {"(not fused: read in several places)",
                                          "(not fused: sizes known at run time)",
                                          "(no packed copy: written in each run)"};
    const tw_tensor fetched[] = {both, some, add};
    for (size_t i = 0; i < 3; i++) {
        char *text = NULL;
        TW_CHECK(tw_explain(session, TW_FETCH(fetched[i]), TW_LIST(), TW_LIST(x), &text));
        for (size_t k = 0; k < 3; k++) {
            if (!strstr(text, reasons[k]) == (i == k))
                fail_msg("'%s' in the plan of fetch %zu:\n%s", reasons[k], i, text);
        }
        free(text);
    }
}

/* A mean that comes after what keeps the numbers for later. */
static void a_plan_says_that_others_read_before(void **state)
{
    (void)state;
    tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(64, 64));
    tw_tensor kept = tw_variable(tw_zeros(TW_SHAPE(64, 64)), .name = "kept");
    tw_tensor whole = tw_tanh(tw_mul(x, 2.0)), assign = tw_assign(kept, whole);
    tw_tensor mean = tw_reduce_mean(whole, .axis = TW_INTS(1));
    char *text = NULL;
    TW_CHECK(tw_explain(session, TW_FETCH(mean), TW_LIST(assign), TW_LIST(x), &text));
    if (!strstr(text, "(not fused: reads what others read before)"))
        fail_msg("no reason in\n%s", text);
    free(text);
}

/* All that derivatives ask for again is stored on the way: gates, the new state and its tanh. One
 * copy and one pass forwards, five passes and one copy backwards. */
static void the_gates_of_a_cell_are_one_pass(void **state)
{
    (void)state;
    tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(4, 32)),
              c = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(4, 8));
    const tw_tensor *gates = tw_split(1, x, 4).items;
    tw_tensor next = tw_add(tw_mul(c, tw_sigmoid(gates[2])),
                            tw_mul(tw_sigmoid(gates[0]), tw_tanh(gates[1])));
    tw_tensor h = tw_mul(tw_tanh(next), tw_sigmoid(gates[3]));
    tw_tensor back = tw_grad_tensor(tw_gradients(TW_LIST(h), TW_LIST(x)).grads[0]);
    assert_int_equal(counts_of(TW_FETCH(h, back), TW_LIST(), TW_LIST(x, c)).steps, 8);
}

/* The tutorial's linear regression: the prediction and the loss, the derivative and its sum, two
 * updates with a product in between, and Adam's two powers. */
static void the_tutorials_training_step_is_seven_steps(void **state)
{
    (void)state;
    tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(100, 1)),
              y = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(100, 1));
    tw_tensor w = tw_variable(tw_zeros(TW_SHAPE(1, 1))), b = tw_variable(tw_zeros(TW_SHAPE(1)));
    tw_tensor guess = tw_add(tw_matmul(x, w), b);
    tw_tensor loss = tw_reduce_sum(tw_div(tw_square(tw_sub(y, guess)), 1000.0));
    tw_tensor train = tw_minimize(tw_adam(.learning_rate = 0.001), loss);
    TW_CHECK(tw_run(session, TW_FETCH(tw_global_variables_initializer())));
    tw_array *in = filled(TW_SHAPE(100, 1), 0.5), *out = NULL;
    TW_CHECK(tw_run(session, TW_FETCH(loss), .target = TW_FETCH(train),
                    .feed = TW_FEED({x, in}, {y, in}), .out = &out));
    assert_near(tw_array_item(out), 0.025, 1e-7);
    assert_int_equal(counts_of(TW_FETCH(loss), TW_FETCH(train), TW_LIST(x, y)).steps, 7);
    tw_array_unref(in);
    tw_array_unref(out);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_chain_of_elementwise_operations_is_one_step),
        TEST(bias_and_relu_ride_in_the_product),
        TEST(sizes_of_a_fused_product_do_not_need_it),
        TEST(a_bias_may_wait_for_the_sizes_of_the_product),
        TEST(a_product_is_not_fused_past_a_write),
        TEST(a_write_by_the_sizes_of_a_product_stays_where_it_was),
        TEST(a_late_size_needs_no_numbers),
        TEST(a_convolution_is_not_pooled_past_a_write),
        TEST(a_thousand_tanh_use_one_buffer),
        TEST(the_derivative_of_a_cross_entropy_is_where_the_logits_were),
        TEST(common_subexpressions_and_dead_code_vanish),
        TEST(constants_are_folded),
        TEST(a_training_step_updates_each_parameter_once),
        TEST(a_second_batch_size_makes_a_variant_and_no_new_skeleton),
        TEST(a_value_that_is_read_later_too_is_stored_on_the_way),
        TEST(of_many_values_that_are_read_later_some_are_steps),
        TEST(a_reduction_over_no_axes_is_no_step),
        TEST(a_column_is_summed_as_a_row),
        TEST(a_scalar_is_multiplied_in_place),
        TEST(a_product_is_not_taken_past_another_write),
        TEST(what_is_computed_of_a_broadcast_number_is_one_number),
        TEST(what_a_step_before_a_pass_reads_is_made),
        TEST(an_outer_product_joins_the_chain_that_reads_it),
        TEST(a_plan_says_why_a_step_is_alone),
        TEST(a_plan_says_that_others_read_before),
        TEST(the_gates_of_a_cell_are_one_pass),
        TEST(the_tutorials_training_step_is_seven_steps),
    };
    return cmocka_run_group_tests_name("plan: counts", tests, NULL, NULL);
}
