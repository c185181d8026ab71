# SPDX-License-Identifier: Apache-2.0
"""The single operations of control flow, for tensors and for what is made of several tensors
(IndexedSlices, SparseTensor: one operation for each part). Conditions and loops are made of these
in C; here they are for programs that put a frame together by hand."""
import collections

from thalweg.framework import dtypes
from thalweg.framework import ops
from thalweg.ops import array_ops
from thalweg.ops import gen_array_ops
from thalweg.ops import gen_control_flow_ops
from thalweg.ops import math_ops
from thalweg.util import nest

Switched = collections.namedtuple("Switch", ["output_false", "output_true"])
Merged = collections.namedtuple("Merge", ["output", "value_index"])


def _as_tensors(value, as_ref=True, dtype=None, name=None):
    """A Tensor, IndexedSlices or SparseTensor as it is; anything else becomes a Tensor."""
    if isinstance(value, ops.Tensor) or hasattr(value, "_to_components"):
        return value
    return ops.internal_convert_to_tensor(value, dtype=dtype, name=name, as_ref=as_ref)


def _is_ref(tensor):
    return tensor.dtype._is_ref_dtype


def _each(function, data, name):
    """function(tensor, name) of a tensor, or of each part of a composite."""
    data = _as_tensors(data)
    if isinstance(data, ops.Tensor):
        return function(data, name)
    return nest.map_structure(lambda part: function(part, None), data, expand_composites=True)


def _by_reference(ref, plain):
    """A function for _each that takes `ref` for references."""
    return lambda tensor, name: (ref if _is_ref(tensor) else plain)(tensor, name=name)


def _Identity(data, name=None):
    """The same value; a reference stays one."""
    return _each(_by_reference(gen_array_ops.ref_identity, array_ops.identity), data, name)


def _NextIteration(data, name=None):
    """The value in the next iteration of its frame."""
    return _each(_by_reference(gen_control_flow_ops.ref_next_iteration,
                               gen_control_flow_ops.next_iteration), data, name)


def _Enter(data, frame_name, is_constant=False, parallel_iterations=10, use_ref=True,
           use_input_shape=True, name=None):
    """The value inside of a frame. With `is_constant` every iteration sees it."""
    def enter(tensor, name):
        node = (gen_control_flow_ops.ref_enter if use_ref and _is_ref(tensor)
                else gen_control_flow_ops.enter)
        result = node(tensor, frame_name, is_constant=is_constant,
                      parallel_iterations=parallel_iterations, name=name)
        if use_input_shape:
            result.set_shape(tensor.get_shape())
        return result
    return _each(enter, data, name)


def exit(data, name=None):  # pylint: disable=redefined-builtin
    """The value out of its frame."""
    return _each(_by_reference(gen_control_flow_ops.ref_exit, gen_control_flow_ops.exit), data,
                 name)


def switch(data, pred, dtype=None, name=None):
    """(data if not pred, data if pred): the side that is not taken is dead, and so is what
    depends on it."""
    with ops.name_scope(name, "Switch", [data, pred]) as scope:
        data = _as_tensors(data, dtype=dtype, name="data")
        pred = ops.convert_to_tensor(pred, name="pred")
        if isinstance(data, ops.Tensor):
            return Switched(*gen_control_flow_ops.switch(data, pred, name=scope))
        sides = [gen_control_flow_ops.switch(part, pred)
                 for part in nest.flatten(data, expand_composites=True)]
        return Switched(*[nest.pack_sequence_as(data, [pair[side] for pair in sides], True)
                          for side in range(2)])


def _SwitchRefOrTensor(data, pred, name="Switch"):
    """A Switch placed with its data; that of a reference gives references."""
    data = _as_tensors(data, name="data")
    with ops.colocate_with(data, ignore_existing=True):
        if isinstance(data, ops.Tensor) and _is_ref(data):
            return Switched(*gen_control_flow_ops.ref_switch(data, pred, name=name))
        return switch(data, pred, name=name)


def _as_slices(value):
    """A tensor as IndexedSlices of all its rows."""
    if isinstance(value, ops.IndexedSlices):
        return value
    if not isinstance(value, ops.Tensor):
        raise TypeError("Not a Tensor or IndexedSlices: %s" % type(value))
    shape = array_ops.shape(value)
    return ops.IndexedSlices(value, math_ops.range(0, shape[0]), shape)


def as_indexed_slices_list(values):
    """IndexedSlices whose indices are of one type: int64 if any are."""
    values = [_as_slices(value) for value in values]
    types = {value.indices.dtype for value in values}
    if len(types) == 1:
        return values
    return [ops.IndexedSlices(v.values, math_ops.cast(v.indices, dtypes.int64), v.dense_shape)
            if v.indices.dtype != dtypes.int64 else v for v in values]


def _merge_tensors(inputs, name=None):
    node = (gen_control_flow_ops.ref_merge if all(_is_ref(tensor) for tensor in inputs)
            else gen_control_flow_ops.merge)
    return Merged(*node(inputs, name=name))


def merge(inputs, name=None):
    """(the value of the only input that is alive, its number)."""
    if any(value is None for value in inputs):
        raise ValueError("At least one of the merge inputs is None: %s" % (inputs,))
    with ops.name_scope(name, "Merge", inputs) as scope:
        inputs = [_as_tensors(value) for value in inputs]
        if all(isinstance(value, ops.Tensor) for value in inputs):
            return _merge_tensors(inputs, scope)
        if all(isinstance(value, (ops.Tensor, ops.IndexedSlices)) for value in inputs):
            inputs = as_indexed_slices_list(inputs)
        for other in inputs[1:]:
            nest.assert_same_structure(inputs[0], other, expand_composites=True)
        parts = [nest.flatten(value, expand_composites=True) for value in inputs]
        merged = [_merge_tensors(list(part)) for part in zip(*parts)]
        output = nest.pack_sequence_as(inputs[0], [m.output for m in merged], True)
        return Merged(output, merged[0].value_index)


_Merge = merge


def enter(data, frame_name, is_constant=None, parallel_iterations=None, name=None):
    """The value inside of the frame `frame_name`."""
    return gen_control_flow_ops.enter(data, frame_name, is_constant=is_constant,
                                      parallel_iterations=parallel_iterations, name=name)


def next_iteration(data, name=None):
    """The value in the next iteration of its frame."""
    return gen_control_flow_ops.next_iteration(data, name=name)


def loop_cond(input, name=None):  # pylint: disable=redefined-builtin
    """The condition of a frame: its one LoopCond."""
    return gen_control_flow_ops.loop_cond(input, name=name)


def ref_select(index, inputs, name=None):
    """The reference inputs[index]."""
    return gen_control_flow_ops.ref_select(index, inputs, name=name)


def no_op(name=None):
    """An operation that does nothing, to put control dependencies on."""
    return gen_control_flow_ops.no_op(name=name)


def control_trigger(name=None):
    """An operation that runs even if what it waits for is dead."""
    return gen_control_flow_ops.control_trigger(name=name)
