/* SPDX-License-Identifier: Apache-2.0
 * What ops of linear algebra share: an array as matrices in its last two dims, computed in double
 * precision whatever their dtype. Real ones go to kernels/linalg.h; complex ones, which are rarer
 * still, to plain loops. */
#ifndef TW_OPS_MATRICES_H
#define TW_OPS_MATRICES_H

#include <complex.h>

#include "kernels/linalg.h"
#include "op/define.h"

/* Each op has a kernel for real numbers and one for complex ones, which its Batch twin shares. */
#define TW_REAL_OR_COMPLEX(of_real, of_complex)         \
    {                                                   \
        {                                               \
            .dtypes = "T: {double, float}",             \
            .workspace = of_real##_workspace,           \
            .compute = of_real,                         \
        },                                              \
            {                                           \
                .dtypes = "T: {complex64, complex128}", \
                .workspace = of_complex##_workspace,    \
                .compute = of_complex,                  \
            },                                          \
    }

/* Matrix k of those in `array`, each (rows, columns), of float or double, padded for linalg.h. */
void tw_read_matrix(const tw_array *array, size_t k, size_t rows, size_t columns, bool turned,
                    double *out);
void tw_write_matrix(tw_array *array, size_t k, size_t rows, size_t columns, bool turned,
                     const double *in, size_t ld);
/* Doubles that a padded matrix takes, and bytes for `count` areas of them (SIZE_MAX: too many). */
size_t tw_matrix_area(size_t rows, size_t columns);
size_t tw_real_bytes(size_t count, const size_t (*areas)[2]);
double *tw_real_workspace(const tw_compute *c);

/* Elements [from, from + count) of a float or double array, complex or not. */
void tw_read_complex(const tw_array *array, size_t from, size_t count, double complex *out);
void tw_write_complex(tw_array *array, size_t from, size_t count, const double complex *in);

/* Input `input` with at least two dims; unknown after a failure. */
tw_shape tw_infer_matrices(tw_infer *in, size_t input);
/* The same for square ones: both of its last dims are known if one is. */
tw_shape tw_infer_square(tw_infer *in, size_t input);
/* Every output is a square matrix for each of input 0. */
void tw_infer_square_same(tw_infer *in);
/* Outputs of ops that solve: input 0 is (.., m, n), input 1 (.., m, k), the output (.., n, k). */
void tw_infer_solution(tw_infer *in, bool square);

/* How many matrices there are, and bytes for `count` areas of complex numbers, each rows x
 * columns (SIZE_MAX: too many), as a workspace. */
size_t tw_matrix_count(const tw_array *x);
size_t tw_complex_bytes(size_t count, const size_t (*areas)[2]);
/* The workspace as complex numbers; a place where nothing is kept if empty matrices need none, so
 * that parts of it can be counted out all the same. */
double complex *tw_matrix_workspace(const tw_compute *c);

/* The matrix of dims (rows, columns), transposed and conjugated: out of `in`, which is another. */
void tw_adjoint(size_t rows, size_t columns, const double complex *in, double complex *out);
/* out = a^* b for a (rows, n), b (rows, k). */
void tw_adjoint_product(size_t rows, size_t n, size_t k, const double complex *a,
                        const double complex *b, double complex *out);

/* What follows works on whole matrices in the caller's memory and allocates nothing. Sizes of 0 are
 * allowed everywhere; nothing here overlaps unless it says so. */

/* Gauss with pivots: `a` (n, n) becomes upper triangular, the same is done to the `columns` right
 * sides in x. False: singular. *odd: an odd number of rows was swapped. */
bool tw_eliminate(size_t n, size_t columns, double complex *a, double complex *x, bool *odd);
/* x = a^-1 x by this. */
bool tw_solve(size_t n, size_t columns, double complex *a, double complex *x);
/* The lower triangle of `a` becomes l with l l^* = a, the upper one 0. False: not positive. */
bool tw_factor_cholesky(size_t n, double complex *a);
/* x = l^-1 x, or l^-* x. */
void tw_solve_lower(size_t n, size_t columns, bool adjoint, const double complex *l,
                    double complex *x);
/* Jacobi: of the hermitian `a`, whose lower triangle is read, the eigenvalues in its diagonal,
 * ascending, and their vectors in the columns of v. */
void tw_factor_eigen(size_t n, double complex *a, double complex *v);
/* One-sided Jacobi for m >= n: row j of `a` (n, m) holds column j of the matrix at first, of u
 * then; row j of v (n, n) column j of v; s descends. */
void tw_factor_svd(size_t m, size_t n, double complex *a, double complex *v, double *s);
/* Rows [have, want) of `a`, m long, become orthonormal to those before and each other. */
void tw_complete_rows(size_t m, size_t have, size_t want, double complex *a);

/* The derivatives' last two dims swapped and conjugated. */
tw_tensor tw_matrix_adjoint(tw_tensor x);
tw_tensor tw_matrix_product(tw_tensor a, tw_tensor b, bool adjoint_a, bool adjoint_b);

#endif
