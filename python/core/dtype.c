/* SPDX-License-Identifier: Apache-2.0
 * Element types as Python names them: numbers, DType objects, NumPy's types. */
#define NO_IMPORT_ARRAY
#include "core.h"

#include <numpy/arrayobject.h>
#include <string.h>

/* NumPy's type of each dtype. Quantized numbers are held as the integers that they are made of.
 * bfloat16 is a type of our own, which array.c registers. */
static const int numbers[TW_DTYPE_COUNT] = {
    [TW_INVALID_DTYPE] = -1,
    [TW_FLOAT32] = NPY_FLOAT32,
    [TW_FLOAT64] = NPY_FLOAT64,
    [TW_INT32] = NPY_INT32,
    [TW_UINT8] = NPY_UINT8,
    [TW_INT16] = NPY_INT16,
    [TW_INT8] = NPY_INT8,
    [TW_STRING] = NPY_OBJECT,
    [TW_COMPLEX64] = NPY_COMPLEX64,
    [TW_INT64] = NPY_INT64,
    [TW_BOOL] = NPY_BOOL,
    [TW_QINT8] = NPY_INT8,
    [TW_QUINT8] = NPY_UINT8,
    [TW_QINT32] = NPY_INT32,
    [TW_BFLOAT16] = -1,
    [TW_QINT16] = NPY_INT16,
    [TW_QUINT16] = NPY_UINT16,
    [TW_UINT16] = NPY_UINT16,
    [TW_COMPLEX128] = NPY_COMPLEX128,
    [TW_FLOAT16] = NPY_FLOAT16,
    [TW_RESOURCE] = -1,
    [TW_VARIANT] = -1,
    [TW_UINT32] = NPY_UINT32,
    [TW_UINT64] = NPY_UINT64,
};

int py_bfloat16_number = -1;

/* The base's: memory of a reference holds the same elements. */
int py_dtype_numpy(tw_dtype dtype)
{
    dtype = tw_dtype_base(dtype);
    if (dtype == TW_BFLOAT16)
        return py_bfloat16_number;
    return (size_t)dtype < TW_DTYPE_COUNT ? numbers[dtype] : -1;
}

/* Integers by size and sign: C has more of their names than NumPy has widths. NumPy tells `long`
 * and `long long` apart even where they are equally wide. */
static tw_dtype dtype_of_integer(size_t size, bool is_signed)
{
    switch (size) {
    case 1: return is_signed ? TW_INT8 : TW_UINT8;
    case 2: return is_signed ? TW_INT16 : TW_UINT16;
    case 4: return is_signed ? TW_INT32 : TW_UINT32;
    default: return is_signed ? TW_INT64 : TW_UINT64;
    }
}

tw_dtype py_dtype_of_numpy(int number)
{
    switch (number) {
    case NPY_BOOL: return TW_BOOL;
    case NPY_FLOAT16: return TW_FLOAT16;
    case NPY_FLOAT32: return TW_FLOAT32;
    case NPY_FLOAT64: return TW_FLOAT64;
    case NPY_COMPLEX64: return TW_COMPLEX64;
    case NPY_COMPLEX128: return TW_COMPLEX128;
    case NPY_OBJECT:
    case NPY_STRING:
    case NPY_UNICODE: return TW_STRING;
    case NPY_BYTE: return dtype_of_integer(sizeof(npy_byte), true);
    case NPY_UBYTE: return dtype_of_integer(sizeof(npy_ubyte), false);
    case NPY_SHORT: return dtype_of_integer(sizeof(npy_short), true);
    case NPY_USHORT: return dtype_of_integer(sizeof(npy_ushort), false);
    case NPY_INT: return dtype_of_integer(sizeof(npy_int), true);
    case NPY_UINT: return dtype_of_integer(sizeof(npy_uint), false);
    case NPY_LONG: return dtype_of_integer(sizeof(npy_long), true);
    case NPY_ULONG: return dtype_of_integer(sizeof(npy_ulong), false);
    case NPY_LONGLONG: return dtype_of_integer(sizeof(npy_longlong), true);
    case NPY_ULONGLONG: return dtype_of_integer(sizeof(npy_ulonglong), false);
    default: return number >= 0 && number == py_bfloat16_number ? TW_BFLOAT16 : TW_INVALID_DTYPE;
    }
}

/* References included, 100 higher. */
static bool is_dtype(long number)
{
    return number > 0 && number % TW_REF > 0 && number % TW_REF < TW_DTYPE_COUNT &&
           number / TW_REF <= 1;
}

/* Numbers go to C tables, so one that is none must end here. */
static int from_number(PyObject *object, tw_dtype *out)
{
    long number = PyLong_AsLong(object);
    if (number == -1 && PyErr_Occurred())
        PyErr_Clear();
    if (!is_dtype(number)) {
        PyErr_Format(PyExc_TypeError, "%R is not the number of a dtype", object);
        return -1;
    }
    *out = (tw_dtype)number;
    return 0;
}

/* NumPy's own words for a type: a dtype, a scalar type, a name. A text has been looked up among the
 * library's names before; NumPy would take many more, such as 'f4,i4'. */
static int from_numpy(PyObject *object, tw_dtype *out)
{
    PyArray_Descr *descr = NULL;
    *out = TW_INVALID_DTYPE;
    bool plain = object != Py_None && !PyUnicode_Check(object);
    if (plain && PyArray_DescrConverter(object, &descr)) {
        *out = py_dtype_of_numpy(descr->type_num);
        Py_DECREF(descr);
    }
    PyErr_Clear();
    if (*out != TW_INVALID_DTYPE)
        return 0;
    PyErr_Format(PyExc_TypeError, "Cannot convert value %R to a TensorFlow DType.", object);
    return -1;
}

/* NumPy is asked last: it takes nearly everything for a type (None for float64). Ways in order of
 * cost: most callers give a number or a DType. A property is code of Python's, so whoever reads a
 * list of types reads a tuple of them. */
int py_dtype_from(PyObject *object, tw_dtype *out)
{
    static PyObject *attribute;
    if (PyLong_Check(object) && !PyBool_Check(object))
        return from_number(object, out);
    if (PyUnicode_Check(object)) {
        const char *name = PyUnicode_AsUTF8(object);
        *out = name ? tw_dtype_from_name(name) : TW_INVALID_DTYPE;
        if (*out != TW_INVALID_DTYPE)
            return 0;
        PyErr_Clear();
        return from_numpy(object, out);
    }
    if (!attribute)
        attribute = PyUnicode_InternFromString("as_datatype_enum");
    PyObject *number = attribute ? PyObject_GetAttr(object, attribute) : NULL;
    if (number) {
        int failed = from_number(number, out);
        Py_DECREF(number);
        return failed;
    }
    if (!PyErr_ExceptionMatches(PyExc_Exception)) /* Ctrl-C in a property */
        return -1;
    PyErr_Clear();
    return from_numpy(object, out);
}

/* One DType for each number, so that `is` may be used. Borrowed from the registered table and held
 * at once; a number for a dtype that has no object, and before there is a table. */
PyObject *py_dtype_object(tw_dtype dtype)
{
    PyObject *number = PyLong_FromLong(dtype);
    if (!number || !py_registered.dtypes)
        return number;
    PyObject *object = PyDict_GetItemWithError(py_registered.dtypes, number);
    if (object || PyErr_Occurred()) {
        Py_DECREF(number);
        Py_XINCREF(object);
        return object;
    }
    return number;
}

/* ---- the module's part ---- */

/* References end in _ref. */
static PyObject *dtype_name(PyObject *module, PyObject *object)
{
    tw_dtype dtype;
    (void)module;
    return py_dtype_from(object, &dtype) ? NULL : PyUnicode_FromString(tw_dtype_name(dtype));
}

/* For Python's as_dtype, which looks the number up in its own table. */
static PyObject *dtype_of(PyObject *module, PyObject *object)
{
    tw_dtype dtype;
    (void)module;
    return py_dtype_from(object, &dtype) ? NULL : PyLong_FromLong(dtype);
}

static PyMethodDef methods[] = {
    {"dtype_name", dtype_name, METH_O, "dtype_name(dtype) -> 'float32', 'float32_ref' ..."},
    {"dtype_of", dtype_of, METH_O, "dtype_of(number, DType, name or NumPy type) -> its number."},
    {NULL, NULL, 0, NULL},
};

int py_dtype_init(PyObject *module)
{
    return PyModule_AddFunctions(module, methods);
}
