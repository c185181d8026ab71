# SPDX-License-Identifier: Apache-2.0
"""tf.contrib.metrics: what tf.metrics has, with the predictions first, under its older names."""
import inspect

from thalweg.framework import dtypes, ops
from thalweg.ops import math_ops
from thalweg.ops import metrics_impl as _metrics
from thalweg.ops.confusion_matrix import confusion_matrix  # noqa: F401 - a name of this module too

_SWAPPED = ("accuracy auc false_negatives false_negatives_at_thresholds false_positives "
            "false_positives_at_thresholds mean_absolute_error mean_cosine_distance mean_iou "
            "mean_relative_error mean_squared_error precision precision_at_thresholds recall "
            "recall_at_thresholds root_mean_squared_error true_negatives "
            "true_negatives_at_thresholds true_positives true_positives_at_thresholds")


def _swapped(name):
    """streaming_NAME(predictions, labels, ...) of the function with the labels first."""
    function = getattr(_metrics, name)
    first, second, *others = inspect.signature(function).parameters.values()

    def streaming(predictions, labels, *args, **kwargs):
        return function(labels, predictions, *args, **kwargs)
    streaming.__name__ = streaming.__qualname__ = "streaming_" + name
    streaming.__doc__ = function.__doc__
    streaming.__signature__ = inspect.Signature([second, first, *others])
    return streaming


for _name in _SWAPPED.split():
    globals()["streaming_" + _name] = _swapped(_name)

streaming_mean, streaming_mean_tensor = _metrics.mean, _metrics.mean_tensor
streaming_percentage_less = _metrics.percentage_below


def accuracy(predictions, labels, weights=None, name=None):
    """Which share of the predictions is right, in this run alone."""
    predictions, labels = ops.convert_to_tensor(predictions), ops.convert_to_tensor(labels)
    if not (labels.dtype.is_integer or labels.dtype in (dtypes.bool, dtypes.string)):
        raise ValueError("Labels should have bool, integer, or string dtype, not %r"
                         % labels.dtype)
    labels.get_shape().assert_is_compatible_with(predictions.get_shape())
    if labels.dtype != predictions.dtype:
        raise ValueError("Dtypes of predictions and labels should match. Given: predictions (%r) "
                         "and labels (%r)" % (predictions.dtype, labels.dtype))
    with ops.name_scope(name, "accuracy", [predictions, labels]):
        right = math_ops.cast(math_ops.equal(predictions, labels), dtypes.float32)
        if weights is None:
            return math_ops.reduce_mean(right)
        right = right * weights
        count = math_ops.reduce_sum(weights * math_ops.cast(
            math_ops.equal(predictions, predictions), dtypes.float32))
        return math_ops.reduce_sum(right) / count


def aggregate_metrics(*value_update_tuples):
    """([values], [updates]) of several measures."""
    if not value_update_tuples:
        raise ValueError("Expected at least one value_tensor/update_op pair")
    values, updates = zip(*value_update_tuples)
    return list(values), list(updates)


def aggregate_metric_map(names_to_tuples):
    """({name: value}, {name: update}) of {name: (value, update)}."""
    return ({name: pair[0] for name, pair in names_to_tuples.items()},
            {name: pair[1] for name, pair in names_to_tuples.items()})
