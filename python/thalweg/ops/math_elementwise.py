# SPDX-License-Identifier: Apache-2.0
"""Functions of numbers, element by element."""
from thalweg.framework import dtypes, ops
from thalweg.ops import gen_math_ops

linspace = lin_space = gen_math_ops.lin_space


def equal(x, y, name=None):
    """Whether elements are the same."""
    return gen_math_ops.equal(x, y, name=name)


def not_equal(x, y, name=None):
    """Whether elements differ."""
    return gen_math_ops.not_equal(x, y, name=name)


def abs(x, name=None):  # noqa: A001
    """The absolute value; of a complex number its distance from 0."""
    with ops.name_scope(name, "Abs", [x]) as scope:
        if isinstance(x, ops.SparseTensor):
            return _sparse(x, gen_math_ops._abs(x.values, name=scope))
        x = ops.convert_to_tensor(x, name="x")
        if x.dtype.is_complex:
            return gen_math_ops.complex_abs(x, Tout=x.dtype.real_dtype, name=scope)
        return gen_math_ops._abs(x, name=scope)


def _sparse(x, values):
    return ops.SparseTensor(indices=x.indices, values=values, dense_shape=x.dense_shape)


def _dense_or_sparse(op, x, name, default):
    """A function of each element; of a sparse tensor's values alone where it keeps zeros."""
    if isinstance(x, ops.SparseTensor):
        with ops.name_scope(name, default, [x]) as scope:
            return _sparse(x, op(x.values, name=scope))
    return op(x, name=name)


def negative(x, name=None):
    """-x"""
    return _dense_or_sparse(gen_math_ops.neg, x, name, "Neg")


def sign(x, name=None):
    """-1, 0 or 1 as x is below, equal to or above 0."""
    return _dense_or_sparse(gen_math_ops.sign, x, name, "Sign")


def square(x, name=None):
    """x * x"""
    return _dense_or_sparse(gen_math_ops.square, x, name, "Square")


def sqrt(x, name=None):
    """The square root."""
    return _dense_or_sparse(gen_math_ops.sqrt, x, name, "Sqrt")


def erf(x, name=None):
    """The error function."""
    return _dense_or_sparse(gen_math_ops.erf, x, name, "Erf")


def tanh(x, name=None):
    """The hyperbolic tangent."""
    return _dense_or_sparse(gen_math_ops.tanh, x, name, "Tanh")


def sigmoid(x, name=None):
    """1 / (1 + exp(-x))"""
    with ops.name_scope(name, "Sigmoid", [x]) as scope:
        return gen_math_ops.sigmoid(ops.convert_to_tensor(x, name="x"), name=scope)


def log_sigmoid(x, name=None):
    """log(sigmoid(x))"""
    from thalweg.ops import gen_nn_ops
    with ops.name_scope(name, "LogSigmoid", [x]) as scope:
        x = ops.convert_to_tensor(x, name="x")
        return gen_math_ops.neg(gen_nn_ops.softplus(-x), name=scope)


def pow(x, y, name=None):  # noqa: A001
    """x to the power of y"""
    with ops.name_scope(name, "Pow", [x]) as scope:
        return gen_math_ops._pow(x, y, name=scope)


def round(x, name=None):  # noqa: A001
    """The nearest whole number, the even one of two."""
    x = ops.convert_to_tensor(x, name="x")
    return x if x.dtype.is_integer else gen_math_ops.round(x, name=name)


def complex(real, imag, name=None):  # noqa: A001
    """Complex numbers of real and imaginary parts."""
    real = ops.convert_to_tensor(real, name="real")
    imag = ops.convert_to_tensor(imag, name="imag")
    with ops.name_scope(name, "Complex", [real, imag]) as scope:
        types = real.dtype.base_dtype, imag.dtype.base_dtype
        if types == (dtypes.float64, dtypes.float64):
            Tout = dtypes.complex128
        elif types == (dtypes.float32, dtypes.float32):
            Tout = dtypes.complex64
        else:
            raise TypeError("real and imag have incorrect types: %s %s"
                            % (real.dtype.name, imag.dtype.name))
        return gen_math_ops._complex(real, imag, Tout=Tout, name=scope)


def real(input, name=None):  # noqa: A002
    """The real part."""
    with ops.name_scope(name, "Real", [input]) as scope:
        if not isinstance(input, ops.Tensor):
            input = ops.convert_to_tensor(input, name="input")  # noqa: A001
        if not input.dtype.is_complex:
            return input
        return gen_math_ops.real(input, Tout=input.dtype.real_dtype, name=scope)


def imag(input, name=None):  # noqa: A002
    """The imaginary part."""
    with ops.name_scope(name, "Imag", [input]) as scope:
        input = ops.convert_to_tensor(input, name="input")  # noqa: A001
        if not input.dtype.is_complex:
            return _zeros_like(input)
        return gen_math_ops.imag(input, Tout=input.dtype.real_dtype, name=scope)


def angle(input, name=None):  # noqa: A002
    """The angle of a complex number."""
    with ops.name_scope(name, "Angle", [input]) as scope:
        input = ops.convert_to_tensor(input, name="input")  # noqa: A001
        if not input.dtype.is_complex:
            return _zeros_like(input)
        return gen_math_ops.angle(input, Tout=input.dtype.real_dtype, name=scope)


def _zeros_like(tensor):
    from thalweg.ops import array_creation
    return array_creation.zeros_like(tensor)


def conj(x, name=None):
    """The conjugate; numbers that are not complex as they are."""
    if isinstance(x, ops.Tensor) and (x.dtype.is_floating or x.dtype.is_integer):
        return x
    with ops.name_scope(name, "Conj", [x]) as scope:
        x = ops.convert_to_tensor(x, name="x")
        if x.dtype.is_complex or x.dtype.base_dtype == dtypes.variant:
            return gen_math_ops.conj(x, name=scope)
        if x.dtype.is_floating or x.dtype.is_integer:
            return x
        raise TypeError("Expected numeric or variant tensor, got dtype %r" % x.dtype)


# ---- types ----

def cast(x, dtype, name=None):
    """The elements as another type; those that have it already as they are."""
    dtype = dtypes.as_dtype(dtype).base_dtype
    if isinstance(x, ops.Tensor) and dtype == x.dtype:
        return x
    with ops.name_scope(name, "Cast", [x]) as scope:
        if isinstance(x, ops.SparseTensor):
            return _sparse(x, cast(x.values, dtype, name=scope))
        if isinstance(x, ops.IndexedSlices):
            return ops.IndexedSlices(cast(x.values, dtype, name=scope), x.indices, x.dense_shape)
        x = ops.convert_to_tensor(x, name="x")
        if x.dtype.base_dtype == dtype:
            return x
        return gen_math_ops.cast(x, DstT=dtype, name=scope)


def saturate_cast(value, dtype, name=None):
    """cast() where what the type cannot hold becomes the nearest that it can."""
    with ops.name_scope(name, "saturate_cast", [value]) as scope:
        value = ops.convert_to_tensor(value, name="value")
        dtype = dtypes.as_dtype(dtype).base_dtype
        if value.dtype.min < dtype.min:
            value = gen_math_ops.maximum(
                value, ops.convert_to_tensor(dtype.min, dtype=value.dtype, name="min"))
        if value.dtype.max > dtype.max:
            value = gen_math_ops.minimum(
                value, ops.convert_to_tensor(dtype.max, dtype=value.dtype, name="max"))
        return cast(value, dtype, name=scope)


def to_float(x, name="ToFloat"):
    """cast() to float32."""
    return cast(x, dtypes.float32, name=name)


def to_double(x, name="ToDouble"):
    """cast() to float64."""
    return cast(x, dtypes.float64, name=name)


def to_int32(x, name="ToInt32"):
    """cast() to int32."""
    return cast(x, dtypes.int32, name=name)


def to_int64(x, name="ToInt64"):
    """cast() to int64."""
    return cast(x, dtypes.int64, name=name)


def to_bfloat16(x, name="ToBFloat16"):
    """cast() to bfloat16."""
    return cast(x, dtypes.bfloat16, name=name)


def to_complex64(x, name="ToComplex64"):
    """cast() to complex64."""
    return cast(x, dtypes.complex64, name=name)


def to_complex128(x, name="ToComplex128"):
    """cast() to complex128."""
    return cast(x, dtypes.complex128, name=name)


# ---- two operands ----

def multiply(x, y, name=None):
    """x * y"""
    return gen_math_ops.mul(x, y, name=name)


def subtract(x, y, name=None):
    """x - y"""
    return gen_math_ops.sub(x, y, name=name)


def logical_xor(x, y, name="LogicalXor"):
    """Whether exactly one of x and y is true."""
    return gen_math_ops.logical_and(
        gen_math_ops.logical_or(x, y),
        gen_math_ops.logical_not(gen_math_ops.logical_and(x, y)), name=name)


REAL_QUOTIENTS = {
    dtypes.uint8: dtypes.float32, dtypes.int8: dtypes.float32, dtypes.uint16: dtypes.float32,
    dtypes.int16: dtypes.float32, dtypes.int32: dtypes.float64, dtypes.int64: dtypes.float64,
    dtypes.uint32: dtypes.float64, dtypes.uint64: dtypes.float64,
    dtypes.bfloat16: None, dtypes.float16: None, dtypes.float32: None, dtypes.float64: None,
    dtypes.complex64: None, dtypes.complex128: None,
}


def truediv(x, y, name=None):
    """x / y; of whole numbers a float."""
    with ops.name_scope(name, "truediv", [x, y]) as scope:
        x = ops.convert_to_tensor(x, name="x")
        y = ops.convert_to_tensor(y, name="y")
        types = x.dtype.base_dtype, y.dtype.base_dtype
        if types[0] != types[1]:
            raise TypeError("x and y must have the same dtype, got %r != %r" % types)
        if types[0] not in REAL_QUOTIENTS:
            raise TypeError("Invalid dtype %r in __truediv__" % types[0])
        wide = REAL_QUOTIENTS[types[0]]
        if wide is not None:
            x, y = cast(x, wide), cast(y, wide)
        return gen_math_ops.real_div(x, y, name=scope)


def div(x, y, name=None):
    """x / y; of whole numbers rounded down, as Python 2 does."""
    with ops.name_scope(name, "div", [x, y]) as scope:
        x = ops.convert_to_tensor(x, name="x")
        y = ops.convert_to_tensor(y, name="y", dtype=x.dtype.base_dtype)
        types = x.dtype.base_dtype, y.dtype.base_dtype
        if types[0] != types[1]:
            raise TypeError("x and y must have the same dtype, got %r != %r" % types)
        make = gen_math_ops.real_div if types[0].is_floating or types[0].is_complex else \
            gen_math_ops.floor_div
        return make(x, y, name=scope)


def divide(x, y, name=None):
    """x / y as Python's operator."""
    if name is not None:
        return truediv(x, y, name=name)
    return x / y


def div_no_nan(x, y, name=None):
    """x / y, and 0 where y is 0."""
    with ops.name_scope(name, "div_no_nan", [x, y]) as scope:
        x = ops.convert_to_tensor(x, name="x")
        y = ops.convert_to_tensor(y, name="y", dtype=x.dtype.base_dtype)
        return gen_math_ops.div_no_nan(x, y, name=scope)


unsafe_div = div_no_nan


def floordiv(x, y, name=None):
    """x / y rounded down."""
    with ops.name_scope(name, "floordiv", [x, y]) as scope:
        return gen_math_ops.floor_div(x, y, name=scope)


def truncatediv(x, y, name=None):
    """x / y, of whole numbers rounded towards 0."""
    return gen_math_ops.truncate_div(x, y, name=name)


def realdiv(x, y, name=None):
    """x / y of real or complex numbers."""
    return gen_math_ops.real_div(x, y, name=name)


def floormod(x, y, name=None):
    """What is left of x when y is taken off as often as floordiv says."""
    return gen_math_ops.floor_mod(x, y, name=name)


mod = floormod


def truncatemod(x, y, name=None):
    """What is left of x when y is taken off as often as truncatediv says."""
    return gen_math_ops.truncate_mod(x, y, name=name)


# ---- ranges and sums ----

_RANGE_ORDER = (dtypes.int32, dtypes.int64, dtypes.float32, dtypes.float64)


def range(start, limit=None, delta=1, dtype=None, name="range"):  # noqa: A001
    """The numbers from `start` (or 0) to before `limit` in steps of `delta`."""
    if limit is None:
        start, limit = 0, start
    with ops.name_scope(name, "Range", [start, limit, delta]) as scope:
        parts = [ops.convert_to_tensor(v, dtype=dtype, name=n)
                 for v, n in ((start, "start"), (limit, "limit"), (delta, "delta"))]
        if dtype is None:
            types = [p.dtype.base_dtype for p in parts]
            for one in types:
                if one not in _RANGE_ORDER:
                    raise TypeError("range takes numbers of int32, int64, float32 or float64, "
                                    "not %s" % one.name)
            widest = max(types, key=_RANGE_ORDER.index)
            parts = [cast(p, widest) for p in parts]
        return gen_math_ops._range(*parts, name=scope)


def add_n(inputs, name=None):
    """The sum of tensors of one shape."""
    if not inputs or not isinstance(inputs, (list, tuple)):
        raise ValueError("inputs must be a list of at least one Tensor/IndexedSlices with the same "
                         "dtype and shape")
    inputs = ops.convert_n_to_tensor_or_indexed_slices(inputs)
    if not all(isinstance(x, (ops.Tensor, ops.IndexedSlices)) for x in inputs):
        raise ValueError("inputs must be a list of at least one Tensor/IndexedSlices with the same "
                         "dtype and shape")
    if len(inputs) == 1:
        from thalweg.ops import array_shapes
        one = inputs[0]
        if isinstance(one, ops.IndexedSlices):
            one = ops.convert_to_tensor(one)
        return array_shapes.identity(one, name=name) if name else one
    return gen_math_ops.add_n([ops.convert_to_tensor(x) for x in inputs], name=name)


def accumulate_n(inputs, shape=None, tensor_dtype=None, name=None):
    """As add_n(), without waiting for all of them."""
    def refuse():
        return ValueError("inputs must be a list of at least one Tensor with the same dtype and "
                          "shape")
    if not inputs or not isinstance(inputs, (list, tuple)):
        raise refuse()
    inputs = ops.convert_n_to_tensor_or_indexed_slices(inputs)
    if not all(isinstance(x, ops.Tensor) for x in inputs) or \
            any(x.dtype != inputs[0].dtype for x in inputs):
        raise refuse()
    from thalweg.framework import tensor_shape
    shape = tensor_shape.as_shape(shape)
    for one in inputs:
        shape = shape.merge_with(one.get_shape())
    if tensor_dtype is not None and dtypes.as_dtype(tensor_dtype) != inputs[0].dtype.base_dtype:
        raise TypeError("tensor_dtype is %s, but input is of type %s"
                        % (tensor_dtype, inputs[0].dtype))
    if len(inputs) == 1 and name is None:
        return inputs[0]
    if len(inputs) == 1:
        from thalweg.ops import array_shapes
        return array_shapes.identity(inputs[0], name=name)
    return gen_math_ops.accumulate_nv2(inputs, name=name, shape=shape)


def scalar_mul(scalar, x, name=None):
    """A tensor, or IndexedSlices, times a number."""
    scalar = ops.convert_to_tensor(scalar, dtype=x.dtype.base_dtype, name="scalar")
    shape = scalar.get_shape()
    if shape.ndims not in (None, 0):
        raise ValueError("Only scalar multiply works, got shape %s" % shape)
    if isinstance(x, ops.IndexedSlices):
        return ops.IndexedSlices(gen_math_ops.mul(scalar, x.values, name=name), x.indices,
                                 x.dense_shape)
    return gen_math_ops.mul(scalar, x, name=name)


def cumsum(x, axis=0, exclusive=False, reverse=False, name=None):
    """The sums of the elements up to each along an axis."""
    with ops.name_scope(name, "Cumsum", [x]) as scope:
        x = ops.convert_to_tensor(x, name="x")
        return gen_math_ops.cumsum(x, axis, exclusive=exclusive, reverse=reverse, name=scope)


def cumprod(x, axis=0, exclusive=False, reverse=False, name=None):
    """The products of the elements up to each along an axis."""
    with ops.name_scope(name, "Cumprod", [x]) as scope:
        x = ops.convert_to_tensor(x, name="x")
        return gen_math_ops.cumprod(x, axis, exclusive=exclusive, reverse=reverse, name=scope)
