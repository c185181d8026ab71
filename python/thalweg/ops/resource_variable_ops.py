# SPDX-License-Identifier: Apache-2.0
"""Variables behind handles: there are none, as every variable is a reference here, but programs
that are written for both kinds ask which one they have."""
from thalweg.ops import state_ops, variables


class _Made(type(variables.Variable)):
    """ResourceVariable(...) makes a plain variable; nothing is an instance of it."""

    def __call__(cls, *args, **kwargs):
        return variables.Variable(*args, **kwargs)

    def __instancecheck__(cls, thing):
        return state_ops.is_resource(thing)


class ResourceVariable(variables.Variable, metaclass=_Made):
    """The arguments of tf.Variable, and its result."""


BaseResourceVariable = ResourceVariable


def is_resource_variable(var):
    """Whether it is a variable behind a handle."""
    return state_ops.is_resource(var)
