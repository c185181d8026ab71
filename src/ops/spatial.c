/* SPDX-License-Identifier: Apache-2.0
 * Reading strides and windows, and TensorFlow's sizes: SAME gives ceil(in / stride) outputs and
 * shares the padding out equally, the odd one after; VALID pads nothing. */
#include "ops/spatial.h"

#include <string.h>

enum { IMAGE_RANK = 4 };

/* Every list has an entry for each axis of an image. */
static tw_status *check_list(const tw_spatial_attrs *a, const char *what, tw_ints list)
{
    if (!list.items || list.count == IMAGE_RANK)
        return TW_OK;
    return tw_value_error("%s on data format %s requires the %s attribute to contain 4 values, "
                          "but got: %zu",
                          a->op, a->format, what, list.count);
}

/* Pairs of padding before and after each axis; only rows and columns may have any. The bound
 * keeps sums of sizes from overflowing. */
static tw_status *read_explicit(const tw_spatial_attrs *a, tw_spatial *s)
{
    tw_ints pads = a->explicit_paddings;
    if (!s->is_explicit) {
        if (pads.count)
            return tw_value_error("explicit_paddings attribute must be empty if the padding "
                                  "attribute is not EXPLICIT");
        return TW_OK;
    }
    if (pads.count != 2 * IMAGE_RANK)
        return tw_value_error("explicit_paddings attribute must contain %d values, but got: %zu",
                              2 * IMAGE_RANK, pads.count);
    for (size_t i = 0; i < pads.count; i++)
        if (pads.items[i] < 0 || pads.items[i] > INT32_MAX)
            return tw_value_error("All elements of explicit_paddings must be nonnegative");
    size_t depth = tw_depth_axis(s->nchw);
    if (pads.items[0] || pads.items[1] || pads.items[2 * depth] || pads.items[2 * depth + 1])
        return tw_value_error("Nonzero explicit padding in the batch or depth dimensions is not "
                              "supported");
    for (size_t k = 0; k < 2; k++) {
        s->before[k] = pads.items[2 * tw_spatial_axis(s->nchw, k)];
        s->after[k] = pads.items[2 * tw_spatial_axis(s->nchw, k) + 1];
    }
    return TW_OK;
}

/* Zero would divide by zero; what is beyond 32 bits is no stride, but would overflow sizes. */
static tw_status *check_positive(const char *what, tw_ints list)
{
    for (size_t i = 0; i < list.count; i++) {
        if (list.items[i] <= 0)
            return tw_value_error("%s must be > 0, but got %" PRId64, what, list.items[i]);
        if (list.items[i] > INT32_MAX)
            return tw_value_error("%s is too large: %" PRId64, what, list.items[i]);
    }
    return TW_OK;
}

tw_status *tw_spatial_read(const tw_spatial_attrs *a, tw_spatial *s)
{
    *s = (tw_spatial){.nchw = strcmp(a->format, "NCHW") == 0,
                      .same = strcmp(a->padding, "SAME") == 0,
                      .is_explicit = strcmp(a->padding, "EXPLICIT") == 0};
    if (!s->nchw && strcmp(a->format, "NHWC") != 0)
        return tw_status_new(TW_UNIMPLEMENTED, "%s supports NHWC and NCHW, not %s", a->op,
                             a->format);
    TW_TRY(check_list(a, "stride", a->strides));
    TW_TRY(check_list(a, "dilation", a->dilations));
    TW_TRY(check_list(a, "ksize", a->ksize));
    TW_TRY(check_positive("Stride", a->strides));
    TW_TRY(check_positive("Dilation rate", a->dilations));
    TW_TRY(check_positive("Sliding window ksize", a->ksize));
    TW_TRY(read_explicit(a, s));
    size_t depth = tw_depth_axis(s->nchw);
    s->batch_stride = a->strides.items ? a->strides.items[0] : 1;
    s->depth_stride = a->strides.items ? a->strides.items[depth] : 1;
    s->batch_ksize = a->ksize.items ? a->ksize.items[0] : 1;
    s->depth_ksize = a->ksize.items ? a->ksize.items[depth] : 1;
    for (size_t k = 0; k < 2; k++) {
        size_t axis = tw_spatial_axis(s->nchw, k);
        s->stride[k] = a->strides.items ? a->strides.items[axis] : 1;
        s->dilation[k] = a->dilations.items ? a->dilations.items[axis] : 1;
        s->ksize[k] = a->ksize.items ? a->ksize.items[axis] : 1;
    }
    if (a->dilations.items && (a->dilations.items[0] != 1 || a->dilations.items[depth] != 1))
        return tw_value_error("Current implementation does not yet support dilations in the batch "
                              "and depth dimensions.");
    return TW_OK;
}

/* A list that the operation has is never NULL here, however short. */
tw_ints tw_spatial_list(const tw_attr *attr)
{
    static const int64_t nothing;
    if (!attr || !attr->list)
        return (tw_ints){NULL, 0};
    return (tw_ints){attr->count ? attr->value.items : &nothing, attr->count};
}

tw_spatial_attrs tw_infer_spatial_attrs(const tw_infer *in, const char *op)
{
    return (tw_spatial_attrs){
        .op = op,
        .format = tw_infer_attr(in, "data_format") ? tw_infer_string(in, "data_format") : "NHWC",
        .padding = tw_infer_string(in, "padding"),
        .strides = tw_spatial_list(tw_infer_attr(in, "strides")),
        .dilations = tw_spatial_list(tw_infer_attr(in, "dilations")),
        .ksize = tw_spatial_list(tw_infer_attr(in, "ksize")),
        .explicit_paddings = tw_spatial_list(tw_infer_attr(in, "explicit_paddings"))};
}

tw_spatial_attrs tw_compute_spatial_attrs(const tw_compute *c, const char *op)
{
    return (tw_spatial_attrs){
        .op = op,
        .format = tw_compute_attr(c, "data_format") ? tw_compute_string(c, "data_format") : "NHWC",
        .padding = tw_compute_string(c, "padding"),
        .strides = tw_spatial_list(tw_compute_attr(c, "strides")),
        .dilations = tw_spatial_list(tw_compute_attr(c, "dilations")),
        .ksize = tw_spatial_list(tw_compute_attr(c, "ksize")),
        .explicit_paddings = tw_spatial_list(tw_compute_attr(c, "explicit_paddings"))};
}

/* A rule keeps a failure's text only: the code is that of all rules. */
bool tw_infer_spatial_of(tw_infer *in, const tw_spatial_attrs *attrs, tw_spatial *out)
{
    tw_status *status = tw_spatial_read(attrs, out);
    if (!status)
        return true;
    tw_infer_fail(in, "%s", tw_status_message(status));
    tw_status_free(status);
    return false;
}

bool tw_infer_spatial(tw_infer *in, const char *op, tw_spatial *out)
{
    tw_spatial_attrs attrs = tw_infer_spatial_attrs(in, op);
    return tw_infer_spatial_of(in, &attrs, out);
}

/* ---- sizes ---- */

/* From the first cell of a window to behind its last; -1: too large. */
static int64_t reach(const tw_spatial *s, size_t which, int64_t window)
{
    int64_t most;
    if (!tw_int64_mul(window, s->dilation[which], &most) || most > INT64_MAX / 4)
        return -1;
    return most - s->dilation[which] + 1;
}

/* Places of a window: SAME starts one at every stride, the others wherever a whole window fits. */
static int64_t outputs(const tw_spatial *s, size_t which, int64_t size, int64_t reached)
{
    int64_t stride = s->stride[which];
    if (s->same)
        return size / stride + (size % stride != 0);
    return (size + s->before[which] + s->after[which] - reached) / stride + 1;
}

/* With SAME the window does not matter, so that its size may be unknown. */
int64_t tw_infer_windowed(tw_infer *in, const tw_spatial *s, size_t which, int64_t size,
                          int64_t window)
{
    if (size < 0 || (window < 0 && !s->same) || size > INT64_MAX / 4)
        return -1;
    if (s->same)
        return outputs(s, which, size, 0);
    int64_t padded = size + s->before[which] + s->after[which];
    int64_t reached = reach(s, which, window);
    if (reached < 0 || reached > padded) {
        tw_infer_fail(in, "Negative dimension size caused by subtracting %" PRId64 " from %" PRId64,
                      reached < 0 ? window : reached, padded);
        return -1;
    }
    return outputs(s, which, size, reached);
}

/* The rule's sizes again, from what really comes in, and how the padding of SAME is shared: the
 * smaller half first. */
tw_status *tw_spatial_window(const tw_spatial *s, size_t which, int64_t size, int64_t window,
                             tw_window *out)
{
    int64_t reached = window > 0 ? reach(s, which, window) : -1;
    if (reached < 0 || size > INT64_MAX / 4)
        return tw_value_error("Computed output size would be negative: window %" PRId64
                              " over input size %" PRId64,
                              window, size);
    int64_t padded = size + s->before[which] + s->after[which], pad = s->before[which];
    if (!s->same && reached > padded)
        return tw_value_error("Computed output size would be negative: input_size: %" PRId64
                              ", effective_filter_size: %" PRId64 ", stride: %" PRId64,
                              padded, reached, s->stride[which]);
    int64_t count = outputs(s, which, size, reached);
    if (s->same) {
        int64_t needed = (count - 1) * s->stride[which] + reached - size;
        pad = count > 0 && needed > 0 ? needed / 2 : 0;
    }
    *out = (tw_window){.in = (size_t)size,
                       .out = (size_t)count,
                       .window = (size_t)window,
                       .stride = (size_t)s->stride[which],
                       .dilation = (size_t)s->dilation[which],
                       .pad = (size_t)pad};
    return TW_OK;
}

/* The caller's names for the axes become places. */
tw_shape tw_infer_image(tw_infer *in, bool nchw, int64_t batch, int64_t rows, int64_t cols,
                        int64_t depth)
{
    int64_t *dims = tw_infer_dims(in, IMAGE_RANK);
    dims[0] = batch;
    dims[tw_depth_axis(nchw)] = depth;
    dims[tw_spatial_axis(nchw, 0)] = rows;
    dims[tw_spatial_axis(nchw, 1)] = cols;
    return (tw_shape){dims, IMAGE_RANK};
}
