/* SPDX-License-Identifier: Apache-2.0
 * What the functions in the rows of elementwise.def are for float. Most vectorise; those that call
 * the C library do not. */
#include "kernels/vmath_float.h"

/* Arithmetic. neg(0) is +0, as in TensorFlow's vector kernels. */
static inline float abs_f32(float x)
{
    return fabsf(x);
}
static inline float neg_f32(float x)
{
    return 0 - x;
}
static inline float add_f32(float x, float y)
{
    return x + y;
}
static inline float sub_f32(float x, float y)
{
    return x - y;
}
static inline float mul_f32(float x, float y)
{
    return x * y;
}
static inline float div_f32(float x, float y)
{
    return x / y;
}
static inline float inv_f32(float x)
{
    return 1 / x;
}
static inline float conj_f32(float x)
{
    return x;
}

/* Division in whole numbers, rounding, signs. */
static inline float truncate_div_f32(float x, float y)
{
    return truncf(x / y);
}
static inline float floor_div_f32(float x, float y)
{
    return floorf(x / y);
}
static inline float truncate_mod_f32(float x, float y)
{
    return fmodf(x, y);
}
static inline float floor_mod_f32(float x, float y)
{
    float r = fmodf(x, y);
    return r != 0 && (r < 0) != (y < 0) ? r + y : r;
}
static inline float sign_f32(float x)
{
    return x > 0 ? 1 : x < 0 ? -1 : 0;
}
static inline float floor_f32(float x)
{
    return floorf(x);
}
static inline float ceil_f32(float x)
{
    return ceilf(x);
}
/* What rounds to 0 becomes +0. */
static inline float round_f32(float x)
{
    return x == 0 ? x : rintf(x) + 0;
}
static inline float rint_f32(float x)
{
    return rintf(x);
}

/* Roots, powers, logarithms. */
static inline float sqrt_f32(float x)
{
    return sqrtf(x);
}
static inline float rsqrt_f32(float x)
{
    return 1 / sqrtf(x);
}
static inline float exp_f32(float x)
{
    return tw_expf(x);
}
static inline float expm1_f32(float x)
{
    return tw_expm1f(x);
}
static inline float log_f32(float x)
{
    return tw_logf(x);
}
static inline float log1p_f32(float x)
{
    return tw_log1pf(x);
}
static inline float pow_f32(float x, float y)
{
#ifdef TW_HAS_FMA
    return tw_powf(x, y);
#else
    /* where denormals count as zeros, the C library's powers of them are any number */
    return powf(x == 0.0f ? copysignf(0.0f, x) : x, y == 0.0f ? 0.0f : y);
#endif
}

/* Circular and hyperbolic functions. */
static inline float sin_f32(float x)
{
    return tw_sinf(x);
}
static inline float cos_f32(float x)
{
    return tw_cosf(x);
}
static inline float tan_f32(float x)
{
    return tw_tanf(x);
}
static inline float asin_f32(float x)
{
    return tw_asinf(x);
}
static inline float acos_f32(float x)
{
    return tw_acosf(x);
}
static inline float atan_f32(float x)
{
    return tw_atanf(x);
}
static inline float atan2_f32(float x, float y)
{
    return tw_atan2f(x, y);
}
static inline float cosh_f32(float x)
{
    return tw_coshf(x);
}
static inline float sinh_f32(float x)
{
    return tw_sinhf(x);
}
static inline float asinh_f32(float x)
{
    return tw_asinhf(x);
}
static inline float acosh_f32(float x)
{
    return tw_acoshf(x);
}
static inline float atanh_f32(float x)
{
    return tw_atanhf(x);
}
static inline float tanh_f32(float x)
{
    return tw_tanhf(x);
}
static inline float sigmoid_f32(float x)
{
    return tw_sigmoidf(x);
}
static inline float softplus_f32(float x)
{
    return tw_softplusf(x);
}

/* Special functions: what is not in the C library is in elementwise_special.c. */
static inline float erf_f32(float x)
{
    return tw_erff(x);
}
static inline float erfc_f32(float x)
{
    return erfcf(x);
}
static inline float lgamma_f32(float x)
{
    return (float)tw_special_lgamma((double)x);
}
static inline float digamma_f32(float x)
{
    return (float)tw_special_digamma((double)x);
}
static inline float polygamma_f32(float x, float y)
{
    return (float)tw_special_polygamma((double)x, (double)y);
}
static inline float zeta_f32(float x, float y)
{
    return (float)tw_special_zeta((double)x, (double)y);
}
/* scale = 1.0507..., scale alpha = 1.7580... (Klambauer et al., 2017). */
static inline float selu_f32(float x)
{
    return x < 0 ? 1.7580993408473766F * tw_expm1f(x) : 1.0507009873554805F * x;
}
static inline float selu_grad_f32(float x, float y)
{
    return x * (y < 0 ? y + 1.7580993408473766F : 1.0507009873554805F);
}

/* Tests, and what makes complex numbers. A union: re + im * I would turn inf into NaN. */
static inline float distance_f32(float x, float y)
{
    return fabsf(x - y);
}
static inline bool isnan_f32(float x)
{
    return x != x;
}
static inline bool isinf_f32(float x)
{
    return fabsf(x) == INFINITY;
}
static inline bool isfinite_f32(float x)
{
    return fabsf(x) < INFINITY;
}
static inline float _Complex complex_f32(float x, float y)
{
    union {
        float parts[2];
        float _Complex z;
    } u = {{x, y}};
    return u.z;
}
