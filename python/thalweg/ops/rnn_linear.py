# SPDX-License-Identifier: Apache-2.0
"""Products with weights that a variable scope holds: [arguments] * matrix + bias. What the
variables are called is the level's."""
from thalweg.compat import behaviour
from thalweg.framework import constant_op, dtypes
from thalweg.ops import array_ops, gen_array_ops, init_ops, math_ops, nn_ops
from thalweg.ops import variable_scope as vs
from thalweg.util import nest


def _columns(args):
    """(columns of all arguments together, their type)."""
    total = 0
    for arg in args:
        shape = arg.get_shape()
        if shape.ndims != 2:
            raise ValueError("linear is expecting 2D arguments: %s"
                             % [str(a.get_shape()) for a in args])
        if not shape[1].value:
            raise ValueError("linear expects shape[1] to be provided for shape %s, but saw %s"
                             % (shape, shape[1]))
        total += shape[1].value
    return total, args[0].dtype


def _as_list(args):
    if args is None or (nest.is_sequence(args) and not args):
        raise ValueError("`args` must be specified")
    return list(args) if nest.is_sequence(args) else [args]


class _Linear:
    """Weights "kernel" and, if wanted, "bias" in the open variable scope, for any number of
    calls."""

    def __init__(self, args, output_size, build_bias, bias_initializer=None,
                 kernel_initializer=None):
        args = _as_list(args)
        total, dtype = _columns(args)
        with vs.variable_scope(vs.get_variable_scope()) as outer:
            self._weights = vs.get_variable("kernel", [total, output_size], dtype=dtype,
                                            initializer=kernel_initializer)
            self._biases = None
            if build_bias:
                with vs.variable_scope(outer) as inner:
                    inner.set_partitioner(None)
                    self._biases = vs.get_variable(
                        "bias", [output_size], dtype=dtype,
                        initializer=init_ops.constant_initializer(0.0, dtype=dtype)
                        if bias_initializer is None else bias_initializer)

    def __call__(self, args):
        args = _as_list(args)
        if len(args) > 1:
            args = [array_ops.concat(args, constant_op.constant(1, dtype=dtypes.int32))]
        product = math_ops.matmul(args[0], self._weights)
        return product if self._biases is None else nn_ops.bias_add(product, self._biases)


def kernel_linear(args, output_size, bias, bias_initializer=None, kernel_initializer=None):
    """_Linear for one call."""
    args = _as_list(args)
    total, dtype = _columns(args)
    with vs.variable_scope(vs.get_variable_scope()) as outer:
        weights = vs.get_variable("kernel", [total, output_size], dtype=dtype,
                                  initializer=kernel_initializer)
        product = math_ops.matmul(args[0] if len(args) == 1 else array_ops.concat(args, 1),
                                  weights)
        if not bias:
            return product
        with vs.variable_scope(outer) as inner:
            inner.set_partitioner(None)
            biases = vs.get_variable(
                "bias", [output_size], dtype=dtype,
                initializer=init_ops.constant_initializer(0.0, dtype=dtype)
                if bias_initializer is None else bias_initializer)
        return nn_ops.bias_add(product, biases)


def join(values):
    """Matrices side by side, by the op that the level has for it."""
    if behaviour.cell_names == "Matrix":
        return gen_array_ops.concat(1, list(values), name="concat")
    return array_ops.concat(values, 1)


def cut(value, count):
    """A matrix as `count` ones of as many columns each."""
    return gen_array_ops.split(1, value, count, name="split")


def _product(args, weights):
    return math_ops.matmul(args[0] if len(args) == 1 else join(args), weights)


def old_linear(args, output_size, bias, bias_start=0.0, scope=None):
    """[args] * weights + biases, with the names of TensorFlow before 1.2."""
    args = _as_list(args)
    total, dtype = _columns(args)
    start = init_ops.constant_initializer(bias_start, dtype=dtype)
    if behaviour.cell_names == "Matrix":
        with vs.variable_scope(scope or "Linear"):
            product = _product(args, vs.get_variable("Matrix", [total, output_size], dtype=dtype))
            if not bias:
                return product
            biases = vs.get_variable("Bias", [output_size], dtype=dtype, initializer=start)
        return product + biases
    with vs.variable_scope(scope or vs.get_variable_scope()) as outer:
        product = _product(args, vs.get_variable("weights", [total, output_size], dtype=dtype))
        if not bias:
            return product
        with vs.variable_scope(outer) as inner:
            inner.set_partitioner(None)
            biases = vs.get_variable("biases", [output_size], dtype=dtype, initializer=start)
    return nn_ops.bias_add(product, biases)


def make(args, output_size):
    """A function of such arguments: in the open scope, with a bias, named as the level has it."""
    if behaviour.cell_names == "kernel":
        return _Linear(args, output_size, True)
    return lambda values: old_linear(values, output_size, True)
