# SPDX-License-Identifier: Apache-2.0
"""CTC against all alignments there are, one by one."""
import itertools
import math

import numpy as np
import pytest

import thalweg as tf

TIME, CLASSES = 4, 3


def spelled(alignment):
    """The labels of an alignment: repeats are one, blanks none."""
    kept = [k for i, k in enumerate(alignment) if i == 0 or k != alignment[i - 1]]
    return tuple(k for k in kept if k != CLASSES - 1)


def probabilities(logits):
    """{labels: their probability} under (time, classes) logits."""
    softmax = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    found = {}
    for alignment in itertools.product(range(CLASSES), repeat=len(logits)):
        chance = math.prod(softmax[t, k] for t, k in enumerate(alignment))
        found[spelled(alignment)] = found.get(spelled(alignment), 0) + chance
    return found


@pytest.fixture
def logits():
    return np.random.RandomState(7).randn(TIME, 1, CLASSES) * 2


@pytest.mark.parametrize("labels", [(0,), (0, 1), (1, 1), (0, 0), (1, 0, 1)])
def test_the_loss_sums_over_all_alignments(logits, labels):
    sparse = tf.SparseTensor([[0, i] for i in range(len(labels))],
                             tf.constant(labels, tf.int32), [1, len(labels)])
    with tf.Session() as session:
        loss = session.run(tf.nn.ctc_loss(sparse, tf.constant(logits), [TIME]))
    assert np.allclose(loss, -math.log(probabilities(logits[:, 0])[labels]), rtol=1e-10)


def test_a_wide_beam_finds_every_sequence_with_its_probability(logits):
    best = sorted(probabilities(logits[:, 0]).items(), key=lambda item: -item[1])[:5]
    with tf.Session() as session:
        paths, chances = session.run(tf.nn.ctc_beam_search_decoder(
            logits, [TIME], beam_width=100, top_paths=5, merge_repeated=False))
    assert [tuple(p.values) for p in paths] == [labels for labels, _ in best]
    assert np.allclose(chances[0], [math.log(chance) for _, chance in best])


@pytest.mark.parametrize("seed, paths, chances", [
    (1, [[0, 2, 3, 0, 2, 1, 1, 2, 1, 0, 4], [0, 2, 3, 0, 2, 1, 2, 1, 2, 1, 0, 4]],
     [-6.45234, -6.65234]),
    (3, [[0, 1, 4, 2, 1, 2, 0, 3, 1, 3, 2], [0, 1, 4, 2, 1, 2, 0, 3, 1, 3, 2, 0]],
     [-4.23704, -4.56206]),
])
def test_a_narrow_beam_finds_what_tensorflow_finds(seed, paths, chances):
    logits = np.round(np.random.RandomState(seed).randn(20, 1, 6) * 3, 1)
    with tf.Session() as session:
        found, logs = session.run(tf.nn.ctc_beam_search_decoder(
            logits.astype("f"), [20], beam_width=4, top_paths=2, merge_repeated=False))
    assert [p.values.tolist() for p in found] == paths
    assert np.allclose(logs[0], chances, atol=1e-4)


def test_the_older_order_of_arguments_is_known_by_types(logits):
    sparse = tf.SparseTensor([[0, 0]], tf.constant([1], tf.int32), [1, 1])
    with tf.Session() as session:
        one, other = session.run([tf.nn.ctc_loss(sparse, logits, [TIME]),
                                  tf.nn.ctc_loss(logits, sparse, [TIME])])
    assert one == other


def test_labels_that_do_not_fit_into_the_time_are_refused_or_ignored(logits):
    sparse = tf.SparseTensor([[0, i] for i in range(5)], tf.constant([0, 1] * 2 + [0], tf.int32),
                             [1, 5])
    with tf.Session() as session:
        with pytest.raises(tf.errors.InvalidArgumentError, match="Not enough time"):
            session.run(tf.nn.ctc_loss(sparse, logits, [TIME]))
        assert session.run(tf.nn.ctc_loss(sparse, logits, [TIME],
                                          ignore_longer_outputs_than_inputs=True)) == 0


def test_the_greedy_decoder_takes_the_best_class_of_each_time(logits):
    best = logits[:, 0].argmax(1)
    with tf.Session() as session:
        (path,), cost = session.run(tf.nn.ctc_greedy_decoder(logits, [TIME]))
    assert tuple(path.values) == spelled(best)
    assert np.allclose(cost, -logits[:, 0].max(1).sum())
