# SPDX-License-Identifier: Apache-2.0
"""Distributions of yes and no, of classes and of counts, and of probabilities themselves."""
from thalweg.framework import dtypes, node_counts, ops
from thalweg.ops import array_ops, math_ops, nn_ops, random_ops
from thalweg.ops import nn as nn_functions
from thalweg.ops.distributions.distribution import (
    FULLY_REPARAMETERIZED, Distribution, RegisterKL, gen_new_seed)


def logits_and_probs(logits, probs, many):
    """Both forms of probabilities, of which one is given; `many`: of classes, in the last axis."""
    if (logits is None) == (probs is None):
        raise ValueError("Must pass probs or logits, but not both.")
    if probs is None:
        logits = ops.convert_to_tensor(logits, name="logits", preferred_dtype=dtypes.float32)
        return logits, nn_ops.softmax(logits, name="probs") if many else \
            math_ops.sigmoid(logits, name="probs")
    probs = ops.convert_to_tensor(probs, name="probs", preferred_dtype=dtypes.float32)
    logits = math_ops.log(probs)
    return logits if many else logits - math_ops.log1p(-1. * probs), probs


class Bernoulli(Distribution):
    """1 with probability `probs`, and 0 otherwise."""

    def __init__(self, logits=None, probs=None, dtype=dtypes.int32, validate_args=False,
                 allow_nan_stats=True, name="Bernoulli"):
        local = dict(locals())
        with ops.name_scope(name) as scope:
            self._logits, self._probs = logits_and_probs(logits, probs, False)
        Distribution.__init__(self, dtypes.as_dtype(dtype), local, validate_args, allow_nan_stats,
                              scope)

    logits = property(lambda self: self._logits)
    probs = property(lambda self: self._probs)

    def _batch_parameters(self):
        return [self._logits]

    def _sample_n(self, n, seed):
        shape = array_ops.concat([[n], self.batch_shape_tensor()], 0)
        u = random_ops.random_uniform(shape, seed=seed, dtype=self._probs.dtype)
        return math_ops.cast(math_ops.less(u, self._probs), self.dtype)

    def _log_prob(self, event):
        event = math_ops.cast(event, self._logits.dtype)
        zeros = array_ops.zeros_like(event) * array_ops.zeros_like(self._logits)
        return -nn_functions.sigmoid_cross_entropy_with_logits(
            labels=event + zeros, logits=self._logits + zeros)

    def _entropy(self):
        return -self._logits * (math_ops.sigmoid(self._logits) - 1.) + nn_ops.softplus(
            -self._logits)

    def _mean(self):
        return array_ops.identity(self._probs)

    def _variance(self):
        return self._probs * (1. - self._probs)

    def _mode(self):
        return math_ops.cast(self._probs > 0.5, self.dtype)


class Categorical(Distribution):
    """The number of a class, 0 to k - 1; the last axis of the parameters is that of classes."""

    def __init__(self, logits=None, probs=None, dtype=dtypes.int32, validate_args=False,
                 allow_nan_stats=True, name="Categorical"):
        local = dict(locals())
        with ops.name_scope(name) as scope:
            self._logits, self._probs = logits_and_probs(logits, probs, True)
            sizes = array_ops.shape(self._logits, name="logits_shape")
            known = self._logits.get_shape()[-1:].num_elements()
            self._event_size = sizes[-1] if known is None else \
                ops.convert_to_tensor(known, dtypes.int32, name="event_size")
            with ops.name_scope("batch_shape"):
                self._sizes = sizes[:-1]
            node_counts.add(1)  # of the batch's rank
        Distribution.__init__(self, dtypes.as_dtype(dtype), local, validate_args, allow_nan_stats,
                              scope)

    logits = property(lambda self: self._logits)
    probs = property(lambda self: self._probs)
    event_size = property(lambda self: self._event_size, doc="How many classes there are.")

    def _batch_shape(self):
        return self._logits.get_shape()[:-1]

    def batch_shape_tensor(self, name="batch_shape_tensor"):
        """The sizes of a batch of distributions."""
        with ops.name_scope(self.name), ops.name_scope(name):
            return array_ops.identity(self._sizes)

    def _sample_n(self, n, seed):
        rows = self._logits
        if rows.get_shape().ndims != 2:
            rows = array_ops.reshape(rows, array_ops.stack([-1, self.event_size]))
        drawn = array_ops.transpose(random_ops.multinomial(
            rows, n, seed=seed, output_dtype=self.dtype if self.dtype.is_integer else None))
        shape = array_ops.concat([[n], self.batch_shape_tensor()], 0)
        drawn = array_ops.reshape(drawn, shape)
        return math_ops.cast(drawn, self.dtype)

    def _both(self, k):
        """Classes and logits in one shape."""
        k, logits = math_ops.cast(k, dtypes.int32), self._logits
        mine, theirs = k.get_shape(), logits.get_shape()[:-1]
        if mine.is_fully_defined() and theirs.is_fully_defined() and \
                mine.as_list() == theirs.as_list():
            return k, logits
        logits *= array_ops.ones_like(k[..., array_ops.newaxis], dtype=logits.dtype)
        k *= array_ops.ones(array_ops.shape(logits)[:-1], dtypes.int32)
        if logits.get_shape().ndims is not None:
            k.set_shape(logits.get_shape()[:-1])
        return k, logits

    def _log_prob(self, k):
        k, logits = self._both(k)
        return -nn_functions.sparse_softmax_cross_entropy_with_logits(labels=k, logits=logits)

    def _cdf(self, k):
        k, logits = self._both(k)
        below = math_ops.range(self.event_size) < array_ops.expand_dims(k + 1, -1)
        return math_ops.reduce_sum(nn_ops.softmax(logits) * math_ops.cast(below, logits.dtype), -1)

    def _entropy(self):
        return -math_ops.reduce_sum(nn_ops.log_softmax(self._logits) * self._probs, axis=-1)

    def _mode(self):
        return math_ops.cast(math_ops.argmax(self._logits, axis=-1), self.dtype)


class _Counts(Distribution):
    """Events are vectors with an entry for each class."""

    def _batch_shape(self):
        return self._mean().get_shape()[:-1]

    def _event_shape(self):
        return self._mean().get_shape()[-1:]

    def batch_shape_tensor(self, name="batch_shape_tensor"):
        """The sizes of a batch of distributions."""
        return array_ops.shape(self._mean())[:-1]

    def _event_shape_tensor(self):
        return array_ops.shape(self._mean())[-1:]


def _log_choices(total, counts):
    """The logarithm of in how many orders such counts may come."""
    return math_ops.lgamma(total + 1.) - math_ops.reduce_sum(math_ops.lgamma(counts + 1.), -1)


class Multinomial(_Counts):
    """How often each class comes in `total_count` draws."""

    def __init__(self, total_count, logits=None, probs=None, validate_args=False,
                 allow_nan_stats=True, name="Multinomial"):
        local = dict(locals())
        with ops.name_scope(name) as scope:
            self._logits, self._probs = logits_and_probs(logits, probs, True)
            self._total = ops.convert_to_tensor(total_count, dtype=self._logits.dtype,
                                                name="total_count")
        Distribution.__init__(self, self._logits.dtype.base_dtype, local, validate_args,
                              allow_nan_stats, scope)

    total_count = property(lambda self: self._total)
    logits = property(lambda self: self._logits)
    probs = property(lambda self: self._probs)

    def _mean(self):
        return self._probs * self._total[..., None]

    def _sample_n(self, n, seed):
        classes = array_ops.shape(self._logits)[-1]
        ones = array_ops.ones_like(self._total)[..., None]
        logits = array_ops.reshape(self._logits * ones, array_ops.stack([-1, classes]))
        totals = array_ops.reshape(math_ops.cast(
            self._total * array_ops.ones_like(self._logits[..., 0]), dtypes.int32), [-1])

        def draw(args):
            drawn = random_ops.multinomial(args[0][None], args[1] * n, seed)
            drawn = array_ops.reshape(drawn, array_ops.stack([n, args[1]]))
            return math_ops.reduce_sum(array_ops.one_hot(drawn, depth=classes), axis=-2)

        from thalweg.ops import functional_ops
        x = functional_ops.map_fn(draw, [logits, totals], dtype=dtypes.float32)
        x = array_ops.transpose(x, [1, 0, 2])
        shape = array_ops.concat([[n], self.batch_shape_tensor(), [classes]], 0)
        return math_ops.cast(array_ops.reshape(x, shape), self.dtype)

    def _log_prob(self, counts):
        return _log_choices(self._total, counts) + math_ops.reduce_sum(
            counts * nn_ops.log_softmax(self._logits), -1)

    def _variance(self):
        return self._mean() * (1. - self._probs)

    def _covariance(self):
        p = self._probs * array_ops.ones_like(self._total)[..., None]
        outer = -self._total[..., None, None] * p[..., None] * p[..., None, :]
        return array_ops.matrix_set_diag(outer, self._variance())


class Dirichlet(_Counts):
    """Probabilities of classes; a greater concentration brings more of its class."""
    _reparameterization = FULLY_REPARAMETERIZED

    def __init__(self, concentration, validate_args=False, allow_nan_stats=True,
                 name="Dirichlet"):
        local = dict(locals())
        with ops.name_scope(name, values=[concentration]) as scope:
            made = ops.convert_to_tensor(concentration, name="concentration",
                                         preferred_dtype=dtypes.float32)
            Distribution.__init__(self, made.dtype.base_dtype, local, validate_args,
                                  allow_nan_stats, scope)
            with ops.control_dependencies(self._checks([made])):
                self._concentration = array_ops.identity(made, name="concentration")
            self._total = math_ops.reduce_sum(self._concentration, -1)

    concentration = property(lambda self: self._concentration)
    total_concentration = property(lambda self: self._total)

    def _sample_n(self, n, seed):
        drawn = random_ops.random_gamma([n], alpha=self._concentration, dtype=self.dtype,
                                        seed=seed)
        return drawn / math_ops.reduce_sum(drawn, -1, keepdims=True)

    def _log_beta(self):
        return math_ops.reduce_sum(math_ops.lgamma(self._concentration), -1) - math_ops.lgamma(
            self._total)

    def _log_prob(self, x):
        return math_ops.reduce_sum((self._concentration - 1.) * math_ops.log(x),
                                   -1) - self._log_beta()

    def _entropy(self):
        c, k = self._concentration, math_ops.cast(self.event_shape_tensor()[0], self.dtype)
        return self._log_beta() + (self._total - k) * math_ops.digamma(
            self._total) - math_ops.reduce_sum((c - 1.) * math_ops.digamma(c), axis=-1)

    def _mean(self):
        return self._concentration / self._total[..., None]

    def _scale(self):
        return math_ops.rsqrt(1. + self._total[..., None])

    def _variance(self):
        x = self._scale() * self._mean()
        return x * (self._scale() - x)

    def _covariance(self):
        x = self._scale() * self._mean()
        return array_ops.matrix_set_diag(-x[..., None] * x[..., None, :], self._variance())

    def _mode(self):
        k = math_ops.cast(self.event_shape_tensor()[0], self.dtype)
        mode = (self._concentration - 1.) / (self._total[..., None] - k)
        good = math_ops.reduce_all(self._concentration > 1., axis=-1, keepdims=True)
        return self._defined_where(math_ops.logical_and(good, self._concentration > 0.), mode,
                                   "mode")


class DirichletMultinomial(_Counts):
    """How often each class comes in `total_count` draws, with probabilities that are drawn
    first."""

    def __init__(self, total_count, concentration, validate_args=False, allow_nan_stats=True,
                 name="DirichletMultinomial"):
        local = dict(locals())
        with ops.name_scope(name, values=[total_count, concentration]) as scope:
            made = ops.convert_to_tensor(concentration, name="concentration",
                                         preferred_dtype=dtypes.float32)
            Distribution.__init__(self, made.dtype.base_dtype, local, validate_args,
                                  allow_nan_stats, scope)
            self._count = ops.convert_to_tensor(total_count, dtype=made.dtype)
            with ops.control_dependencies(self._checks([made])):
                self._concentration = array_ops.identity(made, name="concentration")
            self._total = math_ops.reduce_sum(self._concentration, -1)

    total_count = property(lambda self: self._count)
    concentration = property(lambda self: self._concentration)
    total_concentration = property(lambda self: self._total)

    def _mean(self):
        return self._count[..., None] * (self._concentration / self._total[..., None])

    def _sample_n(self, n, seed):
        probs = Dirichlet(self._concentration + array_ops.zeros_like(self._mean())).sample(
            [n], seed=seed)
        drawn = Multinomial(self._count, probs=probs)
        return drawn.sample(seed=gen_new_seed(seed, "dirichlet_multinomial"))

    def _log_prob(self, counts):
        def log_beta(x):
            return math_ops.reduce_sum(math_ops.lgamma(x), -1) - math_ops.lgamma(
                math_ops.reduce_sum(x, -1))
        return log_beta(self._concentration + counts) - log_beta(
            self._concentration) + _log_choices(self._count, counts)

    def _variance(self):
        share = self._concentration / self._total[..., None]
        return self._mean() * (1. - share) * self._spread()

    def _spread(self):
        """How much wider than a multinomial distribution."""
        n, total = self._count[..., None], self._total[..., None]
        return (n + total) / (1. + total)

    def _covariance(self):
        share = self._concentration / self._total[..., None]
        outer = -(self._mean() * self._spread())[..., None] * share[..., None, :]
        return array_ops.matrix_set_diag(outer, self._variance())


# ---- divergences ----

@RegisterKL(Bernoulli, Bernoulli)
def _of_bernoullis(a, b, name=None):
    with ops.name_scope(name or "kl_bernoulli_bernoulli"):
        minus = nn_ops.softplus(-b.logits) - nn_ops.softplus(-a.logits)
        plus = nn_ops.softplus(b.logits) - nn_ops.softplus(a.logits)
        return math_ops.sigmoid(a.logits) * minus + math_ops.sigmoid(-a.logits) * plus


@RegisterKL(Categorical, Categorical)
def _of_categoricals(a, b, name=None):
    with ops.name_scope(name or "kl_categorical_categorical"):
        difference = nn_ops.log_softmax(a.logits) - nn_ops.log_softmax(b.logits)
        return math_ops.reduce_sum(nn_ops.softmax(a.logits) * difference, axis=-1)


@RegisterKL(Dirichlet, Dirichlet)
def _of_dirichlets(a, b, name=None):
    with ops.name_scope(name or "kl_dirichlet_dirichlet"):
        digammas = math_ops.digamma(a.concentration) - math_ops.digamma(
            a.total_concentration[..., None])
        return math_ops.reduce_sum((a.concentration - b.concentration) * digammas,
                                   axis=-1) - a._log_beta() + b._log_beta()
