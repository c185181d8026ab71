# SPDX-License-Identifier: Apache-2.0
"""Public names of what trains."""
NAMES = {
    "train": {
        "training.optimizer": "Optimizer",
        "training.gradient_descent": "GradientDescentOptimizer",
        "training.momentum": "MomentumOptimizer",
        "training.adagrad": "AdagradOptimizer",
        "training.adagrad_da": "AdagradDAOptimizer",
        "training.adadelta": "AdadeltaOptimizer",
        "training.adam": "AdamOptimizer",
        "training.ftrl": "FtrlOptimizer",
        "training.rmsprop": "RMSPropOptimizer",
        "training.proximal_gradient_descent": "ProximalGradientDescentOptimizer",
        "training.proximal_adagrad": "ProximalAdagradOptimizer",
        "training.learning_rate_decay": "cosine_decay cosine_decay_restarts exponential_decay "
                                        "inverse_time_decay linear_cosine_decay natural_exp_decay "
                                        "noisy_linear_cosine_decay piecewise_constant "
                                        "piecewise_constant_decay polynomial_decay",
        "training.moving_averages": "ExponentialMovingAverage",
        "training.training_util": "assert_global_step create_global_step get_global_step "
                                  "get_or_create_global_step global_step",
        "training.coordinator": "Coordinator LooperThread",
    },
}
