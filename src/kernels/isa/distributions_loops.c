/* SPDX-License-Identifier: Apache-2.0
 * Philox for many counters side by side, and uniform floats of its words. */
#include "kernels/distributions_inside.h"

#include "kernels/vmath.h"

enum { LANES = 16, ROUNDS = 10 };

static const uint32_t PRODUCT_0 = 0xd2511f53, PRODUCT_1 = 0xcd9e8d57;
static const uint32_t WEYL_0 = 0x9e3779b9, WEYL_1 = 0xbb67ae85;

/* As tw_philox_next, for LANES counters. */
static void philox_lanes(uint32_t c[4][LANES], uint32_t k0, uint32_t k1)
{
    for (int round = 0; round < ROUNDS; round++) {
        for (int j = 0; j < LANES; j++) {
            uint64_t a = (uint64_t)PRODUCT_0 * c[0][j], b = (uint64_t)PRODUCT_1 * c[2][j];
            uint32_t c1 = c[1][j], c3 = c[3][j];
            c[0][j] = (uint32_t)(b >> 32) ^ c1 ^ k0;
            c[1][j] = (uint32_t)b;
            c[2][j] = (uint32_t)(a >> 32) ^ c3 ^ k1;
            c[3][j] = (uint32_t)a;
        }
        k0 += WEYL_0;
        k1 += WEYL_1;
    }
}

/* The words of a block stand together, as tw_philox_next gives them. */
static void blocks(tw_philox *stream, uint32_t *out)
{
    uint32_t c[4][LANES];
    for (int done = 0; done < TW_RANDOM_BATCH; done += LANES) {
        for (int j = 0; j < LANES; j++) {
            for (int i = 0; i < 4; i++)
                c[i][j] = stream->counter[i];
            tw_philox_skip(stream, 1);
        }
        philox_lanes(c, stream->key[0], stream->key[1]);
        for (int j = 0; j < LANES; j++)
            for (int i = 0; i < 4; i++)
                *out++ = c[i][j];
    }
}

/* 23 bits become the mantissa of a number in [1, 2). */
static inline float uniform(uint32_t word)
{
    return tw_float_of_bits(0x3f800000u | (word & 0x7fffffu)) - 1.0f;
}

/* n is cut to a multiple of 16 though callers keep to it, so that the compiler sees whole
 * vectors and emits no remainder. */
static void uniform_f32(size_t n, float *out, const uint32_t *words)
{
    for (size_t i = 0, m = n & ~(size_t)15; i < m; i++)
        out[i] = uniform(words[i]);
}

const tw_random_loops TW_ISA_NAME(tw_random_loops) = {blocks, uniform_f32};
