# SPDX-License-Identifier: Apache-2.0
"""Adadelta (Zeiler 2012)."""
from thalweg.ops import gen_training_ops, math_ops
from thalweg.training import optimizer


class AdadeltaOptimizer(optimizer.Optimizer):
    """Steps as large as the mean square of earlier steps over that of the gradients."""

    def __init__(self, learning_rate=0.001, rho=0.95, epsilon=1e-8, use_locking=False,
                 name="Adadelta"):
        optimizer.Optimizer.__init__(self, use_locking, name)
        self._lr, self._rho, self._epsilon = learning_rate, rho, epsilon
        self._lr_t = self._rho_t = self._epsilon_t = None

    def _create_slots(self, var_list):
        for var in var_list:
            self._zeros_slot(var, "accum", self._name)
            self._zeros_slot(var, "accum_update", self._name)

    def _prepare(self):
        self._lr_t = self._setting(self._lr, "lr")
        self._rho_t = self._setting(self._rho, "rho")
        self._epsilon_t = self._setting(self._epsilon, "epsilon")

    def _inputs(self, var):
        dtype = var.dtype.base_dtype
        return (self.get_slot(var, "accum"), self.get_slot(var, "accum_update"),
                math_ops.cast(self._lr_t, dtype), math_ops.cast(self._rho_t, dtype),
                math_ops.cast(self._epsilon_t, dtype))

    def _apply_dense(self, grad, var):
        return gen_training_ops.apply_adadelta(var, *self._inputs(var), grad,
                                               use_locking=self._use_locking)

    def _apply_sparse(self, grad, var):
        return gen_training_ops.sparse_apply_adadelta(
            var, *self._inputs(var), grad.values, grad.indices, use_locking=self._use_locking)
