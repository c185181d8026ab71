/* SPDX-License-Identifier: Apache-2.0
 * Elementary functions of float, written without branches, so that a loop over one of them is
 * vectorised at every instruction set level (-O3 -fno-math-errno -fno-trapping-math). Errors stay
 * below 2.5 ULP on the whole range (tanh: 4); inf, NaN, signed zeros and denormals come out as in
 * libm.
 * Coefficients are minimax fits of our own. A choice is written `condition ? a : b` with both sides
 * already computed, and bits are moved by integer arithmetic, never by a table. */
#ifndef TW_KERNELS_VMATH_H
#define TW_KERNELS_VMATH_H

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

/* Copies of bits through memcpy, which costs nothing and is never undefined. */
static inline uint32_t tw_float_bits(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* Scaling by 2^k is an addition to the exponent bits; this makes the number of them. */
static inline float tw_float_of_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* By memcpy, which compilers turn into a move; a union or a cast would hinder vectorisation or
 * break aliasing rules. */
static inline uint64_t tw_double_bits(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* The way back, used to put together powers of two from their exponent alone. */
static inline double tw_double_of_bits(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Which GCC says by one macro for each type; other compilers by the instruction set alone. */
#if defined(__FP_FAST_FMAF) || defined(__FMA__) || defined(__ARM_FEATURE_FMA)
#define TW_HAS_FMA 1
#endif

/* a * b + c in one rounding where the machine has the instruction, else in two. */
static inline float tw_maddf(float a, float b, float c)
{
#ifdef TW_HAS_FMA
    return __builtin_fmaf(a, b, c);
#else
    return a * b + c;
#endif
}

/* A fused multiply-add only where the processor has one: a library call for each element would
 * cost far more than the rounding. */
static inline double tw_madd(double a, double b, double c)
{
#ifdef TW_HAS_FMA
    return __builtin_fma(a, b, c);
#else
    return a * b + c;
#endif
}

/* 2^n for n in -126 .. 127; something for any other. */
static inline float tw_pow2f_(int32_t n)
{
    return tw_float_of_bits(((uint32_t)n + 127u) << 23);
}

/* x = n ln 2 + r with |r| <= ln 2 / 2, for |x| < 2^21; a NaN stays in r and makes n arbitrary.
 * Adding 1.5 * 2^23 leaves the rounded integer in the low bits. */
static inline float tw_exp_reducef_(float x, int32_t *n)
{
    const float shift = 0x1.8p23f;
    float shifted = tw_maddf(x, 0x1.715476p0f, shift), whole = shifted - shift;
    *n = (int32_t)(tw_float_bits(shifted) - 0x4b400000u);
    return tw_maddf(whole, 2.12194440e-4f, tw_maddf(whole, -0.693359375f, x));
}

/* e^r - 1 for |r| <= ln 2 / 2. In pairs of terms, so that no multiplication waits long for
 * another: what a short loop costs is its longest chain. */
#define TW_EXP_1 0.5f
#define TW_EXP_2 0.166666657f
#define TW_EXP_3 0.0416663438f
#define TW_EXP_4 0.00833338033f
#define TW_EXP_5 0.00139420258f
#define TW_EXP_6 0.000198517911f
static inline float tw_exp_coref_(float r)
{
    float s = r * r;
    float high = tw_maddf(TW_EXP_6, r, TW_EXP_5);
    float middle = tw_maddf(TW_EXP_4, r, TW_EXP_3), low = tw_maddf(TW_EXP_2, r, TW_EXP_1);
    return tw_maddf(s, tw_maddf(s, tw_maddf(s, high, middle), low), r);
}

/* e^x = 2^n e^r. Outside -104 .. 89 the result is 0 or inf anyway, so that x is clipped there, by
 * comparisons that let NaN through. */
static inline float tw_expf(float x)
{
    float low = x < -104.0f ? -104.0f : x, clipped = low > 89.0f ? 89.0f : low;
    int32_t n;
    float r = tw_exp_reducef_(clipped, &n); /* a NaN: n is arbitrary, and r stays one */
    /* in two factors, so that denormal results and overflow are right: 2^n = 2^half 2^(n - half) */
    uint32_t both = (uint32_t)n + 254u, half = both << 22 & 0xff800000u;
    return (1.0f + tw_exp_coref_(r)) * tw_float_of_bits(half) *
           tw_float_of_bits((both << 23) - half);
}

/* e^x for x <= 0 or NaN, in fewer steps: what would be denormal is 0. The biased exponent stands in
 * the last bits of the shifted number, and is 0 from -87.7 on. */
static inline float tw_exp_below_zerof(float x)
{
    const float shift = 0x1.8p23f + 127;
    float clipped = x < -88.0f ? -88.0f : x;
    float shifted = tw_maddf(clipped, 0x1.715476p0f, shift), whole = shifted - shift;
    float r = tw_maddf(whole, 2.12194440e-4f, tw_maddf(whole, -0.693359375f, clipped));
    return (1.0f + tw_exp_coref_(r)) * tw_float_of_bits(tw_float_bits(shifted) << 23);
}

/* e^x - 1 = 2^n (e^r - 1) + (2^n - 1): the last difference is exact, and nothing cancels. What
 * has no square is its own result: a zero keeps its sign, half of the least numbers would be 0. */
static inline float tw_expm1f(float x)
{
    float low = x < -20.0f ? -20.0f : x, clipped = low > 89.0f ? 89.0f : low;
    int32_t n;
    float r = tw_exp_reducef_(clipped, &n), p = tw_exp_coref_(r);
    n = x == x ? n : 0;
    float scale = tw_pow2f_(n - 1); /* half of it: n may be 128 */
    float y = 2.0f * tw_maddf(p, scale, scale - 0.5f);
    return r * r == 0.0f ? x : y;
}

/* log(1 + f) + e ln 2 for 1 + f in [sqrt(1/2), sqrt(2)], in pairs of terms. */
static inline float tw_log_coref_(float f, float e)
{
    float s = f * f, q = s * s;
    float a = tw_maddf(-0.250000089f, f, 0.333333135f),
          b = tw_maddf(-0.166679934f, f, 0.200021178f);
    float c = tw_maddf(-0.124056324f, f, 0.142195538f),
          d = tw_maddf(-0.116754033f, f, 0.118881889f);
    float high = tw_maddf(tw_maddf(0.0674628317f, s, d), s, c);
    float p = tw_maddf(high, q, tw_maddf(b, s, a));
    float y = tw_maddf(e, -2.12194440e-4f, p * f * s);
    y = tw_maddf(-0.5f, s, y);
    return tw_maddf(e, 0.693359375f, f + y);
}

/* x = 2^e m with m in [sqrt(1/2), sqrt(2)): subtracting the middle from the bits moves the border
 * of the exponent there. Denormals are scaled up first. */
static inline float tw_logf(float x)
{
    const uint32_t middle = 0x3f3504f3u; /* sqrt(1/2) */
    int32_t is_small = x < FLT_MIN;
    float scaled = is_small ? x * 0x1p23f : x;
    uint32_t bits = tw_float_bits(scaled) - middle;
    int32_t e = ((int32_t)bits >> 23) - (is_small ? 23 : 0);
    float m = tw_float_of_bits((bits & 0x007fffffu) + middle);
    float y = tw_log_coref_(m - 1.0f, (float)e);
    y = x < INFINITY ? y : x; /* inf and NaN */
    y = x < 0.0f ? NAN : y;
    return x == 0.0f ? -INFINITY : y;
}

/* log(u), u = 1 + x, with the part of x that the sum lost: (u + lost) / 2^e - 1 is x / 2^e +
 * (1 / 2^e - 1), exact but for one rounding. */
static inline float tw_log1pf(float x)
{
    const uint32_t middle = 0x3f3504f3u;
    float u = 1.0f + x;
    uint32_t bits = tw_float_bits(u) - middle;
    int32_t e = (int32_t)bits >> 23;
    float m = tw_float_of_bits((bits & 0x007fffffu) + middle);
    float scale = tw_float_of_bits((uint32_t)(127 - e) << 23);
    float f = tw_maddf(x, scale, scale - 1.0f);
    f = e > 64 ? m - 1.0f : f;
    float y = tw_log_coref_(f, (float)e);
    y = x < INFINITY ? y : x;
    y = x < -1.0f ? NAN : y;
    y = x == -1.0f ? -INFINITY : y;
    return x == 0.0f ? x : y;
}

/* tanh(x) = 2 t / (1 + t^2) with t = tanh(x / 2) = p / (2 + h), where p = x + x^3 (P1 + P2 x^2) and
 * h = x^2 (H1 + H2 x^2 + H3 x^4): fitted so that the error of the whole is even. Doubling forgives
 * t's errors where t is near 1, and whatever is added to 4 is small where x is: 3.7 ULP at most,
 * 4 without fused multiply-adds. From ONE on the result is 1. */
#define TW_TANH_ONE 9.012f
#define TW_TANH_P1 0.0297774244f
#define TW_TANH_P2 0.000114332135f
#define TW_TANH_H1 0.226221412f
#define TW_TANH_H2 0.00241386192f
#define TW_TANH_H3 2.46122886e-06f

/* (4 p + 2 p h) / (4 + (p^2 + h (h + 4))). A NaN is the second of two that are compared. */
static inline float tw_tanhf(float x)
{
    float below = TW_TANH_ONE < x ? TW_TANH_ONE : x;
    float a = -TW_TANH_ONE > below ? -TW_TANH_ONE : below, s = a * a;
    float p = tw_maddf(a * s, tw_maddf(TW_TANH_P2, s, TW_TANH_P1), a);
    float h = s * tw_maddf(tw_maddf(TW_TANH_H3, s, TW_TANH_H2), s, TW_TANH_H1);
    float q = tw_maddf(p, p, h * (h + 4.0f)) + 4.0f, twice = p + p;
    float y = tw_maddf(twice, h, twice + twice) / q;
#ifndef TW_HAS_FMA
    y = 1.0f < y ? 1.0f : y; /* roundings of their own may lift it over 1 */
    y = -1.0f > y ? -1.0f : y;
#endif
    return y;
}

/* 1 / (1 + e^-x) for x >= 0; for x < 0 the same with e^x above and below the line, so that small
 * results keep all their digits. */
static inline float tw_sigmoidf(float x)
{
    float e = tw_expf(-fabsf(x));
    return (x < 0.0f ? e : 1.0f) / (1.0f + e);
}

/* log(1 + e^x): with t = e^-|x| and y = 2 t / (2 + t) it is 2 atanh(y / 2). */
static inline float tw_softplusf(float x)
{
    float above = x > 0.0f ? x : 0.0f, t = tw_expf(-fabsf(x));
    float d = 2.0f + t, y = (t + t) / d, lost = 2.0f - d + t, z = y * y;
    float p = tw_maddf(0x1.1ecb88p-11f, z, 0x1.1ec008p-9f);
    p = tw_maddf(tw_maddf(p, z, 0x1.99d1cep-7f), z, 0x1.555502p-4f);
    return above + tw_maddf(y, tw_maddf(z, p, -0.42f * lost), y);
}

/* With x = n ln 2 + r, S = sinh r, C = cosh r - 1, and A, B = 2^n / 4, 2^-n / 4: half of sinh x is
 * (A - B) + (C (A - B) + S (A + B)), half of cosh x the same with the other signs. Half, as 2^n / 2
 * may overflow where the result does not. */
typedef struct tw_hyperbolicf_ {
    float sum, difference, s, c;
} tw_hyperbolicf_;

static inline tw_hyperbolicf_ tw_hyperbolic_partsf_(float a)
{
    int32_t n;
    float r = tw_exp_reducef_(a > 89.5f ? 89.5f : a, &n), z = r * r;
    float s = tw_maddf(r * z, tw_maddf(0x1.12279cp-7f, z, 0x1.5554b0p-3f), r);
    float c = z * tw_maddf(tw_maddf(0x1.6d4f10p-10f, z, 0x1.5554e6p-5f), z, 0.5f);
    float large = tw_pow2f_(n - 2), small = tw_pow2f_(-2 - (n < 64 ? n : 64));
    return (tw_hyperbolicf_){large + small, large - small, s, c};
}

/* What is small is its own sine, and would lose a bit of a denormal. */
static inline float tw_sinhf(float x)
{
    float a = fabsf(x);
    tw_hyperbolicf_ h = tw_hyperbolic_partsf_(a);
    float y = 2.0f * (h.difference + tw_maddf(h.c, h.difference, h.s * h.sum));
    return copysignf(a < 0x1p-13f ? a : y, x);
}

/* Nothing cancels, and a NaN stays in all parts. */
static inline float tw_coshf(float x)
{
    tw_hyperbolicf_ h = tw_hyperbolic_partsf_(fabsf(x));
    return 2.0f * (h.sum + tw_maddf(h.c, h.sum, h.s * h.difference));
}

/* x (1 + p(x^2)) near 0; farther out 1 - erfc(x), whose logarithm is almost a parabola. */
static inline float tw_erff(float x)
{
    float a = fabsf(x), t = x * x;
    float p = tw_maddf(7.85385346e-05f, t, -0.000801019138f);
    p = tw_maddf(p, t, 0.00518832728f);
    p = tw_maddf(p, t, -0.026853811f);
    p = tw_maddf(p, t, 0.112835854f);
    p = tw_maddf(p, t, -0.37612626f);
    p = tw_maddf(p, t, 0.128379166f);
#ifdef TW_HAS_FMA
    float near = tw_maddf(p, x, x);
#else
    float near = 0.0625f * (p * (16.0f * x) + 16.0f * x); /* p x may be denormal: 0 in a run */
#endif
    float b = a > 4.0f ? 4.0f : a; /* log(erfc(b)) on [0.9, 4] */
    float q = tw_maddf(-2.09113223e-05f, b, 0.000432323228f);
    q = tw_maddf(q, b, -0.004160624f);
    q = tw_maddf(q, b, 0.0250917505f);
    q = tw_maddf(q, b, -0.108237006f);
    q = tw_maddf(q, b, -0.633386314f);
    q = tw_maddf(q, b, -1.12949538f);
    q = tw_maddf(q, b, 0.000170587649f);
    float far = copysignf(1.0f - tw_expf(q), x);
    return a > 0.92f ? far : near;
}

/* |x| in quarter turns: x 2/pi = quarter + *part with |*part| <= 1/2. A large x is an integer times
 * 2^28, 2^55 or 2^82, and so is taken times 2/pi modulo 4 of that power, in pieces of 29, 29 and 53
 * bits. The products with the first two are exact, so the whole range of float is reduced without
 * a branch. Gives the quarter's low bits. */
static inline uint64_t tw_quarters_(float x, double *part)
{
    const double shift = 0x1.8p52;
    double a = fabs((double)x);
    int b = a >= 0x1p51, c = a >= 0x1p78, d = a >= 0x1p105;
    double y = a * (d ? 0x1p-82 : c ? 0x1p-55 : b ? 0x1p-28 : 1.0);
    double h1 = d ? 0x1.5f47d4ep+0 : c ? -0x1.6b01ec6p+0 : b ? -0x1.1b1bbeap+0 : 0x1.45f306cp-1;
    double h2 = d ? -0x1.911f924p-29 : c ? 0x1.7d1f534p-29 : b ? -0x1.ac07b16p-29 : 0x1.c9c882ap-29;
    double h3 = d   ? -0x1.d6a66c3bc6fbep-58
                : c ? 0x1.bb81b6c52b328p-58
                : b ? 0x1.f47d4d377036ep-58
                    : 0x1.4fe13abe8fa9ap-59;
    double p1 = y * h1, s1 = p1 + shift, p2 = y * h2, s2 = p2 + shift;
    double sum = (p1 - (s1 - shift)) + ((p2 - (s2 - shift)) + y * h3);
    double s3 = sum + shift;
    *part = sum - (s3 - shift);
    return tw_double_bits(s1) + tw_double_bits(s2) + tw_double_bits(s3);
}

/* sin(t pi / 2) and cos(t pi / 2) for |t| <= 1/2. */
static inline double tw_sin_quarter_(double t)
{
    double s = t * t, p = tw_madd(-3.554502582540503637e-6, s, 0.0001604281690518600954);
    p = tw_madd(p, s, -0.00468175237025404958);
    p = tw_madd(p, s, 0.0796926261377210086);
    p = tw_madd(p, s, -0.6459640975038019155);
    return t * tw_madd(p, s, 1.570796326794887649);
}

/* cos(t pi / 2) for |t| <= 1/2 by a polynomial in double: its error vanishes when the result is
 * rounded to float. */
static inline double tw_cos_quarter_(double t)
{
    double s = t * t, p = tw_madd(-0.00002483806256937409111, s, 0.00091915485700978412);
    p = tw_madd(p, s, -0.02086346682801729747);
    p = tw_madd(p, s, 0.2536695070917636748);
    p = tw_madd(p, s, -1.233700550120760996);
    return tw_madd(p, s, 1.0);
}

/* sin(quarters pi / 2 + part pi / 2), the sign turned where `flip` is 1. */
static inline float tw_sin_turned_(uint64_t quarters, double part, uint64_t flip)
{
    double s = tw_sin_quarter_(part), c = tw_cos_quarter_(part), y = quarters & 1 ? c : s;
    uint64_t sign = ((quarters >> 1) ^ flip) << 63;
    return (float)tw_double_of_bits(tw_double_bits(y) ^ sign);
}

/* Odd: the sign of x turns the result. */
static inline float tw_sinf(float x)
{
    double part;
    uint64_t quarters = tw_quarters_(x, &part);
    return tw_sin_turned_(quarters, part, tw_float_bits(x) >> 31);
}

/* A quarter turn ahead of the sine. */
static inline float tw_cosf(float x)
{
    double part;
    uint64_t quarters = tw_quarters_(x, &part);
    return tw_sin_turned_(quarters + 1, part, 0);
}

/* The same where a quarter turn of pi / 2 in three pieces leaves enough digits: the first
 * difference is exact, as both sides are multiples of 2^-23, and what the second one loses is kept.
 * For machines with fused multiply-adds: within 1 ULP in a third of the time. */
#define TW_SIN_NEAR 20000.0f

/* x = quarters pi / 2 + what is given + *lost. */
static inline float tw_turn_near_(float x, uint32_t *quarters, float *lost)
{
    const float shift = 0x1.8p23f, second = 0x1.777a5cp-25f;
    float shifted = tw_maddf(x, 0x1.45f306p-1f, shift), whole = shifted - shift;
    float exact = tw_maddf(whole, -0x1.921fb6p+0f, x), more = whole * second, r = exact + more;
    float part = r - exact, first = (exact - (r - part)) + (more - part);
    *quarters = tw_float_bits(shifted);
    *lost = first + tw_maddf(whole, 0x1.ee59dap-50f, tw_maddf(whole, second, -more));
    return r;
}

static inline float tw_sin_of_near_(float x, uint32_t quarters_ahead, uint32_t flip)
{
    uint32_t quarters;
    float lost, r = tw_turn_near_(x, &quarters, &lost);
    quarters += quarters_ahead;
    float s = r * r, half = 0.5f * s, low = 1.0f - half;
    float p = tw_maddf(tw_maddf(0x1.6dbbeep-19f, s, -0x1.a013a2p-13f), s, 0x1.11110ep-7f);
    float sine = r + tw_maddf(r * s, tw_maddf(p, s, -0x1.555556p-3f), lost);
    float q = tw_maddf(tw_maddf(0x1.9bd670p-16f, s, -0x1.6c12cep-10f), s, 0x1.555544p-5f);
    float cosine = low + tw_maddf(s * s, q, tw_maddf(-r, lost, (1.0f - low) - half));
    float y = quarters & 1 ? cosine : sine;
    return tw_float_of_bits(tw_float_bits(y) ^ (quarters >> 1 << 31) ^ flip);
}

/* |x| <= TW_SIN_NEAR; the sign of x is taken off first, so that a zero keeps it. */
static inline float tw_sinf_of_near(float x)
{
    return tw_sin_of_near_(fabsf(x), 0, tw_float_bits(x) & 0x80000000u);
}

static inline float tw_cosf_of_near(float x)
{
    return tw_sin_of_near_(fabsf(x), 1, 0);
}

/* r (1 - r^2 / 9 + ...) / (1 - 4/9 r^2 + ...), turned upside down after an odd number of quarters:
 * one division for both. */
static inline float tw_tanf_of_near(float x)
{
    uint32_t quarters;
    float lost, r = tw_turn_near_(fabsf(x), &quarters, &lost), s = r * r;
    float above = r + tw_maddf(r * s, tw_maddf(0x1.19b79cp-10f, s, -0x1.c81c72p-4f), lost);
    float below = tw_maddf(tw_maddf(0x1.05aaa6p-6f, s, -0x1.c75c72p-2f), s, 1.0f);
    float y = (quarters & 1 ? below : above) / (quarters & 1 ? above : below);
    uint32_t sign = (quarters << 31) ^ (tw_float_bits(x) & 0x80000000u);
    return tw_float_of_bits(tw_float_bits(y) ^ sign);
}

/* s / c, or -c / s after an odd number of quarters. */
static inline float tw_tanf(float x)
{
    double part;
    uint64_t odd = tw_quarters_(x, &part) & 1;
    double s = tw_sin_quarter_(part), c = tw_cos_quarter_(part);
    float y = (float)(odd ? -c / s : s / c);
    return tw_float_of_bits(tw_float_bits(y) ^ (tw_float_bits(x) & 0x80000000u));
}

#endif
