/* SPDX-License-Identifier: Apache-2.0
 * Slice: a box cut out of an array. */
#include "ops/arrays.h"

/* One dimension of the result: what size says, or with -1 what is left after begin. */
static int64_t sliced_dim(tw_infer *in, size_t axis, int64_t dim, const int64_t *begin,
                          int64_t size)
{
    if (size < -1)
        tw_infer_fail(in,
                      "Out of bounds slicing on dimension %zu of length %" PRId64
                      ": sizes vector cannot be < -1, but was %" PRId64,
                      axis, dim, size);
    if (size >= 0 || !begin || dim < 0)
        return size >= 0 ? size : -1;
    if (*begin < 0 || *begin > dim)
        tw_infer_fail(in, "Expected begin[%zu] in [0, %" PRId64 "], but got %" PRId64, axis, dim,
                      *begin);
    return tw_infer_failed(in) ? -1 : dim - *begin;
}

/* Where size is known, begin is needed only for entries of -1; the kernel checks it. A size that
 * is known in part (put together from dimensions) gives a shape that is. */
static void infer(tw_infer *in)
{
    tw_shape shape = tw_infer_input(in, 0);
    tw_shape both = tw_infer_merge(in, tw_infer_vector(in, 1), tw_infer_vector(in, 2));
    int64_t rank = tw_infer_dim(both, 0);
    if (shape.dims && !tw_dims_agree(rank, (int64_t)shape.rank))
        tw_infer_fail(in, "Shape must be rank %" PRId64 " but is rank %zu", rank, shape.rank);
    if (tw_infer_failed(in) || (rank < 0 && !shape.dims))
        return;
    if (!shape.dims)
        shape = tw_infer_unknown(in, (size_t)rank);
    const tw_array *begin = tw_infer_value(in, 1), *size = tw_infer_value(in, 2);
    /* Entries of a size that is known in part: -1 is one that is not known. */
    tw_shape part = size ? TW_UNKNOWN_SHAPE : tw_infer_shape_value(in, 2);
    int64_t *dims = tw_infer_dims(in, shape.rank);
    for (size_t i = 0; shape.dims && i < shape.rank; i++) {
        int64_t from = begin ? tw_index_at(begin, i) : 0;
        if (size)
            dims[i] = sliced_dim(in, i, shape.dims[i], begin ? &from : NULL, tw_index_at(size, i));
        else if (part.dims)
            dims[i] = part.dims[i];
    }
    if (shape.dims)
        tw_infer_output(in, 0, (tw_shape){dims, shape.rank});
}

/* dx = dy with zeros around it: begin of them before, what is left after. */
static tw_status *gradient(tw_gradient *g)
{
    tw_tensor x = g->inputs[0], begin = g->inputs[1];
    tw_tensor column = tw_stack(
        TW_LIST(tw_rank(x), tw_operand_tensor(tw_of_int(1), TW_INT32, NULL)));
    tw_tensor before = tw_reshape(begin, column);
    tw_tensor left = tw_sub(tw_gradient_shape_like(x, begin),
                            tw_gradient_shape_like(g->outputs[0], begin));
    tw_tensor after = tw_reshape(tw_sub(left, begin), column);
    g->dx[0] = tw_grad_of(tw_pad(tw_gradient_dy(g, 0), tw_concat(TW_LIST(before, after), 1)));
    return TW_OK;
}

/* The result has the sizes; begin may be a value that no rule has seen. */
static tw_status *compute(tw_compute *c)
{
    const tw_array *x = tw_input(c, 0);
    tw_array *y = tw_output(c, 0);
    int64_t begin[TW_MAX_RANK];
    for (size_t i = 0; i < x->rank; i++) {
        int64_t dim = x->dims[i];
        begin[i] = tw_index_at(tw_input(c, 1), i);
        if (begin[i] < 0 || begin[i] > dim)
            return tw_compute_fail(c, "Expected begin[%zu] in [0, %" PRId64 "], but got %" PRId64,
                                   i, dim, begin[i]);
        if (y->dims[i] > dim - begin[i])
            return tw_compute_fail(c, "Expected size[%zu] in [0, %" PRId64 "], but got %" PRId64, i,
                                   dim - begin[i], y->dims[i]);
    }
    tw_par par = tw_compute_par(c);
    return tw_slice_box(x->dtype, tw_shape_of(x), begin, tw_shape_of(y), x->data, y->data, &par);
}

const tw_op_definition tw_op_Slice = {
    .signature = "input: T, begin: Index, size: Index -> output: T; T: type; Index: {int32, int64}",
    .doc = "The box of `size` elements along each dimension that starts at `begin`; a size of -1 "
           "means all that is left.",
    .examples = {"slice([[1, 2, 3], [4, 5, 6]], [0, 1], [2, 2]) -> [[2, 3], [5, 6]]",
                 "slice([1, 2, 3], [1], [-1]) -> [2, 3]"},
    .shape_inputs = 1 << 1 | 1 << 2,
    .infer = infer,
    .gradient = gradient,
    .compute = compute,
};
