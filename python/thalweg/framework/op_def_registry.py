# SPDX-License-Identifier: Apache-2.0
"""OpDefs by name: those of the library, and those that programs register."""
_registered = {}


def register_op_list(op_list):
    """Registers the OpDefs of an OpList message; the same one may come again."""
    for op_def in op_list.op:
        known = get(op_def.name)
        if known is not None and op_def.name in _registered and known != op_def:
            raise ValueError("Registered op_def for %s (%s) not equal to op_def to register (%s)"
                             % (op_def.name, known, op_def))
        _registered.setdefault(op_def.name, op_def)


def get(name):
    """An op's OpDef, or None."""
    if name not in _registered:
        from thalweg.framework import op_def_protos
        found = op_def_protos.op_def_of(name)
        if found is None:
            return None
        _registered[name] = found
    return _registered[name]


def get_registered_ops():
    """{name: OpDef} of all ops."""
    from thalweg import _core
    for name in _core.op_names():
        get(name)
    return _registered
