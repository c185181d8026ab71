/* SPDX-License-Identifier: Apache-2.0
 * What ops on sparse tensors share: sizes, checks in TensorFlow's words, and order.
 *
 * Indices are int64 rows, but those of a few ops may be int32; what sorts takes int64 only, and
 * what checks takes both. */
#include "ops/sparse.h"

#include <string.h>

/* Every size stands in two of the three arrays; what one lacks the other may know. */
tw_sparse_sizes tw_infer_sparse_at(tw_infer *in, size_t indices, size_t values, size_t sizes)
{
    tw_shape rows = tw_infer_matrix(in, indices), numbers = tw_infer_vector(in, values);
    tw_shape dims = tw_infer_vector(in, sizes);
    tw_sparse_sizes out = {tw_infer_dim(rows, 0), tw_infer_dim(rows, 1)};
    int64_t count = tw_infer_dim(numbers, 0), rank = tw_infer_dim(dims, 0);
    if (!tw_dims_agree(out.count, count))
        tw_infer_fail(in,
                      "Number of values must match first dimension of indices. Got %" PRId64
                      " values and %" PRId64 " rows of indices",
                      count, out.count);
    if (!tw_dims_agree(out.rank, rank))
        tw_infer_fail(in,
                      "Number of dimensions must match second dimension of indices. Got %" PRId64
                      " dimensions and indices of %" PRId64,
                      rank, out.rank);
    out.count = out.count < 0 ? count : out.count;
    out.rank = out.rank < 0 ? rank : out.rank;
    return out;
}

/* In most ops the three arrays stand one behind the other. */
tw_sparse_sizes tw_infer_sparse(tw_infer *in, size_t first)
{
    return tw_infer_sparse_at(in, first, first + 1, first + 2);
}

/* "[1, 3]" */
static tw_text size_text(const int64_t *sizes, size_t rank)
{
    tw_text text = {"["};
    size_t at = 1;
    for (size_t i = 0; i < rank && at + 24 < sizeof text.s; i++)
        at += (size_t)snprintf(text.s + at, sizeof text.s - at, i ? ",%" PRId64 : "%" PRId64,
                               sizes[i]);
    snprintf(text.s + at, sizeof text.s - at, "]");
    return text;
}

/* The row before is below; nothing to say of the first. */
static tw_status *check_order(const tw_compute *c, const tw_array *indices, size_t i, size_t rank)
{
    for (size_t k = 0; k < rank; k++) {
        int64_t before = tw_index_at(indices, (i - 1) * rank + k);
        int64_t here = tw_index_at(indices, i * rank + k);
        if (before < here)
            return TW_OK;
        if (before > here)
            return tw_compute_fail(c,
                                   "indices[%zu] = %s is out of order. Many sparse ops require "
                                   "sorted indices.\n    Use `tf.sparse.reorder` to create a "
                                   "correctly ordered copy.",
                                   i, tw_index_row_text(indices, i, rank).s);
    }
    return tw_compute_fail(c, "indices[%zu] = %s is repeated", i,
                           tw_index_row_text(indices, i, rank).s);
}

/* Kernels use indices as positions in memory, so nothing may be written before all of them are
 * checked. TensorFlow tells the row and the sizes, and its tests look for that. */
tw_status *tw_sparse_check(const tw_compute *c, const tw_array *indices, const int64_t *sizes,
                           bool ordered)
{
    size_t count = indices->rank ? (size_t)indices->dims[0] : 1;
    size_t rank = indices->rank > 1 ? (size_t)indices->dims[1] : 1;
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < rank; k++) {
            int64_t at = tw_index_at(indices, i * rank + k);
            if (at < 0 || at >= sizes[k])
                return tw_compute_fail(
                    c, "indices[%zu] = %s is out of bounds: need 0 <= index < %s", i,
                    tw_index_row_text(indices, i, rank).s, size_text(sizes, rank).s);
        }
        if (ordered && i)
            TW_TRY(check_order(c, indices, i, rank));
    }
    return TW_OK;
}

/* Lexicographic, which is row-major order for indices inside of the same sizes, and needs no
 * product of sizes that could overflow. */
int tw_compare_rows(const int64_t *a, const int64_t *b, size_t rank)
{
    for (size_t k = 0; k < rank; k++) {
        if (a[k] != b[k])
            return a[k] < b[k] ? -1 : 1;
    }
    return 0;
}

/* Runs of twice the length each time, from one half of `order` into the other. */
void tw_sort_rows(const int64_t *rows, size_t count, size_t rank, size_t *order)
{
    for (size_t i = 0; i < count; i++)
        order[i] = i;
    if (!count || !rank)
        return; /* there is nothing to tell rows apart by */
    size_t *from = order, *to = order + count;
    for (size_t run = 1; run < count; run = run <= count / 2 ? run * 2 : count) {
        for (size_t start = 0, end; start < count; start = end) {
            size_t middle = count - start > run ? start + run : count;
            end = count - middle > run ? middle + run : count;
            size_t a = start, b = middle;
            for (size_t k = start; k < end; k++) {
                bool left = b == end ||
                            (a < middle && tw_compare_rows(rows + from[a] * rank,
                                                           rows + from[b] * rank, rank) <= 0);
                to[k] = left ? from[a++] : from[b++];
            }
        }
        size_t *kept = from;
        from = to;
        to = kept;
    }
    if (from != order)
        memcpy(order, from, count * sizeof *order);
}

/* Of a sparse tensor the volume may be far more than memory, but it must be a number. */
bool tw_sparse_volume(const tw_array *sizes, int64_t *out)
{
    *out = 1;
    for (size_t i = 0; i < sizes->count; i++) {
        int64_t size = tw_index_at(sizes, i);
        if (size < 0 || !tw_int64_mul(*out, size, out))
            return false;
    }
    return true;
}
