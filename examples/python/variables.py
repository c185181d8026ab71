# SPDX-License-Identifier: Apache-2.0
"""Variables keep their values from run to run, once something has given them one."""
import tensorflow as tf

weights = tf.Variable(tf.zeros((2, 2)), name="weights")
noise = tf.Variable(tf.random_normal((2, 2)), name="noise")
counter = tf.Variable(0, name="counter")
advance = tf.assign(counter, counter + 1)
twice = tf.Variable(noise.initialized_value() * 2)

with tf.Session() as session:
    try:
        session.run(weights)
    except tf.errors.FailedPreconditionError as error:
        print("uninitialized value weights" in error.message)   # True
    session.run(tf.global_variables_initializer())
    print(session.run(weights))                      # [[0. 0.]
                                                     #  [0. 0.]]
    for _ in range(3):
        print(session.run(advance))
    # 1
    # 2
    # 3
    first, again, doubled = session.run([noise, noise, twice])
    print((first == again).all(), (doubled == first * 2).all())   # True True
    session.run(weights.assign_add([[1.0, 2.0], [3.0, 4.0]]))
    print(session.run(weights[1, :]))                # [3. 4.]
