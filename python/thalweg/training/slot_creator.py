# SPDX-License-Identifier: Apache-2.0
"""Slots: variables beside a variable, named after it, such as its momentum."""
from thalweg.compat import behaviour
from thalweg.framework import ops
from thalweg.ops import array_ops, init_ops, variable_scope, variables


def _create_slot_var(primary, val, scope, validate_shape, shape, dtype):
    """The slot, as a variable of a scope of its own; of none, if it was made before."""
    if behaviour.slot_values == "made before":
        return _noted(primary, variables.Variable(val, name=scope, trainable=False,
                                                  validate_shape=validate_shape))
    scopes = variable_scope.get_variable_scope()
    partitioner = scopes.partitioner
    scopes.set_partitioner(None)  # a slot is as whole as what it belongs to
    try:
        slot = variable_scope.get_variable(
            scope, initializer=val, trainable=False, shape=shape if callable(val) else None,
            dtype=dtype, validate_shape=validate_shape)
    finally:
        scopes.set_partitioner(partitioner)
    return _noted(primary, slot)


def _noted(primary, slot):
    """The slot of a piece of a variable is a piece as well."""
    whole = getattr(primary, "_save_slice_info", None)
    if isinstance(primary, variables.Variable) and whole:
        name = slot.name[len(primary.op.name + "/"):].partition(":")[0]
        slot._set_save_slice_info(variables.Variable.SaveSliceInfo(
            whole.full_name + "/" + name, list(whole.full_shape), list(whole.var_offset),
            list(whole.var_shape)))
    return slot


def _make(primary, val, name, colocate, validate_shape, shape, dtype):
    name = primary.op.name + "/" + name
    plain = behaviour.slot_values == "made before"
    with ops.name_scope(name) if plain else variable_scope.variable_scope(None, name) as scope:
        scope = scope if plain else ""
        if not colocate:
            return _create_slot_var(primary, val, scope, validate_shape, shape, dtype)
        with ops.colocate_with(primary):
            return _create_slot_var(primary, val, scope, validate_shape, shape, dtype)


def create_slot(primary, val, name, colocate_with_primary=True):
    """A slot of a variable or tensor that begins with a value."""
    val = ops.convert_to_tensor(val)
    return _make(primary, val, name, colocate_with_primary, val.get_shape().is_fully_defined(),
                 None, val.dtype.base_dtype)


def create_slot_with_initializer(primary, initializer, shape, dtype, name,
                                 colocate_with_primary=True):
    """A slot of that shape and type that an initializer fills."""
    if behaviour.slot_values == "made before":
        return create_slot(primary, initializer(shape.as_list(), dtype), name,
                           colocate_with_primary)
    return _make(primary, initializer, name, colocate_with_primary, shape.is_fully_defined(),
                 shape, dtype)


def first_value(primary):
    """The first value of a variable, or the tensor itself."""
    return primary.initialized_value() if isinstance(primary, variables.Variable) else primary


def create_zeros_slot(primary, name, dtype=None, colocate_with_primary=True):
    """A slot of zeros, as large as the variable or tensor."""
    dtype = primary.dtype.base_dtype if dtype is None else dtype
    shape = primary.get_shape()
    if shape.is_fully_defined():
        return create_slot_with_initializer(primary, init_ops.zeros_initializer(), shape, dtype,
                                            name, colocate_with_primary)
    return create_slot(primary, array_ops.zeros(array_ops.shape(first_value(primary)), dtype),
                       name, colocate_with_primary)
