/* SPDX-License-Identifier: Apache-2.0
 * Training steps of nets, and inference. */
#include <stdio.h>

#include "workload.h"

/* Seeds go by the order of making, in the peers as well. */
static tw_tensor weights(workload *w, tw_shape shape)
{
    return bench_variable(w, shape, (unsigned)w->first_count + 1, -0.05, 0.05);
}

/* The bias is not zero, so that nothing can be left out. */
static tw_tensor dense(workload *w, tw_tensor x, int64_t n_in, int64_t n_out)
{
    tw_tensor W = weights(w, TW_SHAPE(n_in, n_out)), b = weights(w, TW_SHAPE(n_out));
    return tw_add(tw_matmul(x, W), b);
}

/* What is fetched is the loss before the update. */
static void train(workload *w, tw_tensor logits, int64_t batch, tw_optimizer optimizer)
{
    w->fetch = bench_loss(w, logits, batch, 10);
    w->target = tw_minimize(optimizer, w->fetch);
}

static void softmax_regression(workload *w)
{
    tw_tensor x = bench_feed(w, bench_floats(TW_SHAPE(100, 784), 50, 0, 1));
    train(w, dense(w, x, 784, 10), 100, tw_gradient_descent(.learning_rate = 0.5));
}

static tw_tensor mlp(workload *w)
{
    tw_tensor x = bench_feed(w, bench_floats(TW_SHAPE(100, 784), 50, 0, 1));
    tw_tensor h = tw_relu(dense(w, x, 784, 256));
    return dense(w, tw_relu(dense(w, h, 256, 256)), 256, 10);
}

static void mlp_sgd(workload *w)
{
    train(w, mlp(w), 100, tw_gradient_descent(.learning_rate = 0.01));
}

static void mlp_adam(workload *w)
{
    train(w, mlp(w), 100, tw_adam(.learning_rate = 0.001));
}

/* 5x5, bias, relu, and the largest of each 2x2. */
static tw_tensor conv(workload *w, tw_tensor x, int64_t n_in, int64_t n_out)
{
    tw_tensor W = weights(w, TW_SHAPE(5, 5, n_in, n_out)), b = weights(w, TW_SHAPE(n_out));
    tw_ints one = TW_INTS(1, 1, 1, 1), two = TW_INTS(1, 2, 2, 1);
    tw_tensor y = tw_relu(tw_add(tw_conv2d(x, W, .strides = one, .padding = "SAME"), b));
    return tw_max_pool(y, .ksize = two, .strides = two, .padding = "SAME");
}

/* 5x5x32, pool, 5x5x64, pool, 1024, 10 on 28 x 28. */
static tw_tensor cnn(workload *w, int64_t batch)
{
    tw_tensor x = bench_feed(w, bench_floats(TW_SHAPE(batch, 28, 28, 1), 50, 0, 1));
    tw_tensor h = conv(w, conv(w, x, 1, 32), 32, 64);
    h = tw_reshape(h, TW_SHAPE(batch, 7 * 7 * 64));
    return dense(w, tw_relu(dense(w, h, 7 * 7 * 64, 1024)), 1024, 10);
}

static void cnn_adam(workload *w)
{
    train(w, cnn(w, 50), 50, tw_adam(.learning_rate = 1e-4));
}

static void cnn_infer_1(workload *w)
{
    w->fetch = tw_softmax(cnn(w, 1));
}

static void cnn_infer_64(workload *w)
{
    w->fetch = tw_softmax(cnn(w, 64));
}

/* Gates in TensorFlow's order: input, new, forget, output. */
static void lstm_cell(tw_tensor x, tw_tensor W, tw_tensor b, tw_tensor *c, tw_tensor *h)
{
    tw_tensor all = tw_add(tw_matmul(tw_concat(TW_LIST(x, *h), 1), W), b);
    const tw_tensor *gates = tw_split(1, all, .num_split = 4).items;
    tw_tensor i = gates[0], j = gates[1], f = gates[2], o = gates[3];
    *c = tw_add(tw_mul(*c, tw_sigmoid(f)), tw_mul(tw_sigmoid(i), tw_tanh(j)));
    *h = tw_mul(tw_tanh(*c), tw_sigmoid(o));
}

/* Two layers of 200 units, 20 steps, batch 20, vocabulary 10000. */
tw_tensor build_lstm(workload *w)
{
    enum { STEPS = 20, BATCH = 20, UNITS = 200, WORDS = 10000 };
    tw_tensor ids = bench_feed(w, bench_ints(TW_INT64, TW_SHAPE(BATCH, STEPS), 50, WORDS));
    tw_tensor in = tw_embedding_lookup(TW_LIST(weights(w, TW_SHAPE(WORDS, UNITS))), ids);
    tw_tensor W[2], b[2], c[2], h[2], steps[STEPS];
    for (int l = 0; l < 2; l++) {
        W[l] = weights(w, TW_SHAPE(2 * UNITS, 4 * UNITS));
        b[l] = weights(w, TW_SHAPE(4 * UNITS));
        c[l] = h[l] = tw_zeros(TW_SHAPE(BATCH, UNITS));
    }
    for (int t = 0; t < STEPS; t++) {
        char index[32];
        snprintf(index, sizeof index, ":, %d", t);
        lstm_cell(tw_getitem(in, index), W[0], b[0], &c[0], &h[0]);
        lstm_cell(h[0], W[1], b[1], &c[1], &h[1]);
        steps[t] = h[1];
    }
    tw_tensor all = tw_concat(((tw_tensors){steps, STEPS}), 1);
    tw_tensor logits = dense(w, tw_reshape(all, TW_SHAPE(STEPS * BATCH, UNITS)), UNITS, WORDS);
    return bench_loss(w, logits, STEPS * BATCH, WORDS);
}

static void lstm_sgd(workload *w)
{
    w->fetch = build_lstm(w);
    w->target = tw_minimize(tw_gradient_descent(.learning_rate = 0.1), w->fetch);
}

const recipe net_recipes[] = {{"softreg", softmax_regression, NULL},
                              {"mlp_sgd", mlp_sgd, NULL},
                              {"mlp_adam", mlp_adam, NULL},
                              {"lstm", lstm_sgd, NULL},
                              {"cnn", cnn_adam, NULL},
                              {"infer1", cnn_infer_1, NULL},
                              {"infer64", cnn_infer_64, NULL},
                              {NULL, NULL, NULL}};
