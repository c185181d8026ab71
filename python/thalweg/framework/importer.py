# SPDX-License-Identifier: Apache-2.0
"""GraphDefs into the default graph.

A GraphDef that the library can read by itself goes through it as a whole. Where inputs are to be
exchanged, devices to be chosen by functions, or ops are known to Python alone, its nodes are added
one by one."""
from thalweg import protos
from thalweg.framework import dtypes, op_def_registry, ops, registries
from thalweg.framework import versions as _versions
from thalweg.util import compat


def _checked_graph_def(graph_def):
    if isinstance(graph_def, protos.GraphDef):
        return graph_def
    described = getattr(type(graph_def), "DESCRIPTOR", None)
    if getattr(described, "full_name", None) == "tensorflow.GraphDef":
        return protos.GraphDef.FromString(graph_def.SerializeToString())
    raise TypeError("graph_def must be a GraphDef proto.")


def _checked_map(input_map):
    if input_map is None:
        return {}
    if not isinstance(input_map, dict) or not all(
            isinstance(k, compat.bytes_or_text_types) for k in input_map):
        raise TypeError("input_map must be a dictionary mapping strings to Tensor objects.")
    return {compat.as_str(k): v for k, v in input_map.items()}


def _checked_elements(return_elements):
    if return_elements is None:
        return None
    elements = tuple(return_elements)
    if not all(isinstance(e, compat.bytes_or_text_types) for e in elements):
        raise TypeError("return_elements must be a list of strings.")
    return [compat.as_str(e) for e in elements]


def _check_versions(graph_def):
    """A GraphDef that says it needs a newer reader, or that was written by too old a program."""
    said = graph_def.versions
    if said.min_consumer > _versions.GRAPH_DEF_VERSION:
        raise ValueError("GraphDef min consumer version %d above current version %d for TensorFlow "
                         "%s.  Please upgrade TensorFlow."
                         % (said.min_consumer, _versions.GRAPH_DEF_VERSION, _versions.VERSION))
    if graph_def.HasField("versions") and said.producer < _versions.GRAPH_DEF_VERSION_MIN_PRODUCER:
        raise ValueError("GraphDef producer version %d below min producer %d supported by "
                         "TensorFlow %s.  Please regenerate your graph."
                         % (said.producer, _versions.GRAPH_DEF_VERSION_MIN_PRODUCER,
                            _versions.VERSION))


class _Named:
    """What the names in a GraphDef stand for."""

    def __init__(self, input_map):
        self.ops, self.input_map, self.used = {}, input_map, set()

    def tensor(self, name):
        """The tensor of an input's name; None if it is not there (yet)."""
        base, _, number = name.partition(":")
        full = "%s:%s" % (base, number or "0")
        for key in (full, base) if not number or number == "0" else (full,):
            if key in self.input_map:
                self.used.add(key)
                return self.input_map[key]
        op = self.ops.get(base)
        if op is None:
            return None
        try:
            return op._outputs[int(number or 0)]
        except (IndexError, ValueError):
            return None


def _split(name):
    """(name of the node, number of the output) of an input; ValueError if it is neither."""
    base, colon, number = name.partition(":")
    if ":" in number or (colon and not number.isdigit()):
        raise ValueError("Cannot convert %r to a tensor name." % name)
    return base, int(number or 0)


def _invalid(node, why):
    return ValueError("graph_def is invalid at node %r: %s" % (node.name, why))


class _Importer:
    """Adds the nodes of a GraphDef one by one, each after those it reads."""

    def __init__(self, graph, graph_def, scope, input_map):
        self.graph, self.scope, self.named = graph, scope, _Named(input_map)
        self.nodes = {node.name: node for node in graph_def.node}
        self.graph_def = graph_def
        self.later = []  # (operation, input, name): what a loop gives back

    def run(self):
        for node in self.graph_def.node:
            self.check(node)
        waiting = list(self.graph_def.node)
        while waiting:
            left = [node for node in waiting if not self.try_add(node)]
            if len(left) == len(waiting):
                left = self.add_one_of_a_cycle(left)
            waiting = left
        for op, index, name in self.later:
            op._update_input(index, self.named.tensor(name))

    def check(self, node):
        """ValueError for an input that is nowhere."""
        if op_def_registry.get(node.op) is None:
            raise ValueError("No op named %s in defined operations." % node.op)
        for name in node.input:
            if name.startswith("^"):
                if name[1:] not in self.nodes:
                    raise _invalid(node, "Control input %r not found in graph_def." % name)
                continue
            base, _ = _split(name)
            mapped = name in self.named.input_map or base in self.named.input_map or \
                base + ":0" in self.named.input_map
            if base not in self.nodes and not mapped:
                raise _invalid(node, "Input tensor %r not found in graph_def." % name)

    def try_add(self, node):
        """Whether all that the node reads is there, and so it is added."""
        inputs, controls = [], []
        for name in node.input:
            if name.startswith("^"):
                if name[1:] not in self.named.ops:
                    return False
                controls.append(self.named.ops[name[1:]])
                continue
            tensor = self.named.tensor(name)
            if tensor is None:
                base, _ = _split(name)
                if base in self.named.ops:
                    raise _invalid(node, "Input tensor %r not found in graph_def." % name)
                return False
            inputs.append(tensor)
        self.add(node, inputs, controls)
        return True

    def add_one_of_a_cycle(self, waiting):
        """A Merge whose second input comes from its own loop is added with the first one twice."""
        for node in waiting:
            names = [n for n in node.input if not n.startswith("^")]
            found = [self.named.tensor(n) for n in names]
            ready = [t for t in found if t is not None]
            controls = [self.named.ops.get(n[1:]) for n in node.input if n.startswith("^")]
            if node.op in ("Merge", "RefMerge") and ready and None not in controls:
                op = self.add(node, [ready[0] if t is None else t for t in found], controls)
                self.later += [(op, i, n) for i, (n, t) in enumerate(zip(names, found))
                               if t is None]
                return [n for n in waiting if n is not node]
        raise ValueError("graph_def is invalid: the nodes %s read each other in a circle"
                         % sorted(node.name for node in waiting))

    def add(self, node, inputs, controls):
        copy = protos.NodeDef()
        copy.CopyFrom(node)
        copy.name = self.scope + node.name
        op_def = op_def_registry.get(node.op)
        for attr in op_def.attr:
            if attr.name not in copy.attr and attr.HasField("default_value"):
                copy.attr[attr.name].CopyFrom(attr.default_value)
        if "_class" in copy.attr:
            self.move_classes(copy.attr["_class"].list.s)
        wanted = _argument_types(node, copy, op_def.input_arg)
        self.check_types(node, inputs, wanted)
        outputs = _argument_types(node, copy, op_def.output_arg)
        # Blocks around place the operation where the node itself says nothing.
        try:
            op = ops.Operation(copy, self.graph, inputs=inputs, output_types=outputs,
                               control_inputs=controls, input_types=wanted)
        except (TypeError, ValueError) as error:
            raise _invalid(node, str(error)) from error
        if node.op in registries.shape_functions:
            registries.set_shapes_for_outputs(op)
        self.place(op, node.device)
        self.named.ops[node.name] = op
        return op

    def place(self, op, device):
        if not device:
            self.graph._apply_device_functions(op)
        elif self.graph._device_blocks:
            self.graph._apply_device_functions(op)
            from thalweg.framework import device as pydev
            outer = pydev.DeviceSpec.from_string(op.device or "")
            op._set_device(outer.make_merged_spec(pydev.DeviceSpec.from_string(device)))

    def move_classes(self, names):
        """Colocation with nodes of the GraphDef is with what they became."""
        for index, name in enumerate(list(names)):
            if name.startswith(b"loc:@") and name[5:].decode() in self.nodes:
                names[index] = b"loc:@" + (self.scope + name[5:].decode()).encode()

    @staticmethod
    def check_types(node, inputs, wanted):
        for index, tensor in enumerate(inputs):
            if index >= len(wanted):
                raise _invalid(node, "More inputs specified (%r) than the op expects"
                               % node.input[index])
            want = dtypes.as_dtype(wanted[index])
            if not want.is_compatible_with(tensor.dtype):
                raise _invalid(node, "Input tensor %r Cannot convert a tensor of type %s to an "
                               "input of type %s" % (node.input[index], tensor.dtype.name,
                                                     want.name))
        if len(inputs) < len(wanted):
            raise _invalid(node, "Input types mismatch (expected %r but got %r)"
                           % (", ".join(dtypes.as_dtype(t).name for t in wanted),
                              ", ".join(t.dtype.name for t in inputs)))


def _argument_types(node, node_def, arguments):
    """The types that a node's attributes give the arguments of its op."""
    out = []
    for argument in arguments:
        if argument.type_list_attr:
            found = list(node_def.attr[argument.type_list_attr].list.type)
        else:
            one = argument.type or node_def.attr[argument.type_attr].type
            if not one:
                raise _invalid(node, "the type of %s is not known" % argument.name)
            count = node_def.attr[argument.number_attr].i if argument.number_attr else 1
            found = [one] * count
        out += [dtypes.as_dtype(t)._as_ref if argument.is_ref else dtypes.as_dtype(t)
                for t in found]
    return out


def _as_whole(graph, graph_def, scope):
    """{name: operation}, added by the library."""
    made = graph._import(graph_def.SerializeToString(), scope[:-1] if scope else None)
    return {node.name: op for node, op in zip(graph_def.node, _in_order(graph_def, made, scope))}


def _in_order(graph_def, made, scope):
    """The new operations in the order of the nodes."""
    by_name = {op.name: op for op in made}
    return [by_name[scope + node.name] for node in graph_def.node]


def _mapped_tensors(input_map, name):
    """The map with tensors for all values; what is none becomes one within a scope of its own."""
    if all(isinstance(v, ops.Tensor) for v in input_map.values()):
        return input_map
    if name == "":
        raise ValueError("tf.import_graph_def() requires a non-empty `name` if `input_map` has "
                         "values that are no tensors: convert them before with "
                         "tf.convert_to_tensor().")
    with ops.name_scope("_inputs"):
        return {k: ops.convert_to_tensor(v) for k, v in input_map.items()}


def import_graph_def(graph_def, input_map=None, return_elements=None, name=None, op_dict=None,
                     producer_op_list=None):
    """Adds the nodes of a GraphDef under the scope `name` ("import"; "": none). Inputs named in
    `input_map` come from its tensors instead. Gives the operations and tensors that are named in
    `return_elements`, or None without it."""
    graph_def = _checked_graph_def(graph_def)
    input_map = _checked_map(input_map)
    elements = _checked_elements(return_elements)
    _check_versions(graph_def)
    graph = ops.get_default_graph()
    if not graph_def.node and not input_map and not elements:
        return None if elements is None else []
    with ops.name_scope("import" if name is None else name) as scope:
        scope = scope or ""
        input_map = _mapped_tensors(input_map, name)
        if _is_plain(graph, graph_def, input_map):
            named = _Named({})
            named.ops = _as_whole(graph, graph_def, scope)
        else:
            with graph.name_scope(None):
                importer = _Importer(graph, graph_def, scope, input_map)
                importer.run()
            named = importer.named
    unused = [k for k in input_map if k not in named.used]
    if unused:
        raise ValueError("Attempted to map inputs that were not found in graph_def: [%s]"
                         % ", ".join(k if ":" in k else k + ":0" for k in unused))
    return None if elements is None else [_element(named, e) for e in elements]


def _is_plain(graph, graph_def, input_map):
    """Whether the library can read it without help."""
    return not input_map and not graph._device_blocks and not graph._hooks and all(
        registries.is_known(node.op) for node in graph_def.node)


def _element(named, name):
    base, colon, number = name.partition(":")
    op = named.ops.get(base)
    missing = ValueError("Requested return_element %r not found in graph_def." % name)
    if op is None:
        raise missing
    if not colon:
        return op
    try:
        return op._outputs[int(number)]
    except (IndexError, ValueError):
        raise missing from None


__all__ = ["import_graph_def"]
