# SPDX-License-Identifier: Apache-2.0
"""Paths of TensorFlow's modules that programs import from, beside those that the package has by
the same path."""
import os
import subprocess
import sys
import textwrap

import pytest

import thalweg as tf
from thalweg.layers import utils
from thalweg.ops import resource_variable_ops
from thalweg.util import (all_util, deprecation, keyword_args, tf_decorator, tf_export, tf_inspect)

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(tf.__file__)))


def printed(level, code):
    start = "import thalweg.compat as c; c.install(api=%r)\nimport tensorflow as tf\n" % (level,)
    env = dict(os.environ, PYTHONPATH=ROOT + os.pathsep + os.environ.get("PYTHONPATH", ""))
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", start + textwrap.dedent(code)],
                          env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


IMPORTS = """
    from tensorflow.contrib.layers.python.layers import layers, initializers, regularizers, utils
    from tensorflow.contrib.layers.python.layers.layers import batch_norm, fully_connected
    from tensorflow.contrib.framework.python.ops import arg_scope, add_arg_scope, variables
    from tensorflow.contrib.rnn.python.ops import core_rnn_cell, rnn_cell
    from tensorflow.contrib.rnn.python.ops.core_rnn_cell import BasicLSTMCell, _linear
    from tensorflow.contrib.legacy_seq2seq.python.ops import seq2seq
    from tensorflow.contrib.crf.python.ops.crf import crf_log_likelihood
    from tensorflow.python.ops import resource_variable_ops, image_ops_impl
    from tensorflow.python.ops.standard_ops import matmul
    from tensorflow.python.eager import context
    print(layers.conv2d is tf.contrib.layers.conv2d, batch_norm is tf.contrib.layers.batch_norm)
    print(initializers.xavier_initializer is tf.contrib.layers.xavier_initializer)
    print(arg_scope is tf.contrib.framework.arg_scope, variables.model_variable.__name__)
    print(seq2seq.embedding_rnn_seq2seq is tf.contrib.legacy_seq2seq.embedding_rnn_seq2seq)
    print(BasicLSTMCell is core_rnn_cell.BasicLSTMCell is tf.contrib.rnn.BasicLSTMCell)
    print(matmul is tf.matmul, image_ops_impl.resize_images is tf.image.resize_images)
    print(context.executing_eagerly(), tf.contrib.distributions.Normal(0.0, 1.0).dtype.name)
"""


def test_paths_of_contrib_and_of_single_files():
    assert printed("1.1", IMPORTS) == [
        "True True", "True", "True model_variable", "True", "True", "True True", "False float32"]


def test_an_optimizer_of_a_program_of_its_own():
    code = """
    from tensorflow.python.eager import context
    from tensorflow.python.framework import ops
    from tensorflow.python.ops import control_flow_ops, math_ops, resource_variable_ops, state_ops
    from tensorflow.python.training import optimizer
    from tensorflow.python.util.tf_export import tf_export

    @tf_export("train.Signed")
    class Signed(optimizer.Optimizer):
        def __init__(self, rate, use_locking=False, name="Signed"):
            super(Signed, self).__init__(use_locking, name)
            self._rate = rate
        def _create_slots(self, variables):
            first = min(variables, key=lambda v: v.name)
            self._create_non_slot_variable(1.0, "power", first)
        def _prepare(self):
            self._rate_t = ops.convert_to_tensor(self._rate, name="rate")
        def _apply_dense(self, grad, var):
            graph = None if context.executing_eagerly() else ops.get_default_graph()
            power = self._get_non_slot_variable("power", graph=graph)
            rate = math_ops.cast(self._rate_t, var.dtype.base_dtype) * power
            return state_ops.assign_sub(var, rate * math_ops.sign(grad),
                                        use_locking=self._use_locking).op
        def _finish(self, updates, name_scope):
            with ops.control_dependencies(updates):
                halved = self._get_non_slot_variable("power", ops.get_default_graph())
                update = halved.assign(halved * 0.5)
            return control_flow_ops.group(*updates + [update], name=name_scope)

    v = tf.Variable([3.0, -2.0])
    print(isinstance(v, resource_variable_ops.ResourceVariable))
    train = Signed(1.0).minimize(tf.reduce_sum(v * v))
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for _ in range(2):
            session.run(train)
        print(session.run(v).tolist())
    """
    assert printed("1.15", code) == ["False", "[1.5, -0.5]"]


def test_variables_are_references():
    with tf.Graph().as_default():
        made = resource_variable_ops.ResourceVariable(1.0, name="v")
        assert isinstance(made, tf.Variable) and made.op.name == "v"
        assert not isinstance(made, resource_variable_ops.ResourceVariable)
        assert not resource_variable_ops.is_resource_variable(made)


def test_marks_of_what_is_deprecated():
    @deprecation.deprecated("2020-01-01", "Use g.")
    def f(a, b=2, *rest, c=3):
        """Does."""
        return a
    assert f(1) == 1 and f.__doc__.startswith("Does.") and "after 2020-01-01. Use g." in f.__doc__
    assert tf_inspect.getargspec(f).args == ["a", "b"] and tf_inspect.isfunction(f)
    assert deprecation.deprecated_argument_lookup("new", None, "old", 3) == 3
    with pytest.raises(ValueError, match="Cannot specify both 'old' and 'new'"):
        deprecation.deprecated_argument_lookup("new", 1, "old", 3)
    assert tf_export.tf_export("x", v1=["y"])(f) is f
    outer = tf_decorator.make_decorator(f, lambda *args: f(*args))
    assert tf_decorator.unwrap(outer) == ([outer], f) and outer.__name__ == "f"
    assert "make_all" in all_util.make_all("thalweg.util.all_util")
    with pytest.raises(ValueError, match="by name only"):
        keyword_args.keyword_args_only(f)(1)


def test_what_layers_ask():
    assert utils.normalize_tuple(2, 3, "strides") == (2, 2, 2)
    assert utils.convert_data_format("Channels_First", 4) == "NCHW"
    assert utils.normalize_padding("SAME") == "same"
    assert [utils.conv_output_length(7, 3, p, 2) for p in ("same", "valid", "full")] == [4, 3, 5]
    assert [utils.deconv_output_length(4, 3, p, 2) for p in ("same", "valid", "full")] == [8, 9, 5]
    with tf.Graph().as_default():
        assert utils.constant_value(tf.constant(True)) and utils.constant_value(False) is False
        assert utils.smart_cond(True, lambda: 1, lambda: 2) == 1
