# SPDX-License-Identifier: Apache-2.0
"""Proximal gradient descent (Duchi and Singer 2009)."""
from thalweg.ops import gen_training_ops
from thalweg.training import optimizer


class ProximalGradientDescentOptimizer(optimizer.Optimizer):
    """Gradient descent, then a step towards zero that L1 and L2 regularization make."""

    def __init__(self, learning_rate, l1_regularization_strength=0.0,
                 l2_regularization_strength=0.0, use_locking=False,
                 name="ProximalGradientDescent"):
        optimizer.Optimizer.__init__(self, use_locking, name)
        self._learning_rate = learning_rate
        self._l1_regularization_strength = l1_regularization_strength
        self._l2_regularization_strength = l2_regularization_strength
        self._l1_regularization_strength_tensor = self._l2_regularization_strength_tensor = None

    def _prepare(self):
        self._learning_rate_tensor = self._setting(self._learning_rate, "learning_rate")
        self._l1_regularization_strength_tensor = self._setting(
            self._l1_regularization_strength, "l1_regularization_strength")
        self._l2_regularization_strength_tensor = self._setting(
            self._l2_regularization_strength, "l2_regularization_strength")

    def _settings(self):
        return (self._learning_rate_tensor, self._l1_regularization_strength_tensor,
                self._l2_regularization_strength_tensor)

    def _apply_dense(self, grad, var):
        return gen_training_ops.apply_proximal_gradient_descent(
            var, *self._settings(), grad, use_locking=self._use_locking)

    def _apply_sparse(self, grad, var):
        return gen_training_ops.sparse_apply_proximal_gradient_descent(
            var, *self._settings(), grad.values, grad.indices, use_locking=self._use_locking)
