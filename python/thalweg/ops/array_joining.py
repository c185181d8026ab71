# SPDX-License-Identifier: Apache-2.0
"""Tensors put together and taken apart."""
from thalweg.compat import behaviour
from thalweg.framework import dtypes, ops, tensor_shape
from thalweg.ops import array_shapes, gen_array_ops
from thalweg.util import nest


def concat(values, axis, name="concat"):
    """Tensors one behind the other along an axis."""
    if not isinstance(values, (list, tuple)):
        values = [values]
    if len(values) == 1:
        with ops.name_scope(name):
            ops.convert_to_tensor(axis, name="concat_dim", dtype=dtypes.int32) \
                .get_shape().assert_has_rank(0)
            return array_shapes.identity(values[0], name=name)
    return gen_array_ops.concat_v2(values, axis, name=name)


def split(value, num_or_size_splits, axis=0, num=None, name="split"):
    """The parts of a tensor along an axis: a number of equal ones, or of given sizes."""
    sizes = ops.convert_to_tensor(num_or_size_splits)
    if isinstance(num_or_size_splits, (int, tensor_shape.Dimension)):
        return gen_array_ops.split(axis, value, int(num_or_size_splits), name=name)
    if sizes.get_shape().ndims == 0:
        raise ValueError("Rank-0 tensors are not supported as the num_or_size_splits argument to "
                         "split. Argument provided: %s" % (num_or_size_splits,))
    if num is None:
        num = sizes.get_shape().with_rank(1)[0].value
        if num is None:
            raise ValueError("Cannot infer num from shape %s" % (num_or_size_splits,))
    return gen_array_ops.split_v(value, sizes, axis, num, name=name)


def stack(values, axis=0, name="stack"):
    """Tensors of one shape side by side along a new axis."""
    if axis == 0:
        try:
            return ops.convert_to_tensor(values, name=name)
        except (TypeError, ValueError):
            pass  # tensors of different static shapes, or no list: an operation, or its error
    shape = ops.convert_to_tensor(values[0], name=name).get_shape()
    if shape.ndims is not None:
        rank = shape.ndims + 1
        if axis < -rank or axis >= rank:
            raise ValueError("axis = %d not in [%d, %d)" % (axis, -rank, rank))
    return gen_array_ops.pack(values, axis=axis, name=name)


def parallel_stack(values, name="parallel_stack"):
    """As stack() along the first axis."""
    return gen_array_ops.pack(values, axis=0, name=name)


def unstack(value, num=None, axis=0, name="unstack"):
    """The tensors side by side along an axis."""
    if num is None:
        value = ops.convert_to_tensor(value)
        shape = value.get_shape()
        if shape.ndims is not None:
            if axis < -shape.ndims or axis >= shape.ndims:
                raise ValueError("axis = %d not in [%d, %d)" % (axis, -shape.ndims, shape.ndims))
            num = shape.dims[axis].value
    if num is None:
        raise ValueError("Cannot infer num from shape %s" % value.get_shape())
    return gen_array_ops.unpack(value, num=num, axis=axis, name=name)


# ---- lists of tensors that stand where a tensor is wanted ----

def _autopacking_helper(list_or_tuple, dtype, name):
    """A tensor of a list that has tensors in it, of numbers of one type."""
    inferred = _inferred_dtype(list_or_tuple)
    dtype = inferred if dtype is None else dtypes.as_dtype(dtype)
    if dtype != inferred and behaviour.list_types == "cast":
        list_or_tuple = nest.map_structure(lambda x: _cast(x, dtype), list_or_tuple)
    return _packed(list_or_tuple, dtype, name)


def _cast(thing, dtype):
    from thalweg.ops import math_elementwise
    return math_elementwise.cast(thing, dtype) if ops.is_dense_tensor_like(thing) else thing


def _inferred_dtype(values):
    """The type of the first tensor inside."""
    for item in values:
        if isinstance(item, (list, tuple)):
            found = _inferred_dtype(item)
            if found is not None:
                return found
        elif ops.is_dense_tensor_like(item):
            return item.dtype.base_dtype
    return None


def _packed(values, dtype, name):
    with ops.name_scope(name) as scope:
        return _packed_in(values, dtype, scope)


def _packed_in(values, dtype, name):
    has_tensor, parts = False, []
    for index, item in enumerate(values):
        if ops.is_dense_tensor_like(item):
            if dtype is not None and item.dtype.base_dtype != dtype:
                raise TypeError("Cannot convert a list containing a tensor of dtype %s to %s "
                                "(Tensor is: %r)" % (item.dtype, dtype, item))
            parts.append(ops.convert_to_tensor(item))
            has_tensor = True
        elif isinstance(item, (list, tuple)):
            part = _packed(item, dtype, str(index))
            has_tensor = has_tensor or ops.is_dense_tensor_like(part)
            parts.append(part)
        else:
            parts.append(item)
    if not has_tensor:
        return list(values)
    parts = [p if ops.is_dense_tensor_like(p) else
             ops.convert_to_tensor(p, dtype=dtype, name=str(i)) for i, p in enumerate(parts)]
    return gen_array_ops.pack(parts, name=name)


def meshgrid(*args, **kwargs):
    """The coordinates of a grid's points, an array for each axis; indexing="ij" or "xy"."""
    from thalweg.ops import array_creation
    indexing, name = kwargs.pop("indexing", "xy"), kwargs.pop("name", "meshgrid")
    if kwargs:
        raise TypeError("'%s' is an invalid keyword argument for this function"
                        % list(kwargs)[0])
    if indexing not in ("xy", "ij"):
        raise ValueError("indexing parameter must be either 'xy' or 'ij'")
    with ops.name_scope(name, "meshgrid", args):
        rank = len(args)
        out = [array_shapes.reshape(stack(x), (1,) * i + (-1,) + (1,) * (rank - i - 1))
               for i, x in enumerate(args)]
        sizes = [array_shapes.size(x) for x in args]
        if not args:
            return []
        dtype = ops.convert_to_tensor(args[0]).dtype.base_dtype
        if indexing == "xy" and rank > 1:
            out[0] = array_shapes.reshape(out[0], (1, -1) + (1,) * (rank - 2))
            out[1] = array_shapes.reshape(out[1], (-1, 1) + (1,) * (rank - 2))
            sizes[0], sizes[1] = sizes[1], sizes[0]
        factor = array_creation.ones(sizes, dtype)
        return [x * factor for x in out]
