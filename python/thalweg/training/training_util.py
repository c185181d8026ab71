# SPDX-License-Identifier: Apache-2.0
"""The step counter of a graph."""
from thalweg.framework import dtypes, ops
from thalweg.framework.graph_io import write_graph  # noqa: F401
from thalweg.ops import init_ops, variable_scope, variables


def global_step(sess, global_step_tensor):
    """The value of a step counter in a session, as an int."""
    return int(sess.run(global_step_tensor))


def get_global_step(graph=None):
    """The step counter of a graph, or None."""
    graph = graph or ops.get_default_graph()
    found = graph.get_collection(ops.GraphKeys.GLOBAL_STEP)
    if len(found) > 1:
        return None
    if found:
        counter = found[0]
    else:
        try:
            counter = graph.get_tensor_by_name("global_step:0")
        except KeyError:
            return None
    assert_global_step(counter)
    return counter


def create_global_step(graph=None):
    """A new step counter of a graph; ValueError if it has one."""
    graph = graph or ops.get_default_graph()
    if get_global_step(graph) is not None:
        raise ValueError("\"global_step\" already exists.")
    with graph.as_default(), graph.name_scope(None):
        return variable_scope.get_variable(
            ops.GraphKeys.GLOBAL_STEP, shape=[], dtype=dtypes.int64,
            initializer=init_ops.zeros_initializer(), trainable=False,
            collections=[ops.GraphKeys.GLOBAL_VARIABLES, ops.GraphKeys.GLOBAL_STEP])


def get_or_create_global_step(graph=None):
    """The step counter of a graph, which is made if there is none."""
    found = get_global_step(graph)
    return create_global_step(graph) if found is None else found


def assert_global_step(global_step_tensor):
    """TypeError unless it may be a step counter: a scalar of whole numbers."""
    if not isinstance(global_step_tensor, (variables.Variable, ops.Tensor)):
        raise TypeError("Existing \"global_step\" must be a Variable or Tensor: %s."
                        % global_step_tensor)
    if not global_step_tensor.dtype.base_dtype.is_integer:
        raise TypeError("Existing \"global_step\" does not have integer type: %s"
                        % global_step_tensor.dtype)
    shape = global_step_tensor.get_shape()
    if shape.ndims != 0 and shape.is_fully_defined():
        raise TypeError("Existing \"global_step\" is not scalar: %s" % shape)
