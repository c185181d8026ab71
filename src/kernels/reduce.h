/* SPDX-License-Identifier: Apache-2.0
 * Reductions over any set of axes. Axes are first merged into alternating runs of kept and reduced
 * ones; what is left is a strided loop over rows. Float sums go by blocks in a fixed order, so that
 * errors grow like the logarithm of the length; half and bfloat16 accumulate in float; integers
 * wrap in their own type. Max and Min skip NaN; but of one element each the result is that element,
 * NaN and -0 too, as TensorFlow has it (not in EUCLIDEAN and L2_LOSS). Nothing to reduce gives Sum
 * 0, Prod 1, Mean NaN (0 for integers), Max -inf or the lowest number, Min +inf or the highest, All
 * true, Any false. */
#ifndef TW_KERNELS_REDUCE_H
#define TW_KERNELS_REDUCE_H

#include "kernels/par.h"
#include "thalweg/dtype.h"
#include "thalweg/shape.h"

typedef enum tw_reduction {
    TW_REDUCE_SUM,
    TW_REDUCE_PROD,
    TW_REDUCE_MEAN, /* of integers: truncates */
    TW_REDUCE_MAX,
    TW_REDUCE_MIN,
    TW_REDUCE_ALL,       /* bool */
    TW_REDUCE_ANY,       /* bool */
    TW_REDUCE_EUCLIDEAN, /* sqrt(sum |x|^2); of integers: truncates */
    TW_REDUCE_L2_LOSS    /* sum x^2 / 2; floating dtypes */
} tw_reduction;

/* reduced[rank] says which axes go; `out` has the product of the others in row-major order, of the
 * same dtype. In and out must not overlap. Error: a reduction that the dtype does not have (Max and
 * Min of complex numbers and bool ...), sizes that overflow. */
tw_status *tw_reduce(tw_reduction reduction, tw_dtype dtype, tw_shape shape, const bool *reduced,
                     const void *in, void *out, const tw_par *par);

/* The index of the largest (or smallest) element along one axis, the first among equals; NaN is
 * skipped (all NaN: 0). index_dtype: TW_INT32 or TW_INT64. Error: the axis is empty and the output
 * is not. */
tw_status *tw_reduce_index(bool largest, tw_dtype dtype, tw_shape shape, size_t axis,
                           const void *in, tw_dtype index_dtype, void *out, const tw_par *par);

#endif
