/* SPDX-License-Identifier: Apache-2.0
 * Graphs as Python objects. */
#include "core.h"

int py_graph_init(PyObject *module)
{
    (void)module;
    return 0;
}
