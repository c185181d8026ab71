# SPDX-License-Identifier: Apache-2.0
"""Networks of several layers that each go through a sequence in both directions."""
from thalweg.ops import array_ops, rnn
from thalweg.ops import variable_scope as vs


def _check(cells_fw, cells_bw, states_fw, states_bw):
    for cells, which in ((cells_fw, "cells_fw"), (cells_bw, "cells_bw")):
        if not cells:
            raise ValueError("Must specify at least one %s cell for BidirectionalRNN." % which)
        if not isinstance(cells, list):
            raise ValueError("%s must be a list of RNNCells (one per layer)." % which)
    if len(cells_fw) != len(cells_bw):
        raise ValueError("Forward and Backward cells must have the same depth.")
    for states, which in ((states_fw, "initial_states_fw"), (states_bw, "initial_states_bw")):
        if states is not None and (not isinstance(states, list) or len(states) != len(cells_fw)):
            raise ValueError("%s must be a list of state tensors (one per layer)." % which)


def _layers(cells_fw, cells_bw, states_fw, states_bw, scope, layer):
    """(outputs, forward states, backward states): `layer` makes one of each."""
    _check(cells_fw, cells_bw, states_fw, states_bw)
    depth, outputs, forward, backward = len(cells_fw), None, [], []
    firsts = (states or [None] * depth for states in (states_fw, states_bw))
    with vs.variable_scope(scope, "stack_bidirectional_rnn"):
        for i, parts in enumerate(zip(cells_fw, cells_bw, *firsts)):
            with vs.variable_scope("cell_%d" % i) as inner:
                outputs, state_fw, state_bw = layer(inner, outputs, *parts)
            forward.append(state_fw)
            backward.append(state_bw)
    return outputs, tuple(forward), tuple(backward)


def stack_bidirectional_rnn(cells_fw, cells_bw, inputs, initial_states_fw=None,
                            initial_states_bw=None, dtype=None, sequence_length=None, scope=None):
    """(outputs, states of the forward cells, those of the backward ones) over a list of steps; each
    layer's outputs, both directions side by side, are the next one's inputs."""
    def layer(inner, before, cell_fw, cell_bw, state_fw, state_bw):
        return rnn.static_bidirectional_rnn(
            cell_fw, cell_bw, inputs if before is None else before, initial_state_fw=state_fw,
            initial_state_bw=state_bw, sequence_length=sequence_length, dtype=dtype,
            scope=inner)
    return _layers(cells_fw, cells_bw, initial_states_fw, initial_states_bw, scope, layer)


def stack_bidirectional_dynamic_rnn(cells_fw, cells_bw, inputs, initial_states_fw=None,
                                    initial_states_bw=None, dtype=None, sequence_length=None,
                                    parallel_iterations=None, time_major=False, scope=None,
                                    swap_memory=False):
    """The same over a tensor (batch, time, ...), or (time, batch, ...) if `time_major`."""
    def layer(_inner, before, cell_fw, cell_bw, state_fw, state_bw):
        outputs, (last_fw, last_bw) = rnn.bidirectional_dynamic_rnn(
            cell_fw, cell_bw, inputs if before is None else before, initial_state_fw=state_fw,
            initial_state_bw=state_bw, sequence_length=sequence_length, dtype=dtype,
            parallel_iterations=parallel_iterations, swap_memory=swap_memory,
            time_major=time_major)
        return array_ops.concat(outputs, 2), last_fw, last_bw
    return _layers(cells_fw, cells_bw, initial_states_fw, initial_states_bw, scope, layer)
