# SPDX-License-Identifier: Apache-2.0
"""tf.contrib.losses: what tf.losses has, with the predictions first."""
from thalweg.framework import dtypes, ops
from thalweg.ops import array_ops, math_ops, nn_losses, nn_ops
from thalweg.ops.nn_activations import one_of
from thalweg.ops.losses.util import (  # noqa: F401 - names of this module too
    add_loss, get_losses, get_regularization_losses, get_total_loss)


def compute_weighted_loss(losses, weights=1.0, scope=None):
    """The mean of the losses, each times its weight, over those whose weight is not 0. The weights
    have the first dimensions of the losses (that of the batch, say), and count for all others."""
    with ops.name_scope(scope, "weighted_loss", [losses, weights]) as scope:
        losses = ops.convert_to_tensor(losses)
        own = losses.dtype
        losses = math_ops.cast(losses, dtypes.float32)
        weights = math_ops.cast(ops.convert_to_tensor(weights), dtypes.float32)
        rank, known = losses.get_shape().ndims, weights.get_shape()
        if rank is None:
            raise ValueError("losses.get_shape().ndims cannot be None")
        if known.ndims is None:
            raise ValueError("weights.get_shape().ndims cannot be None")
        if known.ndims > 1 and known[-1].is_compatible_with(1):
            weights = array_ops.squeeze(weights, [-1])
        count = weights.get_shape().ndims
        sums = math_ops.reduce_sum(losses, axis=list(range(count, rank)))
        total = math_ops.reduce_sum(math_ops.multiply(sums, weights))
        mean = math_ops.div_no_nan(math_ops.reduce_sum(total), _counted(losses, weights),
                                   name="value")
        mean = math_ops.cast(mean, own)
        add_loss(mean)
        return mean


def _counted(losses, weights):
    """How many losses have a weight that is not 0."""
    rank = weights.get_shape().ndims
    if rank == 0:
        rows = array_ops.reshape(array_ops.slice(array_ops.shape(losses), [0], [1]), [])
        each = math_ops.div(math_ops.cast(array_ops.size(losses), dtypes.float32),
                            math_ops.cast(rows, dtypes.float32))
        each = array_ops.where(math_ops.equal(weights, 0), 0.0, each)
        return math_ops.reduce_sum(math_ops.multiply(
            array_ops.ones(array_ops.reshape(rows, [1])), each))
    have = math_ops.reduce_sum(math_ops.cast(math_ops.not_equal(weights, 0), dtypes.float32),
                               axis=list(range(1, rank)))
    spread = math_ops.cast(math_ops.reduce_prod(
        array_ops.slice(array_ops.shape(losses), [rank], [-1])), dtypes.float32)
    return math_ops.reduce_sum(math_ops.multiply(have, spread))


def _pair(predictions, labels):
    predictions.get_shape().assert_is_compatible_with(labels.get_shape())
    return math_ops.cast(predictions, dtypes.float32), math_ops.cast(labels, dtypes.float32)


def absolute_difference(predictions, labels=None, weights=1.0, scope=None):
    """|predictions - labels|"""
    with ops.name_scope(scope, "absolute_difference", [predictions, labels, weights]) as scope:
        predictions, labels = _pair(predictions, labels)
        losses = math_ops.abs(math_ops.subtract(predictions, labels))
        return compute_weighted_loss(losses, weights, scope)


def cosine_distance(predictions, labels=None, axis=None, weights=1.0, scope=None, dim=None):
    """1 - the sum of the products along an axis, of vectors that have length 1."""
    axis = one_of("axis", axis, "dim", dim)
    if axis is None:
        raise ValueError("You must specify 'axis'.")
    with ops.name_scope(scope, "cosine_distance_loss", [predictions, labels, weights]) as scope:
        predictions, labels = _pair(predictions, labels)
        products = math_ops.multiply(predictions, labels)
        losses = 1 - math_ops.reduce_sum(products, axis=[axis])
        return compute_weighted_loss(losses, weights, scope)


def hinge_loss(logits, labels=None, scope=None):
    """max(0, 1 - y x) for each element, with labels 0 and 1 taken as y = -1 and 1."""
    with ops.name_scope(scope, "hinge_loss", [logits, labels]):
        logits.get_shape().assert_is_compatible_with(labels.get_shape())
        labels = math_ops.cast(labels, dtypes.float32)
        ones = array_ops.ones_like(labels)
        labels = math_ops.subtract(2 * labels, ones)
        return nn_ops.relu(math_ops.subtract(ones, math_ops.multiply(labels, logits)))


def log_loss(predictions, labels=None, weights=1.0, epsilon=1e-7, scope=None):
    """-y log(p) - (1 - y) log(1 - p)"""
    with ops.name_scope(scope, "log_loss", [predictions, labels, weights]) as scope:
        predictions, labels = _pair(predictions, labels)
        losses = -math_ops.multiply(labels, math_ops.log(predictions + epsilon)) - \
            math_ops.multiply(1 - labels, math_ops.log(1 - predictions + epsilon))
        return compute_weighted_loss(losses, weights, scope)


def _present(errors, weights):
    """For each row how many elements have a weight, and the row's weight. Weights count once for
    each dimension that only the errors have: those of as many dimensions are not spread."""
    sizes, rank = array_ops.shape(errors), weights.get_shape().ndims
    have = math_ops.cast(math_ops.not_equal(weights, 0.0), dtypes.float32)
    spread = math_ops.cast(math_ops.reduce_prod(sizes[max(rank, 1):]), dtypes.float32)
    if rank:
        have, weights = (math_ops.reduce_sum(array_ops.reshape(x, [array_ops.shape(x)[0], -1]), 1)
                         for x in (have, weights))
    return array_ops.ones(sizes[:1]) * have * spread, weights


def mean_pairwise_squared_error(predictions, labels=None, weights=1.0, scope=None):
    """The mean over pairs of elements of a row of the squared difference of their differences; the
    pairs of an element with itself count, as they no longer do in tf.losses."""
    with ops.name_scope(scope, "mean_pairwise_squared_error", [predictions, labels]):
        predictions = math_ops.cast(predictions, dtypes.float32)
        labels = math_ops.cast(labels, dtypes.float32)
        predictions.get_shape().assert_is_compatible_with(labels.get_shape())
        errors, weights = predictions - labels, math_ops.cast(weights, dtypes.float32)
        over = math_ops.range(1, array_ops.rank(errors))
        count, weights = _present(errors, weights)
        squares = math_ops.reduce_sum(math_ops.square(errors), over)
        total = math_ops.square(math_ops.reduce_sum(errors, over))
        rows = 2.0 * (math_ops.div_no_nan(squares, count)
                      - math_ops.div_no_nan(total, math_ops.square(count)))
        loss = math_ops.reduce_sum(rows * weights)
        add_loss(loss)
        return loss


def mean_squared_error(predictions, labels=None, weights=1.0, scope=None):
    """(predictions - labels)^2"""
    with ops.name_scope(scope, "mean_squared_error", [predictions, labels, weights]) as scope:
        predictions, labels = _pair(predictions, labels)
        losses = math_ops.squared_difference(predictions, labels)
        return compute_weighted_loss(losses, weights, scope)


def sigmoid_cross_entropy(logits, multi_class_labels, weights=1.0, label_smoothing=0, scope=None):
    """The cross entropy of sigmoid(logits)."""
    with ops.name_scope(scope, "sigmoid_cross_entropy_loss",
                        [logits, multi_class_labels, weights]) as scope:
        logits.get_shape().assert_is_compatible_with(multi_class_labels.get_shape())
        labels = math_ops.cast(multi_class_labels, logits.dtype)
        if label_smoothing > 0:
            labels = labels * (1 - label_smoothing) + 0.5 * label_smoothing
        losses = nn_losses.sigmoid_cross_entropy_with_logits(labels=labels, logits=logits,
                                                             name="xentropy")
        return compute_weighted_loss(losses, weights, scope)


def softmax_cross_entropy(logits, onehot_labels, weights=1.0, label_smoothing=0, scope=None):
    """The cross entropy of softmax(logits)."""
    with ops.name_scope(scope, "softmax_cross_entropy_loss",
                        [logits, onehot_labels, weights]) as scope:
        logits.get_shape().assert_is_compatible_with(onehot_labels.get_shape())
        labels = math_ops.cast(onehot_labels, logits.dtype)
        if label_smoothing > 0:
            count = math_ops.cast(array_ops.shape(labels)[1], logits.dtype)
            labels = labels * (1.0 - label_smoothing) + label_smoothing / count
        losses = nn_losses.softmax_cross_entropy_with_logits(labels=labels, logits=logits,
                                                             name="xentropy")
        return compute_weighted_loss(losses, weights, scope)


def sparse_softmax_cross_entropy(logits, labels, weights=1.0, scope=None):
    """The cross entropy of softmax(logits) with classes given by number."""
    with ops.name_scope(scope, "sparse_softmax_cross_entropy_loss",
                        [logits, labels, weights]) as scope:
        labels = array_ops.reshape(labels, shape=[array_ops.shape(labels)[0]])
        losses = nn_losses.sparse_softmax_cross_entropy_with_logits(
            labels=labels, logits=logits, name="xentropy")
        return compute_weighted_loss(losses, weights, scope)
