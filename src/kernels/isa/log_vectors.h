/* SPDX-License-Identifier: Apache-2.0
 * Logarithms and powers of eight doubles, and logarithms of sixteen floats, at x86-64-v4, whose
 * instructions take numbers apart, also denormal ones, and look up tables of 16 in registers: half
 * the steps of kernels/vmath_double.h and no division.
 * x = 2^e m with m in [3/4, 3/2), and m's leading digits choose c near 1 / m, so that f = m c - 1
 * is in -1/32 .. 1/16 and log(x) = e ln 2 - log(c) + log(1 + f). Near 1 c is 1, and nothing is
 * lost. */
#ifndef TW_KERNELS_ISA_LOG_VECTORS_H
#define TW_KERNELS_ISA_LOG_VECTORS_H

#include <immintrin.h>

#include "kernels/isa/vectors.h"
#include "kernels/vmath_double.h"

typedef __m512d doubles;

#define ALL(x) _mm512_set1_pd(x)

/* For m in [1, 2) by sixteenths: 1 / m in seven digits; from 3/2 on it is m / 2 that goes on. */
static const double log_inverses[16] = {
    0x1.00p+0, 0x1.d4p-1, 0x1.bcp-1, 0x1.a4p-1, 0x1.90p-1, 0x1.7cp-1, 0x1.6cp-1, 0x1.5cp-1,
    0x1.50p-1, 0x1.40p-1, 0x1.34p-1, 0x1.28p-1, 0x1.20p-1, 0x1.14p-1, 0x1.0cp-1, 0x1.00p-1};
/* -log(c), or -log(2 c): multiples of 2^-42, whose sum with e ln 2 is exact, and the rest. */
static const double log_highs[16] = {
    0.0,
    0x1.700d30aeacp-4,
    0x1.23d712a49cp-3,
    0x1.95a5adcf70p-3,
    0x1.f991c6cb3cp-3,
    0x1.314f1e1d36p-2,
    0x1.5d5bddf596p-2,
    0x1.8b639a88b3p-2,
    -0x1.1675cababap-2,
    -0x1.c8ff7c79aap-3,
    -0x1.7ab890210ep-3,
    -0x1.29552f82p-3,
    -0x1.e27076e2bp-4,
    -0x1.341d7961bcp-4,
    -0x1.77458f633p-5,
    0.0,
};
static const double log_lows[16] = {
    0.0,
    0x1.c1e8da99ded32p-49,
    0x1.00d238fd3df5cp-46,
    0x1.7f22858a0ff6fp-47,
    -0x1.90d04cd7cc834p-44,
    -0x1.8e27ad3213cb8p-45,
    -0x1.a0b2a08a465dcp-47,
    -0x1.05ae1e5e70470p-45,
    -0x1.8380e731f55c4p-44,
    0x1.7794f689f8434p-45,
    0x1.bdb9072534a58p-45,
    0x1.5b967f4471dfcp-44,
    0x1.a342c2af0003cp-45,
    -0x1.1d09299837610p-44,
    0x1.181dce586af09p-44,
    0.0,
};

/* Which of 16 numbers, by the four lowest bits of each place; the others do not matter, so that
 * what m has above its leading digits may stay. */
static ALWAYS_INLINE doubles look_up(const double *table, __m512i at)
{
    return _mm512_permutex2var_pd(_mm512_loadu_pd(table), at, _mm512_loadu_pd(table + 8));
}

/* x = 2^exponent m taken apart, with -log(c) + e ln 2 in two parts, where e is one more if c is for
 * m / 2. A zero's exponent is -inf, and so is its logarithm; of negative numbers m is NaN. */
typedef struct log_parts {
    doubles m, exponent, c, high, low;
} log_parts;

static ALWAYS_INLINE log_parts take_apart(doubles x)
{
    log_parts a = {.m = _mm512_getmant_pd(x, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_nan)};
    __m512i at = _mm512_srli_epi64(_mm512_castpd_si512(a.m), 48);
    __mmask8 beyond = _mm512_cmp_pd_mask(a.m, ALL(1.5), _CMP_GE_OQ);
    a.exponent = _mm512_getexp_pd(x);
    doubles e = _mm512_mask_add_pd(a.exponent, beyond, a.exponent, ALL(1));
    a.c = look_up(log_inverses, at);
    a.high = _mm512_fmadd_pd(e, ALL(TW_LN2_HIGH), look_up(log_highs, at));
    a.low = _mm512_fmadd_pd(e, ALL(TW_LN2_LOW), look_up(log_lows, at));
    return a;
}

/* P with log(1 + f) = f - f^2 / 2 + f^3 P(f); q = f^2. */
static ALWAYS_INLINE doubles log_rest(doubles f, doubles q)
{
    doubles a = _mm512_fmadd_pd(ALL(-0x1.00000000000d6p-2), f, ALL(0x1.5555555555555p-2));
    doubles b = _mm512_fmadd_pd(ALL(-0x1.555555539ebc6p-3), f, ALL(0x1.999999999c388p-3));
    doubles c = _mm512_fmadd_pd(ALL(-0x1.0000078b30ad8p-3), f, ALL(0x1.249248f3a30a0p-3));
    doubles d = _mm512_fmadd_pd(ALL(-0x1.99962ddef851dp-4), f, ALL(0x1.c71ecfacb9997p-4));
    doubles e = _mm512_fmadd_pd(ALL(-0x1.16044300bb66cp-4), f, ALL(0x1.7017d5a272aa7p-4));
    doubles high = _mm512_fmadd_pd(e, _mm512_mul_pd(q, q), _mm512_fmadd_pd(d, q, c));
    return _mm512_fmadd_pd(high, _mm512_mul_pd(q, q), _mm512_fmadd_pd(b, q, a));
}

/* The sum of all, with `more` added to f. */
static ALWAYS_INLINE doubles log_sum(const log_parts *a, doubles f, doubles more)
{
    doubles q = _mm512_mul_pd(f, f), p = _mm512_fmadd_pd(log_rest(f, q), f, ALL(-0.5));
    return _mm512_add_pd(a->high, _mm512_add_pd(f, _mm512_fmadd_pd(q, p, more)));
}

/* f loses half a unit in its last place at most, and so does each of the two sums: within 1 ULP but
 * for a little. inf and NaN come through by themselves. */
static ALWAYS_INLINE doubles log_of(doubles x)
{
    log_parts a = take_apart(x);
    return log_sum(&a, _mm512_fmadd_pd(a.m, a.c, ALL(-1)), a.low);
}

/* What 1 + x loses is added to f, of which its quotient by 1 + f is added to the logarithm. */
static ALWAYS_INLINE doubles log1p_of(doubles x)
{
    doubles u = _mm512_add_pd(x, ALL(1)), v = _mm512_sub_pd(u, ALL(1));
    doubles lost = _mm512_add_pd(_mm512_sub_pd(x, v), _mm512_sub_pd(ALL(1), _mm512_sub_pd(u, v)));
    log_parts a = take_apart(u);
    doubles f = _mm512_fmadd_pd(a.m, a.c, ALL(-1));
    doubles scale = _mm512_scalef_pd(a.c, _mm512_sub_pd(_mm512_setzero_pd(), a.exponent));
    lost = _mm512_mul_pd(lost, _mm512_fnmadd_pd(scale, f, scale));
    doubles y = log_sum(&a, f, _mm512_add_pd(a.low, lost));
    /* of 0 -inf, of inf itself; x = 0 stays as it is */
    y = _mm512_fixupimm_pd(y, u, _mm512_set1_epi64(0x500400), 0);
    return _mm512_fixupimm_pd(y, x, _mm512_set1_epi64(0x100), 0);
}

/* log(x) as a sum of two with an error of some 2^-62 of it, for positive x. */
static ALWAYS_INLINE doubles wide_log(doubles x, doubles *low)
{
    log_parts a = take_apart(x);
    doubles p = _mm512_mul_pd(a.m, a.c), f = _mm512_sub_pd(p, ALL(1));
    doubles f_low = _mm512_fmsub_pd(a.m, a.c, p), q = _mm512_mul_pd(f, f);
    doubles h = _mm512_mul_pd(q, ALL(0.5)), half = _mm512_mul_pd(f, ALL(0.5));
    doubles h_low = _mm512_fmsub_pd(half, f, h);
    doubles one = _mm512_add_pd(a.high, f), two = _mm512_sub_pd(one, h);
    doubles lost = _mm512_add_pd(_mm512_sub_pd(a.high, one), f);
    lost = _mm512_add_pd(lost, _mm512_sub_pd(_mm512_sub_pd(one, two), h));
    doubles rest = _mm512_fmadd_pd(_mm512_mul_pd(q, f), log_rest(f, q), a.low);
    doubles slope = _mm512_sub_pd(q, f); /* of the logarithm at 1 + f, less 1 */
    rest = _mm512_add_pd(rest, _mm512_sub_pd(_mm512_fmadd_pd(f_low, slope, f_low), h_low));
    rest = _mm512_add_pd(rest, lost);
    doubles high = _mm512_add_pd(two, rest);
    *low = _mm512_add_pd(_mm512_sub_pd(two, high), rest);
    return high;
}

/* As tw_pow_of_normal, within 2.5 ULP: the product y log(x) has as many digits as the exponent of
 * the result takes from it. x^y; `good` are those where x is positive and the result is neither too
 * small nor too large. */
static ALWAYS_INLINE doubles power_of(doubles x, doubles y, __mmask8 *good)
{
    doubles low, high = wide_log(x, &low), p = _mm512_mul_pd(y, high);
    doubles p_low = _mm512_fmadd_pd(y, low, _mm512_fmsub_pd(y, high, p));
    doubles n = _mm512_roundscale_pd(_mm512_mul_pd(p, ALL(0x1.71547652b82fep0)), 0);
    doubles r = _mm512_fmadd_pd(n, ALL(-TW_LN2_HIGH), p);
    r = _mm512_add_pd(r, _mm512_fmadd_pd(n, ALL(-TW_LN2_LOW), p_low));
    doubles s = _mm512_mul_pd(r, r), q = _mm512_mul_pd(s, s);
    doubles a = _mm512_fmadd_pd(ALL(0x1.5555555555556p-3), r, ALL(0.5));
    doubles b = _mm512_fmadd_pd(ALL(0x1.11111111109b3p-7), r, ALL(0x1.5555555553d63p-5));
    doubles c = _mm512_fmadd_pd(ALL(0x1.a01a01a7c41d5p-13), r, ALL(0x1.6c16c1788bd90p-10));
    doubles d = _mm512_fmadd_pd(ALL(0x1.71de0dae63bb3p-19), r, ALL(0x1.a019b90d2ae7ap-16));
    doubles e = _mm512_fmadd_pd(ALL(0x1.af38a9b0ec855p-26), r, ALL(0x1.289185613a3d6p-22));
    c = _mm512_fmadd_pd(e, q, _mm512_fmadd_pd(d, s, c));
    c = _mm512_fmadd_pd(c, q, _mm512_fmadd_pd(b, s, a));
    doubles power = _mm512_add_pd(_mm512_fmadd_pd(c, s, r), ALL(1));
    power = _mm512_scalef_pd(power, n);
    __mmask8 fits = _mm512_cmp_pd_mask(power, ALL(DBL_MIN), _CMP_GE_OQ);
    fits = _mm512_mask_cmp_pd_mask(fits, power, ALL(DBL_MAX), _CMP_LE_OQ);
    fits = _mm512_mask_cmp_pd_mask(fits, x, ALL(0), _CMP_GT_OQ);
    *good = _mm512_mask_cmp_pd_mask(fits, x, ALL(DBL_MAX), _CMP_LE_OQ);
    return power;
}

/* ---- float ---- */

#define ALL_F32(x) _mm512_set1_ps(x)

/* As above; the highs are multiples of 2^-16, as the ln 2 that goes with them is. Both parts of
 * that are positive: -inf times them is -inf. */
static const float logf_inverses[16] = {
    0x1.00p+0F, 0x1.d4p-1F, 0x1.bcp-1F, 0x1.a4p-1F, 0x1.90p-1F, 0x1.7cp-1F, 0x1.6cp-1F, 0x1.5cp-1F,
    0x1.50p-1F, 0x1.40p-1F, 0x1.34p-1F, 0x1.28p-1F, 0x1.20p-1F, 0x1.14p-1F, 0x1.0cp-1F, 0x1.00p-1F};
static const float logf_highs[16] = {0.0F,          0x1.7010p-4F,  0x1.23d8p-3F,  0x1.95a8p-3F,
                                     0x1.f990p-3F,  0x1.3150p-2F,  0x1.5d5cp-2F,  0x1.8b64p-2F,
                                     -0x1.1674p-2F, -0x1.c900p-3F, -0x1.7ab8p-3F, -0x1.2958p-3F,
                                     -0x1.e270p-4F, -0x1.3420p-4F, -0x1.7740p-5F, 0.0F};
static const float logf_lows[16] = {
    0.0F,
    -0x1.67a8aap-19F,
    -0x1.dab6c8p-20F,
    -0x1.291848p-18F,
    0x1.c6cb3cp-19F,
    -0x1.c3c594p-19F,
    -0x1.105350p-21F,
    -0x1.95dd34p-20F,
    -0x1.cababap-18F,
    0x1.070cacp-20F,
    -0x1.20421cp-20F,
    0x1.683f00p-18F,
    -0x1.db8abcp-22F,
    0x1.434f22p-19F,
    -0x1.63d8ccp-19F,
    0.0F,
};

/* log(1 + f) = f - f^2 / 2 + f^3 P(f), P of three terms, fitted: within 1.1 ULP. */
static ALWAYS_INLINE __m512 logf_of(__m512 x)
{
    __m512 m = _mm512_getmant_ps(x, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_nan);
    __m512 e = _mm512_getexp_ps(x);
    __m512i at = _mm512_srli_epi32(_mm512_castps_si512(m), 19);
    __mmask16 beyond = _mm512_cmp_ps_mask(m, ALL_F32(1.5F), _CMP_GE_OQ);
    e = _mm512_mask_add_ps(e, beyond, e, ALL_F32(1));
    __m512 high = _mm512_permutexvar_ps(at, _mm512_loadu_ps(logf_highs));
    __m512 low = _mm512_permutexvar_ps(at, _mm512_loadu_ps(logf_lows));
    high = _mm512_fmadd_ps(e, ALL_F32(0x1.62e4p-1F), high);
    low = _mm512_fmadd_ps(e, ALL_F32(0x1.7f7d1cp-20F), low);
    __m512 c = _mm512_permutexvar_ps(at, _mm512_loadu_ps(logf_inverses));
    __m512 f = _mm512_fmadd_ps(m, c, ALL_F32(-1)), q = _mm512_mul_ps(f, f);
    __m512 p = _mm512_fmadd_ps(ALL_F32(0x1.826ea2p-3F), f, ALL_F32(-0x1.0013b2p-2F));
    p = _mm512_fmadd_ps(_mm512_fmadd_ps(p, f, ALL_F32(0x1.555838p-2F)), f, ALL_F32(-0.5F));
    return _mm512_add_ps(high, _mm512_add_ps(f, _mm512_fmadd_ps(q, p, low)));
}

#endif
