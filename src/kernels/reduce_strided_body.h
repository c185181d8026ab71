/* SPDX-License-Identifier: Apache-2.0
 * The loops of one dtype that gain little from wide vectors: strided columns, and the places of
 * largest and smallest elements. Needs what isa/reduce_body.h does, and LOWEST and HIGHEST. */

#include "kernels/reduce_apply.h"

/* A column at a time: its elements are short rows of the input, which follow each other. */
static ALWAYS_INLINE void NAME(strided)(tw_fold fold, ACC *restrict acc, const T *restrict x,
                                        size_t rows, size_t stride, size_t width, size_t step)
{
    for (size_t j = 0; j < width; j++) {
        const T *column = x + j * step;
        ACC a = acc[j];
        for (size_t r = 0; r < rows; r++)
            a = NAME(apply)(fold, a, WIDEN(column[r * stride]));
        acc[j] = a;
    }
}

static void NAME(strided_sum)(void *acc, const void *x, size_t rows, size_t stride, size_t width,
                              size_t step)
{
    NAME(strided)(TW_FOLD_SUM, acc, x, rows, stride, width, step);
}

static void NAME(strided_prod)(void *acc, const void *x, size_t rows, size_t stride, size_t width,
                               size_t step)
{
    NAME(strided)(TW_FOLD_PROD, acc, x, rows, stride, width, step);
}

/* One wrapper for each operation: the constant removes the switch from the inner loop. */
static void NAME(strided_max)(void *acc, const void *x, size_t rows, size_t stride, size_t width,
                              size_t step)
{
    NAME(strided)(TW_FOLD_MAX, acc, x, rows, stride, width, step);
}

static void NAME(strided_min)(void *acc, const void *x, size_t rows, size_t stride, size_t width,
                              size_t step)
{
    NAME(strided)(TW_FOLD_MIN, acc, x, rows, stride, width, step);
}

static void NAME(strided_squares)(void *acc, const void *x, size_t rows, size_t stride,
                                  size_t width, size_t step)
{
    NAME(strided)(TW_FOLD_SQUARES, acc, x, rows, stride, width, step);
}

/* 0 if nothing equals it. */
static size_t NAME(find)(const void *input, size_t n, const void *value)
{
    const T *x = input;
    ACC wanted = *(const ACC *)value;
    for (size_t i = 0; i < n; i++) {
        if (WIDEN(x[i]) == wanted)
            return i;
    }
    return 0;
}

/* Columns side by side: the best so far and its row stay in the first cache. */
static ALWAYS_INLINE void NAME(index_columns)(bool largest, const T *restrict x, size_t rows,
                                              size_t stride, size_t width, int64_t *restrict index)
{
    ACC best[TW_INDEX_WIDTH];
    for (size_t j = 0; j < width; j++) {
        best[j] = largest ? LOWEST : HIGHEST;
        index[j] = 0;
    }
    for (size_t r = 0; r < rows; r++, x += stride) {
        for (size_t j = 0; j < width; j++) {
            ACC a = WIDEN(x[j]);
            int better = largest ? a > best[j] : a < best[j];
            best[j] = better ? a : best[j];
            index[j] = better ? (int64_t)r : index[j];
        }
    }
}

/* The direction is a constant here, so that the inlined loop selects without a branch. */
static void NAME(index_columns_max)(const void *x, size_t rows, size_t stride, size_t width,
                                    int64_t *index)
{
    NAME(index_columns)(true, x, rows, stride, width, index);
}

static void NAME(index_columns_min)(const void *x, size_t rows, size_t stride, size_t width,
                                    int64_t *index)
{
    NAME(index_columns)(false, x, rows, stride, width, index);
}

#undef T
#undef ACC
#undef WORK
#undef WIDEN
#undef LOWEST
#undef HIGHEST
#undef NAME
