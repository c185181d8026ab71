# SPDX-License-Identifier: Apache-2.0
"""tf.sparse_*: values, slopes and refusals as in TensorFlow 1.15 (golden/sparse.txt, which
`python test_sparse.py` prints where `tensorflow` is the real one)."""
import os
import sys

import numpy as np

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden", "sparse.txt")


def tensors(tf):
    """Two of 3 x 4 that share one place, one with empty rows, one of three dimensions."""
    one = tf.SparseTensor([[0, 1], [1, 3], [2, 0]], [1., -2., 3.], [3, 4])
    two = tf.SparseTensor([[0, 1], [2, 2]], [5., .5], [3, 4])
    holes = tf.SparseTensor([[1, 0], [3, 1]], [7, 8], [5, 2])
    deep = tf.SparseTensor([[0, 0, 1], [1, 1, 0], [1, 1, 1]], [1., 2., 4.], [2, 2, 2])
    return one, two, holes, deep


def values(tf):
    """{what: a function that builds it}"""
    one, two, holes, deep = tensors(tf)
    dense = tf.constant(np.arange(12, dtype="f").reshape(3, 4))
    mixed = tf.SparseTensor([[2, 0], [0, 1]], [3., 1.], [3, 4])
    ids = tf.SparseTensor([[0, 0], [1, 2]], tf.constant([2, 0], tf.int64), [2, 3])
    same = tf.SparseTensor([[0, 0], [1, 2]], [.5, 1.5], [2, 3])
    strings = tf.SparseTensor([[1, 0]], ["a"], [2, 1])
    slices = tf.IndexedSlices(tf.constant([[1.], [2.], [3.]]), tf.constant([4, 5, 6]))
    return {
        "to_dense": lambda: tf.sparse_tensor_to_dense(one, -1.),
        "to_dense of strings": lambda: tf.sparse_tensor_to_dense(strings, "-"),
        "to_dense zero": lambda: tf.sparse.to_dense(holes),
        "sparse_to_dense": lambda: tf.sparse_to_dense([[0, 1], [1, 0]], [2, 2], [5, 6], 1),
        "sparse_to_dense vector": lambda: tf.sparse_to_dense([1, 3], [5], 9),
        "indicator": lambda: tf.sparse_to_indicator(ids, 4),
        "merge": lambda: tf.sparse_merge(ids, same, 5),
        "reorder": lambda: tf.sparse_reorder(mixed),
        "reshape": lambda: tf.sparse_reshape(one, [2, -1]),
        "concat 0": lambda: tf.sparse_concat(0, [one, two]),
        "concat -1": lambda: tf.sparse_concat(-1, [one, two], name="wide"),
        "concat expand": lambda: tf.sparse_concat(1, [one, holes_float(tf, holes)],
                                                  expand_nonconcat_dim=True),
        "split": lambda: tf.sparse_split(sp_input=one, num_split=2, axis=1),
        "slice": lambda: tf.sparse_slice(one, [1, 0], [2, 3]),
        "retain": lambda: tf.sparse_retain(one, [True, False, True]),
        "reset": lambda: tf.sparse_reset_shape(one, [4, 5]),
        "reset tight": lambda: tf.sparse_reset_shape(two),
        "fill rows": lambda: tf.sparse_fill_empty_rows(holes, 0),
        "expand": lambda: tf.sparse.expand_dims(one, 1),
        "expand last": lambda: tf.sparse.expand_dims(one),
        "transpose": lambda: tf.sparse_transpose(one),
        "transpose perm": lambda: tf.sparse_transpose(deep, [2, 0, 1]),
        "add sparse": lambda: tf.sparse_add(one, two),
        "add small ones go": lambda: tf.sparse_add(one, two, thresh=2.5),
        "add dense": lambda: tf.sparse_add(one, dense),
        "matmul": lambda: tf.sparse_tensor_dense_matmul(one, tf.transpose(dense)),
        "matmul adjoint": lambda: tf.sparse_tensor_dense_matmul(one, dense, adjoint_a=True),
        "operators": lambda: [one * dense, one / (dense + 1.), holes / [[2, 4]]],
        "dense by sparse": lambda: dense * one,
        "reduce_sum": lambda: tf.sparse_reduce_sum(one),
        "reduce_sum 1": lambda: tf.sparse_reduce_sum(one, 1),
        "reduce_sum kept": lambda: tf.sparse_reduce_sum(deep, [0, -1], keepdims=True),
        "reduce_sum sparse": lambda: tf.sparse_reduce_sum_sparse(deep, 1),
        "reduce_max": lambda: tf.sparse_reduce_max(one, 0),
        "reduce_max sparse": lambda: tf.sparse_reduce_max_sparse(deep, 0),
        "softmax": lambda: tf.sparse_softmax(deep),
        "maximum": lambda: tf.sparse_maximum(one, two),
        "minimum": lambda: tf.sparse_minimum(one, two),
        "serialized": lambda: tf.deserialize_many_sparse(tf.serialize_many_sparse(one),
                                                         tf.float32),
        "mask": lambda: tf.sparse_mask(slices, [5]).values,
        "placeholder": lambda: tf.sparse_placeholder(tf.float32, [2, 2], name="fed").dense_shape,
        "from dense": lambda: tf.sparse.from_dense([[0, 3], [4, 0]]),
        "slope of values": lambda: tf.gradients(tf.sparse_reduce_sum(one * dense, 1), one.values),
        "slope of dense": lambda: tf.gradients(
            tf.sparse_tensor_dense_matmul(one, dense, adjoint_a=True), dense),
        "slope of both": lambda: tf.gradients(tf.sparse_add(one, two).values,
                                              [one.values, two.values]),
        "slope of maximum": lambda: tf.gradients(tf.sparse_tensor_to_dense(one) ** 2, one.values),
        # refused while building
        "no sparse tensor": lambda: tf.sparse_tensor_to_dense(dense),
        "no list": lambda: tf.sparse_concat(0, one),
        "no axis": lambda: tf.sparse_split(sp_input=one, num_split=2),
        "a mask too short": lambda: tf.sparse_retain(one, [True]),
        "a shape of another rank": lambda: tf.sparse_reset_shape(one, [9]),
        "a shape too small": lambda: tf.sparse_reset_shape(one, [2, 2]),
        "two thresholds": lambda: tf.sparse_add(one, two, threshold=1., thresh=1.),
        "two dense": lambda: tf.sparse_add(dense, dense),
        "merge of two lengths": lambda: tf.sparse_merge([ids], same, [1, 2]),
    }


def holes_float(tf, holes):
    return tf.SparseTensor(holes.indices, tf.cast(holes.values, tf.float32), holes.dense_shape)


def shown(value):
    """One line of text, the same under any NumPy."""
    if isinstance(value, (list, tuple)):
        return "[%s]" % "; ".join(shown(v) for v in value)
    array = np.asarray(value)
    if array.dtype.kind in "OS":
        return repr([v.decode() for v in array.ravel()])
    if array.dtype.kind == "f":
        array = np.round(array.astype(np.float64), 4)
    return "%s %s" % (array.dtype, array.tolist())


def lines(tf):
    """What each of values() gives: a value, or the kind of error."""
    for what in sorted(values(tf)):
        with tf.Graph().as_default(), tf.Session() as session:
            build = values(tf)[what]
            try:
                said = shown(session.run(build()))
            except Exception as error:
                said = type(error).__name__
            yield "%s: %s" % (what, said)


def test_sparse_tensors_are_as_in_1_15():
    import thalweg as tf
    with open(GOLDEN, encoding="utf-8") as file:
        wanted = dict(line.rstrip("\n").split(": ", 1) for line in file if line[0] != "#")
    got = dict(line.split(": ", 1) for line in lines(tf))
    assert got == wanted


if __name__ == "__main__":
    import tensorflow
    print("# Sparse tensors in real TensorFlow %s; made by test_sparse.py" % tensorflow.__version__)
    for printed in lines(tensorflow):
        print(printed)
    sys.stdout.flush()
