/* SPDX-License-Identifier: Apache-2.0
 * _core.Tensor: an output of an operation, made with its operation's object and never again; and
 * what C functions are given by Python code that speaks of tensors. */
#include "core.h"

PyTypeObject *py_tensor_type;

/* ---- life ---- */

/* Without __init__: a class of Python that wants one has to do without. The operation's reference
 * and the tuple of outputs make a cycle on purpose, so that identity holds. */
PyObject *py_new_tensor(py_operation *op, tw_tensor tensor)
{
    PyTypeObject *type = py_registered.tensor ? py_registered.tensor : py_tensor_type;
    py_tensor *self = (py_tensor *)type->tp_alloc(type, 0);
    if (!self)
        return NULL;
    self->tensor = tensor;
    self->op = (py_operation *)Py_NewRef((PyObject *)op);
    return (PyObject *)self;
}

/* Tensor(op, index, dtype) is the output that is there. */
static PyObject *tensor_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"op", "value_index", "dtype", NULL};
    PyObject *op, *dtype;
    Py_ssize_t index = 0;
    (void)type;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!|nO:Tensor", names, py_operation_type, &op,
                                     &index, &dtype))
        return NULL;
    PyObject *outputs = ((py_operation *)op)->outputs;
    if (outputs && index >= 0 && index < PyTuple_GET_SIZE(outputs))
        return Py_NewRef(PyTuple_GET_ITEM(outputs, index));
    return PyErr_Format(PyExc_ValueError, "%R has no output %zd", op, index);
}

/* No tp_clear: every cycle through a tensor leads through its operation, which cuts it. */
static int tensor_traverse(py_tensor *self, visitproc visit, void *arg)
{
#if PY_VERSION_HEX >= 0x03090000
    Py_VISIT(Py_TYPE(self));
#endif
    Py_VISIT(self->op);
    return 0;
}

/* The operation may be the last to hold the graph, so this may end a whole graph; nothing of the
 * tensor is touched after it. */
static void tensor_dealloc(py_tensor *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    if (self->weak_references)
        PyObject_ClearWeakRefs((PyObject *)self);
    Py_XDECREF(self->name);
    Py_XDECREF(self->op);
    type->tp_free(self);
    Py_DECREF(type);
}

/* ---- to and from the library's tensors ---- */

/* The object of the operation, or a new reference to a new one. */
static PyObject *operation_of(tw_operation *op)
{
    py_graph *graph = py_graph_object(tw_operation_graph(op));
    if (graph)
        return py_wrap_operation(graph, op);
    PyErr_SetString(PyExc_RuntimeError, "a tensor of a graph that Python does not know");
    return NULL;
}

/* By way of the operation's tuple, never a new object: `is` and dictionaries of tensors count on
 * it. */
PyObject *py_wrap_tensor(tw_tensor tensor)
{
    if (!tw_tensor_valid(tensor))
        Py_RETURN_NONE;
    PyObject *op = operation_of(tensor.op);
    if (!op || tensor.index < 0)
        return op;
    PyObject *outputs = ((py_operation *)op)->outputs;
    PyObject *result = NULL;
    if (outputs && tensor.index < PyTuple_GET_SIZE(outputs))
        result = Py_NewRef(PyTuple_GET_ITEM(outputs, tensor.index));
    else
        PyErr_SetString(PyExc_RuntimeError, "the operation is about to be freed");
    Py_DECREF(op);
    return result;
}

/* For lists that the library gives, whatever they are of. */
PyObject *py_wrap_tensors(tw_tensors tensors)
{
    PyObject *list = PyList_New((Py_ssize_t)tensors.count);
    for (size_t i = 0; list && i < tensors.count; i++) {
        PyObject *tensor = py_wrap_tensor(tensors.items[i]);
        if (!tensor)
            Py_CLEAR(list);
        else
            PyList_SET_ITEM(list, (Py_ssize_t)i, tensor);
    }
    return list;
}

/* Gives a pointer into the graph: good as long as somebody holds the object. Arguments of a
 * function are held by its caller; elements of a list are not, see py_unwrap_list. */
int py_unwrap(PyObject *object, tw_tensor *out)
{
    if (py_is_tensor(object)) {
        *out = ((py_tensor *)object)->tensor;
        return 0;
    }
    if (py_is_operation(object) && ((py_operation *)object)->op) {
        *out = (tw_tensor){((py_operation *)object)->op, -1};
        return 0;
    }
    PyErr_Format(PyExc_TypeError, "%R is neither a Tensor nor an Operation", object);
    return -1;
}

PyObject *py_fixed(PyObject *sequence, const char *message)
{
    PyObject *fast = PySequence_Fast(sequence, message);
    PyObject *tuple = fast ? PySequence_Tuple(fast) : NULL; /* of a tuple the tuple itself */
    Py_XDECREF(fast);
    return tuple;
}

/* What stands before the first tensor of a list: a reference to the tuple that it was read from.
 * A tensor of the library is only a pointer into its graph, which lives no longer than the last
 * object that knows it. */
typedef union list_head {
    PyObject *held;
    tw_tensor aligned;
} list_head;

/* Room for one more, so that an empty list is not NULL, which means "no list". */
static int unwrap_all(PyObject *sequence, bool holes, tw_tensor **out, size_t *count)
{
    PyObject *fixed = py_fixed(sequence, "expected a list of tensors");
    *out = NULL;
    *count = 0;
    if (!fixed)
        return -1;
    Py_ssize_t length = PyTuple_GET_SIZE(fixed);
    list_head *head = PY_NEW(list_head, length + 2);
    if (!head) {
        Py_DECREF(fixed);
        PyErr_NoMemory();
        return -1;
    }
    head->held = fixed;
    tw_tensor *items = &head[1].aligned;
    for (Py_ssize_t i = 0; i < length; i++) {
        PyObject *item = PyTuple_GET_ITEM(fixed, i);
        items[i] = (tw_tensor){NULL, 0};
        if (!(holes && item == Py_None) && py_unwrap(item, &items[i])) {
            py_free_list(items);
            return -1;
        }
    }
    *out = items;
    *count = (size_t)length;
    return 0;
}

int py_unwrap_list(PyObject *sequence, tw_tensor **out, size_t *count)
{
    return unwrap_all(sequence, false, out, count);
}

/* For gradients, where None among the given stands for ones. */
int py_unwrap_holes(PyObject *sequence, tw_tensor **out, size_t *count)
{
    return unwrap_all(sequence, true, out, count);
}

void py_free_list(tw_tensor *list)
{
    if (!list)
        return;
    list_head *head = (list_head *)(void *)list - 1;
    PyObject *held = head->held;
    PyMem_Free(head);
    Py_DECREF(held); /* may run any code, a graph's end among it */
}

/* ---- what it says ---- */

/* There is always one: tensors are only made with their operation. */
static PyObject *get_op(py_tensor *self, void *unused)
{
    (void)unused;
    return Py_NewRef((PyObject *)self->op);
}

static PyObject *get_graph(py_tensor *self, void *unused)
{
    (void)unused;
    return Py_NewRef((PyObject *)self->op->graph);
}

/* -1 never comes out: that stands for an operation, which is no Tensor. */
static PyObject *get_value_index(py_tensor *self, void *unused)
{
    (void)unused;
    return PyLong_FromLong(self->tensor.index);
}

/* Names are asked for often and never change, so the text is kept. */
static PyObject *get_name(py_tensor *self, void *unused)
{
    (void)unused;
    if (!self->name)
        self->name = PyUnicode_FromFormat("%s:%d", tw_operation_name(self->tensor.op),
                                          (int)self->tensor.index);
    Py_XINCREF(self->name);
    return self->name;
}

/* Cheaper than a DType where only numbers are compared. */
static PyObject *get_dtype_number(py_tensor *self, void *unused)
{
    (void)unused;
    return PyLong_FromLong(tw_tensor_dtype(self->tensor));
}

/* The registered object of that number; a reference type of a variable is another one than its
 * base. */
static PyObject *get_dtype(py_tensor *self, void *unused)
{
    (void)unused;
    return py_dtype_object(tw_tensor_dtype(self->tensor));
}

/* Of the operation as it is now, since devices may be set later. */
static PyObject *get_device(py_tensor *self, void *unused)
{
    (void)unused;
    return PyUnicode_FromString(tw_operation_device(self->tensor.op));
}

static PyGetSetDef tensor_getset[] = {
    {"op", (getter)get_op, NULL, "The operation that computes it.", NULL},
    {"graph", (getter)get_graph, NULL, "The graph that holds it.", NULL},
    {"value_index", (getter)get_value_index, NULL, "Which output of its operation.", NULL},
    {"name", (getter)get_name, NULL, "The operation's name, a colon, the output's number.", NULL},
    {"dtype", (getter)get_dtype, NULL, "The type of its elements.", NULL},
    {"_dtype_number", (getter)get_dtype_number, NULL, "The same as a number.", NULL},
    {"device", (getter)get_device, NULL, "The device asked for, or ''.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

/* A plain list: the TensorShape is made by Python where one is wanted. The library's dims are read
 * with nothing in between that could change them but integers' memory. */
static PyObject *tensor_dims(py_tensor *self, PyObject *unused)
{
    (void)unused;
    return py_shape_list(tw_tensor_shape(self->tensor));
}

/* What contradicts what is known is the library's to refuse; the dims are copied by it. */
static PyObject *tensor_merge_shape(py_tensor *self, PyObject *shape)
{
    tw_shape dims;
    void *memory;
    if (py_shape_from(shape, &dims, &memory))
        return NULL;
    tw_status *status = tw_tensor_set_shape(self->tensor, dims);
    PyMem_Free(memory);
    if (status)
        return py_raise(status);
    Py_RETURN_NONE;
}

/* Known means folded while building: nothing runs for it. */
static PyObject *tensor_constant_value(py_tensor *self, PyObject *unused)
{
    (void)unused;
    tw_array *array = tw_tensor_constant_value(self->tensor);
    if (!array)
        Py_RETURN_NONE;
    /* It may be the graph's own, which nobody may write to. */
    tw_array *own = tw_array_copy(array);
    tw_array_unref(array);
    return own ? py_array_to(own, false) : PyErr_NoMemory();
}

/* The room is the largest rank there is: a value with more elements is none of a shape. */
static PyObject *tensor_shape_value(py_tensor *self, PyObject *unused)
{
    int64_t dims[TW_MAX_RANK];
    int rank = tw_tensor_value_dims(self->tensor, dims);
    (void)unused;
    if (rank < 0)
        Py_RETURN_NONE;
    return py_shape_list((tw_shape){dims, (size_t)rank});
}

static PyMethodDef tensor_methods[] = {
    {"_dims", (PyCFunction)tensor_dims, METH_NOARGS,
     "The static shape: a list of int and None, or None."},
    {"_merge_shape", (PyCFunction)tensor_merge_shape, METH_O,
     "_merge_shape(shape): adds to what is known of the static shape."},
    {"_constant_value", (PyCFunction)tensor_constant_value, METH_NOARGS,
     "The value as an ndarray where building knows it, else None."},
    {"_shape_value", (PyCFunction)tensor_shape_value, METH_NOARGS,
     "The value as the sizes of a shape: a list of int and None, or None."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot tensor_slots[] = {
    {Py_tp_doc, (void *)(uintptr_t) "An output of an operation."},
    {Py_tp_new, (void *)(uintptr_t)tensor_new},
    {Py_tp_dealloc, (void *)(uintptr_t)tensor_dealloc},
    {Py_tp_traverse, (void *)(uintptr_t)tensor_traverse},
    {Py_tp_methods, tensor_methods},
    {Py_tp_getset, tensor_getset},
    {0, NULL},
};

static PyType_Spec tensor_spec = {
    .name = "thalweg._core.Tensor",
    .basicsize = sizeof(py_tensor),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = tensor_slots,
};

/* As of operations, Python's subclass is what is made. */
int py_tensor_init(PyObject *module)
{
    return py_add_type(module, &tensor_spec, "Tensor", offsetof(py_tensor, weak_references),
                       &py_tensor_type);
}
