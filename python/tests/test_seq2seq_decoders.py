# SPDX-License-Identifier: Apache-2.0
"""Decoders, attention and beam search of tf.contrib.seq2seq: TensorFlow 1.15's numbers and
variables (golden/seq2seq.txt, which `python test_seq2seq_decoders.py` prints where `tensorflow` is
the real one)."""
import json
import os

import numpy as np

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden", "seq2seq.txt")
ROWS, STEPS, UNITS, WORDS, BEAMS = 3, 4, 5, 6, 3
INPUTS = np.cos(np.arange(60).reshape(3, 4, 5)).astype("f")
MEMORY = np.sin(np.arange(105).reshape(3, 7, 5) * .9).astype("f")
LENGTHS = [4, 2, 3]


class Models:
    """Each method builds what is fetched."""

    def __init__(self, tf):
        self.tf, self.s2s = tf, tf.contrib.seq2seq
        self.memory = tf.constant(MEMORY)

    def cell(self):
        return self.tf.nn.rnn_cell.GRUCell(UNITS)

    def dense(self):
        return self.tf.layers.Dense(WORDS, use_bias=False)

    def words(self):
        return self.tf.get_variable("words", [WORDS, UNITS])

    def truth(self, lengths=LENGTHS):
        return self.s2s.TrainingHelper(self.tf.constant(INPUTS), lengths)

    def decoded(self, cell, helper, state=None, layer=None, **options):
        state = cell.zero_state(ROWS, self.tf.float32) if state is None else state
        return self.s2s.dynamic_decode(self.s2s.BasicDecoder(cell, helper, state, layer),
                                       **options)

    def training(self):
        tf = self.tf
        made = self.decoded(self.cell(), self.truth([4, 2, 0]), layer=tf.layers.Dense(WORDS),
                            impute_finished=True)
        return made, tf.gradients(tf.reduce_sum(made[0].rnn_output ** 2),
                                  tf.trainable_variables())

    def layers_time_major(self):
        cells = self.tf.nn.rnn_cell
        cell = cells.MultiRNNCell([cells.BasicLSTMCell(UNITS), cells.GRUCell(4)])
        return self.decoded(cell, self.truth(), output_time_major=True, maximum_iterations=3)

    def greedy(self):
        helper = self.s2s.GreedyEmbeddingHelper(self.words(), [1, 2, 3], 5)
        return self.decoded(self.cell(), helper, self.tf.ones([ROWS, UNITS]), self.dense(),
                            maximum_iterations=6)

    def attending(self, kind, **options):
        words = self.words()
        mechanism = getattr(self.s2s, kind)(UNITS, self.memory, memory_sequence_length=[7, 3, 5],
                                            **options)
        cell = self.s2s.AttentionWrapper(self.tf.nn.rnn_cell.BasicLSTMCell(UNITS), mechanism,
                                         attention_layer_size=4, alignment_history=True)
        made = self.decoded(cell, self.s2s.GreedyEmbeddingHelper(words, [1, 2, 3], 5),
                            layer=self.dense(), maximum_iterations=5)
        return made[0], made[1]._replace(alignment_history=made[1].alignment_history.stack())

    def luong(self):
        return self.attending("LuongAttention")

    def luong_scaled(self):
        return self.attending("LuongAttention", scale=True)

    def bahdanau(self):
        return self.attending("BahdanauAttention")

    def bahdanau_normalized(self):
        return self.attending("BahdanauAttention", normalize=True)

    def luong_monotonic(self):
        return self.attending("LuongMonotonicAttention")

    def luong_hard(self):
        return self.attending("LuongMonotonicAttention", mode="hard", score_bias_init=.5)

    def bahdanau_recursive(self):
        return self.attending("BahdanauMonotonicAttention", mode="recursive", normalize=True)

    def two_mechanisms(self):
        tf, s2s = self.tf, self.s2s
        both = [s2s.LuongAttention(UNITS, self.memory),
                s2s.BahdanauAttention(4, tf.constant(MEMORY[:, :3]))]
        cell = s2s.AttentionWrapper(self.cell(), both, attention_layer_size=[4, 3],
                                    output_attention=False)
        state = cell.zero_state(ROWS, tf.float32).clone(cell_state=tf.ones([ROWS, UNITS]))
        made = self.decoded(cell, self.truth(), state)
        return made, tf.gradients(tf.reduce_sum(made[0].rnn_output), tf.trainable_variables())

    def without_a_layer(self):
        cell = self.s2s.AttentionWrapper(self.cell(),
                                         self.s2s.LuongAttention(UNITS, self.memory))
        return self.decoded(cell, self.truth())

    def beams(self, cell, state, *weights):
        words = self.words()
        decoder = self.s2s.BeamSearchDecoder(cell, words, self.tf.constant([1, 2, 3]), 5, state,
                                             BEAMS, self.dense(), *weights)
        return self.s2s.dynamic_decode(decoder, maximum_iterations=7)

    def beam_search(self):
        cell = self.tf.nn.rnn_cell.BasicLSTMCell(UNITS)
        return self.beams(cell, cell.zero_state(ROWS * BEAMS, self.tf.float32))

    def beam_search_of_long_ones(self):
        cell = self.tf.nn.rnn_cell.BasicLSTMCell(UNITS)
        return self.beams(cell, cell.zero_state(ROWS * BEAMS, self.tf.float32), .9)

    def attending_beams(self, lengths, *weights):
        tiled = self.s2s.tile_batch(self.memory, BEAMS)
        mechanism = self.s2s.BahdanauAttention(UNITS, tiled, memory_sequence_length=lengths)
        cell = self.s2s.AttentionWrapper(self.cell(), mechanism, attention_layer_size=4)
        first = self.s2s.tile_batch(self.tf.constant(INPUTS[:, 0]), BEAMS)
        state = cell.zero_state(ROWS * BEAMS, self.tf.float32).clone(cell_state=first)
        return self.beams(cell, state, *weights)

    def beam_search_with_attention(self):
        return self.attending_beams(
            self.s2s.tile_batch(self.tf.constant([7, 3, 5]), BEAMS), .6)

    def beam_search_with_coverage(self):
        return self.attending_beams(None, .6, .5)

    def custom(self):
        tf = self.tf
        helper = self.s2s.CustomHelper(
            lambda: (tf.constant([False] * ROWS), tf.constant(INPUTS[:, 0])),
            lambda time, outputs, state: tf.argmax(outputs, -1, output_type=tf.int32),
            lambda time, outputs, state, sample_ids: (tf.tile([time >= 2], [ROWS]), outputs,
                                                      state))
        return self.decoded(self.cell(), helper)

    def inference(self):
        tf = self.tf
        helper = self.s2s.InferenceHelper(
            lambda outputs: outputs, [UNITS], tf.float32, tf.constant(INPUTS[:, 0]),
            lambda ids: tf.reduce_sum(ids, 1) > 100.)
        return self.decoded(self.cell(), helper, maximum_iterations=3)

    def scheduled_never(self):
        helper = self.s2s.ScheduledEmbeddingTrainingHelper(
            self.tf.constant(INPUTS), LENGTHS, self.words(), 0.)
        return self.decoded(self.cell(), helper, layer=self.tf.layers.Dense(WORDS))

    def scheduled_always(self):
        helper = self.s2s.ScheduledOutputTrainingHelper(
            self.tf.constant(INPUTS), LENGTHS, 1., next_inputs_fn=lambda outputs: outputs * 2,
            auxiliary_inputs=self.tf.constant(INPUTS[:, :, :2]))
        return self.decoded(self.cell(), helper)

    def functions(self):
        tf, s2s = self.tf, self.s2s
        few = tf.constant(np.abs(INPUTS[0]))
        return (s2s.hardmax(few), s2s.safe_cumprod(few, axis=1),
                s2s.tile_batch((tf.constant([1, 2]), tf.constant([[1.], [2.]])), 2))

    # refused

    def no_helper(self):
        return self.s2s.BasicDecoder(self.cell(), 3, self.tf.zeros([ROWS, UNITS]))

    def no_decoder(self):
        return self.s2s.dynamic_decode(3)

    def lengths_no_vector(self):
        return self.truth(3)

    def steps_no_number(self):
        return self.decoded(self.cell(), self.truth(), maximum_iterations=[3])

    def sizes_of_two_layers(self):
        return self.s2s.AttentionWrapper(self.cell(), self.s2s.LuongAttention(UNITS, self.memory),
                                         attention_layer_size=[2, 3])

    def other_units(self):
        cell = self.s2s.AttentionWrapper(self.cell(), self.s2s.LuongAttention(4, self.memory))
        return self.decoded(cell, self.truth())

    def another_batch(self):
        few = self.s2s.LuongAttention(UNITS, self.tf.constant(MEMORY[:2]))
        return self.decoded(self.s2s.AttentionWrapper(self.cell(), few), self.truth())


OTHERS = {"cell", "dense", "words", "truth", "decoded", "attending", "beams", "attending_beams"}


def results(tf):
    """[name, numbers or the kind of error, variables] of every model."""
    for name in sorted(n for n in vars(Models) if n[0] != "_" and n not in OTHERS):
        with tf.Graph().as_default(), tf.Session() as session:
            tf.set_random_seed(1)
            try:
                fetched = tf.contrib.framework.nest.flatten(getattr(Models(tf), name)())
            except Exception as error:
                yield [name, type(error).__name__, []]
                continue
            variables = tf.global_variables()
            for v in variables:
                size = v.shape.num_elements()
                start = sum(map(ord, v.op.name)) % 7
                session.run(v.assign(np.reshape(
                    .7 * np.sin(np.arange(size) * 1.7 + start), v.shape.as_list())))
            found = session.run(fetched)
            yield [name, [np.round(np.asarray(f, np.float64), 4).tolist() for f in found],
                   ["%s %s" % (v.name, v.shape) for v in variables]]


def test_decoders_are_as_in_1_15():
    import thalweg as tf
    with open(GOLDEN, encoding="utf-8") as file:
        wanted = [json.loads(line) for line in file if line[0] != "#"]
    got = list(results(tf))
    assert [one[0] for one in got] == [one[0] for one in wanted]
    for (name, numbers, variables), (_, expected, names) in zip(got, wanted):
        assert variables == names, name
        if isinstance(expected, str):
            assert numbers == expected, name
            continue
        assert len(numbers) == len(expected), name
        for a, b in zip(numbers, expected):
            np.testing.assert_allclose(a, b, rtol=1e-3, atol=2e-3, err_msg=name)


def test_rows_are_drawn_and_read_back():
    import thalweg as tf
    s2s = tf.contrib.seq2seq
    with tf.Graph().as_default(), tf.Session() as session:
        words = tf.constant(np.eye(4, dtype="f") * 50)
        helper = s2s.SampleEmbeddingHelper(words, [1, 2], 3, softmax_temperature=.01, seed=1)
        ids = helper.sample(0, words[2:], None)
        assert session.run(ids).tolist() == [2, 3]
        finished, inputs, _ = helper.next_inputs(0, None, None, ids)
        assert session.run(finished).tolist() == [False, True]
        assert session.run(inputs).argmax(1).tolist() == [2, 3]
        steps, parents = [[[1, 2]], [[3, 4]]], [[[0, 0]], [[1, 0]]]
        found = session.run(s2s.gather_tree(steps, parents, [2], 9))
        assert found.tolist() == [[[2, 1]], [[3, 4]]]
        history = session.run(tf.contrib.seq2seq.gather_tree_from_array(
            tf.constant([[[1., 2.]], [[3., 4.]]]), tf.constant(parents), tf.constant([[2, 2]])))
        assert history.tolist() == [[[2, 1]], [[3, 4]]]


if __name__ == "__main__":
    import tensorflow
    print("# Decoders in real TensorFlow %s; made by test_seq2seq_decoders.py"
          % tensorflow.__version__)
    for result in results(tensorflow):
        print(json.dumps(result))
