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
    "contrib.seq2seq": {
        "ops.seq2seq_whole": "sequence_loss",
        "contrib.seq2seq.decoder": "Decoder dynamic_decode",
        "contrib.seq2seq.basic_decoder": "BasicDecoder BasicDecoderOutput",
        "contrib.seq2seq.helpers": "CustomHelper GreedyEmbeddingHelper Helper InferenceHelper "
                                   "SampleEmbeddingHelper ScheduledEmbeddingTrainingHelper "
                                   "ScheduledOutputTrainingHelper TrainingHelper",
        "contrib.seq2seq.attention": "AttentionMechanism BahdanauAttention "
                                     "BahdanauMonotonicAttention LuongAttention "
                                     "LuongMonotonicAttention hardmax monotonic_attention "
                                     "safe_cumprod",
        "contrib.seq2seq.attention_wrapper": "AttentionWrapper AttentionWrapperState",
        "contrib.seq2seq.beam_search": "BeamSearchDecoderOutput BeamSearchDecoderState "
                                       "FinalBeamSearchDecoderOutput gather_tree "
                                       "gather_tree_from_array tile_batch",
        "contrib.seq2seq.beam_search_decoder": "BeamSearchDecoder",
    },
    "contrib.rnn": {
        "contrib.rnn_block": "FusedRNNCell FusedRNNCellAdaptor GRUBlockCell GRUBlockCellV2 "
                             "LSTMBlockCell LSTMBlockFusedCell LSTMBlockWrapper "
                             "TimeReversedFusedRNN",
        "contrib.rnn_cells": "GLSTMCell IndRNNCell IndyGRUCell IndyLSTMCell IntersectionRNNCell "
                             "NASCell PhasedLSTMCell SRUCell TimeFreqLSTMCell",
        "contrib.rnn_more": "AttentionCellWrapper Conv1DLSTMCell Conv2DLSTMCell ConvLSTMCell "
                            "CoupledInputForgetGateLSTMCell HighwayWrapper UGRNNCell",
        "contrib.stacked_rnn": "stack_bidirectional_dynamic_rnn stack_bidirectional_rnn",
        "ops.rnn_cell_impl": _CELLS + " LayerRNNCell",
        "ops.rnn_cell_contrib": "EmbeddingWrapper InputProjectionWrapper LayerNormBasicLSTMCell "
                                "OutputProjectionWrapper",
        "ops.rnn": "static_bidirectional_rnn static_rnn static_state_saving_rnn "
                   "transpose_batch_time=_transpose_batch_time",
    },
}
