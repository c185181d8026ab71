# SPDX-License-Identifier: Apache-2.0
"""How many nodes TensorFlow 1.15 makes where this package makes others: an operation without a seed
of its own gets one from the number of nodes before it, so that programs that only set a graph's
seed get TensorFlow's numbers if later operations find the same count."""
from thalweg.framework import ops


def add(more):
    """So many nodes more, or fewer, count in the default graph from now on."""
    if more:
        ops.get_default_graph()._count_nodes(more)


def now():
    """How many nodes the default graph counts."""
    return ops.get_default_graph()._count_nodes(0)


def since(before, made):
    """As if so many nodes had been made since now() was `before`."""
    add(before + made - now())
