# SPDX-License-Identifier: Apache-2.0
"""Layers of every network: dense ones, dropout, flattening."""
from thalweg.framework import ops, tensor_shape
from thalweg.layers import base
from thalweg.ops import (array_shapes, control_flow_ops, gen_math_ops, init_ops, math_matrix,
                         nn_activations)
from thalweg.framework import tensor_util


def smart_cond(pred, true_fn, false_fn, name=None):
    """One of two functions, chosen while building if the condition is known, else when run."""
    if isinstance(pred, ops.Tensor) or hasattr(pred, "_as_graph_element"):
        known = tensor_util.constant_value(ops.convert_to_tensor(pred))
        if known is None:
            return control_flow_ops.cond(pred, true_fn, false_fn, name=name)
        pred = bool(known)
    return true_fn() if pred else false_fn()


class Dense(base.Layer):
    """activation(inputs * kernel + bias), over the last dimension of the inputs."""

    def __init__(self, units, activation=None, use_bias=True, kernel_initializer=None,
                 bias_initializer=init_ops.Zeros(), kernel_regularizer=None, bias_regularizer=None,
                 activity_regularizer=None, kernel_constraint=None, bias_constraint=None,
                 trainable=True, name=None, **kwargs):
        base.Layer.__init__(self, trainable=trainable, name=name,
                            activity_regularizer=activity_regularizer, **kwargs)
        self.units = int(units)
        self.activation, self.use_bias = activation, use_bias
        self.kernel_initializer, self.bias_initializer = kernel_initializer, bias_initializer
        self.kernel_regularizer, self.bias_regularizer = kernel_regularizer, bias_regularizer
        self.kernel_constraint, self.bias_constraint = kernel_constraint, bias_constraint
        self.kernel = self.bias = None
        self.input_spec = base.InputSpec(min_ndim=2)

    def build(self, input_shape):
        shape = tensor_shape.as_shape(input_shape)
        if shape.ndims is None or shape.dims[-1].value is None:
            raise ValueError("The last dimension of the inputs to `Dense` should be defined. Found "
                             "`None`.")
        width = shape.dims[-1].value
        self.input_spec = base.InputSpec(min_ndim=2, axes={-1: width})
        self.kernel = self.add_weight(
            "kernel", [width, self.units], initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer, constraint=self.kernel_constraint)
        if self.use_bias:
            self.bias = self.add_weight(
                "bias", [self.units], initializer=self.bias_initializer,
                regularizer=self.bias_regularizer, constraint=self.bias_constraint)

    def call(self, inputs):
        shape = inputs.get_shape()
        if shape.ndims > 2:
            outputs = math_matrix.tensordot(inputs, self.kernel, [[shape.ndims - 1], [0]])
            outputs.set_shape(shape.as_list()[:-1] + [self.units])
        else:
            outputs = gen_math_ops.mat_mul(inputs, self.kernel)
        if self.use_bias:
            outputs = nn_activations.bias_add(outputs, self.bias)
        return outputs if self.activation is None else self.activation(outputs)

    def compute_output_shape(self, input_shape):
        """The same but for the last size."""
        shape = tensor_shape.as_shape(input_shape).with_rank_at_least(2)
        return shape[:-1].concatenate(self.units)


def dense(inputs, units, activation=None, use_bias=True, kernel_initializer=None,
          bias_initializer=init_ops.Zeros(), kernel_regularizer=None, bias_regularizer=None,
          activity_regularizer=None, kernel_constraint=None, bias_constraint=None, trainable=True,
          name=None, reuse=None):
    """activation(inputs * kernel + bias) with variables of its own; see Dense."""
    layer = Dense(units, activation, use_bias, kernel_initializer, bias_initializer,
                  kernel_regularizer, bias_regularizer, activity_regularizer, kernel_constraint,
                  bias_constraint, trainable, name, _scope=name, _reuse=reuse)
    return layer.apply(inputs)


class Dropout(base.Layer):
    """Sets a part of the inputs to 0 while training, and enlarges the others."""

    def __init__(self, rate=0.5, noise_shape=None, seed=None, name=None, **kwargs):
        base.Layer.__init__(self, name=name, **kwargs)
        self.rate, self.noise_shape, self.seed = rate, noise_shape, seed

    def call(self, inputs, training=False):
        def dropped():
            return nn_activations.dropout(inputs, noise_shape=self.noise_shape, seed=self.seed,
                                          rate=self.rate)
        return smart_cond(training, dropped, lambda: array_shapes.identity(inputs))

    def compute_output_shape(self, input_shape):
        """The inputs' shape."""
        return tensor_shape.as_shape(input_shape)


def dropout(inputs, rate=0.5, noise_shape=None, seed=None, training=False, name=None):
    """The inputs, a part of them set to 0 if they are for training; see Dropout."""
    return Dropout(rate, noise_shape, seed, name).apply(inputs, training=training)


class Flatten(base.Layer):
    """The inputs with all dimensions but the first one put together."""

    def __init__(self, data_format=None, **kwargs):
        base.Layer.__init__(self, **kwargs)
        self.data_format = "channels_last" if data_format is None else data_format
        self.input_spec = base.InputSpec(min_ndim=2)

    def call(self, inputs):
        shape = inputs.get_shape()
        if self.data_format == "channels_first" and shape.ndims > 2:
            from thalweg.ops import array_moving
            inputs = array_moving.transpose(inputs, [0] + list(range(2, shape.ndims)) + [1])
        rows = shape.dims[0].value
        outputs = array_shapes.reshape(
            inputs, (array_shapes.shape(inputs)[0] if rows is None else rows, -1))
        outputs.set_shape(self.compute_output_shape(shape))
        return outputs

    def compute_output_shape(self, input_shape):
        """(rows, the product of the other sizes)"""
        shape = tensor_shape.as_shape(input_shape).with_rank_at_least(2)
        return tensor_shape.TensorShape([shape.dims[0], shape[1:].num_elements()])


def flatten(inputs, name=None, data_format="channels_last"):
    """The inputs as rows of a matrix."""
    return Flatten(name=name, data_format=data_format).apply(inputs)


FullyConnected, fully_connected = Dense, dense
