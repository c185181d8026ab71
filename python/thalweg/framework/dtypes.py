# SPDX-License-Identifier: Apache-2.0
"""The types of a tensor's elements. Each has one object; reference types (of variables' own
outputs) are types of their own whose number is 100 higher."""
import builtins

import numpy as np

_REF = 100
# number, name, NumPy's type, short kind, other names
_TYPES = (
    (1, "float32", np.float32, "f", "float"), (2, "float64", np.float64, "f", "double"),
    (3, "int32", np.int32, "i", ""), (4, "uint8", np.uint8, "u", ""),
    (5, "int16", np.int16, "i", ""), (6, "int8", np.int8, "i", ""),
    (7, "string", np.object_, "s", ""), (8, "complex64", np.complex64, "c", ""),
    (9, "int64", np.int64, "i", ""), (10, "bool", np.bool_, "b", ""),
    (11, "qint8", np.dtype([("qint8", np.int8)]), "q", ""),
    (12, "quint8", np.dtype([("quint8", np.uint8)]), "q", ""),
    (13, "qint32", np.dtype([("qint32", np.int32)]), "q", ""),
    (14, "bfloat16", None, "f", ""),  # the extension has NumPy's type for it
    (15, "qint16", np.dtype([("qint16", np.int16)]), "q", ""),
    (16, "quint16", np.dtype([("quint16", np.uint16)]), "q", ""),
    (17, "uint16", np.uint16, "u", ""), (18, "complex128", np.complex128, "c", ""),
    (19, "float16", np.float16, "f", "half"), (20, "resource", np.dtype([("resource", np.ubyte)]),
                                               "r", ""),
    (21, "variant", np.object_, "v", ""), (22, "uint32", np.uint32, "u", ""),
    (23, "uint64", np.uint64, "u", ""),
)
_SIZES = {7: 8, 14: 2, 20: 1, 21: 1}  # of those whose size NumPy does not say
_BFLOAT16_MAX = float.fromhex("0x1.fep127")
_TYPE_TO_STRING = {}  # number: name; reference types too
_KINDS = {}           # number: short kind
_NUMPY = {}           # number: NumPy's type


def _bfloat16():
    """NumPy's type for bfloat16: the extension registers it."""
    try:
        from thalweg._core import bfloat16 as found
    except ImportError:
        found = np.uint16
    _NUMPY[14] = found
    if found is not np.uint16:
        _ANY_TO_TF[found] = bfloat16
    return found


class DType:
    """The type of a tensor's elements, such as `float32` or, for a reference, `float32_ref`."""
    __slots__ = ("as_datatype_enum", "name", "_kind")

    def __init__(self, type_enum):
        type_enum = int(type_enum)
        if type_enum not in _TYPE_TO_STRING:
            raise TypeError("type_enum is not a valid types_pb2.DataType: %s" % type_enum)
        self.as_datatype_enum = type_enum
        self.name = _TYPE_TO_STRING[type_enum]
        self._kind = _KINDS[type_enum % _REF]

    @property
    def _type_enum(self):
        return self.as_datatype_enum

    @property
    def _is_ref_dtype(self):
        return self.as_datatype_enum > _REF

    @property
    def _as_ref(self):
        """The reference type of this type."""
        return self if self._is_ref_dtype else _INTERN_TABLE[self.as_datatype_enum + _REF]

    @property
    def base_dtype(self):
        """The type without reference."""
        number = self.as_datatype_enum
        return _INTERN_TABLE[number - _REF] if number > _REF else self

    @property
    def real_dtype(self):
        """The type of the real part of a complex type; other types are their own."""
        base = self.base_dtype
        if base == complex64:
            return float32
        return float64 if base == complex128 else self

    @property
    def as_numpy_dtype(self):
        """The NumPy type that holds such elements."""
        number = self.as_datatype_enum % _REF
        return _NUMPY[number] or _bfloat16()

    @property
    def is_numpy_compatible(self):
        return self._kind not in "rv"

    @property
    def is_bool(self):
        return self._kind == "b"

    @property
    def is_integer(self):
        """Whether it is an integer type that is not quantized."""
        return self._kind in "iu"

    @property
    def is_floating(self):
        return self._kind == "f"

    @property
    def is_complex(self):
        return self._kind == "c"

    @property
    def is_quantized(self):
        return self._kind == "q"

    @property
    def is_unsigned(self):
        return self._kind == "u"

    def _limit(self, which, word):
        if self._kind == "f" and self.base_dtype == bfloat16:
            kind = self.as_numpy_dtype
            return (kind if kind is not np.uint16 else builtins.float)(
                _BFLOAT16_MAX if which == "max" else -_BFLOAT16_MAX)
        if self._kind == "f":
            return getattr(np.finfo(self.as_numpy_dtype), which)
        if self._kind in "iu":
            return getattr(np.iinfo(self.as_numpy_dtype), which)
        raise TypeError("Cannot find %s value of %s." % (word, self))

    @property
    def min(self):
        """The smallest number of this type."""
        return self._limit("min", "minimum")

    @property
    def max(self):
        """The largest number of this type."""
        return self._limit("max", "maximum")

    @property
    def limits(self):
        """(lowest, highest) intensity of an image of this type, both in it."""
        return self._range(True)

    def _range(self, clip_negative):
        if self._kind == "f":
            low, high = -1, 1
        elif self._kind == "b":
            low, high = False, True
        else:
            low, high = self.min, self.max
        return (0 if clip_negative else low), high

    def is_compatible_with(self, other):
        """Whether a value of type `other` may stand where this type is wanted: the same type, or a
        reference to it."""
        other = as_dtype(other)
        return self.as_datatype_enum in (other.as_datatype_enum,
                                         other.base_dtype.as_datatype_enum)

    @property
    def size(self):
        """Bytes of one element."""
        number = self.as_datatype_enum % _REF
        return _SIZES.get(number) or np.dtype(self.as_numpy_dtype).itemsize

    def __eq__(self, other):
        if other is self:
            return True
        if other is None:
            return False
        try:
            return self.as_datatype_enum == as_dtype(other).as_datatype_enum
        except TypeError:
            return False

    def __ne__(self, other):
        return not self == other

    def __hash__(self):
        return self.as_datatype_enum

    def __int__(self):
        return self.as_datatype_enum

    def __str__(self):
        return "<dtype: %r>" % self.name

    def __repr__(self):
        return "tf." + self.name

    def __reduce__(self):
        return as_dtype, (self.name,)


# bool and others hide Python's names from here on: the module has TensorFlow's names.
_INTERN_TABLE, _STRING_TO_TF, _ANY_TO_TF = {}, {}, {}


def _make_all():
    for number, name, numpy, kind, other in _TYPES:
        _KINDS[number], _NUMPY[number] = kind, numpy
        for reference, mark in ((0, ""), (_REF, "_ref")):
            _TYPE_TO_STRING[number + reference] = name + mark
            made = _INTERN_TABLE[number + reference] = DType(number + reference)
            for each in filter(None, (name, other)):
                _STRING_TO_TF[each + mark] = made
    globals().update((n, d) for n, d in _STRING_TO_TF.items() if n not in ("float", "float_ref"))
    for number, made in _INTERN_TABLE.items():
        _ANY_TO_TF[number] = made
    _ANY_TO_TF.update(_STRING_TO_TF)
    for number, _, numpy, _, _ in reversed(_TYPES):
        if numpy is not None:
            _ANY_TO_TF[numpy] = _INTERN_TABLE[number]
    _ANY_TO_TF.update({builtins.float: float32, builtins.bool: bool, object: string,
                       np.str_: string, np.bytes_: string, np.longlong: int64,
                       np.ulonglong: uint64})


_make_all()
QUANTIZED_DTYPES = frozenset(d for d in _INTERN_TABLE.values() if d.is_quantized)
TF_VALUE_DTYPES = frozenset(d for d in _INTERN_TABLE.values() if not d._is_ref_dtype)
dtype_range = {np.bool_: (False, True), np.uint8: (0, 255), np.uint16: (0, 65535),
               np.int8: (-128, 127), np.int16: (-32768, 32767), np.int64: (-2**63, 2**63 - 1),
               np.uint64: (0, 2**64 - 1), np.int32: (-2**31, 2**31 - 1),
               np.uint32: (0, 2**32 - 1), np.float32: (-1, 1), np.float64: (-1, 1)}


def as_dtype(type_value):
    """The DType of a number of the DataType enum, a name, a NumPy or a Python type, a DType."""
    if isinstance(type_value, DType):
        return _INTERN_TABLE[type_value.as_datatype_enum]
    try:
        if isinstance(type_value, np.dtype):
            if type_value.fields is None:
                return _ANY_TO_TF[type_value.type]
            return _ANY_TO_TF[type_value.newbyteorder("=")]
        return _ANY_TO_TF[type_value]
    except (KeyError, TypeError):
        pass
    if _NUMPY[14] is None and _bfloat16() is type_value is not np.uint16:
        return bfloat16
    raise TypeError("Cannot convert value %r to a TensorFlow DType." % (type_value,))


__all__ = ["DType", "as_dtype", "QUANTIZED_DTYPES"] + [
    n for n in _STRING_TO_TF if n not in ("float", "float_ref")]
