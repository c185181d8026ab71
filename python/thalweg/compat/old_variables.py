# SPDX-License-Identifier: Apache-2.0
"""Variables and initializers as versions before 1.0 had them."""
import math

from thalweg.framework import dtypes, ops, tensor_shape
from thalweg.ops import array_ops, random_ops
from thalweg.ops import variable_scope as scopes


def variable_scope(name_or_scope, reuse=None, initializer=None, regularizer=None,
                   caching_device=None, partitioner=None, custom_getter=None, dtype=None):
    """variable_scope() with `reuse` second."""
    return scopes.variable_scope(name_or_scope, reuse=reuse, initializer=initializer,
                                 regularizer=regularizer, caching_device=caching_device,
                                 partitioner=partitioner, custom_getter=custom_getter, dtype=dtype)


def get_variable(name, shape=None, dtype=dtypes.float32, initializer=None, trainable=True,
                 collections=None, **more):
    """get_variable() with `trainable` fifth."""
    return scopes.get_variable(name, shape, dtype, initializer, trainable=trainable,
                               collections=collections, **more)


def zeros_initializer(shape, dtype=dtypes.float32, partition_info=None):
    """An initializer itself, where the newer one makes an initializer."""
    return array_ops.zeros(shape, dtype)


def ones_initializer(shape, dtype=dtypes.float32, partition_info=None):
    """An initializer itself, where the newer one makes an initializer."""
    return array_ops.ones(shape, dtype)


def random_walk(shape, nonlinearity, dtype=dtypes.float32, seed=None, name="random_walk"):
    """Normal numbers that keep the scale through a layer with that nonlinearity (Sussillo and
    Abbott 2014)."""
    from thalweg.ops import math_ops, nn_ops
    shape = tensor_shape.as_shape(shape)
    with ops.name_scope(name, values=[shape]):
        size = shape.num_elements() / shape[-1].value
        gain = math.exp(1 / (2.0 * size))
        if nonlinearity is nn_ops.relu:
            gain = math.sqrt(2) * math.exp(1.2 / (max(size, 6) - 2.4))
        elif nonlinearity not in (math_ops.tanh, array_ops.identity):
            raise ValueError("Unknown nonlinearity %s" % nonlinearity)
        return random_ops.random_normal(shape.as_list(), stddev=gain / math.sqrt(size),
                                        dtype=dtype, seed=seed)


def assign_moving_average(variable, value, decay, name=None):
    """assign_moving_average() without a correction."""
    from thalweg.training import moving_averages
    return moving_averages.assign_moving_average(variable, value, decay, False, name)
