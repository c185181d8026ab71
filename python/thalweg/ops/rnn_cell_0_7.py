# SPDX-License-Identifier: Apache-2.0
"""Cells as TensorFlow 0.7 had them: a cell says what it takes by `input_size`, which wrappers go
by; states are matrices."""
from thalweg.ops import rnn_cell_old as old
from thalweg.ops.rnn_linear import old_linear as linear  # noqa: F401


class LSTMCell(old.LSTMCell):
    """The cell of Hochreiter and Schmidhuber (1997)."""

    def __init__(self, num_units, input_size=None, use_peepholes=False, cell_clip=None,
                 initializer=None, num_proj=None, num_unit_shards=1, num_proj_shards=1):
        old.LSTMCell.__init__(
            self, num_units, input_size, use_peepholes, cell_clip, initializer, num_proj,
            num_unit_shards=num_unit_shards, num_proj_shards=num_proj_shards)


class InputProjectionWrapper(old.InputProjectionWrapper):
    """A cell with a product in front of it, that makes what the cell takes."""

    def __init__(self, cell, input_size):
        old.InputProjectionWrapper.__init__(self, cell, cell.input_size)
        if input_size < 1:
            raise ValueError("Parameter input_size must be > 0: %d." % input_size)
        self._input_size = input_size

    input_size = property(lambda self: self._input_size)


class EmbeddingWrapper(old.EmbeddingWrapper):
    """A cell whose inputs are ids, looked up in a table of vectors that the cell takes."""

    def __init__(self, cell, embedding_classes=0, embedding=None, initializer=None):
        if not hasattr(cell, "input_size"):
            raise TypeError("The parameter cell is not RNNCell.")
        if embedding_classes < 1 and embedding is None:
            raise ValueError("Pass embedding or embedding_classes must be > 0: %d."
                             % embedding_classes)
        sizes = (embedding_classes, cell.input_size) if embedding is None else \
            embedding.get_shape().as_list()
        if embedding is not None and embedding_classes not in (0, sizes[0]):
            raise ValueError("You declared embedding_classes=%d but passed an embedding for %d "
                             "classes." % (embedding_classes, sizes[0]))
        if sizes[1] != cell.input_size:
            raise ValueError("You passed embedding with output size %d and a cell that accepts "
                             "size %d." % (sizes[1], cell.input_size))
        old.EmbeddingWrapper.__init__(self, cell, sizes[0], sizes[1], initializer)
        self._embedding = embedding
