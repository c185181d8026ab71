# SPDX-License-Identifier: Apache-2.0
"""What all distributions share: names and shapes around the formulas that a kind of distribution
gives, and divergences between two kinds."""
import hashlib
import inspect
import math

from thalweg.framework import dtypes, ops, tensor_shape, tensor_util
from thalweg.ops import array_ops, check_ops, math_ops


class ReparameterizationType:
    """Whether derivatives flow through what is drawn."""

    def __init__(self, rep_type):
        self._rep_type = rep_type

    def __repr__(self):
        return "<Reparameteriation Type: %s>" % self._rep_type


FULLY_REPARAMETERIZED = ReparameterizationType("FULLY_REPARAMETERIZED")
NOT_REPARAMETERIZED = ReparameterizationType("NOT_REPARAMETERIZED")


def gen_new_seed(seed, salt):
    """Another seed that follows from one."""
    if seed is None:
        return None
    text = (str(seed) + salt).encode("utf-8")
    return int(hashlib.md5(text).hexdigest()[:8], 16) & 0x7FFFFFFF


def _vector(shape):
    """A sample's shape as a vector, and how many samples that is."""
    shape = ops.convert_to_tensor(shape, dtype=dtypes.int32, name="sample_shape")
    known = tensor_util.constant_value(shape)
    count = math_ops.reduce_prod(shape) if known is None else int(known.prod())
    return (array_ops.reshape(shape, [1]) if shape.get_shape().ndims == 0 else shape), count


class Distribution:
    """A kind of distribution gives `_sample_n`, `_log_prob` or `_prob`, and what else it knows
    (`_mean`, `_entropy`, `_cdf` ...); what it does not give is refused by name."""

    _reparameterization = NOT_REPARAMETERIZED

    def __init__(self, dtype, parameters, validate_args, allow_nan_stats, name):
        self._dtype, self._parameters = dtype, parameters
        self._validate_args, self._allow_nan_stats = validate_args, allow_nan_stats
        if not name or name[-1] != "/":
            with ops.name_scope(name or type(self).__name__) as scope:
                name = scope
        self._name = name

    name = property(lambda self: self._name)
    dtype = property(lambda self: self._dtype)
    allow_nan_stats = property(lambda self: self._allow_nan_stats)
    validate_args = property(lambda self: self._validate_args)
    reparameterization_type = property(lambda self: self._reparameterization)
    batch_shape = property(lambda self: self._batch_shape())
    event_shape = property(lambda self: self._event_shape())

    @property
    def parameters(self):
        """What the distribution was made with."""
        return {k: v for k, v in self._parameters.items()
                if k not in ("self", "__class__") and not k.startswith("_")}

    def copy(self, **other):
        """The same distribution with other parameters."""
        return type(self)(**dict(self.parameters, **other))

    def __repr__(self):
        return "<tf.distributions.%s '%s' batch_shape=%s event_shape=%s dtype=%s>" % (
            type(self).__name__, self.name, self.batch_shape, self.event_shape,
            dtypes.as_dtype(self.dtype).name)

    # ---- shapes ----

    def _batch_shape(self):
        shape = tensor_shape.TensorShape([])
        for parameter in self._batch_parameters():
            shape = array_ops.broadcast_static_shape(shape, parameter.get_shape())
        return shape

    def _event_shape(self):
        return tensor_shape.TensorShape([])

    def _batch_parameters(self):
        raise NotImplementedError("%s says no parameters" % type(self).__name__)

    def batch_shape_tensor(self, name="batch_shape_tensor"):
        """The sizes of a batch of distributions."""
        with ops.name_scope(self.name), ops.name_scope(name):
            if self.batch_shape.is_fully_defined():
                return ops.convert_to_tensor(self.batch_shape.as_list(), dtypes.int32)
            shape = array_ops.shape(self._batch_parameters()[0])
            for other in self._batch_parameters()[1:]:
                shape = array_ops.broadcast_dynamic_shape(shape, array_ops.shape(other))
            return shape

    def event_shape_tensor(self, name="event_shape_tensor"):
        """The sizes of one event."""
        with ops.name_scope(self.name), ops.name_scope(name):
            if self.event_shape.is_fully_defined():
                return ops.convert_to_tensor(self.event_shape.as_list(), dtypes.int32)
            return self._event_shape_tensor()

    def is_scalar_event(self, name="is_scalar_event"):
        """Whether an event is one number."""
        return ops.convert_to_tensor(self.event_shape.ndims == 0, name=name)

    def is_scalar_batch(self, name="is_scalar_batch"):
        """Whether this is one distribution."""
        return ops.convert_to_tensor(self.batch_shape.ndims == 0, name=name)

    # ---- drawing ----

    def sample(self, sample_shape=(), seed=None, name="sample"):
        """Events that are drawn: of shape [sample_shape, batch, event]."""
        with ops.name_scope(self.name), ops.name_scope(name):
            vector, count = _vector(sample_shape)
            drawn = self._sample_n(count, seed)
            rest = array_ops.shape(drawn)[1:]
            drawn = array_ops.reshape(drawn, array_ops.concat([vector, rest], 0))
            known = tensor_util.constant_value(vector)
            if known is not None:
                drawn.set_shape(tensor_shape.TensorShape(list(known)).concatenate(
                    self.batch_shape).concatenate(self.event_shape))
            return drawn

    # ---- functions ----

    def _apply(self, name, *args):
        """The formula `_name`, in the distribution's scope."""
        formula = getattr(self, "_" + name, None)
        if formula is None:
            raise NotImplementedError("%s is not implemented for %s" % (name,
                                                                       type(self).__name__))
        with ops.name_scope(self.name), ops.name_scope(name):
            return formula(*args)

    def _value(self, value):
        return ops.convert_to_tensor(value, name="value",
                                     preferred_dtype=dtypes.as_dtype(self.dtype))

    def _of_value(self, names, value):
        """The first formula that there is of pairs (name, what to do with it)."""
        with ops.name_scope(self.name), ops.name_scope(names[0][0]):
            value = self._value(value)
            for name, after in names:
                if hasattr(self, "_" + name):
                    return after(getattr(self, "_" + name)(value))
        raise NotImplementedError("%s is not implemented for %s" % (names[0][0],
                                                                   type(self).__name__))

    def log_prob(self, value, name="log_prob"):
        """The logarithm of the density, or probability, at `value`."""
        return self._of_value([("log_prob", _same), ("prob", math_ops.log)], value)

    def prob(self, value, name="prob"):
        """The density, or probability, at `value`."""
        return self._of_value([("prob", _same), ("log_prob", math_ops.exp)], value)

    def cdf(self, value, name="cdf"):
        """How probable it is to be at most `value`."""
        return self._of_value([("cdf", _same), ("log_cdf", math_ops.exp)], value)

    def log_cdf(self, value, name="log_cdf"):
        """The logarithm of `cdf`."""
        return self._of_value([("log_cdf", _same), ("cdf", math_ops.log)], value)

    def survival_function(self, value, name="survival_function"):
        """How probable it is to be above `value`."""
        return self._of_value([("survival_function", _same), ("cdf", lambda p: 1. - p)], value)

    def log_survival_function(self, value, name="log_survival_function"):
        """The logarithm of `survival_function`."""
        return self._of_value([("log_survival_function", _same),
                               ("survival_function", math_ops.log),
                               ("cdf", lambda p: math_ops.log1p(-p))], value)

    def quantile(self, value, name="quantile"):
        """Below which number it is as probable as `value` to be."""
        return self._of_value([("quantile", _same)], value)

    def entropy(self, name="entropy"):
        """The entropy in nats."""
        return self._apply("entropy")

    def mean(self, name="mean"):
        """The mean."""
        return self._apply("mean")

    def mode(self, name="mode"):
        """The most probable event."""
        return self._apply("mode")

    def variance(self, name="variance"):
        """The variance."""
        if hasattr(self, "_variance"):
            return self._apply("variance")
        return math_ops.square(self._apply("stddev"))

    def stddev(self, name="stddev"):
        """The square root of the variance."""
        if hasattr(self, "_stddev"):
            return self._apply("stddev")
        return math_ops.sqrt(self._apply("variance"))

    def covariance(self, name="covariance"):
        """The covariance of an event's elements."""
        return self._apply("covariance")

    def kl_divergence(self, other, name="kl_divergence"):
        """How far `other` is from this one."""
        return kl_divergence(self, other, allow_nan_stats=self.allow_nan_stats)

    def cross_entropy(self, other, name="cross_entropy"):
        """The entropy and the divergence."""
        return self.kl_divergence(other) + self.entropy()

    # ---- for the kinds ----

    def _checks(self, tensors):
        """What looks at parameters in each run if arguments are to be validated."""
        return [check_ops.assert_positive(t) for t in tensors] if self._validate_args else []

    def _defined_where(self, condition, value, what):
        """`value`, and NaN elsewhere, or an error in a run where statistics may not be NaN."""
        nan = array_ops.fill(array_ops.shape(value), math.nan) * array_ops.ones_like(value)
        if self._allow_nan_stats:
            return array_ops.where(condition, value, nan)
        from thalweg.ops import control_flow_ops
        with ops.control_dependencies([control_flow_ops.Assert(
                math_ops.reduce_all(condition), ["%s is not defined" % what])]):
            return array_ops.identity(value)


def _same(x):
    return x


# ---- divergences ----

_divergences = {}


def kl_divergence(distribution_a, distribution_b, allow_nan_stats=True, name=None):
    """The divergence of b from a, by the function that was registered for the two kinds or for what
    they derive from."""
    found = None
    for a in inspect.getmro(type(distribution_a)):
        for b in inspect.getmro(type(distribution_b)):
            found = found or _divergences.get((a, b))
    if found is None:
        raise NotImplementedError(
            "No KL(distribution_a || distribution_b) registered for distribution_a type %s and "
            "distribution_b type %s" % (type(distribution_a).__name__,
                                        type(distribution_b).__name__))
    with ops.name_scope("KullbackLeibler"):
        value = found(distribution_a, distribution_b, name=name)
        if allow_nan_stats:
            return value
        from thalweg.ops import control_flow_ops
        with ops.control_dependencies([control_flow_ops.Assert(
                math_ops.logical_not(math_ops.reduce_any(math_ops.is_nan(value))),
                ["KL calculation between %s and %s returned NaN values"
                 % (distribution_a.name, distribution_b.name)])]):
            return array_ops.identity(value)


class RegisterKL:
    """A decorator: the function computes the divergence for two kinds of distributions."""

    def __init__(self, dist_cls_a, dist_cls_b):
        self._key = (dist_cls_a, dist_cls_b)

    def __call__(self, function):
        if not callable(function):
            raise TypeError("kl_fn must be callable, received: %s" % function)
        if self._key in _divergences:
            raise ValueError("KL(%s || %s) has already been registered to: %s"
                             % (self._key[0].__name__, self._key[1].__name__,
                                _divergences[self._key]))
        _divergences[self._key] = function
        return function
