/* SPDX-License-Identifier: Apache-2.0
 * tw_gradients called inside of a loop's body, for what is around the loop: what comes in is the
 * same in every iteration, and the way back goes out with it. The numbers are TensorFlow's or
 * follow by hand; what flows through such a loop is compared with central differences. */
#include "control/control.h"

typedef struct around {
    tw_tensor x, y, n, kept;
    int sort;
} around;

static tw_tensor below_three(const tw_tensor *vars, size_t count, void *user)
{
    (void)count;
    (void)user;
    return tw_less(vars[0], 3);
}

static tw_tensor loop(tw_loop_body_fn body, tw_tensor first, around *user)
{
    tw_tensor out[2] = {{NULL, 0}};
    tw_while_loop(.cond = below_three, .body = body, .vars = TW_LIST(tw_constant(0), first),
                  .user = user, .out = out);
    return out[1];
}

static tw_tensor derivative(tw_tensor y, tw_tensor x)
{
    struct tw_gradients_args args = {.size = sizeof args, .ys = {&y, 1}, .xs = {&x, 1}};
    tw_grads grads;
    expect_ok(tw_gradients_add(&args, &grads));
    assert_int_not_equal(grads.grads[0].kind, TW_GRAD_NONE);
    return tw_grad_tensor(grads.grads[0]);
}

static tw_tensor refused(tw_tensor y, tw_tensor x, const char *part)
{
    struct tw_gradients_args args = {.size = sizeof args, .ys = {&y, 1}, .xs = {&x, 1}};
    tw_grads grads;
    tw_status *status = tw_gradients_add(&args, &grads);
    assert_non_null(status);
    if (!strstr(tw_status_message(status), part))
        fail_msg("'%s' is not in '%s'", part, tw_status_message(status));
    tw_status_free(status);
    return y;
}

/* ---- bodies: each adds a derivative to its variable ---- */

static void step(const tw_tensor *vars, tw_tensor *next, tw_tensor more)
{
    next[0] = tw_add(vars[0], 1);
    next[1] = tw_add(vars[1], more);
}

static void square_inside(const tw_tensor *vars, tw_tensor *next, size_t count, void *user)
{
    tw_tensor x = ((around *)user)->x, i = tw_cast(vars[0], tw_tensor_dtype(x));
    (void)count;
    step(vars, next, derivative(tw_mul(tw_mul(tw_square(x), x), i), x));
}

static void square_outside(const tw_tensor *vars, tw_tensor *next, size_t count, void *user)
{
    around *a = user;
    (void)count;
    step(vars, next, derivative(tw_mul(a->y, tw_cast(vars[0], tw_tensor_dtype(a->x))), a->x));
}

static void with_variable(const tw_tensor *vars, tw_tensor *next, size_t count, void *user)
{
    tw_tensor x = ((around *)user)->x;
    (void)count;
    step(vars, next, derivative(tw_mul(tw_square(vars[1]), tw_square(x)), x));
}

static void times_x(const tw_tensor *vars, tw_tensor *next, size_t count, void *user)
{
    (void)count;
    next[0] = tw_add(vars[0], 1);
    next[1] = tw_mul(tw_sin(vars[1]), ((around *)user)->x);
}

static void times_both(const tw_tensor *vars, tw_tensor *next, size_t count, void *user)
{
    around *a = user;
    (void)count;
    next[0] = tw_add(vars[0], 1);
    next[1] = tw_mul(tw_mul(tw_sin(vars[1]), a->x), a->kept);
}

static void inner_loop(const tw_tensor *vars, tw_tensor *next, size_t count, void *user)
{
    around *a = user;
    (void)count;
    step(vars, next, derivative(loop(times_x, a->y, a), a->x));
}

static void inner_loop_of_both(const tw_tensor *vars, tw_tensor *next, size_t count, void *user)
{
    around *a = user;
    (void)count;
    a->kept = tw_mul(vars[1], a->x);
    step(vars, next, tw_mul(derivative(loop(times_both, a->y, a), a->x), 0.1));
}

static void loop_around(const tw_tensor *vars, tw_tensor *next, size_t count, void *user)
{
    (void)count;
    step(vars, next, derivative(((around *)user)->y, ((around *)user)->x));
}

static void in_a_loop_in_a_loop(const tw_tensor *vars, tw_tensor *next, size_t count, void *user)
{
    around *a = user;
    (void)count;
    tw_tensor y = a->y;
    a->y = tw_mul(tw_square(a->x), vars[1]);
    step(vars, next, tw_mul(loop(square_outside, y, a), 0.1));
    a->y = y;
}

static void square(tw_tensor *out, size_t count, void *user)
{
    (void)count;
    out[0] = tw_square(((around *)user)->x);
}

static void triple(tw_tensor *out, size_t count, void *user)
{
    (void)count;
    out[0] = tw_mul(((around *)user)->x, 3);
}

static void of_a_cond(const tw_tensor *vars, tw_tensor *next, size_t count, void *user)
{
    tw_tensor y = tw_cond(tw_less(vars[0], 2), .on_true = square, .on_false = triple, .user = user);
    (void)count;
    step(vars, next, derivative(y, ((around *)user)->x));
}

static void derivative_of_square(tw_tensor *out, size_t count, void *user)
{
    tw_tensor x = ((around *)user)->x;
    (void)count;
    out[0] = derivative(tw_square(x), x);
}

static void in_a_cond(const tw_tensor *vars, tw_tensor *next, size_t count, void *user)
{
    (void)count;
    step(vars, next,
         tw_cond(tw_less(vars[0], 2), .on_true = derivative_of_square, .on_false = triple,
                 .user = user));
}

static void by_the_first_value(const tw_tensor *vars, tw_tensor *next, size_t count, void *user)
{
    (void)count;
    step(vars, next,
         refused(tw_square(vars[1]), ((around *)user)->x,
                 "Cannot compute gradient inside while loop with respect to op 'x'"));
}

static void keep(const tw_tensor *vars, tw_tensor *next, size_t count, void *user)
{
    (void)count;
    ((around *)user)->kept = tw_mul(((around *)user)->x, 2);
    step(vars, next, vars[1]);
}

/* ---- */

/* The loop's result at x = 1.5, and its derivative by x, which needs that of the derivatives. */
static void check(tw_loop_body_fn body, tw_tensor y, tw_tensor x, double want)
{
    around a = {.x = x, .y = y};
    const number_feed feed = {x, 1.5};
    tw_tensor out = loop(body, tw_constant(1.0, TW_FLOAT64), &a);
    check_graph();
    double got = number_with(out, &feed, 1);
    if (fabs(got - want) > 1e-9 * (1 + fabs(want)))
        fail_msg("the loop gives %.12g, not %.12g", got, want);
    check_file(out, &feed, 1, got);
    check_derivatives(out, &feed, 1, TW_LIST(x), 1e-7);
}

static void what_is_made_in_the_body_of_outer_tensors_is_differentiated(void **state)
{
    (void)state;
    tw_tensor x = scalar_of(TW_FLOAT64, "x");
    check(square_inside, x, x, 1 + 3 * 3 * 2.25);
}

static void the_way_back_goes_on_outside_of_the_loop(void **state)
{
    (void)state;
    tw_tensor x = scalar_of(TW_FLOAT64, "x");
    check(square_outside, tw_mul(tw_square(x), x), x, 1 + 3 * 3 * 2.25);
}

static void a_variable_is_one_value_of_this_iteration(void **state)
{
    (void)state;
    tw_tensor x = scalar_of(TW_FLOAT64, "x"); /* v + 2 x v^2, with x = 1.5: 1, 4, 52, 8164 */
    check(with_variable, x, x, 8164);
}

static void a_loop_inside_of_the_body_is_differentiated_whole(void **state)
{
    (void)state;
    tw_tensor x = scalar_of(TW_FLOAT64, "x");
    double v = 0.5, d = 0;
    for (int i = 0; i < 3; i++) {
        d = sin(v) + 1.5 * cos(v) * d;
        v = 1.5 * sin(v);
    }
    check(inner_loop, tw_constant(0.5, TW_FLOAT64), x, 1 + 3 * d);
}

static void what_enters_two_loops_is_followed_through_both(void **state)
{
    (void)state;
    tw_tensor x = scalar_of(TW_FLOAT64, "x");
    double out = 1;
    for (int i = 0; i < 3; i++) {
        double v = 0.5, d = 0;
        for (int k = 0; k < 3; k++) {
            d = (2 * sin(v) * 1.5 + cos(v) * d * 2.25) * out;
            v = sin(v) * 2.25 * out;
        }
        out += 0.1 * d;
    }
    check(inner_loop_of_both, tw_constant(0.5, TW_FLOAT64), x, out);
}

static void a_loop_beside_is_differentiated_in_the_body(void **state)
{
    (void)state;
    tw_tensor x = scalar_of(TW_FLOAT64, "x");
    around a = {.x = x};
    double v = 0.5, d = 0;
    for (int i = 0; i < 3; i++) {
        d = sin(v) + 1.5 * cos(v) * d;
        v = 1.5 * sin(v);
    }
    a.y = loop(times_x, tw_constant(0.5, TW_FLOAT64), &a);
    tw_tensor out = loop(loop_around, tw_constant(1.0, TW_FLOAT64), &a);
    double got = number_with(out, &(number_feed){x, 1.5}, 1);
    if (fabs(got - 1 - 3 * d) > 1e-12)
        fail_msg("the loop gives %.12g, not %.12g", got, 1 + 3 * d);
    char *bytes;
    size_t size; /* TensorFlow refuses to build it, so there is no graph of it to write */
    tw_status *status = tw_graph_export(tw_default_graph(), &bytes, &size);
    assert_non_null(strstr(tw_status_message(status), "TensorFlow has no graph for that"));
    tw_status_free(status);
}

static void loops_around_the_body_are_gone_through(void **state)
{
    (void)state;
    tw_tensor x = scalar_of(TW_FLOAT64, "x");
    double out = 1;
    for (int i = 0; i < 3; i++)
        out += 0.1 * (0.25 + 3 * 2 * 1.5 * out);
    check(in_a_loop_in_a_loop, tw_constant(0.25, TW_FLOAT64), x, out);
}

static void conditions_inside_of_the_body_are_gone_through(void **state)
{
    (void)state;
    tw_tensor x = scalar_of(TW_FLOAT64, "x");
    check(of_a_cond, x, x, 1 + 2 * 2 * 1.5 + 3);
}

/* The condition stands outside of the loop, a second one inside of its branch; each side is
 * taken. */
static tw_tensor p, q;

static void deeper(tw_tensor *out, size_t count, void *user)
{
    (void)count;
    tw_tensor x = ((around *)user)->x;
    tw_tensor inner = tw_cond(q, .on_true = square, .on_false = triple, .user = user);
    out[0] = tw_mul(tw_sin(tw_mul(x, x)), inner);
}

static void a_condition_outside_of_the_loop_is_gone_through(void **state)
{
    (void)state;
    tw_tensor x = scalar_of(TW_FLOAT64, "x");
    p = tw_placeholder(TW_BOOL, .shape = TW_SHAPE(), .name = "p");
    q = tw_placeholder(TW_BOOL, .shape = TW_SHAPE(), .name = "q");
    around a = {.x = x};
    a.y = tw_cond(p, .on_true = deeper, .on_false = triple, .user = &a);
    tw_tensor out = loop(loop_around, tw_constant(1.0, TW_FLOAT64), &a);
    double v = 1.5, s = sin(v * v), c = 2 * v * cos(v * v);
    double wanted[] = {3, 3, c * 3 * v + s * 3, c * v * v + s * 2 * v};
    for (int i = 0; i < 4; i++) {
        const number_feed feeds[] = {{x, 1.5}, {p, i / 2}, {q, i % 2}};
        double got = number_with(out, feeds, 3);
        if (fabs(got - 1 - 3 * wanted[i]) > 1e-12 * (1 + fabs(got)))
            fail_msg("the loop gives %.12g, not %.12g", got, 1 + 3 * wanted[i]);
        check_file(out, feeds, 3, got);
        check_derivatives(out, feeds, 3, TW_LIST(x), 1e-7);
    }
}

static void a_branch_in_the_body_may_ask_too(void **state)
{
    (void)state;
    tw_tensor x = scalar_of(TW_FLOAT64, "x");
    check(in_a_cond, x, x, 1 + 2 * 2 * 1.5 + 4.5);
}

static void the_first_value_of_a_variable_is_no_x(void **state)
{
    (void)state;
    tw_tensor x = scalar_of(TW_FLOAT64, "x");
    around a = {.x = x};
    loop(by_the_first_value, tw_sin(x), &a);
    check_graph();
}

static void what_lies_in_a_loop_is_no_y_outside_of_it(void **state)
{
    (void)state;
    tw_tensor x = scalar_of(TW_FLOAT64, "x");
    around a = {.x = x};
    loop(keep, tw_constant(1.0, TW_FLOAT64), &a);
    refused(a.kept, x, "in a while loop");
    check_graph();
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_made_in_the_body_of_outer_tensors_is_differentiated),
        TEST(the_way_back_goes_on_outside_of_the_loop),
        TEST(a_variable_is_one_value_of_this_iteration),
        TEST(a_loop_inside_of_the_body_is_differentiated_whole),
        TEST(what_enters_two_loops_is_followed_through_both),
        TEST(a_loop_beside_is_differentiated_in_the_body),
        TEST(loops_around_the_body_are_gone_through),
        TEST(conditions_inside_of_the_body_are_gone_through),
        TEST(a_condition_outside_of_the_loop_is_gone_through),
        TEST(a_branch_in_the_body_may_ask_too),
        TEST(the_first_value_of_a_variable_is_no_x),
        TEST(what_lies_in_a_loop_is_no_y_outside_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
