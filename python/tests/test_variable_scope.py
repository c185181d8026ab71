# SPDX-License-Identifier: Apache-2.0
"""Variable scopes: names, sharing, defaults, getters, parts, templates."""
import numpy as np
import pytest

import thalweg as tf
from thalweg.ops import variable_scope as vs


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default() as made:
        yield made


def test_names_and_sharing():
    with tf.variable_scope("a") as a:
        v = tf.get_variable("v", [2])
        with tf.variable_scope("b"):
            assert tf.get_variable("v", [2]).name == "a/b/v:0"
        with pytest.raises(ValueError, match="Variable a/v already exists"):
            tf.get_variable("v", [2])
        a.reuse_variables()
        assert tf.get_variable("v", [2]) is v
    with tf.variable_scope(a, reuse=True), tf.variable_scope("b"):
        assert tf.get_variable_scope().reuse and tf.get_variable("v").name == "a/b/v:0"
        with pytest.raises(ValueError, match="a/b/new does not exist"):
            tf.get_variable("new", [1])
        with pytest.raises(ValueError, match=r"specified shape \(3,\) and found shape \(2,\)"):
            tf.get_variable("v", [3])
        with pytest.raises(ValueError, match="specified dtype int32 and found dtype float32"):
            tf.get_variable("v", [2], tf.int32)
    with tf.variable_scope("a", reuse=tf.AUTO_REUSE):
        assert tf.get_variable("v", [2]) is v and tf.get_variable("w", [2]).name == "a/w:0"


def test_default_names_are_made_unique():
    found = []
    for _ in range(3):
        with tf.variable_scope(None, default_name="layer"):
            found.append(tf.get_variable("v", [1]).name)
    assert found == ["layer/v:0", "layer_1/v:0", "layer_2/v:0"]
    with pytest.raises(TypeError, match="name_or_scope is required"):
        tf.variable_scope(None)
    with pytest.raises(TypeError, match="must be a string or VariableScope"):
        tf.variable_scope(3)


def test_name_scopes():
    with tf.name_scope("n"), tf.variable_scope("a") as a:
        assert (tf.get_variable("v", [1]).name, tf.no_op().name) == ("a/v:0", "n/a/NoOp")
        assert a.original_name_scope == "n/a/"
    with tf.variable_scope(a, auxiliary_name_scope=False):
        assert (tf.get_variable("w", [1]).name, tf.no_op().name) == ("a/w:0", "NoOp")
    with tf.variable_scope("a"):
        assert tf.no_op().name == "a/NoOp"


def test_what_a_scope_gives_to_its_variables():
    half = tf.constant_initializer(0.5)
    with tf.variable_scope("a", initializer=half, regularizer=lambda v: tf.reduce_sum(v),
                           dtype=tf.float64) as a:
        v = tf.get_variable("v", [2])
        with tf.variable_scope("b", regularizer=tf.no_regularizer):
            w = tf.get_variable("w", [2], tf.float32)
    assert (v.dtype.base_dtype, w.dtype.base_dtype) == (tf.float64, tf.float32)
    losses = tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES)
    assert [loss.op.name for loss in losses] == ["a/v/Regularizer/Sum"]
    with tf.Session() as s:
        s.run(tf.global_variables_initializer())
        assert s.run(w).tolist() == [0.5, 0.5] and s.run(losses[0]) == 1
    assert a.global_variables() == [v, w] and a.trainable_variables() == [v, w]


def test_getters_nest():
    def getter(mark):
        def get(getter, name, *args, **kwargs):
            return getter(name + mark, *args, **kwargs)
        return get
    with tf.variable_scope("a", custom_getter=getter("_out")):
        with tf.variable_scope("b", custom_getter=getter("_in")):
            assert tf.get_variable("v", [1]).name == "a/b/v_in_out:0"
    with pytest.raises(ValueError, match="not callable"):
        tf.get_variable("v", [1], custom_getter=3)


def test_first_values():
    with pytest.raises(ValueError, match="do not specify shape"):
        tf.get_variable("v", [1], initializer=tf.zeros([1]))
    with pytest.raises(ValueError, match="initializer passed is not valid"):
        tf.get_variable("v")
    assert tf.get_variable("a", initializer=np.float32([1, 2])).shape == [2]
    assert tf.get_variable("b", initializer=lambda: tf.ones([3])).shape == [3]
    assert tf.get_variable("c", [2], initializer=tf.zeros_initializer).shape == [2]
    assert tf.get_variable("d", [2], tf.int32).initial_value.op.name == "d/Initializer/zeros"
    assert tf.get_variable("e", initializer=1).dtype.base_dtype == tf.int32


def test_a_variable_in_parts():
    with tf.variable_scope("p", partitioner=tf.fixed_size_partitioner(3)):
        whole = tf.get_variable("v", [7, 2], initializer=tf.ones_initializer())
    assert [v.name for v in whole] == ["p/v/part_0:0", "p/v/part_1:0", "p/v/part_2:0"]
    assert [v.shape.as_list() for v in whole] == [[3, 2], [2, 2], [2, 2]] and len(whole) == 3
    assert [v._get_save_slice_info().spec for v in whole] == [
        "7 2 0,3:0,2", "7 2 3,2:0,2", "7 2 5,2:0,2"]
    with tf.variable_scope("p", reuse=True, partitioner=tf.fixed_size_partitioner(3)):
        assert tf.get_variable("v", [7, 2]) is whole
    with tf.variable_scope("p", reuse=True), pytest.raises(ValueError, match="No partitioner"):
        tf.get_variable("v", [7, 2])
    with tf.Session() as s:
        s.run(tf.global_variables_initializer())
        s.run(whole.assign(np.arange(14.).reshape(7, 2)))
        assert s.run(tf.convert_to_tensor(whole)).tolist() == np.arange(14.).reshape(7, 2).tolist()
        assert s.run(tf.add(whole, 1.0))[6, 1] == 14


def test_partitioners():
    assert tf.variable_axis_size_partitioner(64)([10, 4], tf.float32) == [3, 1]
    assert tf.variable_axis_size_partitioner(64, max_shards=2)([10, 4], tf.float32) == [2, 1]
    assert tf.min_max_variable_partitioner(4, min_slice_size=64)([10, 4], tf.float32) == [3, 1]
    with pytest.raises(ValueError, match="must be positive"):
        tf.variable_axis_size_partitioner(0)
    parts = tf.create_partitioned_variables([4, 3], [1, 3], tf.zeros_initializer(), name="t")
    assert [p.shape.as_list() for p in parts] == [[4, 1]] * 3
    with pytest.raises(ValueError, match="only slice a variable along one dimension"):
        tf.create_partitioned_variables([4, 4], [2, 2], tf.zeros_initializer(), name="u")


def test_a_template_shares_its_variables():
    def layer(x, units):
        return x * tf.get_variable("w", [units])
    one = tf.make_template("layer", layer, units=2)
    a, b = one(tf.ones([2])), one(tf.zeros([2]))
    other = tf.make_template("layer", layer, units=2)
    other(a)
    assert [v.name for v in tf.global_variables()] == ["layer/w:0", "layer_1/w:0"]
    assert one.variables == one.trainable_variables == tf.global_variables()[:1]
    assert b.name == "layer_2/mul:0" or b.name == "layer_1/mul:0"
    assert one.variable_scope_name == "layer" and one.name == "layer"

    bad = tf.make_template("bad", lambda: tf.Variable(1.0))
    bad()
    with pytest.raises(ValueError, match="New trainable variable created"):
        bad()


def test_the_store_says_what_is_there():
    store = vs._get_default_variable_store()
    v = store.get_variable("v", [1])
    assert store.get_variable("v", [1]) is v and store._vars == {"v": v}
    with pytest.raises(ValueError):
        store.get_variable("v", [1], reuse=False)


def test_blocks_left_by_errors_close_their_scopes():
    with pytest.raises(RuntimeError):
        with tf.variable_scope("a"):
            with tf.variable_scope("b"):
                raise RuntimeError
    assert tf.get_variable_scope().name == "" and tf.no_op().name == "NoOp"
