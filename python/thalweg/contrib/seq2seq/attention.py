# SPDX-License-Identifier: Apache-2.0
"""Attention mechanisms: how well each step of a memory goes with a query."""
import functools
import math

import numpy as np

from thalweg.framework import dtypes, node_counts, ops
from thalweg.layers import core as layers
from thalweg.ops import array_ops, check_ops, clip_ops, functional_ops, init_ops, math_ops
from thalweg.ops import nn_ops, random_ops
from thalweg.ops import variable_scope as vs
from thalweg.util import nest


class AttentionMechanism:
    """What an AttentionWrapper asks."""

    @property
    def alignments_size(self):
        """How many numbers the alignments of a row are."""
        raise NotImplementedError

    @property
    def state_size(self):
        """The size of what goes from step to step."""
        raise NotImplementedError


def _masked(memory, lengths, check_inner_dims_defined):
    """A memory (or several) with zeros from each row's length on."""
    memory = nest.map_structure(lambda m: ops.convert_to_tensor(m, name="memory"), memory)
    if check_inner_dims_defined:
        for one in nest.flatten(memory):
            if not one.get_shape()[2:].is_fully_defined():
                raise ValueError("Expected memory %s to have fully defined inner dims, but saw "
                                 "shape: %s" % (one.name, one.get_shape()))
    if lengths is None:
        return memory
    first = nest.flatten(memory)[0]
    mask = array_ops.sequence_mask(lengths, maxlen=array_ops.shape(first)[1], dtype=first.dtype)

    def masked(one):
        ones = [1] * (one.get_shape().ndims - 2)
        shape = array_ops.concat((array_ops.shape(mask), ones), 0)
        return one * array_ops.reshape(mask, shape)
    return nest.map_structure(masked, memory)


def _masked_score(score, lengths, value):
    """A score with `value` behind each row's length, which has to be positive."""
    if lengths is None:
        return score
    said = "All values in memory_sequence_length must greater than zero."
    with ops.control_dependencies([check_ops.assert_positive(lengths, message=said)]):
        mask = array_ops.sequence_mask(lengths, maxlen=array_ops.shape(score)[1])
        return array_ops.where(mask, score, value * array_ops.ones_like(score))


class _BaseAttentionMechanism(AttentionMechanism):
    """Holds the memory as values and, through a layer, as keys. The state is the alignments."""

    def __init__(self, query_layer, memory, probability_fn, memory_sequence_length=None,
                 memory_layer=None, check_inner_dims_defined=True, score_mask_value=None,
                 custom_key_value_fn=None, name=None):
        self._query_layer, self._memory_layer = query_layer, memory_layer
        self.dtype = (memory_layer or query_layer).dtype
        if not callable(probability_fn):
            raise TypeError("probability_fn must be callable, saw type: %s"
                            % type(probability_fn).__name__)
        if score_mask_value is None:
            score_mask_value = dtypes.as_dtype(self.dtype).as_numpy_dtype(-np.inf)
        self._probability_fn = lambda score, previous: probability_fn(
            _masked_score(score, memory_sequence_length, score_mask_value), previous)
        with ops.name_scope(name, "BaseAttentionMechanismInit", nest.flatten(memory)):
            if memory_sequence_length is not None:
                node_counts.add(2)
                memory_sequence_length = ops.convert_to_tensor(memory_sequence_length,
                                                               name="memory_sequence_length")
            self._values = _masked(memory, memory_sequence_length, check_inner_dims_defined)
            self._keys = memory_layer(self._values) if memory_layer else self._values
            if custom_key_value_fn is not None:
                self._keys, self._values = custom_key_value_fn(self._keys, self._values)
            shape = self._keys.get_shape()
            self._batch_size = shape[0].value or array_ops.shape(self._keys)[0]
            self._alignments_size = shape[1].value or array_ops.shape(self._keys)[1]

    memory_layer = property(lambda self: self._memory_layer)
    query_layer = property(lambda self: self._query_layer)
    values = property(lambda self: self._values)
    keys = property(lambda self: self._keys)
    batch_size = property(lambda self: self._batch_size)
    alignments_size = property(lambda self: self._alignments_size)
    state_size = property(lambda self: self._alignments_size)

    def initial_alignments(self, batch_size, dtype):
        """The alignments before the first step: zeros."""
        return array_ops.zeros(array_ops.stack([batch_size, self._alignments_size]), dtype)

    def initial_state(self, batch_size, dtype):
        """The state before the first step."""
        return self.initial_alignments(batch_size, dtype)


def _dense(num_units, name, dtype):
    return layers.Dense(num_units, name=name, use_bias=False, dtype=dtype or dtypes.float32)


def _luong_score(query, keys, scale):
    """The products of a query with all keys (Luong et al. 2015), times a trained number."""
    depth, units = query.get_shape()[-1], keys.get_shape()[-1]
    if depth.value != units.value:
        raise ValueError(
            "Incompatible or unknown inner dimensions between query and keys.  Query (%s) has "
            "units: %s.  Keys (%s) have units: %s.  Perhaps you need to set num_units to the keys' "
            "dimension (%s)?" % (query, depth, keys, units, units))
    score = array_ops.squeeze(
        math_ops.matmul(array_ops.expand_dims(query, 1), keys, transpose_b=True), [1])
    if scale:
        score = score * vs.get_variable("attention_g", shape=(), dtype=query.dtype,
                                        initializer=init_ops.ones_initializer())
    return score


def _bahdanau_score(query, keys, normalize):
    """v tanh(keys + query), summed (Bahdanau et al. 2015); normalized: with v of a trained length
    and a bias (Salimans and Kingma 2016)."""
    units, dtype = keys.get_shape()[2].value or array_ops.shape(keys)[2], query.dtype
    query = array_ops.expand_dims(query, 1)
    v = vs.get_variable("attention_v", [units], dtype=dtype)
    if not normalize:
        return math_ops.reduce_sum(v * math_ops.tanh(keys + query), [2])
    g = vs.get_variable("attention_g", dtype=dtype, shape=(),
                        initializer=init_ops.constant_initializer(math.sqrt(1. / units)))
    b = vs.get_variable("attention_b", [units], dtype=dtype,
                        initializer=init_ops.zeros_initializer())
    normed = g * v * math_ops.rsqrt(math_ops.reduce_sum(math_ops.square(v)))
    return math_ops.reduce_sum(normed * math_ops.tanh(keys + query + b), [2])


class _Mechanism(_BaseAttentionMechanism):
    """Layers of num_units, and probabilities that do not look at the alignments before."""

    def __init__(self, num_units, memory, memory_sequence_length, probability_fn,
                 score_mask_value, dtype, custom_key_value_fn, name, has_query_layer):
        function = probability_fn or nn_ops.softmax
        _BaseAttentionMechanism.__init__(
            self, query_layer=_dense(num_units, "query_layer", dtype) if has_query_layer else None,
            memory_layer=_dense(num_units, "memory_layer", dtype), memory=memory,
            probability_fn=lambda score, _: function(score),
            memory_sequence_length=memory_sequence_length, score_mask_value=score_mask_value,
            custom_key_value_fn=custom_key_value_fn, name=name)
        self._num_units, self._name = num_units, name

    def _aligned(self, scope, query, state, score):
        with vs.variable_scope(None, scope, [query]):
            if self.query_layer:
                query = self.query_layer(query)
            alignments = self._probability_fn(score(query), state)
        return alignments, alignments


class LuongAttention(_Mechanism):
    """Products with keys; `scale` multiplies them by a trained number."""

    def __init__(self, num_units, memory, memory_sequence_length=None, scale=False,
                 probability_fn=None, score_mask_value=None, dtype=None, custom_key_value_fn=None,
                 name="LuongAttention"):
        _Mechanism.__init__(self, num_units, memory, memory_sequence_length, probability_fn,
                            score_mask_value, dtype, custom_key_value_fn, name, False)
        self._scale = scale

    def __call__(self, query, state):
        """(alignments, next state) of a query (batch, num_units)."""
        return self._aligned("luong_attention", query, state,
                             lambda q: _luong_score(q, self._keys, self._scale))


class BahdanauAttention(_Mechanism):
    """A small network of query and keys; `normalize`: with weights of a trained length."""

    def __init__(self, num_units, memory, memory_sequence_length=None, normalize=False,
                 probability_fn=None, score_mask_value=None, dtype=None, custom_key_value_fn=None,
                 name="BahdanauAttention"):
        _Mechanism.__init__(self, num_units, memory, memory_sequence_length, probability_fn,
                            score_mask_value, dtype, custom_key_value_fn, name, True)
        self._normalize = normalize

    def __call__(self, query, state):
        """(alignments, next state) of a query (batch, any size)."""
        return self._aligned("bahdanau_attention", query, state,
                             lambda q: _bahdanau_score(q, self._keys, self._normalize))


# ---- attention that moves on (Raffel et al. 2017) ----

def safe_cumprod(x, *args, **kwargs):
    """The products of all numbers so far, which lie between 0 and 1: by logarithms."""
    with ops.name_scope(None, "SafeCumprod", [x]):
        x = ops.convert_to_tensor(x, name="x")
        tiny = np.finfo(x.dtype.as_numpy_dtype).tiny
        return math_ops.exp(math_ops.cumsum(
            math_ops.log(clip_ops.clip_by_value(x, tiny, 1)), *args, **kwargs))


def _recursive(p, previous):
    rows = p.get_shape()[0].value or array_ops.shape(p)[0]
    stays = array_ops.concat([array_ops.ones((rows, 1)), 1 - p[:, :-1]], 1)
    return p * array_ops.transpose(functional_ops.scan(
        lambda x, yz: array_ops.reshape(yz[0] * x + yz[1], (rows,)),
        [array_ops.transpose(stays), array_ops.transpose(previous)], array_ops.zeros((rows,))))


def _parallel(p, previous):
    left = safe_cumprod(1 - p, axis=1, exclusive=True)
    return p * left * math_ops.cumsum(
        previous / clip_ops.clip_by_value(left, 1e-10, 1.), axis=1)


def _hard(p, previous):
    p = p * math_ops.cumsum(previous, axis=1)
    return p * math_ops.cumprod(1 - p, axis=1, exclusive=True)


_MODES = {"recursive": _recursive, "parallel": _parallel, "hard": _hard}


def monotonic_attention(p_choose_i, previous_attention, mode):
    """The probability that a step attends to each place, where it goes through them from the last
    one on and stops at place i with probability p_choose_i."""
    p = ops.convert_to_tensor(p_choose_i, name="p_choose_i")
    previous = ops.convert_to_tensor(previous_attention, name="previous_attention")
    if mode not in _MODES:
        raise ValueError("mode must be 'recursive', 'parallel', or 'hard'.")
    return _MODES[mode](p, previous)


def _monotonic_probability_fn(score, previous_alignments, sigmoid_noise, mode, seed=None):
    """monotonic_attention() with probabilities from scores, to which noise is added."""
    if sigmoid_noise > 0:
        score = score + sigmoid_noise * random_ops.random_normal(
            array_ops.shape(score), dtype=score.dtype, seed=seed)
    p = math_ops.cast(score > 0, score.dtype) if mode == "hard" else math_ops.sigmoid(score)
    return monotonic_attention(p, previous_alignments, mode)


class _BaseMonotonicAttentionMechanism(_BaseAttentionMechanism):
    """At first all attention is on the first place."""

    def __init__(self, num_units, memory, memory_sequence_length, score_mask_value, sigmoid_noise,
                 sigmoid_noise_seed, score_bias_init, mode, dtype, name, has_query_layer):
        _BaseAttentionMechanism.__init__(
            self, query_layer=_dense(num_units, "query_layer", dtype) if has_query_layer else None,
            memory_layer=_dense(num_units, "memory_layer", dtype), memory=memory,
            probability_fn=functools.partial(_monotonic_probability_fn, mode=mode,
                                             sigmoid_noise=sigmoid_noise, seed=sigmoid_noise_seed),
            memory_sequence_length=memory_sequence_length, score_mask_value=score_mask_value,
            name=name)
        self._num_units, self._score_bias_init = num_units, score_bias_init

    def initial_alignments(self, batch_size, dtype):
        return array_ops.one_hot(array_ops.zeros((batch_size,), dtype=dtypes.int32),
                                 self._alignments_size, dtype=dtype)

    def _aligned(self, scope, query, state, score_of):
        with vs.variable_scope(None, scope, [query]):
            score = score_of(self.query_layer(query) if self.query_layer else query)
            bias = vs.get_variable(
                "attention_score_bias", dtype=query.dtype, shape=(),
                initializer=init_ops.constant_initializer(self._score_bias_init))
            alignments = self._probability_fn(score + bias, state)
        return alignments, alignments


class BahdanauMonotonicAttention(_BaseMonotonicAttentionMechanism):
    """Bahdanau's score, and attention that moves on."""

    def __init__(self, num_units, memory, memory_sequence_length=None, normalize=False,
                 score_mask_value=None, sigmoid_noise=0., sigmoid_noise_seed=None,
                 score_bias_init=0., mode="parallel", dtype=None,
                 name="BahdanauMonotonicAttention"):
        _BaseMonotonicAttentionMechanism.__init__(
            self, num_units, memory, memory_sequence_length, score_mask_value, sigmoid_noise,
            sigmoid_noise_seed, score_bias_init, mode, dtype, name, True)
        self._normalize = normalize

    def __call__(self, query, state):
        """(alignments, next state) of a query (batch, any size)."""
        return self._aligned("bahdanau_monotonic_attention", query, state,
                             lambda q: _bahdanau_score(q, self._keys, self._normalize))


class LuongMonotonicAttention(_BaseMonotonicAttentionMechanism):
    """Luong's score, and attention that moves on."""

    def __init__(self, num_units, memory, memory_sequence_length=None, scale=False,
                 score_mask_value=None, sigmoid_noise=0., sigmoid_noise_seed=None,
                 score_bias_init=0., mode="parallel", dtype=None, name="LuongMonotonicAttention"):
        _BaseMonotonicAttentionMechanism.__init__(
            self, num_units, memory, memory_sequence_length, score_mask_value, sigmoid_noise,
            sigmoid_noise_seed, score_bias_init, mode, dtype, name, False)
        self._scale = scale

    def __call__(self, query, state):
        """(alignments, next state) of a query (batch, num_units)."""
        return self._aligned("luong_monotonic_attention", query, state,
                             lambda q: _luong_score(q, self._keys, self._scale))


def hardmax(logits, name=None):
    """1 at each row's greatest logit, 0 elsewhere."""
    with ops.name_scope(name, "Hardmax", [logits]):
        logits = ops.convert_to_tensor(logits, name="logits")
        depth = logits.get_shape()[-1].value
        if depth is None:
            depth = array_ops.shape(logits)[-1]
        return array_ops.one_hot(math_ops.argmax(logits, -1), depth, dtype=logits.dtype)
