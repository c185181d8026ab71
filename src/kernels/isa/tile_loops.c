/* SPDX-License-Identifier: Apache-2.0
 * The tile engine's own loops: 16-bit floats to and from float, and reductions. A reduction keeps
 * 16 partial results, one for each place in a block, in the same order at every level. */
#include "kernels/half.h"
#include "kernels/isa.h"
#include "kernels/tile_inside.h"

#if defined(__SSE2__)
#include <immintrin.h>
#endif

/* In tiles source and target never overlap unless they are the same. */
#if defined(__clang__)
#define TW_IVDEP _Pragma("clang loop vectorize(assume_safety)")
#else
#define TW_IVDEP _Pragma("GCC ivdep")
#endif
#define WHOLE(n) ((n) & ~(size_t)(TW_TILE_BLOCK - 1))

/* The signature is a tile loop's; y and w are not used. */
static void widen_half(size_t n, void *z, const void *x, const void *y, const void *w)
{
    const uint16_t *from = x;
    float *to = z;
    (void)y, (void)w;
    TW_IVDEP
    for (size_t i = 0; i < WHOLE(n); i++)
        to[i] = tw_widen_half(from[i]);
}

/* To nearest, ties to even. */
static void narrow_half(size_t n, void *z, const void *x, const void *y, const void *w)
{
    const float *from = x;
    uint16_t *to = z;
    (void)y, (void)w;
    TW_IVDEP
    for (size_t i = 0; i < WHOLE(n); i++)
        to[i] = tw_narrow_half(from[i]);
}

/* Exact: the upper half of a float. */
static void widen_bfloat16(size_t n, void *z, const void *x, const void *y, const void *w)
{
    const uint16_t *from = x;
    float *to = z;
    (void)y, (void)w;
    TW_IVDEP
    for (size_t i = 0; i < WHOLE(n); i++)
        to[i] = tw_widen_bfloat16(from[i]);
}

/* To nearest, ties to even. */
static void narrow_bfloat16(size_t n, void *z, const void *x, const void *y, const void *w)
{
    const float *from = x;
    uint16_t *to = z;
    (void)y, (void)w;
    TW_IVDEP
    for (size_t i = 0; i < WHOLE(n); i++)
        to[i] = tw_narrow_bfloat16(from[i]);
}

/* Each kind once for float and once for double. */
#define OP(a, b) ((a) + (b))
#define START 0
#define NAME(name) name##_sum
#include "kernels/isa/tile_fold_body.h"
#define OP(a, b) ((a) * (b))
#define START 1
#define NAME(name) name##_prod
#include "kernels/isa/tile_fold_body.h"
#define OP(a, b) ((b) > (a) ? (b) : (a))
#define START -INFINITY
#define NAME(name) name##_max
#include "kernels/isa/tile_fold_body.h"
#define OP(a, b) ((b) < (a) ? (b) : (a))
#define START INFINITY
#define NAME(name) name##_min
#include "kernels/isa/tile_fold_body.h"

/* A line that is written whole need not be read first; those at the ends are copied. */
static void store_past(void *to, const void *from, size_t bytes)
{
#if defined(__AVX__)
    const char *x = from;
    char *z = to;
    size_t head = -(uintptr_t)z % 64;
    if (head && head <= bytes) {
        memcpy(z, x, head);
        x += head, z += head, bytes -= head;
    }
    for (; bytes >= 64; bytes -= 64, x += 64, z += 64) {
        __m256 low = _mm256_loadu_ps((const float *)(const void *)x);
        __m256 high = _mm256_loadu_ps((const float *)(const void *)(x + 32));
        _mm256_stream_ps((float *)(void *)z, low);
        _mm256_stream_ps((float *)(void *)(z + 32), high);
    }
    memcpy(z, x, bytes);
#else
    memcpy(to, from, bytes);
#endif
}

/* Such stores go their own way: whoever reads next must find them done. */
static void fence(void)
{
#if defined(__SSE2__)
    _mm_sfence();
#endif
}

const tw_tile_loops TW_ISA_NAME(tw_tile_loops) = {
    .widen_half = widen_half,
    .narrow_half = narrow_half,
    .widen_bfloat16 = widen_bfloat16,
    .narrow_bfloat16 = narrow_bfloat16,
    .fold_f32 = {NULL, fold_f32_sum, fold_f32_sum, fold_f32_prod, fold_f32_max, fold_f32_min},
    .fold_f64 = {NULL, fold_f64_sum, fold_f64_sum, fold_f64_prod, fold_f64_max, fold_f64_min},
    .column_f32 = {NULL, column_f32_sum, column_f32_sum, column_f32_prod, column_f32_max,
                   column_f32_min},
    .store_past = store_past,
    .fence = fence,
    .column_f64 = {NULL, column_f64_sum, column_f64_sum, column_f64_prod, column_f64_max,
                   column_f64_min},
};
