/* SPDX-License-Identifier: Apache-2.0
 * Attribute values: Python's as the library's and back. The op's signature says what kind a value
 * is of; where there is none, the value's own type does, or ("type", value) says it. */
#define NO_IMPORT_ARRAY
#include "core.h"

#include <numpy/arrayobject.h>
#include <structmember.h>
#include <string.h>

/* ---- _core.Func ---- */

typedef struct py_func {
    PyObject_HEAD PyObject *name, *attrs;
} py_func;

PyTypeObject *py_func_type;

/* The dict is the caller's own, not a copy: it may be changed, and may come to hold the Func
 * itself. */
static PyObject *func_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"name", "attrs", NULL};
    PyObject *name, *attrs = NULL;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "U|O!:Func", names, &name, &PyDict_Type, &attrs))
        return NULL;
    py_func *self = (py_func *)type->tp_alloc(type, 0);
    if (!self)
        return NULL;
    self->name = Py_NewRef(name);
    self->attrs = attrs ? Py_NewRef(attrs) : PyDict_New();
    if (!self->attrs)
        Py_CLEAR(self);
    return (PyObject *)self;
}

/* The name is a str, which leads nowhere. */
static int func_traverse(py_func *self, visitproc visit, void *arg)
{
#if PY_VERSION_HEX >= 0x03090000
    Py_VISIT(Py_TYPE(self));
#endif
    Py_VISIT(self->attrs);
    return 0;
}

static int func_clear(py_func *self)
{
    Py_CLEAR(self->attrs);
    return 0;
}

/* A chain of many Funcs, each an attribute of the next, is cut by the dicts between them, whose
 * deallocation bounds its depth. */
static void func_dealloc(py_func *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    Py_XDECREF(self->name);
    Py_XDECREF(self->attrs);
    type->tp_free(self);
    Py_DECREF(type);
}

/* Python's own guard for dicts ends a Func that holds itself. */
static PyObject *func_repr(py_func *self)
{
    return PyUnicode_FromFormat("Func(%R, %R)", self->name, self->attrs ? self->attrs : Py_None);
}

static PyMemberDef func_members[] = {
    {"name", T_OBJECT, offsetof(py_func, name), READONLY, NULL},
    {"attrs", T_OBJECT, offsetof(py_func, attrs), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot func_slots[] = {
    {Py_tp_doc, (void *)(uintptr_t) "Func(name, attrs={}): a function by name, as an attribute."},
    {Py_tp_new, (void *)(uintptr_t)func_new},
    {Py_tp_dealloc, (void *)(uintptr_t)func_dealloc},
    {Py_tp_traverse, (void *)(uintptr_t)func_traverse},
    {Py_tp_clear, (void *)(uintptr_t)func_clear},
    {Py_tp_repr, (void *)(uintptr_t)func_repr},
    {Py_tp_members, func_members},
    {0, NULL},
};

static PyType_Spec func_spec = {
    .name = "thalweg._core.Func",
    .basicsize = sizeof(py_func),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = func_slots,
};

/* ---- what a value is of ---- */

static const char *const kind_names[] = {
    [TW_ATTR_NONE] = "none",     [TW_ATTR_INT] = "int",
    [TW_ATTR_FLOAT] = "float",   [TW_ATTR_BOOL] = "bool",
    [TW_ATTR_STRING] = "string", [TW_ATTR_TYPE] = "type",
    [TW_ATTR_SHAPE] = "shape",   [TW_ATTR_TENSOR] = "tensor",
    [TW_ATTR_FUNC] = "func",     [TW_ATTR_PLACEHOLDER] = "placeholder",
};
enum { KINDS = sizeof kind_names / sizeof *kind_names };

const char *py_attr_kind_name(tw_attr_kind kind)
{
    return (size_t)kind < KINDS ? kind_names[kind] : "?";
}

/* ("shape", [2, 3]), ("list(type)", [1, 2]): a kind by name before the value. The value is then
 * borrowed from the tuple, which whoever holds the value holds. */
static bool is_forced(PyObject **value, tw_attr *out)
{
    if (!PyTuple_CheckExact(*value) || PyTuple_GET_SIZE(*value) != 2 ||
        !PyUnicode_Check(PyTuple_GET_ITEM(*value, 0)))
        return false;
    PyObject *text = PyTuple_GET_ITEM(*value, 0);
    for (int kind = 0; kind < KINDS; kind++) {
        char list[32];
        PyOS_snprintf(list, sizeof list, "list(%s)", kind_names[kind]);
        bool is_list = PyUnicode_CompareWithASCIIString(text, list) == 0;
        if (!is_list && PyUnicode_CompareWithASCIIString(text, kind_names[kind]) != 0)
            continue;
        out->kind = (tw_attr_kind)kind;
        out->list = is_list;
        *value = PyTuple_GET_ITEM(*value, 1);
        return true;
    }
    return false;
}

/* Of one value that is no list; TW_ATTR_NONE: it says nothing. By type first: asking for an
 * attribute may run code, so it comes last. */
static tw_attr_kind natural_kind(PyObject *value)
{
    if (PyBool_Check(value))
        return TW_ATTR_BOOL;
    if (PyLong_Check(value) || PyArray_IsScalar(value, Integer))
        return TW_ATTR_INT;
    if (PyFloat_Check(value) || PyArray_IsScalar(value, Floating))
        return TW_ATTR_FLOAT;
    if (PyUnicode_Check(value) || PyBytes_Check(value))
        return TW_ATTR_STRING;
    if (PyArray_Check(value))
        return TW_ATTR_TENSOR;
    if (PyObject_TypeCheck(value, py_func_type))
        return TW_ATTR_FUNC;
    if (PyObject_HasAttrString(value, "as_datatype_enum"))
        return TW_ATTR_TYPE;
    if (PyObject_HasAttrString(value, "dims"))
        return TW_ATTR_SHAPE;
    return TW_ATTR_NONE;
}

/* The caller's word goes first, then the signature's, then what the value looks like. A kind that
 * the signature names needs no guess, and a wrong value is found when it is read. */
static int find_kind(PyObject **value, const tw_op_attr *known, tw_attr *out)
{
    if (is_forced(value, out))
        return 0;
    if (known) {
        out->kind = known->kind;
        out->list = known->list;
        return 0;
    }
    out->list = PyList_Check(*value) || PyTuple_Check(*value);
    PyObject *item = *value;
    if (out->list) {
        if (!PySequence_Fast_GET_SIZE(*value))
            return 0; /* an empty list of any kind */
        item = PySequence_Fast_GET_ITEM(*value, 0);
    }
    Py_INCREF(item); /* asking for its attributes may run code that empties the list */
    out->kind = natural_kind(item);
    int failed = out->kind == TW_ATTR_NONE ? -1 : 0;
    if (failed)
        PyErr_Format(PyExc_TypeError, "attribute '%s': %R is no attribute value", out->name, item);
    Py_DECREF(item);
    return failed;
}

/* ---- one value ---- */

/* Bytes objects serve as memory: they go with the list. */
static void *keep_memory(PyObject *keep, size_t size)
{
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)size);
    void *memory = bytes && PyList_Append(keep, bytes) == 0 ? PyBytes_AS_STRING(bytes) : NULL;
    Py_XDECREF(bytes);
    return memory;
}

/* The destructors of what `keep` holds: shapes' dims come from Python's allocator, arrays from the
 * library's. */
static void free_kept(PyObject *capsule)
{
    PyMem_Free(PyCapsule_GetPointer(capsule, NULL));
}

static void unref_kept(PyObject *capsule)
{
    tw_array_unref(PyCapsule_GetPointer(capsule, NULL));
}

/* `memory` (NULL: nothing) lives as long as `keep`. On failure the memory is still the caller's. */
static int keep_pointer(PyObject *keep, void *memory, PyCapsule_Destructor release)
{
    if (!memory)
        return 0;
    PyObject *capsule = PyCapsule_New(memory, NULL, release);
    int failed = capsule ? PyList_Append(keep, capsule) : -1;
    Py_XDECREF(capsule);
    return failed;
}

/* The text is borrowed from the object, which is kept. */
static int read_string(PyObject *value, tw_bytes *out, PyObject *keep)
{
    Py_ssize_t length;
    if (PyBytes_Check(value)) {
        *out = (tw_bytes){PyBytes_AS_STRING(value), (size_t)PyBytes_GET_SIZE(value)};
    } else if (PyUnicode_Check(value)) {
        const char *text = PyUnicode_AsUTF8AndSize(value, &length);
        *out = (tw_bytes){text, (size_t)length};
        if (!text)
            return -1;
    } else {
        PyErr_Format(PyExc_TypeError, "expected str or bytes, got %R", value);
        return -1;
    }
    return PyList_Append(keep, value);
}

/* Its attributes are read by their own types, as no signature speaks of them. */
static int read_func(PyObject *value, tw_func *out, PyObject *keep)
{
    if (!PyObject_TypeCheck(value, py_func_type)) {
        PyErr_Format(PyExc_TypeError, "expected a _core.Func, got %R", value);
        return -1;
    }
    const py_func *func = (const py_func *)value;
    if (!func->attrs) { /* the collector has been here */
        PyErr_SetString(PyExc_RuntimeError, "the Func is about to be freed");
        return -1;
    }
    size_t count = (size_t)PyDict_Size(func->attrs);
    tw_attr *attrs = keep_memory(keep, (count + 1) * sizeof *attrs);
    const char *name = PyUnicode_AsUTF8(func->name);
    if (!attrs || !name || PyList_Append(keep, value))
        return -1;
    *out = (tw_func){name, attrs, 0};
    /* a Func can be among its own attributes */
    if (Py_EnterRecursiveCall(" while reading the attributes of a Func"))
        return -1;
    int failed = py_attrs_from(func->attrs, NULL, attrs, &out->attr_count, keep);
    Py_LeaveRecursiveCall();
    return failed;
}

/* Anything with __index__, NumPy's integers among it, but no float. */
static int read_int(PyObject *value, int64_t *out)
{
    PyObject *number = PyNumber_Index(value);
    if (!number)
        return -1;
    *out = PyLong_AsLongLong(number);
    Py_DECREF(number);
    return *out == -1 && PyErr_Occurred() ? -1 : 0;
}

/* Copied, for the graph keeps constants longer than the caller the array. */
static int read_tensor(PyObject *value, tw_array **out, PyObject *keep)
{
    *out = py_array_from(value, TW_INVALID_DTYPE, false);
    if (!*out)
        return -1;
    if (!keep_pointer(keep, *out, unref_kept))
        return 0;
    tw_array_unref(*out);
    return -1;
}

/* The kind's C type at `out`. What it points at goes into `keep`, so that half-read lists need no
 * undoing. */
static int read_item(PyObject *value, tw_attr_kind kind, void *out, PyObject *keep)
{
    void *memory;
    double number;
    int truth;
    switch (kind) {
    case TW_ATTR_INT: return read_int(value, out);
    case TW_ATTR_FLOAT:
        number = PyFloat_AsDouble(value);
        *(float *)out = (float)number;
        return number == -1 && PyErr_Occurred() ? -1 : 0;
    case TW_ATTR_BOOL:
        truth = PyObject_IsTrue(value);
        *(bool *)out = truth > 0;
        return truth < 0 ? -1 : 0;
    case TW_ATTR_TYPE: return py_dtype_from(value, out);
    case TW_ATTR_SHAPE:
        if (py_shape_from(value, out, &memory))
            return -1;
        if (!keep_pointer(keep, memory, free_kept))
            return 0;
        PyMem_Free(memory);
        return -1;
    case TW_ATTR_TENSOR: return read_tensor(value, out, keep);
    case TW_ATTR_FUNC: return read_func(value, out, keep);
    default: return read_string(value, out, keep);
    }
}

/* Of the C type in which lists hold the kind. Zero for kinds that no list has. */
static size_t item_size(tw_attr_kind kind)
{
    static const size_t sizes[KINDS] = {
        [TW_ATTR_INT] = sizeof(int64_t),
        [TW_ATTR_FLOAT] = sizeof(float),
        [TW_ATTR_BOOL] = sizeof(bool),
        [TW_ATTR_STRING] = sizeof(tw_bytes),
        [TW_ATTR_TYPE] = sizeof(tw_dtype),
        [TW_ATTR_SHAPE] = sizeof(tw_shape),
        [TW_ATTR_TENSOR] = sizeof(tw_array *),
        [TW_ATTR_FUNC] = sizeof(tw_func),
        [TW_ATTR_PLACEHOLDER] = sizeof(tw_bytes),
    };
    return sizes[kind];
}

/* One block for all elements; what they point at is kept apart. A tuple first: an item's __index__
 * or property may change the caller's list. */
static int read_list(PyObject *value, tw_attr *out, PyObject *keep)
{
    PyObject *fixed = py_fixed(value, "expected a list");
    if (!fixed)
        return -1;
    size_t count = (size_t)PyTuple_GET_SIZE(fixed), size = item_size(out->kind);
    char *items = keep_memory(keep, count * size + 1);
    int failed = items ? PyList_Append(keep, fixed) : -1;
    for (size_t i = 0; !failed && i < count; i++)
        failed = read_item(PyTuple_GET_ITEM(fixed, (Py_ssize_t)i), out->kind, items + i * size,
                           keep);
    Py_DECREF(fixed);
    out->count = count;
    out->value.items = items;
    return failed;
}

/* NULL for unknown ops, and for the attributes with an underscore that any operation may have. */
static const tw_op_attr *find_known(const tw_op *op, const char *name)
{
    const tw_op_attr *attr;
    for (size_t i = 0; (attr = tw_op_attribute(op, i)); i++) {
        if (strcmp(attr->name, name) == 0)
            return attr;
    }
    return NULL;
}

/* What is wrong with a value is said with the attribute's name. */
static int explain(const char *name)
{
    PyObject *type, *value, *traceback;
    if (!PyErr_ExceptionMatches(PyExc_TypeError))
        return -1;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_Format(PyExc_TypeError, "attribute '%s': %S", name, value ? value : type);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(traceback);
    return -1;
}

/* A list's items are read into memory of `keep`; nothing is the caller's to free. */
int py_attr_from(PyObject *value, const char *name, const tw_op *op, tw_attr *out, PyObject *keep)
{
    *out = (tw_attr){.name = name};
    if (find_kind(&value, find_known(op, name), out))
        return -1;
    int failed = 0;
    if (out->list)
        failed = read_list(value, out, keep);
    else if (out->kind != TW_ATTR_NONE)
        failed = read_item(value, out->kind, &out->value, keep);
    return failed ? explain(name) : 0;
}

/* The key is held by `keep`, as the name is the key's own text; the value by this loop, while its
 * code may take it out of the dict. */
int py_attrs_from(PyObject *dict, const tw_op *op, tw_attr *out, size_t *count, PyObject *keep)
{
    PyObject *key, *value;
    Py_ssize_t at = 0;
    *count = 0;
    /* A value's own code may change the dictionary: neither room nor values may go. */
    Py_ssize_t room = PyDict_Size(dict);
    while (room-- > 0 && PyDict_Next(dict, &at, &key, &value)) {
        const char *name = PyUnicode_Check(key) ? PyUnicode_AsUTF8(key) : NULL;
        if (!name) {
            PyErr_Format(PyExc_TypeError, "%R is not the name of an attribute", key);
            return -1;
        }
        Py_INCREF(value);
        int failed = PyList_Append(keep, key) || py_attr_from(value, name, op, &out[*count], keep);
        Py_DECREF(value);
        if (failed)
            return -1;
        ++*count;
    }
    return 0;
}

/* ---- back ---- */

/* Constants are the graph's: what Python sees of them cannot be written. */
static PyObject *tensor_object(tw_array *array)
{
    if (!array)
        Py_RETURN_NONE;
    PyObject *object = py_array_to(tw_array_ref(array), false);
    if (object && PyArray_Check(object))
        PyArray_CLEARFLAGS((PyArrayObject *)object, NPY_ARRAY_WRITEABLE);
    return object;
}

/* A list before Python has said what its shapes are. */
static PyObject *shape_object(tw_shape shape)
{
    PyObject *list = py_shape_list(shape);
    if (!list || !py_registered.shape)
        return list;
    PyObject *object = PyObject_CallOneArg(py_registered.shape, list);
    Py_DECREF(list);
    return object;
}

/* Functions of functions: as deep as the library let them in. */
static PyObject *func_object(const tw_func *func)
{
    PyObject *attrs = py_attr_dict(func->attrs, func->attr_count);
    PyObject *object =
        attrs ? PyObject_CallFunction((PyObject *)py_func_type, "sO", func->name, attrs) : NULL;
    Py_XDECREF(attrs);
    return object;
}

/* A DType or a TensorShape may be made by Python code: the item is not looked at after that. */
static PyObject *item_object(tw_attr_kind kind, const void *item)
{
    const tw_bytes *text = item;
    switch (kind) {
    case TW_ATTR_INT: return PyLong_FromLongLong(*(const int64_t *)item);
    case TW_ATTR_FLOAT: return PyFloat_FromDouble((double)*(const float *)item);
    case TW_ATTR_BOOL: return PyBool_FromLong(*(const bool *)item);
    case TW_ATTR_TYPE: return py_dtype_object(*(const tw_dtype *)item);
    case TW_ATTR_SHAPE: return shape_object(*(const tw_shape *)item);
    case TW_ATTR_TENSOR: return tensor_object(*(tw_array *const *)item);
    case TW_ATTR_FUNC: return func_object(item);
    case TW_ATTR_NONE: Py_RETURN_NONE;
    default: return PyBytes_FromStringAndSize(text->data, (Py_ssize_t)text->length);
    }
}

/* A new object each time. A list in TensorFlow's sense is a list here. */
PyObject *py_attr_value(const tw_attr *attr)
{
    if (!attr->list)
        return item_object(attr->kind, &attr->value);
    const char *items = attr->value.items;
    PyObject *list = PyList_New((Py_ssize_t)attr->count);
    for (size_t i = 0; list && i < attr->count; i++) {
        PyObject *item = item_object(attr->kind, items + i * item_size(attr->kind));
        if (!item)
            Py_CLEAR(list);
        else
            PyList_SET_ITEM(list, (Py_ssize_t)i, item);
    }
    return list;
}

/* Of a function's attributes, which stand still. */
PyObject *py_attr_dict(const tw_attr *attrs, size_t count)
{
    PyObject *dict = PyDict_New();
    for (size_t i = 0; dict && i < count; i++) {
        PyObject *value = py_attr_value(&attrs[i]);
        if (!value || PyDict_SetItemString(dict, attrs[i].name, value))
            Py_CLEAR(dict);
        Py_XDECREF(value);
    }
    return dict;
}

int py_attrs_init(PyObject *module)
{
    return py_add_type(module, &func_spec, "Func", 0, &py_func_type);
}
