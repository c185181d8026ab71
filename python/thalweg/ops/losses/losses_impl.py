# SPDX-License-Identifier: Apache-2.0
"""tf.losses: how far predictions are off, weighted and summed up to one number."""
from thalweg.framework import constant_op, dtypes, node_counts, ops, tensor_util
from thalweg.ops import (array_creation, array_shapes, gen_math_ops, gen_nn_ops, math_elementwise,
                         math_reduction, nn_losses, weights_broadcast_ops)
from thalweg.ops.losses import util
from thalweg.ops.nn_activations import one_of


class Reduction:
    """How the losses of the elements become one."""

    NONE = "none"
    SUM = "weighted_sum"
    SUM_OVER_BATCH_SIZE = "weighted_sum_over_batch_size"
    MEAN = "weighted_mean"
    SUM_BY_NONZERO_WEIGHTS = "weighted_sum_by_nonzero_weights"
    SUM_OVER_NONZERO_WEIGHTS = SUM_BY_NONZERO_WEIGHTS

    @classmethod
    def all(cls):
        """All of them."""
        return (cls.NONE, cls.SUM, cls.MEAN, cls.SUM_OVER_BATCH_SIZE, cls.SUM_OVER_NONZERO_WEIGHTS,
                cls.SUM_BY_NONZERO_WEIGHTS)

    @classmethod
    def validate(cls, key):
        """Raises a ValueError for what is none of them."""
        if key not in cls.all():
            raise ValueError("Invalid Reduction Key %s." % key)


_DEFAULT = Reduction.SUM_BY_NONZERO_WEIGHTS
_LOSSES = ops.GraphKeys.LOSSES


def _safe_mean(total, count):
    """total / count; 0 where count is. The sum of one number is TensorFlow's node: later seeds
    follow from the number of nodes, and a plan has no step for it."""
    return gen_math_ops.div_no_nan(math_reduction.reduce_sum(total), count, name="value")


def _num_present(losses, weights, per_batch=False):
    """How many elements have a weight that is not 0."""
    known = tensor_util.constant_value(weights)
    if known is not None and known.ndim == 0 and known == 0:
        return constant_op.constant(0.0, name="num_present")
    with ops.name_scope(None, "num_present", (losses, weights)) as scope:
        present = gen_math_ops.select(gen_math_ops.equal(weights, 0.0),
                                      array_creation.zeros_like(weights),
                                      array_creation.ones_like(weights))
        present = weights_broadcast_ops.broadcast_weights(present, losses)
        if per_batch:
            over = math_elementwise.range(1, array_shapes.rank(present))
            return math_reduction.reduce_sum(present, over, keepdims=True, name=scope)
        return math_reduction.reduce_sum(present, name=scope)


def compute_weighted_loss(losses, weights=1.0, scope=None, loss_collection=_LOSSES,
                          reduction=_DEFAULT):
    """One number of losses: each times its weight, added up, and divided as `reduction` says."""
    Reduction.validate(reduction)
    with ops.name_scope(scope, "weighted_loss", (losses, weights)):
        with ops.control_dependencies([weights_broadcast_ops.assert_broadcastable(weights,
                                                                                  losses)]):
            losses = ops.convert_to_tensor(losses)
            dtype = losses.dtype
            losses = math_elementwise.cast(losses, dtypes.float32)
            weights = math_elementwise.cast(weights, dtypes.float32)
            loss = gen_math_ops.mul(losses, weights)
            if reduction != Reduction.NONE:
                loss = _reduced(loss, losses, weights, reduction)
            loss = math_elementwise.cast(loss, dtype)
            util.add_loss(loss, loss_collection)
            return loss


def _reduced(loss, losses, weights, reduction):
    loss = math_reduction.reduce_sum(loss)
    if reduction == Reduction.MEAN:
        return _safe_mean(loss, math_reduction.reduce_sum(
            array_creation.ones_like(losses) * weights))
    if reduction == Reduction.SUM_BY_NONZERO_WEIGHTS:
        return _safe_mean(loss, _num_present(losses, weights))
    if reduction == Reduction.SUM_OVER_BATCH_SIZE:
        count = math_elementwise.cast(array_shapes.size(losses, name="num_elements"), loss.dtype)
        return _safe_mean(loss, count)
    return loss


def _pair(labels, predictions):
    """Both as floats, of one shape."""
    if labels is None:
        raise ValueError("labels must not be None.")
    if predictions is None:
        raise ValueError("predictions must not be None.")
    predictions = math_elementwise.cast(predictions, dtypes.float32)
    labels = math_elementwise.cast(labels, dtypes.float32)
    predictions.get_shape().assert_is_compatible_with(labels.get_shape())
    return labels, predictions


def absolute_difference(labels, predictions, weights=1.0, scope=None, loss_collection=_LOSSES,
                        reduction=_DEFAULT):
    """|predictions - labels|"""
    with ops.name_scope(scope, "absolute_difference", (predictions, labels, weights)) as scope:
        labels, predictions = _pair(labels, predictions)
        losses = gen_math_ops._abs(gen_math_ops.sub(predictions, labels))
        return compute_weighted_loss(losses, weights, scope, loss_collection, reduction=reduction)


def cosine_distance(labels, predictions, axis=None, weights=1.0, scope=None,
                    loss_collection=_LOSSES, reduction=_DEFAULT, dim=None):
    """1 - the sum of the products along an axis, of vectors that have length 1."""
    axis = one_of("axis", axis, "dim", dim)
    if axis is None:
        raise ValueError("You must specify 'axis'.")
    with ops.name_scope(scope, "cosine_distance_loss", (predictions, labels, weights)) as scope:
        labels, predictions = _pair(labels, predictions)
        products = gen_math_ops.mul(predictions, labels)
        losses = 1 - math_reduction.reduce_sum(products, axis=(axis,), keepdims=True)
        return compute_weighted_loss(losses, weights, scope, loss_collection, reduction=reduction)


def hinge_loss(labels, logits, weights=1.0, scope=None, loss_collection=_LOSSES,
               reduction=_DEFAULT):
    """max(0, 1 - y x) with labels 0 and 1 taken as y = -1 and 1"""
    if labels is None or logits is None:
        raise ValueError("labels and logits must not be None.")
    with ops.name_scope(scope, "hinge_loss", (logits, labels, weights)) as scope:
        labels, logits = _pair(labels, logits)
        signs = gen_math_ops.sub(2 * labels, array_creation.ones_like(labels))
        node_counts.add(-3)  # of the ones, which TensorFlow makes once
        losses = gen_nn_ops.relu(gen_math_ops.sub(array_creation.ones_like(labels),
                                                  gen_math_ops.mul(signs, logits)))
        return compute_weighted_loss(losses, weights, scope, loss_collection, reduction=reduction)


def huber_loss(labels, predictions, weights=1.0, delta=1.0, scope=None, loss_collection=_LOSSES,
               reduction=_DEFAULT):
    """Half the square of small errors, linear beyond delta (Huber 1964)."""
    with ops.name_scope(scope, "huber_loss", (predictions, labels, weights)) as scope:
        labels, predictions = _pair(labels, predictions)
        error = gen_math_ops._abs(gen_math_ops.sub(predictions, labels))
        delta = ops.convert_to_tensor(delta, dtype=error.dtype)
        quadratic = gen_math_ops.minimum(error, delta)
        linear = gen_math_ops.sub(error, quadratic)
        losses = gen_math_ops.add(
            gen_math_ops.mul(ops.convert_to_tensor(0.5, dtype=quadratic.dtype),
                             gen_math_ops.mul(quadratic, quadratic)),
            gen_math_ops.mul(delta, linear))
        node_counts.add(1)
        return compute_weighted_loss(losses, weights, scope, loss_collection, reduction=reduction)


def log_loss(labels, predictions, weights=1.0, epsilon=1e-7, scope=None, loss_collection=_LOSSES,
             reduction=_DEFAULT):
    """-y log(p) - (1 - y) log(1 - p)"""
    with ops.name_scope(scope, "log_loss", (predictions, labels, weights)) as scope:
        labels, predictions = _pair(labels, predictions)
        losses = -gen_math_ops.mul(labels, gen_math_ops.log(predictions + epsilon)) - \
            gen_math_ops.mul(1 - labels, gen_math_ops.log(1 - predictions + epsilon))
        return compute_weighted_loss(losses, weights, scope, loss_collection, reduction=reduction)


def mean_squared_error(labels, predictions, weights=1.0, scope=None, loss_collection=_LOSSES,
                       reduction=_DEFAULT):
    """(predictions - labels)^2"""
    with ops.name_scope(scope, "mean_squared_error", (predictions, labels, weights)) as scope:
        labels, predictions = _pair(labels, predictions)
        losses = gen_math_ops.squared_difference(predictions, labels)
        return compute_weighted_loss(losses, weights, scope, loss_collection, reduction=reduction)


def mean_pairwise_squared_error(labels, predictions, weights=1.0, scope=None,
                                loss_collection=_LOSSES):
    """The mean over pairs of elements of a row of the squared differences between the pair's
    difference in the predictions and that in the labels."""
    with ops.name_scope(scope, "mean_pairwise_squared_error", (predictions, labels, weights)):
        weights = math_elementwise.cast(weights, dtypes.float32)
        labels, predictions = _pair(labels, predictions)
        with ops.control_dependencies([weights_broadcast_ops.assert_broadcastable(weights,
                                                                                  labels)]):
            errors = gen_math_ops.sub(predictions, labels)
            over = math_elementwise.range(1, array_shapes.rank(errors))
            squares = math_reduction.reduce_sum(gen_math_ops.square(errors), over, keepdims=True)
            present = _num_present(errors, weights, per_batch=True)
            first = 2.0 * gen_math_ops.div_no_nan(squares, gen_math_ops.maximum(present - 1, 0),
                                                  name="value")
            total = math_reduction.reduce_sum(errors, over, keepdims=True)
            second = 2.0 * gen_math_ops.div_no_nan(
                gen_math_ops.square(total),
                gen_math_ops.maximum(gen_math_ops.mul(present, present - 1), 0), name="value")
            losses = gen_math_ops.mul(first - second, weights)
            loss = math_reduction.reduce_sum(losses)
            mean = gen_math_ops.select(
                gen_math_ops.greater(math_reduction.reduce_sum(present), 0), loss,
                array_creation.zeros_like(loss), name="value")
            util.add_loss(mean, loss_collection)
            return mean


def _cross_entropy(kind, said, labels, logits, weights, scope, loss_collection, reduction,
                   losses_of):
    """Of labels that are as large as the logits: losses_of(labels, logits), weighted."""
    if labels is None or logits is None:
        raise ValueError("%s and logits must not be None." % said)
    with ops.name_scope(scope, kind, (logits, labels, weights)) as scope:
        logits = ops.convert_to_tensor(logits)
        labels = math_elementwise.cast(labels, logits.dtype)
        logits.get_shape().assert_is_compatible_with(labels.get_shape())
        return compute_weighted_loss(losses_of(labels, logits), weights, scope, loss_collection,
                                     reduction=reduction)


def sigmoid_cross_entropy(multi_class_labels, logits, weights=1.0, label_smoothing=0, scope=None,
                          loss_collection=_LOSSES, reduction=_DEFAULT):
    """The cross entropy of sigmoid(logits), the labels drawn towards a half by
    label_smoothing."""
    def losses_of(labels, logits):
        if label_smoothing > 0:
            labels = labels * (1 - label_smoothing) + 0.5 * label_smoothing
        return nn_losses.sigmoid_cross_entropy_with_logits(labels=labels, logits=logits,
                                                           name="xentropy")
    return _cross_entropy("sigmoid_cross_entropy_loss", "multi_class_labels", multi_class_labels,
                          logits, weights, scope, loss_collection, reduction, losses_of)


def softmax_cross_entropy(onehot_labels, logits, weights=1.0, label_smoothing=0, scope=None,
                          loss_collection=_LOSSES, reduction=_DEFAULT):
    """The cross entropy of softmax(logits), the labels drawn towards equal ones by
    label_smoothing."""
    def losses_of(labels, logits):
        if label_smoothing > 0:
            classes = math_elementwise.cast(array_shapes.shape(labels)[-1], logits.dtype)
            labels = labels * (1.0 - label_smoothing) + label_smoothing / classes
        labels = gen_math_ops.stop_gradient(labels, name="labels_stop_gradient")
        return nn_losses.softmax_cross_entropy_with_logits_v2(labels=labels, logits=logits,
                                                              name="xentropy")
    return _cross_entropy("softmax_cross_entropy_loss", "onehot_labels", onehot_labels, logits,
                          weights, scope, loss_collection, reduction, losses_of)


def sparse_softmax_cross_entropy(labels, logits, weights=1.0, scope=None, loss_collection=_LOSSES,
                                 reduction=_DEFAULT):
    """The cross entropy of softmax(logits) with classes given by number."""
    if labels is None or logits is None:
        raise ValueError("labels and logits must not be None.")
    with ops.name_scope(scope, "sparse_softmax_cross_entropy_loss",
                        (logits, labels, weights)) as scope:
        labels, logits, weights = _without_last(labels, logits, weights)
        losses = nn_losses.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits,
                                                                    name="xentropy")
        return compute_weighted_loss(losses, weights, scope, loss_collection, reduction=reduction)


def _without_last(labels, logits, weights):
    """Labels and weights with a last dimension of 1 too many lose it."""
    labels, logits = ops.convert_to_tensor(labels), ops.convert_to_tensor(logits)
    weights = ops.convert_to_tensor(weights)
    rank = logits.get_shape().ndims
    if rank is not None and labels.get_shape().ndims == rank and \
            labels.get_shape()[-1].is_compatible_with(1):
        labels = array_shapes.squeeze(labels, [-1])
    own, most = weights.get_shape().ndims, labels.get_shape().ndims
    if own and most is not None and own - most == 1 and weights.get_shape()[-1].value == 1:
        weights = array_shapes.squeeze(weights, [-1])
    return labels, logits, weights
