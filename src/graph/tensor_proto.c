/* SPDX-License-Identifier: Apache-2.0
 * TensorProto: a dtype, a shape, and the elements either as they lie in memory or one by one, the
 * last one standing for all that follow. */
#include <string.h>

#include "base/alloc.h"
#include "base/status.h"
#include "graph/graph_def.h"
#include "tensor/array.h"

/* ---- shapes ---- */

/* A tensor without a shape is a scalar, as in TensorFlow; an unknown rank has a mark of its own. */
tw_status *tw_shape_from_proto(const tw_message *proto, tw_arena *arena, tw_shape *out)
{
    size_t rank = proto ? tw_message_count(proto, TW_PB_TensorShapeProto_dim) : 0;
    *out = TW_UNKNOWN_SHAPE;
    if (proto && tw_message_int(proto, TW_PB_TensorShapeProto_unknown_rank))
        return TW_OK;
    if (rank > TW_MAX_RANK)
        return tw_value_error("a shape has at most %d dimensions, got %zu", TW_MAX_RANK, rank);
    int64_t *dims = tw_arena_array(arena, rank, sizeof *dims);
    if (!dims)
        return tw_no_memory();
    for (size_t i = 0; i < rank; i++) {
        const tw_message *dim = tw_message_child_at(proto, TW_PB_TensorShapeProto_dim, i);
        dims[i] = tw_message_int(dim, TW_PB_Dim_size);
        if (dims[i] < -1)
            return tw_value_error("a shape has the dimension %lld", (long long)dims[i]);
    }
    *out = (tw_shape){dims, rank};
    return TW_OK;
}

/* Unknown dimensions are -1 there too. */
bool tw_shape_to_proto(tw_shape shape, tw_message *proto)
{
    if (!shape.dims)
        return tw_message_add_int(proto, TW_PB_TensorShapeProto_unknown_rank, true);
    bool good = true;
    for (size_t i = 0; i < shape.rank && good; i++) {
        tw_message *dim = tw_message_add_child(proto, TW_PB_TensorShapeProto_dim);
        good = dim && tw_message_add_int(dim, TW_PB_Dim_size, shape.dims[i]);
    }
    return good;
}

/* ---- elements ----
 * A tensor in a file may be its bytes, all its values, or fewer values than elements.
 * make_tensor_proto writes the first or second, and a constant that is filled with one number the
 * third. */

/* The field that holds the elements of a dtype one by one; 0: none does. */
static int field_of(tw_dtype dtype)
{
    static const uint8_t fields[TW_DTYPE_COUNT] = {
        [TW_FLOAT32] = TW_PB_TensorProto_float_val,
        [TW_FLOAT64] = TW_PB_TensorProto_double_val,
        [TW_INT32] = TW_PB_TensorProto_int_val,
        [TW_UINT8] = TW_PB_TensorProto_int_val,
        [TW_INT16] = TW_PB_TensorProto_int_val,
        [TW_INT8] = TW_PB_TensorProto_int_val,
        [TW_STRING] = TW_PB_TensorProto_string_val,
        [TW_COMPLEX64] = TW_PB_TensorProto_scomplex_val,
        [TW_INT64] = TW_PB_TensorProto_int64_val,
        [TW_BOOL] = TW_PB_TensorProto_bool_val,
        [TW_QINT8] = TW_PB_TensorProto_int_val,
        [TW_QUINT8] = TW_PB_TensorProto_int_val,
        [TW_QINT32] = TW_PB_TensorProto_int_val,
        [TW_BFLOAT16] = TW_PB_TensorProto_half_val,
        [TW_QINT16] = TW_PB_TensorProto_int_val,
        [TW_QUINT16] = TW_PB_TensorProto_int_val,
        [TW_UINT16] = TW_PB_TensorProto_int_val,
        [TW_COMPLEX128] = TW_PB_TensorProto_dcomplex_val,
        [TW_FLOAT16] = TW_PB_TensorProto_half_val,
        [TW_UINT32] = TW_PB_TensorProto_uint32_val,
        [TW_UINT64] = TW_PB_TensorProto_uint64_val,
    };
    return (size_t)dtype < TW_DTYPE_COUNT ? fields[dtype] : 0;
}

/* Integers of any size, the low bytes of the message's 64 bits: little or big end alike. */
static void put_integer(char *to, size_t size, int64_t value)
{
    uint8_t one = (uint8_t)value;
    uint16_t two = (uint16_t)value;
    uint32_t four = (uint32_t)value;
    if (size == 1)
        memcpy(to, &one, 1);
    else if (size == 2)
        memcpy(to, &two, 2);
    else if (size == 4)
        memcpy(to, &four, 4);
    else
        memcpy(to, &value, 8);
}

/* Half floats are stored by their bits. */
static int64_t get_integer(tw_dtype dtype, const char *from)
{
    uint16_t bits;
    uint64_t whole;
    if (dtype == TW_FLOAT16 || dtype == TW_BFLOAT16) {
        memcpy(&bits, from, sizeof bits);
        return bits;
    }
    if (dtype == TW_UINT64) {
        memcpy(&whole, from, sizeof whole);
        return (int64_t)whole;
    }
    if (dtype == TW_BOOL)
        return *(const bool *)from;
    return tw_element_get_int(dtype, from);
}

/* The first `count` elements from the values of the field; fewer where there are fewer. */
static tw_status *read_values(const tw_message *proto, tw_array *array, size_t *filled)
{
    int field = field_of(array->dtype);
    size_t n = 0, size = tw_dtype_size(array->dtype);
    const void *plain = NULL;
    if (field == TW_PB_TensorProto_float_val || field == TW_PB_TensorProto_scomplex_val)
        plain = tw_message_floats(proto, field, &n);
    else if (field == TW_PB_TensorProto_double_val || field == TW_PB_TensorProto_dcomplex_val)
        plain = tw_message_doubles(proto, field, &n);
    if (tw_dtype_is_complex(array->dtype))
        n /= 2;
    if (plain) {
        *filled = n < array->count ? n : array->count;
        memcpy(array->data, plain, *filled * size);
        return TW_OK;
    }
    n = tw_message_count(proto, field);
    *filled = n < array->count ? n : array->count;
    if (tw_dtype_is_complex(array->dtype) || !field)
        *filled = 0;
    for (size_t i = 0; i < *filled; i++) {
        char *to = (char *)array->data + i * size;
        if (array->dtype == TW_STRING) {
            tw_span text = tw_message_span_at(proto, field, i);
            TW_TRY(tw_string_set((tw_string *)(void *)to, text.data, text.size));
        } else {
            put_integer(to, size, tw_message_int_at(proto, field, i));
        }
    }
    return TW_OK;
}

/* The last value that was given stands for the rest. */
static tw_status *repeat_last(tw_array *array, size_t filled)
{
    size_t size = tw_dtype_size(array->dtype);
    const char *last = (const char *)array->data + (filled - 1) * size;
    for (size_t i = filled; i < array->count; i++) {
        char *to = (char *)array->data + i * size;
        if (array->dtype == TW_STRING)
            TW_TRY(tw_elements_copy(TW_STRING, to, last, 1));
        else
            memcpy(to, last, size);
    }
    return TW_OK;
}

/* Bytes win where a file has both, as in TensorFlow. A tensor without any elements in the file is
 * zeros. */
static tw_status *read_elements(const tw_message *proto, tw_array *array)
{
    tw_span content = tw_message_span(proto, TW_PB_TensorProto_tensor_content);
    size_t filled = 0;
    if (content.size && array->dtype != TW_STRING) {
        if (content.size != tw_array_bytes(array))
            return tw_value_error("a tensor %s %s has %zu bytes of content",
                                  tw_dtype_name(array->dtype),
                                  tw_shape_text(tw_array_shape(array)).s, content.size);
        memcpy(array->data, content.data, content.size);
        return TW_OK;
    }
    TW_TRY(read_values(proto, array, &filled));
    return filled && filled < array->count ? repeat_last(array, filled) : TW_OK;
}

/* The size is checked before anything is allocated, and what is not in the file itself is charged
 * to the import. */
tw_status *tw_tensor_from_proto(const tw_message *proto, int64_t *budget, tw_array **out)
{
    tw_arena arena = {0};
    tw_shape shape;
    size_t count = 0;
    *out = NULL;
    tw_dtype dtype = (tw_dtype)tw_message_int(proto, TW_PB_TensorProto_dtype);
    if (dtype == TW_RESOURCE || dtype == TW_VARIANT)
        return TW_OK;
    if (!field_of(dtype))
        return tw_value_error("a tensor has the dtype %d", (int)dtype);
    const tw_message *dims = tw_message_child(proto, TW_PB_TensorProto_tensor_shape);
    tw_status *status = tw_shape_from_proto(dims, &arena, &shape);
    if (!status)
        status = tw_shape_check(dtype, shape, &count);
    tw_span content = tw_message_span(proto, TW_PB_TensorProto_tensor_content);
    int64_t bytes = (int64_t)(count * tw_dtype_size(dtype)) - (int64_t)content.size;
    if (!status && bytes > 0 && (*budget -= bytes) < 0)
        status = tw_status_new(TW_RESOURCE_EXHAUSTED, "the tensors would need more memory than is "
                                                      "reasonable for the file");
    if (!status)
        status = tw_array_create(dtype, shape, out);
    if (!status)
        status = read_elements(proto, *out);
    if (status) {
        tw_array_unref(*out);
        *out = NULL;
    }
    tw_arena_clear(&arena);
    return status;
}

/* ---- writing ----
 * What was built here is written in the shortest of these forms; what was imported comes back in
 * its own. */

/* How many elements have to be written one by one so that the last of them stands for the rest; 0
 * where they are shorter as they lie in memory. */
static size_t written_elements(const tw_array *array)
{
    size_t size = tw_dtype_size(array->dtype), count = array->count;
    const char *data = array->data;
    while (count > 1 && memcmp(data + (count - 1) * size, data + (count - 2) * size, size) == 0)
        count--;
    /* A number takes up to ten bytes there. */
    return count == 1 || (count < array->count && count <= array->count / 2 + 2) ? count : 0;
}

/* One element in the form that its field has. */
static bool write_value(const tw_array *array, size_t i, int field, tw_message *proto)
{
    const char *from = (const char *)array->data + i * tw_dtype_size(array->dtype);
    const float *single = (const float *)(const void *)from;
    const double *whole = (const double *)(const void *)from;
    size_t length;
    const char *text;
    switch (field) {
    case TW_PB_TensorProto_float_val: return tw_message_add_floats(proto, field, single, 1);
    case TW_PB_TensorProto_scomplex_val: return tw_message_add_floats(proto, field, single, 2);
    case TW_PB_TensorProto_double_val: return tw_message_add_doubles(proto, field, whole, 1);
    case TW_PB_TensorProto_dcomplex_val: return tw_message_add_doubles(proto, field, whole, 2);
    case TW_PB_TensorProto_string_val:
        text = tw_string_get((const tw_string *)(const void *)from, &length);
        return tw_message_add_borrowed(proto, field, text, length);
    default: return tw_message_add_int(proto, field, get_integer(array->dtype, from));
    }
}

/* As make_tensor_proto does: one number or texts one by one, more numbers as they lie in memory,
 * but for those at the end that are the same. */
bool tw_tensor_to_proto(const tw_array *array, tw_message *proto)
{
    int field = field_of(array->dtype);
    tw_message *shape = tw_message_add_child(proto, TW_PB_TensorProto_tensor_shape);
    bool good = shape && tw_message_add_int(proto, TW_PB_TensorProto_dtype, array->dtype) &&
                tw_shape_to_proto(tw_array_shape(array), shape);
    bool text = array->dtype == TW_STRING;
    size_t count = text || array->count == 0 ? array->count : written_elements(array);
    if (array->count > 0 && count == 0)
        return good && tw_message_add_borrowed(proto, TW_PB_TensorProto_tensor_content, array->data,
                                               tw_array_bytes(array));
    for (size_t i = 0; field && i < count && good; i++)
        good = write_value(array, i, field, proto);
    return good;
}
