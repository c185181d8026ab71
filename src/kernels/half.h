/* SPDX-License-Identifier: Apache-2.0
 * The 16-bit floats to and from float without branches, so that loops over them are vectorised.
 * The same numbers as tw_half_to_float and its kin; right also while denormal floats are flushed to
 * zero, since no step goes through one. */
#ifndef TW_KERNELS_HALF_H
#define TW_KERNELS_HALF_H

#include <stddef.h>

#include "kernels/vmath.h"

/* The exponent is moved by adding to the bits. A denormal half gets a leading one that does not
 * belong to it, which a subtraction takes off again. */
static inline float tw_widen_half(uint16_t half)
{
    uint32_t w = (uint32_t)(half & 0x7fff) << 13;
    float normal = tw_float_of_bits(w + (112u << 23));
    float special = tw_float_of_bits(w + (224u << 23)); /* inf and NaN */
    float denormal = tw_float_of_bits(w + (113u << 23)) - 0x1p-14f;
    float r = w < (1u << 23) ? denormal : w >= (31u << 23) ? special : normal;
    return tw_float_of_bits(tw_float_bits(r) | (uint32_t)(half & 0x8000) << 16);
}

/* Rounds to nearest, ties to even. */
static inline uint16_t tw_narrow_half(float value)
{
    uint32_t bits = tw_float_bits(value), magnitude = bits & 0x7fffffffu;
    uint32_t normal = (magnitude - (112u << 23) + 0xfff + (magnitude >> 13 & 1)) >> 13;
    float sum = tw_float_of_bits(magnitude) + 0.5f; /* its last place is half's least denormal */
    uint32_t denormal = tw_float_bits(sum) - 0x3f000000u;
    uint32_t nan = 0x7e00u | (magnitude >> 13 & 0x3ffu);
    uint32_t r = magnitude < (113u << 23) ? denormal : normal;
    r = magnitude >= 0x477ff000u ? 0x7c00u : r;
    r = magnitude > 0x7f800000u ? nan : r;
    return (uint16_t)(r | (bits >> 16 & 0x8000u));
}

/* The upper half of a float. */
static inline float tw_widen_bfloat16(uint16_t value)
{
    return tw_float_of_bits((uint32_t)value << 16);
}

/* Rounding may carry into the exponent, which is right; only a NaN must not be rounded to infinity,
 * so it is made quiet and cut. */
static inline uint16_t tw_narrow_bfloat16(float value)
{
    uint32_t bits = tw_float_bits(value), rounded = bits + 0x7fffu + (bits >> 16 & 1);
    uint32_t nan = bits | 0x400000u;
    return (uint16_t)((value != value ? nan : rounded) >> 16);
}

#endif
