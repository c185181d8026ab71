# SPDX-License-Identifier: Apache-2.0
"""Graphs, operations, tensors, and what makes tensors of values: the names of TensorFlow's module,
gathered from the files that define them."""
from thalweg import _core
from thalweg.framework import errors_impl as _errors
from thalweg.framework import tensor_shape as _tensor_shape
from thalweg.framework.composite_tensors import (  # noqa: F401
    IndexedSlices, IndexedSlicesValue, SparseTensor, SparseTensorValue)
from thalweg.framework.conversion import (  # noqa: F401
    convert_n_to_tensor, convert_n_to_tensor_or_indexed_slices, convert_to_tensor,
    convert_to_tensor_or_composite, convert_to_tensor_or_indexed_slices,
    internal_convert_n_to_tensor, internal_convert_n_to_tensor_or_indexed_slices,
    internal_convert_to_tensor, internal_convert_to_tensor_or_composite,
    internal_convert_to_tensor_or_indexed_slices, register_tensor_conversion_function)
from thalweg.framework.default_graph import (  # noqa: F401
    _as_graph_element, _assert_same_graph, _colocate_with_deprecated, _colocate_with_for_gradient,
    _default_graph_stack, _get_graph_from_inputs, add_to_collection, add_to_collections,
    colocate_with, container, control_dependencies, device, device_v2,
    executing_eagerly_outside_functions, get_all_collection_keys, get_collection,
    get_collection_ref, get_default_graph, get_name_scope, has_default_graph, init_scope,
    inside_function, name_scope, name_scope_v1, name_scope_v2, op_scope, prepend_name_scope,
    reset_default_graph, strip_name_scope)
from thalweg.framework.graph import Graph
from thalweg.framework.graph_keys import GraphKeys  # noqa: F401
from thalweg.framework.node_defs import new_node_def as _NodeDef  # noqa: F401
from thalweg.framework.operation import Operation, VALID_OP_NAME, VALID_SCOPE_NAME
from thalweg.framework.registries import (  # noqa: F401
    NoGradient, NotDifferentiable, OpStats, RegisterGradient, RegisterShape, RegisterStatistics,
    _gradient_registry, _shape_registry, _stats_registry, get_collection_proto_type,
    get_from_proto_function, get_gradient_function, get_stats_for_node_def, get_to_proto_function,
    register_proto_function, set_shapes_for_outputs)
from thalweg.framework.sessions import (  # noqa: F401
    _default_session_stack, default_session, eval_using_default_session as
    _eval_using_default_session, get_default_session, run_using_default_session as
    _run_using_default_session)
from thalweg.framework.tensor import (  # noqa: F401
    Tensor, dtypes_by_number as _dtypes_by_number, is_dense_tensor_like,
    register_dense_tensor_like_type)

_VALID_OP_NAME_REGEX, _VALID_SCOPE_NAME_REGEX = VALID_OP_NAME, VALID_SCOPE_NAME
_TensorLike = (Tensor,)
EagerTensor = type("EagerTensor", (), {"__doc__": "There are none here; isinstance() says so."})
set_shapes_for_outputs_c_api = set_shapes_for_outputs
set_shape_and_handle_data_for_outputs = set_shapes_for_outputs
_NOT_FOUND, _KIND_NAME = 5, 3


def _error(code, kind, phase, message, op_name, input, where):
    """The exception that a status of the library becomes."""
    if code == _NOT_FOUND and kind == _KIND_NAME:
        return _errors.NotFoundError(None, None, message)
    return _errors.exception_of_status(code, kind, phase, message)


def _shape(dims):
    return _tensor_shape.TensorShape(dims)


_core.set_classes(graph=Graph, operation=Operation, tensor=Tensor, dtypes=_dtypes_by_number(),
                  error=_error, shape=_shape)


def name_from_scope_name(name):
    """A scope's name without the slash at its end."""
    return name[:-1] if name and name[-1] == "/" else name


_name_from_scope_name = name_from_scope_name


def _override_helper(clazz_object, operator, func):
    clazz_object._override_operator(operator, func)


def enable_eager_execution(*args, **kwargs):
    """Refused: operations are always added to a graph."""
    raise ValueError("thalweg builds graphs and runs them in sessions; there is no eager mode")


def _in_gpu_device():
    return False


__all__ = [n for n in globals() if not n.startswith("_")]
