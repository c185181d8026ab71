/* SPDX-License-Identifier: Apache-2.0
 * Sessions: runs, fetches and feeds. */
#include "core.h"

int py_session_init(PyObject *module)
{
    (void)module;
    return 0;
}
