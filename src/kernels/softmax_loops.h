/* SPDX-License-Identifier: Apache-2.0
 * The softmax loops that each instruction set level gives, for rows of float or double. */
#ifndef TW_KERNELS_SOFTMAX_LOOPS_H
#define TW_KERNELS_SOFTMAX_LOOPS_H

#include "kernels/isa.h"
#include "thalweg/dtype.h"

/* Rows of `cols` elements, *_stride apart. */
typedef struct tw_softmax_rows {
    size_t rows, cols;
    const void *logits, *labels;
    size_t logits_stride, labels_stride;
    const void *classes; /* [rows], instead of labels: of int32 or, if `wide`, int64 */
    bool wide;
    double factor; /* of the backprop */
    void *loss;    /* [rows] or NULL */
    void *sums;    /* [cols], to which sparse_xent adds the backprop's rows; or NULL */
    void *out;     /* dense rows: softmax, log-softmax or backprop; scratch, if it is not wanted */
    bool past;     /* softmax: `out` is not `logits`, and too large for the caches */
    bool scratch;  /* then `out` is one row, used for all */
} tw_softmax_rows;
typedef void (*tw_softmax_loop)(const tw_softmax_rows *r);

/* Every loop subtracts the row's maximum first, so that no exponential overflows. */
typedef struct tw_softmax_loops {
    tw_softmax_loop softmax, log_softmax, xent, sparse_xent;
} tw_softmax_loops;
/* One entry each for float and double; the 16-bit floats go through the first. */
typedef struct tw_softmax_table {
    tw_softmax_loops f32, f64;
} tw_softmax_table;

TW_ISA_TABLES(tw_softmax_table, tw_softmax_table);

#endif
