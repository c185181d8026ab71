# SPDX-License-Identifier: Apache-2.0
"""Functions on GraphDefs: the part that some nodes need, variables as constants, nodes that only
training needs taken out."""
import re

from thalweg import protos
from thalweg.framework import ops, tensor_util
from thalweg.framework.importer import import_graph_def  # noqa: F401

_VARIABLE_OPS = {"Assign", "AssignAdd", "AssignSub", "Queue", "ScatterAdd", "ScatterSub",
                 "ScatterUpdate", "TruncatedNormal", "Variable", "VariableV2"}


def _is_variable_op(op):
    return op in _VARIABLE_OPS


def set_cpu0(device_string):
    """A device's name with its device part changed to the first CPU."""
    from thalweg.framework import device as pydev
    parsed = pydev.DeviceSpec.from_string(device_string)
    return parsed.replace(device_type="CPU", device_index=0).to_string()


def must_run_on_cpu(node, pin_variables_on_cpu=False):
    """Whether a node can only run on a CPU: those that hold text or variables."""
    node_def = node.node_def if isinstance(node, ops.Operation) else node
    if not isinstance(node_def, protos.NodeDef):
        raise TypeError("node must be an Operation or a NodeDef, not %r" % type(node).__name__)
    if pin_variables_on_cpu and _is_variable_op(node_def.op):
        return True
    string = protos.DataType.Value("DT_STRING")
    if node_def.op == "Const":
        return node_def.attr["dtype"].type == string
    if node_def.op in ("DynamicStitch", "ParallelDynamicStitch"):
        return node_def.attr["T"].type == protos.DataType.Value("DT_INT32")
    if node_def.op in ("Cast",):
        return node_def.attr["SrcT"].type == protos.DataType.Value("DT_INT32")
    return False


def pin_variables_on_cpu(op):
    """A device function that puts variables on the first CPU."""
    device = op.device if op.device is not None else ""
    return set_cpu0(device) if must_run_on_cpu(op, True) else device


def pin_to_cpu(op):
    """A device function that puts everything on the first CPU."""
    return set_cpu0(op.device or "")


def _node_name(name):
    """A node's name of an input's: without ^ and number."""
    return name[1:] if name.startswith("^") else name.split(":")[0]


def extract_sub_graph(graph_def, dest_nodes):
    """The GraphDef of the nodes that some nodes need, these included."""
    if not isinstance(graph_def, protos.GraphDef):
        raise TypeError("graph_def must be a graph_pb2.GraphDef proto.")
    if isinstance(dest_nodes, str):
        raise TypeError("dest_nodes must be a list.")
    nodes = {node.name: node for node in graph_def.node}
    for name in dest_nodes:
        if name not in nodes:
            raise AssertionError("%s is not in graph" % name)
    wanted, todo = set(), list(dest_nodes)
    while todo:
        name = todo.pop()
        if name not in wanted and name in nodes:
            wanted.add(name)
            todo.extend(_node_name(i) for i in nodes[name].input)
    out = protos.GraphDef()
    out.node.extend([node for node in graph_def.node if node.name in wanted])
    out.library.CopyFrom(graph_def.library)
    out.versions.CopyFrom(graph_def.versions)
    return out


def tensor_shape_from_node_def_name(graph, input_name):
    """The static shape of a tensor by its name, with or without the number."""
    name = input_name if ":" in input_name else input_name + ":0"
    return graph.get_tensor_by_name(name).get_shape()


def convert_variables_to_constants(sess, input_graph_def, output_node_names,
                                   variable_names_whitelist=None, variable_names_blacklist=None):
    """The GraphDef that some nodes need, with the variables' values of a session as constants."""
    graph_def = extract_sub_graph(input_graph_def, output_node_names)
    names, tensors, kinds = [], [], {}
    for node in graph_def.node:
        if node.op in ("Variable", "VariableV2", "VarHandleOp"):
            if (variable_names_whitelist is not None
                    and node.name not in variable_names_whitelist) or \
                    (variable_names_blacklist and node.name in variable_names_blacklist):
                continue
            names.append(node.name)
            kinds[node.name] = node.op
            tensors.append(node.name + ("/Read/ReadVariableOp:0" if node.op == "VarHandleOp"
                                        else ":0"))
    values = dict(zip(names, sess.run(tensors))) if names else {}
    out = protos.GraphDef()
    for node in graph_def.node:
        made = out.node.add()
        if node.name in values:
            made.op, made.name = "Const", node.name
            made.attr["dtype"].CopyFrom(node.attr["dtype"])
            made.attr["value"].tensor.CopyFrom(tensor_util.make_tensor_proto(
                values[node.name], dtype=node.attr["dtype"].type,
                shape=values[node.name].shape))
        elif node.op == "ReadVariableOp" and _node_name(node.input[0]) in values:
            made.op, made.name = "Identity", node.name
            made.attr["T"].CopyFrom(node.attr["dtype"])
            made.input.append(node.input[0])
        else:
            made.CopyFrom(node)
    out.library.CopyFrom(graph_def.library)
    out.versions.CopyFrom(graph_def.versions)
    return out


def remove_training_nodes(input_graph, protected_nodes=None):
    """The GraphDef without CheckNumerics and without Identity nodes that pass a value on."""
    protected = set(protected_nodes or ())
    controls = {name[1:] for node in input_graph.node for name in node.input
                if name.startswith("^")}
    passed = {}
    kept = []
    for node in input_graph.node:
        removable = node.op == "CheckNumerics" or (
            node.op == "Identity" and not any(i.startswith("^") for i in node.input))
        if removable and node.name not in protected | controls and node.input:
            passed[node.name] = node.input[0]
        else:
            kept.append(node)
    out = protos.GraphDef()
    for node in kept:
        made = out.node.add()
        made.CopyFrom(node)
        del made.input[:]
        made.input.extend([_follow(name, passed) for name in node.input])
    out.library.CopyFrom(input_graph.library)
    out.versions.CopyFrom(input_graph.versions)
    return out


def _follow(name, passed):
    """An input's name with the nodes that were taken out passed over."""
    while True:
        base = re.sub(r":0$", "", name)
        if base not in passed:
            return name
        name = passed[base]


__all__ = ["convert_variables_to_constants", "extract_sub_graph", "must_run_on_cpu",
           "remove_training_nodes", "tensor_shape_from_node_def_name"]
