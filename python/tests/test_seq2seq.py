# SPDX-License-Identifier: Apache-2.0
"""Sequence to sequence models of lists of steps: variables, sharing, what steps are fed, losses."""
import os
import subprocess
import sys

import numpy as np
import pytest

import thalweg as tf

MODELS = tf.contrib.legacy_seq2seq
PACKAGE = os.path.dirname(os.path.dirname(tf.__file__))
STEPS = [np.random.RandomState(i).randn(3, 4).astype(np.float32) for i in range(4)]
IDS = [np.array([1, 2, 0]), np.array([3, 1, 1]), np.array([0, 0, 2])]


@pytest.fixture(autouse=True)
def session():
    with tf.Graph().as_default(), tf.Session().as_default() as opened:
        yield opened


def constants(values):
    return [tf.constant(value, dtype=tf.int32 if value.dtype.kind == "i" else None)
            for value in values]


def cell():
    return tf.nn.rnn_cell.GRUCell(4)


def names():
    return [v.op.name for v in tf.trainable_variables()]


def run(fetches):
    s = tf.get_default_session()
    s.run(tf.global_variables_initializer())
    return s.run(fetches)


def test_a_decoder_goes_on_from_a_state():
    def last(prev, number):
        assert number in (1, 2)
        return prev * 0 + number

    x = constants(STEPS[:3])
    with tf.variable_scope("one", initializer=tf.random_normal_initializer(seed=1)):
        given, state = MODELS.rnn_decoder(x, tf.ones([3, 4]), cell())
    with tf.variable_scope("one", reuse=True):
        first = x[:1] + [tf.ones([3, 4]), tf.ones([3, 4]) * 2]
        wanted, _ = MODELS.rnn_decoder(first, tf.ones([3, 4]), cell())
        looped, _ = MODELS.rnn_decoder(x, tf.ones([3, 4]), cell(), loop_function=last)
    given, state, wanted, looped = run([given, state, wanted, looped])
    assert np.array_equal(given[-1], state)
    assert np.allclose(wanted, looped, atol=1e-6) and not np.allclose(given[1:], looped[1:])


def test_an_encoder_and_a_decoder_have_their_own_variables():
    MODELS.basic_rnn_seq2seq(constants(STEPS), constants(STEPS), cell())
    assert [n for n in names() if n.endswith("gates/kernel")] == [
        "basic_rnn_seq2seq/rnn/gru_cell/gates/kernel",
        "basic_rnn_seq2seq/rnn_decoder/gru_cell/gates/kernel"]


def test_tied_ones_share_them():
    outputs, _ = MODELS.tied_rnn_seq2seq(constants(STEPS), constants(STEPS), cell())
    assert len(names()) == 4 and run(outputs)[3].shape == (3, 4)


@pytest.mark.parametrize("model", ["embedding_rnn_seq2seq", "embedding_attention_seq2seq"])
def test_a_run_may_choose_what_steps_are_fed(model, session):
    previous = tf.placeholder(tf.bool, [])
    made = {}
    with tf.variable_scope("it", initializer=tf.random_normal_initializer(seed=1)):
        made[None], _ = getattr(MODELS, model)(
            constants(IDS), constants(IDS), cell(), 4, 6, 5, feed_previous=previous)
    count = len(names())
    for feed in (True, False):
        with tf.variable_scope("it", reuse=True):
            made[feed], state = getattr(MODELS, model)(
                constants(IDS), constants(IDS), cell(), 4, 6, 5, feed_previous=feed)
    assert len(names()) == count
    run([])
    for feed in (True, False):
        chosen, wanted = session.run([made[None], made[feed]], {previous: feed})
        assert np.allclose(chosen, wanted, atol=1e-5) and chosen[0].shape == (3, 6)
    one, two = session.run([made[True], made[False]])
    assert np.array_equal(one[0], two[0]) and not np.allclose(one[1:], two[1:])


def test_attention_looks_at_what_was_read():
    outputs, state = MODELS.embedding_attention_seq2seq(
        constants(IDS), constants(IDS), cell(), 4, 6, 5, num_heads=2)
    assert "embedding_attention_seq2seq/embedding_attention_decoder/attention_decoder/" \
        "AttnOutputProjection/kernel" in names()
    read = [v for v in tf.trainable_variables() if "rnn/embedding_wrapper/embedding" in v.op.name]
    slopes = tf.gradients(outputs[2], read)
    outputs, slopes = run([outputs, slopes[0].values])
    assert np.abs(slopes).max() > 0 and outputs[2].shape == (3, 6)
    with pytest.raises(ValueError, match="at least 1 input"):
        MODELS.attention_decoder([], state, tf.zeros([3, 2, 4]), cell())
    with pytest.raises(ValueError, match="must be known"):
        MODELS.attention_decoder([state], state, tf.placeholder(tf.float32, [3, 2, None]), cell())


def test_a_projection_makes_scores():
    w, b = tf.ones([4, 6]), tf.zeros([6])
    outputs, _ = MODELS.embedding_tied_rnn_seq2seq(
        constants(IDS), constants(IDS), cell(), 6, 5, output_projection=(w, b), feed_previous=True)
    assert outputs[0].shape.as_list() == [3, 4] and len(names()) == 5
    with pytest.raises(ValueError):
        MODELS.embedding_rnn_decoder(constants(IDS), tf.zeros([3, 4]), cell(), 7, 5,
                                     output_projection=(w, b))


def test_one_reads_and_many_write():
    outputs, states = MODELS.one2many_rnn_seq2seq(
        constants(IDS), {"a": constants(IDS), "b": constants(IDS[:2])}, cell(),
        {"a": cell(), "b": cell()}, 4, {"a": 6, "b": 7}, 5)
    outputs, states = run([outputs, states])
    assert [one.shape for one in outputs["b"]] == [(3, 7)] * 2 and states["a"].shape == (3, 4)


def cross_entropy(logits, labels):
    logits = logits - logits.max(1, keepdims=True)
    return np.log(np.exp(logits).sum(1)) - logits[np.arange(3), labels]


def test_losses():
    weights = [np.array([1., 1., 0.], np.float32), np.array([1., 0., 0.], np.float32)]
    each = sum(w * cross_entropy(x, y) for x, y, w in zip(STEPS, IDS, weights))
    total = sum(weights)
    args = constants(STEPS[:2]), constants(IDS[:2]), [tf.constant(w) for w in weights]
    assert np.allclose(run(MODELS.sequence_loss_by_example(*args)), each / (total + 1e-12),
                       atol=1e-5)
    assert np.isclose(run(MODELS.sequence_loss(*args, average_across_timesteps=False)),
                      each.sum() / 3, atol=1e-5)
    own = MODELS.sequence_loss(*args, softmax_loss_function=lambda labels, logits: tf.cast(
        labels, tf.float32), average_across_timesteps=False, average_across_batch=False)
    assert run(own) == sum((w * y).sum() for w, y in zip(weights, IDS))
    with pytest.raises(ValueError, match="must be the same 2, 2, 1"):
        MODELS.sequence_loss(args[0], args[1][:1], args[2])


def test_buckets_share_variables():
    weights = [tf.ones([3])] * 3
    outputs, losses = MODELS.model_with_buckets(
        constants(IDS), constants(IDS), constants(IDS), weights, [(1, 2), (3, 3)],
        lambda x, y: MODELS.embedding_rnn_seq2seq(x, y, cell(), 4, 4, 5))
    assert [len(one) for one in outputs] == [2, 3] and len(names()) == 12
    assert all(loss > 0 for loss in run(losses))
    with pytest.raises(ValueError, match="last bucket"):
        MODELS.model_with_buckets([], [], [], [], [(1, 1)], None)


def test_losses_of_whole_tensors():
    logits, labels = np.stack(STEPS[:2], 1), np.stack(IDS[:2], 1)
    weights = np.array([[1., 1.], [1., 0.], [0., 0.]], np.float32)
    each = np.stack([cross_entropy(x, y) for x, y in zip(STEPS[:2], IDS[:2])], 1) * weights
    loss = tf.contrib.seq2seq.sequence_loss
    args = tf.constant(logits), tf.constant(labels, tf.int32), tf.constant(weights)
    assert np.isclose(run(loss(*args)), each.sum() / 3, atol=1e-5)
    assert np.allclose(run(loss(*args, average_across_batch=False)),
                       each.sum(1) / np.array([2, 1, 1e-12]), atol=1e-5)
    assert np.allclose(run(loss(*args, average_across_batch=False, average_across_timesteps=False)),
                       each, atol=1e-5)
    with pytest.raises(ValueError, match="3-dimensional"):
        loss(args[0][0], args[1], args[2])


OLD = """
import thalweg.compat
thalweg.compat.install(api="0.7")
import tensorflow as tf
x = [tf.placeholder(tf.int32, [2])] * 2
cell = tf.nn.rnn_cell.BasicLSTMCell(4)
outputs, state = tf.nn.seq2seq.embedding_attention_seq2seq(x, x, cell, 5, 6)
print(outputs[0].get_shape(), state.get_shape())
for v in tf.trainable_variables():
    print(v.op.name)
from tensorflow.models.rnn import seq2seq, rnn, rnn_cell
print(seq2seq.sequence_loss is tf.nn.seq2seq.sequence_loss)
"""


def test_a_program_of_0_7():
    done = subprocess.run([sys.executable, "-c", OLD], capture_output=True, text=True,
                          env=dict(os.environ, PYTHONPATH=PACKAGE))
    assert done.returncode == 0, done.stderr[-2000:]
    lines = done.stdout.splitlines()
    assert lines[0] == "(2, 6) (?, 8)" or lines[0] == "(2, 6) (2, 8)"
    assert lines[1] == "embedding_attention_seq2seq/RNN/EmbeddingWrapper/embedding"
    assert lines[-1] == "True"
