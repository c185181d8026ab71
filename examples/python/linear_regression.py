# SPDX-License-Identifier: Apache-2.0
"""A line through a wave: data fed in batches, a loss, Adam; and a picture where matplotlib is
there. `python -m thalweg linear_regression.py [STEPS]`"""
import sys

import numpy as np
import tensorflow as tf

samples, batch = 1000, 100
steps = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
xs = np.arange(100, step=.1).reshape(samples, 1)
ys = xs + 20 * np.sin(xs / 10)

x = tf.placeholder(tf.float32, (batch, 1))
y = tf.placeholder(tf.float32, (batch, 1))
with tf.variable_scope("linear-regression"):
    w = tf.get_variable("weights", (1, 1), initializer=tf.random_normal_initializer(seed=1))
    b = tf.get_variable("bias", (1,), initializer=tf.constant_initializer(0.0))
    loss = tf.reduce_sum((y - (tf.matmul(x, w) + b)) ** 2 / samples)
train = tf.train.AdamOptimizer(0.05).minimize(loss)

random = np.random.RandomState(7)
with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    try:
        session.run(train, {x: xs, y: ys})
    except ValueError as error:
        print("(1000, 1)" in str(error) and "(100, 1)" in str(error))  # True
    losses = []
    for _ in range(steps):
        rows = random.choice(samples, batch)
        losses.append(session.run([train, loss], {x: xs[rows], y: ys[rows]})[1])
    slope, offset = session.run([w, b])
print(np.mean(losses[-100:]) < min(25, np.mean(losses[:10])))   # True
print(0.8 < slope[0, 0] < 1.3, abs(offset[0]) < 15)             # True True

try:
    import matplotlib
except ImportError:
    matplotlib = None
if matplotlib is not None:
    matplotlib.use("Agg")
    from matplotlib import pyplot
    pyplot.scatter(xs, ys, s=1)
    pyplot.plot(xs, xs * slope[0, 0] + offset[0], color="red")
    pyplot.savefig("linear_regression.png")
