/* SPDX-License-Identifier: Apache-2.0
 * The numerical part of the ops of linear algebra: elimination, Cholesky's factor, eigenvectors and
 * singular values by Jacobi's rotations (Golub and Van Loan, Matrix Computations, 3.4, 4.2, 8.5,
 * 8.6), all in complex double.
 *
 * Matrices lie row by row in the caller's memory. Real ones have imaginary parts of zero all the
 * way, so one body serves four dtypes; that costs time, but these ops are rare and this is a third
 * of the code. Nothing depends on the number of threads: one matrix is the work of one. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "ops/matrices.h"

enum { MOST_SWEEPS = 60 };

/* The square of the absolute value, without the root that cabs would take. */
static double square_of(double complex x)
{
    return creal(x) * creal(x) + cimag(x) * cimag(x);
}

/* The product by its parts: the compiler's own looks for infinities at every step. */
static double complex product(double complex a, double complex b)
{
    double parts[2] = {creal(a) * creal(b) - cimag(a) * cimag(b),
                       creal(a) * cimag(b) + cimag(a) * creal(b)};
    double complex out;
    memcpy(&out, parts, sizeof out);
    return out;
}

/* y -= factor x */
static void subtract(size_t n, double complex factor, const double complex *x, double complex *y)
{
    for (size_t i = 0; i < n; i++)
        y[i] -= product(factor, x[i]);
}

/* x^* y */
static double complex inner(size_t n, const double complex *x, const double complex *y)
{
    double complex sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += product(conj(x[i]), y[i]);
    return sum;
}

/* By elements rather than by pointers: the matrices lie in one piece that the caller owns. */
static void swap_rows(size_t n, double complex *x, double complex *y)
{
    for (size_t i = 0; i < n; i++) {
        double complex kept = x[i];
        x[i] = y[i];
        y[i] = kept;
    }
}

/* Written row by row of the input, so that reads are in order; the output is strided. */
void tw_adjoint(size_t rows, size_t columns, const double complex *in, double complex *out)
{
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < columns; j++)
            out[j * rows + i] = conj(in[i * columns + j]);
    }
}

/* A sum over the rows of both, each of which adds its own outer product: all three matrices are
 * then read and written along their rows. */
void tw_adjoint_product(size_t rows, size_t n, size_t k, const double complex *a,
                        const double complex *b, double complex *out)
{
    memset(out, 0, n * k * sizeof *out);
    for (size_t r = 0; r < rows; r++) {
        for (size_t i = 0; i < n; i++)
            subtract(k, -conj(a[r * n + i]), b + r * k, out + i * k);
    }
}

/* Pivots are the greatest of their column by absolute value, which keeps the factors at or
 * below 1. What stands below the diagonal is not cleared, for nobody reads it again. The right
 * sides go along in the same pass, so that the swaps need not be kept. */
bool tw_eliminate(size_t n, size_t columns, double complex *a, double complex *x, bool *odd)
{
    *odd = false;
    for (size_t k = 0; k < n; k++) {
        size_t best = k;
        for (size_t i = k + 1; i < n; i++) {
            if (cabs(a[i * n + k]) > cabs(a[best * n + k]))
                best = i;
        }
        if (a[best * n + k] == 0)
            return false;
        if (best != k) {
            swap_rows(n - k, a + k * n + k, a + best * n + k);
            swap_rows(columns, x + k * columns, x + best * columns);
            *odd = !*odd;
        }
        for (size_t i = k + 1; i < n; i++) {
            double complex factor = a[i * n + k] / a[k * n + k];
            subtract(n - k, factor, a + k * n + k, a + i * n + k);
            subtract(columns, factor, x + k * columns, x + i * columns);
        }
    }
    return true;
}

/* Elimination goes down, this goes up; the unknowns of all right sides are found row by row. */
bool tw_solve(size_t n, size_t columns, double complex *a, double complex *x)
{
    bool odd;
    if (!tw_eliminate(n, columns, a, x, &odd))
        return false;
    for (size_t i = n; i-- > 0;) {
        double complex *row = x + i * columns;
        for (size_t j = i + 1; j < n; j++)
            subtract(columns, a[i * n + j], x + j * columns, row);
        for (size_t c = 0; c < columns; c++)
            row[c] /= a[i * n + i];
    }
    return true;
}

/* Row by row: every element is what remains of it after the product of the two rows of l that
 * are known by then, over the diagonal. NaN is not above zero, so it is refused like a negative
 * remainder. */
bool tw_factor_cholesky(size_t n, double complex *a)
{
    for (size_t i = 0; i < n; i++) {
        double complex *row = a + i * n;
        for (size_t j = 0; j <= i; j++) {
            double complex rest = row[j] - conj(inner(j, row, a + j * n));
            if (j < i)
                row[j] = rest / creal(a[j * n + j]);
            else if (!(creal(rest) > 0))
                return false;
            else
                row[i] = sqrt(creal(rest));
        }
        for (size_t j = i + 1; j < n; j++)
            row[j] = 0;
    }
    return true;
}

/* The diagonal of l is real and above zero as tw_factor_cholesky leaves it. */
void tw_solve_lower(size_t n, size_t columns, bool adjoint, const double complex *l,
                    double complex *x)
{
    for (size_t step = 0; step < n; step++) {
        size_t i = adjoint ? n - 1 - step : step;
        double complex *row = x + i * columns;
        for (size_t known = 0; known < step; known++) {
            size_t j = adjoint ? n - 1 - known : known;
            subtract(columns, adjoint ? conj(l[j * n + i]) : l[i * n + j], x + j * columns, row);
        }
        for (size_t c = 0; c < columns; c++)
            row[c] /= creal(l[i * n + i]);
    }
}

/* ---- Jacobi's rotations ---- */

/* The rotation that makes p and q orthogonal whose squares are alpha, beta, with p^* q = gamma. */
typedef struct rotation {
    double c, s, t;
    double complex phase;
} rotation;

/* Of the two angles that do it the smaller one, by which the iteration converges. An angle of
 * gamma is taken out of q first, which makes the rest a problem of real numbers. */
static rotation find_rotation(double alpha, double beta, double complex gamma)
{
    double size = cabs(gamma), theta = (beta - alpha) / (2 * size);
    double t = 1 / (fabs(theta) + sqrt(theta * theta + 1));
    t = theta < 0 ? -t : t;
    double c = 1 / sqrt(t * t + 1);
    return (rotation){c, t * c, t, conj(gamma) / size};
}

/* p, q = c p - s phase q, s p + c phase q */
static void rotate(size_t n, double complex *p, double complex *q, size_t stride, const rotation *r,
                   bool conjugate)
{
    double complex phase = conjugate ? conj(r->phase) : r->phase;
    for (size_t i = 0; i < n * stride; i += stride) {
        double complex x = p[i], y = product(phase, q[i]);
        p[i] = r->c * x - r->s * y;
        q[i] = r->s * x + r->c * y;
    }
}

/* Vectors start as the axes and are turned along with the matrix. */
static void set_identity(size_t n, double complex *v)
{
    memset(v, 0, n * n * sizeof *v);
    for (size_t i = 0; i < n; i++)
        v[i * n + i] = 1;
}

/* One sweep over all pairs; false: nothing was left to turn. */
static bool sweep_eigen(size_t n, double complex *a, double complex *v)
{
    /* Every pair once, row by row: cyclic sweeps converge as well as a search for the largest. */
    bool turned = false;
    for (size_t p = 0; p < n; p++) {
        for (size_t q = p + 1; q < n; q++) {
            double app = creal(a[p * n + p]), aqq = creal(a[q * n + q]);
            double complex apq = a[p * n + q];
            double size = cabs(apq);
            if (size == 0 || size < (fabs(app) + fabs(aqq)) * DBL_EPSILON * 0.0625)
                continue;
            rotation r = find_rotation(app, aqq, apq);
            rotate(n, a + p, a + q, n, &r, false);
            rotate(n, a + p * n, a + q * n, 1, &r, true);
            rotate(n, v + p, v + q, n, &r, false);
            /* What the rotation made of these is known exactly, so rounding is not let in. */
            a[p * n + p] = app - r.t * size;
            a[q * n + q] = aqq + r.t * size;
            a[p * n + q] = a[q * n + p] = 0;
            turned = true;
        }
    }
    return turned;
}

/* Sweeps go on until no element off the diagonal is above rounding; that takes six or so,
 * quadratically at the end. The bound is for NaN, which never gets small. Sorting is by
 * selection: it is nothing beside the sweeps and moves each vector once. */
void tw_factor_eigen(size_t n, double complex *a, double complex *v)
{
    for (size_t i = 0; i < n; i++) {
        a[i * n + i] = creal(a[i * n + i]);
        for (size_t j = 0; j < i; j++)
            a[j * n + i] = conj(a[i * n + j]);
    }
    set_identity(n, v);
    for (int sweep = 0; sweep < MOST_SWEEPS && sweep_eigen(n, a, v); sweep++)
        continue;
    for (size_t k = 0; k < n; k++) {
        size_t least = k;
        for (size_t i = k + 1; i < n; i++) {
            if (creal(a[i * n + i]) < creal(a[least * n + least]))
                least = i;
        }
        double complex kept = a[k * n + k];
        a[k * n + k] = a[least * n + least];
        a[least * n + least] = kept;
        for (size_t i = 0; i < n && least != k; i++)
            swap_rows(1, v + i * n + k, v + i * n + least);
    }
}

/* Columns that are orthogonal to within rounding of their own lengths are left, so that small
 * singular values come out with as many digits as large ones. */
static bool sweep_svd(size_t m, size_t n, double complex *a, double complex *v)
{
    bool turned = false;
    for (size_t p = 0; p < n; p++) {
        for (size_t q = p + 1; q < n; q++) {
            double complex *x = a + p * m, *y = a + q * m, gamma = inner(m, x, y);
            double alpha = creal(inner(m, x, x)), beta = creal(inner(m, y, y));
            double size = cabs(gamma);
            if (size == 0 || size <= sqrt(alpha) * sqrt(beta) * DBL_EPSILON)
                continue;
            rotation r = find_rotation(alpha, beta, gamma);
            rotate(m, x, y, 1, &r, false);
            rotate(n, v + p * n, v + q * n, 1, &r, false);
            turned = true;
        }
    }
    return turned;
}

/* Columns of no length at all have no direction: any that is left will do. */
void tw_factor_svd(size_t m, size_t n, double complex *a, double complex *v, double *s)
{
    set_identity(n, v);
    for (int sweep = 0; sweep < MOST_SWEEPS && sweep_svd(m, n, a, v); sweep++)
        continue;
    for (size_t k = 0; k < n; k++)
        s[k] = sqrt(creal(inner(m, a + k * m, a + k * m)));
    for (size_t k = 0; k < n; k++) {
        size_t most = k;
        for (size_t i = k + 1; i < n; i++)
            most = s[i] > s[most] ? i : most;
        double kept = s[k];
        s[k] = s[most], s[most] = kept;
        if (most != k) {
            swap_rows(m, a + k * m, a + most * m);
            swap_rows(n, v + k * n, v + most * n);
        }
    }
    /* Far below rounding: only what is zero but for underflow. */
    size_t rank = 0;
    for (; rank < n && s[rank] > s[0] * 0x1p-200; rank++) {
        for (size_t i = 0; i < m; i++)
            a[rank * m + i] /= s[rank];
    }
    tw_complete_rows(m, rank, n, a);
}

/* The unit vector that lies least in what there is has the most left over; twice for rounding. */
void tw_complete_rows(size_t m, size_t have, size_t want, double complex *a)
{
    for (size_t k = have; k < want; k++) {
        size_t best = 0;
        double least = INFINITY;
        for (size_t i = 0; i < m; i++) {
            double inside = 0;
            for (size_t j = 0; j < k; j++)
                inside += square_of(a[j * m + i]);
            if (inside < least)
                least = inside, best = i;
        }
        double complex *row = a + k * m;
        memset(row, 0, m * sizeof *row);
        row[best] = 1;
        for (int turn = 0; turn < 2; turn++) {
            for (size_t j = 0; j < k; j++)
                subtract(m, inner(m, a + j * m, row), a + j * m, row);
        }
        double size = sqrt(creal(inner(m, row, row)));
        for (size_t i = 0; i < m; i++)
            row[i] /= size;
    }
}
