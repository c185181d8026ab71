/* SPDX-License-Identifier: Apache-2.0
 * AvgPool and its gradient: the mean of the cells of each window that lie inside the image. */
#include <string.h>

#include "kernels/pool2d.h"

#include "ops/brackets.h"
#include "ops/pool.h"

enum { IMAGE_RANK = 4 };

#define OPTIONS(g)                                                                    \
    .ksize = tw_gradient_ints(g, "ksize"), .strides = tw_gradient_ints(g, "strides"), \
    .padding = tw_gradient_string(g, "padding"),                                      \
    .data_format = tw_gradient_string(g, "data_format")

/* Windows, strides and padding are read as in the kernel, so that a graph with impossible ones
 * fails while it is built. */
static void infer(tw_infer *in)
{
    tw_infer_pool(in, "AvgPool");
}

/* Attributes are read and refused once, not in each run. Averages over depth have no kernel, as
 * in TensorFlow. */
static tw_status *prepare(tw_compute *c, void *state)
{
    return tw_pool_prepare(c, state, "AvgPool", false);
}

/* A result without elements ends here, after all checks: the loop divides the work by windows
 * and takes their number to be positive. */
static tw_status *compute(tw_compute *c)
{
    const tw_array *x = tw_input(c, 0);
    tw_pool2d p;
    if (x->rank != IMAGE_RANK)
        return tw_compute_fail(c, "tensor_in must be 4-dimensional%s", tw_brackets(x).s);
    TW_TRY(tw_pool_make(c, tw_compute_state(c), x->dims, NULL, &p));
    if (tw_output(c, 0)->count == 0)
        return TW_OK;
    tw_par par = tw_compute_par(c);
    return (tw_avg_pool)(x->dtype, &p, x->data, tw_output_data(c, 0), &par);
}

/* The gradient needs only the shape of the image: which cells a window averaged does not depend
 * on their values. */
static tw_status *gradient(tw_gradient *g)
{
    g->dx[0] = tw_grad_of(
        tw_avg_pool_grad(tw_shape(g->inputs[0]), tw_gradient_dy(g, 0), OPTIONS(g)));
    return TW_OK;
}

const tw_op_definition tw_op_AvgPool = {
    .signature = "value: T -> output: T; ksize: list(int) >= 4; strides: list(int) >= 4; "
                 "padding: {\"SAME\", \"VALID\"}; data_format: {\"NHWC\", \"NCHW\"} = \"NHWC\"; "
                 "T: {half, bfloat16, float, double}",
    .doc = "The mean of each window of `ksize` over images (batch, rows, columns, depth); padding "
           "does not count. `ksize` and `strides` have an entry for each axis.",
    .since = "data_format: 0.8; double on the CPU: 1.0",
    .examples = {"avg_pool([[[[1.], [2.]], [[3.], [4.]]]], ksize=[1, 2, 2, 1], "
                 "strides=[1, 2, 2, 1], padding=\"VALID\") -> [[[[2.5]]]]"},
    .infer = infer,
    .gradient = gradient,
    .compute = compute,
    .state_size = sizeof(tw_spatial),
    .prepare = prepare,
};

/* ---- AvgPoolGrad ---- */

/* The first input says the shape of the result; where its value is not known yet, the rank is. */
static void infer_grad(tw_infer *in)
{
    tw_shape shape = tw_infer_shape_value(in, 0);
    if (shape.dims && shape.rank != IMAGE_RANK)
        tw_infer_fail(in, "Shape must be rank 4 but is rank %zu", shape.rank);
    tw_infer_output(in, 0, shape.dims ? shape : tw_infer_unknown(in, IMAGE_RANK));
}

/* The image's shape is a value of the run, so it is checked for negative dims like any input
 * before memory is asked for. Without windows the gradient is zero everywhere. */
static tw_status *compute_grad(tw_compute *c)
{
    const tw_array *sizes = tw_input(c, 0), *dy = tw_input(c, 1);
    int64_t dims[IMAGE_RANK];
    tw_array *out;
    tw_pool2d p;
    if (sizes->rank != 1 || sizes->count != IMAGE_RANK)
        return tw_compute_fail(c, "out_backprop must be 1-dimensional and 4 elements");
    if (dy->rank != IMAGE_RANK)
        return tw_compute_fail(c, "out_backprop must be 4-dimensional");
    for (size_t i = 0; i < IMAGE_RANK; i++) {
        dims[i] = tw_index_at(sizes, i);
        if (dims[i] < 0)
            return tw_compute_fail(c, "orig_input_shape must not be negative, got %" PRId64,
                                   dims[i]);
    }
    TW_TRY(tw_pool_make(c, tw_compute_state(c), dims, dy, &p));
    TW_TRY(tw_compute_allocate(c, 0, (tw_shape){dims, IMAGE_RANK}, &out));
    if (out->count == 0 || dy->count == 0) {
        memset(out->data, 0, out->count * tw_dtype_size(out->dtype));
        return TW_OK;
    }
    tw_par par = tw_compute_par(c);
    return tw_avg_pool_gradient(dy->dtype, &p, dy->data, out->data, &par);
}

/* AvgPool is linear, so the derivative of its gradient by dy is the pooling itself; the first
 * input is a shape and has none. */
static tw_status *gradient_grad(tw_gradient *g)
{
    g->dx[1] = tw_grad_of(tw_avg_pool(tw_gradient_dy(g, 0), OPTIONS(g)));
    return TW_OK;
}

const tw_op_definition tw_op_AvgPoolGrad = {
    .signature = "orig_input_shape: int32, grad: T -> output: T; ksize: list(int) >= 4; "
                 "strides: list(int) >= 4; padding: {\"SAME\", \"VALID\"}; "
                 "data_format: {\"NHWC\", \"NCHW\"} = \"NHWC\"; "
                 "T: {half, bfloat16, float, double}",
    .doc = "The gradient of AvgPool: each number of `grad` is shared out over the cells of its "
           "window.",
    .since = "data_format: 0.8; double on the CPU: 1.0",
    .examples = {"avg_pool_grad([1, 1, 2, 1], [[[[3.]]]], ksize=[1, 1, 2, 1], "
                 "strides=[1, 1, 1, 1], padding=\"VALID\") -> [[[[1.5], [1.5]]]]"},
    .shape_inputs = 1,
    .infer = infer_grad,
    .gradient = gradient_grad,
    .compute = compute_grad,
    .state_size = sizeof(tw_spatial),
    .prepare = prepare,
};
