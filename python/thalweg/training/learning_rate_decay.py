# SPDX-License-Identifier: Apache-2.0
"""Learning rates that fall with a step counter: scalars computed in the graph."""
import math

from thalweg.framework import constant_op, dtypes, node_counts, ops
from thalweg.ops import control_flow_ops, gen_math_ops, math_ops, random_ops


class _Decay:
    """The block in which a decay is made: the rate as a tensor, and what has its type."""

    def __init__(self, name, default_name, learning_rate, global_step, *more):
        if global_step is None:
            raise ValueError("global_step is required for %s." % _FUNCTIONS[default_name])
        self._scope = ops.name_scope(name, default_name, [learning_rate, global_step] + list(more))
        self._rate, self._step = learning_rate, global_step

    def __enter__(self):
        self.name = self._scope.__enter__()
        try:
            self.rate = ops.convert_to_tensor(self._rate, name="learning_rate")
        except BaseException as error:
            self._scope.__exit__(type(error), error, error.__traceback__)
            raise
        self.dtype = self.rate.dtype.base_dtype
        return self

    def __exit__(self, *unused):
        self._scope.__exit__(*unused)

    def cast(self, value):
        return math_ops.cast(value, self.dtype)

    def step(self):
        return self.cast(ops.convert_to_tensor(self._step) if not isinstance(self._step, ops.Tensor)
                         else self._step)

    def times(self, factor):
        return gen_math_ops.mul(self.rate, factor, name=self.name)


_FUNCTIONS = {"ExponentialDecay": "exponential_decay", "PolynomialDecay": "polynomial_decay",
              "NaturalExpDecay": "natural_exp_decay", "InverseTimeDecay": "inverse_time_decay",
              "CosineDecay": "cosine_decay", "SGDRDecay": "cosine_decay_restarts",
              "LinearCosineDecay": "linear_cosine_decay",
              "NoisyLinearCosineDecay": "noisy_linear_cosine_decay"}


def _exponential(learning_rate, global_step, decay_steps, decay_rate, staircase, name, default):
    with _Decay(name, default, learning_rate, global_step, decay_steps, decay_rate) as decay:
        steps, base = decay.cast(decay_steps), decay.cast(decay_rate)
        p = decay.step() / steps
        if staircase:
            p = gen_math_ops.floor(p)
        return decay.times(math_ops.pow(base, p))


def exponential_decay(learning_rate, global_step, decay_steps, decay_rate, staircase=False,
                      name=None):
    """learning_rate * decay_rate ^ (global_step / decay_steps); with `staircase` the exponent is a
    whole number."""
    return _exponential(learning_rate, global_step, decay_steps, decay_rate, staircase, name,
                        "ExponentialDecay")


def natural_exp_decay(learning_rate, global_step, decay_steps, decay_rate, staircase=False,
                      name=None):
    """learning_rate * exp(-decay_rate * global_step / decay_steps)"""
    natural = math_ops.exp(-decay_rate) if isinstance(decay_rate, ops.Tensor) else \
        math_ops.exp(constant_op.constant(-float(decay_rate), dtypes.float32))
    made = _exponential(learning_rate, global_step, decay_steps, natural, staircase, name,
                        "ExponentialDecay")
    node_counts.add(1)
    return made


def inverse_time_decay(learning_rate, global_step, decay_steps, decay_rate, staircase=False,
                       name=None):
    """learning_rate / (1 + decay_rate * global_step / decay_steps)"""
    with _Decay(name, "InverseTimeDecay", learning_rate, global_step, decay_rate) as decay:
        steps, factor = decay.cast(decay_steps), decay.cast(decay_rate)
        p = decay.step() / steps
        if staircase:
            p = gen_math_ops.floor(p)
        below = decay.cast(constant_op.constant(1)) + factor * p
        return gen_math_ops.real_div(decay.rate, below, name=decay.name)


def polynomial_decay(learning_rate, global_step, decay_steps, end_learning_rate=0.0001, power=1.0,
                     cycle=False, name=None):
    """(learning_rate - end) * (1 - global_step / decay_steps) ^ power + end; with `cycle` the end
    is put off to the next multiple of decay_steps."""
    with _Decay(name, "PolynomialDecay", learning_rate, global_step, decay_steps,
                end_learning_rate, power) as decay:
        step, steps = decay.step(), decay.cast(decay_steps)
        end, power = decay.cast(end_learning_rate), decay.cast(power)
        if cycle:
            # At step 0 the first cycle has begun.
            multiple = control_flow_ops.cond(
                math_ops.equal(step, 0), lambda: decay.cast(1.0),
                lambda: math_ops.ceil(step / steps))
            steps = steps * multiple
        else:
            step = math_ops.minimum(step, steps)
            node_counts.add(1)
        fallen = (decay.rate - end) * math_ops.pow(1 - step / steps, power)
        return gen_math_ops.add(fallen, end, name=decay.name)


def _cosine(fraction):
    """From 1 to 0 along half a wave."""
    return 0.5 * (1.0 + math_ops.cos(constant_op.constant(math.pi, fraction.dtype) * fraction))


def cosine_decay(learning_rate, global_step, decay_steps, alpha=0.0, name=None):
    """From learning_rate along half a wave of the cosine to alpha * learning_rate."""
    with _Decay(name, "CosineDecay", learning_rate, global_step) as decay:
        steps = decay.cast(decay_steps)
        fraction = math_ops.minimum(decay.step(), steps) / steps
        return decay.times((1 - alpha) * _cosine(fraction) + alpha)


def cosine_decay_restarts(learning_rate, global_step, first_decay_steps, t_mul=2.0, m_mul=1.0,
                          alpha=0.0, name=None):
    """cosine_decay that begins anew (Loshchilov and Hutter 2016): each time `t_mul` times as long,
    from `m_mul` times as high."""
    with _Decay(name, "SGDRDecay", learning_rate, global_step) as decay:
        longer, higher = decay.cast(t_mul), decay.cast(m_mul)
        done = decay.step() / decay.cast(first_decay_steps)

        def geometric():
            restart = math_ops.floor(math_ops.log(1.0 - done * (1.0 - longer))
                                     / math_ops.log(longer))
            before = (1.0 - longer ** restart) / (1.0 - longer)
            return restart, (done - before) / longer ** restart

        def even():
            restart = math_ops.floor(done)
            return restart, done - restart
        restart, fraction = control_flow_ops.cond(math_ops.equal(longer, 1.0), even, geometric)
        node_counts.add(1)
        return decay.times((1 - alpha) * (higher ** restart * _cosine(fraction)) + alpha)


def _waves(fraction, num_periods):
    return 0.5 * (1.0 + math_ops.cos(constant_op.constant(math.pi * 2.0 * num_periods,
                                                          fraction.dtype) * fraction))


def linear_cosine_decay(learning_rate, global_step, decay_steps, num_periods=0.5, alpha=0.0,
                        beta=0.001, name=None):
    """A line to 0 times waves of the cosine (Bello et al. 2017)."""
    with _Decay(name, "LinearCosineDecay", learning_rate, global_step) as decay:
        steps = decay.cast(decay_steps)
        step = math_ops.minimum(decay.step(), steps)
        line = (steps - step) / steps
        node_counts.add(4)
        return decay.times((alpha + line) * _waves(step / steps, num_periods) + beta)


def noisy_linear_cosine_decay(learning_rate, global_step, decay_steps, initial_variance=1.0,
                              variance_decay=0.55, num_periods=0.5, alpha=0.0, beta=0.001,
                              name=None):
    """linear_cosine_decay with noise that fades (Bello et al. 2017)."""
    with _Decay(name, "NoisyLinearCosineDecay", learning_rate, global_step) as decay:
        steps = decay.cast(decay_steps)
        step = math_ops.minimum(decay.step(), steps)
        variance = initial_variance / math_ops.pow(1.0 + step, decay.cast(variance_decay))
        line = (steps - step) / steps + random_ops.random_normal(
            [], dtype=decay.dtype) * math_ops.sqrt(variance)
        return decay.times((alpha + line) * _waves(step / steps, num_periods) + beta)


def piecewise_constant(x, boundaries, values, name=None):
    """values[i] where x is over boundaries[i - 1] and not over boundaries[i]; there is one value
    more than boundaries."""
    if len(boundaries) != len(values) - 1:
        raise ValueError("The length of boundaries should be 1 less than the length of values")
    with ops.name_scope(name, "PiecewiseConstant", [x, boundaries, values]) as scope:
        x = ops.convert_to_tensor(x)
        boundaries = _as_type_of(x, boundaries)
        values = [ops.convert_to_tensor(v) for v in values]
        if any(v.dtype.base_dtype != values[0].dtype.base_dtype for v in values):
            raise ValueError("Values must have elements all with the same dtype (%s)."
                             % ", ".join(v.dtype.base_dtype.name for v in values))
        result = values[0]
        for boundary, value in zip(boundaries, values[1:]):
            result = math_ops.select(x > boundary, value, result)
        from thalweg.ops import array_ops
        # TensorFlow's is a case(): conditions in conditions, and a check of all of them
        count = len(boundaries)
        node_counts.add(count * count + 9 * count + 24)
        return array_ops.identity(result, name=scope)


piecewise_constant_decay = piecewise_constant


def _as_type_of(x, boundaries):
    """The boundaries as tensors of x's type; int32 ones are cast to int64."""
    made = []
    for boundary in boundaries:
        boundary = ops.convert_to_tensor(boundary)
        if boundary.dtype.base_dtype != x.dtype.base_dtype:
            if x.dtype.base_dtype == dtypes.int64 and boundary.dtype.base_dtype == dtypes.int32:
                boundary = math_ops.cast(boundary, x.dtype.base_dtype)
            else:
                raise ValueError("Boundaries (%s) must have the same dtype as x (%s)."
                                 % (boundary.dtype.base_dtype, x.dtype.base_dtype))
        made.append(boundary)
    return made
