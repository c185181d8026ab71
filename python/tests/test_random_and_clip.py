# SPDX-License-Identifier: Apache-2.0
"""Initializers, random numbers, clipping."""
import numpy as np
import pytest

import thalweg as tf
from thalweg.ops import init_ops


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default() as made:
        yield made


@pytest.fixture
def session(graph):
    with tf.Session() as made:
        yield made


@pytest.mark.parametrize("initializer, low, high, spread", [
    (tf.zeros_initializer(), 0, 0, 0), (tf.ones_initializer(), 1, 1, 0),
    (tf.constant_initializer(3), 3, 3, 0), (tf.random_uniform_initializer(2, 4), 2, 4, .577),
    (tf.random_normal_initializer(stddev=2.0), -12, 12, 2),
    (tf.truncated_normal_initializer(stddev=2.0), -4, 4, 1.76),
    (tf.uniform_unit_scaling_initializer(), -.1733, .1733, .1),
    (tf.glorot_uniform_initializer(), -.2, .2, .1155),
    (tf.glorot_normal_initializer(), -.27, .27, .1155),
    (tf.variance_scaling_initializer(2.0, "fan_out", "uniform"), -.3465, .3465, .2),
    (tf.variance_scaling_initializer(distribution="untruncated_normal"), -1, 1, .1),
    (init_ops.he_normal(), -.33, .33, .1414), (init_ops.lecun_uniform(), -.1733, .1733, .1)])
def test_spread(session, initializer, low, high, spread):
    value = session.run(initializer([100, 50]))
    assert value.shape == (100, 50) and value.dtype == np.float32
    assert value.min() >= low - 1e-6 and value.max() <= high + 1e-6
    assert value.std() == pytest.approx(spread, rel=.05)
    assert type(initializer).from_config(initializer.get_config()).get_config() == \
        initializer.get_config()


def test_orthogonal(session):
    for shape in ([4, 6], [6, 4], [3, 2, 4]):
        q = session.run(tf.orthogonal_initializer(2.0)(shape)).reshape(-1, shape[-1])
        small = q @ q.T if q.shape[0] < q.shape[1] else q.T @ q
        assert np.allclose(small, 4 * np.eye(len(small)), atol=1e-5)
    kernel = session.run(init_ops.convolutional_delta_orthogonal()([3, 3, 2, 4]))
    assert np.allclose(kernel[1, 1] @ kernel[1, 1].T, np.eye(2), atol=1e-5)
    assert abs(kernel).sum() == pytest.approx(abs(kernel[1, 1]).sum())
    with pytest.raises(ValueError, match="two-dimensional"):
        tf.orthogonal_initializer()([3])
    assert session.run(init_ops.identity_initializer(3.0)([2, 3])).tolist() == [[3, 0, 0],
                                                                                [0, 3, 0]]


def test_types_are_checked():
    with pytest.raises(ValueError, match="Expected floating point type"):
        tf.random_normal_initializer(dtype=tf.int32)
    with pytest.raises(TypeError, match="Invalid type for initial value"):
        tf.constant_initializer(tf.constant(1.0))
    with pytest.raises(ValueError, match="Invalid `mode`"):
        tf.variance_scaling_initializer(mode="sideways")
    with pytest.raises(ValueError, match="Must specify maxval"):
        tf.random_uniform([2], dtype=tf.int32)
    with pytest.raises(ValueError, match="Invalid dtype"):
        tf.random_uniform([2], dtype=tf.string)


def test_seeds():
    def draw(graph_seed, seed):
        with tf.Graph().as_default(), tf.Session() as s:
            if graph_seed is not None:
                tf.set_random_seed(graph_seed)
            return s.run(tf.random_normal([4], seed=seed)).tolist()
    assert draw(1, None) == draw(1, None) != draw(2, None)
    assert draw(None, 5) == draw(None, 5) != draw(1, 5)
    assert draw(None, None) != draw(None, None)


def test_distributions(session, graph):
    whole = session.run(tf.random_uniform([1000], 3, 7, tf.int64))
    assert set(whole) == {3, 4, 5, 6}
    assert sorted(session.run(tf.random_shuffle(tf.range(20)))) == list(range(20))
    crop = session.run(tf.random_crop(tf.reshape(tf.range(64), [8, 8]), [3, 2]))
    assert crop.shape == (3, 2) and (np.diff(crop, axis=0) == 8).all()
    drawn = session.run(tf.multinomial([[0., 0., -50.]], 200))
    assert drawn.shape == (1, 200) and set(drawn[0]) == {0, 1}
    names = [op.name for op in tf.random_normal([2]).graph.get_operations()][-6:]
    assert names == ["random_normal/shape", "random_normal/mean", "random_normal/stddev",
                     "random_normal/RandomStandardNormal", "random_normal/mul", "random_normal"]


def test_clipping(session):
    x = tf.constant([3.0, 0.0, -4.0])
    assert session.run(tf.clip_by_value(x, -1, 1)).tolist() == [1, 0, -1]
    assert session.run(tf.clip_by_norm(x, 1.0)) == pytest.approx([.6, 0, -.8])
    assert session.run(tf.clip_by_norm([[3., 4.], [0., 1.]], 1., axes=[1])).tolist() == \
        pytest.approx(np.array([[.6, .8], [0, 1]]))
    assert session.run(tf.clip_by_average_norm(x, 1.0)) == pytest.approx([1.8, 0, -2.4])
    slices = tf.IndexedSlices(tf.constant([[12.0]]), tf.constant([1]), tf.constant([2, 1]))
    clipped, norm = tf.clip_by_global_norm([x, None, slices], 1.3)
    assert clipped[1] is None and clipped[2].indices is slices.indices
    values = session.run([clipped[0], clipped[2].values, norm])
    assert values[0] == pytest.approx([.3, 0, -.4]) and values[1][0] == pytest.approx([1.2])
    assert values[2] == 13
    assert session.run(tf.global_norm([x])) == 5
    with pytest.raises(TypeError, match="should be a sequence"):
        tf.global_norm(x)
    with pytest.raises(ValueError):
        tf.clip_by_value(x, [[1.0, 2.0, 3.0]], 3.0)


def test_clippings_nodes_are_named_as_in_1_15(session):
    b = tf.placeholder(tf.float32, [3], name="b")
    clipped, _ = tf.clip_by_global_norm([None, b, None, b], 5.0)
    assert [None if c is None else c.name for c in clipped] == [
        None, "clip_by_global_norm/clip_by_global_norm/_1:0", None,
        "clip_by_global_norm/clip_by_global_norm/_3:0"]
    tf.clip_by_average_norm(b, 1.0)
    kept = [op.name[len("clip_by_average_norm/"):] for op in b.graph.get_operations()
            if op.name.startswith("clip_by_average_norm/")]
    assert kept == ["Size", "Cast", "mul", "Rank", "range/start", "range/delta", "range", "Sum",
                    "Rsqrt", "mul_1/y", "mul_1", "mul_2", "Const", "truediv/y", "truediv",
                    "Minimum", "mul_3"]


def test_what_is_drawn_of_gamma_moves_with_its_parameter():
    """The numbers and their derivatives are those of TensorFlow 1.15."""
    with tf.Graph().as_default(), tf.Session() as session:
        tf.set_random_seed(1)
        alpha = tf.constant([.5, 2., 7.])
        y = tf.random_gamma([4], alpha, seed=3)
        drawn, slope = session.run([y, tf.gradients(y * y, alpha)[0]])
    assert np.allclose(drawn[0], [1.1771568, 2.3397233, 11.833852])
    assert np.allclose(slope, [12.419061, 24.586464, 65.52008], rtol=1e-5)


def test_classes_are_drawn_in_one_scope():
    with tf.Graph().as_default():
        assert tf.multinomial([[0.0]], 1).op.name == "multinomial/Multinomial"
        assert tf.random.categorical([[0.0]], 1).op.name == "categorical/Multinomial"
