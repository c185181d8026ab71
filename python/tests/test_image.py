# SPDX-License-Identifier: Apache-2.0
"""tf.image beside NumPy, and beside what TensorFlow 1.15 gave for the same seeds."""
import numpy as np
import pytest

import thalweg as tf

I = tf.image
RANDOM = np.random.RandomState(0)
X = RANDOM.rand(4, 6, 3).astype("f")
BYTES, MANY = (X * 255).astype("u1"), RANDOM.rand(2, 4, 5, 3).astype("f")


@pytest.fixture(autouse=True)
def session():
    with tf.Graph().as_default(), tf.Session().as_default() as opened:
        yield opened


def value(tensor):
    return tf.get_default_session().run(tensor)


@pytest.mark.parametrize("image", [X, BYTES, MANY])
def test_parts_and_turns(image):
    assert (value(I.flip_left_right(image)) == image[..., ::-1, :]).all()
    assert (value(I.flip_up_down(image)) == image[..., ::-1, :, :]).all()
    assert (value(I.transpose_image(image)) == np.swapaxes(image, -3, -2)).all()
    for k in range(-1, 5):
        wanted = np.rot90(image, k, axes=(-3, -2))
        assert (value(I.rot90(image, k)) == wanted).all()
    assert (value(I.crop_to_bounding_box(image, 1, 2, 2, 3)) == image[..., 1:3, 2:5, :]).all()
    padded = value(I.pad_to_bounding_box(image, 1, 2, 9, 10))
    high, wide = image.shape[-3:-1]
    assert padded.shape[-3:-1] == (9, 10) and padded.sum() == pytest.approx(image.sum())
    assert (padded[..., 1:1 + high, 2:2 + wide, :] == image).all()
    assert (value(I.central_crop(image, 0.5)).shape[-3:-1]) == (2, 4 if wide == 6 else 3)
    made = I.resize_image_with_crop_or_pad(image, 3, 9)
    assert made.shape.as_list()[-3:-1] == [3, 9] and value(made).shape[-3:-1] == (3, 9)


def test_sizes_that_only_the_run_knows():
    place = tf.placeholder(tf.float32, [None, None, 3])
    for made, shape, total in (
            (I.resize_image_with_crop_or_pad(place, 3, 9), [3, 9, 3], X[:3].sum()),
            (I.pad_to_bounding_box(place, 1, 1, 8, 9), [8, 9, 3], X.sum()),
            (I.central_crop(place, 0.5), [None, None, 3], X[1:3, 1:5].sum())):
        assert made.shape.as_list() == shape
        assert made.eval({place: X}).sum() == pytest.approx(total, rel=1e-5)
    with pytest.raises(tf.errors.InvalidArgumentError, match="width must be"):
        I.crop_to_bounding_box(place, 0, 0, 2, 9).eval({place: X})
    with pytest.raises(ValueError, match="offset_width must be >= 0"):
        I.crop_to_bounding_box(X, 0, -1, 2, 2)
    with pytest.raises(ValueError, match="central_fraction"):
        I.central_crop(X, 1.5)


def test_colours():
    assert np.allclose(value(I.adjust_brightness(X, 0.2)), X + 0.2)
    mean = X.mean((0, 1))
    assert np.allclose(value(I.adjust_contrast(X, 1.5)), (X - mean) * 1.5 + mean, atol=1e-6)
    assert np.allclose(value(I.adjust_gamma(X, 2., 0.5)), X ** 2 / 2, atol=1e-6)
    gray = X @ np.array([0.2989, 0.587, 0.114])
    assert np.allclose(value(I.rgb_to_grayscale(X))[..., 0], gray, atol=1e-6)
    assert value(I.grayscale_to_rgb(X[..., :1])).tolist() == np.repeat(X[..., :1], 3, -1).tolist()
    for there, back in ((I.rgb_to_yiq, I.yiq_to_rgb), (I.rgb_to_yuv, I.yuv_to_rgb)):
        assert np.allclose(value(back(there(X))), X, atol=1e-5)
    standard = (MANY - MANY.mean((1, 2, 3), keepdims=True)) / MANY.std((1, 2, 3), keepdims=True)
    assert np.allclose(value(I.per_image_standardization(MANY)), standard, atol=1e-4)
    flat = value(I.per_image_standardization(np.full([4, 4, 1], 3, "f")))
    assert np.allclose(flat, 0, atol=1e-4)


def test_numbers_of_tensorflow():
    assert value(I.adjust_brightness(BYTES, .2)).ravel()[:5].tolist() == [190, 233, 204, 189, 159]
    assert value(I.adjust_contrast(BYTES, 1.5)).ravel()[:5].tolist() == [149, 211, 160, 148, 100]
    assert value(I.rgb_to_grayscale(BYTES)).ravel()[:5].tolist() == [166, 123, 194, 162, 183]
    made = value(I.per_image_standardization(BYTES)).ravel()[:5]
    assert made.tolist() == [43, 194, 92, 39, 0]
    for dtype, wanted in ((tf.uint8, [140, 182, 154]), (tf.int16, [17983, 23434, 19751])):
        assert value(I.convert_image_dtype(X, dtype)).ravel()[:3].tolist() == wanted
    assert value(I.convert_image_dtype(BYTES, tf.int16)).ravel()[:2].tolist() == [17792, 23296]
    assert np.allclose(value(I.convert_image_dtype(BYTES, tf.float32)), BYTES / 255., atol=1e-6)
    assert value(I.psnr(tf.constant(X), X * .9, 1.)) == pytest.approx(24.8169, abs=1e-3)
    tf.set_random_seed(1)
    made = value(I.random_brightness(X, .3, seed=5)).ravel()[:3]
    assert np.allclose(made, [0.3662, 0.5326, 0.4201], atol=1e-4)
    made = value(I.random_contrast(X, .5, 1.5, seed=5)).ravel()[:3]
    assert np.allclose(made, [0.523, 0.6454, 0.5856], atol=1e-4)
    made = value(I.random_flip_left_right(MANY, seed=6)).ravel()[:3]
    assert np.allclose(made, [0.5666, 0.2654, 0.5232], atol=1e-4)
    made = value(I.random_crop(X, [2, 3, 3], seed=5)).ravel()[:3]
    assert np.allclose(made, [0.7782, 0.87, 0.9786], atol=1e-4)


def test_measures_and_edges():
    wanted = abs(np.diff(X, axis=0)).sum() + abs(np.diff(X, axis=1)).sum()
    assert value(I.total_variation(tf.constant(X))) == pytest.approx(wanted, rel=1e-5)
    down, across = value(I.image_gradients(tf.constant(MANY)))
    assert np.allclose(down[:, :-1], np.diff(MANY, axis=1)) and not down[:, -1].any()
    assert np.allclose(across[:, :, :-1], np.diff(MANY, axis=2)) and not across[:, :, -1].any()


def test_what_is_refused():
    for call in (lambda: I.random_brightness(X, -1.), lambda: I.random_contrast(X, 2., 1.),
                 lambda: I.random_hue(X, 0.7), lambda: I.random_saturation(X, -1., 1.),
                 lambda: I.flip_left_right(X[0]), lambda: I.resize_images(X, [1, 2, 3]),
                 lambda: I.resize_images(X, [2, 2], method=9), lambda: I.adjust_gamma(X, -1)):
        with pytest.raises(ValueError):
            call()


@pytest.mark.parametrize("method", [0, 1])
def test_other_sizes(method):
    values = {0: [[0, .5, 1, 1], [1, 1.5, 2, 2], [2, 2.5, 3, 3], [2, 2.5, 3, 3]],
              1: [[0, 0, 1, 1], [0, 0, 1, 1], [2, 2, 3, 3], [2, 2, 3, 3]]}[method]
    image = np.arange(4, dtype="f").reshape(2, 2, 1)
    made = I.resize_images(image, [4, 4], method)
    assert made.shape.as_list() == [4, 4, 1]
    assert value(made)[..., 0].tolist() == values
    assert value(I.resize_images(MANY, [4, 5], method)).tolist() == MANY.tolist()
    aligned = value(I.resize_images(image, [3, 3], method, align_corners=True))[..., 0]
    assert aligned[0, 0] == 0 and aligned[2, 2] == 3
    x = tf.constant(image)
    gradient = tf.gradients(I.resize_images(x, [4, 6], method), x)[0]
    assert value(gradient).sum() == 24
    assert I.resize_images(X, [9, 9], preserve_aspect_ratio=True).shape.as_list() == [6, 9, 3]
    padded = value(I.resize_image_with_pad(X, 9, 9, method))
    assert padded.shape == (9, 9, 3) and not padded[0].any() and padded[4].any()
