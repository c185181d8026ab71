# SPDX-License-Identifier: Apache-2.0
"""A decoder of one cell, whose inputs a helper chooses."""
import collections

from thalweg.framework import ops, tensor_shape
from thalweg.ops import rnn_cell_impl
from thalweg.util import nest

from thalweg.contrib.seq2seq import decoder, helpers

BasicDecoderOutput = collections.namedtuple("BasicDecoderOutput", ("rnn_output", "sample_id"))


def sizes_through(layer, sizes):
    """The sizes of a cell's outputs after a layer, if there is one."""
    if layer is None:
        return sizes

    def after(size):
        shape = tensor_shape.TensorShape([size]) if isinstance(size, int) else size
        return layer.compute_output_shape(
            tensor_shape.TensorShape([None]).concatenate(shape))[1:]
    return nest.map_structure(after, sizes)


class BasicDecoder(decoder.Decoder):
    """The cell's outputs, through `output_layer` if there is one, and what the helper draws."""

    def __init__(self, cell, helper, initial_state, output_layer=None):
        rnn_cell_impl.assert_like_rnncell("cell", cell)
        if not isinstance(helper, helpers.Helper):
            raise TypeError("helper must be a Helper, received: %s" % type(helper))
        if output_layer is not None and not hasattr(output_layer, "compute_output_shape"):
            raise TypeError("output_layer must be a Layer, received: %s" % type(output_layer))
        self._cell, self._helper = cell, helper
        self._initial_state, self._output_layer = initial_state, output_layer

    batch_size = property(lambda self: self._helper.batch_size)

    @property
    def output_size(self):
        return BasicDecoderOutput(sizes_through(self._output_layer, self._cell.output_size),
                                  self._helper.sample_ids_shape)

    @property
    def output_dtype(self):
        dtype = nest.flatten(self._initial_state)[0].dtype
        return BasicDecoderOutput(
            nest.map_structure(lambda _: dtype, sizes_through(self._output_layer,
                                                              self._cell.output_size)),
            self._helper.sample_ids_dtype)

    def initialize(self, name=None):
        return self._helper.initialize() + (self._initial_state,)

    def step(self, time, inputs, state, name=None):
        with ops.name_scope(name, "BasicDecoderStep", (time, inputs, state)):
            outputs, state = self._cell(inputs, state)
            if self._output_layer is not None:
                outputs = self._output_layer(outputs)
            ids = self._helper.sample(time=time, outputs=outputs, state=state)
            finished, next_inputs, next_state = self._helper.next_inputs(
                time=time, outputs=outputs, state=state, sample_ids=ids)
        return BasicDecoderOutput(outputs, ids), next_state, next_inputs, finished
