/* SPDX-License-Identifier: Apache-2.0
 * The loop of convolutions over few channels: sums of two rows of outputs stay in registers while
 * they walk over the taps, whose pixels are read where they stand. */
#ifndef TW_KERNELS_CONV_DIRECT_LOOPS_H
#define TW_KERNELS_CONV_DIRECT_LOOPS_H

#include <stdbool.h>
#include <stddef.h>

#include "kernels/isa.h"

/* Channels of an output are whole multiples of it: two vectors of every level. */
enum { TW_CONV_DIRECT_GRAIN = 32 };

/* Two rows of at least two outputs; distances are in elements. */
typedef struct tw_conv_direct_rows {
    const float *pixels;      /* the first output's window, of which nothing is padding */
    size_t row, down, across; /* to the next row of pixels; to the windows below and to the right */
    size_t taps, run;         /* rows of a window; numbers in each, channels of all its columns */
    const float *filter;      /* [taps * run][channels] */
    const float *bias;        /* or NULL */
    size_t channels, cols;    /* of outputs */
    bool relu;
    bool pooled; /* the largest of each two by two is stored, in one row; cols are even */
    float *out;
    size_t out_row; /* to the next row of outputs */
} tw_conv_direct_rows;

typedef struct tw_conv_direct_loops {
    void (*rows)(const tw_conv_direct_rows *r);
} tw_conv_direct_loops;

TW_ISA_TABLES(tw_conv_direct_loops, tw_conv_direct_loops);

#endif
