# SPDX-License-Identifier: Apache-2.0
"""Functions that say their own gradients."""
import functools
import itertools

from thalweg.framework import ops
from thalweg.ops import array_ops
from thalweg.ops import variable_scope as vs
from thalweg.util import nest

_numbers = itertools.count()  # gradients are registered for all graphs


def custom_gradient(f):
    """Decorates f(*tensors), which gives (results, gradient function): the latter's arguments are
    the derivatives of the results, its results those of the tensors (and, for `variables`, those of
    the variables that f got)."""
    @functools.wraps(f)
    def decorated(*args, **kwargs):
        if kwargs:
            raise ValueError("The custom_gradient decorator currently supports keywords arguments "
                             "only when eager execution is enabled.")
        return _graph_function(f, args)
    return decorated


def _graph_function(f, args):
    kind = "CustomGradient-%d" % next(_numbers)
    args = [ops.convert_to_tensor(x) for x in nest.flatten(args)]
    before = len(ops.get_collection(ops.GraphKeys.TRAINABLE_VARIABLES))
    with vs.variable_scope(vs.get_variable_scope()):
        result, gradient = f(*[array_ops.identity(x) for x in args])
    variables = ops.get_collection(ops.GraphKeys.TRAINABLE_VARIABLES)[before:]
    results = [ops.convert_to_tensor(r) for r in nest.flatten(result)]

    @ops.RegisterGradient(kind)
    def internal(op, *slopes):  # of results, then of args, which get nothing from themselves
        options = {"variables": variables} if variables else {}
        found = gradient(*slopes[:len(results)], **options)
        if variables:
            found = nest.flatten(found[0]) + list(found[1])
        return [None] * len(results) + nest.flatten(found)

    with ops.get_default_graph().gradient_override_map({"IdentityN": kind}):
        made = array_ops.identity_n(results + args + variables)
    return nest.pack_sequence_as(result, made[:len(results)])


def grad_pass_through(f):
    """Decorates a function of one tensor: its derivative is taken to be 1."""
    @custom_gradient
    def passing(*args):
        return f(*args), lambda *slopes: slopes[0] if len(slopes) == 1 else list(slopes)
    return passing
