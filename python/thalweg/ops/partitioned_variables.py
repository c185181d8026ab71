# SPDX-License-Identifier: Apache-2.0
"""How variables are cut into parts: functions of shape and dtype that say into how many parts each
axis is cut."""
import math

from thalweg.framework import dtypes, tensor_shape
from thalweg.ops import variable_scope


def variable_axis_size_partitioner(max_shard_bytes, axis=0, bytes_per_string_element=16,
                                   max_shards=None):
    """As few parts along `axis` as there can be of no more than `max_shard_bytes` each."""
    if max_shard_bytes < 1 or bytes_per_string_element < 1:
        raise ValueError("Both max_shard_bytes and bytes_per_string_element must be positive.")
    if max_shards and max_shards < 1:
        raise ValueError("max_shards must be positive.")

    def partitioner(shape, dtype):
        shape, dtype = tensor_shape.as_shape(shape), dtypes.as_dtype(dtype)
        if not shape.is_fully_defined():
            raise ValueError("shape is not fully defined: %s" % shape)
        element = bytes_per_string_element if dtype.base_dtype == dtypes.string else dtype.size
        counts, size = [1] * shape.ndims, shape[axis].value
        row = shape.num_elements() // max(size, 1) * element
        rows = max(1, math.floor(float(max_shard_bytes) / max(row, 1)))
        count = min(size, math.ceil(size / rows))
        counts[axis] = max(1, min(count, max_shards) if max_shards else count)
        return counts
    return partitioner


def min_max_variable_partitioner(max_partitions=1, axis=0, min_slice_size=256 << 10,
                                 bytes_per_string_element=16):
    """Up to `max_partitions` parts along `axis` of no less than `min_slice_size` bytes."""
    def partitioner(shape, dtype):
        shape, dtype = tensor_shape.as_shape(shape), dtypes.as_dtype(dtype)
        if axis >= shape.ndims:
            raise ValueError("Can not partition variable along axis %d when shape is only %s"
                             % (axis, shape))
        element = bytes_per_string_element if dtype.base_dtype == dtypes.string else dtype.size
        total = shape.num_elements() * element
        counts = [1] * shape.ndims
        counts[axis] = max(1, min(shape[axis].value, max_partitions,
                                  math.ceil(total / min_slice_size)))
        return counts
    return partitioner


def fixed_size_partitioner(num_shards, axis=0):
    """`num_shards` parts along `axis`, or as many as it is long."""
    def partitioner(shape, **unused):
        shape = tensor_shape.as_shape(shape)
        counts = [1] * shape.ndims
        counts[axis] = min(num_shards, shape[axis].value)
        return counts
    return partitioner


def create_partitioned_variables(shape, slicing, initializer, dtype=dtypes.float32, trainable=True,
                                 collections=None, name=None, reuse=None):
    """A list of the parts of a new variable that is cut as `slicing` says. `initializer` is a
    function of shape and dtype, or the value of the whole."""
    if len(shape) != len(slicing):
        raise ValueError("The 'shape' and 'slicing' of a partitioned Variable must have the "
                         "length: shape: %s, slicing: %s" % (shape, slicing))
    if len(shape) < 1:
        raise ValueError("A partitioned Variable must have rank at least 1: shape: %s" % shape)
    with variable_scope.variable_scope(name, "PartitionedVariable", reuse=reuse):
        whole = variable_scope._get_partitioned_variable(
            None, shape=shape, dtype=dtype,
            initializer=initializer, trainable=trainable, collections=collections,
            partitioner=lambda **unused: slicing)
        return list(whole)
