# SPDX-License-Identifier: Apache-2.0
"""The tutorial's programs and those of examples/python: what they print is what stands in their
comments. Each runs by the command, in a process of its own."""
import glob
import importlib.util
import os
import re
import subprocess
import sys

import numpy as np
import pytest

import thalweg as tf

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(tf.__file__)))
TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TUTORIAL = os.path.join(os.path.dirname(TOP), "shared", "tutorial")
SLIDES = sorted(glob.glob(os.path.join(TUTORIAL, "slide*.py")))
EXAMPLES = sorted(glob.glob(os.path.join(TOP, "examples", "python", "*.py")))
# Comments that say something of what is printed instead of quoting it.
REMARKS = "draws|by name|slide"
LEVELS = [None, "0.7", "0.12", "1.15"]
# tf.mul was gone with 1.0.
OLD_NAMES = ("slide15", "slide19")
PYPLOT = '''
import sys
drawn = []
def scatter(*data, **options): drawn.append(len(data[0]))
def plot(*data, **options): drawn.append(len(data[0]))
def figure(*args, **options): drawn.clear()
def savefig(path):
    with open(path, "w") as file:
        file.write("a picture of %s points" % drawn)
'''


@pytest.fixture(scope="module")
def stand_ins(tmp_path_factory):
    """A folder with what draws nothing in the places of matplotlib and seaborn, if they are not
    installed."""
    folder = tmp_path_factory.mktemp("stand_ins")
    if importlib.util.find_spec("matplotlib") is None:
        (folder / "matplotlib").mkdir()
        (folder / "matplotlib" / "__init__.py").write_text("def use(backend): pass\n")
        (folder / "matplotlib" / "pyplot.py").write_text(PYPLOT)
    if importlib.util.find_spec("seaborn") is None:
        (folder / "seaborn.py").write_text("")
    return str(folder)


def environment(stand_ins):
    paths = [ROOT, stand_ins, os.environ.get("PYTHONPATH", "")]
    return dict(os.environ, PYTHONPATH=os.pathsep.join(paths), MPLBACKEND="Agg")


# Each program runs as the command runs it, in a child of one process that has imported all.
RUNNER = """
import os, sys, traceback
from thalweg import __main__, compat
level, programs = sys.argv[1], sys.argv[2:]
compat.install(api=level if level != "None" else None)
import tensorflow, numpy.random
tensorflow.train.AdamOptimizer, tensorflow.make_template, tensorflow.random_normal
for program in programs:
    name = os.path.basename(program)
    child = os.fork()
    if child:
        if os.waitpid(child, 0)[1]:
            print("failed:", name)
        continue
    os.mkdir(name)
    os.chdir(name)
    sys.stdout = sys.stderr = open("output.txt", "w")
    try:
        __main__.run(program, [], False)
        status = 0
    except BaseException:
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    os._exit(status)
"""


def run(paths, level, stand_ins, folder):
    """{program: folder in which its output and its files are}"""
    done = subprocess.run([sys.executable, "-c", RUNNER, str(level)] + paths, text=True,
                          env=environment(stand_ins), timeout=300, capture_output=True,
                          cwd=str(folder))
    assert done.returncode == 0, done.stderr
    return {path: os.path.join(str(folder), os.path.basename(path)) for path in paths}


@pytest.fixture(scope="module")
def results(stand_ins, tmp_path_factory):
    """Of all slides at all levels, and of the examples."""
    made = {level: run(SLIDES, level, stand_ins, tmp_path_factory.mktemp("slides"))
            for level in LEVELS if SLIDES}
    made["examples"] = run(EXAMPLES, None, stand_ins, tmp_path_factory.mktemp("examples"))
    return made


def output(folder):
    with open(os.path.join(folder, "output.txt"), encoding="utf-8") as file:
        return file.read()


def plain(text):
    return re.sub(r"\s+", " ", text).strip()


def expected(path):
    """The texts in comments beside or below print calls, in order."""
    found, below = [], False
    with open(path, encoding="utf-8") as file:
        for line in file:
            code, _, comment = line.partition("#")
            if "print(" in code:
                below = True
                found.append(comment.strip())
            elif below and not code.strip() and comment.strip() and line[:1] == " ":
                found.append(comment.strip())
            elif code.strip():
                below = False
    return [plain(text) for text in found if text and not re.search(REMARKS, text)]


def check_printed(path, printed):
    wanted, at = expected(path), 0
    printed = plain(re.sub(r"\bnp\.float32\(([^()]*)\)", r"\1", printed))  # NumPy 2 names its types
    for text in wanted:
        at = printed.find(text, at)
        assert at >= 0, "%s: %r was not printed, or not in this order: %s" % (path, text, printed)
        at += len(text)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("path", SLIDES, ids=os.path.basename)
def test_slide(path, level, results):
    if level == "1.15" and os.path.basename(path).startswith(OLD_NAMES):
        pytest.skip("tf.mul was gone by then")
    folder = results[level][path]
    assert "Traceback" not in output(folder), output(folder)
    check_printed(path, output(folder))
    if "slide26" in path:
        assert sorted(os.listdir(folder)) == [
            "linear_regression_data.png", "linear_regression_fit.png", "output.txt"]


def test_the_slides_are_there():
    if not SLIDES:
        pytest.skip("no tutorial beside this checkout: %s" % TUTORIAL)
    assert len(SLIDES) == 15


@pytest.mark.parametrize("path", EXAMPLES, ids=os.path.basename)
def test_example(path, results):
    assert expected(path)
    check_printed(path, output(results["examples"][path]))


def test_all_examples_are_run():
    assert len(EXAMPLES) >= 5


@pytest.mark.skipif(not os.path.exists(os.path.join(TUTORIAL, "slide26_adam.txt")),
                    reason="no tutorial beside this checkout")
def test_adam_takes_tensorflows_steps():
    """slide26_adam.txt: the model with a fixed start and fixed batches."""
    with open(os.path.join(TUTORIAL, "slide26_adam.txt"), encoding="utf-8") as file:
        wanted = {int(line.split()[1]): [float(word) for word in line.split()[2:]]
                  for line in file if line.startswith("step ")}
    xs = np.arange(1000).reshape(1000, 1) / 10
    ys = xs + 20 * np.sin(xs / 10)
    with tf.Graph().as_default(), tf.Session() as session:
        x, y = (tf.placeholder(tf.float32, (100, 1)) for _ in range(2))
        w, b = tf.Variable([[0.5]]), tf.Variable([0.0])
        loss = tf.reduce_sum((y - (tf.matmul(x, w) + b)) ** 2 / 1000)
        optimizer = tf.train.AdamOptimizer()
        pairs = optimizer.compute_gradients(loss)
        train = optimizer.apply_gradients(pairs)
        after = [w, b] + [optimizer.get_slot(v, s) for v in (w, b) for s in ("m", "v")]
        session.run(tf.global_variables_initializer())
        for step in range(max(wanted) + 1):
            rows = (37 * step + 7 * np.arange(100)) % 1000
            feeds = {x: xs[rows], y: ys[rows]}
            before = session.run([loss, pairs[0][0], pairs[1][0], train], feeds)[:3]
            if step in wanted:
                got = [float(np.ravel(v)[0]) for v in before + session.run(after)]
                np.testing.assert_allclose(got, wanted[step], rtol=2e-5, err_msg=str(step))
