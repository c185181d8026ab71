# SPDX-License-Identifier: Apache-2.0
"""Loops: a function is run as often as a condition holds. Python calls both functions once; the
nodes are made in C (thalweg/control_flow.h), between the calls."""
from thalweg import _core
from thalweg.framework import constant_op
from thalweg.framework import dtypes
from thalweg.framework import ops
from thalweg.framework import tensor_shape
from thalweg.ops import control_flow_context
from thalweg.ops import math_ops
from thalweg.ops import tensor_array_ops
from thalweg.ops.control_flow_cond import flat_tensors, packed
from thalweg.util import nest


# ---- shape invariants: one for each tensor that goes round ----

def _sparse_invariants(shape, tensor):
    """Indices, values and dense shape of a SparseTensor; `shape` is the dense shape's own: [rank].
    """
    rank = (tensor.dense_shape.get_shape() if shape is None else shape).with_rank(1)[0].value
    return [tensor_shape.TensorShape([None, rank]), tensor_shape.TensorShape([None]),
            tensor_shape.TensorShape([rank])]


def _slices_invariants(shape, slices):
    """Values (of that shape), indices and, where there is one, the dense shape."""
    if shape.ndims is None:
        return [shape] * len(slices._to_components())
    return [shape, tensor_shape.TensorShape(shape[0:1])] + [
        tensor_shape.TensorShape([shape.ndims]) for _ in slices._to_components()[2:]]


def _leaf_invariants(shape, leaf):
    """The invariants of the tensors that a leaf is made of. A SparseTensor may always get another
    number of elements."""
    if isinstance(leaf, tensor_array_ops.TensorArray):
        return [leaf.flow.get_shape()]
    if isinstance(leaf, ops.SparseTensor):
        return _sparse_invariants(shape and tensor_shape.as_shape(shape), leaf)
    if shape is None:
        return [tensor.get_shape() for tensor in flat_tensors(leaf)]
    shape = tensor_shape.as_shape(shape)
    return _slices_invariants(shape, leaf) if isinstance(leaf, ops.IndexedSlices) else [shape]


def _flat_invariants(invariants, loop_vars):
    """One shape for each tensor, or None where none are given or needed."""
    leaves = nest.flatten(loop_vars)
    if invariants is not None:
        nest.assert_same_structure(loop_vars, invariants)
        given = nest.flatten(invariants)
    elif any(isinstance(leaf, ops.SparseTensor) for leaf in leaves):
        given = [None] * len(leaves)
    else:
        return None
    return [shape for one, leaf in zip(given, leaves) for shape in _leaf_invariants(one, leaf)]


# ---- the loop ----

def _body_result(body, variables):
    """(what the body gives as the variables are given to it, its tensors)."""
    result = body(*variables)
    if not nest.is_sequence_or_composite(result) or hasattr(result, "_to_components"):
        result = [result]
    nest.assert_same_structure(list(variables), list(result), expand_composites=True)
    return result, flat_tensors(result)


class _Loop:
    """The settings of one loop, and the building of it."""

    def __init__(self, parallel_iterations, back_prop, any_shape):
        self.parallel_iterations = parallel_iterations
        self.back_prop = back_prop
        self.any_shape = any_shape

    def build(self, cond, body, loop_vars, invariants, scope):
        """(what the body gave, the tensors' last values) of a loop inside the scope `scope`."""
        tensors = flat_tensors(loop_vars)
        # What became a tensor goes round as one.
        loop_vars = packed(loop_vars, tensors)
        builder, seen = _core.while_begin(
            tensors, _flat_invariants(invariants, loop_vars), self.parallel_iterations,
            self.back_prop, self.any_shape, scope)
        try:
            graph = seen[0].graph
            context = control_flow_context.current_context(graph)
            graph.add_to_collection("while_context", context)
            go_on = ops.convert_to_tensor(cond(*packed(loop_vars, seen)))
            seen = _core.while_condition(builder, go_on)
            result, tensors = _body_result(body, packed(loop_vars, seen))
            return result, _core.while_body(builder, tensors)
        finally:
            _core.while_end(builder)


def _check(cond, body, loop_vars, parallel_iterations):
    if not callable(cond):
        raise TypeError("cond must be callable.")
    if not callable(body):
        raise TypeError("body must be callable.")
    if parallel_iterations < 1:
        raise TypeError("parallel_iterations must be a positive integer.")
    if not loop_vars:
        raise ValueError("No loop variables provided")


def _with_limit(cond, body, loop_vars, invariants, limit, alone):
    """The same loop with a counter that stops it: its functions, variables and invariants."""
    limit = ops.convert_to_tensor(limit, name="maximum_iterations")
    if limit.get_shape().ndims != 0:
        raise ValueError("maximum_iterations must be a scalar, saw shape: %s" % limit.get_shape())
    counter = constant_op.constant(0, dtype=limit.dtype, name="iteration_counter")
    call = (lambda function, v: function(v)) if alone else (lambda function, v: function(*v))

    def limited_cond(i, variables):
        return math_ops.logical_and(i < limit, call(cond, variables))

    def limited_body(i, variables):
        following = i + 1
        result = call(body, variables)
        return following, result if alone or nest.is_sequence(result) else [result]

    if invariants is not None:
        invariants = (tensor_shape.scalar(), invariants[0] if alone else invariants)
    return (limited_cond, limited_body, (counter, loop_vars[0] if alone else loop_vars),
            invariants)


def while_loop(cond, body, loop_vars, shape_invariants=None, parallel_iterations=10,
               back_prop=True, swap_memory=False, name=None, maximum_iterations=None,
               return_same_structure=False):
    """The variables' values after `body` ran as often as `cond` held of them.

    `loop_vars` is a list of tensors, TensorArrays or structures of them. Both functions are called
    once, while building, with as many arguments; `body` gives the next values. A value keeps its
    type, and its shape as far as `shape_invariants` says (its first shape, by default). A loop of
    one variable gives that variable, unless `return_same_structure`."""
    if isinstance(shape_invariants, int):  # what stood there before there were invariants
        shape_invariants, parallel_iterations, back_prop, name = None, shape_invariants, (
            parallel_iterations if isinstance(parallel_iterations, bool) else back_prop), (
            swap_memory if isinstance(swap_memory, str) else name)
    del swap_memory  # values stay where they are
    _check(cond, body, loop_vars, parallel_iterations)
    with ops.name_scope(name, "while", loop_vars) as scope:
        loop = _Loop(parallel_iterations, back_prop, False)
        limited = maximum_iterations is not None
        if limited:
            alone = len(loop_vars) == 1 and not return_same_structure
            cond, body, loop_vars, shape_invariants = _with_limit(
                cond, body, loop_vars, shape_invariants, maximum_iterations, alone)
        result, last = loop.build(cond, body, loop_vars, shape_invariants, scope)
        values = packed(result, last)
        if limited:
            return values[1]
        return values if return_same_structure or len(last) != 1 else values[0]


def While(cond, body, loop_vars, parallel_iterations=10, back_prop=True, name=None):
    """The loop of TensorFlow 0.7: variables are a flat list and may change their shapes; the
    results come as a list, one alone by itself."""
    _check(cond, body, loop_vars, parallel_iterations)
    with ops.name_scope(name, "While", loop_vars) as scope:
        loop = _Loop(parallel_iterations, back_prop, True)
        result, last = loop.build(cond, body, list(loop_vars), None, scope)
        values = packed(list(result), last)
        return values if len(values) != 1 else values[0]
