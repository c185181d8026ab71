/* SPDX-License-Identifier: Apache-2.0
 * Eigenvalues of symmetric matrices: reflections make the matrix tridiagonal, rotations of
 * neighbours then diagonal (implicit QR with Wilkinson's shift, Golub and Van Loan 8.3).
 *
 * The rotations need nothing but the two diagonals, so they run ahead; the vectors are turned by
 * many of them at a time, while a strip of columns is in the cache (Van Zee et al. 2014). */
#include <float.h>
#include <math.h>
#include <string.h>

#include "kernels/linalg_inside.h"

enum { MOST_STEPS = 40, RUNS_AHEAD = 24 };

size_t tw_turn_room(size_t n)
{
    return n * RUNS_AHEAD;
}

size_t tw_turn_width(size_t n)
{
    return (n + TW_LINALG_GROUP - 1) / TW_LINALG_GROUP * TW_LINALG_GROUP;
}

void tw_turn_all(tw_turning *t)
{
    if (t->a)
        TW_ISA_TABLE(tw_linalg_loops)->turn(t->runs, t->count, t->pairs, t->a, t->lda, t->width);
    t->count = t->used = 0;
}

double *tw_turn_run(tw_turning *t, size_t first, ptrdiff_t step, size_t count)
{
    if (t->count == TW_TURN_RUNS || t->room - t->used < count)
        tw_turn_all(t);
    double *pairs = t->pairs + 2 * t->used;
    t->runs[t->count++] = (tw_turns){first, count, 2 * t->used, step};
    t->used += count;
    return pairs;
}

/* ---- reflections: from a full matrix to two diagonals ---- */

/* Each step's rank-two update waits for the next step's vector, and is done in the pass that
 * multiplies by it: the matrix is read once a step. */
static void make_tridiagonal(size_t n, double *a, size_t lda, double *d, double *e,
                             const tw_reflections *h, double *work)
{
    const tw_linalg_loops *loops = TW_ISA_TABLE(tw_linalg_loops);
    double *w = work, *next = work + h->ld;
    const double *v = NULL; /* of the step before, whose update waits: a - v w^T - w v^T */
    for (size_t k = 0; k < n; k++) {
        double *row = a + k * lda, *now = h->v + k * h->ld;
        for (size_t j = k; v && j < n; j++)
            row[j] -= v[k] * w[j] + w[k] * v[j];
        d[k] = row[k];
        if (k + 1 == n)
            break;
        size_t first = k + 1, rest = n - first;
        memset(now, 0, h->ld * sizeof *now);
        memcpy(now + first, row + first, rest * sizeof *now);
        e[k] = tw_find_reflection(rest, now + first, &h->tau[k]);
        loops->update(&(tw_linalg_update){.m = rest,
                                          .n = rest,
                                          .lda = lda,
                                          .a = row + lda + first,
                                          .p = v ? v + first : NULL,
                                          .q = w + first,
                                          .r = w + first,
                                          .s = v ? v + first : NULL,
                                          .x = now + first,
                                          .out = next + first});
        double tau = h->tau[k], half = loops->dot(rest, next + first, now + first) * tau / 2;
        for (size_t j = first; j < n; j++)
            next[j] = tau * (next[j] - half * now[j]);
        double *kept = w;
        w = next;
        next = kept;
        v = now;
    }
}

/* ---- rotations: the two diagonals ---- */

/* One step of implicit QR on k + 1 numbers of the diagonal, `step` apart. */
static void chase(double *d, double *e, size_t k, ptrdiff_t step, double *pairs)
{
    double *last = d + (ptrdiff_t)k * step, beside = e[((ptrdiff_t)k - 1) * step];
    /* The shift is the eigenvalue of the last two by two that is nearer to its last number. */
    double g = (last[-step] - *last) / (2 * beside), r = sqrt(g * g + 1);
    g = *d - *last + beside / (g + (g < 0 ? -r : r));
    double c = 1, s = 1, p = 0;
    for (size_t i = 0; i < k; i++, d += step, e += step, pairs += 2) {
        double f = s * *e, b = c * *e;
        r = sqrt(f * f + g * g);
        if (i)
            e[-step] = r;
        c = r == 0 ? 1 : g / r;
        s = r == 0 ? 0 : f / r;
        g = *d - p;
        r = (d[step] - g) * s + 2 * c * b;
        p = s * r;
        *d = g + p;
        g = c * r - b;
        pairs[0] = c;
        pairs[1] = s;
    }
    *d -= p;
    e[-step] = g;
}

/* From the last one on, whatever is parted from the rest by a zero. The step goes from the larger
 * end to the smaller one, where small eigenvalues come out first. */
static void diagonalise(size_t n, double *d, double *e, tw_turning *t)
{
    size_t last = n ? n - 1 : 0;
    for (size_t steps = 0; last && steps < MOST_STEPS * n; steps++) {
        size_t first = last;
        while (first &&
               e[first - 1] * e[first - 1] >
                   DBL_EPSILON * DBL_EPSILON * fabs(d[first]) * fabs(d[first - 1]) + DBL_MIN)
            first--;
        if (first)
            e[first - 1] = 0;
        if (first == last) {
            last--;
            continue;
        }
        size_t k = last - first;
        bool down = fabs(d[first]) >= fabs(d[last]);
        double *pairs = tw_turn_run(t, down ? first : last, down ? 1 : -1, k);
        chase(down ? d + first : d + last, down ? e + first : e + last - 1, k, down ? 1 : -1,
              pairs);
    }
    tw_turn_all(t);
}

size_t tw_eigen_work(size_t n)
{
    size_t ld = tw_linalg_stride(n);
    return (n + 4) * ld + tw_reflect_work(n) + 2 * tw_turn_room(n);
}

void tw_factor_symmetric(size_t n, double *a, size_t lda, double *d, double *v, double *work)
{
    size_t ld = tw_linalg_stride(n);
    double *e = work + n * ld, *tau = e + ld, *more = tau + ld;
    tw_reflections h = {
        .count = n ? n - 1 : 0, .length = n, .offset = 1, .ld = ld, .v = work, .tau = tau};
    make_tridiagonal(n, a, lda, d, e, &h, more);
    double *pairs = more + 2 * ld + tw_reflect_work(n);
    tw_turning t = {
        .a = v, .lda = lda, .width = tw_turn_width(n), .room = tw_turn_room(n), .pairs = pairs};
    if (v)
        tw_form_rows(&h, n, v, lda, more);
    diagonalise(n, d, e, &t);
}
