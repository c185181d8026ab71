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

/* The oldest versions of these ops did not have the attribute; graphs of theirs lack it. */
static bool is_adjoint(const tw_compute *c)
{
    return tw_compute_attr(c, "adjoint") && tw_compute_bool(c, "adjoint");
}

/* An inverse and a solution differ in the right side and in the words of the refusal, which
 * TensorFlow's tests look for. */
static tw_status *refuse(const tw_compute *c)
{
    return tw_compute_fail(c, c->input_count == 2 ? "Input matrix is not invertible."
                                                  : "Input is not invertible.");
}

/* n equations for so many right sides; an inverse is the solution for the unit matrix. */
typedef struct equations {
    size_t n, columns, count;
    bool inverse, adjoint;
} equations;

static equations see(const tw_compute *c)
{
    const tw_array *right = c->inputs[c->input_count - 1];
    return (equations){.n = (size_t)right->dims[right->rank - 2],
                       .columns = (size_t)right->dims[right->rank - 1],
                       .count = tw_matrix_count(right),
                       .inverse = c->input_count == 1,
                       .adjoint = is_adjoint(c)};
}

/* The matrix, the right sides, and the rows that were swapped. */
static size_t compute_real_workspace(const tw_compute *c)
{
    equations e = see(c);
    return tw_real_bytes(3, (const size_t[][2]){{e.n, e.n}, {e.n, e.columns}, {1, e.n}});
}

/* With the rows swapped a = l u, so x = u^-1 l^-1 b. */
static tw_status *compute_real(tw_compute *c)
{
    equations e = see(c);
    size_t n = e.n, ld = tw_linalg_stride(n), ldx = tw_linalg_stride(e.columns);
    double *a = tw_real_workspace(c), *x = a + n * ld;
    size_t *swaps = (size_t *)(void *)(x + n * ldx);
    const tw_triangle l = {.a = a, .row = ld, .column = 1, .lower = true, .unit = true};
    const tw_triangle u = {.a = a, .row = ld, .column = 1};
    for (size_t k = 0; k < e.count; k++) {
        tw_read_matrix(tw_input(c, 0), k, n, n, e.adjoint, a);
        if (!tw_eliminate_real(n, n, a, ld, swaps))
            return refuse(c);
        if (e.inverse)
            memset(x, 0, n * ldx * sizeof *x);
        else
            tw_read_matrix(tw_input(c, 1), k, n, e.columns, false, x);
        for (size_t i = 0; e.inverse && i < n; i++)
            x[i * ldx + i] = 1;
        tw_swap_rows(swaps, n, e.columns, x, ldx);
        tw_solve_triangle(&l, n, e.columns, x, ldx);
        tw_solve_triangle(&u, n, e.columns, x, ldx);
        tw_write_matrix(tw_output(c, 0), k, n, e.columns, false, x, ldx);
    }
    return TW_OK;
}

/* The matrix, its adjoint, and the right sides. */
static size_t compute_complex_workspace(const tw_compute *c)
{
    equations e = see(c);
    return tw_complex_bytes(3, (const size_t[][2]){{e.n, e.n}, {e.n, e.n}, {e.n, e.columns}});
}

/* The adjoint is made first, so that elimination is written once. */
static tw_status *compute_complex(tw_compute *c)
{
    equations e = see(c);
    size_t n = e.n, area = n * n, right = n * e.columns;
    double complex *a = tw_matrix_workspace(c), *turned = a + area, *x = turned + area;
    for (size_t k = 0; k < e.count; k++) {
        tw_read_complex(tw_input(c, 0), k * area, area, a);
        if (e.adjoint) {
            tw_adjoint(n, n, a, turned);
            memcpy(a, turned, area * sizeof *a);
        }
        if (e.inverse)
            memset(x, 0, area * sizeof *x);
        else
            tw_read_complex(tw_input(c, 1), k * right, right, x);
        for (size_t i = 0; e.inverse && i < n; i++)
            x[i * n + i] = 1;
        if (!tw_solve(n, e.columns, a, x))
            return refuse(c);
        tw_write_complex(tw_output(c, 0), k * right, right, x);
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

/* The same for the four ops: what is wanted shows in the number of inputs. */
static const tw_kernel kernels[] = TW_REAL_OR_COMPLEX(compute_real, compute_complex);
#define INVERSE                                                                         \
    .infer = tw_infer_square_same, .gradient = gradient_of_inverse, .kernels = kernels, \
    .kernel_count = 2
#define SOLUTION \
    .infer = infer_solve, .gradient = gradient_of_solve, .kernels = kernels, .kernel_count = 2

const tw_op_definition tw_op_MatrixInverse = {
    .signature = "input: T -> output: T; adjoint: bool = false; "
                 "T: {double, float, half, complex64, complex128}",
    .doc = "The inverses of square matrices, or of their adjoints, which are the last two dims. "
           "A singular matrix is an error.",
    .since = "adjoint: 0.8; complex64, complex128: 1.2; half: 1.14",
    .examples = {"matrix_inverse([[1., 2.], [3., 4.]]) -> [[-2., 1.], [1.5, -0.5]]"},
    INVERSE,
};

const tw_op_definition tw_op_BatchMatrixInverse = {
    .signature = "input: T -> output: T; adjoint: bool = false; T: {double, float}",
    .doc = "MatrixInverse under its older name for many matrices.",
    .since = "adjoint: 0.8",
    .examples = {"batch_matrix_inverse([[[1., 2.], [3., 4.]]]) -> [[[-2., 1.], [1.5, -0.5]]]"},
    INVERSE,
};

const tw_op_definition tw_op_MatrixSolve = {
    .signature = "matrix: T, rhs: T -> output: T; adjoint: bool = false; "
                 "T: {double, float, half, complex64, complex128}",
    .doc = "x with matrix x = rhs; with `adjoint` the transposed, conjugated matrix is meant. "
           "Matrices are the last two dims. A singular matrix is an error.",
    .since = "adjoint: 0.8; complex64, complex128: 1.2; half: 1.14",
    .examples = {"matrix_solve([[1., 2.], [3., 4.]], [[5.], [11.]]) -> [[1.], [2.]]"},
    SOLUTION,
};

const tw_op_definition tw_op_BatchMatrixSolve = {
    .signature = "matrix: T, rhs: T -> output: T; adjoint: bool = false; T: {double, float}",
    .doc = "MatrixSolve under its older name for many matrices.",
    .since = "adjoint: 0.8",
    .examples = {"batch_matrix_solve([[[1., 2.], [3., 4.]]], [[[5.], [11.]]]) -> [[[1.], [2.]]]"},
    SOLUTION,
};
