# SPDX-License-Identifier: Apache-2.0
"""NodeDef and AttrValue messages from operations, and attribute values from AttrValues."""
import numpy as np

from thalweg import _core, protos
from thalweg.framework import device as pydev
from thalweg.framework import dtypes, tensor_shape

# Kinds whose values TensorFlow gives as this package keeps them.
PLAIN_KINDS = {"int", "float", "bool", "string", "type", "list(int)", "list(float)", "list(bool)",
               "list(string)", "list(type)", "list(none)"}
_FIELDS = {"s": "string", "i": "int", "f": "float", "b": "bool", "type": "type", "shape": "shape",
           "tensor": "tensor", "func": "func"}


def is_node_def(thing):
    """Whether it is a NodeDef, of this package or of the protobuf package."""
    descriptor = getattr(thing, "DESCRIPTOR", None)
    return descriptor is not None and descriptor.full_name == "tensorflow.NodeDef"


def is_attr_value(thing):
    """Whether it is an AttrValue."""
    descriptor = getattr(thing, "DESCRIPTOR", None)
    return descriptor is not None and descriptor.full_name == "tensorflow.AttrValue"


def new_node_def(op_type, name, device=None, attrs=None):
    """A NodeDef; a device may be a DeviceSpec, or a function that gives one for the NodeDef."""
    node = protos.node_def_pb2.NodeDef(op=op_type, name=name)
    for key, value in (attrs or {}).items():
        node.attr[key].CopyFrom(value)
    if callable(device):
        device = device(node)
    if device is not None:
        node.device = pydev.canonical_name(device)
    return node


# ---- from the library ----

def node_def_of(op):
    """An operation as a NodeDef."""
    return protos.node_def_pb2.NodeDef.FromString(op._node_def_bytes())


def attr_value_of(op, name):
    """An attribute as an AttrValue."""
    return protos.attr_value_pb2.AttrValue.FromString(op._attr_bytes(name))


def attr_as_tensorflow(op, name):
    """A shape, tensor or func attribute (or a list of these) as its message."""
    value = attr_value_of(op, name)
    which = value.WhichOneof("value")
    if which != "list":
        return getattr(value, which) if which else []
    for field in _FIELDS:
        items = list(getattr(value.list, field))
        if items:
            return items
    return []


# ---- to the library ----

def shape_from_proto(proto):
    """A list of int and None, or None, of a TensorShapeProto."""
    if proto.unknown_rank:
        return None
    return [None if d.size == -1 else d.size for d in proto.dim]


def tensor_from_proto(proto):
    """An ndarray of a TensorProto."""
    from thalweg.framework import tensor_util
    return tensor_util.MakeNdarray(proto)


def _func_from_proto(proto):
    return _core.Func(proto.name, attrs_from_protos(dict(proto.attr)))


_CONVERT = {"shape": shape_from_proto, "tensor": tensor_from_proto, "func": _func_from_proto}


def attr_from_proto(value):
    """What the extension takes for an AttrValue: (kind, value). Other values are left alone, but
    for messages of a shape or tensor."""
    descriptor = getattr(value, "DESCRIPTOR", None)
    if descriptor is None:
        return value
    kind = descriptor.name
    if kind == "TensorShapeProto":
        return "shape", shape_from_proto(value)
    if kind == "TensorProto":
        return "tensor", tensor_from_proto(value)
    if kind == "NameAttrList":
        return "func", _func_from_proto(value)
    which = value.WhichOneof("value")
    if which is None:
        return "none", None
    if which != "list":
        convert = _CONVERT.get(which)
        item = getattr(value, which)
        return _FIELDS.get(which, "string"), convert(item) if convert else item
    for field, name in _FIELDS.items():
        items = list(getattr(value.list, field))
        if items:
            convert = _CONVERT.get(field)
            return "list(%s)" % name, [convert(i) for i in items] if convert else items
    return "list(none)", []


def attrs_from_protos(attrs):
    """A dict of values that the extension takes, of a dict of AttrValues or plain values."""
    return {name: attr_from_proto(value) for name, value in attrs.items()}


def attr_to_proto(value):
    """An AttrValue of a Python value, its kind seen from its type."""
    made = protos.attr_value_pb2.AttrValue()
    if is_attr_value(value):
        made.CopyFrom(value)
    elif isinstance(value, bool):
        made.b = value
    elif isinstance(value, (int, np.integer)):
        made.i = int(value)
    elif isinstance(value, (float, np.floating)):
        made.f = float(value)
    elif isinstance(value, (bytes, str)):
        made.s = value.encode() if isinstance(value, str) else value
    elif isinstance(value, dtypes.DType):
        made.type = value.as_datatype_enum
    elif isinstance(value, tensor_shape.TensorShape):
        made.shape.CopyFrom(value.as_proto())
    elif isinstance(value, (list, tuple)):
        made.list.SetInParent()
        for item in value:
            made.list.MergeFrom(_list_of_one(attr_to_proto(item)))
    else:
        raise TypeError("%r is no attribute value" % (value,))
    return made


def _list_of_one(value):
    which = value.WhichOneof("value")
    made = protos.attr_value_pb2.AttrValue().list
    getattr(made, which).extend([getattr(value, which)])
    return made
