# SPDX-License-Identifier: Apache-2.0
"""TensorProtos from values and back, and the value of a tensor while the graph is built."""
import numpy as np

from thalweg import protos
from thalweg.framework import arrays, dtypes, ops, tensor_shape
from thalweg.util import compat

# The types whose elements are written as raw bytes where there is more than one.
_RAW = {1, 2, 3, 4, 5, 6, 9, 11, 12, 13, 15, 16, 17}
_FIELDS = {1: "float_val", 2: "double_val", 9: "int64_val", 10: "bool_val", 22: "uint32_val",
           23: "uint64_val", 14: "half_val", 19: "half_val", 7: "string_val", 8: "scomplex_val",
           18: "dcomplex_val"}  # int_val for the rest


def _put_values(proto, array, number):
    """Appends an array's elements to the field of its type."""
    field = getattr(proto, _FIELDS.get(number, "int_val"))
    flat = array.reshape(-1)
    if number == 7:
        field.extend(flat.tolist())
    elif number in (14, 19):
        field.extend(flat.view(np.uint16).tolist())
    elif number in (8, 18):
        field.extend(np.stack([flat.real, flat.imag], -1).reshape(-1).tolist())
    elif array.dtype.fields:
        field.extend(flat.view(array.dtype[0]).tolist())
    else:
        field.extend(flat.tolist())


def make_tensor_proto(values, dtype=None, shape=None, verify_shape=False, allow_broadcast=False):
    """A TensorProto of a value. With a `shape` that has more elements than the value the last one
    stands for the rest."""
    if isinstance(values, protos.TensorProto):
        return values
    array = arrays.from_value(values, dtype)
    number = dtypes.as_dtype(dtype if dtype is not None else array.dtype).as_datatype_enum
    sizes = array.shape if shape is None else tuple(int(s) for s in shape)
    size = int(np.prod(sizes, dtype=np.int64))
    if shape is not None and verify_shape and sizes != array.shape:
        raise TypeError("Expected Tensor's shape: %s, got %s." % (sizes, array.shape))
    if size < array.size > 1:
        raise ValueError("Too many elements provided. Needed at most %d, but received %d"
                         % (size, array.size))
    proto = protos.TensorProto(dtype=number,
                               tensor_shape=tensor_shape.as_shape(sizes).as_proto())
    if number in _RAW and size == array.size > 1:
        if array.nbytes >= 1 << 31:
            raise ValueError("Cannot create a tensor proto whose content is larger than 2GB.")
        proto.tensor_content = np.ascontiguousarray(array).tobytes()
    else:
        _put_values(proto, array, number)
    return proto


def _values_of(proto, number, numpy):
    """The elements in the field of the type; those at the end may be missing."""
    found = list(getattr(proto, _FIELDS.get(number, "int_val")))
    if number == 7:
        out = np.empty(len(found), object)
        out[:] = found
        return out
    if number in (14, 19):
        return np.array(found, np.uint16).view(numpy)
    if number in (8, 18):
        pairs = np.array(found, np.float64).reshape(-1, 2)
        return (pairs[:, 0] + 1j * pairs[:, 1]).astype(numpy)
    if np.dtype(numpy).fields:
        return np.array(found, numpy[0]).view(numpy)
    return np.array(found, numpy)


def MakeNdarray(tensor):
    """The NumPy array of a TensorProto."""
    shape = tuple(d.size for d in tensor.tensor_shape.dim)
    number = tensor.dtype % 100
    numpy = dtypes.as_dtype(number).as_numpy_dtype
    if number in (20, 21):
        raise TypeError("Unsupported tensor type: %s" % tensor.dtype)
    if tensor.tensor_content:
        return np.frombuffer(tensor.tensor_content, numpy).copy().reshape(shape)
    return arrays.fill(_values_of(tensor, number, numpy), shape)


make_ndarray = MakeNdarray


def ShapeEquals(tensor_proto, shape):
    """Whether a TensorProto has a shape: a TensorShapeProto or a sequence of sizes."""
    if not isinstance(tensor_proto, protos.TensorProto):
        raise TypeError("tensor_proto is not a tensor_pb2.TensorProto object")
    if isinstance(shape, protos.TensorShapeProto):
        shape = [d.size for d in shape.dim]
    elif not isinstance(shape, (list, tuple)):
        raise TypeError("shape is not a list or tuple")
    return [d.size for d in tensor_proto.tensor_shape.dim] == list(shape)


def constant_value(tensor, partial=False):
    """The value that a tensor has whatever is fed, as an array, or None if it depends on a run."""
    if not isinstance(tensor, ops.Tensor):
        return np.asarray(tensor) if isinstance(tensor, (np.ndarray, np.generic)) else None
    value = tensor._constant_value()
    if value is None and partial and tensor.op.type == "Pack" and tensor.op._attr("axis") == 0:
        parts = [constant_value(t) for t in tensor.op.inputs]
        if parts and any(p is not None for p in parts):
            return np.array([p.item() if p is not None and p.ndim == 0 else p for p in parts],
                            object)
    return value


ConstantValue = constant_value


def constant_value_as_shape(tensor):
    """The TensorShape that the value of a vector of sizes says, as far as it is known; -1 in it is
    a size that is not known."""
    if isinstance(tensor, (list, tuple)):
        return tensor_shape.TensorShape([None if d in (-1, None) else d for d in tensor])
    if tensor.get_shape().ndims == 0:
        value = constant_value(tensor)
        if value is None:
            raise ValueError("Received a scalar with unknown value as shape; require a statically "
                             "known scalar with value '-1' to describe an unknown shape.")
        if value != -1:
            raise ValueError("Received a scalar value '%s' as shape; require a statically known "
                             "scalar with value '-1' to describe an unknown shape." % value)
        return tensor_shape.unknown_shape()
    dims = tensor._shape_value()
    if dims is not None:
        return tensor_shape.TensorShape(dims)
    return tensor_shape.unknown_shape(tensor.get_shape().with_rank(1)[0].value)


def is_tensor(x):
    """Whether it is a tensor, a variable, or a sparse one."""
    return isinstance(x, (ops.Tensor, ops.SparseTensor, ops.IndexedSlices)) or \
        ops.is_dense_tensor_like(x)


is_tf_type = is_tensor


def shape_tensor(shape):
    """A shape as a tensor: int32 unless sizes need int64."""
    dtype = None
    if isinstance(shape, (tuple, list)):
        if not shape:
            dtype = dtypes.int32
        elif all(isinstance(s, tensor_shape.Dimension) for s in shape):
            shape = [s.value for s in shape]
    return ops.convert_to_tensor(shape, dtype=dtype, name="shape")


def SlowAppendFloatArrayToTensorProto(tensor_proto, proto_values):
    """Appends numbers to float_val."""
    tensor_proto.float_val.extend(compat_item(x) for x in proto_values)


def compat_item(value):
    """A Python number of a NumPy one."""
    return value.item() if isinstance(value, np.generic) else value


def GetFromNumpyDTypeDict(dtype_dict, dtype):
    """What a dict by NumPy type has for one of them, or None."""
    for key, value in dtype_dict.items():
        if key == dtype:
            return value
    return None


def as_bytes(value):
    return compat.as_bytes(value)
