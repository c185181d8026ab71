# SPDX-License-Identifier: Apache-2.0
"""Parts of images, boxes, transforms of real numbers, and other functions of single ops."""
import numpy as np
import pytest

import thalweg as tf


def run(tensor, feed=None):
    with tf.Session() as session:
        return session.run(tensor, feed)


@pytest.fixture
def image():
    return np.random.RandomState(0).rand(2, 4, 6, 3).astype("f")


def test_an_area_is_the_mean_of_the_pixels_it_covers(image):
    made = run(tf.image.resize_images(image, [2, 3], tf.image.ResizeMethod.AREA))
    assert np.allclose(made, image.reshape(2, 2, 2, 3, 2, 3).mean((2, 4)))


def test_a_cubic_goes_through_the_pixels(image):
    made = run(tf.image.resize_images(image, [8, 12], tf.image.ResizeMethod.BICUBIC))
    assert np.allclose(made[:, ::2, ::2], image, atol=1e-6)


def test_a_crop_of_the_whole_image_is_the_image(image):
    boxes = [[0., 0., 1., 1.], [1., 1., 0., 0.]]
    made = run(tf.image.crop_and_resize(image, boxes, box_ind=[1, 0], crop_size=[4, 6]))
    assert np.allclose(made[0], image[1], atol=1e-6)
    assert np.allclose(made[1], image[0, ::-1, ::-1], atol=1e-6)


def test_a_crop_outside_of_the_batch_is_refused(image):
    with pytest.raises(tf.errors.OutOfRangeError):
        run(tf.image.crop_and_resize(image, [[0., 0., 1., 1.]], [2], [2, 2]))


def test_boxes_as_alike_as_the_threshold_are_left_out():
    boxes, scores = [[0., 0., 1., 1.], [0., 0., 1., 1.], [2., 2., 3., 3.]], [0.5, 0.9, 0.7]
    assert run(tf.image.non_max_suppression(boxes, scores, 3)).tolist() == [1, 2]
    assert run(tf.image.non_max_suppression(boxes, scores, 3, 1.0)).tolist() == [1, 2]
    assert run(tf.image.non_max_suppression(boxes, scores, 3, 0.0)).tolist() == [1]
    kept, count = run(tf.image.non_max_suppression_padded(boxes, scores, 4,
                                                          pad_to_max_output_size=True))
    assert kept.tolist() == [1, 2, 0, 0] and count == 2


def test_a_sampled_box_holds_enough_of_the_object():
    box = [[[0.25, 0.25, 0.75, 0.75]]]
    begin, size, _ = tf.image.sample_distorted_bounding_box(
        [40, 40, 3], box, min_object_covered=0.9, area_range=[0.3, 1.0], max_attempts=1000)
    with tf.Session() as session:
        for _ in range(20):
            at, much = session.run([begin, size])
            inside = [max(0, min(30, a + n) - max(10, a)) for a, n in zip(at[:2], much[:2])]
            assert inside[0] * inside[1] >= 0.9 * 400 or tuple(much[:2]) == (40, 40)


def test_patches_lie_side_by_side(image):
    made = run(tf.extract_image_patches(image, [1, 2, 3, 1], [1, 2, 3, 1], [1, 1, 1, 1], "VALID"))
    assert np.array_equal(made[1, 1, 1].reshape(2, 3, 3), image[1, 2:4, 3:6])


def test_frames_are_drawn_in_the_colours_given(image):
    made = run(tf.image.draw_bounding_boxes(image, [[[0., 0., 1., 1.]]] * 2,
                                            colors=[[0.25, 0.5, 0.75]]))
    assert np.array_equal(made[1, 0, 3], np.array([0.25, 0.5, 0.75], "f"))
    assert np.array_equal(made[:, 1:-1, 1:-1], image[:, 1:-1, 1:-1])


@pytest.mark.parametrize("length", [None, 4, 6, 9])
def test_transforms_of_real_numbers_are_numpys(length):
    x = np.random.RandomState(1).randn(2, 6).astype("f")
    given = None if length is None else [length]
    fed = tf.placeholder(tf.float32, [None, None])
    assert np.allclose(run(tf.spectral.rfft(x, given)), np.fft.rfft(x, length), atol=1e-5)
    assert np.allclose(run(tf.signal.rfft(fed, given), {fed: x}), np.fft.rfft(x, length), atol=1e-5)
    half = np.fft.rfft(x, length).astype("complex64")
    assert np.allclose(run(tf.spectral.irfft(half, given)), np.fft.irfft(half, length), atol=1e-5)


def test_two_dims_of_real_numbers():
    x = np.random.RandomState(1).randn(2, 5, 7).astype("f")
    assert np.allclose(run(tf.spectral.rfft2d(x, [6, 5])), np.fft.rfft2(x, [6, 5]), atol=1e-5)
    assert np.allclose(run(tf.spectral.irfft2d(np.fft.rfft2(x).astype("complex64"), [5, 7])), x,
                       atol=1e-5)


def test_edit_distance_takes_sparse_tensors_only():
    a = tf.SparseTensor([[0, 0], [0, 1]], ["a", "b"], [1, 2])
    b = tf.SparseTensor([[0, 0]], ["a"], [1, 1])
    assert run(tf.edit_distance(a, b)).tolist() == [1.0]
    assert run(tf.edit_distance(b, a, normalize=False)).tolist() == [1.0]
    with pytest.raises(TypeError):
        tf.edit_distance([["a"]], b)


def test_all_axes_are_joined_if_none_are_named():
    texts = [["a", "b"], ["c", "d"]]
    assert run(tf.reduce_join(texts)) == b"abcd"
    assert run(tf.reduce_join(texts, [0, 1])) == b"acbd"
    assert run(tf.strings.reduce_join(texts, 1, keepdims=True)).tolist() == [[b"ab"], [b"cd"]]


def test_what_is_serialized_comes_back():
    sparse = tf.SparseTensor([[0, 1], [2, 0]], ["x", ""], [3, 2])
    back = run(tf.deserialize_many_sparse(tf.serialize_many_sparse(sparse), tf.string))
    assert back.indices.tolist() == [[0, 1], [2, 0]]
    assert back.values.tolist() == [b"x", b""] and back.dense_shape.tolist() == [3, 2]
    bad = tf.constant([["\x08\x09", "", ""]])
    with pytest.raises(tf.errors.InvalidArgumentError, match="Failed to parse"):
        run(tf.deserialize_many_sparse(bad, tf.float32))


def test_bins_count_numbers_or_their_weights():
    assert run(tf.bincount([1, 1, 3])).tolist() == [0, 2, 0, 1]
    assert run(tf.bincount([1, 1, 3], [1., 2., 4.], minlength=5)).tolist() == [0., 3., 0., 4., 0.]
    assert run(tf.bincount([1, 1, 3], maxlength=2)).tolist() == [0, 2]


def test_random_numbers_have_the_means_of_their_distributions():
    gamma = run(tf.random_gamma([4000], [2., 5.], beta=[1., 2.], seed=1))
    assert gamma.shape == (4000, 2) and np.allclose(gamma.mean(0), [2, 2.5], rtol=0.05)
    poisson = run(tf.random_poisson([3., 30.], [4000], seed=1))
    assert poisson.shape == (4000, 2) and np.allclose(poisson.mean(0), [3, 30], rtol=0.05)
    cut = run(tf.parameterized_truncated_normal([4000], means=1., minvals=0., maxvals=4., seed=2))
    assert cut.min() >= 0 and cut.max() <= 4 and abs(cut.mean() - 1.284) < 0.05
