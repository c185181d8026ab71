# SPDX-License-Identifier: Apache-2.0
"""Adagrad by dual averaging (Duchi et al. 2011)."""
from thalweg.framework import dtypes, ops
from thalweg.ops import array_ops, gen_training_ops, init_ops, math_ops
from thalweg.training import optimizer


class AdagradDAOptimizer(optimizer.Optimizer):
    """Sums of the gradients and of their squares give the variable anew at each step, with
    regularization as strong as if it stood in the loss."""

    def __init__(self, learning_rate, global_step, initial_gradient_squared_accumulator_value=0.1,
                 l1_regularization_strength=0.0, l2_regularization_strength=0.0,
                 use_locking=False, name="AdagradDA"):
        if initial_gradient_squared_accumulator_value <= 0.0:
            raise ValueError("initial_gradient_squared_accumulator_value must be positive: %s"
                             % initial_gradient_squared_accumulator_value)
        optimizer.Optimizer.__init__(self, use_locking, name)
        self._learning_rate, self._global_step = learning_rate, global_step
        self._initial_gradient_squared_accumulator_value = \
            initial_gradient_squared_accumulator_value
        self._l1_regularization_strength = l1_regularization_strength
        self._l2_regularization_strength = l2_regularization_strength
        self._learning_rate_tensor = None

    def _create_slots(self, var_list):
        for var in var_list:
            self._filled_slot(var, init_ops.zeros_initializer(), "gradient_accumulator")
            self._filled_slot(var, init_ops.constant_initializer(
                self._initial_gradient_squared_accumulator_value), "gradient_squared_accumulator")

    def _prepare(self):
        self._learning_rate_tensor = self._setting(self._learning_rate, "learning_rate")

    def _settings(self, var):
        """The slots, and the settings in the variable's type; the step is counted from 1."""
        dtype = var.dtype.base_dtype
        step = array_ops.identity(ops.convert_to_tensor(self._global_step)) + 1
        return (self.get_slot(var, "gradient_accumulator"),
                self.get_slot(var, "gradient_squared_accumulator"),
                math_ops.cast(self._learning_rate_tensor, dtype),
                math_ops.cast(self._l1_regularization_strength, dtype),
                math_ops.cast(self._l2_regularization_strength, dtype),
                math_ops.cast(step, dtypes.int64))

    def _apply_dense(self, grad, var):
        sums, squares, rate, l1, l2, step = self._settings(var)
        return gen_training_ops.apply_adagrad_da(var, sums, squares, grad, rate, l1, l2, step,
                                                 use_locking=self._use_locking)

    def _apply_sparse(self, grad, var):
        sums, squares, rate, l1, l2, step = self._settings(var)
        return gen_training_ops.sparse_apply_adagrad_da(
            var, sums, squares, grad.values, grad.indices, rate, l1, l2, step,
            use_locking=self._use_locking)
