# SPDX-License-Identifier: Apache-2.0
"""Tensors as IndexedSlices, and lists in which some are such."""
from thalweg.framework import dtypes, ops


def _as_indexed_slices(x, optimize=True):
    """A tensor as slices of all its rows; IndexedSlices as they are."""
    from thalweg.ops import array_ops, math_ops
    if not isinstance(x, (ops.Tensor, ops.IndexedSlices)):
        raise TypeError("Not a Tensor or IndexedSlices: %s" % type(x))
    if isinstance(x, ops.IndexedSlices):
        return x
    shape = array_ops.shape_internal(x, optimize=optimize)
    return ops.IndexedSlices(x, math_ops.range(0, shape[0]), shape)


def _as_indexed_slices_list(inputs, optimize=True):
    """All of a list as IndexedSlices, with one type of indices."""
    from thalweg.ops import math_ops
    if not isinstance(inputs, (list, tuple)):
        raise TypeError("Expected a list or tuple, not a %s" % type(inputs))
    made = [_as_indexed_slices(x, optimize) for x in inputs]
    narrow = [s for s in made if s.indices.dtype == dtypes.int32]
    if not narrow or len(narrow) == len(made):
        return made
    return [ops.IndexedSlices(s.values, math_ops.cast(s.indices, dtypes.int64), s.dense_shape)
            if s in narrow else s for s in made]
