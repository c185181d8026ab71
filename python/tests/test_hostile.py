# SPDX-License-Identifier: Apache-2.0
"""Values with code of their own: what they do while they are converted never crashes a run."""
import gc
import threading

import numpy as np
import pytest

from thalweg import _core
from thalweg.client import session
from thalweg.framework import constant_op, dtypes, errors, ops
from thalweg.ops import gen_array_ops, gen_math_ops, script_ops


class Value:
    """Calls a function when it is made an array."""

    def __init__(self, function):
        self.function = function

    def __array__(self, dtype=None, copy=None):
        self.function()
        return np.zeros((), np.float32)


@pytest.fixture(autouse=True)
def model():
    with ops.Graph().as_default():
        a = gen_array_ops.placeholder(dtypes.float32, shape=[])
        b = gen_array_ops.placeholder(dtypes.float32, shape=[2])
        y = gen_math_ops.add(a, constant_op.constant(1.0))
        z = gen_math_ops.mul(b, constant_op.constant(2.0))
        with session.Session() as s:
            s.run([y, z], {a: 1.0, b: [1.0, 1.0]})
            yield s, a, b, y, z


def test_a_value_that_empties_the_dict_and_the_list(model):
    s, a, b, y, z = model
    for i in range(200):
        feeds, fetches = {}, [y, z]

        def wreck():
            feeds.clear()
            fetches.clear()
            gc.collect(0)
            return [np.empty(2, np.float32) for _ in range(50)]
        feeds[a], feeds[b] = Value(wreck), np.ones(2, np.float32) * i + 0
        assert s.run(fetches, feeds)[1].tolist() == [2 * i, 2 * i]


def test_a_value_that_closes_the_session(model):
    _, a, b, y, z = model
    other = session.Session()
    other.run([y, z], {a: 1.0, b: [1.0, 1.0]})
    with pytest.raises(RuntimeError, match="closed Session"):
        other.run([y, z], {a: Value(other.close), b: np.ones(2, np.float32)})


def test_lists_that_shrink(model):
    s, a, b, y, z = model
    values = [Value(lambda: values.clear()), np.ones(2, np.float32)]
    assert s._run_flat([y, z], [a, b], values)[0] == 1
    values += [Value(lambda: values.clear()), np.ones(2, np.float32)]
    assert _core.PartialRun(s, [y, z], [a, b]).run([y, z], [a, b], values)[0] == 1
    values += [Value(lambda: values.clear()), np.float32(1)]
    assert _core.evaluate("Add", {}, values) == [1]
    results = [Value(lambda: results.clear()), np.float32(2)]
    assert s.run(script_ops.py_func(lambda: results, [], [dtypes.float32] * 2)) == [0, 2]


def test_a_value_that_goes_on_with_its_own_partial_run(model):
    s, a, b, y, z = model
    run = _core.PartialRun(s, [y, z], [a, b])
    inner = Value(lambda: run.run([z], [b], [[1, 2]]))
    assert run.run([y], [a], [inner]) == [1]
    with pytest.raises((ValueError, errors.OpError)):
        run.run([z], [], [])


def test_endless_recursion_ends(model):
    s = model[0]
    again = script_ops.py_func(lambda: s.run(again), [], dtypes.float32)
    seen = []

    def run():
        try:
            s.run(again)
        except (errors.OpError, RecursionError) as error:
            seen.append(error)
    run()
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert len(seen) == 2


def test_sessions_that_go_while_others_run(model):
    x = gen_array_ops.placeholder(dtypes.float32, shape=[None])
    y = gen_math_ops.neg(x)
    wrong, done = [], []

    def work():
        for i in range(60):
            s = session.Session(graph=y.graph)
            call = s.make_callable(y, [x])
            if call([float(i)])[0] != -i:
                wrong.append(i)
            if i % 2:
                s.close()
            del s
            try:
                call([1.0])
            except RuntimeError:
                pass
        done.append(True)
    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    gc.collect()
    assert not wrong and len(done) == 4
