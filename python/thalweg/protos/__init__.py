# SPDX-License-Identifier: Apache-2.0
"""Protocol buffers, without the `protobuf` package: GraphDef, NodeDef, ConfigProto, Summary ...

`protos.GraphDef` is a message, `protos.graph_pb2` a module with all that TensorFlow's module of
that name has. Both are made when they are first asked for."""
import sys
import types

from thalweg.protos import descriptor as _descriptor


def _message_class(name):
    from thalweg.protos import message
    return message.message_class(name)


class Face(types.ModuleType):
    """A module as protobuf's compiler would have made: messages, enums and their values."""

    def __init__(self, name):
        types.ModuleType.__init__(self, __name__ + "." + name, "Messages of %s." % name)
        self.DESCRIPTOR, messages, enums = _descriptor.FILES[name]
        self.__package__ = __name__
        self._messages = {n.rpartition(".")[2]: n for n in messages
                          if "." not in n or n.rpartition(".")[0] not in _descriptor.MESSAGES}
        for enum in enums:
            if enum.rpartition(".")[0] not in _descriptor.MESSAGES:
                wrapper = _descriptor.enum_wrapper(enum)
                setattr(self, enum.rpartition(".")[2], wrapper)
                for value, number in wrapper.items():
                    setattr(self, value, number)
        self.__all__ = list(self._messages) + [n for n in vars(self) if n[0] != "_"]

    def __getattr__(self, name):
        if name in self._messages:
            found = _message_class(self._messages[name])
            setattr(self, name, found)
            return found
        if name.startswith("_") and name[1:].upper() in (n.upper() for n in self._messages):
            return next(_descriptor.message_descriptor(full)  # e.g. _NODEDEF
                        for n, full in self._messages.items() if n.upper() == name[1:])
        raise AttributeError("module %r has no attribute %r" % (self.__name__, name))

    def __dir__(self):
        return sorted(set(vars(self)) | set(self._messages))


_faces = {}


def face(name):
    """The module NAME_pb2; always the same object."""
    found = _faces.get(name)
    if found is None:
        found = _faces[name] = Face(name)
        sys.modules.setdefault(found.__name__, found)
    return found


def __getattr__(name):
    if name in _descriptor.FILES:
        return face(name)
    if name in _descriptor.MESSAGES:
        return _message_class(name)
    if name in _descriptor.ENUMS:
        return _descriptor.enum_wrapper(name)
    raise AttributeError("module %r has no attribute %r" % (__name__, name))


def __dir__():
    return sorted(set(globals()) | set(_descriptor.FILES) | set(_descriptor.MESSAGES)
                  | set(_descriptor.ENUMS))
