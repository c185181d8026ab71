# SPDX-License-Identifier: Apache-2.0
"""Linear algebra, transforms and texts beside NumPy."""
import numpy as np
import pytest

import thalweg as tf

RNG = np.random.RandomState(3)


def run(fetches):
    with tf.Session() as sess:
        return sess.run(fetches)


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (4, 4), (2, 3, 4)])
def test_singular_values_put_the_matrix_together_again(shape):
    x = RNG.randn(*shape)
    s, u, v = run(tf.svd(tf.constant(x)))
    np.testing.assert_allclose(s, np.linalg.svd(x, compute_uv=False), rtol=1e-10)
    np.testing.assert_allclose(np.matmul(u * s[..., None, :], np.swapaxes(v, -1, -2)), x,
                               atol=1e-12)


def test_all_vectors_of_a_matrix_without_rank_are_orthonormal():
    x = np.outer([1., 2., 3., 4.], [1., 0., 1.])
    s, u, v = run(tf.svd(tf.constant(x), full_matrices=True))
    np.testing.assert_allclose(s[1:], 0, atol=1e-12)
    np.testing.assert_allclose(u.T.dot(u), np.eye(4), atol=1e-12)
    np.testing.assert_allclose(v.T.dot(v), np.eye(3), atol=1e-12)


def test_eigenvectors_are_turned_to_their_multiples():
    x = RNG.randn(6, 6)
    x = x + x.T
    e, v = run(tf.self_adjoint_eig(tf.constant(x)))
    np.testing.assert_allclose(x.dot(v), v * e, atol=1e-11)
    np.testing.assert_allclose(e, run(tf.self_adjoint_eigvals(tf.constant(x))))


def test_solutions_solve():
    x, b = RNG.randn(5, 5), RNG.randn(5, 2)
    positive = x.dot(x.T) + np.eye(5)
    got = run([tf.matrix_solve(x, b), tf.matrix_inverse(x), tf.matrix_determinant(x),
               tf.cholesky_solve(tf.cholesky(positive), b), tf.matrix_solve_ls(x[:, :3], b)])
    np.testing.assert_allclose(got[0], np.linalg.solve(x, b), rtol=1e-9)
    np.testing.assert_allclose(got[1], np.linalg.inv(x), rtol=1e-9)
    np.testing.assert_allclose(got[2], np.linalg.det(x), rtol=1e-9)
    np.testing.assert_allclose(got[3], np.linalg.solve(positive, b), rtol=1e-9)
    np.testing.assert_allclose(got[4], np.linalg.lstsq(x[:, :3], b, rcond=None)[0], rtol=1e-8)


def test_a_singular_matrix_is_refused():
    with pytest.raises(tf.errors.InvalidArgumentError, match="not invertible"):
        run(tf.matrix_inverse([[1., 2.], [2., 4.]]))


@pytest.mark.parametrize("length", [1, 2, 7, 12, 30, 64, 97])
def test_transforms_are_numpys(length):
    x = RNG.randn(3, length) + 1j * RNG.randn(3, length)
    there, back = run([tf.fft(tf.constant(x)), tf.ifft(tf.constant(x))])
    np.testing.assert_allclose(there, np.fft.fft(x), atol=1e-11)
    np.testing.assert_allclose(back, np.fft.ifft(x), atol=1e-12)
    np.testing.assert_allclose(run(tf.fft2d(tf.constant(x))), np.fft.fft2(x), atol=1e-11)
