/* SPDX-License-Identifier: Apache-2.0
 * A workload is a graph with its feeds and what one step runs. All engines get the same numbers:
 * bench_fill is bench/peers/common.py's fill, to the bit. */
#ifndef THALWEG_BENCH_WORKLOAD_H
#define THALWEG_BENCH_WORKLOAD_H

#include <stdbool.h>
#include <thalweg/thalweg.h>

enum { MOST_FEEDS = 4, MOST_VARIABLES = 32 };

/* What a build function leaves behind. */
typedef struct workload {
    int threads;
    tw_tensor fed[MOST_FEEDS];
    tw_array *feeds[MOST_FEEDS];
    size_t feed_count;
    struct bench_first {
        tw_tensor variable;
        unsigned seed;
        double low, high;
    } firsts[MOST_VARIABLES]; /* variables with first values other than zeros */
    size_t first_count;
    tw_tensor fetch;  /* invalid: none */
    tw_tensor target; /* invalid: none */
    tw_session *session;
    tw_callable *callable;
    tw_array *output;
} workload;

typedef struct recipe {
    const char *name;
    void (*build)(workload *w); /* into the default graph */
    /* Instead of a callable's step; it makes its graphs itself. Gives what the step computed. */
    double (*step)(workload *w);
} recipe;
extern const recipe small_recipes[], net_recipes[], array_recipes[], graph_recipes[];

/* Fills count floats with low + (high - low) * u, u a hash of seed and index in [0, 1). */
void bench_fill(float *to, size_t count, unsigned seed, double low, double high);
/* The same as an array; and whole numbers from 0 to below - 1, of int32 or int64. */
tw_array *bench_floats(tw_shape shape, unsigned seed, double low, double high);
tw_array *bench_ints(tw_dtype dtype, tw_shape shape, unsigned seed, int64_t below);
/* A variable whose first value is bench_floats. */
tw_tensor bench_variable(workload *w, tw_shape shape, unsigned seed, double low, double high);
/* A placeholder that is fed `value` (taken over). */
tw_tensor bench_feed(workload *w, tw_array *value);
/* A session with the variables initialized; the callable. */
void bench_open(workload *w);
void bench_close(workload *w);
double bench_step(workload *w);

/* Float operations a second on so many threads; bytes read and written a second by a copy that
 * touches `bytes` in all. */
double limit_flops(int threads);
double limit_copy(int threads, size_t bytes);

/* The LSTM language model's loss; feeds and variables are added to w. */
tw_tensor build_lstm(workload *w);
/* The mean cross entropy of logits (batch, classes) with fed labels. */
tw_tensor bench_loss(workload *w, tw_tensor logits, int64_t batch, int64_t classes);

#endif
