# SPDX-License-Identifier: Apache-2.0
"""Structures and their leaves."""
import collections

import numpy as np
import pytest

from thalweg.util import nest

Pair = collections.namedtuple("Pair", "a b")
Again = collections.namedtuple("Pair", "a b")
Other = collections.namedtuple("Other", "a b")


def test_leaves_and_back():
    structure = {"b": [1, (2,)], "a": Pair(3, [4])}
    assert nest.flatten(structure) == [3, 4, 1, 2]
    assert nest.pack_sequence_as(structure, [5, 6, 7, 8]) == {"b": [7, (8,)], "a": Pair(5, [6])}
    assert nest.flatten("ab") == ["ab"] and nest.flatten(None) == [None]
    array = np.zeros(3)
    assert nest.flatten(array)[0] is array
    ordered = nest.pack_sequence_as(collections.OrderedDict([("b", 1), ("a", 2)]), [5, 6])
    assert list(ordered.items()) == [("b", 6), ("a", 5)]


def test_map():
    assert nest.map_structure(lambda x, y: x + y, [1, (2,)], [3, (4,)]) == [4, (6,)]
    assert nest.map_structure_up_to([1, 1], len, [[1, 2], [3]]) == [2, 1]
    assert nest.map_structure_with_paths(lambda p, x: p, [1, {"b": 2}]) == ["0", {"b": "1/b"}]
    assert nest.flatten_dict_items({(4, (6,)): ("a", ("c",))}) == {4: "a", 6: "c"}
    assert nest.flatten_up_to([1, [1]], [[1, 2], [3]]) == [[1, 2], 3]


@pytest.mark.parametrize("one, two, error", [
    ([1], [1, 2], ValueError), ([1], 1, ValueError), ([1, [2]], [[1], 2], ValueError),
    ([1], (1,), TypeError), ({"a": 1}, {"b": 1}, ValueError), (Pair(1, 2), Other(1, 2), TypeError)])
def test_differences(one, two, error):
    with pytest.raises(error, match="don't have the same nested structure"):
        nest.assert_same_structure(one, two)


def test_no_differences():
    nest.assert_same_structure(Pair(1, 2), Again(3, 4))
    nest.assert_same_structure([1, (2,)], (1, [2]), check_types=False)
    nest.assert_same_structure({"a": 1}, collections.OrderedDict(a=1))
    nest.assert_same_structure("ab", 3)


def test_refusals():
    with pytest.raises(ValueError, match="2 elements, but flat_sequence had 1"):
        nest.pack_sequence_as([1, (2,)], [5])
    with pytest.raises(TypeError):
        nest.pack_sequence_as([1], 5)
    with pytest.raises(TypeError):
        nest.assert_shallow_structure([1], 1)
    with pytest.raises(ValueError):
        nest.flatten_dict_items({(4, 5): (1,)})
    with pytest.raises(ValueError):
        nest.map_structure(len, [1], foo=2)
