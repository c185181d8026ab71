/* SPDX-License-Identifier: Apache-2.0
 * Bringing images and filters into the form that is computed on, NHWC float or double, and results
 * back, in one piece of scratch memory. */
#ifndef TW_KERNELS_CONV_STAGE_H
#define TW_KERNELS_CONV_STAGE_H

#include "kernels/conv.h"

/* The dtype that a convolution is computed in, or TW_INVALID_DTYPE. */
tw_dtype tw_conv_compute_dtype(tw_dtype dtype);

/* A batch of images or a filter as the caller has it. */
typedef struct tw_staged {
    tw_dtype dtype;
    size_t batch, rows, cols, depth;
    bool nchw; /* false for filters, whose batch is 1 */
} tw_staged;

/* The input as it is staged: NCHW images come out as NHWC, so that the kernels know one layout
 * only. */
static inline tw_staged tw_conv_input(tw_dtype dtype, const tw_conv *c)
{
    return (tw_staged){dtype, c->batch, c->rows.in, c->cols.in, c->in_depth, c->nchw};
}

/* The output, or the gradient that comes to it, as it is staged: both have the same shape and
 * the layout of the images. */
static inline tw_staged tw_conv_output(tw_dtype dtype, const tw_conv *c)
{
    return (tw_staged){dtype, c->batch, c->rows.out, c->cols.out, c->out_depth, c->nchw};
}

/* A filter is staged as one image whose rows and columns are its taps; it is never NCHW,
 * whatever layout the images have. */
static inline tw_staged tw_conv_filter(tw_dtype dtype, const tw_conv *c, size_t depth)
{
    return (tw_staged){dtype, 1, c->rows.window, c->cols.window, depth, false};
}

/* A dtype that convolves, and sizes of all arrays that memory can hold. */
tw_status *tw_conv_check(tw_dtype dtype, const tw_conv *c);

size_t tw_staged_elements(const tw_staged *s);
/* Scratch bytes for bringing it in or out; 0: it is used where it lies. */
size_t tw_staged_bytes(const tw_staged *s);

/* Scratch from the caller's workspace, or of our own. */
typedef struct tw_scratch {
    char *next, *owned;
} tw_scratch;
tw_status *tw_scratch_open(tw_scratch *s, size_t bytes, const tw_par *par);
void *tw_scratch_take(tw_scratch *s, size_t bytes); /* 64-byte aligned */
void tw_scratch_close(tw_scratch *s);
/* The bytes that tw_scratch_take uses up. */
static inline size_t tw_scratch_size(size_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

/* The numbers in computing form: `from` itself or a copy in scratch. */
const void *tw_stage_in(const tw_staged *s, const void *from, tw_scratch *scratch,
                        const tw_par *par);
/* Where to compute a result: `to` itself or scratch; then tw_stage_out. */
void *tw_stage_result(const tw_staged *s, void *to, tw_scratch *scratch);
void tw_stage_out(const tw_staged *s, void *computed, void *to, const tw_par *par);

#endif
