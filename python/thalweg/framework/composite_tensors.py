# SPDX-License-Identifier: Apache-2.0
"""IndexedSlices and SparseTensor: values made of several tensors."""
import collections

from thalweg.compat import behaviour
from thalweg.framework import dtypes, tensor_shape

IndexedSlicesValue = collections.namedtuple("IndexedSlicesValue", "values indices dense_shape")
SparseTensorValue = collections.namedtuple("SparseTensorValue", "indices values dense_shape")
SparseTensorValue.shape = SparseTensorValue.dense_shape


def _old_shape():
    """Whether `sparse.shape` is the tensor, as it once was, and not the static shape."""
    return behaviour.sparse_shape == "tensor"


class IndexedSlices:
    """Rows of a larger tensor: row indices[i] of it is values[i]; equal indices add up. The
    gradient of a gather is such."""

    def __init__(self, values, indices, dense_shape=None):
        from thalweg.framework import default_graph
        default_graph._get_graph_from_inputs(
            [values, indices] + ([] if dense_shape is None else [dense_shape]))
        self._values, self._indices, self._dense_shape = values, indices, dense_shape

    values = property(lambda self: self._values, doc="The rows.")
    indices = property(lambda self: self._indices, doc="Which rows they are.")
    dense_shape = property(lambda self: self._dense_shape,
                           doc="The shape of the larger tensor, a tensor, or None.")
    name = property(lambda self: self._values.name)
    device = property(lambda self: self._values.device)
    op = property(lambda self: self._values.op)
    dtype = property(lambda self: self._values.dtype)
    graph = property(lambda self: self._values.graph)

    @property
    def shape(self):
        """The static shape of the larger tensor."""
        from thalweg.framework import tensor_util
        if self._dense_shape is None:
            return tensor_shape.unknown_shape()
        return tensor_util.constant_value_as_shape(self._dense_shape)

    get_shape = shape.fget

    def consumers(self):
        """The operations that read one of the parts."""
        return self._values.consumers() + self._indices.consumers()

    def __str__(self):
        return "IndexedSlices(indices=%s, values=%s%s)" % (
            self._indices, self._values,
            "" if self._dense_shape is None else ", dense_shape=%s" % self._dense_shape)

    def _to_components(self):
        return [self._values, self._indices] + (
            [] if self._dense_shape is None else [self._dense_shape])

    @staticmethod
    def _from_components(components):
        return IndexedSlices(*components)

    def __neg__(self):
        return IndexedSlices(-self.values, self.indices, self.dense_shape)


class SparseTensor:
    """A tensor of which only some elements are not zero: values[i] stands at indices[i]."""

    def __init__(self, indices, values, dense_shape=None, shape=None):
        from thalweg.framework import conversion, default_graph
        dense_shape = shape if dense_shape is None else dense_shape
        with default_graph.name_scope(None, "SparseTensor", [indices, values, dense_shape]):
            convert = conversion.convert_to_tensor
            indices = convert(indices, name="indices", dtype=dtypes.int64)
            values = conversion.internal_convert_to_tensor(values, name="values")
            dense_shape = convert(dense_shape, name="dense_shape" if shape is None else "shape",
                                  dtype=dtypes.int64)
        self._indices, self._values, self._dense_shape = indices, values, dense_shape
        indices_shape = indices.get_shape().with_rank(2)
        values_shape = values.get_shape().with_rank(1)
        dense_shape_shape = dense_shape.get_shape().with_rank(1)
        indices_shape[0].merge_with(values_shape[0])
        indices_shape[1].merge_with(dense_shape_shape[0])

    @classmethod
    def from_value(cls, sparse_tensor_value):
        """A SparseTensor of a SparseTensor or SparseTensorValue."""
        if not is_sparse(sparse_tensor_value):
            raise TypeError("Neither a SparseTensor nor SparseTensorValue: %s."
                            % (sparse_tensor_value,))
        return cls(*(getattr(sparse_tensor_value, p)
                     for p in ("indices", "values", "dense_shape")))

    indices = property(lambda self: self._indices, doc="Where the values stand, a row each.")
    values = property(lambda self: self._values, doc="The values.")
    dense_shape = property(lambda self: self._dense_shape, doc="The shape as a tensor.")
    op = property(lambda self: self._values.op)
    dtype = property(lambda self: self._values.dtype)
    graph = property(lambda self: self._indices.graph)

    def get_shape(self):
        """The static shape."""
        from thalweg.framework import tensor_util
        return tensor_util.constant_value_as_shape(self._dense_shape)

    @property
    def shape(self):
        return self._dense_shape if _old_shape() else self.get_shape()

    def consumers(self):
        """The operations that read one of the parts."""
        return (self._indices.consumers() + self._values.consumers() +
                self._dense_shape.consumers())

    def __str__(self):
        return "SparseTensor(indices=%s, values=%s, %s=%s)" % (
            self._indices, self._values,
            "shape" if _old_shape() else "dense_shape", self._dense_shape)

    def eval(self, feed_dict=None, session=None):
        """A SparseTensorValue, computed in `session` or the default one."""
        from thalweg.framework import sessions
        parts = [self.indices, self.values, self.dense_shape]
        return SparseTensorValue(
            *sessions.eval_using_default_session(parts, feed_dict, self.graph, session))

    @staticmethod
    def _override_operator(operator, func):
        if operator in vars(SparseTensor):
            raise ValueError("operator %s cannot be overwritten again on class %s."
                             % (operator, SparseTensor))
        setattr(SparseTensor, operator, func)


def is_sparse(thing):
    """Whether it is a SparseTensor or its value."""
    return isinstance(thing, (SparseTensor, SparseTensorValue))
