# SPDX-License-Identifier: Apache-2.0
"""Functions that programs give for ops: gradients, shapes, statistics. Gradients are handed to the
extension, which calls them while it differentiates."""
import collections

from thalweg import _core
from thalweg.framework import tensor_shape
from thalweg.framework.registry import Registry

_gradient_registry = Registry("gradient")
_shape_registry = Registry("shape functions")
_stats_registry = Registry("statistical functions")
shape_functions = {}  # op type: function of an Operation, or None for unknown shapes
_known = {}           # op type: whether the library has it


def is_known(op_type):
    """Whether the library itself has an op."""
    known = _known.get(op_type)
    if not known:
        known = _core.op_def(op_type) is not None
        if known:
            _known[op_type] = True
    return known


# ---- gradients ----

class RegisterGradient:
    """@RegisterGradient("Op"): the function (op, *grads) gives a gradient for each input."""

    def __init__(self, op_type):
        if not isinstance(op_type, str):
            raise TypeError("op_type must be a string")
        self._op_type = op_type

    def __call__(self, f):
        _check_no_builtin(self._op_type)
        _gradient_registry.register(f, self._op_type)
        _core.override_gradient(None, self._op_type, None if f is None else _calling(f))
        return f


def _check_no_builtin(op_type):
    definition = _core.op_def(op_type)
    if definition is not None and definition.has_gradient:
        raise KeyError("Registering two gradient with name '%s'! (the library has one)" % op_type)


def _calling(f):
    """The function as the extension calls it: in the operation's graph, with a list as answer."""
    def gradient(op, *grads):
        from thalweg.framework.conversion import wrap_grads
        with op.graph.as_default():
            return wrap_grads(op, f(op, *grads))
    return gradient


def NotDifferentiable(op_type):
    """Says that an op has no gradient, on purpose."""
    if not isinstance(op_type, str):
        raise TypeError("op_type must be a string")
    if not is_known(op_type):
        _core.override_gradient(None, op_type, lambda op, *grads: [None] * len(op.inputs))
    _gradient_registry.register(None, op_type)


NoGradient = NotDifferentiable


def get_gradient_function(op):
    """The function that gives an operation's gradient; None for one without inputs or without
    gradient; LookupError where nothing is registered."""
    if not op.inputs:
        return None
    name = op.type
    if op._attr_kind("_gradient_op_type") == "string":
        name = op._attr("_gradient_op_type").decode()
    if name in _gradient_registry._registry:
        return _gradient_registry.lookup(name) if _gradient_registry._registry[name][0] else None
    if is_known(name):
        return lambda op, *grads: _core.op_gradient(op, list(grads))
    return _gradient_registry.lookup(name)


# ---- shapes ----

class RegisterShape:
    """@RegisterShape("Op"): the function of an Operation gives its outputs' shapes, for ops that
    the library does not have. RegisterShape("Op")(None): they are unknown."""

    def __init__(self, op_type):
        if not isinstance(op_type, str):
            raise TypeError("op_type must be a string")
        self._op_type = op_type

    def __call__(self, f):
        _shape_registry.register(f or _unknown_shape, self._op_type)
        shape_functions[self._op_type] = f
        return f


def _unknown_shape(op):
    return [tensor_shape.unknown_shape() for _ in op._outputs]


def set_shapes_for_outputs(op):
    """Asks the function that was given for the op, and notes the shapes."""
    f = shape_functions.get(op.type)
    if f is None:
        return
    shapes = f(op)
    if shapes is None:
        raise RuntimeError("Shape function for op %s did not return any shapes" % op)
    if isinstance(shapes, dict):
        shapes = shapes["shapes"]
    if len(shapes) != len(op._outputs):
        raise RuntimeError("Shape function for op %s returned %d shapes but expected %d"
                           % (op, len(shapes), len(op._outputs)))
    for output, shape in zip(op._outputs, shapes):
        output.set_shape(shape)


# ---- statistics ----

class OpStats:
    """A number that says something of an operation; they can be added up."""

    def __init__(self, statistic_type, value=None):
        self.statistic_type = statistic_type
        self.value = value

    @property
    def statistic_type(self):
        return self._statistic_type

    @statistic_type.setter
    def statistic_type(self, statistic_type):
        self._statistic_type = statistic_type

    @property
    def value(self):
        return self._value

    @value.setter
    def value(self, value):
        self._value = value

    def __iadd__(self, other):
        if other.statistic_type != self.statistic_type:
            raise ValueError("Can't add an OpStat of type %s to one of %s."
                             % (self.statistic_type, other.statistic_type))
        if self.value is None:
            self.value = other.value
        elif other.value is not None:
            self._value += other.value
        return self


class RegisterStatistics:
    """@RegisterStatistics("Op", "flops"): the function (graph, node) gives an OpStats."""

    def __init__(self, op_type, statistic_type):
        if not isinstance(op_type, str):
            raise TypeError("op_type must be a string.")
        if "," in op_type:
            raise TypeError("op_type must not contain a comma.")
        if not isinstance(statistic_type, str):
            raise TypeError("statistic_type must be a string.")
        if "," in statistic_type:
            raise TypeError("statistic_type must not contain a comma.")
        self._op_type, self._statistic_type = op_type, statistic_type

    def __call__(self, f):
        _stats_registry.register(f, self._op_type + "," + self._statistic_type)
        return f


def get_stats_for_node_def(graph, node, statistic_type):
    """The OpStats of a node; without a value where nothing is registered."""
    try:
        f = _stats_registry.lookup(node.op + "," + statistic_type)
    except LookupError:
        return OpStats(statistic_type)
    return f(graph, node)


# ---- how members of collections are written and read ----

_ProtoFunctions = collections.namedtuple("_ProtoFunctions", "proto_type to_proto from_proto")
_proto_functions = Registry("proto functions")


def register_proto_function(collection_name, proto_type=None, to_proto=None, from_proto=None):
    """Says how the members of a collection become messages and come back."""
    if to_proto and not callable(to_proto):
        raise TypeError("to_proto must be callable.")
    if from_proto and not callable(from_proto):
        raise TypeError("from_proto must be callable.")
    _proto_functions.register(_ProtoFunctions(proto_type, to_proto, from_proto), collection_name)


def _register_variables():
    """The collections of variables; messages are costly to import, and seldom asked for."""
    from thalweg import protos
    from thalweg.framework.graph_keys import GraphKeys
    from thalweg.ops.variables import Variable
    for key in GraphKeys._VARIABLE_COLLECTIONS:
        if key not in _proto_functions.list():
            register_proto_function(key, protos.variable_pb2.VariableDef,
                                    lambda v, export_scope=None: v.to_proto(export_scope),
                                    Variable.from_proto)


def _proto_function(collection_name, field):
    _register_variables()
    try:
        return getattr(_proto_functions.lookup(collection_name), field)
    except LookupError:
        return None


def get_collection_proto_type(collection_name):
    """The message class of a collection's members, or None."""
    return _proto_function(collection_name, "proto_type")


def get_to_proto_function(collection_name):
    """The function that makes a message of a member, or None."""
    return _proto_function(collection_name, "to_proto")


def get_from_proto_function(collection_name):
    """The function that makes a member of a message, or None."""
    return _proto_function(collection_name, "from_proto")
