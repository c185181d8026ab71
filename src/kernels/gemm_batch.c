/* SPDX-License-Identifier: Apache-2.0
 * Products of many matrices of one shape. */
#include <stdint.h>

#include "base/alloc.h"
#include "base/status.h"
#include "kernels/gemm_loops.h"

/* Batches are shared out whole when they are many or small. */
typedef struct batched {
    tw_dtype dtype;
    const tw_gemm_batches *batches;
    tw_gemm_block g;
    size_t size, count, cells;
    const tw_gemm_loops *series; /* whose loop does a run of them; or NULL */
} batched;

/* The grid's index is taken apart from its innermost dimension on. */
static void run_batch(const batched *x, size_t index, const tw_par *par)
{
    size_t a = 0, b = 0, rest = index;
    for (size_t i = x->batches->rank; i-- > 0; rest /= x->batches->dims[i]) {
        size_t at = rest % x->batches->dims[i];
        a += at * x->batches->a_strides[i];
        b += at * x->batches->b_strides[i];
    }
    tw_gemm_block g = x->g;
    g.a = (const char *)x->g.a + a * x->size;
    g.b = (const char *)x->g.b + b * x->size;
    g.c = (char *)x->g.c + index * g.m * g.ldc * x->size;
    tw_gemm_run(x->dtype, &g, par);
}

/* A dense B of whole vectors of columns, one panel of them, is as if packed. */
static const tw_gemm_loops *series_of(const batched *x)
{
    const tw_gemm_block *g = &x->g;
    if (x->dtype != TW_FLOAT32 || x->batches->rank != 1 || g->alpha != 1 || g->beta != 0)
        return NULL;
    const tw_gemm_loops *loops = tw_gemm_loops_of(x->dtype);
    bool panel = g->b_col == 1 && g->b_row == g->n && g->n && g->n % loops->lanes == 0 &&
                 g->n / loops->lanes < loops->panel_vectors;
    bool rows = g->a_col == 1 && g->m && g->m % loops->tile_rows == 0;
    return loops->series && panel && rows && g->k && g->ldc == g->n ? loops : NULL;
}

/* Whole products, one after the other, on one thread. */
static void run_batches(size_t cell, void *arg)
{
    const batched *x = arg;
    size_t first = tw_par_bound(x->count, 1, x->cells, cell);
    size_t last = tw_par_bound(x->count, 1, x->cells, cell + 1);
    if (x->series && first < last) {
        size_t a_step = x->batches->a_strides[0], b_step = x->batches->b_strides[0];
        tw_gemm_block g = x->g;
        g.a = (const char *)g.a + first * a_step * x->size;
        g.packed = (const char *)g.b + first * b_step * x->size;
        g.c = (char *)g.c + first * g.m * g.ldc * x->size;
        x->series->series(&g, last - first, a_step, b_step, g.m * g.ldc);
        return;
    }
    for (size_t i = first; i < last; i++)
        run_batch(x, i, NULL);
}

/* A few large products run one after the other on all threads; the rest is shared out whole. */
tw_status *tw_gemm_batch(tw_dtype dtype, const tw_gemm_shape *shape, const tw_gemm_batches *batches,
                         const void *a, const void *b, void *c, const tw_par *par)
{
    batched x = {.dtype = dtype, .batches = batches, .size = tw_dtype_size(dtype), .count = 1};
    size_t bytes;
    TW_TRY(tw_gemm_block_of(dtype, shape, &x.g));
    for (size_t i = 0; i < batches->rank; i++) {
        if (!tw_size_mul(x.count, batches->dims[i], &x.count))
            return tw_status_new(TW_INVALID_ARGUMENT, "too many batches of matrices");
    }
    if (!tw_size_mul(x.g.m * x.g.ldc * x.size, x.count, &bytes) || bytes > PTRDIFF_MAX)
        return tw_status_new(TW_INVALID_ARGUMENT, "%zu matrices of (%zu, %zu) are too large",
                             x.count, x.g.m, x.g.n);
    x.g.a = a;
    x.g.b = b;
    x.g.c = c;
    double flops = 2.0 * (double)x.g.m * (double)x.g.n * (double)x.g.k;
    if (x.count < 8 && flops > 4.0 * TW_GEMM_CELL_FLOPS) {
        for (size_t i = 0; i < x.count; i++)
            run_batch(&x, i, par);
        return TW_OK;
    }
    x.series = series_of(&x);
    x.cells = tw_par_cells(x.count, 1, flops / 100 + 50);
    tw_par_run(par, x.cells, run_batches, &x);
    return TW_OK;
}
