/* SPDX-License-Identifier: Apache-2.0
 * The loops of pooling: a row of outputs (or of inputs, for the average's gradient) over a run of
 * channels. Images are NHWC; an NCHW plane is an image of one channel. */
#ifndef TW_KERNELS_POOL2D_LOOPS_H
#define TW_KERNELS_POOL2D_LOOPS_H

#include "kernels/isa.h"
#include "kernels/pool2d.h"

/* All that a loop needs of one row; where gradients of overlapping windows meet, runs of
 * channels keep threads apart. */
typedef struct tw_pool_row {
    tw_window rows, cols;
    size_t depth, first, last; /* channels first .. last - 1 of depth */
    size_t y;                  /* the row */
    const void *input;         /* the image's */
    const void *gradient;      /* the image's, of the pass's shape */
    void *out;                 /* the image's result */
    int64_t *argmax;           /* the image's outputs, or NULL */
    int64_t index_start;       /* added to every index */
} tw_pool_row;
typedef void (*tw_pool_loop)(const tw_pool_row *r);

/* A NULL entry means that the dtype cannot be pooled that way, and callers refuse it. */
typedef struct tw_pool_loops {
    tw_pool_loop max, argmax, max_gradient, max_pick, avg, avg_gradient;
} tw_pool_loops;
/* The two dtypes that are worth a loop for each instruction set level; all others are in
 * pool2d_rare.c. */
typedef struct tw_pool_table {
    tw_pool_loops f32, f64;
} tw_pool_table;

TW_ISA_TABLES(tw_pool_table, tw_pool_table);
/* Of the other dtypes, compiled once; NULL where there is none. */
const tw_pool_loops *tw_pool_rare(tw_dtype dtype);

/* The inputs first .. last - 1 that output o sees. */
static inline void tw_pool_seen(const tw_window *w, size_t o, size_t *first, size_t *last)
{
    size_t start = o * w->stride, end = start + w->window;
    *first = start > w->pad ? start - w->pad : 0;
    *last = end > w->pad ? end - w->pad : 0;
    *last = *last < w->in ? *last : w->in;
    *first = *first < *last ? *first : *last;
}

/* The outputs first .. last - 1 that see input i. */
static inline void tw_pool_seers(const tw_window *w, size_t i, size_t *first, size_t *last)
{
    size_t end = i + w->pad + 1;
    *first = end > w->window ? (end - w->window + w->stride - 1) / w->stride : 0;
    *last = (end - 1) / w->stride + 1;
    *last = *last < w->out ? *last : w->out;
    *first = *first < *last ? *first : *last;
}

#endif
