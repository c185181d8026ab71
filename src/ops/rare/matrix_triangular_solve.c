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
    size_t n, columns;
    bool lower, adjoint;
    double complex *a, *x;
} equations;

/* Element (i, j) of the matrix that is meant. */
static double complex coefficient(const equations *e, size_t i, size_t j)
{
    return e->adjoint ? conj(e->a[j * e->n + i]) : e->a[i * e->n + j];
}

/* x is the right side at first. False: a zero on the diagonal. */
static bool substitute(const equations *e)
{
    bool forward = e->lower != e->adjoint;
    for (size_t step = 0; step < e->n; step++) {
        size_t i = forward ? step : e->n - 1 - step;
        double complex *row = e->x + i * e->columns, pivot = coefficient(e, i, i);
        if (pivot == 0)
            return false;
        for (size_t known = 0; known < step; known++) {
            size_t j = forward ? known : e->n - 1 - known;
            double complex factor = coefficient(e, i, j);
            for (size_t c = 0; c < e->columns; c++)
                row[c] -= factor * e->x[j * e->columns + c];
        }
        for (size_t c = 0; c < e->columns; c++)
            row[c] /= pivot;
    }
    return true;
}

/* The sizes alone, for the workspace. */
static equations see(const tw_compute *c)
{
    const tw_array *b = c->inputs[1];
    return (equations){.n = (size_t)b->dims[b->rank - 2], .columns = (size_t)b->dims[b->rank - 1]};
}

/* One matrix and one right side in double precision. */
static size_t workspace(const tw_compute *c)
{
    equations e = see(c);
    size_t square, area, all, bytes;
    bool good = tw_size_mul(e.n, e.n, &square) && tw_size_mul(e.n, e.columns, &area) &&
                tw_size_add(square, area, &all) && tw_size_mul(all, sizeof(double complex), &bytes);
    return good ? bytes : SIZE_MAX;
}

/* The sizes were checked by the shape rule; empty batches have nothing to solve. */
static tw_status *compute(tw_compute *c)
{
    const tw_array *a = tw_input(c, 0), *b = tw_input(c, 1);
    tw_array *out = tw_output(c, 0);
    equations e = see(c);
    e.lower = tw_compute_bool(c, "lower");
    e.adjoint = tw_compute_attr(c, "adjoint") && tw_compute_bool(c, "adjoint");
    e.a = tw_matrix_workspace(c);
    e.x = e.a + e.n * e.n;
    size_t area = e.n * e.columns, count = area ? b->count / area : 0;
    for (size_t k = 0; k < count; k++) {
        tw_read_complex(a, k * e.n * e.n, e.n * e.n, e.a);
        tw_read_complex(b, k * area, area, e.x);
        if (!substitute(&e))
            return tw_compute_fail(c, "Input matrix is not invertible.");
        tw_write_complex(out, k * area, area, e.x);
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

static const tw_kernel kernel = {
    .dtypes = "T: {double, float, complex64, complex128}",
    .workspace = workspace,
    .compute = compute,
};

const tw_op_definition tw_op_MatrixTriangularSolve = {
    .signature = "matrix: T, rhs: T -> output: T; lower: bool = true; adjoint: bool = false; "
                 "T: {double, float, half, complex64, complex128}",
    .doc = "x with matrix x = rhs, where only the lower (or upper) triangle of `matrix` counts; "
           "with `adjoint` the transposed, conjugated matrix is meant. Matrices are the last two "
           "dims.",
    .since = "adjoint: 0.8; complex64, complex128: 1.2; half: 1.13",
    .examples = {"matrix_triangular_solve([[2., 9.], [1., 4.]], [[2.], [9.]]) -> [[1.], [2.]]"},
    .infer = infer,
    .gradient = gradient,
    .kernels = &kernel,
    .kernel_count = 1,
};

const tw_op_definition tw_op_BatchMatrixTriangularSolve = {
    .signature = "matrix: T, rhs: T -> output: T; lower: bool = true; adjoint: bool = false; "
                 "T: {double, float}",
    .doc = "MatrixTriangularSolve under its older name for many matrices.",
    .since = "adjoint: 0.8",
    .examples =
        {"batch_matrix_triangular_solve([[[2., 9.], [1., 4.]]], [[[2.], [9.]]]) -> [[[1.], [2.]]]"},
    .infer = infer,
    .gradient = gradient,
    .kernels = &kernel,
    .kernel_count = 1,
};
