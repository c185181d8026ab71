# SPDX-License-Identifier: Apache-2.0
"""Losses of weights that grow with them."""
import numbers

from thalweg.framework import constant_op, ops
from thalweg.ops import gen_math_ops, gen_nn_ops, math_elementwise, math_reduction


def _scale(scale, name):
    """Whether a scale is above 0; a ValueError for what is none."""
    if isinstance(scale, numbers.Integral):
        raise ValueError("%s cannot be an integer: %s" % (name, scale))
    if isinstance(scale, numbers.Real):
        if scale < 0.0:
            raise ValueError("Setting a scale less than 0 on a regularizer: %g" % scale)
        return scale != 0.0
    return True


def l1_regularizer(scale, scope=None):
    """scale times the sum of |weights|."""
    if not _scale(scale, "scale"):
        return lambda _: None

    def l1(weights, name=None):
        with ops.name_scope(scope, "l1_regularizer", [weights]) as name:
            factor = ops.convert_to_tensor(scale, dtype=weights.dtype.base_dtype, name="scale")
            return gen_math_ops.mul(factor, math_reduction.reduce_sum(
                gen_math_ops._abs(ops.convert_to_tensor(weights))), name=name)
    return l1


def l2_regularizer(scale, scope=None):
    """scale times half the sum of the squares of the weights."""
    if not _scale(scale, "scale"):
        return lambda _: None

    def l2(weights):
        with ops.name_scope(scope, "l2_regularizer", [weights]) as name:
            factor = ops.convert_to_tensor(scale, dtype=weights.dtype.base_dtype, name="scale")
            return gen_math_ops.mul(factor, gen_nn_ops.l2_loss(weights), name=name)
    return l2


def l1_l2_regularizer(scale_l1=1.0, scale_l2=1.0, scope=None):
    """The sum of l1_regularizer() and l2_regularizer()."""
    _scale(scale_l1, "scale_l1")
    _scale(scale_l2, "scale_l2")
    return sum_regularizer([l1_regularizer(scale_l1), l2_regularizer(scale_l2)],
                           scope=scope or "l1_l2_regularizer")


def sum_regularizer(regularizer_list, scope=None):
    """The sum of some regularizers; None without any."""
    regularizers = [r for r in regularizer_list if r is not None]
    if not regularizers:
        return None

    def total(weights):
        with ops.name_scope(scope, "sum_regularizer", [weights]) as name:
            losses = [loss for loss in (r(weights) for r in regularizers) if loss is not None]
            return gen_math_ops.add_n(losses, name=name) if losses else None
    return total


def apply_regularization(regularizer, weights_list=None):
    """The sum of a regularizer's losses of some weights (those of the collection WEIGHTS by
    default), which goes into REGULARIZATION_LOSSES."""
    weights = ops.get_collection(ops.GraphKeys.WEIGHTS) if not weights_list else weights_list
    if not weights:
        raise ValueError("No weights to regularize.")
    with ops.name_scope("get_regularization_penalty", values=weights) as scope:
        losses = [regularizer(w) for w in weights]
        losses = [loss if loss is not None else constant_op.constant(0.0) for loss in losses]
        for loss in losses:
            if loss.get_shape().ndims != 0:
                raise ValueError("regularizer must return a scalar Tensor instead of a Tensor with "
                                 "rank %s." % loss.get_shape().ndims)
        total = math_elementwise.cast(gen_math_ops.add_n(losses, name=scope), losses[0].dtype)
        ops.add_to_collection(ops.GraphKeys.REGULARIZATION_LOSSES, total)
        return total
