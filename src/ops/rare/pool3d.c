/* SPDX-License-Identifier: Apache-2.0
 * Poolings over volumes: MaxPool3D, AvgPool3D and their gradients. A maximum is the first of the
 * largest cells of a window, as it is for images; padding is no cell. Numbers go through double,
 * which holds every one of their dtypes exactly.
 *
 * Windows are walked cell by cell: these ops are met too seldom for loops of their own. What flows
 * back is added up in the order of windows, on one thread. */
#include <math.h>

#include "ops/rare/volumes.h"

/* The pixel of the largest number of a window in one channel; NaN is passed over if there is
 * anything else. */
static size_t largest(const tw_volume *v, const tw_array *x, size_t window, size_t channel)
{
    size_t best = SIZE_MAX;
    /* An infinite number counts as one; the first cell that is a pixel is taken in any case. */
    double most = -INFINITY;
    for (size_t cell = 0; cell < v->cells; cell++) {
        size_t pixel = tw_volume_pixel(v, window, cell);
        if (pixel == SIZE_MAX)
            continue;
        double value = tw_number_at(x, pixel * v->depth + channel);
        if (best == SIZE_MAX || value > most || (most != most && value == value)) {
            best = pixel;
            most = value;
        }
    }
    return best * v->depth + channel;
}

/* For each window and channel what is given from `from` to `to`, by way of the largest cell. */
typedef enum way { TO_WINDOW, TO_CELL } way;

/* The largest cell is looked for anew on the way back: it costs less than keeping where it was. */
static tw_status *pool_max(tw_compute *c, const tw_array *x, const tw_array *windows,
                           const tw_array *from, way which)
{
    tw_array *out = tw_output(c, 0);
    tw_volume v;
    TW_TRY(tw_volume_make(c, x->dims, NULL, &v));
    TW_TRY(tw_volume_check(c, &v, windows, v.depth));
    if (which == TO_CELL)
        /* Cells get sums, one after the other. */
        tw_zero_array(out);
    for (size_t i = 0; i < windows->count; i++) {
        size_t cell = largest(&v, x, i / v.depth, i % v.depth);
        size_t to = which == TO_CELL ? cell : i;
        double value = tw_number_at(from, which == TO_CELL ? i : cell);
        tw_number_put(out, to, which == TO_CELL ? tw_number_at(out, to) + value : value);
    }
    return TW_OK;
}

/* What flows is the volume itself. */
static tw_status *compute_max(tw_compute *c)
{
    return pool_max(c, tw_input(c, 0), tw_output(c, 0), tw_input(c, 0), TO_WINDOW);
}

/* The three inputs of both: the volume, its pooling, and what flows. */
static tw_status *compute_max_grad(tw_compute *c)
{
    if (!tw_same_shape(tw_input(c, 1), tw_input(c, 2)))
        return tw_compute_fail(c, "orig_output %s and grad %s must have one shape",
                               tw_brackets(tw_input(c, 1)).s, tw_brackets(tw_input(c, 2)).s);
    return pool_max(c, tw_input(c, 0), tw_input(c, 2), tw_input(c, 2), TO_CELL);
}
/* The way of MaxPool3D, with other numbers at the places. */
static tw_status *compute_max_grad_grad(tw_compute *c)
{
    if (!tw_same_shape(tw_input(c, 0), tw_input(c, 2)))
        return tw_compute_fail(c, "orig_input %s and grad %s must have one shape",
                               tw_brackets(tw_input(c, 0)).s, tw_brackets(tw_input(c, 2)).s);
    return pool_max(c, tw_input(c, 0), tw_input(c, 1), tw_input(c, 2), TO_WINDOW);
}

/* How many cells of a window are pixels. */
static double pixels_of(const tw_volume *v, size_t window)
{
    size_t count = 0;
    for (size_t cell = 0; cell < v->cells; cell++)
        count += tw_volume_pixel(v, window, cell) != SIZE_MAX;
    return (double)count;
}

/* The mean of a window, or what each of its cells gets back of it. */
static tw_status *pool_mean(tw_compute *c, const tw_array *x, const tw_array *windows, way which)
{
    tw_array *out = tw_output(c, 0);
    tw_volume v;
    TW_TRY(tw_volume_make(c, x->dims, NULL, &v));
    TW_TRY(tw_volume_check(c, &v, windows, v.depth));
    if (which == TO_CELL)
        tw_zero_array(out);
    for (size_t i = 0; i < windows->count; i++) {
        /* At the border a mean is of what is there. */
        double count = pixels_of(&v, i / v.depth), sum = 0;
        for (size_t cell = 0; cell < v.cells; cell++) {
            size_t pixel = tw_volume_pixel(&v, i / v.depth, cell);
            size_t at = pixel * v.depth + i % v.depth;
            if (pixel != SIZE_MAX && which == TO_WINDOW)
                sum += tw_number_at(x, at);
            else if (pixel != SIZE_MAX)
                tw_number_put(out, at, tw_number_at(out, at) + tw_number_at(windows, i) / count);
        }
        if (which == TO_WINDOW)
            tw_number_put(out, i, sum / count);
    }
    return TW_OK;
}

/* Sums go to windows ... */
static tw_status *compute_mean(tw_compute *c)
{
    return pool_mean(c, tw_input(c, 0), tw_output(c, 0), TO_WINDOW);
}
/* ... and shares come back. */
static tw_status *compute_mean_grad(tw_compute *c)
{
    return pool_mean(c, tw_output(c, 0), tw_input(c, 1), TO_CELL);
}

/* ---- shapes ---- */

/* Channels are pooled by themselves. */
static void infer(tw_infer *in)
{
    tw_shape x = tw_infer_rank(in, 0, TW_VOLUME_RANK);
    tw_infer_volume(in, 0, x, (tw_shape){NULL, 0}, tw_infer_dim(x, 4));
}

/* As large as the volume. */
static void infer_max_grad(tw_infer *in)
{
    tw_infer_rank(in, 1, TW_VOLUME_RANK);
    tw_infer_rank(in, 2, TW_VOLUME_RANK);
    tw_infer_output(in, 0, tw_infer_rank(in, 0, TW_VOLUME_RANK));
}

/* As large as input 0 says. */
static void infer_mean_grad(tw_infer *in)
{
    int64_t entries = tw_infer_dim(tw_infer_vector(in, 0), 0);
    tw_infer_rank(in, 1, TW_VOLUME_RANK);
    if (!tw_dims_agree(entries, TW_VOLUME_RANK))
        tw_infer_fail(in, "Dimension must be 5 but is %" PRId64, entries);
    tw_shape shape = tw_infer_size_value(in, 0);
    tw_infer_output(in, 0, tw_infer_merge(in, shape, tw_infer_unknown(in, TW_VOLUME_RANK)));
}

/* ---- gradients ---- */

#define OPTIONS(g)                                                                    \
    .ksize = tw_gradient_ints(g, "ksize"), .strides = tw_gradient_ints(g, "strides"), \
    .padding = tw_gradient_string(g, "padding"),                                      \
    .data_format = tw_gradient_string(g, "data_format")

/* The output goes along because TensorFlow's op takes it. */
static tw_status *gradient_max(tw_gradient *g)
{
    g->dx[0] = tw_grad_of(
        tw_max_pool3d_grad(g->inputs[0], g->outputs[0], tw_gradient_dy(g, 0), OPTIONS(g)));
    return TW_OK;
}

/* Which cell is largest does not change by a little: only what flowed is differentiated, and the
 * two gradients are each other's. */
static tw_status *gradient_flow(tw_gradient *g, bool back)
{
    tw_tensor x = g->inputs[0], y = g->inputs[1], dy = tw_gradient_dy(g, 0);
    g->dx[0] = tw_grad_of(tw_zeros_like(x));
    g->dx[1] = tw_grad_of(tw_zeros_like(y));
    g->dx[2] = tw_grad_of(back ? tw_max_pool3d_grad_grad(x, y, dy, OPTIONS(g))
                               : tw_max_pool3d_grad(x, y, dy, OPTIONS(g)));
    return TW_OK;
}
/* Neither the volume nor its pooling has a derivative here: zeros, as in TensorFlow. */
static tw_status *gradient_max_grad(tw_gradient *g)
{
    return gradient_flow(g, true);
}
static tw_status *gradient_max_grad_grad(tw_gradient *g)
{
    return gradient_flow(g, false);
}

/* Means are linear. */
static tw_status *gradient_mean(tw_gradient *g)
{
    g->dx[0] = tw_grad_of(
        tw_avg_pool3d_grad(tw_shape(g->inputs[0]), tw_gradient_dy(g, 0), OPTIONS(g)));
    return TW_OK;
}
/* Input 0 is a shape and has none. */
static tw_status *gradient_mean_grad(tw_gradient *g)
{
    g->dx[1] = tw_grad_of(tw_avg_pool3d(tw_gradient_dy(g, 0), OPTIONS(g)));
    return TW_OK;
}

/* TensorFlow serves double on the way forward by no CPU kernel; here it has one. */
#define WINDOW                                                                         \
    "ksize: list(int) >= 5; strides: list(int) >= 5; padding: {\"SAME\", \"VALID\"}; " \
    "data_format: {\"NDHWC\", \"NCDHW\"} = \"NDHWC\"; "
#define SINCE "0.8; data_format: 1.0; bfloat16: 1.6; half: 1.3"
#define CALL "ksize=[1, 1, 1, 2, 1], strides=[1, 1, 1, 1, 1], padding=\"VALID\") -> "

const tw_op_definition tw_op_MaxPool3D = {
    .signature = "input: T -> output: T; " WINDOW "T: {half, bfloat16, float, double}",
    .doc = "The largest number in each window of `ksize` over volumes (batch, planes, rows, "
           "columns, channels).",
    .builder = "max_pool3d",
    .since = SINCE,
    .examples = {"max_pool3d([[[[[1.], [3.], [2.]]]]], " CALL "[[[[[3.], [3.]]]]]"},
    .infer = infer,
    .gradient = gradient_max,
    .compute = compute_max,
};

const tw_op_definition tw_op_MaxPool3DGrad = {
    .signature = "orig_input: TInput, orig_output: TInput, grad: T -> output: T; " WINDOW
                 "T: {half, bfloat16, float, double} = float; "
                 "TInput: {half, bfloat16, float, double} = float",
    .doc = "The gradient of MaxPool3D: each number of `grad` is added to the largest cell of its "
           "window.",
    .builder = "max_pool3d_grad",
    .since = SINCE,
    .examples = {"max_pool3d_grad([[[[[1.], [3.], [2.]]]]], [[[[[3.], [3.]]]]], "
                 "[[[[[5.], [1.]]]]], " CALL "[[[[[0.], [6.], [0.]]]]]"},
    .infer = infer_max_grad,
    .gradient = gradient_max_grad,
    .compute = compute_max_grad,
};

const tw_op_definition tw_op_MaxPool3DGradGrad = {
    .signature = "orig_input: T, orig_output: T, grad: T -> output: T; " WINDOW "T: realnumbertype",
    .doc =
        "The gradient of MaxPool3DGrad: the number of `grad` at the largest cell of each window.",
    .builder = "max_pool3d_grad_grad",
    .since = "MaxPool3DGradGrad: 1.3",
    .examples = {"max_pool3d_grad_grad([[[[[1.], [3.], [2.]]]]], [[[[[3.], [3.]]]]], "
                 "[[[[[5.], [1.], [4.]]]]], " CALL "[[[[[1.], [1.]]]]]"},
    .infer = infer,
    .gradient = gradient_max_grad_grad,
    .compute = compute_max_grad_grad,
};

const tw_op_definition tw_op_AvgPool3D = {
    .signature = "input: T -> output: T; " WINDOW "T: {half, bfloat16, float, double}",
    .doc = "The mean of each window of `ksize` over volumes (batch, planes, rows, columns, "
           "channels); padding does not count.",
    .builder = "avg_pool3d",
    .since = SINCE,
    .examples = {"avg_pool3d([[[[[1.], [3.], [2.]]]]], " CALL "[[[[[2.], [2.5]]]]]"},
    .infer = infer,
    .gradient = gradient_mean,
    .compute = compute_mean,
};

const tw_op_definition tw_op_AvgPool3DGrad = {
    .signature = "orig_input_shape: int32, grad: T -> output: T; " WINDOW
                 "T: {half, bfloat16, float, double}",
    .doc = "The gradient of AvgPool3D: each number of `grad` is shared out over its window.",
    .builder = "avg_pool3d_grad",
    .since = SINCE,
    .examples = {"avg_pool3d_grad([1, 1, 1, 3, 1], [[[[[2.], [4.]]]]], " CALL
                 "[[[[[1.], [3.], [2.]]]]]"},
    .shape_inputs = 1,
    .infer = infer_mean_grad,
    .gradient = gradient_mean_grad,
    .compute = compute_mean_grad,
};
