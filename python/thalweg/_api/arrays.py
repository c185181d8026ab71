# SPDX-License-Identifier: Apache-2.0
"""Public names of functions on the shape and place of elements."""
NAMES = {
    "": {
        "framework.constant_op": "constant",
        "ops.array_ops": "batch_gather batch_to_space batch_to_space_nd bitcast boolean_mask "
                         "broadcast_dynamic_shape broadcast_static_shape broadcast_to concat "
                         "depth_to_space diag diag_part expand_dims fill gather gather_nd identity "
                         "identity_n=identity_n invert_permutation matrix_band_part matrix_diag "
                         "matrix_diag_part matrix_set_diag matrix_transpose meshgrid newaxis "
                         "one_hot ones ones_like pad parallel_stack placeholder "
                         "placeholder_with_default rank required_space_to_batch_paddings reshape "
                         "reverse reverse_sequence reverse_v2 sequence_mask setdiff1d shape "
                         "shape_n size slice space_to_batch space_to_batch_nd space_to_depth "
                         "sparse_placeholder split squeeze stack strided_slice tensor_diag "
                         "tensor_diag_part tile transpose unique unique_with_counts unstack where "
                         "zeros zeros_like",
        "ops.gen_array_ops": "check_numerics scatter_nd stop_gradient",
    },
    "manip": {"ops.array_ops": "batch_to_space_nd gather_nd reshape reverse space_to_batch_nd "
                               "tile",
              "ops.gen_array_ops": "roll scatter_nd"},
    "linalg": {"ops.array_ops": "band_part=matrix_band_part diag=matrix_diag "
                                "diag_part=matrix_diag_part set_diag=matrix_set_diag tensor_diag "
                                "tensor_diag_part matrix_transpose transpose=matrix_transpose"},
    "nn": {"ops.array_ops": "depth_to_space space_to_depth"},
}
