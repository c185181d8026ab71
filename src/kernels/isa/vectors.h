/* SPDX-License-Identifier: Apache-2.0
 * What files that are written with vectors share: how wide a register of the level is. */
#ifndef TW_KERNELS_ISA_VECTORS_H
#define TW_KERNELS_ISA_VECTORS_H

#define ALWAYS_INLINE inline __attribute__((always_inline))

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

#endif
