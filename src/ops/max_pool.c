/* SPDX-License-Identifier: Apache-2.0
 * MaxPool, its gradient and that one's gradient. A gradient goes to the first largest cell of each
 * window. V2 takes the windows as tensors. */
#include <string.h>

#include "kernels/pool2d.h"
#include "kernels/reduce.h"

#include "ops/brackets.h"
#include "ops/pool.h"

enum { IMAGE_RANK = 4 };

/* TensorFlow's, and the integers that its gradient knows. */
#define POOL_TYPES \
    "T: {half, bfloat16, float, double, int32, int64, uint8, int16, int8, uint16, uint32, uint64}"
/* Gradients slide the same windows. */
#define OPTIONS(g)                                                                    \
    .ksize = tw_gradient_ints(g, "ksize"), .strides = tw_gradient_ints(g, "strides"), \
    .padding = tw_gradient_string(g, "padding"),                                      \
    .data_format = tw_gradient_string(g, "data_format")

/* Shape rules have looked already, unless the rule is the caller's. */
static tw_status *check_rank(const tw_compute *c, size_t input, const char *name)
{
    if (tw_input(c, input)->rank == IMAGE_RANK)
        return TW_OK;
    return tw_compute_fail(c, "%s must be 4-dimensional%s", name,
                           tw_brackets(tw_input(c, input)).s);
}

/* ---- MaxPool ---- */

/* Besides the windows over rows and columns this rule allows for those over depth. */
static void infer(tw_infer *in)
{
    tw_infer_pool(in, "MaxPool");
}

/* MaxPool may go over depth, provided that it does not go over rows or columns as well. */
static tw_status *prepare(tw_compute *c, void *state)
{
    return tw_pool_prepare(c, state, "MaxPool", true);
}

/* Windows of channels follow each other: the last axis in parts. */
static tw_status *pool_depth(tw_compute *c, const tw_spatial *s)
{
    const tw_array *x = tw_input(c, 0);
    int64_t depth = x->dims[tw_depth_axis(s->nchw)];
    if (s->nchw || s->stride[0] != 1 || s->stride[1] != 1)
        return tw_status_new(TW_UNIMPLEMENTED, "Depthwise max pooling supports NHWC and strides "
                                               "over the depth dimension only.");
    if (depth % s->depth_ksize != 0)
        return tw_status_new(TW_UNIMPLEMENTED, "Depthwise max pooling requires the depth window "
                                               "to evenly divide the input depth");
    int64_t dims[2] = {(int64_t)x->count / s->depth_ksize, s->depth_ksize};
    tw_par par = tw_compute_par(c);
    return tw_reduce(TW_REDUCE_MAX, x->dtype, (tw_shape){dims, 2}, (const bool[]){false, true},
                     x->data, tw_output_data(c, 0), &par);
}

/* Over channels or over pixels, never both: the attributes were checked. */
static tw_status *pool(tw_compute *c, const tw_spatial *s)
{
    const tw_array *x = tw_input(c, 0);
    tw_pool2d p;
    TW_TRY(check_rank(c, 0, "tensor_in"));
    if (s->depth_ksize != 1)
        return pool_depth(c, s);
    TW_TRY(tw_pool_make(c, s, x->dims, NULL, &p));
    if (tw_output(c, 0)->count == 0)
        return TW_OK;
    tw_par par = tw_compute_par(c);
    return (tw_max_pool)(x->dtype, &p, x->data, tw_output_data(c, 0), NULL, false, &par);
}

/* Windows are attributes here, read when the node was prepared. */
static tw_status *compute(tw_compute *c)
{
    return pool(c, tw_compute_state(c));
}

/* The output goes along because TensorFlow's operation takes it; which cell was largest is found
 * anew from the input. */
static tw_status *gradient(tw_gradient *g)
{
    g->dx[0] = tw_grad_of(
        tw_max_pool_grad(g->inputs[0], g->outputs[0], tw_gradient_dy(g, 0), OPTIONS(g)));
    return TW_OK;
}

static const tw_kernel kernel = {
    .dtypes = POOL_TYPES, .state_size = sizeof(tw_spatial), .prepare = prepare, .compute = compute};

const tw_op_definition tw_op_MaxPool = {
    .signature = "input: T -> output: T; T: {half, bfloat16, float, double, int32, int64, uint8, "
                 "int16, int8, uint16, qint8} = float; ksize: list(int) >= 4; "
                 "strides: list(int) >= 4; padding: {\"SAME\", \"VALID\"}; "
                 "data_format: {\"NHWC\", \"NCHW\", \"NCHW_VECT_C\"} = \"NHWC\"",
    .doc = "The largest number in each window of `ksize` over images (batch, rows, columns, "
           "depth); NaN is skipped. `ksize` and `strides` have an entry for each axis; windows "
           "lie over rows and columns, or over the depth.",
    .since = "data_format: 0.8; half: 0.10; integers, double: 1.3",
    .examples = {"max_pool([[[[1.], [2.]], [[3.], [4.]]]], ksize=[1, 2, 2, 1], "
                 "strides=[1, 2, 2, 1], padding=\"VALID\") -> [[[[4.]]]]"},
    .infer = infer,
    .gradient = gradient,
    .kernels = &kernel,
    .kernel_count = 1,
};

/* ---- MaxPoolGrad and MaxPoolGradGrad ---- */

/* What a window of channels chose is not looked for: TensorFlow refuses it as well. */
static tw_status *prepare_grad(tw_compute *c, void *state)
{
    tw_spatial *s = state;
    TW_TRY(tw_pool_prepare(c, s, "MaxPoolGrad", true));
    if (s->depth_ksize != 1)
        return tw_status_new(TW_UNIMPLEMENTED,
                             "MaxPoolingGrad is not yet supported on the depth dimension.");
    return TW_OK;
}

/* No pixels or no windows: nothing flows. */
static tw_status *pool_grad(tw_compute *c, const tw_spatial *s)
{
    const tw_array *x = tw_input(c, 0), *y = tw_input(c, 1), *dy = tw_input(c, 2);
    tw_pool2d p;
    TW_TRY(check_rank(c, 0, "tensor_in"));
    TW_TRY(check_rank(c, 1, "tensor_out"));
    TW_TRY(check_rank(c, 2, "out_backprop"));
    TW_TRY(tw_pool_make(c, s, x->dims, dy, &p));
    if (!tw_same_shape(y, dy))
        return tw_compute_fail(c, "Expected orig_output shape to be %s, but got %s",
                               tw_brackets(dy).s, tw_brackets(y).s);
    if (dy->count == 0 || x->count == 0) {
        memset(tw_output_data(c, 0), 0, x->count * tw_dtype_size(x->dtype));
        return TW_OK;
    }
    tw_par par = tw_compute_par(c);
    return tw_max_pool_gradient(x->dtype, &p, x->data, dy->data, tw_output_data(c, 0), &par);
}

/* Windows over depth were refused when the node was prepared, so the gradient only knows those
 * over rows and columns. */
static tw_status *compute_grad(tw_compute *c)
{
    return pool_grad(c, tw_compute_state(c));
}

/* The gradient is as large as the image, whose shape input 0 has. */
static void infer_grad(tw_infer *in)
{
    tw_infer_output(in, 0, tw_infer_rank(in, 0, IMAGE_RANK));
}

/* Zeros of an input's shape, which is known in the run even where it is not while building. */
static tw_tensor zeros(tw_gradient *g, size_t input)
{
    return tw_zeros_like(g->inputs[input]);
}

/* The choice of a cell does not change with small changes of the input: only the numbers that
 * flowed back are differentiated. */
static tw_status *gradient_grad(tw_gradient *g)
{
    g->dx[0] = tw_grad_of(zeros(g, 0));
    g->dx[1] = tw_grad_of(zeros(g, 1));
    g->dx[2] = tw_grad_of(
        tw_max_pool_grad_grad(g->inputs[0], g->inputs[1], tw_gradient_dy(g, 0), OPTIONS(g)));
    return TW_OK;
}

static const tw_kernel grad_kernel = {.dtypes = POOL_TYPES,
                                      .state_size = sizeof(tw_spatial),
                                      .prepare = prepare_grad,
                                      .compute = compute_grad};

const tw_op_definition tw_op_MaxPoolGrad = {
    .signature = "orig_input: T, orig_output: T, grad: T -> output: T; ksize: list(int) >= 4; "
                 "strides: list(int) >= 4; padding: {\"SAME\", \"VALID\"}; "
                 "data_format: {\"NHWC\", \"NCHW\"} = \"NHWC\"; T: realnumbertype = float",
    .doc = "The gradient of MaxPool: each number of `grad` is added to the first largest cell of "
           "its window.",
    .since = "data_format: 0.8; half: 0.10; integers, double: 1.3",
    .examples = {"max_pool_grad([[[[1.], [3.]]]], [[[[3.]]]], [[[[5.]]]], ksize=[1, 1, 2, 1], "
                 "strides=[1, 1, 1, 1], padding=\"VALID\") -> [[[[0.], [5.]]]]"},
    .infer = infer_grad,
    .gradient = gradient_grad,
    .kernels = &grad_kernel,
    .kernel_count = 1,
};

/* What is picked is one element for each window, so the shape is that of the pooling. */
static void infer_grad_grad(tw_infer *in)
{
    tw_infer_pool(in, "MaxPoolGradGrad");
}

/* The way back of pool_grad: each window takes from the cell to which it gave. */
static tw_status *pick(tw_compute *c, const tw_spatial *s)
{
    const tw_array *x = tw_input(c, 0), *y = tw_input(c, 1), *dx = tw_input(c, 2);
    tw_pool2d p;
    TW_TRY(check_rank(c, 0, "tensor_in"));
    TW_TRY(check_rank(c, 1, "tensor_out"));
    TW_TRY(tw_pool_make(c, s, x->dims, y, &p));
    if (!tw_same_shape(x, dx))
        return tw_compute_fail(c, "Expected grad shape to be %s, but got %s", tw_brackets(x).s,
                               tw_brackets(dx).s);
    if (y->count == 0)
        return TW_OK;
    tw_par par = tw_compute_par(c);
    return tw_max_pool_pick(x->dtype, &p, x->data, dx->data, tw_output_data(c, 0), &par);
}

/* The second derivative picks from each window the element of dx at the place of the largest
 * one. */
static tw_status *compute_grad_grad(tw_compute *c)
{
    return pick(c, tw_compute_state(c));
}

/* Taking and giving are each other's transposes. */
static tw_status *gradient_grad_grad(tw_gradient *g)
{
    g->dx[0] = tw_grad_of(zeros(g, 0));
    g->dx[1] = tw_grad_of(zeros(g, 1));
    g->dx[2] = tw_grad_of(
        tw_max_pool_grad(g->inputs[0], g->inputs[1], tw_gradient_dy(g, 0), OPTIONS(g)));
    return TW_OK;
}

static const tw_kernel grad_grad_kernel = {.dtypes = POOL_TYPES,
                                           .state_size = sizeof(tw_spatial),
                                           .prepare = prepare_grad,
                                           .compute = compute_grad_grad};

const tw_op_definition tw_op_MaxPoolGradGrad = {
    .signature = "orig_input: T, orig_output: T, grad: T -> output: T; ksize: list(int) >= 4; "
                 "strides: list(int) >= 4; padding: {\"SAME\", \"VALID\"}; "
                 "data_format: {\"NHWC\", \"NCHW\"} = \"NHWC\"; T: realnumbertype",
    .doc = "The gradient of MaxPoolGrad: for each window, what stands in `grad` where the window's "
           "first largest cell is.",
    .since = "MaxPoolGradGrad: 1.1",
    .examples = {"max_pool_grad_grad([[[[1.], [3.]]]], [[[[3.]]]], [[[[5.], [7.]]]], "
                 "ksize=[1, 1, 2, 1], strides=[1, 1, 1, 1], padding=\"VALID\") -> [[[[7.]]]]"},
    .infer = infer_grad_grad,
    .gradient = gradient_grad_grad,
    .kernels = &grad_grad_kernel,
    .kernel_count = 1,
};

/* ---- V2: windows that are tensors ---- */

/* The attributes of an operation whose ksize and strides are inputs. */
static tw_spatial_attrs v2_attrs(tw_spatial_attrs attrs, tw_ints ksize, tw_ints strides)
{
    attrs.ksize = ksize;
    attrs.strides = strides;
    return attrs;
}

/* Windows that are not known yet leave only the rank. */
static void infer_v2(tw_infer *in)
{
    tw_shape ksize = tw_infer_shape_value(in, 1), strides = tw_infer_shape_value(in, 2);
    tw_spatial s;
    if (!tw_shape_fully_known(ksize) || !tw_shape_fully_known(strides)) {
        tw_infer_output(in, 0, tw_infer_unknown(in, IMAGE_RANK));
        return;
    }
    tw_spatial_attrs attrs = v2_attrs(tw_infer_spatial_attrs(in, "MaxPoolV2"),
                                      (tw_ints){ksize.dims, ksize.rank},
                                      (tw_ints){strides.dims, strides.rank});
    if (tw_infer_spatial_of(in, &attrs, &s))
        tw_infer_pooled(in, &s);
}

/* Four numbers out of an int32 vector. */
static tw_status *read_four(const tw_compute *c, size_t input, int64_t *out)
{
    const tw_array *x = tw_input(c, input);
    if (x->rank != 1 || x->count != IMAGE_RANK)
        return tw_compute_fail(c, "Sliding window %s field must specify 4 dimensions",
                               tw_spec_input_name(c->spec, input).s);
    for (size_t i = 0; i < IMAGE_RANK; i++)
        out[i] = tw_index_at(x, i);
    return TW_OK;
}

/* Attributes and tensors together, at each step: the tensors may change from run to run. */
static tw_status *read_v2(tw_compute *c, size_t first, tw_spatial *s)
{
    int64_t ksize[IMAGE_RANK], strides[IMAGE_RANK];
    TW_TRY(read_four(c, first, ksize));
    TW_TRY(read_four(c, first + 1, strides));
    tw_spatial_attrs attrs = v2_attrs(tw_compute_spatial_attrs(c, c->spec->type),
                                      (tw_ints){ksize, IMAGE_RANK}, (tw_ints){strides, IMAGE_RANK});
    TW_TRY(tw_spatial_read(&attrs, s));
    return tw_pool_check(s, true);
}

/* The shape is known only here where the windows were fed. */
static tw_status *compute_v2(tw_compute *c)
{
    const tw_array *x = tw_input(c, 0);
    tw_spatial s;
    tw_pool2d p;
    tw_array *out;
    TW_TRY(check_rank(c, 0, "tensor_in"));
    TW_TRY(read_v2(c, 1, &s));
    TW_TRY(tw_pool_make(c, &s, x->dims, NULL, &p));
    int64_t dims[IMAGE_RANK] = {x->dims[0]};
    dims[tw_depth_axis(s.nchw)] = x->dims[tw_depth_axis(s.nchw)] / s.depth_stride;
    dims[tw_spatial_axis(s.nchw, 0)] = (int64_t)p.rows.out;
    dims[tw_spatial_axis(s.nchw, 1)] = (int64_t)p.cols.out;
    TW_TRY(tw_compute_allocate(c, 0, (tw_shape){dims, IMAGE_RANK}, &out));
    return pool(c, &s);
}

/* Inputs 1 and 2 are the windows; being integers they get no derivative. */
static tw_status *gradient_v2(tw_gradient *g)
{
    g->dx[0] = tw_grad_of(tw_max_pool_grad_v2(g->inputs[0], g->outputs[0], tw_gradient_dy(g, 0),
                                              g->inputs[1], g->inputs[2],
                                              .padding = tw_gradient_string(g, "padding"),
                                              .data_format = tw_gradient_string(g, "data_format")));
    return TW_OK;
}

static const tw_kernel v2_kernel = {.dtypes = POOL_TYPES, .compute = compute_v2};

const tw_op_definition tw_op_MaxPoolV2 = {
    .signature = "input: T, ksize: int32, strides: int32 -> output: T; "
                 "T: {half, bfloat16, float, double, int32, int64, uint8, int16, int8, uint16, "
                 "qint8} = float; padding: {\"SAME\", \"VALID\"}; "
                 "data_format: {\"NHWC\", \"NCHW\", \"NCHW_VECT_C\"} = \"NHWC\"",
    .doc = "MaxPool with `ksize` and `strides` as tensors of four numbers.",
    .since = "MaxPoolV2: 1.4",
    .examples = {"max_pool_v2([[[[1.], [2.]]]], [1, 1, 2, 1], [1, 1, 1, 1], padding=\"VALID\") -> "
                 "[[[[2.]]]]"},
    .shape_inputs = 1 << 1 | 1 << 2,
    .infer = infer_v2,
    .gradient = gradient_v2,
    .kernels = &v2_kernel,
    .kernel_count = 1,
};

/* As compute_grad with windows from inputs 3 and 4, read anew in each run. */
static tw_status *compute_grad_v2(tw_compute *c)
{
    tw_spatial s;
    TW_TRY(read_v2(c, 3, &s));
    if (s.depth_ksize != 1)
        return tw_status_new(TW_UNIMPLEMENTED,
                             "MaxPoolingGrad is not yet supported on the depth dimension.");
    return pool_grad(c, &s);
}

/* As gradient_grad; zeros rather than none for the first two, which is what TensorFlow's
 * function gives. */
static tw_status *gradient_grad_v2(tw_gradient *g)
{
    g->dx[0] = tw_grad_of(zeros(g, 0));
    g->dx[1] = tw_grad_of(zeros(g, 1));
    g->dx[2] = tw_grad_of(
        tw_max_pool_grad_grad_v2(g->inputs[0], g->inputs[1], tw_gradient_dy(g, 0), g->inputs[3],
                                 g->inputs[4], .padding = tw_gradient_string(g, "padding"),
                                 .data_format = tw_gradient_string(g, "data_format")));
    return TW_OK;
}

static const tw_kernel grad_v2_kernel = {.dtypes = POOL_TYPES, .compute = compute_grad_v2};

const tw_op_definition tw_op_MaxPoolGradV2 = {
    .signature = "orig_input: T, orig_output: T, grad: T, ksize: int32, strides: int32 -> "
                 "output: T; padding: {\"SAME\", \"VALID\"}; "
                 "data_format: {\"NHWC\", \"NCHW\"} = \"NHWC\"; T: realnumbertype = float",
    .doc = "MaxPoolGrad with `ksize` and `strides` as tensors of four numbers.",
    .since = "MaxPoolGradV2: 1.4",
    .examples = {"max_pool_grad_v2([[[[1.], [3.]]]], [[[[3.]]]], [[[[5.]]]], [1, 1, 2, 1], "
                 "[1, 1, 1, 1], padding=\"VALID\") -> [[[[0.], [5.]]]]"},
    .infer = infer_grad,
    .gradient = gradient_grad_v2,
    .kernels = &grad_v2_kernel,
    .kernel_count = 1,
};

/* As many numbers as there were windows. */
static void infer_grad_grad_v2(tw_infer *in)
{
    tw_infer_output(in, 0, tw_infer_rank(in, 1, IMAGE_RANK));
}

/* Windows are values of the run; those over depth have no derivative in TensorFlow either, and
 * are refused before any is taken. */
static tw_status *compute_grad_grad_v2(tw_compute *c)
{
    tw_spatial s;
    TW_TRY(read_v2(c, 3, &s));
    if (s.depth_ksize != 1)
        return tw_status_new(TW_UNIMPLEMENTED,
                             "MaxPoolingGradGrad is not yet supported on the depth dimension.");
    return pick(c, &s);
}

/* As gradient_grad_grad; windows go along as tensors, without derivatives of their own. */
static tw_status *gradient_grad_grad_v2(tw_gradient *g)
{
    g->dx[0] = tw_grad_of(zeros(g, 0));
    g->dx[1] = tw_grad_of(zeros(g, 1));
    g->dx[2] = tw_grad_of(tw_max_pool_grad_v2(g->inputs[0], g->inputs[1], tw_gradient_dy(g, 0),
                                              g->inputs[3], g->inputs[4],
                                              .padding = tw_gradient_string(g, "padding"),
                                              .data_format = tw_gradient_string(g, "data_format")));
    return TW_OK;
}

static const tw_kernel grad_grad_v2_kernel = {.dtypes = POOL_TYPES,
                                              .compute = compute_grad_grad_v2};

const tw_op_definition tw_op_MaxPoolGradGradV2 = {
    .signature = "orig_input: T, orig_output: T, grad: T, ksize: int32, strides: int32 -> "
                 "output: T; padding: {\"SAME\", \"VALID\"}; "
                 "data_format: {\"NHWC\", \"NCHW\"} = \"NHWC\"; T: realnumbertype",
    .doc = "MaxPoolGradGrad with `ksize` and `strides` as tensors of four numbers.",
    .since = "MaxPoolGradGradV2: 1.4",
    .examples = {"max_pool_grad_grad_v2([[[[1.], [3.]]]], [[[[3.]]]], [[[[5.], [7.]]]], "
                 "[1, 1, 2, 1], [1, 1, 1, 1], padding=\"VALID\") -> [[[[7.]]]]"},
    .infer = infer_grad_grad_v2,
    .gradient = gradient_grad_grad_v2,
    .kernels = &grad_grad_v2_kernel,
    .kernel_count = 1,
};
