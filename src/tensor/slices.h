/* SPDX-License-Identifier: Apache-2.0
 * NumPy's text for slices, "::-2, ..., newaxis, 1:3", as StridedSlice's inputs and masks. */
#ifndef TW_TENSOR_SLICES_H
#define TW_TENSOR_SLICES_H

#include "thalweg/shape.h"

typedef struct tw_slices {
    size_t count;                       /* entries, "..." and "newaxis" included */
    int64_t begin[TW_MAX_RANK], end[TW_MAX_RANK], stride[TW_MAX_RANK];
    int64_t begin_mask, end_mask, ellipsis_mask, new_axis_mask, shrink_axis_mask; /* bit: entry */
} tw_slices;

tw_status *tw_slices_parse(const char *text, tw_slices *out);

#endif
