# SPDX-License-Identifier: Apache-2.0
"""Graph, Operation and Tensor as programs see them, and the functions of single ops."""
import inspect

import numpy as np
import pytest

from thalweg import compat, protos
from thalweg.framework import (constant_op, dtypes, errors, op_def_library, op_def_registry, ops,
                               test_ops)
from thalweg.ops import gen_array_ops, gen_control_flow_ops, gen_math_ops, gen_nn_ops


@pytest.fixture(autouse=True)
def graph():
    with ops.Graph().as_default() as g:
        yield g


def constant(value=1.0, name="Const"):
    return constant_op.constant(value, name=name)


def names(graph):
    return [op.name for op in graph.get_operations()]


# ---- names ----

def test_constants_of_an_op_stand_under_its_name(graph):
    a = constant(name="a")
    gen_math_ops.add(a, 1)
    gen_math_ops.add(a, 2.0, name="sum")
    assert names(graph) == ["a", "Add/y", "Add", "sum/y", "sum"]


def test_name_scopes(graph):
    with ops.name_scope("n") as n:
        assert n == "n/" and constant().op.name == "n/Const"
        with ops.name_scope(None) as root:
            assert root == "" and constant().op.name == "Const"
        assert gen_math_ops.neg(constant(), name=n).op.name == "n"
    with ops.name_scope("n") as again:
        assert again == "n_1/"
    with ops.name_scope(None, "default", [constant()]) as named:
        assert named == "default/"
    with pytest.raises(ValueError, match="At least one of name"):
        with ops.name_scope(None, None, []):
            pass
    with pytest.raises(ValueError, match="'a b' is not a valid scope name"):
        with ops.name_scope("a b"):
            pass


def test_values_of_another_graph_make_it_the_default_one(graph):
    with ops.Graph().as_default() as other:
        x = constant(name="x")
    y = gen_math_ops.add(x, 1.0)
    assert y.graph is other and names(graph) == [] and len(names(other)) == 3
    with ops.name_scope("s", values=[x]):
        assert ops.get_default_graph() is other
    with pytest.raises(ValueError, match="must be from the same graph as"):
        gen_math_ops.add(x, constant())


def test_blocks_that_end_out_of_order_are_told():
    a, b = ops.Graph().as_default(), ops.Graph().as_default()
    a.__enter__()
    g = b.__enter__()
    with pytest.raises(AssertionError, match="Nesting violated"):
        a.__exit__(None, None, None)
    assert ops.get_default_graph() is g
    b.__exit__(None, None, None)


def test_an_exception_inside_an_op_leaves_no_scope_open(graph):
    with pytest.raises(TypeError):
        gen_math_ops.add(constant(), "text")
    assert graph.get_name_scope() == ""
    assert constant(name="z").op.name == "z"


# ---- devices, control inputs, other blocks ----

def test_devices(graph):
    with ops.device("/cpu:0"):
        a = constant()
        with ops.device(lambda op: "/job:ps" if op.type == "Const" else None):
            b = constant()
            c = gen_math_ops.neg(b)
        with ops.device(None):
            d = constant()
    assert [t.device for t in (a, b, c, d)] == [
        "/device:CPU:0", "/job:ps/device:CPU:0", "/device:CPU:0", ""]
    with ops.colocate_with(a.op):
        e = constant()
    assert e.op.colocation_groups() == [b"loc:@Const"] and e.device == "/device:CPU:0"


def test_control_dependencies(graph):
    a, b = constant(), constant()
    with ops.control_dependencies([a]):
        with ops.control_dependencies([b.op]):
            c = constant()
        with ops.control_dependencies(None):
            d = constant()
        assert graph._current_control_dependencies() == {a.op}
    assert c.op.control_inputs == [a.op, b.op] and d.op.control_inputs == []
    with pytest.raises(TypeError, match="Can not convert a int"):
        ops.control_dependencies([3])


def test_containers_and_attributes(graph):
    with graph.container("c"):
        v = graph.create_op("VariableV2", [], [dtypes.float32_ref], attrs={
            "shape": protos.attr_value_pb2.AttrValue(
                shape=protos.tensor_shape_pb2.TensorShapeProto()),
            "dtype": protos.attr_value_pb2.AttrValue(type=1)})
    assert v.get_attr("container") == b"c"
    with graph._attr_scope({"_mark": protos.attr_value_pb2.AttrValue(s=b"m")}):
        assert constant().op.get_attr("_mark") == b"m"
    assert constant().op._attr_kind("_mark") is None


def test_control_flow_contexts_see_what_is_made_inside(graph):
    class Context:
        added = []

        def AddOp(self, op):
            self.added.append(op)
    context = Context()
    graph._set_control_flow_context(context)
    a = constant()
    with ops.control_dependencies(None):
        b = constant()
    graph._set_control_flow_context(None)
    assert context.added == [a.op] and a.op._get_control_flow_context() is context
    assert b.op._get_control_flow_context() is None


# ---- finding ----

def test_graph_elements(graph):
    a = constant(name="a")
    assert graph.as_graph_element("a:0") is a and graph.as_graph_element(a.op) is a.op
    assert graph.get_operation_by_name("a") is a.op and graph.get_tensor_by_name("a:0") is a
    for call, kind, text in [
            (lambda: graph.get_tensor_by_name("a"), ValueError, "refers to an Operation, not a"),
            (lambda: graph.get_tensor_by_name("b"), ValueError, "looks like an \\(invalid\\)"),
            (lambda: graph.get_tensor_by_name("b:0"), KeyError, "does not exist in the graph"),
            (lambda: graph.get_tensor_by_name("a:1"), KeyError, "only has 1 outputs"),
            (lambda: graph.get_tensor_by_name("a:x"), ValueError, "not a valid one"),
            (lambda: graph.get_operation_by_name("b"), KeyError, "not in the graph"),
            (lambda: graph.get_operation_by_name("a:0"), ValueError, "not a Operation"),
            (lambda: graph.as_graph_element(3), TypeError, "Can not convert a int into a Tensor")]:
        with pytest.raises(kind, match=text):
            call()
    with ops.Graph().as_default() as other:
        with pytest.raises(ValueError, match="is not an element of this graph"):
            other.as_graph_element(a)


def test_consumers(graph):
    a = constant()
    assert a.consumers() == []
    b = gen_math_ops.add(a, a)
    c = gen_math_ops.neg(a)
    assert a.consumers() == [b.op, b.op, c.op]
    b.op._update_input(0, c)
    assert a.consumers() == [b.op, c.op]


def test_collections(graph):
    graph.add_to_collections(["a", "b"], 1)
    graph.add_to_collection("a", constant(name="x/y"))
    assert len(ops.get_collection("a")) == 2 and ops.get_collection("b") == [1]
    assert [t.name for t in ops.get_collection("a", "x")] == ["x/y:0"]
    ops.get_collection_ref("c").append(2)
    assert ops.get_collection("c") == [2] and set(ops.get_all_collection_keys()) == set("abc")
    graph.clear_collection("a")
    assert ops.get_collection("a") == []
    assert ops.GraphKeys.VARIABLES == ops.GraphKeys.GLOBAL_VARIABLES == "variables"


def test_a_finalized_graph(graph):
    graph.finalize()
    with pytest.raises(RuntimeError, match="finalized"):
        constant()
    with pytest.raises(RuntimeError, match="finalized"):
        graph.add_to_collection("a", 1)
    graph._unsafe_unfinalize()
    constant()


# ---- what is shown, and what is refused ----

def test_texts(graph):
    p = gen_array_ops.placeholder(dtypes.float32, [None, 3], name="p")
    assert str(p) == 'Tensor("p:0", shape=(?, 3), dtype=float32)'
    assert repr(p) == "<tf.Tensor 'p:0' shape=(?, 3) dtype=float32>"
    assert repr(p.op) == "<tf.Operation 'p' type=Placeholder>"
    assert p.op.node_def.op == "Placeholder" and str(p.op).startswith('name: "p"')
    assert p.op.get_attr("dtype") is dtypes.float32
    assert [d.size for d in p.op.get_attr("shape").dim] == [-1, 3]
    with pytest.raises(ValueError, match="no attr named 'x'"):
        p.op.get_attr("x")
    assert p.op.op_def.name == "Placeholder" and p.op.traceback[0][0] == __file__


def test_tensors_are_no_values(graph):
    import copy
    import pickle
    a = constant([1.0, 2.0])
    for refused in (lambda: bool(a), lambda: next(iter(a)), lambda: len(a),
                    lambda: pickle.dumps(a), lambda: pickle.dumps(a.op),
                    lambda: pickle.dumps(graph)):
        with pytest.raises(TypeError):
            refused()
    with pytest.raises(NotImplementedError):
        np.array(a)
    assert copy.copy(a) is a and copy.deepcopy(a) is a
    assert {a: 1}[a] == 1 and a in [a] and constant() not in [a]
    assert a.experimental_ref() == a.experimental_ref() and a.ref().deref() is a


def test_operators_that_are_given_twice_are_refused():
    with pytest.raises(ValueError, match="disallowed"):
        ops.Tensor._override_operator("__nonsense__", lambda x: x)


def test_older_levels_see_older_behaviour(graph):
    a = constant()
    try:
        compat.install("0.7")
        assert bool(a) is True and "object at 0x" in repr(a.op)
        with pytest.raises(TypeError, match="not iterable"):
            iter(a)
    finally:
        compat.install(None)


# ---- operations made by hand ----

def test_ops_that_only_python_knows(graph):
    with pytest.raises(errors.NotFoundError):
        graph.create_op("TestUnknown", [], [dtypes.float32])
    ops.RegisterShape("TestKnown")(lambda op: [op.inputs[0].get_shape().concatenate([7])])
    made = graph.create_op("TestKnown", [constant([1.0])], [dtypes.int32_ref])
    assert made.outputs[0].get_shape().as_list() == [1, 7]
    assert made.outputs[0].dtype == dtypes.int32_ref
    with pytest.raises(KeyError):
        ops.RegisterShape("TestKnown")(None)
    with pytest.raises(TypeError, match="Input #0 is not a tensor"):
        graph.create_op("TestKnown", [3], [dtypes.int32])


def test_an_operation_of_a_node_def(graph):
    ops.RegisterShape("TestNode")(None)
    op = ops.Operation(ops._NodeDef("TestNode", "n", "/cpu:0"), graph, [constant()],
                       [dtypes.float32, dtypes.int32])
    assert op is graph.get_operation_by_name("n") and op.outputs[1].op is op
    assert op.device == "/device:CPU:0"
    for arguments, kind in [((3, graph), TypeError), ((ops._NodeDef("a", "b"), 3), TypeError),
                            ((ops._NodeDef("a", "-"), graph), ValueError),
                            ((ops._NodeDef("a", "b"), graph, [3]), TypeError),
                            ((ops._NodeDef("TestNode", "n"), graph), ValueError)]:
        with pytest.raises(kind):
            ops.Operation(*arguments)


def test_graph_defs(graph):
    constant(name="a")
    gen_math_ops.add(constant(name="b"), 1.0)
    proto = graph.as_graph_def(add_shapes=True)
    assert [n.name for n in proto.node] == ["a", "b", "Add/y", "Add"]
    assert "_output_shapes" in proto.node[0].attr
    assert [n.name for n in graph.as_graph_def(from_version=2).node] == ["Add/y", "Add"]
    graph.graph_def_versions.producer = 21
    assert graph.as_graph_def().versions.producer == 21


# ---- functions of single ops ----

def test_functions_have_signatures_and_documentation():
    signature = inspect.signature(gen_math_ops.mat_mul)
    assert str(signature) == "(a, b, transpose_a=False, transpose_b=False, name=None)"
    assert "Multiplies" in gen_math_ops.mat_mul.__doc__
    assert gen_math_ops._mat_mul is gen_math_ops.mat_mul and "mat_mul" in dir(gen_math_ops)
    with pytest.raises(AttributeError):
        gen_math_ops.nonsense


def test_every_op_has_a_function():
    from thalweg.framework import gen_ops
    for name in gen_ops.names():
        made = gen_ops.function(name)
        assert made.__doc__ and "name" in inspect.signature(made).parameters


def test_results():
    x = constant([[1.0, 2.0]])
    values, indices = top = gen_nn_ops.top_kv2(x, 1)
    assert top.values is values and top.indices.dtype == dtypes.int32 and indices is top[1]
    assert [t.shape.as_list() for t in gen_array_ops.unpack(x, 2, 1)] == [[1], [1]]
    assert isinstance(gen_control_flow_ops.no_op(), ops.Operation)
    assert gen_math_ops.cast(x, dtypes.int32).dtype == dtypes.int32
    assert gen_array_ops.concat_v2([x, [[3.0, 4.0]]], 0).shape.as_list() == [2, 2]


def test_what_is_wrong_is_said_in_tensorflows_words():
    x, apply = constant([1.0]), op_def_library.apply_op
    for call, kind, text in [
            (dict(op_type_name="Add", x=1, y=x), TypeError,
             "Input 'y' of 'Add' Op has type float32 that does not match type int32 of argument"),
            (dict(op_type_name="LogicalNot", x=x), TypeError, "does not match expected type of bo"),
            (dict(op_type_name="Add", x=x), TypeError, "No argument for input y"),
            (dict(op_type_name="Add", x=x, y=x, z=1), TypeError, "unexpected keyword arguments: z"),
            (dict(op_type_name="Add", x=x, y=x, T=1), TypeError, "inferred attr 'T'"),
            (dict(op_type_name="Placeholder"), TypeError, "No argument for attr dtype"),
            (dict(op_type_name="Placeholder", dtype=1, shape="x"), TypeError, "Error converting"),
            (dict(op_type_name="Nonsense"), RuntimeError, "Unrecognized Op name Nonsense"),
            (dict(op_type_name="Assign", ref=x, value=x), TypeError, "mutable tensor"),
            (dict(op_type_name="Pack", values=x), TypeError, "Expected list for 'values'"),
            (dict(op_type_name="Pack", values=[]), ValueError, "shorter than minimum length 1"),
            (dict(op_type_name="Pack", values=[x, 1.0, "a"]), TypeError, "Tensors in list passed"),
            (dict(op_type_name="Floor", x=[1]), TypeError, "DataType int32 not in list of allowed"),
            (dict(op_type_name="Sum", input=x, reduction_indices=[0], keep_dims=0), TypeError,
             "Expected bool for argument 'keep_dims' not 0")]:
        with pytest.raises(kind, match=text):
            apply(**call)


def test_op_defs(graph):
    proto = op_def_registry.get("MatMul")
    assert [a.name for a in proto.input_arg] == ["a", "b"]
    assert proto.attr[0].default_value.b is False
    library = op_def_library.OpDefLibrary()
    library.add_op(protos.op_def_pb2.OpDef(name="TestAdded", output_arg=[
        protos.op_def_pb2.OpDef.ArgDef(name="out", type_attr="T")], attr=[
            protos.op_def_pb2.OpDef.AttrDef(name="T", type="type")]))
    made = library.apply_op("TestAdded", T=dtypes.int64)
    assert made.dtype == dtypes.int64 and made.op.get_attr("T") == dtypes.int64
    assert op_def_registry.get("TestAdded") is None


def test_labels_choose_kernels(graph):
    from thalweg.client import session
    with session.Session() as s:
        with graph._kernel_label_map({"KernelLabel": "overload_1"}):
            chosen = test_ops.kernel_label()
        assert s.run([test_ops.kernel_label(), chosen]) == [
            b"My label is: default", b"My label is: overload_1"]


def test_conversion_functions(graph):
    class Thing:
        pass
    ops.register_tensor_conversion_function(
        Thing, lambda v, dtype=None, name=None, as_ref=False: constant(5.0, name))
    assert gen_math_ops.add(constant(), Thing()).op.inputs[1].op.name == "Add/y"
    with pytest.raises(RuntimeError, match="incompatible dtype"):
        ops.convert_to_tensor(Thing(), dtypes.int32)
    with pytest.raises(TypeError):
        ops.register_tensor_conversion_function("Thing", len)
    with pytest.raises(ValueError, match="Tensor conversion requested dtype int32 for Tensor with"):
        ops.convert_to_tensor(constant(), dtypes.int32)
    assert ops.convert_to_tensor(1, preferred_dtype=dtypes.float32).dtype == dtypes.float32
    slices = ops.IndexedSlices(constant([[1.0]]), constant([0]))
    with pytest.raises(ValueError, match="without dense_shape"):
        ops.convert_to_tensor(slices)
    assert ops.convert_n_to_tensor_or_indexed_slices([slices, None, 1.0])[:2] == [slices, None]
