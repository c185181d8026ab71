# SPDX-License-Identifier: Apache-2.0
"""Recurrent networks with a step for each input of a list."""
from thalweg.compat import behaviour
from thalweg.framework import ops, tensor_shape
from thalweg.ops import array_ops, rnn_cell_impl, rnn_linear, rnn_steps
from thalweg.ops import variable_scope as vs
from thalweg.util import nest


def _check_inputs(inputs):
    if not nest.is_sequence(inputs):
        raise TypeError("inputs must be a sequence")
    if not inputs:
        raise ValueError("inputs must not be empty")


def _batch(inputs):
    """(the number of rows as far as known, a number or a tensor of them)."""
    flat = nest.flatten(inputs)
    first, rank = flat[0], 2
    strict = behaviour.rnn_inputs == "known"
    if first.get_shape().ndims == 1 or not strict:
        rank, strict = 1, False  # ids, which a wrapper looks up
    batch = first.get_shape().with_rank_at_least(rank).dims
    batch = tensor_shape.Dimension(None) if batch is None else batch[0]
    for one in flat if strict else []:
        shape = one.get_shape().with_rank_at_least(2)
        if shape.ndims is None:
            raise ValueError("Input size must be accessible via shape inference, but saw value "
                             "None.")
        batch.merge_with(shape[0])
        for number, size in enumerate(shape[1:].as_list()):
            if size is None:
                raise ValueError("Input size (dimension %d of inputs) must be accessible via shape "
                                 "inference, but saw value None." % number)
    return batch.value, batch.value or array_ops.shape(first)[0]


def _zeros(size, batch_size, known_batch, dtype):
    zeros = rnn_steps.zero_output(size, batch_size, dtype)
    zeros.set_shape(rnn_cell_impl._concat(known_batch, size, static=True))
    return zeros


def static_rnn(cell, inputs, initial_state=None, dtype=None, sequence_length=None, scope=None):
    """(outputs, last state) of a network of as many steps as there are inputs, each (batch, size).

    The first state is `initial_state`, or zeros of `dtype`. A row gives zeros, and keeps its state,
    from its length on, where `sequence_length` says that."""
    rnn_cell_impl.assert_like_rnncell("cell", cell)
    _check_inputs(inputs)
    outputs = []
    with rnn_steps.open_scope(scope) as scope:
        known_batch, batch_size = _batch(inputs)
        state = rnn_steps.first_state(cell, initial_state, batch_size, dtype)
        if sequence_length is not None:
            lengths = ops.convert_to_tensor(sequence_length, name="sequence_length")
            if lengths.get_shape().ndims not in (None, 1):
                raise ValueError("sequence_length must be a vector of length batch_size")
            state_dtype = rnn_steps.infer_state_dtype(dtype, state)
            zeros = nest.map_structure(
                lambda size: _zeros(size, batch_size, known_batch, state_dtype), cell.output_size)
            lengths = rnn_steps.Lengths(rnn_steps.checked_lengths(lengths))
        for time, one in enumerate(inputs):
            if time > 0:
                scope.reuse_variables()
            if sequence_length is None:
                output, state = cell(one, state)
            else:
                output, state = rnn_steps.step(
                    time, lengths, zeros, state, lambda one=one, state=state: cell(one, state),
                    False)
            outputs.append(output)
        return outputs, state


def static_state_saving_rnn(cell, inputs, state_saver, state_name, sequence_length=None,
                            scope=None):
    """As static_rnn(); the first state comes from `state_saver.state(name)`, and the last one goes
    to `state_saver.save_state(name, state)` before the last output is known."""
    sizes = cell.state_size
    if nest.is_sequence(sizes) != nest.is_sequence(state_name):
        raise ValueError("state_name should be the same type as cell.state_size.  state_name: %s, "
                         "cell.state_size: %s" % (state_name, sizes))
    names = nest.flatten(state_name)
    if len(names) != len(nest.flatten(sizes)):
        raise ValueError("#elems(state_name) != #elems(state_size): %d vs. %d"
                         % (len(names), len(nest.flatten(sizes))))
    first = nest.pack_sequence_as(sizes, [state_saver.state(name) for name in names])
    outputs, state = static_rnn(cell, inputs, initial_state=first,
                                sequence_length=sequence_length, scope=scope)
    saved = [state_saver.save_state(name, part)
             for name, part in zip(names, nest.flatten(state))]
    with ops.control_dependencies(saved):
        outputs[-1] = nest.map_structure(array_ops.identity, outputs[-1])
        state = nest.map_structure(array_ops.identity, state)
    return outputs, state


def static_bidirectional_rnn(cell_fw, cell_bw, inputs, initial_state_fw=None,
                             initial_state_bw=None, dtype=None, sequence_length=None, scope=None):
    """(outputs, last state forwards, last state backwards) of two networks, of which one goes
    through the inputs from the end; their outputs stand side by side."""
    rnn_cell_impl.assert_like_rnncell("cell_fw", cell_fw)
    rnn_cell_impl.assert_like_rnncell("cell_bw", cell_bw)
    _check_inputs(inputs)
    with vs.variable_scope(scope or rnn_steps.scope_name("both")):
        with vs.variable_scope(rnn_steps.scope_name("fw")) as forth:
            output_fw, state_fw = static_rnn(
                cell_fw, inputs, initial_state_fw, dtype, sequence_length, scope=forth)
        with vs.variable_scope(rnn_steps.scope_name("bw")) as back:
            turned, state_bw = static_rnn(
                cell_bw, rnn_steps.reverse_list(inputs, sequence_length), initial_state_bw, dtype,
                sequence_length, scope=back)
    output_bw = rnn_steps.reverse_list(turned, sequence_length)
    sides = zip(nest.flatten(output_fw), nest.flatten(output_bw))
    outputs = nest.pack_sequence_as(output_fw, [rnn_linear.join(pair) for pair in sides])
    return outputs, state_fw, state_bw
