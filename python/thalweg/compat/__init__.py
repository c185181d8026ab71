# SPDX-License-Identifier: Apache-2.0
"""Programs written for a version of TensorFlow: install(api="0.12") makes `import tensorflow` give
them what that version had. levels.py is the table of all differences.

Inside this package the newest meaning (1.15) holds always; only what a program sees through
`tensorflow...` is changed, and `behaviour`, a few switches for what no name can tell apart."""
import sys

from thalweg.compat import levels as _levels

_level = None


def _parsed(version):
    """(major, minor) of "1.4", 1.4, "1.4.0" or a tuple."""
    if isinstance(version, tuple):
        return version[:2]
    words = str(version).split(".")
    try:
        found = int(words[0]), int(words[1]) if len(words) > 1 else 0
    except ValueError:
        raise ValueError("an API level is a version such as \"0.12\" or \"1.15\", not %r"
                         % (version,)) from None
    if not _levels.OLDEST <= found <= _levels.NEWEST:
        raise ValueError("API levels go from %d.%d to %d.%d, not %s"
                         % (_levels.OLDEST + _levels.NEWEST + (version,)))
    return found


def level():
    """The level that install() was given, as (major, minor); None without one."""
    return _level


def below(version):
    """Whether the program was written for a version before this one."""
    return _level is not None and _level < _parsed(version)


def at_least(version):
    """Whether the program was written for this version or a later one, or for no version."""
    return not below(version)


class _Behaviour:
    """Switches that the package itself reads, with the values of the level; see levels.py."""

    def _set(self, level):
        for name, (newest, rows) in _levels.BEHAVIOUR.items():
            value = newest
            for until, older in rows:
                if level is not None and level < _parsed(until):
                    value = older
                    break
            setattr(self, name, value)
        self._messages = _levels.messages(level)
        for callback in self._watchers:
            callback(self)

    _watchers, _messages = [], []

    def reword(self, message):
        """An error's text as the level had it."""
        for pattern, replacement in self._messages:
            message = pattern.sub(replacement, message)
        return message


behaviour = _Behaviour()
behaviour._set(None)


def on_change(callback):
    """Calls callback(behaviour) now and at every change of the level."""
    behaviour._watchers.append(callback)
    callback(behaviour)


def install(api=None):
    """Makes `import tensorflow` and `import tensorflow.python.X` resolve to this package, with the
    names and meanings of version `api`: "0.7" to "1.15". None: the newest meaning, with the older
    names besides, and old argument orders recognised where they cannot be mistaken."""
    global _level
    from thalweg.compat import finder
    _level = None if api is None else _parsed(api)
    behaviour._set(_level)
    for name in [n for n in sys.modules if n == "tensorflow" or n.startswith("tensorflow.")]:
        del sys.modules[name]
    finder.install()


def __getattr__(name):
    if name in ("v1", "_v1"):
        from thalweg.compat import finder
        return finder.view("tensorflow.compat.v1")
    from thalweg.framework import tensor_shape
    from thalweg.util import compat as _text
    if name in ("dimension_value", "dimension_at_index"):
        return getattr(tensor_shape, name)
    if name in _text.__all__:
        return getattr(_text, name)
    raise AttributeError("module %r has no attribute %r" % (__name__, name))


def __dir__():
    from thalweg.util import compat as _text
    return sorted({*globals(), *_text.__all__, "dimension_at_index", "dimension_value", "v1"})
