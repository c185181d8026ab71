/* SPDX-License-Identifier: Apache-2.0
 * What all workloads share: numbers, variables, sessions. */
#include "workload.h"

#include <stdint.h>
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
    w->variables[w->variable_count] = variable;
    w->values[w->variable_count++] = bench_floats(shape, seed, low, high);
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

/* First values are set rather than part of the graph, where 256 MB would be a constant. */
void bench_open(workload *w)
{
    w->session = tw_session_new(&(struct tw_session_options){
        .size = sizeof(struct tw_session_options), .threads = w->threads});
    TW_CHECK(tw_run(w->session, TW_FETCH(tw_global_variables_initializer())));
    for (size_t i = 0; i < w->variable_count; i++) {
        TW_CHECK(tw_session_set(w->session, w->variables[i], w->values[i]));
        tw_array_unref(w->values[i]);
    }
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
