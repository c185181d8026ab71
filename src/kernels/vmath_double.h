/* SPDX-License-Identifier: Apache-2.0
 * Elementary functions of double, in the manner of vmath.h: no branches, so that loops over them
 * are vectorised. Errors stay below 2 ULP (expm1: 2.5; tanh, sinh, tan and the sigmoid: 3); inf,
 * NaN, signed zeros and denormals come out as in libm. What needs products in one rounding (powers,
 * remainders, sines) exists only where the machine has them, and says which operands it takes. Some
 * functions of float go by way of double too. */
#ifndef TW_KERNELS_VMATH_DOUBLE_H
#define TW_KERNELS_VMATH_DOUBLE_H

#include "kernels/vmath.h"

/* ln 2 in two parts: whole multiples of the first one are exact. */
#define TW_LN2_HIGH 0x1.62e42feep-1
#define TW_LN2_LOW 0x1.a39ef35793c76p-33

/* A whole number of at most 51 bits as double: AVX2 has no conversion. */
static inline double tw_whole_double_(int64_t n)
{
    const double shift = 0x1.8p52;
    return tw_double_of_bits(tw_double_bits(shift) + (uint64_t)n) - shift;
}

/* x = n ln 2 + r with |r| <= ln 2 / 2, for |x| < 2^20; a NaN stays in r and makes n arbitrary. */
static inline double tw_exp_reduce_(double x, int64_t *n)
{
    const double shift = 0x1.8p52;
    double shifted = tw_madd(x, 0x1.71547652b82fep0, shift), whole = shifted - shift;
    *n = (int64_t)(tw_double_bits(shifted) - tw_double_bits(shift));
    return tw_madd(whole, -TW_LN2_LOW, tw_madd(whole, -TW_LN2_HIGH, x));
}

/* e^r - 1 for |r| <= ln 2 / 2, in pairs of terms. */
static inline double tw_exp_core_(double r)
{
    double s = r * r, q = s * s;
    double a = tw_madd(0x1.5555555555556p-3, r, 0.5);
    double b = tw_madd(0x1.11111111109b3p-7, r, 0x1.5555555553d63p-5);
    double c = tw_madd(0x1.a01a01a7c41d5p-13, r, 0x1.6c16c1788bd90p-10);
    double d = tw_madd(0x1.71de0dae63bb3p-19, r, 0x1.a019b90d2ae7ap-16);
    double e = tw_madd(0x1.af38a9b0ec855p-26, r, 0x1.289185613a3d6p-22);
    double low = tw_madd(b, s, a), high = tw_madd(e, q, tw_madd(d, s, c));
    return tw_madd(s, tw_madd(high, q, low), r);
}

/* y 2^n for n in -1080 .. 1030, in two factors: a denormal result is rounded once, and what is too
 * large becomes inf. */
static inline double tw_scale_(double y, int64_t n)
{
    uint64_t both = (uint64_t)n + 2046, half = both << 51 & UINT64_C(0xfff0000000000000);
    return y * tw_double_of_bits(half) * tw_double_of_bits((both << 52) - half);
}

static inline double tw_exp(double x)
{
    double low = x < -746.0 ? -746.0 : x, clipped = low > 710.0 ? 710.0 : low;
    int64_t n;
    double r = tw_exp_reduce_(clipped, &n); /* a NaN: n is arbitrary, and r stays one */
    return tw_scale_(1.0 + tw_exp_core_(r), n);
}

/* As tw_expm1f. */
static inline double tw_expm1(double x)
{
    double low = x < -40.0 ? -40.0 : x, clipped = low > 710.0 ? 710.0 : low;
    int64_t n;
    double r = tw_exp_reduce_(clipped, &n), p = tw_exp_core_(r);
    n = x == x ? n : 0;
    double scale = tw_double_of_bits((uint64_t)(n + 1022) << 52); /* half of it: n may be 1024 */
    double y = 2.0 * tw_madd(p, scale, scale - 0.5);
    return r * r == 0.0 ? x : y;
}

/* log(1 + f) + e ln 2 for 1 + f in [sqrt(1/2), sqrt(2)]: with s = f / (2 + f) and h = f^2 / 2 it is
 * 2 atanh(s) = f - h + s (h + R(s^2)), where only h is not far smaller than f. `small` is the low
 * part of e ln 2, and whatever else is to be added. */
static inline double tw_log_core_and_(double f, double e, double small)
{
    double s = f / (2.0 + f), z = s * s, q = z * z;
    double a = tw_madd(0x1.9999999995273p-2, z, 0x1.5555555555558p-1);
    double b = tw_madd(0x1.c71c62d5e53e0p-3, z, 0x1.2492492dfd86cp-2);
    double c = tw_madd(0x1.39fdcceb4bb45p-3, z, 0x1.7462b91b8df65p-3);
    double r = z * tw_madd(q, tw_madd(q, tw_madd(0x1.2b5f68a50d903p-3, q, c), b), a);
    double h = 0.5 * f * f, more = tw_madd(s, h + r, small);
    return tw_madd(e, TW_LN2_HIGH, f - (h - more));
}

static inline double tw_log_core_(double f, double e)
{
    return tw_log_core_and_(f, e, e * TW_LN2_LOW);
}

/* The bits of sqrt(1/2): what lies there in the exponent is 0 once they are taken off. */
#define TW_LOG_MIDDLE UINT64_C(0x3fe6a09e667f3bcd)

/* x = 2^e m with m in [sqrt(1/2), sqrt(2)), for positive normal x. */
static inline double tw_log_split_(double x, double *e)
{
    uint64_t bits = tw_double_bits(x) - TW_LOG_MIDDLE + (UINT64_C(2048) << 52);
    *e = tw_whole_double_((int64_t)(bits >> 52) - 2048);
    return tw_double_of_bits((bits & UINT64_C(0x000fffffffffffff)) + TW_LOG_MIDDLE);
}

/* Denormals are scaled up first. */
static inline double tw_log(double x)
{
    double tiny = x < DBL_MIN ? 54.0 : 0.0, scaled = x < DBL_MIN ? x * 0x1p54 : x, e;
    double m = tw_log_split_(scaled, &e);
    double y = tw_log_core_(m - 1.0, e - tiny);
    y = x < INFINITY ? y : x; /* inf and NaN */
    y = x < 0.0 ? NAN : y;
    return x == 0.0 ? -INFINITY : y;
}

/* As tw_log1pf. */
static inline double tw_log1p(double x)
{
    double u = 1.0 + x, e;
    uint64_t bits = tw_double_bits(u) - TW_LOG_MIDDLE + (UINT64_C(2048) << 52);
    double m = tw_log_split_(u, &e);
    double scale = tw_double_of_bits((1023 + 2048 - (bits >> 52)) << 52);
    double f = tw_madd(x, scale, scale - 1.0);
    f = e > 128.0 ? m - 1.0 : f;
    double y = tw_log_core_(f, e);
    y = x < INFINITY ? y : x;
    y = x < -1.0 ? NAN : y;
    y = x == -1.0 ? -INFINITY : y;
    return x == 0.0 ? x : y;
}

/* With t = e^(-2|x|) - 1: -t / (2 + t). */
static inline double tw_tanh(double x)
{
    double t = tw_expm1(-2.0 * fabs(x));
    return copysign(t / (2.0 + t), x);
}

/* As tw_sigmoidf. */
static inline double tw_sigmoid(double x)
{
    double e = tw_exp(-fabs(x));
    return (x < 0.0 ? e : 1.0) / (1.0 + e);
}

/* e^a = 2^n e^r gives both from cosh(r) - 1 and sinh(r), without a division: with c and d = 2^n +-
 * 2^-n, halved, c cosh(r) + d sinh(r) and d cosh(r) + c sinh(r). All of it once more halved, as n
 * may be 1025; from 512 on 2^-n counts for nothing, so that its exponent may start afresh. */
static inline double tw_hyperbolic_(double a, int is_cosh)
{
    double clipped = a > 710.6 ? 710.6 : a;
    int64_t n;
    double r = tw_exp_reduce_(clipped, &n), s = r * r, q = s * s;
    double up = tw_double_of_bits((uint64_t)(n + 1021) << 52);
    double down = tw_double_of_bits((uint64_t)(1021 - (n & 511)) << 52);
    double even = tw_madd(0x1.6c16c17cd87a5p-10, s, 0x1.55555555531c8p-5);
    even = tw_madd(tw_madd(0x1.289fd2a30e91ep-22, s, 0x1.a019aae73fefap-16), q, even);
    double odd = tw_madd(0x1.111111110f624p-7, s, 0x1.5555555555559p-3);
    double high = tw_madd(0x1.71ddf79e1500dp-19, s, 0x1.a01a01b0250c8p-13);
    odd = tw_madd(tw_madd(0x1.af601c7c1bea7p-26, q, high), q, odd);
    double cosine = tw_madd(q, even, 0.5 * s), sine = tw_madd(r * s, odd, r);
    double c = up + down, d = up - down;
    return is_cosh ? 2.0 * (c + tw_madd(d, sine, c * cosine))
                   : 2.0 * (d + tw_madd(c, sine, d * cosine));
}

/* For every x: what overflows becomes inf, and nothing on the way does before. */
static inline double tw_cosh(double x)
{
    return tw_hyperbolic_(fabs(x), 1);
}

static inline double tw_sinh(double x)
{
    double a = fabs(x), y = tw_hyperbolic_(a, 0);
    return copysign(a < 0x1p-30 ? a : y, x); /* what is denormal loses no digit */
}

/* log(1 + e^x) = max(x, 0) + log(1 + t) with t = e^-|x|, where 1 + t is at most 2. */
static inline double tw_softplus(double x)
{
    double a = fabs(x), above = x > 0.0 ? x : 0.0, clipped = a > 746.0 ? 746.0 : a;
    int64_t n;
    double r = tw_exp_reduce_(-clipped, &n), t = tw_scale_(1.0 + tw_exp_core_(r), n);
    double f = t > 0x1.a827999fcef32p-2 ? tw_madd(0.5, t, -0.5) : t;
    double e = t > 0x1.a827999fcef32p-2 ? 1.0 : 0.0;
    return above + tw_log_core_(f, e);
}

#ifdef TW_HAS_FMA

/* log(x) for positive normal x as a sum of two doubles, with an error of some 2^-64 of it: as
 * tw_log_core_, but what the larger terms lose is kept. */
static inline double tw_log_wide_(double x, double *low)
{
    double e, m = tw_log_split_(x, &e), f = m - 1.0, d = m + 1.0, d_low = m - (d - 1.0);
    double inverse = 1.0 / d, s = f * inverse;
    double s_low = (__builtin_fma(-s, d, f) - s * d_low) * inverse;
    double z = s * s, z_low = __builtin_fma(s, s, -z) + 2.0 * s * s_low, q = z * z;
    double a = tw_madd(0x1.2492492492522p-2, z, 0x1.999999999999ap-2);
    double b = tw_madd(0x1.745d177ad436ap-3, z, 0x1.c71c71c6ea5acp-3);
    double c = tw_madd(0x1.1118cd67251c5p-3, z, 0x1.3b1395b82701ep-3);
    double g = tw_madd(0x1.e03a7acf07f85p-4, z, 0x1.df7ba1f4809c3p-4);
    double tail = z * tw_madd(q, tw_madd(q, tw_madd(g, q, c), b), a);
    /* t = 2/3 + tail, w = z t, u = s w */
    const double third = 0x1.5555555555555p-1;
    double t = third + tail, t_low = third - t + tail + 0x1.5555555555555p-55;
    double w = z * t, w_low = __builtin_fma(z, t, -w) + tw_madd(z, t_low, z_low * t);
    double u = s * w, u_low = __builtin_fma(s, w, -u) + tw_madd(s, w_low, s_low * w);
    /* e ln 2 + 2 s + u, the largest first */
    double whole = e * TW_LN2_HIGH, twice = 2.0 * s, h = whole + twice, lost = whole - h + twice;
    double sum = h + u, rest = h - sum + u;
    double small = rest + (lost + (tw_madd(e, TW_LN2_LOW, 2.0 * s_low) + u_low));
    double high = sum + small;
    *low = sum - high + small;
    return high;
}

/* x^y where x is positive and normal, and so is the result; 0 where the result is far from it. */
static inline double tw_pow_of_normal(double x, double y)
{
    double low, high = tw_log_wide_(x, &low), p = y * high;
    double p_low = __builtin_fma(y, high, -p) + y * low;
    double below = p < -746.0 ? -746.0 : p, clipped = below > 710.0 ? 710.0 : below;
    int64_t n;
    double core = tw_exp_core_(tw_exp_reduce_(clipped, &n));
    double scaled = tw_scale_(1.0 + tw_madd(p_low, 1.0 + core, core), n);
    return clipped == p ? scaled : 0.0;
}

/* x - y trunc(x / y), exactly, where y is normal and |x / y| < 2^51: the rounded quotient may be
 * one too large, which the sign of the difference tells. */
static inline double tw_truncate_mod_of_near(double x, double y)
{
    double a = fabs(x), b = fabs(y), whole = trunc(a / b);
    double r = __builtin_fma(-whole, b, a);
    r = r < 0.0 ? r + b : r;
    return copysign(r, x);
}

/* The same with the sign of y. */
static inline double tw_floor_mod_of_near(double x, double y)
{
    double r = tw_truncate_mod_of_near(x, y);
    return r != 0.0 && (r < 0.0) != (y < 0.0) ? r + y : r;
}

/* As tw_sinf_of_near. */
#define TW_SIN_NEAR_DOUBLE 500000.0

static inline double tw_sin_near_(double x, uint64_t quarters_ahead, uint64_t flip)
{
    const double shift = 0x1.8p52;
    double shifted = tw_madd(x, 0x1.45f306dc9c883p-1, shift), whole = shifted - shift;
    uint64_t quarters = tw_double_bits(shifted) + quarters_ahead;
    double r = tw_madd(whole, -0x1.921fb54442d18p+0, x);
    r = tw_madd(whole, -0x1.1a62633145c07p-54, r);
    r = tw_madd(whole, 0x1.f1976b7ed8fbcp-110, r);
    double s = r * r, q = s * s;
    double a = tw_madd(0x1.1111111110ba5p-7, s, -0x1.5555555555555p-3);
    double b = tw_madd(0x1.71de379252004p-19, s, -0x1.a01a019e80693p-13);
    double c = tw_madd(0x1.5e098556d302ep-33, s, -0x1.ae60069e53ef1p-26);
    double sine = tw_madd(r * s, tw_madd(tw_madd(c, q, b), q, a), r);
    double d = tw_madd(-0x1.6c16c16c16960p-10, s, 0x1.5555555555555p-5);
    double e = tw_madd(-0x1.27e4fa15bd814p-22, s, 0x1.a01a019f4d0edp-16);
    double f = tw_madd(-0x1.907c0e63adbb6p-37, s, 0x1.1eeb66b683028p-29);
    double cosine = tw_madd(s, tw_madd(s, tw_madd(tw_madd(f, q, e), q, d), -0.5), 1.0);
    double y = quarters & 1 ? cosine : sine;
    return tw_double_of_bits(tw_double_bits(y) ^ (quarters >> 1 << 63) ^ flip);
}

static inline double tw_sin_of_near(double x)
{
    return tw_sin_near_(fabs(x), 0, tw_double_bits(x) & UINT64_C(1) << 63);
}

static inline double tw_cos_of_near(double x)
{
    return tw_sin_near_(fabs(x), 1, 0);
}

static inline double tw_tan_of_near(double x)
{
    return tw_sin_of_near(x) / tw_cos_of_near(x);
}

#endif

#endif
