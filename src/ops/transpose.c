/* SPDX-License-Identifier: Apache-2.0
 * Transpose, ConjugateTranspose, InvertPermutation: axes in another order. */
#include <string.h>

#include "ops/arrays.h"

/* perm's entries as axes of `rank` dimensions: all there, none twice. */
static tw_status *read_perm(const tw_compute *c, const tw_array *perm, size_t rank, size_t *axes)
{
    bool seen[TW_MAX_RANK] = {false};
    if (perm->count != rank)
        return tw_compute_fail(
            c, "transpose expects a vector of size %zu. But input(1) is a vector of size %zu", rank,
            perm->count);
    for (size_t i = 0; i < rank; i++) {
        int64_t axis = tw_index_at(perm, i);
        if (axis < 0 || axis >= (int64_t)rank)
            return tw_compute_fail(c, "%" PRId64 " is out of range [0 .. %zu)", axis, rank);
        if (seen[axis])
            return tw_compute_fail(c, "axis %" PRId64 " occurs twice in perm %s", axis,
                                   tw_index_row_text(perm, 0, rank).s);
        seen[axis] = true;
        axes[i] = (size_t)axis;
    }
    return TW_OK;
}

/* With perm known every dimension of the result is, as far as x's are. */
static void infer_with_perm(tw_infer *in, tw_shape shape, const tw_array *perm)
{
    int64_t *dims = tw_infer_dims(in, shape.rank);
    for (size_t i = 0; i < shape.rank; i++) {
        int64_t axis = tw_index_at(perm, i);
        if (axis < 0 || axis >= (int64_t)shape.rank) {
            tw_infer_fail(in, "perm dim %" PRId64 " is out of range of input rank %zu", axis,
                          shape.rank);
            return;
        }
        dims[i] = shape.dims[axis];
    }
    tw_infer_output(in, 0, (tw_shape){dims, shape.rank});
}

/* Without perm only the rank is known; below rank 2 there is nothing to permute. The length of
 * perm gives the rank where x's is not known. */
static void infer_transpose(tw_infer *in)
{
    tw_shape shape = tw_infer_input(in, 0);
    int64_t count = tw_infer_dim(tw_infer_vector(in, 1), 0);
    const tw_array *perm = tw_infer_value(in, 1);
    if (shape.dims && !tw_dims_agree(count, (int64_t)shape.rank))
        tw_infer_fail(in, "Dimension must be %zu but is %" PRId64, shape.rank, count);
    if (tw_infer_failed(in) || (!shape.dims && count < 0))
        return;
    if (!shape.dims)
        shape = tw_infer_unknown(in, (size_t)count);
    if (perm && shape.dims)
        infer_with_perm(in, shape, perm);
    else
        tw_infer_output(in, 0, shape.rank < 2 ? shape : tw_infer_unknown(in, shape.rank));
}

/* The inverse permutation is left to a node, which folds where perm is constant. */
static tw_status *gradient_transpose(tw_gradient *g)
{
    tw_tensor back = tw_invert_permutation(g->inputs[1]);
    g->dx[0] = tw_grad_of(tw_transpose(tw_gradient_dy(g, 0), back));
    return TW_OK;
}

static tw_status *compute_transpose(tw_compute *c)
{
    const tw_array *x = tw_input(c, 0);
    size_t axes[TW_MAX_RANK];
    TW_TRY(read_perm(c, tw_input(c, 1), x->rank, axes));
    tw_par par = tw_compute_par(c);
    return (tw_transpose)(x->dtype, tw_shape_of(x), axes, x->data, tw_output_data(c, 0), &par);
}

const tw_op_definition tw_op_Transpose = {
    .signature = "x: T, perm: Tperm -> y: T; T: type; Tperm: {int32, int64} = int32",
    .builder = "raw_transpose",
    .doc =
        "The tensor with its dimensions in another order: dimension i of the result is dimension "
        "perm[i] of `x`.",
    .since = "int64 perm: 0.12",
    .examples = {"raw_transpose([[1, 2, 3], [4, 5, 6]], [1, 0]) -> [[1, 4], [2, 5], [3, 6]]"},
    .shape_inputs = 1 << 1,
    .infer = infer_transpose,
    .gradient = gradient_transpose,
    .compute = compute_transpose,
};

/* ---- ConjugateTranspose ---- */

/* dy is conjugated on its way back, as x was. */
static tw_status *gradient_conjugate(tw_gradient *g)
{
    tw_tensor back = tw_invert_permutation(g->inputs[1]);
    g->dx[0] = tw_grad_of(tw_conjugate_transpose(tw_gradient_dy(g, 0), back));
    return TW_OK;
}

/* The imaginary parts lie behind the real ones: every second number changes its sign. */
static tw_status *compute_conjugate(tw_compute *c)
{
    TW_TRY(compute_transpose(c));
    tw_array *y = tw_output(c, 0);
    if (y->dtype == TW_COMPLEX64)
        for (size_t i = 0; i < y->count; i++)
            ((float *)y->data)[2 * i + 1] *= -1;
    if (y->dtype == TW_COMPLEX128)
        for (size_t i = 0; i < y->count; i++)
            ((double *)y->data)[2 * i + 1] *= -1;
    return TW_OK;
}

const tw_op_definition tw_op_ConjugateTranspose = {
    .signature = "x: T, perm: Tperm -> y: T; T: type; Tperm: {int32, int64} = int32",
    .doc = "The tensor with its dimensions in another order and, where it is complex, its elements "
           "conjugated.",
    .since = "ConjugateTranspose: 1.4",
    .examples = {"conjugate_transpose([[1., 2.]], [1, 0]) -> [[1.], [2.]]"},
    .shape_inputs = 1 << 1,
    .infer = infer_transpose,
    .gradient = gradient_conjugate,
    .compute = compute_conjugate,
};

/* ---- InvertPermutation ---- */

static void infer_invert(tw_infer *in)
{
    tw_infer_output(in, 0, tw_infer_vector(in, 0));
}

/* A place that is still -1 was not named, so that one pass finds repetitions, and with them what
 * is missing. */
static tw_status *compute_invert(tw_compute *c)
{
    const tw_array *x = tw_input(c, 0);
    tw_array *y = tw_output(c, 0);
    if (x->dtype == TW_INT32 && x->count > INT32_MAX)
        return tw_compute_fail(c, "permutation of nonnegative int32s must have <= int32 max "
                                  "elements");
    memset(y->data, 0xff, y->count * tw_dtype_size(y->dtype)); /* -1: not seen yet */
    for (size_t i = 0; i < x->count; i++) {
        int64_t at = tw_index_at(x, i);
        if (at < 0 || at >= (int64_t)x->count)
            return tw_compute_fail(c, "%" PRId64 " is not between 0 and %zu", at, x->count);
        if (tw_index_at(y, (size_t)at) != -1)
            return tw_compute_fail(c, "%" PRId64 " is duplicated in the input.", at);
        if (y->dtype == TW_INT64)
            ((int64_t *)y->data)[at] = (int64_t)i;
        else
            ((int32_t *)y->data)[at] = (int32_t)i;
    }
    return TW_OK;
}

const tw_op_definition tw_op_InvertPermutation = {
    .signature = "x: T -> y: T; T: {int32, int64} = int32",
    .doc = "The permutation that undoes `x`: y[x[i]] = i.",
    .since = "int64: 0.12",
    .examples = {"invert_permutation([3, 4, 0, 2, 1]) -> [2, 4, 3, 0, 1]"},
    .infer = infer_invert,
    .gradient = tw_not_differentiable,
    .compute = compute_invert,
};
