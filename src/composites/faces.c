/* SPDX-License-Identifier: Apache-2.0
 * Functions of one operation whose name, or what may be left out, is not the operation's. */
#include "composites/composite.h"

/* What the operation is called unless the caller says. */
static const char *name_or(const char *name, const char *other)
{
    return name && *name ? name : other;
}

/* ---- range ---- */

/* int32 < int64 < float32 < float64, as TensorFlow lets dtypes meet here. */
static int rank_of(tw_dtype dtype)
{
    static const tw_dtype order[] = {TW_INT32, TW_INT64, TW_FLOAT32, TW_FLOAT64};
    for (int i = 0; i < 4; i++) {
        if (order[i] == dtype)
            return i;
    }
    return -1;
}

/* Of a number by itself. */
static tw_dtype dtype_of(tw_operand operand)
{
    if (operand.kind == TW_OPERAND_TENSOR)
        return tw_plain_dtype(operand.tensor);
    if (operand.kind == TW_OPERAND_ARRAY)
        return tw_array_dtype(operand.value.array);
    return operand.kind == TW_OPERAND_INT64   ? TW_INT64
           : operand.kind == TW_OPERAND_FLOAT ? TW_FLOAT32
                                              : TW_INT32;
}

/* Numbers take the common dtype, tensors are cast to it. */
static tw_tensor range_operand(tw_operand operand, tw_dtype dtype, const char *name)
{
    if (operand.kind != TW_OPERAND_TENSOR)
        return tw_operand_tensor(operand,
                                 operand.kind == TW_OPERAND_ARRAY ? TW_INVALID_DTYPE : dtype, name);
    return tw_plain_dtype(operand.tensor) == dtype ? operand.tensor
                                                   : tw_cast(operand.tensor, dtype);
}

/* The widest dtype of the three is that of the range; a scope of its own holds their casts. */
tw_tensor tw_range_build(const struct tw_range_args *args)
{
    tw_composite_scope scope;
    const tw_operand operands[] = {args->start, args->limit, args->delta};
    const tw_operand *place = operands;
    tw_dtype dtype = TW_INT32;
    for (size_t i = 0; i < 3; i++) {
        tw_dtype own = dtype_of(operands[i]);
        dtype = rank_of(own) > rank_of(dtype) ? own : dtype;
        if (operands[i].kind == TW_OPERAND_TENSOR)
            place = &operands[i];
    }
    tw_composite_enter(&scope, args->where, place, args->name, "range");
    tw_tensor start = range_operand(args->start, dtype, "start");
    tw_tensor limit = range_operand(args->limit, dtype, "limit");
    tw_tensor delta = range_operand(args->delta, dtype, "delta");
    tw_tensor result = tw_make("Range", scope.name, TW_LIST(start, limit, delta), NULL, 0);
    tw_composite_leave(&scope);
    return result;
}

const tw_composite tw_composite_range = {
    .signature = "start: tensor, limit: tensor, delta: tensor -> output: tensor",
    .doc = "The numbers start, start + delta ... before `limit`.",
    .examples = {"range(0, 5, 2) -> [0, 2, 4]", "range(1., 0., -0.5) -> [1., 0.5]"},
};

/* ---- transpose ---- */

/* n - 1, ... 1, 0; where the rank is not known, counted in the graph. */
static tw_tensor reversed_axes(tw_tensor x)
{
    tw_shape shape = tw_tensor_shape(x);
    int64_t axes[TW_MAX_RANK];
    if (!tw_shape_known_rank(shape)) {
        tw_tensor rank = tw_rank(x), last = tw_sub(rank, 1);
        return tw_sub(last, tw_range(0, rank, 1));
    }
    for (size_t i = 0; i < shape.rank; i++)
        axes[i] = (int64_t)(shape.rank - 1 - i);
    return tw_numbers((tw_ints){axes, shape.rank}, "perm");
}

/* The axes are an input, so that they may be computed. */
tw_tensor tw_transpose_build(const struct tw_transpose_args *args)
{
    tw_composite_scope scope;
    tw_operand place = args->x.kind == TW_OPERAND_TENSOR ? args->x : args->perm;
    tw_composite_enter(&scope, args->where, &place, args->name, "transpose");
    tw_tensor x = tw_as_tensor(args->x, "a"), perm = {NULL, 0};
    if (args->perm.kind != TW_OPERAND_NONE)
        perm = tw_as_tensor(args->perm, "perm");
    else if (tw_tensor_valid(x))
        perm = reversed_axes(x);
    tw_tensor result = tw_make("Transpose", scope.name, TW_LIST(x, perm), NULL, 0);
    tw_composite_leave(&scope);
    return result;
}

const tw_composite tw_composite_transpose = {
    .signature = "x: tensor, perm: tensor -> output: tensor",
    .doc = "The tensor with its dims in another order: dim i of the result is dim perm[i] of `x`. "
           "A `perm` that is not given, (tw_ints){0}, reverses them.",
    .examples = {"transpose([[1, 2, 3], [4, 5, 6]], [1, 0]) -> [[1, 4], [2, 5], [3, 6]]"},
};

/* ---- lists ---- */

/* One array needs no concatenation, and ConcatV2 takes at least two. */
tw_tensor tw_concat_build(const struct tw_concat_args *args)
{
    tw_composite_scope scope;
    tw_operand first = {TW_OPERAND_NONE, {NULL, 0}, {0}};
    if (args->values.count && args->values.items)
        first = tw_of_tensor(args->values.items[0]);
    tw_place_enter(&scope, args->where, &first);
    const char *name = name_or(args->name, "concat");
    tw_tensor result = args->values.count == 1 && args->values.items
                           ? tw_identity(args->values.items[0], .name = name)
                           : tw_concat_v2(args->values, args->axis, .name = name);
    tw_composite_leave(&scope);
    return result;
}

const tw_composite tw_composite_concat = {
    .signature = "values: tensors, axis: tensor -> output: tensor",
    .doc = "Arrays one after the other along the dim `axis`; they agree in all others.",
    .examples = {"concat([[[1, 2], [3, 4]], [[5], [6]]], 1) -> [[1, 2, 5], [3, 4, 6]]"},
};

/* TensorFlow calls the node "stack" though its type is Pack. An empty list is refused by Pack's
 * definition. */
tw_tensor tw_stack_build(const struct tw_stack_args *args)
{
    tw_composite_scope scope;
    tw_operand first = {TW_OPERAND_NONE, {NULL, 0}, {0}};
    if (args->values.count && args->values.items)
        first = tw_of_tensor(args->values.items[0]);
    tw_place_enter(&scope, args->where, &first);
    tw_tensor result = tw_pack(args->values, .axis = args->axis,
                               .name = name_or(args->name, "stack"));
    tw_composite_leave(&scope);
    return result;
}

const tw_composite tw_composite_stack = {
    .signature = "values: tensors; axis: int = 0 -> output: tensor",
    .doc =
        "Arrays of one shape side by side along a new dim, which is number `axis` of the result.",
    .examples = {"stack([[1, 4], [2, 5], [3, 6]]) -> [[1, 4], [2, 5], [3, 6]]"},
};

/* The size of a dim; -1: not known, or there is no such dim. */
static int64_t parts_of(tw_tensor value, int64_t axis)
{
    tw_shape shape = tw_tensor_shape(value);
    int64_t at = axis < 0 ? axis + (int64_t)shape.rank : axis;
    bool known = tw_shape_known_rank(shape) && at >= 0 && at < (int64_t)shape.rank;
    return known ? shape.dims[at] : -1;
}

/* The number of outputs must be known while building, whatever a run finds. */
tw_tensors tw_unstack_build(const struct tw_unstack_args *args)
{
    tw_composite_scope scope;
    tw_tensors parts = {NULL, 0};
    tw_place_enter(&scope, args->where, &args->value);
    tw_tensor value = tw_as_tensor(args->value, "value");
    int64_t count = args->num > 0 ? args->num : parts_of(value, args->axis);
    if (count < 0)
        tw_refuse("Cannot infer num from shape %s", tw_shape_text(tw_tensor_shape(value)).s);
    parts = tw_unpack(value, count < 0 ? 0 : count, .axis = args->axis,
                      .name = name_or(args->name, "unstack"));
    tw_composite_leave(&scope);
    return parts;
}

const tw_composite tw_composite_unstack = {
    .signature = "value: tensor, num: int; axis: int = 0 -> outputs: tensors",
    .doc = "The arrays that lie side by side along the dim `axis`, which they lose; `num` of them, "
           "or (0) as many as the shape says.",
    .examples = {"unstack([[1, 4], [2, 5]], 2) -> [1, 4], [2, 5]"},
};

/* ---- one_hot ---- */

/* Constants in TensorFlow's order: the two values come first. */
tw_tensor tw_one_hot_build(const struct tw_one_hot_args *args)
{
    tw_composite_scope scope;
    tw_dtype dtype = args->dtype;
    tw_attr axis = tw_attr_of_int("axis", args->axis);
    tw_composite_enter(&scope, args->where, &args->indices, args->name, "one_hot");
    tw_tensor on = tw_number(args->on_value, dtype, "on_value");
    tw_tensor off = tw_number(args->off_value, dtype, "off_value");
    tw_tensor indices = tw_as_tensor(args->indices, "indices");
    tw_tensor depth = tw_operand_tensor(args->depth, TW_INT32, "depth");
    tw_tensor result = tw_make("OneHot", scope.name, TW_LIST(indices, depth, on, off), &axis, 1);
    tw_composite_leave(&scope);
    return result;
}

const tw_composite tw_composite_one_hot = {
    .signature = "indices: tensor, depth: tensor; on_value: float = 1; off_value: float = 0; "
                 "axis: int = -1; dtype: type = float32 -> output: tensor",
    .doc = "`on_value` at the place that each index names along a new dim of size `depth`, "
           "`off_value` elsewhere.",
    .examples = {"one_hot([0, 2], 3) -> [[1., 0., 0.], [0., 0., 1.]]"},
};
