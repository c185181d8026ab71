/* SPDX-License-Identifier: Apache-2.0
 * Adadelta: the size of a step comes from moving means of squared gradients and of squared
 * steps. */
#include <math.h>

#include "ops/update.h"

static const tw_update dense = {.variables = 3, .gradient = 6};
static const tw_update sparse = {.variables = 3, .gradient = 6, .indices = 7};

/* v: var, accum, accum_update; s: lr, rho, epsilon */
static void step(size_t n, double *const *v, const double *g, const double *s)
{
    for (size_t i = 0; i < n; i++) {
        v[1][i] = v[1][i] * s[1] + g[i] * g[i] * (1 - s[1]);
        double move = sqrt(v[2][i] + s[2]) / sqrt(v[1][i] + s[2]) * g[i];
        v[0][i] -= move * s[0];
        v[2][i] = v[2][i] * s[1] + move * move * (1 - s[1]);
    }
}

/* Nothing is written unless all shapes, scalars and indices were found right; the rule itself
 * cannot fail, so an update is done whole or not at all. */
static tw_status *apply_any(tw_compute *c, const tw_update *update)
{
    tw_updated u;
    TW_TRY(tw_update_begin(c, update, &u));
    return tw_update_run(c, update, &u, step);
}

/* The dense update: variable, both slots and the gradient have one shape, and elements are
 * independent, so cells may run on any thread. */
static tw_status *apply(tw_compute *c)
{
    return apply_any(c, &dense);
}

/* A reference comes out with the variable's shape, merged with those of its slots and of the
 * gradient, which must be the same. */
static void infer(tw_infer *in)
{
    tw_infer_update(in, &dense);
}

static const tw_kernel kernel = {.dtypes = TW_UPDATE_TYPES, .compute = apply};

const tw_op_definition tw_op_ApplyAdadelta = {
    .signature = "var: Ref(T), accum: Ref(T), accum_update: Ref(T), lr: T, rho: T, epsilon: T, "
                 "grad: T -> out: Ref(T); T: numbertype; use_locking: bool = false",
    .doc = "accum = rho * accum + (1 - rho) * grad^2; move = grad * sqrt(accum_update + epsilon) / "
           "sqrt(accum + epsilon); var -= lr * move; "
           "accum_update = rho * accum_update + (1 - rho) * move^2. Gives the variable.",
    .since = "ApplyAdadelta: 0.9; accum_update is used before it changes: 1.0",
    .infer = infer,
    .gradient = tw_not_differentiable,
    .kernels = &kernel,
    .kernel_count = 1,
};

/* Only the rows named by indices move, also those of the slots: rows that are not named do not
 * decay, as TensorFlow has it. */
static tw_status *apply_sparse(tw_compute *c)
{
    return apply_any(c, &sparse);
}

/* The gradient has a row for each index and the variable's shape behind dimension 0; the number
 * of rows may differ from the variable's. */
static void infer_sparse(tw_infer *in)
{
    tw_infer_update(in, &sparse);
}

static const tw_kernel sparse_kernel = {.dtypes = TW_UPDATE_TYPES, .compute = apply_sparse};

const tw_op_definition tw_op_SparseApplyAdadelta = {
    .signature = "var: Ref(T), accum: Ref(T), accum_update: Ref(T), lr: T, rho: T, epsilon: T, "
                 "grad: T, indices: Tindices -> out: Ref(T); T: numbertype; "
                 "Tindices: {int32, int64}; use_locking: bool = false",
    .doc = "ApplyAdadelta on the rows of the variable that `indices` names. Gives the variable.",
    .since = "SparseApplyAdadelta: 0.9",
    .infer = infer_sparse,
    .gradient = tw_not_differentiable,
    .kernels = &sparse_kernel,
    .kernel_count = 1,
};
