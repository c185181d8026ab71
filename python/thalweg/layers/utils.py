# SPDX-License-Identifier: Apache-2.0
"""What layers written in Python ask about their arguments."""
from thalweg.framework import ops, tensor_util
from thalweg.layers import convolutional
from thalweg.layers.core import smart_cond  # noqa: F401

_FORMATS = ("channels_last", "channels_first")


def normalize_tuple(value, n, name):
    """A tuple of n whole numbers, of one or of n."""
    return convolutional.numbers(value, n, name)


def normalize_data_format(value):
    """"channels_last" or "channels_first", in lower case."""
    return convolutional.normalized(value, _FORMATS, "data_format")


def normalize_padding(value):
    """"valid" or "same", in lower case."""
    return convolutional.normalized(value, ("valid", "same"), "padding")


def convert_data_format(data_format, ndim):
    """"NHWC" and its like, of tensors with `ndim` dimensions."""
    return convolutional.format_of(normalize_data_format(data_format), ndim - 2)


def conv_output_length(input_length, filter_size, padding, stride, dilation=1):
    """How many windows there are along a dimension; None for one that is not known."""
    if padding == "full":
        return None if input_length is None else \
            -(-(input_length + (filter_size - 1) * dilation) // stride)
    return convolutional.out_length(input_length, filter_size, padding, stride, dilation)


def deconv_output_length(input_length, filter_size, padding, stride):
    """How many pixels a transposed convolution makes of so many."""
    if input_length is None:
        return None
    grown = input_length * stride
    if padding == "valid":
        return grown + max(filter_size - stride, 0)
    return grown - (stride + filter_size - 2) if padding == "full" else grown


def constant_value(pred):
    """A condition's value if it is known while building, else None."""
    if isinstance(pred, ops.Tensor) or hasattr(pred, "_as_graph_element"):
        return tensor_util.constant_value(ops.convert_to_tensor(pred))
    return pred


smart_constant_value = constant_value
