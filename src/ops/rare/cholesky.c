/* SPDX-License-Identifier: Apache-2.0
 * Cholesky: the lower triangular l with l l^* = input, and its derivative as an op.
 *
 * The batch ops of TensorFlow 0.7 are the same under other names. The derivative of the lower
 * triangle is shared with the upper one, which is what TensorFlow does: the matrix that comes in
 * is symmetric, and so is its gradient. */
#include <string.h>

#include "kernels/gemm.h"
#include "ops/arrays.h"
#include "ops/matrices.h"

/* TensorFlow's words. */
static tw_status *refuse(const tw_compute *c, size_t k)
{
    return tw_compute_fail(c,
                           "Cholesky decomposition was not successful. The input might not be "
                           "valid: LLT decomposition was not successful, matrix %zu is not "
                           "positive definite.",
                           k);
}

static size_t side_of(const tw_compute *c)
{
    return (size_t)c->inputs[0]->dims[c->inputs[0]->rank - 1];
}

static size_t compute_real_workspace(const tw_compute *c)
{
    size_t n = side_of(c);
    return tw_real_bytes(1, (const size_t[][2]){{n, n}});
}

/* What the upper triangle holds is never looked at, so it need not be the conjugate of the lower
 * one. Read transposed it is the lower triangle of what is worked on. */
static tw_status *compute_real(tw_compute *c)
{
    const tw_array *x = tw_input(c, 0);
    size_t n = side_of(c), count = tw_matrix_count(x), ld = tw_linalg_stride(n);
    double *u = tw_real_workspace(c);
    for (size_t k = 0; k < count; k++) {
        tw_read_matrix(x, k, n, n, true, u);
        if (!tw_cholesky_upper(n, u, ld))
            return refuse(c, k);
        for (size_t i = 1; i < n; i++)
            memset(u + i * ld, 0, i * sizeof *u);
        tw_write_matrix(tw_output(c, 0), k, n, n, true, u, ld);
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
    size_t n = side_of(c), count = tw_matrix_count(x);
    double complex *a = tw_matrix_workspace(c);
    for (size_t k = 0; k < count; k++) {
        tw_read_complex(x, k * n * n, n * n, a);
        if (!tw_factor_cholesky(n, a))
            return refuse(c, k);
        tw_write_complex(tw_output(c, 0), k * n * n, n * n, a);
    }
    return TW_OK;
}

/* ---- the derivative as an op ---- */

/* The factor, what is worked on, and the gradient that came. */
static size_t grad_workspace(const tw_compute *c)
{
    size_t n = side_of(c);
    return tw_real_bytes(3, (const size_t[][2]){{n, n}, {n, n}, {n, n}});
}

/* The lower triangle alone, half of its diagonal where that is asked for. */
static void keep_lower(size_t n, double *x, size_t ld, bool half)
{
    for (size_t i = 0; i < n; i++) {
        x[i * ld + i] *= half ? 0.5 : 1;
        memset(x + i * ld + i + 1, 0, (n - i - 1) * sizeof *x);
    }
}

static void transpose(size_t n, double *x, size_t ld)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < i; j++) {
            double kept = x[i * ld + j];
            x[i * ld + j] = x[j * ld + i];
            x[j * ld + i] = kept;
        }
    }
}

/* l^-T half(l^T dl) l^-1, made symmetric (Murray 2016, Differentiation of the Cholesky
 * decomposition). */
static tw_status *compute_grad(tw_compute *c)
{
    size_t n = side_of(c), count = tw_matrix_count(tw_input(c, 0)), ld = tw_linalg_stride(n);
    double *l = tw_real_workspace(c), *x = l + n * ld, *dl = x + n * ld;
    const tw_triangle adjoint = {.a = l, .row = 1, .column = ld};
    for (size_t k = 0; k < count; k++) {
        tw_read_matrix(tw_input(c, 0), k, n, n, false, l);
        tw_read_matrix(tw_input(c, 1), k, n, n, false, dl);
        keep_lower(n, l, ld, false);
        keep_lower(n, dl, ld, false);
        memset(x, 0, n * ld * sizeof *x);
        TW_TRY(tw_gemm(TW_FLOAT64,
                       &(tw_gemm_shape){n, n, n, .transpose_a = true, .lda = ld, .ldb = ld,
                                        .ldc = ld, .alpha = 1},
                       l, dl, x, NULL, NULL));
        keep_lower(n, x, ld, true);
        for (int side = 0; side < 2; side++) {
            tw_solve_triangle(&adjoint, n, n, x, ld);
            transpose(n, x, ld);
        }
        for (size_t i = 0; i < n; i++) {
            for (size_t j = 0; j <= i; j++)
                x[i * ld + j] = x[j * ld + i] = (x[i * ld + j] + x[j * ld + i]) / 2;
        }
        tw_write_matrix(tw_output(c, 0), k, n, n, false, x, ld);
    }
    return TW_OK;
}

/* Factor and gradient are matrices of one size; what is unknown of one may be known of the
 * other. */
static void infer_grad(tw_infer *in)
{
    tw_shape l = tw_infer_square(in, 0), grad = tw_infer_square(in, 1);
    if (!tw_infer_failed(in))
        tw_infer_output(in, 0, tw_infer_merge(in, l, grad));
}

/* The same by ops, which have derivatives themselves. */
static tw_status *gradient(tw_gradient *g)
{
    tw_tensor l = g->outputs[0], dl = tw_gradient_dy(g, 0);
    tw_tensor half = tw_matrix_product(l, tw_matrix_band_part(dl, -1, 0), true, false);
    half = tw_matrix_set_diag(tw_matrix_band_part(half, -1, 0),
                              tw_mul(tw_matrix_diag_part(half), 0.5));
    tw_tensor left = tw_matrix_triangular_solve(l, half, .adjoint = true);
    tw_tensor both = tw_matrix_triangular_solve(l, tw_matrix_adjoint(left), .adjoint = true);
    g->dx[0] = tw_grad_of(tw_mul(tw_add(both, tw_matrix_adjoint(both)), 0.5));
    return TW_OK;
}

/* half is in the signatures of TensorFlow 1.14 and has no kernel there either. */
static const tw_kernel kernels[] = TW_REAL_OR_COMPLEX(compute_real, compute_complex);
/* TensorFlow has the derivative as an op for real numbers alone; complex ones are differentiated
 * by the ops that gradient() builds. */
static const tw_kernel grad_kernel = {
    .dtypes = "T: {double, float}",
    .workspace = grad_workspace,
    .compute = compute_grad,
};
#define FACTOR \
    .infer = tw_infer_square_same, .gradient = gradient, .kernels = kernels, .kernel_count = 2
#define DERIVATIVE                                                                   \
    .infer = infer_grad, .gradient = tw_gradient_undefined, .kernels = &grad_kernel, \
    .kernel_count = 1

const tw_op_definition tw_op_Cholesky = {
    .signature = "input: T -> output: T; T: {double, float, half, complex64, complex128}",
    .doc = "The lower triangular matrices l with l l^* = input for hermitian, positive definite "
           "matrices in the last two dims; only their lower triangle is read.",
    .since = "complex64, complex128: 1.2; half: 1.14",
    .examples = {"cholesky([[4., 2.], [2., 10.]]) -> [[2., 0.], [1., 3.]]"},
    FACTOR,
};

const tw_op_definition tw_op_BatchCholesky = {
    .signature = "input: T -> output: T; T: {double, float}",
    .doc = "Cholesky under its older name for many matrices.",
    .examples = {"batch_cholesky([[[4., 2.], [2., 10.]]]) -> [[[2., 0.], [1., 3.]]]"},
    FACTOR,
};

const tw_op_definition tw_op_CholeskyGrad = {
    .signature = "l: T, grad: T -> output: T; T: {half, float, double}",
    .doc = "The gradient of Cholesky's input, from its output `l` and the gradient of that.",
    .since = "half: 1.14",
    .examples = {"cholesky_grad([[2.]], [[1.]]) -> [[0.25]]"},
    DERIVATIVE,
};

const tw_op_definition tw_op_BatchCholeskyGrad = {
    .signature = "l: T, grad: T -> output: T; T: {float, double}",
    .doc = "CholeskyGrad under its older name for many matrices.",
    .examples = {"batch_cholesky_grad([[[2.]]], [[[1.]]]) -> [[[0.25]]]"},
    DERIVATIVE,
};
