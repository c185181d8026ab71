# SPDX-License-Identifier: Apache-2.0
"""Parts of images that boxes, places and windows tell, and boxes themselves."""
from thalweg.framework import ops
from thalweg.ops import gen_image_ops


def resize_bicubic(images, size, align_corners=False, name=None, half_pixel_centers=False):
    """Images with another height and width; points between points lie on cubics."""
    return gen_image_ops.resize_bicubic(images, size, align_corners=align_corners,
                                        half_pixel_centers=half_pixel_centers, name=name)


def resize_area(images, size, align_corners=False, name=None):
    """Images with another height and width, each pixel the mean of what it covers."""
    return gen_image_ops.resize_area(images, size, align_corners=align_corners, name=name)


def crop_and_resize(image, boxes, box_ind=None, crop_size=None, method="bilinear",
                    extrapolation_value=0, name=None, box_indices=None):
    """Parts of images, given by boxes, in one height and width."""
    return gen_image_ops.crop_and_resize(image, boxes,
                                         box_ind if box_indices is None else box_indices,
                                         crop_size, method, extrapolation_value, name)


def draw_bounding_boxes(images, boxes, name=None, colors=None):
    """Images with the frames of boxes, in turning colours or those given."""
    if colors is None:
        return gen_image_ops.draw_bounding_boxes(images, boxes, name)
    return gen_image_ops.draw_bounding_boxes_v2(images, boxes, colors, name)


def extract_glimpse(input, size, offsets, centered=True, normalized=True, uniform_noise=True,
                    name=None):
    """The part of each image around a place."""
    return gen_image_ops.extract_glimpse(input, size, offsets, centered=centered,
                                         normalized=normalized, uniform_noise=uniform_noise,
                                         name=name)


def extract_image_patches(images, ksizes=None, strides=None, rates=None, padding=None, name=None,
                          sizes=None):
    """What lies under a window that slides over images, as the depth of one pixel."""
    return gen_image_ops.extract_image_patches(images, ksizes if sizes is None else sizes, strides,
                                               rates, padding, name)


def extract_patches(images, sizes, strides, rates, padding, name=None):
    """extract_image_patches() under its newer name."""
    return gen_image_ops.extract_image_patches(images, sizes, strides, rates, padding, name)


def non_max_suppression(boxes, scores, max_output_size, iou_threshold=0.5,
                        score_threshold=float("-inf"), name=None):
    """The numbers of the best boxes, without those that are much alike a better one."""
    with ops.name_scope(name, "non_max_suppression"):
        return gen_image_ops.non_max_suppression_v3(boxes, scores, max_output_size, iou_threshold,
                                                    score_threshold)


def non_max_suppression_padded(boxes, scores, max_output_size, iou_threshold=0.5,
                               score_threshold=float("-inf"), pad_to_max_output_size=False,
                               name=None):
    """non_max_suppression() and how many boxes there are, filled up to a size if asked for."""
    with ops.name_scope(name, "non_max_suppression_padded"):
        return gen_image_ops.non_max_suppression_v4(
            boxes, scores, max_output_size, iou_threshold, score_threshold,
            pad_to_max_output_size=pad_to_max_output_size)


def sample_distorted_bounding_box(image_size, bounding_boxes, seed=None, seed2=None,
                                  min_object_covered=0.1, aspect_ratio_range=None,
                                  area_range=None, max_attempts=None,
                                  use_image_if_no_bounding_boxes=None, name=None):
    """A random part of an image that holds enough of a box: its place, its size, and its box."""
    given = {"aspect_ratio_range": aspect_ratio_range, "area_range": area_range,
             "max_attempts": max_attempts, "seed": seed, "seed2": seed2,
             "use_image_if_no_bounding_boxes": use_image_if_no_bounding_boxes}
    with ops.name_scope(name, "sample_distorted_bounding_box"):
        return gen_image_ops.sample_distorted_bounding_box_v2(
            image_size, bounding_boxes, min_object_covered=min_object_covered,
            **{k: v for k, v in given.items() if v is not None})
