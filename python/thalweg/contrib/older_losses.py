# SPDX-License-Identifier: Apache-2.0
"""tf.contrib.losses: what tf.losses has, with the predictions first."""
from thalweg.framework import dtypes, ops
from thalweg.ops import array_ops, math_ops
from thalweg.ops.losses import losses_impl as _losses
from thalweg.ops.losses.util import (  # noqa: F401 - names of this module too
    add_loss, get_losses, get_regularization_losses, get_total_loss)


def compute_weighted_loss(losses, weights=1.0, scope=None):
    """One number of losses: each times its weight, over the number of weights that are not 0."""
    return _losses.compute_weighted_loss(losses, weights, scope)


def absolute_difference(predictions, labels=None, weights=1.0, scope=None):
    """|predictions - labels|"""
    return _losses.absolute_difference(labels, predictions, weights, scope)


def cosine_distance(predictions, labels=None, axis=None, weights=1.0, scope=None, dim=None):
    """1 - the sum of the products along an axis, of vectors that have length 1."""
    return _losses.cosine_distance(labels, predictions, axis, weights, scope, dim=dim)


def hinge_loss(logits, labels=None, scope=None):
    """max(0, 1 - y x) for each element, with labels 0 and 1 taken as y = -1 and 1."""
    with ops.name_scope(scope, "hinge_loss", [logits, labels]):
        return _losses.hinge_loss(labels, logits, loss_collection=None,
                                  reduction=_losses.Reduction.NONE)


def log_loss(predictions, labels=None, weights=1.0, epsilon=1e-7, scope=None):
    """-y log(p) - (1 - y) log(1 - p)"""
    return _losses.log_loss(labels, predictions, weights, epsilon, scope)


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
    return _losses.mean_squared_error(labels, predictions, weights, scope)


def sigmoid_cross_entropy(logits, multi_class_labels, weights=1.0, label_smoothing=0, scope=None):
    """The cross entropy of sigmoid(logits)."""
    return _losses.sigmoid_cross_entropy(multi_class_labels, logits, weights, label_smoothing,
                                         scope)


def softmax_cross_entropy(logits, onehot_labels, weights=1.0, label_smoothing=0, scope=None):
    """The cross entropy of softmax(logits)."""
    return _losses.softmax_cross_entropy(onehot_labels, logits, weights, label_smoothing, scope)


def sparse_softmax_cross_entropy(logits, labels, weights=1.0, scope=None):
    """The cross entropy of softmax(logits) with classes given by number."""
    return _losses.sparse_softmax_cross_entropy(labels, logits, weights, scope)
