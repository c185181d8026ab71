# SPDX-License-Identifier: Apache-2.0
"""Gradient descent."""
from thalweg.ops import gen_training_ops, math_ops, state_ops
from thalweg.training import optimizer


class GradientDescentOptimizer(optimizer.Optimizer):
    """var -= learning_rate * grad"""

    def __init__(self, learning_rate, use_locking=False, name="GradientDescent"):
        optimizer.Optimizer.__init__(self, use_locking, name)
        self._learning_rate = learning_rate
        self._learning_rate_tensor = None

    def _rate(self, dtype):
        return math_ops.cast(self._learning_rate_tensor, dtype)

    def _apply_dense(self, grad, var):
        return gen_training_ops.apply_gradient_descent(
            var, self._rate(var.dtype.base_dtype), grad, use_locking=self._use_locking)

    def _apply_sparse_duplicate_indices(self, grad, var):
        # Repeated rows subtract one after the other, which is their sum.
        return state_ops.scatter_sub(var, grad.indices,
                                     grad.values * self._rate(var.dtype.base_dtype),
                                     use_locking=self._use_locking)

    _apply_sparse = _apply_sparse_duplicate_indices

    def _prepare(self):
        self._learning_rate_tensor = self._setting(self._learning_rate, "learning_rate")
