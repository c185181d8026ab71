# SPDX-License-Identifier: Apache-2.0
"""Tensors from all that can become one. A conversion function (value, dtype, name, as_ref) is found
by the value's type, the lowest priority first; it may say NotImplemented."""
from thalweg.framework import dtypes
from thalweg.framework.composite_tensors import IndexedSlices, SparseTensor
from thalweg.framework.tensor import Tensor

_functions = {}  # priority: [(types, function)]
_cache = {}      # type: [(types, function)] in order of priority

as_dtype = dtypes.as_dtype


def register_tensor_conversion_function(base_type, conversion_func, priority=100):
    """Lets values of `base_type` (a type or a tuple of types) become tensors by a function
    (value, dtype=None, name=None, as_ref=False)."""
    types = base_type if isinstance(base_type, tuple) else (base_type,)
    if not all(isinstance(t, type) for t in types):
        raise TypeError("base_type must be a type or a tuple of types.")
    if not callable(conversion_func):
        raise TypeError("conversion_func must be callable.")
    _functions.setdefault(priority, []).append((base_type, conversion_func))
    _cache.clear()


def _functions_for(kind, value):
    """The conversion functions for values of a type."""
    found = _cache.get(kind)
    if found is None:
        # Constants register themselves; nothing before this needs them.
        from thalweg.framework import constant_op  # noqa: F401
        found = [entry for priority in sorted(_functions) for entry in _functions[priority]
                 if isinstance(value, entry[0])]
        _cache[kind] = found
    return found


def convert_to_tensor(value, dtype=None, name=None, preferred_dtype=None, dtype_hint=None,
                      as_ref=False):
    """A tensor of a value: of itself, a variable, a NumPy array, a number, a list ... `dtype` is
    required of it, `preferred_dtype` only wished for."""
    if preferred_dtype is True or preferred_dtype is False:  # as_ref stood there once
        as_ref, preferred_dtype = preferred_dtype, None
    return internal_convert_to_tensor(value, dtype, name, as_ref, dtype_hint or preferred_dtype)


def internal_convert_to_tensor(value, dtype=None, name=None, as_ref=False, preferred_dtype=None,
                               ctx=None, accept_symbolic_tensors=True,
                               accept_composite_tensors=False):
    """As convert_to_tensor; `as_ref` asks for a variable's reference."""
    if isinstance(value, Tensor):
        return value if dtype is None else _checked(value, dtype)
    if dtype is not None:
        dtype = as_dtype(dtype)
    unwanted = None
    for base_type, function in _functions_for(type(value), value):
        found = None
        if dtype is None and preferred_dtype is not None:
            try:
                found = function(value, dtype=as_dtype(preferred_dtype), name=name, as_ref=as_ref)
            except (TypeError, ValueError) as error:
                unwanted = error
                found = None
            if found is not None and found is not NotImplemented and \
                    found.dtype.base_dtype != as_dtype(preferred_dtype).base_dtype:
                raise TypeError("convert_to_tensor did not convert to the preferred dtype: %s vs "
                                "%s " % (found.dtype.base_dtype, as_dtype(preferred_dtype)))
        if found is None:
            found = function(value, dtype=dtype, name=name, as_ref=as_ref)
        if found is NotImplemented:
            continue
        if not isinstance(found, Tensor):
            raise RuntimeError("%sConversion function %r for type %s returned non-Tensor: %r"
                               % (_named(name), function, base_type, found))
        if dtype is not None and not dtype.is_compatible_with(found.dtype):
            raise RuntimeError("%sConversion function %r for type %s returned incompatible dtype: "
                               "requested = %s, actual = %s"
                               % (_named(name), function, base_type, dtype.name, found.dtype.name))
        return found
    raise TypeError("%sCannot convert %r with type %s to Tensor: no conversion function "
                    "registered." % (_named(name), value, type(value))) from unwanted


def _named(name):
    return "%s: " % name if name else ""


def _checked(tensor, dtype):
    if not as_dtype(dtype).is_compatible_with(tensor.dtype):
        raise ValueError("Tensor conversion requested dtype %s for Tensor with dtype %s: %r"
                         % (as_dtype(dtype).name, tensor.dtype.name, str(tensor)))
    return tensor


def internal_convert_n_to_tensor(values, dtype=None, name=None, as_ref=False, preferred_dtype=None,
                                 ctx=None):
    """A list of tensors; the names get numbers."""
    if not isinstance(values, (list, tuple)):
        raise TypeError("values must be a sequence.")
    return [internal_convert_to_tensor(v, dtype, None if name is None else "%s_%d" % (name, i),
                                       as_ref, preferred_dtype)
            for i, v in enumerate(values)]


def convert_n_to_tensor(values, dtype=None, name=None, preferred_dtype=None):
    """A list of tensors of a list of values."""
    return internal_convert_n_to_tensor(values, dtype, name, False, preferred_dtype)


def convert_to_tensor_or_indexed_slices(value, dtype=None, name=None, as_ref=False):
    """A tensor, or IndexedSlices as they are."""
    if isinstance(value, IndexedSlices):
        if dtype and not as_dtype(dtype).is_compatible_with(value.dtype):
            raise ValueError("Tensor conversion requested dtype %s for Tensor with dtype %s: %r"
                             % (as_dtype(dtype).name, value.dtype.name, str(value)))
        return value
    return internal_convert_to_tensor(value, dtype, name, as_ref)


internal_convert_to_tensor_or_indexed_slices = convert_to_tensor_or_indexed_slices


def convert_n_to_tensor_or_indexed_slices(values, dtype=None, name=None, as_ref=False):
    """A list of tensors, IndexedSlices and None as they are."""
    if not isinstance(values, (list, tuple)):
        raise TypeError("values must be a list.")
    return [None if v is None else convert_to_tensor_or_indexed_slices(
        v, dtype, None if name is None else "%s_%d" % (name, i), as_ref)
        for i, v in enumerate(values)]


internal_convert_n_to_tensor_or_indexed_slices = convert_n_to_tensor_or_indexed_slices


def convert_to_tensor_or_composite(value, dtype=None, name=None, as_ref=False):
    """A tensor, or IndexedSlices and SparseTensors as they are."""
    if isinstance(value, (IndexedSlices, SparseTensor)):
        return value
    return internal_convert_to_tensor(value, dtype, name, as_ref)


internal_convert_to_tensor_or_composite = convert_to_tensor_or_composite


# ---- gradients to and from the extension ----

def wrap_grads(op, grads):
    """What a Python gradient function gave, as the extension takes it: a list of None, tensors and
    (values, indices, dense_shape)."""
    if isinstance(grads, (Tensor, IndexedSlices)) or grads is None:
        grads = [grads]
    grads = list(grads)
    if len(grads) != len(op.inputs):
        raise ValueError("Num gradients %d generated for op %s do not match num inputs %d"
                         % (len(grads), op.node_def, len(op.inputs)))
    return [g if g is None else (g.values, g.indices, g.dense_shape)
            if isinstance(g, IndexedSlices) else internal_convert_to_tensor(g) for g in grads]


def unwrap_grad(grad):
    """One gradient of the extension's as Python sees it."""
    return IndexedSlices(*grad) if isinstance(grad, tuple) else grad


# ---- the conversions of this file ----

def _indexed_slices_to_tensor(value, dtype=None, name=None, as_ref=False):
    from thalweg.framework import tensor_util
    from thalweg.ops import math_ops
    if dtype and not as_dtype(dtype).is_compatible_with(value.dtype):
        raise ValueError("Tensor conversion requested dtype %s for IndexedSlices with dtype %s"
                         % (as_dtype(dtype).name, value.dtype.name))
    if value.dense_shape is None:
        raise ValueError("Tensor conversion requested for IndexedSlices without dense_shape: %s"
                         % value)
    _warn_of_size(tensor_util.constant_value(value.dense_shape))
    return math_ops.unsorted_segment_sum(value.values, value.indices, value.dense_shape[0],
                                         name=name)


_MANY_ELEMENTS = 100000000


def _warn_of_size(shape):
    """Where slices of a large or unknown whole become dense."""
    import warnings
    import numpy as np
    count = None if shape is None else int(np.prod(shape, dtype=np.int64))
    if count is None or count >= _MANY_ELEMENTS:
        warnings.warn("Converting sparse IndexedSlices to a dense Tensor %s. This may consume a "
                      "large amount of memory."
                      % ("of unknown shape" if count is None else "with %d elements" % count),
                      stacklevel=3)


register_tensor_conversion_function(IndexedSlices, _indexed_slices_to_tensor)
