# SPDX-License-Identifier: Apache-2.0
"""Sequence to sequence models as they were: one cell for all decoders before 1.2; before 0.8 the
size of a symbol's vector is the cell's input size."""
from thalweg.framework import dtypes
from thalweg.ops import seq2seq_decoders as decoders
from thalweg.ops import seq2seq_models as models


def one2many_rnn_seq2seq(encoder_inputs, decoder_inputs_dict, cell, num_encoder_symbols,
                         num_decoder_symbols_dict, embedding_size, feed_previous=False, dtype=None,
                         scope=None):
    """({name: outputs}, {name: last state}): one network reads ids, several write scores."""
    return models.one2many_rnn_seq2seq(
        encoder_inputs, decoder_inputs_dict, cell, dict.fromkeys(decoder_inputs_dict, cell),
        num_encoder_symbols, num_decoder_symbols_dict, embedding_size, feed_previous, dtype, scope)


# ---- 0.7 ----

def one2many_rnn_seq2seq_0_7(encoder_inputs, decoder_inputs_dict, cell, num_encoder_symbols,
                             num_decoder_symbols_dict, feed_previous=False, dtype=dtypes.float32,
                             scope=None):
    """({name: outputs}, {name: last state}): one network reads ids, several write scores."""
    return one2many_rnn_seq2seq(
        encoder_inputs, decoder_inputs_dict, cell, num_encoder_symbols, num_decoder_symbols_dict,
        cell.input_size, feed_previous, dtype, scope)


def embedding_rnn_decoder(decoder_inputs, initial_state, cell, num_symbols, output_projection=None,
                          feed_previous=False, scope=None):
    """A decoder of ids."""
    return decoders.embedding_rnn_decoder(
        decoder_inputs, initial_state, cell, num_symbols, cell.input_size, output_projection,
        feed_previous, scope=scope)


def embedding_attention_decoder(decoder_inputs, initial_state, attention_states, cell, num_symbols,
                                num_heads=1, output_size=None, output_projection=None,
                                feed_previous=False, dtype=dtypes.float32, scope=None,
                                initial_state_attention=False):
    """A decoder of ids with attention."""
    return decoders.embedding_attention_decoder(
        decoder_inputs, initial_state, attention_states, cell, num_symbols, cell.input_size,
        num_heads, output_size, output_projection, feed_previous, dtype=dtype, scope=scope,
        initial_state_attention=initial_state_attention)


def embedding_rnn_seq2seq(encoder_inputs, decoder_inputs, cell, num_encoder_symbols,
                          num_decoder_symbols, output_projection=None, feed_previous=False,
                          dtype=dtypes.float32, scope=None):
    """(outputs, last state): a network reads ids, another one writes scores of symbols."""
    return models.embedding_rnn_seq2seq(
        encoder_inputs, decoder_inputs, cell, num_encoder_symbols, num_decoder_symbols,
        cell.input_size, output_projection, feed_previous, dtype, scope)


def embedding_tied_rnn_seq2seq(encoder_inputs, decoder_inputs, cell, num_symbols,
                               output_projection=None, feed_previous=False, dtype=dtypes.float32,
                               scope=None):
    """embedding_rnn_seq2seq() with one set of variables and of vectors for both."""
    return models.embedding_tied_rnn_seq2seq(
        encoder_inputs, decoder_inputs, cell, num_symbols, cell.input_size, None,
        output_projection, feed_previous, dtype, scope)


def embedding_attention_seq2seq(encoder_inputs, decoder_inputs, cell, num_encoder_symbols,
                                num_decoder_symbols, num_heads=1, output_projection=None,
                                feed_previous=False, dtype=dtypes.float32, scope=None,
                                initial_state_attention=False):
    """embedding_rnn_seq2seq() with attention."""
    return models.embedding_attention_seq2seq(
        encoder_inputs, decoder_inputs, cell, num_encoder_symbols, num_decoder_symbols,
        cell.input_size, num_heads, output_projection, feed_previous, dtype, scope,
        initial_state_attention)
