# SPDX-License-Identifier: Apache-2.0
"""Operation: a node of a graph."""
import linecache
import re

from thalweg import _core
from thalweg.compat import behaviour
from thalweg.framework import device as pydev
from thalweg.framework import dtypes
from thalweg.framework.tensor import Tensor

VALID_OP_NAME = re.compile("^[A-Za-z0-9.][A-Za-z0-9_.\\-/]*$")
VALID_SCOPE_NAME = re.compile("^[A-Za-z0-9_.\\-/]*$")
_UNSET = object()


class Operation(_core.Operation):
    """A node of a graph: `type`, `name`, `inputs`, `outputs`, `control_inputs`, `device`, `graph`.
    Made by Graph.create_op and by the functions that build on it."""

    _control_context = _UNSET
    _said_original_op = None
    _gradient_function = None

    def __init__(self, node_def, g=None, inputs=None, output_types=None, control_inputs=None,
                 input_types=None, original_op=None, op_def=None):
        """Adds an operation that a NodeDef describes, under exactly its name."""
        from thalweg.framework import graph, node_defs
        if not node_defs.is_node_def(node_def):
            raise TypeError("node_def needs to be a NodeDef: %s" % (node_def,))
        if not VALID_OP_NAME.match(node_def.name):
            raise ValueError("'%s' is not a valid node name" % node_def.name)
        if not isinstance(g, graph.Graph):
            raise TypeError("g needs to be a Graph: %s" % (g,))
        inputs = list(_checked_list(inputs, "inputs"))
        for tensor in inputs:
            if not isinstance(tensor, Tensor):
                raise TypeError("input needs to be a Tensor: %s" % (tensor,))
        _check_input_types(node_def.name, inputs, input_types)
        controls = [_operation_of(c) for c in control_inputs or ()]
        attrs = node_defs.attrs_from_protos(dict(node_def.attr))
        g._add(node_def.op, node_def.name + "/", inputs, None, attrs, controls, node_def.device,
               [dtypes.as_dtype(t) for t in output_types or ()], self)
        if original_op is not None:
            self._original_op = original_op
        g._after_add(self, False)

    # ---- what it says ----

    @property
    def _original_op(self):
        """The operation that this one was made for: what was said, or what it differentiates."""
        if self._said_original_op is None and any(
                first <= self._id < end for first, end in self.graph._made_by_gradients):
            self._said_original_op = self._differentiated()
        return self._said_original_op

    @_original_op.setter
    def _original_op(self, op):
        self._said_original_op = op

    def _differentiated(self):
        """The operation X of a name .../X_grad/...; the scope before it may have several parts."""
        scope = self.name.rpartition("_grad/")[0].split("/")
        for begin in range(1, len(scope)):
            try:
                return self.graph._operation("/".join(scope[begin:]))
            except KeyError:
                continue
        return None

    @property
    def _id_value(self):
        return self._id

    def values(self):
        """A tuple of the outputs."""
        return self._outputs

    @property
    def _inputs(self):
        return list(self.inputs)

    @property
    def _control_inputs(self):
        return self.control_inputs

    @property
    def _control_outputs(self):
        """The operations that wait for this one."""
        return [op for op in self.graph.get_operations() if self in op.control_inputs]

    @property
    def _input_dtypes(self):
        return [t.dtype for t in self.inputs]

    _input_types = _input_dtypes

    @property
    def _output_types(self):
        return [t.dtype.as_datatype_enum for t in self._outputs]

    def _recompute_node_def(self):
        pass

    @property
    def node_def(self):
        """The operation as a NodeDef."""
        from thalweg.framework import node_defs
        return node_defs.node_def_of(self)

    _node_def = node_def

    @property
    def op_def(self):
        """The OpDef of its type."""
        from thalweg.framework import op_def_registry
        return op_def_registry.get(self.type)

    _op_def = op_def

    @property
    def traceback(self):
        """[(file, line, function, text)]: the user's line that made it."""
        where = self._where
        if where is None:
            return []
        return [where + ("<module>", linecache.getline(*where).strip() or None)]

    _traceback = traceback

    def colocation_groups(self):
        """The groups of operations that have to be on one device."""
        own = [("loc:@" + self.name).encode()]
        if self._attr_kind("_class") != "list(string)":
            return own
        return [g for g in self._attr("_class") if g.startswith(b"loc:@")] or own

    def get_attr(self, name):
        """An attribute's value: a number, bytes, a DType, a message (shape, tensor), or a list."""
        from thalweg.framework import node_defs
        kind = self._attr_kind(name)
        if kind is None:
            raise ValueError("No attr named '%s' in %s" % (name, self.node_def)
                             if behaviour.operation_repr == "address" else
                             "Operation '%s' has no attr named '%s'." % (self.name, name))
        if kind in node_defs.PLAIN_KINDS:
            return self._attr(name)
        return node_defs.attr_as_tensorflow(self, name)

    # ---- changes ----

    def _set_attr(self, name, value):
        """Sets an attribute to an AttrValue, or to a plain value."""
        from thalweg.framework import node_defs
        _core.Operation._set_attr(self, name, node_defs.attr_from_proto(value))

    def _set_device(self, device):
        self._set_device_text(device if isinstance(device, str) and not device
                              else pydev.canonical_name(device))

    def _set_device_from_string(self, device):
        self._set_device_text(device)

    def _update_input(self, index, tensor):
        if not isinstance(tensor, Tensor):
            raise TypeError("tensor must be a Tensor: %s" % (tensor,))
        if tensor.graph is not self.graph:
            raise ValueError("%s must be from the same graph as %s." % (tensor, self))
        self._set_input(index, tensor)

    def _add_control_inputs(self, ops):
        for op in ops:
            self._add_control_input(op)

    def _add_control_input(self, op):
        if not isinstance(op, Operation):
            raise TypeError("op must be an Operation: %s" % (op,))
        if op.graph is not self.graph:
            raise ValueError("%s must be from the same graph as %s." % (op, self))
        _core.Operation._add_control_input(self, op)

    def _remove_all_control_inputs(self):
        self._clear_control_inputs()

    def _get_control_flow_context(self):
        """The condition or loop that it is in, or None."""
        if self._control_context is _UNSET:
            return self.graph._control_flow_context_of(self)
        return self._control_context

    def _set_control_flow_context(self, context):
        self._control_context = context

    @property
    def _control_flow_context(self):
        return self._get_control_flow_context()

    # ---- running ----

    def run(self, feed_dict=None, session=None):
        """Runs it in `session` or else the default one."""
        from thalweg.framework import sessions
        sessions.run_using_default_session(self, feed_dict, self.graph, session)

    def __str__(self):
        return str(self.node_def)

    def __repr__(self):
        if behaviour.operation_repr == "address":
            return "<tensorflow.python.framework.ops.Operation object at 0x%x>" % id(self)
        return "<tf.Operation '%s' type=%s>" % (self.name, self.type)

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self

    def __reduce__(self):
        raise TypeError("an Operation cannot be pickled: it is part of a graph. Save the graph as "
                        "a GraphDef.")


def _checked_list(things, what):
    if things is None:
        return ()
    if not isinstance(things, (list, tuple)):
        raise TypeError("%s needs to be a list of Tensors: %s" % (what, things))
    return things


def _operation_of(thing):
    if isinstance(thing, Operation):
        return thing
    if isinstance(thing, Tensor) or hasattr(thing, "op"):
        return thing.op
    raise TypeError("Control input must be an Operation, a Tensor, or IndexedSlices: %s" % (thing,))


def _check_input_types(name, inputs, wanted):
    if wanted is None:
        return
    wanted = [dtypes.as_dtype(t) for t in wanted]
    if len(wanted) != len(inputs) or not all(
            w.is_compatible_with(x.dtype) for w, x in zip(wanted, inputs)):
        raise TypeError("In op '%s', input types (%s) are not compatible with expected types (%s)"
                        % (name, [x.dtype for x in inputs], wanted))
