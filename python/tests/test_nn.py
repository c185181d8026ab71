# SPDX-License-Identifier: Apache-2.0
"""Functions of networks: values beside NumPy's, and what older levels mean."""
import os
import subprocess
import sys
import warnings

import numpy as np
import pytest

import thalweg as tf


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default(), tf.Session().as_default() as session:
        yield session


def value(tensor):
    return tf.get_default_session().run(tensor)


def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


X = np.random.RandomState(3).randn(2, 3, 4).astype(np.float32)


@pytest.mark.parametrize("axis", [-1, 0, 1, 2, -2])
def test_softmax_along_any_axis(axis):
    assert np.allclose(value(tf.nn.softmax(X, axis=axis)), softmax(X, axis), atol=1e-6)
    assert np.allclose(value(tf.nn.log_softmax(X, dim=axis)), np.log(softmax(X, axis)), atol=1e-5)
    unknown = tf.placeholder(tf.float32)
    made = tf.nn.softmax(unknown, axis=axis).eval({unknown: X})
    assert np.allclose(made, softmax(X, axis), atol=1e-6)


def test_an_axis_that_is_not_there_is_refused():
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"\[-3, 3\)"):
        tf.nn.softmax(X, axis=3)


@pytest.mark.parametrize("axis", [-1, 0, 1])
def test_cross_entropies(axis):
    labels = softmax(X[::-1] * 2, axis)
    wanted = -(labels * np.log(softmax(X, axis))).sum(axis)
    v2 = tf.nn.softmax_cross_entropy_with_logits_v2(labels=labels, logits=X, axis=axis)
    v1 = tf.nn.softmax_cross_entropy_with_logits(labels=labels, logits=X, dim=axis)
    assert v2.shape.as_list() == v1.shape.as_list() == list(wanted.shape)
    assert np.allclose(value(v2), wanted, atol=1e-5) and np.allclose(value(v1), wanted, atol=1e-5)


def test_only_the_newer_softmax_loss_has_a_gradient_for_labels():
    labels, logits = tf.constant(softmax(X)), tf.constant(X)
    v1 = tf.nn.softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    v2 = tf.nn.softmax_cross_entropy_with_logits_v2(labels=labels, logits=logits)
    assert tf.gradients(v1, [labels]) == [None]
    assert np.allclose(value(tf.gradients(v2, [labels])[0]), -np.log(softmax(X)), atol=1e-5)


def test_sparse_and_sigmoid_losses():
    labels = np.array([[0, 3, 1], [2, 2, 0]])
    wanted = -np.log(np.take_along_axis(softmax(X), labels[..., None], -1)[..., 0])
    loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=X)
    assert np.allclose(value(loss), wanted, atol=1e-5)
    z, p = (X > 0).astype(np.float32), 1 / (1 + np.exp(-X))
    loss = tf.nn.sigmoid_cross_entropy_with_logits(labels=z, logits=X)
    assert np.allclose(value(loss), -z * np.log(p) - (1 - z) * np.log(1 - p), atol=1e-5)
    for weight in (3.0, tf.constant(3.0)):
        loss = tf.nn.weighted_cross_entropy_with_logits(targets=z, logits=X, pos_weight=weight)
        assert np.allclose(value(loss), -3 * z * np.log(p) - (1 - z) * np.log(1 - p), atol=1e-5)


def test_losses_say_what_is_wrong():
    with pytest.raises(ValueError, match="named arguments"):
        tf.nn.softmax_cross_entropy_with_logits(X, X)
    with pytest.raises(ValueError, match="Both labels and logits"):
        tf.nn.sigmoid_cross_entropy_with_logits(labels=X)
    with pytest.raises(ValueError, match="Rank mismatch"):
        tf.nn.sparse_softmax_cross_entropy_with_logits(labels=[1, 2], logits=X)
    with pytest.raises(ValueError, match="same shape"):
        tf.nn.sigmoid_cross_entropy_with_logits(labels=X[0], logits=X)


def test_an_old_order_of_arguments_is_told_by_its_types():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        made = tf.nn.sparse_softmax_cross_entropy_with_logits(X[0], [0, 3, 1])
    assert "called as before" in str(caught[0].message)
    assert np.allclose(value(made), -np.log(softmax(X[0])[[0, 1, 2], [0, 3, 1]]), atol=1e-5)


def test_dropout_keeps_the_mean_and_scales():
    x = np.ones([50, 80], np.float32)
    for arguments in ({"keep_prob": 0.25}, {"rate": 0.75}, {"rate": tf.constant(0.75)},
                      {"rate": 0.75, "noise_shape": [50, 80]}):
        made = value(tf.nn.dropout(x, seed=5, **arguments))
        assert set(np.unique(made)) == {0.0, 4.0} and abs(made.mean() - 1) < 0.1
    rows = value(tf.nn.dropout(x, rate=0.5, noise_shape=[None, 1]))
    assert (rows == rows[:, :1]).all() and 0 < rows.mean() < 2
    same = tf.constant(x)
    assert value(tf.nn.dropout(same, keep_prob=1.0)).mean() == 1


def test_moments_and_normalizations():
    mean, variance = value(tf.nn.moments(X, [0, 2]))
    assert np.allclose(mean, X.mean((0, 2))) and np.allclose(variance, X.var((0, 2)), atol=1e-6)
    unknown, axes = tf.placeholder(tf.float32), tf.placeholder(tf.int32)
    pair = tf.get_default_session().run(tf.nn.moments(unknown, axes), {unknown: X, axes: [1]})
    assert np.allclose(pair[0], X.mean(1), atol=1e-6) and np.allclose(pair[1], X.var(1), atol=1e-6)
    w = np.array([1, 3], np.float32)[:, None, None]
    mean, variance = value(tf.nn.weighted_moments(X, [0], w))
    center = (X * w).sum(0) / 4
    assert np.allclose(mean, center, atol=1e-6)
    assert np.allclose(variance, (w * (X - center) ** 2).sum(0) / 4, atol=1e-6)
    sums = tf.nn.sufficient_statistics(X, [0], shift=tf.constant(X[0]))
    mean, variance = value(tf.nn.normalize_moments(*sums))
    assert np.allclose(mean, X.mean(0), atol=1e-6) and np.allclose(variance, X.var(0), atol=1e-6)
    made = value(tf.nn.batch_normalization(X, 1.0, 4.0, 2.0, 3.0, 0.0))
    assert np.allclose(made, (X - 1) / 2 * 3 + 2, atol=1e-5)
    assert np.allclose(value(tf.nn.l2_normalize(X, 1)),
                       X / np.sqrt((X ** 2).sum(1, keepdims=True)), atol=1e-6)
    assert np.allclose(value(tf.nn.l2_normalize(X)), X / np.sqrt((X ** 2).sum()), atol=1e-6)
    images = X.reshape(2, 3, 2, 2)
    y, mean, variance = value(tf.nn.fused_batch_norm(images, np.ones(2, "f"), np.zeros(2, "f")))
    assert np.allclose(mean, images.mean((0, 1, 2)), atol=1e-6)
    assert np.allclose(y, (images - images.mean((0, 1, 2))) / np.sqrt(images.var((0, 1, 2)) + 1e-3),
                       atol=1e-5)


def convolved(images, kernel, rate=1, stride=1):
    """The sum of products in each window of images, no padding."""
    high, wide = ((n - 1) * rate + 1 for n in kernel.shape[:2])
    rows = range(0, images.shape[1] - high + 1, stride)
    columns = range(0, images.shape[2] - wide + 1, stride)
    return np.array([[[np.einsum("hwi,hwio->o", image[r:r + high:rate, c:c + wide:rate], kernel)
                       for c in columns] for r in rows] for image in images])


def test_convolutions_of_all_kinds():
    random = np.random.RandomState(1)
    images, kernel = random.randn(2, 7, 8, 3), random.randn(2, 3, 3, 5)
    plain = convolved(images, kernel)
    assert np.allclose(value(tf.nn.conv2d(images, kernel, 1, "VALID")), plain)
    assert np.allclose(value(tf.nn.conv2d(images, kernel, [1, 2, 2, 1], "VALID")),
                       convolved(images, kernel, stride=2))
    apart = convolved(images, kernel, rate=2)
    assert np.allclose(value(tf.nn.atrous_conv2d(images, kernel, 2, "VALID")), apart)
    assert np.allclose(value(tf.nn.convolution(images, kernel, "VALID", dilation_rate=[2, 2])),
                       apart)
    dealt = tf.nn.with_space_to_batch(images, [2, 2], "VALID",
                                      lambda x, n, how: tf.nn.conv2d(x, kernel, 1, how))
    assert np.allclose(value(dealt), apart)
    row = value(tf.nn.conv1d(images[:, 0], kernel[0], 2, "VALID"))
    assert np.allclose(row, convolved(images[:, :1], kernel[:1])[:, 0, ::2])
    channels = np.transpose(images, (0, 3, 1, 2))
    made = value(tf.nn.conv2d(channels, kernel, 1, "VALID", data_format="NCHW"))
    assert np.allclose(made, np.transpose(plain, (0, 3, 1, 2)))


def test_what_undoes_a_convolution_is_its_gradient():
    random = np.random.RandomState(2)
    images, kernel = tf.constant(random.randn(1, 6, 6, 2)), tf.constant(random.randn(3, 3, 2, 4))
    made = tf.nn.conv2d(images, kernel, [1, 2, 2, 1], "SAME")
    back = tf.nn.conv2d_transpose(made, kernel, [1, 6, 6, 2], [1, 2, 2, 1])
    assert np.allclose(*value([back, tf.gradients(made, images, made)[0]]))
    made = tf.nn.atrous_conv2d(images, kernel, 2, "SAME")
    back = tf.nn.atrous_conv2d_transpose(made, kernel, [1, 6, 6, 2], 2, "SAME")
    assert np.allclose(*value([back, tf.gradients(made, images, made)[0]]))
    with pytest.raises(ValueError, match="output_shape must have shape"):
        tf.nn.conv2d_transpose(made, kernel, [1, 6, 6], [1, 1, 1, 1])


def test_separable_convolution_is_two():
    random = np.random.RandomState(4)
    images, deep, point = random.randn(1, 5, 5, 2), random.randn(3, 3, 2, 2), random.randn(4, 3)
    full = np.einsum("hwim,imo->hwio", deep, point.reshape(2, 2, 3))
    made = tf.nn.separable_conv2d(images, deep, point.reshape(1, 1, 4, 3), [1, 1, 1, 1], "VALID")
    assert np.allclose(value(made), convolved(images, full))


def test_pooling():
    images = np.arange(32, dtype=np.float32).reshape(1, 4, 4, 2)
    windows = images.reshape(1, 2, 2, 2, 2, 2)
    assert np.allclose(value(tf.nn.max_pool(images, 2, 2, "SAME")), windows.max((2, 4)))
    assert np.allclose(value(tf.nn.avg_pool(images, [1, 2, 2, 1], [1, 2, 2, 1], "VALID")),
                       windows.mean((2, 4)))
    assert np.allclose(value(tf.nn.pool(images, [2, 2], "MAX", "VALID", strides=[2, 2])),
                       windows.max((2, 4)))
    assert np.allclose(value(tf.nn.max_pool1d(images[0], 2, 2, "SAME")),
                       images[0].reshape(4, 2, 2, 2).max(2))
    apart = value(tf.nn.pool(images, [2, 2], "AVG", "VALID", dilation_rate=[2, 2]))
    assert np.allclose(apart, (images[:, :2, :2] + images[:, 2:, :2] + images[:, :2, 2:]
                               + images[:, 2:, 2:]) / 4)
    _, where = value(tf.nn.max_pool_with_argmax(images, 2, 2, "VALID"))
    assert where.ravel().tolist() == [10, 11, 14, 15, 26, 27, 30, 31]


def test_the_greatest_unsorted_and_sorted():
    rows = [[0.1, 0.3, 0.2, 0.4], [0.1, 0.3, 0.3, 0.2]]
    values, places = value(tf.nn.top_k(rows, 3))
    assert np.allclose(values, [[0.4, 0.3, 0.2], [0.3, 0.3, 0.2]])
    assert places.tolist() == [[3, 1, 2], [1, 2, 3]]
    assert value(tf.nn.top_k(rows, 3, sorted=False))[1].tolist() == [[2, 1, 3], [3, 1, 2]]
    assert value(tf.nn.in_top_k(rows, [1, 3], 2)).tolist() == [True, False]


@pytest.mark.parametrize("strategy", ["mod", "div"])
def test_tables_in_parts(strategy):
    table = np.random.RandomState(0).randn(7, 2).astype(np.float32)
    parts = [table[i::3] for i in range(3)] if strategy == "mod" else np.split(table, [3, 5])
    ids = np.array([[6, 0, 3], [2, 5, 5]])
    for one in (ids, ids.astype(np.int32)):
        made = tf.nn.embedding_lookup([tf.constant(p) for p in parts], one,
                                      partition_strategy=strategy)
        assert made.shape.as_list() == [2, 3, 2]
        assert np.allclose(value(made), table[ids])
    unknown = [tf.placeholder(tf.float32) for _ in parts]
    made = tf.nn.embedding_lookup(unknown, ids, partition_strategy=strategy)
    assert np.allclose(made.eval(dict(zip(unknown, parts))), table[ids])
    clipped = value(tf.nn.embedding_lookup(parts, ids, strategy, max_norm=0.5))
    norms = np.linalg.norm(table[ids], axis=-1, keepdims=True)
    assert np.allclose(clipped, table[ids] * np.minimum(1, 0.5 / norms), atol=1e-6)


@pytest.mark.parametrize("combiner", ["sum", "mean", "sqrtn"])
def test_lists_of_ids(combiner):
    table = np.random.RandomState(0).randn(5, 3).astype(np.float32)
    at, ids, weights = [[0, 0], [0, 1], [1, 0]], [4, 1, 2], np.array([2, 3, 0.5], np.float32)
    sparse = tf.SparseTensor(at, tf.constant(ids, tf.int64), [2, 2])
    heavy = tf.SparseTensor(at, weights, [2, 2])
    by = {"sum": lambda w: 1, "mean": np.sum, "sqrtn": lambda w: np.sqrt((w ** 2).sum())}[combiner]
    for more, w in ((None, np.ones(3, np.float32)), (heavy, weights)):
        made = value(tf.nn.embedding_lookup_sparse(table, sparse, more, combiner=combiner))
        rows = table[ids] * w[:, None]
        assert np.allclose(made, [(rows[0] + rows[1]) / by(w[:2]), rows[2] / by(w[2:])], atol=1e-6)


def test_segments_are_asked_for_their_number_when_they_run():
    made = tf.segment_sum([[1, 2], [3, 4], [5, 6]], [0, 1])
    with pytest.raises(tf.errors.InvalidArgumentError, match="same size as dimension 0"):
        value(made)


OLD = r'''
import thalweg.compat, sys
thalweg.compat.install(api=sys.argv[1])
import numpy as np, tensorflow as tf
logits, labels = np.array([[1., 2.]], "f"), np.array([[0., 1.]], "f")
with tf.Session() as s:
    a = tf.nn.softmax_cross_entropy_with_logits(logits, labels)
    b = tf.nn.sparse_softmax_cross_entropy_with_logits(logits, np.array([1]))
    c = tf.nn.sigmoid_cross_entropy_with_logits(logits, targets=labels)
    d = tf.nn.moments(tf.constant(logits), [1])[1]
    print([round(float(np.sum(s.run(x))), 4) for x in (a, b, c, d)])
    print("Floor" in [o.type for o in tf.nn.dropout(logits, 0.5).graph.get_operations()])
'''


@pytest.mark.parametrize("level", ["0.7", "0.12"])
def test_older_levels_have_the_older_order(level):
    import thalweg
    root = os.path.dirname(os.path.dirname(os.path.abspath(thalweg.__file__)))
    done = subprocess.run([sys.executable, "-c", OLD, level], capture_output=True, text=True,
                          env=dict(os.environ, PYTHONPATH=root))
    assert done.stdout.splitlines() == ["[0.3133, 0.3133, 1.4402, 0.25]", "True"], done.stderr
