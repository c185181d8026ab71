# SPDX-License-Identifier: Apache-2.0
"""Functions whose arguments come by name."""
import functools


def keyword_args_only(func):
    """A decorator for a function that takes no arguments by position."""
    @functools.wraps(func)
    def call(*args, **kwargs):
        if args:
            raise ValueError("The function %s takes its arguments by name only." % func.__name__)
        return func(**kwargs)
    return call
