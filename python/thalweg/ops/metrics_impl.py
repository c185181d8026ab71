# SPDX-License-Identifier: Apache-2.0
"""tf.metrics: measures over many batches. Each gives (value, update): the value so far, and the
operation that takes a batch into account; both rest on local variables."""
from thalweg.framework import constant_op, dtypes, ops
from thalweg.ops import (array_creation, array_joining, array_moving, array_shapes,
                         confusion_matrix as confusion, gen_math_ops, math_elementwise,
                         math_reduction, state_ops, variable_scope, variables,
                         weights_broadcast_ops)


def metric_variable(shape, dtype, validate_shape=True, name=None):
    """A local variable of zeros that belongs to a measure."""
    return variables.Variable(
        lambda: array_creation.zeros(shape, dtype), trainable=False,
        collections=[ops.GraphKeys.LOCAL_VARIABLES, ops.GraphKeys.METRIC_VARIABLES],
        validate_shape=validate_shape, name=name)


def _finish(value, update, metrics_collections, updates_collections):
    """Into the collections that were asked for."""
    if metrics_collections:
        ops.add_to_collections(metrics_collections, value)
    if updates_collections:
        ops.add_to_collections(updates_collections, update)
    return value, update


def _fitted(labels, predictions, weights):
    """Predictions, labels and weights without a last dimension of 1 that only some have."""
    predictions = ops.convert_to_tensor(predictions)
    if labels is not None:
        labels, predictions = confusion.remove_squeezable_dimensions(labels, predictions)
        predictions.get_shape().assert_is_compatible_with(labels.get_shape())
    if weights is None:
        return predictions, labels, None
    weights = ops.convert_to_tensor(weights)
    own, most = weights.get_shape().ndims, predictions.get_shape().ndims
    if own == 0 or own is None or most is None:
        return predictions, labels, weights
    if own - most == 1:
        weights = array_shapes.squeeze(weights, [-1])
    elif most - own == 1:
        weights = array_shapes.expand_dims(weights, -1)
    return predictions, labels, weights


def _safe_div(numerator, denominator, name):
    """The quotient; 0 unless the denominator is above 0."""
    denominator = gen_math_ops.maximum(denominator, ops.convert_to_tensor(
        0, dtype=denominator.dtype.base_dtype))
    return gen_math_ops.div_no_nan(numerator, denominator, name=name)


# ---- means ----

def mean(values, weights=None, metrics_collections=None, updates_collections=None, name=None):
    """The mean of all values so far, weighted."""
    with variable_scope.variable_scope(name, "mean", (values, weights)):
        values = math_elementwise.cast(values, dtypes.float32)
        total = metric_variable([], dtypes.float32, name="total")
        count = metric_variable([], dtypes.float32, name="count")
        if weights is None:
            number = math_elementwise.cast(array_shapes.size(values), dtypes.float32)
        else:
            values, _, weights = _fitted(None, values, weights)
            weights = weights_broadcast_ops.broadcast_weights(
                math_elementwise.cast(weights, dtypes.float32), values)
            values = gen_math_ops.mul(values, weights)
            number = math_reduction.reduce_sum(weights)
        more = state_ops.assign_add(total, math_reduction.reduce_sum(values))
        with ops.control_dependencies([values]):
            counted = state_ops.assign_add(count, number)
        value = _safe_div(total, count, "value")
        update = _safe_div(more, counted, "update_op")
        return _finish(value, update, metrics_collections, updates_collections)


def mean_tensor(values, weights=None, metrics_collections=None, updates_collections=None,
                name=None):
    """The mean of the batches, element by element."""
    with variable_scope.variable_scope(name, "mean", (values, weights)):
        values = math_elementwise.cast(values, dtypes.float32)
        total = metric_variable(values.get_shape(), dtypes.float32, name="total_tensor")
        count = metric_variable(values.get_shape(), dtypes.float32, name="count_tensor")
        number = array_creation.ones_like(values)
        if weights is not None:
            values, _, weights = _fitted(None, values, weights)
            weights = weights_broadcast_ops.broadcast_weights(
                math_elementwise.cast(weights, dtypes.float32), values)
            values, number = gen_math_ops.mul(values, weights), gen_math_ops.mul(number, weights)
        more = state_ops.assign_add(total, values)
        with ops.control_dependencies([values]):
            counted = state_ops.assign_add(count, number)
        return _finish(_safe_div(total, count, "value"), _safe_div(more, counted, "update_op"),
                       metrics_collections, updates_collections)


def accuracy(labels, predictions, weights=None, metrics_collections=None, updates_collections=None,
             name=None):
    """How often predictions are the labels."""
    predictions, labels, weights = _fitted(labels, predictions, weights)
    if labels.dtype != predictions.dtype:
        predictions = math_elementwise.cast(predictions, labels.dtype)
    right = math_elementwise.cast(gen_math_ops.equal(predictions, labels), dtypes.float32)
    return mean(right, weights, metrics_collections, updates_collections, name or "accuracy")


def mean_absolute_error(labels, predictions, weights=None, metrics_collections=None,
                        updates_collections=None, name=None):
    """The mean of |predictions - labels|."""
    predictions, labels, weights = _fitted(labels, predictions, weights)
    return mean(gen_math_ops._abs(predictions - labels), weights, metrics_collections,
                updates_collections, name or "mean_absolute_error")


def mean_squared_error(labels, predictions, weights=None, metrics_collections=None,
                       updates_collections=None, name=None):
    """The mean of (predictions - labels)^2."""
    predictions, labels, weights = _fitted(labels, predictions, weights)
    return mean(gen_math_ops.squared_difference(labels, predictions), weights, metrics_collections,
                updates_collections, name or "mean_squared_error")


def root_mean_squared_error(labels, predictions, weights=None, metrics_collections=None,
                            updates_collections=None, name=None):
    """The root of mean_squared_error()."""
    value, update = mean_squared_error(labels, predictions, weights, None, None,
                                       name or "root_mean_squared_error")
    return _finish(gen_math_ops.sqrt(value), gen_math_ops.sqrt(update), metrics_collections,
                   updates_collections)


def mean_relative_error(labels, predictions, normalizer, weights=None, metrics_collections=None,
                        updates_collections=None, name=None):
    """The mean of |predictions - labels| / normalizer, 0 where that is 0."""
    predictions, labels, weights = _fitted(labels, predictions, weights)
    predictions, normalizer = confusion.remove_squeezable_dimensions(predictions, normalizer)
    predictions.get_shape().assert_is_compatible_with(normalizer.get_shape())
    relative = gen_math_ops.select(
        gen_math_ops.equal(normalizer, 0.0), array_creation.zeros_like(labels),
        gen_math_ops.real_div(gen_math_ops._abs(labels - predictions), normalizer))
    return mean(relative, weights, metrics_collections, updates_collections,
                name or "mean_relative_error")


def mean_cosine_distance(labels, predictions, dim, weights=None, metrics_collections=None,
                         updates_collections=None, name=None):
    """1 - the mean of the sum of products along a dimension, of vectors of length 1."""
    predictions, labels, weights = _fitted(labels, predictions, weights)
    products = math_reduction.reduce_sum(gen_math_ops.mul(predictions, labels), [dim],
                                         keepdims=True)
    value, update = mean(products, weights, None, None, name or "mean_cosine_distance")
    return _finish(1.0 - value, 1.0 - update, metrics_collections, updates_collections)


def percentage_below(values, threshold, weights=None, metrics_collections=None,
                     updates_collections=None, name=None):
    """Which part of the values is below a threshold."""
    below = math_elementwise.cast(gen_math_ops.less(values, threshold), dtypes.float32)
    return mean(below, weights, metrics_collections, updates_collections,
                name or "percentage_below_threshold")


# ---- counts ----

def _count(condition, weights, metrics_collections=None, updates_collections=None):
    """How often a condition held, by weights."""
    count = metric_variable([], dtypes.float32, name="count")
    values = math_elementwise.cast(condition, dtypes.float32)
    if weights is not None:
        weights = math_elementwise.cast(weights, dtypes.float32)
        values = gen_math_ops.mul(values, weights)
    value = array_shapes.identity(count)
    update = state_ops.assign_add(count, math_reduction.reduce_sum(values))
    return _finish(value, update, metrics_collections, updates_collections)


def _counter(name, label, prediction, doc):
    def count(labels, predictions, weights=None, metrics_collections=None,
              updates_collections=None, name=None):
        with variable_scope.variable_scope(name, count.__name__, (predictions, labels, weights)):
            predictions, labels, weights = _fitted(
                math_elementwise.cast(labels, dtypes.bool),
                math_elementwise.cast(predictions, dtypes.bool), weights)
            both = gen_math_ops.logical_and(gen_math_ops.equal(labels, label),
                                            gen_math_ops.equal(predictions, prediction))
            return _count(both, weights, metrics_collections, updates_collections)
    count.__name__ = count.__qualname__ = name
    count.__doc__ = doc
    return count


true_positives = _counter("true_positives", True, True, "How many true labels are predicted.")
true_negatives = _counter("true_negatives", False, False,
                          "How many false labels are predicted to be so.")
false_positives = _counter("false_positives", False, True,
                           "How many false labels are predicted to be true.")
false_negatives = _counter("false_negatives", True, False,
                           "How many true labels are predicted to be false.")


def _share(scope, hit, miss, labels, predictions, weights, metrics_collections,
           updates_collections):
    """hit / (hit + miss), of two counters."""
    with scope:
        predictions, labels, weights = _fitted(
            math_elementwise.cast(labels, dtypes.bool),
            math_elementwise.cast(predictions, dtypes.bool), weights)
        hits, more_hits = hit(labels, predictions, weights)
        misses, more_misses = miss(labels, predictions, weights)

        def quotient(a, b, name):
            total = gen_math_ops.add(a, b)
            return gen_math_ops.select(gen_math_ops.greater(total, 0), gen_math_ops.div(a, total),
                                       array_creation.zeros_like(total), name=name)
        return _finish(quotient(hits, misses, "value"),
                       quotient(more_hits, more_misses, "update_op"), metrics_collections,
                       updates_collections)


def precision(labels, predictions, weights=None, metrics_collections=None,
              updates_collections=None, name=None):
    """Which part of what is predicted to be true is so."""
    scope = variable_scope.variable_scope(name, "precision", (predictions, labels, weights))
    return _share(scope, true_positives, false_positives, labels, predictions, weights,
                  metrics_collections, updates_collections)


def recall(labels, predictions, weights=None, metrics_collections=None, updates_collections=None,
           name=None):
    """Which part of what is true is predicted."""
    scope = variable_scope.variable_scope(name, "recall", (predictions, labels, weights))
    return _share(scope, true_positives, false_negatives, labels, predictions, weights,
                  metrics_collections, updates_collections)


# ---- at thresholds ----

_COUNTS = {"tp": (True, True), "fn": (True, False), "tn": (False, False), "fp": (False, True)}


def _at_thresholds(labels, predictions, thresholds, weights, which):
    """{"tp": (value, update) ...}: vectors of counts, one for each threshold."""
    predictions, labels, weights = _fitted(
        math_elementwise.cast(labels, dtypes.bool),
        math_elementwise.cast(predictions, dtypes.float32), weights)
    flat = array_shapes.reshape(predictions, [1, -1])
    truth = array_shapes.reshape(labels, [1, -1])
    limits = array_shapes.reshape(constant_op.constant(list(thresholds), dtypes.float32), [-1, 1])
    above = gen_math_ops.greater(flat, limits)
    truth = array_moving.tile(truth, array_joining.stack([len(thresholds), 1]))
    if weights is not None:
        weights = weights_broadcast_ops.broadcast_weights(
            math_elementwise.cast(weights, dtypes.float32), predictions)
        weights = array_shapes.reshape(weights, [1, -1])
    made = {}
    for key in which:
        label, prediction = _COUNTS[key]
        hit = math_elementwise.cast(gen_math_ops.logical_and(
            truth if label else gen_math_ops.logical_not(truth),
            above if prediction else gen_math_ops.logical_not(above)), dtypes.float32)
        hit = hit if weights is None else hit * weights
        variable = metric_variable([len(thresholds)], dtypes.float32, name={
            "tp": "true_positives", "fn": "false_negatives", "tn": "true_negatives",
            "fp": "false_positives"}[key])
        made[key] = (ops.convert_to_tensor(variable),
                     state_ops.assign_add(variable, math_reduction.reduce_sum(hit, 1)))
    return made


def _counter_at_thresholds(key, name, doc):
    def count(labels, predictions, thresholds, weights=None, metrics_collections=None,
              updates_collections=None, name=None):
        with variable_scope.variable_scope(name, count.__name__[:-len("_at_thresholds")],
                                           (predictions, labels, weights)):
            return _finish(*_at_thresholds(labels, predictions, thresholds, weights, (key,))[key],
                           metrics_collections, updates_collections)
    count.__name__ = count.__qualname__ = name
    count.__doc__ = doc + " Predictions are true above each of some thresholds."
    return count


true_positives_at_thresholds = _counter_at_thresholds(
    "tp", "true_positives_at_thresholds", "How many true labels are predicted.")
true_negatives_at_thresholds = _counter_at_thresholds(
    "tn", "true_negatives_at_thresholds", "How many false labels are predicted to be so.")
false_positives_at_thresholds = _counter_at_thresholds(
    "fp", "false_positives_at_thresholds", "How many false labels are predicted to be true.")
false_negatives_at_thresholds = _counter_at_thresholds(
    "fn", "false_negatives_at_thresholds", "How many true labels are predicted to be false.")


def _share_at_thresholds(scope, miss, labels, predictions, thresholds, weights,
                         metrics_collections, updates_collections):
    with scope:
        counts = _at_thresholds(labels, predictions, thresholds, weights, ("tp", miss))
        value, update = (gen_math_ops.div(counts["tp"][i], 1e-7 + counts["tp"][i] + counts[miss][i])
                         for i in (0, 1))
        return _finish(value, update, metrics_collections, updates_collections)


def precision_at_thresholds(labels, predictions, thresholds, weights=None,
                            metrics_collections=None, updates_collections=None, name=None):
    """precision(), predictions being true above each of some thresholds."""
    scope = variable_scope.variable_scope(name, "precision_at_thresholds",
                                          (predictions, labels, weights))
    return _share_at_thresholds(scope, "fp", labels, predictions, thresholds, weights,
                                metrics_collections, updates_collections)


def recall_at_thresholds(labels, predictions, thresholds, weights=None, metrics_collections=None,
                         updates_collections=None, name=None):
    """recall(), predictions being true above each of some thresholds."""
    scope = variable_scope.variable_scope(name, "recall_at_thresholds",
                                          (predictions, labels, weights))
    return _share_at_thresholds(scope, "fn", labels, predictions, thresholds, weights,
                                metrics_collections, updates_collections)


def auc(labels, predictions, weights=None, num_thresholds=200, metrics_collections=None,
        updates_collections=None, curve="ROC", name=None, summation_method="trapezoidal",
        thresholds=None):
    """The area under the curve of true over false positive rates ("ROC"), or of precision over
    recall ("PR"), by sums over thresholds."""
    if curve not in ("ROC", "PR"):
        raise ValueError("curve must be either ROC or PR, %s unknown" % curve)
    if summation_method not in ("trapezoidal", "minoring", "majoring"):
        raise ValueError("Invalid summation_method: %s" % summation_method)
    with variable_scope.variable_scope(name, "auc", (labels, predictions, weights)):
        small = 1e-7
        inner = sorted(thresholds) if thresholds is not None else [
            (i + 1) * 1.0 / (num_thresholds - 1) for i in range(num_thresholds - 2)]
        limits = [0.0 - small] + inner + [1.0 + small]
        counts = _at_thresholds(labels, predictions, limits, weights, ("tp", "fn", "tn", "fp"))

        def area(i, name):
            tp, fn, tn, fp = (counts[key][i] for key in ("tp", "fn", "tn", "fp"))
            recalls = gen_math_ops.div(tp + 1e-6, tp + fn + 1e-6)
            if curve == "ROC":
                x, y = gen_math_ops.div(fp, fp + tn + 1e-6), recalls
            else:
                x, y = recalls, gen_math_ops.div(tp + 1e-6, tp + fp + 1e-6)
            first, second = y[:-1], y[1:]
            height = {"trapezoidal": lambda: (first + second) / 2.0,
                      "minoring": lambda: gen_math_ops.minimum(first, second),
                      "majoring": lambda: gen_math_ops.maximum(first, second)}[summation_method]()
            return math_reduction.reduce_sum(gen_math_ops.mul(x[:-1] - x[1:], height), name=name)
        return _finish(area(0, "value"), area(1, "update_op"), metrics_collections,
                       updates_collections)


# ---- of classes ----

def _confusion_matrix(labels, predictions, num_classes, weights):
    """(the matrix so far, the operation that adds a batch)"""
    total = metric_variable([num_classes, num_classes], dtypes.float64,
                            name="total_confusion_matrix")
    labels = array_shapes.reshape(math_elementwise.cast(labels, dtypes.int64), [-1])
    predictions = array_shapes.reshape(math_elementwise.cast(predictions, dtypes.int64), [-1])
    if weights is not None:
        weights = array_shapes.reshape(ops.convert_to_tensor(weights), [-1])
    now = confusion.confusion_matrix(labels, predictions, num_classes, weights=weights,
                                     dtype=dtypes.float64)
    return ops.convert_to_tensor(total), state_ops.assign_add(total, now)


def mean_iou(labels, predictions, num_classes, weights=None, metrics_collections=None,
             updates_collections=None, name=None):
    """The mean over the classes of the intersection of labels and predictions, over their union;
    the operation gives the matrix of confusions."""
    with variable_scope.variable_scope(name, "mean_iou", (predictions, labels, weights)):
        matrix, update = _confusion_matrix(labels, predictions, num_classes, weights)
        rows = math_elementwise.cast(math_reduction.reduce_sum(matrix, 0), dtypes.float32)
        columns = math_elementwise.cast(math_reduction.reduce_sum(matrix, 1), dtypes.float32)
        both = math_elementwise.cast(array_moving.matrix_diag_part(matrix), dtypes.float32)
        union = rows + columns - both
        there = math_reduction.reduce_sum(math_elementwise.cast(
            gen_math_ops.not_equal(union, 0), dtypes.float32))
        value = gen_math_ops.div_no_nan(
            math_reduction.reduce_sum(gen_math_ops.div_no_nan(both, union)), there,
            name="mean_iou")
        return _finish(value, update, metrics_collections, updates_collections)


def mean_per_class_accuracy(labels, predictions, num_classes, weights=None,
                            metrics_collections=None, updates_collections=None, name=None):
    """The mean over the classes of how often a label of the class is predicted."""
    with variable_scope.variable_scope(name, "mean_accuracy", (predictions, labels, weights)):
        matrix, update = _confusion_matrix(labels, predictions, num_classes, weights)

        def part(whole):
            per_class = gen_math_ops.div_no_nan(array_moving.matrix_diag_part(whole),
                                                math_reduction.reduce_sum(whole, 1))
            return math_elementwise.cast(per_class, dtypes.float32)
        value = math_reduction.reduce_mean(part(matrix), name="mean_accuracy")
        return _finish(value, part(update), metrics_collections, updates_collections)

