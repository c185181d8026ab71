/* SPDX-License-Identifier: Apache-2.0
 * The rules: settings, slots and update operations of each optimizer, with TensorFlow's nodes. */
#include "train/train.h"

/* Settings are made once for an optimizer, in float32, and cast for variables of other dtypes. */
tw_tensor tw_update_hyper(const tw_update *u, size_t which)
{
    return tw_train_cast(u->hypers[which], u->dtype);
}

#define HYPER(which) tw_update_hyper(u, which)
#define LOCKING .use_locking = u->optimizer->use_locking

/* What most slots start with. */
static tw_initializer all_zeros(const tw_optimizer *optimizer, size_t slot)
{
    (void)optimizer;
    (void)slot;
    return tw_zeros_initializer();
}

/* For rules whose one setting that is a tensor is the learning rate. */
static double only_rate(const tw_optimizer *optimizer, size_t which)
{
    (void)which;
    return optimizer->learning_rate;
}

/* ---- gradient descent ---- */

/* var -= rate * grad */
static tw_tensor descent(const tw_update *u, tw_tensor grad)
{
    return tw_apply_gradient_descent(u->variable, HYPER(0), grad, LOCKING);
}

/* Repeated rows subtract one after the other, which is the sum. */
static tw_tensor descent_sparse(const tw_update *u, tw_tensor values, tw_tensor indices)
{
    return tw_scatter_sub(u->variable, indices, tw_mul(values, HYPER(0)), LOCKING);
}

/* ---- momentum ---- */

/* 0 is the learning rate and 1 the momentum, in the order of the rule's names. */
static double momentum_hyper(const tw_optimizer *optimizer, size_t which)
{
    return which ? optimizer->momentum : optimizer->learning_rate;
}

/* accum = keep * accum + grad; var -= rate * accum, or with Nesterov rate * (grad + keep *
 * accum) */
static tw_tensor momentum(const tw_update *u, tw_tensor grad)
{
    tw_tensor rate = HYPER(0), keep = HYPER(1);
    return tw_apply_momentum(u->variable, u->slots[0], rate, grad, keep, LOCKING,
                             .use_nesterov = u->optimizer->use_nesterov);
}

/* The momentum of rows that are not named does not decay, as in TensorFlow. */
static tw_tensor momentum_sparse(const tw_update *u, tw_tensor values, tw_tensor indices)
{
    tw_tensor rate = HYPER(0), keep = HYPER(1);
    return tw_sparse_apply_momentum(u->variable, u->slots[0], rate, values, indices, keep, LOCKING,
                                    .use_nesterov = u->optimizer->use_nesterov);
}

/* ---- Adagrad (Duchi et al. 2011) ---- */

/* Not zero: the accumulator divides the first step. */
static tw_initializer adagrad_start(const tw_optimizer *optimizer, size_t slot)
{
    (void)slot;
    return tw_constant_initializer(optimizer->initial_accumulator_value);
}

/* accum += grad^2; var -= rate * grad / sqrt(accum) */
static tw_tensor adagrad(const tw_update *u, tw_tensor grad)
{
    return tw_apply_adagrad(u->variable, u->slots[0], HYPER(0), grad, LOCKING);
}

/* Rows of slots that are not named stay, so embeddings cost only the rows that a step used. */
static tw_tensor adagrad_sparse(const tw_update *u, tw_tensor values, tw_tensor indices)
{
    return tw_sparse_apply_adagrad(u->variable, u->slots[0], HYPER(0), values, indices, LOCKING);
}

/* ---- RMSProp (Tieleman and Hinton 2012) ---- */

/* In the order in which the kernel takes them: rate, decay, momentum, epsilon. */
static double rms_hyper(const tw_optimizer *o, size_t which)
{
    const double values[] = {o->learning_rate, o->decay, o->momentum, o->epsilon};
    return values[which];
}

/* The mean square starts at one, so that first steps are small. */
static tw_initializer rms_start(const tw_optimizer *optimizer, size_t slot)
{
    (void)optimizer;
    return slot ? tw_zeros_initializer() : tw_ones_initializer();
}

/* rms = decay * rms + (1 - decay) * grad^2; mom = keep * mom + rate * grad / sqrt(rms +
 * epsilon); var -= mom */
static tw_tensor rms(const tw_update *u, tw_tensor grad)
{
    tw_tensor rate = HYPER(0), decay = HYPER(1), keep = HYPER(2), epsilon = HYPER(3);
    return tw_apply_rms_prop(u->variable, u->slots[0], u->slots[1], rate, decay, keep, epsilon,
                             grad, LOCKING);
}

/* Slots are the mean square and the momentum, in that order. */
static tw_tensor rms_sparse(const tw_update *u, tw_tensor values, tw_tensor indices)
{
    tw_tensor rate = HYPER(0), decay = HYPER(1), keep = HYPER(2), epsilon = HYPER(3);
    return tw_sparse_apply_rms_prop(u->variable, u->slots[0], u->slots[1], rate, decay, keep,
                                    epsilon, values, indices, LOCKING);
}

/* ---- Adam (Kingma and Ba 2014) ---- */

/* In the order of the kernel's inputs behind the two powers. */
static double adam_hyper(const tw_optimizer *o, size_t which)
{
    const double values[] = {o->learning_rate, o->beta1, o->beta2, o->epsilon};
    return values[which];
}

/* The powers of beta are read once for each variable and go on only after all were updated. */
static tw_tensor adam(const tw_update *u, tw_tensor grad)
{
    tw_tensor power1 = tw_train_cast(tw_variable_read(u->powers[0]), u->dtype);
    tw_tensor power2 = tw_train_cast(tw_variable_read(u->powers[1]), u->dtype);
    tw_tensor rate = HYPER(0), beta1 = HYPER(1), beta2 = HYPER(2), epsilon = HYPER(3);
    return tw_apply_adam(u->variable, u->slots[0], u->slots[1], power1, power2, rate, beta1, beta2,
                         epsilon, grad, LOCKING);
}

/* slot = beta * slot, then rows of it get (1 - beta) * values. */
static tw_tensor decay_and_add(const tw_update *u, size_t slot, tw_tensor beta, tw_tensor scaled,
                               tw_tensor indices)
{
    tw_tensor kept = u->slots[slot], sum = {NULL, 0};
    tw_tensor decayed = tw_assign(kept, tw_mul(tw_variable_read(kept), beta), LOCKING);
    tw_status *status = tw_scope_push_control((tw_tensors){&decayed, 1});
    if (status)
        return tw_build_fail(status);
    sum = tw_scatter_add(kept, indices, scaled, LOCKING);
    tw_scope_pop();
    return sum;
}

/* All rows move, also those without a gradient: their averages decay. */
static tw_tensor adam_sparse(const tw_update *u, tw_tensor values, tw_tensor indices)
{
    tw_tensor power1 = tw_train_cast(tw_variable_read(u->powers[0]), u->dtype);
    tw_tensor power2 = tw_train_cast(tw_variable_read(u->powers[1]), u->dtype);
    tw_tensor rate = HYPER(0), beta1 = HYPER(1), beta2 = HYPER(2), epsilon = HYPER(3);
    tw_tensor corrected = tw_mul(rate, tw_sqrt(tw_sub(1, power2)));
    corrected = tw_real_div(corrected, tw_sub(1, power1));
    tw_tensor m = decay_and_add(u, 0, beta1, tw_mul(values, tw_sub(1, beta1)), indices);
    tw_tensor squares = tw_mul(tw_mul(values, values), tw_sub(1, beta2));
    tw_tensor v = decay_and_add(u, 1, beta2, squares, indices);
    tw_tensor root = tw_sqrt(v);
    tw_tensor step = tw_real_div(tw_mul(corrected, m), tw_add(root, epsilon));
    tw_tensor moved = tw_assign_sub(u->variable, step, LOCKING);
    return tw_train_group(TW_LIST(moved, m, v), "group_deps");
}

const tw_rule tw_rules[] = {
    [TW_GRADIENT_DESCENT] = {.name = "GradientDescent",
                             .hypers = {"learning_rate"},
                             .hyper = only_rate,
                             .dense = descent,
                             .sparse = descent_sparse,
                             .repeats = true},
    [TW_MOMENTUM] = {.name = "Momentum",
                     .hypers = {"learning_rate", "momentum"},
                     .hyper = momentum_hyper,
                     .slots = {"momentum"},
                     .initializer = all_zeros,
                     .dense = momentum,
                     .sparse = momentum_sparse},
    [TW_ADAGRAD] = {.name = "Adagrad",
                    .hypers = {"learning_rate"},
                    .hyper = only_rate,
                    .slots = {"accumulator"},
                    .initializer = adagrad_start,
                    .dense = adagrad,
                    .sparse = adagrad_sparse},
    [TW_RMSPROP] = {.name = "RMSProp",
                    .hypers = {"learning_rate", "decay", "momentum", "epsilon"},
                    .hyper = rms_hyper,
                    .slots = {"rms", "momentum"},
                    .initializer = rms_start,
                    .dense = rms,
                    .sparse = rms_sparse},
    [TW_ADAM] = {.name = "Adam",
                 .hypers = {"learning_rate", "beta1", "beta2", "epsilon"},
                 .hyper = adam_hyper,
                 .slots = {"m", "v"},
                 .initializer = all_zeros,
                 .dense = adam,
                 .sparse = adam_sparse,
                 .powers = true},
};
