/* SPDX-License-Identifier: Apache-2.0
 * Inverses of circular and hyperbolic functions of double, in the manner of vmath_double.h: no
 * branches, and errors below 2 ULP (acosh: 2.5) where the machine has products in one rounding.
 * inf, NaN, signed zeros and denormals come out as in libm. */
#ifndef TW_KERNELS_VMATH_INVERSE_H
#define TW_KERNELS_VMATH_INVERSE_H

#include "kernels/vmath_double.h"

/* pi and pi / 2 in two parts. */
#define TW_PI_HIGH 0x1.921fb54442d18p+1
#define TW_PI_LOW 0x1.1a62633145c07p-53
#define TW_QUARTER_HIGH 0x1.921fb54442d18p+0
#define TW_QUARTER_LOW 0x1.1a62633145c07p-54

/* P with atan(t) = t + t z P(z), z = t^2, for |t| <= 1: even and odd powers apart, so that neither
 * waits for the other, but for the last ones, which would cancel. */
static inline double tw_atan_core_(double z)
{
    double q = z * z;
    double a = tw_madd(-0x1.3f3614333d7cbp-13, q, -0x1.7a3988f6239ddp-9);
    double b = tw_madd(0x1.bbed2bd2789ecp-17, q, 0x1.b3fa9d3b4f6a3p-11);
    a = tw_madd(a, q, -0x1.c78fd8c6b1312p-7), b = tw_madd(b, q, 0x1.d7b926754a427p-8);
    a = tw_madd(a, q, -0x1.e9fa1e72819bep-6), b = tw_madd(b, q, 0x1.683cd6a6ed2aep-6);
    a = tw_madd(a, q, -0x1.59a403c32759ap-5), b = tw_madd(b, q, 0x1.2c2e641f171d9p-5);
    a = tw_madd(a, q, -0x1.ae5e737c27ee0p-5), b = tw_madd(b, q, 0x1.82dad9beb13a3p-5);
    double p = tw_madd(b, z, a);
    p = tw_madd(p, z, 0x1.e1bba69b3397dp-5);
    p = tw_madd(p, z, -0x1.110e512b3bd10p-4);
    p = tw_madd(p, z, 0x1.3b13669ab1208p-4);
    p = tw_madd(p, z, -0x1.745d11ae7fa15p-4);
    p = tw_madd(p, z, 0x1.c71c717fcff67p-4);
    p = tw_madd(p, z, -0x1.249249237f591p-3);
    p = tw_madd(p, z, 0x1.99999999955b4p-3);
    return tw_madd(p, z, -0x1.5555555555526p-2);
}

/* The nearer axis, and how far the point is from it. */
static inline double tw_atan(double x)
{
    double a = fabs(x), low = a < 1.0 ? a : 1.0, high = a < 1.0 ? 1.0 : a, t = low / high;
    double z = t * t, p = tw_atan_core_(z), turned = a > 1.0 ? -t : t;
    double axis = a > 1.0 ? TW_QUARTER_HIGH : 0.0, axis_low = a > 1.0 ? TW_QUARTER_LOW : 0.0;
    return copysign(axis + (turned + tw_madd(turned * z, p, axis_low)), x);
}

/* The same of the point (x, y). The axis of x is at 0 or pi: a quarter turn and one more or
 * less. */
static inline double tw_atan2(double y, double x)
{
    const uint64_t sign = UINT64_C(1) << 63;
    double a = fabs(x), b = fabs(y), low = b < a ? b : a, high = b < a ? a : b, t = low / high;
    t = low == high ? 1.0 : t; /* of infinities too */
    t = low + high == 0.0 ? 0.0 : t;
    double z = t * t, p = tw_atan_core_(z), mirrored = b > a ? -t : t;
    double turned = tw_double_of_bits(tw_double_bits(mirrored) ^ (tw_double_bits(x) & sign));
    double axis = TW_QUARTER_HIGH - copysign(TW_QUARTER_HIGH, x);
    double axis_low = TW_QUARTER_LOW - copysign(TW_QUARTER_LOW, x);
    axis = b > a ? TW_QUARTER_HIGH : axis;
    axis_low = b > a ? TW_QUARTER_LOW : axis_low;
    return copysign(axis + (turned + tw_madd(turned * z, p, axis_low)), y);
}

/* P with asin(t) = t + t z P(z), z = t^2, for |t| <= 1/2. */
static inline double tw_asin_core_(double z)
{
    double q = z * z;
    double a = tw_madd(-0x1.09de8f2aa91b8p-6, q, 0x1.abc5865e61221p-8);
    double b = tw_madd(0x1.057173822ef74p-5, q, 0x1.3ffbada057ee5p-6);
    a = tw_madd(a, q, 0x1.c6fd9a06021bfp-7);
    b = tw_madd(b, q, 0x1.8ec41193ef41ap-7);
    a = tw_madd(a, q, 0x1.6e89f423c1634p-6);
    b = tw_madd(b, q, 0x1.1c6be3813b2b6p-6);
    a = tw_madd(a, q, 0x1.6db6db4277cb5p-5);
    b = tw_madd(b, q, 0x1.f1c72c3a00477p-6);
    a = tw_madd(a, q, 0x1.5555555555390p-3);
    b = tw_madd(b, q, 0x1.333333336e837p-4);
    return tw_madd(b, z, a);
}

/* Beyond 1/2: asin(a) = pi / 2 - 2 asin(sqrt((1 - a) / 2)). */
static inline double tw_asin(double x)
{
    double a = fabs(x), z = a > 0.5 ? tw_madd(-0.5, a, 0.5) : a * a, root = sqrt(z);
    double t = a > 0.5 ? -2.0 * root : a, p = tw_asin_core_(z);
    double axis = a > 0.5 ? TW_QUARTER_HIGH : 0.0, axis_low = a > 0.5 ? TW_QUARTER_LOW : 0.0;
    return copysign(axis + (t + tw_madd(t * z, p, axis_low)), x);
}

/* A quarter turn less the sine's angle, or from 1/2 on what lies beyond it, or what pi exceeds it
 * by where x is negative: nothing cancels. */
static inline double tw_acos(double x)
{
    double a = fabs(x), z = a > 0.5 ? tw_madd(-0.5, a, 0.5) : a * a, root = 2.0 * sqrt(z);
    double t = a > 0.5 ? copysign(root, x) : -x, p = tw_asin_core_(z);
    double axis = TW_QUARTER_HIGH - copysign(TW_QUARTER_HIGH, x);
    double axis_low = TW_QUARTER_LOW - copysign(TW_QUARTER_LOW, x);
    axis = a > 0.5 ? axis : TW_QUARTER_HIGH;
    axis_low = a > 0.5 ? axis_low : TW_QUARTER_LOW;
    return axis + (t + tw_madd(t * z, p, axis_low));
}

/* log(1 + y + low) + more ln 2 for 0 <= y < 2^1000: what `low` adds to the logarithm is its
 * quotient by 1 + f, for which a straight line will do. */
static inline double tw_log1p_of_sum_(double y, double low, double more)
{
    double u = 1.0 + y;
    uint64_t bits = tw_double_bits(u) - TW_LOG_MIDDLE + (UINT64_C(2048) << 52);
    double e = tw_whole_double_((int64_t)(bits >> 52) - 2048) + more;
    double scale = tw_double_of_bits((1023 + 2048 - (bits >> 52)) << 52);
    double f = tw_madd(y, scale, scale - 1.0);
    return tw_log_core_and_(f, e, tw_madd(low * scale, 1.06 - f, e * TW_LN2_LOW));
}

/* log(a + sqrt(a^2 + 1)), where what is beyond 1 is a + a^2 / (1 + sqrt(a^2 + 1)); for large a
 * log(2 a), of a multiple. */
static inline double tw_asinh(double x)
{
    double a = fabs(x), more = a * a / (1.0 + sqrt(tw_madd(a, a, 1.0))), sum = a + more;
    double y = a > 0x1p500 ? a * 0x1p-300 : sum, low = a > 0x1p500 ? 0.0 : a - sum + more;
    double z = tw_log1p_of_sum_(y, low, a > 0x1p500 ? 301.0 : 0.0);
    return copysign(a < INFINITY ? z : a, x);
}

/* The same with t = x - 1: t + sqrt(t (t + 2)). */
static inline double tw_acosh(double x)
{
    double t = x - 1.0, root = sqrt(tw_madd(t, t, 2.0 * t)), sum = t + root;
    double y = x > 0x1p500 ? x * 0x1p-300 : sum, low = x > 0x1p500 ? 0.0 : root - sum + t;
    double z = tw_log1p_of_sum_(y, low, x > 0x1p500 ? 301.0 : 0.0);
    z = x < INFINITY ? z : x;
    return x < 1.0 ? NAN : z;
}

/* Half of log(n / d), n = 1 + a and d = 1 - a, whose exponents say how often to double d: n / d is
 * then in 2/3 .. 3/2, and s = (n - d) / (n + d) is at most 1/5, or a itself if d was not doubled.
 * Nothing is lost of either sum. */
static inline double tw_atanh(double x)
{
    double a = fabs(x), n = 1.0 + a, d = 1.0 - a, n_low = a - (n - 1.0), d_low = 1.0 - d - a;
    uint64_t apart = tw_double_bits(n) - tw_double_bits(d) + (UINT64_C(1) << 51);
    double e = tw_whole_double_((int64_t)(apart >> 52));
    double scale = tw_double_of_bits((apart >> 52 << 52) + (UINT64_C(1023) << 52));
    double twice = d * scale, twice_low = d_low * scale;
    double s = ((n - twice) + (n_low - twice_low)) / ((n + twice) + (n_low + twice_low));
    double z = s * s, q = z * z;
    double b = tw_madd(0x1.1b9a9912b7759p-4, q, 0x1.3b35f50aa47d7p-4);
    double c = tw_madd(0x1.0dc800e798e83p-4, q, 0x1.745c495a8e3efp-4);
    b = tw_madd(b, q, 0x1.c71c749596597p-4);
    c = tw_madd(c, q, 0x1.24924921debb0p-3);
    b = tw_madd(b, q, 0x1.999999999c1b9p-3);
    c = tw_madd(c, q, 0x1.555555555554fp-2);
    double y = s + tw_madd(s * z, tw_madd(b, z, c), e * (0.5 * TW_LN2_LOW));
    y = tw_madd(e, 0.5 * TW_LN2_HIGH, y);
    double end = a == 1.0 ? INFINITY : NAN;
    return copysign(a < 1.0 ? y : end, x);
}

#endif
