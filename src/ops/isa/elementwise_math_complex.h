/* SPDX-License-Identifier: Apache-2.0
 * What the functions in the rows of elementwise.def are for complex numbers of type T with parts of
 * type P; F(name) is the C library's name for them. Products are the plain formula: infinite
 * operands give NaN, as in TensorFlow. */
#define FN(name) TW_ISA_PASTE_(name##_, SUFFIX)

/* Parts. */
static inline P FN(real)(T x)
{
    return F(creal)(x);
}
static inline P FN(imag)(T x)
{
    return F(cimag)(x);
}
static inline P FN(magnitude)(T x)
{
    double a = (double)F(creal)(x), b = (double)F(cimag)(x), sum = a * a + b * b;
    bool plain = sum < 1e300 && (sum > 1e-280 || sizeof(P) == sizeof(float));
    return plain ? (P)sqrt(sum) : F(cabs)(x);
}
/* A denormal part counts as zero where zeros do, which the C library does not look for. */
static inline P FN(angle)(T x)
{
    P a = F(creal)(x), b = F(cimag)(x);
    return F(atan2)(b == 0 ? F(copysign)(0, b) : b, a == 0 ? F(copysign)(0, a) : a);
}
/* Made of parts as they are: re + im * I would turn an infinite part into NaN. */
static inline T FN(of)(P re, P im)
{
    union {
        P parts[2];
        T z;
    } u = {{re, im}};
    return u.z;
}

/* Arithmetic. */
static inline T FN(neg)(T x)
{
    return FN(of)(-F(creal)(x), -F(cimag)(x));
}
static inline T FN(conj)(T x)
{
    return FN(of)(F(creal)(x), -F(cimag)(x));
}
static inline T FN(add)(T x, T y)
{
    return x + y;
}
static inline T FN(sub)(T x, T y)
{
    return x - y;
}
static inline T FN(mul)(T x, T y)
{
    P a = F(creal)(x), b = F(cimag)(x), c = F(creal)(y), d = F(cimag)(y);
    return FN(of)(a * c - b * d, a * d + b * c);
}
/* Both divided by a power of two near |y| first, so that |y|^2 neither overflows nor vanishes. */
static inline T FN(div)(T x, T y)
{
    P c = F(creal)(y), d = F(cimag)(y), size = F(fmax)(F(fabs)(c), F(fabs)(d));
    if (!(size > 0) || size > WIDEST)
        return FN(of)(NAN, NAN);
    P scale = F(ldexp)(1, -F(ilogb)(size));
    c *= scale, d *= scale;
    P norm = c * c + d * d;
    T z = FN(mul)(x, FN(of)(c, -d));
    return FN(of)(F(creal)(z) / norm * scale, F(cimag)(z) / norm * scale);
}
static inline T FN(inv)(T x)
{
    return FN(div)(1, x);
}
static inline T FN(truncate_div)(T x, T y)
{
    return FN(div)(x, y);
}
static inline T FN(floor_div)(T x, T y)
{
    return FN(div)(x, y);
}
/* x / |x|, and 0 of 0. */
static inline T FN(sign)(T x)
{
    P size = F(cabs)(x);
    return size == 0 ? 0 : FN(of)(F(creal)(x) / size, F(cimag)(x) / size);
}
static inline T FN(round)(T x)
{
    return FN(of)(F(rint)(F(creal)(x)), F(rint)(F(cimag)(x)));
}
static inline T FN(sqrt)(T x)
{
    return F(csqrt)(x);
}
/* TensorFlow divides 1 by 0 here in another way than in Inv. */
static inline T FN(rsqrt)(T x)
{
    return x == 0 ? FN(of)(INFINITY, NAN) : FN(inv)(F(csqrt)(x));
}
static inline T FN(exp)(T x)
{
    return F(cexp)(x);
}
/* e^a cos b - 1 without a difference of near numbers: cos b = 1 - 2 sin(b / 2)^2. */
static inline T FN(expm1)(T x)
{
    P a = F(creal)(x), b = F(cimag)(x), s = F(sin)(b / 2);
    return FN(of)(F(expm1)(a) * F(cos)(b) - 2 * s * s, F(exp)(a) * F(sin)(b));
}
static inline T FN(log)(T x)
{
    return F(clog)(x);
}
/* |1 + x|^2 = 1 + (a (2 + a) + b^2), for small x. */
static inline T FN(log1p)(T x)
{
    P a = F(creal)(x), b = F(cimag)(x), size = F(log)(F(hypot)(1 + a, b));
    if (F(fabs)(a) < (P)0.5 && F(fabs)(b) < (P)0.5)
        size = F(log1p)(a * (2 + a) + b * b) / 2;
    return FN(of)(size, F(atan2)(b, 1 + a));
}
/* The C library takes the logarithm of 0. */
static inline T FN(pow)(T x, T y)
{
    if (y == 0)
        return 1;
    return x == 0 ? 0 : F(cpow)(x, y);
}

/* Circular and hyperbolic functions: the C library's. */
static inline T FN(sin)(T x)
{
    return F(csin)(x);
}
static inline T FN(cos)(T x)
{
    return F(ccos)(x);
}
static inline T FN(tan)(T x)
{
    return F(ctan)(x);
}
static inline T FN(asin)(T x)
{
    return F(casin)(x);
}
static inline T FN(acos)(T x)
{
    return F(cacos)(x);
}
static inline T FN(atan)(T x)
{
    return F(catan)(x);
}
static inline T FN(sinh)(T x)
{
    return F(csinh)(x);
}
static inline T FN(cosh)(T x)
{
    return F(ccosh)(x);
}
static inline T FN(asinh)(T x)
{
    return F(casinh)(x);
}
static inline T FN(acosh)(T x)
{
    return F(cacosh)(x);
}
static inline T FN(atanh)(T x)
{
    return F(catanh)(x);
}
static inline T FN(tanh)(T x)
{
    return F(ctanh)(x);
}
static inline T FN(sigmoid)(T x)
{
    return FN(inv)(1 + F(cexp)(-x));
}
static inline P FN(distance)(T x, T y)
{
    return F(cabs)(x - y);
}

#undef FN
