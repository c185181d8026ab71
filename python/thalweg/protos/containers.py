# SPDX-License-Identifier: Apache-2.0
"""Repeated and map fields: lists and dicts that check what goes in and tell their message.

They hold a reference to the message they belong to, because the first element put into a field of a
message that nobody has set yet makes that message present in its own parent."""


class RepeatedScalar(list):
    """A repeated field of numbers, strings or enums."""
    __slots__ = ("_owner", "_check")

    def __init__(self, owner, check):
        list.__init__(self)
        self._owner, self._check = owner, check

    def _touch(self):
        if not self._owner._present:
            self._owner._touch()

    def append(self, value):
        list.append(self, self._check(value))
        self._touch()

    def extend(self, values):
        if values is None:
            return
        check = self._check
        list.extend(self, [check(v) for v in values])
        self._touch()

    def __iadd__(self, values):
        self.extend(values)
        return self

    def insert(self, index, value):
        list.insert(self, index, self._check(value))
        self._touch()

    def __setitem__(self, index, value):
        if isinstance(index, slice):
            value = [self._check(v) for v in value]
        else:
            value = self._check(value)
        list.__setitem__(self, index, value)
        self._touch()

    def MergeFrom(self, other):
        self.extend(other)

    def __deepcopy__(self, memo):
        return list(self)

    def __reduce__(self):
        return list, (list(self),)

    __hash__ = None


class RepeatedComposite(list):
    """A repeated field of messages; elements are made by add() or copied in."""
    __slots__ = ("_owner", "_class")

    def __init__(self, owner, message_class):
        list.__init__(self)
        self._owner, self._class = owner, message_class

    def _touch(self):
        if not self._owner._present:
            self._owner._touch()

    def _copied(self, value):
        new = self._class()
        new.CopyFrom(value)
        return new

    def add(self, **fields):
        new = self._class(**fields)
        list.append(self, new)
        self._touch()
        return new

    def append(self, value):
        list.append(self, self._copied(value))
        self._touch()

    def extend(self, values):
        list.extend(self, [self._copied(v) for v in values or ()])
        self._touch()

    def __iadd__(self, values):
        self.extend(values)
        return self

    def insert(self, index, value):
        list.insert(self, index, self._copied(value))
        self._touch()

    def __setitem__(self, index, value):
        raise TypeError("%r object does not support item assignment" % type(self).__name__)

    def MergeFrom(self, other):
        self.extend(other)

    def __deepcopy__(self, memo):
        return [self._copied(v) for v in self]

    def __reduce__(self):
        return list, (list(self),)

    __hash__ = None


class ScalarMap(dict):
    """A map to numbers or strings; reading a missing key puts the default there."""
    __slots__ = ("_owner", "_key", "_check", "_default", "_entry")

    def __init__(self, owner, key, check, default, entry):
        dict.__init__(self)
        self._owner, self._key, self._check, self._default = owner, key, check, default
        self._entry = entry

    def __missing__(self, key):
        key = self._key(key)
        dict.__setitem__(self, key, self._default)
        return self._default

    def __setitem__(self, key, value):
        dict.__setitem__(self, self._key(key), self._check(value))
        if not self._owner._present:
            self._owner._touch()

    def update(self, *args, **items):
        for key, value in dict(*args, **items).items():
            self[key] = value

    MergeFrom = update

    def GetEntryClass(self):
        return self._entry._concrete_class

    def __reduce__(self):
        return dict, (dict(self),)

    def __deepcopy__(self, memo):
        return dict(self)


class MessageMap(dict):
    """A map to messages; reading a missing key makes an empty message there."""
    __slots__ = ("_owner", "_key", "_class", "_entry")

    def __init__(self, owner, key, message_class, entry):
        dict.__init__(self)
        self._owner, self._key, self._class, self._entry = owner, key, message_class, entry

    def __missing__(self, key):
        new = self._class()
        dict.__setitem__(self, self._key(key), new)
        if not self._owner._present:
            self._owner._touch()
        return new

    def get_or_create(self, key):
        return self[key]

    def __setitem__(self, key, value):
        raise ValueError("May not set values directly, call my_map[key].foo = 5")

    def setdefault(self, key, default=None):
        raise ValueError("May not set values directly, call my_map[key].foo = 5")

    def update(self, *args, **items):
        raise ValueError("May not set values directly, call my_map[key].foo = 5")

    def MergeFrom(self, other):
        for key, value in other.items():
            self[key].CopyFrom(value)

    def GetEntryClass(self):
        return self._entry._concrete_class

    def __reduce__(self):
        return dict, (dict(self),)

    def __deepcopy__(self, memo):
        return {key: self[key].__deepcopy__(memo) for key in self}
