/* SPDX-License-Identifier: Apache-2.0
 * BatchNormWithGlobalNormalization: what TensorFlow had before moments and batch_normalization: the
 * mean and variance of each channel are given. Sums are kept in double. */
#include <math.h>
#include <string.h>

#include "ops/arrays.h"
#include "ops/brackets.h"
#include "ops/wide.h"

enum { IMAGE_RANK = 4 };

/* Attributes in the form in which the loops use them. */
typedef struct options {
    double epsilon;
    bool scale;
} options;

/* Reads variance_epsilon and whether gamma multiplies (scale_after_normalization), which earlier
 * graphs leave out. */
static tw_status *prepare(tw_compute *c, void *state)
{
    *(options *)state = (options){tw_compute_float(c, "variance_epsilon"),
                                  tw_compute_bool(c, "scale_after_normalization")};
    return TW_OK;
}

/* The depth that the image's last axis and all vectors agree on. */
static int64_t infer_depth(tw_infer *in, size_t first_vector, size_t last_vector)
{
    int64_t depth = tw_infer_dim(tw_infer_rank(in, 0, IMAGE_RANK), -1);
    for (size_t i = first_vector; i <= last_vector; i++) {
        int64_t length = tw_infer_dim(tw_infer_vector(in, i), 0);
        if (!tw_dims_agree(depth, length))
            tw_infer_fail(in, "Dimensions must be equal, but are %" PRId64 " and %" PRId64, depth,
                          length);
        depth = depth < 0 ? length : depth;
    }
    return depth;
}

/* The image's shape with its last dim replaced by what is known of the channels from all inputs
 * together. */
static tw_shape with_depth(tw_infer *in, int64_t depth)
{
    tw_shape x = tw_infer_rank(in, 0, IMAGE_RANK);
    return tw_infer_concat(in, tw_infer_slice(in, x, 0, IMAGE_RANK - 1), TW_SHAPE(depth));
}

/* Any of the four vectors may tell the number of channels where the image does not. */
static void infer(tw_infer *in)
{
    int64_t depth = infer_depth(in, 1, 4);
    tw_infer_output(in, 0, with_depth(in, depth));
}

/* All vectors must have one element for each channel; the names in the messages are those of the
 * definition, so forward and gradient share the check. */
static tw_status *check(const tw_compute *c, size_t first_vector, size_t last_vector)
{
    const tw_array *x = tw_input(c, 0);
    if (x->rank != IMAGE_RANK)
        return tw_compute_fail(c, "input must be 4-dimensional%s", tw_brackets(x).s);
    for (size_t i = first_vector; i <= last_vector; i++) {
        const tw_array *v = tw_input(c, i);
        tw_text name = tw_spec_input_name(c->spec, i);
        if (v->rank != 1)
            return tw_compute_fail(c, "%s must be 1-dimensional%s", name.s, tw_brackets(v).s);
        if (v->dims[0] != x->dims[IMAGE_RANK - 1])
            return tw_compute_fail(c,
                                   "%s must have as many elements as the input is deep: %s "
                                   "vs. %s",
                                   name.s, tw_brackets(v).s, tw_brackets(x).s);
    }
    return TW_OK;
}

/* Vectors of the depth: the workspace holds some, each widened. */
static double *vector_of(const tw_compute *c, size_t index)
{
    double *all = tw_compute_workspace(c); /* NULL where there are no channels */
    return all ? all + index * (size_t)tw_input(c, 0)->dims[IMAGE_RANK - 1] : NULL;
}

/* Bytes of `count` vectors of channels. Zero for an image of another rank, which compute
 * refuses, and where the size would overflow. */
static size_t vectors(const tw_compute *c, size_t count)
{
    const tw_array *x = tw_input(c, 0);
    size_t depth = x->rank == IMAGE_RANK ? (size_t)x->dims[IMAGE_RANK - 1] : 0, bytes;
    return tw_size_mul(depth, count * sizeof(double), &bytes) ? bytes : 0;
}

/* Vectors are read into doubles once for each run: the loops over pixels then need not ask for
 * their dtype. */
static void load_vector(const tw_compute *c, size_t input, double *to)
{
    const tw_array *v = tw_input(c, input);
    tw_widen(v->dtype, v->data, 0, v->count, to);
}

/* Four vectors of doubles: mean, factor and beta of the channels, and a row of the image. */
static size_t workspace(const tw_compute *c)
{
    return vectors(c, 4);
}

/* result = t * factor + shift, with factor = gamma / sqrt(v + epsilon), shift = beta - m *
 * factor */
static tw_status *compute(tw_compute *c)
{
    const tw_array *x = tw_input(c, 0);
    const options *o = tw_compute_state(c);
    TW_TRY(check(c, 1, 4));
    size_t depth = (size_t)x->dims[IMAGE_RANK - 1];
    double *mean = vector_of(c, 0), *factor = vector_of(c, 1), *beta = vector_of(c, 2);
    double *row = vector_of(c, 3);
    load_vector(c, 4, row);
    load_vector(c, 1, mean);
    load_vector(c, 2, factor);
    load_vector(c, 3, beta);
    for (size_t k = 0; k < depth; k++)
        factor[k] = (o->scale ? row[k] : 1) / sqrt(factor[k] + o->epsilon);
    for (size_t at = 0; at < x->count; at += depth) {
        tw_widen(x->dtype, x->data, at, depth, row);
        for (size_t k = 0; k < depth; k++)
            row[k] = (row[k] - mean[k]) * factor[k] + beta[k];
        tw_narrow(x->dtype, tw_output_data(c, 0), at, depth, row);
    }
    return TW_OK;
}

/* Input 3, beta, is only added and so is not among the gradient's inputs; its derivative comes
 * out all the same, as the sum of dy. */
static tw_status *gradient(tw_gradient *g)
{
    const tw_tensor *in = g->inputs;
    struct tw_batch_norm_with_global_normalization_grad_result d =
        tw_batch_norm_with_global_normalization_grad(
            in[0], in[1], in[2], in[4], tw_gradient_dy(g, 0),
            .variance_epsilon = (double)tw_gradient_attr(g, "variance_epsilon")->value.f,
            .scale_after_normalization = tw_gradient_bool(g, "scale_after_normalization"));
    g->dx[0] = tw_grad_of(d.dx);
    g->dx[1] = tw_grad_of(d.dm);
    g->dx[2] = tw_grad_of(d.dv);
    g->dx[3] = tw_grad_of(d.db);
    g->dx[4] = tw_grad_of(d.dg);
    return TW_OK;
}

#define SERVED "T: {half, bfloat16, float, double}"

static const tw_kernel kernel = {.dtypes = SERVED,
                                 .in_place = 1,
                                 .workspace = workspace,
                                 .state_size = sizeof(options),
                                 .prepare = prepare,
                                 .compute = compute};

const tw_op_definition tw_op_BatchNormWithGlobalNormalization = {
    .signature = "t: T, m: T, v: T, beta: T, gamma: T -> result: T; T: numbertype; "
                 "variance_epsilon: float; scale_after_normalization: bool",
    .doc = "(t - m) / sqrt(v + variance_epsilon) [* gamma] + beta for each channel (last axis) of "
           "t, gamma only where `scale_after_normalization`.",
    .since = "half: 0.8; deprecated since GraphDef version 9",
    .examples = {"batch_norm_with_global_normalization([[[[3.]]]], [1.], [4.], [10.], [2.], "
                 "variance_epsilon=0., scale_after_normalization=True) -> [[[[12.]]]]"},
    .infer = infer,
    .gradient = gradient,
    .kernels = &kernel,
    .kernel_count = 1,
};

/* ---- the gradient ---- */

/* The vectors' derivatives are as long as the image is deep; that of the image has the shapes of
 * x and dy merged. */
static void infer_grad(tw_infer *in)
{
    int64_t depth = infer_depth(in, 1, 3);
    tw_shape x = tw_infer_merge(in, with_depth(in, depth), tw_infer_rank(in, 4, IMAGE_RANK));
    tw_infer_output(in, 0, x);
    for (size_t i = 1; i < 5; i++)
        tw_infer_output(in, i, TW_SHAPE(depth));
}

/* Seven vectors of doubles: mean, s and f, the two sums, and a row each of the image and of dy. */
static size_t grad_workspace(const tw_compute *c)
{
    return vectors(c, 7);
}

/* With s = 1 / sqrt(v + epsilon) and f = s [* gamma]: dx = dy f, dm = -f sum(dy), db = sum(dy),
 * dg = s sum(dy (t - m)), dv = -f s^2 / 2 * sum(dy (t - m)). */
static tw_status *compute_grad(tw_compute *c)
{
    const tw_array *x = tw_input(c, 0), *dy = tw_input(c, 4);
    const options *o = tw_compute_state(c);
    TW_TRY(check(c, 1, 3));
    if (!tw_same_shape(x, dy))
        return tw_compute_fail(c, "backprop must have the shape of t: %s vs. %s", tw_brackets(dy).s,
                               tw_brackets(x).s);
    size_t depth = (size_t)x->dims[IMAGE_RANK - 1];
    double *mean = vector_of(c, 0), *s = vector_of(c, 1), *f = vector_of(c, 2);
    double *sum = vector_of(c, 3), *moment = vector_of(c, 4);
    double *row = vector_of(c, 5), *g = vector_of(c, 6);
    load_vector(c, 1, mean);
    load_vector(c, 2, s);
    load_vector(c, 3, f);
    for (size_t k = 0; k < depth; k++) {
        s[k] = 1 / sqrt(s[k] + o->epsilon);
        f[k] = o->scale ? f[k] * s[k] : s[k];
        sum[k] = moment[k] = 0;
    }
    for (size_t at = 0; at < x->count; at += depth) {
        tw_widen(x->dtype, x->data, at, depth, row);
        tw_widen(x->dtype, dy->data, at, depth, g);
        for (size_t k = 0; k < depth; k++) {
            sum[k] += g[k];
            moment[k] += g[k] * (row[k] - mean[k]);
            g[k] *= f[k];
        }
        tw_narrow(x->dtype, tw_output_data(c, 0), at, depth, g);
    }
    tw_narrow(x->dtype, tw_output_data(c, 3), 0, depth, sum);
    for (size_t k = 0; k < depth; k++) {
        row[k] = -sum[k] * f[k];
        g[k] = moment[k] * f[k] * s[k] * s[k] * -0.5;
        moment[k] = o->scale ? moment[k] * s[k] : 0;
    }
    tw_narrow(x->dtype, tw_output_data(c, 1), 0, depth, row);
    tw_narrow(x->dtype, tw_output_data(c, 2), 0, depth, g);
    tw_narrow(x->dtype, tw_output_data(c, 4), 0, depth, moment);
    return TW_OK;
}

static const tw_kernel grad_kernel = {.dtypes = SERVED,
                                      .workspace = grad_workspace,
                                      .state_size = sizeof(options),
                                      .prepare = prepare,
                                      .compute = compute_grad};

const tw_op_definition tw_op_BatchNormWithGlobalNormalizationGrad = {
    .signature = "t: T, m: T, v: T, gamma: T, backprop: T -> dx: T, dm: T, dv: T, db: T, dg: T; "
                 "T: numbertype; variance_epsilon: float; scale_after_normalization: bool",
    .doc = "The gradients of BatchNormWithGlobalNormalization by its inputs.",
    .since = "half: 0.8; deprecated since GraphDef version 9",
    .examples = {"batch_norm_with_global_normalization_grad([[[[3.]]]], [1.], [4.], [2.], "
                 "[[[[1.]]]], variance_epsilon=0., scale_after_normalization=True) -> [[[[1.]]]], "
                 "[-1.], [-0.25], [1.], [1.]"},
    .infer = infer_grad,
    .gradient = tw_gradient_undefined,
    .kernels = &grad_kernel,
    .kernel_count = 1,
};
