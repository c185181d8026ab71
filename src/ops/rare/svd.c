/* SPDX-License-Identifier: Apache-2.0
 * Svd: input = u diag(s) v^* with orthonormal columns in u and v, s descending.
 *
 * Vectors are fixed up to a factor of absolute value 1 that u and v share. Columns of u that
 * belong to no singular value at all are any that are orthonormal to the rest. */
#include <math.h>

#include "ops/matrices.h"

/* All sizes follow from the matrix and the two flags. */
static void infer(tw_infer *in)
{
    tw_shape x = tw_infer_matrices(in, 0);
    if (!x.dims)
        return;
    int64_t m = tw_infer_dim(x, -2), n = tw_infer_dim(x, -1);
    int64_t least = m < n ? m : n; /* -1 if one is unknown */
    bool full = tw_infer_bool(in, "full_matrices"), vectors = tw_infer_bool(in, "compute_uv");
    tw_shape batch = tw_infer_slice(in, x, 0, x.rank - 2);
    tw_infer_output(in, 0, tw_infer_concat(in, batch, TW_SHAPE(least)));
    tw_shape none = TW_SHAPE(0);
    tw_infer_output(in, 1,
                    vectors ? tw_infer_concat(in, batch, TW_SHAPE(m, full ? m : least)) : none);
    tw_infer_output(in, 2,
                    vectors ? tw_infer_concat(in, batch, TW_SHAPE(n, full ? n : least)) : none);
}

/* A matrix that is wider than high is taken by its adjoint: m >= n. */
typedef struct parts {
    size_t m, n;
    bool wide, full, vectors;
    double complex *a, *v, *s, *out; /* a: as many rows as u has columns */
    double *lengths;
} parts;

/* Sizes and flags; the memory is handed out by compute. */
static parts see(const tw_compute *c)
{
    const tw_array *x = c->inputs[0];
    size_t rows = (size_t)x->dims[x->rank - 2], columns = (size_t)x->dims[x->rank - 1];
    parts p = {.wide = rows < columns,
               .full = tw_compute_bool(c, "full_matrices"),
               .vectors = tw_compute_bool(c, "compute_uv")};
    p.m = p.wide ? columns : rows;
    p.n = p.wide ? rows : columns;
    return p;
}

/* How many vectors the longer side gets. */
static size_t width(const parts *p)
{
    return p->full && p->vectors ? p->m : p->n;
}

/* The matrix, both sides' vectors, the values and their order, and what the factors want. */
static size_t compute_real_workspace(const tw_compute *c)
{
    parts p = see(c);
    return tw_real_bytes(6, (const size_t[][2]){{p.m, p.n},
                                                {width(&p), p.m},
                                                {p.n, p.n},
                                                {1, p.n},
                                                {1, width(&p)},
                                                {tw_svd_work(p.m, p.n), 1}});
}

/* Numbers that are not finite have no singular values: all of the result is NaN then. */
static void set_all(size_t n, double value, double *x)
{
    for (size_t i = 0; i < n; i++)
        x[i] = value;
}

/* `values` are sorted descending by the ascending order of their negatives. */
static void write_values(const parts *p, tw_array *out, size_t k, double scale, double *values,
                         size_t *order)
{
    for (size_t i = 0; i < p->n; i++)
        values[i] = -values[i];
    tw_linalg_sort(p->n, values, order);
    for (size_t i = 0; i < p->n; i++) {
        double s = -values[order[i]] * scale;
        if (out->dtype == TW_FLOAT32)
            ((float *)out->data)[k * p->n + i] = (float)s;
        else
            ((double *)out->data)[k * p->n + i] = s;
    }
}

static void write_vectors(tw_array *out, size_t k, size_t length, size_t count, const double *rows,
                          const size_t *order)
{
    tw_linalg_write(out->dtype == TW_FLOAT32,
                    (char *)out->data + k * length * count * tw_dtype_size(out->dtype), length,
                    count, true, rows, tw_linalg_stride(length), order);
}

/* For the adjoint the two sides change places. */
static tw_status *compute_real(tw_compute *c)
{
    const tw_array *x = tw_input(c, 0);
    parts p = see(c);
    size_t count = tw_matrix_count(x), columns = width(&p), ldn = tw_linalg_stride(p.n);
    size_t of_u = tw_matrix_area(columns, p.m);
    double *a = tw_real_workspace(c), *u = a + p.m * ldn, *v = u + of_u, *s = v + p.n * ldn;
    size_t *order = (size_t *)(void *)(s + ldn);
    double *work = s + ldn + tw_linalg_stride(columns);
    for (size_t k = 0; k < count; k++) {
        tw_read_matrix(x, k, p.wide ? p.n : p.m, p.wide ? p.m : p.n, p.wide, a);
        double scale = tw_linalg_scale(p.m, p.n, a, ldn);
        if (isnan(scale))
            set_all(p.m * ldn, 0, a);
        tw_factor_real_svd(p.m, p.n, columns, a, ldn, s, u, p.vectors ? v : NULL, work);
        for (size_t i = p.n; i < columns; i++)
            order[i] = i;
        write_values(&p, tw_output(c, 0), k, scale, s, order);
        if (!p.vectors)
            continue;
        if (isnan(scale)) {
            set_all(of_u, scale, u);
            set_all(p.n * ldn, scale, v);
        }
        write_vectors(tw_output(c, p.wide ? 2 : 1), k, p.m, columns, u, order);
        write_vectors(tw_output(c, p.wide ? 1 : 2), k, p.n, p.n, v, order);
    }
    return TW_OK;
}

/* ---- of complex numbers ---- */

/* Areas in the order in which compute hands them out; the lengths need half of theirs. */
static size_t compute_complex_workspace(const tw_compute *c)
{
    parts p = see(c);
    return tw_complex_bytes(
        5, (const size_t[][2]){{width(&p), p.m}, {p.n, p.n}, {p.n, 1}, {width(&p), p.m}, {p.n, 1}});
}

/* Rows of `a` are columns of the matrix, or of its adjoint. */
static void read(const parts *p, const tw_array *x, size_t k)
{
    size_t area = p->m * p->n;
    tw_read_complex(x, k * area, area, p->wide ? p->a : p->out);
    if (!p->wide)
        tw_adjoint(p->m, p->n, p->out, p->a);
    for (size_t i = 0; i < area; i++)
        p->a[i] = conj(p->a[i]);
}

/* Rows of `rows` are columns of the output. */
static void write(const parts *p, tw_array *out, size_t k, size_t count, size_t length,
                  const double complex *rows)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < length; j++)
            p->out[j * count + i] = rows[i * length + j];
    }
    tw_write_complex(out, k * count * length, count * length, p->out);
}

/* The vectors of the longer side that no singular value belongs to are any orthonormal ones.
 * For the adjoint the two sides change places. */
static tw_status *compute_complex(tw_compute *c)
{
    const tw_array *x = tw_input(c, 0);
    parts p = see(c);
    size_t count = tw_matrix_count(x);
    p.a = tw_matrix_workspace(c);
    p.v = p.a + width(&p) * p.m;
    p.s = p.v + p.n * p.n;
    p.out = p.s + p.n;
    p.lengths = (double *)(p.out + width(&p) * p.m);
    for (size_t k = 0; k < count; k++) {
        read(&p, x, k);
        tw_factor_svd(p.m, p.n, p.a, p.v, p.lengths);
        tw_complete_rows(p.m, p.n, width(&p), p.a);
        for (size_t i = 0; i < p.n; i++)
            p.s[i] = p.lengths[i];
        tw_write_complex(tw_output(c, 0), k * p.n, p.n, p.s);
        if (!p.vectors)
            continue;
        write(&p, tw_output(c, p.wide ? 2 : 1), k, width(&p), p.m, p.a);
        write(&p, tw_output(c, p.wide ? 1 : 2), k, p.n, p.n, p.v);
    }
    return TW_OK;
}

/* ---- derivative (Giles 2008, Townsend 2016), for m <= n ---- */

typedef struct vectors {
    int64_t m, n;
    tw_tensor s, u, v, du, dv;
} vectors;

/* Most products here are plain ones. */
static tw_tensor product(tw_tensor a, tw_tensor b)
{
    return tw_matrix_product(a, b, false, false);
}

/* Columns [from, to) of x. */
static tw_tensor columns(tw_tensor x, int64_t from, int64_t to)
{
    int64_t begin[TW_MAX_RANK] = {0}, size[TW_MAX_RANK];
    size_t rank = tw_tensor_shape(x).rank;
    for (size_t i = 0; i < rank; i++)
        size[i] = -1;
    begin[rank - 1] = from;
    size[rank - 1] = to - from;
    return tw_slice(x, ((tw_ints){begin, rank}), ((tw_ints){size, rank}));
}

/* 1 / (s_j^2 - s_i^2) off the diagonal, 0 on it. */
static tw_tensor gaps(tw_tensor s)
{
    tw_tensor squares = tw_square(s);
    tw_tensor gap = tw_sub(tw_expand_dims(squares, -2), tw_expand_dims(squares, -1));
    return tw_matrix_set_diag(tw_inv(gap), tw_zeros_like(s));
}

/* What lies outside of the space of v's first m columns. */
static tw_tensor outside(const vectors *p, tw_tensor v1, tw_tensor dv1, bool full)
{
    tw_tensor inside = product(tw_matrix_product(dv1, v1, true, false), tw_matrix_adjoint(v1));
    tw_tensor rest = tw_sub(tw_matrix_adjoint(dv1), inside);
    if (full) {
        tw_tensor v2 = columns(p->v, p->m, p->n), dv2 = columns(p->dv, p->m, p->n);
        rest = tw_sub(rest,
                      product(tw_matrix_product(v1, dv2, true, false), tw_matrix_adjoint(v2)));
    }
    return product(product(p->u, tw_matrix_diag(tw_inv(p->s))), rest);
}

/* The part inside of the two spaces that the matrix connects, and what is outside of v's. */
static tw_tensor derivative(const vectors *p, tw_tensor ds, bool full)
{
    tw_tensor v1 = columns(p->v, 0, p->m), dv1 = columns(p->dv, 0, p->m);
    tw_tensor f = gaps(p->s), s = tw_matrix_diag(p->s);
    tw_tensor of_u = tw_mul(f, tw_matrix_product(p->u, p->du, true, false));
    tw_tensor of_v = tw_mul(f, tw_matrix_product(v1, dv1, true, false));
    tw_tensor inside = tw_add(tw_matrix_diag(ds),
                              tw_add(product(tw_add(of_u, tw_matrix_adjoint(of_u)), s),
                                     product(s, tw_add(of_v, tw_matrix_adjoint(of_v)))));
    tw_tensor da = product(p->u, tw_matrix_product(inside, v1, false, true));
    return p->m == p->n ? da : tw_add(da, outside(p, v1, dv1, full));
}

/* The formulas need the inner sizes while building. Without vectors the derivative is plain,
 * but needs them, so they are computed then. Singular values that are equal have no derivative
 * of their vectors: infinities come out, as in TensorFlow. */
static tw_status *gradient(tw_gradient *g)
{
    tw_shape x = tw_tensor_shape(g->inputs[0]);
    tw_tensor ds = tw_gradient_dy(g, 0);
    if (!tw_gradient_bool(g, "compute_uv")) {
        struct tw_svd_result all = tw_svd(g->inputs[0]);
        tw_tensor right = tw_matrix_product(tw_matrix_diag(ds), all.v, false, true);
        g->dx[0] = tw_grad_of(product(all.u, right));
        return TW_OK;
    }
    bool full = tw_gradient_bool(g, "full_matrices");
    vectors p = {tw_infer_dim(x, -2), tw_infer_dim(x, -1),  g->outputs[0],       g->outputs[1],
                 g->outputs[2],       tw_gradient_dy(g, 1), tw_gradient_dy(g, 2)};
    if (!x.dims || p.m < 0 || p.n < 0)
        return tw_status_new(TW_UNIMPLEMENTED, "SVD gradient has not been implemented for input "
                                               "with unknown inner matrix shape.");
    bool tall = p.m > p.n;
    if (tall)
        p = (vectors){p.n, p.m, p.s, p.v, p.u, p.dv, p.du};
    if (full && p.n - p.m > 1)
        return tw_status_new(TW_UNIMPLEMENTED, "svd gradient is not implemented for abs(m - n) > 1 "
                                               "when full_matrices is True");
    tw_tensor da = derivative(&p, ds, full);
    g->dx[0] = tw_grad_of(tall ? tw_matrix_adjoint(da) : da);
    return TW_OK;
}

/* half is in the signature of TensorFlow 1.14 and has no kernel there either. */
static const tw_kernel kernels[] = TW_REAL_OR_COMPLEX(compute_real, compute_complex);

const tw_op_definition tw_op_Svd = {
    .signature = "input: T -> s: T, u: T, v: T; compute_uv: bool = true; "
                 "full_matrices: bool = false; T: {double, float, half, complex64, complex128}",
    .doc = "The singular values of matrices (the last two dims), descending, and u, v with "
           "u diag(s) v^* = input; square ones with `full_matrices`, empty without `compute_uv`.",
    .since = "Svd: 0.11; half: 1.14",
    .examples = {"svd([[3., 0.], [0., 2.]]) -> [3., 2.], [[1., 0.], [0., 1.]], "
                 "[[1., 0.], [0., 1.]]"},
    .infer = infer,
    .gradient = gradient,
    .kernels = kernels,
    .kernel_count = 2,
};
