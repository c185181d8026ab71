# SPDX-License-Identifier: Apache-2.0
"""Convolutions of rows, images and volumes, and what undoes their shapes."""
from thalweg.framework import dtypes, node_counts, ops, tensor_shape, tensor_util
from thalweg.ops import (array_joining, array_shapes, array_slicing, gen_array_ops, gen_math_ops,
                         gen_nn_ops)
from thalweg.ops.nn_activations import one_of
from thalweg.ops.nn_pooling import window


def _place(data_format, rank):
    """Which dimension the channels are."""
    return 1 if data_format and data_format.startswith("NC") else rank - 1


# ---- images ----

def _conv_attributes(padding, strides, dilations, data_format):
    """Attributes of the two-dimensional ops, with paddings that may be listed."""
    data_format = data_format or "NHWC"
    place, explicit = _place(data_format, 4), []
    if not isinstance(padding, str) and padding is not None:
        explicit = [int(p) for pair in padding for p in pair]
        padding = "EXPLICIT"
    return dict(strides=window(strides, 2, place, "strides"), padding=padding,
                explicit_paddings=explicit, data_format=data_format,
                dilations=window(dilations, 2, place, "dilations"))


def conv2d(input, filter=None, strides=None, padding=None,  # noqa: A002
           use_cudnn_on_gpu=True, data_format="NHWC", dilations=(1, 1, 1, 1), name=None,
           filters=None):
    """Images [batch, height, width, in] with a filter [height, width, in, out]: each result is the
    sum of products in a window. `padding` is "SAME", "VALID", or a pair of numbers for each
    dimension."""
    filter = one_of("filters", filters, "filter", filter)  # noqa: A001
    del use_cudnn_on_gpu
    return gen_nn_ops.conv2d(input, filter, name=name,
                             **_conv_attributes(padding, strides, dilations, data_format))


def conv2d_backprop_input(input_sizes, filter=None, out_backprop=None,  # noqa: A002
                          strides=None, padding=None, use_cudnn_on_gpu=True, data_format="NHWC",
                          dilations=(1, 1, 1, 1), name=None, filters=None):
    """The gradient of conv2d() for its images, of the given sizes."""
    filter = one_of("filters", filters, "filter", filter)  # noqa: A001
    del use_cudnn_on_gpu
    return gen_nn_ops.conv2d_backprop_input(
        input_sizes, filter, out_backprop, name=name,
        **_conv_attributes(padding, strides, dilations, data_format))


def conv2d_backprop_filter(input, filter_sizes, out_backprop, strides, padding,  # noqa: A002
                           use_cudnn_on_gpu=True, data_format="NHWC", dilations=(1, 1, 1, 1),
                           name=None):
    """The gradient of conv2d() for its filter, of the given sizes."""
    del use_cudnn_on_gpu
    return gen_nn_ops.conv2d_backprop_filter(
        input, filter_sizes, out_backprop, name=name,
        **_conv_attributes(padding, strides, dilations, data_format))


def conv2d_transpose(value=None, filter=None, output_shape=None, strides=None,  # noqa: A002
                     padding="SAME", data_format="NHWC", name=None, input=None,  # noqa: A002
                     filters=None, dilations=None):
    """Images of output_shape whose conv2d() has the shape of `value`: the gradient of such a
    convolution. The filter is [height, width, out, in]."""
    value = one_of("input", input, "value", value)
    filter = one_of("filters", filters, "filter", filter)  # noqa: A001
    with ops.name_scope(name, "conv2d_transpose", [value, filter, output_shape]) as scope:
        if data_format not in ("NCHW", "NHWC"):
            raise ValueError("data_format has to be either NCHW or NHWC.")
        value = ops.convert_to_tensor(value, name="value")
        filter = ops.convert_to_tensor(filter, name="filter")  # noqa: A001
        _check_transposed(value, filter, output_shape, padding, _place(data_format, 4))
        made = gen_nn_ops.conv2d_backprop_input(
            ops.convert_to_tensor(output_shape, name="input_sizes", dtype=dtypes.int32), filter,
            value, name=scope, **_conv_attributes(padding, strides, dilations, data_format))
        return made


def _check_transposed(value, filter, output_shape, padding, place):  # noqa: A002
    """What is wrong with a transposed convolution is said in its own terms."""
    if padding not in ("VALID", "SAME"):
        raise ValueError("padding must be either VALID or SAME: {}".format(padding))
    channels, sizes = value.get_shape(), filter.get_shape()
    if channels.ndims == 4 and sizes.ndims == 4 and \
            not channels[place].is_compatible_with(sizes[3]):
        raise ValueError("input channels does not match filter's input channels, {} != {}".format(
            channels[place], sizes[3]))
    if isinstance(output_shape, ops.Tensor):
        shape = output_shape.get_shape()
        if not shape.is_compatible_with(tensor_shape.TensorShape([4])):
            raise ValueError("output_shape must have shape (4,), got {}".format(shape))
        return
    if len(output_shape) != 4:
        raise ValueError("output_shape must have shape (4,), got ({},)".format(len(output_shape)))
    out = output_shape[place]
    if not isinstance(out, ops.Tensor) and sizes.ndims == 4 and \
            not sizes[2].is_compatible_with(out):
        raise ValueError("output_shape does not match filter's output channels, {} != {}".format(
            out, sizes[2]))


# ---- rows ----

def conv1d(value=None, filters=None, stride=None, padding=None, use_cudnn_on_gpu=None,
           data_format=None, name=None, input=None, dilations=None):  # noqa: A002
    """Rows [batch, width, in] with a filter [width, in, out], as images of height 1."""
    value = one_of("input", input, "value", value)
    del use_cudnn_on_gpu
    with ops.name_scope(name, "conv1d", [value, filters]) as scope:
        axis, wide, strides, rates = _as_images(data_format, stride, dilations)
        value = array_shapes.expand_dims(ops.convert_to_tensor(value), axis)
        filters = array_shapes.expand_dims(ops.convert_to_tensor(filters), 0)
        made = gen_nn_ops.conv2d(value, filters, strides=strides, padding=padding,
                                 data_format=wide, dilations=rates, name=scope)
        return array_shapes.squeeze(made, [axis])


def _as_images(data_format, stride, dilations):
    """(the axis that is added, the images' data format, strides, dilations)"""
    data_format = data_format or "NWC"
    if data_format not in ("NWC", "NHWC", "NCW", "NCHW"):
        raise ValueError("data_format must be \"NWC\" or \"NCW\".")
    place = _place(data_format, 3)
    steps, rates = (window(v, 1, place, word) for v, word in
                    ((stride, "stride"), (dilations, "dilations")))
    if place == 1:
        return 2, "NCHW", steps[:2] + [1] + steps[2:], rates[:2] + [1] + rates[2:]
    return 1, "NHWC", steps[:1] + [1] + steps[1:], rates[:1] + [1] + rates[1:]


def conv1d_transpose(input, filters, output_shape, strides, padding="SAME",  # noqa: A002
                     data_format="NWC", dilations=None, name=None):
    """Rows of output_shape whose conv1d() has the shape of `input`."""
    with ops.name_scope(name, "conv1d_transpose", [input, filters, output_shape]) as scope:
        axis, wide, steps, rates = _as_images(data_format, strides, dilations)
        value = array_shapes.expand_dims(ops.convert_to_tensor(input), axis)
        filters = array_shapes.expand_dims(ops.convert_to_tensor(filters), 0)
        if isinstance(output_shape, ops.Tensor):
            sizes = array_joining.concat([output_shape[:axis], [1], output_shape[axis:]], 0)
        else:
            sizes = list(output_shape[:axis]) + [1] + list(output_shape[axis:])
        made = gen_nn_ops.conv2d_backprop_input(sizes, filters, value, strides=steps,
                                                padding=padding, data_format=wide, dilations=rates,
                                                name=scope)
        return array_shapes.squeeze(made, [axis])


# ---- volumes ----

def conv3d(input, filter=None, strides=None, padding=None, data_format="NDHWC",  # noqa: A002
           dilations=(1, 1, 1, 1, 1), name=None, filters=None):
    """Volumes [batch, depth, height, width, in] with a filter [depth, height, width, in, out]."""
    filter = one_of("filters", filters, "filter", filter)  # noqa: A001
    place = _place(data_format, 5)
    return gen_nn_ops.conv3d(input, filter, strides=window(strides, 3, place, "strides"),
                             padding=padding, data_format=data_format or "NDHWC",
                             dilations=window(dilations, 3, place, "dilations"), name=name)


def conv3d_transpose(value, filter=None, output_shape=None, strides=None,  # noqa: A002
                     padding="SAME", data_format="NDHWC", name=None, input=None,  # noqa: A002
                     filters=None, dilations=None):
    """Volumes of output_shape whose conv3d() has the shape of `value`."""
    value = one_of("input", input, "value", value)
    filter = one_of("filters", filters, "filter", filter)  # noqa: A001
    with ops.name_scope(name, "conv3d_transpose", [value, filter, output_shape]) as scope:
        place = _place(data_format, 5)
        return gen_nn_ops.conv3d_backprop_input_v2(
            ops.convert_to_tensor(output_shape, name="input_sizes", dtype=dtypes.int32), filter,
            value, strides=window(strides, 3, place, "strides"), padding=padding,
            data_format=data_format or "NDHWC",
            dilations=window(dilations, 3, place, "dilations"), name=scope)


def conv_transpose(input, filters, output_shape, strides, padding="SAME",  # noqa: A002
                   data_format=None, dilations=None, name=None):
    """The transposed convolution of rows, images or volumes, whichever the input is."""
    with ops.name_scope(name, "conv_transpose", [input, filters, output_shape]):
        if isinstance(output_shape, ops.Tensor):
            count = output_shape.get_shape().num_elements()
        else:
            count = len(output_shape)
        if count is None or count not in (3, 4, 5):
            raise ValueError("output_shape must hold 3, 4 or 5 sizes, not %s" % count)
        function = {3: conv1d_transpose, 4: conv2d_transpose, 5: conv3d_transpose}[count]
        data_format = data_format or {3: "NWC", 4: "NHWC", 5: "NDHWC"}[count]
        return function(input, filters, output_shape, strides, padding=padding,
                        data_format=data_format, dilations=dilations)


# ---- of any rank, with dilation ----

def convolution(input, filter, padding, strides=None, dilation_rate=None, name=None,  # noqa: A002
                data_format=None, filters=None, dilations=None):
    """Rows, images or volumes with a filter whose elements may stand apart (dilation_rate)."""
    filter = one_of("filters", filters, "filter", filter)  # noqa: A001
    rates = one_of("dilations", dilations, "dilation_rate", dilation_rate)
    with ops.name_scope(name, "convolution", [input, filter]) as scope:
        input = ops.convert_to_tensor(input, name="input")  # noqa: A001
        filter = ops.convert_to_tensor(filter, name="filter")  # noqa: A001
        count = _spatial_rank(input, filter)
        strides, rates = _numbers(strides, count, "strides"), _numbers(rates, count,
                                                                       "dilation_rate")
        if any(s > 1 for s in strides) and any(r > 1 for r in rates):
            raise ValueError("strides > 1 not supported in conjunction with dilation_rate > 1")
        place = _place(data_format, count + 2)
        channels, own = input.get_shape(), filter.get_shape()
        if channels.ndims is not None and own.ndims is not None and \
                not channels[place].is_compatible_with(own[count]):
            raise ValueError("number of input channels does not match corresponding dimension of "
                             "filter, {} != {}".format(channels[place], own[count]))
        node_counts.add(_space_to_batch_nodes(rates, padding))
        return _convolve(input, filter, count, strides, padding, rates, data_format, scope)


def _space_to_batch_nodes(rates, padding):
    """TensorFlow deals dilated convolutions out to a larger batch; here they are one operation."""
    return (12 if padding == "SAME" else 11) if max(rates) > 1 else 0


def _convolve(input, filter, count, strides, padding, rates, data_format, name):  # noqa: A002
    if count == 1:
        return conv1d(input, filter, strides, padding, data_format=data_format or "NWC",
                      dilations=rates, name=name)
    if count == 2:
        return conv2d(input, filter, strides, padding, data_format=data_format or "NHWC",
                      dilations=rates, name=name)
    return conv3d(input, filter, strides, padding, data_format=data_format or "NDHWC",
                  dilations=rates, name=name)


def _spatial_rank(input, filter):  # noqa: A002
    ranks = [s.get_shape().ndims for s in (input, filter)]
    rank = next((r for r in ranks if r is not None), None)
    if rank is None:
        raise ValueError("rank of input or filter must be known")
    if any(r is not None and r != rank for r in ranks):
        raise ValueError("input tensor must have rank {}, and the filter too: {} and {}".format(
            rank, *ranks))
    if rank not in (3, 4, 5):
        raise ValueError("num_spatial_dims must be one of 1, 2 or 3, not {}".format(rank - 2))
    return rank - 2


def _numbers(value, count, word):
    """A number for each dimension of space."""
    if value is None:
        return [1] * count
    known = tensor_util.constant_value(value) if isinstance(value, ops.Tensor) else value
    if known is None:
        raise ValueError("%s must be known" % word)
    known = list(known) if hasattr(known, "__len__") else [known] * count
    if len(known) != count:
        raise ValueError("len(%s)=%d but should be %d" % (word, len(known), count))
    known = [int(n) for n in known]
    if any(n < 1 for n in known):
        raise ValueError("all values of %s must be positive" % word)
    return known


def atrous_conv2d(value, filters, rate, padding, name=None):
    """Images with a filter whose elements stand `rate` apart."""
    return convolution(value, filters, padding, dilation_rate=[rate, rate], name=name)


def atrous_conv2d_transpose(value, filters, output_shape, rate, padding, name=None):
    """Images of output_shape whose atrous_conv2d() has the shape of `value`."""
    with ops.name_scope(name, "atrous_conv2d_transpose", [value, filters, output_shape]) as scope:
        if rate < 1:
            raise ValueError("rate {} cannot be less than one".format(rate))
        value = ops.convert_to_tensor(value, name="value")
        filters = ops.convert_to_tensor(filters, name="filters")
        _check_transposed(value, filters, output_shape, padding, 3)
        return gen_nn_ops.conv2d_backprop_input(
            ops.convert_to_tensor(output_shape, name="output_shape", dtype=dtypes.int32), filters,
            value, strides=[1, 1, 1, 1], padding=padding, dilations=[1, rate, rate, 1], name=scope)


def with_space_to_batch(input, dilation_rate, padding, op, filter_shape=None,  # noqa: A002
                        spatial_dims=None, data_format=None):
    """op(input, number of spatial dimensions, padding) as if its windows had elements that stand
    dilation_rate apart: dealt out to images of a larger batch, and put together again."""
    from thalweg.ops import array_moving
    input = ops.convert_to_tensor(input, name="input")  # noqa: A001
    known = tensor_util.constant_value(ops.convert_to_tensor(dilation_rate, dtypes.int32,
                                                             name="dilation_rate"))
    if known is None:
        raise ValueError("dilation_rate must be known")
    rates = [int(r) for r in known]
    count = len(rates)
    first = 2 if data_format and data_format.startswith("NC") else 1
    dims = sorted(spatial_dims) if spatial_dims is not None else list(range(first, first + count))
    if all(r == 1 for r in rates):
        return op(input, count, padding)
    base = None
    if padding == "SAME":
        if filter_shape is None:
            raise ValueError("filter_shape must be specified for SAME padding")
        sizes = tensor_util.constant_value(ops.convert_to_tensor(filter_shape, name="filter_shape"))
        if sizes is None:
            raise ValueError("filter_shape must be known for SAME padding")
        total = [(int(sizes[i]) - 1) * rates[i] for i in range(count)]
        base = [[t // 2, t - t // 2] for t in total]
    elif padding != "VALID":
        raise ValueError("Invalid padding method %r" % padding)
    shape = input.get_shape()
    spatial = [shape.dims[d].value for d in dims] if shape.ndims is not None else [None]
    if None in spatial:
        spatial = array_slicing.gather(array_shapes.shape(input), dims)
    paddings, crops = array_moving.required_space_to_batch_paddings(spatial, rates, base)
    # Dimensions before and between those of space are blocks of 1.
    block, paddings, crops = _all_dims(dims, rates, paddings, crops)
    dealt = gen_array_ops.space_to_batch_nd(input, block, paddings)
    return gen_array_ops.batch_to_space_nd(op(dealt, count, "VALID"), block, crops)


def _all_dims(dims, rates, paddings, crops):
    """The same for all dimensions between the batch and the last one of space."""
    last = dims[-1]
    if dims == list(range(1, last + 1)):
        return rates, paddings, crops
    block, places = [1] * last, [d - 1 for d in dims]
    for place, rate in zip(places, rates):
        block[place] = rate
    index = [[p] for p in places]
    return (block, gen_array_ops.scatter_nd(index, paddings, [last, 2]),
            gen_array_ops.scatter_nd(index, crops, [last, 2]))


def pool(input, window_shape, pooling_type, padding, dilation_rate=None, strides=None,  # noqa: A002
         name=None, data_format=None, dilations=None):
    """The greatest or the mean ("MAX", "AVG") of windows of rows, images or volumes, whose elements
    may stand apart."""
    from thalweg.ops import nn_pooling
    rates = one_of("dilations", dilations, "dilation_rate", dilation_rate)
    with ops.name_scope(name, "%s_pool" % pooling_type.lower(), [input]) as scope:
        input = ops.convert_to_tensor(input, name="input")  # noqa: A001
        count = len(window_shape)
        if count not in (1, 2, 3):
            raise ValueError("It is required that 1 <= num_spatial_dims <= 3.")
        input.get_shape().with_rank(count + 2)
        strides = _numbers(strides, count, "strides")
        rates = _numbers(rates, count, "dilation_rate")
        if any(s > w for s, w in zip(strides, window_shape)) and any(r > 1 for r in rates):
            raise ValueError("strides > window_shape not supported in conjunction with "
                             "dilation_rate > 1")
        if padding == "SAME" and any(r > 1 for r in rates):
            raise ValueError("pooling with 'SAME' padding is not implemented for dilation_rate > 1")
        kinds = {"MAX": ("max_pool1d", "max_pool", "max_pool3d"),
                 "AVG": ("avg_pool1d", "avg_pool", "avg_pool3d")}
        if pooling_type not in kinds:
            raise ValueError("pooling_type must be MAX or AVG, not %r" % (pooling_type,))
        function = getattr(nn_pooling, kinds[pooling_type][count - 1])
        default = ("NWC", "NHWC", "NDHWC")[count - 1]

        def one(value, _, how):
            return function(value, list(window_shape), strides, how, data_format or default,
                            name=scope if all(r == 1 for r in rates) else None)
        return with_space_to_batch(input, rates, padding, one, data_format=data_format)


# ---- channels for themselves ----

def depthwise_conv2d(input, filter, strides, padding, rate=None, name=None,  # noqa: A002
                     data_format=None, dilations=None):
    """Images with a filter [height, width, in, multiplier], each channel for itself: in *
    multiplier channels come out."""
    rate = one_of("dilations", dilations, "rate", rate)
    with ops.name_scope(name, "depthwise", [input, filter]) as scope:
        input = ops.convert_to_tensor(input, name="tensor_in")  # noqa: A001
        filter = ops.convert_to_tensor(filter, name="filter_in")  # noqa: A001
        return _depthwise(input, filter, strides, padding, rate, data_format, scope)


def _depthwise(input, filter, strides, padding, rate, data_format, name):  # noqa: A002
    rates = _numbers(rate, 2, "rate")
    node_counts.add(_space_to_batch_nodes(rates, padding) or 2)
    return gen_nn_ops.depthwise_conv2d_native(
        input, filter, strides=strides, padding=padding, data_format=data_format or "NHWC",
        dilations=window(rates, 2, _place(data_format, 4), "rate"), name=name)


depthwise_conv2d_native = gen_nn_ops.depthwise_conv2d_native


def separable_conv2d(input, depthwise_filter, pointwise_filter, strides, padding,  # noqa: A002
                     rate=None, name=None, data_format=None, dilations=None):
    """depthwise_conv2d(), and a convolution by a filter of one point."""
    rate = one_of("dilations", dilations, "rate", rate)
    with ops.name_scope(name, "separable_conv2d",
                        [input, depthwise_filter, pointwise_filter]) as scope:
        input = ops.convert_to_tensor(input, name="tensor_in")  # noqa: A001
        deep = ops.convert_to_tensor(depthwise_filter, name="depthwise_filter")
        point = ops.convert_to_tensor(pointwise_filter, name="pointwise_filter")
        shape = point.get_shape().with_rank(4)
        shape.dims[0].assert_is_compatible_with(1)
        shape.dims[1].assert_is_compatible_with(1)
        depth = _depthwise(input, deep, strides, padding, rate, data_format, "depthwise")
        return gen_nn_ops.conv2d(depth, point, strides=[1, 1, 1, 1], padding="VALID",
                                 data_format=data_format or "NHWC", name=scope)


# ---- morphology ----

def dilation2d(input, filter=None, strides=None, rates=None, padding=None, name=None,  # noqa: A002
               filters=None, dilations=None):
    """The greatest sum of image and filter in each window."""
    filter = one_of("filters", filters, "filter", filter)  # noqa: A001
    rates = one_of("dilations", dilations, "rates", rates)
    return gen_nn_ops.dilation2d(input, filter, strides=strides, rates=rates, padding=padding,
                                 name=name)


def erosion2d(value, kernel, strides, rates, padding, name=None):
    """The least difference of image and kernel in each window."""
    with ops.name_scope(name, "erosion2d", [value, kernel]) as scope:
        made = gen_nn_ops.dilation2d(
            gen_math_ops.neg(value), gen_array_ops.reverse_v2(kernel, [0, 1]), strides=strides,
            rates=rates, padding=padding, name=scope)
        return gen_math_ops.neg(made)


# ---- statistics of graphs ----

def _register_statistics():
    """Floating point operations and parameters of what networks are made of."""
    def flops(graph, node):
        output = graph.get_tensor_by_name(node.name + ":0").get_shape()
        op = graph.get_operation_by_name(node.name)
        output.assert_is_fully_defined()
        if node.op == "BiasAdd":
            return ops.OpStats("flops", op.inputs[0].get_shape().num_elements())
        sizes = op.inputs[1].get_shape().as_list()
        per_element = 2 * sizes[0] * sizes[1] * (sizes[2] if node.op == "Conv2D" else 1)
        return ops.OpStats("flops", output.num_elements() * per_element)

    def parameters(graph, node):
        op = graph.get_operation_by_name(node.name)
        return ops.OpStats("weight_parameters", op.inputs[1].get_shape().num_elements())
    for kind in ("Conv2D", "DepthwiseConv2dNative", "BiasAdd"):
        ops.RegisterStatistics(kind, "flops")(flops)
        ops.RegisterStatistics(kind, "weight_parameters")(parameters)


_register_statistics()
