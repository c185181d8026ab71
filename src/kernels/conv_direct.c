/* SPDX-License-Identifier: Apache-2.0
 * Convolutions over few channels: some rows of an image at a time are copied with the padding
 * around them into the first cache, where windows are read as they stand. */
#include "kernels/conv_direct.h"

#include <string.h>

#include "kernels/conv_direct_loops.h"

enum {
    MOST_CHANNELS = 4,
    LEAST_TAPS = 9,
    MOST_TAPS = 160,    /* times channels: what two vectors read of the filter stays near */
    STRIP_BYTES = 32768 /* of pixels */
};

typedef struct job {
    const tw_conv *c;
    const tw_conv_direct_loops *loops;
    const float *images;
    float *out;
    tw_conv_direct_rows pair;
    size_t rows, width, pairs; /* of outputs; numbers in a row of a strip; pairs of rows in one */
    size_t strips, cells;      /* of an image; of all */
} job;

/* Outputs that are computed: those of whole windows only, where they are pooled. */
static size_t rows_of(const tw_conv *c)
{
    return c->pooled_rows ? 2 * c->pooled_rows : c->rows.out;
}

static size_t cols_of(const tw_conv *c)
{
    return c->pooled_rows ? 2 * c->pooled_cols : c->cols.out;
}

/* Numbers in a row of a strip, with the padding. */
static size_t width_of(const tw_conv *c)
{
    return ((cols_of(c) - 1) * c->cols.stride + c->cols.window) * c->in_depth;
}

/* Pairs of rows of outputs that a strip has pixels for; the last one may have a row more. */
static size_t pairs_of(const tw_conv *c)
{
    size_t rows = STRIP_BYTES / sizeof(float) / width_of(c), window = c->rows.window;
    return rows > window ? (rows - window) / c->rows.stride / 2 : 0;
}

bool tw_conv_direct_fits(tw_dtype dtype, const tw_conv *c)
{
    size_t taps = c->rows.window * c->cols.window * c->in_depth;
    return dtype == TW_FLOAT32 && c->in_depth && c->in_depth <= MOST_CHANNELS && c->out_depth &&
           c->out_depth % TW_CONV_DIRECT_GRAIN == 0 && taps >= LEAST_TAPS && taps <= MOST_TAPS &&
           c->rows.dilation == 1 && c->cols.dilation == 1 && rows_of(c) >= 2 && cols_of(c) >= 2 &&
           pairs_of(c);
}

/* The pixels of `rows` rows of image `image` from row `first` on, counted with the padding. */
static void fill(const job *j, size_t image, size_t first, size_t rows, float *to)
{
    const tw_conv *c = j->c;
    size_t left = c->cols.pad * c->in_depth, row = c->cols.in * c->in_depth;
    left = left < j->width ? left : j->width;
    size_t inside = row < j->width - left ? row : j->width - left;
    for (size_t i = 0; i < rows; i++, to += j->width) {
        size_t y = first + i - c->rows.pad; /* wraps where it would be negative */
        size_t n = y < c->rows.in ? inside : 0;
        memset(to, 0, left * sizeof *to);
        if (n)
            memcpy(to + left, j->images + (image * c->rows.in + y) * row, n * sizeof *to);
        memset(to + left + n, 0, (j->width - left - n) * sizeof *to);
    }
}

/* The outputs of a strip; of an odd number of rows the last but one is computed twice. */
static void run_strip(const job *j, size_t image, size_t first, size_t last)
{
    _Alignas(64) float strip[STRIP_BYTES / sizeof(float)];
    const tw_conv *c = j->c;
    tw_conv_direct_rows pair = j->pair;
    size_t stride = c->rows.stride;
    fill(j, image, first * stride, (last - first - 1) * stride + c->rows.window, strip);
    for (size_t y = first; y < last; y += 2) {
        y -= last - y == 1;
        pair.pixels = strip + (y - first) * pair.down;
        size_t row = pair.pooled ? image * c->pooled_rows + y / 2 : image * c->rows.out + y;
        pair.out = j->out + row * pair.out_row;
        j->loops->rows(&pair);
    }
}

/* A run of strips. */
static void run_cell(size_t cell, void *arg)
{
    const job *j = arg;
    size_t all = j->c->batch * j->strips, last = tw_par_bound(all, 1, j->cells, cell + 1);
    for (size_t s = tw_par_bound(all, 1, j->cells, cell); s < last; s++) {
        size_t strip = s % j->strips, pairs = j->rows / 2;
        size_t begin = 2 * tw_par_bound(pairs, 1, j->strips, strip);
        size_t end = strip + 1 == j->strips ? j->rows
                                            : 2 * tw_par_bound(pairs, 1, j->strips, strip + 1);
        run_strip(j, s / j->strips, begin, end);
    }
}

/* About 80 flops a nanosecond. */
void tw_conv_direct_forward(const tw_conv *c, const float *input, const float *filter,
                            float *output, const tw_gemm_epilogue *epilogue, const tw_par *par)
{
    job j = {.c = c,
             .loops = TW_ISA_TABLE(tw_conv_direct_loops),
             .images = input,
             .out = output,
             .rows = rows_of(c),
             .width = width_of(c),
             .pairs = pairs_of(c)};
    j.pair = (tw_conv_direct_rows){.row = j.width,
                                   .down = j.width * c->rows.stride,
                                   .across = c->cols.stride * c->in_depth,
                                   .taps = c->rows.window,
                                   .run = c->cols.window * c->in_depth,
                                   .filter = filter,
                                   .bias = epilogue ? epilogue->bias : NULL,
                                   .channels = c->out_depth,
                                   .cols = cols_of(c),
                                   .relu = epilogue && epilogue->activation == TW_ACTIVATION_RELU,
                                   .pooled = c->pooled_rows != 0};
    j.pair.out_row = (c->pooled_rows ? c->pooled_cols : c->cols.out) * c->out_depth;
    j.strips = (j.rows / 2 + j.pairs - 1) / j.pairs;
    double flops = 2.0 * (double)(j.rows * j.pair.cols * c->out_depth) *
                   (double)(j.pair.taps * j.pair.run) / (double)j.strips;
    j.cells = tw_par_cells(c->batch * j.strips, 1, flops / 80);
    tw_par_run(par, j.cells, run_cell, &j);
}
