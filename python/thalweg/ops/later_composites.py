# SPDX-License-Identifier: Apache-2.0
"""Functions of TensorFlow 1.13 and later that are made of other operations."""
import numpy as np

from thalweg.framework import ops
from thalweg.ops import (array_ops, functional_ops, gen_array_ops, gen_math_ops, linalg_more,
                         linalg_ops, math_ops, nn_convolution)
from thalweg.util import nest


def where_v2(condition, x=None, y=None, name=None):
    """Elements of x where the condition holds, of y elsewhere, all three broadcast; without x and y
    the indices where it holds."""
    if (x is None) != (y is None):
        raise ValueError("x and y must both be non-None or both be None.")
    if x is None:
        return gen_array_ops.where(ops.convert_to_tensor(condition, name="condition"), name=name)
    return gen_math_ops.select_v2(condition, x, y, name=name)


def tensor_scatter_nd_update(tensor, indices, updates, name=None):
    """A tensor with the parts at `indices` replaced; each of them may stand there once."""
    with ops.name_scope(name, "TensorScatterUpdate", [tensor, indices, updates]):
        tensor = ops.convert_to_tensor(tensor)
        indices = ops.convert_to_tensor(indices)
        updates = ops.convert_to_tensor(updates, dtype=tensor.dtype)
        shape = array_ops.shape(tensor, out_type=indices.dtype)
        marks = gen_array_ops.scatter_nd(indices, array_ops.ones_like(updates, dtype="int32"),
                                         shape)
        made = array_ops.where(marks > 0, gen_array_ops.scatter_nd(indices, updates, shape), tensor)
        made.set_shape(tensor.get_shape())
        return made


def normalize(tensor, ord="euclidean", axis=None, name=None):  # noqa: A002
    """(the tensor over its norm, the norm)"""
    with ops.name_scope(name, "normalize", [tensor]):
        tensor = ops.convert_to_tensor(tensor)
        norm = linalg_more.norm(tensor, ord, axis, keepdims=True)
        norm = math_ops.cast(norm, tensor.dtype)
        return tensor / norm, norm


def pinv(a, rcond=None, validate_args=False, name=None):
    """The pseudo-inverse of matrices: singular values below rcond times the greatest count as 0."""
    del validate_args
    with ops.name_scope(name, "pinv", [a]):
        a = ops.convert_to_tensor(a, name="a")
        if not a.dtype.is_floating:
            raise TypeError("Input `a` must have `float`-like `dtype` (saw %s)." % a.dtype.name)
        if a.get_shape().ndims is not None and a.get_shape().ndims < 2:
            raise ValueError("Input `a` must have at least 2 dimensions (saw: %d)."
                             % a.get_shape().ndims)
        if rcond is None:
            greatest = math_ops.reduce_max(array_ops.shape(a)[-2:])
            rcond = 10. * math_ops.cast(greatest, a.dtype) * _epsilon(a.dtype)
        rcond = ops.convert_to_tensor(rcond, dtype=a.dtype, name="rcond")
        values, left, right = linalg_ops.svd(a, full_matrices=False)
        limit = rcond[..., array_ops.newaxis] * math_ops.reduce_max(values, axis=-1, keepdims=True)
        inverse = where_v2(values > limit, 1. / values, array_ops.zeros_like(values))
        made = math_ops.matmul(right * array_ops.expand_dims(inverse, -2), left, adjoint_b=True)
        shape = a.get_shape()
        if shape.ndims is not None:
            made.set_shape(shape[:-2].concatenate([shape.dims[-1], shape.dims[-2]]))
        return made


def _epsilon(dtype):
    return float(np.finfo(dtype.as_numpy_dtype).eps)


def sobel_edges(image):
    """How images [batch, height, width, channels] change along height and width, in a last axis of
    two (Sobel's operator)."""
    image = ops.convert_to_tensor(image)
    static, shape = image.get_shape(), array_ops.shape(image)
    down = [[-1., -2., -1.], [0., 0., 0.], [1., 2., 1.]]
    across = [[-1., 0., 1.], [-2., 0., 2.], [-1., 0., 1.]]
    kernels = math_ops.cast(array_ops.stack([down, across], axis=-1), image.dtype)
    kernels = array_ops.tile(kernels[:, :, array_ops.newaxis, :], [1, 1, shape[-1], 1])
    padded = array_ops.pad(image, [[0, 0], [1, 1], [1, 1], [0, 0]], mode="REFLECT")
    made = nn_convolution.depthwise_conv2d(padded, kernels, [1, 1, 1, 1], "VALID")
    made = array_ops.reshape(made, array_ops.concat([shape, [2]], 0))
    made.set_shape(static.concatenate([2]))
    return made


def guarantee_const(input, name=None):  # noqa: A002
    """A tensor whose value the caller says never changes."""
    return array_ops.identity(input, name=name or "GuaranteeConst")


def recompute_grad(f):
    """The function itself: what its derivative needs is kept, not computed anew."""
    return f


def vectorized_map(fn, elems):
    """map_fn(), whose results may have any types."""
    first = nest.map_structure(lambda e: ops.convert_to_tensor(e)[0], elems)
    types = nest.map_structure(lambda t: ops.convert_to_tensor(t).dtype, fn(first))
    return functional_ops.map_fn(fn, elems, dtype=types)
