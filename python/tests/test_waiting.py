# SPDX-License-Identifier: Apache-2.0
"""Runs that wait or take long: the GIL, signals, timeouts, closing; Python functions as
operations."""
import gc
import os
import signal
import threading
import time

import numpy as np
import pytest

pytest.importorskip("thalweg.framework.op_def_library")

from thalweg import _core, protos
from thalweg.client import session
from thalweg.framework import constant_op, dtypes, errors, ops
from thalweg.ops import gen_array_ops, gen_math_ops, script_ops

c = constant_op.constant


@pytest.fixture(autouse=True)
def graph():
    with ops.Graph().as_default() as made:
        yield made


_core.register_test_ops()


def queue():
    """An operation that lets one run of a tensor go on, and the tensor."""
    create = ops.get_default_graph().create_op
    return (create("TestGo", [], []),
            create("TestWait", [], [dtypes.float32]).outputs[0])


def later(seconds, function):
    timer = threading.Timer(seconds, function)
    timer.start()
    return timer


def interrupt():
    os.kill(os.getpid(), signal.SIGINT)


def test_other_threads_go_on_while_a_run_waits():
    put, get = queue()
    with session.Session() as s:
        timer = later(0.1, lambda: s.run(put))
        assert s.run(get) == 7
        timer.join()


@pytest.fixture
def interrupts():
    """A shell that starts a program in the background has it ignore Ctrl-C, and Python too then."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("way", ["run", "callable", "nested"])
def test_ctrl_c_stops_a_waiting_run(way, interrupts):
    put, get = queue()
    with session.Session() as s:
        call = {"run": lambda: s.run(get), "callable": s.make_callable(get),
                "nested": lambda: s.run({"a": [get]})}[way]
        for _ in range(2):
            timer = later(0.1, interrupt)
            start = time.time()
            with pytest.raises(KeyboardInterrupt):
                call()
            assert time.time() - start < 2
            timer.join()
        s.run(put)
        assert s.run(get) == 7  # the session goes on working


def test_ctrl_c_stops_a_long_run(interrupts):
    small = c(1.0)
    with session.Session() as s:
        fed = gen_array_ops.placeholder(dtypes.float32, shape=[600, 600])
        y = fed
        for _ in range(4000):
            y = gen_math_ops.mat_mul(y, fed)
        timer = later(0.5, interrupt)
        start = time.time()
        with pytest.raises(KeyboardInterrupt):
            s.run(y, {fed: np.full([600, 600], 1e-3, np.float32)})
        timer.join()
        assert time.time() - start < 10
        assert s.run(small) == 1


class Options:
    timeout_in_ms = 50
    trace_level = 0


def test_a_run_times_out():
    _, get = queue()
    with session.Session() as s:
        for _ in range(2):
            with pytest.raises(errors.DeadlineExceededError):
                s.run(get, options=Options())


def test_ops_of_tensorflows_own_tests():
    create = ops.get_default_graph().create_op
    fails = create("ConstructionFails", [], [], name="f")
    with session.Session() as s:
        with pytest.raises(errors.InvalidArgumentError) as info:
            s.run(fails)
        assert info.value.op is fails and info.value.error_code == errors.INVALID_ARGUMENT
        assert s.run(create("KernelLabel", [], [dtypes.string]).outputs[0]) == \
            b"My label is: default"


def test_closing_ends_a_waiting_run_of_another_thread():
    _, get = queue()
    s = session.Session()
    ended = []

    def wait():
        try:
            s.run(get)
        except errors.OpError as error:
            ended.append(type(error))
    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(0.1)
    s.close()
    thread.join(5)
    assert ended == [errors.CancelledError]


def test_a_run_is_traced():
    options = protos.RunOptions(trace_level=protos.RunOptions.FULL_TRACE)
    x = gen_array_ops.placeholder(dtypes.float32, shape=[2, 2])
    y = gen_math_ops.mat_mul(x, x, name="product")
    metadata = protos.RunMetadata()
    with session.Session() as s:
        s.run(y, {x: np.eye(2)}, options, metadata)
    device, = metadata.step_stats.dev_stats
    assert [node.node_name for node in device.node_stats] == ["product"]


def test_the_plan_is_explained(capsys):
    x = gen_array_ops.placeholder(dtypes.float32, shape=[2, 2])
    text = session.explain(gen_math_ops.mat_mul(x, x, name="product"), [x])
    assert "MatMul" in text and "product" in text
    assert capsys.readouterr().out.strip() == text.strip()


# ---- Python functions ----

def test_python_functions():
    f = lambda x, y: np.sinh(x) + np.cosh(y)
    with session.Session() as s:
        z, = script_ops.py_func(f, [c(1.0), c(2.0)], [dtypes.float32])
        assert s.run(z) == f(np.float32(1), np.float32(2))
        two = script_ops.py_func(lambda x: (x, x + 1), [c([1, 2])], [dtypes.int32] * 2)
        assert [v.tolist() for v in s.run(two)] == [[1, 2], [2, 3]]
        single = script_ops.py_func(lambda: 42.0, [], dtypes.float64)
        assert s.run(single) == 42
        there = script_ops.py_func(lambda: np.array([b" there"]), [], dtypes.string)
        both = script_ops.py_func(lambda x, y: x + y, [c([b"hello", b"hi"]), there], dtypes.string)
        assert s.run(both).tolist() == [b"hello there", b"hi there"]
        seen = []
        nothing = script_ops.py_func(lambda x: seen.append(x), [c(3.0)], [])
        s.run(nothing)
        assert seen == [3]


@pytest.mark.parametrize("mine, error", [
    (KeyError("mine"), errors.UnknownError), (ValueError("mine"), errors.InvalidArgumentError),
    (StopIteration("mine"), errors.OutOfRangeError),
    (NotImplementedError("mine"), errors.UnimplementedError)])
def test_an_exception_comes_out_with_its_cause(mine, error):
    def raises():
        raise mine
    y = script_ops.py_func(raises, [], dtypes.float32)
    with session.Session() as s:
        for _ in range(3):
            with pytest.raises(error, match="%s: .*mine" % type(mine).__name__) as info:
                s.run(y)
            assert info.value.__cause__ is mine and info.value.op is y.op
            last = mine.__traceback__
            while last.tb_next:
                last = last.tb_next
            assert last.tb_frame.f_code.co_name == "raises"


def test_what_is_no_error_comes_out_as_it_is():
    def leaves():
        raise SystemExit(3)
    with session.Session() as s, pytest.raises(SystemExit):
        s.run(script_ops.py_func(leaves, [], dtypes.float32))


@pytest.mark.parametrize("result, promised, error, words", [
    (np.array([], dtype=[("foo", np.float32)]), dtypes.string, errors.UnimplementedError,
     "Unsupported numpy type"),
    (dtypes.float32, dtypes.float64, errors.UnimplementedError, "Unsupported object type"),
    (1.0, dtypes.int64, errors.InvalidArgumentError, "is double, but expects int64"),
    ([1, 2], dtypes.int64, errors.InvalidArgumentError, "returns 2 values, but expects to see 1")])
def test_wrong_results_of_functions(result, promised, error, words):
    with session.Session() as s, pytest.raises(error, match=words):
        s.run(script_ops.py_func(lambda: result, [], promised))


def test_functions_may_run_and_close_sessions():
    inner = c(5.0)
    with session.Session() as s:
        assert s.run(script_ops.py_func(lambda: s.run(inner), [], dtypes.float32)) == 5
    other = session.Session()
    closing = script_ops.py_func(lambda: other.close(), [], [])
    try:
        other.run(closing)
    except errors.OpError:
        pass
    with pytest.raises(RuntimeError, match="closed Session"):
        other.run(inner)


def test_functions_keep_their_arguments():
    kept = []
    x = gen_array_ops.placeholder(dtypes.float32, shape=[3])
    y = script_ops.py_func(lambda v: kept.append(v) or v, [gen_math_ops.neg(x)], dtypes.float32)
    with session.Session() as s:
        for k in range(3):
            s.run(y, {x: np.full([3], k, np.float32)})
    assert [v[0] for v in kept] == [0, -1, -2]


def test_functions_of_several_threads():
    x = gen_array_ops.placeholder(dtypes.float32, shape=[])
    y = script_ops.py_func(lambda v: np.float32(v + 1), [x], dtypes.float32)
    wrong = []
    with session.Session() as s:
        def work(k):
            wrong.extend(i for i in range(200) if s.run(y, {x: float(i + k)}) != i + k + 1)
        threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not wrong


def test_functions_go_with_their_graphs():
    for _ in range(300):
        with ops.Graph().as_default():
            script_ops.py_func(lambda x: x + 1, [c([1.])], dtypes.float32)
    gc.collect()
    assert script_ops._py_funcs.size() < 20
