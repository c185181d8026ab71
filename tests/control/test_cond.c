/* SPDX-License-Identifier: Apache-2.0
 * tw_cond: results, names, nesting, what is run and what is not, errors, derivatives. */
#include "control/control.h"

static void twice(tw_tensor *out, size_t count, void *user)
{
    const tw_tensor *x = user;
    for (size_t i = 0; i < count; i++)
        out[i] = tw_mul(*x, 2.0 + (double)i);
}

static void minus(tw_tensor *out, size_t count, void *user)
{
    const tw_tensor *x = user;
    for (size_t i = 0; i < count; i++)
        out[i] = tw_neg(*x);
}

static void the_branch_that_the_predicate_says_gives_the_result(void **state)
{
    (void)state;
    tw_tensor x = scalar_of(TW_FLOAT64, "x"), p = scalar_of(TW_BOOL, "p"), out[2];
    tw_tensor y = tw_cond(p, .on_true = twice, .on_false = minus, .user = &x);
    tw_cond(p, .on_true = twice, .on_false = minus, .user = &x, .count = 2, .out = out);
    assert_true(number_with(y, (number_feed[]){{x, 3}, {p, 1}}, 2) == 6);
    assert_true(number_with(y, (number_feed[]){{x, 3}, {p, 0}}, 2) == -3);
    assert_true(number_with(out[1], (number_feed[]){{x, 3}, {p, 1}}, 2) == 9);
    assert_true(number_with(out[1], (number_feed[]){{x, 3}, {p, 0}}, 2) == -3);
}

static void nodes_and_names_are_tensorflow_s(void **state)
{
    static const char *const names[] = {"x",
                                        "p",
                                        "cond/Switch",
                                        "cond/switch_t",
                                        "cond/switch_f",
                                        "cond/pred_id",
                                        "cond/Mul/y",
                                        "cond/Mul/Switch",
                                        "cond/Mul",
                                        "cond/Neg/Switch",
                                        "cond/Neg",
                                        "cond/Merge"};
    (void)state;
    tw_tensor x = scalar_of(TW_FLOAT32, "x"), p = scalar_of(TW_BOOL, "p");
    tw_cond(p, .on_true = twice, .on_false = minus, .user = &x);
    check_graph();
    tw_graph *graph = tw_default_graph();
    assert_int_equal(tw_graph_operation_count(graph), sizeof names / sizeof *names);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_string_equal(tw_operation_name(tw_graph_operation_at(graph, i)), names[i]);
    tw_operation *constant = tw_graph_operation(graph, "cond/Mul/y");
    assert_string_equal(tw_operation_name(tw_operation_control_input(constant, 0)),
                        "cond/switch_t");
    tw_operation *switch_ = tw_graph_operation(graph, "cond/Mul/Switch");
    assert_string_equal(tw_tensor_name(tw_operation_input(switch_, 1)).s, "cond/pred_id:0");
    const tw_attr *class = tw_operation_attr(switch_, "_class");
    assert_non_null(class);
    assert_memory_equal(((const tw_bytes *)class->value.items)[0].data, "loc:@x", 6);
}

static void outer_itself(tw_tensor *out, size_t count, void *user)
{
    (void)count;
    out[0] = *(const tw_tensor *)user;
}

static void a_branch_may_give_an_outer_tensor_as_it_is(void **state)
{
    (void)state;
    tw_tensor x = scalar_of(TW_FLOAT64, "x"), p = scalar_of(TW_BOOL, "p");
    tw_tensor y = tw_cond(p, .on_true = outer_itself, .on_false = minus, .user = &x);
    assert_true(number_with(y, (number_feed[]){{x, 3}, {p, 1}}, 2) == 3);
    assert_true(number_with(y, (number_feed[]){{x, 3}, {p, 0}}, 2) == -3);
}

typedef struct pair {
    tw_tensor x, p;
} pair;

static void inner_true(tw_tensor *out, size_t count, void *user)
{
    (void)count;
    out[0] = tw_square(((pair *)user)->x);
}

static void inner_false(tw_tensor *out, size_t count, void *user)
{
    (void)count;
    out[0] = tw_add(((pair *)user)->x, 100.0);
}

static void outer_true(tw_tensor *out, size_t count, void *user)
{
    (void)count;
    pair *both = user;
    out[0] = tw_cond(tw_less(both->x, 5.0), .on_true = inner_true, .on_false = inner_false,
                     .user = user);
}

static void outer_false(tw_tensor *out, size_t count, void *user)
{
    (void)count;
    out[0] = tw_sin(((pair *)user)->x);
}

static void branches_nest(void **state)
{
    (void)state;
    pair both = {scalar_of(TW_FLOAT64, "x"), scalar_of(TW_BOOL, "p")};
    tw_tensor y = tw_cond(both.p, .on_true = outer_true, .on_false = outer_false, .user = &both);
    assert_true(number_with(y, (number_feed[]){{both.x, 3}, {both.p, 1}}, 2) == 9);
    assert_true(number_with(y, (number_feed[]){{both.x, 7}, {both.p, 1}}, 2) == 107);
    assert_true(number_with(y, (number_feed[]){{both.x, 0}, {both.p, 0}}, 2) == 0);
}

static void derivatives_flow_through_the_branch_that_was_taken(void **state)
{
    (void)state;
    pair both = {scalar_of(TW_FLOAT64, "x"), scalar_of(TW_BOOL, "p")};
    tw_tensor y = tw_cond(both.p, .on_true = outer_true, .on_false = outer_false, .user = &both);
    y = tw_mul(y, tw_square(both.x));
    const double points[][2] = {{3, 1}, {7, 1}, {0.5, 0}};
    for (size_t i = 0; i < 3; i++) {
        number_feed at[] = {{both.x, points[i][0]}, {both.p, points[i][1]}};
        check_derivatives(y, at, 2, TW_LIST(both.x), 1e-6);
    }
    tw_grads first = tw_gradients(TW_LIST(y), TW_LIST(both.x));
    tw_tensor dy = tw_grad_tensor(first.grads[0]);
    for (size_t i = 0; i < 3; i++) {
        number_feed at[] = {{both.x, points[i][0]}, {both.p, points[i][1]}};
        check_derivatives(dy, at, 2, TW_LIST(both.x), 1e-5);
    }
}

/* ---- what is run ---- */

static void add_ten(tw_tensor *out, size_t count, void *user)
{
    (void)count;
    out[0] = tw_identity(tw_assign_add(*(tw_tensor *)user, 10.0f));
}

static void leave_it(tw_tensor *out, size_t count, void *user)
{
    (void)count;
    out[0] = tw_identity(*(tw_tensor *)user);
}

static void only_the_branch_that_is_taken_changes_a_variable(void **state)
{
    (void)state;
    tw_tensor p = scalar_of(TW_BOOL, "p");
    tw_tensor v = tw_variable_v2(.shape = TW_SHAPE(), .dtype = TW_FLOAT32, .name = "v");
    tw_tensor first = tw_assign(v, 1.0f);
    tw_tensor y = tw_cond(p, .on_true = add_ten, .on_false = leave_it, .user = &v);
    check_graph();
    assert_true(number(first) == 1);
    assert_true(number_with(y, (number_feed[]){{p, 0}}, 1) == 1);
    assert_true(number(v) == 1);
    assert_true(number_with(y, (number_feed[]){{p, 1}}, 1) == 11);
    assert_true(number(v) == 11);
}

static void what_is_dead_cannot_be_fetched(void **state)
{
    (void)state;
    tw_tensor x = scalar_of(TW_FLOAT64, "x"), p = scalar_of(TW_BOOL, "p"), neg;
    tw_cond(p, .on_true = twice, .on_false = minus, .user = &x);
    expect_ok(tw_graph_tensor(tw_default_graph(), "cond/Neg:0", &neg));
    tw_array *one = tw_array_scalar(TW_FLOAT64, 1), *yes = tw_array_scalar(TW_BOOL, 1);
    tw_array *out[1] = {NULL};
    tw_status *status = tw_run(session, TW_FETCH(neg), .feed = TW_FEED({x, one}, {p, yes}),
                               .out = out);
    assert_int_equal(tw_status_code(status), TW_INVALID_ARGUMENT);
    assert_non_null(strstr(tw_status_message(status), "cond/Neg:0"));
    assert_null(out[0]);
    tw_status_free(status);
    tw_array_unref(one);
    tw_array_unref(yes);
}

/* ---- errors ---- */

static void an_integer(tw_tensor *out, size_t count, void *user)
{
    (void)count;
    (void)user;
    out[0] = tw_constant(1);
}

static void nothing(tw_tensor *out, size_t count, void *user)
{
    (void)out;
    (void)count;
    (void)user;
}

static void branches_of_different_dtypes_are_refused(void **state)
{
    (void)state;
    tw_tensor x = scalar_of(TW_FLOAT32, "x"), p = scalar_of(TW_BOOL, "p");
    tw_tensor y = tw_cond(p, .on_true = an_integer, .on_false = minus, .user = &x);
    assert_false(tw_tensor_valid(y));
    expect_graph_error("Outputs of true_fn and false_fn must have the same type: int32, float32");
}

static void a_branch_without_a_result_is_refused(void **state)
{
    (void)state;
    tw_tensor x = scalar_of(TW_FLOAT32, "x"), p = scalar_of(TW_BOOL, "p");
    tw_cond(p, .on_true = nothing, .on_false = minus, .user = &x);
    expect_graph_error("the true branch gives no result 0");
    tw_cond(p, .on_true = minus, .user = &x);
    expect_graph_error("on_true and on_false");
    tw_cond(x, .on_true = minus, .on_false = minus, .user = &x);
    expect_graph_error("bool");
}

static void an_error_inside_a_branch_names_its_own_line(void **state)
{
    (void)state;
    tw_tensor p = scalar_of(TW_BOOL, "p");
    tw_tensor x = tw_placeholder(TW_STRING, .shape = TW_SHAPE());
    tw_cond(p, .on_true = minus, .on_false = minus, .user = &x);
    tw_where where = tw_status_where(tw_graph_status(tw_default_graph()));
    assert_non_null(where.file);
    assert_true(where.line < __LINE__ - 100); /* in `minus` */
    expect_graph_error("Neg");
}

static void as_it_is_and_thrice(tw_tensor *out, size_t count, void *user)
{
    const tw_tensor *x = user;
    (void)count;
    out[0] = *x;
    out[1] = tw_mul(*x, 3.0);
}

/* Both results come from one fused step, the second one first. */
static void less_five_and_four(tw_tensor *out, size_t count, void *user)
{
    const tw_tensor *x = user;
    (void)count;
    out[1] = tw_sub(*x, 5.0);
    out[0] = tw_add(out[1], 1.0);
}

/* What a fused step stores of its inner nodes is dead when the step is, though it was alive in the
 * run before. */
static void every_value_of_a_fused_step_is_dead_with_it(void **state)
{
    (void)state;
    tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(4)), out[2];
    tw_tensor p = tw_placeholder(TW_BOOL, .shape = TW_SHAPE());
    tw_cond(p, .on_true = as_it_is_and_thrice, .on_false = less_five_and_four, .user = &x,
            .count = 2, .out = out);
    tw_array *ones = tw_array_new(TW_FLOAT32, TW_SHAPE(4)), *got[2] = {NULL};
    tw_array_set(ones, 1);
    for (int run = 0; run < 4; run++) {
        bool taken = run == 1 || run == 2;
        tw_array *fed = tw_array_scalar(TW_BOOL, taken);
        TW_CHECK(tw_run(session, TW_FETCH(out[0], out[1]), .feed = TW_FEED({x, ones}, {p, fed}),
                        .out = got));
        assert_true(tw_array_get(got[0], 3) == (taken ? 1 : -3));
        assert_true(tw_array_get(got[1], 3) == (taken ? 3 : -4));
        tw_array_unref(fed);
        tw_array_unref(got[0]);
        tw_array_unref(got[1]);
    }
    tw_array_unref(ones);
}

static tw_tensor below_three(const tw_tensor *v, size_t count, void *user)
{
    (void)count, (void)user;
    return tw_less(v[0], 3);
}

static void one_more(const tw_tensor *v, tw_tensor *out, size_t count, void *user)
{
    (void)count, (void)user;
    out[0] = tw_add(v[0], 1);
}

/* A number in a loop under an outer control input captures that input for itself. */
static void what_a_number_captures_stands_in_the_scope_of_its_operation(void **state)
{
    (void)state;
    tw_tensor x = scalar_of(TW_FLOAT32, "x"), i = tw_constant(0);
    TW_CONTROL_DEPENDENCIES(x)
        tw_while_loop(.cond = below_three, .body = one_more, .vars = TW_LIST(i));
    check_graph();
    static const char *const names[] = {"while/Less/Identity/Enter", "while/Less/Identity",
                                        "while/Less/y", "while/Add/Identity", "while/Add/y"};
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        if (!tw_graph_operation(tw_default_graph(), names[k]))
            fail_msg("no operation '%s'", names[k]);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_branch_that_the_predicate_says_gives_the_result),
        TEST(nodes_and_names_are_tensorflow_s),
        TEST(a_branch_may_give_an_outer_tensor_as_it_is),
        TEST(branches_nest),
        TEST(derivatives_flow_through_the_branch_that_was_taken),
        TEST(only_the_branch_that_is_taken_changes_a_variable),
        TEST(what_is_dead_cannot_be_fetched),
        TEST(branches_of_different_dtypes_are_refused),
        TEST(a_branch_without_a_result_is_refused),
        TEST(an_error_inside_a_branch_names_its_own_line),
        TEST(every_value_of_a_fused_step_is_dead_with_it),
        TEST(what_a_number_captures_stands_in_the_scope_of_its_operation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
