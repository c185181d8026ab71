/* SPDX-License-Identifier: Apache-2.0
 * What the functions in the rows of elementwise.def are for double. What is no arithmetic and not
 * in vmath_double.h calls the C library. */
#include "kernels/vmath_double.h"

/* Arithmetic. neg(0) is +0, as in TensorFlow's vector kernels. */
static inline double abs_f64(double x)
{
    return fabs(x);
}
static inline double neg_f64(double x)
{
    return 0 - x;
}
static inline double add_f64(double x, double y)
{
    return x + y;
}
static inline double sub_f64(double x, double y)
{
    return x - y;
}
static inline double mul_f64(double x, double y)
{
    return x * y;
}
static inline double div_f64(double x, double y)
{
    return x / y;
}
static inline double inv_f64(double x)
{
    return 1 / x;
}
static inline double conj_f64(double x)
{
    return x;
}

/* Division in whole numbers, rounding, signs. */
static inline double truncate_div_f64(double x, double y)
{
    return trunc(x / y);
}
static inline double floor_div_f64(double x, double y)
{
    return floor(x / y);
}
static inline double truncate_mod_f64(double x, double y)
{
    return fmod(x, y);
}
static inline double floor_mod_f64(double x, double y)
{
    double r = fmod(x, y);
    return r != 0 && (r < 0) != (y < 0) ? r + y : r;
}
static inline double sign_f64(double x)
{
    return x > 0 ? 1 : x < 0 ? -1 : 0;
}
static inline double floor_f64(double x)
{
    return floor(x);
}
static inline double ceil_f64(double x)
{
    return ceil(x);
}
/* What rounds to 0 becomes +0. */
static inline double round_f64(double x)
{
    return x == 0 ? x : rint(x) + 0;
}
static inline double rint_f64(double x)
{
    return rint(x);
}

/* Roots, powers, logarithms. */
static inline double sqrt_f64(double x)
{
    return sqrt(x);
}
static inline double rsqrt_f64(double x)
{
    return 1 / sqrt(x);
}
static inline double exp_f64(double x)
{
    return tw_exp(x);
}
static inline double expm1_f64(double x)
{
    return tw_expm1(x);
}
static inline double log_f64(double x)
{
    return tw_log(x);
}
static inline double log1p_f64(double x)
{
    return tw_log1p(x);
}
/* Where denormals count as zeros, the C library's powers and angles of them are any number. */
static inline double no_denormal_f64(double x)
{
    return x == 0.0 ? copysign(0.0, x) : x;
}
static inline double pow_f64(double x, double y)
{
    return pow(no_denormal_f64(x), no_denormal_f64(y));
}

/* Circular and hyperbolic functions. */
static inline double sin_f64(double x)
{
    return sin(x);
}
static inline double cos_f64(double x)
{
    return cos(x);
}
static inline double tan_f64(double x)
{
    return tan(x);
}
static inline double asin_f64(double x)
{
    return asin(x);
}
static inline double acos_f64(double x)
{
    return acos(x);
}
static inline double atan_f64(double x)
{
    return atan(x);
}
static inline double atan2_f64(double x, double y)
{
    return atan2(no_denormal_f64(x), no_denormal_f64(y));
}
static inline double cosh_f64(double x)
{
    return cosh(x);
}
static inline double sinh_f64(double x)
{
    return sinh(x);
}
static inline double asinh_f64(double x)
{
    return asinh(x);
}
static inline double acosh_f64(double x)
{
    return acosh(x);
}
static inline double atanh_f64(double x)
{
    return atanh(x);
}
static inline double tanh_f64(double x)
{
    return tw_tanh(x);
}
static inline double sigmoid_f64(double x)
{
    return tw_sigmoid(x);
}
static inline double softplus_f64(double x)
{
    return tw_softplus(x);
}

/* Special functions: what is not in the C library is in elementwise_special.c. */
static inline double erf_f64(double x)
{
    return erf(x);
}
static inline double erfc_f64(double x)
{
    return erfc(x);
}
static inline double lgamma_f64(double x)
{
    return tw_special_lgamma(x);
}
static inline double digamma_f64(double x)
{
    return tw_special_digamma(x);
}
static inline double polygamma_f64(double x, double y)
{
    return tw_special_polygamma(x, y);
}
static inline double zeta_f64(double x, double y)
{
    return tw_special_zeta(x, y);
}
/* scale = 1.0507..., scale alpha = 1.7580... (Klambauer et al., 2017). */
static inline double selu_f64(double x)
{
    return x < 0 ? 1.7580993408473766 * tw_expm1(x) : 1.0507009873554805 * x;
}
static inline double selu_grad_f64(double x, double y)
{
    return x * (y < 0 ? y + 1.7580993408473766 : 1.0507009873554805);
}

/* Tests, and what makes complex numbers. A union: re + im * I would turn inf into NaN. */
static inline double distance_f64(double x, double y)
{
    return fabs(x - y);
}
static inline bool isnan_f64(double x)
{
    return x != x;
}
static inline bool isinf_f64(double x)
{
    return fabs(x) == INFINITY;
}
static inline bool isfinite_f64(double x)
{
    return fabs(x) < INFINITY;
}
static inline double _Complex complex_f64(double x, double y)
{
    union {
        double parts[2];
        double _Complex z;
    } u = {{x, y}};
    return u.z;
}
