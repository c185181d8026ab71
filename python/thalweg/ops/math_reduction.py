# SPDX-License-Identifier: Apache-2.0
"""Sums, means, extremes ... over some axes of a tensor."""
import numpy as np

from thalweg.compat import behaviour
from thalweg.framework import constant_op, dtypes, ops, tensor_util
from thalweg.ops import gen_math_ops, math_elementwise


def _axes_of(x, axis):
    """The axes as an operand: all of them where none are given."""
    if axis is not None:
        return axis
    if isinstance(x, ops.SparseTensor):
        rank = x.dense_shape.get_shape()[0].value
        if rank is not None:
            return constant_op.constant(np.arange(rank), dtype=dtypes.int32)
        return math_elementwise.range(0, gen_math_ops.size(x.dense_shape))
    rank = x.get_shape().ndims if isinstance(x, ops.Tensor) else None
    if rank is not None:
        return constant_op.from_array(np.arange(rank, dtype=np.int32), dtypes.int32)
    from thalweg.ops import array_shapes
    return math_elementwise.range(0, array_shapes.rank(x))


_ReductionDims = _axes_of


def _check_axes(x, axis):
    """Before 0.10 axes did not count from the end."""
    axes = np.reshape(axis, -1) if isinstance(axis, (int, list, tuple, np.ndarray)) else ()
    rank = x.get_shape().ndims if isinstance(x, ops.Tensor) else None
    for one in axes:
        if not isinstance(one, ops.Tensor) and (one < 0 or rank is not None and one >= rank):
            raise ValueError("Invalid reduction dimension %d for input with %s dimensions"
                             % (one, rank))


_ARGUMENTS = """

    Args:
      input_tensor: a tensor, or what can be made one.
      axis: the dimension, or a list of the dimensions, that go; those below 0 are counted from the
        end. All go where it is None.
      keepdims: whether they stay, with size 1.
      name: a name for the operation.
      reduction_indices: the older name of `axis`.
      keep_dims: the older name of `keepdims`.

    Returns:
      a tensor of the same type.
    """


def _reduction(op, doc):
    """A function over a reduction op, with the older names of its arguments."""
    def reduce(input_tensor, axis=None, keepdims=None, name=None, reduction_indices=None,
               keep_dims=None):
        axis = _given("axis", axis, "reduction_indices", reduction_indices)
        keepdims = bool(_given("keepdims", keepdims, "keep_dims", keep_dims))
        if behaviour.negative_axes == "refused" and axis is not None:
            _check_axes(input_tensor, axis)
        result = op(input_tensor, _axes_of(input_tensor, axis), keep_dims=keepdims, name=name)
        if axis is None and not keepdims:
            result.set_shape([])
        elif keepdims and axis is not None and result.get_shape().ndims is None:
            result.set_shape(_kept(result.op.inputs[0].get_shape(), axis))
        return result
    reduce.__doc__ = doc + _ARGUMENTS
    return reduce


def _kept(shape, axis):
    """A shape of which only the rank may be known after a reduction that keeps it."""
    from thalweg.framework import tensor_shape
    return tensor_shape.unknown_shape(shape.ndims)


def _given(name, value, old_name, old):
    if old is None:
        return value
    if value is not None:
        raise ValueError("Cannot specify both '%s' and '%s'" % (old_name, name))
    return old


reduce_sum = _reduction(gen_math_ops._sum, "The sum of the elements over some axes, or all.")
reduce_mean = _reduction(gen_math_ops.mean, "The mean of the elements over some axes, or all.")
reduce_prod = _reduction(gen_math_ops.prod, "The product of the elements over some axes, or all.")
reduce_max = _reduction(gen_math_ops._max, "The greatest of the elements over some axes, or all.")
reduce_min = _reduction(gen_math_ops._min, "The least of the elements over some axes, or all.")
reduce_all = _reduction(gen_math_ops._all, "Whether all elements over some axes, or all, are true.")
reduce_any = _reduction(gen_math_ops._any, "Whether one of the elements is true.")
reduce_euclidean_norm = _reduction(
    gen_math_ops.euclidean_norm, "The root of the sum of the elements' squares.")
for _name in ("sum", "mean", "prod", "max", "min", "all", "any", "euclidean_norm"):
    _made = globals()["reduce_" + _name]
    _made.__name__ = _made.__qualname__ = "reduce_" + _name


def reduce_variance(input_tensor, axis=None, keepdims=False, name=None):
    """The mean of the squared distances from the mean."""
    with ops.name_scope(name or "reduce_variance"):
        means = reduce_mean(input_tensor, axis=axis, keepdims=True)
        return reduce_mean(gen_math_ops.square(input_tensor - means), axis=axis,
                           keepdims=keepdims)


def reduce_std(input_tensor, axis=None, keepdims=False, name=None):
    """The root of the variance."""
    with ops.name_scope(name or "reduce_std"):
        return gen_math_ops.sqrt(reduce_variance(input_tensor, axis=axis, keepdims=keepdims))


def reduce_logsumexp(input_tensor, axis=None, keepdims=None, name=None, reduction_indices=None,
                     keep_dims=None):
    """log(sum(exp(x))) over some axes, without overflow."""
    from thalweg.ops import array_shapes
    axis = _given("axis", axis, "reduction_indices", reduction_indices)
    keepdims = bool(_given("keepdims", keepdims, "keep_dims", keep_dims))
    x = ops.convert_to_tensor(input_tensor)
    with ops.name_scope(name, "ReduceLogSumExp", [x]):
        greatest = reduce_max(x, axis=axis, keepdims=True)
        from thalweg.ops import array_creation
        shift = gen_math_ops.stop_gradient(gen_math_ops.select(
            gen_math_ops.is_finite(greatest), greatest, array_creation.zeros_like(greatest)))
        result = gen_math_ops.log(reduce_sum(gen_math_ops.exp(gen_math_ops.sub(x, shift)),
                                             axis=axis, keepdims=keepdims))
        if not keepdims:
            shift = array_shapes.reshape(shift, array_shapes.shape(result))
        return gen_math_ops.add(result, shift)


def count_nonzero(input_tensor=None, axis=None, keepdims=None, dtype=dtypes.int64, name=None,
                  reduction_indices=None, keep_dims=None, input=None):  # noqa: A002
    """How many elements over some axes are not zero (or empty)."""
    axis = _given("axis", axis, "reduction_indices", reduction_indices)
    keepdims = bool(_given("keepdims", keepdims, "keep_dims", keep_dims))
    x = _given("input", input, "input_tensor", input_tensor)
    from thalweg.ops import array_creation
    with ops.name_scope(name, "count_nonzero", [x]):
        x = ops.convert_to_tensor(x, name="input")
        zero = array_creation.zeros([], x.dtype.base_dtype)
        return math_elementwise.cast(
            reduce_sum(math_elementwise.cast(gen_math_ops.not_equal(x, zero), dtypes.int64),
                       axis=axis, keepdims=keepdims), dtype)


def argmax(input, axis=None, name=None, dimension=None, output_type=dtypes.int64):  # noqa: A002
    """The index of the greatest element along an axis."""
    axis = _given("axis", axis, "dimension", dimension)
    return gen_math_ops.arg_max(input, 0 if axis is None else axis,
                                output_type=dtypes.as_dtype(output_type), name=name)


def argmin(input, axis=None, name=None, dimension=None, output_type=dtypes.int64):  # noqa: A002
    """The index of the least element along an axis."""
    axis = _given("axis", axis, "dimension", dimension)
    return gen_math_ops.arg_min(input, 0 if axis is None else axis,
                                output_type=dtypes.as_dtype(output_type), name=name)


def arg_max(input, dimension, output_type=dtypes.int64, name=None):  # noqa: A002
    """argmax() by its older name."""
    return gen_math_ops.arg_max(input, dimension, output_type=dtypes.as_dtype(output_type),
                                name=name)


def arg_min(input, dimension, output_type=dtypes.int64, name=None):  # noqa: A002
    """argmin() by its older name."""
    return gen_math_ops.arg_min(input, dimension, output_type=dtypes.as_dtype(output_type),
                                name=name)


def reduced_shape(input_shape, axes):
    """The shape, as a tensor, of a reduction that keeps the rank."""
    from thalweg.ops import data_flow_ops
    known, over = tensor_util.constant_value(input_shape), tensor_util.constant_value(axes)
    if known is not None and over is not None:
        sizes = np.array(known)
        sizes[over] = 1
        return constant_op.constant(sizes.astype(np.int32))
    input_shape = math_elementwise.cast(input_shape, dtypes.int32)
    axes = math_elementwise.cast(axes, dtypes.int32)
    rank = gen_math_ops.size(input_shape)
    axes = (axes + rank) % rank
    from thalweg.ops import array_creation
    return data_flow_ops.dynamic_stitch(
        [math_elementwise.range(rank), axes],
        [input_shape, array_creation.fill(gen_math_ops.shape(axes), 1)])


# ---- segments ----

def unsorted_segment_mean(data, segment_ids, num_segments, name=None):
    """The means of the elements with the same number; empty ones 0."""
    with ops.name_scope(name, "UnsortedSegmentMean"):
        data = ops.convert_to_tensor(data)
        segment_ids = ops.convert_to_tensor(segment_ids)
        counts = _segment_counts(data, segment_ids, num_segments)
        return gen_math_ops.unsorted_segment_sum(data, segment_ids, num_segments) / counts


def unsorted_segment_sqrt_n(data, segment_ids, num_segments, name=None):
    """The sums of the elements with the same number, over the root of how many they are."""
    with ops.name_scope(name, "UnsortedSegmentSqrtN"):
        data = ops.convert_to_tensor(data)
        segment_ids = ops.convert_to_tensor(segment_ids)
        counts = _segment_counts(data, segment_ids, num_segments)
        return gen_math_ops.unsorted_segment_sum(
            data, segment_ids, num_segments) / gen_math_ops.sqrt(counts)


def _segment_counts(data, segment_ids, num_segments):
    """How many elements have each number, at least 1, in a shape that data can be divided by."""
    from thalweg.ops import array_creation, array_shapes
    ones = array_creation.ones(array_shapes.shape_internal(segment_ids),
                               dtype=data.dtype.base_dtype)
    counts = gen_math_ops.unsorted_segment_sum(ones, segment_ids, num_segments)
    rank = data.get_shape().ndims - segment_ids.get_shape().ndims
    return gen_math_ops.maximum(array_shapes.reshape(counts, [num_segments] + [1] * rank), 1)


def bincount(arr, weights=None, minlength=None, maxlength=None, dtype=dtypes.int32, name=None):
    """How often each whole number comes, or the sum of the weights there."""
    from thalweg.ops import array_creation, array_shapes
    with ops.name_scope(name or "bincount"):
        arr = math_elementwise.cast(ops.convert_to_tensor(arr, name="arr"), dtypes.int32)
        some = math_elementwise.cast(reduce_prod(array_shapes.shape(arr)) > 0, dtypes.int32)
        size = some * (reduce_max(arr) + 1)
        if minlength is not None:
            size = gen_math_ops.maximum(ops.convert_to_tensor(minlength, dtype=dtypes.int32), size)
        if maxlength is not None:
            size = gen_math_ops.minimum(ops.convert_to_tensor(maxlength, dtype=dtypes.int32), size)
        weights = array_creation.zeros([0], dtype) if weights is None else \
            ops.convert_to_tensor(weights, name="weights")
        return gen_math_ops.bincount(arr, size, weights)
