# SPDX-License-Identifier: Apache-2.0
"""Initializers: objects that give the first value for a shape and a type."""
import math

import numpy as np

from thalweg.framework import constant_op, dtypes, tensor_shape
from thalweg.ops import array_ops, gen_linalg_ops, gen_math_ops, random_ops


LARGE = 1 << 20  # elements of a Const of one number: a graph holds it for ever


def _elements(shape):
    """How many a shape has; 0 if it does not say."""
    return tensor_shape.as_shape(shape).num_elements() or 0


class Initializer:
    """initializer(shape, dtype=None, partition_info=None) gives a tensor. `partition_info` says of
    which larger variable it is a part."""

    def __call__(self, shape, dtype=None, partition_info=None):
        raise NotImplementedError

    def get_config(self):
        """Its settings as a dict."""
        return {}

    @classmethod
    def from_config(cls, config):
        """An initializer of the settings that get_config() gave."""
        return cls(**config)


def _assert_float_dtype(dtype):
    dtype = dtypes.as_dtype(dtype)
    if not dtype.is_floating:
        raise ValueError("Expected floating point type, got %s." % dtype)
    return dtype


def _whole(shape, partition_info):
    """The sizes that scale the numbers: those of the whole variable."""
    sizes = shape if partition_info is None else partition_info.full_shape
    return [int(s) for s in sizes]


class _OfDtype(Initializer):
    def get_config(self):
        return {"dtype": self.dtype.name}


class Zeros(_OfDtype):
    """Zeros."""

    def __init__(self, dtype=dtypes.float32):
        self.dtype = dtypes.as_dtype(dtype)

    def __call__(self, shape, dtype=None, partition_info=None):
        return array_ops.zeros(shape, self.dtype if dtype is None else dtype)


class Ones(_OfDtype):
    """Ones."""

    def __init__(self, dtype=dtypes.float32):
        self.dtype = dtypes.as_dtype(dtype)

    def __call__(self, shape, dtype=None, partition_info=None):
        return array_ops.ones(shape, self.dtype if dtype is None else dtype)


class Constant(Initializer):
    """A number everywhere, or a list of numbers, the last of which fills what is left."""

    def __init__(self, value=0, dtype=dtypes.float32, verify_shape=False):
        if not (np.isscalar(value) or isinstance(value, (list, tuple, np.ndarray))):
            raise TypeError("Invalid type for initial value: %s (expected Python scalar, list or "
                            "tuple of values, or numpy.ndarray)." % type(value))
        self.value, self.dtype = value, dtypes.as_dtype(dtype)
        self._verify_shape = verify_shape

    def __call__(self, shape, dtype=None, partition_info=None, verify_shape=None):
        dtype = self.dtype if dtype is None else dtype
        verify = self._verify_shape if verify_shape is None else verify_shape
        if np.isscalar(self.value) and _elements(shape) > LARGE:
            value = constant_op.constant(self.value, dtype=dtype, name="value")
            return array_ops.fill(shape, value, name="Const")
        return constant_op.constant(self.value, dtype=dtype, shape=shape, verify_shape=verify)

    def get_config(self):
        return {"value": self.value, "dtype": self.dtype.name}


class _Random(Initializer):
    """An initializer of random numbers: its settings are its attributes of the same names."""
    _settings = ()

    def _set(self, seed, dtype, **settings):
        self.seed, self.dtype = seed, _assert_float_dtype(dtype)
        self.__dict__.update(settings)

    def get_config(self):
        made = {name: getattr(self, name) for name in self._settings}
        return dict(made, seed=self.seed, dtype=self.dtype.name)


class RandomUniform(_Random):
    """Numbers from `minval` up to `maxval`, equally likely."""
    _settings = ("minval", "maxval")

    def __init__(self, minval=0, maxval=None, seed=None, dtype=dtypes.float32):
        self.minval, self.maxval, self.seed = minval, maxval, seed
        self.dtype = dtypes.as_dtype(dtype)
        if not (self.dtype.is_floating or self.dtype.is_integer):
            _assert_float_dtype(dtype)

    def __call__(self, shape, dtype=None, partition_info=None):
        return random_ops.random_uniform(shape, self.minval, self.maxval,
                                         self.dtype if dtype is None else dtype, seed=self.seed)


class RandomNormal(_Random):
    """Numbers of a normal distribution."""
    _settings = ("mean", "stddev")

    def __init__(self, mean=0.0, stddev=1.0, seed=None, dtype=dtypes.float32):
        self._set(seed, dtype, mean=mean, stddev=stddev)

    def __call__(self, shape, dtype=None, partition_info=None):
        return random_ops.random_normal(shape, self.mean, self.stddev,
                                        self.dtype if dtype is None else dtype, seed=self.seed)


class TruncatedNormal(_Random):
    """Numbers of a normal distribution without those further than two standard deviations."""
    _settings = ("mean", "stddev")

    def __init__(self, mean=0.0, stddev=1.0, seed=None, dtype=dtypes.float32):
        self._set(seed, dtype, mean=mean, stddev=stddev)

    def __call__(self, shape, dtype=None, partition_info=None):
        return random_ops.truncated_normal(shape, self.mean, self.stddev,
                                           self.dtype if dtype is None else dtype, seed=self.seed)


class UniformUnitScaling(_Random):
    """Uniform numbers within factor * sqrt(3 / the product of all sizes but the last): the scale
    of what goes through a layer stays (Sussillo and Abbott 2014)."""
    _settings = ("factor",)

    def __init__(self, factor=1.0, seed=None, dtype=dtypes.float32):
        self._set(seed, dtype, factor=factor)

    def __call__(self, shape, dtype=None, partition_info=None):
        inputs = max(math.prod(float(s) for s in _whole(shape, partition_info)[:-1]), 1.0)
        limit = math.sqrt(3 / inputs) * self.factor
        return random_ops.random_uniform(shape, -limit, limit,
                                         self.dtype if dtype is None else dtype, seed=self.seed)


def _compute_fans(shape):
    """How many inputs and outputs an element takes part in."""
    if len(shape) < 2:
        size = shape[0] if len(shape) else 1
        return size, size
    window = math.prod(shape[:-2])
    return shape[-2] * window, shape[-1] * window


_SPREAD_OF_TRUNCATED = .87962566103423978  # the standard deviation that truncation leaves of 1


class VarianceScaling(_Random):
    """Numbers of variance scale / n; n is the number of inputs ("fan_in"), outputs ("fan_out"), or
    their mean ("fan_avg")."""
    _settings = ("scale", "mode", "distribution")

    def __init__(self, scale=1.0, mode="fan_in", distribution="truncated_normal", seed=None,
                 dtype=dtypes.float32):
        if scale <= 0.:
            raise ValueError("`scale` must be positive float.")
        if mode not in ("fan_in", "fan_out", "fan_avg"):
            raise ValueError("Invalid `mode` argument:", mode)
        distribution = distribution.lower()
        if distribution not in ("normal", "uniform", "truncated_normal", "untruncated_normal"):
            raise ValueError("Invalid `distribution` argument:", distribution)
        self._set(seed, dtype, scale=scale, mode=mode, distribution=distribution)

    def __call__(self, shape, dtype=None, partition_info=None):
        dtype = self.dtype if dtype is None else dtype
        fans = _compute_fans(_whole(shape, partition_info))
        count = {"fan_in": fans[0], "fan_out": fans[1], "fan_avg": sum(fans) / 2.}[self.mode]
        scale = self.scale / max(1., count)
        if self.distribution == "uniform":
            limit = math.sqrt(3.0 * scale)
            return random_ops.random_uniform(shape, -limit, limit, dtype, seed=self.seed)
        if self.distribution == "untruncated_normal":
            return random_ops.random_normal(shape, 0.0, math.sqrt(scale), dtype, seed=self.seed)
        return random_ops.truncated_normal(shape, 0.0, math.sqrt(scale) / _SPREAD_OF_TRUNCATED,
                                           dtype, seed=self.seed)


class GlorotUniform(VarianceScaling):
    """Uniform numbers within sqrt(6 / (inputs + outputs)) (Glorot and Bengio 2010)."""
    _settings = ()

    def __init__(self, seed=None, dtype=dtypes.float32):
        VarianceScaling.__init__(self, 1.0, "fan_avg", "uniform", seed, dtype)


class GlorotNormal(VarianceScaling):
    """Truncated normal numbers of variance 2 / (inputs + outputs) (Glorot and Bengio 2010)."""
    _settings = ()

    def __init__(self, seed=None, dtype=dtypes.float32):
        VarianceScaling.__init__(self, 1.0, "fan_avg", "truncated_normal", seed, dtype)


class Orthogonal(_Random):
    """A matrix of orthonormal rows or columns times `gain`; more dimensions count as one matrix
    with the last size as its width (Saxe et al. 2014)."""
    _settings = ("gain",)

    def __init__(self, gain=1.0, seed=None, dtype=dtypes.float32):
        self._set(seed, dtype, gain=gain)

    def __call__(self, shape, dtype=None, partition_info=None):
        shape = [int(s) for s in shape]
        if len(shape) < 2:
            raise ValueError("The tensor to initialize must be at least two-dimensional")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        matrix = self._matrix(rows, columns, self.dtype if dtype is None else dtype)
        return self.gain * array_ops.reshape(matrix, shape)

    def _matrix(self, rows, columns, dtype):
        flat = (max(rows, columns), min(rows, columns))
        q, r = gen_linalg_ops.qr(random_ops.random_normal(flat, dtype=dtype, seed=self.seed),
                                 full_matrices=False)
        q *= gen_math_ops.sign(array_ops.diag_part(r))  # unique, and uniform over all of them
        return array_ops.matrix_transpose(q) if rows < columns else q


class ConvolutionDeltaOrthogonal(Orthogonal):
    """An orthogonal matrix at the middle of a convolution's window, zeros around it (Xiao et al.
    2018)."""

    def __call__(self, shape, dtype=None, partition_info=None):
        shape = [int(s) for s in shape]
        if not 3 <= len(shape) <= 5:
            raise ValueError("The tensor to initialize must be at least three-dimensional and at "
                             "most five-dimensional")
        if shape[-2] > shape[-1]:
            raise ValueError("In_filters cannot be greater than out_filters.")
        dtype = self.dtype if dtype is None else dtype
        matrix = self._matrix(shape[-1], shape[-1], dtype)[:shape[-2], :] * self.gain
        before = [(s - 1) // 2 for s in shape[:-2]]
        behind = [s - 1 - b for s, b in zip(shape[:-2], before)]
        whole = array_ops.reshape(matrix, [1] * len(before) + shape[-2:])
        return array_ops.pad(whole, list(zip(before, behind)) + [(0, 0), (0, 0)])


class Identity(Initializer):
    """The unit matrix times `gain`."""

    def __init__(self, gain=1.0, dtype=dtypes.float32):
        self.gain, self.dtype = gain, _assert_float_dtype(dtype)

    def __call__(self, shape, dtype=None, partition_info=None):
        whole = shape if partition_info is None else partition_info.full_shape
        if len(whole) != 2:
            raise ValueError("Identity matrix initializer can only be used for 2D matrices.")
        dtype = dtypes.as_dtype(self.dtype if dtype is None else dtype)
        matrix = np.eye(*whole, dtype=dtype.as_numpy_dtype) * self.gain
        if partition_info is not None:
            matrix = matrix[tuple(slice(o, o + n) for o, n in
                                  zip(partition_info.var_offset, shape))]
        return constant_op.constant(matrix, dtype=dtype, name="eye")

    def get_config(self):
        return {"gain": self.gain, "dtype": self.dtype.name}


zeros_initializer = Zeros
ones_initializer = Ones
constant_initializer = Constant
random_uniform_initializer = RandomUniform
random_normal_initializer = RandomNormal
truncated_normal_initializer = TruncatedNormal
uniform_unit_scaling_initializer = UniformUnitScaling
variance_scaling_initializer = VarianceScaling
glorot_uniform_initializer = GlorotUniform
glorot_normal_initializer = GlorotNormal
orthogonal_initializer = Orthogonal
identity_initializer = Identity
convolutional_delta_orthogonal = ConvolutionDeltaOrthogonal


def lecun_normal(seed=None):
    """Truncated normal numbers of variance 1 / inputs (LeCun et al. 1998)."""
    return VarianceScaling(1., "fan_in", "truncated_normal", seed)


def lecun_uniform(seed=None):
    """Uniform numbers of variance 1 / inputs (LeCun et al. 1998)."""
    return VarianceScaling(1., "fan_in", "uniform", seed)


def he_normal(seed=None):
    """Truncated normal numbers of variance 2 / inputs (He et al. 2015)."""
    return VarianceScaling(2., "fan_in", "truncated_normal", seed)


def he_uniform(seed=None):
    """Uniform numbers of variance 2 / inputs (He et al. 2015)."""
    return VarianceScaling(2., "fan_in", "uniform", seed)


lecun_normal_initializer, lecun_uniform_initializer = lecun_normal, lecun_uniform
he_normal_initializer, he_uniform_initializer = he_normal, he_uniform
