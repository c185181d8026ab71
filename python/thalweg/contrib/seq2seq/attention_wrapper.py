# SPDX-License-Identifier: Apache-2.0
"""A cell that looks at memories: what it attends to is part of its next inputs."""
import collections

from thalweg.framework import dtypes, node_counts, ops, tensor_shape
from thalweg.layers import core as layers
from thalweg.ops import array_ops, check_ops, math_ops, rnn_cell_impl, rnn_steps, tensor_array_ops
from thalweg.util import nest

from thalweg.contrib.seq2seq import attention as mechanisms

_FIELDS = ("cell_state", "attention", "time", "alignments", "alignment_history",
           "attention_state")


class AttentionWrapperState(collections.namedtuple("AttentionWrapperState", _FIELDS)):
    """The cell's state, what was attended to, and the mechanisms' states."""

    def clone(self, **kwargs):
        """The same with some fields replaced, which keep the old ones' shapes."""
        def shaped(old, new):
            if isinstance(old, ops.Tensor) and isinstance(new, ops.Tensor):
                known = old.get_shape()
                if known.is_fully_defined():
                    new.set_shape(known)
            return new
        replaced = self._replace(**kwargs)
        nest.assert_same_structure(self, replaced)
        return nest.map_structure(shaped, self, replaced)


def _compute_attention(attention_mechanism, cell_output, attention_state, attention_layer):
    """(attention, alignments, next state): the memory, weighted by the alignments."""
    alignments, next_state = attention_mechanism(cell_output, state=attention_state)
    weights = array_ops.expand_dims(alignments, 1)
    context = array_ops.squeeze(math_ops.matmul(weights, attention_mechanism.values), [1])
    if attention_layer is None:
        return context, alignments, next_state
    return attention_layer(array_ops.concat([cell_output, context], 1)), alignments, next_state


def _as_list(value):
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _layers(mechanisms_, sizes, given):
    """An attention layer, or None, for each mechanism."""
    if sizes is not None and given is not None:
        raise ValueError("Only one of attention_layer_size and attention_layer should be set")
    if sizes is not None:
        sizes = _as_list(sizes)
        if len(sizes) != len(mechanisms_):
            raise ValueError("If provided, attention_layer_size must contain exactly one integer "
                             "per attention_mechanism, saw: %d vs %d"
                             % (len(sizes), len(mechanisms_)))
        return tuple(layers.Dense(size, name="attention_layer", use_bias=False, dtype=one.dtype)
                     for size, one in zip(sizes, mechanisms_))
    if given is None:
        return None
    given = tuple(_as_list(given))
    if len(given) != len(mechanisms_):
        raise ValueError("If provided, attention_layer must contain exactly one layer per "
                         "attention_mechanism, saw: %d vs %d" % (len(given), len(mechanisms_)))
    return given


class AttentionWrapper(rnn_cell_impl.RNNCell):
    """`cell` with one or several attention mechanisms. Its inputs are cell_input_fn(inputs,
    attention), which puts one behind the other; its output is the attention, or the cell's if not
    `output_attention`."""

    def __init__(self, cell, attention_mechanism, attention_layer_size=None,
                 alignment_history=False, cell_input_fn=None, output_attention=True,
                 initial_cell_state=None, name=None, attention_layer=None, attention_fn=None):
        rnn_cell_impl.RNNCell.__init__(self, name=name)
        rnn_cell_impl.assert_like_rnncell("cell", cell)
        self._is_multi = isinstance(attention_mechanism, (list, tuple))
        self._attention_mechanisms = tuple(_as_list(attention_mechanism))
        for one in self._attention_mechanisms:
            if not isinstance(one, mechanisms.AttentionMechanism):
                raise TypeError(
                    "attention_mechanism must be an AttentionMechanism or list of multiple "
                    "AttentionMechanism instances, saw type: %s" % type(one).__name__)
        if cell_input_fn is not None and not callable(cell_input_fn):
            raise TypeError("cell_input_fn must be callable, saw type: %s"
                            % type(cell_input_fn).__name__)
        self._cell_input_fn = cell_input_fn or (
            lambda inputs, attention: array_ops.concat([inputs, attention], -1))
        self._attention_layers = _layers(self._attention_mechanisms, attention_layer_size,
                                         attention_layer)
        self._attention_layer_size = self._size_of_attention(attention_layer_size)
        self._cell, self._attention_fn = cell, attention_fn or _compute_attention
        self._output_attention, self._alignment_history = output_attention, alignment_history
        with ops.name_scope(name, "AttentionWrapperInit"):
            self._initial_cell_state = None
            if initial_cell_state is not None:
                self._initial_cell_state = self._checked_state(initial_cell_state)

    def _size_of_attention(self, sizes):
        if sizes is not None:
            return sum(_as_list(sizes))
        if self._attention_layers is not None:
            return sum(layer.compute_output_shape(
                [None, one.values.get_shape()[-1].value])[-1].value
                for layer, one in zip(self._attention_layers, self._attention_mechanisms))
        return sum(one.values.get_shape()[-1].value for one in self._attention_mechanisms)

    def _checks(self, batch_size, what="the query (decoder output)"):
        """Each memory has as many rows."""
        said = ("AttentionWrapper %s: Non-matching batch sizes between the memory (encoder output) "
                "and %s: a beam search has beam_width rows for each, in the memory too, which "
                "tf.contrib.seq2seq.tile_batch makes" % (self._base_name, what))
        return [check_ops.assert_equal(batch_size, one.batch_size, message=said)
                for one in self._attention_mechanisms]

    def _checked_state(self, state):
        last = nest.flatten(state)[-1]
        rows = last.get_shape()[0].value or array_ops.shape(last)[0]
        with ops.control_dependencies(self._checks(rows, "initial_cell_state")):
            return nest.map_structure(
                lambda s: array_ops.identity(s, name="check_initial_cell_state"), state)

    def _item_or_tuple(self, items):
        items = tuple(items)
        return items if self._is_multi else items[0]

    @property
    def output_size(self):
        return self._attention_layer_size if self._output_attention else self._cell.output_size

    @property
    def state_size(self):
        each = self._attention_mechanisms
        return AttentionWrapperState(
            cell_state=self._cell.state_size, time=tensor_shape.TensorShape([]),
            attention=self._attention_layer_size,
            alignments=self._item_or_tuple(a.alignments_size for a in each),
            attention_state=self._item_or_tuple(a.state_size for a in each),
            alignment_history=self._item_or_tuple(
                a.alignments_size if self._alignment_history else () for a in each))

    def zero_state(self, batch_size, dtype):
        with ops.name_scope(type(self).__name__ + "ZeroState", values=[batch_size]):
            cell_state = self._initial_cell_state
            if cell_state is None:
                cell_state = self._cell.zero_state(batch_size, dtype)
            last = nest.flatten(cell_state)[-1]
            batch_size = last.get_shape()[0].value or array_ops.shape(last)[0]
            with ops.control_dependencies(self._checks(batch_size, "the zero state")):
                cell_state = nest.map_structure(
                    lambda s: array_ops.identity(s, name="checked_cell_state"), cell_state)
            each = self._attention_mechanisms
            alignments = [a.initial_alignments(batch_size, dtype) for a in each]
            node_counts.add(10)
            return AttentionWrapperState(
                cell_state=cell_state, time=array_ops.zeros([], dtype=dtypes.int32),
                attention=rnn_steps.zero_output(self._attention_layer_size, batch_size, dtype),
                alignments=self._item_or_tuple(alignments),
                attention_state=self._item_or_tuple(
                    a.initial_state(batch_size, dtype) for a in each),
                alignment_history=self._item_or_tuple(
                    self._history(one, dtype) for one in alignments))

    def _history(self, alignments, dtype):
        if not self._alignment_history:
            return ()
        return tensor_array_ops.TensorArray(dtype, size=0, dynamic_size=True,
                                            element_shape=alignments.get_shape())

    def call(self, inputs, state):
        """(attention or the cell's output, next state)"""
        if not isinstance(state, AttentionWrapperState):
            raise TypeError("Expected state to be instance of AttentionWrapperState. Received type "
                            "%s instead." % type(state))
        output, cell_state = self._cell(self._cell_input_fn(inputs, state.attention),
                                        state.cell_state)
        rows = output.get_shape()[0].value or array_ops.shape(output)[0]
        with ops.control_dependencies(self._checks(rows)):
            output = array_ops.identity(output, name="checked_cell_output")
        attentions, states, alignments, histories = self._attend(output, state)
        attention = array_ops.concat(attentions, 1)
        next_state = AttentionWrapperState(
            time=state.time + 1, cell_state=cell_state, attention=attention,
            attention_state=self._item_or_tuple(states),
            alignments=self._item_or_tuple(alignments),
            alignment_history=self._item_or_tuple(histories))
        return (attention if self._output_attention else output), next_state

    def _attend(self, output, state):
        """Of each mechanism: attentions, states, alignments, and all alignments so far."""
        pick = _as_list if self._is_multi else (lambda one: [one])
        made = [], [], [], []
        for i, (one, before, history) in enumerate(zip(
                self._attention_mechanisms, pick(state.attention_state),
                pick(state.alignment_history))):
            attention, alignments, next_state = self._attention_fn(
                one, output, before, self._attention_layers[i] if self._attention_layers else None)
            history = history.write(state.time, alignments) if self._alignment_history else ()
            for kept, new in zip(made, (attention, next_state, alignments, history)):
                kept.append(new)
        return made
