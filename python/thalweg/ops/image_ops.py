# SPDX-License-Identifier: Apache-2.0
"""Functions on images: the names of TensorFlow's module, gathered from the files that define
them."""
from thalweg.ops import gen_image_ops as _gen
from thalweg.ops.image_colors import (  # noqa: F401
    adjust_brightness, adjust_contrast, adjust_gamma, adjust_hue, adjust_saturation,
    convert_image_dtype, grayscale_to_rgb, image_gradients, per_image_standardization, psnr,
    random_brightness, random_contrast, random_hue, random_saturation, rgb_to_grayscale,
    rgb_to_yiq, rgb_to_yuv, total_variation, yiq_to_rgb, yuv_to_rgb)
from thalweg.ops.image_geometry import (  # noqa: F401
    ResizeMethod, central_crop, crop_to_bounding_box, flip_left_right, flip_up_down,
    pad_to_bounding_box, random_flip_left_right, random_flip_up_down, resize,
    resize_bilinear, resize_image_with_crop_or_pad, resize_image_with_pad, resize_images,
    resize_nearest_neighbor, rot90, transpose_image)
from thalweg.ops.image_regions import (  # noqa: F401
    crop_and_resize, draw_bounding_boxes, extract_glimpse, extract_image_patches, extract_patches,
    non_max_suppression, non_max_suppression_padded, resize_area, resize_bicubic,
    sample_distorted_bounding_box)
from thalweg.ops.random_ops import random_crop  # noqa: F401

transpose, resize_with_crop_or_pad = transpose_image, resize_image_with_crop_or_pad


def __getattr__(name):
    # The ops themselves, as other modules find them here.
    return getattr(_gen, name)
