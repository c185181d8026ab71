/* SPDX-License-Identifier: Apache-2.0
 * The contiguous reduction loops of the dtypes that are seldom reduced, compiled once. */
#include "kernels/half_lines.h"
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

/* 16-bit floats go through lines of float, as many rows of them as there is room for. */
static void rows_narrow(tw_dtype dtype, tw_fold fold, float *acc, const uint16_t *x, size_t rows,
                        size_t stride, size_t width)
{
    enum { ROOM = 1024, WIDEST = ROOM / 4 };
    float wide[ROOM];
    const tw_reduce_table *table = TW_ISA_TABLE(tw_reduce_table);
    for (size_t j = 0; j < width; j += WIDEST) {
        size_t n = width - j < WIDEST ? width - j : WIDEST, most = ROOM / n, m;
        for (size_t r = 0; r < rows; r += m) {
            m = rows - r < most ? rows - r : most;
            const uint16_t *from = x + r * stride + j;
            for (size_t i = 0; stride != n && i < m; i++)
                tw_widen_line(dtype, n, wide + i * n, from + i * stride);
            if (stride == n) /* one line */
                tw_widen_line(dtype, m * n, wide, from);
            table->loops[TW_FLOAT32][fold].rows(acc + j, wide, m, n, n);
        }
    }
}

#define NARROW(dtype, s, fold, FOLD)                                                    \
    static void rows_##fold##_##s(void *acc, const void *x, size_t rows, size_t stride, \
                                  size_t width)                                         \
    {                                                                                   \
        rows_narrow(dtype, TW_FOLD_##FOLD, acc, x, rows, stride, width);                \
    }
#define ALL_NARROW(dtype, s)     \
    NARROW(dtype, s, sum, SUM)   \
    NARROW(dtype, s, prod, PROD) \
    NARROW(dtype, s, max, MAX)   \
    NARROW(dtype, s, min, MIN)   \
    NARROW(dtype, s, squares, SQUARES)
ALL_NARROW(TW_FLOAT16, f16)
ALL_NARROW(TW_BFLOAT16, bf16)

/* Their accumulators are float's, which has the loops for groups. */
#define NARROW_LOOPS(s)                                                                   \
    {                                                                                     \
        [TW_FOLD_SUM] = {.rows = rows_sum_##s}, [TW_FOLD_PROD] = {.rows = rows_prod_##s}, \
        [TW_FOLD_MAX] = {.rows = rows_max_##s}, [TW_FOLD_MIN] = {.rows = rows_min_##s},   \
        [TW_FOLD_SQUARES] = {.rows = rows_squares_##s},                                   \
    }
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
    .loops = {RARE(ALL_LOOPS), [TW_FLOAT16] = NARROW_LOOPS(f16), [TW_BFLOAT16] = NARROW_LOOPS(bf16),
              [TW_COMPLEX64] = {[TW_FOLD_PROD] = LOOPS(prod, c64)},
              [TW_COMPLEX128] = {[TW_FOLD_PROD] = LOOPS(prod, c128)}},
};
