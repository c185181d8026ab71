/* SPDX-License-Identifier: Apache-2.0
 * What files that are written with vectors share: how wide a register of the level is. */
#ifndef TW_KERNELS_ISA_VECTORS_H
#define TW_KERNELS_ISA_VECTORS_H

#define ALWAYS_INLINE inline __attribute__((always_inline))
/* Where a copy for each caller would gain nothing. */
#if defined(__clang__)
#define NOINLINE __attribute__((noinline))
#else
#define NOINLINE __attribute__((noinline, noclone))
#endif
/* Before a loop whose turns are a constant and few: they are written out, so that what it counts
 * through may be registers. */
#if defined(TW_SANITIZED) /* which makes much of each copy: compiling would take minutes */
#define UNROLL
#else
#define UNROLL _Pragma("GCC unroll 8")
#endif

/* Vectors never cross a call here, so that how they would be passed is of no interest. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wpsabi"
#endif

#if TW_ISA_LEVEL >= 4
#define TW_VECTOR_BYTES 64
#elif TW_ISA_LEVEL == 3
#define TW_VECTOR_BYTES 32
#else
#define TW_VECTOR_BYTES 16
#endif

/* Vectors of any numbers as words, and halves of them, which stay in registers. */
typedef long long tw_words_16 __attribute__((vector_size(16)));
typedef long long tw_words_32 __attribute__((vector_size(32)));
typedef long long tw_words_64 __attribute__((vector_size(64)));
#define LOWER_16(x) __builtin_shufflevector((tw_words_32)(x), (tw_words_32)(x), 0, 1)
#define UPPER_16(x) __builtin_shufflevector((tw_words_32)(x), (tw_words_32)(x), 2, 3)
#define LOWER_32(x) __builtin_shufflevector((tw_words_64)(x), (tw_words_64)(x), 0, 1, 2, 3)
#define UPPER_32(x) __builtin_shufflevector((tw_words_64)(x), (tw_words_64)(x), 4, 5, 6, 7)
#define SWAPPED_8(x) __builtin_shufflevector((tw_words_16)(x), (tw_words_16)(x), 1, 0)

#endif
