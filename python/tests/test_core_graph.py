# SPDX-License-Identifier: Apache-2.0
"""The extension's graphs, operations and tensors: identity, life, places, scopes, attributes."""
import gc
import os
import sys
import threading
import weakref

import numpy as np
import pytest

from thalweg import _core
from thalweg.framework import dtypes, errors, ops, tensor_shape

HERE = os.path.basename(__file__)


def const(graph, value, name=None):
    return graph._create_op("Const", (), name,
                            {"value": np.asarray(value), "dtype": np.asarray(value).dtype}
                            ).outputs[0]


def test_an_operation_has_one_object_for_ever():
    g = ops.Graph()
    a = const(g, 1.0, "a")
    b = g._create_op("Neg", [a], "b")
    assert b.inputs[0] is a and a.op is g._operation("a") and g._tensor("a:0") is a
    assert b.outputs[0] is b._outputs[0] and b.graph is g and a.graph is g
    assert g._operations() == [a.op, b] and g._operations(1) == [b]
    assert a != b.outputs[0] and a == a and hash(a) == hash(a)
    b.outputs.clear()  # a list of the caller's own
    assert len(b.outputs) == 1


def test_what_the_library_makes_by_itself_gets_objects_when_asked_for():
    g = ops.Graph()
    with g.as_default():
        x = const(g, [1.0, 2.0], "x")
        y = g._create_op("Square", [x], "y").outputs[0]
        dx, = _core.gradients([y], [x])
    assert isinstance(dx, ops.Tensor) and dx.graph is g
    assert dx is g._tensor(dx.name) and dx.op in g.get_operations()
    assert all(isinstance(op, ops.Operation) for op in g.get_operations())


def test_a_tensor_keeps_its_graph_and_a_graph_goes_with_its_last_holder():
    g = ops.Graph()
    t = const(g, 3.0, "t")
    watched = weakref.ref(g)
    del g
    gc.collect()
    assert t.graph.get_operation_by_name("t").outputs[0] is t
    u = t.graph._create_op("Neg", [t], None).outputs[0]
    del t
    gc.collect()
    assert u.op.inputs[0].name == "t:0" and watched() is u.graph
    del u
    gc.collect()
    assert watched() is None


def resident():
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * 4096


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="needs /proc")
def test_building_and_dropping_graphs_keeps_memory_flat():
    def build():
        g = ops.Graph()
        with g.as_default(), g.name_scope("s"):
            t = const(g, np.zeros(10, np.float32))
            for _ in range(50):
                t = g._create_op("Neg", [t], "n", {"_note": [1, 2], "_text": "x"}).outputs[0]
                t.op.node_def, t.shape, t.op.get_attr("T")
            _core.gradients([t], [g.get_operations()[0].outputs[0]])
            g.a = t  # a cycle through the object's own dictionary
            with pytest.raises(ValueError):
                g._create_op("MatMul", [t, t], None)
    for _ in range(20):
        build()
    gc.collect()
    before = resident()
    for _ in range(100):
        build()
    gc.collect()
    assert resident() - before < 8 << 20


def test_references_are_counted_right():
    g = ops.Graph()
    t = const(g, 1.0, "t")
    op = t.op
    things = [g, t, op, None, dtypes.float64]
    gc.collect()
    before = [sys.getrefcount(x) for x in things]
    for _ in range(100):
        t.op, t.graph, t.dtype, t.name, op.inputs, op.outputs, op.graph, t._dims(), op._attrs()
        g._operations(), g._operation("t"), g._tensor("t:0"), _core.scope_name(g)
        _core.pop(_core.push_control(g, [t]))
        _core.pop(_core.push_colocate(g, op))
        with pytest.raises(KeyError):
            op._attr("nothing")
        with pytest.raises(TypeError):
            g._add("Neg", None, [None])
    gc.collect()
    after = [sys.getrefcount(x) for x in things]
    assert all(abs(b - a) < 20 for a, b in zip(before, after)), (before, after)


def test_the_users_line_is_known():
    g = ops.Graph()
    line = sys._getframe().f_lineno + 1
    t = const(g, 1.0)
    file, at = t.op._where
    # `const` stands here too, and is the innermost line outside of the package.
    assert os.path.basename(file) == HERE and at == const.__code__.co_firstlineno + 1 != line
    with pytest.raises(ValueError, match="made at .*%s:" % HERE):
        g._create_op("MatMul", [t, t], None)


def test_attributes_come_back():
    g = ops.Graph()
    given = {"_int": 5, "_float": 0.5, "_bool": True, "_text": "text", "_bytes": b"\x00\xff",
             "_type": dtypes.int8, "_shape": tensor_shape.TensorShape([None, 2]),
             "_unknown": tensor_shape.TensorShape(None), "_ints": [1, 2], "_floats": [0.5],
             "_types": [dtypes.bool, dtypes.string], "_empty": [], "_array": np.arange(3),
             "_func": _core.Func("f", {"T": dtypes.float32, "n": 2}),
             "_forced": ("list(shape)", [[1], None])}
    op = g._create_op("NoOp", (), None, given)
    got = op._attrs()
    assert got["_int"] == 5 and got["_float"] == 0.5 and got["_bool"] is True
    assert got["_text"] == b"text" and got["_bytes"] == b"\x00\xff"
    assert got["_type"] is dtypes.int8 and got["_types"] == [dtypes.bool, dtypes.string]
    assert got["_shape"].as_list() == [None, 2] and got["_unknown"].ndims is None
    assert got["_ints"] == [1, 2] and got["_floats"] == [0.5] and got["_empty"] == []
    assert got["_array"].tolist() == [0, 1, 2] and not got["_array"].flags.writeable
    assert got["_func"].name == "f" and got["_func"].attrs == {"T": dtypes.float32, "n": 2}
    assert [s.ndims for s in got["_forced"]] == [1, None]
    assert op._attr_kind("_types") == "list(type)" and op._attr_kind("_no") is None


@pytest.mark.parametrize("value", [object(), None, [None], {"a": 1}, [object()], 1 << 80,
                                   lambda: 0, ("type", "nonsense"), ("tensor", object)])
def test_what_is_no_attribute_is_refused(value):
    with pytest.raises((TypeError, ValueError, OverflowError)):
        ops.Graph()._create_op("NoOp", (), None, {"_a": value})


def test_an_attribute_that_changes_the_dictionary_while_it_is_read():
    attrs = {}

    class Evil:
        @property
        def as_datatype_enum(self):
            attrs.clear()
            attrs.update({"_%d" % i: i for i in range(100)})
            return 1
    attrs.update(_a=Evil(), _b=2)
    try:
        ops.Graph()._create_op("NoOp", (), None, attrs)
    except (TypeError, ValueError, RuntimeError):
        pass


def test_objects_that_stand_for_nothing_are_refused():
    op = _core.Operation.__new__(_core.Operation)
    for get in ("name", "type", "device", "graph", "inputs", "outputs", "control_inputs", "_id"):
        with pytest.raises(ValueError):
            getattr(op, get)
    with pytest.raises(TypeError):
        ops.Graph()._add("Neg", None, [op])
    with pytest.raises(TypeError):
        _core.Tensor()
    with pytest.raises((TypeError, ValueError)):
        _core.Tensor(op, 0)


def test_tensors_of_another_graph_are_refused():
    a, b = const(ops.Graph(), 1.0), const(ops.Graph(), 1.0)
    with pytest.raises(ValueError, match="same graph"):
        a.graph._create_op("Add", [a, b], None)
    with pytest.raises(ValueError):
        a.op._update_input(0, b)


def test_scopes_close_in_any_order():
    g = ops.Graph()
    a = g.name_scope("a")
    b = g.name_scope("b")
    a.__enter__()
    b.__enter__()
    a.__exit__(None, None, None)
    assert g.get_name_scope() == "a/b"
    b.__exit__(None, None, None)
    assert g.get_name_scope() == ""
    assert _core.scope_mark() == 0


def test_the_default_graph_of_a_thread():
    ops.reset_default_graph()
    g = ops.get_default_graph()
    g.add_to_collection("k", 1)
    del g
    gc.collect()
    assert ops.get_collection("k") == [1]  # the thread keeps the object
    seen = []

    def other():
        seen.append(ops.get_default_graph())
        seen.append(ops.get_default_graph())
    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert seen[0] is seen[1] and seen[0] is not ops.get_default_graph()
    ops.reset_default_graph()
    assert ops.get_collection("k") == []


def test_threads_build_into_one_graph():
    g = ops.Graph()
    first = const(g, 1.0)
    failures = []

    def build(which):
        try:
            with g.as_default(), g.name_scope("t%d" % which):
                t = first
                for _ in range(200):
                    t = g._create_op("Neg", [t], "n").outputs[0]
                    assert t.op.name.startswith("t%d/" % which) and t.op.outputs[0] is t
        except BaseException as error:
            failures.append(error)
    threads = [threading.Thread(target=build, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures and len(g.get_operations()) == 801


def test_graphs_go_out_and_come_in():
    g = ops.Graph()
    a = const(g, [1.0, 2.0], "a")
    g._create_op("Neg", [a], "b")
    new = ops.Graph()
    assert [op.name for op in new._import(g._export(), "p")] == ["p/a", "p/b"]
    assert new._import_text(g._export_text())[1].inputs[0].name == "a:0"
    with pytest.raises(errors.DataLossError):
        new._import(b"\xff\xff\xff")
    assert len(new.get_operations()) == 4
