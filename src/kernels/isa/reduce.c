/* SPDX-License-Identifier: Apache-2.0
 * The contiguous reduction loops of one instruction set level, for the dtypes that are reduced
 * often: one body, included for each. */
#include "kernels/reduce_loops.h"

#include <math.h>
#include <string.h>

#include "kernels/isa/extremes.h"
#include "kernels/isa/fma.h"
#include "kernels/isa/some.h"

#define AS_IS(x) (x)
#define UNUSED __attribute__((unused)) /* by some of the dtypes */

#define T float
#define ACC float
#define WORK float
#define WIDEN AS_IS
#define NAME(f) f##_f32
#define TW_REDUCE_LINE
#include "kernels/isa/reduce_body.h"
#undef TW_REDUCE_LINE
#undef T
#undef ACC
#undef WORK
#undef WIDEN
#undef NAME

#if TW_ISA_LEVEL < 4 /* see TW_ISA_TABLE_OF_NARROW */
#define T double
#define ACC double
#define WORK double
#define WIDEN AS_IS
#define NAME(f) f##_f64
#define TW_REDUCE_LINE
#include "kernels/isa/reduce_body.h"
#undef TW_REDUCE_LINE
#undef T
#undef ACC
#undef WORK
#undef WIDEN
#undef NAME

#define T int32_t
#define ACC int32_t
#define WORK uint32_t
#define WIDEN AS_IS
#define NAME(f) f##_i32
#define TW_REDUCE_LINE
#include "kernels/isa/reduce_body.h"
#undef TW_REDUCE_LINE
#undef T
#undef ACC
#undef WORK
#undef WIDEN
#undef NAME

#define T int64_t
#define ACC int64_t
#define WORK uint64_t
#define WIDEN AS_IS
#define NAME(f) f##_i64
#include "kernels/isa/reduce_body.h"
#undef T
#undef ACC
#undef WORK
#undef WIDEN
#undef NAME

#define T uint8_t
#define ACC uint8_t
#define WORK uint32_t
#define WIDEN AS_IS
#define NAME(f) f##_u8
#include "kernels/isa/reduce_body.h"
#undef T
#undef ACC
#undef WORK
#undef WIDEN
#undef NAME
#endif

/* ---- places ---- */

/* Of v3 at v4 too: what is found in a long vector takes more steps to put together and to look for
 * than it saves. */
#if TW_ISA_LEVEL < 4

typedef int64_t words __attribute__((vector_size(TW_VECTOR_BYTES)));

/* Is a bit set? */
static ALWAYS_INLINE bool any(words x)
{
#if TW_ISA_LEVEL == 3
    return !_mm256_testz_si256((__m256i)x, (__m256i)x);
#else
    return (x[0] | x[1]) != 0;
#endif
}

#define T float
#define MASK int32_t
#define LOWEST -INFINITY
#define HIGHEST INFINITY
#define MOST(a, b) MAX_F32(a, b)
#define LEAST(a, b) MIN_F32(a, b)
#define NAME(f) f##_f32
#include "kernels/isa/reduce_index_body.h"

#define T double
#define MASK int64_t
#define LOWEST -(double)INFINITY
#define HIGHEST (double)INFINITY
#define MOST(a, b) MAX_F64(a, b)
#define LEAST(a, b) MIN_F64(a, b)
#define NAME(f) f##_f64
#include "kernels/isa/reduce_index_body.h"

#define T int32_t
#define MASK int32_t
#define LOWEST INT32_MIN
#define HIGHEST INT32_MAX
#define MOST(a, b) MAX_I32(a, b)
#define LEAST(a, b) MIN_I32(a, b)
#define NAME(f) f##_i32
#include "kernels/isa/reduce_index_body.h"

#endif

#define LOOPS(fold, s)                                           \
    {                                                            \
        .rows = rows_##fold##_##s, .groups = groups_##fold##_##s \
    }
#define ALL_LOOPS(s)                                                    \
    {                                                                   \
        [TW_FOLD_SUM] = LOOPS(sum, s), [TW_FOLD_PROD] = LOOPS(prod, s), \
        [TW_FOLD_MAX] = LOOPS(max, s), [TW_FOLD_MIN] = LOOPS(min, s),   \
        [TW_FOLD_SQUARES] = {.rows = rows_squares_##s},                 \
    }

#define EXTREMES(dtype, s) \
    [dtype][TW_FOLD_MAX].lines = lines_max_##s, [dtype][TW_FOLD_MIN].lines = lines_min_##s

const tw_reduce_table TW_ISA_NAME(tw_reduce_table) = {
    .streams = TW_ISA_LEVEL >= 4 ? 2 : 4,
    .loops = {[TW_FLOAT32] = ALL_LOOPS(f32),
              [TW_FLOAT32][TW_FOLD_SUM].lines = lines_sum_f32,
              [TW_FLOAT32][TW_FOLD_SQUARES].lines = lines_squares_f32,
#if TW_ISA_LEVEL < 4
              EXTREMES(TW_FLOAT32, f32),
              [TW_FLOAT64] = ALL_LOOPS(f64),
              [TW_FLOAT64][TW_FOLD_SUM].lines = lines_sum_f64,
              EXTREMES(TW_FLOAT64, f64),
              [TW_FLOAT64][TW_FOLD_SQUARES].lines = lines_squares_f64,
              [TW_UINT8] = ALL_LOOPS(u8),
              [TW_INT64] = ALL_LOOPS(i64),
              [TW_INT32] = ALL_LOOPS(i32),
              [TW_INT32][TW_FOLD_SUM].lines = lines_sum_i32,
              EXTREMES(TW_INT32, i32),
              [TW_INT32][TW_FOLD_PROD].lines = lines_prod_i32
#endif
    },
#if TW_ISA_LEVEL < 4
    .index_line =
        {[TW_FLOAT32] = index_line_f32, [TW_FLOAT64] = index_line_f64, [TW_INT32] = index_line_i32},
#endif
};
