/* SPDX-License-Identifier: Apache-2.0
 * Softmax and LogSoftmax along the last axis. */
#include "kernels/softmax.h"

#include "op/define.h"

/* Rows need a last axis. */
static void infer(tw_infer *in)
{
    tw_shape x = tw_infer_input(in, 0);
    if (x.dims && x.rank == 0)
        tw_infer_fail(in, "Shape must be at least rank 1 but is rank 0");
    tw_infer_output(in, 0, x);
}

/* In parentheses: the kernel, not the builder of that name. */
static tw_status *compute(const tw_compute *c, bool log)
{
    const tw_array *x = tw_input(c, 0);
    if (x->rank == 0)
        return tw_compute_fail(c, "logits must have >= 1 dimension, got []");
    size_t cols = (size_t)x->dims[x->rank - 1];
    tw_par par = tw_compute_par(c);
    if (x->count == 0)
        return TW_OK;
    return (tw_softmax)(x->dtype, log, x->count / cols, cols, x->data, tw_output_data(c, 0), &par);
}

/* The output may take over the input's memory: a row is read whole before it is written. */
static tw_status *softmax(tw_compute *c)
{
    return compute(c, false);
}

/* Computed as x - max - log(sum(exp)), never as the logarithm of a softmax, which may have
 * become zero. */
static tw_status *log_softmax(tw_compute *c)
{
    return compute(c, true);
}

/* Kept as a column, so that it broadcasts over its row. */
static tw_tensor sum_of_rows(tw_tensor x)
{
    return tw_sum(x, TW_INTS(-1), .keep_dims = true);
}

/* dx = (dy - sum(dy y)) y */
static tw_status *gradient_softmax(tw_gradient *g)
{
    tw_tensor y = g->outputs[0], dy = tw_gradient_dy(g, 0);
    g->dx[0] = tw_grad_of(tw_mul(tw_sub(dy, sum_of_rows(tw_mul(dy, y))), y));
    return TW_OK;
}

/* dx = dy - sum(dy) e^y */
static tw_status *gradient_log_softmax(tw_gradient *g)
{
    tw_tensor dy = tw_gradient_dy(g, 0);
    g->dx[0] = tw_grad_of(tw_sub(dy, tw_mul(sum_of_rows(dy), tw_exp(g->outputs[0]))));
    return TW_OK;
}

const tw_op_definition tw_op_Softmax = {
    .signature = "logits: T -> softmax: T; T: {half, bfloat16, float, double}",
    .doc = "e^x / sum(e^x) along the last axis. A row with NaN or inf, or of -inf alone, is NaN.",
    .since = "half: 0.10; ranks other than 2: 1.5; bfloat16: 1.7",
    .examples = {"softmax([[0., 0.]]) -> [[0.5, 0.5]]"},
    .infer = infer,
    .gradient = gradient_softmax,
    .compute = softmax,
    .in_place = 1,
};

const tw_op_definition tw_op_LogSoftmax = {
    .signature = "logits: T -> logsoftmax: T; T: {half, bfloat16, float, double}",
    .doc = "x - log(sum(e^x)) along the last axis.",
    .since = "LogSoftmax: 0.9; ranks other than 2: 1.5; bfloat16: 1.7",
    .examples = {"log_softmax([[0., 0.]]) -> [[-0.6931472, -0.6931472]]"},
    .infer = infer,
    .gradient = gradient_log_softmax,
    .compute = log_softmax,
    .in_place = 1,
};
