# SPDX-License-Identifier: Apache-2.0
"""Labels of sequences without a given alignment (CTC): the loss, and decoders."""
from thalweg.framework import ops
from thalweg.framework.sparse_tensor import SparseTensor
from thalweg.ops import array_ops, gen_ctc_ops, math_ops


def _by_time(inputs):
    """Inputs (batch, time, classes) with the time first."""
    inputs = ops.convert_to_tensor(inputs, name="inputs")
    rest = math_ops.range(2, array_ops.rank(inputs))
    return array_ops.transpose(inputs, array_ops.concat([[1, 0], rest], 0))


def ctc_loss(labels, inputs=None, sequence_length=None, preprocess_collapse_repeated=False,
             ctc_merge_repeated=True, ignore_longer_outputs_than_inputs=False, time_major=True,
             logits=None):
    """The loss of each sequence of a batch: labels, a SparseTensor of int32, under logits."""
    if not isinstance(labels, SparseTensor) and isinstance(inputs, SparseTensor):
        labels, inputs = inputs, labels  # the order before 1.0
    if not isinstance(labels, SparseTensor):
        raise TypeError("Expected labels (first argument) to be a SparseTensor")
    inputs = logits if inputs is None else inputs
    if not time_major:
        inputs = _by_time(inputs)
    loss, _ = gen_ctc_ops.ctc_loss(
        inputs, labels.indices, labels.values, sequence_length,
        preprocess_collapse_repeated=preprocess_collapse_repeated,
        ctc_merge_repeated=ctc_merge_repeated,
        ignore_longer_outputs_than_inputs=ignore_longer_outputs_than_inputs)
    return loss


def ctc_greedy_decoder(inputs, sequence_length, merge_repeated=True):
    """([labels as a SparseTensor], minus the sum of the best logits) of each sequence."""
    indices, values, shape, probability = gen_ctc_ops.ctc_greedy_decoder(
        inputs, sequence_length, merge_repeated=merge_repeated)
    return [SparseTensor(indices, values, shape)], probability


def ctc_beam_search_decoder(inputs, sequence_length, beam_width=100, top_paths=1,
                            merge_repeated=True):
    """([the best labels, the second best ...], the logarithms of their probabilities)."""
    indices, values, shapes, probability = gen_ctc_ops.ctc_beam_search_decoder(
        inputs, sequence_length, beam_width=beam_width, top_paths=top_paths,
        merge_repeated=merge_repeated)
    return [SparseTensor(*parts) for parts in zip(indices, values, shapes)], probability
