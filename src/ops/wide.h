/* SPDX-License-Identifier: Apache-2.0
 * Runs of floating numbers of any width to and from double, for kernels that are written once for
 * all of them. */
#ifndef TW_OPS_WIDE_H
#define TW_OPS_WIDE_H

#include "kernels/half.h"

#include "op/define.h"

/* Elements at .. at + n of an array into doubles; every float of 16 or 32 bits is exact there. */
static inline void tw_widen(tw_dtype dtype, const void *from, size_t at, size_t n, double *to)
{
    if (dtype == TW_FLOAT32)
        for (size_t i = 0; i < n; i++)
            to[i] = (double)((const float *)from)[at + i];
    else if (dtype == TW_FLOAT64)
        for (size_t i = 0; i < n; i++)
            to[i] = ((const double *)from)[at + i];
    else if (dtype == TW_FLOAT16)
        for (size_t i = 0; i < n; i++)
            to[i] = (double)tw_widen_half(((const uint16_t *)from)[at + i]);
    else
        for (size_t i = 0; i < n; i++)
            to[i] = (double)tw_widen_bfloat16(((const uint16_t *)from)[at + i]);
}

/* Rounded once to the dtype; 16-bit floats go by way of float. The dtype is chosen outside of
 * the loop. */
static inline void tw_narrow(tw_dtype dtype, void *to, size_t at, size_t n, const double *from)
{
    if (dtype == TW_FLOAT32)
        for (size_t i = 0; i < n; i++)
            ((float *)to)[at + i] = (float)from[i];
    else if (dtype == TW_FLOAT64)
        for (size_t i = 0; i < n; i++)
            ((double *)to)[at + i] = from[i];
    else if (dtype == TW_FLOAT16)
        for (size_t i = 0; i < n; i++)
            ((uint16_t *)to)[at + i] = tw_narrow_half((float)from[i]);
    else
        for (size_t i = 0; i < n; i++)
            ((uint16_t *)to)[at + i] = tw_narrow_bfloat16((float)from[i]);
}

#endif
