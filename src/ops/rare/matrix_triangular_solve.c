/* SPDX-License-Identifier: Apache-2.0
 * MatrixTriangularSolve: x with matrix x = rhs (or matrix^* x = rhs) for matrices of which only the
 * lower or upper triangle counts, by substitution. */
#include "ops/matrices.h"

/* Every size is known from two places; what one lacks the other may say. */
static void infer(tw_infer *in)
{
    tw_shape a = tw_infer_matrices(in, 0), b = tw_infer_matrices(in, 1);
    if (!a.dims || !b.dims)
        return;
    int64_t rows = tw_infer_dim(a, -2), columns = tw_infer_dim(a, -1);
    if (!tw_dims_agree(rows, columns))
        tw_infer_fail(in, "Dimensions must be equal, but are %" PRId64 " and %" PRId64, rows,
                      columns);
    if (!tw_dims_agree(rows, tw_infer_dim(b, -2)) || !tw_dims_agree(columns, tw_infer_dim(b, -2)))
        tw_infer_fail(in, "Dimensions must be equal, but are %" PRId64 " and %" PRId64, columns,
                      tw_infer_dim(b, -2));
    if (tw_infer_failed(in))
        return;
    tw_shape batch = tw_infer_merge(in, tw_infer_slice(in, a, 0, a.rank - 2),
                                    tw_infer_slice(in, b, 0, b.rank - 2));
    int64_t n = rows >= 0 ? rows : columns >= 0 ? columns : tw_infer_dim(b, -2);
    if (!tw_infer_failed(in))
        tw_infer_output(in, 0, tw_infer_concat(in, batch, TW_SHAPE(n, tw_infer_dim(b, -1))));
}

/* n equations for `columns` right sides at a time. */
typedef struct equations {
    size_t n, columns, count;
    bool lower, adjoint;
} equations;

static equations see(const tw_compute *c)
{
    const tw_array *b = c->inputs[1];
    return (equations){.n = (size_t)b->dims[b->rank - 2],
                       .columns = (size_t)b->dims[b->rank - 1],
                       .count = tw_matrix_count(b),
                       .lower = tw_compute_bool(c, "lower"),
                       .adjoint = tw_compute_attr(c, "adjoint") && tw_compute_bool(c, "adjoint")};
}

static tw_status *refuse(const tw_compute *c)
{
    return tw_compute_fail(c, "Input matrix is not invertible.");
}

/* The right side, and the matrix where it is of floats. */
static size_t compute_real_workspace(const tw_compute *c)
{
    equations e = see(c);
    size_t copied = c->inputs[0]->dtype == TW_FLOAT32 ? e.n : 0;
    return tw_real_bytes(2, (const size_t[][2]){{e.n, e.columns}, {copied, e.n}});
}

/* The adjoint of a lower triangle is an upper one, with its strides swapped. */
static tw_status *compute_real(tw_compute *c)
{
    const tw_array *a = tw_input(c, 0);
    equations e = see(c);
    bool single = a->dtype == TW_FLOAT32;
    size_t n = e.n, ld = single ? tw_linalg_stride(n) : n, ldx = tw_linalg_stride(e.columns);
    double *x = tw_real_workspace(c), *copy = x + n * ldx;
    tw_triangle t = {
        .row = e.adjoint ? 1 : ld, .column = e.adjoint ? ld : 1, .lower = e.lower != e.adjoint};
    for (size_t k = 0; k < e.count && e.columns; k++) {
        t.a = single ? copy : (const double *)a->data + k * n * n;
        if (single)
            tw_read_matrix(a, k, n, n, false, copy);
        for (size_t i = 0; i < n; i++) {
            if (t.a[i * ld + i] == 0)
                return refuse(c);
        }
        tw_read_matrix(tw_input(c, 1), k, n, e.columns, false, x);
        tw_solve_triangle(&t, n, e.columns, x, ldx);
        tw_write_matrix(tw_output(c, 0), k, n, e.columns, false, x, ldx);
    }
    return TW_OK;
}

/* Element (i, j) of the matrix that is meant. */
static double complex coefficient(const equations *e, const double complex *a, size_t i, size_t j)
{
    return e->adjoint ? conj(a[j * e->n + i]) : a[i * e->n + j];
}

/* x is the right side at first. False: a zero on the diagonal. */
static bool substitute(const equations *e, const double complex *a, double complex *x)
{
    bool forward = e->lower != e->adjoint;
    for (size_t step = 0; step < e->n; step++) {
        size_t i = forward ? step : e->n - 1 - step;
        double complex *row = x + i * e->columns, pivot = coefficient(e, a, i, i);
        if (pivot == 0)
            return false;
        for (size_t known = 0; known < step; known++) {
            size_t j = forward ? known : e->n - 1 - known;
            double complex factor = coefficient(e, a, i, j);
            for (size_t c = 0; c < e->columns; c++)
                row[c] -= factor * x[j * e->columns + c];
        }
        for (size_t c = 0; c < e->columns; c++)
            row[c] /= pivot;
    }
    return true;
}

/* One matrix and one right side. */
static size_t compute_complex_workspace(const tw_compute *c)
{
    equations e = see(c);
    return tw_complex_bytes(2, (const size_t[][2]){{e.n, e.n}, {e.n, e.columns}});
}

/* The sizes were checked by the shape rule; without right sides nothing is looked at. */
static tw_status *compute_complex(tw_compute *c)
{
    equations e = see(c);
    double complex *a = tw_matrix_workspace(c), *x = a + e.n * e.n;
    size_t area = e.n * e.columns;
    for (size_t k = 0; k < e.count && area; k++) {
        tw_read_complex(tw_input(c, 0), k * e.n * e.n, e.n * e.n, a);
        tw_read_complex(tw_input(c, 1), k * area, area, x);
        if (!substitute(&e, a, x))
            return refuse(c);
        tw_write_complex(tw_output(c, 0), k * area, area, x);
    }
    return TW_OK;
}

/* With a x = b:  db = a^-* dx,  da = -db x^* where the triangle is. */
static tw_status *gradient(tw_gradient *g)
{
    bool lower = tw_gradient_bool(g, "lower"), adjoint = tw_gradient_bool(g, "adjoint");
    tw_tensor x = g->outputs[0], dx = tw_gradient_dy(g, 0);
    tw_tensor db = tw_matrix_triangular_solve(g->inputs[0], dx, .lower = lower,
                                              .adjoint = !adjoint);
    tw_tensor da = adjoint ? tw_batch_matmul(x, db, .adj_y = true)
                           : tw_batch_matmul(db, x, .adj_y = true);
    g->dx[0] = tw_grad_of(tw_matrix_band_part(tw_neg(da), lower ? -1 : 0, lower ? 0 : -1));
    g->dx[1] = tw_grad_of(db);
    return TW_OK;
}

static const tw_kernel kernels[] = TW_REAL_OR_COMPLEX(compute_real, compute_complex);
#define SOLUTION .infer = infer, .gradient = gradient, .kernels = kernels, .kernel_count = 2

const tw_op_definition tw_op_MatrixTriangularSolve = {
    .signature = "matrix: T, rhs: T -> output: T; lower: bool = true; adjoint: bool = false; "
                 "T: {double, float, half, complex64, complex128}",
    .doc = "x with matrix x = rhs, where only the lower (or upper) triangle of `matrix` counts; "
           "with `adjoint` the transposed, conjugated matrix is meant. Matrices are the last two "
           "dims.",
    .since = "adjoint: 0.8; complex64, complex128: 1.2; half: 1.13",
    .examples = {"matrix_triangular_solve([[2., 9.], [1., 4.]], [[2.], [9.]]) -> [[1.], [2.]]"},
    SOLUTION,
};

const tw_op_definition tw_op_BatchMatrixTriangularSolve = {
    .signature = "matrix: T, rhs: T -> output: T; lower: bool = true; adjoint: bool = false; "
                 "T: {double, float}",
    .doc = "MatrixTriangularSolve under its older name for many matrices.",
    .since = "adjoint: 0.8",
    .examples =
        {"batch_matrix_triangular_solve([[[2., 9.], [1., 4.]]], [[[2.], [9.]]]) -> [[[1.], [2.]]]"},
    SOLUTION,
};
