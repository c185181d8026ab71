/* SPDX-License-Identifier: Apache-2.0
 * Masks: true up to each length; and what is left of a tensor where a mask is true. */
#include <stdio.h>

#include "composites/composite.h"

/* ---- sequence_mask ---- */

/* max(0, every length). */
static tw_tensor longest(tw_tensor lengths)
{
    tw_tensor most = tw_max(lengths, tw_of_tensor(tw_all_axes(lengths)));
    return tw_maximum(tw_number(0, tw_plain_dtype(most), "Const"), most);
}

/* Compares 0, 1, 2 and so on with each length by broadcasting; without maxlen the longest length
 * decides. */
tw_tensor tw_sequence_mask_build(const struct tw_sequence_mask_args *args)
{
    tw_composite_scope scope;
    tw_composite_enter(&scope, args->where, &args->lengths, args->name, "SequenceMask");
    tw_tensor lengths = tw_as_tensor(args->lengths, "lengths"), result = {NULL, 0};
    tw_tensor most = tw_tensor_valid(args->maxlen) ? args->maxlen : longest(lengths);
    tw_shape shape = tw_tensor_shape(most);
    if (tw_shape_known_rank(shape) && shape.rank != 0) {
        tw_refuse("maxlen must be scalar for sequence_mask, not of shape %s",
                  tw_shape_text(shape).s);
    } else {
        tw_dtype dtype = tw_plain_dtype(most);
        tw_tensor from = tw_number(0, dtype, "Const"), step = tw_number(1, dtype, "Const");
        tw_tensor row = tw_make("Range", NULL, TW_LIST(from, most, step), NULL, 0);
        tw_tensor column = tw_expand_dims(lengths, -1); /* (..., 1) against (maxlen) */
        result = tw_less(row, tw_cast(column, dtype));
        if (args->dtype != TW_BOOL)
            result = tw_cast(result, args->dtype);
    }
    tw_composite_leave(&scope);
    return result;
}

const tw_composite tw_composite_sequence_mask = {
    .signature = "lengths: tensor; maxlen: tensor; dtype: type = bool -> output: tensor",
    .doc = "A row for each length: true for as many elements, then false up to `maxlen`, which is "
           "the greatest length if it is not given.",
    .examples = {"sequence_mask([1, 3]) -> [[True, False, False], [True, True, True]]",
                 "sequence_mask([2, 0], dtype=float32) -> [[1., 1.], [0., 0.]]"},
};

/* ---- boolean_mask ---- */

/* The elements [from, to) of a vector; `to` negative: all that are left. */
static tw_tensor part(tw_tensor vector, int64_t from, int64_t to)
{
    char slices[48];
    if (to < 0)
        snprintf(slices, sizeof slices, "%lld:", (long long)from);
    else if (from == 0)
        snprintf(slices, sizeof slices, ":%lld", (long long)to);
    else
        snprintf(slices, sizeof slices, "%lld:%lld", (long long)from, (long long)to);
    return tw_getitem(vector, slices);
}

/* The dimensions axis .. axis + rank - 1 become one. */
static tw_tensor flatten(tw_tensor tensor, int64_t axis, int64_t rank)
{
    tw_tensor covered = part(tw_sizes_of(tensor), axis, axis + rank);
    tw_tensor count = tw_prod(covered, tw_numbers(TW_INTS(0), "Prod/reduction_indices"));
    tw_tensor before = part(tw_sizes_of(tensor), 0, axis);
    tw_tensor after = part(tw_sizes_of(tensor), axis + rank, -1);
    tw_tensor middle = tw_stack(TW_LIST(count), .name = "concat/values_1");
    return tw_reshape(tensor, tw_concat(TW_LIST(before, middle, after), 0));
}

/* The rank of the mask decides how many dims are flattened, so it must be known while building;
 * dims must agree as far as they are known. */
static bool mask_fits(tw_shape tensor, tw_shape mask, int64_t axis)
{
    if (!tw_shape_known_rank(mask)) {
        tw_refuse("Number of mask dimensions must be specified, even if some dimensions are None. "
                  "E.g. shape=[None] is ok, but shape=None is not.");
        return false;
    }
    if (mask.rank == 0) {
        tw_refuse("mask cannot be scalar.");
        return false;
    }
    if (!tw_shape_known_rank(tensor))
        return true;
    bool fits = (size_t)axis <= tensor.rank && mask.rank <= tensor.rank - (size_t)axis;
    for (size_t i = 0; fits && i < mask.rank; i++)
        fits = tw_dims_agree(tensor.dims[(size_t)axis + i], mask.dims[i]);
    if (!fits) {
        tw_refuse("boolean_mask: a mask of shape %s does not fit dimension %lld of a tensor of "
                  "shape %s",
                  tw_shape_text(mask).s, (long long)axis, tw_shape_text(tensor).s);
    }
    return fits;
}

/* A negative axis counts from the end, where the rank is known. */
static int64_t axis_from_front(int64_t axis, tw_shape shape)
{
    return axis < 0 && tw_shape_known_rank(shape) ? axis + (int64_t)shape.rank : axis;
}

/* The masked dims become one, and rows where the mask is true are gathered along it. */
tw_tensor tw_boolean_mask_build(const struct tw_boolean_mask_args *args)
{
    tw_composite_scope scope;
    tw_composite_enter(&scope, args->where, &args->tensor, args->name, "boolean_mask");
    tw_tensor tensor = tw_as_tensor(args->tensor, "tensor"), result = {NULL, 0};
    tw_tensor mask = tw_as_tensor(args->mask, "mask");
    tw_shape shape = tw_tensor_shape(tensor), of_mask = tw_tensor_shape(mask);
    int64_t axis = axis_from_front(args->axis, shape);
    if (!tw_tensor_valid(tensor) || !tw_tensor_valid(mask)) {
        /* reported when it was made */
    } else if (axis < 0 || axis >= TW_MAX_RANK) {
        tw_refuse("boolean_mask: axis %lld does not fit a tensor of shape %s",
                  (long long)args->axis, tw_shape_text(shape).s);
    } else if (mask_fits(shape, of_mask, axis)) {
        tw_tensor flat = flatten(tensor, axis, (int64_t)of_mask.rank);
        tw_tensor where = tw_where(tw_reshape(mask, TW_INTS(-1)));
        tw_tensor rows = tw_squeeze(where, .squeeze_dims = TW_INTS(1));
        result = tw_gather_v2(flat, rows, (int)axis);
    }
    tw_composite_leave(&scope);
    return result;
}

const tw_composite tw_composite_boolean_mask = {
    .signature = "tensor: tensor, mask: tensor; axis: int = 0 -> output: tensor",
    .doc = "The parts of `tensor` where `mask`, of known rank, is true: tensor[mask] as in NumPy. "
           "The mask covers the dimensions from `axis` on, which become one.",
    .examples = {"boolean_mask([0, 1, 2, 3], [True, False, True, False]) -> [0, 2]",
                 "boolean_mask([[1, 2], [3, 4]], [[True, False], [True, True]]) -> [1, 3, 4]",
                 "boolean_mask([[1, 2], [3, 4]], [False, True], axis=1) -> [[2], [4]]"},
};
