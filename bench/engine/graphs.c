/* SPDX-License-Identifier: Apache-2.0
 * What building and planning cost: many small graphs that each run once, and one large one. */
#include <stdint.h>

#include "workload.h"

enum { TREES = 50, WIDTH = 35, CLASSES = 5, WORDS = 1000 };

/* The parameters of a recursive net. */
typedef struct net {
    tw_tensor words, W, b, U, c;
    uint32_t random;
} net;

/* Numerical Recipes' generator: the peers draw the same trees. */
static uint32_t draw(net *n, uint32_t below)
{
    n->random = n->random * 1664525u + 1013904223u;
    return (n->random >> 16) % below;
}

/* The vector (1, WIDTH) of a tree with so many leaves; the loss of each node is added to *loss. */
static tw_tensor tree(net *n, uint32_t leaves, tw_tensor *losses, size_t *count)
{
    tw_tensor h;
    if (leaves == 1) {
        h = tw_gather(n->words, tw_constant(TW_INTS(draw(n, WORDS)), .dtype = TW_INT32));
    } else {
        uint32_t left = 1 + draw(n, leaves - 1);
        tw_tensor l = tree(n, left, losses, count), r = tree(n, leaves - left, losses, count);
        h = tw_relu(tw_add(tw_matmul(tw_concat(TW_LIST(l, r), 1), n->W), n->b));
    }
    tw_tensor label = tw_constant(TW_INTS(draw(n, CLASSES)), .dtype = TW_INT32);
    tw_tensor logits = tw_add(tw_matmul(h, n->U), n->c);
    losses[(*count)++] = tw_sparse_softmax_cross_entropy_with_logits(.labels = label,
                                                                     .logits = logits);
    return h;
}

/* The shapes and first values of the parameters. */
enum { PARAMETERS = 5 };
static const int64_t sizes[PARAMETERS][2] = {
    {WORDS, WIDTH}, {2 * WIDTH, WIDTH}, {1, WIDTH}, {WIDTH, CLASSES}, {1, CLASSES}};

static tw_array *first_value(int i)
{
    double bound = i == 0 ? 0.5 : 0.1;
    return bench_floats((tw_shape){sizes[i], 2}, (unsigned)i + 1, -bound, bound);
}

/* A graph and a session of its own for a tree: its loss before an update, which is made too. */
static double run_tree(workload *w, net *n, tw_array *const values[PARAMETERS])
{
    size_t count = 0;
    tw_tensor losses[64], *parts[PARAMETERS] = {&n->words, &n->W, &n->b, &n->U, &n->c};
    tw_reset_default_graph();
    for (int i = 0; i < PARAMETERS; i++)
        *parts[i] = tw_variable(tw_zeros(((tw_shape){sizes[i], 2})));
    tree(n, 4 + draw(n, 12), losses, &count);
    tw_tensor loss = tw_reduce_sum(tw_add_n((tw_tensors){losses, count}));
    tw_tensor train = tw_minimize(tw_gradient_descent(.learning_rate = 0.01), loss);
    tw_session *session = tw_session_new(&(struct tw_session_options){
        .size = sizeof(struct tw_session_options), .threads = w->threads});
    for (int i = 0; i < PARAMETERS; i++)
        TW_CHECK(tw_session_give(session, *parts[i], tw_array_copy(values[i])));
    tw_array *out = NULL;
    TW_CHECK(tw_run(session, TW_FETCH(loss), .target = TW_FETCH(train), .out = &out));
    double value = tw_array_item(out);
    tw_array_unref(out);
    tw_session_free(session);
    return value;
}

/* TensorFlow's users filled one graph with many trees, whose runs become slower and slower there;
 * it is at its best with a graph for each. */
static double trees(workload *w)
{
    bench_close(w);
    net n = {.random = 1};
    tw_array *values[PARAMETERS];
    double total = 0;
    for (int i = 0; i < PARAMETERS; i++)
        values[i] = first_value(i);
    for (int i = 0; i < TREES; i++)
        total += run_tree(w, &n, values);
    for (int i = 0; i < PARAMETERS; i++)
        tw_array_unref(values[i]);
    return total;
}

/* The LSTM language model from nothing to the end of its first step. */
static double lstm_start(workload *w)
{
    bench_close(w);
    w->fetch = build_lstm(w);
    w->target = tw_minimize(tw_gradient_descent(.learning_rate = 0.1), w->fetch);
    bench_open(w);
    return bench_step(w);
}

const recipe graph_recipes[] = {
    {"trees", NULL, trees}, {"lstm_start", NULL, lstm_start}, {NULL, NULL, NULL}};
