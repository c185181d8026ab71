/* SPDX-License-Identifier: Apache-2.0
 * The scopes of the calling thread. */
#include "core.h"

int py_scope_init(PyObject *module)
{
    (void)module;
    return 0;
}
