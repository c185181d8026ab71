# SPDX-License-Identifier: Apache-2.0
"""tf.layers: results beside the functions that they stand on, variables, sharing, training."""
import numpy as np
import pytest

import thalweg as tf


@pytest.fixture(autouse=True)
def session():
    with tf.Graph().as_default(), tf.Session().as_default() as opened:
        yield opened


X = np.random.RandomState(0).randn(6, 4).astype(np.float32)
IMAGES = np.random.RandomState(1).randn(2, 6, 6, 3).astype(np.float32)


def run(*tensors):
    s = tf.get_default_session()
    s.run(tf.global_variables_initializer())
    values = s.run(list(tensors))
    return values[0] if len(values) == 1 else values


def test_dense_is_a_product():
    y = tf.layers.dense(X, 3, activation=tf.nn.relu, kernel_initializer=tf.ones_initializer(),
                        bias_initializer=tf.constant_initializer(2.))
    assert np.allclose(run(y), np.maximum(X.sum(1, keepdims=True) + 2, 0) * np.ones(3), atol=1e-5)
    assert [v.name for v in tf.trainable_variables()] == ["dense/kernel:0", "dense/bias:0"]
    deep = tf.layers.dense(IMAGES, 5)
    assert deep.shape.as_list() == [2, 6, 6, 5]
    kernel, bias = tf.trainable_variables()[2:]
    y, k, b = run(deep, kernel, bias)
    assert np.allclose(y, IMAGES @ k + b, atol=1e-5)


def test_variables_are_shared_by_name():
    tf.layers.dense(X, 3, name="one")
    tf.layers.dense(X, 3, name="one", reuse=True)
    with tf.variable_scope("outer"):
        tf.layers.dense(X, 3)
    with tf.variable_scope("outer", reuse=True):
        tf.layers.dense(X, 3)
    names = [v.op.name for v in tf.global_variables()]
    assert names == ["one/kernel", "one/bias", "outer/dense/kernel", "outer/dense/bias"]
    with pytest.raises(ValueError, match="already exists"):
        tf.layers.dense(X, 3, name="one")
    layer = tf.layers.Dense(3)
    a, b = layer(X), layer(X * 2)
    assert len(layer.variables) == 2 and len(tf.global_variables()) == 6
    a, b = run(a, b)
    assert np.allclose(a * 2, b, atol=1e-5)
    assert layer.count_params() == 15 and layer.name == "dense" and layer.scope_name == "dense"
    with pytest.raises(ValueError, match="expected axis -1"):
        layer(IMAGES)


def test_regularizers_become_losses():
    tf.layers.dense(X, 3, kernel_regularizer=lambda w: tf.reduce_sum(tf.square(w)),
                    activity_regularizer=lambda y: tf.reduce_max(y))
    assert len(tf.losses.get_regularization_losses()) == 2
    assert run(tf.losses.get_regularization_loss()) > 0


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("first", [False, True])
def test_convolutions(padding, first):
    images = np.transpose(IMAGES, (0, 3, 1, 2)) if first else IMAGES
    order = "channels_first" if first else "channels_last"
    layer = tf.layers.Conv2D(5, 3, 2, padding, data_format=order)
    y = layer(images)
    wanted = tf.nn.conv2d(IMAGES, layer.kernel, 2, padding.upper())
    y, w = run(y, wanted)
    assert np.allclose(np.transpose(y, (0, 2, 3, 1)) if first else y, w, atol=1e-5)
    assert layer.compute_output_shape(images.shape).as_list() == list(y.shape)
    back = tf.layers.conv2d_transpose(images, 4, 3, 2, padding, data_format=order)
    shape = back.shape.as_list()
    assert shape == list(run(back).shape)
    space = shape[2:] if first else shape[1:3]
    assert space == ([12, 12] if padding == "same" else [13, 13])
    rows = tf.layers.conv1d(IMAGES[:, 0], 4, 3, padding=padding, dilation_rate=2)
    assert run(rows).shape == (2, 6 if padding == "same" else 2, 4)
    deep = tf.layers.separable_conv2d(IMAGES, 4, 3, padding=padding, depth_multiplier=2)
    assert run(deep).shape == tuple(deep.shape.as_list())
    row = tf.layers.separable_conv1d(IMAGES[:, 0], 4, 3, padding=padding)
    assert run(row).shape == tuple(row.shape.as_list())


def test_pooling_and_flattening():
    y = tf.layers.max_pooling2d(IMAGES, 2, 2)
    assert np.allclose(run(y), IMAGES.reshape(2, 3, 2, 3, 2, 3).max((2, 4)))
    y = tf.layers.average_pooling1d(IMAGES[:, 0], 2, 2)
    assert np.allclose(run(y), IMAGES[:, 0].reshape(2, 3, 2, 3).mean(2), atol=1e-6)
    flat = tf.layers.flatten(tf.placeholder(tf.float32, [None, 3, 4]))
    assert flat.shape.as_list() == [None, 12]
    assert np.allclose(run(tf.layers.flatten(IMAGES)), IMAGES.reshape(2, -1))


def test_dropout_only_while_training():
    training = tf.placeholder(tf.bool)
    y = tf.layers.dropout(np.ones([20, 50], "f"), 0.5, training=training)
    assert y.eval({training: False}).min() == 1
    assert set(np.unique(y.eval({training: True}))) == {0.0, 2.0}


@pytest.mark.parametrize("values, fused", [(X, None), (IMAGES, None), (IMAGES, False)])
@pytest.mark.parametrize("known", [True, False])
def test_batches_are_normalized_and_moments_move(session, values, fused, known):
    training = tf.constant(True) if known else tf.placeholder_with_default(True, [])
    y = tf.layers.batch_normalization(values, training=True if known else training, momentum=0.9,
                                      fused=fused)
    over = tuple(range(values.ndim - 1))
    session.run(tf.global_variables_initializer())
    updates = tf.get_collection(tf.GraphKeys.UPDATE_OPS)
    assert len(updates) == 2
    got, _ = session.run([y, updates])
    mean, variance = values.mean(over), values.var(over)
    assert np.allclose(got, (values - mean) / np.sqrt(variance + 1e-3), atol=1e-4)
    moving = {v.op.name.split("/")[1]: session.run(v) for v in tf.global_variables()}
    assert np.allclose(moving["moving_mean"], 0.1 * mean, atol=1e-6)
    count = values.size // values.shape[-1]
    more = count / (count - 1) if values.ndim == 4 and fused is None else 1
    assert np.allclose(moving["moving_variance"], 0.9 + 0.1 * variance * more, atol=1e-5)
    if not known:
        got = session.run(y, {training: False})
        assert np.allclose(got, (values - moving["moving_mean"]) / np.sqrt(
            moving["moving_variance"] + 1e-3), atol=1e-4)
        session.run(updates, {training: False})
        assert np.allclose(session.run("batch_normalization/moving_mean:0"), 0.1 * mean, atol=1e-6)
    assert [v.op.name for v in tf.trainable_variables()] == [
        "batch_normalization/gamma", "batch_normalization/beta"]


def test_normalization_over_the_first_channels():
    images = np.transpose(IMAGES, (0, 3, 1, 2))
    for fused in (None, False):
        y = tf.layers.batch_normalization(images, axis=1, training=True, fused=fused)
        mean, variance = images.mean((0, 2, 3)), images.var((0, 2, 3))
        wanted = (images - mean[:, None, None]) / np.sqrt(variance + 1e-3)[:, None, None]
        assert np.allclose(run(y), wanted, atol=1e-4)


class Scaled(tf.layers.Layer):
    """What a user writes."""

    def __init__(self, by, **kwargs):
        super().__init__(**kwargs)
        self.by = by

    def build(self, input_shape):
        self.weight = self.add_variable("weight", [input_shape[-1].value],
                                        initializer=tf.ones_initializer())
        self.built = True

    def call(self, inputs):
        return inputs * self.weight * self.by


def test_layers_of_ones_own():
    layer = Scaled(3., name="mine")
    y = layer(X)
    assert np.allclose(run(y), 3 * X) and layer.weight.op.name == "mine/weight"
    assert layer.trainable_variables == [layer.weight] and y.op.name == "mine/mul_1"
    assert layer.input.shape.as_list() == [6, 4] and layer.output is y
    frozen = Scaled(2., trainable=False)
    frozen(X)
    assert not frozen.trainable_weights and len(frozen.non_trainable_weights) == 1
    assert len(tf.trainable_variables()) == 1


def test_a_network_learns(session):
    y = np.argmax(IMAGES.sum((1, 2)), 1)
    net = tf.layers.conv2d(IMAGES, 8, 3, padding="same")
    net = tf.nn.relu(tf.layers.batch_normalization(net, training=True))
    net = tf.layers.dense(tf.layers.flatten(tf.layers.max_pooling2d(net, 2, 2)), 3)
    loss = tf.losses.sparse_softmax_cross_entropy(y, net)
    with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS)):
        train = tf.train.AdamOptimizer(0.01).minimize(loss)
    session.run(tf.global_variables_initializer())
    first = session.run(loss)
    for _ in range(20):
        session.run(train)
    assert session.run(loss) < first / 4


def test_what_is_refused():
    with pytest.raises(ValueError, match="expected ndim=4, found ndim=2"):
        tf.layers.conv2d(X, 3, 3)
    with pytest.raises(ValueError, match="last dimension"):
        tf.layers.dense(tf.placeholder(tf.float32, [3, None]), 3)
    with pytest.raises(ValueError, match="padding"):
        tf.layers.conv2d(IMAGES, 3, 3, padding="full")
    with pytest.raises(ValueError, match="kernel_size"):
        tf.layers.conv2d(IMAGES, 3, (1, 2, 3))
    with pytest.raises(TypeError, match="not understood"):
        tf.layers.Dense(3, colour="red")


def test_layers_of_one_name_have_scopes_of_their_own():
    with tf.Graph().as_default():
        x = tf.ones([2, 3])
        names = []
        for _ in range(2):
            layer = tf.layers.Dense(2, name="d")
            names += [layer(x).name, layer.kernel.name, layer(x).name]
        assert names == ["d/BiasAdd:0", "d/kernel:0", "d/BiasAdd_1:0",
                         "d_1/BiasAdd:0", "d_1/kernel:0", "d_1/BiasAdd_1:0"]
        tf.layers.dense(x, 2, name="f")
        with pytest.raises(ValueError, match="f/kernel already exists"):
            tf.layers.dense(x, 2, name="f")
        for wanted in ("g/", "g_1/"):
            made, _ = tf.nn.rnn_cell.GRUCell(3, name="g")(x, x)
            assert made.name.startswith(wanted)


@pytest.mark.parametrize("build, count", [
    (lambda x: tf.layers.conv2d(x, 4, 3), 18), (lambda x: tf.layers.batch_normalization(x), 19),
    (lambda x: tf.layers.batch_normalization(x, training=True), 31),
    (lambda x: tf.losses.mean_squared_error(x, x), 33),
    (lambda x: tf.losses.sigmoid_cross_entropy(x, x), 42)])
def test_layers_and_losses_have_as_many_nodes_as_in_1_15(build, count):
    """Seeds of later operations follow from the number of nodes before them."""
    with tf.Graph().as_default() as graph:
        build(tf.constant(np.ones((2, 6, 6, 3), "f")))
        assert len(graph.get_operations()) == count
