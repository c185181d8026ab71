# SPDX-License-Identifier: Apache-2.0
"""Functions on arrays and numbers that are made of others."""
from thalweg.framework import dtypes, ops
from thalweg.ops import (array_ops, gen_image_ops, gen_stateless_random_ops,
                         math_ops)


def repeat(input, repeats, axis=None, name=None):  # noqa: A002
    """Each element so many times, one behind the other; along an axis, or flat."""
    with ops.name_scope(name, "Repeat", [input, repeats]):
        x = ops.convert_to_tensor(input, name="input")
        repeats = math_ops.cast(ops.convert_to_tensor(repeats), dtypes.int32)
        if axis is None:
            x, axis = array_ops.reshape(x, [-1]), 0
        axis = axis if axis >= 0 else axis + x.get_shape().ndims
        size = array_ops.shape(x)[axis]
        repeats = array_ops.reshape(repeats, [-1]) + array_ops.zeros([size], dtypes.int32)
        most = math_ops.reduce_max(math_ops.maximum(repeats, 0))
        mask = array_ops.sequence_mask(repeats, most)
        rows = array_ops.tile(array_ops.expand_dims(math_ops.range(size), 1),
                              array_ops.stack([1, most]))
        return array_ops.gather(x, array_ops.boolean_mask(rows, mask), axis=axis)


def unravel_index(indices, dims, name=None):
    """Indices into a flat array as those of an array of such sizes: a row for each dimension."""
    with ops.name_scope(name, "UnravelIndex", [indices, dims]):
        indices = ops.convert_to_tensor(indices, name="indices")
        dims = ops.convert_to_tensor(dims, dtype=indices.dtype, name="dims")
        behind = math_ops.cumprod(dims, exclusive=True, reverse=True)
        if indices.get_shape().ndims == 0:
            return indices // behind % dims
        behind, dims = (array_ops.expand_dims(x, 1) for x in (behind, dims))
        return array_ops.expand_dims(indices, 0) // behind % dims


def searchsorted(sorted_sequence, values, side="left", out_type=dtypes.int32, name=None):
    """Before which elements of ascending rows values have to be put for the rows to stay so."""
    if side not in ("left", "right"):
        raise ValueError("side must be either 'right' or 'left'.  Saw: %s." % side)
    with ops.name_scope(name, "SearchSorted", [sorted_sequence, values]):
        row = ops.convert_to_tensor(sorted_sequence, name="sorted_sequence")
        values = ops.convert_to_tensor(values, dtype=row.dtype, name="values")
        row, values = array_ops.expand_dims(row, -2), array_ops.expand_dims(values, -1)
        before = math_ops.less(row, values) if side == "left" else math_ops.less_equal(row, values)
        return math_ops.reduce_sum(math_ops.cast(before, out_type), -1)


def histogram_fixed_width_bins(values, value_range, nbins=100, dtype=dtypes.int32, name=None):
    """In which of `nbins` bins of one width values are; those outside are in the first or last."""
    with ops.name_scope(name, "histogram_fixed_width_bins", [values, value_range, nbins]):
        values = ops.convert_to_tensor(values, name="values")
        limits = ops.convert_to_tensor(value_range, dtype=values.dtype, name="value_range")
        part = math_ops.truediv(values - limits[0], limits[1] - limits[0])
        place = math_ops.cast(math_ops.floor(math_ops.cast(nbins, part.dtype) * part), dtype)
        last = math_ops.cast(nbins - 1, dtype)
        return math_ops.minimum(math_ops.maximum(place, 0), last)


def histogram_fixed_width(values, value_range, nbins=100, dtype=dtypes.int32, name=None):
    """How many values are in each bin."""
    with ops.name_scope(name, "histogram_fixed_width", [values, value_range, nbins]):
        place = array_ops.reshape(histogram_fixed_width_bins(values, value_range, nbins), [-1])
        return math_ops.unsorted_segment_sum(array_ops.ones_like(place, dtype=dtype), place, nbins)


def tensor_scatter_add(tensor, indices, updates, name=None):
    """`tensor` with updates added at indices."""
    with ops.name_scope(name, "TensorScatterAdd", [tensor, indices, updates]):
        tensor = ops.convert_to_tensor(tensor, name="tensor")
        return tensor + array_ops.scatter_nd(
            indices, ops.convert_to_tensor(updates, dtype=tensor.dtype),
            array_ops.shape(tensor, out_type=ops.convert_to_tensor(indices).dtype))


def tensor_scatter_sub(tensor, indices, updates, name=None):
    """`tensor` with updates taken away at indices."""
    return tensor_scatter_add(tensor, indices, math_ops.negative(updates), name or
                              "TensorScatterSub")


def polyval(coeffs, x, name=None):
    """The polynomial at x; the coefficient of the highest power comes first."""
    if not isinstance(coeffs, list):
        raise ValueError("Argument coeffs must be list type found %s." % type(coeffs))
    with ops.name_scope(name, "polyval", list(coeffs) + [x]):
        x = ops.convert_to_tensor(x, name="x")
        if not coeffs:
            return array_ops.zeros_like(x)
        total = ops.convert_to_tensor(coeffs[0], dtype=x.dtype)
        for c in coeffs[1:]:
            total = c + total * x
        return total


def reciprocal_no_nan(x, name=None):
    """1 / x, and 0 for 0."""
    with ops.name_scope(name, "reciprocal_no_nan", [x]):
        x = ops.convert_to_tensor(x, name="x")
        return math_ops.div_no_nan(array_ops.ones_like(x), x)


def bessel_i0(x, name=None):
    """The modified Bessel function of order 0."""
    with ops.name_scope(name, "bessel_i0", [x]):
        x = ops.convert_to_tensor(x, name="x")
        return math_ops.exp(math_ops.abs(x)) * math_ops.bessel_i0e(x)


def bessel_i1(x, name=None):
    """The modified Bessel function of order 1."""
    with ops.name_scope(name, "bessel_i1", [x]):
        x = ops.convert_to_tensor(x, name="x")
        return math_ops.exp(math_ops.abs(x)) * math_ops.bessel_i1e(x)


# ---- random numbers of a seed alone ----

def _drawn(op, shape, seed, dtype, name):
    with ops.name_scope(name, "stateless_random", [shape, seed]):
        shape = ops.convert_to_tensor(shape, name="shape", preferred_dtype=dtypes.int32)
        return op(shape, seed=seed, dtype=dtype)


def stateless_normal(shape, seed, mean=0.0, stddev=1.0, dtype=dtypes.float32, name=None):
    """Normal numbers that follow from `seed` (two integers) alone."""
    return _drawn(gen_stateless_random_ops.stateless_random_normal, shape, seed, dtype,
                  name or "stateless_random_normal") * stddev + mean


def stateless_truncated_normal(shape, seed, mean=0.0, stddev=1.0, dtype=dtypes.float32, name=None):
    """Normal numbers within two deviations that follow from `seed` alone."""
    return _drawn(gen_stateless_random_ops.stateless_truncated_normal, shape, seed, dtype,
                  name or "stateless_truncated_normal") * stddev + mean


def stateless_uniform(shape, seed, minval=0, maxval=None, dtype=dtypes.float32, name=None):
    """Uniform numbers that follow from `seed` alone."""
    dtype = dtypes.as_dtype(dtype)
    if dtype.is_integer and maxval is None:
        raise ValueError("Must specify maxval for integer dtype %r" % dtype)
    if dtype.is_integer:
        minval, maxval = (ops.convert_to_tensor(v, dtype=dtype) for v in (minval, maxval))
        return gen_stateless_random_ops.stateless_random_uniform_int(
            shape, seed=seed, minval=minval, maxval=maxval, name=name)
    maxval = 1 if maxval is None else maxval
    return _drawn(gen_stateless_random_ops.stateless_random_uniform, shape, seed, dtype,
                  name or "stateless_random_uniform") * (maxval - minval) + minval


# ---- boxes ----

def non_max_suppression_overlaps(overlaps, scores, max_output_size, overlap_threshold=0.5,
                                 score_threshold=float("-inf"), name=None):
    """Things in order of score, without those that are too much alike one before."""
    with ops.name_scope(name, "non_max_suppression_overlaps"):
        return gen_image_ops.non_max_suppression_with_overlaps(
            overlaps, scores, max_output_size, overlap_threshold, score_threshold)


def non_max_suppression_with_scores(boxes, scores, max_output_size, iou_threshold=0.5,
                                    score_threshold=float("-inf"), soft_nms_sigma=0.0, name=None):
    """(indices, scores) of boxes in order of score; with a sigma scores fall with what a box shares
    with better ones."""
    with ops.name_scope(name, "non_max_suppression_with_scores"):
        found = gen_image_ops.non_max_suppression_v5(
            boxes, scores, max_output_size, iou_threshold, score_threshold, soft_nms_sigma,
            pad_to_max_output_size=False)
        return found[0], found[1]
