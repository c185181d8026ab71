/* SPDX-License-Identifier: Apache-2.0
 * Sizes and checks of poolings, with TensorFlow's refusals. */
#include "ops/pool.h"

#include "ops/brackets.h"

enum { IMAGE_RANK = 4 };

/* Rows and columns as in a convolution; channels are a third direction without padding. */
void tw_infer_pooled(tw_infer *in, const tw_spatial *s)
{
    tw_shape x = tw_infer_rank(in, 0, IMAGE_RANK);
    if (tw_infer_failed(in))
        return;
    int64_t sizes[2], depth = x.dims[tw_depth_axis(s->nchw)];
    for (size_t k = 0; k < 2; k++)
        sizes[k] = tw_infer_windowed(in, s, k, x.dims[tw_spatial_axis(s->nchw, k)], s->ksize[k]);
    if (depth >= 0 && s->depth_ksize > depth && !s->same)
        tw_infer_fail(in, "Negative dimension size caused by subtracting %" PRId64 " from %" PRId64,
                      s->depth_ksize, depth);
    else if (depth >= 0 && s->same)
        depth = depth / s->depth_stride + (depth % s->depth_stride != 0);
    else if (depth >= 0)
        depth = (depth - s->depth_ksize) / s->depth_stride + 1;
    tw_infer_output(in, 0, tw_infer_image(in, s->nchw, x.dims[0], sizes[0], sizes[1], depth));
}

/* Attributes are read as by the kernel; `op` is the name that messages carry. */
void tw_infer_pool(tw_infer *in, const char *op)
{
    tw_spatial s;
    if (tw_infer_spatial(in, op, &s))
        tw_infer_pooled(in, &s);
}

/* TensorFlow's refusals, in its order and with its words. */
tw_status *tw_pool_check(const tw_spatial *s, bool depth)
{
    if (s->batch_ksize != 1 || s->batch_stride != 1)
        return tw_status_new(TW_UNIMPLEMENTED,
                             "Pooling is not yet supported on the batch dimension.");
    bool over_depth = s->depth_ksize != 1, over_image = s->ksize[0] != 1 || s->ksize[1] != 1;
    if (over_depth && !depth)
        return tw_status_new(TW_UNIMPLEMENTED,
                             "Pooling is not yet supported on the depth dimension.");
    if (over_depth && over_image)
        return tw_status_new(TW_UNIMPLEMENTED, "MaxPooling supports exactly one of pooling across "
                                               "depth or pooling across width/height.");
    if (over_depth && s->depth_ksize != s->depth_stride)
        return tw_status_new(TW_UNIMPLEMENTED, "Depthwise max pooling requires the depth window "
                                               "to equal the depth stride.");
    if (!over_depth && s->depth_stride != 1)
        return tw_status_new(TW_UNIMPLEMENTED,
                             "Pooling is not yet supported with strides over the depth dimension.");
    return TW_OK;
}

/* Once for each set of sizes: attributes are not looked at while steps run. */
tw_status *tw_pool_prepare(tw_compute *c, tw_spatial *s, const char *op, bool depth)
{
    tw_spatial_attrs attrs = tw_compute_spatial_attrs(c, op);
    TW_TRY(tw_spatial_read(&attrs, s));
    return tw_pool_check(s, depth);
}

/* What comes back from windows must be as large as what they gave. */
tw_status *tw_pool_make(const tw_compute *c, const tw_spatial *s, const int64_t *image,
                        const tw_array *windows, tw_pool2d *out)
{
    *out = (tw_pool2d){
        .batch = (size_t)image[0], .depth = (size_t)image[tw_depth_axis(s->nchw)], .nchw = s->nchw};
    TW_TRY(tw_spatial_window(s, 0, image[tw_spatial_axis(s->nchw, 0)], s->ksize[0], &out->rows));
    TW_TRY(tw_spatial_window(s, 1, image[tw_spatial_axis(s->nchw, 1)], s->ksize[1], &out->cols));
    if (!windows)
        return TW_OK;
    int64_t wanted[IMAGE_RANK] = {image[0]};
    wanted[tw_depth_axis(s->nchw)] = image[tw_depth_axis(s->nchw)];
    wanted[tw_spatial_axis(s->nchw, 0)] = (int64_t)out->rows.out;
    wanted[tw_spatial_axis(s->nchw, 1)] = (int64_t)out->cols.out;
    if (tw_shape_equal(tw_shape_of(windows), (tw_shape){wanted, IMAGE_RANK}))
        return TW_OK;
    return tw_compute_fail(c, "Expected a gradient of shape %s, but got %s",
                           tw_shape_text((tw_shape){wanted, IMAGE_RANK}).s, tw_brackets(windows).s);
}
