# SPDX-License-Identifier: Apache-2.0
"""Functions on numbers: the names of TensorFlow's module, gathered from the files that define
them."""
from thalweg.ops import gen_math_ops  # noqa: F401
from thalweg.ops import math_operators as _operators  # noqa: F401
from thalweg.ops.indexed_slices import (  # noqa: F401
    _as_indexed_slices, _as_indexed_slices_list)
from thalweg.ops.math_elementwise import (  # noqa: F401
    abs, accumulate_n, add_n, angle, cast, complex, conj, cumprod, cumsum, div, div_no_nan,
    divide, equal, erf, floordiv, floormod, imag, lin_space, linspace, log_sigmoid, logical_xor,
    mod, multiply, negative, not_equal, pow, range, real, realdiv, round, saturate_cast,
    scalar_mul, sigmoid, sign, sqrt, square, subtract, tanh, to_bfloat16, to_complex64,
    to_complex128, to_double, to_float, to_int32, to_int64, truediv, truncatediv, truncatemod,
    unsafe_div)
from thalweg.ops.math_matrix import (  # noqa: F401
    adjoint, conjugate_transpose, cross, matmul, matvec, sparse_matmul, tensordot, trace)
from thalweg.ops.math_reduction import (  # noqa: F401
    _ReductionDims, arg_max, arg_min, argmax, argmin, bincount, count_nonzero, reduce_all,
    reduce_any, reduce_euclidean_norm, reduce_logsumexp, reduce_max, reduce_mean, reduce_min,
    reduce_prod, reduce_std, reduce_sum, reduce_variance, reduced_shape, unsorted_segment_mean,
    unsorted_segment_sqrt_n)


def __getattr__(name):
    # The ops themselves, as other modules find them here: math_ops.maximum, math_ops.exp ...
    return getattr(gen_math_ops, name)


__all__ = [n for n in globals() if n[0] != "_" and n != "gen_math_ops"]
