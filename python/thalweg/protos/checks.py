# SPDX-License-Identifier: Apache-2.0
"""What may be put into a scalar field: a function for each kind, value -> value as kept."""
import numbers
import struct

_pack_float = struct.Struct("<f").pack
_unpack_float = struct.Struct("<f").unpack


def _refused(value, expected):
    return TypeError("%.1024r has type %s, but expected one of: %s"
                     % (value, type(value).__name__, expected))


def _integer(low, high):
    def check(value):
        if type(value) is not int:
            try:
                value = value.__index__()
            except (AttributeError, TypeError):
                raise _refused(value, "int") from None
            value = int(value)
        if not low <= value <= high:
            raise ValueError("Value out of range: %d" % value)
        return value
    return check


def _double(value):
    if type(value) is float:
        return value
    if isinstance(value, numbers.Real) or hasattr(value, "__float__") \
            and not isinstance(value, (str, bytes)):
        return float(value)
    raise _refused(value, "int, float")


def _float(value):
    value = _double(value)
    try:
        return _unpack_float(_pack_float(value))[0]
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def _bool(value):
    if type(value) is bool:
        return value
    try:
        return bool(value.__index__())
    except (AttributeError, TypeError):
        if type(value).__name__ in ("bool_", "bool"):
            return bool(value)
        raise _refused(value, "bool, int") from None


def _string(value):
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            raise ValueError("%r has type bytes, but isn't valid UTF-8 encoding. Non-UTF-8 strings "
                             "must be converted to unicode objects before being added." % value) \
                from None
    raise _refused(value, "bytes, str")


def _bytes(value):
    if isinstance(value, bytes):
        return bytes(value)
    if isinstance(value, (bytearray, memoryview)):
        return bytes(value)
    raise _refused(value, "bytes")


_INT32, _INT64 = _integer(-2**31, 2**31 - 1), _integer(-2**63, 2**63 - 1)
_UINT32, _UINT64 = _integer(0, 2**32 - 1), _integer(0, 2**64 - 1)
CHECKS = {
    "double": _double, "float": _float, "bool": _bool, "string": _string, "bytes": _bytes,
    "int32": _INT32, "sint32": _INT32, "sfixed32": _INT32, "uint32": _UINT32, "fixed32": _UINT32,
    "int64": _INT64, "sint64": _INT64, "sfixed64": _INT64, "uint64": _UINT64, "fixed64": _UINT64,
}


def enum_check(wrapper):
    """Numbers, known or not; names are taken too."""
    def check(value):
        if isinstance(value, str):
            return wrapper.Value(value)
        return _INT32(value)
    return check
