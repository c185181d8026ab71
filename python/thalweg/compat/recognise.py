# SPDX-License-Identifier: Apache-2.0
"""Calls in an old order of arguments, told from the arguments' types, for programs that say no
level."""
import functools
import numbers
import warnings

import numpy as np

_wrapped = {}
_changed = None


def changed():
    """levels.changed(), made once."""
    global _changed
    if _changed is None:
        from thalweg.compat import levels
        _changed = levels.changed()
    return _changed


def definition(thing):
    """The path of a function or class as in levels.CHANGED, or None."""
    module, name = getattr(thing, "__module__", None), getattr(thing, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(name, str) \
            or not module.startswith("thalweg."):
        return None
    return module[len("thalweg."):] + "." + name


def _is_axis(value):
    """A plain whole number, as an axis is."""
    return isinstance(value, (numbers.Integral, np.integer)) and not isinstance(value, bool)


def axis_first(args, kwargs):
    """f(axis, ..., values), where now the values come first."""
    old_words = ("concat_dim", "split_dim", "num_split")
    return bool(args) and _is_axis(args[0]) and len(args) > 1 or any(w in kwargs
                                                                    for w in old_words)


def boolean_second(args, kwargs):
    """reverse(tensor, [True, False]), where now axes are listed."""
    second = args[1] if len(args) > 1 else kwargs.get("dims")
    if isinstance(second, (list, tuple)):
        return bool(second) and all(isinstance(v, (bool, np.bool_)) for v in second)
    return getattr(second, "dtype", None) in (np.dtype(bool),) or \
        getattr(getattr(second, "dtype", None), "is_bool", False)


def _is_integer(value):
    """A tensor, array or list of whole numbers."""
    dtype = getattr(value, "dtype", None)
    if dtype is None:
        return isinstance(value, (list, tuple)) and np.asarray(value).dtype.kind in "iu"
    return getattr(dtype, "is_integer", None) or getattr(dtype, "kind", "") in ("i", "u")


def integers_second(args, kwargs):
    """f(logits, labels) by position, where now names are asked for and labels are first."""
    del kwargs
    return len(args) > 1 and _is_integer(args[1]) and not _is_integer(args[0])


def integers_fourth(args, kwargs):
    """f(weights, biases, inputs, labels, ...), where now the labels come third."""
    del kwargs
    return len(args) > 3 and _is_integer(args[3]) and not _is_integer(args[2])


def numbers_second(args, kwargs):
    """f(images, height, width), where now the sizes are one list."""
    return "new_height" in kwargs or len(args) > 2 and _is_axis(args[1]) and _is_axis(args[2])


def targets_by_name(args, kwargs):
    """f(logits, targets=...), where now they are called labels."""
    del args
    return "targets" in kwargs


def reuse_second(args, kwargs):
    """variable_scope(name, True) or variable_scope(name, None, initializer), where now the name to
    make unique comes second, and then values."""
    return len(args) > 1 and isinstance(args[1], bool) or len(args) > 2 and callable(args[2])


def boolean_fifth(args, kwargs):
    """get_variable(name, shape, dtype, initializer, trainable), where now a regularizer stands."""
    return len(args) > 4 and isinstance(args[4], bool)


def is_plain_name(value):
    """A name, where now a device stands, without a level."""
    from thalweg import compat
    return compat.level() is None and isinstance(value, str) and ":" not in value \
        and not value.startswith("/")


def shape_first(args, kwargs):
    """zeros_initializer(shape), where now it takes a type and makes an initializer."""
    from thalweg.framework import tensor_shape
    first = args[0] if args else kwargs.get("shape")
    return isinstance(first, (list, tuple, tensor_shape.TensorShape))


def either(thing):
    """The function itself, or one that takes calls in the old order too, with a warning."""
    from thalweg import compat
    if compat.level() is not None or not callable(thing):
        return thing
    rows = changed().get(definition(thing) or "", ())
    tests = [(row, globals()[row[3]]) for row in rows if row[3] != "-"]
    if not tests:
        return thing
    if thing not in _wrapped:
        _wrapped[thing] = _both(thing, tests)
    return _wrapped[thing]


def _old_meaning(new, tests, args, kwargs):
    """What a call in an old order calls, or None; with a warning."""
    from thalweg import _api
    for (until, path, attribute, _), is_old in tests:
        if is_old(args, kwargs):
            warnings.warn("%s() is called as before version %d.%d" % ((new.__name__,) + until),
                          stacklevel=3)
            return _api.fetch(path, attribute)
    return None


def _both(new, tests):
    if isinstance(new, type):
        return _both_classes(new, tests)

    @functools.wraps(new)
    def call(*args, **kwargs):
        old = _old_meaning(new, tests, args, kwargs)
        return (new if old is None else old)(*args, **kwargs)
    return call


def _both_classes(new, tests):
    """A class that stands for another one, whose calls may be in the old order."""
    class Either(type(new)):
        def __call__(cls, *args, **kwargs):
            if cls is not stands:
                return super().__call__(*args, **kwargs)
            old = _old_meaning(new, tests, args, kwargs)
            return (new if old is None else old)(*args, **kwargs)

        def __instancecheck__(cls, thing):
            return isinstance(thing, new) if cls is stands else super().__instancecheck__(thing)

        def __subclasscheck__(cls, kind):
            return issubclass(kind, new) if cls is stands else super().__subclasscheck__(kind)
    stands = None
    stands = Either(new.__name__, (new,), {"__doc__": new.__doc__, "__module__": new.__module__,
                                           "__qualname__": new.__qualname__})
    return stands
