/* SPDX-License-Identifier: Apache-2.0
 * MatrixDiag, MatrixDiagPart, MatrixSetDiag, MatrixBandPart: the diagonals of matrices, which are
 * the last two dimensions of an array. The Batch forms are the same under older names. */
#include "ops/arrays.h"

/* An array as `count` matrices of rows x columns with diagonals of length `diagonal`. */
typedef struct matrices {
    size_t count, rows, columns, diagonal;
} matrices;

/* Counts matrices only where they have a diagonal, so that no loop runs and nothing is divided
 * by zero for empty ones. */
static matrices see(const tw_array *x)
{
    matrices m = {.rows = (size_t)x->dims[x->rank - 2], .columns = (size_t)x->dims[x->rank - 1]};
    m.diagonal = m.rows < m.columns ? m.rows : m.columns;
    m.count = m.diagonal > 0 ? x->count / (m.rows * m.columns) : 0;
    return m;
}

/* Copies between all diagonals of `array` and the rows of `rows`. */
static tw_status *move_diagonals(tw_compute *c, const tw_array *array, const tw_array *rows,
                                 bool into_array)
{
    matrices m = see(array);
    size_t dims[2] = {m.count, m.diagonal};
    ptrdiff_t inside[2] = {(ptrdiff_t)(m.rows * m.columns), (ptrdiff_t)m.columns + 1};
    ptrdiff_t packed[2] = {(ptrdiff_t)m.diagonal, 1};
    tw_region region = {2, dims, into_array ? inside : packed, into_array ? packed : inside};
    tw_par par = tw_compute_par(c);
    if (m.count == 0)
        return TW_OK;
    return into_array ? tw_copy_region(array->dtype, &region, array->data, rows->data, &par)
                      : tw_copy_region(array->dtype, &region, rows->data, array->data, &par);
}

/* Input `input`, with at least `rank` dimensions. */
static tw_shape infer_at_least(tw_infer *in, size_t input, size_t rank)
{
    tw_shape shape = tw_infer_input(in, input);
    if (shape.dims && shape.rank < rank) {
        tw_infer_fail(in, "Shape must be at least rank %zu but is rank %zu", rank, shape.rank);
        return TW_UNKNOWN_SHAPE;
    }
    return shape;
}

/* The shape of the diagonals of such matrices. */
static tw_shape diagonal_shape(tw_infer *in, tw_shape x)
{
    if (!x.dims)
        return x;
    int64_t rows = tw_infer_dim(x, -2), columns = tw_infer_dim(x, -1);
    int64_t least = rows < columns ? rows : columns; /* -1 if one is unknown */
    if (rows == 0 || columns == 0)
        least = 0;
    return tw_infer_concat(in, tw_infer_slice(in, x, 0, x.rank - 2), TW_SHAPE(least));
}

/* ---- MatrixDiag ---- */

/* The last dim stands twice in the result: the matrices are square. */
static void infer_diag(tw_infer *in)
{
    tw_shape x = infer_at_least(in, 0, 1);
    if (x.dims)
        tw_infer_output(in, 0, tw_infer_concat(in, x, TW_SHAPE(tw_infer_dim(x, -1))));
}

/* Only the diagonals of dy come from x. */
static tw_status *gradient_diag(tw_gradient *g)
{
    g->dx[0] = tw_grad_of(tw_matrix_diag_part(tw_gradient_dy(g, 0)));
    return TW_OK;
}

/* Zeros first, then the diagonals: off the diagonal a matrix stays zero. */
static tw_status *compute_diag(tw_compute *c)
{
    tw_zero_array(tw_output(c, 0));
    return move_diagonals(c, tw_output(c, 0), tw_input(c, 0), true);
}

const tw_op_definition tw_op_MatrixDiag = {
    .signature = "diagonal: T -> output: T; T: type",
    .doc = "Square matrices with the rows of `diagonal` on their diagonals, and zeros elsewhere.",
    .since = "MatrixDiag: 0.12",
    .examples = {"matrix_diag([1, 2]) -> [[1, 0], [0, 2]]"},
    .infer = infer_diag,
    .gradient = gradient_diag,
    .compute = compute_diag,
};

const tw_op_definition tw_op_BatchMatrixDiag = {
    .signature = "diagonal: T -> output: T; T: type",
    .doc = "Square matrices with the rows of `diagonal` on their diagonals, and zeros elsewhere.",
    .since = "until 0.11; then MatrixDiag",
    .examples = {"batch_matrix_diag([1, 2]) -> [[1, 0], [0, 2]]"},
    .infer = infer_diag,
    .gradient = gradient_diag,
    .compute = compute_diag,
};

/* ---- MatrixDiagPart ---- */

/* The shorter side of a matrix is the length of its diagonal. */
static void infer_part(tw_infer *in)
{
    tw_infer_output(in, 0, diagonal_shape(in, infer_at_least(in, 0, 2)));
}

/* Square matrices need just MatrixDiag; others are zeros of x's shape with the diagonal set,
 * since MatrixDiag only makes squares. */
static tw_status *gradient_part(tw_gradient *g)
{
    tw_tensor x = g->inputs[0], dy = tw_gradient_dy(g, 0);
    tw_shape shape = tw_tensor_shape(x);
    int64_t rows = tw_infer_dim(shape, -2);
    bool square = rows >= 0 && rows == tw_infer_dim(shape, -1);
    g->dx[0] = tw_grad_of(square ? tw_matrix_diag(dy) : tw_matrix_set_diag(tw_zeros_like(x), dy));
    return TW_OK;
}

/* One function moves diagonals both ways; here from the matrices out. */
static tw_status *compute_part(tw_compute *c)
{
    return move_diagonals(c, tw_input(c, 0), tw_output(c, 0), false);
}

const tw_op_definition tw_op_MatrixDiagPart = {
    .signature = "input: T -> diagonal: T; T: type",
    .doc = "The diagonals of matrices (the last two dimensions).",
    .since = "MatrixDiagPart: 0.12; matrices that are not square: 0.12",
    .examples = {"matrix_diag_part([[1, 2, 3], [4, 5, 6]]) -> [1, 5]"},
    .infer = infer_part,
    .gradient = gradient_part,
    .compute = compute_part,
};

const tw_op_definition tw_op_BatchMatrixDiagPart = {
    .signature = "input: T -> diagonal: T; T: type",
    .doc = "The diagonals of matrices (the last two dimensions).",
    .since = "until 0.11; then MatrixDiagPart",
    .examples = {"batch_matrix_diag_part([[1, 2], [3, 4]]) -> [1, 4]"},
    .infer = infer_part,
    .gradient = gradient_part,
    .compute = compute_part,
};

/* ---- MatrixSetDiag ---- */

/* The diagonal must fit the matrices; if only the diagonal is known, it tells all dims but the
 * matrices' own. */
static void infer_set(tw_infer *in)
{
    tw_shape x = infer_at_least(in, 0, 2), diagonal = infer_at_least(in, 1, 1);
    tw_shape wanted = diagonal_shape(in, x);
    if (wanted.dims && diagonal.dims && !tw_shape_compatible(wanted, diagonal))
        tw_infer_fail(in,
                      "must have diagonal.shape == input.shape[:-2] + min(input.shape[-2:]), but "
                      "received input shape: %s and diagonal shape: %s",
                      tw_shape_tf_text(x).s, tw_shape_tf_text(diagonal).s);
    if (!x.dims && diagonal.dims)
        x = tw_infer_concat(in, tw_infer_slice(in, diagonal, 0, diagonal.rank - 1),
                            TW_SHAPE(-1, -1));
    tw_infer_output(in, 0, x);
}

/* The old diagonal was overwritten, so its derivative is zero; the new one gets the diagonal of
 * dy. */
static tw_status *gradient_set(tw_gradient *g)
{
    tw_tensor dy = tw_gradient_dy(g, 0);
    g->dx[0] = tw_grad_of(tw_matrix_set_diag(dy, tw_zeros_like(g->inputs[1])));
    g->dx[1] = tw_grad_of(tw_matrix_diag_part(dy));
    return TW_OK;
}

/* Only the diagonal is written, so the input's matrices are taken over in place where that is
 * allowed. */
static tw_status *compute_set(tw_compute *c)
{
    TW_TRY(tw_compute_alias(c));
    return move_diagonals(c, tw_output(c, 0), tw_input(c, 1), true);
}

const tw_op_definition tw_op_MatrixSetDiag = {
    .signature = "input: T, diagonal: T -> output: T; T: type",
    .doc = "Matrices with the rows of `diagonal` on their diagonals, elsewhere as they are.",
    .since = "MatrixSetDiag: 0.12",
    .examples = {"matrix_set_diag([[1, 2], [3, 4]], [8, 9]) -> [[8, 2], [3, 9]]"},
    .infer = infer_set,
    .gradient = gradient_set,
    .compute = compute_set,
    .in_place = 1,
};

const tw_op_definition tw_op_BatchMatrixSetDiag = {
    .signature = "input: T, diagonal: T -> output: T; T: type",
    .doc = "Matrices with the rows of `diagonal` on their diagonals, elsewhere as they are.",
    .since = "until 0.11; then MatrixSetDiag",
    .examples = {"batch_matrix_set_diag([[1, 2], [3, 4]], [8, 9]) -> [[8, 2], [3, 9]]"},
    .infer = infer_set,
    .gradient = gradient_set,
    .compute = compute_set,
    .in_place = 1,
};

/* ---- MatrixBandPart ---- */

/* Both bounds are scalars; the matrices keep their shape. */
static void infer_band(tw_infer *in)
{
    tw_infer_scalar(in, 1);
    tw_infer_scalar(in, 2);
    tw_infer_output(in, 0, infer_at_least(in, 0, 2));
}

/* Elements within the band passed through unchanged, the others were cut: the same band of dy. */
static tw_status *gradient_band(tw_gradient *g)
{
    g->dx[0] = tw_grad_of(tw_matrix_band_part(tw_gradient_dy(g, 0), g->inputs[1], g->inputs[2]));
    return TW_OK;
}

/* The words are TensorFlow's, grammar included. Negative numbers mean the whole triangle and
 * always pass. */
static tw_status *check_band(const tw_compute *c, const char *name, const char *what,
                             int64_t number, int64_t limit)
{
    if (number > limit)
        return tw_compute_fail(
            c, "%s must be negative or less or equal to number of %s (%" PRId64 ") got: %" PRId64,
            name, what, limit, number);
    return TW_OK;
}

/* Elements from .. to - 1 of a row become zero. */
static void clear(tw_array *y, size_t row, size_t from, size_t to)
{
    if (from >= to)
        return;
    tw_elements_drop(y->dtype, tw_element_to(y, row + from), to - from);
    tw_elements_init(y->dtype, tw_element_to(y, row + from), to - from);
}

/* The output starts as the input, taken over where nobody else holds it; then each row is
 * cleared on both sides of its band. */
static tw_status *compute_band(tw_compute *c)
{
    tw_array *y = tw_output(c, 0);
    matrices m = see(y);
    int64_t lower = tw_index_at(tw_input(c, 1), 0), upper = tw_index_at(tw_input(c, 2), 0);
    TW_TRY(check_band(c, "num_lower", "rows", lower, (int64_t)m.rows));
    TW_TRY(check_band(c, "num_upper", "columns", upper, (int64_t)m.columns));
    TW_TRY(tw_compute_alias(c));
    size_t below = lower < 0 ? m.rows : (size_t)lower,
           above = upper < 0 ? m.columns : (size_t)upper;
    for (size_t row = 0; row < m.count * m.rows; row++) {
        size_t i = row % m.rows, first = i > below ? i - below : 0, past = i + above + 1;
        first = first < m.columns ? first : m.columns;
        clear(y, row * m.columns, 0, first);
        clear(y, row * m.columns, past, m.columns);
    }
    return TW_OK;
}

const tw_op_definition tw_op_MatrixBandPart = {
    .signature = "input: T, num_lower: Tindex, num_upper: Tindex -> band: T; T: type; "
                 "Tindex: {int32, int64} = int64",
    .doc = "Matrices with zeros outside a band: `num_lower` diagonals below the main one and "
           "`num_upper` above it stay, all of them where the number is negative.",
    .since = "MatrixBandPart: 0.12; Tindex: 1.6",
    .examples = {"matrix_band_part([[1, 2, 3], [4, 5, 6], [7, 8, 9]], 0, 1) -> "
                 "[[1, 2, 0], [0, 5, 6], [0, 0, 9]]"},
    .infer = infer_band,
    .gradient = gradient_band,
    .compute = compute_band,
    .in_place = 1,
};

const tw_op_definition tw_op_BatchMatrixBandPart = {
    .signature = "input: T, num_lower: int64, num_upper: int64 -> band: T; T: type",
    .doc = "Matrices with zeros outside a band: `num_lower` diagonals below the main one and "
           "`num_upper` above it stay, all of them where the number is negative.",
    .since = "until 0.11; then MatrixBandPart",
    .examples = {"batch_matrix_band_part([[1, 2], [3, 4]], 0, -1) -> [[1, 2], [0, 4]]"},
    .infer = infer_band,
    .gradient = gradient_band,
    .compute = compute_band,
    .in_place = 1,
};
