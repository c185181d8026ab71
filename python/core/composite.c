/* SPDX-License-Identifier: Apache-2.0
 * Composites by name: a dict of arguments becomes the composite's struct, field by field. */
#include "core.h"

#include <string.h>

/* One call: the struct of arguments, and what its fields point at. */
typedef struct call {
    const tw_composite_face *face;
    char *args, *result;
    PyObject *keep;
} call;

/* Zeroed by nobody: the readers fill all of it. */
static void *keep_memory(const call *c, size_t size)
{
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)size);
    void *memory = bytes && PyList_Append(c->keep, bytes) == 0 ? PyBytes_AS_STRING(bytes) : NULL;
    Py_XDECREF(bytes);
    return memory;
}

static void free_kept(PyObject *capsule)
{
    PyMem_Free(PyCapsule_GetPointer(capsule, NULL));
}

/* Capsules go when `keep` does. */
static void free_tensors(PyObject *capsule)
{
    py_free_list(PyCapsule_GetPointer(capsule, NULL));
}

static void unref_kept(PyObject *capsule)
{
    tw_array_unref(PyCapsule_GetPointer(capsule, NULL));
}

/* A capsule frees what no Python object is; on failure the memory is still the caller's. */
static int keep_pointer(const call *c, void *memory, PyCapsule_Destructor release)
{
    PyObject *capsule = PyCapsule_New(memory, NULL, release);
    int failed = capsule ? PyList_Append(c->keep, capsule) : -1;
    Py_XDECREF(capsule);
    return failed;
}

/* ---- one field ---- */

/* Whole numbers only: a float for a count is a mistake, as TensorFlow has it. */
static int read_int(PyObject *value, int64_t *out)
{
    PyObject *number = PyNumber_Index(value);
    *out = number ? PyLong_AsLongLong(number) : -1;
    Py_XDECREF(number);
    return *out == -1 && PyErr_Occurred() ? -1 : 0;
}

/* A copy, as the composite may make a constant of it, which lives as long as the graph. */
static int read_array(const call *c, PyObject *value, tw_array **out)
{
    *out = py_array_from(value, TW_INVALID_DTYPE, false);
    if (!*out)
        return -1;
    if (!keep_pointer(c, *out, unref_kept))
        return 0;
    tw_array_unref(*out);
    return -1;
}

/* Numbers keep their looseness: a composite gives them the dtype of the tensor beside them. */
static int read_operand(const call *c, PyObject *value, tw_operand *out)
{
    tw_tensor tensor;
    int64_t number;
    tw_array *array;
    if (py_is_tensor(value)) {
        if (py_unwrap(value, &tensor))
            return -1;
        *out = tw_of_tensor(tensor);
    } else if (PyBool_Check(value)) {
        *out = tw_of_bool(value == Py_True);
    } else if (PyLong_CheckExact(value)) {
        if (read_int(value, &number))
            return -1;
        *out = number >= INT32_MIN && number <= INT32_MAX ? tw_of_int((int)number)
                                                          : tw_of_int64(number);
    } else if (PyFloat_CheckExact(value)) {
        *out = tw_of_float(PyFloat_AS_DOUBLE(value));
    } else {
        if (read_array(c, value, &array))
            return -1;
        *out = tw_of_array(array);
    }
    return 0;
}

/* The list holds the tensors' graphs until the call is over. None is an invalid tensor: what a
 * composite leaves out where it may, and else refuses. */
static int read_tensors(const call *c, PyObject *value, tw_tensors *out)
{
    tw_tensor *items;
    if (py_unwrap_holes(value, &items, &out->count))
        return -1;
    out->items = items;
    if (!keep_pointer(c, items, free_tensors))
        return 0;
    py_free_list(items);
    return -1;
}

/* An unknown shape has no memory to keep. */
static int read_shape(const call *c, PyObject *value, tw_shape *out)
{
    void *memory;
    if (py_shape_from(value, out, &memory))
        return -1;
    if (!memory || !keep_pointer(c, memory, free_kept))
        return 0;
    PyMem_Free(memory);
    return -1;
}

/* A list of numbers; an axis given alone is a list of one. */
static int read_ints(const call *c, PyObject *value, tw_ints *out)
{
    PyObject *fixed = PyLong_Check(value) ? PyTuple_Pack(1, value)
                                          : py_fixed(value, "expected a list of int");
    if (!fixed)
        return -1;
    out->count = (size_t)PyTuple_GET_SIZE(fixed);
    int64_t *items = keep_memory(c, (out->count + 1) * sizeof *items);
    bool failed = !items;
    for (size_t i = 0; !failed && i < out->count; i++)
        failed = read_int(PyTuple_GET_ITEM(fixed, (Py_ssize_t)i), &items[i]) != 0;
    out->items = items;
    Py_DECREF(fixed);
    return failed ? -1 : 0;
}

/* By pointer, since a seed that is not given differs from zero. */
static int read_seed(const call *c, PyObject *value, const int64_t **out)
{
    int64_t *seed = keep_memory(c, sizeof *seed);
    *out = seed;
    return seed ? read_int(value, seed) : -1;
}

/* The text is the object's own, which is kept. */
static int read_text(const call *c, PyObject *value, const char **out)
{
    *out = PyUnicode_Check(value) ? PyUnicode_AsUTF8(value) : NULL;
    if (*out)
        return PyList_Append(c->keep, value);
    if (!PyErr_Occurred())
        PyErr_Format(PyExc_TypeError, "expected a str, got %R", value);
    return -1;
}

/* Anything with __float__. */
static int read_number(PyObject *value, double *out)
{
    *out = PyFloat_AsDouble(value);
    return *out == -1 && PyErr_Occurred() ? -1 : 0;
}

/* The field's kind says what lies at its offset; both come from one generated table. */
static int read_field(const call *c, const tw_field *field, PyObject *value)
{
    void *out = c->args + field->offset;
    int truth;
    switch ((tw_field_kind)field->kind) {
    case TW_FIELD_INPUT: return read_operand(c, value, out);
    case TW_FIELD_INPUTS: return read_tensors(c, value, out);
    case TW_FIELD_OPTIONAL: return py_unwrap(value, out);
    case TW_FIELD_INT: return read_int(value, out);
    case TW_FIELD_FLOAT: return read_number(value, out);
    case TW_FIELD_BOOL:
        truth = PyObject_IsTrue(value);
        *(bool *)out = truth > 0;
        return truth < 0 ? -1 : 0;
    case TW_FIELD_STRING: return read_text(c, value, out);
    case TW_FIELD_TYPE: return py_dtype_from(value, out);
    case TW_FIELD_SHAPE: return read_shape(c, value, out);
    case TW_FIELD_INTS: return read_ints(c, value, out);
    case TW_FIELD_TENSOR: return read_array(c, value, out);
    case TW_FIELD_SEED: return read_seed(c, value, out);
    default:
        PyErr_Format(PyExc_NotImplementedError, "argument '%s' cannot be given from Python",
                     field->name);
        return -1;
    }
}

/* ---- the call ---- */

/* None stands for what is not given. A key that is no argument is an error, as with any function.
 * Values are kept: code of one may empty the dict while the others are still pointed at. */
static int read_args(const call *c, PyObject *dict)
{
    Py_ssize_t read = 0;
    for (size_t i = 0; i < c->face->field_count; i++) {
        const tw_field *field = &c->face->fields[i];
        PyObject *value = PyDict_GetItemString(dict, field->name);
        read += value != NULL;
        if (value && value != Py_None &&
            (PyList_Append(c->keep, value) || read_field(c, field, value)))
            return -1;
    }
    if (read == PyDict_Size(dict))
        return 0;
    PyErr_Format(PyExc_TypeError, "%s: one of %R is no argument of it", c->face->name, dict);
    return -1;
}

/* Results are the graph's tensors, whose objects are made as they are asked for. */
static PyObject *result_object(const call *c, const tw_field *field)
{
    const void *at = c->result + field->offset;
    return field->kind == TW_FIELD_INPUTS ? py_wrap_tensors(*(const tw_tensors *)at)
                                          : py_wrap_tensor(*(const tw_tensor *)at);
}

/* A tuple for several results. */
static PyObject *results(const call *c)
{
    if (c->face->result_count == 1)
        return result_object(c, c->face->results);
    PyObject *tuple = PyTuple_New((Py_ssize_t)c->face->result_count);
    for (size_t i = 0; tuple && i < c->face->result_count; i++) {
        PyObject *object = result_object(c, &c->face->results[i]);
        if (!object)
            Py_CLEAR(tuple);
        else
            PyTuple_SET_ITEM(tuple, (Py_ssize_t)i, object);
    }
    return tuple;
}

/* Errors of the composite's builders come here, not to the graph. The composite may come back to
 * Python, for a gradient function: it runs on this thread with the GIL held. */
static PyObject *run(const call *c)
{
    tw_build_context ctx;
    tw_build_enter(&ctx, NULL, py_where());
    c->face->call(c->args, c->result);
    tw_status *status = tw_build_leave(&ctx);
    return status ? py_raise(status) : results(c);
}

/* The struct begins as the defaults that the table has. Nothing is added before all arguments were
 * read; `keep` goes last, since everything points into it. */
static PyObject *composite(PyObject *module, PyObject *args)
{
    PyObject *dict, *result = NULL;
    const char *key, *name = NULL;
    (void)module;
    if (!PyArg_ParseTuple(args, "sO!|z:composite", &key, &PyDict_Type, &dict, &name))
        return NULL;
    call c = {.face = tw_composite_find(key)};
    if (!c.face)
        return PyErr_Format(PyExc_KeyError, "no composite %s", key);
    c.keep = PyList_New(0);
    c.args = PyMem_Malloc(c.face->args_size);
    c.result = PyMem_Calloc(1, c.face->result_size);
    if (!c.args || !c.result) {
        PyErr_NoMemory();
    } else if (c.keep) {
        memcpy(c.args, c.face->defaults, c.face->args_size);
        *(const char **)(void *)(c.args + c.face->name_offset) = name;
        if (!read_args(&c, dict))
            result = run(&c);
    }
    PyMem_Free(c.args);
    PyMem_Free(c.result);
    Py_XDECREF(c.keep);
    return result;
}

static PyMethodDef methods[] = {
    {"composite", composite, METH_VARARGS,
     "composite(composite name, {argument: value}, name=None) -> a Tensor, a list, or a tuple of "
     "these. Inputs are Tensors, numbers or arrays; see composites()."},
    {NULL, NULL, 0, NULL},
};

int py_composite_init(PyObject *module)
{
    return PyModule_AddFunctions(module, methods);
}
