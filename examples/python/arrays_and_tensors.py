# SPDX-License-Identifier: Apache-2.0
"""NumPy computes at once; here a line only adds to a graph, and a session computes what is asked
of it. What a line prints stands beside it."""
import numpy as np
import tensorflow as tf  # run by `python -m thalweg`; or `import thalweg as tf`

a, b = np.zeros((2, 2)), np.ones((2, 2))
print(a.shape, b.sum(axis=1))                 # (2, 2) [2. 2.]

session = tf.InteractiveSession()             # eval() and run() use it from here on
ta, tb = tf.zeros((2, 2)), tf.ones((2, 2))
print(ta)                                     # Tensor("zeros:0", shape=(2, 2), dtype=float32)
print(ta.get_shape())                         # (2, 2)
print(tf.reduce_sum(tb, axis=1).eval())       # [2. 2.]
print(tf.reshape(ta, (1, 4)).eval())          # [[0. 0. 0. 0.]]
print((tb * 5 + 1).eval())                    # [[6. 6.]
                                              #  [6. 6.]]
print(np.array_equal(tf.matmul(ta, tb).eval(), a.dot(b)))  # True

rows = tf.convert_to_tensor(np.arange(6.0).reshape(2, 3))
print(rows.dtype.name, rows[0, 1:].eval(), rows[:, 0].eval())  # float64 [1. 2.] [0. 3.]
session.close()
