/* SPDX-License-Identifier: Apache-2.0
 * Derivatives of loops against central differences: plain ones, with conditions inside, nested,
 * with variables that nothing needs, of first and second order. */
#include "control/control.h"

typedef struct outer_tensors {
    tw_tensor n, w, now, step;
} outer_tensors;

static tw_tensor below(const tw_tensor *vars, size_t count, void *user)
{
    (void)count;
    return tw_less(vars[0], ((outer_tensors *)user)->n);
}

static tw_tensor below_three(const tw_tensor *vars, size_t count, void *user)
{
    (void)count;
    (void)user;
    return tw_less(vars[0], 3);
}

static tw_tensor loop(tw_loop_cond_fn cond, tw_loop_body_fn body, tw_tensor x, outer_tensors *user)
{
    tw_tensor out[2] = {{NULL, 0}};
    tw_while_loop(.cond = cond, .body = body, .vars = TW_LIST(tw_constant(0), x), .user = user,
                  .out = out);
    return out[1];
}

static void squash(const tw_tensor *vars, tw_tensor *next, size_t count, void *user)
{
    (void)count;
    next[0] = tw_add(vars[0], 1);
    next[1] = tw_tanh(tw_add(tw_mul(vars[1], ((outer_tensors *)user)->w), 0.5));
}

static void inner_step(const tw_tensor *vars, tw_tensor *next, size_t count, void *user)
{
    (void)count;
    next[0] = tw_add(vars[0], 1);
    next[1] = tw_mul(tw_sin(vars[1]), ((outer_tensors *)user)->w);
}

static void nested(const tw_tensor *vars, tw_tensor *next, size_t count, void *user)
{
    (void)count;
    next[0] = tw_add(vars[0], 1);
    next[1] = tw_add(loop(below_three, inner_step, vars[1], user), tw_square(vars[1]));
}

static void square_times_w(tw_tensor *out, size_t count, void *user)
{
    outer_tensors *o = user;
    (void)count;
    out[0] = tw_mul(tw_square(o->now), o->w);
}

static void sine(tw_tensor *out, size_t count, void *user)
{
    (void)count;
    out[0] = tw_sin(((outer_tensors *)user)->now);
}

/* One branch in even iterations, the other in odd ones. */
static void by_turns(const tw_tensor *vars, tw_tensor *next, size_t count, void *user)
{
    outer_tensors *o = user;
    (void)count;
    o->now = vars[1];
    next[0] = tw_add(vars[0], 1);
    next[1] = tw_cond(tw_equal(tw_mod(vars[0], 2), 0), .on_true = square_times_w, .on_false = sine,
                      .user = user);
}

static void loop_in_branch(tw_tensor *out, size_t count, void *user)
{
    (void)count;
    out[0] = loop(below_three, inner_step, ((outer_tensors *)user)->now, user);
}

static void loops_by_turns(const tw_tensor *vars, tw_tensor *next, size_t count, void *user)
{
    outer_tensors *o = user;
    (void)count;
    o->now = vars[1];
    next[0] = tw_add(vars[0], 1);
    next[1] = tw_cond(tw_equal(tw_mod(vars[0], 2), 0), .on_true = loop_in_branch, .on_false = sine,
                      .user = user);
}

/* First and second order at several numbers of iterations. */
static void check_loop(tw_loop_body_fn body)
{
    outer_tensors o = {.n = scalar_of(TW_INT32, "n"), .w = scalar_of(TW_FLOAT64, "w")};
    tw_tensor x = scalar_of(TW_FLOAT64, "x"), y = loop(below, body, x, &o);
    check_graph();
    for (int n = 0; n < 4; n++) {
        number_feed at[] = {{o.n, n}, {o.w, 0.7}, {x, 0.3}};
        check_derivatives(y, at, 3, TW_LIST(x, o.w), 1e-7);
    }
    tw_grads first = tw_gradients(TW_LIST(y), TW_LIST(x, o.w));
    check_graph();
    for (size_t k = 0; k < 2; k++) {
        tw_tensor dy = tw_grad_tensor(first.grads[k]);
        for (int n = 1; n < 4; n++) {
            number_feed at[] = {{o.n, n}, {o.w, 0.7}, {x, 0.3}};
            check_derivatives(dy, at, 3, TW_LIST(x, o.w), 1e-6);
        }
    }
}

static void a_plain_loop_has_derivatives_of_two_orders(void **state)
{
    (void)state;
    check_loop(squash);
}

static void a_loop_with_a_condition_has_derivatives_of_two_orders(void **state)
{
    (void)state;
    check_loop(by_turns);
}

static void nested_loops_have_derivatives_of_two_orders(void **state)
{
    (void)state;
    check_loop(nested);
}

static void a_loop_in_a_branch_in_a_loop_has_derivatives_of_two_orders(void **state)
{
    (void)state;
    check_loop(loops_by_turns);
}

static void a_third_derivative_is_right_too(void **state)
{
    (void)state;
    outer_tensors o = {.n = scalar_of(TW_INT32, "n"), .w = scalar_of(TW_FLOAT64, "w")};
    tw_tensor x = scalar_of(TW_FLOAT64, "x"), y = loop(below, squash, x, &o);
    for (int i = 0; i < 2; i++)
        y = tw_grad_tensor(tw_gradients(TW_LIST(y), TW_LIST(o.w)).grads[0]);
    check_graph();
    number_feed at[] = {{o.n, 3}, {o.w, 0.7}, {x, 0.3}};
    check_derivatives(y, at, 3, TW_LIST(o.w, x), 1e-5);
}

/* ---- which variables take part ---- */

static void several(const tw_tensor *vars, tw_tensor *next, size_t count, void *user)
{
    outer_tensors *o = user;
    (void)count;
    next[0] = tw_add(vars[0], 1);
    next[1] = tw_mul(vars[2], o->w);
    next[2] = tw_add(vars[1], vars[2]);
    next[3] = tw_rint(tw_add(vars[3], vars[1])); /* nobody wants its derivative */
    next[4] = vars[4];
}

static void variables_that_no_derivative_needs_take_no_part(void **state)
{
    (void)state;
    outer_tensors o = {.n = scalar_of(TW_INT32, "n"), .w = scalar_of(TW_FLOAT64, "w")};
    tw_tensor x = scalar_of(TW_FLOAT64, "x"), out[5];
    tw_while_loop(.cond = below, .body = several,
                  .vars = TW_LIST(tw_constant(0), x, tw_constant(1.0, .dtype = TW_FLOAT64),
                                  tw_zeros_like(x), x),
                  .user = &o, .out = out);
    tw_tensor y = tw_mul(out[2], out[4]);
    for (int n = 0; n < 4; n++) {
        number_feed at[] = {{o.n, n}, {o.w, 0.7}, {x, 0.3}};
        check_derivatives(y, at, 3, TW_LIST(x, o.w), 1e-7);
    }
    tw_grads none = tw_gradients(TW_LIST(out[0]), TW_LIST(x));
    check_graph();
    assert_int_equal(none.grads[0].kind, TW_GRAD_NONE);
}

static void forward_inside(const tw_tensor *vars, tw_tensor *next, size_t count, void *user)
{
    outer_tensors *o = user;
    (void)count;
    tw_tensor y = tw_mul(tw_square(vars[1]), o->w);
    tw_grads back = tw_gradients(TW_LIST(y), TW_LIST(vars[1]));
    next[0] = tw_add(vars[0], 1);
    next[1] = tw_sub(vars[1], tw_mul(tw_grad_tensor(back.grads[0]), 0.1));
}

static void a_derivative_may_be_taken_inside_of_a_loop(void **state)
{
    (void)state;
    outer_tensors o = {.n = scalar_of(TW_INT32, "n"), .w = scalar_of(TW_FLOAT64, "w")};
    tw_tensor x = scalar_of(TW_FLOAT64, "x"), y = loop(below, forward_inside, x, &o);
    number_feed at[] = {{o.n, 5}, {o.w, 0.7}, {x, 0.3}};
    assert_true(fabs(number_with(y, at, 3) - 0.3 * pow(1 - 0.14, 5)) < 1e-12);
    check_derivatives(y, at, 3, TW_LIST(x, o.w), 1e-7);
}

static void matrix_step(const tw_tensor *vars, tw_tensor *next, size_t count, void *user)
{
    (void)count;
    next[0] = tw_add(vars[0], 1);
    next[1] = tw_tanh(
        tw_add(tw_matmul(vars[1], ((outer_tensors *)user)->w), ((outer_tensors *)user)->step));
}

/* The whole derivative of a small recurrent net, entry by entry. */
static void matrices_broadcast_biases_and_batches_of_any_size_work(void **state)
{
    (void)state;
    double weights[9], inputs[12], bias[3] = {0.1, -0.2, 0.3};
    for (int i = 0; i < 9; i++)
        weights[i] = sin(i + 1.0) / 2;
    for (int i = 0; i < 12; i++)
        inputs[i] = cos(i * 0.7);
    outer_tensors o = {.n = tw_constant(3)};
    tw_tensor x = tw_placeholder(TW_FLOAT64, .shape = TW_SHAPE(-1, 3));
    o.w = tw_placeholder(TW_FLOAT64, .shape = TW_SHAPE(3, 3));
    o.step = tw_placeholder(TW_FLOAT64, .shape = TW_SHAPE(3));
    tw_tensor loss = tw_reduce_sum(tw_square(loop(below, matrix_step, x, &o)));
    tw_grads grads = tw_gradients(TW_LIST(loss), TW_LIST(o.w, o.step));
    check_graph();
    for (int batch = 1; batch < 5; batch += 3) {
        tw_array *xs = tw_array_copy_of(TW_FLOAT64, TW_SHAPE(batch, 3), inputs);
        tw_array *bs = tw_array_copy_of(TW_FLOAT64, TW_SHAPE(3), bias);
        tw_array *out[2] = {NULL};
        tw_array *ws = tw_array_copy_of(TW_FLOAT64, TW_SHAPE(3, 3), weights);
        tw_tensor dw = tw_grad_tensor(grads.grads[0]), db = tw_grad_tensor(grads.grads[1]);
        expect_ok(tw_run(session, TW_FETCH(dw, db),
                         .feed = TW_FEED({x, xs}, {o.w, ws}, {o.step, bs}), .out = out));
        for (int i = 0; i < 12; i++) {
            double side[2], *entry = i < 9 ? (double *)tw_array_data(ws) + i
                                           : (double *)tw_array_data(bs) + i - 9;
            double kept = *entry;
            for (int sign = 0; sign < 2; sign++) {
                tw_array *value[1] = {NULL};
                *entry = kept + (sign ? 1e-5 : -1e-5);
                expect_ok(tw_run(session, TW_FETCH(loss),
                                 .feed = TW_FEED({x, xs}, {o.w, ws}, {o.step, bs}), .out = value));
                side[sign] = tw_array_item(value[0]);
                tw_array_unref(value[0]);
            }
            *entry = kept;
            double got = i < 9 ? tw_array_get(out[0], (size_t)i)
                               : tw_array_get(out[1], (size_t)i - 9);
            assert_true(fabs(got - (side[1] - side[0]) / 2e-5) < 1e-7);
        }
        tw_array_unref(out[0]);
        tw_array_unref(out[1]);
        tw_array_unref(xs);
        tw_array_unref(ws);
        tw_array_unref(bs);
    }
}

static void triple_by_default(const tw_tensor *vars, tw_tensor *next, size_t count, void *user)
{
    (void)count;
    (void)user;
    tw_tensor product = tw_placeholder_with_default(tw_mul(vars[1], 3.0), .shape = TW_SHAPE(-1));
    next[0] = tw_add(vars[0], 1);
    next[1] = tw_add(product, tw_zeros_like(vars[1]));
}

/* The loop keeps it for its sizes, which the shape that it was declared with does not tell. */
static void a_default_that_is_not_fed_is_kept_as_any_value(void **state)
{
    (void)state;
    tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(-1));
    tw_tensor y = loop(below_three, triple_by_default, x, NULL);
    tw_grads grads = tw_gradients(TW_LIST(y), TW_LIST(x));
    check_graph();
    tw_array *in = tw_array_new(TW_FLOAT32, TW_SHAPE(5)), *out[2] = {NULL};
    tw_array_set(in, 2);
    expect_ok(tw_run(session, TW_FETCH(y, tw_grad_tensor(grads.grads[0])), .feed = TW_FEED({x, in}),
                     .out = out));
    assert_true(tw_array_get(out[0], 4) == 54 && tw_array_get(out[1], 4) == 27);
    tw_array_unref(out[0]);
    tw_array_unref(out[1]);
    tw_array_unref(in);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_plain_loop_has_derivatives_of_two_orders),
        TEST(a_loop_with_a_condition_has_derivatives_of_two_orders),
        TEST(nested_loops_have_derivatives_of_two_orders),
        TEST(a_loop_in_a_branch_in_a_loop_has_derivatives_of_two_orders),
        TEST(a_third_derivative_is_right_too),
        TEST(variables_that_no_derivative_needs_take_no_part),
        TEST(a_derivative_may_be_taken_inside_of_a_loop),
        TEST(matrices_broadcast_biases_and_batches_of_any_size_work),
        TEST(a_default_that_is_not_fed_is_kept_as_any_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
