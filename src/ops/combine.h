/* SPDX-License-Identifier: Apache-2.0
 * to[i] = to[i] op from[i] over a run of elements, for every dtype of numbers: what updates of
 * variables, sums of many tensors and biases are made of. Integers wrap; half and bfloat16 are
 * rounded after each operation. */
#ifndef TW_OPS_COMBINE_H
#define TW_OPS_COMBINE_H

#include "op/define.h"

typedef enum tw_combination {
    TW_COMBINE_ADD,
    TW_COMBINE_SUB,
    TW_COMBINE_MUL,
    TW_COMBINE_DIV,
    TW_COMBINE_MIN,
    TW_COMBINE_MAX,
    TW_COMBINATIONS
} tw_combination;

/* step 1: element by element; 0: the same *from for all. `to` and `from` do not overlap. */
typedef void (*tw_combine)(size_t n, void *to, const void *from, size_t step);

/* to[i] = from[0][i] + from[1][i] + ..., from the first on, of two to four; `to` may be one of
 * them. */
enum { TW_SUMMED_AT_ONCE = 4 };
typedef void (*tw_sum_loop)(size_t n, void *to, const void *const *from, size_t count);

/* By dtype; NULL where there are none. */
typedef struct tw_combine_table {
    const tw_combine *loops[TW_DTYPE_COUNT];
    tw_sum_loop sums[TW_DTYPE_COUNT];
} tw_combine_table;

/* NULL: the dtype has no such operation (Min and Max of complex numbers). */
tw_combine tw_combine_loop(tw_combination combination, tw_dtype dtype);
/* The same over memory of any size, on the kernel's threads. */
void tw_combine_all(const tw_compute *c, tw_combine loop, tw_array *to, const tw_array *from);
/* NULL for dtypes that are rarely summed. */
tw_sum_loop tw_sum_loop_of(tw_dtype dtype);
/* A zero among integers, which may not be a divisor. */
bool tw_has_integer_zero(const tw_array *array);

/* What the loops serve, for the `dtypes` of kernels. */
#define TW_COMBINED_TYPES                                                                   \
    "T: {half, bfloat16, float, double, int8, int16, int32, int64, uint8, uint16, uint32, " \
    "uint64, complex64, complex128}"

#endif
