# SPDX-License-Identifier: Apache-2.0
"""A loss minimized in one call."""
from thalweg.framework import dtypes, ops
from thalweg.ops import (array_shapes, clip_ops, control_flow_ops, init_ops, math_elementwise,
                         random_ops, variable_scope)
from thalweg.ops import variables as all_variables
from thalweg.training import (adagrad, adam, ftrl, gradient_descent, momentum, optimizer, rmsprop,
                              training_util)

OPTIMIZER_CLS_NAMES = {
    "Adagrad": adagrad.AdagradOptimizer,
    "Adam": adam.AdamOptimizer,
    "Ftrl": ftrl.FtrlOptimizer,
    "Momentum": lambda learning_rate: momentum.MomentumOptimizer(learning_rate, momentum=0.9),
    "RMSProp": rmsprop.RMSPropOptimizer,
    "SGD": gradient_descent.GradientDescentOptimizer,
}
OPTIMIZER_SUMMARIES = ["learning_rate", "loss", "gradients", "gradient_norm",
                       "global_gradient_norm"]


def optimize_loss(loss, global_step, learning_rate, optimizer, gradient_noise_scale=None,
                  gradient_multipliers=None, clip_gradients=None, learning_rate_decay_fn=None,
                  update_ops=None, variables=None, name=None, summaries=None,
                  colocate_gradients_with_ops=False, increment_global_step=True):
    """The operation that trains for one step and gives the loss. `optimizer`: a name such as
    "SGD", an Optimizer, its class, or a function of the learning rate. Summaries are not
    written here."""
    del summaries
    loss = ops.convert_to_tensor(loss)
    loss.get_shape().assert_is_compatible_with([])
    if global_step is None:
        global_step = training_util.get_global_step()
    with variable_scope.variable_scope(name, "OptimizeLoss", [loss, global_step]):
        if update_ops is None:
            update_ops = set(ops.get_collection(ops.GraphKeys.UPDATE_OPS))
        if update_ops:
            loss = control_flow_ops.with_dependencies(list(update_ops), loss)
        rate = _rate(learning_rate, learning_rate_decay_fn, global_step)
        opt = _optimizer(optimizer, rate)
        wanted = all_variables.trainable_variables() if variables is None else variables
        gradients = opt.compute_gradients(
            loss, wanted, colocate_gradients_with_ops=colocate_gradients_with_ops)
        if gradient_noise_scale is not None:
            gradients = _noisy(gradients, gradient_noise_scale)
        if gradient_multipliers is not None:
            gradients = _multiplied(gradients, gradient_multipliers)
        gradients = _clipped(gradients, clip_gradients)
        updates = opt.apply_gradients(
            gradients, global_step=global_step if increment_global_step else None, name="train")
        return control_flow_ops.with_dependencies([updates], loss)


def _rate(learning_rate, decay, global_step):
    """The learning rate as a variable, decayed by a function of the step."""
    if learning_rate is None:
        return None
    if isinstance(learning_rate, ops.Tensor):
        if learning_rate.get_shape().ndims != 0:
            raise ValueError("Invalid learning_rate %s" % learning_rate)
        rate = learning_rate
    elif isinstance(learning_rate, float):
        if learning_rate < 0.0:
            raise ValueError("Invalid learning_rate %s." % learning_rate)
        rate = variable_scope.get_variable(
            "learning_rate", [], trainable=False,
            initializer=init_ops.constant_initializer(learning_rate))
    else:
        raise ValueError("Learning rate should be 0d Tensor or float. Got %s of type %s"
                         % (learning_rate, type(learning_rate)))
    if decay is not None:
        if global_step is None:
            raise ValueError("global_step is required for learning_rate_decay_fn.")
        rate = decay(rate, global_step)
    return rate


def _optimizer(given, rate):
    """An Optimizer of a name, class, object or function."""
    if isinstance(given, str):
        if given not in OPTIMIZER_CLS_NAMES:
            raise ValueError("Optimizer name should be one of [%s], you provided %s."
                             % (", ".join(OPTIMIZER_CLS_NAMES), given))
        return OPTIMIZER_CLS_NAMES[given](learning_rate=rate)
    if isinstance(given, type) and issubclass(given, optimizer.Optimizer):
        return given(learning_rate=rate)
    if isinstance(given, optimizer.Optimizer):
        return given
    if callable(given):
        made = given(rate) if rate is not None else given()
        if isinstance(made, optimizer.Optimizer):
            return made
    raise ValueError("Unrecognized optimizer: should be string, subclass of Optimizer, instance of "
                     "subclass of Optimizer or function with one argument. Got %s." % (given,))


def _clipped(gradients, clip):
    if clip is None:
        return gradients
    if isinstance(clip, float):
        values, wanted = zip(*gradients)
        return list(zip(clip_ops.clip_by_global_norm(values, clip)[0], wanted))
    if callable(clip):
        return clip(gradients)
    raise ValueError("Unknown type %s for clip_gradients" % type(clip))


def _noisy(gradients, scale):
    """Gradients with normal noise added to each."""
    made = []
    for gradient, variable in gradients:
        if gradient is None:
            made.append((None, variable))
            continue
        sizes = gradient.dense_shape if isinstance(gradient, ops.IndexedSlices) else \
            array_shapes.shape(gradient)
        made.append((gradient + random_ops.truncated_normal(
            math_elementwise.cast(sizes, dtypes.int32)) * scale, variable))
    return made


def _multiplied(gradients, multipliers):
    """Gradients times a number for each variable, found by the variable or its name."""
    if not isinstance(multipliers, dict):
        raise ValueError("gradient_multipliers must be a dict of variables or their names")
    made = []
    for gradient, variable in gradients:
        factor = multipliers.get(variable, multipliers.get(variable.op.name))
        if factor is not None and gradient is not None:
            factor = math_elementwise.cast(ops.convert_to_tensor(factor), gradient.dtype)
            if isinstance(gradient, ops.IndexedSlices):
                gradient = ops.IndexedSlices(gradient.values * factor, gradient.indices,
                                             gradient.dense_shape)
            else:
                gradient = gradient * factor
        made.append((gradient, variable))
    return made
