# SPDX-License-Identifier: Apache-2.0
"""Cells as they were before TensorFlow 1.2: no layers; their variables are got anew at each step,
in the variable scope of the step."""
from thalweg.compat import behaviour, old_nn
from thalweg.framework import ops, tensor_shape
from thalweg.layers.base import snake_case
from thalweg.ops import array_ops, embedding_ops, init_ops, math_ops, nn_ops
from thalweg.ops import rnn_cell_impl as impl
from thalweg.ops import variable_scope as vs
from thalweg.ops.rnn_cell_impl import LSTMStateTuple
from thalweg.ops.rnn_linear import cut, join
from thalweg.ops.rnn_linear import old_linear as linear
from thalweg.util import nest

# What parts of a cell are called: at levels before 1.0, and after.
_NAMES = {
    "Matrix": {"gates": "Gates", "candidate": "Candidate", "layer": "Cell%d", "w": "W", "b": "B",
               "f": "W_F_diag", "i": "W_I_diag", "o": "W_O_diag", "p": "W_P"},
    "weights": {"gates": "gates", "candidate": "candidate", "layer": "cell_%d", "w": "weights",
                "b": "biases", "f": "w_f_diag", "i": "w_i_diag", "o": "w_o_diag",
                "p": "projection/weights"},
}


def _called(part):
    return _NAMES[behaviour.cell_names][part]


def _tuples_by_default(given):
    return behaviour.lstm_state == "tuple" if given is None else given


class RNNCell:
    """A cell: __call__(inputs, state, scope=None) gives (output, next state); state_size and
    output_size say how large they are."""

    def __call__(self, inputs, state, scope=None):
        raise NotImplementedError("Abstract method")

    def _scope(self, scope, **settings):
        """The scope of a step: the class' name."""
        name = type(self).__name__
        return vs.variable_scope(
            scope or (name if behaviour.cell_names == "Matrix" else snake_case(name)), **settings)

    @property
    def input_size(self):
        """How many columns an input has, as far as the cell says."""
        raise NotImplementedError("Abstract method")

    @property
    def output_size(self):
        """The size of the output."""
        raise NotImplementedError("Abstract method")

    @property
    def state_size(self):
        """The size of the state, or a structure of sizes."""
        raise NotImplementedError("Abstract method")

    def zero_state(self, batch_size, dtype):
        """A state of zeros."""
        def zeros(size):
            sizes = [size] if isinstance(size, int) else tensor_shape.as_shape(size).as_list()
            made = array_ops.zeros(array_ops.stack([batch_size] + sizes, name="pack"), dtype=dtype)
            made.set_shape([None] + sizes)
            return made
        return nest.map_structure(zeros, self.state_size)


class _Units(RNNCell):
    """A cell whose output is as large as its number of units."""

    def __init__(self, num_units, input_size=None, activation=math_ops.tanh, reuse=None):
        self._num_units, self._activation, self._reuse = num_units, activation, reuse
        self._input_size = num_units if input_size is None else input_size

    input_size = property(lambda self: self._input_size)
    output_size = property(lambda self: self._num_units)
    state_size = property(lambda self: self._num_units)

    def _own_scope(self, scope, **settings):
        return self._scope(scope, reuse=self._reuse, **settings)


class BasicRNNCell(_Units):
    """output = state = activation([inputs, state] * weights + biases)"""

    def __call__(self, inputs, state, scope=None):
        with self._own_scope(scope):
            output = self._activation(linear([inputs, state], self._num_units, True))
        return output, output


class GRUCell(_Units):
    """The cell of Cho et al. (2014)."""

    def __call__(self, inputs, state, scope=None):
        with self._own_scope(scope):
            with vs.variable_scope(_called("gates")):
                both = linear([inputs, state], 2 * self._num_units, True, 1.0)
                r, u = cut(both, 2)
                r, u = math_ops.sigmoid(r), math_ops.sigmoid(u)
            with vs.variable_scope(_called("candidate")):
                candidate = self._activation(linear([inputs, r * state], self._num_units, True))
            output = u * state + (1 - u) * candidate
        return output, output


class BasicLSTMCell(_Units):
    """The cell of Zaremba et al. (2014)."""

    def __init__(self, num_units, forget_bias=1.0, input_size=None, state_is_tuple=None,
                 activation=math_ops.tanh, reuse=None):
        _Units.__init__(self, num_units, input_size, activation, reuse)
        self._forget_bias, self._state_is_tuple = forget_bias, _tuples_by_default(state_is_tuple)

    @property
    def state_size(self):
        units = self._num_units
        return LSTMStateTuple(units, units) if self._state_is_tuple else 2 * units

    def __call__(self, inputs, state, scope=None):
        with self._own_scope(scope):
            c, h = state if self._state_is_tuple else cut(state, 2)
            gates = linear([inputs, h], 4 * self._num_units, True)
            i, j, f, o = cut(gates, 4)
            sigmoid = math_ops.sigmoid
            new_c = c * sigmoid(f + self._forget_bias) + sigmoid(i) * self._activation(j)
            new_h = self._activation(new_c) * sigmoid(o)
            if self._state_is_tuple:
                return new_h, LSTMStateTuple(new_c, new_h)
            return new_h, join([new_c, new_h])


# ---- variables in pieces ----

def _get_sharded_variable(name, shape, dtype, num_shards):
    """A matrix as `num_shards` variables of about as many rows."""
    if num_shards > shape[0]:
        raise ValueError("Too many shards: shape=%s, num_shards=%d" % (shape, num_shards))
    rows, more = divmod(shape[0], num_shards)
    return [vs.get_variable("%s_%d" % (name, i), [rows + (i < more), shape[1]], dtype=dtype)
            for i in range(num_shards)]


def _get_concat_variable(name, shape, dtype, num_shards):
    """Such variables as one tensor, which is made once."""
    pieces = _get_sharded_variable(name, shape, dtype, num_shards)
    if len(pieces) == 1:
        return pieces[0]
    full_name = "%s/%s/concat:0" % (vs.get_variable_scope().name, name)
    key = ops.GraphKeys.CONCATENATED_VARIABLES
    for known in ops.get_collection(key):
        if known.name == full_name:
            return known
    made = array_ops.concat(pieces, 0, name=name + "/concat")
    ops.add_to_collection(key, made)
    return made


class LSTMCell(_Units):
    """The cell of Hochreiter and Schmidhuber (1997), with peepholes, bounds and a projection of the
    output if they are asked for."""

    def __init__(self, num_units, input_size=None, use_peepholes=False, cell_clip=None,
                 initializer=None, num_proj=None, proj_clip=None, num_unit_shards=None,
                 num_proj_shards=None, forget_bias=1.0, state_is_tuple=None,
                 activation=math_ops.tanh, reuse=None):
        _Units.__init__(self, num_units, input_size, activation, reuse)
        self._given_input_size = input_size
        self._use_peepholes, self._initializer = use_peepholes, initializer
        self._cell_clip, self._proj_clip, self._num_proj = cell_clip, proj_clip, num_proj
        self._num_unit_shards, self._num_proj_shards = num_unit_shards or 1, num_proj_shards or 1
        self._forget_bias, self._state_is_tuple = forget_bias, _tuples_by_default(state_is_tuple)

    output_size = property(lambda self: self._num_proj or self._num_units)

    @property
    def state_size(self):
        sizes = self._num_units, self.output_size
        return LSTMStateTuple(*sizes) if self._state_is_tuple else sum(sizes)

    def _matrix(self, part, shape, dtype, shards):
        if behaviour.cell_names == "Matrix":
            return _get_concat_variable(_called(part), shape, dtype, shards)
        pieces = vs.fixed_size_partitioner(shards) if shards > 1 else None
        return vs.get_variable(_called(part), shape, dtype=dtype, partitioner=pieces)

    def _split_state(self, state):
        if self._state_is_tuple:
            return state
        return (array_ops.slice(state, [0, 0], [-1, self._num_units]),
                array_ops.slice(state, [0, self._num_units], [-1, self.output_size]))

    def __call__(self, inputs, state, scope=None):
        units, dtype = self._num_units, inputs.dtype
        c, m = self._split_state(state)
        columns = inputs.get_shape().with_rank(2)[1].value or self._given_input_size
        if columns is None:
            raise ValueError("Could not infer input size from inputs.get_shape()[-1]")
        with self._own_scope(scope, initializer=self._initializer):
            weights = self._matrix("w", [columns + self.output_size, 4 * units], dtype,
                                   self._num_unit_shards)
            biases = vs.get_variable(_called("b"), shape=[4 * units],
                                     initializer=init_ops.zeros_initializer(), dtype=dtype)
            gates = nn_ops.bias_add(
                math_ops.matmul(join([inputs, m]), weights), biases)
            gates = cut(gates, 4)
            diagonals = [vs.get_variable(_called(name), shape=[units], dtype=dtype)
                         for name in "fio" if self._use_peepholes]
            c, m = impl.lstm_step(gates, c, diagonals, self._activation, self._forget_bias,
                                  lambda c: impl.bounded(c, self._cell_clip))
            if self._num_proj is not None:
                m = math_ops.matmul(m, self._matrix("p", [units, self._num_proj], dtype,
                                                    self._num_proj_shards))
                m = impl.bounded(m, self._proj_clip)
        return m, LSTMStateTuple(c, m) if self._state_is_tuple else join([c, m])


# ---- cells around cells ----

class _Wrapper(RNNCell):
    def __init__(self, cell):
        if not hasattr(cell, "state_size"):
            raise TypeError("The parameter cell is not RNNCell.")
        self._cell = cell

    input_size = property(lambda self: self._cell.input_size)
    output_size = property(lambda self: self._cell.output_size)
    state_size = property(lambda self: self._cell.state_size)


class OutputProjectionWrapper(_Wrapper):
    """A cell with a product behind it."""

    def __init__(self, cell, output_size, reuse=None):
        _Wrapper.__init__(self, cell)
        if output_size < 1:
            raise ValueError("Parameter output_size must be > 0: %d." % output_size)
        self._output_size, self._reuse = output_size, reuse

    output_size = property(lambda self: self._output_size)

    def __call__(self, inputs, state, scope=None):
        output, state = self._cell(inputs, state)
        with self._scope(scope, reuse=self._reuse):
            return linear(output, self._output_size, True), state


class InputProjectionWrapper(_Wrapper):
    """A cell with a product in front of it."""

    def __init__(self, cell, num_proj, input_size=None, reuse=None):
        _Wrapper.__init__(self, cell)
        self._num_proj, self._reuse = num_proj, reuse

    def __call__(self, inputs, state, scope=None):
        with self._scope(scope, reuse=self._reuse):
            projected = linear(inputs, self._num_proj, True)
        return self._cell(projected, state)


class DropoutWrapper(_Wrapper):
    """Dropout of a cell's inputs and outputs."""

    def __init__(self, cell, input_keep_prob=1.0, output_keep_prob=1.0, seed=None):
        _Wrapper.__init__(self, cell)
        for name, prob in (("input_keep_prob", input_keep_prob),
                           ("output_keep_prob", output_keep_prob)):
            if isinstance(prob, float) and not 0.0 <= prob <= 1.0:
                raise ValueError("Parameter %s must be between 0 and 1: %d" % (name, prob))
        self._input_keep_prob, self._output_keep_prob = input_keep_prob, output_keep_prob
        self._seed = seed

    def _dropped(self, value, keep_prob):
        if isinstance(keep_prob, float) and keep_prob >= 1:
            return value
        return old_nn.dropout(value, keep_prob, seed=self._seed)

    def __call__(self, inputs, state, scope=None):
        output, state = self._cell(self._dropped(inputs, self._input_keep_prob), state, scope) \
            if scope is not None else self._cell(self._dropped(inputs, self._input_keep_prob),
                                                 state)
        return self._dropped(output, self._output_keep_prob), state


class EmbeddingWrapper(_Wrapper):
    """A cell whose inputs are ids, looked up in a table."""

    def __init__(self, cell, embedding_classes, embedding_size, initializer=None, reuse=None):
        _Wrapper.__init__(self, cell)
        if embedding_classes <= 0 or embedding_size <= 0:
            raise ValueError("Both embedding_classes and embedding_size must be > 0: %d, %d."
                             % (embedding_classes, embedding_size))
        self._embedding_classes, self._embedding_size = embedding_classes, embedding_size
        self._initializer, self._reuse = initializer, reuse
        self._embedding = None

    input_size = property(lambda self: 1)

    def _table(self, state):
        own = self._initializer or vs.get_variable_scope().initializer
        if not own:  # of variance 1
            own = init_ops.random_uniform_initializer(-3 ** 0.5, 3 ** 0.5)
        dtype = nest.flatten(state)[0].dtype
        return vs.get_variable("embedding", [self._embedding_classes, self._embedding_size],
                               initializer=own, dtype=dtype)

    def __call__(self, inputs, state, scope=None):
        with self._scope(scope, reuse=self._reuse), ops.device("/cpu:0"):
            table = self._embedding if self._embedding is not None else self._table(state)
            embedded = embedding_ops.embedding_lookup(table, array_ops.reshape(inputs, [-1]))
        return self._cell(embedded, state)


class MultiRNNCell(RNNCell):
    """Cells on top of each other: the output of one is the input of the next."""

    def __init__(self, cells, state_is_tuple=None):
        if not cells:
            raise ValueError("Must specify at least one cell for MultiRNNCell.")
        self._cells, self._state_is_tuple = cells, _tuples_by_default(state_is_tuple)
        if behaviour.cell_inputs == "checked":
            for i in range(len(cells) - 1):
                if cells[i + 1].input_size != cells[i].output_size:
                    raise ValueError(
                        "In MultiRNNCell, the input size of each next cell must match the output "
                        "size of the previous one. Mismatched output size in cell %d." % i)
        if not self._state_is_tuple and any(nest.is_sequence(c.state_size) for c in cells):
            raise ValueError("Some cells return tuples of states, but the flag state_is_tuple is "
                             "not set.  State sizes are: %s" % [c.state_size for c in cells])

    input_size = property(lambda self: self._cells[0].input_size)
    output_size = property(lambda self: self._cells[-1].output_size)

    @property
    def state_size(self):
        sizes = tuple(cell.state_size for cell in self._cells)
        return sizes if self._state_is_tuple else sum(sizes)

    def __call__(self, inputs, state, scope=None):
        at, new_states = 0, []
        with self._scope(scope):
            for number, cell in enumerate(self._cells):
                with vs.variable_scope(_called("layer") % number):
                    if self._state_is_tuple:
                        if not nest.is_sequence(state):
                            raise ValueError("Expected state to be a tuple of length %d, but "
                                             "received: %s" % (len(self.state_size), state))
                        own = state[number]
                    else:
                        own = array_ops.slice(state, [0, at], [-1, cell.state_size])
                        at += cell.state_size
                    inputs, new_state = cell(inputs, own)
                    new_states.append(new_state)
        return inputs, tuple(new_states) if self._state_is_tuple else \
            join(new_states)
