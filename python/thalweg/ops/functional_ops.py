# SPDX-License-Identifier: Apache-2.0
"""Functions applied to the rows of tensors, one after the other: map_fn, foldl, foldr, scan."""
import contextlib

from thalweg.framework import constant_op
from thalweg.framework import ops
from thalweg.framework import tensor_shape
from thalweg.ops import array_ops
from thalweg.ops import control_flow_ops
from thalweg.ops import tensor_array_ops
from thalweg.util import nest


@contextlib.contextmanager
def _caching_variables():
    """Variables made or read inside are read once, outside of the loop, if nothing else is said."""
    try:
        from thalweg.ops import variable_scope  # which stands on this module's neighbours
    except ImportError:
        yield
        return
    with variable_scope.variable_scope(variable_scope.get_variable_scope()) as scope:
        was = scope.caching_device
        if was is None:
            scope.set_caching_device(lambda op: op.device)
        try:
            yield
        finally:
            if was is None:
                scope.set_caching_device(None)


def _rows(flat):
    """How many rows the tensors have: a number if it is known, else a tensor."""
    shape = flat[0].get_shape()
    if shape.ndims == 0:
        raise ValueError("elems must be a 1+ dimensional Tensor, not a scalar")
    known = shape.with_rank_at_least(1)[0].value if shape.ndims else None
    for tensor in flat[1:]:
        other = tensor.get_shape()
        if other.ndims:
            tensor_shape.Dimension(known).assert_is_compatible_with(other[0])
            known = other[0].value if known is None else known
    return array_ops.shape(flat[0])[0] if known is None else known


class _Elements:
    """The rows of a structure of tensors."""

    def __init__(self, elems):
        self.structure = elems
        self.flat = [ops.convert_to_tensor(tensor, name="elem") for tensor in nest.flatten(elems)]
        self.count = _rows(self.flat)

    def unstack(self, together=False):
        """Puts them into TensorArrays, all made before the first is filled if `together`."""
        self.arrays = []
        for tensor in self.flat:
            self.arrays.append(tensor_array_ops.TensorArray(
                tensor.dtype.base_dtype, size=self.count, dynamic_size=False, infer_shape=True))
            if not together:
                self.arrays[-1] = self.arrays[-1].unstack(tensor)
        if together:
            self.arrays = [a.unstack(tensor) for a, tensor in zip(self.arrays, self.flat)]

    def row(self, index):
        """The row `index` of each, in the structure."""
        return nest.pack_sequence_as(self.structure, [a.read(index) for a in self.arrays])

    def stacked(self, arrays):
        """TensorArrays of as many rows as tensors, with what is known of their shapes."""
        results = [a.stack() for a in arrays]
        count = self.count if isinstance(self.count, int) else None
        for result in results:
            result.set_shape(tensor_shape.TensorShape([count]).concatenate(
                result.get_shape()[1:]))
        return results


def _checked(fn):
    if not callable(fn):
        raise TypeError("fn must be callable.")


def map_fn(fn, elems, dtype=None, parallel_iterations=None, back_prop=True, swap_memory=False,
           infer_shape=True, name=None):
    """`fn` of each row of `elems` (a tensor, or a structure of tensors of as many rows), stacked.

    `dtype` is the type, or a structure of the types, of what `fn` gives, where it is not that of
    the rows."""
    if isinstance(parallel_iterations, str):  # where the name stood in TensorFlow 0.7
        parallel_iterations, name = None, parallel_iterations
    _checked(fn)
    with ops.name_scope(name, "map", nest.flatten(elems)), _caching_variables():
        elements = _Elements(elems)
        result_type = dtype if dtype is not None else nest.pack_sequence_as(
            elems, [tensor.dtype for tensor in elements.flat])
        elements.unstack(together=True)
        first = constant_op.constant(0)
        arrays = [tensor_array_ops.TensorArray(one, size=elements.count, dynamic_size=False,
                                               infer_shape=infer_shape)
                  for one in nest.flatten(result_type)]

        def compute(i, arrays):
            values = fn(elements.row(i))
            nest.assert_same_structure(result_type, values)
            return i + 1, [a.write(i, value) for a, value in zip(arrays, nest.flatten(values))]

        _, arrays = control_flow_ops.while_loop(
            lambda i, _: i < elements.count, compute, (first, arrays),
            parallel_iterations=10 if parallel_iterations is None else parallel_iterations,
            back_prop=back_prop, swap_memory=swap_memory, maximum_iterations=elements.count)
        return nest.pack_sequence_as(result_type, elements.stacked(arrays))


def _fold(fn, elements, initializer, first, step, options):
    """The loop of foldl (step 1) and foldr (step -1), from row `first` on."""
    count = elements.count

    def forth(i, value):
        value = fn(value, elements.row(i))
        nest.assert_same_structure(initializer, value)
        return [i + 1, value]

    def back(i, value):
        i -= 1
        value = fn(value, elements.row(i))
        nest.assert_same_structure(initializer, value)
        return [i, value]

    _, result = control_flow_ops.while_loop(
        (lambda i, _: i < count) if step > 0 else (lambda i, _: i > 0),
        forth if step > 0 else back, [first, initializer], maximum_iterations=count, **options)
    return result


def foldl(fn, elems, initializer=None, parallel_iterations=10, back_prop=True, swap_memory=False,
          name=None):
    """fn(... fn(fn(initializer, row 0), row 1) ..., last row); without an initializer the first
    row takes its place."""
    if isinstance(parallel_iterations, str):  # where the name stood in TensorFlow 0.7
        parallel_iterations, name = 10, parallel_iterations
    _checked(fn)
    options = dict(parallel_iterations=parallel_iterations, back_prop=back_prop,
                   swap_memory=swap_memory)
    with ops.name_scope(name, "foldl", nest.flatten(elems)), _caching_variables():
        elements = _Elements(elems)
        elements.unstack()
        if initializer is None:
            initializer = elements.row(0)
            first = constant_op.constant(1)
        else:
            first = constant_op.constant(0)
        return _fold(fn, elements, initializer, first, 1, options)


def foldr(fn, elems, initializer=None, parallel_iterations=10, back_prop=True, swap_memory=False,
          name=None):
    """fn(... fn(fn(initializer, last row), the row before it) ..., row 0); without an initializer
    the last row takes its place."""
    if isinstance(parallel_iterations, str):  # where the name stood in TensorFlow 0.7
        parallel_iterations, name = 10, parallel_iterations
    _checked(fn)
    options = dict(parallel_iterations=parallel_iterations, back_prop=back_prop,
                   swap_memory=swap_memory)
    with ops.name_scope(name, "foldr", nest.flatten(elems)), _caching_variables():
        elements = _Elements(elems)
        elements.unstack()
        first = elements.count
        if initializer is None:
            first = elements.count - 1
            initializer = elements.row(first)
        return _fold(fn, elements, initializer, first, -1, options)


def scan(fn, elems, initializer=None, parallel_iterations=10, back_prop=True, swap_memory=False,
         infer_shape=True, reverse=False, name=None):
    """All values that foldl (foldr if `reverse`) goes through, stacked in the order of the rows."""
    if isinstance(reverse, str):  # where the name stood before 1.8
        reverse, name = False, reverse
    _checked(fn)
    with ops.name_scope(name, "scan", nest.flatten(elems)), _caching_variables():
        elements = _Elements(elems)
        elements.unstack(together=True)
        count, step = elements.count, -1 if reverse else 1
        first = count - 1 if reverse else 0
        structure = elems if initializer is None else initializer
        if initializer is None:
            values = nest.flatten(elements.row(first))
        else:
            values = [ops.convert_to_tensor(value) for value in nest.flatten(initializer)]
        arrays = [tensor_array_ops.TensorArray(
            value.dtype.base_dtype, size=count, dynamic_size=False, infer_shape=infer_shape,
            element_shape=value.get_shape() if infer_shape else None) for value in values]
        if initializer is None:
            arrays = [a.write(first, value) for a, value in zip(arrays, values)]
            first += step

        def compute(i, values, arrays):
            value = fn(nest.pack_sequence_as(structure, values), elements.row(i))
            nest.assert_same_structure(structure, value)
            values = nest.flatten(value)
            arrays = [a.write(i, one) for a, one in zip(arrays, values)]
            return (i - 1 if reverse else i + 1), values, arrays

        _, _, arrays = control_flow_ops.while_loop(
            (lambda i, *_: i >= 0) if reverse else (lambda i, *_: i < count), compute,
            (first, values, arrays), parallel_iterations=parallel_iterations, back_prop=back_prop,
            swap_memory=swap_memory, maximum_iterations=count)
        return nest.pack_sequence_as(structure, elements.stacked(arrays))
