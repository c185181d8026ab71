/* SPDX-License-Identifier: Apache-2.0
 * The product of one integer dtype. Before it is included: T, its unsigned kind U, in which sums
 * wrap, and NAME(f). Loops over the WIDTH are not written out, which takes much room. */

/* sum[i][j] += A[i][p] B[p][j] over a block of B. */
static void NAME(add_block)(const T *a, size_t a_row, size_t a_col, size_t m, size_t k,
                            U (*restrict b)[WIDTH], U (*restrict sum)[WIDTH])
{
    for (size_t i = 0; i < m; i++) {
        for (size_t p = 0; p < k; p++) {
            U x = (U)a[i * a_row + p * a_col];
            _Pragma("GCC unroll 1") for (size_t j = 0; j < WIDTH; j++) sum[i][j] += x * b[p][j];
        }
    }
}

/* Columns beyond n are zero. */
static void NAME(load_block)(const T *b, size_t b_row, size_t b_col, size_t k, size_t n,
                             U (*restrict to)[WIDTH])
{
    for (size_t p = 0; p < k; p++) {
        _Pragma("GCC unroll 1") for (size_t j = 0; j < WIDTH; j++)
            to[p][j] = j < n ? (U)b[p * b_row + j * b_col] : 0;
    }
}

/* Whole alpha and beta are meant; their products wrap like the rest. */
static void NAME(put_block)(const tw_gemm_block *g, T *c, size_t m, size_t n, U (*sum)[WIDTH])
{
    U alpha = (U)(int64_t)g->alpha, beta = (U)(int64_t)g->beta;
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < n; j++) {
            U old = beta ? beta * (U)c[i * g->ldc + j] : 0;
            c[i * g->ldc + j] = (T)(alpha * sum[i][j] + old);
        }
    }
}

/* Blocks of C stay in the first cache over all of k. */
static void NAME(multiply)(const tw_gemm_block *g)
{
    U b[DEPTH][WIDTH], sum[ROWS][WIDTH];
    for (size_t j = 0; j < g->n; j += WIDTH) {
        size_t n = g->n - j < WIDTH ? g->n - j : WIDTH;
        for (size_t i = 0; i < g->m; i += ROWS) {
            size_t m = g->m - i < ROWS ? g->m - i : ROWS;
            memset(sum, 0, sizeof sum);
            for (size_t p = 0; p < g->k; p += DEPTH) {
                size_t k = g->k - p < DEPTH ? g->k - p : DEPTH;
                NAME(load_block)
                ((const T *)g->b + p * g->b_row + j * g->b_col, g->b_row, g->b_col, k, n, b);
                NAME(add_block)
                ((const T *)g->a + i * g->a_row + p * g->a_col, g->a_row, g->a_col, m, k, b, sum);
            }
            NAME(put_block)(g, (T *)g->c + i * g->ldc + j, m, n, sum);
        }
    }
}

#undef T
#undef U
#undef NAME
