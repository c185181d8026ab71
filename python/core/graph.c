/* SPDX-License-Identifier: Apache-2.0
 * _core.Graph: a graph of the library and the objects of its operations. The library's graph knows
 * its object, so that what the library makes by itself finds its way to Python. */
#include "core.h"

#include <string.h>

PyTypeObject *py_graph_type;

/* ---- types ---- */

/* The offset is set here for Python 3.8, which does not know it as a member of the spec.
 * PyModule_AddObject takes the reference only where it succeeds; the one in *out is the process'
 * and is never given back. */
int py_add_type(PyObject *module, PyType_Spec *spec, const char *name, Py_ssize_t weak_offset,
                PyTypeObject **out)
{
    PyTypeObject *type = (PyTypeObject *)PyType_FromSpec(spec);
    if (!type)
        return -1;
    if (weak_offset)
        type->tp_weaklistoffset = weak_offset;
    *out = type;
    Py_INCREF(type);
    if (!PyModule_AddObject(module, name, (PyObject *)type))
        return 0;
    Py_DECREF(type);
    return -1;
}

/* ---- life ---- */

/* The graph that the next object is for; NULL: a new one. See py_graph_for. */
static tw_graph *adopted;

/* The library's graph points back at the object without a reference: the object's end clears the
 * pointer. All fields but those set here are zero, as tp_alloc leaves them, so that dealloc may see
 * a half-made object. */
static PyObject *graph_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    (void)args;
    (void)kwargs;
    tw_graph *graph = adopted ? tw_graph_ref(adopted) : tw_graph_new();
    adopted = NULL;
    py_graph *self = (py_graph *)type->tp_alloc(type, 0);
    if (!graph || !self) {
        tw_graph_unref(graph);
        Py_XDECREF(self);
        return PyErr_NoMemory();
    }
    self->graph = graph;
    tw_graph_set_user(graph, self);
    self->operations = PyList_New(0);
    if (!self->operations)
        Py_CLEAR(self);
    return (PyObject *)self;
}

/* The objects of operations lead back here, and so do functions that close over tensors. */
static int graph_traverse(py_graph *self, visitproc visit, void *arg)
{
#if PY_VERSION_HEX >= 0x03090000
    Py_VISIT(Py_TYPE(self));
#endif
    Py_VISIT(self->operations);
    Py_VISIT(self->overrides);
    return 0;
}

/* Cuts all cycles through operations; the graph itself stays until the object goes. The library's
 * graph may stay even longer, in a scope or a session, and must not know a function that went. */
static int graph_clear(py_graph *self)
{
    Py_CLEAR(self->operations);
    py_drop_overrides(self);
    return 0;
}

/* The pointer back is cleared before anything else may run: who asks the library's graph for its
 * object from now on gets a new one, or none. */
static void graph_dealloc(py_graph *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    if (self->graph && tw_graph_user(self->graph) == self)
        tw_graph_set_user(self->graph, NULL);
    if (self->weak_references)
        PyObject_ClearWeakRefs((PyObject *)self);
    graph_clear(self);
    tw_graph_unref(self->graph);
    type->tp_free(self);
    Py_DECREF(type);
}

/* ---- from the library's graph to its object ---- */

/* Borrowed: whoever asks holds the graph by another object already, or takes a reference
 * at once. */
py_graph *py_graph_object(const tw_graph *graph)
{
    py_graph *object = tw_graph_user(graph);
    return object && Py_REFCNT(object) > 0 ? object : NULL; /* not one that is about to go */
}

/* The class's own __init__ runs, so the graph travels past it by `adopted`, which graph_new takes
 * at once: nothing else can run between the two. */
PyObject *py_graph_for(tw_graph *graph)
{
    if (!graph)
        return PyErr_NoMemory();
    py_graph *known = py_graph_object(graph);
    if (known)
        return Py_NewRef((PyObject *)known);
    adopted = graph;
    PyTypeObject *type = py_registered.graph ? py_registered.graph : py_graph_type;
    PyObject *object = PyObject_CallNoArgs((PyObject *)type);
    adopted = NULL;
    return object;
}

/* ---- adding ---- */

/* One call of _add: what has to be given back. */
typedef struct addition {
    tw_graph_add_args args;
    tw_tensor *inputs, *controls;
    size_t *counts;
    tw_attr *attrs;
    tw_dtype *outputs;
    PyObject *keep;
} addition;

/* In any state that read_addition left it in; the tensors' objects go with the lists. */
static void clear_addition(addition *a)
{
    py_free_list(a->inputs);
    py_free_list(a->controls);
    PyMem_Free(a->counts);
    PyMem_Free(a->attrs);
    PyMem_Free(a->outputs);
    Py_XDECREF(a->keep);
}

/* A text of C ends at the first zero, so one inside would cut the name. Programs of Python 2 name
 * operations by bytes. Borrowed from the object, which the caller holds: as long as a str lives, so
 * does its UTF-8. */
static int get_text(PyObject *object, const char *what, const char **out)
{
    *out = NULL;
    if (object == Py_None)
        return 0;
    if (PyBytes_Check(object) &&
        strlen(PyBytes_AS_STRING(object)) == (size_t)PyBytes_GET_SIZE(object)) {
        *out = PyBytes_AS_STRING(object);
        return 0;
    }
    if (!PyUnicode_Check(object)) {
        PyErr_Format(PyExc_TypeError, "%s must be a str, got %R", what, object);
        return -1;
    }
    Py_ssize_t length;
    *out = PyUnicode_AsUTF8AndSize(object, &length);
    if (!*out)
        return -1;
    if (strlen(*out) == (size_t)length)
        return 0;
    PyErr_Format(PyExc_ValueError, "%s %R holds a null character", what, object);
    return -1;
}

/* Lists whose elements are numbers or dtypes; *out never NULL. Only true integers are read, so no
 * code runs and the list may be read in place. */
static int get_counts(PyObject *object, addition *a)
{
    PyObject *fast = PySequence_Fast(object, "input_counts must be a list");
    if (!fast)
        return -1;
    Py_ssize_t count = PySequence_Fast_GET_SIZE(fast);
    a->counts = PY_NEW(size_t, count + 1);
    bool failed = !a->counts;
    for (Py_ssize_t i = 0; !failed && i < count; i++) {
        a->counts[i] = PyLong_AsSize_t(PySequence_Fast_GET_ITEM(fast, i));
        failed = a->counts[i] == (size_t)-1 && PyErr_Occurred();
    }
    Py_DECREF(fast);
    if (!a->counts)
        PyErr_NoMemory();
    a->args.input_counts = a->counts;
    return failed ? -1 : 0;
}

/* A DType is read by a property, which is code: hence a tuple. */
static int get_outputs(PyObject *object, addition *a)
{
    PyObject *fixed = py_fixed(object, "output_dtypes must be a list");
    if (!fixed)
        return -1;
    Py_ssize_t count = PyTuple_GET_SIZE(fixed);
    a->outputs = PY_NEW(tw_dtype, count + 1);
    bool failed = !a->outputs;
    for (Py_ssize_t i = 0; !failed && i < count; i++)
        failed = py_dtype_from(PyTuple_GET_ITEM(fixed, i), &a->outputs[i]) != 0;
    Py_DECREF(fixed);
    if (!a->outputs)
        PyErr_NoMemory();
    a->args.output_dtypes = a->outputs;
    a->args.output_count = (size_t)count;
    return failed ? -1 : 0;
}

/* The room is that of the dictionary as it is now; see py_attrs_from. `keep` outlives the call of
 * the library, which copies what it keeps. */
static int get_attrs(PyObject *dict, addition *a)
{
    if (!PyDict_Check(dict)) {
        PyErr_Format(PyExc_TypeError, "attrs must be a dict, got %R", dict);
        return -1;
    }
    if (!PyDict_Size(dict))
        return 0;
    a->keep = PyList_New(0);
    a->attrs = PY_NEW(tw_attr, PyDict_Size(dict));
    if (!a->keep || !a->attrs) {
        PyErr_NoMemory();
        return -1;
    }
    a->args.attrs = a->attrs;
    return py_attrs_from(dict, tw_op_find(a->args.type), a->attrs, &a->args.attr_count, a->keep);
}

enum { /* of _add */
       TYPE,
       NAME,
       INPUTS,
       INPUT_COUNTS,
       ATTRS,
       CONTROLS,
       DEVICE,
       OUTPUTS,
       INTO,
       ADD_ARGS
};

/* What was read before an error is given back by clear_addition. Attributes last: their code may be
 * any, and what was read before is held by now. */
static int read_addition(PyObject *const *given, addition *a)
{
    tw_graph_add_args *args = &a->args;
    if (get_text(given[TYPE], "an operation's type", &args->type) ||
        get_text(given[NAME], "an operation's name", &args->name) ||
        get_text(given[DEVICE], "a device", &args->device))
        return -1;
    if (given[INPUTS] != Py_None) {
        if (py_unwrap_list(given[INPUTS], &a->inputs, &args->input_count))
            return -1;
        args->inputs = a->inputs;
    }
    if (given[CONTROLS] != Py_None) {
        if (py_unwrap_list(given[CONTROLS], &a->controls, &args->control_input_count))
            return -1;
        args->control_inputs = a->controls;
    }
    if ((given[INPUT_COUNTS] != Py_None && get_counts(given[INPUT_COUNTS], a)) ||
        (given[OUTPUTS] != Py_None && get_outputs(given[OUTPUTS], a)) ||
        (given[ATTRS] != Py_None && get_attrs(given[ATTRS], a)))
        return -1;
    return 0;
}

/* Positions only: the calls are many and come from the package alone. Everything is read before the
 * library is called, and py_where looks at Python's frames, so that nothing of Python runs while
 * the graph changes. An addition that succeeded stays, also if its object could not be made. */
static PyObject *graph_add(py_graph *self, PyObject *const *args, Py_ssize_t count)
{
    PyObject *given[ADD_ARGS];
    if (count < 1 || count > ADD_ARGS)
        return PyErr_Format(PyExc_TypeError, "_add takes 1 to %d arguments, got %zd", ADD_ARGS,
                            count);
    for (Py_ssize_t i = 0; i < ADD_ARGS; i++)
        given[i] = i < count ? args[i] : Py_None;
    addition a = {.args = {.size = sizeof(tw_graph_add_args)}};
    tw_operation *op = NULL;
    PyObject *result = NULL;
    if (!read_addition(given, &a)) {
        a.args.where = py_where();
        tw_status *status = tw_graph_add(self->graph, &a.args, &op);
        if (status)
            py_raise(status);
        else if (given[INTO] != Py_None)
            result = py_bind_operation(self, op, given[INTO]);
        else
            result = py_wrap_operation(self, op);
    }
    clear_addition(&a);
    return result;
}

/* ---- finding ---- */

/* The key alone, as a dictionary would say it; Python words it. */
static PyObject *graph_operation(py_graph *self, PyObject *name)
{
    const char *text;
    if (get_text(name, "an operation's name", &text))
        return NULL;
    tw_operation *op = text ? tw_graph_operation(self->graph, text) : NULL;
    if (!op) {
        PyErr_SetObject(PyExc_KeyError, name);
        return NULL;
    }
    return py_wrap_operation(self, op);
}

/* Errors are the library's, which tells a bad name from a missing one. */
static PyObject *graph_tensor(py_graph *self, PyObject *name)
{
    const char *text;
    tw_tensor tensor;
    if (get_text(name, "a tensor's name", &text))
        return NULL;
    tw_status *status = tw_graph_tensor(self->graph, text ? text : "", &tensor);
    return status ? py_raise(status) : py_wrap_tensor(tensor);
}

/* Of the library's graph, not of the objects, which are made when they are asked for. */
static PyObject *graph_operation_count(py_graph *self, PyObject *unused)
{
    (void)unused;
    return PyLong_FromSize_t(tw_graph_operation_count(self->graph));
}

/* The count is fixed first; what is added meanwhile, by code that the collector runs, is not in the
 * list. */
PyObject *py_operations_from(py_graph *graph, size_t from)
{
    size_t count = tw_graph_operation_count(graph->graph);
    from = from < count ? from : count;
    PyObject *list = PyList_New((Py_ssize_t)(count - from));
    for (size_t i = from; list && i < count; i++) {
        PyObject *op = py_wrap_operation(graph, tw_graph_operation_at(graph->graph, i));
        if (!op)
            Py_CLEAR(list);
        else
            PyList_SET_ITEM(list, (Py_ssize_t)(i - from), op);
    }
    return list;
}

/* From a number on, for those who already know the operations before it. */
static PyObject *graph_operations(py_graph *self, PyObject *args)
{
    Py_ssize_t from = 0;
    if (!PyArg_ParseTuple(args, "|n:_operations", &from))
        return NULL;
    return py_operations_from(self, from > 0 ? (size_t)from : 0);
}

/* The text is the graph's own, and copied at once. */
static PyObject *graph_unique_name(py_graph *self, PyObject *args)
{
    const char *name;
    int mark = 1;
    if (!PyArg_ParseTuple(args, "s|p:_unique_name", &name, &mark))
        return NULL;
    const char *unique = tw_graph_unique_name(self->graph, name, mark);
    return unique ? PyUnicode_FromString(unique) : PyErr_NoMemory();
}

/* ---- seeds, version, end ---- */

/* Old versions of TensorFlow take names that differ only in case for two; see compat. */
static PyObject *graph_set_exact_names(py_graph *self, PyObject *exact)
{
    int truth = PyObject_IsTrue(exact);
    if (truth < 0)
        return NULL;
    tw_graph_set_exact_names(self->graph, truth);
    Py_RETURN_NONE;
}

/* None takes the seed away. */
static PyObject *graph_set_seed(py_graph *self, PyObject *seed)
{
    if (seed == Py_None) {
        tw_graph_clear_seed(self->graph);
        Py_RETURN_NONE;
    }
    int64_t value = PyLong_AsLongLong(seed);
    if (value == -1 && PyErr_Occurred())
        return NULL;
    tw_graph_set_seed(self->graph, value);
    Py_RETURN_NONE;
}

/* None is not zero: a seed of zero is a seed. */
static PyObject *graph_seed(py_graph *self, PyObject *unused)
{
    int64_t seed;
    (void)unused;
    if (!tw_graph_seed(self->graph, &seed))
        Py_RETURN_NONE;
    return PyLong_FromLongLong(seed);
}

/* Both numbers at once, because the second counts the graph's operations: asking for each alone
 * could fall between two additions. */
static PyObject *graph_seeds(py_graph *self, PyObject *op_seed)
{
    int64_t value = 0, seed = 0, seed2 = 0;
    if (op_seed != Py_None) {
        value = PyLong_AsLongLong(op_seed);
        if (value == -1 && PyErr_Occurred())
            return NULL;
    }
    tw_graph_seeds(self->graph, op_seed == Py_None ? NULL : &value, &seed, &seed2);
    return Py_BuildValue("(LL)", (long long)seed, (long long)seed2);
}

static PyObject *graph_count_nodes(py_graph *self, PyObject *more)
{
    long long value = PyLong_AsLongLong(more);
    if (value == -1 && PyErr_Occurred())
        return NULL;
    return PyLong_FromLongLong(tw_graph_count_nodes(self->graph, value));
}

/* Sessions compare it to know whether their plans still hold. */
static PyObject *graph_version(py_graph *self, PyObject *unused)
{
    (void)unused;
    return PyLong_FromUnsignedLongLong(tw_graph_version(self->graph));
}

/* Also undone: TensorFlow has a way to do so, which its own tests take. */
static PyObject *graph_finalize(py_graph *self, PyObject *args)
{
    int on = 1;
    if (!PyArg_ParseTuple(args, "|p:_finalize", &on))
        return NULL;
    if (!on) {
        tw_graph_unfinalize(self->graph);
        Py_RETURN_NONE;
    }
    tw_status *status = tw_graph_finalize(self->graph);
    if (status)
        return py_raise(status);
    Py_RETURN_NONE;
}

/* ---- GraphDef ---- */

/* The bytes are the library's, and freed by it whether or not Python could copy them. */
static PyObject *graph_export(py_graph *self, PyObject *unused)
{
    char *bytes = NULL;
    size_t size = 0;
    (void)unused;
    tw_status *status = tw_graph_export(self->graph, &bytes, &size);
    if (status)
        return py_raise(status);
    PyObject *result = PyBytes_FromStringAndSize(bytes, (Py_ssize_t)size);
    tw_free(bytes);
    return result;
}

/* Strings of a graph may be any bytes; the text format escapes them, and what it does not is
 * replaced. */
static PyObject *graph_export_text(py_graph *self, PyObject *unused)
{
    char *text = NULL;
    (void)unused;
    tw_status *status = tw_graph_export_text(self->graph, &text);
    if (status)
        return py_raise(status);
    PyObject *result = PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace");
    tw_free(text);
    return result;
}

/* What was added is told by where the operations begin: nothing else adds meanwhile, as this
 * thread holds the interpreter. */
static PyObject *graph_import(py_graph *self, PyObject *args)
{
    Py_buffer bytes;
    const char *prefix = NULL;
    if (!PyArg_ParseTuple(args, "y*|z:_import", &bytes, &prefix))
        return NULL;
    size_t from = tw_graph_operation_count(self->graph);
    tw_status *status = tw_graph_import(self->graph, bytes.buf, (size_t)bytes.len, prefix);
    PyBuffer_Release(&bytes);
    return status ? py_raise(status) : py_operations_from(self, from);
}

/* The same for the text format; a text of Python is UTF-8 to the library. */
static PyObject *graph_import_text(py_graph *self, PyObject *args)
{
    const char *text, *prefix = NULL;
    if (!PyArg_ParseTuple(args, "s|z:_import_text", &text, &prefix))
        return NULL;
    size_t from = tw_graph_operation_count(self->graph);
    tw_status *status = tw_graph_import_text(self->graph, text, prefix);
    return status ? py_raise(status) : py_operations_from(self, from);
}

/* ---- the type ---- */

#define METHOD(name) (PyCFunction)(void (*)(void)) graph_##name

static PyMethodDef graph_methods[] = {
    {"_add", METHOD(add), METH_FASTCALL,
     "_add(type, name, inputs, input_counts, attrs, control_inputs, device, output_dtypes, into) "
     "-> Operation. Only type is needed; None stands for what is not given. An object of an "
     "Operation class that stands for nothing yet can be bound: `into`."},
    {"_operation", METHOD(operation), METH_O, "_operation(name) -> Operation; KeyError."},
    {"_tensor", METHOD(tensor), METH_O, "_tensor('a:0') -> Tensor."},
    {"_operation_count", METHOD(operation_count), METH_NOARGS, "How many operations there are."},
    {"_operations", METHOD(operations), METH_VARARGS, "_operations(from=0) -> list."},
    {"_unique_name", METHOD(unique_name), METH_VARARGS,
     "_unique_name(name, mark=True): a name under the open scopes that is not taken."},
    {"_set_exact_names", METHOD(set_exact_names), METH_O,
     "_set_exact_names(bool): whether names that differ only in case are two."},
    {"_set_seed", METHOD(set_seed), METH_O, "_set_seed(int or None)."},
    {"_seed", METHOD(seed), METH_NOARGS, "The graph's seed or None."},
    {"_seeds", METHOD(seeds), METH_O, "_seeds(op seed or None) -> (seed, seed2)."},
    {"_count_nodes", METHOD(count_nodes), METH_O,
     "_count_nodes(more) -> how many nodes op seeds count, with so many more from now on."},
    {"_version", METHOD(version), METH_NOARGS, "A number that grows with every change."},
    {"_finalize", METHOD(finalize), METH_VARARGS,
     "_finalize(on=True): later additions are errors, or allowed again."},
    {"_export", METHOD(export), METH_NOARGS, "_export() -> bytes of a GraphDef."},
    {"_export_text", METHOD(export_text), METH_NOARGS, "_export_text() -> a GraphDef's text."},
    {"_import", METHOD(import), METH_VARARGS, "_import(bytes, prefix=None) -> new operations."},
    {"_import_text", METHOD(import_text), METH_VARARGS,
     "_import_text(text, prefix=None) -> new operations."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot graph_slots[] = {
    {Py_tp_doc, (void *)(uintptr_t) "A graph of operations."},
    {Py_tp_new, (void *)(uintptr_t)graph_new},
    {Py_tp_dealloc, (void *)(uintptr_t)graph_dealloc},
    {Py_tp_traverse, (void *)(uintptr_t)graph_traverse},
    {Py_tp_clear, (void *)(uintptr_t)graph_clear},
    {Py_tp_methods, graph_methods},
    {0, NULL},
};

static PyType_Spec graph_spec = {
    .name = "thalweg._core.Graph",
    .basicsize = sizeof(py_graph),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = graph_slots,
};

/* Graphs first: operations and tensors name the type in their own checks. */
int py_graph_init(PyObject *module)
{
    if (py_add_type(module, &graph_spec, "Graph", offsetof(py_graph, weak_references),
                    &py_graph_type))
        return -1;
    return py_operation_init(module) || py_tensor_init(module) || py_attrs_init(module) ? -1 : 0;
}
