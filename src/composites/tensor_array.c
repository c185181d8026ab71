/* SPDX-License-Identifier: Apache-2.0
 * TensorArrays for C: a handle and the flow that orders what is done with it, with TensorFlow's
 * nodes and names. The shape of an element is found by following the flow back to what was
 * written. */
#include "thalweg/control_flow.h"

#include <string.h>

#include "composites/composite.h"

/* ---- the shape of an element ---- */

enum { FLOW_STEPS = 24, FLOW_DIMS = 16 };

typedef struct element_shape {
    int64_t dims[FLOW_DIMS];
    tw_shape shape;
} element_shape;

/* By name: this file stands on the public headers only. */
static bool is_type(const tw_operation *op, const char *type)
{
    return strcmp(tw_operation_type(op), type) == 0;
}

/* Rows of `tensor` (`rows`) or the tensor itself. */
static bool take_shape(tw_tensor tensor, bool rows, element_shape *out)
{
    tw_shape shape = tw_tensor_shape(tensor);
    if (!shape.dims || shape.rank < (size_t)rows || shape.rank > FLOW_DIMS)
        return false;
    size_t rank = shape.rank - (size_t)rows;
    if (rank)
        memcpy(out->dims, shape.dims + (size_t)rows, rank * sizeof *out->dims);
    out->shape = (tw_shape){out->dims, rank};
    return true;
}

/* What the operation that made the array says of its elements. */
static bool declared_shape(const tw_operation *op, element_shape *out)
{
    const tw_attr *attr = tw_operation_attr(op, "element_shape");
    if (!attr || attr->kind != TW_ATTR_SHAPE || !attr->value.shape.dims ||
        attr->value.shape.rank > FLOW_DIMS)
        return false;
    size_t rank = attr->value.shape.rank;
    if (rank)
        memcpy(out->dims, attr->value.shape.dims, rank * sizeof *out->dims);
    out->shape = (tw_shape){out->dims, rank};
    return true;
}

/* Back along the flow, through loops and writes, to where something is known; rings end by the
 * bound. */
static bool find_shape(tw_tensor flow, int steps, element_shape *out)
{
    static const char *const passing[] = {"Enter",  "Exit",     "NextIteration",
                                          "Switch", "Identity", "Merge"};
    tw_operation *op = flow.op;
    if (!op || steps > FLOW_STEPS)
        return false;
    if (is_type(op, "TensorArrayWriteV3"))
        return take_shape(tw_operation_input(op, 2), false, out);
    if (is_type(op, "TensorArrayScatterV3"))
        return take_shape(tw_operation_input(op, 2), true, out);
    if (is_type(op, "TensorArrayV3"))
        return declared_shape(op, out);
    for (size_t i = 0; i < sizeof passing / sizeof *passing; i++) {
        if (!is_type(op, passing[i]))
            continue;
        bool merge = is_type(op, "Merge");
        size_t count = merge ? tw_operation_input_count(op) : 1;
        for (size_t k = 0; k < count; k++) {
            if (find_shape(tw_operation_input(op, k), steps + (merge ? 4 : 1), out))
                return true;
        }
    }
    return false;
}

/* Unknown where nothing says it; the dims are in `out`. */
static tw_shape shape_of_element(tw_tensor_array array, element_shape *out)
{
    return find_shape(array.flow, 0, out) ? out->shape : TW_UNKNOWN_SHAPE;
}

/* ---- what can be done with one ---- */

static const tw_where nowhere = {NULL, 0};

/* The handle is a resource; its flow begins as the operation gives it. */
tw_tensor_array tw_tensor_array_new_(const struct tw_tensor_array_args *args)
{
    struct tw_tensor_array_args full = {.element_shape = TW_UNKNOWN_SHAPE};
    tw_composite_scope scope;
    if (args)
        memcpy(&full, args, args->size < sizeof full ? args->size : sizeof full);
    tw_composite_enter(&scope, full.where, &full.length, full.name, "TensorArray");
    tw_tensor size = tw_operand_tensor(full.length, TW_INT32, "size");
    struct tw_tensor_array_v3_result made = tw_tensor_array_v3(
        size, .dtype = full.dtype, .element_shape = full.element_shape,
        .identical_element_shapes = true, .dynamic_size = full.dynamic_size,
        .clear_after_read = !full.keep_after_read, .name = scope.name);
    tw_composite_leave(&scope);
    return (tw_tensor_array){made.handle, made.flow, full.dtype};
}

/* A new flow each time: who reads by it reads after this write. */
tw_tensor_array tw_tensor_array_put(tw_tensor_array array, tw_operand index, tw_tensor value)
{
    tw_composite_scope scope;
    tw_operand handle = tw_of_tensor(array.handle);
    tw_composite_enter(&scope, nowhere, &handle, NULL, "TensorArrayWrite");
    tw_tensor at = tw_operand_tensor(index, TW_INT32, "index");
    array.flow = tw_tensor_array_write_v3(array.handle, at, value, array.flow);
    tw_composite_leave(&scope);
    return array;
}

/* The shape is known while building where the array or an earlier write says it. */
tw_tensor tw_tensor_array_take(tw_tensor_array array, tw_operand index)
{
    tw_composite_scope scope;
    element_shape found;
    tw_operand handle = tw_of_tensor(array.handle);
    tw_place_enter(&scope, nowhere, &handle);
    tw_tensor value = tw_tensor_array_read_v3(array.handle, index, array.flow,
                                              .dtype = array.dtype);
    tw_shape shape = shape_of_element(array, &found);
    if (value.op && shape.dims)
        tw_build_fail(tw_tensor_set_shape(value, shape));
    tw_composite_leave(&scope);
    return value;
}

/* As in TensorFlow: a gather of all indices. */
tw_tensor tw_tensor_array_stack(tw_tensor_array array)
{
    tw_composite_scope scope;
    element_shape found;
    tw_operand handle = tw_of_tensor(array.handle);
    tw_composite_enter(&scope, nowhere, &handle, NULL, "TensorArrayStack");
    tw_tensor size = tw_tensor_array_size_v3(array.handle, array.flow);
    tw_tensor indices = tw_range(0, size, 1);
    tw_tensor value = tw_tensor_array_gather_v3(array.handle, indices, array.flow,
                                                .dtype = array.dtype,
                                                .element_shape = shape_of_element(array, &found));
    tw_composite_leave(&scope);
    return value;
}

/* As in TensorFlow: a scatter to all indices. */
tw_tensor_array tw_tensor_array_unstack(tw_tensor_array array, tw_tensor value)
{
    tw_composite_scope scope;
    tw_operand handle = tw_of_tensor(array.handle);
    tw_composite_enter(&scope, nowhere, &handle, NULL, "TensorArrayUnstack");
    tw_tensor sizes = tw_sizes_of(value);
    tw_tensor begin = tw_numbers(TW_INTS(0), "strided_slice/stack");
    tw_tensor end = tw_numbers(TW_INTS(1), "strided_slice/stack_1");
    tw_tensor step = tw_numbers(TW_INTS(1), "strided_slice/stack_2");
    tw_tensor count = tw_strided_slice(sizes, begin, end, step, .shrink_axis_mask = 1,
                                       .name = "strided_slice");
    tw_tensor indices = tw_range(0, count, 1);
    TW_NAME_SCOPE("TensorArrayScatter") {
        array.flow = tw_tensor_array_scatter_v3(array.handle, indices, value, array.flow);
    }
    tw_composite_leave(&scope);
    return array;
}

/* By the flow too, since an array may grow. */
tw_tensor tw_tensor_array_length(tw_tensor_array array)
{
    return tw_tensor_array_size_v3(array.handle, array.flow);
}
