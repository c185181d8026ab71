# SPDX-License-Identifier: Apache-2.0
"""Functions on sparse tensors: the positions of what is not zero, its values, and the shape."""
import numbers

import numpy as np

from thalweg.framework import dtypes, ops, tensor_shape, tensor_util
from thalweg.ops import (array_creation, array_joining, array_moving, array_shapes, array_slicing,
                         gen_array_ops, gen_math_ops, gen_sparse_ops, math_elementwise,
                         math_reduction)
from thalweg.ops.nn_activations import one_of

SparseTensor = ops.SparseTensor
SparseTensorValue = ops.SparseTensorValue


def _sparse(value, word="sp_input"):
    """A SparseTensor, of one or of what stands for one."""
    if isinstance(value, SparseTensorValue):
        return SparseTensor.from_value(value)
    if not isinstance(value, SparseTensor):
        raise TypeError("Input must be a SparseTensor: %s is %r" % (word, value))
    return value


# ---- to and from dense ----

def sparse_to_dense(sparse_indices, output_shape, sparse_values, default_value=0,
                    validate_indices=True, name=None):
    """A dense tensor of output_shape with the values at the indices, and a default elsewhere."""
    return gen_sparse_ops.sparse_to_dense(
        sparse_indices, output_shape, sparse_values, default_value=default_value,
        validate_indices=validate_indices, name=name)


def sparse_tensor_to_dense(sp_input, default_value=None, validate_indices=True, name=None):
    """A sparse tensor as a dense one, with a default (0 or the empty text) where it has nothing."""
    sp_input = _sparse(sp_input)
    if default_value is None:
        default_value = array_creation.zeros([], dtype=sp_input.dtype)
    return sparse_to_dense(sp_input.indices, sp_input.dense_shape, sp_input.values,
                           default_value=default_value, validate_indices=validate_indices,
                           name=name)


def from_dense(tensor, name=None):
    """What of a dense tensor is not zero."""
    with ops.name_scope(name, "dense_to_sparse"):
        tensor = ops.convert_to_tensor(tensor)
        zero = array_creation.zeros([], tensor.dtype)
        indices = array_slicing.where(gen_math_ops.not_equal(tensor, zero))
        return SparseTensor(indices, array_slicing.gather_nd(tensor, indices),
                            array_shapes.shape(tensor, out_type=dtypes.int64))


def sparse_to_indicator(sp_input, vocab_size, name=None):
    """For each row of lists of ids a row of bools: true at the ids that the list has."""
    sp_input = _sparse(sp_input)
    with ops.name_scope(name, "SparseToIndicator", [sp_input]) as scope:
        shape = array_creation.fill(array_shapes.expand_dims(
            array_shapes.shape(sp_input.indices)[0], 0), True)
        with_true = SparseTensor(sp_input.indices, shape, sp_input.dense_shape)
        merged = sparse_merge(SparseTensor(sp_input.indices, sp_input.values,
                                           sp_input.dense_shape), with_true, vocab_size)
        return sparse_tensor_to_dense(merged, default_value=False, validate_indices=False,
                                      name=scope)


def sparse_merge(sp_ids, sp_values, vocab_size, name=None, already_sorted=False):
    """A sparse tensor whose last index is an id and whose values are those beside the ids."""
    ids = list(sp_ids) if isinstance(sp_ids, (list, tuple)) else [sp_ids]
    sizes = list(vocab_size) if isinstance(vocab_size, (list, tuple)) else [vocab_size]
    if len(ids) != len(sizes):
        raise ValueError("sp_ids and vocab_size must have the same length")
    sp_values = _sparse(sp_values, "sp_values")
    with ops.name_scope(name, "SparseMerge", [sp_values]):
        ids = [_sparse(i, "sp_ids") for i in ids]
        columns = [array_shapes.expand_dims(math_elementwise.cast(i.values, dtypes.int64), 1)
                   for i in ids]
        indices = array_joining.concat([ids[0].indices[:, :-1]] + columns, 1)
        last = [array_shapes.expand_dims(math_elementwise.cast(ops.convert_to_tensor(s),
                                                               dtypes.int64), 0) for s in sizes]
        shape = array_joining.concat([ids[0].dense_shape[:-1]] + last, 0)
        made = SparseTensor(indices, sp_values.values, shape)
        return made if already_sorted else sparse_reorder(made)


# ---- order, parts and shape ----

def sparse_reorder(sp_input, name=None):
    """The same, with its elements in the order of their positions."""
    sp_input = _sparse(sp_input)
    indices, values = gen_sparse_ops.sparse_reorder(sp_input.indices, sp_input.values,
                                                    sp_input.dense_shape, name=name)
    return SparseTensor(indices, values, sp_input.dense_shape)


def sparse_reshape(sp_input, shape, name=None):
    """The same elements in another shape; a size of -1 follows from the others."""
    sp_input = _sparse(sp_input)
    shape = math_elementwise.cast(ops.convert_to_tensor(shape), dtypes.int64)
    with ops.name_scope(name, "SparseReshape", [sp_input]) as scope:
        indices, made = gen_sparse_ops.sparse_reshape(sp_input.indices, sp_input.dense_shape,
                                                      shape, name=scope)
        return SparseTensor(indices, gen_array_ops.identity(sp_input.values), made)


def sparse_concat(axis=None, sp_inputs=None, name=None, expand_nonconcat_dim=False,
                  concat_dim=None, expand_nonconcat_dims=None):
    """Sparse tensors one behind the other along an axis. With expand_nonconcat_dims their other
    sizes may differ; the greatest holds."""
    axis = one_of("axis", axis, "concat_dim", concat_dim)
    expand = expand_nonconcat_dim if expand_nonconcat_dims is None else expand_nonconcat_dims
    inputs = [_sparse(s) for s in sp_inputs]
    if len(inputs) == 1:
        return inputs[0]
    shapes = [s.dense_shape for s in inputs]
    if expand:
        greatest = math_reduction.reduce_max(array_joining.stack(shapes), 0)
        rank = inputs[0].dense_shape.get_shape()[0].value
        axis = axis + rank if axis < 0 else axis
        shapes = [array_joining.concat([greatest[:axis], s[axis:axis + 1], greatest[axis + 1:]], 0)
                  for s in shapes]
    indices, values, shape = gen_sparse_ops.sparse_concat(
        [s.indices for s in inputs], [s.values for s in inputs], shapes, concat_dim=axis,
        name=name)
    return SparseTensor(indices, values, shape)


def sparse_split(keyword_required=None, sp_input=None, num_split=None, axis=None, name=None,
                 split_dim=None):
    """The parts of a sparse tensor along an axis, equal but for the first ones, which may be one
    longer."""
    if keyword_required is not None:
        raise ValueError("Keyword arguments are required for this function.")
    if sp_input is None or num_split is None:
        raise ValueError("sp_input and num_split are required")
    axis = one_of("axis", axis, "split_dim", split_dim)
    if axis is None:
        raise ValueError("axis is required")
    sp_input = _sparse(sp_input)
    parts = gen_sparse_ops.sparse_split(axis, sp_input.indices, sp_input.values,
                                        sp_input.dense_shape, num_split, name=name)
    return [SparseTensor(*part) for part in zip(*parts)]


def sparse_slice(sp_input, start, size, name=None):
    """The part of a sparse tensor that begins at `start` and has the sizes `size`."""
    sp_input = _sparse(sp_input)
    with ops.name_scope(name, "SparseSlice", [sp_input]):
        start = math_elementwise.cast(ops.convert_to_tensor(start), dtypes.int64)
        size = math_elementwise.cast(ops.convert_to_tensor(size), dtypes.int64)
        size = gen_math_ops.maximum(gen_math_ops.minimum(size, sp_input.dense_shape - start), 0)
        moved = sp_input.indices - start
        inside = math_reduction.reduce_all(gen_math_ops.logical_and(
            gen_math_ops.greater_equal(moved, 0), gen_math_ops.less(moved, size)), 1)
        kept = sparse_retain(SparseTensor(moved, sp_input.values, sp_input.dense_shape), inside)
        return SparseTensor(kept.indices, kept.values, size)


def sparse_retain(sp_input, to_retain):
    """The elements for which a bool is true."""
    sp_input = _sparse(sp_input)
    to_retain = ops.convert_to_tensor(to_retain)
    retain, values = to_retain.get_shape(), sp_input.values.get_shape()
    retain.assert_has_rank(1)
    retain.dims[0].merge_with(tensor_shape.dimension_at_index(values, 0))
    places = array_shapes.reshape(array_slicing.where(to_retain), [-1])
    return SparseTensor(array_slicing.gather(sp_input.indices, places),
                        array_slicing.gather(sp_input.values, places),
                        gen_array_ops.identity(sp_input.dense_shape))


def sparse_reset_shape(sp_input, new_shape=None):
    """The same elements in the least box that holds them, or in a larger shape."""
    sp_input = _sparse(sp_input)
    indices, values = (gen_array_ops.identity(x) for x in (sp_input.indices, sp_input.values))
    if new_shape is None:
        shape = gen_math_ops.maximum(math_reduction.reduce_max(indices, 0) + 1, 0)
    else:
        shape = math_elementwise.cast(ops.convert_to_tensor(new_shape), dtypes.int64)
        if shape.get_shape().ndims not in (None, 1):
            raise ValueError("new_shape must be a vector, not of shape %s" % shape.get_shape())
        _check_box(sp_input.get_shape(), tensor_util.constant_value_as_shape(shape))
    return SparseTensor(indices, values, shape)


def _check_box(old, new):
    """A new shape has as many dimensions as the old one, none of them smaller."""
    if old.ndims is None or new.ndims is None:
        return
    old.assert_same_rank(new)
    for have, want in zip(old.as_list(), new.as_list()):
        if have is not None and want is not None and want < have:
            raise ValueError("Requested new_shape should have dimension sizes >= "
                             "sp_input.shape. Found new_shape (%s), sp_input.shape (%s)."
                             % (new, old))


def sparse_fill_empty_rows(sp_input, default_value, name=None):
    """(the same with one element of a default value in each row that had none, which rows these
    are)"""
    sp_input = _sparse(sp_input)
    with ops.name_scope(name, "SparseFillEmptyRows", [sp_input]):
        default = ops.convert_to_tensor(default_value, dtype=sp_input.values.dtype)
        indices, values, empty, _ = gen_sparse_ops.sparse_fill_empty_rows(
            sp_input.indices, sp_input.values, sp_input.dense_shape, default)
        return SparseTensor(indices, values, sp_input.dense_shape), empty


def sparse_expand_dims(sp_input, axis=None, name=None):
    """The same with one more dimension, of size 1."""
    sp_input = _sparse(sp_input)
    rank = sp_input.dense_shape.get_shape()[0].value
    axis = -1 if axis is None else axis
    axis = axis + rank + 1 if axis < 0 else axis
    with ops.name_scope(name, "expand_dims", [sp_input]):
        column = array_creation.zeros_like(sp_input.indices[:, :1])
        indices = array_joining.concat([sp_input.indices[:, :axis], column,
                                        sp_input.indices[:, axis:]], 1)
        shape = array_joining.concat([sp_input.dense_shape[:axis],
                                      np.ones(1, np.int64), sp_input.dense_shape[axis:]], 0)
        return SparseTensor(indices, sp_input.values, shape)


def sparse_transpose(sp_input, perm=None, name=None):
    """The same with its dimensions in another order, the reverse one by default."""
    sp_input = _sparse(sp_input)
    with ops.name_scope(name, "SparseTranspose", [sp_input]):
        if perm is None:
            rank = array_shapes.rank(sp_input)
            perm = gen_math_ops.sub(rank - 1, math_elementwise.range(0, rank, 1))
        turned = array_moving.transpose(array_slicing.gather(
            array_moving.transpose(sp_input.indices), perm))
        return sparse_reorder(SparseTensor(turned, sp_input.values,
                                           array_slicing.gather(sp_input.dense_shape, perm)))


# ---- arithmetic ----

def sparse_add(a, b, threshold=None, thresh=None):
    """The sum of two tensors, one of them at least sparse. Sums of two sparse ones whose magnitude
    is below a threshold are left out."""
    threshold = one_of("threshold", threshold, "thresh", thresh)
    threshold = 0 if threshold is None else threshold
    sparse = (SparseTensor, SparseTensorValue)
    if not isinstance(a, sparse) and not isinstance(b, sparse):
        raise TypeError("At least one input should be SparseTensor; do you mean to use tf.add()?")
    if isinstance(a, sparse) and isinstance(b, sparse):
        a, b = _sparse(a), _sparse(b)
        limit = ops.convert_to_tensor(threshold, dtype=a.values.dtype.real_dtype.base_dtype,
                                      name="threshold")
        return SparseTensor(*gen_sparse_ops.sparse_add(
            a.indices, a.values, a.dense_shape, b.indices, b.values, b.dense_shape, limit))
    if isinstance(b, sparse):
        a, b = b, a
    a = _sparse(a)
    return gen_sparse_ops.sparse_tensor_dense_add(a.indices, a.values, a.dense_shape, b)


def sparse_tensor_dense_matmul(sp_a, b, adjoint_a=False, adjoint_b=False, name=None):
    """The product of a sparse and a dense matrix."""
    sp_a = _sparse(sp_a, "sp_a")
    with ops.name_scope(name, "SparseTensorDenseMatMul", [sp_a.indices, sp_a.values, b]) as scope:
        b = ops.convert_to_tensor(b, name="b")
        return gen_sparse_ops.sparse_tensor_dense_mat_mul(
            sp_a.indices, sp_a.values, sp_a.dense_shape, b, adjoint_a=adjoint_a,
            adjoint_b=adjoint_b, name=scope)


matmul = sparse_tensor_dense_matmul


def sparse_dense_cwise_add(sp_t, dense_t):
    """At each element of a sparse tensor the sum with a dense one."""
    return cwise("add", sp_t, dense_t)


def cwise(kind, sparse, dense, name=None):
    """At each element of a sparse tensor its "add", "mul", "div" or "truediv" with a dense one."""
    values = sparse.values
    if kind == "truediv":
        kind, wide = "div", math_elementwise.REAL_QUOTIENTS.get(values.dtype)
        if wide:
            values, dense = (math_elementwise.cast(x, wide) for x in (values, dense))
    op = getattr(gen_sparse_ops, "sparse_dense_cwise_" + kind)
    return SparseTensor(sparse.indices, op(sparse.indices, values, sparse.dense_shape, dense,
                                           name=name), sparse.dense_shape)


def _sum(op, sparse_op, dense):
    def reduce(sp_input, axis=None, keepdims=None, reduction_axes=None, keep_dims=None):
        axis = one_of("axis", axis, "reduction_axes", reduction_axes)
        keepdims = bool(one_of("keepdims", keepdims, "keep_dims", keep_dims))
        if axis is None:
            axis = math_elementwise.range(array_shapes.size(sp_input.dense_shape))
        elif isinstance(axis, numbers.Integral):
            axis = [axis]
        made = (op if dense else sparse_op)(sp_input.indices, sp_input.values,
                                            sp_input.dense_shape, axis, keep_dims=keepdims)
        return made if dense else SparseTensor(*made)
    return reduce


def sparse_reduce_sum(sp_input, axis=None, keepdims=None, reduction_axes=None, keep_dims=None):
    """The sum over some axes, or all, as a dense tensor."""
    return _sum(gen_sparse_ops.sparse_reduce_sum, None, True)(
        sp_input, axis, keepdims, reduction_axes, keep_dims)


def sparse_reduce_sum_sparse(sp_input, axis=None, keepdims=None, reduction_axes=None,
                             keep_dims=None):
    """The sum over some axes, or all, as a sparse tensor."""
    return _sum(None, gen_sparse_ops.sparse_reduce_sum_sparse, False)(
        sp_input, axis, keepdims, reduction_axes, keep_dims)


def sparse_reduce_max(sp_input, axis=None, keepdims=None, reduction_axes=None, keep_dims=None):
    """The greatest element over some axes, or all, as a dense tensor."""
    return _sum(gen_sparse_ops.sparse_reduce_max, None, True)(
        sp_input, axis, keepdims, reduction_axes, keep_dims)


def sparse_reduce_max_sparse(sp_input, axis=None, keepdims=None, reduction_axes=None,
                             keep_dims=None):
    """The greatest element over some axes, or all, as a sparse tensor."""
    return _sum(None, gen_sparse_ops.sparse_reduce_max_sparse, False)(
        sp_input, axis, keepdims, reduction_axes, keep_dims)


def sparse_softmax(sp_input, name=None):
    """softmax() of each row's elements that are there."""
    with ops.name_scope(name, "SparseSoftmax", [sp_input.indices, sp_input.values]):
        return SparseTensor(sp_input.indices, gen_sparse_ops.sparse_softmax(
            sp_input.indices, sp_input.values, sp_input.dense_shape), sp_input.dense_shape)


def sparse_maximum(sp_a, sp_b, name=None):
    """The greater elements of two sparse tensors; what is not there is 0."""
    return _pairwise(gen_sparse_ops.sparse_sparse_maximum, "SparseSparseMaximum", sp_a, sp_b, name)


def sparse_minimum(sp_a, sp_b, name=None):
    """The lesser elements of two sparse tensors; what is not there is 0."""
    return _pairwise(gen_sparse_ops.sparse_sparse_minimum, "SparseSparseMinimum", sp_a, sp_b, name)


def _pairwise(op, label, a, b, name):
    with ops.name_scope(name, label, [a.indices, a.values, b.indices, b.values]) as scope:
        indices, values = op(a.indices, a.values, a.dense_shape, b.indices, b.values,
                             b.dense_shape, name=scope)
        return SparseTensor(indices, values, a.dense_shape)


# ---- as text ----

def serialize_sparse(sp_input, name=None, out_type=dtypes.string):
    """The three parts of a sparse tensor as a vector of texts."""
    sp_input = _sparse(sp_input)
    return gen_sparse_ops.serialize_sparse(sp_input.indices, sp_input.values,
                                           sp_input.dense_shape, out_type=out_type, name=name)


def serialize_many_sparse(sp_input, name=None, out_type=dtypes.string):
    """The rows of a sparse tensor, each as a row of three texts."""
    sp_input = _sparse(sp_input)
    return gen_sparse_ops.serialize_many_sparse(sp_input.indices, sp_input.values,
                                                sp_input.dense_shape, out_type=out_type, name=name)


def deserialize_many_sparse(serialized_sparse, dtype, rank=None, name=None):
    """A sparse tensor whose rows were serialized."""
    indices, values, shape = gen_sparse_ops.deserialize_many_sparse(serialized_sparse, dtype,
                                                                    name=name)
    indices.set_shape([None, rank])
    shape.set_shape([rank])
    return SparseTensor(indices, values, shape)


def sparse_mask(a, mask_indices, name=None):
    """An IndexedSlices without the rows whose numbers are listed."""
    with ops.name_scope(name, "sparse_mask", [a, mask_indices]) as scope:
        kept, places = array_slicing.setdiff1d(a.indices, mask_indices)
        return ops.IndexedSlices(array_slicing.gather(a.values, places, name=scope), kept,
                                 a.dense_shape)


def __getattr__(name):
    # The ops themselves, as other modules find them here.
    return getattr(gen_sparse_ops, name)


def edit_distance(hypothesis, truth, normalize=True, name="edit_distance"):
    """How many letters must be put in, taken out or changed to make `truth` of `hypothesis`, both
    SparseTensors of sequences; over the length of the truth with `normalize`."""
    for given, what in ((hypothesis, "Hypothesis"), (truth, "Truth")):
        if not isinstance(given, (SparseTensor, SparseTensorValue)):
            raise TypeError("%s must be a SparseTensor." % what)
    return gen_array_ops.edit_distance(
        hypothesis.indices, hypothesis.values, hypothesis.dense_shape, truth.indices, truth.values,
        truth.dense_shape, normalize=normalize, name=name)
