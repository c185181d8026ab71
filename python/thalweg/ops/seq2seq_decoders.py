# SPDX-License-Identifier: Apache-2.0
"""Networks that unroll a sequence from a state, with and without attention to an encoder's
outputs (the models of TensorFlow 0.x, later tf.contrib.legacy_seq2seq)."""
from thalweg.framework import dtypes, ops
from thalweg.ops import (array_ops, embedding_ops, math_ops, nn_ops, rnn_linear)
from thalweg.ops import variable_scope as vs
from thalweg.util import nest


def _extract_argmax_and_embed(embedding, output_projection=None, update_embedding=True):
    """A loop function: the embedding of the likeliest symbol of the output before."""
    def loop_function(prev, _):
        if output_projection is not None:
            prev = nn_ops.xw_plus_b(prev, output_projection[0], output_projection[1])
        embedded = embedding_ops.embedding_lookup(embedding, math_ops.argmax(prev, 1))
        return embedded if update_embedding else array_ops.stop_gradient(embedded)
    return loop_function


def _next_input(loop_function, prev, given, number):
    """What a step gets: the given input, or what the loop function makes of the output before."""
    if loop_function is None or prev is None:
        return given
    with vs.variable_scope("loop_function", reuse=True):
        return loop_function(prev, number)


def rnn_decoder(decoder_inputs, initial_state, cell, loop_function=None, scope=None):
    """(outputs, last state) of a network that starts in a state. With a loop function, which is
    called with an output and the number of the next step, only the first input counts."""
    with vs.variable_scope(scope or "rnn_decoder"):
        state, outputs, prev = initial_state, [], None
        for number, one in enumerate(decoder_inputs):
            one = _next_input(loop_function, prev, one, number)
            if number > 0:
                vs.get_variable_scope().reuse_variables()
            prev, state = cell(one, state)
            outputs.append(prev)
    return outputs, state


def _check_projection(projection, num_symbols, dtype=None, whole=True):
    """A projection (weights, biases) must lead to as many symbols."""
    if projection is None:
        return
    if whole:
        weights = ops.convert_to_tensor(projection[0], dtype=dtype)
        weights.get_shape().assert_is_compatible_with([None, num_symbols])
    biases = ops.convert_to_tensor(projection[1], dtype=dtype)
    biases.get_shape().assert_is_compatible_with([num_symbols])


def embedding_rnn_decoder(decoder_inputs, initial_state, cell, num_symbols, embedding_size,
                          output_projection=None, feed_previous=False,
                          update_embedding_for_previous=True, scope=None):
    """rnn_decoder() of ids, whose vectors it holds. With `feed_previous` a step gets the likeliest
    symbol of the step before, by way of `output_projection` (weights, biases) if there is one."""
    with vs.variable_scope(scope or "embedding_rnn_decoder") as scope:
        _check_projection(output_projection, num_symbols, scope.dtype)
        embedding = vs.get_variable("embedding", [num_symbols, embedding_size])
        loop_function = _extract_argmax_and_embed(
            embedding, output_projection, update_embedding_for_previous) if feed_previous else None
        vectors = [embedding_ops.embedding_lookup(embedding, one) for one in decoder_inputs]
        return rnn_decoder(vectors, initial_state, cell, loop_function=loop_function)


# ---- attention ----

class _Attention:
    """Weighted means of an encoder's outputs (Bahdanau et al. 2015), one for each head."""

    def __init__(self, states, num_heads, dtype):
        shape = states.get_shape()
        self.length = shape[1].value
        if self.length is None:
            self.length = array_ops.shape(states)[1]
        self.size, self.dtype = shape[2].value, dtype
        # a convolution of size 1 multiplies each of them with a matrix
        self.hidden = array_ops.reshape(states, [-1, self.length, 1, self.size])
        self.features, self.weights = [], []
        for head in range(num_heads):
            matrix = vs.get_variable("AttnW_%d" % head, [1, 1, self.size, self.size], dtype=dtype)
            self.features.append(nn_ops.conv2d(self.hidden, matrix, [1, 1, 1, 1], "SAME"))
            self.weights.append(vs.get_variable("AttnV_%d" % head, [self.size], dtype=dtype))

    def none(self, batch_size):
        """What is attended to before the first step: nothing."""
        sizes = array_ops.stack([batch_size, self.size])
        zeros = [array_ops.zeros(sizes, dtype=self.dtype) for _ in self.weights]
        for one in zeros:
            one.set_shape([None, self.size])
        return zeros

    def __call__(self, query):
        """The means for a state, each (batch, size)."""
        if nest.is_sequence(query):
            parts = nest.flatten(query)
            for part in parts:
                if part.get_shape().ndims not in (None, 2):
                    raise ValueError("attention needs states that are matrices, not %s" % part)
            query = rnn_linear.join(parts)
        return [self._mean(head, query) for head in range(len(self.weights))]

    def _mean(self, head, query):
        with vs.variable_scope("Attention_%d" % head):
            asked = rnn_linear.make(query, self.size)(query)
            asked = array_ops.reshape(asked, [-1, 1, 1, self.size])
            if asked.dtype.base_dtype != dtypes.as_dtype(self.dtype):
                asked = math_ops.cast(asked, self.dtype)
            scores = math_ops.reduce_sum(
                self.weights[head] * math_ops.tanh(self.features[head] + asked), [2, 3])
            mask = array_ops.reshape(nn_ops.softmax(scores), [-1, self.length, 1, 1])
            mean = math_ops.reduce_sum(mask * self.hidden, [1, 2])
            return array_ops.reshape(mean, [-1, self.size])


def _check_attention(decoder_inputs, num_heads, attention_states):
    if not decoder_inputs:
        raise ValueError("Must provide at least 1 input to attention decoder.")
    if num_heads < 1:
        raise ValueError("With less than 1 heads, use a non-attention decoder.")
    if attention_states.get_shape()[2].value is None:
        raise ValueError("Shape[2] of attention_states must be known: %s"
                         % attention_states.get_shape())


def _mixed(inputs, size):
    """[inputs] * weights + biases, the weights being the open scope's."""
    return rnn_linear.make(inputs, size)(inputs)


def attention_decoder(decoder_inputs, initial_state, attention_states, cell, output_size=None,
                      num_heads=1, loop_function=None, dtype=None, scope=None,
                      initial_state_attention=False):
    """rnn_decoder() whose steps see, beside their input, means of `attention_states` (batch, time,
    size), weighted by the state before; and whose outputs are mixed with those of the state after.
    Means are 0 at first, unless `initial_state_attention`."""
    _check_attention(decoder_inputs, num_heads, attention_states)
    output_size = cell.output_size if output_size is None else output_size
    with vs.variable_scope(scope or "attention_decoder", dtype=dtype) as scope:
        batch_size = array_ops.shape(decoder_inputs[0])[0]
        attention = _Attention(attention_states, num_heads, scope.dtype)
        state, outputs, prev = initial_state, [], None
        means = attention.none(batch_size)
        if initial_state_attention:
            means = attention(initial_state)
        for number, one in enumerate(decoder_inputs):
            if number > 0:
                vs.get_variable_scope().reuse_variables()
            one = _next_input(loop_function, prev, one, number)
            size = one.get_shape().with_rank(2)[1].value
            if size is None:
                raise ValueError("Could not infer input size from input: %s" % one.name)
            output, state = cell(_mixed([one] + means, size), state)
            if number == 0 and initial_state_attention:
                with vs.variable_scope(vs.get_variable_scope(), reuse=True):
                    means = attention(state)
            else:
                means = attention(state)
            with vs.variable_scope("AttnOutputProjection"):
                output = _mixed([output] + means, output_size)
            prev = output
            outputs.append(output)
    return outputs, state


def embedding_attention_decoder(decoder_inputs, initial_state, attention_states, cell, num_symbols,
                                embedding_size, num_heads=1, output_size=None,
                                output_projection=None, feed_previous=False,
                                update_embedding_for_previous=True, dtype=None, scope=None,
                                initial_state_attention=False):
    """attention_decoder() of ids; see embedding_rnn_decoder()."""
    output_size = cell.output_size if output_size is None else output_size
    _check_projection(output_projection, num_symbols, dtype, whole=False)
    with vs.variable_scope(scope or "embedding_attention_decoder", dtype=dtype):
        embedding = vs.get_variable("embedding", [num_symbols, embedding_size])
        loop_function = _extract_argmax_and_embed(
            embedding, output_projection, update_embedding_for_previous) if feed_previous else None
        vectors = [embedding_ops.embedding_lookup(embedding, one) for one in decoder_inputs]
        return attention_decoder(
            vectors, initial_state, attention_states, cell, output_size=output_size,
            num_heads=num_heads, loop_function=loop_function,
            initial_state_attention=initial_state_attention)
