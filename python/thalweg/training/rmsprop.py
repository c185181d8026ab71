# SPDX-License-Identifier: Apache-2.0
"""RMSProp (Tieleman and Hinton 2012)."""
from thalweg.ops import gen_training_ops, init_ops, math_ops
from thalweg.training import optimizer


class RMSPropOptimizer(optimizer.Optimizer):
    """Steps by gradients over the root of the running mean of their squares, with momentum;
    `centered` takes the squared running mean of the gradients off first."""

    def __init__(self, learning_rate, decay=0.9, momentum=0.0, epsilon=1e-10, use_locking=False,
                 centered=False, name="RMSProp"):
        optimizer.Optimizer.__init__(self, use_locking, name)
        self._learning_rate, self._decay, self._momentum = learning_rate, decay, momentum
        self._epsilon, self._centered = epsilon, centered
        self._learning_rate_tensor = self._decay_tensor = None
        self._momentum_tensor = self._epsilon_tensor = None

    def _create_slots(self, var_list):
        for var in var_list:
            self._filled_slot(var, init_ops.ones_initializer(), "rms")
            if self._centered:
                self._zeros_slot(var, "mg", self._name)
            self._zeros_slot(var, "momentum", self._name)

    def _prepare(self):
        self._learning_rate_tensor = self._setting(self._learning_rate, "learning_rate")
        self._decay_tensor = self._setting(self._decay, "decay")
        self._momentum_tensor = self._setting(self._momentum, "momentum")
        self._epsilon_tensor = self._setting(self._epsilon, "epsilon")

    def _inputs(self, var):
        """The slots, and the settings in the variable's type."""
        names = ("mg", "rms", "momentum") if self._centered else ("rms", "momentum")
        return [self.get_slot(var, name) for name in names] + [
            math_ops.cast(t, var.dtype.base_dtype) for t in (
                self._learning_rate_tensor, self._decay_tensor, self._momentum_tensor,
                self._epsilon_tensor)]

    def _apply_dense(self, grad, var):
        apply = gen_training_ops.apply_centered_rms_prop if self._centered else \
            gen_training_ops.apply_rms_prop
        return apply(var, *self._inputs(var), grad, use_locking=self._use_locking)

    def _apply_sparse(self, grad, var):
        apply = gen_training_ops.sparse_apply_centered_rms_prop if self._centered else \
            gen_training_ops.sparse_apply_rms_prop
        return apply(var, *self._inputs(var), grad.values, grad.indices,
                     use_locking=self._use_locking)
