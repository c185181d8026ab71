/* SPDX-License-Identifier: Apache-2.0
 * Cholesky: the lower triangular l with l l^* = input, and its derivative as an op.
 *
 * The batch ops of TensorFlow 0.7 are the same under other names. The derivative of the lower
 * triangle is shared with the upper one, which is what TensorFlow does: the matrix that comes in
 * is symmetric, and so is its gradient. */
#include "ops/arrays.h"
#include "ops/matrices.h"

/* The factor itself, and for the derivative two more matrices: what is worked on and its
 * adjoint, since the two solutions by l come from opposite sides. */
static size_t workspace(const tw_compute *c)
{
    size_t n = (size_t)c->inputs[0]->dims[c->inputs[0]->rank - 1];
    return tw_complex_bytes(3, (const size_t[][2]){{n, n}, {n, n}, {n, n}});
}

/* Matrices one after the other in the widest precision, rounded once on the way out. What the
 * upper triangle holds is never looked at, so it need not be the conjugate of the lower one. */
static tw_status *compute(tw_compute *c)
{
    const tw_array *x = tw_input(c, 0);
    size_t n = (size_t)x->dims[x->rank - 1], count = tw_matrix_count(x);
    double complex *a = tw_matrix_workspace(c);
    for (size_t k = 0; k < count; k++) {
        tw_read_complex(x, k * n * n, n * n, a);
        if (!tw_factor_cholesky(n, a))
            return tw_compute_fail(c,
                                   "Cholesky decomposition was not successful. The input might "
                                   "not be valid: LLT decomposition was not successful, matrix "
                                   "%zu is not positive definite.",
                                   k);
        tw_write_complex(tw_output(c, 0), k * n * n, n * n, a);
    }
    return TW_OK;
}

/* The half of l^* dl that counts: the lower triangle, half of the diagonal. */
static void keep_half(size_t n, double complex *x)
{
    for (size_t i = 0; i < n; i++) {
        x[i * n + i] /= 2;
        for (size_t j = i + 1; j < n; j++)
            x[i * n + j] = 0;
    }
}

/* l^-* half(l^* dl) l^-1, made symmetric (Murray 2016, Differentiation of the Cholesky
 * decomposition). */
static tw_status *compute_grad(tw_compute *c)
{
    const tw_array *x = tw_input(c, 0), *dx = tw_input(c, 1);
    size_t n = (size_t)x->dims[x->rank - 1], count = tw_matrix_count(x), area = n * n;
    double complex *l = tw_matrix_workspace(c), *work = l + area, *turned = work + area;
    for (size_t k = 0; k < count; k++) {
        tw_read_complex(x, k * area, area, l);
        tw_read_complex(dx, k * area, area, turned);
        for (size_t i = 0; i < n; i++) {
            for (size_t j = i + 1; j < n; j++)
                l[i * n + j] = turned[i * n + j] = 0;
        }
        tw_adjoint_product(n, n, n, l, turned, work);
        keep_half(n, work);
        tw_solve_lower(n, n, true, l, work);
        tw_adjoint(n, n, work, turned);
        tw_solve_lower(n, n, true, l, turned);
        tw_adjoint(n, n, turned, work);
        for (size_t i = 0; i < area; i++)
            work[i] = (work[i] + turned[i]) / 2;
        tw_write_complex(tw_output(c, 0), k * area, area, work);
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
static const tw_kernel kernel = {
    .dtypes = "T: {double, float, complex64, complex128}",
    .workspace = workspace,
    .compute = compute,
};
/* TensorFlow has the derivative as an op for real numbers alone; complex ones are differentiated
 * by the ops that gradient() builds. */
static const tw_kernel grad_kernel = {
    .dtypes = "T: {double, float}",
    .workspace = workspace,
    .compute = compute_grad,
};

const tw_op_definition tw_op_Cholesky = {
    .signature = "input: T -> output: T; T: {double, float, half, complex64, complex128}",
    .doc = "The lower triangular matrices l with l l^* = input for hermitian, positive definite "
           "matrices in the last two dims; only their lower triangle is read.",
    .since = "complex64, complex128: 1.2; half: 1.14",
    .examples = {"cholesky([[4., 2.], [2., 10.]]) -> [[2., 0.], [1., 3.]]"},
    .infer = tw_infer_square_same,
    .gradient = gradient,
    .kernels = &kernel,
    .kernel_count = 1,
};

const tw_op_definition tw_op_BatchCholesky = {
    .signature = "input: T -> output: T; T: {double, float}",
    .doc = "Cholesky under its older name for many matrices.",
    .examples = {"batch_cholesky([[[4., 2.], [2., 10.]]]) -> [[[2., 0.], [1., 3.]]]"},
    .infer = tw_infer_square_same,
    .gradient = gradient,
    .kernels = &kernel,
    .kernel_count = 1,
};

const tw_op_definition tw_op_CholeskyGrad = {
    .signature = "l: T, grad: T -> output: T; T: {half, float, double}",
    .doc = "The gradient of Cholesky's input, from its output `l` and the gradient of that.",
    .since = "half: 1.14",
    .examples = {"cholesky_grad([[2.]], [[1.]]) -> [[0.25]]"},
    .infer = infer_grad,
    .gradient = tw_gradient_undefined,
    .kernels = &grad_kernel,
    .kernel_count = 1,
};

const tw_op_definition tw_op_BatchCholeskyGrad = {
    .signature = "l: T, grad: T -> output: T; T: {float, double}",
    .doc = "CholeskyGrad under its older name for many matrices.",
    .examples = {"batch_cholesky_grad([[[2.]]], [[[1.]]]) -> [[[0.25]]]"},
    .infer = infer_grad,
    .gradient = tw_gradient_undefined,
    .kernels = &grad_kernel,
    .kernel_count = 1,
};
