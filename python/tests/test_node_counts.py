# SPDX-License-Identifier: Apache-2.0
"""As many nodes count as TensorFlow 1.15.5 makes: an operation without a seed of its own gets its
seed from that number. The numbers are TensorFlow's answers."""
import numpy as np
import pytest

import thalweg as tf

# a function of x [4, 3], then how many nodes its first gradient makes with a known shape, the
# second one, and one where the first size is not known
GRADIENTS = [
    ("sum", tf.reduce_sum, 7, 7, 7),
    ("sum0", lambda x: tf.reduce_sum(x, 0), 24, 7, 19),
    ("mean", tf.reduce_mean, 9, 9, 18),
    ("mean1", lambda x: tf.reduce_mean(x, [1]), 26, 9, 30),
    ("max", tf.reduce_max, 22, 22, 22),
    ("prod", tf.reduce_prod, 52, 52, 52),
    ("variance", lambda x: tf.nn.moments(x, [0])[1], 40, 20, 44),
    ("l2_normalize", lambda x: tf.nn.l2_normalize(x, 1), 51, 31, 46),
    ("add", lambda x: x + 1., 10, 7, 10),
    ("subtract", lambda x: 1. - x, 11, 8, 11),
    ("multiply", lambda x: 2. * x, 12, 9, 12),
    ("divide", lambda x: x / 2., 15, 15, 15),
    ("power", lambda x: x ** 2, 26, 23, 26),
    ("power of itself", lambda x: x ** x, 23, 20, 27),
    ("maximum", lambda x: tf.maximum(x, 0.), 16, 16, 16),
    ("floormod", lambda x: tf.floormod(x, 2.), 13, 13, 13),
    ("softplus", tf.nn.softplus, 5, 5, 5),
    ("sign", tf.sign, 6, 6, 6),
    ("concat", lambda x: tf.concat([x, x], 0), 11, 11, 11),
    ("tile", lambda x: tf.tile(x, [2, 1]), 15, 15, 15),
    ("gather 1", lambda x: tf.gather(x, [0, 1], axis=1), 58, 58, 58),
    ("top_k", lambda x: tf.nn.top_k(x, 2)[0], 46, 46, 46),
    ("segments", lambda x: tf.segment_sum(x, [0, 0, 1, 2]), 5, 5, 5),
    ("stitch", lambda x: tf.dynamic_stitch([[0, 1, 2, 3]], [x]), 5, 5, 5),
    ("entropy", lambda x: tf.nn.softmax_cross_entropy_with_logits_v2(
        labels=tf.ones([4, 3]), logits=x), 16, 16, 16),
    ("sparse entropy", lambda x: tf.nn.sparse_softmax_cross_entropy_with_logits(
        labels=[1, 2, 0, 1], logits=x), 8, 8, 8),
    ("mean squared error", lambda x: tf.losses.mean_squared_error(tf.ones([4, 3]), x),
     37, 34, (44, 41)),
    ("cond", lambda x: tf.cond(tf.placeholder(tf.bool, []), lambda: x * 2, lambda: x), 26, 23, 26),
    ("broadcast_to", lambda x: tf.broadcast_to(x, [2, 4, 3]), 7, 7, 7),
    ("determinant", lambda x: tf.matrix_determinant(tf.matmul(x, x, transpose_b=True)),
     14, 14, 14),
]


@pytest.mark.parametrize("function,first,second,unknown", [row[1:] for row in GRADIENTS],
                         ids=[row[0] for row in GRADIENTS])
def test_gradients_count_as_many_nodes_as_in_tensorflow(function, first, second, unknown):
    unknown = unknown if isinstance(unknown, tuple) else (unknown, unknown)
    for shape, wanted in (([4, 3], (first, second)), ([None, 3], unknown)):
        with tf.Graph().as_default() as graph:
            x = tf.placeholder(tf.float32, shape)
            y = function(x)
            before = graph._last_id
            tf.gradients(y, [x])
            between = graph._last_id
            tf.gradients(y, [x])
            assert (between - before, graph._last_id - between) == wanted


def image():
    return tf.placeholder(tf.float32, [6, 6, 3])


def images():
    return tf.placeholder(tf.float32, [None, 6, 6, 3])


def rows():
    return tf.placeholder(tf.float32, [None, 5])


def step():
    return tf.train.get_or_create_global_step()


def variable():
    return tf.get_variable("v", [2, 2])


def minimized(optimizer):
    return optimizer.minimize(tf.reduce_sum(tf.square(variable())))


BUILT = [
    ("piecewise_constant", lambda: tf.train.piecewise_constant(step(), [1, 2], [1., 2., 3.]), 62),
    ("moving averages", lambda: tf.train.ExponentialMovingAverage(.9).apply([variable()]), 41),
    ("polynomial_decay", lambda: tf.train.polynomial_decay(.1, step(), 5), 19),
    ("natural_exp_decay", lambda: tf.train.natural_exp_decay(.1, step(), 5, .9), 14),
    ("linear_cosine_decay", lambda: tf.train.linear_cosine_decay(.1, step(), 5), 29),
    ("conv2d_transpose", lambda: tf.layers.conv2d_transpose(images(), 4, 3, 2), 44),
    ("conv2d_transpose same", lambda: tf.layers.conv2d_transpose(
        images(), 4, 3, 2, "same", activation=tf.nn.relu), 41),
    ("separable", lambda: tf.layers.separable_conv2d(images(), 4, 3), 30),
    ("depthwise alone", lambda: tf.contrib.layers.separable_conv2d(images(), None, 3, 1), 20),
    ("dilated", lambda: tf.layers.conv2d(images(), 4, 3, dilation_rate=2), 28),
    ("atrous", lambda: tf.nn.atrous_conv2d(images(), tf.ones([3, 3, 3, 1]), 2, "SAME"), 15),
    ("batch_normalization of rows", lambda: tf.layers.batch_normalization(
        rows(), training=tf.placeholder(tf.bool, [])), 74),
    ("batch_norm of rows", lambda: tf.contrib.layers.batch_norm(rows()), 29),
    ("unit_norm", lambda: tf.contrib.layers.unit_norm(images(), 3), 20),
    ("softmax along 1", lambda: tf.nn.softmax(images(), 1), 32),
    ("huber", lambda: tf.losses.huber_loss(rows(), rows()), 44),
    ("hinge", lambda: tf.losses.hinge_loss(rows(), rows()), 42),
    ("weighted", lambda: tf.losses.mean_squared_error(
        rows(), rows(), weights=tf.placeholder(tf.float32, [None, 1])), 149),
    ("keeps all", lambda: tf.nn.dropout(images(), keep_prob=1.), 1),
    ("flip", lambda: tf.image.random_flip_left_right(image()), 20),
    ("contrast", lambda: tf.image.random_contrast(image(), .3, .4), 10),
    ("hue", lambda: tf.image.random_hue(image(), .3), 10),
    ("crop or pad", lambda: tf.image.resize_image_with_crop_or_pad(image(), 3, 9), 15),
    ("categorical", lambda: tf.distributions.Categorical(
        logits=tf.placeholder(tf.float32, [None, 3])).sample(), 27),
    ("categorical log_prob", lambda: tf.distributions.Categorical(
        logits=tf.placeholder(tf.float32, [None, 3])).log_prob([1]), 29),
    ("normal", lambda: tf.distributions.Normal(
        tf.placeholder(tf.float32, [2]), tf.placeholder(tf.float32, [2])).sample(), 24),
    ("value", lambda: tf.get_variable("o", initializer=[1., 2.]), 4),
    ("descent", lambda: minimized(tf.train.GradientDescentOptimizer(.1)), 26),
    ("adam", lambda: minimized(tf.train.AdamOptimizer(.1)), 49),
    ("momentum", lambda: minimized(tf.train.MomentumOptimizer(.1, .9)), 31),
    ("rmsprop", lambda: minimized(tf.train.RMSPropOptimizer(.1)), 37),
]


@pytest.mark.parametrize("build,wanted", [row[1:] for row in BUILT], ids=[r[0] for r in BUILT])
def test_what_is_built_counts_as_many_nodes_as_in_tensorflow(build, wanted):
    with tf.Graph().as_default() as graph:
        build()
        assert graph._last_id == wanted


def test_numbers_drawn_after_a_gradient_are_tensorflows():
    with tf.Graph().as_default(), tf.Session() as session:
        tf.set_random_seed(3)
        x = tf.get_variable("x", [3, 2])
        loss = tf.reduce_mean(tf.square(tf.matmul(tf.ones([4, 3]), x) - 1.))
        tf.train.AdamOptimizer(.1).minimize(loss)
        drawn = session.run(tf.random_normal([3]))
    np.testing.assert_allclose(drawn, [0.55724567, 0.07282413, -0.37459853], rtol=1e-5)
