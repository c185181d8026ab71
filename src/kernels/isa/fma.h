/* SPDX-License-Identifier: Apache-2.0
 * The multiply-add of a level's vectors of float and double, and one number in all of their lanes.
 * A product is rounded before it is added exactly where tw_madd (kernels/vmath.h) does so too, that
 * is where the compiler may use no such instruction: vectors and single numbers give the same bits.
 * The plain level of x86-64 has none unless the whole build is for newer machines; that of 64-bit
 * Arm always has. */
#ifndef TW_KERNELS_ISA_FMA_H
#define TW_KERNELS_ISA_FMA_H

#if TW_ISA_LEVEL >= 3 || defined(__FMA__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#include "kernels/isa/vectors.h"
#include "kernels/vmath.h"

/* A list of lanes becomes one broadcast instruction; a loop over lanes would not at every level. */
#define TWICE(...) __VA_ARGS__, __VA_ARGS__

#if TW_ISA_LEVEL >= 4
#define SPREAD_F32(x) TWICE(TWICE(TWICE(TWICE(x))))
#define SPREAD_F64(x) TWICE(TWICE(TWICE(x)))
#define FMA_F32(a, b, c) _mm512_fmadd_ps(a, b, c)
#define FMA_F64(a, b, c) _mm512_fmadd_pd(a, b, c)
#elif TW_ISA_LEVEL == 3
#define SPREAD_F32(x) TWICE(TWICE(TWICE(x)))
#define SPREAD_F64(x) TWICE(TWICE(x))
#define FMA_F32(a, b, c) _mm256_fmadd_ps(a, b, c)
#define FMA_F64(a, b, c) _mm256_fmadd_pd(a, b, c)
#else
#define SPREAD_F32(x) TWICE(TWICE(x))
#define SPREAD_F64(x) TWICE(x)
#if defined(__FMA__)
#define FMA_F32(a, b, c) _mm_fmadd_ps(a, b, c)
#define FMA_F64(a, b, c) _mm_fmadd_pd(a, b, c)
#elif defined(__aarch64__)
#define FMA_F32(a, b, c) vfmaq_f32(c, a, b)
#define FMA_F64(a, b, c) vfmaq_f64(c, a, b)
#elif defined(TW_HAS_FMA)
typedef float tw_fma_f32 __attribute__((vector_size(16)));
typedef double tw_fma_f64 __attribute__((vector_size(16)));

/* For processors whose vectors are not known here. Compilers put most lanes together again where
 * there is an instruction for all of them. */
static ALWAYS_INLINE tw_fma_f32 fma_lanes_f32(tw_fma_f32 a, tw_fma_f32 b, tw_fma_f32 c)
{
    return (tw_fma_f32){tw_maddf(a[0], b[0], c[0]), tw_maddf(a[1], b[1], c[1]),
                        tw_maddf(a[2], b[2], c[2]), tw_maddf(a[3], b[3], c[3])};
}

static ALWAYS_INLINE tw_fma_f64 fma_lanes_f64(tw_fma_f64 a, tw_fma_f64 b, tw_fma_f64 c)
{
    return (tw_fma_f64){tw_madd(a[0], b[0], c[0]), tw_madd(a[1], b[1], c[1])};
}

#define FMA_F32(a, b, c) fma_lanes_f32(a, b, c)
#define FMA_F64(a, b, c) fma_lanes_f64(a, b, c)
#else
#define FMA_F32(a, b, c) ((a) * (b) + (c))
#define FMA_F64(a, b, c) ((a) * (b) + (c))
#endif
#endif

/* acc += x * y where acc is one of many that are to stay in their registers: GCC would put sums
 * where x or y was, and move them back. */
#if TW_ISA_LEVEL >= 3
#define ADD_PRODUCT_F32(acc, x, y) __asm__("vfmadd231ps %2, %1, %0" : "+v"(acc) : "v"(x), "v"(y))
#define ADD_PRODUCT_F64(acc, x, y) __asm__("vfmadd231pd %2, %1, %0" : "+v"(acc) : "v"(x), "v"(y))
#else
#define ADD_PRODUCT_F32(acc, x, y) ((acc) = FMA_F32(x, y, acc))
#define ADD_PRODUCT_F64(acc, x, y) ((acc) = FMA_F64(x, y, acc))
#endif

/* A store beside multiply-adds: on Zen 4 one of 512 bits takes the place of one and a half of them,
 * two halves by this instruction of none. */
#if TW_ISA_LEVEL >= 4
typedef float tw_half_vector __attribute__((vector_size(32), aligned(4), may_alias));
static ALWAYS_INLINE void store_aside_f32(float *to, __m512 x)
{
    __asm__("vextractf32x8 $0, %1, %0" : "=m"(*(tw_half_vector *)to) : "v"(x));
    __asm__("vextractf32x8 $1, %1, %0" : "=m"(*(tw_half_vector *)(to + 8)) : "v"(x));
}
#define STORE_ASIDE_F32(to, x) store_aside_f32(to, x)
#else
#define STORE_ASIDE_F32(to, x) store_f32(to, x)
#endif

#endif
