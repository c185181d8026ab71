/* SPDX-License-Identifier: Apache-2.0
 * Products of float matrices of at most four rows and columns, number by number. */
#include <string.h>

#include "kernels/gemm_loops.h"

enum { TINY = 4 };

/* A few numbers: setting up panels would cost more than the product. */
bool tw_gemm_run_tiny(const tw_gemm_block *g)
{
    if (g->m > TINY || g->n > TINY || g->k > TINY || !g->k || g->packed || g->bias ||
        g->activation != TW_ACTIVATION_NONE)
        return false;
    for (size_t i = 0; i < g->m; i++) {
        float *c = (float *)g->c + i * g->ldc;
        for (size_t j = 0; j < g->n; j++) {
            const float *a = (const float *)g->a + i * g->a_row;
            const float *b = (const float *)g->b + j * g->b_col;
            float sum = 0;
            for (size_t p = 0; p < g->k; p++)
                sum += a[p * g->a_col] * b[p * g->b_row];
            sum *= (float)g->alpha;
            c[j] = g->beta != 0 ? sum + (float)g->beta * c[j] : sum;
        }
    }
    return true;
}

/* Sums are those of tw_gemm_run_tiny, term by term. */
static void few(const tw_gemm_shape *s, const float *a, const float *b, float *c)
{
    size_t a_row = s->transpose_a ? 1 : s->k, a_col = s->transpose_a ? s->m : 1;
    size_t b_row = s->transpose_b ? 1 : s->n, b_col = s->transpose_b ? s->k : 1;
    float sums[TINY * TINY];
    for (size_t i = 0; i < s->m; i++) {
        for (size_t j = 0; j < s->n; j++) {
            float sum = 0;
            for (size_t p = 0; p < s->k; p++)
                sum += a[i * a_row + p * a_col] * b[p * b_row + j * b_col];
            sums[i * s->n + j] = sum;
        }
    }
    memcpy(c, sums, s->m * s->n * sizeof *c);
}

typedef float four __attribute__((vector_size(16), aligned(4), may_alias));

/* The same sums; read and written whole, so that a product of products need not wait for parts of
 * it to reach the cache. */
static void two_by_two(const tw_gemm_shape *s, const float *left, const float *right, float *c)
{
    (void)s;
    four a = *(const four *)left, b = *(const four *)right;
    four first = __builtin_shufflevector(a, a, 0, 0, 2, 2) *
                 __builtin_shufflevector(b, b, 0, 1, 0, 1);
    four second = __builtin_shufflevector(a, a, 1, 1, 3, 3) *
                  __builtin_shufflevector(b, b, 2, 3, 2, 3);
    *(four *)c = (four){0} + first + second;
}

tw_gemm_few tw_gemm_few_of(tw_dtype dtype, const tw_gemm_shape *s)
{
    if (dtype != TW_FLOAT32 || s->m > TINY || s->n > TINY || s->k > TINY || !s->k ||
        s->alpha != 1 || s->beta != 0)
        return NULL;
    bool plain = !s->transpose_a && !s->transpose_b;
    return s->m == 2 && s->n == 2 && s->k == 2 && plain ? two_by_two : few;
}
