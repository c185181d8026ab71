# SPDX-License-Identifier: Apache-2.0
"""Unit matrices, norms, and the logarithm of determinants."""
import numpy as np

from thalweg.framework import dtypes, ops, tensor_util
from thalweg.ops import (array_creation, array_joining, array_moving, array_shapes, gen_math_ops,
                         linalg_ops, math_elementwise, math_reduction)
from thalweg.ops.nn_activations import one_of


def eye(num_rows, num_columns=None, batch_shape=None, dtype=dtypes.float32, name=None):
    """A unit matrix, or a batch of them."""
    from thalweg.ops import array_ops
    with ops.name_scope(name, "eye", [num_rows, num_columns, batch_shape]) as scope:
        square = num_columns is None
        batch = [] if batch_shape is None else batch_shape
        num_columns = num_rows if square else num_columns
        if isinstance(num_rows, ops.Tensor) or isinstance(num_columns, ops.Tensor):
            least = gen_math_ops.minimum(num_rows, num_columns)
        else:
            least = min(num_rows, num_columns)
        parts = [num_rows, num_columns, least]
        if isinstance(batch, ops.Tensor) or any(isinstance(p, ops.Tensor) for p in parts):
            batch = ops.convert_to_tensor(batch, name="shape", dtype=dtypes.int32)
            ones, whole = (array_joining.concat((batch, sizes), axis=0)
                           for sizes in ([least], [num_rows, num_columns]))
        else:
            batch = list(batch)
            ones, whole = batch + [least], batch + [num_rows, num_columns]
        diagonal = array_creation.ones(ones, dtype=dtype)
        if square:
            return array_ops.matrix_diag(diagonal, name=scope)
        return array_ops.matrix_set_diag(array_creation.zeros(whole, dtype=dtype), diagonal,
                                         name=scope)


def _checked_order(kind, is_matrix, axis):
    if is_matrix:
        if len(axis) != 2:
            raise ValueError("'axis' must be None, an integer, or a tuple of 2 unique integers")
        allowed = ("euclidean", "fro", 1, 2, np.inf)
        if axis[0] == axis[1]:
            raise ValueError("'axis' must be None, an integer, or a tuple of 2 unique integers")
        if kind not in allowed:
            raise ValueError("'ord' must be a supported matrix norm in %s, got %s"
                             % (list(allowed), kind))
    elif kind != "euclidean" and (isinstance(kind, str) or kind <= 0):
        raise ValueError("'ord' must be a supported vector norm: 'euclidean' or a number > 0, "
                         "got %s" % kind)


def norm(tensor, ord="euclidean", axis=None, keepdims=None,  # noqa: A002
         name=None, keep_dims=None):
    """The norm of vectors (along an axis, or of everything) or of matrices (along two)."""
    keepdims = bool(one_of("keepdims", keepdims, "keep_dims", keep_dims))
    is_matrix = isinstance(axis, (tuple, list))
    _checked_order(ord, is_matrix, axis)
    with ops.name_scope(name, "norm", [tensor]):
        tensor = ops.convert_to_tensor(tensor)
        if ord in ("fro", "euclidean") or ord == 2 and not is_matrix:
            axes = list(axis) if is_matrix else axis
            squares = math_reduction.reduce_sum(
                tensor * math_elementwise.conj(tensor), axes, keepdims=True)
            result = math_elementwise.sqrt(squares)
        elif is_matrix:
            result = _matrix_norm(tensor, ord, tuple(axis))
        else:
            size = math_elementwise.abs(tensor)
            if ord == np.inf:
                result = math_reduction.reduce_max(size, axis, keepdims=True)
            else:
                powers = math_reduction.reduce_sum(math_elementwise.pow(size, ord), axis,
                                                   keepdims=True)
                result = math_elementwise.pow(powers, 1.0 / ord)
        if keepdims:
            return result
        return array_shapes.squeeze(result, list(axis) if is_matrix else
                                    None if axis is None else [axis])


def _matrix_norm(tensor, kind, axes):
    """The greatest sum of a column (1) or row (inf), or the greatest singular value (2)."""
    if kind != 2:
        summed, compared = axes if kind == 1 else axes[::-1]
        sums = math_reduction.reduce_sum(math_elementwise.abs(tensor), summed, keepdims=True)
        return math_reduction.reduce_max(sums, compared, keepdims=True)
    rank = tensor.get_shape().ndims
    if rank is None:
        raise ValueError("the rank of the tensor must be known")
    axes = [a % rank for a in axes]
    order = [i for i in range(rank) if i not in axes] + axes
    values = linalg_ops.svd(array_moving.transpose(tensor, order), compute_uv=False)
    most = math_reduction.reduce_max(values, axis=-1)
    for axis in sorted(axes):
        most = array_shapes.expand_dims(most, axis)
    return most


def logdet(matrix, name=None):
    """The logarithm of the determinant of positive definite matrices."""
    with ops.name_scope(name, "logdet", [matrix]):
        factors = linalg_ops.cholesky(matrix)
        from thalweg.ops import array_ops
        diagonal = math_elementwise.real(array_ops.matrix_diag_part(factors))
        return 2.0 * math_reduction.reduce_sum(gen_math_ops.log(diagonal), axis=[-1])


def matrix_rank(a, tol=None, validate_args=False, name=None):
    """How many singular values of matrices are greater than `tol`, by default the greatest one
    times the type's precision times the greater size."""
    del validate_args
    with ops.name_scope(name, "matrix_rank", [a, tol]):
        a = ops.convert_to_tensor(a, name="a")
        values = linalg_ops.svd(a, compute_uv=False)
        if tol is None:
            sizes = tensor_util.constant_value(array_shapes.shape(a)[-2:])
            most = float(sizes.max()) if sizes is not None else math_elementwise.cast(
                math_reduction.reduce_max(array_shapes.shape(a)[-2:]), a.dtype)
            tol = math_reduction.reduce_max(values, axis=-1, keepdims=True) * (
                np.finfo(a.dtype.as_numpy_dtype).eps * most)
        return math_reduction.reduce_sum(math_elementwise.cast(values > tol, dtypes.int32),
                                         axis=-1)
