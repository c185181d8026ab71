# SPDX-License-Identifier: Apache-2.0
"""Scopes name variables, and say whether one of that name is made or shared."""
import tensorflow as tf

with tf.variable_scope("outer"):
    with tf.variable_scope("inner"):
        v = tf.get_variable("v", [1])
print(v.name)                                    # outer/inner/v:0

with tf.variable_scope("outer/inner", reuse=True):
    print(tf.get_variable("v", [1]) is v)        # True
with tf.variable_scope("outer/inner"):
    try:
        tf.get_variable("v", [1])
    except ValueError as error:
        print(str(error)[:44])                   # Variable outer/inner/v already exists, disal
with tf.variable_scope("outer", reuse=True):
    try:
        tf.get_variable("new", [1])
    except ValueError as error:
        print(str(error)[:33])                   # Variable outer/new does not exist


def layer(x):
    """Shares its weights between calls as a template."""
    w = tf.get_variable("w", [3], initializer=tf.constant_initializer(2.0))
    return x * w


shared = tf.make_template("layer", layer)
pair = shared(tf.ones([3])), shared(tf.zeros([3]))
print([x.name for x in shared.variables])        # ['layer/w:0']
with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    print(session.run(pair[0]), session.run(pair[1]))   # [2. 2. 2.] [0. 0. 0.]
