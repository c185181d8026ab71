# SPDX-License-Identifier: Apache-2.0
"""einsum, norms, unit matrices, sorting against NumPy's; functions with gradients of their own."""
import numpy as np
import pytest

import thalweg as tf

RANDOM = np.random.RandomState(0)


@pytest.fixture(autouse=True)
def session():
    with tf.Graph().as_default(), tf.Session().as_default() as opened:
        yield opened


@pytest.mark.parametrize("equation, shapes", [
    ("ij,jk->ik", [(2, 3), (3, 4)]), ("ij,jk", [(2, 3), (3, 4)]), ("ij->ji", [(2, 3)]),
    ("bij,bjk->bik", [(5, 2, 3), (5, 3, 4)]), ("ij->", [(2, 3)]), ("ijk->kj", [(2, 3, 4)]),
    ("ij,kl->ijkl", [(2, 3), (4, 5)]), ("bhqd,bhkd->bhqk", [(2, 3, 4, 5), (2, 3, 6, 5)]),
    ("i,i->", [(3,), (3,)]), ("ij,jk,kl->il", [(2, 3), (3, 4), (4, 5)]),
    ("...ij,jk->...ik", [(6, 2, 3), (3, 4)]), ("ij,ij->i", [(2, 3), (2, 3)]),
    ("abc,cde->abde", [(2, 3, 4), (4, 5, 6)]), ("ab,c->bc", [(2, 3), (4,)])])
def test_einsum_is_numpys(session, equation, shapes):
    values = [RANDOM.randn(*shape) for shape in shapes]
    wanted = np.einsum(equation, *values)
    known = tf.einsum(equation, *values)
    assert known.shape.as_list() == list(wanted.shape)
    fed = [tf.placeholder(tf.float64, [None] * value.ndim) for value in values]
    open_ = tf.einsum(equation, *fed)
    feeds = dict(zip(fed, values))
    for got in session.run([known, open_], feeds):
        np.testing.assert_allclose(got, wanted)
    slopes = session.run(tf.gradients(open_, fed), feeds)
    assert [s.shape for s in slopes] == shapes
    moved = [values[0] + 1e-6] + values[1:]
    change = (np.einsum(equation, *moved).sum() - wanted.sum()) / 1e-6
    assert slopes[0].sum() == pytest.approx(change, rel=1e-3, abs=1e-3)


@pytest.mark.parametrize("equation, said", [
    ("ii->i", "appears more than once"), ("ij,jk", "expected 2, got 1"),
    ("i1->i", "incorrect format"), ("ij->k", "Unknown label"), ("ijk->i", "number of dimensions")])
def test_equations_that_say_nothing_sensible(equation, said):
    with pytest.raises(ValueError, match=said):
        tf.einsum(equation, tf.ones([2, 2]))


@pytest.mark.parametrize("order, axis", [
    ("euclidean", None), ("euclidean", 1), (1, 2), (np.inf, -1), (3, 0), (2, -1), ("fro", (1, 2)),
    (1, (1, 2)), (np.inf, (1, 2)), (2, (0, 1)), (1, (0, 2))])
def test_norms_are_numpys(session, order, axis):
    x = RANDOM.randn(2, 3, 4)
    numpys = None if order == "euclidean" else order
    for kept in (False, True):
        got = session.run(tf.norm(x, ord=order, axis=axis, keepdims=kept))
        wanted = np.linalg.norm(x.ravel() if axis is None else x, numpys, axis,
                                kept and axis is not None)
        np.testing.assert_allclose(np.squeeze(got) if axis is None else got, wanted)


def test_norms_that_there_are_not():
    for order, axis in (("nuc", (0, 1)), (-1, 0), ("fro", 0), (2, (0, 0)), (2, (0, 1, 2))):
        with pytest.raises(ValueError):
            tf.norm(tf.ones([2, 2, 2]), ord=order, axis=axis)


def test_unit_matrices(session):
    n = tf.placeholder_with_default(2, [])
    made = session.run([tf.eye(2, dtype=tf.int32), tf.eye(2, 3), tf.eye(n, 3),
                        tf.eye(2, batch_shape=[3]), tf.eye(1, batch_shape=tf.constant([2]))])
    assert made[0].tolist() == [[1, 0], [0, 1]] and made[0].dtype == np.int32
    assert made[1].tolist() == made[2].tolist() == np.eye(2, 3).tolist()
    assert made[3].tolist() == [np.eye(2).tolist()] * 3 and made[4].tolist() == [[[1]], [[1]]]


@pytest.mark.parametrize("dtype", ["float32", "int32", "uint8", "int64"])
@pytest.mark.parametrize("axis", [-1, 0, 1])
def test_sorting_is_numpys(session, dtype, axis):
    values = (RANDOM.randn(3, 5, 2) * 9).astype(dtype)
    if dtype == "int32":
        values[0, 0] = np.iinfo(dtype).min
    up, down, places = session.run([tf.sort(values, axis), tf.sort(values, axis, "DESCENDING"),
                                    tf.argsort(values, axis)])
    assert (up == np.sort(values, axis)).all() and up.dtype == values.dtype
    assert (down == np.flip(up, axis)).all()
    assert (places == np.argsort(values, axis, kind="stable")).all()
    with pytest.raises(ValueError, match="should be one of"):
        tf.sort(values, axis, "UP")


def test_determinants_ranks_and_beta(session):
    p = RANDOM.randn(2, 3, 3)
    p = np.matmul(p, p.transpose(0, 2, 1)) + np.eye(3)
    found = session.run([tf.linalg.logdet(p), tf.linalg.matrix_rank(p),
                         tf.linalg.matrix_rank(np.ones((2, 3, 3))),
                         tf.lbeta(tf.constant([[1., 2.], [.5, .5]]))])
    np.testing.assert_allclose(found[0], np.linalg.slogdet(p)[1])
    assert found[1].tolist() == [3, 3] and found[2].tolist() == [1, 1]
    np.testing.assert_allclose(found[3], [np.log(.5), np.log(np.pi)], rtol=1e-5)


def test_functions_say_their_own_gradients(session):
    @tf.custom_gradient
    def softplus(x):
        e = tf.exp(x)
        return tf.log(1 + e), lambda dy: dy * (1 - 1 / (1 + e))

    @tf.custom_gradient
    def both(a, b):
        return (a * b, a + b), lambda da, db: (da * 7., db * 9.)

    x, a, b = tf.constant(100.), tf.constant(2.), tf.constant(3.)
    assert session.run(tf.gradients(softplus(x), x)) == [1.0]
    product, total = both(a, b)
    assert session.run([product, total] + tf.gradients(product + total, [a, b])) == [6, 5, 7, 9]
    rounded = tf.grad_pass_through(tf.round)(tf.constant(1.3))
    assert session.run(rounded) == 1
    with pytest.raises(ValueError, match="keyword"):
        softplus(x=x)


def test_their_variables_get_gradients_too(session):
    @tf.custom_gradient
    def scaled(x):
        w = tf.get_variable("w", [], initializer=tf.constant_initializer(5.))
        return x * w, lambda dy, variables: ([dy * 2.], [dy * 3. for _ in variables])

    x = tf.constant(4.)
    y = scaled(x)
    w, = tf.trainable_variables()
    session.run(w.initializer)
    assert session.run([y] + tf.gradients(y, [x, w])) == [20, 2, 3]


def test_what_is_asked_about_running_at_once(session):
    assert tf.executing_eagerly() is False
    assert tf.disable_v2_behavior() is None and tf.disable_eager_execution() is None
    with pytest.raises(NotImplementedError, match="sessions"):
        tf.enable_eager_execution()
    with tf.control_dependencies([tf.constant(1)]), tf.init_scope():
        assert tf.constant(2).op.control_inputs == []
    assert session.run(tf.tables_initializer()) is None
    assert tf.nest.flatten([1, (2, 3)]) == [1, 2, 3] and tf.get_static_value(tf.constant(3)) == 3
    assert tf.make_ndarray(tf.make_tensor_proto([1, 2])).tolist() == [1, 2]
    assert tf.dimension_value(tf.TensorShape([2])[0]) == 2 == tf.dimension_value(2)
