/* SPDX-License-Identifier: Apache-2.0
 * The gradient of a convolution to its filter: the gathered matrix, transposed, times the output's
 * gradient. Cells are runs of the filter's rows; where these are few, the places are parted too,
 * and the parts added up in order. */
#include "kernels/conv_filter.h"

#include <string.h>

#include "kernels/conv_stage.h"
#include "kernels/conv_winograd.h"

enum { ROWS = 128, WANTED_CELLS = 12, LEAST_PLACES = 256 };

/* The first part writes to `out` itself and the others to `partial`, so that a product that
 * needs no parts takes no memory besides. */
typedef struct job {
    tw_dtype dtype;
    const tw_gemm_loops *loops;
    tw_view view;
    size_t n, places, width, size;
    size_t runs, parts;
    const char *gradient;
    char *out, *partial; /* [parts - 1][width][n], of the parts but the first */
} job;

/* (rows' runs, parts of the places) for a shape. */
static void cut(const tw_conv *c, size_t *runs, size_t *parts)
{
    size_t width = c->rows.window * c->cols.window * c->in_depth;
    size_t places = c->batch * c->rows.out * c->cols.out;
    *runs = (width + ROWS - 1) / ROWS;
    *runs = *runs ? *runs : 1;
    size_t most = places / LEAST_PLACES ? places / LEAST_PLACES : 1;
    size_t wanted = *runs < WANTED_CELLS ? WANTED_CELLS / *runs : 1;
    *parts = wanted < most ? wanted : most;
}

/* The first part is summed in the result itself. */
size_t tw_conv_filter_parts_bytes(tw_dtype dtype, const tw_conv *c)
{
    size_t runs, parts, width = c->rows.window * c->cols.window * c->in_depth;
    cut(c, &runs, &parts);
    return tw_scratch_size((parts - 1) * width * c->out_depth *
                           tw_dtype_size(tw_conv_compute_dtype(dtype)));
}

/* filter rows first .. last - 1 (m of them) += gathered^T (m, places) times gradient (places, n),
 * over this share of the places, a block at a time. */
static void run_cell(size_t cell, void *arg)
{
    const job *j = arg;
    size_t run = cell % j->runs, share = cell / j->runs;
    size_t first = tw_par_bound(j->width, 8, j->runs, run);
    size_t last = tw_par_bound(j->width, 8, j->runs, run + 1), m = last - first;
    size_t place = tw_par_bound(j->places, 8, j->parts, share);
    size_t end = tw_par_bound(j->places, 8, j->parts, share + 1);
    char *out = share ? j->partial + (share - 1) * j->width * j->n * j->size : j->out;
    _Alignas(64) char gathered[TW_GATHER_BYTES];
    if (m == 0)
        return;
    size_t block = TW_GATHER_BYTES / (m * j->size) / 8 * 8;
    block = block < 256 ? block : 256;
    bool turns = tw_view_turns(&j->view);
    for (double beta = 0; place < end; place += block, beta = 1) {
        size_t k = end - place < block ? end - place : block;
        tw_view_gather(&j->view, place, k, first, last, gathered);
        tw_gemm_block g = {.m = m,
                           .n = j->n,
                           .k = k,
                           .a = gathered,
                           .a_row = turns ? k : 1,
                           .a_col = turns ? 1 : m,
                           .b = j->gradient + place * j->n * j->size,
                           .b_row = j->n,
                           .b_col = 1,
                           .c = out + first * j->n * j->size,
                           .ldc = j->n,
                           .alpha = 1,
                           .beta = beta};
        j->loops->panels(&g, 0, tw_gemm_panels(j->loops, j->n));
    }
}

/* In the order of the parts, whichever thread computed them. */
static void add_parts(const job *j)
{
    size_t count = j->width * j->n;
    for (size_t p = 0; p + 1 < j->parts; p++) {
        const char *from = j->partial + p * count * j->size;
        if (j->dtype == TW_FLOAT64) {
            for (size_t i = 0; i < count; i++)
                ((double *)(void *)j->out)[i] += ((const double *)(const void *)from)[i];
        } else {
            for (size_t i = 0; i < count; i++)
                ((float *)(void *)j->out)[i] += ((const float *)(const void *)from)[i];
        }
    }
}

/* False: it does not fit, or met what is not finite. */
static bool by_winograd(tw_dtype dtype, const tw_conv *conv, const job *j, tw_scratch *scratch,
                        const tw_par *par)
{
    if (!tw_winograd_fits(dtype, conv, TW_CONV_FILTER_GRADIENT))
        return false;
    void *own = tw_scratch_take(scratch, tw_winograd_bytes(conv, TW_CONV_FILTER_GRADIENT));
    return tw_winograd_filter_gradient(conv, (const void *)j->view.images,
                                       (const void *)j->gradient, (void *)j->out, own, par);
}

/* Below about 20 us of work the cells run on the calling thread; they are the same cells, so that
 * the sums are too. */
tw_status *tw_conv_filter_gradient(tw_dtype dtype, const tw_conv *conv, const void *input,
                                   const void *gradient, void *out, const tw_par *par)
{
    TW_TRY(tw_conv_check(dtype, conv));
    tw_dtype as = tw_conv_compute_dtype(dtype);
    tw_staged in = tw_conv_input(dtype, conv), dy = tw_conv_output(dtype, conv);
    tw_staged f = tw_conv_filter(dtype, conv, conv->in_depth * conv->out_depth);
    if (tw_staged_elements(&f) == 0)
        return TW_OK;
    job j = {.dtype = as,
             .loops = tw_gemm_loops_of(as),
             .n = conv->out_depth,
             .places = conv->batch * conv->rows.out * conv->cols.out,
             .width = conv->rows.window * conv->cols.window * conv->in_depth,
             .size = tw_dtype_size(as)};
    if (j.places == 0) {
        memset(out, 0, tw_staged_elements(&f) * tw_dtype_size(dtype));
        return TW_OK;
    }
    tw_scratch scratch;
    TW_TRY(tw_scratch_open(&scratch, tw_conv_workspace(dtype, conv, TW_CONV_FILTER_GRADIENT), par));
    cut(conv, &j.runs, &j.parts);
    j.partial = tw_scratch_take(&scratch, tw_conv_filter_parts_bytes(dtype, conv));
    j.view = tw_conv_forward_view(as, conv, tw_stage_in(&in, input, &scratch, par));
    j.gradient = tw_stage_in(&dy, gradient, &scratch, par);
    j.out = tw_stage_result(&f, out, &scratch);
    if (!by_winograd(as, conv, &j, &scratch, par)) {
        double flops = 2.0 * (double)j.places * (double)j.n * (double)j.width;
        tw_par_run(flops < 2e6 ? NULL : par, j.runs * j.parts, run_cell, &j);
        add_parts(&j);
    }
    tw_stage_out(&f, j.out, out, par);
    tw_scratch_close(&scratch);
    return TW_OK;
}
