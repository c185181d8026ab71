# SPDX-License-Identifier: Apache-2.0
"""Colours of images: brightness, contrast, hue, saturation, other scales."""
import numpy as np

from thalweg.framework import constant_op, dtypes, node_counts, ops
from thalweg.ops import (array_joining, array_moving, array_shapes, gen_image_ops, gen_math_ops,
                         math_elementwise, math_matrix, math_reduction, random_ops)
from thalweg.ops.image_geometry import _image


def convert_image_dtype(image, dtype, saturate=False, name=None):
    """An image in another dtype: floats go from 0 to 1, integers to the greatest they have."""
    image = ops.convert_to_tensor(image, name="image")
    dtype = dtypes.as_dtype(dtype)
    if dtype == image.dtype:
        return array_shapes.identity(image, name=name)
    cast = math_elementwise.saturate_cast if saturate else math_elementwise.cast
    with ops.name_scope(name, "convert_image", [image]) as scope:
        if image.dtype.is_integer and dtype.is_integer:
            return _between_integers(image, dtype, cast, scope)
        if image.dtype.is_floating and dtype.is_floating:
            return math_elementwise.cast(image, dtype, name=scope)
        if image.dtype.is_integer:
            return gen_math_ops.mul(math_elementwise.cast(image, dtype), 1.0 / image.dtype.max,
                                    name=scope)
        scaled = gen_math_ops.mul(image, dtype.max + 0.5)  # rounded by what is cut off
        return cast(scaled, dtype, name=scope)


def _between_integers(image, dtype, cast, name):
    """Scaled by the quotient of how many values the dtypes have."""
    here, there = image.dtype.max, dtype.max
    if here > there:
        return cast(gen_math_ops.div(image, (here + 1) // (there + 1)), dtype, name=name)
    return gen_math_ops.mul(math_elementwise.cast(image, dtype), (there + 1) // (here + 1),
                            name=name)


def _as_float(image, change, name):
    """An image changed as one of floats, in its own dtype again."""
    with ops.name_scope(None, name, [image]):
        image = ops.convert_to_tensor(image, name="image")
        own = image.dtype
        flat = image if own in (dtypes.float16, dtypes.float32) else \
            convert_image_dtype(image, dtypes.float32)
        return convert_image_dtype(change(flat), own, saturate=True)


def adjust_brightness(image, delta):
    """An image with a number added to all that it has, floats going from 0 to 1."""
    return _as_float(image, lambda x: gen_math_ops.add(
        x, math_elementwise.cast(ops.convert_to_tensor(delta), x.dtype)), "adjust_brightness")


def adjust_contrast(images, contrast_factor):
    """Images whose distances from the mean of each channel are multiplied."""
    def change(x):
        mean = math_reduction.reduce_mean(x, [-3, -2], keepdims=True)
        return gen_math_ops.add(gen_math_ops.mul(
            gen_math_ops.sub(x, mean), math_elementwise.cast(contrast_factor, x.dtype)), mean)
    node_counts.add(-4)  # one operation does it in TensorFlow
    return _as_float(images, change, "adjust_contrast")


def adjust_gamma(image, gamma=1, gain=1):
    """gain * image ** gamma, of floats from 0 to 1."""
    if not isinstance(gamma, ops.Tensor) and gamma < 0:
        raise ValueError("Gamma should be a non-negative real number.")
    return _as_float(image, lambda x: x ** math_elementwise.cast(gamma, x.dtype) * gain,
                     "adjust_gamma")


def _in_hsv(image, change, name):
    """A colour image changed in hue, saturation and value."""
    def changed(x):
        hue, saturation, value = (x[..., i:i + 1] for i in range(3))
        node_counts.add(-20)  # one operation does it in TensorFlow
        return gen_image_ops.hsv_to_rgb(array_joining.concat(
            change(hue, saturation) + [value], -1))
    return _as_float(image, lambda x: changed(gen_image_ops.rgb_to_hsv(x)), name)


def adjust_hue(image, delta, name=None):
    """A colour image with its hue turned by delta circles."""
    return _in_hsv(image, lambda hue, saturation: [
        gen_math_ops.floor_mod(hue + (delta + 1.0), 1.0), saturation], name or "adjust_hue")


def adjust_saturation(image, saturation_factor, name=None):
    """A colour image with its saturation multiplied."""
    return _in_hsv(image, lambda hue, saturation: [hue, gen_math_ops.minimum(gen_math_ops.maximum(
        saturation * saturation_factor, 0.0), 1.0)], name or "adjust_saturation")


# ---- by chance ----

def _between(lower, upper, seed):
    return random_ops.random_uniform([], lower, upper, seed=seed)


def random_brightness(image, max_delta, seed=None):
    """adjust_brightness() by at most max_delta."""
    if max_delta < 0:
        raise ValueError("max_delta must be non-negative.")
    return adjust_brightness(image, _between(-max_delta, max_delta, seed))


def random_contrast(image, lower, upper, seed=None):
    """adjust_contrast() by a factor between two."""
    if upper <= lower:
        raise ValueError("upper must be > lower.")
    if lower < 0:
        raise ValueError("lower must be non-negative.")
    return adjust_contrast(image, _between(lower, upper, seed))


def random_hue(image, max_delta, seed=None):
    """adjust_hue() by at most max_delta."""
    if not 0 <= max_delta <= 0.5:
        raise ValueError("max_delta must be between 0 and 0.5.")
    return adjust_hue(image, _between(-max_delta, max_delta, seed))


def random_saturation(image, lower, upper, seed=None):
    """adjust_saturation() by a factor between two."""
    if upper <= lower:
        raise ValueError("upper must be > lower.")
    if lower < 0:
        raise ValueError("lower must be non-negative.")
    return adjust_saturation(image, _between(lower, upper, seed))


# ---- other scales ----

def rgb_to_grayscale(images, name=None):
    """The brightness of colours: 0.2989 red + 0.587 green + 0.114 blue."""
    with ops.name_scope(name, "rgb_to_grayscale", [images]) as scope:
        images = ops.convert_to_tensor(images, name="images")
        floats = convert_image_dtype(images, dtypes.float32)
        gray = math_matrix.tensordot(floats, constant_op.constant([0.2989, 0.5870, 0.1140]),
                                     [[floats.get_shape().ndims - 1], [0]])
        return convert_image_dtype(array_shapes.expand_dims(gray, -1), images.dtype, name=scope)


def grayscale_to_rgb(images, name=None):
    """Gray images as colours."""
    with ops.name_scope(name, "grayscale_to_rgb", [images]) as scope:
        images = ops.convert_to_tensor(images, name="images")
        times = [1] * (images.get_shape().ndims - 1) + [3]
        made = array_moving.tile(images, times, name=scope)
        made.set_shape(images.get_shape()[:-1].concatenate([3]))
        return made


def _matrix(rows, doc, label):
    kernel = np.array(rows, np.float32)

    def convert(images):
        with ops.name_scope(None, label, [images]):
            images = ops.convert_to_tensor(images, name="images")
            rank = images.get_shape().ndims
            return math_matrix.tensordot(images, constant_op.constant(kernel, images.dtype),
                                         [[rank - 1], [0]])
    convert.__name__ = convert.__qualname__ = label
    convert.__doc__ = doc
    return convert


_YIQ = [[0.299, 0.59590059, 0.2115], [0.587, -0.27455667, -0.52273617],
        [0.114, -0.32134392, 0.31119955]]
_YUV = [[0.299, -0.14714119, 0.61497538], [0.587, -0.28886916, -0.51496512],
        [0.114, 0.43601035, -0.10001026]]
rgb_to_yiq = _matrix(_YIQ, "Colours by brightness and two chromas, as NTSC has them.",
                     "rgb_to_yiq")
yiq_to_rgb = _matrix(np.linalg.inv(_YIQ), "What rgb_to_yiq() undoes.", "yiq_to_rgb")
rgb_to_yuv = _matrix(_YUV, "Colours by brightness and two chromas, as PAL has them.",
                     "rgb_to_yuv")
yuv_to_rgb = _matrix(np.linalg.inv(_YUV), "What rgb_to_yuv() undoes.", "yuv_to_rgb")


def per_image_standardization(image):
    """Each image less its mean, over its standard deviation, which counts as at least 1 over the
    root of how many numbers there are."""
    with ops.name_scope(None, "per_image_standardization", [image]) as scope:
        image = _image(image)
        own, axes = image.dtype, [-3, -2, -1]
        node_counts.add(-1)
        image = convert_image_dtype(image, dtypes.float32)
        count = math_elementwise.cast(math_reduction.reduce_prod(
            array_shapes.shape(image)[-3:]), dtypes.float32)
        mean = math_reduction.reduce_mean(image, axes, keepdims=True)
        variance = math_reduction.reduce_mean(gen_math_ops.square(image), axes, keepdims=True) \
            - gen_math_ops.square(mean)
        deviation = gen_math_ops.sqrt(gen_math_ops.maximum(variance, 0.0))
        least = gen_math_ops.maximum(deviation, gen_math_ops.rsqrt(count))
        made = gen_math_ops.div(gen_math_ops.sub(image, mean), least, name=scope)
        return convert_image_dtype(made, own, saturate=True)


# ---- measures ----

def total_variation(images, name=None):
    """The sum of the distances between neighbours, of each image."""
    with ops.name_scope(name, "total_variation"):
        images = _image(images)
        down = images[..., 1:, :, :] - images[..., :-1, :, :]
        across = images[..., :, 1:, :] - images[..., :, :-1, :]
        axes = None if images.get_shape().ndims == 3 else [1, 2, 3]
        return math_reduction.reduce_sum(gen_math_ops._abs(down), axes) + \
            math_reduction.reduce_sum(gen_math_ops._abs(across), axes)


def psnr(a, b, max_val, name=None):
    """The peak signal over the noise between two images, in decibels."""
    with ops.name_scope(name, "PSNR", [a, b]):
        top = convert_image_dtype(math_elementwise.cast(max_val, ops.convert_to_tensor(a).dtype),
                                  dtypes.float32)
        a, b = (convert_image_dtype(x, dtypes.float32) for x in (a, b))
        error = math_reduction.reduce_mean(gen_math_ops.squared_difference(a, b), [-3, -2, -1])
        ten = np.float32(np.log(10))
        return 20 * gen_math_ops.log(top) / ten - np.float32(10) / ten * gen_math_ops.log(error)


def image_gradients(image):
    """(differences of each point to the one below it, and to the one at its right)"""
    if ops.convert_to_tensor(image).get_shape().ndims != 4:
        raise ValueError("image_gradients expects a 4D tensor [batch_size, h, w, d], not %s."
                         % (ops.convert_to_tensor(image).get_shape(),))
    image = ops.convert_to_tensor(image)
    down = image[:, 1:] - image[:, :-1]
    across = image[:, :, 1:] - image[:, :, :-1]
    return (array_moving.pad(down, [[0, 0], [0, 1], [0, 0], [0, 0]]),
            array_moving.pad(across, [[0, 0], [0, 0], [0, 1], [0, 0]]))

