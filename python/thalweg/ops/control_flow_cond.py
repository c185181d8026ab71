# SPDX-License-Identifier: Apache-2.0
"""Conditions: of two functions the one is run that a predicate says. Python calls the functions;
the nodes are made in C (thalweg/control_flow.h), between the calls."""
from thalweg import _core
from thalweg.framework import dtypes
from thalweg.framework import ops
from thalweg.ops import control_flow_context
from thalweg.ops import math_ops
from thalweg.ops import tensor_array_ops
from thalweg.util import nest


def flat_tensors(structure):
    """The leaves of a structure as tensors and operations; a TensorArray is its flow."""
    return [_flat_tensor(leaf) for leaf in nest.flatten(structure, expand_composites=True)]


def _flat_tensor(leaf):
    if isinstance(leaf, tensor_array_ops.TensorArray):
        return leaf.flow
    if isinstance(leaf, (ops.Tensor, ops.Operation)):
        return leaf
    return ops.convert_to_tensor(leaf)


def packed(structure, tensors):
    """A structure like `structure` of these tensors; TensorArrays get them as their flows."""
    leaves = nest.flatten(structure, expand_composites=True)
    new = [tensor_array_ops.build_ta_with_new_flow(leaf, tensor)
           if isinstance(leaf, tensor_array_ops.TensorArray) else tensor
           for leaf, tensor in zip(leaves, tensors)]
    return nest.pack_sequence_as(structure, new, expand_composites=True)


class _Branch:
    """What a branch's function gave, and the tensors that stand for it inside."""

    def __init__(self, builder, graph, side, function, name):
        _core.cond_enter(builder, side)
        self.context = control_flow_context.current_context(graph)
        result = function()
        if result is None:
            raise ValueError("%s must have a return value." % name)
        self.is_sequence = isinstance(result, (list, tuple))
        self.result = result if self.is_sequence else [result]
        self.tensors = _core.cond_leave(builder, flat_tensors(result))

    def given(self):
        """The result as the function gave it."""
        return self.result if self.is_sequence else self.result[0]


def _check_structures(one, other):
    if one.is_sequence != other.is_sequence:
        raise ValueError("Incompatible return values of true_fn and false_fn: one is a single "
                         "value and the other is not: %r and %r" % (one.given(), other.given()))
    try:
        nest.assert_same_structure(one.result, other.result, expand_composites=True)
    except (ValueError, TypeError) as error:
        raise type(error)("Incompatible return values of true_fn and false_fn: %s" % error)


def _agree_on_indices(one, other):
    """Indices of slices that are int32 in one branch only are cast, outside of the branches."""
    position = 0
    for leaf in nest.flatten(one.result):
        if not hasattr(leaf, "_to_components"):
            position += 1
            continue
        if isinstance(leaf, ops.IndexedSlices):
            pair = one.tensors[position + 1], other.tensors[position + 1]
            if pair[0].dtype != pair[1].dtype:
                one.tensors[position + 1], other.tensors[position + 1] = [
                    math_ops.cast(tensor, dtypes.int64) for tensor in pair]
        position += len(nest.flatten(leaf, expand_composites=True))


def _merged(builder, one, other):
    """The results of both branches as one structure."""
    if not one.tensors or not other.tensors:
        raise ValueError("true_fn and false_fn must return at least one result.")
    _check_structures(one, other)
    _agree_on_indices(one, other)
    merges = [_core.cond_merge(builder, a, b) for a, b in zip(one.tensors, other.tensors)]
    return packed(one.result, merges)


def _checked_functions(true_fn, false_fn, fn1, fn2):
    """The branches, by their older names too."""
    for new, old, given, older in (("true_fn", "fn1", true_fn, fn1),
                                   ("false_fn", "fn2", false_fn, fn2)):
        if older is not None and given is not None:
            raise TypeError("cond(): %s and %s may not be set simultaneously." % (new, old))
    true_fn = fn1 if true_fn is None else true_fn
    false_fn = fn2 if false_fn is None else false_fn
    for name, function in (("true_fn", true_fn), ("false_fn", false_fn)):
        if function is None:
            raise TypeError("cond(): %s argument required" % name)
    for name, function in (("true_fn", true_fn), ("false_fn", false_fn)):
        if not callable(function):
            raise TypeError("%s must be callable." % name)
    return true_fn, false_fn


def cond(pred, true_fn=None, false_fn=None, strict=False, name=None, fn1=None, fn2=None):
    """What `true_fn()` gives if `pred` holds, else what `false_fn()` gives.

    Both functions are called once, while building, and give structures alike. Only operations made
    inside of the functions depend on the predicate: what they take from outside is computed
    anyway. A list or tuple of one result comes back as that result, unless `strict`."""
    if isinstance(strict, str):  # where the name stood before there was `strict`
        strict, name = False, strict
    true_fn, false_fn = _checked_functions(true_fn, false_fn, fn1, fn2)
    if isinstance(pred, bool):
        raise TypeError("pred must not be a Python bool")
    with ops.name_scope(name, "cond", [pred]) as scope:
        pred = ops.convert_to_tensor(pred, name="pred")
        builder = _core.cond_begin(pred, scope)
        try:
            one = _Branch(builder, pred.graph, True, true_fn, "true_fn")
            other = _Branch(builder, pred.graph, False, false_fn, "false_fn")
            result = _merged(builder, one, other)
        finally:
            _core.cond_end(builder)
        for branch in (one, other):
            pred.graph.add_to_collection("cond_context", branch.context)
    single = len(result) == 1 and not (strict and one.is_sequence)
    return result[0] if single else result
