/* SPDX-License-Identifier: Apache-2.0
 * The scopes that a thread has open, for Python's `with` blocks: each push gives a number, and pop
 * closes the scope of that number, even if blocks end in another order than they began. */
#include "core.h"

/* The graph of a scope; None: the current one. Borrowed. */
static int graph_of(PyObject *object, tw_graph **out)
{
    if (object == Py_None) {
        *out = tw_default_graph();
        if (!*out)
            PyErr_NoMemory();
        return *out ? 0 : -1;
    }
    if (!py_is_graph(object)) {
        PyErr_Format(PyExc_TypeError, "%R is no Graph", object);
        return -1;
    }
    *out = ((py_graph *)object)->graph;
    return 0;
}

/* The number of the scope that was just pushed, or what went wrong. */
static PyObject *pushed(tw_status *status)
{
    return status ? py_raise(status) : PyLong_FromUnsignedLongLong(tw_scope_mark());
}

/* The library holds its graph for the scope, not the object: one that nobody else holds goes, and
 * default_graph makes another. */
static PyObject *push_graph(PyObject *module, PyObject *object)
{
    tw_graph *graph;
    (void)module;
    return graph_of(object, &graph) ? NULL : pushed(tw_scope_push_graph(graph));
}

/* Names are checked by the library, as they become parts of operations' names. */
static PyObject *push_name(PyObject *module, PyObject *args)
{
    PyObject *object;
    const char *name;
    tw_graph *graph;
    (void)module;
    if (!PyArg_ParseTuple(args, "Oz:push_name", &object, &name) || graph_of(object, &graph))
        return NULL;
    return pushed(tw_graph_push_name(graph, name));
}

/* Text only: functions of devices are Python's, and applied before an operation is added. */
static PyObject *push_device(PyObject *module, PyObject *args)
{
    PyObject *object;
    const char *device;
    tw_graph *graph;
    (void)module;
    if (!PyArg_ParseTuple(args, "Oz:push_device", &object, &device) || graph_of(object, &graph))
        return NULL;
    return pushed(tw_graph_push_device(graph, device));
}

/* An empty list is a scope that adds nothing; None forgets those around. The library copies the
 * list; its operations are the graph's, which the scope holds. */
static PyObject *push_control(PyObject *module, PyObject *args)
{
    PyObject *object, *inputs;
    tw_graph *graph;
    tw_tensor *items = NULL;
    size_t count = 0;
    (void)module;
    if (!PyArg_ParseTuple(args, "OO:push_control", &object, &inputs) || graph_of(object, &graph) ||
        (inputs != Py_None && py_unwrap_list(inputs, &items, &count)))
        return NULL;
    PyObject *mark = pushed(tw_graph_push_control(graph, (tw_tensors){items, count}));
    py_free_list(items);
    return mark;
}

/* A Tensor stands for its operation. */
static PyObject *push_colocate(PyObject *module, PyObject *args)
{
    PyObject *object, *with;
    tw_graph *graph;
    tw_tensor tensor = {NULL, 0};
    (void)module;
    if (!PyArg_ParseTuple(args, "OO:push_colocate", &object, &with) || graph_of(object, &graph) ||
        (with != Py_None && py_unwrap(with, &tensor)))
        return NULL;
    return pushed(tw_graph_push_colocate(graph, tensor));
}

/* Both are names: the function is looked up when gradients are built. */
static PyObject *push_override(PyObject *module, PyObject *args)
{
    PyObject *object;
    const char *type, *gradient;
    tw_graph *graph;
    (void)module;
    if (!PyArg_ParseTuple(args, "Oss:push_override", &object, &type, &gradient) ||
        graph_of(object, &graph))
        return NULL;
    return pushed(tw_graph_push_gradient_override(graph, type, gradient));
}

/* Blocks that end out of order are no error here; who minds says so in Python. Numbers are never
 * used twice, so an old one closes nothing. */
static PyObject *pop(PyObject *module, PyObject *mark)
{
    (void)module;
    uint64_t number = PyLong_AsUnsignedLongLong(mark);
    if (number == (uint64_t)-1 && PyErr_Occurred())
        return NULL;
    return PyBool_FromLong(tw_scope_close(number));
}

/* What is pushed after it has higher numbers. */
static PyObject *scope_mark(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    return PyLong_FromUnsignedLongLong(tw_scope_mark());
}

/* With the slash at its end, so that a name can be put behind it. */
static PyObject *scope_name(PyObject *module, PyObject *object)
{
    tw_graph *graph;
    (void)module;
    return graph_of(object, &graph) ? NULL : PyUnicode_FromString(tw_graph_scope_name(graph));
}

/* The one graph that has no object is the one that the library made for this thread: its object is
 * kept with the thread, since the library keeps only the graph. */
static const char held[] = "thalweg._core.default_graph";

/* The thread's dict ends with the thread, as the library's own graph of it does. */
static PyObject *default_graph(PyObject *module, PyObject *unused)
{
    tw_graph *graph = tw_default_graph();
    py_graph *known = graph ? py_graph_object(graph) : NULL;
    (void)module;
    (void)unused;
    if (known)
        return Py_NewRef((PyObject *)known);
    PyObject *object = py_graph_for(graph);
    PyObject *thread = PyThreadState_GetDict();
    if (object && thread && PyDict_SetItemString(thread, held, object))
        Py_CLEAR(object);
    return object;
}

/* The thread's object goes with it, if nobody else has it. */
static PyObject *reset_default_graph(PyObject *module, PyObject *unused)
{
    PyObject *thread = PyThreadState_GetDict();
    (void)module;
    (void)unused;
    tw_reset_default_graph();
    if (thread && PyDict_SetItemString(thread, held, Py_None))
        return NULL;
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"push_graph", push_graph, METH_O,
     "push_graph(graph) -> number: it is the current graph until pop(number)."},
    {"push_name", push_name, METH_VARARGS,
     "push_name(graph, name) -> number. 'name_1' if taken, 'a/' as it is, None the root."},
    {"push_control", push_control, METH_VARARGS,
     "push_control(graph, [Tensor or Operation ...]) -> number. None forgets those around."},
    {"push_device", push_device, METH_VARARGS,
     "push_device(graph, str) -> number. Merged with the device around; None ignores that."},
    {"push_colocate", push_colocate, METH_VARARGS,
     "push_colocate(graph, Tensor or Operation) -> number. None: nothing around counts."},
    {"push_override", push_override, METH_VARARGS,
     "push_override(graph, type, gradient) -> number: see Graph.gradient_override_map."},
    {"pop", pop, METH_O, "pop(number) closes that scope; False if it was closed already."},
    {"scope_mark", scope_mark, METH_NOARGS, "The number of the innermost scope; 0: none."},
    {"scope_name", scope_name, METH_O, "scope_name(graph) -> 'a/b/', or '' at the root."},
    {"default_graph", default_graph, METH_NOARGS, "The current graph of this thread."},
    {"reset_default_graph", reset_default_graph, METH_NOARGS,
     "Closes all scopes of this thread and forgets its default graph."},
    {NULL, NULL, 0, NULL},
};

/* All state is the library's, by thread: there is nothing to keep here. */
int py_scope_init(PyObject *module)
{
    return PyModule_AddFunctions(module, methods);
}
