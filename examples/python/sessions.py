# SPDX-License-Identifier: Apache-2.0
"""What a session is asked for and what it is given: fetches and feeds."""
import tensorflow as tf

three, two, five = tf.constant(3.0), tf.constant(2.0), tf.constant(5.0)
total = two + five
product = three * total
x = tf.placeholder(tf.float32)
y = tf.placeholder(tf.float32, name="y")
scaled = x * y

with tf.Session() as session:
    print(product.eval())                                       # 21.0
    print(session.run([product, total]))                        # [21.0, 7.0]
    print(session.run({"sum": total, "all": (two, five)}))      # {'sum': 7.0, 'all': (2.0, 5.0)}
    print(session.run(scaled, {x: [7.0], y: [2.0]}))            # [14.]
    print(session.run(scaled, {"Placeholder:0": 3, "y:0": 4}))  # 12.0
    print(session.run(product, {total: 1.0}))                   # 3.0
    step = session.make_callable(scaled, [x, y])                # prepared once, for many calls
    print([step(n, n).item() for n in (1, 2, 3)])               # [1.0, 4.0, 9.0]
    try:
        session.run(scaled, {x: 1.0})
    except tf.errors.InvalidArgumentError as error:
        print(error.op.name)                                    # y
