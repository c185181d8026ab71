# SPDX-License-Identifier: Apache-2.0
"""OpDef messages from the library's definitions, and definitions from OpDef messages."""
from thalweg import _core, protos
from thalweg.framework import node_defs, op_def_library

_STATEFUL, _COMMUTATIVE, _AGGREGATE, _UNINITIALIZED = 1, 8, 16, 64


# ---- from the library ----

def _arg_proto(arg, out):
    out.name, out.is_ref = arg.name, arg.is_ref
    if arg.type:
        out.type = arg.type
    out.type_attr, out.number_attr = arg.type_attr or "", arg.number_attr or ""
    out.type_list_attr = arg.type_list_attr or ""


def _attr_proto(attr, out):
    out.name, out.type = attr.name, "list(%s)" % attr.kind if attr.is_list else attr.kind
    if attr.has_default:
        out.default_value.CopyFrom(_value_proto(attr))
    if attr.minimum is not None:
        out.has_minimum, out.minimum = True, attr.minimum
    if attr.allowed is not None:
        if attr.kind == "type":
            out.allowed_values.list.type.extend(attr.allowed)
        else:
            out.allowed_values.list.s.extend(a.encode() for a in attr.allowed)


def _value_proto(attr):
    value = protos.attr_value_pb2.AttrValue()
    if attr.kind == "type":
        if attr.is_list:
            value.list.SetInParent()
            value.list.type.extend(attr.default)
        else:
            value.type = int(attr.default)
        return value
    return node_defs.attr_to_proto(attr.default) if attr.default is not None else value


def op_def_of(name):
    """The OpDef of an op of the library, or None."""
    definition = _core.op_def(name)
    if definition is None:
        return None
    proto = protos.op_def_pb2.OpDef(name=definition.name)
    for arg in definition.inputs:
        _arg_proto(arg, proto.input_arg.add())
    for arg in definition.outputs:
        _arg_proto(arg, proto.output_arg.add())
    for attr in definition.attrs:
        _attr_proto(attr, proto.attr.add())
    proto.description = definition.doc or ""
    for field, flag in (("is_stateful", _STATEFUL), ("is_commutative", _COMMUTATIVE),
                        ("is_aggregate", _AGGREGATE),
                        ("allows_uninitialized_input", _UNINITIALIZED)):
        if definition.flags & flag:
            setattr(proto, field, True)
    return proto


# ---- from messages ----

def _check_arg(arg, proto, attrs):
    for field, kind in (("type_attr", "type"), ("number_attr", "int"),
                        ("type_list_attr", "list(type)")):
        name = getattr(arg, field)
        if not name:
            continue
        if name not in attrs:
            raise TypeError("Inconsistent OpDef for '%s', missing attr '%s'" % (proto.name, name))
        if attrs[name].type != kind:
            raise TypeError("Attr '%s' of '%s' used as a %s but has type %s"
                            % (name, proto.name, field, attrs[name].type))
    count = sum(map(bool, (arg.type, arg.type_attr, arg.type_list_attr)))
    if count != 1:
        raise TypeError("Arg '%s' of '%s' must have one type field not %d"
                        % (arg.name, proto.name, count))


def _arg_of(arg, proto, attrs):
    _check_arg(arg, proto, attrs)
    return op_def_library.ArgDef(arg.name, arg.type, arg.type_attr or None,
                                 arg.number_attr or None, arg.type_list_attr or None, arg.is_ref)


def _attr_of(attr):
    is_list = attr.type.startswith("list(")
    kind = attr.type[5:-1] if is_list else attr.type
    has_default = attr.HasField("default_value")
    allowed = None
    if attr.HasField("allowed_values"):
        allowed = attr.allowed_values.list
        allowed = tuple(allowed.type) if kind == "type" else \
            tuple(s.decode() for s in allowed.s)
    default = node_defs.attr_from_proto(attr.default_value)[1] if has_default else None
    if is_list and default is None and has_default:
        default = []
    return op_def_library.AttrDef(attr.name, kind, is_list, has_default, default,
                                  attr.minimum if attr.has_minimum else None, allowed, False)


def definition_of(proto):
    """A definition as the extension would give it, of an OpDef message; TypeError if it
    contradicts itself."""
    attrs = {a.name: a for a in proto.attr}
    return op_def_library.OpDef(
        proto.name, tuple(_arg_of(a, proto, attrs) for a in proto.input_arg),
        tuple(_arg_of(a, proto, attrs) for a in proto.output_arg),
        tuple(map(_attr_of, proto.attr)), proto.description, _STATEFUL * proto.is_stateful)
