# SPDX-License-Identifier: Apache-2.0
"""Cells of tf.contrib.rnn that are seldom met: independent units, searched and simple recurrences,
phases, groups, intersections, frequencies."""
import math

from thalweg.ops import array_ops, clip_ops, init_ops, math_ops, nn_ops, random_ops
from thalweg.ops import rnn_cell_impl as impl
from thalweg.ops import variable_scope as vs
from thalweg.ops.rnn_linear import _Linear


def _sized(count):
    """The state and the output have one size."""
    return property(lambda self: getattr(self, count))


class _Units(impl.LayerRNNCell):
    """A cell of num_units with an activation, whose variables add_variable() makes."""

    def __init__(self, num_units, activation=None, reuse=None, name=None, dtype=None):
        impl.LayerRNNCell.__init__(self, _reuse=reuse, name=name, dtype=dtype)
        self._num_units, self._activation = num_units, activation or math_ops.tanh

    state_size = output_size = _sized("_num_units")

    def _width(self, inputs_shape):
        width = inputs_shape[1].value if hasattr(inputs_shape[1], "value") else inputs_shape[1]
        if width is None:
            raise ValueError("Expected inputs.shape[-1] to be known, saw shape: %s" % inputs_shape)
        return width

    def _own_weights(self, name, count):
        """One weight for each unit instead of a matrix."""
        return self.add_variable(name, shape=[1, count],
                                 initializer=init_ops.random_uniform_initializer(
                                     minval=-1, maxval=1, dtype=self.dtype))


class IndRNNCell(_Units):
    """Units that each see their own state only (Li et al. 2018)."""

    def build(self, inputs_shape):
        self._kernel_w = self.add_variable("kernel_w",
                                           shape=[self._width(inputs_shape), self._num_units])
        self._kernel_u = self._own_weights("kernel_u", self._num_units)
        self._bias = self.add_variable("bias", shape=[self._num_units],
                                       initializer=init_ops.zeros_initializer(dtype=self.dtype))
        self.built = True

    def call(self, inputs, state):
        sums = math_ops.matmul(inputs, self._kernel_w) + state * self._kernel_u
        output = self._activation(nn_ops.bias_add(sums, self._bias))
        return output, output


class IndyGRUCell(_Units):
    """A GRU of units that each see their own state only (Gonnet and Deselaers 2019)."""

    def __init__(self, num_units, activation=None, reuse=None, kernel_initializer=None,
                 bias_initializer=None, name=None, dtype=None):
        _Units.__init__(self, num_units, activation, reuse, name, dtype)
        self._kernel_initializer, self._bias_initializer = kernel_initializer, bias_initializer

    def build(self, inputs_shape):
        width, own, parts = self._width(inputs_shape), self._kernel_initializer, []
        for name, kernel, count, first in (("gates", "kernel_w", 2, 1.0),
                                           ("candidate", "kernel", 1, 0.0)):
            size = count * self._num_units
            bias = init_ops.constant_initializer(first, dtype=self.dtype)
            parts.append((
                self.add_variable(name + "/" + kernel, shape=[width, size], initializer=own),
                self._own_weights(name + "/kernel_u", size),
                self.add_variable(name + "/bias", shape=[size],
                                  initializer=self._bias_initializer or bias)))
        self._gates, self._candidate = parts
        self.built = True

    def call(self, inputs, state):
        weights, own, bias = self._gates
        gates = math_ops.matmul(inputs, weights) + array_ops.tile(state, [1, 2]) * own
        gates = math_ops.sigmoid(nn_ops.bias_add(gates, bias))
        looked, kept = array_ops.split(value=gates, num_or_size_splits=2, axis=1)
        weights, own, bias = self._candidate
        candidate = math_ops.matmul(inputs, weights) + looked * state * own
        candidate = self._activation(nn_ops.bias_add(candidate, bias))
        new = kept * state + (1 - kept) * candidate
        return new, new


class IndyLSTMCell(_Units):
    """An LSTM of units that each see their own state only (Gonnet and Deselaers 2019)."""

    def __init__(self, num_units, forget_bias=1.0, activation=None, reuse=None,
                 kernel_initializer=None, bias_initializer=None, name=None, dtype=None):
        _Units.__init__(self, num_units, activation, reuse, name, dtype)
        self._forget_bias, self._kernel_initializer = forget_bias, kernel_initializer
        self._bias_initializer = bias_initializer

    state_size = property(lambda self: impl.LSTMStateTuple(self._num_units, self._num_units))

    def build(self, inputs_shape):
        size = 4 * self._num_units
        self._kernel_w = self.add_variable(
            "kernel_w", shape=[self._width(inputs_shape), size],
            initializer=self._kernel_initializer)
        self._kernel_u = self._own_weights("kernel_u", size)
        self._bias = self.add_variable(
            "bias", shape=[size], initializer=self._bias_initializer or
            init_ops.zeros_initializer(dtype=self.dtype))
        self.built = True

    def call(self, inputs, state):
        c, h = state
        sums = math_ops.matmul(inputs, self._kernel_w) + array_ops.tile(h, [1, 4]) * self._kernel_u
        i, j, f, o = array_ops.split(value=nn_ops.bias_add(sums, self._bias),
                                     num_or_size_splits=4, axis=1)
        sigmoid = math_ops.sigmoid
        c = c * sigmoid(f + self._forget_bias) + sigmoid(i) * self._activation(j)
        h = self._activation(c) * sigmoid(o)
        return h, impl.LSTMStateTuple(c, h)


class SRUCell(_Units):
    """A cell whose only product is of its inputs (Lei et al. 2018)."""

    def __init__(self, num_units, activation=None, reuse=None, name=None):
        _Units.__init__(self, num_units, activation, reuse, name)

    def build(self, inputs_shape):
        self._kernel = self.add_variable("kernel",
                                         shape=[self._width(inputs_shape), 4 * self._num_units])
        self._bias = self.add_variable("bias", shape=[2 * self._num_units],
                                       initializer=init_ops.constant_initializer(0.0))
        self.built = True

    def call(self, inputs, state):
        x, f, r, resized = array_ops.split(value=math_ops.matmul(inputs, self._kernel),
                                           num_or_size_splits=4, axis=1)
        both = math_ops.sigmoid(nn_ops.bias_add(array_ops.concat([f, r], 1), self._bias))
        f, r = array_ops.split(value=both, num_or_size_splits=2, axis=1)
        c = f * state + (1.0 - f) * x
        return r * self._activation(c) + (1.0 - r) * resized, c


class NASCell(impl.RNNCell):
    """The cell that a search found (Zoph and Le 2016)."""

    def __init__(self, num_units, num_proj=None, use_bias=False, reuse=None, **kwargs):
        impl.RNNCell.__init__(self, _reuse=reuse)
        self._num_units, self._num_proj = num_units, num_proj
        self._use_bias = kwargs.pop("use_biases", use_bias)

    state_size = property(lambda self: impl.LSTMStateTuple(self._num_units, self.output_size))
    output_size = property(lambda self: self._num_proj or self._num_units)

    def call(self, inputs, state):
        sigmoid, tanh, units = math_ops.sigmoid, math_ops.tanh, self._num_units
        c, m = state
        width = inputs.get_shape()[-1].value
        if width is None:
            raise ValueError("Could not infer input size from inputs.get_shape()[-1]")
        of_state = vs.get_variable("recurrent_kernel", [self.output_size, 8 * units],
                                   dtype=inputs.dtype)
        of_inputs = vs.get_variable("kernel", [width, 8 * units], dtype=inputs.dtype)
        of_state, of_inputs = math_ops.matmul(m, of_state), math_ops.matmul(inputs, of_inputs)
        if self._use_bias:
            of_state = nn_ops.bias_add(of_state, vs.get_variable(
                "bias", [8 * units], dtype=inputs.dtype, initializer=init_ops.Zeros()))
        s, x = (array_ops.split(axis=1, num_or_size_splits=8, value=v)
                for v in (of_state, of_inputs))
        first = [sigmoid(x[0] + s[0]), nn_ops.relu(x[1] + s[1]), sigmoid(x[2] + s[2]),
                 nn_ops.relu(x[3] * s[3]), tanh(x[4] + s[4]), sigmoid(x[5] + s[5]),
                 tanh(x[6] + s[6]), sigmoid(x[7] + s[7])]
        kept = tanh(tanh(first[0] * first[1]) + c)
        c = kept * tanh(first[2] + first[3])
        m = tanh(c * tanh(tanh(first[4] * first[5]) + sigmoid(first[6] + first[7])))
        if self._num_proj is not None:
            m = math_ops.matmul(m, vs.get_variable("projection_weights", [units, self._num_proj],
                                                   dtype=inputs.dtype))
        return m, impl.LSTMStateTuple(c, m)


def _exponential(low, high):
    """First values whose logarithms are evenly spread."""
    def first(shape, dtype=None, partition_info=None):
        del partition_info
        return math_ops.exp(random_ops.random_uniform(shape, math.log(low), math.log(high),
                                                      dtype=dtype))
    return first


class PhasedLSTMCell(impl.RNNCell):
    """An LSTM whose units open in rhythms of their own; its inputs are (time, x) (Neil, Pfeiffer
    and Liu 2016)."""

    def __init__(self, num_units, use_peepholes=False, leak=0.001, ratio_on=0.1,
                 trainable_ratio_on=True, period_init_min=1.0, period_init_max=1000.0, reuse=None):
        impl.RNNCell.__init__(self, _reuse=reuse)
        self._num_units, self._use_peepholes, self._leak = num_units, use_peepholes, leak
        self._ratio_on, self._trainable_ratio_on = ratio_on, trainable_ratio_on
        self._period = period_init_min, period_init_max
        self._products = {}

    state_size = property(lambda self: impl.LSTMStateTuple(self._num_units, self._num_units))
    output_size = _sized("_num_units")

    def _product(self, name, args, size):
        with vs.variable_scope(name):
            if name not in self._products:
                self._products[name] = _Linear(args, size, True)
            return self._products[name](args)

    def _openness(self, time, dtype):
        """How far each unit is open at a time."""
        units = [self._num_units]
        period = vs.get_variable("period", units, initializer=_exponential(*self._period))
        phase = vs.get_variable("phase", units, initializer=init_ops.random_uniform_initializer(
            0., period.initial_value))
        ratio = vs.get_variable("ratio_on", units, trainable=self._trainable_ratio_on,
                                initializer=init_ops.constant_initializer(self._ratio_on))
        wide = math_ops.cast(time, period.dtype.base_dtype)
        cycle = math_ops.cast(math_ops.mod(wide - phase, period) / period, dtype)
        up = 2 * cycle / ratio
        found = array_ops.where(cycle < ratio, 2 - up, self._leak * cycle)
        return array_ops.where(cycle < 0.5 * ratio, up, found)

    def call(self, inputs, state):
        (time, x), (c_before, h_before) = inputs, state
        more = [c_before] if self._use_peepholes else []
        gates = math_ops.sigmoid(self._product("mask_gates", [x, h_before] + more,
                                               2 * self._num_units))
        i, f = array_ops.split(axis=1, num_or_size_splits=2, value=gates)
        new = math_ops.tanh(self._product("new_input", [x, h_before], self._num_units))
        c = c_before * f + i * new
        more = [c] if self._use_peepholes else []
        o = math_ops.sigmoid(self._product("output_gate", [x, h_before] + more, self._num_units))
        h = math_ops.tanh(c) * o
        k = self._openness(time, x.dtype)
        c = k * c + (1 - k) * c_before
        h = k * h + (1 - k) * h_before
        return h, impl.LSTMStateTuple(c, h)


class IntersectionRNNCell(impl.RNNCell):
    """Gates for what is kept of the state, and for what goes through of the inputs (Collins et al.
    2016)."""

    def __init__(self, num_units, num_in_proj=None, initializer=None, forget_bias=1.0,
                 y_activation=nn_ops.relu, reuse=None):
        impl.RNNCell.__init__(self, _reuse=reuse)
        self._num_units, self._num_in_proj = num_units, num_in_proj
        self._initializer, self._forget_bias = initializer, forget_bias
        self._y_activation, self._projection, self._linear = y_activation, None, None

    state_size = output_size = _sized("_num_units")

    def call(self, inputs, state):
        units = self._num_units
        width = inputs.get_shape()[-1].value
        if width is None:
            raise ValueError("Could not infer input size from inputs.get_shape()[-1]")
        with vs.variable_scope(vs.get_variable_scope(), initializer=self._initializer):
            if width != units:
                if not self._num_in_proj:
                    raise ValueError("Must have input size == output size for Intersection RNN. "
                                     "To fix, num_in_proj should be set to num_units at cell init.")
                with vs.variable_scope("in_projection"):
                    if self._projection is None:
                        self._projection = _Linear([inputs], self._num_in_proj, True)
                    inputs = self._projection([inputs])
            both = array_ops.concat([inputs, state], 1)
            if self._linear is None:
                self._linear = _Linear([both], 4 * units, True)
            gh, h, gy, y = array_ops.split(self._linear([both]), 4, 1)
        gh, gy = (math_ops.sigmoid(g + self._forget_bias) for g in (gh, gy))
        new = gh * state + (1.0 - gh) * math_ops.tanh(h)
        return gy * inputs + (1.0 - gy) * self._y_activation(y), new


class GLSTMCell(impl.RNNCell):
    """An LSTM of groups that do not see each other (Kuchaiev and Ginsburg 2017)."""

    def __init__(self, num_units, initializer=None, num_proj=None, number_of_groups=1,
                 forget_bias=1.0, activation=math_ops.tanh, reuse=None):
        impl.RNNCell.__init__(self, _reuse=reuse)
        size = num_proj or num_units
        if num_units % number_of_groups or size % number_of_groups:
            raise ValueError("num_units and num_proj must be divisible by number_of_groups")
        self._num_units, self._initializer, self._num_proj = num_units, initializer, num_proj
        self._groups, self._forget_bias, self._activation = (number_of_groups, forget_bias,
                                                             activation)
        self._linear, self._projection = [None] * number_of_groups, None

    state_size = property(lambda self: impl.LSTMStateTuple(self._num_units, self.output_size))
    output_size = property(lambda self: self._num_proj or self._num_units)

    def _of_group(self, x, number):
        size = self.output_size // self._groups
        return array_ops.slice(x, [0, number * size], [-1, size])

    def _gates(self, inputs, m):
        parts = []
        for number in range(self._groups):
            with vs.variable_scope("group%d" % number):
                x = array_ops.concat([self._of_group(inputs, number), self._of_group(m, number)],
                                     axis=1)
                if self._linear[number] is None:
                    self._linear[number] = _Linear([x], 4 * self._num_units // self._groups, False)
                parts.append(array_ops.split(self._linear[number]([x]), 4, 1))
        return [nn_ops.bias_add(array_ops.concat(part, axis=1), vs.get_variable(
            "bias_" + name, shape=[self._num_units], dtype=inputs.dtype,
            initializer=init_ops.constant_initializer(0.0, dtype=inputs.dtype)))
            for name, part in zip("ijfo", zip(*parts))]

    def call(self, inputs, state):
        c, m = state
        with vs.variable_scope(vs.get_variable_scope(), initializer=self._initializer):
            i, j, f, o = self._gates(inputs, m)
            sigmoid = math_ops.sigmoid
            c = sigmoid(f + self._forget_bias) * c + sigmoid(i) * math_ops.tanh(j)
            m = sigmoid(o) * self._activation(c)
            if self._num_proj is not None:
                with vs.variable_scope("projection"):
                    if self._projection is None:
                        self._projection = _Linear([m], self._num_proj, False)
                    m = self._projection([m])
        return m, impl.LSTMStateTuple(c, m)


class TimeFreqLSTMCell(impl.RNNCell):
    """An LSTM that walks over parts of the inputs (frequencies) in every step (Li et al. 2015)."""

    def __init__(self, num_units, use_peepholes=False, cell_clip=None, initializer=None,
                 num_unit_shards=1, forget_bias=1.0, feature_size=None, frequency_skip=1,
                 reuse=None):
        impl.RNNCell.__init__(self, _reuse=reuse)
        if num_unit_shards != 1:
            raise ValueError("num_unit_shards must be 1, not %s" % num_unit_shards)
        self._num_units, self._use_peepholes, self._cell_clip = num_units, use_peepholes, cell_clip
        self._initializer, self._forget_bias = initializer, forget_bias
        self._feature_size, self._skip = feature_size, frequency_skip

    state_size = property(lambda self: 2 * self._num_units)
    output_size = property(lambda self: 2 * self._num_units)

    def _features(self, inputs):
        width = inputs.get_shape()[-1].value
        if width is None:
            raise ValueError("Cannot infer input_size from static shape inference.")
        count = int((width - self._feature_size) / self._skip) + 1
        return [array_ops.slice(inputs, [0, f * self._skip], [-1, self._feature_size])
                for f in range(count)]

    def call(self, inputs, state):
        sigmoid, tanh, units = math_ops.sigmoid, math_ops.tanh, self._num_units
        parts, dtype = self._features(inputs), inputs.dtype
        with vs.variable_scope(vs.get_variable_scope(), initializer=self._initializer):
            weights = vs.get_variable("W_0", [self._feature_size + 2 * units, 4 * units],
                                      dtype=dtype)
            bias = vs.get_variable("B", shape=[4 * units], initializer=init_ops.Zeros(),
                                   dtype=dtype)
            peeps = [vs.get_variable("W_%s_diag" % g, shape=[units], dtype=dtype)
                     for g in "FIO"] if self._use_peepholes else None
        before = array_ops.zeros([inputs.get_shape()[0].value or array_ops.shape(inputs)[0],
                                  units], dtype)
        states, outputs = [], []
        for number, part in enumerate(parts):
            c, m = (array_ops.slice(state, [0, (2 * number + k) * units], [-1, units])
                    for k in range(2))
            sums = nn_ops.bias_add(math_ops.matmul(
                array_ops.concat([part, m, before], 1), weights), bias)
            i, j, f, o = array_ops.split(value=sums, num_or_size_splits=4, axis=1)
            f = f + self._forget_bias
            if peeps:
                f, i = f + peeps[0] * c, i + peeps[1] * c
            c = sigmoid(f) * c + sigmoid(i) * tanh(j)
            if self._cell_clip is not None:
                c = clip_ops.clip_by_value(c, -self._cell_clip, self._cell_clip)
            before = sigmoid(o + peeps[2] * c if peeps else o) * tanh(c)
            states += [c, before]
            outputs.append(before)
        return array_ops.concat(outputs, 1), array_ops.concat(states, 1)
