# SPDX-License-Identifier: Apache-2.0
"""No sequence of calls ends the process (fuzz_names.py, fuzz_core.py), and nothing is kept that
nobody needs."""
import os
import subprocess
import sys

import pytest

import thalweg

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(thalweg.__file__)))


def child(words, folder):
    env = dict(os.environ, PYTHONPATH=ROOT + os.pathsep + os.environ.get("PYTHONPATH", ""))
    return subprocess.run([sys.executable, *words], cwd=folder, env=env, capture_output=True,
                          text=True, errors="replace", timeout=600)


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory and time are Linux's")
@pytest.mark.parametrize("seed", [1, 2])
def test_odd_arguments_everywhere(seed, tmp_path):
    log = tmp_path / "calls.log"
    done = child([os.path.join(HERE, "fuzz_names.py"), str(log), str(seed), "2"], str(tmp_path))
    last = log.read_text(errors="replace").splitlines()[-3:]
    assert done.returncode == 0, "status %d after %s\n%s" % (
        done.returncode, "\n".join(last), done.stderr[-2000:])
    assert "done: " in done.stdout, done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory and time are Linux's")
@pytest.mark.parametrize("seed", [1, 2])
def test_odd_arguments_of_the_extension(seed, tmp_path):
    log = tmp_path / "calls.log"
    done = child([os.path.join(HERE, "fuzz_core.py"), str(log), str(seed), "3"], str(tmp_path))
    last = log.read_text(errors="replace").splitlines()[-3:]
    assert done.returncode == 0, "status %d after %s\n%s" % (
        done.returncode, "\n".join(last), done.stderr[-2000:])
    assert "done: " in done.stdout, done.stdout


LEAKS = """
import gc, sys
import numpy as np
import thalweg as tf

x = tf.placeholder(tf.float32, [None, 64])
v = tf.Variable(tf.ones([64, 8]))
y = tf.matmul(x, v)
text = tf.constant(["a", "b"])
host = tf.py_func(lambda a: a + 1.0, [y], tf.float32)
session = tf.Session()
session.run(v.initializer)
step = session.make_callable([y], [x])
batch, strided = np.ones((32, 64), np.float32), np.ones((64, 64), np.float32)[::2]

def run():
    session.run(y, {x: batch})

def run_strided():
    session.run([y, {"a": (y, text)}], {x: strided})

def call():
    step(batch)

def wrong():
    for fetch, feed in ((y, None), (y, {x: "text"}), (y, {x: np.ones((2, 3))}), ("none:0", None)):
        try:
            session.run(fetch, feed)
        except Exception:
            pass

def host_function():
    session.run(host, {x: batch})

def partial():
    handle = session.partial_run_setup([y], [x])
    session.partial_run(handle, y, {x: batch})

def graph():
    with tf.Graph().as_default():
        a = tf.placeholder(tf.float32, [3])
        w = tf.get_variable("w", [3])
        loss = tf.reduce_sum(tf.square(a * w))
        train = tf.train.AdamOptimizer().minimize(loss)
        tf.while_loop(lambda i: i < 3, lambda i: i + 1, [tf.constant(0)])
        with tf.Session() as inner:
            inner.run(tf.global_variables_initializer())
            inner.run(train, {a: [1, 2, 3]})

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

function, times = globals()[sys.argv[1]], int(sys.argv[2])
for _ in range(times // 4):
    function()
gc.collect()
before, objects = resident(), len(gc.get_objects())
for _ in range(times):
    function()
gc.collect()
print(resident() - before, len(gc.get_objects()) - objects)
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="no /proc")
@pytest.mark.parametrize("what, times", [
    ("run", 10000), ("run_strided", 5000), ("call", 10000), ("wrong", 1000),
    ("host_function", 3000), ("partial", 2000), ("graph", 150)])
def test_memory_stays(what, times, tmp_path):
    done = child(["-c", LEAKS, what, str(times)], str(tmp_path))
    assert done.returncode == 0, done.stderr[-2000:]
    grown, objects = map(int, done.stdout.split())
    # Less than a kilobyte for each of what would keep one of its arrays or graphs.
    assert grown < max(1 << 20, 200 * times), "%d bytes more after %d times" % (grown, times)
    assert objects < 100, "%d Python objects more" % objects
