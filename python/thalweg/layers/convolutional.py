# SPDX-License-Identifier: Apache-2.0
"""Layers that are convolutions."""
from thalweg.framework import constant_op, dtypes, node_counts, tensor_shape
from thalweg.layers import base
from thalweg.ops import (array_joining, array_shapes, init_ops, nn_activations, nn_convolution)


def numbers(value, count, word):
    """A tuple of whole numbers, of one or of `count`."""
    found = (value,) * count if isinstance(value, int) else tuple(value)
    if len(found) != count or not all(isinstance(int(v), int) for v in found):
        raise ValueError("The `%s` argument must be a tuple of %d integers. Received: %s"
                         % (word, count, value))
    return tuple(int(v) for v in found)


def normalized(value, allowed, word):
    """One of the texts allowed, in lower case."""
    found = value.lower()
    if found not in allowed:
        raise ValueError("The `%s` argument must be one of %s. Received: %s"
                         % (word, ", ".join(repr(a) for a in allowed), value))
    return found


def channel_axis(data_format):
    """Which dimension the channels are."""
    return 1 if data_format == "channels_first" else -1


def format_of(data_format, rank):
    """"NHWC" and its like."""
    space = {1: "W", 2: "HW", 3: "DHW"}[rank]
    return "NC" + space if data_format == "channels_first" else "N" + space + "C"


def out_length(length, size, padding, stride, dilation=1):
    """How many windows there are."""
    if length is None:
        return None
    reach = (size - 1) * dilation + 1
    return -(-length // stride) if padding == "same" else -(-(length - reach + 1) // stride)


class _Conv(base.Layer):
    """A convolution over `rank` dimensions."""

    def __init__(self, rank, filters, kernel_size, strides=1, padding="valid",
                 data_format="channels_last", dilation_rate=1, activation=None, use_bias=True,
                 kernel_initializer=None, bias_initializer=init_ops.Zeros(),
                 kernel_regularizer=None, bias_regularizer=None, activity_regularizer=None,
                 kernel_constraint=None, bias_constraint=None, trainable=True, name=None, **kwargs):
        base.Layer.__init__(self, trainable=trainable, name=name,
                            activity_regularizer=activity_regularizer, **kwargs)
        self.rank, self.filters = rank, filters
        self.kernel_size = numbers(kernel_size, rank, "kernel_size")
        self.strides = numbers(strides, rank, "strides")
        self.dilation_rate = numbers(dilation_rate, rank, "dilation_rate")
        self.padding = normalized(padding, ("valid", "same"), "padding")
        self.data_format = normalized(data_format, ("channels_last", "channels_first"),
                                      "data_format")
        self.activation, self.use_bias = activation, use_bias
        self.kernel_initializer, self.bias_initializer = kernel_initializer, bias_initializer
        self.kernel_regularizer, self.bias_regularizer = kernel_regularizer, bias_regularizer
        self.kernel_constraint, self.bias_constraint = kernel_constraint, bias_constraint
        self.kernel = self.bias = None
        self.input_spec = base.InputSpec(ndim=rank + 2)

    def build(self, input_shape):
        axis = channel_axis(self.data_format)
        depth = base.channels_of(input_shape, axis, type(self).__name__)
        self.input_spec = base.InputSpec(ndim=self.rank + 2, axes={axis: depth})
        self.kernel = self.add_weight(
            "kernel", self._kernel_shape(depth), initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer, constraint=self.kernel_constraint)
        self._build_bias()

    def _kernel_shape(self, depth):
        return self.kernel_size + (depth, self.filters)

    def _build_bias(self):
        if self.use_bias:
            self.bias = self.add_weight(
                "bias", (self.filters,), initializer=self.bias_initializer,
                regularizer=self.bias_regularizer, constraint=self.bias_constraint)

    def _convolve(self, inputs):
        # TensorFlow's node; nothing reads it, but later seeds follow from the number of nodes
        constant_op.constant(list(self.dilation_rate), dtypes.int32, name="dilation_rate")
        if max(self.dilation_rate) > 1:
            node_counts.add(11 if self.padding == "same" else 10)  # TensorFlow's space_to_batch
        return nn_convolution._convolve(
            inputs, self.kernel.value() if hasattr(self.kernel, "_get_variable_list")
            else self.kernel, self.rank, list(self.strides), self.padding.upper(),
            list(self.dilation_rate), format_of(self.data_format, self.rank), None)

    def call(self, inputs):
        return self._finish(self._convolve(inputs))

    def _finish(self, outputs):
        """With bias and activation."""
        if self.use_bias:
            outputs = nn_activations.bias_add(outputs, self.bias,
                                              format_of(self.data_format, self.rank))
        return outputs if self.activation is None else self.activation(outputs)

    def compute_output_shape(self, input_shape):
        """The sizes of the windows' places, and as many channels as filters."""
        sizes = tensor_shape.as_shape(input_shape).as_list()
        first = self.data_format == "channels_first"
        space = [out_length(n, k, self.padding, s, d) for n, k, s, d in zip(
            sizes[2:] if first else sizes[1:-1], self.kernel_size, self.strides,
            self.dilation_rate)]
        return tensor_shape.TensorShape(
            [sizes[0], self.filters] + space if first else [sizes[0]] + space + [self.filters])


def _of_rank(name, rank, doc):
    def __init__(self, filters, kernel_size, strides=1, *args, **kwargs):
        _Conv.__init__(self, rank, filters, kernel_size, strides, *args, **kwargs)
    return type(name, (_Conv,), {"__init__": __init__, "__doc__": doc, "__module__": __name__})


Conv1D = _of_rank("Conv1D", 1, "A convolution of rows [batch, width, channels].")
Conv2D = _of_rank("Conv2D", 2, "A convolution of images [batch, height, width, channels].")
Conv3D = _of_rank("Conv3D", 3, "A convolution of volumes [batch, depth, height, width, channels].")
Convolution1D, Convolution2D, Convolution3D = Conv1D, Conv2D, Conv3D


def _function(layer):
    def conv(inputs, filters, kernel_size, strides=1, padding="valid", data_format="channels_last",
             dilation_rate=1, activation=None, use_bias=True, kernel_initializer=None,
             bias_initializer=init_ops.Zeros(), kernel_regularizer=None, bias_regularizer=None,
             activity_regularizer=None, kernel_constraint=None, bias_constraint=None,
             trainable=True, name=None, reuse=None):
        made = layer(filters, kernel_size, strides, padding, data_format, dilation_rate, activation,
                     use_bias, kernel_initializer, bias_initializer, kernel_regularizer,
                     bias_regularizer, activity_regularizer, kernel_constraint, bias_constraint,
                     trainable, name, _reuse=reuse, _scope=name)
        return made.apply(inputs)
    conv.__name__ = conv.__qualname__ = layer.__name__.lower()
    conv.__doc__ = layer.__doc__ + " With a bias and an activation, by variables of its own."
    return conv


conv1d, conv2d, conv3d = (_function(layer) for layer in (Conv1D, Conv2D, Conv3D))
convolution1d, convolution2d, convolution3d = conv1d, conv2d, conv3d


# ---- transposed ----

class _Transposed(_Conv):
    """What undoes the shapes of a convolution."""

    def _kernel_shape(self, depth):
        return self.kernel_size + (self.filters, depth)

    def _lengths(self, sizes):
        """Of each dimension of space; None or tensors where they are not known."""
        return [None if n is None else n * s + (max(k - s, 0) if self.padding == "valid" else 0)
                for n, k, s in zip(sizes, self.kernel_size, self.strides)]

    def call(self, inputs):
        first = self.data_format == "channels_first"
        static, before = inputs.get_shape().as_list(), node_counts.now()
        dynamic = array_shapes.shape(inputs) if None in static else None
        sizes = [dynamic[i] if n is None else n for i, n in enumerate(static)]
        space = self._lengths(sizes[2:] if first else sizes[1:-1])
        shape = [sizes[0], self.filters] + space if first else [sizes[0]] + space + [self.filters]
        if dynamic is not None:
            shape = array_joining.stack(shape)
        function = nn_convolution.conv2d_transpose if self.rank == 2 else \
            nn_convolution.conv3d_transpose
        outputs = function(inputs, self.kernel, shape, list(self.strides), self.padding.upper(),
                           data_format=format_of(self.data_format, self.rank))
        # TensorFlow works out all sizes in the graph
        node_counts.since(before, 28 if self.padding == "valid" else 24)
        outputs.set_shape(self.compute_output_shape(inputs.get_shape()))
        return self._finish(outputs)

    def compute_output_shape(self, input_shape):
        """The sizes that a convolution would make the inputs' of."""
        sizes = tensor_shape.as_shape(input_shape).as_list()
        first = self.data_format == "channels_first"
        space = self._lengths(sizes[2:] if first else sizes[1:-1])
        return tensor_shape.TensorShape(
            [sizes[0], self.filters] + space if first else [sizes[0]] + space + [self.filters])


class Conv2DTranspose(_Transposed):
    """Images whose convolution has the shape of the inputs."""

    def __init__(self, filters, kernel_size, strides=(1, 1), padding="valid",
                 data_format="channels_last", activation=None, *args, **kwargs):
        _Conv.__init__(self, 2, filters, kernel_size, strides, padding, data_format, 1, activation,
                       *args, **kwargs)


class Conv3DTranspose(_Transposed):
    """Volumes whose convolution has the shape of the inputs."""

    def __init__(self, filters, kernel_size, strides=(1, 1, 1), padding="valid",
                 data_format="channels_last", activation=None, *args, **kwargs):
        _Conv.__init__(self, 3, filters, kernel_size, strides, padding, data_format, 1, activation,
                       *args, **kwargs)


Deconvolution2D = Deconv2D = Conv2DTranspose
Deconvolution3D = Deconv3D = Conv3DTranspose


def _transposed_function(layer, name):
    def conv_transpose(inputs, filters, kernel_size, strides=1, padding="valid",
                       data_format="channels_last", activation=None, use_bias=True,
                       kernel_initializer=None, bias_initializer=init_ops.Zeros(),
                       kernel_regularizer=None, bias_regularizer=None, activity_regularizer=None,
                       kernel_constraint=None, bias_constraint=None, trainable=True, name=None,
                       reuse=None):
        made = layer(filters, kernel_size, strides, padding, data_format, activation, use_bias,
                     kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer,
                     activity_regularizer, kernel_constraint, bias_constraint, trainable, name,
                     _reuse=reuse, _scope=name)
        return made.apply(inputs)
    conv_transpose.__name__ = conv_transpose.__qualname__ = name
    conv_transpose.__doc__ = layer.__doc__ + " With a bias and an activation."
    return conv_transpose


conv2d_transpose = _transposed_function(Conv2DTranspose, "conv2d_transpose")
conv3d_transpose = _transposed_function(Conv3DTranspose, "conv3d_transpose")
deconv2d, deconv3d = conv2d_transpose, conv3d_transpose


# ---- separable ----

class _SeparableConv(_Conv):
    """A convolution of each channel for itself, and one by a filter of one point."""

    def __init__(self, rank, filters, kernel_size, strides=1, padding="valid",
                 data_format="channels_last", dilation_rate=1, depth_multiplier=1, activation=None,
                 use_bias=True, depthwise_initializer=None, pointwise_initializer=None,
                 bias_initializer=init_ops.Zeros(), depthwise_regularizer=None,
                 pointwise_regularizer=None, bias_regularizer=None, activity_regularizer=None,
                 depthwise_constraint=None, pointwise_constraint=None, bias_constraint=None,
                 trainable=True, name=None, **kwargs):
        _Conv.__init__(self, rank, filters, kernel_size, strides, padding, data_format,
                       dilation_rate, activation, use_bias, None, bias_initializer, None,
                       bias_regularizer, activity_regularizer, None, bias_constraint, trainable,
                       name, **kwargs)
        self.depth_multiplier = depth_multiplier
        self._deep = (depthwise_initializer, depthwise_regularizer, depthwise_constraint)
        self._point = (pointwise_initializer, pointwise_regularizer, pointwise_constraint)
        self.depthwise_kernel = self.pointwise_kernel = None

    def build(self, input_shape):
        axis = channel_axis(self.data_format)
        depth = base.channels_of(input_shape, axis, type(self).__name__)
        self.input_spec = base.InputSpec(ndim=self.rank + 2, axes={axis: depth})
        self.depthwise_kernel = self._kernel(
            "depthwise_kernel", self.kernel_size + (depth, self.depth_multiplier), self._deep)
        self.pointwise_kernel = self._kernel(
            "pointwise_kernel",
            (1,) * self.rank + (depth * self.depth_multiplier, self.filters), self._point)
        self._build_bias()

    def _kernel(self, name, shape, settings):
        return self.add_weight(name, shape, initializer=settings[0], regularizer=settings[1],
                               constraint=settings[2])

    def _convolve(self, inputs):
        first = self.data_format == "channels_first"
        deep, point = self.depthwise_kernel, self.pointwise_kernel
        strides, rates = self.strides, self.dilation_rate
        if self.rank == 1:  # as images of height 1
            axis = 2 if first else 1
            inputs = array_shapes.expand_dims(inputs, axis)
            deep, point = array_shapes.expand_dims(deep, 0), array_shapes.expand_dims(point, 0)
            strides, rates = strides * 2, (1,) + rates
        steps = [1, 1] + list(strides) if first else [1] + list(strides) + [1]
        outputs = nn_convolution.separable_conv2d(
            inputs, deep, point, steps, self.padding.upper(), rate=list(rates),
            data_format=format_of(self.data_format, 2))
        return outputs if self.rank == 2 else array_shapes.squeeze(outputs, [axis])


class SeparableConv1D(_SeparableConv):
    """A convolution of the channels of rows, and one by a filter of one point."""

    def __init__(self, filters, kernel_size, *args, **kwargs):
        _SeparableConv.__init__(self, 1, filters, kernel_size, *args, **kwargs)


class SeparableConv2D(_SeparableConv):
    """A convolution of the channels of images, and one by a filter of one point."""

    def __init__(self, filters, kernel_size, *args, **kwargs):
        _SeparableConv.__init__(self, 2, filters, kernel_size, *args, **kwargs)


SeparableConvolution1D, SeparableConvolution2D = SeparableConv1D, SeparableConv2D


def separable_conv1d(inputs, filters, kernel_size, *args, **kwargs):
    """SeparableConv1D by variables of its own; arguments as of the layer, and `reuse`."""
    return _separable(SeparableConv1D, inputs, filters, kernel_size, args, kwargs)


def separable_conv2d(inputs, filters, kernel_size, *args, **kwargs):
    """SeparableConv2D by variables of its own; arguments as of the layer, and `reuse`."""
    return _separable(SeparableConv2D, inputs, filters, kernel_size, args, kwargs)


def _separable(layer, inputs, filters, kernel_size, args, kwargs):
    made = layer(filters, kernel_size, *args, _reuse=kwargs.pop("reuse", None),
                 _scope=kwargs.get("name"), **kwargs)
    return made.apply(inputs)
