# SPDX-License-Identifier: Apache-2.0
"""py_func: a Python function as an operation. The operation knows the function by a token; the
graph keeps the function, so that it goes with the graph."""
import itertools
import threading
import weakref

from thalweg import _core
from thalweg.compat import behaviour
from thalweg.framework import errors, op_def_library, ops

_KEPT = "_py_funcs_used_in_graph"


class FuncRegistry:
    """Tokens and the functions that they stand for. It holds no function: the graphs do."""

    def __init__(self):
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self._functions = weakref.WeakValueDictionary()

    def insert(self, func):
        """A new token for the function."""
        with self._lock:
            token = "pyfunc_%d" % next(self._numbers)
        self._functions[token] = func
        return token

    def remove(self, token):
        """Forgets a token."""
        self._functions.pop(token, None)

    def size(self):
        """How many functions are alive."""
        return len(self._functions)

    def __call__(self, token, args):
        """Runs the function; a list of values. What it raises comes out of the session's run as
        the error of a run, with the exception itself as its cause."""
        holder = self._functions.get(token)
        if holder is None:
            raise errors.InvalidArgumentError(None, None, "callback %s is not found" % token)
        try:
            result = holder(*args)
        except errors.OpError:
            raise
        except Exception as error:
            raise _error_of_run(token, error) from error
        if isinstance(result, (list, tuple)):
            return list(result)
        if result is None and holder.count == 0:
            return []
        return [result]


_CLASSES = (
    ((ValueError, TypeError), errors.InvalidArgumentError),
    (StopIteration, errors.OutOfRangeError),
    (MemoryError, errors.ResourceExhaustedError),
    (NotImplementedError, errors.UnimplementedError),
)


def _error_of_run(token, error):
    """The error that TensorFlow gives for an exception of a Python function."""
    if behaviour.python_function_errors == "internal":
        return errors.InternalError(None, None, "Failed to run py callback %s: %s: %s"
                                    % (token, type(error).__name__, error))
    made = next((to for of, to in _CLASSES if isinstance(error, of)), errors.UnknownError)
    return made(None, None, "%s: %s" % (type(error).__name__, error))


class _Holder:
    """A function with what its operation promised: how many values it gives."""

    __slots__ = ("func", "count", "__weakref__")

    def __init__(self, func, count):
        self.func, self.count = func, count

    def __call__(self, *args):
        return self.func(*args)


_py_funcs = FuncRegistry()
_core.set_py_func(_py_funcs)


def _internal_py_func(func, inp, Tout, stateful=True, name=None):
    if not callable(func):
        raise ValueError("Expected func to be callable, got func of type %s" % type(func))
    listed = isinstance(Tout, (list, tuple))
    types = list(Tout) if listed else [Tout]
    holder = _Holder(func, len(types))
    token = _py_funcs.insert(holder)
    outputs = op_def_library.apply_op("PyFunc" if stateful else "PyFuncStateless",
                                      input=inp, token=token, Tout=types, name=name)
    # The graph lives as long as anything that can run the operation.
    ops.get_default_graph().__dict__.setdefault(_KEPT, []).append(holder)
    return outputs if listed else outputs[0]


def py_func(func, inp, Tout, stateful=True, name=None):
    """Calls a Python function with the values of tensors when it is run.

    func takes as many NumPy arrays as there are tensors in `inp` and gives an array, or a list of
    arrays of the dtypes `Tout`; gives a tensor, or a list of them where Tout is a list. The
    function is no part of an exported graph. With stateful=False it may be left out or run once
    for two equal calls."""
    return _internal_py_func(func, inp, Tout, stateful, name)


def numpy_function(func, inp, Tout, name=None):
    """py_func with state, under its later name."""
    return _internal_py_func(func, inp, Tout, True, name)
