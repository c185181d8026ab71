# SPDX-License-Identifier: Apache-2.0
"""Composites of the library called by name."""
import inspect

import numpy as np
import pytest

from thalweg import _core
from thalweg.framework import constant_op, ops


@pytest.fixture
def x():
    with ops.Graph().as_default():
        yield constant_op.constant([[1.0, 2.0], [3.0, 4.0]], name="x")


def test_arguments_of_every_kind(x):
    made = [op.name for op in x.graph.get_operations()]
    mean = _core.composite("reduce_mean", {"input_tensor": x, "axis": 1, "keep_dims": True}, "m")
    assert mean.shape.as_list() == [2, 1] and mean.op.name == "m" and made == ["x"]
    mean, variance = _core.composite("moments", {"x": x, "axes": [0], "keep_dims": None})
    assert mean.op.name == "moments/Squeeze" and variance.op.name == "moments/Squeeze_1"
    stacked = _core.composite("stack", {"values": [x, x], "axis": 0})
    assert [t.name for t in _core.composite("unstack", {"value": stacked, "num": 2})] == [
        "unstack:0", "unstack:1"]
    assert _core.composite("zeros", {"shape": np.array([3, 1]), "dtype": np.int8}).dtype == "int8"
    noise = _core.composite("dropout", {"x": x, "keep_prob": 0.5, "seed": 7, "noise_shape": (2, 1)})
    uniform = x.graph.get_operation_by_name("dropout/random_uniform/RandomUniform")
    assert uniform.get_attr("seed2") == 7 and noise.shape.as_list() == [2, 2]
    assert mean.op._where[0] == __file__
    line = inspect.currentframe().f_lineno - 2
    assert mean.op._where[1] < line


def test_errors_come_to_the_caller_and_leave_nothing_open(x):
    with pytest.raises(ValueError, match="Invalid reduction dimension 5"):
        _core.composite("reduce_mean", {"input_tensor": x, "axis": [5]})
    with pytest.raises(ValueError, match="'input_tensor' is missing"):
        _core.composite("reduce_mean", {})
    with pytest.raises(KeyError):
        _core.composite("nonsense", {})
    for arguments in ({"nonsense": 1}, {"input_tensor": x, "axis": "text"},
                      {"input_tensor": x, "axis": [1.5]}, {"input_tensor": object()}, 3):
        with pytest.raises((TypeError, ValueError)):
            _core.composite("reduce_mean", arguments)
    assert x.graph.get_name_scope() == ""
