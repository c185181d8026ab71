# SPDX-License-Identifier: Apache-2.0
"""Arrays between NumPy and the library: what is copied, shared, refused; bfloat16."""
import gc
import sys

import numpy as np
import pytest

from thalweg import _core

FLOAT, DOUBLE, INT32, STRING, BOOL, BFLOAT16, RESOURCE = 1, 2, 3, 7, 10, 14, 20
through = _core._through_array
bf16 = _core.bfloat16


def test_a_large_contiguous_array_is_lent_and_comes_back_as_the_same_memory():
    x = np.arange(100000, dtype=np.float32).reshape(100, 1000)
    y = through(x, FLOAT, True)
    assert np.shares_memory(x, y) and (x == y).all()
    z = through(x, FLOAT, False)
    assert not np.shares_memory(x, z) and (x == z).all()


@pytest.mark.parametrize("view", [
    lambda x: x.T, lambda x: x[:, ::2], lambda x: x.astype(">f4"), lambda x: x.astype(np.float64),
    lambda x: x.tolist(), np.asfortranarray, memoryview])
def test_other_layouts_are_converted(view):
    x = np.arange(20000, dtype=np.float32).reshape(100, 200)
    assert (through(view(x), FLOAT, True) == np.asarray(view(x))).all()


def test_references_are_dropped():
    x = np.zeros(10000, np.float32)
    before = sys.getrefcount(x)
    for _ in range(1000):
        through(x, FLOAT, True)
    gc.collect()
    assert sys.getrefcount(x) == before


def test_scalars():
    assert type(through(3.5, DOUBLE, False, True)) is np.float64
    assert type(through(True, BOOL, False, True)) is np.bool_
    assert through(3, 0).dtype == np.int64
    assert through(1.7, INT32, False, True) == 1


def test_strings_keep_their_nulls_and_become_bytes():
    assert list(through([b"a\0", u"h\xe9"], STRING)) == [b"a\0", u"h\xe9".encode()]
    assert through("x", STRING, False, True) == b"x"
    assert through(np.array([["a", "bb"]]), 0).tolist() == [[b"a", b"bb"]]
    long = [b"0123456789abc" * k for k in range(5)]
    assert list(through(long, STRING)) == long
    assert through(np.zeros((0, 2), object), STRING).shape == (0, 2)


@pytest.mark.parametrize("value, dtype, error", [
    ([object()], STRING, TypeError), (None, STRING, TypeError), (object(), FLOAT, TypeError),
    ([[1], [1, 2]], FLOAT, ValueError), (np.zeros((1,) * 20), FLOAT, ValueError),
    (1, RESOURCE, TypeError), (np.zeros(2, "M8[s]"), 0, TypeError),
    (np.empty(2, object), 0, TypeError)])
def test_what_is_no_array_is_refused(value, dtype, error):
    with pytest.raises(error):
        through(value, dtype)


def test_every_number_survives():
    for dtype in (np.float16, np.float32, np.float64, np.int8, np.int16, np.int32, np.int64,
                  np.uint8, np.uint16, np.uint32, np.uint64, np.bool_, np.complex64, np.complex128,
                  bf16):
        for shape in ((), (0, 3), (3, 5), (200, 300)):
            x = (np.arange(int(np.prod(shape))).reshape(shape) % 100).astype(dtype)
            y = through(x, 0, True)
            assert y.dtype == x.dtype and y.shape == shape and (np.asarray(x == y)).all()


def rounded(x):
    """float32 to bfloat16 and back: to nearest, ties to even."""
    bits = np.asarray(x, np.float32).view(np.uint32)
    return ((bits + 0x7fff + (bits >> 16 & 1)) >> 16 << 16).astype(np.uint32).view(np.float32)


def test_bfloat16_is_rounded_to_nearest_even():
    x = np.random.RandomState(1).standard_normal(10000).astype(np.float32) * 1e3
    assert (x.astype(bf16).astype(np.float32) == rounded(x)).all()
    assert np.isnan(np.array([np.nan], bf16).astype(np.float32)).all()


@pytest.mark.filterwarnings("ignore")
def test_bfloat16_and_half_agree_with_float32():
    halves = np.arange(65536, dtype=np.uint16).view(np.float16)
    number = ~np.isnan(halves)
    assert (halves.astype(bf16).astype(np.float32)[number]
            == rounded(halves.astype(np.float32))[number]).all()
    every = np.arange(65536, dtype=np.uint16).view(np.dtype(bf16))
    wide = every.astype(np.float32)
    number = ~np.isnan(wide)
    assert (every.astype(np.float16)[number] == wide.astype(np.float16)[number]).all()


def test_bfloat16_arithmetic_and_comparison():
    a = np.array([1, 2.5, -3], bf16)
    two = bf16(2) if np.__version__.startswith("2.0.") else 2  # 2.0 makes float32 of a * 2
    for got, want in ((a + a, [2, 5, -6]), (a * two, [2, 5, -6]), (a - a, [0, 0, 0]),
                      (a / a, [1, 1, 1]), (-a, [-1, -2.5, 3]), (abs(a), [1, 2.5, 3]),
                      (a // a, [1, 1, 1]), (np.maximum(a, -a), [1, 2.5, 3]),
                      (np.square(a), [1, 6.25, 9])):
        assert got.dtype == np.dtype(bf16) and got.astype(np.float32).tolist() == want
    assert (a < 2).tolist() == [True, False, True] and (a == a).all() and not (a != a).any()
    assert np.isfinite(a).all() and a.argmax() == 1 and a.argmin() == 2
    assert np.sort(a).tolist() == [-3, 1, 2.5]
    assert float(np.ones(10, bf16).sum()) == 10
    assert (np.ones((2, 3), bf16) @ np.ones((3, 2), bf16)).tolist() == [[3, 3], [3, 3]]
    assert np.dot(a, a) == bf16(16.25)
    assert np.can_cast(bf16, np.float32) and not np.can_cast(np.float32, bf16)


def test_bfloat16_scalars():
    x = bf16(1.5)
    assert repr(x) == "1.5" and str(bf16(0.1)) == "0.1" and repr(bf16("-2")) == "-2.0"
    assert type(x + x) is bf16 and type(x * 2) is bf16 and 1 - x == bf16(-0.5)
    assert x == 1.5 and x < 2 and hash(x) == hash(1.5) and bool(x) and not bf16(0)
    assert float(x) == 1.5 and int(bf16(2.9)) == 2 and x ** 2 == bf16(2.25)
    assert np.dtype(bf16).itemsize == 2 and np.array([x, x]).dtype == np.dtype(bf16)
    assert repr(np.array([1, 0.1], bf16)) == "array([1.0, 0.1], dtype=bfloat16)"
    assert bf16(np.ones(3)).dtype == np.dtype(bf16)
    with pytest.raises((TypeError, ValueError)):
        bf16("one")
    with pytest.raises(TypeError):
        bf16(1, 2)
