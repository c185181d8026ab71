# SPDX-License-Identifier: Apache-2.0
"""The module inspect, asked about the function behind a decorator; with getargspec(), which it has
no more."""
import inspect
from collections import namedtuple

from thalweg.util import tf_decorator

ArgSpec = namedtuple("ArgSpec", "args varargs keywords defaults")
FullArgSpec = inspect.FullArgSpec


def getargspec(obj):
    """The arguments of a function, without those that come by name alone."""
    found = getfullargspec(obj)
    return ArgSpec(found.args, found.varargs, found.varkw, found.defaults)


def getfullargspec(obj):
    """All arguments of a function."""
    return inspect.getfullargspec(tf_decorator.unwrap(obj)[1])


def __getattr__(name):
    return getattr(inspect, name)
