/* SPDX-License-Identifier: Apache-2.0
 * Inverses of the circular and hyperbolic functions, and powers, of float, in the manner of
 * vmath.h: no branches and no tables, errors below 2.1 ULP, inf, NaN, signed zeros and denormals as
 * in libm. Angles are a multiple of pi / 2 in two parts and what a short polynomial gives. */
#ifndef TW_KERNELS_VMATH_FLOAT_H
#define TW_KERNELS_VMATH_FLOAT_H

#include "kernels/vmath.h"

#define TW_QUARTER_TURN 0x1.921fb6p+0f
/* What a multiple of it lacks, in units of itself. */
#define TW_QUARTER_LACKS -0x1.de12cap-26f

/* ---- circular ---- */

/* asin(s) - s for 0 <= s, t = s^2 <= 1/4. */
static inline float tw_asin_coref_(float s, float t)
{
    float q = t * t;
    float low = tw_maddf(0x1.330204p-4f, t, 0x1.5555c8p-3f);
    float high = tw_maddf(0x1.8c3e2ap-6f, t, 0x1.747bbap-5f);
    float p = tw_maddf(tw_maddf(0x1.595c8cp-5f, q, high), q, low);
    return s * t * p;
}

/* Above 1/2 by half the angle: asin(a) = pi / 2 - 2 asin(sqrt((1 - a) / 2)). */
static inline float tw_asinf(float x)
{
    float a = fabsf(x), half = tw_maddf(-0.5f, a, 0.5f), t = a > 0.5f ? half : a * a;
    float root = sqrtf(t), s = a > 0.5f ? root : a, more = tw_asin_coref_(s, t);
    float rest = tw_maddf(-2.0f, more, TW_QUARTER_TURN * TW_QUARTER_LACKS);
    float far = tw_maddf(-2.0f, s, TW_QUARTER_TURN) + rest;
    return copysignf(a > 0.5f ? far : s + more, x);
}

/* pi / 2 - asin(x); where |x| is above 1/2 twice the half angle, or pi less that. */
static inline float tw_acosf(float x)
{
    float a = fabsf(x), half = tw_maddf(-0.5f, a, 0.5f), t = a > 0.5f ? half : a * a;
    float root = sqrtf(t), s = a > 0.5f ? root : a, y = s + tw_asin_coref_(s, t);
    float turn = x < 0.0f ? 2.0f * TW_QUARTER_TURN : 0.0f;
    turn = a > 0.5f ? turn : TW_QUARTER_TURN;
    y = copysignf(y, x) * (a > 0.5f ? 2.0f : -1.0f);
    return turn + tw_maddf(turn, TW_QUARTER_LACKS, y);
}

/* atan(t) for 0 <= t <= 1. */
static inline float tw_atan_coref_(float t)
{
    float z = t * t, q = z * z, r = q * q;
    float a = tw_maddf(0x1.9991e4p-3f, z, -0x1.55553ep-2f);
    float b = tw_maddf(0x1.c08c48p-4f, z, -0x1.242086p-3f);
    float c = tw_maddf(0x1.da286cp-5f, z, -0x1.5808e4p-4f);
    float d = tw_maddf(0x1.641afap-7f, z, -0x1.fd7844p-6f);
    float high = tw_maddf(tw_maddf(-0x1.d3409cp-10f, q, d), q, c);
    return tw_maddf(z * t, tw_maddf(high, r, tw_maddf(b, q, a)), t);
}

/* Above 1 by the other angle of the triangle. */
static inline float tw_atanf(float x)
{
    float a = fabsf(x), inverse = 1.0f / a, y = tw_atan_coref_(inverse < a ? inverse : a);
    float turn = a > 1.0f ? TW_QUARTER_TURN : 0.0f;
    uint32_t flip = a > 1.0f ? 0x80000000u : 0;
    y = tw_float_of_bits(tw_float_bits(y) ^ flip);
    return copysignf(turn + tw_maddf(turn, TW_QUARTER_LACKS, y), x);
}

/* The angle of the point (x, y), in -pi .. pi. */
static inline float tw_atan2f(float y, float x)
{
    float a = fabsf(x), b = fabsf(y), low = b > a ? a : b, high = b > a ? b : a;
    float same = high == 0.0f ? 0.0f : 1.0f; /* of infinities too */
    float t = low == high ? same : low / high;
    uint32_t left = tw_float_bits(x) & 0x80000000u;
    float turn = left ? 2.0f * TW_QUARTER_TURN : 0.0f;
    turn = b > a ? TW_QUARTER_TURN : turn;
    uint32_t flip = b > a ? left ^ 0x80000000u : left;
    float angle = tw_float_of_bits(tw_float_bits(tw_atan_coref_(t)) ^ flip);
    return copysignf(turn + tw_maddf(turn, TW_QUARTER_LACKS, angle), y);
}

/* ---- hyperbolic ---- */

/* log(1 + u + lost) + more ln 2 for u >= 0 below 2^126, as tw_log1pf. */
static inline float tw_log1p_sumf_(float u, float lost, float more)
{
    const uint32_t middle = 0x3f3504f3u;
    int32_t e = (int32_t)(tw_float_bits(1.0f + u) - middle) >> 23;
    float scale = tw_float_of_bits((uint32_t)(127 - e) << 23);
    float f = tw_maddf(lost, scale, tw_maddf(u, scale, scale - 1.0f));
    return tw_log_coref_(f, (float)e + more);
}

/* From here on 1 is nothing beside a number, and a quarter of it stands for it in logarithms. */
#define TW_FAR_FLOAT 0x1p30f

/* log(1 + u), u = a + a^2 / (1 + sqrt(a^2 + 1)), with what the sum loses. */
static inline float tw_asinhf(float x)
{
    float a = fabsf(x), b = a > TW_FAR_FLOAT ? TW_FAR_FLOAT : a;
    float v = b * b / (1.0f + sqrtf(tw_maddf(b, b, 1.0f))), u = b + v, lost = b - u + v;
    float y = tw_log1p_sumf_(a > TW_FAR_FLOAT ? 0.25f * a : u, lost,
                             a > TW_FAR_FLOAT ? 3.0f : 0.0f);
    return copysignf(a < INFINITY ? y : a, x);
}

/* log(1 + u), u = t + sqrt(t (t + 2)), t = x - 1. */
static inline float tw_acoshf(float x)
{
    float b = x > TW_FAR_FLOAT ? TW_FAR_FLOAT : x, t = b - 1.0f;
    float root = sqrtf(tw_maddf(t, t, t + t)), u = root + t, lost = root - u + t;
    float y = tw_log1p_sumf_(x > TW_FAR_FLOAT ? 0.25f * x : u, lost,
                             x > TW_FAR_FLOAT ? 3.0f : 0.0f);
    y = x < INFINITY ? y : x;
    return x < 1.0f ? NAN : y;
}

/* (1 + a) / (1 - a) is 2^e m with m near 1: atanh(a) = e ln 2 / 2 + atanh(s), where s is (m - 1) /
 * (m + 1) = (a (k + 1) + (k - 1)) / (a (k - 1) + (k + 1)), k = 2^-e, and s = a where e is 0. From
 * 1/2 on the same by a - 1, which is exact. */
static inline float tw_atanhf(float x)
{
    float a = fabsf(x), w = 1.0f - a;
    int32_t e = (int32_t)(tw_float_bits(1.0f + a) - tw_float_bits(w) + 0x400000u) >> 23;
    float k = tw_float_of_bits((uint32_t)(127 - e) << 23), above = k + 1.0f, below = k - 1.0f;
    float base = a < 0.5f ? a : -w, twice = k + k;
    float s = tw_maddf(base, above, a < 0.5f ? below : twice) /
              tw_maddf(base, below, a < 0.5f ? above : twice);
    float z = s * s, p = tw_maddf(0x1.3716bap-3f, z, 0x1.9928d6p-3f);
    float half = 0.5f * (float)e, rest = s * z * tw_maddf(p, z, 0x1.5555b6p-2f);
    float y = tw_maddf(half, 0.693359375f, s + tw_maddf(half, -2.12194440e-4f, rest));
    y = a < 1.0f ? y : a == 1.0f ? INFINITY : NAN;
    return copysignf(y, x);
}

/* ---- powers ---- */

#ifdef TW_HAS_FMA

/* log2(x) - less as a sum of two floats, with an error of some 2^-31 of it, for positive normal x =
 * 2^e m, m in [0.82, 1.64): with s = (c m - 1) / (c m + 1), in two parts, it is e - log2(c) + 2 /
 * ln 2 atanh(s), where c is 1, or 3/4 from 1.21 on, and leaves |s| < 0.104. What depends on c is
 * put together by a mask, of which compilers make no branches. */
static inline float tw_log2_widef_(float x, float less, float *low)
{
    const uint32_t first = 0x3f51eb85u; /* 0.82 */
    uint32_t bits = tw_float_bits(x) - first, place = bits & 0x007fffffu;
    uint32_t large = (uint32_t)((int32_t)(0x0048f5c3u - place) >> 31);
    float m = tw_float_of_bits(place + first),
          c = tw_float_of_bits(0x3f800000u ^ (large & 0xc00000u));
    float start = (float)((int32_t)bits >> 23) - less + tw_float_of_bits(large & 0x3ed48000u);
    float f = tw_maddf(m, c, -1.0f), d = tw_maddf(m, c, 1.0f), d_low = tw_maddf(m, c, 1.0f - d);
    float inverse = tw_maddf(tw_maddf(0.128f, f, -0.25f), f, 0.5f); /* of d, right to 2^-11 */
    float s = f / d, s_low = tw_maddf(-s, d_low, tw_maddf(-s, d, f)) * inverse, z = s * s;
    float p = tw_maddf(tw_maddf(0x1.acd79ap-2f, z, 0x1.277186p-1f), z, 0x1.ec70a0p-1f);
    p = tw_maddf(p, z, 0x1.4ae0c0p-25f);
    float h = s * 0x1.715476p+1f, sum = start + h; /* and from the smallest on what is lost */
    float lost = (start - sum) + h + tw_float_of_bits(large & 0xb5d1cfdfu);
    lost += tw_maddf(s, 0x1.715476p+1f, -h);
    lost = tw_maddf(s_low, tw_maddf(3.0f, p, 0x1.715476p+1f), lost);
    *low = tw_maddf(s, p, lost);
    return sum;
}

/* 2^r for |r| <= 1/2. */
static inline float tw_exp2_coref_(float r)
{
    float s = r * r, low = tw_maddf(0x1.ebfbe0p-3f, r, 0x1.62e430p-1f);
    float middle = tw_maddf(0x1.3b2a02p-7f, r, 0x1.c6af1ap-5f);
    float high = tw_maddf(0x1.448818p-13f, r, 0x1.5f4834p-10f);
    return tw_maddf(r, tw_maddf(tw_maddf(high, s, middle), s, low), 1.0f);
}

/* 2^(y (high + low)), where the result is normal; else 0, inf or NaN. */
static inline float tw_exp2_of_productf_(float y, float high, float low)
{
    const float shift = 0x1.8p23f;
    float t = y * high, t_low = tw_maddf(y, low, tw_maddf(y, high, -t));
    float shifted = t + t_low + shift, r = t - (shifted - shift) + t_low;
    uint32_t exponent = tw_float_bits(shifted) - 0x4b400000u + 127u;
    exponent = exponent < 255 ? exponent : 255;
    return tw_exp2_coref_(r) * tw_float_of_bits(exponent << 23);
}

/* x^y, every case of it. A zero or an infinity is what its logarithm says, whatever y is. */
static inline float tw_powf(float x, float y)
{
    const float shift = 0x1.8p23f;
    float a = fabsf(x), low, high;
    high = tw_log2_widef_(a < FLT_MIN ? a * 0x1p23f : a, a < FLT_MIN ? 23.0f : 0.0f, &low);
    float b = y > 0x1p40f ? 0x1p40f : y; /* beyond, all results are 0, 1 or inf */
    b = b < -0x1p40f ? -0x1p40f : b;
    float t = b * high, t_low = tw_maddf(b, low, tw_maddf(b, high, -t));
    float sum = t + t_low, clipped = sum > 136.0f ? 136.0f : sum;
    clipped = clipped < -160.0f ? -160.0f : clipped;
    float shifted = clipped + shift, r = t - (shifted - shift) + t_low;
    r = clipped == sum ? r : 0.0f;
    uint32_t both = tw_float_bits(shifted) - 0x4b400000u + 254u, half = both << 22 & 0xff800000u;
    float power = tw_exp2_coref_(r) * tw_float_of_bits(half) *
                  tw_float_of_bits((both << 23) - half);
    float limit = (a == 0.0f) != (y < 0.0f) ? 0.0f : INFINITY;
    power = a == 0.0f || a == INFINITY ? limit : power;
    int is_whole = rintf(y) == y, is_even = rintf(0.5f * y) == 0.5f * y;
    power = is_whole && !is_even ? copysignf(power, x) : power;
    power = x < 0.0f && a < INFINITY && !is_whole ? NAN : power;
    power = x != x || y != y ? NAN : power;
    return x == 1.0f || y == 0.0f ? 1.0f : power;
}

#endif

#endif
