# SPDX-License-Identifier: Apache-2.0
"""Arguments in the order, and under the names, of older versions (compat/levels_orders.py)."""
import importlib
import inspect
import os
import subprocess
import sys
import textwrap

import pytest

import thalweg as tf
from thalweg.compat import levels, orders
from thalweg.framework import gen_ops

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(tf.__file__)))


def printed(level, code):
    """The lines that a program of a level prints."""
    start = "import thalweg.compat as c; c.install(api=%r)\nimport tensorflow as tf\n" % (level,)
    env = dict(os.environ, PYTHONPATH=ROOT + os.pathsep + os.environ.get("PYTHONPATH", ""))
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", start + textwrap.dedent(code)],
                          env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def found(definition):
    module, _, name = definition.rpartition(".")
    if module == "ops.gen_ops":  # functions of single ops
        return gen_ops.function(name)
    return getattr(importlib.import_module("thalweg." + module), name)


@pytest.mark.parametrize("definition", sorted(levels.orders()))
def test_rows_name_what_is_there(definition):
    thing = found(definition)
    parameters = inspect.signature(thing).parameters
    rows = levels.orders()[definition]
    assert [until for until, _ in rows] == sorted(until for until, _ in rows)
    for _, words in rows:
        order = orders.positions(thing, words)
        assert order and set(order) <= set(parameters), (definition, words)
        assert {w[1:] for w in words.split() if w[0] == "-"} <= set(parameters), (definition, words)


CALLS_0_12 = """
    a, k, q, yes = tf.ones([1, 4, 4, 1]), tf.ones([2, 2, 1, 1]), tf.ones([2, 2]), tf.constant(True)
    one, two = lambda: tf.constant(1), lambda: tf.constant(2)
    print(tf.cond(yes, one, two, "c1").name, tf.cond(pred=yes, fn1=one, fn2=two, name="c2").name)
    print(tf.case([(yes, one)], two, False, "c3").name)
    print(tf.nn.conv2d(a, k, [1, 1, 1, 1], "SAME", True, "NHWC", "c4").name)
    print(tf.nn.depthwise_conv2d(a, k, [1, 1, 1, 1], "SAME", "c5").name)
    print(tf.scan(lambda x, y: x + y, q, None, 10, True, False, True, "c6").name.split("/")[0])
    print(tf.arg_max(q, 1, "c7").name, tf.equal(q, q, "c8").name)
    print(tf.train.ExponentialMovingAverage(0.5, None, "c9")._name)
    with tf.Session() as s:
        print(s.run(tf.pack([tf.reverse_v2([1, 2], [0]), tf.concat_v2([[1], [2]], 0)])).tolist())
        print([v.tolist() for v in s.run(tf.split_v([1, 2, 3], [1, 2], 0))])
        print(s.run(tf.contrib.losses.mean_squared_error(q, targets=q * 2, weight=2.0)))
        print(s.run(tf.nn.log_poisson_loss(q * 0, q * 2)).tolist()[0])
        matrix = tf.contrib.metrics.confusion_matrix
        print(s.run(matrix(predictions=[1, 0], labels=[1, 1])).tolist())
"""


def test_calls_as_0_12_had_them():
    assert printed("0.12", CALLS_0_12) == [
        "c1/Merge:0 c2/Merge:0", "c3/cond/Merge:0", "c4:0", "c5:0", "c6", "c7:0 c8:0", "c9",
        "[[2, 1], [1, 2]]", "[[1], [2, 3]]", "2.0", "[1.0, 1.0]", "[[0, 1], [0, 1]]"]


def test_calls_as_0_7_had_them():
    code = """
    import inspect
    q = tf.ones([2, 2])
    edges = [[1, 1], [0, 0]]
    print(tf.pad(input=q, paddings=edges).get_shape(), tf.pad(q, edges, "p").name)
    print(tf.clip_by_norm(q, 1.0, "n").name, tf.nn.bias_add(q, [1.0, 2.0], "b").name)
    print(tf.unique([1, 1], "u")[0].name, tf.py_func(lambda x: x, [q], [tf.float32], "f")[0].name)
    print(tf.range(0, 3, 1, "r").name, tf.matrix_inverse(q, "i").name, tf.where(input=q > 0).dtype)
    print(tf.image.saturate_cast([300.0], tf.uint8).dtype)
    print(inspect.signature(tf.pad), inspect.signature(tf.cond))
    try:
        tf.clip_by_norm(q, 1.0, "n", None)
    except TypeError as error:
        print(error)
    try:
        tf.clip_by_norm(q, 1.0, t=q)
    except TypeError as error:
        print(error)
    """
    assert printed("0.7", code) == [
        "(4, 2) p:0", "n:0 b:0", "u:0 f:0", "r:0 i:0 <dtype: 'int64'>",
        "<dtype: 'uint8'>",
        "(input, paddings, name=None) (pred, true_fn=None, false_fn=None, name=None, fn1=None, "
        "fn2=None)",
        "clip_by_norm() takes 3 positional arguments but 4 were given",
        "clip_by_norm() got multiple values for argument 't'"]


def test_calls_as_versions_between_had_them():
    code = """
    q = tf.ones([2, 2])
    zeros = tf.zeros_initializer()
    made = tf.layers.dense(q, 3, None, True, None, zeros, None, None, None, True, "d")
    print(made.name, isinstance(tf.TensorArray(tf.float32, 2), tf.TensorArray))
    class Mine(tf.train.ExponentialMovingAverage):
        pass
    print(Mine(0.5).apply([tf.Variable(1.0)]) is not None)
    """
    newest = code.replace('None, True, "d"', 'name="d"')
    assert printed("1.0", code) == printed("1.15", newest) == ["d/BiasAdd:0 True", "True"]


def test_without_a_level_a_name_in_another_place_tells():
    with tf.Graph().as_default():
        yes = tf.constant(True)
        with pytest.warns(UserWarning, match=r"cond\(\) is called as before version 1.2") as seen:
            made = tf.cond(yes, lambda: 1, lambda: 2, "x")
        assert made.name == "x/Merge:0" and seen[0].filename == __file__
        with pytest.warns(UserWarning, match="before version 1.0") as seen:
            average = tf.train.ExponentialMovingAverage(0.5, None, "average")
        assert average._name == "average" and seen[0].filename == __file__
        with pytest.warns(UserWarning, match="before version 0.8"):
            assert tf.pad(input=[1], paddings=[[1, 1]]).shape == (3,)
        assert isinstance(average, tf.train.ExponentialMovingAverage)


def test_gather_is_the_older_op_before_1_5():
    code = """
    table = tf.Variable([[1.0, 2.0], [3.0, 4.0]])
    rows = tf.gather(table, [1], True, "rows")
    print(rows.op.type, rows.name, type(tf.gradients(rows, table)[0]).__name__)
    print(tf.gather(table, [1], axis=1).op.type)
    with tf.Session() as s:
        s.run(table.initializer)
        print(s.run(rows).tolist())
    """
    for level, op in (("1.4", "Gather"), ("1.15", "GatherV2")):
        assert printed(level, code) == [op + " rows:0 IndexedSlices", "GatherV2", "[[3.0, 4.0]]"]
