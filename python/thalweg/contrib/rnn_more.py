# SPDX-License-Identifier: Apache-2.0
"""More cells of tf.contrib.rnn: attention, highways, coupled gates, convolutions."""
from thalweg.framework import tensor_shape
from thalweg.ops import array_ops, init_ops, math_ops, nn_ops
from thalweg.ops import nn_convolution
from thalweg.ops import rnn_cell_impl as impl
from thalweg.ops import variable_scope as vs
from thalweg.ops.rnn_linear import _Linear
from thalweg.util import nest


class AttentionCellWrapper(impl.RNNCell):
    """A cell that looks back at its last `attn_length` outputs (Bahdanau et al. 2014)."""

    def __init__(self, cell, attn_length, attn_size=None, attn_vec_size=None, input_size=None,
                 state_is_tuple=True, reuse=None):
        impl.RNNCell.__init__(self, _reuse=reuse)
        impl.assert_like_rnncell("cell", cell)
        if nest.is_sequence(cell.state_size) and not state_is_tuple:
            raise ValueError("Cell returns tuple of states, but the flag state_is_tuple is not "
                             "set. State size is: %s" % str(cell.state_size))
        if attn_length <= 0:
            raise ValueError("attn_length should be greater than zero, got %s" % attn_length)
        self._cell, self._attn_length, self._input_size = cell, attn_length, input_size
        self._attn_size = cell.output_size if attn_size is None else attn_size
        self._attn_vec_size = self._attn_size if attn_vec_size is None else attn_vec_size
        self._state_is_tuple = state_is_tuple
        self._products = {}

    output_size = property(lambda self: self._attn_size)

    @property
    def state_size(self):
        size = (self._cell.state_size, self._attn_size, self._attn_size * self._attn_length)
        return size if self._state_is_tuple else sum(size)

    def _product(self, name, args, size):
        if name not in self._products:
            self._products[name] = _Linear(args, size, True)
        return self._products[name](args)

    def _parts(self, state):
        if self._state_is_tuple:
            return state
        inner, size = self._cell.state_size, self._attn_size
        return (array_ops.slice(state, [0, 0], [-1, inner]),
                array_ops.slice(state, [0, inner], [-1, size]),
                array_ops.slice(state, [0, inner + size], [-1, size * self._attn_length]))

    def call(self, inputs, state):
        state, attns, seen = self._parts(state)
        length, size = self._attn_length, self._attn_size
        seen = array_ops.reshape(seen, [-1, length, size])
        width = self._input_size or inputs.get_shape().as_list()[1]
        output, state = self._cell(self._product("input", [inputs, attns], width), state)
        query = array_ops.concat(nest.flatten(state), 1) if self._state_is_tuple else state
        attns, seen = self._attention(query, seen)
        with vs.variable_scope("attn_output_projection"):
            output = self._product("output", [output, attns], size)
        seen = array_ops.concat([seen, array_ops.expand_dims(output, 1)], 1)
        state = (state, attns, array_ops.reshape(seen, [-1, length * size]))
        return output, state if self._state_is_tuple else array_ops.concat(list(state), 1)

    def _attention(self, query, seen):
        """A mean of what was seen, weighted by how it answers the query; and all but the oldest."""
        length, size, width = self._attn_length, self._attn_size, self._attn_vec_size
        with vs.variable_scope("attention"):
            k = vs.get_variable("attn_w", [1, 1, size, width])
            v = vs.get_variable("attn_v", [width])
            hidden = array_ops.reshape(seen, [-1, length, 1, size])
            features = nn_convolution.conv2d(hidden, k, [1, 1, 1, 1], "SAME")
            y = array_ops.reshape(self._product("query", query, width), [-1, 1, 1, width])
            scores = math_ops.reduce_sum(v * math_ops.tanh(features + y), [2, 3])
            weights = array_ops.reshape(nn_ops.softmax(scores), [-1, length, 1, 1])
            mean = math_ops.reduce_sum(weights * hidden, [1, 2])
            return (array_ops.reshape(mean, [-1, size]),
                    array_ops.slice(seen, [0, 1, 0], [-1, -1, -1]))


class HighwayWrapper(impl.RNNCell):
    """A cell whose output is mixed with its input, by gates of the input (Srivastava et al.
    2015)."""

    def __init__(self, cell, couple_carry_transform_gates=True, carry_bias_init=1.0):
        impl.RNNCell.__init__(self)
        self._cell, self._couple = cell, couple_carry_transform_gates
        self._carry_bias_init = carry_bias_init

    state_size = property(lambda self: self._cell.state_size)
    output_size = property(lambda self: self._cell.output_size)

    def zero_state(self, batch_size, dtype):
        return self._cell.zero_state(batch_size, dtype)

    def _gate(self, name, x, first):
        width = x.get_shape().with_rank(2)[1].value
        weights = vs.get_variable(name + "_w", [width, width])
        bias = vs.get_variable(name + "_b", [width],
                               initializer=init_ops.constant_initializer(first))
        return math_ops.sigmoid(nn_ops.xw_plus_b(x, weights, bias))

    def _highway(self, x, y):
        carry = self._gate("carry", x, self._carry_bias_init)
        transform = 1 - carry if self._couple else \
            self._gate("transform", x, -self._carry_bias_init)
        return x * carry + y * transform

    def __call__(self, inputs, state, scope=None):
        outputs, new_state = self._cell(inputs, state, scope=scope)
        nest.assert_same_structure(inputs, outputs)
        return nest.map_structure(self._highway, inputs, outputs), new_state


class CoupledInputForgetGateLSTMCell(impl.RNNCell):
    """An LSTM that takes up as much as it forgets (Greff et al. 2015)."""

    def __init__(self, num_units, use_peepholes=False, initializer=None, num_proj=None,
                 proj_clip=None, num_unit_shards=1, num_proj_shards=1, forget_bias=1.0,
                 state_is_tuple=True, activation=math_ops.tanh, reuse=None, layer_norm=False,
                 norm_gain=1.0, norm_shift=0.0):
        impl.RNNCell.__init__(self, _reuse=reuse)
        if layer_norm or num_unit_shards != 1 or num_proj_shards != 1:
            raise NotImplementedError("layer_norm and shards are not served")
        self._num_units, self._use_peepholes = num_units, use_peepholes
        self._initializer, self._num_proj, self._proj_clip = initializer, num_proj, proj_clip
        self._forget_bias, self._activation = forget_bias, activation
        self._state_is_tuple, self._outputs = state_is_tuple, num_proj or num_units

    output_size = property(lambda self: self._outputs)

    @property
    def state_size(self):
        if self._state_is_tuple:
            return impl.LSTMStateTuple(self._num_units, self._outputs)
        return self._num_units + self._outputs

    def _variable(self, name, shape, dtype, **how):
        return vs.get_variable(name, shape, dtype=dtype, **(how or {
            "initializer": self._initializer}))

    def call(self, inputs, state):
        units, dtype, sigmoid = self._num_units, inputs.dtype, math_ops.sigmoid
        if self._state_is_tuple:
            c, m = state
        else:
            c = array_ops.slice(state, [0, 0], [-1, units])
            m = array_ops.slice(state, [0, units], [-1, self._outputs])
        depth = inputs.get_shape().with_rank(2)[1].value
        if depth is None:
            raise ValueError("Could not infer input size from inputs.get_shape()[-1]")
        weights = self._variable("W_0", [depth + self._outputs, 3 * units], dtype)
        bias = self._variable("B", [3 * units], dtype, initializer=init_ops.zeros_initializer())
        gates = nn_ops.bias_add(math_ops.matmul(array_ops.concat([inputs, m], 1), weights), bias)
        j, f, o = array_ops.split(value=gates, num_or_size_splits=3, axis=1)
        if self._use_peepholes:
            w_f, w_o = (self._variable(name, [units], dtype)
                        for name in ("W_F_diag", "W_O_diag"))
            f = f + w_f * c
        f = sigmoid(f + self._forget_bias)
        c = f * c + (1 - f) * self._activation(j)
        m = sigmoid(o + w_o * c if self._use_peepholes else o) * self._activation(c)
        if self._num_proj is not None:
            m = math_ops.matmul(m, self._variable("W_P_0", [units, self._num_proj], dtype))
            m = impl.bounded(m, self._proj_clip)
        if self._state_is_tuple:
            return m, impl.LSTMStateTuple(c, m)
        return m, array_ops.concat([c, m], 1)


class UGRNNCell(impl.RNNCell):
    """A cell with one gate, which says what is kept (Collins et al. 2016)."""

    def __init__(self, num_units, initializer=None, forget_bias=1.0, activation=math_ops.tanh,
                 reuse=None):
        impl.RNNCell.__init__(self, _reuse=reuse)
        self._num_units, self._initializer = num_units, initializer
        self._forget_bias, self._activation, self._linear = forget_bias, activation, None

    state_size = property(lambda self: self._num_units)
    output_size = property(lambda self: self._num_units)

    def call(self, inputs, state):
        with vs.variable_scope(vs.get_variable_scope(), initializer=self._initializer):
            both = array_ops.concat([inputs, state], 1)
            if self._linear is None:
                self._linear = _Linear([both], 2 * self._num_units, True)
            gate, fresh = array_ops.split(value=self._linear([both]), num_or_size_splits=2, axis=1)
        kept = math_ops.sigmoid(gate + self._forget_bias)
        new = kept * state + (1.0 - kept) * self._activation(fresh)
        return new, new


class ConvLSTMCell(impl.RNNCell):
    """An LSTM whose products are convolutions (Shi et al. 2015)."""

    def __init__(self, conv_ndims, input_shape, output_channels, kernel_shape, use_bias=True,
                 skip_connection=False, forget_bias=1.0, initializers=None,
                 name="conv_lstm_cell"):
        impl.RNNCell.__init__(self, name=name)
        if conv_ndims != len(input_shape) - 1:
            raise ValueError("Invalid input_shape %s for conv_ndims=%d."
                             % (input_shape, conv_ndims))
        if conv_ndims not in (1, 2):
            raise NotImplementedError("convolutions over %d axes are not served" % conv_ndims)
        self._conv_ndims, self._channels = conv_ndims, output_channels
        self._kernel_shape, self._use_bias = list(kernel_shape), use_bias
        self._skip_connection, self._forget_bias = skip_connection, forget_bias
        places = list(input_shape[:-1])
        wide = output_channels + (input_shape[-1] if skip_connection else 0)
        size = tensor_shape.TensorShape(places + [output_channels])
        self._state_size = impl.LSTMStateTuple(
            size, tensor_shape.TensorShape(places + [wide]) if skip_connection else size)
        self._output_size = tensor_shape.TensorShape(places + [wide])

    state_size = property(lambda self: self._state_size)
    output_size = property(lambda self: self._output_size)

    def _product(self, inputs, h, count):
        channels = inputs.get_shape()[-1].value + h.get_shape()[-1].value
        kernel = vs.get_variable("kernel", self._kernel_shape + [channels, count],
                                 dtype=inputs.dtype)
        x = array_ops.concat([inputs, h], self._conv_ndims + 1)
        convolve = nn_convolution.conv1d if self._conv_ndims == 1 else nn_convolution.conv2d
        strides = 1 if self._conv_ndims == 1 else [1, 1, 1, 1]
        y = convolve(x, kernel, strides, "SAME")
        if not self._use_bias:
            return y
        return y + vs.get_variable("biases", [count], dtype=x.dtype,
                                   initializer=init_ops.constant_initializer(0.0, dtype=x.dtype))

    def call(self, inputs, state):
        c, h = state
        axis, sigmoid = self._conv_ndims + 1, math_ops.sigmoid
        both = self._product(inputs, h, 4 * self._channels)
        i, j, f, o = array_ops.split(value=both, num_or_size_splits=4, axis=axis)
        c = sigmoid(f + self._forget_bias) * c + sigmoid(i) * math_ops.tanh(j)
        output = math_ops.tanh(c) * sigmoid(o)
        if self._skip_connection:
            output = array_ops.concat([output, inputs], axis)
        return output, impl.LSTMStateTuple(c, output)


class Conv1DLSTMCell(ConvLSTMCell):
    """ConvLSTMCell over one axis."""

    def __init__(self, name="conv_1d_lstm_cell", **kwargs):
        ConvLSTMCell.__init__(self, conv_ndims=1, name=name, **kwargs)


class Conv2DLSTMCell(ConvLSTMCell):
    """ConvLSTMCell over rows and columns."""

    def __init__(self, name="conv_2d_lstm_cell", **kwargs):
        ConvLSTMCell.__init__(self, conv_ndims=2, name=name, **kwargs)
