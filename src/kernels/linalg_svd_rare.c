/* SPDX-License-Identifier: Apache-2.0
 * Singular values: reflections from both sides make the matrix bidiagonal, rotations then diagonal.
 * A step without a shift loses no digit of a small singular value (Demmel and Kahan 1990, whose
 * tests for what is negligible these are). Rotations wait as those of eigenvectors do. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "kernels/linalg_inside.h"

enum { MOST_STEPS = 40 };

/* ---- reflections: from a full matrix to two diagonals ---- */

/* Of one matrix: column reflections v in the rows of `left`, row reflections of `right`. */
typedef struct reducing {
    size_t m, n, lda;
    double *a, *d, *e;
    tw_reflections left, right;
    /* What waits to be subtracted: v y^T + x u^T; made by the step now. */
    double *x, *y, *next_x, *next_y;
} reducing;

static void swap(double **a, double **b)
{
    double *kept = *a;
    *a = *b;
    *b = kept;
}

/* Column k from the diagonal on, with what waits, becomes the next vector. */
static void reflect_column(const reducing *b, size_t k)
{
    const double *v = k ? b->left.v + (k - 1) * b->left.ld : NULL;
    const double *u = k ? b->right.v + (k - 1) * b->right.ld : NULL;
    double *now = b->left.v + k * b->left.ld;
    memset(now, 0, b->left.ld * sizeof *now);
    for (size_t i = k; i < b->m; i++) {
        now[i] = b->a[i * b->lda + k];
        if (k)
            now[i] -= v[i] * b->y[k] + b->x[i] * u[k];
    }
    b->d[k] = tw_find_reflection(b->m - k, now + k, &b->left.tau[k]);
}

/* Row k behind the diagonal, after the reflection of column k, becomes the next vector, and the
 * product of the matrix with it what waits. */
static void reflect_row(const reducing *b, size_t k)
{
    size_t first = k + 1, rest = b->n - first, below = b->m - first;
    double *row = b->a + k * b->lda, *u = b->right.v + k * b->right.ld, *y = b->next_y;
    const double *v = b->left.v + k * b->left.ld;
    memset(u, 0, b->right.ld * sizeof *u);
    for (size_t j = first; j < b->n; j++) {
        y[j] *= b->left.tau[k];
        u[j] = row[j] - y[j];
    }
    b->e[k] = tw_find_reflection(rest, u + first, &b->right.tau[k]);
    double tau = b->right.tau[k];
    double inside = TW_ISA_TABLE(tw_linalg_loops)->dot(rest, y + first, u + first);
    tw_linalg_product(&(tw_linalg_operand){u + first, 1, 1},
                      &(tw_linalg_operand){row + b->lda + first, 1, b->lda}, 1, below, rest, tau, 0,
                      b->next_x + first, below);
    for (size_t i = first; i < b->m; i++)
        b->next_x[i] -= tau * inside * v[i];
}

/* Each step reads the matrix twice: for the product with the vector of its column, in the same
 * pass as the update that waits, and for that with the vector of its row. */
static void make_bidiagonal(reducing *b)
{
    for (size_t k = 0; k < b->n; k++) {
        size_t first = k + 1;
        reflect_column(b, k);
        if (first == b->n)
            break;
        bool waits = k > 0;
        const double *v = waits ? b->left.v + (k - 1) * b->left.ld : b->x;
        const double *u = waits ? b->right.v + (k - 1) * b->right.ld : b->y;
        TW_ISA_TABLE(tw_linalg_loops)
            ->update(&(tw_linalg_update){.m = b->m - k,
                                         .n = b->n - first,
                                         .lda = b->lda,
                                         .a = b->a + k * b->lda + first,
                                         .p = waits ? v + k : NULL,
                                         .q = b->y + first,
                                         .r = b->x + k,
                                         .s = u + first,
                                         .x = b->left.v + k * b->left.ld + k,
                                         .out = b->next_y + first});
        reflect_row(b, k);
        swap(&b->x, &b->next_x);
        swap(&b->y, &b->next_y);
    }
}

/* ---- rotations: the two diagonals ---- */

/* r = sqrt(f^2 + g^2) and the rotation that sends (f, g) to (r, 0). */
static double rotation(double f, double g, double *c, double *s)
{
    double r = sqrt(f * f + g * g);
    if (r < 0x1p-400) /* squares are below what numbers hold */
        r = hypot(f, g);
    *c = r == 0 ? 1 : f / r;
    *s = r == 0 ? 0 : g / r;
    return r;
}

/* The smaller singular value of (f, g; 0, h), with all of its digits. */
static double smaller_of_two(double f, double g, double h)
{
    double low = fmin(fabs(f), fabs(h)), high = fmax(fabs(f), fabs(h)), beside = fabs(g);
    if (low == 0)
        return 0;
    double sum = 1 + low / high, difference = (high - low) / high;
    if (beside < high) {
        double q = beside / high * (beside / high);
        return low * 2 / (sqrt(sum * sum + q) + sqrt(difference * difference + q));
    }
    double q = high / beside;
    if (q == 0)
        return low * high / beside;
    double one = sum * q, two = difference * q;
    return 2 * low * q / (sqrt(1 + one * one) + sqrt(1 + two * two));
}

/* The numbers of one block of k + 1, seen from the end where a step begins. */
typedef struct block {
    double *d, *e;
    size_t k;
    ptrdiff_t step;
} block;

static double d_of(const block *b, size_t i)
{
    return fabs(b->d[(ptrdiff_t)i * b->step]);
}
static double *e_of(const block *b, size_t i)
{
    return b->e + (ptrdiff_t)i * b->step;
}

/* A number beside the diagonal is set to zero if that changes no singular value by more than
 * tolerance of itself; the least singular value of the block is estimated on the way. */
static bool part(const block *b, double tolerance, double *least)
{
    double *end = e_of(b, b->k - 1), mu = d_of(b, 0);
    if (fabs(*end) <= tolerance * d_of(b, b->k)) {
        *end = 0;
        return true;
    }
    *least = mu;
    for (size_t i = 0; i < b->k; i++) {
        double *e = e_of(b, i);
        if (fabs(*e) <= tolerance * mu) {
            *e = 0;
            return true;
        }
        mu = d_of(b, i + 1) * (mu / (mu + fabs(*e)));
        *least = fmin(*least, mu);
    }
    return false;
}

/* Down the block: the right rotation of each column, then the left one of the rows. Without a shift
 * no number is the difference of two. */
static void chase_plain(const block *b, double *right, double *left)
{
    double *d = b->d, *e = b->e, c = 1, s = 0, old_c = 1, old_s = 0;
    ptrdiff_t step = b->step;
    for (size_t i = 0; i < b->k; i++, d += step, e += step, right += 2, left += 2) {
        double r = rotation(*d * c, *e, &c, &s);
        if (i)
            e[-step] = old_s * r;
        *d = rotation(old_c * r, d[step] * s, &old_c, &old_s);
        right[0] = c, right[1] = s;
        left[0] = old_c, left[1] = old_s;
    }
    double h = *d * c;
    *d = h * old_c;
    e[-step] = h * old_s;
}

static void chase_shifted(const block *b, double shift, double *right, double *left)
{
    double *d = b->d, *e = b->e, c, s;
    ptrdiff_t step = b->step;
    double f = (fabs(*d) - shift) * (copysign(1, *d) + shift / *d), g = *e;
    for (size_t i = 0; i < b->k; i++, d += step, e += step, right += 2, left += 2) {
        double r = rotation(f, g, &c, &s);
        if (i)
            e[-step] = r;
        f = c * *d + s * *e;
        *e = c * *e - s * *d;
        g = s * d[step];
        d[step] *= c;
        right[0] = c, right[1] = s;
        *d = rotation(f, g, &c, &s);
        f = c * *e + s * d[step];
        d[step] = c * d[step] - s * *e;
        if (i + 1 < b->k) {
            g = s * e[step];
            e[step] *= c;
        }
        left[0] = c, left[1] = s;
    }
    e[-step] = f;
}

/* The shift, or 0 where it would cost digits of the least singular value or changes nothing. */
static double find_shift(const block *b, double tolerance, double least, double most)
{
    double begin = d_of(b, 0), n = (double)b->k + 1;
    if (n * tolerance * (least / most) <= fmax(DBL_EPSILON, 0.01 * tolerance) || begin == 0)
        return 0;
    double shift = smaller_of_two(d_of(b, b->k - 1), *e_of(b, b->k - 1), d_of(b, b->k));
    return shift / begin * (shift / begin) < DBL_EPSILON ? 0 : shift;
}

/* The block that ends in `last`: where it begins, after what is below the threshold was cut off;
 * *most is its largest number. */
static size_t find_block(const double *d, double *e, size_t last, double threshold, double *most)
{
    size_t first = last;
    *most = fabs(d[last]);
    for (; first && fabs(e[first - 1]) > threshold; first--)
        *most = fmax(*most, fmax(fabs(d[first - 1]), fabs(e[first - 1])));
    if (first)
        e[first - 1] = 0;
    return first;
}

/* What is below this is nothing beside the least singular value, which is estimated. */
static double find_threshold(size_t n, const double *d, const double *e, double tolerance)
{
    double mu = n ? fabs(d[0]) : 0, least = mu;
    for (size_t i = 1; i < n && least > 0; i++) {
        mu = fabs(d[i]) * (mu / (mu + fabs(e[i - 1])));
        least = fmin(least, mu);
    }
    return fmax(tolerance * least / sqrt((double)n), DBL_MIN * 0x1p20);
}

/* A step from the smaller end is one of the adjoint, read backwards: then the two sides change
 * places. */
static void diagonalise(size_t n, double *d, double *e, tw_turning *left, tw_turning *right)
{
    double tolerance = 64 * DBL_EPSILON, most, least = 0;
    double threshold = find_threshold(n, d, e, tolerance);
    size_t last = n ? n - 1 : 0, seen_first = n, seen_last = n;
    bool down = true;
    for (size_t steps = 0; last && steps < MOST_STEPS * n; steps++) {
        size_t first = find_block(d, e, last, threshold, &most);
        if (first == last) {
            last--;
            continue;
        }
        /* A block keeps its way, or two steps could undo each other. */
        if (first > seen_last || last < seen_first || seen_first == n)
            down = fabs(d[first]) >= fabs(d[last]);
        block b = {down ? d + first : d + last, down ? e + first : e + last - 1, last - first,
                   down ? 1 : -1};
        if (part(&b, tolerance, &least))
            continue;
        seen_first = first;
        seen_last = last;
        double *of_left = tw_turn_run(left, down ? first : last, b.step, b.k);
        double *of_right = tw_turn_run(right, down ? first : last, b.step, b.k);
        double shift = find_shift(&b, tolerance, least, most);
        if (shift == 0)
            chase_plain(&b, down ? of_right : of_left, down ? of_left : of_right);
        else
            chase_shifted(&b, shift, down ? of_right : of_left, down ? of_left : of_right);
    }
    tw_turn_all(left);
    tw_turn_all(right);
}

/* ---- all of it ---- */

size_t tw_svd_work(size_t m, size_t n)
{
    size_t ldm = tw_linalg_stride(m), ldn = tw_linalg_stride(n);
    return n * ldm + n * ldn + 2 * ldm + 5 * ldn + tw_reflect_work(m) + 4 * tw_turn_room(n);
}

void tw_factor_real_svd(size_t m, size_t n, size_t columns, double *a, size_t lda, double *s,
                        double *u, double *v, double *work)
{
    size_t ldm = tw_linalg_stride(m), ldn = tw_linalg_stride(n);
    double *side = work + n * ldm + n * ldn, *more = side + 2 * ldm + 5 * ldn;
    double *pairs = more + tw_reflect_work(m);
    reducing b = {.m = m,
                  .n = n,
                  .lda = lda,
                  .a = a,
                  .d = s,
                  .e = side,
                  .left = {n, m, 0, ldm, work, side + ldn},
                  .right = {n ? n - 1 : 0, n, 1, ldn, work + n * ldm, side + 2 * ldn},
                  .y = side + 3 * ldn,
                  .next_y = side + 4 * ldn,
                  .x = side + 5 * ldn,
                  .next_x = side + 5 * ldn + ldm};
    make_bidiagonal(&b);
    if (v) {
        tw_form_rows(&b.left, columns, u, ldm, more);
        tw_form_rows(&b.right, n, v, ldn, more);
    }
    tw_turning left = {.a = v ? u : NULL,
                       .lda = ldm,
                       .width = tw_turn_width(m),
                       .room = tw_turn_room(n),
                       .pairs = pairs};
    tw_turning right = {.a = v,
                        .lda = ldn,
                        .width = tw_turn_width(n),
                        .room = tw_turn_room(n),
                        .pairs = pairs + 2 * tw_turn_room(n)};
    diagonalise(n, s, b.e, &left, &right);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; v && s[i] < 0 && j < n; j++)
            v[i * ldn + j] = -v[i * ldn + j];
        s[i] = fabs(s[i]);
    }
}
