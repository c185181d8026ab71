# SPDX-License-Identifier: Apache-2.0
"""Values for the attributes of ops: what callers give is checked and made what the extension
takes."""
from thalweg import _core
from thalweg import compat as levels
from thalweg.framework import dtypes, node_defs, op_errors, tensor_shape
from thalweg.util import compat


def _refuse(kind, name, value):
    raise TypeError("Expected %s for argument '%s' not %s." % (kind, name, repr(value)))


def make_float(value, name):
    if not isinstance(value, compat.real_types):
        _refuse("float", name, value)
    return float(value)


def make_int(value, name):
    if isinstance(value, str):
        _refuse("int", name, value)
    try:
        return int(value)
    except (ValueError, TypeError):
        _refuse("int", name, value)


def make_str(value, name):
    if not isinstance(value, compat.bytes_or_text_types):
        _refuse("string", name, value)
    return compat.as_bytes(value)


def make_bool(value, name):
    if not isinstance(value, bool):
        import numpy as np
        if not isinstance(value, np.bool_):
            _refuse("bool", name, value)
    return bool(value)


def make_type(value, name):
    try:
        return dtypes.as_dtype(value).base_dtype.as_datatype_enum
    except TypeError:
        _refuse("DataType", name, value)


def make_shape(value, name):
    if hasattr(value, "unknown_rank"):
        return node_defs.shape_from_proto(value)
    try:
        shape = tensor_shape.as_shape(value)
    except TypeError as error:
        refused = ValueError if levels.below("1.0") else TypeError  # a text was no list of sizes
        raise refused("Error converting %s to a TensorShape: %s" % (name, error)) from error
    except ValueError as error:
        raise ValueError("Error converting %s to a TensorShape: %s" % (name, error)) from error
    return None if shape.ndims is None else shape.as_list()


def make_tensor(value, name):
    import numpy as np
    if hasattr(value, "tensor_content"):
        return node_defs.tensor_from_proto(value)
    if isinstance(value, np.ndarray):
        return value
    raise TypeError("Don't know how to convert %r to a TensorProto for argument '%s'"
                    % (value, name))


def make_func(value, name):
    if isinstance(value, _core.Func):
        return value
    if isinstance(value, compat.bytes_or_text_types):
        return _core.Func(compat.as_str(value))
    if hasattr(value, "attr") and hasattr(value, "name") and hasattr(value, "DESCRIPTOR"):
        return node_defs.attr_from_proto(value)[1]
    if hasattr(value, "add_to_graph"):
        value.add_to_graph(_core.default_graph())
    return _core.Func(value.name)


_MAKE = {"int": make_int, "float": make_float, "string": make_str, "bool": make_bool,
         "type": make_type, "shape": make_shape, "tensor": make_tensor, "func": make_func}


class Attr:
    """An attribute that callers give, and how."""
    __slots__ = ("name", "kind", "is_list", "has_default", "default", "_make", "_minimum",
                 "_allowed", "_order", "_op", "_full_kind")

    def __init__(self, attr, op_name):
        self.name, self.kind, self.is_list = attr.name, attr.kind, bool(attr.is_list)
        self.has_default, self.default = bool(attr.has_default), attr.default
        self._make, self._op = _MAKE.get(attr.kind), op_name
        self._minimum = attr.minimum
        self._order = attr.allowed
        self._allowed = None if attr.allowed is None else frozenset(
            compat.as_bytes(a) if isinstance(a, str) else a for a in attr.allowed)
        self._full_kind = "list(%s)" % attr.kind if self.is_list else attr.kind
        if self._make is None:
            raise TypeError("Unrecognized Attr type " + attr.kind)

    def _checked(self, value):
        made = self._make(value, self.name)
        if self._allowed is not None and made not in self._allowed:
            if self.kind == "type":
                raise op_errors.not_allowed(made, self.name, self._order, self.name)
            raise ValueError('Attr \'%s\' of \'%s\' Op passed string \'%s\' not in: "%s".' % (
                self.name, self._op, compat.as_text(made), '", "'.join(
                    compat.as_text(a) for a in self._order)))
        return made

    def convert(self, value):
        """(kind, value) for the extension."""
        if not self.is_list:
            made = self._checked(value)
            if self._minimum is not None and self.kind == "int" and made < self._minimum:
                raise ValueError("Attr '%s' of '%s' Op passed %d less than minimum %d."
                                 % (self.name, self._op, made, self._minimum))
            return self._full_kind, made
        if not isinstance(value, (list, tuple)):
            if self.kind == "shape" or not hasattr(value, "__iter__") or isinstance(
                    value, compat.bytes_or_text_types):
                raise TypeError("Expected list for attr " + self.name)
            value = list(value)
        if self._minimum is not None and len(value) < self._minimum:
            raise ValueError("Attr '%s' of '%s' Op passed list of length %d less than minimum %d."
                             % (self.name, self._op, len(value), self._minimum))
        return self._full_kind, [self._checked(v) for v in value]
