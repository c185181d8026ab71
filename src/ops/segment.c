/* SPDX-License-Identifier: Apache-2.0
 * SegmentSum, -Mean, -Prod, -Min, -Max: rows that follow each other and have the same segment id
 * become one. */
#include "ops/segments.h"

/* How many segments there are, only the ids say. That there is one for each row the run asks, as
 * in TensorFlow. */
static void infer(tw_infer *in)
{
    tw_shape data = tw_infer_input(in, 0);
    tw_infer_vector(in, 1);
    if (data.dims && data.rank == 0)
        tw_infer_fail(in, "Shape must be at least rank 1 but is rank 0");
    tw_infer_output(in, 0,
                    tw_infer_concat(in, TW_SHAPE(-1), tw_infer_slice(in, data, 1, SIZE_MAX)));
}

/* A number of ids' shape with ones after it, so that it broadcasts against rows. */
static tw_tensor ones_for_ids(tw_gradient *g, tw_dtype dtype)
{
    tw_tensor rank = tw_rank(g->inputs[0]);
    tw_tensor tail = tw_fill(tw_expand_dims(tw_sub(rank, 1), 0), 1);
    tw_tensor shape = tw_concat(TW_LIST(tw_shape(g->inputs[1]), tail), 0);
    return tw_fill(shape, tw_cast(tw_operand_tensor(tw_of_int(1), TW_INT32, NULL), dtype));
}

/* Every row has its segment's dy. */
static tw_status *gradient_sum(tw_gradient *g)
{
    g->dx[0] = tw_grad_of(tw_gather(tw_gradient_dy(g, 0), g->inputs[1]));
    return TW_OK;
}

/* dy is divided once for each segment, before it is spread over the rows. */
static tw_status *gradient_mean(tw_gradient *g)
{
    tw_tensor dy = tw_gradient_dy(g, 0), ids = g->inputs[1];
    tw_tensor counts = tw_segment_sum(ones_for_ids(g, tw_tensor_dtype(dy)), ids);
    g->dx[0] = tw_grad_of(tw_gather(tw_real_div(dy, counts), ids));
    return TW_OK;
}

/* Shared equally by the rows that reach the extreme. */
static tw_status *gradient_extreme(tw_gradient *g)
{
    tw_tensor dy = tw_gradient_dy(g, 0), data = g->inputs[0], ids = g->inputs[1];
    tw_tensor zeros = tw_zeros_like(data);
    tw_tensor chosen = tw_equal(data, tw_gather(g->outputs[0], ids));
    tw_tensor counts = tw_segment_sum(tw_cast(chosen, tw_tensor_dtype(dy)), ids);
    tw_tensor shares = tw_gather(tw_real_div(dy, counts), ids);
    g->dx[0] = tw_grad_of(tw_select(chosen, shares, zeros));
    return TW_OK;
}

/* z / x, except at zeros: there the product of the others, or 0 if one of them is zero too. */
static tw_status *gradient_prod(tw_gradient *g)
{
    tw_tensor dy = tw_gradient_dy(g, 0), data = g->inputs[0], ids = g->inputs[1];
    tw_tensor is_zero = tw_equal(data, 0);
    tw_tensor zeros = tw_segment_sum(tw_cast(is_zero, TW_INT32), ids);
    dy = tw_select(tw_greater(zeros, 1), tw_zeros_like(dy), dy);
    tw_tensor others = tw_segment_prod(tw_select(is_zero, tw_ones_like(data), data), ids);
    tw_tensor quotient = tw_real_div(tw_gather(g->outputs[0], ids), data);
    tw_tensor factor = tw_select(is_zero, tw_gather(others, ids), quotient);
    g->dx[0] = tw_grad_of(tw_mul(tw_gather(dy, ids), factor));
    return TW_OK;
}

/* Segments without rows: 0, and 1 for products; 0 for extremes too, as TensorFlow has it. */
static tw_status *compute_sum(tw_compute *c)
{
    return tw_segment_rows(c, TW_COMBINE_ADD, TW_SEGMENT_AS_IT_IS, 0, NULL, tw_input(c, 1));
}

/* The sum of a segment is divided once at its end by the number of its rows. */
static tw_status *compute_mean(tw_compute *c)
{
    return tw_segment_rows(c, TW_COMBINE_ADD, TW_SEGMENT_MEAN, 0, NULL, tw_input(c, 1));
}

/* Segments without a row get one, the product of nothing. */
static tw_status *compute_prod(tw_compute *c)
{
    return tw_segment_rows(c, TW_COMBINE_MUL, TW_SEGMENT_AS_IT_IS, 1, NULL, tw_input(c, 1));
}

/* As compute_max: the first row of a segment is copied, so no neutral element is needed. */
static tw_status *compute_min(tw_compute *c)
{
    return tw_segment_rows(c, TW_COMBINE_MIN, TW_SEGMENT_AS_IT_IS, 0, NULL, tw_input(c, 1));
}

/* Segments without a row get zero, as in TensorFlow; every other begins with a copy of its first
 * row. */
static tw_status *compute_max(tw_compute *c)
{
    return tw_segment_rows(c, TW_COMBINE_MAX, TW_SEGMENT_AS_IT_IS, 0, NULL, tw_input(c, 1));
}

static const tw_kernel sum_kernel = {.dtypes = TW_COMBINED_TYPES, .compute = compute_sum};
static const tw_kernel mean_kernel = {.dtypes = TW_COMBINED_TYPES, .compute = compute_mean};
static const tw_kernel prod_kernel = {.dtypes = TW_COMBINED_TYPES, .compute = compute_prod};

#define SEGMENTS "data: T, segment_ids: Tindices -> output: T; Tindices: {int32, int64}; "
#define SEGMENT_SINCE \
    "segments without rows: 1.0; half, complex64, complex128 where they are numbers: 1.3"

const tw_op_definition tw_op_SegmentSum = {
    .signature = SEGMENTS "T: numbertype",
    .doc = "The sum of the rows of each segment. `segment_ids` has one entry for each row of data, "
           "not decreasing; segments without rows are 0.",
    .since = SEGMENT_SINCE,
    .examples = {"segment_sum([[1, 2], [3, 4], [5, 6]], [0, 0, 1]) -> [[4, 6], [5, 6]]"},
    .infer = infer,
    .gradient = gradient_sum,
    .kernels = &sum_kernel,
    .kernel_count = 1,
};

const tw_op_definition tw_op_SegmentMean = {
    .signature = SEGMENTS "T: numbertype",
    .doc = "The mean of the rows of each segment; of integers truncated. `segment_ids` has one "
           "entry for each row of data, not decreasing; segments without rows are 0.",
    .since = SEGMENT_SINCE,
    .examples = {"segment_mean([1., 3., 5.], [0, 0, 1]) -> [2., 5.]"},
    .infer = infer,
    .gradient = gradient_mean,
    .kernels = &mean_kernel,
    .kernel_count = 1,
};

const tw_op_definition tw_op_SegmentProd = {
    .signature = SEGMENTS "T: numbertype",
    .doc = "The product of the rows of each segment. `segment_ids` has one entry for each row of "
           "data, not decreasing; segments without rows are 1.",
    .since = SEGMENT_SINCE,
    .examples = {"segment_prod([2, 3, 5], [0, 0, 1]) -> [6, 5]"},
    .infer = infer,
    .gradient = gradient_prod,
    .kernels = &prod_kernel,
    .kernel_count = 1,
};

const tw_op_definition tw_op_SegmentMin = {
    .signature = SEGMENTS "T: realnumbertype",
    .doc = "The smallest elements of the rows of each segment. `segment_ids` has one entry for "
           "each row of data, not decreasing; segments without rows are 0.",
    .since = SEGMENT_SINCE,
    .examples = {"segment_min([2, 3, 5], [0, 0, 1]) -> [2, 5]"},
    .infer = infer,
    .gradient = gradient_extreme,
    .compute = compute_min,
};

const tw_op_definition tw_op_SegmentMax = {
    .signature = SEGMENTS "T: realnumbertype",
    .doc = "The largest elements of the rows of each segment. `segment_ids` has one entry for each "
           "row of data, not decreasing; segments without rows are 0.",
    .since = SEGMENT_SINCE,
    .examples = {"segment_max([2, 3, 5], [0, 0, 1]) -> [3, 5]"},
    .infer = infer,
    .gradient = gradient_extreme,
    .compute = compute_max,
};
