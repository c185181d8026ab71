/* SPDX-License-Identifier: Apache-2.0
 * The op types PyFunc and PyFuncStateless, registered from outside the library: their kernel runs a
 * Python function. It runs on the thread that called `run`, takes the GIL for the time of the
 * function, and hands what the function raised back unchanged. */
#include "run.h"

/* dispatcher(token, arguments) -> list of values, set by ops/script_ops.py. */
static PyObject *dispatcher;

/* The function may keep its arguments: they are copies. As NumPy scalars where the rank is zero,
 * which is what TensorFlow's py_func gives. */
static PyObject *arguments_of(tw_compute *c)
{
    size_t count = tw_compute_input_count(c);
    PyObject *arguments = PyTuple_New((Py_ssize_t)count);
    for (size_t i = 0; arguments && i < count; i++) {
        const tw_array *input = tw_compute_input(c, i);
        PyObject *value = py_array_copy(tw_array_dtype(input), tw_array_shape(input),
                                        tw_array_const_data(input), true);
        if (value)
            PyTuple_SET_ITEM(arguments, (Py_ssize_t)i, value);
        else
            Py_CLEAR(arguments);
    }
    return arguments;
}

/* What NumPy cannot show to a kernel, in TensorFlow's words. */
static tw_status *unsupported(PyObject *ndarray, PyObject *value)
{
    if (PyArray_TYPE((PyArrayObject *)ndarray) != NPY_OBJECT)
        return tw_status_new(TW_UNIMPLEMENTED, "Unsupported numpy type %d",
                             PyArray_TYPE((PyArrayObject *)ndarray));
    return tw_status_new(TW_UNIMPLEMENTED, "Unsupported object type %s", Py_TYPE(value)->tp_name);
}

/* The value's own dtype decides: a float64 where a float32 was promised is told, not rounded. Code
 * of the value may run; the GIL is held and no lock of the library's is. */
static tw_status *convert(PyObject *value, tw_array **out)
{
    PyObject *ndarray = PyArray_FROM_O(value);
    if (!ndarray)
        return py_take_exception();
    *out = py_array_from(ndarray, TW_INVALID_DTYPE, true);
    tw_status *status = NULL;
    if (!*out && PyErr_ExceptionMatches(PyExc_TypeError)) {
        PyErr_Clear();
        status = unsupported(ndarray, value);
    } else if (!*out) {
        status = py_take_exception();
    }
    Py_DECREF(ndarray);
    return status;
}

/* Another dtype than promised would make the consumers' kernels read wrong bytes. */
static tw_status *give_output(tw_compute *c, size_t index, PyObject *value, tw_dtype wanted)
{
    tw_array *array = NULL;
    TW_TRY(convert(value, &array));
    tw_dtype dtype = tw_array_dtype(array);
    tw_status *status = dtype == wanted
                            ? tw_compute_forward(c, index, array)
                            : tw_compute_fail(c,
                                              "%zu-th value returned by %s is %s, but expects %s",
                                              index, tw_compute_string(c, "token"),
                                              tw_dtype_tf_name(dtype), tw_dtype_tf_name(wanted));
    tw_array_unref(array);
    return status;
}

/* The count was promised when the operation was made. */
static tw_status *give_outputs(tw_compute *c, PyObject *list)
{
    const tw_attr *types = tw_compute_attr(c, "Tout");
    size_t count = tw_compute_output_count(c);
    PyObject *fast = PySequence_Tuple(list); /* conversions may change a list */
    if (!fast)
        return py_take_exception();
    tw_status *status = NULL;
    if ((size_t)PyTuple_GET_SIZE(fast) != count)
        status = tw_compute_fail(c, "%s returns %zu values, but expects to see %zu values.",
                                 tw_compute_string(c, "token"), (size_t)PyTuple_GET_SIZE(fast),
                                 count);
    for (size_t i = 0; i < count && !status; i++)
        status = give_output(c, i, PyTuple_GET_ITEM(fast, (Py_ssize_t)i),
                             ((const tw_dtype *)types->value.items)[i]);
    Py_DECREF(fast);
    return status;
}

/* The GIL is held. */
static tw_status *call_function(tw_compute *c)
{
    if (!dispatcher)
        return tw_compute_fail(c, "no dispatcher of Python functions was set");
    PyObject *arguments = arguments_of(c);
    PyObject *function = Py_NewRef(dispatcher); /* which the call may replace */
    PyObject *list = arguments ? PyObject_CallFunction(function, "sO",
                                                       tw_compute_string(c, "token"), arguments)
                               : NULL;
    Py_XDECREF(arguments);
    Py_DECREF(function);
    if (!list)
        return py_take_exception();
    tw_status *status = give_outputs(c, list);
    Py_DECREF(list);
    return status;
}

/* Kernels may run while Python shuts down, when nobody may ask for the GIL. Waits for the GIL if
 * another Python thread has it: the run that this is part of let it go, or never had it. */
static tw_status *run_function(tw_compute *c)
{
    if (!Py_IsInitialized())
        return tw_compute_fail(c, "Python is not running any more");
    PyGILState_STATE state = PyGILState_Ensure();
    tw_status *status = call_function(c);
    PyGILState_Release(state);
    return status;
}

/* One for the process: tokens tell the functions apart. The old one goes after the new one is
 * there, since its end may run code. */
static PyObject *set_py_func(PyObject *module, PyObject *function)
{
    (void)module;
    if (!PyCallable_Check(function))
        return PyErr_Format(PyExc_TypeError, "%R is not callable", function);
    PyObject *old = dispatcher;
    dispatcher = Py_NewRef(function);
    Py_XDECREF(old);
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"set_py_func", set_py_func, METH_O,
     "set_py_func(dispatcher): dispatcher(token, arguments) -> list runs Python functions."},
    {NULL, NULL, 0, NULL}};

/* A second import in one process finds the type there. The definition may go, as the registry
 * copies it; the texts are literals. */
static int register_type(const char *name, uint32_t flags)
{
    const tw_op_definition definition = {
        .size = sizeof definition,
        .name = name,
        .signature = "input: Tin -> output: Tout; token: string; Tin: list(type) >= 0; "
                     "Tout: list(type) >= 0",
        .doc = "Calls a Python function with the inputs as NumPy arrays.",
        .builder = "",
        .flags = flags,
        .gradient = tw_not_differentiable,
        .compute = run_function};
    tw_status *status = tw_op_find(name) ? NULL : tw_register_op(&definition);
    if (!status)
        return 0;
    py_raise(status);
    return -1;
}

int py_func_init(PyObject *module)
{
    if (register_type("PyFunc", TW_OP_STATEFUL) || register_type("PyFuncStateless", 0))
        return -1;
    return PyModule_AddFunctions(module, methods);
}
