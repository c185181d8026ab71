# SPDX-License-Identifier: Apache-2.0
"""Element types."""
import pickle

import numpy as np
import pytest

from thalweg.framework import dtypes


def test_each_has_one_object():
    for number, name in dtypes._TYPE_TO_STRING.items():
        one = dtypes.as_dtype(number)
        assert one is dtypes.as_dtype(name) is dtypes.as_dtype(dtypes.DType(number))
        assert one.name == name and int(one) == number and repr(one) == "tf." + name
        assert pickle.loads(pickle.dumps(one)) is one
        assert one.base_dtype.as_datatype_enum == number % 100
        assert one._as_ref.as_datatype_enum == number % 100 + 100


@pytest.mark.parametrize("given, name", [
    (float, "float32"), (bool, "bool"), (object, "string"), (np.float64, "float64"),
    (np.dtype("S3"), "string"), (np.dtype("U2"), "string"), (np.dtype(">f4"), "float32"),
    (np.longlong, "int64"), ("float", "float32"), ("half", "float16"),
    ("double_ref", "float64_ref"), (3, "int32"), (np.uint, "uint64"), (np.str_, "string")])
def test_what_stands_for_a_type(given, name):
    assert dtypes.as_dtype(given) is dtypes.as_dtype(name)


@pytest.mark.parametrize("given", [
    int, str, None, "f4", "nonsense", 0, 77, np.datetime64, [1],
    np.dtype([("a", np.uint), ("b", np.int32)])])
def test_what_stands_for_none(given):
    with pytest.raises(TypeError):
        dtypes.as_dtype(given)


def test_numpy_types_come_back():
    for number in list(range(1, 21)) + [22, 23]:
        one = dtypes.as_dtype(number)
        assert dtypes.as_dtype(one.as_numpy_dtype) is one or number == 14
        assert np.empty((1, 1), one.as_numpy_dtype).itemsize == one.size


def test_kinds_and_limits():
    assert dtypes.uint8.is_integer and dtypes.uint8.is_unsigned and not dtypes.qint8.is_integer
    assert dtypes.bfloat16.is_floating and dtypes.complex64.is_complex and dtypes.bool.is_bool
    assert dtypes.complex128.real_dtype is dtypes.float64
    assert (dtypes.int8.min, dtypes.int8.max, dtypes.int8.limits) == (-128, 127, (0, 127))
    assert dtypes.float32.max == np.finfo(np.float32).max and dtypes.float32.limits == (0, 1)
    with pytest.raises(TypeError):
        dtypes.string.min
    assert dtypes.float32 == "float32" and dtypes.float32 == np.float32 and dtypes.float32 != "junk"
    assert dtypes.float32.is_compatible_with(dtypes.float32_ref)
    assert not dtypes.float32_ref.is_compatible_with(dtypes.float32)
