# SPDX-License-Identifier: Apache-2.0
"""Losses of sequences that are lists of steps, and models of several lengths."""
from thalweg.compat import behaviour
from thalweg.framework import ops
from thalweg.ops import array_ops, math_ops, nn_ops
from thalweg.ops import variable_scope as vs


def _cross_entropy(logits, targets, function):
    if function is None:
        return nn_ops.sparse_softmax_cross_entropy_with_logits(
            labels=array_ops.reshape(targets, [-1]), logits=logits)
    if behaviour.sequence_loss_function == "logits first":
        return function(logits, targets)
    return function(labels=targets, logits=logits)


def sequence_loss_by_example(logits, targets, weights, average_across_timesteps=True,
                             softmax_loss_function=None, name=None):
    """The weighted cross-entropy of each row of a batch, summed over the steps (or divided by the
    sum of the weights)."""
    if not len(targets) == len(logits) == len(weights):
        raise ValueError("Lengths of logits, weights, and targets must be the same %d, %d, %d."
                         % (len(logits), len(weights), len(targets)))
    with ops.name_scope(name, "sequence_loss_by_example",
                        list(logits) + list(targets) + list(weights)):
        losses = math_ops.add_n([
            _cross_entropy(logit, target, softmax_loss_function) * weight
            for logit, target, weight in zip(logits, targets, weights)])
        if average_across_timesteps:
            total = math_ops.add_n(weights)
            total += 1e-12  # all weights of a row may be 0
            losses /= total
    return losses


def sequence_loss(logits, targets, weights, average_across_timesteps=True,
                  average_across_batch=True, softmax_loss_function=None, name=None):
    """The weighted cross-entropy of a batch, averaged over steps and rows as wanted."""
    with ops.name_scope(name, "sequence_loss", list(logits) + list(targets) + list(weights)):
        cost = math_ops.reduce_sum(sequence_loss_by_example(
            logits, targets, weights, average_across_timesteps=average_across_timesteps,
            softmax_loss_function=softmax_loss_function))
        if not average_across_batch:
            return cost
        return cost / math_ops.cast(array_ops.shape(targets[0])[0], cost.dtype)


def model_with_buckets(encoder_inputs, decoder_inputs, targets, weights, buckets, seq2seq,
                       softmax_loss_function=None, per_example_loss=False, name=None):
    """([outputs], [loss]) of a model `seq2seq(encoder inputs, decoder inputs)` for each of several
    lengths (encoder steps, decoder steps), with one set of variables."""
    for what, given, wanted in (("encoder_inputs", encoder_inputs, buckets[-1][0]),
                                ("targets", targets, buckets[-1][1]),
                                ("weights", weights, buckets[-1][1])):
        if len(given) < wanted:
            raise ValueError("Length of %s (%d) must be at least that of last bucket (%d)."
                             % (what, len(given), wanted))
    loss = sequence_loss_by_example if per_example_loss else sequence_loss
    outputs, losses = [], []
    with ops.name_scope(name, "model_with_buckets", list(encoder_inputs) + list(decoder_inputs)
                        + list(targets) + list(weights)):
        for number, (read, written) in enumerate(buckets):
            with vs.variable_scope(vs.get_variable_scope(), reuse=True if number else None):
                found, _ = seq2seq(encoder_inputs[:read], decoder_inputs[:written])
                outputs.append(found)
                losses.append(loss(found, targets[:written], weights[:written],
                                   softmax_loss_function=softmax_loss_function))
    return outputs, losses
