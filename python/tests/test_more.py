# SPDX-License-Identifier: Apache-2.0
"""Functions that are made of others, measures of the k best, and what shows and reads values: the
numbers and texts are those of TensorFlow 1.15."""
import sys

import numpy as np
import pytest

import thalweg as tf

METRICS = tf.metrics


@pytest.fixture(autouse=True)
def session():
    with tf.Graph().as_default(), tf.Session() as session:
        yield session


def test_elements_repeated_and_found(session):
    def run(tensor):
        return session.run(tensor).tolist()
    assert run(tf.repeat([1, 2, 3], [2, 0, 3])) == [1, 1, 3, 3, 3]
    assert run(tf.repeat([[1, 2], [3, 4]], [1, 2], axis=0)) == [[1, 2], [3, 4], [3, 4]]
    assert run(tf.repeat([[1, 2], [3, 4]], 2, axis=-1)) == [[1, 1, 2, 2], [3, 3, 4, 4]]
    assert run(tf.unravel_index([22, 41, 37], (7, 6))) == [[3, 6, 6], [4, 5, 1]]
    assert run(tf.unravel_index(1621, (6, 7, 8, 9))) == [3, 1, 4, 1]
    assert run(tf.searchsorted([1, 3, 3, 5], [0, 1, 3, 4, 9])) == [0, 0, 1, 3, 4]
    assert run(tf.searchsorted([1, 3, 3, 5], [0, 1, 3, 4, 9], side="right")) == [0, 1, 3, 3, 4]
    assert run(tf.histogram_fixed_width([-1., 0., 1.5, 2., 5., 15.], [0., 5.], 5)) == [
        2, 1, 1, 0, 2]
    assert run(tf.tensor_scatter_add([1., 2., 3.], [[1], [1]], [5., 6.])) == [1, 13, 3]
    assert run(tf.math.polyval([1., 2., 3.], [1., 2.])) == [6, 11]
    assert run(tf.math.reciprocal_no_nan([2., 0.])) == [.5, 0]


def test_numbers_of_a_seed_alone(session):
    one, other = (session.run(tf.random.stateless_uniform([3], [1, seed], 1., 2.))
                  for seed in (2, 3))
    again = session.run(tf.random.stateless_uniform([3], [1, 2], 1., 2.))
    assert (one == again).all() and (one != other).all() and (1 <= one).all() and (one < 2).all()
    with pytest.raises(ValueError, match="maxval"):
        tf.random.stateless_uniform([3], [1, 2], dtype=tf.int32)


def test_boxes_with_scores(session):
    boxes = [[0., 0, 1, 1], [0, 0, 1, .9], [2, 2, 3, 3], [2, 2, 3, 2.3]]
    chosen, scores = session.run(tf.image.non_max_suppression_with_scores(
        boxes, [.5, .75, .2, .1], 4, soft_nms_sigma=.5))
    assert chosen.tolist() == [1, 2, 3]  # box 0 shares more than half
    assert np.allclose(scores, [.75, .2, .1 * np.exp(-.09)])
    assert session.run(tf.image.non_max_suppression_overlaps(
        [[1., .6], [.6, 1.]], [.2, .7], 5)).tolist() == [1]


def test_lines_of_fields(session):
    numbers, texts = session.run(tf.decode_csv(["1,a", "2,"], [[0.], ["d"]]))
    assert numbers.tolist() == [1, 2] and texts.tolist() == [b"a", b"d"]
    with pytest.raises(ValueError, match="strictly increasing"):
        tf.io.decode_csv(["1,2"], [[0.], [0.]], select_cols=[1, 0])
    with pytest.raises(tf.errors.InvalidArgumentError, match="Field 0 is required"):
        session.run(tf.decode_csv([",2"], [tf.constant([], tf.float32), [0.]]))


def test_regular_expressions(session):
    texts = tf.constant(["ab12", "c3"])
    pattern = tf.placeholder_with_default("[0-9]+", [])
    for p in ("[0-9]+", pattern):
        assert session.run(tf.strings.regex_replace(texts, p, r"<\0>")).tolist() == [
            b"ab<12>", b"c<3>"]
        assert session.run(tf.strings.regex_full_match(texts, p)).tolist() == [False, False]
    with pytest.raises(tf.errors.InvalidArgumentError, match="Invalid pattern"):
        session.run(tf.regex_replace(texts, "(", ""))


@pytest.mark.parametrize("tensor, text", [
    (lambda: tf.constant([1, 2, 3]), "[1 2 3]"), (lambda: tf.constant("x"), '"x"'),
    (lambda: tf.range(10), "[0 1 2 ... 7 8 9]"),
    (lambda: tf.constant([[1.5, 2], [3, 1e10]]), "[[1.5 2]\n [3 1e+10]]"),
    (lambda: tf.zeros([2, 1, 2]), "[[[0 0]]\n\n [[0 0]]]"),
    (lambda: tf.constant([True, False]), "[1 0]")])
def test_tensors_as_texts(session, tensor, text):
    assert session.run(tf.strings.format("{}", tensor())).decode() == text


def test_print(session, capsys):
    one = tf.constant([1, 2, 3])
    session.run(tf.print("x:", one, tf.constant(2.5)))
    session.run(tf.print([one, "a"], {"k": tf.constant("b")}, sep="|", end="END\n"))
    assert capsys.readouterr().err == "x: [1 2 3] 2.5\n[[1 2 3], 'a']|{'k': \"b\"}END\n"
    with tf.control_dependencies([tf.print(one, output_stream=sys.stdout)]):
        session.run(tf.identity(one))
    assert capsys.readouterr().out == "[1 2 3]\n"
    with pytest.raises(ValueError, match="Unrecognized keyword"):
        tf.print(one, colour=3)


def test_functions_of_values_that_know_numpy(session):
    made = tf.py_function(lambda a: [a.numpy() * 2, a.numpy().sum()], [tf.constant([1., 2.])],
                          [tf.float32, tf.int32])
    doubled, total = session.run(made)
    assert doubled.tolist() == [2, 4] and total == 3 and total.dtype == np.int32


PREDICTIONS = np.array([[.1, .7, .2], [.3, .1, .6], [.5, .4, .1]], "f")
LABELS = np.array([[1, 2], [0, 0], [2, 1]])


@pytest.mark.parametrize("make, wanted", [
    (lambda: METRICS.recall_at_k(LABELS, PREDICTIONS, 1), 1 / 5),
    (lambda: METRICS.recall_at_k(LABELS, PREDICTIONS, 2), 4 / 5),
    (lambda: METRICS.recall_at_k(LABELS, PREDICTIONS, 2, class_id=2), 1 / 2),
    (lambda: METRICS.recall_at_k(LABELS, PREDICTIONS, 2, weights=[1., 0., 1.]), 3 / 4),
    (lambda: METRICS.precision_at_k(LABELS, PREDICTIONS, 2), 4 / 6),
    (lambda: METRICS.precision_at_top_k(LABELS, [[1], [2], [0]], 1), 1 / 3),
    (lambda: METRICS.average_precision_at_k(LABELS, PREDICTIONS, 2), (1 + 1 / 2 + 1 / 4) / 3),
    (lambda: METRICS.recall_at_k(tf.SparseTensor([[0, 0], [2, 1]], tf.constant([1, 2], tf.int64),
                                                 [3, 2]), PREDICTIONS, 1), 1 / 2)])
def test_measures_of_the_k_best(session, make, wanted):
    value, update = make()
    session.run(tf.local_variables_initializer())
    assert session.run(value) == 0
    for _ in range(2):
        assert np.allclose(session.run(update), wanted)
    assert np.allclose(session.run(value), wanted)


def test_derivatives_through_py_function_are_refused_unless_they_are_said():
    with tf.Graph().as_default(), tf.Session() as session:
        x = tf.constant(3.0)
        y = tf.py_function(lambda v: v.numpy() ** 2, [x], tf.float32)
        assert session.run(y) == 9
        with pytest.raises(LookupError, match="custom_gradient"):
            tf.gradients(y, x)

        @tf.custom_gradient
        def square(v):
            return tf.py_function(lambda a: a.numpy() ** 2, [v], tf.float32), lambda d: 2.0 * v * d
        assert session.run(tf.gradients(square(x), x)) == [6]


def test_what_is_no_function_is_refused_as_one():
    with tf.Graph().as_default(), pytest.raises(ValueError, match="Expected func to be callable"):
        tf.py_func(3, [1], tf.int32)


def test_names_of_contrib_framework():
    with tf.Graph().as_default(), tf.name_scope("a"):
        framework = tf.contrib.framework
        sparse = tf.SparseTensor([[0]], [1.0], [2])
        assert framework.get_name_scope() == "a" and framework.is_tensor(sparse)
        assert framework.convert_to_tensor_or_sparse_tensor(sparse) is sparse
        assert framework.get_graph_from_inputs([sparse.values]) is tf.get_default_graph()
        assert framework.assert_same_float_dtype([sparse.values]) == tf.float32
        assert framework.strip_name_scope("a/b", "a") == "b"
        assert tf.spectral.dct is tf.signal.dct
