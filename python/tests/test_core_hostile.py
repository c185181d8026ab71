# SPDX-License-Identifier: Apache-2.0
"""`thalweg._core` itself: objects that stand for nothing, sequences that change while they are
read, graphs whose objects go while the library uses them, collection, interpreters."""
import gc
import subprocess
import sys
import weakref

import numpy as np
import pytest

import thalweg as tf
from thalweg import _core


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default() as made:
        yield made


class Index:
    """An integer that calls a function when it is asked for its value."""

    def __init__(self, function):
        self.function = function

    def __index__(self):
        self.function()
        return 1


class Array:
    """The same for values."""

    def __init__(self, function):
        self.function = function

    def __array__(self, dtype=None, copy=None):
        self.function()
        return np.zeros((), np.float32)


def shrinking():
    """A list that its first element empties."""
    made = [2] * 50
    made.insert(0, Index(made.clear))
    return made


def foreign():
    """A tensor of a graph that nobody else holds."""
    with tf.Graph().as_default():
        return tf.constant(2.0)


def collected(build):
    """Whether what `build` gives weak references to has gone."""
    references = build()
    gc.collect()
    gc.collect()
    return [reference() is None for reference in references]


# ---- what stands for nothing ----

def test_nobody_makes_a_region():
    with pytest.raises(TypeError, match="Region"):
        _core.Region()


def test_an_unbound_operation_is_refused():
    unbound = _core.Operation()
    for call in (lambda: _core.operation_region(unbound), lambda: _core.op_gradient(unbound, []),
                 lambda: unbound.name, lambda: unbound._set_device_text("")):
        with pytest.raises(ValueError, match="belongs to no graph"):
            call()
    with pytest.raises(TypeError):
        _core.gradients([unbound], [unbound])


# ---- sequences that change ----

def test_a_list_attribute_that_shrinks(graph):
    op = graph._add("NoOp", None, None, None, {"_a": ("list(int)", shrinking())})
    assert op._attr("_a") == [1] + [2] * 50


def test_a_shape_that_shrinks():
    with pytest.raises(ValueError, match="got 51"):
        tf.placeholder(tf.float32)._merge_shape(shrinking())


def test_output_types_that_shrink(graph):
    class Type:
        @property
        def as_datatype_enum(self):
            types.clear()
            return 1
    types = [Type()] + [1] * 50
    op = graph._add("Unheard", "x", None, None, None, None, None, types)
    assert len(op.outputs) == 51


def test_invariants_that_shrink():
    shapes = [[Index(lambda: shapes.clear())], [1]]
    zeros = [tf.zeros([1]), tf.zeros([1])]
    builder, variables = _core.while_begin(zeros, shapes, 10, True, False, "loop")
    _core.while_end(builder)
    assert len(variables) == 2


def test_axes_that_shrink():
    with pytest.raises((TypeError, ValueError, tf.errors.OpError)):
        _core.composite("l2_normalize", {"x": tf.ones([2, 2]), "axis": shrinking(),
                                         "dim": shrinking(), "axes": shrinking()})


def test_a_function_among_its_own_attributes(graph):
    function = _core.Func("f")
    function.attrs["f"] = function
    with pytest.raises(RecursionError):
        graph._add("NoOp", None, None, None, {"_f": function})


@pytest.mark.parametrize("name", ["name\0", "näme\0"])
def test_names_hold_no_zeros(graph, name):
    with pytest.raises(ValueError, match="null character"):
        graph._add("NoOp", name)


# ---- graphs that go ----

def test_a_fetch_whose_graph_goes_while_values_are_converted():
    x = tf.placeholder(tf.float32, [])
    fetches = [foreign()]

    def forget():
        fetches.clear()
        gc.collect()
        gc.collect()
    run = _core.PartialRun(tf.Session(), [x + 1.0], [x])
    with pytest.raises(ValueError, match="was not named"):
        run.run(fetches, [x], [Array(forget)])


def test_a_composite_whose_arguments_go():
    arguments = {"t_list": [foreign()]}

    def forget():
        arguments.get("t_list", []).clear()
        arguments.clear()
        gc.collect()
        gc.collect()
    arguments["clip_norm"] = Array(forget)
    with pytest.raises((ValueError, TypeError), match="argument|graph"):
        _core.composite("clip_by_global_norm", arguments)


def test_gradients_whose_lists_are_emptied():
    x = foreign()
    with x.graph.as_default():
        y = tf.negative(x)
    ys, xs = [y], [x]

    def gradient(op, grad):
        ys.clear()
        xs.clear()
        gc.collect()
        return [None]
    _core.override_gradient(x.graph, "Neg", gradient)
    del x, y
    assert _core.gradients(ys, xs) == [None]


def test_gradient_functions_go_with_the_graphs_object():
    class Gradient:
        def __call__(self, op, grad):
            raise AssertionError("it went with its graph")
    graph, function = tf.Graph(), Gradient()
    gone = weakref.ref(function)
    mark = _core.push_graph(graph)  # which holds the library's graph, not the object
    _core.override_gradient(graph, "Neg", function)
    del graph, function
    gc.collect()
    try:
        assert gone() is None
        x = tf.constant(1.0)
        grad, = tf.gradients(tf.negative(x), x)
        assert tf.Session(graph=x.graph).run(grad) == -1
    finally:
        _core.pop(mark)


# ---- exceptions ----

def test_ctrl_c_in_a_value_comes_out():
    x = tf.placeholder(tf.float32, [])
    y, session, times = x + 1.0, tf.Session(), []

    def interrupt():
        times.append(1)
        if len(times) == 2:
            raise KeyboardInterrupt
    assert session.run(y, {x: Array(interrupt)}) == 1
    with pytest.raises(KeyboardInterrupt):
        session.run(y, {x: Array(interrupt)})


def test_ctrl_c_while_a_type_is_read():
    class Type:
        @property
        def as_datatype_enum(self):
            raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt):
        _core.dtype_of(Type())


def test_functions_that_end_or_use_their_session(graph):
    session = tf.Session()

    def use():
        with graph.as_default():
            return np.float32(session.run(tf.constant(4.0)))

    def end():
        session.close()
        return np.float32(1)
    assert session.run(tf.py_func(use, [], tf.float32)) == 4
    assert session.run(tf.py_func(end, [], tf.float32)) == 1
    with pytest.raises(RuntimeError, match="closed"):
        session.run(tf.constant(1.0))


def test_a_count_of_outputs_that_no_memory_holds():
    for count in (2 ** 33, 2 ** 62, 2 ** 63 - 1):
        with pytest.raises(ValueError, match="more than"):
            _core.evaluate("Split", {"num_split": count}, [np.int32(0), np.zeros(4, np.float32)])
    with pytest.raises(TypeError):
        _core.evaluate("Split", {"num_split": ("string", "x")}, [np.int32(0), np.zeros(4)])


# ---- collection ----

def test_a_graph_with_everything_is_collected():
    def build():
        graph = tf.Graph()
        with graph.as_default():
            x = tf.placeholder(tf.float32, [])
            y = x + 1.0
            y.itself, y.op.its_graph, graph.tensor = y, graph, y
            tf.while_loop(lambda i: i < 3, lambda i: i + 1, [tf.constant(0)])
            _core.override_gradient(graph, "Neg", lambda op, grad: y)
            graph.session = tf.Session()
            graph.session.run(y, {x: 1})
            regions = [_core.operation_region(op) for op in graph.get_operations()]
            graph.regions = [region for region in regions if region]
        return [weakref.ref(o) for o in (graph, x, y, y.op, graph.session)]
    assert all(collected(build))


@pytest.mark.parametrize("what", ["callable", "partial"])
def test_a_graph_that_holds_a_prepared_run_is_collected(what):
    def build():
        graph = tf.Graph()
        with graph.as_default():
            x = tf.placeholder(tf.float32, [])
            y, session = x + 1.0, tf.Session()
        if what == "callable":  # and the session's table has it too
            graph.step = session.make_callable(y, [x])
            graph.step(1.0)
        else:
            graph.step = _core.PartialRun(session, [y], [x])
        session.run(y, {x: 1.0})
        return [weakref.ref(o) for o in (graph, y, session)]
    assert all(collected(build))


# ---- interpreters ----

OTHER = """
import sys
try:
    import _xxsubinterpreters as interpreters
except ImportError:
    import _interpreters as interpreters
import numpy
if sys.argv[1] == "first":
    import thalweg._core
code = '''
import sys
sys.path[:] = %r
try:
    import thalweg._core
    print("loaded")
except ImportError:
    print("refused")
''' % sys.path
interpreters.run_string(interpreters.create(), code)
"""


@pytest.mark.parametrize("order", ["first", "alone"])
def test_other_interpreters_are_refused(order):
    pytest.importorskip("_xxsubinterpreters" if sys.version_info < (3, 13) else "_interpreters")
    code = "import sys; sys.path[:] = %r\n" % sys.path + OTHER
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code, order],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stdout.strip() == "refused", done.stdout + done.stderr


def test_the_module_is_one():
    code = ("import sys; sys.path[:] = %r\nimport thalweg as tf\nold = tf.Session().run(1.0 + "
            "tf.constant(1.0))\nfrom thalweg import _core\nfor name in [n for n in sys.modules if "
            "n.startswith('thalweg')]: del sys.modules[name]\nimport thalweg as tf\n"
            "from thalweg import _core as again\n"
            "assert again.Graph is _core.Graph and again.bfloat16 is _core.bfloat16\n"
            "print(tf.Session().run(1.0 + tf.constant(1.0)))" % sys.path)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "2.0", done.stderr
