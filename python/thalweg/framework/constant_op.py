# SPDX-License-Identifier: Apache-2.0
"""Values as part of the graph, and the conversion of Python's and NumPy's values to tensors."""
import numpy as np

from thalweg.compat import behaviour
from thalweg.framework import arrays, dtypes, ops, tensor_shape

_LIMIT = 1 << 31  # bytes that a GraphDef can hold


def constant(value, dtype=None, shape=None, name="Const", verify_shape=False):
    """A tensor with a value that never changes: a number, text, a list of these, a NumPy array.
    A `shape` with more elements than the value has is filled up with its last element."""
    array = arrays.from_value(value, dtype)
    if shape is not None:
        shape = tuple(tensor_shape.as_shape(shape).as_list())
        if verify_shape and shape != array.shape:
            raise TypeError("Expected Tensor's shape: %s, got %s." % (shape, array.shape))
        array = arrays.fill(array, shape)
    return from_array(array, dtype, name)


def from_array(array, dtype=None, name="Const"):
    """A Const of an array as it is."""
    if array.nbytes >= _LIMIT and array.dtype != object:
        raise ValueError("Cannot create an Operation with a NodeDef larger than 2GB.")
    graph = ops.get_default_graph()
    dtype = dtypes.as_dtype(array.dtype if dtype is None else dtype).base_dtype
    return graph._create_op("Const", (), name or "Const",
                            {"value": array, "dtype": dtype})._outputs[0]


def is_constant(tensor_or_op):
    """Whether it is a Const."""
    op = tensor_or_op.op if isinstance(tensor_or_op, ops.Tensor) else tensor_or_op
    return op.type == "Const"


def _constant_tensor_conversion_function(v, dtype=None, name=None, as_ref=False):
    return from_array(arrays.from_value(v, dtype), dtype, name)


_PLAIN = frozenset([int, float, bool, str, bytes, complex, np.float32, np.float64, np.int32,
                    np.int64])


def _has_tensor(value):
    """Whether there is a tensor, or what becomes one, among the leaves of a list."""
    for item in value:
        if type(item) in _PLAIN:
            continue
        if isinstance(item, (list, tuple)):
            if _has_tensor(item):
                return True
        elif ops.is_dense_tensor_like(item):
            return True
    return False


def _autopacked(v, dtype=None, name=None, as_ref=False):
    """Lists with tensors in them are packed; others are constants."""
    if not as_ref and behaviour.list_of_tensors == "packed" and _has_tensor(v):
        from thalweg.ops import array_ops
        return array_ops._autopacking_helper(v, dtype, name or "packed")
    return _constant_tensor_conversion_function(v, dtype, name)


def _tensor_shape_tensor_conversion_function(s, dtype=None, name=None, as_ref=False):
    if not s.is_fully_defined():
        raise ValueError("Cannot convert a partially known TensorShape to a Tensor: %s" % s)
    sizes = s.as_list()
    large = any(size >= 1 << 31 for size in sizes)
    if dtype is not None:
        if dtype not in (dtypes.int32, dtypes.int64):
            raise TypeError("Cannot convert a TensorShape to dtype %s." % dtype)
        if dtype == dtypes.int32 and large:
            raise ValueError("Cannot convert a TensorShape to dtype int32; a dimension is too "
                             "large (%s)" % max(sizes))
    else:
        dtype = dtypes.int64 if large else dtypes.int32
    return constant(sizes, dtype, name=name or "shape_as_tensor")


def _dimension_tensor_conversion_function(d, dtype=None, name=None, as_ref=False):
    if d.value is None:
        raise ValueError("Cannot convert an unknown Dimension to a Tensor: %s" % d)
    if dtype is not None:
        if dtype not in (dtypes.int32, dtypes.int64):
            raise TypeError("Cannot convert a TensorShape to dtype %s." % dtype)
    else:
        dtype = dtypes.int64 if d.value >= 1 << 31 else dtypes.int32
    return constant(d.value, dtype, name=name or "shape_as_tensor")


ops.register_tensor_conversion_function((list, tuple), _autopacked, 99)
ops.register_tensor_conversion_function(np.ndarray, _constant_tensor_conversion_function, 100)
ops.register_tensor_conversion_function(np.generic, _constant_tensor_conversion_function, 100)
ops.register_tensor_conversion_function(tensor_shape.TensorShape,
                                        _tensor_shape_tensor_conversion_function, 100)
ops.register_tensor_conversion_function(tensor_shape.Dimension,
                                        _dimension_tensor_conversion_function, 100)
ops.register_tensor_conversion_function(object, _constant_tensor_conversion_function, 200)

__all__ = ["constant"]
