/* SPDX-License-Identifier: Apache-2.0
 * What all workloads share: numbers, variables, sessions. */
#include "workload.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* MurmurHash3's finalizer of a counter: NumPy computes the same in one go. */
static uint32_t mixed(uint32_t x)
{
    x ^= x >> 16;
    x *= 0x85ebca6bu;
    x ^= x >> 13;
    x *= 0xc2b2ae35u;
    return x ^ x >> 16;
}

/* Two seeds are two stretches of the counter. */
static uint32_t hash(unsigned seed, size_t index)
{
    return mixed((uint32_t)index + mixed(seed));
}

void bench_fill(float *to, size_t count, unsigned seed, double low, double high)
{
    for (size_t i = 0; i < count; i++)
        to[i] = (float)(low + (high - low) * ((hash(seed, i) >> 8) / 16777216.0));
}

tw_array *bench_floats(tw_shape shape, unsigned seed, double low, double high)
{
    tw_array *array = tw_array_new(TW_FLOAT32, shape);
    bench_fill(tw_array_data(array), tw_array_count(array), seed, low, high);
    return array;
}

tw_array *bench_ints(tw_dtype dtype, tw_shape shape, unsigned seed, int64_t below)
{
    tw_array *array = tw_array_new(dtype, shape);
    for (size_t i = 0; i < tw_array_count(array); i++) {
        int64_t value = hash(seed, i) % below;
        if (dtype == TW_INT32)
            ((int32_t *)tw_array_data(array))[i] = (int32_t)value;
        else
            ((int64_t *)tw_array_data(array))[i] = value;
    }
    return array;
}

tw_tensor bench_variable(workload *w, tw_shape shape, unsigned seed, double low, double high)
{
    tw_tensor variable = tw_variable(tw_zeros(shape));
    w->firsts[w->first_count++] = (struct bench_first){variable, seed, low, high};
    return variable;
}

/* The placeholder has the value's shape, as in the peers' programs. */
tw_tensor bench_feed(workload *w, tw_array *value)
{
    tw_tensor fed = tw_placeholder(tw_array_dtype(value), .shape = tw_array_shape(value));
    w->fed[w->feed_count] = fed;
    w->feeds[w->feed_count++] = value;
    return fed;
}

tw_tensor bench_loss(workload *w, tw_tensor logits, int64_t batch, int64_t classes)
{
    tw_tensor labels = bench_feed(w, bench_ints(TW_INT64, TW_SHAPE(batch), 77, classes));
    return tw_reduce_mean(
        tw_sparse_softmax_cross_entropy_with_logits(.labels = labels, .logits = logits));
}

static const struct bench_first *first_of(const workload *w, tw_tensor variable)
{
    for (size_t i = 0; i < w->first_count; i++) {
        if (w->firsts[i].variable.op == variable.op)
            return &w->firsts[i];
    }
    return NULL;
}

/* First values are given to the session rather than part of the graph, where 256 MB would be a
 * constant; the other variables, slots of optimizers most of all, have initializers. */
static void initialize(workload *w)
{
    tw_tensors all = tw_global_variables();
    tw_tensor *others = malloc((all.count + 1) * sizeof *others);
    size_t count = 0;
    for (size_t i = 0; others && i < all.count; i++) {
        if (!first_of(w, all.items[i]))
            others[count++] = all.items[i];
    }
    if (count)
        TW_CHECK(tw_run(w->session,
                        TW_FETCH(tw_variables_initializer((tw_tensors){others, count}, "init"))));
    free(others);
    for (size_t i = 0; i < w->first_count; i++) {
        const struct bench_first *first = &w->firsts[i];
        TW_CHECK(tw_session_give(
            w->session, first->variable,
            bench_floats(tw_tensor_shape(first->variable), first->seed, first->low, first->high)));
    }
}

void bench_open(workload *w)
{
    w->session = tw_session_new(&(struct tw_session_options){
        .size = sizeof(struct tw_session_options), .threads = w->threads});
    initialize(w);
    tw_tensors fetch = {&w->fetch, w->fetch.op ? 1 : 0};
    TW_CHECK(tw_make_callable(w->session, fetch, .target = {&w->target, w->target.op ? 1 : 0},
                              .feed = {w->fed, w->feed_count}, .callable = &w->callable));
}

/* The first step makes the output's array, later ones write into it. */
double bench_step(workload *w)
{
    TW_CHECK(tw_call(w->callable, w->feeds, &w->output));
    return w->output ? tw_array_item(w->output) : 0;
}

/* The next workload begins with an empty graph. */
void bench_close(workload *w)
{
    tw_callable_free(w->callable);
    tw_session_free(w->session);
    for (size_t i = 0; i < w->feed_count; i++)
        tw_array_unref(w->feeds[i]);
    tw_array_unref(w->output);
    *w = (workload){.threads = w->threads};
    tw_reset_default_graph();
}
