# SPDX-License-Identifier: Apache-2.0
"""A decoder that keeps the best sequences of each row: beam search."""
from thalweg.framework import dtypes, ops, tensor_shape
from thalweg.ops import array_ops, control_flow_ops, embedding_ops, math_ops, rnn_cell_impl
from thalweg.ops import tensor_array_ops
from thalweg.util import nest

from thalweg.contrib.seq2seq import beam_search, decoder
from thalweg.contrib.seq2seq.beam_search import (
    BeamSearchDecoderOutput, BeamSearchDecoderState, FinalBeamSearchDecoderOutput)


class BeamSearchDecoder(decoder.Decoder):
    """`cell` on `beam_width` beams a row, from start_tokens until end_token. The initial state has
    beam_width rows for each row of the batch: tile_batch() makes them."""

    def __init__(self, cell, embedding, start_tokens, end_token, initial_state, beam_width,
                 output_layer=None, length_penalty_weight=0.0, coverage_penalty_weight=0.0,
                 reorder_tensor_arrays=True):
        rnn_cell_impl.assert_like_rnncell("cell", cell)
        if output_layer is not None and not hasattr(output_layer, "compute_output_shape"):
            raise TypeError("output_layer must be a Layer, received: %s" % type(output_layer))
        self._cell, self._output_layer = cell, output_layer
        self._reorder_tensor_arrays = reorder_tensor_arrays
        self._embedding_fn = embedding if callable(embedding) else (
            lambda ids: embedding_ops.embedding_lookup(embedding, ids))
        self._start_tokens = ops.convert_to_tensor(start_tokens, dtype=dtypes.int32,
                                                   name="start_tokens")
        if self._start_tokens.get_shape().ndims != 1:
            raise ValueError("start_tokens must be a vector")
        self._end_token = ops.convert_to_tensor(end_token, dtype=dtypes.int32, name="end_token")
        if self._end_token.get_shape().ndims != 0:
            raise ValueError("end_token must be a scalar")
        self._beams = beam_search.Beams(array_ops.size(start_tokens), beam_width)
        self._weights = length_penalty_weight, coverage_penalty_weight
        self._initial_cell_state = nest.map_structure(self._beams.split_if_rows, initial_state,
                                                      cell.state_size)
        self._start_tokens = array_ops.tile(
            array_ops.expand_dims(self._start_tokens, 1), [1, beam_width])
        self._start_inputs = self._embedding_fn(self._start_tokens)
        self._finished = self._first_only(False, True, dtypes.bool)

    def _first_only(self, first, others, dtype):
        """(batch, beams): at first all beams are the same, and only one of them may count."""
        zeros = array_ops.zeros([self._beams.batch_size], dtype=dtypes.int32)
        return array_ops.one_hot(zeros, depth=self._beams.width, on_value=first,
                                 off_value=others, dtype=dtype)

    batch_size = property(lambda self: self._beams.batch_size)
    tracks_own_finished = property(lambda self: True)

    @property
    def output_size(self):
        each = tensor_shape.TensorShape([self._beams.width])
        return BeamSearchDecoderOutput(each, each, each)

    @property
    def output_dtype(self):
        dtype = nest.flatten(self._initial_cell_state)[0].dtype
        return BeamSearchDecoderOutput(dtype, dtypes.int32, dtypes.int32)

    def initialize(self, name=None):
        dtype = nest.flatten(self._initial_cell_state)[0].dtype
        log_probs = self._first_only(ops.convert_to_tensor(0.0, dtype=dtype),
                                     ops.convert_to_tensor(-float("inf"), dtype=dtype), dtype)
        attention = beam_search.attention_probs(self._initial_cell_state, self._weights[1])
        state = BeamSearchDecoderState(
            cell_state=self._initial_cell_state, log_probs=log_probs, finished=self._finished,
            lengths=array_ops.zeros([self._beams.batch_size, self._beams.width],
                                    dtype=dtypes.int64),
            accumulated_attention_probs=() if attention is None else attention)
        return self._finished, self._start_inputs, state

    def finalize(self, outputs, final_state, sequence_lengths):
        """The sequences read back from their ends."""
        longest = math_ops.cast(math_ops.reduce_max(final_state.lengths, axis=1), dtypes.int32)
        ids = beam_search.gather_tree(outputs.predicted_ids, outputs.parent_ids,
                                      max_sequence_lengths=longest, end_token=self._end_token)
        if self._reorder_tensor_arrays:
            final_state = final_state._replace(cell_state=nest.map_structure(
                lambda t: self._in_order(t, outputs.parent_ids, final_state.lengths),
                final_state.cell_state))
        return FinalBeamSearchDecoderOutput(ids, outputs), final_state

    def _in_order(self, t, parent_ids, lengths):
        """An array of all steps becomes a tensor in the order of the sequences that came out."""
        if not isinstance(t, tensor_array_ops.TensorArray):
            return t
        steps = t.stack()
        sizes = array_ops.shape(steps)
        beams = array_ops.reshape(steps, array_ops.concat(
            ([sizes[0], self._beams.batch_size, self._beams.width], sizes[2:]), 0))
        made = beam_search.gather_tree_from_array(beams, parent_ids, lengths)
        return array_ops.reshape(made, sizes)

    def step(self, time, inputs, state, name=None):
        with ops.name_scope(name, "BeamSearchDecoderStep", (time, inputs, state)):
            sizes = self._cell.state_size
            inputs = nest.map_structure(
                lambda one: self._beams.merge(one, one.get_shape()[2:]), inputs)
            cell_state = nest.map_structure(self._beams.merge_if_rows, state.cell_state, sizes)
            outputs, cell_state = self._cell(inputs, cell_state)
            outputs = nest.map_structure(
                lambda one: self._beams.split(one, one.get_shape()[1:]), outputs)
            cell_state = nest.map_structure(self._beams.split_if_rows, cell_state, sizes)
            if self._output_layer is not None:
                outputs = self._output_layer(outputs)
            made, next_state = beam_search.search_step(
                self._beams, outputs, cell_state, state, self._end_token, *self._weights)
            next_inputs = control_flow_ops.cond(
                math_ops.reduce_all(next_state.finished), lambda: self._start_inputs,
                lambda: self._embedding_fn(made.predicted_ids))
        return made, next_state, next_inputs, next_state.finished
