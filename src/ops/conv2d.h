/* SPDX-License-Identifier: Apache-2.0
 * What the convolutions share: a tw_conv made from attributes and shapes. */
#ifndef TW_OPS_CONV2D_H
#define TW_OPS_CONV2D_H

#include "kernels/conv.h"

#include "ops/spatial.h"

/* The kernel's state: attributes, read once, and the size of the workspace. */
typedef struct tw_conv_state {
    tw_spatial spatial;
    tw_activation activation; /* of _FusedConv2D */
    size_t workspace_bytes;
} tw_conv_state;

/* Any convolution's shape rule: image and filter give the output. */
void tw_infer_conv2d(tw_infer *in, const char *op, bool depthwise);
/* A gradient's: the value of input `sizes` is the shape. */
void tw_infer_conv2d_sizes(tw_infer *in, const char *op, size_t sizes);
tw_status *tw_conv2d_prepare(tw_compute *c, void *state, const char *op);
/* image, filter: rank 4 dims; gradient: the output's shape as given, checked, or NULL. */
tw_status *tw_conv2d_make(const tw_compute *c, const int64_t *image, const int64_t *filter,
                          const tw_array *gradient, bool depthwise, tw_conv *out);
/* Four sizes out of an integer vector. */
tw_status *tw_conv2d_sizes(const tw_compute *c, size_t input, int64_t *dims);
tw_status *tw_conv2d_check_rank(const tw_compute *c, size_t input, const char *name);
tw_par tw_conv2d_par(const tw_compute *c);
/* Bias of a fused one: as many numbers as the filter has columns. */
tw_status *tw_conv2d_check_bias(const tw_compute *c);
/* Of _FusedConv2DMaxPool: how many images are convolved before they are pooled. */
size_t tw_conv2d_group(const tw_compute *c, const tw_conv *conv);

#endif
