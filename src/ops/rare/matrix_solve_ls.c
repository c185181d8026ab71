/* SPDX-License-Identifier: Apache-2.0
 * MatrixSolveLs: least squares, by the normal equations or, slower and for every rank, by singular
 * values.
 *
 * The normal equations square the condition of the matrix, but work in double here; the other way
 * drops directions whose singular values are rounding, and gives the shortest solution. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "kernels/gemm.h"
#include "ops/arrays.h"
#include "ops/matrices.h"

/* The regularizer is one number for all matrices; it stays a double whatever the others are. */
static void infer(tw_infer *in)
{
    tw_infer_solution(in, false);
    tw_infer_scalar(in, 2);
}

/* a (m, n) x = b (m, k); a matrix that is wider than high is worked on by its adjoint, `tall`. */
typedef struct squares {
    size_t m, n, k, high, narrow, count;
    double l2;
    bool fast;
} squares;

/* Sizes alone: the workspace is asked for before there is memory. */
static squares see(const tw_compute *c)
{
    const tw_array *a = c->inputs[0], *b = c->inputs[1];
    squares q = {.m = (size_t)a->dims[a->rank - 2],
                 .n = (size_t)a->dims[a->rank - 1],
                 .k = (size_t)b->dims[b->rank - 1],
                 .count = tw_matrix_count(b),
                 .fast = tw_compute_bool(c, "fast")};
    q.high = q.m > q.n ? q.m : q.n;
    q.narrow = q.m > q.n ? q.n : q.m;
    return q;
}

static tw_status *refuse(const tw_compute *c)
{
    return tw_compute_fail(c, "Input matrix was rank deficient or ill-conditioned. Try setting "
                              "fast=False or provide a larger l2_regularizer > 0.");
}

/* The regularizer, which only numbers tell. */
static tw_status *read_l2(const tw_compute *c, squares *q)
{
    q->l2 = *(const double *)tw_input_data(c, 2);
    return q->l2 >= 0 ? TW_OK : tw_compute_fail(c, "l2_regularizer must be >= 0, got %g", q->l2);
}

/* The tolerance of the rank follows from the dtype that came in, not from that of the work: digits
 * that were rounded away before cannot be told from zero. */
static double tolerance(const tw_array *a, const squares *q)
{
    bool single = a->dtype == TW_FLOAT32 || a->dtype == TW_COMPLEX64;
    return (single ? FLT_EPSILON : DBL_EPSILON) * (double)q->high;
}

/* ---- of real numbers ---- */

/* The places of one matrix's numbers; the vectors u and v as rows. */
typedef struct places {
    double *a, *b, *x, *rows, *gram, *u, *s, *work;
} places;

/* Areas in the order of the places above. */
static size_t compute_real_workspace(const tw_compute *c)
{
    squares q = see(c);
    size_t high = q.fast ? 0 : q.high, work = q.fast ? 0 : tw_svd_work(q.high, q.narrow);
    return tw_real_bytes(8, (const size_t[][2]){{q.high, q.narrow},
                                                {q.m, q.k},
                                                {q.n, q.k},
                                                {q.narrow, q.k},
                                                {q.narrow, q.narrow},
                                                {q.narrow, high},
                                                {1, q.narrow},
                                                {work, 1}});
}

static places find_places(tw_compute *c, const squares *q)
{
    places p = {.a = tw_real_workspace(c)};
    p.b = p.a + tw_matrix_area(q->high, q->narrow);
    p.x = p.b + tw_matrix_area(q->m, q->k);
    p.rows = p.x + tw_matrix_area(q->n, q->k);
    p.gram = p.rows + tw_matrix_area(q->narrow, q->k);
    p.u = p.gram + tw_matrix_area(q->narrow, q->narrow);
    p.s = p.u + (q->fast ? 0 : tw_matrix_area(q->narrow, q->high));
    p.work = p.s + tw_linalg_stride(q->narrow);
    return p;
}

/* c = op(a) b for padded matrices, op(a) of (m, k). */
static tw_status *multiply(bool turned, size_t m, size_t n, size_t k, const double *a,
                           const double *b, double *c)
{
    tw_gemm_shape shape = {m,
                           n,
                           k,
                           .transpose_a = turned,
                           .lda = tw_linalg_stride(turned ? m : k),
                           .ldb = tw_linalg_stride(n),
                           .ldc = tw_linalg_stride(n),
                           .alpha = 1};
    return tw_gemm(TW_FLOAT64, &shape, a, b, c, NULL, NULL);
}

/* (a^T a + l2)^-1 a^T b, or a^T (a a^T + l2)^-1 b where that is smaller; p.a is tall. */
static tw_status *solve_fast(tw_compute *c, const squares *q, const places *p)
{
    bool over = q->m >= q->n;
    size_t n = q->narrow, ld = tw_linalg_stride(n), ldx = tw_linalg_stride(q->k);
    double *x = over ? p->x : p->b;
    memset(p->gram, 0, n * ld * sizeof *p->gram);
    TW_TRY(multiply(true, n, n, q->high, p->a, p->a, p->gram));
    for (size_t i = 0; i < n; i++)
        p->gram[i * ld + i] += q->l2;
    memset(p->x, 0, q->n * ldx * sizeof *p->x);
    if (over)
        TW_TRY(multiply(true, n, q->k, q->m, p->a, p->b, x));
    if (!tw_cholesky_upper(n, p->gram, ld))
        return refuse(c);
    tw_solve_triangle(&(tw_triangle){.a = p->gram, .row = 1, .column = ld, .lower = true}, n, q->k,
                      x, ldx);
    tw_solve_triangle(&(tw_triangle){.a = p->gram, .row = ld, .column = 1}, n, q->k, x, ldx);
    return over ? TW_OK : multiply(false, q->n, q->k, n, p->a, x, p->x);
}

/* x = v s^-1 u^T b without what is zero but for rounding: the shortest of all solutions. Numbers
 * that are not finite give NaN. */
static tw_status *solve_every_rank(const squares *q, const places *p, double least)
{
    bool over = q->m >= q->n;
    size_t ldx = tw_linalg_stride(q->k), ld = tw_linalg_stride(q->narrow);
    double scale = tw_linalg_scale(q->high, q->narrow, p->a, ld), most = 0;
    if (isnan(scale))
        memset(p->a, 0, q->high * ld * sizeof *p->a);
    tw_factor_real_svd(q->high, q->narrow, q->narrow, p->a, ld, p->s, p->u, p->gram, p->work);
    const double *u = over ? p->u : p->gram, *v = over ? p->gram : p->u;
    for (size_t r = 0; r < q->narrow; r++)
        most = fmax(most, p->s[r]);
    TW_TRY(multiply(false, q->narrow, q->k, q->m, u, p->b, p->rows));
    for (size_t r = 0; r < q->narrow; r++) {
        for (size_t j = 0; j < q->k; j++) {
            double *along = p->rows + r * ldx + j;
            *along = isnan(scale) ? scale : p->s[r] > most * least ? *along / (p->s[r] * scale) : 0;
        }
    }
    return multiply(true, q->n, q->k, q->narrow, v, p->rows, p->x);
}

static tw_status *compute_real(tw_compute *c)
{
    const tw_array *a = tw_input(c, 0);
    squares q = see(c);
    places p = find_places(c, &q);
    TW_TRY(read_l2(c, &q));
    for (size_t i = 0; i < q.count; i++) {
        tw_read_matrix(a, i, q.m, q.n, q.m < q.n, p.a);
        tw_read_matrix(tw_input(c, 1), i, q.m, q.k, false, p.b);
        TW_TRY(q.fast ? solve_fast(c, &q, &p) : solve_every_rank(&q, &p, tolerance(a, &q)));
        tw_write_matrix(tw_output(c, 0), i, q.n, q.k, false, p.x, tw_linalg_stride(q.k));
    }
    return TW_OK;
}

/* ---- of complex numbers ---- */

typedef struct complex_places {
    double complex *a, *b, *tall, *gram, *x, *rows;
    double *s;
} complex_places;

/* Areas are asked for in the order in which compute hands them out. Two of them have the size
 * of the higher side, since either the solution or the right side may be the longer one. */
static size_t compute_complex_workspace(const tw_compute *c)
{
    squares q = see(c);
    return tw_complex_bytes(7, (const size_t[][2]){{q.m, q.n},
                                                   {q.m, q.n},
                                                   {q.m, q.k},
                                                   {q.narrow, q.narrow},
                                                   {q.high, q.k},
                                                   {q.high, q.k},
                                                   {q.narrow, 1}});
}

/* (a^* a + l2)^-1 a^* b, or a^* (a a^* + l2)^-1 b where that is smaller. */
static bool solve_complex(const squares *q, const complex_places *p)
{
    bool over = q->m >= q->n;
    tw_adjoint(q->m, q->n, p->a, p->tall);
    const double complex *base = over ? p->a : p->tall;
    tw_adjoint_product(q->high, q->narrow, q->narrow, base, base, p->gram);
    for (size_t i = 0; i < q->narrow; i++)
        p->gram[i * q->narrow + i] += q->l2;
    double complex *x = over ? p->x : p->rows;
    if (over)
        tw_adjoint_product(q->m, q->n, q->k, p->a, p->b, x);
    else
        memcpy(x, p->b, q->m * q->k * sizeof *x);
    if (!tw_factor_cholesky(q->narrow, p->gram))
        return false;
    tw_solve_lower(q->narrow, q->k, false, p->gram, x);
    tw_solve_lower(q->narrow, q->k, true, p->gram, x);
    if (!over)
        tw_adjoint_product(q->m, q->n, q->k, p->a, x, p->x);
    return true;
}

/* x = v s^-1 u^* b without what is zero but for rounding: the shortest of all solutions. Rows of
 * `tall` are columns of the matrix, or conjugated its rows. */
static void solve_complex_rank(const squares *q, const complex_places *p, double least)
{
    bool over = q->m >= q->n;
    if (over)
        tw_adjoint(q->m, q->n, p->a, p->tall);
    for (size_t i = 0; i < q->m * q->n; i++)
        p->tall[i] = over ? conj(p->tall[i]) : conj(p->a[i]);
    tw_factor_svd(q->high, q->narrow, p->tall, p->gram, p->s);
    const double complex *u = over ? p->tall : p->gram, *v = over ? p->gram : p->tall;
    memset(p->x, 0, q->n * q->k * sizeof *p->x);
    for (size_t r = 0; r < q->narrow && p->s[r] > p->s[0] * least; r++) {
        for (size_t c = 0; c < q->k; c++) {
            double complex along = 0;
            for (size_t i = 0; i < q->m; i++)
                along += conj(u[r * q->m + i]) * p->b[i * q->k + c];
            for (size_t j = 0; j < q->n; j++)
                p->x[j * q->k + c] += along / p->s[r] * v[r * q->n + j];
        }
    }
}

static tw_status *compute_complex(tw_compute *c)
{
    const tw_array *a = tw_input(c, 0), *b = tw_input(c, 1);
    squares q = see(c);
    complex_places p = {.a = tw_matrix_workspace(c)};
    p.tall = p.a + q.m * q.n;
    p.b = p.tall + q.m * q.n;
    p.gram = p.b + q.m * q.k;
    p.x = p.gram + q.narrow * q.narrow;
    p.rows = p.x + q.high * q.k;
    p.s = (double *)(p.rows + q.high * q.k);
    TW_TRY(read_l2(c, &q));
    for (size_t i = 0; i < q.count; i++) {
        tw_read_complex(a, i * q.m * q.n, q.m * q.n, p.a);
        tw_read_complex(b, i * q.m * q.k, q.m * q.k, p.b);
        if (!q.fast)
            solve_complex_rank(&q, &p, tolerance(a, &q));
        else if (!solve_complex(&q, &p))
            return refuse(c);
        tw_write_complex(tw_output(c, 0), i * q.n * q.k, q.n * q.k, p.x);
    }
    return TW_OK;
}

/* ---- derivative: of the normal equations ---- */

/* a^* a + l2, or a a^* + l2, and 1 more where the other one is meant and this may be singular. */
static tw_tensor gram(tw_gradient *g, bool over, tw_tensor unused)
{
    tw_tensor a = g->inputs[0], square = tw_matrix_product(a, a, over, !over);
    tw_tensor more = tw_cast(g->inputs[2], tw_dtype_base(tw_tensor_dtype(a)));
    more = unused.op ? tw_add(more, unused) : more;
    return tw_add(square, tw_matrix_diag(tw_mul(tw_ones_like(tw_matrix_diag_part(square)), more)));
}

/* (b - a x) z^* with z = (a^* a + l2)^-1 dx */
static tw_tensor part_over(tw_gradient *g, tw_tensor unused)
{
    tw_tensor z = tw_matrix_solve(gram(g, true, unused), tw_gradient_dy(g, 0));
    tw_tensor ax = tw_matrix_product(g->inputs[0], g->outputs[0], false, false);
    return tw_matrix_product(tw_sub(g->inputs[1], ax), z, false, true);
}

/* w (dx - a^* db)^* with w = (a a^* + l2)^-1 b */
static tw_tensor part_under(tw_gradient *g, tw_tensor db, tw_tensor unused)
{
    tw_tensor w = tw_matrix_solve(gram(g, false, unused), g->inputs[1]);
    tw_tensor inside = tw_matrix_product(g->inputs[0], db, true, false);
    return tw_matrix_product(w, tw_sub(tw_gradient_dy(g, 0), inside), false, true);
}

/* 1 for matrices that are not wider than high, 0 for others, of the matrix's dtype. */
static tw_tensor ask_over(tw_tensor a)
{
    tw_tensor shape = tw_shape(a), last = tw_sub(tw_rank(a), 1);
    tw_tensor over = tw_greater_equal(tw_gather(shape, tw_sub(last, 1)), tw_gather(shape, last));
    return tw_cast(over, tw_dtype_base(tw_tensor_dtype(a)));
}

/* da has one of the two parts, and -db x^*; where sizes are not known both are computed. */
static tw_status *gradient(tw_gradient *g)
{
    tw_tensor a = g->inputs[0], none = {0};
    int64_t m = tw_infer_dim(tw_tensor_shape(a), -2), n = tw_infer_dim(tw_tensor_shape(a), -1);
    if (!tw_gradient_bool(g, "fast"))
        return tw_status_new(TW_INVALID_ARGUMENT, "Gradient not defined for fast=False");
    tw_tensor db = tw_matrix_solve_ls(tw_matrix_adjoint(a), tw_gradient_dy(g, 0), g->inputs[2]);
    tw_tensor part;
    if (tw_tensor_shape(a).dims && m >= 0 && n >= 0) {
        part = m >= n ? part_over(g, none) : part_under(g, db, none);
    } else {
        tw_tensor over = ask_over(a), under = tw_sub(tw_ones_like(over), over);
        part = tw_add(tw_mul(over, part_over(g, under)), tw_mul(under, part_under(g, db, over)));
    }
    g->dx[0] = tw_grad_of(tw_sub(part, tw_matrix_product(db, g->outputs[0], false, true)));
    g->dx[1] = tw_grad_of(db);
    return TW_OK;
}

/* The older op is the same but for its dtypes, and for a derivative, which TensorFlow lacks
 * there. */
static const tw_kernel kernels[] = TW_REAL_OR_COMPLEX(compute_real, compute_complex);
#define LEAST .infer = infer, .kernels = kernels, .kernel_count = 2

const tw_op_definition tw_op_MatrixSolveLs = {
    .signature = "matrix: T, rhs: T, l2_regularizer: double -> output: T; fast: bool = true; "
                 "T: {double, float, half, complex64, complex128}",
    .doc = "The x of the least |matrix x - rhs|^2 + l2_regularizer |x|^2; of several the shortest. "
           "Without `fast` every rank is served, and l2_regularizer is not looked at. Matrices "
           "are the last two dims.",
    .since = "complex64, complex128: 1.2; half: 1.14",
    .examples = {"matrix_solve_ls([[1., 0.], [0., 1.], [0., 1.]], [[1.], [2.], [4.]], 0.) -> "
                 "[[1.], [3.]]"},
    .gradient = gradient,
    LEAST,
};

const tw_op_definition tw_op_BatchMatrixSolveLs = {
    .signature = "matrix: T, rhs: T, l2_regularizer: double -> output: T; fast: bool = true; "
                 "T: {double, float}",
    .doc = "MatrixSolveLs under its older name for many matrices.",
    .examples = {"batch_matrix_solve_ls([[[1., 0.], [0., 1.], [0., 1.]]], [[[1.], [2.], [4.]]], "
                 "0.) -> [[[1.], [3.]]]"},
    .gradient = tw_gradient_undefined,
    LEAST,
};
