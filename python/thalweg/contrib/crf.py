# SPDX-License-Identifier: Apache-2.0
"""tf.contrib.crf: conditional random fields of a chain (Lafferty et al. 2001). Scores (batch, time,
tags) say how well tags go with steps, transitions (tags, tags) how well with the tag before."""
import numpy as np

from thalweg.framework import dtypes, node_counts, ops
from thalweg.ops import array_ops, math_ops, rnn, rnn_cell_impl
from thalweg.ops import variable_scope as vs


def _mask(lengths, steps, dtype=dtypes.float32):
    return array_ops.sequence_mask(lengths, maxlen=steps, dtype=dtype)


def crf_unary_score(tag_indices, sequence_lengths, inputs):
    """For each row the sum of its tags' scores."""
    tags = ops.convert_to_tensor(tag_indices)
    picked = math_ops.reduce_sum(
        inputs * array_ops.one_hot(tags, array_ops.shape(inputs)[2], dtype=inputs.dtype), 2)
    return math_ops.reduce_sum(
        picked * _mask(sequence_lengths, array_ops.shape(tags)[1], inputs.dtype), 1)


def crf_binary_score(tag_indices, sequence_lengths, transition_params):
    """For each row the sum of its tags' transitions."""
    tags = ops.convert_to_tensor(tag_indices)
    matrix = ops.convert_to_tensor(transition_params)
    flat = tags[:, :-1] * array_ops.shape(matrix)[0] + tags[:, 1:]
    picked = array_ops.gather(array_ops.reshape(matrix, [-1]), flat)
    mask = _mask(sequence_lengths, array_ops.shape(tags)[1], matrix.dtype)
    return math_ops.reduce_sum(picked * mask[:, 1:], 1)


def crf_sequence_score(inputs, tag_indices, sequence_lengths, transition_params):
    """For each row the score of its tags, not normalized."""
    inputs = ops.convert_to_tensor(inputs)
    return crf_unary_score(tag_indices, sequence_lengths, inputs) + \
        crf_binary_score(tag_indices, sequence_lengths, transition_params)


def crf_multitag_sequence_score(inputs, tag_bitmap, sequence_lengths, transition_params):
    """For each row the logarithm of the summed exponentials of the scores of all sequences whose
    tags are true in a bitmap (batch, time, tags)."""
    allowed = math_ops.cast(tag_bitmap, dtypes.bool)
    inputs = ops.convert_to_tensor(inputs)
    filtered = array_ops.where(allowed, inputs,
                               array_ops.fill(array_ops.shape(inputs), float("-inf")))
    return crf_log_norm(filtered, sequence_lengths, transition_params)


class CrfForwardRnnCell(rnn_cell_impl.RNNCell):
    """A step of the forward algorithm: the state is the logarithm of the sum over all beginnings
    for each tag that they end with."""

    def __init__(self, transition_params):
        rnn_cell_impl.RNNCell.__init__(self)
        self._transitions = array_ops.expand_dims(transition_params, 0)
        self._tags = ops.convert_to_tensor(transition_params).get_shape()[0].value

    state_size = property(lambda self: self._tags)
    output_size = state_size

    def __call__(self, inputs, state, scope=None):
        ways = array_ops.expand_dims(state, 2) + self._transitions
        alphas = inputs + math_ops.reduce_logsumexp(ways, [1])
        return alphas, alphas


class CrfDecodeForwardRnnCell(CrfForwardRnnCell):
    """The same with the best beginning only; the outputs say where it came from."""

    def __call__(self, inputs, state, scope=None):
        ways = array_ops.expand_dims(state, 2) + self._transitions
        best = math_ops.argmax(ways, 1, output_type=dtypes.int32)
        return best, inputs + math_ops.reduce_max(ways, [1])


class CrfDecodeBackwardRnnCell(rnn_cell_impl.RNNCell):
    """A step back: from a tag to the one that it came from."""

    def __init__(self, num_tags):
        rnn_cell_impl.RNNCell.__init__(self)
        self._tags = num_tags

    state_size = property(lambda self: 1)
    output_size = state_size

    def __call__(self, inputs, state, scope=None):
        rows = math_ops.range(array_ops.shape(inputs)[0])
        places = array_ops.stack([rows, array_ops.squeeze(state, [1])], axis=1)
        tags = array_ops.expand_dims(array_ops.gather_nd(inputs, places), -1)
        return tags, tags


def _one_less(lengths):
    lengths = ops.convert_to_tensor(lengths)
    return math_ops.maximum(array_ops.zeros_like(lengths), lengths - 1)


def crf_log_norm(inputs, sequence_lengths, transition_params):
    """For each row the logarithm of the summed exponentials of all sequences' scores."""
    inputs = ops.convert_to_tensor(inputs)
    _, alphas = rnn.dynamic_rnn(
        cell=CrfForwardRnnCell(transition_params), inputs=inputs[:, 1:],
        sequence_length=_one_less(sequence_lengths), initial_state=inputs[:, 0],
        dtype=inputs.dtype)
    norm = math_ops.reduce_logsumexp(alphas, [1])
    return array_ops.where(math_ops.less_equal(sequence_lengths, 0), array_ops.zeros_like(norm),
                           norm)


def crf_log_likelihood(inputs, tag_indices, sequence_lengths, transition_params=None):
    """(the logarithms of the probabilities of rows' tags, the transitions, which are a variable if
    none are given)"""
    inputs = ops.convert_to_tensor(inputs)
    tags = inputs.get_shape()[2].value
    if transition_params is None:
        transition_params = vs.get_variable("transitions", [tags, tags])
    node_counts.add(34)
    score = crf_sequence_score(inputs, tag_indices, sequence_lengths, transition_params)
    return score - crf_log_norm(inputs, sequence_lengths, transition_params), transition_params


def viterbi_decode(score, transition_params):
    """(the best tags of one sequence, their score): of arrays, outside of any graph."""
    trellis, back = np.zeros_like(score), np.zeros_like(score, dtype=np.int32)
    trellis[0] = score[0]
    for t in range(1, score.shape[0]):
        ways = np.expand_dims(trellis[t - 1], 1) + transition_params
        trellis[t] = score[t] + np.max(ways, 0)
        back[t] = np.argmax(ways, 0)
    tags = [np.argmax(trellis[-1])]
    for pointers in back[:0:-1]:
        tags.append(pointers[tags[-1]])
    return tags[::-1], np.max(trellis[-1])


def crf_decode(potentials, transition_params, sequence_length):
    """(the best tags of each row, their scores)"""
    potentials = ops.convert_to_tensor(potentials)
    tags = potentials.get_shape()[2].value
    less = _one_less(sequence_length)
    back, last = rnn.dynamic_rnn(
        CrfDecodeForwardRnnCell(transition_params), inputs=potentials[:, 1:],
        sequence_length=less, initial_state=potentials[:, 0], dtype=dtypes.int32)
    first = array_ops.expand_dims(math_ops.argmax(last, 1, output_type=dtypes.int32), -1)
    back = array_ops.reverse_sequence(back, less, seq_axis=1)
    found, _ = rnn.dynamic_rnn(CrfDecodeBackwardRnnCell(tags), inputs=back, sequence_length=less,
                               initial_state=first, dtype=dtypes.int32)
    found = array_ops.concat([first, array_ops.squeeze(found, [2])], axis=1)
    return (array_ops.reverse_sequence(found, sequence_length, seq_axis=1),
            math_ops.reduce_max(last, 1))
