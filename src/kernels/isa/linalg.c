/* SPDX-License-Identifier: Apache-2.0
 * Loops of linear algebra in double for one instruction set level. Only what is left between matrix
 * products stands here, so that there is one width of panels and few forms of each loop. */
#include <math.h>

#include "kernels/isa/fma.h"
#include "kernels/linalg_loops.h"

enum { LANES = TW_VECTOR_BYTES / 8, GROUP = TW_LINALG_GROUP, PARTS = GROUP / LANES };
typedef double vec __attribute__((vector_size(TW_VECTOR_BYTES)));
typedef double loose __attribute__((vector_size(TW_VECTOR_BYTES), aligned(8), may_alias));
typedef long long whole __attribute__((vector_size(TW_VECTOR_BYTES)));

/* Vectors begin anywhere: what is worked on moves along the diagonal. */
static ALWAYS_INLINE vec load(const double *x)
{
    return *(const loose *)x;
}
static ALWAYS_INLINE void store(double *x, vec v)
{
    *(loose *)x = v;
}
static ALWAYS_INLINE vec spread(double x)
{
    return (vec){SPREAD_F64(x)};
}

/* y where the mask is set, else x. */
static ALWAYS_INLINE vec choose(whole mask, vec y, vec x)
{
    return (vec)(((whole)y & mask) | ((whole)x & ~mask));
}

/* Four sums, because one would wait for itself. */
static double dot(size_t n, const double *x, const double *y)
{
    vec sum[4] = {{0}};
    size_t i = 0;
    double all = 0;
    for (; i + 4 * LANES <= n; i += 4 * LANES) {
        for (size_t v = 0; v < 4; v++)
            sum[v] = FMA_F64(load(x + i + v * LANES), load(y + i + v * LANES), sum[v]);
    }
    for (; i + LANES <= n; i += LANES)
        sum[0] = FMA_F64(load(x + i), load(y + i), sum[0]);
    vec both = (sum[0] + sum[1]) + (sum[2] + sum[3]);
    for (size_t l = 0; l < LANES; l++)
        all += both[l];
    for (; i < n; i++)
        all += x[i] * y[i];
    return all;
}

static void add(size_t n, double factor, const double *x, double *y)
{
    size_t i = 0;
    vec f = spread(factor);
    for (; i + LANES <= n; i += LANES)
        store(y + i, FMA_F64(f, load(x + i), load(y + i)));
    for (; i < n; i++)
        y[i] += factor * x[i];
}

/* ---- an update and a product in one pass ---- */

/* Rows [i, i + rows): the vectors along the row are read once for all of them. */
static ALWAYS_INLINE void update_rows(const tw_linalg_update *u, size_t i, size_t rows)
{
    double *a = u->a + i * u->lda;
    vec p[4], r[4], x[4];
    size_t j = 0;
    for (size_t k = 0; k < rows; k++) {
        p[k] = spread(u->p ? -u->p[i + k] : 0);
        r[k] = spread(u->p ? -u->r[i + k] : 0);
        x[k] = spread(u->x[i + k]);
    }
    for (; j + LANES <= u->n; j += LANES) {
        vec sum = load(u->out + j), q = load(u->q + j), s = load(u->s + j);
        for (size_t k = 0; k < rows; k++) {
            vec t = FMA_F64(r[k], s, FMA_F64(p[k], q, load(a + k * u->lda + j)));
            store(a + k * u->lda + j, t);
            sum = FMA_F64(x[k], t, sum);
        }
        store(u->out + j, sum);
    }
    for (; j < u->n; j++) {
        for (size_t k = 0; k < rows; k++) {
            double *t = a + k * u->lda + j;
            *t += p[k][0] * u->q[j] + r[k][0] * u->s[j];
            u->out[j] += x[k][0] * *t;
        }
    }
}

static void update(const tw_linalg_update *u)
{
    size_t i = 0;
    tw_linalg_update from = *u;
    /* Without a first factor it is multiplied by zero, and any finite numbers do. */
    if (!u->p)
        from.q = from.s = u->a;
    for (size_t j = 0; j < u->n; j++)
        u->out[j] = 0;
    for (; i + 4 <= u->m; i += 4)
        update_rows(&from, i, 4);
    for (; i < u->m; i++)
        update_rows(&from, i, 1);
}

/* ---- rotations ---- */

/* One run, of `nv` vectors of each row: the row that the next rotation turns too stays in
 * registers. */
static ALWAYS_INLINE void turn_columns(const tw_turns *t, const double *pairs, double *a,
                                       ptrdiff_t step, size_t nv)
{
    vec x[4];
    for (size_t v = 0; v < nv; v++)
        x[v] = load(a + v * LANES);
    for (size_t i = 0; i < t->count; i++, a += step) {
        vec c = spread(pairs[2 * i]), s = spread(pairs[2 * i + 1]), minus = -s;
        for (size_t v = 0; v < nv; v++) {
            vec y = load(a + step + (ptrdiff_t)(v * LANES));
            store(a + v * LANES, FMA_F64(c, x[v], s * y));
            x[v] = FMA_F64(minus, x[v], c * y);
        }
    }
    for (size_t v = 0; v < nv; v++)
        store(a + v * LANES, x[v]);
}

/* By strips of columns, whose rows stay in the first cache for all runs. */
static void turn(const tw_turns *turns, size_t count, const double *pairs, double *a, size_t lda,
                 size_t width)
{
    for (size_t j = 0; j < width;) {
        size_t nv = width - j >= 4 * LANES ? 4 : 1;
        for (size_t k = 0; k < count; k++) {
            const tw_turns *t = turns + k;
            double *first = a + t->first * lda + j;
            if (nv == 4)
                turn_columns(t, pairs + t->at, first, t->step * (ptrdiff_t)lda, 4);
            else
                turn_columns(t, pairs + t->at, first, t->step * (ptrdiff_t)lda, 1);
        }
        j += nv * LANES;
    }
}

/* ---- factors and solutions of a few columns ---- */

/* Column k of a group: where it stands in the vectors of a row, and what lies behind it. */
static ALWAYS_INLINE whole mask_of(size_t part, size_t k, bool behind)
{
    static const long long all[GROUP] = {0, 1, 2, 3, 4, 5, 6, 7};
    whole place, at = (whole){0} + (long long)k;
    for (size_t l = 0; l < LANES; l++)
        place[l] = all[part * LANES + l];
    return behind ? place > at : place == at;
}

static ALWAYS_INLINE void swap_groups(double *x, double *y)
{
    for (size_t v = 0; v < PARTS; v++) {
        vec kept = load(x + v * LANES);
        store(x + v * LANES, load(y + v * LANES));
        store(y + v * LANES, kept);
    }
}

/* Column k out of the rows below k, the greatest of what is left in the next one found on the way:
 * its row, or m if there is none. */
static size_t eliminate_column(size_t m, size_t k, double *a, size_t lda)
{
    double pivot = a[k * lda + k], most = -1;
    size_t best = m;
    vec row[PARTS];
    whole here[PARTS];
    for (size_t v = 0; v < PARTS; v++) {
        whole behind = mask_of(v, k, true);
        row[v] = choose(behind, load(a + k * lda + v * LANES), spread(0));
        here[v] = mask_of(v, k, false);
    }
    for (size_t i = k + 1; i < m; i++) {
        double *x = a + i * lda, factor = x[k] / pivot;
        vec f = spread(factor);
        for (size_t v = 0; v < PARTS; v++) {
            vec rest = FMA_F64(-f, row[v], load(x + v * LANES));
            store(x + v * LANES, choose(here[v], f, rest));
        }
        double size = k + 1 < GROUP ? fabs(x[k + 1]) : 0;
        if (size > most)
            most = size, best = i;
    }
    return best;
}

/* NaN is greater than nothing, so a column of them keeps its own row. */
static bool eliminate(size_t m, size_t n, double *a, size_t lda, size_t *swaps)
{
    size_t best = 0;
    for (size_t i = 1; i < m && n; i++) {
        if (fabs(a[i * lda]) > fabs(a[best * lda]))
            best = i;
    }
    for (size_t k = 0; k < n; k++) {
        swaps[k] = best < m ? best : k;
        if (swaps[k] != k)
            swap_groups(a + k * lda, a + swaps[k] * lda);
        if (a[k * lda + k] == 0)
            return false;
        best = eliminate_column(m, k, a, lda);
    }
    return true;
}

/* From the left by whole vectors: what stands below the diagonal is nothing that counts. */
static bool cholesky(size_t n, double *a, size_t lda)
{
    for (size_t k = 0; k < n; k++) {
        double *row = a + k * lda;
        if (!(row[k] > 0))
            return false;
        vec root = spread(sqrt(row[k]));
        for (size_t j = k / LANES * LANES; j < n; j += LANES)
            store(row + j, load(row + j) / root);
        for (size_t i = k + 1; i < n; i++) {
            vec f = spread(-row[i]);
            for (size_t j = i / LANES * LANES; j < n; j += LANES)
                store(a + i * lda + j, FMA_F64(f, load(row + j), load(a + i * lda + j)));
        }
    }
    return true;
}

/* Some columns of the right sides, row by row from where the triangle begins. */
static ALWAYS_INLINE void solve_columns(const tw_triangle *t, size_t n, double *x, size_t ldx,
                                        size_t nv)
{
    for (size_t s = 0; s < n; s++) {
        size_t i = t->lower ? s : n - 1 - s;
        const double *row = t->a + i * t->row;
        vec rest[4];
        for (size_t v = 0; v < nv; v++)
            rest[v] = load(x + i * ldx + v * LANES);
        for (size_t known = 0; known < s; known++) {
            size_t j = t->lower ? known : n - 1 - known;
            vec f = spread(-row[j * t->column]);
            for (size_t v = 0; v < nv; v++)
                rest[v] = FMA_F64(f, load(x + j * ldx + v * LANES), rest[v]);
        }
        vec pivot = spread(t->unit ? 1 : row[i * t->column]);
        for (size_t v = 0; v < nv; v++)
            store(x + i * ldx + v * LANES, t->unit ? rest[v] : rest[v] / pivot);
    }
}

/* As many vectors at a time as hide the wait of each for itself. */
static void solve(const tw_triangle *t, size_t n, size_t k, double *x, size_t ldx)
{
    for (size_t j = 0; j < k;) {
        size_t left = (k - j + LANES - 1) / LANES, nv = left >= 4 ? 4 : left >= 2 ? 2 : 1;
        if (nv == 4)
            solve_columns(t, n, x + j, ldx, 4);
        else if (nv == 2)
            solve_columns(t, n, x + j, ldx, 2);
        else
            solve_columns(t, n, x + j, ldx, 1);
        j += nv * LANES;
    }
}

const tw_linalg_loops TW_ISA_NAME(tw_linalg_loops) = {.dot = dot,
                                                      .add = add,
                                                      .update = update,
                                                      .turn = turn,
                                                      .eliminate = eliminate,
                                                      .cholesky = cholesky,
                                                      .solve = solve};
