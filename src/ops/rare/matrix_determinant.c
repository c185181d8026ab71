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

/* One matrix at a time, which elimination destroys. */
static size_t workspace(const tw_compute *c)
{
    size_t n = (size_t)c->inputs[0]->dims[c->inputs[0]->rank - 1];
    return tw_complex_bytes(1, (const size_t[][2]){{n, n}});
}

/* The sign is of absolute value 1, or 0 for singular matrices. */
static void logarithm(size_t n, const double complex *a, double complex out[2])
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        double size = cabs(a[i * n + i]);
        out[0] *= a[i * n + i] / size;
        sum += log(size);
    }
    out[1] = sum;
}

/* A singular matrix is no error here: its determinant is 0, and the logarithm of that is minus
 * infinity with a sign of 0. */
static tw_status *compute(tw_compute *c)
{
    const tw_array *x = tw_input(c, 0);
    bool logs = tw_compute_output_count(c) == 2, odd;
    size_t n = (size_t)x->dims[x->rank - 1], count = tw_matrix_count(x);
    double complex *a = tw_matrix_workspace(c);
    for (size_t k = 0; k < count; k++) {
        tw_read_complex(x, k * n * n, n * n, a);
        bool regular = tw_eliminate(n, 0, a, a, &odd); /* there is no right side */
        double complex out[2] = {regular ? odd ? -1 : 1 : 0, -INFINITY};
        if (logs && regular)
            logarithm(n, a, out);
        for (size_t i = 0; !logs && regular && i < n; i++)
            out[0] *= a[i * n + i];
        tw_write_complex(tw_output(c, 0), k, 1, out);
        if (logs)
            tw_write_complex(tw_output(c, 1), k, 1, out + 1);
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

/* One kernel serves the three ops: what is wanted shows in the number of outputs. */
static const tw_kernel kernel = {
    .dtypes = "T: {double, float, complex64, complex128}",
    .workspace = workspace,
    .compute = compute,
};

const tw_op_definition tw_op_MatrixDeterminant = {
    .signature = "input: T -> output: T; T: {half, float, double, complex64, complex128}",
    .doc = "The determinants of square matrices, which are the last two dims.",
    .since = "complex64, complex128: 1.2; half: 1.14",
    .examples = {"matrix_determinant([[1., 2.], [3., 4.]]) -> -2."},
    .infer = infer,
    .gradient = gradient,
    .kernels = &kernel,
    .kernel_count = 1,
};

const tw_op_definition tw_op_BatchMatrixDeterminant = {
    .signature = "input: T -> output: T; T: {float, double, complex64, complex128}",
    .doc = "MatrixDeterminant under its older name for many matrices.",
    .examples = {"batch_matrix_determinant([[[1., 2.], [3., 4.]]]) -> [-2.]"},
    .infer = infer,
    .gradient = gradient,
    .kernels = &kernel,
    .kernel_count = 1,
};

const tw_op_definition tw_op_LogMatrixDeterminant = {
    .signature = "input: T -> sign: T, log_abs_determinant: T; "
                 "T: {half, float, double, complex64, complex128}",
    .doc = "The sign of the determinant of square matrices (a number of absolute value 1, 0 for "
           "singular ones) and the logarithm of its absolute value.",
    .since = "LogMatrixDeterminant: 1.4; half: 1.14",
    .examples = {"log_matrix_determinant([[0., 1.], [1., 0.]]) -> -1., 0."},
    .infer = infer,
    .gradient = gradient,
    .kernels = &kernel,
    .kernel_count = 1,
};
