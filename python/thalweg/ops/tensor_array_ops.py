# SPDX-License-Identifier: Apache-2.0
"""TensorArray: a list of tensors that a run fills, mostly in a loop. An object stands for the
array after what was done so far: its flow is a tensor that orders reads behind writes."""
import contextlib

from thalweg.framework import constant_op
from thalweg.framework import dtypes
from thalweg.framework import ops
from thalweg.framework import tensor_shape
from thalweg.framework import tensor_util
from thalweg.ops import array_ops
from thalweg.ops import gen_data_flow_ops
from thalweg.ops import math_ops
from thalweg.platform import tf_logging as logging


def _refuse(first, second):
    raise ValueError("Cannot provide both a %s and %s at the same time" % (first, second))


class TensorArray:
    """A list of tensors of one type, written once each and read, whole or one by one."""

    def __init__(self, dtype, size=None, dynamic_size=None, clear_after_read=None,
                 tensor_array_name=None, handle=None, flow=None, infer_shape=True,
                 element_shape=None, colocate_with_first_write_call=True, name=None):
        """A new array of `size` elements (more if `dynamic_size`), or that of a `handle`.

        All elements have `element_shape`; with `infer_shape`, what is known of the first one's
        shape must hold for the others. Without `clear_after_read` an element may be read again."""
        self._check_arguments(size, dynamic_size, clear_after_read, tensor_array_name, handle,
                              element_shape)
        self._dtype = dtypes.as_dtype(dtype).base_dtype
        self._infer_shape = infer_shape
        self._element_shape = tensor_shape.as_shape(element_shape)
        self._dynamic_size = bool(dynamic_size)
        self._colocate_with = [] if handle is None and colocate_with_first_write_call else None
        with ops.name_scope(name, "TensorArray", [handle, size, flow]) as scope:
            if handle is not None:
                self._handle = handle
                self._flow = constant_op.constant(0, dtypes.float32) if flow is None else flow
                return
            # Where the array lives is said by its first write.
            anywhere = colocate_with_first_write_call
            with ops.device(None) if anywhere else contextlib.nullcontext(), \
                    ops.colocate_with(None, ignore_existing=True) if anywhere \
                    else contextlib.nullcontext():
                self._handle, self._flow = self._new(size, dynamic_size, clear_after_read,
                                                     tensor_array_name, scope)
            if flow is not None:
                self._flow = flow

    @staticmethod
    def _check_arguments(size, dynamic_size, clear_after_read, tensor_array_name, handle,
                         element_shape):
        if handle is None:
            if size is None:
                raise ValueError("Size must be provided if handle is not provided")
            return
        if tensor_array_name:
            raise ValueError("Cannot construct with both handle and tensor_array_name")
        if not isinstance(handle, ops.Tensor):
            raise TypeError("Handle must be a Tensor")
        for given, what in ((size, "size"), (dynamic_size, "dynamic_size"),
                            (clear_after_read, "clear_after_read"),
                            (element_shape, "element_shape")):
            if given is not None:
                _refuse("handle", what)

    def _new(self, size, dynamic_size, clear_after_read, tensor_array_name, scope):
        return gen_data_flow_ops.tensor_array_v3(
            dtype=self._dtype, size=size, element_shape=self._element_shape,
            identical_element_shapes=self._infer_shape, dynamic_size=bool(dynamic_size),
            clear_after_read=True if clear_after_read is None else clear_after_read,
            tensor_array_name=tensor_array_name, name=scope)

    # ---- what is known ----

    @property
    def dtype(self):
        """The type of the elements."""
        return self._dtype

    @property
    def handle(self):
        """The tensor that names the array in a run."""
        return self._handle

    @property
    def flow(self):
        """The tensor that is known once everything done so far has run."""
        return self._flow

    @property
    def element_shape(self):
        """What is known of each element's shape."""
        return self._element_shape

    @property
    def dynamic_size(self):
        """Whether writes behind the end make it longer."""
        return self._dynamic_size

    def _after(self, flow):
        """The same array in a later state."""
        return build_ta_with_new_flow(self, flow)

    def _saw_shape(self, shape):
        """Notes what an element's shape says of the others."""
        if not self._element_shape.is_compatible_with(shape):
            if self._infer_shape or self._element_shape.is_fully_defined():
                raise ValueError("Inconsistent shapes: saw %s but expected %s"
                                 % (shape, self._element_shape))
        elif self._infer_shape:
            self._element_shape = self._element_shape.merge_with(shape)

    def _check_dtype(self, value):
        if value.dtype.base_dtype != self._dtype:
            logging.error("Error: Input value %s has dtype %s, but expected dtype %s. The run will "
                          "refuse it.", value, value.dtype, self._dtype)

    def _placed_with(self, value):
        """The first value that is written says where the array is."""
        if self._colocate_with is None:
            return contextlib.nullcontext()
        if not self._colocate_with:
            self._colocate_with.append(value)
        return ops.colocate_with(self._colocate_with[0])

    def _as_value(self, value, dtype=None):
        return ops.convert_to_tensor(value, dtype=dtype, preferred_dtype=self._dtype, name="value")

    # ---- one element ----

    def read(self, index, name=None):
        """The element `index`."""
        value = gen_data_flow_ops.tensor_array_read_v3(
            handle=self._handle, index=index, flow_in=self._flow, dtype=self._dtype, name=name)
        if self._element_shape.ndims is not None:
            value.set_shape(self._element_shape)
        return value

    def write(self, index, value, name=None):
        """The array with `value` as its element `index`."""
        with ops.name_scope(name, "TensorArrayWrite", [self._handle, index, value]):
            value = self._as_value(value)
            self._check_dtype(value)
            self._saw_shape(value.get_shape())
            with self._placed_with(value):
                flow = gen_data_flow_ops.tensor_array_write_v3(
                    handle=self._handle, index=index, value=value, flow_in=self._flow, name=name)
            return self._after(flow)

    # ---- all elements, along a new first dimension ----

    def stack(self, name=None):
        """All elements as one tensor."""
        with ops.colocate_with(self._handle), \
                ops.name_scope(name, "TensorArrayStack", [self._handle]):
            return self.gather(math_ops.range(0, self.size()), name=name)

    def gather(self, indices, name=None):
        """The elements of these indices as one tensor."""
        value = gen_data_flow_ops.tensor_array_gather_v3(
            handle=self._handle, indices=indices, flow_in=self._flow, dtype=self._dtype,
            element_shape=self._element_shape, name=name)
        if self._element_shape.ndims is not None:
            value.set_shape(tensor_shape.TensorShape([None]).concatenate(self._element_shape))
        return value

    def unstack(self, value, name=None):
        """The array with the rows of `value` as its elements."""
        with ops.name_scope(name, "TensorArrayUnstack", [self._handle, value]):
            count = array_ops.shape(value)[0]
            return self.scatter(math_ops.range(0, count), value, name=name)

    def scatter(self, indices, value, name=None):
        """The array with the rows of `value` as its elements of these indices."""
        with ops.name_scope(name, "TensorArrayScatter", [self._handle, value, indices]):
            value = self._as_value(value)
            self._check_dtype(value)
            self._saw_shape(value.get_shape()[1:])
            with self._placed_with(value):
                flow = gen_data_flow_ops.tensor_array_scatter_v3(
                    handle=self._handle, indices=indices, value=value, flow_in=self._flow,
                    name=name)
            return self._after(flow)

    pack = stack  # as they were called up to 0.12
    unpack = unstack

    # ---- all elements, along their own first dimension ----

    def concat(self, name=None):
        """The elements one after the other as one tensor."""
        known = self._element_shape.ndims is not None
        rest = self._element_shape[1:] if known else tensor_shape.unknown_shape()
        value, _ = gen_data_flow_ops.tensor_array_concat_v3(
            handle=self._handle, flow_in=self._flow, dtype=self._dtype,
            element_shape_except0=rest, name=name)
        if known:
            value.set_shape(tensor_shape.TensorShape([None]).concatenate(rest))
        return value

    def split(self, value, lengths, name=None):
        """The array with pieces of `value`, of these lengths, as its elements."""
        with ops.name_scope(name, "TensorArraySplit", [self._handle, value, lengths]):
            value = self._as_value(value)
            self._check_dtype(value)
            with self._placed_with(value):
                lengths = math_ops.cast(lengths, dtypes.int64)
            known = tensor_util.constant_value(lengths)
            if value.get_shape().ndims is not None and known is not None and known.size \
                    and known.max() == known.min():
                self._saw_shape(tensor_shape.TensorShape([int(known.flat[0])]).concatenate(
                    value.get_shape()[1:]))
            with self._placed_with(value):
                flow = gen_data_flow_ops.tensor_array_split_v3(
                    handle=self._handle, value=value, lengths=lengths, flow_in=self._flow,
                    name=name)
            return self._after(flow)

    # ---- the array itself ----

    def size(self, name=None):
        """How many elements it has."""
        with ops.colocate_with(self._handle):
            return gen_data_flow_ops.tensor_array_size_v3(
                handle=self._handle, flow_in=self._flow, name=name)

    def identity(self):
        """The same array, its flow through an operation."""
        return self._after(array_ops.identity(self._flow))

    def grad(self, source, flow=None, name=None):
        """The array of the derivatives by the elements; `source` names who asks."""
        flow = self._flow if flow is None else flow
        with ops.name_scope(name, "TensorArrayGrad", [self._handle]), \
                ops.colocate_with(self._handle):
            handle, _ = gen_data_flow_ops.tensor_array_grad_v3(
                handle=self._handle, source=source, flow_in=flow, name=name)
            with ops.control_dependencies([handle]):
                flow = array_ops.identity(flow, name="gradient_flow")
            array = TensorArray(dtype=self._dtype, handle=handle, flow=flow,
                                infer_shape=self._infer_shape,
                                colocate_with_first_write_call=False)
            array._element_shape = self._element_shape
            return array

    def close(self, name=None):
        """An operation that gives the memory back."""
        return gen_data_flow_ops.tensor_array_close_v3(handle=self._handle, name=name)


def build_ta_with_new_flow(old_ta, flow):
    """The array `old_ta` in the state that `flow` stands for."""
    new = object.__new__(type(old_ta))
    new.__dict__.update(old_ta.__dict__)
    new._flow = flow
    return new
