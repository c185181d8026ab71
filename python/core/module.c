/* SPDX-License-Identifier: Apache-2.0
 * The module `thalweg._core`: graphs, operations, sessions and arrays of the C library as Python
 * objects. */
#include "core.h"

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "thalweg._core",
    .m_doc = "The C library behind thalweg.",
    .m_size = -1,
};

static int (*const parts[])(PyObject *module) = {
    py_status_init,   py_dtype_init,     py_array_init,     py_graph_init,   py_scope_init,
    py_registry_init, py_composite_init, py_gradients_init, py_control_init, py_session_init,
};

/* Python 3.8 does not say itself that the module's one function is to be seen from outside. */
#if PY_VERSION_HEX < 0x03090000 && defined(__GNUC__)
__attribute__((visibility("default")))
#endif
PyMODINIT_FUNC
PyInit__core(void);

PyMODINIT_FUNC PyInit__core(void)
{
    PyObject *module = PyModule_Create(&definition);
    if (!module)
        return NULL;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (parts[i](module)) {
            Py_DECREF(module);
            return NULL;
        }
    }
    return module;
}
