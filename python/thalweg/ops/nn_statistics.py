# SPDX-License-Identifier: Apache-2.0
"""Moments, and normalization by them."""
import numpy as np

from thalweg import _core
from thalweg.framework import constant_op, dtypes, ops
from thalweg.ops import (array_creation, array_shapes, array_slicing, gen_array_ops, gen_math_ops,
                         gen_nn_ops, math_elementwise, math_reduction)
from thalweg.ops.nn_activations import _static_axes, one_of


def sufficient_statistics(x, axes, shift=None, keep_dims=None, name=None, keepdims=None):
    """(how many elements there are along the axes, their sum, the sum of their squares, the shift):
    of what is left of x when the shift is taken off."""
    keepdims = bool(one_of("keepdims", keepdims, "keep_dims", keep_dims))
    if isinstance(axes, (list, tuple, np.ndarray)):
        axes = sorted(set(int(a) for a in axes))
    with ops.name_scope(name, "sufficient_statistics", [x, shift]):
        x = ops.convert_to_tensor(x, name="x")
        counts = _counts(x, axes)
        if shift is not None:
            shift = ops.convert_to_tensor(shift, name="shift")
            sums, squares = gen_math_ops.sub(x, shift), gen_math_ops.squared_difference(x, shift)
        else:
            sums, squares = x, gen_math_ops.square(x)
        sums = math_reduction.reduce_sum(sums, axes, keepdims=keepdims, name="mean_ss")
        squares = math_reduction.reduce_sum(squares, axes, keepdims=keepdims, name="var_ss")
    return counts, sums, squares, shift


def _counts(x, axes):
    """How many elements there are along the axes, in the dtype of x."""
    shape = x.get_shape()
    if shape.ndims is not None and not isinstance(axes, ops.Tensor) and \
            all(shape.dims[a].value is not None for a in axes):
        count = 1
        for a in axes:
            count *= shape.dims[a].value
        return constant_op.constant(count, dtype=x.dtype)
    sizes = array_slicing.gather(
        math_elementwise.cast(array_shapes.shape(x), x.dtype), axes)
    return math_reduction.reduce_prod(sizes, name="count")


def normalize_moments(counts, mean_ss, variance_ss, shift, name=None):
    """(mean, variance) of what sufficient_statistics() tells."""
    with ops.name_scope(name, "normalize", [counts, mean_ss, variance_ss, shift]):
        divisor = gen_math_ops.reciprocal(counts, name="divisor")
        if shift is not None:
            shifted = gen_math_ops.mul(mean_ss, divisor, name="shifted_mean")
            mean = gen_math_ops.add(shifted, shift, name="mean")
        else:
            shifted = mean = gen_math_ops.mul(mean_ss, divisor, name="mean")
        variance = gen_math_ops.sub(gen_math_ops.mul(variance_ss, divisor),
                                    gen_math_ops.square(shifted), name="variance")
    return mean, variance


def moments(x, axes, shift=None, name=None, keep_dims=None, keepdims=None):
    """(mean, variance) over some axes."""
    del shift  # has had no effect for long
    keepdims = bool(one_of("keepdims", keepdims, "keep_dims", keep_dims))
    x = ops.convert_to_tensor(x, name="x")
    known = _static_axes(x, axes)
    if known:
        return _core.composite("moments", {"x": x, "axes": known, "keep_dims": keepdims}, name)
    with ops.name_scope(name, "moments", [x, axes]):
        y = math_elementwise.cast(x, dtypes.float32) if x.dtype == dtypes.float16 else x
        mean = math_reduction.reduce_mean(y, axes, keepdims=True, name="mean")
        variance = math_reduction.reduce_mean(
            gen_math_ops.squared_difference(y, gen_array_ops.stop_gradient(mean)), axes,
            keepdims=True, name="variance")
        if not keepdims:
            mean = _without(mean, axes, known, y)
            variance = _without(variance, axes, known, y)
        if y is not x:
            mean, variance = (math_elementwise.cast(m, x.dtype) for m in (mean, variance))
        return mean, variance


def _without(x, axes, known, y):
    """What a reduction kept of its axes, taken away."""
    if known is not None:  # no axes: nothing was reduced
        return x
    del known
    kept = math_reduction.reduce_sum(array_creation.zeros_like(y), axes)
    return array_shapes.reshape(x, array_shapes.shape(kept))


def weighted_moments(x, axes, frequency_weights, name=None, keep_dims=None, keepdims=None):
    """(mean, variance) over some axes, of elements that count as often as their weights say."""
    keepdims = bool(one_of("keepdims", keepdims, "keep_dims", keep_dims))
    with ops.name_scope(name, "weighted_moments", [x, frequency_weights, axes]):
        x = ops.convert_to_tensor(x, name="x")
        weights = ops.convert_to_tensor(frequency_weights, name="frequency_weights")
        low = x.dtype == dtypes.float16
        if low:
            x = math_elementwise.cast(x, dtypes.float32)
        weights = math_elementwise.cast(weights, x.dtype)
        total = math_reduction.reduce_sum(weights * x, axes, name="weighted_input_sum",
                                          keepdims=True)
        spread = weights + array_creation.zeros_like(x)
        inverse = gen_math_ops.reciprocal(math_reduction.reduce_sum(
            spread, axes, name="sum_of_weights", keepdims=True), name="inv_weight_sum")
        mean = gen_math_ops.mul(total, inverse)
        squares = math_reduction.reduce_sum(
            weights * gen_math_ops.squared_difference(x, mean), axes, name="weighted_distsq",
            keepdims=True)
        variance = gen_math_ops.mul(squares, inverse)
        if not keepdims:
            mean, variance = (array_shapes.squeeze(m, axis=axes) for m in (mean, variance))
        if low:
            mean, variance = (math_elementwise.cast(m, dtypes.float16) for m in (mean, variance))
        return mean, variance


# ---- normalization ----

def batch_normalization(x, mean, variance, offset, scale, variance_epsilon, name=None):
    """scale * (x - mean) / sqrt(variance + variance_epsilon) + offset; scale and offset may be
    None."""
    def tensor(value, word):
        return None if value is None else ops.convert_to_tensor(value, name=word)
    x = ops.convert_to_tensor(x, name="x")
    if not isinstance(variance_epsilon, (int, float)):
        variance, variance_epsilon = ops.convert_to_tensor(variance) + variance_epsilon, 0.0
    return _core.composite("batch_normalization", {
        "x": x, "mean": tensor(mean, "mean"), "variance": tensor(variance, "variance"),
        "offset": tensor(offset, "offset"), "scale": tensor(scale, "scale"),
        "variance_epsilon": float(variance_epsilon)}, name)


def batch_norm_with_global_normalization(
        t=None, m=None, v=None, beta=None, gamma=None, variance_epsilon=None,
        scale_after_normalization=None, name=None, input=None, mean=None,  # noqa: A002
        variance=None):
    """batch_normalization() of images, by moments over all but the channels."""
    t = one_of("input", input, "t", t)
    m = one_of("mean", mean, "m", m)
    v = one_of("variance", variance, "v", v)
    return batch_normalization(t, m, v, beta, gamma if scale_after_normalization else None,
                               variance_epsilon, name)


def fused_batch_norm(x, scale, offset, mean=None, variance=None, epsilon=0.001, data_format="NHWC",
                     is_training=True, name=None):
    """(normalized images, mean, variance): by their own moments if they are for training, else by
    the moments given."""
    x = ops.convert_to_tensor(x, name="input")
    scale = ops.convert_to_tensor(scale, name="scale")
    offset = ops.convert_to_tensor(offset, name="offset")
    if is_training and (mean is not None or variance is not None):
        raise ValueError("Both 'mean' and 'variance' must be None if is_training is True.")
    mean = constant_op.constant([]) if mean is None else mean
    variance = constant_op.constant([]) if variance is None else variance
    # So small an epsilon the fastest kernels once refused; results are compared with theirs.
    epsilon = max(epsilon, 1.001e-5)
    made = gen_nn_ops.fused_batch_norm_v3(x, scale, offset, mean, variance, epsilon=epsilon,
                                          data_format=data_format, is_training=is_training,
                                          name=name)
    return made[0], made[1], made[2]
