# SPDX-License-Identifier: Apache-2.0
"""Cross entropies, and losses over a sample of the classes."""
import math

import numpy as np

from thalweg import _core
from thalweg.framework import dtypes, node_counts, ops, tensor_shape
from thalweg.ops import (array_creation, array_joining, array_moving, array_shapes, array_slicing,
                         candidate_sampling_ops, embedding_ops, gen_array_ops, gen_math_ops,
                         gen_nn_ops, math_elementwise, math_matrix, math_reduction)
from thalweg.ops.nn_activations import one_of


def _named_only(function, sentinel, labels, logits):
    """Labels and logits are both given, and by name: older versions had another order."""
    if sentinel is not None:
        raise ValueError("Only call `%s` with named arguments (labels=..., logits=..., ...)"
                         % function)
    if labels is None or logits is None:
        raise ValueError("Both labels and logits must be provided.")


# ---- softmax ----

def softmax_cross_entropy_with_logits_v2(labels, logits, axis=None, name=None, dim=None):
    """-sum(labels * log(softmax(logits))) along an axis. Gradients flow into both arguments."""
    axis = one_of("axis", axis, "dim", dim)
    return _softmax_cross_entropy(labels, logits, -1 if axis is None else axis, name)


def _softmax_cross_entropy(labels, logits, axis, name):
    with ops.name_scope(name, "softmax_cross_entropy_with_logits", [logits, labels]) as scope:
        logits = ops.convert_to_tensor(logits, name="logits")
        labels = ops.convert_to_tensor(labels, name="labels")
        low = logits.dtype in (dtypes.float16, dtypes.bfloat16)
        precise = math_elementwise.cast(logits, dtypes.float32) if low else logits
        labels = math_elementwise.cast(labels, precise.dtype)
        cost = _softmax_cost(precise, labels, axis, scope)
        return math_elementwise.cast(cost, logits.dtype) if low else cost


def _softmax_cost(logits, labels, axis, name, concat=array_joining.concat):
    """The op works on matrices: other axes are moved last, other ranks are flattened."""
    ndims, sizes = logits.get_shape().ndims, logits.get_shape()
    rank = array_shapes.rank(logits)
    if axis != -1 and axis != (ndims or 0) - 1:
        logits, labels = _to_last(logits, axis), _to_last(labels, axis)
    shape = array_shapes.shape(logits)
    logits, labels = flatten_outer_dims(logits, concat), flatten_outer_dims(labels, concat)
    cost, _ = gen_nn_ops.softmax_cross_entropy_with_logits(logits, labels, name=name)
    cost = array_shapes.reshape(cost, array_slicing.slice(shape, [0], [gen_math_ops.sub(rank, 1)]))
    if ndims is not None:
        sizes = sizes.as_list()
        del sizes[axis]
        cost.set_shape(sizes)
    return cost


def _to_last(x, axis):
    """x with a dimension moved behind the others."""
    rank = x.get_shape().ndims
    if rank is None:
        raise ValueError("an axis other than the last one needs logits and labels of known rank")
    order = list(range(rank))
    return array_moving.transpose(x, order[:axis] + (order[axis + 1:] if axis != -1 else [])
                                  + [order[axis]])


def flatten_outer_dims(x, concat=array_joining.concat):
    """x as a matrix that has the last dimension of x for its columns."""
    rank = array_shapes.rank(x)
    last = array_slicing.slice(array_shapes.shape(x), [gen_math_ops.sub(rank, 1)], [1])
    made = array_shapes.reshape(x, concat([[-1], last], 0))
    sizes = x.get_shape()
    if sizes.ndims is not None:
        rows = 1
        for size in sizes.as_list()[:-1]:
            rows = None if size is None or rows is None else rows * size
        made.set_shape([rows, sizes.as_list()[-1]])
    return made


def softmax_cross_entropy_with_logits(_sentinel=None, labels=None, logits=None, dim=-1, name=None,
                                      axis=None):
    """-sum(labels * log(softmax(logits))) along an axis; no gradient flows into the labels."""
    dim = dim if axis is None else axis
    _named_only("softmax_cross_entropy_with_logits", _sentinel, labels, logits)
    with ops.name_scope(name, "softmax_cross_entropy_with_logits_sg", [logits, labels]) as scope:
        labels = gen_array_ops.stop_gradient(ops.convert_to_tensor(labels),
                                             name="labels_stop_gradient")
        return _softmax_cross_entropy(labels, logits, dim, scope)


def sparse_softmax_cross_entropy_with_logits(_sentinel=None, labels=None, logits=None, name=None):
    """-log(softmax(logits)) of each row at the class that its label says."""
    _named_only("sparse_softmax_cross_entropy_with_logits", _sentinel, labels, logits)
    with ops.name_scope(name, "SparseSoftmaxCrossEntropyWithLogits", [labels, logits]):
        labels = ops.convert_to_tensor(labels)
        logits = ops.convert_to_tensor(logits)
        low = logits.dtype in (dtypes.float16, dtypes.bfloat16)
        precise = math_elementwise.cast(logits, dtypes.float32) if low else logits
        shape = array_shapes.shape(labels)
        static = labels.get_shape()
        _check_sparse_labels(static, logits.get_shape())
        if logits.get_shape().ndims == 2:
            cost, _ = gen_nn_ops.sparse_softmax_cross_entropy_with_logits(
                precise, labels, name="SparseSoftmaxCrossEntropyWithLogits")
            return math_elementwise.cast(cost, logits.dtype) if low else cost
        if not static.is_fully_defined() or not logits.get_shape()[:-1].is_fully_defined():
            node_counts.add(16)  # TensorFlow's check of the sizes when it is run
        classes = array_shapes.shape(logits)[array_shapes.rank(logits) - 1]
        precise = array_shapes.reshape(precise, array_joining.stack([-1, classes]))
        labels = array_shapes.reshape(labels, [-1])
        cost, _ = gen_nn_ops.sparse_softmax_cross_entropy_with_logits(
            precise, labels, name="SparseSoftmaxCrossEntropyWithLogits")
        cost = array_shapes.reshape(cost, shape)
        cost.set_shape(static)
        return math_elementwise.cast(cost, logits.dtype) if low else cost


def _check_sparse_labels(labels, logits):
    """The labels have one dimension fewer, and the same sizes."""
    if logits.ndims is not None and logits.ndims == 0:
        raise ValueError("Logits cannot be scalars - received shape %s." % logits)
    if logits.ndims is None:
        return
    if labels.ndims is not None and labels.ndims != logits.ndims - 1:
        raise ValueError("Rank mismatch: Rank of labels (received %s) should equal rank of logits "
                         "minus 1 (received %s)." % (labels.ndims, logits.ndims))
    if labels.is_fully_defined() and logits.is_fully_defined() and \
            not labels.is_compatible_with(tensor_shape.TensorShape(logits.as_list()[:-1])):
        raise ValueError("Shape mismatch: The shape of labels (received %s) should equal the shape "
                         "of logits except for the last dimension (received %s)."
                         % (labels, logits))


# ---- sigmoid ----

def sigmoid_cross_entropy_with_logits(_sentinel=None, labels=None, logits=None, name=None):
    """-labels * log(sigmoid(logits)) - (1 - labels) * log(1 - sigmoid(logits)), each element for
    itself."""
    _named_only("sigmoid_cross_entropy_with_logits", _sentinel, labels, logits)
    return _logistic("sigmoid_cross_entropy_with_logits", "labels", labels, logits, {}, name)


def weighted_cross_entropy_with_logits(labels=None, logits=None, pos_weight=None, name=None,
                                       targets=None):
    """As sigmoid_cross_entropy_with_logits(), the first term times pos_weight."""
    labels = one_of("labels", labels, "targets", targets)
    if not isinstance(pos_weight, (int, float)):
        return _weighted_by_tensor(labels, logits, pos_weight, name)
    return _logistic("weighted_cross_entropy_with_logits", "targets", labels, logits,
                     {"pos_weight": pos_weight}, name)


def _logistic(composite, word, labels, logits, more, name, shown=None):
    logits = ops.convert_to_tensor(logits, name="logits")
    labels = ops.convert_to_tensor(labels, dtype_hint=logits.dtype, name=word)
    _check_same_shape(shown or word, labels, logits)
    return _core.composite(composite, dict({word: labels, "logits": logits}, **more), name)


def _check_same_shape(word, labels, logits):
    if not labels.get_shape().is_compatible_with(logits.get_shape()):
        raise ValueError("logits and %s must have the same shape (%s vs %s)"
                         % (word, logits.get_shape(), labels.get_shape()))


def _weighted_by_tensor(labels, logits, pos_weight, name):
    """The composite's formula, for a weight that is a tensor:
    (1 - z) x + (1 + (q - 1) z) (log(1 + exp(-|x|)) + max(-x, 0))"""
    with ops.name_scope(name, "logistic_loss", [logits, labels]) as scope:
        logits = ops.convert_to_tensor(logits, name="logits")
        labels = ops.convert_to_tensor(labels, name="targets")
        _check_same_shape("targets", labels, logits)
        weight = 1 + (pos_weight - 1) * labels
        softplus = gen_math_ops.log1p(gen_math_ops.exp(-gen_math_ops._abs(logits))) + \
            gen_nn_ops.relu(-logits)
        return gen_math_ops.add((1 - labels) * logits, weight * softplus, name=scope)


def log_poisson_loss(targets, log_input, compute_full_loss=False, name=None):
    """exp(c) - z c, the loss of a Poisson distribution; with the constant terms by Stirling's
    formula if `compute_full_loss`."""
    with ops.name_scope(name, "log_poisson_loss", [log_input, targets]):
        log_input = ops.convert_to_tensor(log_input, name="log_input")
        targets = ops.convert_to_tensor(targets, name="targets")
        if not targets.get_shape().is_compatible_with(log_input.get_shape()):
            raise ValueError("log_input and targets must have the same shape (%s vs %s)"
                             % (log_input.get_shape(), targets.get_shape()))
        result = gen_math_ops.exp(log_input) - log_input * targets
        if compute_full_loss:
            point_five = ops.convert_to_tensor(0.5, dtype=targets.dtype.base_dtype)
            two_pi = ops.convert_to_tensor(2 * math.pi, dtype=targets.dtype.base_dtype)
            stirling = targets * gen_math_ops.log(targets) - targets + \
                point_five * gen_math_ops.log(two_pi * targets)
            zeros = array_creation.zeros_like(targets)
            ones = array_creation.ones_like(targets)
            small = gen_math_ops.logical_and(gen_math_ops.greater_equal(targets, zeros),
                                             gen_math_ops.less_equal(targets, ones))
            result += gen_math_ops.select(small, zeros, stirling)
        return result


# ---- over a sample of the classes ----

def _sum_rows(x):
    """The sums of a matrix's rows, as a product, whose gradient is cheap."""
    columns = array_shapes.shape(x)[1]
    ones = array_creation.ones(array_joining.stack([columns, 1]), x.dtype)
    return array_shapes.reshape(math_matrix.matmul(x, ones), [-1])


def _compute_sampled_logits(weights, biases, labels, inputs, num_sampled, num_classes, num_true=1,
                            sampled_values=None, subtract_log_q=True, remove_accidental_hits=False,
                            partition_strategy="mod", name=None, seed=None):
    """(logits, labels) of the true classes and of sampled ones, num_true + num_sampled columns."""
    weights = embedding_ops.table_parts(weights)
    with ops.name_scope(name, "compute_sampled_logits", weights + [biases, inputs, labels]):
        labels = math_elementwise.cast(ops.convert_to_tensor(labels, name="labels"), dtypes.int64)
        inputs = ops.convert_to_tensor(inputs, name="inputs")
        flat = array_shapes.reshape(labels, [-1])
        if sampled_values is None:
            sampled_values = candidate_sampling_ops.log_uniform_candidate_sampler(
                true_classes=labels, num_true=num_true, num_sampled=num_sampled, unique=True,
                range_max=num_classes, seed=seed)
        sampled, true_expected, sampled_expected = (
            gen_array_ops.stop_gradient(ops.convert_to_tensor(s)) for s in sampled_values)
        sampled = math_elementwise.cast(sampled, dtypes.int64)
        true_logits, sampled_logits = _both_logits(weights, biases, inputs, flat, sampled, num_true,
                                                   partition_strategy)
        if remove_accidental_hits:
            sampled_logits += _hits(labels, sampled, num_true, sampled_logits)
        if subtract_log_q:
            true_logits -= gen_math_ops.log(true_expected)
            sampled_logits -= gen_math_ops.log(sampled_expected)
        out_logits = array_joining.concat([true_logits, sampled_logits], 1, name="concat")
        out_labels = array_joining.concat([
            array_creation.ones_like(true_logits) / num_true,
            array_creation.zeros_like(sampled_logits)], 1, name="concat_1")
        return out_logits, out_labels


def _both_logits(weights, biases, inputs, labels, sampled, num_true, strategy):
    """The logits of the true classes, [rows, num_true], and of the sampled ones."""
    ids = array_joining.concat([labels, sampled], 0)
    all_w = embedding_ops.embedding_lookup(weights, ids, partition_strategy=strategy)
    all_b = embedding_ops.embedding_lookup(biases, ids, partition_strategy=strategy)
    count = array_shapes.shape(labels)[0]
    split = array_joining.stack([count, -1])
    start = array_joining.stack([count, 0])
    true_w = array_slicing.slice(all_w, [0, 0], split)
    sampled_w = array_slicing.slice(all_w, start, [-1, -1])
    true_b = array_slicing.slice(all_b, [0], array_shapes.reshape(count, [1]))
    sampled_b = array_slicing.slice(all_b, array_shapes.reshape(count, [1]), [-1])
    sampled_logits = math_matrix.matmul(inputs, sampled_w, transpose_b=True) + sampled_b
    width = array_shapes.shape(true_w)[1]
    products = array_shapes.expand_dims(inputs, 1) * array_shapes.reshape(
        true_w, array_joining.stack([-1, num_true, width]))
    true_logits = array_shapes.reshape(
        _sum_rows(array_shapes.reshape(products, array_joining.stack([-1, width]))),
        [-1, num_true])
    return true_logits + array_shapes.reshape(true_b, [-1, num_true]), sampled_logits


def _hits(labels, sampled, num_true, logits):
    """What takes sampled classes that are true ones out of play: a great negative number there."""
    rows, places, weights = candidate_sampling_ops.compute_accidental_hits(labels, sampled,
                                                                           num_true=num_true)
    rows = array_shapes.reshape(rows, [-1, 1])
    places = array_shapes.reshape(math_elementwise.cast(places, dtypes.int32), [-1, 1])
    indices = array_joining.concat([rows, places], 1, name="sparse_indices")
    shape = array_shapes.shape(logits)
    return gen_array_ops.scatter_nd(indices, math_elementwise.cast(weights, logits.dtype), shape)


def nce_loss(weights, biases, labels, inputs, num_sampled, num_classes, num_true=1,
             sampled_values=None, remove_accidental_hits=False, partition_strategy="mod",
             name="nce_loss"):
    """The noise-contrastive loss of each row (Gutmann and Hyvarinen 2010)."""
    logits, labels = _compute_sampled_logits(
        weights=weights, biases=biases, labels=labels, inputs=inputs, num_sampled=num_sampled,
        num_classes=num_classes, num_true=num_true, sampled_values=sampled_values,
        subtract_log_q=True, remove_accidental_hits=remove_accidental_hits,
        partition_strategy=partition_strategy, name=name)
    node_counts.add(4)
    losses = sigmoid_cross_entropy_with_logits(labels=labels, logits=logits, name="sampled_losses")
    return _sum_rows(losses)


def sampled_softmax_loss(weights, biases, labels, inputs, num_sampled, num_classes, num_true=1,
                         sampled_values=None, remove_accidental_hits=True,
                         partition_strategy="mod", name="sampled_softmax_loss", seed=None):
    """The softmax cross entropy of each row over the true classes and sampled ones, for training
    where there are many classes (Jean et al. 2014)."""
    logits, labels = _compute_sampled_logits(
        weights=weights, biases=biases, labels=labels, inputs=inputs, num_sampled=num_sampled,
        num_classes=num_classes, num_true=num_true, sampled_values=sampled_values,
        subtract_log_q=True, remove_accidental_hits=remove_accidental_hits,
        partition_strategy=partition_strategy, name=name, seed=seed)
    node_counts.add(44)
    labels = gen_array_ops.stop_gradient(labels, name="labels_stop_gradient")
    return gen_nn_ops.softmax_cross_entropy_with_logits(logits, labels)[0]


# ---- over replicas ----

def compute_average_loss(per_example_loss, sample_weight=None, global_batch_size=None):
    """The sum of the losses of the examples, over how many they are."""
    loss = ops.convert_to_tensor(per_example_loss)
    if sample_weight is not None:
        loss *= ops.convert_to_tensor(sample_weight, dtype=loss.dtype)
    if global_batch_size is None:
        global_batch_size = array_shapes.shape(loss)[0]
    return math_reduction.reduce_sum(loss) / math_elementwise.cast(
        ops.convert_to_tensor(global_batch_size), loss.dtype)


def scale_regularization_loss(regularization_loss):
    """The sum of the regularization losses; there is one replica."""
    return math_reduction.reduce_sum(ops.convert_to_tensor(np.float32(0)) + regularization_loss)
