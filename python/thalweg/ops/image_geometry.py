# SPDX-License-Identifier: Apache-2.0
"""Images cut, padded, turned and resized: [height, width, channels], or several of them."""
from thalweg.framework import dtypes, node_counts, ops, tensor_util
from thalweg.ops import (array_joining, array_moving, array_shapes, array_slicing,
                         control_flow_ops, gen_image_ops, gen_math_ops, math_elementwise,
                         random_ops)


def _image(image, ranks=(3, 4)):
    """The image as a tensor of a known rank."""
    image = ops.convert_to_tensor(image, name="image")
    rank = image.get_shape().ndims
    if rank is None:
        image.set_shape([None] * ranks[0])
    elif rank not in ranks:
        raise ValueError("'image' must have either 3 or 4 dimensions." if len(ranks) == 2 else
                         "'image' must be three-dimensional, but has %d dimensions." % rank)
    return image


def _sizes(image):
    """Height and width, numbers where they are known and tensors elsewhere."""
    static = image.get_shape().as_list()[-3:-1]
    dynamic = array_shapes.shape(image) if None in static else None
    first = image.get_shape().ndims - 3
    return [dynamic[first + i] if n is None else n for i, n in enumerate(static)]


def _require(condition, error, message):
    """Raises at once where numbers tell, else gives the operation that asks when it runs."""
    if isinstance(condition, ops.Tensor):
        return [control_flow_ops.Assert(condition, [message])]
    if not condition:
        raise error(message)
    return []


def _with(checks, tensor):
    return control_flow_ops.with_dependencies(checks, tensor) if checks else tensor


# ---- cut and padded ----

def pad_to_bounding_box(image, offset_height, offset_width, target_height, target_width):
    """Zeros around an image, which stands at an offset."""
    with ops.name_scope(None, "pad_to_bounding_box", [image]):
        image = _image(image)
        height, width = _sizes(image)
        below = target_height - offset_height - height
        right = target_width - offset_width - width
        checks = _require(offset_height >= 0, ValueError, "offset_height must be >= 0")
        checks += _require(offset_width >= 0, ValueError, "offset_width must be >= 0")
        checks += _require(right >= 0, ValueError, "width must be <= target - offset")
        checks += _require(below >= 0, ValueError, "height must be <= target - offset")
        pads = [[0, 0]] * (image.get_shape().ndims - 3) + [
            [offset_height, below], [offset_width, right], [0, 0]]
        if any(isinstance(n, ops.Tensor) for pair in pads for n in pair):
            pads = array_joining.stack([array_joining.stack(pair) for pair in pads])
        padded = array_moving.pad(_with(checks, image), pads)
        _set_space(padded, target_height, target_width, image)
        return padded


def _set_space(image, height, width, before):
    """What is known of the height and width, and of what is as it was before."""
    shape = before.get_shape().as_list()
    shape[-3:-1] = [None if isinstance(n, ops.Tensor) else n for n in (height, width)]
    image.set_shape(shape)


def crop_to_bounding_box(image, offset_height, offset_width, target_height, target_width):
    """The part of an image that begins at an offset."""
    with ops.name_scope(None, "crop_to_bounding_box", [image]):
        image = _image(image)
        height, width = _sizes(image)
        checks = _require(offset_width >= 0, ValueError, "offset_width must be >= 0.")
        checks += _require(offset_height >= 0, ValueError, "offset_height must be >= 0.")
        checks += _require(target_width > 0, ValueError, "target_width must be > 0.")
        checks += _require(target_height > 0, ValueError, "target_height must be > 0.")
        checks += _require(width >= target_width + offset_width, ValueError,
                           "width must be >= target + offset.")
        checks += _require(height >= target_height + offset_height, ValueError,
                           "height must be >= target + offset.")
        many = image.get_shape().ndims - 3
        begin = [0] * many + [offset_height, offset_width, 0]
        size = [-1] * many + [target_height, target_width, -1]
        begin, size = (array_joining.stack(v) if any(isinstance(n, ops.Tensor) for n in v) else v
                       for v in (begin, size))
        cropped = array_slicing.slice(_with(checks, image), begin, size)
        _set_space(cropped, target_height, target_width, image)
        return cropped


def central_crop(image, central_fraction):
    """The middle part of an image, a fraction of its height and width."""
    with ops.name_scope(None, "central_crop", [image]):
        if not 0.0 < central_fraction <= 1.0:
            raise ValueError("central_fraction must be within (0, 1]")
        image = _image(image)
        if central_fraction == 1.0:
            return image
        sizes, starts, parts = _sizes(image), [], []
        node_counts.add(1)
        for size in sizes:
            if isinstance(size, ops.Tensor):
                real = math_elementwise.cast(size, dtypes.float64)
                start = math_elementwise.cast((real - real * central_fraction) / 2, dtypes.int32)
            else:
                start = int((size - size * central_fraction) / 2)
            starts.append(start)
            parts.append(size - start * 2)
        return crop_to_bounding_box(image, starts[0], starts[1], parts[0], parts[1])


def resize_image_with_crop_or_pad(image, target_height, target_width):
    """The middle of an image in the height and width given, with zeros where it is smaller."""
    with ops.name_scope(None, "resize_image_with_crop_or_pad", [image]):
        image = _image(image)
        for word, n in (("height", target_height), ("width", target_width)):
            if not isinstance(n, ops.Tensor) and n <= 0:
                raise ValueError("target_%s must be > 0." % word)

        def least(a, b):
            return gen_math_ops.minimum(a, b) if isinstance(a, ops.Tensor) or \
                isinstance(b, ops.Tensor) else min(a, b)

        def above(a):
            return gen_math_ops.maximum(a, 0) if isinstance(a, ops.Tensor) else max(a, 0)
        (height, width) = _sizes(image)
        node_counts.add(9)
        down, across = target_height - height, target_width - width
        image = crop_to_bounding_box(image, above(-down // 2), above(-across // 2),
                                     least(target_height, height), least(target_width, width))
        return pad_to_bounding_box(image, above(down // 2), above(across // 2), target_height,
                                   target_width)


# ---- turned ----

def _flip(image, axis, label):
    """Reversed along the height (0) or width (1)."""
    with ops.name_scope(None, label, [image]):
        image = _image(image)
        node_counts.add(1)
        made = array_moving.reverse(image, [image.get_shape().ndims - 3 + axis])
        made.set_shape(image.get_shape())
        return made


def flip_left_right(image):
    """An image with its columns reversed."""
    return _flip(image, 1, "flip_left_right")


def flip_up_down(image):
    """An image with its rows reversed."""
    return _flip(image, 0, "flip_up_down")


def _random_flip(image, axis, seed, label):
    with ops.name_scope(None, label, [image]) as scope:
        image = _image(image)
        node_counts.add(1)  # of a check that TensorFlow makes
        if image.get_shape().ndims == 3:
            chance = random_ops.random_uniform([], 0, 1.0, seed=seed)
            made = control_flow_ops.cond(
                gen_math_ops.less(chance, 0.5), lambda: array_moving.reverse(image, [axis]),
                lambda: image, name=scope)
        else:
            count = array_shapes.shape(image)[0]
            chance = random_ops.random_uniform([count], 0, 1.0, seed=seed)
            turned = array_moving.reverse(image, [axis + 1])
            made = gen_math_ops.select(gen_math_ops.greater(chance, 0.5), turned, image)
        made.set_shape(image.get_shape())
        return made


def random_flip_left_right(image, seed=None):
    """An image, or one in two images, with its columns reversed by chance."""
    return _random_flip(image, 1, seed, "random_flip_left_right")


def random_flip_up_down(image, seed=None):
    """An image, or one in two images, with its rows reversed by chance."""
    return _random_flip(image, 0, seed, "random_flip_up_down")


def transpose_image(image, name=None):
    """An image with its rows as columns."""
    with ops.name_scope(name, "transpose_image", [image]):
        image = _image(image)
        order = [1, 0, 2] if image.get_shape().ndims == 3 else [0, 2, 1, 3]
        return array_moving.transpose(image, order)


def rot90(image, k=1, name=None):
    """An image turned to the left by k right angles."""
    with ops.name_scope(name, "rot90", [image, k]):
        image = _image(image)
        if isinstance(k, ops.Tensor):
            known = tensor_util.constant_value(k)
            if known is None:
                raise ValueError("rot90 needs a number of turns that is known")
            k = int(known)
        turns = k % 4
        if turns == 1:
            return transpose_image(flip_left_right(image))
        if turns == 2:
            return flip_up_down(flip_left_right(image))
        return flip_left_right(transpose_image(image)) if turns == 3 else image


# ---- resized ----

class ResizeMethod:
    """How the points between points are found."""

    BILINEAR, NEAREST_NEIGHBOR, BICUBIC, AREA = range(4)


def resize_images(images, size, method=ResizeMethod.BILINEAR, align_corners=False,
                  preserve_aspect_ratio=False, name=None):
    """Images with another height and width."""
    with ops.name_scope(name, "resize", [images, size]):
        images = _image(images)
        one = images.get_shape().ndims == 3
        if one:
            images = array_shapes.expand_dims(images, 0)
        size = ops.convert_to_tensor(size, dtypes.int32, name="size")
        if not size.get_shape().is_compatible_with([2]):
            raise ValueError("'size' must be a 1-D Tensor of 2 elements: new_height, new_width")
        known = tensor_util.constant_value(size)
        if preserve_aspect_ratio:
            size, known = _fitting(images, size)
        if known is not None and images.get_shape().as_list()[1:3] == [int(n) for n in known]:
            made = images
        else:
            made = _resized(images, size, method, align_corners)
        if known is not None:
            _set_space(made, int(known[0]), int(known[1]), images)
        return array_shapes.squeeze(made, axis=[0]) if one else made


def _resized(images, size, method, align_corners):
    names = ("resize_bilinear", "resize_nearest_neighbor", "resize_bicubic", "resize_area")
    if method not in range(len(names)):
        raise ValueError("Resize method is not implemented.")
    return getattr(gen_image_ops, names[method])(images, size, align_corners=align_corners)


def _fitting(images, size):
    """(the greatest size within the one given that has the images' proportions, the same as
    numbers or None)"""
    height, width = _sizes(images)
    wanted = tensor_util.constant_value(size)
    if wanted is not None and not any(isinstance(n, ops.Tensor) for n in (height, width)):
        scale = min(wanted[0] / height, wanted[1] / width)
        numbers = [int(round(height * scale)), int(round(width * scale))]
        return ops.convert_to_tensor(numbers, dtypes.int32), numbers
    own = math_elementwise.cast(array_joining.stack([height, width]), dtypes.float32)
    parts = math_elementwise.cast(size, dtypes.float32) / own
    scale = gen_math_ops.minimum(parts[0], parts[1])
    return math_elementwise.cast(gen_math_ops.round(own * scale), dtypes.int32), None


resize = resize_images


def resize_image_with_pad(image, target_height, target_width, method=ResizeMethod.BILINEAR,
                          align_corners=False):
    """An image in its proportions within the height and width given, with zeros around it."""
    with ops.name_scope(None, "resize_image_with_pad", [image]):
        image = _image(image)
        made = resize_images(image, [target_height, target_width], method, align_corners,
                             preserve_aspect_ratio=True)
        height, width = _sizes(made)
        return pad_to_bounding_box(made, (target_height - height) // 2,
                                   (target_width - width) // 2, target_height, target_width)


def resize_bilinear(images, size, align_corners=False, name=None, half_pixel_centers=False):
    """Images with another height and width, points between points by straight lines."""
    return gen_image_ops.resize_bilinear(images, size, align_corners=align_corners,
                                         half_pixel_centers=half_pixel_centers, name=name)


def resize_nearest_neighbor(images, size, align_corners=False, name=None,
                            half_pixel_centers=False):
    """Images with another height and width, of the nearest points."""
    return gen_image_ops.resize_nearest_neighbor(images, size, align_corners=align_corners,
                                                 half_pixel_centers=half_pixel_centers, name=name)

