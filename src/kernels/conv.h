/* SPDX-License-Identifier: Apache-2.0
 * 2-D convolution (cross-correlation, as in TensorFlow) and its two gradients, for float, double
 * and half (through float). Images are NHWC or NCHW, filters (rows, cols, in depth, out depth).
 * Blocks of output pixels are gathered into columns and multiplied by the filter, which is packed
 * once into the workspace; nothing as large as all columns of an image is ever stored. NCHW and
 * half are staged as NHWC floats. Floats under 3 x 3 and 5 x 5 filters of many channels go by
 * Winograd's algorithm (conv_winograd.h): 4 and 2.8 times fewer products; those of few input
 * channels are read where they stand (conv_direct.h). */
#ifndef TW_KERNELS_CONV_H
#define TW_KERNELS_CONV_H

#include "kernels/gemm.h"
#include "kernels/window.h"

/* Sizes are those of the caller's arrays; padding, stride and dilation stand in the two windows,
 * so a kernel never computes an output size again. */
typedef struct tw_conv {
    size_t batch, in_depth, out_depth;
    tw_window rows, cols;
    bool nchw;
    const void *packed; /* what tw_conv_pack made of the filter for this pass, or NULL */
    size_t pooled_rows, pooled_cols; /* set by tw_conv_pools; else 0 */
} tw_conv;

typedef enum tw_conv_pass {
    TW_CONV_FORWARD,        /* (input, filter) -> output */
    TW_CONV_INPUT_GRADIENT, /* (filter, output's gradient) -> input's */
    TW_CONV_FILTER_GRADIENT /* (input, output's gradient) -> filter's */
} tw_conv_pass;

/* Bytes that a pass would like in par->workspace; with less it allocates. SIZE_MAX: sizes overflow,
 * the pass will fail. */
size_t tw_conv_workspace(tw_dtype dtype, const tw_conv *conv, tw_conv_pass pass);

/* A filter of the forward pass, kept as the loops read it. Bytes, 0: it is not worth it; *kind: two
 * filters of equal sizes and kinds are packed alike. */
size_t tw_conv_keep_bytes(tw_dtype dtype, const tw_conv *conv, size_t *kind);
void tw_conv_pack(tw_dtype dtype, const tw_conv *conv, const void *filter, void *to);

/* epilogue: bias over the output's depth and activation; may be NULL. */
tw_status *tw_conv_forward(tw_dtype dtype, const tw_conv *conv, const void *input,
                           const void *filter, void *output, const tw_gemm_epilogue *epilogue,
                           const tw_par *par);
/* May these windows be pooled on the way: the largest of each two by two outputs, which are never
 * stored themselves? Then conv's pooled sizes are set, else they are 0. */
bool tw_conv_pools(tw_dtype dtype, tw_conv *conv, const tw_window *rows, const tw_window *cols,
                   tw_activation activation);
/* What such a pass would like in par->workspace. */
size_t tw_conv_pooled_workspace(const tw_conv *conv);
/* Of a conv with pooled sizes. *done is false where Winograd's way met something that is not
 * finite: the output is worth nothing then, and the caller convolves and pools apart. */
tw_status *tw_conv_forward_pooled(const tw_conv *conv, const float *input, const float *filter,
                                  float *output, const tw_gemm_epilogue *epilogue,
                                  const tw_par *par, bool *done);
tw_status *tw_conv_input_gradient(tw_dtype dtype, const tw_conv *conv, const void *filter,
                                  const void *gradient, void *out, const tw_par *par);
tw_status *tw_conv_filter_gradient(tw_dtype dtype, const tw_conv *conv, const void *input,
                                   const void *gradient, void *out, const tw_par *par);

/* Each input channel with filters of its own (rows, cols, in depth, multiplier): output channel
 * c * multiplier + q; out_depth is in_depth * multiplier. NHWC; float, double and half. */
tw_status *tw_depthwise_forward(tw_dtype dtype, const tw_conv *conv, const void *input,
                                const void *filter, void *output, const tw_par *par);
tw_status *tw_depthwise_input_gradient(tw_dtype dtype, const tw_conv *conv, const void *filter,
                                       const void *gradient, void *out, const tw_par *par);
tw_status *tw_depthwise_filter_gradient(tw_dtype dtype, const tw_conv *conv, const void *input,
                                        const void *gradient, void *out, const tw_par *par);

#endif
