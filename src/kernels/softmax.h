/* SPDX-License-Identifier: Apache-2.0
 * Softmax and its relatives over the rows of a matrix, for float, double, half and bfloat16 (the
 * last two compute in float). The row's maximum is taken off first; a row with NaN or +inf, or of
 * -inf alone, comes out as NaN. */
#ifndef TW_KERNELS_SOFTMAX_H
#define TW_KERNELS_SOFTMAX_H

#include "kernels/par.h"
#include "thalweg/dtype.h"
#include "thalweg/shape.h"

/* out may be in. log: x - max - log(sum exp(x - max)). */
tw_status *tw_softmax(tw_dtype dtype, bool log, size_t rows, size_t cols, const void *in, void *out,
                      const tw_par *par);

/* loss[row] = sum labels * (log(sum exp(x)) - x), backprop = factor (softmax(x) - labels). Either
 * result may be NULL; backprop may be logits. A row stride of 0 broadcasts one row to all. */
tw_status *tw_softmax_xent(tw_dtype dtype, size_t rows, size_t cols, const void *logits,
                           size_t logits_stride, const void *labels, size_t labels_stride,
                           double factor, void *loss, void *backprop, const tw_par *par);
/* The same with one class for each row, TW_INT32 or TW_INT64. A class outside 0 .. cols - 1:
 * INVALID_ARGUMENT with TensorFlow's wording, nothing is written. `sums`, of float and double, are
 * those of backprop's rows, [cols]; or NULL. */
tw_status *tw_sparse_softmax_xent(tw_dtype dtype, size_t rows, size_t cols, const void *logits,
                                  tw_dtype label_dtype, const void *labels, double factor,
                                  void *loss, void *backprop, void *sums, const tw_par *par);
/* Bytes of par's workspace with which sums need no memory; SIZE_MAX if that overflows. */
size_t tw_sparse_softmax_xent_room(tw_dtype dtype, size_t rows, size_t cols);

#endif
