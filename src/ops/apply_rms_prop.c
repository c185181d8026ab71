/* SPDX-License-Identifier: Apache-2.0
 * RMSProp: the rate of each element is divided by the root of a moving mean of its squared
 * gradients; the centered one takes the square of their mean off first. */
#include <math.h>

#include "kernels/optimizer.h"
#include "ops/update.h"

static const tw_update dense = {.variables = 3, .gradient = 7};
static const tw_update centered = {.variables = 4, .gradient = 8};
static const tw_update sparse = {.variables = 3, .gradient = 7, .indices = 8};
static const tw_update sparse_centered = {.variables = 4, .gradient = 8, .indices = 9};

/* scalars: lr, rho, momentum, epsilon */
static tw_status *apply(tw_compute *c)
{
    tw_updated u;
    TW_TRY(tw_update_begin(c, &dense, &u));
    tw_par par = tw_compute_par(c);
    return tw_update_rmsprop(u.v[0]->dtype, u.v[0]->count, u.v[0]->data, NULL, u.v[1]->data,
                             u.v[2]->data, u.s[0], u.s[1], u.s[2], u.s[3], u.gradient->data, &par);
}

/* Two slots, the mean square and the momentum, have the variable's shape; four scalars precede
 * the gradient. */
static void infer(tw_infer *in)
{
    tw_infer_update(in, &dense);
}

static const tw_kernel kernel = {.dtypes = TW_UPDATE_TYPES, .compute = apply};

const tw_op_definition tw_op_ApplyRMSProp = {
    .signature = "var: Ref(T), ms: Ref(T), mom: Ref(T), lr: T, rho: T, momentum: T, epsilon: T, "
                 "grad: T -> out: Ref(T); T: numbertype; use_locking: bool = false",
    .doc = "ms += (1 - rho) * (grad^2 - ms); mom = momentum * mom + lr * grad / "
           "sqrt(ms + epsilon); var -= mom. Gives the variable.",
    .builder = "apply_rms_prop",
    .infer = infer,
    .gradient = tw_not_differentiable,
    .kernels = &kernel,
    .kernel_count = 1,
};

/* The dense form with a vectorized loop of its own; mg, ms and mom are written with the variable
 * in one pass over memory. */
static tw_status *apply_centered(tw_compute *c)
{
    tw_updated u;
    TW_TRY(tw_update_begin(c, &centered, &u));
    tw_par par = tw_compute_par(c);
    return tw_update_rmsprop(u.v[0]->dtype, u.v[0]->count, u.v[0]->data, u.v[1]->data, u.v[2]->data,
                             u.v[3]->data, u.s[0], u.s[1], u.s[2], u.s[3], u.gradient->data, &par);
}

/* Three slots here: mg comes before ms and mom, all in the shape of the variable. */
static void infer_centered(tw_infer *in)
{
    tw_infer_update(in, &centered);
}

static const tw_kernel centered_kernel = {.dtypes = TW_UPDATE_TYPES, .compute = apply_centered};

const tw_op_definition tw_op_ApplyCenteredRMSProp = {
    .signature = "var: Ref(T), mg: Ref(T), ms: Ref(T), mom: Ref(T), lr: T, rho: T, momentum: T, "
                 "epsilon: T, grad: T -> out: Ref(T); T: numbertype; use_locking: bool = false",
    .doc = "mg += (1 - rho) * (grad - mg); ms += (1 - rho) * (grad^2 - ms); mom = momentum * mom + "
           "lr * grad / sqrt(ms - mg^2 + epsilon); var -= mom. Gives the variable.",
    .builder = "apply_centered_rms_prop",
    .since = "ApplyCenteredRMSProp: 0.12",
    .infer = infer_centered,
    .gradient = tw_not_differentiable,
    .kernels = &centered_kernel,
    .kernel_count = 1,
};

/* ---- sparse ---- */

/* v: var, ms, mom */
static void step(size_t n, double *const *v, const double *g, const double *s)
{
    for (size_t i = 0; i < n; i++) {
        v[1][i] = v[1][i] * s[1] + g[i] * g[i] * (1 - s[1]);
        v[2][i] = v[2][i] * s[2] + s[0] * g[i] / sqrt(v[1][i] + s[3]);
        v[0][i] -= v[2][i];
    }
}

/* v: var, mg, ms, mom */
static void step_centered(size_t n, double *const *v, const double *g, const double *s)
{
    for (size_t i = 0; i < n; i++) {
        v[2][i] = v[2][i] * s[1] + g[i] * g[i] * (1 - s[1]);
        v[1][i] = v[1][i] * s[1] + g[i] * (1 - s[1]);
        double square = v[2][i] - v[1][i] * v[1][i] + s[3];
        v[3][i] = v[3][i] * s[2] + s[0] * g[i] / sqrt(square);
        v[0][i] -= v[3][i];
    }
}

/* Rows of both forms take the general way through blocks of doubles; rows are mostly too short
 * for a loop of their own to pay. */
static tw_status *apply_rows(tw_compute *c, const tw_update *update, tw_update_step rule)
{
    tw_updated u;
    TW_TRY(tw_update_begin(c, update, &u));
    return tw_update_run(c, update, &u, rule);
}

/* The means of rows that are not named do not decay: the next gradient of such a row meets them
 * as they were. */
static tw_status *apply_sparse(tw_compute *c)
{
    return apply_rows(c, &sparse, step);
}

/* The slots are as large as the variable, the gradient only as long as the indices. */
static void infer_sparse(tw_infer *in)
{
    tw_infer_update(in, &sparse);
}

static const tw_kernel sparse_kernel = {.dtypes = TW_UPDATE_TYPES, .compute = apply_sparse};

const tw_op_definition tw_op_SparseApplyRMSProp = {
    .signature = "var: Ref(T), ms: Ref(T), mom: Ref(T), lr: T, rho: T, momentum: T, epsilon: T, "
                 "grad: T, indices: Tindices -> out: Ref(T); T: numbertype; "
                 "Tindices: {int32, int64}; use_locking: bool = false",
    .doc = "ApplyRMSProp on the rows of the variable that `indices` names. Gives the variable.",
    .builder = "sparse_apply_rms_prop",
    .since = "SparseApplyRMSProp: 0.11",
    .infer = infer_sparse,
    .gradient = tw_not_differentiable,
    .kernels = &sparse_kernel,
    .kernel_count = 1,
};

/* As apply_sparse with the mean of the gradients as a third slot, which stands first after the
 * variable. */
static tw_status *apply_sparse_centered(tw_compute *c)
{
    return apply_rows(c, &sparse_centered, step_centered);
}

/* The rows rule with three slots; nothing in the shapes tells whether the numbers are means, so
 * only sizes are checked. */
static void infer_sparse_centered(tw_infer *in)
{
    tw_infer_update(in, &sparse_centered);
}

static const tw_kernel sparse_centered_kernel = {.dtypes = TW_UPDATE_TYPES,
                                                 .compute = apply_sparse_centered};

const tw_op_definition tw_op_SparseApplyCenteredRMSProp = {
    .signature = "var: Ref(T), mg: Ref(T), ms: Ref(T), mom: Ref(T), lr: T, rho: T, momentum: T, "
                 "epsilon: T, grad: T, indices: Tindices -> out: Ref(T); T: numbertype; "
                 "Tindices: {int32, int64}; use_locking: bool = false",
    .doc = "ApplyCenteredRMSProp on the rows of the variable that `indices` names. Gives the "
           "variable.",
    .builder = "sparse_apply_centered_rms_prop",
    .since = "SparseApplyCenteredRMSProp: 0.12",
    .infer = infer_sparse_centered,
    .gradient = tw_not_differentiable,
    .kernels = &sparse_centered_kernel,
    .kernel_count = 1,
};
