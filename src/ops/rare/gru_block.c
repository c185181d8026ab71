/* SPDX-License-Identifier: Apache-2.0
 * GRUBlockCell, a step of a GRU: r and u are gates of [x, h_prev], c the candidate of
 * [x, h_prev r], h = (1 - u) c + u h_prev. */
#include <math.h>
#include <string.h>

#include "ops/rare/lstm_block.h"

enum { X, H_PREV, W_RU, W_C, B_RU, B_C, R, U, C, D_H };

static void check_sizes(tw_infer *in)
{
    tw_shape x = tw_infer_matrix(in, X), h = tw_infer_matrix(in, H_PREV);
    int64_t units = tw_infer_dim(h, 1), inputs = tw_infer_dim(x, 1);
    if (!tw_dims_agree(tw_infer_dim(x, 0), tw_infer_dim(h, 0)))
        tw_infer_fail(in, "h_prev has a batch of %" PRId64 ", not of %" PRId64, tw_infer_dim(h, 0),
                      tw_infer_dim(x, 0));
    for (size_t k = 0; k < 2 && units >= 0 && units <= INT64_MAX / 2; k++) {
        tw_shape w = tw_infer_matrix(in, W_RU + k), b = tw_infer_vector(in, B_RU + k);
        int64_t columns = k ? units : 2 * units;
        if (!tw_dims_agree(tw_infer_dim(w, 1), columns) ||
            !tw_dims_agree(tw_infer_dim(b, 0), columns) ||
            (inputs >= 0 && inputs <= INT64_MAX - units &&
             !tw_dims_agree(tw_infer_dim(w, 0), inputs + units)))
            tw_infer_fail(in, "weights do not fit %" PRId64 " inputs and a cell of %" PRId64,
                          inputs, units);
    }
}

static void infer(tw_infer *in)
{
    tw_shape x = tw_infer_matrix(in, X), h = tw_infer_matrix(in, H_PREV);
    check_sizes(in);
    int64_t batch = tw_infer_dim(x, 0);
    batch = batch < 0 ? tw_infer_dim(h, 0) : batch;
    for (size_t k = 0; k < tw_infer_output_count(in) && !tw_infer_failed(in); k++)
        tw_infer_output(in, k, TW_SHAPE(batch, tw_infer_dim(h, 1)));
}

typedef struct sizes {
    size_t batch, inputs, units, all; /* all: batch * units */
    tw_par par;
} sizes;

static sizes sizes_of(const tw_compute *c)
{
    const tw_array *x = tw_input(c, X), *h = tw_input(c, H_PREV);
    return (sizes){(size_t)x->dims[0], (size_t)x->dims[1], (size_t)h->dims[1], h->count,
                   tw_compute_par(c)};
}

/* Areas of (batch, units). */
static size_t areas(const tw_compute *c, size_t count)
{
    size_t bytes = c->inputs[H_PREV]->count;
    return tw_size_mul(bytes, count * sizeof(float), &bytes) ? bytes : SIZE_MAX;
}

/* Both gates, and h_prev r. */
static size_t workspace(const tw_compute *c)
{
    return areas(c, 3);
}

static tw_status *compute(tw_compute *c)
{
    sizes s = sizes_of(c);
    size_t n = s.units;
    const float *x = tw_input_data(c, X), *before = tw_input_data(c, H_PREV);
    const float *b_ru = tw_input_data(c, B_RU), *b_c = tw_input_data(c, B_C);
    float *r = tw_output_data(c, 0), *u = tw_output_data(c, 1), *candidate = tw_output_data(c, 2);
    float *h = tw_output_data(c, 3), *gates = tw_compute_workspace(c), *part;
    if (!s.all)
        return TW_OK;
    part = gates + 2 * s.all;
    TW_TRY(tw_lstm_product(&s.par, s.batch, s.inputs, n, 2 * n, x, before, tw_input_data(c, W_RU),
                           gates));
    for (size_t k = 0; k < s.all; k++) {
        const float *gate = gates + k / n * 2 * n + k % n;
        r[k] = 1 / (1 + expf(-(gate[0] + b_ru[k % n])));
        u[k] = 1 / (1 + expf(-(gate[n] + b_ru[n + k % n])));
        part[k] = before[k] * r[k];
    }
    TW_TRY(tw_lstm_product(&s.par, s.batch, s.inputs, n, n, x, part, tw_input_data(c, W_C),
                           candidate));
    for (size_t k = 0; k < s.all; k++) {
        candidate[k] = tanhf(candidate[k] + b_c[k % n]);
        h[k] = (1 - u[k]) * candidate[k] + u[k] * before[k];
    }
    return TW_OK;
}

/* ---- GRUBlockCellGrad ---- */

static void infer_grad(tw_infer *in)
{
    tw_shape x = tw_infer_matrix(in, X), h = tw_infer_matrix(in, H_PREV);
    check_sizes(in);
    for (size_t k = R; k <= D_H && !tw_infer_failed(in); k++)
        tw_infer_merge(in, tw_infer_input(in, k), h);
    tw_infer_output(in, 0, x);
    tw_infer_output(in, 1, h);
    tw_infer_output(in, 2, h);
    tw_infer_output(in, 3,
                    TW_SHAPE(tw_infer_dim(h, 0), tw_infer_dim(tw_infer_vector(in, B_RU), 0)));
}

/* The derivative of h_prev r, and the candidate's share of x. */
static size_t grad_workspace(const tw_compute *c)
{
    size_t of_state = areas(c, 1), of_x = c->inputs[X]->count;
    bool good = tw_size_mul(of_x, sizeof(float), &of_x) && tw_size_add(of_x, of_state, &of_x);
    return good ? of_x : SIZE_MAX;
}

static tw_status *compute_grad(tw_compute *c)
{
    sizes s = sizes_of(c);
    size_t n = s.units, xs = s.batch * s.inputs;
    const float *before = tw_input_data(c, H_PREV), *r = tw_input_data(c, R);
    const float *u = tw_input_data(c, U), *candidate = tw_input_data(c, C);
    const float *dh = tw_input_data(c, D_H);
    float *dx = tw_output_data(c, 0), *back = tw_output_data(c, 1), *dc = tw_output_data(c, 2);
    float *dru = tw_output_data(c, 3), *part = tw_compute_workspace(c), *more;
    if (!s.all && !xs) /* there is no workspace then */
        return TW_OK;
    more = part + s.all;
    for (size_t k = 0; k < s.all; k++)
        dc[k] = dh[k] * (1 - u[k]) * (1 - candidate[k] * candidate[k]);
    TW_TRY(tw_lstm_product_back(&s.par, s.batch, s.inputs, n, n, dc, tw_input_data(c, W_C), more,
                                part));
    for (size_t k = 0; k < s.all; k++) {
        float *gate = dru + k / n * 2 * n + k % n;
        gate[0] = part[k] * before[k] * r[k] * (1 - r[k]);
        gate[n] = dh[k] * (before[k] - candidate[k]) * u[k] * (1 - u[k]);
    }
    TW_TRY(tw_lstm_product_back(&s.par, s.batch, s.inputs, n, 2 * n, dru, tw_input_data(c, W_RU),
                                dx, back));
    for (size_t k = 0; k < xs; k++)
        dx[k] += more[k];
    for (size_t k = 0; k < s.all; k++)
        back[k] += part[k] * r[k] + dh[k] * u[k];
    return TW_OK;
}

static tw_status *gradient(tw_gradient *g)
{
    const tw_tensor *in = g->inputs, *made = g->outputs;
    struct tw_gru_block_cell_grad_result d = tw_gru_block_cell_grad(
        in[X], in[H_PREV], in[W_RU], in[W_C], in[B_RU], in[B_C], made[0], made[1], made[2],
        tw_gradient_dy(g, 3));
    tw_tensor both = tw_concat(TW_LIST(in[X], in[H_PREV]), 1);
    tw_tensor reset = tw_concat(TW_LIST(in[X], tw_mul(in[H_PREV], made[0])), 1);
    g->dx[X] = tw_grad_of(d.d_x);
    g->dx[H_PREV] = tw_grad_of(d.d_h_prev);
    g->dx[W_RU] = tw_grad_of(tw_matmul(both, d.d_r_bar_u_bar, .transpose_a = true));
    g->dx[W_C] = tw_grad_of(tw_matmul(reset, d.d_c_bar, .transpose_a = true));
    g->dx[B_RU] = tw_grad_of(tw_sum(d.d_r_bar_u_bar, 0));
    g->dx[B_C] = tw_grad_of(tw_sum(d.d_c_bar, 0));
    return TW_OK;
}

static const tw_kernel kernel = {.workspace = workspace, .compute = compute};
static const tw_kernel grad_kernel = {.workspace = grad_workspace, .compute = compute_grad};

#define CELL "x: T, h_prev: T, w_ru: T, w_c: T, b_ru: T, b_c: T"

const tw_op_definition tw_op_GRUBlockCell = {
    .signature = CELL " -> r: T, u: T, c: T, h: T; T: {float}",
    .doc = "A step of a GRU: the gates r and u of [x, h_prev], the candidate c of [x, h_prev r], "
           "and h = (1 - u) c + u h_prev.",
    .builder = "gru_block_cell",
    .since = "GRUBlockCell: 1.11",
    .examples = {"gru_block_cell([[1.]], [[1.]], [[0., 0.], [0., 0.]], [[0.], [0.]], [0., 0.], "
                 "[1.]) -> [[0.5]], [[0.5]], [[0.76159416]], [[0.88079708]]"},
    .infer = infer,
    .gradient = gradient,
    .kernels = &kernel,
    .kernel_count = 1,
};

const tw_op_definition tw_op_GRUBlockCellGrad = {
    .signature = CELL ", r: T, u: T, c: T, d_h: T -> d_x: T, d_h_prev: T, d_c_bar: T, "
                      "d_r_bar_u_bar: T; T: {float}",
    .doc = "The derivatives of GRUBlockCell for its inputs and gates.",
    .builder = "gru_block_cell_grad",
    .since = "GRUBlockCellGrad: 1.11",
    .examples = {"gru_block_cell_grad([[1.]], [[1.]], [[0., 0.], [0., 0.]], [[0.], [0.]], "
                 "[0., 0.], [0.], [[0.5]], [[0.5]], [[0.]], [[1.]]) -> [[0.]], [[0.5]], [[0.5]], "
                 "[[0., 0.25]]"},
    .infer = infer_grad,
    .gradient = tw_gradient_undefined,
    .kernels = &grad_kernel,
    .kernel_count = 1,
};
