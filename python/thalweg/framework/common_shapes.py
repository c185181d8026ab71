# SPDX-License-Identifier: Apache-2.0
"""Shapes that many operations have, for functions given to RegisterShape."""
from thalweg.framework import tensor_shape


def scalar_shape(unused_op):
    """A scalar."""
    return [tensor_shape.scalar()]


def unchanged_shape(op):
    """The first input's shape."""
    return [op.inputs[0].get_shape()]


def unchanged_shape_with_rank(rank):
    """A shape function: the first input's shape, which has this rank."""
    return lambda op: [op.inputs[0].get_shape().with_rank(rank)]


def unchanged_shape_with_rank_at_least(rank):
    """A shape function: the first input's shape, which has at least this rank."""
    return lambda op: [op.inputs[0].get_shape().with_rank_at_least(rank)]


def unchanged_shape_with_rank_at_most(rank):
    """A shape function: the first input's shape, which has at most this rank."""
    return lambda op: [op.inputs[0].get_shape().with_rank_at_most(rank)]


def unknown_shape(op):
    """Nothing is known of any output."""
    return [tensor_shape.unknown_shape() for _ in op.outputs]


def no_outputs(unused_op):
    """There are none."""
    return []


def matmul_shape(op):
    """The shape of a product of matrices."""
    a, b = (op.inputs[i].get_shape().with_rank(2) for i in (0, 1))
    transpose_a, transpose_b = op.get_attr("transpose_a"), op.get_attr("transpose_b")
    a[0 if transpose_a else 1].assert_is_compatible_with(b[1 if transpose_b else 0])
    return [tensor_shape.TensorShape([a[1 if transpose_a else 0], b[0 if transpose_b else 1]])]


def bias_add_shape(op):
    """The shape of what a vector is added to."""
    shape = op.inputs[0].get_shape().with_rank_at_least(2)
    bias = op.inputs[1].get_shape().with_rank(1)
    last = shape[1] if shape.ndims == 4 and op.get_attr("data_format") == b"NCHW" else shape[-1]
    if shape.ndims is not None:
        last.assert_is_compatible_with(bias[0])
    return [shape]


def bias_add_grad_shape(op):
    """A vector as long as the last dimension."""
    shape = op.inputs[0].get_shape().with_rank_at_least(2)
    return [tensor_shape.vector(shape[-1] if shape.ndims is not None else None)]


def get_conv_output_size(input_size, filter_size, strides, padding_type):
    """The sizes that a window leaves: padding b"SAME" or b"VALID"."""
    padding = padding_type.decode() if isinstance(padding_type, bytes) else padding_type
    out = []
    for size, window, stride in zip(input_size, filter_size, strides):
        if size is None or window is None:
            out.append(None)
        elif padding == "VALID":
            if size < window:
                raise ValueError("Filter must not be larger than the input: Filter: %r Input: %r"
                                 % (tuple(filter_size), tuple(input_size)))
            out.append((size - window + stride) // stride)
        elif padding == "SAME":
            out.append((size + stride - 1) // stride)
        else:
            raise ValueError("Invalid padding: %r" % padding)
    return tuple(out)


def broadcast_shape(shape_x, shape_y):
    """The shape that two shapes give together; ValueError if they do not fit."""
    x, y = tensor_shape.as_shape(shape_x), tensor_shape.as_shape(shape_y)
    if x.ndims is None or y.ndims is None:
        return tensor_shape.unknown_shape()
    rank = max(x.ndims, y.ndims)
    out = []
    for a, b in zip([1] * (rank - x.ndims) + x.as_list(), [1] * (rank - y.ndims) + y.as_list()):
        if a == 1:
            out.append(b)
        elif b == 1 or b == a:
            out.append(a)
        elif a is None or b is None:
            out.append(a if b is None else b)
        else:
            raise ValueError("Incompatible shapes for broadcasting: %s and %s" % (x, y))
    return tensor_shape.TensorShape(out)


def is_broadcast_compatible(shape_x, shape_y):
    """Whether two shapes fit."""
    try:
        broadcast_shape(shape_x, shape_y)
    except ValueError:
        return False
    return True
