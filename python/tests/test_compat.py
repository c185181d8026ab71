# SPDX-License-Identifier: Apache-2.0
"""Levels, views and the command: each in a process of its own, since a level is for good."""
import os
import subprocess
import sys
import textwrap

import pytest

import thalweg
from thalweg.compat import levels, programs

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(thalweg.__file__)))


def run(*words, **options):
    env = dict(os.environ, PYTHONPATH=ROOT + os.pathsep + os.environ.get("PYTHONPATH", ""))
    return subprocess.run([sys.executable, "-W", "ignore", *words], env=env, capture_output=True,
                          text=True, timeout=60, **options)


def answers(level, code):
    """What a program of a level prints."""
    done = run("-c", "import thalweg.compat as c; c.install(api=%r)\n" % (level,)
               + "import tensorflow as tf\n" + textwrap.dedent(code))
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_names_come_and_go_with_the_level():
    code = "print(tf.__version__, hasattr(tf, 'float32_ref'), hasattr(tf, 'float32'))"
    assert answers("0.7", code) == ["0.7.1", "True", "True"]
    assert answers("0.12", code) == ["0.12.1", "False", "True"]
    assert answers("1.4", code) == ["1.4.0", "False", "True"]
    assert answers(None, code) == ["1.15.5", "True", "True"]


def test_an_enum_has_the_values_of_its_time():
    code = """
        from tensorflow.core.framework import types_pb2
        print(len(types_pb2.DataType.values()), types_pb2.DT_FLOAT)
        """
    assert answers("0.7", code) == ["35", "1"] and answers("1.15", code) == ["47", "1"]


def test_modules_are_views():
    code = """
        import thalweg
        from tensorflow.python.framework import dtypes, errors
        from tensorflow.core.protobuf import config_pb2
        import tensorflow.compat.v1 as v1
        tf.something = 3
        print(dtypes.float32 is thalweg.float32, hasattr(thalweg, "something"), tf.something)
        print(tf.errors.NotFoundError is errors.NotFoundError, v1.__version__)
        print(config_pb2.ConfigProto is tf.ConfigProto, tf.python.framework.dtypes is dtypes)
        from tensorflow.python.framework.dtypes import *
        print(float32 is tf.float32)
        for name in ("tensorflow.nonsense", "tensorflow.python.framework.nonsense"):
            try:
                __import__(name)
            except ModuleNotFoundError as error:
                print(error.name)
        """
    assert answers("0.12", code) == [
        "True", "False", "3", "True", "1.15.5", "True", "True", "True", "tensorflow.nonsense",
        "tensorflow.python.framework.nonsense"]


def test_protobuf_is_there_even_if_it_is_not_installed():
    code = """
        from google.protobuf import text_format
        from google.protobuf.any_pb2 import Any
        graph = text_format.Merge('node { name: "a" }', tf.GraphDef())
        print(graph.node[0].name, len(Any(type_url="t").type_url))
        """
    assert answers("0.7", code) == ["a", "1"]


def test_wrong_levels_are_refused():
    from thalweg import compat
    for wrong in ("0.4", "2.0", "x", "1.16"):
        with pytest.raises(ValueError):
            compat.install(api=wrong)
    assert compat.level() is None and compat.at_least("1.15") and not compat.below("0.7")


def test_the_table_is_in_order():
    for rows in list(levels.changed().values()) + [
            r for names in levels.names().values() for r in names.values()]:
        assert [r[0] for r in rows] == sorted(r[0] for r in rows)
    for newest, rows in levels.BEHAVIOUR.values():
        assert rows and all(value != newest for _, value in rows)


def test_switches():
    from thalweg import compat
    made = compat._Behaviour()
    made._set((0, 7))
    assert made.integer_division == "truncate" and made.bool_of_tensor == "true"
    made._set((1, 0))
    assert made.integer_division == "floor"


def test_names_that_differ_by_case_are_told_apart_by_it_at_first():
    code = "print([tf.constant(1, name=n).op.name for n in ('a', 'A', 'a')])"
    assert answers("1.4", code) == ["['a',", "'A',", "'a_1']"]
    assert answers("1.15", code) == ["['a',", "'A_1',", "'a_2']"]


def test_compat_is_there_without_an_import():
    done = run("-c", "import thalweg as tf\nprint(tf.compat.v1.Session is tf.Session, "
               "tf.compat.as_bytes('a'), {'as_text', 'v1'} <= set(dir(tf.compat)))")
    assert done.stdout == "True b'a' True\n", done.stderr


def test_views_list_the_namespaces_in_them():
    code = """
        print({"nn", "train", "contrib", "compat", "app", "mul"} <= set(dir(tf)),
              {"rnn_cell", "relu"} <= set(dir(tf.nn)), [n for n in dir(tf) if not hasattr(tf, n)])
        """
    assert answers("0.12", code) == ["True", "True", "[]"]


def test_the_command_runs_a_program(tmp_path):
    path = tmp_path / "p.py"
    path.write_text("import sys, helper\nimport tensorflow as tf\n"
                    "print(tf.__version__, sys.argv[1:], __name__, helper.x)\n")
    (tmp_path / "helper.py").write_text("x = 3\n")
    done = run("-m", "thalweg", "--api", "0.7", str(path), "a", "--b")
    assert done.stdout == "0.7.1 ['a', '--b'] __main__ 3\n", done.stderr
    assert run("-m", "thalweg", "--api=9", str(path)).returncode == 2
    assert run("-m", "thalweg").returncode == 2
    assert run("-m", "thalweg", str(tmp_path / "none.py")).returncode == 2


def test_the_command_runs_python_2(tmp_path):
    try:
        programs.converter()
    except ImportError:
        pytest.skip("neither fissix nor lib2to3 is here")
    (tmp_path / "p.py").write_text("import helper\nprint 'x', helper.f(2)\n")
    (tmp_path / "helper.py").write_text("def f(n):\n\treturn map(str, xrange(n))\n")
    done = run("-m", "thalweg", "--py2", str(tmp_path / "p.py"))
    assert done.stdout == "x ['0', '1']\n", done.stderr


def test_whole_numbers_of_python_2_are_rounded_down(tmp_path):
    try:
        programs.converter()
    except ImportError:
        pytest.skip("neither fissix nor lib2to3 is here")
    (tmp_path / "p.py").write_text(
        "import numpy as np\nimport tensorflow as tf\nimport helper\n"
        "a, b, c = 7, np.array([5, -5]), {'n': 9}\na /= 2\nb /= 2\nc['n'] /= 2.\n"
        "print a, b.tolist(), c['n'], 7 / 2, -7 / 2, 7 / 2., range(9 / 2), helper.half(7)\n"
        "run = tf.Session().run\n"
        "print run(tf.constant(7) / 2), run(tf.constant(7.) / 2), tf.Dimension(7) / 2\n"
        "print map(unicode, [1]), isinstance('a', (basestring, long)), filter(None, [0, 1])\n")
    (tmp_path / "helper.py").write_text(
        "from __future__ import (print_function,\n    division)\ndef half(n):\n    return n / 2\n")
    done = run("-m", "thalweg", "--py2", "--api", "0.12", str(tmp_path / "p.py"))
    assert done.stdout == ("3 [2, -3] 4.5 3 -4 3.5 [0, 1, 2, 3] 3.5\n3 3.5 3\n"
                           "['1'] True [1]\n"), done.stdout + done.stderr


def test_the_command_runs_a_notebook(tmp_path):
    (tmp_path / "n.ipynb").write_text("""{"cells": [
        {"cell_type": "code", "source": ["%matplotlib inline\\n", "import tensorflow as tf\\n",
         "x = 3\\n", "x"]},
        {"cell_type": "markdown", "source": "text"},
        {"cell_type": "code", "source": "%%bash\\nls"},
        {"cell_type": "code", "source": ["!ls\\n", "?x\\n", "y = !ls\\n", "tf.float32"]}]}""")
    done = run("-m", "thalweg", str(tmp_path / "n.ipynb"))
    assert done.stdout == "3\ntf.float32\n", done.stderr


def test_the_command_puts_dropped_names_of_python_and_numpy_back(tmp_path):
    (tmp_path / "p.py").write_text(
        "from collections import Iterable, Mapping\nimport inspect, time\nimport numpy as np\n"
        "print(isinstance([], Iterable), np.zeros(2, np.float).dtype, np.bool(1), np.Inf)\n"
        "print(inspect.getargspec(lambda a, b=2: a).args, time.clock() > 0)\n"
        "from tensorflow.python.client import device_lib\n"
        "print([d.device_type for d in device_lib.list_local_devices()])\n")
    done = run("-m", "thalweg", str(tmp_path / "p.py"))
    assert done.stdout == "True float64 True inf\n['a', 'b'] True\n['CPU']\n", done.stderr


def test_what_a_program_sets_on_a_module_stays(tmp_path):
    (tmp_path / "p.py").write_text(
        "import tensorflow as tf\nseen = tf.train\ntf.train.mine = 3\n"
        "try:\n    tf.train.no_such_name\nexcept AttributeError:\n    pass\n"
        "import tensorflow.train\nfrom tensorflow import train\n"
        "print(tf.train is seen, train is seen, tf.train.mine)\n")
    done = run("-m", "thalweg", "--api", "1.15", str(tmp_path / "p.py"))
    assert done.stdout == "True True 3\n", done.stderr
