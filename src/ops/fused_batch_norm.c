/* SPDX-License-Identifier: Apache-2.0
 * FusedBatchNorm, V2, V3 and their gradients: batch normalization over all axes but that of
 * channels. While training the batch's own mean and variance are used and given; else they come in.
 * NCHW is walked plane by plane, so that both formats share the loops over channels. Sums are kept
 * in double. */
#include <math.h>
#include <string.h>

#include "ops/arrays.h"
#include "ops/brackets.h"
#include "ops/spatial.h"

enum { IMAGE_RANK = 4 };

/* Attributes in the form in which the loops read them. */
typedef struct options {
    double epsilon;
    bool nchw, training;
} options;

/* Reads the format's text once; epsilon is widened to double, since all moments are kept so. */
static tw_status *prepare(tw_compute *c, void *state)
{
    *(options *)state = (options){tw_compute_float(c, "epsilon"),
                                  strcmp(tw_compute_string(c, "data_format"), "NCHW") == 0,
                                  tw_compute_bool(c, "is_training")};
    return TW_OK;
}

/* ---- shapes ---- */

/* The image with its depth known wherever a vector says it. */
static tw_shape infer_image(tw_infer *in, size_t image, size_t first_vector, size_t last_vector,
                            int64_t *depth)
{
    bool nchw = strcmp(tw_infer_string(in, "data_format"), "NCHW") == 0;
    tw_shape x = tw_infer_rank(in, image, IMAGE_RANK);
    *depth = x.dims[tw_depth_axis(nchw)];
    for (size_t i = first_vector; i <= last_vector; i++) {
        int64_t length = tw_infer_dim(tw_infer_vector(in, i), 0);
        if (!tw_dims_agree(*depth, length))
            tw_infer_fail(in, "Dimensions must be equal, but are %" PRId64 " and %" PRId64, *depth,
                          length);
        *depth = *depth < 0 ? length : *depth;
    }
    return tw_infer_image(in, nchw, x.dims[0], x.dims[tw_spatial_axis(nchw, 0)],
                          x.dims[tw_spatial_axis(nchw, 1)], *depth);
}

/* Outputs 1 to 4 are vectors of channels: batch moments and what is kept for the gradient. V3's
 * reserve space is empty. */
static void infer(tw_infer *in)
{
    int64_t depth;
    size_t last = tw_infer_bool(in, "is_training") ? 2 : 4;
    tw_shape x = infer_image(in, 0, 1, last, &depth);
    tw_infer_output(in, 0, x);
    for (size_t i = 1; i < 5; i++)
        tw_infer_output(in, i, TW_SHAPE(depth));
    if (tw_infer_output_count(in) > 5)
        tw_infer_output(in, 5, TW_SHAPE(0));
}

/* Outputs 3 and 4 stand for inputs without a derivative (mean and variance); TensorFlow gives
 * them the shape of scalars. */
static void infer_grad(tw_infer *in)
{
    int64_t depth;
    tw_shape x = infer_image(in, 1, 2, 4, &depth);
    tw_infer_output(in, 0, tw_infer_merge(in, x, tw_infer_rank(in, 0, IMAGE_RANK)));
    tw_infer_output(in, 1, TW_SHAPE(depth));
    tw_infer_output(in, 2, TW_SHAPE(depth));
    tw_infer_output(in, 3, TW_SHAPE());
    tw_infer_output(in, 4, TW_SHAPE());
}

/* ---- loops ---- */

/* An image as runs: NHWC has a run of all channels for each pixel, NCHW a run of pixels for each
 * channel of each picture. */
typedef struct layout {
    size_t depth, runs, length; /* length: of a run */
    bool nchw;
} layout;

/* NHWC: a run is a pixel with all channels. NCHW: a run is a plane of one channel. Sizes of zero
 * give no runs. */
static layout layout_of(const tw_array *x, bool nchw)
{
    layout l = {.depth = (size_t)x->dims[tw_depth_axis(nchw)], .nchw = nchw};
    size_t pictures = (size_t)x->dims[0];
    l.runs = nchw ? pictures * l.depth : l.depth ? x->count / l.depth : 0;
    l.length = nchw ? (l.runs ? x->count / l.runs : 0) : l.depth;
    return l;
}

/* The channel of element i of run r. */
static size_t channel(const layout *l, size_t r, size_t i)
{
    return l->nchw ? r % l->depth : i;
}

/* How many numbers each channel's mean is taken over; zero for an image without channels. */
static size_t pixels_of(const layout *l, size_t count)
{
    return l->depth ? count / l->depth : 0;
}

/* sums[k] += (x - mean[k])^power for each channel; power 1 or 2, mean NULL: 0. */
static void add_powers(const layout *l, const float *x, const double *mean, int power, double *sums)
{
    for (size_t r = 0; r < l->runs; r++, x += l->length) {
        for (size_t i = 0; i < l->length; i++) {
            size_t k = channel(l, r, i);
            double d = (double)x[i] - (mean ? mean[k] : 0);
            sums[k] += power == 1 ? d : d * d;
        }
    }
}

/* ---- the kernel ---- */

/* In inference mean and variance come in and are checked too; while training they are empty and
 * their inputs are not looked at. */
static tw_status *check_vectors(const tw_compute *c, const layout *l, size_t first, size_t last)
{
    for (size_t i = first; i <= last; i++) {
        const tw_array *v = tw_input(c, i);
        tw_text name = tw_spec_input_name(c->spec, i);
        if (v->rank != 1)
            return tw_compute_fail(c, "%s must be 1-dimensional%s", name.s, tw_brackets(v).s);
        if ((size_t)v->dims[0] != l->depth)
            return tw_compute_fail(c,
                                   "%s must have the same number of elements as the channels of x, "
                                   "got %" PRId64 " and %zu",
                                   name.s, v->dims[0], l->depth);
    }
    return TW_OK;
}

/* In the workspace: vectors of the depth, in double. */
static double *vector_of(const tw_compute *c, const layout *l, size_t index)
{
    double *all = tw_compute_workspace(c); /* NULL where there are no channels */
    return all ? all + index * l->depth : NULL;
}

/* Bytes for `count` vectors of doubles; zero where compute will refuse the rank or where the
 * size overflows. */
static size_t vectors(const tw_compute *c, size_t input, size_t count)
{
    const tw_array *x = tw_input(c, input);
    const options *o = tw_compute_state(c);
    size_t depth = x->rank == IMAGE_RANK ? (size_t)x->dims[tw_depth_axis(o->nchw)] : 0, bytes;
    return tw_size_mul(depth, count * sizeof(double), &bytes) ? bytes : 0;
}

/* Mean, variance, factor and shift of each channel, in double so that large batches lose no
 * digits. */
static size_t workspace(const tw_compute *c)
{
    return vectors(c, 0, 4);
}

/* Mean and variance of the batch, or those that came in. */
static void find_moments(const tw_compute *c, const layout *l, double *mean, double *variance)
{
    const options *o = tw_compute_state(c);
    const tw_array *x = tw_input(c, 0);
    double pixels = (double)pixels_of(l, x->count);
    for (size_t k = 0; k < l->depth; k++) {
        mean[k] = o->training ? 0 : (double)((const float *)tw_input_data(c, 3))[k];
        variance[k] = o->training ? 0 : (double)((const float *)tw_input_data(c, 4))[k];
    }
    if (!o->training)
        return;
    add_powers(l, x->data, NULL, 1, mean);
    for (size_t k = 0; k < l->depth; k++)
        mean[k] /= pixels;
    add_powers(l, x->data, mean, 2, variance);
    for (size_t k = 0; k < l->depth; k++)
        variance[k] /= pixels;
}

/* The batch's variance is given unbiased, what the gradient reads as it was used. */
static void give_moments(const tw_compute *c, const layout *l, const double *mean,
                         const double *variance)
{
    const options *o = tw_compute_state(c);
    double pixels = (double)pixels_of(l, tw_input(c, 0)->count);
    double unbiased = o->training && pixels > 1 ? pixels / (pixels - 1) : 1;
    for (size_t k = 0; k < l->depth; k++) {
        ((float *)tw_output_data(c, 1))[k] = (float)mean[k];
        ((float *)tw_output_data(c, 2))[k] = (float)(variance[k] * unbiased);
        ((float *)tw_output_data(c, 3))[k] = (float)mean[k];
        ((float *)tw_output_data(c, 4))[k] = (float)variance[k];
    }
}

/* y = x * factor + shift with both computed once for each channel, which leaves a multiplication
 * and an addition for each element. */
static tw_status *compute(tw_compute *c)
{
    const tw_array *x = tw_input(c, 0);
    const options *o = tw_compute_state(c);
    if (x->rank != IMAGE_RANK)
        return tw_compute_fail(c, "input must be 4-dimensional%s", tw_brackets(x).s);
    layout l = layout_of(x, o->nchw);
    TW_TRY(check_vectors(c, &l, 1, o->training ? 2 : 4));
    const float *scale = tw_input_data(c, 1), *offset = tw_input_data(c, 2), *in = x->data;
    float *out = tw_output_data(c, 0);
    double *mean = vector_of(c, &l, 0), *variance = vector_of(c, &l, 1);
    double *factor = vector_of(c, &l, 2), *shift = vector_of(c, &l, 3);
    find_moments(c, &l, mean, variance);
    give_moments(c, &l, mean, variance);
    for (size_t k = 0; k < l.depth; k++) {
        factor[k] = (double)scale[k] / sqrt(variance[k] + o->epsilon);
        shift[k] = (double)offset[k] - mean[k] * factor[k];
    }
    for (size_t r = 0; r < l.runs; r++, in += l.length, out += l.length)
        for (size_t i = 0; i < l.length; i++) {
            size_t k = channel(&l, r, i);
            out[i] = (float)((double)in[i] * factor[k] + shift[k]);
        }
    return TW_OK;
}

/* ---- the gradient's kernel ---- */

/* Input 1 of a gradient is x, whose depth says how long the four vectors are. */
static size_t grad_workspace(const tw_compute *c)
{
    return vectors(c, 1, 4);
}

/* With s = 1 / sqrt(variance + epsilon) and z = (x - mean) s, over the n pixels of each channel:
 * doffset = sum(dy), dscale = sum(dy z), dx = scale s (dy - [training: (doffset + z dscale) /
 * n]). */
static tw_status *compute_grad(tw_compute *c)
{
    const tw_array *dy = tw_input(c, 0), *x = tw_input(c, 1);
    const options *o = tw_compute_state(c);
    if (x->rank != IMAGE_RANK || !tw_same_shape(x, dy))
        return tw_compute_fail(c, "y_backprop and x must be 4-dimensional and of one shape: %s, %s",
                               tw_brackets(dy).s, tw_brackets(x).s);
    layout l = layout_of(x, o->nchw);
    TW_TRY(check_vectors(c, &l, 2, 4));
    const float *scale = tw_input_data(c, 2), *mean = tw_input_data(c, 3), *in = x->data;
    const float *variance = tw_input_data(c, 4), *g = dy->data;
    double *s = vector_of(c, &l, 0), *doffset = vector_of(c, &l, 1), *dscale = vector_of(c, &l, 2);
    double n = o->training ? (double)pixels_of(&l, x->count) : INFINITY;
    for (size_t k = 0; k < l.depth; k++) {
        s[k] = 1 / sqrt((double)variance[k] + o->epsilon);
        doffset[k] = dscale[k] = 0;
    }
    for (size_t r = 0; r < l.runs; r++, in += l.length, g += l.length)
        for (size_t i = 0; i < l.length; i++) {
            size_t k = channel(&l, r, i);
            doffset[k] += (double)g[i];
            dscale[k] += (double)g[i] * ((double)in[i] - (double)mean[k]) * s[k];
        }
    float *out = tw_output_data(c, 0);
    in = x->data, g = dy->data;
    for (size_t r = 0; r < l.runs; r++, in += l.length, g += l.length, out += l.length)
        for (size_t i = 0; i < l.length; i++) {
            size_t k = channel(&l, r, i);
            double z = ((double)in[i] - (double)mean[k]) * s[k];
            double part = o->training ? (doffset[k] + z * dscale[k]) / n : 0;
            out[i] = (float)((double)scale[k] * s[k] * ((double)g[i] - part));
        }
    for (size_t k = 0; k < l.depth; k++) {
        ((float *)tw_output_data(c, 1))[k] = (float)dscale[k];
        ((float *)tw_output_data(c, 2))[k] = (float)doffset[k];
    }
    *(float *)tw_output_data(c, 3) = *(float *)tw_output_data(c, 4) = 0;
    return TW_OK;
}

/* ---- gradients ---- */

/* The gradient's operands: while training what the forward operation kept, else the population's
 * moments, by which nothing is differentiated. */
#define OPERANDS(g, kept)                                                                          \
    tw_gradient_dy(g, 0), (g)->inputs[0], (g)->inputs[1], kept ? (g)->outputs[3] : (g)->inputs[3], \
        kept ? (g)->outputs[4] : (g)->inputs[4]
#define OPTIONS(g)                                              \
    .epsilon = (double)tw_gradient_attr(g, "epsilon")->value.f, \
    .data_format = tw_gradient_string(g, "data_format"),        \
    .is_training = tw_gradient_bool(g, "is_training")

/* The moments that came in are not read while training, and constants else. */
static tw_status *give_gradients(tw_gradient *g, tw_tensor x, tw_tensor scale, tw_tensor offset)
{
    g->dx[0] = tw_grad_of(x);
    g->dx[1] = tw_grad_of(scale);
    g->dx[2] = tw_grad_of(offset);
    return TW_OK;
}

/* While training the saved batch moments go in; for inference the given ones, which is what
 * `kept` chooses. */
static tw_status *gradient(tw_gradient *g)
{
    bool kept = tw_gradient_bool(g, "is_training");
    struct tw_fused_batch_norm_grad_result d = tw_fused_batch_norm_grad(OPERANDS(g, kept),
                                                                        OPTIONS(g));
    return give_gradients(g, d.x_backprop, d.scale_backprop, d.offset_backprop);
}

/* V2 differs in the dtype attribute U of scale and moments alone; its gradient is the V2 one. */
static tw_status *gradient_v2(tw_gradient *g)
{
    bool kept = tw_gradient_bool(g, "is_training");
    struct tw_fused_batch_norm_grad_v2_result d = tw_fused_batch_norm_grad_v2(OPERANDS(g, kept),
                                                                              OPTIONS(g));
    return give_gradients(g, d.x_backprop, d.scale_backprop, d.offset_backprop);
}

/* V3 hands a sixth output to its gradient, reserve space that stays empty on a CPU. */
static tw_status *gradient_v3(tw_gradient *g)
{
    bool kept = tw_gradient_bool(g, "is_training");
    struct tw_fused_batch_norm_grad_v3_result d = tw_fused_batch_norm_grad_v3(
        OPERANDS(g, kept), g->outputs[5], OPTIONS(g));
    return give_gradients(g, d.x_backprop, d.scale_backprop, d.offset_backprop);
}

/* ---- definitions ---- */

#define FORWARD_OPTIONS                                                       \
    "epsilon: float = 0.0001; data_format: {\"NHWC\", \"NCHW\"} = \"NHWC\"; " \
    "is_training: bool = true"
#define ABOUT                                                                                     \
    "y = (x - mean) / sqrt(variance + epsilon) * scale + offset for each channel of images. "     \
    "With `is_training` mean and variance are the batch's and come out (the variance unbiased), " \
    "else those that come in."

static const tw_kernel kernel = {.dtypes = "T: {float}",
                                 .workspace = workspace,
                                 .state_size = sizeof(options),
                                 .prepare = prepare,
                                 .compute = compute};
static const tw_kernel grad_kernel = {.dtypes = "T: {float}",
                                      .workspace = grad_workspace,
                                      .state_size = sizeof(options),
                                      .prepare = prepare,
                                      .compute = compute_grad};

const tw_op_definition tw_op_FusedBatchNorm = {
    .signature = "x: T, scale: T, offset: T, mean: T, variance: T -> y: T, batch_mean: T, "
                 "batch_variance: T, reserve_space_1: T, reserve_space_2: T; "
                 "T: {float}; " FORWARD_OPTIONS,
    .doc = ABOUT,
    .since = "FusedBatchNorm: 0.12",
    .examples = {"fused_batch_norm([[[[1.], [3.]]]], [1.], [0.], [], [], epsilon=0.) -> "
                 "[[[[-1.], [1.]]]], [2.], [2.], [2.], [1.]"},
    .infer = infer,
    .gradient = gradient,
    .kernels = &kernel,
    .kernel_count = 1,
};

const tw_op_definition tw_op_FusedBatchNormV2 = {
    .signature = "x: T, scale: U, offset: U, mean: U, variance: U -> y: T, batch_mean: U, "
                 "batch_variance: U, reserve_space_1: U, reserve_space_2: U; "
                 "T: {half, bfloat16, float}; U: {float}; " FORWARD_OPTIONS,
    .doc = ABOUT,
    .since = "FusedBatchNormV2: 1.3",
    .examples = {"fused_batch_norm_v2([[[[1.], [3.]]]], [1.], [0.], [], [], epsilon=0.) -> "
                 "[[[[-1.], [1.]]]], [2.], [2.], [2.], [1.]"},
    .infer = infer,
    .gradient = gradient_v2,
    .kernels = &kernel,
    .kernel_count = 1,
};

const tw_op_definition tw_op_FusedBatchNormV3 = {
    .signature = "x: T, scale: U, offset: U, mean: U, variance: U -> y: T, batch_mean: U, "
                 "batch_variance: U, reserve_space_1: U, reserve_space_2: U, reserve_space_3: U; "
                 "T: {half, bfloat16, float}; U: {float}; " FORWARD_OPTIONS,
    .doc = ABOUT,
    .since = "FusedBatchNormV3: 1.14",
    .examples = {"fused_batch_norm_v3([[[[1.], [3.]]]], [1.], [0.], [], [], epsilon=0.) -> "
                 "[[[[-1.], [1.]]]], [2.], [2.], [2.], [1.], []"},
    .infer = infer,
    .gradient = gradient_v3,
    .kernels = &kernel,
    .kernel_count = 1,
};

const tw_op_definition tw_op_FusedBatchNormGrad = {
    .signature = "y_backprop: T, x: T, scale: T, reserve_space_1: T, reserve_space_2: T -> "
                 "x_backprop: T, scale_backprop: T, offset_backprop: T, reserve_space_3: T, "
                 "reserve_space_4: T; T: {float}; " FORWARD_OPTIONS,
    .doc = "The gradient of FusedBatchNorm by x, scale and offset, from the mean and variance that "
           "were used (`reserve_space_1`, `reserve_space_2`).",
    .since = "FusedBatchNormGrad: 0.12",
    .examples = {"fused_batch_norm_grad([[[[1.], [0.]]]], [[[[1.], [3.]]]], [1.], [2.], [1.], "
                 "epsilon=0., is_training=False) -> [[[[1.], [0.]]]], [-1.], [1.], 0., 0."},
    .infer = infer_grad,
    .gradient = tw_gradient_undefined,
    .kernels = &grad_kernel,
    .kernel_count = 1,
};

const tw_op_definition tw_op_FusedBatchNormGradV2 = {
    .signature = "y_backprop: T, x: T, scale: float, reserve_space_1: U, reserve_space_2: U -> "
                 "x_backprop: T, scale_backprop: U, offset_backprop: U, reserve_space_3: U, "
                 "reserve_space_4: U; T: {half, bfloat16, float}; U: {float}; " FORWARD_OPTIONS,
    .doc = "The gradient of FusedBatchNormV2 by x, scale and offset, from the mean and variance "
           "that were used.",
    .since = "FusedBatchNormGradV2: 1.3",
    .examples = {"fused_batch_norm_grad_v2([[[[1.], [0.]]]], [[[[1.], [3.]]]], [1.], [2.], [1.], "
                 "epsilon=0., is_training=False) -> [[[[1.], [0.]]]], [-1.], [1.], 0., 0."},
    .infer = infer_grad,
    .gradient = tw_gradient_undefined,
    .kernels = &grad_kernel,
    .kernel_count = 1,
};

const tw_op_definition tw_op_FusedBatchNormGradV3 = {
    .signature = "y_backprop: T, x: T, scale: float, reserve_space_1: U, reserve_space_2: U, "
                 "reserve_space_3: U -> x_backprop: T, scale_backprop: U, offset_backprop: U, "
                 "reserve_space_4: U, reserve_space_5: U; "
                 "T: {half, bfloat16, float}; U: {float}; " FORWARD_OPTIONS,
    .doc = "The gradient of FusedBatchNormV3 by x, scale and offset, from the mean and variance "
           "that were used.",
    .since = "FusedBatchNormGradV3: 1.14",
    .examples =
        {"fused_batch_norm_grad_v3([[[[1.], [0.]]]], [[[[1.], [3.]]]], [1.], [2.], [1.], [], "
         "epsilon=0., is_training=False) -> [[[[1.], [0.]]]], [-1.], [1.], 0., 0."},
    .infer = infer_grad,
    .gradient = tw_gradient_undefined,
    .kernels = &grad_kernel,
    .kernel_count = 1,
};
