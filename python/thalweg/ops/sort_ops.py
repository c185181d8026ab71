# SPDX-License-Identifier: Apache-2.0
"""Sorting along a dimension, by the op that finds the greatest values."""
from thalweg.framework import ops, tensor_util
from thalweg.ops import array_moving, array_shapes, nn_activations

_DIRECTIONS = ("ASCENDING", "DESCENDING")


def _backwards(values):
    """Numbers in the opposite order; of whole ones without overflow."""
    dtype = values.dtype.base_dtype
    if dtype.is_integer:
        return (dtype.max - values) if dtype.is_unsigned else (-1 - values)
    return -values


def _places(values, axis, direction):
    """(the values with `axis` last and its order undone or not, the dims' order, or None)."""
    if direction not in _DIRECTIONS:
        raise ValueError("%s should be one of %s" % (direction, ", ".join(_DIRECTIONS)))
    known = tensor_util.constant_value(ops.convert_to_tensor(axis, name="axis"))
    if known is None or known.ndim != 0:
        raise ValueError("axis must be a constant scalar")
    rank = values.get_shape().ndims
    axis = int(known)
    if axis == -1 or rank is not None and axis == rank - 1:
        return values, None
    if rank is None:
        raise ValueError("the rank of what is sorted along axis %d must be known" % axis)
    order = list(range(rank))
    order[axis], order[-1] = order[-1], order[axis]
    return array_moving.transpose(values, order), order


def _sorted(values, axis, direction, which):
    values, order = _places(values, axis, direction)
    up = direction == "ASCENDING"
    found = nn_activations.top_k(_backwards(values) if up else values,
                                 array_shapes.shape(values)[-1])[which]
    if up and which == 0:
        found = _backwards(found)
    found.set_shape(values.get_shape())
    return found if order is None else array_moving.transpose(found, order)


def sort(values, axis=-1, direction="ASCENDING", name=None):
    """The values in order along an axis."""
    with ops.name_scope(name, "sort"):
        return _sorted(ops.convert_to_tensor(values, name="values"), axis, direction, 0)


def argsort(values, axis=-1, direction="ASCENDING", stable=False, name=None):
    """The places of the values in order along an axis; equal ones stay in theirs."""
    del stable
    with ops.name_scope(name, "argsort"):
        return _sorted(ops.convert_to_tensor(values, name="values"), axis, direction, 1)
