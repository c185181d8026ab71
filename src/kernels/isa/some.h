/* SPDX-License-Identifier: Apache-2.0
 * A vector of float of which only the first numbers may be read: the end of a row. */
#ifndef TW_KERNELS_ISA_SOME_H
#define TW_KERNELS_ISA_SOME_H

#include <stdint.h>
#include <string.h>

#if TW_ISA_LEVEL >= 3
#include <immintrin.h>
#endif

#include "kernels/isa/vectors.h"

typedef float some_vec __attribute__((vector_size(TW_VECTOR_BYTES), aligned(4), may_alias));

/* x[0] .. x[n - 1], then the lanes of `other`; all of x where it has more than there are lanes. */
static ALWAYS_INLINE some_vec some_f32(const float *x, size_t n, some_vec other)
{
#if TW_ISA_LEVEL >= 4
    __mmask16 mask = n < 16 ? (__mmask16)((1u << n) - 1) : (__mmask16)0xffff;
    return (some_vec)_mm512_mask_loadu_ps((__m512)other, mask, x);
#elif TW_ISA_LEVEL == 3
    __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    __m256i mask = _mm256_cmpgt_epi32(_mm256_set1_epi32(n < 8 ? (int)n : 8), lane);
    __m256 read = _mm256_maskload_ps(x, mask);
    return (some_vec)_mm256_blendv_ps((__m256)other, read, _mm256_castsi256_ps(mask));
#else
    enum { LANES = TW_VECTOR_BYTES / sizeof(float) };
    float lane[LANES];
    memcpy(lane, &other, sizeof lane);
    memcpy(lane, x, (n < LANES ? n : LANES) * sizeof *x);
    memcpy(&other, lane, sizeof lane);
    return other;
#endif
}

#endif
