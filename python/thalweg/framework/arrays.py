# SPDX-License-Identifier: Apache-2.0
"""NumPy arrays from Python values, by TensorFlow's rules: whole numbers are int32 where they fit,
other numbers float32, arrays keep their type, text is bytes in an object array."""
import warnings

import numpy as np

from thalweg.compat import behaviour
from thalweg.framework import dtypes
from thalweg.util import compat

_INT32 = np.iinfo(np.int32)
# Older NumPy makes arrays of lists of lists that differ in length, with a warning.
_RAGGED_REFUSED = tuple(map(int, np.__version__.split(".")[:2])) >= (1, 24)


def _leaf_types(dtype):
    """The Python types that a type takes from lists and plain values."""
    if dtype.is_floating:
        return compat.real_types
    if dtype.is_integer:
        return compat.integral_types
    if dtype.is_complex:
        return compat.complex_types
    if dtype.is_bool:
        return (bool, np.bool_)
    if dtype == dtypes.string:
        return compat.bytes_or_text_types
    return None


def _first_wrong(value, types):
    """[the first leaf that is of none of the types], or []."""
    if isinstance(value, (list, tuple)):
        for item in value:
            found = _first_wrong(item, types)
            if found:
                return found
        return []
    return [] if isinstance(value, types) else [value]


def _check_leaves(value, dtype):
    types = _leaf_types(dtype)
    if types is None:
        return
    wrong = _first_wrong(value, types)
    if wrong and isinstance(wrong[0], np.ndarray):
        return  # lists of arrays go to NumPy as they are
    if wrong:
        from thalweg.framework import ops
        leaf = wrong[0]
        if isinstance(leaf, ops.Tensor):
            raise TypeError("Expected %s, got list containing Tensors of type '_Message' instead."
                            % dtype.name)
        raise TypeError("Expected %s, got %s of type '%s' instead."
                        % (dtype.name, repr(leaf), type(leaf).__name__))


def _wanted_shape(value):
    """The sizes as the first elements have them."""
    out = []
    while isinstance(value, (list, tuple)):
        out.append(len(value))
        if not value:
            break
        value = value[0]
    return out + list(value.shape) if isinstance(value, np.ndarray) else out


def _dense_shape(value):
    """The sizes as far as all elements agree."""
    if isinstance(value, np.ndarray):
        return list(value.shape)
    if not isinstance(value, (list, tuple)):
        return []
    inner = None
    for item in value:
        shape = _dense_shape(item)
        if inner is None:
            inner = shape
        else:
            agreed = 0
            while agreed < min(len(inner), len(shape)) and inner[agreed] == shape[agreed]:
                agreed += 1
            inner = inner[:agreed]
    return [len(value)] + (inner or [])


def _check_dense(value):
    wanted, found = _wanted_shape(value), _dense_shape(value)
    if wanted != found:
        raise ValueError("Argument must be a dense tensor: %s - got shape %s, but wanted %s."
                         % (value, found, wanted))


def _leaves(value, out):
    if isinstance(value, (list, tuple)):
        for item in value:
            _leaves(item, out)
    else:
        out.append(value)
    return out


def _is_text(value):
    """Whether the first leaf of a list is text."""
    while isinstance(value, (list, tuple)) and value:
        value = value[0]
    return isinstance(value, compat.bytes_or_text_types)


def _text_array(value):
    """Text in lists; NumPy's own text types would drop zero bytes at the end."""
    shape = _dense_shape(value)
    leaves = _leaves(value, [])
    array = np.empty(len(leaves), object)
    for at, leaf in enumerate(leaves):
        array[at] = compat.as_bytes(leaf)
    return array.reshape(shape)


def bytes_array(array):
    """An array of text, of any of NumPy's types for it, as an object array of bytes."""
    out = np.empty(array.shape, object)
    flat, source = out.reshape(-1), array.reshape(-1)
    for at in range(flat.size):
        flat[at] = compat.as_bytes(source[at])
    return out


def _cannot_convert(value):
    return TypeError("Failed to convert object of type %s to Tensor. Contents: %s. Consider "
                     "casting elements to a supported type." % (type(value), value))


def _refuse_tensors(value):
    from thalweg.framework import ops
    if any(isinstance(leaf, ops.Tensor) for leaf in _leaves(value, [])):
        raise TypeError("List of Tensors when single Tensor expected")


def _plain_array(value):
    """NumPy's array of numbers, or None where it makes none of them."""
    try:
        if _RAGGED_REFUSED:
            array = np.array(value)
        else:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                array = np.array(value)
    except Exception:  # noqa: B902  what is wrong is said by who looks closer
        return None
    return array if array.dtype.kind in "biufc" else None


def _inferred(value):
    """An array of a value whose type follows from it."""
    if _is_text(value):
        _refuse_tensors(value)
        _check_dense(value)
        try:
            return _text_array(value)
        except TypeError:
            raise _cannot_convert(value) from None
    array = _plain_array(value)
    if array is None:
        _refuse_tensors(value)
        _check_dense(value)
        raise _cannot_convert(value)
    kind = array.dtype.type
    if kind is np.float64:
        with np.errstate(over="ignore"):
            return array.astype(np.float32)
    if kind in (np.int64, np.uint64) and (
            array.size == 0 or (array.min() >= _INT32.min and array.max() <= _INT32.max)):
        return array.astype(np.int32)
    if kind is np.complex128 and behaviour.complex_constant == "complex64":
        return array.astype(np.complex64)
    return array


# The kinds of NumPy's arrays whose elements a type takes as they are.
_TAKEN = {"f": "biuf", "i": "biu", "u": "biu", "c": "biufc", "b": "b"}


def _as_type(value, dtype):
    """An array of a plain value or list, of a given type; whole numbers too large wrap around."""
    taken = _TAKEN.get(dtype._kind)
    if taken:
        array = _plain_array(value)
        if array is not None and array.dtype.kind in taken:
            with np.errstate(all="ignore"):
                return array.astype(dtype.as_numpy_dtype)
    _check_leaves(value, dtype)
    if dtype == dtypes.string:
        _check_dense(value)
        return _text_array(value)
    numpy = dtype.as_numpy_dtype
    if dtype.is_quantized:
        return np.array(value, numpy[0]).view(numpy) if not isinstance(value, tuple) else \
            np.array(value, numpy)
    with np.errstate(all="ignore"):
        if dtype.is_integer:
            wide = np.uint64 if dtype == dtypes.uint64 else np.int64
            return np.array(value, wide).astype(numpy)
        if dtype.is_floating and dtype.size < 8:
            return np.array(value, np.float64).astype(numpy)
        return np.array(value, numpy)


def _small_number(value, dtype):
    """An array of a Python number that the type surely holds, the commonest case; else None."""
    kind = type(value)
    if kind is float:
        if (dtype is None or dtype._kind == "f") and -60000.0 < value < 60000.0:
            return np.array(value, np.float32 if dtype is None else dtype.as_numpy_dtype)
    elif kind is int:
        if dtype is None:
            if -2147483648 <= value <= 2147483647:
                return np.array(value, np.int32)
        elif 0 <= value < 128 and dtype._kind in "fiuc":
            return np.array(value, dtype.as_numpy_dtype)
    return None


def _cast(array, dtype):
    """NumPy's cast of an array; text becomes bytes."""
    if dtype == dtypes.string:
        return bytes_array(array)
    numpy = dtype.as_numpy_dtype
    if array.dtype == numpy:
        return array
    with np.errstate(all="ignore"):
        if numpy == np.bool_ and array.dtype.kind in "SU":
            array = array.astype(np.int64)  # what is no number is refused; NumPy 2 alone takes it
        return array.astype(numpy)


def from_value(value, dtype=None):
    """An array of a value, of a type if one is given. TypeError or ValueError if it cannot be."""
    if dtype is not None:
        dtype = dtypes.as_dtype(dtype)
    small = _small_number(value, dtype)
    if small is not None:
        return small
    if isinstance(value, (np.ndarray, np.generic)):
        array = np.asarray(value)
        if dtype is not None:
            return _cast(array, dtype)
        if array.dtype.kind in "OUS":
            return bytes_array(array)
        dtypes.as_dtype(array.dtype)  # TypeError for what no tensor holds
        return array
    if value is None:
        raise ValueError("None values not supported.")
    if isinstance(value, range):
        value = list(value)
    elif isinstance(value, bytearray) or hasattr(value, "__array__") \
            and not isinstance(value, (list, tuple, type)):
        return from_value(np.asarray(value), dtype)
    if dtype is None:
        return _inferred(value)
    return _as_type(value, dtype)


def fill(array, shape):
    """The array with another shape: its elements in order, the last one again for those missing."""
    shape = tuple(int(s) for s in shape)
    if array.shape == shape:
        return array
    size = int(np.prod(shape, dtype=np.int64))
    if array.size == 1 > size:
        return array.reshape(-1)[:0].reshape(shape)
    if size < array.size:
        raise ValueError("Too many elements provided. Needed at most %d, but received %d"
                         % (size, array.size))
    if size == array.size:
        return array.reshape(shape)
    if array.size == 0:
        return np.full(shape, b"" if array.dtype == object else 0, array.dtype)
    out = np.empty(size, array.dtype)
    out[:array.size] = array.reshape(-1)
    out[array.size:] = array.reshape(-1)[-1]
    return out.reshape(shape)
