# SPDX-License-Identifier: Apache-2.0
"""Recurrent networks as loops, for as many steps as a run's inputs have."""
from thalweg.framework import constant_op, dtypes, ops, tensor_shape
from thalweg.ops import array_ops, control_flow_ops, math_ops, rnn_cell_impl, rnn_steps
from thalweg.ops import tensor_array_ops
from thalweg.ops import variable_scope as vs
from thalweg.util import nest


def _transpose_batch_time(x):
    """`x` with its first two dimensions swapped."""
    shape = x.get_shape()
    if shape.ndims is not None and shape.ndims < 2:
        return x
    rank = array_ops.rank(x)
    swapped = array_ops.transpose(x, array_ops.concat(([1, 0], math_ops.range(2, rank)), axis=0))
    if shape.ndims is not None:
        known = shape.as_list()
        swapped.set_shape([known[1], known[0]] + known[2:])
    return swapped


def _batch_size(flat_inputs):
    """How many rows inputs (time, batch, ...) have: a number if any of them says it."""
    for one in flat_inputs:
        shape = one.get_shape()
        if shape.ndims is None:
            continue
        if shape.ndims < 2:
            raise ValueError("Expected input tensor %s to have rank at least 2" % one)
        if shape[1].value is not None:
            return shape[1].value
    return array_ops.shape(flat_inputs[0])[1]


def _checked_length(lengths, batch_size):
    """The lengths, which a run refuses if there are not as many as rows."""
    found = array_ops.shape(lengths)
    wanted = array_ops.stack([batch_size])
    check = control_flow_ops.Assert(
        math_ops.reduce_all(math_ops.equal(found, wanted)),
        ["Expected shape for Tensor %s is " % lengths.name, wanted, " but saw shape: ", found])
    with ops.control_dependencies([check]):
        return array_ops.identity(lengths, name="CheckSeqLen")


def dynamic_rnn(cell, inputs, sequence_length=None, initial_state=None, dtype=None,
                parallel_iterations=None, swap_memory=False, time_major=False, scope=None):
    """(outputs, last state) of a network that goes through the steps of `inputs`, (batch, time,
    ...) or, if `time_major`, (time, batch, ...).

    The first state is `initial_state`, or zeros of `dtype`. A row gives zeros, and keeps its state,
    from its length on, where `sequence_length` says that."""
    rnn_cell_impl.assert_like_rnncell("cell", cell)
    with rnn_steps.open_scope(scope):
        flat = [ops.convert_to_tensor(one) for one in nest.flatten(inputs)]
        if not time_major:
            flat = [_transpose_batch_time(one) for one in flat]
        lengths = None
        if sequence_length is not None:
            lengths = array_ops.identity(rnn_steps.checked_lengths(sequence_length),
                                         name="sequence_length")
        batch_size = _batch_size(flat)
        state = rnn_steps.first_state(cell, initial_state, batch_size, dtype)
        if lengths is not None:
            lengths = _checked_length(lengths, batch_size)
        outputs, state = _dynamic_rnn_loop(
            cell, nest.pack_sequence_as(inputs, flat), state, parallel_iterations or 32,
            swap_memory, lengths, dtype)
        if not time_major:
            outputs = nest.map_structure(_transpose_batch_time, outputs)
        return outputs, state


def _sizes(flat):
    """(time steps, batch size) as far as known, the same for all inputs."""
    time = batch = None
    for one in flat:
        shape = one.get_shape().with_rank_at_least(2) if one.get_shape().ndims is None or \
            one.get_shape().ndims >= 2 else one.get_shape().with_rank(2)
        if shape.ndims is None or any(size is None for size in shape[2:].as_list()):
            raise ValueError("Input size (depth of inputs) must be accessible via shape inference, "
                             "but saw value None.")
        steps, rows = shape[0].value, shape[1].value
        time, batch = (steps, rows) if one is flat[0] else (time, batch)
        if steps != time:
            raise ValueError("Time steps is not the same for all the elements in the input in a "
                             "batch.")
        if rows != batch:
            raise ValueError("Batch_size is not the same for all the elements in the input.")
    return time, batch


class _Loop:
    """The loop of a dynamic network."""

    def __init__(self, cell, inputs, state, lengths, dtype):
        self.cell, self.structure, self.lengths = cell, inputs, lengths
        self.flat = nest.flatten(inputs)
        self.time, self.batch = _sizes(self.flat)
        self.steps = array_ops.shape(self.flat[0])[0]
        self.flat_sizes = nest.flatten(cell.output_size)
        batch_size = _batch_size(self.flat)
        self.dtype = rnn_steps.infer_state_dtype(dtype, state)
        self.zeros = nest.map_structure(
            lambda size: rnn_steps.zero_output(size, batch_size, self.dtype),
            cell.output_size)
        if lengths is not None:
            self.lengths = rnn_steps.Lengths(lengths)

    def arrays(self, name):
        """TensorArrays for the outputs, and those of the inputs, filled."""
        def array(name, shape, dtype):
            return tensor_array_ops.TensorArray(dtype, size=self.steps, element_shape=shape,
                                                tensor_array_name=name)
        outputs = tuple(array("%soutput_%d" % (name, i), tensor_shape.TensorShape(
            [self.batch]).concatenate(tensor_shape.as_shape(
                [size] if isinstance(size, int) else size)), self.dtype)
            for i, size in enumerate(self.flat_sizes))
        made = [array("%sinput_%d" % (name, i), one.get_shape()[1:], one.dtype.base_dtype)
                for i, one in enumerate(self.flat)]
        self.inputs = [a.unstack(one) for a, one in zip(made, self.flat)]
        return outputs

    def bound(self):
        """How many steps are run; one at least, so that the loop's shapes are known."""
        longest = self.steps if self.lengths is None else self.lengths.longest
        return math_ops.minimum(self.steps, math_ops.maximum(1, longest))

    def body(self, time, outputs, state):
        """A step of the loop."""
        read = [a.read(time) for a in self.inputs]
        for one, of in zip(read, self.flat):
            one.set_shape(of.get_shape()[1:])
        one = nest.pack_sequence_as(self.structure, read)
        if self.lengths is None:
            output, state = self.cell(one, state)
            nest.assert_same_structure(self.zeros, output)
        else:
            output, state = rnn_steps.step(time, self.lengths, self.zeros, state,
                                           lambda: self.cell(one, state), True)
        outputs = tuple(a.write(time, out) for a, out in zip(outputs, nest.flatten(output)))
        return time + 1, outputs, state


def _dynamic_rnn_loop(cell, inputs, initial_state, parallel_iterations, swap_memory,
                      sequence_length=None, dtype=None):
    """(outputs, last state), both time-major."""
    loop = _Loop(cell, inputs, initial_state, sequence_length, dtype)
    time = constant_op.constant(0, dtype=dtypes.int32, name="time")
    with ops.name_scope("dynamic_rnn") as scope:
        name = scope
    outputs = loop.arrays(name)
    bound = loop.bound()
    _, outputs, state = control_flow_ops.while_loop(
        lambda time, *_: time < bound, loop.body, (time, outputs, initial_state),
        parallel_iterations=parallel_iterations, maximum_iterations=loop.steps,
        swap_memory=swap_memory)
    found = tuple(a.stack() for a in outputs)
    for one, size in zip(found, loop.flat_sizes):
        known = rnn_cell_impl._concat([loop.time, loop.batch], size, static=True)
        one.set_shape(known)
    return nest.pack_sequence_as(cell.output_size, found), state


def bidirectional_dynamic_rnn(cell_fw, cell_bw, inputs, sequence_length=None,
                              initial_state_fw=None, initial_state_bw=None, dtype=None,
                              parallel_iterations=None, swap_memory=False, time_major=False,
                              scope=None):
    """((outputs forwards, outputs backwards), (last state of each)) of two dynamic networks, of
    which one goes through the inputs from the end."""
    rnn_cell_impl.assert_like_rnncell("cell_fw", cell_fw)
    rnn_cell_impl.assert_like_rnncell("cell_bw", cell_bw)
    time_axis, batch_axis = (0, 1) if time_major else (1, 0)

    def turned(x):
        if sequence_length is None:
            return array_ops.reverse(x, axis=[time_axis])
        return array_ops.reverse_sequence(input=x, seq_lengths=sequence_length,
                                          seq_axis=time_axis, batch_axis=batch_axis)

    common = dict(sequence_length=sequence_length, dtype=dtype, swap_memory=swap_memory,
                  parallel_iterations=parallel_iterations, time_major=time_major)
    with vs.variable_scope(scope or rnn_steps.scope_name("both")):
        with vs.variable_scope(rnn_steps.scope_name("fw")) as forth:
            output_fw, state_fw = dynamic_rnn(cell=cell_fw, inputs=inputs, scope=forth,
                                              initial_state=initial_state_fw, **common)
        with vs.variable_scope(rnn_steps.scope_name("bw")) as back:
            backwards = nest.map_structure(turned, inputs)
            output_bw, state_bw = dynamic_rnn(cell=cell_bw, inputs=backwards, scope=back,
                                              initial_state=initial_state_bw, **common)
    return (output_fw, nest.map_structure(turned, output_bw)), (state_fw, state_bw)


# ---- raw_rnn ----

class _RawLoop:
    """The loop of raw_rnn(), whose inputs a function of the program makes."""

    def __init__(self, cell, loop_fn):
        self.cell, self.loop_fn = cell, loop_fn
        self.time = constant_op.constant(0, dtype=dtypes.int32)
        (self.finished, self.input, self.state, emit, self.loop_state) = loop_fn(
            self.time, None, None, None)
        self.keeps_loop_state = self.loop_state is not None
        if not self.keeps_loop_state:
            self.loop_state = constant_op.constant(0, dtype=dtypes.int32)
        flat = [ops.convert_to_tensor(one) if not hasattr(one, "get_shape") else one
                for one in nest.flatten(self.input)]
        self.batch = None
        for one in flat:
            rows = one.get_shape().with_rank_at_least(1).dims
            self.batch = self.batch if rows is None or rows[0].value is None else rows[0].value
        self.batch_size = self.batch or array_ops.shape(flat[0])[0]
        nest.assert_same_structure(self.state, cell.state_size)
        self._emit(emit)

    def _emit(self, emit):
        """Sizes and types of what each step emits: the cell's outputs, or as the function said."""
        if emit is None:
            self.emit = self.cell.output_size
            sizes = nest.flatten(self.emit)
            types = [nest.flatten(self.state)[0].dtype] * len(sizes)
        else:
            self.emit = emit
            flat = nest.flatten(emit)
            sizes = [one.get_shape() if one.get_shape().is_fully_defined()
                     else array_ops.shape(one) for one in flat]
            types = [one.dtype for one in flat]
        self.arrays, zeros = [], []
        for i, (size, dtype) in enumerate(zip(sizes, types)):
            rest = tensor_shape.unknown_shape() if isinstance(size, ops.Tensor) else \
                tensor_shape.as_shape([size] if isinstance(size, int) else size)
            self.arrays.append(tensor_array_ops.TensorArray(
                dtype=dtype, size=0, dynamic_size=True, name="rnn_output_%d" % i,
                element_shape=tensor_shape.TensorShape([self.batch]).concatenate(rest)))
            zeros.append(array_ops.zeros(rnn_cell_impl._concat(self.batch_size, size), dtype))
        self.arrays = nest.pack_sequence_as(self.emit, self.arrays)
        self.zeros = nest.pack_sequence_as(self.emit, zeros)

    def body(self, time, finished, current, arrays, state, loop_state):
        """A step of the loop."""
        output, cell_state = self.cell(current, state)
        nest.assert_same_structure(state, cell_state)
        nest.assert_same_structure(self.cell.output_size, output)
        following = time + 1
        next_finished, next_input, next_state, emit, next_loop_state = self.loop_fn(
            following, output, cell_state, loop_state)
        nest.assert_same_structure(state, next_state)
        nest.assert_same_structure(current, next_input)
        nest.assert_same_structure(arrays, emit)
        loop_state = loop_state if next_loop_state is None else next_loop_state

        def kept(old, new):
            return nest.map_structure(lambda a, b: rnn_steps._kept(finished, a, b), old, new)
        emit = kept(self.zeros, emit)
        next_state = kept(state, next_state)
        arrays = nest.map_structure(lambda a, one: a.write(time, one), arrays, emit)
        return (following, math_ops.logical_or(finished, next_finished), next_input, arrays,
                next_state, loop_state)


def raw_rnn(cell, loop_fn, parallel_iterations=None, swap_memory=False, scope=None):
    """(TensorArrays of what was emitted, last cell state, last loop state) of a network that
    `loop_fn(time, cell_output, cell_state, loop_state)` steers: it gives (finished rows, next
    input, next cell state, what to emit, next loop state), at first for time 0 and None."""
    rnn_cell_impl.assert_like_rnncell("cell", cell)
    if not callable(loop_fn):
        raise TypeError("loop_fn must be a callable")
    with rnn_steps.open_scope(scope):
        loop = _RawLoop(cell, loop_fn)
        found = control_flow_ops.while_loop(
            lambda time, finished, *_: math_ops.logical_not(math_ops.reduce_all(finished)),
            loop.body, [loop.time, loop.finished, loop.input, loop.arrays, loop.state,
                        loop.loop_state],
            parallel_iterations=parallel_iterations or 32, swap_memory=swap_memory)
        arrays, state, loop_state = found[-3:]
        return arrays, state, loop_state if loop.keeps_loop_state else None
