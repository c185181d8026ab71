/* SPDX-License-Identifier: Apache-2.0
 * What composites are made with. */
#include "composites/composite.h"

#include <stdarg.h>
#include <stdio.h>

/* No scope of its own: what is built lies in the scope that is open, as with TensorFlow's
 * functions that only pass on a name. */
void tw_place_enter(tw_composite_scope *scope, tw_where where, const tw_operand *graph_of)
{
    bool tensor = graph_of && graph_of->kind == TW_OPERAND_TENSOR && graph_of->tensor.op;
    tw_graph *graph = tensor ? tw_operation_graph(graph_of->tensor.op) : NULL;
    /* The scope that is open, once more: as a name that ends in a slash it is taken as it is. */
    const char *open = !graph || graph == tw_default_graph() ? tw_scope_name() : "";
    tw_composite_enter(scope, where, graph_of, open, "");
}

/* `where` is left out: the open context says it. */
tw_tensor tw_make(const char *type, const char *name, tw_tensors inputs, const tw_attr *attrs,
                  size_t attr_count)
{
    tw_operation *op = NULL;
    for (size_t i = 0; i < inputs.count; i++) {
        if (!tw_tensor_valid(inputs.items[i]))
            return (tw_tensor){NULL, 0};
    }
    tw_graph *graph = inputs.count ? tw_operation_graph(inputs.items[0].op) : tw_default_graph();
    tw_graph_add_args args = {.size = sizeof args,
                              .type = type,
                              .name = name,
                              .inputs = inputs.items,
                              .input_count = inputs.count,
                              .attrs = attrs,
                              .attr_count = attr_count};
    tw_status *status = tw_graph_add(graph, &args, &op);
    return status ? tw_build_fail(status) : tw_build_result(op);
}

/* Attributes for tw_make. */
tw_attr tw_attr_of_type(const char *name, tw_dtype dtype)
{
    return (tw_attr){.name = name, .kind = TW_ATTR_TYPE, .value.type = dtype};
}

/* For operations that composites make by name, with attributes in an array. */
tw_attr tw_attr_of_int(const char *name, int64_t value)
{
    return (tw_attr){.name = name, .kind = TW_ATTR_INT, .value.i = value};
}

/* A variable stays the variable: builders take it as it is. */
tw_tensor tw_as_tensor(tw_operand operand, const char *name)
{
    return tw_operand_tensor(operand, TW_INVALID_DTYPE, name);
}

/* Integers go through int64, so that large ones stay exact. */
tw_tensor tw_number(double value, tw_dtype dtype, const char *name)
{
    bool whole = tw_dtype_is_integer(tw_dtype_base(dtype));
    return tw_operand_tensor(whole ? tw_of_int64((int64_t)value) : tw_of_float(value), dtype, name);
}

/* TensorFlow makes axes and sizes int32; the name is that of its constant, since names of nodes
 * are compared. */
tw_tensor tw_numbers(tw_ints ints, const char *name)
{
    return tw_operand_tensor(tw_of_ints(ints), TW_INT32, name);
}

/* As TensorFlow folds tf.shape while building: the names stay, the type is Const. */
tw_tensor tw_sizes_of(tw_tensor tensor)
{
    tw_shape shape = tw_tensor_shape(tensor);
    return tw_shape_fully_known(shape)
               ? tw_operand_tensor(tw_of_shape(shape), TW_INVALID_DTYPE, "Shape")
               : tw_shape(tensor);
}

/* The same for tf.rank. */
tw_tensor tw_rank_of(tw_tensor tensor)
{
    tw_shape shape = tw_tensor_shape(tensor);
    return tw_shape_known_rank(shape) ? tw_number((double)shape.rank, TW_INT32, "Rank")
                                      : tw_rank(tensor);
}

/* The place is added where it is reported. */
tw_tensor tw_refuse(const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return tw_build_fail(tw_status_new(TW_INVALID_ARGUMENT, "%s", text));
}

/* A constant where the rank is known, so that shapes can be inferred; otherwise a Range up to
 * the rank, found in the run. */
tw_tensor tw_all_axes(tw_tensor tensor)
{
    tw_shape shape = tw_tensor_shape(tensor);
    int64_t axes[TW_MAX_RANK];
    if (!tw_shape_known_rank(shape))
        return tw_range(0, tw_rank(tensor), 1);
    for (size_t i = 0; i < shape.rank; i++)
        axes[i] = (int64_t)i;
    return tw_numbers((tw_ints){axes, shape.rank}, "Const");
}
