/* SPDX-License-Identifier: Apache-2.0
 * Windows that slide over the rows and columns of images: sizes of convolutions and poolings. */
#ifndef TW_KERNELS_WINDOW_H
#define TW_KERNELS_WINDOW_H

#include <stdbool.h>
#include <stddef.h>

#include "thalweg/status.h"

/* One direction (rows or columns): output o looks at the inputs o * stride - pad + w * dilation for
 * w = 0 .. window - 1; those outside 0 .. in - 1 are padding. */
typedef struct tw_window {
    size_t in, out, window, stride, dilation;
    size_t pad; /* before the first input */
} tw_window;

/* TensorFlow's output size and padding. SAME: out = ceil(in / stride), padding shared equally, the
 * odd one after; VALID: no padding. Error: a stride, dilation or window of 0, a window larger than
 * the input under VALID, or sizes that overflow. */
tw_status *tw_window_fit(size_t in, size_t window, size_t stride, size_t dilation, bool same,
                         tw_window *out);
/* The outputs first .. last - 1 whose cell w lies inside the input. */
void tw_window_inside(const tw_window *window, size_t w, size_t *first, size_t *last);

#endif
