/* SPDX-License-Identifier: Apache-2.0
 * BlockLSTM: steps of an LSTM over a sequence (time, batch, inputs), as one op. Steps from
 * `seq_len_max` on are not made: what they would give is 0. */
#include <string.h>

#include "kernels/gemm.h"
#include "ops/rare/lstm_block.h"

enum { COUNT, X, CS_PREV, H_PREV, W, WCI, WCF, WCO, B, MADE };
enum { H_MADE = MADE + 6, CS_GRAD, H_GRAD };

/* A sequence as the shape of what each step makes. */
static void check_sizes(tw_infer *in)
{
    tw_shape x = tw_infer_rank(in, X, 3), cs = tw_infer_matrix(in, CS_PREV);
    tw_shape w = tw_infer_matrix(in, W), b = tw_infer_vector(in, B);
    tw_shape state = tw_infer_merge(in, cs, tw_infer_matrix(in, H_PREV));
    int64_t units = tw_infer_dim(state, 1), inputs = tw_infer_dim(x, 2);
    tw_infer_scalar(in, COUNT);
    for (size_t k = WCI; k <= WCO; k++)
        tw_infer_vector(in, k);
    if (!tw_dims_agree(tw_infer_dim(x, 1), tw_infer_dim(state, 0)))
        tw_infer_fail(in, "cs_prev has a batch of %" PRId64 ", not of %" PRId64,
                      tw_infer_dim(state, 0), tw_infer_dim(x, 1));
    if (units >= 0 && units <= INT64_MAX / 4 &&
        (!tw_dims_agree(tw_infer_dim(w, 1), 4 * units) ||
         !tw_dims_agree(tw_infer_dim(b, 0), 4 * units)))
        tw_infer_fail(in, "w and b must have 4 times the cell size, %" PRId64, units);
    if (units >= 0 && inputs >= 0 && inputs <= INT64_MAX - units &&
        !tw_dims_agree(tw_infer_dim(w, 0), inputs + units))
        tw_infer_fail(in, "w has %" PRId64 " rows, not input size + cell size, %" PRId64,
                      tw_infer_dim(w, 0), inputs + units);
}

static void infer(tw_infer *in)
{
    tw_shape x = tw_infer_rank(in, X, 3), cs = tw_infer_matrix(in, CS_PREV);
    check_sizes(in);
    int64_t batch = tw_infer_dim(x, 1);
    batch = batch < 0 ? tw_infer_dim(cs, 0) : batch;
    for (size_t k = 0; k < tw_infer_output_count(in) && !tw_infer_failed(in); k++)
        tw_infer_output(in, k, TW_SHAPE(tw_infer_dim(x, 0), batch, tw_infer_dim(cs, 1)));
}

static tw_status *read(const tw_compute *c, tw_lstm *l, size_t *steps)
{
    const tw_array *x = tw_input(c, X), *cs = tw_input(c, CS_PREV);
    int64_t wanted = tw_index_at(tw_input(c, COUNT), 0);
    *l = (tw_lstm){.batch = (size_t)x->dims[1],
                   .inputs = (size_t)x->dims[2],
                   .units = (size_t)cs->dims[1],
                   .w = tw_input_data(c, W),
                   .b = tw_input_data(c, B),
                   .par = tw_compute_par(c)};
    if (wanted < 0 || wanted > x->dims[0])
        return tw_compute_fail(c, "seq_len_max is %" PRId64 ", of %" PRId64 " steps", wanted,
                               x->dims[0]);
    *steps = (size_t)wanted;
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

/* The arrays of a step, `size` numbers behind those of the one before. */
static tw_lstm_step step_at(float *const made[7], size_t at)
{
    return (tw_lstm_step){made[0] + at, made[1] + at, made[2] + at, made[3] + at,
                          made[4] + at, made[5] + at, made[6] + at};
}

static size_t workspace(const tw_compute *c)
{
    size_t bytes = c->inputs[CS_PREV]->count;
    return tw_size_mul(bytes, 4 * sizeof(float), &bytes) ? bytes : SIZE_MAX;
}

static tw_status *compute(tw_compute *c)
{
    tw_lstm l;
    size_t steps;
    float *made[7];
    TW_TRY(read(c, &l, &steps));
    l.forget_bias = (float)tw_compute_float(c, "forget_bias");
    l.clip = (float)tw_compute_float(c, "cell_clip");
    for (size_t k = 0; k < 7; k++) {
        tw_zero_array(tw_output(c, k));
        made[k] = tw_output_data(c, k);
    }
    const float *x = tw_input_data(c, X), *cs = tw_input_data(c, CS_PREV);
    const float *h = tw_input_data(c, H_PREV);
    size_t size = l.batch * l.units;
    for (size_t t = 0; t < steps && size; t++) {
        tw_lstm_step step = step_at(made, t * size);
        TW_TRY(
            tw_lstm_forward(&l, x + t * l.batch * l.inputs, cs, h, tw_compute_workspace(c), &step));
        cs = step.cs;
        h = step.h;
    }
    return TW_OK;
}

/* ---- BlockLSTMGrad ---- */

static void infer_grad(tw_infer *in)
{
    static const size_t alike[] = {X, CS_PREV, H_PREV, W, WCI, WCF, WCO, B};
    tw_shape x = tw_infer_rank(in, X, 3), cs = tw_infer_matrix(in, CS_PREV);
    check_sizes(in);
    tw_shape made = TW_SHAPE(tw_infer_dim(x, 0), tw_infer_dim(cs, 0), tw_infer_dim(cs, 1));
    for (size_t k = MADE; k <= H_GRAD && !tw_infer_failed(in); k++)
        tw_infer_merge(in, tw_infer_input(in, k), made);
    for (size_t k = 0; k < sizeof alike / sizeof *alike; k++)
        tw_infer_output(in, k, tw_infer_input(in, alike[k]));
}

/* The gates' derivatives, and the derivatives of a step's cs and h with what came from behind. */
static size_t grad_workspace(const tw_compute *c)
{
    size_t bytes = c->inputs[CS_PREV]->count;
    return tw_size_mul(bytes, 6 * sizeof(float), &bytes) ? bytes : SIZE_MAX;
}

/* w += [x, h]^T dicfo, b += the sum of dicfo's rows. */
static tw_status *add_parameters(const tw_lstm *l, const float *x, const float *h,
                                 const float *dicfo, const tw_lstm_grads *grads)
{
    size_t columns = 4 * l->units;
    tw_gemm_shape shape = {
        .m = l->inputs, .n = columns, .k = l->batch, .transpose_a = true, .alpha = 1, .beta = 1};
    TW_TRY(tw_gemm(TW_FLOAT32, &shape, x, dicfo, grads->w, NULL, &l->par));
    shape.m = l->units;
    TW_TRY(tw_gemm(TW_FLOAT32, &shape, h, dicfo, grads->w + l->inputs * columns, NULL, &l->par));
    for (size_t k = 0; k < l->batch * columns; k++)
        grads->b[k % columns] += dicfo[k];
    return TW_OK;
}

/* From the last step to the first; what flows into a step from behind stands in the outputs for
 * cs_prev and h_prev, which at the end is what they are for. */
static tw_status *go_back(tw_compute *c, const tw_lstm *l, size_t steps, float *const made[7],
                          const tw_lstm_grads *grads)
{
    size_t size = l->batch * l->units;
    const float *x = tw_input_data(c, X), *dcs = tw_input_data(c, CS_GRAD);
    const float *dh = tw_input_data(c, H_GRAD);
    float *dx = tw_output_data(c, 0), *cs_back = tw_output_data(c, 1);
    float *h_back = tw_output_data(c, 2), *dicfo = tw_compute_workspace(c);
    float *cs_all = dicfo + 4 * size, *h_all = cs_all + size;
    for (size_t t = steps; t-- > 0 && size;) {
        tw_lstm_step step = step_at(made, t * size);
        const float *cs = t ? step.cs - size : tw_input_data(c, CS_PREV);
        const float *h = t ? step.h - size : tw_input_data(c, H_PREV);
        for (size_t k = 0; k < size; k++) {
            cs_all[k] = cs_back[k] + dcs[t * size + k];
            h_all[k] = h_back[k] + dh[t * size + k];
        }
        tw_lstm_gates_back(l, &step, cs, cs_all, h_all, dicfo, cs_back, grads);
        TW_TRY(tw_lstm_product_back(&l->par, l->batch, l->inputs, l->units, 4 * l->units, dicfo,
                                    l->w, dx + t * l->batch * l->inputs, h_back));
        TW_TRY(add_parameters(l, x + t * l->batch * l->inputs, h, dicfo, grads));
    }
    return TW_OK;
}

static tw_status *compute_grad(tw_compute *c)
{
    tw_lstm l;
    size_t steps;
    float *made[7], *out[8];
    TW_TRY(read(c, &l, &steps));
    for (size_t k = 0; k < 7; k++) /* only read */
        made[k] = (float *)tw_input(c, MADE + k)->data;
    for (size_t k = 0; k < 8; k++) {
        tw_zero_array(tw_output(c, k));
        out[k] = tw_output_data(c, k);
    }
    tw_lstm_grads grads = {.w = out[3], .wci = out[4], .wcf = out[5], .wco = out[6], .b = out[7]};
    return go_back(c, &l, steps, made, &grads);
}

static tw_status *gradient(tw_gradient *g)
{
    const tw_tensor *in = g->inputs, *made = g->outputs;
    struct tw_block_lstm_grad_result d = tw_block_lstm_grad(
        in[COUNT], in[X], in[CS_PREV], in[H_PREV], in[W], in[WCI], in[WCF], in[WCO], in[B], made[0],
        made[1], made[2], made[3], made[4], made[5], made[6], tw_gradient_dy(g, 1),
        tw_gradient_dy(g, 6), tw_gradient_bool(g, "use_peephole"));
    const tw_tensor out[] = {d.x_grad,   d.cs_prev_grad, d.h_prev_grad, d.w_grad,
                             d.wci_grad, d.wcf_grad,     d.wco_grad,    d.b_grad};
    for (size_t k = 0; k < sizeof out / sizeof *out; k++)
        g->dx[X + k] = tw_grad_of(out[k]);
    return TW_OK;
}

/* ---- the ops ---- */

static const tw_kernel kernel = {
    .dtypes = "T: {float}", .workspace = workspace, .compute = compute};
static const tw_kernel grad_kernel = {
    .dtypes = "T: {float}", .workspace = grad_workspace, .compute = compute_grad};

#define SEQUENCE \
    "seq_len_max: int64, x: T, cs_prev: T, h_prev: T, w: T, wci: T, wcf: T, wco: T, b: T"
#define MADE_BY "i: T, cs: T, f: T, o: T, ci: T, co: T, h: T"

const tw_op_definition tw_op_BlockLSTM = {
    .signature = SEQUENCE " -> " MADE_BY "; forget_bias: float = 1; cell_clip: float = 3; "
                          "use_peephole: bool = false; T: {half, float}",
    .doc = "LSTMBlockCell over the first `seq_len_max` steps of x (time, batch, inputs), each with "
           "the state of the one before; the results of later steps are 0.",
    .builder = "block_lstm",
    .since = "BlockLSTM: 1.11",
    .examples = {"block_lstm(1, [[[1.]]], [[0.]], [[0.]], [[0., 0., 0., 0.], [0., 0., 0., 0.]], "
                 "[0.], [0.], [0.], [0., 1., 0., 0.]) -> [[[0.5]]], [[[0.38079708]]], "
                 "[[[0.73105858]]], [[[0.5]]], [[[0.76159416]]], [[[0.36339939]]], "
                 "[[[0.18169970]]]"},
    .infer = infer,
    .gradient = gradient,
    .kernels = &kernel,
    .kernel_count = 1,
};

const tw_op_definition tw_op_BlockLSTMGrad = {
    .signature = SEQUENCE ", " MADE_BY ", cs_grad: T, h_grad: T -> x_grad: T, cs_prev_grad: T, "
                          "h_prev_grad: T, w_grad: T, wci_grad: T, wcf_grad: T, wco_grad: T, "
                          "b_grad: T; use_peephole: bool; T: {half, float}",
    .doc = "The derivatives of BlockLSTM.",
    .builder = "block_lstm_grad",
    .since = "BlockLSTMGrad: 1.11",
    .examples = {"block_lstm_grad(1, [[[1.]]], [[1.]], [[0.]], [[0., 0., 0., 0.], "
                 "[0., 0., 0., 0.]], [0.], [0.], [0.], [0., 0., 0., 0.], [[[0.5]]], [[[0.]]], "
                 "[[[0.5]]], [[[0.5]]], [[[0.]]], [[[0.]]], [[[0.]]], [[[1.]]], [[[1.]]], "
                 "use_peephole=False) -> [[[0.]]], [[0.75]], [[0.]], [[0., 0.75, 0.375, 0.], "
                 "[0., 0., 0., 0.]], [0.], [0.], [0.], [0., 0.75, 0.375, 0.]"},
    .infer = infer_grad,
    .gradient = tw_gradient_undefined,
    .kernels = &grad_kernel,
    .kernel_count = 1,
};
