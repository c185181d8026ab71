# SPDX-License-Identifier: Apache-2.0
"""Values shown while a graph runs."""
from thalweg.ops import gen_logging_ops


def Print(input_, data, message=None, first_n=None, summarize=None, name=None):
    """`input_` as it is; a run that computes it prints a message and the tensors in `data` on
    standard error, the first `first_n` times, `summarize` elements of each."""
    return gen_logging_ops._print(
        input_, data, message=message or "", first_n=-1 if first_n is None else first_n,
        summarize=3 if summarize is None else summarize, name=name)


def __getattr__(name):
    return getattr(gen_logging_ops, name)


__all__ = ["Print"]
