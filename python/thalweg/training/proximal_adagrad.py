# SPDX-License-Identifier: Apache-2.0
"""Proximal Adagrad (Duchi and Singer 2009, Duchi et al. 2011)."""
from thalweg.ops import gen_training_ops, init_ops
from thalweg.training import proximal_gradient_descent


class ProximalAdagradOptimizer(proximal_gradient_descent.ProximalGradientDescentOptimizer):
    """Adagrad, then a step towards zero that L1 and L2 regularization make."""

    def __init__(self, learning_rate, initial_accumulator_value=0.1,
                 l1_regularization_strength=0.0, l2_regularization_strength=0.0,
                 use_locking=False, name="ProximalAdagrad"):
        if initial_accumulator_value <= 0.0:
            raise ValueError("initial_accumulator_value must be positive: %s"
                             % initial_accumulator_value)
        proximal_gradient_descent.ProximalGradientDescentOptimizer.__init__(
            self, learning_rate, l1_regularization_strength, l2_regularization_strength,
            use_locking, name)
        self._initial_accumulator_value = initial_accumulator_value

    def _create_slots(self, var_list):
        for var in var_list:
            self._filled_slot(var, init_ops.constant_initializer(
                self._initial_accumulator_value), "accumulator")

    def _apply_dense(self, grad, var):
        return gen_training_ops.apply_proximal_adagrad(
            var, self.get_slot(var, "accumulator"), *self._settings(), grad,
            use_locking=self._use_locking)

    def _apply_sparse(self, grad, var):
        return gen_training_ops.sparse_apply_proximal_adagrad(
            var, self.get_slot(var, "accumulator"), *self._settings(), grad.values, grad.indices,
            use_locking=self._use_locking)
