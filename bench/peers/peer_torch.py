# SPDX-License-Identifier: Apache-2.0
"""PyTorch: eager, in place where that is possible, and torch.compile where it works; the fastest
way counts. THALWEG_PEERS_COMPILE=0 leaves torch.compile out (it takes minutes for all)."""
import os

import torch
import torch.nn.functional as F
from torch import nn

import common
from common import THREADS, Weights, floats, ints

torch.set_num_threads(THREADS)
COMPILES = os.environ.get("THALWEG_PEERS_COMPILE", "1") != "0"


def tensor(value):
    return torch.from_numpy(value)


def both(eager, compiled=None):
    """Eager, and the same or another function compiled."""
    ways = {"eager": eager}
    if COMPILES:
        ways["compile"] = torch.compile(compiled or eager)
    return ways


def no_grad(function):
    def call():
        with torch.no_grad():
            return function()
    return call


def const2():
    x = torch.tensor(21.0)
    return both(lambda: x * 2)


def twice(value):
    def make():
        x = tensor(value) if value.shape else torch.tensor(float(value))
        return both(lambda: x * 2)
    return make


def tanh1000():
    x, y = tensor(floats((10, 10), 1, 0, 1)), torch.empty(10, 10)

    def step():
        torch.tanh(x, out=y)
        for _ in range(999):
            y.tanh_()
        return y
    return no_grad(step)


def add10000():
    x = torch.tensor(.5)

    def step():
        y = x + x
        for _ in range(9999):
            y.add_(x)
        return y
    return no_grad(step)


def while10000():
    r = tensor(common.rotation())

    def step():
        y, z = r.clone(), torch.empty(2, 2)
        for _ in range(5000):
            torch.mm(y, r, out=z)
            torch.mm(z, r, out=y)
        return y[0, 0]
    return no_grad(step)


def training(loss, optimizer):
    """Eager, with the forward and backward pass compiled, and with the optimizer compiled too."""
    def step_of(loss, update):
        def step():
            optimizer.zero_grad()
            value = loss()
            value.backward()
            update()
            return value.item()
        return step
    ways = {"eager": step_of(loss, optimizer.step)}
    if COMPILES:
        compiled = torch.compile(loss)
        ways["compile"] = step_of(compiled, optimizer.step)
        ways["compile all"] = step_of(compiled, torch.compile(optimizer.step))
    return ways


def adam(parameters, rate, eps=1e-8):
    return torch.optim.Adam(parameters, lr=rate, eps=eps, fused=True)


def sgd(parameters, rate):
    return torch.optim.SGD(parameters, lr=rate, fused=True)


def linreg():
    x, y = map(tensor, common.linear_data())
    W, b = torch.zeros(1, 1, requires_grad=True), torch.zeros(1, requires_grad=True)
    return training(lambda: (torch.square(y - (x @ W + b)) / 1000).sum(), adam([W, b], .001))


def linear(w, n_in, n_out):
    layer = nn.Linear(n_in, n_out)
    with torch.no_grad():
        layer.weight.copy_(tensor(w(n_in, n_out)).T)
        layer.bias.copy_(tensor(w(n_out)))
    return layer


def dense_net(w, *sizes):
    layers = []
    for a, b in zip(sizes, sizes[1:]):
        layers += [linear(w, a, b), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def classifier(sizes, optimizer, rate):
    def make():
        model = dense_net(Weights(), *sizes)
        x, y = tensor(floats((100, 784), 50, 0, 1)), tensor(common.labels(100))
        return training(lambda: F.cross_entropy(model(x), y),
                        optimizer(model.parameters(), rate))
    return make


def convolution(w, n_in, n_out):
    layer = nn.Conv2d(n_in, n_out, 5, padding=2)
    with torch.no_grad():
        layer.weight.copy_(tensor(w(5, 5, n_in, n_out)).permute(3, 2, 0, 1))
        layer.bias.copy_(tensor(w(n_out)))
    return layer


def cnn_model():
    w = Weights()
    model = nn.Sequential(convolution(w, 1, 32), nn.ReLU(), nn.MaxPool2d(2),
                          convolution(w, 32, 64), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
                          linear(w, 3136, 1024), nn.ReLU(), linear(w, 1024, 10))
    with torch.no_grad():  # the first dense layer's rows come in TensorFlow's order: y, x, channel
        weight = model[7].weight
        weight.copy_(weight.reshape(1024, 7, 7, 64).permute(0, 3, 1, 2).reshape(1024, 3136))
    return model


def layouts(make):
    """Both layouts of images."""
    ways = {}
    for layout in (torch.contiguous_format, torch.channels_last):
        name = "NCHW" if layout is torch.contiguous_format else "NHWC"
        made = make(layout)
        ways.update({"%s %s" % (name, way): step for way, step in made.items()})
    return ways


def images(batch, layout):
    value = tensor(floats((batch, 28, 28, 1), 50, 0, 1)).permute(0, 3, 1, 2)
    return value.contiguous(memory_format=layout)


def cnn():
    def make(layout):
        model = cnn_model().to(memory_format=layout)
        x, y = images(50, layout), tensor(common.labels(50))
        return training(lambda: F.cross_entropy(model(x), y),
                        adam(model.parameters(), 1e-4))
    return layouts(make)


def prepared(model, x):
    """Frozen and packed for inference, as TorchScript does it."""
    with torch.no_grad():
        traced = torch.jit.freeze(torch.jit.trace(model, x))
        ready = torch.jit.optimize_for_inference(traced)
        for _ in range(3):  # it compiles at the second call
            ready(x)
    return ready


def infer(batch):
    def make(layout):
        model, x = cnn_model().to(memory_format=layout).eval(), images(batch, layout)
        ways = {"eager": model}
        if hasattr(torch.jit, "optimize_for_inference"):
            ways["frozen"] = prepared(model, x)
        if COMPILES:
            ways["compile"] = torch.compile(model)

        def step_of(way):
            def step():
                with torch.inference_mode():
                    return F.softmax(way(x), 1)
            return step
        return {name: step_of(way) for name, way in ways.items()}
    return lambda: layouts(make)


class LanguageModel(nn.Module):
    """nn.LSTM has one more bias than TensorFlow's cell; it stays, at zero, and costs little."""

    def __init__(self):
        super().__init__()
        w = Weights()
        self.words = nn.Embedding(10000, 200)
        self.lstm = nn.LSTM(200, 200, 2, batch_first=True)
        with torch.no_grad():
            self.words.weight.copy_(tensor(w(10000, 200)))
            for l in range(2):
                W, b = self.in_order(w(400, 800)), self.in_order(w(800)[None])
                getattr(self.lstm, "weight_ih_l%d" % l).copy_(W[:200].T)
                getattr(self.lstm, "weight_hh_l%d" % l).copy_(W[200:].T)
                getattr(self.lstm, "bias_ih_l%d" % l).copy_(b[0])
                getattr(self.lstm, "bias_hh_l%d" % l).zero_()
        self.out = linear(w, 200, 10000)

    @staticmethod
    def in_order(value):
        """TensorFlow's gates are input, new, forget, output; PyTorch's have forget second."""
        i, j, f, o = tensor(value).split(200, 1)
        return torch.cat([i, f, j, o], 1)

    def forward(self, ids):
        h, _ = self.lstm(self.words(ids))
        return self.out(h.reshape(400, 200))


def lstm():
    model, ids, y = LanguageModel(), tensor(ints((20, 20), 50, 10000)), tensor(
        common.labels(400, 10000))
    return training(lambda: F.cross_entropy(model(ids), y), sgd(model.parameters(), .1))


def lstm_start():
    def step():
        model, ids, y = LanguageModel(), tensor(ints((20, 20), 50, 10000)), tensor(
            common.labels(400, 10000))
        optimizer = sgd(model.parameters(), .1)
        value = F.cross_entropy(model(ids), y)
        value.backward()
        optimizer.step()
        return value.item()
    return step


def fed64():
    value = common.megabytes64()
    return lambda: tensor(value)[:10].max().item()


def fetched64():
    value = common.megabytes64()
    return lambda: tensor(value).clone().numpy()


def chain():
    x, y = tensor(floats((10000000,), 1, -2, 2)), torch.empty(10000000)

    def eager():
        torch.mul(x, .7, out=y).add_(.1).tanh_().mul_(1.3).sub_(.2)

    def plain():
        y.copy_(torch.tanh(x * .7 + .1) * 1.3 - .2)
    return {name: no_grad(way) for name, way in both(eager, plain).items()}


def rows():
    return tensor(floats((10000, 1000), 1, -2, 2))


def softmax():
    x, y = rows(), torch.empty(10000, 1000)
    return {name: no_grad(way) for name, way in both(
        lambda: torch.softmax(x, 1, out=y), lambda: y.copy_(torch.softmax(x, 1))).items()}


def layernorm():
    x, y = rows(), torch.empty(10000, 1000)
    gain, bias = tensor(floats((1000,), 2, .5, 1.5)), tensor(floats((1000,), 3, -1, 1))
    return {name: no_grad(way) for name, way in both(
        lambda: torch.native_layer_norm(x, (1000,), gain, bias, 1e-5),
        lambda: y.copy_(F.layer_norm(x, (1000,), gain, bias, 1e-5))).items()}


def reduce():
    x, y = rows(), torch.empty(10000)
    return {name: no_grad(way) for name, way in both(
        lambda: torch.sum(x, 1, out=y), lambda: torch.sum(x, 1)).items()}


def update(*optimizers):
    """optimizers: (way, a function that makes one)."""
    def make():
        ways = {}
        for name, optimizer in optimizers:
            p = tensor(floats((1000000,), 1, -1, 1)).requires_grad_()
            p.grad = tensor(floats((1000000,), 2, -1, 1))
            step = optimizer([p]).step
            ways[name] = step
            if COMPILES and name == "eager":
                ways["compile"] = torch.compile(step)
        return ways
    return make


def embedding():
    words, ids = nn.Embedding(1000000, 64, sparse=True), tensor(common.embedding_ids())
    with torch.no_grad():
        words.weight.copy_(tensor(floats((1000000, 64), 1, -1, 1)))
    optimizer = torch.optim.Adagrad(words.parameters(), lr=.1, initial_accumulator_value=.1)

    def library():
        optimizer.zero_grad()
        loss = torch.square(words(ids)).mean()
        loss.backward()
        optimizer.step()
        return loss.item()

    table, acc = words.weight.detach(), torch.full((1000000, 64), .1)

    def by_hand():  # no row comes twice
        taken = table[ids]
        loss = torch.square(taken).mean()
        g = taken * (2 / taken.numel())
        old = acc[ids].addcmul_(g, g)
        acc[ids] = old
        table.index_add_(0, ids, g.mul_(old.rsqrt_()), alpha=-.1)
        return loss.item()
    return {"Adagrad": library, "by hand": by_hand}


def tree(net, leaves, losses):
    words, W, b, U, c, draw = net
    if leaves == 1:
        h = words[draw(1000)][None]
    else:
        left = 1 + draw(leaves - 1)
        l = tree(net, left, losses)
        r = tree(net, leaves - left, losses)
        h = torch.relu(torch.addmm(b, torch.cat([l, r], 1), W))
    losses.append(F.cross_entropy(torch.addmm(c, h, U), torch.tensor([draw(5)])))
    return h


def run_tree(values, draw):
    net = [tensor(value.copy()).requires_grad_() for value in values]
    losses = []
    optimizer = sgd(net, .01)
    tree([*net, draw], 4 + draw(12), losses)
    loss = torch.stack(losses).sum()
    loss.backward()
    optimizer.step()
    return loss.item()


def trees():
    values = common.tree_values()

    def step():
        draw = common.Random(1)
        return sum(run_tree(values, draw) for _ in range(50))
    return step


scalar, square = common.np.float32(3), floats((10, 10), 1, 0, 1)
Adam, RMSprop, SGD = torch.optim.Adam, torch.optim.RMSprop, torch.optim.SGD
workloads = {
    "const2": const2, "feed2": twice(scalar), "var2": twice(floats((), 1, 0, 1)),
    "feed2_10x10": twice(square),
    "var2_10x10": twice(square), "linreg": linreg, "tanh1000": tanh1000, "add10000": add10000,
    "while10000": while10000, "softreg": classifier((784, 10), sgd, .5),
    "mlp_sgd": classifier((784, 256, 256, 10), sgd, .01),
    "mlp_adam": classifier((784, 256, 256, 10), adam, .001), "lstm": lstm, "cnn": cnn,
    "infer1": infer(1), "infer64": infer(64), "chain": chain, "softmax": softmax,
    "layernorm": layernorm, "reduce": reduce,
    "adam": update(("fused", lambda p: Adam(p, lr=.001, fused=True)),
                   ("eager", lambda p: Adam(p, lr=.001))),
    "rmsprop": update(("foreach", lambda p: RMSprop(p, lr=.001, alpha=.9, momentum=.9,
                                                    foreach=True)),
                      ("eager", lambda p: RMSprop(p, lr=.001, alpha=.9, momentum=.9))),
    "momentum": update(("fused", lambda p: SGD(p, lr=.001, momentum=.9, fused=True)),
                       ("eager", lambda p: SGD(p, lr=.001, momentum=.9))),
    "embedding": embedding, "trees": trees, "lstm_start": lstm_start, "fed64": fed64,
    "fetched64": fetched64}
# Results that live in a tensor are there when the call returns: nothing is read for them.
NUMBERS = ("trees", "lstm_start", "embedding", "lstm", "cnn", "linreg", "softreg", "mlp_sgd",
           "mlp_adam", "fed64")


def afresh(make):
    """A process of many workloads would come to the number of times that a function is compiled,
    after which it runs eagerly; a user's program has one workload."""
    def made():
        if COMPILES:
            torch.compiler.reset()
        return make()
    return made


def without_value(make):
    def made():
        steps = make()
        steps = steps if isinstance(steps, dict) else {"eager": steps}

        def step_of(step):
            def run():
                step()
            return run
        return {name: step_of(step) for name, step in steps.items()}
    return made


if __name__ == "__main__":
    common.serve({name: afresh(make if name in NUMBERS else without_value(make))
                  for name, make in workloads.items()})
