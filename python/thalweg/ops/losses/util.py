# SPDX-License-Identifier: Apache-2.0
"""The losses of a graph, found in collections."""
from thalweg.framework import constant_op, ops
from thalweg.ops import gen_math_ops


def add_loss(loss, loss_collection=ops.GraphKeys.LOSSES):
    """Puts a loss into a collection."""
    if loss_collection:
        ops.add_to_collection(loss_collection, loss)


def get_losses(scope=None, loss_collection=ops.GraphKeys.LOSSES):
    """The losses of a collection, those in a scope only if it is given."""
    return ops.get_collection(loss_collection, scope)


def get_regularization_losses(scope=None):
    """The losses of regularizers."""
    return ops.get_collection(ops.GraphKeys.REGULARIZATION_LOSSES, scope)


def get_regularization_loss(scope=None, name="total_regularization_loss"):
    """The sum of the losses of regularizers; 0 without any."""
    losses = get_regularization_losses(scope)
    return gen_math_ops.add_n(losses, name=name) if losses else constant_op.constant(0.0)


def get_total_loss(add_regularization_losses=True, name="total_loss", scope=None):
    """The sum of all losses, those of regularizers too."""
    losses = get_losses(scope=scope)
    if add_regularization_losses:
        losses = losses + get_regularization_losses(scope=scope)
    return gen_math_ops.add_n(losses, name=name)
