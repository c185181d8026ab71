/* SPDX-License-Identifier: Apache-2.0
 * CountUpTo: a counter that runs out. */
#include "op/define.h"

/* The variable and the result are scalars; the limit is an attribute. */
static void infer(tw_infer *in)
{
    tw_infer_scalar(in, 0);
    tw_infer_output(in, 0, TW_SHAPE());
}

/* The value before the increment comes out. At the limit nothing is written and OUT_OF_RANGE
 * ends loops over data, as TensorFlow's queue runners expect. */
static tw_status *compute(tw_compute *c)
{
    int64_t limit = *(const int64_t *)tw_compute_state(c);
    tw_array *var;
    TW_TRY(tw_compute_ref_get(c, 0, &var));
    if (var->rank != 0)
        return tw_compute_fail(c, "Shape must be rank 0 but is rank %zu", var->rank);
    int64_t now = tw_index_at(var, 0);
    if (now >= limit)
        return tw_status_new(TW_OUT_OF_RANGE, "Reached limit of %" PRId64, limit);
    if (var->dtype == TW_INT64) {
        *(int64_t *)tw_output_data(c, 0) = now;
        *(int64_t *)var->data = now + 1;
    } else {
        *(int32_t *)tw_output_data(c, 0) = (int32_t)now;
        *(int32_t *)var->data = (int32_t)(now + 1);
    }
    return TW_OK;
}

/* A limit that an int32 cannot reach is its highest number, so that the counter never wraps. */
static tw_status *prepare(tw_compute *c, void *state)
{
    int64_t limit = tw_compute_int(c, "limit");
    if (tw_compute_type(c, "T") == TW_INT32 && limit > INT32_MAX)
        limit = INT32_MAX;
    *(int64_t *)state = limit;
    return TW_OK;
}

const tw_op_definition tw_op_CountUpTo = {
    .signature = "ref: Ref(T) -> output: T; limit: int; T: {int32, int64}",
    .doc = "Gives the value of the scalar variable `ref` and adds one to it; an OUT_OF_RANGE "
           "error once it has reached `limit`.",
    .infer = infer,
    .gradient = tw_not_differentiable,
    .compute = compute,
    .state_size = sizeof(int64_t),
    .prepare = prepare,
};
