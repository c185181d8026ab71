/* SPDX-License-Identifier: Apache-2.0
 * The products that convolutions are made of. A row of a gathered matrix is what one place sees of
 * an image: taps by rows, columns and channels. A convolution and the gradient to its input are
 * both such a matrix times a packed filter; they differ in where the taps of a place lie. */
#ifndef TW_KERNELS_CONV_WINDOWS_H
#define TW_KERNELS_CONV_WINDOWS_H

#include "kernels/conv.h"
#include "kernels/gemm_loops.h"

/* In one direction, tap t of place o lies at o * stride + start + t * step, if that is inside
 * 0 .. size - 1, and is zero otherwise. */
typedef struct tw_taps {
    size_t places, taps, size;
    ptrdiff_t stride, start, step;
} tw_taps;

/* What gathering reads: nothing is copied until a block of places is wanted, so a whole gathered
 * matrix never stands in memory. */
typedef struct tw_view {
    tw_taps rows, cols;
    size_t channels;
    size_t element; /* bytes */
    const char *images;
} tw_view;

/* Columns of the gathered matrix. */
static inline size_t tw_view_width(const tw_view *v)
{
    return v->rows.taps * v->cols.taps * v->channels;
}

/* Its rows that come from one image. */
static inline size_t tw_view_places(const tw_view *v)
{
    return v->rows.places * v->cols.places;
}

/* Gathers the columns first .. last - 1 of the rows of places place .. place + count - 1, counted
 * over all images, into dense rows; or, for views with one channel, turned: row-major in the
 * columns, `count` apart (tw_view_turns). */
void tw_view_gather(const tw_view *v, size_t place, size_t count, size_t first, size_t last,
                    void *out);
/* With one channel and stride 1, neighbouring places see neighbouring elements: gathering whole
 * taps then copies runs instead of single numbers. */
static inline bool tw_view_turns(const tw_view *v)
{
    return v->channels == 1 && v->cols.stride == 1;
}

/* How many columns and rows to gather at a time. */
enum { TW_GATHER_BYTES = 65536, TW_GATHER_COLUMNS = 512 };

/* out = gathered (images * places, width) times filter (width, n) packed, then the epilogue. Place
 * (i, j) of image b goes to out + ((b * out_rows + i * row_step) * out_cols + j * col_step) * n. */
typedef struct tw_window_product {
    tw_dtype dtype; /* TW_FLOAT32 or TW_FLOAT64 */
    tw_view view;
    size_t images, n;
    const void *packed;
    char *out;
    size_t out_rows, out_cols, row_step, col_step;
    const void *bias;
    tw_activation activation;
} tw_window_product;
void tw_window_product_run(const tw_window_product *w, const tw_par *par);

#endif
