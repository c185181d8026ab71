/* SPDX-License-Identifier: Apache-2.0
 * Dilation2D, the greatest of a window's numbers each with the filter's added, and its derivatives,
 * which go to the cell that was the greatest: the first of several.
 *
 * Integers pass through doubles, as everywhere in ops that are seldom run. */
#include <math.h>
#include <string.h>

#include "ops/arrays.h"
#include "ops/spatial.h"

enum { IMAGE_RANK = 4 };

/* The filter (rows, columns, depth) is the window, and `rates` is how far its cells are apart. */
static tw_status *read_attrs(tw_ints strides, tw_ints rates, const char *padding, tw_spatial *out)
{
    tw_spatial_attrs attrs = {.op = "Dilation2D",
                              .format = "NHWC",
                              .padding = padding,
                              .strides = strides,
                              .dilations = rates};
    TW_TRY(tw_spatial_read(&attrs, out));
    if (out->batch_stride == 1 && out->depth_stride == 1)
        return TW_OK;
    return tw_status_new(TW_INVALID_ARGUMENT, "Stride and rates cannot be larger than 1 along "
                                              "batch and depth.");
}

static void infer(tw_infer *in)
{
    tw_shape x = tw_infer_rank(in, 0, IMAGE_RANK), filter = tw_infer_rank(in, 1, 3);
    int64_t sizes[2], depth = tw_infer_dim(x, 3), own = tw_infer_dim(filter, 2);
    tw_spatial s;
    tw_status *status = read_attrs(tw_infer_ints(in, "strides"), tw_infer_ints(in, "rates"),
                                   tw_infer_string(in, "padding"), &s);
    if (status) {
        tw_infer_fail(in, "%s", tw_status_message(status));
        tw_status_free(status);
        return;
    }
    if (!tw_dims_agree(depth, own))
        tw_infer_fail(in, "Dimensions must be equal, but are %" PRId64 " and %" PRId64, depth, own);
    for (size_t k = 0; k < 2; k++)
        sizes[k] = tw_infer_windowed(in, &s, k, tw_infer_dim(x, (int64_t)k + 1),
                                     tw_infer_dim(filter, (int64_t)k));
    tw_infer_output(in, 0,
                    TW_SHAPE(tw_infer_dim(x, 0), sizes[0], sizes[1], depth < 0 ? own : depth));
}

/* A derivative has the shape of what it is for. */
static void infer_input_grad(tw_infer *in)
{
    tw_infer_output(in, 0, tw_infer_rank(in, 0, IMAGE_RANK));
}
static void infer_filter_grad(tw_infer *in)
{
    tw_infer_output(in, 0, tw_infer_rank(in, 1, 3));
}

/* ---- the greatest cell ---- */

typedef struct dilation {
    const tw_array *x, *filter;
    tw_window w[2];
    size_t depth, outputs;
} dilation;

/* Where the greatest cell of a window is, in the image and in the filter. */
typedef struct cell {
    double value;
    size_t at, in_filter;
} cell;

static tw_status *begin(const tw_compute *c, dilation *d)
{
    tw_spatial s;
    *d = (dilation){.x = tw_input(c, 0), .filter = tw_input(c, 1)};
    TW_TRY(read_attrs(tw_compute_ints(c, "strides"), tw_compute_ints(c, "rates"),
                      tw_compute_string(c, "padding"), &s));
    for (size_t k = 0; k < 2; k++)
        TW_TRY(tw_spatial_window(&s, k, d->x->dims[1 + k], d->filter->dims[k], &d->w[k]));
    d->depth = (size_t)d->x->dims[3];
    d->outputs = (size_t)d->x->dims[0] * d->w[0].out * d->w[1].out * d->depth;
    return TW_OK;
}

/* Of output i. A window without a number that is greater than nothing (NaN) has its first cell. */
static cell greatest(const dilation *d, size_t i)
{
    const tw_window *rows = &d->w[0], *columns = &d->w[1];
    size_t channel = i % d->depth, place = i / d->depth;
    size_t column = place % columns->out, row = place / columns->out % rows->out;
    size_t image = place / columns->out / rows->out;
    cell best = {-INFINITY, SIZE_MAX, 0};
    for (size_t k = 0; k < rows->window * columns->window; k++) {
        /* What is before the first row or column has wrapped around. */
        size_t y = row * rows->stride + k / columns->window * rows->dilation - rows->pad;
        size_t x = column * columns->stride + k % columns->window * columns->dilation -
                   columns->pad;
        if (y >= rows->in || x >= columns->in)
            continue;
        size_t at = ((image * rows->in + y) * columns->in + x) * d->depth + channel;
        size_t in_filter = k * d->depth + channel;
        double value = tw_number_at(d->x, at) + tw_number_at(d->filter, in_filter);
        if (value > best.value || best.at == SIZE_MAX)
            best = (cell){value, at, in_filter};
    }
    return best;
}

static tw_status *compute(tw_compute *c)
{
    dilation d;
    TW_TRY(begin(c, &d));
    for (size_t i = 0; i < d.outputs && tw_output(c, 0)->count; i++)
        tw_number_put(tw_output(c, 0), i, greatest(&d, i).value);
    return TW_OK;
}

/* dy has the output's shape, which the rule of this op does not ask. */
static tw_status *spread(tw_compute *c, bool to_filter)
{
    const tw_array *dy = tw_input(c, 2);
    tw_array *out = tw_output(c, 0);
    dilation d;
    TW_TRY(begin(c, &d));
    tw_zero_array(out);
    if (dy->rank != IMAGE_RANK || dy->dims[0] != d.x->dims[0] ||
        (size_t)dy->dims[1] != d.w[0].out || (size_t)dy->dims[2] != d.w[1].out ||
        dy->dims[3] != d.x->dims[3] || d.filter->dims[2] != d.x->dims[3])
        return tw_compute_fail(c, "out_backprop has shape %s, which the output has not",
                               tw_brackets(dy).s);
    for (size_t i = 0; i < dy->count; i++) {
        cell best = greatest(&d, i);
        size_t to = to_filter ? best.in_filter : best.at;
        if (best.at != SIZE_MAX)
            tw_number_put(out, to, tw_number_at(out, to) + tw_number_at(dy, i));
    }
    return TW_OK;
}

static tw_status *compute_input_grad(tw_compute *c)
{
    return spread(c, false);
}
static tw_status *compute_filter_grad(tw_compute *c)
{
    return spread(c, true);
}

static tw_status *gradient(tw_gradient *g)
{
    tw_ints strides = tw_gradient_ints(g, "strides"), rates = tw_gradient_ints(g, "rates");
    const char *padding = tw_gradient_string(g, "padding");
    tw_tensor x = g->inputs[0], filter = g->inputs[1], dy = tw_gradient_dy(g, 0);
    g->dx[0] = tw_grad_of(tw_dilation2d_backprop_input(x, filter, dy, .strides = strides,
                                                       .rates = rates, .padding = padding));
    g->dx[1] = tw_grad_of(tw_dilation2d_backprop_filter(x, filter, dy, .strides = strides,
                                                        .rates = rates, .padding = padding));
    return TW_OK;
}

#define ATTRS                                                                                 \
    "; T: {float, double, int32, uint8, int16, int8, int64, bfloat16, uint16, half, uint32, " \
    "uint64}; strides: list(int) >= 4; rates: list(int) >= 4; padding: {\"SAME\", \"VALID\"}"

const tw_op_definition tw_op_Dilation2D = {
    .signature = "input: T, filter: T -> output: T" ATTRS,
    .doc = "The greatest of input + filter in each window of images (batch, rows, columns, depth); "
           "the filter (rows, columns, depth) has a layer for each channel. `strides` and `rates` "
           "have an entry for each axis, which is 1 for batch and depth.",
    .builder = "dilation2d",
    .since = "Dilation2D: 0.9",
    .examples = {"dilation2d([[[[1.], [2.], [0.]]]], [[[0.], [0.5]]], strides=[1, 1, 1, 1], "
                 "rates=[1, 1, 1, 1], padding=\"VALID\") -> [[[[2.5], [2.]]]]"},
    .infer = infer,
    .gradient = gradient,
    .compute = compute,
};

const tw_op_definition tw_op_Dilation2DBackpropInput = {
    .signature = "input: T, filter: T, out_backprop: T -> in_backprop: T" ATTRS,
    .doc = "The derivative of Dilation2D for its input.",
    .builder = "dilation2d_backprop_input",
    .since = "Dilation2DBackpropInput: 0.9",
    .examples = {"dilation2d_backprop_input([[[[1.], [2.], [0.]]]], [[[0.], [0.5]]], "
                 "[[[[3.], [4.]]]], strides=[1, 1, 1, 1], rates=[1, 1, 1, 1], padding=\"VALID\") "
                 "-> [[[[0.], [7.], [0.]]]]"},
    .infer = infer_input_grad,
    .gradient = tw_gradient_undefined,
    .compute = compute_input_grad,
};

const tw_op_definition tw_op_Dilation2DBackpropFilter = {
    .signature = "input: T, filter: T, out_backprop: T -> filter_backprop: T" ATTRS,
    .doc = "The derivative of Dilation2D for its filter.",
    .builder = "dilation2d_backprop_filter",
    .since = "Dilation2DBackpropFilter: 0.9",
    .examples = {"dilation2d_backprop_filter([[[[1.], [2.], [0.]]]], [[[0.], [0.5]]], "
                 "[[[[3.], [4.]]]], strides=[1, 1, 1, 1], rates=[1, 1, 1, 1], padding=\"VALID\") "
                 "-> [[[4.], [3.]]]"},
    .infer = infer_filter_grad,
    .gradient = tw_gradient_undefined,
    .compute = compute_filter_grad,
};
