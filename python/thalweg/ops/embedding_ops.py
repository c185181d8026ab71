# SPDX-License-Identifier: Apache-2.0
"""Rows of tables found by number; sums and means of such rows for lists of numbers."""
from thalweg import _core
from thalweg.framework import dtypes, node_counts, ops, tensor_shape
from thalweg.ops import (array_creation, array_joining, array_moving, array_shapes, array_slicing,
                         gen_array_ops, gen_math_ops, math_elementwise, math_reduction)


def embedding_lookup(params, ids, partition_strategy="mod", name=None, validate_indices=True,
                     max_norm=None):
    """Row ids[i] of a table for each i. A table in several parts has its rows dealt out to them
    ("mod") or in one run after another ("div"). Rows longer than max_norm are shortened to it."""
    del validate_indices  # indices are always checked
    params = table_parts(params)
    if max_norm is not None and len(params) == 1:
        return _clipped_single(params[0], ids, max_norm, name)
    if len(params) == 1 or partition_strategy == "mod" and max_norm is None and _known(params):
        if not isinstance(ids, ops.Tensor):
            with ops.name_scope(name, "embedding_lookup") as scope:
                ids = ops.convert_to_tensor(ids, name="ids")
            name = scope
        return _core.composite("embedding_lookup", {"params": params, "ids": ids}, name)
    return _from_parts(params, ids, partition_strategy, max_norm, name)


def table_parts(params):
    """The parts of a table as a list of tensors."""
    if params is None:
        raise ValueError("Need at least one param")
    if hasattr(params, "_get_variable_list"):  # a partitioned variable
        params = list(params)
    if not isinstance(params, (list, tuple)):
        params = [params]
    if not params:
        raise ValueError("Need at least one param")
    return ops.convert_n_to_tensor_or_indexed_slices(list(params), name="params")


def _known(params):
    """Whether the sizes of a row are known."""
    return all(p.get_shape().ndims and p.get_shape()[1:].is_fully_defined() for p in params)


def _clipped_single(params, ids, max_norm, name):
    with ops.name_scope(name, "embedding_lookup", [params, ids]) as scope:
        ids = ops.convert_to_tensor(ids, name="ids")
        with ops.colocate_with(params):
            rows = clip_rows(array_slicing.gather(params, ids, name=scope), ids, max_norm)
        return gen_array_ops.identity(rows)


def clip_rows(rows, ids, max_norm):
    """The rows of a lookup, those that are longer than max_norm shortened to it."""
    if max_norm is None:
        return rows
    ranks = ids.get_shape().ndims, rows.get_shape().ndims
    if None in ranks:
        axes = math_elementwise.range(array_shapes.rank(ids), array_shapes.rank(rows))
        return _clip_by_norm(rows, max_norm, axes)
    return _core.composite("clip_by_norm", {"t": rows, "clip_norm": float(max_norm),
                                            "axes": list(range(*ranks))}) \
        if ranks[1] > ranks[0] and isinstance(max_norm, (int, float)) \
        else _clip_by_norm(rows, max_norm, list(range(*ranks)))


def _clip_by_norm(rows, max_norm, axes):
    norm = gen_math_ops.sqrt(math_reduction.reduce_sum(rows * rows, axes, keepdims=True))
    return rows * max_norm / gen_math_ops.maximum(norm, max_norm)


def _from_parts(params, ids, strategy, max_norm, name):
    """Ids are dealt to the parts, and the rows found put back in the ids' order."""
    count = len(params)
    with ops.name_scope(name, "embedding_lookup", list(params) + [ids]) as scope:
        ids = ops.convert_to_tensor(ids, name="ids")
        flat = array_shapes.reshape(ids, [-1])
        places = math_elementwise.range(array_shapes.size(flat))
        if strategy == "mod":
            part, within = flat % count, flat // count
        elif strategy == "div":
            part, within = _runs(params, flat)
        else:
            raise ValueError("Unrecognized partition strategy: " + str(strategy))
        part = math_elementwise.cast(part, dtypes.int32)
        dealt = gen_array_ops.dynamic_partition(within, part, count)
        origins = gen_array_ops.dynamic_partition(places, part, count)
        rows = []
        for table, wanted in zip(params, dealt):
            with ops.colocate_with(table):
                rows.append(clip_rows(array_slicing.gather(table, wanted), wanted, max_norm))
        found = gen_array_ops.parallel_dynamic_stitch(origins, rows, name=scope)
        return _shaped(found, params, ids)


def _runs(params, ids):
    """(part, row in it) of ids where part 0 has the first rows, part 1 the next, and the first
    parts have one row more if they do not divide evenly."""
    count = len(params)
    sizes = [p.get_shape().dims[0].value if p.get_shape().ndims else None for p in params]
    if all(size is not None for size in sizes):
        total = ops.convert_to_tensor(sum(sizes), dtype=ids.dtype)
    else:
        lengths = []
        for table, size in zip(params, sizes):
            with ops.colocate_with(table):
                lengths.append(array_shapes.shape(table)[0] if size is None else size)
        total = math_elementwise.cast(math_reduction.reduce_sum(
            array_joining.stack(lengths)), ids.dtype)
    each, more = total // count, total % count
    part = gen_math_ops.maximum(ids // (each + 1), (ids - more) // each)
    within = array_slicing.where(part < more, ids % (each + 1), (ids - more) % each)
    return part, within


def _shaped(found, params, ids):
    """Rows, in the shape of the ids."""
    element = params[0].get_shape()[1:]
    for table in params[1:]:
        element = element.merge_with(table.get_shape()[1:])
    if element.is_fully_defined():
        sizes = element.as_list()
    else:
        with ops.colocate_with(params[0]):
            sizes = array_shapes.shape(params[0])[1:]
    made = array_shapes.reshape(found, array_joining.concat([array_shapes.shape(ids), sizes], 0))
    made.set_shape(ids.get_shape().concatenate(element))
    return made


# ---- lists of ids ----

def embedding_lookup_sparse(params, sp_ids, sp_weights, partition_strategy="mod", name=None,
                            combiner=None, max_norm=None):
    """For each row of a sparse tensor of ids the rows of a table with these ids, each times its
    weight, combined by "sum", "mean" (divided by the sum of the weights) or "sqrtn" (by the root of
    the sum of their squares)."""
    combiner = _checked(sp_ids, sp_weights, combiner)
    if hasattr(params, "_get_variable_list"):
        params = list(params)
    params = params if isinstance(params, (list, tuple)) else [params]
    with ops.name_scope(name, "embedding_lookup_sparse", list(params) + [sp_ids]) as scope:
        segments = math_elementwise.cast(sp_ids.indices[:, 0], dtypes.int32)
        ids = sp_ids.values
        if sp_weights is None:
            ids, places = array_slicing.unique(ids)
            rows = embedding_lookup(params, ids, partition_strategy=partition_strategy,
                                    max_norm=max_norm)
            op = {"sum": gen_math_ops.sparse_segment_sum, "mean": gen_math_ops.sparse_segment_mean,
                  "sqrtn": gen_math_ops.sparse_segment_sqrt_n}[combiner]
            return op(rows, places, segments, name=scope)
        rows = embedding_lookup(params, ids, partition_strategy=partition_strategy,
                                max_norm=max_norm)
        return _weighted(rows, sp_weights.values, segments, combiner, scope)


def _checked(sp_ids, sp_weights, combiner):
    combiner = "mean" if combiner is None else combiner
    if combiner not in ("mean", "sqrtn", "sum"):
        raise ValueError("combiner must be one of 'mean', 'sqrtn' or 'sum'")
    if not isinstance(sp_ids, ops.SparseTensor):
        raise TypeError("sp_ids must be SparseTensor")
    if sp_weights is None:
        return combiner
    if not isinstance(sp_weights, ops.SparseTensor):
        raise TypeError("sp_weights must be either None or SparseTensor")
    for mine, other in ((sp_ids.values, sp_weights.values), (sp_ids.indices, sp_weights.indices),
                        (sp_ids.dense_shape, sp_weights.dense_shape)):
        mine.get_shape().assert_is_compatible_with(other.get_shape())
    return combiner


def _weighted(rows, weights, segments, combiner, name):
    """Sums of rows times weights, over each segment."""
    weights = math_elementwise.cast(weights, rows.dtype)
    static, weight_shape = rows.get_shape(), weights.get_shape()
    ones = array_creation.fill(array_shapes.expand_dims(array_shapes.rank(rows) - 1, 0), 1)
    sizes = array_joining.concat([array_shapes.shape(weights), ones], 0)
    wide = array_shapes.reshape(weights, sizes)
    if static.ndims is not None:
        wide.set_shape(weight_shape.concatenate(tensor_shape.TensorShape([1] * (static.ndims - 1))))
    sums = gen_math_ops.segment_sum(rows * wide, segments,
                                    name=name if combiner == "sum" else None)
    if combiner == "sum":
        return sums
    if combiner == "mean":
        return gen_math_ops.div(sums, gen_math_ops.segment_sum(wide, segments), name=name)
    squares = gen_math_ops.segment_sum(gen_math_ops.square(wide), segments)
    return gen_math_ops.div(sums, gen_math_ops.sqrt(squares), name=name)


def safe_embedding_lookup_sparse(embedding_weights, sparse_ids, sparse_weights=None,
                                 combiner="mean", default_id=None, name=None,
                                 partition_strategy="div", max_norm=None):
    """As embedding_lookup_sparse(), for ids that may be below 0 (left out) and rows that may be
    empty (the row `default_id`, or zeros)."""
    from thalweg.ops import sparse_ops
    if embedding_weights is None:
        raise ValueError("Missing embedding_weights %s." % embedding_weights)
    weights = table_parts(embedding_weights)
    with ops.name_scope(name, "embedding_lookup", weights + [sparse_ids, sparse_weights]) as scope:
        shape = sparse_ids.dense_shape
        rank = shape.get_shape().num_elements() or 2
        outer = array_slicing.slice(shape, [0], [rank - 1])
        flat = [gen_math_ops.prod(outer, [0]), shape[rank - 1]]
        ids = sparse_ops.sparse_reshape(sparse_ids, flat)
        more = None if sparse_weights is None else ops.SparseTensor(
            ids.indices, sparse_weights.values, ids.dense_shape)
        ids, more = _without_bad_ids(ids, more, combiner, sparse_ops)
        ids, empty = sparse_ops.sparse_fill_empty_rows(ids, default_id or 0)
        if more is not None:
            more, _ = sparse_ops.sparse_fill_empty_rows(more, 1.0)
        result = embedding_lookup_sparse(
            weights, ids, more, combiner=combiner, partition_strategy=partition_strategy,
            name=None if default_id is None else scope, max_norm=max_norm)
        if default_id is None:
            empty = array_moving.tile(array_shapes.reshape(empty, [-1, 1]), array_joining.stack(
                [1, array_shapes.shape(result)[1]]))
            result = array_slicing.where(empty, array_creation.zeros_like(result), result,
                                         name=scope)
        final = array_shapes.reshape(result, array_joining.concat([
            math_elementwise.cast(outer, dtypes.int32), array_shapes.shape(result)[1:]], 0))
        node_counts.add(1)
        return final


def _without_bad_ids(ids, weights, combiner, sparse_ops):
    """Without ids below 0, and without those whose weight is not above 0."""
    good = gen_math_ops.greater_equal(ids.values, 0)
    if weights is not None and combiner != "sum":
        good = gen_math_ops.logical_and(good, gen_math_ops.greater(weights.values, 0))
    if weights is not None:
        weights = sparse_ops.sparse_retain(weights, good)
    return sparse_ops.sparse_retain(ids, good), weights
