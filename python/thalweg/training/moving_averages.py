# SPDX-License-Identifier: Apache-2.0
"""Averages of variables that follow them slowly."""
from thalweg.compat import behaviour
from thalweg.framework import dtypes, node_counts, ops
from thalweg.ops import (
    control_flow_ops, init_ops, math_ops, state_ops, variable_scope, variables)
from thalweg.training import slot_creator

_FLOATS = (dtypes.float16, dtypes.bfloat16, dtypes.float32, dtypes.float64)


def assign_moving_average(variable, value, decay, zero_debias=True, name=None):
    """variable -= (1 - decay) * (variable - value). With `zero_debias` a variable that begins with
    zeros is corrected for that."""
    with ops.name_scope(name, "AssignMovingAvg", [variable, value, decay]) as scope, \
            ops.colocate_with(variable):
        step = ops.convert_to_tensor(1.0 - decay, name="decay")
        if step.dtype.base_dtype != variable.dtype.base_dtype:
            step = math_ops.cast(step, variable.dtype.base_dtype)
        if zero_debias:
            change = _zero_debias(variable, value, step)
        else:
            change = (variable - value) * step
        return state_ops.assign_sub(variable, change, name=scope)


def _zero_debias(unbiased, value, step):
    """What to subtract from the average so that it is that of the values since the beginning: the
    plain average is kept beside it, and divided by the weight that they have by now."""
    with variable_scope.variable_scope(unbiased.op.name, values=[unbiased, value, step]) as scope, \
            ops.colocate_with(unbiased):
        with ops.init_scope():
            biased = _beside("biased", unbiased.get_shape(), unbiased.dtype.base_dtype)
            count = _beside("local_step", [], unbiased.dtype.base_dtype)
        moved = state_ops.assign_sub(biased, (biased - value) * step, name=scope.name)
        counted = count.assign_add(1)
        with ops.control_dependencies([moved, counted]):
            return unbiased - biased.read_value() / (
                1 - math_ops.pow(1.0 - step, count.read_value()))


def _beside(name, shape, dtype):
    """A variable of the current scope; another one of that name may be there already."""
    store = variable_scope._get_default_variable_store()
    scope = variable_scope.get_variable_scope().name
    number, free = 0, name
    while "%s/%s" % (scope, free) in store._vars:
        number += 1
        free = "%s_%d" % (name, number)
    made = variable_scope.VariableScope(False, scope).get_variable(
        store, free, shape=shape, dtype=dtype, initializer=init_ops.zeros_initializer(),
        trainable=False)
    return made


def weighted_moving_average(value, decay, weight, truediv=True, collections=None, name=None):
    """The average of the values so far, each with its weight and the older ones with less: the
    sum of values over the sum of weights, both kept in variables."""
    if collections is None:
        collections = [ops.GraphKeys.GLOBAL_VARIABLES]
    with variable_scope.variable_scope(name, "WeightedMovingAvg", [value, weight, decay]) as scope:
        value = ops.convert_to_tensor(value)

        def kept(what, shape, dtype):
            return variable_scope.get_variable(
                what, shape=shape, dtype=dtype, initializer=init_ops.zeros_initializer(),
                trainable=False, collections=collections)
        values = kept("value", value.get_shape(), value.dtype.base_dtype)
        weight = ops.convert_to_tensor(weight)
        weights = kept("weight", weight.get_shape(), weight.dtype.base_dtype)
        above = assign_moving_average(values, value * weight, decay, zero_debias=False)
        below = assign_moving_average(weights, weight, decay, zero_debias=False)
        divide = math_ops.truediv if truediv else math_ops.div
        return divide(above, below, name=scope.name.rpartition("/")[2])


class ExponentialMovingAverage:
    """Keeps an average of each variable in a shadow: shadow = decay * shadow + (1 - decay) *
    variable. With `num_updates` the decay is smaller in the beginning."""

    def __init__(self, decay, num_updates=None, zero_debias=False,
                 name="ExponentialMovingAverage"):
        if isinstance(zero_debias, str):  # the name came third once
            zero_debias, name = False, zero_debias
        self._decay, self._num_updates = decay, num_updates
        self._zero_debias, self._name = zero_debias, name
        self._averages = {}  # {key: (variable, shadow)}

    name = property(lambda self: self._name)

    @staticmethod
    def _key(var):
        return var.op.graph, var.name

    def apply(self, var_list=None):
        """Makes the shadows of the variables (the trainable ones by default) or tensors, and gives
        the operation that updates them."""
        var_list = variables.trainable_variables() if var_list is None else list(var_list)
        corrected = set()
        for var in var_list:
            if var.dtype.base_dtype not in _FLOATS:
                raise TypeError("The variables must be half, float, or double: %s" % var.name)
            if self._key(var) in self._averages:
                if behaviour.moving_averages == "once":
                    raise ValueError("Moving average already computed for: %s" % var.name)
            elif self._make_shadow(var):
                corrected.add(self._key(var))
        with ops.name_scope(self._name) as scope:
            decay = ops.convert_to_tensor(self._decay, name="decay")
            if self._num_updates is not None:
                count = math_ops.cast(self._num_updates, dtypes.float32, name="num_updates")
                decay = math_ops.minimum(decay, (1.0 + count) / (10.0 + count))
            updates = [assign_moving_average(self._averages[self._key(var)][1], var, decay,
                                             zero_debias=self._key(var) in corrected)
                       for var in var_list]
            return control_flow_ops.group(*updates, name=scope)

    def _make_shadow(self, var):
        """A variable begins with its value; a tensor with zeros, for which it may be corrected,
        which the result says."""
        is_variable = isinstance(var, variables.Variable)
        with ops.init_scope():
            if is_variable:
                shadow = slot_creator.create_slot(var, var.initialized_value(), self._name)
                node_counts.add(12)  # TensorFlow asks in the first value once more
                ops.add_to_collection(ops.GraphKeys.MOVING_AVERAGE_VARIABLES, var)
            else:
                shadow = slot_creator.create_zeros_slot(
                    var, self._name,
                    colocate_with_primary=var.op.type in ("Variable", "VariableV2"))
        self._averages[self._key(var)] = var, shadow
        return self._zero_debias and not is_variable

    def average(self, var):
        """The shadow of a variable, or None."""
        return self._averages.get(self._key(var), (None, None))[1]

    def average_name(self, var):
        """The name of the shadow, made or not."""
        if self._key(var) in self._averages:
            return self._averages[self._key(var)][1].op.name
        return ops.get_default_graph().unique_name(var.op.name + "/" + self._name,
                                                   mark_as_used=False)

    def variables_to_restore(self, moving_avg_variables=None):
        """{name: variable} with which a Saver puts averages where there are such: the variables'
        own names stand for those that have none."""
        if moving_avg_variables is None:
            moving_avg_variables = variables.trainable_variables() + \
                variables.moving_average_variables()
        averaged = {id(v): v for v in moving_avg_variables}
        names = {self.average_name(v): v for v in averaged.values()}
        taken = {v.name for v in averaged.values()}
        for var in variables.global_variables():
            if var.name not in taken and var.op.name not in names:
                names[var.op.name] = var
        return names
