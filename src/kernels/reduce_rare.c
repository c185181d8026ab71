/* SPDX-License-Identifier: Apache-2.0
 * The contiguous reduction loops of the dtypes that are seldom reduced, compiled once. */
#include "kernels/reduce_loops.h"

#define ALWAYS_INLINE inline __attribute__((always_inline))
#define AS_IS(x) (x)

#define T int8_t
#define ACC int8_t
#define WORK uint32_t
#define WIDEN AS_IS
#define NAME(f) f##_i8
#include "kernels/isa/reduce_body.h"
#undef T
#undef ACC
#undef WORK
#undef WIDEN
#undef NAME

#define T int16_t
#define ACC int16_t
#define WORK uint32_t
#define WIDEN AS_IS
#define NAME(f) f##_i16
#include "kernels/isa/reduce_body.h"
#undef T
#undef ACC
#undef WORK
#undef WIDEN
#undef NAME

#define T uint16_t
#define ACC uint16_t
#define WORK uint32_t
#define WIDEN AS_IS
#define NAME(f) f##_u16
#include "kernels/isa/reduce_body.h"
#undef T
#undef ACC
#undef WORK
#undef WIDEN
#undef NAME

#define T uint32_t
#define ACC uint32_t
#define WORK uint32_t
#define WIDEN AS_IS
#define NAME(f) f##_u32
#include "kernels/isa/reduce_body.h"
#undef T
#undef ACC
#undef WORK
#undef WIDEN
#undef NAME

#define T uint64_t
#define ACC uint64_t
#define WORK uint64_t
#define WIDEN AS_IS
#define NAME(f) f##_u64
#include "kernels/isa/reduce_body.h"
#undef T
#undef ACC
#undef WORK
#undef WIDEN
#undef NAME

#define REAL float
#define NAME(f) f##_c64
#include "kernels/reduce_complex_body.h"

#define REAL double
#define NAME(f) f##_c128
#include "kernels/reduce_complex_body.h"

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
#define RARE(X)                                                                         \
    [TW_INT8] = X(i8), [TW_INT16] = X(i16), [TW_UINT16] = X(u16), [TW_UINT32] = X(u32), \
    [TW_UINT64] = X(u64)
const tw_reduce_table tw_reduce_rare = {
    .loops = {RARE(ALL_LOOPS), [TW_COMPLEX64] = {[TW_FOLD_PROD] = LOOPS(prod, c64)},
              [TW_COMPLEX128] = {[TW_FOLD_PROD] = LOOPS(prod, c128)}},
};
