/* SPDX-License-Identifier: Apache-2.0
 * Shapes: None, lists of int and None, TensorShape objects; and back to lists. */
#include "core.h"

/* An attribute that may be missing: *out NULL without an exception then. Other exceptions than
 * AttributeError come out: a property may fail for its own reasons. */
static int get_attribute(PyObject *object, const char *name, PyObject **out)
{
    *out = PyObject_GetAttrString(object, name);
    if (*out || !PyErr_ExceptionMatches(PyExc_AttributeError))
        return *out ? 0 : -1;
    PyErr_Clear();
    return 0;
}

/* None, an integer, or a Dimension: an object with `value`. A Dimension's value is a property,
 * which is code; the item is held by the tuple that it is read from. */
static int read_dim(PyObject *item, int64_t *out)
{
    *out = -1;
    if (item == Py_None)
        return 0;
    if (PyLong_Check(item)) {
        *out = PyLong_AsLongLong(item);
        return *out == -1 && PyErr_Occurred() ? -1 : 0;
    }
    PyObject *value;
    if (get_attribute(item, "value", &value))
        return -1;
    if (value == Py_None) {
        Py_DECREF(value);
        return 0;
    }
    PyObject *number = PyNumber_Index(value ? value : item);
    Py_XDECREF(value);
    if (!number)
        return -1;
    *out = PyLong_AsLongLong(number);
    Py_DECREF(number);
    return *out == -1 && PyErr_Occurred() ? -1 : 0;
}

/* A dimension beyond what is allowed is the library's to refuse. */
static int read_dims(PyObject *tuple, tw_shape *out, void **memory)
{
    Py_ssize_t rank = PyTuple_GET_SIZE(tuple);
    int64_t *dims = PY_NEW(int64_t, rank + 1);
    if (!dims) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < rank; i++) {
        if (read_dim(PyTuple_GET_ITEM(tuple, i), &dims[i])) {
            PyMem_Free(dims);
            return -1;
        }
    }
    *memory = dims;
    *out = (tw_shape){dims, (size_t)rank};
    return 0;
}

/* A TensorShape is read by its `dims`, for its as_list() refuses an unknown rank. */
int py_shape_from(PyObject *object, tw_shape *out, void **memory)
{
    *out = TW_UNKNOWN_SHAPE;
    *memory = NULL;
    if (object == Py_None)
        return 0;
    PyObject *dims = NULL, *fixed;
    bool is_list = PyList_Check(object) || PyTuple_Check(object);
    if (!is_list && get_attribute(object, "dims", &dims))
        return -1;
    if (dims == Py_None) {
        Py_DECREF(dims);
        return 0;
    }
    fixed = py_fixed(dims ? dims : object, "a shape is None or a list of int and None");
    Py_XDECREF(dims);
    if (!fixed)
        return -1;
    int failed = read_dims(fixed, out, memory);
    Py_DECREF(fixed);
    return failed;
}

/* As TensorShape.as_list() gives it, and None where that refuses. */
PyObject *py_shape_list(tw_shape shape)
{
    if (!shape.dims)
        Py_RETURN_NONE;
    PyObject *list = PyList_New((Py_ssize_t)shape.rank);
    for (size_t i = 0; list && i < shape.rank; i++) {
        PyObject *dim = shape.dims[i] < 0 ? Py_NewRef(Py_None) : PyLong_FromLongLong(shape.dims[i]);
        if (!dim)
            Py_CLEAR(list);
        else
            PyList_SET_ITEM(list, (Py_ssize_t)i, dim);
    }
    return list;
}
