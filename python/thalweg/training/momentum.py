# SPDX-License-Identifier: Apache-2.0
"""Gradient descent with momentum."""
from thalweg.ops import gen_training_ops, math_ops
from thalweg.training import optimizer


class MomentumOptimizer(optimizer.Optimizer):
    """accumulation = momentum * accumulation + grad; var -= learning_rate * accumulation. With
    `use_nesterov` var -= learning_rate * (grad + momentum * accumulation)."""

    def __init__(self, learning_rate, momentum, use_locking=False, name="Momentum",
                 use_nesterov=False):
        optimizer.Optimizer.__init__(self, use_locking, name)
        self._learning_rate, self._momentum = learning_rate, momentum
        self._use_nesterov = use_nesterov

    def _create_slots(self, var_list):
        for var in var_list:
            self._zeros_slot(var, "momentum", self._name)

    def _prepare(self):
        self._learning_rate_tensor = self._setting(self._learning_rate, "learning_rate")
        self._momentum_tensor = self._setting(self._momentum, "momentum")

    def _apply_dense(self, grad, var):
        dtype = var.dtype.base_dtype
        return gen_training_ops.apply_momentum(
            var, self.get_slot(var, "momentum"), math_ops.cast(self._learning_rate_tensor, dtype),
            grad, math_ops.cast(self._momentum_tensor, dtype), use_locking=self._use_locking,
            use_nesterov=self._use_nesterov)

    def _apply_sparse(self, grad, var):
        dtype = var.dtype.base_dtype
        return gen_training_ops.sparse_apply_momentum(
            var, self.get_slot(var, "momentum"), math_ops.cast(self._learning_rate_tensor, dtype),
            grad.values, grad.indices, math_ops.cast(self._momentum_tensor, dtype),
            use_locking=self._use_locking, use_nesterov=self._use_nesterov)
