# SPDX-License-Identifier: Apache-2.0
"""First values whose spread follows from how many inputs and outputs a weight has."""
import math

from thalweg.framework import dtypes
from thalweg.ops import random_ops


def variance_scaling_initializer(factor=2.0, mode="FAN_IN", uniform=False, seed=None,
                                 dtype=dtypes.float32):
    """Random values of variance factor / n, n being the number of inputs ("FAN_IN"), of outputs
    ("FAN_OUT") or their mean ("FAN_AVG")."""
    if not dtype.is_floating:
        raise TypeError("Cannot create initializer for non-floating point type.")
    if mode not in ("FAN_IN", "FAN_OUT", "FAN_AVG"):
        raise TypeError("Unknown mode %s [FAN_IN, FAN_OUT, FAN_AVG]" % mode)

    def initializer(shape, dtype=dtype, partition_info=None):
        if not dtype.is_floating:
            raise TypeError("Cannot create initializer for non-floating point type.")
        full = shape if partition_info is None else partition_info.full_shape
        sizes = [float(n) for n in full]
        outputs = sizes[-1] if sizes else 1.0
        inputs = sizes[-2] if len(sizes) > 1 else outputs
        for size in sizes[:-2]:
            inputs, outputs = inputs * size, outputs * size
        n = {"FAN_IN": inputs, "FAN_OUT": outputs, "FAN_AVG": (inputs + outputs) / 2.0}[mode]
        if uniform:
            limit = math.sqrt(3.0 * factor / n)
            return random_ops.random_uniform(shape, -limit, limit, dtype, seed=seed)
        # What is cut off a normal distribution makes it narrower.
        return random_ops.truncated_normal(shape, 0.0, math.sqrt(1.3 * factor / n), dtype,
                                           seed=seed)
    return initializer


def xavier_initializer(uniform=True, seed=None, dtype=dtypes.float32):
    """Random values that keep the size of gradients about the same in all layers (Glorot and
    Bengio 2010)."""
    return variance_scaling_initializer(factor=1.0, mode="FAN_AVG", uniform=uniform, seed=seed,
                                        dtype=dtype)


xavier_initializer_conv2d = xavier_initializer
