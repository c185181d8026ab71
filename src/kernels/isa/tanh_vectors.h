/* SPDX-License-Identifier: Apache-2.0
 * tanh of some vectors of float side by side, as a single one would wait for itself: what has to be
 * done between two loads is longer than what a processor looks ahead. The operations are those of
 * tw_tanhf (kernels/vmath.h), and so are the bits. */
#ifndef TW_KERNELS_ISA_TANH_VECTORS_H
#define TW_KERNELS_ISA_TANH_VECTORS_H

#include "kernels/isa/extremes.h"
#include "kernels/isa/fma.h"
#include "kernels/vmath.h"

enum { PART = TW_VECTOR_BYTES / sizeof(float), MOST_SIDE_BY_SIDE = 6 };

typedef float vec __attribute__((vector_size(TW_VECTOR_BYTES)));
typedef float anywhere __attribute__((vector_size(TW_VECTOR_BYTES), aligned(4), may_alias));

/* Not a sum, which would make 0 of -0. */
#define SPREAD(x) ((x) - (vec){0})
#define EACH UNROLL for (size_t i = 0; i < k; i++)

/* Of k vectors, MOST_SIDE_BY_SIDE or fewer, in place. A NaN is the second of two that are compared,
 * which is the one that stays. */
static ALWAYS_INLINE void tanh_of(size_t k, vec *x)
{
    vec s[MOST_SIDE_BY_SIDE], p[MOST_SIDE_BY_SIDE], h[MOST_SIDE_BY_SIDE], q[MOST_SIDE_BY_SIDE];
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

#endif
