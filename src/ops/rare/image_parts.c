/* SPDX-License-Identifier: Apache-2.0
 * Parts of images: ExtractGlimpse takes one around a place of each, ExtractImagePatches all that
 * lie under a window which slides over them.
 *
 * Both leave numbers as they are, and fill up with zeros or noise what is outside. The noise of a
 * glimpse is new in every run, as TensorFlow's is, so that the op counts as one with a state. */
#include <math.h>
#include <string.h>

#include "base/os.h"
#include "kernels/distributions.h"
#include "ops/arrays.h"
#include "ops/spatial.h"

enum { IMAGE_RANK = 4 };

/* ---- ExtractGlimpse ---- */

/* The size is a value; images and places are as many. */
static void infer_glimpse(tw_infer *in)
{
    tw_shape x = tw_infer_rank(in, 0, IMAGE_RANK), offsets = tw_infer_matrix(in, 2);
    int64_t entries = tw_infer_dim(tw_infer_vector(in, 1), 0), pair = tw_infer_dim(offsets, 1);
    int64_t batch = tw_infer_dim(x, 0), places = tw_infer_dim(offsets, 0);
    if (!tw_dims_agree(entries, 2) || !tw_dims_agree(pair, 2))
        tw_infer_fail(in, "Dimension must be 2 but is %" PRId64,
                      tw_dims_agree(entries, 2) ? pair : entries);
    if (!tw_dims_agree(batch, places))
        tw_infer_fail(in, "Dimensions must be equal, but are %" PRId64 " and %" PRId64, batch,
                      places);
    tw_shape size = tw_infer_size_value(in, 1);
    int64_t high = tw_infer_dim(size, 0), wide = tw_infer_dim(size, 1);
    tw_infer_output(in, 0, TW_SHAPE(batch < 0 ? places : batch, high, wide, tw_infer_dim(x, 3)));
}

/* The first of `size` pixels of a glimpse along an axis of `from`; it may be outside of the image,
 * but not so far that sums with it would overflow. */
static int64_t start_of(const tw_compute *c, float at, int64_t from, int64_t size)
{
    /* Step by step in float, as in TensorFlow, which cuts towards 0 at the end. */
    at *= tw_compute_bool(c, "normalized") ? (float)from : 1;
    if (tw_compute_bool(c, "centered"))
        at = at / 2 + (float)from / 2;
    at = truncf(at - (float)size / 2);
    return (int64_t)fmin(fmax((double)at, -(double)size), (double)from);
}

/* Noise in the range of the image's numbers: even, or normal with their mean and deviation. */
static void add_noise(const float *x, size_t count, bool normal, float *out, size_t size)
{
    tw_philox stream = {0};
    double low = INFINITY, high = -INFINITY, sum = 0, squares = 0, n = (double)count;
    /* TensorFlow's noise has no seed either. */
    tw_os_entropy(&stream, sizeof stream);
    tw_random_fill(stream, normal ? TW_DISTRIBUTION_NORMAL : TW_DISTRIBUTION_UNIFORM, TW_FLOAT32,
                   out, size, 1);
    for (size_t i = 0; i < count; i++) {
        low = fmin(low, (double)x[i]);
        high = fmax(high, (double)x[i]);
        sum += (double)x[i];
        squares += (double)x[i] * (double)x[i];
    }
    double spread = normal ? sqrt(fmax(squares / n - sum / n * (sum / n), 0)) : high - low;
    for (size_t i = 0; i < size; i++) {
        /* Normal numbers have no bounds of their own. */
        double y = (normal ? sum / n : low) + (double)out[i] * spread;
        out[i] = (float)fmin(fmax(y, low), high);
    }
}

/* One image's glimpse: noise or zeros, over which what is there of the image is laid. */
static void look(const tw_compute *c, size_t image, const char *noise)
{
    const tw_array *x = tw_input(c, 0), *y = tw_output(c, 0);
    const float *at = (const float *)tw_input_data(c, 2) + image * 2;
    int64_t first[2], low[2], high[2], depth = x->dims[3];
    size_t size = tw_span(y->dims, 1, IMAGE_RANK), count = tw_span(x->dims, 1, IMAGE_RANK);
    const float *from = (const float *)x->data + image * count;
    float *to = (float *)y->data + image * size;
    bool outside = false;
    for (size_t k = 0; k < 2; k++) {
        int64_t n = x->dims[1 + k], m = y->dims[1 + k];
        first[k] = start_of(c, at[k], n, m);
        /* The part of the glimpse that is inside. */
        low[k] = first[k] < 0 ? -first[k] : 0;
        high[k] = n - first[k] < m ? n - first[k] : m;
        outside |= low[k] > 0 || high[k] < m;
    }
    /* Also below noise, which an image without pixels has no range for. */
    memset(to, 0, size * sizeof *to);
    if (outside && count && strcmp(noise, "zero") != 0)
        add_noise(from, count, strcmp(noise, "gaussian") == 0, to, size);
    for (int64_t row = low[0]; row < high[0] && low[1] < high[1]; row++)
        memcpy(to + (row * y->dims[2] + low[1]) * depth,
               from + ((row + first[0]) * x->dims[2] + low[1] + first[1]) * depth,
               (size_t)((high[1] - low[1]) * depth) * sizeof *to);
}

/* The older attribute cannot ask for anything but even noise. */
static tw_status *compute_glimpse(tw_compute *c)
{
    const char *noise = tw_compute_attr(c, "noise") ? tw_compute_string(c, "noise") : "uniform";
    noise = *noise ? noise : tw_compute_bool(c, "uniform_noise") ? "uniform" : "gaussian";
    bool uniform = strcmp(noise, "uniform") == 0;
    if (tw_compute_bool(c, "uniform_noise") && !uniform)
        return tw_compute_fail(c, "The uniform_noise and noise should not be specified at the same "
                                  "time");
    if (!uniform && strcmp(noise, "gaussian") != 0 && strcmp(noise, "zero") != 0)
        return tw_compute_fail(c, "The noise could only be uniform, gaussian, or zero, got %s",
                               noise);
    for (size_t image = 0; image < (size_t)tw_output(c, 0)->dims[0] && tw_output(c, 0)->count;
         image++)
        look(c, image, noise);
    return TW_OK;
}

const tw_op_definition tw_op_ExtractGlimpse = {
    .signature = "input: float, size: int32, offsets: float -> glimpse: float; "
                 "centered: bool = true; normalized: bool = true; uniform_noise: bool = true; "
                 "noise: string = \"uniform\"",
    .doc = "The part of `size` (rows, columns) around a place of each image (batch, rows, columns, "
           "depth). The places `offsets` (batch, 2) are rows and columns, or parts of the image's "
           "size if `normalized`, counted from its center if `centered`. What is outside of the "
           "image is filled with `noise`: uniform or gaussian in the image's range, or zero.",
    .since = "noise: 1.14",
    .examples = {"extract_glimpse([[[[1.], [2.], [3.]]]], [1, 1], [[0., 0.]]) -> [[[[2.]]]]",
                 "extract_glimpse([[[[1.], [2.]]]], [1, 3], [[0., 0.]], uniform_noise=False, "
                 "noise=\"zero\") -> [[[[1.], [2.], [0.]]]]"},
    .flags = TW_OP_STATEFUL,
    .shape_inputs = 1 << 1,
    .infer = infer_glimpse,
    .gradient = tw_not_differentiable,
    .compute = compute_glimpse,
};

/* ---- ExtractImagePatches ---- */

/* The window's attributes have names of their own here. */
static tw_status *read_attrs(tw_ints ksizes, tw_ints strides, tw_ints rates, const char *padding,
                             tw_spatial *out)
{
    tw_spatial_attrs attrs = {.op = "ExtractImagePatches",
                              .format = "NHWC",
                              .padding = padding,
                              .ksize = ksizes,
                              .strides = strides,
                              .dilations = rates};
    TW_TRY(tw_spatial_read(&attrs, out));
    /* Windows over batch and channels have no meaning that anybody agreed on. */
    if (out->batch_stride == 1 && out->depth_stride == 1 && out->batch_ksize == 1 &&
        out->depth_ksize == 1)
        return TW_OK;
    return tw_status_new(TW_UNIMPLEMENTED, "Only support ksizes and strides along rows and "
                                           "columns, not along batch and depth.");
}

/* Every window's pixels stand one behind the other. */
/* A patch has the numbers of all of its pixels, however many are padding. */
static void infer_patches(tw_infer *in)
{
    tw_shape x = tw_infer_rank(in, 0, IMAGE_RANK);
    int64_t sizes[2], depth = tw_infer_dim(x, 3);
    tw_spatial s;
    tw_status *status = read_attrs(tw_infer_ints(in, "ksizes"), tw_infer_ints(in, "strides"),
                                   tw_infer_ints(in, "rates"), tw_infer_string(in, "padding"), &s);
    if (status) {
        tw_infer_fail(in, "%s", tw_status_message(status));
        tw_status_free(status);
        return;
    }
    for (size_t k = 0; k < 2; k++)
        sizes[k] = tw_infer_windowed(in, &s, k, tw_infer_dim(x, (int64_t)k + 1), s.ksize[k]);
    if (depth >= 0 &&
        (!tw_int64_mul(depth, s.ksize[0], &depth) || !tw_int64_mul(depth, s.ksize[1], &depth)))
        tw_infer_fail(in, "patches of %" PRId64 " x %" PRId64 " pixels are too large", s.ksize[0],
                      s.ksize[1]);
    tw_infer_output(in, 0, TW_SHAPE(tw_infer_dim(x, 0), sizes[0], sizes[1], depth));
}

/* One pixel of one window after the other: those in the padding are zeros. */
static tw_status *compute_patches(tw_compute *c)
{
    const tw_array *x = tw_input(c, 0), *y = tw_output(c, 0);
    tw_window w[2];
    tw_spatial s;
    TW_TRY(read_attrs(tw_compute_ints(c, "ksizes"), tw_compute_ints(c, "strides"),
                      tw_compute_ints(c, "rates"), tw_compute_string(c, "padding"), &s));
    for (size_t k = 0; k < 2; k++)
        TW_TRY(tw_spatial_window(&s, k, x->dims[1 + k], s.ksize[k], &w[k]));
    size_t size = (size_t)x->dims[3] * tw_dtype_size(x->dtype);
    /* i is a cell of a window of an image. */
    size_t each = w[0].window * w[1].window, windows = w[0].out * w[1].out;
    for (size_t i = 0; i < y->count / (size_t)(x->dims[3] ? x->dims[3] : 1); i++) {
        size_t at[2], cell = i % each, window = i / each % windows, image = i / each / windows;
        /* The place of a cell in the image, by rows and columns. */
        at[0] = window / w[1].out * w[0].stride + cell / w[1].window * w[0].dilation - w[0].pad;
        at[1] = window % w[1].out * w[1].stride + cell % w[1].window * w[1].dilation - w[1].pad;
        char *to = (char *)y->data + i * size;
        /* What is before the first pixel has wrapped around. */
        if (at[0] < w[0].in && at[1] < w[1].in)
            memcpy(to, (const char *)x->data + ((image * w[0].in + at[0]) * w[1].in + at[1]) * size,
                   size);
        else
            memset(to, 0, size);
    }
    return TW_OK;
}

/* Patches of an image of the pixels' numbers, from 1 on, say where each number of dy belongs; 0 is
 * padding, whose share is dropped. */
static tw_status *gradient_patches(tw_gradient *g)
{
    tw_tensor shape = tw_shape(g->inputs[0]), space = tw_slice(shape, TW_INTS(1), TW_INTS(2));
    tw_tensor pixels = tw_reduce_prod(space), one = tw_constant(TW_INTS(1));
    tw_tensor numbers = tw_reshape(tw_add(tw_range(0, pixels, 1), 1),
                                   tw_concat(TW_LIST(one, space, one), 0));
    tw_tensor patches = tw_extract_image_patches(
        numbers, .ksizes = tw_gradient_ints(g, "ksizes"), .strides = tw_gradient_ints(g, "strides"),
        .rates = tw_gradient_ints(g, "rates"), .padding = tw_gradient_string(g, "padding"));
    tw_tensor ids = tw_sub(tw_reshape(patches, TW_INTS(-1)), 1);
    tw_tensor batch = tw_slice(shape, TW_INTS(0), TW_INTS(1));
    tw_tensor depth = tw_slice(shape, TW_INTS(3), TW_INTS(1));
    /* Numbers of one pixel stay together, so that they go to their place as one row. */
    tw_tensor rows = tw_concat(TW_LIST(batch, tw_shape(ids), depth), 0);
    tw_tensor dy = tw_transpose(tw_reshape(tw_gradient_dy(g, 0), rows), TW_INTS(1, 0, 2));
    tw_tensor sums = tw_unsorted_segment_sum(dy, ids, pixels);
    g->dx[0] = tw_grad_of(tw_reshape(tw_transpose(sums, TW_INTS(1, 0, 2)), shape));
    return TW_OK;
}

const tw_op_definition tw_op_ExtractImagePatches = {
    .signature = "images: T -> patches: T; ksizes: list(int) >= 4; strides: list(int) >= 4; "
                 "rates: list(int) >= 4; T: {float, double, int32, uint8, int16, int8, int64, "
                 "bfloat16, uint16, half, uint32, uint64}; padding: {\"SAME\", \"VALID\"}",
    .doc = "The windows of images (batch, rows, columns, depth), each flat as the depth of one "
           "pixel. `ksizes`, `strides` and `rates` (the distance of a window's pixels) have an "
           "entry for each axis, which is 1 for batch and depth.",
    .since = "ExtractImagePatches: 0.9",
    .examples = {"extract_image_patches([[[[1], [2], [3]]]], ksizes=[1, 1, 2, 1], "
                 "strides=[1, 1, 1, 1], rates=[1, 1, 1, 1], padding=\"VALID\") -> "
                 "[[[[1, 2], [2, 3]]]]"},
    .infer = infer_patches,
    .gradient = gradient_patches,
    .compute = compute_patches,
};
