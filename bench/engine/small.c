/* SPDX-License-Identifier: Apache-2.0
 * Steps that cost next to nothing: what is measured is the way into the engine and through it. */
#include <math.h>

#include "workload.h"

/* Folded while planning. */
static void constant_times_2(workload *w)
{
    w->fetch = tw_mul(tw_constant(21.0), 2.0);
}

/* Fed anew in each step: nothing can be folded. */
static void placeholder_times_2(workload *w)
{
    w->fetch = tw_mul(bench_feed(w, tw_array_scalar(TW_FLOAT32, 3)), 2.0);
}

/* A variable may have been written by anybody since the last step. */
static void variable_times_2(workload *w)
{
    w->fetch = tw_mul(bench_variable(w, TW_SHAPE(), 1, 0, 1), 2.0);
}

static void placeholder_times_2_square(workload *w)
{
    w->fetch = tw_mul(bench_feed(w, bench_floats(TW_SHAPE(10, 10), 1, 0, 1)), 2.0);
}

static void variable_times_2_square(workload *w)
{
    w->fetch = tw_mul(bench_variable(w, TW_SHAPE(10, 10), 1, 0, 1), 2.0);
}

/* The tutorial's: y = x W + b fitted to a sine on a slope. */
static void linear_regression(workload *w)
{
    enum { BATCH = 100 };
    tw_array *xs = tw_array_new(TW_FLOAT32, TW_SHAPE(BATCH, 1)),
             *ys = tw_array_new(TW_FLOAT32, TW_SHAPE(BATCH, 1));
    for (int i = 0; i < BATCH; i++) {
        ((float *)tw_array_data(xs))[i] = (float)i;
        ((float *)tw_array_data(ys))[i] = (float)(i + 20 * sin(i / 10.0));
    }
    tw_tensor x = bench_feed(w, xs), y = bench_feed(w, ys);
    tw_tensor W = tw_variable(tw_zeros(TW_SHAPE(1, 1))), b = tw_variable(tw_zeros(TW_SHAPE(1)));
    w->fetch = tw_reduce_sum(tw_div(tw_square(tw_sub(y, tw_add(tw_matmul(x, W), b))), 1000.0));
    w->target = tw_minimize(tw_adam(.learning_rate = 0.001), w->fetch);
}

/* Each depends on the one before: the price of a step that does nearly nothing. */
static void tanh_1000(workload *w)
{
    tw_tensor y = bench_variable(w, TW_SHAPE(10, 10), 1, 0, 1);
    for (int i = 0; i < 1000; i++)
        y = tw_tanh(y);
    w->fetch = y;
}

/* The same with one number: what an operation costs inside a fused chain. */
static void add_10000(workload *w)
{
    tw_tensor x = bench_feed(w, tw_array_scalar(TW_FLOAT32, 0.5)), y = x;
    for (int i = 0; i < 10000; i++)
        y = tw_add(y, x);
    w->fetch = y;
}

static tw_tensor below_10000(const tw_tensor *vars, size_t count, void *user)
{
    (void)count, (void)user;
    return tw_less(vars[0], 10000);
}

static void turn(const tw_tensor *vars, tw_tensor *next, size_t count, void *user)
{
    (void)count;
    next[0] = tw_add(vars[0], 1);
    next[1] = tw_matmul(vars[1], *(tw_tensor *)user);
}

/* A rotation by a fed angle's matrix, so that values neither grow nor vanish. */
static void while_10000(workload *w)
{
    static const float rotation[4] = {0.8f, -0.6f, 0.6f, 0.8f};
    tw_tensor r = bench_feed(w, tw_array_copy_of(TW_FLOAT32, TW_SHAPE(2, 2), rotation));
    tw_tensor out[2];
    tw_while_loop(below_10000, turn, TW_LIST(tw_constant(0), r), .out = out, .user = &r);
    w->fetch = out[1];
}

const recipe small_recipes[] = {{"const2", constant_times_2, NULL},
                                {"feed2", placeholder_times_2, NULL},
                                {"var2", variable_times_2, NULL},
                                {"feed2_10x10", placeholder_times_2_square, NULL},
                                {"var2_10x10", variable_times_2_square, NULL},
                                {"linreg", linear_regression, NULL},
                                {"tanh1000", tanh_1000, NULL},
                                {"add10000", add_10000, NULL},
                                {"while10000", while_10000, NULL},
                                {NULL, NULL, NULL}};
