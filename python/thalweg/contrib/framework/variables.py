# SPDX-License-Identifier: Apache-2.0
"""Variables of models, and where they are found."""
import re

from thalweg.contrib.framework.scoped_arguments import add_arg_scope
from thalweg.framework import device as device_module
from thalweg.framework import ops
from thalweg.ops import state_ops, variable_scope
from thalweg.ops import variables as _variables


def _scope_of(scope):
    return scope.name if isinstance(scope, variable_scope.VariableScope) else scope


@add_arg_scope
def variable(name, shape=None, dtype=None, initializer=None, regularizer=None, trainable=True,
             collections=None, caching_device=None, device=None, partitioner=None,
             custom_getter=None, use_resource=None, synchronization=None, aggregation=None):
    """A variable found or made, on a device."""
    del synchronization, aggregation
    collections = list(collections) if collections is not None else [
        ops.GraphKeys.GLOBAL_VARIABLES]
    if callable(device):
        device = device(None)
    with ops.device(device or ""):
        return variable_scope.get_variable(
            name, shape=shape, dtype=dtype, initializer=initializer, regularizer=regularizer,
            trainable=trainable, collections=list(dict.fromkeys(collections)),
            caching_device=caching_device, partitioner=partitioner, custom_getter=custom_getter,
            use_resource=use_resource)


@add_arg_scope
def model_variable(name, shape=None, dtype=None, initializer=None, regularizer=None,
                   trainable=True, collections=None, caching_device=None, device=None,
                   partitioner=None, custom_getter=None, use_resource=None, synchronization=None,
                   aggregation=None):
    """A variable that belongs to the model: it is in MODEL_VARIABLES too."""
    collections = list(collections or ()) + [ops.GraphKeys.GLOBAL_VARIABLES,
                                             ops.GraphKeys.MODEL_VARIABLES]
    return variable(name, shape, dtype, initializer, regularizer, trainable, collections,
                    caching_device, device, partitioner, custom_getter, use_resource)


def local_variable(initial_value, validate_shape=True, name=None, use_resource=None):
    """A variable that is neither trained nor saved."""
    del use_resource
    return _variables.Variable(initial_value, trainable=False, validate_shape=validate_shape,
                               name=name, collections=[ops.GraphKeys.LOCAL_VARIABLES])


def add_model_variable(var):
    """Puts a variable into MODEL_VARIABLES, once."""
    if var not in ops.get_collection(ops.GraphKeys.MODEL_VARIABLES):
        ops.add_to_collection(ops.GraphKeys.MODEL_VARIABLES, var)


def get_variables(scope=None, suffix=None, collection=ops.GraphKeys.GLOBAL_VARIABLES):
    """The variables of a collection in a scope, those whose names end in `suffix`."""
    scope = _scope_of(scope)
    if suffix is not None:
        scope = (scope or "") + ".*" + (suffix if ":" in suffix else suffix + "$")
        return [v for v in ops.get_collection(collection) if re.match(scope, v.op.name)
                or re.match(scope, v.name)]
    return ops.get_collection(collection, scope)


def get_model_variables(scope=None, suffix=None):
    """The variables of the model."""
    return get_variables(scope, suffix, ops.GraphKeys.MODEL_VARIABLES)


def get_local_variables(scope=None, suffix=None):
    """The local variables."""
    return get_variables(scope, suffix, ops.GraphKeys.LOCAL_VARIABLES)


def get_trainable_variables(scope=None, suffix=None):
    """The variables that are trained."""
    return get_variables(scope, suffix, ops.GraphKeys.TRAINABLE_VARIABLES)


def get_variables_by_name(given_name, scope=None):
    """The variables with a name, in any scope below the one given."""
    return [v for v in get_variables(scope)
            if re.search("(^|/)" + re.escape(given_name) + "(:|$)", v.op.name + ":")]


def get_variables_by_suffix(suffix, scope=None):
    """The variables whose names end so."""
    return get_variables(scope=scope, suffix=suffix)


def get_unique_variable(var_op_name):
    """The variable of that name; a ValueError unless there is just one."""
    found = [v for v in get_variables(scope=var_op_name) if v.op.name == var_op_name]
    if len(found) != 1:
        raise ValueError("Variable %s %s" % (var_op_name, "is not unique" if found else
                                             "does not match any variable"))
    return found[0]


def get_variables_to_restore(include=None, exclude=None):
    """The variables in the scopes included, or all, without those in the scopes excluded."""
    found = []
    for scope in include if include is not None else [None]:
        found += [v for v in get_variables(scope) if v not in found]
    gone = {v for scope in exclude or () for v in get_variables(scope)}
    return [v for v in found if v not in gone]


def filter_variables(var_list, include_patterns=None, exclude_patterns=None, reg_search=True):
    """The variables whose names have one of the patterns and none of the others."""
    find = re.search if reg_search else re.match
    if not include_patterns:
        included = list(var_list)
    else:
        included = [v for v in var_list if any(find(p, v.name) for p in include_patterns)]
    return [v for v in included if not any(find(p, v.name) for p in exclude_patterns or ())]


def assign_from_values(var_names_to_values):
    """(an operation that gives variables their values, the feeds that it needs)"""
    assigned, feeds = [], {}
    from thalweg.ops import array_creation, control_flow_ops
    for name in var_names_to_values:
        found = get_unique_variable(name)
        place = array_creation.placeholder(found.dtype.base_dtype,
                                           name="placeholder/" + name)
        assigned.append(state_ops.assign(found, place))
        feeds[place] = var_names_to_values[name].reshape(found.get_shape().as_list())
    return control_flow_ops.group(*assigned), feeds


def assign_from_values_fn(var_names_to_values):
    """A function of a session that gives variables their values."""
    op, feeds = assign_from_values(var_names_to_values)
    return lambda session: session.run(op, feeds)


class VariableDeviceChooser:
    """Deals variables out to devices, one after the other."""

    def __init__(self, num_tasks=0, job_name="ps", device_type="CPU", device_index=0, replica=None):
        self._job_name, self._device_type, self._device_index = job_name, device_type, device_index
        self._replica, self._num_tasks, self._next = replica, num_tasks, 0

    def __call__(self, op):
        del op
        spec = device_module.DeviceSpec(replica=self._replica, device_type=self._device_type,
                                        device_index=self._device_index)
        if self._num_tasks > 0:
            spec.job, spec.task = self._job_name, self._next
            self._next = (self._next + 1) % self._num_tasks
        return spec.to_string()


def get_variable_full_name(var):
    """The name under which a variable, or a part of one, is saved."""
    return var._save_slice_info.full_name if getattr(var, "_save_slice_info", None) else \
        var.op.name
