/* SPDX-License-Identifier: Apache-2.0
 * Errors and places. A failed call of the library becomes an exception that Python's own factory
 * makes; an exception that Python code raised inside the library travels as a status' payload and
 * comes out as it went in. The place of an operation is the innermost line outside the package. */
#include <string.h>

#include "core.h"

#if PY_VERSION_HEX < 0x030B0000
#include <frameobject.h>
#endif

/* ---- exceptions ---- */

/* The exception that is set, with its traceback, no longer set; NULL: none was. Normalized: before
 * 3.12 Python keeps a class and arguments until somebody asks for the object. */
static PyObject *fetch(void)
{
#if PY_VERSION_HEX >= 0x030C0000
    return PyErr_GetRaisedException();
#else
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    if (!type)
        return NULL;
    PyErr_NormalizeException(&type, &value, &traceback);
    if (traceback)
        PyException_SetTraceback(value, traceback);
    Py_DECREF(type);
    Py_XDECREF(traceback);
    return value;
#endif
}

/* Sets an exception (taken) with the traceback that it has. The traceback grows by the frames that
 * it passes from here on, as with `raise` in an except block. */
static void restore(PyObject *exception)
{
#if PY_VERSION_HEX >= 0x030C0000
    PyErr_SetRaisedException(exception);
#else
    PyObject *type = (PyObject *)Py_TYPE(exception);
    Py_INCREF(type);
    PyErr_Restore(type, exception, PyException_GetTraceback(exception));
#endif
}

/* A status may be freed by any thread, also when Python has gone: then there is nothing to release.
 * Asks for the GIL, so no code of the library may free a status that it did not make under a lock
 * that Python code could want. */
static void release_exception(void *exception)
{
    if (!Py_IsInitialized())
        return;
    PyGILState_STATE state = PyGILState_Ensure();
    Py_DECREF((PyObject *)exception);
    PyGILState_Release(state);
}

/* The text is only seen where the library itself prints a status. str() of an exception is code of
 * its class; what it raises is dropped. */
tw_status *py_take_exception(void)
{
    PyObject *exception = fetch();
    if (!exception)
        return tw_status_new(TW_INTERNAL, "a Python function failed without an exception");
    PyObject *text = PyObject_Str(exception);
    const char *bytes = text ? PyUnicode_AsUTF8(text) : NULL;
    if (!bytes)
        PyErr_Clear();
    tw_status *status = tw_status_new(TW_UNKNOWN, "%s: %s", Py_TYPE(exception)->tp_name,
                                      bytes ? bytes : "?");
    Py_XDECREF(text);
    tw_status_set_payload(status, exception, release_exception);
    return status;
}

/* Messages quote names of graphs, which may be any bytes. */
static PyObject *text_or_none(const char *text)
{
    if (!text)
        Py_RETURN_NONE;
    return PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace");
}

/* Before Python has said how, every error is a ValueError: nothing but this module is there. The
 * arguments are read from the status before the factory runs, which may be any code. */
static PyObject *make_exception(const tw_status *status)
{
    PyObject *message = text_or_none(tw_status_message(status));
    if (!message || !py_registered.error) {
        PyObject *error = message ? PyObject_CallOneArg(PyExc_ValueError, message) : NULL;
        Py_XDECREF(message);
        return error;
    }
    tw_where where = tw_status_where(status);
    PyObject *place = where.file ? Py_BuildValue("(Ni)", text_or_none(where.file), where.line)
                                 : Py_NewRef(Py_None);
    PyObject *op = text_or_none(tw_status_operation(status));
    PyObject *exception = NULL;
    if (place && op)
        exception = PyObject_CallFunction(py_registered.error, "iiiOOiO",
                                          (int)tw_status_code(status), (int)tw_status_kind(status),
                                          (int)tw_status_phase(status), message, op,
                                          tw_status_input(status), place);
    Py_XDECREF(place);
    Py_XDECREF(op);
    Py_DECREF(message);
    if (exception && !PyExceptionInstance_Check(exception)) {
        PyErr_SetString(PyExc_TypeError, "the registered error factory gave no exception");
        Py_CLEAR(exception);
    }
    return exception;
}

/* A factory that fails raises its own exception instead. The exception is set before the status
 * goes: a payload's last reference may be the status'. */
PyObject *py_raise(tw_status *status)
{
    PyObject *exception = tw_status_payload(status);
    exception = exception ? Py_NewRef(exception) : make_exception(status);
    if (exception)
        restore(exception);
    tw_status_free(status);
    return NULL;
}

/* ---- places ---- */

/* What is known of source files: text -> itself, or None if the file is the package's own. The
 * texts stay for ever, so that a place may point at them. */
static struct {
    PyObject *module, *prefix, *files;
    PyObject *last; /* a file outside of the package; one of those in `files` */
} places;

/* ".../thalweg/", known once the module has been imported; a new reference. The extension lies in
 * the package's own folder. */
static PyObject *package_prefix(void)
{
    PyObject *file = PyModule_GetFilenameObject(places.module);
    if (!file)
        return NULL;
    Py_ssize_t length = PyUnicode_GET_LENGTH(file);
    Py_ssize_t end = PyUnicode_FindChar(file, '/', 0, length, -1);
    if (end == -1)
        end = PyUnicode_FindChar(file, '\\', 0, length, -1);
    PyObject *prefix = end < 0 ? Py_NewRef(file) : PyUnicode_Substring(file, 0, end + 1);
    Py_DECREF(file);
    return prefix;
}

/* What Python calls between the package's functions belongs to it too: the module that runs
 * generators as `with` blocks. The verdict is borrowed from the dict, which never loses one. */
static PyObject *judge(PyObject *file)
{
    if (!places.prefix)
        places.prefix = package_prefix();
    PyObject *helper = places.prefix ? PyUnicode_FromString("contextlib.py") : NULL;
    if (!helper)
        return NULL;
    Py_ssize_t length = PyUnicode_GET_LENGTH(file);
    bool inside = PyUnicode_Tailmatch(file, places.prefix, 0, length, -1) == 1 ||
                  PyUnicode_Tailmatch(file, helper, 0, length, 1) == 1;
    Py_DECREF(helper);
    PyObject *verdict = inside ? Py_None : file;
    return PyDict_SetItem(places.files, file, verdict) ? NULL : verdict;
}

/* The kept text of a file outside of the package, borrowed; NULL for the package's own, and where
 * memory is short: a place is not worth an error. */
static PyObject *outside(PyObject *file)
{
    if (file == places.last)
        return file;
    PyObject *verdict = PyDict_GetItemWithError(places.files, file);
    if (!verdict && !PyErr_Occurred())
        verdict = judge(file);
    if (!verdict)
        PyErr_Clear();
    if (!verdict || verdict == Py_None)
        return NULL;
    return places.last = verdict;
}

/* A new reference to the file of a frame's code. By the code object, which every frame has in every
 * version. */
static PyObject *file_of(PyFrameObject *frame)
{
#if PY_VERSION_HEX >= 0x03090000
    PyCodeObject *code = PyFrame_GetCode(frame);
    PyObject *file = Py_NewRef(code->co_filename);
    Py_DECREF(code);
    return file;
#else
    return Py_NewRef(frame->f_code->co_filename);
#endif
}

/* Since 3.11 frames have no objects until one asks for them, so this may allocate; NULL ends the
 * walk either way. */
static PyFrameObject *caller_of(PyFrameObject *frame)
{
#if PY_VERSION_HEX >= 0x03090000
    return PyFrame_GetBack(frame);
#else
    Py_XINCREF(frame->f_back);
    return frame->f_back;
#endif
}

/* Walks up from the newest frame; within the package that is a handful. No line numbers are
 * computed but the one that counts. */
tw_where py_where(void)
{
    tw_where where = {NULL, 0};
    PyFrameObject *frame = PyEval_GetFrame();
    Py_XINCREF(frame);
    while (frame) {
        PyObject *file = file_of(frame);
        PyObject *kept = outside(file);
        if (kept)
            where = (tw_where){PyUnicode_AsUTF8(kept), PyFrame_GetLineNumber(frame)};
        Py_DECREF(file);
        PyFrameObject *caller = kept ? NULL : caller_of(frame);
        Py_DECREF(frame);
        frame = caller;
    }
    if (!where.file)
        PyErr_Clear();
    return where;
}

/* ---- the module's part ---- */

py_classes py_registered;

/* What is not given stays as it was. */
static void replace(PyObject **member, PyObject *value)
{
    if (!value || value == Py_None)
        return;
    Py_INCREF(value);
    Py_XSETREF(*member, value);
}

/* Once, when the package is imported. The checks make sure that every object has our fields at its
 * beginning. */
static PyObject *set_classes(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"graph", "operation", "tensor", "dtypes", "error", "shape", NULL};
    PyObject *graph = NULL, *operation = NULL, *tensor = NULL;
    PyObject *dtypes = NULL, *error = NULL, *shape = NULL;
    (void)module;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O!O!O!O!OO:set_classes", names, &PyType_Type,
                                     &graph, &PyType_Type, &operation, &PyType_Type, &tensor,
                                     &PyDict_Type, &dtypes, &error, &shape))
        return NULL;
    if ((graph && !PyType_IsSubtype((PyTypeObject *)graph, py_graph_type)) ||
        (operation && !PyType_IsSubtype((PyTypeObject *)operation, py_operation_type)) ||
        (tensor && !PyType_IsSubtype((PyTypeObject *)tensor, py_tensor_type)))
        return PyErr_Format(PyExc_TypeError, "graph, operation and tensor must be subclasses "
                                             "of _core.Graph, _core.Operation, _core.Tensor");
    replace((PyObject **)&py_registered.graph, graph);
    replace((PyObject **)&py_registered.operation, operation);
    replace((PyObject **)&py_registered.tensor, tensor);
    replace(&py_registered.dtypes, dtypes);
    replace(&py_registered.error, error);
    replace(&py_registered.shape, shape);
    Py_RETURN_NONE;
}

/* For what Python makes itself: variables, summaries. */
static PyObject *where_now(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    tw_where where = py_where();
    if (!where.file)
        Py_RETURN_NONE;
    return Py_BuildValue("(si)", where.file, where.line);
}

static PyMethodDef methods[] = {
    {"set_classes", (PyCFunction)(void (*)(void))set_classes, METH_VARARGS | METH_KEYWORDS,
     "set_classes(graph=, operation=, tensor=, dtypes=, error=, shape=): what Python made of the "
     "base types."},
    {"where", where_now, METH_NOARGS,
     "where() -> (file, line) of the innermost frame outside the package, or None."},
    {NULL, NULL, 0, NULL},
};

/* The module is asked for its file only when the first place is looked for, when the import system
 * has set it. */
int py_status_init(PyObject *module)
{
    places.module = Py_NewRef(module);
    places.files = PyDict_New();
    return places.files ? PyModule_AddFunctions(module, methods) : -1;
}
