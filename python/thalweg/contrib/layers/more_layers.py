# SPDX-License-Identifier: Apache-2.0
"""tf.contrib.layers: normalization by groups, maxout, layers over volumes and planes, and what
makes vectors of words and pictures."""
import numpy as np

from thalweg.contrib.framework import variables as model
from thalweg.contrib.framework.scoped_arguments import add_arg_scope
from thalweg.contrib.layers import initializers, layers, utils
from thalweg.framework import dtypes, ops, sparse_tensor
from thalweg.layers import convolutional, pooling
from thalweg.ops import (array_ops, embedding_ops, init_ops, math_ops, nn_convolution, nn_ops,
                         nn_statistics, variable_scope)

_VOLUMES = ("NCDHW", "NDHWC")


# ---- normalization ----

def _affine(channels, dtype, center, scale, first, collections, trainable):
    """(beta, gamma), each a variable or None."""
    made = []
    for name, wanted, initializer in (("beta", center, init_ops.Zeros()),
                                      ("gamma", scale, init_ops.Ones())):
        made.append(model.model_variable(
            name, shape=[channels], dtype=dtype, initializer=first.get(name, initializer),
            collections=utils.get_variable_collections(collections, name),
            trainable=trainable) if wanted else None)
    return made


@add_arg_scope
def instance_norm(inputs, center=True, scale=True, epsilon=1e-6, activation_fn=None,
                  param_initializers=None, reuse=None, variables_collections=None,
                  outputs_collections=None, trainable=True, data_format="NHWC", scope=None):
    """Each channel of each example less its mean, over the root of its variance (Ulyanov, Vedaldi
    and Lempitsky 2016)."""
    inputs = ops.convert_to_tensor(inputs)
    shape = inputs.get_shape()
    if shape.ndims is None:
        raise ValueError("Inputs %s has undefined rank." % inputs.name)
    if data_format not in ("NCHW", "NHWC"):
        raise ValueError("data_format has to be either NCHW or NHWC.")
    with variable_scope.variable_scope(scope, "InstanceNorm", [inputs], reuse=reuse) as opened:
        axis = 1 if data_format == "NCHW" else shape.ndims - 1
        channels = shape.dims[axis].value
        if channels is None:
            raise ValueError("Inputs %s has undefined channels dimension %s."
                             % (inputs.name, shape[axis:axis + 1]))
        beta, gamma = _affine(channels, inputs.dtype.base_dtype, center, scale,
                              param_initializers or {}, variables_collections, trainable)
        if axis == 1:
            wide = [1, channels] + [1] * (shape.ndims - 2)
            beta, gamma = (v if v is None else array_ops.reshape(v, wide) for v in (beta, gamma))
        over = [a for a in range(1, shape.ndims) if a != axis]
        mean, variance = nn_statistics.moments(inputs, over, keep_dims=True)
        outputs = nn_statistics.batch_normalization(inputs, mean, variance, beta, gamma, epsilon)
        outputs.set_shape(shape)
        if activation_fn is not None:
            outputs = activation_fn(outputs)
        return utils.collect_named_outputs(outputs_collections, opened.name, outputs)


@add_arg_scope
def group_norm(inputs, groups=32, channels_axis=-1, reduction_axes=(-3, -2), center=True,
               scale=True, epsilon=1e-6, activation_fn=None, param_initializers=None, reuse=None,
               variables_collections=None, outputs_collections=None, trainable=True, scope=None,
               mean_close_to_zero=False):
    """Groups of channels of each example less their mean, over the root of their variance (Wu and
    He 2018)."""
    inputs = ops.convert_to_tensor(inputs)
    shape = inputs.get_shape()
    if shape.ndims is None:
        raise ValueError("Inputs %s has undefined rank." % inputs.name)
    axis = channels_axis % shape.ndims if -shape.ndims <= channels_axis < shape.ndims else None
    if axis is None:
        raise ValueError("Axis is out of bounds.")
    over = [a % shape.ndims for a in reduction_axes]
    if axis in over:
        raise ValueError("reduction_axis must be mutually exclusive with channels_axis")
    if any(a >= axis for a in over) and any(a < axis for a in over):
        raise ValueError("reduction_axes must all be on one side of channels_axis")
    channels = shape.dims[axis].value
    if channels is None:
        raise ValueError("Inputs %s has undefined channel dimension: %d." % (inputs.name, axis))
    if groups > channels:
        raise ValueError("Invalid groups %d for %d channels." % (groups, channels))
    if channels % groups:
        raise ValueError("%d channels is not commensurate with %d groups." % (channels, groups))
    with variable_scope.variable_scope(scope, "GroupNorm", [inputs], reuse=reuse) as opened:
        sizes = array_ops.unstack(array_ops.shape(inputs), shape.ndims)
        sizes = [s if n is None else n for s, n in zip(sizes, shape.as_list())]
        split = sizes[:axis] + [groups, channels // groups] + sizes[axis + 1:]
        grouped = array_ops.reshape(inputs, array_ops.stack(split))
        inner = [a + (a > axis) for a in over] + [axis + 1]
        wide = [1] * shape.ndims
        wide[axis:axis + 1] = [groups, channels // groups]
        beta, gamma = (v if v is None else array_ops.reshape(v, wide) for v in _affine(
            channels, inputs.dtype.base_dtype, center, scale, param_initializers or {},
            variables_collections, trainable))
        if mean_close_to_zero:
            mean = math_ops.reduce_mean(grouped, inner, keepdims=True)
            variance = math_ops.reduce_mean(math_ops.square(grouped), inner, keepdims=True) - \
                math_ops.square(mean)
        else:
            mean, variance = nn_statistics.moments(grouped, inner, keep_dims=True)
        outputs = nn_statistics.batch_normalization(grouped, mean, variance, beta, gamma, epsilon)
        outputs = array_ops.reshape(outputs, array_ops.shape(inputs))
        outputs.set_shape(shape)
        if activation_fn is not None:
            outputs = activation_fn(outputs)
        return utils.collect_named_outputs(outputs_collections, opened.name, outputs)


# ---- volumes and planes ----

def _pool3d(layer, label, inputs, kernel_size, stride, padding, data_format, outputs_collections,
            scope):
    if data_format not in _VOLUMES:
        raise ValueError("data_format has to be either NCDHW or NDHWC.")
    with ops.name_scope(scope, label, [inputs]) as opened:
        outputs = layer(pool_size=kernel_size, strides=stride, padding=padding,
                        data_format="channels_first" if data_format == "NCDHW" else
                        "channels_last").apply(ops.convert_to_tensor(inputs))
        return utils.collect_named_outputs(outputs_collections, opened, outputs)


@add_arg_scope
def avg_pool3d(inputs, kernel_size, stride=2, padding="VALID", data_format="NDHWC",
               outputs_collections=None, scope=None):
    """The means of windows of volumes."""
    return _pool3d(pooling.AveragePooling3D, "AvgPool3D", inputs, kernel_size, stride, padding,
                   data_format, outputs_collections, scope)


@add_arg_scope
def max_pool3d(inputs, kernel_size, stride=2, padding="VALID", data_format="NDHWC",
               outputs_collections=None, scope=None):
    """The greatest elements of windows of volumes."""
    return _pool3d(pooling.MaxPooling3D, "MaxPool3D", inputs, kernel_size, stride, padding,
                   data_format, outputs_collections, scope)


@add_arg_scope
def convolution3d_transpose(inputs, num_outputs, kernel_size, stride=1, padding="SAME",
                            data_format="NDHWC", activation_fn=nn_ops.relu, normalizer_fn=None,
                            normalizer_params=None,
                            weights_initializer=initializers.xavier_initializer(),
                            weights_regularizer=None, biases_initializer=init_ops.Zeros(),
                            biases_regularizer=None, reuse=None, variables_collections=None,
                            outputs_collections=None, trainable=True, scope=None):
    """What undoes the shapes of a convolution of volumes."""
    getter = layers._getter({"bias": "biases", "kernel": "weights"})
    with variable_scope.variable_scope(scope, "Conv3d_transpose", [inputs], reuse=reuse,
                                       custom_getter=getter) as opened:
        inputs = ops.convert_to_tensor(inputs)
        layer = convolutional.Conv3DTranspose(
            num_outputs, kernel_size, strides=stride, padding=padding,
            data_format=layers._format(data_format, _VOLUMES),
            use_bias=not normalizer_fn and bool(biases_initializer),
            kernel_initializer=weights_initializer, bias_initializer=biases_initializer,
            kernel_regularizer=weights_regularizer, bias_regularizer=biases_regularizer,
            trainable=trainable, name=opened.name, dtype=inputs.dtype.base_dtype, _scope=opened,
            _reuse=reuse)
        return layers._finished(layers._applied(layer, inputs, variables_collections), inputs,
                                normalizer_fn, normalizer_params, activation_fn,
                                outputs_collections, opened.name)


conv3d_transpose = convolution3d_transpose


@add_arg_scope
def convolution2d_in_plane(inputs, kernel_size, stride=1, padding="SAME",
                           activation_fn=nn_ops.relu, normalizer_fn=None, normalizer_params=None,
                           weights_initializer=initializers.xavier_initializer(),
                           weights_regularizer=None, biases_initializer=init_ops.Zeros(),
                           biases_regularizer=None, reuse=None, variables_collections=None,
                           outputs_collections=None, trainable=True, scope=None):
    """The same convolution of every channel."""
    with variable_scope.variable_scope(scope, "ConvInPlane", [inputs], reuse=reuse) as opened:
        inputs = ops.convert_to_tensor(inputs)
        dtype, channels = inputs.dtype.base_dtype, utils.last_dimension(inputs.get_shape(), 4)
        size, steps = utils.two_element_tuple(kernel_size), utils.two_element_tuple(stride)

        def variable(name, shape, initializer, regularizer):
            return model.model_variable(
                name, shape=shape, dtype=dtype, initializer=initializer, regularizer=regularizer,
                trainable=trainable,
                collections=utils.get_variable_collections(variables_collections, name))
        weights = variable("weights", list(size) + [1, 1], weights_initializer,
                           weights_regularizer)
        outputs = nn_convolution.depthwise_conv2d(
            inputs, array_ops.tile(weights, [1, 1, channels, 1]), [1] + list(steps) + [1], padding)
        if normalizer_fn is None and biases_initializer is not None:
            outputs = nn_ops.bias_add(outputs, variable("biases", [channels], biases_initializer,
                                                        biases_regularizer))
        return layers._finished(outputs, inputs, normalizer_fn, normalizer_params, activation_fn,
                                outputs_collections, opened.name)


conv2d_in_plane = convolution2d_in_plane


# ---- parts of networks ----

@add_arg_scope
def maxout(inputs, num_units, axis=-1, scope=None):
    """The greatest of groups of channels, num_units of them (Goodfellow et al. 2013)."""
    with variable_scope.variable_scope(scope, "MaxOut", [inputs]):
        inputs = ops.convert_to_tensor(inputs)
        shape = inputs.get_shape().as_list()
        channels = shape[axis]
        if channels % num_units:
            raise ValueError("number of features({}) is not a multiple of num_units({})".format(
                channels, num_units))
        axis = axis % len(shape)
        dynamic = None if None not in shape else array_ops.shape(inputs)
        sizes = [dynamic[i] if n is None else n for i, n in enumerate(shape)]
        sizes[axis:axis + 1] = [num_units, channels // num_units]
        outputs = math_ops.reduce_max(array_ops.reshape(inputs, sizes), axis=axis + 1)
        outputs.set_shape(shape[:axis] + [num_units] + shape[axis + 1:])
        return outputs


@add_arg_scope
def spatial_softmax(features, temperature=None, name=None, variables_collections=None,
                    trainable=True, data_format="NHWC"):
    """Where in a picture each channel is high: (x, y) from -1 to 1, the mean of places weighted by
    a softmax over all of them (Finn et al. 2016)."""
    with variable_scope.variable_scope(name, "spatial_softmax"):
        static, dynamic = features.get_shape(), array_ops.shape(features)
        places = (1, 2, 3) if data_format == "NHWC" else (2, 3, 1)
        if data_format not in ("NHWC", "NCHW"):
            raise ValueError("data_format has to be either NCHW or NHWC.")
        height, width, channels = (static.dims[p].value or dynamic[p] for p in places)
        x, y = array_ops.meshgrid(math_ops.lin_space(-1., 1., num=height),
                                  math_ops.lin_space(-1., 1., num=width), indexing="ij")
        x, y = (array_ops.reshape(v, [height * width]) for v in (x, y))
        first = init_ops.Ones() if temperature is None else init_ops.Constant(temperature)
        temperature = model.model_variable(
            "temperature", shape=(), dtype=dtypes.float32, initializer=first, trainable=trainable,
            collections=utils.get_variable_collections(variables_collections, "temperature"))
        if data_format == "NHWC":
            features = array_ops.transpose(features, [0, 3, 1, 2])
        flat = array_ops.reshape(features, [-1, height * width])
        weights = nn_ops.softmax(flat / temperature)
        means = [math_ops.reduce_sum(v * weights, [1], keepdims=True) for v in (x, y)]
        made = array_ops.reshape(array_ops.concat(means, 1), [-1, channels * 2])
        known = static.dims[places[2]].value
        made.set_shape([None, None if known is None else known * 2])
        return made


# ---- words ----

@add_arg_scope
def bow_encoder(ids, vocab_size, embed_dim, sparse_lookup=True, initializer=None,
                regularizer=None, trainable=True, scope=None, reuse=None):
    """The mean of the vectors of a row's words."""
    with variable_scope.variable_scope(scope, "bow_encoder", [ids], reuse=reuse):
        vectors = model.model_variable("embeddings", shape=[vocab_size, embed_dim],
                                       initializer=initializer, regularizer=regularizer,
                                       trainable=trainable)
        if not sparse_lookup:
            if isinstance(ids, sparse_tensor.SparseTensor):
                raise TypeError("ids are expected to be dense Tensor, got: %s" % ids)
            return math_ops.reduce_mean(embedding_ops.embedding_lookup(vectors, ids), axis=1)
        if not isinstance(ids, sparse_tensor.SparseTensor):
            ids = dense_to_sparse(ids)
        return embedding_ops.safe_embedding_lookup_sparse([vectors], ids, None, combiner="mean",
                                                          default_id=None)


@add_arg_scope
def dense_to_sparse(tensor, eos_token=0, outputs_collections=None, scope=None):
    """The elements that are not eos_token, as a SparseTensor."""
    with variable_scope.variable_scope(scope, "dense_to_sparse", [tensor]) as opened:
        tensor = ops.convert_to_tensor(tensor)
        end = ops.convert_to_tensor(np.asarray(eos_token, tensor.dtype.as_numpy_dtype)
                                    if tensor.dtype != dtypes.string else eos_token,
                                    dtype=tensor.dtype)
        indices = array_ops.where(math_ops.not_equal(tensor, end))
        made = sparse_tensor.SparseTensor(indices, array_ops.gather_nd(tensor, indices),
                                          array_ops.shape(tensor, out_type=dtypes.int64))
        return utils.collect_named_outputs(outputs_collections, opened.name, made)


def embedding_lookup_unique(params, ids, partition_strategy="mod", name=None):
    """As embedding_lookup(), where each row is read once however often its number stands there."""
    with ops.name_scope(name, "EmbeddingLookupUnique", [params, ids]):
        ids = ops.convert_to_tensor(ids)
        shape = array_ops.shape(ids)
        unique, places = array_ops.unique(array_ops.reshape(ids, [-1]))
        rows = embedding_ops.embedding_lookup(params, unique, partition_strategy)
        found = array_ops.gather(rows, places)
        found = array_ops.reshape(found, array_ops.concat([shape, array_ops.shape(rows)[1:]], 0))
        found.set_shape(ids.get_shape().concatenate(rows.get_shape()[1:]))
        return found
