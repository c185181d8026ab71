# SPDX-License-Identifier: Apache-2.0
"""`with` blocks that say something of all operations made inside. The scopes themselves are the
extension's; a block only opens one and closes it, even if blocks end in another order."""
import threading

from thalweg import _core
from thalweg.framework import device as pydev
from thalweg.framework.operation import VALID_OP_NAME, VALID_SCOPE_NAME


class _Open(threading.local):
    """The graphs that this thread has made the default ones, innermost last."""

    def __init__(self):
        self.graphs = []


open_graphs = _Open()


class GraphBlock:
    """Graph.as_default(): the graph is the default one inside."""

    def __init__(self, graph):
        self._graph = graph
        self._mark = None
        self.enforce_nesting = True

    def __enter__(self):
        self._mark = _core.push_graph(self._graph)
        open_graphs.graphs.append(self)
        return self._graph

    def __exit__(self, *unused):
        mark, self._mark = self._mark, None
        _core.pop(mark)
        graphs = open_graphs.graphs
        if self in graphs:
            nested = graphs[-1] is self
            graphs.remove(self)
            if self.enforce_nesting and not nested:
                raise AssertionError("Nesting violated for default stack of %s objects"
                                     % type(self._graph))


class Block:
    """A scope of the extension that is open between enter and exit."""
    __slots__ = ("_push", "_args", "_mark", "_value")

    def __init__(self, push, *args, value=None):
        self._push, self._args, self._value, self._mark = push, args, value, []

    def __enter__(self):
        self._mark.append(self._push(*self._args))
        return self._value

    def __exit__(self, *unused):
        _core.pop(self._mark.pop())


class NameBlock:
    """Graph.name_scope(name); gives the scope's name with a slash, "" at the root."""
    __slots__ = ("_graph", "_name", "_mark")

    def __init__(self, graph, name):
        if isinstance(name, bytes):
            name = name.decode()
        self._graph, self._name, self._mark = graph, name, 0

    def __enter__(self):
        graph, name = self._graph, self._name
        if name:
            pattern = VALID_SCOPE_NAME if _core.scope_name(graph) else VALID_OP_NAME
            if not isinstance(name, str):
                raise TypeError("expected string or bytes-like object, got %r" % (name,))
            if not pattern.match(name):
                raise ValueError("'%s' is not a valid scope name" % name)
        self._mark = _core.push_name(graph, name or None)
        return _core.scope_name(graph)

    def __exit__(self, *unused):
        _core.pop(self._mark)


class ControlBlock:
    """Graph.control_dependencies(...): operations made inside wait for others."""

    def __init__(self, graph, control_inputs):
        self._graph, self._ops, self._mark = graph, control_inputs, 0
        self._context = self._old = None

    @property
    def control_inputs(self):
        return self._ops

    def __enter__(self):
        self._mark = _core.push_control(self._graph, self._ops)
        self._graph._control_stack.append(self)
        if self._ops is None:
            self._old = self._graph._control_flow_context
            self._set_context(None)
        return self

    def __exit__(self, *unused):
        self._graph._control_stack.remove(self)
        _core.pop(self._mark)
        if self._ops is None:
            self._set_context(self._old)

    def _set_context(self, context):
        """That of a program; the library leaves its own by itself."""
        self._graph._control_flow_context = context
        self._graph._count_hooks()


class DeviceBlock:
    """Graph.device(...): a device's name, or a function of an operation that gives one."""

    def __init__(self, graph, device):
        self._graph, self._device, self._mark = graph, device, None
        self.function = device if callable(device) and not isinstance(device, str) else None
        if self.function is None and device is not None:
            self._device = pydev.canonical_name(device)

    @property
    def is_none(self):
        """Whether it hides the devices around."""
        return self.function is None and self._device is None

    def apply(self, op):
        """The device that an operation gets by this block."""
        if self.function is not None:
            device = self.function(op)
            return op.device if device is None else pydev.canonical_name(device)
        spec = pydev.DeviceSpec.from_string(self._device)
        return spec.make_merged_spec(pydev.DeviceSpec.from_string(op.device)).to_string()

    def __enter__(self):
        if self.function is None:
            self._mark = _core.push_device(self._graph, self._device)
        self._graph._device_blocks.append(self)
        self._graph._count_hooks()

    def __exit__(self, *unused):
        self._graph._device_blocks.remove(self)
        self._graph._count_hooks()
        if self._mark is not None:
            _core.pop(self._mark)


class SettingBlock:
    """Sets an attribute of the graph's object for as long as it is open."""

    def __init__(self, graph, name, value, result=None):
        self._graph, self._name, self._value, self._result = graph, name, value, result
        self._old = None

    def __enter__(self):
        self._old = getattr(self._graph, self._name)
        setattr(self._graph, self._name, self._value)
        self._graph._count_hooks()
        return self._result

    def __exit__(self, *unused):
        setattr(self._graph, self._name, self._old)
        self._graph._count_hooks()


class ManyBlocks:
    """Several scopes of the extension, opened and closed together."""

    def __init__(self, pushes):
        self._pushes, self._marks = pushes, []

    def __enter__(self):
        for push, args in self._pushes:
            self._marks.append(push(*args))

    def __exit__(self, *unused):
        while self._marks:
            _core.pop(self._marks.pop())
