/* SPDX-License-Identifier: Apache-2.0
 * AddSign and PowerSign: a step grows where the gradient's sign agrees with that of its moving
 * mean, and shrinks where it does not (Bello et al., Neural optimizer search). */
#include <math.h>

#include "ops/update.h"

static const tw_update update = {.variables = 2, .gradient = 6};

/* Zero has sign 0 and so has NaN, for which both comparisons are false; the step of such an
 * element is the neutral one. */
static double sign(double x)
{
    return (x > 0) - (x < 0);
}

/* The moving mean m, and 1 where its sign is the gradient's, -1 where it is not. */
static double follow(double *m, double g, double beta)
{
    *m = *m * beta + g * (1 - beta);
    return sign(g) * sign(*m);
}

/* v: var, m; s: lr, alpha, sign_decay, beta */
static void step_add(size_t n, double *const *v, const double *g, const double *s)
{
    for (size_t i = 0; i < n; i++)
        v[0][i] -= s[0] * (s[1] + s[2] * follow(&v[1][i], g[i], s[3])) * g[i];
}

/* v: var, m; s: lr, logbase, sign_decay, beta */
static void step_power(size_t n, double *const *v, const double *g, const double *s)
{
    for (size_t i = 0; i < n; i++)
        v[0][i] -= s[0] * exp(s[1] * s[2] * follow(&v[1][i], g[i], s[3])) * g[i];
}

/* One slot, the moving mean, is written in the same pass: the sign that is compared is that of
 * the mean after this gradient. */
static tw_status *apply(tw_compute *c, tw_update_step step)
{
    tw_updated u;
    TW_TRY(tw_update_begin(c, &update, &u));
    return tw_update_run(c, &update, &u, step);
}

/* AddSign multiplies the gradient by alpha + decay * sign * sign, so that with alpha = 1 opposed
 * signs stop the step. */
static tw_status *apply_add(tw_compute *c)
{
    return apply(c, step_add);
}

/* PowerSign multiplies by exp(logbase * decay * sign * sign), which is never zero or negative. */
static tw_status *apply_power(tw_compute *c)
{
    return apply(c, step_power);
}

/* Both forms have the same inputs in the same order, hence one rule: a slot, four scalars and
 * the gradient. */
static void infer(tw_infer *in)
{
    tw_infer_update(in, &update);
}

static const tw_kernel add_kernel = {.dtypes = TW_UPDATE_TYPES, .compute = apply_add};
static const tw_kernel power_kernel = {.dtypes = TW_UPDATE_TYPES, .compute = apply_power};

const tw_op_definition tw_op_ApplyAddSign = {
    .signature = "var: Ref(T), m: Ref(T), lr: T, alpha: T, sign_decay: T, beta: T, grad: T -> "
                 "out: Ref(T); T: numbertype; use_locking: bool = false",
    .doc = "m = beta * m + (1 - beta) * grad; "
           "var -= lr * (alpha + sign_decay * sign(grad) * sign(m)) * grad. Gives the variable.",
    .since = "ApplyAddSign: 1.5",
    .infer = infer,
    .gradient = tw_not_differentiable,
    .kernels = &add_kernel,
    .kernel_count = 1,
};

const tw_op_definition tw_op_ApplyPowerSign = {
    .signature = "var: Ref(T), m: Ref(T), lr: T, logbase: T, sign_decay: T, beta: T, grad: T -> "
                 "out: Ref(T); T: numbertype; use_locking: bool = false",
    .doc = "m = beta * m + (1 - beta) * grad; "
           "var -= lr * exp(logbase * sign_decay * sign(grad) * sign(m)) * grad. Gives the "
           "variable.",
    .since = "ApplyPowerSign: 1.5",
    .infer = infer,
    .gradient = tw_not_differentiable,
    .kernels = &power_kernel,
    .kernel_count = 1,
};
