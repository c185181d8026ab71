# SPDX-License-Identifier: Apache-2.0
"""tf.metrics over two batches and tf.losses: TensorFlow 1.15's numbers (golden/measures.txt)."""
import os

import numpy as np
import pytest

import thalweg as tf

HERE = os.path.dirname(os.path.abspath(__file__))
TRUTH = [np.array([[1, 0], [0, 1], [1, 1]], "f"), np.array([[0, 0], [1, 1]], "f")]
GUESS = [np.array([[.9, .2], [.4, .3], [.7, .6]], "f"), np.array([[.1, .8], [.5, 1]], "f")]
COUNTS = "precision recall true_positives false_positives true_negatives false_negatives".split()


def golden():
    with open(os.path.join(HERE, "golden", "measures.txt"), encoding="utf-8") as file:
        return [line.rstrip("\n") for line in file if line[0] != "#"]


def measures(y, p):
    """{key: (value, update)} of every measure."""
    made, kinds = {}, tf.metrics
    for weight in (None, 0.5, "t"):
        w = tf.constant([[2., 1.]]) if weight == "t" else weight
        for name in ("accuracy", "mean_absolute_error", "mean_squared_error",
                     "root_mean_squared_error"):
            guess = tf.round(p) if name == "accuracy" else p
            made[name, weight] = getattr(kinds, name)(y, guess, weights=w)
        for name in COUNTS:
            made[name, weight] = getattr(kinds, name)(y, tf.round(p), weights=w)
            made[name + "_at", weight] = getattr(kinds, name + "_at_thresholds")(
                y, p, [0.25, .65], weights=w)
        for curve, how in (("ROC", "trapezoidal"), ("PR", "minoring")):
            made["auc" + curve, weight] = kinds.auc(y, p, weights=w, curve=curve,
                                                    num_thresholds=20, summation_method=how)
        made["mean", weight] = kinds.mean(p, weights=w)
        made["below", weight] = kinds.percentage_below(p, .5, weights=w)
    made["rel"] = kinds.mean_relative_error(y, p, tf.ones_like(y) * 2)
    made["cos"] = kinds.mean_cosine_distance(y, p, 1)
    made["iou"] = kinds.mean_iou(y, tf.round(p), 2)
    made["pc"] = kinds.mean_per_class_accuracy(y, tf.round(p), 2)
    return made


def test_measures_over_batches():
    wanted = [line for line in golden() if not line.startswith("loss ")]
    with tf.Graph().as_default(), tf.Session() as session:
        y = tf.placeholder(tf.float32, [None, 2])
        p = tf.placeholder(tf.float32, [None, 2])
        made = measures(y, p)
        session.run(tf.local_variables_initializer())
        got = []
        for truth, guess in zip(TRUTH, GUESS):
            for key in sorted(made, key=str):
                value, update = made[key]
                updated = np.round(session.run(update, {y: truth, p: guess}), 4).tolist()
                got.append("%s %s %s" % (key, updated, np.round(session.run(value), 4).tolist()))
        assert got == wanted
        assert set(tf.local_variables()) == set(tf.get_collection("metric_variables"))
        assert not tf.global_variables()


def test_measures_go_into_collections():
    with tf.Graph().as_default():
        value, update = tf.metrics.mean([1.], metrics_collections=["m"], updates_collections="u")
        assert tf.get_collection("m") == [value] and tf.get_collection("u") == [update]
        assert value.op.name == "mean/value" and update.op.name == "mean/update_op"


def test_losses():
    labels = np.array([[0, 1, 0], [1, 0, 1]], "f")
    guess = np.array([[.2, .7, .1], [.3, .4, .9]], "f")
    weights = np.array([[1.], [2.]], "f")
    wanted = [line[5:] for line in golden() if line.startswith("loss ")]
    got = []
    with tf.Graph().as_default(), tf.Session() as session:
        for name in ("absolute_difference", "hinge_loss", "huber_loss", "log_loss",
                     "mean_squared_error", "mean_pairwise_squared_error", "sigmoid_cross_entropy",
                     "softmax_cross_entropy"):
            loss = getattr(tf.losses, name)
            w = weights[:, 0] if "softmax" in name else weights
            out = [loss(labels, guess), loss(labels, guess, weights=w),
                   loss(labels, guess, weights=0.0)]
            if "pairwise" not in name:
                out += [tf.reduce_sum(loss(labels, guess, weights=w, reduction=r)) for r in (
                    "none", "weighted_sum", "weighted_sum_over_batch_size", "weighted_mean")]
            if "cross" in name:
                out.append(loss(labels, guess, label_smoothing=.1))
            got.append("%s %s" % (name, ["%.5f" % session.run(x) for x in out]))
        got.append(str(["%.5f" % session.run(x) for x in (
            tf.losses.cosine_distance(labels, guess, axis=1),
            tf.losses.sparse_softmax_cross_entropy([[1], [2]], guess, weights=[2., 1.]))]))
    assert got == wanted


def test_losses_are_collected_and_added_up():
    with tf.Graph().as_default(), tf.Session() as session:
        tf.losses.mean_squared_error([1.], [3.])
        tf.losses.absolute_difference([1.], [3.], loss_collection=None)
        tf.losses.add_loss(tf.constant(1.))
        tf.add_to_collection(tf.GraphKeys.REGULARIZATION_LOSSES, tf.constant(10.))
        assert len(tf.losses.get_losses()) == 2
        assert session.run(tf.losses.get_total_loss()) == 15
        assert session.run(tf.losses.get_total_loss(add_regularization_losses=False)) == 5
        assert session.run(tf.losses.get_regularization_loss()) == 10


def test_weights_that_do_not_fit_are_refused():
    with tf.Graph().as_default(), tf.Session() as session:
        with pytest.raises(ValueError, match="weights can not be broadcast"):
            tf.losses.mean_squared_error([[1., 2.]], [[1., 2.]], weights=[1., 2., 3.])
        w = tf.placeholder(tf.float32)
        loss = tf.losses.mean_squared_error([[1., 2.]], [[1., 3.]], weights=w)
        assert session.run(loss, {w: 2.}) == 1 and session.run(loss, {w: [[1., 3.]]}) == 1.5
        with pytest.raises(tf.errors.InvalidArgumentError, match="can not be broadcast"):
            session.run(loss, {w: [1., 2.]})
        with pytest.raises(ValueError, match="Invalid Reduction"):
            tf.losses.mean_squared_error([1.], [1.], reduction="most")


def test_confusions():
    with tf.Graph().as_default(), tf.Session() as session:
        made = tf.confusion_matrix([1, 2, 4, 4], [2, 2, 4, 1], weights=[1, 2, 3, 4])
        wanted = np.zeros([5, 5], np.int32)
        wanted[1, 2], wanted[2, 2], wanted[4, 4], wanted[4, 1] = 1, 2, 3, 4
        assert (session.run(made) == wanted).all()
