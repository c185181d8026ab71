/* SPDX-License-Identifier: Apache-2.0
 * Unique and UniqueWithCounts: the elements of a vector without repetitions, in the order in which
 * they occur first. V2 does so with slices along an axis, of which a vector's elements are the
 * simplest kind. ListDiff: the elements of one vector that are not in another. */
#include "ops/slice_set.h"

/* ---- shapes ---- */

/* y, idx and, with counts, as many counts as y has slices. */
static void put_shapes(tw_infer *in, tw_shape y, int64_t dim)
{
    tw_infer_output(in, 0, y);
    tw_infer_output(in, 1, TW_SHAPE(dim));
    if (tw_infer_output_count(in) > 2)
        tw_infer_output(in, 2, TW_SHAPE(-1));
}

/* idx has the length of x; how many are different, only the values say. */
static void infer_v1(tw_infer *in)
{
    tw_shape x = tw_infer_vector(in, 0);
    put_shapes(in, TW_SHAPE(-1), tw_infer_dim(x, 0));
}

/* The axis is a vector: of one entry, or empty where x is a vector itself. */
static void infer_v2(tw_infer *in)
{
    tw_shape x = tw_infer_input(in, 0);
    const tw_array *axis = tw_infer_value(in, 1);
    tw_infer_vector(in, 1);
    if (tw_infer_failed(in) || !x.dims || !axis) {
        put_shapes(in, x.dims ? tw_infer_unknown(in, x.rank) : x, -1);
        return;
    }
    if (axis->count > 1)
        tw_infer_fail(in, "axis does not support input tensors larger than 1 elements");
    if (axis->count == 0 && x.rank != 1)
        tw_infer_fail(in, "unique expects a 1D vector.");
    int64_t at = axis->count == 0 ? 0 : tw_index_at(axis, 0);
    at = tw_infer_axis(in, at, x.rank);
    if (!tw_infer_failed(in))
        put_shapes(in, tw_infer_replace(in, x, (size_t)at, -1), x.dims[at]);
}

/* ---- numbers ---- */

/* Element i of an int32 or int64 array. */
static void put_index(tw_array *array, size_t i, int64_t value)
{
    if (array->dtype == TW_INT64)
        ((int64_t *)array->data)[i] = value;
    else
        ((int32_t *)array->data)[i] = (int32_t)value;
}

/* How often each member occurs in idx. */
static tw_status *count_members(tw_compute *c, const tw_slice_set *set, const tw_array *idx)
{
    tw_array *counts;
    TW_TRY(tw_compute_allocate(c, 2, TW_SHAPE((int64_t)set->count), &counts));
    tw_zero_array(counts);
    for (size_t i = 0; i < idx->count; i++) {
        size_t at = (size_t)tw_index_at(idx, i);
        put_index(counts, at, tw_index_at(counts, at) + 1);
    }
    return TW_OK;
}

/* The members side by side. */
static tw_status *gather_members(tw_compute *c, const tw_slice_set *set, size_t axis)
{
    const tw_array *x = set->array;
    int64_t dims[TW_MAX_RANK];
    tw_array *y;
    for (size_t i = 0; i < x->rank; i++)
        dims[i] = i == axis ? (int64_t)set->count : x->dims[i];
    TW_TRY(tw_compute_allocate(c, 0, (tw_shape){dims, x->rank}, &y));
    if (y->count == 0)
        return TW_OK;
    tw_par par = tw_compute_par(c);
    return tw_gather_rows(x->dtype, set->outer, set->dim, set->inner, x->data, TW_INT64,
                          set->members, set->count, y->data, &par);
}

/* Slices are numbered as they come; the set remembers the first of each. */
static tw_status *put_results(tw_compute *c, tw_slice_set *set, size_t axis)
{
    tw_array *idx;
    TW_TRY(tw_compute_allocate(c, 1, TW_SHAPE((int64_t)set->dim), &idx));
    if (idx->dtype == TW_INT32 && set->dim > INT32_MAX)
        return tw_compute_fail(c, "unique does not support input tensors larger than 2147483647 "
                                  "elements");
    TW_TRY(tw_slice_set_fill(set, idx));
    TW_TRY(gather_members(c, set, axis));
    return c->output_count > 2 ? count_members(c, set, idx) : TW_OK;
}

/* The set is let go whatever happens. */
static tw_status *unique(tw_compute *c, size_t axis)
{
    tw_slice_set set;
    tw_status *status = tw_slice_set_init(&set, tw_input(c, 0), axis);
    status = status ? status : put_results(c, &set, axis);
    tw_slice_set_clear(&set);
    return status;
}

static tw_status *compute_v1(tw_compute *c)
{
    return unique(c, 0);
}

static tw_status *compute_v2(tw_compute *c)
{
    size_t axis = 0;
    if (tw_input(c, 1)->count > 0)
        TW_TRY(tw_compute_axis(c, 1, tw_input(c, 0)->rank, &axis));
    return unique(c, axis);
}

const tw_op_definition tw_op_Unique = {
    .signature = "x: T -> y: T, idx: out_idx; T: type; out_idx: {int32, int64} = int32",
    .doc = "The elements of the vector `x` without repetitions, in the order of their first "
           "occurrence, and for each element of x its place among them: y[idx[i]] = x[i].",
    .since = "out_idx: 0.12",
    .examples = {"unique([1, 1, 2, 4, 4, 7]) -> [1, 2, 4, 7], [0, 0, 1, 2, 2, 3]"},
    .infer = infer_v1,
    .gradient = tw_gradient_undefined,
    .compute = compute_v1,
};

const tw_op_definition tw_op_UniqueWithCounts = {
    .signature = "x: T -> y: T, idx: out_idx, count: out_idx; T: type; "
                 "out_idx: {int32, int64} = int32",
    .doc = "As Unique, and how often each of the elements occurs.",
    .since = "UniqueWithCounts: 0.8; out_idx: 0.12",
    .examples = {"unique_with_counts([3, 3, 5]) -> [3, 5], [0, 0, 1], [2, 1]"},
    .infer = infer_v1,
    .gradient = tw_gradient_undefined,
    .compute = compute_v1,
};

const tw_op_definition tw_op_UniqueV2 = {
    .signature = "x: T, axis: Taxis -> y: T, idx: out_idx; T: type; "
                 "Taxis: {int32, int64} = int64; out_idx: {int32, int64} = int32",
    .doc = "The slices of `x` along the dimension `axis` (a vector of one entry, or of none for a "
           "vector x) without repetitions, and for each slice its place among them.",
    .builder = "unique_v2",
    .since = "UniqueV2: 1.5",
    .examples = {"unique_v2([[1, 0], [1, 0], [2, 0]], [0]) -> [[1, 0], [2, 0]], [0, 0, 1]"},
    .shape_inputs = 1 << 1,
    .infer = infer_v2,
    .gradient = tw_gradient_undefined,
    .compute = compute_v2,
};

const tw_op_definition tw_op_UniqueWithCountsV2 = {
    .signature = "x: T, axis: Taxis -> y: T, idx: out_idx, count: out_idx; T: type; "
                 "Taxis: {int32, int64} = int64; out_idx: {int32, int64} = int32",
    .doc = "As UniqueV2, and how often each of the slices occurs.",
    .builder = "unique_with_counts_v2",
    .since = "UniqueWithCountsV2: 1.5",
    .examples = {"unique_with_counts_v2([[1, 2, 1]], [1]) -> [[1, 2]], [0, 1, 0], [2, 1]"},
    .shape_inputs = 1 << 1,
    .infer = infer_v2,
    .gradient = tw_gradient_undefined,
    .compute = compute_v2,
};

/* ---- ListDiff ---- */

/* Both results have a length that only the values say. */
static void infer_diff(tw_infer *in)
{
    for (size_t i = 0; i < 2; i++) {
        tw_infer_vector(in, i);
        tw_infer_output(in, i, TW_SHAPE(-1));
    }
}

/* Places of what is not there, as many as there are. */
static size_t collect_missing(const bool *there, size_t n, int64_t *places)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        places[count] = (int64_t)i;
        count += !there[i];
    }
    return count;
}

/* What is not there, and its places. */
static tw_status *put_missing(tw_compute *c, const int64_t *places, size_t count)
{
    const tw_array *x = tw_input(c, 0);
    tw_array *out, *idx;
    TW_TRY(tw_compute_allocate(c, 0, TW_SHAPE((int64_t)count), &out));
    TW_TRY(tw_compute_allocate(c, 1, TW_SHAPE((int64_t)count), &idx));
    if (idx->dtype == TW_INT32 && x->count > INT32_MAX)
        return tw_compute_fail(c, "x too large for int32 indexing");
    for (size_t i = 0; i < count; i++)
        put_index(idx, i, places[i]);
    tw_par par = tw_compute_par(c);
    return count ? tw_gather_rows(x->dtype, 1, x->count, 1, x->data, TW_INT64, places, count,
                                  out->data, &par)
                 : TW_OK;
}

/* The set is let go whatever happens. */
static tw_status *look_for_all(tw_slice_set *set, const tw_array *x, const tw_array *y, bool *there)
{
    tw_status *status = tw_slice_set_init(set, y, 0);
    status = status ? status : tw_slice_set_fill(set, NULL);
    status = status ? status : tw_slice_set_look(set, x, there);
    tw_slice_set_clear(set);
    return status;
}

static tw_status *compute_diff(tw_compute *c)
{
    const tw_array *x = tw_input(c, 0);
    tw_slice_set set;
    bool *there = tw_alloc(x->count);
    int64_t *places = tw_alloc_array(x->count + 1, sizeof *places);
    tw_status *status = there && places ? look_for_all(&set, x, tw_input(c, 1), there)
                                        : tw_no_memory();
    if (!status)
        status = put_missing(c, places, collect_missing(there, x->count, places));
    tw_free(places);
    tw_free(there);
    return status;
}

const tw_op_definition tw_op_ListDiff = {
    .signature = "x: T, y: T -> out: T, idx: out_idx; T: type; out_idx: {int32, int64} = int32",
    .doc = "The elements of the vector `x` that are not in `y`, in their order and with their "
           "repetitions, and their places in x.",
    .builder = "setdiff1d",
    .since = "out_idx: 0.12",
    .examples = {"setdiff1d([1, 2, 3, 4, 5, 6], [1, 3, 5]) -> [2, 4, 6], [1, 3, 5]"},
    .infer = infer_diff,
    .gradient = tw_gradient_undefined,
    .compute = compute_diff,
};
