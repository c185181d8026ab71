/* SPDX-License-Identifier: Apache-2.0
 * Numbers, lists, arrays and texts in the place of a tensor: they become Const operations. Which
 * value fits which dtype follows TensorFlow's make_tensor_proto: no value changes its kind. */
#include "graph/operand.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/status.h"
#include "tensor/array.h"

tw_operand tw_of_tensor(tw_tensor tensor)
{
    return (tw_operand){.kind = TW_OPERAND_TENSOR, .tensor = tensor};
}

tw_operand tw_of_int(int value)
{
    return (tw_operand){.kind = TW_OPERAND_INT, .value.i = value};
}

tw_operand tw_of_int64(int64_t value)
{
    return (tw_operand){.kind = TW_OPERAND_INT64, .value.i = value};
}

tw_operand tw_of_float(double value)
{
    return (tw_operand){.kind = TW_OPERAND_FLOAT, .value.f = value};
}

tw_operand tw_of_bool(bool value)
{
    return (tw_operand){.kind = TW_OPERAND_BOOL, .value.i = value};
}

/* A list that was not given is no operand; an empty one is. */
tw_operand tw_of_ints(tw_ints ints)
{
    if (!ints.items)
        return (tw_operand){.kind = TW_OPERAND_NONE};
    return (tw_operand){.kind = TW_OPERAND_INTS, .value.ints = ints};
}

/* A shape as an operand is a list of its dimensions, -1 included: reshape takes it so. */
tw_operand tw_of_shape(tw_shape shape)
{
    return tw_of_ints((tw_ints){shape.dims, shape.rank});
}

tw_operand tw_of_array(tw_array *array)
{
    return (tw_operand){.kind = TW_OPERAND_ARRAY, .value.array = array};
}

tw_operand tw_of_text(const char *text)
{
    return (tw_operand){.kind = TW_OPERAND_TEXT, .value.text = text};
}

/* As TensorFlow converts shapes: 64 bits only where a value needs them. */
static tw_dtype dtype_of_ints(tw_ints ints)
{
    for (size_t i = 0; i < ints.count; i++) {
        if (ints.items[i] < INT32_MIN || ints.items[i] > INT32_MAX)
            return TW_INT64;
    }
    return TW_INT32;
}

/* What it would be by itself; the operation's other operands may decide otherwise. */
tw_dtype tw_operand_dtype(const tw_operand *operand)
{
    switch (operand->kind) {
    case TW_OPERAND_TENSOR: return tw_dtype_base(tw_tensor_dtype(operand->tensor));
    case TW_OPERAND_INT: return TW_INT32;
    case TW_OPERAND_INT64: return TW_INT64;
    case TW_OPERAND_FLOAT: return TW_FLOAT32;
    case TW_OPERAND_BOOL: return TW_BOOL;
    case TW_OPERAND_INTS: return dtype_of_ints(operand->value.ints);
    case TW_OPERAND_ARRAY:
        return operand->value.array ? operand->value.array->dtype : TW_INVALID_DTYPE;
    case TW_OPERAND_TEXT: return TW_STRING;
    default: return TW_INVALID_DTYPE;
    }
}

/* The integers that a dtype holds; false: it holds none. */
static bool integer_range(tw_dtype dtype, int64_t *least, int64_t *greatest)
{
    size_t bits = 8 * tw_dtype_size(dtype);
    bool is_unsigned = dtype == TW_UINT8 || dtype == TW_UINT16 || dtype == TW_UINT32 ||
                       dtype == TW_UINT64 || dtype == TW_QUINT8 || dtype == TW_QUINT16;
    bool quantized = dtype >= TW_QINT8 && dtype <= TW_QINT32;
    if (!tw_dtype_is_integer(dtype) && !quantized && dtype != TW_QINT16 && dtype != TW_QUINT16)
        return false;
    *greatest = bits == 64 ? INT64_MAX : (INT64_C(1) << (bits - !is_unsigned)) - 1;
    *least = is_unsigned ? 0 : -*greatest - 1;
    return true;
}

/* Every number fits these, more or less exactly. */
static bool is_real_or_complex(tw_dtype dtype)
{
    return tw_dtype_is_floating(dtype) || tw_dtype_is_complex(dtype);
}

/* The imaginary part of a number is zero. */
static void put_double(tw_dtype dtype, void *element, double value)
{
    float *single = element;
    double *whole = element;
    if (dtype == TW_COMPLEX64)
        single[0] = (float)value, single[1] = 0;
    else if (dtype == TW_COMPLEX128)
        whole[0] = value, whole[1] = 0;
    else
        tw_element_set(dtype, element, value);
}

/* 64-bit values are copied: through a double they would lose their last digits. */
static tw_status *put_integer(tw_dtype dtype, void *element, int64_t value)
{
    int64_t least, greatest;
    if (is_real_or_complex(dtype)) {
        put_double(dtype, element, (double)value);
        return TW_OK;
    }
    if (dtype == TW_BOOL && (value == 0 || value == 1)) { /* C's true is an int */
        *(bool *)element = value != 0;
        return TW_OK;
    }
    if (!integer_range(dtype, &least, &greatest))
        return tw_type_error("Expected %s, got %" PRId64 " of type 'int' instead.",
                             tw_dtype_name(dtype), value);
    if (value < least || value > greatest)
        return tw_value_error("%" PRId64 " is out of the range of %s", value, tw_dtype_name(dtype));
    if (tw_dtype_size(dtype) == sizeof value)
        memcpy(element, &value, sizeof value);
    else
        tw_element_set(dtype, element, (double)value);
    return TW_OK;
}

/* One element, of kinds that need not agree with the dtype: then the words are those of
 * TensorFlow's conversion. */
static tw_status *put_value(const tw_operand *operand, size_t i, tw_dtype dtype, void *element)
{
    const char *wrong = NULL;
    switch (operand->kind) {
    case TW_OPERAND_INT:
    case TW_OPERAND_INT64: return put_integer(dtype, element, operand->value.i);
    case TW_OPERAND_INTS: return put_integer(dtype, element, operand->value.ints.items[i]);
    case TW_OPERAND_FLOAT:
        if (!is_real_or_complex(dtype))
            return tw_type_error("Expected %s, got %g of type 'float' instead.",
                                 tw_dtype_name(dtype), operand->value.f);
        put_double(dtype, element, operand->value.f);
        return TW_OK;
    case TW_OPERAND_BOOL:
        wrong = dtype == TW_BOOL ? NULL : "a bool";
        *(bool *)element = operand->value.i != 0;
        break;
    default:
        wrong = dtype == TW_STRING ? NULL : "a text";
        if (!wrong && operand->value.text)
            return tw_string_set(element, operand->value.text, strlen(operand->value.text));
    }
    return wrong ? tw_type_error("Expected %s, got %s instead.", tw_dtype_name(dtype), wrong)
                 : TW_OK;
}

/* Builders copy what they are given: the caller may write into the array afterwards. */
static tw_status *copy_array(const tw_array *array, tw_dtype dtype, tw_array **out)
{
    if (!array)
        return tw_value_error("the array is NULL");
    if (array->dtype != dtype)
        return tw_type_error("Expected %s, got an array of %s.", tw_dtype_name(dtype),
                             tw_dtype_name(array->dtype));
    *out = tw_array_copy(array);
    return *out ? TW_OK : tw_no_memory();
}

/* A scalar, or a vector for a list. */
tw_status *tw_operand_array(const tw_operand *operand, tw_dtype dtype, tw_array **out)
{
    *out = NULL;
    if (operand->kind == TW_OPERAND_ARRAY)
        return copy_array(operand->value.array, dtype, out);
    bool list = operand->kind == TW_OPERAND_INTS;
    int64_t count = list ? (int64_t)operand->value.ints.count : 1;
    tw_array *array = NULL;
    TW_TRY(tw_array_create(dtype, (tw_shape){&count, list ? 1 : 0}, &array));
    tw_status *status = TW_OK;
    for (size_t i = 0; i < (size_t)count && !status; i++)
        status = put_value(operand, i, dtype, (char *)array->data + i * tw_dtype_size(dtype));
    if (status)
        tw_array_unref(array);
    else
        *out = array;
    return status;
}

/* The graph shares the array, which nobody else may write. */
tw_status *tw_constant_add(tw_graph *graph, const char *prefix, tw_array *array, const char *name,
                           tw_where where, tw_tensor *out)
{
    tw_attr attrs[2] = {{.name = "value", .kind = TW_ATTR_TENSOR},
                        {.name = "dtype", .kind = TW_ATTR_TYPE}};
    attrs[0].value.tensor = array;
    attrs[1].value.type = array->dtype;
    tw_graph_add_args args = {.size = sizeof args,
                              .where = where,
                              .type = "Const",
                              .name = name,
                              .attrs = attrs,
                              .attr_count = 2};
    tw_operation *op = NULL;
    tw_status *status = tw_graph_add_known(graph, &args, NULL, prefix, &op);
    *out = (tw_tensor){op, 0};
    return status;
}

/* A tensor is only checked, never converted: TensorFlow does not cast behind one's back. */
tw_status *tw_operand_add(tw_graph *graph, const char *prefix, const tw_operand *operand,
                          tw_dtype dtype, const char *name, tw_where where, tw_tensor *out)
{
    tw_dtype own = tw_operand_dtype(operand);
    *out = operand->tensor;
    if (operand->kind == TW_OPERAND_TENSOR) {
        if (dtype && own && own != tw_dtype_base(dtype))
            return tw_type_error("Tensor conversion requested dtype %s for Tensor with dtype %s: "
                                 "'%s'",
                                 tw_dtype_name(dtype), tw_dtype_name(own),
                                 tw_tensor_text(operand->tensor).s);
        return own ? TW_OK : tw_value_error("'%s' is an invalid tensor", name ? name : "");
    }
    if (operand->kind == TW_OPERAND_NONE)
        return tw_value_error("the operand '%s' is missing", name ? name : "");
    tw_array *array = NULL;
    tw_status *status = tw_operand_array(operand, dtype ? tw_dtype_base(dtype) : own, &array);
    if (status)
        return tw_status_with_where(status, tw_current_where(where));
    status = tw_constant_add(graph, prefix, array, name, where, out);
    tw_array_unref(array);
    return status;
}

/* For composites, which need the tensor itself and not an operand of an operation. */
tw_tensor tw_operand_tensor(tw_operand operand, tw_dtype dtype, const char *name)
{
    tw_tensor out = {NULL, 0};
    tw_graph *graph = tw_default_graph();
    if (!graph)
        return tw_build_fail(tw_no_memory());
    tw_where where = tw_current_where((tw_where){NULL, 0});
    tw_status *status = tw_operand_add(graph, NULL, &operand, dtype, name, where, &out);
    return status ? tw_build_fail(tw_status_with_where(status, where)) : out;
}
