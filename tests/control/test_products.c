/* SPDX-License-Identifier: Apache-2.0
 * Loops whose variable is a product with itself: the result of a few numbers is written over the
 * variable, a larger one changes places with it. Both are what the products one by one are. */
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

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_product_is_that_of_the_chain_by_hand),
        TEST(few_numbers_stay_in_place_and_many_change_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
