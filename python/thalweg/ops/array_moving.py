# SPDX-License-Identifier: Apache-2.0
"""The elements of tensors in another order or place: transposed, reversed, padded, tiled, cut into
blocks; matrices and their diagonals."""
import numpy as np

from thalweg.framework import dtypes, ops, tensor_util
from thalweg.ops import array_joining, array_shapes, gen_array_ops


def transpose(a, perm=None, name="transpose", conjugate=False):
    """The dimensions in another order, reversed without `perm`."""
    with ops.name_scope(name, "transpose", [a]) as scope:
        make = gen_array_ops.conjugate_transpose if conjugate and \
            ops.convert_to_tensor(a).dtype.is_complex else gen_array_ops.transpose
        if perm is not None:
            return make(a, perm, name=scope)
        a = ops.convert_to_tensor(a, name="a")
        if a.get_shape().ndims is None:
            rank = gen_array_ops.rank(a)
            perm = rank - 1 - gen_array_ops._range(0, rank, 1)
        else:
            perm = np.arange(a.get_shape().ndims - 1, -1, -1, dtype=np.int32)
        made = make(a, perm, name=scope)
        sizes = a.get_shape()
        if sizes.ndims is not None:
            made.set_shape(list(reversed(sizes.as_list())))
        return made


def matrix_transpose(a, name="matrix_transpose", conjugate=False):
    """The last two dimensions exchanged."""
    with ops.name_scope(name, values=[a]):
        a = ops.convert_to_tensor(a, name="a")
        rank = a.get_shape().ndims
        if rank is not None:
            if rank < 2:
                raise ValueError("Argument 'a' should be a (batch) matrix, with rank >= 2.  Found: "
                                 "%s" % a.get_shape())
            perm = list(range(rank - 2)) + [rank - 1, rank - 2]
        else:
            count = array_shapes.rank(a)
            perm = array_joining.concat((gen_array_ops._range(0, count - 2, 1),
                                         [count - 1, count - 2]), 0)
        return transpose(a, perm=perm, conjugate=conjugate)


def reverse(tensor, axis, name=None):
    """The elements in reverse order along some axes."""
    return gen_array_ops.reverse_v2(tensor, axis, name=name)


def reverse_v2(tensor, axis, name=None):
    """reverse(), under the name that it had beside an older one."""
    return reverse(tensor, axis, name)


def reverse_sequence(input, seq_lengths, seq_axis=None, batch_axis=None, name=None,  # noqa: A002
                     seq_dim=None, batch_dim=None):
    """The first elements of each row in reverse order, as many as `seq_lengths` says."""
    seq_axis = array_shapes._one_of("seq_axis", seq_axis, "seq_dim", seq_dim)
    batch_axis = array_shapes._one_of("batch_axis", batch_axis, "batch_dim", batch_dim)
    return gen_array_ops.reverse_sequence(input, seq_lengths, seq_dim=seq_axis,
                                          batch_dim=batch_axis or 0, name=name)


def tile(input, multiples, name=None):  # noqa: A002
    """The tensor several times over along each dimension."""
    return gen_array_ops.tile(input, multiples, name=name)


def pad(tensor, paddings, mode="CONSTANT", name=None, constant_values=0):
    """More elements before and behind along each dimension: a constant ("CONSTANT"), or mirrored
    ones ("REFLECT", "SYMMETRIC")."""
    kind = mode.upper()
    if kind == "CONSTANT":
        if not isinstance(constant_values, ops.Tensor) and np.isscalar(constant_values) \
                and constant_values == 0:
            made = gen_array_ops.pad(tensor, paddings, name=name)
        else:
            made = gen_array_ops.pad_v2(tensor, paddings, constant_values, name=name)
    elif kind in ("REFLECT", "SYMMETRIC"):
        made = gen_array_ops.mirror_pad(tensor, paddings, mode=kind, name=name)
    else:
        raise ValueError("Unknown padding mode: %s" % mode)
    _set_padded_shape(made)
    return made


def _set_padded_shape(made):
    """Where only some paddings are known the other sizes are still known to be so."""
    known = tensor_util.constant_value(made.op.inputs[1], partial=True)
    shape = made.op.inputs[0].get_shape()
    if known is None or shape.ndims is None or made.get_shape().is_fully_defined():
        return
    sizes = [None if size is None or any(p is None for p in pair) else size + sum(pair)
             for size, pair in zip(shape.as_list(), known)]
    made.set_shape([None if s is None else int(s) for s in sizes])


def required_space_to_batch_paddings(input_shape, block_shape, base_paddings=None, name=None):
    """(paddings, crops) that make an input fit for space_to_batch and take back what they add."""
    from thalweg.framework import constant_op
    with ops.name_scope(name, "required_space_to_batch_paddings", [input_shape, block_shape]):
        shape = tensor_util.constant_value(ops.convert_to_tensor(input_shape, dtype=dtypes.int32))
        block = tensor_util.constant_value(ops.convert_to_tensor(block_shape, dtype=dtypes.int32))
        if block is None or block.ndim != 1:
            raise ValueError("block_shape must be a vector that is known")
        count = block.shape[0]
        if count == 0:
            empty = constant_op.constant(np.zeros([0, 2], np.int32))
            return empty, empty
        base = np.zeros([count, 2], np.int32) if base_paddings is None else \
            tensor_util.constant_value(ops.convert_to_tensor(base_paddings, dtype=dtypes.int32))
        if shape is None or base is None:
            raise ValueError("input_shape and base_paddings must be known")
        full = shape + base[:, 0] + base[:, 1]
        extra = (block - full % block) % block
        paddings = np.stack([base[:, 0], base[:, 1] + extra], 1).astype(np.int32)
        crops = np.stack([np.zeros_like(extra), extra], 1).astype(np.int32)
        return (constant_op.constant(paddings, name="paddings"),
                constant_op.constant(crops, name="crops"))


def space_to_batch(input, paddings, block_size=None, name=None, block_shape=None):  # noqa: A002
    """Blocks of rows and columns become images of a larger batch."""
    size = array_shapes._one_of("block_size", block_size, "block_shape", block_shape)
    made = space_to_batch_nd(input, paddings=paddings, block_shape=np.array([size, size], np.int64),
                             name=name)
    made.set_shape(made.get_shape().with_rank(4))
    return made


def space_to_batch_nd(input, block_shape, paddings, name=None):  # noqa: A002
    """Blocks of some dimensions become elements of a larger batch."""
    return gen_array_ops.space_to_batch_nd(input, block_shape, paddings, name=name)


def batch_to_space(input, crops, block_size, name=None, block_shape=None):  # noqa: A002
    """Undoes space_to_batch, with edges cut off."""
    size = block_size if block_shape is None else block_shape
    made = batch_to_space_nd(input, crops=crops, block_shape=np.array([size, size], np.int64),
                             name=name)
    made.set_shape(made.get_shape().with_rank(4))
    return made


def batch_to_space_nd(input, block_shape, crops, name=None):  # noqa: A002
    """Undoes space_to_batch_nd, with edges cut off."""
    return gen_array_ops.batch_to_space_nd(input, block_shape, crops, name=name)


def space_to_depth(input, block_size, name=None, data_format="NHWC"):  # noqa: A002
    """Blocks of rows and columns become channels."""
    return gen_array_ops.space_to_depth(input, block_size, data_format=data_format, name=name)


def depth_to_space(input, block_size, name=None, data_format="NHWC"):  # noqa: A002
    """Channels become blocks of rows and columns."""
    return gen_array_ops.depth_to_space(input, block_size, data_format=data_format, name=name)


# ---- matrices and their diagonals ----

def matrix_diag(diagonal, name="diag"):
    """Square matrices with given diagonals and zeros elsewhere."""
    return gen_array_ops.matrix_diag(diagonal, name=name)


def matrix_diag_part(input, name="diag_part"):  # noqa: A002
    """The diagonals of matrices."""
    return gen_array_ops.matrix_diag_part(input, name=name)


def matrix_set_diag(input, diagonal, name="set_diag"):  # noqa: A002
    """Matrices with other diagonals."""
    return gen_array_ops.matrix_set_diag(input, diagonal, name=name)


def matrix_band_part(input, num_lower, num_upper, name=None):  # noqa: A002
    """Matrices with zeros outside of a band around the diagonal; -1 keeps all on a side."""
    return gen_array_ops.matrix_band_part(input, num_lower, num_upper, name=name)


def diag(diagonal, name=None):
    """A tensor with given elements on its diagonal and zeros elsewhere."""
    return gen_array_ops.diag(diagonal, name=name)


def diag_part(input, name=None):  # noqa: A002
    """The elements on a tensor's diagonal."""
    return gen_array_ops.diag_part(input, name=name)


tensor_diag, tensor_diag_part = diag, diag_part


def invert_permutation(x, name=None):
    """y with y[x[i]] = i."""
    return gen_array_ops.invert_permutation(x, name=name)


def bitcast(input, type, name=None):  # noqa: A002
    """The same bytes as elements of another type."""
    return gen_array_ops.bitcast(input, dtypes.as_dtype(type), name=name)
