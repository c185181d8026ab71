/* SPDX-License-Identifier: Apache-2.0
 * Diag and DiagPart: an array on the diagonal of one of twice the rank, y[i, j, i, j] = x[i, j].
 * Seen flat, x lies on the diagonal of a matrix of x.count rows. */
#include "ops/arrays.h"

#define DIAG_TYPES "T: {bfloat16, half, float, double, int32, int64, complex64, complex128}"

/* ---- Diag ---- */

/* The shape twice in a row. A scalar is refused, as it would be its own diagonal. */
static void infer_diag(tw_infer *in)
{
    tw_shape x = tw_infer_input(in, 0);
    if (x.dims && x.rank == 0)
        tw_infer_fail(in, "Input must be at least rank 1, got 0");
    tw_infer_output(in, 0, tw_infer_concat(in, x, x));
}

/* Only the diagonal of dy belongs to elements of x; everything else of it came from constant
 * zeros. */
static tw_status *gradient_diag(tw_gradient *g)
{
    g->dx[0] = tw_grad_of(tw_diag_part(tw_gradient_dy(g, 0)));
    return TW_OK;
}

/* A copy with a stride of n + 1 elements in the result: the diagonal of the matrix that x's
 * elements span. All else stays zero. */
static tw_status *compute_diag(tw_compute *c)
{
    const tw_array *x = tw_input(c, 0);
    tw_array *y = tw_output(c, 0);
    size_t n = x->count;
    ptrdiff_t to = (ptrdiff_t)n + 1, from = 1;
    tw_region region = {1, &n, &to, &from};
    tw_zero_array(y);
    return n > 0 ? tw_copy_region(x->dtype, &region, y->data, x->data, NULL) : TW_OK;
}

const tw_op_definition tw_op_Diag = {
    .signature = "diagonal: T -> output: T; " DIAG_TYPES,
    .doc = "An array of twice the rank, zeros but for output[i, ..., k, i, ..., k] = diagonal[i, "
           "..., k].",
    .since = "complex128: 1.0; half, bfloat16: 1.5; ranks above 3: 1.0",
    .examples = {"diag([1, 2]) -> [[1, 0], [0, 2]]"},
    .infer = infer_diag,
    .gradient = gradient_diag,
    .compute = compute_diag,
};

/* ---- DiagPart ---- */

/* The rank must be even, and dim i must equal dim half + i as far as they are known; merging
 * both halves gives all that is known. */
static void infer_part(tw_infer *in)
{
    tw_shape x = tw_infer_input(in, 0);
    if (!x.dims)
        return;
    size_t half = x.rank / 2;
    if (x.rank == 0 || x.rank % 2 != 0) {
        tw_infer_fail(in, "Input must have even and non-zero rank, input rank is %zu", x.rank);
        return;
    }
    for (size_t i = 0; i < half; i++)
        if (!tw_dims_agree(x.dims[i], x.dims[half + i]))
            tw_infer_fail(in, "Invalid shape %s: dimensions %zu and %zu do not match.",
                          tw_shape_tf_text(x).s, i, half + i);
    tw_infer_output(
        in, 0,
        tw_infer_merge(in, tw_infer_slice(in, x, 0, half), tw_infer_slice(in, x, half, SIZE_MAX)));
}

/* What is not on the diagonal has no influence, so its derivative is zero: Diag puts dy back. */
static tw_status *gradient_part(tw_gradient *g)
{
    g->dx[0] = tw_grad_of(tw_diag(tw_gradient_dy(g, 0)));
    return TW_OK;
}

/* The way back: elements n + 1 apart are gathered; the shape rule saw to it that both halves of
 * the shape are equal. */
static tw_status *compute_part(tw_compute *c)
{
    const tw_array *x = tw_input(c, 0);
    const tw_array *y = tw_output(c, 0);
    size_t n = y->count;
    ptrdiff_t to = 1, from = (ptrdiff_t)n + 1;
    tw_region region = {1, &n, &to, &from};
    return n > 0 ? tw_copy_region(x->dtype, &region, y->data, x->data, NULL) : TW_OK;
}

const tw_op_definition tw_op_DiagPart = {
    .signature = "input: T -> diagonal: T; " DIAG_TYPES,
    .doc =
        "The diagonal of an array of even rank whose second half of dimensions equals the first: "
        "diagonal[i, ..., k] = input[i, ..., k, i, ..., k].",
    .since = "complex128: 1.0; half, bfloat16: 1.5; ranks above 6: 1.0",
    .examples = {"diag_part([[1, 2], [3, 4]]) -> [1, 4]"},
    .infer = infer_part,
    .gradient = gradient_part,
    .compute = compute_part,
};
