# SPDX-License-Identifier: Apache-2.0
"""Values as arrays, TensorProtos and constants, by TensorFlow's rules (golden/constants.txt)."""
import os
import warnings

import numpy as np
import pytest

import thalweg as tf
from thalweg.framework import tensor_util

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden", "constants.txt")


def lines():
    with open(GOLDEN, encoding="utf-8") as file:
        for line in file:
            if line[0] != "#":
                case, expected = line.rstrip("\n").split(" -> ", 1)
                value, dtype = case.rsplit(" | ", 1)
                yield value, None if dtype == "None" else dtype, expected


@pytest.mark.parametrize("value, dtype, expected", list(lines()))
def test_value(value, dtype, expected):
    made = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            proto = tensor_util.make_tensor_proto(eval(value), dtype=dtype)
            array = tensor_util.MakeNdarray(proto)
        except Exception as error:
            made = type(error).__name__
    if made is None:
        wanted, _, wanted_proto = expected.partition(" | ")
        assert "%s %s %s" % (array.dtype, array.shape, array.tolist()) == wanted
        if wanted_proto:
            assert str(proto).replace("\n", " ").strip() == wanted_proto
    else:
        assert made == expected


@pytest.mark.parametrize("call, text", [
    (lambda: tf.constant([[1, 2], [3]]), "must be a dense tensor"),
    (lambda: tf.constant([1, 2, 3], shape=[2]), "Needed at most 2, but received 3"),
    (lambda: tf.constant(None), "None values not supported"),
    (lambda: tf.constant(1.5, tf.int32), "Expected int32, got 1.5 of type 'float' instead."),
    (lambda: tf.constant([1, 2], shape=[3], verify_shape=True), r"Expected Tensor's shape: \(3,\)"),
    (lambda: tf.convert_to_tensor(tf.TensorShape([None])), "partially known"),
    (lambda: tf.convert_to_tensor(tf.Dimension(None)), "unknown Dimension"),
    (lambda: tf.constant(np.zeros(1 << 29, np.float32)), "larger than 2GB")])
def test_what_no_constant_can_be(call, text):
    with pytest.raises((TypeError, ValueError), match=text):
        call()


@pytest.mark.parametrize("call, kind, text", [
    (lambda: tf.zeros([2, None]), TypeError, "Expected int32, got None of type 'NoneType'"),
    (lambda: tf.ones((None,)), TypeError, "Expected int32, got None of type 'NoneType'"),
    (lambda: tf.zeros(tf.TensorShape([2, None])), ValueError, "partially known"),
    (lambda: tf.zeros([[1]]), ValueError, "rank 1")])
def test_what_no_shape_of_zeros_can_be(call, kind, text):
    with tf.Graph().as_default(), pytest.raises(kind, match=text):
        call()


def values(tensor):
    with tf.Session(graph=tensor.graph) as session:
        return session.run(tensor).tolist()


def test_a_shape_is_filled_with_the_last_value():
    with tf.Graph().as_default():
        assert values(tf.constant([1, 2, 3], shape=[2, 3])) == [[1, 2, 3], [3, 3, 3]]
        assert values(tf.constant("a", shape=[2])) == [b"a", b"a"]
        assert values(tf.constant(0.0, shape=[1, 0])) == [[]]
        assert values(tf.constant([b"\0\0", b"a\0"])) == [b"\0\0", b"a\0"]


def test_tensors_in_lists_are_packed():
    with tf.Graph().as_default():
        one = tf.constant(1)
        assert values(tf.convert_to_tensor([[one, 2], [3, one]])) == [[1, 2], [3, 1]]
        assert tf.convert_to_tensor([one, 2], dtype=tf.float32).dtype == tf.float32
        assert tf.convert_to_tensor(tf.TensorShape([2, 3])).dtype == tf.int32


def test_the_value_of_a_tensor_while_building():
    with tf.Graph().as_default():
        x = tf.placeholder(tf.float32, [None, 3])
        assert tensor_util.constant_value(tf.constant([1, 2]) + 1).tolist() == [2, 3]
        assert tensor_util.constant_value(x) is None
        assert tensor_util.constant_value_as_shape(tf.shape(x)).as_list() == [None, 3]
        assert tensor_util.constant_value_as_shape(
            tf.stack([tf.shape(x)[0], 4])).as_list() == [None, 4]
        assert tensor_util.constant_value_as_shape(tf.placeholder(tf.int32, [2])).ndims == 2
        assert tf.range(3.0).get_shape().as_list() == [3]
