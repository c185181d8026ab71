/* SPDX-License-Identifier: Apache-2.0
 * Derivatives, and gradient functions written in Python. A function is called with the operation
 * and a gradient for each of its outputs; what it raises comes out of gradients() as it was. */
#include "core.h"

/* ---- one gradient as Python sees it: None, a Tensor, (values, indices, dense_shape) ---- */

/* Slices have three parts, the last of which may be missing: None then. */
static PyObject *grad_object(const tw_grad *grad)
{
    if (grad->kind == TW_GRAD_NONE)
        Py_RETURN_NONE;
    if (grad->kind == TW_GRAD_TENSOR)
        return py_wrap_tensor(grad->values);
    return Py_BuildValue("(NNN)", py_wrap_tensor(grad->values), py_wrap_tensor(grad->indices),
                         py_wrap_tensor(grad->dense_shape));
}

/* The function made a tuple, as the class IndexedSlices is Python's own. */
static int read_slices(PyObject *object, tw_grad *out)
{
    PyObject *shape = PyTuple_GET_ITEM(object, 2);
    out->kind = TW_GRAD_SLICES;
    if (py_unwrap(PyTuple_GET_ITEM(object, 0), &out->values) ||
        py_unwrap(PyTuple_GET_ITEM(object, 1), &out->indices))
        return -1;
    return shape == Py_None ? 0 : py_unwrap(shape, &out->dense_shape);
}

/* A tuple of three is slices; everything else has to be a tensor. */
static int read_grad(PyObject *object, tw_grad *out)
{
    *out = tw_grad_none();
    if (object == Py_None)
        return 0;
    if (PyTuple_Check(object) && PyTuple_GET_SIZE(object) == 3)
        return read_slices(object, out);
    out->kind = TW_GRAD_TENSOR;
    return py_unwrap(object, &out->values);
}

/* The tensors are the graph's by now. */
static PyObject *grad_list(const tw_grad *grads, size_t count)
{
    PyObject *list = PyList_New((Py_ssize_t)count);
    for (size_t i = 0; list && i < count; i++) {
        PyObject *grad = grad_object(&grads[i]);
        if (!grad)
            Py_CLEAR(list);
        else
            PyList_SET_ITEM(list, (Py_ssize_t)i, grad);
    }
    return list;
}

/* `out` has room for `count`; a list of another length is an error. */
static int read_grads(PyObject *object, tw_grad *out, size_t count)
{
    PyObject *fast = PySequence_Fast(object, "expected a list of gradients");
    if (!fast)
        return -1;
    bool failed = (size_t)PySequence_Fast_GET_SIZE(fast) != count;
    if (failed)
        PyErr_Format(PyExc_ValueError, "expected %zu gradients, got %zd", count,
                     PySequence_Fast_GET_SIZE(fast));
    for (size_t i = 0; !failed && i < count; i++)
        failed = read_grad(PySequence_Fast_GET_ITEM(fast, (Py_ssize_t)i), &out[i]) != 0;
    Py_DECREF(fast);
    return failed ? -1 : 0;
}

/* ---- functions of Python ---- */

/* TensorFlow gives a function zeros, not nothing, for an output that could have a gradient. */
static tw_grad filled(tw_gradient *g, size_t i)
{
    tw_dtype dtype = tw_dtype_base(tw_tensor_dtype(g->outputs[i]));
    if (g->dy[i].kind != TW_GRAD_NONE ||
        !(tw_dtype_is_floating(dtype) || tw_dtype_is_complex(dtype)))
        return g->dy[i];
    tw_tensor zeros = tw_gradient_dy(g, i);
    return tw_tensor_valid(zeros) ? tw_grad_of(zeros) : tw_grad_none();
}

/* (op, *grads), or NULL. Zeros for outputs without a gradient are added to the graph by this. */
static PyObject *arguments(tw_gradient *g)
{
    PyObject *args = PyTuple_New((Py_ssize_t)g->output_count + 1);
    PyObject *op = args ? py_wrap_tensor((tw_tensor){g->op, -1}) : NULL;
    bool good = op != NULL;
    if (good)
        PyTuple_SET_ITEM(args, 0, op);
    for (size_t i = 0; good && i < g->output_count; i++) {
        tw_grad grad = filled(g, i);
        PyObject *object = grad_object(&grad);
        good = object != NULL;
        if (good)
            PyTuple_SET_ITEM(args, (Py_ssize_t)i + 1, object);
    }
    if (!good)
        Py_CLEAR(args);
    return args;
}

/* What the library calls; `user` is the function. The GIL is held already where Python asked for
 * gradients; asking again is cheap and covers other callers. The library holds no lock here, so the
 * function may do whatever it likes to the graph. */
static tw_status *call_gradient(tw_gradient *g)
{
    PyGILState_STATE state = PyGILState_Ensure();
    PyObject *args = arguments(g);
    PyObject *result = args ? PyObject_CallObject(g->user, args) : NULL;
    bool failed = !result || read_grads(result, g->dx, g->input_count);
    tw_status *status = failed ? py_take_exception() : TW_OK;
    Py_XDECREF(args);
    Py_XDECREF(result);
    PyGILState_Release(state);
    return status;
}

/* Functions for all graphs stay for ever: a gradient that is being built may hold one. */
static PyObject *kept_functions;

/* A graph's functions stay with its object, replaced ones too: the call that replaces one may come
 * out of it. */
static int keep_function(py_graph *graph, const char *name, PyObject *function)
{
    if (!graph)
        return PyList_Append(kept_functions, function);
    if (!graph->overrides)
        graph->overrides = PyList_New(0);
    PyObject *pair = graph->overrides ? Py_BuildValue("(sO)", name, function) : NULL;
    int failed = pair ? PyList_Append(graph->overrides, pair) : -1;
    Py_XDECREF(pair);
    return failed;
}

/* The list is taken off first: what goes with it may run code that adds to the graph's. */
void py_drop_overrides(py_graph *graph)
{
    PyObject *list = graph->overrides;
    graph->overrides = NULL;
    for (Py_ssize_t i = 0; list && i < PyList_GET_SIZE(list); i++) {
        const char *name = PyUnicode_AsUTF8(PyTuple_GET_ITEM(PyList_GET_ITEM(list, i), 0));
        tw_status_free(tw_override_gradient(graph->graph, name, NULL, NULL));
    }
    Py_XDECREF(list);
}

/* The function is kept before the library learns of it; if that fails, it is kept for nothing. */
static PyObject *override_gradient(PyObject *module, PyObject *args)
{
    PyObject *object, *function;
    const char *name;
    (void)module;
    if (!PyArg_ParseTuple(args, "OsO:override_gradient", &object, &name, &function))
        return NULL;
    if (object != Py_None && !py_is_graph(object))
        return PyErr_Format(PyExc_TypeError, "%R is no Graph", object);
    py_graph *graph = object == Py_None ? NULL : (py_graph *)object;
    bool is_given = function != Py_None;
    if (is_given && (!PyCallable_Check(function)))
        return PyErr_Format(PyExc_TypeError, "%R is not callable", function);
    if (is_given && keep_function(graph, name, function))
        return NULL;
    tw_status *status = tw_override_gradient(graph ? graph->graph : NULL, name,
                                             is_given ? call_gradient : NULL,
                                             is_given ? function : NULL);
    if (status)
        return py_raise(status);
    Py_RETURN_NONE;
}

/* ---- differentiating ---- */

/* An op without a gradient is what Python calls a failed look-up. */
static PyObject *raise(tw_status *status)
{
    if (tw_status_code(status) != TW_NOT_FOUND || tw_status_payload(status))
        return py_raise(status);
    PyErr_SetString(PyExc_LookupError, tw_status_message(status));
    tw_status_free(status);
    return NULL;
}

/* All lists are read before anything is added, so a wrong one leaves the graph as it was. They hold
 * the graph, which a gradient function of Python could let go of otherwise. Results lie
 * in the graph's memory, so objects are made of them while the lists still hold it. */
static PyObject *gradients(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"ys",       "xs",   "grad_ys",  "stop", "name",
                            "colocate", "gate", "integers", NULL};
    PyObject *ys, *xs, *grad_ys = Py_None, *stop = Py_None, *result = NULL;
    const char *name = NULL;
    int colocate = 0, gate = 0, integers = 0;
    tw_tensor *lists[4] = {NULL, NULL, NULL, NULL};
    size_t counts[4] = {0, 0, 0, 0};
    (void)module;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO|OOzppp:gradients", names, &ys, &xs, &grad_ys,
                                     &stop, &name, &colocate, &gate, &integers))
        return NULL;
    bool good = !py_unwrap_list(ys, &lists[0], &counts[0]) &&
                !py_unwrap_list(xs, &lists[1], &counts[1]) &&
                (grad_ys == Py_None || !py_unwrap_holes(grad_ys, &lists[2], &counts[2])) &&
                (stop == Py_None || !py_unwrap_list(stop, &lists[3], &counts[3]));
    if (good) {
        struct tw_gradients_args call = {.size = sizeof call,
                                         .where = py_where(),
                                         .ys = {lists[0], counts[0]},
                                         .xs = {lists[1], counts[1]},
                                         .grad_ys = {lists[2], counts[2]},
                                         .stop = {lists[3], counts[3]},
                                         .name = name,
                                         .colocate = colocate,
                                         .gate = gate,
                                         .integers = integers};
        tw_grads grads = {NULL, 0};
        tw_status *status = tw_gradients_add(&call, &grads);
        result = status ? raise(status) : grad_list(grads.grads, grads.count);
    }
    for (size_t i = 0; i < 4; i++)
        py_free_list(lists[i]);
    return result;
}

/* For gradient functions of Python that build on those of other ops. The operation holds its graph,
 * and is held by the arguments. */
static PyObject *op_gradient(PyObject *module, PyObject *args)
{
    PyObject *object, *list, *result = NULL;
    (void)module;
    if (!PyArg_ParseTuple(args, "O!O:op_gradient", py_operation_type, &object, &list))
        return NULL;
    tw_operation *op = ((py_operation *)object)->op;
    if (!op)
        return PyErr_Format(PyExc_ValueError, "this Operation belongs to no graph");
    size_t count = tw_operation_output_count(op);
    tw_grad *dy = PY_NEW(tw_grad, count + 1);
    if (!dy)
        return PyErr_NoMemory();
    tw_grads dx = {NULL, 0};
    if (!read_grads(list, dy, count)) {
        tw_status *status = tw_gradient_of(op, (tw_grads){dy, count}, &dx);
        result = status ? raise(status) : grad_list(dx.grads, dx.count);
    }
    PyMem_Free(dy);
    return result;
}

static PyMethodDef methods[] = {
    {"gradients", (PyCFunction)(void (*)(void))gradients, METH_VARARGS | METH_KEYWORDS,
     "gradients(ys, xs, grad_ys=None, stop=None, name=None, colocate=False, gate=False, "
     "integers=False) -> a list of None, Tensor or (values, indices, dense_shape)."},
    {"op_gradient", op_gradient, METH_VARARGS,
     "op_gradient(op, grads) -> a gradient for each input, by the library's own function."},
    {"override_gradient", override_gradient, METH_VARARGS,
     "override_gradient(graph or None, name, function or None): function(op, *grads) -> a list "
     "with None, a Tensor or (values, indices, dense_shape or None) for each input. `name` is an "
     "op type or what the attribute _gradient_op_type says."},
    {NULL, NULL, 0, NULL},
};

/* Never freed, like the registry's own functions. */
int py_gradients_init(PyObject *module)
{
    kept_functions = PyList_New(0);
    return kept_functions ? PyModule_AddFunctions(module, methods) : -1;
}
