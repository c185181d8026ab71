# SPDX-License-Identifier: Apache-2.0
"""Parts of the old module of gradients that programs reached into: which operations lie between
others."""


def mark_reached_ops(from_ops, reached_ops):
    """Sets reached_ops[id] for all operations that some of `from_ops` lead to. What is set already
    is not gone beyond."""
    waiting = list(from_ops)
    while waiting:
        op = waiting.pop(0)
        if not reached_ops[op._id]:
            reached_ops[op._id] = True
            for output in op.outputs:
                waiting.extend(output.consumers())


def gather_inputs(to_ops, reached_ops):
    """The marked operations from which `to_ops` are reached, themselves included; the marks go."""
    found, waiting = [], list(to_ops)
    while waiting:
        op = waiting.pop(0)
        if reached_ops[op._id]:
            found.append(op)
            reached_ops[op._id] = False
            waiting.extend(tensor.op for tensor in op.inputs)
    return found
