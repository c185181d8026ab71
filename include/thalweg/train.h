/* SPDX-License-Identifier: Apache-2.0
 * Training: optimizers, learning-rate decays, initializers, moving averages. Written on the other
 * public headers. */
#ifndef THALWEG_TRAIN_H
#define THALWEG_TRAIN_H

#include "gradients.h"
#include "variables.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- initializers ---- */

struct tw_initializer_args { /* one struct for all; each constructor says what it reads */
    double value, minval, maxval, mean, stddev, gain, factor;
    bool uniform;
    size_t size;
    tw_where where;
    tw_dtype dtype;      /* 0: the variable's */
    const int64_t *seed; /* TW_SEED(n) */
};
#define TW_INITIALIZER_ARGS_(...)                                                                  \
    &(struct tw_initializer_args)                                                                  \
    {                                                                                              \
        .minval = -0.05, .maxval = 0.05, .mean = 0, .stddev = 1, .gain = 1, .factor = 1,           \
        .uniform = true, .size = sizeof(struct tw_initializer_args), .where = TW_HERE, __VA_ARGS__ \
    }
TW_API tw_initializer tw_constant_initializer_(tw_operand value);
#define tw_constant_initializer(value) tw_constant_initializer_(TW_OPERAND(value))
TW_API tw_initializer tw_zeros_initializer(void);
TW_API tw_initializer tw_ones_initializer(void);
/* minval, maxval */
TW_API tw_initializer tw_random_uniform_initializer_(const struct tw_initializer_args *args);
/* mean, stddev */
TW_API tw_initializer tw_random_normal_initializer_(const struct tw_initializer_args *args);
/* mean, stddev */
TW_API tw_initializer tw_truncated_normal_initializer_(const struct tw_initializer_args *args);
/* uniform */
TW_API tw_initializer tw_xavier_initializer_(const struct tw_initializer_args *args);
TW_API tw_initializer tw_glorot_uniform_initializer_(const struct tw_initializer_args *args);
/* gain */
TW_API tw_initializer tw_orthogonal_initializer_(const struct tw_initializer_args *args);
/* factor */
TW_API tw_initializer tw_uniform_unit_scaling_initializer_(const struct tw_initializer_args *args);
#define tw_random_uniform_initializer(...) \
    tw_random_uniform_initializer_(TW_INITIALIZER_ARGS_(__VA_ARGS__))
#define tw_random_normal_initializer(...) \
    tw_random_normal_initializer_(TW_INITIALIZER_ARGS_(__VA_ARGS__))
#define tw_truncated_normal_initializer(...) \
    tw_truncated_normal_initializer_(TW_INITIALIZER_ARGS_(__VA_ARGS__))
#define tw_xavier_initializer(...) tw_xavier_initializer_(TW_INITIALIZER_ARGS_(__VA_ARGS__))
#define tw_glorot_uniform_initializer(...) \
    tw_glorot_uniform_initializer_(TW_INITIALIZER_ARGS_(__VA_ARGS__))
#define tw_orthogonal_initializer(...) tw_orthogonal_initializer_(TW_INITIALIZER_ARGS_(__VA_ARGS__))
#define tw_uniform_unit_scaling_initializer(...) \
    tw_uniform_unit_scaling_initializer_(TW_INITIALIZER_ARGS_(__VA_ARGS__))

/* ---- optimizers: a rule with its settings, by value ---- */

typedef enum tw_optimizer_rule {
    TW_GRADIENT_DESCENT,
    TW_MOMENTUM,
    TW_ADAGRAD,
    TW_RMSPROP,
    TW_ADAM
} tw_optimizer_rule;

typedef struct tw_optimizer {
    double learning_rate; /* default 0.001 (Adam), 0.01 otherwise */
    double momentum, decay, beta1, beta2, epsilon, initial_accumulator_value;
    size_t size;
    tw_where where;
    tw_optimizer_rule rule;
    tw_tensor learning_rate_tensor; /* instead of the number, for decays */
    bool use_nesterov, use_locking;
    const char *name; /* of the scope and the slots: "Adam" ... */
} tw_optimizer;
#define TW_OPTIMIZER_(r, rate, ...)                              \
    ((tw_optimizer){.learning_rate = rate,                       \
                    .momentum = 0,                               \
                    .decay = 0.9,                                \
                    .beta1 = 0.9,                                \
                    .beta2 = 0.999,                              \
                    .epsilon = (r) == TW_RMSPROP ? 1e-10 : 1e-8, \
                    .initial_accumulator_value = 0.1,            \
                    .size = sizeof(tw_optimizer),                \
                    .where = TW_HERE,                            \
                    .rule = r,                                   \
                    __VA_ARGS__})
#define tw_gradient_descent(...) TW_OPTIMIZER_(TW_GRADIENT_DESCENT, 0.01, __VA_ARGS__)
#define tw_momentum(...) TW_OPTIMIZER_(TW_MOMENTUM, 0.01, __VA_ARGS__)
#define tw_adagrad(...) TW_OPTIMIZER_(TW_ADAGRAD, 0.01, __VA_ARGS__)
#define tw_rmsprop(...) TW_OPTIMIZER_(TW_RMSPROP, 0.01, __VA_ARGS__)
#define tw_adam(...) TW_OPTIMIZER_(TW_ADAM, 0.001, __VA_ARGS__)
/* The defaults of a rule, for C++ and other languages. */
TW_API tw_optimizer tw_optimizer_default(tw_optimizer_rule rule);

struct tw_minimize_args {
    size_t size;
    tw_where where;
    tw_tensors variables;  /* none: the trainable ones */
    tw_tensor global_step; /* a variable that goes up by one after the update; may be invalid */
    tw_tensor grad_loss;
    const char *name; /* the train operation's: the optimizer's name */
};
/* Gradients and updates: an operation to run. */
TW_API tw_tensor tw_minimize_(tw_optimizer optimizer, tw_tensor loss,
                              const struct tw_minimize_args *args);
#define tw_minimize(...) TW_MINIMIZE_(__VA_ARGS__, )
#define TW_MINIMIZE_(optimizer, loss, ...)   \
    tw_minimize_((optimizer), (loss),        \
                 &(struct tw_minimize_args){ \
                     .size = sizeof(struct tw_minimize_args), .where = TW_HERE, __VA_ARGS__})
/* The two halves of it. grads[i] belongs to variables[i]; none: the variable is left alone (all
 * none is an error). */
TW_API tw_grads tw_compute_gradients(tw_optimizer optimizer, tw_tensor loss, tw_tensors variables);
TW_API tw_tensor tw_apply_gradients_(tw_optimizer optimizer, tw_grads grads, tw_tensors variables,
                                     const struct tw_minimize_args *args);
#define tw_apply_gradients(...) TW_APPLY_GRADIENTS_(__VA_ARGS__, )
#define TW_APPLY_GRADIENTS_(optimizer, grads, variables, ...)                               \
    tw_apply_gradients_((optimizer), (grads), (variables),                                  \
                        &(struct tw_minimize_args){.size = sizeof(struct tw_minimize_args), \
                                                   .where = TW_HERE,                        \
                                                   __VA_ARGS__})
/* Gradients scaled down together where their L2 norm is greater than clip_norm, to be applied;
 * slices count with their values. *norm (may be NULL) is the norm before. */
TW_API tw_grads tw_clip_gradients(tw_grads grads, double clip_norm, tw_tensor *norm);
/* The slot `name` ("m", "v", "momentum", "accumulator", "rms") of a variable under an optimizer;
 * invalid: none. */
TW_API tw_tensor tw_optimizer_slot(tw_optimizer optimizer, tw_tensor variable, const char *slot);

/* ---- learning-rate decays: scalar tensors of a step counter ---- */

struct tw_decay_args {
    double decay_rate, end_learning_rate, power, alpha;
    bool staircase, cycle;
    size_t size;
    tw_where where;
    const char *name;
};
#define TW_DECAY_ARGS_(...)                                                 \
    &(struct tw_decay_args)                                                 \
    {                                                                       \
        .decay_rate = 0.96, .end_learning_rate = 0.0001, .power = 1,        \
        .size = sizeof(struct tw_decay_args), .where = TW_HERE, __VA_ARGS__ \
    }
TW_API tw_tensor tw_exponential_decay_(tw_operand learning_rate, tw_operand global_step,
                                       double decay_steps, const struct tw_decay_args *args);
TW_API tw_tensor tw_inverse_time_decay_(tw_operand learning_rate, tw_operand global_step,
                                        double decay_steps, const struct tw_decay_args *args);
TW_API tw_tensor tw_natural_exp_decay_(tw_operand learning_rate, tw_operand global_step,
                                       double decay_steps, const struct tw_decay_args *args);
TW_API tw_tensor tw_polynomial_decay_(tw_operand learning_rate, tw_operand global_step,
                                      double decay_steps, const struct tw_decay_args *args);
TW_API tw_tensor tw_cosine_decay_(tw_operand learning_rate, tw_operand global_step,
                                  double decay_steps, const struct tw_decay_args *args);
/* values has one more element than boundaries. */
TW_API tw_tensor tw_piecewise_constant_(tw_operand x, tw_doubles boundaries, tw_doubles values,
                                        const struct tw_decay_args *args);
#define tw_exponential_decay(...) TW_DECAY_(tw_exponential_decay_, __VA_ARGS__, )
#define tw_inverse_time_decay(...) TW_DECAY_(tw_inverse_time_decay_, __VA_ARGS__, )
#define tw_natural_exp_decay(...) TW_DECAY_(tw_natural_exp_decay_, __VA_ARGS__, )
#define tw_polynomial_decay(...) TW_DECAY_(tw_polynomial_decay_, __VA_ARGS__, )
#define tw_cosine_decay(...) TW_DECAY_(tw_cosine_decay_, __VA_ARGS__, )
#define tw_piecewise_constant(...) TW_PIECEWISE_CONSTANT_(__VA_ARGS__, )
#define TW_DECAY_(f, rate, step, steps, ...) \
    f(TW_OPERAND(rate), TW_OPERAND(step), steps, TW_DECAY_ARGS_(__VA_ARGS__))
#define TW_PIECEWISE_CONSTANT_(x, boundaries, values, ...) \
    tw_piecewise_constant_(TW_OPERAND(x), boundaries, values, TW_DECAY_ARGS_(__VA_ARGS__))

/* ---- moving averages ---- */

typedef struct tw_exponential_moving_average {
    double decay;
    tw_tensor num_updates; /* invalid: none */
    bool zero_debias;
    const char *name; /* NULL: "ExponentialMovingAverage" */
} tw_exponential_moving_average;
/* Makes the shadow variables and gives the operation that updates them. variables none: the
 * trainable ones. */
TW_API tw_tensor tw_average_apply(tw_exponential_moving_average average, tw_tensors variables);
/* The shadow of a variable; invalid: it has none. */
TW_API tw_tensor tw_average_of(tw_exponential_moving_average average, tw_tensor variable);

#ifdef __cplusplus
}
#endif
#endif
