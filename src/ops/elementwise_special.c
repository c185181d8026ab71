/* SPDX-License-Identifier: Apache-2.0
 * Special functions that the C library lacks, or does not have safe for threads, in double. */
#include <float.h>
#include <math.h>

#include "ops/elementwise_rows.h"

#define PI 3.14159265358979323846

/* Of the gamma function: 0 and the negative whole numbers. */
static bool is_pole(double x)
{
    return x <= 0 && x == floor(x);
}

/* The C library's lgamma also writes a sign to a variable of the process; where there is a form
 * that does not, that is taken. */
double tw_special_lgamma(double x)
{
#if defined(__GLIBC__) || defined(__APPLE__)
    int sign;
    return lgamma_r(x, &sign);
#else
    return lgamma(x);
#endif
}

/* By reflection below -1, by recurrence up to 10, then the asymptotic series. */
double tw_special_digamma(double x)
{
    if (is_pole(x))
        return INFINITY;
    if (x < -1)
        return tw_special_digamma(1 - x) - PI / tan(PI * (x - floor(x)));
    double shift = 0;
    for (; x < 10; x += 1)
        shift -= 1 / x;
    double s = 1 / (x * x);
    double series =
        1.0 / 12 -
        s * (1.0 / 120 -
             s * (1.0 / 252 - s * (1.0 / 240 - s * (1.0 / 132 - s * (691.0 / 32760 - s / 12)))));
    return isinf(x) ? x : shift + log(x) - 0.5 / x - s * series;
}

/* Euler and Maclaurin: ten terms, the integral of the rest, and corrections by Bernoulli
 * numbers. */
double tw_special_zeta(double x, double q)
{
    enum { TERMS = 10 };
    static const double bernoulli[] = {/* B(2k) / (2k)! */
                                       1.0 / 12,          -1.0 / 720,
                                       1.0 / 30240,       -1.0 / 1209600,
                                       1.0 / 47900160,    -691.0 / 1307674368000,
                                       1.0 / 74724249600, -3617.0 / 10670622842880000};
    if (x == 1)
        return INFINITY;
    if (x != x || q != q || x < 1 || (q < 0 && q != floor(q) && x != floor(x)))
        return NAN;
    if (q <= 0 && q == floor(q))
        return INFINITY;
    double sum = 0;
    for (int k = 0; k < TERMS || q + k < TERMS; k++) {
        double term = pow(q + k, -x);
        sum += term;
        if (k + 1 >= TERMS && q + k + 1 >= TERMS) {
            double w = q + k + 1;
            double power = pow(w, -x), rest = w * power / (x - 1) + power / 2, factor = x;
            double shrink = power / w;
            for (int j = 0; j < 8; j++) {
                rest += bernoulli[j] * factor * shrink;
                factor *= (x + 2 * j + 1) * (x + 2 * j + 2);
                shrink /= w * w;
            }
            return sum + rest;
        }
        if (q > 0 && term < sum * DBL_EPSILON / 16)
            return sum;
    }
    return sum;
}

/* By Zeta: (-1)^(n + 1) n! zeta(n + 1, x) for n > 0. */
double tw_special_polygamma(double order, double x)
{
    if (order != floor(order) || order < 0)
        return NAN;
    if (order == 0)
        return tw_special_digamma(x);
    double sign = fmod(order, 2) == 0 ? -1 : 1;
    return sign * exp(tw_special_lgamma(order + 1)) * tw_special_zeta(order + 1, x);
}
