# SPDX-License-Identifier: Apache-2.0
"""Operations on variables' references: making, assigning, adding, scattering."""
from thalweg.framework import tensor_shape
from thalweg.ops import gen_state_ops


def variable_op_v2(shape, dtype, name="Variable", container="", shared_name=""):
    """The reference of a new variable without initial value; a shape may be unknown in part."""
    return gen_state_ops.variable_v2(shape=shape, dtype=dtype, name=name, container=container,
                                     shared_name=shared_name)


def variable_op(shape, dtype, name="Variable", set_shape=True, container="", shared_name=""):
    """As variable_op_v2, of the older type; without `set_shape` its shape is not known."""
    if not set_shape:
        shape = tensor_shape.unknown_shape()
    made = gen_state_ops.variable(shape=shape, dtype=dtype, name=name, container=container,
                                  shared_name=shared_name)
    if set_shape:
        made.set_shape(shape)
    return made


def init_variable(v, init, name="init"):
    """An operation that gives `v` its first value: a tensor, or a function of shape and dtype."""
    from thalweg.framework import ops
    with ops.name_scope(None, v.op.name + "/", [v, init]):
        with ops.name_scope(name) as scope:
            with ops.colocate_with(v):
                if callable(init):
                    if not v.get_shape().is_fully_defined():
                        raise TypeError("the shape of %s must be known for an initializer that is "
                                        "a function, but is %s" % (v.name, v.get_shape()))
                    init = init(v.get_shape().as_list(), v.dtype.base_dtype)
                return gen_state_ops.assign(v, init, name=scope)


def is_resource(variable):
    """Whether it is a variable behind a handle, not a reference."""
    return getattr(variable, "_is_resource_variable", False)


def assign(ref, value, validate_shape=None, use_locking=None, name=None):
    """Gives the variable a value; the result is the variable afterwards. Without `validate_shape`
    it may take another shape."""
    return gen_state_ops.assign(ref, value, use_locking=use_locking, name=name,
                                validate_shape=True if validate_shape is None else validate_shape)


def assign_add(ref, value, use_locking=None, name=None):
    """ref += value"""
    return gen_state_ops.assign_add(ref, value, use_locking=use_locking, name=name)


def assign_sub(ref, value, use_locking=None, name=None):
    """ref -= value"""
    return gen_state_ops.assign_sub(ref, value, use_locking=use_locking, name=name)


def _scattering(name, does, locking=False):
    """The functions of the ops are made at their first use."""
    def scatter(ref, indices, updates, use_locking=locking, name=None):
        return getattr(gen_state_ops, scatter.__name__)(ref, indices, updates,
                                                        use_locking=use_locking, name=name)
    scatter.__name__ = scatter.__qualname__ = name
    scatter.__doc__ = "%s for each i; the result is the variable afterwards." % does
    return scatter


scatter_update = _scattering("scatter_update", "ref[indices[i]] = updates[i]", True)
scatter_add = _scattering("scatter_add", "ref[indices[i]] += updates[i]")
scatter_sub = _scattering("scatter_sub", "ref[indices[i]] -= updates[i]")
scatter_mul = _scattering("scatter_mul", "ref[indices[i]] *= updates[i]")
scatter_div = _scattering("scatter_div", "ref[indices[i]] /= updates[i]")
scatter_min = _scattering("scatter_min", "ref[indices[i]] = min(that, updates[i])")
scatter_max = _scattering("scatter_max", "ref[indices[i]] = max(that, updates[i])")


def __getattr__(name):
    return getattr(gen_state_ops, name)
