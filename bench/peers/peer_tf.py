# SPDX-License-Identifier: Apache-2.0
"""TensorFlow 1.15, and 2.x through compat.v1: graphs and sessions, make_callable where feeds are
fixed (the quickest way a session offers); those called run_ go through run(), as programs do.

Ours from Python runs this file too (bench/python/ours.py)."""
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

import common
from common import THREADS, Weights, floats, ints

if tf.__version__.startswith("2"):
    tf = tf.compat.v1
    tf.disable_v2_behavior()
tf.logging.set_verbosity(tf.logging.ERROR)
CONFIG = tf.ConfigProto(intra_op_parallelism_threads=THREADS,
                        inter_op_parallelism_threads=THREADS)


def variable(value):
    """Initialized from a feed, so that no graph holds large constants."""
    fed = tf.placeholder(tf.float32, value.shape)
    made = tf.Variable(fed)
    tf.add_to_collection("first values", (fed, value))
    return made


def start():
    with common.apart():
        session = tf.Session(config=CONFIG)
        session.run(tf.global_variables_initializer(), dict(tf.get_collection("first values")))
        return session


def graph_of(build, by_run=False):
    """build() gives (fetches, feeds): the step is a run of them, or a callable over them."""
    def make():
        graph = tf.Graph()
        with graph.as_default():
            fetches, feeds = build()
            session = start()
            if by_run:
                run = session.run
                return lambda: run(fetches, feed_dict=feeds)
            call = session.make_callable(fetches, list(feeds))
        values = list(feeds.values())
        return lambda: call(*values)
    return make


def fed(value):
    return tf.placeholder(tf.as_dtype(value.dtype), value.shape)


def constant2():
    return tf.constant(21.0) * 2.0, {}


def feed2(value):
    def build():
        x = fed(value)
        return x * 2.0, {x: value}
    return build


def var2(value):
    return lambda: (variable(value) * 2.0, {})


def linreg():
    xs, ys = common.linear_data()
    x, y = fed(xs), fed(ys)
    W, b = tf.Variable(np.zeros((1, 1), "f")), tf.Variable(np.zeros(1, "f"))
    loss = tf.reduce_sum(tf.square(y - (tf.matmul(x, W) + b)) / 1000.0)
    return [loss, tf.train.AdamOptimizer(0.001).minimize(loss)], {x: xs, y: ys}


def tanh1000():
    y = variable(floats((10, 10), 1, 0, 1))
    for _ in range(1000):
        y = tf.tanh(y)
    return y, {}


def add10000():
    value = np.float32(0.5)
    x = fed(value)
    y = x
    for _ in range(10000):
        y = y + x
    return y, {x: value}


def while10000():
    r = fed(common.rotation())
    out = tf.while_loop(lambda i, x: i < 10000, lambda i, x: (i + 1, tf.matmul(x, r)),
                        (tf.constant(0), r))
    return out[1], {r: common.rotation()}


def cross_entropy(logits, batch, classes=10):
    y = tf.placeholder(tf.int64, (batch,))
    loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits))
    return loss, {y: common.labels(batch, classes)}


def dense(w, x, n_in, n_out):
    W, b = variable(w(n_in, n_out)), variable(w(n_out))
    return tf.matmul(x, W) + b


def trained(logits, feeds, batch, optimizer):
    loss, more = cross_entropy(logits, batch)
    more.update(feeds)
    return [loss, optimizer.minimize(loss)], more


def images():
    value = floats((100, 784), 50, 0, 1)
    x = fed(value)
    return x, {x: value}


def softreg():
    x, feeds = images()
    return trained(dense(Weights(), x, 784, 10), feeds, 100, tf.train.GradientDescentOptimizer(.5))


def mlp(optimizer):
    def build():
        w = Weights()
        x, feeds = images()
        h = tf.nn.relu(dense(w, x, 784, 256))
        h = tf.nn.relu(dense(w, h, 256, 256))
        return trained(dense(w, h, 256, 10), feeds, 100, optimizer())
    return build


def conv(w, x, n_in, n_out):
    W, b = variable(w(5, 5, n_in, n_out)), variable(w(n_out))
    y = tf.nn.relu(tf.nn.conv2d(x, W, strides=[1, 1, 1, 1], padding="SAME") + b)
    return tf.nn.max_pool(y, ksize=[1, 2, 2, 1], strides=[1, 2, 2, 1], padding="SAME")


def cnn_logits(batch):
    w = Weights()
    value = floats((batch, 28, 28, 1), 50, 0, 1)
    x = fed(value)
    h = tf.reshape(conv(w, conv(w, x, 1, 32), 32, 64), (batch, 3136))
    return dense(w, tf.nn.relu(dense(w, h, 3136, 1024)), 1024, 10), {x: value}


def cnn():
    logits, feeds = cnn_logits(50)
    return trained(logits, feeds, 50, tf.train.AdamOptimizer(1e-4))


def infer(batch):
    def build():
        logits, feeds = cnn_logits(batch)
        return tf.nn.softmax(logits), feeds
    return build


def lstm():
    w = Weights()
    value = ints((20, 20), 50, 10000)
    p = tf.placeholder(tf.int64, (20, 20))
    ins = tf.nn.embedding_lookup(variable(w(10000, 200)), p)
    hs = [tf.zeros((20, 200))] * 2
    cs, outs, Ws, bs = list(hs), [], [], []
    for _ in range(2):
        Ws.append(variable(w(400, 800)))
        bs.append(variable(w(800)))
    for t in range(20):
        x = ins[:, t]
        for l in range(2):
            i, j, f, o = tf.split(tf.matmul(tf.concat([x, hs[l]], 1), Ws[l]) + bs[l], 4, 1)
            cs[l] = cs[l] * tf.sigmoid(f) + tf.sigmoid(i) * tf.tanh(j)
            hs[l] = x = tf.tanh(cs[l]) * tf.sigmoid(o)
        outs.append(x)
    h = tf.reshape(tf.concat(outs, 1), (400, 200))
    loss, feeds = cross_entropy(dense(w, h, 200, 10000), 400, 10000)
    feeds[p] = value
    return [loss, tf.train.GradientDescentOptimizer(.1).minimize(loss)], feeds


def lstm_cells():
    """The same model as programs write it: cells, a loop over time in Python, clipped slopes."""
    cell = tf.nn.rnn_cell.MultiRNNCell(
        [tf.nn.rnn_cell.BasicLSTMCell(200, forget_bias=0.0) for _ in range(2)])
    value = ints((20, 20), 50, 10000)
    p = fed(value)
    ins = tf.nn.embedding_lookup(tf.get_variable("words", [10000, 200]), p)
    outs, _ = tf.nn.static_rnn(cell, tf.unstack(ins, axis=1), dtype=tf.float32)
    h = tf.reshape(tf.concat(outs, 1), (400, 200))
    logits = tf.matmul(h, tf.get_variable("w", [200, 10000])) + tf.get_variable("b", [10000])
    loss, feeds = cross_entropy(logits, 400, 10000)
    feeds[p] = value
    variables = tf.trainable_variables()
    slopes, _ = tf.clip_by_global_norm(tf.gradients(loss, variables), 5)
    train = tf.train.GradientDescentOptimizer(1.0).apply_gradients(zip(slopes, variables))
    return [loss, train], feeds


def fed64():
    value = common.megabytes64()
    x = fed(value)
    return tf.reduce_max(x[:10]), {x: value}


def fetched64():
    value = common.megabytes64()
    x = fed(value)
    return tf.identity(x), {x: value}


def chain():
    x = variable(floats((10000000,), 1, -2, 2))
    to = tf.Variable(tf.zeros((10000000,)))
    return to.assign(tf.tanh(x * .7 + .1) * 1.3 - .2).op, {}


def rows():
    return variable(floats((10000, 1000), 1, -2, 2))


def softmax():
    return tf.Variable(tf.zeros((10000, 1000))).assign(tf.nn.softmax(rows())).op, {}


def layernorm():
    x, to = rows(), tf.Variable(tf.zeros((10000, 1000)))
    gain, bias = variable(floats((1000,), 2, .5, 1.5)), variable(floats((1000,), 3, -1, 1))
    mean, var = tf.nn.moments(x, [1], keep_dims=True)
    return to.assign(tf.nn.batch_normalization(x, mean, var, bias, gain, 1e-5)).op, {}


def reduce():
    return tf.reduce_sum(rows(), 1), {}


def update(optimizer):
    def build():
        x, g = variable(floats((1000000,), 1, -1, 1)), variable(floats((1000000,), 2, -1, 1))
        return optimizer().apply_gradients([(g.value(), x)]), {}
    return build


def embedding():
    p = tf.placeholder(tf.int64, (10000,))
    taken = tf.nn.embedding_lookup(variable(floats((1000000, 64), 1, -1, 1)), p)
    loss = tf.reduce_mean(tf.square(taken))
    return [loss, tf.train.AdagradOptimizer(.1).minimize(loss)], {p: common.embedding_ids()}


def tree(net, leaves, losses):
    words, W, b, U, c, draw = net
    if leaves == 1:
        h = tf.gather(words, tf.constant([draw(1000)]))
    else:
        left = 1 + draw(leaves - 1)
        l = tree(net, left, losses)
        r = tree(net, leaves - left, losses)
        h = tf.nn.relu(tf.matmul(tf.concat([l, r], 1), W) + b)
    losses.append(tf.nn.sparse_softmax_cross_entropy_with_logits(
        labels=tf.constant([draw(5)]), logits=tf.matmul(h, U) + c))
    return h


def run_tree(values, draw):
    """A graph and a session of its own: many trees in one graph are many times slower."""
    with tf.Graph().as_default():
        losses = []
        tree([*map(variable, values), draw], 4 + draw(12), losses)
        loss = tf.reduce_sum(tf.add_n(losses))
        train = tf.train.GradientDescentOptimizer(.01).minimize(loss)
        with start() as session:
            return session.run([loss, train])[0]


def trees():
    values = common.tree_values()

    def step():
        draw = common.Random(1)
        return sum(run_tree(values, draw) for _ in range(50))
    return step


scalar, square = np.float32(3), floats((10, 10), 1, 0, 1)
graphs = {
    "const2": constant2, "feed2": feed2(scalar), "var2": var2(floats((), 1, 0, 1)),
    "feed2_10x10": feed2(square), "var2_10x10": var2(square), "linreg": linreg,
    "tanh1000": tanh1000, "add10000": add10000, "while10000": while10000, "softreg": softreg,
    "mlp_sgd": mlp(lambda: tf.train.GradientDescentOptimizer(.01)),
    "mlp_adam": mlp(lambda: tf.train.AdamOptimizer(.001)), "lstm": lstm, "cnn": cnn,
    "infer1": infer(1), "infer64": infer(64), "chain": chain, "softmax": softmax,
    "layernorm": layernorm, "reduce": reduce,
    "adam": update(lambda: tf.train.AdamOptimizer(.001)),
    "rmsprop": update(lambda: tf.train.RMSPropOptimizer(.001, momentum=.9)),
    "momentum": update(lambda: tf.train.MomentumOptimizer(.001, .9)), "embedding": embedding}
workloads = {name: graph_of(build) for name, build in graphs.items()}
for name in ("const2", "linreg", "softreg", "mlp_sgd", "lstm", "cnn"):
    workloads["run_" + name] = graph_of(graphs[name], by_run=True)
workloads.update(lstm_cells=graph_of(lstm_cells), fed64=graph_of(fed64, by_run=True),
                 fetched64=graph_of(fetched64, by_run=True), copied64=common.copied64)
workloads["trees"] = trees
workloads["lstm_start"] = lambda: lambda: graph_of(lstm)()()

if __name__ == "__main__":
    common.serve(workloads)
