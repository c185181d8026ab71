# SPDX-License-Identifier: Apache-2.0
"""How often each class is taken for each other."""
from thalweg.framework import dtypes, node_counts, ops
from thalweg.ops import (array_creation, array_joining, array_shapes, gen_array_ops, gen_math_ops,
                         math_elementwise, math_reduction)


def remove_squeezable_dimensions(labels, predictions, expected_rank_diff=0, name=None):
    """(labels, predictions), the one of which has a dimension of 1 too many without it."""
    with ops.name_scope(name, "remove_squeezable_dimensions", [labels, predictions]):
        predictions = ops.convert_to_tensor(predictions)
        labels = ops.convert_to_tensor(labels)
        one, two = predictions.get_shape(), labels.get_shape()
        if one.ndims is not None and two.ndims is not None:
            more = one.ndims - two.ndims
            if more == expected_rank_diff + 1 and one[-1].is_compatible_with(1):
                predictions = array_shapes.squeeze(predictions, [-1])
            elif more == expected_rank_diff - 1 and two[-1].is_compatible_with(1):
                labels = array_shapes.squeeze(labels, [-1])
        return labels, predictions


def confusion_matrix(labels, predictions, num_classes=None, dtype=dtypes.int32, name=None,
                     weights=None):
    """Element (i, j): how often a label i was predicted to be j, by weights."""
    with ops.name_scope(name, "confusion_matrix", (predictions, labels, weights)) as scope:
        labels, predictions = remove_squeezable_dimensions(
            ops.convert_to_tensor(labels), ops.convert_to_tensor(predictions))
        labels = math_elementwise.cast(labels, dtypes.int64)
        predictions = math_elementwise.cast(predictions, dtypes.int64)
        if num_classes is None:
            node_counts.add(47)  # TensorFlow checks the numbers
            num_classes = gen_math_ops.maximum(math_reduction.reduce_max(predictions),
                                               math_reduction.reduce_max(labels)) + 1
        size = math_elementwise.cast(ops.convert_to_tensor(num_classes), dtypes.int64)
        shape = array_joining.stack([size, size])
        values = array_creation.ones_like(predictions, dtype) if weights is None else \
            math_elementwise.cast(weights, dtype)
        indices = array_joining.stack([labels, predictions], axis=1)
        made = gen_array_ops.scatter_nd(indices, values, shape, name=scope)
        return made
