/* SPDX-License-Identifier: Apache-2.0
 * Loops whose variable is a product with itself: the result of a few numbers is written over the
 * variable, a larger one changes places with it. Both are what the products one by one are. And
 * loops that sum products. */
#include "control/control.h"

#include "plan/variant.h"

enum { MOST = 5 };

/* Which side the variable is on, and what is transposed. */
typedef struct how {
    bool second, turn_a, turn_b;
} how;

typedef struct chain {
    tw_tensor n, y;
    how is;
} chain;

static tw_tensor below(const tw_tensor *vars, size_t count, void *user)
{
    (void)count;
    return tw_less(vars[0], ((chain *)user)->n);
}

static tw_tensor product(const chain *c, tw_tensor x)
{
    tw_tensor a = c->is.second ? c->y : x, b = c->is.second ? x : c->y;
    return tw_matmul(a, b, .transpose_a = c->is.turn_a, .transpose_b = c->is.turn_b);
}

static void multiply(const tw_tensor *vars, tw_tensor *next, size_t count, void *user)
{
    (void)count;
    next[0] = tw_add(vars[0], 1);
    next[1] = product(user, vars[1]);
}

/* Numbers between -0.5 and 0.5. */
static tw_tensor matrix(int32_t size, float from)
{
    tw_tensor row = tw_range(from, from + (float)(size * size), 1.0f);
    return tw_mul(tw_cos(tw_reshape(row, TW_INTS(size, size))), 0.5f);
}

static void expect_same(tw_tensor got, tw_tensor n, int rounds, tw_tensor want)
{
    tw_array *a = run_with(got, (number_feed[]){{n, rounds}}, 1), *b = run_with(want, NULL, 0);
    assert_int_equal(tw_array_count(a), tw_array_count(b));
    assert_memory_equal(tw_array_data(a), tw_array_data(b), tw_array_bytes(a));
    tw_array_unref(a);
    tw_array_unref(b);
}

static tw_tensor derivative(tw_tensor y, tw_tensor x)
{
    return tw_grad_tensor(tw_gradients(TW_LIST(y), TW_LIST(x)).grads[0]);
}

/* Each number of rounds twice in a row, as a loop begins where the last run left its places. */
static void check(int32_t size, how is)
{
    void *none = NULL;
    teardown(&none);
    setup(&none);
    chain c = {.n = scalar_of(TW_INT32, "n"), .y = matrix(size, 1), .is = is};
    tw_tensor x = matrix(size, 0.5f), out[2], by_hand = tw_identity(x);
    tw_while_loop(.cond = below, .body = multiply, .vars = TW_LIST(tw_constant(0), x), .user = &c,
                  .out = out);
    tw_tensor back = derivative(out[1], x);
    for (int rounds = 0; rounds <= MOST; rounds++) {
        for (int again = 0; again < 2; again++) {
            expect_same(out[1], c.n, rounds, by_hand);
            expect_same(back, c.n, rounds, derivative(by_hand, x));
        }
        by_hand = product(&c, by_hand);
    }
}

static void every_product_is_that_of_the_chain_by_hand(void **state)
{
    static const int32_t sizes[] = {1, 2, 3, 4, 5, 8, 20};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        check(sizes[i], (how){0});
        check(sizes[i], (how){.second = true});
        check(sizes[i], (how){.turn_a = true});
        check(sizes[i], (how){.second = true, .turn_b = true});
    }
}

/* The moves of the loop's body. */
static void expect_moves(int32_t size, size_t count, bool swapped)
{
    void *none = NULL;
    teardown(&none);
    setup(&none);
    chain c = {.n = scalar_of(TW_INT32, "n"), .y = matrix(size, 1)};
    tw_tensor out[2];
    tw_while_loop(.cond = below, .body = multiply, .vars = TW_LIST(tw_constant(0), matrix(size, 0)),
                  .user = &c, .out = out);
    tw_signature signature = {.fetches = {&out[1], 1}, .feeds = {&c.n, 1}};
    tw_feed_size feed = {.shape = TW_SHAPE()};
    tw_plan *plan;
    tw_variant *variant;
    check_graph();
    expect_ok(tw_plan_build(tw_default_graph(), &signature, &plan));
    expect_ok(tw_variant_build(plan, &feed, &variant));
    expect_ok(tw_variant_verify(variant));
    size_t node = 0;
    while (!variant->bodies[node])
        node++;
    const tw_variant *body = variant->bodies[node];
    assert_int_equal(body->moves.count, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(body->moves.items[i].swapped != NULL, swapped);
    tw_variant_unref(variant);
    tw_plan_unref(plan);
}

static void few_numbers_stay_in_place_and_many_change_places(void **state)
{
    (void)state;
    expect_moves(2, 0, false);
    expect_moves(4, 0, false);
    expect_moves(5, 1, false); /* 100 bytes are copied sooner */
    expect_moves(8, 1, true);
    expect_moves(33, 1, true);
}

/* ---- sums of products ---- */

/* sum += op(x) y and x *= 0.5, where x is (rows, m) or, to be transposed, (m, rows). */
static void add_product(const tw_tensor *vars, tw_tensor *next, size_t count, void *user)
{
    const chain *c = user;
    (void)count;
    tw_tensor product = tw_matmul(vars[2], c->y, .transpose_a = c->is.turn_a);
    next[0] = tw_add(vars[0], 1);
    next[1] = c->is.second ? tw_add(product, vars[1]) : tw_add(vars[1], product);
    next[2] = tw_mul(vars[2], 0.5f);
}

static tw_tensor numbers(int32_t rows, int32_t columns, float from)
{
    tw_tensor all = tw_range(from, from + (float)(rows * columns), 1.0f);
    return tw_identity(tw_variable(tw_cos(tw_reshape(all, TW_INTS(rows, columns)))));
}

static bool plan_has(tw_tensor fetch, tw_tensor feed, const char *word)
{
    char *text = NULL;
    expect_ok(tw_explain(session, TW_FETCH(fetch), TW_LIST(), TW_LIST(feed), &text));
    bool has = strstr(text, word) != NULL;
    tw_free(text);
    return has;
}

/* The product has `rows` rows, the sum 6: with 1 row it is added to all of them. */
static void check_sum(int32_t rows, how is, bool taken)
{
    void *none = NULL;
    teardown(&none);
    setup(&none);
    chain c = {.n = scalar_of(TW_INT32, "n"), .y = numbers(3, 5, 1), .is = is};
    tw_tensor x = is.turn_a ? numbers(3, rows, 2) : numbers(rows, 3, 2), first = numbers(6, 5, 3);
    tw_tensor out[3], sum = first, factor = x;
    tw_while_loop(.cond = below, .body = add_product, .vars = TW_LIST(tw_constant(0), first, x),
                  .user = &c, .out = out);
    check_graph();
    expect_ok(tw_run(session, TW_FETCH(tw_global_variables_initializer())));
    assert_int_equal(plan_has(out[1], c.n, is.turn_a ? "MatMul(A^T B)+Add " : "MatMul+Add "),
                     taken);
    for (int rounds = 0; rounds < MOST; rounds++) {
        expect_near(out[1], c.n, rounds, sum);
        sum = tw_add(sum, tw_matmul(factor, c.y, .transpose_a = is.turn_a));
        factor = tw_mul(factor, 0.5f);
    }
}

static void a_product_is_added_while_it_is_computed(void **state)
{
    (void)state;
    check_sum(6, (how){0}, true);
    check_sum(6, (how){.turn_a = true}, true);
    check_sum(6, (how){.second = true}, true);
    check_sum(1, (how){0}, true);
    check_sum(1, (how){.turn_a = true, .second = true}, true);
}

/* The sum is read in the iteration, too. */
static void add_and_read(const tw_tensor *vars, tw_tensor *next, size_t count, void *user)
{
    add_product(vars, next, count, user);
    next[2] = tw_add(next[2], tw_reduce_mean(vars[1]));
}

/* It grows when a larger product is added to it. */
static void a_sum_that_is_read_or_grows_is_added_to_apart(void **state)
{
    (void)state;
    chain c = {.n = scalar_of(TW_INT32, "n"), .y = numbers(3, 5, 1)};
    tw_tensor out[3], x = numbers(6, 3, 2);
    tw_while_loop(.cond = below, .body = add_and_read,
                  .vars = TW_LIST(tw_constant(0), numbers(6, 5, 3), x), .user = &c, .out = out);
    check_graph();
    assert_false(plan_has(out[1], c.n, "MatMul+Add "));
    const tw_shape shapes[] = {TW_SHAPE(), TW_SHAPE(-1, 5), TW_SHAPE(6, 3)};
    tw_while_loop(.cond = below, .body = add_product,
                  .vars = TW_LIST(tw_constant(0), numbers(1, 5, 3), x), .shape_invariants = shapes,
                  .user = &c, .out = out);
    check_graph();
    assert_false(plan_has(out[1], c.n, "MatMul+Add "));
}

/* ---- packed copies ---- */

static void two_products(const tw_tensor *vars, tw_tensor *next, size_t count, void *user)
{
    const chain *c = user;
    (void)count;
    next[0] = tw_add(vars[0], 1);
    next[1] = tw_matmul(tw_tanh(tw_matmul(vars[1], c->y)), c->y, .transpose_b = c->is.turn_b);
}

/* A factor that stays is packed when the loop begins: for each run anew, once for both products
 * where they want the same. */
static void check_packed(bool turned)
{
    enum { ROWS = 20, SIZE = 80 };
    void *none = NULL;
    teardown(&none);
    setup(&none);
    tw_tensor fed = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(SIZE, SIZE));
    chain c = {.n = scalar_of(TW_INT32, "n"), .y = fed, .is = {.turn_b = turned}};
    tw_tensor out[2], by_hand[2] = {tw_constant(0), tw_ones(TW_SHAPE(ROWS, SIZE))};
    tw_while_loop(.cond = below, .body = two_products, .vars = TW_LIST(by_hand[0], by_hand[1]),
                  .user = &c, .out = out);
    for (int rounds = 0; rounds < 3; rounds++)
        two_products(by_hand, by_hand, 2, &c);
    check_graph();
    char *text = NULL;
    expect_ok(tw_explain(session, TW_FETCH(out[1]), TW_LIST(), TW_LIST(c.n, fed), &text));
    assert_non_null(strstr(text, "(packed copy)"));
    tw_free(text);
    tw_array *n = tw_array_scalar(TW_INT32, 3);
    tw_array *y = tw_array_new(TW_FLOAT32, TW_SHAPE(SIZE, SIZE));
    for (int run = 0; run < 3; run++) {
        tw_array *got[2] = {NULL, NULL};
        for (int i = 0; i < SIZE * SIZE; i++)
            ((float *)tw_array_data(y))[i] = (float)((i * 7 + run * 5) % 23 - 11) * 0.02f;
        expect_ok(tw_run(session, TW_FETCH(out[1], by_hand[1]), .feed = TW_FEED({c.n, n}, {fed, y}),
                         .out = got));
        assert_memory_equal(tw_array_data(got[0]), tw_array_data(got[1]), tw_array_bytes(got[0]));
        tw_array_unref(got[0]);
        tw_array_unref(got[1]);
    }
    tw_array_unref(n);
    tw_array_unref(y);
}

static void what_stays_is_packed_once_a_run(void **state)
{
    (void)state;
    check_packed(false);
    check_packed(true);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_product_is_that_of_the_chain_by_hand),
        TEST(few_numbers_stay_in_place_and_many_change_places),
        TEST(a_product_is_added_while_it_is_computed),
        TEST(a_sum_that_is_read_or_grows_is_added_to_apart),
        TEST(what_stays_is_packed_once_a_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
