# SPDX-License-Identifier: Apache-2.0
"""Variables, what initializes them, their parts, their messages; operations on them."""
import numpy as np
import pytest

import thalweg as tf
from thalweg.framework import ops
from thalweg.ops import state_ops, variables


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default() as made:
        yield made


@pytest.fixture
def session(graph):
    with tf.Session() as made:
        yield made


def names(graph):
    return [op.name for op in graph.get_operations()]


def test_a_variable_is_three_nodes_and_its_value(graph, session):
    v = tf.Variable([1.0, 2.0], name="v")
    assert names(graph) == ["v/initial_value", "v", "v/Assign", "v/read"]
    assert (v.dtype, v.value().dtype, v.shape) == (tf.float32._as_ref, tf.float32, [2])
    session.run(v.initializer)
    assert session.run([v, v.value(), v[1]])[2] == 2.0
    assert (session.run(2 - v * 3 + v) == [0, -2]).all()
    assert repr(v) == "<tf.Variable 'v:0' shape=(2,) dtype=float32_ref>"
    assert isinstance(v, tf.Variable) and v in {v} and v == v


def test_changes(session):
    v = tf.Variable([1.0, 2.0, 3.0])
    session.run(tf.global_variables_initializer())
    assert session.run(v.assign_add([1, 1, 1])).tolist() == [2, 3, 4]
    assert session.run(v.assign_sub([1, 1, 1])).tolist() == [1, 2, 3]
    slices = tf.IndexedSlices([5.0], [1])
    assert session.run(v.scatter_sub(slices)).tolist() == [1, -3, 3]
    assert session.run(v.scatter_update(slices)).tolist() == [1, 5, 3]
    assert session.run(tf.scatter_mul(v, [0], [4.0])).tolist() == [4, 5, 3]
    assert session.run(v[:2].assign([8.0, 9.0])).tolist() == [8, 9, 3]
    v.load([7.0, 7.0, 7.0], session)
    assert v.eval(session).tolist() == [7, 7, 7]
    assert isinstance(v.assign(v, read_value=False), tf.Operation)
    with pytest.raises(ValueError, match="not IndexedSlices"):
        v.scatter_add([1.0])


def test_count_up_to(session):
    v = tf.Variable(0)
    session.run(v.initializer)
    step = v.count_up_to(2)
    assert [session.run(step), session.run(step)] == [0, 1]
    with pytest.raises(tf.errors.OutOfRangeError, match="Reached limit of 2"):
        session.run(step)


def test_a_value_without_a_shape_is_refused():
    with pytest.raises(ValueError, match="initial_value must have a shape specified"):
        tf.Variable(tf.placeholder(tf.float32))
    assert tf.Variable(tf.placeholder(tf.float32), validate_shape=False).shape.ndims is None
    with pytest.raises(ValueError, match="initial_value must be specified"):
        tf.Variable()
    with pytest.raises(ValueError, match="must be a list, tuple, or set"):
        tf.Variable(1.0, collections="variables")


def test_first_values_of_other_variables_are_made_in_any_order(session):
    v = tf.Variable(tf.random_normal([3]), name="v")
    w = tf.Variable(tf.exp(v + 1.0) * 2.0, name="w")
    x = tf.Variable(w.initialized_value() + v.initialized_value())
    session.run(tf.group(x.initializer, w.initializer, v.initializer))
    a, b, c = session.run([v, w, x])
    assert np.allclose(b, np.exp(a + 1) * 2) and np.allclose(c, a + b)


def test_variables_do_not_wait_for_control_dependencies(graph):
    with tf.control_dependencies([tf.no_op()]):
        v = tf.Variable(lambda: tf.zeros([2]))
    assert not v.op.control_inputs and not v.initializer.control_inputs
    assert not v.initial_value.op.control_inputs


def test_variables_made_in_loops_need_functions_for_first_values(session):
    def body(i, x):
        with tf.variable_scope("cell", reuse=tf.AUTO_REUSE):
            w = tf.get_variable("w", [2], initializer=tf.ones_initializer())
        v = tf.Variable(lambda: tf.ones([2]), name="inside")
        with pytest.raises(ValueError, match="use a lambda as the initializer"):
            tf.Variable(x * 2.0)
        return i + 1, x + w + v
    _, total = tf.while_loop(lambda i, x: i < 3, body, [0, tf.zeros([2])])
    session.run(tf.global_variables_initializer())
    assert session.run(total).tolist() == [6, 6]
    train = tf.train.AdamOptimizer(0.5).minimize(tf.reduce_sum(total))
    session.run(tf.global_variables_initializer())
    session.run(train)
    assert session.run(total) == pytest.approx([3, 3], abs=1e-4)


def test_collections_and_what_lists_them(session):
    v = tf.Variable(1.0, name="a/v")
    w = tf.Variable(1.0, trainable=False, name="b/w")
    x = tf.Variable(1.0, collections=[tf.GraphKeys.LOCAL_VARIABLES], trainable=False)
    assert tf.global_variables() == [v, w] and tf.trainable_variables() == [v]
    assert tf.local_variables() == [x] and tf.global_variables("b") == [w]
    session.run([v.initializer, tf.local_variables_initializer()])
    assert session.run(tf.report_uninitialized_variables()).tolist() == [b"b/w"]
    check = tf.assert_variables_initialized()
    with pytest.raises(tf.errors.FailedPreconditionError, match="b/w"):
        session.run(check)
    session.run(tf.global_variables_initializer())
    session.run(check)
    assert session.run(tf.is_variable_initialized(w))


def test_messages_bring_a_variable_back(session):
    with tf.name_scope("s"):
        v = tf.Variable([1.0], name="v", trainable=False)
    v._set_save_slice_info(tf.Variable.SaveSliceInfo("s/whole", [4], [2], [1]))
    message = v.to_proto()
    assert (message.variable_name, message.snapshot_name) == ("s/v:0", "s/v/read:0")
    again = tf.Variable.from_proto(message)
    assert again.op is v.op and again.initializer is v.initializer and not again.trainable
    assert again._get_save_slice_info().spec == "4 2,1" and again.value() is v.value()
    assert v.to_proto(export_scope="t") is None
    assert v.to_proto(export_scope="s").variable_name == "v:0"
    assert ops.get_from_proto_function(tf.GraphKeys.GLOBAL_VARIABLES)(message).op is v.op


def test_a_creator_sees_every_variable():
    made = []

    def creator(inner, **kwargs):
        made.append(kwargs["name"])
        return inner(**dict(kwargs, trainable=False))
    with tf.variable_creator_scope(creator):
        v = tf.Variable(1.0, name="v")
        tf.get_variable("w", [2])
    assert made == ["v", "w"] and not v.trainable and not tf.trainable_variables()


def test_wrong_types_are_named():
    v = tf.Variable(1.0)
    with pytest.raises(ValueError, match="'int32' for variable of type 'float32_ref'"):
        tf.convert_to_tensor(v, tf.int32)
    with pytest.raises(TypeError):
        iter(v)


def test_operations_on_references(session):
    v = state_ops.variable_op_v2([2], tf.float32, name="v")
    state_ops.init_variable(v, lambda shape, dtype: tf.ones(shape, dtype)).eval()
    assert session.run(tf.assign_add(v, [1.0, 2.0])).tolist() == [2, 3]
    loose = state_ops.variable_op([2], tf.float32, set_shape=False)
    assert loose.get_shape().ndims is None


def test_the_old_names_are_kept():
    v = tf.Variable(1.0)
    assert tf.all_variables() == [v] and tf.initialize_all_variables().name == "init"
    assert tf.initialize_variables([v], name="first").name == "first"
    assert variables.VariableV1 is tf.Variable


def test_a_read_is_what_was_there_before_later_writes(session):
    """Keras' optimizers count before they use the count, and mean what it was."""
    count = tf.Variable(0)
    before = count + 10
    more = tf.assign_add(count, 1)
    after = count + 20
    session.run(tf.global_variables_initializer())
    assert session.run([before, more, after]) == [10, 1, 20]
    assert session.run([more, after]) == [2, 21]
