/* SPDX-License-Identifier: Apache-2.0
 * tanh of some vectors of float side by side, as a single one would wait for itself: what has to be
 * done between two loads is longer than what a processor looks ahead. The operations are those of
 * tw_tanhf (kernels/vmath.h), and so are the bits, but for x86-64-v4: there a table that fits into
 * two registers saves a third of the products, and all of that level take tanh of float from here.
 */
#ifndef TW_KERNELS_ISA_TANH_VECTORS_H
#define TW_KERNELS_ISA_TANH_VECTORS_H

#include "kernels/isa/extremes.h"
#include "kernels/isa/fma.h"
#include "kernels/vmath.h"

enum { PART = TW_VECTOR_BYTES / sizeof(float), MOST_SIDE_BY_SIDE = 6 };

typedef float vec __attribute__((vector_size(TW_VECTOR_BYTES)));
typedef float anywhere __attribute__((vector_size(TW_VECTOR_BYTES), aligned(4), may_alias));

/* Not a sum, which would make 0 of -0. */
#define FILLED(x) ((x) - (vec){0})
#define EACH UNROLL for (size_t i = 0; i < k; i++)

#if TW_ISA_LEVEL >= 4

/* |x| = c + y, where c is a multiple of 1/2 and |y| <= 1/4. With T = tanh(c), looked up, and
 * tanh(y) = y / d, d = 1 + y^2 (D1 + D2 y^2), tanh(|x|) is (T d + y) / (d + T y): 3 ULP at most.
 * Where T is 0, nothing is lost; where it is 1, both sides are the same sum, and so it is from 8.75
 * on. Neither does a quotient exceed 1 elsewhere: the lower side is the larger by (1 - T) (d - y).
 */
static const float tanh_of_halves[32] = {0x0.000000p+0F,
                                         0x1.d9353ep-2F,
                                         0x1.85efacp-1F,
                                         0x1.cf6f98p-1F,
                                         0x1.ed9506p-1F,
                                         0x1.f92582p-1F,
                                         0x1.fd77d2p-1F,
                                         0x1.ff112cp-1F,
                                         0x1.ffa818p-1F,
                                         0x1.ffdfa8p-1F,
                                         0x1.fff41ap-1F,
                                         0x1.fffba0p-1F,
                                         0x1.fffe64p-1F,
                                         0x1.ffff68p-1F,
                                         0x1.ffffc8p-1F,
                                         0x1.ffffecp-1F,
                                         0x1.fffff8p-1F,
                                         0x1.fffffep-1F,
                                         1.0F};
#define TANH_D1 0x1.55546ap-2F
#define TANH_D2 -0x1.69190ap-6F
/* A sum with it is rounded to halves, whose number its lowest bits are. */
#define HALVES 0x1.8p+22F

/* Three steps, each some twelve cycles of waiting. */
typedef struct tanh_place {
    vec x, at, rest;
} tanh_place;

typedef struct tanh_ratio {
    vec x, above, below;
} tanh_ratio;

/* A NaN is the second of two that are compared, which is the one that stays. */
static ALWAYS_INLINE tanh_place tanh_find(vec x)
{
    vec size = MIN_F32(FILLED(TW_TANH_ONE), _mm512_abs_ps(x)), at = size + FILLED(HALVES);
    return (tanh_place){x, at, size - (at - FILLED(HALVES))};
}

static ALWAYS_INLINE tanh_ratio tanh_divide(tanh_place p)
{
    vec y = p.rest, s = y * y, d = FMA_F32(FILLED(TANH_D2), s, FILLED(TANH_D1));
    vec t = _mm512_permutex2var_ps(_mm512_loadu_ps(tanh_of_halves), (__m512i)p.at,
                                   _mm512_loadu_ps(tanh_of_halves + 16));
    d = FMA_F32(d, s, FILLED(1));
    return (tanh_ratio){p.x, FMA_F32(t, d, y), FMA_F32(t, y, d)};
}

/* With the sign of x: 0xF8 is a | b & c. */
static ALWAYS_INLINE vec tanh_end(tanh_ratio r)
{
    return (vec)_mm512_ternarylogic_epi32((__m512i)(r.above / r.below), (__m512i)r.x,
                                          _mm512_set1_epi32(INT32_MIN), 0xF8);
}

/* Of k vectors, MOST_SIDE_BY_SIDE or fewer, in place. */
static ALWAYS_INLINE void tanh_of(size_t k, vec *x)
{
    tanh_ratio r[MOST_SIDE_BY_SIDE];
    EACH r[i] = tanh_divide(tanh_find(x[i]));
    EACH x[i] = tanh_end(r[i]);
}

#else

/* Of k vectors, MOST_SIDE_BY_SIDE or fewer, in place. A NaN is the second of two that are compared,
 * which is the one that stays. */
static ALWAYS_INLINE void tanh_of(size_t k, vec *x)
{
    vec s[MOST_SIDE_BY_SIDE], p[MOST_SIDE_BY_SIDE], h[MOST_SIDE_BY_SIDE], q[MOST_SIDE_BY_SIDE];
    EACH x[i] = MAX_F32(FILLED(-TW_TANH_ONE), MIN_F32(FILLED(TW_TANH_ONE), x[i]));
    EACH s[i] = x[i] * x[i];
    EACH h[i] = FMA_F32(FILLED(TW_TANH_H3), s[i], FILLED(TW_TANH_H2));
    EACH h[i] = FMA_F32(h[i], s[i], FILLED(TW_TANH_H1));
    EACH h[i] = s[i] * h[i];
    EACH p[i] = FMA_F32(FILLED(TW_TANH_P2), s[i], FILLED(TW_TANH_P1));
    EACH s[i] = x[i] * s[i];
    EACH p[i] = FMA_F32(s[i], p[i], x[i]);
    EACH q[i] = h[i] * (h[i] + FILLED(4));
    EACH q[i] = FMA_F32(p[i], p[i], q[i]);
    EACH p[i] = p[i] + p[i];
    EACH h[i] = FMA_F32(p[i], h[i], p[i] + p[i]);
    EACH x[i] = h[i] / (q[i] + FILLED(4));
#ifndef TW_HAS_FMA
    EACH x[i] = MAX_F32(FILLED(-1), MIN_F32(FILLED(1), x[i]));
#endif
}

#endif

#endif
