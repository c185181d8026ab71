# SPDX-License-Identifier: Apache-2.0
"""Public names of networks."""

NAMES = {
    "nn": {
        "ops.nn_ops": "atrous_conv2d atrous_conv2d_transpose avg_pool avg_pool1d avg_pool2d "
                      "avg_pool3d avg_pool_v2 bias_add bias_add_v1 conv1d conv1d_transpose conv2d "
                      "conv2d_backprop_filter conv2d_backprop_input conv2d_transpose conv3d "
                      "conv3d_transpose conv_transpose convolution crelu depthwise_conv2d_native "
                      "dilation2d dropout elu erosion2d in_top_k l2_loss leaky_relu "
                      "local_response_normalization log_softmax lrn max_pool max_pool1d "
                      "max_pool2d max_pool3d max_pool_v2 max_pool_with_argmax nth_element pool "
                      "relu relu6 selu softmax softmax_cross_entropy_with_logits "
                      "softmax_cross_entropy_with_logits_v2 softplus softsign "
                      "sparse_softmax_cross_entropy_with_logits top_k with_space_to_batch "
                      "xw_plus_b",
        "ops.nn_impl": "batch_norm_with_global_normalization batch_normalization "
                       "compute_average_loss depthwise_conv2d fused_batch_norm l2_normalize "
                       "log_poisson_loss moments nce_loss normalize_moments relu_layer "
                       "sampled_softmax_loss scale_regularization_loss separable_conv2d "
                       "sigmoid_cross_entropy_with_logits sufficient_statistics swish "
                       "weighted_cross_entropy_with_logits weighted_moments zero_fraction "
                       "_compute_sampled_logits _sum_rows",
        "ops.embedding_ops": "embedding_lookup embedding_lookup_sparse "
                             "safe_embedding_lookup_sparse",
        "ops.candidate_sampling_ops": "all_candidate_sampler compute_accidental_hits "
                                      "fixed_unigram_candidate_sampler "
                                      "learned_unigram_candidate_sampler "
                                      "log_uniform_candidate_sampler uniform_candidate_sampler",
        "ops.gen_nn_ops": "conv3d_backprop_filter_v2 "
                          "depthwise_conv2d_native_backprop_filter "
                          "depthwise_conv2d_native_backprop_input "
                          "depthwise_conv2d_backprop_filter="
                          "depthwise_conv2d_native_backprop_filter "
                          "depthwise_conv2d_backprop_input="
                          "depthwise_conv2d_native_backprop_input",
        "ops.ctc_ops": "ctc_beam_search_decoder ctc_greedy_decoder ctc_loss",
        "ops.array_ops": "space_to_batch batch_to_space",
    },
}
