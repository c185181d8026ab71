/* SPDX-License-Identifier: Apache-2.0
 * Errors: a status as an exception, and back. */
#include "core.h"

int py_status_init(PyObject *module)
{
    (void)module;
    return 0;
}
