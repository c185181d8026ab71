# SPDX-License-Identifier: Apache-2.0
"""Public names of assertions on tensors."""
_ASSERTIONS = ("assert_equal assert_greater assert_greater_equal assert_integer assert_less "
               "assert_less_equal assert_near assert_negative assert_non_negative "
               "assert_non_positive assert_none_equal assert_positive assert_proper_iterable "
               "assert_rank assert_rank_at_least assert_rank_in assert_same_float_dtype "
               "assert_scalar assert_type")
_QUESTIONS = "is_non_decreasing is_numeric_tensor is_strictly_increasing"

NAMES = {
    "": {"ops.check_ops": _ASSERTIONS + " " + _QUESTIONS + " ensure_shape",
         "ops.numerics": "add_check_numerics_ops verify_tensor_all_finite",
         "framework.tensor_util": "is_tensor"},
    "debugging": {"ops.numerics": "assert_all_finite=verify_tensor_all_finite",
                  "ops.check_ops": _ASSERTIONS + " " + _QUESTIONS,
                  "ops.gen_array_ops": "check_numerics",
                  "ops.gen_math_ops": "is_finite is_inf is_nan"},
    "math": {"ops.check_ops": "is_non_decreasing is_strictly_increasing"},
}
