/* SPDX-License-Identifier: Apache-2.0
 * UnsortedSegmentSum, -Prod, -Min, -Max: rows with the same segment id become one, wherever they
 * stand. The ids may have several dimensions, which data begins with; rows with a negative id are
 * left out. */
#include "ops/segments.h"

/* num_segments + data.shape[ids.rank:] */
static void infer(tw_infer *in)
{
    tw_shape data = tw_infer_input(in, 0), ids = tw_infer_input(in, 1);
    int64_t segments = -1;
    tw_infer_scalar(in, 2);
    if (tw_infer_int_value(in, 2, &segments) && segments < 0)
        tw_infer_fail(in, "Input num_segments == %" PRId64 " must not be negative.", segments);
    if (!data.dims || !ids.dims)
        return;
    if (data.rank < ids.rank || !tw_shape_compatible(tw_infer_slice(in, data, 0, ids.rank), ids))
        tw_infer_fail(in, "data.shape = %s does not start with segment_ids.shape = %s",
                      tw_shape_tf_text(data).s, tw_shape_tf_text(ids).s);
    tw_infer_output(
        in, 0,
        tw_infer_concat(in, TW_SHAPE(segments), tw_infer_slice(in, data, ids.rank, SIZE_MAX)));
}

/* ---- derivatives ---- */

/* Ids as a vector, as indices that are none too small, and which rows count. */
typedef struct rows {
    tw_tensor ids, inside, counted;
} rows;

/* As a vector the ids suit Select, whose condition may be one for each row. */
static rows read_rows(tw_gradient *g)
{
    rows r;
    r.ids = tw_reshape(g->inputs[1], TW_INTS(-1));
    r.inside = tw_maximum(r.ids, tw_zeros_like(r.ids));
    r.counted = tw_greater_equal(r.ids, 0);
    return r;
}

/* The rows of a result that data's rows went to, zeros for those that were left out. */
static tw_tensor spread(const rows *r, tw_tensor result)
{
    tw_tensor gathered = tw_gather(result, r->inside);
    return tw_select(r->counted, gathered, tw_zeros_like(gathered));
}

/* data with one row for each id, as `like` has. */
static tw_tensor flat_data(tw_gradient *g, tw_tensor like)
{
    return tw_reshape(g->inputs[0], tw_shape(like));
}

/* Back to the shape of data, where ids have several dimensions. */
static tw_grad in_shape(tw_gradient *g, tw_tensor dx)
{
    return tw_grad_of(tw_reshape(dx, tw_shape(g->inputs[0])));
}

/* Rows that were left out have no part in the result. */
static tw_status *gradient_sum(tw_gradient *g)
{
    rows r = read_rows(g);
    g->dx[0] = in_shape(g, spread(&r, tw_gradient_dy(g, 0)));
    return TW_OK;
}

/* Shared equally by the rows that reach the extreme. */
static tw_status *gradient_extreme(tw_gradient *g)
{
    rows r = read_rows(g);
    tw_tensor dy = tw_gradient_dy(g, 0), results = tw_gather(g->outputs[0], r.inside);
    tw_tensor chosen = tw_equal(flat_data(g, results), results);
    tw_tensor marks = tw_cast(chosen, tw_tensor_dtype(dy));
    tw_tensor counts = tw_unsorted_segment_sum(marks, r.ids, g->inputs[2]);
    tw_tensor shares = spread(&r, tw_real_div(dy, counts));
    g->dx[0] = in_shape(g, tw_select(chosen, shares, tw_zeros_like(shares)));
    return TW_OK;
}

/* z / x, except at zeros: there the product of the others, or 0 if one of them is zero too. */
static tw_status *gradient_prod(tw_gradient *g)
{
    rows r = read_rows(g);
    tw_tensor dy = tw_gradient_dy(g, 0), results = tw_gather(g->outputs[0], r.inside);
    tw_tensor data = flat_data(g, results), is_zero = tw_equal(data, 0);
    tw_tensor zeros = tw_unsorted_segment_sum(tw_cast(is_zero, TW_INT32), r.ids, g->inputs[2]);
    dy = tw_select(tw_greater(zeros, 1), tw_zeros_like(dy), dy);
    tw_tensor others = tw_unsorted_segment_prod(tw_select(is_zero, tw_ones_like(data), data), r.ids,
                                                g->inputs[2]);
    tw_tensor factor = tw_select(is_zero, tw_gather(others, r.inside), tw_real_div(results, data));
    g->dx[0] = in_shape(g, tw_mul(spread(&r, dy), factor));
    return TW_OK;
}

/* ---- numbers ---- */

/* In the order of the rows, from what the result holds at first. */
static tw_status *reduce(tw_compute *c, tw_combination how)
{
    const tw_array *data = tw_input(c, 0), *ids = tw_input(c, 1);
    tw_array *y = tw_output(c, 0);
    tw_combine loop = tw_combine_loop(how, y->dtype);
    size_t row = tw_span(data->dims, ids->rank, data->rank);
    if (!loop)
        return tw_compute_fail(c, "no such reduction of %s", tw_dtype_name(y->dtype));
    for (size_t i = 0; i < ids->count; i++) {
        int64_t id = tw_index_at(ids, i);
        if (id < 0)
            continue;
        if (id >= y->dims[0])
            return tw_compute_fail(
                c, "segment_ids[%zu] = %" PRId64 " is out of range [0, %" PRId64 ")", i, id,
                y->dims[0]);
        loop(row, tw_element_to(y, (size_t)id * row), tw_element_at(data, i * row), 1);
    }
    return TW_OK;
}

/* What each result begins with is what it keeps where a segment has no rows. */
static tw_status *compute_sum(tw_compute *c)
{
    tw_zero_array(tw_output(c, 0));
    return reduce(c, TW_COMBINE_ADD);
}

static tw_status *compute_prod(tw_compute *c)
{
    tw_array *y = tw_output(c, 0);
    tw_fill_numbers(y->dtype, y->data, y->count, 1);
    return reduce(c, TW_COMBINE_MUL);
}

/* The bits of the largest finite number of a dtype, or of the smallest. */
static uint64_t extreme_bits(tw_dtype dtype, bool largest)
{
    uint64_t top = UINT64_C(1) << (8 * tw_dtype_size(dtype) - 1), highest = 0;
    switch (dtype) {
    case TW_FLOAT16: highest = UINT64_C(0x7bff); break;
    case TW_BFLOAT16: highest = UINT64_C(0x7f7f); break;
    case TW_FLOAT32: highest = UINT64_C(0x7f7fffff); break;
    case TW_FLOAT64: highest = UINT64_C(0x7fefffffffffffff); break;
    case TW_UINT8:
    case TW_UINT16:
    case TW_UINT32:
    case TW_UINT64: return largest ? UINT64_MAX : 0;
    default: return largest ? top - 1 : top;
    }
    return largest ? highest : highest | top;
}

/* Segments without rows keep the value that the loop started from, the lowest or the highest of
 * the dtype. */
static tw_status *reduce_from(tw_compute *c, tw_combination how, bool from_largest)
{
    tw_array *y = tw_output(c, 0);
    uint64_t first;
    tw_par par = tw_compute_par(c);
    tw_put_bits(&first, tw_dtype_size(y->dtype), extreme_bits(y->dtype, from_largest));
    TW_TRY((tw_fill)(y->dtype, &first, y->count, y->data, &par));
    return reduce(c, how);
}

static tw_status *compute_min(tw_compute *c)
{
    return reduce_from(c, TW_COMBINE_MIN, true);
}

static tw_status *compute_max(tw_compute *c)
{
    return reduce_from(c, TW_COMBINE_MAX, false);
}

static const tw_kernel sum_kernel = {.dtypes = TW_COMBINED_TYPES, .compute = compute_sum};
static const tw_kernel prod_kernel = {.dtypes = TW_COMBINED_TYPES, .compute = compute_prod};

#define SEGMENTS                                                                \
    "data: T, segment_ids: Tindices, num_segments: Tnumsegments -> output: T; " \
    "Tindices: {int32, int64}; Tnumsegments: {int32, int64} = int32; "

const tw_op_definition tw_op_UnsortedSegmentSum = {
    .signature = SEGMENTS "T: numbertype",
    .doc =
        "The sum of the rows of each of `num_segments` segments; without rows it is 0. "
        "`segment_ids` begins data's shape and says where each row belongs; rows with a negative "
        "id are left out.",
    .since = "negative ids: 1.0; Tnumsegments: 1.5",
    .examples = {"unsorted_segment_sum([[1, 2], [3, 4], [5, 6]], [1, 0, 1], 2) -> "
                 "[[3, 4], [6, 8]]"},
    .shape_inputs = 1 << 2,
    .infer = infer,
    .gradient = gradient_sum,
    .kernels = &sum_kernel,
    .kernel_count = 1,
};

const tw_op_definition tw_op_UnsortedSegmentProd = {
    .signature = SEGMENTS "T: numbertype",
    .doc =
        "The product of the rows of each of `num_segments` segments; without rows it is 1. "
        "`segment_ids` begins data's shape and says where each row belongs; rows with a negative "
        "id are left out.",
    .since = "UnsortedSegmentProd: 1.5",
    .examples = {"unsorted_segment_prod([2, 3, 5], [1, 0, 1], 2) -> [3, 10]"},
    .shape_inputs = 1 << 2,
    .infer = infer,
    .gradient = gradient_prod,
    .kernels = &prod_kernel,
    .kernel_count = 1,
};

const tw_op_definition tw_op_UnsortedSegmentMin = {
    .signature = SEGMENTS "T: realnumbertype",
    .doc = "The smallest elements of the rows of each of `num_segments` segments; without rows the "
           "largest number of the dtype. `segment_ids` begins data's shape and says where each row "
           "belongs; rows with a negative id are left out.",
    .since = "UnsortedSegmentMin: 1.5",
    .examples = {"unsorted_segment_min([2, 3, 5], [1, 0, 1], 2) -> [3, 2]"},
    .shape_inputs = 1 << 2,
    .infer = infer,
    .gradient = gradient_extreme,
    .compute = compute_min,
};

const tw_op_definition tw_op_UnsortedSegmentMax = {
    .signature = SEGMENTS "T: realnumbertype",
    .doc =
        "The largest elements of the rows of each of `num_segments` segments; without rows the "
        "smallest number of the dtype. `segment_ids` begins data's shape and says where each row "
        "belongs; rows with a negative id are left out.",
    .since = "UnsortedSegmentMax: 1.1",
    .examples = {"unsorted_segment_max([2, 3, 5], [1, 0, 1], 2) -> [3, 5]"},
    .shape_inputs = 1 << 2,
    .infer = infer,
    .gradient = gradient_extreme,
    .compute = compute_max,
};
