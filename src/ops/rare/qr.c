/* SPDX-License-Identifier: Apache-2.0
 * Qr: every matrix as the product of one with orthonormal columns and an upper triangular one, by
 * Householder's reflections (Golub and Van Loan, Matrix Computations, 5.2). */
#include <math.h>
#include <string.h>

#include "ops/matrices.h"

/* The sizes of r and q meet in the smaller one, or in the rows for full matrices. */
static void infer(tw_infer *in)
{
    tw_shape x = tw_infer_matrices(in, 0);
    if (!x.dims)
        return;
    int64_t rows = tw_infer_dim(x, -2), columns = tw_infer_dim(x, -1);
    int64_t least = rows < columns ? rows : columns; /* -1 if one is unknown */
    int64_t inner = tw_infer_bool(in, "full_matrices") ? rows : least;
    tw_shape batch = tw_infer_slice(in, x, 0, x.rank - 2);
    tw_infer_output(in, 0, tw_infer_concat(in, batch, TW_SHAPE(rows, inner)));
    tw_infer_output(in, 1, tw_infer_concat(in, batch, TW_SHAPE(inner, columns)));
}

/* One complex matrix: r, m x n, becomes upper triangular and keeps the reflections below its
 * diagonal; q is m x inner. */
typedef struct factors {
    size_t m, n, inner, steps, count;
    double complex *r, *q, *tau;
} factors;

/* The reflection 1 - tau v v^* sends column k below row k to beta e_k; beta is real, of the other
 * sign than what stands there. v_k is 1, what follows stays in the column. */
static void find_reflection(const factors *f, size_t k)
{
    double complex *column = f->r + k, first = column[k * f->n];
    double tail = 0, beta = creal(first);
    for (size_t i = k + 1; i < f->m; i++) {
        double complex x = column[i * f->n];
        tail += creal(x) * creal(x) + cimag(x) * cimag(x);
    }
    f->tau[k] = 0;
    if (tail == 0 && cimag(first) == 0)
        return;
    beta = sqrt(creal(first) * creal(first) + cimag(first) * cimag(first) + tail);
    beta = creal(first) >= 0 ? -beta : beta;
    for (size_t i = k + 1; i < f->m; i++)
        column[i * f->n] /= first - beta;
    column[k * f->n] = beta;
    f->tau[k] = conj((beta - first) / beta);
}

/* x -= tau v (v^* x) for columns [from, n) of x, whose rows are n long. */
static void reflect(const factors *f, size_t k, double complex tau, double complex *x, size_t from,
                    size_t n)
{
    const double complex *v = f->r + k;
    for (size_t j = from; j < n; j++) {
        double complex sum = x[k * n + j];
        for (size_t i = k + 1; i < f->m; i++)
            sum += conj(v[i * f->n]) * x[i * n + j];
        x[k * n + j] -= tau * sum;
        for (size_t i = k + 1; i < f->m; i++)
            x[i * n + j] -= tau * v[i * f->n] * sum;
    }
}

/* r = H ... H_0 a, so that a = H_0^* ... H^* r. */
static void factor(const factors *f)
{
    for (size_t k = 0; k < f->steps; k++) {
        find_reflection(f, k);
        reflect(f, k, f->tau[k], f->r, k + 1, f->n);
    }
    memset(f->q, 0, f->m * f->inner * sizeof *f->q);
    for (size_t i = 0; i < f->inner; i++)
        f->q[i * f->inner + i] = 1;
    for (size_t k = f->steps; k-- > 0;)
        reflect(f, k, conj(f->tau[k]), f->q, 0, f->inner);
    for (size_t i = 1; i < f->m; i++) {
        for (size_t j = 0; j < i && j < f->n; j++)
            f->r[i * f->n + j] = 0;
    }
}

/* Sizes and flags; the memory is set by compute. */
static factors see(const tw_compute *c)
{
    const tw_array *x = c->inputs[0];
    factors f = {.m = (size_t)x->dims[x->rank - 2],
                 .n = (size_t)x->dims[x->rank - 1],
                 .count = tw_matrix_count(x)};
    f.steps = f.m < f.n ? f.m : f.n;
    f.inner = tw_compute_bool(c, "full_matrices") ? f.m : f.steps;
    return f;
}

/* The transposed matrix and q, the reflections and their factors, and what forming wants. */
static size_t compute_real_workspace(const tw_compute *c)
{
    factors f = see(c);
    return tw_real_bytes(5,
                         (const size_t[][2]){{f.n, f.m},
                                             {f.inner, f.m},
                                             {f.steps, f.m},
                                             {1, f.steps},
                                             {tw_reflect_work(f.n > f.inner ? f.n : f.inner), 1}});
}

/* Columns are worked on as rows; r is below their diagonal then, and zero above. */
static tw_status *compute_real(tw_compute *c)
{
    factors f = see(c);
    size_t ld = tw_linalg_stride(f.m);
    double *a = tw_real_workspace(c), *q = a + f.n * ld, *v = q + f.inner * ld;
    double *tau = v + f.steps * ld, *work = tau + tw_linalg_stride(f.steps);
    const tw_reflections h = {.count = f.steps, .length = f.m, .ld = ld, .v = v, .tau = tau};
    for (size_t k = 0; k < f.count; k++) {
        tw_read_matrix(tw_input(c, 0), k, f.m, f.n, true, a);
        tw_factor_qr(&h, f.n, a, ld, work);
        tw_form_rows(&h, f.inner, q, ld, work);
        for (size_t j = 0; j < f.n && j + 1 < f.m; j++)
            memset(a + j * ld + j + 1, 0, (f.m - j - 1) * sizeof *a);
        tw_write_matrix(tw_output(c, 0), k, f.m, f.inner, true, q, ld);
        tw_write_matrix(tw_output(c, 1), k, f.inner, f.n, true, a, ld);
    }
    return TW_OK;
}

/* r, q and the factors of the reflections, for one matrix at a time. */
static size_t compute_complex_workspace(const tw_compute *c)
{
    factors f = see(c);
    return tw_complex_bytes(3, (const size_t[][2]){{f.m, f.n}, {f.m, f.inner}, {f.steps, 1}});
}

/* Matrices are factored one by one, and rounded once on the way out. */
static tw_status *compute_complex(tw_compute *c)
{
    factors f = see(c);
    size_t area = f.m * f.n, of_q = f.m * f.inner, of_r = f.inner * f.n;
    f.r = tw_matrix_workspace(c);
    f.q = f.r + area;
    f.tau = f.q + of_q;
    for (size_t k = 0; k < f.count; k++) {
        tw_read_complex(tw_input(c, 0), k * area, area, f.r);
        factor(&f);
        tw_write_complex(tw_output(c, 0), k * of_q, of_q, f.q);
        tw_write_complex(tw_output(c, 1), k * of_r, of_r, f.r);
    }
    return TW_OK;
}

/* ---- derivative (Walter, Lehmann and Lamour 2010) ---- */

/* The last two dims swapped; the rank is known. */
static tw_tensor transposed(tw_tensor x)
{
    int64_t axes[TW_MAX_RANK];
    size_t rank = tw_tensor_shape(x).rank;
    for (size_t i = 0; i < rank; i++)
        axes[i] = (int64_t)i;
    axes[rank - 2] = (int64_t)rank - 1;
    axes[rank - 1] = (int64_t)rank - 2;
    return tw_transpose(x, ((tw_ints){axes, rank}));
}

/* x r^-T */
static tw_tensor solve(tw_tensor x, tw_tensor r)
{
    return transposed(tw_matrix_triangular_solve(r, transposed(x), .lower = false));
}

/* TensorFlow's refusals in its words: it has no derivative for these cases either. */
static tw_status *gradient(tw_gradient *g)
{
    tw_tensor q = g->outputs[0], r = g->outputs[1];
    tw_tensor dq = tw_gradient_dy(g, 0), dr = tw_gradient_dy(g, 1);
    tw_shape shape = tw_tensor_shape(r);
    if (tw_dtype_is_complex(tw_dtype_base(tw_tensor_dtype(q))))
        return tw_status_new(TW_UNIMPLEMENTED, "QrGrad not implemented for dtype: %s",
                             tw_dtype_name(tw_dtype_base(tw_tensor_dtype(q))));
    int64_t rows = tw_infer_dim(shape, -2), columns = tw_infer_dim(shape, -1);
    if (!shape.dims || rows < 0 || columns < 0)
        return tw_status_new(TW_UNIMPLEMENTED, "QrGrad not implemented with dynamic shapes.");
    if (rows != columns)
        return tw_status_new(TW_UNIMPLEMENTED,
                             "QrGrad not implemented when ncols > nrows or full_matrices is true "
                             "and ncols != nrows.");
    tw_tensor qdq = tw_batch_matmul(q, dq, .adj_x = true);
    tw_tensor rdr = tw_batch_matmul(r, dr, .adj_y = true);
    tw_tensor both = tw_add(tw_sub(qdq, transposed(qdq)), tw_sub(rdr, transposed(rdr)));
    tw_tensor lower = tw_matrix_band_part(both, -1, 0);
    tw_tensor first = tw_batch_matmul(q, tw_add(dr, solve(lower, r)));
    tw_tensor second = solve(tw_sub(dq, tw_batch_matmul(q, qdq)), r);
    g->dx[0] = tw_grad_of(tw_add(first, second));
    return TW_OK;
}

static const tw_kernel kernels[] = TW_REAL_OR_COMPLEX(compute_real, compute_complex);

const tw_op_definition tw_op_Qr = {
    .signature = "input: T -> q: T, r: T; full_matrices: bool = false; "
                 "T: {double, float, complex64, complex128}",
    .doc = "q and r with q r = input: the columns of `q` are orthonormal, `r` is upper triangular. "
           "With `full_matrices` q is square. Matrices are the last two dims.",
    .since = "Qr: 1.0",
    .examples = {"qr([[3., 0.], [4., 5.]]) -> [[-0.6, -0.8], [-0.8, 0.6]], [[-5., -4.], [0., 3.]]"},
    .infer = infer,
    .gradient = gradient,
    .kernels = kernels,
    .kernel_count = 2,
};
