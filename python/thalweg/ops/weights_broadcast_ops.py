# SPDX-License-Identifier: Apache-2.0
"""Weights of elements: one number, or of the elements' rank, each size the same or 1."""
from thalweg.framework import node_counts, ops
from thalweg.ops import (array_creation, array_shapes, control_flow_ops, gen_math_ops,
                         math_reduction)


def assert_broadcastable(weights, values):
    """An operation that fails unless the weights are fit for the values; a ValueError at once
    where shapes tell that they are not."""
    with ops.name_scope(None, "assert_broadcastable", (weights, values)):
        weights = _measured(weights, "weights")
        values = _measured(values, "values")
        mine, theirs = weights.get_shape(), values.get_shape()
        if mine.ndims == 0:
            return control_flow_ops.no_op(name="static_scalar_check_success")
        if mine.ndims is not None and theirs.ndims is not None:
            _check(mine, theirs)
            if mine.is_fully_defined() and theirs.is_fully_defined():
                return control_flow_ops.no_op(name="static_dims_check_success")
        return _dynamic(weights, values)


def _measured(value, name):
    """The tensor, with its shape and rank as nodes: later seeds follow from the number of nodes."""
    tensor = ops.convert_to_tensor(value, name=name)
    array_shapes.shape(tensor, name=name + "/shape")
    array_shapes.rank(tensor, name=name + "/rank")
    return tensor


def _check(mine, theirs):
    said = "weights can not be broadcast to values. %s. values.shape=%s. weights.shape=%s."
    if mine.ndims != theirs.ndims:
        raise ValueError(said % ("values.rank=%s. weights.rank=%s" % (theirs.ndims, mine.ndims),
                                 theirs, mine))
    for one, two in zip(mine.as_list(), theirs.as_list()):
        if one not in (None, 1) and two is not None and one != two:
            raise ValueError(said % ("weights have %d where values have %d" % (one, two), theirs,
                                     mine))


def _dynamic(weights, values):
    """Asks when it runs: the rank is 0, or equal and each size equal or 1."""
    mine, theirs = array_shapes.shape(weights), array_shapes.shape(values)
    same = gen_math_ops.equal(array_shapes.size(mine), array_shapes.size(theirs))

    def sizes():
        one = array_creation.ones_like(mine)
        fits = gen_math_ops.logical_or(gen_math_ops.equal(mine, one),
                                       gen_math_ops.equal(mine, theirs))
        return math_reduction.reduce_all(fits)
    scalar = gen_math_ops.equal(array_shapes.rank(weights), 0)
    node_counts.add(13)  # TensorFlow compares sets of sizes
    valid = control_flow_ops.cond(
        scalar, lambda: gen_math_ops.logical_or(scalar, scalar),
        lambda: control_flow_ops.cond(same, sizes, lambda: gen_math_ops.logical_and(same, same)))
    return control_flow_ops.Assert(valid, ["weights can not be broadcast to values.",
                                           "weights.shape=", weights.name, mine,
                                           "values.shape=", values.name, theirs])


def broadcast_weights(weights, values):
    """The weights in the shape of the values."""
    with ops.name_scope(None, "broadcast_weights", (weights, values)) as scope:
        weights = ops.convert_to_tensor(weights, name="weights")
        values = ops.convert_to_tensor(values, name="values")
        mine, theirs = weights.get_shape(), values.get_shape()
        if mine.is_fully_defined() and theirs.is_fully_defined() and \
                mine.is_compatible_with(theirs):
            return weights
        with ops.control_dependencies((assert_broadcastable(weights, values),)):
            return gen_math_ops.mul(weights, array_creation.ones_like(values, dtype=weights.dtype),
                                    name=scope)

