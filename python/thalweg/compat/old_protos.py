# SPDX-License-Identifier: Apache-2.0
"""Enums with the values that older versions had."""
from thalweg.protos import descriptor as _descriptor


def _without(name, numbers):
    """An enum of the schema without some of its values."""
    pairs = [(n, v) for n, v in _descriptor.enum_wrapper(name).items() if v not in numbers]
    return _descriptor.EnumTypeWrapper(
        _descriptor.EnumDescriptor(name, pairs, _descriptor.full_name(name)))


# complex128, half, resource, variant and the wide unsigned types came later.
DataType_0_7 = _without("DataType", {n + r for n in range(18, 24) for r in (0, 100)})
