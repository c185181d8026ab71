/* SPDX-License-Identifier: Apache-2.0
 * Derivatives that come together at a tensor: dense ones are added by one AddN, slices are put one
 * after the other (equal rows add up where they are used); a dense one among slices counts as the
 * slices of all its rows. */
#include "autodiff/gradients.h"
#include "base/status.h"
#include "thalweg/operand.h"

/* An operation by its type: this file stands below the builders' names. An invalid input was
 * reported when it was made, and gives an invalid result without another word. */
static tw_tensor make(const char *type, const tw_tensor *inputs, size_t count, tw_attr attr)
{
    tw_operation *op = NULL;
    tw_graph_add_args args = {.size = sizeof args,
                              .where = tw_current_where((tw_where){NULL, 0}),
                              .type = type,
                              .inputs = inputs,
                              .input_count = count,
                              .attrs = &attr,
                              .attr_count = attr.name != NULL};
    for (size_t i = 0; i < count; i++) {
        if (!inputs[i].op)
            return inputs[i];
    }
    tw_status *status = tw_graph_add(inputs[0].op->graph, &args, &op);
    return status ? tw_build_fail(status) : (tw_tensor){op, 0};
}

/* An int32 constant beside the operation that needs it. */
static tw_tensor constant(tw_operand value, const char *name)
{
    return tw_operand_tensor(value, TW_INT32, name);
}

/* The first element of a shape. */
static tw_tensor first_of(tw_tensor shape)
{
    tw_tensor inputs[] = {shape, constant(tw_of_ints(TW_INTS(0)), "begin"),
                          constant(tw_of_ints(TW_INTS(1)), "end"),
                          constant(tw_of_ints(TW_INTS(1)), "strides")};
    return make("StridedSlice", inputs, 4,
                (tw_attr){.name = "shrink_axis_mask", .kind = TW_ATTR_INT, .value.i = 1});
}

/* Equal rows add up: the sum over segments that are named by the indices. */
tw_tensor tw_grad_tensor(tw_grad grad)
{
    if (grad.kind == TW_GRAD_TENSOR)
        return grad.values;
    if (grad.kind == TW_GRAD_NONE)
        return (tw_tensor){NULL, 0};
    if (!tw_tensor_valid(grad.dense_shape))
        return tw_build_fail(tw_value_error("slices without a dense shape cannot become a tensor"));
    if (!grad.values.op)
        return grad.values;
    /* Constants go to the slices' graph, which may not be the current one. */
    tw_build_context ctx;
    tw_build_enter(&ctx, grad.values.op->graph, tw_current_where((tw_where){NULL, 0}));
    tw_tensor inputs[] = {grad.values, grad.indices, first_of(grad.dense_shape)};
    tw_tensor dense = make("UnsortedSegmentSum", inputs, 3, (tw_attr){.name = NULL});
    tw_status *status = tw_build_leave(&ctx);
    return status ? tw_build_fail(status) : dense;
}

/* One after the other; room for one more behind `parts`. */
static tw_tensor concat(tw_tensor *parts, size_t count)
{
    parts[count] = constant(tw_of_int(0), "axis");
    return make("ConcatV2", parts, count + 1, (tw_attr){.name = NULL});
}

/* Rows are numbered by int32 or int64; where both come together, by int64. */
static void widen(tw_tensor *indices, size_t count)
{
    tw_attr to_int64 = {.name = "DstT", .kind = TW_ATTR_TYPE, .value.type = TW_INT64};
    bool wide = false, narrow = false;
    for (size_t i = 0; i < count; i++) {
        wide |= tw_dtype_base(tw_tensor_dtype(indices[i])) == TW_INT64;
        narrow |= tw_dtype_base(tw_tensor_dtype(indices[i])) == TW_INT32;
    }
    for (size_t i = 0; i < count && wide && narrow; i++) {
        if (tw_dtype_base(tw_tensor_dtype(indices[i])) == TW_INT32)
            indices[i] = make("Cast", &indices[i], 1, to_int64);
    }
}

/* The shape of a tensor: a constant if it is known. */
static tw_tensor shape_of(tw_tensor tensor)
{
    tw_shape shape = tw_tensor_shape(tensor);
    if (tw_shape_fully_known(shape))
        return tw_operand_tensor(tw_of_shape(shape), TW_INT32, "Shape");
    return make("Shape", &tensor, 1, (tw_attr){.name = NULL});
}

/* All rows of a dense derivative, as slices. */
static tw_grad as_slices(tw_grad grad)
{
    if (grad.kind == TW_GRAD_SLICES || !grad.values.op)
        return grad;
    tw_grad out = {.kind = TW_GRAD_SLICES, .values = grad.values};
    out.dense_shape = shape_of(grad.values);
    tw_tensor inputs[] = {constant(tw_of_int(0), "start"), first_of(out.dense_shape),
                          constant(tw_of_int(1), "delta")};
    out.indices = make("Range", inputs, 3, (tw_attr){.name = NULL});
    return out;
}

/* The dense shape of the first stands for all: they are slices of one tensor. */
static tw_grad sum_slices(const tw_path_sum *sum, tw_tensor *values, tw_tensor *indices)
{
    size_t i = 0;
    tw_grad out = tw_grad_none();
    for (const tw_path_term *term = sum->first; term; term = term->next, i++) {
        tw_grad slices = as_slices(term->grad);
        values[i] = slices.values;
        indices[i] = slices.indices;
        out = i ? out : slices;
    }
    widen(indices, sum->count);
    out.values = concat(values, sum->count);
    out.indices = concat(indices, sum->count);
    return out;
}

/* One AddN, so that the numbers are added in one pass and in TensorFlow's order. */
static tw_grad sum_dense(const tw_path_sum *sum, tw_tensor *values)
{
    size_t i = 0;
    for (const tw_path_term *term = sum->first; term; term = term->next)
        values[i++] = tw_grad_tensor(term->grad);
    return tw_grad_of(make("AddN", values, sum->count, (tw_attr){.name = NULL}));
}

/* A single term is itself: no node is made for it. */
tw_grad tw_sum_grads(const tw_path_sum *sum, tw_arena *arena)
{
    bool any_slices = false;
    if (sum->count < 2)
        return sum->count ? sum->first->grad : tw_grad_none();
    for (const tw_path_term *term = sum->first; term; term = term->next)
        any_slices = any_slices || term->grad.kind == TW_GRAD_SLICES;
    tw_tensor *values = tw_arena_array(arena, sum->count + 1, sizeof *values);
    tw_tensor *indices = tw_arena_array(arena, sum->count + 1, sizeof *indices);
    if (!values || !indices)
        return tw_grad_of(tw_build_fail(tw_no_memory()));
    return any_slices ? sum_slices(sum, values, indices) : sum_dense(sum, values);
}
