/* SPDX-License-Identifier: Apache-2.0
 * Philox for many counters side by side, and the distributions of float over its words. Logarithm,
 * sine and cosine are computed in double, so that normal numbers are the nearest floats but for one
 * in many thousands, whatever the level. */
#include "kernels/distributions_inside.h"

#include <math.h>

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

static inline float uniform(uint32_t word)
{
    return tw_float_of_bits(0x3f800000u | (word & 0x7fffffu)) - 1.0f;
}

static void uniform_f32(size_t n, float *out, const uint32_t *words)
{
    for (size_t i = 0, m = n & ~(size_t)15; i < m; i++)
        out[i] = uniform(words[i]);
}

/* log x for a normal x in (0, 1], to about 1e-11. */
static inline double log_double(double x)
{
    uint64_t bits = tw_double_bits(x) - UINT64_C(0x3fe6a09e667f3bcd); /* sqrt(1/2) */
    int32_t e = (int32_t)((bits + (UINT64_C(1024) << 52)) >> 52) - 1024;
    double m = tw_double_of_bits((bits & UINT64_C(0xfffffffffffff)) + UINT64_C(0x3fe6a09e667f3bcd));
    double s = (m - 1) / (m + 1), t = s * s; /* log m = 2 atanh s, |s| < 0.1716 */
    double p = tw_madd(1.0 / 13, t, 1.0 / 11);
    p = tw_madd(p, t, 1.0 / 9);
    p = tw_madd(p, t, 1.0 / 7);
    p = tw_madd(p, t, 1.0 / 5);
    p = tw_madd(p, t, 1.0 / 3);
    return 2 * tw_madd(s * t, p, s) + (double)e * 0.693147180559945309417;
}

/* Box and Muller: two words become two numbers. */
static void normal_f32(size_t n, float *out, const uint32_t *words)
{
    float radius[64], angle[64];
    for (size_t start = 0; start < n; start += 128) {
        size_t pairs = (n - start < 128 ? n - start : 128) / 2;
        for (size_t i = 0; i < pairs; i++) {
            float u = uniform(words[start + 2 * i]);
            float v = uniform(words[start + 2 * i + 1]);
            u = u < 1.0e-7f ? 1.0e-7f : u;
            radius[i] = sqrtf(-2.0f * (float)log_double((double)u));
            angle[i] = (float)(6.283185307179586 * (double)v);
        }
        for (size_t i = 0; i < pairs; i++) {
            out[start + 2 * i] = tw_sinf(angle[i]) * radius[i];
            out[start + 2 * i + 1] = tw_cosf(angle[i]) * radius[i];
        }
    }
}

const tw_random_loops TW_ISA_NAME(tw_random_loops) = {blocks, uniform_f32, normal_f32};
