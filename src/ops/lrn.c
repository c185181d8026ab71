/* SPDX-License-Identifier: Apache-2.0
 * LRN: local response normalization, y = x / (bias + alpha * S)^beta, where S is the sum of squares
 * over the channels at most depth_radius away; and its gradient. Pixels are independent. */
#include <math.h>
#include <string.h>

#include "kernels/par.h"

#include "ops/arrays.h"
#include "ops/brackets.h"
#include "ops/wide.h"

enum { IMAGE_RANK = 4 };

/* The attributes, in double as the rows are. */
typedef struct options {
    int64_t radius;
    double bias, alpha, beta;
} options;

/* Four attributes read once; a radius of zero normalizes each channel by itself. */
static tw_status *prepare(tw_compute *c, void *state)
{
    int64_t radius = tw_compute_int(c, "depth_radius");
    if (radius < 0)
        return tw_compute_fail(c, "depth_radius must not be negative: %" PRId64, radius);
    *(options *)state = (options){.radius = radius,
                                  .bias = tw_compute_float(c, "bias"),
                                  .alpha = tw_compute_float(c, "alpha"),
                                  .beta = tw_compute_float(c, "beta")};
    return TW_OK;
}

/* The rank must be 4, the shape stays. */
static void infer(tw_infer *in)
{
    tw_infer_output(in, 0, tw_infer_rank(in, 0, IMAGE_RANK));
}

/* dy, the image and the output share one shape; what any of them knows, all do. */
static void infer_grad(tw_infer *in)
{
    tw_shape shape = tw_infer_rank(in, 0, IMAGE_RANK);
    for (size_t i = 1; i < 3; i++)
        shape = tw_infer_merge(in, shape, tw_infer_rank(in, i, IMAGE_RANK));
    tw_infer_output(in, 0, shape);
}

/* A run of pixels, and rows of doubles for each cell in the workspace. */
typedef struct pixels {
    const tw_compute *c;
    const options *o;
    size_t count, depth, cells, rows;
} pixels;

/* The power is what costs: about forty times a plain operation for each number, so few pixels
 * are worth a thread. */
static size_t cells_of(size_t count, size_t depth)
{
    return tw_par_cells(count, 1, 40.0 * (double)depth);
}

/* Must count cells as run does, since each has its own rows; zero where the size would overflow
 * or there is nothing to do. */
static size_t rows_workspace(const tw_compute *c, size_t rows)
{
    const tw_array *x = tw_input(c, 0);
    size_t depth = x->rank ? (size_t)x->dims[x->rank - 1] : 0;
    size_t cells = depth ? cells_of(x->count / depth, depth) : 0, bytes;
    return tw_size_mul(depth, cells * rows * sizeof(double), &bytes) ? bytes : 0;
}

/* Cells follow each other in the workspace, each with `rows` rows of `depth` doubles. */
static double *rows_of(const pixels *p, size_t cell)
{
    return (double *)tw_compute_workspace(p->c) + cell * p->rows * p->depth;
}

/* bias + alpha * S for each channel of a pixel: a sliding sum would lose digits, and windows are
 * short. */
static void norms(const options *o, size_t depth, const double *x, double *norm)
{
    int64_t n = (int64_t)depth;
    for (int64_t k = 0; k < n; k++) {
        double sum = 0;
        int64_t first = k > o->radius ? k - o->radius : 0;
        int64_t last = o->radius < n - 1 - k ? k + o->radius : n - 1;
        for (int64_t j = first; j <= last; j++)
            sum += x[j] * x[j];
        norm[k] = o->bias + o->alpha * sum;
    }
}

/* Each cell has its own rows in the workspace, so cells share nothing that is written. */
static void normalize(size_t cell, void *arg)
{
    const pixels *p = arg;
    const tw_array *in = tw_input(p->c, 0);
    double *x = rows_of(p, cell), *norm = x + p->depth;
    size_t last = tw_par_bound(p->count, 1, p->cells, cell + 1);
    for (size_t i = tw_par_bound(p->count, 1, p->cells, cell); i < last; i++) {
        tw_widen(in->dtype, in->data, i * p->depth, p->depth, x);
        norms(p->o, p->depth, x, norm);
        for (size_t k = 0; k < p->depth; k++)
            x[k] *= pow(norm[k], -p->o->beta);
        tw_narrow(in->dtype, tw_output_data(p->c, 0), i * p->depth, p->depth, x);
    }
}

/* An empty image ends here, before a depth of zero could divide. */
static void run(tw_compute *c, size_t rows, void (*body)(size_t, void *))
{
    const tw_array *x = tw_input(c, 0);
    pixels p = {.c = c, .o = tw_compute_state(c), .rows = rows};
    p.depth = (size_t)x->dims[IMAGE_RANK - 1];
    if (x->count == 0)
        return;
    p.count = x->count / p.depth;
    p.cells = cells_of(p.count, p.depth);
    tw_par par = tw_compute_par(c);
    tw_par_run(&par, p.cells, body, &p);
}

/* The forward pass needs the pixel and its norms, for each cell. */
static size_t workspace(const tw_compute *c)
{
    return rows_workspace(c, 2);
}

/* Two rows of doubles for each cell: the pixel and its norms. */
static tw_status *compute(tw_compute *c)
{
    if (tw_input(c, 0)->rank != IMAGE_RANK)
        return tw_compute_fail(c, "in must be 4-dimensional");
    run(c, 2, normalize);
    return TW_OK;
}

/* Uses the output too, so that y need not be computed again. */
static tw_status *gradient(tw_gradient *g)
{
    const tw_attr *bias = tw_gradient_attr(g, "bias"), *alpha = tw_gradient_attr(g, "alpha");
    const tw_attr *beta = tw_gradient_attr(g, "beta");
    g->dx[0] = tw_grad_of(tw_lrn_grad(
        tw_gradient_dy(g, 0), g->inputs[0], g->outputs[0],
        .depth_radius = tw_gradient_int(g, "depth_radius"), .bias = (double)bias->value.f,
        .alpha = (double)alpha->value.f, .beta = (double)beta->value.f));
    return TW_OK;
}

const tw_op_definition tw_op_LRN = {
    .signature = "input: T -> output: T; depth_radius: int = 5; bias: float = 1; "
                 "alpha: float = 1; beta: float = 0.5; T: {half, bfloat16, float} = float",
    .doc =
        "Local response normalization: each number divided by (bias + alpha * S)^beta, S the sum "
        "of squares over the channels (last axis) at most `depth_radius` away.",
    .builder = "lrn",
    .since = "half: 0.12; bfloat16: 1.4",
    .examples = {"lrn([[[[3., 4.]]]], bias=0.) -> [[[[0.6, 0.8]]]]"},
    .infer = infer,
    .gradient = gradient,
    .compute = compute,
    .in_place = 1,
    .workspace = workspace,
    .state_size = sizeof(options),
    .prepare = prepare,
};

/* ---- LRNGrad ---- */

/* dx[k] = dy[k] norm[k]^-beta - 2 alpha beta x[k] * (sum over the neighbours j of k of
 * dy[j] y[j] / norm[j]). */
static void differentiate(size_t cell, void *arg)
{
    const pixels *p = arg;
    const options *o = p->o;
    const tw_array *grads = tw_input(p->c, 0), *in = tw_input(p->c, 1), *out = tw_input(p->c, 2);
    double *x = rows_of(p, cell), *norm = x + p->depth, *dy = norm + p->depth, *t = dy + p->depth;
    int64_t n = (int64_t)p->depth;
    size_t last = tw_par_bound(p->count, 1, p->cells, cell + 1);
    for (size_t i = tw_par_bound(p->count, 1, p->cells, cell); i < last; i++) {
        tw_widen(in->dtype, in->data, i * p->depth, p->depth, x);
        tw_widen(in->dtype, grads->data, i * p->depth, p->depth, dy);
        tw_widen(in->dtype, out->data, i * p->depth, p->depth, t);
        norms(o, p->depth, x, norm);
        for (int64_t k = 0; k < n; k++)
            t[k] *= dy[k] / norm[k];
        for (int64_t k = 0; k < n; k++) {
            double sum = 0;
            int64_t first = k > o->radius ? k - o->radius : 0;
            int64_t end = o->radius < n - 1 - k ? k + o->radius : n - 1;
            for (int64_t j = first; j <= end; j++)
                sum += t[j];
            dy[k] = dy[k] * pow(norm[k], -o->beta) - 2 * o->alpha * o->beta * x[k] * sum;
        }
        tw_narrow(in->dtype, tw_output_data(p->c, 0), i * p->depth, p->depth, dy);
    }
}

/* Four rows for each cell: the pixel, its norms, dy, and the terms that are summed over
 * neighbours. */
static size_t grad_workspace(const tw_compute *c)
{
    return rows_workspace(c, 4);
}

/* All three arrays have one shape, which lets one index run over them; four rows are needed for
 * each cell. */
static tw_status *compute_grad(tw_compute *c)
{
    const tw_array *dy = tw_input(c, 0);
    if (dy->rank != IMAGE_RANK)
        return tw_compute_fail(c, "inputs must be 4-dimensional");
    if (!tw_same_shape(dy, tw_input(c, 1)) || !tw_same_shape(dy, tw_input(c, 2)))
        return tw_compute_fail(
            c, "input_grads, input_image, and out_image should have the same shape");
    run(c, 4, differentiate);
    return TW_OK;
}

const tw_op_definition tw_op_LRNGrad = {
    .signature = "input_grads: T, input_image: T, output_image: T -> output: T; "
                 "depth_radius: int = 5; bias: float = 1; alpha: float = 1; beta: float = 0.5; "
                 "T: {half, bfloat16, float} = float",
    .doc = "The gradient of LRN.",
    .builder = "lrn_grad",
    .since = "half: 0.12; bfloat16: 1.4",
    .examples = {"lrn_grad([[[[1., 0.]]]], [[[[3., 4.]]]], [[[[0.6, 0.8]]]], bias=0.) -> "
                 "[[[[0.128, -0.096]]]]"},
    .infer = infer_grad,
    .gradient = tw_gradient_undefined,
    .compute = compute_grad,
    .workspace = grad_workspace,
    .state_size = sizeof(options),
    .prepare = prepare,
};
