# SPDX-License-Identifier: Apache-2.0
"""What programs rely on beside numbers: names, classes of errors and of results. The answers are
those of TensorFlow 1.15.5, and of 0.12.1 where a level is named."""
import pickle
import subprocess
import sys
import types

import numpy as np
import pytest

import thalweg as tf


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default() as made:
        yield made


def run(fetches, feeds=None):
    with tf.Session() as session:
        return session.run(fetches, feeds)


def at_level(level, program):
    """What a program of that level prints."""
    return subprocess.run(
        [sys.executable, "-c", "from thalweg import compat; compat.install(api=%r)\n"
         "import tensorflow as tf\n%s" % (level, program)],
        check=True, stdout=subprocess.PIPE, universal_newlines=True).stdout


def test_methods_of_variables_can_be_had_from_the_class():
    v = tf.Variable([1.0, 2.0])
    assert tf.Variable.assign(v, [3.0, 4.0]).op.type == "Assign"
    assert {"assign_add", "eval", "scatter_sub", "value", "from_proto"} <= set(dir(tf.Variable))
    assert tf.Variable.value.__doc__
    with pytest.raises(AttributeError, match="no attribute 'assing'"):
        tf.Variable.assing


def test_every_listed_name_is_there():
    """What completion offers can be had, in all public modules."""
    missing, seen = [], set()

    def walk(module, path):
        if id(module) in seen:
            return
        seen.add(id(module))
        for name in [n for n in dir(module) if not n.startswith("_")]:
            try:
                value = getattr(module, name)
            except AttributeError:
                missing.append(path + "." + name)
                continue
            if isinstance(value, types.ModuleType) and value.__name__.startswith("thalweg"):
                walk(value, path + "." + name)
    walk(tf, "tf")
    assert not missing and len(seen) > 20


def test_results_of_several_outputs_have_the_name_of_the_op():
    top = tf.nn.top_k([3, 1, 2], 2)
    assert type(top).__name__ == "TopKV2" and type(run(top)).__name__ == "TopKV2"
    assert repr(run(tf.unique([5, 5]))).startswith("Unique(y=")


def test_string_split_gives_a_sparse_tensor_and_splits_at_blanks():
    parts = run(tf.string_split(["a b", "c"]))
    assert isinstance(parts, tf.SparseTensorValue)
    assert parts.values.tolist() == [b"a", b"b", b"c"]
    assert parts.indices.tolist() == [[0, 0], [0, 1], [1, 0]]
    assert run(tf.string_split(["a,,b"], delimiter=",", skip_empty=False)).values.tolist() == \
        [b"a", b"", b"b"]
    assert run(tf.string_split(source=["a,b"], sep=",").values).tolist() == [b"a", b"b"]


def test_edit_distance_is_between_sparse_tensors():
    def word(text):
        letters = list(text)
        return tf.SparseTensor([[0, i] for i in range(len(letters))], letters, [1, len(letters)])
    assert run(tf.edit_distance(word("kitten"), word("sitting"), normalize=False)).tolist() == [3]
    assert run(tf.edit_distance(word("ab"), word("abcd"))).tolist() == [0.5]
    with pytest.raises(TypeError, match="Truth must be a SparseTensor"):
        tf.edit_distance(word("a"), [1])


def test_orthogonal_matrices_of_doubles():
    m = run(tf.orthogonal_initializer(gain=2.0, seed=1)([3, 3], dtype=tf.float64))
    assert m.dtype == np.float64
    np.testing.assert_allclose(m @ m.T, 4 * np.eye(3), atol=1e-12)


def test_a_variable_that_is_there_says_where_it_was_made():
    tf.get_variable("v", [1])
    with pytest.raises(ValueError, match=r"already exists.*Originally defined at: .*test_as_tens"):
        tf.get_variable("v", [1])


def test_parts_of_variables_are_named_by_their_scope():
    def names(**kwargs):
        return [v.name for v in
                tf.create_partitioned_variables([4, 2], [2, 1], tf.zeros_initializer(), **kwargs)]
    assert names() == ["PartitionedVariable/part_0:0", "PartitionedVariable/part_1:0"]
    assert names() == ["PartitionedVariable_1/part_0:0", "PartitionedVariable_1/part_1:0"]
    with tf.variable_scope("a"):
        assert names(name="b") == ["a/b/part_0:0", "a/b/part_1:0"]


def test_a_graph_is_imported_without_a_prefix_and_with_other_inputs():
    with tf.Graph().as_default() as made:
        x = tf.placeholder(tf.float32, [2], name="x")
        tf.add(x, [1.0, 2.0], name="z")
        graph_def = made.as_graph_def()
    z, = tf.import_graph_def(graph_def, {"x:0": tf.constant([5.0, 5.0])}, ["z:0"], name="")
    assert z.name == "z:0" and run(z).tolist() == [6.0, 7.0]
    with pytest.raises(ValueError, match="non-empty `name`"):
        tf.import_graph_def(graph_def, {"x:0": [5.0, 5.0]}, ["z:0"], name="")


def test_branches_of_other_structure_are_a_value_error():
    with pytest.raises(ValueError, match="Incompatible return values of true_fn and false_fn"):
        tf.cond(tf.constant(True), lambda: (1, 2), lambda: 1)


def test_a_callable_says_what_is_wrong_with_a_value():
    x = tf.placeholder(tf.float32, [None, 3], name="x")
    with tf.Session() as session:
        call = session.make_callable(x * 2, [x])
        for value, text in ((np.ones((1, 2)), r"shape \(1, 2\) for Tensor 'x:0', which has shape"),
                            ([["a", 1, 2]], "could not convert.*fed to Tensor 'x:0'"),
                            ([[tf.constant(1.0), 1, 2]], "fed to Tensor 'x:0'")):
            with pytest.raises(ValueError, match=text + r".*made at .*test_as_tensorflow"):
                call(value)
            with pytest.raises(ValueError, match=text):
                session.run(x * 2, {x: value})
        assert call(np.ones((1, 3))).tolist() == [[2, 2, 2]]

        def stop():
            raise KeyboardInterrupt
        value = type("Value", (), {"__array__": lambda self, *a, **k: stop()})()
        with pytest.raises(KeyboardInterrupt):
            call(value)


def test_options_that_are_none_are_refused():
    one = tf.constant(1)
    with tf.Session() as session:
        with pytest.raises(TypeError, match="must be a tf.RunOptions, but got 3"):
            session.run(one, options=3)
        with pytest.raises(TypeError, match="must be a tf.RunMetadata, but got 3"):
            session.run(one, run_metadata=3)
        assert session.run(one, options=tf.RunOptions(), run_metadata=tf.RunMetadata()) == 1


def test_too_little_memory_is_both_classes_of_error():
    for kind in (tf.errors.ResourceExhaustedError, MemoryError):
        with pytest.raises(kind) as caught:
            run(tf.tile([[1.0]], [1 << 30, 1 << 12]) * 2)
        assert caught.value.code == tf.errors.RESOURCE_EXHAUSTED
    again = pickle.loads(pickle.dumps(caught.value))
    assert type(again) is type(caught.value) and again.message == caught.value.message


def test_second_derivatives():
    x = tf.constant([[1.0, 2.0], [3.0, -1.0]])
    found = run(tf.hessians(tf.reduce_sum(x ** 3), x)[0])
    assert found.shape == (2, 2, 2, 2)
    np.testing.assert_allclose(found.reshape(4, 4), np.diag([6.0, 12.0, 18.0, -6.0]), rtol=1e-5)
    y = tf.constant([1.0, 2.0, 3.0])
    found = run(tf.hessians(tf.reduce_prod(y), y)[0])
    np.testing.assert_allclose(found, [[0, 3, 2], [3, 0, 1], [2, 1, 0]], atol=1e-5)


def test_losses_of_slim_take_the_predictions_first():
    logits, labels = tf.constant([[2.0, -1.0, 0.5]]), tf.constant([[0.0, 1.0, 0.0]])
    ours = run([tf.contrib.slim.losses.softmax_cross_entropy(logits, labels),
                tf.losses.softmax_cross_entropy(labels, logits)])
    assert ours[0] == ours[1] > 3


def test_errors_have_a_code():
    with pytest.raises(tf.errors.FailedPreconditionError) as caught:
        run(tf.Variable(1.0))
    assert caught.value.code == caught.value.error_code == tf.errors.FAILED_PRECONDITION


@pytest.mark.parametrize("level, wanted", [("0.11", "[1. 1.]"), ("0.12", "[1. 1.]")])
def test_ones_at_old_levels(level, wanted):
    """An initializer itself until 0.12, which made it a maker of initializers."""
    made = "tf.ones_initializer" if level == "0.11" else "tf.ones_initializer()"
    program = "v = tf.get_variable('v', [2], initializer=%s)\n" \
              "s = tf.Session(); s.run(v.initializer); print(s.run(v))" % made
    assert at_level(level, program).strip() == wanted


def test_new_words_are_no_old_order():
    """split(value=...) is how it is called now; `num_split` is the older word."""
    program = "import warnings; warnings.simplefilter('error')\n" \
              "s = tf.split(value=[1, 2], num_or_size_splits=2, axis=0)\n" \
              "print(tf.Session().run(s[1]))\n" \
              "warnings.simplefilter('ignore')\n" \
              "print(tf.Session().run(tf.split(split_dim=0, num_split=2, value=[1, 2])[1]))"
    assert at_level(None, program) == "[2]\n[2]\n"
