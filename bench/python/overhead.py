#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""overhead.py [--tensorflow PYTHON]: what a run costs beside its kernels, from Python: ours, and
TensorFlow's too where a Python that has it is given (../shared/oracle/setup.sh DIR makes one:
DIR/tf115/bin/python).

The two run in processes of their own, turn by turn, on the same machine; of all rounds the best
counts, for everything else that runs only adds to it."""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import timeit

ROUNDS = 5
GOALS = {"run(constant * 2)": 1, "training step, 2 feeds, 1 fetch": 3,
         "the same, make_callable": 1.5}
MEGABYTES = 64


def best(function, number, repeat=7):
    """Microseconds of one call."""
    function()
    return min(timeit.repeat(function, number=number, repeat=repeat)) / number * 1e6


def tutorial(tf):
    """Linear regression with Adam, a batch of 100: (train, loss), placeholders."""
    X = tf.placeholder(tf.float32, shape=(100, 1))
    y = tf.placeholder(tf.float32, shape=(100, 1))
    with tf.variable_scope("linear-regression"):
        W = tf.get_variable("weights", (1, 1), initializer=tf.random_normal_initializer())
        b = tf.get_variable("bias", (1,), initializer=tf.constant_initializer(0.0))
        loss = tf.reduce_sum((y - (tf.matmul(X, W) + b)) ** 2 / 1000)
    return [tf.train.AdamOptimizer(1e-3).minimize(loss), loss], [X, y]


def measure(tf):
    """{row: microseconds}."""
    import numpy as np
    rows = {}
    slow = 1 if tf.__name__ == "thalweg" else 20  # so many times fewer calls are enough there
    with tf.Graph().as_default(), tf.Session() as sess:
        double = tf.constant(3.0) * 2
        rows["run(constant * 2)"] = best(lambda: sess.run(double), 40000 // slow)
        big = np.ones((MEGABYTES << 18,), np.float32)
        x = tf.placeholder(tf.float32, shape=big.shape)
        total, same = tf.reduce_max(x[:10]), tf.identity(x)
        rows["a feed of %d MB" % MEGABYTES] = best(lambda: sess.run(total, {x: big}), 3)
        rows["a feed and a fetch of %d MB" % MEGABYTES] = best(lambda: sess.run(same, {x: big}), 3)
        rows["NumPy: a copy of %d MB" % MEGABYTES] = best(big.copy, 3)
    with tf.Graph().as_default(), tf.Session() as sess:
        fetches, (X, y) = tutorial(tf)
        sess.run(tf.global_variables_initializer())
        xs = np.linspace(0, 1, 100, dtype=np.float32).reshape(100, 1)
        ys = 2 * xs + 1
        number = 20000 // slow
        rows["training step, 2 feeds, 1 fetch"] = best(
            lambda: sess.run(fetches, feed_dict={X: xs, y: ys}), number)
        call = sess.make_callable(fetches, feed_list=[X, y])
        rows["the same, make_callable"] = best(lambda: call(xs, ys), number)
        wide = xs.astype(np.float64)
        rows["the same step, a feed of float64"] = best(
            lambda: sess.run(fetches, feed_dict={X: wide, y: ys}), number)
    return rows


def worker(name):
    """Measures one library in this process."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    if name == "thalweg":
        sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "python"))
        import thalweg as tf
    else:
        import tensorflow as tf
        tf.logging.set_verbosity(tf.logging.ERROR)
    print(json.dumps(measure(tf)))


def run_worker(python, name):
    done = subprocess.run([python, "-W", "ignore", __file__, "--worker", name],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode:
        print("%s: %s" % (name, done.stderr.decode().strip().splitlines()[-1]), file=sys.stderr)
        return {}
    return json.loads(done.stdout.decode().splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tensorflow", metavar="PYTHON", help="a Python that has TensorFlow 1.15")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        return worker(args.worker)
    columns = [("thalweg", sys.executable)]
    if args.tensorflow:
        columns.append(("tensorflow", args.tensorflow))
    results = {name: {} for name, _ in columns}
    for _ in range(args.rounds):
        for name, python in columns:
            for row, value in run_worker(python, name).items():
                results[name][row] = min(value, results[name].get(row, value))
    print("%-36s %12s %12s %8s %8s" % ("microseconds", *[n for n, _ in columns], *[""] *
                                       (2 - len(columns)), "ratio", "goal"))
    for row, ours in results["thalweg"].items():
        theirs = results.get("tensorflow", {}).get(row)
        print("%-36s %12.2f %12s %8s %8s" % (
            row, ours, "%.2f" % theirs if theirs else "",
            "%.1f" % (theirs / ours) if theirs else "", GOALS.get(row, "")))
    return None


if __name__ == "__main__":
    sys.exit(main())
