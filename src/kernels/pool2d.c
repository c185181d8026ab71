/* SPDX-License-Identifier: Apache-2.0
 * Pooling: rows of images are shared out, or, where windows add to the same inputs, images and runs
 * of channels. */
#include "kernels/pool2d.h"

#include <string.h>

#include "base/alloc.h"
#include "kernels/pool2d_loops.h"

enum { CHANNEL_GRAIN = 16 };

/* Strides from image to image are kept in bytes, so that one runner serves passes whose input,
 * gradient and result have different dtypes. */
typedef struct job {
    tw_pool_loop loop;
    tw_pool_row row;                  /* of the first image */
    size_t images, rows, runs, cells; /* rows of the loop; runs of channels */
    size_t planes;                    /* images that make one of the caller's, if NCHW */
    size_t input, gradient, out;      /* bytes from image to image */
    size_t outputs;                   /* of an image, for argmax */
    bool whole_batch;
} job;

/* NULL: the dtype is not pooled. */
static const tw_pool_loops *loops_of(tw_dtype dtype)
{
    return dtype == TW_FLOAT32   ? &TW_ISA_TABLE(tw_pool_table)->f32
           : dtype == TW_FLOAT64 ? &TW_ISA_TABLE_OF_NARROW(tw_pool_table)->f64
                                 : tw_pool_rare(dtype);
}

/* The product, in elements of up to 16 bytes, is a size of memory. */
static bool fits(size_t a, size_t b, size_t c, size_t d)
{
    size_t n;
    return tw_size_mul(a, b, &n) && tw_size_mul(n, c, &n) && tw_size_mul(n, d, &n) &&
           n <= PTRDIFF_MAX / 16;
}

/* A window that sees nothing has neither a maximum nor an average. Cells of a window are numbered
 * in int32. */
static tw_status *check(const tw_pool2d *p)
{
    const tw_window *directions[2] = {&p->rows, &p->cols};
    for (size_t i = 0; i < 2; i++) {
        const tw_window *w = directions[i];
        bool sane = w->stride && w->window && w->dilation == 1 && w->pad < w->window &&
                    fits(w->out, w->stride, 1, 1) && fits(w->window, 1, 1, 1) &&
                    fits(w->in, 1, 1, 1);
        if (!sane || (w->out && (w->out - 1) * w->stride >= w->in + w->pad)) /* sees nothing */
            return tw_status_new(TW_INVALID_ARGUMENT,
                                 "a window of %zu by stride %zu, padding %zu and dilation %zu is "
                                 "impossible",
                                 w->window, w->stride, w->pad, w->dilation);
    }
    if (!fits(p->batch, p->rows.in, p->cols.in, p->depth) ||
        !fits(p->batch, p->rows.out, p->cols.out, p->depth) ||
        !fits(p->rows.window, p->cols.window, 4, 1) || p->rows.window * p->cols.window > INT32_MAX)
        return tw_status_new(TW_INVALID_ARGUMENT, "the images of a pooling are too large");
    return TW_OK;
}

/* The row `y` of image `image` over run `run` of the channels. */
static void run_row(const job *j, size_t image, size_t run, size_t y)
{
    tw_pool_row r = j->row;
    r.first = tw_par_bound(r.depth, CHANNEL_GRAIN, j->runs, run);
    r.last = tw_par_bound(r.depth, CHANNEL_GRAIN, j->runs, run + 1);
    r.y = y;
    r.input = r.input ? (const char *)r.input + image * j->input : NULL;
    r.gradient = r.gradient ? (const char *)r.gradient + image * j->gradient : NULL;
    r.out = r.out ? (char *)r.out + image * j->out : NULL;
    r.argmax = r.argmax ? r.argmax + image * j->outputs : NULL;
    size_t counted = j->whole_batch ? image : image % j->planes;
    r.index_start = (int64_t)(counted * r.rows.in * r.cols.in * r.depth);
    j->loop(&r);
}

/* Rows write to places of their own: any run of them is a cell. */
static void run_rows(size_t cell, void *arg)
{
    const job *j = arg;
    size_t all = j->images * j->rows, last = tw_par_bound(all, 1, j->cells, cell + 1);
    for (size_t row = tw_par_bound(all, 1, j->cells, cell); row < last; row++)
        run_row(j, row / j->rows, 0, row % j->rows);
}

/* All rows of an image and a run of channels, in order. */
static void run_image(size_t cell, void *arg)
{
    const job *j = arg;
    size_t all = j->images * j->runs, last = tw_par_bound(all, 1, j->cells, cell + 1);
    for (size_t i = tw_par_bound(all, 1, j->cells, cell); i < last; i++) {
        for (size_t y = 0; y < j->rows; y++)
            run_row(j, i / j->runs, i % j->runs, y);
    }
}

/* A job over the caller's pooling, without the arrays. */
static job job_of(const tw_pool2d *p, tw_pool_loop loop, size_t rows)
{
    size_t depth = p->nchw ? 1 : p->depth;
    return (job){.loop = loop,
                 .row = {.rows = p->rows, .cols = p->cols, .depth = depth, .last = depth},
                 .images = p->nchw ? p->batch * p->depth : p->batch,
                 .rows = rows,
                 .runs = 1,
                 .planes = p->nchw && p->depth ? p->depth : 1,
                 .outputs = p->rows.out * p->cols.out * depth};
}

/* A third of a nanosecond for each cell of a window, and a few for each window. */
static void run(job *j, bool by_images, const tw_par *par)
{
    const tw_window *r = &j->row.rows, *c = &j->row.cols;
    double cells = (double)r->window * (double)c->window * (double)j->row.depth;
    double cost = (double)r->out * (double)c->out * (0.3 * cells + 5);
    if (j->images == 0 || j->row.depth == 0 || j->rows == 0)
        return;
    if (!by_images) {
        j->cells = tw_par_cells(j->images * j->rows, 1, cost / (double)j->rows);
        tw_par_run(par, j->cells, run_rows, j);
        return;
    }
    size_t grains = (j->row.depth + CHANNEL_GRAIN - 1) / CHANNEL_GRAIN;
    size_t wanted = tw_par_cells(64 * j->images, 1, cost / 64);
    j->runs = wanted > j->images ? wanted / j->images : 1;
    j->runs = j->runs < grains ? j->runs : grains;
    j->cells = tw_par_cells(j->images * j->runs, 1, cost / (double)j->runs);
    tw_par_run(par, j->cells, run_image, j);
}

/* Integers have a maximum but no average, hence "so": the dtype may be fine for another kind of
 * pooling. */
static tw_status *refuse(tw_dtype dtype)
{
    return tw_status_new(TW_UNIMPLEMENTED, "%s images cannot be pooled so", tw_dtype_name(dtype));
}

/* The indices take a second pass: they are wanted rarely, and the first is much faster without. */
tw_status *tw_max_pool(tw_dtype dtype, const tw_pool2d *pool, const void *input, void *output,
                       int64_t *argmax, bool whole_batch, const tw_par *par)
{
    const tw_pool_loops *loops = loops_of(dtype);
    if (!loops)
        return refuse(dtype);
    TW_TRY(check(pool));
    job j = job_of(pool, loops->max, pool->rows.out);
    j.input = pool->rows.in * pool->cols.in * j.row.depth * tw_dtype_size(dtype);
    j.out = j.outputs * tw_dtype_size(dtype);
    j.row.input = input;
    j.row.out = output;
    run(&j, false, par);
    if (argmax) {
        j.loop = loops->argmax;
        j.row.argmax = argmax;
        j.whole_batch = whole_batch;
        run(&j, false, par);
    }
    return TW_OK;
}

/* Cleared first, since windows need not cover the input. */
tw_status *tw_max_pool_gradient(tw_dtype dtype, const tw_pool2d *pool, const void *input,
                                const void *gradient, void *out, const tw_par *par)
{
    const tw_pool_loops *loops = loops_of(dtype);
    if (!loops)
        return refuse(dtype);
    TW_TRY(check(pool));
    job j = job_of(pool, loops->max_gradient, pool->rows.out);
    j.input = j.out = pool->rows.in * pool->cols.in * j.row.depth * tw_dtype_size(dtype);
    j.gradient = j.outputs * tw_dtype_size(dtype);
    j.row.input = input;
    j.row.gradient = gradient;
    j.row.out = out;
    if (j.images && j.out)
        memset(out, 0, j.images * j.out);
    run(&j, true, par);
    return TW_OK;
}

/* Outputs of their own: cut by rows. */
tw_status *tw_max_pool_pick(tw_dtype dtype, const tw_pool2d *pool, const void *input,
                            const void *gradient, void *out, const tw_par *par)
{
    const tw_pool_loops *loops = loops_of(dtype);
    if (!loops)
        return refuse(dtype);
    TW_TRY(check(pool));
    job j = job_of(pool, loops->max_pick, pool->rows.out);
    j.input = j.gradient = pool->rows.in * pool->cols.in * j.row.depth * tw_dtype_size(dtype);
    j.out = j.outputs * tw_dtype_size(dtype);
    j.row.input = input;
    j.row.gradient = gradient;
    j.row.out = out;
    run(&j, false, par);
    return TW_OK;
}

/* An average divides by the cells of the window that lie inside the image, as TensorFlow does;
 * the check comes before any size is used. */
tw_status *tw_avg_pool(tw_dtype dtype, const tw_pool2d *pool, const void *input, void *output,
                       const tw_par *par)
{
    const tw_pool_loops *loops = loops_of(dtype);
    if (!loops || !loops->avg)
        return refuse(dtype);
    TW_TRY(check(pool));
    job j = job_of(pool, loops->avg, pool->rows.out);
    j.input = pool->rows.in * pool->cols.in * j.row.depth * tw_dtype_size(dtype);
    j.out = j.outputs * tw_dtype_size(dtype);
    j.row.input = input;
    j.row.out = output;
    run(&j, false, par);
    return TW_OK;
}

/* Rows are those of the input, each gathered from the outputs that see it. */
tw_status *tw_avg_pool_gradient(tw_dtype dtype, const tw_pool2d *pool, const void *gradient,
                                void *out, const tw_par *par)
{
    const tw_pool_loops *loops = loops_of(dtype);
    if (!loops || !loops->avg)
        return refuse(dtype);
    TW_TRY(check(pool));
    job j = job_of(pool, loops->avg_gradient, pool->rows.in);
    j.gradient = j.outputs * tw_dtype_size(dtype);
    j.out = pool->rows.in * pool->cols.in * j.row.depth * tw_dtype_size(dtype);
    j.row.gradient = gradient;
    j.row.out = out;
    run(&j, false, par);
    return TW_OK;
}
