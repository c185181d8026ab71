# SPDX-License-Identifier: Apache-2.0
"""What a tensor is to be: its shape, type and name."""
from thalweg.framework import dtypes, tensor_shape


class TensorSpec:
    """A shape, a type and perhaps a name."""
    __slots__ = ("_shape", "_dtype", "_name")

    def __init__(self, shape, dtype=dtypes.float32, name=None):
        self._shape, self._dtype = tensor_shape.TensorShape(shape), dtypes.as_dtype(dtype)
        self._name = name

    @classmethod
    def from_spec(cls, spec, name=None):
        """A copy, perhaps with another name."""
        return cls(spec.shape, spec.dtype, name or spec.name)

    @classmethod
    def from_tensor(cls, tensor, name=None):
        """What a tensor is."""
        return cls(tensor.shape, tensor.dtype, name or tensor.op.name)

    shape = property(lambda self: self._shape)
    dtype = property(lambda self: self._dtype)
    name = property(lambda self: self._name)

    def is_compatible_with(self, spec_or_tensor):
        """Whether a tensor may be what this says."""
        return self._dtype.is_compatible_with(spec_or_tensor.dtype) and \
            self._shape.is_compatible_with(spec_or_tensor.shape)

    def __repr__(self):
        return "TensorSpec(shape=%s, dtype=%r, name=%r)" % (self._shape, self._dtype, self._name)

    def __eq__(self, other):
        return isinstance(other, TensorSpec) and repr(self) == repr(other)

    def __hash__(self):
        return hash(repr(self))


__all__ = ["TensorSpec"]
