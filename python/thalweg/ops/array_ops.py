# SPDX-License-Identifier: Apache-2.0
"""Functions on the shape and place of elements: the names of TensorFlow's module, gathered from
the files that define them."""
from thalweg.framework import ops as _ops
from thalweg.framework.constant_op import constant  # noqa: F401
from thalweg.ops import gen_array_ops  # noqa: F401
from thalweg.ops.array_creation import (  # noqa: F401
    fill, one_hot, ones, ones_like, placeholder, placeholder_with_default, sequence_mask,
    sparse_placeholder, zeros, zeros_like)
from thalweg.ops.array_joining import (  # noqa: F401
    _autopacking_helper, concat, meshgrid, parallel_stack, split, stack, unstack)
from thalweg.ops.array_moving import (  # noqa: F401
    batch_to_space, batch_to_space_nd, bitcast, depth_to_space, diag, diag_part,
    invert_permutation, matrix_band_part, matrix_diag, matrix_diag_part, matrix_set_diag,
    matrix_transpose, pad, required_space_to_batch_paddings, reverse, reverse_sequence, reverse_v2,
    space_to_batch, space_to_batch_nd, space_to_depth, tensor_diag, tensor_diag_part, tile,
    transpose)
from thalweg.ops.array_shapes import (  # noqa: F401
    broadcast_dynamic_shape, broadcast_static_shape, broadcast_to, expand_dims, identity, rank,
    rank_internal, reshape, shape, shape_internal, shape_n, size, size_internal, squeeze)
from thalweg.ops.array_slicing import (  # noqa: F401
    _check_index, _slice_helper, _slice_helper_var, _SliceHelperVar, batch_gather, boolean_mask,
    gather, gather_nd, newaxis, setdiff1d, slice, strided_slice, unique, unique_with_counts, where)

_SliceHelper = _slice_helper
_ops.Tensor._override_operator("__getitem__", _slice_helper)


def __getattr__(name):
    # The ops themselves, as other modules find them here: array_ops.check_numerics ...
    return getattr(gen_array_ops, name)


__all__ = [n for n in globals() if n[0] != "_" and n not in ("gen_array_ops", "constant")]
