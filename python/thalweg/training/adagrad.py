# SPDX-License-Identifier: Apache-2.0
"""Adagrad (Duchi et al. 2011)."""
from thalweg.ops import gen_training_ops, init_ops, math_ops
from thalweg.training import optimizer


class AdagradOptimizer(optimizer.Optimizer):
    """accumulator += grad^2; var -= learning_rate * grad / sqrt(accumulator)"""

    def __init__(self, learning_rate, initial_accumulator_value=0.1, use_locking=False,
                 name="Adagrad"):
        if initial_accumulator_value <= 0.0:
            raise ValueError("initial_accumulator_value must be positive: %s"
                             % initial_accumulator_value)
        optimizer.Optimizer.__init__(self, use_locking, name)
        self._learning_rate = learning_rate
        self._initial_accumulator_value = initial_accumulator_value
        self._learning_rate_tensor = None

    def _create_slots(self, var_list):
        for var in var_list:
            self._filled_slot(var, init_ops.constant_initializer(
                self._initial_accumulator_value), "accumulator")

    def _prepare(self):
        self._learning_rate_tensor = self._setting(self._learning_rate, "learning_rate")

    def _apply_dense(self, grad, var):
        return gen_training_ops.apply_adagrad(
            var, self.get_slot(var, "accumulator"),
            math_ops.cast(self._learning_rate_tensor, var.dtype.base_dtype), grad,
            use_locking=self._use_locking)

    def _apply_sparse(self, grad, var):
        return gen_training_ops.sparse_apply_adagrad(
            var, self.get_slot(var, "accumulator"),
            math_ops.cast(self._learning_rate_tensor, var.dtype.base_dtype), grad.values,
            grad.indices, use_locking=self._use_locking)
