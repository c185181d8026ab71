# SPDX-License-Identifier: Apache-2.0
"""The part of levels.py that is about networks."""

# The same name, another meaning; oldest first. Columns as in levels.CHANGED.
_L, _A, _S = "ops.nn_losses.", "ops.nn_activations.", "ops.nn_statistics."
_P, _C = "ops.nn_pooling.", "ops.nn_convolution."
_ROWS = (
    ("0.8", _L, "softmax_cross_entropy_with_logits", "softmax_cross_entropy_with_logits_0_7", "-"),
    ("1.0", _L, "softmax_cross_entropy_with_logits", "", "-"),
    ("0.8", _L, "sparse_softmax_cross_entropy_with_logits",
     "sparse_softmax_cross_entropy_with_logits_0_7", "-"),
    ("1.0", _L, "sparse_softmax_cross_entropy_with_logits", "", "integers_second"),
    ("1.0", _L, "sigmoid_cross_entropy_with_logits", "", "targets_by_name"),
    ("1.0", _L, "weighted_cross_entropy_with_logits", "", "-"),
    ("1.0", _L, "nce_loss", "", "integers_fourth"),
    ("1.0", _L, "sampled_softmax_loss", "", "integers_fourth"),
    ("1.0", _L, "_compute_sampled_logits", "", "integers_fourth"),
    ("0.8", _S, "moments", "moments_0_7", "-"),
    ("1.0", _S, "moments", "", "-"),
    ("0.8", _S, "batch_norm_with_global_normalization",
     "batch_norm_with_global_normalization_0_7", "-"),
    ("0.8", _A, "softmax", "softmax_0_7", "-"),
    ("0.8", _A, "log_softmax", "log_softmax_0_7", "-"),
    ("0.8", _C, "conv2d", "conv2d_0_7", "-"),
    ("0.8", _P, "max_pool", "max_pool_0_7", "-"),
    ("0.8", _P, "avg_pool", "avg_pool_0_7", "-"),
    ("0.8", _P, "max_pool_with_argmax", "max_pool_with_argmax_0_7", "-"),
    ("1.13", _A, "dropout", "", "-"),
    ("1.14", _A, "dropout", "dropout_1_13", "-"),
    ("1.5", _A, "in_top_k", "", "-"),
)
# contrib.layers named their arguments otherwise at first.
_FULL = "contrib.layers.layers"
_MORE = "0.8 | %s.fully_connected | %s:legacy_fully_connected | -\n" % (_FULL, _FULL)
_MORE += "0.11 | ops.image_geometry.resize_images | compat.old_nn:resize_images | " \
         "numbers_second\n"
CHANGED = _MORE + "".join(
    "%s | %s%s | compat.old_nn:%s | %s\n" % (until, home, name, old or name, test)
    for until, home, name, old, test in _ROWS)
# Names that are gone; columns as in levels.NAMES.
NAMES = """\
0.10 | ops.image_ops | image | saturate_cast=ops.math_ops:saturate_cast
1.0 | ops.image_ops | image |
    per_image_whitening=ops.image_colors:per_image_standardization
"""
