/* SPDX-License-Identifier: Apache-2.0
 * Products of half and bfloat16: blocks of A, B and C are widened, multiplied as floats and
 * narrowed. */
#include "kernels/gemm_loops.h"
#include "kernels/half.h"

enum { WIDE_ROWS = 64, WIDE_COLS = 96, WIDE_DEPTH = 192, LEAST_FLOPS = 250000 };

/* A product of 16-bit floats: cells widen what they read, compute in float and narrow once at
 * the end, so rounding happens once an element. */
typedef struct widened {
    tw_dtype dtype;
    const tw_gemm_block *g;
    const tw_gemm_loops *loops;
    size_t across;
} widened;

/* A dense block of floats from a strided one. */
static void widen_block(tw_dtype dtype, const void *from, size_t row, size_t col, size_t m,
                        size_t n, float *to)
{
    const uint16_t *x = from;
    bool half = dtype == TW_FLOAT16;
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < n; j++) {
            uint16_t bits = x[i * row + j * col];
            to[i * n + j] = half ? tw_widen_half(bits) : tw_widen_bfloat16(bits);
        }
    }
}

/* The block of C at (i, j), which is (m, n), from its float sums. */
static void narrow_block(const widened *x, size_t i, size_t j, size_t m, size_t n, float *sum)
{
    const tw_gemm_block *g = x->g;
    bool half = x->dtype == TW_FLOAT16;
    float bias[WIDE_COLS];
    if (g->bias)
        widen_block(x->dtype, (const uint16_t *)g->bias + j, 0, 1, 1, n, bias);
    for (size_t r = 0; r < m && g->beta != 0; r++) {
        float old[WIDE_COLS];
        widen_block(x->dtype, (const uint16_t *)g->c + (i + r) * g->ldc + j, 0, 1, 1, n, old);
        for (size_t q = 0; q < n; q++)
            sum[r * n + q] += (float)g->beta * old[q];
    }
    x->loops->finish(sum, m, n, n, g->bias ? bias : NULL, g->activation);
    for (size_t r = 0; r < m; r++) {
        uint16_t *to = (uint16_t *)g->c + (i + r) * g->ldc + j;
        for (size_t q = 0; q < n; q++)
            to[q] = half ? tw_narrow_half(sum[r * n + q]) : tw_narrow_bfloat16(sum[r * n + q]);
    }
}

/* C stays in float over all of k and is rounded once. */
static void run_widened_cell(size_t cell, void *arg)
{
    const widened *x = arg;
    const tw_gemm_block *g = x->g;
    size_t i = cell / x->across * WIDE_ROWS, j = cell % x->across * WIDE_COLS;
    size_t m = g->m - i < WIDE_ROWS ? g->m - i : WIDE_ROWS;
    size_t n = g->n - j < WIDE_COLS ? g->n - j : WIDE_COLS;
    _Alignas(64) float a[WIDE_ROWS * WIDE_DEPTH], b[WIDE_DEPTH * WIDE_COLS];
    _Alignas(64) float c[WIDE_ROWS * WIDE_COLS];
    memset(c, 0, m * n * sizeof *c);
    for (size_t p = 0; p < g->k; p += WIDE_DEPTH) {
        size_t k = g->k - p < WIDE_DEPTH ? g->k - p : WIDE_DEPTH;
        widen_block(x->dtype, (const uint16_t *)g->a + i * g->a_row + p * g->a_col, g->a_row,
                    g->a_col, m, k, a);
        widen_block(x->dtype, (const uint16_t *)g->b + p * g->b_row + j * g->b_col, g->b_row,
                    g->b_col, k, n, b);
        tw_gemm_run_block(x->loops, &(tw_gemm_block){.m = m,
                                                     .n = n,
                                                     .k = k,
                                                     .a = a,
                                                     .b = b,
                                                     .a_row = k,
                                                     .a_col = 1,
                                                     .b_row = n,
                                                     .b_col = 1,
                                                     .c = c,
                                                     .ldc = n,
                                                     .alpha = g->alpha,
                                                     .beta = 1});
    }
    narrow_block(x, i, j, m, n, c);
}

/* The blocks are the cells at any size; small products just run them in turn. */
void tw_gemm_run_widened(tw_dtype dtype, const tw_gemm_block *g, const tw_par *par)
{
    widened x = {dtype, g, tw_gemm_loops_of(TW_FLOAT32), (g->n + WIDE_COLS - 1) / WIDE_COLS};
    size_t cells = x.across * ((g->m + WIDE_ROWS - 1) / WIDE_ROWS);
    bool small = (double)g->m * (double)g->n * (double)g->k < LEAST_FLOPS;
    tw_par_run(small ? NULL : par, cells, run_widened_cell, &x);
}
