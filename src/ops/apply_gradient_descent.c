/* SPDX-License-Identifier: Apache-2.0
 * ApplyGradientDescent, and the proximal updates: a step against the gradient, then (proximal) a
 * shrinking towards zero by l1 and l2, where the weight keeps its sign. */
#include <math.h>

#include "kernels/optimizer.h"
#include "ops/update.h"

/* ---- ApplyGradientDescent ---- */

static const tw_update descent = {.variables = 1, .gradient = 2};

/* The gradient here is named delta and the rate alpha; both shapes must be one, and the
 * variable's comes out. */
static void infer_descent(tw_infer *in)
{
    tw_infer_update(in, &descent);
}

/* The commonest update has a loop of its own in the element's dtype, vectorized, without the way
 * through blocks of doubles. */
static tw_status *apply_descent(tw_compute *c)
{
    tw_updated u;
    TW_TRY(tw_update_begin(c, &descent, &u));
    tw_par par = tw_compute_par(c);
    return tw_update_gradient_descent(u.v[0]->dtype, u.v[0]->count, u.v[0]->data, u.s[0],
                                      u.gradient->data, &par);
}

static const tw_kernel descent_kernel = {.dtypes = TW_UPDATE_TYPES, .compute = apply_descent};

const tw_op_definition tw_op_ApplyGradientDescent = {
    .signature = "var: Ref(T), alpha: T, delta: T -> out: Ref(T); T: numbertype; "
                 "use_locking: bool = false",
    .doc = "Gradient descent: var -= alpha * delta. Gives the variable.",
    .infer = infer_descent,
    .gradient = tw_not_differentiable,
    .kernels = &descent_kernel,
    .kernel_count = 1,
};

/* ---- the proximal ones ---- */

/* sign(x) max(|x| - rate l1, 0) / (1 + rate l2), what minimises the distance to x and the penalties
 * (Duchi and Singer, Efficient learning using forward backward splitting). */
static double shrink(double x, double rate, double l1, double l2)
{
    if (l1 > 0)
        x = copysign(fmax(fabs(x) - rate * l1, 0), x);
    return x / (1 + rate * l2);
}

/* s: alpha, l1, l2 */
static void step_descent(size_t n, double *const *v, const double *g, const double *s)
{
    for (size_t i = 0; i < n; i++)
        v[0][i] = shrink(v[0][i] - s[0] * g[i], s[0], s[1], s[2]);
}

/* s: lr, l1, l2; v[1]: the sum of squares */
static void step_adagrad(size_t n, double *const *v, const double *g, const double *s)
{
    for (size_t i = 0; i < n; i++) {
        v[1][i] += g[i] * g[i];
        double rate = s[0] / sqrt(v[1][i]);
        v[0][i] = shrink(v[0][i] - rate * g[i], rate, s[1], s[2]);
    }
}

static const tw_update dense_descent = {.variables = 1, .gradient = 4};
static const tw_update sparse_descent = {.variables = 1, .gradient = 4, .indices = 5};
static const tw_update dense_adagrad = {.variables = 2, .gradient = 5};
static const tw_update sparse_adagrad = {.variables = 2, .gradient = 5, .indices = 6};

/* The checks come before the first write; rows and dense updates differ in the description
 * alone, so one function serves both. */
static tw_status *apply(tw_compute *c, const tw_update *update, tw_update_step step)
{
    tw_updated u;
    TW_TRY(tw_update_begin(c, update, &u));
    return tw_update_run(c, update, &u, step);
}

/* No slot: the variable and the gradient have one shape, and three scalars stand between them. */
static void infer_dense_descent(tw_infer *in)
{
    tw_infer_update(in, &dense_descent);
}

/* With l1 and l2 of zero this is plain descent; the proximal form is kept apart because it reads
 * more scalars. */
static tw_status *apply_dense_descent(tw_compute *c)
{
    return apply(c, &dense_descent, step_descent);
}

static const tw_kernel dense_descent_kernel = {.dtypes = TW_UPDATE_WIDE_TYPES,
                                               .compute = apply_dense_descent};

const tw_op_definition tw_op_ApplyProximalGradientDescent = {
    .signature = "var: Ref(T), alpha: T, l1: T, l2: T, delta: T -> out: Ref(T); T: numbertype; "
                 "use_locking: bool = false",
    .doc = "FOBOS: x = var - alpha * delta; var = sign(x) * max(|x| - alpha * l1, 0) / "
           "(1 + alpha * l2). Gives the variable.",
    .since = "ApplyProximalGradientDescent: 0.9",
    .infer = infer_dense_descent,
    .gradient = tw_not_differentiable,
    .kernels = &dense_descent_kernel,
    .kernel_count = 1,
};

/* The rows rule without a slot; the indices are the last input. */
static void infer_sparse_descent(tw_infer *in)
{
    tw_infer_update(in, &sparse_descent);
}

/* Rows are shrunk only when a gradient names them, once for each time that they are named. */
static tw_status *apply_sparse_descent(tw_compute *c)
{
    return apply(c, &sparse_descent, step_descent);
}

static const tw_kernel sparse_descent_kernel = {.dtypes = TW_UPDATE_WIDE_TYPES,
                                                .compute = apply_sparse_descent};

const tw_op_definition tw_op_SparseApplyProximalGradientDescent = {
    .signature = "var: Ref(T), alpha: T, l1: T, l2: T, grad: T, indices: Tindices -> out: Ref(T); "
                 "T: numbertype; Tindices: {int32, int64}; use_locking: bool = false",
    .doc = "ApplyProximalGradientDescent on the rows of the variable that `indices` names. Gives "
           "the variable.",
    .since = "SparseApplyProximalGradientDescent: 0.9",
    .infer = infer_sparse_descent,
    .gradient = tw_not_differentiable,
    .kernels = &sparse_descent_kernel,
    .kernel_count = 1,
};

/* A slot, then lr, l1 and l2 as scalars, then the gradient in the variable's shape. */
static void infer_dense_adagrad(tw_infer *in)
{
    tw_infer_update(in, &dense_adagrad);
}

/* Proximal Adagrad shrinks with the rate of each element, so elements that have learned much are
 * pulled less towards zero. */
static tw_status *apply_dense_adagrad(tw_compute *c)
{
    return apply(c, &dense_adagrad, step_adagrad);
}

static const tw_kernel dense_adagrad_kernel = {.dtypes = TW_UPDATE_WIDE_TYPES,
                                               .compute = apply_dense_adagrad};

const tw_op_definition tw_op_ApplyProximalAdagrad = {
    .signature = "var: Ref(T), accum: Ref(T), lr: T, l1: T, l2: T, grad: T -> out: Ref(T); "
                 "T: numbertype; use_locking: bool = false",
    .doc = "FOBOS with Adagrad's rate: accum += grad^2; rate = lr / sqrt(accum); "
           "x = var - rate * grad; var = sign(x) * max(|x| - rate * l1, 0) / (1 + rate * l2). "
           "Gives the variable.",
    .since = "ApplyProximalAdagrad: 0.9",
    .infer = infer_dense_adagrad,
    .gradient = tw_not_differentiable,
    .kernels = &dense_adagrad_kernel,
    .kernel_count = 1,
};

/* As the dense rule, with a gradient of one row for each index in place of the variable's shape. */
static void infer_sparse_adagrad(tw_infer *in)
{
    tw_infer_update(in, &sparse_adagrad);
}

/* Each row's own accumulator gives its rate; rows that are not named are not shrunk, though l1
 * would do so in a dense update. */
static tw_status *apply_sparse_adagrad(tw_compute *c)
{
    return apply(c, &sparse_adagrad, step_adagrad);
}

static const tw_kernel sparse_adagrad_kernel = {.dtypes = TW_UPDATE_WIDE_TYPES,
                                                .compute = apply_sparse_adagrad};

const tw_op_definition tw_op_SparseApplyProximalAdagrad = {
    .signature = "var: Ref(T), accum: Ref(T), lr: T, l1: T, l2: T, grad: T, indices: Tindices -> "
                 "out: Ref(T); T: numbertype; Tindices: {int32, int64}; use_locking: bool = false",
    .doc = "ApplyProximalAdagrad on the rows of the variable that `indices` names. Gives the "
           "variable.",
    .since = "SparseApplyProximalAdagrad: 0.9",
    .infer = infer_sparse_adagrad,
    .gradient = tw_not_differentiable,
    .kernels = &sparse_adagrad_kernel,
    .kernel_count = 1,
};
