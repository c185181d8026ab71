/* SPDX-License-Identifier: Apache-2.0
 * _core.Operation: the object of an operation, one for ever while its graph's object lives. An
 * object made by calling the class stands for nothing until _add binds it. */
#include "core.h"

#include <string.h>

PyTypeObject *py_operation_type;

/* ---- life ---- */

/* Arguments are those of a Python subclass' __init__: nothing is known of the operation before the
 * library has accepted it. */
static PyObject *operation_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    (void)args;
    (void)kwargs;
    return type->tp_alloc(type, 0);
}

/* The type is an object of its own reference count since 3.9, and its instances say so; before, the
 * collector did not ask. */
static int operation_traverse(py_operation *self, visitproc visit, void *arg)
{
#if PY_VERSION_HEX >= 0x03090000
    Py_VISIT(Py_TYPE(self));
#endif
    Py_VISIT(self->graph);
    Py_VISIT(self->outputs);
    return 0;
}

/* The graph stays: it is what keeps the operation's memory. Without its outputs it stands for the
 * same operation still, and its methods go on working. */
static int operation_clear(py_operation *self)
{
    Py_CLEAR(self->outputs);
    return 0;
}

/* The type goes last: a subclass made at run time may live by its instances alone. The library's
 * operation is the graph's. */
static void operation_dealloc(py_operation *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    if (self->weak_references)
        PyObject_ClearWeakRefs((PyObject *)self);
    Py_XDECREF(self->outputs);
    Py_XDECREF(self->graph);
    type->tp_free(self);
    Py_DECREF(type);
}

/* ---- binding ---- */

/* All or nothing: an object that could not be bound stands for nothing still. 1 if it gave way to
 * one that was bound while memory was found for this. */
static int bind(py_operation *self, py_graph *graph, tw_operation *op, bool give_way)
{
    size_t id = tw_operation_id(op), count = tw_operation_output_count(op);
    if (!graph->operations) {
        PyErr_SetString(PyExc_RuntimeError, "the graph is about to be freed");
        return -1;
    }
    /* the library may have added many since somebody last asked for an object */
    while ((size_t)PyList_GET_SIZE(graph->operations) <= id) {
        if (PyList_Append(graph->operations, Py_None))
            return -1;
    }
    PyObject *outputs = PyTuple_New((Py_ssize_t)count);
    if (!outputs)
        return -1;
    for (size_t i = 0; i < count; i++) {
        PyObject *tensor = py_new_tensor(self, tw_operation_output(op, i));
        if (!tensor) {
            Py_DECREF(outputs);
            return -1;
        }
        PyTuple_SET_ITEM(outputs, (Py_ssize_t)i, tensor);
    }
    if (give_way && PyList_GET_ITEM(graph->operations, (Py_ssize_t)id) != Py_None) {
        Py_DECREF(outputs);
        return 1;
    }
    self->op = op;
    self->outputs = outputs;
    self->graph = (py_graph *)Py_NewRef((PyObject *)graph);
    return PyList_SetItem(graph->operations, (Py_ssize_t)id, Py_NewRef((PyObject *)self));
}

/* Allocating may run the collector and with it any code, which may ask for the same operation:
 * whoever bound an object first has the one that counts. */
PyObject *py_wrap_operation(py_graph *graph, tw_operation *op)
{
    size_t id = tw_operation_id(op);
    PyObject *list = graph->operations;
    if (list && id < (size_t)PyList_GET_SIZE(list)) {
        PyObject *known = PyList_GET_ITEM(list, (Py_ssize_t)id);
        if (known != Py_None)
            return Py_NewRef(known);
    }
    PyTypeObject *type = py_registered.operation ? py_registered.operation : py_operation_type;
    py_operation *self = (py_operation *)type->tp_alloc(type, 0);
    int failed = self ? bind(self, graph, op, true) : -1;
    if (failed)
        Py_CLEAR(self);
    if (failed > 0)
        return Py_NewRef(PyList_GET_ITEM(graph->operations, (Py_ssize_t)id));
    return (PyObject *)self;
}

/* Given an object, its class is Python's choice; one that already stands for an operation would
 * stand for two. */
PyObject *py_bind_operation(py_graph *graph, tw_operation *op, PyObject *object)
{
    if (!py_is_operation(object) || ((py_operation *)object)->op)
        return PyErr_Format(PyExc_TypeError, "%R is no operation that can be bound", object);
    return bind((py_operation *)object, graph, op, false) ? NULL : Py_NewRef(object);
}

/* ---- what it says ---- */

/* Every method asks this first: an object of a failed addition stays around unbound. */
static tw_operation *bound(const py_operation *self)
{
    if (!self->op)
        PyErr_SetString(PyExc_ValueError, "this Operation belongs to no graph");
    return self->op;
}

/* Of an object that stands for nothing an exception, as in all that follow. */
static PyObject *get_name(py_operation *self, void *unused)
{
    (void)unused;
    return bound(self) ? PyUnicode_FromString(tw_operation_name(self->op)) : NULL;
}

static PyObject *get_type(py_operation *self, void *unused)
{
    (void)unused;
    return bound(self) ? PyUnicode_FromString(tw_operation_type(self->op)) : NULL;
}

/* Empty, not None, where no scope and no caller asked for a device: programs compare it to ''. */
static PyObject *get_device(py_operation *self, void *unused)
{
    (void)unused;
    return bound(self) ? PyUnicode_FromString(tw_operation_device(self->op)) : NULL;
}

/* Python's object keeps the library's graph, so an operation alone keeps all of its graph. */
static PyObject *get_graph(py_operation *self, void *unused)
{
    (void)unused;
    return bound(self) ? Py_NewRef((PyObject *)self->graph) : NULL;
}

/* Also the place in the graph's list of objects. */
static PyObject *get_id(py_operation *self, void *unused)
{
    (void)unused;
    return bound(self) ? PyLong_FromSize_t(tw_operation_id(self->op)) : NULL;
}

/* For the package itself, which does not change what it gets. Empty once the collector has cut the
 * cycle through it. */
static PyObject *get_output_tuple(py_operation *self, void *unused)
{
    (void)unused;
    if (!bound(self))
        return NULL;
    return self->outputs ? Py_NewRef(self->outputs) : PyTuple_New(0);
}

/* A list of its own for each caller, who may change it. TensorFlow gives a list here, a tuple of
 * inputs. */
static PyObject *get_outputs(py_operation *self, void *unused)
{
    PyObject *tuple = get_output_tuple(self, unused);
    PyObject *list = tuple ? PySequence_List(tuple) : NULL;
    Py_XDECREF(tuple);
    return list;
}

/* Made anew, since inputs may be replaced. */
static PyObject *get_inputs(py_operation *self, void *unused)
{
    (void)unused;
    if (!bound(self))
        return NULL;
    size_t count = tw_operation_input_count(self->op);
    PyObject *tuple = PyTuple_New((Py_ssize_t)count);
    for (size_t i = 0; tuple && i < count; i++) {
        PyObject *tensor = py_wrap_tensor(tw_operation_input(self->op, i));
        if (!tensor)
            Py_CLEAR(tuple);
        else
            PyTuple_SET_ITEM(tuple, (Py_ssize_t)i, tensor);
    }
    return tuple;
}

/* Of the same graph always, so the object of that serves; a new list, which the caller may keep. */
static PyObject *get_control_inputs(py_operation *self, void *unused)
{
    (void)unused;
    if (!bound(self))
        return NULL;
    size_t count = tw_operation_control_input_count(self->op);
    PyObject *list = PyList_New((Py_ssize_t)count);
    for (size_t i = 0; list && i < count; i++) {
        PyObject *op = py_wrap_operation(self->graph, tw_operation_control_input(self->op, i));
        if (!op)
            Py_CLEAR(list);
        else
            PyList_SET_ITEM(list, (Py_ssize_t)i, op);
    }
    return list;
}

/* The file's text is interned by py_where, and outlives the operation. */
static PyObject *get_where(py_operation *self, void *unused)
{
    (void)unused;
    if (!bound(self))
        return NULL;
    tw_where where = tw_operation_where(self->op);
    if (!where.file)
        Py_RETURN_NONE;
    return Py_BuildValue("(si)", where.file, where.line);
}

static PyGetSetDef operation_getset[] = {
    {"name", (getter)get_name, NULL, "The full name.", NULL},
    {"type", (getter)get_type, NULL, "The op's name, such as 'MatMul'.", NULL},
    {"device", (getter)get_device, NULL, "The device asked for, or ''.", NULL},
    {"graph", (getter)get_graph, NULL, "The graph that holds it.", NULL},
    {"_id", (getter)get_id, NULL, "Its place in the order of adding.", NULL},
    {"outputs", (getter)get_outputs, NULL, "A list of the tensors that it computes.", NULL},
    {"_outputs", (getter)get_output_tuple, NULL, "The same as a tuple, which is not copied.", NULL},
    {"inputs", (getter)get_inputs, NULL, "A tuple of the tensors that it reads.", NULL},
    {"control_inputs", (getter)get_control_inputs, NULL,
     "A list of the operations that run before it.", NULL},
    {"_where", (getter)get_where, NULL, "(file, line) where it was made, or None.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

/* ---- attributes ---- */

/* The wording is what programs match on. */
static PyObject *operation_attr(py_operation *self, PyObject *name)
{
    const char *text = bound(self) ? PyUnicode_AsUTF8(name) : NULL;
    if (!text)
        return NULL;
    const tw_attr *attr = tw_operation_attr(self->op, text);
    if (attr)
        return py_attr_value(attr);
    return PyErr_Format(PyExc_KeyError, "No attr named '%U' in operation '%s'", name,
                        tw_operation_name(self->op));
}

/* By name, so that Python can tell a list of types from a list of numbers. */
static PyObject *operation_attr_kind(py_operation *self, PyObject *name)
{
    const char *text = bound(self) ? PyUnicode_AsUTF8(name) : NULL;
    if (!text)
        return NULL;
    const tw_attr *attr = tw_operation_attr(self->op, text);
    if (!attr)
        Py_RETURN_NONE;
    return PyUnicode_FromFormat(attr->list ? "list(%s)" : "%s", py_attr_kind_name(attr->kind));
}

/* Without values, since a constant's would be copied. */
static PyObject *operation_attr_names(py_operation *self, PyObject *unused)
{
    (void)unused;
    if (!bound(self))
        return NULL;
    size_t count = tw_operation_attr_count(self->op);
    PyObject *list = PyList_New((Py_ssize_t)count);
    for (size_t i = 0; list && i < count; i++) {
        PyObject *name = PyUnicode_FromString(tw_operation_attr_at(self->op, i)->name);
        if (!name)
            Py_CLEAR(list);
        else
            PyList_SET_ITEM(list, (Py_ssize_t)i, name);
    }
    return list;
}

/* The count is asked for again in each round: a value's class is Python code, which may change the
 * operation. */
static PyObject *operation_attrs(py_operation *self, PyObject *unused)
{
    (void)unused;
    if (!bound(self))
        return NULL;
    PyObject *dict = PyDict_New();
    for (size_t i = 0; dict && i < tw_operation_attr_count(self->op); i++) {
        const tw_attr *attr = tw_operation_attr_at(self->op, i);
        PyObject *value = py_attr_value(attr);
        if (!value || PyDict_SetItemString(dict, attr->name, value))
            Py_CLEAR(dict);
        Py_XDECREF(value);
    }
    return dict;
}

/* ---- as messages ---- */

/* Takes the status, or else the bytes, which the library allocated and its own function frees. */
static PyObject *exported(tw_status *status, char *bytes, size_t size)
{
    if (status)
        return py_raise(status);
    PyObject *result = PyBytes_FromStringAndSize(bytes, (Py_ssize_t)size);
    tw_free(bytes);
    return result;
}

/* Protocol buffer bytes, so that Python can read what it has no class for. */
static PyObject *operation_node_def_bytes(py_operation *self, PyObject *unused)
{
    char *bytes = NULL;
    size_t size = 0;
    (void)unused;
    if (!bound(self))
        return NULL;
    tw_status *status = tw_operation_export(self->op, &bytes, &size);
    return exported(status, bytes, size);
}

/* What is missing is the library's to say. */
static PyObject *operation_attr_bytes(py_operation *self, PyObject *name)
{
    char *bytes = NULL;
    size_t size = 0;
    const char *text = bound(self) ? PyUnicode_AsUTF8(name) : NULL;
    if (!text)
        return NULL;
    tw_status *status = tw_operation_export_attr(self->op, text, &bytes, &size);
    return exported(status, bytes, size);
}

/* ---- changes ---- */

/* None, or the exception of a status. */
static PyObject *done(tw_status *status)
{
    if (status)
        return py_raise(status);
    Py_RETURN_NONE;
}

/* The library copies the value; `keep` holds what it points at until then. */
static PyObject *operation_set_attr(py_operation *self, PyObject *args)
{
    const char *name;
    PyObject *value;
    tw_attr attr;
    if (!bound(self) || !PyArg_ParseTuple(args, "sO:_set_attr", &name, &value))
        return NULL;
    PyObject *keep = PyList_New(0);
    PyObject *result = NULL;
    if (keep && !py_attr_from(value, name, tw_op_find(tw_operation_type(self->op)), &attr, keep))
        result = done(tw_operation_set_attr(self->op, &attr));
    Py_XDECREF(keep);
    return result;
}

/* A negative index is the library's to refuse, as one behind the end. */
static PyObject *operation_set_input(py_operation *self, PyObject *args)
{
    Py_ssize_t index;
    PyObject *object;
    tw_tensor tensor;
    if (!bound(self) || !PyArg_ParseTuple(args, "nO:_set_input", &index, &object) ||
        py_unwrap(object, &tensor))
        return NULL;
    return done(tw_operation_set_input(self->op, index < 0 ? SIZE_MAX : (size_t)index, tensor));
}

/* A Tensor stands for its operation, as in control_dependencies. */
static PyObject *operation_add_control_input(py_operation *self, PyObject *object)
{
    tw_tensor tensor;
    if (!bound(self) || py_unwrap(object, &tensor))
        return NULL;
    return done(tw_operation_add_control_input(self->op, tensor.op));
}

/* Of this operation alone: what waits for it still does. */
static PyObject *operation_clear_control_inputs(py_operation *self, PyObject *unused)
{
    (void)unused;
    return bound(self) ? done(tw_operation_clear_control_inputs(self->op)) : NULL;
}

/* None and the empty text are the same: no wish. */
static PyObject *operation_set_device(py_operation *self, PyObject *device)
{
    if (!bound(self))
        return NULL;
    const char *text = device == Py_None ? "" : PyUnicode_AsUTF8(device);
    return text ? done(tw_operation_set_device(self->op, text)) : NULL;
}

#define METHOD(name) (PyCFunction)(void (*)(void)) operation_##name

static PyMethodDef operation_methods[] = {
    {"_attr", METHOD(attr), METH_O, "_attr(name): an attribute's value; KeyError."},
    {"_attr_kind", METHOD(attr_kind), METH_O,
     "_attr_kind(name): 'int', 'list(type)' ...; None if there is no such attribute."},
    {"_attr_names", METHOD(attr_names), METH_NOARGS, "The names of all attributes."},
    {"_attrs", METHOD(attrs), METH_NOARGS, "All attributes as a dict."},
    {"_node_def_bytes", METHOD(node_def_bytes), METH_NOARGS, "The operation as a NodeDef."},
    {"_attr_bytes", METHOD(attr_bytes), METH_O, "_attr_bytes(name): an AttrValue."},
    {"_set_attr", METHOD(set_attr), METH_VARARGS, "_set_attr(name, value)."},
    {"_set_input", METHOD(set_input), METH_VARARGS, "_set_input(index, tensor)."},
    {"_add_control_input", METHOD(add_control_input), METH_O, "_add_control_input(op)."},
    {"_clear_control_inputs", METHOD(clear_control_inputs), METH_NOARGS, "Removes all."},
    {"_set_device_text", METHOD(set_device), METH_O, "_set_device_text(str or None)."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot operation_slots[] = {
    {Py_tp_doc, (void *)(uintptr_t) "An operation of a graph."},
    {Py_tp_new, (void *)(uintptr_t)operation_new},
    {Py_tp_dealloc, (void *)(uintptr_t)operation_dealloc},
    {Py_tp_traverse, (void *)(uintptr_t)operation_traverse},
    {Py_tp_clear, (void *)(uintptr_t)operation_clear},
    {Py_tp_methods, operation_methods},
    {Py_tp_getset, operation_getset},
    {0, NULL},
};

static PyType_Spec operation_spec = {
    .name = "thalweg._core.Operation",
    .basicsize = sizeof(py_operation),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = operation_slots,
};

/* Not final: Python subclasses it, and its class is what set_classes registers. */
int py_operation_init(PyObject *module)
{
    return py_add_type(module, &operation_spec, "Operation",
                       offsetof(py_operation, weak_references), &py_operation_type);
}
