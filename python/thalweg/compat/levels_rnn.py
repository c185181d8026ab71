# SPDX-License-Identifier: Apache-2.0
"""The part of levels.py that is about recurrent networks."""

# Columns as in levels.NAMES.
NAMES = """\
0.8 | ops.rnn      | nn | bidirectional_rnn=ops.rnn_old:bidirectional_rnn
1.0 | ops.rnn      | nn | rnn=ops.rnn_static:static_rnn
                          state_saving_rnn=ops.rnn_static:static_state_saving_rnn
                          bidirectional_rnn=ops.rnn_static:static_bidirectional_rnn
1.0 | ops.nn       | nn | seq2seq=ops.seq2seq:
1.0 | ops.rnn_cell | nn.rnn_cell | EmbeddingWrapper InputProjectionWrapper OutputProjectionWrapper
0.8 | ops.rnn_cell | nn.rnn_cell | linear=ops.rnn_linear:old_linear
1.2 | ops.rnn_cell | nn.rnn_cell | _linear=ops.rnn_linear:old_linear
1.2 | ops.rnn_cell | - | _get_concat_variable=ops.rnn_cell_old:_get_concat_variable
                         _get_sharded_variable=ops.rnn_cell_old:_get_sharded_variable
"""

SEQ2SEQ = ("attention_decoder basic_rnn_seq2seq embedding_attention_decoder "
           "embedding_attention_seq2seq embedding_rnn_decoder embedding_rnn_seq2seq "
           "embedding_tied_rnn_seq2seq model_with_buckets one2many_rnn_seq2seq rnn_decoder "
           "sequence_loss sequence_loss_by_example tied_rnn_seq2seq")

# The same name, another meaning; oldest first. Columns as in levels.CHANGED.
_I, _W, _C = "ops.rnn_cell_impl.", "ops.rnn_cell_wrappers.", "ops.rnn_cell_contrib."
_ROWS = (
    ("0.8", "ops.rnn_dynamic.", "dynamic_rnn", "ops.rnn_old"),
    ("0.8", _I, "LSTMCell", "ops.rnn_cell_0_7"),
    ("0.8", _C, "InputProjectionWrapper", "ops.rnn_cell_0_7"),
    ("0.8", _C, "EmbeddingWrapper", "ops.rnn_cell_0_7"),
) + tuple(("1.2", home, name, "ops.rnn_cell_old") for home, names in (
    (_I, "RNNCell BasicRNNCell GRUCell BasicLSTMCell LSTMCell"),
    (_W, "DropoutWrapper MultiRNNCell"),
    (_C, "InputProjectionWrapper EmbeddingWrapper OutputProjectionWrapper"),
) for name in names.split())
_D, _M = "ops.seq2seq_decoders.", "ops.seq2seq_models."
_ROWS += tuple(("0.8", home, name, "ops.seq2seq_old") for home, names in (
    (_D, "embedding_rnn_decoder embedding_attention_decoder"),
    (_M, "embedding_rnn_seq2seq embedding_tied_rnn_seq2seq embedding_attention_seq2seq"),
) for name in names.split()) + (
    ("0.8", _M, "one2many_rnn_seq2seq", "ops.seq2seq_old:one2many_rnn_seq2seq_0_7"),
    ("1.2", _M, "one2many_rnn_seq2seq", "ops.seq2seq_old"))
CHANGED = "".join("%s | %s%s | %s | -\n" % (
    until, home, name, target if ":" in target else target + ":" + name)
                  for until, home, name, target in _ROWS)

# Columns as in levels.BEHAVIOUR.
BEHAVIOUR = {
    # the scopes of networks: rnn, bidirectional_rnn/fw; or RNN, BiRNN/FW
    "rnn_scopes": ("lower", (("1.0", "upper"),)),
    # the inputs of unrolled networks: of known sizes, or of any
    "rnn_inputs": ("known", (("0.9", "any"),)),
    # the variables of cells: kernel; weights; Linear/Matrix
    "cell_names": ("kernel", (("1.0", "Matrix"), ("1.2", "weights"))),
    # a loss function that is given to sequence_loss(): gets its arguments by name, or logits first
    "sequence_loss_function": ("by name", (("1.0", "logits first"),)),
    # the state of an LSTM cell that does not say: a tuple, or one matrix
    "lstm_state": ("tuple", (("0.11", "matrix"),)),
    # cells on top of each other: input sizes must be the output sizes below, or may be anything
    "cell_inputs": ("any", (("0.8", "checked"),)),
}
