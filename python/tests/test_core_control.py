# SPDX-License-Identifier: Apache-2.0
"""Conditions, loops and regions of `thalweg._core`, without what Python builds on them."""
import gc
import weakref

import numpy as np
import pytest

from thalweg import _core

FLOAT, INT, BOOL = 1, 3, 10


def add(graph, op_type, inputs=(), **attrs):
    name = attrs.pop("name", None)
    return graph._add(op_type, name, list(inputs), None, attrs, None, None, None).outputs[0]


def placeholder(graph, dtype, name):
    return add(graph, "Placeholder", dtype=dtype, shape=[], name=name)


@pytest.fixture
def graph():
    return _core.Graph()


def build_cond(graph):
    """-x or x; the branches' regions by side, and the result."""
    pred, x = placeholder(graph, BOOL, "p"), placeholder(graph, FLOAT, "x")
    builder = _core.cond_begin(pred, "cond")
    regions, results = {}, {}
    for side in (True, False):
        _core.cond_enter(builder, side)
        regions[side] = _core.graph_region(graph)
        result = add(graph, "Neg", [x]) if side else x
        results[side], = _core.cond_leave(builder, [result])
    merged = _core.cond_merge(builder, results[True], results[False])
    _core.cond_end(builder)
    return regions, merged


def test_a_condition_is_built_between_calls(graph):
    _, merged = build_cond(graph)
    assert merged.name == "cond/Merge:0"
    assert [op.name for op in graph._operations()] == [
        "p", "x", "cond/Switch", "cond/switch_t", "cond/switch_f", "cond/pred_id",
        "cond/Neg/Switch", "cond/Neg", "cond/Switch_1", "cond/Merge"]
    assert [t.name for t in merged.op.inputs] == ["cond/Switch_1:0", "cond/Neg:0"]


def test_a_builder_ends_once(graph):
    builder = _core.cond_begin(placeholder(graph, BOOL, "p"), "cond")
    _core.cond_end(builder)
    with pytest.raises(ValueError, match="has not ended"):
        _core.cond_end(builder)
    with pytest.raises(ValueError, match="thalweg.while"):
        _core.while_end(builder)
    with pytest.raises(ValueError):
        _core.cond_enter(None, True)


def test_what_a_branch_leaves_open_is_closed(graph):
    builder = _core.cond_begin(placeholder(graph, BOOL, "p"), "cond")
    _core.cond_enter(builder, True)
    _core.push_name(graph, "deep")
    _core.cond_end(builder)
    assert _core.scope_name(graph) == ""
    assert _core.graph_region(graph) is None


def build_while(graph, shapes=None, parallel=10, back_prop=True):
    zero = add(graph, "Const", dtype=INT, value=np.int32(0), name="zero")
    builder, seen = _core.while_begin([zero], shapes, parallel, back_prop, False, "while")
    less = add(graph, "Less", [seen[0], zero])
    body = _core.while_condition(builder, less)
    last = _core.while_body(builder, [add(graph, "Neg", [body[0]])])
    _core.while_end(builder)
    return less, last


def test_a_loop_is_built_between_calls(graph):
    less, last = build_while(graph)
    assert [t.name for t in last] == ["while/Exit:0"]
    assert [t.name for t in less.op.inputs] == ["while/Merge:0", "while/Less/Enter:0"]
    assert _core.scope_name(graph) == ""


def test_a_loop_takes_shape_invariants(graph):
    _, last = build_while(graph, [[]])
    assert last[0]._dims() == []
    _, last = build_while(graph, [None])
    assert last[0]._dims() is None
    with pytest.raises(ValueError, match="2 shape invariants for 1 loop variables"):
        build_while(graph, [[], []])
    with pytest.raises(ValueError, match="not compatible"):
        build_while(graph, [[3]])
    with pytest.raises(TypeError):
        build_while(graph, 3)


def test_a_branch_tells_what_it_is(graph):
    regions, merged = build_cond(graph)
    on_true, on_false = regions[True], regions[False]
    assert not on_true.is_loop
    assert on_true.graph is graph
    assert on_true.name == "cond/"
    assert on_true.outer is None and on_true.forward is None
    assert (on_true.branch, on_false.branch) == (True, False)
    assert on_true.other == on_false and on_true != on_false
    assert on_true.pivot.name == "cond/switch_t:0"
    assert on_true.pred.name == "cond/pred_id:0"
    assert on_true.cond is None and on_true.vars == []
    neg = graph._operation("cond/Neg")
    assert _core.operation_region(neg) == on_true
    assert {_core.operation_region(neg): 1}[on_true] == 1
    assert _core.operation_region(merged.op) is None
    assert "true" in repr(on_true) and "false" in repr(on_false)


def test_a_loop_tells_what_it_is(graph):
    less, last = build_while(graph, parallel=7, back_prop=False)
    region = _core.operation_region(less.op)
    assert region.is_loop
    assert region.name == "while/while_context"
    assert region.pivot.name == "while/Identity:0"
    assert region.cond.name == "while/LoopCond"
    assert (region.parallel_iterations, region.back_prop) == (7, False)
    assert [[op.name for op in var] for var in region.vars] == [
        ["while/Enter", "while/Merge", "while/Switch", "while/NextIteration", "while/Exit"]]
    assert region.vars[0][4] is last[0].op


def test_a_region_can_be_entered_again(graph):
    regions, _ = build_cond(graph)
    x = graph._operation("x").outputs[0]
    mark = _core.push_region(graph, regions[False])
    inside = add(graph, "Exp", [x])
    outer = _core.push_region(graph, None)
    outside = add(graph, "Exp", [x])
    _core.pop(outer)
    _core.pop(mark)
    assert inside.op.inputs[0].name == "cond/Switch_1:0"
    assert regions[False].capture(x) is inside.op.inputs[0]
    assert outside.op.inputs[0] is x
    with pytest.raises(ValueError, match="another graph"):
        _core.push_region(_core.Graph(), regions[False])
    with pytest.raises(TypeError):
        _core.push_region(graph, 3)


def test_a_graph_that_knows_its_regions_is_collected():
    class Graph(_core.Graph):
        pass
    graph = Graph()
    graph.regions = build_cond(graph)[0]
    gone = weakref.ref(graph)
    del graph
    gc.collect()
    assert gone() is None
