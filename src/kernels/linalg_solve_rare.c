/* SPDX-License-Identifier: Apache-2.0
 * Gauss, Cholesky and triangles by halves: each half is done in the same way, what lies between
 * them is a matrix product. */
#include <math.h>

#include "kernels/gemm_loops.h"
#include "kernels/linalg_inside.h"

enum { STRIP = 48 };

size_t tw_linalg_stride(size_t n)
{
    size_t stride = (n + TW_LINALG_GROUP - 1) / TW_LINALG_GROUP * TW_LINALG_GROUP;
    return stride && stride % 64 == 0 ? stride + TW_LINALG_GROUP : stride;
}

/* The first of two halves, in whole groups. */
static size_t half_of(size_t n)
{
    return (n / 2 + TW_LINALG_GROUP - 1) / TW_LINALG_GROUP * TW_LINALG_GROUP;
}

void tw_linalg_product(const tw_linalg_operand *a, const tw_linalg_operand *b, size_t m, size_t n,
                       size_t k, double alpha, double beta, double *c, size_t ldc)
{
    if (m && n)
        tw_gemm_run_block(tw_gemm_loops_of(TW_FLOAT64), &(tw_gemm_block){.m = m,
                                                                         .n = n,
                                                                         .k = k,
                                                                         .a = a->x,
                                                                         .a_row = a->row,
                                                                         .a_col = a->column,
                                                                         .b = b->x,
                                                                         .b_row = b->row,
                                                                         .b_col = b->column,
                                                                         .c = c,
                                                                         .ldc = ldc,
                                                                         .alpha = alpha,
                                                                         .beta = beta});
}

/* The half that can be solved alone goes first; the other one's right sides lose what it is. */
static void solve_halves(const tw_linalg_loops *loops, const tw_triangle *t, size_t n, size_t k,
                         double *x, size_t ldx)
{
    if (n <= TW_LINALG_GROUP) {
        loops->solve(t, n, k, x, ldx);
        return;
    }
    size_t n0 = half_of(n);
    tw_triangle second = *t;
    second.a += n0 * (t->row + t->column);
    double *x1 = x + n0 * ldx;
    tw_linalg_operand low = {t->a + n0 * t->row, t->row, t->column};
    tw_linalg_operand high = {t->a + n0 * t->column, t->row, t->column};
    if (t->lower) {
        solve_halves(loops, t, n0, k, x, ldx);
        tw_linalg_product(&low, &(tw_linalg_operand){x, ldx, 1}, n - n0, k, n0, -1, 1, x1, ldx);
        solve_halves(loops, &second, n - n0, k, x1, ldx);
    } else {
        solve_halves(loops, &second, n - n0, k, x1, ldx);
        tw_linalg_product(&high, &(tw_linalg_operand){x1, ldx, 1}, n0, k, n - n0, -1, 1, x, ldx);
        solve_halves(loops, t, n0, k, x, ldx);
    }
}

void tw_solve_triangle(const tw_triangle *t, size_t n, size_t k, double *x, size_t ldx)
{
    if (k)
        solve_halves(TW_ISA_TABLE(tw_linalg_loops), t, n, k, x, ldx);
}

void tw_swap_rows(const size_t *swaps, size_t n, size_t k, double *x, size_t ldx)
{
    for (size_t i = 0; i < n; i++) {
        double *a = x + i * ldx, *b = x + swaps[i] * ldx;
        for (size_t j = 0; j < k && swaps[i] != i; j++) {
            double kept = a[j];
            a[j] = b[j];
            b[j] = kept;
        }
    }
}

/* The left half of the columns, then what that makes of the right one, then its lower part. */
static bool eliminate_halves(const tw_linalg_loops *loops, size_t m, size_t n, double *a,
                             size_t lda, size_t *swaps)
{
    if (n <= TW_LINALG_GROUP)
        return loops->eliminate(m, n, a, lda, swaps);
    size_t n0 = half_of(n), n1 = n - n0;
    double *right = a + n0, *below = a + n0 * lda, *rest = below + n0;
    if (!eliminate_halves(loops, m, n0, a, lda, swaps))
        return false;
    tw_swap_rows(swaps, n0, n1, right, lda);
    solve_halves(loops,
                 &(tw_triangle){.a = a, .row = lda, .column = 1, .lower = true, .unit = true}, n0,
                 n1, right, lda);
    tw_linalg_product(&(tw_linalg_operand){below, lda, 1}, &(tw_linalg_operand){right, lda, 1},
                      m - n0, n1, n0, -1, 1, rest, lda);
    if (!eliminate_halves(loops, m - n0, n1, rest, lda, swaps + n0))
        return false;
    tw_swap_rows(swaps + n0, n1, n0, below, lda);
    for (size_t i = n0; i < n; i++)
        swaps[i] += n0;
    return true;
}

bool tw_eliminate_real(size_t m, size_t n, double *a, size_t lda, size_t *swaps)
{
    return eliminate_halves(TW_ISA_TABLE(tw_linalg_loops), m, n, a, lda, swaps);
}

/* The product x^T x is symmetric: strips of it from the diagonal on are enough. */
static void subtract_square(size_t n, size_t k, const double *x, double *a, size_t lda)
{
    for (size_t i = 0; i < n; i += STRIP) {
        size_t rows = n - i < STRIP ? n - i : STRIP;
        tw_linalg_product(&(tw_linalg_operand){x + i, 1, lda}, &(tw_linalg_operand){x + i, lda, 1},
                          rows, n - i, k, -1, 1, a + i * lda + i, lda);
    }
}

static bool cholesky_halves(const tw_linalg_loops *loops, size_t n, double *a, size_t lda)
{
    if (n <= TW_LINALG_CHOLESKY)
        return loops->cholesky(n, a, lda);
    size_t n0 = half_of(n);
    double *right = a + n0, *rest = right + n0 * lda;
    if (!cholesky_halves(loops, n0, a, lda))
        return false;
    solve_halves(loops, &(tw_triangle){.a = a, .row = 1, .column = lda, .lower = true}, n0, n - n0,
                 right, lda);
    subtract_square(n - n0, n0, right, rest, lda);
    return cholesky_halves(loops, n - n0, rest, lda);
}

bool tw_cholesky_upper(size_t n, double *a, size_t lda)
{
    return cholesky_halves(TW_ISA_TABLE(tw_linalg_loops), n, a, lda);
}
