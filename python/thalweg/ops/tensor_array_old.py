# SPDX-License-Identifier: Apache-2.0
"""TensorArray as TensorFlow 0.7 had it: handles are names, taken as they are; elements may have
shapes of their own and may be read again."""
from thalweg.framework import constant_op
from thalweg.framework import dtypes
from thalweg.framework import ops
from thalweg.ops import gen_data_flow_ops
from thalweg.ops import tensor_array_ops


class TensorArray(tensor_array_ops.TensorArray):
    """A list of tensors of one type that a run fills."""

    def __init__(self, dtype, size=None, dynamic_size=None, tensor_array_name=None, handle=None,
                 flow=None, name=None):
        tensor_array_ops.TensorArray.__init__(
            self, dtype, size=size, dynamic_size=dynamic_size,
            tensor_array_name=tensor_array_name, handle=handle, flow=flow, infer_shape=False,
            colocate_with_first_write_call=False, name=name)

    def _new(self, size, dynamic_size, clear_after_read, tensor_array_name, scope):
        handle = gen_data_flow_ops.tensor_array(
            dtype=self._dtype, size=size, dynamic_size=bool(dynamic_size), clear_after_read=False,
            tensor_array_name=tensor_array_name, name=scope)
        handle.op._set_attr("_exact_name", True)
        return handle, constant_op.constant(0, dtypes.float32)

    def grad(self, source, flow=None, name=None):
        """The array of the derivatives by the elements; `source` names who asks."""
        flow = self._flow if flow is None else flow
        handle = gen_data_flow_ops.tensor_array_grad(
            handle=self._handle, source=source, flow_in=flow, name=name)
        return TensorArray(dtype=self._dtype, handle=handle, flow=flow)

    def read(self, index, name=None):
        """The element `index`."""
        return gen_data_flow_ops.tensor_array_read(
            handle=self._handle, index=index, flow_in=self._flow, dtype=self._dtype, name=name)

    def write(self, index, value, name=None):
        """The array with `value` as its element `index`."""
        return self._after(gen_data_flow_ops.tensor_array_write(
            handle=self._handle, index=index, value=value, flow_in=self._flow, name=name))

    def pack(self, name=None):
        """All elements along a new first dimension."""
        return gen_data_flow_ops.tensor_array_pack(
            handle=self._handle, flow_in=self._flow, dtype=self._dtype, name=name)

    def unpack(self, value, name=None):
        """The array with the rows of `value` as its elements."""
        return self._after(gen_data_flow_ops.tensor_array_unpack(
            handle=self._handle, value=value, flow_in=self._flow, name=name))

    def concat(self, name=None):
        """The elements one after the other along their first dimension."""
        value, _ = gen_data_flow_ops.tensor_array_concat(
            handle=self._handle, flow_in=self._flow, dtype=self._dtype, name=name)
        return value

    def split(self, value, lengths, name=None):
        """The array with pieces of `value`, of these lengths, as its elements."""
        lengths = ops.convert_to_tensor(lengths, dtype=dtypes.int64)
        return self._after(gen_data_flow_ops.tensor_array_split(
            handle=self._handle, value=value, lengths=lengths, flow_in=self._flow, name=name))

    def size(self, name=None):
        """How many elements it has."""
        return gen_data_flow_ops.tensor_array_size(
            handle=self._handle, flow_in=self._flow, name=name)

    def close(self, name=None):
        """An operation that gives the memory back."""
        return gen_data_flow_ops.tensor_array_close(handle=self._handle, name=name)

    stack, unstack = pack, unpack
