/* SPDX-License-Identifier: Apache-2.0
 * Arrays from and to NumPy, without copies where that is safe. */
#include "core.h"

int py_array_init(PyObject *module)
{
    (void)module;
    return 0;
}
