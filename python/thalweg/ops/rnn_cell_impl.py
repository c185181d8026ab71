# SPDX-License-Identifier: Apache-2.0
"""Cells of recurrent networks: one step, from an input and a state to an output and the next
state. A cell is a layer: its variables are made at the first step and shared by the others."""
from thalweg.framework import constant_op, dtypes
from thalweg.layers import base
from thalweg.ops import array_ops, clip_ops, init_ops, math_ops, nn_ops
from thalweg.ops import variable_scope as vs
from thalweg.ops.rnn_cell_base import (  # noqa: F401
    LayerRNNCell, LSTMStateTuple, RNNCell, _concat, _zero_state_tensors, assert_like_rnncell)
from thalweg.ops.rnn_cell_wrappers import (  # noqa: F401
    DeviceWrapper, DropoutWrapper, MultiRNNCell, ResidualWrapper)

_BIAS_VARIABLE_NAME = "bias"
_WEIGHTS_VARIABLE_NAME = "kernel"


def _width(cell, shape):
    """The number of columns of an input, which must be known."""
    last = None if shape.ndims is None else shape.dims[-1].value
    if last is None:
        raise ValueError("Expected inputs.shape[-1] to be known, saw shape: %s" % shape)
    return last


def _as_activation(activation):
    """A function; names are those of tf.nn."""
    if activation is None:
        return math_ops.tanh
    if isinstance(activation, str):
        found = getattr(nn_ops, activation, None) or getattr(math_ops, activation, None)
        if found is None:
            raise ValueError("Unknown activation function: %s" % activation)
        return found
    return activation


def _check_matrix(inputs, shape=None):
    if inputs.get_shape().ndims not in (None, 2):
        raise ValueError("inputs must be a matrix, saw shape: %s" % inputs.get_shape())


# ---- plain cells ----

class BasicRNNCell(LayerRNNCell):
    """output = state = activation([inputs, state] * kernel + bias)"""

    def __init__(self, num_units, activation=None, reuse=None, name=None, dtype=None, **kwargs):
        LayerRNNCell.__init__(self, _reuse=reuse, name=name, dtype=dtype, **kwargs)
        self.input_spec = base.InputSpec(ndim=2)
        self._num_units, self._activation = num_units, _as_activation(activation)

    state_size = property(lambda self: self._num_units)
    output_size = property(lambda self: self._num_units)

    def build(self, inputs_shape):
        depth = _width(self, inputs_shape)
        self._kernel = self.add_variable(_WEIGHTS_VARIABLE_NAME,
                                         shape=[depth + self._num_units, self._num_units])
        self._bias = self.add_variable(_BIAS_VARIABLE_NAME, shape=[self._num_units],
                                       initializer=init_ops.zeros_initializer(dtype=self.dtype))
        self.built = True

    def call(self, inputs, state):
        both = array_ops.concat([inputs, state], 1)
        output = self._activation(nn_ops.bias_add(math_ops.matmul(both, self._kernel), self._bias))
        return output, output


class GRUCell(LayerRNNCell):
    """The cell of Cho et al. (2014): gates say what of the state is looked at and what is kept."""

    def __init__(self, num_units, activation=None, reuse=None, kernel_initializer=None,
                 bias_initializer=None, name=None, dtype=None, **kwargs):
        LayerRNNCell.__init__(self, _reuse=reuse, name=name, dtype=dtype, **kwargs)
        self.input_spec = base.InputSpec(ndim=2)
        self._num_units, self._activation = num_units, _as_activation(activation)
        self._kernel_initializer, self._bias_initializer = kernel_initializer, bias_initializer

    state_size = property(lambda self: self._num_units)
    output_size = property(lambda self: self._num_units)

    def build(self, inputs_shape):
        rows, units = _width(self, inputs_shape) + self._num_units, self._num_units
        own = self._bias_initializer
        self._gate_kernel = self.add_variable(
            "gates/kernel", shape=[rows, 2 * units], initializer=self._kernel_initializer)
        self._gate_bias = self.add_variable(
            "gates/bias", shape=[2 * units],
            initializer=init_ops.constant_initializer(1.0, dtype=self.dtype) if own is None
            else own)
        self._candidate_kernel = self.add_variable(
            "candidate/kernel", shape=[rows, units], initializer=self._kernel_initializer)
        self._candidate_bias = self.add_variable(
            "candidate/bias", shape=[units],
            initializer=init_ops.zeros_initializer(dtype=self.dtype) if own is None else own)
        self.built = True

    def call(self, inputs, state):
        both = array_ops.concat([inputs, state], 1)
        gates = math_ops.sigmoid(nn_ops.bias_add(
            math_ops.matmul(both, self._gate_kernel), self._gate_bias))
        looked, kept = array_ops.split(value=gates, num_or_size_splits=2, axis=1)
        both = array_ops.concat([inputs, looked * state], 1)
        candidate = self._activation(nn_ops.bias_add(
            math_ops.matmul(both, self._candidate_kernel), self._candidate_bias))
        new_state = kept * state + (1 - kept) * candidate
        return new_state, new_state


# ---- LSTM ----

class BasicLSTMCell(LayerRNNCell):
    """The cell of Zaremba et al. (2014): an LSTM without peepholes, bounds and projection."""

    def __init__(self, num_units, forget_bias=1.0, state_is_tuple=True, activation=None, reuse=None,
                 name=None, dtype=None, **kwargs):
        LayerRNNCell.__init__(self, _reuse=reuse, name=name, dtype=dtype, **kwargs)
        self.input_spec = base.InputSpec(ndim=2)
        self._num_units, self._forget_bias = num_units, forget_bias
        self._state_is_tuple, self._activation = state_is_tuple, _as_activation(activation)

    @property
    def state_size(self):
        units = self._num_units
        return LSTMStateTuple(units, units) if self._state_is_tuple else 2 * units

    output_size = property(lambda self: self._num_units)

    def build(self, inputs_shape):
        depth, units = _width(self, inputs_shape), self._num_units
        self._kernel = self.add_variable(_WEIGHTS_VARIABLE_NAME, shape=[depth + units, 4 * units])
        self._bias = self.add_variable(_BIAS_VARIABLE_NAME, shape=[4 * units],
                                       initializer=init_ops.zeros_initializer(dtype=self.dtype))
        self.built = True

    def call(self, inputs, state):
        one = constant_op.constant(1, dtype=dtypes.int32)
        c, h = state if self._state_is_tuple else array_ops.split(
            value=state, num_or_size_splits=2, axis=one)
        gates = nn_ops.bias_add(
            math_ops.matmul(array_ops.concat([inputs, h], 1), self._kernel), self._bias)
        i, j, f, o = array_ops.split(value=gates, num_or_size_splits=4, axis=one)
        bias = constant_op.constant(self._forget_bias, dtype=f.dtype)
        add, multiply, sigmoid = math_ops.add, math_ops.multiply, math_ops.sigmoid
        new_c = add(multiply(c, sigmoid(add(f, bias))),
                    multiply(sigmoid(i), self._activation(j)))
        new_h = multiply(self._activation(new_c), sigmoid(o))
        if self._state_is_tuple:
            return new_h, LSTMStateTuple(new_c, new_h)
        return new_h, array_ops.concat([new_c, new_h], 1)


def lstm_step(gates, c, diagonals, activation, forget_bias, clip):
    """(next c, output) of an LSTM from its four gates; with the diagonal weights of f, i and o the
    gates see c. `clip` bounds the next c."""
    i, j, f, o = gates
    sigmoid = math_ops.sigmoid
    if diagonals:
        w_f, w_i, w_o = diagonals
        c = sigmoid(f + forget_bias + w_f * c) * c + sigmoid(i + w_i * c) * activation(j)
    else:
        c = sigmoid(f + forget_bias) * c + sigmoid(i) * activation(j)
    c = clip(c)
    return c, sigmoid(o + w_o * c if diagonals else o) * activation(c)


def bounded(x, bound):
    """`x` within -bound .. bound; as it is without a bound."""
    return x if bound is None else clip_ops.clip_by_value(x, -bound, bound)


class LSTMCell(LayerRNNCell):
    """The cell of Hochreiter and Schmidhuber (1997), with peepholes, bounds and a projection of the
    output (Sak et al. 2014) if they are asked for."""

    def __init__(self, num_units, use_peepholes=False, cell_clip=None, initializer=None,
                 num_proj=None, proj_clip=None, num_unit_shards=None, num_proj_shards=None,
                 forget_bias=1.0, state_is_tuple=True, activation=None, reuse=None, name=None,
                 dtype=None, **kwargs):
        LayerRNNCell.__init__(self, _reuse=reuse, name=name, dtype=dtype, **kwargs)
        self.input_spec = base.InputSpec(ndim=2)
        self._num_units, self._use_peepholes = num_units, use_peepholes
        self._cell_clip, self._proj_clip, self._num_proj = cell_clip, proj_clip, num_proj
        self._initializer, self._forget_bias = initializer, forget_bias
        self._num_unit_shards, self._num_proj_shards = num_unit_shards, num_proj_shards
        self._state_is_tuple, self._activation = state_is_tuple, _as_activation(activation)
        self._output_size = num_proj or num_units
        self._state_size = LSTMStateTuple(num_units, self._output_size) if state_is_tuple \
            else num_units + self._output_size

    state_size = property(lambda self: self._state_size)
    output_size = property(lambda self: self._output_size)

    def build(self, inputs_shape):
        depth, units = _width(self, inputs_shape), self._num_units
        pieces = vs.fixed_size_partitioner(self._num_unit_shards) \
            if self._num_unit_shards is not None else None
        self._kernel = self.add_variable(
            _WEIGHTS_VARIABLE_NAME, shape=[depth + self._output_size, 4 * units],
            initializer=self._initializer, partitioner=pieces)
        zeros = init_ops.zeros_initializer if self.dtype is None else \
            init_ops.zeros_initializer(dtype=self.dtype)
        self._bias = self.add_variable(_BIAS_VARIABLE_NAME, shape=[4 * units], initializer=zeros)
        self._diagonals = [self.add_variable(name, shape=[units], initializer=self._initializer)
                           for name in ("w_f_diag", "w_i_diag", "w_o_diag")
                           if self._use_peepholes]
        if self._num_proj is not None:
            pieces = vs.fixed_size_partitioner(self._num_proj_shards) \
                if self._num_proj_shards is not None else None
            self._proj_kernel = self.add_variable(
                "projection/" + _WEIGHTS_VARIABLE_NAME, shape=[units, self._num_proj],
                initializer=self._initializer, partitioner=pieces)
        self.built = True

    def call(self, inputs, state):
        _width(self, inputs.get_shape())
        if self._state_is_tuple:
            c, h = state
        else:
            c = array_ops.slice(state, [0, 0], [-1, self._num_units])
            h = array_ops.slice(state, [0, self._num_units], [-1, self._output_size])
        gates = nn_ops.bias_add(
            math_ops.matmul(array_ops.concat([inputs, h], 1), self._kernel), self._bias)
        c, m = lstm_step(array_ops.split(value=gates, num_or_size_splits=4, axis=1), c,
                         self._diagonals, self._activation, self._forget_bias,
                         lambda c: bounded(c, self._cell_clip))
        if self._num_proj is not None:
            m = bounded(math_ops.matmul(m, self._proj_kernel), self._proj_clip)
        if self._state_is_tuple:
            return m, LSTMStateTuple(c, m)
        return m, array_ops.concat([c, m], 1)
