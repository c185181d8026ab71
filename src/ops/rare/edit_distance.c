/* SPDX-License-Identifier: Apache-2.0
 * EditDistance (Levenshtein 1965): how many elements must be put in, taken out or changed to make
 * one sequence of another. Sequences are the rows along the last dimension of two sparse tensors;
 * both are walked at once in their order, group by group. */
#include <string.h>

#include "ops/sparse.h"

/* The larger of both sizes, but for the last, which sequences lie along. */
/* Both tensors have one rank; sizes may be known of one side alone, and then nothing of the result
 * is. */
static void infer(tw_infer *in)
{
    tw_sparse_sizes left = tw_infer_sparse(in, 0), right = tw_infer_sparse(in, 3);
    tw_shape a = tw_infer_size_value(in, 2), b = tw_infer_size_value(in, 5);
    int64_t rank = left.rank < 0 ? right.rank : left.rank;
    if (!tw_dims_agree(left.rank, right.rank))
        tw_infer_fail(in, "Dimensions must be equal, but are %" PRId64 " and %" PRId64, left.rank,
                      right.rank);
    else if (rank == 0 || rank > TW_MAX_RANK)
        tw_infer_fail(in, "sequences need 1 to %d dimensions, not %" PRId64, TW_MAX_RANK, rank);
    if (rank < 0 || tw_infer_failed(in))
        return;
    int64_t *dims = tw_infer_dims(in, (size_t)rank - 1);
    for (int64_t i = 0; i < rank - 1; i++) {
        int64_t x = tw_infer_dim(a, i), y = tw_infer_dim(b, i);
        dims[i] = x < 0 || y < 0 ? -1 : x > y ? x : y;
    }
    tw_infer_output(in, 0, (tw_shape){dims, (size_t)rank - 1});
}

/* One of the two sparse tensors, and the group that is looked at: rows first .. end - 1. */
typedef struct side {
    const tw_array *indices, *values;
    size_t rank, first, end;
} side;

/* Row i of the indices, a number for each dimension. */
static const int64_t *row(const side *s, size_t i)
{
    return (const int64_t *)s->indices->data + i * s->rank;
}

/* The rows that are one sequence; none at the end. */
static void find_group(side *s)
{
    size_t count = s->values->count;
    s->end = s->first;
    while (s->end < count && !tw_compare_rows(row(s, s->first), row(s, s->end), s->rank - 1))
        s->end++;
}

/* Texts by their bytes, numbers by their value, anything else by what it looks like in memory. */
static bool same(const tw_array *a, size_t i, const tw_array *b, size_t j)
{
    if (a->dtype == TW_STRING)
        return tw_string_equal((const tw_string *)a->data + i, (const tw_string *)b->data + j);
    if (tw_dtype_is_floating(a->dtype))
        return tw_number_at(a, i) == tw_number_at(b, j);
    return !memcmp(tw_element_at(a, i), tw_element_at(b, j), tw_dtype_size(a->dtype));
}

/* costs[j]: from what was seen of `a` to the first j of `b`. */
static size_t distance(const side *a, const side *b, size_t *costs)
{
    /* One row of the table of costs is enough: `before` keeps the number that was overwritten
     * last. */
    size_t n = b->end - b->first;
    for (size_t j = 0; j <= n; j++)
        costs[j] = j;
    for (size_t i = a->first; i < a->end; i++) {
        size_t before = costs[0]++;
        for (size_t j = 1; j <= n; j++) {
            size_t change = before + !same(a->values, i, b->values, b->first + j - 1);
            size_t other = (costs[j] < costs[j - 1] ? costs[j] : costs[j - 1]) + 1;
            before = costs[j];
            costs[j] = change < other ? change : other;
        }
    }
    return costs[n];
}

/* As a part of the length of the truth if asked for; that of nothing is infinite. */
static void put(tw_compute *c, const side *at, size_t cost, size_t length)
{
    tw_array *out = tw_output(c, 0);
    ptrdiff_t strides[TW_MAX_RANK];
    size_t place = 0;
    tw_row_major(out->dims, out->rank, strides);
    for (size_t k = 0; k < out->rank; k++)
        place += (size_t)row(at, at->first)[k] * (size_t)strides[k];
    /* Nothing to nothing costs 0, also as a part of nothing. */
    float all = tw_compute_bool(c, "normalize") ? (float)length : 1;
    ((float *)out->data)[place] = cost || all > 0 ? (float)cost / all : 0;
}

/* A sequence that one side lacks is empty there. */
static void walk(tw_compute *c, side *a, side *b, size_t *costs)
{
    for (;;) {
        find_group(a);
        find_group(b);
        bool has_a = a->first < a->end, has_b = b->first < b->end;
        if (!has_a && !has_b)
            return;
        int order = has_a && has_b
                        ? tw_compare_rows(row(a, a->first), row(b, b->first), a->rank - 1)
                    : has_a ? -1
                            : 1;
        if (order > 0)
            a->end = a->first;
        if (order < 0)
            b->end = b->first;
        put(c, order > 0 ? b : a, distance(a, b, costs), b->end - b->first);
        a->first = a->end;
        b->first = b->end;
    }
}

/* Indices are checked against their own sizes, which the result's are not below: no place that is
 * written is outside. The costs are as many as all of the truth's elements, which no group has more
 * of. */
static tw_status *compute(tw_compute *c)
{
    side a = {tw_input(c, 0), tw_input(c, 1), (size_t)tw_input(c, 0)->dims[1], 0, 0};
    side b = {tw_input(c, 3), tw_input(c, 4), a.rank, 0, 0};
    TW_TRY(tw_sparse_check(c, a.indices, tw_input_data(c, 2), true));
    TW_TRY(tw_sparse_check(c, b.indices, tw_input_data(c, 5), true));
    tw_zero_array(tw_output(c, 0));
    size_t *costs = tw_alloc_array(b.values->count + 1, sizeof *costs);
    if (!costs)
        return tw_no_memory();
    walk(c, &a, &b, costs);
    tw_free(costs);
    return TW_OK;
}

const tw_op_definition tw_op_EditDistance = {
    .signature = "hypothesis_indices: int64, hypothesis_values: T, hypothesis_shape: int64, "
                 "truth_indices: int64, truth_values: T, truth_shape: int64 -> output: float; "
                 "normalize: bool = true; T: type",
    .doc = "How many elements must be put in, taken out or changed to make each sequence of the "
           "hypothesis one of the truth, as a part of the length of the latter if `normalize`. "
           "Sequences lie along the last dimension of two sparse tensors.",
    .examples = {"edit_distance([[0, 0], [0, 1]], [1, 2], [1, 2], [[0, 0], [0, 1]], [1, 3], "
                 "[1, 2]) -> [0.5]"},
    .shape_inputs = 1 << 2 | 1 << 5,
    .infer = infer,
    .gradient = tw_not_differentiable,
    .compute = compute,
};
