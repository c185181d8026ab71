/* SPDX-License-Identifier: Apache-2.0
 * ArgMax and ArgMin: where the largest and the smallest element along an axis stands. */
#include "kernels/reduce.h"

#include "ops/brackets.h"

/* A scalar gives a scalar whatever the axis says. Where the axis is not known yet, the rank
 * still is: one less than the input's. */
static void infer(tw_infer *in)
{
    tw_shape x = tw_infer_input(in, 0);
    int64_t axis, rank = (int64_t)x.rank;
    tw_infer_scalar(in, 1);
    if (!x.dims)
        return;
    if (x.rank == 0) {
        tw_infer_output(in, 0, TW_SHAPE());
        return;
    }
    if (!tw_infer_int_value(in, 1, &axis)) {
        tw_infer_output(in, 0, tw_infer_unknown(in, x.rank - 1));
        return;
    }
    if (axis < -rank || axis >= rank) {
        tw_infer_fail(in,
                      "Dimension (%" PRId64 ") must be in the range [%" PRId64 ", %" PRId64
                      "), where %" PRId64 " is the number of dimensions in the input.",
                      axis, -rank, rank, rank);
        return;
    }
    size_t at = (size_t)(axis < 0 ? axis + rank : axis);
    tw_infer_output(
        in, 0,
        tw_infer_concat(in, tw_infer_slice(in, x, 0, at), tw_infer_slice(in, x, at + 1, SIZE_MAX)));
}

/* An empty axis has no largest element and is refused, while other empty dims only give an empty
 * result. The axis is a value of the run, so the result's shape is known only here. */
static tw_status *find(tw_compute *c, bool largest)
{
    const tw_array *x = tw_input(c, 0), *dimension = tw_input(c, 1);
    int64_t rank = (int64_t)x->rank, dims[TW_MAX_RANK];
    if (dimension->rank != 0)
        return tw_compute_fail(c, "dim must be a scalar, but received tensor of shape: %s",
                               tw_brackets(dimension).s);
    int64_t axis = tw_index_at(dimension, 0);
    if (axis < -rank || axis >= rank)
        return tw_compute_fail(
            c, "Expected dimension in the range [%" PRId64 ", %" PRId64 "), but got %" PRId64,
            -rank, rank, axis);
    size_t at = (size_t)(axis < 0 ? axis + rank : axis), n = 0;
    if (x->dims[at] == 0)
        return tw_compute_fail(c, "Reduction axis %zu is empty in shape %s", at, tw_brackets(x).s);
    for (size_t i = 0; i < x->rank; i++)
        if (i != at)
            dims[n++] = x->dims[i];
    tw_array *out;
    TW_TRY(tw_compute_allocate(c, 0, (tw_shape){dims, n}, &out));
    tw_par par = tw_compute_par(c);
    return tw_reduce_index(largest, x->dtype, tw_shape_of(x), at, x->data, out->dtype, out->data,
                           &par);
}

/* Among equals the first counts, and the axis is removed from the shape; both are TensorFlow's
 * rules. */
static tw_status *arg_max(tw_compute *c)
{
    return find(c, true);
}

/* As arg_max with the order turned round; the first of the smallest counts, too. */
static tw_status *arg_min(tw_compute *c)
{
    return find(c, false);
}

/* Complex numbers have no order. */
#define SERVED \
    "T: {half, bfloat16, float, double, int8, int16, int32, int64, uint8, uint16, uint32, uint64}"

static const tw_kernel max_kernel = {.dtypes = SERVED, .compute = arg_max};
static const tw_kernel min_kernel = {.dtypes = SERVED, .compute = arg_min};

const tw_op_definition tw_op_ArgMax = {
    .signature = "input: T, dimension: Tidx -> output: output_type; T: numbertype; "
                 "Tidx: {int32, int64} = int32; output_type: {int32, int64} = int64",
    .doc = "The index of the largest element along axis `dimension`, the first among equals; NaN "
           "is skipped.",
    .builder = "arg_max",
    .since = "Tidx: 0.11; negative axes: 1.0; output_type: 1.4",
    .examples = {"arg_max([[1., 4.], [3., 2.]], 0) -> [1, 0]"},
    .shape_inputs = 1 << 1,
    .infer = infer,
    .gradient = tw_not_differentiable,
    .kernels = &max_kernel,
    .kernel_count = 1,
};

const tw_op_definition tw_op_ArgMin = {
    .signature = "input: T, dimension: Tidx -> output: output_type; T: numbertype; "
                 "Tidx: {int32, int64} = int32; output_type: {int32, int64} = int64",
    .doc = "The index of the smallest element along axis `dimension`, the first among equals; NaN "
           "is skipped.",
    .builder = "arg_min",
    .since = "Tidx: 0.11; negative axes: 1.0; output_type: 1.4",
    .examples = {"arg_min([[1., 4.], [3., 2.]], 0) -> [0, 1]"},
    .shape_inputs = 1 << 1,
    .infer = infer,
    .gradient = tw_not_differentiable,
    .kernels = &min_kernel,
    .kernel_count = 1,
};
