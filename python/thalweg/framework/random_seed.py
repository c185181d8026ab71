# SPDX-License-Identifier: Apache-2.0
"""Seeds: of the graph and of single random operations."""
from thalweg.framework import ops

DEFAULT_GRAPH_SEED = 87654321


def get_seed(op_seed):
    """(seed, seed2) of a random operation, from the graph's seed, the operation's own and how many
    operations there are; (None, None) if there is neither seed."""
    graph = ops.get_default_graph()
    if graph.seed is None and op_seed is None:
        return None, None
    return tuple(graph._seeds(op_seed))


def set_random_seed(seed):
    """Sets the seed of the default graph; its random operations give the same numbers in each
    session then."""
    ops.get_default_graph().seed = seed


__all__ = ["get_seed", "set_random_seed"]
