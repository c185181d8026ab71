# SPDX-License-Identifier: Apache-2.0
"""The part of levels.py that is about the order and the names of arguments.

A row holds for levels below the version that it begins with; of several rows for a function the
first such counts, so the oldest is first. Its words say what a call by position meant: the newest
order without some arguments (`-strict`), or the whole order (`input paddings name`); `old=new`
stands for an argument of another name. A function whose newest order serves older calls too needs
no row."""

_SEPARABLE = "contrib.layers.layers.separable_convolution2d"
_ATTENTION = "contrib.seq2seq.attention."

# until | as defined in this package | words
_ROWS = """
0.8  | framework.default_graph.device     | dev=device_name_or_function
0.10 | framework.graph_io.write_graph     | graph_def=graph_or_graph_def
0.8  | framework.conversion.convert_to_tensor | value dtype name as_ref
1.0  | framework.conversion.convert_to_tensor | value dtype name as_ref preferred_dtype
0.10 | compat.old_ops.listdiff            | -out_idx
0.8  | ops.array_moving.pad               | input=tensor paddings name
0.9  | ops.array_shapes.shape_n           | -out_type
0.10 | ops.array_slicing.unique           | -out_idx
0.10 | ops.array_slicing.unique_with_counts | -out_idx
0.11 | ops.array_slicing.where            | input=condition name
0.9  | ops.clip_ops.clip_by_norm          | -axes
1.0  | ops.confusion_matrix.confusion_matrix | predictions=labels labels=predictions
1.2  | ops.control_flow_case.case         | -strict
1.2  | ops.control_flow_cond.cond         | -strict
1.0  | ops.ctc_ops.ctc_loss
     | inputs labels sequence_length preprocess_collapse_repeated ctc_merge_repeated time_major
1.4  | ops.ctc_ops.ctc_loss               | -ignore_longer_outputs_than_inputs
1.5  | ops.functional_ops.scan            | -reverse
1.7  | ops.image_regions.non_max_suppression | -score_threshold
1.2  | ops.init_ops.Orthogonal            | gain dtype seed
0.10 | ops.linalg_ops.self_adjoint_eig    | input=tensor
0.10 | ops.math_elementwise.conj          | in_=x
0.10 | ops.math_elementwise.imag          | in_=input
0.10 | ops.math_elementwise.real          | in_=input
0.12 | ops.math_elementwise.range         | -dtype
0.12 | ops.math_matrix.matmul             | -adjoint_a -adjoint_b
1.2  | ops.math_reduction.arg_max         | -output_type
1.2  | ops.math_reduction.arg_min         | -output_type
1.2  | ops.parsing_ops.decode_csv         | -use_quote_delim
0.11 | ops.script_ops.py_func             | -stateful
0.8  | ops.sparse_ops.sparse_reorder      | st=sp_input
1.0  | ops.sparse_ops.sparse_split        | split_dim=axis num_split sp_input name
1.14 | ops.string_ops.string_split        | source delimiter skip_empty
1.0  | ops.tensor_array_ops.TensorArray   | -element_shape -colocate_with_first_write_call
1.1  | ops.tensor_array_ops.TensorArray   | -colocate_with_first_write_call
1.1  | ops.variable_scope.get_variable    | -use_resource
1.1  | ops.variable_scope.get_local_variable | -use_resource
0.9  | ops.variable_scope.variable_op_scope | name=name_or_scope
1.0  | training.moving_averages.ExponentialMovingAverage | -zero_debias
0.12 | training.rmsprop.RMSPropOptimizer  | -centered
0.9  | ops.nn_activations.bias_add        | -data_format
1.5  | ops.nn_convolution.conv2d          | -dilations
1.5  | ops.nn_convolution.conv2d_backprop_filter | -dilations
1.5  | ops.nn_convolution.conv2d_backprop_input  | -dilations
0.12 | ops.nn_convolution.conv2d_transpose       | -data_format
1.2  | ops.nn_convolution.conv3d          | -data_format -dilations
1.5  | ops.nn_convolution.conv3d          | -dilations
1.2  | ops.nn_convolution.conv3d_transpose       | -data_format
1.0  | ops.nn_convolution.depthwise_conv2d       | -rate
1.0  | ops.nn_convolution.separable_conv2d       | -rate
1.0  | ops.nn_losses.log_poisson_loss     | log_input targets compute_full_loss name
1.2  | ops.nn_pooling.avg_pool3d          | -data_format
1.2  | ops.nn_pooling.max_pool3d          | -data_format
1.14 | ops.nn_pooling.max_pool_with_argmax       | -data_format
1.4  | layers.convolutional.conv1d        | -kernel_constraint -bias_constraint
1.4  | layers.convolutional.conv2d        | -kernel_constraint -bias_constraint
1.4  | layers.convolutional.conv2d_transpose     | -kernel_constraint -bias_constraint
1.4  | layers.convolutional.conv3d        | -kernel_constraint -bias_constraint
1.4  | layers.core.dense                  | -kernel_constraint -bias_constraint
1.4  | layers.normalization.batch_normalization  | -beta_constraint -gamma_constraint
1.0  | contrib.layers.layers.batch_norm   | -param_regularizers -zero_debias_moving_mean
1.1  | contrib.layers.layers.batch_norm   | -param_regularizers
1.2  | contrib.layers.layers.layer_norm   | -begin_norm_axis -begin_params_axis
1.5  | contrib.layers.more_layers.embedding_lookup_unique | -partition_strategy
1.5  | contrib.layers.more_layers.maxout  | name=scope
1.1  | contrib.rnn_block.LSTMBlockCell    | -cell_clip
1.5  | contrib.rnn_block.LSTMBlockCell    | -dtype
1.0  | contrib.stacked_rnn.stack_bidirectional_dynamic_rnn | -parallel_iterations -time_major
1.13 | ops.seq2seq_whole.sequence_loss    | -sum_over_timesteps -sum_over_batch
"""
_ROWS += "1.0 | %s | -data_format -rate -pointwise_initializer\n" % _SEPARABLE
_ROWS += "1.1 | %s | -data_format -pointwise_initializer\n" % _SEPARABLE
_ROWS += "1.5 | %s | -pointwise_initializer\n" % _SEPARABLE
_ROWS += "".join("1.5 | %s%s | -dtype%s\n" % (_ATTENTION, name, more) for name, more in (
    ("BahdanauAttention", " -custom_key_value_fn"), ("LuongAttention", " -custom_key_value_fn"),
    ("BahdanauMonotonicAttention", ""), ("LuongMonotonicAttention", "")))
# contrib.losses called its arguments otherwise before 1.0.
_ROWS += "".join("1.0 | contrib.older_losses.%s | %s\n" % (name, words) for name, words in (
    *((n, "targets=labels weight=weights") for n in (
        "absolute_difference", "cosine_distance", "log_loss", "mean_pairwise_squared_error",
        "mean_squared_error")),
    *((n, "weight=weights") for n in (
        "compute_weighted_loss", "sigmoid_cross_entropy", "softmax_cross_entropy",
        "sparse_softmax_cross_entropy")),
    ("hinge_loss", "target=labels")))
# Functions of single ops.
_ROWS += "".join("%s | ops.gen_ops.%s | %s\n" % (until, name, words) for until, names, words in (
    ("0.9", "fft2d ifft2d", "in_=input"),
    ("0.9", "matrix_inverse matrix_solve matrix_triangular_solve", "-adjoint"),
    ("1.5", "substr", "-unit"),
    ("1.14", "equal not_equal", "-incompatible_shape_error"),
    ("1.2", " ".join("fake_quant_with_min_max_" + n for n in (
        "args", "args_gradient", "vars", "vars_gradient", "vars_per_channel",
        "vars_per_channel_gradient")), "-num_bits -narrow_range"),
    ("1.2", "conv3d_backprop_filter_v2 depthwise_conv2d_native depthwise_conv2d_native_backprop_"
            "filter depthwise_conv2d_native_backprop_input", "-data_format -dilations"),
    ("1.5", "conv3d_backprop_filter_v2 depthwise_conv2d_native depthwise_conv2d_native_backprop_"
            "filter depthwise_conv2d_native_backprop_input", "-dilations"),
) for name in names.split())
ORDERS = _ROWS
