/* SPDX-License-Identifier: Apache-2.0
 * A function of float with a product and a sum before it and after it, in one pass that keeps all
 * in registers. */
#include <math.h>

#include "kernels/isa.h"
#include "kernels/isa/tanh_vectors.h"
#include "kernels/tile_inside.h"

/* The plain level of a build with others keeps to the loops that there are anyway. */
#if TW_ISA_LEVEL >= 3 || !defined(TW_ISA_LEVELS_X86)

/* How far ahead of what it computes a loop asks for memory. */
enum { AHEAD = TW_ISA_LEVEL >= 4 ? 640 : 512, SIDE_BY_SIDE = 4 };

#if TW_ISA_LEVEL >= 4
#define STORE_PAST(to, x) _mm512_stream_ps(to, x)
#elif TW_ISA_LEVEL == 3
#define STORE_PAST(to, x) _mm256_stream_ps(to, x)
#else
#define STORE_PAST(to, x) (*(anywhere *)(to) = (x))
#endif

/* k vectors from x to z. */
static ALWAYS_INLINE void scaled_tanh(size_t k, float *z, const float *x, const vec by[4],
                                      bool past)
{
    vec t[MOST_SIDE_BY_SIDE];
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

/* What is left after the last of these goes by blocks. Past the caches: what comes is asked for,
 * too. */
static ALWAYS_INLINE void tanh_loop(size_t n, float *z, const float *x, const float factors[4],
                                    bool past)
{
    enum { STEP = SIDE_BY_SIDE * PART };
    vec by[4];
    size_t i = 0;
    for (size_t f = 0; f < 4; f++)
        by[f] = FILLED(factors[f]);
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

#if TW_ISA_LEVEL >= 4

/* Each turn does every step of a different stretch, so that none waits for what the one before has
 * just begun: where all goes past the caches, that is what is left to gain. A stretch is stored
 * three turns after it was read; turns after the last read that one again. */
static void tanh_past(size_t n, float *z, const float *x, const float factors[4])
{
    enum { TOGETHER = 2, STEP = TOGETHER * PART, LATER = 3 * STEP };
    vec by[4], t[TOGETHER] = {{0}};
    tanh_place place[TOGETHER] = {{{0}, {0}, {0}}};
    tanh_ratio ratio[TOGETHER] = {{{0}, {0}, {0}}};
    const size_t k = TOGETHER, whole = n - n % STEP;
    for (size_t f = 0; f < 4; f++)
        by[f] = FILLED(factors[f]);
    for (size_t at = 0; whole && at < whole + LATER; at += STEP) {
        const float *from = x + (at < whole ? at : whole - STEP);
        EACH __builtin_prefetch(from + AHEAD + i * PART, 0, 3);
        EACH
        {
            tanh_ratio next = tanh_divide(place[i]);
            vec last = tanh_end(ratio[i]) * by[2] + by[3];
            if (at >= LATER)
                STORE_PAST(z + at - LATER + i * PART, last);
            ratio[i] = next;
            place[i] = tanh_find(t[i]);
            t[i] = *(const anywhere *)(from + i * PART) * by[0] + by[1];
        }
    }
    if (whole < n)
        scaled_tanh(1, z + whole, x + whole, by, true);
}

#else

static void tanh_past(size_t n, float *z, const float *x, const float factors[4])
{
    tanh_loop(n, z, x, factors, true);
}

#endif

const tw_scaled_loops TW_ISA_NAME(tw_scaled_loops) = {.near = {[TW_TILE_TANH] = tanh_near},
                                                      .past = {[TW_TILE_TANH] = tanh_past}};
#else
const tw_scaled_loops TW_ISA_NAME(tw_scaled_loops) = {.near = {NULL}};
#endif
