# SPDX-License-Identifier: Apache-2.0
"""tf.contrib.layers, tf.contrib.framework and tf.contrib.slim."""
import functools

import numpy as np
import pytest

import thalweg as tf

L, F = tf.contrib.layers, tf.contrib.framework


@pytest.fixture(autouse=True)
def session():
    with tf.Graph().as_default(), tf.Session().as_default() as opened:
        yield opened


X = np.random.RandomState(0).randn(6, 4).astype(np.float32)
IMAGES = np.random.RandomState(1).randn(2, 6, 6, 3).astype(np.float32)


def run(tensor):
    s = tf.get_default_session()
    s.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
    return s.run(tensor)


def test_names_and_collections_of_variables():
    L.fully_connected(X, 3, variables_collections=["mine"], outputs_collections="out")
    L.conv2d(IMAGES, 4, 3, normalizer_fn=L.batch_norm,
             variables_collections={"weights": ["kernels"]}, scope="c")
    names = [v.op.name for v in tf.global_variables()]
    assert names == ["fully_connected/weights", "fully_connected/biases", "c/weights",
                     "c/BatchNorm/beta", "c/BatchNorm/moving_mean", "c/BatchNorm/moving_variance"]
    assert tf.model_variables() == tf.global_variables() and len(tf.trainable_variables()) == 4
    assert [v.op.name for v in tf.get_collection("mine")] == names[:2]
    assert [v.op.name for v in tf.get_collection("kernels")] == ["c/weights"]
    assert len(tf.get_collection("out")) == 1 and len(tf.get_collection("update_ops")) == 2
    assert [v.op.name for v in F.get_variables("c", suffix="beta")] == ["c/BatchNorm/beta"]
    assert [v.op.name for v in F.get_variables_by_name("weights")] == names[::2][:2]
    kept = F.get_variables_to_restore(exclude=["c/BatchNorm"])
    assert [v.op.name for v in kept] == names[:3]
    assert F.get_unique_variable("c/weights") is tf.global_variables()[2]
    with pytest.raises(ValueError, match="does not match"):
        F.get_unique_variable("nothing")


def test_sharing_by_scope():
    with tf.variable_scope("net"):
        a = L.fully_connected(X, 3, scope="fc")
    with tf.variable_scope("net", reuse=True):
        b = L.fully_connected(X, 3, scope="fc")
    assert len(tf.global_variables()) == 2
    a, b = run([a, b])
    assert (a == b).all() and a.min() == 0


def test_scopes_of_arguments():
    with F.arg_scope([L.conv2d, L.fully_connected], activation_fn=None,
                     weights_initializer=tf.zeros_initializer(),
                     biases_initializer=tf.ones_initializer()) as kept:
        with F.arg_scope([L.conv2d], padding="VALID"):
            a = L.conv2d(IMAGES, 4, 3)
        b = L.conv2d(IMAGES, 4, 3, weights_initializer=tf.ones_initializer())
    with F.arg_scope(kept):
        c = L.fully_connected(X, 2)
    assert a.shape.as_list() == [2, 4, 4, 4] and b.shape.as_list() == [2, 6, 6, 4]
    a, b, c = run([a, b, c])
    assert (a == 1).all() and b.min() < 0 and (c == 1).all()
    with pytest.raises(ValueError, match="not decorated"):
        with F.arg_scope([len], x=1):
            pass
    assert tf.contrib.slim.conv2d is L.conv2d and F.has_arg_scope(L.dropout)

    @F.add_arg_scope
    def mine(a, b=1):
        return a + b
    with F.arg_scope([mine], b=5):
        assert mine(1) == 6 and mine(1, b=2) == 3


def test_regularizers():
    values = np.array([[1., -2.], [3., 0.]], "f")
    w = tf.constant(values)
    assert run(L.l1_regularizer(0.5)(w)) == 3 and run(L.l2_regularizer(0.5)(w)) == 3.5
    assert run(L.l1_l2_regularizer(0.5, 1.0)(w)) == 10
    assert L.l2_regularizer(0.0)(w) is None and L.sum_regularizer([None]) is None
    total = L.apply_regularization(L.l2_regularizer(1.0), [w, w])
    assert run(total) == 14 and tf.losses.get_regularization_losses() == [total]
    for wrong in (-1.0, 3):
        with pytest.raises(ValueError):
            L.l1_regularizer(wrong)
    L.fully_connected(X, 3, weights_regularizer=L.l2_regularizer(0.1))
    assert len(tf.losses.get_regularization_losses()) == 2


def test_initializers():
    values = run(L.xavier_initializer()([30, 70]))
    limit = np.sqrt(6 / 100)
    assert abs(values).max() < limit and abs(values.std() - limit / np.sqrt(3)) < 0.02 * limit
    values = run(L.variance_scaling_initializer()([5, 5, 4, 300]))
    assert abs(values.std() - np.sqrt(2 / 100)) < 0.003
    with pytest.raises(TypeError, match="Unknown mode"):
        L.variance_scaling_initializer(mode="ALL")
    with pytest.raises(TypeError, match="non-floating"):
        L.xavier_initializer(dtype=tf.int32)


def test_normalizers():
    y = run(L.layer_norm(X))
    wanted = (X - X.mean(1, keepdims=True)) / X.std(1, keepdims=True)
    assert np.allclose(y, wanted, atol=1e-5)
    y = run(L.batch_norm(X, updates_collections=None, decay=0.5))
    assert np.allclose(y, (X - X.mean(0)) / np.sqrt(X.var(0) + 1e-3), atol=1e-5)
    assert np.allclose(tf.get_default_session().run("BatchNorm/moving_mean:0"), X.mean(0) / 2,
                       atol=1e-6)
    assert not tf.get_collection("update_ops")
    assert np.allclose(np.linalg.norm(run(L.unit_norm(tf.constant(X), 1)), axis=1), 1, atol=1e-5)


def test_several_layers():
    y = L.repeat(IMAGES, 2, L.conv2d, 4, 3, scope="conv")
    y = L.stack(L.flatten(L.max_pool2d(y, 2)), L.fully_connected, [8, 5], scope="fc")
    assert y.shape.as_list() == [2, 5]
    assert [v.op.name for v in tf.trainable_variables()][::2] == [
        "conv/conv_1/weights", "conv/conv_2/weights", "fc/fc_1/weights",
        "fc/fc_2/weights"]
    y = L.conv2d_transpose(IMAGES, 2, 3, 2)
    assert run(y).shape == (2, 12, 12, 2)
    assert run(L.separable_conv2d(IMAGES, 2, 3, 1)).shape == (2, 6, 6, 2)
    assert run(L.avg_pool2d(IMAGES, 2)).shape == (2, 3, 3, 3)
    assert run(L.bias_add(IMAGES, initializer=tf.ones_initializer())).shape == IMAGES.shape
    assert run(L.one_hot_encoding([2, 0], 3)).tolist() == [[0, 0, 1], [1, 0, 0]]
    assert run(L.embed_sequence([[1, 2, 0]], 4, 5)).shape == (1, 3, 5)
    assert run(L.dropout(X, is_training=False)).tolist() == X.tolist()
    assert run(L.linear(X, 2)).min() < 0 <= run(L.relu(X, 2)).min()
    old = L.legacy_fully_connected(IMAGES, 3, activation_fn=tf.nn.relu)
    assert run(old).shape == (2, 6, 6, 3) and len(tf.get_collection("weights")) == 1


@pytest.mark.parametrize("optimizer", [
    "SGD", "Adam", "Momentum", tf.train.GradientDescentOptimizer,
    functools.partial(tf.train.AdagradOptimizer, initial_accumulator_value=0.5)])
def test_losses_are_optimized(session, optimizer):
    step = F.get_or_create_global_step()
    x = tf.get_variable("x", initializer=[3., 4.])
    loss = tf.reduce_sum(tf.square(x))
    train = L.optimize_loss(loss, step, 0.05, optimizer, clip_gradients=1.0,
                            gradient_multipliers={"x": 0.5},
                            learning_rate_decay_fn=lambda r, s: r * 1.0)
    session.run(tf.global_variables_initializer())
    before = session.run(train)
    for _ in range(10):
        session.run(train)
    assert session.run(loss) < before == 25 and session.run(step) == 11


def test_what_optimize_loss_refuses():
    x = tf.get_variable("x", initializer=3.)
    for optimizer, match in (("Best", "Optimizer name"), (3, "Unrecognized optimizer")):
        with pytest.raises(ValueError, match=match):
            L.optimize_loss(x * x, None, 0.1, optimizer)
    with pytest.raises(ValueError, match="Learning rate"):
        L.optimize_loss(x * x, None, "fast", "SGD")
    with pytest.raises(ValueError, match="num_outputs"):
        L.fully_connected(X, "3")
