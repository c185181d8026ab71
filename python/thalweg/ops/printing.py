# SPDX-License-Identifier: Apache-2.0
"""Tensors as text while a graph runs: tf.print, tf.strings.format; and functions of values that
know `numpy()`."""
import sys

import numpy as np

from thalweg.framework import dtypes, ops
from thalweg.ops import script_ops
from thalweg.util import nest


def _number(x):
    if isinstance(x, bytes):
        return '"%s"' % x.decode("utf-8", "replace")
    if isinstance(x, (bool, np.bool_)):
        return "1" if x else "0"
    if isinstance(x, (complex, np.complexfloating)):
        return "(%g,%g)" % (x.real, x.imag)
    return "%d" % x if isinstance(x, (int, np.integer)) else "%g" % x


def text_of(array, summarize=3):
    """An array in brackets; of long axes the first and last elements, -1: all."""
    array = np.asarray(array)
    if array.ndim == 0:
        return _number(array.item() if array.dtype == object else array[()])
    return _axis(array, summarize, 1)


def _axis(array, summarize, depth):
    parts = [_number(x) if array.ndim == 1 else _axis(x, summarize, depth + 1) for x in (
        array if summarize < 0 or len(array) <= 2 * summarize else
        list(array[:summarize]) + list(array[len(array) - summarize:]))]
    if 0 <= summarize and len(array) > 2 * summarize:
        parts.insert(summarize, "...")
    between = " " if array.ndim == 1 else "\n" * (array.ndim - 1) + " " * depth
    return "[" + between.join(parts) + "]"


def _filled(template, placeholder, values, summarize):
    for value in values:
        before, _, after = template.partition(placeholder)
        yield before + text_of(value, summarize)
        template = after
    yield template


def _summarize(count):
    if count is None:
        return 3
    if count != -1 and count < 0:
        raise ValueError("summarize must be -1 or at least 0, not %d" % count)
    return count


def string_format(template, inputs, placeholder="{}", summarize=3, name=None):
    """`template` with the values of tensors where it has placeholders."""
    inputs = inputs if isinstance(inputs, (list, tuple)) else [inputs]
    if template.count(placeholder) != len(inputs):
        raise ValueError("%d placeholder(s) in template does not match %d tensor(s) provided as "
                         "input" % (template.count(placeholder), len(inputs)))
    count = _summarize(summarize)

    def fill(*values):
        return np.array("".join(_filled(template, placeholder, values, count)).encode("utf-8"),
                        dtype=object)
    made = script_ops.py_func(fill, list(inputs), dtypes.string, stateful=False, name=name)
    made.set_shape([])
    return made


_STREAMS = {"stdout": lambda: sys.stdout, "stderr": lambda: sys.stderr}


def _writer(stream):
    """What writes a line to a stream, which is looked up when it is written to."""
    for name, find in _STREAMS.items():
        if stream is find() or stream == name:
            return lambda line: (find().write(line), find().flush())
    if isinstance(stream, str) and stream.startswith("file://"):
        def append(line):
            with open(stream[len("file://"):], "a", encoding="utf-8") as file:
                file.write(line)
        return append
    if hasattr(stream, "write"):
        return stream.write
    raise ValueError("Unsupported output stream, logging level, or file.%s. Supported streams are "
                     "sys.stdout, sys.stderr and file:// paths." % (stream,))


def print_v2(*inputs, **options):
    """The operation that prints its inputs when it runs: texts as they are, tensors, and structures
    of them, with `sep` between and `end` behind, to `output_stream`."""
    known = {"output_stream": sys.stderr, "summarize": 3, "sep": " ", "end": "\n", "name": None}
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise ValueError("Unrecognized keyword arguments for tf.print: %s" % unknown)
    options = dict(known, **options)
    count, write, tensors = _summarize(options["summarize"]), _writer(options["output_stream"]), []

    def shown(x):
        """The tensor's place, as what shows itself by its value."""
        if isinstance(x, ops.Tensor) or hasattr(x, "_as_graph_element") or hasattr(x, "value"):
            tensors.append(ops.convert_to_tensor(x))
            return _Place(len(tensors) - 1)
        return x
    parts = [nest.map_structure(shown, x) if nest.is_sequence(x) else shown(x) for x in inputs]

    def run(*values):
        told = [_Told(text_of(v, count)) for v in values]
        line = options["sep"].join(
            p if isinstance(p, str) else str(nest.map_structure(
                lambda x: told[x.index] if isinstance(x, _Place) else x, p)
                if nest.is_sequence(p) else told[p.index] if isinstance(p, _Place) else p)
            for p in parts)
        write(line + options["end"])
        return []
    return script_ops.py_func(run, tensors, [], name=options["name"] or "PrintV2")


class _Place:
    """Where a tensor's value goes."""

    def __init__(self, index):
        self.index = index


class _Told(str):
    """A text that is the same inside of structures."""

    __repr__ = str.__str__


class _Value(np.ndarray):
    """A value that knows how to be an array, as eager tensors do."""

    def numpy(self):
        """The value as a plain array, or as a number."""
        return np.asarray(self)[()] if self.ndim == 0 else np.asarray(self)


def py_function(func, inp, Tout, name=None):
    """py_func() of a function that asks its arguments for numpy(). To ask for a derivative through
    it is an error, as what the function does to arrays is not known."""
    types = [dtypes.as_dtype(t) for t in (Tout if isinstance(Tout, (list, tuple)) else [Tout])]

    def call(*values):
        result = func(*[np.asarray(v).view(_Value) for v in values])
        results = list(result) if isinstance(result, (list, tuple)) else [result]
        if not types:
            return []
        return [np.asarray(r, dtype=t.as_numpy_dtype) for r, t in zip(results, types)] + \
            results[len(types):]
    with ops.get_default_graph().gradient_override_map({"PyFunc": "_PyFunctionGradient"}):
        return script_ops.py_func(call, inp, Tout, name=name)


def _refuse_gradient(op, *grads):
    raise LookupError("No derivative of '%s', a tf.py_function: its function works on arrays, not "
                      "on tensors. Use tf.custom_gradient around it to say the derivative."
                      % op.name)


ops.RegisterGradient("_PyFunctionGradient")(_refuse_gradient)
