/* SPDX-License-Identifier: Apache-2.0
 * MatrixSolveLs: least squares, by the normal equations or, slower and for every rank, by singular
 * values.
 *
 * The normal equations square the condition of the matrix, but work in double here; the other way
 * drops directions whose singular values are rounding, and gives the shortest solution. */
#include <float.h>
#include <string.h>

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
    size_t m, n, k, high, narrow;
    double complex *a, *b, *tall, *gram, *x, *rows;
    double *s;
} squares;

/* Sizes alone: the workspace is asked for before there is memory. */
static squares see(const tw_compute *c)
{
    const tw_array *a = c->inputs[0], *b = c->inputs[1];
    squares q = {.m = (size_t)a->dims[a->rank - 2],
                 .n = (size_t)a->dims[a->rank - 1],
                 .k = (size_t)b->dims[b->rank - 1]};
    q.high = q.m > q.n ? q.m : q.n;
    q.narrow = q.m > q.n ? q.n : q.m;
    return q;
}

/* Areas are asked for in the order in which compute hands them out. Two of them have the size
 * of the higher side, since either the solution or the right side may be the longer one. */
static size_t workspace(const tw_compute *c)
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
static bool solve_fast(const squares *q, double l2)
{
    bool over = q->m >= q->n;
    tw_adjoint(q->m, q->n, q->a, q->tall);
    const double complex *base = over ? q->a : q->tall;
    tw_adjoint_product(q->high, q->narrow, q->narrow, base, base, q->gram);
    for (size_t i = 0; i < q->narrow; i++)
        q->gram[i * q->narrow + i] += l2;
    double complex *x = over ? q->x : q->rows;
    if (over)
        tw_adjoint_product(q->m, q->n, q->k, q->a, q->b, x);
    else
        memcpy(x, q->b, q->m * q->k * sizeof *x);
    if (!tw_factor_cholesky(q->narrow, q->gram))
        return false;
    tw_solve_lower(q->narrow, q->k, false, q->gram, x);
    tw_solve_lower(q->narrow, q->k, true, q->gram, x);
    if (!over)
        tw_adjoint_product(q->m, q->n, q->k, q->a, x, q->x);
    return true;
}

/* x = v s^-1 u^* b without what is zero but for rounding: the shortest of all solutions. Rows of
 * `tall` are columns of the matrix, or conjugated its rows. */
static void solve_every_rank(const squares *q, double epsilon)
{
    bool over = q->m >= q->n;
    if (over)
        tw_adjoint(q->m, q->n, q->a, q->tall);
    for (size_t i = 0; i < q->m * q->n; i++)
        q->tall[i] = over ? conj(q->tall[i]) : conj(q->a[i]);
    tw_factor_svd(q->high, q->narrow, q->tall, q->gram, q->s);
    const double complex *u = over ? q->tall : q->gram, *v = over ? q->gram : q->tall;
    memset(q->x, 0, q->n * q->k * sizeof *q->x);
    for (size_t r = 0; r < q->narrow && q->s[r] > q->s[0] * epsilon * (double)q->high; r++) {
        for (size_t c = 0; c < q->k; c++) {
            double complex along = 0;
            for (size_t i = 0; i < q->m; i++)
                along += conj(u[r * q->m + i]) * q->b[i * q->k + c];
            for (size_t j = 0; j < q->n; j++)
                q->x[j * q->k + c] += along / q->s[r] * v[r * q->n + j];
        }
    }
}

/* The tolerance of the rank follows from the dtype that came in, not from that of the work:
 * digits that were rounded away before cannot be told from zero. */
static tw_status *compute(tw_compute *c)
{
    const tw_array *a = tw_input(c, 0), *b = tw_input(c, 1);
    double l2 = *(const double *)tw_input_data(c, 2);
    bool fast = tw_compute_bool(c, "fast");
    squares q = see(c);
    size_t count = tw_matrix_count(b);
    if (!(l2 >= 0))
        return tw_compute_fail(c, "l2_regularizer must be >= 0, got %g", l2);
    q.a = tw_matrix_workspace(c);
    q.tall = q.a + q.m * q.n;
    q.b = q.tall + q.m * q.n;
    q.gram = q.b + q.m * q.k;
    q.x = q.gram + q.narrow * q.narrow;
    q.rows = q.x + q.high * q.k;
    q.s = (double *)(q.rows + q.high * q.k);
    bool single = a->dtype == TW_FLOAT32 || a->dtype == TW_COMPLEX64;
    for (size_t i = 0; i < count; i++) {
        tw_read_complex(a, i * q.m * q.n, q.m * q.n, q.a);
        tw_read_complex(b, i * q.m * q.k, q.m * q.k, q.b);
        if (!fast)
            solve_every_rank(&q, single ? FLT_EPSILON : DBL_EPSILON);
        else if (!solve_fast(&q, l2))
            return tw_compute_fail(c, "Input matrix was rank deficient or ill-conditioned. Try "
                                      "setting fast=False or provide a larger l2_regularizer > 0.");
        tw_write_complex(tw_output(c, 0), i * q.n * q.k, q.n * q.k, q.x);
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
static const tw_kernel kernel = {
    .dtypes = "T: {double, float, complex64, complex128}",
    .workspace = workspace,
    .compute = compute,
};

const tw_op_definition tw_op_MatrixSolveLs = {
    .signature = "matrix: T, rhs: T, l2_regularizer: double -> output: T; fast: bool = true; "
                 "T: {double, float, half, complex64, complex128}",
    .doc = "The x of the least |matrix x - rhs|^2 + l2_regularizer |x|^2; of several the shortest. "
           "Without `fast` every rank is served, and l2_regularizer is not looked at. Matrices "
           "are the last two dims.",
    .since = "complex64, complex128: 1.2; half: 1.14",
    .examples = {"matrix_solve_ls([[1., 0.], [0., 1.], [0., 1.]], [[1.], [2.], [4.]], 0.) -> "
                 "[[1.], [3.]]"},
    .infer = infer,
    .gradient = gradient,
    .kernels = &kernel,
    .kernel_count = 1,
};

const tw_op_definition tw_op_BatchMatrixSolveLs = {
    .signature = "matrix: T, rhs: T, l2_regularizer: double -> output: T; fast: bool = true; "
                 "T: {double, float}",
    .doc = "MatrixSolveLs under its older name for many matrices.",
    .examples = {"batch_matrix_solve_ls([[[1., 0.], [0., 1.], [0., 1.]]], [[[1.], [2.], [4.]]], "
                 "0.) -> [[[1.], [3.]]]"},
    .infer = infer,
    .gradient = tw_gradient_undefined,
    .kernels = &kernel,
    .kernel_count = 1,
};
