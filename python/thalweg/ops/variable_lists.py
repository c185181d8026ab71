# SPDX-License-Identifier: Apache-2.0
"""The variables of the default graph, by collection, and operations on many of them."""
from thalweg.framework import dtypes, ops
from thalweg.framework.graph_keys import GraphKeys


def _listed(key, what):
    def variables(scope=None):
        return ops.get_collection(key, scope)
    variables.__doc__ = ("A list of the %s variables; `scope` is a regular expression for the "
                         "beginnings of their names." % what)
    return variables


def _named(function, name):
    function.__name__ = function.__qualname__ = name
    return function


global_variables = _named(_listed(GraphKeys.GLOBAL_VARIABLES, "global"), "global_variables")
local_variables = _named(_listed(GraphKeys.LOCAL_VARIABLES, "local"), "local_variables")
model_variables = _named(_listed(GraphKeys.MODEL_VARIABLES, "model's"), "model_variables")
trainable_variables = _named(_listed(GraphKeys.TRAINABLE_VARIABLES, "trainable"),
                             "trainable_variables")
moving_average_variables = _named(
    _listed(GraphKeys.MOVING_AVERAGE_VARIABLES, "averaged"), "moving_average_variables")


def all_variables():
    """The older name of global_variables()."""
    return global_variables()


def _all_saveable_objects(scope=None):
    return ops.get_collection(GraphKeys.GLOBAL_VARIABLES, scope) + \
        ops.get_collection(GraphKeys.SAVEABLE_OBJECTS, scope)


def variables_initializer(var_list, name="init"):
    """An operation that gives all the variables their first values."""
    from thalweg.ops import control_flow_ops
    if var_list:
        return control_flow_ops.group(*[v.initializer for v in var_list], name=name)
    return control_flow_ops.no_op(name=name)


def initialize_variables(var_list, name="init"):
    """The older name of variables_initializer()."""
    return variables_initializer(var_list, name)


def global_variables_initializer():
    """An operation that gives all global variables their first values."""
    return variables_initializer(global_variables())


def initialize_all_variables():
    """The older name of global_variables_initializer()."""
    return global_variables_initializer()


def local_variables_initializer():
    """An operation that gives all local variables their first values."""
    return variables_initializer(local_variables())


def initialize_local_variables():
    """The older name of local_variables_initializer()."""
    return local_variables_initializer()


def is_variable_initialized(variable):
    """A tensor: whether the variable has a value."""
    from thalweg.ops import state_ops
    return state_ops.is_variable_initialized(variable)


def _found(var_list):
    """The given variables, or the global and local ones, or the variable operations."""
    if var_list is None:
        var_list = global_variables() + local_variables()
        if not var_list:
            var_list = [op.outputs[0] for op in ops.get_default_graph().get_operations()
                        if op.type in ("Variable", "VariableV2", "AutoReloadVariable")]
    return var_list


def assert_variables_initialized(var_list=None):
    """An operation that fails while one of the variables has no value; None without variables."""
    from thalweg.ops import array_ops
    var_list = _found(var_list)
    if not var_list:
        return None
    ranks = []
    for var in var_list:
        # A rank is known without the value: it is the read that fails.
        with ops.colocate_with(var.op), ops.control_dependencies([array_ops.identity(var)]):
            ranks.append(array_ops.rank_internal(var, optimize=False))
    if len(ranks) == 1:
        return ranks[0]
    return array_ops.stack(ranks)


def report_uninitialized_variables(var_list=None, name="report_uninitialized_variables"):
    """A tensor of the names of those variables that have no value."""
    import numpy as np
    from thalweg.ops import array_ops, gen_math_ops, state_ops
    var_list = _found(var_list)
    with ops.name_scope(name), ops.device("/cpu:0" if var_list else None):
        if not var_list:
            return array_ops.constant([], dtype=dtypes.string)
        missing = gen_math_ops.logical_not(
            array_ops.stack([state_ops.is_variable_initialized(v) for v in var_list]))
        names = array_ops.constant(np.array([v.op.name.encode() for v in var_list], object),
                                   dtype=dtypes.string)
        return array_ops.boolean_mask(names, missing)
