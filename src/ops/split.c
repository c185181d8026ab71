/* SPDX-License-Identifier: Apache-2.0
 * Split, SplitV: one array cut into several along an axis, in equal parts or in parts of given
 * sizes. */
#include "ops/arrays.h"

/* A pointer and a length for each part. */
static size_t workspace(const tw_compute *c)
{
    return c->output_count * (sizeof(size_t) + sizeof(void *));
}

/* The sizes of the outputs say where the cuts are. */
static tw_status *cut(tw_compute *c, const tw_array *value, size_t axis)
{
    size_t count = c->output_count;
    void **parts = c->workspace;
    size_t *lengths = (size_t *)(parts + count);
    if (value->count == 0)
        return TW_OK;
    for (size_t i = 0; i < count; i++) {
        const tw_array *part = tw_output(c, i);
        parts[i] = part->data;
        lengths[i] = tw_span(part->dims, axis, part->rank);
    }
    tw_par par = tw_compute_par(c);
    par.workspace = NULL;
    return (tw_split)(value->dtype, tw_span(value->dims, 0, axis), count, lengths, value->data,
                      parts, &par);
}

/* Parts of one shape. */
static void put_all(tw_infer *in, tw_shape shape)
{
    for (size_t i = 0; i < tw_infer_output_count(in); i++)
        tw_infer_output(in, i, shape);
}

/* ---- Split ---- */

/* A dimension that is not known leaves those of the parts unknown too; an axis that is not known
 * leaves only the rank. */
static void infer_split(tw_infer *in)
{
    tw_shape value = tw_infer_input(in, 1);
    int64_t axis, count = (int64_t)tw_infer_output_count(in), rank = (int64_t)value.rank;
    tw_infer_scalar(in, 0);
    if (!value.dims)
        return;
    if (!tw_infer_int_value(in, 0, &axis)) {
        put_all(in, tw_infer_unknown(in, value.rank));
        return;
    }
    if (axis < -rank || axis >= rank) {
        tw_infer_fail(in,
                      "Dimension size, given by scalar input %" PRId64
                      " must be in range [-%" PRId64 ", %" PRId64 ")",
                      axis, rank, rank);
        return;
    }
    axis += axis < 0 ? rank : 0;
    int64_t dim = value.dims[axis];
    if (dim >= 0 && dim % count != 0)
        tw_infer_fail(in,
                      "Number of ways to split should evenly divide the split dimension, but got "
                      "split_dim %" PRId64 " (size = %" PRId64 ") and num_split %" PRId64,
                      axis, dim, count);
    put_all(in, tw_infer_replace(in, value, (size_t)axis, dim < 0 ? -1 : dim / count));
}

/* Parts that nothing flows into count as zeros. */
static tw_status *gradient_split(tw_gradient *g)
{
    tw_tensors dys;
    TW_TRY(tw_gradient_dys(g, g->output_count, &dys));
    g->dx[1] = tw_grad_of(dys.count == 1 ? dys.items[0] : tw_concat(dys, g->inputs[0]));
    tw_free((void *)(uintptr_t)dys.items);
    return TW_OK;
}

/* That the parts are equal is the rule's to check: here the axis alone is a value. */
static tw_status *compute_split(tw_compute *c)
{
    const tw_array *value = tw_input(c, 1);
    size_t axis;
    TW_TRY(tw_compute_axis(c, 0, value->rank, &axis));
    return cut(c, value, axis);
}

const tw_op_definition tw_op_Split = {
    .signature = "split_dim: int32, value: T -> output: num_split * T; num_split: int >= 1; "
                 "T: type",
    .doc = "`value` cut into `num_split` equal parts along the dimension `split_dim`.",
    .since = "a negative dimension: 1.0",
    .examples = {"split(0, [1, 2, 3, 4], 2) -> [1, 2], [3, 4]",
                 "split(1, [[1, 2], [3, 4]], 2) -> [[1], [3]], [[2], [4]]"},
    .shape_inputs = 1,
    .infer = infer_split,
    .gradient = gradient_split,
    .compute = compute_split,
    .workspace = workspace,
};

/* ---- SplitV ---- */

/* What is left for the one open part; -1: not known. */
static int64_t open_size(tw_infer *in, const tw_array *sizes, int64_t dim)
{
    int64_t sum = 0;
    bool open = false;
    for (size_t i = 0; i < sizes->count; i++) {
        int64_t size = tw_index_at(sizes, i);
        if (size == -1 && open)
            tw_infer_fail(in, "size_splits can only have one -1");
        if (size < -1 || (size >= 0 && !tw_dim_add(sum, size, &sum)))
            tw_infer_fail(in, "Split size at index %zu must be >= 0. Got: %" PRId64, i, size);
        open |= size == -1;
    }
    if (!tw_infer_failed(in) && dim >= 0 && (open ? sum > dim : sum != dim))
        tw_infer_fail(in,
                      "Determined shape must either match input shape along split_dim exactly if "
                      "fully specified, or be less than the size of the input along split_dim if "
                      "not fully specified.  Got: %" PRId64,
                      sum);
    return dim < 0 || tw_infer_failed(in) ? -1 : dim - sum;
}

/* The parts' sizes along the axis are values; one of them may be -1, for what the others leave.
 * A single part is all of it, whatever its size says. */
static void infer_split_v(tw_infer *in)
{
    tw_shape value = tw_infer_input(in, 0);
    const tw_array *sizes = tw_infer_value(in, 1);
    size_t count = tw_infer_output_count(in);
    int64_t axis, given = tw_infer_dim(tw_infer_vector(in, 1), 0);
    tw_infer_scalar(in, 2);
    if (!tw_dims_agree(given, (int64_t)count))
        tw_infer_fail(in,
                      "Length of size_splits should be equal to num_outputs, %" PRId64 " and %zu",
                      given, count);
    if (!value.dims || tw_infer_failed(in))
        return;
    if (value.rank == 0)
        tw_infer_fail(in, "Can't split scalars");
    if (!tw_infer_int_value(in, 2, &axis)) {
        put_all(in, tw_infer_unknown(in, value.rank));
        return;
    }
    axis = tw_infer_axis(in, axis, value.rank);
    if (tw_infer_failed(in))
        return;
    int64_t dim = value.dims[axis], rest = sizes ? open_size(in, sizes, dim) : dim;
    for (size_t i = 0; i < count; i++) {
        int64_t size = sizes ? tw_index_at(sizes, i) : count == 1 ? dim : -1;
        tw_infer_output(in, i, tw_infer_replace(in, value, (size_t)axis, size < 0 ? rest : size));
        rest = sizes ? rest : -1;
    }
}

/* The way back needs no sizes: the parts have them. */
static tw_status *gradient_split_v(tw_gradient *g)
{
    tw_tensors dys;
    TW_TRY(tw_gradient_dys(g, g->output_count, &dys));
    g->dx[0] = tw_grad_of(dys.count == 1 ? dys.items[0] : tw_concat(dys, g->inputs[2]));
    tw_free((void *)(uintptr_t)dys.items);
    return TW_OK;
}

static tw_status *compute_split_v(tw_compute *c)
{
    const tw_array *value = tw_input(c, 0);
    size_t axis;
    TW_TRY(tw_compute_axis(c, 2, value->rank, &axis));
    return cut(c, value, axis);
}

const tw_op_definition tw_op_SplitV = {
    .signature = "value: T, size_splits: Tlen, split_dim: int32 -> output: num_split * T; "
                 "num_split: int >= 1; T: type; Tlen: {int32, int64} = int64",
    .doc = "`value` cut along the dimension `split_dim` into parts of the sizes `size_splits`; one "
           "of them may be -1: what is left.",
    .builder = "split_v",
    .since = "SplitV: 0.12; a negative dimension: 1.0",
    .examples = {"split_v([1, 2, 3, 4, 5], [2, 3], 0, 2) -> [1, 2], [3, 4, 5]",
                 "split_v([1, 2, 3, 4, 5], [-1, 1], 0, 2) -> [1, 2, 3, 4], [5]"},
    .shape_inputs = 1 << 1 | 1 << 2,
    .infer = infer_split_v,
    .gradient = gradient_split_v,
    .compute = compute_split_v,
    .workspace = workspace,
};
