# SPDX-License-Identifier: Apache-2.0
"""FTRL-Proximal (McMahan et al. 2013)."""
from thalweg.ops import gen_training_ops, init_ops, math_ops
from thalweg.training import optimizer


class FtrlOptimizer(optimizer.Optimizer):
    """Follows the regularized leader: L1 regularization makes weights that are zero."""

    def __init__(self, learning_rate, learning_rate_power=-0.5, initial_accumulator_value=0.1,
                 l1_regularization_strength=0.0, l2_regularization_strength=0.0,
                 use_locking=False, name="Ftrl", accum_name=None, linear_name=None,
                 l2_shrinkage_regularization_strength=0.0):
        optimizer.Optimizer.__init__(self, use_locking, name)
        for what, value, wrong, sign in (
                ("initial_accumulator_value", initial_accumulator_value,
                 initial_accumulator_value < 0.0, "positive or zero"),
                ("learning_rate_power", learning_rate_power, learning_rate_power > 0.0,
                 "negative or zero"),
                ("l1_regularization_strength", l1_regularization_strength,
                 l1_regularization_strength < 0.0, "positive or zero"),
                ("l2_regularization_strength", l2_regularization_strength,
                 l2_regularization_strength < 0.0, "positive or zero"),
                ("l2_shrinkage_regularization_strength", l2_shrinkage_regularization_strength,
                 l2_shrinkage_regularization_strength < 0.0, "positive or zero")):
            if wrong:
                raise ValueError("%s %s needs to be %s" % (what, value, sign))
        self._learning_rate, self._learning_rate_power = learning_rate, learning_rate_power
        self._initial_accumulator_value = initial_accumulator_value
        self._l1_regularization_strength = l1_regularization_strength
        self._l2_regularization_strength = l2_regularization_strength
        self._l2_shrinkage_regularization_strength = l2_shrinkage_regularization_strength
        self._accum_name, self._linear_name = accum_name, linear_name
        self._learning_rate_tensor = self._learning_rate_power_tensor = None

    def _create_slots(self, var_list):
        for var in var_list:
            self._get_or_make_slot_with_initializer(
                var, init_ops.constant_initializer(self._initial_accumulator_value),
                var.get_shape(), var.dtype.base_dtype, "accum", self._accum_name or self._name)
            self._zeros_slot(var, "linear", self._linear_name or self._name)

    def _prepare(self):
        self._learning_rate_tensor = self._setting(self._learning_rate, "learning_rate")
        self._l1_tensor = self._setting(self._l1_regularization_strength,
                                        "l1_regularization_strength")
        self._l2_tensor = self._setting(self._l2_regularization_strength,
                                        "l2_regularization_strength")
        self._shrinkage_tensor = self._setting(self._l2_shrinkage_regularization_strength,
                                               "l2_shrinkage_regularization_strength")
        self._learning_rate_power_tensor = self._setting(self._learning_rate_power,
                                                         "learning_rate_power")

    def _apply(self, kind, var, gradient):
        shrinks = self._l2_shrinkage_regularization_strength > 0.0
        settings = (self._learning_rate_tensor, self._l1_tensor, self._l2_tensor) + (
            (self._shrinkage_tensor,) if shrinks else ()) + (self._learning_rate_power_tensor,)
        apply = getattr(gen_training_ops, kind + ("_v2" if shrinks else ""))
        return apply(var, self.get_slot(var, "accum"), self.get_slot(var, "linear"), *gradient,
                     *[math_ops.cast(t, var.dtype.base_dtype) for t in settings],
                     use_locking=self._use_locking)

    def _apply_dense(self, grad, var):
        return self._apply("apply_ftrl", var, (grad,))

    def _apply_sparse(self, grad, var):
        return self._apply("sparse_apply_ftrl", var, (grad.values, grad.indices))
