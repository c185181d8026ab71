/* SPDX-License-Identifier: Apache-2.0
 * Two operations of float in one pass, and whole rows reduced. Written with vectors, since
 * compilers keep neither partial results nor a repeated source in registers by themselves. Lanes
 * and the order in which they are put together are the same wherever these are. */
#include <math.h>
#include <string.h>

#include "kernels/isa.h"
#include "kernels/isa/some.h"
#include "kernels/tile_inside.h"

/* The plain level of a build with others keeps to the loops that there are anyway. */
#if TW_ISA_LEVEL >= 3 || !defined(TW_ISA_LEVELS_X86)

enum { PART = TW_VECTOR_BYTES / sizeof(float), LANES = 32, PARTS = LANES / PART, PIECE = 1024 };

typedef some_vec vec;
typedef int32_t bits __attribute__((vector_size(TW_VECTOR_BYTES)));
typedef float quad __attribute__((vector_size(16)));
typedef int32_t bits_of_quad __attribute__((vector_size(16)));
#if TW_VECTOR_BYTES >= 32
typedef float octet __attribute__((vector_size(32)));
typedef int32_t bits_of_octet __attribute__((vector_size(32)));
#endif

/* From any address. */
static ALWAYS_INLINE vec load(const float *x)
{
    return *(const vec *)x;
}

/* ---- two operations ---- */

static ALWAYS_INLINE vec apply(tw_tile_simple op, vec x, vec y)
{
    switch (op) {
    case TW_TILE_ADD: return x + y;
    case TW_TILE_SUB: return x - y;
    case TW_TILE_MUL: return x * y;
    case TW_TILE_DIV: return x / y;
    case TW_TILE_TAKEN_FROM: return y - x;
    default: return x;
    }
}

/* One operation on n numbers, any n from a vector on. Of a repeated source the first number alone
 * is read, so that it need not have been spread over a block. What fills no vector is the end of
 * one that is made first, but stored last: z may be a source. */
static ALWAYS_INLINE void single(tw_tile_simple op, size_t n, float *z, const float *x,
                                 const float *y, uint32_t repeated)
{
    const vec all_x = *x - (vec){0}, all_y = *y - (vec){0};
    const size_t rest = n % PART, end = n - PART;
    vec last = all_x;
    if (rest)
        last = apply(op, repeated & 1 ? all_x : load(x + end),
                     repeated & 2 ? all_y : load(y + end));
    for (size_t i = 0; i < n - rest; i += PART)
        *(vec *)(z + i) = apply(op, repeated & 1 ? all_x : load(x + i),
                                repeated & 2 ? all_y : load(y + i));
    if (rest)
        *(vec *)(z + end) = last;
}

/* A repeated source stays at its first block: a loop for each choice of those would be eight. */
static ALWAYS_INLINE void join(tw_tile_simple first, tw_tile_simple then, size_t n, float *z,
                               const float *x, const float *y, const float *w, uint32_t repeated)
{
    size_t from_x = repeated & 1 ? 0 : ~(size_t)0, from_y = repeated & 2 ? 0 : ~(size_t)0;
    size_t from_w = repeated & 4 ? 0 : ~(size_t)0;
    for (size_t i = 0; i < n; i += TW_TILE_BLOCK) {
        for (size_t v = 0; v < TW_TILE_BLOCK; v += PART) {
            vec a = apply(first, load(x + (i & from_x) + v), load(y + (i & from_y) + v));
            *(vec *)(z + i + v) = apply(then, a, load(w + (i & from_w) + v));
        }
    }
}

#define SINGLE(op)                                                                              \
    static void single_##op(size_t n, float *z, const float *x, const float *y, const float *w, \
                            uint32_t repeated)                                                  \
    {                                                                                           \
        (void)w;                                                                                \
        single(TW_TILE_##op, n, z, x, y, repeated);                                             \
    }
#define JOINED(first, then)                                                                 \
    static void joined_##first##_##then(size_t n, float *z, const float *x, const float *y, \
                                        const float *w, uint32_t repeated)                  \
    {                                                                                       \
        join(TW_TILE_##first, TW_TILE_##then, n, z, x, y, w, repeated);                     \
    }
#define EACH_THEN(first) \
    SINGLE(first)        \
    JOINED(first, ADD)   \
    JOINED(first, SUB)   \
    JOINED(first, MUL)   \
    JOINED(first, TAKEN_FROM)
EACH_THEN(ADD)
EACH_THEN(SUB)
EACH_THEN(MUL)
SINGLE(DIV)

/* Five reads and a write for what would be eight and three one by one; three reads where scale and
 * mean are one block each, as of a whole row. */
static ALWAYS_INLINE void norm_of(size_t n, float *z, const float *const from[TW_NORM_SOURCES],
                                  uint32_t repeated, bool row)
{
    const float *scale = from[TW_NORM_SCALE], *gain = from[TW_NORM_GAIN];
    const float *mean = from[TW_NORM_MEAN], *shift = from[TW_NORM_SHIFT], *x = from[TW_NORM_X];
    size_t go[TW_NORM_SOURCES];
    for (size_t k = 0; k < TW_NORM_SOURCES; k++)
        go[k] = !row && repeated >> k & 1 ? 0 : ~(size_t)0;
    vec one = load(scale), other = load(mean); /* a block holds the same number everywhere */
    for (size_t i = 0; i < n; i += TW_TILE_BLOCK) {
        for (size_t v = 0; v < TW_TILE_BLOCK; v += PART) {
            vec s = row ? one : load(scale + (i & go[TW_NORM_SCALE]) + v);
            vec m = row ? other : load(mean + (i & go[TW_NORM_MEAN]) + v);
            vec t = s * load(gain + (i & go[TW_NORM_GAIN]) + v);
            vec moved = load(shift + (i & go[TW_NORM_SHIFT]) + v) - m * t;
            *(vec *)(z + i + v) = load(x + (i & go[TW_NORM_X]) + v) * t + moved;
        }
    }
}

static void norm(size_t n, float *z, const float *const from[TW_NORM_SOURCES], uint32_t repeated)
{
    enum { ROW = 1 << TW_NORM_SCALE | 1 << TW_NORM_MEAN };
    if (repeated == ROW)
        norm_of(n, z, from, repeated, true);
    else
        norm_of(n, z, from, repeated, false);
}

/* ---- rows ---- */

/* What is added up. */
static ALWAYS_INLINE vec value(tw_tile_simple of, vec x, vec y)
{
    if (of == TW_TILE_MUL)
        return x * y;
    if (of == TW_TILE_DISTANCE) {
        x = x - y;
        return x * x;
    }
    return x;
}

/* The same of one number. */
static ALWAYS_INLINE float one_value(tw_tile_simple of, float x, float y)
{
    return of == TW_TILE_MUL ? x * y : of == TW_TILE_DISTANCE ? (x - y) * (x - y) : x;
}

/* Comparisons with NaN are false, so that Max and Min skip it. */
#define FOLD(name, vec, bits)                                        \
    static ALWAYS_INLINE vec name(tw_tile_reduce kind, vec a, vec b) \
    {                                                                \
        if (kind == TW_TILE_SUM)                                     \
            return a + b;                                            \
        bits chosen = b < a;                                         \
        if (kind == TW_TILE_MAX)                                     \
            chosen = b > a;                                          \
        return (vec)(((bits)b & chosen) | ((bits)a & ~chosen));      \
    }
FOLD(fold, vec, bits)
FOLD(fold_quads, quad, bits_of_quad)
#if TW_VECTOR_BYTES >= 64
FOLD(fold_octets, octet, bits_of_octet)
#endif

/* The same of two numbers, of float or double. */
#define FOLD_ONE(kind, a, b)                                       \
    ((kind) == TW_TILE_SUM                             ? (a) + (b) \
     : ((kind) == TW_TILE_MAX ? (b) > (a) : (b) < (a)) ? (b)       \
                                                       : (a))

/* The lanes of a vector, halves onto halves. In registers: what is stored in pieces can be loaded
 * as a whole only when it has reached the cache. */
static ALWAYS_INLINE float across(tw_tile_reduce kind, vec x)
{
#if TW_VECTOR_BYTES >= 64
    octet lower = fold_octets(kind, (octet)LOWER_32(x), (octet)UPPER_32(x));
#elif TW_VECTOR_BYTES >= 32
    octet lower = (octet)x;
#endif
#if TW_VECTOR_BYTES >= 32
    quad low = fold_quads(kind, (quad)LOWER_16(lower), (quad)UPPER_16(lower));
#else
    quad low = (quad)x;
#endif
    low = fold_quads(kind, low, (quad)SWAPPED_8(low));
    return FOLD_ONE(kind, low[0], low[1]);
}

/* At most a piece: so many numbers in each of the lanes that a sum of them is good in float. The
 * last ones stand among numbers that change nothing. */
static ALWAYS_INLINE float piece(tw_tile_reduce kind, tw_tile_simple of, size_t n, const float *x,
                                 const float *y, size_t from_y)
{
    vec part[PARTS], none = {0},
                     start = none + (kind == TW_TILE_SUM   ? 0
                                     : kind == TW_TILE_MAX ? -INFINITY
                                                           : INFINITY);
    size_t i = 0;
    for (size_t v = 0; v < PARTS; v++)
        part[v] = start;
    for (; i + LANES <= n; i += LANES) {
        _Pragma("GCC unroll 16") for (size_t v = 0; v < PARTS; v++)
        {
            size_t at = i + v * PART;
            vec other = of == TW_TILE_OTHER ? none : load(y + (at & from_y));
            part[v] = fold(kind, part[v], value(of, load(x + at), other));
        }
    }
    _Pragma("GCC unroll 16") for (size_t v = 0; v < PARTS; v++)
    {
        size_t at = i + v * PART, left = at < n ? n - at : 0;
        if (!left)
            break;
        vec other = of == TW_TILE_OTHER ? none : some_f32(y + (at & from_y), left, none);
        part[v] = fold(kind, part[v], value(of, some_f32(x + at, left, start), other));
    }
    for (size_t half = PARTS / 2; half; half /= 2) {
        for (size_t v = 0; v < half; v++)
            part[v] = fold(kind, part[v], part[v + half]);
    }
    return across(kind, part[0]);
}

/* Rows that are too short to fill the lanes are added up one by one. */
static ALWAYS_INLINE double row(tw_tile_reduce kind, tw_tile_simple of, size_t n, const float *x,
                                const float *y, bool repeated)
{
    size_t from_y = repeated ? 0 : ~(size_t)0;
    double total = kind == TW_TILE_SUM   ? 0
                   : kind == TW_TILE_MAX ? -(double)INFINITY
                                         : (double)INFINITY;
    if (n < LANES / 2) {
        for (size_t i = 0; i < n; i++) {
            double next = (double)one_value(of, x[i], y[i & from_y]);
            total = FOLD_ONE(kind, total, next);
        }
        return total;
    }
    for (size_t i = 0; i < n; i += PIECE) {
        size_t m = n - i < PIECE ? n - i : PIECE;
        double next = (double)piece(kind, of, m, x + i, y + (i & from_y), from_y);
        total = FOLD_ONE(kind, total, next);
    }
    return total;
}

#define ROW(name, kind, of)                                                     \
    static double name(size_t n, const float *x, const float *y, bool repeated) \
    {                                                                           \
        return row(TW_TILE_##kind, TW_TILE_##of, n, x, y, repeated);            \
    }
ROW(sums, SUM, OTHER)
ROW(largest, MAX, OTHER)
ROW(smallest, MIN, OTHER)
ROW(products, SUM, MUL)
ROW(distances, SUM, DISTANCE)

#define JOINS(first)                                                                \
    {                                                                               \
        [TW_TILE_OTHER] = single_##first, [TW_TILE_ADD] = joined_##first##_ADD,     \
        [TW_TILE_SUB] = joined_##first##_SUB, [TW_TILE_MUL] = joined_##first##_MUL, \
        [TW_TILE_TAKEN_FROM] = joined_##first##_TAKEN_FROM                          \
    }
const tw_row_loops TW_ISA_NAME(tw_row_loops) = {
    .joined = {[TW_TILE_ADD] = JOINS(ADD),
               [TW_TILE_SUB] = JOINS(SUB),
               [TW_TILE_MUL] = JOINS(MUL),
               [TW_TILE_DIV] = {single_DIV}},
    .reduce = {NULL, sums, sums, NULL, largest, smallest},
    .norm = norm,
    .products = products,
    .distances = distances,
};
#else
const tw_row_loops TW_ISA_NAME(tw_row_loops) = {.products = NULL};
#endif
