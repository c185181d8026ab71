# SPDX-License-Identifier: Apache-2.0
"""Messages as JSON and back, with the names of google.protobuf.json_format."""
import base64
import json
import math

from thalweg.protos.message import Error as _Error

_WIDE = ("int64", "uint64", "sint64", "fixed64", "sfixed64")


class Error(_Error):
    """Something is wrong with JSON or with a message."""


class ParseError(Error):
    """The JSON is no message of this type."""


class SerializeToJsonError(Error):
    """The message cannot be written."""


def _value(field, value, options):
    kind = field.kind
    if kind == "message":
        return MessageToDict(value, **options)
    if kind == "enum":
        known = field.enum_type.values_by_number.get(value)
        return known.name if known and not options.get("use_integers_for_enums") else value
    if kind == "bytes":
        return base64.b64encode(value).decode("ascii")
    if kind in _WIDE:
        return str(value)
    if kind in ("float", "double") and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def MessageToDict(message, including_default_value_fields=False,
                  preserving_proto_field_name=False, **options):
    """A message as a dict of plain values."""
    options = dict(options, including_default_value_fields=including_default_value_fields,
                   preserving_proto_field_name=preserving_proto_field_name)
    set_fields = {f.name: v for f, v in message.ListFields()}
    out = {}
    for field in message.DESCRIPTOR.fields:
        if field.name in set_fields:
            value = set_fields[field.name]
        elif including_default_value_fields and not field.has_presence:
            value = getattr(message, field.name)
        else:
            continue
        name = field.name if preserving_proto_field_name else field.json_name
        if field.is_map:
            inner = field.entry.fields[1]
            out[name] = {_key(k): _value(inner, v, options) for k, v in value.items()}
        elif field.repeated:
            out[name] = [_value(field, v, options) for v in value]
        else:
            out[name] = _value(field, value, options)
    return out


def _key(key):
    return ("true" if key else "false") if isinstance(key, bool) else str(key)


def MessageToJson(message, including_default_value_fields=False,
                  preserving_proto_field_name=False, indent=2, sort_keys=False, **options):
    """A message as JSON."""
    return json.dumps(MessageToDict(message, including_default_value_fields,
                                    preserving_proto_field_name, **options),
                      indent=indent, sort_keys=sort_keys)


def _read(field, value):
    kind = field.kind
    try:
        if kind == "enum":
            return field.enum_type.values_by_name[value].number if isinstance(value, str) else value
        if kind == "bytes":
            return base64.b64decode(value)
        if kind in ("float", "double"):
            return float(value)
        if kind == "bool":
            if not isinstance(value, bool):
                raise ValueError("expected true or false")
            return value
        if kind == "string":
            return value
        if isinstance(value, float) and not value.is_integer():
            raise ValueError("expected a whole number")
        return int(value)
    except (KeyError, TypeError, ValueError) as error:
        raise ParseError("Failed to parse %s field: %s: %r" % (field.name, error, value)) from None


def _read_field(message, field, value, ignore_unknown_fields):
    target = None if field.kind != "message" and not field.repeated else getattr(message,
                                                                                field.name)
    try:
        if field.is_map:
            key_field, inner = field.entry.fields
            for key, item in value.items():
                key = key == "true" if key_field.kind == "bool" else _read(key_field, key)
                if inner.kind == "message":
                    ParseDict(item, target[key], ignore_unknown_fields)
                else:
                    target[key] = _read(inner, item)
        elif field.repeated:
            for item in value:
                if field.kind == "message":
                    ParseDict(item, target.add(), ignore_unknown_fields)
                else:
                    target.append(_read(field, item))
        elif field.kind == "message":
            target.SetInParent()
            ParseDict(value, target, ignore_unknown_fields)
        else:
            setattr(message, field.name, _read(field, value))
    except (AttributeError, TypeError, ValueError) as error:
        raise ParseError("Failed to parse %s field: %s." % (field.name, error)) from None


def ParseDict(js_dict, message, ignore_unknown_fields=False, **unused):
    """Reads a dict of plain values into a message; gives the message."""
    if not isinstance(js_dict, dict):
        raise ParseError("expected an object for %s, got %r"
                         % (message.DESCRIPTOR.full_name, js_dict))
    names = {f.json_name: f for f in message.DESCRIPTOR.fields}
    names.update(message.DESCRIPTOR.fields_by_name)
    for name, value in js_dict.items():
        field = names.get(name)
        if field is None:
            if ignore_unknown_fields:
                continue
            raise ParseError("Message type \"%s\" has no field named \"%s\"."
                             % (message.DESCRIPTOR.full_name, name))
        if value is not None:
            _read_field(message, field, value, ignore_unknown_fields)
    return message


def Parse(text, message, ignore_unknown_fields=False, **unused):
    """Reads JSON into a message; gives the message."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise ParseError("Failed to load JSON: %s." % error) from None
    return ParseDict(found, message, ignore_unknown_fields)
