/* SPDX-License-Identifier: Apache-2.0
 * Momentum: a decaying sum of gradients is what moves the variable. */
#include "kernels/optimizer.h"
#include "ops/update.h"

static const tw_update dense = {.variables = 2, .gradient = 3};
static const tw_update sparse = {.variables = 2, .gradient = 3, .indices = 4};

/* use_nesterov belongs to the graph, so the choice between both steps is made once and not for
 * each block. */
static tw_status *prepare(tw_compute *c, void *state)
{
    *(bool *)state = tw_compute_bool(c, "use_nesterov");
    return TW_OK;
}

/* scalars: lr, momentum */
static tw_status *apply(tw_compute *c)
{
    tw_updated u;
    TW_TRY(tw_update_begin(c, &dense, &u));
    tw_par par = tw_compute_par(c);
    return tw_update_momentum(u.v[0]->dtype, u.v[0]->count, u.v[0]->data, u.v[1]->data, u.s[0],
                              u.gradient->data, u.s[1], *(const bool *)tw_compute_state(c), &par);
}

/* The slot has the variable's shape; the rate and the momentum are scalars on both sides of the
 * gradient. */
static void infer(tw_infer *in)
{
    tw_infer_update(in, &dense);
}

static const tw_kernel kernel = {
    .dtypes = TW_UPDATE_TYPES, .state_size = sizeof(bool), .prepare = prepare, .compute = apply};

const tw_op_definition tw_op_ApplyMomentum = {
    .signature = "var: Ref(T), accum: Ref(T), lr: T, grad: T, momentum: T -> out: Ref(T); "
                 "T: numbertype; use_locking: bool = false; use_nesterov: bool = false",
    .doc = "accum = accum * momentum + grad; var -= lr * accum, or with `use_nesterov` "
           "var -= lr * (grad + momentum * accum). Gives the variable.",
    .since = "use_nesterov: 0.10",
    .infer = infer,
    .gradient = tw_not_differentiable,
    .kernels = &kernel,
    .kernel_count = 1,
};

/* The kernel of the dense update on one row. */
static void update_row(const tw_compute *c, const tw_updated *u, size_t at, size_t from, size_t n)
{
    (void)tw_update_momentum(u->v[0]->dtype, n, tw_update_at(u->v[0], at),
                             tw_update_at(u->v[1], at), u->s[0], tw_update_at(u->gradient, from),
                             u->s[1], *(const bool *)c->state, NULL);
}

/* The momentum of rows that are not named does not decay meanwhile, which differs from a dense
 * update with zeros there, as in TensorFlow. */
static tw_status *apply_sparse(tw_compute *c)
{
    tw_updated u;
    TW_TRY(tw_update_begin(c, &sparse, &u));
    return tw_update_rows(c, &sparse, &u, update_row);
}

/* One row of the gradient for each index; the momentum's scalar stands behind the indices. */
static void infer_sparse(tw_infer *in)
{
    tw_infer_update(in, &sparse);
}

static const tw_kernel sparse_kernel = {.dtypes = TW_UPDATE_TYPES,
                                        .state_size = sizeof(bool),
                                        .prepare = prepare,
                                        .compute = apply_sparse};

const tw_op_definition tw_op_SparseApplyMomentum = {
    .signature = "var: Ref(T), accum: Ref(T), lr: T, grad: T, indices: Tindices, momentum: T -> "
                 "out: Ref(T); T: numbertype; Tindices: {int32, int64}; use_locking: bool = false; "
                 "use_nesterov: bool = false",
    .doc = "ApplyMomentum on the rows of the variable that `indices` names. Gives the variable.",
    .since = "use_nesterov: 0.10",
    .infer = infer_sparse,
    .gradient = tw_not_differentiable,
    .kernels = &sparse_kernel,
    .kernel_count = 1,
};
