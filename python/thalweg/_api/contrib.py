# SPDX-License-Identifier: Apache-2.0
"""Public names of tf.contrib."""
_ARG_SCOPE = "add_arg_scope arg_scope arg_scope_func_key arg_scoped_arguments current_arg_scope " \
             "has_arg_scope"
_LAYERS = "avg_pool2d batch_norm bias_add conv1d conv2d conv2d_transpose conv3d convolution " \
          "convolution1d convolution2d convolution2d_transpose convolution3d dropout elu " \
          "embed_sequence flatten fully_connected layer_norm legacy_fully_connected " \
          "legacy_linear legacy_relu linear max_pool2d one_hot_encoding relu relu6 repeat " \
          "scale_gradient separable_conv2d separable_convolution2d softmax stack unit_norm"
_MORE_LAYERS = "avg_pool3d bow_encoder conv2d_in_plane conv3d_transpose convolution2d_in_plane " \
               "convolution3d_transpose dense_to_sparse embedding_lookup_unique group_norm " \
               "instance_norm max_pool3d maxout spatial_softmax"
_INITIALIZERS = "variance_scaling_initializer xavier_initializer xavier_initializer_conv2d"
_REGULARIZERS = "apply_regularization l1_l2_regularizer l1_regularizer l2_regularizer " \
                "sum_regularizer"
_VARIABLES = "VariableDeviceChooser add_model_variable assign_from_values " \
             "assign_from_values_fn filter_variables get_local_variables get_model_variables " \
             "get_trainable_variables get_unique_variable get_variable_full_name get_variables " \
             "get_variables_by_name get_variables_by_suffix get_variables_to_restore " \
             "local_variable model_variable variable"
_STEPS = "assert_global_step create_global_step get_global_step get_or_create_global_step"

_MEASURES = " ".join("streaming_" + name for name in (
    "accuracy auc false_negatives false_negatives_at_thresholds false_positives "
    "false_positives_at_thresholds mean mean_absolute_error mean_cosine_distance mean_iou "
    "mean_relative_error mean_squared_error mean_tensor percentage_less precision "
    "precision_at_thresholds recall recall_at_thresholds root_mean_squared_error true_negatives "
    "true_negatives_at_thresholds true_positives true_positives_at_thresholds").split())

NAMES = {
    "contrib.losses": {
        "contrib.older_losses": "absolute_difference add_loss compute_weighted_loss "
                                "cosine_distance get_losses get_regularization_losses "
                                "get_total_loss hinge_loss log_loss mean_pairwise_squared_error "
                                "mean_squared_error sigmoid_cross_entropy softmax_cross_entropy "
                                "sparse_softmax_cross_entropy",
    },
    "contrib.metrics": {
        "contrib.streaming": "accuracy aggregate_metric_map aggregate_metrics confusion_matrix "
                             + _MEASURES,
    },
    "contrib.crf": {
        "contrib.crf": "CrfDecodeBackwardRnnCell CrfDecodeForwardRnnCell CrfForwardRnnCell "
                       "crf_binary_score crf_decode crf_log_likelihood crf_log_norm "
                       "crf_multitag_sequence_score crf_sequence_score crf_unary_score "
                       "viterbi_decode",
    },
    "contrib.training": {"contrib.hparams": "HParams"},
    "contrib": {"modules": "distributions=distributions framework=contrib.framework "
                           "layers=contrib.layers"},
    "contrib.layers": {
        "contrib.layers.layers": _LAYERS,
        "contrib.layers.more_layers": _MORE_LAYERS,
        "contrib.layers.initializers": _INITIALIZERS,
        "contrib.layers.regularizers": _REGULARIZERS,
        "contrib.layers.optimizers": "OPTIMIZER_CLS_NAMES OPTIMIZER_SUMMARIES optimize_loss",
        "ops.embedding_ops": "safe_embedding_lookup_sparse",
        "modules": "utils=contrib.layers.utils",
    },
    "contrib.framework": {
        "contrib.framework.scoped_arguments": _ARG_SCOPE,
        "contrib.framework.variables": _VARIABLES,
        "training.training_util": _STEPS,
        "framework.tensor_util": "is_tensor",
        "framework.sparse_tensor": "convert_to_tensor_or_sparse_tensor",
        "framework.ops": "get_graph_from_inputs=_get_graph_from_inputs get_name_scope "
                         "prepend_name_scope strip_name_scope",
        "layers.core": "smart_cond",
        "ops.check_ops": "assert_same_float_dtype assert_scalar",
        "ops.confusion_matrix": "remove_squeezable_dimensions",
        "ops.script_ops": "py_func",
        "ops.sort_ops": "argsort sort",
        "modules": "nest=util.nest",
    },
    "contrib.slim": {
        "contrib.layers.layers": _LAYERS + " fc=fully_connected",
        "contrib.layers.more_layers": _MORE_LAYERS,
        "contrib.layers.initializers": _INITIALIZERS,
        "contrib.layers.regularizers": _REGULARIZERS,
        "contrib.framework.scoped_arguments": _ARG_SCOPE,
        "contrib.framework.variables": _VARIABLES,
        "training.training_util": _STEPS,
        "modules": "losses=contrib.losses",
    },
}
