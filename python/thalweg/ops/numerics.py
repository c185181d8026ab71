# SPDX-License-Identifier: Apache-2.0
"""Checks that numbers are finite."""
from thalweg.framework import dtypes, ops
from thalweg.ops import control_flow_ops, gen_array_ops

_CHECKED = (dtypes.float16, dtypes.float32, dtypes.float64)


def verify_tensor_all_finite(t=None, msg=None, name=None, x=None, message=None):
    """The tensor itself; an error of the run that says `msg` if an element is NaN or infinite."""
    t, msg = x if t is None else t, message if msg is None else msg
    with ops.name_scope(name, "VerifyFinite", [t]):
        t = ops.convert_to_tensor(t, name="t")
        with ops.colocate_with(t):
            check = gen_array_ops.check_numerics(t, message=msg)
            return control_flow_ops.with_dependencies([check], t)


def add_check_numerics_ops():
    """An operation that checks all floating tensors of the default graph, in the order in which
    they are computed; the error names the first one at fault."""
    check = []
    for op in ops.get_default_graph().get_operations():
        for output in op.outputs:
            if output.dtype in _CHECKED:
                if op._get_control_flow_context() is not None:
                    raise ValueError("`tf.add_check_numerics_ops() is not compatible with "
                                     "TensorFlow control flow operations such as `tf.cond()` or "
                                     "`tf.while_loop()`.")
                with ops.control_dependencies(check):
                    check = [gen_array_ops.check_numerics(output, message=output.name)]
    return control_flow_ops.group(*check)
