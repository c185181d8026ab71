/* SPDX-License-Identifier: Apache-2.0
 * Matrices in the last two dims of an array. */
#include "ops/matrices.h"

void tw_read_matrix(const tw_array *array, size_t k, size_t rows, size_t columns, bool turned,
                    double *out)
{
    const char *data = array->data;
    tw_linalg_read(array->dtype == TW_FLOAT32,
                   data + k * rows * columns * tw_dtype_size(array->dtype), rows, columns, turned,
                   out);
}

void tw_write_matrix(tw_array *array, size_t k, size_t rows, size_t columns, bool turned,
                     const double *in, size_t ld)
{
    char *data = array->data;
    tw_linalg_write(array->dtype == TW_FLOAT32,
                    data + k * rows * columns * tw_dtype_size(array->dtype), rows, columns, turned,
                    in, ld, NULL);
}

size_t tw_matrix_area(size_t rows, size_t columns)
{
    return rows * tw_linalg_stride(columns);
}

/* A complex number lies as its real and its imaginary part. */
void tw_read_complex(const tw_array *array, size_t from, size_t count, double complex *out)
{
    const float *f = array->data;
    const double *d = array->data;
    for (size_t i = 0, at = from; i < count; i++, at++) {
        switch (array->dtype) {
        case TW_FLOAT32: out[i] = f[at]; break;
        case TW_FLOAT64: out[i] = d[at]; break;
        case TW_COMPLEX64: out[i] = f[2 * at] + I * f[2 * at + 1]; break;
        default: out[i] = d[2 * at] + I * d[2 * at + 1];
        }
    }
}

/* The imaginary part of what is written into real numbers is zero, but for nothing. */
void tw_write_complex(tw_array *array, size_t from, size_t count, const double complex *in)
{
    float *f = array->data;
    double *d = array->data;
    for (size_t i = 0, at = from; i < count; i++, at++) {
        switch (array->dtype) {
        case TW_FLOAT32: f[at] = (float)creal(in[i]); break;
        case TW_FLOAT64: d[at] = creal(in[i]); break;
        case TW_COMPLEX64:
            f[2 * at] = (float)creal(in[i]);
            f[2 * at + 1] = (float)cimag(in[i]);
            break;
        default: d[2 * at] = creal(in[i]), d[2 * at + 1] = cimag(in[i]);
        }
    }
}

/* Any rank of 2 or more, or an unknown shape; after a failure the unknown shape keeps what
 * follows from indexing past the end. */
tw_shape tw_infer_matrices(tw_infer *in, size_t input)
{
    tw_shape shape = tw_infer_input(in, input);
    if (shape.dims && shape.rank < 2) {
        tw_infer_fail(in, "Shape must be at least rank 2 but is rank %zu", shape.rank);
        return TW_UNKNOWN_SHAPE;
    }
    return shape;
}

/* TensorFlow's words, which its tests look for. */
static void infer_sides(tw_infer *in, int64_t a, int64_t b)
{
    if (!tw_dims_agree(a, b))
        tw_infer_fail(in, "Dimensions must be equal, but are %" PRId64 " and %" PRId64, a, b);
}

/* A failure leaves the shape as it was read: callers may go on, the library reports the first
 * one. */
tw_shape tw_infer_square(tw_infer *in, size_t input)
{
    tw_shape x = tw_infer_matrices(in, input);
    if (!x.dims)
        return x;
    int64_t rows = tw_infer_dim(x, -2), columns = tw_infer_dim(x, -1);
    infer_sides(in, rows, columns);
    int64_t side = rows >= 0 ? rows : columns;
    return tw_infer_concat(in, tw_infer_slice(in, x, 0, x.rank - 2), TW_SHAPE(side, side));
}

/* As a shape rule of its own: inverses and factors have the size of what they come from. */
void tw_infer_square_same(tw_infer *in)
{
    tw_infer_output(in, 0, tw_infer_square(in, 0));
}

/* Least squares takes matrices of any sizes; then only the rows must agree with those of the
 * right sides. Of a square matrix these say its columns too. */
void tw_infer_solution(tw_infer *in, bool square)
{
    tw_shape a = square ? tw_infer_square(in, 0) : tw_infer_matrices(in, 0);
    tw_shape b = tw_infer_matrices(in, 1);
    if (!a.dims || !b.dims || tw_infer_failed(in))
        return;
    infer_sides(in, tw_infer_dim(a, -2), tw_infer_dim(b, -2));
    tw_shape batch = tw_infer_merge(in, tw_infer_slice(in, a, 0, a.rank - 2),
                                    tw_infer_slice(in, b, 0, b.rank - 2));
    int64_t rows = tw_infer_dim(a, -1);
    if (rows < 0 && square)
        rows = tw_infer_dim(b, -2);
    if (!tw_infer_failed(in))
        tw_infer_output(in, 0, tw_infer_concat(in, batch, TW_SHAPE(rows, tw_infer_dim(b, -1))));
}

/* From the dims rather than from the count of elements, which is 0 for empty matrices. */
size_t tw_matrix_count(const tw_array *x)
{
    size_t count = 1;
    for (size_t i = 0; i + 2 < x->rank; i++)
        count *= (size_t)x->dims[i];
    return count;
}

/* Sizes come from shapes that may be anything, so every step is checked; an allocation of
 * SIZE_MAX is refused by the engine with a proper error. */
size_t tw_complex_bytes(size_t count, const size_t (*areas)[2])
{
    size_t all = 0, area, bytes;
    for (size_t i = 0; i < count; i++) {
        if (!tw_size_mul(areas[i][0], areas[i][1], &area) || !tw_size_add(all, area, &all))
            return SIZE_MAX;
    }
    return tw_size_mul(all, sizeof(double complex), &bytes) ? bytes : SIZE_MAX;
}

/* By its own checks: rows are longer here than they look. */
size_t tw_real_bytes(size_t count, const size_t (*areas)[2])
{
    size_t all = 0, area, bytes;
    for (size_t i = 0; i < count; i++) {
        if (!tw_size_mul(areas[i][0], tw_linalg_stride(areas[i][1]), &area) ||
            !tw_size_add(all, area, &all))
            return SIZE_MAX;
    }
    return tw_size_mul(all, sizeof(double), &bytes) ? bytes : SIZE_MAX;
}

double *tw_real_workspace(const tw_compute *c)
{
    return (double *)tw_matrix_workspace(c);
}

/* Nobody writes to it: there are no elements. */
double complex *tw_matrix_workspace(const tw_compute *c)
{
    static double complex nothing;
    double complex *space = tw_compute_workspace(c);
    return space ? space : &nothing;
}

/* Transpose wants its axes while building. Where the rank is not known yet a product with the
 * unit matrix turns it instead, at the price of that product. */
tw_tensor tw_matrix_adjoint(tw_tensor x)
{
    int64_t axes[TW_MAX_RANK];
    size_t rank = tw_tensor_shape(x).rank;
    if (!tw_tensor_shape(x).dims || rank < 2)
        return tw_matrix_product(tw_matrix_diag(tw_ones_like(tw_sum(x, TW_INTS(-2)))), x, false,
                                 true);
    for (size_t i = 0; i < rank; i++)
        axes[i] = (int64_t)i;
    axes[rank - 2] = (int64_t)rank - 1;
    axes[rank - 1] = (int64_t)rank - 2;
    tw_tensor turned = tw_transpose(x, ((tw_ints){axes, rank}));
    return tw_dtype_is_complex(tw_dtype_base(tw_tensor_dtype(x))) ? tw_conj(turned) : turned;
}

/* One name for what derivatives of linear algebra are made of; any number of leading dims. */
tw_tensor tw_matrix_product(tw_tensor a, tw_tensor b, bool adjoint_a, bool adjoint_b)
{
    return tw_batch_matmul(a, b, .adj_x = adjoint_a, .adj_y = adjoint_b);
}
