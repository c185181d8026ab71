/* SPDX-License-Identifier: Apache-2.0
 * What ops of linear algebra share: an array as matrices in its last two dims, computed in double
 * precision whatever their dtype, which may be complex. */
#ifndef TW_OPS_MATRICES_H
#define TW_OPS_MATRICES_H

#include <complex.h>

#include "op/define.h"

/* Elements [from, from + count) of a float or double array, complex or not. */
void tw_read_complex(const tw_array *array, size_t from, size_t count, double complex *out);
void tw_write_complex(tw_array *array, size_t from, size_t count, const double complex *in);

/* Input `input` with at least two dims; unknown after a failure. */
tw_shape tw_infer_matrices(tw_infer *in, size_t input);

#endif
