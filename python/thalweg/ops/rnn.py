# SPDX-License-Identifier: Apache-2.0
"""Recurrent networks: unrolled ones and loops, in one direction or both."""
from thalweg.ops.rnn_cell_impl import _concat  # noqa: F401
from thalweg.ops.rnn_dynamic import (  # noqa: F401
    _dynamic_rnn_loop, _transpose_batch_time, bidirectional_dynamic_rnn, dynamic_rnn, raw_rnn)
from thalweg.ops.rnn_static import (  # noqa: F401
    static_bidirectional_rnn, static_rnn, static_state_saving_rnn)
from thalweg.ops.rnn_steps import infer_state_dtype as _infer_state_dtype  # noqa: F401
from thalweg.ops.rnn_steps import reverse_list as _reverse_seq  # noqa: F401
