# SPDX-License-Identifier: Apache-2.0
"""Functions as versions before 1.0 had them: other orders of arguments, whole numbers divided as C
does, names that are gone."""
from thalweg.framework import dtypes, ops
from thalweg.ops import (array_joining, array_shapes, array_slicing, gen_array_ops,
                         gen_math_ops)


def concat(concat_dim, values, name="concat"):
    """Tensors one behind the other along an axis, which comes first."""
    if not isinstance(values, (list, tuple)):
        values = [values]
    if len(values) == 1:
        with ops.name_scope(name) as scope:
            ops.convert_to_tensor(concat_dim, name="concat_dim", dtype=dtypes.int32) \
                .get_shape().assert_is_compatible_with([])
            return array_shapes.identity(values[0], name=scope)
    return gen_array_ops.concat(concat_dim, values, name=name)


def split(split_dim, num_split, value, name="split"):
    """The equal parts of a tensor along an axis, which comes first."""
    return gen_array_ops.split(split_dim, value, num_split, name=name)


def gather(params, indices, validate_indices=None, name=None, axis=0):
    """The slices of a tensor at indices: by an op of its own for the first dimension."""
    if isinstance(axis, int) and axis == 0:
        checked = {} if validate_indices is None else {"validate_indices": validate_indices}
        return gen_array_ops.gather(params, indices, name=name, **checked)
    return array_slicing.gather(params, indices, name=name, axis=axis)


def concat_v2(values, axis, name="concat_v2"):
    """The newer concat(), under the name that it had beside the older one."""
    return array_joining.concat(values, axis, name)


def split_v(value, size_splits, split_dim=0, num=None, name="split_v"):
    """Parts of the given sizes along an axis."""
    return array_joining.split(value, size_splits, split_dim, num, name)


def reverse(tensor, dims, name=None):
    """The elements in reverse order along the axes for which `dims` is true."""
    return gen_array_ops.reverse(tensor, dims, name=name)


def pack(values, axis=0, name="pack"):
    """Tensors of one shape side by side along a new axis."""
    if isinstance(axis, str):  # the name came second once
        axis, name = 0, axis
    if axis == 0:
        return gen_array_ops.pack(values, name=name)
    return array_joining.stack(values, axis, name)


def unpack(value, num=None, axis=0, name="unpack"):
    """The tensors side by side along an axis."""
    if isinstance(axis, str):
        axis, name = 0, axis
    return array_joining.unstack(value, num, axis, name)


def select(condition, t, e, name=None):
    """The elements of `t` where a condition holds, those of `e` elsewhere."""
    return gen_array_ops.select(condition, t, e, name=name)


def listdiff(x, y, out_idx=dtypes.int32, name=None):
    """The elements of x that are not in y, and their places."""
    return gen_array_ops.list_diff(x, y, out_idx=out_idx, name=name)


def batch_matmul(x, y, adj_x=False, adj_y=False, name=None):
    """The products of the matrices in the last two dimensions."""
    return gen_math_ops.batch_mat_mul(x, y, adj_x=adj_x, adj_y=adj_y, name=name)


def inv(x, name=None):
    """1 / x"""
    return gen_math_ops.inv(x, name=name)


def div(x, y, name=None):
    """x / y; whole numbers are rounded towards 0."""
    return gen_math_ops.div(x, y, name=name)


def mod(x, y, name=None):
    """What is left of x in div(x, y), with the sign of x."""
    return gen_math_ops.mod(x, y, name=name)


def floordiv(x, y, name=None):
    """x / y rounded down; whole numbers are rounded towards 0."""
    with ops.name_scope(name, "floordiv", [x]) as scope:
        x = ops.convert_to_tensor(x, name="x")
        if x.dtype.is_floating:
            return gen_math_ops.floor(gen_math_ops.div(x, y), name=scope)
        if not x.dtype.is_integer:
            raise TypeError("Expected floating point or integer, got %r" % x.dtype)
        return gen_math_ops.div(x, y, name=scope)
