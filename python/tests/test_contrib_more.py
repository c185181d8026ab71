# SPDX-License-Identifier: Apache-2.0
"""tf.contrib's older losses and measures, chains of tags, networks in both directions: numbers and
names of TensorFlow 1.15 (golden/contrib.txt, which `python test_contrib_more.py` prints where
`tensorflow` is the real one); and HParams."""
import json
import os

import numpy as np

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden", "contrib.txt")
SCORES = np.sin(np.arange(2 * 4 * 3) * 1.3).reshape(2, 4, 3).astype("f")
TAGS = np.array([[0, 2, 1, 0], [1, 1, 2, 0]], "i")
LENGTHS = np.array([4, 2], "i")
CHAIN = np.cos(np.arange(9.)).reshape(3, 3).astype("f")
GUESS = np.array([[.2, .9], [.6, .3]], "f")
TRUTH = np.array([[0, 1], [1, 1]], "f")


def models(tf):
    """{what: a function that builds it}"""
    contrib = tf.contrib
    losses, crf = contrib.losses, contrib.crf
    guess, truth, scores = tf.constant(GUESS), tf.constant(TRUTH), tf.constant(SCORES)
    tags, lengths, chain = tf.constant(TAGS), tf.constant(LENGTHS), tf.constant(CHAIN)

    def cells():
        return [tf.nn.rnn_cell.GRUCell(2), tf.nn.rnn_cell.GRUCell(3)]

    return {
        "absolute": lambda: losses.absolute_difference(guess, truth, 2.),
        "cosine": lambda: losses.cosine_distance(guess, truth, 1),
        "hinge": lambda: losses.hinge_loss(guess, truth),
        "log": lambda: losses.log_loss(guess, truth, [[1., 0.], [1., 1.]]),
        "pairs": lambda: losses.mean_pairwise_squared_error(guess, truth),
        "squares": lambda: losses.mean_squared_error(guess, truth, scope="mine"),
        "sigmoid": lambda: losses.sigmoid_cross_entropy(guess, truth, label_smoothing=.1),
        "softmax": lambda: losses.softmax_cross_entropy(guess, truth),
        "sparse": lambda: losses.sparse_softmax_cross_entropy(guess, [0, 1]),
        "total": lambda: (losses.mean_squared_error(guess, truth),
                          losses.absolute_difference(guess, truth), losses.get_total_loss()),
        "accuracy": lambda: contrib.metrics.accuracy(tf.constant([1, 2, 3]),
                                                     tf.constant([1, 0, 3])),
        "aggregated": lambda: contrib.metrics.aggregate_metrics(
            contrib.metrics.streaming_mean(guess),
            contrib.metrics.streaming_accuracy(tf.round(guess), truth),
            contrib.metrics.streaming_auc(guess, truth),
            contrib.metrics.streaming_precision(tf.round(guess), truth),
            contrib.metrics.streaming_root_mean_squared_error(guess, truth))[1],
        "weighted pairs": lambda: [losses.mean_pairwise_squared_error(guess, truth, w)
                                   for w in (3., [2., 0.], [[1.], [0.]])],
        "sequence score": lambda: crf.crf_sequence_score(scores, tags, lengths, chain),
        "unary": lambda: crf.crf_unary_score(tags, lengths, scores),
        "binary": lambda: crf.crf_binary_score(tags, lengths, chain),
        "norm": lambda: crf.crf_log_norm(scores, lengths, chain),
        "norm of one step": lambda: crf.crf_log_norm(scores[:, :1], tf.constant([1, 1]), chain),
        "norm of nothing": lambda: crf.crf_log_norm(scores, tf.constant([0, 3]), chain),
        "likelihood": lambda: crf.crf_log_likelihood(scores, tags, lengths),
        "slopes": lambda: tf.gradients(
            crf.crf_log_likelihood(scores, tags, lengths)[0], [scores] + tf.trainable_variables()),
        "many tags": lambda: crf.crf_multitag_sequence_score(
            scores, SCORES > -.5, lengths, chain),
        "decoded": lambda: crf.crf_decode(scores, chain, lengths),
        "stacked": lambda: contrib.rnn.stack_bidirectional_dynamic_rnn(
            cells(), cells(), scores, dtype=tf.float32, sequence_length=lengths),
        "stacked list": lambda: contrib.rnn.stack_bidirectional_rnn(
            cells(), cells(), tf.unstack(scores, axis=1), dtype=tf.float32),
        "no cells": lambda: contrib.rnn.stack_bidirectional_rnn([], [], [scores[:, 0]]),
        "other depths": lambda: contrib.rnn.stack_bidirectional_dynamic_rnn(
            cells(), cells()[:1], scores, dtype=tf.float32),
    }


def results(tf):
    """[what, numbers or the kind of error, variables]"""
    for what in sorted(models(tf)):
        with tf.Graph().as_default(), tf.Session() as session:
            try:
                fetched = tf.contrib.framework.nest.flatten(models(tf)[what]())
            except Exception as error:
                yield [what, type(error).__name__, []]
                continue
            session.run(tf.local_variables_initializer())
            variables = tf.trainable_variables()
            for v in variables:
                start = sum(map(ord, v.op.name)) % 7
                session.run(v.assign(np.reshape(np.sin(
                    np.arange(v.shape.num_elements()) * 1.7 + start), v.shape.as_list())))
            found = session.run(fetched)
            yield [what, [np.round(np.asarray(f, np.float64), 4).tolist() for f in found],
                   [v.name for v in variables]]


def test_contrib_is_as_in_1_15():
    import thalweg as tf
    with open(GOLDEN, encoding="utf-8") as file:
        wanted = [json.loads(line) for line in file if line[0] != "#"]
    for (what, numbers, variables), (name, expected, names) in zip(results(tf), wanted):
        assert (what, variables) == (name, names)
        if isinstance(expected, str):
            assert numbers == expected, what
            continue
        assert len(numbers) == len(expected), what
        for a, b in zip(numbers, expected):
            np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-3, err_msg=what)


def test_tags_of_one_sequence():
    import thalweg as tf
    tags, score = tf.contrib.crf.viterbi_decode(SCORES[0], CHAIN)
    every = [(sum(SCORES[0][t, g] for t, g in enumerate(way)) +
              sum(CHAIN[a, b] for a, b in zip(way, way[1:])), way)
             for way in np.ndindex(3, 3, 3, 3)]
    assert tuple(tags) == max(every)[1] and abs(score - max(every)[0]) < 1e-5


def test_named_numbers():
    import pytest
    import thalweg as tf
    made = tf.contrib.training.HParams(rate=.1, units=3, sizes=[1, 2], name="a", on=True)
    assert made.rate == .1 and "units" in made and made.get("none", 4) == 4
    made.parse("rate=0.2,sizes=[3,4,5], name=b ,on=false,units=7")
    assert made.values() == {"rate": .2, "units": 7, "sizes": [3, 4, 5], "name": "b", "on": False}
    assert made.parse("sizes[1]=9").sizes == [3, 9, 5]
    assert json.loads(made.to_json())["units"] == 7
    assert made.parse_json('{"units": 8}').units == 8
    made.set_hparam("rate", 1)
    assert made.rate == 1.0 and isinstance(made.rate, float)
    for wrong in (lambda: made.parse("units=x"), lambda: made.parse("other=1"),
                  lambda: made.parse("units=[1]"), lambda: made.parse("sizes=1"),
                  lambda: made.set_hparam("units", 1.5), lambda: made.set_hparam("on", 3),
                  lambda: made.set_hparam("sizes", 3), lambda: made.add_hparam("units", 1),
                  lambda: made.add_hparam("empty", []), lambda: made.parse("units")):
        with pytest.raises(ValueError):
            wrong()
    made.del_hparam("on")
    assert "on" not in made and str(made).startswith("[('name', 'b')")


if __name__ == "__main__":
    import tensorflow
    print("# tf.contrib in real TensorFlow %s; made by test_contrib_more.py"
          % tensorflow.__version__)
    for result in results(tensorflow):
        print(json.dumps(result))


def test_rows_are_normalized_as_images_of_one_point():
    """The moving variance is the batch's with one less than there are rows below, as TensorFlow's
    contrib.layers has it; numbers of 1.15.5."""
    import thalweg as tf
    rows = np.arange(12, dtype=np.float32).reshape(4, 3) ** 1.3
    with tf.Graph().as_default(), tf.Session() as session:
        outputs = tf.contrib.layers.batch_norm(tf.constant(rows), decay=.5, scale=True,
                                               updates_collections=None)
        session.run(tf.global_variables_initializer())
        session.run(outputs)
        moving = session.run([v for v in tf.global_variables() if "variance" in v.name][0])
        assert [v.name for v in tf.trainable_variables()] == ["BatchNorm/beta:0",
                                                              "BatchNorm/gamma:0"]
    np.testing.assert_allclose(moving, .5 + .5 * rows.var(axis=0, ddof=1), rtol=1e-5)


def test_a_depthwise_convolution_alone():
    import thalweg as tf
    picture = np.random.RandomState(0).rand(1, 4, 4, 2).astype(np.float32)
    with tf.Graph().as_default(), tf.Session() as session:
        outputs = tf.contrib.slim.separable_conv2d(
            tf.constant(picture), None, 3, 2, weights_initializer=tf.constant_initializer(.1))
        session.run(tf.global_variables_initializer())
        found = session.run(outputs)
        assert [v.name for v in tf.trainable_variables()] == [
            "SeparableConv2d/depthwise_weights:0", "SeparableConv2d/biases:0"]
    assert found.shape == (1, 4, 4, 4)
    np.testing.assert_allclose(found[0, 1, 1], .1 * np.repeat(picture[0, :3, :3].sum((0, 1)), 2),
                               rtol=1e-5)


def test_older_losses_take_weights_of_the_first_dimensions():
    """Numbers of TensorFlow 1.15.5."""
    import thalweg as tf
    drawn = np.random.RandomState(0)
    first, second = (drawn.rand(3, 4).astype(np.float32) for _ in range(2))
    wanted = {"absolute_difference": 0.29886, "log_loss": 0.74958, "mean_squared_error": 0.10649,
              "sigmoid_cross_entropy": 0.69605}
    with tf.Graph().as_default(), tf.Session() as session:
        for weights in ([.3, 0., 2.], [[.3], [0.], [2.]]):
            for name, number in wanted.items():
                loss = getattr(tf.contrib.losses, name)(
                    tf.constant(first), tf.constant(second), weights=weights)
                assert abs(session.run(loss) - number) < 1e-5
        assert len(tf.contrib.losses.get_losses()) == 8
