# SPDX-License-Identifier: Apache-2.0
"""Public names of functions on numbers."""
_REDUCTIONS = ("reduce_all reduce_any reduce_logsumexp reduce_max reduce_mean reduce_min "
               "reduce_prod reduce_sum")
_MORE_REDUCTIONS = " reduce_euclidean_norm reduce_std reduce_variance"
_OURS = ("abs accumulate_n add_n angle argmax argmin bincount conj count_nonzero cumprod "
         "cumsum divide div_no_nan equal erf floordiv floormod imag log_sigmoid logical_xor "
         "mod multiply negative not_equal pow real round scalar_mul sigmoid sign sqrt square "
         "subtract tanh truediv truncatediv truncatemod unsorted_segment_mean "
         "unsorted_segment_sqrt_n")
# Functions that are one op, as the library defines them.
_OPS = ("acos acosh add asin asinh atan atan2 atanh betainc ceil cos cosh cross digamma erfc "
        "exp expm1 floor greater greater_equal igamma igammac less less_equal lgamma log log1p "
        "logical_and logical_not logical_or maximum minimum polygamma reciprocal rint "
        "rsqrt segment_max segment_mean segment_min segment_prod segment_sum sin sinh "
        "squared_difference tan unsorted_segment_max unsorted_segment_min unsorted_segment_prod "
        "unsorted_segment_sum zeta")
_TESTS = "is_finite is_inf is_nan"

NAMES = {
    "": {
        "ops.math_ops": _OURS + " " + _REDUCTIONS + " arg_max arg_min cast complex "
                        "conjugate_transpose div lin_space linspace matmul range realdiv "
                        "saturate_cast sparse_matmul tensordot to_bfloat16 to_complex64 "
                        "to_complex128 to_double to_float to_int32 to_int64 trace",
        "ops.special_math_ops": "einsum lbeta",
        "ops.sort_ops": "argsort sort",
        "ops.gen_manip_ops": "roll",
        "ops.gen_math_ops": _OPS + " " + _TESTS + " sparse_segment_mean sparse_segment_sqrt_n "
                            "sparse_segment_sum sparse_segment_sqrt_n_grad "
                            "floor_div truncate_div truncate_mod",
    },
    "math": {
        "ops.math_ops": _OURS + " " + _REDUCTIONS + _MORE_REDUCTIONS +
                        " cast complex divide_no_nan=div_no_nan",
        "ops.special_math_ops": "lbeta",
        "ops.nn_ops": "in_top_k log_softmax softmax softplus softsign top_k",
        "ops.nn_impl": "l2_normalize zero_fraction",
        "ops.gen_math_ops": _OPS + " " + _TESTS + " bessel_i0e bessel_i1e invert_permutation "
                            "is_finite multiply_no_nan=mul_no_nan xdivy xlogy",
    },
    "manip": {"ops.gen_manip_ops": "roll"},
    "linalg": {"ops.math_ops": "adjoint cross matmul matvec tensordot trace",
               "ops.special_math_ops": "einsum"},
    "nn": {"ops.math_ops": "sigmoid tanh log_sigmoid"},
    "bitwise": {"ops.gen_math_ops": "bitwise_and bitwise_or bitwise_xor invert left_shift "
                                    "right_shift"},
}
