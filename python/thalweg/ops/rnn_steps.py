# SPDX-License-Identifier: Apache-2.0
"""What unrolled and dynamic recurrent networks share: sizes, states, and a step in which the
sequences that have ended stay as they are."""
from thalweg.compat import behaviour
from thalweg.framework import dtypes, ops, tensor_shape
from thalweg.ops import array_ops, control_flow_ops, math_ops, tensor_array_ops
from thalweg.ops import rnn_cell_impl
from thalweg.ops import variable_scope as vs
from thalweg.util import nest

_concat = rnn_cell_impl._concat


# ---- names of scopes ----

_SCOPES = {
    "lower": {"rnn": "rnn", "both": "bidirectional_rnn", "fw": "fw", "bw": "bw"},
    "upper": {"rnn": "RNN", "both": "BiRNN", "fw": "FW", "bw": "BW"},
}


def scope_name(what):
    """The default name of a scope."""
    return _SCOPES[behaviour.rnn_scopes][what]


def open_scope(scope):
    """The scope of a network; inside, each variable is read once, but not from within a loop that
    is around the network."""
    opened = vs.variable_scope(scope or scope_name("rnn"))

    class _Scope:
        def __enter__(self):
            made = opened.__enter__()
            region = ops.get_default_graph()._get_control_flow_context()
            if made.caching_device is None and (
                    region is None or region.GetWhileContext() is None):
                made.set_caching_device(lambda op: op.device)
            return made

        def __exit__(self, *error):
            return opened.__exit__(*error)
    return _Scope()


# ---- states ----

def first_state(cell, initial_state, batch_size, dtype):
    """The given state or, of a type, that of zeros."""
    if initial_state is not None:
        return initial_state
    if not dtype:
        raise ValueError("If there is no initial_state, you must give a dtype.")
    if getattr(cell, "get_initial_state", None) is not None:
        return cell.get_initial_state(inputs=None, batch_size=batch_size, dtype=dtype)
    return cell.zero_state(batch_size, dtype)


def infer_state_dtype(explicit, state):
    """The type that was given, or that of all parts of the state."""
    if explicit is not None:
        return explicit
    if not nest.is_sequence(state):
        return state.dtype
    inferred = [part.dtype for part in nest.flatten(state)]
    if not inferred:
        raise ValueError("Unable to infer dtype from empty state.")
    if any(dtype != inferred[0] for dtype in inferred):
        raise ValueError("State has tensors of different inferred_dtypes. Unable to infer a single "
                         "representative dtype.")
    return inferred[0]


def zero_output(size, batch_size, dtype):
    """Zeros of an output's size."""
    return array_ops.zeros(_concat(batch_size, size), dtype)


def checked_lengths(sequence_length):
    """Lengths as an int32 vector."""
    lengths = math_ops.cast(ops.convert_to_tensor(sequence_length, name="sequence_length"),
                            dtypes.int32)
    if lengths.get_shape().ndims not in (None, 1):
        raise ValueError("sequence_length must be a vector of length batch_size, but saw shape: %s"
                         % lengths.get_shape())
    return lengths


# ---- one step ----

def _kept(ended, old, new):
    """`old` in the rows that have ended, `new` in the others."""
    if isinstance(new, tensor_array_ops.TensorArray) or new.get_shape().ndims == 0:
        return new
    with ops.colocate_with(new):
        return array_ops.where(ended, old, new)


class Lengths:
    """The lengths of the sequences of a batch, with the shortest and the longest."""

    def __init__(self, lengths):
        self.lengths = lengths
        self.shortest = math_ops.reduce_min(lengths)
        self.longest = math_ops.reduce_max(lengths)


def step(time, lengths, zeros, state, call_cell, always):
    """(output, next state) of a step, in which rows that have ended give zeros and keep their
    state. Unless `always`, the cell is not run once all have ended."""
    flat_state, flat_zeros = nest.flatten(state), nest.flatten(zeros)
    ended = time >= lengths.lengths

    def checked_call():
        output, new_state = call_cell()
        nest.assert_same_structure(zeros, output)
        nest.assert_same_structure(state, new_state)
        return nest.flatten(output), nest.flatten(new_state)

    def masked(output, new_state):
        return [_kept(ended, zero, out) for zero, out in zip(flat_zeros, output)] + [
            _kept(ended, old, new) for old, new in zip(flat_state, new_state)]

    def run():
        output, new_state = checked_call()
        return control_flow_ops.cond(
            time < lengths.shortest, lambda: output + new_state,
            lambda: masked(output, new_state))

    if always:
        found = masked(*checked_call())
    else:
        found = control_flow_ops.cond(
            time >= lengths.longest, lambda: flat_zeros + flat_state, run)
    if not isinstance(found, (list, tuple)):
        found = [found]
    if len(found) != len(flat_zeros) + len(flat_state):
        raise ValueError("Internal error: state and output were not concatenated correctly.")
    output, new_state = found[:len(flat_zeros)], found[len(flat_zeros):]
    for one, zero in zip(output, flat_zeros):
        one.set_shape(zero.get_shape())
    for one, old in zip(new_state, flat_state):
        if not isinstance(one, tensor_array_ops.TensorArray):
            one.set_shape(old.get_shape())
    return nest.pack_sequence_as(zeros, output), nest.pack_sequence_as(state, new_state)


# ---- order of steps ----

def reverse_list(inputs, lengths):
    """A list of steps backwards; of each row as many of the first ones as it is long."""
    if lengths is None:
        return list(reversed(inputs))
    flat = [list(step_parts) for step_parts in zip(*[nest.flatten(one) for one in inputs])]
    results = []
    for steps in flat:
        shape = tensor_shape.unknown_shape()
        for one in steps:
            shape.merge_with(one.get_shape())
            one.set_shape(shape)
        joined = array_ops.stack(steps)
        if lengths is not None:
            lengths = math_ops.cast(lengths, dtypes.int64)
        turned = array_ops.unstack(array_ops.reverse_sequence(joined, lengths, 0, 1),
                                   num=len(steps))
        for one, like in zip(turned, steps):
            one.set_shape(like.get_shape())
        results.append(turned)
    return [nest.pack_sequence_as(inputs[0], list(parts)) for parts in zip(*results)]
