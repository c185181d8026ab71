/* SPDX-License-Identifier: Apache-2.0
 * BatchMatMul and BatchMatMulV2: products of the matrices in the last two axes, either of them
 * adjoint first. The axes before them are equal, or in V2 broadcast. */
#include "kernels/gemm.h"

#include "ops/brackets.h"

/* ---- shapes ---- */

/* The inner sizes must agree as far as they are known. Slicing needs ranks of 2 at least, so a
 * failure ends the rule before. */
static void infer_product(tw_infer *in, bool broadcast)
{
    bool adjoint_x = tw_infer_bool(in, "adj_x"), adjoint_y = tw_infer_bool(in, "adj_y");
    tw_shape x = tw_infer_input(in, 0), y = tw_infer_input(in, 1);
    if ((x.dims && x.rank < 2) || (y.dims && y.rank < 2))
        tw_infer_fail(in, "Shape must be at least rank 2 but is rank %zu",
                      x.dims && x.rank < 2 ? x.rank : y.rank);
    int64_t kx = tw_infer_dim(x, adjoint_x ? -2 : -1), ky = tw_infer_dim(y, adjoint_y ? -1 : -2);
    if (!tw_dims_agree(kx, ky))
        tw_infer_fail(in, "Dimensions must be equal, but are %" PRId64 " and %" PRId64, kx, ky);
    if (tw_infer_failed(in))
        return;
    tw_shape batch_x = x.dims ? tw_infer_slice(in, x, 0, x.rank - 2) : TW_UNKNOWN_SHAPE;
    tw_shape batch_y = y.dims ? tw_infer_slice(in, y, 0, y.rank - 2) : TW_UNKNOWN_SHAPE;
    tw_shape batch = broadcast ? tw_infer_broadcast(in, batch_x, batch_y)
                               : tw_infer_merge(in, batch_x, batch_y);
    int64_t m = tw_infer_dim(x, adjoint_x ? -1 : -2), n = tw_infer_dim(y, adjoint_y ? -2 : -1);
    tw_infer_output(in, 0, tw_infer_concat(in, batch, TW_SHAPE(m, n)));
}

/* Batch axes are merged: a known dim of one operand tells the unknown one of the other. */
static void infer(tw_infer *in)
{
    infer_product(in, false);
}

/* Batch axes follow the rule of elementwise operations, from the last to the first. */
static void infer_v2(tw_infer *in)
{
    infer_product(in, true);
}

/* ---- kernels ---- */

/* The attributes adj_x and adj_y: the matrix is transposed and, for complex dtypes, conjugated. */
typedef struct flags {
    bool adjoint_x, adjoint_y;
} flags;

/* The attributes of the node, read once so that a run looks up no names. */
static tw_status *prepare(tw_compute *c, void *state)
{
    *(flags *)state = (flags){tw_compute_bool(c, "adj_x"), tw_compute_bool(c, "adj_y")};
    return TW_OK;
}

/* Elements from one index of a batch axis to the next, `axes` of them in the result: 0 where the
 * operand is broadcast. False: it does not fit. */
static bool set_strides(const tw_array *x, const int64_t *dims, size_t axes, size_t *strides)
{
    size_t own = x->rank - 2, step = x->count;
    for (size_t i = 0; i < own; i++)
        step /= x->dims[i] ? (size_t)x->dims[i] : 1;
    for (size_t i = axes; i-- > 0;) {
        int64_t dim = i + own >= axes ? x->dims[i + own - axes] : 1;
        strides[i] = dim == 1 ? 0 : step;
        if (dim != 1 && dim != dims[i])
            return false;
        step *= (size_t)dim;
    }
    return true;
}

/* Both operands are seen with as many batch axes as the longer one has, missing axes as 1. The
 * first version refuses different ranks before that. */
static tw_status *multiply(tw_compute *c, bool broadcast)
{
    const tw_array *x = tw_input(c, 0), *y = tw_input(c, 1);
    const flags *f = tw_compute_state(c);
    if (x->rank < 2 || y->rank < 2 || (!broadcast && x->rank != y->rank))
        return tw_compute_fail(c, "In[0] and In[1] has different ndims: %s vs. %s",
                               tw_brackets(x).s, tw_brackets(y).s);
    size_t axes = (x->rank > y->rank ? x->rank : y->rank) - 2;
    size_t dims[TW_MAX_RANK], x_strides[TW_MAX_RANK], y_strides[TW_MAX_RANK];
    int64_t shape[TW_MAX_RANK];
    for (size_t i = 0; i < axes; i++) {
        int64_t a = i + x->rank >= axes + 2 ? x->dims[i + x->rank - axes - 2] : 1;
        int64_t b = i + y->rank >= axes + 2 ? y->dims[i + y->rank - axes - 2] : 1;
        if (!broadcast && a != b)
            return tw_compute_fail(c,
                                   "In[0].dim(%zu) and In[1].dim(%zu) must be the same: %s vs %s",
                                   i, i, tw_brackets(x).s, tw_brackets(y).s);
        shape[i] = a == 1 ? b : a;
        dims[i] = (size_t)shape[i];
    }
    if (!set_strides(x, shape, axes, x_strides) || !set_strides(y, shape, axes, y_strides))
        return tw_compute_fail(c,
                               "In[0] and In[1] must have compatible batch dimensions: %s vs. %s",
                               tw_brackets(x).s, tw_brackets(y).s);
    const int64_t *a = x->dims + x->rank - 2, *b = y->dims + y->rank - 2;
    if (a[!f->adjoint_x] != b[f->adjoint_y])
        return tw_compute_fail(
            c, "In[0] mismatch In[1] shape: %" PRId64 " vs. %" PRId64 ": %s %s %d %d",
            a[!f->adjoint_x], b[f->adjoint_y], tw_brackets(x).s, tw_brackets(y).s, f->adjoint_x,
            f->adjoint_y);
    shape[axes] = a[f->adjoint_x];
    shape[axes + 1] = b[!f->adjoint_y];
    tw_array *out;
    TW_TRY(tw_compute_allocate(c, 0, (tw_shape){shape, axes + 2}, &out));
    tw_gemm_shape gemm = {.m = (size_t)shape[axes],
                          .n = (size_t)shape[axes + 1],
                          .k = (size_t)a[!f->adjoint_x],
                          .transpose_a = f->adjoint_x,
                          .transpose_b = f->adjoint_y,
                          .conjugate_a = f->adjoint_x,
                          .conjugate_b = f->adjoint_y,
                          .alpha = 1};
    tw_gemm_batches batches = {axes, dims, x_strides, y_strides};
    tw_par par = tw_compute_par(c);
    return tw_gemm_batch(x->dtype, &gemm, &batches, x->data, y->data, out->data, &par);
}

/* The first version needs the same axes before the matrices; what broadcasts is V2 alone. */
static tw_status *compute(tw_compute *c)
{
    return multiply(c, false);
}

/* Axes of size 1 or missing ones are repeated by a stride of zero, so nothing is copied for it. */
static tw_status *compute_v2(tw_compute *c)
{
    return multiply(c, true);
}

/* ---- gradients: with c = op(x) op(y),  d op(x) = dc op(y)^H,  d op(y) = op(x)^H dc ---- */

/* For C = X Y: dX = dC Y', dY = X' dC, where ' is the adjoint; with adj_x or adj_y the operands
 * change places instead of being transposed twice. */
static tw_status *gradient(tw_gradient *g)
{
    tw_tensor x = g->inputs[0], y = g->inputs[1], dc = tw_gradient_dy(g, 0);
    bool ax = tw_gradient_bool(g, "adj_x"), ay = tw_gradient_bool(g, "adj_y");
    g->dx[0] = tw_grad_of(ax ? tw_batch_matmul(y, dc, .adj_x = ay, .adj_y = true)
                             : tw_batch_matmul(dc, y, .adj_y = !ay));
    g->dx[1] = tw_grad_of(ay ? tw_batch_matmul(dc, x, .adj_x = true, .adj_y = ax)
                             : tw_batch_matmul(x, dc, .adj_x = !ax));
    return TW_OK;
}

/* Only shapes that are known whole count: an unknown dim may turn out to be 1 in a run, and then
 * a sum is needed. */
static bool same_batches(tw_shape x, tw_shape y)
{
    if (!x.dims || !y.dims || x.rank != y.rank || x.rank < 2)
        return false;
    tw_shape a = {x.dims, x.rank - 2}, b = {y.dims, y.rank - 2};
    return tw_shape_fully_known(a) && tw_shape_equal(a, b);
}

/* The products are as in the first version; what an operand was broadcast over is summed away.
 * Equal batches known while building save these sums. */
static tw_status *gradient_v2(tw_gradient *g)
{
    tw_tensor x = g->inputs[0], y = g->inputs[1], dc = tw_gradient_dy(g, 0);
    bool ax = tw_gradient_bool(g, "adj_x"), ay = tw_gradient_bool(g, "adj_y");
    tw_tensor dx = ax ? tw_batch_matmul_v2(y, dc, .adj_x = ay, .adj_y = true)
                      : tw_batch_matmul_v2(dc, y, .adj_y = !ay);
    tw_tensor dy = ay ? tw_batch_matmul_v2(dc, x, .adj_x = true, .adj_y = ax)
                      : tw_batch_matmul_v2(x, dc, .adj_x = !ax);
    if (!same_batches(tw_tensor_shape(x), tw_tensor_shape(y))) {
        dx = tw_gradient_unbroadcast(g, dx, x, dx);
        dy = tw_gradient_unbroadcast(g, dy, y, dy);
    }
    g->dx[0] = tw_grad_of(dx);
    g->dx[1] = tw_grad_of(dy);
    return TW_OK;
}

const tw_op_definition tw_op_BatchMatMul = {
    .signature = "x: T, y: T -> output: T; "
                 "T: {bfloat16, half, float, double, int32, int64, complex64, complex128}; "
                 "adj_x: bool = false; adj_y: bool = false",
    .doc = "Products of matrices: x (..., m, k) times y (..., k, n) is (..., m, n), for each index "
           "of the axes before the last two, which are equal. `adj_x`, `adj_y`: the matrix is "
           "transposed and conjugated first.",
    .builder = "batch_matmul",
    .since = "half: 0.10; bfloat16: 1.11; int64: 1.14",
    .examples = {"batch_matmul([[[1., 2.]]], [[[3.], [4.]]]) -> [[[11.]]]"},
    .infer = infer,
    .gradient = gradient,
    .compute = compute,
    .state_size = sizeof(flags),
    .prepare = prepare,
};

const tw_op_definition tw_op_BatchMatMulV2 = {
    .signature = "x: T, y: T -> output: T; "
                 "T: {bfloat16, half, float, double, int32, int64, complex64, complex128}; "
                 "adj_x: bool = false; adj_y: bool = false",
    .doc = "BatchMatMul where the axes before the last two are broadcast.",
    .builder = "batch_matmul_v2",
    .since = "BatchMatMulV2: 1.14",
    .examples = {"batch_matmul_v2([[[1., 2.]], [[3., 4.]]], [[1.], [1.]]) -> [[[3.]], [[7.]]]"},
    .infer = infer_v2,
    .gradient = gradient_v2,
    .compute = compute_v2,
    .state_size = sizeof(flags),
    .prepare = prepare,
};
