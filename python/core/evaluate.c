/* SPDX-License-Identifier: Apache-2.0
 * _core.evaluate: one operation computed without a graph. */
#include "run.h"

#include <string.h>

/* No operation has so many; room for those that an attribute asks for is made before the library
 * sees the attribute. */
enum { MOST_OUTPUTS = 1 << 20 };

/* The integer or list length that attribute `name` has; -1: it is not given, or of a kind that the
 * library is going to refuse. */
static int64_t given_count(const char *name, const tw_attr *attrs, size_t attr_count)
{
    for (size_t i = 0; i < attr_count; i++) {
        if (strcmp(attrs[i].name, name) != 0)
            continue;
        if (attrs[i].list)
            return (int64_t)attrs[i].count;
        return attrs[i].kind == TW_ATTR_INT ? attrs[i].value.i : -1;
    }
    return -1;
}

/* How many arrays come out; -1 with an exception where the attributes do not say. Room must be made
 * before the library is called, which checks the count again. */
static int64_t count_outputs(const tw_op *op, const tw_attr *attrs, size_t attr_count,
                             size_t inputs)
{
    int64_t count = 0;
    size_t singles = 0;
    for (size_t i = 0; tw_op_input(op, i); i++)
        singles += !tw_op_input(op, i)->number_attr && !tw_op_input(op, i)->type_list_attr;
    for (size_t i = 0; tw_op_output(op, i); i++) {
        const tw_op_arg *arg = tw_op_output(op, i);
        const char *list = arg->number_attr ? arg->number_attr : arg->type_list_attr;
        int64_t length = list ? given_count(list, attrs, attr_count) : 1;
        /* one list goes in and one comes out: they are equally long */
        if (length < 0 && inputs >= singles)
            length = (int64_t)(inputs - singles);
        if (length > MOST_OUTPUTS) {
            PyErr_Format(PyExc_ValueError, "%s: %lld outputs are more than the %d allowed",
                         tw_op_name(op), (long long)length, MOST_OUTPUTS);
            return -1;
        }
        count += length > 0 ? length : 0;
    }
    return count;
}

typedef struct evaluation {
    tw_attr *attrs;
    size_t attr_count, input_count, output_count;
    PyObject *keep;
    tw_array **inputs, **outputs;
} evaluation;

/* Whatever was read before something failed. */
static void clear_evaluation(evaluation *e)
{
    for (size_t i = 0; e->inputs && i < e->input_count; i++)
        tw_array_unref(e->inputs[i]);
    PyMem_Free(e->inputs);
    PyMem_Free(e->outputs);
    PyMem_Free(e->attrs);
    Py_XDECREF(e->keep);
}

/* Lent for the time of the evaluation, which is over before anybody can write to them. On failure
 * those read so far are in the struct, for clear_evaluation. */
static int read_inputs(evaluation *e, PyObject *inputs)
{
    PyObject *fast = PySequence_Tuple(inputs); /* conversions may change a list */
    if (!fast)
        return -1;
    e->input_count = (size_t)PyTuple_GET_SIZE(fast);
    e->inputs = PyMem_Calloc(e->input_count + 1, sizeof *e->inputs);
    bool failed = !e->inputs;
    if (failed)
        PyErr_NoMemory();
    for (size_t i = 0; !failed && i < e->input_count; i++) {
        e->inputs[i] = py_array_from(PyTuple_GET_ITEM(fast, (Py_ssize_t)i), TW_INVALID_DTYPE, true);
        failed = !e->inputs[i];
    }
    Py_DECREF(fast);
    return failed ? -1 : 0;
}

/* Attributes are read by the kinds that the op declares. Code of values and attributes runs here,
 * before the GIL goes. */
static int read_evaluation(evaluation *e, const tw_op *op, PyObject *attrs, PyObject *inputs)
{
    e->keep = PyList_New(0);
    e->attrs = PyMem_Calloc((size_t)PyDict_Size(attrs) + 1, sizeof *e->attrs);
    if (!e->keep || !e->attrs) {
        PyErr_NoMemory();
        return -1;
    }
    if (py_attrs_from(attrs, op, e->attrs, &e->attr_count, e->keep) || read_inputs(e, inputs))
        return -1;
    int64_t count = count_outputs(op, e->attrs, e->attr_count, e->input_count);
    if (count < 0)
        return -1;
    e->output_count = (size_t)count;
    e->outputs = PyMem_Calloc(e->output_count + 1, sizeof *e->outputs);
    if (e->outputs)
        return 0;
    PyErr_NoMemory();
    return -1;
}

/* The kernel may be a caller's, or take long. Everything that the kernel reads is held by `e`, and
 * no other thread knows it. On failure the library has put nothing into the outputs. */
static PyObject *compute(evaluation *e, const char *type)
{
    tw_status *status;
    Py_BEGIN_ALLOW_THREADS
    status = tw_op_evaluate(type, e->attrs, e->attr_count, e->inputs, e->input_count, e->outputs,
                            e->output_count);
    Py_END_ALLOW_THREADS
    if (status)
        return py_raise(status);
    PyObject *list = PyList_New((Py_ssize_t)e->output_count);
    for (size_t i = 0; i < e->output_count; i++) {
        /* what an op passes on is the input's memory: it may be the caller's own ndarray */
        tw_array *array = e->outputs[i];
        PyObject *value = list ? py_array_copy(tw_array_dtype(array), tw_array_shape(array),
                                               tw_array_const_data(array), true)
                               : NULL;
        tw_array_unref(array);
        if (value)
            PyList_SET_ITEM(list, (Py_ssize_t)i, value);
        else
            Py_CLEAR(list);
    }
    return list;
}

/* An unknown type is a mistake of the caller, not of the library. */
static PyObject *evaluate(PyObject *module, PyObject *args)
{
    const char *type;
    PyObject *attrs, *inputs;
    evaluation e = {0};
    (void)module;
    if (!PyArg_ParseTuple(args, "sO!O:evaluate", &type, &PyDict_Type, &attrs, &inputs))
        return NULL;
    const tw_op *op = tw_op_find(type);
    if (!op)
        return PyErr_Format(PyExc_ValueError, "there is no operation type '%s'", type);
    PyObject *result = read_evaluation(&e, op, attrs, inputs) ? NULL : compute(&e, type);
    clear_evaluation(&e);
    return result;
}

static PyMethodDef methods[] = {
    {"evaluate", evaluate, METH_VARARGS,
     "evaluate(type, attrs, inputs) -> list of arrays: one operation, without a graph."},
    {NULL, NULL, 0, NULL}};

int py_evaluate_init(PyObject *module)
{
    return PyModule_AddFunctions(module, methods);
}
