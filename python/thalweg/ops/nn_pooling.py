# SPDX-License-Identifier: Apache-2.0
"""Pooling: the greatest or the mean of windows."""
from thalweg.framework import dtypes, ops
from thalweg.ops import array_shapes, gen_nn_ops
from thalweg.ops.nn_activations import one_of


def window(value, count, channel_index, word):
    """The sizes of all dimensions of an image from one number, one for each dimension of space, or
    all."""
    if value is None:
        value = [1]
    elif not hasattr(value, "__len__"):
        value = [value]
    value = list(value)
    if len(value) == count + 2:
        return value
    if len(value) == 1:
        value = value * count
    elif len(value) != count:
        raise ValueError("%s should be of length 1, %d or %d but was %d"
                         % (word, count, count + 2, len(value)))
    return [1, 1] + value if channel_index == 1 else [1] + value + [1]


def _sizes(value, count, data_format, word):
    if isinstance(value, ops.Tensor):
        return value
    return window(value, count, 1 if data_format.startswith("NC") else count + 1, word)


def _pool2d(op, label, value, ksize, strides, padding, data_format, name):
    data_format = "NHWC" if data_format is None else data_format
    with ops.name_scope(name, label, [value]) as scope:
        value = ops.convert_to_tensor(value, name="input")
        return op(value, ksize=_sizes(ksize, 2, data_format, "ksize"),
                  strides=_sizes(strides, 2, data_format, "strides"), padding=padding,
                  data_format=data_format, name=scope)


def max_pool(value, ksize, strides, padding, data_format="NHWC", name=None,
             input=None):  # noqa: A002
    """The greatest value in each window of images."""
    value = one_of("input", input, "value", value)
    if isinstance(ksize, ops.Tensor) or isinstance(strides, ops.Tensor):
        with ops.name_scope(name, "MaxPool", [value]) as scope:
            return gen_nn_ops.max_pool_v2(value, ksize, strides, padding=padding,
                                          data_format=data_format, name=scope)
    return _pool2d(gen_nn_ops.max_pool, "MaxPool", value, ksize, strides, padding, data_format,
                   name)


def avg_pool(value, ksize, strides, padding, data_format="NHWC", name=None,
             input=None):  # noqa: A002
    """The mean of each window of images."""
    value = one_of("input", input, "value", value)
    return _pool2d(gen_nn_ops.avg_pool, "AvgPool", value, ksize, strides, padding, data_format,
                   name)


def max_pool2d(input, ksize, strides, padding, data_format="NHWC", name=None):  # noqa: A002
    """The greatest value in each window of images."""
    return _pool2d(gen_nn_ops.max_pool, "MaxPool2d", input, ksize, strides, padding, data_format,
                   name)


avg_pool2d = avg_pool


def _pool1d(op, label, value, ksize, strides, padding, data_format, name):
    """Pooling of rows, as images of height 1."""
    with ops.name_scope(name, label, [value]) as scope:
        data_format = "NWC" if data_format is None else data_format
        axis = 2 if data_format.startswith("NC") else 1
        place = 1 if data_format.startswith("NC") else 2
        ksize = [1] + window(ksize, 1, place, "ksize")
        strides = [1] + window(strides, 1, place, "strides")
        if axis == 2:
            ksize, strides = ([v[1], v[2], 1, v[3]] for v in (ksize, strides))
        value = array_shapes.expand_dims(ops.convert_to_tensor(value), axis)
        if axis == 1:
            ksize, strides = ([v[1], 1, v[2], v[3]] for v in (ksize, strides))
        made = op(value, ksize=ksize, strides=strides, padding=padding,
                  data_format="NCHW" if axis == 2 else "NHWC", name=scope)
        return array_shapes.squeeze(made, [axis])


def max_pool1d(input, ksize, strides, padding, data_format="NWC", name=None):  # noqa: A002
    """The greatest value in each window of rows."""
    return _pool1d(gen_nn_ops.max_pool, "MaxPool1d", input, ksize, strides, padding, data_format,
                   name)


def avg_pool1d(input, ksize, strides, padding, data_format="NWC", name=None):  # noqa: A002
    """The mean of each window of rows."""
    return _pool1d(gen_nn_ops.avg_pool, "AvgPool1D", input, ksize, strides, padding, data_format,
                   name)


def _pool3d(op, label, value, ksize, strides, padding, data_format, name):
    with ops.name_scope(name, label, [value]) as scope:
        data_format = "NDHWC" if data_format is None else data_format
        return op(value, ksize=_sizes(ksize, 3, data_format, "ksize"),
                  strides=_sizes(strides, 3, data_format, "strides"), padding=padding,
                  data_format=data_format, name=scope)


def max_pool3d(input, ksize, strides, padding, data_format="NDHWC", name=None):  # noqa: A002
    """The greatest value in each window of volumes."""
    return _pool3d(gen_nn_ops.max_pool3d, "MaxPool3D", input, ksize, strides, padding, data_format,
                   name)


def avg_pool3d(input, ksize, strides, padding, data_format="NDHWC", name=None):  # noqa: A002
    """The mean of each window of volumes."""
    return _pool3d(gen_nn_ops.avg_pool3d, "AvgPool3D", input, ksize, strides, padding, data_format,
                   name)


def _by_rank(functions, value, ksize, strides, padding, data_format, name):
    """Pooling of rows, images or volumes, whichever the value is."""
    rank = ops.convert_to_tensor(value).get_shape().ndims
    if rank not in (3, 4, 5):
        if data_format is None or len(data_format) not in (3, 4, 5):
            raise ValueError("the input of a pooling must have a known rank of 3, 4 or 5, not %s"
                             % rank)
        rank = len(data_format)
    data_format = data_format or {3: "NWC", 4: "NHWC", 5: "NDHWC"}[rank]
    return functions[rank - 3](value, ksize, strides, padding, data_format, name)


def max_pool_v2(input, ksize, strides, padding, data_format=None, name=None):  # noqa: A002
    """The greatest value in each window of rows, images or volumes."""
    return _by_rank((max_pool1d, max_pool, max_pool3d), input, ksize, strides, padding, data_format,
                    name)


def avg_pool_v2(input, ksize, strides, padding, data_format=None, name=None):  # noqa: A002
    """The mean of each window of rows, images or volumes."""
    return _by_rank((avg_pool1d, avg_pool, avg_pool3d), input, ksize, strides, padding, data_format,
                    name)


def max_pool_with_argmax(input, ksize, strides, padding, data_format="NHWC",  # noqa: A002
                         Targmax=None, name=None, output_dtype=None,
                         include_batch_in_index=False):
    """(the greatest value in each window of images, where it stands, counted through an image)"""
    if data_format != "NHWC":
        raise ValueError("Data formats other than 'NHWC' are not yet supported")
    index_type = one_of("output_dtype", output_dtype, "Targmax", Targmax) or dtypes.int64
    return gen_nn_ops.max_pool_with_argmax(
        ops.convert_to_tensor(input, name="input"), ksize=_sizes(ksize, 2, "NHWC", "ksize"),
        strides=_sizes(strides, 2, "NHWC", "strides"), padding=padding,
        Targmax=dtypes.as_dtype(index_type), include_batch_in_index=include_batch_in_index,
        name=name)
