# SPDX-License-Identifier: Apache-2.0
"""Functions that stand for other ones and say so."""
import functools


def make_decorator(target, decorator_func, decorator_name=None, decorator_doc="",
                   decorator_argspec=None):
    """A function that stands for `target`, with its name and documentation."""
    del decorator_name, decorator_doc, decorator_argspec
    return functools.wraps(target)(decorator_func)


def unwrap(maybe_tf_decorator):
    """(the functions that stand for others, the last one itself)"""
    outer, found = [], maybe_tf_decorator
    while hasattr(found, "__wrapped__"):
        outer.append(found)
        found = found.__wrapped__
    return outer, found
