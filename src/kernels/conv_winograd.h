/* SPDX-License-Identifier: Apache-2.0
 * Convolutions of 5 x 5 and 3 x 3 filters with stride 1 by Winograd's algorithm, on NHWC floats. An
 * infinity or NaN would spread over its tile: a pass that meets one says so, and the direct way
 * gives the result then. */
#ifndef TW_KERNELS_CONV_WINOGRAD_H
#define TW_KERNELS_CONV_WINOGRAD_H

#include "kernels/conv.h"

/* By shape alone: channels enough, and few enough that the transformed filter stays cached. */
bool tw_winograd_fits(tw_dtype dtype, const tw_conv *conv, tw_conv_pass pass);
/* Scratch bytes of a pass that fits. */
size_t tw_winograd_bytes(const tw_conv *conv, tw_conv_pass pass);

/* The transformed filter of the forward pass, which conv->packed may hold; filter_bytes is the
 * size. */
size_t tw_winograd_filter_bytes(const tw_conv *conv);
void tw_winograd_filter(const tw_conv *conv, const float *filter, void *to);

/* `scratch` is aligned to 64 bytes. False: something is not finite, the result is worth nothing. */
bool tw_winograd_forward(const tw_conv *conv, const float *input, const float *filter,
                         float *output, const tw_gemm_epilogue *epilogue, void *scratch,
                         const tw_par *par);
bool tw_winograd_input_gradient(const tw_conv *conv, const float *filter, const float *gradient,
                                float *out, void *scratch, const tw_par *par);
bool tw_winograd_filter_gradient(const tw_conv *conv, const float *input, const float *gradient,
                                 float *out, void *scratch, const tw_par *par);

#endif
