# SPDX-License-Identifier: Apache-2.0
"""What a decoder is, and the loop that runs one for as many steps as a run needs."""
from thalweg.framework import (constant_op, dtypes, node_counts, ops, tensor_shape,
                               tensor_util)
from thalweg.ops import array_ops, control_flow_ops, math_ops, rnn, rnn_steps, tensor_array_ops
from thalweg.ops import variable_scope as vs
from thalweg.util import nest


class Decoder:
    """Makes outputs step by step. `output_size` and `output_dtype` are structures of what a step
    gives for a row: shapes (or numbers) and types."""

    @property
    def batch_size(self):
        """How many rows there are: a number or a tensor."""
        raise NotImplementedError

    @property
    def output_size(self):
        """The shapes of a step's outputs, without rows."""
        raise NotImplementedError

    @property
    def output_dtype(self):
        """The types of a step's outputs."""
        raise NotImplementedError

    def initialize(self, name=None):
        """(which rows have ended, the first inputs, the first state)"""
        raise NotImplementedError

    def step(self, time, inputs, state, name=None):
        """(outputs, next state, next inputs, which rows have ended now)"""
        raise NotImplementedError

    def finalize(self, outputs, final_state, sequence_lengths):
        """What is made of all steps' outputs at the end; without it they stay as they are."""
        raise NotImplementedError

    @property
    def tracks_own_finished(self):
        """Whether what step() says of ends is the last word: rows may begin anew, as a beam's
        do. Otherwise a row that has ended stays so."""
        return False


class _Loop:
    """One call of dynamic_decode()."""

    def __init__(self, decoder, impute, most):
        self.decoder, self.impute, self.most = decoder, impute, most

    def start(self):
        """The loop's variables before the first step."""
        finished, inputs, state = self.decoder.initialize()
        self.zeros = nest.map_structure(
            lambda size, dtype: rnn_steps.zero_output(size, self.decoder.batch_size, dtype),
            self.decoder.output_size, self.decoder.output_dtype)
        if self.most is not None:
            finished = math_ops.logical_or(finished, 0 >= self.most)
        lengths = array_ops.zeros_like(finished, dtype=dtypes.int32)
        time = constant_op.constant(0, dtype=dtypes.int32)
        node_counts.add(6)  # TensorFlow asks for the sizes of outputs twice
        arrays = nest.map_structure(self.array, self.decoder.output_size,
                                    self.decoder.output_dtype)
        return time, arrays, state, inputs, finished, lengths

    def array(self, size, dtype):
        """Where the outputs of all steps go."""
        shape = tensor_shape.as_shape(size) if not isinstance(size, int) else \
            tensor_shape.TensorShape([size])
        rows = tensor_util.constant_value(
            ops.convert_to_tensor(self.decoder.batch_size, name="batch_size"))
        whole = None if shape.ndims is None else tensor_shape.TensorShape(
            [None if rows is None else int(rows)]).concatenate(shape)
        return tensor_array_ops.TensorArray(dtype=dtype, size=0, dynamic_size=True,
                                            element_shape=whole)

    @staticmethod
    def goes_on(_time, _arrays, _state, _inputs, finished, _lengths):
        return math_ops.logical_not(math_ops.reduce_all(finished))

    def body(self, time, arrays, state, inputs, finished, lengths):
        outputs, next_state, next_inputs, ended = self.decoder.step(time, inputs, state)
        if not self.decoder.tracks_own_finished:
            ended = math_ops.logical_or(ended, finished)
        grown = array_ops.where(
            math_ops.logical_not(finished),
            array_ops.fill(array_ops.shape(lengths), time + 1), lengths)
        nest.assert_same_structure(state, next_state)
        nest.assert_same_structure(arrays, outputs)
        nest.assert_same_structure(inputs, next_inputs)
        if self.impute:
            outputs = nest.map_structure(
                lambda out, zero: array_ops.where(finished, zero, out), outputs, self.zeros)
            next_state = nest.map_structure(
                lambda new, old: self.kept(finished, new, old), next_state, state)
        arrays = nest.map_structure(lambda array, out: array.write(time, out), arrays, outputs)
        return time + 1, arrays, next_state, next_inputs, ended, grown

    @staticmethod
    def kept(finished, new, old):
        """The old state where a row had ended. What is no rows' state goes on."""
        if isinstance(old, tensor_array_ops.TensorArray):
            return new
        new.set_shape(old.get_shape())
        return new if new.get_shape().ndims == 0 else array_ops.where(finished, old, new)


def _checked_most(most):
    if most is None:
        return None
    most = ops.convert_to_tensor(most, dtype=dtypes.int32, name="maximum_iterations")
    if most.get_shape().ndims != 0:
        raise ValueError("maximum_iterations must be a scalar")
    return most


def dynamic_decode(decoder, output_time_major=False, impute_finished=False,
                   maximum_iterations=None, parallel_iterations=32, swap_memory=False, scope=None,
                   **kwargs):
    """(outputs, last state, lengths) of a decoder that is run until all rows have ended, or for
    `maximum_iterations` steps.

    Outputs are (batch, time, ...), or (time, batch, ...) if `output_time_major`. With
    `impute_finished` a row that has ended gives zeros and keeps its state."""
    if not isinstance(decoder, Decoder):
        raise TypeError("Expected decoder to be type Decoder, but saw: %s" % type(decoder))
    with vs.variable_scope(scope, "decoder"):
        most = _checked_most(maximum_iterations)
        loop = _Loop(decoder, impute_finished, most)
        _, arrays, state, _, _, lengths = control_flow_ops.while_loop(
            loop.goes_on, loop.body, loop_vars=loop.start(), maximum_iterations=most,
            parallel_iterations=parallel_iterations, swap_memory=swap_memory)
        outputs = nest.map_structure(lambda array: array.stack(), arrays)
        try:
            outputs, state = decoder.finalize(outputs, state, lengths)
        except NotImplementedError:
            pass
        if not output_time_major:
            outputs = nest.map_structure(rnn._transpose_batch_time, outputs)
    return outputs, state, lengths
