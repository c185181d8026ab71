/* SPDX-License-Identifier: Apache-2.0
 * Arrays from and to NumPy, without copies where that is safe. What a tw_array was lent is let go
 * later, never inside the library: a release only puts it on a list, which is emptied where Python
 * code may run. */
#define PY_IMPORTS_NUMPY
#include "bfloat16.h"

#include <stdatomic.h>
#include <string.h>

/* Up to here a copy costs less than keeping somebody else's memory. */
enum { SMALL_BYTES = 1024, COPIED_BYTES = 1 << 15, LONG_COPY_BYTES = 1 << 20 };

/* ---- memory that was lent ---- */

typedef struct py_lent {
    struct py_lent *next;
    PyObject *object;
} py_lent;

static _Atomic(py_lent *) returned;
static atomic_int drain_asked;

/* Taken off as a whole, since dropping an object may run code that lends and returns more. */
void py_array_drain(void)
{
    while (atomic_load_explicit(&returned, memory_order_relaxed)) {
        py_lent *lent = atomic_exchange(&returned, NULL);
        while (lent) {
            py_lent *next = lent->next;
            Py_DECREF(lent->object);
            PyMem_RawFree(lent);
            lent = next;
        }
    }
}

/* Python calls this in its main thread some time after a release asked for it. */
static int drain_pending(void *unused)
{
    (void)unused;
    atomic_store(&drain_asked, 0);
    py_array_drain();
    return 0;
}

/* From any thread, with or without the GIL, under whatever locks the library holds. After the
 * exchange the node is the list's; the pending call is asked for once for many. */
static void give_back(void *data, void *user)
{
    py_lent *lent = user;
    (void)data;
    lent->next = atomic_load(&returned);
    while (!atomic_compare_exchange_weak(&returned, &lent->next, lent))
        ;
    if (Py_IsInitialized() && !atomic_exchange(&drain_asked, 1) &&
        Py_AddPendingCall(drain_pending, NULL))
        atomic_store(&drain_asked, 0);
}

/* NULL without an exception: the memory cannot be lent (its alignment), a copy is needed. The
 * reference is taken only when the library took the memory; it is given back by give_back, exactly
 * once. */
static tw_array *lend_memory(PyObject *ndarray, tw_dtype dtype, tw_shape shape)
{
    py_lent *lent = PyMem_RawMalloc(sizeof *lent);
    if (!lent)
        return NULL;
    lent->object = ndarray;
    tw_array *array = tw_array_lend(dtype, shape, PyArray_DATA((PyArrayObject *)ndarray), give_back,
                                    lent);
    if (array)
        Py_INCREF(ndarray);
    else
        PyMem_RawFree(lent);
    return array;
}

/* ---- strings ---- */

/* The bytes of an element, borrowed from it. Text is encoded once and kept by the str itself. */
static int string_of(PyObject *item, const char **bytes, Py_ssize_t *length)
{
    if (PyUnicode_Check(item)) {
        *bytes = PyUnicode_AsUTF8AndSize(item, length);
        return *bytes ? 0 : -1;
    }
    if (PyBytes_Check(item)) {
        *bytes = PyBytes_AS_STRING(item);
        *length = PyBytes_GET_SIZE(item);
        return 0;
    }
    if (PyByteArray_Check(item)) {
        *bytes = PyByteArray_AS_STRING(item);
        *length = PyByteArray_GET_SIZE(item);
        return 0;
    }
    PyErr_Format(PyExc_TypeError, "Expected bytes or text for a string, got %R of type '%s'.", item,
                 Py_TYPE(item)->tp_name);
    return -1;
}

/* NumPy allows more dimensions than the library does. The dims are the caller's memory: what is
 * made of the shape copies them. */
static int shape_of(PyArrayObject *ndarray, int64_t *dims, tw_shape *out)
{
    int rank = PyArray_NDIM(ndarray);
    if (rank > TW_MAX_RANK) {
        PyErr_Format(PyExc_ValueError, "An array of %d dimensions has more than the %d allowed.",
                     rank, TW_MAX_RANK);
        return -1;
    }
    for (int i = 0; i < rank; i++)
        dims[i] = PyArray_DIM(ndarray, i);
    *out = (tw_shape){dims, (size_t)rank};
    return 0;
}

/* Elements that were set before one fails go with the array. Nothing here runs code of the elements
 * but an error's text, after which nothing is read. */
static int fill_strings(tw_array *array, PyObject *const *items)
{
    for (size_t i = 0; i < tw_array_count(array); i++) {
        const char *bytes;
        Py_ssize_t length;
        /* an object array that nobody filled holds NULLs */
        if (string_of(items[i] ? items[i] : Py_None, &bytes, &length))
            return -1;
        tw_status *status = tw_array_set_string(array, i, bytes, (size_t)length);
        if (status) {
            py_raise(status);
            return -1;
        }
    }
    return 0;
}

/* An exception says what is wrong with the shape, or that memory is short. */
static tw_array *new_array(tw_dtype dtype, tw_shape shape)
{
    tw_array *array;
    tw_status *status = tw_array_create(dtype, shape, &array);
    if (!status)
        return array;
    py_raise(status);
    return NULL;
}

/* Through an object array: NumPy's own strings would lose NULs at their end. NumPy may run code of
 * the value; the elements are read after that, with none in between. */
static tw_array *strings_from(PyObject *value)
{
    int64_t dims[TW_MAX_RANK];
    tw_shape shape;
    PyObject *objects = PyArray_FromAny(value, PyArray_DescrFromType(NPY_OBJECT), 0, 0,
                                        NPY_ARRAY_CARRAY_RO | NPY_ARRAY_FORCECAST, NULL);
    if (!objects)
        return NULL;
    tw_array *array = shape_of((PyArrayObject *)objects, dims, &shape)
                          ? NULL
                          : new_array(TW_STRING, shape);
    if (array && fill_strings(array, PyArray_DATA((PyArrayObject *)objects))) {
        tw_array_unref(array);
        array = NULL;
    }
    Py_DECREF(objects);
    return array;
}

/* ---- from NumPy ---- */

/* The one test on the way of every feed: a handful of loads and compares. */
bool py_array_is_plain(PyObject *object, int number)
{
    return PyArray_Check(object) && PyArray_TYPE((PyArrayObject *)object) == number &&
           PyArray_ISCARRAY_RO((PyArrayObject *)object);
}

/* A new reference to an ndarray that can be read as it is. Numbers are converted as NumPy's
 * asarray(value, dtype) does, also where that loses something. NumPy takes the descriptor's
 * reference. */
static PyObject *readable(PyObject *value, int number)
{
    if (number >= 0 && py_array_is_plain(value, number)) {
        Py_INCREF(value);
        return value;
    }
    PyArray_Descr *descr = number >= 0 ? PyArray_DescrFromType(number) : NULL;
    if (number >= 0 && !descr)
        return NULL;
    return PyArray_FromAny(value, descr, 0, 0,
                           NPY_ARRAY_CARRAY_RO | NPY_ARRAY_NOTSWAPPED | NPY_ARRAY_FORCECAST, NULL);
}

/* Fixed-width strings of NumPy and objects alike: the library's strings have any length. */
static bool holds_strings(PyObject *ndarray)
{
    int number = PyArray_TYPE((PyArrayObject *)ndarray);
    return number == NPY_OBJECT || number == NPY_STRING || number == NPY_UNICODE;
}

/* Nobody but us has the ndarray and its memory, so that it may be kept where lending is not
 * wanted. */
static bool is_fresh(PyObject *ndarray, PyObject *value)
{
    return ndarray != value && Py_REFCNT(ndarray) == 1 &&
           PyArray_CHKFLAGS((PyArrayObject *)ndarray, NPY_ARRAY_OWNDATA);
}

/* Memory that cannot be lent, for it is not aligned as a kernel wants it, is copied. */
static tw_array *array_over(PyObject *ndarray, tw_dtype dtype, bool lend)
{
    int64_t dims[TW_MAX_RANK];
    tw_shape shape;
    if (shape_of((PyArrayObject *)ndarray, dims, &shape))
        return NULL;
    tw_array *array = NULL;
    if (lend && PyArray_NBYTES((PyArrayObject *)ndarray) > SMALL_BYTES)
        array = lend_memory(ndarray, dtype, shape);
    if (array)
        return array;
    array = new_array(dtype, shape);
    if (array && tw_array_count(array))
        memcpy(tw_array_data(array), PyArray_DATA((PyArrayObject *)ndarray), tw_array_bytes(array));
    return array;
}

/* NumPy's own dtype for a value holds where the caller does not name one; whether that suits a
 * tensor is the caller's to judge. What was lent before is let go first, as this is a place where
 * any code may run. */
tw_array *py_array_from(PyObject *value, tw_dtype dtype, bool lend)
{
    py_array_drain();
    dtype = tw_dtype_base(dtype);
    if (dtype == TW_STRING)
        return strings_from(value);
    int number = dtype == TW_INVALID_DTYPE ? -1 : py_dtype_numpy(dtype);
    if (dtype != TW_INVALID_DTYPE && number < 0) {
        PyErr_Format(PyExc_TypeError, "NumPy has no numbers of dtype %s.", tw_dtype_name(dtype));
        return NULL;
    }
    PyObject *ndarray = readable(value, number);
    if (!ndarray)
        return NULL;
    tw_array *array = NULL;
    if (dtype == TW_INVALID_DTYPE)
        dtype = py_dtype_of_numpy(PyArray_TYPE((PyArrayObject *)ndarray));
    if (holds_strings(ndarray))
        array = strings_from(value);
    else if (dtype == TW_INVALID_DTYPE)
        PyErr_Format(PyExc_TypeError, "No dtype stands for NumPy's %R.",
                     (PyObject *)PyArray_DESCR((PyArrayObject *)ndarray));
    else
        array = array_over(ndarray, dtype, lend || is_fresh(ndarray, value));
    Py_DECREF(ndarray);
    return array;
}

/* ---- to NumPy ---- */

/* The two forms of the library's string, as dtype.h describes them. Never text: a graph's strings
 * may be any bytes. */
static PyObject *bytes_of(const tw_string *string)
{
    const char *bytes = string->length <= 12 ? string->head : string->rest.bytes;
    return PyBytes_FromStringAndSize(bytes, (Py_ssize_t)string->length);
}

/* The array is filled with None by NumPy, so that it can be dropped half made. */
static PyObject *copy_strings(int rank, npy_intp *dims, const tw_string *strings, bool scalar)
{
    if (!rank && scalar)
        return bytes_of(strings);
    PyObject *objects = PyArray_SimpleNew(rank, dims, NPY_OBJECT);
    if (!objects)
        return NULL;
    PyObject **items = PyArray_DATA((PyArrayObject *)objects);
    npy_intp count = PyArray_SIZE((PyArrayObject *)objects);
    for (npy_intp i = 0; i < count; i++) {
        PyObject *bytes = bytes_of(&strings[i]);
        if (!bytes) {
            Py_DECREF(objects);
            return NULL;
        }
        Py_XDECREF(items[i]);
        items[i] = bytes;
    }
    return objects;
}

/* NumPy's type number for what comes out of the library, or -1 with an exception. */
static int number_for(tw_dtype dtype)
{
    int number = py_dtype_numpy(dtype);
    if (number < 0)
        PyErr_Format(PyExc_TypeError, "A value of dtype %s cannot be shown as a NumPy array.",
                     tw_dtype_name(dtype));
    return number;
}

/* Other threads go on while much is copied: nobody else knows the new array yet. The source is the
 * library's, and held by whoever called. */
static PyObject *copy_numbers(int number, int rank, npy_intp *dims, const void *data)
{
    PyObject *ndarray = PyArray_SimpleNew(rank, dims, number);
    if (!ndarray)
        return NULL;
    size_t bytes = (size_t)PyArray_NBYTES((PyArrayObject *)ndarray);
    if (bytes < LONG_COPY_BYTES) {
        if (bytes)
            memcpy(PyArray_DATA((PyArrayObject *)ndarray), data, bytes);
        return ndarray;
    }
    Py_BEGIN_ALLOW_THREADS
    memcpy(PyArray_DATA((PyArrayObject *)ndarray), data, bytes);
    Py_END_ALLOW_THREADS
    return ndarray;
}

/* Scalars come out as NumPy's scalar types, as programs expect of rank 0. */
PyObject *py_array_copy(tw_dtype dtype, tw_shape shape, const void *data, bool scalar)
{
    npy_intp dims[TW_MAX_RANK];
    int rank = (int)shape.rank;
    for (int i = 0; i < rank; i++)
        dims[i] = (npy_intp)shape.dims[i];
    if (dtype == TW_STRING)
        return copy_strings(rank, dims, data, scalar);
    int number = number_for(dtype);
    if (number < 0)
        return NULL;
    if (rank || !scalar)
        return copy_numbers(number, rank, dims, data);
    PyArray_Descr *descr = PyArray_DescrFromType(number);
    if (!descr)
        return NULL;
    PyObject *result = PyArray_Scalar((void *)(uintptr_t)data, descr, NULL);
    Py_DECREF(descr);
    return result;
}

/* The capsule goes with the last view of the memory. */
static void drop_array(PyObject *capsule)
{
    tw_array_unref(PyCapsule_GetPointer(capsule, NULL));
}

/* The ndarray's base is a capsule that owns the array. Takes the array in every case; the memory is
 * writable, which is why only fresh results come here. */
static PyObject *wrap_array(tw_array *array, int number)
{
    npy_intp dims[TW_MAX_RANK];
    tw_shape shape = tw_array_shape(array);
    for (size_t i = 0; i < shape.rank; i++)
        dims[i] = (npy_intp)shape.dims[i];
    PyObject *capsule = PyCapsule_New(array, NULL, drop_array);
    if (!capsule) {
        tw_array_unref(array);
        return NULL;
    }
    PyObject *ndarray = PyArray_SimpleNewFromData((int)shape.rank, dims, number,
                                                  tw_array_data(array));
    if (!ndarray)
        Py_DECREF(capsule);
    else if (PyArray_SetBaseObject((PyArrayObject *)ndarray, capsule)) /* takes the capsule */
        Py_CLEAR(ndarray);
    return ndarray;
}

/* Below some size a copy is cheaper than a capsule, and lets the library's memory go at once. */
PyObject *py_array_to(tw_array *array, bool scalar)
{
    tw_dtype dtype = tw_array_dtype(array);
    if (dtype != TW_STRING && tw_array_bytes(array) > COPIED_BYTES) {
        int number = number_for(dtype);
        if (number >= 0)
            return wrap_array(array, number);
    }
    PyObject *result = PyErr_Occurred() ? NULL
                                        : py_array_copy(dtype, tw_array_shape(array),
                                                        tw_array_const_data(array), scalar);
    tw_array_unref(array);
    return result;
}

/* ---- seen from Python ---- */

/* For tests: a value as it comes out of the library again. Any number may come for the dtype; what
 * is none is refused as every dtype that NumPy cannot hold. */
static PyObject *to_array_and_back(PyObject *module, PyObject *args)
{
    PyObject *value;
    int dtype, lend = 0, scalar = 0;
    (void)module;
    if (!PyArg_ParseTuple(args, "Oi|pp", &value, &dtype, &lend, &scalar))
        return NULL;
    tw_array *array = py_array_from(value, (tw_dtype)dtype, lend);
    return array ? py_array_to(array, scalar) : NULL;
}

static PyMethodDef methods[] = {
    {"_through_array", to_array_and_back, METH_VARARGS,
     "_through_array(value, dtype, lend=False, scalar=False): a value as the library holds it."},
    {NULL, NULL, 0, NULL}};

/* bfloat16 must be there before the first dtype is asked for. */
int py_array_init(PyObject *module)
{
    import_array1(-1);
    return py_bfloat16_init(module) ? -1 : PyModule_AddFunctions(module, methods);
}
