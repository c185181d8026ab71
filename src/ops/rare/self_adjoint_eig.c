/* SPDX-License-Identifier: Apache-2.0
 * SelfAdjointEig: eigenvalues, ascending, and eigenvectors of hermitian matrices, of which the
 * lower triangle is read.
 *
 * Vectors are fixed up to a factor of absolute value 1, for which every implementation has its own
 * choice. */
#include <math.h>
#include <string.h>

#include "ops/arrays.h"
#include "ops/matrices.h"

/* Version 1 puts the values above the vectors. */
static void infer_old(tw_infer *in)
{
    tw_shape x = tw_infer_square(in, 0);
    if (!x.dims)
        return;
    int64_t n = tw_infer_dim(x, -1);
    tw_shape batch = tw_infer_slice(in, x, 0, x.rank - 2);
    tw_infer_output(in, 0, tw_infer_concat(in, batch, TW_SHAPE(n < 0 ? -1 : n + 1, n)));
}

/* Without vectors the second output is an empty vector, as in TensorFlow. */
static void infer(tw_infer *in)
{
    tw_shape x = tw_infer_square(in, 0);
    if (!x.dims)
        return;
    tw_infer_output(in, 0, tw_infer_slice(in, x, 0, x.rank - 1));
    if (tw_infer_bool(in, "compute_v"))
        tw_infer_output(in, 1, x);
    else
        tw_infer_output(in, 1, TW_SHAPE(0));
}

/* The older op writes values and vectors of a matrix one below the other. */
typedef struct wanted {
    size_t n, count;
    bool old, vectors;
} wanted;

static wanted see(const tw_compute *c)
{
    const tw_array *x = c->inputs[0];
    bool old = tw_compute_output_count(c) == 1;
    return (wanted){(size_t)x->dims[x->rank - 1], tw_matrix_count(x), old,
                    old || tw_compute_bool(c, "compute_v")};
}

/* The matrix, the vectors, the values and their order, and what the factors want. */
static size_t compute_real_workspace(const tw_compute *c)
{
    wanted w = see(c);
    return tw_real_bytes(
        5,
        (const size_t[][2]){{w.n, w.n}, {w.n, w.n}, {1, w.n}, {1, w.n}, {tw_eigen_work(w.n), 1}});
}

/* The lower triangle is read, the whole matrix worked on. */
static void mirror(size_t n, double *a, size_t ld)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < i; j++)
            a[j * ld + i] = a[i * ld + j];
    }
}

/* Numbers that are not finite have no eigenvalues: all of the result is NaN then. */
static tw_status *compute_real(tw_compute *c)
{
    wanted w = see(c);
    size_t n = w.n, ld = tw_linalg_stride(n), size = tw_dtype_size(tw_input(c, 0)->dtype);
    bool single = size == sizeof(float);
    double *a = tw_real_workspace(c), *v = a + n * ld, *d = v + n * ld;
    size_t *order = (size_t *)(void *)(d + ld);
    for (size_t k = 0; k < w.count; k++) {
        char *values = tw_output_data(c, 0);
        values += k * n * (w.old ? n + 1 : 1) * size;
        char *vectors = w.old ? values + n * size : (char *)tw_output_data(c, 1) + k * n * n * size;
        tw_read_matrix(tw_input(c, 0), k, n, n, false, a);
        mirror(n, a, ld);
        double scale = tw_linalg_scale(n, n, a, ld);
        if (isnan(scale))
            memset(a, 0, n * ld * sizeof *a);
        tw_factor_symmetric(n, a, ld, d, w.vectors ? v : NULL, d + 2 * ld);
        tw_linalg_sort(n, d, order);
        for (size_t i = 0; i < n; i++)
            a[i] = d[order[i]] * scale;
        tw_linalg_write(single, values, 1, n, false, a, ld, NULL);
        for (size_t i = 0; i < n * ld && isnan(scale); i++)
            v[i] = scale;
        if (w.vectors)
            tw_linalg_write(single, vectors, n, n, true, v, ld, order);
    }
    return TW_OK;
}

/* The matrix, which becomes its eigenvalues, and the vectors. */
static size_t compute_complex_workspace(const tw_compute *c)
{
    size_t n = see(c).n;
    return tw_complex_bytes(2, (const size_t[][2]){{n, n}, {n, n}});
}

/* Vectors are computed even if nobody asks: leaving them out would save a third of a rotation and
 * need a loop of its own. */
static tw_status *compute_complex(tw_compute *c)
{
    wanted w = see(c);
    size_t n = w.n, area = n * n;
    double complex *a = tw_matrix_workspace(c), *v = a + area;
    for (size_t k = 0; k < w.count; k++) {
        tw_read_complex(tw_input(c, 0), k * area, area, a);
        tw_factor_eigen(n, a, v);
        for (size_t i = 0; i < n; i++)
            a[i] = a[i * n + i];
        tw_write_complex(tw_output(c, 0), k * n, n, a);
        if (w.vectors)
            tw_write_complex(tw_output(c, 1), k * area, area, v);
    }
    return TW_OK;
}

/* 1 / (e_j - e_i) off the diagonal, 0 on it. */
static tw_tensor gaps(tw_tensor e)
{
    tw_tensor gap = tw_sub(tw_expand_dims(e, -2), tw_expand_dims(e, -1));
    return tw_matrix_set_diag(tw_inv(gap), tw_zeros_like(e));
}

/* v (diag(de) + f o (v^* dv)) v^*, of which the lower triangle is what was read (Giles 2008). */
static tw_status *gradient(tw_gradient *g)
{
    tw_tensor e = g->outputs[0], v = g->outputs[1];
    tw_tensor inside = tw_matrix_diag(tw_gradient_dy(g, 0));
    if (!tw_gradient_bool(g, "compute_v"))
        v = tw_self_adjoint_eig_v2(g->inputs[0]).v;
    else
        inside = tw_add(inside,
                        tw_mul(gaps(e), tw_matrix_product(v, tw_gradient_dy(g, 1), true, false)));
    tw_tensor da = tw_matrix_product(v, tw_matrix_product(inside, v, false, true), false, false);
    tw_tensor both = tw_matrix_band_part(tw_add(da, tw_matrix_adjoint(da)), -1, 0);
    g->dx[0] = tw_grad_of(tw_matrix_set_diag(both, tw_matrix_diag_part(da)));
    return TW_OK;
}

/* The same for the three ops: what is wanted shows in the number of outputs. The older ones are of
 * real numbers and have no derivative, as in TensorFlow. */
static const tw_kernel kernels[] = TW_REAL_OR_COMPLEX(compute_real, compute_complex);
#define OLD \
    .infer = infer_old, .gradient = tw_gradient_undefined, .kernels = kernels, .kernel_count = 1

const tw_op_definition tw_op_SelfAdjointEig = {
    .signature = "input: T -> output: T; T: {double, float, half}",
    .doc = "For symmetric matrices (.., n, n) an array (.., n + 1, n): eigenvalues, ascending, in "
           "its first row, the eigenvectors as columns below. The lower triangle is read.",
    .since = "half: 1.14",
    .examples = {"self_adjoint_eig([[2., 0.], [0., 3.]]) -> [[2., 3.], [1., 0.], [0., 1.]]"},
    OLD,
};

const tw_op_definition tw_op_BatchSelfAdjointEig = {
    .signature = "input: T -> output: T; T: {double, float}",
    .doc = "SelfAdjointEig under its older name for many matrices.",
    .examples =
        {"batch_self_adjoint_eig([[[2., 0.], [0., 3.]]]) -> [[[2., 3.], [1., 0.], [0., 1.]]]"},
    OLD,
};

const tw_op_definition tw_op_SelfAdjointEigV2 = {
    .signature = "input: T -> e: T, v: T; compute_v: bool = true; "
                 "T: {double, float, half, complex64, complex128}",
    .doc = "The eigenvalues of hermitian matrices, ascending, and their eigenvectors in the "
           "columns of `v`, which is empty without `compute_v`. The lower triangle is read.",
    .since = "SelfAdjointEigV2: 0.10; complex64, complex128: 1.2; half: 1.14",
    .examples = {"self_adjoint_eig_v2([[2., 0.], [0., 3.]]) -> [2., 3.], [[1., 0.], [0., 1.]]"},
    .infer = infer,
    .gradient = gradient,
    .kernels = kernels,
    .kernel_count = 2,
};
