/* SPDX-License-Identifier: Apache-2.0
 * The extension `thalweg._core`: what its files share. Names begin with py_. Functions that give a
 * PyObject * give a new reference, or NULL with an exception set; those that give int give 0, or -1
 * with an exception set. All are called with the GIL held unless they say otherwise. */
#ifndef PY_CORE_H
#define PY_CORE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <thalweg/thalweg.h>

/* Newer names of Python's interface, for older versions of it. */
#if PY_VERSION_HEX < 0x030A0000
static inline PyObject *py_new_ref(PyObject *object)
{
    Py_INCREF(object);
    return object;
}
#define Py_NewRef(o) py_new_ref((PyObject *)(o))
#endif
#if PY_VERSION_HEX < 0x03090000
#define PyObject_CallOneArg(f, a) PyObject_CallFunctionObjArgs((f), (a), NULL)
#define PyObject_CallNoArgs(f) PyObject_CallFunctionObjArgs((f), NULL)
#endif

/* Room for as many of a type as a list in memory has elements, so that the size cannot overflow. */
#define PY_NEW(type, count) ((type *)PyMem_Malloc((size_t)(count) * sizeof(type)))

/* ---- objects ---- */

/* A graph and its operations' objects. `operations` is a list by id; None where an operation has no
 * object yet (it was made by C and nobody asked for it). An operation has one object for ever. */
typedef struct py_graph {
    PyObject_HEAD tw_graph *graph;
    PyObject *operations;
    PyObject *overrides; /* list of (name, gradient function), see gradients.c; NULL: none */
    PyObject *weak_references;
} py_graph;

typedef struct py_operation {
    PyObject_HEAD tw_operation *op;
    py_graph *graph;   /* a reference; the cycle is the collector's */
    PyObject *outputs; /* tuple of py_tensor */
    PyObject *weak_references;
} py_operation;

typedef struct py_tensor {
    PyObject_HEAD tw_tensor tensor;
    py_operation *op; /* a reference; a tensor keeps its operation and graph alive */
    PyObject *name;   /* NULL until asked for */
    PyObject *weak_references;
} py_tensor;

/* Base types, made by py_graph_init; py_classes has what Python made of them. */
extern PyTypeObject *py_graph_type, *py_operation_type, *py_tensor_type;
#define py_is_graph(o) PyObject_TypeCheck(o, py_graph_type)
#define py_is_operation(o) PyObject_TypeCheck(o, py_operation_type)
#define py_is_tensor(o) PyObject_TypeCheck(o, py_tensor_type)

/* What `set_classes(graph=, operation=, tensor=, dtypes=, error=, shape=)` registered; NULL
 * before. */
typedef struct py_classes {
    PyTypeObject *graph, *operation, *tensor; /* subclasses of the base types */
    PyObject *dtypes; /* dict: enum number -> DType, reference types included */
    PyObject *error;  /* callable, see py_raise */
    PyObject *shape;  /* TensorShape: callable(list or None) */
} py_classes;
extern py_classes py_registered;

/* ---- errors (status.c) ---- */

/* Raises what `status` (taken) says and gives NULL. The exception is made by
 * error(code, kind, phase, message, operation name or None, input, (file, line) or None), but an
 * exception that was this status' payload is raised again as it was, with its traceback. */
PyObject *py_raise(tw_status *status);
/* The exception that is set now becomes a status with it as payload, and is no longer set. */
tw_status *py_take_exception(void);
/* The user's line: the innermost frame outside the package. The file's text is interned for
 * ever. */
tw_where py_where(void);

/* ---- graph.c, operation.c, tensor.c ---- */

int py_add_type(PyObject *module, PyType_Spec *spec, const char *name, Py_ssize_t weak_offset,
                PyTypeObject **out);

/* The object of a graph that has one (a borrowed reference), or NULL without an exception. */
py_graph *py_graph_object(const tw_graph *graph);
/* Its object, made (of the registered class) if it has none. */
PyObject *py_graph_for(tw_graph *graph);
PyObject *py_wrap_operation(py_graph *graph, tw_operation *op);
/* Makes `object`, which stands for no operation yet, that of `op`, which has none yet. */
PyObject *py_bind_operation(py_graph *graph, tw_operation *op, PyObject *object);
PyObject *py_operations_from(py_graph *graph, size_t from);  /* a list */
PyObject *py_new_tensor(py_operation *op, tw_tensor tensor); /* of an operation being bound */
PyObject *py_wrap_tensor(tw_tensor tensor);    /* index -1: the operation; invalid: None */
PyObject *py_wrap_tensors(tw_tensors tensors); /* a list */
/* Of a Tensor, or an Operation (index -1); TypeError else. */
int py_unwrap(PyObject *object, tw_tensor *out);
/* Of a sequence. *out holds the objects too, and so their graphs, whatever becomes of the sequence;
 * the caller lets go of all that with py_free_list. */
int py_unwrap_list(PyObject *sequence, tw_tensor **out, size_t *count);
/* The same where None stands for a tensor that is not given. */
int py_unwrap_holes(PyObject *sequence, tw_tensor **out, size_t *count);
void py_free_list(tw_tensor *list); /* NULL: nothing */
/* A sequence's elements as a tuple, which code of theirs cannot change while they are read;
 * TypeError with `message` for what is no sequence. */
PyObject *py_fixed(PyObject *sequence, const char *message);

/* ---- gradients.c ---- */

/* The library's graph and the object forget the object's gradient functions. */
void py_drop_overrides(py_graph *graph);

/* ---- attrs.c ---- */

/* Fills `out` (array of room for PyDict_Size(dict)) with what the dict {name: value} says; kinds
 * come from the registry's op `op` (NULL: unknown type, the Python types decide). Everything that
 * values need lives in `keep`, a list the caller holds until the attributes were used. */
int py_attrs_from(PyObject *dict, const tw_op *op, tw_attr *out, size_t *count, PyObject *keep);
/* One value of that name. */
int py_attr_from(PyObject *value, const char *name, const tw_op *op, tw_attr *out, PyObject *keep);
PyObject *py_attr_value(const tw_attr *attr);
PyObject *py_attr_dict(const tw_attr *attrs, size_t count);
extern PyTypeObject *py_func_type; /* _core.Func: a function's name and attributes */
const char *py_attr_kind_name(tw_attr_kind kind);

/* ---- dtype.c, shape.c ---- */

/* From an int, a DType (attribute `as_datatype_enum`), a NumPy dtype or type; TypeError else. */
int py_dtype_from(PyObject *object, tw_dtype *out);
PyObject *py_dtype_object(tw_dtype dtype); /* the registered DType; an int before set_classes */
/* NumPy type number of a dtype (bfloat16: our user dtype; strings: object), -1 without an exception
 * for those that NumPy cannot hold. */
int py_dtype_numpy(tw_dtype dtype);
tw_dtype py_dtype_of_numpy(int type_num); /* TW_INVALID_DTYPE: none */
/* NumPy's number of our bfloat16, -1 until py_array_init has set it. */
extern int py_bfloat16_number;
/* None: unknown; else a sequence of int or None (or Dimension objects, by their `value`), or an
 * object with as_list(). dims is PyMem memory (NULL for unknown rank and rank 0 alike is told apart
 * by shape->dims), freed by the caller with PyMem_Free(*memory). */
int py_shape_from(PyObject *object, tw_shape *out, void **memory);
PyObject *py_shape_list(tw_shape shape); /* None, or a list of int and None */

/* ---- array.c ---- */

/* Any value NumPy understands as an array of `dtype` (TW_INVALID_DTYPE: its own). An ndarray that
 * is C-contiguous, aligned and of that dtype is lent, not copied, if `lend`: the tw_array keeps a
 * reference to it and drops it when released (from any thread, through a pending call). */
tw_array *py_array_from(PyObject *value, tw_dtype dtype, bool lend);
/* A fresh ndarray (rank 0: a NumPy scalar if `scalar`); takes the reference. Large arrays are not
 * copied: the ndarray owns the tw_array; the caller guarantees that nothing else writes to it. */
PyObject *py_array_to(tw_array *array, bool scalar);

/* ---- each file adds its part to the module ---- */

int py_status_init(PyObject *module);
int py_dtype_init(PyObject *module);
int py_array_init(PyObject *module);
int py_graph_init(PyObject *module);
int py_operation_init(PyObject *module);
int py_tensor_init(PyObject *module);
int py_attrs_init(PyObject *module);
int py_scope_init(PyObject *module);
int py_registry_init(PyObject *module);
int py_composite_init(PyObject *module);
int py_gradients_init(PyObject *module);
int py_control_init(PyObject *module);
int py_session_init(PyObject *module);

/* Defined in array.c: NumPy's C interface is imported there, once for all files. */
#define PY_ARRAY_UNIQUE_SYMBOL thalweg_numpy

#endif
