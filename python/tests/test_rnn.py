# SPDX-License-Identifier: Apache-2.0
"""Recurrent networks: cells beside NumPy, loops beside unrolled networks, names of TensorFlow, and
what older levels mean."""
import os
import subprocess
import sys

import numpy as np
import pytest

import thalweg as tf

CELLS = tf.nn.rnn_cell
PACKAGE = os.path.dirname(os.path.dirname(tf.__file__))


@pytest.fixture(autouse=True)
def session():
    with tf.Graph().as_default(), tf.Session().as_default() as opened:
        yield opened


X = np.random.RandomState(0).randn(3, 6, 4).astype(np.float32)  # (batch, time, inputs)
STEPS = [X[:, t] for t in range(6)]
LENGTHS = [2, 6, 4]


def run(fetches):
    s = tf.get_default_session()
    s.run(tf.global_variables_initializer())
    return s.run(fetches)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def named():
    return {v.op.name: v for v in tf.global_variables()}


# ---- cells ----

def test_an_lstm_is_its_formula():
    cell = CELLS.BasicLSTMCell(5)
    state = CELLS.LSTMStateTuple(*np.random.RandomState(1).randn(2, 3, 5).astype(np.float32))
    output, (c, h) = cell(tf.constant(STEPS[0]), CELLS.LSTMStateTuple(*map(tf.constant, state)))
    assert sorted(named()) == ["basic_lstm_cell/bias", "basic_lstm_cell/kernel"]
    output, c, h, kernel = run([output, c, h, named()["basic_lstm_cell/kernel"]])
    i, j, f, o = np.split(np.concatenate([STEPS[0], state.h], 1) @ kernel, 4, 1)
    wanted = state.c * sigmoid(f + 1) + sigmoid(i) * np.tanh(j)
    assert np.allclose(c, wanted, atol=1e-5)
    assert np.allclose(h, np.tanh(wanted) * sigmoid(o), atol=1e-5) and np.array_equal(output, h)


def test_peepholes_bounds_and_a_projection():
    cell = CELLS.LSTMCell(5, use_peepholes=True, num_proj=2, cell_clip=.1, proj_clip=.01,
                          initializer=tf.random_normal_initializer(stddev=3.))
    assert cell.state_size == (5, 2) and cell.output_size == 2
    output, state = cell(tf.constant(STEPS[0]), cell.zero_state(3, tf.float32))
    assert sorted(named()) == [
        "lstm_cell/bias", "lstm_cell/kernel", "lstm_cell/projection/kernel",
        "lstm_cell/w_f_diag", "lstm_cell/w_i_diag", "lstm_cell/w_o_diag"]
    output, state = run([output, state])
    assert output.shape == (3, 2) and np.abs(output).max() <= .01
    assert np.isclose(np.abs(state.c).max(), .1) and np.array_equal(output, state.h)


def test_a_gru_is_its_formula():
    cell = CELLS.GRUCell(5)
    h = np.random.RandomState(1).randn(3, 5).astype(np.float32)
    output, _ = cell(tf.constant(STEPS[0]), tf.constant(h))
    values = dict(zip(named(), run([output] + list(named().values()))[1:]))
    gates = sigmoid(np.concatenate([STEPS[0], h], 1) @ values["gru_cell/gates/kernel"] + 1)
    r, u = np.split(gates, 2, 1)
    candidate = np.tanh(np.concatenate([STEPS[0], r * h], 1) @ values["gru_cell/candidate/kernel"])
    output = tf.get_default_session().run(output)
    assert np.allclose(output, u * h + (1 - u) * candidate, atol=1e-5)


def test_cells_on_top_of_each_other():
    cell = CELLS.MultiRNNCell([CELLS.BasicRNNCell(5), CELLS.BasicLSTMCell(2)])
    assert cell.state_size == (5, (2, 2)) and cell.output_size == 2
    outputs, state = tf.nn.static_rnn(cell, [tf.constant(x) for x in STEPS], dtype=tf.float32)
    assert [v.op.name for v in tf.trainable_variables()] == [
        "rnn/multi_rnn_cell/cell_0/basic_rnn_cell/kernel",
        "rnn/multi_rnn_cell/cell_0/basic_rnn_cell/bias",
        "rnn/multi_rnn_cell/cell_1/basic_lstm_cell/kernel",
        "rnn/multi_rnn_cell/cell_1/basic_lstm_cell/bias"]
    assert outputs[0].op.name == "rnn/rnn/multi_rnn_cell/cell_1/basic_lstm_cell/Mul_2"
    outputs, state = run([outputs, state])
    assert np.array_equal(outputs[-1], state[1].h) and state[0].shape == (3, 5)
    with pytest.raises(ValueError, match="at least one cell"):
        CELLS.MultiRNNCell([])
    with pytest.raises(ValueError, match="state_is_tuple is not set"):
        CELLS.MultiRNNCell([CELLS.BasicLSTMCell(2)], state_is_tuple=False)


def test_dropout_keeps_what_an_lstm_remembers():
    x, inner = tf.constant(STEPS[0]), CELLS.BasicLSTMCell(50)
    cell = CELLS.DropoutWrapper(inner, state_keep_prob=.5, output_keep_prob=.5, seed=1)
    output, state = cell(x, cell.zero_state(3, tf.float32))
    plain, (plain_c, _) = inner(x, inner.zero_state(3, tf.float32))
    output, state, plain, plain_c = run([output, state, plain, plain_c])
    assert np.array_equal(state.c, plain_c)
    for dropped in (output, state.h):
        kept = dropped != 0
        assert 40 < kept.sum() < 110 and np.allclose(dropped[kept], 2 * plain[kept], atol=1e-5)
    with pytest.raises(ValueError, match="between 0 and 1"):
        CELLS.DropoutWrapper(inner, input_keep_prob=2.)


def test_one_noise_for_all_steps():
    cell = CELLS.DropoutWrapper(CELLS.BasicRNNCell(40, activation=lambda x: x * 0 + 1.),
                                output_keep_prob=.5, variational_recurrent=True, dtype=tf.float32)
    outputs, _ = tf.nn.static_rnn(cell, [tf.constant(x) for x in STEPS], dtype=tf.float32)
    outputs = run(outputs)
    assert set(np.unique(outputs[0])) == {0., 2.}
    assert all(np.array_equal(outputs[0], one) for one in outputs[1:])


def test_wrappers():
    x = tf.constant(STEPS[0])
    cell = CELLS.ResidualWrapper(CELLS.BasicRNNCell(4))
    output, state = cell(x, cell.zero_state(3, tf.float32))
    output, state = run([output, state])
    assert np.allclose(output, STEPS[0] + state, atol=1e-6)
    contrib = tf.contrib.rnn
    cell = contrib.OutputProjectionWrapper(contrib.EmbeddingWrapper(CELLS.GRUCell(4), 7, 5), 2)
    output, _ = cell(tf.constant([1, 2, 3]), cell.zero_state(3, tf.float32))
    assert output.shape.as_list() == [3, 2] and run(output).shape == (3, 2)
    cell = contrib.LayerNormBasicLSTMCell(6)
    output, state = cell(x, cell.zero_state(3, tf.float32))
    assert np.allclose(run(state.c).mean(1), 0, atol=1e-5)


def test_a_cell_of_a_program():
    class Counter(CELLS.RNNCell):
        state_size = output_size = 1

        def call(self, inputs, state):
            step = tf.get_variable("step", [], initializer=tf.constant_initializer(2.))
            return state + step, state + step

    cell = Counter()
    outputs, _ = tf.nn.dynamic_rnn(cell, tf.constant(X), dtype=tf.float32)
    assert [v.op.name for v in cell.trainable_variables] == ["rnn/counter/step"]
    assert run(outputs)[0, :, 0].tolist() == [2., 4., 6., 8., 10., 12.]
    with pytest.raises(TypeError, match="is not an RNNCell"):
        tf.nn.dynamic_rnn(object(), tf.constant(X), dtype=tf.float32)


# ---- networks ----

@pytest.mark.parametrize("lengths", [None, LENGTHS])
@pytest.mark.parametrize("make", [lambda: CELLS.GRUCell(5), lambda: CELLS.LSTMCell(5, num_proj=2),
                                  lambda: CELLS.MultiRNNCell([CELLS.BasicRNNCell(2)] * 1)])
def test_a_loop_is_an_unrolled_network(make, lengths):
    x = tf.constant(X)
    steps = tf.unstack(x, axis=1)
    with tf.variable_scope("net", initializer=tf.random_normal_initializer(seed=1)):
        looped, last = tf.nn.dynamic_rnn(make(), x, lengths, dtype=tf.float32)
        made = tf.trainable_variables()
    with tf.variable_scope("net", reuse=True):
        unrolled, last_too = tf.nn.static_rnn(make(), steps, dtype=tf.float32,
                                              sequence_length=lengths)
    assert tf.trainable_variables() == made
    unrolled = tf.stack(unrolled, 1)
    one = tf.gradients(tf.reduce_sum(looped ** 2), [x] + made)
    two = tf.gradients(tf.reduce_sum(unrolled ** 2), [x] + made)
    one, two, a, b, c, d = run([one, two, looped, unrolled, last, last_too])
    assert np.allclose(a, b, atol=1e-5)
    for left, right in zip(one, two):
        assert np.allclose(left, right, rtol=1e-3, atol=1e-3)
    for left, right in zip(c, d):
        assert np.allclose(left, right, atol=1e-5)
    if lengths:
        assert not a[0, 2:].any() and a[0, 1].any() and a[1, 5].any()


def test_both_directions():
    cells = [CELLS.GRUCell(2) for _ in range(4)]
    x = tf.constant(X)
    (forth, back), states = tf.nn.bidirectional_dynamic_rnn(
        cells[0], cells[1], x, sequence_length=LENGTHS, dtype=tf.float32)
    assert [n for n in named() if n.endswith("gates/kernel")] == [
        "bidirectional_rnn/fw/gru_cell/gates/kernel", "bidirectional_rnn/bw/gru_cell/gates/kernel"]
    with tf.variable_scope("", reuse=True):
        outputs, first, second = tf.nn.static_bidirectional_rnn(
            cells[2], cells[3], tf.unstack(x, axis=1), dtype=tf.float32, sequence_length=LENGTHS)
    forth, back, states, outputs, first, second = run(
        [forth, back, states, outputs, first, second])
    assert np.allclose(np.concatenate([forth, back], 2), np.stack(outputs, 1), atol=1e-5)
    assert np.allclose(states[0], first, atol=1e-5) and np.allclose(states[1], second, atol=1e-5)
    assert np.allclose(back[0, 0], states[1][0], atol=1e-6)  # where that direction ends


def test_raw_rnn_is_steered_by_a_function():
    cell = CELLS.BasicRNNCell(4)
    x = tf.TensorArray(tf.float32, 6).unstack(tf.constant(X.transpose(1, 0, 2)))

    def loop(time, output, state, count):
        first = output is None
        finished = time >= tf.constant(LENGTHS)
        following = tf.cond(tf.reduce_all(finished), lambda: tf.zeros([3, 4]),
                            lambda: x.read(time))
        return (finished, following, cell.zero_state(3, tf.float32) if first else state, output,
                tf.constant(0) if first else count + 1)

    arrays, state, count = tf.nn.raw_rnn(cell, loop)
    outputs = tf.transpose(arrays.stack(), [1, 0, 2])
    with tf.variable_scope("", reuse=True):
        wanted, last = tf.nn.dynamic_rnn(cell, tf.constant(X), LENGTHS, dtype=tf.float32)
    outputs, state, count, wanted, last = run([outputs, state, count, wanted, last])
    assert np.allclose(outputs, wanted, atol=1e-5) and np.allclose(state, last, atol=1e-5)
    assert count == 6


def test_a_run_refuses_lengths_of_another_batch(session):
    lengths = tf.placeholder(tf.int32, [None])
    outputs, _ = tf.nn.dynamic_rnn(CELLS.GRUCell(2), tf.constant(X), lengths, dtype=tf.float32)
    session.run(tf.global_variables_initializer())
    with pytest.raises(tf.errors.InvalidArgumentError, match="Expected shape|must be equal"):
        session.run(outputs, {lengths: [1, 2]})


def test_what_is_refused():
    cell = CELLS.GRUCell(2)
    with pytest.raises(ValueError, match="dtype"):
        tf.nn.static_rnn(cell, [tf.constant(STEPS[0])])
    with pytest.raises(ValueError, match="must not be empty"):
        tf.nn.static_rnn(cell, [], dtype=tf.float32)
    with pytest.raises(TypeError, match="must be a sequence"):
        tf.nn.static_rnn(cell, tf.constant(STEPS[0]), dtype=tf.float32)
    with pytest.raises(ValueError, match="sequence_length must be a vector"):
        tf.nn.dynamic_rnn(cell, tf.constant(X), 3, dtype=tf.float32)
    with pytest.raises(ValueError, match="must be accessible via shape inference"):
        tf.nn.dynamic_rnn(cell, tf.placeholder(tf.float32), dtype=tf.float32)


def test_a_saved_state(session):
    state = tf.Variable(tf.zeros([3, 2]), trainable=False)

    class Saver:
        def state(self, name):
            return state.value()

        def save_state(self, name, value):
            return state.assign(value)

    outputs, last = tf.nn.static_state_saving_rnn(
        CELLS.GRUCell(2), [tf.constant(STEPS[0])], Saver(), "state")
    session.run(tf.global_variables_initializer())
    first = session.run(outputs[-1])
    assert np.array_equal(session.run(state), first)
    assert not np.array_equal(session.run(outputs[-1]), first)


# ---- levels ----

OLD = """
import sys
import thalweg.compat
thalweg.compat.install(api=sys.argv[1])
import tensorflow as tf
cells = tf.nn.rnn_cell if sys.argv[1] < "1" else tf.contrib.rnn
unroll = tf.nn.rnn if sys.argv[1] < "1" else tf.contrib.rnn.static_rnn
layers = cells.MultiRNNCell([cells.BasicLSTMCell(4), cells.GRUCell(4)], **(
    {} if sys.argv[1] == "0.7" else {"state_is_tuple": False}
    if sys.argv[1] == "0.10" else {"state_is_tuple": True}))
x = [tf.placeholder(tf.float32, [2, 4])] * 2
outputs, state = unroll(layers, x, dtype=tf.float32)
print(layers.state_size)
for v in tf.trainable_variables():
    print(v.op.name)
print(outputs[1].op.name)
"""

LEVELS = {
    "0.7": ("12", "RNN/MultiRNNCell/Cell0/BasicLSTMCell/Linear/Matrix",
            "RNN/MultiRNNCell/Cell1/GRUCell/Gates/Linear/Bias", "RNN/MultiRNNCell_1/Cell1/GRUCell"),
    "0.10": ("12", "RNN/MultiRNNCell/Cell0/BasicLSTMCell/Linear/Matrix",
             "RNN/MultiRNNCell/Cell1/GRUCell/Gates/Linear/Bias",
             "RNN/MultiRNNCell_1/Cell1/GRUCell"),
    "0.12": ("(LSTMStateTuple(c=4, h=4), 4)", "RNN/MultiRNNCell/Cell0/BasicLSTMCell/Linear/Matrix",
             "RNN/MultiRNNCell/Cell1/GRUCell/Gates/Linear/Bias",
             "RNN/MultiRNNCell_1/Cell1/GRUCell"),
    "1.0": ("(LSTMStateTuple(c=4, h=4), 4)", "rnn/multi_rnn_cell/cell_0/basic_lstm_cell/weights",
            "rnn/multi_rnn_cell/cell_1/gru_cell/gates/biases",
            "rnn/multi_rnn_cell_1/cell_1/gru_cell"),
    "1.2": ("(LSTMStateTuple(c=4, h=4), 4)", "rnn/multi_rnn_cell/cell_0/basic_lstm_cell/kernel",
            "rnn/multi_rnn_cell/cell_1/gru_cell/gates/bias",
            "rnn/rnn/multi_rnn_cell/cell_1/gru_cell"),
}


@pytest.mark.parametrize("level", sorted(LEVELS))
def test_older_levels_have_their_names(level):
    done = subprocess.run([sys.executable, "-c", OLD, level], capture_output=True, text=True,
                          env=dict(os.environ, PYTHONPATH=PACKAGE))
    assert done.returncode == 0, done.stderr[-2000:]
    lines = done.stdout.splitlines()
    size, matrix, bias, node = LEVELS[level]
    assert lines[0] == size and lines[1] == matrix and bias in lines
    assert lines[-1].startswith(node + "/")
