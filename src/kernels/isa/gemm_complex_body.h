/* SPDX-License-Identifier: Apache-2.0
 * The product of one complex dtype. Before it is included: REAL, SPREAD(x), FMA(a, b, c) and
 * NAME(f). Real and imaginary parts of blocks and sums stand in planes of their own, so that loops
 * over columns are loops over reals; a conjugate is a sign while parts are loaded. */

enum { NAME(LANES) = TW_VECTOR_BYTES / sizeof(REAL) };
typedef REAL NAME(vec) __attribute__((vector_size(TW_VECTOR_BYTES)));
typedef REAL NAME(loose)
    __attribute__((vector_size(TW_VECTOR_BYTES), aligned(sizeof(REAL)), may_alias));

typedef struct NAME(planes) {
    REAL re[WIDTH], im[WIDTH];
} NAME(planes);

/* A block of A: a row's parts side by side, the imaginary ones and their opposites. */
typedef struct NAME(left) {
    REAL re[DEPTH], im[DEPTH], less[DEPTH];
} NAME(left);

/* (x + iy)(re + i im) for a vector of columns of TILE rows, which stays in registers over k. */
static ALWAYS_INLINE void NAME(add_tile)(const NAME(left) * a, size_t k, const NAME(planes) * b,
                                         NAME(planes) * sum, size_t column)
{
    NAME(vec) re[TILE], im[TILE];
    for (size_t r = 0; r < TILE; r++) {
        re[r] = *(const NAME(loose) *)(sum[r].re + column);
        im[r] = *(const NAME(loose) *)(sum[r].im + column);
    }
    for (size_t p = 0; p < k; p++) {
        NAME(vec) b_re = *(const NAME(loose) *)(b[p].re + column);
        NAME(vec) b_im = *(const NAME(loose) *)(b[p].im + column);
        for (size_t r = 0; r < TILE; r++) {
            NAME(vec) x = {SPREAD(a[r].re[p])}, y = {SPREAD(a[r].im[p])};
            NAME(vec) minus_y = {SPREAD(a[r].less[p])};
            re[r] = FMA(x, b_re, re[r]);
            im[r] = FMA(x, b_im, im[r]);
            re[r] = FMA(minus_y, b_im, re[r]);
            im[r] = FMA(y, b_re, im[r]);
        }
    }
    for (size_t r = 0; r < TILE; r++) {
        *(NAME(loose) *)(sum[r].re + column) = re[r];
        *(NAME(loose) *)(sum[r].im + column) = im[r];
    }
}

/* Columns beyond n are 0, so that loops have no ends; their sums are never stored. */
static void NAME(load_right)(const REAL *b, size_t b_row, size_t b_col, REAL sign, size_t k,
                             size_t n, NAME(planes) *restrict to)
{
    for (size_t p = 0; p < k; p++, b += 2 * b_row, to++) {
        for (size_t j = 0; j < n && b_col == 1; j++) {
            to->re[j] = b[2 * j];
            to->im[j] = sign * b[2 * j + 1];
        }
        const REAL *at = b;
        for (size_t j = 0; j < n && b_col != 1; j++, at += 2 * b_col) {
            to->re[j] = at[0];
            to->im[j] = sign * at[1];
        }
        for (size_t j = n; j < WIDTH; j++)
            to->re[j] = to->im[j] = 0;
    }
}

/* So are the rows of the last tile beyond m. */
static void NAME(load_left)(const REAL *a, size_t a_row, size_t a_col, REAL sign, size_t m,
                            size_t k, NAME(left) *restrict to)
{
    for (size_t i = 0; i < m; i++, a += 2 * a_row) {
        const REAL *at = a;
        for (size_t p = 0; p < k; p++, at += 2 * a_col) {
            to[i].re[p] = at[0];
            to[i].im[p] = sign * at[1];
            to[i].less[p] = -to[i].im[p];
        }
    }
    for (size_t i = m; i % TILE != 0; i++)
        memset(&to[i], 0, sizeof to[i]);
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
    NAME(left) a[ROWS];
    const REAL *a_all = g->a, *b_all = g->b;
    REAL sign_a = g->conjugate_a ? -1 : 1, sign_b = g->conjugate_b ? -1 : 1;
    for (size_t j = 0; j < g->n; j += WIDTH) {
        size_t n = g->n - j < WIDTH ? g->n - j : WIDTH;
        for (size_t i = 0; i < g->m; i += ROWS) {
            size_t m = g->m - i < ROWS ? g->m - i : ROWS;
            memset(sum, 0, sizeof sum);
            for (size_t p = 0; p < g->k; p += DEPTH) {
                size_t k = g->k - p < DEPTH ? g->k - p : DEPTH;
                NAME(load_right)
                (b_all + 2 * (p * g->b_row + j * g->b_col), g->b_row, g->b_col, sign_b, k, n, b);
                NAME(load_left)
                (a_all + 2 * (i * g->a_row + p * g->a_col), g->a_row, g->a_col, sign_a, m, k, a);
                for (size_t r = 0; r < m; r += TILE) {
                    for (size_t v = 0; v < n; v += NAME(LANES))
                        NAME(add_tile)(a + r, k, b, sum + r, v);
                }
            }
            NAME(put_block)(g, (REAL *)g->c + 2 * (i * g->ldc + j), m, n, sum);
        }
    }
}

#undef REAL
#undef SPREAD
#undef FMA
#undef NAME
