/* SPDX-License-Identifier: Apache-2.0
 * The inner loops of reductions: tables by dtype and operation. An accumulator is a row of `width`
 * numbers (float for the 16-bit floats, else the dtype); loops add whole rows of input to it. */
#ifndef TW_KERNELS_REDUCE_LOOPS_H
#define TW_KERNELS_REDUCE_LOOPS_H

#include "kernels/isa.h"
#include "thalweg/dtype.h"

/* SQUARES adds x * x; its accumulators are then combined by SUM. */
typedef enum tw_fold {
    TW_FOLD_SUM,
    TW_FOLD_PROD,
    TW_FOLD_MAX,
    TW_FOLD_MIN,
    TW_FOLD_SQUARES,
    TW_FOLD_COUNT
} tw_fold;

/* Loops never allocate and never fail; the caller starts the accumulator with the operation's
 * identity. */
typedef struct tw_reduce_loops {
    /* acc[j] = acc[j] op x[r * stride + j] for all r < rows, in order. */
    void (*rows)(void *acc, const void *x, size_t rows, size_t stride, size_t width);
    /* acc[j] = acc[j] op acc[width + j] op ... over `groups` groups, pairwise. Only where the
     * accumulator has the dtype itself. */
    void (*groups)(void *acc, size_t groups, size_t width);
    /* acc[k] = x[k][0] + ... + x[k][n - 1] for up to four lines, by 32 lanes and then these by
     * halves; a sum is of the dtype, at the beginning of its double. NULL for most. */
    void (*lines)(double *acc, const void *const *x, size_t count, size_t n);
} tw_reduce_loops;

/* A row with NULL loops is no error: it says that the dtype is among the rare ones. */
typedef struct tw_reduce_table {
    tw_reduce_loops loops[TW_DTYPE_COUNT][TW_FOLD_COUNT];
    size_t streams; /* from so many places lines are read in turn */
    /* The first place of the largest or smallest of n numbers, NaN skipped. NULL for most. */
    size_t (*index_line[TW_DTYPE_COUNT])(const void *x, size_t n, bool largest);
} tw_reduce_table;

/* What is limited by memory and not by arithmetic, and so is compiled once for all levels. */
typedef struct tw_strided_table {
    /* acc[j] = acc[j] op x[r * stride + j * step] for all r < rows, in order. NULL for complex. */
    void (*columns[TW_DTYPE_COUNT][TW_FOLD_COUNT])(void *acc, const void *x, size_t rows,
                                                   size_t stride, size_t width, size_t step);
    /* The first i < n with x[i] == *value, of the accumulator's type; 0: there is none. */
    size_t (*find[TW_DTYPE_COUNT])(const void *x, size_t n, const void *value);
    /* For each of `width` columns the row of its smallest ([0]) or largest ([1]), NaN skipped. */
    void (*index_columns[TW_DTYPE_COUNT][2])(const void *x, size_t rows, size_t stride,
                                             size_t width, int64_t *index);
} tw_strided_table;

enum {
    TW_REDUCE_WIDTH = 256, /* the widest accumulator */
    TW_INDEX_WIDTH = 256,  /* the widest call of index_columns */
};

TW_ISA_TABLES(tw_reduce_table, tw_reduce_table);
extern const tw_reduce_table tw_reduce_rare; /* compiled once */
/* The level's loops, else those of narrow dtypes, else the ones that are compiled once. */
tw_reduce_loops tw_reduce_loops_of(tw_dtype dtype, tw_fold fold);
extern const tw_strided_table tw_reduce_strided;

#endif
