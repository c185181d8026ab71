# SPDX-License-Identifier: Apache-2.0
"""Seldom cells of tf.contrib.rnn: what they give, and how many variables they have. WANTED is what
`python test_rnn_cells.py` prints where `tensorflow` is 1.15.5."""
import numpy as np

INPUTS = (np.sin(np.arange(2 * 4 * 4) * .9).reshape(2, 4, 4)).astype("f")

WANTED = {
    "sru": [-0.05714, 0.06723, 0.02172, -0.11142, 2],
    "nas": [0.01132, 0.01631, 0.01397, 2],
    "nas projected": [0.00032, 0.00287, 4],
    "intersection": [0.08655, 0.64648, 0.67773, 0.25818, 2],
    "intersection projected": [-0.17512, -0.31448, 0.32979, 4],
    "groups": [-0.08995, -0.00888, -0.06842, -0.03033, 6],
    "groups projected": [0.02062, 0.00644, -0.02228, -0.0007, 7],
    "frequencies": [0.17353, 0.26803, -0.00909, 0.20698, 0.24366, 0.1654, 0.00585, 0.12919,
        0.16317],
    "phases": [0.0, 0.07557, -1e-05],
    "IndRNNCell": [-0.28848, -0.22215, 0.34134, 3],
    "IndyGRUCell": [-0.10048, 0.03397, 0.11609, 6],
    "IndyLSTMCell": [-0.06133, -0.00341, 0.13749, 3],
}


def waves(tf):
    def first(shape, dtype=None, partition_info=None):
        count = int(np.prod(shape))
        return tf.constant((np.sin(np.arange(count) * 1.7 + count) * .4).reshape(shape), tf.float32)
    return first


def cells(tf):
    made, first = tf.contrib.rnn, waves(tf)
    return [
        ("sru", lambda: made.SRUCell(4)),
        ("nas", lambda: made.NASCell(3)),
        ("nas projected", lambda: made.NASCell(3, 2, True)),
        ("intersection", lambda: made.IntersectionRNNCell(4)),
        ("intersection projected", lambda: made.IntersectionRNNCell(3, num_in_proj=3,
                                                                    initializer=first)),
        ("groups", lambda: made.GLSTMCell(4, number_of_groups=2)),
        ("groups projected", lambda: made.GLSTMCell(6, num_proj=4, number_of_groups=2)),
    ]


def numbers(tf):
    found = {}
    for name, make in cells(tf):
        with tf.Graph().as_default(), tf.Session() as session:
            with tf.variable_scope("top", initializer=waves(tf)):
                outputs, _ = tf.nn.dynamic_rnn(make(), tf.constant(INPUTS), dtype=tf.float32)
            session.run(tf.global_variables_initializer())
            found[name] = [round(float(v), 5) for v in session.run(outputs)[1, -1]] + [
                len(tf.trainable_variables())]
    with tf.Graph().as_default(), tf.Session() as session:
        with tf.variable_scope("top", initializer=waves(tf)):
            cell = tf.contrib.rnn.TimeFreqLSTMCell(3, use_peepholes=True, feature_size=2,
                                                   frequency_skip=1, cell_clip=.5)
            output, _ = cell(tf.constant(INPUTS[:, 0]), tf.constant(
                np.cos(np.arange(36.)).reshape(2, 18), tf.float32))
        session.run(tf.global_variables_initializer())
        found["frequencies"] = [round(float(v), 5) for v in session.run(output)[1]]
    with tf.Graph().as_default(), tf.Session() as session:
        with tf.variable_scope("top", initializer=waves(tf)):
            cell = tf.contrib.rnn.PhasedLSTMCell(3, use_peepholes=True)
            pair = tf.constant([[2.6], [6.7]]), tf.constant(INPUTS[:, 0])
            output, _ = cell(pair, cell.zero_state(2, tf.float32))
        session.run(tf.global_variables_initializer())
        session.run([tf.assign(v, [.5, 2.5, 6.5]) for v in tf.trainable_variables()
                     if v.op.name.endswith(("period", "phase"))])
        found["phases"] = [round(float(v), 5) for v in session.run(output)[0]]
    for kind in ("IndRNNCell", "IndyGRUCell", "IndyLSTMCell"):
        with tf.Graph().as_default(), tf.Session() as session:
            with tf.variable_scope("top", initializer=waves(tf)):
                outputs, _ = tf.nn.dynamic_rnn(getattr(tf.contrib.rnn, kind)(3),
                                               tf.constant(INPUTS), dtype=tf.float32)
            session.run(tf.global_variables_initializer())
            session.run([tf.assign(v, v * 0 + .5) for v in tf.trainable_variables()
                         if v.op.name.endswith("kernel_u")])
            found[kind] = [round(float(v), 5) for v in session.run(outputs)[1, -1]] + [
                len(tf.trainable_variables())]
    return found


def test_cells_give_what_they_give_in_1_15():
    import thalweg as tf
    found = numbers(tf)
    assert sorted(found) == sorted(WANTED)
    for name, wanted in WANTED.items():
        np.testing.assert_allclose(found[name], wanted, atol=3e-5, err_msg=name)


if __name__ == "__main__":
    import tensorflow
    print(numbers(tensorflow))
