/* SPDX-License-Identifier: Apache-2.0
 * Bucketize, HistogramFixedWidth and NthElement: where numbers stand among others. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ops/arrays.h"

/* ---- Bucketize ---- */

static void infer_same(tw_infer *in)
{
    tw_infer_output(in, 0, tw_infer_input(in, 0));
}

/* So many boundaries are not above a number. */
static tw_status *compute_buckets(tw_compute *c)
{
    const tw_array *x = tw_input(c, 0);
    const tw_attr *attr = tw_compute_attr(c, "boundaries");
    const float *limits = attr->value.items;
    int32_t *out = tw_output_data(c, 0);
    for (size_t k = 1; k < attr->count; k++) {
        if (limits[k] < limits[k - 1])
            return tw_compute_fail(c, "Expected sorted boundaries");
    }
    for (size_t i = 0; i < x->count; i++) {
        double value = tw_number_at(x, i);
        int32_t at = 0;
        while ((size_t)at < attr->count && !((double)limits[at] > value))
            at++;
        out[i] = at;
    }
    return TW_OK;
}

const tw_op_definition tw_op_Bucketize = {
    .signature = "input: T -> output: int32; T: {int32, int64, float, double}; "
                 "boundaries: list(float)",
    .doc = "For each number how many of the sorted `boundaries` are not above it.",
    .builder = "bucketize",
    .since = "Bucketize: 0.12",
    .examples = {"bucketize([-5., 0., 1., 100.], boundaries=[0., 10., 100.]) -> "
                 "[0, 1, 1, 3]"},
    .infer = infer_same,
    .gradient = tw_not_differentiable,
    .compute = compute_buckets,
};

/* ---- HistogramFixedWidth ---- */

static void infer_histogram(tw_infer *in)
{
    int64_t bins = -1;
    tw_infer_rank(in, 1, 1);
    tw_infer_scalar(in, 2);
    if (tw_infer_int_value(in, 2, &bins) && bins <= 0)
        tw_infer_fail(in, "nbins should be a positive number, but got '%" PRId64 "'", bins);
    tw_infer_output(in, 0, TW_SHAPE(bins));
}

/* Numbers beyond an end count in the bin at that end. */
static tw_status *compute_histogram(tw_compute *c)
{
    const tw_array *x = tw_input(c, 0), *range = tw_input(c, 1);
    tw_array *out = tw_output(c, 0);
    if (range->count != 2)
        return tw_compute_fail(c, "value_range should have 2 elements, got %zu", range->count);
    double low = tw_number_at(range, 0), high = tw_number_at(range, 1);
    if (!(low < high))
        return tw_compute_fail(c,
                               "value_range should satisfy value_range[0] < value_range[1], but "
                               "got '[%g, %g]'",
                               low, high);
    tw_zero_array(out);
    double bins = (double)out->count, step = (high - low) / bins;
    for (size_t i = 0; i < x->count; i++) {
        double at = floor((tw_number_at(x, i) - low) / step);
        size_t bin = at >= bins ? out->count - 1 : at > 0 ? (size_t)at : 0;
        tw_number_put(out, bin, tw_number_at(out, bin) + 1);
    }
    return TW_OK;
}

const tw_op_definition tw_op_HistogramFixedWidth = {
    .signature = "values: T, value_range: T, nbins: int32 -> out: dtype; "
                 "T: {int32, int64, float, double}; dtype: {int32, int64} = int32",
    .doc = "How many numbers there are in each of `nbins` equal parts of value_range; what is "
           "beyond an end counts in the part at that end.",
    .builder = "histogram_fixed_width",
    .since = "HistogramFixedWidth: 1.4",
    .examples = {"histogram_fixed_width([-1., 0., 1.5, 2., 5., 15.], [0., 5.], 5) -> "
                 "[2, 1, 1, 0, 2]"},
    .shape_inputs = 4,
    .infer = infer_histogram,
    .gradient = tw_not_differentiable,
    .compute = compute_histogram,
};

/* ---- NthElement ---- */

static void infer_nth(tw_infer *in)
{
    tw_shape x = tw_infer_input(in, 0);
    int64_t n = -1;
    tw_infer_scalar(in, 1);
    if (x.dims && x.rank < 1) {
        tw_infer_fail(in, "Shape must be at least rank 1 but is rank 0");
        return;
    }
    if (tw_infer_int_value(in, 1, &n) && n < 0)
        tw_infer_fail(in, "Input n must be non-negative but is %" PRId64, n);
    if (x.dims && n >= 0 && x.dims[x.rank - 1] >= 0 && x.dims[x.rank - 1] <= n)
        tw_infer_fail(in, "Input must have last dimension > n = %" PRId64 " but is %" PRId64, n,
                      x.dims[x.rank - 1]);
    tw_infer_output(in, 0, x.dims ? (tw_shape){x.dims, x.rank - 1} : x);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static size_t row_bytes(const tw_compute *c)
{
    const tw_array *x = tw_input(c, 0);
    return x->rank ? (size_t)x->dims[x->rank - 1] * sizeof(double) : 0;
}

/* A row is sorted as doubles, which whole numbers beyond 2^53 do not fit: none come here. */
static tw_status *compute_nth(tw_compute *c)
{
    const tw_array *x = tw_input(c, 0);
    size_t width = (size_t)x->dims[x->rank - 1];
    int32_t n = *(const int32_t *)tw_input_data(c, 1);
    if (n < 0 || (size_t)n >= width)
        return tw_compute_fail(c, "Input must have last dimension > n = %d", (int)n);
    double *row = tw_compute_workspace(c);
    size_t place = tw_compute_bool(c, "reverse") ? width - 1 - (size_t)n : (size_t)n;
    for (size_t i = 0; i < tw_output(c, 0)->count; i++) {
        for (size_t k = 0; k < width; k++)
            row[k] = tw_number_at(x, i * width + k);
        qsort(row, width, sizeof *row, by_value);
        tw_number_put(tw_output(c, 0), i, row[place]);
    }
    return TW_OK;
}

/* To the elements that are the n-th, in equal parts. */
static tw_status *gradient_nth(tw_gradient *g)
{
    tw_tensor y = tw_expand_dims(g->outputs[0], -1), dy = tw_gradient_dy(g, 0);
    tw_tensor chosen = tw_cast(tw_equal(y, g->inputs[0]), tw_tensor_dtype(dy));
    tw_tensor count = tw_expand_dims(tw_sum(chosen, -1), -1);
    g->dx[0] = tw_grad_of(tw_mul(tw_div(chosen, count), tw_expand_dims(dy, -1)));
    return TW_OK;
}

const tw_op_definition tw_op_NthElement = {
    .signature = "input: T, n: int32 -> values: T; reverse: bool = false; "
                 "T: {float, double, int32, uint8, int16, int8, bfloat16, uint16, half, uint32}",
    .doc = "The number that would stand at place `n` if a row were sorted; from the greatest on "
           "with `reverse`.",
    .builder = "nth_element",
    .since = "NthElement: 1.5",
    .examples = {"nth_element([3., 1., 2.], 1) -> 2."},
    .shape_inputs = 2,
    .infer = infer_nth,
    .gradient = gradient_nth,
    .compute = compute_nth,
    .workspace = row_bytes,
};
