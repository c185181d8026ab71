/* SPDX-License-Identifier: Apache-2.0
 * The loops of the expression table at one instruction set level (kernels/isa.h). The plain level
 * has them all. Higher ones have what gains: all of float, and of double, int32 and int64 what is
 * not bound by calls of the C library, and a few of complex numbers. */
#include <complex.h>
#include <math.h>
#include <string.h>
#if TW_ISA_LEVEL >= 3
#include <immintrin.h>
#endif

#include "kernels/isa.h"
#include "ops/elementwise_rows.h"
#include "ops/isa/elementwise_sets.h"

/* Rows ask unsigned numbers too whether they are below 0. */
#pragma GCC diagnostic ignored "-Wtype-limits"
#if defined(__clang__)
#pragma clang diagnostic ignored "-Wpass-failed" /* loops that call the C library stay scalar */
#endif
#undef I /* complex.h's */

/* z may be an operand, element for element: no other dependence exists. */
#if defined(__clang__)
#define TW_IVDEP _Pragma("clang loop vectorize(assume_safety)")
#else
#define TW_IVDEP _Pragma("GCC ivdep")
#endif
#define TW_INLINE inline __attribute__((always_inline, unused))

/* Which dtypes this level has. */
#define LEVEL_ALL (TW_ISA_LEVEL == 0)
#define LEVEL_WIDE (TW_ISA_LEVEL == 0 || TW_ISA_LEVEL >= 2)
#define LEVEL_LONG (TW_ISA_LEVEL == 0 || TW_ISA_LEVEL == 3) /* see TW_ISA_TABLE_OF_NARROW */

typedef float _Complex c64;
typedef double _Complex c128;

#include "ops/isa/elementwise_math_f32.h"
#include "ops/isa/elementwise_math_f64.h"

/* Complex functions call the C library by its own names, and so come before those are taken. */
#if LEVEL_ALL
#define SUFFIX c64
#define T c64
#define P float
#define F(name) name##f
#define WIDEST FLT_MAX
#include "ops/isa/elementwise_math_complex.h"
#undef SUFFIX
#undef T
#undef P
#undef F
#undef WIDEST
#define SUFFIX c128
#define T c128
#define P double
#define F(name) name
#define WIDEST DBL_MAX
#include "ops/isa/elementwise_math_complex.h"
#undef SUFFIX
#undef T
#undef P
#undef F
#undef WIDEST
#endif

#if TW_ISA_LEVEL >= 3
#include "ops/isa/elementwise_complex.h"
#endif

/* From here on the names of functions in rows mean those of the current dtype. */
#include "ops/isa/elementwise_names.h"

#define COST_CHEAP 1
#define COST_MEDIUM 1
#define COST_DEAR 1
#define SUFFIX f32
#define CLASS FLOAT
#define T float
#define P float
#define C c64
#include "ops/isa/elementwise_body.h"

/* Only float has functions of its own that vectorise. */
#if !LEVEL_ALL
#undef COST_DEAR
#define COST_DEAR 0
#endif
#if LEVEL_WIDE
#define SUFFIX f64
#define CLASS FLOAT
#define T double
#define P double
#define C c128
#include "ops/isa/elementwise_body.h"
#endif

/* Integers; what tolerances are given in is double. */
#if LEVEL_WIDE
#define SUFFIX i32
#define CLASS INT
#define T int32_t
#define U uint32_t
#define P double
#define C c128
#define MINIMUM INT32_MIN
#include "ops/isa/elementwise_math_int.h"
#include "ops/isa/elementwise_body.h"
#if LEVEL_LONG
#define SUFFIX i64
#define CLASS INT
#define T int64_t
#define U uint64_t
#define P double
#define C c128
#define MINIMUM INT64_MIN
#include "ops/isa/elementwise_math_int.h"
#include "ops/isa/elementwise_body.h"
#endif
#endif

/* Narrow integers are computed in 32 bits and cut off. */
#if LEVEL_ALL
#define SUFFIX i8
#define CLASS SMALL
#define T int8_t
#define U uint32_t
#define P double
#define C c128
#define MINIMUM INT8_MIN
#include "ops/isa/elementwise_math_int.h"
#include "ops/isa/elementwise_body.h"
#define SUFFIX i16
#define CLASS SMALL
#define T int16_t
#define U uint32_t
#define P double
#define C c128
#define MINIMUM INT16_MIN
#include "ops/isa/elementwise_math_int.h"
#include "ops/isa/elementwise_body.h"
#define SUFFIX u8
#define CLASS SMALL
#define T uint8_t
#define U uint32_t
#define P double
#define C c128
#define MINIMUM 0
#include "ops/isa/elementwise_math_int.h"
#include "ops/isa/elementwise_body.h"
#define SUFFIX u16
#define CLASS SMALL
#define T uint16_t
#define U uint32_t
#define P double
#define C c128
#define MINIMUM 0
#include "ops/isa/elementwise_math_int.h"
#include "ops/isa/elementwise_body.h"
#define SUFFIX u32
#define CLASS SMALL
#define T uint32_t
#define U uint32_t
#define P double
#define C c128
#define MINIMUM 0
#include "ops/isa/elementwise_math_int.h"
#include "ops/isa/elementwise_body.h"
#define SUFFIX u64
#define CLASS SMALL
#define T uint64_t
#define U uint64_t
#define P double
#define C c128
#define MINIMUM 0
#include "ops/isa/elementwise_math_int.h"
#include "ops/isa/elementwise_body.h"
#define SUFFIX c64
#define CLASS COMPLEX
#define T c64
#define P float
#define C c64
#include "ops/isa/elementwise_body.h"
#define SUFFIX c128
#define CLASS COMPLEX
#define T c128
#define P double
#define C c128
#include "ops/isa/elementwise_body.h"
#endif

/* As bytes of 0 and 1: of `bool` itself gcc makes no vectors. */
#if LEVEL_WIDE
#define SUFFIX flag
#define CLASS BOOL
#define T uint8_t
#define P double
#define C c128
#include "ops/isa/elementwise_body.h"
#endif

const tw_loop_table TW_ISA_NAME(tw_loop_table) = {{
    [TW_FLOAT32] = loops_f32,
#if LEVEL_WIDE
    [TW_FLOAT64] = loops_f64,
    [TW_INT32] = loops_i32,
    [TW_BOOL] = loops_flag,
#endif
#if LEVEL_LONG
    [TW_INT64] = loops_i64,
#endif
#if TW_ISA_LEVEL >= 3
    [TW_COMPLEX64] = loops_c64,
    [TW_COMPLEX128] = loops_c128,
#endif
#if LEVEL_ALL
    [TW_INT8] = loops_i8,
    [TW_INT16] = loops_i16,
    [TW_UINT8] = loops_u8,
    [TW_UINT16] = loops_u16,
    [TW_UINT32] = loops_u32,
    [TW_UINT64] = loops_u64,
    [TW_COMPLEX64] = loops_c64,
    [TW_COMPLEX128] = loops_c128,
#endif
}};
