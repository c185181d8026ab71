/* SPDX-License-Identifier: Apache-2.0
 * DepthwiseConv2dNative and its two gradients: each input channel has filters of its own. */
#include <string.h>

#include "ops/brackets.h"
#include "ops/conv2d.h"

enum { IMAGE_RANK = 4 };

/* NCHW is refused as TensorFlow's CPU kernel does; the code that follows relies on channels
 * being last. */
static tw_status *prepare(tw_compute *c, void *state)
{
    TW_TRY(tw_conv2d_prepare(c, state, "DepthwiseConv2D"));
    if (((const tw_conv_state *)state)->spatial.nchw)
        return tw_status_new(TW_UNIMPLEMENTED,
                             "Depthwise convolution on CPU is only supported for NHWC format");
    return TW_OK;
}

/* The depth of the result is the product of the filter's last two dims, where both are known. */
static void infer(tw_infer *in)
{
    tw_infer_conv2d(in, "DepthwiseConv2D", true);
}

/* The filter is (rows, cols, depth, multiplier); output channel d * multiplier + m depends on
 * input channel d alone. */
static tw_status *compute(tw_compute *c)
{
    const tw_array *image = tw_input(c, 0), *filter = tw_input(c, 1);
    tw_conv conv;
    TW_TRY(tw_conv2d_check_rank(c, 0, "input"));
    TW_TRY(tw_conv2d_check_rank(c, 1, "filter"));
    TW_TRY(tw_conv2d_make(c, image->dims, filter->dims, NULL, true, &conv));
    if (tw_output(c, 0)->count == 0)
        return TW_OK;
    tw_par par = tw_compute_par(c);
    return tw_depthwise_forward(image->dtype, &conv, image->data, filter->data,
                                tw_output_data(c, 0), &par);
}

#define SERVED "T: {half, float, double}"
#define OPTIONS(g)                                                                          \
    .strides = tw_gradient_ints(g, "strides"), .padding = tw_gradient_string(g, "padding"), \
    .data_format = tw_gradient_string(g, "data_format"),                                    \
    .dilations = tw_gradient_ints(g, "dilations")

/* Shapes go in as tensors, so that batches whose size is known only in a run can be
 * differentiated. */
static tw_status *gradient(tw_gradient *g)
{
    tw_tensor image = g->inputs[0], filter = g->inputs[1], dy = tw_gradient_dy(g, 0);
    g->dx[0] = tw_grad_of(
        tw_depthwise_conv2d_native_backprop_input(tw_shape(image), filter, dy, OPTIONS(g)));
    g->dx[1] = tw_grad_of(
        tw_depthwise_conv2d_native_backprop_filter(image, tw_shape(filter), dy, OPTIONS(g)));
    return TW_OK;
}

static const tw_kernel kernel = {
    .dtypes = SERVED, .state_size = sizeof(tw_conv_state), .prepare = prepare, .compute = compute};

const tw_op_definition tw_op_DepthwiseConv2dNative = {
    .signature = "input: T, filter: T -> output: T; T: {half, bfloat16, float, double}; "
                 "strides: list(int); padding: {\"SAME\", \"VALID\"}; "
                 "data_format: {\"NHWC\", \"NCHW\"} = \"NHWC\"; "
                 "dilations: list(int) = [1, 1, 1, 1]",
    .doc = "Slides the filters (rows, columns, input depth, multiplier) over images (batch, rows, "
           "columns, depth), each over its own channel: output channel c * multiplier + q is "
           "input channel c with filter [:, :, c, q].",
    .builder = "depthwise_conv2d_native",
    .since = "data_format: 1.3; dilations: 1.7; half: 1.8",
    .examples = {"depthwise_conv2d_native([[[[1., 2.]], [[3., 4.]]]], [[[[1.], [10.]]], [[[1.], "
                 "[10.]]]], strides=[1, 1, 1, 1], padding=\"VALID\") -> [[[[4., 60.]]]]"},
    .infer = infer,
    .gradient = gradient,
    .kernels = &kernel,
    .kernel_count = 1,
};

/* ---- the gradient by the input ---- */

/* The image's shape is the value of input 0; everything else is checked in the run. */
static void infer_input_gradient(tw_infer *in)
{
    tw_infer_conv2d_sizes(in, "DepthwiseConv2DBackpropInput", 0);
}

/* Every check comes before the allocation; an empty side leaves zeros, because no window reaches
 * any pixel. */
static tw_status *compute_input_gradient(tw_compute *c)
{
    const tw_array *filter = tw_input(c, 1), *dy = tw_input(c, 2);
    int64_t dims[IMAGE_RANK];
    tw_conv conv;
    tw_array *out;
    TW_TRY(tw_conv2d_sizes(c, 0, dims));
    TW_TRY(tw_conv2d_check_rank(c, 1, "filter"));
    TW_TRY(tw_conv2d_check_rank(c, 2, "out_backprop"));
    TW_TRY(tw_conv2d_make(c, dims, filter->dims, dy, true, &conv));
    TW_TRY(tw_compute_allocate(c, 0, (tw_shape){dims, IMAGE_RANK}, &out));
    if (dy->count == 0 || out->count == 0) {
        memset(out->data, 0, out->count * tw_dtype_size(out->dtype));
        return TW_OK;
    }
    tw_par par = tw_compute_par(c);
    return tw_depthwise_input_gradient(dy->dtype, &conv, filter->data, dy->data, out->data, &par);
}

/* Bilinear in filter and dy: the derivatives are the filter gradient with dz as image, and the
 * convolution of dz. */
static tw_status *gradient_input_gradient(tw_gradient *g)
{
    tw_tensor filter = g->inputs[1], dy = g->inputs[2], dz = tw_gradient_dy(g, 0);
    g->dx[1] = tw_grad_of(
        tw_depthwise_conv2d_native_backprop_filter(dz, tw_shape(filter), dy, OPTIONS(g)));
    g->dx[2] = tw_grad_of(tw_depthwise_conv2d_native(dz, filter, OPTIONS(g)));
    return TW_OK;
}

static const tw_kernel input_gradient_kernel = {.dtypes = SERVED,
                                                .state_size = sizeof(tw_conv_state),
                                                .prepare = prepare,
                                                .compute = compute_input_gradient};

const tw_op_definition tw_op_DepthwiseConv2dNativeBackpropInput = {
    .signature = "input_sizes: int32, filter: T, out_backprop: T -> output: T; "
                 "T: {half, bfloat16, float, double}; strides: list(int); "
                 "padding: {\"SAME\", \"VALID\"}; data_format: {\"NHWC\", \"NCHW\"} = \"NHWC\"; "
                 "dilations: list(int) = [1, 1, 1, 1]",
    .doc = "The gradient of DepthwiseConv2dNative by its input, whose shape is `input_sizes`.",
    .builder = "depthwise_conv2d_native_backprop_input",
    .since = "data_format: 1.3; dilations: 1.7; half: 1.8",
    .examples = {"depthwise_conv2d_native_backprop_input([1, 2, 1, 1], [[[[1.]]], [[[2.]]]], "
                 "[[[[3.]]]], strides=[1, 1, 1, 1], padding=\"VALID\") -> [[[[3.]], [[6.]]]]"},
    .shape_inputs = 1,
    .infer = infer_input_gradient,
    .gradient = gradient_input_gradient,
    .kernels = &input_gradient_kernel,
    .kernel_count = 1,
};

/* ---- the gradient by the filter ---- */

/* The filter's shape is the value of input 1. */
static void infer_filter_gradient(tw_infer *in)
{
    tw_infer_conv2d_sizes(in, "DepthwiseConv2DBackpropFilter", 1);
}

/* As for Conv2D, with the depthwise depth rule: out_backprop is depth * multiplier channels
 * deep. */
static tw_status *compute_filter_gradient(tw_compute *c)
{
    const tw_array *image = tw_input(c, 0), *dy = tw_input(c, 2);
    int64_t dims[IMAGE_RANK];
    tw_conv conv;
    tw_array *out;
    TW_TRY(tw_conv2d_sizes(c, 1, dims));
    TW_TRY(tw_conv2d_check_rank(c, 0, "input"));
    TW_TRY(tw_conv2d_check_rank(c, 2, "out_backprop"));
    TW_TRY(tw_conv2d_make(c, image->dims, dims, dy, true, &conv));
    TW_TRY(tw_compute_allocate(c, 0, (tw_shape){dims, IMAGE_RANK}, &out));
    if (dy->count == 0 || image->count == 0) {
        memset(out->data, 0, out->count * tw_dtype_size(out->dtype));
        return TW_OK;
    }
    tw_par par = tw_compute_par(c);
    return tw_depthwise_filter_gradient(dy->dtype, &conv, image->data, dy->data, out->data, &par);
}

/* The filter gradient is bilinear in image and dy, so its derivatives are the other two
 * operations with dz in the filter's place. */
static tw_status *gradient_filter_gradient(tw_gradient *g)
{
    tw_tensor image = g->inputs[0], dy = g->inputs[2], dz = tw_gradient_dy(g, 0);
    g->dx[0] = tw_grad_of(
        tw_depthwise_conv2d_native_backprop_input(tw_shape(image), dz, dy, OPTIONS(g)));
    g->dx[2] = tw_grad_of(tw_depthwise_conv2d_native(image, dz, OPTIONS(g)));
    return TW_OK;
}

static const tw_kernel filter_gradient_kernel = {.dtypes = SERVED,
                                                 .state_size = sizeof(tw_conv_state),
                                                 .prepare = prepare,
                                                 .compute = compute_filter_gradient};

const tw_op_definition tw_op_DepthwiseConv2dNativeBackpropFilter = {
    .signature = "input: T, filter_sizes: int32, out_backprop: T -> output: T; "
                 "T: {half, bfloat16, float, double}; strides: list(int); "
                 "padding: {\"SAME\", \"VALID\"}; data_format: {\"NHWC\", \"NCHW\"} = \"NHWC\"; "
                 "dilations: list(int) = [1, 1, 1, 1]",
    .doc = "The gradient of DepthwiseConv2dNative by its filter, whose shape is `filter_sizes`.",
    .builder = "depthwise_conv2d_native_backprop_filter",
    .since = "data_format: 1.3; dilations: 1.7; half: 1.8",
    .examples = {"depthwise_conv2d_native_backprop_filter([[[[1.]], [[2.]]]], [2, 1, 1, 1], "
                 "[[[[3.]]]], strides=[1, 1, 1, 1], padding=\"VALID\") -> [[[[3.]]], [[[6.]]]]"},
    .shape_inputs = 1 << 1,
    .infer = infer_filter_gradient,
    .gradient = gradient_filter_gradient,
    .kernels = &filter_gradient_kernel,
    .kernel_count = 1,
};
