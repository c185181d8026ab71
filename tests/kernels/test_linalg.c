/* SPDX-License-Identifier: Apache-2.0
 * Factors of real matrices, put together again: sizes around the widths of groups, blocks and
 * strips, on every instruction set level; matrices that are singular, graded or all alike. */
#include "kernel_test.h"

#include "kernels/linalg.h"

static const size_t sizes[] = {0, 1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 24, 31, 33, 47, 64, 65, 100};
enum { SIZES = sizeof sizes / sizeof *sizes };

/* Rows of padded memory, zero where nothing is set. */
typedef struct matrix {
    size_t rows, columns, ld;
    double *x;
} matrix;

static matrix zeros(size_t rows, size_t columns)
{
    matrix a = {rows, columns, tw_linalg_stride(columns), NULL};
    a.x = calloc(rows * a.ld + 8, sizeof *a.x);
    assert_non_null(a.x);
    return a;
}

static double *at(matrix a, size_t i, size_t j)
{
    return a.x + i * a.ld + j;
}

static matrix random_matrix(size_t rows, size_t columns, uint64_t seed)
{
    matrix a = zeros(rows, columns);
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < columns; j++)
            *at(a, i, j) = random_value(TW_FLOAT64, &seed);
    }
    return a;
}

static matrix copy_of(matrix a)
{
    matrix copy = zeros(a.rows, a.columns);
    memcpy(copy.x, a.x, a.rows * a.ld * sizeof *a.x);
    return copy;
}

static matrix transposed(matrix a)
{
    matrix t = zeros(a.columns, a.rows);
    for (size_t i = 0; i < a.rows; i++) {
        for (size_t j = 0; j < a.columns; j++)
            *at(t, j, i) = *at(a, i, j);
    }
    return t;
}

/* a^T b */
static matrix product_of(matrix a, matrix b)
{
    matrix c = zeros(a.columns, b.columns);
    for (size_t p = 0; p < a.rows; p++) {
        for (size_t i = 0; i < a.columns; i++) {
            for (size_t j = 0; j < b.columns; j++)
                *at(c, i, j) += *at(a, p, i) * *at(b, p, j);
        }
    }
    return c;
}

static double largest(matrix a)
{
    double most = 0;
    for (size_t i = 0; i < a.rows; i++) {
        for (size_t j = 0; j < a.columns; j++)
            most = fmax(most, fabs(*at(a, i, j)));
    }
    return most;
}

/* Frees both. */
static void assert_alike(matrix got, matrix want, const char *what)
{
    double bound = 1e-14 * (double)(got.rows + got.columns + 8) * (largest(want) + 1e-290);
    for (size_t i = 0; i < got.rows; i++) {
        for (size_t j = 0; j < got.columns; j++)
            assert_near(*at(got, i, j), *at(want, i, j), bound, what);
    }
    free(got.x);
    free(want.x);
}

/* Frees a: its rows are orthonormal. */
static void assert_orthonormal(matrix a, const char *what)
{
    matrix unit = zeros(a.rows, a.rows), turned = transposed(a);
    for (size_t i = 0; i < a.rows; i++)
        *at(unit, i, i) = 1;
    assert_alike(product_of(turned, turned), unit, what);
    free(turned.x);
    free(a.x);
}

static double *work_of(size_t count)
{
    double *work = malloc((count + 8) * sizeof *work);
    assert_non_null(work);
    for (size_t i = 0; i < count; i++)
        work[i] = NAN; /* what is not written first shows */
    return work;
}

/* Unit lower triangle times upper triangle is the matrix with its rows swapped. */
static void check_elimination(size_t m, size_t n)
{
    matrix a = random_matrix(m, n, m * 131 + n), factors = copy_of(a);
    size_t swaps[128];
    assert_true(tw_eliminate_real(m, n, factors.x, factors.ld, swaps));
    tw_swap_rows(swaps, n, n, a.x, a.ld);
    matrix lower = zeros(n, m), upper = zeros(n, n); /* the lower one transposed */
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < n; j++) {
            double x = *at(factors, i, j);
            *(j < i ? at(lower, j, i) : at(upper, i, j)) = x;
            assert_true(j >= i || fabs(x) <= 1);
        }
        if (i < n)
            *at(lower, i, i) = 1;
    }
    assert_alike(product_of(lower, upper), a, "lu");
    free(lower.x);
    free(upper.x);
    free(factors.x);
}

static void eliminated_factors_give_the_matrix_again(void **state)
{
    (void)state;
    for (EACH_LEVEL(level)) {
        for (size_t i = 0; i < SIZES; i++) {
            check_elimination(sizes[i], sizes[i]);
            check_elimination(sizes[i] + 5, sizes[i]);
        }
    }
}

static void a_singular_matrix_is_found(void **state)
{
    (void)state;
    for (EACH_LEVEL(level)) {
        for (size_t n = 2; n < 40; n += 3) {
            matrix a = random_matrix(n, n, n);
            size_t swaps[64];
            for (size_t i = 0; i < n; i++)
                *at(a, i, n / 2) = 0;
            assert_false(tw_eliminate_real(n, n, a.x, a.ld, swaps));
            free(a.x);
        }
    }
}

/* Triangles of all four kinds, by their product with the solution. */
static void check_triangle(size_t n, size_t k, bool lower, bool turned, bool unit)
{
    matrix t = random_matrix(n, n, n + k), b = random_matrix(n, k, n + 2 * k), x = copy_of(b);
    matrix whole = zeros(n, n); /* op(t), transposed for the product below */
    for (size_t i = 0; i < n; i++)
        *at(t, i, i) += *at(t, i, i) < 0 ? -6 : 6;
    for (size_t i = 0; i < n * t.ld; i++)
        t.x[i] /= 6;
    tw_triangle triangle = {t.x, turned ? 1 : t.ld, turned ? t.ld : 1, lower, unit};
    for (size_t i = 0; i < n; i++) {
        for (size_t j = lower ? 0 : i; j < (lower ? i + 1 : n); j++)
            *at(whole, j, i) = i == j && unit ? 1 : t.x[i * triangle.row + j * triangle.column];
    }
    tw_solve_triangle(&triangle, n, k, x.x, x.ld);
    assert_alike(product_of(whole, x), b, "triangle");
    free(whole.x);
    free(x.x);
    free(t.x);
}

static void solutions_of_triangles_give_the_right_side_again(void **state)
{
    (void)state;
    for (EACH_LEVEL(level)) {
        for (size_t i = 0; i < SIZES && sizes[i] < 40; i++) {
            for (int kind = 0; kind < 8; kind++)
                check_triangle(sizes[i], (i * 7 + 1) % 20, kind & 1, kind & 2, kind & 4);
        }
    }
}

static matrix definite(size_t n)
{
    matrix half = random_matrix(n + 3, n, n), a = product_of(half, half);
    free(half.x);
    return a;
}

static void cholesky_factors_give_the_matrix_again(void **state)
{
    (void)state;
    for (EACH_LEVEL(level)) {
        for (size_t i = 0; i < SIZES; i++) {
            size_t n = sizes[i];
            matrix a = definite(n), u = copy_of(a);
            for (size_t r = 0; r < n; r++) {
                for (size_t c = 0; c < r; c++)
                    *at(u, r, c) = NAN; /* is not to be read */
            }
            assert_true(tw_cholesky_upper(n, u.x, u.ld));
            for (size_t r = 0; r < n; r++)
                memset(at(u, r, 0), 0, r * sizeof *u.x);
            assert_alike(product_of(u, u), a, "cholesky");
            free(u.x);
        }
    }
}

static void what_is_not_positive_is_refused_wherever_it_stands(void **state)
{
    (void)state;
    for (EACH_LEVEL(level)) {
        for (size_t bad = 0; bad < 40; bad += 3) {
            matrix a = definite(40);
            *at(a, bad, bad) = bad % 2 ? -1 : NAN;
            assert_false(tw_cholesky_upper(40, a.x, a.ld));
            free(a.x);
        }
    }
}

/* q r of a (m, n), q whole: the rows of `t` are the columns of the matrix. */
static void check_qr(size_t m, size_t n)
{
    size_t steps = m < n ? m : n, ld = tw_linalg_stride(m);
    matrix a = random_matrix(n, m, m + 3 * n), r = copy_of(a), q = zeros(m, m);
    if (m > 2 && n > 1)
        memset(at(a, 1, 0), 0, m * sizeof *a.x), memset(at(r, 1, 0), 0, m * sizeof *a.x);
    double *work = work_of(tw_reflect_work(m > n ? m : n) + (steps + 1) * ld);
    double *v = work + tw_reflect_work(m > n ? m : n);
    tw_reflections h = {steps, m, 0, ld, v, v + steps * ld};
    tw_factor_qr(&h, n, r.x, r.ld, work);
    tw_form_rows(&h, m, q.x, q.ld, work);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = i + 1; j < m; j++)
            *at(r, i, j) = 0;
    }
    matrix turned = transposed(r);
    assert_alike(product_of(turned, q), a, "qr");
    assert_orthonormal(q, "q");
    free(turned.x);
    free(r.x);
    free(work);
}

static void qr_factors_give_the_matrix_again(void **state)
{
    (void)state;
    for (EACH_LEVEL(level)) {
        for (size_t i = 0; i < SIZES; i++) {
            check_qr(sizes[i], sizes[i]);
            check_qr(sizes[i] + 9, sizes[i]);
            check_qr(sizes[i], sizes[i] + 9);
        }
    }
}

/* Of a symmetric matrix, which is freed; its diagonal in d, for more checks, if that is there. */
static void check_eigen(matrix a, double *values)
{
    size_t n = a.rows;
    matrix work = copy_of(a), v = zeros(n, n), scaled = zeros(n, n);
    double *more = work_of(tw_eigen_work(n)), d[128];
    tw_factor_symmetric(n, work.x, work.ld, d, v.x, more);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++)
            *at(scaled, i, j) = d[i] * *at(v, i, j);
        if (values)
            values[i] = d[i];
    }
    assert_alike(product_of(v, scaled), a, "eigenvectors");
    assert_orthonormal(v, "eigenvectors");
    free(work.x);
    free(scaled.x);
    free(more);
}

static matrix symmetric(size_t n)
{
    matrix a = random_matrix(n, n, n * 5 + 1);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < i; j++)
            *at(a, j, i) = *at(a, i, j);
    }
    return a;
}

static void eigenvectors_give_the_matrix_again(void **state)
{
    (void)state;
    for (EACH_LEVEL(level)) {
        for (size_t i = 0; i < SIZES; i++)
            check_eigen(symmetric(sizes[i]), NULL);
    }
}

/* All alike, of rank one, zero, or graded over twenty decades either way. */
static void eigenvalues_of_strange_matrices_are_found(void **state)
{
    (void)state;
    for (size_t kind = 0; kind < 5; kind++) {
        size_t n = 30;
        matrix a = zeros(n, n);
        double values[128], sum = 0, trace = 0;
        for (size_t i = 0; i < n; i++) {
            for (size_t j = 0; j < n; j++) {
                double grade = pow(10, -(double)(i + j) / 3.0),
                       back = pow(10, (double)(i + j) / 3 - 20);
                const double kinds[] = {i == j ? 3 : 0, 1, 0, grade, back};
                *at(a, i, j) = kinds[kind];
            }
            trace += *at(a, i, i);
        }
        check_eigen(a, values);
        for (size_t i = 0; i < n; i++)
            sum += values[i];
        assert_near(sum, trace, 1e-12, "trace");
    }
}

/* m >= n; all m vectors of the left side. Frees a, and leaves the singular values in s. */
static void check_svd(matrix a, double *s)
{
    size_t m = a.rows, n = a.columns;
    matrix work = copy_of(a), u = zeros(m, m), v = zeros(n, n), scaled = zeros(n, n);
    double *more = work_of(tw_svd_work(m, n));
    tw_factor_real_svd(m, n, m, work.x, work.ld, s, u.x, v.x, more);
    for (size_t i = 0; i < n; i++) {
        assert_true(s[i] >= 0);
        for (size_t j = 0; j < n; j++)
            *at(scaled, i, j) = s[i] * *at(v, i, j);
    }
    matrix used = u;
    used.rows = n;
    assert_alike(product_of(used, scaled), a, "singular vectors");
    assert_orthonormal(u, "left vectors");
    assert_orthonormal(v, "right vectors");
    free(work.x);
    free(scaled.x);
    free(more);
}

static void singular_vectors_give_the_matrix_again(void **state)
{
    (void)state;
    double s[128];
    for (EACH_LEVEL(level)) {
        for (size_t i = 0; i < SIZES; i++) {
            check_svd(random_matrix(sizes[i], sizes[i], i), s);
            check_svd(random_matrix(sizes[i] + 11, sizes[i], i), s);
        }
    }
}

static int descending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

/* A bidiagonal matrix determines its smallest singular values as well as its largest: graded either
 * way they have all of their digits (the product of all is that of the diagonal). */
static void small_singular_values_keep_their_digits(void **state)
{
    (void)state;
    for (int way = 0; way < 2; way++) {
        size_t n = 12;
        matrix a = zeros(n, n);
        double s[128], product = 1, want = 1;
        for (size_t i = 0; i < n; i++) {
            *at(a, i, i) = pow(10, -2.0 * (double)(way ? n - 1 - i : i));
            if (i + 1 < n)
                *at(a, i, i + 1) = *at(a, i, i) * 0.5;
            want *= *at(a, i, i);
        }
        check_svd(a, s);
        qsort(s, n, sizeof *s, descending);
        for (size_t i = 0; i < n; i++)
            product *= s[i];
        assert_near(product / want, 1, 1e-12, "determinant");
    }
}

/* Zeros on the diagonal, ones everywhere, nothing at all; and values alone are the same ones. */
static void singular_matrices_have_zeros(void **state)
{
    (void)state;
    for (size_t kind = 0; kind < 4; kind++) {
        size_t n = 20, rank = 0;
        matrix a = zeros(n + 2, n);
        double s[128], alone[128];
        for (size_t i = 0; i < n; i++) {
            for (size_t j = 0; j < n; j++)
                *at(a, i, j) = kind == 0   ? (double)(j == i + 1)
                               : kind == 1 ? 1
                               : kind == 2 ? 0
                                           : (double)(i * n + j);
        }
        matrix again = copy_of(a);
        double *work = work_of(tw_svd_work(n + 2, n));
        tw_factor_real_svd(n + 2, n, n, again.x, again.ld, alone, NULL, NULL, work);
        check_svd(a, s);
        qsort(s, n, sizeof *s, descending);
        qsort(alone, n, sizeof *s, descending);
        for (size_t i = 0; i < n; i++) {
            rank += s[i] > s[0] * 1e-13;
            assert_near(alone[i], s[i], 1e-12 * s[0], "values alone");
        }
        assert_int_equal(rank, ((size_t[]){n - 1, 1, 0, 2})[kind]);
        free(again.x);
        free(work);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(eliminated_factors_give_the_matrix_again),
        cmocka_unit_test(a_singular_matrix_is_found),
        cmocka_unit_test(solutions_of_triangles_give_the_right_side_again),
        cmocka_unit_test(cholesky_factors_give_the_matrix_again),
        cmocka_unit_test(what_is_not_positive_is_refused_wherever_it_stands),
        cmocka_unit_test(qr_factors_give_the_matrix_again),
        cmocka_unit_test(eigenvectors_give_the_matrix_again),
        cmocka_unit_test(eigenvalues_of_strange_matrices_are_found),
        cmocka_unit_test(singular_vectors_give_the_matrix_again),
        cmocka_unit_test(small_singular_values_keep_their_digits),
        cmocka_unit_test(singular_matrices_have_zeros),
    };
    return cmocka_run_group_tests_name("linalg", tests, enter_float_mode, NULL);
}
