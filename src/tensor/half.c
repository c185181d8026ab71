/* SPDX-License-Identifier: Apache-2.0
 * The two 16-bit floats. Widening is exact; narrowing rounds to nearest, ties to even, with
 * overflow to infinity, denormals kept and NaN kept a NaN (quiet, with the upper bits of its
 * payload). */
#include <string.h>

#include "tensor/array.h"

/* By memcpy, which is the one way that C allows and which compilers turn into a move between
 * registers. */
static uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static float float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* `bits` shifted right by 1 .. 31, rounded to nearest even. */
static uint32_t shift_rounded(uint32_t bits, unsigned shift)
{
    uint32_t half = UINT32_C(1) << (shift - 1);
    uint32_t low = bits & (2 * half - 1), high = bits >> shift;
    return high + (low > half || (low == half && (high & 1)));
}

/* 5 bits of exponent (bias 15, float's is 127) and 10 of mantissa. */
float tw_half_to_float(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000) << 16;
    uint32_t exponent = (half >> 10) & 31, mantissa = half & 0x3ff;
    if (exponent == 31)
        return float_of(sign | 0x7f800000 | mantissa << 13);
    if (exponent > 0)
        return float_of(sign | (exponent + 112) << 23 | mantissa << 13);
    float value = (float)mantissa * 0x1p-24f; /* denormal or zero: exact in float */
    return sign ? -value : value;
}

/* The magnitude's bits are compared as integers: they are ordered as the numbers are. */
uint16_t tw_float_to_half(float value)
{
    uint32_t bits = bits_of(value);
    uint32_t sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
    if (magnitude > 0x7f800000)
        return (uint16_t)(sign | 0x7e00 | (magnitude >> 13 & 0x3ff));
    if (magnitude >= 0x477ff000) /* 65520, half a step above the largest, and beyond */
        return (uint16_t)(sign | 0x7c00);
    uint32_t exponent = magnitude >> 23;
    if (exponent >= 113) /* normal: a carry out of the mantissa belongs to the exponent */
        return (uint16_t)(sign | shift_rounded(magnitude - (UINT32_C(112) << 23), 13));
    if (exponent < 102) /* below half of the least denormal */
        return (uint16_t)sign;
    uint32_t mantissa = (magnitude & 0x7fffff) | 0x800000;
    return (uint16_t)(sign | shift_rounded(mantissa, 126 - exponent));
}

/* The upper half of a float. */
float tw_bfloat16_to_float(uint16_t value)
{
    return float_of((uint32_t)value << 16);
}

/* Rounding up from the largest gives infinity by itself; only a NaN must not be rounded. */
uint16_t tw_float_to_bfloat16(float value)
{
    uint32_t bits = bits_of(value);
    if ((bits & 0x7fffffff) > 0x7f800000)
        return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)shift_rounded(bits, 16);
}
