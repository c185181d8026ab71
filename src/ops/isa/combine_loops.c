/* SPDX-License-Identifier: Apache-2.0
 * The loops of ops/combine.h for the dtypes that models are made of, compiled for each instruction
 * set level. */
#include "kernels/isa.h"
#include "ops/combine.h"

/* Element by element: the target may be a source, and nothing else depends on anything. */
#if defined(__clang__)
#define EACH _Pragma("clang loop vectorize(assume_safety)") for (size_t i = 0; i < n; i++)
#else
#define EACH _Pragma("GCC ivdep") for (size_t i = 0; i < n; i++)
#endif

#if TW_ISA_LEVEL < 4 /* see TW_ISA_TABLE_OF_NARROW */
#define SUMS

#define NAME(x) f32_##x
#define STORED float
#define WIDEN(x) (x)
#define NARROW(x) (x)
#define DIVIDE(a, b) ((a) / (b))
#define ORDERED(x) (x)
#include "ops/isa/combine_body.h"

#define NAME(x) f64_##x
#define STORED double
#define WIDEN(x) (x)
#define NARROW(x) (x)
#define DIVIDE(a, b) ((a) / (b))
#define ORDERED(x) (x)
#include "ops/isa/combine_body.h"

/* The lowest number divided by -1 wraps too. */
#define NAME(x) i32_##x
#define STORED int32_t
#define WIDEN(x) ((uint32_t)(x))
#define NARROW(x) ((int32_t)(x))
#define DIVIDE(a, b) ((b) == -1 ? (int32_t)(0u - (uint32_t)(a)) : (a) / (b))
#define ORDERED(x) (x)
#include "ops/isa/combine_body.h"

#define NAME(x) i64_##x
#define STORED int64_t
#define WIDEN(x) ((uint64_t)(x))
#define NARROW(x) ((int64_t)(x))
#define DIVIDE(a, b) ((b) == -1 ? (int64_t)(UINT64_C(0) - (uint64_t)(a)) : (a) / (b))
#define ORDERED(x) (x)
#include "ops/isa/combine_body.h"

const tw_combine_table TW_ISA_NAME(tw_combine_table) = {
    .loops = {[TW_FLOAT32] = f32_loops,
              [TW_FLOAT64] = f64_loops,
              [TW_INT32] = i32_loops,
              [TW_INT64] = i64_loops},
    .sums = {[TW_FLOAT32] = f32_sum,
             [TW_FLOAT64] = f64_sum,
             [TW_INT32] = i32_sum,
             [TW_INT64] = i64_sum},
};

#endif
