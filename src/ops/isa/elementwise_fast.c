/* SPDX-License-Identifier: Apache-2.0
 * Loops that stand before those of the expression table at levels with fused multiply-adds: vectors
 * where the table's own would call the C library. What takes only some numbers looks at a stretch
 * of results at a time and asks the plain way, which gives what the table gives, for any other. */
#include <math.h>

#include "ops/elementwise_rows.h"

#if TW_ISA_LEVEL >= 2

#include "kernels/isa/tanh_vectors.h"
#if TW_ISA_LEVEL >= 4
#include "kernels/isa/log_vectors.h"
#endif
#include "kernels/vmath_double.h"
#include "kernels/vmath_float.h"
#include "kernels/vmath_inverse.h"

#if defined(__clang__)
#define TW_IVDEP _Pragma("clang loop vectorize(assume_safety)")
#define TW_ROLLED _Pragma("clang loop vectorize(assume_safety) unroll(disable)")
#pragma clang diagnostic ignored "-Wpass-failed" /* plain ways stay scalar */
#else
#define TW_IVDEP _Pragma("GCC ivdep")
#define TW_ROLLED _Pragma("GCC ivdep") _Pragma("GCC unroll 1") /* which -O3 writes out whole */
#endif
#define TW_INLINE inline __attribute__((always_inline, unused))

enum { STRETCH = 64 };

#define T float
#define BITS int32_t
#define NAME(f) f##_f32
#include "ops/isa/elementwise_fast_body.h"
#define T double
#define BITS int64_t
#define NAME(f) f##_f64
#include "ops/isa/elementwise_fast_body.h"
#define T int64_t
#define BITS int64_t
#define NAME(f) f##_i64
#include "ops/isa/elementwise_fast_body.h"
#define T int32_t
#define BITS int32_t
#define NAME(f) f##_i32
#include "ops/isa/elementwise_fast_body.h"

/* ---- float ---- */

/* Where a quarter turn in three pieces is enough, in the order of the arguments of some_f32. */
static inline float near_sin(float x, float y)
{
    (void)y;
    return tw_sinf_of_near(x);
}
static inline float near_cos(float x, float y)
{
    (void)y;
    return tw_cosf_of_near(x);
}
static inline float near_tan(float x, float y)
{
    (void)y;
    return tw_tanf_of_near(x);
}
static inline bool is_near(float x, float y, float r)
{
    (void)y, (void)r;
    return fabsf(x) <= TW_SIN_NEAR;
}

/* Less than this for what is positive and normal. */
#define TW_NORMALS 0x7f000000u

static inline uint32_t place_of(float x)
{
    return tw_float_bits(x) - 0x00800000u;
}

/* ---- double ---- */

static inline double near_sin_f64(double x, double y)
{
    (void)y;
    return tw_sin_of_near(x);
}
static inline double near_cos_f64(double x, double y)
{
    (void)y;
    return tw_cos_of_near(x);
}
static inline double near_tan_f64(double x, double y)
{
    (void)y;
    return tw_tan_of_near(x);
}
static inline bool is_near_f64(double x, double y, double r)
{
    (void)y, (void)r;
    return fabs(x) <= TW_SIN_NEAR_DOUBLE;
}

/* ---- loops ---- */

#define HEAD(name) static void name(size_t n, void *z, const void *x, const void *y, const void *w)
/* Of one operand, of two, and of some numbers only. */
#define EVERY(name, dtype, f)                        \
    HEAD(name)                                       \
    {                                                \
        (void)y, (void)w, every_##dtype(n, z, x, f); \
    }
#define PAIRS(name, dtype, f)                       \
    HEAD(name)                                      \
    {                                               \
        (void)w, every_pair_##dtype(n, z, x, y, f); \
    }
#define SOME(name, dtype, second, fast, fits, plain)                        \
    HEAD(name)                                                              \
    {                                                                       \
        (void)y, (void)w, some_##dtype(n, z, x, second, fast, fits, plain); \
    }
/* The table has all loops of float at this level, the dear ones of others at the plain one. */
#define TABLE_F32(row) TW_ISA_NAME(tw_loop_table).loops[TW_FLOAT32][TW_ROW_##row]
#define TABLE(dtype, row) tw_loop_table_plain.loops[dtype][TW_ROW_##row]

SOME(sin_f32, f32, x, near_sin, is_near, TABLE_F32(Sin))
SOME(cos_f32, f32, x, near_cos, is_near, TABLE_F32(Cos))
SOME(tan_f32, f32, x, near_tan, is_near, TABLE_F32(Tan))

/* As some_f32, but all logarithms of a stretch before all powers: a processor looks ahead too short
 * a way to do both at once. The fast way is for operands and results that are positive and normal;
 * those of a stretch are looked at together. */
HEAD(pow_f32)
{
    enum { LONG = 4 * STRETCH };
    float high[LONG], low[LONG], part[LONG];
    const float *a = x, *b = y;
    (void)w;
    for (float *to = z; n >= 16;) {
        uint32_t most = 0;
        size_t whole = (n < LONG ? n : LONG) & ~(size_t)15;
        float *out = to == a || to == b ? part : to;
        TW_ROLLED
        for (size_t i = 0; i < whole; i++) {
            high[i] = tw_log2_widef_(a[i], 0.0F, &low[i]);
            most = place_of(a[i]) > most ? place_of(a[i]) : most;
        }
        TW_ROLLED
        for (size_t i = 0; i < whole; i++) {
            out[i] = tw_exp2_of_productf_(b[i], high[i], low[i]);
            most = place_of(out[i]) > most ? place_of(out[i]) : most;
        }
        if (most >= TW_NORMALS) {
            TABLE_F32(Pow)(whole, high, a, b, NULL);
            TW_ROLLED
            for (size_t i = 0; i < whole; i++) {
                bool fits = place_of(a[i]) < TW_NORMALS && place_of(out[i]) < TW_NORMALS;
                out[i] = fits ? out[i] : high[i];
            }
        }
        for (size_t i = 0; out == part && i < whole; i++)
            to[i] = part[i];
        n -= whole, a += whole, b += whole, to += whole;
    }
}

/* k vectors that lie one after the other. */
static ALWAYS_INLINE void some_tanh(size_t k, float *z, const float *x)
{
    vec t[MOST_SIDE_BY_SIDE];
    EACH t[i] = *(const anywhere *)(x + i * PART);
    tanh_of(k, t);
    EACH *(anywhere *)(z + i * PART) = t[i];
}

/* As a loop over tw_tanhf compilers choose between finished results where an extreme will do. */
HEAD(tanh_f32)
{
    enum { SIDE_BY_SIDE = 4, STEP = SIDE_BY_SIDE * PART, LEFT = TW_TILE_BLOCK / PART };
    const float *from = x;
    float *to = z;
    size_t i = 0;
    (void)y, (void)w;
    for (; i + STEP <= n; i += STEP)
        some_tanh(SIDE_BY_SIDE, to + i, from + i);
    for (; i < n; i += TW_TILE_BLOCK)
        some_tanh(LEFT, to + i, from + i);
}

EVERY(exp_f64, f64, tw_exp)
EVERY(expm1_f64, f64, tw_expm1)
EVERY(tanh_f64, f64, tw_tanh)
EVERY(sigmoid_f64, f64, tw_sigmoid)
EVERY(asin_f64, f64, tw_asin)
EVERY(acos_f64, f64, tw_acos)
EVERY(atan_f64, f64, tw_atan)
PAIRS(atan2_f64, f64, tw_atan2)
EVERY(sinh_f64, f64, tw_sinh)
EVERY(cosh_f64, f64, tw_cosh)
EVERY(asinh_f64, f64, tw_asinh)
EVERY(acosh_f64, f64, tw_acosh)
EVERY(atanh_f64, f64, tw_atanh)
EVERY(softplus_f64, f64, tw_softplus)
SOME(sin_f64, f64, x, near_sin_f64, is_near_f64, TABLE(TW_FLOAT64, Sin))
SOME(cos_f64, f64, x, near_cos_f64, is_near_f64, TABLE(TW_FLOAT64, Cos))
SOME(tan_f64, f64, x, near_tan_f64, is_near_f64, TABLE(TW_FLOAT64, Tan))

/* ---- logarithms, and powers of double ---- */

#if TW_ISA_LEVEL >= 4

#define EIGHTS(name, f)                                             \
    HEAD(name)                                                      \
    {                                                               \
        const double *from = x;                                     \
        double *to = z;                                             \
        (void)y, (void)w;                                           \
        for (size_t i = 0; i < n; i += 8)                           \
            _mm512_storeu_pd(to + i, f(_mm512_loadu_pd(from + i))); \
    }
EIGHTS(log_f64, log_of)
EIGHTS(log1p_f64, log1p_of)

HEAD(log_f32)
{
    const float *from = x;
    float *to = z;
    (void)y, (void)w;
    for (size_t i = 0; i < n; i += 16)
        _mm512_storeu_ps(to + i, logf_of(_mm512_loadu_ps(from + i)));
}

/* Sixteen at a time, as the plain way takes them. */
HEAD(pow_f64)
{
    const double *base = x, *exponent = y;
    double *to = z, other[16];
    (void)w;
    for (size_t i = 0; i < n; i += 16) {
        __mmask8 good[2];
        doubles part[2];
        for (size_t k = 0; k < 2; k++)
            part[k] = power_of(_mm512_loadu_pd(base + i + 8 * k),
                               _mm512_loadu_pd(exponent + i + 8 * k), &good[k]);
        if ((good[0] & good[1]) != 0xff) {
            TABLE(TW_FLOAT64, Pow)(16, other, base + i, exponent + i, NULL);
            for (size_t k = 0; k < 2; k++)
                part[k] = _mm512_mask_mov_pd(_mm512_loadu_pd(other + 8 * k), good[k], part[k]);
        }
        for (size_t k = 0; k < 2; k++)
            _mm512_storeu_pd(to + i + 8 * k, part[k]);
    }
}

#else

static inline bool fits_pow(double x, double y, double r)
{
    (void)y;
    return x >= DBL_MIN && x <= DBL_MAX && r >= DBL_MIN && r <= DBL_MAX;
}

EVERY(log_f64, f64, tw_log)
EVERY(log1p_f64, f64, tw_log1p)
SOME(pow_f64, f64, y, tw_pow_of_normal, fits_pow, TABLE(TW_FLOAT64, Pow))

#endif

/* ---- what v4 takes from v3 ---- */

#if TW_ISA_LEVEL < 4

/* In double even quotients of 2^28 leave the remainder exact. */
static inline float near_modf(float x, float y)
{
    return (float)tw_truncate_mod_of_near((double)x, (double)y);
}
static inline float near_floor_modf(float x, float y)
{
    return (float)tw_floor_mod_of_near((double)x, (double)y);
}
/* The least remainder, a unit in y's last place, must be normal. */
static inline bool fits_modf(float x, float y, float r)
{
    (void)r;
    return fabsf(x) <= fabsf(y) * 0x1p28F && fabsf(x) <= FLT_MAX && fabsf(y) >= 0x1p-100F &&
           fabsf(y) <= FLT_MAX;
}

static inline bool fits_mod(double x, double y, double r)
{
    (void)r;
    return fabs(x) <= fabs(y) * 0x1p51 && fabs(x) <= DBL_MAX && fabs(y) >= 0x1p-960 &&
           fabs(y) <= DBL_MAX;
}

static inline double elu(double x)
{
    double y = tw_expm1(x);
    return x < 0 ? y : x;
}
/* scale = 1.0507..., scale alpha = 1.7580... (Klambauer et al., 2017). */
static inline double selu(double x)
{
    double y = 1.7580993408473766 * tw_expm1(x);
    return x < 0 ? y : 1.0507009873554805 * x;
}
static inline double softplus_grad(double x, double y)
{
    return x * tw_sigmoid(y);
}

/* Doubles hold both operands and the quotient, which rounding cannot make a whole number that it is
 * not. Zero divisors are refused by whoever runs the loop; here they must only not trap. */
static inline int32_t truncate_div(int32_t x, int32_t y)
{
    return (int32_t)((double)x / (double)(y ? y : 1));
}
static inline int32_t truncate_mod(int32_t x, int32_t y)
{
    bool lowest = x == INT32_MIN && y == -1; /* its quotient is none */
    int32_t a = lowest ? 0 : x;
    return a - truncate_div(a, y) * y;
}

/* The quotient of the least integer and -1 wraps, as only its low bits are looked at. */
static inline int32_t floor_div(int32_t x, int32_t y)
{
    double quotient = floor((double)x / (double)(y ? y : 1));
    return (int32_t)(uint32_t)tw_double_bits(quotient + 0x1.8p52);
}
static inline int32_t floor_mod(int32_t x, int32_t y)
{
    return (int32_t)((uint32_t)x - (uint32_t)floor_div(x, y) * (uint32_t)y);
}

/* Of at most 50 bits, by way of double too. */
static inline int64_t near_floor_div_i64(int64_t x, int64_t y)
{
    double a = tw_whole_double_(x), b = tw_whole_double_(y), whole = floor(a / b);
    double r = __builtin_fma(-whole, b, a); /* of the other sign where a / b was rounded up */
    double less = (b < 0.0 ? -r : r) < 0.0 ? 1.0 : 0.0;
    return (int64_t)(tw_double_bits(whole - less + 0x1.8p52) - tw_double_bits(0x1.8p52));
}
static inline int64_t near_floor_mod_i64(int64_t x, int64_t y)
{
    double r = tw_floor_mod_of_near(tw_whole_double_(x), tw_whole_double_(y));
    return (int64_t)(tw_double_bits(r + 0x1.8p52) - tw_double_bits(0x1.8p52));
}
static inline int64_t near_mod_i64(int64_t x, int64_t y)
{
    double r = tw_truncate_mod_of_near(tw_whole_double_(x), tw_whole_double_(y));
    return (int64_t)(tw_double_bits(r + 0x1.8p52) - tw_double_bits(0x1.8p52));
}
static inline bool fits_mod_i64(int64_t x, int64_t y, int64_t r)
{
    const int64_t most = INT64_C(1) << 50;
    (void)r;
    return x <= most && x >= -most && y <= most && y >= -most && y != 0;
}

/* Of complex numbers, whose parts lie side by side. */
HEAD(angle_c64)
{
    const float *parts = x;
    float *to = z;
    (void)y, (void)w;
    TW_IVDEP
    for (size_t i = 0, m = n & ~(size_t)15; i < m; i++)
        to[i] = tw_atan2f(parts[2 * i + 1], parts[2 * i]);
}
HEAD(angle_c128)
{
    const double *parts = x;
    double *to = z;
    (void)y, (void)w;
    TW_IVDEP
    for (size_t i = 0, m = n & ~(size_t)15; i < m; i++)
        to[i] = tw_atan2(parts[2 * i + 1], parts[2 * i]);
}

SOME(truncate_mod_f32, f32, y, near_modf, fits_modf, TABLE_F32(Mod))
SOME(floor_mod_f32, f32, y, near_floor_modf, fits_modf, TABLE_F32(FloorMod))
SOME(truncate_mod_f64, f64, y, tw_truncate_mod_of_near, fits_mod, TABLE(TW_FLOAT64, Mod))
SOME(floor_mod_f64, f64, y, tw_floor_mod_of_near, fits_mod, TABLE(TW_FLOAT64, FloorMod))
PAIRS(softplus_grad_f64, f64, softplus_grad)
EVERY(elu_f64, f64, elu)
EVERY(selu_f64, f64, selu)
PAIRS(truncate_mod_i32, i32, truncate_mod)
PAIRS(floor_div_i32, i32, floor_div)
PAIRS(floor_mod_i32, i32, floor_mod)
SOME(truncate_mod_i64, i64, y, near_mod_i64, fits_mod_i64, TABLE(TW_INT64, Mod))
SOME(floor_div_i64, i64, y, near_floor_div_i64, fits_mod_i64, TABLE(TW_INT64, FloorDiv))
SOME(floor_mod_i64, i64, y, near_floor_mod_i64, fits_mod_i64, TABLE(TW_INT64, FloorMod))

#endif

/* Those of a dtype stand together: the search ends behind them. */
static const tw_fast_loop loops[] = {
    {TW_FLOAT32, TW_ROW_Sin, sin_f32},
    {TW_FLOAT32, TW_ROW_Cos, cos_f32},
    {TW_FLOAT32, TW_ROW_Tan, tan_f32},
    {TW_FLOAT32, TW_ROW_Pow, pow_f32},
    {TW_FLOAT32, TW_ROW_Tanh, tanh_f32},
#if TW_ISA_LEVEL >= 4
    {TW_FLOAT32, TW_ROW_Log, log_f32},
#else
    {TW_FLOAT32, TW_ROW_Mod, truncate_mod_f32},
    {TW_FLOAT32, TW_ROW_TruncateMod, truncate_mod_f32},
    {TW_FLOAT32, TW_ROW_FloorMod, floor_mod_f32},
#endif
    {TW_FLOAT64, TW_ROW_Exp, exp_f64},
    {TW_FLOAT64, TW_ROW_Expm1, expm1_f64},
    {TW_FLOAT64, TW_ROW_Log, log_f64},
    {TW_FLOAT64, TW_ROW_Log1p, log1p_f64},
    {TW_FLOAT64, TW_ROW_Tanh, tanh_f64},
    {TW_FLOAT64, TW_ROW_Sigmoid, sigmoid_f64},
    {TW_FLOAT64, TW_ROW_Sin, sin_f64},
    {TW_FLOAT64, TW_ROW_Cos, cos_f64},
    {TW_FLOAT64, TW_ROW_Tan, tan_f64},
    {TW_FLOAT64, TW_ROW_Pow, pow_f64},
    {TW_FLOAT64, TW_ROW_Asin, asin_f64},
    {TW_FLOAT64, TW_ROW_Acos, acos_f64},
    {TW_FLOAT64, TW_ROW_Atan, atan_f64},
    {TW_FLOAT64, TW_ROW_Atan2, atan2_f64},
    {TW_FLOAT64, TW_ROW_Asinh, asinh_f64},
    {TW_FLOAT64, TW_ROW_Acosh, acosh_f64},
    {TW_FLOAT64, TW_ROW_Atanh, atanh_f64},
    {TW_FLOAT64, TW_ROW_Sinh, sinh_f64},
    {TW_FLOAT64, TW_ROW_Cosh, cosh_f64},
    {TW_FLOAT64, TW_ROW_Softplus, softplus_f64},
#if TW_ISA_LEVEL < 4
    {TW_FLOAT64, TW_ROW_Mod, truncate_mod_f64},
    {TW_FLOAT64, TW_ROW_TruncateMod, truncate_mod_f64},
    {TW_FLOAT64, TW_ROW_FloorMod, floor_mod_f64},
    {TW_FLOAT64, TW_ROW_SoftplusGrad, softplus_grad_f64},
    {TW_FLOAT64, TW_ROW_Elu, elu_f64},
    {TW_FLOAT64, TW_ROW_Selu, selu_f64},
    {TW_COMPLEX64, TW_ROW_Angle, angle_c64},
    {TW_COMPLEX128, TW_ROW_Angle, angle_c128},
    {TW_INT32, TW_ROW_Mod, truncate_mod_i32},
    {TW_INT32, TW_ROW_TruncateMod, truncate_mod_i32},
    {TW_INT32, TW_ROW_FloorDiv, floor_div_i32},
    {TW_INT32, TW_ROW_FloorMod, floor_mod_i32},
    {TW_INT64, TW_ROW_Mod, truncate_mod_i64},
    {TW_INT64, TW_ROW_TruncateMod, truncate_mod_i64},
    {TW_INT64, TW_ROW_FloorDiv, floor_div_i64},
    {TW_INT64, TW_ROW_FloorMod, floor_mod_i64},
#endif
};

const tw_fast_table TW_ISA_NAME(tw_fast_table) = {loops, sizeof loops / sizeof *loops};

#else

const tw_fast_table TW_ISA_NAME(tw_fast_table) = {NULL, 0};

#endif
