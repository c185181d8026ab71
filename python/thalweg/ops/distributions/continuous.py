# SPDX-License-Identifier: Apache-2.0
"""Distributions of real numbers: normal, Laplace, uniform, gamma, exponential, beta, Student's."""
import math

import numpy as np

from thalweg.framework import ops
from thalweg.ops import array_ops, gen_math_ops, math_ops, random_ops
from thalweg.ops.distributions.distribution import (
    FULLY_REPARAMETERIZED, Distribution, RegisterKL, gen_new_seed)

LOG_2_PI = math.log(2. * math.pi)


def _parameters(name, *values):
    """Values as tensors of one float type."""
    dtype = next((v.dtype.base_dtype for v in values if hasattr(v, "dtype")
                  and isinstance(v, ops.Tensor)), None)
    return [ops.convert_to_tensor(v, dtype=dtype, preferred_dtype=np.float32, name=name)
            for v in values]


class _Continuous(Distribution):
    """All parameters are broadcast to the batch; an event is one number."""
    _reparameterization = FULLY_REPARAMETERIZED

    def _make(self, local, names, values, validate_args, allow_nan_stats, name):
        with ops.name_scope(name, values=list(values)) as scope:
            tensors = _parameters("param", *values)
            Distribution.__init__(self, tensors[0].dtype.base_dtype, local, validate_args,
                                  allow_nan_stats, scope)
            positive = [t for key, t in zip(names, tensors) if key not in ("loc", "low", "high")]
            with ops.control_dependencies(self._checks(positive)):
                for key, tensor in zip(names, tensors):
                    setattr(self, "_" + key, array_ops.identity(tensor, name=key))
        self._keys = names

    def _batch_parameters(self):
        return [getattr(self, "_" + key) for key in self._keys]

    def _whole(self, tensor):
        """A parameter in the shape of the batch."""
        return tensor * array_ops.ones(self.batch_shape_tensor(), dtype=self.dtype)

    def _shape(self, n):
        return array_ops.concat([[n], self.batch_shape_tensor()], 0)


class _Located(_Continuous):
    """One form, moved by `loc` and stretched by `scale`."""

    loc = property(lambda self: self._loc)
    scale = property(lambda self: self._scale)

    def _z(self, x):
        return (x - self._loc) / self._scale


class Normal(_Located):
    """The normal distribution of mean `loc` and deviation `scale`."""

    def __init__(self, loc, scale, validate_args=False, allow_nan_stats=True, name="Normal"):
        self._make(dict(locals()), ("loc", "scale"), (loc, scale), validate_args, allow_nan_stats,
                   name)

    def _sample_n(self, n, seed):
        drawn = random_ops.random_normal(self._shape(n), mean=0., stddev=1., dtype=self.dtype,
                                         seed=seed)
        return drawn * self._scale + self._loc

    def _log_prob(self, x):
        return -0.5 * math_ops.square(self._z(x)) - (0.5 * LOG_2_PI + math_ops.log(self._scale))

    def _cdf(self, x):
        return _below(self._z(x))

    def _log_cdf(self, x):
        return _log_below(self._z(x))

    def _survival_function(self, x):
        return _below(-self._z(x))

    def _log_survival_function(self, x):
        return _log_below(-self._z(x))

    def _entropy(self):
        scale = self._scale * array_ops.ones_like(self._loc)
        return 0.5 * (LOG_2_PI + 1.) + math_ops.log(scale)

    def _mean(self):
        return self._loc * array_ops.ones_like(self._scale)

    def _stddev(self):
        return self._scale * array_ops.ones_like(self._loc)

    _mode = _mean


def _below(z):
    """How probable a normal number below z is; each half by the function that is small there."""
    return 0.5 * math_ops.erfc(z * -math.sqrt(0.5))


def _log_below(z):
    """Its logarithm; far below 0, where it is too small for a float, by the asymptotic series."""
    far = z < -10.
    there = array_ops.where(far, z, array_ops.ones_like(z) * -10.)
    near = array_ops.where(far, array_ops.ones_like(z) * -10., z)
    inverse = 1. / math_ops.square(there)
    series = math_ops.log1p(inverse * (-1. + inverse * (3. - 15. * inverse)))
    tail = -0.5 * math_ops.square(there) - math_ops.log(-there) - 0.5 * LOG_2_PI + series
    return array_ops.where(far, tail, math_ops.log(_below(near)))


class Laplace(_Located):
    """The double exponential distribution around `loc`."""

    def __init__(self, loc, scale, validate_args=False, allow_nan_stats=True, name="Laplace"):
        self._make(dict(locals()), ("loc", "scale"), (loc, scale), validate_args, allow_nan_stats,
                   name)

    def _sample_n(self, n, seed):
        least = np.nextafter(self.dtype.as_numpy_dtype(-1.), self.dtype.as_numpy_dtype(0.))
        u = random_ops.random_uniform(self._shape(n), minval=least, maxval=1., dtype=self.dtype,
                                      seed=seed)
        return self._loc - self._scale * math_ops.sign(u) * math_ops.log1p(-math_ops.abs(u))

    def _log_prob(self, x):
        return -math_ops.abs(self._z(x)) - (math.log(2.) + math_ops.log(self._scale))

    def _cdf(self, x):
        z = self._z(x)
        return 0.5 + 0.5 * math_ops.sign(z) * (1. - math_ops.exp(-math_ops.abs(z)))

    def _entropy(self):
        return math.log(2.) + 1. + math_ops.log(self._whole(self._scale))

    def _mean(self):
        return self._whole(self._loc)

    def _stddev(self):
        return math.sqrt(2.) * self._whole(self._scale)

    _mode = _mean


class Uniform(_Continuous):
    """Numbers from `low` to below `high`, all as probable."""

    def __init__(self, low=0., high=1., validate_args=False, allow_nan_stats=True,
                 name="Uniform"):
        self._make(dict(locals()), ("low", "high"), (low, high), validate_args, allow_nan_stats,
                   name)

    low = property(lambda self: self._low)
    high = property(lambda self: self._high)

    def range(self, name="range"):
        """The distance of the ends."""
        return self._high - self._low

    def _sample_n(self, n, seed):
        return self._low + self.range() * random_ops.random_uniform(self._shape(n),
                                                                    dtype=self.dtype, seed=seed)

    def _prob(self, x):
        outside = math_ops.logical_or(x < self._low, x >= self._high)
        whole = x * array_ops.ones(self.batch_shape_tensor(), dtype=self.dtype)
        outside = math_ops.logical_or(outside, array_ops.zeros_like(whole) > 0.)
        inside = array_ops.ones_like(whole) / self.range()
        p = array_ops.where(outside, array_ops.zeros_like(inside), inside)
        return array_ops.where(math_ops.is_nan(whole), whole, p)

    def _cdf(self, x):
        part = (x - self._low) / self.range()
        return math_ops.maximum(math_ops.minimum(part, 1.), 0.)

    def _entropy(self):
        return math_ops.log(self.range())

    def _mean(self):
        return (self._low + self._high) / 2.

    def _variance(self):
        return math_ops.square(self.range()) / 12.

    def _stddev(self):
        return self.range() / math.sqrt(12.)


class Gamma(_Continuous):
    """The gamma distribution of shape `concentration` and scale 1 / `rate`."""

    def __init__(self, concentration, rate, validate_args=False, allow_nan_stats=True,
                 name="Gamma"):
        self._make(dict(locals()), ("concentration", "rate"), (concentration, rate), validate_args,
                   allow_nan_stats, name)

    concentration = property(lambda self: self._concentration)
    rate = property(lambda self: self._rate)

    def _sample_n(self, n, seed):
        return random_ops.random_gamma([n], alpha=self._concentration, beta=self._rate,
                                       dtype=self.dtype, seed=seed)

    def _log_prob(self, x):
        c, rate = self._concentration, self._rate
        return (c - 1.) * math_ops.log(x) - rate * x - (
            math_ops.lgamma(c) - c * math_ops.log(rate))

    def _cdf(self, x):
        return math_ops.igamma(self._whole(self._concentration) * array_ops.ones_like(x),
                               self._rate * x)

    def _entropy(self):
        c = self._concentration
        return c - math_ops.log(self._rate) + math_ops.lgamma(c) + (1. - c) * math_ops.digamma(c)

    def _mean(self):
        return self._concentration / self._rate

    def _variance(self):
        return self._concentration / math_ops.square(self._rate)

    def _stddev(self):
        return math_ops.sqrt(self._concentration) / self._rate

    def _mode(self):
        mode = (self._concentration - 1.) / self._rate
        return self._defined_where(self._whole(self._concentration) > 1., mode, "mode")


class Exponential(Gamma):
    """The exponential distribution of mean 1 / `rate`."""

    def __init__(self, rate, validate_args=False, allow_nan_stats=True, name="Exponential"):
        local = dict(locals())
        with ops.name_scope(name, values=[rate]) as scope:
            rate, = _parameters("rate", rate)
            Gamma.__init__(self, array_ops.ones([], dtype=rate.dtype), rate, validate_args,
                           allow_nan_stats, scope)
        self._parameters = local

    def _sample_n(self, n, seed):
        least = np.finfo(self.dtype.as_numpy_dtype).tiny
        u = random_ops.random_uniform(self._shape(n), minval=least, maxval=1., dtype=self.dtype,
                                      seed=seed)
        return -math_ops.log(u) / self._rate


class Beta(_Continuous):
    """Numbers from 0 to 1, with density x^(concentration1 - 1) (1 - x)^(concentration0 - 1)."""

    def __init__(self, concentration1=None, concentration0=None, validate_args=False,
                 allow_nan_stats=True, name="Beta"):
        self._make(dict(locals()), ("concentration1", "concentration0"),
                   (concentration1, concentration0), validate_args, allow_nan_stats, name)
        self._total = self._concentration1 + self._concentration0

    concentration1 = property(lambda self: self._concentration1)
    concentration0 = property(lambda self: self._concentration0)
    total_concentration = property(lambda self: self._total)

    def _sample_n(self, n, seed):
        one, other = (random_ops.random_gamma([n], alpha=self._whole(c), dtype=self.dtype, seed=s)
                      for c, s in ((self._concentration1, seed),
                                   (self._concentration0, gen_new_seed(seed, "beta"))))
        return one / (one + other)

    def _log_normalization(self):
        return math_ops.lgamma(self._concentration1) + math_ops.lgamma(
            self._concentration0) - math_ops.lgamma(self._total)

    def _log_prob(self, x):
        return (self._concentration1 - 1.) * math_ops.log(x) + (
            self._concentration0 - 1.) * math_ops.log1p(-x) - self._log_normalization()

    def _cdf(self, x):
        ones = array_ops.ones_like(x)
        return math_ops.betainc(self._whole(self._concentration1) * ones,
                                self._whole(self._concentration0) * ones, self._whole(x))

    def _entropy(self):
        a, b, digamma = self._concentration1, self._concentration0, math_ops.digamma
        return self._log_normalization() - (a - 1.) * digamma(a) - (b - 1.) * digamma(b) + (
            self._total - 2.) * digamma(self._total)

    def _mean(self):
        return self._concentration1 / self._total

    def _variance(self):
        mean = self._mean()
        return mean * (1. - mean) / (1. + self._total)

    def _mode(self):
        mode = (self._concentration1 - 1.) / (self._total - 2.)
        return self._defined_where(math_ops.logical_and(
            self._whole(self._concentration1) > 1., self._whole(self._concentration0) > 1.),
            mode, "mode")


class StudentT(_Located):
    """Student's distribution of `df` degrees of freedom, moved by `loc` and stretched by
    `scale`."""

    def __init__(self, df, loc, scale, validate_args=False, allow_nan_stats=True,
                 name="StudentT"):
        self._make(dict(locals()), ("df", "loc", "scale"), (df, loc, scale), validate_args,
                   allow_nan_stats, name)

    df = property(lambda self: self._df)

    def _sample_n(self, n, seed):
        normal = random_ops.random_normal(self._shape(n), dtype=self.dtype, seed=seed)
        df = self._whole(self._df)
        gamma = random_ops.random_gamma([n], 0.5 * df, beta=0.5, dtype=self.dtype,
                                        seed=gen_new_seed(seed, "student_t"))
        return normal * math_ops.rsqrt(gamma / df) * self._scale + self._loc

    def _log_prob(self, x):
        y = self._z(x)
        norm = math_ops.log(math_ops.abs(self._scale)) + 0.5 * math_ops.log(self._df) + \
            0.5 * math.log(math.pi) + math_ops.lgamma(0.5 * self._df) - math_ops.lgamma(
                0.5 * (self._df + 1.))
        return -0.5 * (self._df + 1.) * math_ops.log1p(y ** 2. / self._df) - norm

    def _cdf(self, x):
        y = (x - self._loc) / math_ops.abs(self._scale)
        df = self._whole(self._df) * array_ops.ones_like(y)
        tail = 0.5 * math_ops.betainc(0.5 * df, array_ops.ones_like(df) * 0.5,
                                      df / (y ** 2. + df))
        return array_ops.where(y < 0., tail, 1. - tail)

    def _entropy(self):
        half, df = 0.5 * (self._df + 1.), self._df
        beta = math_ops.lgamma(0.5 * df) + math.lgamma(0.5) - math_ops.lgamma(half)
        return self._whole(math_ops.log(math_ops.abs(self._scale)) + 0.5 * math_ops.log(df) + beta
                           + half * (math_ops.digamma(half) - math_ops.digamma(0.5 * df)))

    def _mean(self):
        return self._defined_where(self._whole(self._df) > 1., self._whole(self._loc), "mean")

    def _variance(self):
        df = self._whole(self._df)
        above = array_ops.where(df > 2., df, array_ops.ones_like(df) * 3.)
        var = math_ops.square(self._whole(self._scale)) * above / (above - 2.)
        infinite = array_ops.where(df > 2., var, array_ops.ones_like(df) * math.inf)
        return self._defined_where(df > 1., infinite, "variance")

    def _mode(self):
        return self._whole(self._loc)


# ---- divergences ----

@RegisterKL(Normal, Normal)
def _of_normals(a, b, name=None):
    with ops.name_scope(name or "kl_normal_normal"):
        var_a, var_b = math_ops.square(a.scale), math_ops.square(b.scale)
        ratio = var_a / var_b
        return math_ops.square(a.loc - b.loc) / (2. * var_b) + 0.5 * (
            ratio - 1. - math_ops.log(ratio))


@RegisterKL(Gamma, Gamma)
def _of_gammas(a, b, name=None):
    with ops.name_scope(name or "kl_gamma_gamma"):
        one, other = a.concentration, b.concentration
        return (one - other) * math_ops.digamma(one) + math_ops.lgamma(other) - math_ops.lgamma(
            one) + other * math_ops.log(a.rate) - other * math_ops.log(b.rate) + one * (
                b.rate / a.rate - 1.)


@RegisterKL(Beta, Beta)
def _of_betas(a, b, name=None):
    with ops.name_scope(name or "kl_beta_beta"):
        def share(key):
            one, other = getattr(a, key), getattr(b, key)
            return (one - other) * gen_math_ops.digamma(one)
        return b._log_normalization() - a._log_normalization() + share("concentration1") + share(
            "concentration0") - (a.total_concentration - b.total_concentration) * \
            math_ops.digamma(a.total_concentration)
