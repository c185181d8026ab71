/* SPDX-License-Identifier: Apache-2.0
 * Derivatives, and gradient and shape functions written in Python. */
#include "core.h"

int py_gradients_init(PyObject *module)
{
    (void)module;
    return 0;
}
