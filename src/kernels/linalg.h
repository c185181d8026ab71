/* SPDX-License-Identifier: Apache-2.0
 * Linear algebra of real matrices in double (Golub and Van Loan, Matrix Computations; Demmel and
 * Kahan 1990; Van Zee, van de Geijn and Quintana-Orti 2014). Most of each is matrix products.
 *
 * Matrices lie row by row in the caller's memory, their rows a stride apart that tw_linalg_stride
 * gave, the padding set to numbers that are finite. Nothing allocates; sizes of 0 are allowed. One
 * matrix is the work of one thread, so results do not depend on their number. */
#ifndef TW_KERNELS_LINALG_H
#define TW_KERNELS_LINALG_H

#include <stdbool.h>
#include <stddef.h>

/* Doubles from row to row for rows of n numbers: whole groups of 8, and no power of two, which
 * would have all rows share a few places of the cache. */
size_t tw_linalg_stride(size_t n);

/* A dense matrix (rows, columns) of float or double into `out`, padding included; `turned`: out is
 * its transpose. And back, from rows `ld` apart; order[i]: which of them is row i, NULL: itself. */
void tw_linalg_read(bool single, const void *x, size_t rows, size_t columns, bool turned,
                    double *out);
void tw_linalg_write(bool single, void *y, size_t rows, size_t columns, bool turned,
                     const double *in, size_t ld, const size_t *order);
/* What the numbers were divided by, so that no square of them overflows: 1 mostly; NaN if one of
 * them is not finite. */
double tw_linalg_scale(size_t rows, size_t columns, double *x, size_t ld);

/* order[0], order[1] ...: the places of the numbers, ascending. */
void tw_linalg_sort(size_t n, const double *x, size_t *order);

/* An upper or lower triangle by element (i, j) = a[i * row + j * column]; the other one and, for a
 * unit triangle, the diagonal are not read. */
typedef struct tw_triangle {
    const double *a;
    size_t row, column;
    bool lower, unit;
} tw_triangle;

/* x = t^-1 x for (n, k) right sides. A zero on the diagonal gives infinities. */
void tw_solve_triangle(const tw_triangle *t, size_t n, size_t k, double *x, size_t ldx);

/* Gauss with pivots of their columns: `a` (m, n), m >= n, becomes its factors, a unit lower
 * triangle and an upper one; row i was swapped with row swaps[i], i = 0, 1, ... False: singular. */
bool tw_eliminate_real(size_t m, size_t n, double *a, size_t lda, size_t *swaps);
/* Rows swapped like that, of k columns. */
void tw_swap_rows(const size_t *swaps, size_t n, size_t k, double *x, size_t ldx);
/* u with u^T u = a in the upper triangle of `a`, of which only that is read. False: not
 * positive. */
bool tw_cholesky_upper(size_t n, double *a, size_t lda);

/* Reflections 1 - tau v v^T as rows v of a matrix: row i has zeros before its one, which stands in
 * column i + offset. */
typedef struct tw_reflections {
    size_t count, length, offset, ld;
    double *v, *tau;
} tw_reflections;

/* Doubles of work that the two below want for so many rows. */
size_t tw_reflect_work(size_t rows);
/* The first `rows` columns of the product of all reflections as the rows of x. */
void tw_form_rows(const tw_reflections *h, size_t rows, double *x, size_t ldx, double *work);
/* Of `a` (rows, length), whose rows are the columns of a matrix: h->count reflections are found
 * that make it triangular, row i up to i; h->v gets their vectors. */
void tw_factor_qr(const tw_reflections *h, size_t rows, double *a, size_t lda, double *work);

/* Of the symmetric `a` (n, n), all of it read: eigenvalues d, not in order, and their vectors in
 * the rows of v, unless that is NULL. Doubles of work: tw_eigen_work(n). Numbers are finite. */
size_t tw_eigen_work(size_t n);
void tw_factor_symmetric(size_t n, double *a, size_t lda, double *d, double *v, double *work);

/* a = u^T diag(s) v for `a` (m, n), m >= n: u (columns, m), n <= columns <= m, and v (n, n) hold
 * the vectors in their rows, s is not in order; v NULL: singular values alone. Numbers are
 * finite. */
size_t tw_svd_work(size_t m, size_t n);
void tw_factor_real_svd(size_t m, size_t n, size_t columns, double *a, size_t lda, double *s,
                        double *u, double *v, double *work);

#endif
