/* SPDX-License-Identifier: Apache-2.0
 * SpaceToDepth and DepthToSpace: blocks of pixels become channels of one pixel, and the way back.
 * With b the block size, pixel (h b + i, w b + j) and channel c correspond to pixel (h, w) and
 * channel (i b + j) C + c: one copy over six axes n, h, i, w, j, c. */
#include "ops/arrays.h"

/* Where the axes of an image lie. */
typedef struct layout {
    size_t height, width, channels;
} layout;

/* The format as a text; false: it is one that no kernel serves. */
static bool read_layout(const char *format, layout *out)
{
    bool first = format && format[0] == 'N' && format[1] == 'C';
    *out = first ? (layout){2, 3, 1} : (layout){1, 2, 3};
    return !format || format[0] == '\0' || format[4] == '\0'; /* not NCHW_VECT_C */
}

/* Images of unknown rank have four dimensions too. */
static bool infer_image(tw_infer *in, tw_shape *x, layout *at)
{
    *x = tw_infer_input(in, 0);
    if (!read_layout(tw_infer_string(in, "data_format"), at))
        tw_infer_fail(in, "Only NHWC and NCHW data_format supported on CPU. Got %s",
                      tw_infer_string(in, "data_format"));
    if (x->dims && x->rank != 4)
        tw_infer_fail(in, "Input rank should be 4 instead of %zu", x->rank);
    *x = x->dims ? *x : tw_infer_unknown(in, 4);
    return !tw_infer_failed(in);
}

/* The batch keeps its place in both formats, so three dims are replaced in the shape that came
 * in. */
static void put_image(tw_infer *in, tw_shape x, const layout *at, int64_t height, int64_t width,
                      int64_t channels)
{
    x = tw_infer_replace(in, x, at->height, height);
    x = tw_infer_replace(in, x, at->width, width);
    tw_infer_output(in, 0, tw_infer_replace(in, x, at->channels, channels));
}

/* Copies between an image of large and one of deep pixels. */
static tw_status *rearrange(tw_compute *c, bool to_depth)
{
    const tw_array *x = tw_input(c, 0), *y = tw_output(c, 0);
    const tw_array *wide = to_depth ? x : y, *deep = to_depth ? y : x;
    ptrdiff_t a[4], b[4], block = (ptrdiff_t)tw_compute_int(c, "block_size");
    layout at;
    read_layout(tw_compute_string(c, "data_format"), &at);
    tw_row_major(wide->dims, 4, a);
    tw_row_major(deep->dims, 4, b);
    ptrdiff_t channels = (ptrdiff_t)wide->dims[at.channels];
    size_t dims[6] = {(size_t)x->dims[0], (size_t)deep->dims[at.height],
                      (size_t)block,      (size_t)deep->dims[at.width],
                      (size_t)block,      (size_t)channels};
    ptrdiff_t of_wide[6] = {a[0],        a[at.height] * block, a[at.height], a[at.width] * block,
                            a[at.width], a[at.channels]};
    ptrdiff_t of_deep[6] = {b[0],
                            b[at.height],
                            b[at.channels] * channels * block,
                            b[at.width],
                            b[at.channels] * channels,
                            b[at.channels]};
    if (y->count == 0)
        return TW_OK;
    tw_region region = {6, dims, to_depth ? of_deep : of_wide, to_depth ? of_wide : of_deep};
    tw_par par = tw_compute_par(c);
    return tw_copy_region(x->dtype, &region, y->data, x->data, &par);
}

#define IMAGE                                                \
    "input: T -> output: T; T: type; block_size: int >= 2; " \
    "data_format: {\"NHWC\", \"NCHW\", \"NCHW_VECT_C\"} = \"NHWC\""

/* ---- SpaceToDepth ---- */

/* (h b, w b, c) to (h, w, b b c) */
static void infer_to_depth(tw_infer *in)
{
    tw_shape x;
    layout at;
    int64_t block = tw_infer_int(in, "block_size"), channels;
    if (!infer_image(in, &x, &at))
        return;
    int64_t height = x.dims[at.height], width = x.dims[at.width];
    if ((height >= 0 && height % block != 0) || (width >= 0 && width % block != 0)) {
        tw_infer_fail(in,
                      "Image width %" PRId64 " and height %" PRId64
                      " should be divisible by block_size: %" PRId64,
                      width, height, block);
        return;
    }
    if (!tw_int64_mul(block, block, &channels) ||
        (x.dims[at.channels] >= 0 && !tw_int64_mul(channels, x.dims[at.channels], &channels)))
        tw_infer_fail(in, "the number of channels is out of range");
    channels = x.dims[at.channels] < 0 ? -1 : channels;
    put_image(in, x, &at, height < 0 ? -1 : height / block, width < 0 ? -1 : width / block,
              channels);
}

/* Both only move elements: the gradient is the way back. */
static tw_status *gradient_to_depth(tw_gradient *g)
{
    g->dx[0] = tw_grad_of(tw_depth_to_space(tw_gradient_dy(g, 0), tw_gradient_int(g, "block_size"),
                                            .data_format = tw_gradient_string(g, "data_format")));
    return TW_OK;
}

static tw_status *compute_to_depth(tw_compute *c)
{
    return rearrange(c, true);
}

const tw_op_definition tw_op_SpaceToDepth = {
    .signature = IMAGE,
    .doc = "Images whose blocks of block_size x block_size pixels become one pixel with so many "
           "times the channels.",
    .since = "data_format: 1.4",
    .examples = {"space_to_depth([[[[1], [2]], [[3], [4]]]], 2) -> [[[[1, 2, 3, 4]]]]"},
    .infer = infer_to_depth,
    .gradient = gradient_to_depth,
    .compute = compute_to_depth,
};

/* ---- DepthToSpace ---- */

/* (h, w, b b c) to (h b, w b, c) */
static void infer_to_space(tw_infer *in)
{
    tw_shape x;
    layout at;
    int64_t block = tw_infer_int(in, "block_size"), area, height = -1, width = -1;
    if (!infer_image(in, &x, &at))
        return;
    int64_t channels = x.dims[at.channels];
    if (!tw_int64_mul(block, block, &area) || (channels >= 0 && channels % area != 0)) {
        tw_infer_fail(in, "Input depth dimension %" PRId64 " should be divisible by: %" PRId64,
                      channels, area);
        return;
    }
    if ((x.dims[at.height] >= 0 && !tw_int64_mul(x.dims[at.height], block, &height)) ||
        (x.dims[at.width] >= 0 && !tw_int64_mul(x.dims[at.width], block, &width)))
        tw_infer_fail(in, "the size of the result is out of range");
    put_image(in, x, &at, height, width, channels < 0 ? -1 : channels / area);
}

static tw_status *gradient_to_space(tw_gradient *g)
{
    g->dx[0] = tw_grad_of(tw_space_to_depth(tw_gradient_dy(g, 0), tw_gradient_int(g, "block_size"),
                                            .data_format = tw_gradient_string(g, "data_format")));
    return TW_OK;
}

static tw_status *compute_to_space(tw_compute *c)
{
    return rearrange(c, false);
}

const tw_op_definition tw_op_DepthToSpace = {
    .signature = IMAGE,
    .doc =
        "Images whose pixels become blocks of block_size x block_size pixels, with so many times "
        "fewer channels.",
    .since = "data_format: 1.4",
    .examples = {"depth_to_space([[[[1, 2, 3, 4]]]], 2) -> [[[[1], [2]], [[3], [4]]]]"},
    .infer = infer_to_space,
    .gradient = gradient_to_space,
    .compute = compute_to_space,
};
