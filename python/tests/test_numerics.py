# SPDX-License-Identifier: Apache-2.0
"""Checks of all numbers of a graph."""
import pytest

import thalweg as tf


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default() as made:
        yield made


def test_a_checked_tensor_is_the_tensor_or_an_error():
    x = tf.placeholder(tf.float32, [2])
    checked = tf.verify_tensor_all_finite(x, "what I divided")
    with tf.Session() as s:
        assert s.run(checked, {x: [1, 2]}).tolist() == [1, 2]
        with pytest.raises(tf.errors.InvalidArgumentError, match="what I divided"):
            s.run(checked, {x: [1, float("nan")]})


def test_all_tensors_of_a_graph_are_checked_in_order():
    x = tf.placeholder(tf.float32, [], name="x")
    tf.sqrt(1 / x, name="root")
    tf.constant(3)
    check = tf.add_check_numerics_ops()
    with tf.Session() as s:
        s.run(check, {x: 2})
        with pytest.raises(tf.errors.InvalidArgumentError, match="truediv:0"):
            s.run(check, {x: 0})


def test_loops_are_refused():
    tf.while_loop(lambda i: i < 3, lambda i: i + 1, [tf.constant(0.0)])
    with pytest.raises(ValueError, match="not compatible"):
        tf.add_check_numerics_ops()
