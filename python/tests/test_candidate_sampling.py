# SPDX-License-Identifier: Apache-2.0
"""Samplers of classes: every seeded draw is TensorFlow's (tests/golden/random), the expected counts
to a unit in the last place."""
import glob
import os

import numpy as np
import pytest

import thalweg as tf
from thalweg.framework import op_def_library

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.join(HERE, "..", "..", "tests", "golden", "random")
READ = {"int": int, "float": float, "bool": lambda t: t == "true",
        "floats": lambda t: [float(x) for x in t.split()], "string": lambda t: t.strip('"')}


def array(words):
    """dtype [dims] numbers"""
    dtype, dims, numbers = words[0], words[1].strip("[]"), words[2:]
    read = float.fromhex if dtype == "float" else int
    shape = [int(d) for d in dims.split(",")] if dims else []
    return np.array([read(n) for n in numbers],
                    {"float": np.float32}.get(dtype, dtype)).reshape(shape)


def records():
    for path in sorted(glob.glob(os.path.join(FOLDER, "*CandidateSampler.txt"))):
        with open(path, encoding="utf-8") as file:
            for number, text in enumerate(file.read().split("\n\n")[1:]):
                lines = [line.split() for line in text.strip().splitlines()]
                if "1.15.5" in lines[1]:
                    yield pytest.param(lines, id="%s-%d" % (lines[0][1], number))


@pytest.mark.parametrize("lines", list(records()))
def test_draws_are_those_of_tensorflow(lines):
    attrs, draws = {}, {}
    for line in lines:
        if line[0] == "attr":
            attrs[line[1]] = READ[line[2]](" ".join(line[3:]))
        elif line[0] == "in":
            classes = array(line[2:])
        elif line[0] == "draw":
            draws.setdefault(line[1], []).append(array(line[3:]))
    with tf.Graph().as_default(), tf.Session() as session:
        outputs = op_def_library.apply_op(lines[0][1], true_classes=classes, **attrs)
        for _, wanted in sorted(draws.items()):
            got = session.run(list(outputs))
            assert got[0].tolist() == wanted[0].tolist()
            for mine, theirs in zip(got[1:], wanted[1:]):
                assert np.allclose(mine, theirs, rtol=3e-7, atol=0)


def test_functions_sample_and_losses_use_them():
    with tf.Graph().as_default(), tf.Session() as session:
        tf.set_random_seed(3)
        weights, biases = tf.ones([20, 4]), tf.zeros([20])
        inputs, labels = tf.ones([3, 4]), tf.constant([[1], [5], [7]], tf.int64)
        nce = tf.nn.nce_loss(weights, biases, labels, inputs, 6, 20)
        soft = tf.nn.sampled_softmax_loss(weights, biases, labels, inputs, 6, 20)
        gradient = tf.gradients(nce, weights)[0]
        values = session.run([nce, soft, tf.convert_to_tensor(gradient)])
        assert values[0].shape == values[1].shape == (3,) and np.isfinite(values[0]).all()
        assert values[2].shape == (20, 4) and (values[2][[1, 5, 7]] != 0).all()
        for sampler in (tf.nn.uniform_candidate_sampler, tf.nn.log_uniform_candidate_sampler,
                        tf.nn.learned_unigram_candidate_sampler):
            drawn = session.run(sampler(labels, 1, 20, True, 20))
            assert sorted(drawn[0]) == list(range(20))
        fixed = tf.nn.fixed_unigram_candidate_sampler(labels, 1, 9, False, 3, unigrams=[0, 1, 0])
        assert set(session.run(fixed)[0]) == {1}


def test_what_a_sampler_refuses():
    with tf.Graph().as_default(), tf.Session() as session:
        labels = tf.constant([[1], [5]], tf.int64)
        with pytest.raises(ValueError, match="num_true"):
            tf.nn.uniform_candidate_sampler(labels, 2, 3, True, 9)
        with pytest.raises(tf.errors.InvalidArgumentError, match="range is too small"):
            session.run(tf.nn.uniform_candidate_sampler(labels, 1, 30, True, 9)[0])
        with pytest.raises(tf.errors.InvalidArgumentError, match="weights for 2 classes"):
            session.run(tf.nn.fixed_unigram_candidate_sampler(labels, 1, 3, False, 9,
                                                              unigrams=[1, 2])[0])


def test_a_vocabulary_is_read(tmp_path):
    path = tmp_path / "words.csv"
    path.write_text("the,0\nof,4\nand,0\n")
    with tf.Graph().as_default(), tf.Session() as session:
        labels = tf.constant([[1]], tf.int64)
        drawn = session.run(tf.nn.fixed_unigram_candidate_sampler(
            labels, 1, 5, False, 3, vocab_file=str(path)))
        assert set(drawn[0]) == {1} and drawn[1].tolist() == [[5.0]]
