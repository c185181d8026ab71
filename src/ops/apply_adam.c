/* SPDX-License-Identifier: Apache-2.0
 * Adam: moving means of the gradient and of its square, both corrected for their start from zero;
 * AdaMax takes a decaying maximum of |gradient| instead of the mean square. */
#include <math.h>

#include "kernels/optimizer.h"
#include "ops/update.h"

static const tw_update adam = {.variables = 3, .gradient = 9};
static const tw_update ada_max = {.variables = 3, .gradient = 8};

/* The variable and the slots m and v have the gradient's shape; the six scalars before the
 * gradient are checked as such. */
static void infer(tw_infer *in)
{
    tw_infer_update(in, &adam);
}

/* use_nesterov looks one step ahead in the mean of gradients; it is fixed by the graph and so is
 * read once. */
static tw_status *prepare(tw_compute *c, void *state)
{
    *(bool *)state = tw_compute_bool(c, "use_nesterov");
    return TW_OK;
}

/* The powers beta1^t and beta2^t come in as scalars, since the optimizer keeps them in
 * variables; the correction by them is part of the step size. */
static tw_status *apply(tw_compute *c)
{
    tw_updated u;
    TW_TRY(tw_update_begin(c, &adam, &u));
    tw_adam rates = {.beta1_power = u.s[0],
                     .beta2_power = u.s[1],
                     .lr = u.s[2],
                     .beta1 = u.s[3],
                     .beta2 = u.s[4],
                     .epsilon = u.s[5],
                     .nesterov = *(const bool *)tw_compute_state(c)};
    tw_par par = tw_compute_par(c);
    return tw_update_adam(u.v[0]->dtype, u.v[0]->count, u.v[0]->data, u.v[1]->data, u.v[2]->data,
                          &rates, u.gradient->data, &par);
}

static const tw_kernel kernel = {
    .dtypes = TW_UPDATE_TYPES, .state_size = sizeof(bool), .prepare = prepare, .compute = apply};

const tw_op_definition tw_op_ApplyAdam = {
    .signature = "var: Ref(T), m: Ref(T), v: Ref(T), beta1_power: T, beta2_power: T, lr: T, "
                 "beta1: T, beta2: T, epsilon: T, grad: T -> out: Ref(T); T: numbertype; "
                 "use_locking: bool = false; use_nesterov: bool = false",
    .doc = "lr_t = lr * sqrt(1 - beta2_power) / (1 - beta1_power); m += (1 - beta1) * (grad - m); "
           "v += (1 - beta2) * (grad^2 - v); var -= lr_t * m / (sqrt(v) + epsilon), where "
           "`use_nesterov` puts beta1 * m + (1 - beta1) * grad for m. Gives the variable.",
    .since = "use_nesterov: 1.2",
    .infer = infer,
    .gradient = tw_not_differentiable,
    .kernels = &kernel,
    .kernel_count = 1,
};

/* v: var, m, v; s: beta1_power, lr, beta1, beta2, epsilon */
static void step_ada_max(size_t n, double *const *v, const double *g, const double *s)
{
    double rate = s[1] / (1 - s[0]);
    for (size_t i = 0; i < n; i++) {
        v[1][i] += (g[i] - v[1][i]) * (1 - s[2]);
        v[2][i] = fmax(s[3] * v[2][i], fabs(g[i]));
        v[0][i] -= rate * (v[1][i] / (v[2][i] + s[4]));
    }
}

/* The infinity norm needs no correction of its slot, which is why only beta1's power is an input
 * of this one. */
static tw_status *apply_ada_max(tw_compute *c)
{
    tw_updated u;
    TW_TRY(tw_update_begin(c, &ada_max, &u));
    return tw_update_run(c, &ada_max, &u, step_ada_max);
}

/* Two slots as for Adam, but one scalar less: there is no power of beta2. */
static void infer_ada_max(tw_infer *in)
{
    tw_infer_update(in, &ada_max);
}

static const tw_kernel ada_max_kernel = {.dtypes = TW_UPDATE_TYPES, .compute = apply_ada_max};

const tw_op_definition tw_op_ApplyAdaMax = {
    .signature = "var: Ref(T), m: Ref(T), v: Ref(T), beta1_power: T, lr: T, beta1: T, beta2: T, "
                 "epsilon: T, grad: T -> out: Ref(T); T: numbertype; use_locking: bool = false",
    .doc = "m += (1 - beta1) * (grad - m); v = max(beta2 * v, |grad|); "
           "var -= lr / (1 - beta1_power) * m / (v + epsilon). Gives the variable.",
    .builder = "apply_ada_max",
    .since = "ApplyAdaMax: 1.8",
    .infer = infer_ada_max,
    .gradient = tw_not_differentiable,
    .kernels = &ada_max_kernel,
    .kernel_count = 1,
};
