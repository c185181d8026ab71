/* SPDX-License-Identifier: Apache-2.0
 * A function of float with a product and a sum before it and after it, in one pass that keeps all
 * in registers. Four vectors go side by side, as a single one would wait for itself: what has to be
 * done between two loads is longer than what a processor looks ahead. */
#include <math.h>

#include "kernels/isa.h"
#include "kernels/isa/extremes.h"
#include "kernels/isa/fma.h"
#include "kernels/tile_inside.h"
#include "kernels/vmath.h"

/* The plain level of a build with others keeps to the loops that there are anyway. */
#if TW_ISA_LEVEL >= 3 || !defined(TW_ISA_LEVELS_X86)

enum { PART = TW_VECTOR_BYTES / sizeof(float), SIDE_BY_SIDE = 4, AHEAD = 512 };

typedef float vec __attribute__((vector_size(TW_VECTOR_BYTES)));
typedef float anywhere __attribute__((vector_size(TW_VECTOR_BYTES), aligned(4), may_alias));

/* Not a sum, which would make 0 of -0. */
#define SPREAD(x) ((x) - (vec){0})
#if TW_ISA_LEVEL >= 4
#define STORE_PAST(to, x) _mm512_stream_ps(to, x)
#elif TW_ISA_LEVEL == 3
#define STORE_PAST(to, x) _mm256_stream_ps(to, x)
#else
#define STORE_PAST(to, x) (*(anywhere *)(to) = (x))
#endif
#define EACH _Pragma("GCC unroll 4") for (size_t i = 0; i < k; i++)

/* tw_tanhf of k vectors: its operations, one after the other. A NaN is the second of two that are
 * compared, which is the one that stays. */
static ALWAYS_INLINE void tanh_of(size_t k, vec *x)
{
    vec s[SIDE_BY_SIDE], p[SIDE_BY_SIDE], h[SIDE_BY_SIDE], q[SIDE_BY_SIDE];
    EACH x[i] = MAX_F32(SPREAD(-TW_TANH_ONE), MIN_F32(SPREAD(TW_TANH_ONE), x[i]));
    EACH s[i] = x[i] * x[i];
    EACH h[i] = FMA_F32(SPREAD(TW_TANH_H3), s[i], SPREAD(TW_TANH_H2));
    EACH h[i] = FMA_F32(h[i], s[i], SPREAD(TW_TANH_H1));
    EACH h[i] = s[i] * h[i];
    EACH p[i] = FMA_F32(SPREAD(TW_TANH_P2), s[i], SPREAD(TW_TANH_P1));
    EACH s[i] = x[i] * s[i];
    EACH p[i] = FMA_F32(s[i], p[i], x[i]);
    EACH q[i] = h[i] * (h[i] + SPREAD(4));
    EACH q[i] = FMA_F32(p[i], p[i], q[i]);
    EACH p[i] = p[i] + p[i];
    EACH h[i] = FMA_F32(p[i], h[i], p[i] + p[i]);
    EACH x[i] = h[i] / (q[i] + SPREAD(4));
#ifndef TW_HAS_FMA
    EACH x[i] = MAX_F32(SPREAD(-1), MIN_F32(SPREAD(1), x[i]));
#endif
}

/* k vectors from x to z. */
static ALWAYS_INLINE void scaled_tanh(size_t k, float *z, const float *x, const vec by[4],
                                      bool past)
{
    vec t[SIDE_BY_SIDE];
    EACH t[i] = *(const anywhere *)(x + i * PART) * by[0];
    EACH t[i] = t[i] + by[1];
    tanh_of(k, t);
    EACH t[i] = t[i] * by[2];
    EACH t[i] = t[i] + by[3];
    EACH
    {
        if (past)
            STORE_PAST(z + i * PART, t[i]);
        else
            *(anywhere *)(z + i * PART) = t[i];
    }
}

/* What is left after the last four is a block. Past the caches: what comes is asked for, too. */
static ALWAYS_INLINE void tanh_loop(size_t n, float *z, const float *x, const float factors[4],
                                    bool past)
{
    enum { STEP = SIDE_BY_SIDE * PART };
    vec by[4];
    size_t i = 0;
    for (size_t f = 0; f < 4; f++)
        by[f] = SPREAD(factors[f]);
    for (; i + STEP <= n; i += STEP) {
        for (size_t line = 0; past && line < STEP; line += 64 / sizeof(float))
            __builtin_prefetch(x + i + AHEAD + line, 0, 3);
        scaled_tanh(SIDE_BY_SIDE, z + i, x + i, by, past);
    }
    for (; i < n; i += TW_TILE_BLOCK)
        scaled_tanh(TW_TILE_BLOCK / PART, z + i, x + i, by, past);
}

static void tanh_near(size_t n, float *z, const float *x, const float factors[4])
{
    tanh_loop(n, z, x, factors, false);
}

static void tanh_past(size_t n, float *z, const float *x, const float factors[4])
{
    tanh_loop(n, z, x, factors, true);
}

const tw_scaled_loops TW_ISA_NAME(tw_scaled_loops) = {.near = {[TW_TILE_TANH] = tanh_near},
                                                      .past = {[TW_TILE_TANH] = tanh_past}};
#else
const tw_scaled_loops TW_ISA_NAME(tw_scaled_loops) = {.near = {NULL}};
#endif
