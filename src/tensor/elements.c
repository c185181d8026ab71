/* SPDX-License-Identifier: Apache-2.0
 * Elements one by one: initialise, copy and drop them for any dtype, and convert them to and from
 * double and int64 as TensorFlow's Cast does on x86: towards zero; out of range gives the least
 * int32 (int64 for the 64-bit and uint32 targets) and narrower integers take its low bits;
 * anything but zero, NaN too, is true. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/status.h"
#include "tensor/array.h"

/* All bits zero is 0, 0.0, false, the empty string and the empty handle. */
void tw_elements_init(tw_dtype dtype, void *data, size_t count)
{
    if (count > 0)
        memset(data, 0, count * tw_dtype_size(dtype));
}

/* Emptied before the object is let go, which may lead back here. */
static void handle_drop(tw_handle *handle)
{
    tw_handle old = *handle;
    memset(handle, 0, sizeof *handle);
    if (old.type && old.type->unref)
        old.type->unref(old.object);
}

/* The new object is held before the old one goes: they may be the same. */
static void handle_copy(tw_handle *to, const tw_handle *from)
{
    tw_handle fresh = *from;
    if (fresh.type && fresh.type->ref)
        fresh.type->ref(fresh.object);
    handle_drop(to);
    *to = fresh;
}

/* If memory runs short in the middle of strings, those before are copied and the others are as they
 * were: all of them can be dropped. Plain elements may overlap. */
tw_status *tw_elements_copy(tw_dtype dtype, void *to, const void *from, size_t count)
{
    if (count == 0 || to == from)
        return TW_OK;
    if (dtype == TW_STRING) {
        for (size_t i = 0; i < count; i++) {
            size_t length;
            const char *bytes = tw_string_get((const tw_string *)from + i, &length);
            TW_TRY(tw_string_set((tw_string *)to + i, bytes, length));
        }
    } else if (dtype == TW_RESOURCE || dtype == TW_VARIANT) {
        for (size_t i = 0; i < count; i++)
            handle_copy((tw_handle *)to + i, (const tw_handle *)from + i);
    } else {
        tw_copy_bytes(to, from, count * tw_dtype_size(dtype));
    }
    return TW_OK;
}

/* Plain dtypes hold nothing besides their bytes, so that only strings and handles need it. */
void tw_elements_drop(tw_dtype dtype, void *data, size_t count)
{
    if (dtype == TW_STRING)
        for (size_t i = 0; i < count; i++)
            tw_string_drop((tw_string *)data + i);
    else if (dtype == TW_RESOURCE || dtype == TW_VARIANT)
        for (size_t i = 0; i < count; i++)
            handle_drop((tw_handle *)data + i);
}

/* Exact but for 64-bit integers beyond 2^53. */
double tw_element_get(tw_dtype dtype, const void *element)
{
    switch (dtype) {
    case TW_FLOAT32:
    case TW_COMPLEX64: return (double)*(const float *)element;
    case TW_FLOAT64:
    case TW_COMPLEX128: return *(const double *)element;
    case TW_FLOAT16: return (double)tw_half_to_float(*(const uint16_t *)element);
    case TW_BFLOAT16: return (double)tw_bfloat16_to_float(*(const uint16_t *)element);
    case TW_UINT64: return (double)*(const uint64_t *)element;
    default:
        return tw_dtype_is_plain(dtype) ? (double)tw_element_get_int(dtype, element) : (double)NAN;
    }
}

/* Truncation by itself brings in what lies within one of the limits, so the bounds are open. */
static int32_t to_int32(double value)
{
    return value > -2147483649.0 && value < 2147483648.0 ? (int32_t)value : INT32_MIN;
}

/* 2^63 is a double, INT64_MAX is none. */
static int64_t to_int64(double value)
{
    return value >= -0x1p63 && value < 0x1p63 ? (int64_t)value : INT64_MIN;
}

/* Negative numbers wrap, as the conversion through int64 that compilers emit. */
static uint64_t to_uint64(double value)
{
    if (value >= 0x1p63)
        return value < 0x1p64 ? (uint64_t)value : 0;
    return (uint64_t)to_int64(value);
}

/* Exact for all integers (uint64 wraps); floats as Cast to int64; 0 for what is no number. */
int64_t tw_element_get_int(tw_dtype dtype, const void *element)
{
    switch (dtype) {
    case TW_INT32:
    case TW_QINT32: return *(const int32_t *)element;
    case TW_UINT8:
    case TW_QUINT8: return *(const uint8_t *)element;
    case TW_BOOL: return *(const uint8_t *)element != 0;
    case TW_INT16:
    case TW_QINT16: return *(const int16_t *)element;
    case TW_UINT16:
    case TW_QUINT16: return *(const uint16_t *)element;
    case TW_INT8:
    case TW_QINT8: return *(const int8_t *)element;
    case TW_UINT32: return (int64_t) * (const uint32_t *)element;
    case TW_INT64: return *(const int64_t *)element;
    case TW_UINT64: return (int64_t) * (const uint64_t *)element;
    default: return tw_dtype_is_plain(dtype) ? to_int64(tw_element_get(dtype, element)) : 0;
    }
}

/* The floating and complex dtypes; false: it is none of these. */
static bool set_floating(tw_dtype dtype, void *element, double value)
{
    switch (dtype) {
    case TW_FLOAT32: *(float *)element = (float)value; return true;
    case TW_FLOAT64: *(double *)element = value; return true;
    case TW_FLOAT16: *(uint16_t *)element = tw_float_to_half((float)value); return true;
    case TW_BFLOAT16: *(uint16_t *)element = tw_float_to_bfloat16((float)value); return true;
    case TW_COMPLEX64:
        ((float *)element)[0] = (float)value;
        ((float *)element)[1] = 0;
        return true;
    case TW_COMPLEX128:
        ((double *)element)[0] = value;
        ((double *)element)[1] = 0;
        return true;
    default: return false;
    }
}

/* Half and bfloat16 go through float, as Cast does; 8 and 16 bits take the low bits of an int32. */
void tw_element_set(tw_dtype dtype, void *element, double value)
{
    if (set_floating(dtype, element, value))
        return;
    switch (dtype) {
    case TW_INT64: *(int64_t *)element = to_int64(value); break;
    case TW_UINT64: *(uint64_t *)element = to_uint64(value); break;
    case TW_UINT32: *(uint32_t *)element = (uint32_t)to_int64(value); break;
    case TW_INT32:
    case TW_QINT32: *(int32_t *)element = to_int32(value); break;
    case TW_BOOL: *(uint8_t *)element = value != 0; break;
    case TW_INT16:
    case TW_UINT16:
    case TW_QINT16:
    case TW_QUINT16: *(uint16_t *)element = (uint16_t)to_int32(value); break;
    case TW_INT8:
    case TW_UINT8:
    case TW_QINT8:
    case TW_QUINT8: *(uint8_t *)element = (uint8_t)to_int32(value); break;
    default: break;
    }
}
