# SPDX-License-Identifier: Apache-2.0
"""What TensorFlow 1.13 to 2.x ask about running at once, and how they switch it off: here
operations are always added to a graph, so that switching off changes nothing, and switching on is
refused."""
import contextlib

from thalweg.framework import ops


def executing_eagerly():
    """False."""
    return False


in_eager_mode = executing_eagerly


def in_graph_mode():
    """True."""
    return True


@contextlib.contextmanager
def graph_mode():
    """A block in which operations are added to a graph, as everywhere."""
    yield


def control_flow_v2_enabled():
    """False."""
    return False


def disable_eager_execution():
    """Changes nothing."""


disable_v2_behavior = disable_v2_tensorshape = disable_control_flow_v2 = disable_eager_execution
disable_tensor_equality = disable_eager_execution


def enable_eager_execution(config=None, device_policy=None, execution_mode=None):
    """Refused."""
    del config, device_policy, execution_mode
    raise NotImplementedError("thalweg adds operations to graphs and runs them in sessions; it "
                              "does not run them at once")


def enable_v2_behavior():
    """Refused."""
    enable_eager_execution()


@contextlib.contextmanager
def init_scope():
    """A block without the control dependencies that are open outside."""
    with ops.control_dependencies(None):
        yield


def dimension_value(dimension):
    """The size of a Dimension, or the number that it is already."""
    return getattr(dimension, "value", dimension)


def dimension_at_index(shape, index):
    """A shape's Dimension."""
    from thalweg.framework import tensor_shape
    return tensor_shape.Dimension(None) if shape.ndims is None else shape.dims[index]


def tables_initializer(name="init_all_tables"):
    """An operation that initializes all tables of the default graph."""
    from thalweg.ops import control_flow_ops
    made = ops.get_collection(ops.GraphKeys.TABLE_INITIALIZERS)
    return control_flow_ops.group(*made, name=name) if made else control_flow_ops.no_op(name=name)


initialize_all_tables = tables_initializer
