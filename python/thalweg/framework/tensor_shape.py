# SPDX-License-Identifier: Apache-2.0
"""What is known of a tensor's shape while the graph is built: nothing, the rank, some or all sizes.

A comparison with an unknown size is neither true nor false: it gives None."""
import operator

from thalweg import protos as _protos


def _size_of(value):
    """An int or None from anything that can be a size."""
    if value is None or type(value) is int:
        pass
    elif isinstance(value, Dimension):
        return value._value
    elif hasattr(value, "as_datatype_enum"):
        raise TypeError("Cannot convert %s to Dimension" % (value,))
    else:
        size = int(value)
        if not isinstance(value, (str, bytes)) and value != size:
            raise ValueError("Ambiguous dimension: %s" % value)
        value = size
    if value is not None and value < 0:
        raise ValueError("Dimension %d must be >= 0" % value)
    return value


def _mark(size):
    return "?" if size is None else str(size)


class Dimension:
    """One size: `value` is an int, or None if it is not known."""
    __slots__ = ("_value",)

    def __init__(self, value):
        self._value = _size_of(value)

    @property
    def value(self):
        return self._value

    def __repr__(self):
        return "Dimension(%s)" % self._value

    def __str__(self):
        return _mark(self._value)

    def _compare(self, other, operation):
        try:
            other = as_dimension(other)._value
        except (TypeError, ValueError):
            return NotImplemented
        if self._value is None or other is None:
            return None
        return operation(self._value, other)

    def _order(self, other, operation):
        other = as_dimension(other)._value
        if self._value is None or other is None:
            return None
        return operation(self._value, other)

    def __eq__(self, other):
        return self._compare(other, operator.eq)

    def __ne__(self, other):
        return self._compare(other, operator.ne)

    def __lt__(self, other):
        return self._order(other, operator.lt)

    def __le__(self, other):
        return self._order(other, operator.le)

    def __gt__(self, other):
        return self._order(other, operator.gt)

    def __ge__(self, other):
        return self._order(other, operator.ge)

    __hash__ = None

    def __int__(self):
        if self._value is None:
            raise TypeError("an unknown Dimension is no int: __int__ returned non-int "
                            "(type NoneType)")
        return self._value

    __long__ = __int__

    def __index__(self):
        return self.__int__()

    def _combine(self, other, operation, swapped=False):
        try:
            other = as_dimension(other)._value
        except (TypeError, ValueError):
            return NotImplemented
        if self._value is None or other is None:
            return Dimension(None)
        return Dimension(operation(other, self._value) if swapped
                         else operation(self._value, other))

    def __add__(self, other):
        return self._combine(other, operator.add)

    def __radd__(self, other):
        return self._combine(other, operator.add, True)

    def __sub__(self, other):
        return self._combine(other, operator.sub)

    def __rsub__(self, other):
        return self._combine(other, operator.sub, True)

    def __mul__(self, other):
        return self._combine(other, operator.mul)

    def __rmul__(self, other):
        return self._combine(other, operator.mul, True)

    def __floordiv__(self, other):
        return self._combine(other, operator.floordiv)

    def __rfloordiv__(self, other):
        return self._combine(other, operator.floordiv, True)

    __div__ = __floordiv__

    def __mod__(self, other):
        return self._combine(other, operator.mod)

    def __rmod__(self, other):
        return self._combine(other, operator.mod, True)

    def __truediv__(self, other):
        raise TypeError("unsupported operand type(s) for /: 'Dimension' and '%s', please use // "
                        "instead" % type(other).__name__)

    def __rtruediv__(self, other):
        raise TypeError("unsupported operand type(s) for /: '%s' and 'Dimension', please use // "
                        "instead" % type(other).__name__)

    def __reduce__(self):
        return Dimension, (self._value,)

    def is_compatible_with(self, other):
        """Whether both may be the same size."""
        other = as_dimension(other)
        return self._value is None or other._value is None or self._value == other._value

    def assert_is_compatible_with(self, other):
        """Raises ValueError if the two sizes cannot be the same."""
        if not self.is_compatible_with(other):
            raise ValueError("Dimensions %s and %s are not compatible" % (self, other))

    def merge_with(self, other):
        """The size that both know together; ValueError if they contradict each other."""
        other = as_dimension(other)
        self.assert_is_compatible_with(other)
        return Dimension(other._value if self._value is None else self._value)


def as_dimension(value):
    """A Dimension of an int, None or a Dimension."""
    return value if isinstance(value, Dimension) else Dimension(value)


def _sizes_of(dims):
    """The sizes of anything that can be a shape: a list of int and None, or None."""
    if dims is None:
        return None
    if isinstance(dims, TensorShape):
        return dims._sizes
    if isinstance(dims, (str, bytes)):
        raise TypeError("A string has ambiguous TensorShape, please wrap in a list or convert to "
                        "an int: %s" % dims)
    if hasattr(dims, "unknown_rank"):
        if dims.unknown_rank:
            return None
        return [d.size if d.size != -1 else None for d in dims.dim]
    try:
        items = iter(dims)
    except TypeError:
        return [_size_of(dims)]
    return [size if type(size) is int and size >= 0 or size is None else _size_of(size)
            for size in items]


class TensorShape:
    """A shape: `dims` is a list of Dimension, or None if not even the rank is known."""
    __slots__ = ("_sizes",)

    def __init__(self, dims):
        self._sizes = _sizes_of(dims)

    @property
    def dims(self):
        return None if self._sizes is None else [Dimension(s) for s in self._sizes]

    @property
    def _dims(self):
        return self.dims

    @property
    def ndims(self):
        """The rank, or None."""
        return None if self._sizes is None else len(self._sizes)

    rank = ndims

    def __repr__(self):
        return "TensorShape(%r)" % self.dims

    def __str__(self):
        if self._sizes is None:
            return "<unknown>"
        if len(self._sizes) == 1:
            return "(%s,)" % _mark(self._sizes[0])
        return "(%s)" % ", ".join(map(_mark, self._sizes))

    def __len__(self):
        if self._sizes is None:
            raise ValueError("Cannot take the length of shape with unknown rank.")
        return len(self._sizes)

    def __bool__(self):
        return self._sizes is not None

    __nonzero__ = __bool__

    def __iter__(self):
        if self._sizes is None:
            raise ValueError("Cannot iterate over a shape with unknown rank.")
        return iter(self.dims)

    def __getitem__(self, key):
        if self._sizes is not None:
            if isinstance(key, slice):
                return TensorShape(self._sizes[key])
            try:
                return Dimension(self._sizes[key])
            except IndexError:
                raise IndexError("list index out of range: %s in shape %s"
                                 % (key, self)) from None
        if not isinstance(key, slice):
            return Dimension(None)
        start, stop = key.start or 0, key.stop
        if key.step is not None:
            raise ValueError("Steps are not yet handled")
        if stop is None or start < 0 or stop < 0:
            return unknown_shape()
        return unknown_shape(max(stop - start, 0))

    def num_elements(self):
        """How many elements such a tensor has, or None."""
        if self._sizes is None or None in self._sizes:
            return None
        count = 1
        for size in self._sizes:
            count *= size
        return count

    def merge_with(self, other):
        """The shape that both know together; ValueError if they contradict each other."""
        other = as_shape(other)
        if self._sizes is None:
            return other
        if other._sizes is None:
            return self
        if not self.is_compatible_with(other):
            raise ValueError("Shapes %s and %s are not compatible" % (self, other))
        return TensorShape([b if a is None else a for a, b in zip(self._sizes, other._sizes)])

    def __add__(self, other):
        try:
            other = as_shape(other)
        except TypeError:
            return NotImplemented
        return self.concatenate(other)

    def __radd__(self, other):
        try:
            other = as_shape(other)
        except TypeError:
            return NotImplemented
        return other.concatenate(self)

    def concatenate(self, other):
        """The sizes of this shape and then those of the other."""
        other = as_shape(other)
        if self._sizes is None or other._sizes is None:
            return unknown_shape()
        return TensorShape(self._sizes + other._sizes)

    def assert_same_rank(self, other):
        """Raises ValueError if the ranks are known and differ."""
        other = as_shape(other)
        if self._sizes is not None and other._sizes is not None and len(self) != len(other):
            raise ValueError("Shapes %s and %s must have the same rank" % (self, other))

    def assert_has_rank(self, rank):
        """Raises ValueError if the rank is known and another."""
        if self.ndims not in (None, rank):
            raise ValueError("Shape %s must have rank %d" % (self, rank))

    def with_rank(self, rank):
        """This shape with what follows from its having this rank."""
        try:
            return self.merge_with(unknown_shape(rank))
        except ValueError:
            raise ValueError("Shape %s must have rank %d" % (self, rank)) from None

    def with_rank_at_least(self, rank):
        """This shape; ValueError if its rank is known to be smaller."""
        if self.ndims is not None and self.ndims < rank:
            raise ValueError("Shape %s must have rank at least %d" % (self, rank))
        return self

    def with_rank_at_most(self, rank):
        """This shape; ValueError if its rank is known to be larger."""
        if self.ndims is not None and self.ndims > rank:
            raise ValueError("Shape %s must have rank at most %d" % (self, rank))
        return self

    def is_compatible_with(self, other):
        """Whether a tensor may have both shapes."""
        mine, other = self._sizes, as_shape(other)._sizes
        if mine is None or other is None:
            return True
        return len(mine) == len(other) and all(
            a is None or b is None or a == b for a, b in zip(mine, other))

    def assert_is_compatible_with(self, other):
        """Raises ValueError if no tensor can have both shapes."""
        if not self.is_compatible_with(other):
            raise ValueError("Shapes %s and %s are incompatible" % (self, other))

    def most_specific_compatible_shape(self, other):
        """The shape that allows both and as little else as possible."""
        other = as_shape(other)
        if self._sizes is None or other._sizes is None or len(self) != len(other):
            return unknown_shape()
        return TensorShape([a if a == b else None for a, b in zip(self._sizes, other._sizes)])

    def is_fully_defined(self):
        """Whether every size is known."""
        return self._sizes is not None and None not in self._sizes

    def assert_is_fully_defined(self):
        """Raises ValueError if a size is not known."""
        if not self.is_fully_defined():
            raise ValueError("Shape %s is not fully defined" % self)

    def as_list(self):
        """The sizes, None for those that are not known."""
        if self._sizes is None:
            raise ValueError("as_list() is not defined on an unknown TensorShape.")
        return list(self._sizes)

    def as_proto(self):
        """The shape as a TensorShapeProto."""
        proto = _protos.TensorShapeProto()
        if self._sizes is None:
            proto.unknown_rank = True
        else:
            for size in self._sizes:
                proto.dim.add(size=-1 if size is None else size)
        return proto

    def __eq__(self, other):
        """True if both have the same sizes and all are known, or neither knows its rank."""
        try:
            other = as_shape(other)
        except (TypeError, ValueError):
            return NotImplemented
        if self._sizes is None or other._sizes is None:
            return self._sizes is other._sizes
        return None not in self._sizes and self._sizes == other._sizes

    def __ne__(self, other):
        try:
            other = as_shape(other)
        except (TypeError, ValueError):
            return NotImplemented
        if self._sizes is None or other._sizes is None:
            raise ValueError("The inequality of unknown TensorShapes is undefined.")
        return None in self._sizes or self._sizes != other._sizes

    __hash__ = None

    def __reduce__(self):
        return TensorShape, (self._sizes,)


TensorShapeV1 = TensorShape


def as_shape(shape):
    """A TensorShape of a TensorShape, a sequence of sizes, one size, None or a proto."""
    return shape if isinstance(shape, TensorShape) else TensorShape(shape)


def unknown_shape(rank=None, ndims=None, **unused):
    """The shape of which nothing but the rank, if given, is known."""
    rank = ndims if rank is None else rank
    return TensorShape(None) if rank is None else TensorShape([None] * rank)


def scalar():
    """The shape of a scalar."""
    return TensorShape([])


def vector(length):
    """The shape of a vector."""
    return TensorShape([length])


def matrix(rows, cols):
    """The shape of a matrix."""
    return TensorShape([rows, cols])


def dimension_value(dimension):
    """The int or None in a Dimension; other values as they are."""
    return dimension._value if isinstance(dimension, Dimension) else dimension


def dimension_at_index(shape, index):
    """The Dimension at an index, unknown if the rank is."""
    return Dimension(None) if shape.ndims is None else shape.dims[index]


__all__ = ["Dimension", "TensorShape", "dimension_at_index", "dimension_value"]
