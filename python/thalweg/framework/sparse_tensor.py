# SPDX-License-Identifier: Apache-2.0
"""Tensors of which only some elements are not zero."""
from thalweg.framework.composite_tensors import (  # noqa: F401
    SparseTensor, SparseTensorValue, is_sparse)


def convert_to_tensor_or_sparse_tensor(value, dtype=None, name=None):
    """A tensor, or a SparseTensor of a SparseTensorValue."""
    from thalweg.framework import dtypes, ops
    if isinstance(value, SparseTensorValue):
        value = SparseTensor.from_value(value)
    if isinstance(value, SparseTensor):
        if dtype and not dtypes.as_dtype(dtype).is_compatible_with(value.dtype):
            raise RuntimeError("Sparse dtype: requested = %s, actual = %s"
                               % (dtypes.as_dtype(dtype).name, value.dtype.name))
        return value
    return ops.internal_convert_to_tensor(value, dtype=dtype, name=name)


__all__ = ["SparseTensor", "SparseTensorValue", "convert_to_tensor_or_sparse_tensor"]
