# SPDX-License-Identifier: Apache-2.0
"""tf.contrib.training.HParams: named numbers of a program, each of a type that it keeps."""
import json
import numbers
import re

_PAIR = re.compile(r"\s*(\w+)\s*(?:\[(\d+)\])?\s*=\s*(?:\[([^\]]*)\]|([^,\[]*))\s*(?:,|$)")


def _word(text):
    """A truth value of a text."""
    lower = text.lower()
    if lower in ("true", "1"):
        return True
    if lower in ("false", "0"):
        return False
    raise ValueError("Could not parse hparam of type 'bool' with value '%s'" % text)


def _cast(name, kind, value):
    """A value as one of a type; nothing is lost by it."""
    fails = ValueError("Could not cast hparam '%s' of type '%s' from value %r"
                       % (name, kind, value))
    if kind is type(None) or value is None or isinstance(value, kind) and kind is not int:
        return value
    if kind is bool:
        raise fails
    if issubclass(kind, (str, bytes)) and not isinstance(value, (str, bytes)):
        raise fails
    if issubclass(kind, numbers.Integral):
        if isinstance(value, bool) or not isinstance(value, numbers.Integral):
            raise fails
    elif issubclass(kind, numbers.Number) and not isinstance(value, numbers.Number):
        raise fails
    return kind(value)


def _read(name, kind, text):
    try:
        return _word(text) if kind is bool else kind(text)
    except ValueError as error:
        raise ValueError("Could not parse hparam '%s' of type '%s' with value '%s'"
                         % (name, kind.__name__, text)) from error


class HParams:
    """Values as attributes: HParams(rate=0.1, sizes=[1, 2]).rate"""

    def __init__(self, hparam_def=None, model_structure=None, **kwargs):
        if hparam_def is not None:
            raise ValueError("hparam_def (a message) is not supported: give the values by name")
        self._types, self._model_structure = {}, model_structure
        for name, value in kwargs.items():
            self.add_hparam(name, value)

    def add_hparam(self, name, value):
        """A new one; a list has values of one type."""
        if getattr(self, name, None) is not None:
            raise ValueError("Hyperparameter name is reserved: %s" % name)
        if isinstance(value, (list, tuple)):
            if not value:
                raise ValueError("Multi-valued hyperparameters cannot be empty: %s" % name)
            self._types[name] = type(value[0]), True
        else:
            self._types[name] = type(value), False
        setattr(self, name, value)

    def set_hparam(self, name, value):
        """Another value of the same type."""
        kind, many = self._types[name]
        if isinstance(value, list) != many and isinstance(value, (list, tuple)) != many:
            raise ValueError("Must pass a list for multi-valued parameter: %s." % name if many
                             else "Must not pass a list for single-valued parameter: %s" % name)
        if many:
            value = [_cast(name, kind, one) for one in value]
        else:
            value = _cast(name, kind, value)
        setattr(self, name, value)

    def del_hparam(self, name):
        """Without one of them."""
        if name in self._types:
            del self._types[name]
            delattr(self, name)

    def parse(self, values):
        """Changes what a text "rate=0.2,sizes=[3,4],sizes[0]=5" says."""
        at = 0
        while at < len(values):
            match = _PAIR.match(values, at)
            if not match:
                raise ValueError("Malformed hyperparameter value: %s" % values[at:])
            name, index, many, one = match.groups()
            if name not in self._types:
                raise ValueError("Unknown hyperparameter type for %s" % name)
            self._set_from_text(name, index, many, one)
            at = match.end()
        return self

    def _set_from_text(self, name, index, many, one):
        kind, is_list = self._types[name]
        if many is not None:
            if not is_list or index is not None:
                raise ValueError("Must not pass a list for single-valued parameter: %s" % name)
            value = [_read(name, kind, part.strip()) for part in many.split(",") if part.strip()]
        elif index is not None:
            value = list(getattr(self, name))
            value[int(index)] = _read(name, kind, one.strip())
        elif is_list:
            raise ValueError("Must pass a list for multi-valued parameter: %s." % name)
        else:
            value = _read(name, kind, one.strip())
        setattr(self, name, value)

    def override_from_dict(self, values_dict):
        """Changes those that a dictionary names."""
        for name, value in values_dict.items():
            self.set_hparam(name, value)
        return self

    def parse_json(self, values_json):
        """The same of JSON."""
        return self.override_from_dict(json.loads(values_json))

    def to_json(self, indent=None, separators=None, sort_keys=False):
        """All of them as JSON."""
        return json.dumps({k: v for k, v in self.values().items() if not callable(v)},
                          indent=indent, separators=separators, sort_keys=sort_keys)

    def values(self):
        """{name: value}"""
        return {name: getattr(self, name) for name in self._types}

    def get(self, key, default=None):
        """The value of a name, or a default of its type."""
        return getattr(self, key) if key in self._types else default

    def set_model_structure(self, model_structure):
        """Keeps what belongs to the values."""
        self._model_structure = model_structure

    def get_model_structure(self):
        return self._model_structure

    def __contains__(self, key):
        return key in self._types

    def __str__(self):
        return str(sorted(self.values().items()))

    def __repr__(self):
        return "%s(%s)" % (type(self).__name__, self)
