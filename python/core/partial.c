/* SPDX-License-Identifier: Apache-2.0
 * _core.PartialRun: a run whose feeds and fetches come in parts. */
#include "run.h"

typedef struct py_partial {
    PyObject_HEAD py_session *session;
    tw_partial *partial;
    bool busy; /* a part is running: another thread has to wait for its turn */
} py_partial;

static PyTypeObject *partial_type;

/* PartialRun(session, fetches, feeds); an Operation among the fetches is a target. The signature's
 * lists are copied by the library; the objects are let go after it. */
static PyObject *partial_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *session, *fetches, *feeds;
    tw_tensor *fetch = NULL, *feed = NULL;
    size_t fetch_count = 0, feed_count = 0;
    (void)kwargs;
    if (!PyArg_ParseTuple(args, "O!OO:PartialRun", py_session_type, &session, &fetches, &feeds) ||
        py_session_check((py_session *)session))
        return NULL;
    py_partial *self = (py_partial *)type->tp_alloc(type, 0);
    if (self && !py_unwrap_list(fetches, &fetch, &fetch_count) &&
        !py_unwrap_list(feeds, &feed, &feed_count)) {
        self->session = (py_session *)Py_NewRef(session);
        tw_tensors none = {NULL, 0};
        tw_status *status = tw_partial_new(((py_session *)session)->session,
                                           (tw_tensors){fetch, fetch_count}, none,
                                           (tw_tensors){feed, feed_count}, &self->partial);
        if (status)
            py_raise(status);
    }
    py_free_list(fetch);
    py_free_list(feed);
    if (self && !self->partial)
        Py_CLEAR(self);
    return (PyObject *)self;
}

/* The session may hold the handle in turn. */
static int partial_traverse(py_partial *self, visitproc visit, void *arg)
{
#if PY_VERSION_HEX >= 0x03090000
    Py_VISIT(Py_TYPE(self));
#endif
    Py_VISIT(self->session);
    return 0;
}

/* A run that never came to its last part is given up: what it held of values goes here. The session
 * must outlast it. */
static void partial_dealloc(py_partial *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    tw_partial_free(self->partial);
    Py_XDECREF(self->session);
    type->tp_free(self);
    Py_DECREF(type);
}

/* Lists of the caller's, as the library wants them. */
typedef struct part {
    tw_tensor *fetch, *fed;
    size_t fetch_count, fed_count;
    tw_feed *feeds;
    tw_array **out;
} part;

/* Lent feeds are given back: the library has copied what later parts need. In any state that
 * read_part left it in. */
static void clear_part(part *p)
{
    for (size_t i = 0; p->feeds && i < p->fed_count; i++)
        tw_array_unref(p->feeds[i].array);
    py_free_list(p->fetch);
    py_free_list(p->fed);
    PyMem_Free(p->feeds);
    PyMem_Free(p->out);
}

/* All values are converted before anything runs. Code of the values runs here, and may run another
 * part of this very run: `busy` is looked at after it. */
static int read_part(part *p, PyObject *fetches, PyObject *feeds, PyObject *values)
{
    if (py_unwrap_list(fetches, &p->fetch, &p->fetch_count) ||
        py_unwrap_list(feeds, &p->fed, &p->fed_count))
        return -1;
    if ((size_t)PyTuple_GET_SIZE(values) != p->fed_count) {
        PyErr_SetString(PyExc_ValueError, "there must be one value for each feed");
        return -1;
    }
    p->feeds = PyMem_Calloc(p->fed_count + 1, sizeof *p->feeds);
    p->out = PyMem_Calloc(p->fetch_count + 1, sizeof *p->out);
    if (!p->feeds || !p->out) {
        PyErr_NoMemory();
        return -1;
    }
    for (size_t i = 0; i < p->fed_count; i++) {
        p->feeds[i].tensor = p->fed[i];
        p->feeds[i].array = py_array_from(PyTuple_GET_ITEM(values, (Py_ssize_t)i),
                                          tw_dtype_base(tw_tensor_dtype(p->fed[i])), true);
        if (!p->feeds[i].array)
            return -1;
    }
    return 0;
}

/* Marked as busy, since the library's handle is not for two threads at a time. */
static PyObject *run_part(py_partial *self, const part *p)
{
    if (self->busy)
        return PyErr_Format(PyExc_RuntimeError, "another part of this run is going on");
    /* no results by the hook: the library gives arrays, which later parts may need as well */
    py_running running = {NULL, NULL};
    struct tw_call_options options = py_running_options(&running, NULL);
    struct tw_partial_args args = {.size = sizeof args,
                                   .partial = self->partial,
                                   .fetch = {p->fetch, p->fetch_count},
                                   .feed = {p->feeds, p->fed_count},
                                   .out = p->out,
                                   .options = &options};
    self->busy = true;
    tw_status *status = tw_partial_run_(&args);
    py_running_end(&running);
    self->busy = false;
    if (status)
        return py_raise(status);
    /* each array is taken by its object, also where the list failed */
    PyObject *list = PyList_New((Py_ssize_t)p->fetch_count);
    for (size_t i = 0; i < p->fetch_count; i++) {
        PyObject *value = p->out[i] ? py_array_to(p->out[i], true) : Py_NewRef(Py_None);
        if (value && list)
            PyList_SET_ITEM(list, (Py_ssize_t)i, value);
        else
            Py_XDECREF(value);
        if (!value)
            Py_CLEAR(list);
    }
    return list;
}

/* The values go into a tuple: code of theirs may change the list while they are converted. */
static PyObject *partial_run(py_partial *self, PyObject *args)
{
    PyObject *fetches, *feeds, *values;
    part p = {0};
    if (!PyArg_ParseTuple(args, "O!O!O!:run", &PyList_Type, &fetches, &PyList_Type, &feeds,
                          &PyList_Type, &values))
        return NULL;
    PyObject *fixed = PyList_AsTuple(values), *result = NULL;
    if (fixed && !read_part(&p, fetches, feeds, fixed))
        result = run_part(self, &p);
    Py_XDECREF(fixed);
    clear_part(&p);
    return result;
}

static PyMethodDef partial_methods[] = {
    {"run", (PyCFunction)(void (*)(void))partial_run, METH_VARARGS,
     "run(fetches, feeds, values) -> list: runs what these need and has not run."},
    {NULL, NULL, 0, NULL}};

static PyType_Slot partial_slots[] = {{Py_tp_new, partial_new},
                                      {Py_tp_dealloc, partial_dealloc},
                                      {Py_tp_traverse, partial_traverse},
                                      {Py_tp_methods, partial_methods},
                                      {Py_tp_doc, "One run whose feeds and fetches come in parts."},
                                      {0, NULL}};

static PyType_Spec partial_spec = {.name = "thalweg._core.PartialRun",
                                   .basicsize = sizeof(py_partial),
                                   .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
                                   .slots = partial_slots};

/* Its Python face is Session.partial_run. */
int py_partial_init(PyObject *module)
{
    return py_add_type(module, &partial_spec, "PartialRun", 0, &partial_type);
}
