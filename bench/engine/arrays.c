/* SPDX-License-Identifier: Apache-2.0
 * Steps that are bound by memory: long chains, rows, optimizer updates, sparse rows. */
#include "workload.h"

enum { MILLION = 1000000, ROWS = 10000, COLS = 1000 };

/* tanh(a * x + b) * c + d over 1e7 into a variable. */
static void chain(workload *w)
{
    tw_tensor x = bench_variable(w, TW_SHAPE(10 * MILLION), 1, -2, 2),
              to = tw_variable(tw_zeros(TW_SHAPE(10 * MILLION)));
    tw_tensor y = tw_sub(tw_mul(tw_tanh(tw_add(tw_mul(x, 0.7), 0.1)), 1.3), 0.2);
    w->target = tw_assign(to, y);
    w->target.index = -1;
}

/* 40 MB, more than the caches of most machines hold. */
static tw_tensor rows(workload *w)
{
    return bench_variable(w, TW_SHAPE(ROWS, COLS), 1, -2, 2);
}

/* Into a variable, so that the result is there and nothing is copied out. */
static void softmax_rows(workload *w)
{
    tw_tensor to = tw_variable(tw_zeros(TW_SHAPE(ROWS, COLS)));
    w->target = tw_assign(to, tw_softmax(rows(w)));
    w->target.index = -1;
}

/* With TensorFlow's own pieces: moments and batch_normalization over the last axis. */
static void layer_norm(workload *w)
{
    tw_tensor x = rows(w), to = tw_variable(tw_zeros(TW_SHAPE(ROWS, COLS)));
    tw_tensor gain = bench_variable(w, TW_SHAPE(COLS), 2, 0.5, 1.5),
              bias = bench_variable(w, TW_SHAPE(COLS), 3, -1, 1);
    struct tw_moments_result m = tw_moments(x, .axes = TW_AXES(1), .keep_dims = true);
    tw_tensor scale = tw_mul(tw_rsqrt(tw_add(m.variance, 1e-5)), gain);
    w->target = tw_assign(to, tw_add(tw_mul(x, scale), tw_sub(bias, tw_mul(m.mean, scale))));
    w->target.index = -1;
}

/* 10,000 sums, which are fetched. */
static void reduce_rows(workload *w)
{
    w->fetch = tw_reduce_sum(rows(w), .axis = TW_AXES(1));
}

/* The gradient is another variable, so that nothing is fed. */
static void update(workload *w, tw_optimizer optimizer)
{
    tw_tensor x = bench_variable(w, TW_SHAPE(MILLION), 1, -1, 1);
    tw_grad gradient = tw_grad_of(tw_variable_read(bench_variable(w, TW_SHAPE(MILLION), 2, -1, 1)));
    w->target = tw_apply_gradients(optimizer, ((tw_grads){&gradient, 1}), TW_LIST(x));
}

static void adam(workload *w)
{
    update(w, tw_adam(.learning_rate = 0.001));
}

static void rmsprop(workload *w)
{
    update(w, tw_rmsprop(.learning_rate = 0.001, .momentum = 0.9));
}

static void momentum(workload *w)
{
    update(w, tw_momentum(.learning_rate = 0.001, .momentum = 0.9));
}

/* Gather 10,000 of 1e6 rows of 64 and update them with sparse Adagrad. No row comes twice. */
static void embedding(workload *w)
{
    enum { TAKEN = 10000, WIDTH = 64 };
    tw_tensor table = bench_variable(w, TW_SHAPE(MILLION, WIDTH), 1, -1, 1);
    tw_array *ids = tw_array_new(TW_INT64, TW_SHAPE(TAKEN));
    for (int64_t i = 0; i < TAKEN; i++)
        ((int64_t *)tw_array_data(ids))[i] = (i * 99991 + 7) % MILLION;
    tw_tensor taken = tw_embedding_lookup(TW_LIST(table), bench_feed(w, ids));
    w->fetch = tw_reduce_mean(tw_square(taken));
    w->target = tw_minimize(tw_adagrad(.learning_rate = 0.1), w->fetch);
}

const recipe array_recipes[] = {{"chain", chain, NULL},
                                {"softmax", softmax_rows, NULL},
                                {"layernorm", layer_norm, NULL},
                                {"reduce", reduce_rows, NULL},
                                {"adam", adam, NULL},
                                {"rmsprop", rmsprop, NULL},
                                {"momentum", momentum, NULL},
                                {"embedding", embedding, NULL},
                                {NULL, NULL, NULL}};
