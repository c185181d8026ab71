/* SPDX-License-Identifier: Apache-2.0
 * SparseSegmentSum, -Mean, -SqrtN: rows of data named by indices become one where they have the
 * same segment id. The ids do not decrease. */
#include <math.h>

#include "ops/segments.h"

/* One segment id for each index; rows of data may be named twice or not at all. */
static void infer(tw_infer *in)
{
    tw_shape data = tw_infer_input(in, 0);
    int64_t indices = tw_infer_dim(tw_infer_vector(in, 1), 0);
    int64_t ids = tw_infer_dim(tw_infer_vector(in, 2), 0);
    if (data.dims && data.rank == 0)
        tw_infer_fail(in, "Shape must be at least rank 1 but is rank 0");
    if (!tw_dims_agree(indices, ids))
        tw_infer_fail(in, "segment_ids and indices should have same size.");
    tw_infer_output(in, 0,
                    tw_infer_concat(in, TW_SHAPE(-1), tw_infer_slice(in, data, 1, SIZE_MAX)));
}

/* The number of rows of data. */
static tw_tensor row_count(tw_gradient *g)
{
    tw_tensor first = tw_slice(tw_shape(g->inputs[0]), TW_INTS(0), TW_INTS(1));
    return tw_reshape(first, TW_INTS());
}

/* Rows of data that were named several times get the dy of each. */
static tw_status *gradient_sum(tw_gradient *g)
{
    tw_tensor rows = tw_gather(tw_gradient_dy(g, 0), g->inputs[2]);
    g->dx[0] = tw_grad_of(tw_unsorted_segment_sum(rows, g->inputs[1], row_count(g)));
    return TW_OK;
}

/* These have ops of their own, which know the sizes of the segments. */
static tw_status *gradient_mean(tw_gradient *g)
{
    g->dx[0] = tw_grad_of(tw_sparse_segment_mean_grad(tw_gradient_dy(g, 0), g->inputs[1],
                                                      g->inputs[2], row_count(g)));
    return TW_OK;
}

static tw_status *gradient_sqrt_n(tw_gradient *g)
{
    g->dx[0] = tw_grad_of(tw_sparse_segment_sqrt_n_grad(tw_gradient_dy(g, 0), g->inputs[1],
                                                        g->inputs[2], row_count(g)));
    return TW_OK;
}

/* The third input is the ids. */
static tw_status *compute(tw_compute *c, tw_segment_end end)
{
    return tw_segment_rows(c, TW_COMBINE_ADD, end, 0, tw_input(c, 1), tw_input(c, 2));
}

static tw_status *compute_sum(tw_compute *c)
{
    return compute(c, TW_SEGMENT_AS_IT_IS);
}

static tw_status *compute_mean(tw_compute *c)
{
    return compute(c, TW_SEGMENT_MEAN);
}

static tw_status *compute_sqrt_n(tw_compute *c)
{
    return compute(c, TW_SEGMENT_SQRT_N);
}

#define SPARSE_SEGMENTS \
    "data: T, indices: Tidx, segment_ids: int32 -> output: T; Tidx: {int32, int64} = int32; "

const tw_op_definition tw_op_SparseSegmentSum = {
    .signature = SPARSE_SEGMENTS "T: realnumbertype",
    .doc = "The sum of the rows data[indices[i]] of each segment; segment_ids[i], which do not "
           "decrease, say where each belongs. Segments without rows are 0.",
    .since = "Tidx: 0.12; segments without rows: 1.0",
    .examples = {"sparse_segment_sum([[1, 2], [3, 4], [5, 6]], [0, 2, 1], [0, 0, 1]) -> "
                 "[[6, 8], [3, 4]]"},
    .infer = infer,
    .gradient = gradient_sum,
    .compute = compute_sum,
};

const tw_op_definition tw_op_SparseSegmentMean = {
    .signature = SPARSE_SEGMENTS "T: {float, double}",
    .doc = "The mean of the rows data[indices[i]] of each segment; segment_ids[i], which do not "
           "decrease, say where each belongs. Segments without rows are 0.",
    .since = "Tidx: 0.12; segments without rows: 1.0",
    .examples = {"sparse_segment_mean([1., 3., 5.], [0, 2, 1], [0, 0, 1]) -> [3., 3.]"},
    .infer = infer,
    .gradient = gradient_mean,
    .compute = compute_mean,
};

const tw_op_definition tw_op_SparseSegmentSqrtN = {
    .signature = SPARSE_SEGMENTS "T: {float, double}",
    .doc = "The sum of the rows data[indices[i]] of each segment, divided by the square root of "
           "their number; segment_ids[i], which do not decrease, say where each belongs.",
    .since = "Tidx: 0.12; segments without rows: 1.0",
    .examples = {"sparse_segment_sqrt_n([1., 3., 5., 7.], [0, 1, 2, 3], [0, 0, 0, 0]) -> [8.]"},
    .infer = infer,
    .gradient = gradient_sqrt_n,
    .compute = compute_sqrt_n,
};

/* ---- the derivatives of mean and sum / sqrt(n) ---- */

/* The number of rows of data is a value. */
static void infer_grad(tw_infer *in)
{
    tw_shape dy = tw_infer_input(in, 0);
    int64_t rows = -1;
    int64_t indices = tw_infer_dim(tw_infer_vector(in, 1), 0);
    int64_t ids = tw_infer_dim(tw_infer_vector(in, 2), 0);
    tw_infer_scalar(in, 3);
    if (dy.dims && dy.rank == 0)
        tw_infer_fail(in, "Shape must be at least rank 1 but is rank 0");
    if (!tw_dims_agree(indices, ids))
        tw_infer_fail(in, "segment_ids and indices should have same size.");
    if (tw_infer_int_value(in, 3, &rows) && rows < 0)
        tw_infer_fail(in, "Cannot specify a negative value for output_dim0");
    tw_infer_output(in, 0,
                    tw_infer_concat(in, TW_SHAPE(rows), tw_infer_slice(in, dy, 1, SIZE_MAX)));
}

/* The derivative is linear in dy: rows of what comes in, summed by segment, and scaled alike. */
static tw_tensor sums_of_rows(tw_gradient *g, tw_tensor *counts)
{
    tw_tensor rows = tw_gather(tw_gradient_dy(g, 0), g->inputs[1]), ids = g->inputs[2];
    tw_tensor segments = row_count(g);
    *counts = tw_maximum(tw_unsorted_segment_sum(tw_ones_like(rows), ids, segments), 1);
    return tw_unsorted_segment_sum(rows, ids, segments);
}

static tw_status *gradient_mean_grad(tw_gradient *g)
{
    tw_tensor counts, sums = sums_of_rows(g, &counts);
    g->dx[0] = tw_grad_of(tw_real_div(sums, counts));
    return TW_OK;
}

static tw_status *gradient_sqrt_n_grad(tw_gradient *g)
{
    tw_tensor counts, sums = sums_of_rows(g, &counts);
    g->dx[0] = tw_grad_of(tw_real_div(sums, tw_sqrt(counts)));
    return TW_OK;
}

/* y row += dy row * scale, in the dtype of both. */
static void add_scaled(const tw_array *y, size_t to, const tw_array *dy, size_t from, size_t row,
                       double scale)
{
    if (y->dtype == TW_FLOAT32)
        for (size_t i = 0; i < row; i++)
            ((float *)y->data)[to + i] += ((const float *)dy->data)[from + i] * (float)scale;
    else
        for (size_t i = 0; i < row; i++)
            ((double *)y->data)[to + i] += ((const double *)dy->data)[from + i] * scale;
}

/* How many rows each segment has. */
static size_t workspace(const tw_compute *c)
{
    return (size_t)tw_input(c, 0)->dims[0] * sizeof(size_t);
}

/* Checks indices and ids before the first addition, and counts how many rows each segment has. */
static tw_status *count_rows(const tw_compute *c, size_t *counts)
{
    int64_t segments = tw_input(c, 0)->dims[0], rows = tw_output(c, 0)->dims[0];
    for (int64_t i = 0; i < segments; i++)
        counts[i] = 0;
    for (size_t i = 0; i < tw_input(c, 1)->count; i++) {
        int64_t at = tw_index_at(tw_input(c, 1), i), id = tw_index_at(tw_input(c, 2), i);
        if (at < 0 || at >= rows)
            return tw_compute_fail(c, "Index %" PRId64 " out of range [0, %" PRId64 ").", at, rows);
        if (id < 0 || id >= segments)
            return tw_compute_fail(c, "Segment id %" PRId64 " out of range [0, %" PRId64 ").", id,
                                   segments);
        counts[id]++;
    }
    return TW_OK;
}

/* Segments are counted first: each row's share depends on how many there are. */
static tw_status *compute_grad(tw_compute *c, bool square_root)
{
    const tw_array *dy = tw_input(c, 0);
    tw_array *y = tw_output(c, 0);
    size_t *counts = c->workspace, row = tw_span(dy->dims, 1, dy->rank);
    TW_TRY(count_rows(c, counts));
    tw_zero_array(y);
    for (size_t i = 0; i < tw_input(c, 1)->count; i++) {
        size_t id = (size_t)tw_index_at(tw_input(c, 2), i);
        double n = square_root ? sqrt((double)counts[id]) : (double)counts[id];
        add_scaled(y, (size_t)tw_index_at(tw_input(c, 1), i) * row, dy, id * row, row, 1 / n);
    }
    return TW_OK;
}

static tw_status *compute_mean_grad(tw_compute *c)
{
    return compute_grad(c, false);
}

static tw_status *compute_sqrt_n_grad(tw_compute *c)
{
    return compute_grad(c, true);
}

#define SPARSE_SEGMENT_GRADS                                                        \
    "grad: T, indices: Tidx, segment_ids: int32, output_dim0: int32 -> output: T; " \
    "T: {float, double}; Tidx: {int32, int64} = int32"

const tw_op_definition tw_op_SparseSegmentMeanGrad = {
    .signature = SPARSE_SEGMENT_GRADS,
    .doc = "The derivative of SparseSegmentMean by data, which has `output_dim0` rows.",
    .since = "Tidx: 0.12",
    .examples = {"sparse_segment_mean_grad([4., 6.], [0, 2, 1], [0, 0, 1], 3) -> [2., 6., 2.]"},
    .shape_inputs = 1 << 3,
    .infer = infer_grad,
    .gradient = gradient_mean_grad,
    .compute = compute_mean_grad,
    .workspace = workspace,
};

const tw_op_definition tw_op_SparseSegmentSqrtNGrad = {
    .signature = SPARSE_SEGMENT_GRADS,
    .doc = "The derivative of SparseSegmentSqrtN by data, which has `output_dim0` rows.",
    .since = "Tidx: 0.12",
    .examples = {"sparse_segment_sqrt_n_grad([4.], [0, 1, 2, 3], [0, 0, 0, 0], 4) -> "
                 "[2., 2., 2., 2.]"},
    .shape_inputs = 1 << 3,
    .infer = infer_grad,
    .gradient = gradient_sqrt_n_grad,
    .compute = compute_sqrt_n_grad,
    .workspace = workspace,
};
