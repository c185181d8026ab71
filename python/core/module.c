/* SPDX-License-Identifier: Apache-2.0
 * The module `thalweg._core`: graphs, operations, sessions and arrays of the C library as Python
 * objects. */
#include "core.h"

/* In this order: bfloat16 before the first dtype is looked up, types before what makes them. */
static int (*const parts[])(PyObject *module) = {
    py_status_init,   py_dtype_init,     py_array_init,     py_graph_init,   py_scope_init,
    py_registry_init, py_composite_init, py_gradients_init, py_control_init, py_session_init,
};

/* The library, NumPy's bfloat16 and the types belong to the process, so one interpreter can have
 * them. Another would share objects with the first, whose lock it need not hold. */
static int refuse_others(void)
{
    if (PyThreadState_Get()->interp == PyInterpreterState_Main())
        return 0;
    PyErr_SetString(PyExc_ImportError,
                    "thalweg cannot be imported in a sub-interpreter, only in the main one");
    return -1;
}

/* A build of Python without the lock takes it up for this module; who forbade that cannot have
 * the module, which counts on it everywhere. */
static int refuse_no_gil(void)
{
#ifdef Py_GIL_DISABLED
    PyObject *ask = PySys_GetObject("_is_gil_enabled"); /* borrowed */
    PyObject *answer = ask ? PyObject_CallNoArgs(ask) : NULL;
    int enabled = answer ? PyObject_IsTrue(answer) : -1;
    Py_XDECREF(answer);
    if (enabled == 0)
        PyErr_SetString(PyExc_ImportError,
                        "thalweg needs the global interpreter lock, which PYTHON_GIL=0 forbids");
    return enabled > 0 ? 0 : -1;
#else
    return 0;
#endif
}

/* The first module, for ever. Types and NumPy's bfloat16 are made once: an import after the module
 * was taken out of sys.modules gets the same ones. */
static PyObject *first;

static int execute(PyObject *module)
{
    if (refuse_others() || refuse_no_gil())
        return -1;
    if (first)
        return PyDict_Merge(PyModule_GetDict(module), PyModule_GetDict(first), 0);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (parts[i](module))
            return -1;
    }
    first = Py_NewRef(module);
    return 0;
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, execute},
#ifdef Py_mod_multiple_interpreters
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED},
#endif
    {0, NULL},
};

/* In two phases, which is what lets `execute` be asked again and refuse. */
static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "thalweg._core",
    .m_doc = "The C library behind thalweg.",
    .m_slots = slots,
};

/* Python 3.8 does not say itself that the module's one function is to be seen from outside. */
#if PY_VERSION_HEX < 0x03090000 && defined(__GNUC__)
__attribute__((visibility("default")))
#endif
PyMODINIT_FUNC
PyInit__core(void);

PyMODINIT_FUNC PyInit__core(void)
{
    return PyModuleDef_Init(&definition);
}
