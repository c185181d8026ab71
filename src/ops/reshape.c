/* SPDX-License-Identifier: Apache-2.0
 * Reshape, ExpandDims, Squeeze: the same elements under another shape. All three are views: their
 * rules do the work, and their gradient is a reshape back. */
#include "op/define.h"

/* One gradient for all three: whatever the shape was, the elements are in the same order. */
static tw_status *gradient(tw_gradient *g)
{
    g->dx[0] = tw_grad_of(tw_reshape(tw_gradient_dy(g, 0), tw_shape(g->inputs[0])));
    return TW_OK;
}

/* ---- Reshape ---- */

/* Two entries of -1 in a shape whose value is known. */
static void refuse_wildcards(tw_infer *in, tw_shape shape)
{
    size_t first = SIZE_MAX;
    for (size_t i = 0; i < shape.rank; i++) {
        if (shape.dims[i] == -1 && first != SIZE_MAX)
            tw_infer_fail(in, "Only one input size may be -1, not both %zu and %zu", first, i);
        if (shape.dims[i] == -1 && first == SIZE_MAX)
            first = i;
    }
}

/* The product of the known entries, without the zeros if `positive`; -1: too large. */
static int64_t known_product(tw_shape shape, bool positive)
{
    int64_t product = 1;
    for (size_t i = 0; i < shape.rank; i++)
        if (shape.dims[i] > (positive ? 0 : -1) && !tw_int64_mul(product, shape.dims[i], &product))
            return -1;
    return product;
}

/* One entry is open, and the element counts say what it is. Where both shapes hold a zero, the
 * other entries do. */
static void infer_open(tw_infer *in, tw_shape shape, size_t open)
{
    tw_shape from = tw_infer_input(in, 0);
    bool zero = known_product(shape, false) == 0;
    int64_t count = known_product(from, zero), product = known_product(shape, zero);
    int64_t all = tw_shape_elements(from);
    if (zero && all != 0)
        tw_infer_fail(in, "Cannot reshape a tensor with %" PRId64 " elements to shape %s", all,
                      tw_shape_text(shape).s);
    else if (zero && product > 0 && count >= 0 && count % product != 0)
        tw_infer_fail(in,
                      "cannot infer the missing input size for an empty tensor: %" PRId64
                      " is not a multiple of %" PRId64,
                      count, product);
    else if (product < 0 || count < 0 || count % product != 0)
        tw_infer_fail(in, "Dimension size must be evenly divisible by %" PRId64 " but is %" PRId64,
                      product, count);
    if (tw_infer_failed(in))
        return;
    int64_t *dims = tw_infer_dims(in, shape.rank);
    for (size_t i = 0; i < shape.rank; i++)
        dims[i] = i == open ? count / product : shape.dims[i];
    tw_infer_output(in, 0, (tw_shape){dims, shape.rank});
}

/* What is known of the new shape is kept even where the old one is unknown; with both known the
 * element counts must agree. */
static void infer_reshape(tw_infer *in)
{
    tw_shape shape = tw_infer_shape_value(in, 1);
    if (!shape.dims)
        return;
    if (tw_infer_value(in, 1))
        refuse_wildcards(in, shape);
    size_t open = 0, unknown = 0;
    for (size_t i = 0; i < shape.rank; i++) {
        open = shape.dims[i] < 0 ? i : open;
        unknown += shape.dims[i] < 0;
    }
    int64_t count = tw_shape_elements(tw_infer_input(in, 0));
    if (unknown == 1 && count >= 0 && !tw_infer_failed(in)) {
        infer_open(in, shape, open);
        return;
    }
    int64_t product = known_product(shape, false);
    if (unknown == 0 && count >= 0 && count != product)
        tw_infer_fail(in,
                      "Cannot reshape a tensor with %" PRId64 " elements to shape %s (%" PRId64
                      " elements)",
                      count, tw_shape_text(shape).s, product);
    tw_infer_output(in, 0, shape);
}

const tw_op_definition tw_op_Reshape = {
    .signature = "tensor: T, shape: Tshape -> output: T; T: type; Tshape: {int32, int64} = int32",
    .doc = "The elements of `tensor` in row-major order under the shape `shape`. One entry of -1 "
           "stands for what makes the number of elements the same.",
    .since = "Tshape: 0.10",
    .examples = {"reshape([1, 2, 3, 4], [2, 2]) -> [[1, 2], [3, 4]]",
                 "reshape([[1, 2], [3, 4]], [-1]) -> [1, 2, 3, 4]"},
    .flags = TW_OP_ALIAS,
    .shape_inputs = 1 << 1,
    .infer = infer_reshape,
    .gradient = gradient,
    .compute = tw_compute_alias,
    .in_place = 1,
};

/* ---- ExpandDims ---- */

/* Without the value of `dim` only the new rank is known. */
static void infer_expand(tw_infer *in)
{
    tw_shape shape = tw_infer_input(in, 0);
    int64_t dim, rank = (int64_t)shape.rank, given = tw_shape_elements(tw_infer_input(in, 1));
    if (given >= 0 && given != 1)
        tw_infer_fail(in, "'dim' must be a tensor with a single value, not %" PRId64, given);
    if (!shape.dims || tw_infer_failed(in))
        return;
    if (!tw_infer_int_value(in, 1, &dim)) {
        tw_infer_output(in, 0, tw_infer_unknown(in, shape.rank + 1));
        return;
    }
    if (dim < -rank - 1 || dim > rank) {
        tw_infer_fail(in, "dim %" PRId64 " not in the interval [%" PRId64 ", %" PRId64 "].", dim,
                      -rank - 1, rank);
        return;
    }
    size_t at = (size_t)(dim < 0 ? dim + rank + 1 : dim);
    tw_shape head = tw_infer_slice(in, shape, 0, at),
             tail = tw_infer_slice(in, shape, at, SIZE_MAX);
    tw_infer_output(in, 0, tw_infer_concat(in, tw_infer_concat(in, head, TW_SHAPE(1)), tail));
}

const tw_op_definition tw_op_ExpandDims = {
    .signature = "input: T, dim: Tdim -> output: T; T: type; Tdim: {int32, int64} = int32",
    .doc = "The tensor with a dimension of size 1 before dimension `dim`; negative ones count from "
           "the end, -1 puts it last.",
    .since = "Tdim: 0.10",
    .examples = {"expand_dims([1, 2], 0) -> [[1, 2]]", "expand_dims([1, 2], -1) -> [[1], [2]]"},
    .flags = TW_OP_ALIAS,
    .shape_inputs = 1 << 1,
    .infer = infer_expand,
    .gradient = gradient,
    .compute = tw_compute_alias,
    .in_place = 1,
};

/* ---- Squeeze ---- */

/* Marks the dims that `squeeze_dims` names; false: it fails. */
static bool mark_named(tw_infer *in, tw_shape shape, tw_ints named, bool *dropped)
{
    int64_t rank = (int64_t)shape.rank;
    for (size_t i = 0; i < named.count; i++) {
        int64_t dim = named.items[i];
        if (dim < -rank || dim >= rank) {
            tw_infer_fail(in, "squeeze_dims[%zu] not in [-%" PRId64 ",%" PRId64 ").", i, rank,
                          rank);
            return false;
        }
        dim += dim < 0 ? rank : 0;
        dropped[dim] = true;
        if (!tw_dims_agree(shape.dims[dim], 1)) {
            tw_infer_fail(
                in, "Can not squeeze dim[%" PRId64 "], expected a dimension of 1, got %" PRId64,
                dim, shape.dims[dim]);
            return false;
        }
    }
    return true;
}

/* Without names, which dims go depends on all sizes: if one is unknown so is the rank. */
static void infer_squeeze(tw_infer *in)
{
    tw_ints named = tw_infer_ints(in, "squeeze_dims");
    tw_shape shape = tw_infer_input(in, 0);
    bool dropped[TW_MAX_RANK] = {false};
    if (!shape.dims || (named.count == 0 && !tw_shape_fully_known(shape)) ||
        !mark_named(in, shape, named, dropped))
        return;
    int64_t *dims = tw_infer_dims(in, shape.rank);
    size_t rank = 0;
    for (size_t i = 0; i < shape.rank; i++)
        if (named.count == 0 ? shape.dims[i] != 1 : !dropped[i])
            dims[rank++] = shape.dims[i];
    tw_infer_output(in, 0, (tw_shape){dims, rank});
}

const tw_op_definition tw_op_Squeeze = {
    .signature = "input: T -> output: T; T: type; squeeze_dims: list(int) >= 0 = []",
    .doc = "The tensor without its dimensions of size 1: those that `squeeze_dims` names, or all.",
    .examples = {"squeeze([[1], [2]]) -> [1, 2]", "squeeze([[[1], [2]]], squeeze_dims=[0]) -> "
                                                  "[[1], [2]]"},
    .flags = TW_OP_ALIAS,
    .infer = infer_squeeze,
    .gradient = gradient,
    .compute = tw_compute_alias,
    .in_place = 1,
};
