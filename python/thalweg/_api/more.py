# SPDX-License-Identifier: Apache-2.0
"""Public names of functions that are made of others, and of what shows and reads values."""
_STATELESS = "stateless_normal stateless_truncated_normal stateless_uniform"
_SAMPLERS = ("all_candidate_sampler fixed_unigram_candidate_sampler "
             "learned_unigram_candidate_sampler log_uniform_candidate_sampler "
             "uniform_candidate_sampler")

_FAKE = " ".join("fake_quant_with_min_max_" + name for name in (
    "args args_gradient vars vars_gradient vars_per_channel vars_per_channel_gradient").split())

NAMES = {
    "": {
        "ops.gen_array_ops": _FAKE,
        "ops.later_composites": "guarantee_const recompute_grad tensor_scatter_nd_update "
                                "tensor_scatter_update=tensor_scatter_nd_update vectorized_map "
                                "where_v2",
        "ops.array_more": "histogram_fixed_width histogram_fixed_width_bins repeat searchsorted "
                          "tensor_scatter_add tensor_scatter_nd_add=tensor_scatter_add "
                          "tensor_scatter_nd_sub=tensor_scatter_sub tensor_scatter_sub "
                          "unravel_index",
        "ops.parsing_ops": "decode_csv",
        "ops.printing": "print=print_v2 py_function",
    },
    "image": {
        "ops.array_more": "non_max_suppression_overlaps non_max_suppression_with_scores",
        "ops.later_composites": "sobel_edges",
    },
    "io": {"ops.parsing_ops": "decode_csv decode_raw"},
    "linalg": {
        "ops.gen_linalg_ops": "logm=matrix_logarithm",
        "ops.later_composites": "normalize pinv",
    },
    "quantization": {"ops.gen_array_ops": _FAKE},
    "math": {"ops.array_more": "bessel_i0 bessel_i1 polyval reciprocal_no_nan"},
    "metrics": {
        "ops.metrics_at_k": "average_precision_at_k precision_at_k precision_at_top_k recall_at_k "
                            "recall_at_top_k sparse_average_precision_at_k "
                            "sparse_precision_at_k",
    },
    "random": {
        "ops.array_more": _STATELESS,
        "ops.candidate_sampling_ops": _SAMPLERS,
    },
    "strings": {"ops.printing": "format=string_format"},
}
