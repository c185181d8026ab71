/* SPDX-License-Identifier: Apache-2.0
 * Does a value suit its attribute: kind, length, minimum, allowed values. The wording is that of
 * TensorFlow's Python layer, whose tests look for it. */
#include <string.h>

#include "base/status.h"
#include "base/text.h"
#include "op/attr.h"

/* No list of allowed dtypes means all are. */
bool tw_op_allows_type(const tw_op_attr *attr, tw_dtype dtype)
{
    for (size_t i = 0; i < attr->allowed_type_count; i++)
        if (attr->allowed_types[i] == dtype)
            return true;
    return !attr->allowed_types;
}

/* `parameter` is the input that brought the dtype, or the attribute that was given. */
tw_status *tw_op_refuse_type(const tw_op_attr *attr, const char *parameter, tw_dtype dtype)
{
    tw_buffer names = {0};
    for (size_t i = 0; i < attr->allowed_type_count; i++)
        tw_buffer_printf(&names, "%s%s", i ? ", " : "", tw_dtype_name(attr->allowed_types[i]));
    char *text = tw_buffer_take(&names);
    tw_status *status = tw_type_error(
        "Value passed to parameter '%s' has DataType %s not in list of allowed "
        "values: %s",
        parameter, tw_dtype_name(dtype), text ? text : "");
    tw_free(text);
    return status;
}

/* Bytes are compared: an attribute may hold NULs, which no allowed value does. */
static bool allows_string(const tw_op_attr *attr, tw_bytes bytes)
{
    for (size_t i = 0; i < attr->allowed_string_count; i++) {
        const char *allowed = attr->allowed_strings[i];
        if (strlen(allowed) == bytes.length && memcmp(allowed, bytes.data, bytes.length) == 0)
            return true;
    }
    return !attr->allowed_strings;
}

/* A long text of a caller is cut. */
static tw_status *refuse_string(const tw_op *op, const tw_op_attr *attr, tw_bytes bytes)
{
    tw_buffer names = {0};
    for (size_t i = 0; i < attr->allowed_string_count; i++)
        tw_buffer_printf(&names, "%s\"%s\"", i ? ", " : "", attr->allowed_strings[i]);
    char *text = tw_buffer_take(&names);
    tw_status *status = tw_value_error(
        "Attr '%s' of '%s' Op passed string '%.*s' not in: %s.", attr->name, op->name,
        (int)(bytes.length < 64 ? bytes.length : 64), bytes.data, text ? text : "");
    tw_free(text);
    return status;
}

/* Of a number its value, of a list its length. */
static tw_status *check_minimum(const tw_op *op, const tw_op_attr *attr, const tw_attr *value)
{
    if (!attr->has_minimum)
        return TW_OK;
    if (value->list && (int64_t)value->count < attr->minimum)
        return tw_value_error("Attr '%s' of '%s' Op passed list of length %zu less than minimum "
                              "%lld.",
                              attr->name, op->name, value->count, (long long)attr->minimum);
    if (!value->list && value->value.i < attr->minimum)
        return tw_value_error("Attr '%s' of '%s' Op passed %lld less than minimum %lld.",
                              attr->name, op->name, (long long)value->value.i,
                              (long long)attr->minimum);
    return TW_OK;
}

/* A dtype, shape or string of a caller may be anything. */
static tw_status *check_item(const tw_op *op, const tw_op_attr *attr, const tw_attr *value,
                             size_t index)
{
    const void *item = tw_attr_item(value, index);
    if (attr->kind == TW_ATTR_TYPE) {
        tw_dtype dtype = *(const tw_dtype *)item;
        if (tw_dtype_size(tw_dtype_base(dtype)) == 0)
            return tw_type_error("Attr '%s' of '%s' Op passed %d, which is no DataType.",
                                 attr->name, op->name, (int)dtype);
        if (!tw_op_allows_type(attr, tw_dtype_base(dtype)))
            return tw_op_refuse_type(attr, attr->name, dtype);
    }
    if (attr->kind == TW_ATTR_STRING && !allows_string(attr, *(const tw_bytes *)item))
        return refuse_string(op, attr, *(const tw_bytes *)item);
    if (attr->kind == TW_ATTR_SHAPE && ((const tw_shape *)item)->dims) {
        tw_shape shape = *(const tw_shape *)item;
        if (shape.rank > TW_MAX_RANK)
            return tw_value_error("Attr '%s' of '%s' Op passed a shape of %zu dimensions, at most "
                                  "%d are possible.",
                                  attr->name, op->name, shape.rank, TW_MAX_RANK);
        for (size_t i = 0; i < shape.rank; i++)
            if (shape.dims[i] < -1)
                return tw_value_error("Attr '%s' of '%s' Op passed shape %s with a negative "
                                      "dimension.",
                                      attr->name, op->name, tw_shape_text(shape).s);
    }
    if (attr->kind == TW_ATTR_TENSOR && !*(tw_array *const *)item)
        return tw_type_error("Attr '%s' of '%s' Op passed no tensor.", attr->name, op->name);
    return TW_OK;
}

/* Kind first, because the rest reads the value as that kind. */
tw_status *tw_op_check_attr(const tw_op *op, const tw_op_attr *attr, const tw_attr *value)
{
    if (value->kind == TW_ATTR_PLACEHOLDER)
        return TW_OK;
    /* An empty list that was read from a file does not say what it is a list of. */
    bool empty = attr->list && value->list && value->count == 0;
    if (!empty && (value->kind != attr->kind || value->list != attr->list))
        return tw_type_error("Expected %s%s%s for argument '%s' of '%s' Op not %s.",
                             attr->list ? "list(" : "", tw_attr_kind_name(attr->kind),
                             attr->list ? ")" : "", attr->name, op->name,
                             value->kind == TW_ATTR_NONE ? "nothing" : tw_attr_text(value).s);
    TW_TRY(check_minimum(op, attr, value));
    size_t count = value->list ? value->count : 1;
    for (size_t i = 0; i < count; i++)
        TW_TRY(check_item(op, attr, value, i));
    return TW_OK;
}
