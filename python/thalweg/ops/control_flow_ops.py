# SPDX-License-Identifier: Apache-2.0
"""Control flow: conditions, loops, choices, and what orders operations."""
from thalweg.compat import behaviour
from thalweg.framework import ops
from thalweg.ops import control_flow_nodes
from thalweg.ops.control_flow_case import Assert, case, switch_case  # noqa: F401
from thalweg.ops.control_flow_cond import cond  # noqa: F401
from thalweg.ops.control_flow_context import (  # noqa: F401
    CondContext, ControlFlowContext, WhileContext)
from thalweg.ops.control_flow_nodes import (  # noqa: F401
    _Enter, _Identity, _Merge, _NextIteration, _SwitchRefOrTensor, control_trigger, enter, exit,
    loop_cond, merge, next_iteration, no_op, ref_select, switch)
from thalweg.ops.control_flow_while import While, while_loop  # noqa: F401
from thalweg.util import nest

_basetuple = tuple  # `tuple` is a function of this module


def with_dependencies(dependencies, output_tensor, name=None):
    """`output_tensor` (or IndexedSlices), known only after `dependencies` have run."""
    with ops.name_scope(name, "control_dependency",
                        list(dependencies) + [output_tensor]) as scope:
        place = output_tensor if hasattr(output_tensor, "device") else \
            ops.convert_to_tensor(output_tensor)
        with _placed_with(place), ops.control_dependencies(dependencies):
            output = control_flow_nodes._as_tensors(output_tensor, as_ref=False)
            if isinstance(output, ops.Tensor):
                return _Identity(output, name=scope)
            return ops.IndexedSlices(_Identity(output.values, name=scope), output.indices,
                                     output.dense_shape)


def _placed_with(output):
    """A dependent value stands with the value itself."""
    if behaviour.dependent_place == "device":
        return ops.device(output.device)
    return ops.colocate_with(output)


def _group_on_device(device, inputs, name=None):
    with ops.control_dependencies(inputs):
        if device is None:
            return no_op(name=name)
        with ops.device(device):
            return no_op(name=name)


def group(*inputs, **kwargs):
    """An operation without a value that has run when all `inputs` (operations, tensors, lists of
    them) have run. Those of one device are gathered there first."""
    name = kwargs.pop("name", None)
    if kwargs:
        raise ValueError("Unknown keyword arguments: " + ", ".join(kwargs))
    with ops.name_scope(name, "group_deps", inputs) as scope:
        by_device = {}
        for item in nest.flatten(inputs, expand_composites=True):
            if not hasattr(item, "device"):
                raise TypeError("Expected tf.group() expected Tensor arguments not '%s' with type "
                                "'%s'" % (item, type(item)))
            by_device.setdefault(item.device, []).append(item)
        if not by_device:
            return no_op(name=scope)
        if len(by_device) == 1:
            (device, items), = by_device.items()
            return _group_on_device(device, items, scope)
        gathered = [_group_on_device(device, by_device[device])
                    for device in sorted(by_device, key=lambda device: device or "")]
        return _group_on_device(None, gathered, scope)


def _as_control_input(thing):
    if isinstance(thing, (ops.Tensor, ops.IndexedSlices)):
        return thing.op
    if isinstance(thing, ops.Operation):
        return thing
    converted = getattr(thing, "_as_graph_element", lambda: None)()
    if converted is None:
        raise TypeError("Control input must be Operation or Tensor: %s" % (thing,))
    return converted if isinstance(converted, ops.Operation) else converted.op


def tuple(tensors, name=None, control_inputs=None):  # pylint: disable=redefined-builtin
    """The same tensors (None stays None), known only after all of them and `control_inputs`."""
    with ops.name_scope(name, "tuple", tensors):
        tensors = [tensor if tensor is None or isinstance(tensor, ops.Operation)
                   else control_flow_nodes._as_tensors(tensor, as_ref=False)
                   for tensor in tensors]
        gates = [tensor if isinstance(tensor, ops.Operation) else tensor.op
                 for tensor in tensors if tensor is not None]
        gates += [_as_control_input(thing) for thing in control_inputs or []]
        if not gates:
            raise ValueError("Must have at least one Tensor: %s" % (tensors,))
        gate = group(*sorted(set(gates), key=lambda op: op._id))
        return [with_dependencies([gate], tensor)
                if tensor is not None and not isinstance(tensor, ops.Operation)
                else (None if tensor is None else gate) for tensor in tensors]
