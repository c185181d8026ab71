# SPDX-License-Identifier: Apache-2.0
"""Cells made of other cells: layers on top of each other, dropout, shortcuts, devices."""
import hashlib

from thalweg.framework import ops, tensor_shape, tensor_util
from thalweg.ops import array_ops, math_ops, nn_ops, random_ops
from thalweg.ops import variable_scope as vs
from thalweg.ops.rnn_cell_base import LSTMStateTuple, RNNCell, assert_like_rnncell
from thalweg.util import nest


class _Wrapper(RNNCell):
    """A cell around another one, with the same sizes and no variables of its own."""

    def __init__(self, cell, **kwargs):
        RNNCell.__init__(self, **kwargs)
        assert_like_rnncell("cell", cell)
        self._cell = cell

    cell = property(lambda self: self._cell, doc="The cell inside.")
    wrapped_cell = cell
    state_size = property(lambda self: self._cell.state_size)
    output_size = property(lambda self: self._cell.output_size)

    def zero_state(self, batch_size, dtype):
        with ops.name_scope(type(self).__name__ + "ZeroState", values=[batch_size]):
            return self._cell.zero_state(batch_size, dtype)

    def call(self, inputs, state, **kwargs):
        return self._around(inputs, state, self._cell, **kwargs)

    def __call__(self, inputs, state, scope=None):
        return self._around(inputs, state, self._cell, scope=scope)


class DropoutWrapper(_Wrapper):
    """Dropout of a cell's inputs, of the state that it hands on, and of its outputs."""

    def __init__(self, cell, input_keep_prob=1.0, output_keep_prob=1.0, state_keep_prob=1.0,
                 variational_recurrent=False, input_size=None, dtype=None, seed=None,
                 dropout_state_filter_visitor=None):
        _Wrapper.__init__(self, cell)
        if dropout_state_filter_visitor is not None and not callable(dropout_state_filter_visitor):
            raise TypeError("dropout_state_filter_visitor must be callable")
        self._dropout_state_filter = dropout_state_filter_visitor or _all_but_c
        with ops.name_scope("DropoutWrapperInit"):
            self._input_keep_prob = self._checked(input_keep_prob, "input_keep_prob")
            self._state_keep_prob = self._checked(state_keep_prob, "state_keep_prob")
            self._output_keep_prob = self._checked(output_keep_prob, "output_keep_prob")
        self._variational, self._seed = variational_recurrent, seed
        self._noise = {}
        if variational_recurrent:
            self._make_noises(input_size, dtype)

    @staticmethod
    def _checked(value, name):
        """A number, if it is known, or a tensor."""
        tensor = ops.convert_to_tensor(value)
        known = tensor_util.constant_value(tensor)
        if known is None:
            return tensor
        if known < 0 or known > 1:
            raise ValueError("Parameter %s must be between 0 and 1: %d" % (name, known))
        return float(known)

    def _make_noises(self, input_size, dtype):
        """The one noise of all steps, for each part."""
        if dtype is None:
            raise ValueError("When variational_recurrent=True, dtype must be provided")
        sizes = {"state": self._cell.state_size, "output": self._cell.output_size}
        if not _always(self._input_keep_prob):
            if input_size is None:
                raise ValueError("When variational_recurrent=True and input_keep_prob < 1.0 or is "
                                 "unknown, input_size must be provided")
            sizes["input"] = input_size
        for part in ("input", "state", "output"):
            if part in sizes:
                self._noise[part] = self._noises(part, sizes[part], dtype)

    def _noises(self, part, sizes, dtype):
        def noise(index, size):
            shape = array_ops.concat(([1], tensor_shape.as_shape(
                [size] if isinstance(size, int) else size).as_list()), 0)
            return random_ops.random_uniform(
                shape, seed=self._gen_seed("recurrent_" + part, index), dtype=dtype)
        flat = nest.flatten(sizes)
        return nest.pack_sequence_as(sizes, [noise(i, size) for i, size in enumerate(flat)])

    def _gen_seed(self, salt, index):
        """A seed for each place, from the one that was given."""
        if self._seed is None:
            return None
        text = "%d%s_%d" % (self._seed, salt, index)
        return int(hashlib.md5(text.encode("utf-8")).hexdigest()[:8], 16) & 0x7FFFFFFF

    def _dropped(self, values, part, salt, keep_prob, filtered=None):
        """`values` with dropout."""
        def drop(index, kept, value, noise=None):
            if not isinstance(kept, bool):
                raise TypeError("dropout_state_filter must give booleans, not %s" % (kept,))
            if not kept:
                return value
            if noise is None:
                return nn_ops.dropout(value, rate=1. - keep_prob,
                                      seed=self._gen_seed(salt, index))
            scaled = math_ops.div(value, keep_prob) * math_ops.floor(keep_prob + noise)
            scaled.set_shape(value.get_shape())
            return scaled
        flat = nest.flatten(values)
        keeps = [True] * len(flat) if filtered is None else \
            _kept(values, filtered)
        noises = nest.flatten(self._noise[part]) if self._variational else [None] * len(flat)
        return nest.pack_sequence_as(values, [
            drop(i, *each) for i, each in enumerate(zip(keeps, flat, noises))])

    def _around(self, inputs, state, cell, **kwargs):
        if not _always(self._input_keep_prob):
            inputs = self._dropped(inputs, "input", "input", self._input_keep_prob)
        output, new_state = cell(inputs, state, **kwargs)
        if not _always(self._state_keep_prob):
            new_state = self._dropped(new_state, "state", "state", self._state_keep_prob,
                                      self._dropout_state_filter)
        if not _always(self._output_keep_prob):
            output = self._dropped(output, "output", "output", self._output_keep_prob)
        return output, new_state


def _always(keep_prob):
    """Whether everything is kept for sure."""
    return isinstance(keep_prob, float) and keep_prob >= 1


def _kept(state, wanted):
    """Whether each leaf of a state gets dropout, as the filter `wanted` says of it and of what
    holds it: a bool, or a bool for each part."""
    said = wanted(state)
    if not nest.is_sequence(state):
        return [said]
    parts = list(state.values()) if isinstance(state, dict) else list(state)
    each = [said] * len(parts) if isinstance(said, bool) else list(said)
    return [leaf for part, one in zip(parts, each) for leaf in (
        _kept(part, wanted) if one and nest.is_sequence(part) else
        [one] * len(nest.flatten(part)))]


def _all_but_c(part):
    """Dropout of what an LSTM remembers would wipe it out."""
    return LSTMStateTuple(c=False, h=True) if isinstance(part, LSTMStateTuple) else True


class ResidualWrapper(_Wrapper):
    """The output of a cell with its input added, or combined by `residual_fn(inputs, outputs)`."""

    def __init__(self, cell, residual_fn=None):
        _Wrapper.__init__(self, cell)
        self._residual_fn = residual_fn

    def _around(self, inputs, state, cell, **kwargs):
        outputs, new_state = cell(inputs, state, **kwargs)

        def added(one, other):
            one.get_shape().assert_is_compatible_with(other.get_shape())
            return one + other
        if self._residual_fn is not None:
            return self._residual_fn(inputs, outputs), new_state
        nest.assert_same_structure(inputs, outputs)
        return nest.map_structure(added, inputs, outputs), new_state


class DeviceWrapper(_Wrapper):
    """A cell whose operations are on a device."""

    def __init__(self, cell, device):
        _Wrapper.__init__(self, cell)
        self._device = device

    def zero_state(self, batch_size, dtype):
        with ops.name_scope(type(self).__name__ + "ZeroState", values=[batch_size]), \
                ops.device(self._device):
            return self._cell.zero_state(batch_size, dtype)

    def _around(self, inputs, state, cell, **kwargs):
        with ops.device(self._device):
            return cell(inputs, state, **kwargs)


class MultiRNNCell(RNNCell):
    """Cells on top of each other: the output of one is the input of the next."""

    def __init__(self, cells, state_is_tuple=True):
        RNNCell.__init__(self)
        if not cells:
            raise ValueError("Must specify at least one cell for MultiRNNCell.")
        if not nest.is_sequence(cells):
            raise TypeError("cells must be a list or tuple, but saw: %s." % (cells,))
        self._cells, self._state_is_tuple = cells, state_is_tuple
        if not state_is_tuple and any(nest.is_sequence(c.state_size) for c in cells):
            raise ValueError("Some cells return tuples of states, but the flag state_is_tuple is "
                             "not set.  State sizes are: %s" % [c.state_size for c in cells])

    @property
    def state_size(self):
        if self._state_is_tuple:
            return tuple(cell.state_size for cell in self._cells)
        return sum(cell.state_size for cell in self._cells)

    output_size = property(lambda self: self._cells[-1].output_size)

    def zero_state(self, batch_size, dtype):
        with ops.name_scope(type(self).__name__ + "ZeroState", values=[batch_size]):
            if self._state_is_tuple:
                return tuple(cell.zero_state(batch_size, dtype) for cell in self._cells)
            return RNNCell.zero_state(self, batch_size, dtype)

    def call(self, inputs, state):
        at, new_states = 0, []
        for number, cell in enumerate(self._cells):
            with vs.variable_scope("cell_%d" % number):
                if not self._state_is_tuple:
                    own = array_ops.slice(state, [0, at], [-1, cell.state_size])
                    at += cell.state_size
                elif not nest.is_sequence(state):
                    raise ValueError("Expected state to be a tuple of length %d, but received: %s"
                                     % (len(self.state_size), state))
                else:
                    own = state[number]
                inputs, new_state = cell(inputs, own)
                new_states.append(new_state)
        return inputs, tuple(new_states) if self._state_is_tuple else \
            array_ops.concat(new_states, 1)
