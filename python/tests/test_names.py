# SPDX-License-Identifier: Apache-2.0
"""The operations that each function adds: names, types, inputs and static shapes are TensorFlow
1.15's (golden/names.txt)."""
import os

import numpy as np
import pytest

import thalweg as tf

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden", "names.txt")
# Built otherwise here, with the same result.
OTHERWISE = {
    "tf.bincount([1,1,2])", "tf.assert_equal(C,C)", "tf.assert_rank(C,2)",
    "tf.is_non_decreasing([1,2])",
    # composites of the library add with Add, and stitch with DynamicStitch
    "tf.nn.weighted_cross_entropy_with_logits(labels=C,logits=P,pos_weight=2.)",
    "tf.nn.embedding_lookup([C,C],[1,0])",
    "tf.nn.batch_normalization(C,tf.ones([2]),tf.ones([2]),None,None,1e-3)",
    "tf.nn.batch_normalization(C,tf.ones([2]),tf.ones([2]),tf.ones([2]),tf.ones([2]),1e-3)",
    # one mean instead of a branch for very large tensors; no function with a gradient of its own
    "tf.nn.zero_fraction(C)", "tf.nn.swish(C)",
    # windows that stand apart: the same numbers, one name inside
    "tf.nn.pool(tf.ones([1,8,8,2]),[2,2],\"AVG\",\"VALID\",dilation_rate=[2,2])",
    # layers: sizes that are known are not asked for, nor is a rate of 1 a constant
    "tf.layers.conv2d(tf.ones([1,8,8,2]),3,3)",
    "tf.layers.conv2d(tf.ones([1,8,8,2]),3,[3,3],padding=\"same\",activation=tf.nn.relu,strides=2)",
    "tf.layers.conv1d(tf.ones([1,8,2]),3,3)", "tf.contrib.layers.conv2d(tf.ones([1,8,8,2]),3,3)",
    "tf.layers.conv2d_transpose(tf.ones([1,8,8,2]),3,3,2,\"same\")",
    "tf.layers.separable_conv2d(tf.ones([1,8,8,2]),3,3)",
    "tf.layers.batch_normalization(P)", "tf.layers.batch_normalization(P,training=True)",
    "tf.layers.batch_normalization(tf.ones([2,4,4,3]))",
    "tf.layers.batch_normalization(tf.ones([2,4,4,3]),training=True,name=\"bn\")",
    "tf.layers.batch_normalization(P,training=tf.constant(True))",
    # no images are made of rows for a fused kernel
    "tf.contrib.layers.batch_norm(P)",
    # fewer constants that only say what is known
    "tf.nn.depthwise_conv2d(tf.ones([1,8,8,2]),tf.ones([3,3,2,4]),[1,1,1,1],\"SAME\")",
    "tf.nn.separable_conv2d(tf.ones([1,8,8,2]),tf.ones([3,3,2,4]),tf.ones([1,1,8,3]),[1,1,1,1],"
    "\"SAME\")",
    "tf.nn.conv1d_transpose(tf.ones([1,8,2]),tf.ones([3,4,2]),[1,16,4],2)",
    # dilation is an attribute of the convolution, with nothing dealt out and back
    "tf.nn.atrous_conv2d(tf.ones([1,8,8,2]),tf.ones([3,3,2,4]),2,\"SAME\")",
}


def lines():
    with open(GOLDEN, encoding="utf-8") as file:
        return [line.rstrip("\n").split(" -> ", 1) for line in file if line[0] != "#"]


def shown(result):
    """A tensor's type and shape; a list's parts."""
    if isinstance(result, (list, tuple)):
        return "[" + " ".join(map(shown, result)) + "]"
    if isinstance(result, tf.Tensor):
        return "%s%s" % (result.dtype.name, result.get_shape())
    return "op" if isinstance(result, tf.Operation) else repr(result)


def built(code):
    """What a snippet adds and gives, or the exception that it raises."""
    with tf.Graph().as_default() as graph:
        space = {"tf": tf, "np": np, "C": tf.constant([[1., 2.], [3., 4.]], name="C"),
                 "P": tf.placeholder(tf.float32, [None, 2], name="P"),
                 "I": tf.constant(1, name="I")}
        before = len(graph.get_operations())
        try:
            result = eval(code, space)
        except Exception as error:
            return type(error).__name__, None
        added = ["%s:%s(%s)" % (o.name, o.type, ",".join(i.name.replace(":0", "")
                                                         for i in o.inputs))
                 for o in graph.get_operations()[before:]]
        return " ".join(added), shown(result)


@pytest.mark.parametrize("code, expected", lines(), ids=[line[0] for line in lines()])
def test_function(code, expected):
    added, result = built(code)
    if added == "AttributeError":
        pytest.skip("that name is not there")
    operations, arrow, wanted = expected.rpartition("=> ")
    if not arrow:
        assert added == expected.split()[0]
        return
    assert result == wanted
    if code not in OTHERWISE:
        assert added == operations.strip()
