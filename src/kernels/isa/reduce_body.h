/* SPDX-License-Identifier: Apache-2.0
 * The contiguous loops of one dtype. Before it is included: T the element, ACC the accumulator,
 * WIDEN(x) from one to the other, WORK the type in which sums and products wrap (or ACC itself),
 * and NAME(f), which makes a function's name. */

#include "kernels/reduce_apply.h"

/* Four rows at a time, so that the accumulators are loaded and stored once for four. */
static ALWAYS_INLINE void NAME(rows)(tw_fold fold, ACC *restrict acc, const T *restrict x,
                                     size_t rows, size_t stride, size_t width)
{
    for (; rows >= 4; rows -= 4, x += 4 * stride) {
        const T *x1 = x + stride, *x2 = x1 + stride, *x3 = x2 + stride;
        for (size_t j = 0; j < width; j++) {
            ACC a = NAME(apply)(fold, acc[j], WIDEN(x[j]));
            a = NAME(apply)(fold, a, WIDEN(x1[j]));
            a = NAME(apply)(fold, a, WIDEN(x2[j]));
            acc[j] = NAME(apply)(fold, a, WIDEN(x3[j]));
        }
    }
    for (; rows; rows--, x += stride) {
        for (size_t j = 0; j < width; j++)
            acc[j] = NAME(apply)(fold, acc[j], WIDEN(x[j]));
    }
}

/* The upper half is added to the lower one until one group is left. */
static ALWAYS_INLINE void NAME(groups)(tw_fold fold, ACC *acc, size_t groups, size_t width)
{
    while (groups > 1) {
        size_t kept = (groups + 1) / 2, n = (groups - kept) * width;
        const ACC *upper = acc + kept * width;
        for (size_t j = 0; j < n; j++)
            acc[j] = NAME(apply)(fold, acc[j], upper[j]);
        groups = kept;
    }
}

#ifdef TW_REDUCE_LINE
/* a op y, of vectors too. */
#define STEP(fold, a, y)                  \
    do {                                  \
        if (fold == TW_FOLD_PROD)         \
            a *= y;                       \
        else if (fold == TW_FOLD_SQUARES) \
            a += (y) * (y);               \
        else                              \
            a += y;                       \
    } while (0)

typedef WORK NAME(line_vec)
    __attribute__((vector_size(TW_VECTOR_BYTES), aligned(sizeof(T)), may_alias));

/* The upper half of the lanes is added to the lower one until one is left; in registers, since what
 * is stored in pieces can be loaded whole only after it has reached the cache. */
static ALWAYS_INLINE WORK NAME(across)(tw_fold fold, NAME(line_vec) x)
{
    typedef WORK quarter __attribute__((vector_size(16)));
#if TW_VECTOR_BYTES >= 32
    typedef WORK half __attribute__((vector_size(32)));
#if TW_VECTOR_BYTES >= 64
    half lower = (half)LOWER_32(x);
    STEP(fold, lower, (half)UPPER_32(x));
#else
    half lower = (half)x;
#endif
    quarter low = (quarter)LOWER_16(lower);
    STEP(fold, low, (quarter)UPPER_16(lower));
#else
    quarter low = (quarter)x;
#endif
    STEP(fold, low, (quarter)SWAPPED_8(low));
    WORK sum = low[0];
    if (sizeof(T) == 4)
        STEP(fold, sum, low[1]);
    return sum;
}

/* `count` lines at once, each by 32 lanes, which are the same at every level, however many of them
 * a register holds. The last numbers stand among such as change nothing. */
static ALWAYS_INLINE void NAME(fold_lines)(tw_fold fold, size_t count, double *acc,
                                           const void *const *from, size_t n)
{
    enum { LANES = 32, PART = TW_VECTOR_BYTES / sizeof(T), PARTS = LANES / PART };
    typedef NAME(line_vec) vec;
    const WORK *x[4], identity = fold == TW_FOLD_PROD ? 1 : 0;
    vec sum[4][PARTS], same = (vec){0} + identity;
    size_t j = 0;
    for (size_t k = 0; k < count; k++) {
        x[k] = from[k];
        for (size_t v = 0; v < PARTS; v++)
            sum[k][v] = same;
    }
    for (; j + LANES <= n; j += LANES) {
        _Pragma("GCC unroll 4") for (size_t k = 0; k < count; k++)
        {
            _Pragma("GCC unroll 16") for (size_t v = 0; v < PARTS; v++)
                STEP(fold, sum[k][v], *(const vec *)(x[k] + j + v * PART));
        }
    }
    tw_fold join = fold == TW_FOLD_PROD ? fold : TW_FOLD_SUM;
    for (size_t k = 0; k < count; k++) {
        if (j < n) {
            vec rest[PARTS];
#if TW_ISA_LEVEL >= 4 /* of float alone */
            for (size_t v = 0; v < PARTS; v++)
                rest[v] = some_f32(x[k] + j + v * PART, n - j > v * PART ? n - j - v * PART : 0,
                                   same);
#else
            for (size_t v = 0; v < PARTS; v++)
                rest[v] = same;
            memcpy(rest, x[k] + j, (n - j) * sizeof(T));
#endif
            for (size_t v = 0; v < PARTS; v++)
                STEP(fold, sum[k][v], rest[v]);
        }
        for (size_t half = PARTS / 2; half; half /= 2) {
            for (size_t v = 0; v < half; v++)
                STEP(join, sum[k][v], sum[k][v + half]);
        }
        WORK total = NAME(across)(join, sum[k][0]);
        memcpy(acc + k, &total, sizeof total);
    }
}

#if TW_ISA_LEVEL >= 4 /* whose registers hold the widest accumulator: rows are read as they lie */
static ALWAYS_INLINE void NAME(wide_rows)(tw_fold fold, ACC *acc, const T *x, size_t rows,
                                          size_t stride)
{
    enum { PART = TW_VECTOR_BYTES / sizeof(T), PARTS = TW_REDUCE_WIDTH / PART };
    NAME(line_vec) sum[PARTS], *to = (NAME(line_vec) *)acc;
    _Pragma("GCC unroll 16") for (size_t v = 0; v < PARTS; v++) sum[v] = to[v];
    for (; rows; rows--, x += stride) {
        const NAME(line_vec) *row = (const NAME(line_vec) *)x;
        _Pragma("GCC unroll 16") for (size_t v = 0; v < PARTS; v++) STEP(fold, sum[v], row[v]);
    }
    _Pragma("GCC unroll 16") for (size_t v = 0; v < PARTS; v++) to[v] = sum[v];
}
#endif
#undef STEP

/* Constants, so that the lanes stay in registers. Four at once where vectors are short; with long
 * ones one line after the other is faster. */
static void NAME(lines_sum)(double *acc, const void *const *from, size_t count, size_t n)
{
    if (count == 4 && TW_ISA_LEVEL < 4) {
        NAME(fold_lines)(TW_FOLD_SUM, 4, acc, from, n);
        return;
    }
    for (size_t k = 0; k < count; k++)
        NAME(fold_lines)(TW_FOLD_SUM, 1, acc + k, from + k, n);
}

/* What is met less often goes line by line. */
static UNUSED void NAME(lines_squares)(double *acc, const void *const *from, size_t count, size_t n)
{
    for (size_t k = 0; k < count; k++)
        NAME(fold_lines)(TW_FOLD_SQUARES, 1, acc + k, from + k, n);
}

static UNUSED void NAME(lines_prod)(double *acc, const void *const *from, size_t count, size_t n)
{
    for (size_t k = 0; k < count; k++)
        NAME(fold_lines)(TW_FOLD_PROD, 1, acc + k, from + k, n);
}
#endif

/* What is added up: in registers where there are enough. */
static ALWAYS_INLINE void NAME(sums)(tw_fold fold, ACC *acc, const T *x, size_t rows, size_t stride,
                                     size_t width)
{
#if defined(TW_REDUCE_LINE) && TW_ISA_LEVEL >= 4
    if (width == TW_REDUCE_WIDTH) {
        NAME(wide_rows)(fold, acc, x, rows, stride);
        return;
    }
#endif
    NAME(rows)(fold, acc, x, rows, stride, width);
}

static void NAME(rows_sum)(void *acc, const void *x, size_t rows, size_t stride, size_t width)
{
    NAME(sums)(TW_FOLD_SUM, acc, x, rows, stride, width);
}

static void NAME(rows_prod)(void *acc, const void *x, size_t rows, size_t stride, size_t width)
{
    NAME(rows)(TW_FOLD_PROD, acc, x, rows, stride, width);
}

/* As above: the operation is a constant here, so that the inlined loop has no branch inside. */
static void NAME(rows_max)(void *acc, const void *x, size_t rows, size_t stride, size_t width)
{
    NAME(rows)(TW_FOLD_MAX, acc, x, rows, stride, width);
}

static void NAME(rows_min)(void *acc, const void *x, size_t rows, size_t stride, size_t width)
{
    NAME(rows)(TW_FOLD_MIN, acc, x, rows, stride, width);
}

static void NAME(rows_squares)(void *acc, const void *x, size_t rows, size_t stride, size_t width)
{
    NAME(sums)(TW_FOLD_SQUARES, acc, x, rows, stride, width);
}

static void NAME(groups_sum)(void *acc, size_t groups, size_t width)
{
    NAME(groups)(TW_FOLD_SUM, acc, groups, width);
}

static void NAME(groups_prod)(void *acc, size_t groups, size_t width)
{
    NAME(groups)(TW_FOLD_PROD, acc, groups, width);
}

/* Constant arguments make one loop without a switch of each of these wrappers, after inlining. */
static void NAME(groups_max)(void *acc, size_t groups, size_t width)
{
    NAME(groups)(TW_FOLD_MAX, acc, groups, width);
}

static void NAME(groups_min)(void *acc, size_t groups, size_t width)
{
    NAME(groups)(TW_FOLD_MIN, acc, groups, width);
}
