/* SPDX-License-Identifier: Apache-2.0
 * The product of one complex dtype. Before it is included: REAL and NAME(f). Real and imaginary
 * parts of B's block and of the sums stand in planes of their own, so that loops over columns are
 * loops over reals; a conjugate is a sign while parts are loaded. */

typedef struct NAME(planes) {
    REAL re[WIDTH], im[WIDTH];
} NAME(planes);

/* (x + iy)(re + i im), a row of B at a time. */
static void NAME(add_block)(const REAL *a, size_t a_row, size_t a_col, REAL sign, size_t m,
                            size_t k, const NAME(planes) *restrict b, NAME(planes) *restrict sum)
{
    for (size_t i = 0; i < m; i++) {
        for (size_t p = 0; p < k; p++) {
            const REAL *at = a + 2 * (i * a_row + p * a_col);
            REAL x = at[0], y = sign * at[1];
            for (size_t j = 0; j < WIDTH; j++) {
                sum[i].re[j] += x * b[p].re[j] - y * b[p].im[j];
                sum[i].im[j] += x * b[p].im[j] + y * b[p].re[j];
            }
        }
    }
}

/* Columns beyond n repeat the first, so that the loop has no branch; their sums are never
 * stored. */
static void NAME(load_block)(const REAL *b, size_t b_row, size_t b_col, REAL sign, size_t k,
                             size_t n, NAME(planes) *restrict to)
{
    for (size_t p = 0; p < k; p++) {
        for (size_t j = 0; j < WIDTH; j++) {
            const REAL *at = b + 2 * (p * b_row + (j < n ? j : 0) * b_col);
            to[p].re[j] = at[0];
            to[p].im[j] = sign * at[1];
        }
    }
}

/* alpha and beta are real. */
static void NAME(put_block)(const tw_gemm_block *g, REAL *c, size_t m, size_t n,
                            const NAME(planes) * sum)
{
    REAL alpha = (REAL)g->alpha, beta = (REAL)g->beta;
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < n; j++) {
            REAL *to = c + 2 * (i * g->ldc + j);
            to[0] = alpha * sum[i].re[j] + (beta != 0 ? beta * to[0] : 0);
            to[1] = alpha * sum[i].im[j] + (beta != 0 ? beta * to[1] : 0);
        }
    }
}

/* Blocks of C stay in the first cache over all of k. */
static void NAME(multiply)(const tw_gemm_block *g)
{
    NAME(planes) b[DEPTH], sum[ROWS];
    const REAL *a_all = g->a, *b_all = g->b;
    REAL sign_a = g->conjugate_a ? -1 : 1, sign_b = g->conjugate_b ? -1 : 1;
    for (size_t j = 0; j < g->n; j += WIDTH) {
        size_t n = g->n - j < WIDTH ? g->n - j : WIDTH;
        for (size_t i = 0; i < g->m; i += ROWS) {
            size_t m = g->m - i < ROWS ? g->m - i : ROWS;
            memset(sum, 0, sizeof sum);
            for (size_t p = 0; p < g->k; p += DEPTH) {
                size_t k = g->k - p < DEPTH ? g->k - p : DEPTH;
                NAME(load_block)
                (b_all + 2 * (p * g->b_row + j * g->b_col), g->b_row, g->b_col, sign_b, k, n, b);
                NAME(add_block)
                (a_all + 2 * (i * g->a_row + p * g->a_col), g->a_row, g->a_col, sign_a, m, k, b,
                 sum);
            }
            NAME(put_block)(g, (REAL *)g->c + 2 * (i * g->ldc + j), m, n, sum);
        }
    }
}

#undef REAL
#undef NAME
