# SPDX-License-Identifier: Apache-2.0
"""Batch normalization, with moving moments for use after training (Ioffe and Szegedy 2015)."""
from thalweg.framework import constant_op, dtypes, node_counts, ops, tensor_shape, tensor_util
from thalweg.layers import base
from thalweg.layers.core import smart_cond
from thalweg.ops import array_shapes, init_ops, math_elementwise, nn_statistics
from thalweg.training import moving_averages

_LATER = "%s is not served by batch normalization here"


class BatchNormalization(base.Layer):
    """Inputs less their mean, over the root of their variance, by the batch's moments while
    training and by moving ones else; times gamma, plus beta."""

    _beta_first = False  # tf.contrib has both orders

    def __init__(self, axis=-1, momentum=0.99, epsilon=1e-3, center=True, scale=True,
                 beta_initializer=init_ops.Zeros(), gamma_initializer=init_ops.Ones(),
                 moving_mean_initializer=init_ops.Zeros(),
                 moving_variance_initializer=init_ops.Ones(), beta_regularizer=None,
                 gamma_regularizer=None, beta_constraint=None, gamma_constraint=None, renorm=False,
                 renorm_clipping=None, renorm_momentum=0.99, fused=None, trainable=True,
                 virtual_batch_size=None, adjustment=None, name=None, **kwargs):
        base.Layer.__init__(self, trainable=trainable, name=name, **kwargs)
        for word, value in (("renorm", renorm), ("virtual_batch_size", virtual_batch_size),
                            ("adjustment", adjustment)):
            if value:
                raise ValueError(_LATER % word)
        del renorm_clipping, renorm_momentum
        self.axis = list(axis) if isinstance(axis, (list, tuple)) else [axis]
        self.momentum, self.epsilon, self.center, self.scale = momentum, epsilon, center, scale
        self._first = {"beta": beta_initializer, "gamma": gamma_initializer,
                       "moving_mean": moving_mean_initializer,
                       "moving_variance": moving_variance_initializer}
        self._rules = {"beta": (beta_regularizer, beta_constraint),
                       "gamma": (gamma_regularizer, gamma_constraint)}
        self.fused = fused
        self.gamma = self.beta = self.moving_mean = self.moving_variance = None

    # ---- variables ----

    def build(self, input_shape):
        shape = tensor_shape.as_shape(input_shape)
        if shape.ndims is None:
            raise ValueError("Input has undefined rank: %s" % shape)
        axes = [a + shape.ndims if a < 0 else a for a in self.axis]
        if any(a < 0 or a >= shape.ndims for a in axes) or len(set(axes)) != len(axes):
            raise ValueError("Invalid axis: %s of inputs of rank %d" % (self.axis, shape.ndims))
        self.axis = axes
        possible = shape.ndims == 4 and axes in ([1], [3])
        if self.fused and not possible:
            raise ValueError("fused batch normalization is of images, over their channels; not of "
                             "inputs of rank %d over axis %s" % (shape.ndims, axes))
        self.fused = possible if self.fused is None else self.fused
        sizes = [base.channels_of(shape, a, "BatchNormalization") for a in axes]
        self.input_spec = base.InputSpec(ndim=shape.ndims, axes=dict(zip(axes, sizes)))
        if len(sizes) > 1:
            sizes = [shape.dims[a].value if a in axes else 1 for a in range(shape.ndims)]
        for name in ("beta", "gamma") if self._beta_first else ("gamma", "beta"):
            if self.scale if name == "gamma" else self.center:
                setattr(self, name, self._variable(name, sizes, True))
        self.moving_mean = self._variable("moving_mean", sizes, False)
        self.moving_variance = self._variable("moving_variance", sizes, False)

    def _variable(self, name, sizes, trainable):
        regularizer, constraint = self._rules.get(name, (None, None))
        dtype = dtypes.as_dtype(self.dtype or dtypes.float32)
        dtype = dtypes.float32 if dtype in (dtypes.float16, dtypes.bfloat16) else dtype
        return self.add_weight(name, sizes, dtype=dtype, initializer=self._first[name],
                               regularizer=regularizer, constraint=constraint, trainable=trainable)

    # ---- results ----

    def call(self, inputs, training=False):
        if isinstance(training, ops.Tensor):
            known = tensor_util.constant_value(training)
            training = training if known is None else bool(known)
        else:
            training = bool(training)
        outputs = (self._fused if self.fused else self._plain)(inputs, training)
        outputs.set_shape(inputs.get_shape())
        return outputs

    def _update(self, mean, variance, training, inputs, momentum=None):
        """The moving moments come nearer to the batch's."""
        if isinstance(training, ops.Tensor):
            momentum = smart_cond(training, lambda: constant_op.constant(self.momentum),
                                  lambda: constant_op.constant(1.0))
        elif momentum is None:
            momentum = self.momentum
        for variable, value in ((self.moving_mean, mean), (self.moving_variance, variance)):
            self.add_update(moving_averages.assign_moving_average(
                variable, value, momentum, zero_debias=False), inputs=inputs)

    def _fused(self, inputs, training):
        data_format = "NCHW" if self.axis == [1] else "NHWC"
        size = self.moving_mean.get_shape()
        gamma = self.gamma if self.scale else constant_op.constant(1.0, shape=size)
        beta = self.beta if self.center else constant_op.constant(0.0, shape=size)

        def train():
            return list(nn_statistics.fused_batch_norm(
                inputs, gamma, beta, epsilon=self.epsilon, data_format=data_format))

        def infer():
            return list(nn_statistics.fused_batch_norm(
                inputs, gamma, beta, mean=self.moving_mean, variance=self.moving_variance,
                epsilon=self.epsilon, is_training=False, data_format=data_format))
        outputs, mean, variance = smart_cond(training, train, infer)
        # a node also where nothing is updated: later seeds follow from the number of nodes
        momentum = None if isinstance(training, ops.Tensor) else \
            constant_op.constant(self.momentum)
        if training is not False:
            self._update(mean, variance, training, inputs, momentum)
        return outputs

    def _plain(self, inputs, training):
        rank = inputs.get_shape().ndims
        over = [a for a in range(rank) if a not in self.axis]
        keep = len(self.axis) > 1
        mean, variance = self.moving_mean, self.moving_variance
        if training is not False:
            batch_mean, batch_variance = nn_statistics.moments(inputs, over, keep_dims=keep)
            batch_mean = math_elementwise.cast(batch_mean, mean.dtype.base_dtype)
            batch_variance = math_elementwise.cast(batch_variance, mean.dtype.base_dtype)
            mean = smart_cond(training, lambda: batch_mean,
                              lambda: ops.convert_to_tensor(self.moving_mean))
            variance = smart_cond(training, lambda: batch_variance,
                                  lambda: ops.convert_to_tensor(self.moving_variance))
            self._update(mean, variance, training, inputs)
            if isinstance(training, ops.Tensor):
                node_counts.add(9)  # TensorFlow updates in branches

        def wide(value):
            if value is None or keep or self.axis == [rank - 1]:
                return value
            sizes = [-1 if a in self.axis else 1 for a in range(rank)]
            return array_shapes.reshape(ops.convert_to_tensor(value), sizes)
        return nn_statistics.batch_normalization(
            inputs, wide(mean), wide(variance), wide(self.beta), wide(self.gamma), self.epsilon)

    def compute_output_shape(self, input_shape):
        """The inputs' shape."""
        return tensor_shape.as_shape(input_shape)


def batch_normalization(inputs, axis=-1, momentum=0.99, epsilon=1e-3, center=True, scale=True,
                        beta_initializer=init_ops.Zeros(), gamma_initializer=init_ops.Ones(),
                        moving_mean_initializer=init_ops.Zeros(),
                        moving_variance_initializer=init_ops.Ones(), beta_regularizer=None,
                        gamma_regularizer=None, beta_constraint=None, gamma_constraint=None,
                        training=False, trainable=True, name=None, reuse=None, renorm=False,
                        renorm_clipping=None, renorm_momentum=0.99, fused=None,
                        virtual_batch_size=None, adjustment=None):
    """Normalized inputs by variables of their own; see BatchNormalization. While training the
    operations in the collection UPDATE_OPS are to be run too."""
    layer = BatchNormalization(
        axis, momentum, epsilon, center, scale, beta_initializer, gamma_initializer,
        moving_mean_initializer, moving_variance_initializer, beta_regularizer, gamma_regularizer,
        beta_constraint, gamma_constraint, renorm, renorm_clipping, renorm_momentum, fused,
        trainable, virtual_batch_size, adjustment, name, _reuse=reuse, _scope=name)
    return layer.apply(inputs, training=training)


BatchNorm, batch_norm = BatchNormalization, batch_normalization
