# SPDX-License-Identifier: Apache-2.0
"""Gradient functions written in Python, called while the library differentiates."""
import threading

import numpy as np
import pytest

import thalweg as tf
from thalweg import _core
from thalweg.framework import constant_op, ops
from thalweg.ops import gen_array_ops, gen_math_ops, gen_nn_ops, math_ops


@pytest.fixture(autouse=True)
def fresh():
    with ops.Graph().as_default():
        yield


class Mine(Exception):
    pass


calls = []


@ops.RegisterGradient("TestGuided")
def _guided(op, dy):
    calls.append((op, dy))
    return gen_math_ops.mul(dy, op.outputs[0])


@ops.RegisterGradient("TestRaises")
def _raises(op, dy):
    raise Mine("from the gradient")


@ops.RegisterGradient("TestTwoOutputs")
def _two(op, *dys):
    calls.append(dys)
    return [dys[0]]


@ops.RegisterGradient("TestWrongCount")
def _wrong(op, dy):
    return [dy, dy]


def overridden(name, build):
    with ops.get_default_graph().gradient_override_map({"Relu": name, "Unpack": name}):
        return build()


def test_an_override_is_called_with_the_operation_and_gives_the_gradient():
    x = constant_op.constant([1.0, -2.0])
    y = overridden("TestGuided", lambda: gen_nn_ops.relu(x))
    with ops.name_scope("outer"):
        dx, = _core.gradients([y], [x])
    op, dy = calls.pop()
    assert op is y.op and isinstance(dy, ops.Tensor)
    assert dx.op.type == "Mul" and dx.op.inputs[1] is y
    assert dx.op.name.startswith("outer/gradients/Relu_grad/")


def test_an_exception_comes_out_as_it_went_in():
    x = constant_op.constant([1.0])
    y = gen_math_ops.neg(overridden("TestRaises", lambda: gen_nn_ops.relu(x)))
    with pytest.raises(Mine, match="from the gradient") as info:
        _core.gradients([y], [x])
    assert [t.name for t in info.traceback][-1] == "_raises"
    assert _core.scope_mark() != 0  # the fixture's block alone is open
    assert ops.get_default_graph().get_name_scope() == ""


def test_outputs_that_nothing_comes_back_to_get_zeros():
    x = constant_op.constant([1.0, 2.0])
    a, b = overridden("TestTwoOutputs", lambda: gen_array_ops.unpack(x, 2))
    with pytest.raises(ValueError):  # of another shape than x
        _core.gradients([a], [x])
    first, second = calls.pop()
    assert isinstance(first, ops.Tensor) and isinstance(second, ops.Tensor)


def test_a_wrong_number_of_gradients_is_refused():
    x = constant_op.constant([1.0])
    y = overridden("TestWrongCount", lambda: gen_nn_ops.relu(x))
    with pytest.raises(ValueError, match="do not match num inputs"):
        _core.gradients([y], [x])


def test_slices_go_through():
    x = constant_op.constant(np.ones((3, 2), np.float32))
    y = gen_array_ops.gather(x, constant_op.constant([0, 2]))
    grad, = _core.gradients([y], [x])
    assert isinstance(grad, tuple) and grad[1].dtype.name == "int32"
    with pytest.raises((TypeError, ValueError)):
        _core.op_gradient(y.op, [])
    dx = _core.op_gradient(y.op, [y])
    assert len(dx) == 2 and dx[1] is None and isinstance(dx[0], tuple)


def test_the_librarys_own_function_can_be_asked_for():
    x = constant_op.constant([1.0])
    y = gen_math_ops.square(x)
    dx, = ops.get_gradient_function(y.op)(y.op, x)
    assert dx.graph is x.graph
    assert ops.get_gradient_function(x.op) is None
    with pytest.raises(LookupError):
        z = overridden("no such gradient", lambda: gen_nn_ops.relu(x))
        ops.get_gradient_function(z.op)
    with pytest.raises(LookupError):
        _core.gradients([z], [x])


def test_threads_differentiate_with_python_functions():
    failures = []

    def work():
        try:
            for _ in range(10):
                with ops.Graph().as_default() as g:
                    x = constant_op.constant([1.0])
                    with g.gradient_override_map({"Relu": "TestGuided"}):
                        y = gen_nn_ops.relu(x)
                    assert _core.gradients([y], [x])[0].graph is g
        except BaseException as error:
            failures.append(error)
    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_registering_twice_is_refused():
    with pytest.raises(KeyError):
        ops.RegisterGradient("TestGuided")(lambda op, dy: dy)
    with pytest.raises(KeyError):
        ops.RegisterGradient("MatMul")(lambda op, dy: dy)
    with pytest.raises(TypeError):
        ops.RegisterGradient(3)


def test_a_derivative_knows_what_it_differentiates():
    with tf.Graph().as_default(), tf.name_scope("net"):
        x = tf.constant([[1.0]])
        y = tf.matmul(x, x, name="product")
        gradient = tf.gradients(y, x)[0]
        made = [op for op in x.graph.get_operations() if op.type == "MatMul" and op is not y.op]
        assert made and all(op._original_op is y.op for op in made)
        assert y.op._original_op is None and gradient.op.type == "AddN"


def test_large_slices_that_become_dense_are_warned_of():
    with tf.Graph().as_default():
        values, indices = tf.placeholder(tf.float32), tf.placeholder(tf.int32)
        with pytest.warns(UserWarning, match="with 100000000 elements"):
            tf.multiply(tf.IndexedSlices(values, indices, tf.constant([10000, 10000])), 1.0)
        with pytest.warns(UserWarning, match="of unknown shape"):
            tf.multiply(tf.IndexedSlices(values, indices, tf.placeholder(tf.int32)), 1.0)


def test_slices_of_all_rows():
    with tf.Graph().as_default(), tf.Session() as s:
        x = tf.constant([[1.0, 2.0], [3.0, 4.0]])
        slices = math_ops._as_indexed_slices(x)
        assert s.run(slices.indices).tolist() == [0, 1]
        assert s.run(tf.convert_to_tensor(slices)).tolist() == s.run(x).tolist()
        wide = tf.IndexedSlices(x, tf.constant([1, 0], tf.int64), tf.constant([2, 2]))
        assert [t.indices.dtype for t in math_ops._as_indexed_slices_list([x, wide])] == [
            tf.int64, tf.int64]
        with pytest.raises(TypeError, match="Not a Tensor"):
            math_ops._as_indexed_slices(3)
