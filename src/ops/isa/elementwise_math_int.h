/* SPDX-License-Identifier: Apache-2.0
 * What the functions in the rows of elementwise.def are for integers of type T; U is the unsigned
 * type that sums and products are done in, so that they wrap. Divisors that are refused beforehand
 * (see CHECKED) still come here from the padding of tiles, and must not trap. */
#define FN(name) TW_ISA_PASTE_(name##_, SUFFIX)

/* Arithmetic modulo 2^n: the least integer is its own opposite and magnitude. */
static inline T FN(neg)(T x)
{
    return (T)(0 - (U)x);
}
static inline T FN(abs)(T x)
{
    return x < 0 ? FN(neg)(x) : x;
}
static inline T FN(conj)(T x)
{
    return x;
}
static inline T FN(add)(T x, T y)
{
    return (T)((U)x + (U)y);
}
static inline T FN(sub)(T x, T y)
{
    return (T)((U)x - (U)y);
}
static inline T FN(mul)(T x, T y)
{
    return (T)((U)x * (U)y);
}
static inline T FN(div)(T x, T y)
{
    bool minus_one = MINIMUM < 0 && y == (T)-1; /* the least integer has no opposite */
    return y == 0 ? 0 : minus_one ? FN(neg)(x) : (T)(x / y);
}
static inline T FN(inv)(T x)
{
    return FN(div)(1, x);
}
static inline T FN(truncate_div)(T x, T y)
{
    return FN(div)(x, y);
}
static inline T FN(truncate_mod)(T x, T y)
{
    return y == 0 || (MINIMUM < 0 && y == (T)-1) ? 0 : (T)(x % y);
}
/* The quotient rounded down, and the remainder that goes with it. */
static inline T FN(floor_div)(T x, T y)
{
    T q = FN(div)(x, y), r = FN(truncate_mod)(x, y);
    return r != 0 && (r < 0) != (y < 0) ? (T)(q - 1) : q;
}
static inline T FN(floor_mod)(T x, T y)
{
    T r = FN(truncate_mod)(x, y);
    return r != 0 && (r < 0) != (y < 0) ? (T)(r + y) : r;
}
/* By squaring. */
static inline T FN(pow)(T x, T y)
{
    U result = 1, power = (U)x;
    for (; y > 0; y = (T)(y / 2)) {
        result *= y % 2 ? power : 1;
        power *= power;
    }
    return (T)result;
}
static inline T FN(sign)(T x)
{
    return (T)((x > 0) - (x < 0));
}
static inline T FN(round)(T x)
{
    return x;
}
/* Never overflows: it is computed without a sign. */
static inline P FN(distance)(T x, T y)
{
    return x > y ? (P)((U)x - (U)y) : (P)((U)y - (U)x);
}
/* How far to shift: 0 to the width less 1. */
static inline T FN(shift)(T y)
{
    T most = (T)(8 * sizeof(T) - 1);
    return y < 0 ? 0 : y > most ? most : y;
}
static inline T FN(left_shift)(T x, T y)
{
    return (T)((U)x << FN(shift)(y));
}
static inline T FN(right_shift)(T x, T y)
{
    return (T)(x >> FN(shift)(y));
}

#undef FN
#undef MINIMUM
#undef U
