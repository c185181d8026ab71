# SPDX-License-Identifier: Apache-2.0
"""Functions of networks that are single ops or a few: the names of TensorFlow's module, gathered
from the files that define them."""
from thalweg.ops import gen_nn_ops as _gen
from thalweg.ops.nn_activations import (  # noqa: F401
    bias_add, bias_add_v1, crelu, dropout, elu, in_top_k, l2_loss, leaky_relu,
    local_response_normalization, log_softmax, lrn, nth_element, relu, relu6, selu, softmax,
    softplus, softsign, top_k, xw_plus_b)
from thalweg.ops.nn_convolution import (  # noqa: F401
    atrous_conv2d, atrous_conv2d_transpose, conv1d, conv1d_transpose, conv2d,
    conv2d_backprop_filter, conv2d_backprop_input, conv2d_transpose, conv3d, conv3d_transpose,
    conv_transpose, convolution, depthwise_conv2d_native, dilation2d, erosion2d, pool,
    with_space_to_batch)
from thalweg.ops.nn_losses import (  # noqa: F401
    softmax_cross_entropy_with_logits, softmax_cross_entropy_with_logits_v2,
    sparse_softmax_cross_entropy_with_logits)
from thalweg.ops.nn_pooling import (  # noqa: F401
    avg_pool, avg_pool1d, avg_pool2d, avg_pool3d, avg_pool_v2, max_pool, max_pool1d, max_pool2d,
    max_pool3d, max_pool_v2, max_pool_with_argmax)

__all__ = [n for n in globals() if n[0] != "_"]


def __getattr__(name):
    # The ops themselves, as other modules find them here.
    return getattr(_gen, name)
