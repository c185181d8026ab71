/* SPDX-License-Identifier: Apache-2.0
 * Keeping values and norms within bounds, as gradients want it (Pascanu et al. 2012). */
#include <math.h>
#include <stdio.h>

#include "composites/composite.h"

/* A bound may be smaller than what it bounds, not larger. */
static void check_bounded(tw_tensor t, tw_tensor bounded)
{
    if (!tw_shape_compatible(tw_tensor_shape(t), tw_tensor_shape(bounded)))
        tw_refuse("the bounds of clip_by_value would change the shape %s to %s",
                  tw_shape_text(tw_tensor_shape(t)).s, tw_shape_text(tw_tensor_shape(bounded)).s);
}

/* TensorFlow's function is not the operation of that name: nothing flows to a NaN here. */
tw_tensor tw_clip_by_value_build(const struct tw_clip_by_value_args *args)
{
    tw_composite_scope scope;
    tw_composite_enter(&scope, args->where, &args->t, args->name, "clip_by_value");
    tw_tensor t = tw_as_tensor(args->t, "t");
    tw_tensor below = tw_minimum(t, args->clip_value_max);
    check_bounded(t, below);
    tw_tensor result = tw_maximum(below, args->clip_value_min, .name = scope.name);
    check_bounded(t, result);
    tw_composite_leave(&scope);
    return result;
}

const tw_composite tw_composite_clip_by_value = {
    .signature = "t: tensor, clip_value_min: tensor, clip_value_max: tensor -> output: tensor",
    .doc = "`t` with what is beyond the bounds moved to them.",
    .examples = {"clip_by_value([-2., 0.5, 3.], -1, 1) -> [-1., 0.5, 1.]"},
};

/* t * clip_norm / max(norm, clip_norm). The root of a sum that is 0 is kept out of the gradient, or
 * that would be NaN. */
tw_tensor tw_clip_by_norm_build(const struct tw_clip_by_norm_args *args)
{
    tw_composite_scope scope;
    tw_composite_enter(&scope, args->where, &args->t, args->name, "clip_by_norm");
    tw_tensor t = tw_as_tensor(args->t, "t");
    tw_tensor sum = tw_reduce_sum(tw_mul(t, t, .name = "mul"), .axis = args->axes,
                                  .keep_dims = true);
    tw_tensor positive = tw_greater(sum, 0);
    tw_tensor safe = tw_select(positive, sum, tw_ones_like(sum));
    tw_tensor norm = tw_select(positive, tw_sqrt(safe), sum);
    tw_tensor scaled = tw_mul(t, args->clip_norm, .name = "mul");
    tw_tensor ratio = tw_real_div(scaled, tw_maximum(norm, args->clip_norm), .name = "truediv");
    tw_tensor result = tw_identity(ratio, .name = scope.name);
    tw_composite_leave(&scope);
    return result;
}

const tw_composite tw_composite_clip_by_norm = {
    .signature = "t: tensor, clip_norm: tensor; axes: ints -> output: tensor",
    .doc = "`t`, scaled down where its L2 norm (over `axes`, or over everything) is greater than "
           "`clip_norm`.",
    .examples = {"clip_by_norm([3., 4.], 1) -> [0.6, 0.8]"},
};

/* As TensorFlow's tf.size, which is a constant where the sizes are known. */
static tw_tensor count_of(tw_tensor t, tw_dtype dtype)
{
    tw_shape shape = tw_tensor_shape(t);
    tw_tensor count = tw_shape_fully_known(shape)
                          ? tw_number((double)tw_shape_elements(shape), TW_INT32, "Size")
                          : tw_size(t);
    return tw_cast(count, dtype);
}

/* Over all axes by their numbers, as TensorFlow's function writes it. */
static tw_tensor sum_of_squares(tw_tensor t)
{
    tw_tensor squares = tw_mul(t, t, .name = "mul");
    tw_tensor axes = tw_range(0, tw_rank_of(t), 1);
    return tw_sum(squares, axes);
}

/* The norm for each element: norm / n. */
tw_tensor tw_clip_by_average_norm_build(const struct tw_clip_by_average_norm_args *args)
{
    tw_composite_scope scope;
    tw_composite_enter(&scope, args->where, &args->t, args->name, "clip_by_average_norm");
    tw_tensor t = tw_as_tensor(args->t, "t");
    tw_dtype dtype = tw_plain_dtype(t);
    tw_tensor count = count_of(t, dtype);
    tw_tensor inverse = tw_rsqrt(sum_of_squares(t));
    tw_tensor scaled = tw_mul(t, args->clip_norm, .name = "mul");
    tw_tensor times = tw_mul(inverse, count, .name = "mul");
    tw_tensor one = tw_number(1, dtype, "Const");
    tw_tensor bound = tw_real_div(one, args->clip_norm, .name = "truediv");
    tw_tensor ratio = tw_minimum(times, bound);
    tw_tensor result = tw_identity(tw_mul(scaled, ratio, .name = "mul"), .name = scope.name);
    tw_composite_leave(&scope);
    return result;
}

const tw_composite tw_composite_clip_by_average_norm = {
    .signature = "t: tensor, clip_norm: tensor -> output: tensor",
    .doc = "`t`, scaled down where its L2 norm divided by the number of its elements is greater "
           "than `clip_norm`.",
    .examples = {"clip_by_average_norm([3., 4.], 1) -> [1.2, 1.6]"},
};

/* ---- many tensors ---- */

/* The tensor that says on which graph to build. */
static tw_operand first_valid(tw_tensors list)
{
    for (size_t i = 0; i < list.count; i++) {
        if (list.items[i].op)
            return tw_of_tensor(list.items[i]);
    }
    return (tw_operand){TW_OPERAND_NONE, {NULL, 0}, {0}};
}

/* Half the sum of squares of each, then the root of twice their sum. */
static tw_tensor norm_of(tw_tensors list)
{
    tw_tensor *halves = tw_build_tensors(NULL, list.count);
    size_t count = 0;
    for (size_t i = 0; halves && i < list.count; i++) {
        if (!list.items[i].op)
            continue;
        tw_status *status = tw_scope_push_colocate(list.items[i]);
        if (status)
            return tw_build_fail(status);
        halves[count++] = tw_l2_loss(list.items[i]);
        tw_scope_pop();
    }
    if (!count)
        return tw_refuse("global_norm needs at least one tensor");
    tw_tensor half = tw_reduce_sum(tw_stack(((tw_tensors){halves, count})));
    tw_tensor two = tw_number(2, tw_plain_dtype(half), "Const");
    return tw_sqrt(tw_mul(half, two, .name = "mul"), .name = "global_norm");
}

/* The graph is that of the first tensor in the list that is one; entries without a tensor are
 * left out of the norm. */
tw_tensor tw_global_norm_build(const struct tw_global_norm_args *args)
{
    tw_composite_scope scope;
    tw_operand place = first_valid(args->t_list);
    tw_composite_enter(&scope, args->where, &place, args->name, "global_norm");
    tw_tensor norm = norm_of(args->t_list);
    tw_composite_leave(&scope);
    return norm;
}

const tw_composite tw_composite_global_norm = {
    .signature = "t_list: tensors -> norm: tensor",
    .doc = "The L2 norm of all tensors together; invalid ones among them do not count.",
    .examples = {"global_norm([[3., 0.], [0., 4.]]) -> 5."},
};

/* clip_norm * min(1 / norm, 1 / clip_norm); NaN where the norm is not finite. */
static tw_tensor scale_of(tw_tensor norm, tw_operand clip_norm)
{
    tw_dtype dtype = tw_plain_dtype(norm);
    tw_tensor inverse = tw_real_div(1.0, norm, .name = "truediv");
    tw_tensor one = tw_number(1, dtype, "Const");
    tw_tensor bound = tw_real_div(one, clip_norm, .name = "truediv");
    tw_tensor scale = tw_mul(clip_norm, tw_minimum(inverse, bound), .name = "mul");
    tw_tensor finite = tw_is_finite(norm);
    return tw_select(finite, scale, tw_number((double)NAN, dtype, "Const"));
}

/* Every result lives beside its tensor, under TensorFlow's name for it. */
static tw_tensors scale_all(tw_tensors list, tw_tensor scale, const char *name)
{
    tw_tensor *out = tw_build_tensors(NULL, list.count);
    char text[300];
    for (size_t i = 0; out && i < list.count; i++) {
        if (!list.items[i].op)
            continue;
        tw_status *status = tw_scope_push_colocate(list.items[i]);
        if (status) {
            out[i] = tw_build_fail(status);
            continue;
        }
        snprintf(text, sizeof text, "%.200s_%zu", name, i);
        out[i] = tw_identity(tw_mul(list.items[i], scale, .name = "mul"), .name = text);
        tw_scope_pop();
    }
    return (tw_tensors){out, out ? list.count : 0};
}

/* The norm has a scope of its own, before that of the clipping: two scopes within one place. */
struct tw_clip_by_global_norm_result tw_clip_by_global_norm_build(
    const struct tw_clip_by_global_norm_args *args)
{
    struct tw_clip_by_global_norm_result result = {{NULL, 0}, args->use_norm};
    tw_composite_scope place_scope, scope;
    tw_operand place = first_valid(args->t_list);
    tw_place_enter(&place_scope, args->where, &place);
    if (!result.norm.op)
        result.norm = tw_global_norm(args->t_list, .name = args->name);
    tw_composite_enter(&scope, args->where, &place, args->name, "clip_by_global_norm");
    tw_tensor scale = scale_of(result.norm, args->clip_norm);
    result.clipped = scale_all(args->t_list, scale, scope.name);
    tw_composite_leave(&scope);
    tw_composite_leave(&place_scope);
    return result;
}

const tw_composite tw_composite_clip_by_global_norm = {
    .signature = "t_list: tensors, clip_norm: tensor; use_norm: tensor -> clipped: tensors, "
                 "norm: tensor",
    .doc = "All tensors scaled down by the same number where their norm together is greater than "
           "`clip_norm`; and that norm. Invalid ones stay so. `use_norm`: the norm, if known.",
};
