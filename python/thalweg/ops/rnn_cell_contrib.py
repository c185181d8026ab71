# SPDX-License-Identifier: Apache-2.0
"""Cells of tf.contrib.rnn."""
from thalweg.framework import ops
from thalweg.ops import array_ops, embedding_ops, init_ops, math_ops, nn_impl, nn_ops
from thalweg.ops import rnn_cell_impl as impl
from thalweg.ops import variable_scope as vs
from thalweg.ops.rnn_linear import _Linear
from thalweg.ops.rnn_linear import kernel_linear as _linear  # noqa: F401
from thalweg.util import nest


class _Around(impl.RNNCell):
    """A cell around another one, with variables of its own."""

    def __init__(self, cell, reuse=None):
        impl.RNNCell.__init__(self, _reuse=reuse)
        impl.assert_like_rnncell("cell", cell)
        self._cell, self._linear = cell, None

    state_size = property(lambda self: self._cell.state_size)
    output_size = property(lambda self: self._cell.output_size)

    def zero_state(self, batch_size, dtype):
        with ops.name_scope(type(self).__name__ + "ZeroState", values=[batch_size]):
            return self._cell.zero_state(batch_size, dtype)

    def _projected(self, values, size, activation):
        if self._linear is None:
            self._linear = _Linear(values, size, True)
        product = self._linear(values)
        return activation(product) if activation else product


class EmbeddingWrapper(_Around):
    """A cell whose inputs are ids, looked up in a table."""

    def __init__(self, cell, embedding_classes, embedding_size, initializer=None, reuse=None):
        _Around.__init__(self, cell, reuse)
        if embedding_classes <= 0 or embedding_size <= 0:
            raise ValueError("Both embedding_classes and embedding_size must be > 0: %d, %d."
                             % (embedding_classes, embedding_size))
        self._embedding_classes, self._embedding_size = embedding_classes, embedding_size
        self._initializer = initializer

    def call(self, inputs, state):
        with ops.device("/cpu:0"):
            own = self._initializer or vs.get_variable_scope().initializer
            if not own:  # of variance 1
                own = init_ops.random_uniform_initializer(-3 ** 0.5, 3 ** 0.5)
            table = vs.get_variable(
                "embedding", [self._embedding_classes, self._embedding_size], initializer=own,
                dtype=nest.flatten(state)[0].dtype)
            embedded = embedding_ops.embedding_lookup(table, array_ops.reshape(inputs, [-1]))
            return self._cell(embedded, state)


class InputProjectionWrapper(_Around):
    """A cell with a product in front of it."""

    def __init__(self, cell, num_proj, activation=None, input_size=None, reuse=None):
        _Around.__init__(self, cell, reuse)
        self._num_proj, self._activation = num_proj, activation

    def call(self, inputs, state):
        return self._cell(self._projected(inputs, self._num_proj, self._activation), state)


class OutputProjectionWrapper(_Around):
    """A cell with a product behind it."""

    def __init__(self, cell, output_size, activation=None, reuse=None):
        _Around.__init__(self, cell, reuse)
        if output_size < 1:
            raise ValueError("Parameter output_size must be > 0: %d." % output_size)
        self._output_size, self._activation = output_size, activation

    output_size = property(lambda self: self._output_size)

    def call(self, inputs, state):
        output, state = self._cell(inputs, state)
        return self._projected(output, self._output_size, self._activation), state


class LayerNormBasicLSTMCell(impl.RNNCell):
    """An LSTM whose gates and state are normalized (Ba et al. 2016), with dropout of what is
    remembered anew (Semeniuta et al. 2016)."""

    def __init__(self, num_units, forget_bias=1.0, input_size=None, activation=math_ops.tanh,
                 layer_norm=True, norm_gain=1.0, norm_shift=0.0, dropout_keep_prob=1.0,
                 dropout_prob_seed=None, reuse=None):
        impl.RNNCell.__init__(self, _reuse=reuse)
        self._num_units, self._activation, self._forget_bias = num_units, activation, forget_bias
        self._keep_prob, self._seed = dropout_keep_prob, dropout_prob_seed
        self._layer_norm, self._norm_gain, self._norm_shift = layer_norm, norm_gain, norm_shift

    state_size = property(lambda self: impl.LSTMStateTuple(self._num_units, self._num_units))
    output_size = property(lambda self: self._num_units)

    def _norm(self, x, scope):
        """x with mean 0 and variance 1 in each row, scaled and shifted."""
        shape = x.get_shape()[-1:]
        with vs.variable_scope(scope):
            gamma = vs.get_variable("gamma", shape=shape, dtype=x.dtype.base_dtype,
                                    initializer=init_ops.constant_initializer(self._norm_gain))
            beta = vs.get_variable("beta", shape=shape, dtype=x.dtype.base_dtype,
                                   initializer=init_ops.constant_initializer(self._norm_shift))
        with ops.name_scope(scope):
            mean, variance = nn_impl.moments(x, [1], keep_dims=True)
            return nn_impl.batch_normalization(x, mean, variance, beta, gamma, 1e-12)

    def _gates(self, both):
        columns = both.get_shape()[-1].value
        weights = vs.get_variable("kernel", [columns, 4 * self._num_units],
                                  dtype=both.dtype.base_dtype)
        product = math_ops.matmul(both, weights)
        if self._layer_norm:
            return product
        return nn_ops.bias_add(product, vs.get_variable("bias", [4 * self._num_units],
                                                        dtype=both.dtype.base_dtype))

    def call(self, inputs, state):
        c, h = state
        gates = array_ops.split(value=self._gates(array_ops.concat([inputs, h], 1)),
                                num_or_size_splits=4, axis=1)
        if self._layer_norm:
            gates = [self._norm(gate, scope)
                     for gate, scope in zip(gates, ("input", "transform", "forget", "output"))]
        i, j, f, o = gates
        fresh = self._activation(j)
        if isinstance(self._keep_prob, ops.Tensor) or self._keep_prob < 1:
            fresh = nn_ops.dropout(fresh, self._keep_prob, seed=self._seed)
        new_c = c * math_ops.sigmoid(f + self._forget_bias) + math_ops.sigmoid(i) * fresh
        if self._layer_norm:
            new_c = self._norm(new_c, "state")
        new_h = self._activation(new_c) * math_ops.sigmoid(o)
        return new_h, impl.LSTMStateTuple(new_c, new_h)
