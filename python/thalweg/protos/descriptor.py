# SPDX-License-Identifier: Apache-2.0
"""What messages, fields and enums are: read from the schema, one message at a time, when asked for.

The attributes carry the names that the `protobuf` package uses, so that its own text_format and
json_format can walk our messages too."""
import re
import threading

from thalweg.protos.schema import SCHEMA

# kind: (proto type number, number of the C++ type, default)
KINDS = {
    "double": (1, 5, 0.0), "float": (2, 6, 0.0), "int64": (3, 2, 0), "uint64": (4, 4, 0),
    "int32": (5, 1, 0), "fixed64": (6, 4, 0), "fixed32": (7, 3, 0), "bool": (8, 7, False),
    "string": (9, 9, ""), "message": (11, 10, None), "bytes": (12, 9, b""), "uint32": (13, 3, 0),
    "enum": (14, 8, 0), "sfixed32": (15, 1, 0), "sfixed64": (16, 2, 0), "sint32": (17, 1, 0),
    "sint64": (18, 2, 0),
}
FIELD = re.compile(r"(\w+) (\d+) ([*]?)(?:<(\w+),([\w.]+)>|([\w.]+))")
PART = re.compile(r"\s*(\w+) \{([^}]*)\}|(?:<[^>]*>|[^,{}<])+")


class Options:
    """The options of a descriptor; only map entries have one."""

    def __init__(self, map_entry=False):
        self.map_entry = map_entry
        self.deprecated = self.packed = False

    def HasField(self, name):
        return bool(getattr(self, name, False))


NO_OPTIONS, MAP_ENTRY = Options(), Options(True)


class EnumValueDescriptor:
    def __init__(self, name, number, index, enum):
        self.name, self.number, self.index, self.type = name, number, index, enum


class EnumDescriptor:
    """An enum: its values in order, by name, by number."""

    def __init__(self, name, pairs, full_name):
        self.name, self.full_name = name.rpartition(".")[2], full_name
        self.values = [EnumValueDescriptor(n, v, i, self) for i, (n, v) in enumerate(pairs)]
        self.values_by_name = {v.name: v for v in self.values}
        self.values_by_number = {v.number: v for v in reversed(self.values)}
        self.is_closed = False

    def GetOptions(self):
        return NO_OPTIONS


class EnumTypeWrapper:
    """The enum as programs use it: Name(number), Value(name), keys(), values(), items()."""

    def __init__(self, descriptor):
        self.DESCRIPTOR = descriptor

    def Name(self, number):
        try:
            return self.DESCRIPTOR.values_by_number[number].name
        except KeyError:
            raise ValueError("Enum %s has no name defined for value %r"
                             % (self.DESCRIPTOR.name, number)) from None

    def Value(self, name):
        try:
            return self.DESCRIPTOR.values_by_name[name].number
        except KeyError:
            raise ValueError("Enum %s has no value defined for name %r"
                             % (self.DESCRIPTOR.name, name)) from None

    def keys(self):
        return [v.name for v in self.DESCRIPTOR.values]

    def values(self):
        return [v.number for v in self.DESCRIPTOR.values]

    def items(self):
        return [(v.name, v.number) for v in self.DESCRIPTOR.values]

    def __getattr__(self, name):
        if name.startswith("__") or name == "DESCRIPTOR":
            raise AttributeError(name)
        try:
            return self.DESCRIPTOR.values_by_name[name].number
        except KeyError:
            raise AttributeError("enum %s has no value %s"
                                 % (self.DESCRIPTOR.name, name)) from None


class OneofDescriptor:
    def __init__(self, name, owner):
        self.name, self.containing_type, self.fields = name, owner, []
        self.full_name = owner.full_name + "." + name


class FieldDescriptor:
    """One field. `kind` is a word of KINDS; a map is a repeated message of entries."""
    LABEL_OPTIONAL, LABEL_REQUIRED, LABEL_REPEATED = 1, 2, 3
    is_extension = has_default_value = has_options = False
    extension_scope = None

    def __init__(self, owner, name, number, repeated, type_name, entry=None):
        self.containing_type, self.name, self.number = owner, name, number
        self.full_name = owner.full_name + "." + name
        self.repeated, self.type_name, self.entry = repeated, type_name, entry
        self.kind = "message" if entry or type_name in MESSAGES else \
            "enum" if type_name in ENUMS else type_name
        self.is_map = entry is not None
        self.containing_oneof = None
        self.index = number
        self.type, self.cpp_type, default = KINDS[self.kind]
        self.label = self.LABEL_REPEATED if repeated else self.LABEL_OPTIONAL
        self.default_value = [] if repeated else default

    is_repeated = property(lambda self: self.repeated)
    is_packed = property(lambda self: self.repeated and
                         self.kind not in ("string", "bytes", "message"))
    json_name = camelcase_name = property(
        lambda self: re.sub("_(.)", lambda m: m.group(1).upper(), self.name))

    @property
    def has_presence(self):
        return not self.repeated and (self.kind == "message" or self.containing_oneof is not None)

    @property
    def message_type(self):
        if self.kind != "message":
            return None
        return self.entry or message_descriptor(self.type_name)

    @property
    def enum_type(self):
        return enum_descriptor(self.type_name) if self.kind == "enum" else None

    @property
    def file(self):
        return self.containing_type.file

    def GetOptions(self):
        return NO_OPTIONS


for _kind, _numbers in KINDS.items():
    setattr(FieldDescriptor, "TYPE_" + _kind.upper(), _numbers[0])
for _kind in ("int32", "int64", "uint32", "uint64", "double", "float", "bool", "enum", "string",
              "message"):
    setattr(FieldDescriptor, "CPPTYPE_" + _kind.upper(), KINDS[_kind][1])


class FileDescriptor:
    syntax = "proto3"

    def __init__(self, name, package):
        self.name, self.package = name, package


class Descriptor:
    """A message: its fields in order of number, its oneofs, nested messages and enums."""
    is_extendable = False
    extensions, extension_ranges, syntax = [], [], "proto3"

    def __init__(self, name, full_name, file, options=NO_OPTIONS):
        self.schema_name, self.full_name, self.file = name, full_name, file
        self.name = name.rpartition(".")[2]
        self.options, self.has_options = options, options is MAP_ENTRY
        self.fields, self.oneofs = [], []

    def fill(self, text):
        """Reads the fields: the part of the schema's line after the colon."""
        for part in PART.finditer(text):
            if part.group(1):
                oneof = OneofDescriptor(part.group(1), self)
                self.oneofs.append(oneof)
                for one in part.group(2).split(","):
                    field = self.add(one)
                    field.containing_oneof = oneof
                    oneof.fields.append(field)
            elif part.group().strip():
                self.add(part.group())
        self.finish()
        return self

    def add(self, text):
        name, number, star, key, value, plain = FIELD.match(text.strip()).groups()
        entry = None
        if key:
            entry = entry_descriptor(self, name, key, value)
        field = FieldDescriptor(self, name, int(number), bool(star or key), plain, entry)
        self.fields.append(field)
        return field

    def finish(self):
        self.fields.sort(key=lambda f: f.number)
        self.fields_by_name = {f.name: f for f in self.fields}
        self.fields_by_camelcase_name = {f.camelcase_name: f for f in self.fields}
        self.fields_by_number = {f.number: f for f in self.fields}
        self.oneofs_by_name = {o.name: o for o in self.oneofs}

    def nested(self, table):
        """{short name: schema name} of what is declared directly inside, of MESSAGES or ENUMS."""
        start = self.schema_name + "."
        return {n[len(start):]: n for n in table
                if n.startswith(start) and "." not in n[len(start):]}

    @property
    def nested_types(self):
        return [message_descriptor(n) for n in self.nested(MESSAGES).values()]

    @property
    def nested_types_by_name(self):
        return {d.name: d for d in self.nested_types}

    @property
    def enum_types(self):
        return [enum_descriptor(n) for n in self.nested(ENUMS).values()]

    @property
    def enum_types_by_name(self):
        return {d.name: d for d in self.enum_types}

    @property
    def containing_type(self):
        outer = self.schema_name.rpartition(".")[0]
        return message_descriptor(outer) if outer in MESSAGES else None

    @property
    def _concrete_class(self):
        from thalweg.protos import message
        return message.class_of(self)

    def GetOptions(self):
        return self.options


def entry_descriptor(owner, name, key, value):
    camel = "".join(w.capitalize() for w in name.split("_")) + "Entry"
    entry = Descriptor(owner.schema_name + "." + camel, owner.full_name + "." + camel, owner.file,
                       MAP_ENTRY)
    entry.fields = [FieldDescriptor(entry, "key", 1, False, key),
                    FieldDescriptor(entry, "value", 2, False, value)]
    entry.finish()
    return entry


# ---- the schema, cut into pieces ----

FILES = {}     # "graph_pb2": (FileDescriptor, [names of messages], [names of enums])
MESSAGES = {}  # name: (text of the fields, FileDescriptor)
ENUMS = {}     # name: (text of the values, FileDescriptor)
_messages, _enums = {}, {}
MAKING = threading.RLock()  # what is asked for by several threads is made once, and seen when done


def _cut():
    file = messages = enums = None
    for line in SCHEMA.replace("\n    ", " ").splitlines():
        word, _, rest = line.partition(" ")
        if word == "file":
            path, _, package = rest.partition(" ")
            file, messages, enums = FileDescriptor(path, package or "tensorflow"), [], []
            FILES[path.rpartition(".")[2]] = file, messages, enums
        elif word:
            name, _, text = rest.partition(":")
            (MESSAGES if word == "message" else ENUMS)[name] = text, file
            (messages if word == "message" else enums).append(name)


_cut()


def full_name(name):
    return name if name.startswith("google.") else "tensorflow." + name


def message_descriptor(name):
    """The descriptor of a message by its name in the schema, e.g. "AttrValue.ListValue"."""
    found = _messages.get(name)
    if found is None:
        with MAKING:
            if name not in _messages:
                text, file = MESSAGES[name]
                _messages[name] = Descriptor(name, full_name(name), file).fill(text)
            found = _messages[name]
    return found


def enum_descriptor(name):
    found = _enums.get(name)
    if found is None:
        pairs = [word.split() for word in ENUMS[name][0].split(",")]
        found = _enums.setdefault(name, EnumDescriptor(name, [(n, int(v)) for n, v in pairs],
                                                       full_name(name)))
    return found


_wrappers = {}


def enum_wrapper(name):
    """The EnumTypeWrapper of an enum; always the same object."""
    if name not in _wrappers:
        _wrappers.setdefault(name, EnumTypeWrapper(enum_descriptor(name)))
    return _wrappers[name]
