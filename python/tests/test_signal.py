# SPDX-License-Identifier: Apache-2.0
"""tf.signal against NumPy, and other functions of later versions."""
import numpy as np
import pytest

import thalweg as tf


@pytest.fixture
def session():
    with tf.Graph().as_default(), tf.Session() as made:
        yield made


def test_frames_and_what_undoes_them(session):
    x = np.arange(10, dtype=np.float32)
    assert session.run(tf.signal.frame(x, 4, 3)).tolist() == [[0, 1, 2, 3], [3, 4, 5, 6],
                                                             [6, 7, 8, 9]]
    assert session.run(tf.signal.frame(x, 4, 4, pad_end=True, pad_value=-1))[-1].tolist() == [
        8, 9, -1, -1]
    assert session.run(tf.signal.frame(x.reshape(5, 2), 2, 2, axis=0)).shape == (2, 2, 2)
    assert session.run(tf.signal.overlap_and_add(np.ones([3, 4], np.float32), 2)).tolist() == [
        1, 1, 2, 2, 2, 2, 1, 1]
    v = tf.constant(x)
    assert session.run(tf.gradients(tf.signal.frame(v, 4, 3), v)[0]).tolist() == [
        1, 1, 1, 2, 1, 1, 2, 1, 1, 1]


def test_windows_are_tensorflows(session):
    for length in (1, 7, 8):
        whole = max(length - length % 2, 1)
        wanted = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / whole) if length > 1 else [1]
        np.testing.assert_allclose(session.run(tf.signal.hann_window(length)), wanted, atol=1e-6)
    np.testing.assert_allclose(session.run(tf.signal.hann_window(8, periodic=False)),
                               np.hanning(8), atol=1e-6)
    np.testing.assert_allclose(session.run(tf.signal.hamming_window(8, periodic=False)),
                               np.hamming(8), atol=1e-6)


def test_short_time_transforms_come_back(session):
    x = np.sin(np.arange(80, dtype=np.float32) * .7)
    found = tf.signal.stft(x, 16, 4)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(16) / 16)
    np.testing.assert_allclose(session.run(found)[3], np.fft.rfft(x[12:28] * window), atol=1e-4)
    back = tf.signal.inverse_stft(found, 16, 4, window_fn=tf.signal.inverse_stft_window_fn(4))
    np.testing.assert_allclose(session.run(back)[16:-16], x[16:-16], atol=1e-4)


def test_cosine_transforms(session):
    x = np.array([1., 4., 2., 3.], np.float32)
    at = np.arange(4)
    wanted = [2 * np.sum(x * np.cos(np.pi * (2 * at + 1) * k / 8)) for k in at]
    np.testing.assert_allclose(session.run(tf.signal.dct(x)), wanted, rtol=1e-5)
    for kind in (1, 2, 3):
        factor = 6 if kind == 1 else 8
        np.testing.assert_allclose(
            session.run(tf.signal.idct(tf.signal.dct(x, type=kind), type=kind)), factor * x,
            rtol=1e-4)
    np.testing.assert_allclose(
        session.run(tf.signal.idct(tf.signal.dct(x, norm="ortho"), norm="ortho")), x, rtol=1e-5)


def test_mel_scales_and_shifts(session):
    weights = session.run(tf.signal.linear_to_mel_weight_matrix(8, 33, 16000, 80., 7600.))
    assert weights.shape == (33, 8) and weights.min() == 0 and 0.8 < weights.max() <= 1
    assert session.run(tf.signal.mfccs_from_log_mel_spectrograms(
        np.ones([2, 20], np.float32))).shape == (2, 20)
    x = np.arange(12.).reshape(3, 4)
    assert (session.run(tf.signal.fftshift(x)) == np.fft.fftshift(x)).all()
    assert (session.run(tf.signal.ifftshift(x, axes=[0])) == np.fft.ifftshift(x, axes=[0])).all()


def test_steps_of_a_range_and_gradients_of_clipping(session):
    x = tf.constant([-10., -1., 0., 0.3, 5.9, 7.])
    y = tf.fake_quant_with_min_max_vars(x, -1., 6.)
    np.testing.assert_allclose(session.run(y), [-0.9882353, -0.9882353, 0, 0.30196077, 5.901961,
                                                6.0117645], rtol=1e-6)
    assert session.run(tf.gradients(y, x)[0]).tolist() == [0, 0, 1, 1, 1, 0]
    each = tf.quantization.fake_quant_with_min_max_vars_per_channel([[9., 9.]], [0., -1.], [3., 1.])
    np.testing.assert_allclose(session.run(each), [[3., 1.]], atol=0.01)


def test_later_functions(session):
    assert session.run(tf.where_v2([[True], [False]], [[1, 2]], 7)).tolist() == [[1, 2], [7, 7]]
    assert session.run(tf.tensor_scatter_nd_update([1, 2, 3], [[0], [2]], [8, 9])).tolist() == [
        8, 2, 9]
    a = np.array([[1., 2.], [3., 4.], [5., 7.]], np.float32)
    np.testing.assert_allclose(session.run(tf.linalg.pinv(a)), np.linalg.pinv(a), atol=1e-4)
    scaled, norm = session.run(tf.linalg.normalize(a, axis=1))
    np.testing.assert_allclose(scaled * norm, a, rtol=1e-6)
    assert session.run(tf.image.sobel_edges(a[None, :, :, None])).shape == (1, 3, 2, 1, 2)
    assert session.run(tf.vectorized_map(lambda v: v * 2, tf.constant([1, 2]))).tolist() == [2, 4]
