# SPDX-License-Identifier: Apache-2.0
"""Helpers: what a decoder is fed with next. In training that is the truth, or sometimes a sample;
in inference it is what was drawn from the step before."""
from thalweg.framework import dtypes, ops, tensor_shape
from thalweg.ops import array_ops, control_flow_ops, embedding_ops, math_ops, random_ops
from thalweg.ops import rnn, tensor_array_ops
from thalweg.util import nest


class Helper:
    """What a BasicDecoder asks."""

    @property
    def batch_size(self):
        """How many rows there are: a number or a tensor."""
        raise NotImplementedError("batch_size has not been implemented")

    @property
    def sample_ids_shape(self):
        """The shape of what sample() gives for a row."""
        raise NotImplementedError("sample_ids_shape has not been implemented")

    @property
    def sample_ids_dtype(self):
        """The type of what sample() gives."""
        raise NotImplementedError("sample_ids_dtype has not been implemented")

    def initialize(self, name=None):
        """(which rows have ended, the first inputs)"""
        raise NotImplementedError("initialize has not been implemented")

    def sample(self, time, outputs, state, name=None):
        """What is drawn from a step's outputs."""
        raise NotImplementedError("sample has not been implemented")

    def next_inputs(self, time, outputs, state, sample_ids, name=None):
        """(which rows have ended, the next inputs, the next state)"""
        raise NotImplementedError("next_inputs has not been implemented")


class _IdHelper(Helper):
    """One that draws a number for each row."""
    sample_ids_shape = property(lambda self: tensor_shape.TensorShape([]))
    sample_ids_dtype = property(lambda self: dtypes.int32)
    batch_size = property(lambda self: self._batch_size)


def _most_likely(outputs):
    return math_ops.argmax(outputs, axis=-1, output_type=dtypes.int32)


def _drawn(logits, seed):
    """One number for each row of logits, by their probabilities."""
    return math_ops.cast(array_ops.squeeze(random_ops.multinomial(logits, 1, seed=seed), [1]),
                         dtypes.int32)


def _coins(probability, batch_size, seed):
    """For each row true with a probability."""
    drawn = random_ops.random_uniform([batch_size], dtype=probability.dtype, seed=seed)
    return math_ops.less(drawn, probability)


class CustomHelper(Helper):
    """One of functions, with the arguments of the methods of those names."""

    def __init__(self, initialize_fn, sample_fn, next_inputs_fn, sample_ids_shape=None,
                 sample_ids_dtype=None):
        self._initialize_fn, self._sample_fn = initialize_fn, sample_fn
        self._next_inputs_fn, self._batch_size = next_inputs_fn, None
        self._sample_ids_shape = tensor_shape.TensorShape(sample_ids_shape or [])
        self._sample_ids_dtype = sample_ids_dtype or dtypes.int32

    sample_ids_shape = property(lambda self: self._sample_ids_shape)
    sample_ids_dtype = property(lambda self: self._sample_ids_dtype)

    @property
    def batch_size(self):
        if self._batch_size is None:
            raise ValueError("batch_size accessed before initialize was called")
        return self._batch_size

    def initialize(self, name=None):
        with ops.name_scope(name, "%sInitialize" % type(self).__name__):
            finished, inputs = self._initialize_fn()
            if self._batch_size is None:
                self._batch_size = array_ops.size(finished)
        return finished, inputs

    def sample(self, time, outputs, state, name=None):
        with ops.name_scope(name, "%sSample" % type(self).__name__, (time, outputs, state)):
            return self._sample_fn(time=time, outputs=outputs, state=state)

    def next_inputs(self, time, outputs, state, sample_ids, name=None):
        with ops.name_scope(name, "%sNextInputs" % type(self).__name__, (time, outputs, state)):
            return self._next_inputs_fn(time=time, outputs=outputs, state=state,
                                        sample_ids=sample_ids)


class TrainingHelper(_IdHelper):
    """Feeds the truth: `inputs` (batch, time, ...), each row as long as sequence_length says."""

    def __init__(self, inputs, sequence_length, time_major=False, name=None):
        with ops.name_scope(name, "TrainingHelper", [inputs, sequence_length]):
            inputs = ops.convert_to_tensor(inputs, name="inputs") \
                if not nest.is_sequence(inputs) else inputs
            self._inputs = inputs
            if not time_major:
                inputs = nest.map_structure(rnn._transpose_batch_time, inputs)
            self._arrays = nest.map_structure(self._array, inputs)
            self._sequence_length = ops.convert_to_tensor(sequence_length, name="sequence_length")
            if self._sequence_length.get_shape().ndims != 1:
                raise ValueError("Expected sequence_length to be a vector, but received shape: %s"
                                 % self._sequence_length.get_shape())
            self._zero_inputs = nest.map_structure(
                lambda one: array_ops.zeros_like(one[0, :]), inputs)
            self._batch_size = array_ops.size(sequence_length)

    inputs = property(lambda self: self._inputs)
    sequence_length = property(lambda self: self._sequence_length)

    @staticmethod
    def _array(one):
        made = tensor_array_ops.TensorArray(
            dtype=one.dtype, size=array_ops.shape(one)[0], element_shape=one.get_shape()[1:])
        return made.unstack(one)

    def initialize(self, name=None):
        with ops.name_scope(name, "TrainingHelperInitialize"):
            finished = math_ops.equal(0, self._sequence_length)
            inputs = control_flow_ops.cond(
                math_ops.reduce_all(finished), lambda: self._zero_inputs,
                lambda: nest.map_structure(lambda array: array.read(0), self._arrays))
            return finished, inputs

    def sample(self, time, outputs, name=None, **unused_kwargs):
        with ops.name_scope(name, "TrainingHelperSample", [time, outputs]):
            return _most_likely(outputs)

    def next_inputs(self, time, outputs, state, name=None, **unused_kwargs):
        with ops.name_scope(name, "TrainingHelperNextInputs", [time, outputs, state]):
            time = time + 1
            finished = time >= self._sequence_length
            inputs = control_flow_ops.cond(
                math_ops.reduce_all(finished), lambda: self._zero_inputs,
                lambda: nest.map_structure(lambda array: array.read(time), self._arrays))
            return finished, inputs, state


def _mixed(drawn, ids, inputs, made_of):
    """The rows of `inputs` where nothing was drawn; of others made_of(their ids, their numbers)."""
    taken = math_ops.cast(array_ops.where(drawn), dtypes.int32)
    left = math_ops.cast(array_ops.where(math_ops.logical_not(drawn)), dtypes.int32)
    new = made_of(array_ops.gather_nd(ids, taken), taken)
    old = array_ops.gather_nd(inputs, left)
    shape = array_ops.shape(inputs)
    return array_ops.scatter_nd(indices=taken, updates=new, shape=shape) + \
        array_ops.scatter_nd(indices=left, updates=old, shape=shape)


class _Scheduled(TrainingHelper):
    """Feeds what was drawn instead of the truth with a probability."""

    def _set_probability(self, probability):
        self._sampling_probability = ops.convert_to_tensor(probability,
                                                           name="sampling_probability")
        if self._sampling_probability.get_shape().ndims not in (0, 1):
            raise ValueError("sampling_probability must be either a scalar or a vector. saw shape: "
                             "%s" % self._sampling_probability.get_shape())

    def _next_or(self, name, time, outputs, state, otherwise):
        """As in training; while not all have ended, otherwise(the truth)."""
        kind = type(self).__name__
        with ops.name_scope(name, kind + "NextInputs", [time, outputs, state]):
            finished, inputs, state = TrainingHelper.next_inputs(
                self, time=time, outputs=outputs, state=state, name=name)
            inputs = control_flow_ops.cond(math_ops.reduce_all(finished), lambda: inputs,
                                           lambda: otherwise(inputs))
            return finished, inputs, state


def _embedding_function(embedding):
    if callable(embedding):
        return embedding
    return lambda ids: embedding_ops.embedding_lookup(embedding, ids)


class ScheduledEmbeddingTrainingHelper(_Scheduled):
    """The truth, or with a probability the embedding of an id that the outputs are the logits of
    (scheduled sampling, Bengio et al. 2015)."""

    def __init__(self, inputs, sequence_length, embedding, sampling_probability,
                 time_major=False, seed=None, scheduling_seed=None, name=None):
        with ops.name_scope(name, "ScheduledEmbeddingSamplingWrapper",
                            [embedding, sampling_probability]):
            self._embedding_fn = _embedding_function(embedding)
            self._set_probability(sampling_probability)
            self._seed, self._scheduling_seed = seed, scheduling_seed
            TrainingHelper.__init__(self, inputs=inputs, sequence_length=sequence_length,
                                    time_major=time_major, name=name)

    def initialize(self, name=None):
        return TrainingHelper.initialize(self, name=name)

    def sample(self, time, outputs, state, name=None):
        """An id, or -1 where the truth is to come."""
        with ops.name_scope(name, "ScheduledEmbeddingTrainingHelperSample",
                            [time, outputs, state]):
            drawn = _coins(self._sampling_probability, self._batch_size, self._scheduling_seed)
            ids = _drawn(outputs, self._seed)
            return array_ops.where(drawn, ids, array_ops.fill([self._batch_size], -1))

    def next_inputs(self, time, outputs, state, sample_ids, name=None):
        def sampled(inputs):
            return _mixed(sample_ids > -1, sample_ids, inputs,
                          lambda ids, rows: self._embedding_fn(ids))
        return self._next_or(name, time, outputs, state, sampled)


class ScheduledOutputTrainingHelper(_Scheduled):
    """The truth, or with a probability what came out (through next_inputs_fn)."""
    sample_ids_dtype = property(lambda self: dtypes.bool)

    def __init__(self, inputs, sequence_length, sampling_probability, time_major=False, seed=None,
                 next_inputs_fn=None, auxiliary_inputs=None, name=None):
        with ops.name_scope(name, "ScheduledOutputTrainingHelper",
                            [inputs, auxiliary_inputs, sampling_probability]):
            self._set_probability(sampling_probability)
            if auxiliary_inputs is not None and nest.is_sequence(inputs):
                raise ValueError("auxiliary_inputs and inputs must be both tensors")
            self._auxiliary = None
            if auxiliary_inputs is not None:
                inputs = array_ops.concat((inputs, auxiliary_inputs), -1)
                extra = ops.convert_to_tensor(auxiliary_inputs)
                extra = extra if time_major else rnn._transpose_batch_time(extra)
                self._auxiliary = self._array(extra)
            self._seed, self._next_inputs_fn = seed, next_inputs_fn
            TrainingHelper.__init__(self, inputs=inputs, sequence_length=sequence_length,
                                    time_major=time_major, name=name)

    def initialize(self, name=None):
        return TrainingHelper.initialize(self, name=name)

    def sample(self, time, outputs, state, name=None):
        """Whether the outputs are to be fed."""
        with ops.name_scope(name, "ScheduledOutputTrainingHelperSample", [time, outputs, state]):
            return _coins(self._sampling_probability, self._batch_size, self._seed)

    def next_inputs(self, time, outputs, state, sample_ids, name=None):
        def with_auxiliary(outputs, rows):
            if self._auxiliary is None:
                return outputs
            extra = self._auxiliary.read(time + 1)
            return array_ops.concat((outputs, array_ops.gather_nd(extra, rows)), -1)

        def sampled(inputs):
            made = outputs if self._next_inputs_fn is None else self._next_inputs_fn(outputs)
            return _mixed(sample_ids, made, inputs, with_auxiliary)
        return self._next_or(name, time, outputs, state, sampled)


class GreedyEmbeddingHelper(_IdHelper):
    """Feeds the embedding of the most likely id, from start_tokens until a row has end_token."""

    def __init__(self, embedding, start_tokens, end_token):
        self._embedding_fn = _embedding_function(embedding)
        self._start_tokens = ops.convert_to_tensor(start_tokens, dtype=dtypes.int32,
                                                   name="start_tokens")
        self._end_token = ops.convert_to_tensor(end_token, dtype=dtypes.int32, name="end_token")
        if self._start_tokens.get_shape().ndims != 1:
            raise ValueError("start_tokens must be a vector")
        self._batch_size = array_ops.size(start_tokens)
        if self._end_token.get_shape().ndims != 0:
            raise ValueError("end_token must be a scalar")
        self._start_inputs = self._embedding_fn(self._start_tokens)

    def initialize(self, name=None):
        return array_ops.tile([False], [self._batch_size]), self._start_inputs

    def sample(self, time, outputs, state, name=None):
        if not isinstance(outputs, ops.Tensor):
            raise TypeError("Expected outputs to be a single Tensor, got: %s" % type(outputs))
        return _most_likely(outputs)

    def next_inputs(self, time, outputs, state, sample_ids, name=None):
        finished = math_ops.equal(sample_ids, self._end_token)
        inputs = control_flow_ops.cond(
            math_ops.reduce_all(finished), lambda: self._start_inputs,
            lambda: self._embedding_fn(sample_ids))
        return finished, inputs, state


class SampleEmbeddingHelper(GreedyEmbeddingHelper):
    """The same with an id that is drawn, from logits divided by a temperature."""

    def __init__(self, embedding, start_tokens, end_token, softmax_temperature=None, seed=None):
        GreedyEmbeddingHelper.__init__(self, embedding, start_tokens, end_token)
        self._softmax_temperature, self._seed = softmax_temperature, seed

    def sample(self, time, outputs, state, name=None):
        if not isinstance(outputs, ops.Tensor):
            raise TypeError("Expected outputs to be a single Tensor, got: %s" % type(outputs))
        if self._softmax_temperature is not None:
            outputs = outputs / self._softmax_temperature
        return _drawn(outputs, self._seed)


class InferenceHelper(Helper):
    """Feeds what sample_fn makes of the outputs, through next_inputs_fn, until end_fn of it."""

    def __init__(self, sample_fn, sample_shape, sample_dtype, start_inputs, end_fn,
                 next_inputs_fn=None):
        self._sample_fn, self._end_fn = sample_fn, end_fn
        self._sample_shape = tensor_shape.TensorShape(sample_shape)
        self._sample_dtype, self._next_inputs_fn = sample_dtype, next_inputs_fn
        self._batch_size = array_ops.shape(start_inputs)[0]
        self._start_inputs = ops.convert_to_tensor(start_inputs, name="start_inputs")

    batch_size = property(lambda self: self._batch_size)
    sample_ids_shape = property(lambda self: self._sample_shape)
    sample_ids_dtype = property(lambda self: self._sample_dtype)

    def initialize(self, name=None):
        return array_ops.tile([False], [self._batch_size]), self._start_inputs

    def sample(self, time, outputs, state, name=None):
        return self._sample_fn(outputs)

    def next_inputs(self, time, outputs, state, sample_ids, name=None):
        inputs = sample_ids if self._next_inputs_fn is None else self._next_inputs_fn(sample_ids)
        return self._end_fn(sample_ids), inputs, state
