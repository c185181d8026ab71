# SPDX-License-Identifier: Apache-2.0
"""tf.contrib.layers: parts of networks, with an activation and a normalization at once."""
import functools

from thalweg.contrib.framework import variables as model
from thalweg.contrib.framework.scoped_arguments import add_arg_scope
from thalweg.contrib.layers import initializers, utils
from thalweg.framework import constant_op, dtypes, node_counts, ops
from thalweg.layers import convolutional, core, normalization, pooling
from thalweg.ops import (array_creation, array_shapes, embedding_ops, gen_math_ops, gen_nn_ops,
                         init_ops, math_elementwise, math_reduction, nn_activations,
                         nn_convolution, nn_losses, nn_statistics, variable_scope)

_FORMATS = {"NWC": "channels_last", "NHWC": "channels_last", "NDHWC": "channels_last",
            "NCW": "channels_first", "NCHW": "channels_first", "NCDHW": "channels_first"}
_XAVIER = initializers.xavier_initializer()
_ZEROS = init_ops.Zeros()


def _format(data_format, allowed=tuple(_FORMATS)):
    if data_format not in (None,) + tuple(allowed):
        raise ValueError("data_format has to be one of %s, not %r" % (", ".join(allowed),
                                                                      data_format))
    return _FORMATS.get(data_format, "channels_last")


def _getter(names):
    """Variables of a layer become those of the model, by other names."""
    def get(getter, *args, **kwargs):
        return _model_variable(getter, names, *args, **kwargs)
    return get


def _model_variable(getter, names, name, *args, **kwargs):
    head, _, last = name.rpartition("/")
    kwargs["collections"] = list(kwargs.get("collections") or ()) + [
        ops.GraphKeys.GLOBAL_VARIABLES, ops.GraphKeys.MODEL_VARIABLES]
    kwargs["collections"] = list(dict.fromkeys(kwargs["collections"]))
    last = names.get(last, last)
    return getter(head + "/" + last if head else last, *args, **kwargs)


def _collect(variable, variables_collections, name):
    """Puts a layer's variable into the collections that were asked for."""
    for collection in utils.get_variable_collections(variables_collections, name) or ():
        if variable is not None and variable not in ops.get_collection(collection):
            ops.add_to_collection(collection, variable)


def _applied(layer, inputs, variables_collections):
    """What a layer of weights and biases gives; its variables go into the collections."""
    outputs = layer.apply(inputs)
    _collect(layer.kernel, variables_collections, "weights")
    _collect(layer.bias, variables_collections, "biases")
    return outputs


def _finished(outputs, inputs, normalizer_fn, normalizer_params, activation_fn,
              outputs_collections, scope):
    """Normalized and activated, and known by name."""
    del inputs
    if normalizer_fn is not None:
        outputs = normalizer_fn(outputs, **(normalizer_params or {}))
    if activation_fn is not None:
        outputs = activation_fn(outputs)
    return utils.collect_named_outputs(outputs_collections, scope, outputs)


@add_arg_scope
def fully_connected(inputs, num_outputs, activation_fn=gen_nn_ops.relu, normalizer_fn=None,
                    normalizer_params=None, weights_initializer=_XAVIER, weights_regularizer=None,
                    biases_initializer=_ZEROS, biases_regularizer=None, reuse=None,
                    variables_collections=None, outputs_collections=None, trainable=True,
                    scope=None):
    """activation_fn(normalizer_fn(inputs * weights)), with biases where there is no normalizer."""
    if isinstance(num_outputs, bool) or not hasattr(num_outputs, "__index__"):
        raise ValueError("num_outputs should be integer, got %s." % (num_outputs,))
    getter = _getter({"bias": "biases", "kernel": "weights"})
    with variable_scope.variable_scope(scope, "fully_connected", [inputs], reuse=reuse,
                                       custom_getter=getter) as opened:
        inputs = ops.convert_to_tensor(inputs)
        layer = core.Dense(
            num_outputs, use_bias=normalizer_fn is None and biases_initializer is not None,
            kernel_initializer=weights_initializer, bias_initializer=biases_initializer,
            kernel_regularizer=weights_regularizer, bias_regularizer=biases_regularizer,
            trainable=trainable, name=opened.name, dtype=inputs.dtype.base_dtype, _scope=opened,
            _reuse=reuse)
        return _finished(_applied(layer, inputs, variables_collections), inputs, normalizer_fn,
                         normalizer_params, activation_fn, outputs_collections, opened.name)


@add_arg_scope
def convolution(inputs, num_outputs, kernel_size, stride=1, padding="SAME", data_format=None,
                rate=1, activation_fn=gen_nn_ops.relu, normalizer_fn=None, normalizer_params=None,
                weights_initializer=_XAVIER, weights_regularizer=None, biases_initializer=_ZEROS,
                biases_regularizer=None, reuse=None, variables_collections=None,
                outputs_collections=None, trainable=True, scope=None, conv_dims=None):
    """activation_fn(normalizer_fn(convolution of rows, images or volumes)), with biases where there
    is no normalizer."""
    getter = _getter({"bias": "biases", "kernel": "weights"})
    with variable_scope.variable_scope(scope, "Conv", [inputs], reuse=reuse,
                                       custom_getter=getter) as opened:
        inputs = ops.convert_to_tensor(inputs)
        rank = inputs.get_shape().ndims
        if conv_dims is not None and conv_dims + 2 != rank:
            raise ValueError("Convolution expects input with rank %d, got %d"
                             % (conv_dims + 2, rank))
        kinds = {3: convolutional.Conv1D, 4: convolutional.Conv2D, 5: convolutional.Conv3D}
        if rank not in kinds:
            raise ValueError("Convolution not supported for input with rank %s" % rank)
        layer = kinds[rank](
            num_outputs, kernel_size, strides=stride, padding=padding,
            data_format=_format(data_format), dilation_rate=rate,
            use_bias=not normalizer_fn and bool(biases_initializer),
            kernel_initializer=weights_initializer, bias_initializer=biases_initializer,
            kernel_regularizer=weights_regularizer, bias_regularizer=biases_regularizer,
            trainable=trainable, name=opened.name, dtype=inputs.dtype.base_dtype, _scope=opened,
            _reuse=reuse)
        return _finished(_applied(layer, inputs, variables_collections), inputs, normalizer_fn,
                         normalizer_params, activation_fn, outputs_collections, opened.name)


def _of_dims(dims, name):
    def conv(inputs, num_outputs, kernel_size, *args, **kwargs):
        return convolution(inputs, num_outputs, kernel_size, *args, conv_dims=dims, **kwargs)
    conv.__name__ = conv.__qualname__ = name
    conv.__doc__ = "convolution() of inputs of rank %d." % (dims + 2)
    return add_arg_scope(conv)


convolution1d = conv1d = _of_dims(1, "convolution1d")
convolution2d = conv2d = _of_dims(2, "convolution2d")
convolution3d = conv3d = _of_dims(3, "convolution3d")


@add_arg_scope
def convolution2d_transpose(inputs, num_outputs, kernel_size, stride=1, padding="SAME",
                            data_format="NHWC", activation_fn=gen_nn_ops.relu, normalizer_fn=None,
                            normalizer_params=None, weights_initializer=_XAVIER,
                            weights_regularizer=None, biases_initializer=_ZEROS,
                            biases_regularizer=None, reuse=None, variables_collections=None,
                            outputs_collections=None, trainable=True, scope=None):
    """Images whose convolution has the shape of the inputs, normalized and activated."""
    getter = _getter({"bias": "biases", "kernel": "weights"})
    with variable_scope.variable_scope(scope, "Conv2d_transpose", [inputs], reuse=reuse,
                                       custom_getter=getter) as opened:
        inputs = ops.convert_to_tensor(inputs)
        layer = convolutional.Conv2DTranspose(
            num_outputs, kernel_size, strides=stride, padding=padding,
            data_format=_format(data_format, ("NCHW", "NHWC")),
            use_bias=not normalizer_fn and bool(biases_initializer),
            kernel_initializer=weights_initializer, bias_initializer=biases_initializer,
            kernel_regularizer=weights_regularizer, bias_regularizer=biases_regularizer,
            trainable=trainable, name=opened.name, dtype=inputs.dtype.base_dtype, _scope=opened,
            _reuse=reuse)
        return _finished(_applied(layer, inputs, variables_collections), inputs, normalizer_fn,
                         normalizer_params, activation_fn, outputs_collections, opened.name)


conv2d_transpose = convolution2d_transpose


@add_arg_scope
def separable_convolution2d(inputs, num_outputs, kernel_size, depth_multiplier=1, stride=1,
                            padding="SAME", data_format="NHWC", rate=1,
                            activation_fn=gen_nn_ops.relu, normalizer_fn=None,
                            normalizer_params=None, weights_initializer=_XAVIER,
                            pointwise_initializer=None, weights_regularizer=None,
                            biases_initializer=_ZEROS, biases_regularizer=None, reuse=None,
                            variables_collections=None, outputs_collections=None, trainable=True,
                            scope=None):
    """A convolution of each channel, and one by a filter of one point; without num_outputs the
    first alone."""
    getter = _getter({"bias": "biases", "depthwise_kernel": "depthwise_weights",
                      "pointwise_kernel": "pointwise_weights"})
    with variable_scope.variable_scope(scope, "SeparableConv2d", [inputs], reuse=reuse,
                                       custom_getter=getter) as opened:
        inputs = ops.convert_to_tensor(inputs)
        if num_outputs is None:
            outputs = _depthwise(
                inputs, kernel_size, depth_multiplier, stride, padding, data_format, rate,
                (weights_initializer, weights_regularizer),
                None if normalizer_fn else (biases_initializer, biases_regularizer),
                variables_collections, trainable)
            return _finished(outputs, inputs, normalizer_fn, normalizer_params, activation_fn,
                             outputs_collections, opened.name)
        layer = convolutional.SeparableConv2D(
            num_outputs, kernel_size, strides=stride, padding=padding,
            data_format=_format(data_format, ("NCHW", "NHWC")),
            dilation_rate=utils.two_element_tuple(rate), depth_multiplier=depth_multiplier,
            use_bias=not normalizer_fn and bool(biases_initializer),
            depthwise_initializer=weights_initializer,
            pointwise_initializer=pointwise_initializer or weights_initializer,
            bias_initializer=biases_initializer, depthwise_regularizer=weights_regularizer,
            pointwise_regularizer=weights_regularizer, bias_regularizer=biases_regularizer,
            trainable=trainable, name=opened.name, dtype=inputs.dtype.base_dtype, _scope=opened,
            _reuse=reuse)
        outputs = layer.apply(inputs)
        _collect(layer.depthwise_kernel, variables_collections, "weights")
        _collect(layer.pointwise_kernel, variables_collections, "weights")
        _collect(layer.bias, variables_collections, "biases")
        return _finished(outputs, inputs, normalizer_fn, normalizer_params, activation_fn,
                         outputs_collections, opened.name)


separable_conv2d = separable_convolution2d


def _depthwise(inputs, kernel_size, depth_multiplier, stride, padding, data_format, rate, weights,
               biases, variables_collections, trainable):
    """A convolution of each channel, with biases unless they, or their initializer, are None."""
    dtype, first = inputs.dtype.base_dtype, data_format == "NCHW"
    channels = utils.channel_dimension(inputs.get_shape(), data_format or "NHWC", min_rank=4)
    size, steps = utils.two_element_tuple(kernel_size), list(utils.two_element_tuple(stride))

    def variable(name, shape, settings):
        return model.model_variable(
            name, shape=shape, dtype=dtype, initializer=settings[0], regularizer=settings[1],
            trainable=trainable,
            collections=utils.get_variable_collections(variables_collections, name.split("_")[-1]))
    kernel = variable("depthwise_weights", list(size) + [channels, depth_multiplier], weights)
    outputs = nn_convolution.depthwise_conv2d(
        inputs, kernel, [1, 1] + steps if first else [1] + steps + [1], padding,
        rate=list(utils.two_element_tuple(rate)), data_format=data_format)
    if biases is None or not biases[0]:
        return outputs
    bias = variable("biases", [channels * depth_multiplier], biases)
    return nn_activations.bias_add(outputs, bias, data_format or "NHWC")


# ---- without variables ----

def _pool(layer, label, inputs, kernel_size, stride, padding, data_format, outputs_collections,
          scope):
    with ops.name_scope(scope, label, [inputs]) as opened:
        made = layer(pool_size=kernel_size, strides=stride, padding=padding,
                     data_format=_format(data_format), _scope=opened)
        outputs = made.apply(ops.convert_to_tensor(inputs))
        return utils.collect_named_outputs(outputs_collections, opened, outputs)


@add_arg_scope
def max_pool2d(inputs, kernel_size, stride=2, padding="VALID", data_format="NHWC",
               outputs_collections=None, scope=None):
    """The greatest value in each window of images."""
    return _pool(pooling.MaxPooling2D, "MaxPool2D", inputs, kernel_size, stride, padding,
                 data_format, outputs_collections, scope)


@add_arg_scope
def avg_pool2d(inputs, kernel_size, stride=2, padding="VALID", data_format="NHWC",
               outputs_collections=None, scope=None):
    """The mean of each window of images."""
    return _pool(pooling.AveragePooling2D, "AvgPool2D", inputs, kernel_size, stride, padding,
                 data_format, outputs_collections, scope)


@add_arg_scope
def flatten(inputs, outputs_collections=None, scope=None):
    """The inputs as rows of a matrix."""
    with ops.name_scope(scope, "Flatten", [inputs]) as opened:
        outputs = core.flatten(ops.convert_to_tensor(inputs))
        return utils.collect_named_outputs(outputs_collections, opened, outputs)


@add_arg_scope
def dropout(inputs, keep_prob=0.5, noise_shape=None, is_training=True, outputs_collections=None,
            scope=None, seed=None):
    """The inputs, a part of them set to 0 while training."""
    with variable_scope.variable_scope(scope, "Dropout", [inputs]) as opened:
        inputs = ops.convert_to_tensor(inputs)
        layer = core.Dropout(rate=1 - keep_prob, noise_shape=noise_shape, seed=seed,
                             name=opened.name, _scope=opened)
        outputs = layer.apply(inputs, training=is_training)
        return utils.collect_named_outputs(outputs_collections, opened.name, outputs)


@add_arg_scope
def one_hot_encoding(labels, num_classes, on_value=1.0, off_value=0.0, outputs_collections=None,
                     scope=None):
    """A row for each label: one where its class is, zeros elsewhere."""
    with ops.name_scope(scope, "OneHotEncoding", [labels, num_classes]) as opened:
        labels = ops.convert_to_tensor(labels)
        if labels.dtype == dtypes.int32:
            labels = math_elementwise.cast(labels, dtypes.int64, name="ToInt64")
        outputs = array_creation.one_hot(labels, num_classes, on_value=on_value,
                                         off_value=off_value)
        return utils.collect_named_outputs(outputs_collections, opened, outputs)


@add_arg_scope
def softmax(logits, scope=None):
    """softmax() over the last dimension."""
    with variable_scope.variable_scope(scope, "softmax", [logits]):
        return nn_activations.softmax(logits)


@add_arg_scope
def unit_norm(inputs, dim, epsilon=1e-7, scope=None):
    """The inputs with vectors along a dimension of length 1."""
    with variable_scope.variable_scope(scope, "UnitNorm", [inputs]):
        rank = inputs.get_shape().ndims
        if rank is None:
            raise ValueError("The input rank must be known.")
        if not 0 <= dim < rank:
            raise ValueError("dim must be non-negative and smaller than the input rank.")
        squares = math_reduction.reduce_sum(gen_math_ops.square(inputs), dim, keepdims=True)
        node_counts.add(12)  # TensorFlow repeats the lengths
        return math_elementwise.div(inputs, gen_math_ops.sqrt(epsilon + squares))


# ---- normalization ----

@add_arg_scope
def batch_norm(inputs, decay=0.999, center=True, scale=False, epsilon=0.001, activation_fn=None,
               param_initializers=None, param_regularizers=None,
               updates_collections=ops.GraphKeys.UPDATE_OPS, is_training=True, reuse=None,
               variables_collections=None, outputs_collections=None, trainable=True,
               batch_weights=None, fused=None, data_format="NHWC", zero_debias_moving_mean=False,
               scope=None, renorm=False, renorm_clipping=None, renorm_decay=0.99, adjustment=None):
    """Batch normalization. The updates of the moving moments go into a collection, or, where
    updates_collections is None, happen before the result."""
    if batch_weights is not None or zero_debias_moving_mean:
        raise ValueError("batch_weights and zero_debias_moving_mean are not served by batch_norm "
                         "here")
    first, rules = param_initializers or {}, param_regularizers or {}
    with variable_scope.variable_scope(scope, "BatchNorm", [inputs], reuse=reuse,
                                       custom_getter=_getter({})) as opened:
        inputs = ops.convert_to_tensor(inputs)
        # Rows are images of one point: the moving variance is then that of the fused operation,
        # which divides by one less than there are rows.
        as_image = inputs.get_shape().ndims == 2 and fused is not False and not renorm and \
            adjustment is None
        flat = inputs
        if as_image:
            sizes = [-1, inputs.get_shape().dims[1].value]
            if sizes[1] is None:
                raise ValueError("Inputs %s has undefined channels dimension %s."
                                 % (inputs.name, sizes))
            inputs = array_shapes.reshape(inputs, [-1, sizes[1], 1, 1] if _format(data_format) ==
                                          "channels_first" else [-1, 1, 1, sizes[1]])
        layer = normalization.BatchNormalization(
            axis=1 if _format(data_format) == "channels_first" else -1, momentum=decay,
            epsilon=epsilon, center=center, scale=scale,
            beta_initializer=first.get("beta", init_ops.Zeros()),
            gamma_initializer=first.get("gamma", init_ops.Ones()),
            moving_mean_initializer=first.get("moving_mean", init_ops.Zeros()),
            moving_variance_initializer=first.get("moving_variance", init_ops.Ones()),
            beta_regularizer=rules.get("beta"), gamma_regularizer=rules.get("gamma"),
            trainable=trainable, renorm=renorm, renorm_clipping=renorm_clipping,
            renorm_momentum=renorm_decay, adjustment=adjustment, name=opened.name, fused=fused,
            _scope=opened, _reuse=reuse)
        layer.updates_collections = updates_collections
        layer._beta_first = as_image or updates_collections is not ops.GraphKeys.UPDATE_OPS
        outputs = layer.apply(inputs, training=is_training)
        if as_image:
            outputs = array_shapes.reshape(outputs, array_shapes.shape(flat))
        if layer._beta_first:
            known = not isinstance(is_training, ops.Tensor)
            more = (-3 if is_training else -1) if known else 4 if updates_collections is None else 5
            if not layer.fused:
                more = int(bool(is_training)) if known else -17
            node_counts.add(more)
        for name in ("beta", "gamma", "moving_mean", "moving_variance"):
            _collect(getattr(layer, name), variables_collections, name)
        if updates_collections is None and layer.updates:
            with ops.control_dependencies(layer.updates):
                outputs = array_shapes.identity(outputs)
        if activation_fn is not None:
            outputs = activation_fn(outputs)
        return utils.collect_named_outputs(outputs_collections, opened.name, outputs)


@add_arg_scope
def layer_norm(inputs, center=True, scale=True, activation_fn=None, reuse=None,
               variables_collections=None, outputs_collections=None, trainable=True,
               begin_norm_axis=1, begin_params_axis=-1, scope=None):
    """Each example less its mean, over the root of its variance (Ba, Kiros and Hinton 2016)."""
    with variable_scope.variable_scope(scope, "LayerNorm", [inputs], reuse=reuse) as opened:
        inputs = ops.convert_to_tensor(inputs)
        shape = inputs.get_shape()
        if shape.ndims is None:
            raise ValueError("Inputs %s has undefined rank." % inputs.name)
        begin = begin_norm_axis + shape.ndims if begin_norm_axis < 0 else begin_norm_axis
        sizes = shape[begin_params_axis:]
        if not sizes.is_fully_defined():
            raise ValueError("Inputs %s: shape[%s:] is not fully defined: %s"
                             % (inputs.name, begin_params_axis, shape))

        def variable(name, initializer):
            return model.model_variable(
                name, shape=sizes, dtype=inputs.dtype.base_dtype, initializer=initializer,
                collections=utils.get_variable_collections(variables_collections, name),
                trainable=trainable)
        beta = variable("beta", init_ops.Zeros()) if center else None
        gamma = variable("gamma", init_ops.Ones()) if scale else None
        mean, variance = nn_statistics.moments(inputs, list(range(begin, shape.ndims)),
                                               keep_dims=True)
        outputs = nn_statistics.batch_normalization(inputs, mean, variance, beta, gamma, 1e-12)
        outputs.set_shape(shape)
        if activation_fn is not None:
            outputs = activation_fn(outputs)
        return utils.collect_named_outputs(outputs_collections, opened.name, outputs)


@add_arg_scope
def bias_add(inputs, activation_fn=None, initializer=_ZEROS, regularizer=None, reuse=None,
             variables_collections=None, outputs_collections=None, trainable=True,
             data_format="NHWC", scope=None):
    """The inputs with biases added to the channels."""
    with variable_scope.variable_scope(scope, "BiasAdd", [inputs], reuse=reuse) as opened:
        inputs = ops.convert_to_tensor(inputs)
        axis = 1 if _format(data_format, ("NCHW", "NHWC")) == "channels_first" else -1
        size = inputs.get_shape()[axis].value
        if size is None:
            raise ValueError("`C` dimension must be known but is None")
        biases = model.model_variable(
            "biases", shape=[size], dtype=inputs.dtype.base_dtype, initializer=initializer,
            regularizer=regularizer, trainable=trainable,
            collections=utils.get_variable_collections(variables_collections, "biases"))
        outputs = nn_activations.bias_add(inputs, biases, data_format=data_format)
        if activation_fn is not None:
            outputs = activation_fn(outputs)
        return utils.collect_named_outputs(outputs_collections, opened.name, outputs)


# ---- several at once ----

def repeat(inputs, repetitions, layer, *args, **kwargs):
    """The same layer several times, one after the other."""
    scope = kwargs.pop("scope", None)
    with variable_scope.variable_scope(scope, "Repeat", [inputs]):
        inputs = ops.convert_to_tensor(inputs)
        scope = scope or getattr(layer, "__name__", None) or getattr(
            getattr(layer, "func", None), "__name__", "repeat")
        for i in range(repetitions):
            kwargs["scope"] = scope + "_" + str(i + 1)
            inputs = layer(inputs, *args, **kwargs)
        return inputs


def stack(inputs, layer, stack_args, **kwargs):
    """A layer several times, each with arguments of its own."""
    scope = kwargs.pop("scope", None)
    if not isinstance(stack_args, (list, tuple)):
        raise ValueError("stack_args need to be a list or tuple")
    with variable_scope.variable_scope(scope, "Stack", [inputs]):
        inputs = ops.convert_to_tensor(inputs)
        scope = scope or getattr(layer, "__name__", None) or getattr(
            getattr(layer, "func", None), "__name__", "stack")
        for i, given in enumerate(stack_args):
            kwargs["scope"] = scope + "_" + str(i + 1)
            given = given if isinstance(given, (list, tuple)) else [given]
            inputs = layer(inputs, *given, **kwargs)
        return inputs


def embed_sequence(ids, vocab_size=None, embed_dim=None, unique=False, initializer=None,
                   regularizer=None, trainable=True, scope=None, reuse=None):
    """Rows of a table for each id of sequences."""
    del unique
    if not (reuse or (vocab_size and embed_dim)):
        raise ValueError("Must specify vocab size and embedding dimension when not reusing. Got "
                         "vocab_size=%s and embed_dim=%s" % (vocab_size, embed_dim))
    with variable_scope.variable_scope(scope, "EmbedSequence", [ids], reuse=reuse):
        shape = [vocab_size, embed_dim]
        if reuse and vocab_size is None or embed_dim is None:
            shape = None
        table = model.model_variable("embeddings", shape=shape, initializer=initializer,
                                     regularizer=regularizer, trainable=trainable)
        return embedding_ops.embedding_lookup(table, ids)


def legacy_fully_connected(x, num_output_units, activation_fn=None, weight_init=_XAVIER,
                           bias_init=_ZEROS, name=None,
                           weight_collections=(ops.GraphKeys.WEIGHTS,),
                           bias_collections=(ops.GraphKeys.BIASES,),
                           output_collections=(ops.GraphKeys.ACTIVATIONS,), trainable=True,
                           weight_regularizer=None, bias_regularizer=None):
    """activation_fn(x * weights + bias), as the first versions had it."""
    with variable_scope.variable_scope(name, "fully_connected", [x]):
        x = ops.convert_to_tensor(x)
        shape = x.get_shape().with_rank_at_least(2)
        if shape.dims[-1].value is None:
            raise ValueError("last dimension of x must be known but is None")

        def variable(word, sizes, initializer, collections, regularizer):
            return variable_scope.get_variable(
                word, shape=sizes, dtype=x.dtype.base_dtype, initializer=initializer,
                collections=list(collections) + [ops.GraphKeys.GLOBAL_VARIABLES],
                regularizer=regularizer, trainable=trainable)
        weights = variable("weights", [shape.dims[-1].value, num_output_units], weight_init,
                           weight_collections, weight_regularizer)
        flat = nn_losses.flatten_outer_dims(x) if shape.ndims > 2 else x
        outputs = gen_math_ops.mat_mul(flat, weights)
        if bias_init is not None:
            outputs = nn_activations.bias_add(outputs, variable(
                "bias", [num_output_units], bias_init, bias_collections, bias_regularizer))
        if activation_fn is not None:
            outputs = activation_fn(outputs)
        if shape.ndims > 2:
            sizes = [-1 if n is None else n for n in shape.as_list()[:-1]] + [num_output_units]
            outputs = array_shapes.reshape(outputs, sizes)
            outputs.set_shape(shape[:-1].concatenate(num_output_units))
        ops.add_to_collections(list(output_collections or ()), outputs)
        return outputs


linear = functools.partial(fully_connected, activation_fn=None)
relu = functools.partial(fully_connected, activation_fn=gen_nn_ops.relu)
relu6 = functools.partial(fully_connected, activation_fn=nn_activations.relu6)
elu = functools.partial(fully_connected, activation_fn=gen_nn_ops.elu)
legacy_linear = functools.partial(legacy_fully_connected, activation_fn=None)
legacy_relu = functools.partial(legacy_fully_connected, activation_fn=gen_nn_ops.relu)


def scale_gradient(inputs, gradient_multiplier):
    """The inputs, whose gradient is multiplied."""
    factor = constant_op.constant(gradient_multiplier, dtype=inputs.dtype.base_dtype)
    return inputs * factor + gen_math_ops.stop_gradient(inputs * (1 - factor))
