/* SPDX-License-Identifier: Apache-2.0
 * Products of integers and complex numbers for one instruction set level, by plain blocked loops:
 * a block of B is made contiguous, and rows of it are added to a few accumulators' rows. */
#include <string.h>

#include "kernels/gemm_loops.h"

#include "kernels/isa/fma.h"

#if TW_ISA_LEVEL < 4 /* see TW_ISA_TABLE_OF_NARROW: such products are too rare for a third copy */

/* A block of B is DEPTH by WIDTH, one of C ROWS by WIDTH; TILE rows are multiplied at once. */
enum { ROWS = 32, WIDTH = 64, DEPTH = 32, TILE = 4 };

#define T int32_t
#define U uint32_t
#define NAME(f) f##_i32
#include "kernels/isa/gemm_integer_body.h"

#define T int64_t
#define U uint64_t
#define NAME(f) f##_i64
#include "kernels/isa/gemm_integer_body.h"

#define REAL float
#define SPREAD SPREAD_F32
#define FMA FMA_F32
#define NAME(f) f##_c64
#include "kernels/isa/gemm_complex_body.h"

#define REAL double
#define SPREAD SPREAD_F64
#define FMA FMA_F64
#define NAME(f) f##_c128
#include "kernels/isa/gemm_complex_body.h"

const tw_gemm_other_table TW_ISA_NAME(tw_gemm_other_table) = {
    .i32 = multiply_i32,
    .i64 = multiply_i64,
    .c64 = multiply_c64,
    .c128 = multiply_c128,
};

#endif
