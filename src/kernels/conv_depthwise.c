/* SPDX-License-Identifier: Apache-2.0
 * Depthwise convolution: every channel has filters of its own. For one tap the outputs, inputs and
 * weights of a pixel are rows over channels, so all three passes are sums of products of rows. */
#include <string.h>

#include "base/status.h"
#include "kernels/conv_stage.h"

/* One tap of one pixel: x has in_depth channels; w and y have `multiplier` for each of them. */
typedef struct tap_row {
    size_t channels, multiplier;
} tap_row;

#define T float
#define NAME(f) f##_f32
#include "kernels/conv_depthwise_body.h"

#define T double
#define NAME(f) f##_f64
#include "kernels/conv_depthwise_body.h"

/* One pass over all rows of images. Cells depend on the shape alone, so that the sums of the
 * filter's gradient come in the same order on any number of threads. */
typedef struct job {
    tw_dtype dtype;
    const tw_conv *c;
    size_t size, cells, in_row, out_row, tap; /* bytes of rows of images, and of a tap's weights */
    tap_row channels;
    const char *input, *filter, *gradient;
    char *out;
} job;

/* The input column that output column o sees at tap k; false: outside. */
static bool input_of(const tw_window *w, size_t o, size_t k, size_t *out)
{
    size_t at = o * w->stride + k * w->dilation;
    if (at < w->pad || at - w->pad >= w->in)
        return false;
    *out = at - w->pad;
    return true;
}

/* The output that sees input i at tap k; false: none. */
static bool output_of(const tw_window *w, size_t i, size_t k, size_t *out)
{
    size_t at = i + w->pad, offset = k * w->dilation;
    if (at < offset || (at - offset) % w->stride != 0 || (at - offset) / w->stride >= w->out)
        return false;
    *out = (at - offset) / w->stride;
    return true;
}

/* Adds all taps that lie inside the image to one output pixel, which was cleared. */
static void forward_pixel(const job *j, const char *image, size_t y, size_t x, char *out)
{
    const tw_conv *c = j->c;
    size_t iy, ix, in_pixel = c->in_depth * j->size;
    for (size_t ky = 0; ky < c->rows.window; ky++) {
        for (size_t kx = 0; kx < c->cols.window; kx++) {
            if (!input_of(&c->rows, y, ky, &iy) || !input_of(&c->cols, x, kx, &ix))
                continue;
            const char *in = image + iy * j->in_row + ix * in_pixel;
            const char *w = j->filter + (ky * c->cols.window + kx) * j->tap;
            if (j->dtype == TW_FLOAT64)
                forward_tap_f64(j->channels, in, w, out);
            else
                forward_tap_f32(j->channels, in, w, out);
        }
    }
}

/* A run of output rows, over all images. */
static void forward_cell(size_t cell, void *arg)
{
    const job *j = arg;
    const tw_conv *c = j->c;
    size_t rows = c->batch * c->rows.out, pixel = c->out_depth * j->size;
    size_t last = tw_par_bound(rows, 1, j->cells, cell + 1);
    for (size_t row = tw_par_bound(rows, 1, j->cells, cell); row < last; row++) {
        const char *image = j->input + row / c->rows.out * c->rows.in * j->in_row;
        char *out = j->out + row * j->out_row;
        memset(out, 0, j->out_row);
        for (size_t x = 0; x < c->cols.out; x++)
            forward_pixel(j, image, row % c->rows.out, x, out + x * pixel);
    }
}

/* Gathers from the outputs that see this pixel, instead of scattering: no two cells write the same
 * place. */
static void input_pixel(const job *j, const char *gradients, size_t y, size_t x, char *out)
{
    const tw_conv *c = j->c;
    size_t oy, ox, out_pixel = c->out_depth * j->size;
    for (size_t ky = 0; ky < c->rows.window; ky++) {
        for (size_t kx = 0; kx < c->cols.window; kx++) {
            if (!output_of(&c->rows, y, ky, &oy) || !output_of(&c->cols, x, kx, &ox))
                continue;
            const char *dy = gradients + oy * j->out_row + ox * out_pixel;
            const char *w = j->filter + (ky * c->cols.window + kx) * j->tap;
            if (j->dtype == TW_FLOAT64)
                input_tap_f64(j->channels, dy, w, out);
            else
                input_tap_f32(j->channels, dy, w, out);
        }
    }
}

/* A run of input rows, over all images. */
static void input_cell(size_t cell, void *arg)
{
    const job *j = arg;
    const tw_conv *c = j->c;
    size_t rows = c->batch * c->rows.in, pixel = c->in_depth * j->size;
    size_t last = tw_par_bound(rows, 1, j->cells, cell + 1);
    for (size_t row = tw_par_bound(rows, 1, j->cells, cell); row < last; row++) {
        const char *gradients = j->gradient + row / c->rows.in * c->rows.out * j->out_row;
        char *out = j->out + row * j->in_row;
        memset(out, 0, j->in_row);
        for (size_t x = 0; x < c->cols.in; x++)
            input_pixel(j, gradients, row % c->rows.in, x, out + x * pixel);
    }
}

/* A cell is a tap: its weights' gradient is summed over all pixels, row by row. */
static void filter_cell(size_t cell, void *arg)
{
    const job *j = arg;
    const tw_conv *c = j->c;
    size_t ky = cell / c->cols.window, kx = cell % c->cols.window, iy, ix;
    size_t in_pixel = c->in_depth * j->size, out_pixel = c->out_depth * j->size;
    char *out = j->out + cell * j->tap;
    memset(out, 0, j->tap);
    for (size_t row = 0; row < c->batch * c->rows.out; row++) {
        if (!input_of(&c->rows, row % c->rows.out, ky, &iy))
            continue;
        const char *in = j->input + (row / c->rows.out * c->rows.in + iy) * j->in_row;
        for (size_t x = 0; x < c->cols.out; x++) {
            if (!input_of(&c->cols, x, kx, &ix))
                continue;
            const char *dy = j->gradient + row * j->out_row + x * out_pixel;
            if (j->dtype == TW_FLOAT64)
                filter_tap_f64(j->channels, in + ix * in_pixel, dy, out);
            else
                filter_tap_f32(j->channels, in + ix * in_pixel, dy, out);
        }
    }
}

/* NCHW would make rows over channels strided, and nobody trains depthwise layers so on a CPU. */
static tw_status *check(tw_dtype dtype, const tw_conv *c)
{
    TW_TRY(tw_conv_check(dtype, c));
    if (c->nchw)
        return tw_status_new(TW_UNIMPLEMENTED, "depthwise convolution takes NHWC images only");
    if (c->in_depth ? c->out_depth % c->in_depth != 0 : c->out_depth != 0)
        return tw_status_new(TW_INVALID_ARGUMENT, "%zu output channels for %zu input channels",
                             c->out_depth, c->in_depth);
    return TW_OK;
}

typedef enum pass { FORWARD, INPUT_GRADIENT, FILTER_GRADIENT } pass;

/* Half a nanosecond for each product. The filter's gradient is cut by taps, which is few cells, but
 * each has all the pixels to itself. */
static void run_pass(job *j, pass which, const tw_par *par)
{
    const tw_conv *c = j->c;
    size_t taps = c->rows.window * c->cols.window;
    double flops = (double)(c->batch * c->rows.out * c->cols.out * c->out_depth) * (double)taps;
    if (which == FILTER_GRADIENT) {
        tw_par_run(flops < 40000 ? NULL : par, taps, filter_cell, j);
        return;
    }
    size_t rows = c->batch * (which == FORWARD ? c->rows.out : c->rows.in);
    j->cells = tw_par_cells(rows, 1, 0.5 * flops / (double)(rows ? rows : 1));
    tw_par_run(par, j->cells, which == FORWARD ? forward_cell : input_cell, j);
}

/* `first` and `second` are the pass's two operands in the order of the header. */
static tw_status *run(tw_dtype dtype, const tw_conv *c, pass which, const void *first,
                      const void *second, void *out, const tw_par *par)
{
    TW_TRY(check(dtype, c));
    tw_dtype as = tw_conv_compute_dtype(dtype);
    tw_staged input = tw_conv_input(dtype, c), output = tw_conv_output(dtype, c);
    tw_staged filter = tw_conv_filter(dtype, c, c->out_depth);
    tw_staged *a = which == INPUT_GRADIENT ? &filter : &input;
    tw_staged *b = which == FORWARD ? &filter : &output;
    tw_staged *result = which == FORWARD ? &output : which == INPUT_GRADIENT ? &input : &filter;
    if (tw_staged_elements(result) == 0)
        return TW_OK;
    tw_scratch scratch;
    TW_TRY(tw_scratch_open(&scratch,
                           tw_staged_bytes(a) + tw_staged_bytes(b) + tw_staged_bytes(result), par));
    job j = {.dtype = as, .c = c, .size = tw_dtype_size(as)};
    j.in_row = c->cols.in * c->in_depth * j.size;
    j.out_row = c->cols.out * c->out_depth * j.size;
    j.tap = c->out_depth * j.size;
    j.channels = (tap_row){c->in_depth, c->in_depth ? c->out_depth / c->in_depth : 0};
    const void *x = tw_stage_in(a, first, &scratch, par);
    const void *y = tw_stage_in(b, second, &scratch, par);
    j.input = x;
    j.filter = which == FORWARD ? y : x;
    j.gradient = y;
    j.out = tw_stage_result(result, out, &scratch);
    run_pass(&j, which, par);
    tw_stage_out(result, j.out, out, par);
    tw_scratch_close(&scratch);
    return TW_OK;
}

/* y[b, i, j, c m + q] = sum x[b, i s + u d - p, j s + v d - p, c] w[u, v, c, q] */
tw_status *tw_depthwise_forward(tw_dtype dtype, const tw_conv *conv, const void *input,
                                const void *filter, void *output, const tw_par *par)
{
    return run(dtype, conv, FORWARD, input, filter, output, par);
}

/* dx[..., c] = sum of dy[..., c m + q] w[u, v, c, q] over the outputs that see the pixel */
tw_status *tw_depthwise_input_gradient(tw_dtype dtype, const tw_conv *conv, const void *filter,
                                       const void *gradient, void *out, const tw_par *par)
{
    return run(dtype, conv, INPUT_GRADIENT, filter, gradient, out, par);
}

/* dw[u, v, c, q] = sum of x[..., c] dy[..., c m + q] over all outputs */
tw_status *tw_depthwise_filter_gradient(tw_dtype dtype, const tw_conv *conv, const void *input,
                                        const void *gradient, void *out, const tw_par *par)
{
    return run(dtype, conv, FILTER_GRADIENT, input, gradient, out, par);
}
