/* SPDX-License-Identifier: Apache-2.0
 * MatrixLogarithm by inverse scaling and squaring: square roots (Denman, Beavers 1976) until the
 * matrix is near 1, then twice the series of atanh (a - 1) / (a + 1) (Higham 2008, chapter 11).
 *
 * The matrix is turned by a small angle first, and its logarithm back, so that eigenvalues on the
 * negative axis, where the root is not continuous, have a logarithm of imaginary part pi. */
#include <math.h>
#include <string.h>

#include "ops/arrays.h"
#include "ops/matrices.h"

enum { AREAS = 6, MOST_ROOTS = 80, MOST_STEPS = 100, MOST_TERMS = 60 };

static const double ANGLE = -1e-3;

static size_t workspace(const tw_compute *c)
{
    size_t n = (size_t)c->inputs[0]->dims[c->inputs[0]->rank - 1];
    return tw_complex_bytes(AREAS,
                            (const size_t[][2]){{n, n}, {n, n}, {n, n}, {n, n}, {n, n}, {n, n}});
}

static void set_unit(size_t n, double complex *out)
{
    memset(out, 0, n * n * sizeof *out);
    for (size_t i = 0; i < n; i++)
        out[i * n + i] = 1;
}

static void multiply(size_t n, const double complex *a, const double complex *b,
                     double complex *out)
{
    for (size_t i = 0; i < n * n; i++) {
        out[i] = 0;
        for (size_t k = 0; k < n; k++)
            out[i] += a[i / n * n + k] * b[k * n + i % n];
    }
}

/* The greatest sum of a row of a - 1. */
static double distance_from_unit(size_t n, const double complex *a)
{
    double most = 0;
    for (size_t i = 0; i < n; i++) {
        double sum = 0;
        for (size_t k = 0; k < n; k++)
            sum += cabs(a[i * n + k] - (i == k));
        most = sum > most || sum != sum ? sum : most;
    }
    return most;
}

/* out = a^-1; `spare` is for the elimination. False: singular. */
static bool invert(size_t n, const double complex *a, double complex *spare, double complex *out)
{
    memcpy(spare, a, n * n * sizeof *a);
    set_unit(n, out);
    return tw_solve(n, n, spare, out);
}

/* a becomes its principal root: y -> root, z -> its inverse, each the mean with the other's
 * inverse, until nothing changes. */
static bool take_root(size_t n, double complex *a, double complex *areas)
{
    double complex *z = areas, *spare = z + n * n, *of_y = spare + n * n, *of_z = of_y + n * n;
    set_unit(n, z);
    for (int step = 0; step < MOST_STEPS; step++) {
        double change = 0, size = 0;
        if (!invert(n, a, spare, of_y) || !invert(n, z, spare, of_z))
            return false;
        for (size_t i = 0; i < n * n; i++) {
            double complex next = (a[i] + of_z[i]) / 2;
            change += cabs(next - a[i]);
            size += cabs(next);
            a[i] = next;
            z[i] = (z[i] + of_y[i]) / 2;
        }
        if (!(change > size * 1e-15))
            return true;
    }
    return true;
}

/* log a = 2 (t + t^3 / 3 + t^5 / 5 ...) with t = (a - 1) (a + 1)^-1, which commute. */
static bool take_series(size_t n, double complex *a, double complex *areas)
{
    double complex *t = areas, *square = t + n * n, *power = square + n * n;
    double complex *next = power + n * n;
    memcpy(t, a, n * n * sizeof *a);
    for (size_t i = 0; i < n; i++) {
        t[i * n + i] -= 1;
        a[i * n + i] += 1;
    }
    if (!tw_solve(n, n, a, t))
        return false;
    multiply(n, t, t, square);
    memcpy(power, t, n * n * sizeof *t);
    memset(a, 0, n * n * sizeof *a);
    for (int k = 1; k < 2 * MOST_TERMS; k += 2) {
        for (size_t i = 0; i < n * n; i++)
            a[i] += power[i] * (2.0 / k);
        multiply(n, power, square, next);
        memcpy(power, next, n * n * sizeof *power);
    }
    return true;
}

static bool take_logarithm(size_t n, double complex *a, double complex *areas)
{
    double scale = 1;
    double complex turn = cexp(I * ANGLE);
    for (size_t i = 0; i < n * n; i++)
        a[i] *= turn;
    for (int k = 0; distance_from_unit(n, a) > 0.25; k++, scale *= 2) {
        if (k == MOST_ROOTS || !take_root(n, a, areas))
            return false;
    }
    if (!take_series(n, a, areas))
        return false;
    for (size_t i = 0; i < n * n; i++)
        a[i] = a[i] * scale - (i % n == i / n ? I * ANGLE : 0);
    return true;
}

static tw_status *compute(tw_compute *c)
{
    const tw_array *x = tw_input(c, 0);
    size_t n = (size_t)x->dims[x->rank - 1], count = tw_matrix_count(x);
    double complex *a = tw_matrix_workspace(c);
    for (size_t k = 0; k < count && n; k++) {
        tw_read_complex(x, k * n * n, n * n, a);
        if (!take_logarithm(n, a, a + n * n))
            return tw_compute_fail(c, "Input has no logarithm: it is singular, or not finite.");
        tw_write_complex(tw_output(c, 0), k * n * n, n * n, a);
    }
    return TW_OK;
}

static const tw_kernel kernel = {.workspace = workspace, .compute = compute};

const tw_op_definition tw_op_MatrixLogarithm = {
    .signature = "input: T -> output: T; T: {complex64, complex128}",
    .doc = "The principal logarithms of square matrices, which are the last two dims.",
    .since = "MatrixLogarithm: 1.5",
    .examples = {"matrix_logarithm([[1.+0.j, 2.+0.j], [0.+0.j, 1.+0.j]]) -> "
                 "[[0.+0.j, 2.+0.j], [0.+0.j, 0.+0.j]]"},
    .infer = tw_infer_square_same,
    .gradient = tw_gradient_undefined,
    .kernels = &kernel,
    .kernel_count = 1,
};
