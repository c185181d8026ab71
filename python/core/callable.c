/* SPDX-License-Identifier: Apache-2.0
 * _core.Callable: a signature that is called with the fed values by position. It finds nothing up
 * and asks nothing: the plan is its own. */
#include "run.h"

#include <structmember.h>

typedef struct py_callable {
    PyObject_HEAD py_session *session; /* a reference: a closed session says so */
    py_prepared *prepared;
    py_shape_of_results shape;
    bool silent; /* gives None */
    vectorcallfunc call;
    PyObject *weak_references;
} py_callable;

static PyTypeObject *callable_type;

/* Nothing is kept of a call's results where nobody wants them. */
static PyObject *pack(const py_callable *self, PyObject **results)
{
    if (!self->silent)
        return py_pack(results, self->prepared->fetch_count, self->shape);
    for (size_t i = 0; i < self->prepared->fetch_count; i++)
        Py_DECREF(results[i]);
    Py_RETURN_NONE;
}

/* A value was refused: the session says which one and why, as it does for `run`. The error stays
 * what it is where the session finds nothing wrong, or where it is not about a value. */
static void explain(const py_callable *self, PyObject *const *args)
{
    const py_prepared *prepared = self->prepared;
    if (!PyErr_ExceptionMatches(PyExc_Exception) || PyErr_ExceptionMatches(PyExc_MemoryError))
        return;
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    Py_ssize_t count = (Py_ssize_t)prepared->feed_count;
    PyObject *feeds = PyTuple_New(count), *values = PyTuple_New(count), *none = NULL;
    for (Py_ssize_t i = 0; feeds && values && i < count; i++) {
        PyTuple_SET_ITEM(feeds, i,
                         Py_NewRef(prepared->keys[(Py_ssize_t)prepared->fetch_count + i]));
        PyTuple_SET_ITEM(values, i, Py_NewRef(args[i]));
    }
    if (feeds && values)
        none = PyObject_CallMethod((PyObject *)self->session, "_explain_feeds", "OO", feeds,
                                   values);
    Py_XDECREF(feeds);
    Py_XDECREF(values);
    if (none) {
        Py_DECREF(none);
        PyErr_Restore(type, value, traceback);
        return;
    }
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(traceback);
}

/* By position only: there are no names to look up. The arguments are the caller's and stay for the
 * call. The object itself is held by it too, and so is the plan. */
static PyObject *call(PyObject *object, PyObject *const *args, size_t flags, PyObject *names)
{
    py_callable *self = (py_callable *)object;
    Py_ssize_t count = PyVectorcall_NARGS(flags);
    if (names && PyTuple_GET_SIZE(names))
        return PyErr_Format(PyExc_TypeError, "the callable takes no keyword arguments");
    if ((size_t)count != self->prepared->feed_count)
        return PyErr_Format(PyExc_ValueError, "Expected %zd values to feed, got %zd.",
                            (Py_ssize_t)self->prepared->feed_count, count);
    /* results come into plain memory: a list would be seen by the collector half filled */
    PyObject *few[PY_FEW], **results = few, *packed = NULL;
    size_t fetches = self->prepared->fetch_count;
    if (fetches > PY_FEW)
        results = PyMem_Calloc(fetches, sizeof *results);
    if (!results)
        return PyErr_NoMemory();
    bool at_fault;
    if (!py_run(self->prepared, args, results, NULL, &at_fault))
        packed = pack(self, results);
    else if (at_fault)
        explain(self, args);
    if (results != few)
        PyMem_Free(results);
    return packed;
}

/* Callable(session, fetches, feeds, shape): shape 0 a single value, 1 a list, 2 a tuple, 3 None. A
 * single value needs exactly one fetch: py_pack looks at no count then. */
static PyObject *callable_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *session, *fetches, *feeds;
    int shape;
    (void)kwargs;
    if (!PyArg_ParseTuple(args, "O!O!O!i:Callable", py_session_type, &session, &PyList_Type,
                          &fetches, &PyList_Type, &feeds, &shape))
        return NULL;
    if (shape < 0 || shape > 3 || (shape == PY_SINGLE && PyList_GET_SIZE(fetches) != 1))
        return PyErr_Format(PyExc_ValueError, "%zd fetches cannot be given as %d",
                            PyList_GET_SIZE(fetches), shape);
    /* from the session's table, where `run` of the same fetches finds it too */
    py_prepared *prepared = py_prepared_of_lists((py_session *)session, fetches, feeds);
    py_callable *self = prepared ? (py_callable *)type->tp_alloc(type, 0) : NULL;
    if (!self) {
        Py_XDECREF(prepared);
        return NULL;
    }
    self->session = (py_session *)Py_NewRef(session);
    self->prepared = prepared;
    self->silent = shape == 3;
    self->shape = self->silent ? PY_LIST : (py_shape_of_results)shape;
    self->call = call;
    return (PyObject *)self;
}

/* No tp_clear: a cycle through a callable leads through a graph or a session, which cut it. */
static int callable_traverse(py_callable *self, visitproc visit, void *arg)
{
#if PY_VERSION_HEX >= 0x03090000
    Py_VISIT(Py_TYPE(self));
#endif
    Py_VISIT(self->session);
    Py_VISIT(self->prepared);
    return 0;
}

/* The library's callable keeps the session's inside alive until here. */
static void callable_dealloc(py_callable *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    if (self->weak_references)
        PyObject_ClearWeakRefs((PyObject *)self);
    Py_XDECREF(self->prepared);
    /* the session after the plan: it may be the last reference, and waits for its threads */
    Py_XDECREF(self->session);
    type->tp_free(self);
    Py_DECREF(type);
}

/* Microseconds that a call takes, roughly; what the GIL is let go by. Nothing runs; the number is
 * that of the last plan. */
static PyObject *estimate(py_callable *self, PyObject *unused)
{
    (void)unused;
    return PyFloat_FromDouble(tw_callable_estimate(self->prepared->callable));
}

static PyMethodDef callable_methods[] = {
    {"_estimate", (PyCFunction)(void (*)(void))estimate, METH_NOARGS,
     "_estimate(): microseconds that a call takes, roughly; negative before the first."},
    {NULL, NULL, 0, NULL}};

#if PY_VERSION_HEX >= 0x03090000
/* Since 3.9 a type says by this member where an instance has its vectorcall function. */
static PyMemberDef callable_members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(py_callable, call), READONLY, NULL},
    {NULL, 0, 0, 0, NULL}};
#endif

static PyType_Slot callable_slots[] = {
    {Py_tp_new, callable_new},
    {Py_tp_dealloc, callable_dealloc},
    {Py_tp_traverse, callable_traverse},
    {Py_tp_call, PyVectorcall_Call},
    {Py_tp_methods, callable_methods},
#if PY_VERSION_HEX >= 0x03090000
    {Py_tp_members, callable_members},
#endif
    {Py_tp_doc, "A prepared run: called with the values of its feeds, in order."},
    {0, NULL}};

#ifndef Py_TPFLAGS_HAVE_VECTORCALL
#define Py_TPFLAGS_HAVE_VECTORCALL _Py_TPFLAGS_HAVE_VECTORCALL
#endif
/* Final: a subclass with a __call__ of its own would be called past it. */
static PyType_Spec callable_spec = {.name = "thalweg._core.Callable",
                                    .basicsize = sizeof(py_callable),
                                    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC |
                                             Py_TPFLAGS_HAVE_VECTORCALL,
                                    .slots = callable_slots};

/* Before 3.9 a type cannot say where its vectorcall function is but by hand. */
int py_callable_init(PyObject *module)
{
    if (py_add_type(module, &callable_spec, "Callable", offsetof(py_callable, weak_references),
                    &callable_type))
        return -1;
#if PY_VERSION_HEX < 0x03090000
    callable_type->tp_vectorcall_offset = offsetof(py_callable, call);
#endif
    return 0;
}
