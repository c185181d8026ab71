/* SPDX-License-Identifier: Apache-2.0
 * bfloat16 as NumPy sees it: a float32 without its lower half. Arithmetic is done in float32 and
 * rounded to nearest, ties to even. */
#ifndef PY_CORE_BFLOAT16_H
#define PY_CORE_BFLOAT16_H

#include "ndarray.h"

#include <string.h>

static inline float py_bfloat16_value(uint16_t bits)
{
    uint32_t wide = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &wide, sizeof value);
    return value;
}

/* A NaN stays one, whatever its payload. */
static inline uint16_t py_bfloat16_bits(float value)
{
    uint32_t wide;
    memcpy(&wide, &value, sizeof wide);
    if ((wide & 0x7fffffffu) > 0x7f800000u)
        return (uint16_t)(wide >> 16 | 0x40u);
    return (uint16_t)((wide + 0x7fffu + (wide >> 16 & 1u)) >> 16);
}

/* The two halves of the type: what an element is to NumPy, and its functions of arrays. */
extern PyTypeObject *py_bfloat16_type;
int py_bfloat16_init(PyObject *module);
int py_bfloat16_register_casts(PyArray_Descr *descr);
int py_bfloat16_register_ufuncs(int number);

#endif
