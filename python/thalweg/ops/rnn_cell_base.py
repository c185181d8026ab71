# SPDX-License-Identifier: Apache-2.0
"""What all cells of recurrent networks are: layers of one step, with states of known sizes that
begin as zeros."""
import collections

from thalweg.framework import constant_op, dtypes, ops, tensor_shape, tensor_util
from thalweg.layers import base
from thalweg.ops import array_ops
from thalweg.ops import variable_scope as vs
from thalweg.ops import variables as tf_variables
from thalweg.util import nest


# ---- sizes and zero states ----

def _part(sizes, what):
    """(sizes as a vector or None, what is known of them) of a size, a list of sizes, a shape or a
    tensor."""
    if isinstance(sizes, ops.Tensor):
        known = tensor_util.constant_value(sizes)
        if sizes.get_shape().ndims == 0:
            return array_ops.expand_dims(sizes, 0), known
        if sizes.get_shape().ndims == 1:
            return sizes, known
        raise ValueError("%s tensor must be either a scalar or vector, but saw tensor: %s"
                         % (what, sizes))
    shape = tensor_shape.as_shape([sizes] if sizes is None or isinstance(
        sizes, (int, tensor_shape.Dimension)) or hasattr(sizes, "__index__") else sizes)
    known = shape.as_list() if shape.ndims is not None else None
    whole = constant_op.constant(known, dtypes.int32) if shape.is_fully_defined() else None
    return whole, known


def _concat(prefix, suffix, static=False):
    """The sizes of a tensor, from those of its first and its other dimensions: a tensor, or what is
    known of them as a list."""
    first, first_known = _part(prefix, "prefix")
    rest, rest_known = _part(suffix, "suffix")
    if static:
        as_shape = tensor_shape.as_shape
        shape = as_shape(_sizes(first_known)).concatenate(as_shape(_sizes(rest_known)))
        return shape.as_list() if shape.ndims is not None else None
    if first is None or rest is None:
        raise ValueError("Provided a prefix or suffix of None: %s and %s" % (prefix, suffix))
    return array_ops.concat((first, rest), 0)


def _sizes(known):
    """Known values as sizes; a known number is one size."""
    return None if known is None else [int(known)] if getattr(known, "ndim", 1) == 0 else \
        [None if size is None else int(size) for size in known]


def _zero_state_tensors(state_size, batch_size, dtype):
    """Zeros of each size of a structure of sizes."""
    def zeros(size):
        made = array_ops.zeros(_concat(batch_size, size), dtype=dtype)
        made.set_shape(_static(batch_size, size))
        return made
    return nest.map_structure(zeros, state_size)


def _static(batch_size, size):
    known = _concat(batch_size, size, static=True)
    if known is None and isinstance(batch_size, ops.Tensor):
        rest = tensor_shape.as_shape([size] if isinstance(size, int) else size)
        known = tensor_shape.TensorShape([None]).concatenate(rest)
    return known


# ---- what all cells are ----

def assert_like_rnncell(cell_name, cell):
    """A TypeError if `cell` is no cell."""
    missing = [word for word, there in (
        ("'output_size' property is missing", hasattr(cell, "output_size")),
        ("'state_size' property is missing", hasattr(cell, "state_size")),
        ("either 'zero_state' or 'get_initial_state' method is required",
         hasattr(cell, "zero_state") or hasattr(cell, "get_initial_state")),
        ("is not callable", callable(cell))) if not there]
    if missing:
        raise TypeError("The argument %r (%s) is not an RNNCell: %s."
                        % (cell_name, cell, ", ".join(missing)))


class RNNCell(base.Layer):
    """A cell. Subclasses say `state_size` (a number, or a structure of numbers or shapes) and
    `output_size`, and define call(inputs, state) or __call__(inputs, state, scope=None), which give
    (output, next state)."""

    def __init__(self, trainable=True, name=None, dtype=None, **kwargs):
        base.Layer.__init__(self, trainable=trainable, name=name, dtype=dtype, **kwargs)

    def __call__(self, inputs, state, scope=None):
        """(output, next state); variables that call() gets are in the scope of the cell."""
        if scope is not None:
            with vs.variable_scope(scope, custom_getter=self._rnn_get_variable) as scope:
                return base.Layer.__call__(self, inputs, state, scope=scope)
        opened = getattr(self, "rnncell_scope", None)
        if opened is None:
            opened = self.rnncell_scope = vs.variable_scope(
                vs.get_variable_scope(), custom_getter=self._rnn_get_variable)
        with opened:
            return base.Layer.__call__(self, inputs, state)

    def _rnn_get_variable(self, getter, *args, **kwargs):
        """Notes the variables that call() gets as the cell's own."""
        variable = getter(*args, **kwargs)
        trains = variable in tf_variables.trainable_variables()
        kept = self._trainable_weights if trains else self._non_trainable_weights
        if not any(variable is one for one in kept):
            kept.append(variable)
        return variable

    @property
    def state_size(self):
        """The size of the state, or a structure of sizes."""
        raise NotImplementedError("Abstract method")

    @property
    def output_size(self):
        """The size of the output."""
        raise NotImplementedError("Abstract method")

    def build(self, _):
        pass

    def get_initial_state(self, inputs=None, batch_size=None, dtype=None):
        """The state before the first step: zeros, as many as `inputs` have rows."""
        if inputs is not None:
            inputs = ops.convert_to_tensor(inputs, name="inputs")
            batch_size, dtype = array_ops.shape(inputs)[0], inputs.dtype
        if batch_size is None or dtype is None:
            raise ValueError("batch_size and dtype cannot be None while constructing initial state:"
                             " batch_size=%s, dtype=%s" % (batch_size, dtype))
        return self.zero_state(batch_size, dtype)

    def zero_state(self, batch_size, dtype):
        """A state of zeros."""
        with ops.name_scope(type(self).__name__ + "ZeroState", values=[batch_size]):
            return _zero_state_tensors(self.state_size, batch_size, dtype)

    def get_config(self):
        """What the cell was made with, as far as it is the same for all cells."""
        return {"name": self.name, "trainable": self.trainable, "dtype": self.dtype}


class LayerRNNCell(RNNCell):
    """A cell whose variables are made by add_variable()."""

    def __call__(self, inputs, state, scope=None, *args, **kwargs):
        return base.Layer.__call__(self, inputs, state, scope=scope, *args, **kwargs)


class LSTMStateTuple(collections.namedtuple("LSTMStateTuple", ("c", "h"))):
    """The state of an LSTM cell: what it remembers, and what it last gave."""
    __slots__ = ()

    @property
    def dtype(self):
        """The type of both."""
        if self.c.dtype != self.h.dtype:
            raise TypeError("Inconsistent internal state: %s vs %s"
                            % (str(self.c.dtype), str(self.h.dtype)))
        return self.c.dtype
