/* SPDX-License-Identifier: Apache-2.0
 * What a plan that is shown says: what a step holds, what was folded and shared, and why a step is
 * not one with its neighbour or reads no packed copy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/failing_allocator.h"
#include "support/session.h"
#include "thalweg/thalweg.h"

enum { ROWS = 10, COLUMNS = 100 };

static tw_tensor fed(tw_shape shape)
{
    return tw_placeholder(TW_FLOAT32, .shape = shape);
}

static tw_tensor variable(tw_shape shape)
{
    return tw_variable(tw_zeros(shape));
}

/* The plan that fetches `fetch`, by the caller to be freed. */
static char *plan_of(tw_tensor fetch, tw_tensors feed)
{
    char *text = NULL;
    assert_null(tw_graph_status(tw_default_graph()));
    TW_CHECK(tw_explain(session, TW_FETCH(fetch), TW_LIST(), feed, &text));
    return text;
}

/* So often does the plan say `words`. */
static void expect(tw_tensor fetch, tw_tensors feed, int times, const char *words)
{
    char *text = plan_of(fetch, feed);
    int count = 0;
    for (const char *at = text; (at = strstr(at, words)) != NULL; at++)
        count++;
    if (count != times)
        fail_msg("'%s' %d times, not %d, in\n%s", words, count, times, text);
    tw_free(text);
}

/* ---- what a step holds ---- */

static void a_product_names_what_rides_in_it(void **state)
{
    (void)state;
    tw_tensor x = fed(TW_SHAPE(ROWS, COLUMNS)), w = variable(TW_SHAPE(COLUMNS, COLUMNS));
    tw_tensor y = tw_relu(tw_add(tw_matmul(x, w), variable(TW_SHAPE(COLUMNS))));
    expect(y, TW_LIST(x), 1, "  MatMul+bias+Relu ");
    expect(y, TW_LIST(x), 1, "1 step (1 fused)");
    expect(y, TW_LIST(x), 1, "2 fused into others");
    expect(tw_matmul(w, x, .transpose_b = true), TW_LIST(x), 1, "  MatMul(A B^T) ");
    tw_tensor turned = tw_transpose(x, TW_INTS(1, 0)), product = tw_matmul(turned, x);
    expect(product, TW_LIST(x), 1, "  MatMul(A^T B) ");
}

static void a_descent_rides_in_the_product_of_its_gradient(void **state)
{
    (void)state;
    tw_tensor x = fed(TW_SHAPE(ROWS, COLUMNS)), w = variable(TW_SHAPE(COLUMNS, 3));
    tw_tensor loss = tw_reduce_sum(tw_square(tw_matmul(x, w)));
    tw_tensor step = tw_minimize(tw_gradient_descent(.learning_rate = 0.1), loss);
    char *text = NULL;
    assert_null(tw_graph_status(tw_default_graph()));
    TW_CHECK(tw_explain(session, TW_FETCH(loss), TW_LIST(step), TW_LIST(x), &text));
    if (!strstr(text, "  MatMul(A^T B)+ApplyGradientDescent "))
        fail_msg("%s", text);
    tw_free(text);
}

/* The sum is the result, which the line is about. */
static void a_pass_names_what_it_stores(void **state)
{
    (void)state;
    tw_tensor x = fed(TW_SHAPE(ROWS, COLUMNS)), y = tw_exp(x), sum = tw_reduce_sum(y);
    char *text = NULL;
    TW_CHECK(tw_explain(session, TW_FETCH(sum, y), TW_LIST(), TW_LIST(x), &text));
    const char *line = strstr(text, "  Exp+Sum ");
    if (!line || !strstr(line, "float32 () ") || !strstr(line, "(also stores Exp @"))
        fail_msg("%s", text);
    tw_free(text);
}

static void a_long_pass_and_a_long_name_are_cut(void **state)
{
    (void)state;
    tw_tensor x = fed(TW_SHAPE(ROWS)), y = x;
    for (int i = 0; i < 20; i++)
        y = tw_mul(y, x);
    tw_tensor named = tw_exp(
        y, .name = "a_name_that_is_longer_than_the_column_in_which_it_stands_but_ends_well");
    expect(named, TW_LIST(x), 1, "... (21) ");
    expect(named, TW_LIST(x), 1, " ...");
    expect(named, TW_LIST(x), 1, "in_which_it_stands_but_ends_well\n");
}

/* ---- what left the plan ---- */

static void what_was_folded_and_shared_is_named(void **state)
{
    (void)state;
    tw_tensor x = fed(TW_SHAPE(ROWS)), y = x;
    tw_tensor one = tw_constant(1.0), two = tw_constant(2.0);
    tw_tensor three = tw_add(one, two, .name = "three"), root = tw_sqrt(three, .name = "root");
    tw_tensor a = tw_cumsum(x, 0, .name = "a"), b = tw_cumsum(x, 0, .name = "b");
    y = tw_add(tw_mul(a, root), b);
    expect(y, TW_LIST(x), 1, "nodes: 2 folded, 2 shared");
    expect(y, TW_LIST(x), 1, "folded: three, root\n");
    expect(y, TW_LIST(x), 1, "shared: b = a, 1 constant with the value of another\n");
    for (int i = 0; i < 20; i++)
        y = tw_mul(y, tw_sqrt(tw_constant(3.0 + i)));
    expect(y, TW_LIST(x), 1, " ... and 10 more\n");
}

/* ---- why not ---- */

static void neighbours_that_are_no_pass_say_why(void **state)
{
    (void)state;
    tw_tensor x = fed(TW_SHAPE(ROWS, COLUMNS)), column = fed(TW_SHAPE(ROWS, 1));
    tw_tensor cube = fed(TW_SHAPE(4, 5, 6)), any = tw_placeholder(TW_FLOAT32);
    tw_tensor whole = tw_placeholder(TW_INT32, .shape = TW_SHAPE(ROWS));
    expect(tw_add(x, tw_tanh(column)), TW_LIST(x, column), 2, "(not fused: another size)");
    expect(tw_softmax(tw_exp(x)), TW_LIST(x), 1, "(not fused: a kernel of its own)");
    expect(tw_softmax(tw_exp(x)), TW_LIST(x), 1, "(not fused: next to a kernel of its own)");
    expect(tw_mul(x, tw_reduce_sum(x)), TW_LIST(x), 2, "(not fused: a reduction ends a pass)");
    tw_tensor middle = tw_reduce_sum(tw_exp(cube), .axis = TW_AXES(1));
    expect(middle, TW_LIST(cube), 2, "(not fused: such axes end no pass)");
    tw_tensor sum = tw_reduce_sum(tw_mul(whole, 2));
    expect(sum, TW_LIST(whole), 2, "(not fused: no pass for this dtype)");
    tw_tensor unknown = tw_tanh(tw_mul(any, 2.0));
    expect(unknown, TW_LIST(any), 2, "(not fused: sizes known at run time)");
    expect(unknown, TW_LIST(any), 1, "0 fused into others");
    expect(tw_cumsum(x, 0), TW_LIST(x), 0, "(not fused");
}

static void what_does_not_ride_in_a_product_says_why(void **state)
{
    (void)state;
    tw_tensor x = fed(TW_SHAPE(ROWS, COLUMNS)), any = tw_placeholder(TW_FLOAT32);
    tw_tensor w = variable(TW_SHAPE(COLUMNS, COLUMNS)), product = tw_matmul(x, w);
    tw_tensor relu = tw_relu(product), matrix = tw_relu(tw_add(product, x));
    expect(relu, TW_LIST(x), 2, "(not fused: rides only behind a bias)");
    expect(matrix, TW_LIST(x), 1, "(not fused: what is added is no bias)");
    expect(tw_add(product, any), TW_LIST(x, any), 2, "(not fused: a bias of unknown shape)");
    expect(tw_exp(product), TW_LIST(x), 2, "only a bias and an activation ride in a product");
    tw_tensor again = tw_matmul(tw_exp(x), w);
    expect(again, TW_LIST(x), 1, "(not fused: a product reads it many times)");
    expect(again, TW_LIST(x), 1, "(not fused: its operands are read many times)");
    tw_tensor both = tw_add(tw_cumsum(product, 0), tw_relu(product));
    expect(both, TW_LIST(x), 1, "(not fused: the product is read in several places)");
}

static void a_product_without_a_packed_copy_says_why(void **state)
{
    (void)state;
    tw_tensor x = fed(TW_SHAPE(ROWS, COLUMNS)), b = fed(TW_SHAPE(COLUMNS, ROWS));
    expect(tw_matmul(x, b), TW_LIST(x, b), 1, "(no packed copy: fed in each run)");
    tw_tensor made = tw_matmul(x, tw_cumsum(b, 0));
    expect(made, TW_LIST(x, b), 1, "(no packed copy: made in each run)");
    tw_tensor small = fed(TW_SHAPE(1, 2)), w = variable(TW_SHAPE(2, 1));
    expect(tw_matmul(small, w), TW_LIST(small), 1, "(no packed copy: would not repay)");
}

/* ---- loops ---- */

static tw_tensor below(const tw_tensor *vars, size_t count, void *user)
{
    (void)count;
    (void)user;
    return tw_less(vars[0], 9);
}

static void turn(const tw_tensor *vars, tw_tensor *out, size_t count, void *user)
{
    (void)count;
    (void)user;
    out[0] = tw_add(vars[0], 1);
    out[1] = tw_tanh(tw_mul(vars[1], 2.0));
}

static void a_body_is_indented_and_counted(void **state)
{
    (void)state;
    tw_tensor x = fed(TW_SHAPE(ROWS, COLUMNS)), out[2];
    tw_while_loop(.cond = below, .body = turn, .vars = TW_LIST(tw_constant(0), x), .out = out);
    char *text = plan_of(out[1], TW_LIST(x));
    const char *loop = strstr(text, "\n   0  While "),
               *pass = strstr(text, "\n       2  Mul+Tanh ");
    if (!loop || !pass || !strstr(text, "4 steps (1 fused)"))
        fail_msg("%s", text);
    tw_free(text);
}

/* The plan is there: what is asked for is the text's own. */
static void a_text_needs_all_its_memory(void **state)
{
    (void)state;
    tw_tensor x = fed(TW_SHAPE(ROWS, COLUMNS)), out[2];
    tw_tensor begin = tw_add(x, tw_sqrt(tw_constant(2.0)));
    tw_while_loop(.cond = below, .body = turn, .vars = TW_LIST(tw_constant(0), begin), .out = out);
    tw_free(plan_of(out[1], TW_LIST(x)));
    size_t live = failing_allocator_live();
    for (size_t n = 1; failing_allocator_next(n); n++) {
        char *text = NULL;
        tw_status *status = tw_explain(session, TW_FETCH(out[1]), TW_LIST(), TW_LIST(x), &text);
        assert_int_equal(!status, text != NULL);
        if (status)
            assert_int_equal(tw_status_code(status), TW_RESOURCE_EXHAUSTED);
        tw_status_free(status);
        tw_free(text);
        assert_int_equal(failing_allocator_live(), live);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    failing_allocator_install();
    const struct CMUnitTest tests[] = {
        TEST(a_product_names_what_rides_in_it),
        TEST(a_descent_rides_in_the_product_of_its_gradient),
        TEST(a_pass_names_what_it_stores),
        TEST(a_long_pass_and_a_long_name_are_cut),
        TEST(what_was_folded_and_shared_is_named),
        TEST(neighbours_that_are_no_pass_say_why),
        TEST(what_does_not_ride_in_a_product_says_why),
        TEST(a_product_without_a_packed_copy_says_why),
        TEST(a_body_is_indented_and_counted),
        TEST(a_text_needs_all_its_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
