# SPDX-License-Identifier: Apache-2.0
"""JAX: one jitted function a step, what it replaces donated. A step ends when its results are
there; where a loss is fetched it becomes a Python number, as the others' do."""
import os
import sys

if len(sys.argv) > 1 and sys.argv[1] == "1":
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"

import jax
import jax.numpy as jnp
from jax import lax

import common
from common import Weights, floats, ints


def sgd(rate):
    return lambda p: (), lambda p, g, s: (jax.tree.map(lambda a, b: a - rate * b, p, g), s)


def adam(rate):
    def init(p):
        return jnp.zeros(()), jax.tree.map(jnp.zeros_like, p), jax.tree.map(jnp.zeros_like, p)

    def update(p, g, s):
        t, m, v = s[0] + 1, s[1], s[2]
        m = jax.tree.map(lambda a, b: .9 * a + .1 * b, m, g)
        v = jax.tree.map(lambda a, b: .999 * a + .001 * b * b, v, g)
        r = rate * jnp.sqrt(1 - .999 ** t) / (1 - .9 ** t)
        return jax.tree.map(lambda q, a, b: q - r * a / (jnp.sqrt(b) + 1e-8), p, m, v), (t, m, v)
    return init, update


def rmsprop(rate):
    def init(p):
        return jnp.ones_like(p), jnp.zeros_like(p)

    def update(p, g, s):
        ms = .9 * s[0] + .1 * g * g
        mom = .9 * s[1] + rate * g / jnp.sqrt(ms + 1e-10)
        return p - mom, (ms, mom)
    return init, update


def momentum(rate):
    def update(p, g, s):
        s = .9 * s + g
        return p - rate * s, s
    return jnp.zeros_like, update


def arrays(tree):
    return jax.tree.map(jnp.asarray, tree)


def trainer(loss, parameters, optimizer, *feeds):
    def make():
        init, update = optimizer
        p = arrays(parameters())
        state = [p, init(p)]
        fed = [f() for f in feeds]  # NumPy arrays: each step feeds them

        def run(p, s, *fed):
            value, g = jax.value_and_grad(loss)(p, *fed)
            p, s = update(p, g, s)
            return p, s, value
        run = jax.jit(run, donate_argnums=(0, 1))

        def step():
            state[0], state[1], value = run(state[0], state[1], *fed)
            return float(value)
        return step
    return make


def fetching(function, *values):
    """A jitted function of fed NumPy arrays, whose result is fetched."""
    def make():
        run, fed = jax.jit(function), [v() for v in values]
        return lambda: jax.device_get(run(*fed)).ravel()[0]
    return make


def holding(function, *values):
    """The same of arrays that are there already."""
    def make():
        run, held = jax.jit(function), [jnp.asarray(v()) for v in values]
        return lambda: jax.device_get(run(*held)).ravel()[0]
    return make


def into(function, shape, *values):
    """The result replaces a donated array."""
    def make():
        run = jax.jit(lambda to, *x: function(*x), donate_argnums=0, keep_unused=True)
        held, state = [jnp.asarray(v()) for v in values], [jnp.zeros(shape)]

        def step():
            state[0] = run(state[0], *held).block_until_ready()
        return step
    return make


def cross_entropy(logits, y):
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(logits), y[:, None], 1))


def linreg_loss(p, x, y):
    return jnp.sum(jnp.square(y - (x @ p[0] + p[1])) / 1000)


def dense_weights(w, *sizes):
    return [(w(a, b), w(b)) for a, b in zip(sizes, sizes[1:])]


def dense_loss(p, x, y):
    for i, (W, b) in enumerate(p):
        x = x @ W + b
        x = jax.nn.relu(x) if i < len(p) - 1 else x
    return cross_entropy(x, y)


def cnn_weights():
    w = Weights()
    return w(5, 5, 1, 32), w(32), w(5, 5, 32, 64), w(64), dense_weights(w, 3136, 1024, 10)


def conv(x, W, b):
    y = lax.conv_general_dilated(x, W, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
    return lax.reduce_window(jax.nn.relu(y + b), -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1),
                             "SAME")


def cnn_logits(p, x):
    h = conv(conv(x, p[0], p[1]), p[2], p[3]).reshape(x.shape[0], -1)
    (W, b), (U, c) = p[4]
    return jax.nn.relu(h @ W + b) @ U + c


def infer(batch):
    def make():
        p, x = arrays(cnn_weights()), floats((batch, 28, 28, 1), 50, 0, 1)
        run = jax.jit(lambda p, x: jax.nn.softmax(cnn_logits(p, x)))
        return lambda: jax.device_get(run(p, x)).ravel()[0]
    return make


def lstm_weights():
    w = Weights()
    return w(10000, 200), [(w(400, 800), w(800)) for _ in range(2)], w(200, 10000), w(10000)


def lstm_loss(p, ids, y):
    """Time by lax.scan: unrolled it compiles for a quarter of a minute and runs no faster."""
    def cell(l, x, c, h):
        i, j, f, o = jnp.split(jnp.concatenate([x, h], 1) @ p[1][l][0] + p[1][l][1], 4, 1)
        c = c * jax.nn.sigmoid(f) + jax.nn.sigmoid(i) * jnp.tanh(j)
        return c, jnp.tanh(c) * jax.nn.sigmoid(o)

    def body(state, x):
        (c0, h0), (c1, h1) = state
        c0, h0 = cell(0, x, c0, h0)
        c1, h1 = cell(1, h0, c1, h1)
        return ((c0, h0), (c1, h1)), h1

    zeros = jnp.zeros((20, 200))
    _, outs = lax.scan(body, ((zeros, zeros), (zeros, zeros)), p[0][ids].transpose(1, 0, 2))
    h = outs.transpose(1, 0, 2).reshape(400, 200)
    return cross_entropy(h @ p[2] + p[3], y)


def while10000():
    def run(r):
        return lax.while_loop(lambda s: s[0] < 10000, lambda s: (s[0] + 1, s[1] @ r), (0, r))[1]
    return fetching(run, common.rotation)()


def layer_norm(x, gain, bias):
    mean = jnp.mean(x, 1, keepdims=True)
    var = jnp.var(x, 1, keepdims=True)
    return (x - mean) * lax.rsqrt(var + 1e-5) * gain + bias


def update(optimizer):
    def make():
        init, apply = optimizer
        p, g = jnp.asarray(floats((1000000,), 1, -1, 1)), jnp.asarray(floats((1000000,), 2, -1, 1))
        state, run = [p, init(p)], jax.jit(apply, donate_argnums=(0, 2))

        def step():
            state[0], state[1] = run(state[0], g, state[1])
            state[0].block_until_ready()
        return step
    return make


def embedding():
    def run(table, acc, ids):
        loss, g = jax.value_and_grad(lambda rows: jnp.mean(jnp.square(rows)))(table[ids])
        acc = acc.at[ids].add(g * g)
        return table.at[ids].add(-.1 * g * lax.rsqrt(acc[ids])), acc, loss
    run = jax.jit(run, donate_argnums=(0, 1))
    state = [jnp.asarray(floats((1000000, 64), 1, -1, 1)), jnp.full((1000000, 64), .1)]
    ids = common.embedding_ids().astype("int32")

    def step():
        state[0], state[1], loss = run(state[0], state[1], ids)
        return float(loss)
    return step


def fetched64():
    run, value = jax.jit(jnp.copy), common.megabytes64()
    return lambda: jax.device_get(run(value))


def tanh1000(x):
    return lax.fori_loop(0, 1000, lambda i, y: jnp.tanh(y), x)


def add10000(x):
    """Of steps between 1 and 1000 in a loop's body, 100 are the fastest."""
    return lax.fori_loop(0, 10000, lambda i, y: y + x, x, unroll=100)


def scalar():
    return common.np.float32(3)


def square():
    return floats((10, 10), 1, 0, 1)


def matrix():
    return floats((10000, 1000), 1, -2, 2)


def images():
    return floats((100, 784), 50, 0, 1)


def twice(x):
    return x * 2


def labels(batch, classes=10):
    return lambda: common.labels(batch, classes).astype("int32")


def mlp_weights():
    return dense_weights(Weights(), 784, 256, 256, 10)


big = (10000, 1000)
workloads = {
    "const2": fetching(lambda: jnp.float32(21) * 2), "feed2": fetching(twice, scalar),
    "var2": holding(twice, lambda: floats((), 1, 0, 1)), "feed2_10x10": fetching(twice, square),
    "var2_10x10": holding(twice, square),
    "linreg": trainer(linreg_loss, lambda: (jnp.zeros((1, 1)), jnp.zeros(1)), adam(.001),
                      lambda: common.linear_data()[0], lambda: common.linear_data()[1]),
    "tanh1000": holding(tanh1000, square),
    "add10000": fetching(add10000, lambda: common.np.float32(.5)),
    "while10000": while10000,
    "softreg": trainer(dense_loss, lambda: dense_weights(Weights(), 784, 10), sgd(.5), images,
                       labels(100)),
    "mlp_sgd": trainer(dense_loss, mlp_weights, sgd(.01), images, labels(100)),
    "mlp_adam": trainer(dense_loss, mlp_weights, adam(.001), images, labels(100)),
    "lstm": trainer(lstm_loss, lstm_weights, sgd(.1),
                    lambda: ints((20, 20), 50, 10000).astype("int32"), labels(400, 10000)),
    "cnn": trainer(lambda p, x, y: cross_entropy(cnn_logits(p, x), y), cnn_weights, adam(1e-4),
                   lambda: floats((50, 28, 28, 1), 50, 0, 1), labels(50)),
    "infer1": infer(1), "infer64": infer(64),
    "chain": into(lambda x: jnp.tanh(x * .7 + .1) * 1.3 - .2, (10000000,),
                  lambda: floats((10000000,), 1, -2, 2)),
    "softmax": into(jax.nn.softmax, big, matrix),
    "layernorm": into(layer_norm, big, matrix, lambda: floats((1000,), 2, .5, 1.5),
                      lambda: floats((1000,), 3, -1, 1)),
    "reduce": holding(lambda x: jnp.sum(x, 1), matrix), "adam": update(adam(.001)),
    "rmsprop": update(rmsprop(.001)), "momentum": update(momentum(.001)), "embedding": embedding,
    "fed64": fetching(lambda x: jnp.max(x[:10]), common.megabytes64), "fetched64": fetched64}

if __name__ == "__main__":
    common.serve(workloads)
