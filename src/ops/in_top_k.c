/* SPDX-License-Identifier: Apache-2.0
 * InTopK and InTopKV2: is the prediction for the target among the k largest of its row? Targets
 * that tie with the k-th are in; rows with numbers that are not finite are not. */
#include <math.h>

#include "ops/arrays.h"

/* Either input tells the number of rows; k, if it is an input, is a scalar. */
static void infer(tw_infer *in)
{
    tw_shape predictions = tw_infer_matrix(in, 0), targets = tw_infer_vector(in, 1);
    int64_t rows = tw_infer_dim(predictions, 0), count = tw_infer_dim(targets, 0);
    if (tw_infer_input_count(in) > 2)
        tw_infer_scalar(in, 2);
    if (!tw_dims_agree(rows, count))
        tw_infer_fail(
            in, "First dimension of predictions %" PRId64 " must match length of targets %" PRId64,
            rows, count);
    tw_infer_output(in, 0, TW_SHAPE(rows >= 0 ? rows : count));
}

/* Counts the classes that are larger and stops as soon as they are k; a target out of range is
 * never in, which is not an error in TensorFlow. */
static bool is_in(const float *row, int64_t classes, int64_t target, int64_t k)
{
    int64_t larger = 0;
    if (target < 0 || target >= classes || !isfinite(row[target]))
        return false;
    for (int64_t i = 0; i < classes && larger < k; i++) {
        if (!isfinite(row[i]))
            return false;
        larger += row[i] > row[target];
    }
    return larger < k;
}

/* Rows are judged one by one; the shape rule has made sure that there are as many targets as
 * rows. */
static tw_status *in_top_k(tw_compute *c, int64_t k)
{
    const tw_array *predictions = tw_input(c, 0), *targets = tw_input(c, 1);
    const float *row = predictions->data;
    bool *precision = tw_output_data(c, 0);
    for (size_t i = 0; i < targets->count; i++, row += predictions->dims[1])
        precision[i] = is_in(row, predictions->dims[1], tw_index_at(targets, i), k);
    return TW_OK;
}

/* The first version has k as an attribute; a k of zero or less lets nothing in. */
static tw_status *compute_v1(tw_compute *c)
{
    return in_top_k(c, tw_compute_int(c, "k"));
}

/* k is a scalar of the targets' dtype and may change from run to run. */
static tw_status *compute_v2(tw_compute *c)
{
    return in_top_k(c, tw_index_at(tw_input(c, 2), 0));
}

const tw_op_definition tw_op_InTopK = {
    .signature = "predictions: float, targets: T -> precision: bool; k: int; "
                 "T: {int32, int64} = int32",
    .doc = "For each row of predictions: is the one for targets[i] among the `k` largest? InTopKV2 "
           "takes k as an input.",
    .builder = "in_top_k_v1",
    .since = "int64 targets: 0.9; a target out of range gives false: 1.0",
    .examples = {"in_top_k_v1([[1., 3., 2.], [1., 3., 2.]], [2, 0], 2) -> [True, False]"},
    .infer = infer,
    .gradient = tw_not_differentiable,
    .compute = compute_v1,
};

const tw_op_definition tw_op_InTopKV2 = {
    .signature = "predictions: float, targets: T, k: T -> precision: bool; "
                 "T: {int32, int64} = int32",
    .doc = "For each row of predictions: is the one for targets[i] among the `k` largest?",
    .builder = "in_top_k",
    .since = "InTopKV2: 1.4",
    .examples = {"in_top_k([[1., 3., 2.], [1., 3., 2.]], [2, 0], 2) -> [True, False]"},
    .infer = infer,
    .gradient = tw_not_differentiable,
    .compute = compute_v2,
};
