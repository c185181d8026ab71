# SPDX-License-Identifier: Apache-2.0
"""Networks that read a sequence and then write one."""
import copy

from thalweg.compat import behaviour
from thalweg.ops import array_ops, control_flow_ops, embedding_ops
from thalweg.ops import rnn_cell_contrib, rnn_cell_old, rnn_linear, rnn_static
from thalweg.ops import seq2seq_decoders as decoders
from thalweg.ops import variable_scope as vs
from thalweg.util import nest


def _wrappers():
    """The cells around cells that the level has."""
    return rnn_cell_contrib if behaviour.cell_names == "kernel" else rnn_cell_old


def _encoder_of(cell):
    """The same cell with variables of its own."""
    return copy.deepcopy(cell) if behaviour.cell_names == "kernel" else cell


def _fed(feed_previous, decode, like):
    """(outputs, state) of `decode(feed_previous)`; of both, as a run chooses, for a tensor. The
    second one shares the first one's variables."""
    if isinstance(feed_previous, bool):
        return decode(feed_previous)
    made = {}

    def branch(feed):
        def flat():
            with vs.variable_scope(vs.get_variable_scope(), reuse=None if feed else True):
                outputs, state = decode(feed)
            made["state"] = state
            return list(outputs) + nest.flatten(state)
        return flat
    found = control_flow_ops.cond(feed_previous, branch(True), branch(False))
    found = [found] if not isinstance(found, (list, tuple)) else list(found)
    count = len(like)
    return found[:count], nest.pack_sequence_as(made["state"], found[count:])


def basic_rnn_seq2seq(encoder_inputs, decoder_inputs, cell, dtype=None, scope=None):
    """(outputs, last state): a network reads, another one of the same kind writes."""
    from thalweg.framework import dtypes
    with vs.variable_scope(scope or "basic_rnn_seq2seq"):
        _, state = rnn_static.static_rnn(_encoder_of(cell), encoder_inputs,
                                         dtype=dtype or dtypes.float32)
        return decoders.rnn_decoder(decoder_inputs, state, cell)


def tied_rnn_seq2seq(encoder_inputs, decoder_inputs, cell, loop_function=None, dtype=None,
                     scope=None):
    """basic_rnn_seq2seq() with one set of variables for both."""
    from thalweg.framework import dtypes
    with vs.variable_scope("combined_tied_rnn_seq2seq"):
        scope = scope or "tied_rnn_seq2seq"
        _, state = rnn_static.static_rnn(cell, encoder_inputs, dtype=dtype or dtypes.float32,
                                         scope=scope)
        vs.get_variable_scope().reuse_variables()
        return decoders.rnn_decoder(decoder_inputs, state, cell, loop_function=loop_function,
                                    scope=scope)


def _encode(encoder_inputs, cell, num_symbols, embedding_size, dtype):
    """(outputs, last state) of a network that reads ids."""
    wrapped = _wrappers().EmbeddingWrapper(
        _encoder_of(cell), embedding_classes=num_symbols, embedding_size=embedding_size)
    return rnn_static.static_rnn(wrapped, encoder_inputs, dtype=dtype)


def embedding_rnn_seq2seq(encoder_inputs, decoder_inputs, cell, num_encoder_symbols,
                          num_decoder_symbols, embedding_size, output_projection=None,
                          feed_previous=False, dtype=None, scope=None):
    """(outputs, last state): a network reads ids, another one writes scores of symbols (or, with an
    output projection, what that makes scores of)."""
    with vs.variable_scope(scope or "embedding_rnn_seq2seq", dtype=dtype) as scope:
        _, state = _encode(encoder_inputs, cell, num_encoder_symbols, embedding_size,
                           dtype or scope.dtype)
        if output_projection is None:
            cell = _wrappers().OutputProjectionWrapper(cell, num_decoder_symbols)
        whole = isinstance(feed_previous, bool)

        def decode(feed):
            return decoders.embedding_rnn_decoder(
                decoder_inputs, state, cell, num_decoder_symbols, embedding_size,
                output_projection=output_projection, feed_previous=feed,
                **({} if whole else {"update_embedding_for_previous": False}))
        return _fed(feed_previous, decode, decoder_inputs)


def embedding_tied_rnn_seq2seq(encoder_inputs, decoder_inputs, cell, num_symbols, embedding_size,
                               num_decoder_symbols=None, output_projection=None,
                               feed_previous=False, dtype=None, scope=None):
    """embedding_rnn_seq2seq() with one set of variables and of vectors for both."""
    with vs.variable_scope(scope or "embedding_tied_rnn_seq2seq", dtype=dtype) as scope:
        dtype = dtype or scope.dtype
        decoders._check_projection(output_projection, num_symbols, dtype)
        embedding = vs.get_variable("embedding", [num_symbols, embedding_size], dtype=dtype)
        read = [embedding_ops.embedding_lookup(embedding, one) for one in encoder_inputs]
        written = [embedding_ops.embedding_lookup(embedding, one) for one in decoder_inputs]
        if output_projection is None:
            cell = _wrappers().OutputProjectionWrapper(
                cell, num_symbols if num_decoder_symbols is None else num_decoder_symbols)
        whole = isinstance(feed_previous, bool)

        def decode(feed):
            loop_function = decoders._extract_argmax_and_embed(
                embedding, output_projection, whole) if feed else None
            return tied_rnn_seq2seq(read, written, cell, loop_function=loop_function, dtype=dtype)
        return _fed(feed_previous, decode, decoder_inputs)


def embedding_attention_seq2seq(encoder_inputs, decoder_inputs, cell, num_encoder_symbols,
                                num_decoder_symbols, embedding_size, num_heads=1,
                                output_projection=None, feed_previous=False, dtype=None,
                                scope=None, initial_state_attention=False):
    """embedding_rnn_seq2seq() that attends to the encoder's outputs while it writes."""
    with vs.variable_scope(scope or "embedding_attention_seq2seq", dtype=dtype) as scope:
        dtype = dtype or scope.dtype
        outputs, state = _encode(encoder_inputs, cell, num_encoder_symbols, embedding_size, dtype)
        states = [array_ops.reshape(one, [-1, 1, cell.output_size]) for one in outputs]
        states = rnn_linear.join(states)
        size = None
        if output_projection is None:
            cell = _wrappers().OutputProjectionWrapper(cell, num_decoder_symbols)
            size = num_decoder_symbols
        whole = isinstance(feed_previous, bool)

        def decode(feed):
            return decoders.embedding_attention_decoder(
                decoder_inputs, state, states, cell, num_decoder_symbols, embedding_size,
                num_heads=num_heads, output_size=size, output_projection=output_projection,
                feed_previous=feed, initial_state_attention=initial_state_attention,
                **({} if whole else {"update_embedding_for_previous": False}))
        return _fed(feed_previous, decode, decoder_inputs)


def one2many_rnn_seq2seq(encoder_inputs, decoder_inputs_dict, enc_cell, dec_cells_dict,
                         num_encoder_symbols, num_decoder_symbols_dict, embedding_size,
                         feed_previous=False, dtype=None, scope=None):
    """({name: outputs}, {name: last state}): one network reads ids, several write scores."""
    outputs, states = {}, {}
    with vs.variable_scope(scope or "one2many_rnn_seq2seq", dtype=dtype) as scope:
        wrapped = _wrappers().EmbeddingWrapper(
            enc_cell, embedding_classes=num_encoder_symbols, embedding_size=embedding_size)
        _, state = rnn_static.static_rnn(wrapped, encoder_inputs, dtype=dtype or scope.dtype)
        for name, decoder_inputs in decoder_inputs_dict.items():
            count = num_decoder_symbols_dict[name]
            with vs.variable_scope("one2many_decoder_" + str(name)):
                cell = _wrappers().OutputProjectionWrapper(dec_cells_dict[name], count)
                whole = isinstance(feed_previous, bool)

                def decode(feed, inputs=decoder_inputs, cell=cell, count=count, whole=whole):
                    return decoders.embedding_rnn_decoder(
                        inputs, state, cell, count, embedding_size, feed_previous=feed,
                        **({} if whole else {"update_embedding_for_previous": False}))
                outputs[name], states[name] = _fed(feed_previous, decode, decoder_inputs)
    return outputs, states
