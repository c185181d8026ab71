/* SPDX-License-Identifier: Apache-2.0
 * The transforms of Winograd's convolution over the points 0, 1, -1, 2, -1/2 and infinity (S.
 * Winograd, Arithmetic Complexity of Computations, 1980; A. Lavin and S. Gray, arXiv:1509.09308):
 * tiles of 6 x 6 input pixels give 2 x 2 outputs of a 5 x 5 filter or 4 x 4 of a 3 x 3 one, with 36
 * products in place of 100 or 144. With these points float32 errs little more than plain sums do;
 * 2 and -2, as they are often taken, err half as much again. All run over channels, whose number is
 * a multiple of 16. */
#ifndef TW_KERNELS_WINOGRAD_LOOPS_H
#define TW_KERNELS_WINOGRAD_LOOPS_H

#include <stdbool.h>
#include <stddef.h>

#include "kernels/isa.h"

/* Points in one direction, and products of a tile. */
enum { TW_WINOGRAD_POINTS = 6, TW_WINOGRAD_PRODUCTS = 36, TW_WINOGRAD_MOST_LANES = 16 };

/* Outputs of a tile in one direction: 2 or 4. */
static inline size_t tw_winograd_outputs(size_t window)
{
    return TW_WINOGRAD_POINTS + 1 - window;
}

/* Product p of what is transformed lies p * step elements after the first. */
typedef struct tw_winograd_loops {
    /* B^T d B of the pixels [6][6] */
    void (*input)(const float *const *pixels, size_t channels, float *out, size_t step);
    /* A y A^T of an output's gradient, pixels [outputs][outputs] */
    void (*gradient)(size_t outputs, const float *const *pixels, size_t channels, float *out,
                     size_t step);
    /* A^T m A, plus the bias (may be NULL), and its positive part if that is asked for, to the
     * pixels [outputs][outputs] that are not NULL; of pooled ones the largest of each two by two to
     * [outputs / 2][outputs / 2]. Of `strange`, zeros that are as many as lanes, something that is
     * not finite makes one NaN. */
    void (*output)(size_t outputs, const float *in, size_t step, size_t channels,
                   float *const *pixels, const float *bias, bool relu, bool pooled, float *strange);
    /* G g G^T of n filters, whose taps [window][window] lie `apart` elements from each other, in
     * reverse order if so; and G^T u G of taps [window][window][n] */
    void (*filter)(size_t window, const float *taps, size_t apart, size_t n, bool reversed,
                   float *out, size_t step);
    bool (*filter_gradient)(size_t window, const float *in, size_t step, size_t n, float *taps);
} tw_winograd_loops;

TW_ISA_TABLES(tw_winograd_loops, tw_winograd_loops);

#endif
