/* SPDX-License-Identifier: Apache-2.0
 * Philox for many counters side by side, and numbers made of its words. Products are never fused
 * with sums here: all levels give the same bits. */
#include "kernels/distributions_inside.h"

#include "kernels/vmath.h"

#if TW_ISA_LEVEL >= 3 || defined(__SSE2__)
#include <immintrin.h>
#elif TW_ISA_LEVEL == 2
#include <arm_neon.h>
#endif

#include "kernels/isa/vectors.h"

enum { LANES = TW_VECTOR_BYTES / 8, SETS = 2, ROUNDS = 10 };

/* A counter's word in each lane; what stands in the upper half does not matter. */
typedef uint64_t lanes __attribute__((vector_size(TW_VECTOR_BYTES)));

static const uint64_t PRODUCT_0 = 0xd2511f53, PRODUCT_1 = 0xcd9e8d57;
static const uint64_t WEYL_0 = 0x9e3779b9, WEYL_1 = 0xbb67ae85;

/* The products of the lower halves. */
static ALWAYS_INLINE lanes product(lanes a, lanes b)
{
#if TW_ISA_LEVEL >= 4
    return (lanes)_mm512_mul_epu32((__m512i)a, (__m512i)b);
#elif TW_ISA_LEVEL == 3
    return (lanes)_mm256_mul_epu32((__m256i)a, (__m256i)b);
#elif defined(__SSE2__)
    return (lanes)_mm_mul_epu32((__m128i)a, (__m128i)b);
#elif TW_ISA_LEVEL == 2
    return (lanes)vmull_u32(vmovn_u64((uint64x2_t)a), vmovn_u64((uint64x2_t)b));
#else
    return (a & 0xffffffffu) * (b & 0xffffffffu);
#endif
}

/* a0 b0 a1 b1 ..., and what follows. */
#if TW_ISA_LEVEL >= 4
#define WOVEN_LOW(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define WOVEN_HIGH(a, b) __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#elif TW_ISA_LEVEL == 3
#define WOVEN_LOW(a, b) __builtin_shufflevector(a, b, 0, 4, 1, 5)
#define WOVEN_HIGH(a, b) __builtin_shufflevector(a, b, 2, 6, 3, 7)
#else
#define WOVEN_LOW(a, b) __builtin_shufflevector(a, b, 0, 2)
#define WOVEN_HIGH(a, b) __builtin_shufflevector(a, b, 1, 3)
#endif

/* As tw_philox_next, for a vector of counters at a time; the words of a block stand together. */
static ALWAYS_INLINE void philox_lanes(lanes c[SETS][4], uint64_t k0, uint64_t k1, uint32_t *out)
{
    for (int round = 0; round < ROUNDS; round++) {
        for (int s = 0; s < SETS; s++) {
            lanes a = product(c[s][0], (lanes){0} + PRODUCT_0);
            lanes b = product(c[s][2], (lanes){0} + PRODUCT_1);
            c[s][0] = (b >> 32) ^ c[s][1] ^ k0;
            c[s][1] = b;
            c[s][2] = (a >> 32) ^ c[s][3] ^ k1;
            c[s][3] = a;
        }
        k0 += WEYL_0;
        k1 += WEYL_1;
    }
    for (int s = 0; s < SETS; s++) {
        lanes first = (c[s][0] & 0xffffffffu) | c[s][1] << 32;
        lanes second = (c[s][2] & 0xffffffffu) | c[s][3] << 32;
        lanes low = WOVEN_LOW(first, second), high = WOVEN_HIGH(first, second);
        memcpy(out + 8 * LANES / 2 * s, &low, sizeof low);
        memcpy(out + 8 * LANES / 2 * s + 2 * LANES, &high, sizeof high);
    }
}

/* Counters whose lower half does not run over. */
static void blocks(const tw_philox *stream, uint64_t step, size_t count, uint32_t *out)
{
    uint64_t low = (uint64_t)stream->counter[1] << 32 | stream->counter[0];
    lanes first;
    for (size_t j = 0; j < LANES; j++)
        first[j] = low + j * step;
    for (size_t done = 0; done < count; done += (size_t)LANES * SETS, out += 4 * LANES * SETS) {
        lanes c[SETS][4];
        for (size_t s = 0; s < SETS; s++, first += LANES * step) {
            c[s][0] = first;
            c[s][1] = first >> 32;
            c[s][2] = (lanes){0} + stream->counter[2];
            c[s][3] = (lanes){0} + stream->counter[3];
        }
        philox_lanes(c, stream->key[0], stream->key[1], out);
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

/* The quotient to the nearest whole number, so that what is left may be negative once. */
static void remainders_32(size_t n, uint32_t *out, const uint32_t *words, uint32_t low,
                          uint32_t range)
{
    const double shift = 0x1p52, inverse = 1.0 / (double)range;
    for (size_t i = 0, m = n & ~(size_t)15; i < m; i++) {
        double x = tw_double_of_bits(tw_double_bits(shift) | words[i]) - shift;
        uint32_t quotient = (uint32_t)tw_double_bits(x * inverse + shift);
        int32_t rest = (int32_t)(words[i] - quotient * range);
        out[i] = low + (uint32_t)rest + (rest < 0 ? range : 0);
    }
}

/* log(x) for normal x in (0, 1), to 2^-48 of it: 2 atanh((m - 1) / (m + 1)) + e ln 2. */
static inline double log_of(float x)
{
    const uint32_t middle = 0x3f3504f3u; /* sqrt(1/2) */
    uint32_t bits = tw_float_bits(x) - middle;
    double e = (double)((int32_t)bits >> 23);
    double m = (double)tw_float_of_bits((bits & 0x007fffffu) + middle);
    double s = (m - 1.0) / (m + 1.0), z = s * s;
    double r = 0x1.54710166f7a8cp-3 * z + 0x1.7382687cd8370p-3;
    r = r * z + 0x1.c71fcf7df6060p-3;
    r = r * z + 0x1.24924627dc195p-2;
    r = r * z + 0x1.9999999b88f9dp-2;
    r = r * z + 0x1.55555555553b6p-1;
    return e * 0x1.62e42fefa39efp-1 + (s * z * r + 2.0 * s);
}

/* Sine and cosine of an angle in 0 .. 2 pi, to 2^-45 of them: a quarter turn is pi / 2 in two
 * pieces, of which whole multiples of the first are exact. */
static inline void circle(float angle, double *sine, double *cosine)
{
    const double shift = 0x1.8p52;
    double x = (double)angle, shifted = x * 0x1.45f306dc9c883p-1 + shift, turns = shifted - shift;
    double r = x - turns * 0x1.921fb544p+0 - turns * 0x1.0b4611a626331p-34, s = r * r;
    double p = -0x1.aa262ee715b00p-26 * s + 0x1.71d9a549ac8fbp-19;
    p = p * s - 0x1.a019fd95094bep-13;
    p = p * s + 0x1.1111110fd1496p-7;
    p = p * s - 0x1.5555555555161p-3;
    double q = 0x1.1c808728603bbp-29 * s - 0x1.27e25ca05d2bep-22;
    q = q * s + 0x1.a019ff501e5c1p-16;
    q = q * s - 0x1.6c16c16b5fdb7p-10;
    q = q * s + 0x1.5555555555434p-5;
    double a = r * s * p + r, b = s * s * q - 0.5 * s + 1.0;
    uint64_t quarters = tw_double_bits(shifted), odd = quarters & 1, sign = quarters >> 1 << 63;
    double y = odd ? b : a, other = odd ? -a : b;
    *sine = tw_double_of_bits(tw_double_bits(y) ^ sign);
    *cosine = tw_double_of_bits(tw_double_bits(other) ^ sign);
}

/* 1 where a function of float that errs by 1 / 2 + 1 / 16 of its last place might not give what y
 * is rounded to: y is as near as that to the middle of two floats. */
static inline uint32_t is_in_doubt(double y)
{
    uint64_t below = tw_double_bits(y) & 0x1fffffffu;
    return below - 0x0e000000u < 0x04000000u ? 1 : 0;
}

enum { PAIRS = 2 * TW_RANDOM_BATCH };

/* One function of a batch: its operands, its values, and where those are in doubt. */
typedef struct batch {
    float x[PAIRS], y[PAIRS];
    uint32_t doubt[PAIRS];
} batch;

/* What is in doubt, by the C library. */
static void settle(batch *b, size_t n, float (*f)(float))
{
    uint32_t list[PAIRS];
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        list[count] = (uint32_t)i;
        count += b->doubt[i];
    }
    for (size_t k = 0; k < count; k++)
        b->y[list[k]] = f(b->x[list[k]]);
}

/* Box and Muller: two normal numbers of two words, to the bit those of glibc's logf, sinf and cosf,
 * which TensorFlow calls. Those err by little more than half of the last place (but for logarithms
 * of numbers near 1), so that better functions, rounded, differ only where they are in doubt. */
static void normal_f32(size_t n, float *out, const uint32_t *words)
{
    batch logs, sines, cosines;
    const size_t pairs = (n & ~(size_t)31) / 2;
    for (size_t i = 0; i < pairs; i++) {
        float u = uniform(words[2 * i]), v = uniform(words[2 * i + 1]);
        logs.x[i] = u < 1.0e-7f ? 1.0e-7f : u;
        sines.x[i] = cosines.x[i] = (float)(2 * 3.14159265358979323846 * (double)v);
    }
    for (size_t i = 0; i < pairs; i++) {
        double y = log_of(logs.x[i]), sine, cosine;
        circle(sines.x[i], &sine, &cosine);
        logs.y[i] = (float)y, sines.y[i] = (float)sine, cosines.y[i] = (float)cosine;
        logs.doubt[i] = is_in_doubt(y) | (logs.x[i] < 0.9375f ? 0u : 1u);
        sines.doubt[i] = is_in_doubt(sine), cosines.doubt[i] = is_in_doubt(cosine);
    }
    settle(&logs, pairs, logf);
    settle(&sines, pairs, sinf);
    settle(&cosines, pairs, cosf);
    for (size_t i = 0; i < pairs; i++) {
        float radius = sqrtf(-2.0f * logs.y[i]);
        out[2 * i] = sines.y[i] * radius;
        out[2 * i + 1] = cosines.y[i] * radius;
    }
}

const tw_random_loops TW_ISA_NAME(tw_random_loops) = {blocks, uniform_f32, normal_f32,
                                                      remainders_32};
