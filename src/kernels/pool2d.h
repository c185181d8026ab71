/* SPDX-License-Identifier: Apache-2.0
 * Maximum and average of sliding windows over images, and their gradients, for float, double, half
 * and bfloat16; the maximum for integers too. The largest cell of a window is its first cell unless
 * a later one is greater: ties go to the first; the value skips NaN, and windows of NaN alone give
 * the lowest finite number (TensorFlow's). The average counts the cells inside the image only. */
#ifndef TW_KERNELS_POOL2D_H
#define TW_KERNELS_POOL2D_H

#include "kernels/par.h"
#include "kernels/window.h"
#include "thalweg/dtype.h"

/* The shape of one pooling. Windows never lie wholly in the padding, so every output has at
 * least one cell to look at. */
typedef struct tw_pool2d {
    size_t batch, depth;
    tw_window rows, cols; /* dilation 1 */
    bool nchw;
} tw_pool2d;

/* argmax (or NULL) gets, for each output, the index of its cell in the input, counted from the
 * start of its image or, with whole_batch, of the batch. */
tw_status *tw_max_pool(tw_dtype dtype, const tw_pool2d *pool, const void *input, void *output,
                       int64_t *argmax, bool whole_batch, const tw_par *par);
/* The gradient of each output is added to the cell that the input's window chooses. */
tw_status *tw_max_pool_gradient(tw_dtype dtype, const tw_pool2d *pool, const void *input,
                                const void *gradient, void *out, const tw_par *par);
/* The reverse way: out has the outputs' shape and takes from `gradient` (the input's shape) the
 * cell that each window chooses (MaxPoolGradGrad). */
tw_status *tw_max_pool_pick(tw_dtype dtype, const tw_pool2d *pool, const void *input,
                            const void *gradient, void *out, const tw_par *par);
tw_status *tw_avg_pool(tw_dtype dtype, const tw_pool2d *pool, const void *input, void *output,
                       const tw_par *par);
tw_status *tw_avg_pool_gradient(tw_dtype dtype, const tw_pool2d *pool, const void *gradient,
                                void *out, const tw_par *par);

#endif
