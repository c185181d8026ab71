# SPDX-License-Identifier: Apache-2.0
"""Public names of conditions, loops and TensorArrays."""
NAMES = {
    "": {
        "ops.control_flow_ops": "Assert case cond control_trigger group no_op switch_case tuple "
                                "while_loop",
        "ops.functional_ops": "foldl foldr map_fn scan",
        "ops.tensor_array_ops": "TensorArray",
    },
    "debugging": {"ops.control_flow_ops": "Assert"},
}
