# SPDX-License-Identifier: Apache-2.0
"""Adam (Kingma and Ba 2014)."""
from thalweg.framework import ops
from thalweg.ops import control_flow_ops, gen_training_ops, math_ops, state_ops
from thalweg.training import optimizer


class AdamOptimizer(optimizer.Optimizer):
    """Steps by running means of the gradients and of their squares, both corrected for their
    beginning with zeros."""

    def __init__(self, learning_rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8,
                 use_locking=False, name="Adam"):
        optimizer.Optimizer.__init__(self, use_locking, name)
        self._lr, self._beta1, self._beta2, self._epsilon = learning_rate, beta1, beta2, epsilon
        self._lr_t = self._beta1_t = self._beta2_t = self._epsilon_t = None

    def _get_beta_accumulators(self):
        graph = ops.get_default_graph()
        return (self._get_non_slot_variable("beta1_power", graph),
                self._get_non_slot_variable("beta2_power", graph))

    @property
    def _beta1_power(self):
        return self._get_beta_accumulators()[0]

    @property
    def _beta2_power(self):
        return self._get_beta_accumulators()[1]

    def _create_slots(self, var_list):
        first = min(var_list, key=lambda var: var.name)
        self._create_non_slot_variable(self._call_if_callable(self._beta1), "beta1_power", first)
        self._create_non_slot_variable(self._call_if_callable(self._beta2), "beta2_power", first)
        for var in var_list:
            self._zeros_slot(var, "m", self._name)
            self._zeros_slot(var, "v", self._name)

    def _prepare(self):
        self._lr_t = self._setting(self._lr, "learning_rate")
        self._beta1_t = self._setting(self._beta1, "beta1")
        self._beta2_t = self._setting(self._beta2, "beta2")
        self._epsilon_t = self._setting(self._epsilon, "epsilon")

    def _settings(self, var):
        """The powers of the betas and the settings, in the variable's type."""
        power1, power2 = self._get_beta_accumulators()
        return [math_ops.cast(t, var.dtype.base_dtype) for t in (
            power1.value(), power2.value(), self._lr_t, self._beta1_t, self._beta2_t,
            self._epsilon_t)]

    def _apply_dense(self, grad, var):
        return gen_training_ops.apply_adam(
            var, self.get_slot(var, "m"), self.get_slot(var, "v"), *self._settings(var), grad,
            use_locking=self._use_locking)

    def _apply_sparse(self, grad, var):
        # All rows move, also those without a gradient: their means decay.
        power1, power2, rate, beta1, beta2, epsilon = self._settings(var)
        rate = rate * math_ops.sqrt(1 - power2) / (1 - power1)
        values, locking = grad.values, self._use_locking
        m = self._decayed(var, "m", beta1, values * (1 - beta1), grad.indices)
        v = self._decayed(var, "v", beta2, (values * values) * (1 - beta2), grad.indices)
        root = math_ops.sqrt(v)
        moved = state_ops.assign_sub(var, rate * m / (root + epsilon), use_locking=locking)
        return control_flow_ops.group(moved, m, v)

    def _decayed(self, var, slot_name, beta, values, indices):
        """slot = beta * slot, then rows of it get the values."""
        slot, locking = self.get_slot(var, slot_name), self._use_locking
        decayed = state_ops.assign(slot, slot * beta, use_locking=locking)
        with ops.control_dependencies([decayed]):
            return state_ops.scatter_add(slot, indices, values, use_locking=locking)

    def _finish(self, update_ops, name_scope):
        # The powers go on once all variables were updated.
        power1, power2 = self._get_beta_accumulators()
        with ops.control_dependencies(update_ops), ops.colocate_with(power1):
            next1 = power1.assign(power1 * self._beta1_t, use_locking=self._use_locking)
            next2 = power2.assign(power2 * self._beta2_t, use_locking=self._use_locking)
        return control_flow_ops.group(*update_ops, next1, next2, name=name_scope)
