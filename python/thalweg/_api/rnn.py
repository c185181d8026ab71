# SPDX-License-Identifier: Apache-2.0
"""Public names of recurrent networks."""
from thalweg.compat.levels_rnn import SEQ2SEQ

_CELLS = ("BasicLSTMCell BasicRNNCell DeviceWrapper DropoutWrapper GRUCell LSTMCell LSTMStateTuple "
          "MultiRNNCell RNNCell ResidualWrapper")

NAMES = {
    "nn": {
        "ops.rnn": "bidirectional_dynamic_rnn dynamic_rnn raw_rnn static_bidirectional_rnn "
                   "static_rnn static_state_saving_rnn",
    },
    "nn.rnn_cell": {"ops.rnn_cell_impl": _CELLS},
    "contrib": {},
    "contrib.legacy_seq2seq": {"ops.seq2seq": SEQ2SEQ},
    "contrib.seq2seq": {"ops.seq2seq_whole": "sequence_loss"},
    "contrib.rnn": {
        "ops.rnn_cell_impl": _CELLS + " LayerRNNCell",
        "ops.rnn_cell_contrib": "EmbeddingWrapper InputProjectionWrapper LayerNormBasicLSTMCell "
                                "OutputProjectionWrapper",
        "ops.rnn": "static_bidirectional_rnn static_rnn static_state_saving_rnn "
                   "transpose_batch_time=_transpose_batch_time",
    },
}
