/* SPDX-License-Identifier: Apache-2.0
 * Adagrad: each element's rate falls with the sum of its squared gradients; and AdagradDA (dual
 * averaging), which finds the variable anew from the sums of all gradients so far. */
#include <math.h>

#include "kernels/optimizer.h"
#include "ops/update.h"

/* ---- Adagrad ---- */

static const tw_update dense = {.variables = 2, .gradient = 3};
static const tw_update dense_v2 = {.variables = 2, .gradient = 4};
static const tw_update sparse = {.variables = 2, .gradient = 3, .indices = 4};

/* update_slots is an attribute, so it is read once for all runs; without it the accumulator is
 * only divided by. */
static tw_status *prepare(tw_compute *c, void *state)
{
    *(bool *)state = tw_compute_bool(c, "update_slots");
    return TW_OK;
}

/* scalars: lr, or lr and epsilon */
static tw_status *apply_dense(tw_compute *c, const tw_update *update, bool has_epsilon)
{
    tw_updated u;
    TW_TRY(tw_update_begin(c, update, &u));
    tw_par par = tw_compute_par(c);
    return tw_update_adagrad(u.v[0]->dtype, u.v[0]->count, u.v[0]->data, u.v[1]->data, u.s[0],
                             has_epsilon ? u.s[1] : 0, u.gradient->data,
                             *(const bool *)tw_compute_state(c), &par);
}

/* V1 has no epsilon: the initial accumulator value, 0.1 by default, is what keeps the first
 * division from being one by zero. */
static tw_status *apply(tw_compute *c)
{
    return apply_dense(c, &dense, false);
}

/* The variable and its accumulator have one shape with the gradient; the learning rate is a
 * scalar. */
static void infer(tw_infer *in)
{
    tw_infer_update(in, &dense);
}

static const tw_kernel kernel = {
    .dtypes = TW_UPDATE_TYPES, .state_size = sizeof(bool), .prepare = prepare, .compute = apply};

const tw_op_definition tw_op_ApplyAdagrad = {
    .signature = "var: Ref(T), accum: Ref(T), lr: T, grad: T -> out: Ref(T); T: numbertype; "
                 "use_locking: bool = false; update_slots: bool = true",
    .doc = "accum += grad^2 (where `update_slots`); var -= lr * grad / sqrt(accum). Gives the "
           "variable.",
    .since = "update_slots: 1.12",
    .infer = infer,
    .gradient = tw_not_differentiable,
    .kernels = &kernel,
    .kernel_count = 1,
};

/* V2 divides by sqrt(accum) + epsilon, which is TensorFlow's later form; everything else is as
 * in the first one. */
static tw_status *apply_v2(tw_compute *c)
{
    return apply_dense(c, &dense_v2, true);
}

/* As for the first version, with one scalar more: epsilon stands between the rate and the
 * gradient. */
static void infer_v2(tw_infer *in)
{
    tw_infer_update(in, &dense_v2);
}

static const tw_kernel v2_kernel = {
    .dtypes = TW_UPDATE_TYPES, .state_size = sizeof(bool), .prepare = prepare, .compute = apply_v2};

const tw_op_definition tw_op_ApplyAdagradV2 = {
    .signature = "var: Ref(T), accum: Ref(T), lr: T, epsilon: T, grad: T -> out: Ref(T); "
                 "T: numbertype; use_locking: bool = false; update_slots: bool = true",
    .doc = "accum += grad^2 (where `update_slots`); var -= lr * grad / (sqrt(accum) + epsilon). "
           "Gives the variable.",
    .since = "ApplyAdagradV2: 1.15",
    .infer = infer_v2,
    .gradient = tw_not_differentiable,
    .kernels = &v2_kernel,
    .kernel_count = 1,
};

/* The kernel of the dense update on one row. */
static void update_row(const tw_compute *c, const tw_updated *u, size_t at, size_t from, size_t n)
{
    (void)tw_update_adagrad(u->v[0]->dtype, n, tw_update_at(u->v[0], at), tw_update_at(u->v[1], at),
                            u->s[0], 0, tw_update_at(u->gradient, from), *(const bool *)c->state,
                            NULL);
}

/* Rows are updated in the order of the indices, so an index that stands twice sees the
 * accumulator that its first occurrence left. */
static tw_status *apply_sparse(tw_compute *c)
{
    tw_updated u;
    TW_TRY(tw_update_begin(c, &sparse, &u));
    return tw_update_rows(c, &sparse, &u, update_row);
}

/* Indices are a vector with one entry for each row of the gradient; what comes out is the
 * variable, not the rows. */
static void infer_sparse(tw_infer *in)
{
    tw_infer_update(in, &sparse);
}

static const tw_kernel sparse_kernel = {.dtypes = TW_UPDATE_TYPES,
                                        .state_size = sizeof(bool),
                                        .prepare = prepare,
                                        .compute = apply_sparse};

const tw_op_definition tw_op_SparseApplyAdagrad = {
    .signature = "var: Ref(T), accum: Ref(T), lr: T, grad: T, indices: Tindices -> out: Ref(T); "
                 "T: numbertype; Tindices: {int32, int64}; use_locking: bool = false; "
                 "update_slots: bool = true",
    .doc = "ApplyAdagrad on the rows of the variable that `indices` names. Gives the variable.",
    .since = "update_slots: 1.12",
    .infer = infer_sparse,
    .gradient = tw_not_differentiable,
    .kernels = &sparse_kernel,
    .kernel_count = 1,
};

/* ---- AdagradDA ---- */

static const tw_update dense_da = {.variables = 3, .gradient = 3};
static const tw_update sparse_da = {.variables = 3, .gradient = 3, .indices = 4};

/* v: var, the sum of gradients, the sum of squares; s: lr, l1, l2, the step's number */
static void step_da(size_t n, double *const *v, const double *g, const double *s)
{
    double l1 = s[1] * s[3], l2 = s[2] * s[3] * s[0];
    for (size_t i = 0; i < n; i++) {
        double sum = v[1][i] += g[i];
        v[2][i] += g[i] * g[i];
        if (s[1] > 0)
            sum = copysign(fmax(fabs(sum) - l1, 0), sum);
        v[0][i] = -s[0] * sum / (l2 + sqrt(v[2][i]));
    }
}

/* AdagradDA finds the variable anew from both accumulators and the global step, whatever it was
 * before; only its shape matters. */
static tw_status *apply_any_da(tw_compute *c, const tw_update *update)
{
    tw_updated u;
    TW_TRY(tw_update_begin(c, update, &u));
    return tw_update_run(c, update, &u, step_da);
}

/* Dual averaging over all elements. The step count comes as int64 and is read as a double with
 * the other scalars. */
static tw_status *apply_da(tw_compute *c)
{
    return apply_any_da(c, &dense_da);
}

/* Here two slots follow the variable, the sums of gradients and of their squares, both with the
 * variable's shape. */
static void infer_da(tw_infer *in)
{
    tw_infer_update(in, &dense_da);
}

static const tw_kernel da_kernel = {.dtypes = TW_UPDATE_WIDE_TYPES, .compute = apply_da};

const tw_op_definition tw_op_ApplyAdagradDA = {
    .signature = "var: Ref(T), gradient_accumulator: Ref(T), gradient_squared_accumulator: Ref(T), "
                 "grad: T, lr: T, l1: T, l2: T, global_step: int64 -> out: Ref(T); T: numbertype; "
                 "use_locking: bool = false",
    .doc = "Adagrad by dual averaging: with a the sum of gradients and q that of their squares, "
           "var = -lr * sign(a) * max(|a| - l1 * global_step, 0) / "
           "(l2 * global_step * lr + sqrt(q)). Gives the variable.",
    .builder = "apply_adagrad_da",
    .since = "ApplyAdagradDA: 0.11",
    .infer = infer_da,
    .gradient = tw_not_differentiable,
    .kernels = &da_kernel,
    .kernel_count = 1,
};

/* As apply_da for the named rows alone; the accumulators of other rows keep their sums until a
 * gradient names them. */
static tw_status *apply_sparse_da(tw_compute *c)
{
    return apply_any_da(c, &sparse_da);
}

/* The rows rule of sparse updates with two accumulators; scalars behind the indices are checked
 * to be scalars. */
static void infer_sparse_da(tw_infer *in)
{
    tw_infer_update(in, &sparse_da);
}

static const tw_kernel sparse_da_kernel = {.dtypes = TW_UPDATE_WIDE_TYPES,
                                           .compute = apply_sparse_da};

const tw_op_definition tw_op_SparseApplyAdagradDA = {
    .signature = "var: Ref(T), gradient_accumulator: Ref(T), gradient_squared_accumulator: Ref(T), "
                 "grad: T, indices: Tindices, lr: T, l1: T, l2: T, global_step: int64 -> "
                 "out: Ref(T); T: numbertype; Tindices: {int32, int64}; use_locking: bool = false",
    .doc = "ApplyAdagradDA on the rows of the variable that `indices` names. Gives the variable.",
    .builder = "sparse_apply_adagrad_da",
    .since = "SparseApplyAdagradDA: 0.11",
    .infer = infer_sparse_da,
    .gradient = tw_not_differentiable,
    .kernels = &sparse_da_kernel,
    .kernel_count = 1,
};
