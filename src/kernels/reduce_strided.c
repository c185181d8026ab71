/* SPDX-License-Identifier: Apache-2.0
 * The reduction loops over strided columns, and those that look for the place of the largest and
 * smallest elements, for every dtype. */
#include "kernels/half.h"
#include "kernels/reduce_loops.h"

#define ALWAYS_INLINE inline __attribute__((always_inline))
#define AS_IS(x) (x)

#define T float
#define ACC float
#define WORK float
#define WIDEN AS_IS
#define LOWEST -INFINITY
#define HIGHEST INFINITY
#define NAME(f) f##_f32
#include "kernels/reduce_strided_body.h"

#define T double
#define ACC double
#define WORK double
#define WIDEN AS_IS
#define LOWEST -(double)INFINITY
#define HIGHEST (double)INFINITY
#define NAME(f) f##_f64
#include "kernels/reduce_strided_body.h"

#define T uint16_t
#define ACC float
#define WORK float
#define WIDEN tw_widen_half
#define LOWEST -INFINITY
#define HIGHEST INFINITY
#define NAME(f) f##_f16
#include "kernels/reduce_strided_body.h"

#define T uint16_t
#define ACC float
#define WORK float
#define WIDEN tw_widen_bfloat16
#define LOWEST -INFINITY
#define HIGHEST INFINITY
#define NAME(f) f##_bf16
#include "kernels/reduce_strided_body.h"

#define T int8_t
#define ACC int8_t
#define WORK uint32_t
#define WIDEN AS_IS
#define LOWEST INT8_MIN
#define HIGHEST INT8_MAX
#define NAME(f) f##_i8
#include "kernels/reduce_strided_body.h"

#define T int16_t
#define ACC int16_t
#define WORK uint32_t
#define WIDEN AS_IS
#define LOWEST INT16_MIN
#define HIGHEST INT16_MAX
#define NAME(f) f##_i16
#include "kernels/reduce_strided_body.h"

#define T int32_t
#define ACC int32_t
#define WORK uint32_t
#define WIDEN AS_IS
#define LOWEST INT32_MIN
#define HIGHEST INT32_MAX
#define NAME(f) f##_i32
#include "kernels/reduce_strided_body.h"

#define T int64_t
#define ACC int64_t
#define WORK uint64_t
#define WIDEN AS_IS
#define LOWEST INT64_MIN
#define HIGHEST INT64_MAX
#define NAME(f) f##_i64
#include "kernels/reduce_strided_body.h"

#define T uint8_t
#define ACC uint8_t
#define WORK uint32_t
#define WIDEN AS_IS
#define LOWEST 0
#define HIGHEST UINT8_MAX
#define NAME(f) f##_u8
#include "kernels/reduce_strided_body.h"

#define T uint16_t
#define ACC uint16_t
#define WORK uint32_t
#define WIDEN AS_IS
#define LOWEST 0
#define HIGHEST UINT16_MAX
#define NAME(f) f##_u16
#include "kernels/reduce_strided_body.h"

#define T uint32_t
#define ACC uint32_t
#define WORK uint32_t
#define WIDEN AS_IS
#define LOWEST 0
#define HIGHEST UINT32_MAX
#define NAME(f) f##_u32
#include "kernels/reduce_strided_body.h"

#define T uint64_t
#define ACC uint64_t
#define WORK uint64_t
#define WIDEN AS_IS
#define LOWEST 0
#define HIGHEST UINT64_MAX
#define NAME(f) f##_u64
#include "kernels/reduce_strided_body.h"

#define STRIDED(s)                                                          \
    {                                                                       \
        [TW_FOLD_SUM] = strided_sum_##s, [TW_FOLD_PROD] = strided_prod_##s, \
        [TW_FOLD_MAX] = strided_max_##s, [TW_FOLD_MIN] = strided_min_##s,   \
        [TW_FOLD_SQUARES] = strided_squares_##s,                            \
    }
#define INDEX_COLUMNS(s)                             \
    {                                                \
        index_columns_min_##s, index_columns_max_##s \
    }
#define FIND(s) find_##s
#define RARE(X)                                                                         \
    [TW_INT8] = X(i8), [TW_INT16] = X(i16), [TW_UINT16] = X(u16), [TW_UINT32] = X(u32), \
    [TW_UINT64] = X(u64)
#define COMMON(X)                                                                                 \
    [TW_FLOAT32] = X(f32), [TW_FLOAT64] = X(f64), [TW_FLOAT16] = X(f16), [TW_BFLOAT16] = X(bf16), \
    [TW_INT32] = X(i32), [TW_INT64] = X(i64), [TW_UINT8] = X(u8)

const tw_strided_table tw_reduce_strided = {
    .columns = {COMMON(STRIDED), RARE(STRIDED)},
    .find = {COMMON(FIND), RARE(FIND)},
    .index_columns = {COMMON(INDEX_COLUMNS), RARE(INDEX_COLUMNS)},
};
