# SPDX-License-Identifier: Apache-2.0
"""Layers that are pooling."""
from thalweg.framework import tensor_shape
from thalweg.layers import base
from thalweg.layers.convolutional import format_of, normalized, numbers, out_length
from thalweg.ops import array_shapes, nn_pooling

_KINDS = {"Max": ("max_pool", "max_pool3d"), "Average": ("avg_pool", "avg_pool3d")}


class _Pooling(base.Layer):
    """The greatest or the mean of windows over `rank` dimensions."""

    rank, kind = 2, "Max"

    def __init__(self, pool_size, strides, padding="valid", data_format="channels_last", name=None,
                 **kwargs):
        base.Layer.__init__(self, name=name, **kwargs)
        self.pool_size = numbers(pool_size, self.rank, "pool_size")
        self.strides = numbers(strides, self.rank, "strides")
        self.padding = normalized(padding, ("valid", "same"), "padding")
        self.data_format = normalized(data_format, ("channels_last", "channels_first"),
                                      "data_format")
        self.input_spec = base.InputSpec(ndim=self.rank + 2)

    def call(self, inputs):
        first = self.data_format == "channels_first"
        function = getattr(nn_pooling, _KINDS[self.kind][self.rank == 3])
        size, strides, rank = list(self.pool_size), list(self.strides), self.rank
        if rank == 1:  # as images of width 1
            inputs = array_shapes.expand_dims(inputs, 3 if first else 2)
            size, strides, rank = size + [1], strides + [1], 2
        outputs = function(inputs, size, strides, self.padding.upper(),
                           data_format=format_of(self.data_format, rank))
        return array_shapes.squeeze(outputs, [3 if first else 2]) if self.rank == 1 else outputs

    def compute_output_shape(self, input_shape):
        """As many places as there are windows."""
        sizes = tensor_shape.as_shape(input_shape).as_list()
        start = 2 if self.data_format == "channels_first" else 1
        for i in range(self.rank):
            sizes[start + i] = out_length(sizes[start + i], self.pool_size[i], self.padding,
                                          self.strides[i])
        return tensor_shape.TensorShape(sizes)


def _layer(kind, rank, doc):
    name = "%sPooling%dD" % (kind, rank)
    return type(name, (_Pooling,), {"rank": rank, "kind": kind, "__doc__": doc,
                                    "__module__": __name__})


def _function(layer):
    def pooling(inputs, pool_size, strides, padding="valid", data_format="channels_last",
                name=None):
        return layer(pool_size, strides, padding, data_format, name).apply(inputs)
    pooling.__name__ = pooling.__qualname__ = base.snake_case(layer.__name__)
    pooling.__doc__ = layer.__doc__
    return pooling


MaxPooling1D = _layer("Max", 1, "The greatest value in each window of rows.")
MaxPooling2D = _layer("Max", 2, "The greatest value in each window of images.")
MaxPooling3D = _layer("Max", 3, "The greatest value in each window of volumes.")
AveragePooling1D = _layer("Average", 1, "The mean of each window of rows.")
AveragePooling2D = _layer("Average", 2, "The mean of each window of images.")
AveragePooling3D = _layer("Average", 3, "The mean of each window of volumes.")
MaxPool1D, MaxPool2D, MaxPool3D = MaxPooling1D, MaxPooling2D, MaxPooling3D
AvgPool1D, AvgPool2D, AvgPool3D = AveragePooling1D, AveragePooling2D, AveragePooling3D
max_pooling1d, max_pooling2d, max_pooling3d = map(_function, (MaxPooling1D, MaxPooling2D,
                                                              MaxPooling3D))
average_pooling1d, average_pooling2d, average_pooling3d = map(
    _function, (AveragePooling1D, AveragePooling2D, AveragePooling3D))
max_pool1d, max_pool2d, max_pool3d = max_pooling1d, max_pooling2d, max_pooling3d
avg_pool1d, avg_pool2d, avg_pool3d = average_pooling1d, average_pooling2d, average_pooling3d
