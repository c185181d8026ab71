/* SPDX-License-Identifier: Apache-2.0
 * The element types as one table, indexed by TensorFlow's number: names, size and classes.
 * Everything that is asked about a dtype is a look into a row; a reference type (+100) shares the
 * row of its base. */
#include "thalweg/dtype.h"

#include <string.h>

#include "tensor/array.h"

enum {
    FLOATING = 1,
    INTEGER = 2,
    COMPLEX = 4,
    PLAIN = 8 /* bytes may be copied as they are */
};

/* Both spellings of the reference are kept ready, so that a name is always a constant and nobody
 * has to free it. */
typedef struct dtype_row {
    const char *name, *ref_name;       /* NumPy's, and with "_ref" */
    const char *tf_name, *tf_ref_name; /* OpDef's, likewise */
    unsigned char size, classes;
} dtype_row;

/* The four names of a dtype from its two. */
#define ROW(name, tf_name, size, classes)                         \
    {                                                             \
        name, name "_ref", tf_name, tf_name "_ref", size, classes \
    }

static const dtype_row rows[TW_DTYPE_COUNT] = {
    [TW_FLOAT32] = ROW("float32", "float", 4, PLAIN | FLOATING),
    [TW_FLOAT64] = ROW("float64", "double", 8, PLAIN | FLOATING),
    [TW_INT32] = ROW("int32", "int32", 4, PLAIN | INTEGER),
    [TW_UINT8] = ROW("uint8", "uint8", 1, PLAIN | INTEGER),
    [TW_INT16] = ROW("int16", "int16", 2, PLAIN | INTEGER),
    [TW_INT8] = ROW("int8", "int8", 1, PLAIN | INTEGER),
    [TW_STRING] = ROW("string", "string", sizeof(tw_string), 0),
    [TW_COMPLEX64] = ROW("complex64", "complex64", 8, PLAIN | COMPLEX),
    [TW_INT64] = ROW("int64", "int64", 8, PLAIN | INTEGER),
    [TW_BOOL] = ROW("bool", "bool", 1, PLAIN),
    [TW_QINT8] = ROW("qint8", "qint8", 1, PLAIN),
    [TW_QUINT8] = ROW("quint8", "quint8", 1, PLAIN),
    [TW_QINT32] = ROW("qint32", "qint32", 4, PLAIN),
    [TW_BFLOAT16] = ROW("bfloat16", "bfloat16", 2, PLAIN | FLOATING),
    [TW_QINT16] = ROW("qint16", "qint16", 2, PLAIN),
    [TW_QUINT16] = ROW("quint16", "quint16", 2, PLAIN),
    [TW_UINT16] = ROW("uint16", "uint16", 2, PLAIN | INTEGER),
    [TW_COMPLEX128] = ROW("complex128", "complex128", 16, PLAIN | COMPLEX),
    [TW_FLOAT16] = ROW("float16", "half", 2, PLAIN | FLOATING),
    [TW_RESOURCE] = ROW("resource", "resource", sizeof(tw_handle), 0),
    [TW_VARIANT] = ROW("variant", "variant", sizeof(tw_handle), 0),
    [TW_UINT32] = ROW("uint32", "uint32", 4, PLAIN | INTEGER),
    [TW_UINT64] = ROW("uint64", "uint64", 8, PLAIN | INTEGER),
};

_Static_assert(sizeof(tw_string) == 16 && sizeof(tw_handle) == 16, "elements of 16 bytes");

/* NULL: no such dtype. Row 0 is empty and counts as none. */
static const dtype_row *row_of(tw_dtype dtype)
{
    int number = (int)tw_dtype_base(dtype);
    return number > 0 && number < TW_DTYPE_COUNT ? &rows[number] : NULL;
}

/* A number that is no dtype has no class, which makes each question below safe on whatever a
 * file contains. */
static bool has_class(tw_dtype dtype, int class)
{
    const dtype_row *row = row_of(dtype);
    return row && (row->classes & class) != 0;
}

const char *tw_dtype_name(tw_dtype dtype)
{
    const dtype_row *row = row_of(dtype);
    if (!row)
        return "unknown";
    return tw_dtype_is_ref(dtype) ? row->ref_name : row->name;
}

const char *tw_dtype_tf_name(tw_dtype dtype)
{
    const dtype_row *row = row_of(dtype);
    if (!row)
        return "unknown";
    return tw_dtype_is_ref(dtype) ? row->tf_ref_name : row->tf_name;
}

/* Read while graphs are loaded, where 23 comparisons cost less than a map. */
tw_dtype tw_dtype_from_name(const char *name)
{
    if (!name)
        return TW_INVALID_DTYPE;
    for (int i = 1; i < TW_DTYPE_COUNT; i++) {
        const dtype_row *row = &rows[i];
        if (strcmp(name, row->name) == 0 || strcmp(name, row->tf_name) == 0)
            return (tw_dtype)i;
        if (strcmp(name, row->ref_name) == 0 || strcmp(name, row->tf_ref_name) == 0)
            return tw_dtype_ref((tw_dtype)i);
    }
    return TW_INVALID_DTYPE;
}

/* Zero for an invalid number: an array of it would have no bytes, and the makers of arrays
 * refuse it before. */
size_t tw_dtype_size(tw_dtype dtype)
{
    const dtype_row *row = row_of(dtype);
    return row ? row->size : 0;
}

bool tw_dtype_is_floating(tw_dtype dtype)
{
    return has_class(dtype, FLOATING);
}

/* As in TensorFlow, quantized numbers are no integers. */
bool tw_dtype_is_integer(tw_dtype dtype)
{
    return has_class(dtype, INTEGER);
}

bool tw_dtype_is_complex(tw_dtype dtype)
{
    return has_class(dtype, COMPLEX);
}

/* Plain elements may be copied and compared as bytes and need no release; strings, resources and
 * variants are not. */
bool tw_dtype_is_plain(tw_dtype dtype)
{
    return has_class(dtype, PLAIN);
}

/* 100 itself would be a reference to no dtype. */
bool tw_dtype_is_ref(tw_dtype dtype)
{
    return (int)dtype > TW_REF && (int)dtype < TW_REF + TW_DTYPE_COUNT;
}

/* What is not a reference passes unchanged, invalid numbers too, so that callers may apply it
 * without asking first. */
tw_dtype tw_dtype_base(tw_dtype dtype)
{
    return tw_dtype_is_ref(dtype) ? (tw_dtype)((int)dtype - TW_REF) : dtype;
}

/* A reference to a reference is the same reference, and an invalid number stays what it was, so
 * it cannot become valid. */
tw_dtype tw_dtype_ref(tw_dtype dtype)
{
    return row_of(dtype) && !tw_dtype_is_ref(dtype) ? (tw_dtype)((int)dtype + TW_REF) : dtype;
}
