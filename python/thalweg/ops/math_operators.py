# SPDX-License-Identifier: Apache-2.0
"""What Python's operators do with tensors.

Where both operands are tensors of one type an operation is added at once; everything else goes
the long way: a name scope, in which the other operand becomes a tensor."""
from thalweg import _core
from thalweg.compat import behaviour
from thalweg.framework import arrays, dtypes, ops
from thalweg.ops import gen_math_ops, math_elementwise

_Tensor = ops.Tensor


def _add(x, y, name=None):
    if x.dtype.base_dtype == dtypes.string or behaviour.add_op == "Add":
        return gen_math_ops.add(x, y, name=name)
    return gen_math_ops.add_v2(x, y, name=name)


def _mul(x, y, name=None):
    if isinstance(y, ops.SparseTensor):
        from thalweg.ops import sparse_ops
        return sparse_ops.cwise("mul", y, x, name)
    return gen_math_ops.mul(x, y, name=name)


def _truediv(x, y, name=None):
    return math_elementwise.truediv(x, y, name=name)


def _floordiv(x, y, name=None):
    if behaviour.integer_division == "truncate":
        from thalweg.compat import old_ops
        return old_ops.floordiv(x, y, name=name)
    return math_elementwise.floordiv(x, y, name=name)


def _mod(x, y, name=None):
    if behaviour.integer_division == "truncate":
        return gen_math_ops._mod(x, y, name=name)
    return gen_math_ops.floor_mod(x, y, name=name)


def _div(x, y, name=None):
    if behaviour.integer_division == "truncate":
        return gen_math_ops.div(x, y, name=name)
    return math_elementwise.div(x, y, name=name)


def _logical_xor(x, y, name=None):
    return math_elementwise.logical_xor(x, y, name=name)


def _matmul(x, y, name=None):
    from thalweg.ops import math_matrix
    return math_matrix.matmul(x, y, name=name)


def _second(x, y, op_name):
    """The second operand as a tensor named `y`."""
    if behaviour.operand_type == "first":
        return ops.convert_to_tensor(y, dtype=x.dtype.base_dtype, name="y")
    try:
        return ops.convert_to_tensor(y, dtype_hint=x.dtype.base_dtype, name="y")
    except TypeError:
        if hasattr(type(y), "__r%s__" % op_name):
            return NotImplemented
        raise


def _of_number(x, y, op_type, op_name, reverse):
    """x op y for a Python number y that x's type can hold (None else), without the long way: the
    number is a Const in the operation's scope."""
    if type(y) is bool or x.dtype._is_ref_dtype:
        return None
    array = arrays._small_number(y, x.dtype)
    if array is None:
        return None
    graph = x.graph
    mark = _core.push_name(graph, op_name)
    try:
        scope = _core.scope_name(graph)
        number = graph._create_op("Const", (), "x" if reverse else "y",
                                  {"value": array, "dtype": x.dtype})._outputs[0]
        return graph._create_op(op_type, (number, x) if reverse else (x, number),
                                scope)._outputs[0]
    finally:
        _core.pop(mark)


def _define(func, op_name, op_type=None):
    """Makes func(x, y, name) what the operator does, from the left and from the right. `op_type`
    says which op that is for operands of one type; a function says it where it may change."""
    which = op_type if callable(op_type) else lambda: op_type

    def binary_op_wrapper(x, y):
        kind = type(y)
        if op_type is not None and x.dtype._kind in "fiuc":
            if kind is _Tensor:
                if x.dtype is y.dtype and y.graph is x.graph:
                    return x.graph._create_op(which(), (x, y), op_name)._outputs[0]
            elif kind is float or kind is int:
                made = _of_number(x, y, which(), op_name, False)
                if made is not None:
                    return made
        with ops.name_scope(None, op_name, [x, y]) as name:
            if isinstance(y, ops.SparseTensor):
                return func(x, y, name=name)
            if not isinstance(y, _Tensor) or behaviour.operand_type == "first":
                y = _second(x, y, op_name)
                if y is NotImplemented:
                    return NotImplemented
            return func(x, y, name=name)

    def r_binary_op_wrapper(y, x):
        kind = type(x)
        if op_type is not None and (kind is float or kind is int) and y.dtype._kind in "fiuc":
            made = _of_number(y, x, which(), op_name, True)
            if made is not None:
                return made
        with ops.name_scope(None, op_name, [x, y]) as name:
            x = ops.convert_to_tensor(x, dtype=y.dtype.base_dtype, name="x")
            return func(x, y, name=name)

    binary_op_wrapper.__doc__ = func.__doc__
    _Tensor._override_operator("__%s__" % op_name, binary_op_wrapper)
    _Tensor._override_operator("__r%s__" % op_name, r_binary_op_wrapper)


_define(_add, "add", lambda: behaviour.add_op)
_define(gen_math_ops.sub, "sub", "Sub")
_define(_mul, "mul", "Mul")
_define(_div, "div")
_define(_truediv, "truediv")
_define(_floordiv, "floordiv")
_define(_mod, "mod")
_define(math_elementwise.pow, "pow")
_define(gen_math_ops.logical_and, "and")
_define(gen_math_ops.logical_or, "or")
_define(_logical_xor, "xor")
_define(_matmul, "matmul")


def _compare(func):
    """A comparison: the operands are converted as those of its op."""
    return lambda x, y: func(x, y)


_Tensor._override_operator("__lt__", _compare(gen_math_ops.less))
_Tensor._override_operator("__le__", _compare(gen_math_ops.less_equal))
_Tensor._override_operator("__gt__", _compare(gen_math_ops.greater))
_Tensor._override_operator("__ge__", _compare(gen_math_ops.greater_equal))
_Tensor._override_operator("__neg__", lambda x: gen_math_ops.neg(x))
_Tensor._override_operator("__invert__", lambda x: gen_math_ops.logical_not(x))
_Tensor._override_operator("__abs__", lambda x: math_elementwise.abs(x))


def _define_for_sparse(op_name, kind):
    """An operator of a sparse tensor and a dense one."""
    def binary_op_wrapper_sparse(sp_x, y):
        from thalweg.ops import sparse_ops
        with ops.name_scope(None, op_name, [sp_x, y]) as name:
            y = ops.convert_to_tensor(y, dtype=sp_x.dtype.base_dtype, name="y")
            return sparse_ops.cwise(kind, sp_x, y, name)
    ops.SparseTensor._override_operator("__%s__" % op_name, binary_op_wrapper_sparse)


_define_for_sparse("mul", "mul")
_define_for_sparse("div", "div")
_define_for_sparse("truediv", "truediv")
