# SPDX-License-Identifier: Apache-2.0
"""Losses of sequences that are one tensor (tf.contrib.seq2seq)."""
from thalweg.framework import node_counts, ops
from thalweg.ops import array_ops, math_ops, nn_ops


def _check(logits, targets, weights, average, total, words):
    if logits.get_shape().ndims not in (None, 3):
        raise ValueError("Logits must be a [batch_size x sequence_length x logits] tensor: "
                         "3-dimensional, not %s" % logits.get_shape())
    for name, one in (("Targets", targets), ("Weights", weights)):
        if one.get_shape().ndims not in (None, 2):
            raise ValueError("%s must be a [batch_size x sequence_length] tensor: 2-dimensional, "
                             "not %s" % (name, one.get_shape()))
    for averaged, summed, word in zip(average, total, words):
        if averaged and summed:
            raise ValueError("average_across_%s and sum_over_%s cannot be set to True at same time"
                             % (word, word))


def _ratio(values, weights, axis):
    """Sums of losses over those of their weights, along one axis."""
    return math_ops.reduce_sum(values, axis=[axis]) / (
        math_ops.reduce_sum(weights, axis=[axis]) + 1e-12)


def sequence_loss(logits, targets, weights, average_across_timesteps=True,
                  average_across_batch=True, sum_over_timesteps=False, sum_over_batch=False,
                  softmax_loss_function=None, name=None):
    """The weighted cross-entropy of (batch, time, classes) against (batch, time), averaged by the
    weights (or summed, divided by the number of them that are not 0) over time and rows as wanted.
    """
    logits, targets = ops.convert_to_tensor(logits), ops.convert_to_tensor(targets)
    weights = ops.convert_to_tensor(weights)
    _check(logits, targets, weights, (average_across_timesteps, average_across_batch),
           (sum_over_timesteps, sum_over_batch), ("timesteps", "batch"))
    with ops.name_scope(name, "sequence_loss", [logits, targets, weights]):
        flat = array_ops.reshape(logits, [-1, array_ops.shape(logits)[2]])
        targets = array_ops.reshape(targets, [-1])
        function = softmax_loss_function or nn_ops.sparse_softmax_cross_entropy_with_logits
        losses = function(labels=targets, logits=flat) * array_ops.reshape(weights, [-1])
        if average_across_timesteps and average_across_batch:
            node_counts.add(-2)
            return math_ops.reduce_sum(losses) / (math_ops.reduce_sum(weights) + 1e-12)
        if sum_over_timesteps and sum_over_batch:
            return math_ops.reduce_sum(losses) / (math_ops.cast(
                math_ops.count_nonzero(weights), losses.dtype) + 1e-12)
        losses = array_ops.reshape(losses, array_ops.shape(logits)[:2])
        if average_across_timesteps:
            return _ratio(losses, weights, 1)
        if average_across_batch:
            return _ratio(losses, weights, 0)
        if sum_over_timesteps or sum_over_batch:
            axis = 1 if sum_over_timesteps else 0
            counted = math_ops.count_nonzero(weights, axis=axis)
            return math_ops.reduce_sum(losses, axis=[axis]) / (
                math_ops.cast(counted, losses.dtype) + 1e-12)
        return losses
