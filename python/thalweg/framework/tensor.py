# SPDX-License-Identifier: Apache-2.0
"""Tensor: an output of an operation. It has no value until a session runs it."""
from thalweg import _core
from thalweg.compat import behaviour
from thalweg.framework import dtypes, errors_impl, tensor_shape

_BOOL_OLD = ("Using a `tf.Tensor` as a Python `bool` is not allowed. Use `if t is not None:` "
             "instead of `if t:` to test if a tensor is defined, and use TensorFlow ops such as "
             "tf.cond to execute subgraphs conditioned on the value of a tensor.")


def _refuse(what):
    raise errors_impl.OperatorNotAllowedInGraphError(
        "%s is not allowed in Graph execution. Use Eager execution or decorate this function with "
        "@tf.function." % what)


class Tensor(_core.Tensor):
    """An output of an operation: `op`, `value_index`, `dtype`, `name`, `graph`, and a static shape
    of which parts may be unknown."""

    OVERLOADABLE_OPERATORS = {
        "__add__", "__radd__", "__sub__", "__rsub__", "__mul__", "__rmul__", "__div__", "__rdiv__",
        "__truediv__", "__rtruediv__", "__floordiv__", "__rfloordiv__", "__mod__", "__rmod__",
        "__lt__", "__le__", "__gt__", "__ge__", "__ne__", "__eq__", "__and__", "__rand__",
        "__or__", "__ror__", "__xor__", "__rxor__", "__getitem__", "__pow__", "__rpow__",
        "__invert__", "__neg__", "__abs__", "__matmul__", "__rmatmul__",
    }
    # NumPy's own operators give way to ours.
    __array_priority__ = 100

    @property
    def shape(self):
        """The static shape, as a TensorShape."""
        return tensor_shape.TensorShape(self._dims())

    get_shape = shape.fget

    @property
    def _shape(self):
        return tensor_shape.TensorShape(self._dims())

    def set_shape(self, shape):
        """Adds to what is known of the static shape; ValueError if it contradicts."""
        if shape is not None and not isinstance(shape, (list, tuple)):
            shape = tensor_shape.as_shape(shape)
        self._merge_shape(shape)

    def _shape_as_list(self):
        return self._dims()

    def _shape_tuple(self):
        dims = self._dims()
        return None if dims is None else tuple(dims)

    def _rank(self):
        dims = self._dims()
        return None if dims is None else len(dims)

    @property
    def ndim(self):
        """The static rank, or None."""
        return self._rank()

    @property
    def _id(self):
        return id(self)

    @property
    def _op(self):
        return self.op

    @property
    def _value_index(self):
        return self.value_index

    @property
    def _dtype(self):
        return self.dtype

    def consumers(self):
        """A list of the operations that read this tensor, once for each time they do."""
        return self.graph._consumers_of(self)

    @property
    def _consumers(self):
        return self.consumers()

    def _as_node_def_input(self):
        """The tensor's name as NodeDefs write it."""
        index = self.value_index
        return "%s:%d" % (self.op.name, index) if index else self.op.name

    def _as_tf_output(self):
        return self

    def eval(self, feed_dict=None, session=None):
        """The value in `session` or else the default one; what it takes to compute it is run."""
        from thalweg.framework import sessions
        return sessions.eval_using_default_session(self, feed_dict, self.graph, session)

    def experimental_ref(self):
        """A key for dictionaries and sets that stands for this tensor."""
        return TensorReference(self)

    ref = experimental_ref

    def __str__(self):
        dims = self._dims()
        shape = "" if dims is None else ", shape=%s" % self.shape
        device = self.device
        return 'Tensor("%s"%s, dtype=%s%s)' % (
            self.name, shape, self.dtype.name, ", device=%s" % device if device else "")

    def __repr__(self):
        return "<tf.Tensor '%s' shape=%s dtype=%s>" % (self.name, self.shape, self.dtype.name)

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self

    def __reduce__(self):
        raise TypeError("a Tensor cannot be pickled: it is part of a graph. Save the value that a "
                        "session gives, or the graph as a GraphDef.")

    def __bool__(self):
        if behaviour.bool_of_tensor == "true":
            return True
        if behaviour.tensor_iteration == "refused":
            raise TypeError(_BOOL_OLD)
        _refuse("using a `tf.Tensor` as a Python `bool`")

    __nonzero__ = __bool__

    def __iter__(self):
        if behaviour.tensor_iteration == "refused":
            raise TypeError("'Tensor' object is not iterable.")
        return self._rows()

    def _rows(self):
        _refuse("iterating over `tf.Tensor`")
        yield  # a generator, so that the refusal comes when the first row is asked for

    def __len__(self):
        raise TypeError("object of type 'Tensor' has no len()" if behaviour.tensor_iteration ==
                        "refused" else "len is not well defined for symbolic Tensors. (%s) Please "
                        "call `x.shape` rather than `len(x)` for shape information." % self.name)

    def __array__(self, dtype=None, copy=None):
        if behaviour.array_of_tensor == "object":
            import numpy as np
            array = np.empty((), object)
            array[()] = self
            return array
        raise NotImplementedError("Cannot convert a symbolic Tensor (%s) to a numpy array."
                                  % self.name)

    __array_ufunc__ = None  # NumPy's operators leave the work to the tensor's own

    @staticmethod
    def _override_operator(operator, func):
        """Makes `func` what an operator of all tensors does."""
        existing = Tensor.__dict__.get(operator)
        if existing is not None and not hasattr(existing, "stands_in"):
            raise ValueError("operator %s cannot be overwritten again on class %s."
                             % (operator, Tensor))
        if operator not in Tensor.OVERLOADABLE_OPERATORS:
            raise ValueError("Overriding %s is disallowed" % operator)
        setattr(Tensor, operator, func)

    __hash__ = object.__hash__


def _stand_in(operator):
    """The operator until the modules that define it are imported, which its first use does."""
    def load(self, *operands):
        from thalweg.ops import array_ops, math_ops  # noqa: F401
        return Tensor.__dict__[operator](self, *operands)
    load.stands_in = True
    return load


for _operator in Tensor.OVERLOADABLE_OPERATORS - {"__eq__", "__ne__"}:
    setattr(Tensor, _operator, _stand_in(_operator))


Tensor.__iter__.__qualname__ = Tensor._rows.__qualname__ = "Tensor.__iter__"
Tensor._rows.__name__ = "__iter__"


class TensorReference:
    """Stands for a tensor or variable by identity."""
    __slots__ = ("_object",)

    def __init__(self, thing):
        self._object = thing

    def deref(self):
        """The thing itself."""
        return self._object

    def __eq__(self, other):
        return isinstance(other, TensorReference) and other._object is self._object

    def __hash__(self):
        return id(self._object)


_TENSOR_LIKE_TYPES = (Tensor,)


def register_dense_tensor_like_type(tensor_type):
    """Lets objects with `name` and `dtype` properties stand for dense tensors."""
    global _TENSOR_LIKE_TYPES
    for needed in ("name", "dtype"):
        if not isinstance(getattr(tensor_type, needed, None), property):
            raise TypeError("Type %s does not define a `%s` property"
                            % (tensor_type.__name__, needed))
    _TENSOR_LIKE_TYPES += (tensor_type,)


def is_dense_tensor_like(thing):
    """Whether it is a Tensor or may stand for one (a variable)."""
    return isinstance(thing, _TENSOR_LIKE_TYPES)


def dtypes_by_number():
    """{number: DType} for the extension."""
    return dict(dtypes._INTERN_TABLE)
