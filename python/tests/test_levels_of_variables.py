# SPDX-License-Identifier: Apache-2.0
"""Variables, scopes and optimizers as programs of older versions see them."""
import os
import subprocess
import sys
import textwrap

import pytest

import thalweg

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(thalweg.__file__)))


def answers(level, code):
    """The lines that a program of a level prints."""
    env = dict(os.environ, PYTHONPATH=ROOT + os.pathsep + os.environ.get("PYTHONPATH", ""))
    program = "import thalweg.compat as c; c.install(api=%r)\nimport tensorflow as tf\n" % (level,)
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", program + textwrap.dedent(code)],
                          env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


OLD_ORDERS = """
    with tf.variable_scope("a", None, tf.constant_initializer(3.0)):
        v = tf.get_variable("v", [2], tf.float32, None, False)
    with tf.variable_scope("a", True):
        print(tf.get_variable("v", [2]) is v, tf.trainable_variables() == [])
    w = tf.Variable(1.0, True, None, True, "w")
    z = tf.get_variable("z", [2], initializer=tf.zeros_initializer)
    zeros = tf.zeros_initializer([2])
    print(w.name, isinstance(w, tf.Variable), isinstance(zeros, tf.Tensor))
    with tf.Session() as s:
        s.run(tf.initialize_all_variables())
        print(s.run(v).tolist(), s.run(z).tolist(), s.run(zeros).tolist())
    """


@pytest.mark.parametrize("level", [None, "0.7"])
def test_old_orders_of_arguments(level):
    assert answers(level, OLD_ORDERS) == ["True True", "w:0 True True",
                                          "[3.0, 3.0] [0.0, 0.0] [0.0, 0.0]"]


def test_a_class_that_stands_for_two_is_a_class():
    assert answers(None, """
        class Mine(tf.zeros_initializer):
            pass
        made = tf.zeros_initializer()
        print(isinstance(made, tf.zeros_initializer), issubclass(Mine, tf.zeros_initializer))
        print(type(Mine(tf.float64)).__name__, Mine(tf.float64).dtype.name)
        print(type(tf.zeros_initializer.from_config({"dtype": "int32"})).__name__)
        """) == ["True True", "Mine float64", "Zeros"]


def test_what_a_variable_is_at_each_level():
    code = """
        v = tf.Variable(1.0, name="v")
        print(v.op.type, str(v).partition("(")[0].partition(" '")[0])
        print(isinstance(v.ref(), tf.Tensor))
        first = v.initialized_value()
        with tf.Session() as s:
            print(s.run(first), s.run(tf.report_uninitialized_variables()).tolist())
        """
    assert answers("0.7", code) == ["Variable Tensor", "True", "1.0 []"]
    assert answers("0.12", code) == ["VariableV2 Tensor", "True", "1.0 []"]
    assert answers("1.15", code) == ["VariableV2 <tf.Variable", "False", "1.0 [b'v']"]


def test_errors_of_sharing_are_worded_as_they_were():
    code = """
        tf.get_variable("v", [1])
        for reuse in (False, True):
            try:
                with tf.variable_scope(tf.get_variable_scope(), reuse=reuse or None):
                    tf.get_variable("w" if reuse else "v", [1])
            except ValueError as error:
                print(str(error).partition(" ")[0], "AUTO_REUSE" in str(error))
        """
    assert answers("0.7", code) == ["Over-sharing: False", "Under-sharing: False"]
    assert answers("0.12", code) == ["Variable False", "Variable False"]
    assert answers("1.15", code) == ["Variable True", "Variable True"]


def test_optimizers_at_each_level():
    code = """
        v = tf.Variable([[1.0], [1.0]])
        rows = tf.gather(v, [0, 0])
        try:
            tf.train.AdagradOptimizer(1.0).minimize(tf.Variable(1.0, dtype=tf.float64) * 2.0)
            print("double")
        except ValueError as error:
            print(str(error)[:12])
        t = tf.train.AdagradOptimizer(1.0).minimize(tf.reduce_sum(rows), var_list=[v])
        with tf.Session() as s:
            s.run(tf.initialize_all_variables())
            s.run(t)
            print("%.4f" % s.run(v)[0, 0])
        """
    # Rows that stand twice: two steps of 1, or one step of their sum, 2.
    twice = 1 - 1.1 ** -.5 - 2.1 ** -.5
    summed = 1 - 2 * 4.1 ** -.5
    assert answers("0.7", code) == ["Invalid type", "%.4f" % twice]
    assert answers("0.12", code) == ["double", "%.4f" % twice]
    assert answers("1.15", code) == ["double", "%.4f" % summed]
