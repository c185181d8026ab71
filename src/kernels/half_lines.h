/* SPDX-License-Identifier: Apache-2.0
 * Lines of 16-bit floats to and from float, by the level's vectors. Kernels that compute in float
 * go by such lines, so that none of their loops exists once more for each of these dtypes. */
#ifndef TW_KERNELS_HALF_LINES_H
#define TW_KERNELS_HALF_LINES_H

#include <stddef.h>

#include "thalweg/dtype.h"

/* n elements of TW_FLOAT16 or TW_BFLOAT16; the two places do not overlap. */
void tw_widen_line(tw_dtype dtype, size_t n, float *to, const void *from);
/* Rounds to nearest, ties to even. */
void tw_narrow_line(tw_dtype dtype, size_t n, void *to, const float *from);

#endif
