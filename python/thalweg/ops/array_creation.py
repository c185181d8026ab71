# SPDX-License-Identifier: Apache-2.0
"""Arrays of one value, placeholders, one-hot vectors."""
import numpy as np

from thalweg.compat import behaviour
from thalweg.framework import constant_op, dtypes, ops, tensor_shape
from thalweg.ops import gen_array_ops

_SMALL = 1000  # elements that are kept in the graph itself


def _sizes(shape):
    """The sizes of a shape that is known now as a list, else None."""
    if isinstance(shape, ops.Tensor):
        return None
    try:
        return tensor_shape.as_shape(shape).as_list()
    except (TypeError, ValueError):
        return None


def _filled(shape, value, dtype, name, default):
    """A Const of a small known shape, else a Fill."""
    dtype = dtypes.as_dtype(dtype).base_dtype
    sizes = _sizes(shape)
    if sizes is not None and None not in sizes:
        count = 1
        for size in sizes:
            count *= size
        if count < _SMALL:
            if dtype == dtypes.string:
                array = np.full(sizes, b"", object)
            else:
                array = np.full(sizes, value, dtype.as_numpy_dtype)
            return constant_op.from_array(array, dtype, name or default)
    one = b"" if dtype == dtypes.string else dtype.as_numpy_dtype(value)
    with ops.name_scope(name, default, [shape]) as scope:
        if sizes is None:
            _count_now(shape)
            shape = ops.convert_to_tensor(shape, dtype=_index_dtype(shape))
        else:
            listed = isinstance(shape, (list, tuple)) and None in sizes  # says which is unknown
            shape = ops.convert_to_tensor(shape, dtype=dtypes.int32) if listed else \
                ops.convert_to_tensor(tensor_shape.TensorShape(sizes))
        if not shape.get_shape().ndims:
            shape = gen_array_ops.reshape(shape, [-1])
        return gen_array_ops.fill(shape, constant_op.constant(one, dtype=dtype), name=scope)


def _count_now(shape):
    """TensorFlow multiplies a list of sizes of which some are tensors, to see whether there are
    few elements; nothing comes of it but the operations, and later seeds count these."""
    if behaviour.product_of_sizes == "built" and isinstance(shape, (list, tuple)) and shape \
            and not isinstance(shape[0], (list, tuple)):
        count = shape[0]
        for size in shape[1:]:
            count = count * size
        count < _SMALL  # noqa: B015


def _index_dtype(shape):
    return None if isinstance(shape, ops.Tensor) and shape.dtype.base_dtype == dtypes.int64 \
        else dtypes.int32


def zeros(shape, dtype=dtypes.float32, name=None):
    """Zeros (false, empty text) in a shape, which may be a tensor."""
    return _filled(shape, 0, dtype, name, "zeros")


def ones(shape, dtype=dtypes.float32, name=None):
    """Ones (true) in a shape, which may be a tensor."""
    return _filled(shape, 1, dtype, name, "ones")


def zeros_like(tensor, dtype=None, name=None, optimize=True):
    """Zeros in the shape, and of the type unless one is given, of a tensor."""
    with ops.name_scope(name, "zeros_like", [tensor]) as scope:
        tensor = ops.convert_to_tensor(tensor, name="tensor")
        own = tensor.dtype.base_dtype
        dtype = own if dtype is None else dtypes.as_dtype(dtype)
        if optimize and tensor.shape.is_fully_defined() and dtype.is_numpy_compatible:
            return zeros(tensor.shape, dtype, name=scope)
        if dtype != own and dtype.is_numpy_compatible:
            return zeros(_shape_of(tensor, optimize), dtype, name=scope)
        return gen_array_ops.zeros_like(tensor, name=scope)


def ones_like(tensor, dtype=None, name=None, optimize=True):
    """Ones in the shape, and of the type unless one is given, of a tensor."""
    with ops.name_scope(name, "ones_like", [tensor]) as scope:
        tensor = ops.convert_to_tensor(tensor, name="tensor")
        shape = _shape_of(tensor, optimize)
        made = ones(shape, tensor.dtype.base_dtype if dtype is None else dtype, name=scope)
        made.set_shape(tensor.get_shape())
        return made


def _shape_of(tensor, optimize=True):
    from thalweg.ops import array_shapes
    return array_shapes.shape_internal(tensor, optimize=optimize)


def fill(dims, value, name=None):
    """An array of a shape `dims` with one value everywhere."""
    return gen_array_ops.fill(dims, value, name=name)


def placeholder(dtype, shape=None, name=None):
    """A tensor whose value must be fed; what is not known of its shape is None."""
    if shape is not None:
        shape = tensor_shape.as_shape(shape)
    reference = behaviour.placeholder_type == "reference" and dtypes.as_dtype(dtype)
    if reference and reference._is_ref_dtype:
        attrs = {"dtype": ("type", reference.as_datatype_enum), "shape": ("shape", shape)}
        return ops.get_default_graph()._create_op(
            "Placeholder", [], name or "Placeholder", attrs).outputs[0]
    return gen_array_ops.placeholder(dtype=dtype, shape=shape, name=name)


def placeholder_with_default(input, shape, name=None):  # noqa: A002
    """A tensor that has a value unless another one is fed."""
    return gen_array_ops.placeholder_with_default(input, tensor_shape.as_shape(shape), name=name)


def sparse_placeholder(dtype, shape=None, name=None):
    """A sparse tensor whose value must be fed."""
    given = name + "/shape" if name is not None else None
    if shape is None:
        shape = placeholder(dtypes.int64, shape=[None], name=given)
    elif not isinstance(shape, ops.Tensor):
        sizes = tuple(-1 if d is None else d for d in tensor_shape.as_shape(shape).as_list())
        shape = ops.convert_to_tensor(np.array(sizes, np.int64), name=given)
    rank = tensor_shape.dimension_value(shape.get_shape().with_rank(1)[0])
    return ops.SparseTensor(
        values=placeholder(dtype, shape=[None],
                           name=name + "/values" if name is not None else None),
        indices=placeholder(dtypes.int64, shape=[None, rank],
                            name=name + "/indices" if name is not None else None),
        dense_shape=shape)


def one_hot(indices, depth, on_value=None, off_value=None, axis=None, dtype=None, name=None):
    """Vectors of length `depth` that have `on_value` at the index and `off_value` elsewhere."""
    with ops.name_scope(name, "one_hot", [indices, depth, on_value, off_value, axis]) as scope:
        dtype = None if dtype is None else dtypes.as_dtype(dtype)
        own = [None if v is None else ops.convert_to_tensor(v, dtype_hint=dtype).dtype.base_dtype
               for v in (on_value, off_value)]
        if own == [None, None]:
            dtype = dtype or dtypes.float32
        for what, found in zip(("on_value", "off_value"), own):
            if found is None:
                continue
            if dtype is not None and found != dtype:
                raise TypeError("dtype %s of %s does not match dtype parameter %s"
                                % (found, what, dtype) if None in own else
                                "dtype %s of on_value does not match dtype %s of off_value"
                                % tuple(own))
            dtype = found
        if on_value is None:
            on_value = ops.convert_to_tensor(1, dtype, name="on_value")
        if off_value is None:
            off_value = ops.convert_to_tensor(0, dtype, name="off_value")
        return gen_array_ops.one_hot(indices, depth, on_value, off_value,
                                     -1 if axis is None else axis, name=scope)


def sequence_mask(lengths, maxlen=None, dtype=dtypes.bool, name=None):
    """Rows that are true up to a length and false from there to `maxlen`, or to the greatest
    length."""
    from thalweg.ops import math_elementwise, math_reduction
    with ops.name_scope(name, "SequenceMask", [lengths, maxlen]):
        lengths = ops.convert_to_tensor(lengths)
        if maxlen is None:
            maxlen = gen_array_ops._max(lengths, math_reduction._axes_of(lengths, None))
            maxlen = gen_array_ops.maximum(constant_op.constant(0, maxlen.dtype), maxlen)
        else:
            maxlen = ops.convert_to_tensor(maxlen)
        if maxlen.get_shape().ndims not in (None, 0):
            raise ValueError("maxlen must be scalar for sequence_mask")
        row = gen_array_ops._range(constant_op.constant(0, maxlen.dtype), maxlen,
                                   constant_op.constant(1, maxlen.dtype))
        column = gen_array_ops.cast(gen_array_ops.expand_dims(lengths, -1), DstT=maxlen.dtype)
        result = gen_array_ops.less(row, column)
        return result if dtype is None or result.dtype.base_dtype == dtypes.as_dtype(dtype) \
            else math_elementwise.cast(result, dtype)
