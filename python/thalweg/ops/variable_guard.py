# SPDX-License-Identifier: Apache-2.0
"""First values that are made of other variables: those are read as their first values as long as
they have no value, so that all variables may be initialized in any order."""
from thalweg.framework import ops

_VARIABLES = ("Variable", "VariableV2")
_LOOPS = ("Enter", "RefEnter", "NextIteration", "RefNextIteration", "LoopCond")


def guarded(value, name):
    """The same value with other variables' first values in the places of their reads; `name` is
    the new variable's."""
    if not _reads_variables(value.op, set()):
        return value
    owners = {v._snapshot: v for v in ops.get_default_graph().get_collection(
        ops.GraphKeys.GLOBAL_VARIABLES) + ops.get_default_graph().get_collection(
            ops.GraphKeys.LOCAL_VARIABLES) if hasattr(v, "_snapshot")}
    return _safe(value, owners, name)


def _reads_variables(op, seen):
    """Whether a variable is among what an operation needs; not asked of loops."""
    waiting, found = [op], False
    while waiting:
        op = waiting.pop()
        if op in seen:
            continue
        seen.add(op)
        if op.type in _LOOPS:
            return False
        found = found or op.type in _VARIABLES
        waiting.extend(t.op for t in op.inputs)
    return found


def _safe(tensor, owners, variable):
    """The tensor, or its copy that does not read a variable without a value. Written without
    recursion, for long chains: operands come first."""
    made, order, waiting = {}, [], [tensor.op]
    seen = set()
    while waiting:
        op = waiting.pop()
        if op in seen:
            continue
        seen.add(op)
        order.append(op)
        if not any(t in owners for t in op._outputs):
            waiting.extend(t.op for t in op.inputs)
    for op in sorted(order, key=lambda op: op._id):
        made[op] = _copy(op, owners, made, variable)
    return made[tensor.op][tensor.value_index]


def _copy(op, owners, made, variable):
    """The outputs that stand for an operation's."""
    owner = next((owners[t] for t in op._outputs if t in owners), None)
    if owner is not None:
        return [owner.initialized_value()]
    inputs = [made[t.op][t.value_index] if t.op in made else t for t in op.inputs]
    if all(new is old for new, old in zip(inputs, op.inputs)):
        return list(op._outputs)
    graph = op.graph
    attrs = {name: (op._attr_kind(name), op._attr(name)) for name in op._attr_names()
             if name != "_class"}
    with graph.name_scope(None):
        return list(graph._create_op(op.type, inputs, op.name + "_" + variable, attrs)._outputs)
