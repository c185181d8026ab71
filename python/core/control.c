/* SPDX-License-Identifier: Apache-2.0
 * Conditions and loops, step by step. */
#include "core.h"

int py_control_init(PyObject *module)
{
    (void)module;
    return 0;
}
