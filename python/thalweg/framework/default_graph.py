# SPDX-License-Identifier: Apache-2.0
"""The default graph of a thread, and the functions that speak of it."""
from thalweg import _core
from thalweg.compat import behaviour
from thalweg.framework import scopes
from thalweg.framework.graph import Graph
from thalweg.framework.graph_elements import as_element
from thalweg.framework.graph_keys import GraphKeys
from thalweg.framework.operation import Operation
from thalweg.framework.tensor import Tensor, is_dense_tensor_like

_ELEMENTS = (Tensor, Operation)
_NO_ELEMENTS = frozenset([int, float, bool, list, tuple, str, type(None)])
get_default_graph = _core.default_graph


class _DefaultGraphStack:
    """The stack of default graphs as an object, for those who look at it."""

    @property
    def stack(self):
        return [block._graph for block in scopes.open_graphs.graphs]

    get_default = staticmethod(get_default_graph)

    def is_cleared(self):
        return not scopes.open_graphs.graphs

    def get_controller(self, default):
        return default.as_default()

    def reset(self):
        scopes.open_graphs.graphs = []
        _core.reset_default_graph()


_default_graph_stack = _DefaultGraphStack()


def reset_default_graph():
    """Forgets the default graph of this thread; the next operation begins a new one."""
    if scopes.open_graphs.graphs and behaviour.operation_repr != "address":
        raise AssertionError("Do not use tf.reset_default_graph() to clear nested graphs. If you "
                             "need a cleared graph, exit the nesting and create a new graph.")
    _default_graph_stack.reset()


def has_default_graph():
    """Whether a graph was made the default one by a block."""
    return bool(scopes.open_graphs.graphs)


# ---- which graph values belong to ----

def _assert_same_graph(original_item, item):
    if original_item.graph is not item.graph:
        raise ValueError("%s must be from the same graph as %s." % (item, original_item))


def _as_graph_element(obj):
    return as_element(obj)


def _get_graph_from_inputs(op_input_list, graph=None):
    """The one graph of all graph elements in a list, or else `graph` or the default one."""
    if graph is not None and not isinstance(graph, Graph):
        raise TypeError("Input graph needs to be a Graph: %s" % (graph,))
    given, first = graph, None
    for thing in tuple(op_input_list):
        if type(thing) in _NO_ELEMENTS:
            continue
        element = thing
        if not isinstance(thing, _ELEMENTS):
            element = thing if hasattr(thing, "graph") and isinstance(thing.graph, Graph) \
                else as_element(thing)
        if element is None:
            continue
        if first is None:
            first = element
            if given is None:
                graph = element.graph
        if given is None:
            _assert_same_graph(first, element)
        elif element.graph is not given:
            raise ValueError("%s is not from the passed-in graph." % (element,))
    return graph if graph is not None else get_default_graph()


# ---- name scopes ----

class name_scope:
    """`with name_scope(name, default_name, values):` names of operations made inside begin with
    the scope's, and the graph of `values` is the default one."""

    def __init__(self, name, default_name=None, values=None):
        if not (default_name is None or isinstance(default_name, str)):
            raise TypeError("`default_name` type (%s) is not a string type. You likely meant to "
                            "pass this into the `values` kwarg." % type(default_name))
        self._name = default_name if name is None else name
        self._default_name, self._values = default_name, values
        self._blocks = []

    @property
    def name(self):
        return self._name

    def __enter__(self):
        if self._name is None and self._values is not None:
            raise ValueError("At least one of name (%s) and default_name (%s) must be provided."
                             % (self._name, self._default_name))
        current = get_default_graph()
        graph = _get_graph_from_inputs(self._values) if self._values else current
        blocks = [graph.as_default()] if graph is not current else []
        blocks.append(graph.name_scope(self._name))
        opened = []
        self._blocks.append(opened)
        try:
            for block in blocks:
                value = block.__enter__()
                opened.append(block)
        except BaseException:
            self.__exit__()
            raise
        return value

    def __exit__(self, *unused):
        opened = self._blocks.pop()
        while opened:
            opened.pop().__exit__(*unused)


name_scope_v1 = name_scope


class name_scope_v2(name_scope):
    """name_scope with a name alone."""

    def __init__(self, name):
        if name is None or not isinstance(name, str):
            raise ValueError("name for name_scope must be a string.")
        name_scope.__init__(self, name)


def op_scope(values, name, default_name=None):
    """The older way to write name_scope(name, default_name, values)."""
    if name is None and default_name is None:
        raise ValueError("At least one of name (%s) and default_name (%s) must be provided."
                         % (name, default_name))
    return name_scope(name, default_name, values)


def strip_name_scope(name, export_scope):
    """A name without an outer scope."""
    if not export_scope:
        return name
    export_scope = export_scope.rstrip("/")
    for prefix in ("^", "loc:@"):
        if name.startswith(prefix):
            return prefix + strip_name_scope(name[len(prefix):], export_scope)
    return name[len(export_scope) + 1:] if name.startswith(export_scope + "/") else name


def prepend_name_scope(name, import_scope):
    """A name with an outer scope."""
    if not import_scope:
        return name
    import_scope = import_scope.rstrip("/")
    for prefix in ("^", "loc:@"):
        if name.startswith(prefix):
            return prefix + import_scope + "/" + name[len(prefix):]
    return import_scope + "/" + name


# ---- other blocks, on the default graph ----

def device(device_name_or_function):
    """Graph.device() of the default graph."""
    return get_default_graph().device(device_name_or_function)


device_v2 = device


def container(container_name):
    """Graph.container() of the default graph."""
    return get_default_graph().container(container_name)


def control_dependencies(control_inputs):
    """Graph.control_dependencies() of the default graph."""
    return get_default_graph().control_dependencies(control_inputs)


def colocate_with(op, ignore_existing=False):
    """Graph.colocate_with() of the default graph."""
    return get_default_graph().colocate_with(op, ignore_existing)


_colocate_with_deprecated = colocate_with


def _colocate_with_for_gradient(op, gradient_uid, ignore_existing=False):
    return colocate_with(op, ignore_existing)


class init_scope:
    """A block outside of all name scopes, control dependencies and loops."""

    def __enter__(self):
        graph = get_default_graph()
        scope = _core.scope_name(graph)
        self._blocks = [graph.control_dependencies(None), graph.name_scope(scope)]
        for block in self._blocks:
            block.__enter__()

    def __exit__(self, *unused):
        for block in reversed(self._blocks):
            block.__exit__(*unused)


# ---- collections ----

def add_to_collection(name, value):
    """Appends a value to a collection of the default graph."""
    get_default_graph().add_to_collection(name, value)


def add_to_collections(names, value):
    """Appends a value to several collections of the default graph."""
    get_default_graph().add_to_collections(names, value)


def get_collection(key, scope=None):
    """A list of the values in a collection of the default graph."""
    return get_default_graph().get_collection(key, scope)


def get_collection_ref(key):
    """A collection's own list."""
    return get_default_graph().get_collection_ref(key)


def get_all_collection_keys():
    """The names of all collections of the default graph."""
    return get_default_graph().get_all_collection_keys()


def get_name_scope():
    """The open name scopes of the default graph."""
    return get_default_graph().get_name_scope()


def inside_function():
    """Whether the default graph is a function's body."""
    return get_default_graph().building_function


def executing_eagerly_outside_functions():
    """False: operations are always added to a graph."""
    return False


def is_tensor_like(thing):
    """Whether it is a Tensor or may stand for one."""
    return is_dense_tensor_like(thing)


__all__ = ["GraphKeys"]
