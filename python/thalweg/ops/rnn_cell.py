# SPDX-License-Identifier: Apache-2.0
"""Cells of recurrent networks, all of them."""
from thalweg.ops.rnn_cell_contrib import (  # noqa: F401
    EmbeddingWrapper, InputProjectionWrapper, LayerNormBasicLSTMCell, OutputProjectionWrapper)
from thalweg.ops.rnn_cell_impl import (  # noqa: F401
    BasicLSTMCell, BasicRNNCell, DeviceWrapper, DropoutWrapper, GRUCell, LayerRNNCell, LSTMCell,
    LSTMStateTuple, MultiRNNCell, ResidualWrapper, RNNCell, assert_like_rnncell)
