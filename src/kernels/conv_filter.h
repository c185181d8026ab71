/* SPDX-License-Identifier: Apache-2.0
 * What the gradient of a convolution to its filter shares with the rest. */
#ifndef TW_KERNELS_CONV_FILTER_H
#define TW_KERNELS_CONV_FILTER_H

#include "kernels/conv_windows.h"

/* The view whose rows a convolution multiplies with its filter. */
tw_view tw_conv_forward_view(tw_dtype dtype, const tw_conv *c, const void *images);
/* Bytes of the partial sums of the filter's gradient. */
size_t tw_conv_filter_parts_bytes(tw_dtype dtype, const tw_conv *c);

#endif
