# SPDX-License-Identifier: Apache-2.0
"""tf.metrics of the k best classes: precision, recall and average precision over many batches."""
from thalweg.framework import dtypes, ops
from thalweg.ops import (array_ops, gen_nn_ops, math_ops, sparse_ops, state_ops, variable_scope,
                         weights_broadcast_ops)
from thalweg.ops.metrics_impl import _finish, metric_variable

_NONE = dtypes.int64.min  # stands where a sparse row has no label


def _name(name, k, class_id=None):
    """The scope's name, with k and the class in it."""
    name = "%s_at_%s" % (name, "k" if k is None else "%d" % k)
    return name if class_id is None else "%s_class%d" % (name, class_id)


def _labels(labels, predictions_idx):
    """Rows of labels with an entry that counts once: (labels, which entries count)."""
    if isinstance(labels, ops.SparseTensor):
        labels = sparse_ops.sparse_tensor_to_dense(labels, default_value=_NONE,
                                                   validate_indices=False)
    labels = math_ops.cast(ops.convert_to_tensor(labels), dtypes.int64)
    ranks = labels.get_shape().ndims, predictions_idx.get_shape().ndims
    if None not in ranks and ranks[0] == ranks[1] - 1:
        labels = array_ops.expand_dims(labels, -1)
    same = math_ops.equal(array_ops.expand_dims(labels, -1), array_ops.expand_dims(labels, -2))
    size = array_ops.shape(labels)[-1]
    earlier = math_ops.less(array_ops.expand_dims(math_ops.range(size), 0),
                            array_ops.expand_dims(math_ops.range(size), 1))
    again = math_ops.reduce_any(math_ops.logical_and(same, earlier), -1)
    return labels, math_ops.logical_and(math_ops.not_equal(labels, _NONE),
                                        math_ops.logical_not(again))


class _Hits:
    """Of each row: which predictions are labels, and how many labels there are and are met."""

    def __init__(self, labels, predictions_idx, class_id=None):
        self.predictions = math_ops.cast(predictions_idx, dtypes.int64)
        labels, counts = _labels(labels, self.predictions)
        wanted = array_ops.ones_like(self.predictions, dtype=dtypes.bool)
        if class_id is not None:
            counts = math_ops.logical_and(counts, math_ops.equal(labels, class_id))
            wanted = math_ops.equal(self.predictions, class_id)
        met = math_ops.logical_and(
            math_ops.equal(array_ops.expand_dims(self.predictions, -1),
                           array_ops.expand_dims(labels, -2)), array_ops.expand_dims(counts, -2))
        self.relevant = math_ops.cast(math_ops.reduce_any(met, -1), dtypes.float64)
        self.hits = math_ops.reduce_sum(self.relevant, -1)
        self.labels = math_ops.reduce_sum(math_ops.cast(counts, dtypes.float64), -1)
        self.offered = math_ops.reduce_sum(math_ops.cast(wanted, dtypes.float64), -1)


def _weighted(values, weights):
    if weights is None:
        return values
    weights = math_ops.cast(ops.convert_to_tensor(weights), dtypes.float64)
    return values * weights_broadcast_ops.broadcast_weights(weights, values)


def _sum(values, weights, name):
    """(the sum so far, with this batch)"""
    total = metric_variable([], dtypes.float64, name=name)
    return total, state_ops.assign_add(total, math_ops.reduce_sum(_weighted(values, weights)))


def _at_top_k(kind, labels, predictions_idx, k, class_id, weights, metrics_collections,
              updates_collections, name):
    with variable_scope.variable_scope(name, _name(kind, k, class_id),
                                       (predictions_idx, weights)):
        h = _Hits(labels, ops.convert_to_tensor(predictions_idx), class_id)
        misses, what = (h.labels - h.hits, "false_negative") if kind == "recall" else \
            (h.offered - h.hits, "false_positive")
        hit, more_hits = _sum(h.hits, weights, _name("true_positive", k, class_id))
        miss, more_misses = _sum(misses, weights, _name(what, k, class_id))
        return _finish(math_ops.div_no_nan(hit, hit + miss),
                       math_ops.div_no_nan(more_hits, more_hits + more_misses),
                       metrics_collections, updates_collections)


def _best(predictions, k):
    return gen_nn_ops.top_kv2(predictions, k)[1]


def recall_at_top_k(labels, predictions_idx, k=None, class_id=None, weights=None,
                    metrics_collections=None, updates_collections=None, name=None):
    """recall_at_k() of classes that were chosen already."""
    return _at_top_k("recall", labels, predictions_idx, k, class_id, weights, metrics_collections,
                     updates_collections, name)


def recall_at_k(labels, predictions, k, class_id=None, weights=None, metrics_collections=None,
                updates_collections=None, name=None):
    """Which part of the labels is among the k classes of the highest predictions."""
    return recall_at_top_k(labels, _best(predictions, k), k, class_id, weights,
                           metrics_collections, updates_collections, name)


def precision_at_top_k(labels, predictions_idx, k=None, class_id=None, weights=None,
                       metrics_collections=None, updates_collections=None, name=None):
    """precision_at_k() of classes that were chosen already."""
    return _at_top_k("precision", labels, predictions_idx, k, class_id, weights,
                     metrics_collections, updates_collections, name)


def precision_at_k(labels, predictions, k, class_id=None, weights=None, metrics_collections=None,
                   updates_collections=None, name=None):
    """Which part of the k classes of the highest predictions are labels."""
    return precision_at_top_k(labels, _best(predictions, k), k, class_id, weights,
                              metrics_collections, updates_collections, name)


def average_precision_at_k(labels, predictions, k, weights=None, metrics_collections=None,
                           updates_collections=None, name=None):
    """The mean over examples of the precision at each place among the k best that is a label."""
    if k < 1:
        raise ValueError("Invalid k=%s." % k)
    with variable_scope.variable_scope(name, _name("average_precision", k),
                                       (predictions, weights)):
        h = _Hits(labels, _best(predictions, k))
        places = math_ops.cast(math_ops.range(1, k + 1), dtypes.float64)
        precisions = math_ops.cumsum(h.relevant, axis=-1) / places
        best = math_ops.minimum(h.labels, math_ops.cast(k, dtypes.float64))
        average = math_ops.div_no_nan(math_ops.reduce_sum(precisions * h.relevant, -1), best)
        count, counted = _sum(array_ops.ones_like(average), weights, "max")
        total, more = _sum(average, weights, "total")
        return _finish(math_ops.div_no_nan(total, count), math_ops.div_no_nan(more, counted),
                       metrics_collections, updates_collections)


def sparse_precision_at_k(labels, predictions, k, class_id=None, weights=None,
                          metrics_collections=None, updates_collections=None, name=None):
    """precision_at_k() under its older name."""
    return precision_at_k(labels, predictions, k, class_id, weights, metrics_collections,
                          updates_collections, name)


def sparse_average_precision_at_k(labels, predictions, k, weights=None, metrics_collections=None,
                                  updates_collections=None, name=None):
    """average_precision_at_k() under its older name."""
    return average_precision_at_k(labels, predictions, k, weights, metrics_collections,
                                  updates_collections, name)
