/* SPDX-License-Identifier: Apache-2.0
 * Concat, ConcatV2, ConcatOffset: arrays one after the other along an axis. Concat takes the axis
 * first, ConcatV2 last; `first` is the input where the parts begin. */
#include "ops/arrays.h"

/* ---- shapes ---- */

/* Merges a part into what is known of all: other dims agree, those of `axis` add up (-1:
 * unknown). */
static tw_shape add_part(tw_infer *in, tw_shape sum, tw_shape part, size_t axis, int64_t *total)
{
    int64_t dim = tw_infer_dim(part, (int64_t)axis);
    if (*total >= 0 && dim >= 0 && !tw_dim_add(*total, dim, total))
        tw_infer_fail(in, "the size of the result is out of range");
    if (dim < 0)
        *total = -1;
    return tw_infer_merge(in, sum, tw_infer_replace(in, part, axis, -1));
}

/* The rank that the parts agree on, from those known; SIZE_MAX: none is. */
static size_t rank_of_parts(tw_infer *in, size_t first, size_t count)
{
    size_t rank = SIZE_MAX;
    for (size_t i = first; i < first + count; i++) {
        tw_shape part = tw_infer_input(in, i);
        if (!part.dims)
            continue;
        if (rank != SIZE_MAX && part.rank != rank)
            tw_infer_fail(in, "Shape must be rank %zu but is rank %zu", rank, part.rank);
        rank = part.rank;
    }
    if (rank == 0)
        tw_infer_fail(in, "Can't concatenate scalars (use tf.stack instead)");
    return rank;
}

/* Dims other than the axis merge, the axis adds up. An unknown axis leaves the rank, which the
 * parts still have in common. */
static void infer(tw_infer *in, size_t first, size_t axis_input)
{
    size_t count = tw_infer_input_count(in) - 1;
    tw_infer_scalar(in, axis_input);
    size_t rank = rank_of_parts(in, first, count);
    int64_t axis, total = 0;
    if (tw_infer_failed(in) || rank == SIZE_MAX)
        return;
    if (!tw_infer_int_value(in, axis_input, &axis)) {
        tw_infer_output(in, 0, tw_infer_unknown(in, rank));
        return;
    }
    axis = tw_infer_axis(in, axis, rank);
    tw_shape sum = tw_infer_unknown(in, rank);
    for (size_t i = first; i < first + count; i++)
        sum = add_part(in, sum, tw_infer_input(in, i), (size_t)axis, &total);
    tw_infer_output(in, 0, tw_infer_replace(in, sum, (size_t)axis, total));
}

/* Concat's axis is input 0; it must be a scalar. */
static void infer_v1(tw_infer *in)
{
    infer(in, 1, 0);
}

/* ConcatV2's axis is the last input, whichever number that is. */
static void infer_v2(tw_infer *in)
{
    infer(in, 0, tw_infer_input_count(in) - 1);
}

/* ---- derivatives ---- */

/* Sizes along the axis that are all known while building: one split. */
static bool split_known(tw_gradient *g, size_t first, int64_t axis, tw_tensors *out)
{
    size_t count = g->input_count - 1;
    int64_t *sizes = tw_alloc_array(count, sizeof *sizes);
    bool known = sizes != NULL;
    for (size_t i = 0; known && i < count; i++) {
        sizes[i] = tw_infer_dim(tw_tensor_shape(g->inputs[first + i]), axis);
        known = sizes[i] >= 0;
    }
    if (known)
        *out = tw_split_v(tw_gradient_dy(g, 0), ((tw_ints){sizes, count}), axis, (int64_t)count);
    tw_free(sizes);
    return known;
}

/* Parts are cut out at the places where they begin. */
static tw_status *slice_all(tw_gradient *g, size_t first, tw_tensor axis, bool negative)
{
    tw_tensors parts = {g->inputs + first, g->input_count - 1};
    tw_tensor dy = tw_gradient_dy(g, 0);
    tw_tensors sizes = tw_shape_n(parts);
    axis = tw_dtype_base(tw_tensor_dtype(axis)) == TW_INT64 ? tw_cast(axis, TW_INT32) : axis;
    tw_tensor from = negative ? tw_floor_mod(axis, tw_rank(parts.items[0])) : axis;
    tw_tensors offsets = tw_concat_offset(from, sizes);
    for (size_t i = 0; i < parts.count && i < sizes.count && i < offsets.count; i++)
        g->dx[first + i] = tw_grad_of(tw_slice(dy, offsets.items[i], sizes.items[i]));
    return TW_OK;
}

/* A constant axis and known parts become one Split, which costs less than slices; else offsets
 * are computed in the run. dx of the axis stays none. */
static tw_status *gradient(tw_gradient *g, size_t first, size_t axis_input)
{
    tw_array *value = tw_tensor_constant_value(g->inputs[axis_input]);
    tw_tensors parts;
    int64_t axis = value ? tw_index_at(value, 0) : -1;
    bool known = value && split_known(g, first, axis, &parts);
    tw_array_unref(value);
    if (!known)
        return slice_all(g, first, g->inputs[axis_input], !value || axis < 0);
    for (size_t i = 0; i < parts.count; i++)
        g->dx[first + i] = tw_grad_of(parts.items[i]);
    return TW_OK;
}

/* The parts begin at input 1 and their derivatives at dx[1]. */
static tw_status *gradient_v1(tw_gradient *g)
{
    return gradient(g, 1, 0);
}

/* The number of parts is that of the inputs less the axis. */
static tw_status *gradient_v2(tw_gradient *g)
{
    return gradient(g, 0, g->input_count - 1);
}

/* ---- numbers ---- */

/* A pointer and a length for each part, with one to spare for the axis; pointers come first, so
 * both are aligned. */
static size_t workspace(const tw_compute *c)
{
    return c->input_count * (sizeof(size_t) + sizeof(void *));
}

/* Pointers and lengths of the parts stand in the workspace, one after the other. par.workspace
 * is taken away so that the loop does not write over them. */
static tw_status *compute(tw_compute *c, size_t first, size_t axis_input)
{
    const tw_array *y = tw_output(c, 0);
    size_t count = c->input_count - 1u, axis;
    const void **parts = c->workspace;
    size_t *lengths = (size_t *)(parts + count);
    TW_TRY(tw_compute_axis(c, axis_input, y->rank, &axis));
    if (y->count == 0)
        return TW_OK;
    for (size_t i = 0; i < count; i++) {
        const tw_array *part = tw_input(c, first + i);
        parts[i] = part->data;
        lengths[i] = tw_span(part->dims, axis, part->rank);
    }
    tw_par par = tw_compute_par(c);
    par.workspace = NULL;
    return (tw_concat)(y->dtype, tw_span(y->dims, 0, axis), count, lengths, parts, y->data, &par);
}

/* Concat: input 0 is the axis, the parts follow. */
static tw_status *compute_v1(tw_compute *c)
{
    return compute(c, 1, 0);
}

/* ConcatV2: the parts come first and the axis is the last input. */
static tw_status *compute_v2(tw_compute *c)
{
    return compute(c, 0, c->input_count - 1u);
}

const tw_op_definition tw_op_Concat = {
    .signature = "concat_dim: int32, values: N * T -> output: T; N: int >= 2; T: type",
    .doc = "Arrays one after the other along the dimension `concat_dim`. ConcatV2 is the same with "
           "the dimension last.",
    .builder = "concat_v1",
    .since = "a negative dimension: 0.12",
    .examples = {"concat_v1(0, [[1, 2], [3]]) -> [1, 2, 3]"},
    .shape_inputs = 1,
    .infer = infer_v1,
    .gradient = gradient_v1,
    .compute = compute_v1,
    .workspace = workspace,
};

const tw_op_definition tw_op_ConcatV2 = {
    .signature = "values: N * T, axis: Tidx -> output: T; N: int >= 2; T: type; "
                 "Tidx: {int32, int64} = int32",
    .doc = "Arrays one after the other along the dimension `axis`; they agree in all others.",
    .builder = "concat_v2",
    .since = "ConcatV2: 0.11",
    .examples = {"concat_v2([[[1, 2], [3, 4]], [[5], [6]]], 1) -> [[1, 2, 5], [3, 4, 6]]",
                 "concat_v2([[[1]], [[2]]], -1) -> [[1, 2]]"},
    /* The axis is the last input: among the first 31, or else the bit of all later ones. */
    .shape_inputs = UINT32_MAX,
    .infer = infer_v2,
    .gradient = gradient_v2,
    .compute = compute_v2,
    .workspace = workspace,
};

/* ---- ConcatOffset ---- */

/* Each output is as long as its shape's vector. That these are vectors of one length is found in
 * the run, as in TensorFlow: the graph may be built of what only looks wrong. */
static void infer_offset(tw_infer *in)
{
    tw_infer_scalar(in, 0);
    for (size_t i = 1; i < tw_infer_input_count(in); i++)
        tw_infer_output(in, i - 1, tw_infer_input(in, i));
}

/* "[2 3]" */
static tw_text vector_text(const tw_array *vector)
{
    tw_text text = {"["};
    size_t at = 1;
    for (size_t i = 0; i < vector->count && at + 24 < sizeof text.s; i++)
        at += (size_t)snprintf(text.s + at, sizeof text.s - at, i ? " %" PRId64 : "%" PRId64,
                               tw_index_at(vector, i));
    snprintf(text.s + at, sizeof text.s - at, "]");
    return text;
}

/* The shapes are values here, so nothing was checked while building. They may differ only along
 * the axis, as for the Concat that they prepare. */
static tw_status *check_offset(const tw_compute *c, const tw_array *shape, size_t part, size_t axis)
{
    const tw_array *first = tw_input(c, 1);
    if (shape->rank != 1)
        return tw_compute_fail(c, "input %zu should be a vector, but has shape %s", part,
                               tw_shape_text(tw_array_shape(shape)).s);
    if (shape->count != first->count)
        return tw_compute_fail(c, "input %zu should contain %zu elements, but got %zu", part,
                               first->count, shape->count);
    for (size_t i = 0; i < shape->count; i++)
        if (i != axis && tw_index_at(shape, i) != tw_index_at(first, i))
            return tw_compute_fail(c,
                                   "All dimensions except %zu must match. Input %zu has shape %s "
                                   "and doesn't match input 0 with shape %s (mismatch: %" PRId64
                                   " vs. %" PRId64 ").",
                                   axis, part, vector_text(shape).s, vector_text(first).s,
                                   tw_index_at(first, i), tw_index_at(shape, i));
    return TW_OK;
}

/* Where each part begins along the axis, zero along all others. The sum is checked before it is
 * narrowed to int32. */
static tw_status *compute_offset(tw_compute *c)
{
    int64_t axis = tw_index_at(tw_input(c, 0), 0), rank = (int64_t)tw_input(c, 1)->count, sum = 0;
    if (axis < -rank || axis >= rank)
        return tw_compute_fail(c, "Concat dim is out of range: %" PRId64 " vs. %" PRId64, axis,
                               rank);
    axis += axis < 0 ? rank : 0;
    for (size_t i = 0; i < c->output_count; i++) {
        const tw_array *shape = tw_input(c, i + 1);
        tw_array *offset = tw_output(c, i);
        TW_TRY(check_offset(c, shape, i, (size_t)axis));
        tw_zero_array(offset);
        if (sum > INT32_MAX || sum < INT32_MIN)
            return tw_compute_fail(c, "the offset of part %zu does not fit in 32 bits", i);
        ((int32_t *)offset->data)[axis] = (int32_t)sum;
        sum += tw_index_at(shape, (size_t)axis);
    }
    return TW_OK;
}

const tw_op_definition tw_op_ConcatOffset = {
    .signature = "concat_dim: int32, shape: N * int32 -> offset: N * int32; N: int >= 2",
    .doc = "Where each part of a concatenation begins, from the shapes of the parts.",
    .since = "a negative dimension: 1.0",
    .examples = {"concat_offset(1, [[2, 2], [2, 3]]) -> [0, 0], [0, 2]"},
    .infer = infer_offset,
    .gradient = tw_not_differentiable,
    .compute = compute_offset,
};
