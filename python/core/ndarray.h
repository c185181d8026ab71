/* SPDX-License-Identifier: Apache-2.0
 * NumPy's C interface beside core.h. It is imported once, in array.c; every other file only uses
 * the table. */
#ifndef PY_CORE_NDARRAY_H
#define PY_CORE_NDARRAY_H

#include "core.h"

#ifndef PY_IMPORTS_NUMPY
#define NO_IMPORT_ARRAY
#endif
#include <numpy/arrayobject.h>

/* A fresh ndarray, or a scalar, with a copy of borrowed elements (of strings: bytes objects). Large
 * numbers are copied without the GIL. */
PyObject *py_array_copy(tw_dtype dtype, tw_shape shape, const void *data, bool scalar);
/* True, with dims, where an ndarray's memory is what a kernel can read: of NumPy type `number`,
 * C-contiguous, aligned, in the machine's byte order. */
bool py_array_is_plain(PyObject *object, int number);
/* Lets go of what released arrays held; called with the GIL where any code may run. */
void py_array_drain(void);

#endif
