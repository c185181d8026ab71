/* SPDX-License-Identifier: Apache-2.0
 * MatrixInverse and MatrixSolve: Gauss's elimination with pivots.
 *
 * The inverse is computed as a solution for the unit matrix. Pivots that are exactly zero are what
 * "not invertible" means, as in TensorFlow; a matrix that is nearly singular gives large numbers,
 * no error. */
#include <string.h>

#include "ops/matrices.h"

/* The inverse has a rule without right sides, tw_infer_square_same. */
static void infer_solve(tw_infer *in)
{
    tw_infer_solution(in, true);
}

/* The matrix, its adjoint, and the right sides. */
static size_t workspace(const tw_compute *c)
{
    const tw_array *x = c->inputs[c->input_count - 1];
    size_t n = (size_t)x->dims[x->rank - 2], columns = (size_t)x->dims[x->rank - 1];
    return tw_complex_bytes(3, (const size_t[][2]){{n, n}, {n, n}, {n, columns}});
}

/* The oldest versions of these ops did not have the attribute; graphs of theirs lack it. */
static bool is_adjoint(const tw_compute *c)
{
    return tw_compute_attr(c, "adjoint") && tw_compute_bool(c, "adjoint");
}

/* An inverse is the solution for the unit matrix. */
static void read_right(const tw_compute *c, size_t k, size_t n, size_t columns, double complex *x)
{
    if (c->input_count == 2) {
        tw_read_complex(c->inputs[1], k * n * columns, n * columns, x);
        return;
    }
    memset(x, 0, n * n * sizeof *x);
    for (size_t i = 0; i < n; i++)
        x[i * n + i] = 1;
}

/* An inverse and a solution differ in the right side and in the words of the refusal, which
 * TensorFlow's tests look for. The adjoint is made first, so that elimination is written once. */
static tw_status *compute(tw_compute *c)
{
    const tw_array *right = tw_input(c, c->input_count - 1u);
    size_t n = (size_t)right->dims[right->rank - 2], count = tw_matrix_count(right);
    size_t columns = (size_t)right->dims[right->rank - 1];
    double complex *a = tw_matrix_workspace(c), *turned = a + n * n, *x = turned + n * n;
    for (size_t k = 0; k < count; k++) {
        tw_read_complex(tw_input(c, 0), k * n * n, n * n, a);
        if (is_adjoint(c)) {
            tw_adjoint(n, n, a, turned);
            memcpy(a, turned, n * n * sizeof *a);
        }
        read_right(c, k, n, columns, x);
        if (!tw_solve(n, columns, a, x))
            return tw_compute_fail(c, c->input_count == 2 ? "Input matrix is not invertible."
                                                          : "Input is not invertible.");
        tw_write_complex(tw_output(c, 0), k * n * columns, n * columns, x);
    }
    return TW_OK;
}

/* d(a^-1) = -a^-1 da a^-1 */
static tw_status *gradient_of_inverse(tw_gradient *g)
{
    bool adjoint = tw_gradient_attr(g, "adjoint") && tw_gradient_bool(g, "adjoint");
    tw_tensor y = g->outputs[0], dy = tw_gradient_dy(g, 0);
    tw_tensor half = tw_matrix_product(dy, y, adjoint, !adjoint);
    g->dx[0] = tw_grad_of(tw_neg(tw_matrix_product(y, half, !adjoint, false)));
    return TW_OK;
}

/* With a x = b:  db = a^-* dx,  da = -db x^*. */
static tw_status *gradient_of_solve(tw_gradient *g)
{
    bool adjoint = tw_gradient_attr(g, "adjoint") && tw_gradient_bool(g, "adjoint");
    tw_tensor x = g->outputs[0];
    tw_tensor db = tw_matrix_solve(g->inputs[0], tw_gradient_dy(g, 0), .adjoint = !adjoint);
    tw_tensor da = adjoint ? tw_matrix_product(x, db, false, true)
                           : tw_matrix_product(db, x, false, true);
    g->dx[0] = tw_grad_of(tw_neg(da));
    g->dx[1] = tw_grad_of(db);
    return TW_OK;
}

/* One kernel serves the four ops: what is wanted shows in the number of inputs. */
static const tw_kernel kernel = {
    .dtypes = "T: {double, float, complex64, complex128}",
    .workspace = workspace,
    .compute = compute,
};

const tw_op_definition tw_op_MatrixInverse = {
    .signature = "input: T -> output: T; adjoint: bool = false; "
                 "T: {double, float, half, complex64, complex128}",
    .doc = "The inverses of square matrices, or of their adjoints, which are the last two dims. "
           "A singular matrix is an error.",
    .since = "adjoint: 0.8; complex64, complex128: 1.2; half: 1.14",
    .examples = {"matrix_inverse([[1., 2.], [3., 4.]]) -> [[-2., 1.], [1.5, -0.5]]"},
    .infer = tw_infer_square_same,
    .gradient = gradient_of_inverse,
    .kernels = &kernel,
    .kernel_count = 1,
};

const tw_op_definition tw_op_BatchMatrixInverse = {
    .signature = "input: T -> output: T; adjoint: bool = false; T: {double, float}",
    .doc = "MatrixInverse under its older name for many matrices.",
    .since = "adjoint: 0.8",
    .examples = {"batch_matrix_inverse([[[1., 2.], [3., 4.]]]) -> [[[-2., 1.], [1.5, -0.5]]]"},
    .infer = tw_infer_square_same,
    .gradient = gradient_of_inverse,
    .kernels = &kernel,
    .kernel_count = 1,
};

const tw_op_definition tw_op_MatrixSolve = {
    .signature = "matrix: T, rhs: T -> output: T; adjoint: bool = false; "
                 "T: {double, float, half, complex64, complex128}",
    .doc = "x with matrix x = rhs; with `adjoint` the transposed, conjugated matrix is meant. "
           "Matrices are the last two dims. A singular matrix is an error.",
    .since = "adjoint: 0.8; complex64, complex128: 1.2; half: 1.14",
    .examples = {"matrix_solve([[1., 2.], [3., 4.]], [[5.], [11.]]) -> [[1.], [2.]]"},
    .infer = infer_solve,
    .gradient = gradient_of_solve,
    .kernels = &kernel,
    .kernel_count = 1,
};

const tw_op_definition tw_op_BatchMatrixSolve = {
    .signature = "matrix: T, rhs: T -> output: T; adjoint: bool = false; T: {double, float}",
    .doc = "MatrixSolve under its older name for many matrices.",
    .since = "adjoint: 0.8",
    .examples = {"batch_matrix_solve([[[1., 2.], [3., 4.]]], [[[5.], [11.]]]) -> [[[1.], [2.]]]"},
    .infer = infer_solve,
    .gradient = gradient_of_solve,
    .kernels = &kernel,
    .kernel_count = 1,
};
