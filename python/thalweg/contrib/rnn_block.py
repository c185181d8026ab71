# SPDX-License-Identifier: Apache-2.0
"""Cells whose step, or whose whole sequence, is one operation, and what makes other cells look like
the latter (tf.contrib.rnn)."""
from thalweg.framework import constant_op, dtypes
from thalweg.layers import base
from thalweg.ops import array_ops, gen_rnn_ops, init_ops, math_ops
from thalweg.ops import rnn
from thalweg.ops.rnn_cell_impl import LayerRNNCell, LSTMStateTuple, _width

PEEPHOLES = ("w_i_diag", "w_f_diag", "w_o_diag")


class _Block:
    """The variables of an LSTM whose gates are one product, and the operations' arguments."""

    def _add_weights(self, depth, dtype):
        units = self._num_units
        self._kernel = self.add_variable("kernel", [depth + units, 4 * units], dtype=dtype)
        self._bias = self.add_variable("bias", [4 * units], dtype=dtype,
                                       initializer=init_ops.constant_initializer(0.0))
        self._diagonals = [self.add_variable(name, [units], dtype=dtype) for name in PEEPHOLES
                           if self._use_peephole]
        self.built = True

    def _arguments(self, dtype):
        """w, wci, wcf, wco, b; zeros stand for the peepholes that there are not."""
        diagonals = self._diagonals
        if not diagonals:
            diagonals = [constant_op.constant(0, dtype=dtype, shape=[self._num_units])] * 3
        return (self._kernel,) + tuple(diagonals) + (self._bias,)

    def _options(self):
        return {"forget_bias": self._forget_bias, "use_peephole": self._use_peephole,
                "cell_clip": -1 if self._cell_clip is None else self._cell_clip}


class LSTMBlockCell(_Block, LayerRNNCell):
    """BasicLSTMCell, or an LSTM with peepholes, as one operation a step."""

    def __init__(self, num_units, forget_bias=1.0, cell_clip=None, use_peephole=False, dtype=None,
                 reuse=None, name="lstm_cell"):
        LayerRNNCell.__init__(self, _reuse=reuse, dtype=dtype, name=name)
        self._num_units, self._forget_bias = num_units, forget_bias
        self._cell_clip, self._use_peephole = cell_clip, use_peephole
        self.input_spec = base.InputSpec(ndim=2)

    state_size = property(lambda self: LSTMStateTuple(self._num_units, self._num_units))
    output_size = property(lambda self: self._num_units)

    def build(self, inputs_shape):
        self._add_weights(_width(self, inputs_shape), self.dtype)

    def call(self, inputs, state):
        if len(state) != 2:
            raise ValueError("Expecting state to be a tuple with length 2.")
        w, wci, wcf, wco, b = self._arguments(inputs.dtype)
        _, cs, _, _, _, _, h = gen_rnn_ops.lstm_block_cell(
            inputs, state[0], state[1], w, wci, wcf, wco, b, **self._options())
        return h, LSTMStateTuple(cs, h)


class FusedRNNCell:
    """A cell that is called with all steps at once: inputs (time, batch, depth), the first state or
    its type, and how long sequences are; the outputs and the last state."""

    def __call__(self, inputs, initial_state=None, dtype=None, sequence_length=None, scope=None):
        raise NotImplementedError("a fused cell says what it does with all steps")


class LSTMBlockWrapper(base.Layer):
    """What fused LSTMs share: lists of inputs, first states, and sequences of several lengths."""

    num_units = property(lambda self: self._num_units)

    def _first_states(self, initial_state, inputs, dtype):
        if initial_state is not None:
            if len(initial_state) != 2:
                raise ValueError("Expecting initial_state to be a tuple with length 2 or None")
            return list(initial_state)
        if dtype is None:
            raise ValueError("Either initial_state or dtype needs to be specified")
        batch = inputs.get_shape().dims[1].value
        batch = array_ops.shape(inputs)[1] if batch is None else batch
        zeros = array_ops.zeros(array_ops.stack([batch, self.num_units]), dtype=dtype)
        return [zeros, zeros]

    def _last(self, first, made, lengths, batch):
        """Of each sequence what stands behind its last step; the first state, if it has none."""
        states = array_ops.concat([array_ops.expand_dims(first, 0), made], 0)
        return array_ops.gather_nd(states, array_ops.stack(
            [lengths, math_ops.range(batch)], axis=1))

    def call(self, inputs, initial_state=None, dtype=None, sequence_length=None):
        is_list = isinstance(inputs, list)
        whole = array_ops.stack(inputs) if is_list else inputs
        if whole.get_shape().ndims not in (None, 3):
            raise ValueError("Expecting inputs of shape [time_len, batch_size, input_size]")
        first = self._first_states(initial_state, whole, dtype)
        shape = array_ops.shape(whole)
        if sequence_length is not None:
            sequence_length = math_ops.cast(sequence_length, dtypes.int32)
        states, outputs = self._call_cell(whole, first[0], first[1], dtype, sequence_length)
        if sequence_length is not None:
            mask = array_ops.transpose(array_ops.sequence_mask(
                sequence_length, shape[0], dtype=outputs.dtype))
            outputs = outputs * array_ops.expand_dims(mask, -1)
            last = [self._last(f, made, sequence_length, shape[1])
                    for f, made in zip(first, (states, outputs))]
        else:
            last = [states[-1], outputs[-1]]
        if is_list:
            outputs = array_ops.unstack(outputs, num=len(inputs))
        return outputs, LSTMStateTuple(*last)


class LSTMBlockFusedCell(_Block, LSTMBlockWrapper):
    """An LSTM over all steps as one operation."""

    def __init__(self, num_units, forget_bias=1.0, cell_clip=None, use_peephole=False, reuse=None,
                 dtype=None, name="lstm_fused_cell"):
        base.Layer.__init__(self, _reuse=reuse, name=name, dtype=dtype)
        self._num_units, self._forget_bias = num_units, forget_bias
        self._cell_clip, self._use_peephole = cell_clip, use_peephole
        self.input_spec = base.InputSpec(ndim=3)

    def build(self, input_shape):
        self._add_weights(_width(self, input_shape), self.dtype)

    def _call_cell(self, inputs, first_state, first_output, dtype, sequence_length):
        steps = array_ops.shape(inputs)[0] if sequence_length is None \
            else math_ops.reduce_max(sequence_length)
        w, wci, wcf, wco, b = self._arguments(inputs.dtype)
        _, cs, _, _, _, _, h = gen_rnn_ops.block_lstm(
            math_ops.cast(steps, dtypes.int64), inputs, first_state, first_output, w, wci, wcf, wco,
            b, **self._options())
        return cs, h


class GRUBlockCell(LayerRNNCell):
    """GRUCell as one operation a step."""

    _names = ("w_ru", "b_ru", "w_c", "b_c")

    def __init__(self, num_units=None, cell_size=None, reuse=None, name="gru_cell"):
        LayerRNNCell.__init__(self, _reuse=reuse, name=name)
        if (cell_size is None) == (num_units is None):
            raise ValueError("Exactly one of num_units or cell_size must be provided.")
        self._cell_size = num_units if cell_size is None else cell_size
        self.input_spec = base.InputSpec(ndim=2)

    state_size = property(lambda self: self._cell_size)
    output_size = property(lambda self: self._cell_size)

    def build(self, input_shape):
        rows, units = _width(self, input_shape) + self._cell_size, self._cell_size
        shapes = ([rows, 2 * units], [2 * units], [rows, units], [units])
        firsts = (None, init_ops.constant_initializer(1.0), None,
                  init_ops.constant_initializer(0.0))
        self._weights = [self.add_variable(*what[:2], initializer=what[2])
                         for what in zip(self._names, shapes, firsts)]
        self.built = True

    def call(self, inputs, h_prev):
        w_ru, b_ru, w_c, b_c = self._weights
        h = gen_rnn_ops.gru_block_cell(inputs, h_prev, w_ru, w_c, b_ru, b_c)[3]
        return h, h


class GRUBlockCellV2(GRUBlockCell):
    """GRUBlockCell with the names of GRUCell's variables."""

    _names = ("gates/kernel", "gates/bias", "candidate/kernel", "candidate/bias")


class FusedRNNCellAdaptor(FusedRNNCell):
    """A cell, stepped through all steps."""

    def __init__(self, cell, use_dynamic_rnn=False):
        self._cell, self._use_dynamic_rnn = cell, use_dynamic_rnn

    def __call__(self, inputs, initial_state=None, dtype=None, sequence_length=None, scope=None):
        is_list = isinstance(inputs, list)
        if self._use_dynamic_rnn:
            whole = array_ops.stack(inputs) if is_list else inputs
            outputs, state = rnn.dynamic_rnn(
                self._cell, whole, sequence_length=sequence_length, initial_state=initial_state,
                dtype=dtype, time_major=True, scope=scope)
            return (array_ops.unstack(outputs) if is_list else outputs), state
        parts = inputs if is_list else array_ops.unstack(inputs)
        outputs, state = rnn.static_rnn(self._cell, parts, initial_state=initial_state, dtype=dtype,
                                        sequence_length=sequence_length, scope=scope)
        return (outputs if is_list else array_ops.stack(outputs)), state


class TimeReversedFusedRNN(FusedRNNCell):
    """A fused cell that goes through the steps from the last one to the first."""

    def __init__(self, cell):
        self._cell = cell

    def _reverse(self, t, lengths):
        if isinstance(t, list):
            return list(reversed(t))
        if lengths is None:
            return array_ops.reverse_v2(t, [0])
        return array_ops.reverse_sequence(t, lengths, 0, 1)

    def __call__(self, inputs, initial_state=None, dtype=None, sequence_length=None, scope=None):
        inputs = self._reverse(inputs, sequence_length)
        outputs, state = self._cell(inputs, initial_state=initial_state, dtype=dtype,
                                    sequence_length=sequence_length, scope=scope)
        return self._reverse(outputs, sequence_length), state
