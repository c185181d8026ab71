/* SPDX-License-Identifier: Apache-2.0
 * A (rank, 2) array of how much is added before and after each dimension. */
#include "ops/paddings.h"

/* `rows` is the rank that the other input tells, -1: unknown. What comes back is the rank that
 * either of them tells. */
int64_t tw_infer_pairs(tw_infer *in, size_t input, int64_t rows)
{
    tw_shape shape = tw_infer_matrix(in, input);
    int64_t given = tw_infer_dim(shape, 0), two = tw_infer_dim(shape, 1);
    if (!tw_dims_agree(two, 2))
        tw_infer_fail(in, "Dimension must be 2 but is %" PRId64, two);
    if (!tw_dims_agree(given, rows))
        tw_infer_fail(in, "Shape must be rank %" PRId64 " but is rank %" PRId64, given, rows);
    return rows >= 0 ? rows : given;
}

/* A dim becomes before + dim + after where all are known; a padding of zero on both sides keeps
 * an unknown dim unknown. */
void tw_infer_paddings(tw_infer *in, size_t input)
{
    tw_shape shape = tw_infer_input(in, 0);
    int64_t rank = tw_infer_pairs(in, input, shape.dims ? (int64_t)shape.rank : -1);
    const tw_array *paddings = tw_infer_value(in, input);
    if (rank < 0 || tw_infer_failed(in))
        return;
    if (!shape.dims)
        shape = tw_infer_unknown(in, (size_t)rank);
    int64_t *dims = tw_infer_dims(in, shape.rank);
    for (size_t i = 0; shape.dims && paddings && i < shape.rank; i++) {
        int64_t before = tw_index_at(paddings, 2 * i), after = tw_index_at(paddings, 2 * i + 1);
        if (before < 0 || after < 0)
            tw_infer_fail(in, "Paddings must be non-negative: %" PRId64 " %" PRId64, before, after);
        else if (!tw_dim_add(before, after, &before))
            tw_infer_fail(in, "the size of the result is out of range");
        else if (shape.dims[i] >= 0 && !tw_dim_add(before, shape.dims[i], &dims[i]))
            tw_infer_fail(in, "the size of the result is out of range");
        else if (before == 0)
            dims[i] = shape.dims[i];
    }
    if (shape.dims)
        tw_infer_output(in, 0, (tw_shape){dims, shape.rank});
}

/* The shape was checked by the rule: a row for each dimension. Sums are checked, so that the
 * kernel can add without looking. */
tw_status *tw_read_paddings(const tw_compute *c, size_t input, int64_t *before, int64_t *after)
{
    const tw_array *x = tw_input(c, 0), *paddings = tw_input(c, input);
    for (size_t i = 0; i < x->rank; i++) {
        int64_t sum;
        before[i] = tw_index_at(paddings, 2 * i);
        after[i] = tw_index_at(paddings, 2 * i + 1);
        if (before[i] < 0 || after[i] < 0)
            return tw_compute_fail(c, "Paddings must be non-negative: %" PRId64 " %" PRId64,
                                   before[i], after[i]);
        if (!tw_dim_add(before[i], after[i], &sum) || !tw_dim_add(sum, x->dims[i], &sum))
            return tw_compute_fail(c, "the size of the result is out of range");
    }
    return TW_OK;
}
