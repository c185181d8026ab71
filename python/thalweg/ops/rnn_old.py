# SPDX-License-Identifier: Apache-2.0
"""Recurrent networks as TensorFlow 0.7 had them."""
from thalweg.ops import rnn_dynamic, rnn_linear, rnn_static, rnn_steps
from thalweg.ops import variable_scope as vs


def bidirectional_rnn(cell_fw, cell_bw, inputs, initial_state_fw=None, initial_state_bw=None,
                      dtype=None, sequence_length=None, scope=None):
    """The outputs alone, of two networks of which one goes through the inputs from the end."""
    name = scope or "BiRNN"
    with vs.variable_scope(name + "_FW"):
        output_fw, _ = rnn_static.static_rnn(cell_fw, inputs, initial_state_fw, dtype,
                                             sequence_length)
    with vs.variable_scope(name + "_BW"):
        turned, _ = rnn_static.static_rnn(
            cell_bw, rnn_steps.reverse_list(inputs, sequence_length), initial_state_bw, dtype,
            sequence_length)
    output_bw = rnn_steps.reverse_list(turned, sequence_length)
    return [rnn_linear.join(pair) for pair in zip(output_fw, output_bw)]


def dynamic_rnn(cell, inputs, sequence_length=None, initial_state=None, dtype=None,
                parallel_iterations=None, time_major=False, scope=None):
    """dynamic_rnn() without `swap_memory`."""
    return rnn_dynamic.dynamic_rnn(cell, inputs, sequence_length, initial_state, dtype,
                                   parallel_iterations, False, time_major, scope)
