/* SPDX-License-Identifier: Apache-2.0
 * MaxPoolWithArgmax: the largest numbers of windows and where they stand, as an index into the
 * image (rows, columns, depth) or the whole batch; its gradient adds up at these places. */
#include <string.h>

#include "kernels/pool2d.h"

#include "ops/brackets.h"
#include "ops/combine.h"
#include "ops/pool.h"

enum { IMAGE_RANK = 4 };

/* What prepare reads from the attributes. */
typedef struct state {
    tw_spatial spatial;
    bool whole_batch;
} state;

/* include_batch_in_index decides what an index counts from; windows over depth have no kernel. */
static tw_status *prepare(tw_compute *c, void *at)
{
    state *s = at;
    s->whole_batch = tw_compute_bool(c, "include_batch_in_index");
    return tw_pool_prepare(c, &s->spatial, "MaxPoolWithArgmax", false);
}

/* Numbers and their places have one shape. */
static void infer(tw_infer *in)
{
    tw_spatial s;
    if (!tw_infer_spatial(in, "MaxPoolWithArgmax", &s))
        return;
    tw_shape x = tw_infer_rank(in, 0, IMAGE_RANK);
    int64_t rows = tw_infer_windowed(in, &s, 0, x.dims[1], s.ksize[0]);
    int64_t cols = tw_infer_windowed(in, &s, 1, x.dims[2], s.ksize[1]);
    tw_shape shape = tw_infer_image(in, false, x.dims[0], rows, cols, x.dims[3]);
    tw_infer_output(in, 0, shape);
    tw_infer_output(in, 1, shape);
}

/* The kernel's indices have 64 bits. */
static size_t workspace(const tw_compute *c)
{
    const tw_array *argmax = tw_output(c, 1);
    return argmax && argmax->dtype == TW_INT32 ? argmax->count * sizeof(int64_t) : 0;
}

/* An index that does not fit into 32 bits would name another cell. */
static tw_status *compute(tw_compute *c)
{
    const state *s = tw_compute_state(c);
    const tw_array *x = tw_input(c, 0);
    tw_array *argmax = tw_output(c, 1);
    tw_pool2d p;
    if (x->rank != IMAGE_RANK)
        return tw_compute_fail(c, "tensor_in must be 4-dimensional%s", tw_brackets(x).s);
    TW_TRY(tw_pool_make(c, &s->spatial, x->dims, NULL, &p));
    if (argmax->count == 0)
        return TW_OK;
    bool narrow = argmax->dtype == TW_INT32;
    if (narrow && x->count > INT32_MAX)
        return tw_compute_fail(c, "the input is too large for indices of int32");
    int64_t *indices = narrow ? tw_compute_workspace(c) : argmax->data;
    tw_par par = tw_compute_par(c);
    TW_TRY(
        (tw_max_pool)(x->dtype, &p, x->data, tw_output_data(c, 0), indices, s->whole_batch, &par));
    for (size_t i = 0; narrow && i < argmax->count; i++)
        ((int32_t *)argmax->data)[i] = (int32_t)indices[i];
    return TW_OK;
}

#define OPTIONS(g)                                                                    \
    .ksize = tw_gradient_ints(g, "ksize"), .strides = tw_gradient_ints(g, "strides"), \
    .padding = tw_gradient_string(g, "padding"),                                      \
    .include_batch_in_index = tw_gradient_bool(g, "include_batch_in_index")

/* The places are known: nothing has to be compared again. */
static tw_status *gradient(tw_gradient *g)
{
    g->dx[0] = tw_grad_of(tw_max_pool_grad_with_argmax(g->inputs[0], tw_gradient_dy(g, 0),
                                                       g->outputs[1], OPTIONS(g)));
    return TW_OK;
}

#define SERVED                                                                              \
    "T: {half, bfloat16, float, double, int32, int64, uint8, int16, int8, uint16, uint32, " \
    "uint64}"

static const tw_kernel kernel = {.dtypes = SERVED,
                                 .workspace = workspace,
                                 .state_size = sizeof(state),
                                 .prepare = prepare,
                                 .compute = compute};

const tw_op_definition tw_op_MaxPoolWithArgmax = {
    .signature = "input: T -> output: T, argmax: Targmax; ksize: list(int) >= 4; "
                 "strides: list(int) >= 4; Targmax: {int32, int64} = int64; "
                 "padding: {\"SAME\", \"VALID\"}; include_batch_in_index: bool = false; "
                 "T: realnumbertype",
    .doc = "MaxPool over images (batch, rows, columns, depth), and where each number came from: "
           "(row * columns + column) * depth + channel, of the image or with "
           "`include_batch_in_index` of the batch.",
    .builder = "max_pool_with_argmax",
    .since = "half: 0.10; CPU: 1.4; include_batch_in_index: 1.14",
    .examples = {"max_pool_with_argmax([[[[1.], [3.], [2.]]]], ksize=[1, 1, 3, 1], "
                 "strides=[1, 1, 1, 1], padding=\"VALID\") -> [[[[3.]]]], [[[[1]]]]"},
    .infer = infer,
    .gradient = gradient,
    .kernels = &kernel,
    .kernel_count = 1,
};

/* ---- MaxPoolGradWithArgmax ---- */

/* The gradient is as large as the image. */
static void infer_grad(tw_infer *in)
{
    tw_infer_output(in, 0, tw_infer_rank(in, 0, IMAGE_RANK));
}

/* `argmax` may come from anywhere, so it is checked before anything is added. */
static tw_status *compute_grad(tw_compute *c)
{
    const state *s = tw_compute_state(c);
    const tw_array *x = tw_input(c, 0), *dy = tw_input(c, 1), *argmax = tw_input(c, 2);
    tw_array *out = tw_output(c, 0);
    if (x->rank != IMAGE_RANK || dy->rank != IMAGE_RANK || !tw_same_shape(dy, argmax) ||
        dy->dims[0] != x->dims[0])
        return tw_compute_fail(c, "input %s, grad %s and argmax %s do not belong together",
                               tw_brackets(x).s, tw_brackets(dy).s, tw_brackets(argmax).s);
    size_t size = tw_dtype_size(x->dtype), batch = (size_t)x->dims[0];
    size_t image = s->whole_batch || !batch ? 0 : x->count / batch;
    size_t limit = image ? image : x->count, windows = batch ? dy->count / batch : 0;
    for (size_t i = 0; i < argmax->count; i++) {
        int64_t at = tw_index_at(argmax, i);
        if (at < 0 || (uint64_t)at >= limit)
            return tw_compute_fail(c, "argmax[%zu] = %" PRId64 " is not in [0, %zu)", i, at, limit);
    }
    tw_combine add = tw_combine_loop(TW_COMBINE_ADD, x->dtype);
    memset(out->data, 0, out->count * size);
    for (size_t i = 0; i < argmax->count; i++)
        add(1, (char *)out->data + (i / windows * image + (size_t)tw_index_at(argmax, i)) * size,
            (const char *)dy->data + i * size, 1);
    return TW_OK;
}

/* Where argmax[i] stands in the whole batch, flattened. */
static tw_tensor flat_places(tw_gradient *g)
{
    tw_tensor argmax = g->inputs[2], sizes = tw_shape(g->inputs[0]);
    tw_dtype dtype = tw_gradient_type(g, "Targmax");
    if (tw_gradient_bool(g, "include_batch_in_index"))
        return argmax;
    tw_tensor batch = tw_gather(sizes, 0);
    tw_tensor image = tw_prod(tw_slice(sizes, TW_INTS(1), TW_INTS(-1)), TW_INTS(0));
    tw_tensor first = tw_mul(tw_raw_range(0, batch, 1), image);
    return tw_add(argmax, tw_cast(tw_reshape(first, TW_INTS(-1, 1, 1, 1)), .DstT = dtype));
}

/* Each number of `grad` went to one place; what is wanted is what stands there. */
static tw_status *gradient_of_grad(tw_gradient *g)
{
    tw_tensor dy = tw_reshape(tw_gradient_dy(g, 0), TW_INTS(-1));
    g->dx[1] = tw_grad_of(tw_gather(dy, flat_places(g)));
    return TW_OK;
}

static const tw_kernel grad_kernel = {
    .dtypes = SERVED, .state_size = sizeof(state), .prepare = prepare, .compute = compute_grad};

const tw_op_definition tw_op_MaxPoolGradWithArgmax = {
    .signature = "input: T, grad: T, argmax: Targmax -> output: T; ksize: list(int) >= 4; "
                 "strides: list(int) >= 4; padding: {\"SAME\", \"VALID\"}; "
                 "include_batch_in_index: bool = false; Targmax: {int32, int64}; "
                 "T: realnumbertype",
    .doc = "The gradient of MaxPoolWithArgmax: `grad` is added up where `argmax` says.",
    .builder = "max_pool_grad_with_argmax",
    .since = "half: 0.10; CPU: 1.4; include_batch_in_index: 1.14",
    .examples = {"max_pool_grad_with_argmax([[[[1.], [3.], [2.]]]], [[[[5.]]]], [[[[1]]]], "
                 "ksize=[1, 1, 3, 1], strides=[1, 1, 1, 1], padding=\"VALID\") -> "
                 "[[[[0.], [5.], [0.]]]]"},
    .infer = infer_grad,
    .gradient = gradient_of_grad,
    .kernels = &grad_kernel,
    .kernel_count = 1,
};
