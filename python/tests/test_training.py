# SPDX-License-Identifier: Apache-2.0
"""Decays, averages, step counters, coordinated threads."""
import threading
import time

import pytest

import thalweg as tf
from thalweg.training import moving_averages


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default() as made:
        yield made


@pytest.fixture
def session(graph):
    with tf.Session() as made:
        yield made


@pytest.mark.parametrize("decay, values", [
    (lambda s: tf.train.exponential_decay(0.1, s, 10, 0.5), [.1, .0870551, .025, .00625]),
    (lambda s: tf.train.exponential_decay(0.1, s, 10, 0.5, True), [.1, .1, .025, .00625]),
    (lambda s: tf.train.natural_exp_decay(0.1, s, 10, 0.5), [.1, .0904837, .0367879, .0135335]),
    (lambda s: tf.train.inverse_time_decay(0.1, s, 10, 0.5), [.1, .0909091, .05, .0333333]),
    (lambda s: tf.train.polynomial_decay(0.1, s, 40), [.1, .095005, .05005, .0001]),
    (lambda s: tf.train.polynomial_decay(0.1, s, 15, 0.01, 2.0, cycle=True),
     [.1, .0776, .02, .0111111]),
    (lambda s: tf.train.cosine_decay(0.1, s, 40, alpha=0.1), [.1, .0994459, .055, .01]),
    (lambda s: tf.train.cosine_decay_restarts(0.1, s, 8, t_mul=1.0), [.1, .0853553, .05, .1]),
    (lambda s: tf.train.cosine_decay_restarts(0.1, s, 8, m_mul=.5),
     [.1, .0853553, .0073223, .0125]),
    (lambda s: tf.train.linear_cosine_decay(0.1, s, 40), [.1001, .0945152, .0251, .0001]),
    (lambda s: tf.train.piecewise_constant(s, [2, 20], [1.0, 0.5, 0.25]), [1, .5, .5, .25]),
])
def test_decays(session, decay, values):
    step = tf.placeholder(tf.int32, [])
    rate = decay(step)
    got = [session.run(rate, {step: at}) for at in (0, 2 if values[1] != .5 else 3, 20, 40)]
    assert got == pytest.approx(values, rel=1e-4, abs=1e-6)


def test_decays_need_a_step_and_like_types():
    with pytest.raises(ValueError, match="global_step is required for exponential_decay"):
        tf.train.exponential_decay(0.1, None, 10, 0.5)
    with pytest.raises(ValueError, match="should be 1 less"):
        tf.train.piecewise_constant(tf.constant(1), [1, 2], [1.0])
    with pytest.raises(ValueError, match="same dtype as x"):
        tf.train.piecewise_constant(tf.constant(1), [1.5], [1.0, 2.0])
    rate = tf.train.exponential_decay(0.1, tf.Variable(3, dtype=tf.int64), 10, 0.5)
    assert rate.op.name == "ExponentialDecay" and rate.dtype == tf.float32


def test_averages(session):
    v = tf.Variable([10.0, 20.0], name="v")
    w = tf.Variable(1.0, name="w", trainable=False)
    average = tf.train.ExponentialMovingAverage(0.75)
    update = average.apply()
    shadow = average.average(v)
    assert (shadow.op.name, average.average(w)) == ("v/ExponentialMovingAverage", None)
    assert average.average_name(w) == "w/ExponentialMovingAverage"
    assert average.variables_to_restore() == {
        "v/ExponentialMovingAverage": v, "w": w,
        shadow.op.name: v}
    assert tf.moving_average_variables() == [v] and not shadow.trainable
    session.run(tf.global_variables_initializer())
    session.run(v.assign([20.0, 0.0]))
    session.run(update)
    assert session.run(shadow).tolist() == [12.5, 15]


def test_averages_of_tensors_are_corrected(session):
    v = tf.Variable(8.0)
    average = tf.train.ExponentialMovingAverage(0.9, zero_debias=True)
    doubled = v.value() * 2.0
    update = average.apply([doubled])
    session.run(tf.global_variables_initializer())
    session.run(update)
    assert session.run(average.average(doubled)) == pytest.approx(16, rel=1e-5)
    with pytest.raises(TypeError, match="must be half, float, or double"):
        average.apply([tf.Variable(1)])


def test_early_averages_follow_faster(session):
    v = tf.Variable(0.0)
    count = tf.placeholder(tf.int32, [])
    average = tf.train.ExponentialMovingAverage(0.99, num_updates=count)
    update = average.apply([v])
    session.run(tf.global_variables_initializer())
    session.run(v.assign(11.0))
    session.run(update, {count: 1})
    assert session.run(average.average(v)) == pytest.approx(11 * (1 - 2 / 11))


def test_weighted_averages(session):
    value, weight = tf.placeholder(tf.float32, []), tf.placeholder(tf.float32, [])
    mean = moving_averages.weighted_moving_average(value, 0.5, weight)
    session.run(tf.global_variables_initializer())
    assert session.run(mean, {value: 3, weight: 4}) == 3
    assert session.run(mean, {value: 11, weight: 22}) == pytest.approx((3 + 121) / (1 + 11))


def test_step_counters(session):
    assert tf.train.get_global_step() is None
    with tf.name_scope("elsewhere"):
        step = tf.train.get_or_create_global_step()
    assert step.name == "global_step:0" and step.dtype.base_dtype == tf.int64
    assert tf.train.get_global_step() is step and tf.train.get_or_create_global_step() is step
    with pytest.raises(ValueError, match="already exists"):
        tf.train.create_global_step()
    with pytest.raises(TypeError, match="integer type"):
        tf.train.assert_global_step(tf.Variable(1.0))
    with pytest.raises(TypeError, match="not scalar"):
        tf.train.assert_global_step(tf.Variable([1]))


def test_threads_stop_together():
    coord = tf.train.Coordinator()
    calls = []
    threads = [tf.train.LooperThread.loop(coord, None, lambda: time.sleep(.001)),
               tf.train.LooperThread.loop(coord, .002, calls.append, (1,))]
    time.sleep(.03)
    coord.request_stop()
    coord.join(threads)
    assert len(calls) > 2 and coord.joined and not any(t.is_alive() for t in threads)


def test_the_first_exception_is_raised():
    coord = tf.train.Coordinator()

    def fail():
        with coord.stop_on_exception():
            raise KeyError("first")
    thread = threading.Thread(target=fail)
    thread.start()
    with pytest.raises(KeyError, match="first"):
        coord.join([thread])
    with pytest.raises(RuntimeError, match="late"):
        coord.request_stop(RuntimeError("late"))  # nobody waits any more
    coord.clear_stop()
    assert not coord.should_stop()
    coord.request_stop(tf.errors.OutOfRangeError(None, None, "the end"))
    coord.join([])
    coord.raise_requested_exception()


def test_threads_that_do_not_end_are_named():
    coord = tf.train.Coordinator()
    thread = threading.Thread(target=time.sleep, args=(.3,), name="sleeper", daemon=True)
    thread.start()
    coord.request_stop()
    with pytest.raises(RuntimeError, match="threads still running: sleeper"):
        coord.join([thread], stop_grace_period_secs=.02)
    coord.join([thread], stop_grace_period_secs=.02, ignore_live_threads=True)
