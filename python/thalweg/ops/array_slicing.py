# SPDX-License-Identifier: Apache-2.0
"""Parts of tensors: slices in NumPy's manner, elements by index, where a mask is true."""
import numpy as np

from thalweg.framework import constant_op, dtypes, ops, tensor_shape, tensor_util
from thalweg.ops import array_creation, array_joining, array_shapes, gen_array_ops

newaxis = None
_WRONG_INDEX = ("Only integers, slices (`:`), ellipsis (`...`), tf.newaxis (`None`) and scalar "
                "tf.int32/tf.int64 tensors are valid indices")
_INT32 = 2**31 - 1
_INDEX_DTYPES = (dtypes.int32, dtypes.int64)


def slice(input_, begin, size, name=None):  # noqa: A001
    """The part that begins at `begin` and has a size `size`, -1 for all that is left."""
    return gen_array_ops._slice(input_, begin, size, name=name)


def strided_slice(input_, begin, end, strides=None, begin_mask=0, end_mask=0, ellipsis_mask=0,
                  new_axis_mask=0, shrink_axis_mask=0, var=None, name=None):
    """The part from `begin` to before `end` in steps of `strides`; the masks have a bit for each
    index, as _slice_helper sets them."""
    if strides is None:
        strides = array_creation.ones_like(begin)
    made = gen_array_ops.strided_slice(
        input_, begin, end, strides, begin_mask=begin_mask, end_mask=end_mask,
        ellipsis_mask=ellipsis_mask, new_axis_mask=new_axis_mask,
        shrink_axis_mask=shrink_axis_mask, name=name)
    parent_name = name

    if var is not None:
        def assign(val, name=None):
            """Assigns to this part of the variable."""
            if not hasattr(var, "_ref"):
                raise ValueError("Sliced assignment is only supported for variables")
            return gen_array_ops.strided_slice_assign(
                var._ref(), begin, end, strides, val, begin_mask=begin_mask, end_mask=end_mask,
                ellipsis_mask=ellipsis_mask, new_axis_mask=new_axis_mask,
                shrink_axis_mask=shrink_axis_mask,
                name=name or (parent_name or "").rstrip("/") + "_assign")
        made.assign = assign
    return made


def _check_index(index):
    """TypeError for what cannot be an index."""
    if isinstance(index, (int, tensor_shape.Dimension)) and not isinstance(index, bool):
        return
    dtype = getattr(index, "dtype", None)
    try:
        good = dtype is not None and dtypes.as_dtype(dtype).base_dtype in _INDEX_DTYPES
    except TypeError:
        good = False
    if not good and isinstance(index, np.integer):
        good = True
    shape = getattr(index, "shape", ())
    if not good or (shape is not None and len(shape or ()) == 1):
        raise TypeError("%s, got %r" % (_WRONG_INDEX, index))


class _Indices:
    """What is between the brackets, as StridedSlice takes it."""

    def __init__(self, spec):
        self.begin, self.end, self.strides = [], [], []
        self.masks = dict(begin_mask=0, end_mask=0, ellipsis_mask=0, new_axis_mask=0,
                          shrink_axis_mask=0)
        for index, item in enumerate(spec):
            self.add(item, 1 << index)

    def put(self, begin, end, stride):
        self.begin.append(begin)
        self.end.append(end)
        self.strides.append(stride)

    def add(self, item, bit):
        if isinstance(item, _SLICE):
            self.add_slice(item, bit)
        elif item is Ellipsis:
            self.put(0, 0, 1)
            self.masks["ellipsis_mask"] |= bit
        elif item is None:
            self.put(0, 0, 1)
            self.masks["new_axis_mask"] |= bit
        else:
            _check_index(item)
            if isinstance(item, (np.integer, tensor_shape.Dimension)):
                item = int(item)
            self.put(item, item + 1, 1)
            self.masks["shrink_axis_mask"] |= bit

    def add_slice(self, item, bit):
        begin, end, stride = item.start, item.stop, item.step
        for one in (begin, end, stride):
            if one is not None:
                _check_index(one)
        if begin is None:
            self.masks["begin_mask"] |= bit
        if end is None:
            self.masks["end_mask"] |= bit
        self.put(0 if begin is None else begin, 0 if end is None else end,
                 1 if stride is None else stride)

    def lists(self):
        return self.begin, self.end, self.strides


_SLICE = type(np.s_[:])


def _is_mask(spec):
    if isinstance(spec, (bool, np.bool_)):
        return True
    if isinstance(spec, ops.Tensor):
        return spec.dtype.base_dtype == dtypes.bool
    return isinstance(spec, np.ndarray) and spec.dtype == bool


def _slice_helper(tensor, slice_spec, var=None):
    """tensor[...]: integers, slices, ..., None, integer tensors, or a boolean mask."""
    if _is_mask(slice_spec):
        return boolean_mask(tensor, slice_spec)
    if not isinstance(slice_spec, (list, tuple)):
        slice_spec = [slice_spec]
    indices = _Indices(slice_spec)
    with ops.name_scope(None, "strided_slice", [tensor] + sum(indices.lists(), [])) as name:
        if indices.begin:
            packed = [_packed(numbers) for numbers in indices.lists()]
            if any(p.dtype.base_dtype == dtypes.int64 for p in packed):
                packed = [p if p.dtype.base_dtype == dtypes.int64 else
                          gen_array_ops.cast(p, DstT=dtypes.int64) for p in packed]
        else:
            empty = constant_op.constant([], dtypes.int32)
            packed = [empty, empty, empty]
        return strided_slice(tensor, *packed, var=var, name=name, **indices.masks)


def _packed(numbers):
    """Indices as a vector `stack`; several tensors of both widths meet in int64."""
    if all(type(n) is int and -_INT32 <= n <= _INT32 for n in numbers):
        return constant_op.from_array(np.array(numbers, np.int32), dtypes.int32, "stack")
    if any(isinstance(n, ops.Tensor) for n in numbers):
        wide = any(getattr(n, "dtype", None) in (dtypes.int64, np.int64) for n in numbers)
        if wide:
            numbers = [gen_array_ops.cast(n, DstT=dtypes.int64) if isinstance(n, ops.Tensor)
                       and n.dtype.base_dtype != dtypes.int64 else n for n in numbers]
            return ops.convert_to_tensor(numbers, dtype=dtypes.int64, name="stack")
    return array_joining.stack(numbers)


def _slice_helper_var(var, slice_spec):
    """variable[...]"""
    return _slice_helper(var.value(), slice_spec, var)


_SliceHelperVar = _slice_helper_var


def boolean_mask(tensor, mask, name="boolean_mask", axis=None):
    """The parts of a tensor where a mask over some of its dimensions is true."""
    with ops.name_scope(name, values=[tensor, mask]):
        tensor = ops.convert_to_tensor(tensor, name="tensor")
        mask = ops.convert_to_tensor(mask, name="mask")
        mask_shape, shape = mask.get_shape(), tensor.get_shape()
        if mask_shape.ndims == 0:
            raise ValueError("mask cannot be scalar.")
        if mask_shape.ndims is None:
            raise ValueError("Number of mask dimensions must be specified, even if some dimensions "
                             "are None.  E.g. shape=[None] is ok, but shape=None is not.")
        axis = 0 if axis is None else axis
        if isinstance(axis, ops.Tensor):
            axis = int(tensor_util.constant_value(axis))
        last = axis + mask_shape.ndims
        shape[axis:last].assert_is_compatible_with(mask_shape)
        leading = gen_array_ops._prod(array_shapes.shape(tensor)[axis:last], [0])
        before, behind = array_shapes.shape(tensor)[:axis], array_shapes.shape(tensor)[last:]
        with ops.name_scope("concat") as scope:
            leading = gen_array_ops.pack([leading], name="values_1")
            sizes = array_joining.concat([before, leading, behind], 0, name=scope)
        tensor = array_shapes.reshape(tensor, sizes)
        count = shape[axis:last].num_elements()
        tensor.set_shape(tensor_shape.as_shape(shape[:axis]).concatenate([count])
                         .concatenate(shape[last:]))
        mask = array_shapes.reshape(mask, [-1])
        where_true = array_shapes.squeeze(where(mask), axis=[1])
        return gather(tensor, where_true, axis=axis)


def where(condition, x=None, y=None, name=None):
    """The indices where a condition holds; with `x` and `y` the elements of x where it holds and
    those of y elsewhere."""
    if x is None and y is None:
        with ops.name_scope(name, "Where", [condition]) as scope:
            condition = ops.convert_to_tensor(condition, preferred_dtype=dtypes.bool,
                                              name="condition")
            return gen_array_ops.where(condition, name=scope)
    if x is not None and y is not None:
        return gen_array_ops.select(condition, x, y, name=name)
    raise ValueError("x and y must both be non-None or both be None.")


def gather(params, indices, validate_indices=None, name=None, axis=None, batch_dims=0):
    """The slices of a tensor at indices along an axis."""
    if batch_dims:
        return _gather_in_batches(params, indices, batch_dims, axis, name)
    if axis is None:
        axis = 0
    return gen_array_ops.gather_v2(params, indices, axis, name=name)


def _gather_in_batches(params, indices, batch_dims, axis, name):
    """gather for each element of the first `batch_dims` dimensions by itself."""
    with ops.name_scope(name, "GatherV2", [params, indices]):
        params, indices = ops.convert_to_tensor(params), ops.convert_to_tensor(indices)
        return gen_array_ops.gather_v2(params, indices, batch_dims if axis is None else axis,
                                       batch_dims=batch_dims)


def gather_nd(params, indices, name=None, batch_dims=0):
    """The elements or slices of a tensor at places that are rows of `indices`."""
    if batch_dims:
        raise NotImplementedError("gather_nd with batch_dims = %d" % batch_dims)
    return gen_array_ops.gather_nd(params, indices, name=name)


def batch_gather(params, indices, name=None):
    """gather along the last axis, for each element of the others by itself."""
    indices = ops.convert_to_tensor(indices)
    if indices.get_shape().ndims is None:
        raise ValueError("batch_gather does not allow indices with unknown shape.")
    return gather(params, indices, batch_dims=indices.get_shape().ndims - 1, name=name)


def unique(x, out_idx=dtypes.int32, name=None):
    """The different elements in the order in which they come, and where each element is there."""
    return gen_array_ops.unique(x, out_idx=dtypes.as_dtype(out_idx), name=name)


def unique_with_counts(x, out_idx=dtypes.int32, name=None):
    """As unique(), and how often each comes."""
    return gen_array_ops.unique_with_counts(x, out_idx=dtypes.as_dtype(out_idx), name=name)


def setdiff1d(x, y, index_dtype=dtypes.int32, name=None):
    """The elements of x that are not in y, and their places."""
    return gen_array_ops.list_diff(x, y, out_idx=dtypes.as_dtype(index_dtype), name=name)
