# SPDX-License-Identifier: Apache-2.0
"""Names that Python and NumPy have dropped since TensorFlow 1.x, for programs that
`python -m thalweg` runs: collections.Iterable, time.clock, inspect.getargspec, numpy.float ..."""
import builtins
import collections
import collections.abc
import fractions
import functools
import importlib
import inspect
import math
import numbers
import operator
import sys
import time
import types

import numpy as np

# What `/` and `/=` of Python 2 become: names that no program has.
DIVIDE, DIVIDE_IN_PLACE = "_thalweg_divide", "_thalweg_divide_in_place"

ArgSpec = collections.namedtuple("ArgSpec", "args varargs keywords defaults")

# numpy.OLD = numpy.NEW, or a built-in type
_OF_NUMPY = """bool=bool int=int float=float complex=complex object=object str=str unicode=str
long=int float_=float64 complex_=complex128 unicode_=str_ string_=bytes_ Inf=inf Infinity=inf
infty=inf PINF=inf NaN=nan NAN=nan product=prod cumproduct=cumprod sometrue=any alltrue=all
row_stack=vstack in1d=isin trapz=trapezoid round_=round"""


def getargspec(function):
    """The arguments of a function, without those that come by name alone."""
    found = inspect.getfullargspec(function)
    return ArgSpec(found.args, found.varargs, found.varkw, found.defaults)


def _asscalar(array):
    return array.item()


def _add(module, name, value):
    """Under a name that the module no longer has."""
    if name not in vars(module):
        setattr(module, name, value)


def _numpy():
    builtin = {t.__name__: t for t in (bool, int, float, complex, object, str)}
    for word in _OF_NUMPY.split():
        old, _, new = word.partition("=")
        if new in builtin and old != "float_":
            value = builtin[new]
        else:
            value = vars(np).get(new)
        if value is not None:
            _add(np, old, value)
    _add(np, "NINF", -np.inf)
    _add(np, "asscalar", _asscalar)


def _imp():
    """What is mostly used of the module imp."""
    def load_source(name, path):
        spec = importlib.util.spec_from_file_location(name, path)
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
    made = types.ModuleType("imp", "The part of the old module imp that programs use.")
    made.reload, made.load_source, made.new_module = importlib.reload, load_source, types.ModuleType
    return made


def _is_whole(value):
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "iu"
    return isinstance(value, numbers.Integral)


def _division(floor, true):
    """`/` of Python 2: whole numbers are rounded down, and an object may say what it does."""
    def divide(a, b):
        if _is_whole(a) and _is_whole(b):
            return floor(a, b)
        for value, name, other in ((a, "__div__", b), (b, "__rdiv__", a)):
            method = getattr(type(value), name, None)
            result = NotImplemented if method is None else method(value, other)
            if result is not NotImplemented:
                return result
        return true(a, b)
    return divide


def restore_builtins():
    """What a program in Python 2 finds without an import and the conversion does not rename where
    it stands for itself, as in map(unicode, ...)."""
    found = {DIVIDE: _division(operator.floordiv, operator.truediv),
             DIVIDE_IN_PLACE: _division(operator.ifloordiv, operator.itruediv),
             "xrange": range, "unicode": str, "long": int, "basestring": str, "unichr": chr,
             "reduce": functools.reduce, "reload": importlib.reload, "raw_input": input,
             "cmp": lambda a, b: (a > b) - (a < b), "file": open}
    for name, value in found.items():
        _add(builtins, name, value)


def restore():
    """Puts the names back where they are missing."""
    for name in collections.abc.__all__:
        _add(collections, name, getattr(collections.abc, name))
    _add(time, "clock", time.perf_counter)
    _add(fractions, "gcd", math.gcd)
    _add(inspect, "ArgSpec", ArgSpec)
    _add(inspect, "getargspec", getargspec)
    if sys.version_info >= (3, 12):
        sys.modules.setdefault("imp", _imp())
    _numpy()
