# SPDX-License-Identifier: Apache-2.0
"""Assertions. What is known while the graph is built is checked at once, with a ValueError; the
rest becomes an operation that fails a run with InvalidArgumentError."""
import collections.abc

import numpy as np

from thalweg.framework import dtypes, ops, tensor_shape, tensor_util
from thalweg.ops import array_ops, gen_array_ops, gen_control_flow_ops, math_ops


def _assert(condition, data, summarize, name, message):
    """The operation that checks, or an error now if it is known not to hold."""
    from thalweg.ops import control_flow_ops
    known = tensor_util.constant_value(condition)
    if known is not None and not known:
        shown = [d if isinstance(d, str) else "%s" % (tensor_util.constant_value(d),)
                 if isinstance(d, ops.Tensor) and tensor_util.constant_value(d) is not None
                 else str(getattr(d, "name", d)) for d in data]
        from thalweg.framework import errors
        raise errors.InvalidArgumentError(None, condition.op, "\n".join(filter(None, [message]
                                                                              + shown)))
    return control_flow_ops.Assert(condition, data, summarize=summarize, name=name)


def _no_op(name="static_checks_determined_all_ok"):
    return gen_control_flow_ops.no_op(name=name)


# ---- comparisons, of all elements ----

def _comparison(opname, sign, test, static, doc):
    default = "assert_" + opname

    def check(x, y, data=None, summarize=None, message=None, name=None):
        message = message or ""
        with ops.name_scope(name, default, [x, y, data]):
            x, y = ops.convert_to_tensor(x, name="x"), ops.convert_to_tensor(y, name="y")
            if data is None:
                data = [message, "Condition x %s y did not hold element-wise:" % sign,
                        "x (%s) = " % x.name, x, "y (%s) = " % y.name, y]
            one, two = tensor_util.constant_value(x), tensor_util.constant_value(y)
            if one is not None and two is not None:
                if not np.all(static(one, two)):
                    from thalweg.framework import errors
                    raise errors.InvalidArgumentError(
                        None, None, "%s%sCondition x %s y did not hold: x = %s, y = %s"
                        % (message, ". " if message else "", sign, one, two))
                return _no_op()
            condition = math_ops.reduce_all(test(x, y))
            return _assert(condition, data, summarize, None, message)
    check.__name__ = check.__qualname__ = default
    check.__doc__ = doc
    return check


assert_equal = _comparison("equal", "==", math_ops.equal, np.equal,
                           "An operation that fails unless x == y everywhere.")
assert_none_equal = _comparison("none_equal", "!=", math_ops.not_equal, np.not_equal,
                                "An operation that fails unless x != y everywhere.")
assert_less = _comparison("less", "<", math_ops.less, np.less,
                          "An operation that fails unless x < y everywhere.")
assert_less_equal = _comparison("less_equal", "<=", math_ops.less_equal, np.less_equal,
                                "An operation that fails unless x <= y everywhere.")
assert_greater = _comparison("greater", ">", math_ops.greater, np.greater,
                             "An operation that fails unless x > y everywhere.")
assert_greater_equal = _comparison("greater_equal", ">=", math_ops.greater_equal, np.greater_equal,
                                   "An operation that fails unless x >= y everywhere.")


def _against_zero(opname, sign, compare, zero_first, doc):
    default = "assert_" + opname

    def check(x, data=None, summarize=None, message=None, name=None):
        with ops.name_scope(name, default, [x, data]):
            x = ops.convert_to_tensor(x, name="x")
            if data is None:
                data = [message or "", "Condition x %s 0 did not hold element-wise:" % sign,
                        "x (%s) = " % x.name, x]
            zero = ops.convert_to_tensor(0, dtype=x.dtype.base_dtype)
            pair = (zero, x) if zero_first else (x, zero)
            return compare(*pair, data=data, summarize=summarize, message=message)
    check.__name__ = check.__qualname__ = default
    check.__doc__ = doc
    return check


assert_negative = _against_zero("negative", "<", assert_less, False,
                                "An operation that fails unless x < 0 everywhere.")
assert_positive = _against_zero("positive", ">", assert_less, True,
                                "An operation that fails unless x > 0 everywhere.")
assert_non_negative = _against_zero("non_negative", ">=", assert_less_equal, True,
                                    "An operation that fails unless x >= 0 everywhere.")
assert_non_positive = _against_zero("non_positive", "<=", assert_less_equal, False,
                                    "An operation that fails unless x <= 0 everywhere.")


def assert_near(x, y, rtol=None, atol=None, data=None, summarize=None, message=None, name=None):
    """An operation that fails unless |x - y| <= atol + rtol |y| everywhere."""
    with ops.name_scope(name, "assert_near", [x, y, rtol, atol, data]):
        x = ops.convert_to_tensor(x, name="x")
        y = ops.convert_to_tensor(y, name="y", dtype=x.dtype.base_dtype)
        eps = np.finfo(x.dtype.base_dtype.real_dtype.as_numpy_dtype).eps
        rtol = ops.convert_to_tensor(10 * eps if rtol is None else rtol, name="rtol",
                                     dtype=x.dtype.base_dtype)
        atol = ops.convert_to_tensor(10 * eps if atol is None else atol, name="atol",
                                     dtype=x.dtype.base_dtype)
        if data is None:
            data = [message or "", "x and y not equal to tolerance rtol = %s, atol = %s"
                    % (rtol.name, atol.name), "x (%s) = " % x.name, x, "y (%s) = " % y.name, y]
        bound = atol + rtol * math_ops.abs(y)
        condition = math_ops.reduce_all(math_ops.less(math_ops.abs(x - y), bound))
        return _assert(condition, data, summarize, None, message)


# ---- ranks, types ----

def _rank_check(default, fits, described):
    """An assertion on the rank: fits(rank, wanted), for numbers and for tensors."""
    def check(x, rank, data=None, summarize=None, message=None, name=None):
        with ops.name_scope(name, default, [x, rank] + list(data or [])):
            x = ops.convert_to_tensor(x, name="x")
            wanted = ops.convert_to_tensor(rank, name="rank")
            static = tensor_util.constant_value(wanted)
            if wanted.get_shape().ndims not in (None, 0):
                raise ValueError("Rank must be a scalar.")
            known = x.get_shape().ndims
            message_ = message or ""
            if known is not None and static is not None:
                if not fits(known, int(static)):
                    raise ValueError(
                        "%s.  Tensor %s must have %s %d.  Received rank %d, shape %s"
                        % (message_, x.name, described, static, known, x.get_shape()))
                return _no_op(name="static_checks_determined_all_ok")
            condition = fits(array_ops.rank(x), wanted)
            if not isinstance(condition, ops.Tensor):
                condition = math_ops.equal(array_ops.rank(x), wanted)
            if data is None:
                data_ = [message_, "Tensor %s must have %s" % (x.name, described), wanted,
                         "Received shape: ", array_ops.shape(x)]
            else:
                data_ = data
            return _assert(condition, data_, summarize, None, message_)
    check.__name__ = check.__qualname__ = default
    check.__doc__ = "An operation that fails unless x has %s `rank`." % described
    return check


assert_rank = _rank_check(
    "assert_rank", lambda a, b: math_ops.equal(a, b) if isinstance(b, ops.Tensor) else a == b,
    "rank")
assert_rank_at_least = _rank_check("assert_rank_at_least", lambda a, b: a >= b, "rank at least")


def assert_rank_in(x, ranks, data=None, summarize=None, message=None, name=None):
    """Fails unless the rank of x is one of some numbers."""
    with ops.name_scope(name, "assert_rank_in", [x] + list(ranks) + list(data or [])):
        x = ops.convert_to_tensor(x, name="x")
        known = x.get_shape().ndims
        wanted = [ops.convert_to_tensor(r, name="rank") for r in ranks]
        static = [tensor_util.constant_value(r) for r in wanted]
        if known is not None and None not in [s if s is None else 0 for s in static]:
            if known not in [int(s) for s in static]:
                raise ValueError("%s.  Tensor %s must have rank in %s.  Received rank %d, shape %s"
                                 % (message or "", x.name, tuple(int(s) for s in static), known,
                                    x.get_shape()))
            return _no_op()
        rank = array_ops.rank(x)
        condition = math_ops.reduce_any(array_ops.stack([math_ops.equal(rank, r)
                                                         for r in wanted]))
        return _assert(condition, data or [message or "", "Received shape: ",
                                           array_ops.shape(x)], summarize, None, message)


def assert_scalar(tensor, name=None, message=None):
    """The tensor; ValueError if it is known not to be a scalar."""
    with ops.name_scope(name, "assert_scalar", [tensor]) as scope:
        tensor = ops.convert_to_tensor(tensor, name=scope + "tensor")
        shape = tensor.get_shape()
        if shape.ndims not in (None, 0):
            raise ValueError("%sExpected scalar shape for %s, saw shape: %s."
                             % (message or "", tensor.name, shape))
        return tensor


def assert_integer(x, message=None, name=None):
    """TypeError unless x is of an integer type."""
    with ops.name_scope(name, "assert_integer", [x]):
        x = ops.convert_to_tensor(x, name="x")
        if not x.dtype.is_integer:
            raise TypeError("%s  Expected \"x\" to be integer type.  Found: %s of dtype %s"
                            % (message or "", x.name, x.dtype))
        return _no_op("statically_determined_was_integer")


def assert_type(tensor, tf_type, message=None, name=None):
    """TypeError unless the tensor is of a type."""
    with ops.name_scope(name, "assert_type", [tensor]):
        tensor = ops.convert_to_tensor(tensor, name="tensor")
        if tensor.dtype != tf_type:
            raise TypeError("%s  %s must be of type %s" % (message or "", tensor.name, tf_type))
        return _no_op("statically_determined_correct_type")


def assert_proper_iterable(values):
    """TypeError unless it is a list or the like; a tensor, an array and text are not."""
    if isinstance(values, (ops.Tensor, ops.SparseTensor, np.ndarray, bytes, str)):
        raise TypeError("Expected argument \"values\" to be a \"proper\" iterable.  Found: %s"
                        % type(values))
    if not isinstance(values, collections.abc.Iterable):
        raise TypeError("Expected argument \"values\" to be iterable.  Found: %s" % type(values))


def assert_same_float_dtype(tensors=None, dtype=None):
    """The one floating type of tensors; ValueError if they differ or it is no such type."""
    for tensor in tensors or ():
        own = tensor.dtype.base_dtype
        if dtype is None:
            dtype = own
        elif own != dtype:
            raise ValueError("Tensor %s has type %s, not %s" % (tensor.name, own, dtype))
    dtype = dtypes.float32 if dtype is None else dtypes.as_dtype(dtype)
    if not dtype.is_floating:
        raise ValueError("Expected floating point type, got %s." % dtype)
    return dtype


# ---- questions ----

def is_numeric_tensor(tensor):
    """Whether it is a tensor of numbers."""
    if not isinstance(tensor, ops.Tensor):
        return False
    dtype = tensor.dtype.base_dtype
    return dtype.is_floating or dtype.is_integer or dtype.is_complex


def _differences(x):
    x = array_ops.reshape(x, [-1])
    count = array_ops.size(x) - 1
    return gen_array_ops._slice(x, [1], [-1]) - gen_array_ops._slice(
        x, [0], array_ops.stack([math_ops.maximum(count, 0)]))


def is_non_decreasing(x, name=None):
    """Whether no element is less than the one before, as a tensor."""
    with ops.name_scope(name, "is_non_decreasing", [x]):
        diff = _differences(ops.convert_to_tensor(x, name="x"))
        return math_ops.reduce_all(math_ops.less_equal(
            ops.convert_to_tensor(0, dtype=diff.dtype), diff))


def is_strictly_increasing(x, name=None):
    """Whether each element is greater than the one before, as a tensor."""
    with ops.name_scope(name, "is_strictly_increasing", [x]):
        diff = _differences(ops.convert_to_tensor(x, name="x"))
        return math_ops.reduce_all(math_ops.less(
            ops.convert_to_tensor(0, dtype=diff.dtype), diff))


def ensure_shape(x, shape, name=None):
    """The tensor with what a shape says of its own; ValueError if they contradict each other."""
    shape = tensor_shape.as_shape(shape)
    made = array_ops.identity(x, name=name or "EnsureShape")
    made.set_shape(shape)
    return made


__all__ = [n for n in globals() if n.startswith(("assert_", "is_"))] + ["ensure_shape"]
