/* SPDX-License-Identifier: Apache-2.0
 * Dtypes as NumPy and as the package know them. */
#include "core.h"

int py_dtype_init(PyObject *module)
{
    (void)module;
    return 0;
}
