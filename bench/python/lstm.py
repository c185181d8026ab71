#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""lstm.py [--tensorflow PYTHON]: how long the language model of the LSTM tutorial (two layers of
200 units, 20 steps, 20 rows, 10,000 words) takes to be built with its gradients, to be run for the
first time, and then for a step; unrolled and as a loop. TensorFlow's too, where a Python that has
it is given.

Each round is a process of its own, on the same machine, turn by turn; the best counts."""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import time

ROUNDS = 5
GOALS = {"unrolled: built": .15, "unrolled: first run": .1}
BATCH, STEPS, UNITS, WORDS = 20, 20, 200, 10000


def network(tf, looped):
    """(ids, labels, loss, training operation)"""
    cell = tf.nn.rnn_cell.MultiRNNCell(
        [tf.nn.rnn_cell.BasicLSTMCell(UNITS, forget_bias=0.0) for _ in range(2)])
    ids = tf.placeholder(tf.int32, [BATCH, STEPS])
    labels = tf.placeholder(tf.int32, [BATCH, STEPS])
    vectors = tf.nn.embedding_lookup(tf.get_variable("embedding", [WORDS, UNITS]), ids)
    if looped:
        outputs, _ = tf.nn.dynamic_rnn(cell, vectors, dtype=tf.float32)
    else:
        outputs, _ = tf.nn.static_rnn(cell, tf.unstack(vectors, axis=1), dtype=tf.float32)
        outputs = tf.stack(outputs, axis=1)
    scores = tf.matmul(tf.reshape(outputs, [-1, UNITS]), tf.get_variable("w", [UNITS, WORDS])) \
        + tf.get_variable("b", [WORDS])
    loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(
        labels=tf.reshape(labels, [-1]), logits=scores))
    variables = tf.trainable_variables()
    slopes, _ = tf.clip_by_global_norm(tf.gradients(loss, variables), 5)
    train = tf.train.GradientDescentOptimizer(1.0).apply_gradients(zip(slopes, variables))
    return ids, labels, loss, train


def measure(tf):
    """{row: seconds}, first of all what has to be imported on the way."""
    import numpy as np
    rows = {}
    data = np.random.RandomState(0).randint(0, WORDS, (2, BATCH, STEPS))
    for name, looped in (("unrolled", False), ("loop", True)):
        with tf.Graph().as_default(), tf.Session() as sess:
            start = time.perf_counter()
            ids, labels, loss, train = network(tf, looped)
            rows[name + ": built"] = time.perf_counter() - start
            sess.run(tf.global_variables_initializer())
            feeds = {ids: data[0], labels: data[1]}
            for row in ("first run", "step"):
                start = time.perf_counter()
                sess.run([loss, train], feeds)
                rows[name + ": " + row] = time.perf_counter() - start
            for _ in range(3):
                start = time.perf_counter()
                sess.run([loss, train], feeds)
                rows[name + ": step"] = min(rows[name + ": step"], time.perf_counter() - start)
    return rows


def one_round(python, package):
    """measure() in a process of its own."""
    environment = dict(os.environ, TF_CPP_MIN_LOG_LEVEL="3")
    done = subprocess.run([python, __file__, "--measure", package], env=environment, check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return json.loads(done.stdout.decode().splitlines()[-1])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tensorflow", metavar="PYTHON")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        if options.measure == "thalweg":
            sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "python"))
        print(json.dumps(measure(__import__(options.measure))))
        return
    ours = [(sys.executable, "thalweg")]
    theirs = [(options.tensorflow, "tensorflow")] if options.tensorflow else []
    best = {}
    for _ in range(ROUNDS):
        for python, package in ours + theirs:
            for row, seconds in one_round(python, package).items():
                known = best.setdefault(row, {})
                known[package] = min(seconds, known.get(package, seconds))
    print("%-22s %10s %10s %10s" % ("seconds", "thalweg", "tensorflow", "goal"))
    for row, found in best.items():
        cells = ["%10.4f" % found[p] if p in found else "%10s" % "" for p in
                 ("thalweg", "tensorflow")]
        print("%-22s %s %s %10s" % (row, cells[0], cells[1], GOALS.get(row, "")))


if __name__ == "__main__":
    main()
