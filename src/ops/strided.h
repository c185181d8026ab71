/* SPDX-License-Identifier: Apache-2.0
 * The reading of x[1:3, ..., ::-1, newaxis, 5]: begin, end and strides with five masks become a
 * start, a stride and a size for each dimension of the array, and the shape of the result.
 *
 * Entry i of the spec stands for one dimension, except that bit i of ellipsis_mask makes it stand
 * for as many as are not named otherwise, and bit i of new_axis_mask for a new dimension of size 1.
 * begin_mask and end_mask leave the entry's begin and end out; shrink_axis_mask takes one element
 * and drops the dimension. */
#ifndef TW_OPS_STRIDED_H
#define TW_OPS_STRIDED_H

#include "ops/arrays.h"

typedef struct tw_strided_masks {
    int64_t begin, end, ellipsis, new_axis, shrink;
} tw_strided_masks;

typedef struct tw_strided {
    size_t rank; /* of the array */
    int64_t begin[TW_MAX_RANK], stride[TW_MAX_RANK];
    int64_t size[TW_MAX_RANK];       /* -1: not known */
    size_t final_rank;               /* of the result */
    int64_t final_dims[TW_MAX_RANK]; /* its shape, -1: not known */
} tw_strided;

#define TW_STRIDED_MASKS                                                       \
    "T: type; Index: {int32, int64}; begin_mask: int = 0; end_mask: int = 0; " \
    "ellipsis_mask: int = 0; new_axis_mask: int = 0; shrink_axis_mask: int = 0"

/* `count` entries; begin or end may be NULL (not known). Dims of `shape` may be unknown. false: why
 * it is refused stands in `why`. */
bool tw_strided_read(tw_shape shape, const tw_strided_masks *masks, size_t count,
                     const tw_array *begin, const tw_array *end, const tw_array *strides,
                     tw_strided *out, tw_text *why);

#endif
