/* SPDX-License-Identifier: Apache-2.0
 * What ops and composites there are. */
#include "core.h"

int py_registry_init(PyObject *module)
{
    (void)module;
    return 0;
}
