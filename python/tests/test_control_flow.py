# SPDX-License-Identifier: Apache-2.0
"""Conditions, loops and functions over rows: arguments of all levels, nesting, derivatives of any
order, what is refused."""
import numpy as np
import pytest

import thalweg as tf


@pytest.fixture(autouse=True)
def session():
    with tf.Graph().as_default(), tf.Session().as_default() as opened:
        yield opened


def run(fetches, feeds=None):
    return tf.get_default_session().run(fetches, feeds)


# ---- arguments ----

def test_conditions_by_all_names_of_their_branches():
    x = tf.placeholder(tf.int32, [])

    def one():
        return tf.constant(1)

    def two():
        return tf.constant(2)

    for value in (tf.cond(x > 0, one, two), tf.cond(x > 0, fn1=one, fn2=two),
                  tf.cond(x > 0, true_fn=one, false_fn=two, name="c")):
        assert run(value, {x: 1}) == 1 and run(value, {x: -1}) == 2
    assert tf.cond(x > 0, one, two, "named").op.name == "named/Merge"
    assert isinstance(tf.cond(x > 0, lambda: [one()], lambda: [two()], strict=True), list)
    with pytest.raises(TypeError, match="true_fn and fn1"):
        tf.cond(x > 0, one, two, fn1=one)
    with pytest.raises(TypeError, match="must be callable"):
        tf.cond(x > 0, 1, two)
    with pytest.raises(TypeError, match="bool"):
        tf.cond(True, one, two)


def test_loops_by_the_arguments_of_all_levels():
    def below(i):
        return i < 5

    def up(i):
        return i + 1

    start = [tf.constant(0)]
    for result in (tf.while_loop(below, up, start),
                   tf.while_loop(below, up, start, parallel_iterations=1, swap_memory=True),
                   tf.while_loop(below, up, start, [tf.TensorShape([])], 10, True, False, "w"),
                   tf.while_loop(below, up, start, 4, True, False, "old")):
        assert run(result) == 5
    assert result.op.name == "old/Exit"
    assert run(tf.while_loop(below, up, start, maximum_iterations=2)) == 2
    assert run(tf.while_loop(below, up, start, return_same_structure=True)) == [5]
    with pytest.raises(TypeError, match="positive"):
        tf.while_loop(below, up, start, parallel_iterations=0)
    with pytest.raises(ValueError, match="No loop variables"):
        tf.while_loop(below, up, [])


def test_choices():
    x = tf.placeholder(tf.int32, [])
    pairs = [(x < 0, lambda: tf.constant(-1)), (x > 9, lambda: tf.constant(10))]
    value = tf.case(pairs, default=lambda: tf.constant(0), exclusive=True)
    assert [run(value, {x: n}) for n in (-3, 3, 30)] == [-1, 0, 10]
    assert run(tf.case(dict(pairs), exclusive=True), {x: 30}) == 10
    with pytest.raises(tf.errors.InvalidArgumentError, match="None of conditions"):
        run(tf.case(pairs), {x: 3})
    both = pairs + [(x > 99, lambda: tf.constant(100))]
    with pytest.raises(tf.errors.InvalidArgumentError, match="more than 1"):
        run(tf.case(both, default=lambda: tf.constant(0), exclusive=True), {x: 100})
    value = tf.switch_case(x, {0: lambda: tf.constant(5), 1: lambda: tf.constant(6)})
    assert [run(value, {x: n}) for n in (0, 1, 7)] == [5, 6, 6]


def test_what_orders_operations(session):
    v = tf.Variable(0)
    session.run(v.initializer)
    step = tf.assign_add(v, 1)
    session.run(tf.group(step, tf.constant(1), name="all"))
    assert session.run(v) == 1
    one, none = tf.tuple([tf.constant(3), None], control_inputs=[step])
    assert session.run(one) == 3 and none is None and session.run(v) == 2
    from thalweg.ops import control_flow_ops
    assert session.run(control_flow_ops.with_dependencies([step], tf.constant(4))) == 4
    assert session.run(v) == 3
    with pytest.raises(TypeError):
        tf.group("a")


# ---- functions over rows ----

X = np.arange(12, dtype=np.float32).reshape(4, 3)


def test_functions_over_rows():
    x = tf.constant(X)
    assert np.array_equal(run(tf.map_fn(lambda r: r * 2, x)), X * 2)
    assert np.array_equal(run(tf.foldl(lambda a, r: a + r, x)), X.sum(0))
    assert np.array_equal(run(tf.foldr(lambda a, r: a * 2 + r, x)), ((X[3] * 2 + X[2]) * 2 + X[1])
                          * 2 + X[0])
    assert np.array_equal(run(tf.scan(lambda a, r: a + r, x)), X.cumsum(0))
    assert np.array_equal(run(tf.scan(lambda a, r: a + r, x, reverse=True)),
                          X[::-1].cumsum(0)[::-1])
    a, b = run(tf.map_fn(lambda r: (r[0] + r[1], tf.cast(r[1][0], tf.int64)), (x, x),
                         dtype=(tf.float32, tf.int64)))
    assert np.array_equal(a, X * 2) and np.array_equal(b, X[:, 0])
    for name, made in (("map", tf.map_fn(lambda r: r, x, name="m")), (
            "scan", tf.scan(lambda a, r: r, x, name="s"))):
        assert made.op.name.startswith(name[0] + "/"), made.op.name


def test_derivatives_of_functions_over_rows():
    x = tf.constant(X)
    assert np.array_equal(run(tf.gradients(tf.map_fn(lambda r: r * r, x), x)[0]), 2 * X)
    grad = tf.gradients(tf.foldl(lambda a, r: a * r, x + 1, tf.ones([3])), x)[0]
    assert np.allclose(run(grad), (X + 1).prod(0) / (X + 1))
    grad = tf.gradients(tf.scan(lambda a, r: a + r, x), x)[0]
    assert np.array_equal(run(grad), np.repeat([[4.], [3.], [2.], [1.]], 3, 1))


# ---- nesting and derivatives ----

def power(x, n):
    return tf.while_loop(lambda i, y: i < n, lambda i, y: (i + 1, y * x),
                         [tf.constant(0), tf.constant(1.)])[1]


def test_loops_in_loops():
    x = tf.constant(1.1)
    y = tf.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, y + power(x, i + 1)),
                      [tf.constant(0), tf.constant(0.)])[1]
    value, slope = run([y, tf.gradients(y, x)[0]])
    assert np.isclose(value, 1.1 + 1.1 ** 2 + 1.1 ** 3)
    assert np.isclose(slope, 1 + 2 * 1.1 + 3 * 1.1 ** 2)


def test_conditions_in_loops_and_loops_in_conditions():
    x, n = tf.constant(2.), tf.placeholder(tf.int32, [])
    y = tf.while_loop(
        lambda i, y: i < n,
        lambda i, y: (i + 1, tf.cond(tf.equal(i % 2, 0), lambda: y * x, lambda: y + x)),
        [tf.constant(0), tf.constant(1.)])[1]
    assert run([y, tf.gradients(y, x)[0]], {n: 3}) == [8., 8.]  # (x + x) * x
    y = tf.cond(n > 0, lambda: power(x, n), lambda: -x)
    slope = tf.gradients(y, x)[0]
    assert run([y, slope], {n: 3}) == [8., 12.] and run([y, slope], {n: 0}) == [-2., -1.]


def test_second_derivatives():
    x = tf.constant(3.)
    y = tf.cond(x > 0, lambda: x ** 3, lambda: x)
    first = tf.gradients(y, x)[0]
    assert run([first, tf.gradients(first, x)[0]]) == [27., 18.]


def test_rows_of_a_table_in_conditions_and_loops(session):
    table = tf.Variable(X)
    pick = tf.placeholder(tf.int32, [])
    y = tf.cond(pick > 0, lambda: tf.reduce_sum(tf.gather(table, [1, 1])),
                lambda: tf.reduce_sum(table[0]))
    slope = tf.convert_to_tensor(tf.gradients(y, table)[0])
    session.run(table.initializer)
    assert session.run(slope, {pick: 1})[:, 0].tolist() == [0., 2., 0., 0.]
    assert session.run(slope, {pick: 0})[:, 0].tolist() == [1., 0., 0., 0.]
    y = tf.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, y + tf.gather(table, i)),
                      [tf.constant(0), tf.zeros([3])])[1]
    slope = tf.convert_to_tensor(tf.gradients(y, table)[0])
    assert session.run(slope)[:, 0].tolist() == [1., 1., 1., 0.]


def test_arrays_in_loops():
    x = tf.constant(X)
    array = tf.TensorArray(tf.float32, 4, clear_after_read=False).unstack(x)
    _, out = tf.while_loop(lambda i, a: i < 4,
                           lambda i, a: (i + 1, a.write(i, array.read(i) * array.read(3 - i))),
                           [tf.constant(0), tf.TensorArray(tf.float32, 4)])
    y = out.stack()
    value, slope = run([y, tf.gradients(y, x)[0]])
    assert np.array_equal(value, X * X[::-1]) and np.array_equal(slope, 2 * X[::-1])


def test_a_variable_that_a_loop_writes(session):
    v = tf.Variable(0.)

    def body(i, total):
        with tf.control_dependencies([tf.assign_add(v, 1.)]):
            return i + 1, total + v

    total = tf.while_loop(lambda i, _: v < 4., body, [tf.constant(0), tf.constant(0.)])
    session.run(v.initializer)
    assert session.run(total) == (4, 1. + 2 + 3 + 4) and session.run(v) == 4


def test_what_is_refused():
    x = tf.constant(1.)
    with pytest.raises(ValueError, match="shape invariant"):
        tf.while_loop(lambda a: True, lambda a: tf.concat([a, a], 0), [tf.ones([2])])
    with pytest.raises((TypeError, ValueError)):
        tf.cond(x > 0, lambda: tf.constant(1), lambda: tf.constant(1.))
    with pytest.raises(ValueError, match="true_fn must have a return value"):
        tf.cond(x > 0, lambda: None, lambda: x)
    with pytest.raises((TypeError, ValueError)):
        tf.while_loop(lambda i: i < 3, lambda i: (i, i), [tf.constant(0)])


def _sum_of(step, start):
    """Three rounds; `step` of the counter and the sum is what is added."""
    return tf.while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, a + step(i, a)),
                         [tf.constant(0), start])[1]


def test_derivatives_asked_for_in_a_loop_by_what_is_around_it():
    """The numbers are those of TensorFlow 1.15."""
    x = tf.constant([1., 2.])
    cube = x * x * x

    def slope(y, by):
        return tf.gradients(y, by)[0]

    made = _sum_of(lambda i, a: slope(x * x * tf.cast(i, tf.float32), x), tf.zeros([2]))
    around = _sum_of(lambda i, a: slope(cube * tf.cast(i, tf.float32), x), tf.zeros([2]))
    nested = _sum_of(lambda i, a: _sum_of(
        lambda k, b: slope(x * x * tf.cast(i + 1, tf.float32), x), tf.zeros([2])), tf.zeros([2]))
    chosen = _sum_of(lambda i, a: slope(tf.cond(i < 2, lambda: x * x, lambda: x * 3), x),
                     tf.zeros([2]))
    assert run(made).tolist() == [6., 12.]
    assert run([around, slope(around, x)])[0].tolist() == [9., 36.]
    assert run(slope(around, x)).tolist() == [18., 36.]
    assert run(nested).tolist() == [36., 72.]
    assert run(chosen).tolist() == [7., 11.]
    assert run(tf.map_fn(lambda e: slope(e * x * x, x), tf.constant([1., 2.]))).tolist() == [
        [2., 4.], [4., 8.]]
    with pytest.raises(ValueError, match="inside while loop with respect to op 'start'"):
        start = tf.identity(x, name="start")
        _sum_of(lambda i, a: slope(a * a, start), start)


def test_second_derivatives_of_unknown_sizes():
    p = tf.placeholder(tf.float32, [None])
    second, = tf.hessians(tf.reduce_sum(p ** 3) + p[0] * p[1], p)
    assert run(second, {p: [1, 2, 3]}).tolist() == [[6, 1, 0], [1, 12, 0], [0, 0, 18]]
    y = tf.while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, a * p),
                      [tf.constant(0), tf.ones_like(p)])[1]
    second, = tf.hessians(tf.reduce_sum(y), p)
    assert run(second, {p: [1, 2]}).tolist() == [[6, 0], [0, 12]]


def test_sizes_that_come_into_a_loop_are_known_in_it():
    sizes = tf.stack([tf.shape(tf.zeros([4, 2]))[1]])
    seen = []

    def body(i, x):
        made = tf.fill(sizes, 1.0)
        seen.append(made.get_shape().as_list())
        return i + 1, x + made
    result = tf.while_loop(lambda i, x: i < 3, body, [0, tf.zeros([2])])[1]
    assert seen == [[2]]
    assert run(result).tolist() == [3, 3]


def test_second_derivatives_through_lists_are_refused_not_wrong():
    x = tf.constant([0.5, 1.0])
    first, = tf.gradients(tf.map_fn(tf.tanh, x), x)
    assert np.allclose(run(first), 1 - np.tanh([0.5, 1.0]) ** 2)
    with pytest.raises(ValueError, match="Second-order gradient through a TensorArray"):
        tf.gradients(first, x)
