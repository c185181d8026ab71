/* SPDX-License-Identifier: Apache-2.0
 * Gathering places into rows, block by block on the stack, and multiplying each block at once. */
#include "kernels/conv_windows.h"

#include <string.h>

/* Copies or clears n bytes; short runs are not worth a call. */
static inline void put(char *to, const char *from, size_t bytes)
{
    if (bytes > 64) {
        memcpy(to, from, bytes);
        return;
    }
    for (; bytes >= 4; bytes -= 4, to += 4, from += 4)
        memcpy(to, from, 4);
}

/* Columns first .. last - 1 of one row of taps at one place, whose leftmost tap lies at `x`. */
static void gather_tap_row(const tw_view *v, const char *row, ptrdiff_t x, size_t first,
                           size_t last, char *out)
{
    size_t channels = v->channels, size = v->element;
    while (first < last) {
        size_t tap = first / channels, inner = first % channels, n = channels - inner;
        ptrdiff_t at = x + (ptrdiff_t)tap * v->cols.step;
        bool inside = row && at >= 0 && (size_t)at < v->cols.size;
        if (inside && v->cols.step == 1) { /* neighbouring taps are contiguous */
            size_t taps = v->cols.size - (size_t)at;
            n = taps > (last - first) / channels + 1 ? last - first : taps * channels - inner;
        }
        n = n < last - first ? n : last - first;
        if (inside)
            put(out, row + ((size_t)at * channels + inner) * size, n * size);
        else
            memset(out, 0, n * size);
        out += n * size;
        first += n;
    }
}

/* The place's coordinates. */
typedef struct spot {
    size_t image, row, col;
} spot;

/* Places are counted in images, rows and columns, from the outermost on. */
static spot spot_of(const tw_view *v, size_t place)
{
    size_t in_image = place % tw_view_places(v);
    return (spot){place / tw_view_places(v), in_image / v->cols.places, in_image % v->cols.places};
}

/* NULL where the row is padding. */
static const char *image_row(const tw_view *v, size_t image, ptrdiff_t y)
{
    if (y < 0 || (size_t)y >= v->rows.size)
        return NULL;
    size_t row = image * v->rows.size + (size_t)y;
    return v->images + row * v->cols.size * v->channels * v->element;
}

/* Columns are ordered by tap row, tap column and channel, as the filter's rows are. The run first
 * .. last - 1 may begin and end inside a row of taps. */
static void gather_place(const tw_view *v, spot s, size_t first, size_t last, char *out)
{
    size_t run = v->cols.taps * v->channels;
    ptrdiff_t x = (ptrdiff_t)s.col * v->cols.stride + v->cols.start;
    for (size_t t = first / run; t * run < last; t++) {
        ptrdiff_t y = (ptrdiff_t)s.row * v->rows.stride + v->rows.start +
                      (ptrdiff_t)t * v->rows.step;
        size_t begin = t * run > first ? 0 : first - t * run;
        size_t end = (t + 1) * run < last ? run : last - t * run;
        gather_tap_row(v, image_row(v, s.image, y), x, begin, end, out);
        out += (end - begin) * v->element;
    }
}

/* One channel, stride 1: a tap of neighbouring places is a run of the image. */
static void gather_turned(const tw_view *v, size_t place, size_t count, size_t first, size_t last,
                          char *out)
{
    size_t size = v->element;
    for (size_t done = 0; done < count;) {
        spot s = spot_of(v, place + done);
        size_t n = v->cols.places - s.col < count - done ? v->cols.places - s.col : count - done;
        for (size_t c = first; c < last; c++) {
            ptrdiff_t ty = (ptrdiff_t)(c / v->cols.taps), tx = (ptrdiff_t)(c % v->cols.taps);
            ptrdiff_t y = (ptrdiff_t)s.row * v->rows.stride + v->rows.start + ty * v->rows.step;
            ptrdiff_t x = (ptrdiff_t)s.col + v->cols.start + tx * v->cols.step;
            const char *row = image_row(v, s.image, y);
            char *to = out + ((c - first) * count + done) * size;
            ptrdiff_t width = (ptrdiff_t)v->cols.size, end = (ptrdiff_t)n;
            ptrdiff_t left = x < 0 ? (-x < end ? -x : end) : 0;
            ptrdiff_t right = row ? (width - x < end ? width - x : end) : 0;
            right = right > left ? right : left;
            if (!row)
                left = right = 0;
            memset(to, 0, (size_t)left * size);
            if (right > left)
                put(to + left * (ptrdiff_t)size, row + (x + left) * (ptrdiff_t)size,
                    (size_t)(right - left) * size);
            memset(to + right * (ptrdiff_t)size, 0, (size_t)(end - right) * size);
        }
        done += n;
    }
}

/* Coordinates are counted on from place to place, since divisions would cost more than a short copy
 * does. */
void tw_view_gather(const tw_view *v, size_t place, size_t count, size_t first, size_t last,
                    void *out)
{
    char *to = out;
    if (tw_view_turns(v)) {
        gather_turned(v, place, count, first, last, to);
        return;
    }
    spot s = spot_of(v, place);
    for (size_t i = 0; i < count; i++, to += (last - first) * v->element) {
        gather_place(v, s, first, last, to);
        if (++s.col < v->cols.places)
            continue;
        s.col = 0;
        if (++s.row < v->rows.places)
            continue;
        s.row = 0;
        s.image++;
    }
}

/* Units are rows of places where `out` has gaps between them, so that one product never writes
 * across the end of a row. */
typedef struct job {
    const tw_window_product *w;
    const tw_gemm_loops *loops;
    size_t units, grain, cells; /* places, or rows of places where these are not dense in out */
    bool dense;
    size_t columns, steps, block; /* gathered at a time: columns in each step, places */
} job;

/* The product for places place .. place + count - 1, which lie `ldc` elements apart from `c` on. */
static void multiply(const job *j, size_t place, size_t count, char *c, size_t ldc)
{
    const tw_window_product *w = j->w;
    _Alignas(64) char gathered[TW_GATHER_BYTES];
    size_t width = tw_view_width(&w->view);
    bool turns = tw_view_turns(&w->view);
    for (size_t step = 0; step < j->steps; step++) {
        size_t first = tw_par_bound(width, 1, j->steps, step);
        size_t last = tw_par_bound(width, 1, j->steps, step + 1);
        bool ends = step + 1 == j->steps;
        tw_view_gather(&w->view, place, count, first, last, gathered);
        tw_gemm_block g = {.m = count,
                           .n = w->n,
                           .k = last - first,
                           .a = gathered,
                           .a_row = turns ? 1 : last - first,
                           .a_col = turns ? count : 1,
                           .packed = w->packed,
                           .packed_k = width,
                           .packed_first = first,
                           .c = c,
                           .ldc = ldc,
                           .alpha = 1,
                           .beta = step ? 1 : 0,
                           .bias = ends ? w->bias : NULL,
                           .activation = ends ? w->activation : TW_ACTIVATION_NONE};
        j->loops->panels(&g, 0, tw_gemm_panels(j->loops, w->n));
    }
}

/* Where the outputs of a part lie apart, a block must stay within one row of them: only there is
 * their distance constant. */
static void run_cell(size_t cell, void *arg)
{
    const job *j = arg;
    const tw_window_product *w = j->w;
    size_t pixel = w->n * w->view.element, cols = w->view.cols.places;
    size_t first = tw_par_bound(j->units, j->grain, j->cells, cell);
    size_t last = tw_par_bound(j->units, j->grain, j->cells, cell + 1);
    if (j->dense) {
        for (size_t place = first; place < last; place += j->block) {
            size_t n = last - place < j->block ? last - place : j->block;
            multiply(j, place, n, w->out + place * pixel, w->n);
        }
        return;
    }
    for (size_t row = first; row < last; row++) {
        size_t image = row / w->view.rows.places, y = row % w->view.rows.places;
        char *out = w->out + (image * w->out_rows + y * w->row_step) * w->out_cols * pixel;
        for (size_t x = 0; x < cols; x += j->block) {
            size_t n = cols - x < j->block ? cols - x : j->block;
            multiply(j, row * cols + x, n, out + x * w->col_step * pixel, w->n * w->col_step);
        }
    }
}

/* At most 512 columns are gathered at a time, so that a block has rows enough for the product to be
 * worth its packing: wide filters take several steps, which add up in the output. About 60 flops a
 * nanosecond decide how many cells there are. */
void tw_window_product_run(const tw_window_product *w, const tw_par *par)
{
    job j = {.w = w, .loops = tw_gemm_loops_of(w->dtype)};
    size_t width = tw_view_width(&w->view), places = tw_view_places(&w->view);
    if (w->images == 0 || places == 0 || w->n == 0)
        return;
    j.steps = width > TW_GATHER_COLUMNS ? (width + TW_GATHER_COLUMNS - 1) / TW_GATHER_COLUMNS : 1;
    j.columns = (width + j.steps - 1) / j.steps;
    size_t fits = TW_GATHER_BYTES / (w->view.element * j.columns), rows = j.loops->tile_rows;
    j.block = fits < 256 ? fits / rows * rows : 256 / rows * rows;
    j.dense = w->row_step == 1 && w->col_step == 1 && w->out_rows == w->view.rows.places &&
              w->out_cols == w->view.cols.places;
    j.units = j.dense ? w->images * places : w->images * w->view.rows.places;
    j.grain = j.dense ? rows : 1;
    double flops = 2.0 * (double)(places * w->images) * (double)w->n * (double)width;
    j.cells = tw_par_cells(j.units, j.grain, flops / 60 / (double)j.units);
    tw_par_run(par, j.cells, run_cell, &j);
}
