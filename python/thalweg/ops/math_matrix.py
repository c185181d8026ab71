# SPDX-License-Identifier: Apache-2.0
"""Products of matrices and tensors."""
import numpy as np

from thalweg.framework import dtypes, node_counts, ops
from thalweg.ops import gen_math_ops


def matmul(a, b, transpose_a=False, transpose_b=False, adjoint_a=False, adjoint_b=False,
           a_is_sparse=False, b_is_sparse=False, name=None):
    """The product of two matrices, or of the matrices in the last two dimensions.

    Args:
      a: a tensor of floating or complex numbers, or of int32 or int64: [..., n, k]. What is no
        tensor is made one.
      b: a tensor of the same type: [..., k, m], with the same dimensions before the last two, or
        with such as fit them when they are broadcast.
      transpose_a: whether `a` is transposed before: it is [..., k, n] then.
      transpose_b: whether `b` is: it is [..., m, k] then.
      adjoint_a: whether `a` is transposed and conjugated.
      adjoint_b: whether `b` is.
      a_is_sparse: a hint that most of `a` is zero; matrices of float32 or bfloat16 only.
      b_is_sparse: the same of `b`.
      name: a name for the operation.

    Returns:
      a tensor of the type of `a`: [..., n, m].

    Raises:
      ValueError: if the shapes are known and do not fit, or a matrix is to be transposed twice.
    """
    if type(a) is type(b) is ops.Tensor and not (adjoint_a or adjoint_b or a_is_sparse
                                                 or b_is_sparse):
        if a._rank() == 2 == b._rank() and a.dtype is b.dtype is not dtypes.bfloat16:
            return gen_math_ops.mat_mul(a, b, transpose_a=transpose_a, transpose_b=transpose_b,
                                        name=name)
    with ops.name_scope(name, "MatMul", [a, b]) as scope:
        if transpose_a and adjoint_a:
            raise ValueError("Only one of transpose_a and adjoint_a can be True.")
        if transpose_b and adjoint_b:
            raise ValueError("Only one of transpose_b and adjoint_b can be True.")
        a = ops.convert_to_tensor(a, name="a")
        b = ops.convert_to_tensor(b, name="b", dtype_hint=a.dtype.base_dtype)
        ranks = a._rank(), b._rank()
        if (ranks[0] is None or ranks[0] > 2) and (ranks[1] is None or ranks[1] > 2):
            return gen_math_ops.batch_mat_mul_v2(
                _adjoint(a, transpose_a), _adjoint(b, transpose_b),
                adj_x=adjoint_a or transpose_a, adj_y=adjoint_b or transpose_b, name=scope)
        a, transpose_a = (_conjugate(a), True) if adjoint_a else (a, transpose_a)
        b, transpose_b = (_conjugate(b), True) if adjoint_b else (b, transpose_b)
        sparse = (dtypes.bfloat16, dtypes.float32)
        if (a_is_sparse or b_is_sparse or dtypes.bfloat16 in (a.dtype.base_dtype,
                                                              b.dtype.base_dtype)) \
                and a.dtype.base_dtype in sparse and b.dtype.base_dtype in sparse \
                and (a_is_sparse or b_is_sparse or a.dtype.base_dtype != b.dtype.base_dtype):
            made = gen_math_ops.sparse_mat_mul(
                a, b, transpose_a=transpose_a, transpose_b=transpose_b, a_is_sparse=a_is_sparse,
                b_is_sparse=b_is_sparse, name=scope)
            return made
        return gen_math_ops.mat_mul(a, b, transpose_a=transpose_a, transpose_b=transpose_b,
                                    name=scope)


def _conjugate(x):
    from thalweg.ops import math_elementwise
    return math_elementwise.conj(x)


def _adjoint(x, transpose):
    """BatchMatMul transposes and conjugates at once: what is only to be transposed is conjugated
    here."""
    return _conjugate(x) if transpose else x


sparse_matmul = gen_math_ops.sparse_mat_mul


def matvec(a, b, transpose_a=False, adjoint_a=False, a_is_sparse=False, b_is_sparse=False,
           name=None):
    """The product of a matrix and a vector."""
    from thalweg.ops import array_shapes
    with ops.name_scope(name, "MatVec", [a, b]):
        b = array_shapes.expand_dims(b, axis=-1)
        out = matmul(a, b, transpose_a=transpose_a, adjoint_a=adjoint_a, a_is_sparse=a_is_sparse,
                     b_is_sparse=b_is_sparse)
        return array_shapes.squeeze(out, axis=-1)


def trace(x, name=None):
    """The sum over the diagonal of the matrices in the last two dimensions."""
    from thalweg.ops import array_moving, math_reduction
    with ops.name_scope(name, "Trace", [x]) as scope:
        x = ops.convert_to_tensor(x, name="x")
        return math_reduction.reduce_sum(array_moving.matrix_diag_part(x), [-1], name=scope)


def cross(a, b, name=None):
    """The cross product of vectors of length 3."""
    return gen_math_ops.cross(a, b, name=name)


def tensordot(a, b, axes, name=None):
    """The sum of products over pairs of axes: a number n (the last n of a and the first n of b),
    or two lists."""
    from thalweg.ops import array_joining, array_shapes
    with ops.name_scope(name, "Tensordot", [a, b, axes]) as scope:
        a = ops.convert_to_tensor(a, name="a")
        b = ops.convert_to_tensor(b, name="b")
        a_axes, b_axes = _pairs(a, axes)
        left, a_free, a_static = _as_matrix(a, a_axes, False)
        right, b_free, b_static = _as_matrix(b, b_axes, True)
        product = matmul(left, right)
        if isinstance(a_free, list) and isinstance(b_free, list):
            return array_shapes.reshape(product, a_free + b_free, name=scope)
        a_free = ops.convert_to_tensor(a_free, dtype=dtypes.int32)
        b_free = ops.convert_to_tensor(b_free, dtype=dtypes.int32)
        made = array_shapes.reshape(product, array_joining.concat([a_free, b_free], 0),
                                    name=scope)
        node_counts.add(1)
        if a_static is not None and b_static is not None:
            made.set_shape(a_static + b_static)
        return made


def _pairs(a, axes):
    """(axes of a, axes of b) that are summed over."""
    shape = a.get_shape()
    if isinstance(axes, (int, np.integer)):
        if axes < 0:
            raise ValueError("'axes' must be at least 0.")
        if shape.ndims is None:
            raise ValueError("tensordot needs the rank of `a` where axes is a number")
        if axes > shape.ndims:
            raise ValueError("'axes' must not be larger than the number of dimensions of tensor %s."
                             % a)
        return (list(np.arange(shape.ndims - axes, shape.ndims)), list(np.arange(axes)))
    if isinstance(axes, (list, tuple, np.ndarray)):
        if len(axes) != 2:
            raise ValueError("'axes' must be an integer or have length 2.")
        one, two = ([x] if isinstance(x, (int, np.integer)) else list(x) for x in axes)
        if len(one) != len(two):
            raise ValueError("Different number of contraction axes 'a' and 'b', %d != %d."
                             % (len(one), len(two)))
        return one, two
    raise TypeError("axes of tensordot must be a number or two lists, not %r" % (axes,))


def _as_matrix(x, axes, flipped):
    """(x as a matrix whose columns, or rows if `flipped`, are what is summed over; the sizes of
    the other axes as a list or tensor; the same as far as they are known, or None)"""
    from thalweg.ops import array_moving, array_shapes, array_slicing, math_reduction
    shape = x.get_shape()
    if shape.ndims is None:
        raise ValueError("tensordot needs the ranks of its operands")
    axes = [int(i) if i >= 0 else int(i) + shape.ndims for i in axes]
    free = [i for i in range(shape.ndims) if i not in axes]
    perm = axes + free if flipped else free + axes
    sizes = shape.as_list()
    moved = array_moving.transpose(x, perm)
    static = [sizes[i] for i in free]
    if shape.is_fully_defined():
        inner, outer = (int(np.prod([sizes[i] for i in which], dtype=np.int64))
                        for which in (axes, free))
        return (array_shapes.reshape(moved, [inner, outer] if flipped else [outer, inner]),
                static, static)
    dynamic = array_shapes.shape(x)
    free_sizes = array_slicing.gather(dynamic, free) if free else []
    inner = math_reduction.reduce_prod(array_slicing.gather(dynamic, axes)) if axes else 1
    outer = math_reduction.reduce_prod(free_sizes) if free else 1
    return (array_shapes.reshape(moved, [inner, outer] if flipped else [outer, inner]),
            free_sizes, static)


def conjugate_transpose(a, name=None):
    """The conjugate of the transposed matrices."""
    from thalweg.ops import array_moving
    return array_moving.matrix_transpose(a, name=name or "adjoint", conjugate=True)


def adjoint(matrix, name=None):
    """The conjugate of the transposed matrices."""
    return conjugate_transpose(matrix, name)


@ops.RegisterStatistics("MatMul", "flops")
def _matmul_flops(graph, node):
    """A multiplication and an addition for each pair of elements that meet."""
    op = graph.get_operation_by_name(node.name)
    inner = op.inputs[0].get_shape().with_rank(2)[0 if op.get_attr("transpose_a") else 1].value
    outputs = op.outputs[0].get_shape().num_elements()
    return ops.OpStats("flops", None if None in (inner, outputs) else 2 * inner * outputs)


def adjoint(matrix, name=None):
    """The conjugate of the transposed matrices."""
    return conjugate_transpose(matrix, name)


@ops.RegisterStatistics("MatMul", "weight_parameters")
def _matmul_parameters(graph, node):
    """The elements of the second matrix."""
    op = graph.get_operation_by_name(node.name)
    return ops.OpStats("weight_parameters", op.inputs[1].get_shape().num_elements())
