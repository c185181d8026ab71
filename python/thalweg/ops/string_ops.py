# SPDX-License-Identifier: Apache-2.0
"""Functions on text."""
from thalweg.framework import ops
from thalweg.framework.composite_tensors import SparseTensor
from thalweg.ops import gen_string_ops
from thalweg.ops.nn_activations import one_of


def string_split(source=None, sep=None, skip_empty=True, delimiter=None, input=None,  # noqa: A002
                 name=None):
    """The parts of each text between the bytes of `sep`, a blank if it is not given: a SparseTensor
    with a row for each text. An empty `sep` takes the bytes apart."""
    sep = one_of("delimiter", delimiter, "sep", sep)
    source = ops.convert_to_tensor(one_of("input", input, "source", source), name="source")
    sep = " " if sep is None else sep
    return SparseTensor(*gen_string_ops.string_split(source, sep, skip_empty, name=name))


def __getattr__(name):
    return getattr(gen_string_ops, name)
