/* SPDX-License-Identifier: Apache-2.0
 * Sums of products over a loop, which are added up for several iterations at once: for any number
 * of iterations they are the sums one by one, also where a loop is in a loop, where the run before
 * failed in the middle, and at any number of threads. A sum that somebody reads meanwhile is added
 * to in each iteration. */
#include "control/control.h"

enum { M = 8, N = 9, MOST = 11 };
#define BATCHED "iterations at once"

/* How the factors of the product stand, and what else there is in the loop. */
typedef struct how {
    bool turn_a, turn_b, wide, inner;
    tw_tensor limit; /* of an assertion in each iteration; or none */
} how;

typedef struct chain {
    tw_tensor n, x, y, first;
    how is;
} chain;

static tw_tensor below(const tw_tensor *vars, size_t count, void *user)
{
    (void)count;
    return tw_less(vars[0], ((chain *)user)->n);
}

static tw_tensor product(const chain *c, tw_tensor scale)
{
    tw_tensor x = tw_mul(c->x, scale);
    return tw_matmul(x, c->y, .transpose_a = c->is.turn_a, .transpose_b = c->is.turn_b);
}

/* sum += op(x scale) op(y); scale *= -0.7 */
static void add_product(const tw_tensor *vars, tw_tensor *next, size_t count, void *user)
{
    const chain *c = user;
    (void)count;
    next[0] = tw_add(vars[0], 1);
    next[1] = tw_add(vars[1], product(c, vars[2]));
    next[2] = tw_mul(vars[2], -0.7);
    if (!c->is.limit.op)
        return;
    tw_tensor good = tw_less(vars[0], c->is.limit);
    TW_CONTROL_DEPENDENCIES({tw_assert(good, TW_LIST(vars[0])).op, -1})
        next[2] = tw_identity(next[2]);
}

static tw_tensor numbers(tw_dtype dtype, int32_t rows, int32_t columns, double from)
{
    tw_tensor all = tw_add(tw_cast(tw_range(0, rows * columns, 1), TW_FLOAT64), from);
    return tw_cast(tw_cos(tw_reshape(all, TW_INTS(rows, columns))), dtype);
}

/* The factors of k terms a product, as variables, so that nothing is folded. */
static chain chain_of(tw_dtype dtype, int32_t k, how is)
{
    tw_tensor x = numbers(dtype, is.turn_a ? k : M, is.turn_a ? M : k, 0.3);
    tw_tensor y = numbers(dtype, is.turn_b ? N : k, is.turn_b ? k : N, 0.9);
    chain c = {.n = scalar_of(TW_INT32, "n"),
               .x = tw_identity(tw_variable(x)),
               .y = tw_identity(tw_variable(y)),
               .is = is};
    return c;
}

static tw_tensor sum_of(chain *c, tw_tensor first, tw_tensor scale)
{
    tw_tensor out[3];
    tw_while_loop(.cond = below, .body = add_product, .vars = TW_LIST(tw_constant(0), first, scale),
                  .user = c, .out = out);
    return out[1];
}

static tw_tensor number_of(tw_dtype dtype, double x)
{
    return tw_cast(tw_constant(x), dtype);
}

static int batches_in(tw_tensor y, tw_tensor fed)
{
    char *text = NULL;
    int count = 0;
    check_graph();
    expect_ok(tw_explain(session, TW_FETCH(y), TW_LIST(), TW_LIST(fed), &text));
    for (const char *at = text; (at = strstr(at, BATCHED)); at++)
        count++;
    tw_free(text);
    return count;
}

static void check_sum(tw_dtype dtype, int32_t k, how is, bool batched)
{
    void *none = NULL;
    teardown(&none);
    setup(&none);
    chain c = chain_of(dtype, k, is);
    tw_tensor want = numbers(dtype, M, N, 7), scale = number_of(dtype, 1);
    tw_tensor got = sum_of(&c, want, scale);
    check_graph();
    expect_ok(tw_run(session, TW_FETCH(tw_global_variables_initializer())));
    assert_int_equal(batches_in(got, c.n), batched);
    for (int rounds = 0; rounds <= MOST; rounds++) {
        expect_near(got, c.n, rounds, want);
        want = tw_add(want, product(&c, scale));
        scale = tw_mul(scale, -0.7);
    }
}

/* 8 x 9 numbers are as many as 4 rows of both factors. */
static void iterations_are_added_up_at_once(void **state)
{
    (void)state;
    for (int i = 0; i < 8; i++) {
        how is = {.turn_a = i & 1, .turn_b = i & 2};
        tw_dtype dtype = i & 4 ? TW_FLOAT64 : TW_FLOAT32;
        check_sum(dtype, 1, is, true);
        check_sum(dtype, 2, is, false); /* that would be only two iterations */
    }
}

/* ---- what keeps a sum as it is ---- */

static void add_and_read(const tw_tensor *vars, tw_tensor *next, size_t count, void *user)
{
    add_product(vars, next, count, user);
    next[2] = tw_mul(next[2], tw_reduce_mean(next[1]));
}

/* Left in the middle of a batch, by what reads the sum. */
static tw_tensor while_small(const tw_tensor *vars, size_t count, void *user)
{
    (void)count;
    return tw_logical_and(below(vars, count, user), tw_less(tw_reduce_sum(vars[1]), 1e9));
}

static void a_sum_that_is_read_is_right_in_each_iteration(void **state)
{
    (void)state;
    chain c = chain_of(TW_FLOAT64, 1, (how){0});
    tw_tensor out[3], first = numbers(TW_FLOAT64, M, N, 7), one = number_of(TW_FLOAT64, 1);
    tw_while_loop(.cond = below, .body = add_and_read, .vars = TW_LIST(tw_constant(0), first, one),
                  .user = &c, .out = out);
    assert_int_equal(batches_in(out[1], c.n), 0);
    tw_while_loop(.cond = while_small, .body = add_product,
                  .vars = TW_LIST(tw_constant(0), first, one), .user = &c, .out = out);
    assert_int_equal(batches_in(out[1], c.n), 0);
}

/* ---- runs ---- */

static tw_array *run_to(tw_tensor y, chain *c, int n, int limit, int threads, tw_status **status)
{
    tw_array *out[1] = {NULL}, *rounds = tw_array_scalar(TW_INT32, n);
    tw_array *most = tw_array_scalar(TW_INT32, limit);
    *status = tw_run(session, TW_FETCH(y), .feed = TW_FEED({c->n, rounds}, {c->is.limit, most}),
                     .out = out, .threads = threads);
    tw_array_unref(rounds);
    tw_array_unref(most);
    return out[0];
}

static void a_run_that_failed_leaves_nothing_behind(void **state)
{
    (void)state;
    chain c = chain_of(TW_FLOAT32, 1, (how){.limit = scalar_of(TW_INT32, "limit")});
    tw_tensor y = sum_of(&c, numbers(TW_FLOAT32, M, N, 7), number_of(TW_FLOAT32, 1));
    tw_status *status;
    check_graph();
    expect_ok(tw_run(session, TW_FETCH(tw_global_variables_initializer())));
    tw_array *want = run_to(y, &c, 6, 100, 1, &status);
    expect_ok(status);
    for (int limit = 0; limit < 6; limit++) {
        assert_null(run_to(y, &c, 6, limit, 1, &status));
        assert_non_null(status);
        tw_status_free(status);
        tw_array *got = run_to(y, &c, 6, 100, 1 + limit % 3, &status);
        expect_ok(status);
        assert_memory_equal(tw_array_data(got), tw_array_data(want), tw_array_bytes(want));
        tw_array_unref(got);
    }
    tw_array_unref(want);
}

/* ---- loops in loops ---- */

static tw_tensor below_three(const tw_tensor *vars, size_t count, void *user)
{
    (void)count;
    (void)user;
    return tw_less(vars[0], 3);
}

/* sum = 0.5 sum + what the inner loop makes of c.first */
static void add_inner(const tw_tensor *vars, tw_tensor *next, size_t count, void *user)
{
    (void)count;
    next[0] = tw_add(vars[0], 1);
    next[1] = tw_add(tw_mul(vars[1], 0.5), sum_of(user, ((chain *)user)->first, vars[2]));
    next[2] = tw_mul(vars[2], 1.5);
}

static void an_inner_loop_begins_with_an_empty_batch(void **state)
{
    (void)state;
    chain c = chain_of(TW_FLOAT64, 1, (how){.turn_a = true});
    tw_tensor zero = tw_zeros(TW_SHAPE(M, N), .dtype = TW_FLOAT64), out[3];
    tw_tensor one = number_of(TW_FLOAT64, 1);
    c.first = numbers(TW_FLOAT64, M, N, 7);
    tw_while_loop(.cond = below_three, .body = add_inner,
                  .vars = TW_LIST(tw_constant(0), zero, one), .user = &c, .out = out);
    assert_int_equal(batches_in(out[1], c.n), 1);
    expect_ok(tw_run(session, TW_FETCH(tw_global_variables_initializer())));
    for (int rounds = 0; rounds <= 6; rounds++) {
        tw_tensor want = zero, outer = one;
        for (int i = 0; i < 3; i++) {
            tw_tensor scale = outer;
            want = tw_add(tw_mul(want, 0.5), c.first);
            for (int k = 0; k < rounds; k++) {
                want = tw_add(want, product(&c, scale));
                scale = tw_mul(scale, -0.7);
            }
            outer = tw_mul(outer, 1.5);
        }
        expect_near(out[1], c.n, rounds, want);
    }
}

/* ---- derivatives ---- */

typedef struct net {
    tw_tensor n, w, s;
    int inner; /* iterations of a loop in each iteration; 0: none */
} net;

static tw_tensor below_net(const tw_tensor *vars, size_t count, void *user)
{
    (void)count;
    return tw_less(vars[0], ((net *)user)->n);
}

static tw_tensor below_inner(const tw_tensor *vars, size_t count, void *user)
{
    (void)count;
    return tw_less(vars[0], ((net *)user)->inner);
}

static tw_tensor one_step(const net *c, tw_tensor h)
{
    return tw_tanh(tw_add(tw_matmul(h, c->w), 0.1));
}

static void inner_step(const tw_tensor *vars, tw_tensor *next, size_t count, void *user)
{
    (void)count;
    next[0] = tw_add(vars[0], 1);
    next[1] = one_step(user, vars[1]);
}

static void net_step(const tw_tensor *vars, tw_tensor *next, size_t count, void *user)
{
    net *c = user;
    (void)count;
    tw_tensor out[2] = {{NULL, 0}, vars[1]};
    next[0] = tw_add(vars[0], 1);
    if (c->inner)
        tw_while_loop(.cond = below_inner, .body = inner_step,
                      .vars = TW_LIST(tw_constant(0), vars[1]), .user = user, .out = out);
    next[1] = one_step(user, out[1]);
}

/* Of a loss by s, which scales the weights, and of that derivative: in the loops of derivatives the
 * weights' is a sum of products of one row. */
static void check_net(int inner, int most)
{
    void *none = NULL;
    teardown(&none);
    setup(&none);
    net c = {.n = scalar_of(TW_INT32, "n"), .s = scalar_of(TW_FLOAT64, "s"), .inner = inner};
    c.w = tw_mul(numbers(TW_FLOAT64, M, M, 2), c.s);
    tw_tensor h = numbers(TW_FLOAT64, 1, M, 4), out[2];
    tw_while_loop(.cond = below_net, .body = net_step, .vars = TW_LIST(tw_constant(0), h),
                  .user = &c, .out = out);
    tw_tensor loss = tw_reduce_sum(tw_square(out[1]));
    check_graph();
    tw_tensor first = tw_grad_tensor(tw_gradients(TW_LIST(loss), TW_LIST(c.s)).grads[0]);
    assert_true(batches_in(first, c.n) > 0);
    for (int n = 0; n <= most; n++) {
        number_feed at[] = {{c.n, n}, {c.s, 0.3}};
        check_derivatives(loss, at, 2, TW_LIST(c.s), 1e-6);
        if (n)
            check_derivatives(first, at, 2, TW_LIST(c.s), 1e-5);
    }
}

static void derivatives_of_weights_are_sums_over_iterations(void **state)
{
    (void)state;
    check_net(0, 7);
    check_net(2, 3);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(iterations_are_added_up_at_once),
        TEST(a_sum_that_is_read_is_right_in_each_iteration),
        TEST(a_run_that_failed_leaves_nothing_behind),
        TEST(an_inner_loop_begins_with_an_empty_batch),
        TEST(derivatives_of_weights_are_sums_over_iterations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
