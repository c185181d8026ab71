/* SPDX-License-Identifier: Apache-2.0
 * One step of an LSTM, and LSTMBlockCell. */
#include "ops/rare/lstm_block.h"

#include <math.h>
#include <string.h>

#include "kernels/gemm.h"

enum { X, CS_PREV, H_PREV, W, WCI, WCF, WCO, B, CELL_INPUTS, MADE = CELL_INPUTS };
enum { CS_GRAD = MADE + 6, H_GRAD };

/* ---- products ---- */

tw_status *tw_lstm_product(const tw_par *par, size_t batch, size_t inputs, size_t units,
                           size_t columns, const float *x, const float *h, const float *w, float *c)
{
    tw_gemm_shape shape = {.m = batch, .n = columns, .k = inputs, .alpha = 1};
    TW_TRY(tw_gemm(TW_FLOAT32, &shape, x, w, c, NULL, par));
    shape.k = units;
    shape.beta = 1;
    return tw_gemm(TW_FLOAT32, &shape, h, w + inputs * columns, c, NULL, par);
}

tw_status *tw_lstm_product_back(const tw_par *par, size_t batch, size_t inputs, size_t units,
                                size_t columns, const float *dc, const float *w, float *x_grad,
                                float *h_grad)
{
    tw_gemm_shape shape = {.m = batch, .n = inputs, .k = columns, .transpose_b = true, .alpha = 1};
    TW_TRY(tw_gemm(TW_FLOAT32, &shape, dc, w, x_grad, NULL, par));
    shape.n = units;
    return tw_gemm(TW_FLOAT32, &shape, dc, w + inputs * columns, h_grad, NULL, par);
}

/* ---- one step ---- */

static float sigmoid(float x)
{
    return 1 / (1 + expf(-x));
}

static float at(const float *weights, size_t unit)
{
    return weights ? weights[unit] : 0;
}

tw_status *tw_lstm_forward(const tw_lstm *l, const float *x, const float *cs_prev,
                           const float *h_prev, float *gates, const tw_lstm_step *out)
{
    size_t n = l->units;
    TW_TRY(tw_lstm_product(&l->par, l->batch, l->inputs, n, 4 * n, x, h_prev, l->w, gates));
    for (size_t k = 0; k < l->batch * n; k++) {
        size_t unit = k % n;
        const float *gate = gates + k / n * 4 * n + unit, *b = l->b + unit;
        float before = cs_prev[k];
        out->i[k] = sigmoid(gate[0] + b[0] + before * at(l->wci, unit));
        out->ci[k] = tanhf(gate[n] + b[n]);
        out->f[k] = sigmoid(gate[2 * n] + b[2 * n] + l->forget_bias + before * at(l->wcf, unit));
        float cs = out->ci[k] * out->i[k] + before * out->f[k];
        if (l->clip > 0)
            cs = cs < -l->clip ? -l->clip : cs > l->clip ? l->clip : cs;
        out->cs[k] = cs;
        out->o[k] = sigmoid(gate[3 * n] + b[3 * n] + cs * at(l->wco, unit));
        out->co[k] = tanhf(cs);
        out->h[k] = out->co[k] * out->o[k];
    }
    return TW_OK;
}

/* Clipping counts as if it were not there, as in TensorFlow. */
void tw_lstm_gates_back(const tw_lstm *l, const tw_lstm_step *made, const float *cs_prev,
                        const float *cs_grad, const float *h_grad, float *dicfo,
                        float *cs_prev_grad, const tw_lstm_grads *grads)
{
    size_t n = l->units;
    for (size_t k = 0; k < l->batch * n; k++) {
        size_t unit = k % n;
        float *d = dicfo + k / n * 4 * n + unit;
        float i = made->i[k], f = made->f[k], o = made->o[k], ci = made->ci[k], co = made->co[k];
        float d_o = o * (1 - o) * h_grad[k] * co;
        float dcs = (1 - co * co) * h_grad[k] * o + cs_grad[k] + d_o * at(l->wco, unit);
        float d_f = f * (1 - f) * dcs * cs_prev[k], d_i = i * (1 - i) * dcs * ci;
        d[0] = d_i;
        d[n] = (1 - ci * ci) * dcs * i;
        d[2 * n] = d_f;
        d[3 * n] = d_o;
        cs_prev_grad[k] = dcs * f + d_i * at(l->wci, unit) + d_f * at(l->wcf, unit);
        if (!l->wci)
            continue;
        grads->wci[unit] += d_i * cs_prev[k];
        grads->wcf[unit] += d_f * cs_prev[k];
        grads->wco[unit] += d_o * made->cs[k];
    }
}

/* ---- LSTMBlockCell ---- */

/* Of the parameters, beside those of x and the states. */
static void check_sizes(tw_infer *in)
{
    tw_shape x = tw_infer_matrix(in, X), cs = tw_infer_matrix(in, CS_PREV);
    tw_shape w = tw_infer_matrix(in, W), b = tw_infer_vector(in, B);
    tw_shape state = tw_infer_merge(in, cs, tw_infer_matrix(in, H_PREV));
    int64_t units = tw_infer_dim(state, 1), inputs = tw_infer_dim(x, 1), all = -1;
    int64_t batch = tw_infer_dim(x, 0), of_state = tw_infer_dim(state, 0);
    for (size_t k = WCI; k <= WCO; k++)
        tw_infer_vector(in, k);
    if (units >= 0 && inputs >= 0)
        all = inputs <= INT64_MAX - units ? inputs + units : -1;
    if (!tw_dims_agree(batch, of_state))
        tw_infer_fail(in, "cs_prev has a batch of %" PRId64 ", not of %" PRId64, of_state, batch);
    if (!tw_dims_agree(tw_infer_dim(w, 0), all))
        tw_infer_fail(in, "w has %" PRId64 " rows, not input size + cell size, %" PRId64,
                      tw_infer_dim(w, 0), all);
    if (units >= 0 && units <= INT64_MAX / 4 &&
        (!tw_dims_agree(tw_infer_dim(w, 1), 4 * units) ||
         !tw_dims_agree(tw_infer_dim(b, 0), 4 * units)))
        tw_infer_fail(in, "w and b must have 4 times the cell size, %" PRId64, units);
}

static void infer(tw_infer *in)
{
    tw_shape x = tw_infer_matrix(in, X), cs = tw_infer_matrix(in, CS_PREV);
    check_sizes(in);
    int64_t batch = tw_infer_dim(x, 0);
    batch = batch < 0 ? tw_infer_dim(cs, 0) : batch;
    for (size_t k = 0; k < tw_infer_output_count(in) && !tw_infer_failed(in); k++)
        tw_infer_output(in, k, TW_SHAPE(batch, tw_infer_dim(cs, 1)));
}

/* What a kernel has that was planned from shapes; peepholes are of the right size if they are
 * used. */
static tw_status *read(const tw_compute *c, tw_lstm *l)
{
    const tw_array *x = tw_input(c, X), *cs = tw_input(c, CS_PREV);
    *l = (tw_lstm){.batch = (size_t)x->dims[0],
                   .inputs = (size_t)x->dims[1],
                   .units = (size_t)cs->dims[1],
                   .w = tw_input_data(c, W),
                   .b = tw_input_data(c, B),
                   .par = tw_compute_par(c)};
    if (!tw_compute_bool(c, "use_peephole"))
        return TW_OK;
    for (size_t k = WCI; k <= WCO; k++) {
        if (tw_input(c, k)->count != l->units)
            return tw_compute_fail(c, "a peephole has %zu weights, not the cell size, %zu",
                                   tw_input(c, k)->count, l->units);
    }
    l->wci = tw_input_data(c, WCI);
    l->wcf = tw_input_data(c, WCF);
    l->wco = tw_input_data(c, WCO);
    return TW_OK;
}

static size_t workspace(const tw_compute *c)
{
    const tw_array *cs = c->inputs[CS_PREV];
    size_t bytes = cs->count;
    return tw_size_mul(bytes, 4 * sizeof(float), &bytes) ? bytes : SIZE_MAX;
}

static tw_status *compute(tw_compute *c)
{
    tw_lstm l;
    float *made[7];
    TW_TRY(read(c, &l));
    l.forget_bias = (float)tw_compute_float(c, "forget_bias");
    l.clip = (float)tw_compute_float(c, "cell_clip");
    for (size_t k = 0; k < 7; k++)
        made[k] = tw_output_data(c, k);
    tw_lstm_step step = {made[0], made[1], made[2], made[3], made[4], made[5], made[6]};
    if (!tw_output(c, 0)->count)
        return TW_OK;
    return tw_lstm_forward(&l, tw_input_data(c, X), tw_input_data(c, CS_PREV),
                           tw_input_data(c, H_PREV), tw_compute_workspace(c), &step);
}

/* The gates and cs_prev; the rest follows by products that the gradient builds. */
static tw_status *gradient(tw_gradient *g)
{
    const tw_tensor *in = g->inputs, *made = g->outputs;
    struct tw_lstm_block_cell_grad_result d = tw_lstm_block_cell_grad(
        in[X], in[CS_PREV], in[H_PREV], in[W], in[WCI], in[WCF], in[WCO], in[B], made[0], made[1],
        made[2], made[3], made[4], made[5], tw_gradient_dy(g, 1), tw_gradient_dy(g, 6),
        tw_gradient_bool(g, "use_peephole"));
    tw_tensor xh = tw_concat(TW_LIST(in[X], in[H_PREV]), 1);
    tw_tensor both = tw_matmul(d.dicfo, in[W], .transpose_b = true);
    tw_tensor inputs = tw_getitem(tw_shape(in[X]), "1"), minus = tw_constant(-1);
    g->dx[X] = tw_grad_of(tw_slice(both, TW_INTS(0, 0), tw_stack(TW_LIST(minus, inputs))));
    g->dx[H_PREV] = tw_grad_of(
        tw_slice(both, tw_stack(TW_LIST(tw_constant(0), inputs)), TW_INTS(-1, -1)));
    g->dx[CS_PREV] = tw_grad_of(d.cs_prev_grad);
    g->dx[W] = tw_grad_of(tw_matmul(xh, d.dicfo, .transpose_a = true));
    g->dx[WCI] = tw_grad_of(d.wci_grad);
    g->dx[WCF] = tw_grad_of(d.wcf_grad);
    g->dx[WCO] = tw_grad_of(d.wco_grad);
    g->dx[B] = tw_grad_of(tw_sum(d.dicfo, 0));
    return TW_OK;
}

/* ---- LSTMBlockCellGrad ---- */

static void infer_grad(tw_infer *in)
{
    tw_shape cs = tw_infer_matrix(in, CS_PREV), b = tw_infer_vector(in, B);
    check_sizes(in);
    for (size_t k = MADE; k <= H_GRAD && !tw_infer_failed(in); k++)
        tw_infer_merge(in, tw_infer_input(in, k), cs);
    tw_infer_output(in, 0, cs);
    tw_infer_output(in, 1, TW_SHAPE(tw_infer_dim(cs, 0), tw_infer_dim(b, 0)));
    for (size_t k = 0; k < 3; k++)
        tw_infer_output(in, 2 + k, tw_infer_input(in, WCI + k));
}

static tw_status *compute_grad(tw_compute *c)
{
    tw_lstm l;
    float *made[6];
    TW_TRY(read(c, &l));
    for (size_t k = 0; k < 6; k++) /* only read */
        made[k] = (float *)tw_input(c, MADE + k)->data;
    tw_lstm_step step = {made[0], made[1], made[2], made[3], made[4], made[5], NULL};
    tw_lstm_grads grads = {
        .wci = tw_output_data(c, 2), .wcf = tw_output_data(c, 3), .wco = tw_output_data(c, 4)};
    for (size_t k = 2; k < 5; k++)
        tw_zero_array(tw_output(c, k));
    tw_lstm_gates_back(&l, &step, tw_input_data(c, CS_PREV), tw_input_data(c, CS_GRAD),
                       tw_input_data(c, H_GRAD), tw_output_data(c, 1), tw_output_data(c, 0),
                       &grads);
    return TW_OK;
}

/* ---- the ops ---- */

static const tw_kernel kernel = {
    .dtypes = "T: {float}", .workspace = workspace, .compute = compute};
static const tw_kernel grad_kernel = {.dtypes = "T: {float}", .compute = compute_grad};

#define CELL "x: T, cs_prev: T, h_prev: T, w: T, wci: T, wcf: T, wco: T, b: T"
#define MADE_BY "i: T, cs: T, f: T, o: T, ci: T, co: T"

const tw_op_definition tw_op_LSTMBlockCell = {
    .signature = CELL " -> " MADE_BY ", h: T; forget_bias: float = 1; cell_clip: float = 3; "
                      "use_peephole: bool = false; T: {half, float}",
    .doc = "A step of an LSTM: gates i, ci, f and o are [x, h_prev] w + b, in this order, each of "
           "the cell's size; the state cs = ci i + cs_prev f is kept within `cell_clip` (0: not); "
           "h = tanh(cs) o. With peepholes the state has a part in the gates, weighted by wci, wcf "
           "and wco.",
    .builder = "lstm_block_cell",
    .since = "LSTMBlockCell: 1.11",
    .examples = {"lstm_block_cell([[1.]], [[0.]], [[0.]], [[0., 0., 0., 0.], [0., 0., 0., 0.]], "
                 "[0.], [0.], [0.], [0., 1., 0., 0.]) -> [[0.5]], [[0.38079708]], [[0.73105858]], "
                 "[[0.5]], [[0.76159416]], [[0.36339939]], [[0.18169970]]"},
    .infer = infer,
    .gradient = gradient,
    .kernels = &kernel,
    .kernel_count = 1,
};

const tw_op_definition tw_op_LSTMBlockCellGrad = {
    .signature = CELL ", " MADE_BY ", cs_grad: T, h_grad: T -> cs_prev_grad: T, dicfo: T, "
                      "wci_grad: T, wcf_grad: T, wco_grad: T; use_peephole: bool; "
                      "T: {half, float}",
    .doc = "The derivatives of LSTMBlockCell for the state before and its gates.",
    .builder = "lstm_block_cell_grad",
    .since = "LSTMBlockCellGrad: 1.11",
    .examples = {"lstm_block_cell_grad([[1.]], [[1.]], [[0.]], [[0., 0., 0., 0.], "
                 "[0., 0., 0., 0.]], [0.], [0.], [0.], [0., 0., 0., 0.], [[0.5]], [[0.]], [[0.5]], "
                 "[[0.5]], [[0.]], [[0.]], [[1.]], [[1.]], use_peephole=False) -> [[0.75]], "
                 "[[0., 0.75, 0.375, 0.]], [0.], [0.], [0.]"},
    .infer = infer_grad,
    .gradient = tw_gradient_undefined,
    .kernels = &grad_kernel,
    .kernel_count = 1,
};
