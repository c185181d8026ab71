# SPDX-License-Identifier: Apache-2.0
"""Cells and sequences that are one operation against the plain ones, values and derivatives; and
other cells of tf.contrib.rnn with numbers of TensorFlow 1.15."""
import numpy as np
import pytest

import thalweg as tf
from thalweg.util import nest

rnn = tf.contrib.rnn
STEPS = np.random.RandomState(0).randn(4, 2, 3).astype("f")


def outcome(build, order=None):
    """The results and the derivatives by the weights, which are cosines; `order` puts the gates of
    a kernel's and a bias' columns into another order."""
    with tf.Graph().as_default(), tf.Session() as session:
        results = nest.flatten(build())
        loss = tf.add_n([tf.reduce_sum(t * t) for t in results])
        variables = tf.trainable_variables()
        slopes = tf.gradients(loss, variables)
        session.run(tf.global_variables_initializer())
        for v in variables:
            shape = v.shape.as_list()
            value = np.cos(np.arange(np.prod(shape))).reshape(shape) * .4
            v.load(regated(value, order).astype("f"), session)
        found = [regated(slope, order) for slope in session.run(slopes)]
        return session.run(results), found


def regated(value, order):
    if order is None or value.shape[-1] != 20:
        return value
    return np.concatenate([value[..., 5 * k:5 * k + 5] for k in order], -1)


def check_same(one, other, order=None):
    for a, b in zip(outcome(one), outcome(other, order)):
        assert len(a) == len(b)
        for x, y in zip(a, b):
            assert np.allclose(x, y, rtol=2e-4, atol=2e-5)


def plain(cell, **how):
    return tf.nn.dynamic_rnn(cell, tf.constant(STEPS), dtype=tf.float32, time_major=True, **how)


def test_one_operation_a_step_is_the_plain_cell():
    check_same(lambda: plain(rnn.LSTMBlockCell(5)), lambda: plain(rnn.BasicLSTMCell(5)))
    check_same(lambda: plain(rnn.GRUBlockCellV2(5)), lambda: plain(rnn.GRUCell(5)))


@pytest.mark.parametrize("lengths", [None, [4, 2], [0, 3]])
def test_one_operation_for_all_steps_is_the_plain_cell(lengths):
    def fused():
        outputs, (c, h) = rnn.LSTMBlockFusedCell(5)(
            tf.constant(STEPS), dtype=tf.float32, sequence_length=lengths)
        return outputs, c, h

    check_same(fused, lambda: plain(rnn.BasicLSTMCell(5), sequence_length=lengths))


def test_peepholes_and_bounds():
    def cell():
        return plain(rnn.LSTMBlockCell(5, .5, .2, use_peephole=True))

    def fused():
        return rnn.LSTMBlockFusedCell(5, .5, .2, use_peephole=True)(tf.constant(STEPS),
                                                                  dtype=tf.float32)
    check_same(cell, fused)


def test_sequences_backwards_and_adapted_cells():
    def backwards():
        outputs, state = rnn.TimeReversedFusedRNN(rnn.LSTMBlockFusedCell(5))(
            tf.constant(STEPS), dtype=tf.float32)
        return outputs[::-1], state

    def turned():
        outputs, state = rnn.LSTMBlockFusedCell(5)(tf.constant(STEPS[::-1].copy()),
                                                  dtype=tf.float32)
        return outputs, state

    check_same(backwards, turned)
    for dynamic in (False, True):
        check_same(lambda: rnn.FusedRNNCellAdaptor(rnn.GRUCell(5), use_dynamic_rnn=dynamic)(
            tf.constant(STEPS), dtype=tf.float32), lambda: plain(rnn.GRUCell(5)))


def test_states_of_a_fused_cell_are_known():
    with pytest.raises(ValueError, match="Either initial_state or dtype"):
        rnn.LSTMBlockFusedCell(5)(tf.constant(STEPS))
    with pytest.raises(ValueError, match="num_units or cell_size"):
        rnn.GRUBlockCell()


@pytest.mark.parametrize("build, first, names", [
    (lambda: rnn.AttentionCellWrapper(rnn.GRUCell(5), 3),
     [1.1125, 1.4473, 0.4515, -0.9595, -1.4883], [
        "rnn/attention_cell_wrapper/kernel", "rnn/attention_cell_wrapper/bias",
        "rnn/attention_cell_wrapper/gru_cell/gates/kernel",
        "rnn/attention_cell_wrapper/gru_cell/gates/bias",
        "rnn/attention_cell_wrapper/gru_cell/candidate/kernel",
        "rnn/attention_cell_wrapper/gru_cell/candidate/bias",
        "rnn/attention_cell_wrapper/attention/attn_w",
        "rnn/attention_cell_wrapper/attention/attn_v",
        "rnn/attention_cell_wrapper/attention/kernel",
        "rnn/attention_cell_wrapper/attention/bias",
        "rnn/attention_cell_wrapper/attn_output_projection/kernel",
        "rnn/attention_cell_wrapper/attn_output_projection/bias"]),
    (lambda: rnn.HighwayWrapper(rnn.GRUCell(3)), [0.346, 0.3787, -0.4076], [
        "rnn/gru_cell/gates/kernel", "rnn/gru_cell/gates/bias",
        "rnn/gru_cell/candidate/kernel", "rnn/gru_cell/candidate/bias", "rnn/carry_w",
        "rnn/carry_b"]),
    (lambda: rnn.UGRNNCell(3), [-0.2717, -0.2673, 0.2164], [
        "rnn/ugrnn_cell/kernel", "rnn/ugrnn_cell/bias"]),
    (lambda: rnn.CoupledInputForgetGateLSTMCell(4, use_peepholes=True),
     [0.3289, 0.1561, -0.0094, -0.1315], [
        "rnn/coupled_input_forget_gate_lstm_cell/W_0",
        "rnn/coupled_input_forget_gate_lstm_cell/B",
        "rnn/coupled_input_forget_gate_lstm_cell/W_F_diag",
        "rnn/coupled_input_forget_gate_lstm_cell/W_O_diag"]),
])
def test_cells_give_tensorflows_numbers(build, first, names):
    def steps():
        return plain(build())
    with tf.Graph().as_default():
        steps()
        assert [v.op.name for v in tf.trainable_variables()] == names
    results, _ = outcome(steps)
    assert np.allclose(results[0][-1, 1], first, atol=2e-4)


def test_convolutions_as_a_cell():
    images = tf.constant(np.random.RandomState(1).randn(2, 3, 5, 4, 2).astype("f"))
    cell = rnn.ConvLSTMCell(2, [5, 4, 2], 3, [3, 3], skip_connection=True)
    outputs, state = tf.nn.dynamic_rnn(cell, images, dtype=tf.float32)
    assert outputs.shape.as_list() == [2, 3, 5, 4, 5] and state.c.shape.as_list() == [2, 5, 4, 3]
    assert [v.op.name for v in tf.trainable_variables()][-2:] == [
        "rnn/conv_lstm_cell/kernel", "rnn/conv_lstm_cell/biases"]
    with pytest.raises(ValueError, match="Invalid input_shape"):
        rnn.ConvLSTMCell(2, [5, 2], 3, [3, 3])
