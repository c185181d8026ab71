# SPDX-License-Identifier: Apache-2.0
"""Messages to bytes and back. Unknown fields are kept and written again at the end."""
import struct

from thalweg.protos.message import DecodeError, class_of

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
DEPTH = 100  # of messages in messages
_FIXED = {"double": (FIXED64, "d", 8), "float": (FIXED32, "f", 4),
          "fixed64": (FIXED64, "Q", 8), "fixed32": (FIXED32, "I", 4),
          "sfixed64": (FIXED64, "q", 8), "sfixed32": (FIXED32, "i", 4)}


def wire_type(kind):
    if kind in _FIXED:
        return _FIXED[kind][0]
    return BYTES if kind in ("string", "bytes", "message") else VARINT


# ---- writing ----

def varint(value, out):
    if value < 0:
        value += 1 << 64
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)


def _put_integer(value, kind, out):
    if kind[0] == "s":  # sint32, sint64: zigzag
        value = value << 1 if value >= 0 else (-value << 1) - 1
    varint(int(value), out)


def _put(value, kind, out):
    """One value without its tag."""
    if kind in _FIXED:
        out += struct.pack("<" + _FIXED[kind][1], value)
    elif kind == "string":
        value = value.encode("utf-8")
        varint(len(value), out)
        out += value
    elif kind == "bytes":
        varint(len(value), out)
        out += value
    elif kind == "message":
        inner = encode(value)
        varint(len(inner), out)
        out += inner
    else:
        _put_integer(value, kind, out)


def _put_packed(values, kind, out):
    if kind in _FIXED:
        inner = struct.pack("<%d%s" % (len(values), _FIXED[kind][1]), *values)
    else:
        inner = bytearray()
        for value in values:
            _put_integer(value, kind, inner)
    varint(len(inner), out)
    out += inner


def _put_entry(key, value, entry, out):
    inner = bytearray()
    for field, item in zip(entry.fields, (key, value)):
        varint(field.number << 3 | wire_type(field.kind), inner)
        _put(item, field.kind, inner)
    varint(len(inner), out)
    out += inner


def _put_field(field, value, out):
    kind = field.kind
    if not field.repeated:
        varint(field.number << 3 | wire_type(kind), out)
        _put(value, kind, out)
    elif field.is_packed:
        varint(field.number << 3 | BYTES, out)
        _put_packed(value, kind, out)
    else:
        for item in sorted(value) if field.is_map else value:
            varint(field.number << 3 | BYTES, out)
            if field.is_map:
                _put_entry(item, value[item], field.entry, out)
            else:
                _put(item, kind, out)


def encode(message):
    """The message as bytes; maps in order of key: equal messages give equal bytes."""
    out = bytearray()
    for field, value in message.ListFields():
        _put_field(field, value, out)
    out += message._unknown
    return bytes(out)


# ---- reading ----

def read_varint(data, at, end):
    value = shift = 0
    while True:
        if at >= end or shift > 63:
            raise DecodeError("Error parsing message: a number is cut off")
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value & 0xFFFFFFFFFFFFFFFF, at
        shift += 7


def _signed(value, bits):
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


_INTEGERS = {
    "int32": lambda v: _signed(v, 32), "int64": lambda v: _signed(v, 64),
    "enum": lambda v: _signed(v, 32), "uint32": lambda v: v & 0xFFFFFFFF, "uint64": lambda v: v,
    "bool": bool, "sint32": lambda v: v >> 1 ^ -(v & 1), "sint64": lambda v: v >> 1 ^ -(v & 1),
}


def _read_scalar(kind, data, at, end):
    """(value, where it ends) of a number."""
    if kind in _FIXED:
        _, code, size = _FIXED[kind]
        if at + size > end:
            raise DecodeError("Error parsing message: a number is cut off")
        return struct.unpack_from("<" + code, data, at)[0], at + size
    value, at = read_varint(data, at, end)
    return _INTEGERS[kind](value), at


def _read_packed(kind, data, at, end):
    if kind in _FIXED:
        _, code, size = _FIXED[kind]
        count, rest = divmod(end - at, size)
        if rest:
            raise DecodeError("Error parsing message: a number is cut off")
        return list(struct.unpack_from("<%d%s" % (count, code), data, at))
    values = []
    convert = _INTEGERS[kind]
    while at < end:
        value, at = read_varint(data, at, end)
        values.append(convert(value))
    return values


def _skip(data, at, end, kind):
    if kind == VARINT:
        return read_varint(data, at, end)[1]
    if kind == BYTES:
        size, at = read_varint(data, at, end)
    else:
        size = {FIXED64: 8, FIXED32: 4}.get(kind)
        if size is None:
            raise DecodeError("Error parsing message: wire type %d" % kind)
    if size > end - at:
        raise DecodeError("Error parsing message: a field is cut off")
    return at + size


def _text(kind, data):
    if kind == "bytes":
        return bytes(data)
    try:
        return str(data, "utf-8")
    except UnicodeDecodeError as error:
        raise DecodeError("Error parsing message: a string is not UTF-8 (%s)" % error) from None


def _read_entry(message, field, data, at, end, depth):
    """One entry of a map."""
    entry = class_of(field.entry)()
    _read(entry, data, at, end, depth)
    target = getattr(message, field.name)
    if field.entry.fields[1].kind == "message":
        target[entry.key].CopyFrom(entry.value)
    else:
        target[entry.key] = entry.value


def _read_bytes_field(message, field, data, at, end, depth):
    """A field of wire type BYTES: text, a message, an entry, packed numbers."""
    kind = field.kind
    if field.is_map:
        _read_entry(message, field, data, at, end, depth)
    elif kind == "message":
        target = getattr(message, field.name)
        target = target.add() if field.repeated else target
        target._touch()
        _read(target, data, at, end, depth)
    elif kind in ("string", "bytes"):
        value = _text(kind, data[at:end])
        if field.repeated:
            getattr(message, field.name).append(value)
        else:
            setattr(message, field.name, value)
    else:
        values = getattr(message, field.name)
        list.extend(values, _read_packed(kind, data, at, end))
        message._touch()


def _read_field(message, field, found, data, at, end, depth):
    """Reads one known field after its tag; where it ends, or None if its wire type is another."""
    if found == BYTES and (field.repeated or wire_type(field.kind) == BYTES):
        size, at = read_varint(data, at, end)
        if size > end - at:
            raise DecodeError("Error parsing message: field %s is cut off" % field.full_name)
        _read_bytes_field(message, field, data, at, at + size, depth)
        return at + size
    if found != wire_type(field.kind):
        return None
    value, at = _read_scalar(field.kind, data, at, end)
    if field.repeated:
        getattr(message, field.name).append(value)
    else:
        setattr(message, field.name, value)
    return at


def _read(message, data, at, end, depth):
    if depth > DEPTH:
        raise DecodeError("Error parsing message: messages in messages, more than %d deep" % DEPTH)
    fields = message.DESCRIPTOR.fields_by_number
    while at < end:
        start = at
        tag, at = read_varint(data, at, end)
        if not tag >> 3:
            raise DecodeError("Error parsing message: field number 0")
        field = fields.get(tag >> 3)
        after = field and _read_field(message, field, tag & 7, data, at, end, depth + 1)
        if after is None:
            after = _skip(data, at, end, tag & 7)
            message._unknown += bytes(data[start:after])
        at = after
    return at


def merge(message, data):
    """Reads bytes into a message, added to what it holds; the number of bytes read."""
    if isinstance(data, str):
        raise TypeError("a serialized message is bytes, not str")
    data = memoryview(data).cast("B")
    message._touch()
    return _read(message, data, 0, len(data), 0)
