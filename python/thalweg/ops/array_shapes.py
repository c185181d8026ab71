# SPDX-License-Identifier: Apache-2.0
"""Shape, size and rank as tensors; the same elements in another shape."""
import numpy as np

from thalweg.framework import common_shapes, constant_op, dtypes, ops
from thalweg.ops import gen_array_ops


def shape(input, name=None, out_type=dtypes.int32):  # noqa: A002
    """The shape of a tensor, as a vector; a constant where it is known."""
    return shape_internal(input, name, optimize=True, out_type=out_type)


def shape_internal(input, name=None, optimize=True, out_type=dtypes.int32):  # noqa: A002
    """As shape(); without `optimize` always an operation."""
    with ops.name_scope(name, "Shape", [input]) as scope:
        if isinstance(input, ops.SparseTensor):
            return gen_array_ops.cast(input.dense_shape, DstT=dtypes.as_dtype(out_type))
        tensor = ops.convert_to_tensor(input)
        sizes = tensor.get_shape()
        if optimize and sizes.is_fully_defined():
            return constant_op.constant(sizes.as_list(), out_type, name=scope)
        return gen_array_ops.shape(tensor, name=scope, out_type=dtypes.as_dtype(out_type))


def shape_n(input, out_type=dtypes.int32, name=None):  # noqa: A002
    """The shapes of several tensors, as vectors."""
    return gen_array_ops.shape_n(input, out_type=dtypes.as_dtype(out_type), name=name)


def size(input, name=None, out_type=dtypes.int32):  # noqa: A002
    """How many elements a tensor has; a constant where it is known."""
    return size_internal(input, name, optimize=True, out_type=out_type)


def size_internal(input, name=None, optimize=True, out_type=dtypes.int32):  # noqa: A002
    """As size(); without `optimize` always an operation."""
    out_type = dtypes.as_dtype(out_type)
    with ops.name_scope(name, "Size", [input]) as scope:
        if isinstance(input, ops.SparseTensor):
            sizes = gen_array_ops.cast(input.dense_shape, DstT=out_type)
            return gen_array_ops._prod(sizes, 0, name=scope)
        tensor = ops.convert_to_tensor(input)
        count = tensor.get_shape().num_elements()
        if optimize and count is not None:
            return constant_op.constant(count, out_type, name=scope)
        return gen_array_ops.size(tensor, name=scope, out_type=out_type)


def rank(input, name=None):  # noqa: A002
    """How many dimensions a tensor has; a constant where it is known."""
    return rank_internal(input, name, optimize=True)


def rank_internal(input, name=None, optimize=True):  # noqa: A002
    """As rank(); without `optimize` always an operation."""
    with ops.name_scope(name, "Rank", [input]) as scope:
        if isinstance(input, ops.SparseTensor):
            return gen_array_ops.size(input.dense_shape, name=scope)
        tensor = ops.convert_to_tensor(input)
        known = tensor.get_shape().ndims
        if optimize and known is not None:
            return constant_op.constant(known, dtypes.int32, name=scope)
        return gen_array_ops.rank(tensor, name=scope)


def reshape(tensor, shape, name=None):  # noqa: A002
    """The same elements in another shape, of which one size may be -1."""
    return gen_array_ops.reshape(tensor, shape, name=name)


def identity(input, name=None):  # noqa: A002
    """A tensor with the same value."""
    return gen_array_ops.identity(input, name=name)


def expand_dims(input, axis=None, name=None, dim=None):  # noqa: A002
    """The same elements with a dimension of size 1 put in at `axis`."""
    axis = _one_of("axis", axis, "dim", dim)
    if axis is None:
        raise ValueError("Must specify an axis argument to tf.expand_dims()")
    return gen_array_ops.expand_dims(input, axis, name=name)


def squeeze(input, axis=None, name=None, squeeze_dims=None):  # noqa: A002
    """The same elements without the dimensions of size 1, or without those in `axis`."""
    axis = _one_of("axis", axis, "squeeze_dims", squeeze_dims)
    if axis is not None and np.isscalar(axis):
        axis = [axis]
    return gen_array_ops.squeeze(input, axis, name=name) if axis is not None else \
        gen_array_ops.squeeze(input, name=name)


def _one_of(name, value, old_name, old):
    """An argument that may also come by its older name."""
    if old is None:
        return value
    if value is not None:
        raise ValueError("Cannot specify both '%s' and '%s'" % (old_name, name))
    return old


def broadcast_static_shape(shape_x, shape_y):
    """The shape that two shapes give together; ValueError if they do not fit."""
    return common_shapes.broadcast_shape(shape_x, shape_y)


def broadcast_dynamic_shape(shape_x, shape_y):
    """The same for shapes that are tensors."""
    return gen_array_ops.broadcast_args(shape_x, shape_y)


def broadcast_to(input, shape, name=None):  # noqa: A002
    """The elements, repeated to fill a larger shape."""
    return gen_array_ops.broadcast_to(input, shape, name=name)
