/* SPDX-License-Identifier: Apache-2.0
 * Loops that count: whichever way the condition is written, the counter and everything else are
 * what they would be if the condition were asked each time. */
#include "control/control.h"

#include <thalweg/callable.h>

typedef tw_tensor compare(tw_tensor x, tw_tensor y);

/* while (test(i, limit)) { i += by; sum += 2 or i; } */
typedef struct counting {
    compare *test;
    tw_tensor limit, by;
    bool turned;    /* test(limit, i) */
    bool sums_next; /* the body reads i + by */
    bool sums;      /* it reads i */
} counting;

static tw_tensor less(tw_tensor x, tw_tensor y)
{
    return tw_less(x, y);
}

static tw_tensor less_equal(tw_tensor x, tw_tensor y)
{
    return tw_less_equal(x, y);
}

static tw_tensor greater(tw_tensor x, tw_tensor y)
{
    return tw_greater(x, y);
}

static tw_tensor greater_equal(tw_tensor x, tw_tensor y)
{
    return tw_greater_equal(x, y);
}

static tw_tensor differ(tw_tensor x, tw_tensor y)
{
    return tw_not_equal(x, y);
}

static tw_tensor test(const tw_tensor *vars, size_t count, void *user)
{
    const counting *how = user;
    (void)count;
    return how->turned ? how->test(how->limit, vars[0]) : how->test(vars[0], how->limit);
}

static void turn(const tw_tensor *vars, tw_tensor *next, size_t count, void *user)
{
    const counting *how = user;
    (void)count;
    next[0] = how->turned ? tw_add(how->by, vars[0]) : tw_add(vars[0], how->by);
    tw_tensor more = how->sums_next ? next[0] : how->sums ? vars[0] : tw_constant(2);
    next[1] = tw_add(vars[1], tw_cast(more, TW_FLOAT32));
}

/* The same in C, in the counter's own arithmetic. */
static void expect(const counting *how, int64_t i, int64_t limit, int64_t by, int64_t *last,
                   double *sum)
{
    for (*sum = 0;; i += by) {
        int64_t a = how->turned ? limit : i, b = how->turned ? i : limit;
        bool go_on = how->test == less            ? a < b
                     : how->test == less_equal    ? a <= b
                     : how->test == greater       ? a > b
                     : how->test == greater_equal ? a >= b
                                                  : a != b;
        if (!go_on)
            break;
        *sum += (double)(how->sums_next ? i + by : how->sums ? i : 2);
    }
    *last = i;
}

/* The plan of out[0] and out[1] as text. */
static char *plan_of(const tw_tensor *out, tw_tensors feeds)
{
    char *text = NULL;
    expect_ok(tw_explain(session, (tw_tensors){out, 2}, (tw_tensors){0}, feeds, &text));
    return text;
}

static size_t count_of(const char *text, const char *word)
{
    size_t count = 0;
    for (; (text = strstr(text, word)) != NULL; text++)
        count++;
    return count;
}

/* Every way of counting from several starts; `counted`: how many steps of the body are not run in
 * each iteration. */
static void check(counting how, tw_dtype dtype, const int64_t (*numbers)[3], size_t count,
                  size_t counted)
{
    void *none = NULL;
    teardown(&none);
    setup(&none);
    tw_tensor start = scalar_of(dtype, "start"), out[2];
    how.limit = scalar_of(dtype, "limit");
    how.by = scalar_of(dtype, "by");
    tw_while_loop(.cond = test, .body = turn, .vars = TW_LIST(start, tw_constant(0.0)),
                  .user = &how, .out = out);
    check_graph();
    char *plan = plan_of(out, TW_FETCH(start, how.limit, how.by));
    assert_int_equal(count_of(plan, "(counted)"), counted);
    tw_free(plan);
    for (size_t k = 0; k < count; k++) {
        number_feed feeds[] = {{start, (double)numbers[k][0]},
                               {how.limit, (double)numbers[k][1]},
                               {how.by, (double)numbers[k][2]}};
        int64_t last;
        double sum;
        expect(&how, numbers[k][0], numbers[k][1], numbers[k][2], &last, &sum);
        assert_true(number_with(out[0], feeds, 3) == (double)last);
        assert_true(number_with(out[1], feeds, 3) == sum);
    }
}

/* start, limit, by */
static const int64_t upwards[][3] = {{0, 10, 1}, {0, 10, 3}, {5, 5, 1},   {6, 5, 1},
                                     {-7, 2, 4}, {6, 5, -1}, {-9, -9, 2}, {0, 1, 100}};
static const int64_t downwards[][3] = {{10, 0, -1}, {10, 0, -3}, {5, 5, -1},  {5, 6, -1},
                                       {7, -2, -4}, {5, 6, 1},   {-9, -9, -2}};
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

enum { UP = sizeof upwards / sizeof *upwards, DOWN = sizeof downwards / sizeof *downwards };

static void the_condition_may_be_written_in_any_way(void **state)
{
    static compare *const ups[] = {less, less_equal}, *const downs[] = {greater, greater_equal};
    (void)state;
    for (int k = 0; k < 16; k++) {
        tw_dtype dtype = k & 2 ? TW_INT64 : TW_INT32;
        bool sums = k & 4, next = k & 8;
        size_t counted = next ? 0 : sums ? 1 : 2; /* i + by is fused with what reads it */
        counting up = {.test = ups[k & 1], .sums = sums, .sums_next = next};
        counting down = {.test = downs[k & 1], .sums = sums, .sums_next = next};
        check(up, dtype, upwards, UP, counted);
        check(down, dtype, downwards, DOWN, counted);
        up.turned = down.turned = true;
        up.test = downs[k & 1];
        down.test = ups[k & 1];
        check(up, dtype, upwards, UP, counted);
        check(down, dtype, downwards, DOWN, counted);
    }
}

/* Another condition is asked each time, and so is one over a number that the body changes. */
static void other_conditions_are_asked(void **state)
{
    static const int64_t numbers[][3] = {{0, 10, 1}, {9, 3, -2}, {4, 4, 1}};
    (void)state;
    check((counting){.test = differ}, TW_INT32, numbers, 3, 0);
}

/* Three times by comes round to 5 more than the start, which is the one number beyond the limit. */
static void a_counter_may_wrap(void **state)
{
    (void)state;
    counting how = {.test = less_equal};
    tw_tensor start = scalar_of(TW_INT32, "start"), out[2];
    how.limit = scalar_of(TW_INT32, "limit");
    how.by = scalar_of(TW_INT32, "by");
    tw_while_loop(.cond = test, .body = turn, .vars = TW_LIST(start, tw_constant(0.0)),
                  .user = &how, .out = out);
    number_feed feeds[] = {
        {start, INT32_MAX - 5.0}, {how.limit, INT32_MAX - 1.0}, {how.by, 0x55555557}};
    assert_true(number_with(out[0], feeds, 3) == INT32_MAX);
    assert_true(number_with(out[1], feeds, 3) == 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_condition_may_be_written_in_any_way),
        TEST(other_conditions_are_asked),
        TEST(a_counter_may_wrap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
