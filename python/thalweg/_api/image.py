# SPDX-License-Identifier: Apache-2.0
"""Public names of functions on images, but for those that read and write files."""
NAMES = {
    "image": {
        "ops.image_ops": "ResizeMethod adjust_brightness adjust_contrast adjust_gamma adjust_hue "
                         "adjust_saturation central_crop convert_image_dtype crop_to_bounding_box "
                         "flip_left_right flip_up_down grayscale_to_rgb image_gradients "
                         "pad_to_bounding_box per_image_standardization psnr random_brightness "
                         "random_contrast random_crop random_flip_left_right "
                         "random_flip_up_down random_hue random_saturation resize "
                         "resize_bilinear resize_image_with_crop_or_pad resize_image_with_pad "
                         "resize_images resize_nearest_neighbor resize_with_crop_or_pad "
                         "rgb_to_grayscale rgb_to_yiq rgb_to_yuv rot90 total_variation transpose "
                         "transpose_image yiq_to_rgb yuv_to_rgb hsv_to_rgb rgb_to_hsv "
                         "crop_and_resize draw_bounding_boxes extract_glimpse "
                         "extract_image_patches extract_patches non_max_suppression "
                         "non_max_suppression_padded resize_area resize_bicubic "
                         "sample_distorted_bounding_box",
    },
    "": {"ops.image_ops": "extract_image_patches"},
}
