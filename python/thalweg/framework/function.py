# SPDX-License-Identifier: Apache-2.0
"""Functions of tensors. A call puts the function's operations into the graph where it is made, in a
name scope of their own, so everything that holds for a graph holds for them."""
import functools

from thalweg.framework import dtypes, ops


class _DefinedFunction:
    """A function with the types of its arguments."""

    def __init__(self, func, types, names, func_name=None, python_grad_func=None, out_names=None):
        functools.update_wrapper(self, func)
        self._func, self._types, self._names = func, types, names
        self._name = func_name or func.__name__
        self._python_grad_func = python_grad_func
        self._out_names = out_names

    @property
    def name(self):
        return self._name

    @property
    def declared_input_types(self):
        return list(self._types)

    def __call__(self, *args, **kwargs):
        name = kwargs.pop("name", None)
        args = list(args)
        for key in self._names[len(args):]:
            if key in kwargs:
                args.append(kwargs.pop(key))
        if kwargs:
            raise ValueError("Unknown keyword arguments: %s" % ", ".join(kwargs))
        if self._types and len(args) != len(self._types):
            raise ValueError("Expected number of arguments: %d, received: %d"
                             % (len(self._types), len(args)))
        with ops.name_scope(name or self._name):
            args = [ops.convert_to_tensor(a, dtype=t) for a, t in
                    zip(args, self._types or [None] * len(args))]
            if self._python_grad_func is None:
                return self._func(*args)
            return self._with_gradient(args)

    def _with_gradient(self, args):
        """The results, with the gradient that was given instead of the operations' own."""
        from thalweg.ops import custom_gradient

        @custom_gradient.custom_gradient
        def call(*inner):
            results = self._func(*inner)
            flat = results if isinstance(results, (list, tuple)) else [results]

            def grad(*grads):
                return self._python_grad_func(flat[0].op, *grads)
            return results, grad
        return call(*args)


class Defun:
    """A decorator: the function's arguments are tensors of the given types, by position or, as in
    the first versions, by name."""

    def __init__(self, *input_types, **kwargs):
        options = {k: kwargs.pop(k) for k in ("func_name", "grad_func", "python_grad_func",
                                              "out_names", "noinline", "shape_func",
                                              "capture_by_value") if k in kwargs}
        if options.get("grad_func") is not None:
            raise NotImplementedError("Defun with grad_func; use python_grad_func")
        self._types = [dtypes.as_dtype(t) for t in input_types]
        self._named = {k: dtypes.as_dtype(v) for k, v in kwargs.items()}
        self._options = options

    def __call__(self, func):
        if not callable(func):
            raise ValueError("func must be callable")
        code = getattr(func, "__code__", None)
        names = list(code.co_varnames[:code.co_argcount]) if code else []
        if hasattr(func, "__self__") and names:
            names = names[1:]
        types = self._types or [self._named[n] for n in names if n in self._named]
        if self._named and len(types) != len(names):
            raise ValueError("The function has arguments without a type: %s"
                             % [n for n in names if n not in self._named])
        return _DefinedFunction(func, types, names, self._options.get("func_name"),
                                self._options.get("python_grad_func"),
                                self._options.get("out_names"))
