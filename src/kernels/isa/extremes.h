/* SPDX-License-Identifier: Apache-2.0
 * The larger and the smaller of each two lanes, in a level's vectors: a where the comparison holds,
 * else b, so that of a NaN and a number it is the second. By one instruction, or by a comparison
 * and its mask. */
#ifndef TW_KERNELS_ISA_EXTREMES_H
#define TW_KERNELS_ISA_EXTREMES_H

#if TW_ISA_LEVEL >= 3
#include <immintrin.h>
#endif

#include "kernels/isa/vectors.h"

#if TW_ISA_LEVEL >= 4
#define MAX_F32(a, b) _mm512_max_ps(a, b)
#define MIN_F32(a, b) _mm512_min_ps(a, b)
#define MAX_F64(a, b) _mm512_max_pd(a, b)
#define MIN_F64(a, b) _mm512_min_pd(a, b)
#define MAX_I32(a, b) (__typeof__(a))_mm512_max_epi32((__m512i)(a), (__m512i)(b))
#define MIN_I32(a, b) (__typeof__(a))_mm512_min_epi32((__m512i)(a), (__m512i)(b))
#elif TW_ISA_LEVEL == 3
#define MAX_F32(a, b) _mm256_max_ps(a, b)
#define MIN_F32(a, b) _mm256_min_ps(a, b)
#define MAX_F64(a, b) _mm256_max_pd(a, b)
#define MIN_F64(a, b) _mm256_min_pd(a, b)
#define MAX_I32(a, b) (__typeof__(a))_mm256_max_epi32((__m256i)(a), (__m256i)(b))
#define MIN_I32(a, b) (__typeof__(a))_mm256_min_epi32((__m256i)(a), (__m256i)(b))
#else
#define BY_MASK(better, a, b) \
    (__typeof__(a))(((__typeof__(better))(a) & (better)) | ((__typeof__(better))(b) & ~(better)))
#define MAX_F32(a, b) BY_MASK((a) > (b), a, b)
#define MIN_F32(a, b) BY_MASK((a) < (b), a, b)
#define MAX_F64 MAX_F32
#define MIN_F64 MIN_F32
#define MAX_I32 MAX_F32
#define MIN_I32 MIN_F32
#endif

#endif
