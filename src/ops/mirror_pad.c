/* SPDX-License-Identifier: Apache-2.0
 * MirrorPad and MirrorPadGrad: a border of reflected elements, and the sum that folds it back. */
#include "ops/arrays.h"
#include "ops/combine.h"
#include "ops/paddings.h"

/* "SYMMETRIC" repeats the outermost element, "REFLECT" does not. */
static bool is_symmetric(const char *mode)
{
    return mode && mode[0] == 'S';
}

/* How far a reflection of an axis of `dim` elements reaches. */
static bool reaches(int64_t padding, int64_t dim, bool symmetric)
{
    return padding <= (symmetric ? dim : dim - 1) || padding == 0;
}

/* ---- MirrorPad ---- */

/* The sizes are those of Pad. How far a reflection may reach is checked by the kernel, where the
 * dims are sure. */
static void infer_pad(tw_infer *in)
{
    tw_infer_paddings(in, 1);
}

/* Each border element is a copy, so its derivative goes to where it was copied from. */
static tw_status *gradient_pad(tw_gradient *g)
{
    g->dx[0] = tw_grad_of(
        tw_mirror_pad_grad(tw_gradient_dy(g, 0), g->inputs[1], tw_gradient_string(g, "mode")));
    return TW_OK;
}

/* The words are TensorFlow's and differ for both modes, because the bounds do. */
static tw_status *refuse(const tw_compute *c, bool symmetric, int64_t before, int64_t after,
                         int64_t dim)
{
    return tw_compute_fail(
        c, "paddings must be %s the dimension size: %" PRId64 ", %" PRId64 " %s %" PRId64,
        symmetric ? "no greater than" : "less than", before, after,
        symmetric ? "greater than" : "not less than", dim);
}

/* A reflection reaches at most as far as there are elements: dim - 1 for REFLECT, dim for
 * SYMMETRIC. */
static tw_status *compute_pad(tw_compute *c)
{
    const tw_array *x = tw_input(c, 0);
    bool symmetric = is_symmetric(tw_compute_string(c, "mode"));
    int64_t before[TW_MAX_RANK], after[TW_MAX_RANK];
    TW_TRY(tw_read_paddings(c, 1, before, after));
    for (size_t i = 0; i < x->rank; i++)
        if (!reaches(before[i], x->dims[i], symmetric) || !reaches(after[i], x->dims[i], symmetric))
            return refuse(c, symmetric, before[i], after[i], x->dims[i]);
    tw_par par = tw_compute_par(c);
    return (tw_mirror_pad)(x->dtype, tw_shape_of(x), before, after, symmetric, x->data,
                           tw_output_data(c, 0), &par);
}

const tw_op_definition tw_op_MirrorPad = {
    .signature = "input: T, paddings: Tpaddings -> output: T; T: type; "
                 "Tpaddings: {int32, int64} = int32; mode: {\"REFLECT\", \"SYMMETRIC\"}",
    .doc = "The array with a border of its own elements, reflected: paddings[i, 0] before and "
           "paddings[i, 1] after dimension i. SYMMETRIC repeats the element at the edge, REFLECT "
           "does not.",
    .since = "MirrorPad: 0.8; int64 paddings: 0.12",
    .examples = {"mirror_pad([1, 2, 3], [[2, 1]], \"REFLECT\") -> [3, 2, 1, 2, 3, 2]",
                 "mirror_pad([1, 2, 3], [[2, 1]], \"SYMMETRIC\") -> [2, 1, 1, 2, 3, 3]"},
    .shape_inputs = 1 << 1,
    .infer = infer_pad,
    .gradient = gradient_pad,
    .compute = compute_pad,
};

/* ---- MirrorPadGrad ---- */

/* The paddings are taken off each dim; what remains must be large enough to have been reflected
 * so. */
static void infer_grad(tw_infer *in)
{
    tw_shape shape = tw_infer_input(in, 0);
    int64_t rank = tw_infer_pairs(in, 1, shape.dims ? (int64_t)shape.rank : -1);
    const tw_array *paddings = tw_infer_value(in, 1);
    bool symmetric = is_symmetric(tw_infer_string(in, "mode"));
    if (rank < 0 || tw_infer_failed(in))
        return;
    if (!shape.dims)
        shape = tw_infer_unknown(in, (size_t)rank);
    int64_t *dims = tw_infer_dims(in, shape.rank);
    for (size_t i = 0; shape.dims && paddings && i < shape.rank; i++) {
        int64_t before = tw_index_at(paddings, 2 * i), after = tw_index_at(paddings, 2 * i + 1);
        int64_t dim = shape.dims[i], sum;
        if (before < 0 || after < 0 || !tw_dim_add(before, after, &sum))
            tw_infer_fail(in, "Paddings must be non-negative: %" PRId64 ", %" PRId64, before,
                          after);
        else if (dim >= 0 && (sum > dim || !reaches(before, dim - sum, symmetric) ||
                              !reaches(after, dim - sum, symmetric)))
            tw_infer_fail(in,
                          "paddings %" PRId64 ", %" PRId64 " do not fit a dimension of %" PRId64,
                          before, after, dim);
        else if (dim >= 0)
            dims[i] = dim - sum;
    }
    if (shape.dims)
        tw_infer_output(in, 0, (tw_shape){dims, shape.rank});
}

/* Folding is linear, and its transpose is the padding. */
static tw_status *gradient_grad(tw_gradient *g)
{
    g->dx[0] = tw_grad_of(
        tw_mirror_pad(tw_gradient_dy(g, 0), g->inputs[1], tw_gradient_string(g, "mode")));
    return TW_OK;
}

/* One axis: `dim` elements in the middle of before + dim + after. */
typedef struct axis {
    size_t before, dim, padded;
    bool symmetric;
} axis;

/* The element that place `at` of the padded axis shows. */
static size_t source(const axis *a, size_t at)
{
    if (at < a->before)
        return a->before - at - a->symmetric;
    at -= a->before;
    return at < a->dim ? at : 2 * a->dim - 2 + a->symmetric - at;
}

/* Adds one row of the padded array to its row. */
static void fold_row(const axis *a, tw_combine add, size_t size, char *to, const char *from)
{
    for (size_t i = 0; i < a->before; i++)
        add(1, to + source(a, i) * size, from + i * size, 1);
    add(a->dim, to, from + a->before * size, 1);
    for (size_t i = a->before + a->dim; i < a->padded; i++)
        add(1, to + source(a, i) * size, from + i * size, 1);
}

/* Walks the rows of dy like an odometer and finds for each the row of dx that it mirrors; within
 * a row the last axis is folded at once. */
static void fold(const axis *axes, size_t rank, tw_combine add, const tw_array *dy, tw_array *dx)
{
    const axis *last = &axes[rank - 1];
    size_t size = tw_dtype_size(dx->dtype), at[TW_MAX_RANK] = {0};
    size_t rows = dy->count / last->padded;
    for (size_t row = 0; row < rows; row++) {
        size_t target = 0;
        for (size_t i = 0; i + 1 < rank; i++)
            target = target * axes[i].dim + source(&axes[i], at[i]);
        fold_row(last, add, size, tw_element_to(dx, target * last->dim),
                 tw_element_at(dy, row * last->padded));
        for (size_t i = rank - 1; i-- > 0;) {
            if (++at[i] < axes[i].padded)
                break;
            at[i] = 0;
        }
    }
}

/* Every element of dy is added to the one that it was a reflection of; the inner sizes come from
 * the output's shape, so paddings are only needed in front. */
static tw_status *compute_grad(tw_compute *c)
{
    const tw_array *dy = tw_input(c, 0), *paddings = tw_input(c, 1);
    tw_array *dx = tw_output(c, 0);
    axis axes[TW_MAX_RANK];
    tw_combine add = tw_combine_loop(TW_COMBINE_ADD, dx->dtype);
    if (!add)
        return tw_compute_fail(c, "%s is not a dtype of numbers", tw_dtype_name(dx->dtype));
    for (size_t i = 0; i < dy->rank; i++) {
        axes[i] = (axis){(size_t)tw_index_at(paddings, 2 * i), (size_t)dx->dims[i],
                         (size_t)dy->dims[i], is_symmetric(tw_compute_string(c, "mode"))};
    }
    tw_zero_array(dx);
    if (dy->rank == 0)
        add(1, dx->data, dy->data, 1);
    else if (dx->count > 0)
        fold(axes, dy->rank, add, dy, dx);
    return TW_OK;
}

const tw_op_definition tw_op_MirrorPadGrad = {
    .signature = "input: T, paddings: Tpaddings -> output: T; T: type; "
                 "Tpaddings: {int32, int64} = int32; mode: {\"REFLECT\", \"SYMMETRIC\"}",
    .doc = "The derivative of MirrorPad: every element of the border is added to the one that it "
           "reflects.",
    .since = "MirrorPadGrad: 0.8; int64 paddings: 0.12",
    .examples = {"mirror_pad_grad([1., 2., 3., 4.], [[1, 0]], \"REFLECT\") -> [2., 4., 4.]"},
    .shape_inputs = 1 << 1,
    .infer = infer_grad,
    .gradient = gradient_grad,
    .compute = compute_grad,
};
