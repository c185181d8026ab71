/* SPDX-License-Identifier: Apache-2.0
 * Conv2D and its two gradients. The gradients are convolutions too, each with gradients among the
 * three. */
#include "ops/conv2d.h"

#include <string.h>

#include "ops/activation.h"
#include "ops/brackets.h"
#include "ops/packing.h"

enum { IMAGE_RANK = 4 };

/* ---- shapes ---- */

/* A depthwise output is depth times multiplier channels deep; an overflow there gives an unknown
 * dim, and the kernel refuses it. */
void tw_infer_conv2d(tw_infer *in, const char *op, bool depthwise)
{
    tw_spatial s;
    tw_shape image = tw_infer_rank(in, 0, IMAGE_RANK), filter = tw_infer_rank(in, 1, IMAGE_RANK);
    if (!tw_infer_spatial(in, op, &s) || tw_infer_failed(in))
        return;
    int64_t depth = tw_infer_dim(image, (int64_t)tw_depth_axis(s.nchw));
    int64_t filter_depth = filter.dims[2], out_depth = filter.dims[3];
    if (depthwise) {
        if (!tw_dims_agree(depth, filter_depth))
            tw_infer_fail(in, "Dimensions must be equal, but are %" PRId64 " and %" PRId64, depth,
                          filter_depth);
        depth = depth < 0 ? filter_depth : depth;
        if (depth < 0 || out_depth < 0 || !tw_int64_mul(depth, out_depth, &out_depth))
            out_depth = -1;
    } else if (depth >= 0 && filter_depth >= 0 && depth != filter_depth &&
               (filter_depth == 0 || depth % filter_depth != 0)) {
        tw_infer_fail(in,
                      "Depth of input (%" PRId64
                      ") is not a multiple of input depth of filter (%" PRId64 ")",
                      depth, filter_depth);
    }
    int64_t sizes[2];
    for (size_t k = 0; k < 2; k++)
        sizes[k] = tw_infer_windowed(in, &s, k, image.dims[tw_spatial_axis(s.nchw, k)],
                                     filter.dims[k]);
    tw_infer_output(in, 0,
                    tw_infer_image(in, s.nchw, image.dims[0], sizes[0], sizes[1], out_depth));
}

/* For both gradients, whose dy is input 2; what the sizes are is known where they are a constant
 * or the shape of a known tensor. */
void tw_infer_conv2d_sizes(tw_infer *in, const char *op, size_t sizes)
{
    tw_spatial s;
    tw_infer_rank(in, 2, IMAGE_RANK);
    if (!tw_infer_spatial(in, op, &s))
        return;
    tw_shape shape = tw_infer_shape_value(in, sizes);
    if (shape.dims && shape.rank != IMAGE_RANK)
        tw_infer_fail(in, "Shape must be rank 4 but is rank %zu", shape.rank);
    else
        tw_infer_output(in, 0, shape.dims ? shape : tw_infer_unknown(in, IMAGE_RANK));
}

/* ---- kernels ---- */

/* Shared with the depthwise operations; `op` is only for the words of a refusal. */
tw_status *tw_conv2d_prepare(tw_compute *c, void *state, const char *op)
{
    tw_conv_state *s = state;
    tw_spatial_attrs attrs = tw_compute_spatial_attrs(c, op);
    TW_TRY(tw_spatial_read(&attrs, &s->spatial));
    if (s->spatial.batch_stride != 1 || s->spatial.depth_stride != 1)
        return tw_compute_fail(c, "Current implementation does not yet support strides in the "
                                  "batch and depth dimensions.");
    return TW_OK;
}

/* Where the planner gave no room its size is zero too, so that the loop takes memory of its own
 * for the time of the call. */
tw_par tw_conv2d_par(const tw_compute *c)
{
    const tw_conv_state *s = tw_compute_state(c);
    return (tw_par){c->threads, tw_compute_workspace(c),
                    tw_compute_workspace(c) ? s->workspace_bytes : 0};
}

/* Kernels index dims[0] to dims[3] right after it; the message is TensorFlow's, shape included. */
tw_status *tw_conv2d_check_rank(const tw_compute *c, size_t input, const char *name)
{
    if (tw_input(c, input)->rank == IMAGE_RANK)
        return TW_OK;
    return tw_compute_fail(c, "%s must be 4-dimensional%s", name,
                           tw_brackets(tw_input(c, input)).s);
}

/* A filter that is less deep than the image would be a grouped convolution, which TensorFlow's
 * CPU kernel refuses in these words, too. */
static tw_status *check_depths(const tw_compute *c, int64_t depth, const int64_t *filter,
                               bool depthwise)
{
    if (depth == filter[2])
        return TW_OK;
    if (depthwise)
        return tw_compute_fail(c,
                               "input and filter must have the same depth: %" PRId64 " vs %" PRId64,
                               depth, filter[2]);
    if (filter[2] == 0 || depth % filter[2] != 0)
        return tw_compute_fail(
            c, "input depth must be evenly divisible by filter depth: %" PRId64 " vs %" PRId64,
            depth, filter[2]);
    return tw_status_new(TW_UNIMPLEMENTED, "Generic conv implementation does not support grouped "
                                           "convolutions for now.");
}

/* `image` and `filter` are dims of rank 4 that were checked; `gradient`, if given, must have the
 * output's shape, which is computed here from both windows. */
tw_status *tw_conv2d_make(const tw_compute *c, const int64_t *image, const int64_t *filter,
                          const tw_array *gradient, bool depthwise, tw_conv *out)
{
    const tw_spatial *s = &((const tw_conv_state *)tw_compute_state(c))->spatial;
    int64_t depth = image[tw_depth_axis(s->nchw)], out_depth = filter[3];
    TW_TRY(check_depths(c, depth, filter, depthwise));
    if (depthwise && !tw_int64_mul(depth, filter[3], &out_depth))
        return tw_compute_fail(c, "the output's depth is too large");
    *out = (tw_conv){.batch = (size_t)image[0],
                     .in_depth = (size_t)depth,
                     .out_depth = (size_t)out_depth,
                     .nchw = s->nchw};
    TW_TRY(tw_spatial_window(s, 0, image[tw_spatial_axis(s->nchw, 0)], filter[0], &out->rows));
    TW_TRY(tw_spatial_window(s, 1, image[tw_spatial_axis(s->nchw, 1)], filter[1], &out->cols));
    if (!gradient)
        return TW_OK;
    int64_t wanted[IMAGE_RANK] = {image[0]};
    wanted[tw_depth_axis(s->nchw)] = out_depth;
    wanted[tw_spatial_axis(s->nchw, 0)] = (int64_t)out->rows.out;
    wanted[tw_spatial_axis(s->nchw, 1)] = (int64_t)out->cols.out;
    for (size_t i = 0; i < IMAGE_RANK; i++)
        if (gradient->dims[i] != wanted[i])
            return tw_compute_fail(c,
                                   "Size of out_backprop doesn't match computed: actual = %" PRId64
                                   ", computed = %" PRId64 ", dimension %zu",
                                   gradient->dims[i], wanted[i], i);
    return TW_OK;
}

/* Reads a shape that is an input, int32 or int64. Zero is allowed: an empty image has an empty
 * gradient. */
tw_status *tw_conv2d_sizes(const tw_compute *c, size_t input, int64_t *dims)
{
    const tw_array *sizes = tw_input(c, input);
    tw_text name = tw_spec_input_name(c->spec, input);
    if (sizes->rank != 1 || sizes->count != IMAGE_RANK)
        return tw_compute_fail(c, "%s must be a vector of 4 elements, got shape %s", name.s,
                               tw_brackets(sizes).s);
    for (size_t i = 0; i < IMAGE_RANK; i++) {
        dims[i] = tw_index_at(sizes, i);
        if (dims[i] < 0)
            return tw_compute_fail(c, "%s must not be negative, got %" PRId64, name.s, dims[i]);
    }
    return TW_OK;
}

/* Strides over batch and depth have no meaning for the loops and are refused once, before the
 * first run. */
static tw_status *prepare(tw_compute *c, void *state)
{
    return tw_conv2d_prepare(c, state, "Conv2D");
}

/* What a pass would like, if the sizes are right; a wrong one is told by the kernel. */
static size_t want(const tw_compute *c, const int64_t *image, const int64_t *filter,
                   tw_conv_pass pass)
{
    tw_conv conv;
    tw_conv_state *state = tw_compute_state(c);
    tw_status *status = tw_conv2d_make(c, image, filter, NULL, false, &conv);
    size_t bytes = status ? 0 : tw_conv_workspace(tw_output(c, 0)->dtype, &conv, pass);
    tw_status_free(status);
    state->workspace_bytes = bytes == SIZE_MAX ? 0 : bytes;
    return state->workspace_bytes;
}

/* ---- Conv2D ---- */

/* The op's name only appears in messages, which user programs compare with TensorFlow's. */
static void infer(tw_infer *in)
{
    tw_infer_conv2d(in, "Conv2D", false);
}

/* Asked for by the planner before the run; a rank that compute will refuse needs no room. */
static size_t workspace(const tw_compute *c)
{
    const tw_array *image = tw_input(c, 0), *filter = tw_input(c, 1);
    if (image->rank != IMAGE_RANK || filter->rank != IMAGE_RANK)
        return 0;
    return want(c, image->dims, filter->dims, TW_CONV_FORWARD);
}

/* The shape rule may not have known all dims, so ranks and depths are checked again; what it did
 * know is refused in the same words. */
static tw_status *convolve(tw_compute *c, const tw_gemm_epilogue *epilogue)
{
    const tw_array *image = tw_input(c, 0), *filter = tw_input(c, 1);
    tw_conv conv;
    TW_TRY(tw_conv2d_check_rank(c, 0, "input"));
    TW_TRY(tw_conv2d_check_rank(c, 1, "filter"));
    TW_TRY(tw_conv2d_make(c, image->dims, filter->dims, NULL, false, &conv));
    if (tw_output(c, 0)->count == 0)
        return TW_OK;
    conv.packed = c->packed;
    tw_par par = tw_conv2d_par(c);
    return tw_conv_forward(image->dtype, &conv, image->data, filter->data, tw_output_data(c, 0),
                           epilogue, &par);
}

/* The plain convolution is the fused one without an epilogue. */
static tw_status *compute(tw_compute *c)
{
    return convolve(c, NULL);
}

#define SERVED "T: {half, float, double}"
/* The options of all three, as the forward operation has them. */
#define OPTIONS(g)                                                                          \
    .strides = tw_gradient_ints(g, "strides"), .padding = tw_gradient_string(g, "padding"), \
    .use_cudnn_on_gpu = tw_gradient_bool(g, "use_cudnn_on_gpu"),                            \
    .explicit_paddings = tw_gradient_ints(g, "explicit_paddings"),                          \
    .data_format = tw_gradient_string(g, "data_format"),                                    \
    .dilations = tw_gradient_ints(g, "dilations")

/* Both gradients take the shape of what they are for as a tensor, so that the graph also works
 * for batches of unknown size. */
static tw_status *gradient(tw_gradient *g)
{
    tw_tensor image = g->inputs[0], filter = g->inputs[1], dy = tw_gradient_dy(g, 0);
    g->dx[0] = tw_grad_of(tw_conv2d_backprop_input(tw_shape(image), filter, dy, OPTIONS(g)));
    g->dx[1] = tw_grad_of(tw_conv2d_backprop_filter(image, tw_shape(filter), dy, OPTIONS(g)));
    return TW_OK;
}

static const tw_kernel kernel = {.dtypes = SERVED,
                                 .workspace = workspace,
                                 .state_size = sizeof(tw_conv_state),
                                 .prepare = prepare,
                                 .compute = compute};

const tw_op_definition tw_op_Conv2D = {
    .signature = "input: T, filter: T -> output: T; T: {half, bfloat16, float, double}; "
                 "strides: list(int); use_cudnn_on_gpu: bool = true; "
                 "padding: {\"SAME\", \"VALID\", \"EXPLICIT\"}; "
                 "explicit_paddings: list(int) = []; "
                 "data_format: {\"NHWC\", \"NCHW\"} = \"NHWC\"; "
                 "dilations: list(int) = [1, 1, 1, 1]",
    .doc = "Slides `filter` (rows, columns, input depth, output depth) over the images `input` "
           "(batch, rows, columns, depth) and gives the products' sums at each place. `strides` "
           "and `dilations` have an entry for each axis of the input.",
    .builder = "conv2d",
    .since = "half: 0.7; data_format: 0.8; double: 1.0; dilations: 1.6; explicit_paddings: 1.13",
    .examples = {"conv2d([[[[1.], [2.]], [[3.], [4.]]]], [[[[1.]], [[1.]]]], strides=[1, 1, 1, 1], "
                 "padding=\"VALID\") -> [[[[3.]], [[7.]]]]"},
    .infer = infer,
    .gradient = gradient,
    .kernels = &kernel,
    .kernel_count = 1,
    .packing = &tw_conv2d_packing,
};

/* ---- Conv2DBackpropInput ---- */

/* The image's shape is a value at input 0; without it only the rank is known. */
static void infer_input_gradient(tw_infer *in)
{
    tw_infer_conv2d_sizes(in, "Conv2DBackpropInput", 0);
}

/* As for the filter's: wrong ranks get no room here and their refusal by compute. */
static size_t input_gradient_workspace(const tw_compute *c)
{
    const tw_array *filter = tw_input(c, 1), *out = tw_output(c, 0);
    if (!out || out->rank != IMAGE_RANK || filter->rank != IMAGE_RANK)
        return 0;
    return want(c, out->dims, filter->dims, TW_CONV_INPUT_GRADIENT);
}

/* All shapes are checked against each other before the output is allocated, so that a wrong dy
 * cannot make the loop read past its end. */
static tw_status *compute_input_gradient(tw_compute *c)
{
    const tw_array *filter = tw_input(c, 1), *dy = tw_input(c, 2);
    int64_t dims[IMAGE_RANK];
    tw_conv conv;
    tw_array *out;
    TW_TRY(tw_conv2d_sizes(c, 0, dims));
    TW_TRY(tw_conv2d_check_rank(c, 1, "filter"));
    TW_TRY(tw_conv2d_check_rank(c, 2, "out_backprop"));
    TW_TRY(tw_conv2d_make(c, dims, filter->dims, dy, false, &conv));
    TW_TRY(tw_compute_allocate(c, 0, (tw_shape){dims, IMAGE_RANK}, &out));
    if (dy->count == 0 || filter->count == 0) {
        memset(out->data, 0, out->count * tw_dtype_size(out->dtype));
        return TW_OK;
    }
    tw_par par = tw_conv2d_par(c);
    return tw_conv_input_gradient(dy->dtype, &conv, filter->data, dy->data, out->data, &par);
}

/* Linear in the filter and in dy: by the filter it is a filter gradient with dz as the image, by
 * dy the convolution of dz. */
static tw_status *gradient_input_gradient(tw_gradient *g)
{
    tw_tensor filter = g->inputs[1], dy = g->inputs[2], dz = tw_gradient_dy(g, 0);
    g->dx[1] = tw_grad_of(tw_conv2d_backprop_filter(dz, tw_shape(filter), dy, OPTIONS(g)));
    g->dx[2] = tw_grad_of(tw_conv2d(dz, filter, OPTIONS(g)));
    return TW_OK;
}

static const tw_kernel input_gradient_kernel = {.dtypes = SERVED,
                                                .workspace = input_gradient_workspace,
                                                .state_size = sizeof(tw_conv_state),
                                                .prepare = prepare,
                                                .compute = compute_input_gradient};

const tw_op_definition tw_op_Conv2DBackpropInput = {
    .signature = "input_sizes: int32, filter: T, out_backprop: T -> output: T; "
                 "T: {half, bfloat16, float, double}; strides: list(int); "
                 "use_cudnn_on_gpu: bool = true; padding: {\"SAME\", \"VALID\", \"EXPLICIT\"}; "
                 "explicit_paddings: list(int) = []; "
                 "data_format: {\"NHWC\", \"NCHW\"} = \"NHWC\"; "
                 "dilations: list(int) = [1, 1, 1, 1]",
    .doc = "The gradient of Conv2D by its input, whose shape is `input_sizes`.",
    .builder = "conv2d_backprop_input",
    .since = "half: 0.7; data_format: 0.8; double: 1.0; dilations: 1.6; explicit_paddings: 1.13",
    .examples = {"conv2d_backprop_input([1, 2, 1, 1], [[[[1.]]], [[[2.]]]], [[[[3.]]]], "
                 "strides=[1, 1, 1, 1], padding=\"VALID\") -> [[[[3.]], [[6.]]]]"},
    .shape_inputs = 1,
    .infer = infer_input_gradient,
    .gradient = gradient_input_gradient,
    .kernels = &input_gradient_kernel,
    .kernel_count = 1,
};

/* ---- Conv2DBackpropFilter ---- */

/* The shape is a value at input 1; image and dy must have rank 4. */
static void infer_filter_gradient(tw_infer *in)
{
    tw_infer_conv2d_sizes(in, "Conv2DBackpropFilter", 1);
}

/* The output's shape is a value of the run: where it is not known yet, no room is asked for and
 * the loop takes its own. */
static size_t filter_gradient_workspace(const tw_compute *c)
{
    const tw_array *image = tw_input(c, 0), *out = tw_output(c, 0);
    if (!out || out->rank != IMAGE_RANK || image->rank != IMAGE_RANK)
        return 0;
    return want(c, image->dims, out->dims, TW_CONV_FILTER_GRADIENT);
}

/* The filter's shape is an input, the gradient is what the loop writes; without pixels or
 * without windows it is zero and the loop is not asked. */
static tw_status *compute_filter_gradient(tw_compute *c)
{
    const tw_array *image = tw_input(c, 0), *dy = tw_input(c, 2);
    int64_t dims[IMAGE_RANK];
    tw_conv conv;
    tw_array *out;
    TW_TRY(tw_conv2d_sizes(c, 1, dims));
    TW_TRY(tw_conv2d_check_rank(c, 0, "input"));
    TW_TRY(tw_conv2d_check_rank(c, 2, "out_backprop"));
    TW_TRY(tw_conv2d_make(c, image->dims, dims, dy, false, &conv));
    TW_TRY(tw_compute_allocate(c, 0, (tw_shape){dims, IMAGE_RANK}, &out));
    if (dy->count == 0 || image->count == 0) {
        memset(out->data, 0, out->count * tw_dtype_size(out->dtype));
        return TW_OK;
    }
    tw_par par = tw_conv2d_par(c);
    return tw_conv_filter_gradient(dy->dtype, &conv, image->data, dy->data, out->data, &par);
}

/* The filter gradient is linear in the image and in dy: by the image it is an input gradient
 * with dz as the filter, by dy a convolution with dz. */
static tw_status *gradient_filter_gradient(tw_gradient *g)
{
    tw_tensor image = g->inputs[0], dy = g->inputs[2], dz = tw_gradient_dy(g, 0);
    g->dx[0] = tw_grad_of(tw_conv2d_backprop_input(tw_shape(image), dz, dy, OPTIONS(g)));
    g->dx[2] = tw_grad_of(tw_conv2d(image, dz, OPTIONS(g)));
    return TW_OK;
}

static const tw_kernel filter_gradient_kernel = {.dtypes = SERVED,
                                                 .workspace = filter_gradient_workspace,
                                                 .state_size = sizeof(tw_conv_state),
                                                 .prepare = prepare,
                                                 .compute = compute_filter_gradient};

const tw_op_definition tw_op_Conv2DBackpropFilter = {
    .signature = "input: T, filter_sizes: int32, out_backprop: T -> output: T; "
                 "T: {half, bfloat16, float, double}; strides: list(int); "
                 "use_cudnn_on_gpu: bool = true; padding: {\"SAME\", \"VALID\", \"EXPLICIT\"}; "
                 "explicit_paddings: list(int) = []; "
                 "data_format: {\"NHWC\", \"NCHW\"} = \"NHWC\"; "
                 "dilations: list(int) = [1, 1, 1, 1]",
    .doc = "The gradient of Conv2D by its filter, whose shape is `filter_sizes`.",
    .builder = "conv2d_backprop_filter",
    .since = "half: 0.7; data_format: 0.8; double: 1.0; dilations: 1.6; explicit_paddings: 1.13",
    .examples = {"conv2d_backprop_filter([[[[1.]], [[2.]]]], [2, 1, 1, 1], [[[[3.]]]], "
                 "strides=[1, 1, 1, 1], padding=\"VALID\") -> [[[[3.]]], [[[6.]]]]"},
    .shape_inputs = 1 << 1,
    .infer = infer_filter_gradient,
    .gradient = gradient_filter_gradient,
    .kernels = &filter_gradient_kernel,
    .kernel_count = 1,
};

/* ---- _FusedConv2D ---- */

/* The spatial part is read first: the activation is written into a state that is otherwise
 * whole. */
static tw_status *prepare_fused(tw_compute *c, void *state)
{
    TW_TRY(prepare(c, state));
    return tw_activation_read(c, &((tw_conv_state *)state)->activation);
}

/* The bias is checked against the filter, which is what tells the output's depth, before the
 * loop reads it by channel. */
tw_status *tw_conv2d_check_bias(const tw_compute *c)
{
    const tw_array *bias = tw_input(c, 2), *filter = tw_input(c, 1);
    if (bias->rank != 1 || filter->rank != IMAGE_RANK || bias->dims[0] != filter->dims[3])
        return tw_compute_fail(c,
                               "Must provide as many biases as the last dimension of the input "
                               "tensor: %s vs. %s",
                               tw_brackets(bias).s, tw_brackets(filter).s);
    return TW_OK;
}

static tw_status *compute_fused(tw_compute *c)
{
    const tw_conv_state *s = tw_compute_state(c);
    TW_TRY(tw_conv2d_check_bias(c));
    return convolve(c, &(tw_gemm_epilogue){tw_input(c, 2)->data, s->activation});
}

/* The activation keeps the shape, so the rule is that of Conv2D; the bias is checked by the
 * kernel. */
static void infer_fused(tw_infer *in)
{
    tw_infer_conv2d(in, "_FusedConv2D", false);
}

const tw_op_definition tw_op__FusedConv2D = {
    .signature = "input: T, filter: T, bias: T -> output: T; T: {float, double}; "
                 "strides: list(int); use_cudnn_on_gpu: bool = true; "
                 "padding: {\"SAME\", \"VALID\", \"EXPLICIT\"}; "
                 "explicit_paddings: list(int) = []; "
                 "data_format: {\"NHWC\", \"NCHW\"} = \"NHWC\"; "
                 "dilations: list(int) = [1, 1, 1, 1]; "
                 "activation: {\"\", \"Relu\", \"Relu6\", \"Sigmoid\", \"Tanh\"} = \"\"",
    .doc = "activation(Conv2D(input, filter) + bias). The planner makes it.",
    .builder = "",
    .infer = infer_fused,
    .gradient = tw_not_differentiable,
    .compute = compute_fused,
    .packing = &tw_conv2d_packing,
    .workspace = workspace,
    .state_size = sizeof(tw_conv_state),
    .prepare = prepare_fused,
};
