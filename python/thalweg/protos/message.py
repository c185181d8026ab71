# SPDX-License-Identifier: Apache-2.0
"""Protocol buffer messages with the face that the `protobuf` package gives them.

A message keeps what was set in one dict, by field name. A message field that is read before it was
set is there too, but not *present*: it becomes present, in its parent as well, at the first change
inside it. Repeated and map fields are made when they are first read."""
from thalweg.protos import descriptor as _descriptor
from thalweg.protos.checks import CHECKS, enum_check
from thalweg.protos.containers import MessageMap, RepeatedComposite, RepeatedScalar, ScalarMap


class Error(Exception):
    """Something is wrong with a message."""


class DecodeError(Error):
    """Bytes that are no message of this type."""


class EncodeError(Error):
    """A message that cannot be written."""


def _check_of(field):
    if field.kind == "enum":
        return enum_check(_descriptor.enum_wrapper(field.type_name))
    return CHECKS[field.kind]


class Message:
    """The base of all messages; the fields are properties of the subclasses."""
    __slots__ = ("_values", "_present", "_parent", "_unknown", "__weakref__")
    DESCRIPTOR = None
    _fields = {}   # name: FieldDescriptor
    _makers = {}   # name: callable(message) -> container or message
    _setters = {}  # name: (check, names of the other members of its oneof)

    def __init__(self, **fields):
        self._values, self._present, self._parent, self._unknown = {}, True, None, b""
        for name, value in fields.items():
            if value is not None:
                self._initialize(name, value)

    def _initialize(self, name, value):
        field = self._fields.get(name)
        if field is None:
            raise ValueError("Protocol message %s has no \"%s\" field."
                             % (self.DESCRIPTOR.name, name))
        if name in self._setters:
            setattr(self, name, value)
            return
        target = getattr(self, name)
        if field.is_map:
            for key, item in value.items():
                if isinstance(target, MessageMap):
                    _merge_any(target[key], item)
                else:
                    target[key] = item
        elif field.repeated and field.kind == "message":
            for item in value:
                _merge_any(target.add(), item)
        elif field.repeated:
            target.extend(value)
        else:
            target._touch()
            _merge_any(target, value)

    # ---- presence ----

    def _touch(self):
        """This message has now been set, and so have those around it."""
        if not self._present:
            self._present = True
            if self._parent is not None:
                owner, name, rivals = self._parent
                for rival in rivals:
                    owner._drop(rival)
                owner._touch()

    def _drop(self, name):
        old = self._values.pop(name, None)
        if isinstance(old, Message):
            old._parent, old._present = None, True

    SetInParent = _touch

    def HasField(self, name):
        field = self._fields.get(name)
        if field is None:
            if name in self.DESCRIPTOR.oneofs_by_name:
                return self.WhichOneof(name) is not None
            raise ValueError("Protocol message %s has no field %s." % (self.DESCRIPTOR.name, name))
        if not field.has_presence:
            raise ValueError("Can't test non-optional, non-submessage field \"%s.%s\" for presence "
                             "in proto3." % (self.DESCRIPTOR.full_name, name))
        return self._has(name)

    def _has(self, name):
        value = self._values.get(name)
        return value is not None and (not isinstance(value, Message) or value._present)

    def WhichOneof(self, name):
        oneof = self.DESCRIPTOR.oneofs_by_name.get(name)
        if oneof is None:
            raise ValueError("Protocol message has no oneof \"%s\" field." % name)
        for field in oneof.fields:
            if self._has(field.name):
                return field.name
        return None

    def ClearField(self, name):
        if name in self.DESCRIPTOR.oneofs_by_name:
            name = self.WhichOneof(name)
            if name is None:
                return
        elif name not in self._fields:
            raise ValueError("Protocol message %s has no \"%s\" field."
                             % (self.DESCRIPTOR.name, name))
        self._drop(name)
        self._touch()

    def Clear(self):
        for name in list(self._values):
            self._drop(name)
        self._unknown = b""
        self._touch()

    def ListFields(self):
        """[(descriptor, value)] of all fields that are set, in order of number."""
        values, out = self._values, []
        if not values:
            return out
        for field in self.DESCRIPTOR.fields:
            value = values.get(field.name)
            if value is None:
                continue
            if isinstance(value, Message):
                if value._present:
                    out.append((field, value))
            elif field.repeated:
                if value:
                    out.append((field, value))
            elif field.containing_oneof is not None or value or _is_negative_zero(value):
                out.append((field, value))
        return out

    def IsInitialized(self, errors=None):
        return True

    def FindInitializationErrors(self):
        return []

    def DiscardUnknownFields(self):
        self._unknown = b""

    # ---- copies ----

    def CopyFrom(self, other):
        if other is self:
            return
        if type(other) is not type(self) and not _same_type(self, other):
            raise TypeError("Parameter to CopyFrom() must be instance of same class: expected %s "
                            "got %s." % (self.DESCRIPTOR.full_name, _type_name(other)))
        self.Clear()
        self.MergeFrom(other)

    def MergeFrom(self, other):
        if type(other) is not type(self):
            if not _same_type(self, other):
                raise TypeError("Parameter to MergeFrom() must be instance of same class: expected "
                                "%s got %s." % (self.DESCRIPTOR.full_name, _type_name(other)))
            self.MergeFromString(other.SerializeToString())
            return
        self._touch()
        for field, value in other.ListFields():
            if field.repeated or field.kind == "message":
                getattr(self, field.name).MergeFrom(value)
            else:
                setattr(self, field.name, value)
        self._unknown += other._unknown

    def __deepcopy__(self, memo):
        new = type(self)()
        new.MergeFrom(self)
        return new

    __copy__ = None

    def __reduce__(self):
        return _restore, (self.DESCRIPTOR.schema_name, self.SerializeToString())

    def __eq__(self, other):
        if self is other:
            return True
        if type(other) is not type(self):
            if _same_type(self, other):
                return self.SerializeToString() == other.SerializeToString(deterministic=True)
            return NotImplemented
        return self.ListFields() == other.ListFields() and self._unknown == other._unknown

    def __ne__(self, other):
        return not self == other

    __hash__ = None

    # ---- bytes and text ----

    def SerializeToString(self, deterministic=None):
        from thalweg.protos import wire
        return wire.encode(self)

    SerializePartialToString = SerializeToString

    def ByteSize(self):
        return len(self.SerializeToString())

    def MergeFromString(self, data):
        from thalweg.protos import wire
        return wire.merge(self, data)

    def ParseFromString(self, data):
        self.Clear()
        return self.MergeFromString(data)

    @classmethod
    def FromString(cls, data):
        new = cls()
        new.MergeFromString(data)
        return new

    def __str__(self):
        from thalweg.protos import text_format
        return text_format.MessageToString(self)

    __repr__ = __str__

    def __unicode__(self):
        from thalweg.protos import text_format
        return text_format.MessageToString(self, as_utf8=True)

    def __dir__(self):
        return sorted(set(object.__dir__(self)))


del Message.__copy__


def _is_negative_zero(value):
    return type(value) is float and str(value) == "-0.0"


def _type_name(thing):
    described = getattr(thing, "DESCRIPTOR", None)
    return getattr(described, "full_name", None) or type(thing).__name__


def _same_type(message, other):
    """A message of the same type made by another library, as the `protobuf` package."""
    described = getattr(type(other), "DESCRIPTOR", None)
    return getattr(described, "full_name", None) == message.DESCRIPTOR.full_name \
        and hasattr(other, "SerializeToString")


def _merge_any(target, value):
    """A message from a message or, as in a constructor, from a dict of its fields."""
    if isinstance(value, dict):
        for name, item in value.items():
            target._initialize(name, item)
        target._touch()
    else:
        target.MergeFrom(value)


def _restore(name, data):
    return message_class(name).FromString(data)


# ---- classes ----

_classes = {}


def message_class(name):
    """The class of a message by its name in the schema, e.g. "AttrValue.ListValue"."""
    return _classes.get(name) or _make_class(_descriptor.message_descriptor(name))


def class_of(described):
    """The class of a descriptor; entries of maps have one, as messages have."""
    return _classes.get(described.schema_name) or _make_class(described)


def _make_class(described):
    with _descriptor.MAKING:
        return _classes.get(described.schema_name) or _new_class(described)


def _new_class(described):
    body = {"__slots__": (), "DESCRIPTOR": described, "__module__": "thalweg.protos",
            "__qualname__": described.schema_name, "_makers": {}, "_setters": {},
            "_fields": described.fields_by_name,
            "__doc__": "The protocol buffer %s." % described.full_name}
    for short, full in described.nested(_descriptor.ENUMS).items():
        wrapper = _descriptor.enum_wrapper(full)
        body[short] = wrapper
        body.update(wrapper.items())
    for field in described.fields:
        body[field.name] = _property(field, body)
        body[field.name.upper() + "_FIELD_NUMBER"] = field.number
    for short, full in described.nested(_descriptor.MESSAGES).items():
        body[short] = message_class(full)
    bases = (AnyMethods, Message) if described.full_name == "google.protobuf.Any" else (Message,)
    made = _classes[described.schema_name] = type(described.name, bases, body)
    return made


def _property(field, body):
    """The property of one field; says in `body` how it is made or set."""
    name = field.name
    rivals = tuple(f.name for f in field.containing_oneof.fields if f is not field) \
        if field.containing_oneof else ()
    if field.repeated or field.kind == "message":
        make = body["_makers"][name] = _maker(field, rivals)

        def get(self):
            value = self._values.get(name)
            if value is None:
                value = self._values[name] = make(self)
            return value

        def refuse(self, value):
            if value is not self._values.get(name):
                raise AttributeError("Assignment not allowed to message, map, or repeated field "
                                     "\"%s\" in protocol message object." % name)
        return property(get, refuse)
    check, default = _check_of(field), field.default_value
    body["_setters"][name] = check, rivals

    def get_scalar(self):
        return self._values.get(name, default)

    def set_scalar(self, value):
        self._values[name] = check(value)
        for rival in rivals:
            self._drop(rival)
        if not self._present:
            self._touch()
    return property(get_scalar, set_scalar)


def _maker(field, rivals):
    """How the value of a field that is no scalar is made: callable(message)."""
    if field.is_map:
        key, value = field.entry.fields
        if value.kind == "message":
            return lambda m: MessageMap(m, CHECKS[key.kind], message_class(value.type_name),
                                        field.entry)
        return lambda m: ScalarMap(m, CHECKS[key.kind], _check_of(value), value.default_value,
                                   field.entry)
    if field.kind != "message":
        check = _check_of(field)
        return lambda m: RepeatedScalar(m, check)
    if field.repeated:
        return lambda m: RepeatedComposite(m, message_class(field.type_name))
    name = field.name

    def child(message):
        new = message_class(field.type_name)()
        new._present, new._parent = False, (message, name, rivals)
        return new
    return child


class AnyMethods:
    """What google.protobuf.Any can do beside being a message."""
    __slots__ = ()

    def Pack(self, message, type_url_prefix="type.googleapis.com/", deterministic=None):
        self.type_url = type_url_prefix.rstrip("/") + "/" + message.DESCRIPTOR.full_name
        self.value = message.SerializeToString()

    def Is(self, described):
        return "/" in self.type_url and self.TypeName() == described.full_name

    def TypeName(self):
        return self.type_url.rpartition("/")[2]

    def Unpack(self, message):
        if not self.Is(message.DESCRIPTOR):
            return False
        message.ParseFromString(self.value)
        return True
