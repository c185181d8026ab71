# SPDX-License-Identifier: Apache-2.0
"""Functions of networks as older versions had them: logits before labels, inputs before labels,
moments and dropout made of other ops."""
import numbers

from thalweg import _core
from thalweg.compat import old_ops
from thalweg.framework import ops, tensor_util
from thalweg.ops import (array_shapes, gen_math_ops, gen_nn_ops, nn_activations, nn_losses,
                         nn_statistics)


def softmax_cross_entropy_with_logits(logits, labels, dim=-1, name=None):
    """-sum(labels * log(softmax(logits))) of each row."""
    if isinstance(dim, str):  # the name came third once
        dim, name = -1, dim
    logits, labels = ops.convert_to_tensor(logits), ops.convert_to_tensor(labels)
    return nn_losses._softmax_cost(logits, labels, dim, name,
                                   lambda values, axis: old_ops.concat(axis, values))


def softmax_cross_entropy_with_logits_0_7(logits, labels, name=None):
    """The op itself, of matrices only."""
    return gen_nn_ops.softmax_cross_entropy_with_logits(logits, labels, name=name)[0]


def sparse_softmax_cross_entropy_with_logits(logits, labels, name=None):
    """-log(softmax(logits)) of each row at the class that its label says."""
    return nn_losses.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits,
                                                              name=name)


def sparse_softmax_cross_entropy_with_logits_0_7(logits, labels, name=None):
    """The op itself, of matrices only."""
    return gen_nn_ops.sparse_softmax_cross_entropy_with_logits(logits, labels, name=name)[0]


def sigmoid_cross_entropy_with_logits(logits, targets, name=None):
    """-targets * log(sigmoid(logits)) - (1 - targets) * log(1 - sigmoid(logits))"""
    return nn_losses._logistic("sigmoid_cross_entropy_with_logits", "labels", targets, logits, {},
                               name, shown="targets")


def weighted_cross_entropy_with_logits(logits, targets, pos_weight, name=None):
    """As sigmoid_cross_entropy_with_logits(), the first term times pos_weight."""
    return nn_losses.weighted_cross_entropy_with_logits(targets, logits, pos_weight, name)


def nce_loss(weights, biases, inputs, labels, num_sampled, num_classes, num_true=1,
             sampled_values=None, remove_accidental_hits=False, partition_strategy="mod",
             name="nce_loss"):
    """The noise-contrastive loss of each row."""
    return nn_losses.nce_loss(weights, biases, labels, inputs, num_sampled, num_classes, num_true,
                              sampled_values, remove_accidental_hits, partition_strategy, name)


def sampled_softmax_loss(weights, biases, inputs, labels, num_sampled, num_classes, num_true=1,
                         sampled_values=None, remove_accidental_hits=True,
                         partition_strategy="mod", name="sampled_softmax_loss"):
    """The softmax cross entropy of each row over the true classes and sampled ones."""
    return nn_losses.sampled_softmax_loss(
        weights, biases, labels, inputs, num_sampled, num_classes, num_true, sampled_values,
        remove_accidental_hits, partition_strategy, name)


def _compute_sampled_logits(weights, biases, inputs, labels, *args, **kwargs):
    return nn_losses._compute_sampled_logits(weights, biases, labels, inputs, *args, **kwargs)


def moments(x, axes, shift=None, name=None, keep_dims=False):
    """(mean, variance) over some axes, from the sums of the elements and of their squares."""
    with ops.name_scope(name, "moments", [x, axes, shift]):
        x = ops.convert_to_tensor(x, name="x")
        counts, sums, squares, shift = nn_statistics.sufficient_statistics(
            x, axes, shift=shift, keepdims=keep_dims, name="sufficient_statistics")
        return nn_statistics.normalize_moments(counts, sums, squares, shift, name="normalize")


def moments_0_7(x, axes, name=None, keep_dims=False):
    """(mean, variance) over some axes."""
    return nn_statistics.moments(x, axes, name=name, keepdims=keep_dims)


def dropout(x, keep_prob, noise_shape=None, seed=None, name=None):
    """x with elements set to 0, each but with probability keep_prob, the others divided by it."""
    with ops.name_scope(name, "dropout", [x]):
        x = ops.convert_to_tensor(x, name="x")
        if isinstance(keep_prob, numbers.Real) and not 0 < keep_prob <= 1:
            raise ValueError("keep_prob must be a scalar tensor or a float in the range (0, 1], "
                             "got %g" % keep_prob)
        keep_prob = ops.convert_to_tensor(keep_prob, dtype=x.dtype, name="keep_prob")
        keep_prob.get_shape().assert_is_compatible_with([])
        if tensor_util.constant_value(keep_prob) == 1:
            return x
        sizes = array_shapes.shape(x) if noise_shape is None else noise_shape
        noise = keep_prob + _core.composite(
            "random_uniform", {"shape": sizes, "seed": seed, "dtype": x.dtype.base_dtype})
        kept = gen_math_ops.floor(noise)
        made = gen_math_ops.div(x, keep_prob) * kept
        made.set_shape(x.get_shape())
        return made


def dropout_1_13(x, keep_prob=None, noise_shape=None, seed=None, name=None, rate=None):
    """dropout(), with a part to drop that may be given instead."""
    kept = nn_activations.one_of("keep_prob", keep_prob, "rate", None if rate is None else 1 - rate)
    return dropout(x, kept, noise_shape, seed, name)


def softmax_0_7(logits, name=None):
    """exp(logits), divided by their sum, in each row of a matrix."""
    return _of_matrix(gen_nn_ops.softmax, logits, name)


def log_softmax_0_7(logits, name=None):
    """The logarithm of softmax(), of a matrix."""
    return _of_matrix(gen_nn_ops.log_softmax, logits, name)


def _of_matrix(op, logits, name):
    logits = ops.convert_to_tensor(logits, name="logits")
    logits.get_shape().assert_has_rank(2)
    return op(logits, name=name)


def batch_norm_with_global_normalization_0_7(t, m, v, beta, gamma, variance_epsilon,
                                             scale_after_normalization, name=None):
    """The op of that name."""
    return gen_nn_ops.batch_norm_with_global_normalization(
        t, m, v, beta, gamma, variance_epsilon=variance_epsilon,
        scale_after_normalization=scale_after_normalization, name=name)


def in_top_k(predictions, targets, k, name=None):
    """Whether the class of each row is among the k with the greatest predictions."""
    return gen_nn_ops.in_top_k(predictions, targets, k=k, name=name)



def resize_images(images, new_height, new_width, method=0, align_corners=False):
    """Images with another height and width."""
    from thalweg.ops import image_geometry
    return image_geometry.resize_images(images, [new_height, new_width], method, align_corners)


# ---- windows, as 0.7 refused them ----

def _static(dim):
    return getattr(dim, "value", dim)


def _check_window(sizes, window, strides):
    """A window lies within what it moves over, and meets all of it."""
    for size, part, stride in zip(sizes, window, strides):
        size, part = _static(size), _static(part)
        if part is None:
            continue
        if stride > part:
            raise ValueError("stride must be less than or equal to filter size (stride %d, filter "
                             "size %d)" % (stride, part))
        if size is not None and part > size:
            raise ValueError("filter must not be larger than the input: %d is larger than %d"
                             % (part, size))


def _space(value):
    """The dimensions of images that are neither batch nor channels."""
    shape = ops.convert_to_tensor(value).get_shape().with_rank(4)
    return shape[1:3]


def conv2d_0_7(input, filter, strides, padding, use_cudnn_on_gpu=None,  # noqa: A002
               name=None):
    """conv2d(), by windows that meet all of the images and are not larger than they."""
    input, filter = ops.convert_to_tensor(input), ops.convert_to_tensor(filter)  # noqa: A001
    if strides[0] != 1 or strides[3] != 1:
        raise ValueError("Current implementation does not yet support strides in the batch and "
                         "depth dimensions.")
    if strides[1] != strides[2]:
        raise ValueError("Current implementation only supports equal length strides in the row and "
                         "column dimensions.")
    sizes = filter.get_shape().with_rank(4)
    _check_window(_space(input), sizes[0:2], strides[1:3])
    return gen_nn_ops.conv2d(input, filter, strides=strides, padding=padding, name=name)


def _check_pool(value, ksize, strides):
    if strides[0] != 1:
        raise ValueError("Current implementation does not support strides in the batch dimension.")
    _check_window(_space(value), ksize[1:3], strides[1:3])


def max_pool_0_7(value, ksize, strides, padding, name=None):
    """The greatest value in each window of images: across space, or across channels."""
    value = ops.convert_to_tensor(value)
    _check_pool(value, ksize, strides)
    if ksize[3] > 1:
        if ksize[1] > 1 or ksize[2] > 1:
            raise ValueError("MaxPooling supports exactly one of pooling across depth or pooling "
                             "across width/height.")
        if ksize[3] != strides[3]:
            raise ValueError("Depthwise max pooling requires the depth window to equal the depth "
                             "stride.")
        depth = value.get_shape()[3].value
        if depth is not None and depth % ksize[3]:
            raise ValueError("Depthwise max pooling requires the depth window to evenly divide the "
                             "input depth.")
    return gen_nn_ops.max_pool(value, ksize=ksize, strides=strides, padding=padding, name=name)


def avg_pool_0_7(value, ksize, strides, padding, name=None):
    """The mean of each window of images."""
    value = ops.convert_to_tensor(value)
    if strides[0] != 1 or strides[3] != 1:
        raise ValueError("Current implementation does not support strides in the batch and depth "
                         "dimensions.")
    _check_pool(value, ksize, strides)
    return gen_nn_ops.avg_pool(value, ksize=ksize, strides=strides, padding=padding, name=name)


def max_pool_with_argmax_0_7(input, ksize, strides, padding, Targmax=None,  # noqa: A002
                             name=None):
    """(the greatest value in each window, where it stands)"""
    _check_pool(input, ksize, strides)
    more = {} if Targmax is None else {"Targmax": Targmax}
    return gen_nn_ops.max_pool_with_argmax(input, ksize=ksize, strides=strides, padding=padding,
                                           name=name, **more)
