/* SPDX-License-Identifier: Apache-2.0
 * Parameter updates in one pass: each byte of variable, slots and gradient is read once and written
 * once. For float, double, half and bfloat16 (these two compute in float). Formulas are
 * TensorFlow's ApplyX ops; hyperparameters are scalars of the dtype, given as double. Arrays have
 * `count` elements and must not overlap. Error: another dtype. */
#ifndef TW_KERNELS_OPTIMIZER_H
#define TW_KERNELS_OPTIMIZER_H

#include "kernels/par.h"
#include "thalweg/dtype.h"
#include "thalweg/status.h"

/* var -= alpha * delta */
tw_status *tw_update_gradient_descent(tw_dtype dtype, size_t count, void *var, double alpha,
                                      const void *delta, const tw_par *par);
/* accum = accum * momentum + grad; var -= lr * accum, or with nesterov lr * (grad + momentum *
 * accum) */
tw_status *tw_update_momentum(tw_dtype dtype, size_t count, void *var, void *accum, double lr,
                              const void *grad, double momentum, bool nesterov, const tw_par *par);
/* accum += grad^2 (if update_slots); var -= lr * grad / (sqrt(accum) + epsilon) */
tw_status *tw_update_adagrad(tw_dtype dtype, size_t count, void *var, void *accum, double lr,
                             double epsilon, const void *grad, bool update_slots,
                             const tw_par *par);
/* ms += (1 - rho) (grad^2 - ms); mom = momentum * mom + lr * grad / sqrt(ms + epsilon);
 * var -= mom. With mg (not NULL) centered: mg += (1 - rho) (grad - mg), the root is of
 * ms - mg^2 + epsilon. */
tw_status *tw_update_rmsprop(tw_dtype dtype, size_t count, void *var, void *mg, void *ms, void *mom,
                             double lr, double rho, double momentum, double epsilon,
                             const void *grad, const tw_par *par);
/* lr_t = lr sqrt(1 - beta2_power) / (1 - beta1_power); m += (1 - beta1) (grad - m);
 * v += (1 - beta2) (grad^2 - v); var -= lr_t * m / (sqrt(v) + epsilon), with nesterov
 * lr_t * (beta1 m + (1 - beta1) grad) instead of lr_t * m */
typedef struct tw_adam {
    double beta1_power, beta2_power, lr, beta1, beta2, epsilon;
    bool nesterov;
} tw_adam;
tw_status *tw_update_adam(tw_dtype dtype, size_t count, void *var, void *m, void *v,
                          const tw_adam *adam, const void *grad, const tw_par *par);

#endif
