/* SPDX-License-Identifier: Apache-2.0
 * MatrixDeterminant and its logarithm: the product of the pivots of Gauss's elimination.
 *
 * The logarithm is for matrices whose determinant is beyond the range of numbers: its sum of
 * logarithms cannot overflow. */
#include <math.h>

#include "ops/matrices.h"

/* Every output is a number for each matrix. */
static void infer(tw_infer *in)
{
    tw_shape x = tw_infer_square(in, 0);
    for (size_t i = 0; i < tw_infer_output_count(in) && x.dims; i++)
        tw_infer_output(in, i, tw_infer_slice(in, x, 0, x.rank - 2));
}

static size_t side_of(const tw_compute *c)
{
    return (size_t)c->inputs[0]->dims[c->inputs[0]->rank - 1];
}

/* The determinant of what the pivots are, or its sign (of absolute value 1) and the logarithm of
 * its absolute value. A singular matrix is no error here: its determinant is 0, and the logarithm
 * of that is minus infinity with a sign of 0. */
typedef struct result {
    bool logs;
    double complex value, logarithm;
} result;

static result begin(const tw_compute *c, bool regular, bool odd)
{
    bool logs = tw_compute_output_count(c) == 2;
    return (result){logs, regular ? odd ? -1 : 1 : 0, logs && regular ? 0 : -INFINITY};
}

static void multiply(result *r, double complex pivot)
{
    double size = r->logs ? cabs(pivot) : 1;
    r->value *= pivot / size;
    r->logarithm += r->logs ? log(size) : 0;
}

static void put(const tw_compute *c, size_t k, const result *r)
{
    tw_write_complex(tw_output(c, 0), k, 1, &r->value);
    if (r->logs)
        tw_write_complex(tw_output(c, 1), k, 1, &r->logarithm);
}

/* The matrix, which elimination destroys, and the rows that were swapped. */
static size_t compute_real_workspace(const tw_compute *c)
{
    size_t n = side_of(c);
    return tw_real_bytes(2, (const size_t[][2]){{n, n}, {1, n}});
}

static tw_status *compute_real(tw_compute *c)
{
    const tw_array *x = tw_input(c, 0);
    size_t n = side_of(c), count = tw_matrix_count(x), ld = tw_linalg_stride(n);
    double *a = tw_real_workspace(c);
    size_t *swaps = (size_t *)(void *)(a + tw_matrix_area(n, n));
    for (size_t k = 0; k < count; k++) {
        bool odd = false;
        tw_read_matrix(x, k, n, n, false, a);
        bool regular = tw_eliminate_real(n, n, a, ld, swaps);
        for (size_t i = 0; regular && i < n; i++)
            odd ^= swaps[i] != i;
        result r = begin(c, regular, odd);
        for (size_t i = 0; regular && i < n; i++)
            multiply(&r, a[i * ld + i]);
        put(c, k, &r);
    }
    return TW_OK;
}

static size_t compute_complex_workspace(const tw_compute *c)
{
    size_t n = side_of(c);
    return tw_complex_bytes(1, (const size_t[][2]){{n, n}});
}

static tw_status *compute_complex(tw_compute *c)
{
    const tw_array *x = tw_input(c, 0);
    bool odd;
    size_t n = side_of(c), count = tw_matrix_count(x);
    double complex *a = tw_matrix_workspace(c);
    for (size_t k = 0; k < count; k++) {
        tw_read_complex(x, k * n * n, n * n, a);
        bool regular = tw_eliminate(n, 0, a, a, &odd); /* there is no right side */
        result r = begin(c, regular, odd);
        for (size_t i = 0; regular && i < n; i++)
            multiply(&r, a[i * n + i]);
        put(c, k, &r);
    }
    return TW_OK;
}

/* d det(a) = det(a) tr(a^-1 da), d log |det(a)| = tr(a^-1 da) */
static tw_status *gradient(tw_gradient *g)
{
    bool logs = g->output_count == 2;
    tw_tensor by = tw_gradient_dy(g, logs);
    if (!logs)
        by = tw_mul(by, tw_gradient_conj(g, g->outputs[0]));
    by = tw_expand_dims(tw_expand_dims(by, -1), -1);
    g->dx[0] = tw_grad_of(tw_mul(by, tw_matrix_inverse(g->inputs[0], .adjoint = true)));
    return TW_OK;
}

/* The same for the three ops: what is wanted shows in the number of outputs. */
static const tw_kernel kernels[] = TW_REAL_OR_COMPLEX(compute_real, compute_complex);
#define DETERMINANT .infer = infer, .gradient = gradient, .kernels = kernels, .kernel_count = 2

const tw_op_definition tw_op_MatrixDeterminant = {
    .signature = "input: T -> output: T; T: {half, float, double, complex64, complex128}",
    .doc = "The determinants of square matrices, which are the last two dims.",
    .since = "complex64, complex128: 1.2; half: 1.14",
    .examples = {"matrix_determinant([[1., 2.], [3., 4.]]) -> -2."},
    DETERMINANT,
};

const tw_op_definition tw_op_BatchMatrixDeterminant = {
    .signature = "input: T -> output: T; T: {float, double, complex64, complex128}",
    .doc = "MatrixDeterminant under its older name for many matrices.",
    .examples = {"batch_matrix_determinant([[[1., 2.], [3., 4.]]]) -> [-2.]"},
    DETERMINANT,
};

const tw_op_definition tw_op_LogMatrixDeterminant = {
    .signature = "input: T -> sign: T, log_abs_determinant: T; "
                 "T: {half, float, double, complex64, complex128}",
    .doc = "The sign of the determinant of square matrices (a number of absolute value 1, 0 for "
           "singular ones) and the logarithm of its absolute value.",
    .since = "LogMatrixDeterminant: 1.4; half: 1.14",
    .examples = {"log_matrix_determinant([[0., 1.], [1., 0.]]) -> -1., 0."},
    DETERMINANT,
};
