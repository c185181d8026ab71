/* SPDX-License-Identifier: Apache-2.0
 * The initializer of a variable that is given none, with TensorFlow 1.15's nodes: uniform numbers
 * within sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio 2010), or zeros. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/status.h"
#include "graph/scope.h"
#include "graph/variables.h"

/* Zeros of more elements become a Fill, so that a graph's file stays small. */
enum { SMALL = 1000 };

/* Nodes added one after the other: the first error stays, and nothing is made after it. */
typedef struct maker {
    tw_graph *graph;
    tw_where where;
    tw_status *status;
} maker;

/* Numbers become constants of the variable's dtype. */
static tw_tensor constant(maker *m, tw_operand operand, tw_dtype dtype, const char *name)
{
    tw_tensor out = {NULL, 0};
    if (!m->status)
        m->status = tw_operand_add(m->graph, NULL, &operand, dtype, name, m->where, &out);
    return out;
}

/* After an error nothing is made, and the outputs are invalid. */
static tw_tensor operation(maker *m, const char *type, const char *name, const tw_tensor *inputs,
                           size_t input_count, const tw_attr *attrs, size_t attr_count)
{
    tw_graph_add_args args = {.size = sizeof args,
                              .where = m->where,
                              .type = type,
                              .name = name,
                              .inputs = inputs,
                              .input_count = input_count,
                              .attrs = attrs,
                              .attr_count = attr_count};
    tw_operation *op = NULL;
    if (!m->status)
        m->status = tw_graph_add(m->graph, &args, &op);
    return (tw_tensor){op, 0};
}

/* The mean of inputs and outputs that an element takes part in; the last two dims are the matrix,
 * those before it a convolution's window. */
static double mean_fan(tw_shape shape)
{
    double window = 1;
    if (shape.rank < 2)
        return shape.rank ? (double)shape.dims[0] : 1;
    for (size_t i = 0; i + 2 < shape.rank; i++)
        window *= (double)shape.dims[i];
    return window * (double)(shape.dims[shape.rank - 2] + shape.dims[shape.rank - 1]) / 2;
}

/* Node for node what TensorFlow's random_uniform makes, since op seeds count nodes. */
static tw_tensor glorot_uniform(maker *m, tw_shape shape, tw_dtype dtype)
{
    double fan = mean_fan(shape), limit = sqrt(3 / (fan > 1 ? fan : 1));
    tw_tensor sizes = constant(m, tw_of_shape(shape), TW_INVALID_DTYPE, "shape");
    tw_tensor low = constant(m, tw_of_float(-limit), dtype, "min");
    tw_tensor high = constant(m, tw_of_float(limit), dtype, "max");
    tw_attr attrs[3] = {{.name = "seed", .kind = TW_ATTR_INT},
                        {.name = "seed2", .kind = TW_ATTR_INT},
                        {.name = "dtype", .kind = TW_ATTR_TYPE}};
    tw_graph_seeds(m->graph, NULL, &attrs[0].value.i, &attrs[1].value.i);
    attrs[2].value.type = dtype;
    tw_tensor draws = operation(m, "RandomUniform", NULL, &sizes, 1, attrs, 3);
    tw_tensor range = operation(m, "Sub", "sub", (tw_tensor[]){high, low}, 2, NULL, 0);
    tw_tensor scaled = operation(m, "Mul", "mul", (tw_tensor[]){draws, range}, 2, NULL, 0);
    return operation(m, "Add", tw_scope_prefix(m->graph), (tw_tensor[]){scaled, low}, 2, NULL, 0);
}

/* One constant, or the three nodes that TensorFlow's zeros makes of a large shape. */
static tw_tensor zeros(maker *m, tw_shape shape, tw_dtype dtype)
{
    tw_tensor out = {NULL, 0};
    tw_array *array = NULL;
    if (tw_shape_elements(shape) >= SMALL) {
        tw_tensor sizes = constant(m, tw_of_shape(shape), TW_INVALID_DTYPE, "shape_as_tensor");
        m->status = m->status ? m->status : tw_array_create(dtype, TW_SHAPE(), &array);
        if (!m->status)
            m->status = tw_constant_add(m->graph, NULL, array, "Const", m->where, &out);
        tw_array_unref(array);
        return operation(m, "Fill", tw_scope_prefix(m->graph), (tw_tensor[]){sizes, out}, 2, NULL,
                         0);
    }
    m->status = tw_array_create(dtype, shape, &array);
    if (!m->status)
        m->status = tw_constant_add(m->graph, NULL, array, tw_scope_prefix(m->graph), m->where,
                                    &out);
    tw_array_unref(array);
    return out;
}

/* TensorFlow refuses the same dtypes. */
tw_status *tw_default_initializer(tw_graph *graph, tw_shape shape, tw_dtype dtype, tw_where where,
                                  tw_tensor *out)
{
    maker m = {graph, where, TW_OK};
    bool floating = tw_dtype_is_floating(dtype);
    if (!floating && !tw_dtype_is_integer(dtype) && dtype != TW_BOOL && dtype != TW_STRING)
        return tw_value_error("An initializer is required for a variable of %s",
                              tw_dtype_name(dtype));
    TW_TRY(tw_scope_push_name(floating ? "random_uniform" : "zeros"));
    *out = floating ? glorot_uniform(&m, shape, dtype) : zeros(&m, shape, dtype);
    tw_scope_pop();
    return m.status;
}
