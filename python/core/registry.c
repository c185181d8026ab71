/* SPDX-License-Identifier: Apache-2.0
 * What the library knows of ops and composites, as light objects: from it Python makes its
 * functions, their signatures and their documentation. */
#include "core.h"

static PyTypeObject *op_def_type, *arg_def_type, *attr_def_type, *composite_def_type;

/* ---- values ---- */

/* None for what a definition leaves out. */
static PyObject *text(const char *s)
{
    if (!s)
        Py_RETURN_NONE;
    return PyUnicode_FromString(s);
}

/* Puts values into a new object of a struct sequence type; NULL among them is an error. Takes the
 * values, whether or not it succeeds: callers make them in the argument list. */
static PyObject *make(PyTypeObject *type, PyObject *const *values, Py_ssize_t count)
{
    PyObject *object = PyStructSequence_New(type);
    for (Py_ssize_t i = 0; i < count; i++) {
        if (!object || !values[i]) {
            for (; i < count; i++)
                Py_XDECREF(values[i]);
            Py_CLEAR(object);
            break;
        }
        PyStructSequence_SetItem(object, i, values[i]);
    }
    return object;
}
#define MAKE(type, ...)                          \
    make(type, (PyObject *const[]){__VA_ARGS__}, \
         sizeof((PyObject *const[]){__VA_ARGS__}) / sizeof(PyObject *))

/* Not a DType: see default_object. */
static PyObject *dtype_number(tw_dtype dtype)
{
    return PyLong_FromLong(dtype);
}

/* Of an input or output; which of the attributes rules it is what apply_op goes by. */
static PyObject *arg_object(const tw_op_arg *arg)
{
    return MAKE(arg_def_type, text(arg->name), dtype_number(arg->type), text(arg->type_attr),
                text(arg->number_attr), text(arg->type_list_attr), PyBool_FromLong(arg->is_ref));
}

/* Types by number, texts as they are; None where anything is allowed. An attribute is restricted to
 * types or to texts, never to both. */
static PyObject *allowed_object(const tw_op_attr *attr)
{
    bool types = attr->allowed_types != NULL;
    size_t count = types ? attr->allowed_type_count : attr->allowed_string_count;
    if (!types && !attr->allowed_strings)
        Py_RETURN_NONE;
    PyObject *tuple = PyTuple_New((Py_ssize_t)count);
    for (size_t i = 0; tuple && i < count; i++) {
        PyObject *item = types ? dtype_number(attr->allowed_types[i])
                               : text(attr->allowed_strings[i]);
        if (!item)
            Py_CLEAR(tuple);
        else
            PyTuple_SET_ITEM(tuple, (Py_ssize_t)i, item);
    }
    return tuple;
}

/* Types stay numbers here: the registry is read before there are DType objects. */
static PyObject *default_object(const tw_op_attr *attr)
{
    const tw_attr *value = &attr->default_value;
    if (!attr->has_default)
        Py_RETURN_NONE;
    if (attr->kind != TW_ATTR_TYPE)
        return py_attr_value(value);
    if (!value->list)
        return dtype_number(value->value.type);
    PyObject *list = PyList_New((Py_ssize_t)value->count);
    for (size_t i = 0; list && i < value->count; i++) {
        PyObject *item = dtype_number(((const tw_dtype *)value->value.items)[i]);
        if (!item)
            Py_CLEAR(list);
        else
            PyList_SET_ITEM(list, (Py_ssize_t)i, item);
    }
    return list;
}

/* A default that is a tensor comes as a read-only array; the registry's own stays as it is. */
static PyObject *attr_object(const tw_op_attr *attr)
{
    PyObject *minimum = attr->has_minimum ? PyLong_FromLongLong(attr->minimum) : Py_NewRef(Py_None);
    return MAKE(attr_def_type, text(attr->name), text(py_attr_kind_name(attr->kind)),
                PyBool_FromLong(attr->list), PyBool_FromLong(attr->has_default),
                default_object(attr), minimum, allowed_object(attr),
                PyBool_FromLong(attr->inferred));
}

/* ---- ops ---- */

/* A tuple of what `item` gives for 0, 1 ... until it gives nothing without an exception. A list
 * first, since only asking tells how many there are. */
static PyObject *collect(const tw_op *op, PyObject *(*item)(const tw_op *op, size_t index))
{
    PyObject *list = PyList_New(0), *value = NULL;
    for (size_t i = 0; list && (value = item(op, i)); i++) {
        if (PyList_Append(list, value))
            Py_CLEAR(list);
        Py_DECREF(value);
    }
    if (PyErr_Occurred())
        Py_CLEAR(list);
    PyObject *tuple = list ? PyList_AsTuple(list) : NULL;
    Py_XDECREF(list);
    return tuple;
}

/* The three readers have one type, so that `collect` does for all. */
static PyObject *input_at(const tw_op *op, size_t index)
{
    const tw_op_arg *arg = tw_op_input(op, index);
    return arg ? arg_object(arg) : NULL;
}

/* NULL without an exception is the end. */
static PyObject *output_at(const tw_op *op, size_t index)
{
    const tw_op_arg *arg = tw_op_output(op, index);
    return arg ? arg_object(arg) : NULL;
}

/* In the order of the signature, which is that of TensorFlow's keyword arguments. */
static PyObject *attribute_at(const tw_op *op, size_t index)
{
    const tw_op_attr *attr = tw_op_attribute(op, index);
    return attr ? attr_object(attr) : NULL;
}

/* None, not an exception: callers ask whether an op is known at all. Made anew for every call;
 * Python keeps those that it made functions of. */
static PyObject *op_def(PyObject *module, PyObject *name)
{
    (void)module;
    const char *key = PyUnicode_AsUTF8(name);
    if (!key)
        return NULL;
    const tw_op *op = tw_op_find(key);
    if (!op)
        Py_RETURN_NONE;
    const tw_op_definition *d = tw_op_get_definition(op);
    return MAKE(op_def_type, text(tw_op_name(op)), collect(op, input_at), collect(op, output_at),
                collect(op, attribute_at), text(d->doc), text(d->signature), text(d->builder),
                text(d->since), PyLong_FromUnsignedLong(d->flags),
                PyBool_FromLong(d->gradient != NULL));
}

/* Sorted or not is the registry's affair; types registered later come too, so nobody keeps the
 * list. */
static PyObject *op_names(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    size_t count = tw_op_count();
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list && i < count; i++) {
        PyObject *name = text(tw_op_name(tw_op_at(i)));
        if (!name || PyList_Append(list, name))
            Py_CLEAR(list);
        Py_XDECREF(name);
    }
    return list;
}

/* ---- composites ---- */

/* Few and fixed when the library was built; texts are all that Python needs to make functions of
 * them. */
static PyObject *composites(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list && i < tw_composite_count(); i++) {
        const char *name;
        const tw_composite *composite = tw_composite_at(i, &name);
        PyObject *object = MAKE(composite_def_type, text(name), text(composite->signature),
                                text(composite->doc));
        if (!object || PyList_Append(list, object))
            Py_CLEAR(list);
        Py_XDECREF(object);
    }
    return list;
}

/* ---- the module's part ---- */

/* Names are what Python code uses; the numbers of fields stand again in the descriptions below. */
static PyStructSequence_Field arg_fields[] = {
    {"name", NULL},
    {"type", "a dtype's number, 0 where an attribute says it"},
    {"type_attr", "the type attribute that says it, or None"},
    {"number_attr", "the attribute that says how many there are, or None"},
    {"type_list_attr", "the list(type) attribute with a type for each, or None"},
    {"is_ref", "a reference"},
    {NULL, NULL},
};
static PyStructSequence_Desc arg_desc = {"thalweg._core.ArgDef", "An input or output of an op.",
                                         arg_fields, 6};

static PyStructSequence_Field attr_fields[] = {
    {"name", NULL},
    {"kind", "'int', 'float', 'bool', 'string', 'type', 'shape', 'tensor', 'func'"},
    {"is_list", NULL},
    {"has_default", NULL},
    {"default", NULL},
    {"minimum", "of an int or of a list's length, or None"},
    {"allowed", "a tuple of dtypes' numbers or of texts, or None"},
    {"inferred", "inputs say its value"},
    {NULL, NULL},
};
/* Struct sequences: as small as tuples, and read by name. */
static PyStructSequence_Desc attr_desc = {"thalweg._core.AttrDef", "An attribute of an op.",
                                          attr_fields, 8};

/* Two forms of the same: the signature as it was written, and as it was parsed. */
static PyStructSequence_Field op_fields[] = {
    {"name", NULL},
    {"inputs", "a tuple of ArgDef"},
    {"outputs", "a tuple of ArgDef"},
    {"attrs", "a tuple of AttrDef"},
    {"doc", NULL},
    {"signature", NULL},
    {"builder", "the C function's name without tw_, '' for none, None for the usual one"},
    {"since", "what differs by TensorFlow's version, or None"},
    {"flags", "of tw_op_flags"},
    {"has_gradient", NULL},
    {NULL, NULL},
};
static PyStructSequence_Desc op_desc = {"thalweg._core.OpDef", "A registered op.", op_fields, 10};

static PyStructSequence_Field composite_fields[] = {
    {"name", NULL},
    {"signature", NULL},
    {"doc", NULL},
    {NULL, NULL},
};
static PyStructSequence_Desc composite_desc = {"thalweg._core.CompositeDef",
                                               "A function of many ops.", composite_fields, 3};

static PyMethodDef methods[] = {
    {"op_names", op_names, METH_NOARGS, "The names of all registered ops."},
    {"op_def", op_def, METH_O, "op_def(name) -> OpDef, or None if there is no such op."},
    {"composites", composites, METH_NOARGS, "A list of all CompositeDefs."},
    {NULL, NULL, 0, NULL},
};

/* The types are not names of the module: objects of theirs only come from here. */
int py_registry_init(PyObject *module)
{
    arg_def_type = PyStructSequence_NewType(&arg_desc);
    attr_def_type = PyStructSequence_NewType(&attr_desc);
    op_def_type = PyStructSequence_NewType(&op_desc);
    composite_def_type = PyStructSequence_NewType(&composite_desc);
    if (!arg_def_type || !attr_def_type || !op_def_type || !composite_def_type)
        return -1;
    return PyModule_AddFunctions(module, methods);
}
