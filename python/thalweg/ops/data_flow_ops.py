# SPDX-License-Identifier: Apache-2.0
"""Tensors dealt out to several, and put together again."""
from thalweg.ops import gen_data_flow_ops as _gen


def dynamic_partition(data, partitions, num_partitions, name=None):
    """num_partitions tensors: row i of the data goes to the one whose number is partitions[i]."""
    return _gen.dynamic_partition(data, partitions, num_partitions=num_partitions, name=name)


def dynamic_stitch(indices, data, name=None):
    """One tensor of rows: data[m][i] becomes row indices[m][i]; of equal numbers the last wins."""
    return _gen.dynamic_stitch(indices, data, name=name)


def parallel_dynamic_stitch(indices, data, name=None):
    """As dynamic_stitch(), where no number comes twice."""
    return _gen.parallel_dynamic_stitch(indices, data, name=name)


def __getattr__(name):
    # The ops themselves, as other modules find them here.
    return getattr(_gen, name)
