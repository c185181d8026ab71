# SPDX-License-Identifier: Apache-2.0
"""Optimizers beside TensorFlow's numbers, and subclasses of Optimizer."""
import os
import re

import numpy as np
import pytest

import thalweg as tf

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.join(HERE, "..", "..", "tests", "golden", "train", "optimizers")
DTYPES = {"float": np.float32, "double": np.float64, "half": np.float16}


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default() as made:
        yield made


def array(words):
    """DTYPE [dims] numbers"""
    shape = [int(d) for d in words[1].strip("[]").split(",") if d]
    kind = DTYPES.get(words[0], np.int64)
    return np.array([float(w) for w in words[2:]]).astype(kind).reshape(shape)


def records():
    """The records of all optimizers that the newest version answered with numbers."""
    found = []
    for name in sorted(os.listdir(FOLDER)) if os.path.isdir(FOLDER) else ():
        with open(os.path.join(FOLDER, name), encoding="utf-8") as file:
            for text in re.split(r"\n\n", file.read()):
                lines = [line.split(" ") for line in text.splitlines() if line and line[0] != "#"]
                if lines and lines[0][0] == "train" and "1.15.5" in lines[1] \
                        and any(line[0] == "step" for line in lines):
                    found.append(pytest.param(lines, id=lines[0][1]))
    return found


def steps(lines):
    """[(gradient, indices or None, {variable: value})]"""
    made = []
    for words in lines:
        if words[0] == "step":
            made.append([None, None, {}])
        elif words[0] == "grad":
            made[-1][0] = array(words[words.index(next(w for w in words if w in DTYPES)):])
        elif words[0] == "indices":
            made[-1][1] = np.array([float(w) for w in words if re.match(r"-?\d+$", w)]).astype(int)
        elif words[0] == "value":
            made[-1][2][words[1]] = array(words[2:])
    return made


@pytest.mark.parametrize("lines", records())
def test_ten_steps_are_tensorflows(lines):
    code = re.match(r'"(.*)"', " ".join(lines[2][1:])).group(1)
    first = array(next(line for line in lines if line[0] == "var")[2:])
    v = tf.Variable(first, name="v")
    step = tf.Variable(0, dtype=tf.int64, name="step", trainable=False)
    optimizer = eval(code, {"tf": tf, "step": step})
    grad = tf.placeholder(first.dtype, name="grad")
    indices = tf.placeholder(tf.int64, [None], name="indices")
    sparse = steps(lines)[0][1] is not None
    pair = tf.IndexedSlices(grad, indices, tf.constant(first.shape)) if sparse else \
        tf.reshape(grad, first.shape)
    train = optimizer.apply_gradients([(pair, v)], global_step=step)
    close = {np.float16: 2e-3, np.float32: 2e-5, np.float64: 1e-9}[first.dtype.type]
    with tf.Session() as s:
        s.run(tf.global_variables_initializer())
        for value, rows, wanted in steps(lines):
            s.run(train, {grad: value, indices: [] if rows is None else rows})
            for name, number in wanted.items():
                got = s.run(name + ":0")
                np.testing.assert_allclose(got, number, rtol=close, atol=close / 10, err_msg=name)


def test_the_golden_data_are_there():
    if not os.path.isdir(FOLDER):
        pytest.skip("no golden data in this checkout")
    assert len(records()) > 40


# ---- subclasses ----

class Signs(tf.train.Optimizer):
    """Steps of one size by the sign of a running sum."""

    def __init__(self, size, name="Signs"):
        tf.train.Optimizer.__init__(self, False, name)
        self._size, self.seen = size, []

    def _create_slots(self, var_list):
        for var in var_list:
            self._zeros_slot(var, "sum", self._name)
            self._get_or_make_slot(var, tf.ones_like(var.initialized_value()), "ones", "One")

    def _prepare(self):
        self._size_t = tf.convert_to_tensor(self._size, name="size")

    def _apply_dense(self, grad, var):
        self.seen.append(("dense", var))
        total = self.get_slot(var, "sum").assign_add(grad)
        return var.assign_sub(self._size_t * tf.sign(total))

    def _apply_sparse(self, grad, var):
        self.seen.append(("sparse", var))
        return var.scatter_sub(tf.IndexedSlices(self._size_t * tf.sign(grad.values),
                                                grad.indices))

    def _finish(self, update_ops, name_scope):
        with tf.control_dependencies(update_ops):
            return tf.no_op(name=name_scope)


def test_a_subclass_says_what_an_update_is():
    v, w = tf.Variable([2.0, -3.0], name="v"), tf.Variable([[1.0], [1.0]], name="w")
    optimizer = Signs(0.5)
    count = tf.train.create_global_step()
    loss = tf.reduce_sum(v * v) + tf.reduce_sum(tf.gather(w, [1, 1]))
    train = optimizer.minimize(loss, global_step=count)
    assert train.name == "Signs" and optimizer.seen == [("dense", v), ("sparse", w)]
    assert optimizer.get_slot_names() == ["ones", "sum"]
    assert optimizer.get_slot(v, "sum").name == "v/Signs:0"
    assert optimizer.get_slot(v, "other") is None and optimizer.get_name() == "Signs"
    assert [x.name for x in optimizer.variables()] == ["v/One:0", "v/Signs:0", "w/One:0",
                                                       "w/Signs:0"]
    with tf.Session() as s:
        s.run(tf.global_variables_initializer())
        s.run(train)
        assert s.run(v).tolist() == [1.5, -2.5] and s.run(w).tolist() == [[1], [.5]]
        assert tf.train.global_step(s, count) == 1
    assert tf.get_collection(tf.GraphKeys.TRAIN_OP) == [train]


def test_gradients_may_be_changed_between():
    v = tf.Variable([3.0, 4.0])
    optimizer = tf.train.GradientDescentOptimizer(1.0)
    pairs = optimizer.compute_gradients(tf.reduce_sum(v * v), gate_gradients=optimizer.GATE_GRAPH)
    (grad,), _ = tf.clip_by_global_norm([pairs[0][0]], 1.0)
    train = optimizer.apply_gradients([(grad, v)])
    with tf.Session() as s:
        s.run(tf.global_variables_initializer())
        s.run(train)
        assert s.run(v) == pytest.approx([2.4, 3.2])


def test_a_constraint_follows_the_update():
    v = tf.Variable([1.0, 1.0], constraint=lambda x: tf.maximum(x, 0.5))
    train = tf.train.GradientDescentOptimizer(1.0).minimize(tf.reduce_sum(v))
    with tf.Session() as s:
        s.run(tf.global_variables_initializer())
        s.run(train)
        assert s.run(v).tolist() == [.5, .5]


@pytest.mark.parametrize("act, error, text", [
    (lambda o, v: o.minimize(tf.constant(1.0)), ValueError, "No gradients provided for any"),
    (lambda o, v: o.minimize(v, var_list=[]), ValueError, "No variables to optimize"),
    (lambda o, v: o.minimize(v, var_list=[tf.ones([])]), NotImplementedError, "update a Tensor"),
    (lambda o, v: o.minimize(v, var_list=[3]), TypeError, "not a tf.Variable: 3"),
    (lambda o, v: o.minimize(tf.constant(1)), ValueError, "Invalid type tf.int32 for Const"),
    (lambda o, v: o.minimize(v, gate_gradients=7), ValueError, "must be one of"),
    (lambda o, v: o.apply_gradients([]), ValueError, "No variables provided"),
    (lambda o, v: o.apply_gradients([(None, v)]), ValueError, "No gradients provided"),
    (lambda o, v: o.apply_gradients([(object(), v)]), TypeError, "must be convertible"),
    (lambda o, v: tf.train.Optimizer(False, ""), ValueError, "specify the optimizer name"),
    (lambda o, v: tf.train.AdagradOptimizer(1.0, -1.0), ValueError, "must be positive"),
    (lambda o, v: tf.train.FtrlOptimizer(1.0, learning_rate_power=1.0), ValueError, "negative"),
    (lambda o, v: tf.train.Optimizer(False, "x").minimize(v), NotImplementedError, "^$"),
])
def test_mistakes_are_named(act, error, text):
    v = tf.Variable(1.0)
    with pytest.raises(error, match=text):
        act(tf.train.GradientDescentOptimizer(0.1), v)


def test_settings_may_be_tensors_or_functions():
    v, rate = tf.Variable(1.0), tf.placeholder(tf.float32, [])
    train = tf.train.MomentumOptimizer(rate, lambda: 0.5, use_nesterov=True).minimize(v)
    with tf.Session() as s:
        s.run(tf.global_variables_initializer())
        s.run(train, {rate: 0.2})
        assert s.run(v) == pytest.approx(1 - 0.2 * 1.5)


def test_a_model_in_parts_is_trained():
    with tf.variable_scope("m", partitioner=tf.fixed_size_partitioner(2)):
        w = tf.get_variable("w", [4, 1], initializer=tf.ones_initializer())
    train = tf.train.AdamOptimizer(0.1).minimize(tf.reduce_sum(tf.matmul([[1., 2., 3., 4.]], w)))
    with tf.Session() as s:
        s.run(tf.global_variables_initializer())
        s.run(train)
        assert s.run(tf.convert_to_tensor(w)).ravel() == pytest.approx([.9] * 4, abs=1e-5)
    names = [v.name for v in tf.global_variables()]
    assert "m/w/part_0/Adam:0" in names and "m/w/part_1/Adam_1:0" in names


def names_of(minimize):
    with tf.Graph().as_default() as graph:
        v = tf.Variable(1.0, name="v")
        minimize(v)
        return [op.name for op in graph.get_operations()]


def test_nodes_have_tensorflows_names():
    """As golden/python.txt has them (17, 19), without the nodes that tie derivatives together."""
    before = ["v/initial_value", "v", "v/Assign", "v/read", "mul"]
    between = ["gradients/Shape", "gradients/grad_ys_0", "gradients/Fill",
               "gradients/mul_grad/Mul", "gradients/mul_grad/Mul_1", "gradients/AddN"]
    assert names_of(lambda v: tf.train.GradientDescentOptimizer(.1).minimize(v * v)) == before + \
        between + ["GradientDescent/learning_rate",
                   "GradientDescent/update_v/ApplyGradientDescent", "GradientDescent"]
    step = ["global_step/initial_value", "global_step", "global_step/Assign", "global_step/read"]
    assert names_of(lambda v: tf.train.MomentumOptimizer(.1, .9).minimize(
        v * v, global_step=tf.Variable(0, name="global_step", trainable=False))) == \
        before + step + between + [
            "v/Momentum/Initializer/zeros", "v/Momentum", "v/Momentum/Assign", "v/Momentum/read",
            "Momentum/learning_rate", "Momentum/momentum", "Momentum/update_v/ApplyMomentum",
            "Momentum/update", "Momentum/value", "Momentum"]
    adam = names_of(lambda v: tf.train.AdamOptimizer().minimize(v * v))[len(before + between):]
    assert adam == [
        "beta1_power/initial_value", "beta1_power", "beta1_power/Assign", "beta1_power/read",
        "beta2_power/initial_value", "beta2_power", "beta2_power/Assign", "beta2_power/read",
        "v/Adam/Initializer/zeros", "v/Adam", "v/Adam/Assign", "v/Adam/read",
        "v/Adam_1/Initializer/zeros", "v/Adam_1", "v/Adam_1/Assign", "v/Adam_1/read",
        "Adam/learning_rate", "Adam/beta1", "Adam/beta2", "Adam/epsilon",
        "Adam/update_v/ApplyAdam", "Adam/mul", "Adam/Assign", "Adam/mul_1", "Adam/Assign_1", "Adam"]


GRAPH = os.path.join(FOLDER, "..", "..", "files", "tf-1.15.5", "graphs", "adam.pb")


def shown(node):
    """A node without the order of its control inputs and without its derivatives' names."""
    inputs = [i for i in node.input if not i.startswith("^") and not i.startswith("gradients/")]
    controls = sorted(i for i in node.input if i.startswith("^"))
    attrs = {k: v.SerializeToString() for k, v in node.attr.items()}
    return node.op, inputs, controls, node.device, attrs


@pytest.mark.skipif(not os.path.exists(GRAPH), reason="no golden data in this checkout")
def test_the_graph_of_adam_is_tensorflows(graph):
    with open(GRAPH, "rb") as file:
        wanted = {n.name: n for n in tf.GraphDef.FromString(file.read()).node}
    x, y = (tf.placeholder(tf.float32, (4, 1), name=name) for name in "Xy")
    with tf.variable_scope("linear-regression"):
        w = tf.get_variable("weights", (1, 1), initializer=tf.constant_initializer(0.5))
        b = tf.get_variable("bias", (1,), initializer=tf.constant_initializer(0.0))
        predicted = tf.matmul(x, w) + b
        loss = tf.reduce_sum((y - predicted) ** 2 / 4, name="loss")
    tf.train.AdamOptimizer(0.1).minimize(loss, name="train")
    tf.group(tf.global_variables_initializer(), name="start")
    got = {n.name: n for n in graph.as_graph_def().node}
    forward = [name for name in wanted if not name.startswith("gradients/")]
    assert sorted(forward) == sorted(n for n in got if not n.startswith("gradients/"))
    for name in forward:
        assert shown(got[name]) == shown(wanted[name]), name
