# SPDX-License-Identifier: Apache-2.0
"""Functions of networks that are built of others: the names of TensorFlow's module, gathered from
the files that define them."""
from thalweg.ops.math_elementwise import sigmoid, tanh  # noqa: F401
from thalweg.ops.nn_activations import (  # noqa: F401
    l2_normalize, relu_layer, swish, zero_fraction)
from thalweg.ops.nn_convolution import depthwise_conv2d, separable_conv2d  # noqa: F401
from thalweg.ops.nn_losses import (  # noqa: F401
    _compute_sampled_logits, _sum_rows, compute_average_loss, log_poisson_loss, nce_loss,
    sampled_softmax_loss, scale_regularization_loss, sigmoid_cross_entropy_with_logits,
    weighted_cross_entropy_with_logits)
from thalweg.ops.nn_statistics import (  # noqa: F401
    batch_norm_with_global_normalization, batch_normalization, fused_batch_norm, moments,
    normalize_moments, sufficient_statistics, weighted_moments)

__all__ = [n for n in globals() if n[0] != "_"]
