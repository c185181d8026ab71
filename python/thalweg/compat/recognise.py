# SPDX-License-Identifier: Apache-2.0
"""Calls in an old order of arguments, told from the arguments' types, for programs that say no
level."""
import functools
import numbers
import warnings

import numpy as np

from thalweg.compat import orders

_wrapped = {}
_changed = _older = None


def changed():
    """levels.changed(), made once."""
    global _changed
    if _changed is None:
        from thalweg.compat import levels
        _changed = levels.changed()
    return _changed


def older_orders():
    """levels.orders(), made once."""
    global _older
    if _older is None:
        from thalweg.compat import levels
        _older = levels.orders()
    return _older


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


# Arguments that are text, so that text in their place does not tell an older call.
_TEXTS = {"name", "scope", "data_format", "mode", "padding", "unit", "kernel_initializer"}


def name_early(thing, words):
    """A test for calls with a name where by now another argument stands (cond(p, f, g, "x")), or
    under a word that is no more; None if there are none."""
    now, then = orders.positions(thing, ""), orders.positions(thing, words)
    place = then.index("name") if "name" in then else len(now)
    if place < len(now) and now[place] in _TEXTS:
        place = len(now)
    gone = {word.partition("=")[0] for word in words.split() if "=" in word}.difference(now)
    if place == len(now) and not gone:
        return None
    return lambda args, kwargs: (len(args) > place and isinstance(args[place], str)
                                 or not gone.isdisjoint(kwargs))


def either(thing):
    """The function itself, or one that takes calls in the old order too, with a warning."""
    from thalweg import compat
    if compat.level() is not None or not callable(thing):
        return thing
    where = definition(thing) or ""
    if where not in changed() and where not in older_orders():
        return thing
    if thing not in _wrapped:
        tests = _tests(thing, where)
        _wrapped[thing] = _both(thing, tests) if tests else thing
    return _wrapped[thing]


def _tests(thing, where):
    """[(until, whether a call is an older one, function that gives what it calls)]"""
    from thalweg import _api
    tests = [(until, globals()[test], functools.partial(_api.fetch, path, attribute))
             for until, path, attribute, test in changed().get(where, ()) if test != "-"]
    for until, words in older_orders().get(where, ()):
        test = name_early(thing, words)
        if test:
            tests.append((until, test, functools.partial(orders.in_order, thing, words)))
    return tests


def _called(new, tests, args, kwargs, depth):
    """What a call means: the function itself, or with a warning an older one. The program's own
    line is `depth` calls away."""
    for until, is_old, older in tests:
        if is_old(args, kwargs):
            warnings.warn("%s() is called as before version %d.%d" % ((new.__name__,) + until),
                          stacklevel=depth + 1)
            return older()
    return new


def _both(new, tests):
    if isinstance(new, type):
        return orders.standing_for(
            new, lambda args, kwargs: (_called(new, tests, args, kwargs, 3), args, kwargs))

    @functools.wraps(new)
    def call(*args, **kwargs):
        return _called(new, tests, args, kwargs, 2)(*args, **kwargs)
    return call
