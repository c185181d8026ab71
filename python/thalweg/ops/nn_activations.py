# SPDX-License-Identifier: Apache-2.0
"""Functions of the units of a network: activations, softmax, dropout, the greatest of them."""
import numbers

import numpy as np

from thalweg import _core
from thalweg.framework import (constant_op, dtypes, errors_impl, node_counts, ops, tensor_shape,
                               tensor_util)
from thalweg.ops import (array_joining, array_moving, array_shapes, gen_math_ops, gen_nn_ops,
                         math_elementwise, math_matrix, math_reduction)

relu = gen_nn_ops.relu
elu = gen_nn_ops.elu
selu = gen_nn_ops.selu
softplus = gen_nn_ops.softplus
softsign = gen_nn_ops.softsign
l2_loss = gen_nn_ops.l2_loss
lrn = local_response_normalization = gen_nn_ops.lrn


def one_of(name, value, old_name, old):
    """The value of an argument that has an older name too."""
    return math_reduction._given(name, value, old_name, old)


def relu6(features, name=None):
    """The greater of the features and 0, at most 6."""
    with ops.name_scope(name, "Relu6", [features]) as scope:
        return gen_nn_ops.relu6(ops.convert_to_tensor(features, name="features"), name=scope)


def leaky_relu(features, alpha=0.2, name=None):
    """The features, those below 0 times alpha."""
    with ops.name_scope(name, "LeakyRelu", [features, alpha]) as scope:
        features = ops.convert_to_tensor(features, name="features")
        if features.dtype.is_integer:
            features = math_elementwise.cast(features, dtypes.float32)
        if isinstance(alpha, numbers.Number):
            return gen_nn_ops.leaky_relu(features, alpha=alpha, name=scope)
        alpha = ops.convert_to_tensor(alpha, dtype=features.dtype, name="alpha")
        return gen_math_ops.maximum(alpha * features, features, name=scope)


def crelu(features, name=None, axis=-1):
    """The positive parts of the features, and behind them those of the negative features."""
    with ops.name_scope(name, "CRelu", [features]) as scope:
        features = ops.convert_to_tensor(features, name="features")
        both = array_joining.concat([features, gen_math_ops.neg(features)], axis, name=scope)
        return gen_nn_ops.relu(both)


def swish(features):
    """features * sigmoid(features)"""
    features = ops.convert_to_tensor(features, name="features")
    return features * gen_math_ops.sigmoid(features)


def bias_add(value, bias, data_format=None, name=None):
    """The value with a vector added to the channels: the last dimension, or the second ("NCHW")."""
    if data_format is not None:
        if data_format.startswith("NC"):
            data_format = "NCHW"
        elif data_format.startswith("N") and data_format.endswith("C"):
            data_format = "NHWC"
        else:
            raise ValueError("data_format must be of the form `N...C` or `NC...`")
    with ops.name_scope(name, "BiasAdd", [value, bias]) as scope:
        value = ops.convert_to_tensor(value, name="input")
        bias = ops.convert_to_tensor(bias, dtype=value.dtype.base_dtype, name="bias")
        return gen_nn_ops.bias_add(value, bias, data_format=data_format or "NHWC", name=scope)


def bias_add_v1(value, bias, name=None):
    """bias_add() through the op of the oldest graphs."""
    with ops.name_scope(name, "BiasAddV1", [value, bias]) as scope:
        value = ops.convert_to_tensor(value, name="input")
        bias = ops.convert_to_tensor(bias, dtype=value.dtype.base_dtype, name="bias")
        return gen_nn_ops.bias_add_v1(value, bias, name=scope)


def xw_plus_b(x, weights, biases, name=None):
    """matmul(x, weights) + biases"""
    with ops.name_scope(name, "xw_plus_b", [x, weights, biases]) as scope:
        x, weights, biases = _layer_operands(x, weights, biases)
        return bias_add(math_matrix.matmul(x, weights), biases, name=scope)


def relu_layer(x, weights, biases, name=None):
    """relu(matmul(x, weights) + biases)"""
    with ops.name_scope(name, "relu_layer", [x, weights, biases]) as scope:
        x, weights, biases = _layer_operands(x, weights, biases)
        return gen_nn_ops.relu(bias_add(math_matrix.matmul(x, weights), biases), name=scope)


def _layer_operands(x, weights, biases):
    return (ops.convert_to_tensor(x, name="x"), ops.convert_to_tensor(weights, name="weights"),
            ops.convert_to_tensor(biases, name="biases"))


# ---- softmax ----

def softmax(logits, axis=None, name=None, dim=None):
    """exp(logits), divided by their sum along an axis."""
    axis = one_of("axis", axis, "dim", dim)
    return _along(gen_nn_ops.softmax, logits, -1 if axis is None else axis, name)


def log_softmax(logits, axis=None, name=None, dim=None):
    """The logarithm of softmax()."""
    axis = one_of("axis", axis, "dim", dim)
    return _along(gen_nn_ops.log_softmax, logits, -1 if axis is None else axis, name)


def _along(op, logits, axis, name):
    """An op on the last dimension, along any: the two are swapped before and after."""
    logits = ops.convert_to_tensor(logits)
    shape = logits.get_shape()
    last = axis == -1 or shape.ndims is not None and axis == shape.ndims - 1
    if last:
        return op(logits, name=name)
    if isinstance(axis, ops.Tensor):
        known = tensor_util.constant_value(axis)
        if known is None:
            raise ValueError("the axis must be known, not %r" % (axis,))
        axis = int(known)
    if shape.ndims is not None and not -shape.ndims <= axis < shape.ndims:
        raise errors_impl.InvalidArgumentError(
            None, None, "Dimension (%d) must be in the range [%d, %d) where %d is the number of "
            "dimensions in the input." % (axis, -shape.ndims, shape.ndims, shape.ndims))
    before = node_counts.now()
    made = _swap_with_last(op(_swap_with_last(logits, axis)), axis, name)
    node_counts.since(before, 31)
    made.set_shape(shape)
    return made


def _swap_with_last(x, axis, name=None):
    """x with a dimension and its last one swapped."""
    ndims = x.get_shape().ndims
    if ndims is not None:
        order = list(range(ndims))
        order[axis], order[-1] = order[-1], order[axis]
        return array_moving.transpose(x, order, name=name)
    rank = array_shapes.rank(x)
    order, last = math_elementwise.range(rank), gen_math_ops.sub(rank, 1)
    place = order * 0 + (axis + rank if axis < 0 else axis)
    order = gen_math_ops.select(
        gen_math_ops.equal(order, place), order * 0 + last,
        gen_math_ops.select(gen_math_ops.equal(order, last), place, order))
    return array_moving.transpose(x, order, name=name)


# ---- dropout ----

def dropout(x, keep_prob=None, noise_shape=None, seed=None, name=None, rate=None):
    """x with elements set to 0, each with probability `rate` (or kept with `keep_prob`), the
    others enlarged so that the mean stays. One draw serves all elements along dimensions that are
    1 in noise_shape."""
    try:
        from_keep = 1. - keep_prob if keep_prob is not None else None
    except TypeError:
        raise ValueError("keep_prob must be a floating point number or Tensor (got %r)"
                         % (keep_prob,)) from None
    rate = one_of("rate", rate, "keep_prob", from_keep)
    if rate is None:
        raise ValueError("You must provide a rate to dropout.")
    x = ops.convert_to_tensor(x, name="x")
    if not x.dtype.is_floating:
        raise ValueError("x has to be a floating point tensor since it's going to be scaled. Got "
                         "a %s tensor instead." % x.dtype)
    if isinstance(rate, numbers.Real):
        if not 0 <= rate < 1:
            raise ValueError("rate must be a scalar tensor or a float in the range [0, 1), got %g"
                             % rate)
        if rate == 0:
            return x
    else:
        rate = ops.convert_to_tensor(rate, dtype=x.dtype, name="rate")
        rate.get_shape().assert_is_compatible_with([])
        if tensor_util.constant_value(rate) == 0:
            return x
    if isinstance(rate, numbers.Real) and noise_shape is None and \
            x.get_shape().is_fully_defined():
        return _core.composite("dropout", {"x": x, "keep_prob": 1. - float(rate), "seed": seed},
                               name)
    return _dropout(x, rate, noise_shape, seed, name)


def _dropout(x, rate, noise_shape, seed, name):
    """As the composite, for sizes and rates that are tensors."""
    with ops.name_scope(name, "dropout", [x]):
        rate = ops.convert_to_tensor(rate, dtype=x.dtype, name="rate")
        sizes = _noise_shape(x, noise_shape)
        noise = _core.composite("random_uniform", {"shape": sizes, "seed": seed,
                                                   "dtype": x.dtype.base_dtype})
        scale = 1. / (1. - rate)
        keep = gen_math_ops.greater_equal(noise, rate)
        made = x * scale * math_elementwise.cast(keep, x.dtype.base_dtype)
        made.set_shape(x.get_shape())
        return made


def _noise_shape(x, noise_shape):
    """The noise's sizes as a tensor; None in a list is the size of x there."""
    if noise_shape is None:
        return array_shapes.shape(x)
    if isinstance(noise_shape, (list, tuple)) and any(n is None for n in noise_shape):
        own = x.get_shape()
        if own.ndims is not None and len(noise_shape) == own.ndims:
            noise_shape = [n if n is not None else own.dims[i].value
                           for i, n in enumerate(noise_shape)]
        if None in noise_shape:
            raise ValueError("Cannot convert a partially known TensorShape to a Tensor: %s"
                             % (tensor_shape.TensorShape(noise_shape),))
    return noise_shape if isinstance(noise_shape, ops.Tensor) else ops.convert_to_tensor(
        noise_shape, dtype=dtypes.int32, name="random_uniform/shape")


# ---- the rest ----

def top_k(input, k=1, sorted=True, name=None):  # noqa: A002
    """(the k greatest values of each row, greatest first if `sorted`; their places)"""
    return gen_nn_ops.top_kv2(input, k=k, sorted=sorted, name=name)


def nth_element(input, n, reverse=False, name=None):  # noqa: A002
    """The value that would stand at place n of each row if the row were sorted."""
    with ops.name_scope(name, "nth_element", [input]):
        values = ops.convert_to_tensor(input)
        n = ops.convert_to_tensor(n, dtype=dtypes.int32)
        found, _ = gen_nn_ops.top_kv2(values if reverse else gen_math_ops.neg(values), n + 1)
        return found[..., -1] if reverse else gen_math_ops.neg(found[..., -1])


def in_top_k(predictions, targets, k, name=None):
    """Whether the class of each row is among the k with the greatest predictions."""
    with ops.name_scope(name, "in_top_k"):
        return gen_nn_ops.in_top_kv2(predictions, targets, k)


def l2_normalize(x, axis=None, epsilon=1e-12, name=None, dim=None):
    """x divided by the root of the sum of its squares over some axes, or all."""
    axis = one_of("axis", axis, "dim", dim)
    x = ops.convert_to_tensor(x, name="x")
    axes = _static_axes(x, axis)
    if axes:
        return _core.composite("l2_normalize", {"x": x, "axis": axes, "epsilon": epsilon}, name)
    with ops.name_scope(name, "l2_normalize", [x]) as scope:
        total = math_reduction.reduce_sum(gen_math_ops.square(x), axis, keepdims=True)
        inverse = gen_math_ops.rsqrt(gen_math_ops.maximum(total, epsilon))
        return gen_math_ops.mul(x, inverse, name=scope)


def _static_axes(x, axis):
    """Axes as a list of numbers; None if they are not known, [] for all."""
    if axis is None:
        return []
    if isinstance(axis, ops.Tensor):
        return None
    try:
        return [int(a) for a in np.reshape(axis, -1)]
    except (TypeError, ValueError):
        return None


def zero_fraction(value, name=None):
    """Which part of the elements is 0."""
    with ops.name_scope(name, "zero_fraction", [value]):
        value = ops.convert_to_tensor(value, name="value")
        zero = constant_op.constant(0, dtype=value.dtype.base_dtype, name="zero")
        return math_reduction.reduce_mean(
            math_elementwise.cast(gen_math_ops.equal(value, zero), dtypes.float32))
