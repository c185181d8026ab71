/* SPDX-License-Identifier: Apache-2.0
 * Rows of an array that belong to one segment become one row. */
#ifndef TW_OPS_SEGMENTS_H
#define TW_OPS_SEGMENTS_H

#include "ops/arrays.h"
#include "ops/combine.h"

/* The low bytes of `bits` become an element of 1, 2, 4 or 8 bytes. */
void tw_put_bits(void *element, size_t size, uint64_t bits);
/* Every element of `count` becomes `value`, converted to the dtype of numbers. */
void tw_fill_numbers(tw_dtype dtype, void *elements, size_t count, double value);
/* Every element of `count` is divided by `by` > 0; quotients of integers are truncated. */
void tw_divide_numbers(tw_dtype dtype, void *elements, size_t count, double by);

typedef enum tw_segment_end {
    TW_SEGMENT_AS_IT_IS,
    TW_SEGMENT_MEAN,
    TW_SEGMENT_SQRT_N
} tw_segment_end;

/* Output 0 from rows of input 0 that are numbered in order: segment_ids[i] (the last input) is the
 * segment of row i, or of row indices[i] where `indices` is not NULL. Segments without rows are
 * filled with `empty`. */
tw_status *tw_segment_rows(tw_compute *c, tw_combination how, tw_segment_end end, double empty,
                           const tw_array *indices, const tw_array *segment_ids);

#endif
