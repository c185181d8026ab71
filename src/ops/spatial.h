/* SPDX-License-Identifier: Apache-2.0
 * Attributes of operations that slide a window over images: strides, padding, data_format. They are
 * read and checked in one place, for the shape rule as for the kernel. */
#ifndef TW_OPS_SPATIAL_H
#define TW_OPS_SPATIAL_H

#include "kernels/window.h"

#include "op/define.h"

/* As the operation has them; lists that it does not have are NULL. */
typedef struct tw_spatial_attrs {
    const char *op; /* its type, for errors */
    const char *format, *padding;
    tw_ints strides, dilations, ksize, explicit_paddings;
} tw_spatial_attrs;

/* Read: index 0 stands for rows, 1 for columns. */
typedef struct tw_spatial {
    bool nchw, same, is_explicit;
    int64_t stride[2], dilation[2], ksize[2], before[2], after[2];
    int64_t batch_stride, depth_stride, batch_ksize, depth_ksize;
} tw_spatial;

/* The attribute's list; NULL where the operation has no such attribute. */
tw_ints tw_spatial_list(const tw_attr *attr);
tw_spatial_attrs tw_infer_spatial_attrs(const tw_infer *in, const char *op);
tw_spatial_attrs tw_compute_spatial_attrs(const tw_compute *c, const char *op);
tw_status *tw_spatial_read(const tw_spatial_attrs *attrs, tw_spatial *out);
/* The same, a failure being the rule's; then of the node's own attributes. */
bool tw_infer_spatial_of(tw_infer *in, const tw_spatial_attrs *attrs, tw_spatial *out);
bool tw_infer_spatial(tw_infer *in, const char *op, tw_spatial *out);

/* Where the axes of an image stand. */
static inline size_t tw_depth_axis(bool nchw)
{
    return nchw ? 1 : 3;
}
static inline size_t tw_spatial_axis(bool nchw, size_t which)
{
    return which + (nchw ? 2 : 1);
}

/* How many outputs `in` inputs give along rows or columns; -1: unknown, or the rule fails. */
int64_t tw_infer_windowed(tw_infer *in, const tw_spatial *s, size_t which, int64_t size,
                          int64_t window);
/* The same with padding, for a kernel. */
tw_status *tw_spatial_window(const tw_spatial *s, size_t which, int64_t size, int64_t window,
                             tw_window *out);
/* An image's shape in the order of its format. */
tw_shape tw_infer_image(tw_infer *in, bool nchw, int64_t batch, int64_t rows, int64_t cols,
                        int64_t depth);

#endif
