# SPDX-License-Identifier: Apache-2.0
"""Sequence to sequence models of TensorFlow 0.x, later tf.contrib.legacy_seq2seq."""
from thalweg.ops.seq2seq_decoders import (  # noqa: F401
    _extract_argmax_and_embed, attention_decoder, embedding_attention_decoder,
    embedding_rnn_decoder, rnn_decoder)
from thalweg.ops.seq2seq_losses import (  # noqa: F401
    model_with_buckets, sequence_loss, sequence_loss_by_example)
from thalweg.ops.seq2seq_models import (  # noqa: F401
    basic_rnn_seq2seq, embedding_attention_seq2seq, embedding_rnn_seq2seq,
    embedding_tied_rnn_seq2seq, one2many_rnn_seq2seq, tied_rnn_seq2seq)
