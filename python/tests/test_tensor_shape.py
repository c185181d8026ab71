# SPDX-License-Identifier: Apache-2.0
"""Shapes and sizes, known and not."""
import pickle

import numpy as np
import pytest

from thalweg.framework.tensor_shape import Dimension, TensorShape, as_shape, unknown_shape


def test_arithmetic_with_sizes():
    assert (Dimension(3) + 4).value == (4 + Dimension(3)).value == 7
    assert (7 - Dimension(3)).value == 4 and (7 // Dimension(2)).value == 3
    assert (Dimension(None) * 2).value is None and (Dimension(7) % 4).value == 3
    assert [0] * Dimension(2) == [0, 0] and np.zeros((Dimension(2), 1)).shape == (2, 1)
    with pytest.raises(TypeError, match="use // instead"):
        Dimension(3) / 2
    with pytest.raises(TypeError):
        Dimension(3) + "a"


def test_an_unknown_size_compares_with_nothing():
    for result in (Dimension(None) == 3, Dimension(3) != None, Dimension(None) < 3,  # noqa: E711
                   Dimension(3) >= Dimension(None)):
        assert result is None
    assert Dimension(3) == 3 and Dimension(3) < 4 and not Dimension(3) == "x"


@pytest.mark.parametrize("made, error", [
    (lambda: Dimension(-1), ValueError), (lambda: Dimension(2.5), ValueError),
    (lambda: TensorShape("ab"), TypeError), (lambda: TensorShape([[2]]), TypeError),
    (lambda: TensorShape([-2]), ValueError), (lambda: int(Dimension(None)), TypeError),
    (lambda: len(TensorShape(None)), ValueError), (lambda: list(TensorShape(None)), ValueError),
    (lambda: TensorShape(None).as_list(), ValueError), (lambda: TensorShape([2])[3], IndexError),
    (lambda: TensorShape([2]).merge_with([3]), ValueError),
    (lambda: TensorShape([2]).with_rank(2), ValueError),
    (lambda: TensorShape([2]).with_rank_at_least(2), ValueError),
    (lambda: TensorShape([2]).with_rank_at_most(0), ValueError),
    (lambda: TensorShape([2]).assert_same_rank([1, 2]), ValueError),
    (lambda: TensorShape([None]).assert_is_fully_defined(), ValueError),
    (lambda: TensorShape([2]).assert_is_compatible_with([3]), ValueError),
    (lambda: hash(TensorShape([2])), TypeError),
    (lambda: TensorShape(None) != [2], ValueError)])
def test_what_is_refused(made, error):
    with pytest.raises(error):
        made()


def test_forms():
    for given in ([2, None], (2, None), [Dimension(2), None], TensorShape([2, None]),
                  TensorShape([2, None]).as_proto()):
        assert as_shape(given).as_list() == [2, None]
    assert str(TensorShape([2, None])) == "(2, ?)" and str(TensorShape([7])) == "(7,)"
    assert str(TensorShape(None)) == "<unknown>" and str(TensorShape([])) == "()"
    assert repr(TensorShape([2, None])) == "TensorShape([Dimension(2), Dimension(None)])"
    assert TensorShape(None).as_proto().unknown_rank and TensorShape(3).as_list() == [3]
    assert pickle.loads(pickle.dumps(TensorShape([2, None]))).as_list() == [2, None]


def test_what_two_shapes_say_together():
    assert TensorShape([2, None]).merge_with([None, 3]).as_list() == [2, 3]
    assert TensorShape(None).merge_with([2]).as_list() == [2]
    assert (TensorShape([2]) + [3]).as_list() == [2, 3] == ([2] + TensorShape([3])).as_list()
    assert TensorShape([2]).concatenate(None).ndims is None
    assert TensorShape([2, 3]).most_specific_compatible_shape([2, 4]).as_list() == [2, None]
    assert TensorShape([2, None]).is_compatible_with([2, 5])
    assert TensorShape([2, 3]) == (2, 3) and TensorShape(None) == None  # noqa: E711
    assert not TensorShape([None]) == [None] and TensorShape([None]) != [None]


def test_parts():
    shape = TensorShape([2, 3, 4])
    assert shape[-1] == 4 and shape[1:].as_list() == [3, 4] and shape.num_elements() == 24
    assert 3 in shape and [d.value for d in shape] == [2, 3, 4]
    assert unknown_shape(2).as_list() == [None, None] and TensorShape(None)[1:3].ndims == 2
    assert TensorShape(None)[1:].ndims is None and TensorShape(None)[5].value is None
    assert bool(TensorShape([])) and not TensorShape(None)
