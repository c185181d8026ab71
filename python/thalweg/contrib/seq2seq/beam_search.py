# SPDX-License-Identifier: Apache-2.0
"""What a beam search does with its beams: putting rows together, choosing, reading back."""
import collections

from thalweg.framework import dtypes, ops, tensor_shape, tensor_util
from thalweg.ops import array_ops, gen_beam_search_ops, math_ops, nn_ops, tensor_array_ops
from thalweg.util import nest

gather_tree = gen_beam_search_ops.gather_tree

BeamSearchDecoderState = collections.namedtuple(
    "BeamSearchDecoderState",
    ("cell_state", "log_probs", "finished", "lengths", "accumulated_attention_probs"))
BeamSearchDecoderOutput = collections.namedtuple(
    "BeamSearchDecoderOutput", ("scores", "predicted_ids", "parent_ids"))
FinalBeamSearchDecoderOutput = collections.namedtuple(
    "FinalBeamDecoderOutput", ("predicted_ids", "beam_search_decoder_output"))


def _tile_batch(t, multiplier):
    t = ops.convert_to_tensor(t, name="t")
    shape = array_ops.shape(t)
    known = t.get_shape()
    if known.ndims is None:
        raise ValueError("t must have statically known rank")
    times = [1] * (known.ndims + 1)
    times[1] = multiplier
    rows = None if known[0].value is None else known[0].value * multiplier
    tiled = array_ops.tile(array_ops.expand_dims(t, 1), times)
    tiled = array_ops.reshape(tiled, array_ops.concat(([shape[0] * multiplier], shape[1:]), 0))
    tiled.set_shape(tensor_shape.TensorShape([rows]).concatenate(known[1:]))
    return tiled


def tile_batch(t, multiplier, name=None):
    """Each row `multiplier` times, one after the other: as many rows as a beam search has."""
    flat = nest.flatten(t)
    with ops.name_scope(name, "tile_batch", flat + [multiplier]):
        return nest.map_structure(lambda one: _tile_batch(one, multiplier), t)


class Beams:
    """Batches of beams: (batch, beams, ...) for choosing, (batch * beams, ...) for cells."""

    def __init__(self, batch_size, width):
        self.batch_size, self.width = batch_size, width

    def known_batch(self):
        """The batch's size if it is known, or None."""
        return tensor_util.constant_value(ops.convert_to_tensor(self.batch_size))

    def split(self, t, size):
        """(batch * beams, ...) as (batch, beams, ...)."""
        size = tensor_shape.as_shape([size] if isinstance(size, int) else size)
        split = array_ops.reshape(t, array_ops.concat(
            ([self.batch_size, self.width], array_ops.shape(t)[1:]), 0))
        split.set_shape(tensor_shape.TensorShape(
            [self.known_batch(), self.width]).concatenate(size))
        return split

    def merge(self, t, size):
        """(batch, beams, ...) as (batch * beams, ...)."""
        size = tensor_shape.as_shape([size] if isinstance(size, int) else size)
        rows = self.known_batch()
        merged = array_ops.reshape(t, array_ops.concat(
            ([self.batch_size * self.width], array_ops.shape(t)[2:]), 0))
        merged.set_shape(tensor_shape.TensorShape(
            [None if rows is None else rows * self.width]).concatenate(size))
        return merged

    def split_if_rows(self, t, size):
        """A number has no rows, and arrays of steps stay what they are."""
        return t if isinstance(t, tensor_array_ops.TensorArray) or _checked_rank(t) == 0 else \
            self.split(t, size)

    def merge_if_rows(self, t, size):
        return t if isinstance(t, tensor_array_ops.TensorArray) or _checked_rank(t) == 0 else \
            self.merge(t, size)

    def gather(self, t, beams):
        """From (batch, n, ...) the parts that (batch, beams) numbers say."""
        sizes = array_ops.shape(t)
        first = array_ops.expand_dims(math_ops.range(self.batch_size) * sizes[1], 1)
        flat = array_ops.reshape(t, array_ops.concat(([-1], sizes[2:]), 0))
        found = array_ops.gather(flat, beams + first)
        found.set_shape(tensor_shape.TensorShape(
            [self.known_batch(), self.width]).concatenate(t.get_shape()[2:]))
        return found

    def gather_if_rows(self, t, beams):
        return t if isinstance(t, tensor_array_ops.TensorArray) or _checked_rank(t) == 0 else \
            self.gather(t, beams)


def _checked_rank(t):
    if t.get_shape().ndims is None:
        raise ValueError("Expected tensor (%s) to have known rank, but ndims == None." % t)
    return t.get_shape().ndims


def _mask_probs(probs, end_token, finished):
    """The logarithms of probabilities; for beams that have ended only the end token may come."""
    vocabulary = array_ops.shape(probs)[2]
    ended = array_ops.one_hot(end_token, vocabulary, dtype=probs.dtype,
                              on_value=ops.convert_to_tensor(0., dtype=probs.dtype),
                              off_value=probs.dtype.min)
    ended = array_ops.tile(array_ops.reshape(ended, [1, 1, -1]),
                           array_ops.concat([array_ops.shape(finished), [1]], 0))
    mask = array_ops.tile(array_ops.expand_dims(finished, 2), [1, 1, vocabulary])
    return array_ops.where(mask, ended, probs)


def _length_penalty(lengths, weight):
    """((5 + length) / 6) ^ weight (Wu et al. 2016)."""
    weight = ops.convert_to_tensor(weight, name="penalty_factor")
    weight.set_shape(())
    known = tensor_util.constant_value(weight)
    if known is not None and known == 0:
        return 1.0
    return math_ops.div((5. + math_ops.cast(lengths, dtypes.float32)) ** weight,
                        (5. + 1.) ** weight)


def _scores(log_probs, lengths, length_weight, coverage_weight, finished, attention):
    """What beams are chosen by. Of those that have ended it counts too how much of the memory got
    little attention."""
    scores = log_probs / _length_penalty(lengths, length_weight)
    weight = ops.convert_to_tensor(coverage_weight, name="coverage_penalty_weight")
    if weight.get_shape().ndims != 0:
        raise ValueError("coverage_penalty_weight should be a scalar, but saw shape: %s"
                         % weight.get_shape())
    if tensor_util.constant_value(weight) == 0.0 or attention is None:
        return scores
    penalty = math_ops.reduce_sum(math_ops.log(math_ops.minimum(
        attention, array_ops.ones_like(attention))), axis=2)
    penalty = penalty * math_ops.cast(finished, penalty.dtype)
    return scores + array_ops.expand_dims(penalty, 2) * weight


def attention_probs(cell_state, coverage_weight):
    """The mean of the alignments of all attention in a state; None where they do not count."""
    if tensor_util.constant_value(ops.convert_to_tensor(coverage_weight)) == 0.0:
        return None
    from thalweg.contrib.seq2seq.attention_wrapper import AttentionWrapperState
    found = []

    def collect(state):
        if isinstance(state, AttentionWrapperState):
            each = state.alignments
            each = each if isinstance(each, tuple) else (each,)
            found.append(array_ops.stack(each, axis=-1) if len(each) > 1
                         else array_ops.expand_dims(each[0], -1))
        elif isinstance(state, tuple):
            for one in state:
                collect(one)
    collect(cell_state)
    if not found:
        raise ValueError("coverage_penalty_weight must be 0.0 if no cell is attentional.")
    return math_ops.reduce_mean(array_ops.concat(found, axis=-1), axis=-1)


def _accumulated(state, cell_state, weight):
    """The attention of all steps so far; beams that have ended get no more."""
    new = attention_probs(cell_state, weight)
    if new is None:
        return None
    ended = array_ops.expand_dims(state.finished, 2)
    ended = array_ops.tile(ended, [1, 1, array_ops.shape(new)[2]])
    return state.accumulated_attention_probs + array_ops.where(
        ended, array_ops.zeros_like(new), new)


def search_step(beams, logits, cell_state, state, end_token, length_weight, coverage_weight):
    """(output, next state): the best continuations of all beams of a batch entry."""
    log_probs = _mask_probs(nn_ops.log_softmax(logits), end_token, state.finished)
    total = array_ops.expand_dims(state.log_probs, 2) + log_probs
    vocabulary = logits.get_shape()[-1].value or array_ops.shape(logits)[-1]
    grows = array_ops.one_hot(
        array_ops.fill([beams.batch_size, beams.width], end_token), vocabulary,
        on_value=ops.convert_to_tensor(0, dtypes.int64),
        off_value=ops.convert_to_tensor(1, dtypes.int64), dtype=dtypes.int64)
    alive = math_ops.cast(math_ops.logical_not(state.finished), dtypes.int64)
    lengths = grows * array_ops.expand_dims(alive, 2) + array_ops.expand_dims(state.lengths, 2)
    attention = _accumulated(state, cell_state, coverage_weight)
    scores = _scores(total, lengths, length_weight, coverage_weight, state.finished, attention)
    best, places = nn_ops.top_k(array_ops.reshape(scores, [beams.batch_size, -1]), k=beams.width)
    for one in (best, places):
        one.set_shape([beams.known_batch(), beams.width])
    words = math_ops.cast(math_ops.mod(places, vocabulary), dtypes.int32)
    parents = math_ops.cast(math_ops.floordiv(places, vocabulary), dtypes.int32)
    flat_total = array_ops.reshape(total, [beams.batch_size, -1])
    before = beams.gather(state.finished, parents)
    finished = math_ops.logical_or(before, math_ops.equal(words, end_token))
    next_lengths = beams.gather(state.lengths, parents) + math_ops.cast(
        math_ops.logical_not(before), dtypes.int64)
    next_state = BeamSearchDecoderState(
        cell_state=nest.map_structure(lambda t: beams.gather_if_rows(t, parents), cell_state),
        log_probs=beams.gather(flat_total, places), lengths=next_lengths, finished=finished,
        accumulated_attention_probs=() if attention is None
        else beams.gather(attention, parents))
    return BeamSearchDecoderOutput(best, words, parents), next_state


def gather_tree_from_array(t, parent_ids, sequence_length):
    """(time, batch, beams, ...) of all steps in the order of the beams that came out at the end."""
    steps = parent_ids.get_shape()[0].value or array_ops.shape(parent_ids)[0]
    rows = parent_ids.get_shape()[1].value or array_ops.shape(parent_ids)[1]
    width = parent_ids.get_shape()[2].value or array_ops.shape(parent_ids)[2]
    own = array_ops.tile(array_ops.reshape(math_ops.range(width), [1, 1, -1]), [steps, rows, 1])
    longest = math_ops.cast(math_ops.reduce_max(sequence_length, axis=1), dtypes.int32)
    order = gather_tree(step_ids=own, parent_ids=parent_ids, max_sequence_lengths=longest,
                        end_token=width + 1)
    inside = array_ops.transpose(array_ops.sequence_mask(sequence_length, maxlen=steps),
                                 perm=[2, 0, 1])
    order = array_ops.where(inside, x=order, y=own)
    when = array_ops.tile(array_ops.reshape(math_ops.range(steps), [-1, 1, 1]), [1, rows, width])
    which = array_ops.tile(array_ops.reshape(math_ops.range(rows), [-1, 1]), [1, width])
    which = array_ops.tile(array_ops.expand_dims(which, 0), [steps, 1, 1])
    return array_ops.gather_nd(t, array_ops.stack([when, which, order], -1))
