/* SPDX-License-Identifier: Apache-2.0
 * The multiply-add of a level's vectors of float and double, and one number in all of their lanes.
 * At the plain level a product is rounded before it is added. */
#ifndef TW_KERNELS_ISA_FMA_H
#define TW_KERNELS_ISA_FMA_H

#if TW_ISA_LEVEL >= 3
#include <immintrin.h>
#elif TW_ISA_LEVEL == 2
#include <arm_neon.h>
#endif

#include "kernels/isa/vectors.h"

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
#elif TW_ISA_LEVEL == 2
#define SPREAD_F32(x) TWICE(TWICE(x))
#define SPREAD_F64(x) TWICE(x)
#define FMA_F32(a, b, c) vfmaq_f32(c, a, b)
#define FMA_F64(a, b, c) vfmaq_f64(c, a, b)
#else
#define SPREAD_F32(x) TWICE(TWICE(x))
#define SPREAD_F64(x) TWICE(x)
#define FMA_F32(a, b, c) ((a) * (b) + (c))
#define FMA_F64(a, b, c) ((a) * (b) + (c))
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

#endif
