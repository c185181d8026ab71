/* SPDX-License-Identifier: Apache-2.0
 * Ftrl-proximal: follow the regularized leader. The variable is found anew from a linear term, so
 * that l1 keeps weights at exactly zero. V2 adds a shrinkage to the gradient. */
#include <math.h>

#include "ops/brackets.h"
#include "ops/update.h"

static const tw_update dense = {.variables = 3, .gradient = 3};
static const tw_update sparse = {.variables = 3, .gradient = 3, .indices = 4};

/* The step's scalars, in V1's order and V2's. */
typedef struct rates {
    double lr, l1, l2, shrinkage, power;
} rates;

/* The usual lr_power of -0.5 is a square root, which is exact and many times faster than pow;
 * others take the general way. */
static double power_of(double accum, double power)
{
    return power == -0.5 ? sqrt(accum) : pow(accum, -power);
}

/* sigma is the difference of the accumulator's powers over lr: it keeps the regularization
 * centered at the present weights. Weights whose linear term is within l1 become exactly zero. */
static void step(size_t n, double *const *v, const double *g, const rates *r)
{
    for (size_t i = 0; i < n; i++) {
        double accum = v[1][i] + g[i] * g[i], grown = power_of(accum, r->power);
        double sigma = (grown - power_of(v[1][i], r->power)) / r->lr;
        double linear = v[2][i] + (g[i] + 2 * r->shrinkage * v[0][i] - sigma * v[0][i]);
        double pulled = (linear > 0) - (linear < 0);
        v[0][i] = fabs(linear) > r->l1 ? (r->l1 * pulled - linear) / (grown / r->lr + 2 * r->l2)
                                       : 0;
        v[1][i] = accum;
        v[2][i] = linear;
    }
}

/* Names the scalars by the order in which the first version has them: lr, l1, l2, lr_power. */
static void step_v1(size_t n, double *const *v, const double *g, const double *s)
{
    step(n, v, g, &(rates){.lr = s[0], .l1 = s[1], .l2 = s[2], .power = s[3]});
}

/* V2 puts l2_shrinkage before lr_power, so the same rule reads its scalars from other places. */
static void step_v2(size_t n, double *const *v, const double *g, const double *s)
{
    step(n, v, g, &(rates){.lr = s[0], .l1 = s[1], .l2 = s[2], .shrinkage = s[3], .power = s[4]});
}

/* s: lr, l1, l2, lr_power or lr, l1, l2, l2_shrinkage, lr_power */
static tw_status *check_rates(const tw_compute *c, const double *s, bool v2)
{
    if (!(s[0] > 0))
        return tw_compute_fail(c, "lr is not a positive scalar: %g", s[0]);
    if (!(s[1] >= 0))
        return tw_compute_fail(c, "l1 regularization strength is not a non-negative scalar: %g",
                               s[1]);
    if (!(s[2] >= 0))
        return tw_compute_fail(c, "l2 regularization strength is not a non-negative scalar: %g",
                               s[2]);
    if (v2 && !(s[3] >= 0))
        return tw_compute_fail(
            c, "l2 shrinkage regularization strength is not a non-negative scalar: %g", s[3]);
    double power = s[v2 ? 4 : 3];
    if (!(power <= 0))
        return tw_compute_fail(c, "lr_power is not a non-positive scalar: %g", power);
    return TW_OK;
}

/* The rates are checked after the shapes and before the first write: a negative rate leaves the
 * variable as it was. */
static tw_status *apply_any(tw_compute *c, const tw_update *update, bool v2)
{
    tw_updated u;
    TW_TRY(tw_update_begin(c, update, &u));
    TW_TRY(check_rates(c, u.s, v2));
    return tw_update_run(c, update, &u, v2 ? step_v2 : step_v1);
}

/* The variable, its accumulator and its linear term have one shape with the gradient, the rates
 * are scalars. */
static void infer(tw_infer *in)
{
    tw_infer_update(in, &dense);
}

/* The gradient has one row for each index, the two slots have the shape of the whole variable. */
static void infer_sparse(tw_infer *in)
{
    tw_infer_update(in, &sparse);
}

/* The first version has no shrinkage among its inputs; the shared rule takes it as zero. */
static tw_status *apply(tw_compute *c)
{
    return apply_any(c, &dense, false);
}

/* All elements with l2_shrinkage; the scalars then stand in another order than in the first
 * version. */
static tw_status *apply_v2(tw_compute *c)
{
    return apply_any(c, &dense, true);
}

/* Rows that no index names keep their linear term, so their weights stay as they are, zero or
 * not. */
static tw_status *apply_sparse(tw_compute *c)
{
    return apply_any(c, &sparse, false);
}

/* The named rows with l2_shrinkage, which acts on the gradient but is not put into the
 * accumulator. */
static tw_status *apply_sparse_v2(tw_compute *c)
{
    return apply_any(c, &sparse, true);
}

static const tw_kernel kernel = {.dtypes = TW_UPDATE_TYPES, .compute = apply};
static const tw_kernel v2_kernel = {.dtypes = TW_UPDATE_TYPES, .compute = apply_v2};
static const tw_kernel sparse_kernel = {.dtypes = TW_UPDATE_TYPES, .compute = apply_sparse};
static const tw_kernel sparse_v2_kernel = {.dtypes = TW_UPDATE_TYPES, .compute = apply_sparse_v2};

const tw_op_definition tw_op_ApplyFtrl = {
    .signature = "var: Ref(T), accum: Ref(T), linear: Ref(T), grad: T, lr: T, l1: T, l2: T, "
                 "lr_power: T -> out: Ref(T); T: numbertype; use_locking: bool = false",
    .doc = "q = accum + grad^2; linear += grad - (q^-lr_power - accum^-lr_power) / lr * var; "
           "var = (sign(linear) * l1 - linear) / (q^-lr_power / lr + 2 * l2) where "
           "|linear| > l1, else 0; accum = q. Gives the variable.",
    .infer = infer,
    .gradient = tw_not_differentiable,
    .kernels = &kernel,
    .kernel_count = 1,
};

const tw_op_definition tw_op_ApplyFtrlV2 = {
    .signature = "var: Ref(T), accum: Ref(T), linear: Ref(T), grad: T, lr: T, l1: T, l2: T, "
                 "l2_shrinkage: T, lr_power: T -> out: Ref(T); T: numbertype; "
                 "use_locking: bool = false",
    .doc = "ApplyFtrl where 2 * l2_shrinkage * var is added to the gradient's part in `linear`. "
           "Gives the variable.",
    .since = "ApplyFtrlV2: 1.3",
    .infer = infer,
    .gradient = tw_not_differentiable,
    .kernels = &v2_kernel,
    .kernel_count = 1,
};

const tw_op_definition tw_op_SparseApplyFtrl = {
    .signature = "var: Ref(T), accum: Ref(T), linear: Ref(T), grad: T, indices: Tindices, lr: T, "
                 "l1: T, l2: T, lr_power: T -> out: Ref(T); T: numbertype; "
                 "Tindices: {int32, int64}; use_locking: bool = false",
    .doc = "ApplyFtrl on the rows of the variable that `indices` names. Gives the variable.",
    .since = "SparseApplyFtrl: 0.8",
    .infer = infer_sparse,
    .gradient = tw_not_differentiable,
    .kernels = &sparse_kernel,
    .kernel_count = 1,
};

const tw_op_definition tw_op_SparseApplyFtrlV2 = {
    .signature = "var: Ref(T), accum: Ref(T), linear: Ref(T), grad: T, indices: Tindices, lr: T, "
                 "l1: T, l2: T, l2_shrinkage: T, lr_power: T -> out: Ref(T); T: numbertype; "
                 "Tindices: {int32, int64}; use_locking: bool = false",
    .doc = "ApplyFtrlV2 on the rows of the variable that `indices` names. Gives the variable.",
    .since = "SparseApplyFtrlV2: 1.3",
    .infer = infer_sparse,
    .gradient = tw_not_differentiable,
    .kernels = &sparse_v2_kernel,
    .kernel_count = 1,
};
